"""A column of polygons: flat vertices, where each polygon begins, the system, and the instants to which they belong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from astropy.utils.data_info import ParentDtypeInfo
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her import frames
from sunpy_helio_plugins.her.origins import nothing
from sunpy_helio_plugins.her.polygon import Polygon

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord

__all__ = ["Polygons"]

Floats = NDArray[np.float64]


class PolygonsInfo(ParentDtypeInfo):
    """What a table needs to know of a column of polygons."""

    mask_val = None
    attrs_from_parent = frozenset({"dtype"})
    _represent_as_dict_attrs = ("vertices", "offsets", "system", "instants", "starts", "origins")

    @staticmethod
    def default_format(value: Any) -> str:
        """Return what a cell shows."""
        return "--" if value is None else f"{len(value)} vertices"

    def new_like(
        self, cols: Sequence[Polygons], length: int, metadata_conflicts: str = "warn", name: Any = None
    ) -> Any:
        """Return a column without polygons that takes those of others."""
        systems = {column.system for column in cols}
        if len(systems) > 1:
            raise ValueError(f"Polygons of the systems {', '.join(sorted(systems))} cannot stand in one column.")
        attrs = self.merge_cols_attributes(cols, metadata_conflicts, name, ("meta", "format", "description"))
        made = cols[0].empty(length)
        made.info.name, made.info.description, made.info.meta = name, attrs.get("description"), attrs.get("meta")
        return made

    def get_sortable_arrays(self) -> list[NDArray[np.int64]]:
        """Return what orders rows: the number of vertices."""
        return [self._parent.counts]


class Polygons:
    """
    Polygons of some events: one for each row, none where the registry has none that can be trusted.

    Parameters
    ----------
    vertices : numpy.ndarray
        Shape (v, 2): all vertices as the registry gives them; arcsec (``hpc``), degrees of longitude and latitude
        (``hgs``, ``hgc``), or solar radii and position angle in degrees (``hrc``).
    offsets : numpy.ndarray of int
        Shape (n + 1,): the vertices of row ``i`` are ``vertices[offsets[i]:offsets[i + 1]]``.
    system : str
        ``"hpc"``, ``"hgs"``, ``"hgc"`` or ``"hrc"``.
    instants, starts : numpy.ndarray
        Shape (n, 2): when the places hold, and when the events start, as parts of UTC Julian dates.
    origins : numpy.ndarray, optional
        Shape (n, 2): systems of submission and scales of radii, as `sunpy_helio_plugins.her.origins` makes them.
        Defaults to none that are known.

    Notes
    -----
    ``column[i]`` is a `Polygon` or `None`; slices, masks, sorting, stacking, joining, copies and pickles are columns.
    """

    info = PolygonsInfo()

    def __init__(
        self,
        vertices: Floats,
        offsets: NDArray[np.int64],
        system: str,
        instants: Floats,
        starts: Floats,
        origins: Floats | None = None,
    ) -> None:
        if system not in frames.SYSTEMS:
            raise QueryError(f"The registry has the systems {', '.join(frames.SYSTEMS)}, not {system!r}.")
        self.vertices, self.offsets, self.system = vertices, offsets, system
        self.instants, self.starts = instants, starts
        self.origins = nothing(len(instants)) if origins is None else origins

    @property
    def counts(self) -> NDArray[np.int64]:
        """The number of vertices of each row, the closing one counted; 0 where there is no polygon."""
        return np.diff(self.offsets)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Which rows have none."""
        return np.asarray(self.counts == 0)

    @property
    def shape(self) -> tuple[int]:
        """As of an array of objects."""
        return (len(self),)

    @property
    def dtype(self) -> np.dtype[Any]:
        """As of an array of objects."""
        return np.dtype(object)

    @property
    def wkt(self) -> list[str | None]:
        """The polygons as WKT, in the registry's numbers."""
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
            rows = slice(index, index + 1)
            return Polygon(self.vertices[start:end], self.system, *(part[rows] for part in self._events))
        return self.take(np.arange(len(self))[item])

    @property
    def _events(self) -> tuple[Floats, Floats, Floats]:
        """What is known of the event of each row."""
        return self.instants, self.starts, self.origins

    def take(self, indices: Any, axis: int = 0) -> Self:
        """Return the rows of some indices."""
        rows = np.asarray(indices, dtype=np.int64).reshape(-1)
        rows = np.where(rows < 0, rows + len(self), rows)
        counts = self.counts[rows]
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(counts, out=offsets[1:])
        # The position of each vertex: where its polygon began, plus how far it stands in it.
        source = np.repeat(self.offsets[:-1][rows] - offsets[:-1], counts) + np.arange(offsets[-1])
        return self._like(self.vertices[source], offsets, *(part[rows] for part in self._events))

    def _like(self, vertices: Floats, offsets: NDArray[np.int64], *events: Floats) -> Self:
        made = type(self)(vertices, offsets, self.system, *events)
        if "info" in self.__dict__:
            made.info = self.info
        return made

    def at(self, instants: Floats) -> Self:
        """
        Return the same polygons at other instants.

        Parameters
        ----------
        instants : numpy.ndarray
            Shape (n, 2): as the column's own.
        """
        return self._like(self.vertices, self.offsets, instants, self.starts, self.origins)

    def empty(self, length: int) -> Self:
        """Return a column of as many rows without polygons."""
        nothing = np.full((length, 2), np.nan)
        return type(self)(np.empty((0, 2)), np.zeros(length + 1, np.int64), self.system, nothing, nothing.copy())

    def __setitem__(self, item: Any, value: Any) -> None:
        """Replace rows by those of another column, by one polygon, or by none."""
        rows = np.atleast_1d(np.arange(len(self))[item])
        given = self._given(value, len(rows))
        # Row r of the new column is row order[r] of both columns one after the other.
        order = np.arange(len(self))
        order[rows] = len(self) + np.arange(len(rows))
        both = self._like(
            np.concatenate([self.vertices, given.vertices]),
            np.concatenate([self.offsets, given.offsets[1:] + self.offsets[-1]]),
            *(np.concatenate(pair) for pair in zip(self._events, given._events, strict=True)),
        ).take(order)
        self.vertices, self.offsets = both.vertices, both.offsets
        self.instants, self.starts, self.origins = both._events

    def insert(self, index: int, value: Any, axis: int = 0) -> Self:
        """Return a column with a polygon, or none, before a row."""
        at = range(len(self) + 1)[index]
        order = np.insert(np.arange(len(self)), at, len(self))
        whole = self._like(
            self.vertices,
            np.append(self.offsets, self.offsets[-1]),
            *(np.concatenate([part, np.full((1, 2), np.nan)]) for part in self._events),
        ).take(order)
        whole[at] = value
        return whole

    def argsort(self, *args: Any, **kwargs: Any) -> NDArray[np.int64]:
        """Return the order of the rows by the number of vertices; rows without any come first."""
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
                raise ValueError(f"Polygons in {value.system} cannot stand in a column in {self.system}.")
            return value if len(value) == length else value.take(np.zeros(length, np.int64))
        if value is None or value is np.ma.masked:
            return self.empty(length)
        if not isinstance(value, Polygon) or value.system != self.system:
            raise TypeError(f"A column of polygons in {self.system} takes such polygons, not {value!r}.")
        offsets = np.array([0, len(value)], np.int64)
        one = type(self)(value.vertices, offsets, self.system, value.instant, value.start, value.origin)
        return one.take(np.zeros(length, np.int64))

    def copy(self, order: str = "C") -> Self:
        """Return a copy that shares nothing."""
        return self._like(self.vertices.copy(), self.offsets.copy(), *(part.copy() for part in self._events))

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.vertices, self.offsets, self.system, *self._events)

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
        """All vertices as one coordinate, shape (v,), each with the instant and the observer of its row."""
        rows = self.owners
        instants, starts, origins = (part[rows] for part in self._events)
        return frames.to_sky(self.vertices, self.system, instants, starts, origins=origins)
