"""Search results in files: their client, hidden columns and queries, and the comparison of two results."""

from __future__ import annotations

import inspect
from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from astropy.io.registry import UnifiedReadWriteMethod
from astropy.table import Table, TableAttribute
from astropy.table.connect import TableRead, TableWrite
from astropy.time import Time
from numpy.typing import NDArray
from sunpy.net.attr import Attr
from sunpy.net.base_client import BaseClient

from sunpy_helio_plugins.arguments import refused
from sunpy_helio_plugins.errors import FileError, Problem, QueryError
from sunpy_helio_plugins.io import tables
from sunpy_helio_plugins.io.formats import FORMATS, checked, chosen_form, name_of, named, plain_from, write_plain
from sunpy_helio_plugins.io.queries import query_of
from sunpy_helio_plugins.quantities.silence import far_years

__all__ = ["Changes", "Stored", "changed", "changes", "client_of", "kept", "restored", "show", "shown"]

_LISTED = 5

_NANOSECONDS = 86_400e9


@dataclass(frozen=True, eq=False)
class Changes:
    """
    The difference between two tables of the same search.

    Its truth value is `True` if the tables differ.

    Attributes
    ----------
    new : ArchiveTable
        Rows of the newer table of which the older one contains no version.
    revised : ArchiveTable
        Rows of the newer table that are a new version of a row of the older one, or the same one with other values.
    before : ArchiveTable
        The rows of the older table that were revised, in the same order.
    withdrawn : ArchiveTable
        Rows of the older table that are missing in the newer one, and that were not revised.
    columns : tuple of tuple of str
        The columns whose values differ, for each revised row.
    only : tuple of str
        Columns that are in one of the two tables only; they are not compared.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import io
    >>> found = Fido.search(a.Time("2026-01-10", "2026-01-11"), a.Instrument("mag"), a.imap.File())["imap"]
    >>> changes = io.changes(found, found[1:])
    >>> len(changes.new), len(changes.withdrawn)
    (1, 0)
    """

    new: Any
    revised: Any
    before: Any
    withdrawn: Any
    columns: tuple[tuple[str, ...], ...]
    only: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(len(self.new) or len(self.revised) or len(self.withdrawn) or self.only)

    def __str__(self) -> str:
        counts = Counter(name for names in self.columns for name in names)
        listed = ", ".join(name for name, _ in counts.most_common(_LISTED))
        revised = f"{len(self.revised)} revised" + (f" (in {listed})" if listed else "")
        only = f"; in one table only: {', '.join(self.only)}" if self.only else ""
        return f"{len(self.new)} rows new, {revised}, {len(self.withdrawn)} withdrawn{only}"

    def __repr__(self) -> str:
        return f"<Changes: {self}>"


def changes(now: Any, before: Any) -> Changes:
    """
    Return what is new, revised and withdrawn in the result of a search, compared with an earlier one.

    Parameters
    ----------
    now : ArchiveTable
        The newer table, such as the result of ``before.search_again()``.
    before : ArchiveTable
        The older table of the same class, which may have been read from a file.

    Returns
    -------
    Changes
        The new, revised and withdrawn rows. Rows are identified as the archive does: files of IMAP by their name, whose
        version is a revision; events of HER by their IVORN, whose revision is one; images of Helioviewer by source and
        time; requests to HAPI by server, dataset and start, with a revision if the description of the dataset changed,
        such as its date of modification.

    Raises
    ------
    QueryError
        The tables are not search results, or not of the same class.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import io
    >>> found = Fido.search(a.Time("2026-01-10", "2026-01-11"), a.Instrument("mag"), a.imap.File())["imap"]
    >>> io.changes(found.search_again(), found)
    <Changes: 0 rows new, 0 revised, 0 withdrawn>
    """
    for given in (now, before):
        if not isinstance(given, Stored):
            raise refused("io.changes", given, "two results of a search")
    if type(now) is not type(before):
        raise refused("io.changes", before, f"another {type(now).__name__}")
    return changed(now, before, now.identity)


