"""
Images of the Helioviewer Project: JPEG 2000 images of the Sun from more than twenty instruments.

A search with an attr of ``a.helioviewer`` lists every image of a range with its exact time, ``Fido.fetch`` downloads
the JP2 files, and `sunpy.map.Map` opens them, even on a machine without OpenJPEG.
`open` reads their headers and pixels when they are used, and `quicklook` plots them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunpy_helio_plugins import lazy

if TYPE_CHECKING:
    from sunpy_helio_plugins.helioviewer import attrs
    from sunpy_helio_plugins.helioviewer.explore import Coverage, coverage, near, nearest, sources
    from sunpy_helio_plugins.helioviewer.maps.events_of import events_of
    from sunpy_helio_plugins.helioviewer.maps.lazy_images import open, quicklook  # noqa: A004
    from sunpy_helio_plugins.helioviewer.maps.read import clipped, read
    from sunpy_helio_plugins.helioviewer.maps.science import science
    from sunpy_helio_plugins.helioviewer.media.movies import movie
    from sunpy_helio_plugins.helioviewer.media.screenshots import jpx, screenshot, status
    from sunpy_helio_plugins.helioviewer.sequences.footprints import Footprints, footprints
    from sunpy_helio_plugins.helioviewer.sequences.sequence import ImageSequence, sequence
    from sunpy_helio_plugins.helioviewer.servers.comparison import compare
    from sunpy_helio_plugins.helioviewer.tables import HelioviewerTable

__all__ = [
    "Coverage",
    "Footprints",
    "HelioviewerTable",
    "ImageSequence",
    "attrs",
    "clipped",
    "compare",
    "coverage",
    "events_of",
    "footprints",
    "jpx",
    "movie",
    "near",
    "nearest",
    "open",
    "quicklook",
    "read",
    "science",
    "screenshot",
    "sequence",
    "sources",
    "status",
]

__getattr__ = lazy.attach(
    __name__,
    {
        "sunpy_helio_plugins.helioviewer.explore": ("Coverage", "coverage", "near", "nearest", "sources"),
        "sunpy_helio_plugins.helioviewer.maps.events_of": ("events_of",),
        "sunpy_helio_plugins.helioviewer.maps.lazy_images": ("open", "quicklook"),
        "sunpy_helio_plugins.helioviewer.maps.read": ("clipped", "read"),
        "sunpy_helio_plugins.helioviewer.maps.science": ("science",),
        "sunpy_helio_plugins.helioviewer.media.movies": ("movie",),
        "sunpy_helio_plugins.helioviewer.media.screenshots": ("jpx", "screenshot", "status"),
        "sunpy_helio_plugins.helioviewer.sequences.footprints": ("Footprints", "footprints"),
        "sunpy_helio_plugins.helioviewer.sequences.sequence": ("ImageSequence", "sequence"),
        "sunpy_helio_plugins.helioviewer.servers.comparison": ("compare",),
        "sunpy_helio_plugins.helioviewer.tables": ("HelioviewerTable",),
    },
    submodules=("attrs",),
    first=("sunpy.net",),
)

__dir__ = lazy.listing(__all__)
