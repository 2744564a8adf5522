"""Join the records of several responses: each instant from the newest one, each parameter at the same times."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import HelioPluginsError
from sunpy_helio_plugins.hapi.cache.segments import DecodedDocument, Segment
from sunpy_helio_plugins.hapi.model import Info, Parameter
from sunpy_helio_plugins.hapi.records.file import HAPIDocument
from sunpy_helio_plugins.quantities.spans import Moment
from sunpy_helio_plugins.store.intervals import Entry, Range, State, common, united, without

__all__ = ["Assembly", "Failure", "assemble"]

Line = Mapping[str, Sequence[Entry]]
"""Consecutive entries that cover a range, for each parameter."""

Segments = Callable[[int], Segment | None]
"""The records that an entry names by the number of their source."""


@dataclass(frozen=True)
class Failure:
    """A range of some parameters that could not be received, and why."""

    names: tuple[str, ...]
    range: Range
    error: HelioPluginsError


@dataclass
class Assembly:
    """
    The records of the ranges that were asked for.

    Attributes
    ----------
    info : Info
        The description of the parameters.
    parts : list of dict
        The columns of consecutive ranges.
    disputed : list of Range
        Where the parameters of different responses do not match: at least one response is outdated.
    lost : list of Range
        What is not here.
    here : list of (Range, float)
        What is here, and when it was requested in Unix seconds.
    is_mixed : bool
        Whether responses describe a parameter differently, in which case everything is disputed.
    """

    info: Info
    parts: list[dict[str, NDArray[Any]]] = field(default_factory=list)
    disputed: list[Range] = field(default_factory=list)
    lost: list[Range] = field(default_factory=list)
    here: list[tuple[Range, float]] = field(default_factory=list)
    is_mixed: bool = False
    _headers: dict[str, Parameter] = field(default_factory=dict)
    _raw: Mapping[str, Any] | None = None
    _compared: set[tuple[int, str]] = field(default_factory=set)

    @property
    def is_answered(self) -> bool:
        """Whether something is known of any of the ranges."""
        return bool(self.here)

    def document(self) -> HAPIDocument:
        """Return the records as one document."""
        if not self.parts:
            return HAPIDocument(self.info, "csv", b"", 0)
        names = self.info.names
        parts = [[part[name] for name in names] for part in self.parts]
        raw = {**(self._raw or {}), "parameters": [self._headers[name].raw for name in names]}
        return DecodedDocument(Info(raw), "csv", b"", 0, parts=parts)

    def problems(self, failures: Sequence[Failure], began: float, now: float) -> tuple[str, ...]:
        """Return a sentence for each range that is missing, or could not be requested again."""
        told: dict[str, None] = {}
        unnamed = united([*self.lost, *self.disputed])
        for one in _merged(failures):
            others = [name for name in one.names if name != self.info.time.name]
            of = "" if len(others) >= len(self.info.names) - 1 else f" of {', '.join(others)}"
            for part in common(self.lost + self.disputed, [one.range]):
                told[f"{_shown(part)}{of} is missing: {one.error}"] = None
            for part, asked in self._old(one.range, began, now):
                since = f"could not be requested again, and is as it was on {_clock(asked)}"
                told[f"{_shown(part)}{of} {since}: {one.error}"] = None
            unnamed = without(unnamed, [one.range])
        for part in unnamed:
            told[f"{_shown(part)} is missing: its parameters differ between responses."] = None
        return tuple(told)

    def _old(self, within: Range, began: float, now: float) -> Iterator[tuple[Range, float]]:
        """Yield consecutive ranges that are here from before, and the earliest time at which they were requested."""
        found: list[tuple[Range, float]] = []
        for one, asked in self.here:
            if began <= asked <= now:  # later times are of a clock that was fast
                continue
            for part in common([one], [within]):
                if found and found[-1][0].before == part.first:
                    found[-1] = Range(found[-1][0].first, part.before), min(found[-1][1], asked)
                else:
                    found.append((part, asked))
        yield from found

    def _add(self, part: Range, entries: Mapping[str, Entry], segments: Segments) -> None:
        """Add what is known of a range in which each parameter has one entry."""
        if any(one.state < State.EMPTY for one in entries.values()):
            self.lost.append(part)
            return
        found = {one.source: segments(one.source) if one.source else None for one in entries.values()}
        rows = {source: slice(0, 0) if one is None else one.rows(part) for source, one in found.items()}
        times = [_NONE if one is None else one.times[rows[source]] for source, one in found.items()]
        if not all(np.array_equal(times[0], other) for other in times[1:]):
            self.disputed.append(part)
            return
        self._compare_headers(entries, found)
        self.here.append((part, min(one.asked for one in entries.values())))
        if len(times[0]):
            columns = ((name, found[one.source], rows[one.source]) for name, one in entries.items())
            made = {name: one.columns[name][kept] for name, one, kept in columns if one is not None}
            self.parts.append({self.info.time.name: times[0], **made})

    def _compare_headers(self, entries: Mapping[str, Entry], found: Mapping[int, Segment | None]) -> None:
        """Note the headers of the parameters, and whether they differ from those of the other parts."""
        for name, entry in entries.items():
            one = found[entry.source]
            if one is None or (entry.source, name) in self._compared:
                continue
            self._compared.add((entry.source, name))
            if self._raw is None:
                self._raw = one.info.raw
                self._headers[one.info.time.name] = one.info.time
            header = one.parameter(name)
            self.is_mixed |= _identity(self._headers.setdefault(name, header)) != _identity(header)


_NONE = np.empty(0, np.int64)


def assemble(lines: Iterable[Line], segments: Segments, info: Info) -> Assembly:
    """Join what is known of ranges; ``info`` describes the parameters."""
    made, wholes = Assembly(info), list[Range]()
    for line in lines:
        for part, entries in _steps(line):
            wholes.append(part)
            made._add(part, entries, segments)
    if made.is_mixed:
        made.parts, made.here, made.disputed = [], [], wholes
    made.lost, made.disputed = united(made.lost), united(made.disputed)
    return made


def _steps(line: Line) -> Iterator[tuple[Range, dict[str, Entry]]]:
    """Yield consecutive ranges in which each parameter has one entry."""
    starts = {name: [one.first for one in entries] for name, entries in line.items()}
    borders = sorted(
        {*(one for firsts in starts.values() for one in firsts), *(one[-1].before for one in line.values())}
    )
    for part in map(Range, borders[:-1], borders[1:]):
        yield part, {name: entries[bisect_right(starts[name], part.first) - 1] for name, entries in line.items()}


def _identity(one: Parameter) -> tuple[Any, ...]:
    return one.type, one.shape, str(one.units), str(one.fill)


def _merged(failures: Sequence[Failure]) -> list[Failure]:
    """Return failures for the same reason as one if they are of the same range, or touch."""
    by_range: dict[tuple[Range, str], Failure] = {}
    for one in failures:
        key = one.range, str(one.error)
        names = by_range[key].names if key in by_range else ()
        by_range[key] = Failure(tuple(dict.fromkeys((*names, *one.names))), one.range, one.error)
    found: list[Failure] = []
    for one in sorted(by_range.values(), key=lambda failure: (str(failure.error), failure.names, failure.range)):
        last = found[-1] if found else None
        is_same = last is not None and (last.names, str(last.error)) == (one.names, str(one.error))
        if last is not None and is_same and one.range.first <= last.range.before:
            found[-1] = Failure(one.names, united([last.range, one.range])[0], one.error)
        else:
            found.append(one)
    return sorted(found, key=lambda failure: failure.range)


def _shown(part: Range) -> str:
    return f"{Moment.of_ordinal(part.first).text(3)} to {Moment.of_ordinal(part.before).previous.text(3)}"


def _clock(unix: float) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
