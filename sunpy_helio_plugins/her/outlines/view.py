"""The outlines of events as an observer sees them at another time: rotated with the surface, and cut at the limb."""

from __future__ import annotations

from typing import Any, NamedTuple

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.her.columns import frames
from sunpy_helio_plugins.her.columns.origins import CODES
from sunpy_helio_plugins.her.outlines import sphere
from sunpy_helio_plugins.her.outlines.trace import Shapes

__all__ = ["Seen", "View"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

SAME_TIME = 900.0 / 86400
"""Days within which an outline is not rotated: the Sun rotates by 2.2 arcsec at the disk center in this time."""

NEAR_EARTH = 2.5e6
"""The largest distance in km of an observer that is treated as Earth: SOHO is 1.5 million km away."""

SIDEREAL = 360 / 25.38
"""The sidereal rotation of Carrington longitudes in degrees per day."""

LIMB_STEP = np.radians(1)
"""The longest segment of an outline along the limb; it deviates from the limb by 0.04 arcsec."""


class Seen(NamedTuple):
    """The vertices of outlines as an observer sees them."""

    x: Floats
    y: Floats
    """Shape (v,): helioprojective arcsec, on the far side as if through the Sun; NaN without a position."""
    visible: Mask
    """Shape (v,): whether a vertex is on the near side, or beyond the limb as submitted."""
    offsets: Integers
    """Shape (n + 1,), as of `Shapes`."""
    places: Floats
    """Shape (v, 3): solar radii to the right, to the north, and towards the observer; NaN if as submitted."""
    as_submitted: Mask
    """Shape (n,): whether the positions are those that were submitted, neither rotated nor cut at the limb."""

    @property
    def counts(self) -> Integers:
        """The number of visible vertices of each outline."""
        total = np.concatenate([[0], np.cumsum(self.visible)])
        return total[self.offsets[1:]] - total[self.offsets[:-1]]


class View:
    """
    An observer at a time.

    Parameters
    ----------
    frame : sunpy.coordinates.Helioprojective
        The frame of an image, with a time and an observer.
    """

    def __init__(self, frame: Any) -> None:
        from sunpy.coordinates import HeliographicStonyhurst

        place = frame.observer.transform_to(HeliographicStonyhurst(obstime=frame.obstime))
        self.instant = frames.parts(frame.obstime)[None]
        self.longitude, self.latitude = float(place.lon.to_value("deg")), float(place.lat.to_value("deg"))
        self.distance = float(place.radius.to_value("km"))
        latitude, distance = (float(part[0]) for part in frames.earth(self.instant))
        here = self.distance * sphere.directions(*np.radians([self.longitude, self.latitude]))
        there = distance * sphere.directions(*np.radians([0.0, latitude]))
        self.from_earth = bool(np.linalg.norm(here - there) < NEAR_EARTH)
        # From SOHO, which is nearer to the Sun, everything is larger by 1 %.
        self.larger = distance / self.distance
        self.depth = self.distance / frames.RSUN_KM

    @property
    def limb(self) -> float:
        """The distance of the plane of the limb from the Sun's center, in solar radii."""
        return 1 / self.depth

    def turned(self, shapes: Shapes) -> tuple[Floats, Floats, Mask]:
        """Return vertices rotated to the time of the view in arcsec, also on the far side, and which are visible."""
        longitude, latitude, _ = shapes.on_surface()
        places = self._rotated(shapes, longitude, latitude)
        x, y = self._angles(places)
        return x, y, np.asarray(places[:, 2] >= self.limb * (1 - 1e-6))

    def see(self, shapes: Shapes) -> Seen:
        """
        Return the vertices of outlines: rotated with the solar surface to the time of the view, and projected.

        On an image from Earth or near it, outlines of events within 15 minutes, and those completely beyond the limb,
        are those submitted. Others have no visible vertex if they are completely beyond the limb, or without a time.
        """
        owners = shapes.owners
        longitude, latitude, clamped = shapes.on_surface()
        gone: Mask = np.asarray(np.isnan(shapes.instants).any(axis=1))
        places = self._rotated(shapes, longitude, latitude)
        x, y = self._angles(places)
        visible = (places[:, 2] >= self.limb * (1 - 1e-6)) & ~gone[owners]
        on_the_sky = np.isin(shapes.systems, [CODES.index("hpc"), CODES.index("hrc")])
        inside = np.bincount(owners[~clamped], minlength=len(gone))
        beyond = on_the_sky & (inside == 0)
        now = on_the_sky & (np.abs((self.instant - shapes.instants).sum(axis=1)) <= SAME_TIME)
        as_submitted = (now | beyond) & ~gone & self.from_earth
        nowhere = (gone | (beyond & ~as_submitted))[owners]
        visible[nowhere], x[nowhere], y[nowhere] = False, np.nan, np.nan
        if as_submitted.any():
            sky = shapes.take(as_submitted).converted(np.full(as_submitted.sum(), CODES.index("hpc")))
            here = as_submitted[owners]
            x[here], y[here] = sky.vertices.T * self.larger
            visible[here], places[here] = True, np.nan
        return Seen(x, y, visible, shapes.offsets, places, as_submitted)

    def _rotated(self, shapes: Shapes, longitude: Floats, latitude: Floats) -> Floats:
        """Return positions on the surface, rotated with it, in the axes of the observer."""
        from sunpy.sun.models import differential_rotation

        days, owners = (self.instant - shapes.instants).sum(axis=1), shapes.owners
        # The zero of Stonyhurst longitudes follows Earth: L0 is its sidereal longitude less the rotation.
        central = frames.central_longitude(self.instant) - frames.central_longitude(shapes.instants)
        turns = differential_rotation(days[owners] * u.day, latitude * u.deg, model="howard", frame_time="sidereal")
        moved = turns.to_value("deg") - (central + SIDEREAL * days)[owners]
        lon, lat, tilt = np.radians(longitude + moved - self.longitude), np.radians(latitude), np.radians(self.latitude)
        x, front, north = np.cos(lat) * np.sin(lon), np.cos(lat) * np.cos(lon), np.sin(lat)
        y, z = north * np.cos(tilt) - front * np.sin(tilt), north * np.sin(tilt) + front * np.cos(tilt)
        return np.stack([x, y, z], axis=1)

    def _angles(self, places: Floats) -> Floats:
        x, y, z = places.T
        depth = self.depth - z
        return np.degrees(np.stack([np.arctan2(x, depth), np.arctan2(y, np.hypot(x, depth))])) * 3600

    def outlines(self, seen: Seen) -> tuple[Floats, Floats, Integers]:
        """
        Return closed outlines of the visible parts: their far sides follow the limb.

        Outlines without a visible vertex have no vertices.
        """
        counts = seen.counts
        owners = np.repeat(np.arange(len(counts)), np.diff(seen.offsets))
        kept = (counts > 0)[owners]
        lengths = np.where(counts > 0, np.diff(seen.offsets), 0)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        x, y, hidden, places = seen.x[kept], seen.y[kept], ~seen.visible[kept], seen.places[kept]
        if not hidden.any():
            return x, y, offsets
        # A hidden vertex moves to the limb, in the direction in which it is seen from the disk's center.
        around = np.arctan2(places[:, 1], places[:, 0])
        steps = np.zeros(len(x))
        steps[:-1] = np.where(hidden[:-1] & hidden[1:], (np.diff(around) + np.pi) % (2 * np.pi) - np.pi, 0)
        steps[offsets[1:][lengths > 0] - 1] = 0
        pieces = np.maximum(np.ceil(np.abs(steps) / LIMB_STEP), 1).astype(np.int64)
        ends = np.concatenate([[0], np.cumsum(pieces)])
        source = np.repeat(np.arange(len(x)), pieces)
        angles = around[source] + steps[source] * (np.arange(ends[-1]) - ends[source]) / pieces[source]
        limb = self._limb(angles)
        x, y = (np.where(hidden[source], on, off[source]) for on, off in zip(limb, (x, y), strict=True))
        return self._with_limbs(seen, x, y, ends[offsets])

    def _limb(self, around: Floats) -> Floats:
        aside = np.sqrt(1 - self.limb**2)
        far = np.full_like(around, self.limb)
        return self._angles(np.stack([aside * np.cos(around), aside * np.sin(around), far], axis=1))

    def _with_limbs(self, seen: Seen, x: Floats, y: Floats, offsets: Integers) -> tuple[Floats, Floats, Integers]:
        """Add the limb to outlines around the point opposite the observer: what they enclose is outside of them."""
        z = np.where(np.isnan(seen.places[:, 2]), 1, seen.places[:, 2])
        filled = np.flatnonzero(np.diff(seen.offsets))
        deepest = np.minimum.reduceat(z, seen.offsets[:-1][filled])
        counts = seen.counts
        partly = (counts > 0) & (counts < np.diff(seen.offsets))
        rows = filled[(deepest < 0) & partly[filled]].tolist()
        opposite = np.array([[0.0, 0.0, -1.0]])
        circle = self._limb(np.linspace(0, 2 * np.pi, 361))
        parts_x, parts_y = np.split(x, offsets[1:-1]), np.split(y, offsets[1:-1])
        for row in rows:
            if sphere.inside(opposite, seen.places[slice(*seen.offsets[row : row + 2])][:-1])[0]:
                parts_x[row] = np.concatenate([parts_x[row], circle[0], parts_x[row][-1:]])
                parts_y[row] = np.concatenate([parts_y[row], circle[1], parts_y[row][-1:]])
        lengths = [len(part) for part in parts_x]
        return np.concatenate(parts_x), np.concatenate(parts_y), np.concatenate([[0], np.cumsum(lengths)])
