"""VOTable files: times as ISO 8601, nulls for missing values, and the time system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from astropy.io.votable import from_table, parse
from astropy.io.votable.exceptions import VOWarning
from astropy.io.votable.tree import Info, TimeSys
from astropy.table import Column, MaskedColumn, QTable, Table
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.quantities import silence
from sunpy_helio_plugins.quantities.times import as_column, from_iso
from sunpy_helio_plugins.series.columns import Losses, PlainColumn, column_of_arrays, iso_texts
from sunpy_helio_plugins.series.records import KEY, Arrays, Records, restored, timed

__all__ = ["table_of_votable", "write_votable"]

_TIMES = "utc"
"""The ID of the time system."""

_STAMP = "timestamp"
"""The xtype of times in ISO 8601 (DALI 1.1)."""

_VERSION = {"version_1_4_or_later": True}

_WIDER = {"i1": "i2", "u2": "i4", "u4": "i8", "u8": "i8", "f2": "f4"}
"""Types that VOTable does not have, and those that contain their values."""


_NOT_A_TIME = np.iinfo(np.int64).min
"""The integer that numpy uses for ``NaT``."""


def write_votable(function: str, records: Records, losses: Losses, stream: IO[bytes]) -> None:
    """Write records to a stream."""
    made = Table([_column(function, one, losses) for one in (records.time, *records.fields)], copy=False)
    document = from_table(made)
    (resource,) = document.resources
    resource.time_systems.append(TimeSys(ID=_TIMES, timescale="UTC", refposition="UNKNOWN", config=_VERSION))
    resource.infos.append(Info(name=KEY, value=records.description))
    (table,) = resource.tables
    for one, written in zip((records.time, *records.fields), table.fields, strict=True):
        if one.kind == "time":
            written.xtype, written.ref = _STAMP, _TIMES
        elif one.values.ndim > 2:
            # The dimension that varies fastest is the first one; astropy reads it so, but writes it as the last one.
            written.arraysize = "x".join(map(str, reversed(one.values.shape[1:])))
    with silence.ignored(VOWarning):
        document.to_xml(stream, tabledata_format="binary2")


def _column(function: str, one: PlainColumn, losses: Losses) -> Any:
    if one.kind in ("time", "text") and one.values.ndim > 1:
        raise QueryError(
            f"{function} cannot convert the column {one.name!r}: VOTable has no arrays of texts or times; remove "
            "it, or write it as several columns."
        )
    data = iso_texts(one.column) if one.kind == "time" else one.values
    if one.kind == "duration":
        data = data.astype(np.int64)
    elif one.kind == "text":
        data = one.as_text(losses)
    elif one.kind == "number":
        data = _wider(function, one.name, data)
    mask = one.mask if one.kind != "duration" else np.isnat(one.values)
    made = Column(data, name=one.name) if mask is None else MaskedColumn(data, mask=mask, name=one.name)
    if one.kind == "duration":
        made.unit = "ns"
    elif one.unit is not None and silence.has_name(one.unit, "vounit"):
        made.unit = one.unit
    made.description = one.column.info.description
    return made


def _wider(function: str, name: str, data: NDArray[Any]) -> NDArray[Any]:
    kind = data.dtype.str[1:]
    if kind == "u8" and data.size and data.max() > np.iinfo(np.int64).max:
        raise QueryError(f"{function} cannot convert the column {name!r}: its integers exceed 2**63 - 1.")
    return data.astype(_WIDER.get(kind, data.dtype))


def table_of_votable(function: str, path: Path) -> QTable:
    """Return the table in a file, or raise a `FileError` or a `QueryError`."""
    document, table = _parsed(path)
    made = table.to_table(use_names_over_ids=True)
    times = {field.name for field in table.fields if field.xtype == _STAMP}
    used: set[str] = set()

    def find(spec: Mapping[str, Any]) -> Any:
        name = spec["name"]
        if name not in made.colnames:
            return None
        used.add(name)
        return spec, _of_kind(spec, *_arrays(made[name], is_time=name in times))

    def added() -> Iterator[tuple[str, Any]]:
        for name in made.colnames:
            if name not in used:
                data, mask = _arrays(made[name], is_time=name in times)
                is_time = name in times
                yield (
                    name,
                    as_column(from_iso(data, mask)) if is_time else column_of_arrays(name, data, mask, made[name].unit),
                )

    infos = [info.value for resource in document.resources for info in resource.infos if info.name == KEY]
    if infos:
        return restored(str(infos[0]), find, added())
    return timed(function, dict(added()), made)


def _of_kind(spec: Mapping[str, Any], data: NDArray[Any], mask: Any) -> Arrays:
    if spec["kind"] == "duration":
        return np.where(mask, _NOT_A_TIME, data).astype("m8[ns]"), mask
    return data, data == "" if spec["kind"] == "text" and spec["masked"] else mask


def _parsed(path: Path) -> tuple[Any, Any]:
    """Return a document and its only table."""
    try:
        with silence.ignored(VOWarning):
            document = parse(path)
            (table,) = document.iter_tables()
    except Exception as error:
        shown = str(error).strip().partition("\n")[0] or type(error).__name__
        raise FileError(f"{path} is not a VOTable with one table ({shown}).") from error
    return document, table


def _arrays(column: Any, *, is_time: bool) -> Arrays:
    mask = np.array(np.ma.getmaskarray(column)) if isinstance(column, MaskedColumn) else np.zeros(column.shape, bool)
    data = np.asarray(np.ma.getdata(column))
    if data.dtype.kind not in "SUO":
        return data, mask
    texts = np.where(mask, "", data).astype(str)
    if not is_time:
        return texts, mask
    return texts, mask | (texts == "")
