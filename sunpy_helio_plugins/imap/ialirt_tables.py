"""Tables of real-time records (I-ALiRT)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import QTable
from astropy.time import Time
from numpy.typing import NDArray
from sunpy.net import attrs as a

from sunpy_helio_plugins.arguments import TEXT, shown, taking
from sunpy_helio_plugins.errors import AnswerError, HelioPluginsError, QueryError, ServiceRefused
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.fido.partial import Partial, gather, warn
from sunpy_helio_plugins.imap.endpoints import ialirt
from sunpy_helio_plugins.imap.endpoints.ialirt import ARCHIVE
from sunpy_helio_plugins.io.queries import retrieval
from sunpy_helio_plugins.quantities import times, units
from sunpy_helio_plugins.quantities.scales import checked_scale, table_in_scale
from sunpy_helio_plugins.transport import metadata
from sunpy_helio_plugins.transport.credentials import Login

__all__ = ["INSTRUMENTS", "column", "realtime"]


def column(name: str, values: Sequence[Any], unit: str | None = None, labels: Sequence[str] = ()) -> Any:
    """Return values of one name as a masked table column."""
    # Variables of the daily files, and those with a unit, always have the same type and shape. Other numbers are
    # floats, since the service writes 5.0 as 5, except integers that floats do not represent. Values other than numbers
    # and text, integers without a common type, and lists of different shapes are converted to JSON text.
    declared = _declared(name)
    array, mask = _numbers(values)
    if array is None:
        array, unit = _texts(values), None
        mask = np.array([value is None for value in values], dtype=bool)
    elif declared is not None:
        array, mask = _typed(array, mask, *declared)
    made = units.column(array, unit, name=name, mask=mask)
    if labels and array.shape[1:] == (3,):
        made.info.meta = {**(made.info.meta or {}), "labels": {"1": list(labels)}}
    return made


def _declared(name: str) -> tuple[type, tuple[int, ...]] | None:
    """Return the type and the shape of a variable whose name is known; variables with a unit are floats."""
    found = next(((kind, shape) for names, kind, shape in _DECLARED if re.fullmatch(names, name.lower())), None)
    return found if found is not None or _unit(name) is None else (float, ())


def _typed(
    array: NDArray[Any], mask: NDArray[np.bool_], kind: type, shape: tuple[int, ...]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return numbers in the type and the shape of a variable, if they can be converted without loss."""
    if array.dtype.kind in "biu" or (kind is int and np.all(mask | (array == np.rint(array)))):
        array = np.where(mask, 0, array).astype(kind)
    if shape and array.ndim == 1 and mask.all():
        array, mask = (np.resize(one, (len(one), *shape)) for one in (array, mask))
    return array, mask


def _numbers(values: Sequence[Any]) -> tuple[NDArray[Any] | None, NDArray[np.bool_]]:
    """Return an array and its mask, or `None` if not all values are numbers of one shape."""
    nothing = None, np.zeros(0, bool)
    present = [value for value in values if value is not None]
    known = np.array(present, dtype=object)
    kinds = {type(value) for value in known.flat} - {type(None)}
    if not kinds <= {int, float, bool} or (bool in kinds and len(kinds) > 1) or (not kinds and present):
        return nothing
    kind = _dtype(kinds, known)
    if kind is None:
        return nothing
    whole = np.full((len(values), *known.shape[1:]), None, dtype=object)
    whole[[value is not None for value in values]] = known
    missing = np.array([value is None for value in whole.flat], dtype=bool).reshape(whole.shape)
    array: NDArray[Any] = np.where(missing, 0, whole).astype(kind)
    return array, missing | np.isnan(array)


def _dtype(kinds: set[type], known: NDArray[Any]) -> Any:
    """Return float if it represents all numbers exactly, else a type of integers; `None` if there is no such type."""
    if kinds == {bool}:
        return bool
    whole = [value for value in known.flat if type(value) is int]
    if all(abs(value) < _LARGEST and int(float(value)) == value for value in whole):
        return float
    if not all(type(value) is int or value is None or value.is_integer() for value in known.flat):
        return None
    limits = ((kind, np.iinfo(kind)) for kind in (np.int64, np.uint64))
    return next((kind for kind, one in limits if one.min <= min(whole) and max(whole) <= one.max), None)


_LARGEST = 1 << 1023
"""Integers beyond this are not all exact as floats."""


def _texts(values: Sequence[Any]) -> NDArray[Any]:
    texts = ["" if one is None else one if isinstance(one, str) else json.dumps(one) for one in values]
    return np.array(texts, dtype=str)


INSTRUMENTS = ("mag", "swapi", "swe", "hit", "codice_lo", "codice_hi", "spacecraft", "spice")
"""The instruments whose values can be requested; with the suffix ``_hk``, their housekeeping."""

_HOUR = 3600.0

