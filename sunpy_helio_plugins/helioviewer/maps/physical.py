"""
From display bytes back to physical values, where the way to the bytes is known and can be checked.

Helioviewer's pictures of AIA are bytes of DN/s between two limits, after a logarithm or a root (repository
Helioviewer-Project/jp2gen, ``idl/sdo/aia/hv_aia_list2jp2_gs2.pro``, version 5.0 of its settings); those of HMI are
linear (``hvs_default_hmi.pro``); those of SWAP are a power of DN/s (repository Helioviewer-Project/fits2img,
``libswap/swap_qlook.c``). What comes out is good for light curves and thresholds, to some 5 to 10 %: it is
quantized in 255 steps, clipped, and compressed with loss. The header's statistics are of the data before all this.

The lowest and the highest byte stand for everything at or beyond a limit. Their pixels get the limit's value; the
limits and the number of such pixels are told beside the values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.helioviewer.jp2.region import CROP
from sunpy_helio_plugins.helioviewer.maps.disk import area, on_disk

__all__ = ["Physical", "checked_keywords", "invert"]

MEDIAN, MEAN = "HV_MEDIA", "HV_MEAN"
"""Keywords for the median byte and for the mean value of the complete image, by which those of a part are checked."""

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


_SWAP_PROGRAM, _SWAP_MOST, _SWAP_EXPONENT = "fits2img", 360.0, 2.2
"""
The program that makes the bytes of SWAP, with its lower limit, zero, and its exponent.

Its upper limit is an argument of the program. That of 360 DN/s was found by the mean in the headers of six files of
2010 and 2013, with which the mean of the values agrees to 0.2 %; a file with another limit is refused.
"""

_SWAP_SHARE, _SWAP_SHARE_REDUCED = 0.03, 0.1
"""By how much the mean may differ from the header's; that of a picture reduced to 16 pixels is 6 % too low."""

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
    mask : numpy.ndarray of bool
        Pixels whose value is not known: at or beyond a limit, or off the disk.
    uncertainty : numpy.ndarray of float32
        The standard deviation of the values by the steps of the bytes; the compression adds to it.
    coverage : float or None
        The fraction of the area of the solar disk in which a picture of HMI has values; `None` if that is not known.
    """

    values: NDArray[np.float32]
    unit: str
    step: float
    limits: tuple[float, float] | None
    clipped: tuple[int, int]
    ratio: float | None
    mask: NDArray[np.bool_]
    uncertainty: NDArray[np.float32]
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
    if instrument.startswith("SWAP"):
        return _swap(data, keys)
    raise FileError(f"There are no physical values: {_reason(instrument, str(keys.get('DETECTOR', '')))}")


_PROGRAMS = "repository Helioviewer-Project/jp2gen"

_REASONS = {
    "EIT": (
        "the bytes of EIT are logarithms between limits of which hv_eit_setup.pro names several, and the header tells "
        "neither which were used nor a statistic of the data"
    ),
    "LASCO": (
        "the bytes of LASCO are the ratio to a model of the background, scaled by medians of each image "
        "(hv_make_image_c3.pro), which the header does not contain"
    ),
    "COR": (
        "the bytes of COR1 and COR2 are the ratio to a background image (hv_cor2_prep2jp2.pro), which the file does "
        "not contain"
    ),
    "EUVI": (
        "the bytes of EUVI were converted to a grey level of their colours (hv_euvi_prep2jp2.pro), of which there are "
        "122 to 161 for the 256 bytes, and the header does not contain a statistic of the calibrated data"
    ),
    "EUI": (
        "the bytes of EUI were made from FITS files of 8 bits (hvJP2K), and the program that stretched those is not "
        "published"
    ),
    "MDI": (
        "the bytes of MDI were stretched to the extremes of each image (hv_mdi_int_write_hvs2.pro), which the header "
        "does not contain"
    ),
    "XRT": (
        "the bytes of XRT were stretched to the range of each image (hv_hin_xrt2jp2.pro), which the header does not "
        "contain"
    ),
    "TRACE": (
        "the bytes of TRACE were made by trace_scale.pro of SolarSoft (hv_trace_prep2jp2.pro), whose limits the header "
        "does not contain"
    ),
    "RHESSI": (
        "the bytes of RHESSI were stretched to the extremes of each image (hv_rhessi_make_jp2.pro), which the header "
        "does not contain"
    ),
    "COSMO K-Coronagraph": (
        "the bytes of K-Cor are a power between limits that depend on the time (NCAR/kcor-pipeline), and no file was "
        "available with which they could be compared"
    ),
}
"""Why the bytes of instruments cannot be converted, by the beginning of their name or their detector's."""


