"""
Convert one keyword of many records to a column.

Complete columns are converted at once; values are only read one by one if this fails.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import astropy.units as u
import numpy as np
from astropy.table import Column
from astropy.time import Time
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import unchecked
from sunpy_helio_plugins.fido.fields import trim_memory
from sunpy_helio_plugins.her.columns import origins
from sunpy_helio_plugins.her.filters import goes, noaa
from sunpy_helio_plugins.her.filters.evaluate import SENTINELS
from sunpy_helio_plugins.her.keywords import Keyword, keywords
from sunpy_helio_plugins.her.records.cells import Cells, JoinedTexts, nothing
from sunpy_helio_plugins.her.records.column import EventRecords
from sunpy_helio_plugins.her.records.references import References
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.fills import all_masked, exact_integer, masked
from sunpy_helio_plugins.quantities.record_time import with_mask
from sunpy_helio_plugins.quantities.units.classification import parse_all

__all__ = ["Reader", "Record", "is_place"]

REFERENCES = "refs"
"""The keyword of the references of an event."""

_from_iso = unchecked(times.from_iso)
_as_column = unchecked(times.as_column)
_masked = unchecked(masked)

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
"""Keywords with long text: kept as objects, since numpy pads each row to the longest, four bytes per character."""

NOTHING = ("", "blank")
"""Texts for a missing value; "blank" is the default of SolarSoft's structures for submitters."""

_NO_NUMBERS = frozenset({bool, list, dict})

_IS_NOTHING = (None, *NOTHING).__contains__

LONG_AGO = "1492-10-12"
"""The date in SolarSoft's structures if a submitter does not set one."""

COMPONENTS = {"coord1_unit": 0, "coord2_unit": 1, "coord3_unit": 2}
"""
Units in the registry's list that records do not contain: ``event_coordunit`` has them, for each component.

The numbers are those of the submitter, in the submitter's system: arcsec in one row, degrees in the next, or a radius
together with "degrees". They remain without a unit, and columns of these names contain the unit of each row. ``hpc_x``
and similar columns contain the same positions in known units.
"""


def is_place(name: str) -> bool:
    """Return whether a keyword is a position of an event; it does not have a value if ``noposition`` is true."""
    return _PLACES.fullmatch(name) is not None


class _Parts(NamedTuple):
    """The values of a column, and the mask of missing ones."""

    values: Any
    mask: Mask
    unit_string: str | None = None
    """The unit as written in the records."""


_LATER = frozenset({
    "event_coordunit", "event_starttime", "fl_goescls", "frm_name", "kb_archivid", "obs_instrument", "obs_observatory",
})  # fmt: skip
"""Keywords from which other columns are made as well, or that problems name."""


_MANY = 10_000
"""The number of records from which memory is returned to the system, which takes some milliseconds."""


