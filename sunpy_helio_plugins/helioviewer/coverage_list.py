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
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from sunpy_helio_plugins.errors import AnswerError
from sunpy_helio_plugins.helioviewer import api
from sunpy_helio_plugins.helioviewer.catalogue import Source
from sunpy_helio_plugins.helioviewer.filenames import named_times, true_times
from sunpy_helio_plugins.helioviewer.listing import SECOND, Found, Gap, asked
from sunpy_helio_plugins.helioviewer.translate import PROVIDER

__all__ = ["CoverageLister", "path_of"]

WIDTH = np.timedelta64(104, "m")
"""Below 105 minutes each point is one image; above, points are bins."""

MOST_WINDOWS = 150
MOST_NAMES = 2000
AT_ONCE = 3

_APART = np.timedelta64(1500, "ms")


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
        starts = np.arange(low, high, 3 * WIDTH.astype("m8[s]"))
        if len(starts) > MOST_WINDOWS:
            reason = f"{len(starts)} requests for the coverage would be needed, and {MOST_WINDOWS} are the most"
            return Found.nothing(Gap(start, end, f"{reason}; ask for less"))
        windows = [(window, window + 3 * WIDTH) for window in starts]
        parts, gaps = asked(self.pool, partial(_seconds, source), windows, (start, end))
        seconds = np.unique(np.concatenate([np.empty(0, "M8[s]"), *parts]))
        seconds = seconds[(seconds >= low) & (seconds <= high)]
        if len(seconds) > MOST_NAMES:
            reason = f"the names of {len(seconds)} images would have to be asked for singly; ask for less"
            return Found.nothing(Gap(start, end, reason))
        pieces = [(second, second + SECOND) for second in seconds]
        named, nameless = asked(self.pool, partial(_named, source), pieces, (start, end))
        paths = np.array([path.encode() for _, path in named] or [], dtype="S")
        instants = np.array([second for second, _ in named], dtype="M8[s]")
        return Found(true_times(paths, instants), paths, [*gaps, *nameless])


def _seconds(source: Source, window: np.datetime64, end: np.datetime64) -> np.ndarray[Any, Any]:
    """Return the seconds of all images in a window of three widths."""
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


def _named(source: Source, second: np.datetime64, end: np.datetime64) -> tuple[np.datetime64, str]:
    return second, path_of(source, second)


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
