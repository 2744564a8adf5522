"""Pictures above panels, each at its instant."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import Row, Table
from numpy.typing import NDArray

from sunpy_helio_plugins import helioviewer
from sunpy_helio_plugins.arguments import is_several, refused
from sunpy_helio_plugins.quantities.datetimes import to_datetime64

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from sunpy.map import GenericMap

__all__ = ["MOST", "maps_of", "place_pictures", "spread", "titled"]

MOST = 12
"""The largest number of pictures; of more, some at equal steps are drawn."""

SIZE = 256
"""The pixels of the longer side of a picture."""

Floats = NDArray[np.float64]


def maps_of(function: str, given: Any) -> list[GenericMap]:
    """Return maps, files or rows of a search as maps in the order of time."""
    from sunpy.map import GenericMap

    is_listed = is_several(given) and not isinstance(given, str | Path | Table | Row) and not hasattr(given, "columns")
    parts = list(given) if is_listed and not hasattr(given, "get_response") else [given]
    if parts and all(isinstance(one, GenericMap) for one in parts):
        return sorted(_some(parts), key=lambda one: one.date)
    known = (str, Path, Table, Row)
    if not parts or not all(isinstance(one, known) or hasattr(one, "get_response") for one in parts):
        raise refused(f"{function} (pictures)", given, "maps, files of images, or rows of a search for images")
    made = helioviewer.read(_some(given) if isinstance(given, Table) else given, size=SIZE)
    return sorted(_some(made) if isinstance(made, list) else [made], key=lambda one: one.date)


def _some(every: Any) -> Any:
    if len(every) <= MOST:
        return every
    steps = np.linspace(0, len(every) - 1, MOST).round().astype(int)
    return every[steps] if isinstance(every, Table) else [every[step] for step in steps]


def titled(image: GenericMap, *, is_long: bool = False) -> str:
    """Return the source and the time of a picture, in two lines."""
    channel = "" if image.wavelength is None else f" {image.wavelength:.0f}".replace(" Angstrom", "")
    name = str(image.instrument or "").partition(" ")[0]
    stamp = image.date.strftime("%Y-%m-%d %H:%M" if is_long else "%H:%M")
    return f"{name}{channel}\n{stamp}".strip()


def place_pictures(host: Axes, panel: Axes, images: Sequence[GenericMap]) -> list[Axes]:
    """Draw pictures in a row, as near to their instants on the axis of a panel as they fit, and join them to it."""
    from matplotlib.dates import date2num
    from matplotlib.patches import ConnectionPatch

    instants = date2num([to_datetime64(one.date) for one in images])
    box = host.get_window_extent()
    first, last = panel.get_xlim()
    shapes = np.array([one.data.shape[1] / one.data.shape[0] for one in images])
    widths = shapes * box.height / box.width
    widths *= min(1.0, 0.99 / (1.04 * widths.sum()))
    centers = spread((instants - first) / (last - first), 1.04 * widths)
    made: list[Axes] = []
    for image, instant, center, width in zip(images, instants, centers, widths, strict=True):
        axes: Any = host.inset_axes((center - width / 2, 0, width, 1), projection=image)
        image.plot(axes=axes, annotate=False, autoalign=False)
        axes.coords.grid(draw_grid=False)
        for coordinate in axes.coords:
            coordinate.set_ticks_visible(False)
            coordinate.set_ticklabel_visible(False)
            coordinate.set_axislabel(" ")
            coordinate.set_auto_axislabel(False)
        axes.set_anchor("S")
        axes.set_title(titled(image), fontsize="x-small", pad=2)
        axes.set_label("picture")
        if first <= instant <= last:
            link = ConnectionPatch(
                (0.5, 0), (instant, 1), "axes fraction", panel.get_xaxis_transform(), axesA=axes, axesB=panel,
                color="0.6", linewidth=0.6, arrowstyle="-|>", mutation_scale=5, shrinkA=0, shrinkB=0, zorder=-1,
            )  # fmt: skip
            link.set_in_layout(False)
            host.figure.add_artist(link)
        made.append(axes)
    return made


def spread(centers: Floats, widths: Floats) -> Floats:
    """Return centers within 0 and 1 as near to given ascending ones as intervals of some widths do not overlap."""
    made = np.clip(centers, widths / 2, 1 - widths / 2)
    for index in range(1, len(made)):
        made[index] = max(made[index], made[index - 1] + (widths[index - 1] + widths[index]) / 2)
    limit = 1.0
    for index in range(len(made) - 1, -1, -1):
        made[index] = min(made[index], limit - widths[index] / 2)
        limit = made[index] - widths[index] / 2
    return made
