"""From a dataset and a time to requests, and the requests to send when one is refused."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from sunpy_helio_plugins.errors import QueryError, ServerError, ServiceError, ServiceRefused
from sunpy_helio_plugins.fido.partial import Partial
from sunpy_helio_plugins.hapi import server_list
from sunpy_helio_plugins.hapi.model import NO_DATA, OK, Info, status_of
from sunpy_helio_plugins.hapi.query import Query, is_like, is_pattern, unlike
from sunpy_helio_plugins.hapi.server_list import HAPIServer
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.spans import Moment, Span, moment, seconds
from sunpy_helio_plugins.transport.messages import server_message

__all__ = [
    "MOST_HALVINGS",
    "MOST_REQUESTS",
    "DataRequest",
    "Piece",
    "Refusal",
    "chosen",
    "covering",
    "cut",
    "estimated_bytes",
    "longest",
    "refusal",
]

_OUTSIDE, _TOO_MUCH, _TOO_LONG = 1405, 1408, 1413

_TOO_LARGE = 413

_GENERAL = (None, 1400)
"""Codes that say nothing in particular: many servers know no others (specification, section 4.1)."""

_OF_THE_STOP = (1403, _OUTSIDE)

_CODE = re.compile(r"\bHAPI\b[^0-9]{0,12}(1[0-9]{3})\b", re.IGNORECASE)

_SMALLER_RANGE = re.compile(r"smaller\s+time\s+range|\bdata\s+elements\b|12[,.' ]?288\s*(kB|000)", re.IGNORECASE)
"""How ESA's server refuses too much, by its guide (Limitations), which gives no code and no exact words."""

_LONGEST = 65536
"""Bytes that a message may have: a longer answer is records."""


@dataclass(frozen=True)
class Refusal:
    """
    An answer that is no records.

    Attributes
    ----------
    status : int
        The HTTP status.
    code : int or None
        The code of HAPI, where there is one.
    words : str
        The server's words.
    """

    status: int
    code: int | None
    words: str

    @property
    def is_too_much(self) -> bool:
        """Whether a shorter range may be answered."""
        if self.code == _TOO_MUCH or self.status == _TOO_LARGE:
            return True
        if self.code == _TOO_LONG:
            # To a request for records, which has no depth: server-python means a range that is too long.
            return "too long" in self.words.lower()
        return self.code in _GENERAL and self.status < 500 and bool(_SMALLER_RANGE.search(self.words))

    @property
    def is_outside(self) -> bool:
        """Whether a range that keeps within the dataset may be answered."""
        if self.is_too_much or self.status in (401, 403):
            return False
        return self.code in _OF_THE_STOP or (self.code in _GENERAL and 400 <= self.status < 500)

    def error(self, archive: str, url: str) -> ServiceError:
        """
        Return what to raise.

        Parameters
        ----------
        archive : str
            The server, as messages name it.
        url : str
            What was asked, without secrets.
        """
        kind = ServerError if self.status >= 500 else ServiceRefused
        return kind(archive, url, self.text, self.status)

    @property
    def text(self) -> str:
        """The server's words and the code, where they do not name it."""
        known = self.code is None or str(self.code) in self.words
        return self.words if known else f"{self.words} (HAPI {self.code})".strip()


def refusal(status: int, phrase: str, content: bytes) -> Refusal | None:
    """
    Return what an answer says, where it is no records.

    Parameters
    ----------
    status : int
        The HTTP status.
    phrase : str
        What stands beside it.
    content : bytes
        The body, or its beginning.

    Returns
    -------
    Refusal or None
        `None` for records, and for an answer that says that there are none.
    """
    code, message = _said(content)
    words = message or server_message(content) if status >= 400 or code is not None else ""
    if code is None and status >= 400:
        found = _CODE.search(phrase) or _CODE.search(words)
        code = int(found[1]) if found else None
    if code == NO_DATA or (status < 400 and code in (None, OK)):
        return None
    return Refusal(status, code, words or server_message(phrase.encode()))


def _said(content: bytes) -> tuple[int | None, str]:
    """Return code and message of an answer that is a JSON object with a status."""
    if content[:1].isspace():
        content = content.lstrip()
    if not content.startswith(b"{") or len(content) > _LONGEST:
        return None, ""
    try:
        code, message = status_of(json.loads(content))
    except (ValueError, RecursionError):
        return None, ""
    return code, server_message(json.dumps(message).encode())


MOST_HALVINGS = 12
"""How often a range is halved at most: into some four thousand requests."""

_MILLISECOND = 1_000_000

_START, _STOP = (re.compile(rf"(?<=[?&])({names})=[^&#]*") for names in (r"start|time\.min", r"stop|time\.max"))


