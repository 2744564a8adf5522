"""
Lists of images from the API's data coverage, for sources that no other service lists.

``getDataCoverage`` returns, for a range below 105 minutes, the second of each image, and also those of the range before
and the range after (`Helioviewer API`_, undocumented; read from its code): one request lists 5.2 hours.
``getJP2Image`` with ``jpip`` and ``json`` then returns the path of each image without sending it.

The API's times have a resolution of one second, and two images of one second are one point of its coverage. It returns
the nearest of the last image before a time and the first one at or after it: a request for a second returns the first
image of that second, and one for a quarter of a second later the last one. Images between these two cannot be named: a
note states the seconds that may contain some, and a problem those that do, which is known if the coverage repeats the
second.

.. _Helioviewer API: https://api.helioviewer.org/docs/v2/
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from sunpy_helio_plugins.arguments import address_parts
from sunpy_helio_plugins.errors import AnswerError
from sunpy_helio_plugins.fido.partial import Slots
from sunpy_helio_plugins.helioviewer import service
from sunpy_helio_plugins.helioviewer.listers.base import ROUND_TRIP, SECOND, Gap, ImageList, Span, asked
from sunpy_helio_plugins.helioviewer.listers.filenames import named_times, true_times
from sunpy_helio_plugins.helioviewer.query import PROVIDER
from sunpy_helio_plugins.helioviewer.source_table import Source

__all__ = ["CoverageLister", "path_of"]

WIDTH = np.timedelta64(104, "m")
"""Below 105 minutes each point is one image; above, points are bins."""

MOST_WINDOWS = 150
MOST_NAMES = 2000
AT_ONCE = 3

ANSWER = 0.07
"""Seconds in which the API answers a request (the service's own code)."""

PER_HOUR = 200
"""Requests for an hour of images: two for each name, and an image every 36 s."""

_APART = np.timedelta64(1500, "ms")

LOOKED_AFTER = (np.timedelta64(0, "ms"), np.timedelta64(250, "ms"))
"""The delays after a second that select its first and its last image."""


@dataclass
class CoverageLister:
    """The data coverage during one search."""

    name = "coverage"
    slots: Slots = field(default_factory=lambda: Slots(AT_ONCE))

    def can_list(self, source: Source) -> bool:
        """Return whether the API can list a source: it knows every source that is not a group."""
        return not source.members

    def find(self, source: Source, start: np.datetime64, end: np.datetime64) -> ImageList:
        """List the images of a source in a range, both ends included."""
        low, high = start.astype("M8[s]") - SECOND, end.astype("M8[s]") + SECOND
        starts = np.arange(low, high, 3 * WIDTH.astype("m8[s]"))
        if len(starts) > MOST_WINDOWS:
            reason = f"its coverage would need {len(starts)} requests, but {MOST_WINDOWS} is the maximum"
            return ImageList.nothing(Gap(start, end, f"{reason}; search a shorter range"))
        windows = [(window, window + 3 * WIDTH) for window in starts]
        parts, gaps = asked(self.slots, partial(_seconds, source), windows, (start, end))
        seconds, counts = _counted(parts)
        inside = (seconds >= low) & (seconds <= high)
        seconds, counts = seconds[inside], counts[inside]
        if len(seconds) > MOST_NAMES:
            reason = f"the names of {len(seconds)} images would need one request each; search a shorter range"
            return ImageList.nothing(Gap(start, end, reason))
        named, nameless = self._named(source, seconds, (start, end))
        unnamed = _unnamed(named, seconds, counts)
        notes = _crowded(source, [second for second, _ in named if start - SECOND < second <= end], unnamed)
        paths = np.array([path.encode() for _, path in named] or [], dtype="S")
        instants = np.array([second for second, _ in named], dtype="M8[s]")
        return ImageList(true_times(paths, instants), paths, [*gaps, *nameless, *unnamed], notes)

    def ranges(self, spans: Sequence[Span]) -> list[Span]:
        """Return the spans: each image costs further requests."""
        return list(spans)

    def cost(self, ranges: Sequence[Span]) -> float:
        """Return the seconds for the requests of ranges."""
        hours = sum(float((end - start) / np.timedelta64(1, "h")) for start, end in ranges)
        return (len(ranges) + hours * PER_HOUR) * (ANSWER + ROUND_TRIP)

    def _named(self, source: Source, seconds: Any, whole: Span) -> tuple[list[tuple[np.datetime64, str]], list[Gap]]:
        """Return the first and the last image of seconds, and the seconds of which one is missing."""
        pieces = [(second, second + SECOND) for second in seconds]
        first, failed = asked(self.slots, partial(_path, source, LOOKED_AFTER[0]), pieces, whole)
        known = [(second, second + SECOND) for second, _ in first]
        last, gaps = asked(self.slots, partial(_path, source, LOOKED_AFTER[1]), known, whole)
        return sorted({*first, *last}), [*failed, *gaps]


def _counted(parts: Sequence[Any]) -> tuple[Any, Any]:
    """Return each second of some windows, and its number of images in one window, since windows may overlap."""
    most: dict[Any, int] = {}
    for part in parts:
        for second, count in zip(*np.unique(part, return_counts=True), strict=True):
            most[second] = max(most.get(second, 0), int(count))
    ordered = sorted(most)
    return np.array(ordered, dtype="M8[s]"), np.array([most[second] for second in ordered], dtype=int)


def _unnamed(named: Sequence[tuple[np.datetime64, str]], seconds: Any, counts: Any) -> list[Gap]:
    """Return the seconds with more images than received names; seconds without any name are reported separately."""
    came = Counter(second for second, _ in named)
    words = "only {} of the {} images in this second have known names"
    return [
        Gap(second, second + SECOND, words.format(came[second], count), kind="data")
        for second, count in zip(seconds, counts, strict=True)
        if count > came[second] > 0
    ]


def _crowded(source: Source, named: Sequence[np.datetime64], unnamed: Sequence[Gap]) -> list[str]:
    """Return a note on seconds with a first and a last image, between which there may be others."""
    told = {gap.start for gap in unnamed}
    both = sorted(second for second, count in Counter(named).items() if count > 1 and second not in told)
    if not both:
        return []
    first = f"{source.label} has two or more images in one second, such as {np.datetime_as_string(both[0], unit='s')}Z"
    reason = f"({len(both)} in total): {PROVIDER}'s data coverage names only the first and the last of a second"
    return [f'{first} {reason}; a.helioviewer.Backend("HAPI", "index") lists all.']


def _seconds(source: Source, window: np.datetime64, end: np.datetime64) -> np.ndarray[Any, Any]:
    """Return the seconds of all images in a window of three widths."""
    begin, finish = (str(int((window + k * WIDTH).astype("M8[ms]").astype(np.int64))) for k in (1, 2))
    wish = {"imageLayers": f"[{source.id},1,100]", "startDate": begin, "endDate": finish, "currentDate": begin}
    decoded = service.ask("getDataCoverage", wish)
    try:
        points = [int(point[0]) for layer in decoded if int(layer["sourceId"]) == source.id for point in layer["data"]]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        words = f"expected a data coverage, but got {str(decoded)[:100]}"
        raise AnswerError(PROVIDER, service.address("getDataCoverage"), words) from error
    return np.array(points, dtype="M8[ms]").astype("M8[s]")


def _path(
    source: Source, later: np.timedelta64, second: np.datetime64, end: np.datetime64
) -> tuple[np.datetime64, str]:
    return second, path_of(source, second, later)


def path_of(source: Source, second: np.datetime64, later: np.timedelta64 = LOOKED_AFTER[0]) -> str:
    """
    Return the path of the image of a second; raise `ServiceError` if the API returns another image.

    The API returns the nearest image, at any distance. With one of `LOOKED_AFTER`, ``later`` selects the first or the
    last image of the second.
    """
    date = np.datetime_as_string(second.astype("M8[s]") + later, unit="ms" if later else "s")
    wish = {"date": f"{date}Z", "sourceId": str(source.id), "jpip": "true", "json": "true"}
    uri = service.ask_object("getJP2Image", wish).get("uri")
    path = address_parts(uri).path if isinstance(uri, str) else ""
    if not path.endswith(".jp2"):
        words = f"expected the URL of an image, but got {str(uri)[:100]}"
        raise AnswerError(PROVIDER, service.address("getJP2Image"), words)
    if abs(named_times(np.array([path.encode()]))[0] - second) > _APART:
        words = f"expected the image of {second}, but got {path}"
        raise AnswerError(PROVIDER, service.address("getJP2Image"), words)
    return path
