"""
CSV records of HAPI to columns.

pyarrow reads the fields (RFC 4180: quoted texts may hold commas, quotes and line ends), with one thread and in blocks.
Of the three readers that ``benchmarks/hapi.py --readers`` measures, pandas needs up to eight times as long, since it
makes an object of each text. polars takes a fifth less time, but fills up records with too few fields, where a cut
record has to be an error, and holds everything before the first array is made; pyarrow counts the fields of every
record, cuts stamps of one length into one array, keeps texts as they stand, and gives them block by block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi.gathering import Gathered, expected_lines
from sunpy_helio_plugins.hapi.header import Info
from sunpy_helio_plugins.hapi.parameter import NUMBERS, Parameter
from sunpy_helio_plugins.hapi.whole import INTEGERS, NO_NUMBER, kind_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["empty", "from_csv"]

_HEAD = 1 << 16
_MANY = 10_000
_BLOCK = 1 << 19
_WIDE, _WIDE_BLOCK = 100, 1 << 22
"""Records of many fields are read in larger blocks, since each block costs a microsecond for each field."""

_LARGEST_BLOCK = 1 << 30
_COUNT = re.compile(r"Expected (\d+) columns, got (\d+)(?:: (.*))?", re.DOTALL)


def from_csv(body: bytes, info: Info, start: int = 0) -> list[NDArray[Any]]:
    r"""
    Read CSV records.

    Parameters
    ----------
    body : bytes
        The records.
    info : Info
        Their header.
    start : int, optional
        Where in ``body`` the first record begins.

    Returns
    -------
    list of numpy.ndarray
        One array of shape (n, \*shape) for each parameter; texts as bytes. Whole numbers are masked where a field is
        empty or no number.

    Raises
    ------
    FileError
        A record does not have as many fields as the header says, or a field is no number where one belongs.
    """
    fields = sum(parameter.width for parameter in info.parameters)
    head = body[start : start + _HEAD]
    if not head.strip() and not body[start:].strip():
        return [empty(parameter) for parameter in info.parameters]
    start += _names_row(head, info)
    _check_first(body, start, fields)
    return _read(body, start, info, fields)


def empty(parameter: Parameter) -> NDArray[Any]:
    """Return the values of a parameter in no records."""
    kind: Any = "S1" if parameter.is_text else kind_of(parameter) if parameter.type in INTEGERS else "f8"
    return np.empty((0, *parameter.shape), dtype=kind)


def _names_row(head: bytes, info: Info) -> int:
    """Return the length of a first row that holds the parameters' names or labels instead of values."""
    row, end, _ = head.partition(b"\n")
    shown = row.decode("utf-8", "replace").strip().replace('"', "").lower()
    names = ",".join(name for one in info.parameters for name in [one.name] * one.width).lower()
    titles = ",".join(title for one in info.parameters for title in one.labels or [one.title]).lower()
    return len(row) + len(end) if shown in (names, titles, ",".join(info.names).lower()) else 0


def _check_first(body: bytes, start: int, fields: int) -> None:
    """Refuse a body whose first record has fewer separators than it must, before as many columns are made."""
    if fields > _MANY and body.count(b",", start) < fields - 1:
        shown = body[start : start + 120].partition(b"\n")[0].decode("utf-8", "replace")
        raise FileError(f"The record {shown!r} has fewer fields than the {fields} of the header.")


def _read(body: bytes, start: int, info: Info, fields: int) -> list[NDArray[Any]]:
    """Read with one choice of types after the other, and in larger blocks where a record does not fit into one."""
    import pyarrow as pa

    size, error = _WIDE_BLOCK if fields > _WIDE else _BLOCK, ""
    for types, no_number in _choices(info, body[start : start + _HEAD]):
        while True:
            try:
                return _columns(body, start, info, types, no_number, size)
            except pa.ArrowInvalid as invalid:
                error = str(invalid)
            if "straddling" not in error or size >= _LARGEST_BLOCK:
                break
            size *= 16
        if "conversion error" not in error:
            break
    raise FileError(_explained(error))


def _choices(info: Info, head: bytes) -> Iterator[tuple[list[pa.DataType], list[str]]]:
    """
    Yield the types of all fields, and the texts that stand for no number.

    At first, what most servers send; then with numbers that are missing; then with integers in another spelling, as
    texts: they may be "1.0", beyond 63 bits, or a fill beyond any integer (hapiclient's issue 73). What is of no type
    that HAPI knows may hold texts.
    """
    import pyarrow as pa

    length = len(re.split(rb"[,\r\n]", head.lstrip(), maxsplit=1)[0].strip(b'"'))
    text = pa.binary()
    # To look for texts that are no numbers takes a tenth of the time; NaN is a number to arrow anyway.
    for first, whole, other, no_number in (
        (pa.binary(length) if length and info.time.width == 1 else text, pa.int64(), pa.float64(), []),
        (text, pa.int64(), pa.float64(), NO_NUMBER),
        (text, text, pa.float64(), NO_NUMBER),
        (text, text, text, NO_NUMBER),
    ):
        kinds = {"double": pa.float64(), "integer": whole, "long": whole, "string": text, "isotime": text}
        types = [kinds.get(one.type, other) for one in info.parameters for _ in range(one.width)]
        yield [first, *types[1:]], no_number


def _columns(
    body: bytes, start: int, info: Info, types: list[pa.DataType], no_number: list[str], size: int
) -> list[NDArray[Any]]:
    import pyarrow as pa
    from pyarrow import csv

    names = [str(index) for index in range(len(types))]
    is_wide = len(types) > _WIDE
    may_quote = any(parameter.type not in NUMBERS for parameter in info.parameters[1:]) and body.find(b'"', start) >= 0
    reader = csv.open_csv(
        pa.BufferReader(pa.py_buffer(body).slice(start)),
        csv.ReadOptions(use_threads=False, block_size=size, column_names=names),
        csv.ParseOptions(newlines_in_values=may_quote),
        csv.ConvertOptions(column_types=dict(zip(names, types, strict=True)), null_values=no_number, check_utf8=False),
        # Arrow's own allocator is faster where there are many small buffers, but it keeps pages of 2 MB.
        memory_pool=pa.default_memory_pool() if is_wide else pa.system_memory_pool(),
    )
    gathered = Gathered(info.parameters, types, expected_lines(body, start))
    with reader:
        for batch in reader:
            gathered.add(batch)
    return gathered.finish()


def _explained(words: str) -> str:
    counted = _COUNT.search(words)
    if counted is None:
        return f"These CSV records cannot be read: {words.replace('In ', '')}."
    record = (counted[3] or "")[:120]
    return f"The record {record!r} has {counted[2]} fields, the header says {counted[1]}."