class Reader:
    """
    Build the columns of records.

    Parameters
    ----------
    records : sequence of dict
        The events as returned by the registry.
    problems : list of str
        A sentence is added for each kind of value that could not be read.

    Attributes
    ----------
    given : dict of Cells
        The values of all records by keyword; `None` where a record does not have it.
    corrections : dict
        Values that replace those of a record, by keyword and row; see `correct`.
    units : dict
        The units of the keywords that were read, by keyword and text.
    untold : frozenset of str
        Keywords whose values cannot be read, since the records do not contain their requisites.
    """

    def __init__(self, records: EventRecords, problems: list[str]) -> None:
        self.records, self.problems = records, problems
        self.corrections: dict[str, dict[int, Any]] = {}
        self.units: dict[str, dict[str, u.UnitBase | None]] = {}
        self.untold: frozenset[str] = frozenset()
        self.given = records.pop_cells()
        # The pieces that were joined are small, and would not be used for the columns of the table.
        self.trim()
        self._spelled: dict[str, tuple[list[str], NDArray[np.intp]]] = {}
        self._nowhere = np.empty(0, dtype=np.intp)
        told, places = self._coded("noposition")
        is_true = [place for place, text in enumerate(told) if text.lower() in ("true", "t")]
        if is_true:
            self._nowhere = np.flatnonzero(np.isin(places, is_true))

    def trim(self) -> None:
        """Return the memory of values that are not used any more to the system, if there may be much of it."""
        if len(self.records) > _MANY:
            trim_memory()

    def cells(self, name: str) -> Cells:
        """Return a keyword of all records; `None` if it is missing, or a position of an event with ``noposition``."""
        found = self.given.get(name)
        if name in self.untold or found is None:
            return nothing(len(self.records))
        if is_place(name):
            found = found.without(self._nowhere)
        changes = self.corrections.get(name)
        return found.changed(changes) if changes else found

    def values(self, name: str) -> list[Any]:
        """Return a keyword of all records as a list; see `cells`."""
        return self.cells(name).values

    def numbers(self, names: Iterable[str]) -> list[NDArray[np.float64]]:
        """Return keywords of all records as numbers; NaN if one is missing or cannot be read."""
        return list(map(_floats, map(self.cells, names)))

    def pop_texts(self, name: str) -> Sequence[Any]:
        """Return a keyword of all records as a sequence, in which texts may be joined, and forget it."""
        cells = self.cells(name)
        self.given.pop(name, None)
        return cells.values if cells.texts is None else cells.texts

    def names(self, name: str) -> list[str | None]:
        """Return a keyword of all records as text, whatever its type; `None` for missing values."""
        found = self.cells(name)
        texts = [None if value is None else _printable(str(value)) for value in found.different]
        return texts if found.places is None else list(map(texts.__getitem__, found.places.tolist()))

    def correct(self, name: str, row: int, value: Any) -> None:
        """Replace the value of a keyword of one record; `None` removes it."""
        self.corrections.setdefault(name, {})[row] = value

    def columns(self, names: Iterable[str]) -> dict[str, Any]:
        """Return keywords of all records as columns of a QTable by name; missing values are masked."""
        known = keywords()
        given = {name: self.cells(name) for name in names}
        words = {name: known.get(name.lower()) or Keyword(name, _guess(cells)) for name, cells in given.items()}
        in_units = [word for word in words.values() if (word.unit or word.fixed) and word.unit not in COMPONENTS]
        self.units |= parse_all({word.name: self._unit_texts(word) for word in in_units})
        times_read = self._times({name: given[name] for name in given if words[name].kind == "time"}, words)
        made: dict[str, Any] = {}
        for name in list(given):
            if name not in _LATER:
                # Values are not to be in memory twice.
                self.given.pop(name, None)
            maker, cells = _MAKERS.get(words[name].kind, Reader._text), given.pop(name)
            made[name] = times_read[name] if name in times_read else maker(self, words[name], cells)
        parts = {name: one for name, one in made.items() if isinstance(one, _Parts)}
        made |= all_masked({name: (one.values, one.mask) for name, one in parts.items()})
        for name, column in made.items():
            column.info.name = name
            if name in parts and parts[name].unit_string:
                column.info.meta = {"unit_string": parts[name].unit_string}
        return {
            name: _as_column(one, name, may_be_missing=True) if isinstance(one, Time) else one
            for name, one in made.items()
        }

    def _coded(self, name: str) -> tuple[list[str], NDArray[np.intp]]:
        """Return the different texts of a keyword in order, empty if it is missing, and the place of each record's."""
        if name not in self._spelled:
            cells = self.cells(name)
            texts = [str(value or "") for value in cells.different]
            known = {text: place for place, text in enumerate(dict.fromkeys(texts))}
            places = np.fromiter(map(known.__getitem__, texts), dtype=np.intp, count=len(texts))
            self._spelled[name] = list(known), places if cells.places is None else places[cells.places]
        return self._spelled[name]

    def _unit_texts(self, keyword: Keyword) -> tuple[Iterable[str], Mapping[str, str]]:
        """Return the texts of the unit of a keyword, and what is known of it."""
        if not keyword.unit:
            return (keyword.fixed,), keyword.context
        return {*self._coded(keyword.unit)[0], *filter(None, [keyword.usual])}, keyword.context

    def _each(self, keyword: Keyword, values: list[Any], reader: Callable[[Any], Any]) -> list[Any]:
        """Read values one by one; `None` if one is missing or cannot be read, which is added to ``problems``."""
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
        """Add a sentence about invalid values, with the first of them, to ``problems``."""
        if odd:
            words = f"{keyword.name}: {len(odd)} values {what}, such as {str(odd[0])[:80]!r}"
            self.problems.append(f"{words}; see the column raw.")

    def _times(self, columns: dict[str, Cells], words: Mapping[str, Keyword]) -> dict[str, Time]:
        """Read columns of times: those with time stamps of one length together, or each value if one is not a time."""
        alike: dict[int, list[str]] = defaultdict(list)
        for name, cells in columns.items():
            alike[_width(cells)].append(name)
        made: dict[str, Time] = {}
        for width, names in alike.items():
            try:
                stamps, missing = zip(*(_stamps(columns[name], width) for name in names), strict=True)
                read = with_mask(_believed(_instants(np.concatenate(stamps), np.concatenate(missing))))
            except (ValueError, TypeError, AttributeError):
                made |= {name: self._doubtful_times(words[name], columns[name].values) for name in names}
            else:
                length = len(self.records)
                made |= {name: read[place * length : (place + 1) * length] for place, name in enumerate(names)}
        return made

    def _doubtful_times(self, keyword: Keyword, values: list[Any]) -> Time:
        try:
            return _believed(_as_time(values, _missing(values)))
        except (ValueError, TypeError, AttributeError):
            known = [None if str(value).startswith(LONG_AGO) else value for value in values]
            read = self._each(keyword, known, _stamp)
            return _as_time(read, _missing(read))

    def _booleans(self, keyword: Keyword, cells: Cells) -> Any:
        try:
            read = [_WORDS[value] for value in cells.different]
        except (KeyError, TypeError):
            read = self._each(keyword, cells.values, lambda value: _WORDS[str(value).lower()])
            return _Parts(np.array([value is True for value in read], dtype=bool), _missing(read))
        data, missing = np.array([value is True for value in read], dtype=bool), _missing(read)
        return _Parts(data, missing) if cells.places is None else _Parts(data[cells.places], missing[cells.places])

    def _text(self, keyword: Keyword, cells: Cells) -> Any:
        is_object = bool(_LONG.fullmatch(keyword.name)) or keyword.name not in keywords()
        if not cells.kinds <= _TEXT_OR_NONE:
            values = self._each(keyword, cells.values, str)
            return _Parts(_texts(values, is_object), _missing(cells.values))
        if cells.texts is not None and not is_object and cells.texts.text.isascii():
            return _Parts(cells.texts.letters(), _missing_texts(cells.texts))
        # Each of few different texts is converted once.
        texts, missing = _texts(cells.different, is_object), _missing(cells.different)
        return _Parts(texts, missing) if cells.places is None else _Parts(texts[cells.places], missing[cells.places])

    def _objects(self, keyword: Keyword, cells: Cells) -> Any:
        if keyword.name == REFERENCES and cells.nested is not None:
            return References(cells.nested)
        data = np.empty(len(cells), dtype=object)
        for index, value in enumerate(cells.values):
            data[index] = value
        return References(data) if keyword.name == REFERENCES else Column(data, copy=False)

    def _numbers(self, keyword: Keyword, cells: Cells) -> Any:
        data, missing = self._as_floats(keyword, cells)
        if keyword.name == "ar_noaanum":
            # 0 is not the number of a region, but means that there is none.
            missing |= data == 0
            data = self._five_digits(data, missing)
        whole: NDArray[Any] = self._whole(keyword, data, cells, missing) if keyword.kind == "integer" else data
        if keyword.unit in COMPONENTS:
            return _Parts(whole, missing)
        if keyword.unit:
            return self._in_units(keyword, whole, missing)
        if not keyword.fixed:
            return _Parts(whole, missing)
        unit = self.units[keyword.name][keyword.fixed]
        return _Parts(data if unit is None else u.Quantity(data, unit, copy=False), missing, keyword.fixed)

    def _whole(
        self, keyword: Keyword, data: NDArray[np.float64], cells: Cells, missing: Mask
    ) -> NDArray[np.int64]:  # fmt: skip
        """Convert the numbers of an integer keyword; only the rows with a fraction or a too large number are masked."""
        odd = ~missing & ((data != np.rint(data)) | (np.abs(data) >= 2.0**63))
        self._say(keyword, "are not whole numbers", [cells.value(row) for row in np.flatnonzero(odd).tolist()])
        missing |= odd
        made = np.where(missing, 0, data).astype(np.int64)
        # Floats cannot represent all integers from here on.
        for row in np.flatnonzero(~missing & (np.abs(data) >= 2.0**53)):
            exact = exact_integer(cells.value(int(row)))
            missing[row] = exact is None
            made[row] = exact or 0
        return made

    def _as_floats(self, keyword: Keyword, cells: Cells) -> tuple[NDArray[np.float64], Mask]:
        if cells.is_nothing:
            return np.zeros(len(cells)), np.ones(len(cells), dtype=bool)
        # A copy, since columns are changed.
        data = self._read_floats(keyword, cells) if cells.numbers is None else cells.numbers.copy()
        missing = ~np.isfinite(data)
        for sentinel in SENTINELS:
            missing |= data == sentinel
        data[missing] = 0.0
        return data, missing

    def _read_floats(self, keyword: Keyword, cells: Cells) -> NDArray[np.float64]:
        """Return values among which are others than numbers; NaN if one is missing or cannot be read."""
        try:
            numbers = [
                None if value == "" else _number(value) if type(value) in _NO_NUMBERS else value
                for value in cells.different
            ]
            found = np.array(numbers, dtype=float)
            return found if cells.places is None else found[cells.places]
        except (ValueError, TypeError, OverflowError):
            return np.array(self._each(keyword, cells.values, _number), dtype=float)

    def _five_digits(self, data: NDArray[np.float64], missing: Mask) -> NDArray[np.float64]:
        """Convert NOAA's numbers to five digits from the rollover of 2002 on: suppliers use both spellings."""
        made, rows = data.copy(), np.flatnonzero(~missing & (data > 0) & (data < 10000))
        starts = self.given["event_starttime"].values if len(rows) and "event_starttime" in self.given else []
        for row in rows:
            made[row] = noaa.five_digits(int(data[row]), str((starts[row] if starts else "") or ""))
        return made

    def component_units(self) -> dict[str, Any]:
        """Return each record's units of the components of its own coordinates: "deg, rsun", "arcsec,arcsec", "deg"."""
        texts, places = self._coded("event_coordunit")
        units = [_component_units(text) for text in texts]
        made = {name: [unit[index] for unit in units] for name, index in COMPONENTS.items()}
        return all_masked({
            name: (np.array(column, dtype=str)[places], _missing(column)[places]) for name, column in made.items()
        })  # fmt: skip

    def _in_units(self, keyword: Keyword, data: NDArray[Any], missing: Mask) -> Any:
        """Convert numbers to one unit, and mask those with an incompatible one; without known units they stay plain."""
        texts, places = self._coded(keyword.unit)
        said = _counted(texts, places[~missing])
        if not said and keyword.usual:
            # A column without any value has a unit as well, so that tables can be stacked.
            said = {keyword.usual: 1}
        factors = _factors(keyword, said, self.units[keyword.name])
        if factors is None:
            return _Parts(data, missing, " | ".join(said))
        unit, scales = factors
        factor = np.array([scales.get(text, np.nan) for text in texts])
        known = np.where(np.isnan(factor), 1.0, factor)
        scaled = data * (known[0] if len(set(known.tolist())) == 1 else known[places])
        if np.isnan(factor).any():
            odd = np.isnan(factor)[places] & ~missing
            words = [f"{data[row]} {texts[places[row]]}" for row in np.flatnonzero(odd)]
            self._say(keyword, f"do not have a unit that can be converted to {unit}", words)
            scaled[odd] = 0.0
            missing = missing | odd
        quantity = u.Quantity(scaled, unit, copy=False)
        told = None if missing.all() else next(text for text in said if text in scales)
        return _Parts(quantity, missing, told)


