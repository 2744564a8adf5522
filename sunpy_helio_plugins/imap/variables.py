"""
The variables of a CDF file, as cdflib finds them, and each as a table column.

Attributes are those of the ISTP guidelines (https://spdf.gsfc.nasa.gov/istp_guide/variables.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u
from astropy.time import Time
from astropy.utils.masked import Masked
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.imap.kept import KeptList
from sunpy_helio_plugins.quantities import masks, times, units

__all__ = ["Variable", "as_column", "as_support", "as_time", "load"]

_TIME_KINDS = {"CDF_TIME_TT2000", "CDF_EPOCH", "CDF_EPOCH16"}
_YEAR_0_TO_1970 = 62_167_219_200
"""Seconds between the origin of CDF_EPOCH and 1970, without leap seconds."""


@dataclass(frozen=True)
class Variable:
    """
    One variable of a CDF file.

    Attributes
    ----------
    name : str
        Its name.
    kind : str
        The CDF data type.
    records : int
        How many records it has.
    varies : bool
        Whether its records are instants, or it is one value for the whole file.
    attributes : dict
        The variable's attributes, as plain Python.
    cdf : object
        The open file, which is read when ``values`` are first asked for.
    """

    name: str
    kind: str
    records: int
    varies: bool
    attributes: dict[str, Any] = field(repr=False)
    cdf: Any = field(repr=False)

    @property
    def is_time(self) -> bool:
        """Whether its values are instants."""
        return self.varies and self.kind in _TIME_KINDS

    @property
    def depends_on(self) -> str | None:
        """
        The variable that ``DEPEND_0`` names.

        `None` where there is none; some files have a number there, which names nothing.
        """
        named = self.attributes.get("DEPEND_0")
        return named if isinstance(named, str) and named else None

    @cached_property
    def values(self) -> NDArray[Any]:
        """The values; the first axis is the record where the variable varies."""
        try:
            found = np.asarray(self.cdf.varget(self.name))
        except Exception as error:
            raise FileError(f"{self.cdf.file}: the variable {self.name} cannot be read ({error}).") from error
        if self.varies and found.shape[:1] != (self.records,):
            return found.reshape(self.records, *found.shape) if self.records == 1 else found
        return found


def load(path: str | Path) -> tuple[dict[str, Variable], dict[str, Any]]:
    """
    Return what a CDF file holds.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    variables : dict of Variable
        By name, in the file's order.
    attributes : dict
        The global attributes; a list where one has several entries.

    Raises
    ------
    FileError
        The file is not there or is no CDF file.
    """
    import cdflib

    if not Path(path).is_file():
        raise FileError(f"{path}: there is no such file.")
    try:
        cdf = cdflib.CDF(path)
        info = cdf.cdf_info()
        variables = {name: _variable(cdf, name) for name in [*info.rVariables, *info.zVariables]}
        texts = {name: _single(entries) for name, entries in cdf.globalattsget().items()}
    except Exception as error:
        raise FileError(f"{path}: this cannot be read as a CDF file ({error}).") from error
    return variables, texts


def _variable(cdf: Any, name: str) -> Variable:
    about = cdf.varinq(name)
    attributes = {key: plain(value) for key, value in cdf.varattsget(name).items()}
    return Variable(name, about.Data_Type_Description, about.Last_Rec + 1, bool(about.Rec_Vary), attributes, cdf)


def _single(entries: Any) -> Any:
    found = [plain(entry) for entry in entries] if isinstance(entries, list) else [plain(entries)]
    return found[0] if len(found) == 1 else KeptList(found)


def plain(value: Any) -> Any:
    """
    Return an attribute's value without numpy's types, so that it can be written into a table's header.

    Several values become a `KeptList`.

    Parameters
    ----------
    value
        A number, a text or an array of them.
    """
    bare = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    return KeptList(bare) if isinstance(bare, list) else bare


def as_time(variable: Variable) -> Time:
    """
    Return a time variable as times.

    Parameters
    ----------
    variable : Variable
        One whose ``is_time`` holds.

    Returns
    -------
    astropy.time.Time
        UTC, exact, one for each record; masked where the file has the fill value.
    """
    # Lo writes its epochs with a second dimension of one.
    raw = variable.values.reshape(variable.records, -1)[:, 0] if variable.records else np.zeros(0, np.int64)
    if variable.kind == "CDF_TIME_TT2000":
        # The least number is the fill value of the type, whatever the attributes say.
        missing = _mask(raw, variable.attributes)
        least = raw == np.iinfo(np.int64).min
        made = times.from_tt2000(raw, mask=least if missing is None else missing | least)
    else:
        made = _from_epoch(raw, _mask(raw, variable.attributes))
    made.info.name = variable.name
    _describe(made, variable, {})
    return made


def _from_epoch(raw: NDArray[Any], mask: NDArray[np.bool_] | None) -> Time:
    """Convert CDF_EPOCH (milliseconds since year 0) or CDF_EPOCH16 (seconds, picoseconds), which skip leap seconds."""
    if raw.dtype.kind == "c":
        seconds, nanos = raw.real, np.rint(raw.imag / 1000)
    else:
        seconds = np.floor(raw / 1000)
        nanos = np.rint((raw - seconds * 1000) * 1e6)
    after_1970 = seconds - _YEAR_0_TO_1970
    # Beyond the reach of nanoseconds in 64 bits lies no measurement.
    missing = ~(np.abs(after_1970) < 9e9) | (np.zeros(raw.shape, bool) if mask is None else mask)
    since = np.where(missing, 0, after_1970).astype(np.int64)
    stamps = since.astype("M8[s]").astype("M8[ns]") + np.where(missing, 0, nanos).astype("m8[ns]")
    return times.from_iso(np.datetime_as_string(stamps), mask=missing)


def as_column(variable: Variable, others: Mapping[str, Variable]) -> Any:
    """
    Return a variable as a table column.

    Parameters
    ----------
    variable : Variable
        Any variable.
    others : mapping of Variable
        All variables of the file, among which its labels are.

    Returns
    -------
    astropy.units.Quantity, astropy.utils.masked.Masked, astropy.table.Column or astropy.table.MaskedColumn
        All its dimensions kept, integers as integers; masked where values are fill. ``info.meta`` holds the attributes,
        ``"unit_string"``, ``"axes"`` (the names in DEPEND_1 and on) and ``"labels"`` (a list for each labelled axis).
    """
    values, text = variable.values, variable.attributes.get("UNITS")
    unit_text = text if isinstance(text, str) else None
    mask = _mask(values, variable.attributes) if values.dtype.kind in "fiu" else None
    unit = units.parse(unit_text)
    if values.dtype.kind in "iu" and unit is not None and unit != u.dimensionless_unscaled:
        # A counter of nanoseconds does not fit into a float.
        made: Any = u.Quantity(values, unit, dtype=values.dtype, copy=False)
        made = made if mask is None else Masked(made, mask=mask)
        made.info.name = variable.name
    else:
        made = units.column(values, unit_text, name=variable.name, mask=mask)
    _describe(made, variable, others)
    return made


def as_support(variable: Variable, others: Mapping[str, Variable]) -> dict[str, Any]:
    """
    Return a variable that has no place in the rows in a form that can stand in a table's ``meta``, also in a file.

    Parameters
    ----------
    variable : Variable
        Any variable.
    others : mapping of Variable
        All variables of the file.

    Returns
    -------
    dict
        ``"values"``, a Quantity where the unit is understood, else an array; ``"mask"`` where values are fill; and what
        `as_column` has in ``info.meta``.
    """
    if variable.is_time:
        return {"values": as_time(variable), **variable.attributes}
    column = as_column(variable, others)
    meta, mask = column.info.meta, getattr(column, "mask", None)
    bare = getattr(column, "unmasked", column)
    values = bare if isinstance(bare, u.Quantity) else np.ma.getdata(bare).view(np.ndarray)
    return {"values": values, **({} if mask is None else {"mask": np.asarray(mask)}), **meta}


def _describe(made: Any, variable: Variable, others: Mapping[str, Variable]) -> None:
    """Give a column its description and everything else that the file says of it."""
    attributes = variable.attributes
    described = attributes.get("CATDESC") or attributes.get("FIELDNAM")
    if isinstance(described, str) and described.strip():
        made.info.description = described.strip()
    meta = {**attributes, "axes": _axes(attributes), "labels": _labels(attributes, others)}
    if isinstance(attributes.get("UNITS"), str):
        meta["unit_string"] = attributes["UNITS"]
    made.info.meta = {key: value for key, value in meta.items() if value != {} and value != ()}


def _axes(attributes: Mapping[str, Any]) -> KeptList:
    return KeptList(attributes[key] for key in sorted(attributes) if key.startswith("DEPEND_") and key != "DEPEND_0")


def _labels(attributes: Mapping[str, Any], others: Mapping[str, Variable]) -> dict[str, KeptList]:
    """Return the labels of each axis, by the number of the axis."""
    pointers = {key.removeprefix("LABL_PTR_"): name for key, name in attributes.items() if key.startswith("LABL_PTR_")}
    return {
        number: KeptList(str(label).strip() for label in np.ravel(others[name].values))
        for number, name in pointers.items()
        if isinstance(name, str) and name in others
    }


def _mask(values: NDArray[Any], attributes: Mapping[str, Any]) -> NDArray[np.bool_] | None:
    """
    Return where values are fill.

    A fill value inside the valid range is a value: some of IMAP's were cut to the type's width and fell onto good data.
    A valid range as wide as the type, however, says nothing, and there the type's own fill value counts.
    """
    fill, low, high = (_number(attributes.get(key)) for key in ("FILLVAL", "VALIDMIN", "VALIDMAX"))
    if fill is None:
        return None
    ranged = low is not None and high is not None
    inside = ranged and bool(np.all((low <= fill) & (fill <= high)))
    if inside and not (_is_whole(values.dtype, low, high) and fill == _usual_fill(values.dtype)):
        return None
    return masks.is_fill(values, fill.item())


def _number(value: Any) -> Any:
    """Return an attribute that should be a number, or some that differ by component; `None` where it is neither."""
    found = np.asarray(list(value) if isinstance(value, KeptList) else value)
    if found.dtype.kind not in "fiu" or not found.size:
        return None
    return found if (found != found.flat[0]).any() else found.flat[0]


def _is_whole(dtype: np.dtype[Any], low: Any, high: Any) -> bool:
    """Tell whether a valid range excludes nothing that the type can hold."""
    limits = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
    return bool(np.all(low <= limits.min) and np.all(high >= limits.max))


def _usual_fill(dtype: np.dtype[Any]) -> float:
    """Return the fill value that the ISTP guidelines give a type."""
    if dtype.kind == "f":
        return float(dtype.type(-1e31))
    return int(np.iinfo(dtype).max if dtype.kind == "u" else np.iinfo(dtype).min)
