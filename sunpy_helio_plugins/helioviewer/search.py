"""
List images: from the HAPI server first, then from the directory pages, then from the API's data coverage.

Each service is a fallback for those before it, if they do not know a source, end too early, refuse or fail; a problem
describes what none of them can list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import unchecked
from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import Problem, QueryError
from sunpy_helio_plugins.fido.partial import Partial, gather
from sunpy_helio_plugins.helioviewer.jp2 import remote_headers
from sunpy_helio_plugins.helioviewer.listers.base import Gap, ImageList
from sunpy_helio_plugins.helioviewer.listers.coverage import CoverageLister
from sunpy_helio_plugins.helioviewer.listers.hapi import HAPILister
from sunpy_helio_plugins.helioviewer.listers.index import IndexLister
from sunpy_helio_plugins.helioviewer.matching import wanted
from sunpy_helio_plugins.helioviewer.query import PROVIDER, Query
from sunpy_helio_plugins.helioviewer.source_table import Source
from sunpy_helio_plugins.quantities import times

__all__ = ["SourceImages", "list_images", "with_headers"]

_from_iso = unchecked(times.datetime64_from_iso)

AT_ONCE = 3
"""Sources listed at the same time."""

_AHEAD = np.timedelta64(1, "h")
"""The allowed error of a clock: images later than now plus this are not requested."""


class Lister(Protocol):
    """A service that can list images."""

    name: str

    def can_list(self, source: Source) -> bool:
        """Return whether the service may list a source."""

    def find(self, source: Source, start: np.datetime64, end: np.datetime64) -> ImageList:
        """List the images of a source in a range, both ends included."""


@dataclass(frozen=True)
class SourceImages:
    """
    The images of one source.

    Attributes
    ----------
    source : Source
        The data source.
    times : numpy.ndarray of datetime64[us], shape (n,)
        Their times, UTC, ascending.
    paths : numpy.ndarray of bytes, shape (n,)
        Their paths below the root of the static tree, each with a leading slash.
    root : str
        The URL of the root of the static tree.
    listers : numpy.ndarray of str, shape (n,)
        The service that listed each image.
    query : Query, optional
        The query.
    headers : tuple, optional
        The keywords of each image, or the reason why they are missing.
    unlisted : tuple of pair of numpy.datetime64
        The time spans that no service could list.
    """

    source: Source
    times: NDArray[np.datetime64]
    paths: NDArray[np.bytes_]
    root: str
    listers: NDArray[np.str_]
    query: Query | None = None
    headers: tuple[dict[str, Any] | str, ...] | None = None
    unlisted: tuple[tuple[np.datetime64, np.datetime64], ...] = ()

    def at(self, chosen: NDArray[np.intp]) -> SourceImages:
        """Return some of the images."""
        headers = None if self.headers is None else tuple(self.headers[k] for k in chosen)
        return replace(
            self,
            times=self.times[chosen],
            paths=self.paths[chosen],
            listers=self.listers[chosen],
            headers=headers,
        )

    def urls(self) -> list[str]:
        """Return the URLs of the files."""
        return [f"{self.root}{quote(path)}" for path in self.paths.tolist()]


def list_images(queries: Sequence[Query]) -> Partial[SourceImages]:
    """List the images of queries, several at a time; raise the first error if every query failed."""
    listers: dict[str, Lister] = {one.name: one for one in (HAPILister(), IndexLister(), CoverageLister())}

    def answer(query: Query) -> Partial[SourceImages]:
        return _answer([listers[name] for name in query.listers], query)

    return gather(queries, answer, AT_ONCE, lambda query, error: f"{query.source.label} is missing: {error}")


def with_headers(answer: Partial[SourceImages]) -> Partial[SourceImages]:
    """Read the headers of images if queries need them, and leave out images of bad quality."""
    listings, problems, notes = [], list(answer.problems), list(answer.notes)
    for listing in answer.items:
        if listing.query is None or not listing.query.header:
            listings.append(listing)
            continue
        read = remote_headers.fetch(listing.urls())
        failed = [one for one in read if isinstance(one, Problem)]
        if failed:
            words = f"{len(failed)} headers of {listing.source.label} are missing: {failed[0]}"
            problems.append(Problem(words, failed[0].kind, PROVIDER))
        full = replace(listing, headers=tuple(read))
        listings.append(_good(full, listing.query.quality, notes))
    return Partial(tuple(listings), tuple(problems), tuple(notes))


def _good(listing: SourceImages, allowed: int | None, notes: list[str]) -> SourceImages:
    """Leave out images whose header contains a bit that is not allowed; images without QUALITY are kept."""
    if allowed is None or listing.headers is None:
        return listing
    marks = [one.get("QUALITY", one.get("quality")) if isinstance(one, dict) else None for one in listing.headers]
    kept = [k for k, mark in enumerate(marks) if not isinstance(mark, int) or not mark & ~allowed]
    unjudged = sum(not isinstance(mark, int) for mark in marks)
    if unjudged:
        notes.append(f"{unjudged} images of {listing.source.label} are kept although their headers lack QUALITY.")
    return listing.at(np.array(kept, dtype=np.intp))


def _answer(listers: Sequence[Lister], query: Query) -> Partial[SourceImages]:
    source = query.source
    start, end = _from_iso(np.array([query.start, query.end])).astype("M8[us]")
    able = [one for one in listers if one.can_list(source)]
    if not able:
        names = " or ".join(one.name for one in listers)
        raise QueryError(f"{source.label} ({source.id}) is not listed by {names}; remove a.helioviewer.Backend.")
    notes: list[str] = []
    parts, gaps, who = _collected(able, source, start, end, notes)
    if gaps and gaps[0].error is not None and not any(len(one.paths) for one in parts) and _whole(gaps, start, end):
        raise gaps[0].error
    listing = _merged(source, parts, who, start, end)
    chosen, missed = wanted(query, listing.times)
    problems = [
        gap.problem(f"{source.label} from {_shown(gap.start)} to {_shown(gap.end)} is missing: {gap.reason}.")
        for gap in gaps
    ]
    if missed:
        notes.append(_unmet(query, missed))
    listing = replace(listing, query=query, unlisted=tuple((gap.start, gap.end) for gap in gaps))
    if len(chosen) < len(listing.times):
        listing = listing.at(chosen)
    return Partial((listing,), tuple(problems), tuple(notes))


def _collected(
    listers: Sequence[Lister], source: Source, start: np.datetime64, end: np.datetime64, notes: list[str]
) -> tuple[list[ImageList], list[Gap], list[str]]:
    """Request the images of each lister for the times that those before it could not list."""
    now = _now()
    gaps = [Gap(start, end, "")]
    parts: list[ImageList] = []
    who: list[str] = []
    for lister in listers:
        left = []
        for gap in gaps:
            found = lister.find(source, gap.start, gap.end)
            parts.append(found)
            who.append(lister.name)
            notes += found.notes
            left += [one for one in found.gaps if one.start <= now]
        gaps = [Gap(one.start, min(one.end, now), _joined(one, gaps), one.error, one.kind) for one in left]
        if not gaps:
            break
    return parts, gaps, who


def _now() -> np.datetime64:
    return np.datetime64(datetime.now(UTC).replace(tzinfo=None), "us") + _AHEAD


def _joined(gap: Gap, before: Sequence[Gap]) -> str:
    """Return the reasons of all listers that could not list a part."""
    earlier = next((one.reason for one in before if one.start <= gap.start and gap.end <= one.end and one.reason), "")
    return f"{earlier}; {gap.reason}" if earlier and earlier != gap.reason else gap.reason


def _whole(gaps: Sequence[Gap], start: np.datetime64, end: np.datetime64) -> bool:
    failed = all(gap.error is not None for gap in gaps)
    return failed and bool(gaps[0].start <= start) and bool(gaps[-1].end >= min(end, _now()))


def _merged(
    source: Source, parts: Sequence[ImageList], who: Sequence[str], start: np.datetime64, end: np.datetime64
) -> SourceImages:
    """Merge the images of all listers: each image once, in the order of time."""
    kept = [(part, name) for part, name in zip(parts, who, strict=True) if len(part.paths)]
    if len(kept) == 1:
        instants, paths = kept[0][0].times, kept[0][0].paths
    else:
        instants = np.concatenate([np.empty(0, "M8[us]"), *(part.times for part, _ in kept)])
        paths = np.concatenate([np.empty(0, "S1"), *(part.paths for part, _ in kept)])
    names = [name for _, name in kept] or [""]
    listers = np.repeat(np.array(names), [len(part.paths) for part, _ in kept] or [0])
    if not (np.diff(instants) > np.timedelta64(0, "us")).all():
        order = np.lexsort((paths, instants))
        instants, paths, listers = instants[order], paths[order], listers[order]
        # A path may occur twice, with the same time: at the border of two requests, or from two listers.
        first = np.concatenate([[True], paths[1:] != paths[:-1]])[: len(paths)]
        instants, paths, listers = instants[first], paths[first], listers[first]
    inside = slice(np.searchsorted(instants, start), np.searchsorted(instants, end, side="right"))
    root = conf.helioviewer.jp2_url.rstrip("/")
    return SourceImages(source, instants[inside], paths[inside], root, listers[inside])


def _unmet(query: Query, missed: int) -> str:
    """Return a note on the requested instants without an image."""
    label = query.source.label
    if query.near is not None:
        within = f" within {query.tolerance:g} s" if query.tolerance is not None else " in the range"
        return f"No image of {label} was found{within} of {query.near}."
    return f"No image of {label} was found within the tolerance for {missed} instants of the grid."


def _shown(instant: np.datetime64) -> str:
    return f"{np.datetime_as_string(instant, unit='s')}Z"
