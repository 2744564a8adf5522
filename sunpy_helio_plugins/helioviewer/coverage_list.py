"""
Lists of images from the API's data coverage: for sources that nothing else lists.

``getDataCoverage`` gives, for a range below 105 minutes, each image's whole second, and answers for the range before
and the range after as well (`Helioviewer API`_, undocumented; read from its code): one request lists 5.2 hours.
``getJP2Image`` with ``jpip`` and ``json`` then gives the path of each without sending it.

.. _Helioviewer API: https://api.helioviewer.org/docs/v2/
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import AnswerError, ServiceError
from sunpy_helio_plugins.helioviewer.catalogue import Source
from sunpy_helio_plugins.helioviewer.filenames import named_times, true_times
from sunpy_helio_plugins.helioviewer.listing import SECOND, Found, Gap
from sunpy_helio_plugins.helioviewer.translate import PROVIDER
from sunpy_helio_plugins.transport import session

__all__ = ["CoverageLister", "actions"]

WIDTH = np.timedelta64(104, "m")
"""Below 105 minutes each point is one image; above, points are bins."""

MOST_WINDOWS = 150
MOST_NAMES = 2000
AT_ONCE = 3

_APART = np.timedelta64(1500, "ms")


def actions(name: str, **fields: str) -> Any:
    """
    Ask the API.

    Parameters
    ----------
    name : str
        The action.
    **fields
        Its parameters.

    Returns
    -------
    object
        The decoded JSON.

    Raises
    ------
    ServiceError
        The API does not answer, or with an error, also one under HTTP status 200.
    """
    url = f"{conf.helioviewer.api_url.rstrip('/')}/{name}/"
    answer = session.get(url, fields, archive=PROVIDER)
    decoded = answer.json()
    if isinstance(decoded, dict) and decoded.get("error"):
        raise AnswerError(PROVIDER, answer.url, str(decoded["error"]), answer.status)
    return decoded


@dataclass
class CoverageLister:
    """The data coverage during one search."""

    name = "coverage"
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(AT_ONCE))

    def can_list(self, source: Source) -> bool:
        """Tell whether the API can be asked: it knows every source."""
        return not source.members

    def find(self, source: Source, start: np.datetime64, end: np.datetime64) -> Found:
        """
        List the images of a source in a range, both ends included.

        Parameters
        ----------
        source : Source
            The kind of image.
        start, end : numpy.datetime64
            The range.
        """
        low, high = start.astype("M8[s]") - SECOND, end.astype("M8[s]") + SECOND
        windows = np.arange(low, high, 3 * WIDTH.astype("m8[s]"))
        if len(windows) > MOST_WINDOWS:
            reason = f"{len(windows)} requests for the coverage would be needed, and {MOST_WINDOWS} are the most"
            return Found.nothing(Gap(start, end, f"{reason}; ask for less"))
        try:
            parts = list(self.pool.map(lambda window: _seconds(source, window), windows))
            seconds = np.unique(np.concatenate([np.empty(0, "M8[s]"), *parts]))
            seconds = seconds[(seconds >= low) & (seconds <= high)]
            if len(seconds) > MOST_NAMES:
                reason = f"the names of {len(seconds)} images would have to be asked for singly; ask for less"
                return Found.nothing(Gap(start, end, reason))
            paths = np.array(list(self.pool.map(lambda second: _path(source, second), seconds)), dtype="S")
        except ServiceError as error:
            return Found.nothing(Gap(start, end, str(error), error))
        return Found(true_times(paths, seconds), paths)


def _seconds(source: Source, window: np.datetime64) -> np.ndarray[Any, Any]:
    """Return the seconds of all images within three widths from an instant."""
    begin, finish = (
        str(int((window + k * WIDTH).astype("M8[ms]").astype(np.int64))) for k in (1, 2)
    )
    decoded = actions(
        "getDataCoverage", imageLayers=f"[{source.id},1,100]", startDate=begin, endDate=finish, currentDate=begin
    )
    try:
        points = [int(point[0]) for layer in decoded if int(layer["sourceId"]) == source.id for point in layer["data"]]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        words = f"a data coverage was expected, {str(decoded)[:100]} came"
        raise AnswerError(PROVIDER, "getDataCoverage", words) from error
    return np.array(points, dtype="M8[ms]").astype("M8[s]")


def _path(source: Source, second: np.datetime64) -> bytes:
    """Return the path of the image of a second; the API gives the nearest image there is, which is that one."""
    asked = {"date": f"{second}Z", "sourceId": str(source.id), "jpip": "true", "json": "true"}
    decoded = actions("getJP2Image", **asked)
    uri = decoded.get("uri") if isinstance(decoded, dict) else None
    path = urlsplit(uri).path.encode() if isinstance(uri, str) else b""
    if not path.endswith(b".jp2"):
        raise AnswerError(PROVIDER, "getJP2Image", f"the address of an image was expected, {str(decoded)[:100]} came")
    if abs(named_times(np.array([path]))[0] - second) > _APART:
        raise AnswerError(PROVIDER, "getJP2Image", f"the image of {second} was asked for, {path.decode()} came")
    return path
