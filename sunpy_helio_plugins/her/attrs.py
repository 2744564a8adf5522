"""
The words for a search of the Heliophysics Events Registry (HER), the registry behind the HEK: ``a.her.*``.

``a.her.Event()`` means every event, ``a.her.CH`` the coronal holes, and each keyword of the registry compares::

    a.her.CH, a.her.frm_name == "SPoCA", a.her.area_atdiskcenter > 1e10 * u.km**2
    a.her.CH | a.her.AR, a.her.CH.area_atdiskcenter > 1e10 * u.km**2

The second form judges coronal holes only. sunpy's own ``a.hek.*`` may stand beside these.
"""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
from sunpy.net.attr import Attr, DataAttr

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido import Marker, Word
from sunpy_helio_plugins.her.keywords import Keyword, event_types, keywords

__all__ = ["Event", "EventType", "Field", "Filter", "Limit", "Region", *event_types(), *sorted(keywords())]
__all__ = [name for name in __all__ if name not in keywords() or keywords()[name].filter]

EQUALITY = ("=", "!=")
ORDER = ("<", "<=", ">", ">=")


class Event(Marker):
    """Every event of the registry, whatever its type."""


class EventType(Word):
    """
    Types of event; ``|`` joins them into one search.

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
    judges events of that type only (the registry's ``ch.area_atdiskcenter``).
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

    def __getattr__(self, name: str) -> Field:
        keyword = keywords().get(name.lower())
        if keyword is None or not keyword.filter or name.startswith("_"):
            raise AttributeError(f"The registry has no keyword {name!r}.")
        if len(self.values) != 1:
            raise AttributeError(f"Which type's {name}? Write a.her.{self.values[0]}.{name}.")
        return Field(keyword, self.values[0])

    def __dir__(self) -> list[str]:
        kind = self.values[0] if len(self.values) == 1 else ""
        own = [name for name, word in keywords().items() if word.filter and (not word.types or kind in word.types)]
        return [*super().__dir__(), *own]


class Limit(Word):
    """
    The largest number of events that a search brings, the earliest first.

    Parameters
    ----------
    value : int
        At least 1.

    Raises
    ------
    QueryError
        No such number.
    """

    def __init__(self, value: int) -> None:
        super().__init__(value)

    @classmethod
    def check(cls, value: Any) -> int:
        """Return the number."""
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise QueryError(f"a.her.Limit takes a whole number of at least 1, not {value!r}.")
        return int(value)

    def __or__(self, other: Attr) -> Attr:
        # Two limits are no alternatives that one search could answer.
        return DataAttr.__or__(self, other)


SYSTEMS = {"helioprojective": u.arcsec, "stonyhurst": u.deg, "carrington": u.deg}
"""The systems in which the registry takes a box, and their units."""


class Region(DataAttr):
    """
    A box that holds the events' centres; without one, a search takes 5000 arcsec around the Sun, so that CMEs count.

    Parameters
    ----------
    x1, y1, x2, y2 : astropy.units.Quantity
        Lower left and upper right corner, as angles.
    system : str, optional
        ``"helioprojective"`` (as seen from Earth, the default), ``"stonyhurst"`` or ``"carrington"``.

    Raises
    ------
    QueryError
        An unknown system, corners that are no angles, or in the wrong order.
    """

    def __init__(
        self, x1: u.Quantity, y1: u.Quantity, x2: u.Quantity, y2: u.Quantity, system: str = "helioprojective"
    ) -> None:
        super().__init__()
        self.system = str(system).lower()
        if self.system not in SYSTEMS:
            raise QueryError(f"The registry has no system {system!r}; it has {', '.join(SYSTEMS)}.")
        unit = SYSTEMS[self.system]
        try:
            self.corners = tuple(float(u.Quantity(corner).to_value(unit)) for corner in (x1, y1, x2, y2))
        except (u.UnitConversionError, TypeError) as error:
            raise QueryError(f"a.her.Region takes corners as angles with units, such as 100 * u.{unit}.") from error
        left, bottom, right, top = self.corners
        if not (np.isfinite(self.corners).all() and left < right and bottom < top):
            raise QueryError(f"a.her.Region takes the lower left corner first; {self.corners} {unit} holds nothing.")

    def collides(self, other: Attr) -> bool:
        """Tell whether both cannot stand side by side."""
        return isinstance(other, Region)


class Filter(DataAttr):
    """
    A comparison of one keyword, as ``a.her.frm_name == "SPoCA"`` makes it.

    Attributes
    ----------
    name : str
        The keyword.
    operator : str
        The registry's operator: ``=``, ``!=``, ``<``, ``<=``, ``>``, ``>=`` or ``like``.
    value : str
        The value as the registry takes it.
    event_type : str
        The only type of event that is judged; empty for all.
    """

    def __init__(self, name: str, operator: str, value: str, event_type: str = "") -> None:
        super().__init__()
        self.name, self.operator, self.value, self.event_type = name, operator, value, event_type

    def collides(self, other: Attr) -> bool:
        """Tell whether both cannot stand side by side: any two comparisons can."""
        return False

    def __bool__(self) -> bool:
        # Python's own "and", "or" and "1 < x < 5" would silently drop one of two comparisons.
        raise TypeError("Join comparisons with & or |, or pass them one by one; 'and', 'or' and 1 < x < 5 lose one.")

    def __repr__(self) -> str:
        prefix = f"{self.event_type}." if self.event_type else ""
        return f"a.her.{prefix}{self.name} {self.operator} {self.value!r}"


class Field:
    """
    A keyword of the registry, to be compared with a value.

    Parameters
    ----------
    keyword : Keyword
        What is known of it.
    event_type : str, optional
        The type of event that its filters judge; all by default.

    Notes
    -----
    Text compares by the alphabet and with case (``fl_goescls > "M"`` finds M and X flares); `like` takes ``%`` as a
    wildcard. Booleans take `True` and `False`. Numbers take a quantity where the registry's unit is known.
    """

    def __init__(self, keyword: Keyword, event_type: str = "") -> None:
        if event_type and keyword.types and event_type not in keyword.types:
            raise QueryError(f"{event_type} has no {keyword.name}; {', '.join(keyword.types)} have.")
        self.keyword, self.event_type = keyword, event_type
        self.__doc__ = keyword.description

    def _compare(self, operator: str, value: Any) -> Filter:
        return Filter(self.keyword.name, operator, _spelt(self.keyword, operator, value), self.event_type)

    def __eq__(self, other: object) -> Filter:
        return self._compare("=", other)

    def __ne__(self, other: object) -> Filter:
        return self._compare("!=", other)

    def __lt__(self, other: Any) -> Filter:
        return self._compare("<", other)

    def __le__(self, other: Any) -> Filter:
        return self._compare("<=", other)

    def __gt__(self, other: Any) -> Filter:
        return self._compare(">", other)

    def __ge__(self, other: Any) -> Filter:
        return self._compare(">=", other)

    # Comparisons make filters, so equality cannot mean identity; a quantity must not take the comparison over either.
    __hash__ = None  # type: ignore[assignment]
    __array_ufunc__ = None

    def like(self, pattern: str) -> Filter:
        """Return the filter that a text matches a pattern, in which ``%`` stands for any characters."""
        return self._compare("like", pattern)

    def __repr__(self) -> str:
        return f"<{self.keyword.description}>"


def _spelt(keyword: Keyword, operator: str, value: Any) -> str:
    """Return a value as the registry takes it, or say why it takes none such."""
    if keyword.kind == "boolean":
        return _boolean(keyword, operator, value)
    if keyword.kind in ("float", "integer"):
        return _number(keyword, operator, value)
    if not isinstance(value, str):
        raise QueryError(f"{keyword.name} is text; it cannot be compared with {value!r}.")
    return value


def _boolean(keyword: Keyword, operator: str, value: Any) -> str:
    text = str(value).lower()
    if operator not in EQUALITY or text not in ("true", "false"):
        raise QueryError(f"{keyword.name} is True or False and takes == and != only, not {operator} {value!r}.")
    return text


def _number(keyword: Keyword, operator: str, value: Any) -> str:
    if operator not in EQUALITY + ORDER:
        raise QueryError(f"{keyword.name} is a number; {operator} is for text.")
    try:
        number = float(_in_unit(keyword, value) if isinstance(value, u.Quantity) else value)
    except (TypeError, ValueError) as error:
        raise QueryError(f"{keyword.name} is a number; it cannot be compared with {value!r}.") from error
    if isinstance(value, bool) or not np.isfinite(number):
        raise QueryError(f"{keyword.name} is a number; it cannot be compared with {value!r}.")
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def _in_unit(keyword: Keyword, value: u.Quantity) -> float:
    if not keyword.fixed:
        raise QueryError(
            f"The registry compares {keyword.name} in whatever unit a record is in; "
            "give the bare number that you mean, not a quantity."
        )
    try:
        return float(value.to_value(keyword.fixed))
    except (u.UnitConversionError, TypeError) as error:
        raise QueryError(f"{keyword.name} is in {keyword.fixed}; {value} cannot be converted to it.") from error


globals().update({code: EventType(code) for code in event_types()})
globals().update({name: Field(keyword) for name, keyword in keywords().items() if keyword.filter})
