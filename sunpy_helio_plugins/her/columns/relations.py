"""How events relate: a graph of associations, and the tracks of what is followed from detection to detection."""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy.table import MaskedColumn, QTable

from sunpy_helio_plugins.errors import MissingDependencyError

__all__ = ["associations", "graph", "identity", "tracks"]

TRACKING = ("is_followed_by", "splits_into", "merges_into")
"""The relations of one feature's detections; others, such as "causes", are between two features."""


def identity(edge: dict[str, Any]) -> tuple[str, ...]:
    """Return what tells one relation from any other: its ends and its kind."""
    return tuple(str(edge.get(name) or "") for name in ("first_ivorn", "second_ivorn", "edge_type"))


ALWAYS = {"first_ivorn": str, "edge_type": str, "second_ivorn": str, "strength": float}
"""The columns of a table of relations, and what they hold where there is none."""


def associations(table: QTable) -> QTable:
    """
    Return the relations of some events as a table.

    Parameters
    ----------
    table : HERTable
        Events.

    Returns
    -------
    astropy.table.QTable
        Each relation once, with what the registry says of it; what it does not say is masked.
    """
    # Stacked tables bring the relations of each.
    edges = list({identity(edge): edge for edge in table.edges}.values())
    names = [name for name in ALWAYS if name != "strength"]
    if not edges:
        return QTable({name: np.array([], dtype=kind) for name, kind in ALWAYS.items()})
    names = list(dict.fromkeys((*names, *(name for edge in edges for name in edge))))
    return QTable([_column([edge.get(name) for edge in edges]) for name in names], names=names)


def _column(values: list[Any]) -> MaskedColumn:
    gone = [value is None or value == "" for value in values]
    known = [value for value, missing in zip(values, gone, strict=True) if not missing]
    is_number = all(isinstance(value, int | float) for value in known) and bool(known)
    data = [(0 if is_number else "") if missing else value for value, missing in zip(values, gone, strict=True)]
    return MaskedColumn(data if is_number else list(map(str, data)), mask=gone)


def graph(table: QTable) -> Any:
    """
    Return events and their relations as a graph.

    Parameters
    ----------
    table : HERTable
        Events.

    Returns
    -------
    networkx.MultiDiGraph
        Nodes are IVORNs; those of rows have ``row``, ``event_type`` and ``event_starttime``. Edges go from the first to
        the second event, with ``edge_type`` and ``strength``; their ends need not be among the rows.

    Raises
    ------
    MissingDependencyError
        networkx is not installed.
    """
    try:
        import networkx as nx
    except ImportError:
        raise MissingDependencyError("A graph of events", "graph") from None
    made = nx.MultiDiGraph()
    kinds, starts = _texts(table, "event_type"), _texts(table, "event_starttime")
    for row, ivorn in enumerate(_names(table)):
        made.add_node(ivorn, row=row, event_type=kinds[row], event_starttime=starts[row])
    for edge in table.edges:
        first, second, kind = identity(edge)
        if first and second:
            strength = edge.get("strength")
            made.add_edge(first, second, key=kind, edge_type=kind, strength=1.0 if strength is None else strength)
    return made


def tracks(table: QTable) -> list[QTable]:
    """
    Return what is one feature, followed from detection to detection, splitting and merging.

    Parameters
    ----------
    table : HERTable
        Events.

    Returns
    -------
    list of HERTable
        The rows of one feature each, by their start; a detection that nothing follows is a track of one. The tracks
        stand in the order of their first rows. Detections between which some are missing, since they were not asked
        for, are one track if the relations say so.
    """
    leader: dict[str, str] = {}

    def first(name: str) -> str:
        while leader.setdefault(name, name) != name:
            leader[name] = name = leader[leader[name]]
        return name

    for edge in table.edges:
        before, after, kind = identity(edge)
        if kind in TRACKING and before and after:
            leader[first(after)] = first(before)
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(_names(table)):
        rows.setdefault(first(name), []).append(row)
    starts = _texts(table, "event_starttime")
    return [table[sorted(chosen, key=lambda row: (starts[row], row))] for chosen in rows.values()]


def _names(table: QTable) -> list[str]:
    """Return the IVORN of each row; a row without one is related to none, and has its number."""
    return [name or f"row {row}" for row, name in enumerate(_texts(table, "kb_archivid"))]


def _texts(table: QTable, name: str) -> list[str]:
    """Return a column as text, empty where a value, or the column, is missing."""
    if name not in table.colnames:
        return [""] * len(table)
    column = table[name]
    gone = np.broadcast_to(getattr(column, "mask", False), (len(table),))
    values = getattr(column, "isot", column)
    return ["" if missing else str(value) for value, missing in zip(values, gone, strict=True)]
