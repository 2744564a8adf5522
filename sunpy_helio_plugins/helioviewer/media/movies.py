"""
Movies made by Helioviewer: queue them, wait, and download them.

Read from its code (repository Helioviewer-Project/api, ``Movies.php``, ``HelioviewerMovie.php``): the state is that of
the mp4, so that a WebM may be missing when the state is "made"; a request for the state may fail with status 500 while
the first frames are drawn; a request for a movie that is not kept any more queues it again.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import astropy.units as u

from sunpy_helio_plugins.arguments import FLAG, taking
from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import QueryError, ServerError, ServiceUnreachable
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.helioviewer import service
from sunpy_helio_plugins.helioviewer.media import screenshots
from sunpy_helio_plugins.helioviewer.media.checks import NotMadeError
from sunpy_helio_plugins.helioviewer.query import PROVIDER
from sunpy_helio_plugins.quantities.exact import whole_number
from sunpy_helio_plugins.transport import limits

__all__ = ["movie"]

QUEUED, AT_WORK, MADE, FAILED = range(4)
"""The states of a movie."""

MOST_TROUBLES = 8
"""Maximum of successive failures of requests for the state."""

_SHORTEST, _LONGEST = 1.0, 15.0


@taking(
    "helioviewer.movie", layers=screenshots.LAYERS, image_scale=screenshots.SCALE, size=screenshots.SIZE, progress=FLAG,
)  # fmt: skip
def movie(
    start: Any, end: Any, layers: Iterable[int], file: str | Path, image_scale: float = 4.8,
    size: tuple[int, int] = (512, 512), progress: bool = True, wait: u.Quantity = 3600 * u.s, **options: Any,
) -> Path:  # fmt: skip
    """
    Let Helioviewer make a movie, wait for it, and download it.

    Parameters
    ----------
    start, end : str, datetime or astropy.time.Time
        The range.
    layers : iterable of int
        Ids of sources, the lowest layer first.
    file : str or pathlib.Path
        The path of the movie, ``.mp4`` or ``.webm``; an existing file is replaced.
    image_scale : float, optional
        Arcseconds per pixel.
    size : tuple of int, optional
        Width and height in pixels, around the centre of the Sun.
    progress : bool, optional
        Whether to show a progress bar.
    wait : astropy.units.Quantity, optional
        The maximum time to wait for the movie.
    **options
        Further parameters of ``hvpy.queueMovie``, such as ``frameRate`` and ``maxFrames``.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    QueryError
        The file's suffix, a layer or a parameter is not allowed.
    ServiceError, TransferError
        Helioviewer refuses, fails to make the movie, or does not finish in time.
    FileError
        The downloaded file is not a complete movie.

    Examples
    --------
    >>> from sunpy_helio_plugins import helioviewer
    >>> print(helioviewer.movie("2026-01-10 11:58", "2026-01-10 12:02", [13], "corona.mp4", size=(64, 48)))
    corona.mp4
    """
    path = inputs.one_path("helioviewer.movie", file)
    most = inputs.duration("helioviewer.movie", "wait", wait)
    first, last = screenshots.ends("helioviewer.movie", start, end)
    kind = path.suffix.removeprefix(".").lower()
    if kind not in ("mp4", "webm"):
        raise QueryError(f"The file of a movie ends with .mp4 or .webm, unlike {path.name}.")
    # hvpy takes texts here, and numbers for a screenshot.
    place = {"x0": "0", "y0": "0", "width": str(size[0]), "height": str(size[1])}
    asked = {
        "startTime": first, "endTime": last,
        "layers": screenshots.layer_text(layers),
        "events": "", "eventsLabels": False, "imageScale": image_scale, "format": kind, **place, **options,
    }  # fmt: skip
    queued = screenshots.spoken("queueMovie", asked)
    number = str(screenshots.field_of(queued, "id", "queueMovie"))
    with _bar(progress) as bar:
        waiting = _Waiting(number, kind, str(queued.get("token") or ""), most, bar)
        return waiting.until_fetched(lambda: screenshots.fetched("downloadMovie", waiting.download, path, kind))


class _Waiting:
    """The wait for one movie, for at most a number of seconds, with a bar that shows the progress."""

    def __init__(self, number: str, kind: str, token: str, most: float, bar: Any) -> None:
        self.asked = {"id": number, "format": kind, **({"token": token} if token else {})}
        self.download = {"id": number, "format": kind, "hq": "true"}
        self.most, self.ends, self.pause, self.bar = most, clock.monotonic() + most, _SHORTEST, bar
        self.told: dict[str, Any] = {}

    def until_fetched(self, fetch: Callable[[], Path]) -> Path:
        """Download the movie once it is made; continue to wait if its file does not exist yet, or not any more."""
        while True:
            self.until_made()
            try:
                return fetch()
            except NotMadeError as error:
                self.sleep(str(error))

    def until_made(self) -> None:
        """Request the state until the movie is made."""
        troubles = 0
        while True:
            try:
                with limits.budget(max(self.ends - clock.monotonic(), float(conf.read_timeout)), "wait"):
                    self.told = service.ask_object("getMovieStatus", self.asked)
                troubles = 0
            except ServerError:
                troubles += 1
                if troubles == MOST_TROUBLES:
                    raise
                self.sleep("its state is unknown")
                continue
            state = _whole(self.told.get("status"))
            self.bar.n = 1.0 if state == MADE else _share(self.told.get("progress"))
            self.bar.refresh()
            if state == MADE:
                return
            if state == FAILED:
                words = f"the movie failed: {self.told.get('error', 'no reason given')}"
                raise ServerError(PROVIDER, service.address("getMovieStatus"), words)
            self.sleep(f"queue: {self.told.get('queuePosition', 'in progress')}")

    def sleep(self, words: str) -> None:
        """Wait a little longer each time; raise an error if the total would be too long."""
        if clock.monotonic() + self.pause > self.ends:
            text = f"the movie {self.asked['id']} was not made within {self.most:g} s ({words})"
            raise ServiceUnreachable(PROVIDER, service.address("getMovieStatus"), text)
        clock.sleep(self.pause)
        self.pause = min(1.5 * self.pause, _LONGEST)


def _whole(value: Any) -> int:
    """Return a state as an integer; PHP returns some numbers as texts."""
    number = whole_number(value)
    return QUEUED if number is None else number


def _share(value: Any) -> float:
    return min(max(float(value), 0.0), 1.0) if isinstance(value, int | float) else 0.0


def _bar(progress: bool) -> Any:
    from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]

    form = "{desc}: {percentage:3.0f}% {bar}"
    return tqdm(total=1.0, desc="Helioviewer's movie", disable=not progress, bar_format=form)
