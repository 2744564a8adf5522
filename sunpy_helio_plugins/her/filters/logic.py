"""AND, OR and NOT of the registry's attrs, to any depth; sunpy's trees do not support NOT."""

from __future__ import annotations

from typing import Any

from sunpy.net.attr import Attr, AttrAnd, AttrOr

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.attrs import name_of
from sunpy_helio_plugins.io.queries import register_joiner

__all__ = ["And", "Joinable", "Or", "invert", "refuse_uncompared"]


class Joinable:
    """Mixin for attrs: ``&`` and ``|`` return trees that ``~`` can invert; conversion to a bool raises an error."""

    def __and__(self, other: Attr) -> Attr:
        refuse_uncompared(other)
        return _ours(super().__and__(other))  # type: ignore[misc]

    def __or__(self, other: Attr) -> Attr:
        refuse_uncompared(other)
        return _ours(super().__or__(other))  # type: ignore[misc]

    def __rand__(self, other: Attr) -> Attr:
        return _ours(other.__and__(self))

    def __invert__(self) -> Attr:
        raise QueryError(f"{name_of(type(self))} cannot be negated; remove the ~ before it.")

    def __bool__(self) -> bool:
        # Python's "and", "or" and "1 < x < 5" would silently drop one of two comparisons.
        raise TypeError("Join comparisons with & or |, or pass them separately; 'and', 'or' and 1 < x < 5 drop one.")


class And(Joinable, AttrAnd):
    """All of several attrs."""

    def __invert__(self) -> Attr:
        inverted = [invert(attr) for attr in self.attrs]
        made = inverted[0]
        for attr in inverted[1:]:
            made = made | attr
        return _ours(made)


class Or(Joinable, AttrOr):
    """Any of several attrs."""

    def __invert__(self) -> Attr:
        inverted = [invert(attr) for attr in self.attrs]
        made = inverted[0]
        for attr in inverted[1:]:
            made = made & attr
        return _ours(made)


def refuse_uncompared(*words: Any) -> None:
    """Raise QueryError if a keyword is used without a comparison."""
    for word in words:
        if hasattr(type(word), "refuse_alone"):
            word.refuse_alone()


def invert(attr: Any) -> Attr:
    """Return the negation of an attr or tree of ``a.her``; raise QueryError for others, such as ``a.Time``."""
    if isinstance(attr, AttrAnd | AttrOr):
        attr = _ours(attr)
    if not isinstance(attr, Joinable):
        raise QueryError(f"{name_of(type(attr))} cannot be negated; remove the ~ before it.")
    return ~attr


def _ours(tree: Any) -> Any:
    """Convert a tree of sunpy to one of this module; return anything else, including `NotImplemented`, unchanged."""
    if type(tree) is AttrAnd:
        return And(tree.attrs)
    if type(tree) is AttrOr:
        return Or([_ours(attr) for attr in tree.attrs])
    return tree


register_joiner(_ours)
