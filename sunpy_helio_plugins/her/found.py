"""What searches brought, as one answer: each event once, in order."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sunpy_helio_plugins.her.goes import peak_flux
from sunpy_helio_plugins.her.keywords import keywords
from sunpy_helio_plugins.her.noaa import five_digits
from sunpy_helio_plugins.her.queries import Query
from sunpy_helio_plugins.her.truth import SENTINELS, stamp

__all__ = ["Found", "ordered", "without_old"]

Record = dict[str, Any]


@dataclass
class Found:
    """
    What a search brought.

    Attributes
    ----------
    records : list of dict
        The events as the registry sent them, each once.
    associations : list of dict
        Which event follows, splits into, or merges into which, each once.
    problems : list of str
        What is missing, and why.
    """

    problems: list[str] = field(default_factory=list)
    _records: dict[str, Record] = field(default_factory=dict)
    _associations: dict[tuple[str, ...], Record] = field(default_factory=dict)
    _doubts: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def records(self) -> list[Record]:
        """The events."""
        return list(self._records.values())

    @property
    def associations(self) -> list[Record]:
        """The edges between events."""
        return list(self._associations.values())

    def __len__(self) -> int:
        return len(self._records)

    def add(self, records: Iterable[Record], associations: Iterable[Record]) -> int:
        """Take in what is new, and return how many events that were."""
        before = len(self)
        for record in records:
            self._records.setdefault(_identity(record), record)
        for edge in associations:
            self._associations.setdefault(_edge(edge), edge)
        return len(self) - before

    def doubt(self, record: Record, why: tuple[str, ...]) -> None:
        """Note why it cannot be told whether an event answers, or that it does, where that is new."""
        identity = _identity(record)
        if why and identity not in self._records:
            self._doubts[identity] = why
        elif not why:
            self._doubts.pop(identity, None)

    def merge(self, other: Found) -> None:
        """Take in another answer; an event that answers either is in no doubt."""
        for record in other.records:
            self.doubt(record, other._doubts.get(_identity(record), ()))
        self.add(other.records, other.associations)
        self.problems += other.problems

    @property
    def doubts(self) -> list[str]:
        """Why some of the events may not be what was asked for, a sentence for each reason."""
        counted = Counter(why for name, reasons in self._doubts.items() if name in self._records for why in reasons)
        return [f"{why}: {count} events are kept; see the column raw." for why, count in counted.items()]

    def keep(self, records: Iterable[Record]) -> None:
        """Leave only some of the events, in the order given."""
        self._records = {_identity(record): record for record in records}


def _identity(record: Record) -> str:
    """Return what tells an event from any other: its IVORN and revision."""
    ivorn = record.get("kb_archivid")
    return f"{ivorn} {record.get('revision')}" if ivorn else json.dumps(record, sort_keys=True, default=str)


def _edge(edge: Record) -> tuple[str, ...]:
    return tuple(str(edge.get(name)) for name in ("first_ivorn", "second_ivorn", "edge_type"))


def ordered(records: Sequence[Record], query: Query) -> list[Record]:
    """
    Return events in the order that a query asks for: by start time where it asks for none.

    Parameters
    ----------
    records : sequence of dict
        The events.
    query : Query
        Its ``sort_by`` and ``descending`` are taken.

    Returns
    -------
    list of dict
        The same events; those without a readable value come last, and equal ones stay as they were.
    """
    name = query.sort_by or "event_starttime"
    keyed = [(_sort_key(name, record), record) for record in records]
    known = [pair for pair in keyed if pair[0] is not None]
    known.sort(key=lambda pair: pair[0], reverse=query.descending)
    return [record for _, record in known] + [record for key, record in keyed if key is None]


def _sort_key(name: str, record: Record) -> Any:
    """Return what a value is ordered by, `None` where there is none: a class by its flux, a region by five digits."""
    value = record.get(name)
    if value in (None, ""):
        return None
    if name == "fl_goescls":
        return peak_flux(str(value))
    keyword = keywords().get(name)
    if keyword is None or keyword.kind not in ("float", "integer", "time"):
        return str(value)
    if keyword.kind == "time":
        return stamp(value) or None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if number in SENTINELS or not math.isfinite(number) or (name == "ar_noaanum" and number == 0):
        return None
    return five_digits(int(number), stamp(record.get("event_starttime"))) if name == "ar_noaanum" else number


def without_old(records: Sequence[Record]) -> list[Record]:
    """
    Return one record for each event: its newest revision, and the last of several submissions of one eruption.

    Parameters
    ----------
    records : sequence of dict
        The events.

    Returns
    -------
    list of dict
        Some of the records, in the same order.
    """
    newest: dict[str, int] = {}
    for index, record in enumerate(records):
        ivorn = str(record.get("kb_archivid") or f"no name, {index}")
        if ivorn not in newest or _revision(record) >= _revision(records[newest[ivorn]]):
            newest[ivorn] = index
    kept = [records[index] for index in sorted(newest.values())]
    return _without_resubmissions(kept)


def _revision(record: Record) -> float:
    try:
        return float(record.get("revision") or 0)
    except (TypeError, ValueError):
        return 0.0


def _without_resubmissions(records: list[Record]) -> list[Record]:
    """CACTus submits an eruption again every two or three hours, each time under a new IVORN."""
    eruptions = [(index, seen) for index, record in enumerate(records) if (seen := _eruption(record)) is not None]
    # The last submission is the one that stays.
    eruptions.sort(key=lambda pair: pair[1].submitted, reverse=True)
    kept: list[_Eruption] = []
    dropped: set[int] = set()
    for index, seen in eruptions:
        if any(seen.is_same(other) for other in kept):
            dropped.add(index)
        else:
            kept.append(seen)
    return [record for index, record in enumerate(records) if index not in dropped]


@dataclass(frozen=True)
class _Eruption:
    """What tells one eruption from another: the supplier, when it started, where to and how wide it went."""

    supplier: str
    start: datetime
    angle: float
    width: float
    submitted: str

    def is_same(self, other: _Eruption) -> bool:
        apart = abs((self.angle - other.angle + 180) % 360 - 180)
        return (
            self.supplier == other.supplier
            and abs(self.start - other.start) <= timedelta(hours=1)
            and apart <= 10
            and abs(self.width - other.width) <= 20
        )


def _eruption(record: Record) -> _Eruption | None:
    supplier = str(record.get("search_frm_name") or record.get("frm_name") or "")
    if record.get("event_type") != "CE" or not supplier.startswith("CACTus"):
        return None
    try:
        start = datetime.fromisoformat(stamp(record["event_starttime"]))
        angle, width = float(record["hrc_a"]), float(record["cme_angularwidth"])
    except (KeyError, TypeError, ValueError):
        return None
    return _Eruption(supplier, start, angle, width, str(record.get("kb_archivdate") or record.get("frm_daterun") or ""))