_LEAST = 60.0

_LONGEST_DAYS = 31

_AT_A_TIME = 4

_UNITS = (
    (r".*(theta|phi).*", "deg"),
    (r".*mag_b_.*", "nT"),
    (r".*_proton_speed.*", "km/s"),
    (r".*_proton_density.*", "cm-3"),
    (r".*_proton_temperature.*", "K"),
    (r".*sc_position_.*", "km"),
    (r".*sc_velocity_.*", "km/s"),
    (r"hit_(e|h|he)_\w+_en", "counts"),
    (r"codice_hi_h", "counts / cm2-sr-s-MeV"),
    (r"codice_hi_energy_(center|minus|plus)", "MeV"),
    (r"swe_normalized_counts", "normalized counts"),
    (r"swe_electron_energy", "eV"),
)
"""
The units by name, since the response does not contain units: those of the mission's definitions of the daily files
(imap_processing 1.0.40, imap_ialirt_l1_variable_attrs). Ratios, flags and counts of time do not have one.
"""

_DECLARED: tuple[tuple[str, type, tuple[int, ...]], ...] = (
    (r"mag_b_(gse|gsm|rtn)|sc_(position|velocity)_(gse|gsm)", float, (3,)),
    (r"mag_(b_magnitude|(theta|phi)_b_(gse|gsm))|swapi_pseudo_proton_\w+|codice_lo_\w+_over_\w+", float, ()),
    (r"hit_\w+_en", float, ()),
    (r"codice_hi_h", float, (15, 4, 4)),
    (r"swe_normalized_counts", int, (8,)),
    (r"\w+_epoch|swe_counterstreaming_electrons", int, ()),
)
"""Types and shapes by name, as in the daily files. The service stores decimal numbers, and writes 5.0 as 5."""

_ISO = re.compile(
    r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?", re.ASCII
)

_TOO_MUCH = re.compile(r"more data than allowed|too much data|reduce the time window", re.IGNORECASE)

_TIMES = ("time_utc", "met_in_utc", "time_tag")

_OTHER_TIMES = ("met", "ttj2000ns", "apid", "last_modified")


@taking("imap.realtime", instrument=TEXT)
def realtime(time: a.Time, instrument: str = "mag", *, scale: str = "utc") -> QTable:
    """
    Download values of the real-time stream.

    Parameters
    ----------
    time : sunpy.net.attrs.Time
        The time range, of at most 31 days.
    instrument : str, optional
        An instrument, or its name with ``_hk`` for its housekeeping.
    scale : {"utc", "tai", "tt", "tdb", "tcb", "tcg"}, optional
        The scale of the times, which is part of their description. Defaults to UTC.

    Returns
    -------
    astropy.table.QTable
        ``time`` and a column for each value, sorted by time; missing values are masked. Variables of the daily files
        have the same type as there. The service does not declare the types of others: their numbers are floats in
        every response, and ``meta["notes"]`` lists these variables, and those with integers that floats do not
        represent, which are integers, or without any value. Values that are neither numbers nor true or false are text.
        Hours that could not be downloaded are listed in ``meta["problems"]``. ``meta["query"]`` lists what was
        requested, and ``meta["retrieved"]`` when, in UTC.

    Raises
    ------
    QueryError
        The range, the instrument or ``scale`` is not valid.
    ServiceError
        All requests failed.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import imap
    >>> field = imap.realtime(a.Time("2026-01-10 16:00", "2026-01-10 16:05"), "mag")
    >>> print(field["time"][0], field["mag_B_GSE"].unit)
    2026-01-10T16:00:00.000000000 nT
    """
    scale, part = checked_scale(scale), str(instrument).strip().lower()
    if part.removesuffix("_hk") not in (*INSTRUMENTS, "codice"):
        known = f"{', '.join(INSTRUMENTS)}, and housekeeping such as 'mag_hk'"
        raise QueryError(f"I-ALiRT does not have an instrument {shown(instrument)}; allowed: {known}.")
    time = inputs.span("imap.realtime", time)
    length = (time.end - time.start).to_value("s")
    if not 0 <= length <= _LONGEST_DAYS * 86400:
        raise QueryError(f"I-ALiRT returns at most {_LONGEST_DAYS} days: give a start and a later end.")
    # The service compares integer seconds as text and includes both ends: records outside are removed below.
    count = max(int(np.ceil(length / _HOUR)), 1)
    windows = [(time.start + i * _HOUR * u.s, min(time.start + (i + 1) * _HOUR * u.s, time.end)) for i in range(count)]
    answer = gather(windows, partial(_window, part), _AT_A_TIME, _missing, pieces=True)
    table, odd = _table(answer.items, time)
    answer += Partial(problems=tuple(f"Of the real-time values {problem}" for problem in [*odd, *_odd_types(table)]))
    warn(answer)
    table.meta |= {"instrument": part, "problems": list(map(str, answer.problems)), "notes": _notes(table)}
    table.meta |= retrieval(instrument=part, start=times.iso(time.start, 9), end=times.iso(time.end, 9))
    return table_in_scale(table, scale)


