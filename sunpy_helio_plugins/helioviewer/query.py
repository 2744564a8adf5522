"""One query of Helioviewer."""

from __future__ import annotations

from dataclasses import dataclass

from sunpy_helio_plugins.helioviewer.source_table import Source

__all__ = ["PROVIDER", "Query"]

LISTERS = ("HAPI", "index", "coverage")
"""Who can list images, in the order in which they are asked."""

PROVIDER = "Helioviewer"


@dataclass(frozen=True)
class Query:
    """
    One source to list.

    Attributes
    ----------
    source : Source
        The kind of image.
    start, end : str
        First and last instant wanted, both included: UTC, ISO 8601 with Z.
    near : str or None
        The instant whose nearest image alone is wanted.
    sample : float or None
        Seconds between the instants, from the start on, whose nearest images are wanted.
    tolerance : float or None
        Seconds by which an image may miss such an instant.
    listers : tuple of str
        Who may list, in this order.
    header : bool
        Whether the headers of the images are wanted.
    quality : int or None
        The bits of QUALITY that an image may have.
    """

    source: Source
    start: str
    end: str
    near: str | None = None
    sample: float | None = None
    tolerance: float | None = None
    listers: tuple[str, ...] = LISTERS
    header: bool = False
    quality: int | None = None