_TEXT_OR_NONE = frozenset({str, type(None)})


def _floats(cells: Cells) -> NDArray[np.float64]:
    if cells.numbers is not None:
        return cells.numbers
    found = origins.numbers(cells.different)[0]
    return found if cells.places is None else found[cells.places]


def _counted(texts: list[str], places: NDArray[np.intp]) -> dict[str, int]:
    """Return how often each text occurs, in the order in which they occur first."""
    counts = np.bincount(places, minlength=len(texts))
    found = np.flatnonzero(counts)
    if len(found) > 1:
        # Of several rows of a text, the last one that is assigned is the first row.
        first = np.empty(len(texts), dtype=np.intp)
        first[places[::-1]] = np.arange(len(places))[::-1]
        found = found[np.argsort(first[found])]
    return {texts[one]: int(counts[one]) for one in found.tolist()}


def _texts(values: list[Any], is_object: bool) -> NDArray[Any]:
    """Return texts as an array; missing ones are empty."""
    given = [value or "" for value in values]
    if not "".join(given).isascii():
        given = [_printable(value) for value in given]
    if not is_object:
        return np.array(given, dtype=str)
    data = np.empty(len(given), dtype=object)
    data[:] = given
    return data


_WORDS: dict[Any, bool | None] = {
    "true": True, "false": False, "t": True, "f": False, "T": True, "F": False, True: True, False: False, None: None,
    "": None,
}  # fmt: skip


