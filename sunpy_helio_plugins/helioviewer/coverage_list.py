"""
Lists of images from the API's data coverage: for sources that nothing else lists.

``getDataCoverage`` gives, for a range below 105 minutes, each image's whole second, and answers for the range before
and the range after as well (`Helioviewer API`_, undocumented; read from its code): one request lists 5.2 hours.
``getJP2Image`` with ``jpip`` and ``json`` then gives the path of each without sending it.

.. _Helioviewer API: https://api.helioviewer.org/docs/v2/
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np

from sunpy_helio_plugins.errors import AnswerError, ServiceError
from sunpy_helio_plugins.helioviewer import api
from sunpy_helio_plugins.helioviewer.catalogue import Source
from sunpy_helio_plugins.helioviewer.filenames import named_times, true_times
from sunpy_helio_plugins.helioviewer.listing import SECOND, Found, Gap
from sunpy_helio_plugins.helioviewer.translate import PROVIDER

__all__ = ["CoverageLister", "path_of"]

WIDTH = np.timedelta64(104, "m")
"""Below 105 minutes each point is one image; above, points are bins."""

MOST_WINDOWS = 150
MOST_NAMES = 2000
AT_ONCE = 3

_APART = np.timedelta64(1500, "ms")
_T = TypeVar("_T")


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
        parts = list(self.pool.map(lambda window: _caught(_seconds, source, window), windows))
        gaps = [
            Gap(max(start, window.astype("M8[us]")), min(end, (window + 3 * WIDTH).astype("M8[us]")), str(part), part)
            for window, part in zip(windows, parts, strict=True)
            if isinstance(part, ServiceError)
        ]
        come = [part for part in parts if not isinstance(part, ServiceError)]
        seconds = np.unique(np.concatenate([np.empty(0, "M8[s]"), *come]))
        seconds = seconds[(seconds >= low) & (seconds <= high)]
        if len(seconds) > MOST_NAMES:
            reason = f"the names of {len(seconds)} images would have to be asked for singly; ask for less"
            return Found.nothing(Gap(start, end, reason))
        names = list(self.pool.map(lambda second: _caught(path_of, source, second), seconds))
        gaps += [
            Gap(max(start, second.astype("M8[us]")), min(end, (second + SECOND).astype("M8[us]")), str(name), name)
            for second, name in zip(seconds, names, strict=True)
            if isinstance(name, ServiceError)
        ]
        named = np.array([isinstance(name, str) for name in names], dtype=bool)
        paths = np.array([name.encode() for name in names if isinstance(name, str)] or [], dtype="S")
        return Found(true_times(paths, seconds[named]), paths, gaps)


def _caught(question: Callable[[Source, np.datetime64], _T], source: Source, when: np.datetime64) -> _T | ServiceError:
    """Return the answer to a question, or its failure: one of many must not cost the others."""
    try:
        return question(source, when)
    except ServiceError as error:
        return error


def _seconds(source: Source, window: np.datetime64) -> np.ndarray[Any, Any]:
    """Return the seconds of all images within three widths from an instant."""
    begin, finish = (
        str(int((window + k * WIDTH).astype("M8[ms]").astype(np.int64))) for k in (1, 2)
    )
    wish = {"imageLayers": f"[{source.id},1,100]", "startDate": begin, "endDate": finish, "currentDate": begin}
    decoded = api.ask("getDataCoverage", wish)
    try:
        points = [int(point[0]) for layer in decoded if int(layer["sourceId"]) == source.id for point in layer["data"]]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        words = f"a data coverage was expected, {str(decoded)[:100]} came"
        raise AnswerError(PROVIDER, api.address("getDataCoverage"), words) from error
    return np.array(points, dtype="M8[ms]").astype("M8[s]")


def path_of(source: Source, second: np.datetime64) -> str:
    """
    Return the path of the image of a second.

    Parameters
    ----------
    source : Source
        The kind of image.
    second : numpy.datetime64
        Its time in the database.

    Raises
    ------
    ServiceError
        The API does not answer as it should, or with another image: it gives the nearest one, however far that is.
    """
    asked = {"date": f"{second.astype('M8[s]')}Z", "sourceId": str(source.id), "jpip": "true", "json": "true"}
    uri = api.ask_object("getJP2Image", asked).get("uri")
    path = urlsplit(uri).path if isinstance(uri, str) else ""
    if not path.endswith(".jp2"):
        words = f"the address of an image was expected, {str(uri)[:100]} came"
        raise AnswerError(PROVIDER, api.address("getJP2Image"), words)
    if abs(named_times(np.array([path.encode()]))[0] - second) > _APART:
        words = f"the image of {second} was asked for, {path} came"
        raise AnswerError(PROVIDER, api.address("getJP2Image"), words)
    return path
