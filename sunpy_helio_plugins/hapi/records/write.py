"""Write tables of records as HAPI files: CSV with a header that describes it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import FLAG, one_path, taking
from sunpy_helio_plugins.errors import InexactValueWarning, QueryError, warn
from sunpy_helio_plugins.hapi.model import Info, Parameter
from sunpy_helio_plugins.hapi.records.table import X_META
from sunpy_helio_plugins.hapi.status import OK
from sunpy_helio_plugins.io import values
from sunpy_helio_plugins.quantities import units
from sunpy_helio_plugins.quantities.fills import is_fill
from sunpy_helio_plugins.quantities.silence import far_years
from sunpy_helio_plugins.series.axes import Axis, axes_of, axis_labels, header_context
from sunpy_helio_plugins.series.columns import Losses, PlainColumn, iso_texts
from sunpy_helio_plugins.series.records import Records
from sunpy_helio_plugins.series.sources import table_of
from sunpy_helio_plugins.store.publish import whole_file

if TYPE_CHECKING:
    import pyarrow as pa
    from astropy.time import Time

__all__ = ["write"]

VERSION = "3.1"
"""The version of HAPI whose header is written."""

_KEPT = (
    "label", "stringType", "coordinateSystemName", "vectorComponents", "bins", "fill", "units",
)  # fmt: skip
"""Members of a parameter that are written as in the metadata of the column, if they still describe its values."""

_NOT_HEADER = ("HAPI", "status", "format", "parameters", "startDate", "stopDate", "x_complete_until", X_META)

_INTEGERS = 2**31
"""HAPI's integers have 32 bits."""

_FILLS = ("", "fill", "-", "missing", "no value")
"""Texts for missing values; the first one that the column does not contain is used."""

_STAMP_LENGTH = 30

_ROWS = 65_536
"""Records that are formatted at once."""


@taking("hapi.write", overwrite=FLAG)
def write(table: Any, path: str | Path, *, overwrite: bool = False) -> None:
    r"""
    Write records as a HAPI file: CSV with a header.

    `sunpy_helio_plugins.hapi.read`, ``Table.read`` and other clients of HAPI read the file. ``table.write("x.hapi",
    format="hapi")`` does the same.

    Parameters
    ----------
    table : table, TimeSeries, pandas.DataFrame, xarray.Dataset or other
        Records of any archive that `sunpy_helio_plugins.series.to_table` takes; the times of all records are known.
    path : str or pathlib.Path
        The file.
    overwrite : bool, optional
        Whether to replace an existing file.

    Raises
    ------
    QueryError
        If the object is of another type or has no times, if a time of a record is missing, or if a column has no type
        in HAPI.
    DiskError
        If the file exists or cannot be written; no part of it is left.

    Warns
    -----
    InexactValueWarning
        Integers exceed 32 bits: `sunpy_helio_plugins.hapi.read` reads them exactly, other clients may not.

    Notes
    -----
    Times are written in UTC with nine digits, so that leap seconds are kept. Booleans are written as 0 and 1, durations
    in seconds. Metadata that HAPI does not define are in the members ``x_meta``.

    Examples
    --------
    >>> from astropy.table import QTable
    >>> from astropy.time import Time
    >>> from sunpy_helio_plugins import hapi
    >>> table = QTable({"Time": Time(["2026-01-10", "2026-01-11"]), "speed": [400.0, 410.0]})
    >>> hapi.write(table, "speed.hapi")
    >>> print(hapi.read("speed.hapi")["speed"].tolist())
    [400.0, 410.0]
    """
    with whole_file(one_path("hapi.write", path), overwrite=overwrite) as stream:
        write_stream("hapi.write", table, stream)


def write_format(table: Any, output: Any, /, *, overwrite: bool = False) -> None:
    """Write a table to a path or a binary stream, as ``table.write(output, format="hapi")``."""
    if hasattr(output, "write") and not isinstance(output, type):
        write_stream("hapi.write", table, output)
    else:
        write(table, output, overwrite=overwrite)