@dataclass(frozen=True)
class Piece:
    """
    One request.

    Attributes
    ----------
    span : Span
        The range whose records are wanted; an answer may hold others as well.
    url : str
        What to ask.
    stop : str
        The dataset's own stop, as the server spells it; empty if it is not known.
    depth : int
        How many halvings led here.
    """

    span: Span
    url: str
    stop: str = ""
    depth: int = 0

    @classmethod
    def of(cls, span: Span, url: str, stop: str | None) -> Piece:
        """
        Return the request of an address.

        Parameters
        ----------
        span : Span
            The range whose records are wanted.
        url : str
            The address; its range holds that one.
        stop : str or None
            The dataset's own stop.
        """
        return cls(span, url, stop or "")

    @property
    def closing(self) -> str:
        """The dataset's own stop if the address asks for a tick more, else empty."""
        asked = _STOP.search(self.url)
        last = moment(self.stop)
        beyond = asked is not None and last is not None and (moment(asked[0].partition("=")[2]) or last) > last
        return self.stop if beyond else ""

    def instead(self, refusal: Refusal) -> list[Piece]:
        """
        Return what to ask instead: requests that together stand for this one; none where the refusal stands.

        Parameters
        ----------
        refusal : Refusal
            How the server refused this one.
        """
        if refusal.is_too_much:
            return self._halves()
        if self.closing and refusal.is_outside:
            return [self._within()]
        return []

    def _within(self) -> Piece:
        """Keep within the dataset; a server that includes the stop gives the record at it also to this."""
        last = Moment.read(self.closing)
        url = _STOP.sub(rf"\g<1>={self.closing}", self.url)
        if self.span.first >= last:
            # No range is empty (HAPI 1404): what lies before is left out when it has come.
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
"""Requests into which one range is cut at most."""

_ONE_MILLISECOND = 1_000_000
"""In nanoseconds; requests are made in whole ones."""

_CSV_FIELD = 16
"""Bytes that a number takes in CSV, as a guess."""


def estimated_bytes(info: Info, chosen: str) -> float:
    """Return how many bytes a record takes: exactly in binary, as a guess in text."""
    if chosen == "binary":
        return float(info.record().itemsize)
    return float(sum((one.length or _CSV_FIELD) * one.width + one.width for one in info.parameters))


