"""Attrs of the archives, and the conversion of queries to flat alternatives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from types import ModuleType
from typing import Any, ClassVar, NamedTuple

from sunpy.net.attr import Attr, AttrAnd, AttrOr, DataAttr, and_

from sunpy_helio_plugins.arguments import ATTR, ATTRS, TEXT, Kind, close_names, shown, taking, unchecked
from sunpy_helio_plugins.errors import QueryError

__all__ = [
    "ArchiveAttr",
    "MarkerAttr",
    "Use",
    "Wanted",
    "alternatives",
    "asked",
    "branches",
    "conjunction",
    "explain_foreign",
    "name_of",
    "of_type",
    "of_types",
    "offered",
    "own",
    "suggesting",
    "uses",
    "wanted",
]  # fmt: skip


def _class(given: Any) -> type:
    if not isinstance(given, type):
        raise TypeError
    return given


_CLASS = Kind("a class of attrs", _class)
_CLASSES = Kind("classes of attrs", lambda given: tuple(map(_class, given)))
_ATTR_OR_CLASS = Kind("an attr or a class of attrs", lambda given: given if isinstance(given, type) else ATTR.of(given))


class ArchiveAttr(DataAttr):
    """
    An attr with one or more values; ``|`` between two attrs of the same class joins their values.

    A subclass defines an attr of an archive completely: its class attributes define how the values are used, and
    `check` which values are allowed.

    Parameters
    ----------
    *values
        The values. An attr without values names the archive and does not restrict the query.

    Attributes
    ----------
    values : tuple
        The checked values, in the order in which they were given.
    query_field : str
        The field of the archive's ``Query`` that takes the values; empty for an attr that the translator handles
        separately, or whose values are sent unchanged.
    parameter : str
        The parameter of the request that takes an unchanged value.
    column : str
        The column of the table that contains the value.
    is_single : bool
        Whether the field takes one value rather than a tuple.

    Raises
    ------
    QueryError
        The class does not allow a value.

    Examples
    --------
    >>> from sunpy_helio_plugins.fido import ArchiveAttr
    >>> class Station(ArchiveAttr):
    ...     query_field = "stations"
    >>> (Station("THL") | Station("NUK")).values
    ('THL', 'NUK')
    """

    query_field: ClassVar[str] = ""
    parameter: ClassVar[str] = ""
    column: ClassVar[str] = ""
    is_single: ClassVar[bool] = False

    def __init__(self, *values: Any) -> None:
        super().__init__()
        self.values = tuple(dict.fromkeys(self.check(value) for value in values))
        # sunpy compares attrs by their variables only: without this, Server("x") would equal Dataset("x").
        self._kind = f"{type(self).__module__}.{type(self).__qualname__}"

    @classmethod
    def check(cls, value: Any) -> Any:
        """
        Return a value in the form that the attr stores.

        Parameters
        ----------
        value
            A value that the user gave.

        Returns
        -------
        object
            The stored value: here, the text without surrounding spaces.

        Raises
        ------
        QueryError
            The value is not allowed.
        """
        if not isinstance(value, str) or not value.strip():
            raise QueryError(f"{name_of(cls)} takes text, not {shown(value)}.")
        return value.strip()

    @classmethod
    def offered(cls) -> list[tuple[str, str]]:
        """
        Return the values for tab completion.

        Returns
        -------
        list of tuple
            Each value with its description.
        """
        return []

    def asked(self) -> dict[str, Any]:
        """
        Return the fields of the archive's ``Query`` that this attr sets.

        Returns
        -------
        dict
            The values of the fields, by name.
        """
        if not self.query_field or not self.values:
            return {}
        return {self.query_field: self.values[0] if self.is_single else self.values}

    def collides(self, other: Attr) -> bool:
        """
        Return whether the attrs cannot be joined with ``&``: two of a class are alternatives, which need ``|``.

        Parameters
        ----------
        other : sunpy.net.attr.Attr
            The other attr.
        """
        return type(self) is type(other)

    def __and__(self, other: Attr) -> Attr:
        self._refuse_a_second(other)
        return super().__and__(other)

    def __rand__(self, other: Attr) -> Attr:
        # sunpy's attrs return NotImplemented if both collide, and Python's error would only name their types.
        self._refuse_a_second(other)
        return NotImplemented

    def _refuse_a_second(self, other: Attr) -> None:
        for part in other.attrs if isinstance(other, AttrAnd) else (other,):
            if self.collides(part):
                raise QueryError(f"{part!r} and {self!r} cannot both be true; join alternatives with |.")

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


class UnknownAttr(QueryError, AttributeError):  # noqa: N818 - names what it is
    """There is no attr of this name; also an `AttributeError`, so that `hasattr` works."""


def suggesting(module: str, names: Iterable[str]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of an archive's ``attrs``, which suggests attrs with similar names."""
    room, known = f"a.{module.split('.')[1]}", tuple(names)

    def missing(name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        own = close_names(name, known).replace("mean ", f"mean {room}.").replace(" or ", f" or {room}.")
        shared = f" Did you mean a.{name}?" if name in _core_names() else ""
        listed = f" The attrs are {', '.join(known)}." if not own and not shared else ""
        raise UnknownAttr(f"{room} does not have an attr {name!r}.{shared or own or listed}")

    return missing


def _core_names() -> tuple[str, ...]:
    from sunpy.net import attrs

    return tuple(name for name in vars(attrs) if isinstance(getattr(attrs, name), type))


class MarkerAttr(ArchiveAttr):
    """
    An attr without values, which selects the archive that is searched.

    Examples
    --------
    >>> from sunpy.net import attrs as a
    >>> from sunpy_helio_plugins.fido import MarkerAttr
    >>> class Image(MarkerAttr):
    ...     query_field = "is_image"
    >>> Image().asked()
    {'is_image': True}
    """

    def __init__(self, *values: Any) -> None:
        if values:
            raise QueryError(
                f"{name_of(type(self))}() does not take a value, but got {shown(values[0])}; it selects the archive, "
                "and other attrs select among its rows."
            )
        super().__init__()

    def asked(self) -> dict[str, Any]:
        """
        Return the field of the archive's ``Query`` that this attr sets.

        Returns
        -------
        dict
            `True`, by the name of the field.
        """
        return {self.query_field: True} if self.query_field else {}

    def __and__(self, other: Attr) -> Attr:
        return other if self._stands_in(other) else super().__and__(other)

    def __rand__(self, other: Attr) -> Attr:
        return other if self._stands_in(other) else NotImplemented

    def _stands_in(self, other: Attr) -> bool:
        return any(self.collides(part) for part in (other.attrs if isinstance(other, AttrAnd) else (other,)))

    def __or__(self, other: Attr) -> Attr:
        return self if type(self) is type(other) else super().__or__(other)


@taking("fido.name_of", attr=_ATTR_OR_CLASS)
def name_of(attr: type | Attr) -> str:
    """
    Return the name of an attr in sunpy's namespace, such as ``a.hapi.Dataset`` or ``a.Time``.

    Parameters
    ----------
    attr : type or sunpy.net.attr.Attr
        An attr or its class.

    Returns
    -------
    str
        The name.

    Examples
    --------
    >>> from sunpy.net import attrs as a
    >>> from sunpy_helio_plugins import fido
    >>> fido.name_of(a.hapi.Dataset("AC_H0_MFI"))
    'a.hapi.Dataset'
    """
    cls = attr if isinstance(attr, type) else type(attr)
    module = cls.__module__
    if module.startswith("sunpy_helio_plugins."):
        return f"a.{module.split('.')[1]}.{cls.__qualname__}"
    if module.startswith("sunpy.net.") and module.split(".")[2] not in ("attr", "attrs", "_attrs"):
        return f"a.{module.split('.')[2]}.{cls.__qualname__}"
    return f"a.{cls.__qualname__}"


@taking("fido.branches", query=ATTR)
def branches(*query: Attr) -> list[tuple[Attr, ...]]:
    """
    Return a query as alternatives, each a flat conjunction.

    Parameters
    ----------
    *query : sunpy.net.attr.Attr
        Attrs that are joined with ``&``; trees of any depth.

    Returns
    -------
    list of tuple
        One tuple of single attrs for each alternative.

    Examples
    --------
    >>> from sunpy.net import attrs as a
    >>> from sunpy_helio_plugins import fido
    >>> query = a.Time("2026-01-10", "2026-01-11"), a.Instrument("mag") | a.Instrument("swe")
    >>> [len(branch) for branch in fido.branches(*query)]
    [2, 2]
    """
    return _branches(conjunction(*query)) if query else []


def conjunction(*query: Attr) -> Attr:
    """Return attrs joined with ``&``; two of sunpy's attrs of one class are a `QueryError`."""
    try:
        return and_(*query)
    except TypeError:
        given = ", ".join(dict.fromkeys(name_of(one) for one in query))
        raise QueryError(f"These attrs cannot all be true: {given}; join alternatives with |.") from None


def _branches(tree: Attr) -> list[tuple[Attr, ...]]:
    if isinstance(tree, AttrOr):
        return [branch for part in tree.attrs for branch in _branches(part)]
    if isinstance(tree, AttrAnd):
        return [tuple(leaf for part in parts for leaf in part) for parts in product(*map(_branches, tree.attrs))]
    return [(tree,)]


@taking("fido.of_type", branch=ATTRS, kind=_CLASS)
def of_type(branch: Iterable[Attr], kind: type) -> Any:
    """
    Return the attr of a class in a conjunction, or `None`.

    Parameters
    ----------
    branch : iterable of sunpy.net.attr.Attr
        Single attrs.
    kind : type
        The class.

    Returns
    -------
    sunpy.net.attr.Attr or None
        The attr, if the conjunction contains one.

    Raises
    ------
    QueryError
        The conjunction contains several attrs of the class.

    Examples
    --------
    >>> from sunpy.net import attrs as a
    >>> from sunpy_helio_plugins import fido
    >>> branch = [a.Level("l2"), a.Instrument("mag")]
    >>> print(fido.of_type(branch, a.Level).value, fido.of_type(branch, a.Source))
    l2 None
    """
    found = [attr for attr in branch if type(attr) is kind]
    if len(found) > 1:
        raise QueryError(f"{name_of(kind)} is given {len(found)} times; write alternatives with |.")
    return found[0] if found else None


_of_type = unchecked(of_type)


def of_types(branch: Iterable[Attr], *kinds: type) -> tuple[Any, ...]:
    """Return the attr of each class in a conjunction, or `None`; see `of_type`."""
    attrs = tuple(branch)
    return tuple(_of_type(attrs, kind) for kind in kinds)


@taking("fido.explain_foreign", branch=ATTRS, known=_CLASSES, archive=TEXT)
def explain_foreign(branch: Iterable[Attr], known: Iterable[type], archive: str) -> None:
    """
    Raise an error for attrs that an archive cannot use, with their names.

    Parameters
    ----------
    branch : iterable of sunpy.net.attr.Attr
        Single attrs of one conjunction.
    known : iterable of type
        The classes that the archive supports.
    archive : str
        The archive's name.

    Raises
    ------
    QueryError
        The class of an attr is not one of ``known``.

    Examples
    --------
    >>> from sunpy.net import attrs as a
    >>> from sunpy_helio_plugins import fido
    >>> try:
    ...     fido.explain_foreign([a.Level("l2")], [a.Time], "HER")
    ... except ValueError as error:
    ...     print(str(error).partition(";")[0])
    HER cannot use a.Level in a query
    """
    understood = tuple(known)
    foreign = sorted({name_of(attr) for attr in branch if type(attr) not in understood})
    if foreign:
        usable = ", ".join(sorted({name_of(kind) for kind in understood}))
        raise QueryError(
            f"{archive} cannot use {', '.join(foreign)} in a query; remove it, or search the other archive as an "
            f"alternative, with |. {archive} supports: {usable}."
        )


_split, _refuse_foreign = unchecked(branches), unchecked(explain_foreign)


def alternatives(query: Sequence[Attr], known: Iterable[type], archive: str) -> list[tuple[Attr, ...]]:
    """Return a query as `branches` does; attrs that an archive cannot use are a `QueryError`."""
    found, understood = _split(*query), tuple(known)
    for branch in found:
        _refuse_foreign(branch, understood, archive)
    return found


class Use(NamedTuple):
    """
    The use of an attr in requests and tables.

    Attributes
    ----------
    attr : type
        The class.
    query_field : str
        The field of the archive's ``Query`` that takes its values.
    parameter : str
        The parameter of the request.
    column : str
        The column of the table.
    """

    attr: type[Attr]
    query_field: str
    parameter: str
    column: str


class Wanted(NamedTuple):
    """A value that is sent unchanged and that the rows of the response must have in a column."""

    parameter: str
    column: str
    value: Any


def own(module: ModuleType) -> tuple[type[Attr], ...]:
    """Return the classes in ``__all__`` of an archive's ``attrs``; a query with one of them is for that archive."""
    named = (getattr(module, name) for name in module.__all__)
    return tuple(one for one in named if isinstance(one, type) and issubclass(one, DataAttr))


def uses(module: ModuleType) -> tuple[Use, ...]:
    """Return the use of each attr in an archive's ``attrs``."""
    names = ("query_field", "parameter", "column")
    return tuple(Use(one, *(getattr(one, name, "") for name in names)) for one in own(module))


def offered(module: ModuleType) -> dict[type[Attr], list[tuple[str, str]]]:
    """Return the values for tab completion of the attrs of an archive, as a client registers them."""
    values = {one: one.offered() for one in own(module) if issubclass(one, ArchiveAttr)}
    return {one: found for one, found in values.items() if found}


def asked(branch: Iterable[Attr], kinds: Iterable[type]) -> dict[str, Any]:
    """Return the fields of a ``Query`` that the attrs of a conjunction set; repeated classes are a `QueryError`."""
    understood = frozenset(kinds)
    found: dict[str, Any] = {}
    for attr in (one for one in branch if type(one) in understood and hasattr(one, "asked")):
        fields = attr.asked()
        if not found.keys().isdisjoint(fields):
            _of_type(branch, type(attr))
        found |= fields
    return found


def wanted(branch: Iterable[Attr]) -> list[list[Wanted]]:
    """Return the values that are sent unchanged: for each attr its alternatives."""
    plain = [one for one in branch if isinstance(one, ArchiveAttr) and one.parameter and not one.query_field]
    return [[Wanted(one.parameter, one.column, value) for value in one.values] for one in plain if one.values]
