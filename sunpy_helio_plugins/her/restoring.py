"""
Plain tables as tables of events again.

From ECSV every column comes back as it was written. Of what another format brings, numbers and text alone, a table is
made anew from the records in its column ``raw``.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from astropy.table import Column, MaskedColumn, QTable, vstack
from astropy.time import Time

from sunpy_helio_plugins.fido.fields import COMMON
from sunpy_helio_plugins.her import chaincodes, origins, relations
from sunpy_helio_plugins.her import instants as moments
from sunpy_helio_plugins.her.keywords import keywords
from sunpy_helio_plugins.her.places import Places
from sunpy_helio_plugins.her.polygons import Polygons
from sunpy_helio_plugins.her.storage import AXES, INSTANT
from sunpy_helio_plugins.quantities import times

if TYPE_CHECKING:
    from sunpy_helio_plugins.her.tables import HERTable

__all__ = ["rebuilt", "stacked"]

T = TypeVar("T", bound="HERTable")
_NAMES = ("Instrument", "Source")
"""The shared columns that are masked columns also where nothing is missing."""
_PART = re.compile(r"\.(lon|lat)$")


def rebuilt(cls: type[T], table: QTable) -> T:
    """
    Return the table of events that a plain table was.

    Parameters
    ----------
    cls : type
        The class to make.
    table : astropy.table.QTable
        As `plain` or `flat` makes it, with more or with fewer columns.

    Raises
    ------
    ValueError
        It has no column ``raw``, of which everything else is made, nor instants to which coordinates belong.
    """
    if all(name in table.colnames and isinstance(table[name], Time) for name in ("event_starttime", INSTANT)):
        made = _typed(cls, table)
    elif "raw" in table.colnames:
        made = _anew(cls, table)
    else:
        raise ValueError("This is no table of events: it has no column raw, which holds the registry's records.")
    made.edges = list(_of_meta(table, "associations", "EDGES", []))
    made.problems = list(_of_meta(table, "problems", "PROBLEMS", []))
    made.client = _client()
    return made


def _of_meta(table: QTable, name: str, short: str, default: Any) -> Any:
    return json.loads(table.meta[short]) if short in table.meta else table.meta.get(name, default)


def _client() -> Any:
    """Return the client by which Fido fetches the rows; it stands before tables, and is asked for by name."""
    from sunpy.net import Fido

    return next((known() for known in Fido.registry if known.__name__ == "HERClient"), None)


def _typed(cls: type[T], table: QTable) -> T:
    """Return the table with every column as it was written, polygons and places put together again."""
    together = _together(table, moments.parts(table[INSTANT]), moments.parts(table["event_starttime"]))
    made: dict[str, Any] = {}
    for name in table.colnames:
        stem = name if name in together else _PART.sub("", name)
        column = together.get(stem, table[name])
        is_kept = stem in together or type(column) is not Column or stem not in (*keywords(), *_NAMES) or stem == "refs"
        made[stem if stem in together else name] = column if is_kept else MaskedColumn(column)
    return cls(list(made.values()), names=list(made), copy=False)


def _together(table: QTable, instants: Any, starts: Any) -> dict[str, Any]:
    """Return the polygons and places of a plain table."""
    events = instants, starts, _origins(table)
    names = dict.fromkeys(_PART.sub("", name) for name in table.colnames)
    systems = {name: name[:3] for name in names if chaincodes.is_chaincode(name)}
    systems |= _of_meta(table, "systems", "SYSTEMS", {})
    made: dict[str, Any] = {}
    for name, system in systems.items():
        if f"{name}.lon" in table.colnames:
            pair = [table[f"{name}.{axis}"] for axis in AXES]
            is_point = pair[0].dtype.kind == "f" and pair[0].ndim == 1
            made[name] = (_places if is_point else _polygons)(pair, system, *events)
        elif name in table.colnames:
            vertices, offsets, _ = chaincodes.rings(_texts(table[name]))
            made[name] = Polygons(vertices, offsets, system, *events)
    return made


def _origins(table: QTable) -> Any:
    """Return the origins of a table's events, which follow from columns of its own or from its records."""
    if "raw" in table.colnames:
        records = [json.loads(str(record)) if not isinstance(record, dict) else record for record in table["raw"]]
        return origins.origins(lambda name: [record.get(name) for record in records])

    def values(name: str) -> list[Any]:
        if name not in table.colnames:
            return [None] * len(table)
        return [text or None for text in _texts(getattr(table[name], "value", table[name]))]

    return origins.origins(values)


