"""One polygon on the Sun."""

from __future__ import annotations

import warnings
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import MissingDependencyError
from sunpy_helio_plugins.her import frames, outlines, sphere, turning
from sunpy_helio_plugins.her import instants as moments
from sunpy_helio_plugins.her import origins as origin_of
from sunpy_helio_plugins.her.places import PROBES

if TYPE_CHECKING:
    from astropy.time import Time

__all__ = ["Polygon"]

Floats = NDArray[np.float64]


class Polygon(SkyCoord):
    """
    A polygon of one event: a coordinate of its vertices, shape (v,), that also knows its area and what it contains.

    Parameters
    ----------
    vertices : numpy.ndarray
        Shape (v, 2), in the units of the system; the first is repeated at the end, but for a line (`closed`).
    system : str
        ``"hpc"``, ``"hgs"``, ``"hgc"`` or ``"hrc"``.
    instant, start : numpy.ndarray
        Shape (1, 2): when the place holds, and when the event starts.
    origin : numpy.ndarray, optional
        Shape (1, 2): the system of submission and the scale of radii, as `sunpy_helio_plugins.her.origins` makes them.

    Notes
    -----
    ``hpc`` and ``hrc`` are the authority: the registry computes ``hgs`` and ``hgc`` from them, and what lies at or
    beyond the limb comes to lie 2 to 5 arcsec off (`clamped`).

    Edges are straight in the system of submission. `traced` is the outline with vertices along its edges, on which
    `area`, `contains`, `to_region` and `~sunpy_helio_plugins.her.overlay` agree.

    The coordinate is computed when it is first asked for.
    """

    def __init__(
        self, vertices: Floats, system: str, instant: Floats, start: Floats, origin: Floats | None = None
    ) -> None:  # fmt: skip
        # SkyCoord's own initialisation would compute everything at once.
        known = origin_of.nothing(1) if origin is None else origin
        self.__dict__.update(vertices=vertices, system=system, instant=instant, start=start, origin=known)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in PROBES:
            raise AttributeError(name)
        if "_sky_coord_frame" not in self.__dict__:
            frame = self.skycoord._sky_coord_frame
            self.__dict__.update(_sky_coord_frame=frame, _extra_frameattr_names=set())
        return self.__dict__[name] if name in self.__dict__ else super().__getattr__(name)

    @property
    def shape(self) -> tuple[int]:
        """The shape of the coordinate."""
        return (len(self.vertices),)

    def __len__(self) -> int:
        return len(self.vertices)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Polygon) and other.system == self.system and np.array_equal(
            other.vertices, self.vertices
        )  # fmt: skip

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]

    def _apply(self, method: Any, *args: Any, **kwargs: Any) -> SkyCoord:
        return self.skycoord._apply(method, *args, **kwargs)

    def transform_to(self, frame: Any, merge_attributes: bool = True) -> SkyCoord:
        """Return the vertices in another frame, as a plain coordinate."""
        return self.skycoord.transform_to(frame, merge_attributes)

    def directional_offset_by(self, position_angle: Any, separation: Any) -> SkyCoord:
        """Return places beside the vertices, as a plain coordinate."""
        return self.skycoord.directional_offset_by(position_angle, separation)

    def spherical_offsets_by(self, d_lon: Any, d_lat: Any) -> SkyCoord:
        """Return places beside the vertices, as a plain coordinate."""
        return self.skycoord.spherical_offsets_by(d_lon, d_lat)

    def __setitem__(self, item: Any, value: Any) -> None:
        raise TypeError("The vertices of a polygon do not change; take polygon.skycoord.copy() for a coordinate.")

    def copy(self, *args: Any, **kwargs: Any) -> Self:
        """Return a copy that shares nothing."""
        parts = (self.vertices, self.instant, self.start, self.origin)
        vertices, instant, start, origin = (part.copy() for part in parts)
        return type(self)(vertices, self.system, instant, start, origin)

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.vertices, self.system, self.instant, self.start, self.origin)

    def __repr__(self) -> str:
        kind = "Polygon" if self.closed else "Line"
        return f"<{kind} of {len(self)} vertices in {self.system} at {self.time.isot}>"

    __str__ = __repr__

    @property
    def time(self) -> Time:
        """When the place holds."""
        return moments.times(self.instant[0])

    @property
    def closed(self) -> bool:
        """Whether it ends where it begins: an outline or a box, and not the line of a filament."""
        x, y = self.vertices[0] - self.vertices[-1]
        # A ring around the pole goes from longitude 0 to 360.
        return bool(y == 0 and (x == 0 or (self.system in ("hgs", "hgc") and x % 360 == 0)))

    @property
    def wkt(self) -> str:
        """The polygon, or the line, as WKT, in the registry's numbers."""
        numbers = ",".join(f"{x:.12g} {y:.12g}" for x, y in self.vertices)
        return f"POLYGON(({numbers}))" if self.closed else f"LINESTRING({numbers})"

    @cached_property
    def skycoord(self) -> SkyCoord:
        """The vertices as a coordinate, shape (v,), in a frame of one instant and one observer."""
        return frames.to_sky(self.vertices, self.system, self.instant, self.start, single=True, origins=self.origin)

    @cached_property
    def _surface(self) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        return frames.on_surface(self.vertices, self.system, self.instant, self.start, self.origin)

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
        from sunpy.coordinates import HeliographicStonyhurst

        longitude, latitude, _ = self._surface
        return SkyCoord(longitude * u.deg, latitude * u.deg, frame=HeliographicStonyhurst(obstime=self.time))

    @cached_property
    def traced(self) -> Polygon:
        """
        The same outline with vertices added along its edges, which are straight in the system of submission.

        It is given in that system; where that is not known in its own, and radii and angles as in ``hpc``.
        """
        vertices, system = outlines.outline(self.vertices, self.system, self.instant, self.start, self.origin)
        return Polygon(vertices, system, self.instant, self.start, self.origin)

    @property
    def on_the_sky(self) -> SkyCoord:
        """The outline as a coordinate: the vertices alone where edges are straight in helioprojective pictures."""
        return self.skycoord if self.system == self.traced.system == "hpc" else self.traced.skycoord

    @cached_property
    def _corners(self) -> Floats:
        return sphere.corners(*self.traced._surface[:2])

    @property
    def area(self) -> u.Quantity:
        """
        The area on the sphere in square megametres, within the outline that `traced` gives; 0 for a line.

        Of what reaches beyond the limb, the part on the disk counts.
        """
        return (sphere.area(self._corners) if self.closed else 0.0) * (frames.RSUN_KM / 1e3) ** 2 * u.Mm**2

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
            Judged on the surface, within the outline that `traced` gives; a place off the disk lies in none.
        """
        from sunpy.coordinates import HeliographicStonyhurst
        from sunpy.util.exceptions import SunpyUserWarning

        with warnings.catch_warnings():
            # sunpy warns where all places are off the disk.
            warnings.simplefilter("ignore", SunpyUserWarning)
            found = place.transform_to(HeliographicStonyhurst(obstime=self.time))
        longitude, latitude = (np.atleast_1d(part.to_value("rad")) for part in (found.lon, found.lat))
        towards = sphere.directions(longitude, latitude).reshape(-1, 3)
        inside = sphere.inside(towards, self._corners).reshape(longitude.shape) & self.closed
        return bool(inside[0]) if found.isscalar else inside

    def to_region(self, frame: Any = None) -> Any:
        """
        Return the outline that `traced` gives for the package regions: a `regions.PolygonSkyRegion`.

        Parameters
        ----------
        frame : sunpy.coordinates.Helioprojective, optional
            A picture's frame, ``map.coordinate_frame``: the polygon is turned to it with the solar surface and cut at
            the limb. Defaults to the outline as it is, which has no place in a picture of another time where it lies
            beyond the limb.

        Returns
        -------
        regions.PolygonSkyRegion or None
            `None` where all of it lies on the far side.

        Raises
        ------
        MissingDependencyError
            The package is not installed.
        """
        try:
            from regions import PolygonSkyRegion
        except ImportError:
            raise MissingDependencyError("A polygon as a region", "polygons") from None
        if frame is None:
            return PolygonSkyRegion(vertices=self.on_the_sky)
        outline, visible = turning.seen(self.traced.on_surface, frame, closed=True)
        return PolygonSkyRegion(vertices=outline) if visible.any() else None

    def to_shapely(self) -> Any:
        """
        Return the polygon, or the line, for shapely, in the registry's numbers; valid, also where its edges cross.

        Numbers lie in a plane here: of a ring around a pole, or across the seam of longitudes, the area is none.

        Raises
        ------
        MissingDependencyError
            The package is not installed.
        """
        try:
            import shapely
        except ImportError:
            raise MissingDependencyError("A polygon as a shape", "polygons") from None
        return shapely.make_valid(shapely.Polygon(self.vertices) if self.closed else shapely.LineString(self.vertices))

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
        return turning.seen(self.on_surface, _frame(time, observer))[0]

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
        return turning.seen(self.on_surface, _frame(self.time if time is None else time, observer))[1]


def _frame(time: Any, observer: Any) -> Any:
    from sunpy.coordinates import Helioprojective, get_earth
    from sunpy.time import parse_time

    when = parse_time(time)
    return Helioprojective(obstime=when, observer=get_earth(when) if observer is None else observer)
