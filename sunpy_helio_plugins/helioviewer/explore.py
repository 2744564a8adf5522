"""Return information about Helioviewer's images: the nearest images, coverage and gaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from numbers import Integral
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from astropy.table import QTable, vstack
from astropy.time import Time
from sunpy.net import attrs as a
from sunpy.net.attr import Attr

from sunpy_helio_plugins.arguments import FLAG, close_names, shown, taking
from sunpy_helio_plugins.errors import AnswerError, QueryError
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.fido.partial import Partial, warn
from sunpy_helio_plugins.helioviewer import search, source_table, tables, translator
from sunpy_helio_plugins.helioviewer.attrs import SourceID, Tolerance
from sunpy_helio_plugins.helioviewer.listers import closest
from sunpy_helio_plugins.helioviewer.matching import NEAREST
from sunpy_helio_plugins.helioviewer.query import PROVIDER
from sunpy_helio_plugins.helioviewer.service import address
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.transport import metadata

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Coverage", "coverage", "near", "nearest", "refreshed", "sources"]


TOLERANCE = 10 * u.min
"""The maximum difference of an image's time by default."""


def near(time: Any, tolerance: u.Quantity | None = None) -> tables.HelioviewerTable:
    """
    Return the image of every source that is nearest to a time, from a single request.

    Parameters
    ----------
    time : str, datetime or astropy.time.Time
        The time; UTC unless it states another scale or zone.
    tolerance : astropy.units.Quantity, optional
        The maximum difference of an image's time. Defaults to ten minutes; ``notes`` contains the number of sources
        without such an image.

    Returns
    -------
    HelioviewerTable
        One row for each source, the nearest first. Times have a resolution of one second, as in Helioviewer's database;
        ``Offset`` is the time of the image minus the requested time. The rows can be downloaded; the names of the files
        are requested then.

    Raises
    ------
    QueryError
        The tolerance is not a duration.
    ServiceError
        Helioviewer does not return a valid response.

    Examples
    --------
    >>> from sunpy_helio_plugins import helioviewer
    >>> near = helioviewer.near("2026-01-10 12:00")
    >>> print(near["Start Time", "Instrument", "Measurement"][:2])
           Start Time       Instrument Measurement
    ----------------------- ---------- -----------
    2026-01-10 12:00:04.000        AIA         193
    2026-01-10 12:00:05.000        AIA         304
    """
    from sunpy_helio_plugins.helioviewer.client import HelioviewerClient

    limit = Tolerance(TOLERANCE if tolerance is None else tolerance).values[0].to_value(u.s)
    moment = inputs.instant("helioviewer.near", time)
    instant = times.datetime64_from_iso(np.array([times.iso(moment, 6)])).astype("M8[us]")[0]
    sources = [one for one in source_table.known() if not one.members]
    around = closest.neighbours(sources, instant)
    found = [(one, min(around[one.id], key=lambda second: abs(second - instant))) for one in sources if around[one.id]]
    kept = [(one, second) for one, second in found if abs((second - instant) / np.timedelta64(1, "s")) <= limit]
    kept.sort(key=lambda pair: abs(pair[1] - instant))
    notes: tuple[str, ...] = ()
    if len(kept) < len(sources):
        notes = (f"{len(sources) - len(kept)} sources do not have an image within {limit:g} s of {instant}.",)
    return _table(kept, instant, notes, HelioviewerClient())


def _table(
    rows: list[tuple[source_table.Source, np.datetime64]], instant: np.datetime64, notes: tuple[str, ...], client: Any
) -> tables.HelioviewerTable:
    root = f"{address('getJP2Image')}?"
    listings = []
    for source, second in rows:
        stamp = np.datetime_as_string(second, unit="s").replace("-", "_").replace("T", "__").replace(":", "_")
        path = f"/{stamp}__{source.label.replace(' ', '_').replace('/', '-')}.jp2"
        listings.append(
            search.SourceImages(source, np.array([second]), np.array([path.encode()]), root, np.array([NEAREST]))
        )
    table = tables.images_table(Partial(tuple(listings), notes=notes), client)
    stamps = [np.datetime_as_string(second, unit="s") for _, second in rows]
    table["url"] = [f"{root}date={stamp}Z&sourceId={one.id}" for stamp, (one, _) in zip(stamps, rows, strict=True)]
    table["Offset"] = np.array([(second - instant) / np.timedelta64(1, "s") for _, second in rows]) * u.s
    return table


