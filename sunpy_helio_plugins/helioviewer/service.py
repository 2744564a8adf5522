"""
Lists of images, from Helioviewer's own HAPI server.

Its habits (repository Helioviewer-Project/helioviewer-hapi): parameters must be named, else HTTP 500; the stop is part
of the range, so that an image on the border of two requests comes twice; any time outside [startDate, stopDate] is
refused, and stopDate is that of the server's last start; no rows are an empty body.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import AnswerError, FileError, HelioPluginsError, QueryError, ServiceRefused
from sunpy_helio_plugins.hapi.header import Info
from sunpy_helio_plugins.hapi.listing import HAPIServer
from sunpy_helio_plugins.hapi.records import from_csv
from sunpy_helio_plugins.hapi.service import Service
from sunpy_helio_plugins.helioviewer.catalogue import Source
from sunpy_helio_plugins.helioviewer.filenames import true_times
from sunpy_helio_plugins.helioviewer.translate import PROVIDER, Query
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.transport import session
from sunpy_helio_plugins.transport.words import server_words

__all__ = ["Answer", "Listing", "list_images"]

LONGEST = np.timedelta64(31, "D")
"""Longest range of one request: the server reads a whole answer into its memory, and gives up after 59 s."""

AT_ONCE = 3
"""Sources listed at the same time: each request starts a process on the server."""

_SECOND = np.timedelta64(1, "s")


@dataclass(frozen=True)
class Listing:
    """
    The images of one source.

    Attributes
    ----------
    source : Source
        The kind of image.
    times : numpy.ndarray of datetime64[us], shape (n,)
        Their times, UTC, ascending.
    paths : numpy.ndarray of str, shape (n,)
        Their paths below the root of the static tree, each with a leading slash.
    root : str
        Address of the root of the static tree.
    lister : str
        Who listed them.
    """

    source: Source
    times: NDArray[np.datetime64]
    paths: NDArray[np.str_]
    root: str
    lister: str = "HAPI"


@dataclass(frozen=True)
class Answer:
    """
    What some queries found.

    Attributes
    ----------
    listings : tuple of Listing
        The images of each source.
    problems : tuple of str
        What is missing, or may be, and why.
    notes : tuple of str
        Why there is nothing in a part of the range, although nothing is missing.
    """

    listings: tuple[Listing, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def list_images(queries: Sequence[Query]) -> Answer:
    """
    Return the images that some queries ask for.

    Parameters
    ----------
    queries : sequence of Query
        The questions.

    Returns
    -------
    Answer
        The images of each query that could be answered; of the others, the reason.

    Raises
    ------
    HelioPluginsError
        No query could be answered: the first one's error.
    """
    # One for all: what the server says of itself is asked for once.
    hapi = Service(
        HAPIServer("Helioviewer", conf.helioviewer.hapi_url.rstrip("/"), version="3.1", explicit_parameters=True)
    )

    def answer(query: Query) -> Answer | HelioPluginsError:
        try:
            return _answer(hapi, query)
        except HelioPluginsError as error:
            return error

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(answer, queries))
    errors = [one for one in answers if isinstance(one, HelioPluginsError)]
    if errors and len(errors) == len(answers):
        raise errors[0]
    told = [
        Answer(problems=(f"{query.source.description} is missing: {one}",))
        if isinstance(one, HelioPluginsError)
        else one
        for query, one in zip(queries, answers, strict=True)
    ]
    return Answer(
        tuple(listing for one in told for listing in one.listings),
        tuple(problem for one in told for problem in one.problems),
        tuple(note for one in told for note in one.notes),
    )


def _answer(hapi: Service, query: Query) -> Answer:
    source = query.source
    if source.hapi_id is None or source.hapi_state != "ok":
        raise QueryError(f"Helioviewer's HAPI server does not list {source.description} ({source.id}).")
    info = _info(hapi, source)
    start, end = times.datetime64_from_iso(np.array([query.start, query.end])).astype("M8[us]")
    spans, problems, notes = _covered(source, info, start, end)
    seconds, paths = _rows(hapi, source.hapi_id, info.subset(["path"]), spans)
    paths, first = np.unique(paths, return_index=True)
    exact = true_times(paths, seconds[first])
    order = np.argsort(exact, kind="stable")
    order = order[(exact[order] >= start) & (exact[order] <= end)]
    listing = Listing(source, exact[order], paths[order], conf.helioviewer.jp2_url.rstrip("/"))
    return Answer((listing,), tuple(problems), tuple(notes))


def _info(hapi: Service, source: Source) -> Info:
    assert source.hapi_id is not None  # noqa: S101 - for the type checker
    try:
        info = hapi.info(source.hapi_id)
    except QueryError as error:
        # The id is ours, not the user's: that the server does not know it is an answer of the server.
        words = f"it does not list {source.description} ({source.hapi_id}) at present"
        raise ServiceRefused(hapi.server.archive, f"{hapi.server.url}/info", words, 404) from error
    if not info.start or not info.stop or "path" not in info.names:
        words = f"the description of {source.hapi_id} lacks a date or the parameter 'path'"
        raise AnswerError(hapi.server.archive, f"{hapi.server.url}/info", words)
    return info


def _covered(
    source: Source, info: Info, start: np.datetime64, end: np.datetime64
) -> tuple[list[tuple[np.datetime64, np.datetime64]], list[str], list[str]]:
    """
    Return the ranges to ask for, what of the time wanted the server cannot list, and where there is nothing to list.

    startDate is that of the first image; stopDate is that of the last one when the server was started. The database
    truncates (MariaDB) or rounds (MySQL) to whole seconds: one more second on each side finds all.
    """
    first, last = times.datetime64_from_iso(np.array([info.start, info.stop])).astype("M8[s]")
    problems, notes = [], []
    if start < first:
        notes.append(f"The first image of {source.description} that {PROVIDER} lists is of {info.start}.")
    if end >= last + _SECOND:
        problems.append(
            f"{PROVIDER} lists {source.description} up to {info.stop}: later images, if any, are missing, "
            "since its list ends where it did when its server was last started."
        )
    if first == last and start <= last + _SECOND and end >= first:
        # The server refuses a range that is empty (1404) as well as one that is wider than what it holds (1405).
        problems.append(f"{PROVIDER} holds one image of {source.description}, of {info.start}, and cannot list it.")
    low, high = max(start.astype("M8[s]") - _SECOND, first), min(end.astype("M8[s]") + _SECOND, last)
    spans = list(_pieces(low, high))
    return (spans, problems, notes) if spans else (spans, problems + notes, [])


def _pieces(low: np.datetime64, high: np.datetime64) -> Iterator[tuple[np.datetime64, np.datetime64]]:
    while low < high:
        yield low, min(low + LONGEST, high)
        low += LONGEST


def _rows(
    hapi: Service, dataset: str, info: Info, spans: Sequence[tuple[np.datetime64, np.datetime64]]
) -> tuple[NDArray[np.datetime64], NDArray[np.str_]]:
    """Return the whole seconds and the paths of all images in some ranges."""
    seconds, paths = [np.empty(0, "M8[us]")], [np.empty(0, "U1")]
    for low, high in spans:
        url = hapi.data_url(dataset, info, True, f"{low}Z", f"{high}Z", "csv")
        # server-nodejs 1.0.17 hangs when it compresses a long CSV answer.
        answer = session.get(url, archive=hapi.server.archive, headers={"Accept-Encoding": "identity"})
        try:
            stamps, names = from_csv(_records(answer.content), info)
            seconds.append(times.datetime64_from_iso(stamps).astype("M8[us]"))
        except (FileError, ValueError) as error:
            words = f"a list of images was expected: {server_words(answer.content) or error}"
            raise AnswerError(answer.archive, answer.url, words, answer.status) from error
        paths.append(np.array([f"/{name.lstrip('/')}" for name in names.astype(str)], dtype=str))
    return np.concatenate(seconds), np.concatenate(paths)


def _records(body: bytes) -> bytes:
    """Return a CSV body without its header; each line is finished, so that one that is not shows a cut."""
    if body and not body.endswith(b"\n"):
        raise FileError(f"it was cut after {len(body)} bytes")
    while body.startswith(b"#"):
        body = body.partition(b"\n")[2]
    return body
