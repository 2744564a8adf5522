"""Attrs of the archives, and queries as flat alternatives."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

from sunpy.net.attr import Attr, AttrAnd, AttrOr, DataAttr, and_

from sunpy_helio_plugins.errors import QueryError

__all__ = ["ArchiveAttr", "MarkerAttr", "branches", "explain_foreign", "name_of", "of_type", "of_types"]


class ArchiveAttr(DataAttr):
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


class MarkerAttr(ArchiveAttr):
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


def of_types(branch: Iterable[Attr], *kinds: type) -> tuple[Any, ...]:
    """Return the one attr of each class in a conjunction, or `None`; see `of_type`."""
    attrs = tuple(branch)
    return tuple(of_type(attrs, kind) for kind in kinds)


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