_NEAREST = "a source: its number or nickname, or attrs that select sources, such as a.helioviewer.SourceID(13)"


def nearest(source: Any, time: Any, tolerance: u.Quantity | None = None) -> tables.HelioviewerTable:
    """
    Return the image of a source that is nearest to each of many times.

    The images are listed by day from the service that answers at the lowest cost, so that 500 times need at most as
    many requests as they have days.

    Parameters
    ----------
    source : int, str, sunpy.net.attr.Attr, or list of attrs
        The number of a source, its nickname such as ``"AIA 304"``, or attrs that select sources, without ``a.Time``.
    time : str, datetime, astropy.time.Time, column of a table, or list of these
        One time or several, in any order; UTC unless they state another scale or zone. Masked times do not have an
        image.
    tolerance : astropy.units.Quantity, optional
        The maximum difference of an image's time. Defaults to ten minutes.

    Returns
    -------
    HelioviewerTable
        One row for each time, in the order of the times. ``Requested Time`` is the time, and ``Offset`` that of the
        image minus it, in seconds. If no image is near enough, ``Start Time``, ``url`` and the other columns of the
        image are masked, and ``Fido.fetch`` omits the row. For n sources, there are n rows for each time.

    Raises
    ------
    QueryError
        The source, a time or the tolerance is not valid.
    ServiceError
        No service could list the images.

    Examples
    --------
    >>> from sunpy_helio_plugins import helioviewer
    >>> images = helioviewer.nearest("AIA 304", ["2026-01-10 12:00", "2026-01-10 16:00"])
    >>> print(images["Start Time", "Offset"])
           Start Time       Offset
                              s
    ----------------------- ------
    2026-01-10 12:00:05.129  5.129
    2026-01-10 16:00:05.129  5.129
    """
    from sunpy_helio_plugins.helioviewer.client import HelioviewerClient

    seconds = Tolerance(TOLERANCE if tolerance is None else tolerance).values[0].to_value(u.s)
    sources, listers = _sources(source)
    asked = inputs.instants("helioviewer.nearest", time)
    known = ~np.isnat(asked)
    found = search.nearest_images(sources, asked[known], np.timedelta64(round(seconds * 1e6), "us"), listers)
    warn(found)
    columns = [_spread(listing, place, known) for listing, place in found.items]
    lost = sum(int((place < 0).sum()) for _, place in columns)
    notes = (f"No image was found within {seconds:g} s of {lost} times.",) if lost else ()
    answer = Partial(tuple(listing for listing, _ in columns), found.problems, (*found.notes, *notes))
    places = np.array([place for _, place in columns]).reshape(len(columns), len(asked))
    return tables.nearest_table(answer, asked, places < 0, HelioviewerClient())


def _sources(given: Any) -> tuple[tuple[source_table.Source, ...], tuple[str, ...]]:
    """Return the sources that a user means, and the services that list them."""
    if isinstance(given, str):
        named = [one for one in source_table.known() if source_table.folded(given) == source_table.folded(one.nickname)]
        if not named:
            hint = close_names(given, [one.nickname for one in source_table.known()])
            raise QueryError(f"helioviewer.nearest takes {_NEAREST}, not {shown(given)}.{hint}")
        return source_table.members(one.id for one in named), ()
    if isinstance(given, Integral) and not isinstance(given, bool):
        return source_table.members(SourceID(int(given)).values), ()
    attrs = inputs.attrs("helioviewer.nearest", given) if isinstance(given, Attr | list | tuple) else []
    if not attrs or any(isinstance(one, a.Time) for one in attrs):
        raise inputs.refused("helioviewer.nearest", given, f"{_NEAREST}, without a.Time")
    asked = translator.queries(a.Time("2000-01-01", "2000-01-02"), *attrs)
    refused = [one for one in asked if one.sample is not None or one.header or one.tolerance is not None]
    if refused:
        raise QueryError(
            "helioviewer.nearest takes attrs that select sources, and a.helioviewer.Backend; give the tolerance as "
            "tolerance, and remove a.Sample, a.helioviewer.Header and a.helioviewer.Quality."
        )
    return tuple(dict.fromkeys(one.source for one in asked)), asked[0].listers