def _texts(column: Any) -> list[str]:
    """Return a column as text, empty where a value is missing."""
    gone = np.broadcast_to(getattr(column, "mask", False), column.shape)
    return ["" if missing else str(value) for value, missing in zip(column, gone, strict=True)]


def _polygons(pair: list[Any], system: str, *events: Any) -> Polygons:
    axes = [[_numbers(piece) for piece in axis] for axis in pair]
    offsets = np.concatenate([[0], np.cumsum([len(piece) for piece in axes[0]], dtype=np.int64)])
    return Polygons(np.stack([np.concatenate([[], *axis]) for axis in axes], axis=1), offsets, system, *events)


def _numbers(piece: Any) -> Any:
    """Return a cell of variable length; one that is missing has no elements."""
    return np.empty(0) if piece is np.ma.masked or not len(piece) else np.asarray(piece, dtype=float)


def _places(pair: list[Any], system: str, *events: Any) -> Places:
    numbers: Any = [np.ma.filled(np.ma.asarray(axis, dtype=float), np.nan) for axis in pair]
    return Places(np.stack(numbers, axis=1), system, *events)


def _anew(cls: type[T], table: QTable) -> T:
    """Return the table that the records make, without columns that the plain one has not, and with its others."""
    records = [json.loads(str(text)) if not isinstance(text, dict) else text for text in table["raw"]]
    made = cls.from_records(records, (), (), None, _instants(table))
    together = _together(table, moments.parts(made[INSTANT]), moments.parts(made["event_starttime"]))
    stems = dict.fromkeys(_PART.sub("", name) for name in table.colnames)
    made.remove_columns([name for name in made.colnames if name not in (*stems, *COMMON)])
    for name in stems:
        if name not in made.colnames:
            made[name] = together[name] if name in together else table[name]
    return made


def _instants(table: QTable) -> Time | None:
    if INSTANT not in table.colnames:
        return None
    stamps = _texts(table[INSTANT])
    gone = np.array([not stamp for stamp in stamps], dtype=bool)
    data = np.array([stamp or "2000-01-01T00:00:00.000" for stamp in stamps], dtype="S")
    return times.from_iso(data, gone if gone.any() else None)


def stacked(cls: type[T], tables: tuple[T, ...]) -> T:
    """
    Return the events of several tables as one, made anew of all their records.

    Parameters
    ----------
    cls : type
        The class to make.
    tables : tuple of HERTable
        Each with its column ``raw``.
    """
    records = [record for table in tables for record in table["raw"]]
    known = [moments.parts(table[INSTANT]) for table in tables]
    instants = moments.times(np.concatenate(known)) if known else None
    edges = {relations.identity(edge): edge for table in tables for edge in table.edges}
    problems = dict.fromkeys(problem for table in tables for problem in table.problems)
    client = next((table.client for table in tables if table.client is not None), None)
    made = cls.from_records(records, edges.values(), (), client, instants)
    # Units that are sure in one table are the other's as well: that can cost values, of which neither table tells.
    told = {problem.partition(":")[0] for problem in problems}
    made.problems = [*problems, *(problem for problem in made.problems if problem.partition(":")[0] not in told)]
    own = [[name for name in table.colnames if name not in made.colnames] for table in tables]
    if any(own):
        # Beside a column that all have, so that the rows of a table without any are counted.
        parts = [
            QTable({"raw": table["raw"]} | {name: table[name] for name in names})
            for table, names in zip(tables, own, strict=True)
        ]
        added = vstack(parts)
        for name in added.colnames[1:]:
            made[name] = added[name]
    return made
