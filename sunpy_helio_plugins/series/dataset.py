"""Data sets of xarray, with dimensions and coordinates from the bins of the columns and attributes of CF."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.table import QTable

from sunpy_helio_plugins.errors import MissingDependencyError, QueryError
from sunpy_helio_plugins.io.values import unit_of
from sunpy_helio_plugins.series.axes import Axis, axes_of, axis_labels
from sunpy_helio_plugins.series.columns import Losses, PlainColumn, column_of_arrays, with_unit
from sunpy_helio_plugins.series.records import KEY, Arrays, Records, restored, timed

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["cf_unit", "dataset_of", "table_of_dataset"]

CONVENTIONS = "CF-1.11"

TIME = "time"
"""The name of the dimension of time, unless another column has it."""

_CREDITS = {
    "title": ("description", "Logical_source_description", "TITLE"),
    "institution": ("x_institution", "Source_name"),
    "references": ("resourceURL", "doi", "DOI", "HTTP_LINK", "LINK_TEXT"),
    "license": ("licenseURL", "license", "Rules_of_use", "License"),
    "citation": ("citation", "Acknowledgement"),
}
"""Global attributes of a data set, and the entries of the headers of HAPI and of CDF files from which they are made."""

_NAMES = {"deg": "degree", "deg_C": "degree_Celsius", "Angstrom": "angstrom", "%": "percent", "yr": "year"}
"""Units by astropy's names whose names differ in UDUNITS."""


def cf_unit(unit: u.UnitBase) -> str:
    """Return a unit in the notation of CF, which is that of UDUNITS: powers without operators, ``cm-2 s-1``."""
    if not hasattr(unit, "bases"):  # magnitudes and other functions of units
        return str(unit.to_string())
    parts = [] if unit.scale == 1 else [repr(float(unit.scale))]
    for base, power in zip(unit.bases, unit.powers, strict=True):
        name = _NAMES.get(base.to_string(), base.to_string())
        parts.append(name if power == 1 else f"{name}{power}" if float(power).is_integer() else f"{name}^{power}")
    return " ".join(parts) or "1"


class _Dimensions:
    """The dimensions of a data set: axes with the same name and the same coordinates share one."""

    def __init__(self, records: Records) -> None:
        names = {one.name for one in records.fields}
        self.time = TIME if TIME not in names else records.time.name
        self.reserved = names | {self.time}
        self.bound = "bound" if "bound" not in names else "bound_of_bin"
        self.known: dict[str, Hashable] = {self.bound: (self.bound,)}
        self.coords: dict[str, Any] = {}
        self.of: dict[str, tuple[str, ...]] = {}
        self.along: set[str] = set()
        """Columns that contain coordinates that change with time."""
        fields = [one for one in records.fields if one.values.ndim > 1]
        axes = {one.name: axes_of(records.table, one.name) for one in fields}
        shared: dict[str, str] = {}
        for one in fields:
            self.of[one.name] = (self.time, *self._of(one, axes[one.name], shared))
        for one in fields:
            if one.name in shared and one.values.ndim == 2:
                self.of[one.name] = (self.time, shared[one.name])
                self.along.add(one.name)

    def _of(self, one: PlainColumn, axes: list[Axis], shared: dict[str, str]) -> Iterator[str]:
        labels, own = axis_labels(one.column), set[str]()
        for index, (axis, texts) in enumerate(zip(axes, labels, strict=True)):
            size = one.values.shape[index + 1]
            has_name = axis.name != f"axis {index}"
            texts = texts if axis.centers is None and len(set(texts)) == len(texts) else []
            base = axis.name if has_name else f"{one.name}_{'component' if texts else f'axis_{index + 1}'}"
            if axis.column is not None:
                key: Hashable = ("column", axis.column, size)
            elif axis.centers is not None:
                key = (size, axis.centers.value.tobytes(), str(axis.centers.unit))
            else:
                key = (size, *texts)
            name = self._name(base, one.name, key, own)
            own.add(name)
            if axis.column is not None:
                shared.setdefault(axis.column, name)
            elif axis.centers is not None:
                self._add(name, axis)
            elif texts:
                self.coords[name] = (name, np.array(texts, dtype=str))
            if axis.centers is not None and len(set(labels[index])) == size:
                self._label(name, labels[index])
            yield name

    def _label(self, name: str, texts: list[str]) -> None:
        """Add the labels of bins beside their numbers, unless another column has other labels of the same bins."""
        label = f"{name}_label"
        if label not in self.reserved and label not in self.coords:
            self.coords[label] = (name, np.array(texts, dtype=str))

    def _name(self, base: str, column: str, key: Hashable, own: set[str]) -> str:
        """Return the name of a dimension that is free, or that of the same axis of another column."""
        base = f"{base}_bin" if base in self.reserved else base
        candidates = (base, f"{column}_{base}", *(f"{column}_{base}_{number}" for number in range(2, 99)))
        taken = self.reserved | own
        name = next(one for one in candidates if one not in taken and self.known.get(one, key) == key)
        self.known[name] = key
        return name

    def _add(self, name: str, axis: Axis) -> None:
        centers: Any = axis.centers
        attrs = {"units": cf_unit(centers.unit), "long_name": axis.label}
        if axis.unit_string:
            attrs["unit_string"] = axis.unit_string
        if axis.ranges is not None and axis.ranges.ndim == 2:
            bounds = f"{name}_bounds"
            if bounds not in self.reserved:
                attrs["bounds"] = bounds
                self.coords[bounds] = ((name, self.bound), np.array(axis.ranges.to_value(centers.unit)))
        self.coords[name] = (name, np.array(centers.value), attrs)


