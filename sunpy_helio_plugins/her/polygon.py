"""One polygon on the Sun."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import MissingDependencyError
from sunpy_helio_plugins.her import frames
from sunpy_helio_plugins.her import instants as moments

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord
    from astropy.time import Time

__all__ = ["Polygon"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Polygon:
    """
    A polygon of one event.

    Attributes
    ----------
    vertices : numpy.ndarray
        Shape (v, 2), in the units of the system, closed as the registry sends it.
    system : str
        ``"hpc"``, ``"hgs"``, ``"hgc"`` or ``"hrc"``.
    instant, start : numpy.ndarray
        Shape (1, 2): when the place holds, and when the event starts.

    Notes
    -----
    ``hpc`` and ``hrc`` are the authority: the registry computes ``hgs`` and ``hgc`` from them, and what lies at or
    beyond the limb comes to lie 2 to 5 arcsec off (`clamped`).
    """

    vertices: Floats = field(repr=False)
    system: str
    instant: Floats = field(repr=False)
    start: Floats = field(repr=False)

    def __len__(self) -> int:
        return len(self.vertices)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Polygon) and other.system == self.system and np.array_equal(
            other.vertices, self.vertices
        )  # fmt: skip

    __hash__ = None  # type: ignore[assignment]

    @property
    def time(self) -> Time:
        """When the place holds."""
        return moments.times(self.instant[0])

    @property
    def wkt(self) -> str:
        """The polygon as WKT, in the registry's numbers."""
        return "POLYGON((" + ",".join(f"{x:.12g} {y:.12g}" for x, y in self.vertices) + "))"

    @cached_property
    def skycoord(self) -> SkyCoord:
        """The vertices as a coordinate, shape (v,), in a frame of one instant and one observer."""
        return frames.to_sky(self.vertices, self.system, self.instant, self.start, single=True)

    @cached_property
    def _surface(self) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        return frames.on_surface(self.vertices, self.system, self.instant, self.start)

    @property
    def clamped(self) -> NDArray[np.bool_]:
        """
        Which vertices lie at or beyond the limb: their place on the surface is the nearest point of the limb.

        The registry's own heliographic numbers are clamped as well, and do not tell: all that may be are flagged.
        """
        if self.system in ("hpc", "hrc"):
            return self._surface[2]
        longitude, latitude = (np.radians(part) for part in self._surface[:2])
        tilt, distance = moments.earth(self.instant)
        b0 = np.radians(tilt)
        towards = np.sin(latitude) * np.sin(b0) + np.cos(latitude) * np.cos(b0) * np.cos(longitude)
        # What the registry clamped lies 2 to 5 arcsec within the limb, at 0.995 of the radius or more.
        return np.asarray(towards <= frames.RSUN_KM / distance + np.sqrt(1 - 0.9945**2))

    @property
    def on_surface(self) -> SkyCoord:
        """The vertices on the solar surface, Stonyhurst, at the instant of the place; see `clamped`."""
        from astropy.coordinates import SkyCoord
        from sunpy.coordinates import HeliographicStonyhurst

        longitude, latitude, _ = self._surface
        return SkyCoord(longitude * u.deg, latitude * u.deg, frame=HeliographicStonyhurst(obstime=self.time))

    @property
    def _directions(self) -> Floats:
        """The vertices as unit vectors, shape (v, 3), the closing one left out."""
        longitude, latitude = (np.radians(part) for part in self._surface[:2])
        made = np.stack(
            [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], axis=1
        )
        return made[:-1] if len(made) > 3 and np.allclose(made[0], made[-1], atol=1e-12) else made

    @property
    def area(self) -> u.Quantity:
        """The area on the sphere in square megametres, edges being great circles; 0 for a line."""
        corners = self._directions
        centre = corners.mean(axis=0)
        centre /= np.linalg.norm(centre)
        following = np.roll(corners, -1, axis=0)
        # The solid angle of the triangle of the centre and an edge (van Oosterom and Strackee 1983).
        triple = np.einsum("ij,ij->i", np.cross(corners, following), np.broadcast_to(centre, corners.shape))
        below = 1 + corners @ centre + following @ centre + np.einsum("ij,ij->i", corners, following)
        return abs(2 * np.arctan2(triple, below).sum()) * (frames.RSUN_KM / 1e3) ** 2 * u.Mm**2

    def contains(self, place: SkyCoord) -> Any:
        """
        Tell whether places lie in the polygon.

        Parameters
        ----------
        place : astropy.coordinates.SkyCoord
            Places of any frame and shape; they are taken where they are at the instant of the polygon.

        Returns
        -------
        bool or numpy.ndarray of bool
            Judged on the surface; a place off the disk lies in none.
        """
        from sunpy.coordinates import HeliographicStonyhurst

        found = place.transform_to(HeliographicStonyhurst(obstime=self.time))
        longitude, latitude = (np.atleast_1d(part.to_value("rad")) for part in (found.lon, found.lat))
        towards = np.stack(
            [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], axis=-1
        )
        inside = _inside(towards.reshape(-1, 3), self._directions).reshape(np.shape(longitude))
        return bool(inside[0]) if found.isscalar else inside

    def to_region(self) -> Any:
        """
        Return the polygon for the package regions: a `regions.PolygonSkyRegion`.

        Raises
        ------
        MissingDependencyError
            The package is not installed.
        """
        try:
            from regions import PolygonSkyRegion
        except ImportError:
            raise MissingDependencyError("A polygon as a region", "polygons") from None
        return PolygonSkyRegion(vertices=self.skycoord)

    def to_shapely(self) -> Any:
        """
        Return the polygon for shapely, in the registry's numbers; valid, also where its edges cross.

        Raises
        ------
        MissingDependencyError
            The package is not installed.
        """
        try:
            import shapely
        except ImportError:
            raise MissingDependencyError("A polygon as a shape", "polygons") from None
        return shapely.make_valid(shapely.Polygon(self.vertices))

    def rotated_to(self, time: Any, observer: Any = None) -> SkyCoord:
        """
        Return the polygon as it is seen at another time, turned with the solar surface.

        Parameters
        ----------
        time : time-like
            When.
        observer : astropy.coordinates.SkyCoord, optional
            From where. Defaults to Earth.

        Returns
        -------
        astropy.coordinates.SkyCoord
            Helioprojective, shape (v,); vertices on the far side are among them, see `visible`.
        """
        from sunpy.coordinates import Helioprojective, get_earth, propagate_with_solar_surface
        from sunpy.time import parse_time

        when = parse_time(time)
        frame = Helioprojective(obstime=when, observer=observer or get_earth(when))
        with propagate_with_solar_surface():
            return self.on_surface.transform_to(frame)

    def visible(self, observer: Any = None, time: Any = None) -> NDArray[np.bool_]:
        """
        Tell which vertices an observer sees.

        Parameters
        ----------
        observer : astropy.coordinates.SkyCoord, optional
            From where. Defaults to Earth.
        time : time-like, optional
            When; the polygon turns with the surface until then. Defaults to its own instant.
        """
        from sunpy.coordinates import Heliocentric, get_earth, propagate_with_solar_surface
        from sunpy.time import parse_time

        when = parse_time(time) if time is not None else self.time
        seen_from = observer if observer is not None else get_earth(when)
        with propagate_with_solar_surface():
            place = self.on_surface.transform_to(Heliocentric(observer=seen_from, obstime=when))
        # A point of a sphere is seen where it lies before the plane of the limb's circle.
        limb = (frames.RSUN_KM * u.km) ** 2 / seen_from.radius
        return np.asarray(place.z >= limb * (1 - 1e-6))


def _inside(places: Floats, corners: Floats) -> NDArray[np.bool_]:
    """Tell which directions lie in a spherical polygon, seen from above its middle; it is less than a hemisphere."""
    centre = corners.mean(axis=0)
    centre /= np.linalg.norm(centre)
    aside = np.cross(centre, [0.0, 0.0, 1.0] if abs(centre[2]) < 0.9 else [1.0, 0.0, 0.0])
    aside /= np.linalg.norm(aside)
    axes = np.stack([aside, np.cross(centre, aside)], axis=1)
    # Gnomonic: great circles are straight lines.
    with np.errstate(invalid="ignore", divide="ignore"):
        height = places @ centre
        x, y = (places @ axes / height[:, None]).T
        px, py = (corners @ axes / np.maximum(corners @ centre, 1e-9)[:, None]).T
        qx, qy = np.roll(px, -1), np.roll(py, -1)
        crosses = (py[:, None] > y) != (qy[:, None] > y)
        at = px[:, None] + (y - py[:, None]) * ((qx - px) / np.where(qy == py, 1, qy - py))[:, None]
    odd = (crosses & (x < at)).sum(axis=0) % 2 == 1
    return np.asarray(odd & (height > 0))
