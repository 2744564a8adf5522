"""What a response tells of each instant of a dataset, and how long it is believed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.hapi.cache.segments import Segment
from sunpy_helio_plugins.hapi.model import Info, Parameter
from sunpy_helio_plugins.hapi.server_list import HAPIServer
from sunpy_helio_plugins.quantities.exact import kept_json
from sunpy_helio_plugins.quantities.leap import SECOND
from sunpy_helio_plugins.quantities.spans import DAY_OF_ORDINALS, Moment, moment, seconds
from sunpy_helio_plugins.store.intervals import FOREVER, Entry, Range, State

__all__ = ["DatasetVersion", "entries", "key_of"]

_DAY = 86400.0

_GAP = 3
"""Intervals between records without one, from which there may be records that come later."""

_MOST_GAPS = 64
"""The number of gaps of a response, the longest ones, that are requested again later."""


def key_of(parameter: Parameter) -> str:
    """Return the name of a parameter with a digest of its description, on which its values depend."""
    text = json.dumps(dict(parameter.raw), sort_keys=True, ensure_ascii=False)
    return f"{parameter.name}\n{hashlib.sha256(text.encode()).hexdigest()[:16]}"


@dataclass(frozen=True)
class DatasetVersion:
    """
    What a server said of a dataset when its records were requested; changes make records outdated.

    Attributes
    ----------
    modified, start, stop : str
        ``modificationDate``, ``startDate`` and ``stopDate``; empty if not given.
    last : int or None
        The ordinal of the last record before ``stop``, which may have been incomplete; `None` if it is not known.
    """

    modified: str = ""
    start: str = ""
    stop: str = ""
    last: int | None = None

    @classmethod
    def of(cls, info: Info) -> DatasetVersion:
        """Return the version in a description."""
        modified = info.raw.get("modificationDate")
        return cls(str(modified) if moment(modified) else "", info.start or "", info.stop or "")

    @classmethod
    def read(cls, note: str) -> DatasetVersion | None:
        """Return the version in a note of the store; `None` if there is none."""
        try:
            return cls(**kept_json(note)) if note else None
        except (ValueError, TypeError):
            return None

    @property
    def note(self) -> str:
        """The version as a note."""
        return json.dumps(asdict(self))

    def is_before(self, other: DatasetVersion) -> bool:
        """Return whether the dataset was modified after this version."""
        mine, theirs = moment(self.modified), moment(other.modified)
        return theirs is not None and (mine is None or mine < theirs)

    def followed_by(self, other: DatasetVersion) -> tuple[DatasetVersion, list[Range | None]]:
        """Return the newer one of two versions, and the ranges that it makes outdated, `None` for all."""
        if other.is_before(self):
            return self, []
        if self.is_before(other):
            return other, [None]
        outdated: list[Range | None] = []
        borders = [found.ordinal for found in (moment(self.start), moment(other.start)) if found is not None]
        if self.start != other.start and borders:
            outdated.append(Range(_EARLIEST, max(borders)))
        borders = [found.ordinal for found in (moment(self.stop), moment(other.stop)) if found is not None]
        if self.stop == other.stop:
            return replace(other, last=self.last), outdated
        if borders:
            outdated.append(Range(min(borders if self.last is None else [*borders, self.last]), _LATEST))
        return other, outdated

    def with_records(self, whole: Range, times: NDArray[np.int64]) -> DatasetVersion:
        """Return the version with the last record of a response that reaches the end of the dataset."""
        stop = moment(self.stop)
        if stop is None or not whole.first <= stop.ordinal <= whole.before or not len(times):
            return self
        return replace(self, last=min(int(times[-1]), self.last or int(times[-1])))


_EARLIEST, _LATEST = -(2**63) + 1, 2**63 - 1


def entries(
    segment: Segment, names: Sequence[str], server: HAPIServer, cadence: str, asked: float, version: DatasetVersion
) -> dict[str, list[Entry]]:
    """
    Return what a response that was requested at a time tells of each parameter.

    Gaps and fill values are believed as long as other metadata, ``conf.cache_days``; records for
    ``conf.hapi.cache_days``, or for ever if the server tells when the dataset was modified. What was too near to the
    time of the request is not believed at all.
    """
    gaps = list(_gaps(segment, seconds(cadence)))
    until = FOREVER if version.modified else asked + conf.hapi.cache_days * _DAY
    nothing = asked + conf.cache_days * _DAY
    border = _ordinal(asked - max(float(conf.hapi.grace_days), server.grace_days) * _DAY)
    source = int(bool(len(segment.times)))
    told: dict[str, list[Entry]] = {}
    for name in names:
        is_time = name == segment.info.time.name
        if not source or (not is_time and segment.is_fill(name)):
            parts = [Entry(*segment.range, State.EMPTY, asked, nothing, source)]
        else:
            parts = [Entry(*gap, State.EMPTY, asked, nothing, source) for gap in gaps]
            parts += [Entry(*one, State.PRESENT, asked, until, source) for one in _between(segment.range, gaps)]
        told[name] = list(_divided(sorted(parts, key=lambda one: one.first), border))
    return told


def _ordinal(unix: float) -> int:
    return Moment(0, 0).later(int(unix * SECOND)).ordinal


def _between(whole: Range, gaps: Sequence[Range]) -> Iterator[Range]:
    first = whole.first
    for gap in (*gaps, Range(whole.before, whole.before)):
        if gap.first > first:
            yield Range(first, gap.first)
        first = gap.before


def _divided(parts: Sequence[Entry], border: int) -> Iterator[Entry]:
    """Divide entries at the time from which they are not believed."""
    for part in parts:
        if part.first < border:
            yield part.within(part.first, border)
        if part.before > border:
            yield replace(part.within(border, part.before), until=part.asked)


def _gaps(segment: Segment, cadence: float | None) -> Iterator[Range]:
    """Return the ranges without records that are much longer than the time between records."""
    times = segment.times
    if not len(times):
        return
    edges = np.concatenate([[segment.range.first], times, [segment.range.before]])
    # Ordinals count a leap second at the end of every day.
    steps = np.diff(edges) - np.diff(edges // DAY_OF_ORDINALS) * SECOND
    usual = cadence * SECOND if cadence else float(np.median(steps[1:-1])) if len(steps) > 4 else None
    if usual is None:
        return
    found = np.flatnonzero(steps > _GAP * usual)
    if len(found) > _MOST_GAPS:
        found = np.sort(found[np.argsort(steps[found])[-_MOST_GAPS:]])
    for index in found.tolist():
        first = int(edges[index]) + (index > 0)
        yield Range(first, int(edges[index + 1]))
