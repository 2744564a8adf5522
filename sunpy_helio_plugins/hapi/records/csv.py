"""Decode CSV records to columns."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi.model import NUMBERS, Info
from sunpy_helio_plugins.hapi.records.buffers import EXACT, NO_NUMBER, ColumnBuffers
from sunpy_helio_plugins.hapi.records.content import Content, FileContent, line_ends
from sunpy_helio_plugins.quantities.exact import check_size, kept_json
from sunpy_helio_plugins.quantities.fills import exact_integer

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["add_csv", "exact_json", "expected_lines", "from_csv", "is_names_row", "names_row", "segments"]

_LARGE = re.compile(rb"\d{16}[.eE]|\d[eE]\+?\d\d")
"""JSON numbers that may be integers beyond `EXACT`, written as floats."""


def exact_json(text: bytes) -> Any:
    """Decode JSON; integers beyond `EXACT` stay exact, also if they are written as ``9007199254740993.0``."""
    check_size(text)
    may_be = (b'"parameters"' not in text or b'"integer"' in text or b'"long"' in text) and _LARGE.search(text)
    return kept_json(text, parse_float=_decoded if may_be else None)


def _decoded(text: str) -> int | float:
    number = float(text)
    if -EXACT < number < EXACT or not np.isfinite(number):
        return number
    exact = exact_integer(text)
    return number if exact is None else exact


_SAMPLES, _SAMPLE = 16, 1 << 14


def expected_lines(body: Content, start: int) -> int:
    """Estimate the number of lines from samples of the body, and rather overestimate it."""
    whole = len(body) - start
    if whole <= _SAMPLES * _SAMPLE:
        return body.count(b"\n", start) + 1
    places = range(start, len(body) - _SAMPLE, (whole - _SAMPLE) // _SAMPLES)
    counted = sum(body.count(b"\n", place, place + _SAMPLE) for place in places)
    return int(1.03 * whole * counted / (len(places) * _SAMPLE)) + _SAMPLES


_HEAD = 1 << 16

_MANY = 10_000

_BLOCK = 1 << 20

_WIDE, _WIDE_BLOCK = 100, 1 << 22
"""Records of many fields are parsed in larger blocks: each block takes a microsecond for each field."""

_LARGEST_BLOCK = 1 << 30

_SEGMENT = 1 << 22
"""Bytes of a file that are read at once."""

_COUNT = re.compile(r"Expected (\d+) columns, got (\d+)(?:: (.*))?", re.DOTALL)


def from_csv(body: Content, info: Info, start: int = 0) -> list[NDArray[Any]]:
    r"""Parse CSV records after the offset ``start`` to one array of shape (n, \*shape) for each parameter."""
    gathered = ColumnBuffers(info.parameters, expected_lines(body, start))
    add_csv(body, info, start, gathered)
    return gathered.finish()


def add_csv(body: Content, info: Info, start: int, gathered: ColumnBuffers) -> None:
    """Parse CSV records after the offset ``start``, and append them to those that were parsed before."""
    head = body[start : start + _HEAD]
    if not head.strip() and not body[start:].strip():
        return
    start += names_row(head, info)
    fields = sum(parameter.width for parameter in info.parameters)
    _check_first(body, start, fields)
    _add(body, start, info, gathered)


def names_row(head: bytes, info: Info) -> int:
    """Return the length of a first line that contains the names or labels of the parameters, else 0."""
    row, end, _ = head.partition(b"\n")
    shown = row.decode("utf-8", "replace").strip().replace('"', "").lower()
    names = ",".join(name for one in info.parameters for name in [one.name] * one.width).lower()
    titles = ",".join(title for one in info.parameters for title in one.labels or [one.title]).lower()
    return len(row) + len(end) if shown in (names, titles, ",".join(info.names).lower()) else 0


def is_names_row(line: bytes, info: Info) -> bool:
    """Return whether a line contains the names or labels of the parameters."""
    return names_row(line, info) > 0


def _check_first(body: Content, start: int, fields: int) -> None:
    """Refuse a body with fewer separators than one record needs, before that many columns are created."""
    if fields > _MANY and body.count(b",", start) < fields - 1:
        shown = body[start : start + 120].partition(b"\n")[0].decode("utf-8", "replace")
        raise FileError(f"The record {shown!r} has fewer fields than the {fields} that the header describes.")


def _add(body: Content, start: int, info: Info, gathered: ColumnBuffers) -> None:
    """Parse with one choice of types after the other; each one begins with the first record."""
    import pyarrow as pa

    first, error = gathered.rows, ""
    for types, no_number in _choices(info, body[start : start + _HEAD]):
        try:
            for segment in segments(body, start, info):
                _add_segment(segment, info, types, no_number, gathered)
        except pa.ArrowInvalid as invalid:
            gathered.cut(first)
            # Arrow counts records from the beginning of a segment.
            error = _ROW.sub("", str(invalid)) if isinstance(body, FileContent) else str(invalid)
        else:
            return
        if "conversion error" not in error:
            break
    raise FileError(_explained(error))


_ROW = re.compile(r"Row #\d+: ")


def segments(body: Content, start: int, info: Info) -> Iterator[memoryview]:
    """Yield the records of a response at once, and those of a file in parts."""
    if not isinstance(body, FileContent):
        yield memoryview(body)[start:]
        return
    while start < len(body):
        segment = _segment(body, start, info)
        yield segment
        start += len(segment)


def _segment(body: FileContent, start: int, info: Info) -> memoryview:
    """Read complete records."""
    size, may_quote = _SEGMENT, _may_quote(info)
    while start + size < len(body):
        segment = body[start : start + size]
        is_simple = not (may_quote and b'"' in segment) and b"\n" in segment
        ends = [segment.rfind(b"\n") + 1] if is_simple else line_ends(np.frombuffer(segment, np.uint8), False)
        if len(ends):
            return memoryview(segment)[: int(ends[-1])]
        size *= 4
    return memoryview(body[start:])


def _may_quote(info: Info) -> bool:
    """Return whether a field may contain line ends, which must be quoted then."""
    return any(parameter.type not in NUMBERS for parameter in info.parameters[1:])


def _add_segment(
    segment: memoryview, info: Info, types: list[pa.DataType], no_number: list[str], gathered: ColumnBuffers
) -> None:
    """Parse some records, in larger blocks if a record does not fit into one."""
    import pyarrow as pa

    if pa.int64() in types and _contains(segment, b"x", b"X") and _LARGE_HEXADECIMAL.search(segment):
        raise pa.ArrowInvalid("conversion error: hexadecimal integers of 64 bits, which Arrow reads as negative")
    first, size = gathered.rows, _WIDE_BLOCK if len(types) > _WIDE else _BLOCK
    while True:
        try:
            # An error of the times must not keep the reader, which uses threads.
            with contextlib.closing(_batches(segment, info, types, no_number, size)) as batches:
                for batch in batches:
                    gathered.add_batch(batch)
        except pa.ArrowInvalid as invalid:
            if "straddling" not in str(invalid) or size >= _LARGEST_BLOCK:
                raise
        else:
            return
        gathered.cut(first)
        size *= 16


def _choices(info: Info, head: bytes) -> Iterator[tuple[list[pa.DataType], list[str]]]:
    """
    Yield the types of all fields, and the strings that represent missing numbers.

    The first choice suits most servers. The next ones allow missing numbers, and integers that are read as strings:
    they may be "1.0", exceed 63 bits, or have a fill value beyond any integer (hapiclient's issue 73). The last one
    reads parameters of unknown types as strings.
    """
    import pyarrow as pa

    length = len(re.split(rb"[,\r\n]", head.lstrip(), maxsplit=1)[0].strip(b'"'))
    text = pa.binary()
    # Searching for these strings takes a tenth of the time; arrow parses NaN as a number anyway.
    for first, whole, other, no_number in (
        (pa.binary(length) if length and info.time.width == 1 else text, pa.int64(), pa.float64(), []),
        (text, pa.int64(), pa.float64(), NO_NUMBER),
        (text, text, pa.float64(), NO_NUMBER),
        (text, text, text, NO_NUMBER),
    ):
        kinds = {"double": pa.float64(), "integer": whole, "long": whole, "string": text, "isotime": text}
        types = [kinds.get(one.type, other) for one in info.parameters for _ in range(one.width)]
        yield [first, *types[1:]], no_number


def _batches(
    segment: memoryview, info: Info, types: list[pa.DataType], no_number: list[str], size: int
) -> Generator[pa.RecordBatch]:
    import pyarrow as pa
    from pyarrow import csv

    names = [str(index) for index in range(len(types))]
    is_wide, lent = len(types) > _WIDE, memoryview(segment)
    reader = None
    try:
        reader = csv.open_csv(
            pa.BufferReader(pa.py_buffer(lent)),
            csv.ReadOptions(use_threads=False, block_size=size, column_names=names),
            csv.ParseOptions(newlines_in_values=_may_quote(info) and _contains(lent, b'"')),
            csv.ConvertOptions(
                column_types=dict(zip(names, types, strict=True)), null_values=no_number, check_utf8=False
            ),
            # Arrow's allocator is faster for many small buffers, but it retains pages of 2 MB.
            memory_pool=pa.default_memory_pool() if is_wide else pa.system_memory_pool(),
        )
        with reader:
            yield from reader
    finally:
        del reader
        _take_back(lent)


_LARGE_HEXADECIMAL = re.compile(rb"0[xX][89a-fA-F][0-9a-fA-F]{15}")


def _contains(segment: memoryview, *bytes_: bytes) -> bool:
    blocks = (segment[place : place + _BLOCK].tobytes() for place in range(0, len(segment), _BLOCK))
    return any(one in block for block in blocks for one in bytes_)


def _take_back(lent: memoryview) -> None:
    """
    Wait until the threads of Arrow have returned the bytes, usually at once.

    One that does so while Python exits ends the process: "terminate called without an active exception".
    """
    for _ in range(_MOST_WAITS):  # pragma: no branch - Arrow returns them
        with contextlib.suppress(BufferError):
            lent.release()
            return
        time.sleep(1e-4)


_MOST_WAITS = 2000


def _explained(words: str) -> str:
    counted = _COUNT.search(words)
    if counted is None:
        return f"These CSV records cannot be read: {words.replace('In ', '')}."
    record = (counted[3] or "")[:120]
    return f"The record {record!r} has {counted[2]} fields, but the header describes {counted[1]}."