def changed(now: Any, before: Any, identity: Sequence[str]) -> Changes:
    """Compare tables; rows with equal identity are paired in order, then the others by their lineage."""
    shared = [name for name in before.colnames if name in now.colnames]
    pairs, rest, left = _pairs(now, before, [name for name in identity if name in shared] or shared)
    versions = _versions(now, before, pairs, rest, left)
    both = [*pairs, *versions]
    here, there = (np.array([pair[side] for pair in both], dtype=int) for side in (0, 1))
    differing = {name: _differs(before[name], now[name], there, here) for name in shared}
    rows = np.flatnonzero(np.any(list(differing.values()), axis=0)) if both and shared else np.zeros(0, dtype=int)
    rows = np.union1d(rows, np.arange(len(pairs), len(both)))
    known, superseded = {new for new, _ in versions}, {old for _, old in versions}
    return Changes(
        now[np.array([row for row in rest if row not in known], dtype=int)],
        now[here[rows]],
        before[there[rows]],
        before[np.array([row for row in left if row not in superseded], dtype=int)],
        tuple(tuple(name for name in shared if differing[name][row]) for row in rows),
        tuple(name for name in (*before.colnames, *now.colnames) if name not in shared),
    )


def _pairs(now: Any, before: Any, names: Sequence[str]) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Return the pairs of equal rows, and the other rows of each table."""
    here = {key: row for row, key in enumerate(_keys(now, names))}
    there = {key: row for row, key in enumerate(_keys(before, names))}
    pairs = [(row, there[key]) for key, row in here.items() if key in there]
    rest = [row for key, row in here.items() if key not in there]
    return pairs, rest, [row for key, row in there.items() if key not in here]


def _versions(
    now: Any, before: Any, pairs: Sequence[tuple[int, int]], rest: Sequence[int], left: Sequence[int]
) -> list[tuple[int, int]]:
    """Return the pairs of rows that are versions of each other, of those that are in one table only."""
    if not rest or not len(before):
        return []
    mine, theirs = now._lineage(), before._lineage()
    gone: defaultdict[Hashable, deque[int]] = defaultdict(deque)
    for row in left:
        gone[theirs[row]].append(row)
    # With all versions in both tables, the previous one is still there.
    latest = {theirs[old]: old for _, old in pairs}
    made = []
    for row in rest:
        if gone.get(mine[row]):
            made.append((row, gone[mine[row]].popleft()))
        elif mine[row] in latest:
            made.append((row, latest[mine[row]]))
    return made


def _keys(table: Table, names: Sequence[str]) -> list[Hashable]:
    """Return the identity of each row, with a running number for equal ones."""
    seen: Counter[Hashable] = Counter()
    found: list[Hashable] = []
    for key in _cells(table, names):
        seen[key] += 1
        found.append((key, seen[key]))
    return found


def _cells(table: Table, names: Sequence[str]) -> list[Hashable]:
    """Return the values of some columns in each row."""
    return list(zip(*(_hashable(table[name]) for name in names), strict=True)) if names else []


def _hashable(column: Any) -> list[Hashable]:
    mask = _mask(column)
    if isinstance(column, Time):
        days = [np.asarray(getattr(part, "unmasked", part)) for part in (column.jd1, column.jd2)]
        cells: list[Any] = list(zip(days[0].tolist(), days[1].tolist(), strict=True))
    else:
        cells = [cell if isinstance(cell, str | int | float | bool) else repr(cell) for cell in column]
    return [None if missing else cell for cell, missing in zip(cells, mask, strict=True)]


def _mask(column: Any) -> NDArray[np.bool_]:
    mask = np.asarray(getattr(column, "mask", False), dtype=bool)
    if mask.ndim > 1:
        return np.asarray(mask.reshape(len(column), -1).all(axis=1))
    return np.broadcast_to(mask, (len(column),))


def _differs(old: Any, new: Any, before: NDArray[np.int_], after: NDArray[np.int_]) -> NDArray[np.bool_]:
    """Return for each pair of rows whether the values differ."""
    one, other = old[before], new[after]
    gone, lost = _mask(one), _mask(other)
    try:
        same = _same(one, other)
    except (TypeError, ValueError):
        same = np.array([repr(a) == repr(b) for a, b in zip(one, other, strict=True)], dtype=bool)
    return np.asarray(np.where(gone | lost, gone != lost, ~same), dtype=bool)


def _same(one: Any, other: Any) -> NDArray[np.bool_]:
    if isinstance(one, Time) and isinstance(other, Time):
        other = other if other.scale == one.scale else getattr(other, one.scale)
        days = (_bare(one.jd1) - _bare(other.jd1)) + (_bare(one.jd2) - _bare(other.jd2))
        return _all(np.abs(np.asarray(days)) * _NANOSECONDS < 0.5)
    if hasattr(one, "unit") and hasattr(one, "to_value"):
        one, other = _bare(one).value, _bare(other).to_value(one.unit)
    a, b = (np.ma.getdata(np.asarray(_bare(side))) if not _is_whole(side) else side for side in (one, other))
    same = np.asarray(a == b, dtype=bool)
    if getattr(a, "dtype", None) is not None and a.dtype.kind == "f" and b.dtype.kind == "f":
        same = same | (np.isnan(a) & np.isnan(b))
    return _all(same)


def _is_whole(side: Any) -> bool:
    """Return whether a column is of a class of this package that compares its rows itself."""
    return not hasattr(side, "__array__") and hasattr(side, "info")


def _bare(values: Any) -> Any:
    return getattr(values, "unmasked", values)


def _all(same: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(same.reshape(len(same), -1).all(axis=1)) if same.ndim > 1 else same


class StoredWrite(TableWrite):
    """
    Write a table to ECSV, FITS, Parquet, Arrow, HDF5 or ASDF, so that `read` restores it.

    Columns of numbers and text are written unchanged, for any reader; a header in the metadata of the file describes
    the original columns. The file does not contain passwords or keys, or anything that is executed when it is read.

    Parameters
    ----------
    *args, **kwargs
        See `astropy.table.Table.write`. Parquet and Arrow take ``compression``, as `pyarrow` does, and tables of events
        the name of a column of outlines as ``geometry``, to write GeoParquet. Other formats are written as in astropy
        and cannot be read back.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        """Write the table."""
        table = self._instance
        args = checked(f"{type(table).__name__}.write", args, "write")
        form = chosen_form("write", args, kwargs)
        if not form:
            known = ", ".join(FORMATS)
            raise QueryError(f"The format of {name_of(args)} is not known; give format=..., such as one of {known}.")
        if form not in FORMATS:
            other = table._for_format(form)
            if other is table:
                super().__call__(*args, **kwargs)
            else:
                other.write(*args, **kwargs)
            return
        with far_years():
            write_plain(table._plain_for(form, kwargs), form, args, kwargs)