def write_stream(function: str, given: Any, stream: IO[bytes]) -> None:
    """Write records of any type to a binary stream."""
    with far_years():
        records = Records.of(function, table_of(function, given), Losses(function))
        if records.time.mask is not None and records.time.mask.any():
            lost = int(records.time.mask.sum())
            raise QueryError(f"{function} needs the time of every record; {lost} are missing: remove these rows.")
        written = [_Parameter(function, one, records) for one in (records.time, *records.fields)]
        stream.write(b"#" + json.dumps(_header(records, written), ensure_ascii=False).encode() + b"\n")
        for start in range(0, len(records.time.values), _ROWS):
            rows = slice(start, start + _ROWS)
            stream.write(_lines([cell for one in written for cell in one.cells(rows)]))
    _warn_large(function, records)


def _lines(cells: Sequence[pa.Array]) -> bytes:
    """Join fields to lines."""
    import pyarrow.compute as pc

    lines = pc.binary_join_element_wise(*cells, ",")
    return "".join(f"{line}\n" for line in lines.to_pylist()).encode()


def _warn_large(function: str, records: Records) -> None:
    large = [
        one.name for one in records.fields
        if one.values.dtype.kind in "iu" and one.kind == "number" and np.any(
            ((one.values >= _INTEGERS) | (one.values < -_INTEGERS)) & one.present())
    ]  # fmt: skip
    if large:
        warn(
            f"{function}: the integers of {', '.join(large)} exceed the 32 bits of HAPI: hapi.read reads them exactly, "
            "other clients may not.",
            InexactValueWarning,
        )


def _header(records: Records, written: list[_Parameter]) -> dict[str, Any]:
    meta = dict(records.table.meta)
    inner = meta.pop("hapi", None)
    header = inner if isinstance(inner, Mapping) else {}
    told = Info(header)
    rest = {key: value for key, value in meta.items() if key not in ("__attributes__", "HELIOTAB")}
    stamps = written[0].stamps
    order = np.sort(stamps) if len(stamps) else np.array(["2000-01-01T00:00:00.000000000Z"] * 2)
    return {
        "HAPI": told.version or VERSION, "status": {"code": OK, "message": "OK"}, "format": "csv",
        "startDate": told.start or str(order[0]), "stopDate": told.stop or str(order[-1]),
        **{key: value for key, value in header.items() if key not in _NOT_HEADER},
        **({X_META: values.encoded(rest)} if rest else {}),
        "parameters": [one.described for one in written],
    }  # fmt: skip


