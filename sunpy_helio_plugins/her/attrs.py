"""Attrs of the registry, ``a.her``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import astropy.units as u
import numpy as np
from sunpy.net.attr import Attr, AttrOr, DataAttr

from sunpy_helio_plugins import lazy
from sunpy_helio_plugins.arguments import close_names, shown
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.attrs import ArchiveAttr, MarkerAttr, name_of
from sunpy_helio_plugins.her.filters.comparison import Field, Filter, Raw, UnknownKeyword, field
from sunpy_helio_plugins.her.filters.logic import And, Joinable, Or
from sunpy_helio_plugins.her.keywords import did_you_mean, event_types, keywords, suppliers

__all__ = ["And", "Box", "Event", "EventType", "Field", "Filter", "Latest", "Limit", "Or", "PageSize", "Raw", "Return"]

SYSTEMS = {"helioprojective": u.arcsec, "stonyhurst": u.deg, "carrington": u.deg}
"""The coordinate systems in which the registry accepts a box, and their units."""

FRAMES = {
    "helioprojective": "helioprojective", "heliographic_stonyhurst": "stonyhurst",
    "heliographic_carrington": "carrington", "hpc": "helioprojective", "hgs": "stonyhurst", "hgc": "carrington",
}  # fmt: skip
"""Names of sunpy's frames, and the registry's short names."""


class Box(Joinable, DataAttr):
    """
    A box for the centers of events; without one, a search covers 5000 arcsec around the Sun, so that CMEs are included.

    Parameters
    ----------
    *corners : astropy.units.Quantity or astropy.coordinates.SkyCoord
        ``x1, y1, x2, y2``: the lower left and upper right corner, as angles. Alternatively two coordinates, or one with
        two elements, in sunpy's helioprojective (as seen from Earth), Stonyhurst or Carrington frame.
    system : str, optional
        ``"helioprojective"`` (as seen from Earth, the default), ``"stonyhurst"`` or ``"carrington"``.

    Raises
    ------
    QueryError
        The system is unknown, or the corners are not angles or in the wrong order.

    Notes
    -----
    ``~`` selects the events outside of the box, which is evaluated by this package.
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
            raise QueryError(
                f"The registry does not have a system {shown(system or found)}; use one of {', '.join(SYSTEMS)}."
            )
        self.corners = _degrees_or_arcsec(sides, SYSTEMS[self.system])

    def collides(self, other: Attr) -> bool:
        """Return `False`: several boxes can be combined, which selects their intersection."""
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
        raise QueryError(f"a.her.Box takes the lower left corner first; the box {corners} {unit} is empty.")
    return corners


def _from_coordinates(corners: tuple[Any, ...]) -> tuple[tuple[Any, ...], str]:
    """Return the angles and the system of one coordinate with two elements, or of two coordinates."""
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
    """An attr with one integer of at least 1."""

    def __init__(self, value: int) -> None:
        super().__init__(value)

    @classmethod
    def check(cls, value: Any) -> int:
        """Return the number."""
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise QueryError(f"{name_of(cls)} takes an integer of at least 1, not {shown(value)}.")
        return int(value)

    def __or__(self, other: Attr) -> Attr:
        # Two limits are not alternatives that one search could combine.
        return DataAttr.__or__(self, other)


class Limit(_Number):
    """
    The largest number of events to return: the earliest, or the first in the order of `SortBy`.

    Parameters
    ----------
    value : int
        At least 1.

    Raises
    ------
    QueryError
        The value is not an integer of at least 1.
    """

    query_field, parameter, is_single = "limit", "result_limit", True


class PageSize(_Number):
    """
    The number of events per page; a search reads all pages. The default is 1000, the maximum of the registry.

    Parameters
    ----------
    value : int
        From 1 to 1000.

    Raises
    ------
    QueryError
        The value is not an integer from 1 to 1000.
    """

    query_field, parameter, is_single = "page_size", "result_limit", True

    @classmethod
    def check(cls, value: Any) -> int:
        """Return the number."""
        number = super().check(value)
        if number > HARD_LIMIT:
            raise QueryError(f"The registry returns at most {HARD_LIMIT} events per page, not {number}.")
        return int(number)


