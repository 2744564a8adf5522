"""
From display bytes back to physical values, where the way to the bytes is known and can be checked.

Helioviewer's pictures of AIA are bytes of DN/s between two limits, after a logarithm or a root (repository
Helioviewer-Project/jp2gen, ``idl/sdo/aia/hv_aia_list2jp2_gs2.pro``, version 5.0 of its settings); those of HMI are
linear (``hvs_default_hmi.pro``). What comes out is good for light curves and thresholds, to some 5 to 10 %: it is
quantized in 255 steps, clipped, and compressed with loss. The header's statistics are of the data before all this.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import FileError

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
    """

    values: NDArray[np.float32]
    unit: str
    step: float


def invert(data: NDArray[np.uint8], header: dict[str, Any]) -> Physical:
    """
    Return the physical values behind display bytes.

    Parameters
    ----------
    data : numpy.ndarray of uint8
        The picture, whole or reduced.
    header : dict
        Its header.

    Returns
    -------
    Physical
        Values, unit and step.

    Raises
    ------
    FileError
        The way to the bytes is not known for this picture, or what comes out disagrees with the header's statistics.
    """
    keys = {key.upper(): value for key, value in header.items()}
    instrument = str(keys.get("INSTRUME", ""))
    if data.dtype != np.uint8:
        raise FileError(f"Display bytes are expected, and the picture holds {data.dtype}.")
    if instrument.startswith("AIA"):
        return _aia(data, keys)
    if instrument.startswith("HMI"):
        return _hmi(data, keys)
    raise FileError(
        f"How Helioviewer made bytes of {instrument or 'this instrument'} is not known: there are no physical values."
    )


def _aia(data: NDArray[np.uint8], keys: dict[str, Any]) -> Physical:
    if keys.get(_VERSION) != _KNOWN_VERSION:
        raise FileError(f"The bytes were made by settings of version {keys.get(_VERSION)}, and only 5.0 is known.")
    exposure, median, wave = (_number(keys, key) for key in ("EXPTIME", "DATAMEDN", "WAVELNTH"))
    if not exposure > 0:
        raise FileError(f"An exposure of {exposure} s cannot be.")
    tables = _tables(int(wave))
    middle = round(float(np.median(data)))
    for table in tables:
        # Where the median lies below the lowest value, all that can be said is that it is dark.
        low = median / exposure <= table[0] and middle <= 8
        if low or abs(table[middle] * exposure - median) <= max(_SHARE * abs(median), _COUNTS):
            step = float(table[min(middle + 1, 255)] - table[min(middle, 254)])
            return Physical(table.astype(np.float32)[data], "DN / s", step)
    come = tables[0][middle] * exposure
    raise FileError(
        f"The bytes would give a median of {come:.4g} DN, and the header says {median:.4g}: they were made in another "
        "way than is known. Without physical=True the picture can be read as bytes."
    )


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


def _hmi(data: NDArray[np.uint8], keys: dict[str, Any]) -> Physical:
    """Return gauss, or the continuum's DN/s; off the disk, where the bytes are zero, there is nothing."""
    is_field = "magnetogram" in str(keys.get("CONTENT", "")).lower()
    median = _number(keys, "DATAMEDN")
    if is_field:
        table, unit, slack = -_FIELD + 2 * _FIELD * np.arange(256) / 255, "G", _GAUSS
    else:
        most = _number(keys, "DATAMAX")
        if not most > 0:
            raise FileError("The header's DATAMAX is zero: how the continuum was stretched cannot be known.")
        table, unit, slack = most * np.arange(256) / 255, "DN / s", 0.06 * abs(median)
    seen = data[data > 0]
    come = float(np.median(table[seen])) if seen.size else np.nan
    if not abs(come - median) <= slack:
        raise FileError(f"The bytes would give a median of {come:.5g} {unit}, and the header says {median:.5g}.")
    values = table.astype(np.float32)[data]
    values[data == 0] = np.nan
    return Physical(values, unit, float(table[1] - table[0]))


def _number(keys: dict[str, Any], key: str) -> float:
    value = keys.get(key)
    if not isinstance(value, int | float) or not np.isfinite(value):
        raise FileError(f"The header has no {key}, by which the values could be checked.")
    return float(value)
