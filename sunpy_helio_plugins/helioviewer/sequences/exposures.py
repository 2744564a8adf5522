"""Select the pictures of a sequence by quality and exposure."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import Column, QTable

from sunpy_helio_plugins.arguments import refused
from sunpy_helio_plugins.errors import FileError, Problem
from sunpy_helio_plugins.helioviewer.attrs import NEAR_REAL_TIME
from sunpy_helio_plugins.helioviewer.sequences.pictures import Picture, headers_of
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.datetimes import from_datetime64

__all__ = ["allowed_bits", "limits", "selected"]


def allowed_bits(quality: Any) -> int | None:
    """Return the bits of QUALITY that a picture may have, or `None` for all."""
    if quality is None or quality is False:
        return None
    if quality is True:
        return NEAR_REAL_TIME
    if not isinstance(quality, Integral) or quality < 0:
        raise refused("helioviewer.sequence", quality, "True, None or a non-negative integer of bits as quality")
    return int(quality)


def limits(exposure: Any) -> tuple[float, float] | None:
    """Return the shortest and the longest exposure in seconds, or `None` for all."""
    if exposure is None:
        return None
    try:
        found = np.atleast_1d(u.Quantity(exposure).to_value(u.s)).astype(float)
    except (TypeError, ValueError, u.UnitsError):
        found = np.empty(0)
    if found.shape not in ((1,), (2,)) or not np.isfinite(found).all() or found[0] > found[-1]:
        raise refused("helioviewer.sequence", exposure, "a duration such as 2 * u.s, or two in this order, as exposure")
    return float(found[0]), float(found[1]) if len(found) == 2 else float("inf")


def selected(
    pictures: Sequence[Picture], allowed: int | None, exposure: tuple[float, float] | None
) -> tuple[list[Picture], QTable]:
    """Return the pictures that meet the limits, and a table of the others with the reasons."""
    reasons = [""] * len(pictures)
    if allowed is not None or exposure is not None:
        reasons = [_reason(one, allowed, exposure) for one in headers_of(pictures)]
        if failed := [one for one in reasons if isinstance(one, Problem)]:
            raise FileError(f"{len(failed)} headers cannot be read, so that their images cannot be judged: {failed[0]}")
    lost = [number for number, reason in enumerate(reasons) if reason]
    stamps = np.array([pictures[number].time for number in lost], "M8[us]")
    dropped = QTable(
        {
            "Time": times.as_column(from_datetime64(stamps), "Time of the image"),
            "Name": Column([pictures[number].name for number in lost], dtype=str),
            "Reason": Column([str(reasons[number]) for number in lost], dtype=str),
        }
    )
    return [one for one, reason in zip(pictures, reasons, strict=True) if not reason], dropped


def _reason(own: dict[str, Any] | Problem, allowed: int | None, exposure: tuple[float, float] | None) -> str:
    if isinstance(own, Problem):
        return own
    marks, seconds = own.get("QUALITY"), own.get("EXPTIME")
    if allowed is not None and isinstance(marks, Integral) and int(marks) & ~allowed:
        return f"QUALITY is {int(marks)}"
    if exposure is not None:
        if not isinstance(seconds, int | float) or not np.isfinite(seconds):
            return "EXPTIME is missing"
        if not exposure[0] <= seconds <= exposure[1]:
            return f"EXPTIME is {seconds:g} s"
    return ""