def _xarray() -> Any:
    try:
        import xarray
    except ImportError:
        raise MissingDependencyError("Converting tables to xarray", "xarray") from None
    return xarray


def dataset_of(records: Records, losses: Losses) -> xr.Dataset:
    """Return records as a data set."""
    xarray = _xarray()
    dimensions = _Dimensions(records)
    variables = {
        one.name: xarray.Variable(
            dimensions.of.get(one.name, (dimensions.time,)), _values(one, losses), _attrs(one), _encoding(one)
        )
        for one in records.fields
    }
    time = xarray.Variable(
        (dimensions.time,), records.time.values, {"standard_name": "time", "long_name": records.time.title},
        _encoding(records.time),
    )  # fmt: skip
    attrs = {"Conventions": CONVENTIONS, **_credits(records.table.meta), KEY: records.description}
    coords = {dimensions.time: time, **dimensions.coords}
    return xarray.Dataset(variables, coords, attrs).set_coords(sorted(dimensions.along))


def _values(one: PlainColumn, losses: Losses) -> Any:
    if one.kind == "number":
        return one.as_float(losses)
    return one.as_text(losses) if one.kind == "text" else one.values


def _attrs(one: PlainColumn) -> dict[str, Any]:
    made = {"long_name": one.title}
    if one.unit is not None:
        made["units"] = cf_unit(one.unit)
    elif one.unit_string:
        made["unit_string"] = one.unit_string
    return made | _flags(one)


def _flags(one: PlainColumn) -> dict[str, Any]:
    """Return the attributes of CF for the meaning of flags, and for the columns of uncertainties."""
    meta = one.column.info.meta or {}
    made: dict[str, Any] = {}
    flags, related = meta.get("flags"), meta.get("uncertainty")
    if isinstance(flags, Mapping):
        key = "masks" if "masks" in flags else "values"
        made[f"flag_{key}"] = np.array(list(flags[key]), dtype=one.values.dtype)
        made["flag_meanings"] = " ".join(re.sub(r"[^A-Za-z0-9_.+@-]+", "_", text) for text in flags["meanings"])
    if isinstance(related, Mapping):
        made["ancillary_variables"] = " ".join(dict.fromkeys(map(str, related.values())))
    return made


