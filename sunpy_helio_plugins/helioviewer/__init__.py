"""
Images of the Helioviewer Project: JPEG 2000 pictures of the Sun from more than twenty instruments.

A search with an attr of ``a.helioviewer`` lists every image of a range with its true time, ``Fido.fetch`` brings the
JP2 files, and `sunpy.map.Map` opens them, also on a machine without OpenJPEG.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from astropy.table import QTable

    from sunpy_helio_plugins.helioviewer.explore import coverage, near
    from sunpy_helio_plugins.helioviewer.maps.read import clipped, read
    from sunpy_helio_plugins.helioviewer.maps.science import science
    from sunpy_helio_plugins.helioviewer.media.movies import movie
    from sunpy_helio_plugins.helioviewer.media.screenshots import jpx, screenshot, status

__all__ = ["clipped", "coverage", "jpx", "movie", "near", "read", "science", "screenshot", "sources", "status"]


def __getattr__(name: str) -> Any:
    """Return what this package offers from its modules, which are imported when they are needed."""
    if name not in _OFFERED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_OFFERED[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


_OFFERED = {
    "clipped": "maps.read", "coverage": "explore", "jpx": "media.screenshots", "movie": "media.movies",
    "near": "explore", "read": "maps.read", "science": "maps.science", "screenshot": "media.screenshots",
    "status": "media.screenshots",
}  # fmt: skip


def sources(refresh: bool = False) -> QTable:
    """
    Return Helioviewer's data sources, as they are shipped with this package.

    Parameters
    ----------
    refresh : bool, optional
        Ask Helioviewer (once a day, by default) for the times of the first and the last image of each source: columns
        ``First Image`` and ``Last Image``, masked where it names none. Sources that it has and this package does not
        know are added.

    Returns
    -------
    astropy.table.QTable
        One row for each source: ``Source ID`` (the number that the API and `a.helioviewer.SourceID
        <sunpy_helio_plugins.helioviewer.attrs.SourceID>` take), ``Nickname``, ``Source`` (observatory), ``Instrument``,
        ``Detector``, ``Measurement``, ``Wavelength`` in angstroms (masked where the measurement is none), ``HAPI ID``
        and ``Listed`` (whether a range can be searched).

    Notes
    -----
    ColumnBuffers from the database of the API, from hvpy's enumeration and from the HAPI server's list (2026).

    Examples
    --------
    >>> from sunpy_helio_plugins import helioviewer
    >>> table = helioviewer.sources()
    >>> str(table[table["Source ID"] == 13]["Nickname"][0])
    'AIA 304'
    """
    from sunpy_helio_plugins.helioviewer.tables import sources_table

    if refresh:
        from sunpy_helio_plugins.helioviewer.explore import refreshed

        return refreshed(sources_table())
    return sources_table()
