"""sunpy TimeSeries from files of HAPI records. Importing this module registers the source with sunpy.timeseries."""

from __future__ import annotations

import html
from collections.abc import Container, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from sunpy.timeseries import GenericTimeSeries, TimeSeriesMetaData

from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.hapi.model import Info, Parameter
from sunpy_helio_plugins.hapi.records import read
from sunpy_helio_plugins.hapi.records.file import HAPIDocument, begins_like_hapi
from sunpy_helio_plugins.hapi.records.table import decoded, missing, unique_names
from sunpy_helio_plugins.io import registration
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.fills import for_frame
from sunpy_helio_plugins.quantities.units import parse

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["HAPITimeSeries"]

_MOST_IN_LEGEND = 9


class HAPITimeSeries(GenericTimeSeries):
    """
    A time series of a HAPI server, read from a file that `sunpy.net.Fido` fetched.

    A vector becomes one column for each component, called by its label where the server gives one, else numbered.
    Missing values are NaN, in whole numbers as well, which thereby become floats. Units that are not understood count
    as dimensionless; their text stands in ``meta``.
    """

    _source = "hapi"

    is_datasource_for = registration.datasource(lambda name, peek: begins_like_hapi(peek))

    def concatenate(
        self, others: GenericTimeSeries | Iterable[GenericTimeSeries], same_source: bool = False, **kwargs: Any
    ) -> GenericTimeSeries:
        """
        Return this series and others as one, in the order of time; a record that several hold appears once.

        ``TimeSeries(files, concatenate=True)`` joins two at a time. Copying everything for each file would take most of
        the time, so that series of this kind are joined at once, as soon as something of the whole is asked for.

        Parameters
        ----------
        others : GenericTimeSeries or iterable of these
            What to join.
        same_source : bool, optional
            Whether to refuse series of other kinds.
        **kwargs
            For `pandas.concat`.

        Raises
        ------
        QueryError
            A column has one unit here and another there.
        TypeError
            ``same_source`` is true, and a series is of another kind.
        """
        series = [others] if isinstance(others, GenericTimeSeries) else list(others)
        if kwargs or not all(isinstance(one, HAPITimeSeries) for one in series):
            return super().concatenate(series, same_source, **kwargs)
        joined: HAPITimeSeries = self.__class__.__new__(self.__class__)
        joined._waiting = [part for one in (self, *series) for part in one.__dict__.get("_waiting", [one])]
        joined.units = _common_units([self, *series])
        return joined

    def __getattr__(self, name: str) -> Any:
        """Join what `concatenate` put off."""
        waiting = self.__dict__.pop("_waiting", None)
        if waiting is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        super().__init__(*_joined(waiting), self.units)
        return getattr(self, name)

    def plot(self, axes: Any = None, columns: Any = None, **plot_args: Any) -> Any:
        """
        Plot columns, those of one unit together.

        Parameters
        ----------
        axes : matplotlib.axes.Axes or sequence of these, optional
            Where to draw: one for each unit. Made when left out.
        columns : list of str, optional
            Which columns. Defaults to all that hold numbers.
        **plot_args
            For `pandas.DataFrame.plot`.

        Returns
        -------
        matplotlib.axes.Axes or numpy.ndarray of these
            One for each unit.
        """
        from sunpy_helio_plugins.hapi.views.quicklook import concise, shown

        groups = self._by_unit(columns)
        panels = _panels(axes, len(groups))
        for panel, (text, names) in zip(panels, groups.items(), strict=True):
            frame = self.to_dataframe()[names]
            for name in names:
                panel.plot(frame.index.to_numpy(), frame[name].to_numpy(), label=shown(str(name)), **plot_args)
            panel.set_ylabel(text)
            if len(names) <= _MOST_IN_LEGEND:
                panel.legend(fontsize="x-small", ncols=1 + len(names) // 5)
        concise(panels[-1])
        return panels[0] if len(panels) == 1 else np.array(panels)

    def _text_summary(self) -> str:
        """Return the summary of the columns of numbers, and the names of texts: sunpy takes all for numbers."""
        frame = self.to_dataframe()
        texts = [name for name in frame.columns if frame[name].dtype.kind not in "fi"]
        if not texts:
            return str(super()._text_summary())
        units = {name: unit for name, unit in self.units.items() if name not in texts}
        numbers = GenericTimeSeries(frame.drop(columns=texts), self.meta, units)
        return f"{numbers._text_summary()}\nTexts:\t\t\t\t{', '.join(map(str, texts))}"

    def _repr_html_(self) -> str:
        """Return the summary and one picture; sunpy makes two for each column, and there may be hundreds."""
        from sunpy_helio_plugins.hapi.views.quicklook import embedded

        summary = f"<pre>{html.escape(str(self))}</pre>"
        try:
            groups = self._by_unit(None)
        except QueryError:
            return summary
        return summary + embedded(len(groups), self.plot)

    def _by_unit(self, columns: Any) -> dict[str, list[str]]:
        """Return the columns of numbers by their units as axes show them."""
        from sunpy_helio_plugins.hapi.views.quicklook import unit_text

        frame = self.to_dataframe()
        groups: dict[str, list[str]] = {}
        for name in columns or frame.columns:
            if name not in frame.columns:
                raise QueryError(f"The series has no column {name!r}; it has {', '.join(map(str, frame.columns))}.")
            if frame[name].dtype.kind in "fi":
                groups.setdefault(unit_text(self.units.get(name)), []).append(name)
        if not groups:
            raise QueryError("The series has no columns of numbers to plot.")
        return groups

    @classmethod
    def _parse_file(cls, filepath: Any) -> tuple[pd.DataFrame, dict[str, Any], dict[str, u.UnitBase]]:
        import pandas as pd

        content = read.parse_source(filepath)
        with read.named(filepath):
            columns = content.columns()
        if not len(columns[0]):
            raise FileError(f"{filepath}: the file holds no records, and there is no TimeSeries without any.")
        index = pd.DatetimeIndex(times.datetime64_from_iso(columns[0], warn=True), name=content.info.time.name)
        series: dict[str, Any] = {}
        unit: dict[str, u.UnitBase] = {}
        rest = zip(unique_names(content.info)[1:], content.info.parameters[1:], columns[1:], strict=True)
        for name, parameter, values in rest:
            made = [(_free(key, series), column) for key, column in _split(name, parameter, values).items()]
            series.update(made)
            units = _units(parameter, content.info)
            unit |= {key: one for (key, _), one in zip(made, units, strict=True)}
        return _ordered(pd.DataFrame(series, index=index)), _meta(content), unit


def _free(name: str, taken: Container[str]) -> str:
    """Return a name that no other column has: a component of B and another parameter may both be called B_0."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def _common_units(series: list[HAPITimeSeries]) -> dict[str, u.UnitBase]:
    units: dict[str, u.UnitBase] = {}
    for one in series:
        for name, unit in one.units.items():
            if units.setdefault(name, unit) != unit:
                raise QueryError(f"The column {name!r} is in {units[name]} and in {unit}: these are no one series.")
    return units


def _joined(series: list[HAPITimeSeries]) -> tuple[pd.DataFrame, TimeSeriesMetaData]:
    """Return the data of all, and their metadata in the order of time."""
    import pandas as pd

    frame = _ordered(pd.concat([one._data for one in series], sort=False))
    metadata = [entry for one in series for entry in one.meta.metadata]
    metadata.sort(key=lambda entry: entry[0].start.jd)
    return frame, TimeSeriesMetaData(metadata)


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    """Return records in the order of time, each once."""
    index = frame.index
    if not index.is_monotonic_increasing:
        frame = frame.sort_index(kind="stable")
        index = frame.index
    if index.is_unique:
        return frame
    same = index.duplicated(keep=False)
    keep = ~same
    keep[same] = ~frame[same].reset_index().duplicated().to_numpy()
    return frame if keep.all() else frame[keep]


def _panels(axes: Any, count: int) -> list[Any]:
    """Return as many axes as there are units: those given, or new ones that share their times."""
    if axes is not None:
        given = list(np.ravel(axes))
        if len(given) != count:
            raise QueryError(f"The columns have {count} units; give as many axes, or choose columns.")
        return given
    import matplotlib.pyplot as plt

    if count == 1:
        return [plt.gca()]
    _, panels = plt.subplots(count, 1, sharex=True, figsize=(9, 1 + 2 * count), layout="constrained")
    return list(panels)


def _split(name: str, parameter: Parameter, values: np.ndarray) -> dict[str, Any]:
    """Return a parameter as columns of one dimension."""
    if values.dtype.kind == "S":
        values = decoded(values)
    mask = missing(values, parameter) if values.dtype.kind in "iuf" else None
    flat = np.ma.getdata(values).reshape(len(values), parameter.width)
    lost = None if mask is None else mask.reshape(flat.shape)
    labels = [name] if values.ndim == 1 else [f"{name}_{label}" for label in parameter.components]
    return {
        label: _frame_column(flat[:, index], None if lost is None else lost[:, index])
        for index, label in enumerate(labels)
    }


def _frame_column(values: np.ndarray, mask: np.ndarray | None) -> Any:
    return values.astype(object) if values.dtype.kind == "U" else for_frame(values, mask)


def _units(parameter: Parameter, info: Info) -> list[u.UnitBase]:
    unit = parameter.units
    fits = isinstance(unit, list) and len(unit) == parameter.width
    texts = unit if isinstance(unit, list) and fits else [None if isinstance(unit, list) else unit] * parameter.width
    context = {"name": parameter.name, "description": parameter.description, **info.origin}
    parsed = [None if parameter.is_text else parse(text, info.units_schema, context) for text in texts]
    return [u.dimensionless_unscaled if one is None else one for one in parsed]


def _meta(content: HAPIDocument) -> dict[str, Any]:
    """Return what the header says, with the units' own texts."""
    said = {key: value for key, value in content.info.raw.items() if key != "status"}
    return {**said, "unit_strings": {one.name: one.units for one in content.info.parameters}}
