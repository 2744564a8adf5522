"""Differences between two versions of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from sunpy_helio_plugins.cdf.fills import fill_mask
from sunpy_helio_plugins.cdf.variables import Variable, load
from sunpy_helio_plugins.fido import inputs

__all__ = ["compare"]

_Row = tuple[str, str, int, str]


def compare(before: str | Path, after: str | Path) -> QTable:
    """
    Return what changed between two versions of a CDF file.

    Parameters
    ----------
    before, after : str or pathlib.Path
        The files.

    Returns
    -------
    astropy.table.QTable
        One row for each difference, with the columns ``variable`` (empty for the file itself), ``change``, ``count``
        and ``description``. ``change`` is ``"added"``, ``"removed"``, ``"type"``, ``"shape"``, ``"records"``,
        ``"values"``, or ``"attribute"``; ``count`` is the number of different records or values. Values are compared at
        the times that both files contain; two missing values are equal. There are no rows for equal files.

    Raises
    ------
    FileError
        A file does not exist, or is not a CDF file.

    Examples
    --------
    >>> from sunpy_helio_plugins import imap
    >>> names = "imap_mag_l2_norm-gse_20260110_v001.0001.cdf", "imap_mag_l2_norm-gse_20260110_v001.0002.cdf"
    >>> first, second = map(imap.download, names)
    >>> len(imap.compare(first, second)) > 0
    True
    """
    paths = [inputs.one_path("imap.compare", one) for one in (before, after)]
    (old, of_old), (new, of_new) = (load(path) for path in paths)
    rows: list[_Row] = list(_attributes("", of_old, of_new))
    for name in dict.fromkeys([*old, *new]):
        if name not in old or name not in new:
            rows.append((name, "added" if name in new else "removed", 1, ""))
            continue
        rows += _attributes(name, old[name].attributes, new[name].attributes)
        rows += _values(name, old, new)
    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [[], [], [], []]
    names = ("variable", "change", "count", "description")
    types: tuple[Any, ...] = ("U", "U", int, "U")
    made = QTable([np.array(one, dtype=kind) for one, kind in zip(columns, types, strict=True)], names=names)
    made.meta["files"] = [str(path) for path in paths]
    return made


def _attributes(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[_Row]:
    for key in dict.fromkeys([*old, *new]):
        texts = [repr(one[key]) if key in one else "missing" for one in (old, new)]
        if texts[0] != texts[1]:
            yield name, "attribute", 1, f"{key}: {texts[0]} became {texts[1]}"


def _values(name: str, old: Mapping[str, Variable], new: Mapping[str, Variable]) -> Iterator[_Row]:
    one, other = old[name], new[name]
    for change, found in (("type", (one.kind, other.kind)), ("shape", (one.shape, other.shape))):
        if found[0] != found[1]:
            yield name, change, 1, f"{found[0]} became {found[1]}"
    if one.shape != other.shape or one.varies != other.varies or one.is_number != other.is_number:
        return
    pairs = _pairs(one, other, old, new)
    if one.records != other.records:
        yield name, "records", abs(other.records - one.records), f"{one.records} records became {other.records}"
        if one.is_time:
            return
    kept = [values[rows] for values, rows in zip((one.values, other.values), pairs, strict=True)]
    masks = [_mask(values, variable) for values, variable in zip(kept, (one, other), strict=True)]
    differs = np.where(masks[0] | masks[1], masks[0] != masks[1], kept[0] != kept[1])
    if count := int(np.sum(differs)):
        largest = _largest(kept, differs & ~(masks[0] | masks[1]), other.attributes.get("UNITS", ""))
        yield name, "values", count, f"{count} of {differs.size} values{largest}"


def _pairs(one: Variable, other: Variable, old: Mapping[str, Variable], new: Mapping[str, Variable]) -> tuple[Any, Any]:
    """Return the records of two variables that have the same times, or those with the same numbers."""
    if not one.varies:
        return ..., ...
    clocks = old.get(one.depends_on or ""), new.get(other.depends_on or "")
    times = [
        clock.values.ravel()
        for clock, variable in zip(clocks, (one, other), strict=True)
        if clock is not None and clock.values.size == variable.records
    ]
    if len(times) < 2:
        rows = slice(min(one.records, other.records))
        return rows, rows
    _, first, second = np.intersect1d(times[0], times[1], return_indices=True)
    return first, second


def _mask(values: NDArray[Any], variable: Variable) -> NDArray[np.bool_]:
    """Return which values are missing: fill values and NaN."""
    mask = fill_mask(values, variable.attributes) if values.dtype.kind in "fiuU" else None
    lost = np.zeros(values.shape, dtype=bool) if mask is None else np.asarray(mask)
    return lost | np.isnan(values) if values.dtype.kind == "f" else lost


def _largest(values: list[NDArray[Any]], differs: NDArray[np.bool_], unit: Any) -> str:
    if values[0].dtype.kind not in "fiu" or not differs.any():
        return ""
    apart = np.abs(values[1][differs].astype(float) - values[0][differs].astype(float))
    return f", by up to {apart.max():.4g} {unit}".rstrip()
