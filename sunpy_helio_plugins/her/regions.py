"""
Outlines of events: the registry's chaincodes as coordinates.

A chaincode is WKT, ``POLYGON((x0 y0,x1 y1,...))``, in arcsec as seen from Earth (``hpc``) or in degrees of Stonyhurst
longitude and latitude (``hgs``). Vertices stay numbers in one flat array until a coordinate is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from astropy.time import Time
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import QueryError

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord
    from astropy.table import Row, Table

__all__ = ["Outlines", "detection_times", "parse", "polygon"]

SYSTEMS = ("hpc", "hgs")
"""The systems in which outlines are given; the registry's Carrington longitudes are off for SPoCA (by 2.2 degrees)."""

_POLYGON = re.compile(r"\s*POLYGON\s*\(\(([^()]*)\)\)\s*", re.IGNORECASE)


def parse(texts: Iterable[str | None]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """
    Read chaincodes.

    Parameters
    ----------
    texts : iterable of str or None
        One WKT polygon for each event; `None` and empty text where there is none.

    Returns
    -------
    vertices : numpy.ndarray
        Shape (v, 2), all vertices of all events one after the other.
    offsets : numpy.ndarray
        Shape (n + 1,): the vertices of event ``i`` are ``vertices[offsets[i]:offsets[i + 1]]``. An event whose text is
        no simple polygon of at least three finite vertices has none.
    """
    rings = [_ring(text) for text in texts]
    offsets = np.concatenate([[0], np.cumsum([len(ring) for ring in rings], dtype=np.int64)]).astype(np.int64)
    return (np.concatenate(rings) if rings else _NO_RING), offsets


_NO_RING: NDArray[np.float64] = np.empty((0, 2))


def _ring(text: Any) -> NDArray[np.float64]:
    match = _POLYGON.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return _NO_RING
    try:
        ring = np.array([pair.split() for pair in match[1].split(",")], dtype=float)
    except ValueError:
        return _NO_RING
    whole = ring.ndim == 2 and ring.shape[1] == 2 and np.isfinite(ring).all() and len(np.unique(ring, axis=0)) >= 3
    return ring if whole else _NO_RING


def detection_times(table: Table) -> Time:
    """
    Return the instant to which each event's place belongs.

    Parameters
    ----------
    table : HERTable
        Events.

    Returns
    -------
    astropy.time.Time
        Shape (n,). SPoCA's places belong to event_endtime, since it submits the image's time as the end and its
        previous run as the start (its source, spoca_ch.pro and spoca_ar.pro); those of the "Emerging flux region
        module" before version 0.55 belong to event_peaktime (Helioviewer's HEKAdapter); all others to event_starttime.
    """
    times = table["event_starttime"].copy()
    names = np.array([str(name) for name in table["frm_name"]], dtype=object)
    at_end = np.array([name.startswith("SPoCA") for name in names], dtype=bool)
    at_peak = (names == "Emerging flux region module") & (_versions(table) < 0.55)
    for name, chosen in (("event_endtime", at_end), ("event_peaktime", at_peak)):
        known = chosen & ~table[name].mask if name in table.colnames else np.zeros(len(table), dtype=bool)
        if known.any():
            times[known] = table[name][known]
    return times


def _versions(table: Table) -> NDArray[np.float64]:
    if "frm_versionnumber" not in table.colnames:
        return np.full(len(table), np.nan)
    return np.ma.filled(np.ma.asarray(table["frm_versionnumber"], dtype=float), np.nan)


class Outlines(Sequence["SkyCoord | None"]):
    """
    The outlines of some events: a sequence that makes each coordinate when it is asked for.

    Parameters
    ----------
    texts : iterable of str or None
        The chaincodes.
    times : astropy.time.Time
        Shape (n,): the instants to which they belong.
    system : str, optional
        ``"hpc"``, as seen from Earth (the default), or ``"hgs"``, Stonyhurst on the solar surface.

    Attributes
    ----------
    vertices : numpy.ndarray
        Shape (v, 2): all vertices, arcsec or degrees.
    offsets : numpy.ndarray
        Shape (n + 1,): where each event's vertices begin and end.
    times : astropy.time.Time
        As given.
    system : str
        As given.

    Notes
    -----
    An element is a `~astropy.coordinates.SkyCoord` of shape (vertices,), closed as the registry sends it, or `None`
    where the event has no outline that can be trusted.

    Raises
    ------
    QueryError
        Another system.
    """

    def __init__(self, texts: Iterable[str | None], times: Time, system: str = "hpc") -> None:
        if system not in SYSTEMS:
            raise QueryError(f"Outlines come in {' and '.join(SYSTEMS)}, not in {system!r}.")
        self._texts = [text if isinstance(text, str) else None for text in texts]
        self.times, self.system = times, system
        self.vertices, self.offsets = parse(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    @overload
    def __getitem__(self, index: int) -> SkyCoord | None: ...

    @overload
    def __getitem__(self, index: slice) -> Outlines: ...

    def __getitem__(self, index: int | slice) -> SkyCoord | Outlines | None:
        if isinstance(index, slice):
            return Outlines(self._texts[index], self.times[index], self.system)
        index = range(len(self))[index]
        vertices = self.vertices[self.offsets[index] : self.offsets[index + 1]]
        time = self.times[index]
        if not len(vertices) or np.any(time.mask):
            return None
        return _skycoord(vertices, time, self.system)

    def __repr__(self) -> str:
        drawn = int(np.count_nonzero(np.diff(self.offsets)))
        return f"<Outlines of {len(self)} events in {self.system}: {drawn} with {len(self.vertices)} vertices>"


def _skycoord(vertices: NDArray[np.float64], time: Time, system: str) -> SkyCoord | None:
    import astropy.units as u
    from astropy.coordinates import SkyCoord
    from sunpy.coordinates import HeliographicStonyhurst, Helioprojective

    x, y = vertices.T
    obstime = Time(time.isot, scale=time.scale)
    if system == "hpc":
        return SkyCoord(x * u.arcsec, y * u.arcsec, frame=Helioprojective(obstime=obstime, observer=_earth(time.isot)))
    if np.abs(y).max() > 90:
        return None
    return SkyCoord(x * u.deg, y * u.deg, frame=HeliographicStonyhurst(obstime=obstime))


@lru_cache(maxsize=512)
def _earth(isot: str) -> Any:
    """Return where Earth is; many events share an instant, and each takes milliseconds."""
    from sunpy.coordinates import get_earth

    return get_earth(Time(isot, scale="utc"))


def polygon(row: Row, system: str = "hpc") -> SkyCoord | None:
    """
    Return the outline of one event.

    Parameters
    ----------
    row : astropy.table.Row
        A row of a search result.
    system : str, optional
        ``"hpc"``, as seen from Earth at the instant of detection, or ``"hgs"``.

    Returns
    -------
    astropy.coordinates.SkyCoord or None
        The vertices, shape (v,); `None` where the event has no outline.
    """
    outlines: Outlines = row.table[row.index : row.index + 1].outlines(system)
    return outlines[0]
