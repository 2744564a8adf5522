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

from sunpy_helio_plugins.errors import AnswerError, HelioPluginsError, QueryError, ServiceRefused
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.fido.partial import Partial, gather, warn
from sunpy_helio_plugins.imap.endpoints import ialirt
from sunpy_helio_plugins.imap.endpoints.ialirt import ARCHIVE
from sunpy_helio_plugins.quantities import times, units
from sunpy_helio_plugins.quantities.scales import checked_scale, table_in_scale
from sunpy_helio_plugins.transport import metadata
from sunpy_helio_plugins.transport.credentials import Login

__all__ = ["INSTRUMENTS", "column", "realtime"]


def column(name: str, values: Sequence[Any], unit: str | None = None, labels: Sequence[str] = ()) -> Any:
    """
    Return values of one name as a table column.

    Parameters
    ----------
    name : str
        The column's name.
    values : sequence
        Numbers, truth values, texts, or lists of numbers at any depth; `None` where a record has none.
    unit : str, optional
        The unit of numbers.
    labels : sequence of str, optional
        What the components of vectors of three are called.

    Returns
    -------
    astropy.units.Quantity, astropy.table.Column or astropy.table.MaskedColumn
        Masked, whether or not a record lacks its value. The variables of the daily files, and those with a unit, have
        one type and shape whatever an answer holds. Others have the type of their values: integers, floats or truth
        values. What is neither a number nor a text, integers that no type holds beside the others, and lists that
        differ in their shapes, are texts of JSON.
    """
    declared = next((one for one in _DECLARED if re.fullmatch(one[0], name.lower())), None)
    array, mask = _numbers(values)
    if array is None:
        array, unit = _texts(values), None
        mask = np.array([value is None for value in values], dtype=bool)
    elif declared is not None or unit is not None:
        array, mask = _typed(array, mask, *(declared or (name, float, ()))[1:])
    made = units.column(array, unit, name=name, mask=mask)
    if labels and array.shape[1:] == (3,):
        made.info.meta = {**(made.info.meta or {}), "labels": {"1": list(labels)}}
    return made


