"""Read one or several HAPI files as one table."""

from __future__ import annotations

import contextlib
import os
from collections import UserList
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from astropy.table import QTable, Table
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.hapi.model import Info
from sunpy_helio_plugins.hapi.records.csv import concatenated
from sunpy_helio_plugins.hapi.records.decode import Columns
from sunpy_helio_plugins.hapi.records.file import SUFFIX, HAPIDocument, begins_like_hapi, parse_document
from sunpy_helio_plugins.hapi.records.table import from_records
from sunpy_helio_plugins.io import registration
from sunpy_helio_plugins.quantities.scales import checked_scale, table_in_scale

__all__ = ["common_info", "from_contents", "joined_records", "named", "parse_source", "read", "register", "time_order"]


def common_info(contents: Sequence[HAPIDocument]) -> Info:
    """
    Return the header that several files share.

    Raises
    ------
    FileError
        They do not hold the same parameters.
    """
    first = contents[0].info
    wanted = _identity(first)
    for other in contents[1:]:
        if _identity(other.info) != wanted:
            raise FileError(
                f"The files hold different parameters: {', '.join(first.names)}, and {', '.join(other.info.names)}; "
                "read those of one dataset and one choice of parameters at a time."
            )
    return first


def joined_records(contents: Sequence[HAPIDocument]) -> Columns:
    """Return the columns of all files, one behind the other."""
    if len(contents) == 1:
        return contents[0].columns()
    parts = [content.columns() for content in contents]
    return [concatenated([part[index] for part in parts]) for index in range(len(parts[0]))]


def time_order(table: QTable, contents: Sequence[HAPIDocument]) -> NDArray[np.int64] | None:
    """
    Return the rows that put a table into the order of time, each record once; `None` where it is so already.

    Parameters
    ----------
    table : astropy.table.QTable
        The table of all records.
    contents : sequence of HAPIDocument
        What it was made of. Records are compared as the servers sent them.
    """
    if len(table) < 2:
        return None
    time = table.columns[0]
    day, fraction = np.asarray(time.jd1), np.asarray(time.jd2)
    step = np.diff(day)
    step += fraction[1:]
    step -= fraction[:-1]
    if (step > 0).all():
        return None
    rows = np.lexsort((fraction, day))
    same = (np.diff(day[rows]) == 0) & (np.diff(fraction[rows]) == 0)
    if not same.any():
        return rows
    return rows[_first_of_each(_bytes(joined_records(contents), rows), same)]


def _identity(info: Info) -> list[tuple[Any, ...]]:
    return [(one.name, one.type, one.shape, str(one.units), str(one.fill)) for one in info.parameters]


def _bytes(columns: Columns, rows: NDArray[np.int64]) -> NDArray[Any]:
    """Return each record as its bytes, in the order of ``rows``, shape (n, bytes)."""
    grids = []
    for column in columns:
        masked = isinstance(column, np.ma.MaskedArray)
        for values in (np.ma.getdata(column), np.ma.getmaskarray(column) if masked else None):
            if values is not None:
                kept = np.ascontiguousarray(values[rows])
                grids.append(kept.view(np.uint8).reshape(len(rows), -1))
    return np.concatenate(grids, axis=1)


