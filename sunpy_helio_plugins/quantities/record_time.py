"""Times as table columns, which keep rows and type when a table is converted, stacked, pickled or written."""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy.time import Time
from astropy.utils.masked import Masked

from sunpy_helio_plugins.quantities.datetimes import from_datetime64, to_datetime64
from sunpy_helio_plugins.quantities.days import WholeDays, split_time
from sunpy_helio_plugins.quantities.fills import about, keeping_mask
from sunpy_helio_plugins.quantities.leap import DAY

__all__ = ["RecordTime", "with_mask"]

_WITHOUT_LEAP_SECONDS = ("datetime", "datetime64")
"""Formats that cannot represent 23:59:60."""

_ATTRIBUTES = ("format", "precision", "out_subfmt")


def with_mask(time: Time) -> Time:
    """Return times with a mask, even if all are present, so that their type does not depend on the values."""
    if time.masked or not time.shape:
        return time
    made = time.copy()
    made[np.zeros(made.shape, dtype=bool)] = np.ma.masked
    return made


class _RecordTimeInfo(type(Time.__dict__["info"])):  # type: ignore[misc]
    def _represent_as_dict(self, attrs: Any = None) -> dict[str, Any]:
        """Return the serialized form: a time of astropy's class, with its mask even if no time is missing."""
        made: dict[str, Any] = super()._represent_as_dict(attrs)
        if self._parent.masked:
            parts = {name: made[name] for name in ("jd1", "jd2") if name in made}
            made |= {name: keeping_mask(part.unmasked, self._parent.mask) for name, part in parts.items()}
        return made | {"__class__": "astropy.time.core.Time"}

    def new_like(self, cols: Any, *args: Any, **kwargs: Any) -> Any:
        """Return an empty column for stacking, with a mask if one of the columns has a mask."""
        made = super().new_like(cols, *args, **kwargs)
        if any(column.masked for column in cols):
            made[np.zeros(made.shape, dtype=bool)] = np.ma.masked
        return made


class RecordTime(Time):
    """
    An `~astropy.time.Time` whose ``datetime64`` and ``datetime`` keep times within leap seconds.

    For 23:59:60, these raise an error in astropy, and therefore also in ``Table.to_pandas``. This class converts the
    time as `sunpy_helio_plugins.quantities.to_datetime64` does, and warns. A mask is kept when times are stacked,
    pickled and written. A single element is an `~astropy.time.Time`, as is ``Time(column)``, so that it can be combined
    with other times and written by code that knows this class only.
    """

    info = _RecordTimeInfo()

    def to_value(self, format: str, subfmt: Any = "*") -> Any:  # noqa: A002 - astropy's own name
        """Return the values in a format, as `astropy.time.Time.to_value` does."""
        source = self._outside_leap_seconds() if format in _WITHOUT_LEAP_SECONDS else self
        if format == "datetime64" and not self.size:
            return np.empty(self.shape, dtype="M8[ns]")  # astropy's has no unit, which pandas refuses
        values = super(RecordTime, source).to_value(format, subfmt)
        if self.masked and not np.any(self.mask):
            # An element of a masked array of text is not text; the column stays masked.
            return getattr(values, "unmasked", values)
        if format == "datetime64" and self.masked and self.shape:
            # Code that ignores masks, such as a pandas Series, then does not use the value as a time.
            getattr(values, "unmasked", np.ma.getdata(values))[self.mask] = np.datetime64("NaT", "ns")
        return values

    def to_datetime(self, timezone: Any = None, leap_second_strict: str = "raise") -> Any:
        """Return `datetime.datetime` objects, as `astropy.time.Time.to_datetime` does."""
        source = self._outside_leap_seconds() if leap_second_strict == "raise" else self
        return super(RecordTime, source).to_datetime(timezone, leap_second_strict)

    def _outside_leap_seconds(self) -> RecordTime:
        """Return these times, or a copy in which those within a leap second are moved, for ``datetime64``."""
        if self.scale != "utc" or not self.size:
            return self
        # Masked elements count as well: astropy converts the times under a mask.
        if not (split_time(self.unmasked if self.masked else self)[1] >= DAY).any():
            return self
        made = RecordTime(from_datetime64(to_datetime64(self), self.mask))
        return with_mask(made) if self.masked else made

    def __getitem__(self, item: Any) -> Any:
        """Return elements as a column; a single time as an `~astropy.time.Time`, masked only if it is missing."""
        found = super().__getitem__(item)
        if found.shape:
            return found
        return Time(found if not found.masked or found.mask else found.unmasked)

    def __reduce__(self) -> tuple[Any, ...]:
        # astropy 8.0 drops the mask of pickled times.
        parts = [np.array(getattr(part, "unmasked", part)) for part in (self.jd1, self.jd2)]
        told = {name: getattr(self, name) for name in _ATTRIBUTES}
        place = {"scale": self.scale, "location": self.location}
        return _rebuilt, (*parts, np.array(self.mask) if self.masked else None, place, told, about(self))


def _rebuilt(jd1: Any, jd2: Any, mask: Any, place: dict[str, Any], told: dict[str, Any], said: dict[str, Any]) -> Any:
    first = jd1 if mask is None else Masked(jd1, mask=mask)
    made = RecordTime(Time(first, jd2, format=WholeDays.name, **place))
    if mask is not None:
        made = with_mask(made)
    for name, value in told.items():
        setattr(made, name, value)
    for name, value in said.items():
        setattr(made.info, name, value)
    return made


def _represented(dumper: Any, time: RecordTime) -> Any:
    """Return times in YAML, such as in the metadata of a table, as those of astropy's class."""
    return dumper.represent_data(Time(time.unmasked if time.masked and not np.any(time.mask) else time))


def _teach_yaml() -> None:
    from astropy.io.misc.yaml import AstropyDumper

    AstropyDumper.add_representer(RecordTime, _represented)


_teach_yaml()
