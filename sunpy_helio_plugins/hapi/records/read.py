"""Read one or several HAPI files as one table."""

from __future__ import annotations

import contextlib
import lzma
import os
import zlib
from collections import UserList
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from astropy.table import QTable, Table
from astropy.time import Time
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import MAPPING, Kind, optional, taking
from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import FileError, QueryError, disk_error
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.fido.partial import Partial, warn
from sunpy_helio_plugins.hapi.model import Info
from sunpy_helio_plugins.hapi.records.csv import concatenated
from sunpy_helio_plugins.hapi.records.decode import Columns
from sunpy_helio_plugins.hapi.records.file import SUFFIX, HAPIDocument, begins_like_hapi, parse_document
from sunpy_helio_plugins.hapi.records.table import from_records
from sunpy_helio_plugins.io import registration
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.scales import checked_scale, table_in_scale
from sunpy_helio_plugins.quantities.silence import far_years
from sunpy_helio_plugins.quantities.spans import seconds
from sunpy_helio_plugins.store.streams import decompressed, is_compressed

__all__ = [
    "common_info", "disorder", "from_contents", "joined_records", "named", "parse_source", "read", "register",
    "time_order",
]  # fmt: skip


_DAY = 86_400.0
_GAP = 1.5
"""The number of cadences above which a step between records is a gap."""


def common_info(contents: Sequence[HAPIDocument]) -> Info:
    """Return the header of several files; raise an error if their parameters differ."""
    first = contents[0].info
    wanted = _identity(first)
    for other in contents[1:]:
        if _identity(other.info) != wanted:
            raise FileError(
                f"The files contain different parameters: {', '.join(first.names)}, and {', '.join(other.info.names)}; "
                "read files of one dataset with the same parameters at a time."
            )
    return first


def joined_records(contents: Sequence[HAPIDocument]) -> tuple[Columns, list[int]]:
    """Concatenate the columns of several files; also return the number of records of each."""
    parts = [content.columns() for content in contents]
    counts = [len(part[0]) for part in parts]
    if len(parts) == 1:
        return parts[0], counts
    return [concatenated([part[index] for part in parts]) for index in range(len(parts[0]))], counts


def time_order(table: QTable, contents: Sequence[HAPIDocument]) -> NDArray[np.int64] | None:
    """Return the indices that sort a table by time without duplicate records; `None` if it is sorted already."""
    if len(table) < 2:
        return None
    day, fraction = _days(table.columns[0])
    if (_steps(day, fraction) > 0).all():
        return None
    rows = np.lexsort((fraction, day))
    same = (np.diff(day[rows]) == 0) & (np.diff(fraction[rows]) == 0)
    if not same.any():
        return rows
    return rows[_first_of_each(_bytes(joined_records(contents)[0], rows), same)]


def disorder(time: Time, contents: Sequence[HAPIDocument], counts: Sequence[int], subject: str) -> tuple[str, ...]:
    """
    Return a problem for each file whose own records are not in the order of time or are repeated.

    Such a response may be joined from parts of two others: it has the right length, but lacks records.
    """
    problems: list[str] = []
    for content, count, end in zip(contents, counts, np.cumsum(counts), strict=True):
        day, fraction = (one[end - count : end] for one in _days(time))
        step = _steps(day, fraction)
        place = _first_disorder(step, content)
        if place is not None:
            first, second = (_stamp(day, fraction, row) for row in (place, place + 1))
            what = f"follows that of {first}" if step[place] < 0 else "is repeated"
            problems.append(
                f"{subject}: the record of {second} {what}{_gap(content.info, day, fraction)}: the response may be "
                "joined from parts of others, and records may be missing; request the range again."
            )
    return tuple(problems)


def _first_disorder(step: NDArray[np.float64], content: HAPIDocument) -> int | None:
    """Return the row before the first one that is earlier or repeated; different records may have the same time."""
    same = np.flatnonzero(step == 0)
    disordered = step < 0
    if len(same):
        columns = content.columns()
        disordered[same] = (_bytes(columns, same) == _bytes(columns, same + 1)).all(axis=1)
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