def _first_of_each(records: NDArray[Any], same: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which records to keep: of equal ones at one time, the first."""
    keep = np.ones(len(records), dtype=bool)
    keep[1:] = ~(same & (records[1:] == records[:-1]).all(axis=1))
    # At one time, different records may alternate: two files may each hold two.
    seen: set[bytes] = set()
    for row in np.flatnonzero(np.append(same, False) | np.append(False, same)):
        if row == 0 or not same[row - 1]:
            seen = set()
        record = records[row].tobytes()
        keep[row] &= record not in seen or not keep[row]
        seen.add(record)
    return keep


Source = str | os.PathLike[str] | bytes | IO[bytes]


def parse_source(source: Source, info: Mapping[str, Any] | Info | None = None) -> HAPIDocument:
    """
    Return a file of HAPI records, taken apart into header and body.

    Parameters
    ----------
    source, info
        As for `read`.

    Raises
    ------
    FileError
        There is no header that can be read and no ``info`` in its place.
    """
    if isinstance(source, bytes):
        content = source
    elif isinstance(source, str | os.PathLike):
        content = _bytes_of(Path(source))
    else:
        content = source.read()
    with named(source):
        return parse_document(content, info if info is None or isinstance(info, Info) else Info.from_json(info))


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise _NoFileError(f"{path}: there is no such file.") from None
    except OSError as error:
        raise FileError(f"{path}: the file cannot be opened: {error.strerror}.") from error


class _NoFileError(FileError, FileNotFoundError):
    """A file that is not there, also for those who look for Python's own error."""


def read(
    *sources: Source,
    info: Mapping[str, Any] | Info | None = None,
    context: Mapping[str, str] | None = None,
    scale: str = "utc",
) -> QTable:
    r"""
    Read records of a HAPI server: CSV or binary with their header, or a JSON answer.

    Parameters
    ----------
    *sources : path, bytes or binary file, or list of these
        Files that were fetched, or answers; a folder means the files in it that end with ``.hapi``. Several must hold
        the same parameters of one dataset.
    info : mapping or Info, optional
        The decoded info answer of the same parameters, for records without a header.
    context : mapping, optional
        ``server`` and ``dataset``, for units that mean one thing here and another there. Files that were fetched tell
        them by themselves.
    scale : {"utc", "tai", "tt", "tdb", "tcb", "tcg"}, optional
        The scale of the times, which their description states. Defaults to UTC.

    Returns
    -------
    astropy.table.QTable
        In the order of time; a record that several sources hold appears once. One column for each parameter, under the
        server's name. Times are `~astropy.time.Time`; numbers are quantities where the unit is understood, of shape
        (n,) or (n, \*size); fill values and NaN are masked. ``info.meta`` of a column holds what the server says of the
        parameter, ``unit_string``, ``label`` and ``bins`` among it.

    Raises
    ------
    FileError
        A source is no such file, or it is cut; or sources do not belong together.
    QueryError
        Times cannot be given in ``scale``.

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
        return table_in_scale(from_contents(contents, context), scale)


def _sources(given: Iterable[Any]) -> Iterator[Source]:
    """Yield files and answers; paths may be lists or folders."""
    for one in given:
        if isinstance(one, bytes) or (hasattr(one, "read") and not isinstance(one, Table | type)):
            yield one
        elif isinstance(one, list | tuple | UserList):
            yield from _sources(one)
        else:
            yield from inputs.paths("hapi.read", one, (SUFFIX, f"{SUFFIX}.gz", f"{SUFFIX}.bz2"))


def from_contents(contents: Sequence[HAPIDocument], context: Mapping[str, str] | None = None) -> QTable:
    """
    Return files that were taken apart as one table.

    Parameters
    ----------
    contents : sequence of HAPIDocument
        The files.
    context
        As for `read`.

    Raises
    ------
    FileError
        Records are cut, or files do not belong together.
    """
    filled = [content for content in contents if content.size] or contents[:1]
    info = common_info(filled)
    context = context or info.origin
    table = from_records(info, joined_records(filled), context)
    if context:
        table.meta["hapi"]["x_origin"] = dict(context)
    order = time_order(table, filled)
    return table if order is None else table[order]


@contextlib.contextmanager
def named(source: Any) -> Iterator[None]:
    """Say in an error which source it is about; what a hostile header brings about is an error of the file, too."""
    shown = "this answer" if isinstance(source, bytes) else str(getattr(source, "name", source))
    try:
        yield
    except FileError as error:
        raise FileError(f"{shown}: {error}") from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise FileError(f"{shown}: the header does not fit its records: {error!r}") from error


def register() -> None:
    """Register the format ``"hapi"`` with astropy's ``Table.read``."""
    registration.register_format("hapi", _reader, _recognizes)


def _reader(source: Source, /, **kwargs: Any) -> QTable:
    """Read a file of HAPI records: CSV or binary with their header, or JSON; see `sunpy_helio_plugins.hapi.read`."""
    return read(source, **kwargs)


def _recognizes(name: str, peek: registration.Peek) -> bool:
    """Tell by name and content: by content alone, HAPI's CSV would be anyone's CSV as well."""
    endings = (SUFFIX, f"{SUFFIX}.gz", f"{SUFFIX}.bz2")
    return (not name or name.lower().endswith(endings)) and begins_like_hapi(peek)
