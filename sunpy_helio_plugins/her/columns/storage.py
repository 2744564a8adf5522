"""Convert tables of events for files, and restore them."""

from __future__ import annotations

import json
import re
from typing import Any, TypeVar

import astropy.units as u
import numpy as np
from astropy.table import Column, MaskedColumn, QTable, vstack
from astropy.time import Time

from sunpy_helio_plugins.errors import FileError, Problem
from sunpy_helio_plugins.fido.fields import COMMON
from sunpy_helio_plugins.her.columns import chaincodes, origins, relations
from sunpy_helio_plugins.her.columns import frames as moments
from sunpy_helio_plugins.her.columns.codecs import AXES, as_objects
from sunpy_helio_plugins.her.columns.points import Points
from sunpy_helio_plugins.her.columns.polygons import Polygons
from sunpy_helio_plugins.her.keywords import keywords
from sunpy_helio_plugins.her.outlines.trace import Rings, submitted_vertices
from sunpy_helio_plugins.her.records.column import EventRecords
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.exact import kept_json
from sunpy_helio_plugins.quantities.silence import has_name

__all__ = ["flat", "plain", "rebuilt", "stacked"]

INSTANT = "detection_time"


def plain(table: QTable) -> QTable:
    """Return a table without the column types of this package."""
    made, systems = _parts(table, ragged=True)
    meta = {
        "associations": [dict(edge) for edge in table.edges], "problems": _stored(table),
        "notes": list(map(str, table.notes)), "systems": systems, "unasked": list(table.unasked),
        "query": list(table.query),
    }  # fmt: skip
    return QTable(list(made.values()), names=list(made), meta=_own_meta(table) | meta, copy=False)


def _stored(table: QTable) -> list[dict[str, str]]:
    return [Problem.of(one).stored() for one in table.problems]


def _own_meta(table: QTable) -> dict[str, Any]:
    """Return the entries that a user added to the meta of a table."""
    return {name: value for name, value in table.meta.items() if name not in ("__attributes__", *_META)}


_META = (
    "associations", "problems", "notes", "systems", "unasked", "query",
    "EDGES", "PROBLEMS", "NOTES", "SYSTEMS", "UNASKED", "QUERY",
)  # fmt: skip
"""Entries of the meta of a plain or flat table that belong to the table of events."""


def flat(table: QTable, form: str = "") -> QTable:
    """
    Return a table of numbers and text only, for a format: times in ISO 8601, records and other objects as JSON.

    Times are kept for ``"pandas"``.
    """
    made, systems = _parts(table, ragged=False)
    if form == "votable":
        # Names with a space are not identifiers there; these columns are created again on reading.
        made = {name: column for name, column in made.items() if name not in COMMON}
    columns = [column if form == "pandas" and isinstance(column, Time) else _flat(column) for column in made.values()]
    if form == "votable":
        columns = [_in_words(column) if isinstance(column, u.Quantity) else column for column in columns]
    said = {
        "EDGES": table.edges, "PROBLEMS": _stored(table), "NOTES": table.notes, "SYSTEMS": systems,
        "UNASKED": table.unasked, "QUERY": table.query,
    }  # fmt: skip
    meta = {name: json.dumps(value, default=str) for name, value in said.items()}
    return QTable(columns, names=list(made), meta=meta, copy=False)


