"""Comparisons of the registry's keywords, and the spelling of their values in requests."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any

import astropy.units as u
import numpy as np
from astropy.time import Time
from sunpy.net.attr import Attr, DataAttr

from sunpy_helio_plugins.arguments import is_several, refused, shown
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her.filters import goes
from sunpy_helio_plugins.her.filters.goes import is_class
from sunpy_helio_plugins.her.filters.logic import Joinable
from sunpy_helio_plugins.her.keywords import Keyword, did_you_mean, keywords

__all__ = ["Field", "Filter", "Raw", "UnknownKeyword", "field"]

EQUALITY = ("=", "!=")
ORDER = ("<", "<=", ">", ">=")
PATTERN = ("like", "not like")


class UnknownKeyword(QueryError, AttributeError):  # noqa: N818 - names what it is
    """The registry does not have this keyword; also an `AttributeError`, so that `hasattr` works."""


class Filter(Joinable, DataAttr):
    """
    A comparison of one keyword, as created by ``a.her.frm_name == "SPoCA"``; ``~`` returns the opposite.

    Attributes
    ----------
    name : str
        The keyword.
    operator : str
        The registry's operator, ``=``, ``!=``, ``<``, ``<=``, ``>``, ``>=`` or ``like``; or ``not like``, which this
        package evaluates.
    value : str
        The value in the registry's spelling.
    event_type : str
        The only event type that the comparison applies to; empty for all.
    unit : str
        The unit of the value if each record has its own; this package then evaluates the comparison, and it is not sent
        to the registry.
    """

    def __init__(self, name: str, operator: str, value: str, event_type: str = "", unit: str = "") -> None:
        super().__init__()
        self.name, self.operator, self.value, self.event_type, self.unit = name, operator, value, event_type, unit

    def collides(self, other: Attr) -> bool:
        """Return `False`: any two comparisons can be combined."""
        return False

    def __invert__(self) -> Filter:
        # The table of opposites is shared; only GOES classes can be bare letters.
        asked = self.value if self.name == "fl_goescls" else ""
        sign, value = goes.opposite(self.operator, asked)
        return type(self)(self.name, sign, value if asked else self.value, self.event_type, self.unit)

    def __repr__(self) -> str:
        prefix = f"{self.event_type}." if self.event_type else ""
        return f"a.her.{prefix}{self.name} {self.operator} {self.value!r}{self.unit and ' ' + self.unit}"


class Field:
    """
    A keyword of the registry, to be compared with a value.

    Parameters
    ----------
    keyword : Keyword
        The properties of the keyword.
    event_type : str, optional
        The event type that its filters apply to; all by default.

    Raises
    ------
    UnknownKeyword
        Events of this type do not have the keyword.

    Notes
    -----
    Text is compared alphabetically, so that ``"M" < "SPoCA" < "a"``, and with its case: ``"spoca"`` may not find
    ``"SPoCA"``. `like` accepts ``%`` as a wildcard. GOES classes are compared by flux, with a class (``"M1"``), a
    letter (``"M"``, all of M1.0 to M9.9) or a flux in W/m2. Booleans are compared with `True` and `False`. Numbers can
    be compared with a quantity; if each record has its own unit, this package evaluates the comparison instead of the
    registry. Times are compared with a `~astropy.time.Time` or its text.
    """

    def __init__(self, keyword: Keyword, event_type: str = "") -> None:
        if not isinstance(keyword, Keyword) or not isinstance(event_type, str):
            raise refused("a.her.Field", (keyword, event_type), "a Keyword and the name of an event type")
        if event_type and keyword.types and event_type not in keyword.types:
            raise UnknownKeyword(
                f"{event_type} does not have {keyword.name}; it is a keyword of {', '.join(keyword.types)}."
            )
        self.keyword, self.event_type = keyword, event_type
        self.__doc__ = keyword.description

    def _compare(self, operator: str, value: Any) -> Filter:
        try:
            text, unit = _spelt(self.keyword, operator, value)
        except QueryError as error:
            raise QueryError(f"{str(error).removesuffix('.')}; write {self.example}, for example.") from error
        return Filter(self.keyword.name, operator, text, self.event_type, unit)

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

    # __eq__ returns a filter, so that fields are not hashable; a quantity on the left leaves the comparison to them.
    __hash__ = None  # type: ignore[assignment]
    __array_ufunc__ = None

    def like(self, pattern: str) -> Filter:
        """
        Return a filter for text that matches a pattern.

        Parameters
        ----------
        pattern : str
            The pattern, in which ``%`` matches any characters.

        Returns
        -------
        Filter
            The comparison.

        Raises
        ------
        QueryError
            The keyword is not text.
        """
        return self._compare("like", pattern)

    def isin(self, values: Iterable[Any]) -> Attr:
        """
        Return a filter for any of several values.

        Parameters
        ----------
        values : iterable
            The values; a single text is one value.

        Returns
        -------
        sunpy.net.attr.Attr
            The comparisons, joined with OR.

        Raises
        ------
        QueryError
            ``values`` is empty, or contains one that cannot be compared.
        """
        if not is_several(values):
            raise refused(f"{self.keyword.name}.isin()", values, "several values")
        chosen = [values] if isinstance(values, str) else list(values)
        if not chosen:
            raise QueryError(f"{self.keyword.name}.isin() was given no values; give at least one.")
        return reduce(or_, (self._compare("=", value) for value in chosen))

    def refuse_alone(self, _: Any = None) -> Any:
        """Raise QueryError for a keyword without a comparison: it is not an attr, but sunpy would join it."""
        raise QueryError(f"a.her.{self.name} is not a condition; compare it: {self.example}.")

    __and__ = __rand__ = __or__ = __ror__ = __invert__ = collides = refuse_alone

    @property
    def name(self) -> str:
        """The name in ``a.her``, such as ``CH.area_raw``."""
        return f"{self.event_type}.{self.keyword.name}" if self.event_type else self.keyword.name

    @property
    def example(self) -> str:
        """An example of a comparison."""
        kinds = {"boolean": "== True", "float": "> 0", "integer": "> 0", "time": "> '2024-05-10'"}
        names = {"frm_name": "== 'SPoCA'", "search_frm_name": "== 'SPoCA'", "fl_goescls": ">= 'M1'"}
        known = names.get(self.keyword.name) or kinds.get(self.keyword.kind) or ".like('%text%')"
        return f"a.her.{self.name}{'' if known.startswith('.') else ' '}{known}"

    def __repr__(self) -> str:
        return f"<{self.keyword.description}>"


def field(name: str, event_type: str = "") -> Field:
    """Return a keyword by its name, in any case; raise UnknownKeyword if events of the type do not have it."""
    keyword = None if name.startswith("_") else keywords().get(name.lower())
    if keyword is not None and not keyword.filter:
        raise UnknownKeyword(f"{keyword.name} is returned with each event, but the registry cannot filter by it.")
    if keyword is None:
        own = [word.name for word in keywords().values() if word.filter and word.is_of(event_type)]
        raise UnknownKeyword(
            f"The registry does not have a keyword {shown(name)}{did_you_mean(name, own, 'a.her.', event_type)}"
        )
    return Field(keyword, event_type)


def _spelt(keyword: Keyword, operator: str, value: Any) -> tuple[str, str]:
    """Return a value in the registry's spelling, and its unit if this package must compare; or raise QueryError."""
    if keyword.kind == "boolean":
        return _boolean(keyword, operator, value), ""
    if keyword.kind in ("float", "integer"):
        return _number(keyword, operator, value)
    if keyword.kind == "time" and operator not in PATTERN:
        return _time(keyword, value), ""
    if keyword.name == "fl_goescls" and operator not in PATTERN and isinstance(value, u.Quantity):
        return _goes_class(keyword, value), ""
    if not isinstance(value, str):
        raise QueryError(f"{keyword.name} is text; it cannot be compared with {shown(value)}.")
    if keyword.name == "fl_goescls" and operator not in PATTERN and not is_class(value):
        raise QueryError(
            f"{keyword.name} is a GOES class such as 'M1.2' or 'X', or a flux; it cannot be compared with "
            f"{shown(value)}."
        )
    return _sendable(keyword, value), ""


