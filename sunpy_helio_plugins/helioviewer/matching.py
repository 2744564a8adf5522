"""Select the images nearest to the requested times."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from astropy.table import Table
from numpy.typing import NDArray

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import ServiceError
from sunpy_helio_plugins.fido.partial import run_all
from sunpy_helio_plugins.helioviewer import source_table, tables
from sunpy_helio_plugins.helioviewer.listers import coverage
from sunpy_helio_plugins.helioviewer.query import Query
from sunpy_helio_plugins.quantities import datetimes, times

__all__ = ["NEAREST", "ImageLocation", "asked_times", "limit_of", "nearest", "places", "wanted"]

_Instants = NDArray[np.datetime64]


def wanted(query: Query, instants: _Instants) -> tuple[NDArray[np.intp], int]:
    """
    Return the indices of the images that a query selects, and the number of its instants without an image.

    ``instants`` are the images' times in ascending order, all within the range, as datetime64[us].
    """
    if query.near is None and query.sample is None:
        return np.arange(len(instants)), 0
    asked = asked_times(query)
    if not len(instants):
        return np.empty(0, np.intp), len(asked)
    position, apart = nearest(instants, asked)
    limit = limit_of(query)
    close = np.full(len(asked), True) if limit is None else apart <= limit
    return np.unique(position[close]), int(np.count_nonzero(~close))


def asked_times(query: Query) -> _Instants:
    """Return the instants of a query for which the nearest images are wanted."""
    if query.near is not None:
        return times.datetime64_from_iso(np.array([query.near])).astype("M8[us]")
    if query.sample is None:
        return np.empty(0, "M8[us]")
    start, end = times.datetime64_from_iso(np.array([query.start, query.end])).astype("M8[us]")
    step = max(round(query.sample * 1e6), 1)
    return start + np.arange(0, (end - start).astype(np.int64) + 1, step).astype("m8[us]")


def limit_of(query: Query) -> np.timedelta64 | None:
    """Return the maximum difference of time; for a grid half a step by default, so that no image is used twice."""
    seconds = query.tolerance
    if seconds is None and query.sample is not None:
        seconds = query.sample / 2
    return None if seconds is None else np.timedelta64(round(seconds * 1e6), "us")


def nearest(instants: _Instants, asked: _Instants) -> tuple[NDArray[np.intp], NDArray[np.timedelta64]]:
    """Return the index of the image that is nearest to each instant, and its distance; there is at least one image."""
    after = np.searchsorted(instants, asked).clip(1, max(len(instants) - 1, 1))
    before = after - 1
    after = np.minimum(after, len(instants) - 1)
    earlier = np.abs(asked - instants[before]) <= np.abs(instants[after] - asked)
    position = np.where(earlier, before, after)
    return position, np.abs(asked - instants[position])


NEAREST = "nearest"
"""The value of the column ``Lister`` for images whose time is known to the second only."""

AT_ONCE = 3


class ImageLocation(NamedTuple):
    """
    The location of the image of a row.

    Attributes
    ----------
    url : str
        Its URL.
    path : str
        Its path, whose last part is its name.
    missing : str
        Why it is not available, although the URL would return another image; empty if it is available.
    """

    url: str
    path: str
    missing: str = ""


def places(rows: Table) -> list[ImageLocation]:
    """
    Return the locations of the images of rows; the file names for rows of `near` are requested now.

    That of a row without an image, whose path is masked, has an empty path.
    """
    urls, paths, listers = (rows[name].tolist() for name in ("url", "Path", "Lister"))
    found = list(map(ImageLocation, urls, paths))
    gone = np.flatnonzero(np.ma.getmaskarray(rows["Path"])) if hasattr(rows["Path"], "mask") else np.empty(0, int)
    for row in gone.tolist():
        found[row] = ImageLocation("", "")
    unknown = [row for row, name in enumerate(listers) if name == NEAREST]
    for row, place in zip(unknown, run_all(unknown, lambda row: _nearest_image(rows[row]), AT_ONCE), strict=True):
        found[row] = place
    return found


def _nearest_image(row: Any) -> ImageLocation:
    url, path = str(row["url"]), str(row["Path"])
    # Add half a second: a time is a float, and may be a nanosecond before its second.
    instant: np.datetime64 = datetimes.to_datetime64(row["Start Time"])[()]  # type: ignore[assignment]
    second = (instant + np.timedelta64(500, "ms")).astype("M8[s]")
    try:
        path = coverage.path_of(source_table.by_id()[int(row["Source ID"])], second)
    except ServiceError as error:
        return ImageLocation(url, path, str(error))
    (url,) = tables.addresses(conf.helioviewer.jp2_url.rstrip("/"), np.array([path.encode()]))
    return ImageLocation(url.decode(), path)