def _parts(table: QTable, ragged: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """Return columns by name, with polygons and points split into numbers or text, and the systems of these."""
    made: dict[str, Any] = {}
    systems: dict[str, str] = {}
    for name in table.colnames:
        column = table[name]
        if isinstance(column, EventRecords):
            column = as_objects(list(column))
        if not isinstance(column, Polygons | Points):
            made[name] = column
            continue
        systems[name] = column.system
        if isinstance(column, Points):
            gone = np.asarray(column.mask)
            values = np.where(gone[:, None], 0.0, column.values)
            made |= {f"{name}.{axis}": MaskedColumn(values[:, i], mask=gone) for i, axis in enumerate(AXES)}
        elif ragged:
            pieces = np.split(column.vertices, column.offsets[1:-1]) if len(column) else []
            made |= {f"{name}.{axis}": as_objects([piece[:, i] for piece in pieces]) for i, axis in enumerate(AXES)}
        else:
            made[name] = _text([wkt or "" for wkt in column.wkt])
    return made, systems


def _text(values: list[str]) -> MaskedColumn:
    return MaskedColumn(np.array(values, dtype=str), mask=[not value for value in values], copy=False)


def _flat(column: Any) -> Any:
    if isinstance(column, Time):
        gone = np.broadcast_to(np.asarray(column.mask), column.shape)
        return _text(["" if missing else str(stamp) for stamp, missing in zip(column.utc.isot, gone, strict=True)])
    if getattr(column.dtype, "kind", "") != "O":
        return column
    values = column.filled("") if hasattr(column, "filled") else column
    return _text([value if isinstance(value, str) else json.dumps(value, default=str) for value in values])


def _in_words(column: u.Quantity) -> Any:
    """Return numbers with a unit that VOTable does not support, such as DN, as a column with a description."""
    if has_name(column.unit, "vounit"):
        return column
    values = np.asarray(getattr(column, "unmasked", column).value)
    return MaskedColumn(values, mask=getattr(column, "mask", None), description=f"in {column.unit}")


T = TypeVar("T", bound="QTable")

_NAMES = ("Instrument", "Source")
"""The shared columns that are always masked columns, even if no value is missing."""

_PART = re.compile(r"\.(lon|lat)$")


def rebuilt(cls: type[T], table: QTable) -> T:
    """Restore a table of events from its plain or flat form; raise FileError if it is not a table of events."""
    if all(name in table.colnames and isinstance(table[name], Time) for name in ("event_starttime", INSTANT)):
        made = _typed(cls, table)
    elif "raw" in table.colnames:
        made = _anew(cls, table)
    else:
        given = ", ".join(table.colnames[:5]) or "no columns"
        raise FileError(f"A table with {given} is not a table of events: the column raw, with the records, is missing.")
    made.edges = list(_of_meta(table, "associations", "EDGES", []))
    made.problems = list(_of_meta(table, "problems", "PROBLEMS", []))
    made.notes = list(_of_meta(table, "notes", "NOTES", []))
    made.unasked = list(_of_meta(table, "unasked", "UNASKED", []))
    made.query = list(_of_meta(table, "query", "QUERY", []))
    made.meta |= _own_meta(table)
    made.client = _client()
    return made


def _of_meta(table: QTable, name: str, short: str, default: Any) -> Any:
    return kept_json(table.meta[short]) if short in table.meta else table.meta.get(name, default)


def _client() -> Any:
    """Return the client with which Fido fetches the rows; found by name, since this module cannot import it."""
    from sunpy.net import Fido

    return next((known() for known in Fido.registry if known.__name__ == "HERClient"), None)


def _typed(cls: type[T], table: QTable) -> T:
    """Return the table with every column as written, with polygons and points restored."""
    together = _together(table, moments.parts(table[INSTANT]), moments.parts(table["event_starttime"]))
    made: dict[str, Any] = {}
    for name in table.colnames:
        stem = name if name in together else _PART.sub("", name)
        column = together.get(stem, table[name])
        is_kept = stem in together or type(column) is not Column or stem not in (*keywords(), *_NAMES) or stem == "refs"
        made[stem if stem in together else name] = column if is_kept else MaskedColumn(column)
    if "raw" in made:
        made["raw"] = EventRecords.kept(made["raw"])
    return cls(list(made.values()), names=list(made), copy=False)


def _together(table: QTable, instants: Any, starts: Any) -> dict[str, Any]:
    """Return the polygons and points of a plain table."""
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
    return made | _as_submitted({name: one for name, one in made.items() if isinstance(one, Polygons)})


def _as_submitted(columns: dict[str, Polygons]) -> dict[str, Polygons]:
    """Return polygons with their vertices as submitted, from the other columns."""

    def rings(name: str) -> Rings:
        found = columns[name] if name in columns else next(iter(columns.values())).empty(rows)
        return found.vertices, found.offsets

    made, rows = {}, max(map(len, columns.values()), default=0)
    for name, one in columns.items():
        events = one.instants, one.starts, one.origins
        known = submitted_vertices(one.system + name[3:], one.offsets, rings, one.origins)
        made[name] = Polygons(one.vertices, one.offsets, one.system, *events, known)
    return made


def _origins(table: QTable) -> Any:
    """Return the origins of the events, from the columns or the records of a table."""
    if "raw" in table.colnames:
        records = [kept_json(str(record)) if not isinstance(record, dict) else record for record in table["raw"]]
        return origins.origins(*([record.get(name) for record in records] for name in origins.KEYWORDS))

    def values(name: str) -> list[Any]:
        if name not in table.colnames:
            return [None] * len(table)
        return [text or None for text in _texts(getattr(table[name], "value", table[name]))]

    return origins.origins(*map(values, origins.KEYWORDS))


def _texts(column: Any) -> list[str]:
    """Return a column as text, empty if a value is missing."""
    gone = np.broadcast_to(getattr(column, "mask", False), column.shape)
    return ["" if missing else str(value) for value, missing in zip(column, gone, strict=True)]


def _polygons(pair: list[Any], system: str, *events: Any) -> Polygons:
    axes = [[_numbers(piece) for piece in axis] for axis in pair]
    offsets = np.concatenate([[0], np.cumsum([len(piece) for piece in axes[0]], dtype=np.int64)])
    return Polygons(np.stack([np.concatenate([[], *axis]) for axis in axes], axis=1), offsets, system, *events)


def _numbers(piece: Any) -> Any:
    """Return a cell of variable length; a missing one is empty."""
    return np.empty(0) if piece is np.ma.masked or not len(piece) else np.asarray(piece, dtype=float)


def _places(pair: list[Any], system: str, *events: Any) -> Points:
    numbers: Any = [np.ma.filled(np.ma.asarray(axis, dtype=float), np.nan) for axis in pair]
    return Points(np.stack(numbers, axis=1), system, *events)


def _anew(cls: type[T], table: QTable) -> T:
    """Create the table from its records, with the columns of the plain table only."""
    records = [kept_json(str(text)) if not isinstance(text, dict) else text for text in table["raw"]]
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
    """Return the events of several tables as one table, created from all their records."""
    records = [record for table in tables for record in table["raw"]]
    known = [moments.parts(table[INSTANT]) for table in tables]
    instants = moments.times(np.concatenate(known)) if known else None
    edges = {relations.identity(edge): edge for table in tables for edge in table.edges}
    problems = dict.fromkeys(problem for table in tables for problem in table.problems)
    notes = dict.fromkeys(note for table in tables for note in table.notes)
    client = next((table.client for table in tables if table.client is not None), None)
    made = cls.from_records(records, edges.values(), (), client, instants)
    # Units that are known in one table apply to the other as well: that can mask values, which is a new problem.
    told = {problem.partition(":")[0] for problem in problems}
    made.problems = [*problems, *(problem for problem in made.problems if problem.partition(":")[0] not in told)]
    made.notes = list(notes)
    # A column that one of the tables was searched for is printed.
    made.unasked = [
        name for name in (tables[0].unasked if tables else []) if all(name in one.unasked for one in tables)
    ]
    made.query = [one for table in tables for one in table.query]
    for table in reversed(tables):
        made.meta |= _own_meta(table)
    own = [[name for name in table.colnames if name not in made.colnames] for table in tables]
    if any(own):
        # With a column that all have, so that the rows of a table without other columns are counted.
        parts = [
            QTable({"row": np.arange(len(table))} | {name: table[name] for name in names})
            for table, names in zip(tables, own, strict=True)
        ]
        added = vstack(parts)
        for name in added.colnames[1:]:
            made[name] = added[name]
    return made
