"""The bins of a column: the quantities along each dimension of its values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import QTable

from sunpy_helio_plugins.quantities.units import parse

__all__ = ["Axis", "axes_of", "header_context"]


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
    """

    name: str
    label: str
    centers: u.Quantity | None
    ranges: u.Quantity | None
    unit_string: str | None

    @property
    def varies(self) -> bool:
        """Whether the bins change with time."""
        return self.centers is not None and self.centers.ndim == 2


def axes_of(table: QTable, column: str) -> list[Axis]:
    """Return the dimensions of a column except time, in the order of its axes."""
    bins = (table[column].info.meta or {}).get("bins") or []
    bins = [bins] if isinstance(bins, Mapping) else bins
    shape = table[column].shape[1:]
    return [_axis(table, bins[index] if index < len(bins) else {}, index, length) for index, length in enumerate(shape)]


def _axis(table: QTable, described: Mapping[str, Any], index: int, length: int) -> Axis:
    name = str(described.get("name") or f"axis {index}")
    context = {"name": name, "description": f"{described.get('label') or ''} {described.get('description') or ''}"}
    text, unit, factors = _unit(table, described.get("units"), context, length)
    ranges = _numbers(table, described.get("ranges"), unit, factors[:, None], length, 2)
    centers = _numbers(table, described.get("centers"), unit, factors, length)
    if centers is None and ranges is not None:
        centers = ranges.mean(axis=-1)
    label = described.get("label")
    return Axis(name, label if isinstance(label, str) else name, centers, ranges, text)


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
