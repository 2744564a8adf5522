"""
One keyword of many records as one column.

Whole columns are read at once; only where a value is not what its keyword should hold is each looked at by itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import astropy.units as u
import numpy as np
from astropy.table import Column
from astropy.time import Time
from numpy.typing import NDArray

from sunpy_helio_plugins.her.filters import goes, noaa
from sunpy_helio_plugins.her.filters.evaluate import SENTINELS
from sunpy_helio_plugins.her.keywords import Keyword, keywords
from sunpy_helio_plugins.quantities import times, units
from sunpy_helio_plugins.quantities.fills import all_masked, exact_integer, masked
from sunpy_helio_plugins.quantities.units.api import parse_all

__all__ = ["Reader", "Record", "is_place"]

Record = dict[str, Any]
Mask = NDArray[np.bool_]

_PLACES = re.compile(
    r"(hpc|hgs|hgc|hrc)_(x|y|r|a|radius|coord|bbox|boundcc|skeletoncc)|hpc_geom|event_coord[123]"
    r"|boundbox_c[12](ll|ur)"
)
_LONG = re.compile(
    r".*url|hpc_geom|(bound|skel)_chaincode|refs_orig|.*_description|.*_title|frm_(paramset|contact|institute)"
    r"|fi_barbs.*|chaincodetype|solar_object_locator"
)
"""Keywords with long text: kept as objects, since numpy gives each row the room of the longest, four bytes a letter."""

NOTHING = ("", "blank")
"""Texts that stand for a missing one; "blank" is the default of SolarSoft's structures for submitters."""

LONG_AGO = "1492-10-12"
"""The day that SolarSoft's structures have where a submitter gives none."""

COMPONENTS = {"coord1_unit": 0, "coord2_unit": 1, "coord3_unit": 2}
"""
Units that the registry's list names and its answers never hold: ``event_coordunit`` says them, for each component.

These are the numbers of the submitter, in the system of the submitter: arcsec in one row, degrees in the next, and a
radius beside "degrees". They stay plain, beside columns of these names that say each row's unit; ``hpc_x`` and the like
hold the same places in known units.
"""


def is_place(name: str) -> bool:
    """Tell whether a keyword says where an event is; it has no value where ``noposition`` is true."""
    return _PLACES.fullmatch(name) is not None


class _Parts(NamedTuple):
    """The values of a column, and which of them are missing."""

    values: Any
    mask: Mask
    unit_string: str | None = None
    """The unit as the records write it."""


