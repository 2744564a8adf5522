"""A column of points: a coordinate for each row, made when it is first looked at."""

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
"""What tables look for in a column; asking is no reason to compute it."""


NUMBERS = ("values", "instants", "starts", "origins")
"""What a place is made of, two numbers each."""


class PointsInfo(SkyCoordInfo):
    """What a table needs to know: places of different instants stack, which plain coordinates do not."""

    mask_val = None
    attrs_from_parent = frozenset({"unit"})
    _represent_as_dict_attrs = ("values", "system", "instants", "starts", "origins")

    @property
    def unit(self) -> None:
        """No unit: the column's numbers differ in theirs."""
        return

    def _represent_as_dict(self, attrs: Any = None) -> dict[str, Any]:
        return {}

    @staticmethod
    def default_format(value: Any) -> str:
        """Return what a cell shows."""
        x, y = np.asarray(value.values).reshape(-1, 2)[0]
        return "--" if np.isnan(x) else f"{x:.6g},{y:.6g}"

    def new_like(self, cols: Sequence[Points], length: int, metadata_conflicts: str = "warn", name: Any = None) -> Any:
        """Return a column without places that takes those of others."""
        systems = {column.system for column in cols}
        if len(systems) > 1:
            raise ValueError(f"Places of the systems {', '.join(sorted(systems))} cannot stand in one column.")
        attrs = self.merge_cols_attributes(cols, metadata_conflicts, name, ("meta", "description"))
        nothing = np.full((length, 2), np.nan)
        made = Points(nothing, cols[0].system, nothing.copy(), nothing.copy())
        made.info.name, made.info.description, made.info.meta = name, attrs.get("description"), attrs.get("meta")
        return made

    def get_sortable_arrays(self) -> list[Floats]:
        """Return what orders rows: the two numbers."""
        return [self._parent.values[:, 0], self._parent.values[:, 1]]


class Points(SkyCoord):
    """
    The places of some events, as one coordinate that is computed when it is first asked for.

    Parameters
    ----------
    values : numpy.ndarray
        Shape (n, 2) or (2,): the registry's numbers; NaN where an event has no place.
    system : str
        ``"hpc"``, ``"hgs"``, ``"hgc"`` or ``"hrc"``.
    instants, starts : numpy.ndarray
        Shape (n, 2) or (2,): when the places hold, and when the events start, as parts of UTC Julian dates.
    origins : numpy.ndarray, optional
        Shape (n, 2) or (2,): systems of submission and scales of radii, as `sunpy_helio_plugins.her.columns.origins`
        makes them. Defaults to none that are known.

    Notes
    -----
    It is a `~astropy.coordinates.SkyCoord` of shape (n,): `mask` says where there is no place, whose numbers are NaN.
    """

    info = PointsInfo()

    def __init__(
        self, values: Floats, system: str, instants: Floats, starts: Floats, origins: Floats | None = None
    ) -> None:  # fmt: skip
        # SkyCoord's own initialisation would compute everything at once.
        known = np.full(np.shape(instants), np.nan) if origins is None else origins
        self.__dict__.update(values=values, system=system, instants=instants, starts=starts, origins=known)

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
        """A plain coordinate, for those who want one."""
        return SkyCoord(self._sky_coord_frame)

    def transform_to(self, frame: Any, merge_attributes: bool = True) -> SkyCoord:
        """Return the places in another frame, as a plain coordinate."""
        return self.coordinate.transform_to(frame, merge_attributes)

    def directional_offset_by(self, position_angle: Any, separation: Any) -> SkyCoord:
        """Return places beside these, as a plain coordinate."""
        return self.coordinate.directional_offset_by(position_angle, separation)

    def spherical_offsets_by(self, d_lon: Any, d_lat: Any) -> SkyCoord:
        """Return places beside these, as a plain coordinate."""
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
        """Where there is no place."""
        return np.isnan(self.__dict__["values"]).any(axis=-1)

    @property
    def masked(self) -> bool:
        """Whether any place is missing."""
        return bool(np.any(self.mask))

    def _cut(self, change: Any) -> Self:
        values, *parts = (change(self.__dict__[name]) for name in NUMBERS)
        made = type(self)(values, self.system, *parts)
        if "info" in self.__dict__:
            made.info = self.info
        return made

    def at(self, instants: Floats) -> Self:
        """
        Return the same places at other instants.

        Parameters
        ----------
        instants : numpy.ndarray
            Of the shape of the column's own.
        """
        made = self.copy()
        made.__dict__["instants"] = instants
        return made

    def __getitem__(self, item: Any) -> Self:
        if self.isscalar:
            raise TypeError("A single place has no parts.")
        return self._cut(lambda part: part[item])

    def take(self, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Self:
        """Return the places of some indices."""
        return self._cut(lambda part: part[np.asarray(indices)])

    def insert(self, obj: int, values: Any, axis: int = 0) -> Self:
        """Return a column with a place, or none, before a row."""
        at = range(len(self) + 1)[obj]
        made = self._cut(lambda part: np.insert(part, at, np.nan, axis=0))
        made[at] = values
        return made

    def argsort(self, *args: Any, **kwargs: Any) -> NDArray[np.int64]:
        """Return the order of the rows by their first number, then by the second; rows without any come last."""
        return np.lexsort((self.values[:, 1], self.values[:, 0]))

    def copy(self, *args: Any, **kwargs: Any) -> Self:
        """Return a copy that shares nothing."""
        return self._cut(np.copy)

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.values, self.system, self.instants, self.starts, self.origins)

    def __setitem__(self, item: Any, value: Any) -> None:
        """Replace places by those of another column."""
        nothing = value is None or value is np.ma.masked
        if not nothing and getattr(value, "system", None) != self.system:
            raise TypeError(f"A column of places in {self.system} takes such places, not {value!r}.")
        for name in NUMBERS:
            self.__dict__[name][item] = np.nan if nothing else getattr(value, name)
        self.__dict__.pop("_sky_coord_frame", None)

    def __repr__(self) -> str:
        if self.isscalar:
            return repr(self.coordinate)
        return f"<Points of {len(self)} events in {self.system}: {int(np.sum(~self.mask))} known>"

    __str__ = __repr__
