"""sunpy TimeSeries from files of HAPI records. Importing this module registers the source with sunpy.timeseries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from sunpy.timeseries import GenericTimeSeries

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi import reading, stream
from sunpy_helio_plugins.hapi.header import Parameter
from sunpy_helio_plugins.hapi.tables import missing, unique_names
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.units import parse

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["HAPITimeSeries"]


class HAPITimeSeries(GenericTimeSeries):
    """
    A time series of a HAPI server, read from a file that `sunpy.net.Fido` fetched.

    A vector becomes one column for each component, called by its label where the server gives one, else numbered.
    Missing values are NaN, in whole numbers as well, which thereby become floats. Units that are not understood count
    as dimensionless; their text stands in ``meta``.
    """

    _source = "hapi"

    @classmethod
    def is_datasource_for(cls, **kwargs: Any) -> bool:
        """Tell whether a file begins with a HAPI header; the name does not matter."""
        source = kwargs.get("source")
        if source:
            return str(source).lower() == cls._source
        return _begins_with_header(kwargs.get("filepath"))

    @classmethod
    def _parse_file(cls, filepath: Any) -> tuple[pd.DataFrame, dict[str, Any], dict[str, u.UnitBase]]:
        import pandas as pd

        content = reading.load(filepath)
        columns = content.columns()
        if not len(columns[0]):
            raise FileError(f"{filepath}: the file holds no records, and there is no TimeSeries without any.")
        index = pd.DatetimeIndex(times.datetime64_from_iso(columns[0]), name=content.info.time.name)
        series: dict[str, Any] = {}
        unit: dict[str, u.UnitBase] = {}
        rest = zip(unique_names(content.info)[1:], content.info.parameters[1:], columns[1:], strict=True)
        for name, parameter, values in rest:
            made = _split(name, parameter, values)
            series |= made
            unit |= dict(zip(made, _units(parameter), strict=True))
        return pd.DataFrame(series, index=index), _meta(content), unit


def _begins_with_header(path: Any) -> bool:
    try:
        with Path(path).open("rb") as opened:
            return stream.looks_like_hapi(opened.read(stream.SNIFFED))
    except (OSError, TypeError, ValueError):
        return False


def _split(name: str, parameter: Parameter, values: np.ndarray) -> dict[str, np.ndarray]:
    """Return a parameter as columns of one dimension."""
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    elif values.dtype.kind in "if":
        mask = missing(values, parameter)
        values = values if mask is None else np.where(mask, np.nan, values)
    if values.ndim == 1:
        return {name: values.astype(object) if values.dtype.kind == "U" else values}
    flat = values.reshape(len(values), -1)
    labels = parameter.labels
    numbers = ["_".join(map(str, place)) for place in np.ndindex(values.shape[1:])]
    use_labels = labels is not None and len(set(labels)) == len(labels)
    return {f"{name}_{label}": flat[:, i] for i, label in enumerate(labels if use_labels and labels else numbers)}


def _units(parameter: Parameter) -> list[u.UnitBase]:
    unit = parameter.units
    texts = unit if isinstance(unit, list) else [unit] * parameter.width
    parsed = [None if parameter.is_text else parse(text) for text in texts]
    return [u.dimensionless_unscaled if one is None else one for one in parsed]


def _meta(content: stream.Content) -> dict[str, Any]:
    """Return what the header says, with the units' own texts."""
    said = {key: value for key, value in content.info.raw.items() if key != "status"}
    return {**said, "unit_strings": {one.name: one.units for one in content.info.parameters}}
