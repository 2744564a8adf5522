"""One polygon on the Sun: a coordinate with an area and a test for containment."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import FRAME, INSTANT, OBSERVER, PLACE, optional, taking
from sunpy_helio_plugins.errors import MissingDependencyError
from sunpy_helio_plugins.her.columns import frames
from sunpy_helio_plugins.her.columns.origins import CODES, nothing
from sunpy_helio_plugins.her.columns.points import PROBES
from sunpy_helio_plugins.her.outlines import export, sphere
from sunpy_helio_plugins.her.outlines.trace import Shapes, separated, trace
from sunpy_helio_plugins.her.outlines.view import View
from sunpy_helio_plugins.quantities import silence

if TYPE_CHECKING:
    from astropy.time import Time

__all__ = ["Polygon"]

Floats = NDArray[np.float64]

_ON_THE_SKY = CODES.index("hpc"), CODES.index("hrc")


class Polygon(SkyCoord):
    """
    A polygon of one event: a coordinate of its vertices, shape (v,), with an area and a test for containment.

    Parameters
    ----------
    vertices : numpy.ndarray
        Shape (v, 2), in the units of the system; the first is repeated at the end, except for a line (`closed`).
    system : str
        ``"hpc"``, ``"hgs"``, ``"hgc"`` or ``"hrc"``.
    instant, start : numpy.ndarray
        Shape (1, 2): the time of the polygon, and of the start of the event, as parts of UTC Julian dates.
    origin : numpy.ndarray, optional
        Shape (1, 2): the system of submission and the scale of radii, as of `sunpy_helio_plugins.her.columns.origins`.
        Unknown by default.
    as_submitted : numpy.ndarray, optional
        Shape (v, 2): the vertices in the system of submission, if it is another one and they are known; else NaN.

    Notes
    -----
    ``vertices`` and ``wkt`` are the registry's numbers. It moves vertices beyond the limb to the limb in ``hgs`` and
    ``hgc`` (`clamped`), and shows those on the far side in ``hpc`` and ``hrc`` as if through the Sun. The coordinate is
    computed from the vertices as submitted, with the radius and time of the event, if the record contains them.

    Edges are straight in the system of submission. `traced` is the outline as submitted with vertices along its edges,
    the same in all four systems, which `area`, `contains`, `to_region`, `to_shapely`, `~sunpy_helio_plugins.her.mask`
    and `~sunpy_helio_plugins.her.overlay` use. A hole in it is joined to it by an edge in both directions.

    The coordinate is computed on first access.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> import sunpy_helio_plugins
    >>> day = a.Time("2026-01-10", "2026-01-10 23:59")
    >>> holes = Fido.search(day, a.her.CH)["her"]
    >>> polygon = holes["hpc_boundcc"][0]
    >>> polygon
    <Polygon of 12 vertices in hpc at 2026-01-10T00:00:05.000000000>
    >>> polygon.area.round()
    <Quantity 96874. Mm2>
    """

    def __init__(
        self, vertices: Floats, system: str, instant: Floats, start: Floats, origin: Floats | None = None,
        as_submitted: Floats | None = None,
    ) -> None:  # fmt: skip
        # SkyCoord's own initialisation would compute everything at once.
        known = nothing(1) if origin is None else origin
        given = nothing(len(vertices)) if as_submitted is None else as_submitted
        parts = {"vertices": vertices, "instant": instant, "start": start, "origin": known, "as_submitted": given}
        self.__dict__.update(parts, system=system)

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
        """Return the vertices in another frame as a plain `~astropy.coordinates.SkyCoord`."""
        return self.skycoord.transform_to(frame, merge_attributes)

    def directional_offset_by(self, position_angle: Any, separation: Any) -> SkyCoord:
        """Return positions at an offset from the vertices as a plain `~astropy.coordinates.SkyCoord`."""
        return self.skycoord.directional_offset_by(position_angle, separation)

    def spherical_offsets_by(self, d_lon: Any, d_lat: Any) -> SkyCoord:
        """Return positions at an offset from the vertices as a plain `~astropy.coordinates.SkyCoord`."""
        return self.skycoord.spherical_offsets_by(d_lon, d_lat)

    def __setitem__(self, item: Any, value: Any) -> None:
        raise TypeError("The vertices of a polygon do not change; use polygon.skycoord.copy() for a coordinate.")

    def copy(self, *args: Any, **kwargs: Any) -> Self:
        """Return an independent copy."""
        vertices, system, *parts = self.__reduce__()[1]
        return type(self)(vertices.copy(), system, *map(np.copy, parts))

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.vertices, self.system, self.instant, self.start, self.origin, self.as_submitted)

    def __repr__(self) -> str:
        kind = "Polygon" if self.closed else "Line"
        return f"<{kind} of {len(self)} vertices in {self.system} at {self.time.isot}>"

    __str__ = __repr__

    @property
    def time(self) -> Time:
        """The time of the polygon."""
        return frames.times(self.instant[0])

    @property
    def closed(self) -> bool:
        """Whether the last vertex is the first one: `True` for an outline or a box, `False` for a filament's line."""
        angle, other = (self.vertices[0] - self.vertices[-1])[:: -1 if self.system == "hrc" else 1]
        # A ring around the pole, or the center of the disk, extends over angles from 0 to 360.
        return bool(other == 0 and (angle == 0 or (self.system != "hpc" and angle % 360 == 0)))

    @property
    def wkt(self) -> str:
        """The polygon or line as WKT, in the registry's numbers."""
        if not self.closed:
            return f"LINESTRING({_pairs(self.vertices)})"
        offsets = np.array([0, len(self)])
        rings, _ = separated(
            Shapes(self.vertices, offsets, np.zeros(1, np.int64), self.instant, self.start, self.origin)
        )
        parts = np.split(rings.vertices, rings.offsets[1:-1])
        return f"POLYGON({','.join(f'({_pairs(part)})' for part in parts)})"

    @cached_property
    def skycoord(self) -> SkyCoord:
        """The vertices as a coordinate, shape (v,), in a frame with one time and one observer."""
        made = Shapes.of_one(self).converted(np.array([CODES.index(self.system)]))
        return frames.to_sky(made.vertices, self.system, self.instant, self.start, single=True, origins=self.origin)

    @cached_property
    def _surface(self) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        return Shapes.of_one(self).on_surface()

    @property
    def clamped(self) -> NDArray[np.bool_]:
        """
        Whether each vertex lies at or beyond the limb: its position on the surface is the nearest point of the limb.

        The registry clamps its heliographic numbers as well, without flagging them: all that may be clamped are
        flagged.
        """
        if Shapes.of_one(self).systems[0] in _ON_THE_SKY:
            return self._surface[2]
        longitude, latitude = (np.radians(part) for part in self._surface[:2])
        tilt, distance = frames.earth(self.instant)
        b0 = np.radians(tilt)
        towards = np.sin(latitude) * np.sin(b0) + np.cos(latitude) * np.cos(b0) * np.cos(longitude)
        # Vertices that the registry clamped are 2 to 5 arcsec within the limb, at 0.995 of the radius or more.
        return np.asarray(towards <= frames.RSUN_KM / distance + np.sqrt(1 - 0.9945**2))

    @property
    def on_surface(self) -> SkyCoord:
        """The vertices as submitted on the solar surface, Stonyhurst, at the time of the polygon; see `clamped`."""
        from sunpy.coordinates import HeliographicStonyhurst

        longitude, latitude, _ = self._surface
        return SkyCoord(longitude * u.deg, latitude * u.deg, frame=HeliographicStonyhurst(obstime=self.time))

    @cached_property
    def traced(self) -> Polygon:
        """
        The same outline with vertices added along its edges, which are straight in the system of submission.

        It is in that system, if it is known; otherwise in its own, or in ``hpc`` instead of ``hrc``.
        """
        made = trace(Shapes.of_one(self))
        return Polygon(made.vertices, CODES[int(made.systems[0])], self.instant, self.start, self.origin)

    @property
    def on_the_sky(self) -> SkyCoord:
        """The outline as a coordinate: the vertices if edges are straight in helioprojective images, else `traced`."""
        return self.skycoord if self.system == self.traced.system == "hpc" else self.traced.skycoord

    @cached_property
    def _corners(self) -> Floats:
        return sphere.corners(*self.traced._surface[:2])

    @property
    def area(self) -> u.Quantity:
        """
        The area on the sphere in square megameters, within the outline `traced`; 0 for a line.

        Of an outline that extends beyond the limb, only the part on the disk is included. If an outline crosses
        itself, parts that run in the other direction are subtracted, whereas `contains` and masks include them.
        """
        angle = sphere.areas(self._corners, np.array([0, len(self._corners)]))[0] if self.closed else 0.0
        return angle * (frames.RSUN_KM / 1e3) ** 2 * u.Mm**2

    @taking("Polygon.contains", place=PLACE)
    def contains(self, place: SkyCoord) -> Any:
        """
        Return which positions lie in the polygon.

        Parameters
        ----------
        place : astropy.coordinates.SkyCoord
            Positions in any frame and of any shape; they are transformed to the time of the polygon.

        Returns
        -------
        bool or numpy.ndarray of bool
            Evaluated on the surface, within the outline `traced`; `False` for a position off the disk.
        """
        from sunpy.coordinates import HeliographicStonyhurst
        from sunpy.util.exceptions import SunpyUserWarning

        # sunpy warns if all positions are off the disk.
        with silence.ignored(SunpyUserWarning):
            found = place.transform_to(HeliographicStonyhurst(obstime=self.time))
        longitude, latitude = (np.atleast_1d(part.to_value("rad")) for part in (found.lon, found.lat))
        towards = sphere.directions(longitude, latitude).reshape(-1, 3)
        inside = sphere.inside(towards, self._corners).reshape(longitude.shape) & self.closed
        return bool(inside[0]) if found.isscalar else inside

    @taking("Polygon.to_region", frame=optional(FRAME))
    def to_region(self, frame: Any = None) -> Any:
        """
        Return the outline `traced` as a `regions.PolygonSkyRegion`.

        Parameters
        ----------
        frame : sunpy.coordinates.Helioprojective, optional
            The frame of an image, ``map.coordinate_frame``: the polygon is rotated to it with the solar surface and cut
            at the limb; in an image from Earth within 15 minutes, it is as submitted. By default the outline is not
            rotated; parts beyond the limb are then not usable in an image of another time.

        Returns
        -------
        regions.PolygonSkyRegion or None
            `None` if the polygon is completely on the far side.

        Raises
        ------
        MissingDependencyError
            regions is not installed.
        """
        if frame is not None:
            return export.regions(Shapes.of_one(self), frame)[0]
        try:
            from regions import PolygonSkyRegion
        except ImportError:
            raise MissingDependencyError("A polygon as a region", "polygons") from None
        return PolygonSkyRegion(vertices=self.on_the_sky)

    def to_shapely(self) -> Any:
        """
        Return the outline `traced` or line for shapely, in the numbers of its system; made valid if its edges cross.

        Outlines around a pole are closed along it in ``hgs`` and ``hgc``. The numbers are in a plane: the area in them
        is not that on the Sun.

        Returns
        -------
        shapely.Geometry or None
            The polygon or line; `None` if it cannot be converted.

        Raises
        ------
        MissingDependencyError
            shapely is not installed.
        """
        return export.shapes(Shapes.of_one(self), self.system)[0]

    @taking("Polygon.rotated_to", time=INSTANT, observer=optional(OBSERVER))
    def rotated_to(self, time: Any, observer: Any = None) -> SkyCoord:
        """
        Return the polygon as seen at another time, rotated with the solar surface.

        Parameters
        ----------
        time : time-like
            The time of the observation.
        observer : astropy.coordinates.SkyCoord, optional
            The observer. Defaults to Earth.

        Returns
        -------
        astropy.coordinates.SkyCoord
            Helioprojective, shape (v,), including vertices on the far side; see `visible`.
        """
        frame = _frame(time, observer)
        view = View(frame)
        x, y, _ = view.turned(Shapes.of_one(self))
        return SkyCoord(x * u.arcsec, y * u.arcsec, frame=frame)

    @taking("Polygon.visible", observer=optional(OBSERVER), time=optional(INSTANT))
    def visible(self, observer: Any = None, time: Any = None) -> NDArray[np.bool_]:
        """
        Return which vertices an observer sees.

        Parameters
        ----------
        observer : astropy.coordinates.SkyCoord, optional
            The observer. Defaults to Earth.
        time : time-like, optional
            The time to which the polygon is rotated with the surface. Defaults to its own time.

        Returns
        -------
        numpy.ndarray of bool
            Shape (v,).
        """
        return View(_frame(self.time if time is None else time, observer)).turned(Shapes.of_one(self))[2]


def _pairs(vertices: Floats) -> str:
    return ",".join(f"{x:.12g} {y:.12g}" for x, y in vertices)


def _frame(time: Any, observer: Any) -> Any:
    from sunpy.coordinates import Helioprojective, get_earth
    from sunpy.time import parse_time

    when = parse_time(time)
    return Helioprojective(obstime=when, observer=get_earth(when) if observer is None else observer)