class SortBy(ArchiveAttr):
    """
    The order of the events. The default is ``event_starttime``.

    Parameters
    ----------
    keyword : str
        The keyword to sort by; events without a value are last.
    descending : bool, optional
        Whether to sort in descending order.

    Raises
    ------
    QueryError
        The keyword does not exist.
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
            raise QueryError(f"The registry does not have a keyword {shown(value)} to sort by.")
        return str(name)

    def asked(self) -> dict[str, Any]:
        """Return the keyword and the direction."""
        return {"sort_by": self.values[0], "descending": self.descending}

    def __or__(self, other: Attr) -> Attr:
        return DataAttr.__or__(self, other)


class Return(ArchiveAttr):
    """
    The keywords to return with each event, so that large responses stay small.

    Parameters
    ----------
    *values : str
        Keywords, including ``"refs"``; or only one of ``"required"`` and ``"optional"``.

    Raises
    ------
    QueryError
        No keyword was given, the registry does not have a keyword, or both forms were mixed.

    Notes
    -----
    The keywords that are needed to read the given ones, such as units and times, those needed to evaluate the
    comparisons of the search, and ``kb_archivid`` are requested as well, but not printed. ``"required"`` does not
    include the optional keywords, nor ``"optional"`` the required ones: values that cannot be read without them are
    masked, and listed in ``problems``.
    """

    query_field, parameter = "returns", "return"

    def __init__(self, *values: str) -> None:
        super().__init__(*values)
        subsets = [value for value in self.values if value in SUBSETS]
        if not values or (subsets and len(self.values) > 1):
            raise QueryError(f"a.her.Return takes keywords, or only one of {' and '.join(SUBSETS)}, not {values}.")

    @classmethod
    def check(cls, value: Any) -> str:
        """Return the keyword's name."""
        name = super().check(value).lower()
        if name not in keywords() and name not in SUBSETS:
            raise QueryError(f"The registry does not have a keyword {shown(value)} to return.")
        return str(name)


class Strict(MarkerAttr):
    """Only events that lie completely within the time range, instead of those that overlap it."""

    query_field = "strict"


class Tests(ArchiveAttr):
    """
    How to handle the test events of the registry.

    Parameters
    ----------
    value : str
        ``"hide"`` (the default without this attr), ``"only"`` or ``"show"``.

    Raises
    ------
    QueryError
        The value is not one of these.
    """

    query_field, parameter, is_single = "tests", "showtests", True

    def __init__(self, value: str) -> None:
        super().__init__(value)

    @classmethod
    def check(cls, value: Any) -> str:
        """Return the value."""
        text = super().check(value).lower()
        if text not in ("hide", "only", "show"):
            raise QueryError(f"a.her.Tests takes 'hide', 'only' or 'show', not {shown(value)}.")
        return str(text)


class Latest(MarkerAttr):
    """
    One row for each event: its newest revision.

    CACTus submits an eruption again every few hours under a new name; submissions with the same start, position angle
    and width are treated as one event, and the last one is kept.
    """

    query_field = "latest"


class Refresh(MarkerAttr):
    """
    Request all events again, also those that earlier searches kept.

    Without this attr, kept events are requested again if they may have changed; see ``conf.her.cache_days``.
    """

    query_field = "refresh"


def checked_types(values: Iterable[Any], types: Any) -> tuple[str, ...]:
    """Return the two-letter codes of event types, given as attrs or text."""
    found: list[str] = []
    for value in values:
        found += (isinstance(value, Attr) and getattr(value, "values", None)) or [types.check(value)]
    return tuple(dict.fromkeys(found))


__all__ += [
    "Refresh",
    "SYSTEMS",
    "SortBy",
    "Strict",
    "Supplier",
    "Tests",
    "Within",
    *event_types(),
    *sorted(keywords()),
]

