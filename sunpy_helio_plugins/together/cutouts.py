"""Pictures before, at and after an event, cropped to it, with its outline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Row

from sunpy_helio_plugins import helioviewer
from sunpy_helio_plugins.arguments import Kind, integer, shown, taking
from sunpy_helio_plugins.errors import FileError, QueryError, warn_incomplete
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.her.views.mask import cutout
from sunpy_helio_plugins.her.views.overlay import overlay
from sunpy_helio_plugins.her.views.picture_of import best_time
from sunpy_helio_plugins.together.figure import LENGTH, figure_style
from sunpy_helio_plugins.together.pictures import titled

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from sunpy.map import GenericMap

__all__ = ["closeup"]

_FUNCTION = "together.closeup"

_PER_DAY = 250 * u.arcsec
"""The way of a feature at the center of the disk in a day."""


def _offsets(given: Any) -> Any:
    made = u.Quantity(given).to(u.min)
    if made.ndim != 1 or not 1 <= len(made) <= 12 or not np.isfinite(made).all():
        raise ValueError
    return np.sort(made)


_OFFSETS = Kind("up to 12 durations, such as [-1, 0, 1] * u.hour,", _offsets)


def _angle(given: Any) -> Any:
    if not isinstance(given, u.Quantity) or not given.isscalar or not given.to_value("arcsec") >= 0:
        raise TypeError
    return given


_MARGIN = Kind("an angle such as 50 * u.arcsec", _angle)


@taking(_FUNCTION, offsets=_OFFSETS, margin=_MARGIN, size=integer(16), width=LENGTH)
def closeup(
    event: Any,
    source: Any = "AIA 193",
    offsets: u.Quantity = (-1, 0, 1) * u.hour,
    *,
    margin: u.Quantity = 60 * u.arcsec,
    size: int = 256,
    tolerance: u.Quantity | None = None,
    width: u.Quantity = 180 * u.mm,
) -> tuple[Figure, NDArray[Any]]:
    """
    Plot pictures before, at and after an event, cropped to it, with its outline.

    Parameters
    ----------
    event : astropy.table.Row
        A row of a search of the registry, with an outline, a box or a position.
    source : int, str, sunpy.net.attr.Attr or list of attrs, optional
        The source of the images, as in `sunpy_helio_plugins.helioviewer.nearest`.
    offsets : astropy.units.Quantity, optional
        The times of the pictures from the peak of the event, or else the time of its detection.
    margin : astropy.units.Quantity, optional
        The angle around the event.
    size : int, optional
        The minimum number of pixels of a longer side of a picture; only these are fetched.
    tolerance : astropy.units.Quantity, optional
        The largest difference of the time of an image, as in `sunpy_helio_plugins.helioviewer.nearest`.
    width : astropy.units.Quantity, optional
        The width of the figure, as in `stack`.

    Returns
    -------
    figure : matplotlib.figure.Figure
        The figure.
    axes : numpy.ndarray of astropy.visualization.wcsaxes.WCSAxes, shape (pictures,)
        A panel for each picture. The outline is rotated with the solar surface to the time of each, and so is the part
        of the image.

    Raises
    ------
    QueryError
        ``event`` is not an event with a time and a position, or it is not in view at one of the times.
    ServiceError, FileError
        The images could not be listed or fetched, or the source does not have any near the event.

    Warns
    -----
    IncompleteAnswerWarning
        At some of the times, there is no image.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> import astropy.units as u
    >>> from sunpy_helio_plugins import together
    >>> day = a.Time("2026-01-10", "2026-01-10 23:59")
    >>> holes = Fido.search(day, a.her.CH)["her"]
    >>> figure, axes = together.closeup(holes[0], "AIA 193", offsets=[0, 4] * u.hour)
    >>> len(axes)
    2
    """
    import matplotlib.pyplot as plt

    row = inputs.one_row(_FUNCTION, event, ("event_starttime", "raw"), "event")
    parts, moments = _parts(row, source, offsets, margin, size, tolerance)
    columns = min(len(parts), 4 if width > 120 * u.mm else 2)
    rows = -(-len(parts) // columns)
    one = width.to_value(u.imperial.inch) / columns
    shape = max(part.data.shape[0] / part.data.shape[1] for part in parts)
    with plt.rc_context(figure_style(narrow=width < 120 * u.mm)):
        figure = plt.figure(figsize=(one * columns, rows * (one * shape * 0.72 + 0.75)), layout="constrained")
        axes = [figure.add_subplot(rows, columns, 1 + at, projection=part) for at, part in enumerate(parts)]
        for number, (panel, part, moment) in enumerate(zip(axes, parts, moments, strict=True)):
            part.plot(axes=panel, annotate=False, autoalign=False)
            panel.coords.grid(draw_grid=False)
            overlay(panel, row, linewidth=1, hidden=":")
            panel.set_title(f"{titled(part, is_long=True)}\n{moment}", fontsize="small")
            _label(panel, is_left=number % columns == 0)
    return figure, np.array(axes)


def _parts(
    row: Row, source: Any, offsets: u.Quantity, margin: u.Quantity, size: int, tolerance: u.Quantity | None
) -> tuple[list[GenericMap], list[str]]:
    """Return the parts of the images around an event, and their times in words."""
    region = _region(row, margin + _PER_DAY * np.abs(offsets).max().to_value(u.day))
    images = helioviewer.nearest(source, best_time(row) + offsets, tolerance)
    known = ~np.ma.getmaskarray(images["Path"])
    if len(known) != len(offsets):
        raise QueryError(
            f"{_FUNCTION} takes one source, and source={shown(source)} selects several: choose one of them."
        )
    if not known.any():
        raise FileError(f"{_FUNCTION}: {shown(source)} does not have any image near the event: choose another source.")
    if not known.all():
        lost = ", ".join(_moment(one) for one in offsets[~known])
        warn_incomplete(f"{_FUNCTION}: no image was found {lost}; see tolerance=.")
    found = helioviewer.read(images[known], size=size, region=region)
    moments = [_moment((one.date - best_time(row)).to(u.min).round(0)) for one in found]
    return [cutout(one, row, margin=margin) for one in found], moments


def _region(row: Row, margin: u.Quantity) -> SkyCoord:
    """Return two corners around an event."""
    for name in ("hpc_boundcc", "hpc_bbox", "hpc_coord"):
        found = row[name] if name in row.colnames else None
        if found is None or np.any(getattr(found, "mask", False)):
            continue
        points = getattr(found, "skycoord", found)
        x, y = (np.atleast_1d(one.to_value(u.arcsec)) for one in (points.Tx, points.Ty))
        if np.isfinite(x).any():
            around = margin.to_value(u.arcsec)
            corners = [[reduce(one) + side * around for reduce, side in ((np.nanmin, -1), (np.nanmax, 1))]
                       for one in (x, y)]  # fmt: skip
            return SkyCoord(*corners * u.arcsec, frame=points.frame.replicate_without_data())
    raise QueryError(f"{_FUNCTION} takes an event with an outline, a box or a position on the disk: choose another.")


def _moment(offset: u.Quantity) -> str:
    minutes = offset.to_value(u.min)
    if minutes == 0:
        return "at the event"
    amount = f"{abs(minutes) / 60:.3g} h" if abs(minutes) >= 60 else f"{abs(minutes):g} min"
    return f"{amount} {'before' if minutes < 0 else 'after'}"


def _label(axes: Any, *, is_left: bool) -> None:
    """Label the axes of a picture; of several in a row, the vertical one of the first."""
    for coordinate, text in zip(axes.coords, ("Solar X [arcsec]", "Solar Y [arcsec]"), strict=True):
        coordinate.set_axislabel(text)
        coordinate.set_ticks(number=4)
        coordinate.display_minor_ticks(False)
    if not is_left:
        axes.coords[1].set_axislabel(" ")
        axes.coords[1].set_auto_axislabel(False)
