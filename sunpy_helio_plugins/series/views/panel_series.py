"""The base class of TimeSeries whose columns are plotted in panels."""

from __future__ import annotations

from typing import Any

__all__ = ["PanelSeries"]


class PanelSeries:
    """A TimeSeries whose columns are plotted in panels; the other base of its class is that of sunpy."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>\n{self}"

    def plot(self, axes: Any = None, columns: Any = None, **plot_args: Any) -> Any:
        """
        Plot columns, grouped by unit.

        Integers without a unit, such as flags, are steps in a panel of their own.

        Parameters
        ----------
        axes : matplotlib.axes.Axes or sequence of these, optional
            One for each unit, and one for flags. Created if not given.
        columns : list of str, optional
            The names of columns. Defaults to all numeric columns.
        **plot_args
            Passed to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        matplotlib.axes.Axes or numpy.ndarray of these
            One for each unit.

        Raises
        ------
        QueryError
            If a column does not exist, none of them is numeric, or the number of axes differs from the number of units.
        """
        from sunpy_helio_plugins.series.views.series_plot import plot_series

        return plot_series(self, axes, columns, plot_args)
