"""Texts of figures: units, names from servers, times, and figures of notebooks."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["concise", "embedded", "shown", "unit_text"]


def concise(axes: Axes, ticks: int | None = None) -> None:
    """Label a time axis with the parts of the time that change; at most a number of ticks."""
    import matplotlib.dates as dates

    locator = dates.AutoDateLocator() if ticks is None else dates.AutoDateLocator(minticks=3, maxticks=ticks)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    axes.set_xlabel("UTC")


@lru_cache(maxsize=1024)
def shown(text: str) -> str:
    """Return a text from a server for matplotlib: as mathematics if it can parse it, else with escaped ``$``."""
    from matplotlib.mathtext import MathTextParser

    if "$" not in text:
        return text
    try:
        MathTextParser("path").parse(text)
    except ValueError:
        return text.replace("$", r"\$")
    return text


def unit_text(unit: u.UnitBase | None) -> str:
    """Return a unit for an axis label."""
    return "" if unit is None or unit == u.one else unit.to_string("latex_inline")


def embedded(panels: int, draw: Callable[[np.ndarray], object]) -> str:
    """Return an HTML image for a notebook; ``draw`` is called with the axes of the panels."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1 + 2 * panels), layout="constrained")
    draw(figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0])
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return f'<img src="data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()}"/>'