class Reader:
    """
    Makes the columns of some records.

    Parameters
    ----------
    records : sequence of dict
        The events as the registry sent them.
    problems : list of str
        Takes a sentence for each kind of value that could not be read.

    Attributes
    ----------
    corrections : dict
        What is taken instead of a record's own value, by keyword and row; see `correct`.
    untold : frozenset of str
        Keywords whose values cannot be read, since the records came without what that takes.
    """

    def __init__(self, records: Any, problems: list[str]) -> None:
        self.records, self.problems = records, problems
        self.corrections: dict[str, dict[int, Any]] = {}
        self.untold: frozenset[str] = frozenset()
        self.nowhere = np.array(
            [str(value).lower() in ("true", "t") for value in self.values("noposition")], dtype=bool
        )
        self.placed = not self.nowhere.any()

    def values(self, name: str) -> list[Any]:
        """Return a keyword of all records, `None` where they have none; of places, where they are believed."""
        if name in self.untold:
            return [None] * len(self.records)
        found = [record.get(name) for record in self.records]
        if name != "noposition" and not self.placed and is_place(name):
            found = [None if gone else value for value, gone in zip(found, self.nowhere, strict=True)]
        for row, value in self.corrections.get(name, {}).items():
            found[row] = value
        return found

    def names(self, name: str) -> list[str | None]:
        """Return a keyword of all records as text, whatever they hold; `None` where they have none."""
        return [None if value is None else _printable(str(value)) for value in self.values(name)]

    def correct(self, name: str, row: int, value: Any) -> None:
        """Take another value for a keyword of one record than the registry's; `None` for none."""
        self.corrections.setdefault(name, {})[row] = value

    def columns(self, names: Iterable[str]) -> dict[str, Any]:
        """
        Return keywords of all records as columns of a QTable.

        Parameters
        ----------
        names : iterable of str
            The keywords.

        Returns
        -------
        dict of astropy.time.Time, astropy.units.Quantity, astropy.table.Column or astropy.table.MaskedColumn
            By their names, as long as the records; missing values are masked.
        """
        known = keywords()
        made: dict[str, Any] = {}
        for name in names:
            values = self.values(name)
            keyword = known.get(name.lower()) or Keyword(name, _guess(values))
            made[name] = _MAKERS.get(keyword.kind, Reader._text)(self, keyword, values)
        parts = {name: one for name, one in made.items() if isinstance(one, _Parts)}
        made |= all_masked({name: (one.values, one.mask) for name, one in parts.items()})
        for name, column in made.items():
            column.info.name = name
            if name in parts and parts[name].unit_string:
                column.info.meta = {"unit_string": parts[name].unit_string}
        return {
            name: times.as_column(one, name, may_be_missing=True) if isinstance(one, Time) else one
            for name, one in made.items()
        }

    def _each(self, keyword: Keyword, values: list[Any], reader: Callable[[Any], Any]) -> list[Any]:
        """Read values one by one; `None` where one is missing or, with a word in ``problems``, cannot be read."""
        read: list[Any] = []
        bad: list[Any] = []
        for value in values:
            try:
                read.append(None if value is None or value in NOTHING else reader(value))
            except (ValueError, TypeError, LookupError, OverflowError):
                read.append(None)
                bad.append(value)
        self._say(keyword, "could not be read", bad)
        return read

    def _say(self, keyword: Keyword, what: str, odd: list[Any]) -> None:
        """Say what is wrong with some values, and give the first of them."""
        if odd:
            words = f"{keyword.name}: {len(odd)} values {what}, such as {str(odd[0])[:80]!r}"
            self.problems.append(f"{words}; see the column raw.")

    def _times(self, keyword: Keyword, values: list[Any]) -> Any:
        try:
            return _believed(_as_time(values, _missing(values)))
        except (ValueError, TypeError, AttributeError):
            known = [None if str(value).startswith(LONG_AGO) else value for value in values]
            read = self._each(keyword, known, _stamp)
            return _as_time(read, _missing(read))

    def _booleans(self, keyword: Keyword, values: list[Any]) -> Any:
        try:
            read = [_WORDS[value] for value in values]
        except (KeyError, TypeError):
            read = self._each(keyword, values, lambda value: _WORDS[str(value).lower()])
        missing = _missing(read)
        return _Parts(np.array([bool(value) for value in read], dtype=bool), missing)

    def _text(self, keyword: Keyword, values: list[Any]) -> Any:
        missing = _missing(values)
        if not all(type(value) is str or value is None for value in values):
            values = self._each(keyword, values, str)
        if _LONG.fullmatch(keyword.name) or keyword.name not in keywords():
            data = np.empty(len(values), dtype=object)
            data[:] = [_printable(value or "") for value in values]
        else:
            data = np.array([_printable(value or "") for value in values], dtype=str)
        return _Parts(data, missing)

    def _objects(self, _: Keyword, values: list[Any]) -> Any:
        data = np.empty(len(values), dtype=object)
        for index, value in enumerate(values):
            data[index] = value
        return Column(data, copy=False)

    def _numbers(self, keyword: Keyword, values: list[Any]) -> Any:
        data, missing = self._as_floats(keyword, values)
        if keyword.name == "ar_noaanum":
            # No region has the number 0: it stands for none.
            missing |= data == 0
            data = self._five_digits(data, missing)
        whole: NDArray[Any] = self._whole(keyword, data, values, missing) if keyword.kind == "integer" else data
        if keyword.unit in COMPONENTS:
            return _Parts(whole, missing)
        if keyword.unit:
            texts = [str(text or "") for text in self.values(keyword.unit)]
            return self._in_units(keyword, whole, missing, texts)
        if not keyword.fixed:
            return _Parts(whole, missing)
        return units.column(data, keyword.fixed, name=keyword.name, mask=missing, context=keyword.context)

    def _whole(
        self, keyword: Keyword, data: NDArray[np.float64], values: list[Any], missing: Mask
    ) -> NDArray[np.int64]:  # fmt: skip
        """Return numbers of a keyword that counts; one that is not whole, or too large, costs its own row alone."""
        odd = ~missing & ((data != np.rint(data)) | (np.abs(data) >= 2.0**63))
        self._say(keyword, "are not whole numbers", [values[row] for row in np.flatnonzero(odd)])
        missing |= odd
        made = np.where(missing, 0, data).astype(np.int64)
        # Floats do not hold every integer from here on.
        for row in np.flatnonzero(~missing & (np.abs(data) >= 2.0**53)):
            exact = exact_integer(values[row])
            missing[row] = exact is None
            made[row] = exact or 0
        return made

    def _as_floats(self, keyword: Keyword, values: list[Any]) -> tuple[NDArray[np.float64], Mask]:
        try:
            whole = [None if value == "" else _number(value) if type(value) is bool else value for value in values]
            data = np.array(whole, dtype=float)
        except (ValueError, TypeError, OverflowError):
            data = np.array(self._each(keyword, values, _number), dtype=float)
        missing = ~np.isfinite(data)
        for sentinel in SENTINELS:
            missing |= data == sentinel
        data[missing] = 0.0
        return data, missing

    def _five_digits(self, data: NDArray[np.float64], missing: Mask) -> NDArray[np.float64]:
        """Return NOAA's numbers in five digits from the rollover of 2002 on: suppliers spell them either way."""
        made = data.copy()
        for row in np.flatnonzero(~missing & (data > 0) & (data < 10000)):
            made[row] = noaa.five_digits(int(data[row]), str(self.records[row].get("event_starttime") or ""))
        return made

    def component_units(self, name: str) -> Any:
        """Return each record's unit of one component of its own coordinates: "deg, rsun", "arcsec,arcsec", "deg"."""
        component = COMPONENTS[name]
        cache: dict[Any, str] = {}
        made = []
        for value in self.values("event_coordunit"):
            text = str(value or "")
            if text not in cache:
                words = [word for word in re.split(r"[,;\s]+", text) if word]
                # One unit is that of the angles; of a distance from the centre it says nothing.
                words = words * 2 if len(words) == 1 else words
                cache[text] = words[component] if component < len(words) else ""
            made.append(cache[text])
        column = masked(np.array(made, dtype=str), _missing(made))
        column.info.name = name
        return column

    def _in_units(self, keyword: Keyword, data: NDArray[Any], missing: Mask, texts: list[str]) -> Any:
        """
        Return numbers in one unit; those whose own does not convert to it are masked, and named in ``problems``.

        Where no record says a unit that is understood, the numbers stay plain, with the texts that they had.
        """
        said = Counter(text for text, gone in zip(texts, missing.tolist(), strict=True) if not gone)
        if not said and keyword.usual:
            # A column without any value has a unit all the same, so that tables stack.
            said = Counter([keyword.usual])
        factors = _factors(keyword, said)
        if factors is None:
            return _Parts(data, missing, " | ".join(said))
        unit, scales = factors
        odd = np.array([text not in scales for text in texts], dtype=bool) & ~missing
        words = [f"{data[row]} {texts[row]}" for row in np.flatnonzero(odd)]
        self._say(keyword, f"have no unit that is understood and converts to {unit}", words)
        scaled = np.where(odd, 0.0, data) * np.array([scales.get(text, 1.0) for text in texts])
        missing = missing | odd
        quantity = u.Quantity(scaled, unit, copy=False)
        told = None if missing.all() else next(text for text in said if text in scales)
        return _Parts(quantity, missing, told)


