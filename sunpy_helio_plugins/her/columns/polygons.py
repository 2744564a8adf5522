"""A column of polygons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn
from astropy.utils.data_info import ParentDtypeInfo
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import FRAME, taking
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her.columns import frames
from sunpy_helio_plugins.her.columns.origins import CODES, chosen, nothing, unknown
from sunpy_helio_plugins.her.columns.polygon import Polygon
from sunpy_helio_plugins.her.outlines import export, sphere
from sunpy_helio_plugins.her.outlines.trace import Shapes, SubmittedVertices, trace
from sunpy_helio_plugins.her.outlines.transform import Vertices
from sunpy_helio_plugins.her.records.column import ObjectColumn

__all__ = ["Polygons"]

Floats = NDArray[np.float64]


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


class Polygons(ObjectColumn):
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

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> import sunpy_helio_plugins
    >>> day = a.Time("2026-01-10", "2026-01-10 23:59")
    >>> holes = Fido.search(day, a.her.CH)["her"]
    >>> column = holes["hpc_boundcc"]
    >>> len(column), len(column.skycoord)
    (18, 150)
    """

    info = PolygonsInfo()

    def __init__(
        self, vertices: Floats, offsets: NDArray[np.int64], system: str, instants: Floats, starts: Floats,
        origins: Floats | None = None, as_submitted: Floats | SubmittedVertices | None = None,
    ) -> None:  # fmt: skip
        if system not in frames.SYSTEMS:
            raise QueryError(f"system must be one of {', '.join(frames.SYSTEMS)}, not {system!r}.")
        self.vertices, self.offsets, self.system = vertices, offsets, system
        self.instants, self.starts = instants, starts
        self.origins = nothing(len(instants)) if origins is None else origins
        self._submitted: Floats | SubmittedVertices = unknown(len(vertices)) if as_submitted is None else as_submitted

    @property
    def as_submitted(self) -> Floats:
        """The vertices in the systems of submission, shape (v, 2), as of `Polygon`."""
        return _array(self._submitted, self.offsets)

    @property
    def counts(self) -> NDArray[np.int64]:
        """The number of vertices of each row, including the closing one; 0 if it is missing."""
        return np.diff(self.offsets)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Whether the polygon of each row is missing."""
        return np.asarray(self.counts == 0)

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
            given = _array(self._part(index, index + 1), self.offsets[index : index + 2])
            return Polygon(self.vertices[start:end], self.system, events[0], events[1], events[2], given)
        if isinstance(item, slice) and item.step in (None, 1):
            return self._between(*item.indices(len(self))[:2])
        return self.take(np.arange(len(self))[item])

    def _between(self, first: int, last: int) -> Self:
        """Return consecutive rows, which share the memory of this column; assignments replace arrays."""
        last = max(first, last)
        offsets = self.offsets[first : last + 1]
        start, end = offsets[[0, -1]]
        events = (part[first:last] for part in self._events)
        return self._like(self.vertices[start:end], offsets - start, *events, self._part(first, last))

    def _part(self, first: int, last: int) -> Floats | SubmittedVertices:
        """Return the vertices of consecutive rows in the systems of submission."""
        if isinstance(self._submitted, SubmittedVertices):
            return self._submitted.rows(first, last)
        start, end = self.offsets[[first, last]]
        return self._submitted[start:end]

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
        return self._like(self.vertices[source], offsets, *events, chosen(self.as_submitted, source))

    def _like(self, vertices: Floats, offsets: NDArray[np.int64], *parts: Any) -> Self:
        made = type(self)(vertices, offsets, self.system, *parts)
        if "info" in self.__dict__:
            made.info = self.info
        return made

    def at(self, instants: Any) -> Self:
        """
        Return the same polygons at other times.

        Parameters
        ----------
        instants : astropy.time.Time or numpy.ndarray
            One time, or one for each row; or the two parts of their UTC Julian dates, of shape (n, 2).

        Returns
        -------
        Polygons
            A column with these times.

        Raises
        ------
        QueryError
            The times are not those of the column's rows.
        """
        instants = frames.parts_for("Polygons.at", instants, self.instants.shape)
        return self._like(self.vertices, self.offsets, instants, self.starts, self.origins, self._submitted)

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
        self.vertices, self.offsets, self._submitted = both.vertices, both.offsets, both._submitted
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
        """
        All vertices as one coordinate, shape (v,), each with the time and observer of its row.

        ``transform_to`` of it has the same results as for any coordinate, but computes the Sun's motion once for each
        time.
        """
        shapes, rows = Shapes.of(self), self.owners
        made = shapes.converted(np.full(len(self), CODES.index(self.system)))
        instants, starts, origins = (part[rows] for part in self._events)
        plain = frames.to_sky(made.vertices, self.system, instants, starts, origins=origins)
        return Vertices(plain._sky_coord_frame, shapes)

    @property
    def area(self) -> u.Quantity:
        """The areas of the polygons, shape (n,), as of `Polygon`; NaN if missing."""
        traced = trace(Shapes.of(self))
        longitude, latitude, _ = traced.on_surface()
        places = sphere.directions(np.radians(longitude), np.radians(latitude))
        angles = np.where(self.mask, np.nan, np.where(traced.closed(), sphere.areas(places, traced.offsets), 0))
        return angles * (frames.RSUN_KM / 1e3) ** 2 * u.Mm**2

    @property
    def deviation(self) -> u.Quantity:
        """
        The largest distance between the registry's vertices of each polygon and those computed from the submitted ones.

        Shape (n,), in megameters: in ``hpc`` and ``hrc`` perpendicular to the direction of Earth, in ``hgs`` and
        ``hgc`` along the surface; NaN if the vertices were submitted in the column's own system, or are not known.
        """
        given = Shapes.of(self)
        own = given._replace(vertices=self.vertices, systems=np.full(len(self), CODES.index(self.system)))
        apart = given.converted(own.systems).separation(own)
        filled = np.flatnonzero((self.counts > 0) & (given.systems != own.systems))
        made = np.full(len(self), np.nan)
        if len(filled):
            bounds = np.stack([self.offsets[filled], self.offsets[filled + 1]], axis=1).reshape(-1)
            made[filled] = np.maximum.reduceat(np.append(apart, 0.0), bounds)[::2]
        return made * u.Mm

    @taking("Polygons.to_regions", frame=FRAME)
    def to_regions(self, frame: Any) -> list[Any]:
        """
        Return the outlines in the frame of an image as `regions.PolygonSkyRegion`, as of `Polygon.to_region`.

        Parameters
        ----------
        frame : sunpy.coordinates.Helioprojective
            The frame of an image, ``map.coordinate_frame``.

        Returns
        -------
        list of regions.PolygonSkyRegion or None
            One for each row; `None` if it is missing, a line, or completely on the far side.

        Raises
        ------
        MissingDependencyError
            regions is not installed.
        """
        return export.regions(Shapes.of(self), frame)

    def to_shapely(self) -> NDArray[Any]:
        """
        Return the outlines for shapely, in the numbers of the column's system, as of `Polygon.to_shapely`.

        Returns
        -------
        numpy.ndarray of shapely.Geometry or None
            Shape (n,); `None` if a polygon is missing.

        Raises
        ------
        MissingDependencyError
            shapely is not installed.
        """
        return export.shapes(Shapes.of(self), self.system)

    def to_geodataframe(self) -> Any:
        """
        Return the outlines with their times for GeoPandas, in the numbers of the column's system.

        The kind of edges is stated in ``frame.attrs["geometry"]``, in the words of GeoParquet: they are planar, since
        the outlines have vertices along curved edges. There is no reference system, since those are of Earth.

        Returns
        -------
        geopandas.GeoDataFrame
            One row for each row of the column, with ``time`` and ``geometry``.

        Raises
        ------
        MissingDependencyError
            geopandas is not installed.
        """
        return export.geodataframe(Shapes.of(self), self.system)


def _array(submitted: Floats | SubmittedVertices, offsets: NDArray[np.int64]) -> Floats:
    return submitted.vertices(offsets) if isinstance(submitted, SubmittedVertices) else submitted
