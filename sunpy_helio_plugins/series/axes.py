"""The axes of a column: the quantities and the labels along each dimension of its values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import QTable
from astropy.time import Time

from sunpy_helio_plugins.quantities.units import parse

__all__ = ["Axis", "axes_of", "axis_labels", "component_names", "element_names", "header_context"]


@dataclass(frozen=True)
class Axis:
    """
    One dimension of the values of a column.

    Attributes
    ----------
    name, label : str
        The name and the label of the bins.
    centers : astropy.units.Quantity or None
        Shape (k,), or (n, k) if the bins change with time; `None` for a dimension without bins.
    ranges : astropy.units.Quantity or None
        Lower and upper edges, shape (k, 2) or (n, k, 2).
    unit_string : str or None
        The unit of the bins as the server spells it; if it is not known, the numbers are dimensionless.
    column : str or None
        The column of the table that contains the centers, if they change with time.
    """

    name: str
    label: str
    centers: u.Quantity | None
    ranges: u.Quantity | None
    unit_string: str | None
    column: str | None = None

    @property
    def varies(self) -> bool:
        """Whether the bins change with time."""
        return self.centers is not None and self.centers.ndim == 2


def axes_of(table: QTable, column: str) -> list[Axis]:
    """Return the dimensions of a column except time, in the order of its axes."""
    meta = table[column].info.meta or {}
    shape = table[column].shape[1:]
    named = meta.get("axes")
    if "bins" not in meta and isinstance(named, Sequence) and not isinstance(named, str):
        names = [str(named[index]) if index < len(named) else "" for index in range(len(shape))]
        return [_variable_axis(table, name, index, shape[index]) for index, name in enumerate(names)]
    bins = meta.get("bins") or []
    bins = [bins] if isinstance(bins, Mapping) else bins
    return [_axis(table, bins[index] if index < len(bins) else {}, index, length) for index, length in enumerate(shape)]


def _axis(table: QTable, described: Mapping[str, Any], index: int, length: int) -> Axis:
    name = str(described.get("name") or f"axis {index}")
    context = {"name": name, "description": f"{described.get('label') or ''} {described.get('description') or ''}"}
    text, unit, factors = _unit(table, described.get("units"), context, length)
    ranges = _numbers(table, described.get("ranges"), unit, factors[:, None], length, 2)
    centers = _numbers(table, described.get("centers"), unit, factors, length)
    if centers is None and ranges is not None:
        centers = ranges.mean(axis=-1)
    label, source = described.get("label"), described.get("centers")
    source = source if isinstance(source, str) and centers is not None and centers.ndim == 2 else None
    return Axis(name, label if isinstance(label, str) else name, centers, ranges, text, source)


def _variable_axis(table: QTable, name: str, index: int, length: int) -> Axis:
    """Return an axis of a CDF variable: the values of the variable that DEPEND_i names."""
    support = table.meta.get("support") or {}
    column = None
    if name in support:
        found = support[name].get("values")
    else:
        found = table[name] if name in table.colnames and not isinstance(table[name], Time) else None
    centers = _centers(found, length)
    if centers is None and name in table.colnames and getattr(found, "shape", ()) == (len(table), length):
        centers = _numbers(table, name, u.one, np.ones(length), length)
        column = name if centers is not None and centers.ndim == 2 else None
    return Axis(name or f"axis {index}", name or f"axis {index}", centers, None, None, column)


def _centers(values: Any, length: int) -> u.Quantity | None:
    """Return values along an axis that do not change with time; `None` for other shapes and for text."""
    bare = getattr(values, "unmasked", values)
    if np.shape(bare) != (length,) or np.asarray(bare).dtype.kind not in "fiu":
        return None
    return u.Quantity(bare, dtype=float)


def header_context(table: QTable) -> tuple[str | None, dict[str, str]]:
    """Return the unit convention of a table, and its server and dataset as far as they are known."""
    header = table.meta.get("hapi") or {}
    schema, origin = header.get("unitsSchema"), header.get("x_origin")
    known = {str(key): str(value) for key, value in origin.items()} if isinstance(origin, Mapping) else {}
    return str(schema) if schema else None, known


def _unit(
    table: QTable, given: Any, context: Mapping[str, str], length: int
) -> tuple[str | None, u.UnitBase, np.ndarray]:
    """Return text and unit of the bins, and a factor for each bin, as bins may have different units since HAPI 2.1."""
    texts = ["" if one is None else str(one) for one in (given if isinstance(given, list) else [given])]
    schema, origin = header_context(table)
    units = {text: parse(text, schema, {**origin, **context}) for text in texts if text}
    plain = np.ones(length)
    if len(units) <= 1:
        return next(iter(units), None), next(iter(units.values()), None) or u.one, plain
    parsed = [unit for unit in units.values() if unit is not None]
    if len(parsed) < len(units) or len(texts) != length or not all(unit.is_equivalent(parsed[0]) for unit in parsed):
        return ", ".join(units), u.one, plain
    known = dict(zip(units, parsed, strict=True))
    factors = [known[text].to(parsed[0]) if text else 1.0 for text in texts]
    return next(iter(units)), parsed[0], np.array(factors)


def _numbers(table: QTable, given: Any, unit: u.UnitBase, factors: np.ndarray, *shape: int) -> u.Quantity | None:
    """Return bins as given, or from the parameter with the given name; `None` if the shape does not match."""
    numbers: np.ndarray
    if isinstance(given, str):
        if given not in table.colnames:
            return None
        values = table[given]
        if getattr(values, "dtype", np.dtype("U1")).kind not in "fiu":
            return None
        values = getattr(values, "unmasked", values)
        own = getattr(values, "unit", None) or unit
        numbers = np.array(np.ma.filled(np.ma.asarray(getattr(values, "value", values), dtype=float), np.nan))
        mask = getattr(table[given], "mask", None)
        if mask is not None:
            numbers[np.asarray(mask)] = np.nan
        return _fitting(numbers, own, len(table), *shape)
    if isinstance(given, list) and shape[-1:] == (2,) and any(isinstance(one, list) for one in given):
        # A bin without a range, among others with one.
        given = [[None, None] if one is None else one for one in given]
    try:
        numbers = np.array(given, dtype=float)
    except (TypeError, ValueError):
        return None
    found = None if given is None else _fitting(numbers, unit, *shape)
    return None if found is None else found * factors


def _fitting(numbers: np.ndarray, unit: u.UnitBase, *shape: int) -> u.Quantity | None:
    if numbers.shape == shape:
        return u.Quantity(numbers, unit)
    # The text of the schema has transposed ranges, [2, N].
    turned = np.swapaxes(numbers, -1, -2) if numbers.ndim >= 2 else numbers
    return u.Quantity(turned, unit) if turned.shape == shape else None


def component_names(column: Any) -> list[str]:
    """Return the name of each element of a row, in C order: x, y, z of "Bx" or "B_x (GSE)", labels, or numbers."""
    shape = column.shape[1:]
    labels = axis_labels(column)
    found = [_LETTER.fullmatch(label.strip()) for label in labels[0]] if len(shape) == 1 and labels[0] else []
    letters = [one[1].lower() for one in found if one]
    if letters and len(letters) == shape[0] == len(set(letters)):
        return letters
    axes = [_distinct(labels[axis], length) for axis, length in enumerate(shape)]
    return ["_".join(axis[index] for axis, index in zip(axes, place, strict=True)) for place in np.ndindex(shape)]


_LETTER = re.compile(r"[A-Za-z]*[ _]?([xyzrtn])(?:[ _(].*)?", re.IGNORECASE)


def element_names(column: Any) -> list[str]:
    """Return the label of each element of a row for a legend, in C order: as the archive spells it, else its name."""
    shape = column.shape[1:]
    label = (column.info.meta or {}).get("label")
    told = np.ravel(np.array(label, dtype=object)).tolist() if isinstance(label, list | tuple) else []
    if not told and len(shape) == 1:
        told = axis_labels(column)[0]
    texts = [str(one) for one in told]
    if len(texts) == int(np.prod(shape, dtype=int)) == len(set(texts)) and all(texts):
        return texts
    return component_names(column) if shape else []


def axis_labels(column: Any) -> list[list[str]]:
    """Return the labels along each axis of a row, from the metadata of CDF or HAPI; an empty list if there are none."""
    meta, shape = column.info.meta or {}, column.shape[1:]
    said = meta.get("labels")
    known = (
        [said.get(str(axis + 1), ()) for axis in range(len(shape))] if isinstance(said, Mapping) else [()] * len(shape)
    )
    if len(shape) == 1 and not known[0]:
        # HAPI's default for vectors in a coordinate system.
        default = ["x", "y", "z"] if meta.get("coordinateSystemName") else None
        for given in (meta.get("vectorComponents"), meta.get("label"), default):
            if isinstance(given, Sequence) and not isinstance(given, str) and len(given) == shape[0]:
                known = [given]
                break
    return [
        [str(label) for label in one] if len(one) == length else [] for one, length in zip(known, shape, strict=True)
    ]


def _distinct(labels: Sequence[str], length: int) -> list[str]:
    """Return the labels of an axis as parts of names, or numbers if they are not unique."""
    words = ["_".join(label.split()) for label in labels]
    is_usable = len(words) == length and all(words) and len(set(words)) == length
    return words if is_usable else [str(index) for index in range(length)]
