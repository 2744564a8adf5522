"""Data sets of xarray, whose arrays are read at once, or when they are used if they are large."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from sunpy_helio_plugins.cdf.columns import as_column, as_time
from sunpy_helio_plugins.cdf.fills import fill_mask
from sunpy_helio_plugins.cdf.variables import Variable
from sunpy_helio_plugins.imap.dataset.timeline import Timeline, TimelineSegment
from sunpy_helio_plugins.imap.dataset.variables import ProductVariables, UnreadableError, keys_of
from sunpy_helio_plugins.quantities.datetimes import from_days
from sunpy_helio_plugins.quantities.days import known, split_tt2000, unix_of_tt2000
from sunpy_helio_plugins.quantities.leap import DAY
from sunpy_helio_plugins.quantities.silence import far_years
from sunpy_helio_plugins.series.columns import Losses, PlainColumn, datetimes, field_of
from sunpy_helio_plugins.series.dataset import dataset_of
from sunpy_helio_plugins.series.records import Records

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["dataset_of_product"]

_FUNCTION = "imap.open"

_WHOLE = 2**28
"""The largest number of bytes that are read at once."""

_INDEXED = 10_000_000
"""The largest number of records whose times are read for the index of a data set: 80 MB."""


def dataset_of_product(
    product: ProductVariables, timeline: Timeline, scale: str, finished: Callable[[QTable], QTable]
) -> xr.Dataset:
    """Return the records of a product as a data set; ``finished`` completes a table without records."""
    while True:
        losses = Losses(f"{_FUNCTION}: a Dataset of xarray")
        with far_years():
            template = product.table((), scale)
            template.meta["epochs"][product.first.epoch] = timeline.length
            records = Records.of(_FUNCTION, finished(template), losses)
            try:
                made = _filled(dataset_of(records, losses), records, _Reader(product, timeline, records), losses)
            except UnreadableError as error:
                product.leave_out(error)
                continue
        losses.warn()
        return made


def _filled(plain: xr.Dataset, records: Records, reader: _Reader, losses: Losses) -> xr.Dataset:
    """Return a data set without records with the arrays in their place."""
    import xarray

    time = next(str(name) for name, one in plain.coords.items() if one.attrs.get("standard_name") == "time")
    columns = {time: records.time} | {one.name: one for one in records.fields}
    length, made = reader.timeline.length, {}
    is_small = sum(length * one.values.dtype.itemsize * _elements(one) for one in columns.values()) <= _WHOLE
    # The times first, which were read last.
    for name in dict.fromkeys((time, *plain.variables)):
        one = plain.variables[name]
        values: Any = one.values
        if name in columns and time in one.dims:
            column = columns[str(name)]
            is_read = is_small or column.kind == "text" or (name == time and length <= _INDEXED)
            values = reader.read(column, 0, length, losses) if is_read else reader.lazily(column)
        made[name] = xarray.Variable(one.dims, values, one.attrs, one.encoding, fastpath=True)
    clock = made.pop(time)
    others = {name: one for name, one in made.items() if name in plain.coords}
    data = {name: one for name, one in made.items() if name not in plain.coords}
    if is_small or length <= _INDEXED:
        return xarray.Dataset(data, {**others, time: clock}, plain.attrs)
    return xarray.Dataset(data, others, plain.attrs).assign_coords(xarray.Coordinates({time: clock}, indexes={}))


def _elements(one: PlainColumn) -> int:
    return int(np.prod(one.values.shape[1:], dtype=int))


class _Reader:
    """Read records of columns as plain arrays."""

    def __init__(self, product: ProductVariables, timeline: Timeline, records: Records) -> None:
        self.product, self.timeline = product, timeline
        self._others: Mapping[str, Variable] = product.first.variables

    def read(self, one: PlainColumn, first: int, last: int, losses: Losses) -> NDArray[Any]:
        """Return the records ``first`` to ``last`` of a column."""
        with self.product.reading(one.name):
            return self._values(one, self.timeline.between(first, last), losses)

    def _values(self, one: PlainColumn, segments: Sequence[TimelineSegment], losses: Losses) -> NDArray[Any]:
        variable = self.product.variable(one.name, segments)
        if one.kind == "time":
            return _stamps(variable, losses)
        if one.kind == "number":
            return _numbers(one, variable, losses)
        found = field_of(_FUNCTION, one.name, as_column(variable, self._others), losses)
        return found.as_text(losses) if found.kind == "text" else found.values

    def lazily(self, one: PlainColumn) -> Any:
        """Return a column as an array that is read when it is used."""
        from xarray.backends import BackendArray
        from xarray.core import indexing

        reader, length = self, self.timeline.length

        class Column(BackendArray):
            shape = (length, *one.values.shape[1:])
            dtype = self._dtype(one)

            def __getitem__(self, key: Any) -> Any:
                return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._part)

            def _part(self, key: tuple[Any, ...]) -> Any:
                rows, *within = key
                if not isinstance(rows, slice):
                    return self._block(rows, rows + 1)[(0, *within)]
                first, last, step = rows.indices(length)  # xarray makes steps positive
                block = self._block(first, max(first, last))
                return block[(slice(None, None, step), *within)]

            def _block(self, first: int, last: int) -> NDArray[Any]:
                losses = Losses(f"{_FUNCTION}: a Dataset of xarray")
                values = reader.read(one, first, last, losses).astype(self.dtype, copy=False)
                losses.warn()
                return values

        lazy = indexing.LazilyIndexedArray(Column())
        return indexing.MemoryCachedArray(indexing.CopyOnWriteArray(lazy))

    def _dtype(self, one: PlainColumn) -> np.dtype[Any]:
        """Return the type of a column: integers are floats if any is missing, for which they are read file by file."""
        if one.kind != "number" or one.values.dtype.kind not in "biu":
            return one.values.dtype
        for segment in self.timeline.segments:
            variable = self.product.variable(one.name, [segment])
            if self._values(one, [segment], Losses("")).dtype.kind == "f" and variable.records:
                return np.dtype(float)
        return one.values.dtype


def _stamps(variable: Variable, losses: Losses) -> NDArray[Any]:
    """Return times as ``datetime64`` of UTC."""
    if variable.kind != "CDF_TIME_TT2000":
        return datetimes(as_time(variable, may_be_missing=True), losses)
    shape = variable.read().values.shape if variable.shape else (-1,)
    epochs, missing = known(*keys_of(variable))
    stamps = unix_of_tt2000(epochs)
    if stamps is not None:
        made = stamps.view("M8[ns]")
        if missing is not None:
            made[missing] = np.datetime64("NaT", "ns")
        return made.reshape(shape)
    days, nanos = split_tt2000(epochs)
    losses.leap_seconds += int(np.sum(nanos >= DAY)) if nanos.size and int(nanos.max()) >= DAY else 0
    made = from_days(days, nanos, missing)
    losses.truncated |= made.dtype == "M8[us]" and bool((nanos % 1000 != 0).any())
    return made.reshape(shape)


def _numbers(one: PlainColumn, variable: Variable, losses: Losses) -> NDArray[Any]:
    """Return numbers, NaN where they are missing."""
    found = variable.read()
    mask = fill_mask(found.values, variable.attributes)
    if found.missing is not None:
        unwritten = found.missing.reshape(-1, *[1] * (found.values.ndim - 1)) & np.ones(found.values.shape, bool)
        mask = unwritten if mask is None else unwritten | mask
    if mask is None or not mask.any():
        return found.values
    if found.values.dtype.kind in "fc":
        return np.where(mask, found.values.dtype.type(np.nan), found.values)
    return replace(one, values=found.values, mask=mask).as_float(losses)