def _missing(window: tuple[Time, Time], error: HelioPluginsError) -> str:
    return f"Part of the real-time values is missing: {error}"


def _window(part: str, window: tuple[Time, Time]) -> Partial[dict[str, Any]]:
    """Request one window; in halves if it has more records than the service returns."""
    start, end = window
    try:
        return Partial(tuple(_asked(part, start, end)))
    except ServiceRefused as refused:
        length = (end - start).to_value("s")
        if not _TOO_MUCH.search(refused.words) or length <= _LEAST:
            raise
    middle = start + (end - start) / 2
    return _window(part, (start, middle)) + _window(part, (middle, end))


def _asked(part: str, start: Time, end: Time) -> list[dict[str, Any]]:
    base = ialirt.address()
    login = Login("imap", base, "header", (("IMAP_API_KEY",),), header="x-api-key")
    bare = base.removesuffix("/api-key")
    fields = {
        "instrument": part,
        "time_utc_start": times.iso(start, 9)[:19],
        "time_utc_end": times.iso(end + 0.999999999 * u.s, 9)[:19],
    }
    address = f"{bare}/api-key/space-weather" if login.known() else f"{base}/space-weather"
    answer = metadata.get(address, fields, archive=ARCHIVE, login=login if login.known() else None)
    body = answer.json()
    records = body.get("data") if isinstance(body, dict) else None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise AnswerError(ARCHIVE, answer.url, "a list of values was expected in the response", answer.status)
    return records


def _table(records: Sequence[Mapping[str, Any]], time: a.Time) -> tuple[QTable, list[str]]:
    """Return records within the range as columns, each time once, and the irregularities of the records."""
    stamped = {_nanoseconds(stamp): record for record in records if (stamp := _stamp(record)) is not None}
    odd = sum(_stamp(record) is None for record in records)
    instants = times.from_iso(np.array(list(stamped), dtype="S30"))
    inside = np.flatnonzero((instants >= time.start) & (instants <= time.end)) if stamped else np.zeros(0, int)
    order = inside[np.argsort((instants - time.start).to_value("s")[inside], kind="stable")] if stamped else inside
    rows = [list(stamped.values())[number] for number in order]
    made = {"time": times.as_column(instants[order], "Time of the record")}
    for name in dict.fromkeys(name for row in rows for name in row):
        if name not in (*_TIMES, *_OTHER_TIMES, "instrument"):
            made[name] = column(name, [row.get(name) for row in rows], _unit(name), _components(name))
    # All at once: a column of one row that is added to a table may be converted to another class.
    return QTable(made, copy=False), [f"{odd} records do not have a valid time and are omitted."] if odd else []


def _odd_types(table: QTable) -> list[str]:
    """Return a description of each variable whose values do not have its type."""
    problems = []
    for name in table.colnames[1:]:
        declared, dtype = _declared(name), table[name].dtype
        if declared is not None and dtype.kind != np.dtype(declared[0]).kind:
            kind = "text" if dtype.kind == "U" else dtype.name
            problems.append(f"{name} is {kind}, since not all values have the type {declared[0].__name__}.")
    return problems


def _notes(table: QTable) -> list[str]:
    """Return the rule for variables whose types are not declared, and its exceptions."""
    free = [name for name in table.colnames[1:] if _declared(name) is None]
    if not free:
        return []
    rule = "numbers are floats, lists of numbers of one shape are arrays, and true and false and text keep their types"
    notes = [f"The service does not declare the types of {', '.join(free)}: {rule}."]
    for name in free:
        if table[name].dtype.kind in "iu":
            words = "contains integers that floats do not represent"
            notes.append(f"{name} {words}: its type is {table[name].dtype.name} in this response.")
        elif np.all(table[name].mask):
            notes.append(f"{name} does not contain a value: its type is unknown, and float in this response.")
    return notes


def _stamp(record: Mapping[str, Any]) -> str | None:
    """Return the time of a record without its UTC suffix."""
    found = next((str(record[name]) for name in _TIMES if isinstance(record.get(name), str)), "")
    text = found.removesuffix("+00:00").removesuffix("Z")
    return text if _ISO.fullmatch(text) else None


def _nanoseconds(stamp: str) -> str:
    """Return a time with all digits, so that equal times are equal texts."""
    whole, _, fraction = stamp.partition(".")
    return f"{whole}.{fraction:0<9}"


def _unit(name: str) -> str | None:
    return next((unit for names, unit in _UNITS if re.fullmatch(names, name.lower())), None)


def _components(name: str) -> str:
    return "rtn" if name.lower().endswith("rtn") else "xyz"
