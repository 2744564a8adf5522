"""
What the four faces towards Fido share: own attrs, response tables, and manners of a client.

Clients hold no state and compare equal by type, tables print at any size, and an attr of ours never equals, or is
swallowed by, one of another class.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from astropy import units as u
from astropy.table import QTable, TableAttribute
from astropy.time import Time
from sunpy.net.attr import Attr, AttrAnd, AttrOr, DataAttr, and_
from sunpy.net.base_client import QueryResponseRow, QueryResponseTable

from sunpy_helio_plugins import packing
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.naming import Names
from sunpy_helio_plugins.storage import results
from sunpy_helio_plugins.storage.queries import remembering
from sunpy_helio_plugins.transport.urls import public_url

__all__ = ["Face", "HelioTable", "Marker", "Word", "branches", "explain_foreign", "name_of", "of_type"]

LINES_SHOWN = 1000
"""Lines of a table that are printed; ``table.show()`` and slices show the others."""


class Word(DataAttr):
    """
    An attr that holds one or more values; ``|`` between two of the same class joins their values.

    Parameters
    ----------
    *values
        The values; none makes a marker that names the archive without narrowing the query.

    Attributes
    ----------
    values : tuple
        The values, checked, in the order in which they were given.

    Raises
    ------
    QueryError
        A value that the class does not allow.
    """

    def __init__(self, *values: Any) -> None:
        super().__init__()
        self.values = tuple(dict.fromkeys(self.check(value) for value in values))
        # Attrs compare by their variables alone: without this, Server("x") would equal Dataset("x").
        self._kind = f"{type(self).__module__}.{type(self).__qualname__}"

    @classmethod
    def check(cls, value: Any) -> Any:
        """
        Return a value as it is kept.

        Parameters
        ----------
        value
            A value that the user gave.

        Raises
        ------
        QueryError
            The value is not allowed.
        """
        if not isinstance(value, str) or not value.strip():
            raise QueryError(f"{name_of(cls)} takes text, not {value!r}.")
        return value.strip()

    def collides(self, other: Attr) -> bool:
        """Tell whether both cannot stand side by side: two of a class are alternatives, to be written with ``|``."""
        return type(self) is type(other)

    def __and__(self, other: Attr) -> Attr:
        self._refuse_a_second(other)
        return super().__and__(other)

    def __rand__(self, other: Attr) -> Attr:
        # sunpy's attrs give way to this one where both collide, and Python would name their types only.
        self._refuse_a_second(other)
        return NotImplemented

    def _refuse_a_second(self, other: Attr) -> None:
        for part in other.attrs if isinstance(other, AttrAnd) else (other,):
            if self.collides(part):
                raise QueryError(f"{part!r} and {self!r} cannot both hold; join alternatives with |.")

    def __or__(self, other: Attr) -> Attr:
        if type(self) is type(other):
            return type(self)(*self.values, *other.values)
        return super().__or__(other)

    def __hash__(self) -> int:
        return hash((self._kind, self.values))

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.values == other.values

    def __repr__(self) -> str:
        return f"{name_of(type(self))}({', '.join(map(repr, self.values))})"


class Marker(Word):
    """An attr without values, whose presence says which archive's rows are meant."""

    def __init__(self, *values: Any) -> None:
        if values:
            raise QueryError(
                f"{name_of(type(self))}() takes no value, not {values[0]!r}; it says whose rows are meant, and other "
                "attrs choose among them."
            )
        super().__init__()

    def __and__(self, other: Attr) -> Attr:
        return other if self._stands_in(other) else super().__and__(other)

    def __rand__(self, other: Attr) -> Attr:
        return other if self._stands_in(other) else NotImplemented

    def _stands_in(self, other: Attr) -> bool:
        return any(self.collides(part) for part in (other.attrs if isinstance(other, AttrAnd) else (other,)))

    def __or__(self, other: Attr) -> Attr:
        return self if type(self) is type(other) else super().__or__(other)


