"""
Lists of images from the static tree of JP2 files: one directory page for each day.

``https://helioviewer.org/jp2/<nickname>/YYYY/MM/DD/<measurement>/`` is also what Helioviewer's own hvpull reads
(repository Helioviewer-Project/api, install/helioviewer/hvpull/servers). A day without images does not have a folder.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from urllib.parse import unquote

import numpy as np

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import AnswerError, ServiceError
from sunpy_helio_plugins.fido.partial import Slots
from sunpy_helio_plugins.helioviewer.listers import closest
from sunpy_helio_plugins.helioviewer.listers.base import DAY, ROUND_TRIP, TICK, Gap, ImageList, Span, asked, merged
from sunpy_helio_plugins.helioviewer.listers.filenames import named_times
from sunpy_helio_plugins.helioviewer.query import PROVIDER
from sunpy_helio_plugins.helioviewer.source_table import Source
from sunpy_helio_plugins.transport import metadata

__all__ = ["MOST_DAYS", "IndexLister"]

MOST_DAYS = 400
"""Maximum of pages for one source of a search."""

AT_ONCE = 3

PAGE = 0.04
"""Seconds in which the server makes a page (the service's own code, a day of 2,400 images)."""

_LARGEST_PAGE = 20_000_000
"""Bytes of the largest directory page: a day has at most some ten thousand images of a source."""

_FIRST, _LAST = np.datetime64("1900-01-01", "us"), np.datetime64("2200-01-01", "us")

_LINK = re.compile(r"""<a\s(?:[^<>]*\s)?href\s*=\s*["']([^"'?<>]{1,1000}\.jp2)["']""", re.IGNORECASE)


@dataclass
class IndexLister:
    """
    The directory pages during one search.

    Attributes
    ----------
    confirms : bool
        Whether the API is asked for the images around a day without a folder, before it counts as one without images.
    """

    name = "index"
    confirms: bool = False
    slots: Slots = field(default_factory=lambda: Slots(AT_ONCE))
    _trees: dict[str, bool] = field(default_factory=dict)
    _empty: dict[int, list[Span]] = field(default_factory=dict)

    def can_list(self, source: Source) -> bool:
        """Return whether the folder of a source is known."""
        return source.folder is not None

    def find(self, source: Source, start: np.datetime64, end: np.datetime64) -> ImageList:
        """List the images of a source in a range, both ends included."""
        days = np.arange(start.astype("M8[D]"), end.astype("M8[D]") + DAY)
        if len(days) > MOST_DAYS:
            reason = f"{len(days)} directory pages exceed the maximum of {MOST_DAYS}; search a shorter range"
            return ImageList.nothing(Gap(start, end, reason))
        spans = [(day.astype("M8[us]"), (day + DAY).astype("M8[us]")) for day in days]
        pages, gaps = asked(self.slots, partial(self._day, source), spans, (start, end))
        paths = np.array([path.encode() for page in pages for path in page] or [], dtype="S")
        instants = named_times(paths)
        timeless = np.isnat(instants)
        if timeless.any():
            reason = f"the time of {timeless.sum()} files, such as {paths[timeless][0].decode()}, is unknown"
            gaps.append(Gap(start, end, reason, kind="data"))
        return ImageList(instants[~timeless], paths[~timeless], gaps)

    def ranges(self, spans: Sequence[Span]) -> list[Span]:
        """Return the days of spans: a page contains all images of its day."""
        days = merged((start.astype("M8[D]"), end.astype("M8[D]") + DAY) for start, end in spans)
        # The end of a range is part of it, and a range that ends at midnight would need one more page.
        return [(first.astype("M8[us]"), last.astype("M8[us]") - TICK) for first, last in days]

    def cost(self, ranges: Sequence[Span]) -> float:
        """Return the seconds for the pages of ranges; infinity for more than it may request."""
        days = sum(int((end.astype("M8[D]") - start.astype("M8[D]")).astype(int)) + 1 for start, end in ranges)
        return days * (PAGE + ROUND_TRIP) if days <= MOST_DAYS else float("inf")

    def _day(self, source: Source, day: np.datetime64, end: np.datetime64) -> list[str]:
        assert source.folder is not None  # noqa: S101 - for the type checker
        folder = source.folder.format(date=day.astype("M8[D]").astype(date))
        url = f"{conf.helioviewer.jp2_url.rstrip('/')}{folder}/"
        answer = metadata.get(url, archive=PROVIDER, accept=(200, 404), max_bytes=_LARGEST_PAGE)
        if answer.status == 404:
            if not self._has_tree(source.folder):
                raise AnswerError(PROVIDER, answer.url, "this folder and those above do not have a directory page", 404)
            if self.confirms and (second := self._held(source, day, end)) is not None:
                words = f"this folder does not exist, although the API has an image of {second.astype('M8[s]')}Z"
                raise AnswerError(PROVIDER, answer.url, words, 404)
            return []
        text = answer.page()
        if "Index of" not in text and "Directory listing" not in text and "<a " not in text:
            raise AnswerError(PROVIDER, answer.url, "expected a directory page", answer.status)
        names = [unquote(html.unescape(link)).rpartition("/")[2] for link in _LINK.findall(text)]
        return [f"{folder}/{name}" for name in names if _belongs(source, name)]

    def _held(self, source: Source, day: np.datetime64, end: np.datetime64) -> np.datetime64 | None:
        """Return the time of an image of a day according to the API, or `None` if it has none or does not answer."""
        empty = self._empty.setdefault(source.id, [])
        if any(low < day and end <= high for low, high in empty):
            return None
        try:
            found = closest.neighbours([source], day)[source.id]
        except ServiceError:
            return None
        before, after = [one for one in found if one <= day], [one for one in found if one > day]
        empty.append((max(before, default=_FIRST), min(after, default=_LAST)))
        return next((one for one in found if day <= one < end), None)

    def _has_tree(self, folder: str) -> bool:
        """Return whether the folder above the dates has a page, so that a day without a page is one without images."""
        top = folder.partition("/{date")[0]
        if top not in self._trees:
            url = f"{conf.helioviewer.jp2_url.rstrip('/')}{top}/"
            self._trees[top] = metadata.get(url, archive=PROVIDER, accept=(200, 404)).status == 200
        return self._trees[top]


def _belongs(source: Source, name: str) -> bool:
    """Return whether a file of the folder belongs to the source: all energy bands of RHESSI share one folder."""
    if source.observatory != "RHESSI":
        return True
    band = source.measurement.partition("/")[0]
    return name.endswith(f"_{band}.jp2")
