"""
Select the packets of a codestream that contain a region of the image.

A packet contains one layer of one component in one precinct of one resolution, and the PLT markers give its length
(ISO/IEC 15444-1, annex B). Precincts outside of a region are left out: their packets are replaced by empty ones, which
do not change how the other packets are decoded. The pixels of the region then equal those of the complete image.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.helioviewer.jp2.codestream import CodestreamLayout, smaller

__all__ = ["MOST_SPANS", "ImageBox", "extracted", "halvings_to", "selected", "spans"]

MOST_SPANS = 12
"""Maximum number of parts of a file that are requested."""

GAP = 512
"""Bytes between two parts that are requested as well, since the headers of another request have as many."""

_REACH = 4
"""Samples beyond its own on which a sample of an image depends in each direction: those of the 9/7 wavelet."""

Span = tuple[int, int]


class ImageBox(NamedTuple):
    """
    A part of an image, in pixels from its upper left corner; ``right`` and ``lower`` are after the last pixel.

    Attributes
    ----------
    left, upper, right, lower : int
        The edges.
    """

    left: int
    upper: int
    right: int
    lower: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.lower - self.upper, self.right - self.left

    def within(self, shape: tuple[int, int]) -> ImageBox:
        """Return the part of the box in an image of a number of rows and columns."""
        rows, columns = shape
        return ImageBox(max(self.left, 0), max(self.upper, 0), min(self.right, columns), min(self.lower, rows))

    def halved(self, times: int) -> ImageBox:
        """Return the part of an image that is halved a number of times: whose pixels surround the same region."""
        return ImageBox(self.left >> times, self.upper >> times, -(-self.right >> times), -(-self.lower >> times))


def selected(layout: CodestreamLayout, halvings: int, box: ImageBox, least: int = 0) -> NDArray[np.bool_]:
    """
    Return which packets contain a part of an image that is halved a number of times.

    Parameters
    ----------
    layout : CodestreamLayout
        The layout of the codestream.
    halvings : int
        How often the image is halved.
    box : ImageBox
        The part, in pixels of the smaller image.
    least : int, optional
        The lowest resolution, and all whose longer side has at most this number of pixels, are selected completely.
    """
    packets = layout.order
    chosen = np.zeros(len(packets.resolution), dtype=bool)
    spread = [(box.left, box.right), (box.upper, box.lower)]
    for resolution in range(layout.levels - halvings, -1, -1):
        sides = [-(-side >> (layout.levels - resolution)) for side in (layout.width, layout.height)]
        spread = [
            (max(first - _REACH, 0), min(last + _REACH, side))
            for (first, last), side in zip(spread, sides, strict=True)
        ]
        if resolution:  # the samples of the subbands, half as many in each direction
            spread = [(first >> 1, -(-last >> 1)) for first, last in spread]
        inside = packets.resolution == resolution
        if resolution and max(sides) > least:
            # The precincts of subbands are half as large as those of their resolution.
            for (first, last), place, exponent in zip(spread, packets[1:], layout.precincts[resolution], strict=True):
                shift = exponent - (1 if resolution else 0)
                inside &= (place >= first >> shift) & (place <= (last - 1) >> shift)
        chosen |= inside
    return chosen


def halvings_to(size: int, shape: tuple[int, int], levels: int) -> int:
    """Return how often an image is halved, up to ``levels``, until its longer side has at most ``size`` pixels."""
    return next((number for number in range(levels) if -(-max(shape) >> number) <= size), levels)


def spans(layout: CodestreamLayout, chosen: NDArray[np.bool_], most: int = MOST_SPANS) -> list[Span]:
    """Return the ranges of bytes of packets in a codestream; the smallest gaps are filled until there are ``most``."""
    ends = layout.packets + np.cumsum(layout.lengths)
    edges = np.flatnonzero(np.diff(chosen.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    if not edges.size:
        return []
    starts = (ends - layout.lengths)[edges[:, 0]]
    stops = ends[edges[:, 1] - 1]
    gaps = starts[1:] - stops[:-1]
    is_kept = np.zeros(len(gaps), dtype=bool)
    is_kept[np.argsort(-gaps, kind="stable")[: most - 1]] = True
    is_kept &= gaps > GAP
    begins = starts[np.concatenate([[True], is_kept])]
    finishes = stops[np.concatenate([is_kept, [True]])]
    return [(int(begin), int(finish)) for begin, finish in zip(begins, finishes, strict=True)]


def extracted(
    read: Callable[[int, int], bytes], layout: CodestreamLayout, halvings: int, chosen: NDArray[np.bool_]
) -> bytes:
    """
    Return a codestream of an image that is halved a number of times with chosen packets only.

    ``read`` returns the bytes of the complete codestream from a start to a stop.
    """
    ends = layout.packets + np.cumsum(layout.lengths)
    starts = ends - layout.lengths
    is_kept = layout.order.resolution <= layout.levels - halvings
    state = is_kept.astype(np.int8) + chosen
    edges = [0, *(np.flatnonzero(np.diff(state)) + 1), len(state)]
    made = []
    for first, last in itertools.pairwise(edges):
        if state[first] == _WITH_REGION:
            made.append(read(int(starts[first]), int(ends[last - 1])))
        elif state[first]:
            made.append(layout.empty_packets(int(first), int(last)))
    return smaller(layout, halvings, b"".join(made))


_WITH_REGION = 2
"""The state of a packet that is selected, and not only of a resolution that the smaller image has."""