def _goes_class(keyword: Keyword, value: u.Quantity) -> str:
    """Return the GOES class of a flux."""
    try:
        return goes.class_of(float(value.to_value(goes.UNIT)))
    except (u.UnitConversionError, TypeError, ValueError):
        raise QueryError(
            f"{keyword.name} is a positive flux in W/m2; it cannot be compared with {shown(value)}."
        ) from None


def _sendable(keyword: Keyword, text: str) -> str:
    if not text:
        raise QueryError(f"{keyword.name} cannot be compared with empty text: events without a value never match.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise QueryError(f"{keyword.name} cannot be compared with {shown(text)}: it cannot be encoded.") from None
    return text


def _boolean(keyword: Keyword, operator: str, value: Any) -> str:
    text = str(value).lower()
    if operator not in EQUALITY or text not in ("true", "false"):
        raise QueryError(
            f"{keyword.name} is a boolean; use == or != with True or False, not {operator} {shown(value)}."
        )
    return text


def _time(keyword: Keyword, value: Any) -> str:
    try:
        stamp = Time(value, scale="utc") if isinstance(value, str) else Time(value)
    except (ValueError, TypeError) as error:
        raise QueryError(f"{keyword.name} is a time; it cannot be compared with {shown(value)}.") from error
    if not stamp.isscalar:
        raise QueryError(f"{keyword.name} is a single time; it cannot be compared with {len(stamp)} times.")
    text = str(stamp.utc.isot)
    return text.removesuffix(".000")


def _number(keyword: Keyword, operator: str, value: Any) -> tuple[str, str]:
    if operator not in EQUALITY + ORDER:
        raise QueryError(f"{keyword.name} is a number; use ==, !=, <, <=, > or >= instead of {operator}.")
    try:
        number, unit = _in_unit(keyword, value) if isinstance(value, u.Quantity) else (float(value), "")
    except (TypeError, ValueError) as error:
        raise QueryError(f"{keyword.name} is a number; it cannot be compared with {shown(value)}: {error}") from error
    if isinstance(value, bool | np.bool_) or not np.isfinite(number):
        raise QueryError(f"{keyword.name} is a number; it cannot be compared with {shown(value)}.")
    if keyword.name == "ar_noaanum" and not number.is_integer():
        raise QueryError(f"{keyword.name} is an integer; it cannot be compared with {shown(value)}.")
    return (str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)), unit


