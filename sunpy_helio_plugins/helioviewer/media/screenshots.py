"""
Screenshots, JPX files and the status of Helioviewer: the parameters of hvpy, with this package's timeouts and checks.

hvpy checks and formats the parameters; the requests are sent to ``conf.helioviewer.api_url`` by this package, and a
response is saved only if it is of the requested kind.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import QTable, vstack

from sunpy_helio_plugins.arguments import DURATION, FLAG, Kind, integer, is_several, number, optional, taking
from sunpy_helio_plugins.errors import (
    AnswerError,
    MissingDependencyError,
    QueryError,
    ServiceError,
    printable,
    warn_incomplete,
)
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.helioviewer import service, source_table
from sunpy_helio_plugins.helioviewer.media import checks
from sunpy_helio_plugins.helioviewer.query import PROVIDER
from sunpy_helio_plugins.helioviewer.servers import addresses
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.transport.files import job, queue

__all__ = ["jpx", "screenshot", "status"]

MOST_LAYERS = 5
"""Maximum of layers that Helioviewer draws (repository Helioviewer-Project/api); some versions accept 3 for a movie."""


MOST_RANGES = 360
"""Maximum of ranges in a request for their middle images (Helioviewer's documentation)."""

_NOT_HERE = frozenset({"callback", "display"})
"""Parameters for which the response would not be an object."""


def _layers(given: Any) -> list[Any]:
    if isinstance(given, str | bytes | dict) or hasattr(given, "colnames"):
        raise TypeError
    return [integer(0).of(one) for one in ([given] if np.ndim(given) == 0 else given)]


def _size(given: Any) -> tuple[int, int]:
    width, height = given
    return integer(1).of(width), integer(1).of(height)


LAYERS = Kind("the ids of one or several sources, such as [13, 14],", _layers)
SCALE = number(1e-3, 1e4, "a number of arcseconds per pixel, above 0,")
SIZE = Kind("a width and a height in pixels, such as (1024, 1024),", _size)


@taking("helioviewer.screenshot", layers=LAYERS, image_scale=SCALE, size=SIZE)
def screenshot(
    time: Any, layers: Iterable[int], file: str | Path, image_scale: float = 2.4, size: tuple[int, int] = (1024, 1024),
    **options: Any,
) -> Path:  # fmt: skip
    """
    Download a screenshot of layered images, drawn by Helioviewer.

    Parameters
    ----------
    time : str, datetime or astropy.time.Time
        The time; Helioviewer uses the nearest image of each layer, at any distance in time.
    layers : iterable of int
        Ids of sources, the lowest layer first.
    file : str or pathlib.Path
        The path of the PNG file; an existing file is replaced.
    image_scale : float, optional
        Arcseconds per pixel.
    size : tuple of int, optional
        Width and height in pixels, around the centre of the Sun.
    **options
        Further parameters of ``hvpy.takeScreenshot``, such as ``events`` and ``watermark``.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    QueryError
        A layer is not a source, or a parameter is not allowed.
    ServiceError, TransferError
        Helioviewer refuses, or does not return a valid response.
    FileError
        The downloaded file is not a complete PNG.

    Examples
    --------
    >>> from sunpy_helio_plugins import helioviewer
    >>> print(helioviewer.screenshot("2026-01-10 14:36", [11, 4], "corona.png", image_scale=14, size=(90, 70)))
    corona.png
    """
    path = inputs.one_path("helioviewer.screenshot", file)
    place = {"x0": 0, "y0": 0, "width": size[0], "height": size[1]}
    asked = {
        "date": moment("helioviewer.screenshot", time),
        "imageScale": image_scale,
        "layers": layer_text(layers),
        **place,
        **options,
    }
    number = field_of(spoken("takeScreenshot", asked), "id", "takeScreenshot")
    return fetched("downloadScreenshot", {"id": str(number)}, path, "PNG")


@taking("helioviewer.jpx", source=integer(0), cadence=optional(DURATION))
def jpx(start: Any, end: Any, source: int, file: str | Path, cadence: u.Quantity | None = None) -> Path:
    """
    Download the images of a range in one JPX file, which Helioviewer makes.

    Parameters
    ----------
    start, end : str, datetime, astropy.time.Time, or lists of these
        The range. For lists of up to 360 starts and as many ends, the file contains the image of each range that is
        nearest to its middle.
    source : int
        The id of a source.
    file : str or pathlib.Path
        The path of the file; an existing file is replaced.
    cadence : astropy.units.Quantity, optional
        Time between the frames of a single range. Defaults to all images. Helioviewer includes a thousand images at
        most: a warning contains its message on images that it leaves out, or on another cadence that it uses.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    QueryError
        The source does not exist, the cadence is not a duration, or the ranges are not valid.
    ServiceError, TransferError
        Helioviewer refuses, or does not return a valid response.
    FileError
        The downloaded file is not a complete JPX.

    Examples
    --------
    >>> from sunpy_helio_plugins import helioviewer
    >>> print(helioviewer.jpx("2026-01-10 11:58", "2026-01-10 12:02", 13, "frames.jpx"))
    frames.jpx
    """
    path = inputs.one_path("helioviewer.jpx", file)
    asked = {"sourceId": str(_source(source)), "linked": "false"}
    if _are_times(start) or _are_times(end):
        action, asked = "getJPXClosestToMidPoint", asked | _ranges(start, end, cadence)
    else:
        first, last = (f"{time:%Y-%m-%dT%H:%M:%S}Z" for time in ends("helioviewer.jpx", start, end))
        step = "-1" if cadence is None else str(_seconds(cadence))
        action, asked = "getJPX", asked | {"startTime": first, "endTime": last, "cadence": step}
    # Request the summary first: the file does not contain which images were left out. The server keeps the file.
    told = service.ask_object(action, {**asked, "verbose": "true"})
    if told.get("message"):
        warn_incomplete(f"{PROVIDER}'s message on {path.name}: {told['message']}")
    frames, wanted = told.get("frames"), asked.get("startTimes", "").count(",") + 1
    if "startTimes" in asked and isinstance(frames, list) and len(frames) < wanted:
        warn_incomplete(f"{path.name} has {len(frames)} images: {wanted - len(frames)} of {wanted} ranges have none.")
    return fetched(action, asked, path, "JPX")


def _are_times(given: Any) -> bool:
    """Return whether several times are given, and not a single one."""
    return is_several(given) and not isinstance(given, str | bytes)


def _ranges(start: Any, end: Any, cadence: u.Quantity | None) -> dict[str, str]:
    """Return several ranges as parameters: seconds since 1970, as integers."""
    starts, stops = (inputs.instants("helioviewer.jpx", one) for one in (start, end))
    if cadence is not None:
        raise QueryError("helioviewer.jpx takes a cadence for a single range: omit it, or give one start and one end.")
    if len(starts) != len(stops) or not 0 < len(starts) <= MOST_RANGES:
        raise QueryError(
            f"helioviewer.jpx takes 1 to {MOST_RANGES} starts and as many ends, not {len(starts)} and {len(stops)}."
        )
    seconds = [one.astype("M8[s]").astype(np.int64) for one in (starts, stops)]
    wrong = np.flatnonzero(np.isnat(starts) | np.isnat(stops) | (seconds[0] >= seconds[1]))
    if wrong.size:
        at = int(wrong[0])
        raise QueryError(
            f"helioviewer.jpx takes ranges that end at least a second after their start; number {at} starts at "
            f"{starts[at]} and ends at {stops[at]}."
        )
    texts = [",".join(map(str, one.tolist())) for one in seconds]
    return dict(zip(("startTimes", "endTimes"), texts, strict=True))


@taking("helioviewer.status", mirrors=FLAG)
def status(mirrors: bool = False) -> QTable:
    """
    Return the age of the newest image of each instrument.

    Parameters
    ----------
    mirrors : bool, optional
        Whether to ask the mirrors of ``conf.helioviewer.mirrors`` as well.

    Returns
    -------
    astropy.table.QTable
        ``Instrument``, ``Measurement``, ``Newest Image``, ``Behind``, and Helioviewer's ``Level`` from 1 (usual) to 5.
        With ``mirrors``, the column ``Server`` is the first, and a server that does not respond has no rows; a warning
        and ``meta["problems"]`` give the reason.

    Raises
    ------
    ServiceError
        Helioviewer does not return a valid response, or no server does.

    Examples
    --------
    >>> from sunpy_helio_plugins import helioviewer
    >>> print(helioviewer.status()["Instrument", "Measurement"][:2])
    Instrument Measurement
    ---------- -----------
         LASCO    LASCO C2
           AIA     AIA 304
    """
    if not mirrors:
        return _status(addresses.servers()[0])
    found, problems = [], []
    for server in addresses.servers():
        try:
            table = _status(server)
        except ServiceError as error:
            problems.append(error)
            continue
        table.add_column(np.full(len(table), server.name), name="Server", index=0)
        found.append(table)
    if not found:
        raise problems[0]
    if problems:
        warn_incomplete(f"{len(problems)} of {len(addresses.servers())} servers failed; the first: {problems[0]}")
    made = vstack(found)
    made.meta["problems"] = [str(one) for one in problems]
    return made


def _status(server: addresses.MirrorAddress) -> QTable:
    """Return the status of a server."""
    url = addresses.action_url(server, "getStatus")
    decoded = service.ask_at(url)
    # PHP writes an object without members as an empty list.
    pairs = decoded.items() if isinstance(decoded, dict) else ()
    rows = [(name, one) for name, one in pairs if isinstance(one, dict) and one.get("time")]
    if decoded and not rows:
        raise AnswerError(PROVIDER, url, f"expected instruments, but got {str(decoded)[:100]}")
    try:
        return QTable({
            "Instrument": np.array([name for name, _ in rows], dtype=str),
            "Measurement": np.array([str(one.get("measurement", "")) for _, one in rows], dtype=str),
            "Newest Image": times.as_column(
                times.from_iso(np.array([str(one["time"]) for _, one in rows], dtype=str)), "Newest image"
            ),
            "Behind": np.array([float(one.get("secondsBehind", "nan")) for _, one in rows]) * u.s,
            "Level": np.array([int(one.get("level", 0)) for _, one in rows], dtype=int),
        })  # fmt: skip
    except (ArithmeticError, TypeError, ValueError) as error:
        raise AnswerError(PROVIDER, url, f"a value of an instrument is not what it should be: {error}") from error


def moment(function: str, time: Any) -> Any:
    """Return a time as a datetime in UTC, which hvpy takes."""
    return inputs.instant(function, time).utc.to_datetime()


def ends(function: str, start: Any, end: Any) -> tuple[Any, Any]:
    """Return the ends of a range as datetimes in UTC."""
    time = inputs.span(function, (start, end), empty=False)
    return moment(function, time.start), moment(function, time.end)


def _seconds(cadence: u.Quantity) -> int:
    seconds = float(cadence.to_value(u.s))
    if not 0.5 < seconds < float("inf"):
        raise QueryError(f"The time between the frames is rounded to seconds and must be at least 1 s, not {cadence}.")
    return round(seconds)


def _source(number: int) -> int:
    if number not in source_table.by_id():
        raise QueryError(
            f"Helioviewer does not have the source {number!r}; sunpy_helio_plugins.helioviewer.sources() lists all."
        )
    return int(number)


def layer_text(layers: Iterable[int]) -> str:
    """Return layers in Helioviewer's format; raise `QueryError` if one is not a source, or for too many."""
    ids = [_source(one) for one in layers]
    if not 0 < len(ids) <= MOST_LAYERS:
        raise QueryError(f"Helioviewer draws 1 to {MOST_LAYERS} layers, not {len(ids)}.")
    return ",".join(f"[{one},1,100]" for one in ids)


def spoken(action: str, asked: dict[str, Any]) -> dict[str, Any]:
    """
    Check and format the parameters of an action with hvpy, and send the request.

    Parameters that hvpy refuses are a `QueryError`; errors of the API are a `ServiceError`.
    """
    try:
        parameters = import_module("hvpy.parameters")
    except ImportError as error:
        raise MissingDependencyError(f"Helioviewer's {action}", "hvpy") from error
    model = getattr(parameters, f"{action}InputParameters")
    allowed = [name for name in model.model_fields if name not in _NOT_HERE]
    if unknown := sorted(set(asked) - set(allowed)):
        raise QueryError(f"{action} does not take {', '.join(unknown)} here; it takes: {', '.join(allowed)}.")
    try:
        spelt = model(**asked).model_dump()
    except ValueError as error:
        reason = " ".join(printable(str(error)).split())
        raise QueryError(f"Helioviewer's {action} does not take these parameters: {reason}.") from error
    return service.ask_object(action, {name: _text(value) for name, value in spelt.items() if value is not None})


def _text(value: Any) -> str:
    # PHP's filter accepts "true", not "True".
    return str(value).lower() if isinstance(value, bool) else str(value)


def field_of(decoded: dict[str, Any], name: str, action: str) -> Any:
    """Return a field that a response must contain."""
    if decoded.get(name) in (None, ""):
        raise AnswerError(PROVIDER, service.address(action), f"the response lacks {name!r}: {str(decoded)[:200]}")
    return decoded[name]


def fetched(action: str, asked: dict[str, str], file: str | Path, kind: str) -> Path:
    """Download the result of an action to a file, which is complete and one of `checks.KINDS`; errors are raised."""
    downloader = queue.Downloader(progress=False)
    accept = partial(checks.accept, f"{PROVIDER}'s {action}", kind)
    download = job.Download(service.address(action, asked), Path(file), PROVIDER, accept)
    queue.enqueue(downloader, [download], overwrite=True)
    with _unlogged(), queue.downloaded(downloader) as results:
        pass
    if results.errors:
        error = results.errors[0].exception
        if isinstance(error, checks.NotMadeError):
            raise checks.NotMadeError(f"{Path(file)}: {error}") from error
        raise error
    return Path(results[0])


@contextlib.contextmanager
def _unlogged() -> Iterator[None]:
    """Prevent parfive from logging a failure, which is raised, or means that a movie is not ready yet."""
    log = logging.getLogger("parfive")
    was, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = was