def _guess(cells: Cells) -> str:
    kinds = set(cells.kinds) - {type(None)}
    if not any(type(value) is str and value for value in cells.different if str in kinds):
        kinds.discard(str)
    if kinds & {list, dict}:
        return "object"
    if kinds == {bool}:
        return "boolean"
    return "float" if kinds and kinds <= {int, float} else "string"


def _printable(text: str) -> str:
    """Return text without unpaired surrogates, which JSON can contain but which cannot be printed."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _missing(values: list[Any]) -> Mask:
    if set(map(type, values)) <= _TEXT_OR_NONE and not any(map(values.__contains__, (None, *NOTHING))):
        return np.zeros(len(values), dtype=bool)
    return np.fromiter(map(_IS_NOTHING, values), dtype=bool, count=len(values))


def _missing_texts(texts: JoinedTexts) -> Mask:
    """Return which texts are missing."""
    made = texts.lengths <= 0
    for word in filter(None, NOTHING):
        for row in np.flatnonzero(texts.lengths == len(word)).tolist():
            made[row] = texts[row] == word
    return made


def _component_units(text: str) -> tuple[str, str, str]:
    words = [word for word in re.split(r"[,;\s]+", text) if word]
    # A single unit is that of the angles, but not of a distance from the center.
    words = words * 2 if len(words) == 1 else words
    first, second, third, *_ = (*words, "", "", "")
    return first, second, third


def _width(cells: Cells) -> int:
    """Return the length of the longest time stamp, or that of most of them if all are missing."""
    if cells.texts is not None:
        width = int(cells.texts.lengths.max(initial=0))
        if width > max(map(len, NOTHING)):
            return width
    return _width_of(cells.different)


def _width_of(stamps: list[Any]) -> int:
    if set(map(type, stamps)) <= _TEXT_OR_NONE:
        width = max(set(map(len, filter(None, stamps))), default=0)
        if width > max(map(len, NOTHING)):
            return width
    return max((len(stamp) for stamp in stamps if isinstance(stamp, str) and stamp not in NOTHING), default=19)


def _stamps(cells: Cells, width: int) -> tuple[NDArray[np.bytes_], Mask]:
    """Return time stamps as an array, and which are missing; raise an error for one that is not text in ASCII."""
    texts = cells.texts
    if texts is not None and (texts.lengths == width).all():
        return np.frombuffer(texts.compact().encode("ascii"), dtype=f"S{width}"), np.zeros(len(texts), dtype=bool)
    values = cells.different
    missing = _missing(values)
    stamps = _filled(values, missing, width)
    return (stamps, missing) if cells.places is None else (stamps[cells.places], missing[cells.places])


def _filled(stamps: list[Any], missing: Mask, width: int) -> NDArray[np.bytes_]:
    """Return time stamps as an array, with others in place of missing ones, so that all are read at once."""
    if missing.any():
        filler = "2000-01-01T00:00:00" if width == 19 else "2000-01-01"
        instead = dict.fromkeys((None, *NOTHING), filler)
        stamps = list(map(instead.get, stamps, stamps))
    return _bytes(stamps)


def _instants(stamps: NDArray[np.bytes_], missing: Mask) -> Any:
    return _from_iso(stamps, missing if missing.any() else None)


def _as_time(stamps: list[Any], missing: Mask) -> Any:
    return _instants(_filled(stamps, missing, _width_of(stamps)), missing)


def _bytes(stamps: list[str]) -> NDArray[np.bytes_]:
    """Return time stamps as an array; raise an error for one that is not text in ASCII."""
    widths = set(map(len, stamps))
    if len(widths) == 1 and (width := widths.pop()):
        return np.frombuffer("".join(stamps).encode("ascii"), dtype=f"S{width}")
    return np.array([stamp.encode("ascii") for stamp in stamps], dtype="S")


def _stamp(value: Any) -> str:
    text = str(value).strip().replace(" ", "T")
    _believed(_from_iso([text]))
    return text


def _believed(read: Any) -> Any:
    """Return times; raise ValueError for an event before 1900 or after 2100, which is a mistake of its submitter."""
    if not ((read.jd1 > 2415020) & (read.jd1 < 2488070)).all():
        raise ValueError("a year before 1900 or after 2100")
    return read


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError(value)
    return float(value)


def _factors(
    keyword: Keyword, said: Mapping[str, int], parsed: Mapping[str, u.UnitBase | None]
) -> tuple[u.UnitBase, dict[str, float]] | None:
    """Return the unit of a column and the factor of each text to it; `None` if no text can be parsed."""
    # The usual physical type has priority, then that of most rows; the first text of that type is the unit.
    found = {text: unit for text, unit in parsed.items() if unit not in (None, u.dimensionless_unscaled)}
    known = {text: found[text] for text in said if text in found}
    if not known:
        return None
    if len(known) == 1:
        text, unit = next(iter(known.items()))
        return unit if keyword.power == 1 else unit**keyword.power, {text: 1.0}
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
    return _masked(u.Quantity(data, goes.UNIT), missing)


_MAKERS: dict[str, Callable[[Reader, Keyword, Cells], Any]] = {
    "boolean": Reader._booleans, "float": Reader._numbers, "integer": Reader._numbers,
    "object": Reader._objects,
}  # fmt: skip
"""The method for each kind of keyword besides times; text and units are read as text."""
