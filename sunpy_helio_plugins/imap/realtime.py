"""
I-ALiRT: what the spacecraft sends all the time, minutes after it was measured.

The values are those of the service ``/space-weather``, which answers at most an hour at a time: it cuts nothing, it
refuses what is more than 1 MB. Hours are asked for some at a time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import QTable
from astropy.time import Time
from sunpy.net import attrs as a

from sunpy_helio_plugins.errors import AnswerError, QueryError, ServiceError, ServiceRefused, warn_incomplete
from sunpy_helio_plugins.imap import ialirt
from sunpy_helio_plugins.imap.ialirt import ARCHIVE
from sunpy_helio_plugins.imap.records import column
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.transport import metadata
from sunpy_helio_plugins.transport.credentials import Login

__all__ = ["INSTRUMENTS", "realtime"]

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

_ISO = re.compile(
    r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?", re.ASCII
)
_TOO_MUCH = re.compile(r"more data than allowed|too much data|reduce the time window", re.IGNORECASE)
_ANGLES = ("theta", "phi")
_TIMES = ("time_utc", "met_in_utc", "time_tag")
_OTHER_TIMES = ("met", "ttj2000ns", "apid", "last_modified")


def realtime(time: a.Time, instrument: str = "mag") -> QTable:
    """
    Return values of the real-time stream.

    Parameters
    ----------
    time : sunpy.net.attrs.Time
        The time range, of at most 31 days.
    instrument : str, optional
        One of `INSTRUMENTS`, or such a name and ``_hk`` for its housekeeping.

    Returns
    -------
    astropy.table.QTable
        ``time`` (UTC) and a column for each value, sorted; what a record lacks is masked, whole numbers stay whole, and
        what is no number is text. Hours that did not come are named in ``meta["problems"]``.

    Raises
    ------
    QueryError
        The range or the instrument is none that can be asked for.
    ServiceError
        Nothing came.

    Examples
    --------
    >>> from sunpy.net import attrs as a
    >>> from sunpy_helio_plugins import imap
    >>> field = imap.realtime(a.Time("2026-03-10 04:00", "2026-03-10 05:00"), "mag")  # doctest: +SKIP
    """
    part = str(instrument).strip().lower()
    if part.removesuffix("_hk") not in (*INSTRUMENTS, "codice"):
        known = f"{', '.join(INSTRUMENTS)}, and housekeeping such as 'mag_hk'"
        raise QueryError(f"I-ALiRT has no instrument {instrument!r}; it has: {known}.")
    length = (time.end - time.start).to_value("s")
    if not 0 <= length <= _LONGEST_DAYS * 86400:
        raise QueryError(f"I-ALiRT can be asked for at most {_LONGEST_DAYS} days, from a start to an end after it.")
    # The service compares whole seconds as text, both ends included: what lies outside is left out below.
    count = max(int(np.ceil(length / _HOUR)), 1)
    windows = [(time.start + i * _HOUR * u.s, min(time.start + (i + 1) * _HOUR * u.s, time.end)) for i in range(count)]
    with ThreadPoolExecutor(min(_AT_A_TIME, count)) as pool:
        parts = list(pool.map(lambda window: _window(part, *window), windows))
    failures = [one for one in parts if isinstance(one, ServiceError)]
    if failures and len(failures) == len(parts):
        raise failures[0]
    for failure in failures:
        warn_incomplete(f"A part of the real-time values is missing: {failure}")
    table, odd = _table([record for one in parts if not isinstance(one, ServiceError) for record in one], time)
    for problem in odd:
        warn_incomplete(f"Of the real-time values {problem}")
    table.meta |= {"instrument": part, "problems": [*map(str, failures), *odd]}
    return table


def _window(part: str, start: Time, end: Time) -> list[dict[str, Any]] | ServiceError:
    """Ask for one window; in halves where it holds more than the service answers."""
    try:
        return _asked(part, start, end)
    except ServiceRefused as refused:
        length = (end - start).to_value("s")
        if not _TOO_MUCH.search(refused.words) or length <= _LEAST:
            return refused
    except ServiceError as error:
        return error
    middle = start + (end - start) / 2
    halves = [_window(part, start, middle), _window(part, middle, end)]
    failed = next((half for half in halves if isinstance(half, ServiceError)), None)
    return failed or [record for half in halves if not isinstance(half, ServiceError) for record in half]


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
