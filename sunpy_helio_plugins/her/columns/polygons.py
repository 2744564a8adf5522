"""Polygons on the Sun: one polygon, and a column of polygons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn
from astropy.utils.data_info import ParentDtypeInfo
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import FRAME, INSTANT, OBSERVER, PLACE, optional, taking
from sunpy_helio_plugins.errors import MissingDependencyError, QueryError
from sunpy_helio_plugins.her.columns import frames, outlines, sphere
from sunpy_helio_plugins.her.columns.origins import nothing, submitted
from sunpy_helio_plugins.her.columns.points import PROBES
from sunpy_helio_plugins.her.columns.sphere import seen
from sunpy_helio_plugins.quantities import silence

if TYPE_CHECKING:
    from astropy.time import Time

__all__ = ["Polygon", "Polygons"]

Floats = NDArray[np.float64]


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
        Shape (v, 2): the vertices in the system of submission, if the registry's conversion loses them; else NaN.

    Notes
    -----
    The numbers of vertices are those of the registry, which moves vertices beyond the limb to the limb in ``hgs`` and
    ``hgc`` (`clamped`), and shows those on the far side in ``hpc`` and ``hrc`` as if through the Sun.

    Edges are straight in the system of submission. `traced` is the outline as submitted with vertices along its edges,
    the same in all four systems, which `area`, `contains`, `to_region` and `~sunpy_helio_plugins.her.overlay` use.

    The coordinate is computed on first access.
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
        x, y = self.vertices[0] - self.vertices[-1]
        # A ring around the pole extends from longitude 0 to 360.
        return bool(y == 0 and (x == 0 or (self.system in ("hgs", "hgc") and x % 360 == 0)))

    @property
    def wkt(self) -> str:
        """The polygon or line as WKT, in the registry's numbers."""
        numbers = ",".join(f"{x:.12g} {y:.12g}" for x, y in self.vertices)
        return f"POLYGON(({numbers}))" if self.closed else f"LINESTRING({numbers})"

    @cached_property
    def skycoord(self) -> SkyCoord:
        """The vertices as a coordinate, shape (v,), in a frame with one time and one observer."""
        return frames.to_sky(self.vertices, self.system, self.instant, self.start, single=True, origins=self.origin)

    @property
    def _given(self) -> tuple[Floats, str]:
        """The vertices as submitted, if they are known and the conversion loses them, and their system."""
        known = bool(np.isfinite(self.as_submitted).all())
        return (self.as_submitted, submitted(self.origin[0])) if known else (self.vertices, self.system)

    @cached_property
    def _surface(self) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        return frames.on_surface(*self._given, self.instant, self.start, self.origin)

    @property
    def clamped(self) -> NDArray[np.bool_]:
        """
        Whether each vertex lies at or beyond the limb: its position on the surface is the nearest point of the limb.

        The registry clamps its heliographic numbers as well, without flagging them: all that may be clamped are
        flagged.
        """
        if self.system in ("hpc", "hrc"):
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
        vertices, system = outlines.outline(*self._given, self.instant, self.start, self.origin)
        return Polygon(vertices, system, self.instant, self.start, self.origin)

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

        Of an outline that extends beyond the limb, only the part on the disk is included.
        """
        return (sphere.area(self._corners) if self.closed else 0.0) * (frames.RSUN_KM / 1e3) ** 2 * u.Mm**2

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
            at the limb. By default the outline is not rotated; parts beyond the limb are then not usable in an image of
            another time.

        Returns
        -------
        regions.PolygonSkyRegion or None
            `None` if the polygon is completely on the far side.

        Raises
        ------
        MissingDependencyError
            regions is not installed.
        """
        try:
            from regions import PolygonSkyRegion
        except ImportError:
            raise MissingDependencyError("A polygon as a region", "polygons") from None
        if frame is None:
            return PolygonSkyRegion(vertices=self.on_the_sky)
        outline, visible = seen(self.traced.on_surface, frame, closed=True)
        return PolygonSkyRegion(vertices=outline) if visible.any() else None

    def to_shapely(self) -> Any:
        """
        Return the polygon or line for shapely, in the registry's numbers; made valid if its edges cross.

        The numbers are in a plane: the area of a ring around a pole, or across the wrap of longitudes, is not
        meaningful.

        Returns
        -------
        shapely.Geometry
            The polygon or line.

        Raises
        ------
        MissingDependencyError
            shapely is not installed.
        """
        try:
            import shapely
        except ImportError:
            raise MissingDependencyError("A polygon as a shape", "polygons") from None
        return shapely.make_valid(shapely.Polygon(self.vertices) if self.closed else shapely.LineString(self.vertices))

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
        return seen(self.on_surface, _frame(time, observer))[0]

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
        return seen(self.on_surface, _frame(self.time if time is None else time, observer))[1]


def _frame(time: Any, observer: Any) -> Any:
    from sunpy.coordinates import Helioprojective, get_earth
    from sunpy.time import parse_time

    when = parse_time(time)
    return Helioprojective(obstime=when, observer=get_earth(when) if observer is None else observer)


