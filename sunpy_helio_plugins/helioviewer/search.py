"""
List images: from the HAPI server first, then from the directory pages, then from the API's data coverage.

Each service is a fallback for those before it, if they do not know a source, end too early, refuse or fail; a problem
describes what none of them can list. Many ranges or instants of one source are listed together, from the service that
answers them at the lowest cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import unchecked
from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import HelioPluginsError, Problem, QueryError
from sunpy_helio_plugins.fido.partial import Partial, gather
from sunpy_helio_plugins.helioviewer import instants
from sunpy_helio_plugins.helioviewer.instants import WantedInstants
from sunpy_helio_plugins.helioviewer.jp2 import remote_headers
from sunpy_helio_plugins.helioviewer.listers.base import Span, merged
from sunpy_helio_plugins.helioviewer.listers.coverage import CoverageLister
from sunpy_helio_plugins.helioviewer.listers.fallback import Collection, Lister, SourceListers, collect
from sunpy_helio_plugins.helioviewer.listers.hapi import HAPILister
from sunpy_helio_plugins.helioviewer.listers.index import IndexLister
from sunpy_helio_plugins.helioviewer.matching import asked_times, limit_of, nearest, wanted
from sunpy_helio_plugins.helioviewer.query import LISTERS, PROVIDER, Query
from sunpy_helio_plugins.helioviewer.source_table import Source
from sunpy_helio_plugins.quantities import times

__all__ = ["SourceImages", "list_images", "nearest_images", "with_headers"]

_from_iso = unchecked(times.datetime64_from_iso)

AT_ONCE = 3
"""Sources listed at the same time."""

LONG = np.timedelta64(1, "D")
"""The length of a range above which one request of the HAPI server replaces many pages."""

_Answer = Partial["SourceImages"]


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
    headers: tuple[dict[str, Any] | str, ...] | None = field(default=None, repr=False)
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
    """List the images of queries, several sources at a time; raise the first error if every source failed."""
    # Only the services that a query names are requested.
    listers = _listers(confirms=not any(query.listers for query in queries))
    groups: dict[tuple[Source, tuple[str, ...]], list[Query]] = {}
    for query in queries:
        groups.setdefault((query.source, query.listers), []).append(query)

    def answer(group: Sequence[Query]) -> _Answer:
        return _answer([listers[name] for name in group[0].listers or LISTERS], group)

    found = gather(list(groups.values()), answer, AT_ONCE, lambda group, error: _is_missing(group[0].source, error))
    place = {query: number for number, query in enumerate(queries)}
    return replace(found, items=tuple(sorted(found.items, key=lambda one: place[one.query])))  # type: ignore[index]


def nearest_images(
    sources: Sequence[Source], asked: NDArray[np.datetime64], limit: np.timedelta64, names: Sequence[str] = ()
) -> Partial[tuple[SourceImages, NDArray[np.intp]]]:
    """Return the images of each source near some instants, and the index of the nearest to each instant, or -1."""
    listers = _listers(confirms=not names)
    sought = WantedInstants(asked, asked - limit, asked + limit)

    def answer(source: Source) -> Partial[tuple[SourceImages, NDArray[np.intp]]]:
        found = Collection()
        instants.add_images_near(
            sought, _able([listers[name] for name in names or LISTERS], source, bool(names)), found
        )
        if (error := found.error()) is not None:
            raise error
        listing = _merged(source, found, min(sought.low, default=_NEVER), max(sought.high, default=_NEVER))
        place = np.full(len(asked), -1)
        if len(listing.times):
            closest, apart = nearest(listing.times, asked)
            place = np.where(apart <= limit, closest, -1)
        return Partial(((listing, place),), _problems(source, found), tuple(found.notes))

    return gather(sources, answer, AT_ONCE, _is_missing)


_NEVER = np.datetime64("NaT", "us")


def _listers(confirms: bool) -> dict[str, Lister]:
    return {one.name: one for one in (HAPILister(), IndexLister(confirms=confirms), CoverageLister())}


def _is_missing(source: Source, error: HelioPluginsError) -> str:
    return f"{source.label} is missing: {error}"


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


def _answer(listers: Sequence[Lister], group: Sequence[Query]) -> _Answer:
    """List the images of queries for one source."""
    source = group[0].source
    able = _able(listers, source, bool(group[0].listers))
    ends = {query: _ends(query) for query in group}
    found = _collected(able, group, ends)
    if (error := found.error()) is not None:
        raise error
    whole = _merged(source, found, min(start for start, _ in ends.values()), max(end for _, end in ends.values()))
    notes = list(found.notes)
    listings = [_of_query(query, whole, found, ends[query], notes) for query in group]
    return Partial(tuple(listings), _problems(source, found), tuple(notes))


def _ends(query: Query) -> Span:
    start, end = _from_iso(np.array([query.start, query.end])).astype("M8[us]")
    return start, end


def _able(listers: Sequence[Lister], source: Source, is_ordered: bool = False) -> SourceListers:
    """Return the listers that can list a source; those that the user named are requested whatever they cost."""
    able = tuple(one for one in listers if one.can_list(source))
    if not able:
        names = " or ".join(one.name for one in listers)
        raise QueryError(f"{source.label} ({source.id}) is not listed by {names}; remove a.helioviewer.Backend.")
    return SourceListers(source, able, is_ordered)


def _collected(able: SourceListers, group: Sequence[Query], ends: dict[Query, Span]) -> Collection:
    """Request the images of queries: of one long range in the order of the listers, of others by their cost."""
    near = [query for query in group if query.near is not None or query.sample is not None]
    ranges = [ends[query] for query in group if query not in near]
    if len(group) == len(ranges) == 1 and ranges[0][1] - ranges[0][0] > LONG:
        return collect(able.listers, able.source, ranges)
    found = able.collect(merged(ranges)) if ranges else Collection()
    if near:
        parts = [WantedInstants.within(asked_times(query), ends[query], limit_of(query)) for query in near]
        instants.add_images_near(reduce(WantedInstants.joined, parts), able, found)
    return found


def _of_query(query: Query, whole: SourceImages, found: Collection, ends: Span, notes: list[str]) -> SourceImages:
    """Return the images of one query among those of all queries for its source."""
    start, end = ends
    first, last = np.searchsorted(whole.times, start), np.searchsorted(whole.times, end, side="right")
    chosen, missed = wanted(query, whole.times[first:last])
    if missed:
        notes.append(_unmet(query, missed))
    spans = ((max(gap.start, start), min(gap.end, end)) for gap in found.gaps)
    unlisted = tuple(span for span in spans if span[0] <= span[1])
    listing = replace(whole, query=query, unlisted=unlisted)
    return listing if len(chosen) == len(whole.times) else listing.at(chosen + first)


def _problems(source: Source, found: Collection) -> tuple[str, ...]:
    words = f"{source.label} from {{}} to {{}} is missing: {{}}."
    return tuple(gap.problem(words.format(_shown(gap.start), _shown(gap.end), gap.reason)) for gap in found.gaps)


def _merged(source: Source, found: Collection, start: np.datetime64, end: np.datetime64) -> SourceImages:
    """Merge the images of all listers: each image once, in the order of time."""
    kept = [(part, name) for part, name in zip(found.parts, found.names, strict=True) if len(part.paths)]
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
