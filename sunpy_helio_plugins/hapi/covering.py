"""From one dataset and the time wanted to the requests for its records: kept within what there is, cut where asked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.hapi import listing
from sunpy_helio_plugins.hapi.header import Info
from sunpy_helio_plugins.hapi.listing import HAPIServer
from sunpy_helio_plugins.hapi.pieces import Piece
from sunpy_helio_plugins.hapi.service import Service, unlike
from sunpy_helio_plugins.hapi.spans import Moment, Span, moment
from sunpy_helio_plugins.hapi.splitting import cut, estimated_bytes, longest, seconds
from sunpy_helio_plugins.hapi.translate import Query, is_like, is_pattern
from sunpy_helio_plugins.quantities import times

__all__ = ["Found", "chosen", "covering"]

_GROWING = 5 * 365
"""A dataset that ends more days from now says by its end that it still grows (ESA: 2050)."""


@dataclass(frozen=True)
class Found:
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
    def of_row(cls, row: Any) -> Found:
        """
        Return the request of a row.

        Parameters
        ----------
        row : sunpy.net.base_client.QueryResponseRow
            A row of a `~sunpy_helio_plugins.hapi.tables.HAPITable`.
        """
        return cls(
            listing.find(str(row["server_url"])),
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


def covering(service: Service, query: Query, dataset: str, title: str, info: Info) -> tuple[list[Found], list[str]]:
    """
    Return the requests for the records of a dataset, within what it covers: servers refuse what lies outside.

    Parameters
    ----------
    service : Service
        Its server.
    query : Query
        The time, the parameters and the format wanted.
    dataset, title : str
        Its id, and what the catalogue calls it.
    info : Info
        Its description.

    Returns
    -------
    found : list of Found
        The requests; none where it does not cover the time.
    problems : list of str
        What of the time it does not cover.

    Raises
    ------
    QueryError
        It has no such parameter, or the server no such format; or there would be too many requests.
    """
    name = f"{dataset} of {service.server.archive}"
    wanted = info.subset(chosen(name, info, query.parameters))
    first, last = Moment.read(query.start), Moment.read(query.end)
    kept, end, problems = _within(name, info, first, last)
    if kept is None:
        spans = f"spans {info.start or '?'} to {info.stop or '?'}: nothing from {query.start} to {query.end}."
        return [], [f"{name} {spans}"]
    server, form = service.server, service.format(wanted, query.format)
    pieces = cut(kept, longest(info, wanted, form, server.max_elements, server.max_bytes, query.chunk))
    ends = [*(str(span.before) for span in pieces[:-1]), end or query.end]
    cadence, each = seconds(wanted.cadence), estimated_bytes(wanted, form)

    def make(span: Span, shown: str) -> Found:
        url = service.data_url(dataset, wanted, bool(query.parameters), *_asked(span, info, server), form)
        records = float(np.ceil(span.nanoseconds / (cadence * 1e9))) if cadence else np.nan
        return Found(server, dataset, title, wanted, span, shown, form, url, records, records * each)

    return [make(span, shown) for span, shown in zip(pieces, ends, strict=True)], problems


def _within(name: str, info: Info, first: Moment, last: Moment) -> tuple[Span | None, str | None, list[str]]:
    """Keep a time within what a dataset covers; return also where it ends then, as the server spells it."""
    problems = [
        f"{name} says that it {verb} at {stamp!r}, which is no time."
        for verb, stamp in (("begins", info.start), ("ends", info.stop))
        if stamp and moment(stamp) is None
    ]
    start, stop, now, end = moment(info.start), moment(info.stop), Moment.now(), None
    if start is not None and first < start:
        first = start
        problems.append(f"{name} begins at {info.start}: the time before it is not covered.")
    if stop is not None and last > stop:
        last, end = stop, info.stop
        problems.append(f"{name} ends at {info.stop}: the time after it is not covered.")
    if stop is not None and stop.day > now.day + _GROWING and first < now < last:
        last, end = now, str(now)
        problems.append(f"{name} still grows: there is nothing after the present.")
    return (None if first > last else Span.closed(first, last)), end, problems


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
