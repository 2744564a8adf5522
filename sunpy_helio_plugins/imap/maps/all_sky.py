"""Plots of maps over the whole sky."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from astropy.wcs.utils import celestial_frame_to_wcs

from sunpy_helio_plugins.arguments import PLACE, optional, refused, taking
from sunpy_helio_plugins.imap.maps.frames import HAE, NOSE
from sunpy_helio_plugins.series.views.labels import shown, unit_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_skymap"]

_STEP = 0.5
"""Degrees between the pixels of the picture at its centre."""


@taking("imap.plot_skymap", center=optional(PLACE))
def plot_skymap(skymap: Any, center: SkyCoord | None = None, **options: Any) -> Figure:
    """
    Plot a map over the whole sky, in ecliptic coordinates about the nose of the heliosphere.

    Parameters
    ----------
    skymap : ndcube.NDCube
        A map from `sunpy_helio_plugins.imap.to_skymap` at one energy and time, such as ``sky[3]``, of either tiling.
    center : SkyCoord, optional
        The direction whose ecliptic longitude is at the centre. Defaults to the nose, at 255.59 degrees.
    **options
        Options of `matplotlib.axes.Axes.imshow`, such as ``cmap``, ``norm``, ``vmin`` and ``vmax``.

    Returns
    -------
    matplotlib.figure.Figure
        A Mollweide projection, with longitudes that increase to the left, lines and labels at every 60 degrees of
        longitude and 30 of latitude, a cross at the nose and a colour bar with the unit. Each point has the value of
        the pixel in which it is; missing values are grey. ``figure.axes[0]`` is a
        `~astropy.visualization.wcsaxes.WCSAxes`, which plots any `~astropy.coordinates.SkyCoord`.

    Raises
    ------
    QueryError
        If the object is not a map at one energy and time.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import imap
    >>> files = Fido.fetch(Fido.search(a.imap.Map(species="h"), a.Level("l2")), path="{file}")
    >>> sky = imap.to_skymap(imap.read(files[0]))
    >>> imap.plot_skymap(sky[1], cmap="inferno").savefig("sky.png")
    """
    import matplotlib.pyplot as plt
    from astropy.visualization.wcsaxes.frame import EllipticalFrame

    _check(skymap)
    wcs, shape = _projection((NOSE if center is None else center).transform_to(HAE).spherical.lon.deg)
    figure = plt.figure(figsize=(10, 5.6))
    axes = figure.add_subplot(projection=wcs, frame_class=EllipticalFrame)
    axes.set_facecolor("0.8")
    image = axes.imshow(_sampled(skymap, wcs, shape), **{"origin": "lower", "interpolation": "nearest", **options})
    longitude, latitude = axes.coords
    longitude.set_ticks(spacing=60 * u.deg)
    latitude.set_ticks(spacing=30 * u.deg)
    longitude.set_ticklabel(color="white", fontsize="small", path_effects=_outline())
    longitude.set_major_formatter("d")
    latitude.set_major_formatter("d")
    _label_latitudes(axes, wcs)
    axes.coords.grid(color="white", alpha=0.35, linewidth=0.7)
    axes.plot(NOSE.lon.deg, NOSE.lat.deg, "+", color="white", markersize=11, transform=axes.get_transform("world"))
    meta = skymap.meta
    label = str(meta.get("FIELDNAM") or meta.get("name") or "").strip()
    unit = unit_text(skymap.unit)
    bar = figure.colorbar(image, ax=axes, orientation="horizontal", shrink=0.6, pad=0.08)
    bar.set_label(shown(f"{label} [{unit}]" if unit else label))
    axes.set_title(shown(_title(skymap)), fontsize="medium", pad=18)
    return figure


def _label_latitudes(axes: Any, wcs: WCS) -> None:
    """Write the latitudes beside the left end of their lines; the frame of an ellipse does not have these labels."""
    latitudes = np.arange(-60, 61, 30)
    edge = np.full(latitudes.shape, wcs.wcs.crval[0] + 179.999)
    for latitude, column, row in zip(latitudes, *wcs.world_to_pixel_values(edge, latitudes), strict=True):
        axes.annotate(
            f"{latitude}°".replace("-", "\N{MINUS SIGN}"), (column, row), xytext=(-7, 0), textcoords="offset points",
            ha="right", va="center", fontsize="small", annotation_clip=False,
        )  # fmt: skip


def _outline() -> list[Any]:
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=2, foreground="black")]


def _check(given: Any) -> None:
    """Refuse everything but a map whose only axes are those of the sky."""
    kinds = [str(kind) for kind in getattr(getattr(given, "wcs", None), "world_axis_physical_types", None) or ()]
    if len(kinds) == 2 and all(kind.startswith("pos.") for kind in kinds) and isinstance(given.meta, dict):
        return
    rest = [kind for kind in kinds if not kind.startswith("pos.")]
    what = f", and select one of each other axis ({', '.join(rest)})" if rest and len(rest) < len(kinds) else ""
    raise refused("imap.plot_skymap", given, f"a map of the sky, such as imap.to_skymap(table)[3]{what}")


def _projection(longitude: float) -> tuple[WCS, tuple[int, int]]:
    """Return a Mollweide projection of the whole sky about an ecliptic longitude, and the shape of its array."""
    # Half the width of the ellipse is 2 sqrt(2) radians.
    height = round(np.degrees(np.sqrt(2)) * 2 / _STEP) + 1
    width = 2 * height
    made = celestial_frame_to_wcs(HAE, projection="MOL")
    made.wcs.crval, made.wcs.cdelt, made.wcs.cunit = (longitude, 0.0), (-_STEP, _STEP), ("deg", "deg")
    made.wcs.crpix = (width + 1) / 2, (height + 1) / 2
    made.wcs.set()
    return made, (height, width)


def _sampled(skymap: Any, wcs: WCS, shape: tuple[int, int]) -> np.ndarray:
    """Return the values of the pixels of a map in which the points of a projection are."""
    rows, columns = np.indices(shape)
    longitude, latitude = wcs.pixel_to_world_values(columns, rows)
    inside = np.isfinite(longitude) & np.isfinite(latitude)
    where = SkyCoord(longitude[inside] * u.deg, latitude[inside] * u.deg, frame=HAE)
    pixels = skymap.wcs.world_to_pixel(where)
    pixels = pixels if isinstance(pixels, tuple | list) else (pixels,)
    values = np.where(skymap.mask, np.nan, skymap.data) if skymap.mask is not None else skymap.data
    is_known = np.ones(len(where), dtype=bool)
    index = []
    for place, length in zip(reversed(pixels), values.shape, strict=True):
        nearest = np.floor(np.asarray(place) + 0.5)
        # The last half of a pixel at the end of the longitudes is that before the first one.
        is_known &= np.isfinite(nearest) & (nearest >= 0) & (nearest < length)
        index.append(np.where(is_known, nearest, 0).astype(int))
    found = np.full(shape, np.nan)
    found[inside] = np.where(is_known, values[tuple(index)], np.nan)
    return found


def _title(skymap: Any) -> str:
    """Return the source, the energy and the time of a map."""
    name = skymap.meta.get("map_name")
    texts = [" ".join(filter(None, [str(skymap.meta.get("Logical_source") or ""), name and f"({name})"]))]
    for name, value in skymap.global_coords.items():
        if isinstance(value, u.Quantity):
            texts.append(f"{name} {value:.4g}")
    start, end = (skymap.meta.get(key) for key in ("start_time", "end_time"))
    if start is not None and start.isscalar:
        texts.append(" to ".join(one.utc.iso[:10] for one in (start, end) if one is not None))
    return "\n".join(filter(None, [texts[0], ", ".join(texts[1:])]))