class PolygonsInfo(ParentDtypeInfo):
    """Info of a column of polygons."""

    mask_val = None
    attrs_from_parent = frozenset({"dtype"})
    _represent_as_dict_primary_data = "data"

    def _represent_as_dict(self, attrs: Any = None) -> dict[str, Any]:
        """Return what astropy writes: a column of WKT, which it can read without this package."""
        text = np.array([wkt or "" for wkt in self._parent.wkt], dtype=str)
        return {"data": text, "__class__": f"{MaskedColumn.__module__}.{MaskedColumn.__name__}"}

    @staticmethod
    def default_format(value: Any) -> str:
        """Return the text of a cell."""
        return "--" if value is None else f"{len(value)} vertices"

    def new_like(
        self, cols: Sequence[Polygons], length: int, metadata_conflicts: str = "warn", name: Any = None
    ) -> Any:
        """Return a column of missing polygons, to be filled with those of other columns."""
        systems = {column.system for column in cols}
        if len(systems) > 1:
            raise ValueError(f"Polygons of the systems {', '.join(sorted(systems))} cannot be combined in one column.")
        attrs = self.merge_cols_attributes(cols, metadata_conflicts, name, ("meta", "format", "description"))
        made = cols[0].empty(length)
        made.info.name, made.info.description, made.info.meta = name, attrs.get("description"), attrs.get("meta")
        return made

    def get_sortable_arrays(self) -> list[NDArray[np.int64]]:
        """Return the arrays to sort by: the number of vertices."""
        return [self._parent.counts]