def _spread(listing: search.SourceImages, place: Any, known: Any) -> tuple[search.SourceImages, Any]:
    """Return the image of each time, and its place or -1."""
    every = np.full(len(known), -1)
    every[known] = place
    if len(listing.times):
        return listing.at(every.clip(0)), every
    empty = np.full(len(every), np.datetime64(0, "us"))
    blank = np.full(len(every), b"", "S1")
    return replace(listing, times=empty, paths=blank, listers=np.full(len(every), "", "U1")), every


_GAP = 2.5
"""The length of a gap, in cadences without an image."""

Span = tuple[np.datetime64, np.datetime64]


@dataclass(frozen=True)
class Coverage:
    """
    The completeness of Helioviewer's images in a range of time.

    Times that could not be listed do not count as gaps: a warning and ``images.problems`` describe them.

    Attributes
    ----------
    table : astropy.table.QTable
        For each source: ``Images``, ``Cadence`` (median), ``Gaps``, ``Longest Gap``, ``Missing`` (fraction of the range
        in gaps) and ``Latency`` (age of the newest image, if the range extends to the present).
    gaps : astropy.table.QTable
        Each gap: ``Source ID``, ``Start Time``, ``End Time``, ``Duration``.
    images : HelioviewerTable
        The images.
    start, end : astropy.time.Time
        The range.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import helioviewer
    >>> held = helioviewer.coverage(a.Time("2026-01-10", "2026-01-11"), a.helioviewer.SourceID(13))
    >>> held
    <Coverage of AIA 304, 2026-01-10T00:00:00 to 2026-01-11T00:00:00: images 116, gaps 6>
    """

    table: QTable
    gaps: QTable
    images: tables.HelioviewerTable
    start: Time
    end: Time

    def __repr__(self) -> str:
        ends = f"{self.start.isot[:19]} to {self.end.isot[:19]}"
        source = ", ".join(map(str, self.table["Nickname"])) if len(self.table) < 6 else f"{len(self.table)} sources"
        return f"<Coverage of {source}, {ends}: images {len(self.images)}, gaps {len(self.gaps)}>"

    def _repr_html_(self) -> str:
        return str(self.table._repr_html_())

    def plot(self, axes: Axes | None = None) -> Axes:
        """
        Plot the images of each source in a line, with gaps in red.

        Parameters
        ----------
        axes : matplotlib.axes.Axes, optional
            The axes. Defaults to the current ones.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.
        """
        if axes is not None and not hasattr(axes, "get_xlim"):
            raise inputs.refused("Coverage.plot", axes, "axes of matplotlib or None")
        import matplotlib.dates as dates
        import matplotlib.pyplot as plt

        axes = plt.gca() if axes is None else axes
        for row, one in enumerate(self.table):
            chosen = self.images[self.images["Source ID"] == one["Source ID"]]
            if len(chosen):
                held = chosen["Start Time"].datetime64
                axes.plot(held, np.full(len(chosen), row), "|", color="#2a6f97", markersize=12)
            for gap in self.gaps[self.gaps["Source ID"] == one["Source ID"]]:
                ends = [gap[name].datetime64 for name in ("Start Time", "End Time")]
                axes.plot(ends, [row, row], color="#d1495b", linewidth=5, alpha=0.45, solid_capstyle="butt")
        axes.set_yticks(range(len(self.table)), [str(name) for name in self.table["Nickname"]])
        axes.set_ylim(len(self.table) - 0.5, -0.5)
        if self.start < self.end:
            axes.set_xlim(self.start.datetime64, self.end.datetime64)
        locator = dates.AutoDateLocator()
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
        axes.set_title("Images of Helioviewer")
        return axes


