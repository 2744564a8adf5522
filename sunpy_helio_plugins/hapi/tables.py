"""Tables of HAPI: the datasets that a search found, and the records of one dataset."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import QTable

from sunpy_helio_plugins.fido import HelioTable
from sunpy_helio_plugins.hapi.header import Info, Parameter
from sunpy_helio_plugins.hapi.records import Columns
from sunpy_helio_plugins.hapi.translate import PROVIDER
from sunpy_helio_plugins.quantities import masks, times, units

if TYPE_CHECKING:
    from sunpy_helio_plugins.hapi.service import Found

__all__ = ["HAPITable", "from_found", "from_records", "missing", "unique_names"]


class HAPITable(HelioTable):
    """Datasets that a search found, one in each row, with the range of time that a fetch would ask for."""

    hide_keys = ["format", "info", "url"]
    size_column = None


def from_found(found: Sequence[Found], problems: Iterable[str], client: Any) -> HAPITable:
    """
    Return a search result.

    Parameters
    ----------
    found : sequence of Found
        The datasets.
    problems : iterable of str
        What is missing from them.
    client : sunpy.net.base_client.BaseClient
        The client that searched.

    Returns
    -------
    HAPITable
        One row for each dataset; no row, and the same columns, where nothing was found.
    """
    texts: dict[str, list[str]] = {
        "Source": [one.server.source or one.server.name for one in found],
        "Provider": [PROVIDER] * len(found),
        "Server": [one.server.name for one in found],
        "Dataset": [one.dataset for one in found],
        "Title": [one.title for one in found],
        "Cadence": [one.info.cadence for one in found],
        "Parameters": [", ".join(one.info.names[1:]) for one in found],
        "Units": [", ".join(_shown_units(parameter) for parameter in one.info.parameters[1:]) for one in found],
        "format": [one.format for one in found],
        "info": [json.dumps(dict(one.info.raw), ensure_ascii=False) for one in found],
        "url": [one.url for one in found],
    }
    table = HAPITable(client=client)
    for name, instants in (("Start Time", [one.start for one in found]), ("End Time", [one.end for one in found])):
        table[name] = times.from_iso(np.array(instants, dtype="S"))
        table[name].format = "iso"
    for name, values in texts.items():
        table[name] = np.array(values, dtype=str)
    table.problems = list(problems)
    return table


def from_records(info: Info, columns: Columns) -> QTable:
    """
    Return records as a table with units, times and masks.

    Parameters
    ----------
    info : Info
        The header.
    columns : list of numpy.ndarray
        One array for each parameter, as `sunpy_helio_plugins.hapi.records` reads them.

    Returns
    -------
    astropy.table.QTable
        One column for each parameter, under the server's name: times as `~astropy.time.Time`, numbers as quantities
        where the unit is understood, elements that hold the fill value or no number masked. What the server says of a
        parameter stands in the column's ``info.meta``, what it says of the dataset in ``table.meta["hapi"]``.
    """
    table = QTable(meta={"hapi": {key: value for key, value in info.raw.items() if key != "parameters"}})
    for index, (name, parameter) in enumerate(zip(unique_names(info), info.parameters, strict=True)):
        table[name] = _column(name, parameter, columns[index], primary=index == 0)
    return table


def missing(values: np.ndarray, parameter: Parameter) -> np.ndarray | None:
    """
    Tell which elements of a parameter are missing.

    Parameters
    ----------
    values : numpy.ndarray
        The elements.
    parameter : Parameter
        Its description.

    Returns
    -------
    numpy.ndarray of bool or None
        True where the element is the fill value or, in a number, NaN; `None` where nothing is missing.
    """
    fill = masks.is_fill(values, parameter.fill)
    lost = np.isnan(values) if values.dtype.kind == "f" else None
    if lost is None or not lost.any():
        return fill
    return lost if fill is None else fill | lost


def unique_names(info: Info) -> list[str]:
    """Return the parameters' names, numbered where they repeat (CDAWeb's OMNI_HRO2_1MIN names one parameter twice)."""
    names: list[str] = []
    for name in info.names:
        number, candidate = 1, name
        while candidate in names:
            number += 1
            candidate = f"{name}_{number}"
        names.append(candidate)
    return names


def _column(name: str, parameter: Parameter, values: np.ndarray, primary: bool) -> Any:
    mask = missing(values, parameter)
    if primary:
        made: Any = times.from_iso(values)
    elif parameter.type == "isotime":
        made = _times(name, values, mask)
    elif parameter.is_text:
        made = units.column(_decoded(values), None, name=name, mask=mask)
    else:
        unit = parameter.units
        made = units.column(values, unit if isinstance(unit, str) else None, name=name, mask=mask)
    made.info.description = parameter.description
    made.info.meta = _meta(parameter, made.info.meta)
    return made


def _times(name: str, values: np.ndarray, mask: np.ndarray | None) -> Any:
    """Read times other than the primary; they need not be valid, and then stay text."""
    empty = values == np.array("", dtype=values.dtype)
    mask = empty if mask is None else mask | empty
    try:
        return times.from_iso(values, mask if mask.any() else None)
    except ValueError:
        return units.column(_decoded(values), None, name=name, mask=mask if mask.any() else None)


def _decoded(values: np.ndarray) -> np.ndarray:
    return np.char.decode(values, "utf-8", "replace") if values.dtype.kind == "S" else values


def _meta(parameter: Parameter, meta: Any) -> dict[str, Any]:
    said = {key: value for key, value in parameter.raw.items() if key not in ("name", "description", "length", "size")}
    if not parameter.is_text and parameter.units is not None:
        said["unit_string"] = parameter.units
    return {**(meta or {}), **said}


def _shown_units(parameter: Parameter) -> str:
    unit = parameter.units
    return "/".join(str(one) for one in unit) if isinstance(unit, list) else unit or "-"
