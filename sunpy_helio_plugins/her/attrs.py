"""
The words for a search of the Heliophysics Events Registry (HER), the registry behind the HEK: ``a.her.*``.

``a.her.Event()`` means every event, ``a.her.CH`` the coronal holes, and each keyword of the registry compares::

    a.her.CH, a.her.frm_name == "SPoCA", a.her.area_atdiskcenter > 1e10 * u.km**2
    a.her.CH | a.her.AR, a.her.CH.area_atdiskcenter > 1e10 * u.km**2

The second form judges coronal holes only. ``&``, ``|`` and ``~`` join all of these, to any depth. sunpy's own
``a.hek.*`` may stand beside them; mind that Python's ``and`` and ``or`` between two of sunpy's lose one of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sunpy.net.attr import Attr, AttrOr, DataAttr

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.attrs import Marker, Word
from sunpy_helio_plugins.her.boxes import SYSTEMS, Box
from sunpy_helio_plugins.her.filters import Field, Filter, NoSuchWord, field
from sunpy_helio_plugins.her.joining import And, Joinable, Or
from sunpy_helio_plugins.her.keywords import event_types, keywords, suppliers
from sunpy_helio_plugins.her.options import Latest, Limit, PageSize, Return, SortBy, Strict, Tests, checked_types
from sunpy_helio_plugins.her.suggestions import did_you_mean

__all__ = ["And", "Box", "Event", "EventType", "Field", "Filter", "Latest", "Limit", "Or", "PageSize", "Return"]
__all__ += ["SYSTEMS", "SortBy", "Strict", "Supplier", "Tests", "Within", *event_types(), *sorted(keywords())]
__all__ = [name for name in __all__ if name not in keywords() or keywords()[name].filter]


class Event(Marker):
    """Every event of the registry, whatever its type."""


class EventType(Joinable, Word):
    """
    Types of event; ``|`` joins them into one search, ``~`` means all others.

    Parameters
    ----------
    *values : str
        Two letters (``"CH"``) or names (``"CoronalHole"``), in any case. The constants ``a.her.CH``, ``a.her.FL`` and
        so on are ready-made.

    Raises
    ------
    QueryError
        No type, or one that the registry does not know.

    Notes
    -----
    A constant of one type has the keywords as attributes, ``a.her.CH.area_atdiskcenter``: a filter made from one
    judges events of that type only (the registry's ``ch.area_atdiskcenter``). ``print(a.her.CH)`` lists them.
    """

    def __init__(self, *values: str) -> None:
        if not values:
            raise QueryError("a.her.EventType needs a type such as 'CH'; a.her.Event() means all of them.")
        super().__init__(*values)

    @classmethod
    def check(cls, value: Any) -> str:
        """Return the two letters of a type."""
        text = super().check(value).upper()
        names = {name.upper(): code for code, name in event_types().items()}
        code = names.get(text, text)
        if code not in event_types():
            allowed = ", ".join(f"{code} ({name})" for code, name in event_types().items())
            raise QueryError(f"The registry has no event type {value!r}; it has {allowed}.")
        return str(code)

    def collides(self, other: Attr) -> bool:
        """Tell whether both cannot stand side by side: they can, and mean the types of both."""
        return False

    def __or__(self, other: Attr) -> Attr:
        if type(other) is not EventType:
            return super().__or__(other)
        return self._of(dict.fromkeys((*self.values, *other.values)))

    def __invert__(self) -> EventType:
        return self._of(code for code in event_types() if code not in self.values)

    @classmethod
    def _of(cls, codes: Iterable[str]) -> EventType:
        """Return an attr of any number of types; what is not any type, none, has its place within a tree."""
        made = cls(*event_types())
        made.values = tuple(codes)
        return made

    def __getattr__(self, name: str) -> Field:
        # Copying and pickling ask for names of theirs before there are any values.
        if name.startswith("_") or name == "values":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if len(self.values) != 1:
            example = next(iter(self.values), "CH")
            raise NoSuchWord(f"Which type's {name}? Write a.her.{example}.{name}, for one type.")
        return field(name, self.values[0])

    def __dir__(self) -> list[str]:
        kind = self.values[0] if len(self.values) == 1 else ""
        own = [name for name, word in keywords().items() if word.filter and (not word.types or kind in word.types)]
        return [*super().__dir__(), *own]

    def __str__(self) -> str:
        words = [word for code in self.values for word in keywords().values() if not word.types or code in word.types]
        rows = [("keyword", "holds", "unit", "description")]
        for word in dict.fromkeys(word for word in words if word.filter):
            unit = word.fixed or (f"see {word.unit}{', squared' * (word.power == 2)}" if word.unit else "")
            rows.append((word.name, word.kind, unit, word.text))
        widths = [max(len(row[index]) for row in rows) for index in range(3)]
        lines = ["  ".join((*map(str.ljust, row[:3], widths), row[3])).rstrip() for row in rows]
        return "\n".join([" ".join(f"{code} ({event_types()[code]})" for code in self.values), *lines])


class Supplier(Joinable, Word):
    """
    Who found the events, by the registry's condensed name of the method.

    Parameters
    ----------
    *values : str
        Such as ``"SPoCA"``, ``"SWPC"``, ``"CACTus"``, ``"SSW Latest Events"``, ``"Flare Detective - Trigger Module"``;
        the full name that is in ``frm_name`` will do as well. Several, or ``|``, mean any of them.

    Notes
    -----
    The registry finds nothing for some full names (JHelioviewer's check of the server), which are therefore judged by
    this package.
    """

    def __init__(self, *values: str) -> None:
        super().__init__(*values)
        if not self.values:
            raise QueryError("a.her.Supplier needs a name such as 'SPoCA'.")
        self.negated = False

    def collides(self, other: Attr) -> bool:
        """Tell whether both cannot stand side by side: they can."""
        return False

    def filters(self) -> Attr:
        """Return the comparisons that say the same: a name that is not known for a condensed one may be a full one."""
        condensed = {name.casefold(): name for name in suppliers()}
        found: Any = field("search_frm_name").isin(condensed.get(name.casefold(), name) for name in self.values)
        full = [name for name in self.values if name.casefold() not in condensed and "(" not in name]
        if full:
            found = found | field("frm_name").isin(full)
        return ~found if self.negated else found

    def __or__(self, other: Attr) -> Attr:
        if type(other) is Supplier and not self.negated and not other.negated:
            return Supplier(*self.values, *other.values)
        # Not the parent's way, which joins the values of any two of a class, negated or not.
        return Or([*other.attrs, self] if isinstance(other, AttrOr) else [self, other])

    def __invert__(self) -> Supplier:
        other = Supplier(*self.values)
        other.negated = not self.negated
        return other

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other) and self.negated == getattr(other, "negated", None)

    __hash__ = Word.__hash__


class Within(DataAttr):
    """
    Events that lie within events of another type, and those others: the registry's containment search.

    Parameters
    ----------
    inner : EventType or str
        The type that is looked for, ``a.her.AR``.
    container : EventType or str
        The type in whose outline, or box, the centres of the inner ones lie, ``a.her.CH``.

    Raises
    ------
    QueryError
        Not exactly one type each.

    Notes
    -----
    Both must lie wholly in the time, and begin within eight hours of each other (the registry's API page). Which lies
    in which is in the ``associations`` of the answer. Comparisons beside it are judged by this package; a box is not.
    """

    def __init__(self, inner: EventType | str, container: EventType | str) -> None:
        super().__init__()
        types = [checked_types([given], EventType) for given in (inner, container)]
        if any(len(found) != 1 for found in types):
            raise QueryError("a.her.Within takes one type and one container, such as a.her.Within(a.her.AR, a.her.CH).")
        self.inner, self.container = types[0][0], types[1][0]

    def collides(self, other: Attr) -> bool:
        """Tell whether both cannot stand side by side."""
        return isinstance(other, Within)

    def __repr__(self) -> str:
        return f"a.her.Within({self.inner!r}, {self.container!r})"


def __getattr__(name: str) -> Field:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name.lower() in keywords():
        return field(name)
    kinds = {long.lower(): code for code, long in event_types().items()}
    if name.lower() in kinds:
        raise NoSuchWord(f"The registry has no word {name!r}; did you mean a.her.{kinds[name.lower()]}?")
    types = f"; its types of event are {', '.join(event_types())}."
    hint = types if len(name) == 2 else did_you_mean(name, __all__, "a.her.")
    raise NoSuchWord(f"The registry has no word {name!r}{hint}")


def __dir__() -> list[str]:
    return list(__all__)


globals().update({code: EventType(code) for code in event_types()})
globals().update({name: Field(keyword) for name, keyword in keywords().items() if keyword.filter})
