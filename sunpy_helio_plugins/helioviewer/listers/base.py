"""The results of all listers: the images in a range, and the parts that could not be listed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import HelioPluginsError, Problem, ServiceError
from sunpy_helio_plugins.fido.partial import Slots, outcomes
from sunpy_helio_plugins.helioviewer.query import PROVIDER

__all__ = ["DAY", "ROUND_TRIP", "SECOND", "TICK", "Gap", "ImageList", "Span", "asked", "merged"]

SECOND = np.timedelta64(1, "s")
DAY = np.timedelta64(1, "D")
TICK = np.timedelta64(1, "us")
"""The resolution of times: spans contain both of their ends."""

Span = tuple[np.datetime64, np.datetime64]
"""The first and the last instant of a range."""

ROUND_TRIP = 0.04
"""Seconds that a request on a kept connection needs in addition to the service's own time."""

_T = TypeVar("_T")


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return spans in ascending order, of which those that overlap or touch are joined; times are in microseconds."""
    made: list[Span] = []
    for start, end in sorted(spans):
        if made and start <= made[-1][1] + TICK:
            made[-1] = made[-1][0], max(made[-1][1], end)
        else:
            made.append((start, end))
    return made


@dataclass(frozen=True)
class Gap:
    """
    A part of a range that a lister could not list.

    Attributes
    ----------
    start, end : numpy.datetime64
        Its first and its last instant.
    reason : str
        The reason, as a sentence.
    error : HelioPluginsError or None
        The error that caused it, if there was one.
    kind : str
        The kind of the problem, if there was none.
    """

    start: np.datetime64
    end: np.datetime64
    reason: str
    error: HelioPluginsError | None = None
    kind: str = "limit"

    def problem(self, text: str) -> Problem:
        """Return a sentence on the gap with its kind."""
        return Problem(text, self.kind, PROVIDER) if self.error is None else Problem.of_error(self.error, text)


@dataclass(frozen=True)
class ImageList:
    """
    The images that one lister found.

    Attributes
    ----------
    times : numpy.ndarray of datetime64[us], shape (n,)
        Times of images, UTC.
    paths : numpy.ndarray of bytes, shape (n,)
        Their paths below the root of the static tree, each with a leading slash.
    gaps : list of Gap
        The parts of the range that could not be listed.
    notes : list of str
        Reasons why a part of the range is empty, although nothing is missing.
    """

    times: NDArray[np.datetime64]
    paths: NDArray[np.bytes_]
    gaps: list[Gap] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def nothing(cls, *gaps: Gap) -> ImageList:
        """Return a list without images."""
        return cls(np.empty(0, "M8[us]"), np.empty(0, "S1"), list(gaps))


def asked(
    slots: Slots, question: Callable[[np.datetime64, np.datetime64], _T], pieces: Sequence[Span], whole: Span
) -> tuple[list[_T], list[Gap]]:
    """
    Request the pieces of a range concurrently, and return the responses and the gaps of the pieces that failed.

    ``question`` takes the ends of a piece, and returns its response or raises a `ServiceError`. ``slots`` limits the
    requests over all sources of a search, and ``whole`` is the requested range, to which the gaps are limited.
    """
    answers: list[_T] = []
    gaps: list[Gap] = []
    found = outcomes(pieces, lambda piece: question(*piece), slots, pieces=True)
    for (low, high), answer in zip(pieces, found, strict=True):
        if isinstance(answer, ServiceError):
            last = gaps.pop() if gaps and gaps[-1].error is answer and gaps[-1].end == low else None
            gaps.append(Gap(last.start if last else max(low, whole[0]), min(high, whole[1]), str(answer), answer))
        elif isinstance(answer, HelioPluginsError):
            raise answer
        else:
            answers.append(answer)
    return answers, gaps