def _reason(instrument: str, detector: str) -> str:
    """Return why the bytes of an instrument cannot be converted."""
    for name in (detector, instrument):
        for start, words in _REASONS.items():
            if name.startswith(start):
                return f"{words} ({_PROGRAMS})."
    return f"how Helioviewer made bytes of {instrument or 'this instrument'} is not known ({_PROGRAMS})."


def checked_keywords(data: NDArray[np.uint8], keys: dict[str, Any]) -> dict[str, str]:
    """
    Return keywords by which the values of a part of an image are checked, from a small version of the complete image.

    They are the median byte (on the disk for HMI) or the mean value; none if they are not known.
    """
    if data.dtype != np.uint8 or data.ndim != 2:
        return {}
    instrument = str(keys.get("INSTRUME", ""))
    if instrument.startswith("SWAP"):
        return {MEAN: f"{_swap_table()[data].mean():.6g}"}
    if instrument.startswith("HMI") and "CRPIX1" in keys:
        try:
            data = data[on_disk(keys, (data.shape[0], data.shape[1]), _MARGIN)]
        except FileError:
            return {}
    return {MEDIAN: str(_middle(_histogram(data)))} if data.size else {}


class _Seen(NamedTuple):
    """What is compared with the header: the numbers of all bytes, their median, and of which picture they are."""

    counts: NDArray[np.int64]
    middle: int
    is_reduced: bool
    is_part: bool

    @classmethod
    def of(cls, data: NDArray[np.uint8], keys: dict[str, Any]) -> _Seen:
        counts = _histogram(data)
        if CROP not in keys:
            return cls(counts, _middle(counts), _is_reduced(keys), False)
        middle = keys.get(MEDIAN)
        if not isinstance(middle, int) or not 0 <= middle <= 255:
            raise FileError(
                f"This is a part of a picture without the median of the whole ({MEDIAN}), by which the values could be "
                "checked."
            )
        return cls(counts, middle, True, True)


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
    seen = _Seen.of(data, keys)
    tables = [exposure * table for table in _tables(int(wave))]
    table = min(tables, key=lambda one: abs(one[seen.middle] - median))
    # Where the median lies below the lowest value, all that can be said is that it is dark.
    dark = median <= table[0] and seen.middle <= 8
    if not dark:
        _check(seen, table, median, "DN", (_SHARE, _COUNTS))
    return _made(data, table / exposure, "DN / s", seen.counts, True, _ratio(seen, table, keys))


def _check(seen: _Seen, table: NDArray[np.float64], median: float, unit: str, slack: tuple[float, float]) -> None:
    """Refuse values whose median is not the header's."""
    come = float(table[seen.middle])
    if abs(come - median) <= max(slack[0] * abs(median), slack[1]):
        return
    told = f"The bytes would give a median of {come:.4g} {unit}, and the header says {median:.4g}"
    if not seen.is_reduced:
        raise FileError(
            f"{told}: they were made in another way than is known. Without physical=True the picture can be read as "
            "bytes."
        )
    counts = seen.counts
    below, up_to = (float(counts[chosen].sum() / counts.sum()) for chosen in (table < median, table <= median))
    close = abs(come - median) <= max(_SHARE_REDUCED * abs(median), _COUNTS_REDUCED * slack[1] / _COUNTS)
    in_ranks = not seen.is_part and below <= _RANKS[1] and up_to >= _RANKS[0]
    if not close and not in_ranks:
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


