"""
From display bytes back to physical values, where the way to the bytes is known and can be checked.

Helioviewer's pictures of AIA are bytes of DN/s between two limits, after a logarithm or a root (repository
Helioviewer-Project/jp2gen, ``idl/sdo/aia/hv_aia_list2jp2_gs2.pro``, version 5.0 of its settings); those of HMI are
linear (``hvs_default_hmi.pro``). What comes out is good for light curves and thresholds, to some 5 to 10 %: it is
quantized in 255 steps, clipped, and compressed with loss. The header's statistics are of the data before all this.

The lowest and the highest byte stand for everything at or beyond a limit. Their pixels get the limit's value; the
limits and the number of such pixels are told beside the values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.helioviewer.maps.disk import area, on_disk

__all__ = ["Physical", "invert"]

_VERSION = "HV_HVS_DETAILS_FILENAME_VERSION"
_KNOWN_VERSION = 5.0

_LOGARITHM: dict[int, tuple[tuple[float, float], ...]] = {
    94: ((0.1, 30),), 131: ((0.7, 500),), 193: ((20, 2500),), 211: ((7, 1500),), 304: ((0.8, 250),),
    335: ((0.4, 80),), 4500: ((4000, 20000),),
    # Two settings call themselves 5.0; the header's statistics decide.
    1600: ((20, 400), (10, 400)),
}  # fmt: skip
_ROOT = {1700: ((220.0, 5000.0),)}
_FIELD = 250.0
_SHARE, _COUNTS, _GAUSS = 0.15, 0.75, 4.0
"""By how much a median may differ from the header's: relatively, in DN, and in gauss."""

_SHARE_REDUCED, _COUNTS_REDUCED, _RANKS = 0.6, 2.0, (0.4, 0.6)
"""
The same for a reduced picture, and the share of its pixels that may lie below the header's median.

That median is of single pixels, and each pixel of a reduced picture is a mean of the bytes of many.
"""

_PIXEL = 0.6
"""Arcseconds to a pixel of Helioviewer's whole pictures of AIA and HMI."""


_MARGIN = 2.0
"""
Pixels inside the limb from which on those of a reduced picture of HMI have values.

Off the disk the bytes are zero, and the filter of each halving reaches over the limb: by the real file of 2 August 2022
the outermost pixel at 256 x 256 is 60 G too low on average, that at two pixels 3 G.
"""


@dataclass(frozen=True)
class Physical:
    """
    Physical values of a picture.

    Attributes
    ----------
    values : numpy.ndarray of float32
        The values; NaN where there are none.
    unit : str
        Their unit, as FITS spells it.
    step : float
        The difference between two neighbouring bytes at the median, in that unit.
    limits : tuple of float or None
        The value at or below which, and that at or above which, the data were clipped; `None` where they were not.
    clipped : tuple of int
        How many pixels have the lower and the upper one of these values.
    ratio : float or None
        The mean of the values over that of the data, DATAMEAN; `None` for magnetograms, whose mean is near zero.
    coverage : float or None
        The fraction of the area of the solar disk in which a picture of HMI has values; `None` if that is not known.
    """

    values: NDArray[np.float32]
    unit: str
    step: float
    limits: tuple[float, float] | None
    clipped: tuple[int, int]
    ratio: float | None
    coverage: float | None = None


def invert(data: NDArray[np.uint8], header: dict[str, Any], disk: NDArray[np.bool_] | None = None) -> Physical:
    """
    Return the physical values behind display bytes.

    Parameters
    ----------
    data : numpy.ndarray of uint8
        The picture, whole or reduced, the upper row first.
    header : dict
        Its header.
    disk : numpy.ndarray of bool, optional
        Which pixels of a picture of HMI have values. Defaults to those that the header's geometry puts within the limb,
        in a reduced picture two pixels within it, or to all where the header has no geometry.

    Returns
    -------
    Physical
        Values, unit and step, and what is to be known of them.

    Raises
    ------
    FileError
        The way to the bytes is not known for this picture, or what comes out disagrees with the header's statistics.
    """
    keys = {key.upper(): value for key, value in header.items()}
    instrument = str(keys.get("INSTRUME", ""))
    if data.dtype != np.uint8:
        raise FileError(f"Display bytes are expected, and the picture holds {data.dtype}.")
    if "QSTEP" in keys:
        raise FileError("The header has a QSTEP: these are bytes of values that were inverted before.")
    if instrument.startswith("AIA"):
        return _aia(data, keys)
    if instrument.startswith("HMI"):
        if disk is not None or "CRPIX1" not in keys:
            return _hmi(data, keys, disk)
        return _hmi_within_limb(data, keys)
    raise FileError(
        f"How Helioviewer made bytes of {instrument or 'this instrument'} is not known: there are no physical values."
    )


def _hmi_within_limb(data: NDArray[np.uint8], keys: dict[str, Any]) -> Physical:
    """Return values on the disk, and the fraction of its area that they cover: less, the smaller a reduced picture."""
    disk = on_disk(keys, data.shape, _MARGIN if _is_reduced(keys) else 0.0)
    if not disk.any():
        raise FileError(
            f"None of the picture's {data.shape[1]} x {data.shape[0]} pixels lies on the disk"
            + (
                f", {_MARGIN:g} pixels within the limb. Read the picture at a larger size."
                if _is_reduced(keys)
                else "."
            )
        )
    # The area of the pixels may exceed that of the circle a little.
    coverage = min(np.count_nonzero(disk) / area(keys), 1.0)
    return replace(_hmi(data, keys, disk), coverage=round(coverage, 4))