def name_of(attr: type | Attr) -> str:
    """
    Return the name under which a user knows an attr, such as ``a.hapi.Dataset`` or ``a.Time``.

    Parameters
    ----------
    attr : type or sunpy.net.attr.Attr
        An attr or its class.
    """
    cls = attr if isinstance(attr, type) else type(attr)
    module = cls.__module__
    if module.startswith("sunpy_helio_plugins."):
        return f"a.{module.split('.')[1]}.{cls.__qualname__}"
    if module.startswith("sunpy.net.") and module.split(".")[2] not in ("attr", "attrs", "_attrs"):
        return f"a.{module.split('.')[2]}.{cls.__qualname__}"
    return f"a.{cls.__qualname__}"


def branches(*query: Attr) -> list[tuple[Attr, ...]]:
    """
    Return a query as alternatives, each a flat conjunction.

    Parameters
    ----------
    *query : sunpy.net.attr.Attr
        Attrs that must all hold; trees of any depth.

    Returns
    -------
    list of tuple
        One tuple of single attrs for each alternative.
    """
    return _branches(and_(*query)) if query else []


def _branches(tree: Attr) -> list[tuple[Attr, ...]]:
    if isinstance(tree, AttrOr):
        return [branch for part in tree.attrs for branch in _branches(part)]
    if isinstance(tree, AttrAnd):
        return [tuple(leaf for part in parts for leaf in part) for parts in product(*map(_branches, tree.attrs))]
    return [(tree,)]


def of_type(branch: Iterable[Attr], kind: type) -> Any:
    """
    Return the one attr of a class in a conjunction, or `None`.

    Parameters
    ----------
    branch : iterable of sunpy.net.attr.Attr
        Single attrs.
    kind : type
        The class.

    Raises
    ------
    QueryError
        There are several, which all would have to hold at once.
    """
    found = [attr for attr in branch if type(attr) is kind]
    if len(found) > 1:
        raise QueryError(f"{name_of(kind)} is given {len(found)} times; write alternatives with |.")
    return found[0] if found else None


def explain_foreign(branch: Iterable[Attr], known: Iterable[type], archive: str) -> None:
    """
    Refuse attrs that an archive cannot use, by name.

    Parameters
    ----------
    branch : iterable of sunpy.net.attr.Attr
        Single attrs of one conjunction.
    known : iterable of type
        The classes that the archive understands.
    archive : str
        The archive's name.

    Raises
    ------
    QueryError
        Some attr is of another class.
    """
    understood = tuple(known)
    foreign = sorted({name_of(attr) for attr in branch if type(attr) not in understood})
    if foreign:
        usable = ", ".join(sorted({name_of(kind) for kind in understood}))
        raise QueryError(
            f"{archive} cannot use {', '.join(foreign)} in a query; leave it out, or ask for the other archive's rows "
            f"with | instead. {archive} understands: {usable}."
        )


def _refuse_uncalled(query: Iterable[Any]) -> None:
    """Refuse a class of ours that stands where an attr should: no client would answer, and Fido could not say why."""
    for one in query:
        if isinstance(one, type) and one.__module__.startswith("sunpy_helio_plugins."):
            example = f"{name_of(one)}()" if issubclass(one, Marker) else f"{name_of(one)}(...)"
            raise QueryError(f"{name_of(one)} is not an attr yet; write {example}.")


