"""
Tables of events as tables of plain columns, which any astropy can write and read; the way back is `restoring`.

ECSV keeps types, masks and objects; other formats hold numbers and text alone.
"""

from __future__ import annotations

import json
import warnings
from os import PathLike
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from astropy.io import registry
from astropy.table import Column, MaskedColumn, QTable
from astropy.time import Time

from sunpy_helio_plugins.fields import COMMON
from sunpy_helio_plugins.her.places import Places
from sunpy_helio_plugins.her.polygons import Polygons

if TYPE_CHECKING:
    from sunpy_helio_plugins.her.tables import HERTable

__all__ = ["flat", "format_of", "plain"]

AXES = ("lon", "lat")
RAGGED = ("fits", "parquet")
"""Formats that hold columns of variable length; in others an outline is its WKT."""

INSTANT = "detection_time"


def format_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """Return the name of the format in which a table is asked to be written; empty where astropy does not know it."""
    given = kwargs.get("format")
    if given is None and args:
        is_path = isinstance(args[0], str | PathLike)
        path, stream = (str(args[0]), None) if is_path else (None, args[0])
        found = registry.identify_format("write", QTable, path, stream, args, kwargs)
        given = found[0] if found else ""
    return str(given or "").removeprefix("ascii.")


def plain(table: HERTable) -> QTable:
    """
    Return a table without columns of classes that only this package knows.

    Parameters
    ----------
    table : HERTable
        Events.
    """
    made, systems = _parts(table, ragged=True)
    meta = {
        "associations": [dict(edge) for edge in table.edges], "problems": [str(text) for text in table.problems],
        "systems": systems,
    }  # fmt: skip
    return QTable(list(made.values()), names=list(made), meta=meta, copy=False)


def flat(table: HERTable, form: str = "") -> QTable:
    """
    Return a table of numbers and text alone: times in ISO 8601, records and other objects as JSON.

    Parameters
    ----------
    table : HERTable
        Events.
    form : str, optional
        The format for which it is meant.
    """
    made, systems = _parts(table, ragged=form in RAGGED and len(table) > 0)
    if form == "votable":
        # Names with a space are no identifiers there; reading makes these columns anew.
        made = {name: column for name, column in made.items() if name not in COMMON}
    columns = [_flat(column, name.rpartition(".")[2] in AXES) for name, column in made.items()]
    if form in ("fits", "votable"):
        columns = [_in_words(column, form) if isinstance(column, u.Quantity) else column for column in columns]
    if form == "fits":
        columns = [_in_ascii(column) for column in columns]
    # Names and values that the header of a FITS file holds.
    said = {"EDGES": table.edges, "PROBLEMS": table.problems, "SYSTEMS": systems}
    meta = {name: json.dumps(value, default=str) for name, value in said.items()}
    return QTable(columns, names=list(made), meta=meta, copy=False)


def _parts(table: HERTable, ragged: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """Return columns by name, polygons and places taken apart, and the systems of these."""
    made: dict[str, Any] = {}
    systems: dict[str, str] = {}
    for name in table.colnames:
        column = table[name]
        if not isinstance(column, Polygons | Places):
            made[name] = column
            continue
        systems[name] = column.system
        if isinstance(column, Places):
            gone = np.asarray(column.mask)
            values = np.where(gone[:, None], 0.0, column.values)
            made |= {f"{name}.{axis}": MaskedColumn(values[:, i], mask=gone) for i, axis in enumerate(AXES)}
        elif ragged:
            pieces = np.split(column.vertices, column.offsets[1:-1]) if len(column) else []
            made |= {f"{name}.{axis}": _objects([piece[:, i] for piece in pieces]) for i, axis in enumerate(AXES)}
        else:
            made[name] = _text([wkt or "" for wkt in column.wkt])
    return made, systems


def _objects(values: list[Any]) -> Column:
    data = np.empty(len(values), dtype=object)
    for index, value in enumerate(values):
        data[index] = value
    return Column(data, copy=False)


def _text(values: list[str]) -> MaskedColumn:
    return MaskedColumn(np.array(values, dtype=str), mask=[not value for value in values], copy=False)


def _flat(column: Any, is_ragged: bool) -> Any:
    if isinstance(column, Time):
        gone = np.broadcast_to(np.asarray(column.mask), column.shape)
        return _text(["" if missing else str(stamp) for stamp, missing in zip(column.utc.isot, gone, strict=True)])
    if is_ragged or getattr(column.dtype, "kind", "") != "O":
        return column
    values = column.filled("") if hasattr(column, "filled") else column
    return _text([value if isinstance(value, str) else json.dumps(value, default=str) for value in values])


NAMES_OF_UNITS = {"fits": "fits", "votable": "vounit"}


def _in_words(column: u.Quantity, form: str) -> Any:
    """Return numbers in a unit for which a format has no name, such as DN, with its name as a description."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", u.UnitsWarning)
            column.unit.to_string(NAMES_OF_UNITS[form])
    except (ValueError, u.UnitsWarning):
        values = np.asarray(getattr(column, "unmasked", column).value)
        return MaskedColumn(values, mask=getattr(column, "mask", None), description=f"in {column.unit}")
    return column


def _in_ascii(column: Any) -> Any:
    """Return text as FITS can hold it; other letters are escaped, and stand in the JSON of ``raw`` as they are."""
    if column.dtype.kind != "U":
        return column
    made = [str(value).encode("ascii", "backslashreplace").decode() for value in np.ma.filled(column, "")]
    return _text(made)
