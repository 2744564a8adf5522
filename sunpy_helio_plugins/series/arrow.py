"""Tables of Arrow: timestamps in UTC, nulls for missing values, lists of fixed size for more dimensions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.series.columns import PlainColumn, column_of_arrays, with_unit
from sunpy_helio_plugins.series.records import KEY, Arrays, Records, restored, timed

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["arrow_of", "table_of_arrow"]


def arrow_of(function: str, records: Records) -> pa.Table:
    """Return records as a table of Arrow, whose fields state their units and descriptions."""
    import pyarrow as pa

    arrays, fields = [], []
    for one in (records.time, *records.fields):
        try:
            array = _array(one)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
            raise QueryError(
                f"{function} cannot convert the column {one.name!r} of {one.values.dtype}: {error}. Remove it, or "
                "convert it to numbers of 64 bits."
            ) from error
        said = {"units": None if one.unit is None else one.unit.to_string(), "unit_string": one.unit_string,
                "description": one.column.info.description}  # fmt: skip
        arrays.append(array)
        fields.append(pa.field(one.name, array.type, metadata={key: str(text) for key, text in said.items() if text}))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata={KEY: records.description}))


def _array(one: PlainColumn) -> Any:
    import pyarrow as pa

    data = one.values.ravel()
    mask = None if one.mask is None else one.mask.ravel()
    if one.kind == "text":
        made = pa.array(data.astype(object), type=pa.string(), mask=mask)
    elif one.kind == "time":
        unit = np.datetime_data(data.dtype)[0]
        made = pa.array(data).cast(pa.timestamp(unit, tz="UTC"))
    else:
        made = pa.array(data, mask=mask)
    for size in reversed(one.values.shape[1:]):
        made = pa.FixedSizeListArray.from_arrays(made, size)
    return made


def table_of_arrow(function: str, given: pa.Table) -> QTable:
    """Return the table of a table of Arrow, or raise a `QueryError` if it does not have times."""
    described = (given.schema.metadata or {}).get(KEY.encode())
    used: set[str] = set()

    def find(spec: Mapping[str, Any]) -> tuple[Mapping[str, Any], Arrays] | None:
        name = spec["name"]
        if name not in given.column_names:
            return None
        used.add(name)
        unit = _unit(given, name)
        spec = with_unit(spec, unit) if unit and unit != spec.get("unit") else spec
        return spec, _arrays(function, name, given.column(name))

    def added() -> Iterator[tuple[str, Any]]:
        for name in given.column_names:
            if name not in used:
                yield name, column_of_arrays(name, *_arrays(function, name, given.column(name)), _unit(given, name))

    if described is not None:
        return restored(described.decode("utf-8", "replace"), find, added())
    return timed(function, dict(added()), given)


def _unit(given: pa.Table, name: str) -> str | None:
    """Return the unit in the metadata of a field."""
    metadata = given.schema.field(name).metadata or {}
    return metadata.get(b"units", b"").decode("utf-8", "replace") or None


def _arrays(function: str, name: str, column: pa.ChunkedArray) -> Arrays:
    import pyarrow as pa

    array = column.combine_chunks()
    shape: tuple[int, ...] = (len(array),)
    while pa.types.is_fixed_size_list(array.type):
        if array.null_count:
            raise QueryError(f"{function} cannot convert the column {name!r}, in which complete lists are missing.")
        shape = (*shape, array.type.list_size)
        array = array.flatten()
    mask = _numpy(array.is_null()).astype(bool).reshape(shape)
    kind = array.type
    if pa.types.is_dictionary(kind):
        array, kind = array.dictionary_decode(), kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return np.array(array.fill_null("").to_pylist(), dtype=str).reshape(shape), mask
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind) or pa.types.is_date(kind):
        return np.array(_numpy(array)).reshape(shape), mask
    if not pa.types.is_primitive(kind) and not pa.types.is_boolean(kind):
        raise QueryError(
            f"{function} cannot convert the column {name!r} of the type {kind}: use numbers, text, times or lists of a "
            "fixed size of these."
        )
    return np.array(_numpy(array.fill_null(False if pa.types.is_boolean(kind) else 0))).reshape(shape), mask


def _numpy(array: Any) -> NDArray[Any]:
    return np.asarray(array.to_numpy(zero_copy_only=False))