class StoredRead(TableRead):
    """
    Read a table that was written by ``write``.

    Parameters
    ----------
    *args, **kwargs
        See `astropy.table.Table.read`.

    Raises
    ------
    FileError
        The file is damaged, or does not contain such a table.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Read a table."""
        args = checked(f"{self._cls.__name__}.read", args, "read")
        with far_years():
            plain = plain_from(chosen_form("read", args, kwargs), tables.HEADER, args, kwargs)
            with named(args):
                return self._cls._from_plain(plain)


class Stored:
    """Mixin of search results, which are read and written by their class, searched again and compared."""

    client: Any

    query = TableAttribute(default=[])
    """The query in a form that can be written to files, without secrets; `query_attrs` returns the attrs."""

    retrieved = TableAttribute(default=[])
    """The times of the searches, in UTC; stacked tables have those of all."""

    identity: tuple[str, ...] = ("url",)
    """The columns that identify a row when two tables are compared."""

    lineage: tuple[str, ...] = ()
    """The columns that all versions of a row share; by default those of `identity`."""

    read = UnifiedReadWriteMethod(StoredRead)
    write = UnifiedReadWriteMethod(StoredWrite)

    @property
    def query_attrs(self) -> Attr:
        """
        The query of this table, as attrs; the queries of stacked tables are combined with ``|``.

        Raises
        ------
        QueryError
            The table does not have a query: it was not made by a search.
        """
        if not self.query:
            raise QueryError(f"This {type(self).__name__} does not contain a query: it was not made by a search.")
        return query_of(self.query)

    def search_again(self) -> Self:
        """
        Repeat the search of this table, also after the table was written and read.

        Returns
        -------
        ArchiveTable
            A new table; `sunpy_helio_plugins.io.changes` returns its differences from this one.

        Raises
        ------
        QueryError
            The table does not have a query.
        """
        attrs = self.query_attrs
        client = self.client or client_of(type(self), None)
        found: Self = client.search(attrs)
        return found

    def _lineage(self) -> list[Hashable]:
        """Return for each row what all its versions share."""
        table: Any = self
        wanted = self.lineage or self.identity
        return _cells(table, [name for name in wanted if name in table.colnames] or table.colnames)

    def _kept(self) -> dict[str, Any]:
        """Return the additional state that is written besides columns and meta."""
        return kept(self)

    def _plain_for(self, form: str, options: dict[str, Any]) -> Any:
        """Return the plain columns that are written in a format; remove the options that this takes."""
        table: Any = self
        return tables.pack(table, form, self._kept())

    def _for_format(self, form: str) -> Table:
        """Return the table as it is written in a format from which it cannot be restored."""
        return self

    @classmethod
    def _from_plain(cls, plain: Table) -> Self:
        """Restore the table from a plain table."""
        found: Self = restored(cls, plain)
        return found