_WORDS: dict[Any, bool | None] = {
    "true": True, "false": False, "t": True, "f": False, "T": True, "F": False, True: True, False: False, None: None,
    "": None,
}  # fmt: skip


def _guess(values: list[Any]) -> str:
    kinds = {type(value) for value in values if value is not None and value != ""}
    if kinds & {list, dict}:
        return "object"
    if kinds == {bool}:
        return "boolean"
    return "float" if kinds and kinds <= {int, float} else "string"


def _printable(text: str) -> str:
    """Return text without halves of characters, which JSON can escape and nothing can print."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _missing(values: list[Any]) -> Mask:
    return np.array([value is None or value in NOTHING for value in values], dtype=bool)


def _as_time(stamps: list[Any], missing: Mask) -> Any:
    if missing.any():
        # The same form as the others', so that all are read at once.
        marks = missing.tolist()
        width = max((len(stamp) for stamp, gone in zip(stamps, marks, strict=True) if not gone), default=19)
        filler = "2000-01-01T00:00:00" if width == 19 else "2000-01-01"
        stamps = [filler if gone else stamp for stamp, gone in zip(stamps, marks, strict=True)]
    data = np.array([stamp.encode("ascii") for stamp in stamps], dtype="S")
    return times.from_iso(data, missing if missing.any() else None)


def _stamp(value: Any) -> str:
    text = str(value).strip().replace(" ", "T")
    _believed(times.from_iso([text]))
    return text


def _believed(read: Any) -> Any:
    """Return times; an event before 1900 or after 2100 is a slip of its submitter's."""
    if not ((read.jd1 > 2415020) & (read.jd1 < 2488070)).all():
        raise ValueError("a year before 1900 or after 2100")
    return read


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError(value)
    return float(value)


def _factors(keyword: Keyword, said: Counter[str]) -> tuple[u.UnitBase, dict[str, float]] | None:
    """
    Return the unit of a column and what brings each text's numbers into it; `None` where no text is understood.

    The usual kind of unit counts before others, then the one of most rows; the first text of that kind is the unit.
    """
    parsed = parse_all([*said, *filter(None, [keyword.usual])], context=keyword.context)
    found = {text: unit for text, unit in parsed.items() if unit not in (None, u.dimensionless_unscaled)}
    known = {text: found[text] for text in said if text in found}
    if not known:
        return None
    usual = parsed.get(keyword.usual)

    def weight(text: str) -> tuple[bool, int]:
        alike = [other for other in known if known[other].is_equivalent(known[text])]
        return usual is not None and known[text].is_equivalent(usual), sum(said[other] for other in alike)

    first = known[max(known, key=weight)]
    scales = {
        text: float(unit.to(first)) ** keyword.power for text, unit in known.items() if unit.is_equivalent(first)
    }  # fmt: skip
    return first**keyword.power, scales


def flux(values: list[Any]) -> Any:
    """Return the fluxes of GOES classes as a column."""
    data, missing = goes.fluxes(values)
    return masked(u.Quantity(data, goes.UNIT), missing)


_MAKERS: dict[str, Callable[[Reader, Keyword, list[Any]], Any]] = {
    "time": Reader._times, "boolean": Reader._booleans, "float": Reader._numbers, "integer": Reader._numbers,
    "object": Reader._objects,
}  # fmt: skip
"""How each kind is made; text and units are text."""
