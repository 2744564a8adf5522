"""A column of points: a coordinate for each row, which is computed on first access."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.coordinates.sky_coordinate import SkyCoordInfo
from numpy.typing import NDArray

from sunpy_helio_plugins.her.columns import frames

__all__ = ["Points"]

Floats = NDArray[np.float64]


PROBES = frozenset({"dtype", "_mask", "fill_value", "serialize_method", "_time", "_masked", "_parent_table", "fields"})
"""Attributes that tables look up in a column, for which the coordinate is not computed."""


NUMBERS = ("values", "instants", "starts", "origins")
"""The arrays of a column, two numbers for each row. The columns of a table share arrays that cannot be changed."""


class PointsInfo(SkyCoordInfo):
    """Info of a column of points: unlike plain coordinates, points at different times can be stacked."""

    mask_val = None
    attrs_from_parent = frozenset({"unit"})
    _represent_as_dict_attrs = ("values", "system", "instants", "starts", "origins")

    @property
    def unit(self) -> None:
        """No unit, since those of the two numbers differ."""
        return

    def _represent_as_dict(self, attrs: Any = None) -> dict[str, Any]:
        """Return what astropy writes: a plain coordinate, which it can read without this package."""
        plain = self._parent.coordinate
        return {**plain.info._represent_as_dict(), "__class__": f"{SkyCoord.__module__}.{SkyCoord.__name__}"}

    @staticmethod
    def default_format(value: Any) -> str:
        """Return the text of a cell."""
        x, y = np.asarray(value.values).reshape(-1, 2)[0]
        return "--" if np.isnan(x) else f"{x:.6g},{y:.6g}"

    def new_like(self, cols: Sequence[Points], length: int, metadata_conflicts: str = "warn", name: Any = None) -> Any:
        """Return a column of missing points, to be filled with those of other columns."""
        systems = {column.system for column in cols}
        if len(systems) > 1:
            raise ValueError(f"Points of the systems {', '.join(sorted(systems))} cannot be combined in one column.")
        attrs = self.merge_cols_attributes(cols, metadata_conflicts, name, ("meta", "description"))
        nothing = np.full((length, 2), np.nan)
        made = Points(nothing, cols[0].system, nothing.copy(), nothing.copy())
        made.info.name, made.info.description, made.info.meta = name, attrs.get("description"), attrs.get("meta")
        return made

    def get_sortable_arrays(self) -> list[Floats]:
        """Return the arrays to sort by: the two numbers."""
        return [self._parent.values[:, 0], self._parent.values[:, 1]]


class Points(SkyCoord):
    """
    The positions of events, as one coordinate that is computed on first access.

    Parameters
    ----------
    values : numpy.ndarray
        Shape (n, 2) or (2,): the registry's numbers; NaN for an event without a position.
    system : str
        ``"hpc"``, ``"hgs"``, ``"hgc"`` or ``"hrc"``.
    instants, starts : numpy.ndarray
        Shape (n, 2) or (2,): the times of the positions, and of the start of the events, as parts of UTC Julian dates.
    origins : numpy.ndarray, optional
        Shape (n, 2) or (2,): systems of submission and scales of radii, as of
        `sunpy_helio_plugins.her.columns.origins`. Unknown by default.

    Notes
    -----
    It is a `~astropy.coordinates.SkyCoord` of shape (n,): `mask` flags missing positions, whose numbers are NaN.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> import sunpy_helio_plugins
    >>> day = a.Time("2026-01-10", "2026-01-10 23:59")
    >>> holes = Fido.search(day, a.her.CH)["her"]
    >>> holes["hpc_coord"][:2]
    <Points of 2 events in hpc: 2 known>
    """

    info = PointsInfo()

    def __init__(
        self, values: Floats, system: str, instants: Floats, starts: Floats, origins: Floats | None = None
    ) -> None:  # fmt: skip
        # SkyCoord's own initialisation would compute everything at once.
        known = np.full(np.shape(instants), np.nan) if origins is None else origins
        events = map(_private, (instants, starts, known))
        self.__dict__.update(zip(NUMBERS, (np.array(values), *events), strict=True), system=system)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in PROBES:
            raise AttributeError(name)
        if "_sky_coord_frame" not in self.__dict__:
            self.__dict__.update(_sky_coord_frame=self._computed()._sky_coord_frame, _extra_frameattr_names=set())
        return self.__dict__[name] if name in self.__dict__ else super().__getattr__(name)

    def _computed(self) -> SkyCoord:
        values, instants, starts, origins = (self.__dict__[name].reshape(-1, 2) for name in NUMBERS)
        single = self.values.ndim == 1
        made = frames.to_sky(values, self.system, instants, starts, single, origins)
        return made[0] if single else made

    @property
    def coordinate(self) -> SkyCoord:
        """The points as a plain `~astropy.coordinates.SkyCoord`."""
        return SkyCoord(self._sky_coord_frame)

    def transform_to(self, frame: Any, merge_attributes: bool = True) -> SkyCoord:
        """Return the points in another frame as a plain `~astropy.coordinates.SkyCoord`."""
        return self.coordinate.transform_to(frame, merge_attributes)

    def directional_offset_by(self, position_angle: Any, separation: Any) -> SkyCoord:
        """Return positions at an offset from the points as a plain `~astropy.coordinates.SkyCoord`."""
        return self.coordinate.directional_offset_by(position_angle, separation)

    def spherical_offsets_by(self, d_lon: Any, d_lat: Any) -> SkyCoord:
        """Return positions at an offset from the points as a plain `~astropy.coordinates.SkyCoord`."""
        return self.coordinate.spherical_offsets_by(d_lon, d_lat)

    def _apply(self, method: Any, *args: Any, **kwargs: Any) -> SkyCoord:
        if method is np.broadcast_to:
            # Tables broadcast columns of one row.
            shape = args[0] if args else kwargs["shape"]
            return self._cut(lambda part: np.broadcast_to(part, (*shape, 2)))
        return self.coordinate._apply(method, *args, **kwargs)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the coordinate."""
        return tuple(self.__dict__["values"].shape[:-1])

    @property
    def mask(self) -> Any:
        """Whether each position is missing."""
        return np.isnan(self.__dict__["values"]).any(axis=-1)

    @property
    def masked(self) -> bool:
        """Whether any position is missing."""
        return bool(np.any(self.mask))

    def _cut(self, change: Any) -> Self:
        made = type(self).__new__(type(self))  # a slice is a view
        made.__dict__.update({name: change(self.__dict__[name]) for name in NUMBERS}, system=self.system)
        if "info" in self.__dict__:
            made.info = self.info
        return made

    def at(self, instants: Any) -> Self:
        """
        Return the same positions at other times.

        Parameters
        ----------
        instants : astropy.time.Time or numpy.ndarray
            One time, or one for each row; or the two parts of their UTC Julian dates, of shape (n, 2).

        Returns
        -------
        Points
            A copy with these times.

        Raises
        ------
        QueryError
            The times are not those of the column's rows.
        """
        instants = frames.parts_for("Points.at", instants, self.instants.shape)
        made = self.copy()
        made.__dict__["instants"] = instants
        return made

    def __getitem__(self, item: Any) -> Self:
        if self.isscalar:
            raise TypeError("A single point cannot be indexed.")
        return self._cut(lambda part: part[item])

    def take(self, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Self:
        """Return the points of the given indices."""
        return self._cut(lambda part: part[np.asarray(indices)])

    def insert(self, obj: int, values: Any, axis: int = 0) -> Self:
        """Return a column with points inserted before a row; `None` inserts a missing one."""
        at = range(len(self) + 1)[obj]
        made = self._cut(lambda part: np.insert(part, at, np.nan, axis=0))
        made[at] = values
        return made

    def argsort(self, *args: Any, **kwargs: Any) -> NDArray[np.int64]:
        """Return the order of the rows by their first number, then by the second; missing points are last."""
        return np.lexsort((self.values[:, 1], self.values[:, 0]))

    def copy(self, *args: Any, **kwargs: Any) -> Self:
        """Return an independent copy."""
        made = self._cut(_private)
        made.__dict__["values"] = self.values.copy()
        return made

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.values, self.system, self.instants, self.starts, self.origins)

    def __setitem__(self, item: Any, value: Any) -> None:
        """Replace points by those of another column, or by `None`."""
        nothing = value is None or value is np.ma.masked
        if not nothing and getattr(value, "system", None) != self.system:
            raise TypeError(f"A column of points in {self.system} takes such points or None, not {value!r}.")
        if nothing:
            self.values[item] = np.nan
        else:
            self._replace(item, value)
        self.__dict__.pop("_sky_coord_frame", None)

    def _replace(self, item: Any, value: Points) -> None:
        """Replace points by others; those at other times change arrays that only this column has."""
        events = NUMBERS[1:]
        if not all(_are_equal(self.__dict__[name][item], getattr(value, name)) for name in events):
            if not all(self.__dict__[name].flags.writeable for name in events):
                self.__dict__.update({name: np.array(self.__dict__[name]) for name in NUMBERS})
            for name in events:
                self.__dict__[name][item] = getattr(value, name)
        self.values[item] = value.values

    def __repr__(self) -> str:
        if self.isscalar:
            return repr(self.coordinate)
        return f"<Points of {len(self)} events in {self.system}: {int(np.sum(~self.mask))} known>"

    __str__ = __repr__


def _private(numbers: Floats) -> Floats:
    """Return a copy of an array that can be changed."""
    is_fixed = not (numbers.flags.writeable or (isinstance(numbers.base, np.ndarray) and numbers.base.flags.writeable))
    return numbers if is_fixed else np.array(numbers)


def _are_equal(mine: Floats, others: Floats) -> bool:
    return bool(((mine == others) | (np.isnan(mine) & np.isnan(others))).all())