class Polygons:
    """
    A column of polygons: one for each row, or `None` if the registry does not have a valid one.

    Parameters
    ----------
    vertices : numpy.ndarray
        Shape (v, 2): all vertices in the registry's numbers: arcsec (``hpc``), degrees of longitude and latitude
        (``hgs``, ``hgc``), or solar radii and position angle in degrees (``hrc``).
    offsets : numpy.ndarray of int
        Shape (n + 1,): the vertices of row ``i`` are ``vertices[offsets[i]:offsets[i + 1]]``.
    system : str
        ``"hpc"``, ``"hgs"``, ``"hgc"`` or ``"hrc"``.
    instants, starts : numpy.ndarray
        Shape (n, 2): the times of the polygons, and of the start of the events, as parts of UTC Julian dates.
    origins : numpy.ndarray, optional
        Shape (n, 2): systems of submission and scales of radii, as of `sunpy_helio_plugins.her.columns.origins`.
        Unknown by default.
    as_submitted : numpy.ndarray, optional
        Shape (v, 2): the vertices in the systems of submission, as of `Polygon`.

    Raises
    ------
    QueryError
        The system is not one of these.

    Notes
    -----
    ``column[i]`` is a `Polygon` or `None`; slicing, masking, sorting, stacking, joining, copying and pickling return
    columns.
    """

    info = PolygonsInfo()

    def __init__(
        self, vertices: Floats, offsets: NDArray[np.int64], system: str, instants: Floats, starts: Floats,
        origins: Floats | None = None, as_submitted: Floats | None = None,
    ) -> None:  # fmt: skip
        if system not in frames.SYSTEMS:
            raise QueryError(f"system must be one of {', '.join(frames.SYSTEMS)}, not {system!r}.")
        self.vertices, self.offsets, self.system = vertices, offsets, system
        self.instants, self.starts = instants, starts
        self.origins = nothing(len(instants)) if origins is None else origins
        self.as_submitted = nothing(len(vertices)) if as_submitted is None else as_submitted

    @property
    def counts(self) -> NDArray[np.int64]:
        """The number of vertices of each row, including the closing one; 0 if it is missing."""
        return np.diff(self.offsets)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Whether the polygon of each row is missing."""
        return np.asarray(self.counts == 0)

    @property
    def shape(self) -> tuple[int]:
        """The number of rows, as of an array of objects."""
        return (len(self),)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The data type of an array of objects."""
        return np.dtype(object)

    @property
    def wkt(self) -> list[str | None]:
        """The polygons as WKT, in the registry's numbers; `None` if missing."""
        return [None if polygon is None else polygon.wkt for polygon in self]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __iter__(self) -> Iterator[Polygon | None]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, int | np.integer):
            index = range(len(self))[int(item)]
            start, end = self.offsets[index : index + 2]
            if start == end:
                return None
            events = [part[index : index + 1] for part in self._events]
            given = self.as_submitted[start:end]
            return Polygon(self.vertices[start:end], self.system, events[0], events[1], events[2], given)
        return self.take(np.arange(len(self))[item])

    @property
    def _events(self) -> tuple[Floats, Floats, Floats]:
        """The times and origins of the event of each row."""
        return self.instants, self.starts, self.origins

    def take(self, indices: Any, axis: int = 0) -> Self:
        """Return the rows of the given indices."""
        rows = np.asarray(indices, dtype=np.int64).reshape(-1)
        rows = np.where(rows < 0, rows + len(self), rows)
        counts = self.counts[rows]
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(counts, out=offsets[1:])
        # The index of each vertex: the start of its polygon, plus its index within the polygon.
        source = np.repeat(self.offsets[:-1][rows] - offsets[:-1], counts) + np.arange(offsets[-1])
        events = (part[rows] for part in self._events)
        return self._like(self.vertices[source], offsets, *events, self.as_submitted[source])

    def _like(self, vertices: Floats, offsets: NDArray[np.int64], *parts: Floats) -> Self:
        made = type(self)(vertices, offsets, self.system, *parts)
        if "info" in self.__dict__:
            made.info = self.info
        return made

    def at(self, instants: Floats) -> Self:
        """
        Return the same polygons at other times.

        Parameters
        ----------
        instants : numpy.ndarray
            Shape (n, 2): parts of UTC Julian dates.

        Returns
        -------
        Polygons
            A column with these times.
        """
        return self._like(self.vertices, self.offsets, instants, self.starts, self.origins, self.as_submitted)

    def empty(self, length: int) -> Self:
        """Return a column of ``length`` missing polygons in the same system."""
        nothing = np.full((length, 2), np.nan)
        return type(self)(np.empty((0, 2)), np.zeros(length + 1, np.int64), self.system, nothing, nothing.copy())

    def __setitem__(self, item: Any, value: Any) -> None:
        """Replace rows by those of another column, by one polygon, or by `None`."""
        rows = np.atleast_1d(np.arange(len(self))[item])
        given = self._given(value, len(rows))
        # Row r of the new column is row order[r] of both columns one after the other.
        order = np.arange(len(self))
        order[rows] = len(self) + np.arange(len(rows))
        both = self._like(
            np.concatenate([self.vertices, given.vertices]),
            np.concatenate([self.offsets, given.offsets[1:] + self.offsets[-1]]),
            *(np.concatenate(pair) for pair in zip(self._events, given._events, strict=True)),
            np.concatenate([self.as_submitted, given.as_submitted]),
        ).take(order)
        self.vertices, self.offsets, self.as_submitted = both.vertices, both.offsets, both.as_submitted
        self.instants, self.starts, self.origins = both._events

    def insert(self, index: int, value: Any, axis: int = 0) -> Self:
        """Return a column with a polygon inserted before a row; `None` inserts a missing one."""
        at = range(len(self) + 1)[index]
        order = np.insert(np.arange(len(self)), at, len(self))
        offsets = np.append(self.offsets, self.offsets[-1])
        events = (np.concatenate([part, nothing(1)]) for part in self._events)
        whole = self._like(self.vertices, offsets, *events, self.as_submitted).take(order)
        whole[at] = value
        return whole

    def argsort(self, *args: Any, **kwargs: Any) -> NDArray[np.int64]:
        """Return the order of the rows by the number of vertices; missing polygons are first."""
        return np.argsort(self.counts, kind="stable")

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        # Tables broadcast columns of one row.
        if function is np.broadcast_to:
            return self.take(np.broadcast_to(np.arange(len(self)), args[1] if len(args) > 1 else kwargs["shape"]))
        if function is np.argsort:
            return self.argsort()
        return NotImplemented

    def _given(self, value: Any, length: int) -> Polygons:
        if isinstance(value, Polygons):
            if value.system != self.system:
                raise ValueError(f"A column of polygons in {self.system} does not accept polygons in {value.system}.")
            return value if len(value) == length else value.take(np.zeros(length, np.int64))
        if value is None or value is np.ma.masked:
            return self.empty(length)
        if not isinstance(value, Polygon) or value.system != self.system:
            raise TypeError(f"A column of polygons in {self.system} takes such polygons or None, not {value!r}.")
        offsets = np.array([0, len(value)], np.int64)
        events = value.instant, value.start, value.origin
        one = type(self)(value.vertices, offsets, self.system, *events, value.as_submitted)
        return one.take(np.zeros(length, np.int64))

    def copy(self, order: str = "C") -> Self:
        """Return an independent copy."""
        return self.take(np.arange(len(self)))

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.vertices, self.offsets, self.system, *self._events, self.as_submitted)

    def __eq__(self, other: object) -> Any:
        if not isinstance(other, Polygons) or len(other) != len(self):
            return NotImplemented
        same = [mine == yours for mine, yours in zip(self, other, strict=True)]
        return np.array(same, dtype=bool)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        drawn = int(np.count_nonzero(self.counts))
        return f"<Polygons of {len(self)} events in {self.system}: {drawn} with {len(self.vertices)} vertices>"

    @property
    def owners(self) -> NDArray[np.int64]:
        """The row of each vertex."""
        return np.repeat(np.arange(len(self)), self.counts)

    @property
    def skycoord(self) -> SkyCoord:
        """All vertices as one coordinate, shape (v,), each with the time and observer of its row."""
        rows = self.owners
        instants, starts, origins = (part[rows] for part in self._events)
        return frames.to_sky(self.vertices, self.system, instants, starts, origins=origins)