def coverage(time: a.Time, *query: Attr) -> Coverage:
    """
    Return the completeness of Helioviewer's images in a range of time: gaps, cadence, latency.

    Parameters
    ----------
    time : a.Time, sunpy.time.TimeRange, or pair of times
        The range.
    *query : sunpy.net.attr.Attr
        Attrs that select the sources, as in a search.

    Returns
    -------
    Coverage
        Tables, and a plot.

    Raises
    ------
    QueryError
        The range or the sources are missing.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import helioviewer
    >>> held = helioviewer.coverage(a.Time("2026-01-10", "2026-01-11"), a.helioviewer.SourceID(13))
    >>> print(held.table["Nickname", "Images", "Gaps"])
    Nickname Images Gaps
    -------- ------ ----
     AIA 304    116    6
    """
    from sunpy_helio_plugins.helioviewer.client import HelioviewerClient

    time = inputs.span("helioviewer.coverage", time)
    answer = search.list_images(translator.queries(time, *inputs.attrs("helioviewer.coverage", query)))
    warn(answer)
    images = tables.images_table(answer, HelioviewerClient())
    ends = np.array([times.iso(one, 6) for one in (time.start, time.end)])
    start, end = times.datetime64_from_iso(ends).astype("M8[us]")
    now = np.datetime64(datetime.now(UTC).replace(tzinfo=None), "us")
    past = max(start, min(end, now))
    rows, gaps = [], []
    for listing in answer.items:
        listed = _without([(start, past)], listing.unlisted)
        cadence, own = _gaps(listing.times, listed)
        told = sum(_seconds(*pair) for pair in listed)
        rows.append(_summary(listing, cadence, own, told, now if end >= now else None))
        gaps += [(listing.source.id, *pair) for pair in own]
    found = QTable({
        "Source ID": [one[0] for one in gaps],
        "Start Time": times.as_column(times.from_datetime64(np.array([one[1] for one in gaps])), "Start of the gap"),
        "End Time": times.as_column(times.from_datetime64(np.array([one[2] for one in gaps])), "End of the gap"),
        "Duration": [_seconds(one[1], one[2]) for one in gaps] * u.s,
    }) if gaps else QTable(names=("Source ID", "Start Time", "End Time", "Duration"))  # fmt: skip
    return Coverage(QTable(rows), found, images, time.start, time.end)


def _gaps(instants: Any, listed: Sequence[Span]) -> tuple[float, list[Span]]:
    """Return the cadence in seconds and the gaps; for fewer than two images, NaN and all listed times."""
    if len(instants) < 2:
        return np.nan, list(listed)
    cadence = float(np.median(_seconds(instants[:-1], instants[1:])))
    gaps = []
    for start, end in listed:
        edges = np.concatenate([[start], instants[(instants > start) & (instants < end)], [end]])
        wide = np.flatnonzero(_seconds(edges[:-1], edges[1:]) > _GAP * cadence)
        gaps += [(edges[k], edges[k + 1]) for k in wide]
    return cadence, gaps


def _without(spans: Sequence[Span], holes: Sequence[Span]) -> list[Span]:
    """Return the parts of time spans outside of other spans."""
    left = list(spans)
    for begin, finish in holes:
        pieces = [[(start, min(end, begin)), (max(start, finish), end)] for start, end in left]
        left = [piece for pair in pieces for piece in pair]
    return [(start, end) for start, end in left if start < end]


def _seconds(start: Any, end: Any) -> Any:
    return (end - start) / np.timedelta64(1, "s")


