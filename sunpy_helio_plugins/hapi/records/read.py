"""Read one or several HAPI files as one table."""

from __future__ import annotations

import contextlib
import lzma
import os
import zlib
from collections import UserList
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
from astropy.table import QTable, Table
from astropy.time import Time
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import MAPPING, Kind, optional, taking
from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import FileError, QueryError, local
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.fido.partial import Partial, warn
from sunpy_helio_plugins.hapi.model import Info
from sunpy_helio_plugins.hapi.records.buffers import ColumnBuffers
from sunpy_helio_plugins.hapi.records.content import Content, FileContent, spooled
from sunpy_helio_plugins.hapi.records.file import SUFFIX, HAPIDocument, begins_like_hapi, parse_document
from sunpy_helio_plugins.hapi.records.table import from_records
from sunpy_helio_plugins.io import registration
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.scales import checked_scale, table_in_scale
from sunpy_helio_plugins.quantities.silence import far_years
from sunpy_helio_plugins.quantities.spans import seconds
from sunpy_helio_plugins.store.streams import decompressed, decompressed_parts, is_compressed

__all__ = [
    "INFO",
    "RecordTableBuilder",
    "Source",
    "bytes_of",
    "common_info",
    "disorder",
    "from_contents",
    "named",
    "parse_source",
    "read",
    "register",
    "sources_of",
    "time_order",
]  # fmt: skip


_DAY = 86_400.0
_GAP = 1.5
"""The number of cadences above which a step between records is a gap."""


def common_info(contents: Sequence[HAPIDocument]) -> Info:
    """Return the header of several files; raise an error if their parameters differ."""
    first = contents[0].info
    for other in contents[1:]:
        _refuse_other(first, other.info)
    return first


def _refuse_other(first: Info, other: Info) -> None:
    if other is not first and _identity(other) != _identity(first):
        raise FileError(
            f"The files contain different parameters: {', '.join(first.names)}, and {', '.join(other.names)}; read "
            "files of one dataset with the same parameters at a time."
        )


def time_order(table: QTable) -> NDArray[np.int64] | None:
    """Return the indices that sort a table by time without duplicate records; `None` if it is sorted already."""
    time = table.columns[0]
    day, fraction = np.asarray(time.jd1), np.asarray(time.jd2)
    if all(_is_rising(day[at : at + _ROWS + 1], fraction[at : at + _ROWS + 1]) for at in range(0, len(day), _ROWS)):
        return None
    rows = np.lexsort((fraction, day))
    same = (np.diff(day[rows]) == 0) & (np.diff(fraction[rows]) == 0)
    return rows[_first_of_each(table, rows, same)] if same.any() else rows


_ROWS = 1 << 16


def _is_rising(day: NDArray[np.float64], fraction: NDArray[np.float64]) -> bool:
    return bool((np.diff(day) + fraction[1:] - fraction[:-1] > 0).all())


def disorder(table: QTable, infos: Sequence[Info], counts: Sequence[int], subject: str) -> tuple[str, ...]:
    """
    Return a problem for each file whose own records are not in the order of time or are repeated.

    Such a response may be joined from parts of two others: it has the right length, but lacks records.
    """
    problems: list[str] = []
    for info, count, end in zip(infos, counts, np.cumsum(counts), strict=True):
        day, fraction = (one[end - count : end] for one in _days(table.columns[0]))
        step = _steps(day, fraction)
        place = _first_disorder(step, table[end - count : end])
        if place is not None:
            first, second = (_stamp(day, fraction, row) for row in (place, place + 1))
            what = f"follows that of {first}" if step[place] < 0 else "is repeated"
            problems.append(
                f"{subject}: the record of {second} {what}{_gap(info, day, fraction)}: the response may be "
                "joined from parts of others, and records may be missing; request the range again."
            )
    return tuple(problems)


