"""sunpy TimeSeries from files of HAPI records. Importing this module registers the class with sunpy.timeseries."""

from __future__ import annotations

import html
from collections.abc import Container, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from sunpy.timeseries import GenericTimeSeries, TimeSeriesMetaData

from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.fido.partial import Partial, warn
from sunpy_helio_plugins.hapi.model import Info, Parameter
from sunpy_helio_plugins.hapi.records import read
from sunpy_helio_plugins.hapi.records.file import HAPIDocument, begins_like_hapi
from sunpy_helio_plugins.hapi.records.table import decoded, from_records, missing, unique_names
from sunpy_helio_plugins.hapi.views.origin import names_of
from sunpy_helio_plugins.io import registration
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.fills import for_frame
from sunpy_helio_plugins.quantities.units import parse
from sunpy_helio_plugins.series.views.panel_series import PanelSeries

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["HAPITimeSeries"]


class HAPITimeSeries(PanelSeries, GenericTimeSeries):
    """
    A time series of a HAPI server, from a file that `sunpy.net.Fido` downloaded.

    Each component of a vector is one column, named by its label if the server gives it, else numbered. Missing values
    are NaN; columns of integers with missing values are converted to floats. Unknown units are replaced by
    dimensionless ones; their text is in ``meta``.

    Examples
    --------
    >>> from sunpy.timeseries import TimeSeries
    >>> from sunpy_helio_plugins import hapi
    >>> field = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11", "BGSEc")
    >>> hapi.write(field, "ace.hapi")
    >>> series = TimeSeries("ace.hapi")
    >>> series.columns
    ['BGSEc_0', 'BGSEc_1', 'BGSEc_2']
    >>> series.observatory
    'ACE'
    """

    _source = "hapi"

    is_datasource_for = registration.datasource(lambda name, peek: begins_like_hapi(peek))

    @property
    def observatory(self) -> str:
        """The spacecraft, by the id of the dataset or its description; empty if it is not known."""
        return self._told("telescop")

    @property
    def instrument(self) -> str:
        """The instrument, by the id of the dataset; empty if it is not known."""
        return self._told("instrume")

    def _told(self, key: str) -> str:
        return str(self.meta.metadata[0][2].get(key, "")) if self.meta.metadata else ""

    def concatenate(
        self, others: GenericTimeSeries | Iterable[GenericTimeSeries], same_source: bool = False, **kwargs: Any
    ) -> GenericTimeSeries:
        """
        Concatenate this series with others, in the order of time; a record that several of them contain is included
        once.

        ``TimeSeries(files, concatenate=True)`` concatenates two at a time. To avoid copying all data for each file,
        series of this class are only concatenated when the result is used first.

        Parameters
        ----------
        others : GenericTimeSeries or iterable of these
            The other series.
        same_source : bool, optional
            Whether to raise an error for series of other classes.
        **kwargs
            Passed to `pandas.concat`.

        Returns
        -------
        GenericTimeSeries
            The series with all records.

        Raises
        ------
        QueryError
            If the unit of a column differs between the series.
        TypeError
            If ``same_source`` is true, and a series is of another class.
        """
        series = [others] if isinstance(others, GenericTimeSeries) else list(others)
        if kwargs or not all(isinstance(one, HAPITimeSeries) for one in series):
            return super().concatenate(series, same_source, **kwargs)
        joined: HAPITimeSeries = self.__class__.__new__(self.__class__)
        joined._waiting = [part for one in (self, *series) for part in one.__dict__.get("_waiting", [one])]
        joined.units = _common_units([self, *series])
        return joined

    def __getattr__(self, name: str) -> Any:
        """Carry out a postponed `concatenate`."""
        waiting = self.__dict__.pop("_waiting", None)
        if waiting is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        super().__init__(*_joined(waiting), self.units)
        return getattr(self, name)

    def _text_summary(self) -> str:
        """Return the summary of the numeric columns and the names of the others, which sunpy cannot summarize."""
        frame = self.to_dataframe()
        texts = [name for name in frame.columns if frame[name].dtype.kind not in "fi"]
        if not texts:
            return str(super()._text_summary())
        units = {name: unit for name, unit in self.units.items() if name not in texts}
        numbers = GenericTimeSeries(frame.drop(columns=texts), self.meta, units)
        return f"{numbers._text_summary()}\nTexts:\t\t\t\t{', '.join(map(str, texts))}"

    def _repr_html_(self) -> str:
        """Return the summary and one figure; sunpy creates two for each column, and there may be hundreds."""
        from sunpy_helio_plugins.series.views.labels import embedded
        from sunpy_helio_plugins.series.views.series_plot import panels_by_unit

        summary = f"<pre>{html.escape(str(self))}</pre>"
        try:
            groups = panels_by_unit(self, None)
        except QueryError:
            return summary
        return summary + embedded(len(groups), self.plot)

    @classmethod
    def _parse_file(cls, filepath: Any) -> tuple[pd.DataFrame, dict[str, Any], dict[str, u.UnitBase]]:
        import pandas as pd

        content = read.parse_source(filepath)
        with read.named(filepath):
            columns = content.columns()
        if not len(columns[0]):
            raise FileError(f"{filepath}: the file does not contain records, and an empty TimeSeries is not possible.")
        index = pd.DatetimeIndex(times.datetime64_from_iso(columns[0], warn=True), name=content.info.time.name)
        if not (index.is_monotonic_increasing and index.is_unique):
            table = from_records(content.info, content.columns(), content.info.origin)
            warn(Partial(problems=read.disorder(table, [content.info], [len(index)], str(filepath))))
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
    """Return a name that is not used yet: the first component of B and another parameter may both be named B_0."""
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
                raise QueryError(f"The column {name!r} is in {units[name]} and in {unit}; the units must be the same.")
    return units


def _joined(series: list[HAPITimeSeries]) -> tuple[pd.DataFrame, TimeSeriesMetaData]:
    """Return the data of all series, and their metadata in the order of time."""
    import pandas as pd

    frame = _ordered(pd.concat([one._data for one in series], sort=False))
    metadata = [entry for one in series for entry in one.meta.metadata]
    metadata.sort(key=lambda entry: entry[0].start.jd)
    return frame, TimeSeriesMetaData(metadata)


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    """Sort records by time, without duplicates."""
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


def _split(name: str, parameter: Parameter, values: np.ndarray) -> dict[str, Any]:
    """Return the components of a parameter as columns of one dimension."""
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
    """Return the header with the original unit strings."""
    said = {key: value for key, value in content.info.raw.items() if key != "status"}
    said |= {key: name for key, name in zip(("telescop", "instrume"), names_of(said), strict=True) if name}
    return {**said, "unit_strings": {one.name: one.units for one in content.info.parameters}}