def _ratio(seen: _Seen, table: NDArray[np.float64], keys: dict[str, Any]) -> float | None:
    """Return the mean of the values over DATAMEAN, where the header has one and the picture is not a part."""
    mean = keys.get("DATAMEAN")
    if seen.is_part or not isinstance(mean, int | float) or not mean > 0:
        return None
    return float((seen.counts * table).sum() / seen.counts.sum() / mean)


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
    is_limit = np.zeros(256, dtype=bool)
    is_limit[[0, 255]] = is_clipped
    # The standard deviation of a value that may be anywhere in its step.
    deviation = (np.gradient(table) / np.sqrt(12)).astype(np.float32)
    values = table.astype(np.float32)[data]
    return Physical(values, unit, step, limits, clipped, ratio, is_limit[data], deviation[data])


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
    told = _Seen.of(seen, keys)
    if is_field:
        table, unit, slack = -_FIELD + 2 * _FIELD * np.arange(256) / 255, "G", (0.0, _GAUSS)
    else:
        most = _number(keys, "DATAMAX")
        if not most > 0:
            raise FileError("The header's DATAMAX is zero: how the continuum was stretched cannot be known.")
        table, unit, slack = most * np.arange(256) / 255, "DN / s", (0.06, 0.0)
    _check(told, table, median, unit, slack)
    # The continuum is stretched to its own maximum: nothing of it is clipped.
    made = _made(data, table, unit, told.counts, is_field, None if is_field else _ratio(told, table, keys))
    if disk is not None:
        made.values[~disk] = made.uncertainty[~disk] = np.nan
        made.mask[~disk] = True
    return made


def _swap(data: NDArray[np.uint8], keys: dict[str, Any]) -> Physical:
    """Return DN/s of SWAP; the program that made the bytes has sharpened the image before, which keeps its mean."""
    if _SWAP_PROGRAM not in str(keys.get("HV_COMMENT", "")) or not str(keys.get("BUNIT", "")).startswith("DN/s"):
        raise FileError(
            f"There are no physical values: the bytes of SWAP were not made of DN/s by {_SWAP_PROGRAM} (HV_COMMENT and "
            "BUNIT of the header), whose stretch alone is known."
        )
    mean, table, counts = _number(keys, "SWAVINT"), _swap_table(), _histogram(data)
    is_part, is_whole = CROP in keys, not _is_swap_reduced(keys)
    come = _number(keys, MEAN) if is_part else float((counts * table).sum() / counts.sum())
    if abs(come - mean) > (_SWAP_SHARE if is_whole and not is_part else _SWAP_SHARE_REDUCED) * mean:
        raise FileError(
            f"The bytes would give a mean of {come:.4g} DN/s, and the header says {mean:.4g}: they were made with "
            "other limits than are known. Without physical=True the picture can be read as bytes."
        )
    return _made(data, table, "DN / s", counts, True, None if is_part else come / mean)


def _swap_table() -> NDArray[np.float64]:
    return _SWAP_MOST * (np.arange(256) / 255) ** _SWAP_EXPONENT


def _is_swap_reduced(keys: dict[str, Any]) -> bool:
    """Return whether a picture of SWAP, whose detector has as many pixels as LAST_COL says, was reduced."""
    wide, last = keys.get("NAXIS1"), keys.get("LAST_COL")
    return not isinstance(wide, int) or not isinstance(last, int) or wide < last


def _number(keys: dict[str, Any], key: str) -> float:
    value = keys.get(key)
    if not isinstance(value, int | float) or not np.isfinite(value):
        raise FileError(f"The header has no {key}, by which the values could be checked.")
    return float(value)
