"""The query of Helioviewer."""

from __future__ import annotations

from dataclasses import dataclass

from sunpy_helio_plugins.helioviewer.source_table import Source

__all__ = ["PROVIDER", "Query"]

LISTERS = ("HAPI", "index", "coverage")
"""The services that can list images; for a long range, they are requested in this order."""

PROVIDER = "Helioviewer"


@dataclass(frozen=True)
class Query:
    """
    A query for the images of one source.

    Attributes
    ----------
    source : Source
        The data source.
    start, end : str
        First and last instant, both included: UTC, ISO 8601 with Z.
    near : str or None
        The instant for which only the nearest image is returned.
    sample : float or None
        Seconds between the instants, from the start on, for which the nearest images are returned.
    tolerance : float or None
        Seconds between such an instant and its image, at most.
    listers : tuple of str
        The services that list images, in this order; empty for all of them, in the order of their costs.
    header : bool
        Whether to read the headers of the images.
    quality : int or None
        The allowed bits of QUALITY.
    """

    source: Source
    start: str
    end: str
    near: str | None = None
    sample: float | None = None
    tolerance: float | None = None
    listers: tuple[str, ...] = ()
    header: bool = False
    quality: int | None = None
