"""
Screenshots, movies and JPX made by Helioviewer: its own client's parameters, with this package's timeouts and checks.

hvpy checks and spells the parameters; the requests go to ``conf.helioviewer.api_url`` through this package, and what
comes is written only when it is what was asked for.
"""

from __future__ import annotations

import contextlib
import time as clock
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import astropy.units as u
from astropy.table import QTable

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import (
    AnswerError,
    FileError,
    MissingDependencyError,
    QueryError,
    ServiceBroken,
    ServiceUnreachable,
)
from sunpy_helio_plugins.helioviewer import catalogue, jp2
from sunpy_helio_plugins.helioviewer.coverage_list import actions
from sunpy_helio_plugins.helioviewer.translate import PROVIDER
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.transport import session
from sunpy_helio_plugins.transport.parts import new_part, publish
from sunpy_helio_plugins.transport.words import server_words

__all__ = ["jpx", "movie", "screenshot", "status"]

_STARTS = {
    "PNG": (0, (b"\x89PNG\r\n\x1a\n",)),
    "mp4": (4, (b"ftyp",)),
    "webm": (0, (b"\x1a\x45\xdf\xa3",)),
    "JPX": (0, (jp2.SIGNATURE,)),
}
_MOST_LAYERS = 5


def screenshot(
    time: Any, layers: Iterable[int], file: str | Path, image_scale: float = 2.4, size: tuple[int, int] = (1024, 1024),
    **options: Any,
) -> Path:  # fmt: skip
    """
    Fetch a picture of layered images, drawn by Helioviewer.

    Parameters
    ----------
    time : str, datetime or astropy.time.Time
        The time; Helioviewer takes the nearest image of each layer, however far it is.
    layers : iterable of int
        Ids of sources, the lowest layer first.
    file : str or pathlib.Path
        Where the PNG goes.
    image_scale : float, optional
        Arcseconds per pixel.
    size : tuple of int, optional
        Width and height in pixels, about the centre of the Sun.
    **options
        Further parameters of ``hvpy.takeScreenshot``, such as ``events`` and ``watermark``.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    QueryError
        A layer is no source, or a parameter is not allowed.
    ServiceError
        Helioviewer refuses, or does not answer as it should.
    """
    place = {"x0": 0, "y0": 0, "width": size[0], "height": size[1]}
    asked = {"date": _date(time), "imageScale": image_scale, "layers": _layers(layers), **place, **options}
    number = _field(_ask("takeScreenshot", asked), "id", "takeScreenshot")
    return _file("downloadScreenshot", {"id": str(number)}, file, "PNG")


def movie(
    start: Any, end: Any, layers: Iterable[int], file: str | Path, image_scale: float = 4.8,
    size: tuple[int, int] = (512, 512), progress: bool = True, wait: u.Quantity = 3600 * u.s, **options: Any,
) -> Path:  # fmt: skip
    """
    Have Helioviewer make a movie, wait for it, and fetch it.

    Parameters
    ----------
    start, end : str, datetime or astropy.time.Time
        The range.
    layers : iterable of int
        Ids of sources, the lowest layer first.
    file : str or pathlib.Path
        Where the movie goes: ``.mp4`` or ``.webm``.
    image_scale : float, optional
        Arcseconds per pixel.
    size : tuple of int, optional
        Width and height in pixels, about the centre of the Sun.
    progress : bool, optional
        Show a bar.
    wait : astropy.units.Quantity, optional
        How long to wait for it.
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
    ServiceError
        Helioviewer refuses, fails to make the movie, or does not end in time.
    """
    kind = Path(file).suffix.removeprefix(".").lower()
    if kind not in ("mp4", "webm"):
        raise QueryError(f"Helioviewer makes movies as .mp4 and .webm, not as {Path(file).name}.")
    # hvpy wants texts here, and numbers for a screenshot.
    place = {"x0": "0", "y0": "0", "width": str(size[0]), "height": str(size[1])}
    asked = {
        "startTime": _date(start), "endTime": _date(end), "layers": _layers(layers), "events": "",
        "eventsLabels": False, "imageScale": image_scale, "format": kind, **place, **options,
    }  # fmt: skip
    queued = _ask("queueMovie", asked)
    number = str(_field(queued, "id", "queueMovie"))
    _await(number, kind, str(queued.get("token", "")), float(wait.to_value(u.s)), progress)
    return _file("downloadMovie", {"id": number, "format": kind, "hq": "true"}, file, kind)


def jpx(start: Any, end: Any, source: int, file: str | Path, cadence: u.Quantity | None = None) -> Path:
    """
    Fetch the images of a range in one JPX file, which Helioviewer merges for it.

    Parameters
    ----------
    start, end : str, datetime or astropy.time.Time
        The range.
    source : int
        The id of a source.
    file : str or pathlib.Path
        Where it goes.
    cadence : astropy.units.Quantity, optional
        Time between the frames. Defaults to all images; Helioviewer takes a thousand at most.

    Returns
    -------
    pathlib.Path
        The file.
    """
    asked = {"startTime": _date(start), "endTime": _date(end), "sourceId": str(_source(source)), "linked": "false"}
    asked["cadence"] = "-1" if cadence is None else str(round(cadence.to_value(u.s)))
    return _file("getJPX", asked, file, "JPX")


