"""Outlines as types of other packages: regions, shapely and GeoPandas."""

from __future__ import annotations

import json
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import MissingDependencyError
from sunpy_helio_plugins.her.columns import frames
from sunpy_helio_plugins.her.columns.origins import CODES
from sunpy_helio_plugins.her.outlines.trace import Shapes, continuous, separated, trace
from sunpy_helio_plugins.her.outlines.view import View

__all__ = ["geodataframe", "geoparquet", "regions", "shapes"]

Floats = NDArray[np.float64]


def regions(given: Shapes, frame: Any) -> list[Any]:
    """Return outlines in the frame of an image as regions; `None` if one is missing, or completely on the far side."""
    try:
        from regions import PolygonSkyRegion
    except ImportError:
        raise MissingDependencyError("A polygon as a region", "polygons") from None
    view = View(frame)
    traced = trace(given)
    x, y, offsets = view.outlines(view.see(traced))
    plain = frame.replicate_without_data()
    closed = traced.closed()
    return [
        PolygonSkyRegion(SkyCoord(x[start:end] * u.arcsec, y[start:end] * u.arcsec, frame=plain))
        if end > start and is_closed
        else None
        for start, end, is_closed in zip(offsets[:-1], offsets[1:], closed, strict=True)
    ]


def shapes(given: Shapes, system: str) -> NDArray[Any]:
    """Return outlines and lines in the numbers of a system for shapely, made valid; `None` if one is missing."""
    try:
        import shapely
    except ImportError:
        raise MissingDependencyError("A polygon as a shape", "polygons") from None
    rings, events = separated(given)
    traced = trace(rings)
    closed = traced.closed()
    plane = traced.converted(np.full(len(closed), CODES.index(system)))
    places = continuous(plane)
    made = np.empty(len(given.systems), dtype=object)
    parts: dict[int, list[Floats]] = {}
    for event, start, end in zip(events.tolist(), plane.offsets[:-1], plane.offsets[1:], strict=True):
        parts.setdefault(event, []).append(places[start:end])
    for row, (outer, *holes) in parts.items():
        if len(outer) < 2 or not all(np.isfinite(ring).all() for ring in (outer, *holes)):
            continue
        if not closed[np.searchsorted(events, row)]:
            made[row] = shapely.LineString(outer)
        elif len(outer) > 3:
            made[row] = shapely.make_valid(shapely.Polygon(_around_the_pole(outer, system), holes))
    return made


def _around_the_pole(ring: Floats, system: str) -> Floats:
    """Return a ring whose angles at the ends are 360 degrees apart, closed along its pole or the center of the disk."""
    axis = 1 if system == "hrc" else 0
    if system == "hpc" or abs(abs(ring[-1, axis] - ring[0, axis]) - 360) > 1:
        return ring
    ends = ring[[-1, 0]]
    ends[:, 1 - axis] = 0.0 if system == "hrc" else np.copysign(90.0, np.mean(ring[:, 1]))
    return np.concatenate([ring, ends, ring[:1]])


def geodataframe(given: Shapes, system: str) -> Any:
    """Return outlines in the numbers of a system, with their times, as a `geopandas.GeoDataFrame`."""
    try:
        import geopandas
    except ImportError:
        raise MissingDependencyError("Polygons as a GeoDataFrame", "geo") from None
    when = frames.times(given.instants)
    gone = np.broadcast_to(np.asarray(when.mask), when.shape)
    stamps = np.where(gone, np.datetime64("NaT", "ns"), frames.times(np.nan_to_num(given.instants)).datetime64)
    made = geopandas.GeoDataFrame({"time": stamps, "geometry": list(shapes(given, system))}, geometry="geometry")
    # The entries of GeoParquet's metadata: without a reference system of Earth, and with all vertices of curved edges.
    made.attrs["geometry"] = {
        "crs": None, "edges": "planar", "system": system, "units": list(frames.SYSTEMS[system]),
        "radius_km": frames.RSUN_KM,
    }  # fmt: skip
    return made


def geoparquet(given: Shapes, system: str, name: str) -> tuple[Any, str]:
    """Return outlines as WKB in Arrow, and the metadata that GeoParquet requires for a column of this name."""
    import pyarrow as pa

    made = shapes(given, system)
    import shapely

    known = made[made != None]  # noqa: E711 - of each element
    told: dict[str, Any] = {
        "encoding": "WKB", "geometry_types": sorted({one.geom_type for one in known}),
        # Without a reference system of Earth, and with all vertices of curved edges.
        "crs": None, "edges": "planar",
    }  # fmt: skip
    if len(known):
        told["bbox"] = shapely.total_bounds(known).tolist()
    meta = {"version": "1.1.0", "primary_column": name, "columns": {name: told}}
    return pa.array(shapely.to_wkb(made), pa.binary()), json.dumps(meta)