def _typed(
    array: NDArray[Any], mask: NDArray[np.bool_], kind: type, shape: tuple[int, ...]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return numbers in the type and the shape of a variable, where they can be had in these."""
    if array.dtype.kind in "biu" or (kind is int and np.all(mask | (array == np.rint(array)))):
        array = np.where(mask, 0, array).astype(kind)
    if shape and array.ndim == 1 and mask.all():
        array, mask = (np.repeat(one[:, None], shape[0], axis=1) for one in (array, mask))
    return array, mask


def _numbers(values: Sequence[Any]) -> tuple[NDArray[Any] | None, NDArray[np.bool_]]:
    """Return an array and what is missing of it, or nothing where not all are numbers of one shape."""
    nothing = None, np.zeros(0, bool)
    present = [value for value in values if value is not None]
    try:
        known = np.array(present, dtype=object)
    except ValueError:  # lists of different lengths
        return nothing
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
    """Return a type that holds all numbers as they are; `None` where there is none."""
    if kinds == {bool}:
        return bool
    whole = [value for value in known.flat if type(value) is int]
    is_exact = all(abs(value) < _LARGEST and int(float(value)) == value for value in whole)
    if not whole or (float in kinds and is_exact):
        return float
    if not all(type(value) is int or value is None or value.is_integer() for value in known.flat):
        return None
    least, most = min(whole), max(whole)
    fitting = (kind for kind in (np.int64, np.uint64) if np.iinfo(kind).min <= least and most <= np.iinfo(kind).max)
    return next(fitting, float if is_exact else None)


_LARGEST = 1 << 1023
"""Beyond this, an integer is not a float."""


def _texts(values: Sequence[Any]) -> NDArray[Any]:
    texts = ["" if one is None else one if isinstance(one, str) else json.dumps(one) for one in values]
    return np.array(texts, dtype=str)


INSTRUMENTS = ("mag", "swapi", "swe", "hit", "codice_lo", "codice_hi", "spacecraft", "spice")
"""The parts of the stream that can be asked for; with ``_hk`` after it, an instrument's housekeeping."""

_HOUR = 3600.0

_LEAST = 60.0

_LONGEST_DAYS = 31

_AT_A_TIME = 4

_UNITS = (
    ("mag_b_", "nT"), ("_proton_speed", "km/s"), ("_proton_density", "cm-3"), ("_proton_temperature", "K"),
    ("sc_position_", "km"), ("sc_velocity_", "km/s"),
)  # fmt: skip
"""The units of values, by what their names hold: the answer itself has none (I-ALiRT product definition)."""

_DECLARED: tuple[tuple[str, type, tuple[int, ...]], ...] = (
    (r"mag_b_(gse|gsm|rtn)|sc_(position|velocity)_(gse|gsm)", float, (3,)),
    (r"mag_(b_magnitude|(theta|phi)_b_(gse|gsm))|swapi_pseudo_proton_\w+|codice_lo_\w+_over_\w+", float, ()),
    (r"hit_\w+_en|codice_hi_h", float, ()),
    (r"\w+_epoch|swe_(normalized_counts|counterstreaming_electrons)", int, ()),
)
"""Types and shapes by name, as in the daily files. The service keeps decimal numbers, and prints 5.0 as 5."""

_ISO = re.compile(
    r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?", re.ASCII
)

_TOO_MUCH = re.compile(r"more data than allowed|too much data|reduce the time window", re.IGNORECASE)

_ANGLES = ("theta", "phi")

_TIMES = ("time_utc", "met_in_utc", "time_tag")

_OTHER_TIMES = ("met", "ttj2000ns", "apid", "last_modified")


def realtime(time: a.Time, instrument: str = "mag", *, scale: str = "utc") -> QTable:
    """
    Return values of the real-time stream.

    Parameters
    ----------
    time : sunpy.net.attrs.Time
        The time range, of at most 31 days.
    instrument : str, optional
        One of `INSTRUMENTS`, or such a name and ``_hk`` for its housekeeping.
    scale : {"utc", "tai", "tt", "tdb", "tcb", "tcg"}, optional
        The scale of the times, which their description states. Defaults to UTC.

    Returns
    -------
    astropy.table.QTable
        ``time`` and a column for each value, sorted; what a record lacks is masked. Variables of the daily files have
        the type that they have there; others have the type of their values, and what is not a number is text. Hours
        that could not be downloaded are named in ``meta["problems"]``.

    Raises
    ------
    QueryError
        The range or the instrument is none that can be asked for, or times cannot be given in ``scale``.
    ServiceError
        Nothing came.

    Examples
    --------
    >>> from sunpy.net import attrs as a
    >>> from sunpy_helio_plugins import imap
    >>> field = imap.realtime(a.Time("2026-03-10 04:00", "2026-03-10 05:00"), "mag")  # doctest: +SKIP
    """
    scale, part = checked_scale(scale), str(instrument).strip().lower()
    if part.removesuffix("_hk") not in (*INSTRUMENTS, "codice"):
        known = f"{', '.join(INSTRUMENTS)}, and housekeeping such as 'mag_hk'"
        raise QueryError(f"I-ALiRT has no instrument {instrument!r}; it has: {known}.")
    time = inputs.span("imap.realtime", time)
    length = (time.end - time.start).to_value("s")
    if not 0 <= length <= _LONGEST_DAYS * 86400:
        raise QueryError(f"I-ALiRT can be asked for at most {_LONGEST_DAYS} days, from a start to an end after it.")
    # The service compares whole seconds as text, both ends included: what lies outside is left out below.
    count = max(int(np.ceil(length / _HOUR)), 1)
    windows = [(time.start + i * _HOUR * u.s, min(time.start + (i + 1) * _HOUR * u.s, time.end)) for i in range(count)]
    answer = gather(windows, partial(_window, part), _AT_A_TIME, _missing)
    table, odd = _table(answer.items, time)
    answer += Partial(problems=tuple(f"Of the real-time values {problem}" for problem in odd))
    warn(answer)
    table.meta |= {"instrument": part, "problems": list(answer.problems)}
    return table_in_scale(table, scale)


def _missing(window: tuple[Time, Time], error: HelioPluginsError) -> str:
    return f"A part of the real-time values is missing: {error}"


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
        raise AnswerError(ARCHIVE, answer.url, "a list of values was expected; something else came", answer.status)
    return records


def _table(records: Sequence[Mapping[str, Any]], time: a.Time) -> tuple[QTable, list[str]]:
    """Return records as columns, each instant once, within the range, and what is odd about them."""
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
    # All at once: a column of one row that is added to a table may become one of another class.
    return QTable(made, copy=False), [f"{odd} records have no time that can be read: left out."] if odd else []


def _stamp(record: Mapping[str, Any]) -> str | None:
    """Return a record's time, without what says that it is UTC."""
    found = next((str(record[name]) for name in _TIMES if isinstance(record.get(name), str)), "")
    text = found.removesuffix("+00:00").removesuffix("Z")
    return text if _ISO.fullmatch(text) else None


def _nanoseconds(stamp: str) -> str:
    """Return a time with all its digits, so that one instant is one text."""
    whole, _, fraction = stamp.partition(".")
    return f"{whole}.{fraction:0<9}"


def _unit(name: str) -> str | None:
    lower = name.lower()
    if any(word in lower for word in _ANGLES):
        return "deg"
    return next((unit for word, unit in _UNITS if word in lower), None)


def _components(name: str) -> str:
    return "rtn" if name.lower().endswith("rtn") else "xyz"