def _summary(listing: Any, cadence: float, gaps: Sequence[Span], told: float, now: Any) -> dict[str, Any]:
    lengths = [float(_seconds(*gap)) for gap in gaps]
    latency = float(_seconds(listing.times[-1], now)) if now is not None and len(listing.times) else np.nan
    return {
        "Source ID": listing.source.id, "Nickname": listing.source.nickname, "Images": len(listing.times),
        "Cadence": cadence * u.s, "Gaps": len(gaps), "Longest Gap": max(lengths, default=0.0) * u.s,
        "Missing": sum(lengths) / told if told > 0 else 0.0, "Latency": latency * u.s,
    }  # fmt: skip


def refreshed(known: QTable) -> QTable:
    """Return the table of sources from the package, updated with Helioviewer's current list."""
    leaves = {int(one["sourceId"]): one for one in _leaves(_tree())}
    for name, key in (("First Image", "start"), ("Last Image", "end")):
        texts = [_stamp(leaves.get(int(number), {}), key) for number in known["Source ID"]]
        missing = np.array([not text for text in texts])
        stamps = np.array([text or "2000-01-01" for text in texts])
        known[name] = times.as_column(times.from_iso(stamps, mask=missing), name, may_be_missing=True)
    new = sorted(set(leaves) - {int(number) for number in known["Source ID"]})
    if not new:
        return known
    added = QTable({"Source ID": new, "Nickname": [str(leaves[number].get("nickname", "")) for number in new]})
    return vstack([known, added])


def _stamp(leaf: dict[str, Any], key: str) -> str:
    """Return a time of a source in ISO 8601; empty if it is not given."""
    return str(leaf.get(key) or "").replace(" ", "T")


def _tree() -> Any:
    def parse(decoded: Any) -> Any:
        if not isinstance(decoded, dict) or next(_leaves(decoded), None) is None:
            raise AnswerError(PROVIDER, address("getDataSources"), "expected a tree of sources")
        try:
            for one in _leaves(decoded):
                int(one["sourceId"])
                times.from_iso([_stamp(one, key) or "2000-01-01" for key in ("start", "end")])
        except (ArithmeticError, TypeError, ValueError) as error:
            words = f"a source is not what it should be: {error}"
            raise AnswerError(PROVIDER, address("getDataSources"), words) from error
        return decoded

    return metadata.cached_json(address("getDataSources"), archive=PROVIDER, parse=parse)


def _leaves(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield the sources of the tree, whose depth differs between missions."""
    if isinstance(tree, dict):
        if "sourceId" in tree:
            yield tree
        else:
            for branch in tree.values():
                yield from _leaves(branch)


@taking("helioviewer.sources", refresh=FLAG)
def sources(refresh: bool = False) -> QTable:
    """
    Return Helioviewer's data sources, from the list in this package.

    Parameters
    ----------
    refresh : bool, optional
        Whether to request the times of the first and the last image of each source (once a day, by default): columns
        ``First Image`` and ``Last Image``, masked if Helioviewer does not give one. New sources that are not in this
        package's list are added.

    Returns
    -------
    astropy.table.QTable
        One row for each source: ``Source ID`` (the number that the API and `a.helioviewer.SourceID
        <sunpy_helio_plugins.helioviewer.attrs.SourceID>` take), ``Nickname``, ``Source`` (observatory), ``Instrument``,
        ``Detector``, ``Measurement``, ``Wavelength`` in angstroms (masked if the measurement is not a wavelength),
        ``HAPI ID`` and ``Listed`` (whether a range can be searched).

    Notes
    -----
    Columns from the database of the API, from hvpy's enumeration and from the HAPI server's list (2026).

    Examples
    --------
    >>> from sunpy_helio_plugins import helioviewer
    >>> table = helioviewer.sources()
    >>> str(table[table["Source ID"] == 13]["Nickname"][0])
    'AIA 304'
    """
    known = tables.sources_table()
    return refreshed(known) if refresh else known