class HelioTable(results.Stored, QueryResponseTable):
    """A search result: a QTable whose ``problems`` say what is missing from it."""

    Row = QueryResponseRow
    # As a TableAttribute, as in sunpy, printing a table would put a slice into its meta, which ECSV cannot hold.
    display_keys = slice(None)
    problems = TableAttribute(default=[])
    """Sentences that say what the answer lacks, and why; empty where it is complete."""

    def __str__(self) -> str:
        """Show the rows; of very many the first and the last, since printing takes longer than searching."""
        return "\n".join(self._display_table.pformat(max_lines=LINES_SHOWN, show_dtype=False))

    def __repr__(self) -> str:
        return f"{object.__repr__(self)}\n{self}"

    @property
    def _display_table(self) -> QTable:
        """What is printed: times to the millisecond, though their columns keep more."""
        table = super()._display_table
        for column in table.itercols():
            if isinstance(column, Time):
                column.precision = 3
        return table

    def total_size(self) -> u.Quantity:
        """
        Return the size of all files, where the archive tells it.

        Returns
        -------
        astropy.units.Quantity
            The sum, or NaN bytes. sunpy's own fails for a sum below 1 kB, and it is asked for at every print.
        """
        if self.size_column is None or self.size_column not in self.colnames or not len(self):
            return np.nan * u.byte
        total = np.nansum(self[self.size_column])
        if not total > 0 * u.byte:
            return np.nan * u.byte
        prefix = next((unit for unit in (u.Gbyte, u.Mbyte, u.kbyte) if total >= 1 * unit), u.byte)
        return total.to(prefix).round(3)

    def paths(self, results: Any) -> list[Path | None]:
        """
        Return the file of each row.

        Parameters
        ----------
        results : parfive.Results
            What `Fido.fetch <sunpy.net.Fido>` returned for this table, alone or with others.

        Returns
        -------
        list of pathlib.Path or None
            As many as there are rows, in their order; `None` where the file did not arrive.
        """
        arrived: dict[str, deque[Path]] = defaultdict(deque)
        for url, path in zip(results.urls, results, strict=False):
            arrived[_address(url)].append(Path(path))
        rows = [_address(str(url)) for url in self["url"]] if "url" in self.colnames else [""] * len(self)
        return [arrived[row].popleft() if arrived.get(row) else None for row in rows]

    def __getstate__(self) -> tuple[Any, ...]:
        columns, meta = super().__getstate__()
        return {name: packing.packed(one) for name, one in columns.items()}, meta, results.shown(self)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        columns, meta, *shown = state
        super().__setstate__(({name: packing.unpacked(one) for name, one in columns.items()}, meta))
        results.show(self, shown[0] if shown else {})

    def path_format_keys(self) -> set[str]:
        """Return the names that a path template can use; also for an empty table, where sunpy's own fails."""
        return set(self[0].response_block_map) if len(self) else set()


def _address(url: str) -> str:
    """Return what identifies a request: signed in or not, an archive is asked for the same file."""
    return re.sub(r"/(api-key|authorized)(?=/)", "", public_url(url), count=1)


class Face:
    """
    Manners of a client, to be mixed into a `sunpy.net.base_client.BaseClient`.

    A client without state can be copied, stacked, pickled and written with its tables.
    """

    names: ClassVar[Names] = Names()
    """The values of sunpy's core attrs at which the client answers."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if any(issubclass(base, Face) and base is not Face for base in cls.__bases__):
            raise TypeError(f"{cls.__name__}: a subclass of a client would register itself with Fido; do not make one.")
        if "search" in cls.__dict__:
            cls.search = remembering(cls.search)  # type: ignore[attr-defined]
        super().__init_subclass__(**kwargs)
        _teach_yaml(cls)

    @classmethod
    def _can_handle_query(cls, *query: Attr) -> bool:
        _refuse_uncalled(query)
        # Fido hands over single attrs; a conjunction means the same.
        attrs = [leaf for one in query for leaf in (one.attrs if isinstance(one, AttrAnd) else (one,))]
        return cls._is_named(*attrs) or cls.names.are_in(attrs)

    @classmethod
    def _is_named(cls, *query: Attr) -> bool:
        """Tell whether a query holds an attr of this archive's own."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__qualname__}>"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


def _teach_yaml(cls: type) -> None:
    """Let astropy write a client into the header of an ECSV file, as its plain name."""
    from astropy.io.misc.yaml import AstropyDumper

    def represent(dumper: Any, client: object) -> Any:
        return dumper.represent_str(f"{type(client).__module__}.{type(client).__qualname__}")

    AstropyDumper.add_representer(cls, represent)