def longest(
    info: Info, wanted: Info, chosen: str, elements: int = 0, size: int = 0, chunk: float | None = None
) -> float | None:
    """
    Return how long one request may be, in seconds.

    Parameters
    ----------
    info : Info
        The dataset's description: its ``maxRequestDuration``, and server-java's ``x_requestLimits``.
    wanted : Info
        That of the parameters asked for: its cadence and the width of a record tell how much a range holds.
    chosen : str
        The format.
    elements, size : int, optional
        How many values, times included, and how many bytes one answer may hold; 0 where there is no limit.
    chunk : float, optional
        What the user wants.

    Returns
    -------
    float or None
        `None` where nothing limits it, or the cadence is not known.
    """
    limits = info.raw.get("x_requestLimits")
    said = limits.get("duration") if isinstance(limits, dict) else None
    found = [chunk, seconds(info.raw.get("maxRequestDuration")), seconds(said)]
    cadence = seconds(info.cadence)
    if cadence and elements:
        width = sum(parameter.width for parameter in wanted.parameters)
        # One record less than allowed: a range may hold one more than its length over the cadence.
        found.append(max(1, elements // width - 1) * cadence)
    if cadence and size:
        found.append(max(1, int(size / estimated_bytes(wanted, chosen)) - 1) * cadence)
    return min((one for one in found if one), default=None)


def cut(span: Span, length: float | None) -> list[Span]:
    """
    Cut a range into pieces that follow each other: a piece begins with the instant before which the last one ends.

    Parameters
    ----------
    span : Span
        The range.
    length : float or None
        The longest piece in seconds; the instant that closes the range is no piece of its own.

    Raises
    ------
    QueryError
        There would be more than `MOST_REQUESTS` pieces.
    """
    if length is None:
        return [span]
    try:
        return span.cut(max(1, int(length * 1000)) * _ONE_MILLISECOND, MOST_REQUESTS)
    except ValueError as count:
        raise QueryError(
            f"From {span.first} to {span.last} would take {count} requests of {length:g} s, more than {MOST_REQUESTS}; "
            "ask for a shorter time, or for fewer parameters."
        ) from None


_GROWING = 5 * 365
"""A dataset that ends more days from now says by its end that it still grows (ESA: 2050)."""


@dataclass(frozen=True)
class DataRequest:
    """
    One request for records of a dataset that covers the time.

    Attributes
    ----------
    server : HAPIServer
        Where it is.
    dataset, title : str
        Its id, and what the catalogue calls it.
    info : Info
        Description of the parameters wanted.
    span : Span
        The range of the records wanted.
    end : str
        Where the range ends, as it is shown: UTC, ISO 8601 with Z.
    format : str
        The format of the records.
    url : str
        What to fetch.
    records, size : float
        Estimates from the cadence: how many records, and how many bytes; NaN where it is not known.
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

    @classmethod
    def of_row(cls, row: Any) -> DataRequest:
        """
        Return the request of a row.

        Parameters
        ----------
        row : sunpy.net.base_client.QueryResponseRow
            A row of a `~sunpy_helio_plugins.hapi.tables.HAPITable`.
        """
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
        """Where the range begins: UTC, ISO 8601 with Z."""
        return str(self.span.first)

    @property
    def piece(self) -> Piece:
        """The request, and what to ask instead where it is refused."""
        return Piece.of(self.span, self.url, self.info.stop)


@lru_cache(maxsize=16)
def _info(text: str) -> Info:
    """Read a description, once for all chunks of a dataset."""
    return Info.from_json(json.loads(text))


class Endpoints(Protocol):
    """The parts of a server's service that a plan uses."""

    server: HAPIServer

    def format(self, info: Info, wanted: str | None) -> str:
        """Return the format to request."""

    def data_url(
        self, dataset: str, info: Info, is_subset: bool, start: str, stop: str, form: str, /
    ) -> str:  # fmt: skip
        """Return the address of records."""


def covering(service: Endpoints, query: Query, dataset: str, title: str, info: Info) -> Partial[DataRequest]:
    """
    Return the requests for the records of a dataset, within what it covers: servers refuse what lies outside.

    Parameters
    ----------
    service : Endpoints
        Its server.
    query : Query
        The time, the parameters and the format wanted.
    dataset, title : str
        Its id, and what the catalogue calls it.
    info : Info
        Its description.

    Returns
    -------
    Partial
        The requests; none where it does not cover the time. Its notes say what of the time it does not cover.

    Raises
    ------
    QueryError
        It has no such parameter, or the server no such format; or there would be too many requests.
    """
    name = f"{dataset} of {service.server.archive}"
    wanted = info.subset(chosen(name, info, query.parameters))
    first, last = Moment.read(query.start), Moment.read(query.end)
    kept, end, notes = _within(name, info, first, last)
    if kept is None:
        spans = f"spans {info.start or '?'} to {info.stop or '?'}: nothing from {query.start} to {query.end}."
        return Partial(notes=(f"{name} {spans}",))
    server, form = service.server, service.format(wanted, query.format)
    pieces = cut(kept, longest(info, wanted, form, server.max_elements, server.max_bytes, query.chunk))
    ends = [*(str(span.before) for span in pieces[:-1]), end or query.end]
    cadence, each = seconds(wanted.cadence), estimated_bytes(wanted, form)

    def make(span: Span, shown: str) -> DataRequest:
        url = service.data_url(dataset, wanted, bool(query.parameters), *_asked(span, info, server), form)
        records = float(np.ceil(span.nanoseconds / (cadence * 1e9))) if cadence else np.nan
        return DataRequest(server, dataset, title, wanted, span, shown, form, url, records, records * each)

    return Partial(tuple(map(make, pieces, ends)), notes=tuple(notes))


def _within(name: str, info: Info, first: Moment, last: Moment) -> tuple[Span | None, str | None, list[str]]:
    """Keep a time within what a dataset covers; return also where it ends then, as the server spells it."""
    notes = [
        f"{name} says that it {verb} at {stamp!r}, which is no time."
        for verb, stamp in (("begins", info.start), ("ends", info.stop))
        if stamp and moment(stamp) is None
    ]
    start, stop, now, end = moment(info.start), moment(info.stop), Moment.now(), None
    if start is not None and first < start:
        first = start
        notes.append(f"{name} begins at {info.start}: the time before it is not covered.")
    if stop is not None and last > stop:
        last, end = stop, info.stop
        notes.append(f"{name} ends at {info.stop}: the time after it is not covered.")
    if stop is not None and stop.day > now.day + _GROWING and first < now < last:
        last, end = now, str(now)
        notes.append(f"{name} still grows: there is nothing after the present.")
    return (None if first > last else Span.closed(first, last)), end, notes


def _asked(span: Span, info: Info, server: HAPIServer) -> tuple[str, str]:
    """
    Return the start and the stop to ask for: whole milliseconds around a range.

    The ends of a dataset are sent as the server spells them, since some servers compare them as text.
    """
    start, stop = moment(info.start), moment(info.stop)
    first = span.first.down()
    # The last record of a dataset lies at its stop, which HAPI leaves out: a tick more is asked for, perhaps in vain.
    border = span.last if server.inclusive_stop else span.before
    before = max(border.up(), first.later(1).up())
    if stop is not None and first < stop and border <= stop < before:
        before = stop
    return (
        str(info.start) if start is not None and first <= start else first.text(3),
        str(info.stop) if before == stop else before.text(3),
    )


def chosen(name: str, info: Info, asked: tuple[str, ...]) -> tuple[str, ...]:
    """
    Return the names of parameters that names and patterns mean.

    Parameters
    ----------
    name : str
        The dataset, as messages name it.
    info : Info
        Its description.
    asked : tuple of str
        The names and patterns.

    Raises
    ------
    QueryError
        There is no such parameter; the message names similar ones.
    """
    names: list[str] = []
    for one in asked:
        found = [known for known in info.names if known == one]
        if not found and is_pattern(one):
            found = [known for known in info.names if is_like(known, one)]
        if not found:
            raise QueryError(unlike(f"{name} has no parameter", one, info.names))
        names += found
    return tuple(names)