__all__ = [name for name in __all__ if name not in keywords() or keywords()[name].filter]


class Event(MarkerAttr):
    """All events of the registry, of any type."""


class _Unchecked(str):
    """The letters of an event type that is not checked."""


def _two_letters(value: Any) -> _Unchecked:
    if not isinstance(value, str) or not re.fullmatch("[A-Za-z]{2}", value.strip()):
        raise QueryError(f"a.her.EventType takes two letters with unchecked=True, not {shown(value)}.")
    return _Unchecked(value.strip().upper())


class EventType(Joinable, ArchiveAttr):
    """
    Event types; ``|`` joins them into one search, ``~`` selects all others.

    Parameters
    ----------
    *values : str
        Two letters (``"CH"``) or names (``"CoronalHole"``), in any case. The constants ``a.her.CH``, ``a.her.FL`` and
        so on can be used instead.
    unchecked : bool, optional
        Whether to accept any two letters, since the registry may have types that this package does not know.

    Raises
    ------
    QueryError
        No type was given, or the registry does not have it.

    Notes
    -----
    The constant of a type has the keywords as attributes, ``a.her.CH.area_atdiskcenter``: a filter made from one
    applies to events of that type only (the registry's ``ch.area_atdiskcenter``). ``print(a.her.CH)`` lists the
    keywords.
    """

    def __init__(self, *values: str, unchecked: bool = False) -> None:
        if not values:
            raise QueryError("a.her.EventType takes a type such as 'CH'; use a.her.Event() for all types.")
        super().__init__(*(map(_two_letters, values) if unchecked else values))
        self.values = tuple(map(str, self.values))

    @classmethod
    def check(cls, value: Any) -> str:
        """Return the two letters of a type."""
        return value if isinstance(value, _Unchecked) else cls._known(value)

    @classmethod
    def _known(cls, value: Any) -> str:
        text = super().check(value).upper()
        names = {name.upper(): code for code, name in event_types().items()}
        code = names.get(text, text)
        if code not in event_types():
            parts = [part.strip() for part in text.split(",")]
            if len(parts) > 1 and all(part in event_types() for part in parts):
                types = " | ".join(f"a.her.{part}" for part in parts)
                raise QueryError(f"An event has one type, not {shown(value)}; join types with |: {types}.")
            near = close_names(value, event_types().values()) or close_names(value, event_types())
            newer = f" For a newer type use a.her.EventType({text!r}, unchecked=True)." if len(text) == 2 else ""
            allowed = f" The types are {', '.join(event_types())}."
            raise QueryError(f"The registry does not have an event type {shown(value)}.{near}{allowed}{newer}")
        return str(code)

    def collides(self, other: Attr) -> bool:
        """Return `False`: several attrs of types can be combined, which selects the types that are in all."""
        return False

    def __or__(self, other: Attr) -> Attr:
        if type(other) is not EventType:
            return super().__or__(other)
        return self._of(dict.fromkeys((*self.values, *other.values)))

    def __invert__(self) -> EventType:
        return self._of(code for code in event_types() if code not in self.values)

    @classmethod
    def _of(cls, codes: Iterable[str]) -> EventType:
        """Return an attr with any number of types; one without types can result from inverting a tree."""
        made = cls(*event_types())
        made.values = tuple(codes)
        return made

    def __getattr__(self, name: str) -> Field:
        # copy and pickle look up special names before values is set.
        if name.startswith("_") or name == "values":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if len(self.values) != 1:
            example = next(iter(self.values), "CH")
            raise UnknownKeyword(f"{name} takes one type, such as a.her.{example}.{name}.")
        return field(name, self.values[0])

    def __dir__(self) -> list[str]:
        # Completion shows the keywords only; those of a subset of types would not tell to which they apply.
        kind = self.values[0] if len(self.values) == 1 else ""
        return [name for name, word in keywords().items() if word.filter and kind and word.is_of(kind)]

    def __str__(self) -> str:
        words = [word for code in self.values for word in keywords().values() if not word.types or code in word.types]
        rows = [("keyword", "type", "unit", "description")]
        for word in dict.fromkeys(word for word in words if word.filter):
            unit = word.fixed or (f"see {word.unit}{', squared' * (word.power == 2)}" if word.unit else "")
            rows.append((word.name, word.kind, unit, word.text))
        widths = [max(len(row[index]) for row in rows) for index in range(3)]
        lines = ["  ".join((*map(str.ljust, row[:3], widths), row[3])).rstrip() for row in rows]
        return "\n".join([" ".join(f"{code} ({event_types().get(code, 'unknown')})" for code in self.values), *lines])

    @classmethod
    def offered(cls) -> list[tuple[str, str]]:
        """Return the event types."""
        return list(event_types().items())