def _in_unit(keyword: Keyword, value: u.Quantity) -> tuple[float, str]:
    """Convert a quantity to the registry's unit; keep its unit if each record has its own."""
    from sunpy_helio_plugins.quantities import units

    texts = [text for text in (keyword.fixed or keyword.usual, *keyword.others) if text]
    if not texts and keyword.unit:
        return _with_its_own(keyword, value)
    lengths = u.spectral() if keyword.name == "obs_meanwavel" else []
    for text in texts or [""]:
        known = units.parse(text, context=keyword.context) or u.one
        if value.unit.is_equivalent(known**keyword.power, lengths):
            return float(value.to_value(known**keyword.power, lengths)), "" if keyword.fixed else text
    unit = f"in {' or '.join(texts)}" if texts else "a number without a known unit, so that a plain number is needed"
    raise QueryError(f"{keyword.name} is {unit}; {value} cannot be converted to it.")


def _with_its_own(keyword: Keyword, value: u.Quantity) -> tuple[float, str]:
    """Return the number and unit of a quantity for a keyword without a usual unit; it is converted for each record."""
    from sunpy_helio_plugins.quantities import units

    text = value.unit.to_string()
    if units.parse(text, context=keyword.context) != value.unit:
        raise QueryError(f"{keyword.name} cannot be compared in {text}; give the value in a simpler unit.")
    return float(value.value), text


class Raw(Joinable, DataAttr):
    """
    Parameters that are sent to the registry as they are, for conditions that this package does not know.

    Parameters
    ----------
    **parameters : str, bool or number
        Comparisons as ``param1="ep.speed", op1=">", value1=500``, numbered in any way, and any other parameters.

    Raises
    ------
    QueryError
        No parameter was given, a comparison is not complete, a value is not text or a number, or this package sets the
        parameter itself.

    Notes
    -----
    Nothing is checked, neither before the request nor in the response. Comparisons are numbered again, after those of
    the other attrs. A query can contain one of these attrs in each alternative.
    """

    def __init__(self, *given: Any, **parameters: Any) -> None:
        super().__init__()
        if given or not parameters:
            allowed = "parameters of the registry by name, such as param1=..., op1=..., value1=..."
            raise refused("a.her.Raw", given[0], allowed) if given else QueryError(f"a.her.Raw takes {allowed}.")
        spelt = {name: _plain(name, value) for name, value in parameters.items()}
        for name in spelt:
            if name.lower() in OURS:
                raise QueryError(f"a.her.Raw does not take {name}=, which this package sets itself; use other attrs.")
        self.parameters = _comparisons(spelt)

    def collides(self, other: Attr) -> bool:
        """Return whether the other attr is of this class, too: give all parameters in one."""
        return isinstance(other, Raw)

    def asked(self) -> dict[str, Any]:
        """Return the field of the query."""
        return {"raw": self.parameters}

    def __repr__(self) -> str:
        return f"a.her.Raw({', '.join(' '.join(part) for part in self.parameters)})"


OURS = (
    "cosec", "cmd", "type", "event_type", "event_type1", "event_type2", "event_starttime", "event_endtime",
    "event_region", "event_coordsys", "x1", "x2", "y1", "y2", "result_limit", "page", "temporalmode", "sort_by",
    "sort_order", "showtests", "return", "callback",
)  # fmt: skip
"""The parameters that other attrs set, or that would change the form of the response."""


def _comparisons(parameters: dict[str, str]) -> tuple[tuple[str, ...], ...]:
    """Return the comparisons (keyword, operator, value), then the other parameters (name, value)."""
    groups: dict[str, dict[str, str]] = {}
    others: list[tuple[str, ...]] = []
    for name, value in parameters.items():
        numbered = re.fullmatch(r"(param|op|value)(\d+)", name)
        if numbered:
            groups.setdefault(numbered[2], {})[numbered[1]] = value
        else:
            others.append((name, value))
    for number, group in groups.items():
        if len(group) < 3 or group["op"] not in (*EQUALITY, *ORDER, "like"):
            raise QueryError(
                f"a.her.Raw takes param{number}=, op{number}= (one of =, !=, <, <=, >, >= and like) and "
                f"value{number}= together, not {shown(group)}."
            )
    return (*((group["param"], group["op"], group["value"]) for group in groups.values()), *others)


def _plain(name: str, value: Any) -> str:
    """Return a value of a raw parameter as text; raise QueryError for other objects."""
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    is_number = isinstance(value, int | float | np.number) and np.isfinite(value)
    if not is_number and not (isinstance(value, str) and value and value.isprintable()):
        raise QueryError(f"a.her.Raw takes text, a number, True or False for {name}=, not {shown(value)}.")
    return str(value)
