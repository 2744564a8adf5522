"""Spectrograms of cubes of spectra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.utils.masked import Masked

from sunpy_helio_plugins.arguments import TEXT, close_names, listed, optional, refused, taking
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.quantities.datetimes import to_datetime64
from sunpy_helio_plugins.series.axes import Axis
from sunpy_helio_plugins.series.views.labels import concise, shown, unit_text
from sunpy_helio_plugins.series.views.mesh import Intervals
from sunpy_helio_plugins.series.views.panels import draw_cells, over_others

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_spectra"]


@taking("imap.plot_spectra", axis=optional(TEXT))
def plot_spectra(spectra: Any, axis: str | None = None, **options: Any) -> Figure:
    """
    Plot a cube of spectra against time.

    Parameters
    ----------
    spectra : ndcube.NDCube
        Spectra from `sunpy_helio_plugins.imap.to_spectra`, of two or more times.
    axis : str, optional
        The axis to plot besides time. Defaults to the energies, or else to the first one.
    **options
        Options of `matplotlib.axes.Axes.pcolormesh`, such as ``cmap``, ``norm``, ``vmin`` and ``vmax``.

    Returns
    -------
    matplotlib.figure.Figure
        Each cell extends from edge to edge of its bin, as the file gives them, else to halfway between centres. An axis
        of steps whose energies change with time is plotted with the energies of each record. Colours are logarithmic if
        the values extend over more than a factor of 10. Other axes are averaged. Missing records are gaps.

    Raises
    ------
    QueryError
        If the object is not such a cube, or does not have the axis.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import imap
    >>> query = a.Time("2026-01-10", "2026-01-11"), a.Instrument("swe"), a.Level("l2"), a.imap.File()
    >>> table = imap.read(Fido.fetch(Fido.search(*query), path="{file}")[0])
    >>> imap.plot_spectra(imap.to_spectra(table, "flux")).savefig("flux.png")
    """
    import matplotlib.pyplot as plt

    names = _names(spectra)
    dimension = _dimension(spectra, names, axis)
    values = np.where(spectra.mask, np.nan, spectra.data) if spectra.mask is not None else spectra.data
    time = spectra.axis_world_coords("time")[0]
    figure, axes = plt.subplots(figsize=(9, 4), layout="constrained")
    image = draw_cells(
        axes, to_datetime64(time), _axis(spectra, names[dimension], dimension),
        over_others(np.asarray(values, dtype=float), dimension - 1), Intervals(), **options,
    )  # fmt: skip
    concise(axes)
    axes.set_title(shown(str(spectra.meta.get("Logical_source") or "")), fontsize="medium")
    others = [name for name in names[1:] if name != names[dimension]]
    unit = unit_text(spectra.unit) or shown(str(spectra.meta.get("unit_string") or "").strip())
    label = shown(str(spectra.meta.get("name") or "") + (f", mean over {', '.join(others)}" if others else ""))
    figure.colorbar(image, ax=axes, label=f"{label}\n[{unit}]" if unit else label, pad=0.01)
    return figure


def _names(given: Any) -> list[str]:
    """Return the names of the axes of a cube in the order of its array, beginning with time."""
    # A slice has coordinates of another class.
    coordinates = getattr(getattr(given, "wcs", None), "low_level_wcs", None)
    names = [str(name) for name in reversed(getattr(coordinates, "world_axis_names", ()))]
    if len(names) < 2 or names[0] != "time" or len(names) != given.data.ndim or given.data.shape[0] < 2:
        raise refused(
            "imap.plot_spectra", given, "spectra of two or more times, such as imap.to_spectra(table, column)"
        )
    return names


def _dimension(spectra: Any, names: list[str], axis: str | None) -> int:
    """Return the axis of the array to plot against time."""
    if axis is not None and axis not in names[1:]:
        raise QueryError(
            f"imap.plot_spectra: the axis is one of {listed(names[1:])}, not {axis!r}.{close_names(axis, names[1:])}"
        )
    if axis is not None:
        return names.index(axis)
    kinds = list(reversed(spectra.wcs.world_axis_physical_types))
    return kinds.index("em.energy") if "em.energy" in kinds else 1


def _axis(spectra: Any, name: str, dimension: int) -> Axis:
    """Return the bins along an axis, with the edges or the changing energies that the metadata contain."""
    length = spectra.data.shape[dimension]
    centers = u.Quantity(spectra.axis_world_coords(dimension)[0])
    for key, value in spectra.meta.items():
        is_changing = isinstance(value, u.Quantity) and value.shape == (spectra.data.shape[0], length)
        if centers.unit in (u.pix, u.one) and is_changing and value.unit.is_equivalent(u.eV):
            bare = value.filled(np.nan) if isinstance(value, Masked) else value
            return Axis(key, key, u.Quantity(bare, dtype=float), None, None)
    edges = [spectra.meta.get(f"{name}_{side}") for side in ("lower", "upper")]
    ranges = None
    if all(isinstance(one, u.Quantity) and one.shape == centers.shape for one in edges):
        ranges = u.Quantity(np.stack([one.to(centers.unit) for one in edges], axis=-1))
    return Axis(name, name, None if centers.unit == u.pix else centers, ranges, None)