def _bytes(columns: Columns, rows: NDArray[np.int64]) -> NDArray[Any]:
    """Return the bytes of each record, in the order of ``rows``, shape (n, bytes)."""
    grids = []
    for column in columns:
        masked = isinstance(column, np.ma.MaskedArray)
        for values in (np.ma.getdata(column), np.ma.getmaskarray(column) if masked else None):
            if values is not None:
                kept = np.ascontiguousarray(values[rows])
                grids.append(kept.view(np.uint8).reshape(len(rows), -1))
    return np.concatenate(grids, axis=1)


def _first_of_each(records: NDArray[Any], same: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which records to keep: the first of identical ones at the same time."""
    keep = np.ones(len(records), dtype=bool)
    keep[1:] = ~(same & (records[1:] == records[:-1]).all(axis=1))
    # Different records may alternate at the same time: two files may each contain two.
    seen: set[bytes] = set()
    for row in np.flatnonzero(np.append(same, False) | np.append(False, same)):
        if row == 0 or not same[row - 1]:
            seen = set()
        record = records[row].tobytes()
        keep[row] &= record not in seen or not keep[row]
        seen.add(record)
    return keep


_INFO = Kind("an Info or a dict", lambda given: given if isinstance(given, Info) else MAPPING.of(given))

Source = str | os.PathLike[str] | bytes | IO[bytes]


def parse_source(source: Source, info: Mapping[str, Any] | Info | None = None) -> HAPIDocument:
    """Parse a source of `read` into header and body; raise an error without a header and ``info``."""
    if isinstance(source, bytes):
        content = source
    elif isinstance(source, str | os.PathLike):
        content = _bytes_of(Path(source))
    else:
        content = _read(source)
    with named(source):
        content = decompressed(content, int(conf.max_file)) if is_compressed(content[:8]) else content
        return parse_document(content, info if info is None or isinstance(info, Info) else Info.from_json(info))


def _read(stream: IO[bytes]) -> bytes:
    """Read a stream, which astropy may have made of a compressed file."""
    try:
        return stream.read()
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        shown = getattr(stream, "name", "the stream")
        raise FileError(f"{shown}: it cannot be read to its end: {error}.") from error


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise disk_error(error, path, "read") from error


@taking("hapi.read", info=optional(_INFO), context=optional(MAPPING))
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
    >>> table = hapi.read(
    ...     b'#{"HAPI":"3.0","format":"csv","parameters":[{"name":"Time","type":"isotime","length":24},'
    ...     b'{"name":"B","type":"double","units":"nT","fill":"-1e31"}]}\n2026-01-10T00:00:00.000Z,5.5\n'
    ... )
    >>> print(table["B"])
    [5.5] nT
    """
    found = list(_sources(sources))
    if not found:
        raise QueryError("hapi.read takes at least one file.")
    scale = checked_scale(scale)
    contents = [parse_source(source, info) for source in found]
    with named(found[0] if len(found) == 1 else f"{len(found)} sources"):
        made = from_contents(contents, context)
        (table,) = made.items
    if made.problems:
        warn(made)
        table.meta["problems"] = [*table.meta.get("problems", ()), *made.problems]
    return table_in_scale(table, scale)


def _sources(given: Iterable[Any]) -> Iterator[Source]:
    """Yield files and contents from paths, lists and folders."""
    for one in given:
        if isinstance(one, bytes) or (hasattr(one, "read") and not isinstance(one, Table | type)):
            yield one
        elif isinstance(one, list | tuple | UserList):
            yield from _sources(one)
        else:
            yield from inputs.paths("hapi.read", one, (SUFFIX, f"{SUFFIX}.gz", f"{SUFFIX}.bz2"))


def from_contents(contents: Sequence[HAPIDocument], context: Mapping[str, str] | None = None) -> Partial[QTable]:
    """Build one table from parsed files; raise an error if records are truncated, or the files do not match."""
    filled = [content for content in contents if content.size] or contents[:1]
    info = common_info(filled)
    context = context or info.origin
    columns, counts = joined_records(filled)
    table = from_records(info, columns, context)
    table.meta["hapi"].pop("x_complete_until", None)  # it describes one file
    if context:
        table.meta["hapi"]["x_origin"] = dict(context)
    order = time_order(table, filled)
    if order is None:
        return Partial((table,))
    subject = (
        f"{context['dataset']} of {context['server']}" if {"dataset", "server"} <= context.keys() else "The records"
    )
    return Partial((table[order],), disorder(table.columns[0], filled, counts, subject))


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