def _first_disorder(step: NDArray[np.float64], table: QTable) -> int | None:
    """Return the row before the first one that is earlier or repeated; different records may have the same time."""
    same = np.flatnonzero(step == 0)
    disordered = step < 0
    if len(same):
        disordered[same] = (bytes_of(table[same]) == bytes_of(table[same + 1])).all(axis=1)
    return int(np.argmax(disordered)) if disordered.any() else None


def _gap(info: Info, day: NDArray[np.float64], fraction: NDArray[np.float64]) -> str:
    """Return the longest range without records in words, if it is longer than the cadence."""
    rows = np.lexsort((fraction, day))
    step = _steps(day[rows], fraction[rows]) * _DAY
    longest, cadence = int(np.argmax(step)), seconds(info.cadence)
    if cadence is None or step[longest] < _GAP * cadence:
        return ""
    ends = " and ".join(_stamp(day, fraction, row) for row in rows[longest : longest + 2])
    return f", and there is none between {ends} although the cadence is {info.cadence}"


def _stamp(day: NDArray[np.float64], fraction: NDArray[np.float64], row: int) -> str:
    with far_years():
        return times.iso(Time(day[row], fraction[row], format="jd", scale="utc"), 3)


def _days(time: Time) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.asarray(time.jd1), np.asarray(time.jd2)


def _steps(day: NDArray[np.float64], fraction: NDArray[np.float64]) -> NDArray[np.float64]:
    step = np.diff(day)
    step += fraction[1:]
    step -= fraction[:-1]
    return step


def _identity(info: Info) -> list[tuple[Any, ...]]:
    return [(one.name, one.type, one.shape, str(one.units), str(one.fill)) for one in info.parameters]


def bytes_of(table: QTable) -> NDArray[np.uint8]:
    """Return the bytes of each record, shape (n, bytes)."""
    grids = []
    for column in table.columns.values():
        plain = getattr(column, "unmasked", column)
        parts = (plain.jd1, plain.jd2) if isinstance(plain, Time) else (np.ma.getdata(plain),)
        mask = getattr(column, "mask", None)
        for values in (*parts, *(() if mask is None else (mask,))):
            kept = np.ascontiguousarray(np.asarray(values))
            grids.append(kept.view(np.uint8).reshape(len(table), -1))
    return np.concatenate(grids, axis=1)


