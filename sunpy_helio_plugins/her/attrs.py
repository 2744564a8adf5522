"""Attrs of the registry, ``a.her``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import astropy.units as u
import numpy as np
from sunpy.net.attr import Attr, AttrOr, DataAttr

from sunpy_helio_plugins import lazy
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.attrs import ArchiveAttr, MarkerAttr, name_of
from sunpy_helio_plugins.her.filters.comparison import Field, Filter, UnknownKeyword, field
from sunpy_helio_plugins.her.filters.logic import And, Joinable, Or
from sunpy_helio_plugins.her.keywords import did_you_mean, event_types, keywords, suppliers

__all__ = ["And", "Box", "Event", "EventType", "Field", "Filter", "Latest", "Limit", "Or", "PageSize", "Return"]

SYSTEMS = {"helioprojective": u.arcsec, "stonyhurst": u.deg, "carrington": u.deg}
"""The systems in which the registry takes a box, and their units."""

FRAMES = {
    "helioprojective": "helioprojective", "heliographic_stonyhurst": "stonyhurst",
    "heliographic_carrington": "carrington", "hpc": "helioprojective", "hgs": "stonyhurst", "hgc": "carrington",
}  # fmt: skip
"""Names of sunpy's frames, and the registry's short ones."""


class Box(Joinable, DataAttr):
    """
    A box that holds the events' centres; without one, a search takes 5000 arcsec around the Sun, so that CMEs count.

    Parameters
    ----------
    *corners : astropy.units.Quantity or astropy.coordinates.SkyCoord
        ``x1, y1, x2, y2``: lower left and upper right corner, as angles. Or two coordinates, or one of two elements, in
        sunpy's helioprojective (seen from Earth), Stonyhurst or Carrington frame.
    system : str, optional
        ``"helioprojective"`` (as seen from Earth, the default), ``"stonyhurst"`` or ``"carrington"``.

    Raises
    ------
    QueryError
        An unknown system, corners that are no angles, or in the wrong order.

    Notes
    -----
    ``~`` means the events outside, which this package judges.
    """

    def __init__(self, *corners: Any, system: str | None = None) -> None:
        super().__init__()
        *angles, last = corners or (None,)
        if isinstance(last, str):
            corners, system = tuple(angles), last
        sides, found = _from_coordinates(corners) if len(corners) in (1, 2) else (corners, "helioprojective")
        name = str(system or found).lower()
        self.system = FRAMES.get(name, name)
        self.negated = False
        if self.system not in SYSTEMS:
            raise QueryError(f"The registry has no system {system or found!r}; it has {', '.join(SYSTEMS)}.")
        self.corners = _degrees_or_arcsec(sides, SYSTEMS[self.system])

    def collides(self, other: Attr) -> bool:
        """Tell whether both cannot stand side by side: they can, and mean what lies in both."""
        return False

    def __invert__(self) -> Box:
        unit = SYSTEMS[self.system]
        other = Box(*(corner * unit for corner in self.corners), system=self.system)
        other.negated = not self.negated
        return other

    def __repr__(self) -> str:
        corners = ", ".join(f"{corner:g}" for corner in self.corners)
        return f"{'~' * self.negated}a.her.Box({corners}, {self.system!r})"


def _degrees_or_arcsec(angles: tuple[Any, ...], unit: u.UnitBase) -> tuple[float, ...]:
    try:
        corners = tuple(float(u.Quantity(corner).to_value(unit)) for corner in angles)
    except (u.UnitConversionError, TypeError, ValueError) as error:
        raise QueryError(f"a.her.Box takes corners as angles with units, such as 100 * u.{unit}.") from error
    if len(corners) != 4:
        raise QueryError("a.her.Box takes x1, y1, x2, y2: the lower left and the upper right corner.")
    left, bottom, right, top = corners
    if not (np.isfinite(corners).all() and left < right and bottom < top):
        raise QueryError(f"a.her.Box takes the lower left corner first; {corners} {unit} holds nothing.")
    return corners


def _from_coordinates(corners: tuple[Any, ...]) -> tuple[tuple[Any, ...], str]:
    """Return the angles and the system of one coordinate of two elements, or of two coordinates."""
    pair = tuple(corners[0]) if len(corners) == 1 and getattr(corners[0], "shape", ()) == (2,) else corners
    if len(pair) != 2 or not all(hasattr(corner, "spherical") and corner.isscalar for corner in pair):
        raise QueryError("a.her.Box takes four angles, or the coordinates of two corners.")
    names = {corner.name for corner in pair}
    if len(names) > 1:
        raise QueryError(f"Both corners of a.her.Box must be in one frame, not in {' and '.join(sorted(names))}.")
    system = names.pop()
    half = 180 * u.deg
    places = [corner.spherical for corner in pair]
    left, right = (place.lon.wrap_at(half) for place in places)
    if system == "heliographic_carrington" and right < left:
        right = right + 2 * half
    return (left, places[0].lat, right, places[1].lat), system


SUBSETS = ("required", "optional")

HARD_LIMIT = 1000
"""The most events on a page (the registry's API page, "Maximum number of returned results")."""


class _Number(ArchiveAttr):
    """A word that holds one whole number of at least 1."""

    def __init__(self, value: int) -> None:
        super().__init__(value)

    @classmethod
    def check(cls, value: Any) -> int:
        """Return the number."""
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise QueryError(f"{name_of(cls)} takes a whole number of at least 1, not {value!r}.")
        return int(value)

    def __or__(self, other: Attr) -> Attr:
        # Two limits are no alternatives that one search could answer.
        return DataAttr.__or__(self, other)


class Limit(_Number):
    """
    The largest number of events that a search brings, the earliest first, or the first in the order of `SortBy`.

    Parameters
    ----------
    value : int
        At least 1.

    Raises
    ------
    QueryError
        No such number.
    """

    query_field, parameter, is_single = "limit", "result_limit", True


class PageSize(_Number):
    """
    How many events a page holds; a search reads all pages. Defaults to 1000, the most that the registry gives.

    Parameters
    ----------
    value : int
        From 1 to 1000.

    Raises
    ------
    QueryError
        No such number.
    """

    query_field, parameter, is_single = "page_size", "result_limit", True

    @classmethod
    def check(cls, value: Any) -> int:
        """Return the number."""
        number = super().check(value)
        if number > HARD_LIMIT:
            raise QueryError(f"The registry gives {HARD_LIMIT} events on a page at most, not {number}.")
        return int(number)


class SortBy(ArchiveAttr):
    """
    The order of the answer. Without it events come by ``event_starttime``.

    Parameters
    ----------
    keyword : str
        The keyword whose values order the events; those without a value come last.
    descending : bool, optional
        Whether the largest, or latest, comes first.

    Raises
    ------
    QueryError
        No such keyword.
    """

    def __init__(self, keyword: str, descending: bool = False) -> None:
        super().__init__(keyword)
        self.descending = bool(descending)
        self.values = (*self.values, self.descending)

    @classmethod
    def check(cls, value: Any) -> str:
        """Return the keyword's name."""
        name = super().check(value).lower()
        if name not in keywords():
            raise QueryError(f"The registry has no keyword {value!r} to sort by.")
        return str(name)

    def asked(self) -> dict[str, Any]:
        """Return the keyword and the direction."""
        return {"sort_by": self.values[0], "descending": self.descending}

    def __or__(self, other: Attr) -> Attr:
        return DataAttr.__or__(self, other)


class Return(ArchiveAttr):
    """
    The keywords that come with each event, so that long answers stay small.

    Parameters
    ----------
    *values : str
        Keywords, ``"refs"`` among them; or ``"required"`` or ``"optional"``, which stand alone.

    Raises
    ------
    QueryError
        No keyword, one that the registry does not know, or a mixture of both forms.

    Notes
    -----
    ``kb_archivid``, what reading the keywords takes, such as units and instants, and what a comparison of the search
    needs for its check, is asked for as well, and is not printed. A subset says nothing of the other one: values that
    cannot be read without it are masked, and named in ``problems``.
    """

    query_field, parameter = "returns", "return"

    def __init__(self, *values: str) -> None:
        super().__init__(*values)
        subsets = [value for value in self.values if value in SUBSETS]
        if not values or (subsets and len(self.values) > 1):
            raise QueryError(f"a.her.Return takes keywords, or one of {' and '.join(SUBSETS)} alone, not {values}.")

    @classmethod
    def check(cls, value: Any) -> str:
        """Return the keyword's name."""
        name = super().check(value).lower()
        if name not in keywords() and name not in SUBSETS:
            raise QueryError(f"The registry has no keyword {value!r} to return.")
        return str(name)


class Strict(MarkerAttr):
    """Only events that lie wholly within the time, not those that overlap it."""

    query_field = "strict"


class Tests(ArchiveAttr):
    """
    What to do with the registry's own test events.

    Parameters
    ----------
    value : str
        ``"hide"`` (as without this word), ``"only"`` or ``"show"``.

    Raises
    ------
    QueryError
        Another value.
    """

    query_field, parameter, is_single = "tests", "showtests", True

    def __init__(self, value: str) -> None:
        super().__init__(value)

    @classmethod
    def check(cls, value: Any) -> str:
        """Return the value."""
        text = super().check(value).lower()
        if text not in ("hide", "only", "show"):
            raise QueryError(f"a.her.Tests takes 'hide', 'only' or 'show', not {value!r}.")
        return str(text)


class Latest(MarkerAttr):
    """
    One row for each event: its newest revision.

    CACTus submits an eruption again every few hours under a new name; those that agree in start, position angle and
    width count as one, of which the last submission stays.
    """

    query_field = "latest"


def checked_types(values: Iterable[Any], types: Any) -> tuple[str, ...]:
    """Return the two letters of each type of event, given as attrs or text."""
    found: list[str] = []
    for value in values:
        found += getattr(value, "values", None) or [types.check(value)]
    return tuple(dict.fromkeys(found))


__all__ += ["SYSTEMS", "SortBy", "Strict", "Supplier", "Tests", "Within", *event_types(), *sorted(keywords())]

__all__ = [name for name in __all__ if name not in keywords() or keywords()[name].filter]


class Event(MarkerAttr):
    """Every event of the registry, whatever its type."""


class EventType(Joinable, ArchiveAttr):
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
            raise UnknownKeyword(f"Which type's {name}? Write a.her.{example}.{name}, for one type.")
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

    @classmethod
    def offered(cls) -> list[tuple[str, str]]:
        """Return the types of event."""
        return list(event_types().items())


class Supplier(Joinable, ArchiveAttr):
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

    __hash__ = ArchiveAttr.__hash__

    @classmethod
    def offered(cls) -> list[tuple[str, str]]:
        """Return the condensed names of methods."""
        return [(name, "Condensed name of a method.") for name in suppliers()]


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

    def asked(self) -> dict[str, Any]:
        """Return both types."""
        return {"within": (self.inner, self.container)}

    def __repr__(self) -> str:
        return f"a.her.Within({self.inner!r}, {self.container!r})"


def __getattr__(name: str) -> Field:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name.lower() in keywords():
        return field(name)
    kinds = {long.lower(): code for code, long in event_types().items()}
    if name.lower() in kinds:
        raise UnknownKeyword(f"The registry has no word {name!r}; did you mean a.her.{kinds[name.lower()]}?")
    types = f"; its types of event are {', '.join(event_types())}."
    hint = types if len(name) == 2 else did_you_mean(name, __all__, "a.her.")
    raise UnknownKeyword(f"The registry has no word {name!r}{hint}")


__dir__ = lazy.listing(__all__)


globals().update({code: EventType(code) for code in event_types()})

globals().update({name: Field(keyword) for name, keyword in keywords().items() if keyword.filter})