class Supplier(Joinable, ArchiveAttr):
    """
    The method that found the events, by the registry's condensed name of it.

    Parameters
    ----------
    *values : str
        Such as ``"SPoCA"``, ``"SWPC"``, ``"CACTus"``, ``"SSW Latest Events"``, ``"Flare Detective - Trigger Module"``;
        the full name in ``frm_name`` is accepted as well. Several names, or ``|``, select any of them.

    Raises
    ------
    QueryError
        No name was given.

    Notes
    -----
    The registry does not find events by the full names of some methods (JHelioviewer's check of the server), so that
    this package evaluates them.
    """

    def __init__(self, *values: str) -> None:
        super().__init__(*values)
        if not self.values:
            raise QueryError("a.her.Supplier takes at least one name such as 'SPoCA'.")
        self.negated = False

    def collides(self, other: Attr) -> bool:
        """Return `False`: several attrs of this class can be combined."""
        return False

    def filters(self) -> Attr:
        """Return the equivalent comparisons: a name that is not a known condensed name may be a full one."""
        condensed = {name.casefold(): name for name in suppliers()}
        found: Any = field("search_frm_name").isin(condensed.get(name.casefold(), name) for name in self.values)
        full = [name for name in self.values if name.casefold() not in condensed and "(" not in name]
        if full:
            found = found | field("frm_name").isin(full)
        return ~found if self.negated else found

    def __or__(self, other: Attr) -> Attr:
        if type(other) is Supplier and not self.negated and not other.negated:
            return Supplier(*self.values, *other.values)
        # Unlike the base class, which joins the values of any two attrs of a class, negated or not.
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
    Events that lie within events of another type, together with those: the registry's containment search.

    Parameters
    ----------
    inner : EventType or str
        The type to search for, such as ``a.her.AR``.
    container : EventType or str
        The type whose outline, or box, contains the centers of the inner events, such as ``a.her.CH``.

    Raises
    ------
    QueryError
        One of the two is not exactly one type.

    Notes
    -----
    Both events must lie completely within the time range, and begin within eight hours of each other (the registry's
    API page). ``associations`` of the table lists which event lies in which. Comparisons that are combined with this
    attr are evaluated by this package; a box is not.
    """

    def __init__(self, inner: EventType | str, container: EventType | str) -> None:
        super().__init__()
        types = [checked_types([given], EventType) for given in (inner, container)]
        if any(len(found) != 1 for found in types):
            raise QueryError("a.her.Within takes one type and one container, such as a.her.Within(a.her.AR, a.her.CH).")
        self.inner, self.container = types[0][0], types[1][0]

    def collides(self, other: Attr) -> bool:
        """Return whether the other attr is a containment search, too."""
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
        raise UnknownKeyword(f"a.her does not have {name!r}; did you mean a.her.{kinds[name.lower()]}?")
    types = f"; the event types are {', '.join(event_types())}."
    hint = types if len(name) == 2 else did_you_mean(name, __all__, "a.her.")
    raise UnknownKeyword(f"a.her does not have {name!r}{hint}")


__dir__ = lazy.listing(__all__)


globals().update({code: EventType(code) for code in event_types()})

globals().update({name: Field(keyword) for name, keyword in keywords().items() if keyword.filter})