def _first_of_each(table: QTable, rows: NDArray[np.int64], same: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which of the sorted records to keep: the first of identical ones at the same time."""
    places = np.flatnonzero(np.append(same, False) | np.append(False, same))
    records = bytes_of(table[rows[places]])
    keep = np.ones(len(rows), dtype=bool)
    # Different records may alternate at the same time: two files may each contain two.
    seen: set[bytes] = set()
    for place, values in zip(places.tolist(), records, strict=True):
        if place == 0 or not same[place - 1]:
            seen = set()
        record = values.tobytes()
        keep[place] = record not in seen
        seen.add(record)
    return keep


INFO = Kind("an Info or a dict", lambda given: given if isinstance(given, Info) else MAPPING.of(given))

Source = str | os.PathLike[str] | bytes | IO[bytes]


def parse_source(source: Source, info: Mapping[str, Any] | Info | None = None) -> HAPIDocument:
    """Parse a source of `read` into header and body; raise an error without a header and ``info``."""
    if isinstance(source, bytes):
        content: Content = source
    else:
        content = _of_path(Path(source)) if isinstance(source, str | os.PathLike) else _of_stream(source)
    with named(source):
        if isinstance(content, bytes) and is_compressed(content[:8]):
            content = decompressed(content, int(conf.max_file))
        return parse_document(content, info if info is None or isinstance(info, Info) else Info.from_json(info))


_SMALL = 1 << 16
"""The largest file that is read at once."""


def _of_path(path: Path) -> Content:
    with local(path, "read"):
        is_large = path.is_file() and path.stat().st_size > _SMALL
        if not is_large:
            return path.read_bytes()
        with path.open("rb") as stream:
            is_plain = not is_compressed(stream.read(8))
        return FileContent(str(path), partial(_opened, path) if is_plain else partial(_decompressed, path))


def _opened(path: Path) -> IO[bytes]:
    return path.open("rb")


def _decompressed(path: Path) -> IO[bytes]:
    with named(path), path.open("rb") as stream:
        return spooled(decompressed_parts(_parts(stream), int(conf.max_file)))


def _parts(stream: IO[bytes]) -> Iterator[bytes]:
    while part := stream.read(_PART):
        yield part


_PART = 1 << 20


def _of_stream(stream: IO[bytes]) -> Content:
    """Read a stream, which astropy may have made of a compressed file."""
    shown = getattr(stream, "name", "the stream")
    try:
        parts = _parts(stream)
        first = next(parts, b"")
        if is_compressed(first[:8]):
            return FileContent(str(shown), spooled(decompressed_parts(chain([first], parts), int(conf.max_file))))
        return FileContent(str(shown), spooled(chain([first], parts)))
    except FileError as error:
        raise FileError(f"{shown}: {error}") from None
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise FileError(f"{shown}: it cannot be read to its end: {error}.") from error


@taking("hapi.read", info=optional(INFO), context=optional(MAPPING))
def read(
    *sources: Source,
    info: Mapping[str, Any] | Info | None = None,
    context: Mapping[str, str] | None = None,
    scale: str = "utc",
) -> QTable:
    r"""
    Read records of a HAPI server: CSV or binary with their header, or a JSON response.

    Parameters
    ----------
    *sources : path, bytes or binary file, or list of these
        Downloaded files, or the content of responses, which may be compressed by gzip, bzip2 or xz. A folder is
        replaced by its files with the suffixes ``.hapi``, ``.hapi.gz`` and ``.hapi.bz2``. Several sources must contain
        the same parameters of one dataset.
    info : mapping or Info, optional
        The decoded ``info`` response for the same parameters, for records without a header. If the records follow a row
        of names, as those of ESA's server, it may describe further parameters.
    context : mapping, optional
        ``server`` and ``dataset``, to resolve unit strings that servers use differently. Files downloaded by this
        package contain them.
    scale : {"utc", "tai", "tt", "tdb", "tcb", "tcg"}, optional
        The scale of the times; their descriptions contain it. Defaults to UTC.

    Returns
    -------
    astropy.table.QTable
        In the order of time; a record that several sources contain is included once. One column for each parameter,
        with the name that the server uses. Times are `~astropy.time.Time`; numbers are quantities if the unit is known,
        of shape (n,) or (n, \*size); fill values and NaN are masked. ``info.meta`` of a column contains the description
        of the parameter, such as ``unit_string``, ``label`` and ``bins``.

    Raises
    ------
    FileError
        If a source is not a file of HAPI records, if it is truncated, if it is compressed and its checksum is wrong, or
        if the sources have different parameters.
    QueryError
        If no source is given, or if times cannot be converted to ``scale``.

    Warns
    -----
    IncompleteAnswerWarning
        The records of a source are not in the order of time, or one is repeated: a response that was joined from parts
        of others. They are returned in order, each once, and ``meta["problems"]`` repeats the warning.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi
    >>> field = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11", "BGSEc")
    >>> hapi.write(field, "ace.hapi")
    >>> hapi.read("ace.hapi")["BGSEc"].unit
    Unit("nT")
    """
    found = list(sources_of("hapi.read", sources))
    if not found:
        raise QueryError("hapi.read takes at least one file.")
    scale = checked_scale(scale)
    contents = [_closed(parse_source(source, info), len(found)) for source in found]
    with named(found[0] if len(found) == 1 else f"{len(found)} sources"):
        made = from_contents(contents, context)
        (table,) = made.items
    if made.problems:
        warn(made)
        table.meta["problems"] = [*table.meta.get("problems", ()), *made.problems]
    return table_in_scale(table, scale)


def _closed(document: HAPIDocument, sources: int) -> HAPIDocument:
    """Close one of several files until its records are read."""
    if sources > 1:
        document.release()
    return document


def sources_of(function: str, given: Iterable[Any]) -> Iterator[Source]:
    """Yield files and contents from paths, lists and folders."""
    for one in given:
        if isinstance(one, bytes) or (hasattr(one, "read") and not isinstance(one, Table | type)):
            yield one
        elif isinstance(one, list | tuple | UserList):
            yield from sources_of(function, one)
        else:
            yield from inputs.paths(function, one, (SUFFIX, f"{SUFFIX}.gz", f"{SUFFIX}.bz2"))


def from_contents(contents: Sequence[HAPIDocument], context: Mapping[str, str] | None = None) -> Partial[QTable]:
    """Build one table from parsed files; raise an error if records are truncated, or the files do not match."""
    filled = [content for content in contents if content.size] or contents[:1]
    made = RecordTableBuilder(common_info(filled), sum(one.expected_rows for one in filled), context)
    for one in filled:
        made.add(one)
        one.release()
    return made.finish()


class RecordTableBuilder:
    """
    Collect the records of documents, which may be removed from memory then.

    Parameters
    ----------
    info : Info
        The header of the first document; those of the others have the same parameters.
    rows : int
        The expected number of records.
    context : mapping, optional
        The names of ``server`` and ``dataset``. Defaults to those in the header.
    """

    def __init__(self, info: Info, rows: int, context: Mapping[str, str] | None = None) -> None:
        self._info, self._context = info, context or info.origin
        self._gathered = ColumnBuffers(info.parameters, rows, has_instants=True)
        self._infos: list[Info] = []
        self._counts: list[int] = []

    def add(self, one: HAPIDocument) -> None:
        """Append the records of a document; raise an error if they are truncated, or of other parameters."""
        _refuse_other(self._info, one.info)
        before = self._gathered.rows
        one.add_to(self._gathered)
        self._infos.append(one.info)
        self._counts.append(self._gathered.rows - before)

    def finish(self) -> Partial[QTable]:
        """Return the records in the order of time, and what is wrong with their order."""
        context = self._context
        table = from_records(self._info, self._gathered.finish(), context)
        table.meta["hapi"].pop("x_complete_until", None)  # it describes one file
        if context:
            table.meta["hapi"]["x_origin"] = dict(context)
        order = time_order(table)
        if order is None:
            return Partial((table,))
        subject = (
            f"{context['dataset']} of {context['server']}" if {"dataset", "server"} <= context.keys() else "The records"
        )
        return Partial((table[order],), disorder(table, self._infos, self._counts, subject))


@contextlib.contextmanager
def named(source: Any) -> Iterator[None]:
    """Add the name of the source to errors, and convert errors from malformed headers to errors of the file."""
    shown = "this response" if isinstance(source, bytes) else str(getattr(source, "name", source))
    try:
        yield
    except FileError as error:
        text = str(error)
        raise FileError(text if text.startswith(f"{shown}: ") else f"{shown}: {text}") from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise FileError(f"{shown}: the header does not match the records: {error!r}") from error


def register() -> None:
    """Register the format ``"hapi"`` with astropy's ``Table.read``."""
    registration.register_format("hapi", _reader, _recognizes)


def _reader(source: Source, /, **kwargs: Any) -> QTable:
    """Read a file of HAPI records: CSV or binary with their header, or JSON; see `sunpy_helio_plugins.hapi.read`."""
    return read(source, **kwargs)


def _recognizes(name: str, peek: registration.Peek) -> bool:
    """Identify a file by name and content, since the content alone can look like any other CSV."""
    endings = (SUFFIX, f"{SUFFIX}.gz", f"{SUFFIX}.bz2")
    return (not name or name.lower().endswith(endings)) and begins_like_hapi(peek)
