"""Plan the requests for a time range of a dataset, and the requests to send if one is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.partial import Partial
from sunpy_helio_plugins.hapi import server_list
from sunpy_helio_plugins.hapi.model import Info
from sunpy_helio_plugins.hapi.query import NOT_COVERED, Query, is_like, is_pattern, unlike
from sunpy_helio_plugins.hapi.server_list import HAPIServer
from sunpy_helio_plugins.hapi.status import Refusal
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.exact import kept_json
from sunpy_helio_plugins.quantities.spans import Moment, Span, moment, seconds
from sunpy_helio_plugins.transport.urls import without_user

__all__ = [
    "MOST_HALVINGS",
    "MOST_REQUESTS",
    "DataRequest",
    "Piece",
    "chosen",
    "covering",
    "cut",
    "estimated_bytes",
    "longest_range",
    "narrowed",
    "selected",
]

MOST_HALVINGS = 12
"""The largest number of times that a range is halved: into about four thousand requests."""

_MILLISECOND = 1_000_000

_START, _STOP = (re.compile(rf"(?<=[?&])({names})=[^&#]*") for names in (r"start|time\.min", r"stop|time\.max"))


@dataclass(frozen=True)
class Piece:
    """
    One request.

    Attributes
    ----------
    span : Span
        The range of the records; the response may contain further ones.
    url : str
        The URL of the request.
    stop : str
        The stop of the dataset as the server spells it; empty if it is not known.
    depth : int
        The number of times that the original range was halved.
    """

    span: Span
    url: str
    stop: str = ""
    depth: int = 0

    @classmethod
    def of(cls, span: Span, url: str, stop: str | None) -> Piece:
        """Return the request with a URL, which covers the given range; ``stop`` is the stop of the dataset."""
        return cls(span, url, stop or "")

    @property
    def closing(self) -> str:
        """The stop of the dataset if the URL extends beyond it, else empty."""
        asked = _STOP.search(self.url)
        last = moment(self.stop)
        beyond = asked is not None and last is not None and (moment(asked[0].partition("=")[2]) or last) > last
        return self.stop if beyond else ""

    def instead(self, refusal: Refusal) -> list[Piece]:
        """Return the requests that replace this one if it is refused; empty if it cannot be replaced."""
        if refusal.is_too_much:
            return self._halves()
        if self.closing and refusal.is_outside:
            return [self._within()]
        return []

    def _within(self) -> Piece:
        """Limit the request to the dataset; servers that include the stop also return the record at it."""
        last = Moment.read(self.closing)
        url = _STOP.sub(rf"\g<1>={self.closing}", self.url)
        if self.span.first >= last:
            # A range must not be empty (HAPI 1404): earlier records are removed after the download.
            url = _START.sub(rf"\g<1>={last.later(-_MILLISECOND).down().text(3)}", url)
        return replace(self, url=url)

    def _halves(self) -> list[Piece]:
        halves = self.span.halves() if self.depth < MOST_HALVINGS else None
        if halves is None:
            return []
        border = rf"\g<1>={halves[0].before.text(3)}"
        return [
            Piece(halves[0], _STOP.sub(border, self.url), self.stop, self.depth + 1),
            Piece(halves[1], _START.sub(border, self.url), self.stop, self.depth + 1),
        ]


MOST_REQUESTS = 10_000
"""The largest number of requests for one range."""

_ONE_MILLISECOND = 1_000_000
"""In nanoseconds; requests use complete milliseconds."""

_CSV_FIELD = 16
"""The estimated size of a number in CSV in bytes."""


def estimated_bytes(info: Info, chosen: str) -> float:
    """Return the size of a record in bytes: exact for binary, estimated for text."""
    if chosen == "binary":
        return float(info.record().itemsize)
    return float(sum((one.length or _CSV_FIELD) * one.width + one.width for one in info.parameters))


def longest_range(
    info: Info, wanted: Info, chosen: str, elements: int = 0, size: int = 0, chunk: float | None = None
) -> float | None:
    """
    Return the longest range of one request in seconds; `None` without limits, or if the cadence is not known.

    It results from the duration that the server states, the limits ``elements`` (values,
    including times) and ``size`` (bytes) of the server, 0 meaning no limit, and the ``chunk`` of the query. ``wanted``
    describes the requested parameters only.
    """
    found = [chunk, info.longest_request]
    cadence = seconds(info.cadence)
    if cadence and elements:
        width = sum(parameter.width for parameter in wanted.parameters)
        # One record less than allowed: a range may contain one more than its length divided by the cadence.
        found.append(max(1, elements // width - 1) * cadence)
    if cadence and size:
        found.append(max(1, int(size / estimated_bytes(wanted, chosen)) - 1) * cadence)
    return min((one for one in found if one), default=None)


def cut(span: Span, length: float | None) -> list[Span]:
    """
    Split a range into consecutive ones of at most ``length`` seconds; raise an error for more than `MOST_REQUESTS`.

    Each one starts at the time before which the previous one ends. The last instant of the range is not a separate one.
    """
    if length is None:
        return [span]
    try:
        return span.cut(max(1, int(length * 1000)) * _ONE_MILLISECOND, MOST_REQUESTS)
    except ValueError as count:
        raise QueryError(
            f"{span.first} to {span.last} needs {count} requests of {length:g} s, more than the limit of "
            f"{MOST_REQUESTS}; use a shorter time range, or fewer parameters."
        ) from None


_GROWING = 5 * 365
"""A stop that is more days in the future means that the dataset is still growing (ESA: 2050)."""


@dataclass(frozen=True)
class DataRequest:
    """
    One request for records of a dataset.

    Attributes
    ----------
    server : HAPIServer
        The server.
    dataset, title : str
        The id, and the title in the catalogue.
    info : Info
        Description of the requested parameters.
    span : Span
        The range of the records.
    end : str
        The end of the range as it is displayed: UTC, ISO 8601 with Z.
    format : str
        The format of the records.
    url : str
        The URL of the request.
    records, size : float
        Estimates of the number of records and of bytes from the cadence; NaN if it is not known.
    """

    server: HAPIServer
    dataset: str
    title: str
    info: Info
    span: Span
    end: str
    format: str
    url: str
    records: float = float("nan")
    size: float = float("nan")

    def __getstate__(self) -> dict[str, Any]:
        """Pickle it without a user and password in its address."""
        return self.__dict__ | {"url": without_user(self.url)}

    @classmethod
    def of_row(cls, row: Any) -> DataRequest:
        """Return the request in a row of a `~sunpy_helio_plugins.hapi.tables.HAPITable`."""
        return cls(
            server_list.find(str(row["server_url"])),
            str(row["Dataset"]),
            str(row["Title"]),
            _info(str(row["info"])),
            Span.read(str(row["range"])),
            times.iso(row["End Time"], 9),
            str(row["format"]),
            str(row["url"]),
        )

    @property
    def start(self) -> str:
        """The start of the range: UTC, ISO 8601 with Z."""
        return str(self.span.first)

    @property
    def piece(self) -> Piece:
        """The request, which can be replaced by others if it is refused."""
        return Piece.of(self.span, self.url, self.info.stop)


@lru_cache(maxsize=16)
def _info(text: str) -> Info:
    """Parse a description, once for all requests for a dataset."""
    return Info.from_json(kept_json(text))


class Endpoints(Protocol):
    """The parts of `~sunpy_helio_plugins.hapi.service.Service` that a plan uses."""

    server: HAPIServer

    def format(self, info: Info, wanted: str | None) -> str:
        """Return the format to request."""

    def data_url(
        self, dataset: str, info: Info, is_subset: bool, start: str, stop: str, form: str, /
    ) -> str:  # fmt: skip
        """Return the URL of records."""


def covering(service: Endpoints, query: Query, dataset: str, title: str, info: Info) -> Partial[DataRequest]:
    """
    Return the requests for the records of a dataset, limited to the range that it covers: servers refuse ranges
    outside.

    Notes describe the part of the time range that is not covered. An error is raised for an unknown parameter or
    format, or if too many requests are needed.
    """
    name = f"{dataset} of {service.server.archive}"
    wanted = info.subset(chosen(name, info, query.parameters))
    first, last = Moment.read(query.start), Moment.read(query.end)
    kept, end, notes = _within(name, info, first, last)
    if kept is None:
        spans = f"covers {info.start or '?'} to {info.stop or '?'}: nothing from {query.start} to {query.end}."
        return Partial(notes=(f"{name} {spans}",))
    server, form = service.server, service.format(wanted, query.format)
    cadence, each = seconds(wanted.cadence), estimated_bytes(wanted, form)
    is_small = bool(cadence) and kept.nanoseconds * 1e-9 / (cadence or 1) * each <= query.whole
    size = min((one for one in (server.max_bytes, None if is_small else query.size) if one), default=0)
    pieces = cut(kept, longest_range(info, wanted, form, server.max_elements, size, query.chunk))
    ends = [*(str(span.before) for span in pieces[:-1]), end or query.end]

    def make(span: Span, shown: str) -> DataRequest:
        url = service.data_url(dataset, wanted, bool(query.parameters), *_asked(span, info, server), form)
        records = float(np.ceil(span.nanoseconds / (cadence * 1e9))) if cadence else np.nan
        return DataRequest(server, dataset, title, wanted, span, shown, form, url, records, records * each)

    return Partial(tuple(map(make, pieces, ends)), notes=tuple(notes))


def _within(name: str, info: Info, first: Moment, last: Moment) -> tuple[Span | None, str | None, list[str]]:
    """Limit a time range to that of a dataset; also return its end as the server spells it if it is the limit."""
    notes = [
        f"{name} {verb} at {stamp!r} according to the server, which is not a valid time."
        for verb, stamp in (("begins", info.start), ("ends", info.stop))
        if stamp and moment(stamp) is None
    ]
    start, stop, now, end = moment(info.start), moment(info.stop), Moment.now(), None
    if start is not None and first < start:
        first = start
        notes.append(f"{name} begins at {info.start}: the time before it {NOT_COVERED}")
    if stop is not None and last > stop:
        last, end = stop, info.stop
        notes.append(f"{name} ends at {info.stop}: the time after it {NOT_COVERED}")
    if stop is not None and stop.day > now.day + _GROWING and first < now < last:
        last, end = now, str(now)
        notes.append(f"{name} is still growing: the time after the present {NOT_COVERED}")
    return (None if first > last else Span.closed(first, last)), end, notes


def _asked(span: Span, info: Info, server: HAPIServer) -> tuple[str, str]:
    """
    Return the start and the stop of a request: complete milliseconds around the range.

    The limits of a dataset are sent as the server spells them, since some servers compare them as text.
    """
    start, stop = moment(info.start), moment(info.stop)
    first = span.first.down()
    # The last record of a dataset is at its stop, which HAPI excludes: request a bit more, which may be refused.
    border = span.last if server.inclusive_stop else span.before
    before = max(border.up(), first.later(1).up())
    if stop is not None and first < stop and border <= stop < before:
        before = stop
    return (
        str(info.start) if start is not None and first <= start else first.text(3),
        str(info.stop) if before == stop else before.text(3),
    )


def narrowed(request: DataRequest, span: Span) -> DataRequest:
    """Return the request for another range of the same records."""
    if span == request.span:
        return request
    start, stop = _asked(span, request.info, request.server)
    url = _STOP.sub(rf"\g<1>={stop}", _START.sub(rf"\g<1>={start}", request.url))
    end = request.end if span.before == request.span.before else str(span.before)
    return replace(request, span=span, end=end, url=url)


def selected(service: Endpoints, request: DataRequest, span: Span, names: tuple[str, ...]) -> DataRequest:
    """Return a request for some of the parameters, and the others that describe them, in a part of the range."""
    part, wanted = narrowed(request, span), request.info.subset(names)
    if len(wanted.names) == len(request.info.names):
        return part
    start, stop = _asked(span, request.info, request.server)
    try:
        url = service.data_url(request.dataset, wanted, True, start, stop, request.format)
    except QueryError:
        # Several names may result in a longer address than all parameters, which need not be named.
        return part
    return replace(part, info=wanted, url=url)


def chosen(name: str, info: Info, asked: tuple[str, ...]) -> tuple[str, ...]:
    """Return the parameters that match names and patterns; raise an error with similar names if one does not match."""
    names: list[str] = []
    for one in asked:
        found = [known for known in info.names if known == one]
        if not found and is_pattern(one):
            found = [known for known in info.names if is_like(known, one)]
        if not found:
            raise QueryError(unlike(f"{name} has no parameter", one, info.names))
        names += found
    return tuple(names)
