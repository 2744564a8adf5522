"""
The positions of events: points, boxes, outlines and lines in four systems, and checks of their validity.

A position that the registry mirrors behind a pole is computed from its ``hpc``. Those that cannot be computed, that are
more than 90 degrees away, and zeros for missing positions are masked.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.her.columns import chaincodes, frames, parse
from sunpy_helio_plugins.her.columns.origins import CODES, KEYWORDS, numbers, origins
from sunpy_helio_plugins.her.columns.points import Points
from sunpy_helio_plugins.her.columns.polygons import Polygons
from sunpy_helio_plugins.her.outlines.trace import NEAR_LIMB, Rings, submitted_vertices
from sunpy_helio_plugins.her.records.cells import JoinedTexts

__all__ = ["Positions"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

WIDEST = 160.0
"""Degrees of longitude and latitude from which a box is ignored (the same limit as in JHelioviewer's HEKParser)."""

TILTED = 1e-3
"""Degrees of B0 from which the disk center differs from the origin of longitudes and latitudes."""

CENTRES = {"hpc": ("hpc_x", "hpc_y"), "hgs": ("hgs_x", "hgs_y"), "hgc": ("hgc_x", "hgc_y"), "hrc": ("hrc_r", "hrc_a")}
"""The pairs of numbers of an event's center."""

COORDS = tuple(f"{system}_coord" for system in CENTRES)
"""The points of an event's center."""

OUTLINES = tuple(f"{system}_{kind}" for system in CENTRES for kind in ("bbox", "boundcc", "skeletoncc"))
"""The boxes, outlines and lines of an event."""

POINTS = (*(name for pair in CENTRES.values() for name in pair), *COORDS, "hpc_radius")
"""All keywords of an event's center."""

OWN = ("event_coord1", "event_coord2")
"""The position of an event in the submitter's own system."""

NAMED = 3
"""The number of events that a sentence names."""

CLAMPED = np.radians(8)
"""The largest angle between a position that the registry clamped to the limb and that of this package."""


class Positions:
    """
    Build columns of positions.

    Parameters
    ----------
    reader : sunpy_helio_plugins.her.columns.parse.Reader
        The records; its values are corrected.
    instants, starts : numpy.ndarray
        Shape (n, 2): the times of the positions, and of the start of the events.
    """

    def __init__(self, reader: parse.Reader, instants: Floats, starts: Floats) -> None:
        self.reader, self.instants, self.starts = reader, instants, starts
        self.rows = len(reader.records)
        self.origins = origins(reader.values(KEYWORDS[0]), *reader.numbers(KEYWORDS[1:]))
        self.scales = frames.scales(starts, self.origins)
        for part in (instants, starts, self.origins):
            # All columns share them.
            part.flags.writeable = False
        self.tilt, self.distance = frames.earth(instants)
        self._texts = {name: reader.pop_texts(name) for name in (*OUTLINES, *COORDS)}
        self._known: dict[str, Rings] = {}
        self._parsed: dict[str, chaincodes.Parsed] = {}
        self._points = {name: chaincodes.points(self._texts[name]) for name in COORDS}
        first, second = (reader.numbers(names) for names in zip(*CENTRES.values(), strict=True))
        self._centres = {
            system: np.stack(pair, axis=1)
            for system, pair in zip(CENTRES, zip(first, second, strict=True), strict=True)
        }
        self._mirrored: dict[str, set[int]] = defaultdict(set)
        self._unsure: dict[str, set[int]] = defaultdict(set)
        self._clamped: dict[str, set[int]] = defaultdict(set)
        self._forget_zeros()
        self._correct_centres()

    def columns(self, names: Iterable[str]) -> dict[str, Polygons | Points]:
        """Return columns of polygons and of points by name."""
        return {
            name: self.polygons(name) if chaincodes.POLYGONS.fullmatch(name) else self.places(name) for name in names
        }

    def polygons(self, name: str) -> Polygons:
        """Return a column of polygons."""
        vertices, offsets = self._rings(name)
        if name[:3] in ("hgs", "hgc") and len(vertices):
            rows = np.repeat(np.arange(self.rows), np.diff(offsets))
            vertices, doubtful = self._behind(name, vertices, rows, self._vertices_seen(name, offsets))
            if doubtful:
                keep = ~np.isin(rows, list(doubtful))
                vertices = vertices[keep]
                offsets = np.concatenate([[0], np.cumsum(np.bincount(rows[keep], minlength=self.rows))])
        events = self.instants, self.starts, self.origins
        submitted = submitted_vertices(name, offsets, self._rings, self.origins)
        if name[:3] in ("hgs", "hgc"):
            self._note_clamped(name, submitted.vertices(offsets), offsets)
        return Polygons(vertices, offsets, name[:3], *events, submitted)

    def places(self, name: str) -> Points:
        """Return a column of points."""
        values = self._texts.pop(name)
        found, bad = self._points[name]
        found = found.copy()
        found[chaincodes.is_missing(found)] = np.nan
        self._say(name, [values[index] for index in bad], "not a point")
        beyond = ~np.isnan(found).any(axis=1) & ~frames.is_place(found, name[:3])
        what = "a latitude beyond the pole" if name[:3] in ("hgs", "hgc") else "more than 90 degrees from the Sun"
        self._say(name, [values[index] for index in np.flatnonzero(beyond).tolist()], what)
        found[beyond] = np.nan
        if name[:3] in ("hgs", "hgc"):
            found, doubtful = self._behind(name, found, np.arange(self.rows), self._points_seen(name))
            found[list(doubtful)] = np.nan
        return Points(found, name[:3], self.instants, self.starts, self.origins)

    def say(self) -> None:
        """Report which positions the registry changed, and which of these are not known."""
        mirrored = "the registry mirrors positions behind the pole; they are computed from those seen from Earth"
        unsure = "positions may be mirrored behind the pole, without any seen from Earth to check; they are masked"
        clamped = "the registry moves vertices beyond the limb to the limb; outlines are computed from those submitted"
        for found, what in ((self._mirrored, mirrored), (self._unsure, unsure), (self._clamped, clamped)):
            rows = sorted(set().union(*found.values()))
            if rows:
                events = f"{len(rows)} events ({self._named(rows)})" if len(rows) > 1 else self._named(rows)
                self.reader.problems.append(f"{', '.join(found)}: in {events} {what}; see the column raw.")

    def _named(self, rows: list[int]) -> str:
        """Return the names of events: their IVORNs, or their rows."""
        told = self.reader.given.get("kb_archivid")
        names = [str((told and told.value(row)) or f"row {row}")[:120] for row in rows[:NAMED]]
        return ", ".join(names) + (f" and {len(rows) - NAMED} more" if len(rows) > NAMED else "")

    def _note_clamped(self, name: str, submitted: Floats, offsets: NDArray[np.int64]) -> None:
        """Note the events with vertices that were submitted beyond the limb, where degrees are not defined."""
        counts = np.diff(offsets)
        limb = np.degrees(np.arcsin(frames.RSUN_KM / self.distance)) * 3600
        polar = self.origins[:, 0] == CODES.index("hrc")
        limb[polar] /= self.scales[polar]
        with np.errstate(invalid="ignore"):
            apart = np.where(np.repeat(polar, counts), submitted[:, 0], np.hypot(*submitted.T))
            beyond = np.repeat(np.arange(len(counts)), counts)[apart > np.repeat(limb, counts)]
        if len(beyond):
            self._clamped[name] |= set(beyond.tolist())

    def _say(self, name: str, odd: list[Any], what: str) -> None:
        if odd:
            words = f"{name}: {len(odd)} values are {what}, such as {str(odd[0])[:80]!r}"
            self.reader.problems.append(f"{words}; see the column raw.")

    def _rings(self, name: str) -> Rings:
        """Return the vertices of a keyword in all records, and their offsets."""
        if name not in self._known:
            everywhere = self.everywhere if name.endswith("bbox") else np.zeros(0, dtype=bool)
            values = self._texts.pop(name)
            if everywhere.any():
                values = _without(values, np.flatnonzero(everywhere))
                self._parsed.pop(name, None)
            widest, highest = frames.LIMITS[name[:3]]
            vertices, offsets, bad = chaincodes.rings(values, highest, widest, self._parsed.pop(name, None))
            worst = [index for index in bad if not _is_placeholder(values[index])]
            self._say(name, [values[index] for index in worst], "not a polygon")
            self._known[name] = vertices, offsets
        return self._known[name]

    @cached_property
    def everywhere(self) -> Mask:
        """Whether the box of each event is the complete near side, as for a flare with unknown position."""
        made = np.zeros(self.rows, dtype=bool)
        for name in ("hgs_bbox", "hgc_bbox"):
            self._parsed[name] = chaincodes.parsed(self._texts[name])
            vertices, offsets, _ = chaincodes.rings(self._texts[name], known=self._parsed[name])
            filled = np.flatnonzero(np.diff(offsets))
            if len(filled):
                starts = offsets[filled]
                extent = np.maximum.reduceat(vertices, starts) - np.minimum.reduceat(vertices, starts)
                made[filled] |= (extent >= WIDEST).all(axis=1)
        return made

    def _vertices_seen(self, name: str, offsets: NDArray[np.int64]) -> Floats:
        """Return the vertices of an outline as seen from Earth; NaN if their number differs."""
        counts = np.diff(offsets)
        seen = np.full((offsets[-1], 2), np.nan)
        left = counts > 0
        for system in ("hpc", "hrc"):
            if not left.any():
                break
            vertices, others = self._rings(system + name[3:])
            same = (np.diff(others) == counts) & left
            rows = np.repeat(np.arange(self.rows), np.diff(others))
            kept = vertices[same[rows]]
            if system == "hrc":
                kept = self._on_the_sky(kept, rows[same[rows]])
            seen[np.repeat(same, counts)] = kept
            left &= ~same
        return seen

    def _points_seen(self, name: str) -> Floats:
        """Return points as seen from Earth."""
        seen = self._on_the_sky(self._points["hrc" + name[3:]][0], np.arange(self.rows))
        found = self._points["hpc" + name[3:]][0]
        return np.where(np.isnan(found), seen, found)

    def _on_the_sky(self, places: Floats, rows: NDArray[np.int64]) -> Floats:
        return np.stack(frames.radial(places, self.scales[rows]), axis=1)

    def _behind(self, name: str, places: Floats, rows: NDArray[np.int64], seen: Floats) -> tuple[Floats, set[int]]:
        """Compute mirrored positions from those seen from Earth, and return the rows where this is not possible."""
        # If the Sun's axis is tilted towards Earth, the far side of a pole is visible, with longitudes beyond 90
        # degrees. The registry computes longitudes by the arcsine, and therefore returns 180 degrees minus the
        # longitude: two polar holes of 2017-09-06 and one of 2024-05-10 show it. It does not change degrees that were
        # submitted.
        system, events = name[:3], (self.tilt[rows], self.distance[rows], self.starts[rows])
        made, mirrored = _unmirrored(places, system, seen, *events)
        unknown = _was_computed(self.origins[rows]) & np.isnan(seen).any(axis=1)
        doubtful: set[int] = set()
        if unknown.any():
            unsure = _may_be_mirrored(places[unknown], system, *(part[unknown] for part in events))
            doubtful = set(rows[unknown][unsure].tolist())
        if mirrored.any():
            self._mirrored[name] |= set(rows[mirrored].tolist())
        if doubtful:
            self._unsure[name] |= doubtful
        return made, doubtful

    def _forget_zeros(self) -> None:
        """Mask the center of events at (0, 0) in both arcsec and degrees, which only coincide if B0 is 0."""
        zeros = (self._zeros("hpc") & self._zeros("hgs")).nonzero()[0]
        if not len(zeros):
            return
        tilted = zeros[np.abs(frames.earth(self.starts[zeros])[0]) > TILTED]
        for places in (*self._centres.values(), *(found for found, _ in self._points.values())):
            places[tilted] = np.nan
        given = [self.reader.given[name].values if name in self.reader.given else [None] * self.rows for name in OWN]
        own = (np.stack(numbers(*given)) == 0).all(axis=0)
        for row in tilted.tolist():
            for name in POINTS:
                self.reader.correct(name, row, None)
            for name in OWN if own[row] else ():
                self.reader.correct(name, row, None)

    def _zeros(self, system: str) -> Mask:
        points = self._points[f"{system}_coord"][0]
        return np.asarray((self._centres[system] == 0).all(axis=1) | (points == 0).all(axis=1))

    def _correct_centres(self) -> None:
        """Correct the centers of events behind a pole, given as two numbers."""
        polar, seen = self._centres["hrc"], self._centres["hpc"]
        seen = np.where(np.isnan(seen), self._on_the_sky(polar, np.arange(self.rows)), seen)
        for system in ("hgs", "hgc"):
            given = self._centres[system]
            found, doubtful = self._behind(", ".join(CENTRES[system]), given, np.arange(self.rows), seen)
            changed = np.flatnonzero((found != given).any(axis=1) & ~np.isnan(given).any(axis=1))
            for row in {*changed.tolist(), *doubtful}:
                for index, name in enumerate(CENTRES[system]):
                    self.reader.correct(name, row, None if row in doubtful else float(found[row, index]))


def _without(texts: Sequence[Any], rows: NDArray[np.intp]) -> Sequence[Any]:
    """Return texts with `None` in some rows."""
    if isinstance(texts, JoinedTexts):
        return texts.without(rows)
    made = list(texts)
    for row in rows.tolist():
        made[row] = None
    return made


def _is_placeholder(text: Any) -> bool:
    """Return whether a polygon is one point: the heliographic box of SSW Latest Events is always (1, 1)."""
    found = re.findall(r"[^(),\s]+ [^(),\s]+", str(text))
    return len(found) > 1 and len(set(found)) == 1


def _unmirrored(
    places: Floats, system: str, seen: Floats, tilt: Floats, distance: Floats, starts: Floats
) -> tuple[Floats, Mask]:  # fmt: skip
    """Replace mirrored heliographic numbers by those computed from ``hpc`` of the same positions, and return which."""
    mirrored = np.zeros(len(places), dtype=bool)
    limb = np.degrees(frames.RSUN_KM / distance) * 3600
    with np.errstate(invalid="ignore", over="ignore"):
        is_near = (np.hypot(*seen.T) > NEAR_LIMB * limb) & (seen[:, 1] * tilt > 0)
        rows = np.flatnonzero(is_near & np.isfinite(seen).all(axis=1))
    if not len(rows):
        return places, mirrored
    x, y = seen[rows].T
    true = np.stack(frames.unprojected(x, y, tilt[rows], distance[rows])[:2], axis=1)
    given = np.stack(frames.stonyhurst(places[rows], system, starts[rows]), axis=1)
    behind = np.abs(true[:, 0]) > 90
    other = np.stack([180 - given[:, 0], given[:, 1]], axis=1)
    apart = _apart(other, true)
    wrong = behind & (apart < _apart(given, true)) & (apart < CLAMPED)
    made = places.copy()
    turn = (true[wrong, 0] - given[wrong, 0] + 180) % 360 - 180
    made[rows[wrong]] = np.stack([places[rows[wrong], 0] + turn, true[wrong, 1]], axis=1)
    mirrored[rows[wrong]] = True
    return made, mirrored


def _apart(first: Floats, second: Floats) -> Floats:
    """Return angles between positions on the surface, given in degrees."""
    (lon1, lat1), (lon2, lat2) = np.radians(first).T, np.radians(second).T
    cosine = np.sin(lat1) * np.sin(lat2) + np.cos(lat1) * np.cos(lat2) * np.cos(lon1 - lon2)
    return np.arccos(np.clip(cosine, -1, 1))


def _was_computed(origins: Floats) -> Mask:
    """Return the events whose heliographic numbers the registry computed: those submitted as seen from Earth."""
    return np.isin(origins[:, 0], [CODES.index("hpc"), CODES.index("hrc")])


def _may_be_mirrored(places: Floats, system: str, tilt: Floats, distance: Floats, starts: Floats) -> Mask:
    """Return which heliographic positions are on the near side as given and with 180 degrees minus the longitude."""
    longitude, latitude = (np.radians(part) for part in frames.stonyhurst(places, system, starts))
    b0, front = np.radians(tilt), np.cos(longitude)
    towards = np.sin(latitude) * np.sin(b0) - np.cos(latitude) * np.cos(b0) * np.abs(front)
    with np.errstate(invalid="ignore"):
        return np.asarray((towards > frames.RSUN_KM / distance) & (front > 0))
