"""
Lists of images from Helioviewer's own HAPI server.

Its behaviour (repository Helioviewer-Project/helioviewer-hapi): parameters must be named, otherwise it returns HTTP
500; the stop is part of the range, so that an image at the border of two requests is returned twice; any time outside
[startDate, stopDate] is refused (1405), and stopDate is that of the server's last start; without rows, the body is
empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import unchecked
from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import AnswerError, FileError, QueryError, ServiceError, ServiceRefused
from sunpy_helio_plugins.fido.partial import Slots
from sunpy_helio_plugins.hapi import server_list
from sunpy_helio_plugins.hapi.model import Info
from sunpy_helio_plugins.hapi.records.csv import from_csv
from sunpy_helio_plugins.hapi.service import Service
from sunpy_helio_plugins.helioviewer import source_table
from sunpy_helio_plugins.helioviewer.listers.base import ROUND_TRIP, SECOND, Gap, ImageList, Span, asked
from sunpy_helio_plugins.helioviewer.listers.filenames import true_times
from sunpy_helio_plugins.helioviewer.query import PROVIDER
from sunpy_helio_plugins.helioviewer.source_table import Source
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.transport import metadata
from sunpy_helio_plugins.transport.messages import server_message

__all__ = ["LONGEST", "HAPILister", "forget"]

_from_iso = unchecked(times.datetime64_from_iso)
_subset = unchecked(Info.subset)

LONGEST = np.timedelta64(31, "D")
"""Longest range of one request: the server reads a complete response into memory, and stops after 59 s."""

AT_ONCE = 2
"""Concurrent requests for rows: each starts a process on the server."""

ANSWER = 2.7
"""Seconds in which the server answers, since each request starts two processes (its own code, 2,400 rows)."""

_services: dict[str, Service] = {}
_infos: dict[tuple[str, str], Info] = {}

_Rows = tuple[NDArray[np.datetime64], NDArray[np.bytes_]]


def forget() -> None:
    """Clear the cached descriptions of servers."""
    _services.clear()
    _infos.clear()


@dataclass
class HAPILister:
    """
    The HAPI server during one search.

    Its description of a dataset is kept for the session and used as long as it covers the range: its stopDate can only
    grow, and is requested again as soon as a range exceeds it.
    """

    name = "HAPI"
    slots: Slots = field(default_factory=lambda: Slots(AT_ONCE))

    def __post_init__(self) -> None:
        url = conf.helioviewer.hapi_url.rstrip("/")
        if url not in _services:
            # The habits of the server are those in the list of HAPI servers, whatever its address.
            _services[url] = Service(replace(server_list.find("helioviewer"), name=PROVIDER, url=url))
        self.hapi = _services[url]
        self.hapi.begin_search()

    def can_list(self, source: Source) -> bool:
        """Return whether the server lists a source with the right id."""
        return source.hapi_id is not None and source.hapi_state == "ok"

    def find(self, source: Source, start: np.datetime64, end: np.datetime64) -> ImageList:
        """List the images of a source in a range, both ends included."""
        assert source.hapi_id is not None  # noqa: S101 - for the type checker
        try:
            info = self._info(source, start, end)
        except ServiceError as error:
            return ImageList.nothing(Gap(start, end, str(error), error))
        spans, gaps, notes = _covered(source, info, start, end)
        parts, failed = asked(self.slots, partial(self._rows, source, _subset(info, ["path"])), spans, (start, end))
        # One piece is the usual case, and copying the rows of a month takes as long as reading them.
        seconds, paths = parts[0] if len(parts) == 1 else _joined(parts)
        return ImageList(true_times(paths, seconds), paths, [*gaps, *failed], notes)

    def ranges(self, spans: Sequence[Span]) -> list[Span]:
        """Return the spans, or one range with all of them if one request can list it."""
        return list(spans) if spans[-1][1] - spans[0][0] > LONGEST else [(spans[0][0], spans[-1][1])]

    def cost(self, ranges: Sequence[Span]) -> float:
        """Return the seconds for the requests of ranges."""
        requests = sum(max(int(np.ceil((end - start) / LONGEST)), 1) for start, end in ranges)
        return requests * (ANSWER + ROUND_TRIP)

    def _info(self, source: Source, start: np.datetime64, end: np.datetime64) -> Info:
        assert source.hapi_id is not None  # noqa: S101 - for the type checker
        key = (self.hapi.server.url, source.hapi_id)
        known = _infos.get(key)
        if known is not None:
            first, last = _limits(known)
            if first <= start and end <= last:
                return known
        try:
            info = self.hapi.info(source.hapi_id)
        except QueryError as error:
            # The id is from this package, not from the user: an unknown id is an error of the service.
            words = f"it does not list {source.label} ({source.hapi_id}) at present"
            raise ServiceRefused(self.hapi.server.archive, f"{self.hapi.server.url}/info", words, 404) from error
        try:
            _limits(info)
            is_whole = "path" in info.names
        except ValueError:
            is_whole = False
        if not is_whole:
            words = f"the description of {source.hapi_id} lacks a date or the parameter 'path'"
            raise AnswerError(self.hapi.server.archive, f"{self.hapi.server.url}/info", words)
        _infos[key] = info
        return info

    def _rows(self, source: Source, info: Info, low: np.datetime64, high: np.datetime64) -> _Rows:
        """Return the seconds and the paths of all images in one range."""
        assert source.hapi_id is not None  # noqa: S101 - for the type checker
        url = self.hapi.data_url(source.hapi_id, info, True, f"{low}Z", f"{high}Z", "csv")
        try:
            # server-nodejs 1.0.17 hangs when it compresses a long CSV response.
            answer = metadata.get(url, archive=self.hapi.server.archive, headers={"Accept-Encoding": "identity"})
        except ServiceError:
            # Also for 1405: a server that was restarted may have another range than in its description.
            _infos.pop((self.hapi.server.url, source.hapi_id), None)
            raise
        try:
            stamps, names = from_csv(*_records(answer.content, info))
            seconds = _from_iso(stamps).astype("M8[us]")
        except (FileError, ValueError) as error:
            words = f"expected a list of images: {server_message(answer.content) or error}"
            raise AnswerError(answer.archive, answer.url, words, answer.status) from error
        paths = _rooted(names)
        if paths.size and (other := source_table.misplaced(source, paths[0].decode())):
            words = f"its {source.hapi_id} lists images of {other.label}, not of {source.label}"
            raise AnswerError(answer.archive, answer.url, words, answer.status)
        return seconds, paths


def _joined(parts: Sequence[_Rows]) -> _Rows:
    return (
        np.concatenate([np.empty(0, "M8[us]"), *(seconds for seconds, _ in parts)]),
        np.concatenate([np.empty(0, "S1"), *(paths for _, paths in parts)]),
    )


def _rooted(names: NDArray[np.bytes_]) -> NDArray[np.bytes_]:
    """Return paths with one leading slash."""
    if names.size and not (names.view(np.uint8).reshape(names.size, -1)[:, 0] == ord("/")).all():
        return np.array([b"/" + name.lstrip(b"/") for name in names])
    return names


def _limits(info: Info) -> Span:
    first, last = _from_iso(np.array([info.start, info.stop])).astype("M8[s]")
    return first, last


def _covered(
    source: Source, info: Info, start: np.datetime64, end: np.datetime64
) -> tuple[list[Span], list[Gap], list[str]]:
    """
    Return the ranges to request, the times that the server cannot list, and notes on times without images.

    startDate is that of the first image; stopDate is that of the last one when the server was started.
    """
    first, last = _limits(info)
    gaps, notes = [], []
    if start < first:
        notes.append(f"The first image of {source.label} that {PROVIDER} lists is from {info.start}.")
    if end >= last + SECOND:
        reason = f"its HAPI server's list ends at {info.stop}, the time of its last image when the server was started"
        gaps.append(Gap(max(start, last + SECOND), end, reason))
    low, high = _seconds(start, end)
    spans = list(_pieces(*_clipped(low, high, first, last)))
    if first == last and start <= last + SECOND and end >= first:
        # The server refuses an empty range (1404), and also one that exceeds that of its images (1405).
        reason = f"its HAPI server has one image only, of {first}, and cannot list a single instant"
        gaps.append(Gap(max(start, first), min(end, last + SECOND), reason))
    return spans, gaps, notes


def _seconds(start: np.datetime64, end: np.datetime64) -> Span:
    """
    Return the seconds between which the database has the images of a range.

    It truncates (MariaDB) or rounds (MySQL) to seconds: from the start's second to the one after the end, all images
    are found. One more second before the start finds an image whose name is later than its header by a rounding of a
    few milliseconds; it is not added if it would split a month of 31 days into two requests.
    """
    low = start.astype("M8[s]")
    high = end.astype("M8[s]") + (SECOND if end.astype("M8[s]") < end else 0 * SECOND)
    return (low - SECOND if (high - low) % LONGEST or high == low else low), high


def _clipped(low: np.datetime64, high: np.datetime64, first: np.datetime64, last: np.datetime64) -> Span:
    """Return the part of a range that the server has; never a single second, which it refuses (1404)."""
    low, high = max(low, first), min(high, last)
    if low == high:
        low, high = max(low - SECOND, first), min(high + SECOND, last)
    return low, high


def _pieces(low: np.datetime64, high: np.datetime64) -> Iterator[Span]:
    while low < high:
        yield low, min(low + LONGEST, high)
        low += LONGEST


def _records(body: bytes, info: Info) -> tuple[bytes, Info, int]:
    """Return the arguments of `from_csv`; a last line without a line end means that the response was cut."""
    if body and not body.endswith(b"\n"):
        raise FileError(f"the response was cut after {len(body)} bytes")
    start = 0
    while body[start : start + 1] == b"#":
        start = body.find(b"\n", start) + 1
    return body, info, start