_SHOWN = ("display_keys", "hide_keys", "_display_keys")

_EVERYTHING = "everything"


def kept(table: Table) -> dict[str, Any]:
    """Return the additional state that is written besides columns and meta."""
    attributes = dict(table.meta.get("__attributes__", {}))
    client = attributes.pop("client", None)
    for name in ("display_keys", "hide_keys"):
        attributes.pop(name, None)
    if "problems" in attributes:
        attributes["problems"] = [Problem.of(one).stored() for one in attributes["problems"]]
    return {
        "attributes": attributes,
        "client": None if client is None else f"{type(client).__module__}.{type(client).__qualname__}",
        "shown": shown(table),
    }


def shown(table: Table) -> dict[str, Any]:
    """Return the columns that are selected for printing or hidden, if they differ from those of the class."""
    own = {**table.meta.get("__attributes__", {}), **vars(table)}
    chosen = {name: own[name] for name in _SHOWN if name in own}
    return {
        name: keys if keys is None else _EVERYTHING if isinstance(keys, slice) else list(keys)
        for name, keys in chosen.items()
    }


def show(table: Table, keys: Mapping[str, Any]) -> None:
    """Select columns as returned by `shown`."""
    for name, chosen in keys.items():
        if name in _SHOWN:
            # A table of events stores the value of its property in "_display_keys".
            setattr(table, name.removeprefix("_"), slice(None) if chosen == _EVERYTHING else chosen)


def restored(cls: type[Any], plain: Table) -> Any:
    """Restore a search result, of the class ``cls`` or a subclass, from a plain table, or raise a `FileError`."""
    header = tables.header_of(plain)
    if header is None:
        raise FileError(
            f"This is not a {cls.__name__} that was written by this package, or its format only keeps columns; "
            "formats that keep everything are ECSV, FITS, Parquet, Arrow, HDF5 and ASDF."
        )
    name = header.get("class")
    known = {one.__name__: one for one in _with_subclasses(cls)}
    if name not in known:
        raise FileError(f"This is a {name!s:.80}, not a {cls.__name__}; use the read method of that class.")
    table, extra = tables.unpack(plain, header, known[name])
    try:
        for key, value in extra["attributes"].items():
            if isinstance(inspect.getattr_static(known[name], key, None), TableAttribute):
                setattr(table, key, value)
        show(table, extra["shown"])
        table.client = client_of(known[name], extra["client"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileError(f"The table is damaged: its header does not contain {error}.") from error
    return table


def _with_subclasses(cls: type[Any]) -> list[type[Any]]:
    return [cls, *(kind for one in cls.__subclasses__() for kind in _with_subclasses(one))]


def client_of(cls: type[Any], name: str | None) -> Any:
    """Return the registered Fido client for a class of tables by its package and name; nothing is imported."""
    clients = [kind for kind in BaseClient._registry if hasattr(kind, "_is_named")]
    archive = cls.__module__.split(".")[:2]
    named = [kind for kind in clients if f"{kind.__module__}.{kind.__qualname__}" == name]
    own = [kind for kind in clients if kind.__module__.split(".")[:2] == archive and len(archive) == 2]
    found = (named + own)[:1]
    return found[0]() if found else None