def _aia(data: NDArray[np.uint8], keys: dict[str, Any]) -> Physical:
    if keys.get(_VERSION) != _KNOWN_VERSION:
        raise FileError(f"The bytes were made by settings of version {keys.get(_VERSION)}, and only 5.0 is known.")
    exposure, median, wave = (_number(keys, key) for key in ("EXPTIME", "DATAMEDN", "WAVELNTH"))
    if not exposure > 0:
        raise FileError(f"An exposure of {exposure} s cannot be.")
    counts = _histogram(data)
    tables = [exposure * table for table in _tables(int(wave))]
    table = min(tables, key=lambda one: abs(one[_middle(counts)] - median))
    # Where the median lies below the lowest value, all that can be said is that it is dark.
    dark = median <= table[0] and _middle(counts) <= 8
    if not dark:
        _check(counts, table, median, "DN", (_SHARE, _COUNTS), _is_reduced(keys))
    return _made(data, table / exposure, "DN / s", counts, True, _ratio(counts, table, keys))


def _check(
    counts: NDArray[np.int64],
    table: NDArray[np.float64],
    median: float,
    unit: str,
    slack: tuple[float, float],
    reduced: bool,
) -> None:
    """Refuse values whose median is not the header's."""
    come = float(table[_middle(counts)])
    if abs(come - median) <= max(slack[0] * abs(median), slack[1]):
        return
    told = f"The bytes would give a median of {come:.4g} {unit}, and the header says {median:.4g}"
    if not reduced:
        raise FileError(
            f"{told}: they were made in another way than is known. Without physical=True the picture can be read as "
            "bytes."
        )
    below, up_to = (float(counts[chosen].sum() / counts.sum()) for chosen in (table < median, table <= median))
    close = abs(come - median) <= max(_SHARE_REDUCED * abs(median), _COUNTS_REDUCED * slack[1] / _COUNTS)
    if not close and not (below <= _RANKS[1] and up_to >= _RANKS[0]):
        raise FileError(
            f"{told}, more than a reduced picture may differ from the whole. Read it whole to have it checked exactly, "
            "or without physical=True as bytes."
        )


def _histogram(data: NDArray[np.uint8]) -> NDArray[np.int64]:
    return np.bincount(data.ravel(), minlength=256)


def _middle(counts: NDArray[np.int64]) -> int:
    """Return the median byte."""
    return int(np.searchsorted(np.cumsum(counts), counts.sum() / 2))


def _is_reduced(keys: dict[str, Any]) -> bool:
    step = keys.get("CDELT1")
    return isinstance(step, int | float) and step > 1.5 * _PIXEL


def _ratio(counts: NDArray[np.int64], table: NDArray[np.float64], keys: dict[str, Any]) -> float | None:
    """Return the mean of the values over DATAMEAN, where the header has one."""
    mean = keys.get("DATAMEAN")
    if not isinstance(mean, int | float) or not mean > 0:
        return None
    return float((counts * table).sum() / counts.sum() / mean)


def _made(
    data: NDArray[np.uint8],
    table: NDArray[np.float64],
    unit: str,
    counts: NDArray[np.int64],
    is_clipped: bool,
    ratio: float | None,
) -> Physical:
    middle = _middle(counts)
    step = float(table[min(middle + 1, 255)] - table[min(middle, 254)])
    limits = (_short(table[0]), _short(table[255])) if is_clipped else None
    clipped = (int(counts[0]), int(counts[255])) if is_clipped else (0, 0)
    return Physical(table.astype(np.float32)[data], unit, step, limits, clipped, ratio)


def _tables(wave: int) -> list[NDArray[np.float64]]:
    """Return what each byte stands for, in DN/s, by each of the settings that may have been in force."""
    part = np.arange(256) / 255
    if wave == 171:
        return [(1 + 39 * part) ** 2 + 5]
    if wave in _LOGARITHM:
        return [low * (high / low) ** part for low, high in _LOGARITHM[wave]]
    if wave in _ROOT:
        return [(np.sqrt(low) + part * (np.sqrt(high) - np.sqrt(low))) ** 2 for low, high in _ROOT[wave]]
    raise FileError(f"How Helioviewer made bytes of AIA {wave} is not known.")


def _short(value: float) -> float:
    return float(f"{value:.10g}")


def _hmi(data: NDArray[np.uint8], keys: dict[str, Any], disk: NDArray[np.bool_] | None) -> Physical:
    """Return gauss, or the continuum's DN/s; off the disk there is nothing."""
    is_field = "magnetogram" in str(keys.get("CONTENT", "")).lower()
    median = _number(keys, "DATAMEDN")
    seen = data if disk is None else data[disk]
    if not seen.size:
        raise FileError("By its header, no pixel of the picture is on the disk.")
    counts = _histogram(seen)
    if is_field:
        table, unit, slack = -_FIELD + 2 * _FIELD * np.arange(256) / 255, "G", (0.0, _GAUSS)
    else:
        most = _number(keys, "DATAMAX")
        if not most > 0:
            raise FileError("The header's DATAMAX is zero: how the continuum was stretched cannot be known.")
        table, unit, slack = most * np.arange(256) / 255, "DN / s", (0.06, 0.0)
    _check(counts, table, median, unit, slack, _is_reduced(keys))
    # The continuum is stretched to its own maximum: nothing of it is clipped.
    made = _made(data, table, unit, counts, is_field, None if is_field else _ratio(counts, table, keys))
    if disk is not None:
        made.values[~disk] = np.nan
    return made


def _number(keys: dict[str, Any], key: str) -> float:
    value = keys.get(key)
    if not isinstance(value, int | float) or not np.isfinite(value):
        raise FileError(f"The header has no {key}, by which the values could be checked.")
    return float(value)