def _encoding(one: PlainColumn) -> dict[str, Any]:
    """Return how times are written: as integers, which are exact to the nanosecond."""
    if one.kind not in ("time", "duration"):
        return {}
    unit = {"ns": "nanoseconds", "us": "microseconds"}[np.datetime_data(one.values.dtype)[0]]
    made: dict[str, Any] = {"dtype": "int64", "units": unit}
    if one.kind == "time":
        made |= {"units": f"{unit} since 1970-01-01", "calendar": "proleptic_gregorian"}
    if np.isnat(one.values).any():
        made["_FillValue"] = np.iinfo(np.int64).min
    return made


def _credits(meta: Mapping[str, Any]) -> dict[str, str]:
    """Return the global attributes of CF and ACDD for which a header gives a text."""
    inner = meta.get("hapi")
    header = inner if isinstance(inner, Mapping) else meta
    made = {}
    for name, keys in _CREDITS.items():
        texts = [header[key] for key in keys if isinstance(header.get(key), str) and header[key].strip()]
        if texts:
            made[name] = texts[0]
    return made


def table_of_dataset(function: str, dataset: xr.Dataset) -> QTable:
    """Return the table of a data set, or raise a `QueryError` if it does not have times."""
    time = next((name for name, one in dataset.coords.items() if one.dtype.kind == "M" and one.ndim == 1), None)
    if time is None:
        raise QueryError(
            f"{function} takes a Dataset with a coordinate of times of one dimension; this one has "
            f"{', '.join(map(str, dataset.coords)) or 'no coordinates'}."
        )
    along = dataset[time].dims[0]
    used = {time}

    def find(spec: Mapping[str, Any]) -> tuple[Mapping[str, Any], Arrays] | None:
        name = time if spec.get("is_time") else spec["name"]
        if name not in dataset.variables:
            return None
        used.add(name)
        variable = dataset[name]
        return _with_units_of(variable, spec), _arrays(variable, along, spec)

    def added() -> Iterator[tuple[str, Any]]:
        for name in dict.fromkeys((time, *dataset.variables)):
            one: Any = dataset[name]
            if (name not in used or name == time) and along in one.dims:
                yield str(name), column_of_arrays(str(name), *_arrays(one, along, {}), one.attrs.get("units"))

    description = dataset.attrs.get(KEY)
    if isinstance(description, str):
        return restored(description, find, (pair for pair in added() if pair[0] != time))
    return timed(function, dict(added()), dataset)


def _with_units_of(variable: Any, spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the description of a column with the unit that the variable has now."""
    if spec["kind"] != "number":
        return spec
    written = cf_unit(unit_of(spec["unit"])) if "unit" in spec else None
    given = variable.attrs.get("units")
    if given == written:
        return spec
    if given is None:
        return {key: value for key, value in spec.items() if key not in ("unit", "class", "wrap", "meta")}
    return with_unit(spec, str(given))


def _arrays(variable: Any, along: Hashable, spec: Mapping[str, Any]) -> Arrays:
    """Return a variable with the dimension of time first, and its missing elements."""
    data = np.asarray(variable.transpose(along, ...).values)
    kind = spec.get("kind", "")
    if kind == "duration" and data.dtype.kind != "m":
        # Some versions of xarray decode durations on request only.
        data = np.where(np.isnan(data), np.iinfo(np.int64).min, data).astype(np.int64).view("m8[ns]")
    if kind == "text" or data.dtype.kind in "SUO":
        texts = data.astype(str)
        return texts, (texts == "") if spec.get("masked") else None
    if data.dtype.kind in "fc" and (not spec or spec["masked"] or np.dtype(spec["dtype"]).kind in "iub"):
        return data, np.isnan(data)
    return data, np.zeros(data.shape, dtype=bool) if spec.get("masked") else None