class _Parameter:
    """One column as a parameter: its description, and its values as fields of CSV."""

    def __init__(self, function: str, one: PlainColumn, records: Records) -> None:
        self.one, self.function = one, function
        self.meta: dict[str, Any] = dict(one.column.info.meta or {})
        self.shape = one.values.shape[1:]
        self.fill: str | None = None
        self.stamps: NDArray[np.str_] = _stamps(one.column) if one.kind == "time" else np.empty(0, "U1")
        self.type = self._type()
        self.fill = self._fill()
        self.described = self._described(records)

    def _type(self) -> str:
        if 0 in self.shape:
            raise QueryError(
                f"{self.function} cannot write the column {self.one.name!r}, whose rows are empty: remove it."
            )
        if self.one.kind in ("time", "text"):
            return "isotime" if self.one.kind == "time" else "string"
        kind = self.one.values.dtype.kind
        if kind == "c":
            raise QueryError(
                f"{self.function} cannot write the column {self.one.name!r}, since HAPI has no complex numbers: write "
                "its real and imaginary parts."
            )
        return "integer" if kind in "iub" else "double"

    def _fill(self) -> str | None:
        """Return a text for missing values that no value is equal to; that of the server if it is still one."""
        if self.one.mask is None and self.one.kind != "duration":
            return None
        given = Parameter(self.meta).fill
        known = self.one.values[self.one.present()]
        if self.type == "double":
            is_own = isinstance(given, str) and self.one.kind == "number" and is_fill(known, given) is None
            return str(given) if is_own else "NaN"
        if self.type == "integer":
            taken = set(np.unique(known).tolist())
            own = _integer(given) if isinstance(given, str) else None
            numbers = (-1, -9999, *range(-(2**31), -(2**31) + len(taken) + 1))
            return str(next(one for one in (own, *numbers) if one is not None and one not in taken))
        texts = set(known.astype(str).ravel().tolist()) if self.one.kind == "text" else set()
        served = (given,) if isinstance(given, str) and len(given) < _STAMP_LENGTH else ()
        numbered = (f"fill {number}" for number in range(len(texts) + 1))
        return next(one for one in (*served, *_FILLS, *numbered) if one not in texts)

    def _described(self, records: Records) -> dict[str, Any]:
        one = self.one
        made: dict[str, Any] = {"name": one.name, "type": self.type, "units": self._units(records), "fill": self.fill}
        if self.type == "isotime":
            made |= {"units": "UTC", "length": _STAMP_LENGTH}
        elif self.type == "string":
            made["length"] = max([1, *(len(text.encode()) for text in (self.fill or "", *one.values.ravel().tolist()))])
        if self.shape:
            made["size"] = list(self.shape)
            made |= self._axes(records)
        if one.column.info.description:
            made["description"] = str(one.column.info.description)
        known = {key: self.meta[key] for key in _KEPT if key in self.meta and key not in made}
        rest = {key: value for key, value in self.meta.items() if key not in (*_KEPT, "type", "unit_string")}
        return made | known | ({X_META: values.encoded(rest)} if rest else {})

    def _units(self, records: Records) -> Any:
        """Return the unit as the server spells it if the column still has it, or else as astropy does."""
        one = self.one
        if one.kind == "duration":
            return "s"
        said = self.meta.get("unit_string")
        if one.unit is None:
            return said
        schema, origin = header_context(records.table)
        context = {**origin, "name": one.name, "description": str(one.column.info.description or "")}
        if isinstance(said, str) and units.parse(said, schema, context) == one.unit:
            return said
        return one.unit.to_string() or "dimensionless"

    def _axes(self, records: Records) -> dict[str, Any]:
        """Return the bins and labels of a column that does not come from HAPI."""
        if "bins" in self.meta or "label" in self.meta:
            return {}
        axes = axes_of(records.table, self.one.name)
        made: dict[str, Any] = {}
        if any(axis.centers is not None for axis in axes):
            made["bins"] = [_bins(axis) for axis in axes]
        labels = axis_labels(self.one.column)
        if len(labels) == 1 and labels[0]:
            made["label"] = labels[0]
        return made

    def cells(self, rows: slice) -> list[pa.Array]:
        """Return the fields of some records, one array of text for each element."""
        source = self.stamps if self.one.kind == "time" else self.one.values
        part = source[rows].reshape(len(source[rows]), -1)
        lost = None if self.one.mask is None else self.one.mask[rows].reshape(part.shape)
        return [self._texts(part[:, index], None if lost is None else lost[:, index]) for index in range(part.shape[1])]

    def _texts(self, data: NDArray[Any], lost: NDArray[np.bool_] | None) -> pa.Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        if self.one.kind == "duration":
            data = np.where(np.isnat(data), np.nan, data.astype(np.int64) / 1e9)
        if self.one.kind == "text":
            texts = pa.array([self._quoted(text) for text in data.tolist()], pa.string())
        elif self.one.kind == "time":
            texts = pa.array(data.tolist(), pa.string())
        elif self.type == "integer":
            texts = pa.array(data.astype(np.int64 if data.dtype.kind == "b" else data.dtype)).cast(pa.string())
        else:
            # The shortest text from which the same float is read.
            numbers = np.ascontiguousarray(data, dtype=float)
            texts = pc.if_else(pa.array(np.isnan(numbers)), "NaN", pa.array(numbers).cast(pa.string()))
        if lost is not None and lost.any():
            fill = self._quoted(str(self.fill)) if self.one.kind == "text" else str(self.fill)
            texts = pc.if_else(pa.array(np.ascontiguousarray(lost)), fill, texts)
        return texts

    def _quoted(self, text: str) -> str:
        if "\n" in text or "\r" in text or "\0" in text:
            raise QueryError(
                f"{self.function} cannot write the column {self.one.name!r}: the text {text[:40]!r} has more than one "
                "line; replace its line breaks."
            )
        return f'"{text.replace(chr(34), chr(34) * 2)}"' if "," in text or '"' in text else text


def _stamps(time: Time) -> NDArray[np.str_]:
    texts = iso_texts(time)
    return np.where(texts == "", texts, np.char.add(texts, "Z"))


def _integer(given: str) -> int | None:
    try:
        return int(given)
    except ValueError:
        return None


def _bins(axis: Axis) -> dict[str, Any]:
    if axis.column is not None:
        return {"name": axis.name, "units": None, "centers": axis.column}
    if axis.centers is None:
        return {"name": axis.name, "units": None, "centers": None}
    unit = axis.centers.unit.to_string()
    return {"name": axis.name, "units": unit or None, "centers": axis.centers.value.tolist()}