def status() -> QTable:
    """
    Return how old the newest image of each instrument is.

    Returns
    -------
    astropy.table.QTable
        ``Instrument``, ``Measurement``, ``Newest Image``, ``Behind``, and Helioviewer's ``Level`` from 1 (usual) to 5.
    """
    decoded = actions("getStatus")
    rows = [(name, one) for name, one in decoded.items() if isinstance(one, dict) and one.get("time")]
    return QTable({
        "Instrument": [name for name, _ in rows],
        "Measurement": [str(one.get("measurement", "")) for _, one in rows],
        "Newest Image": times.from_iso([str(one["time"]) for _, one in rows]),
        "Behind": [float(one.get("secondsBehind", "nan")) for _, one in rows] * u.s,
        "Level": [int(one.get("level", 0)) for _, one in rows],
    })  # fmt: skip


def _date(time: Any) -> Any:
    from sunpy.time import parse_time

    return parse_time(time).utc.to_datetime()


def _source(number: int) -> int:
    if number not in catalogue.by_id():
        raise QueryError(f"Helioviewer has no source {number!r}; see sunpy_helio_plugins.helioviewer.sources().")
    return number


def _layers(layers: Iterable[int]) -> str:
    ids = [_source(one) for one in layers]
    if not 0 < len(ids) <= _MOST_LAYERS:
        raise QueryError(f"Helioviewer draws 1 to {_MOST_LAYERS} layers, not {len(ids)}.")
    return ",".join(f"[{one},1,100]" for one in ids)


def _ask(action: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Let hvpy check and spell the parameters of an action, and ask."""
    try:
        parameters = import_module("hvpy.parameters")
    except ImportError as error:
        raise MissingDependencyError(f"Helioviewer's {action}", "hvpy") from error
    try:
        spelt = getattr(parameters, f"{action}InputParameters")(**asked).model_dump()
    except ValueError as error:
        raise QueryError(f"Helioviewer's {action} does not take this: {error}") from error
    texts = {name: _text(value) for name, value in spelt.items() if value is not None}
    return _mapping(actions(action, **texts), action)


def _text(value: Any) -> str:
    # PHP's filter knows "true", not "True".
    return str(value).lower() if isinstance(value, bool) else str(value)


def _mapping(decoded: Any, action: str) -> dict[str, Any]:
    if not isinstance(decoded, dict):
        raise AnswerError(PROVIDER, action, f"an object was expected, {str(decoded)[:100]} came")
    return decoded


def _field(decoded: dict[str, Any], name: str, action: str) -> Any:
    if decoded.get(name) in (None, ""):
        raise AnswerError(PROVIDER, action, f"the answer has no {name!r}: {str(decoded)[:200]}")
    return decoded[name]


def _await(number: str, kind: str, token: str, most: float, progress: bool) -> None:
    """Ask for the state of a movie until it is made: 0 queued, 1 at work, 2 made, 3 failed."""
    ends, pause = clock.monotonic() + most, 1.0
    with _bar(progress) as bar:
        while True:
            told = _mapping(actions("getMovieStatus", id=number, format=kind, token=token), "getMovieStatus")
            state = int(told.get("status", 0))
            bar.n = 1.0 if state == 2 else float(told.get("progress") or 0)
            bar.refresh()
            if state == 2:
                return
            if state == 3:
                words = f"the movie failed: {told.get('error', 'no reason given')}"
                raise ServiceBroken(PROVIDER, "getMovieStatus", words)
            if clock.monotonic() + pause > ends:
                place = told.get("queuePosition", "left")
                words = f"the movie {number} was not made within {most:g} s (queue: {place})"
                raise ServiceUnreachable(PROVIDER, "getMovieStatus", words)
            clock.sleep(pause)
            pause = min(1.5 * pause, 15.0)


def _bar(progress: bool) -> Any:
    from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]

    form = "{desc}: {percentage:3.0f}% {bar}"
    return tqdm(total=1.0, desc="Helioviewer's movie", disable=not progress, bar_format=form)


def _file(action: str, asked: dict[str, str], file: str | Path, kind: str) -> Path:
    """Fetch what was made, and keep it if it begins as its kind does."""
    texts = {name: f"{value:%Y-%m-%dT%H:%M:%S}Z" if hasattr(value, "hour") else value for name, value in asked.items()}
    url = f"{conf.helioviewer.api_url.rstrip('/')}/{action}/"
    answer = session.get(url, texts, archive=PROVIDER, max_bytes=conf.max_file)
    at, starts = _STARTS[kind]
    if not any(answer.content[at : at + len(start)] == start for start in starts):
        raise FileError(f"Helioviewer's {action} gave no {kind}: {server_words(answer.content[:4096]) or 'nothing'}")
    target = Path(file)
    target.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        part, stream = stack.enter_context(new_part(target))
        stream.write(answer.content)
        stream.flush()
        return publish(part, target, True)
