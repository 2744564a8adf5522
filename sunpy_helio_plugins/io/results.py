"""Search results in files: their client, hidden columns and queries, and the comparison of two results."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from astropy.io.registry import UnifiedReadWriteMethod
from astropy.table import Table, TableAttribute
from astropy.time import Time
from numpy.typing import NDArray
from sunpy.net.attr import Attr
from sunpy.net.base_client import BaseClient

from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.io import tables
from sunpy_helio_plugins.io.files import StoredRead, StoredWrite
from sunpy_helio_plugins.io.queries import query_of

__all__ = ["Comparison", "Stored", "client_of", "compared", "kept", "restored", "show", "shown"]

_LISTED = 5

_NANOSECONDS = 86_400e9


@dataclass(frozen=True, eq=False)
class Comparison:
    """
    What differs between two tables of one search.

    Attributes
    ----------
    added : ArchiveTable
        Rows of the newer table that the older one has not.
    removed : ArchiveTable
        Rows of the older table that the newer one has not.
    changed : ArchiveTable
        Rows of the newer table that the older one has with other values.
    before : ArchiveTable
        The same rows of the older table, in the same order.
    columns : tuple of tuple of str
        For each of them, the columns whose values differ.
    only : tuple of str
        Columns that one of the two tables has alone; they are not compared.

    Notes
    -----
    It is true where anything differs.
    """

    added: Any
    removed: Any
    changed: Any
    before: Any
    columns: tuple[tuple[str, ...], ...]
    only: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(len(self.added) or len(self.removed) or len(self.changed) or self.only)

    def __str__(self) -> str:
        counts = Counter(name for names in self.columns for name in names)
        listed = ", ".join(name for name, _ in counts.most_common(_LISTED))
        changed = f"{len(self.changed)} changed" + (f" (in {listed})" if listed else "")
        only = f"; in one table only: {', '.join(self.only)}" if self.only else ""
        return f"{len(self.added)} rows added, {len(self.removed)} removed, {changed}{only}"

    def __repr__(self) -> str:
        return f"<Comparison: {self}>"


def compared(old: Table, new: Table, identity: Sequence[str]) -> Comparison:
    """
    Compare two tables.

    Parameters
    ----------
    old, new : ArchiveTable
        The tables, in any order of rows.
    identity : sequence of str
        The columns that say which row is which. Rows that agree in them are paired in their order; where a table lacks
        one of these columns, rows are the same only if all values are.
    """
    shared = [name for name in old.colnames if name in new.colnames]
    keys = [name for name in identity if name in shared]
    keys = keys if keys and len(keys) == len(identity) else shared
    there = {key: row for row, key in enumerate(_keys(old, keys))}
    here = {key: row for row, key in enumerate(_keys(new, keys))}
    both = [key for key in here if key in there]
    before = np.array([there[key] for key in both], dtype=int)
    after = np.array([here[key] for key in both], dtype=int)
    differing = {name: _differs(old[name], new[name], before, after) for name in shared}
    rows = np.flatnonzero(np.any(list(differing.values()), axis=0)) if both and shared else np.zeros(0, dtype=int)
    return Comparison(
        new[np.array([row for key, row in here.items() if key not in there], dtype=int)],
        old[np.array([row for key, row in there.items() if key not in here], dtype=int)],
        new[after[rows]],
        old[before[rows]],
        tuple(tuple(name for name in shared if differing[name][row]) for row in rows),
        tuple(name for name in (*old.colnames, *new.colnames) if name not in shared),
    )


def _keys(table: Table, names: Sequence[str]) -> list[Hashable]:
    """Return what identifies each row; the first, second, ... of those that are alike."""
    seen: Counter[Hashable] = Counter()
    found: list[Hashable] = []
    columns = [_hashable(table[name]) for name in names]
    for key in zip(*columns, strict=True) if columns else ():
        seen[key] += 1
        found.append((key, seen[key]))
    return found


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
    """Tell for each pair of rows whether their values differ."""
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
    """Tell whether a column is of a class of ours, which compares its rows itself."""
    return not hasattr(side, "__array__") and hasattr(side, "info")


def _bare(values: Any) -> Any:
    return getattr(values, "unmasked", values)


def _all(same: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(same.reshape(len(same), -1).all(axis=1)) if same.ndim > 1 else same


class Stored:
    """Mixed into a search result: it is written and read by its own class, searched again and compared."""

    client: Any

    query = TableAttribute(default=[])
    """What was asked, in a form that files hold, without secrets; `query_attrs` has the attrs."""

    identity: tuple[str, ...] = ("url",)
    """The columns that say which row is which, when two tables are compared."""

    read = UnifiedReadWriteMethod(StoredRead)
    write = UnifiedReadWriteMethod(StoredWrite)

    @property
    def query_attrs(self) -> Attr:
        """
        The query that gave this table, as attrs; where tables were stacked, the alternative of theirs.

        Raises
        ------
        QueryError
            The table has none: it was not made by a search.
        """
        if not self.query:
            raise QueryError("This table holds no query: it was not made by a search.")
        return query_of(self.query)

    def search_again(self) -> Self:
        """
        Search for the same again, also after the table was written and read.

        Returns
        -------
        ArchiveTable
            A new table; `compare` tells how it differs from this one.

        Raises
        ------
        QueryError
            The table holds no query.
        """
        attrs = self.query_attrs
        client = self.client or client_of(type(self), None)
        found: Self = client.search(attrs)
        return found

    def compare(self, newer: Table) -> Comparison:
        """
        Return what differs between this table and a newer one of the same kind.

        Parameters
        ----------
        newer : ArchiveTable
            Such as `search_again` returns.

        Raises
        ------
        QueryError
            It is of another kind.
        """
        if type(newer) is not type(self):
            raise QueryError(f"A {type(self).__name__} is compared with another one, not with {type(newer).__name__}.")
        return compared(self, newer, self.identity)

    def _kept(self) -> dict[str, Any]:
        """Return what is to be written besides columns and meta."""
        return kept(self)

    def _for_format(self, form: str) -> Table:
        """Return what is written in a format from which the table cannot be read back."""
        return self

    @classmethod
    def _from_plain(cls, plain: Table) -> Self:
        """Return the table that a file holds."""
        found: Self = restored(cls, plain)
        return found


_SHOWN = ("display_keys", "hide_keys", "_display_keys")

_EVERYTHING = "everything"


def kept(table: Table) -> dict[str, Any]:
    """Return what is to be written besides columns and meta."""
    attributes = dict(table.meta.get("__attributes__", {}))
    client = attributes.pop("client", None)
    for name in ("display_keys", "hide_keys"):
        attributes.pop(name, None)
    return {
        "attributes": attributes,
        "client": None if client is None else f"{type(client).__module__}.{type(client).__qualname__}",
        "shown": shown(table),
    }


def shown(table: Table) -> dict[str, Any]:
    """Return which columns were chosen to be printed or hidden, where that differs from what the class says."""
    own = {**table.meta.get("__attributes__", {}), **vars(table)}
    chosen = {name: own[name] for name in _SHOWN if name in own}
    return {
        name: keys if keys is None else _EVERYTHING if isinstance(keys, slice) else list(keys)
        for name, keys in chosen.items()
    }


def show(table: Table, keys: Mapping[str, Any]) -> None:
    """Choose columns as `shown` told."""
    for name, chosen in keys.items():
        if name in _SHOWN:
            # "_display_keys" is where a table of events keeps what its property holds.
            setattr(table, name.removeprefix("_"), slice(None) if chosen == _EVERYTHING else chosen)


def restored(cls: type[Any], plain: Table) -> Any:
    """
    Return the search result that a plain table was.

    Parameters
    ----------
    cls : type
        The class whose ``read`` was asked: the table's own, or one of its bases.
    plain : astropy.table.Table
        What was read.

    Raises
    ------
    FileError
        It holds none, one of another class, or is damaged.
    """
    header = tables.header_of(plain)
    if header is None:
        raise FileError(
            f"This is not a {cls.__name__} that was written by this package, or its format kept the columns alone; "
            "formats that keep everything are ECSV, FITS, Parquet, HDF5 and ASDF."
        )
    name = header.get("class")
    known = {one.__name__: one for one in _with_subclasses(cls)}
    if name not in known:
        raise FileError(f"This holds a {name!s:.80}, not a {cls.__name__}; read it by the class that wrote it.")
    table, extra = tables.unpack(plain, header, known[name])
    try:
        for key, value in extra["attributes"].items():
            if isinstance(inspect.getattr_static(known[name], key, None), TableAttribute):
                setattr(table, key, value)
        show(table, extra["shown"])
        table.client = client_of(known[name], extra["client"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileError(f"The table is damaged: its header lacks {error}.") from error
    return table


def _with_subclasses(cls: type[Any]) -> list[type[Any]]:
    return [cls, *(kind for one in cls.__subclasses__() for kind in _with_subclasses(one))]


def client_of(cls: type[Any], name: str | None) -> Any:
    """
    Return the client that fetches the rows of a table.

    Parameters
    ----------
    cls : type
        The class of the table, which stands in the package of its archive.
    name : str or None
        The client's own name. It is looked for among the clients that are registered with Fido; nothing is imported.
    """
    clients = [kind for kind in BaseClient._registry if hasattr(kind, "_is_named")]
    archive = cls.__module__.split(".")[:2]
    named = [kind for kind in clients if f"{kind.__module__}.{kind.__qualname__}" == name]
    own = [kind for kind in clients if kind.__module__.split(".")[:2] == archive and len(archive) == 2]
    found = (named + own)[:1]
    return found[0]() if found else None
