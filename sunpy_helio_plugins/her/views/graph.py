"""A graph of the relations between events, and the tracks of features across several detections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import MissingDependencyError
from sunpy_helio_plugins.her.columns.relations import identity
from sunpy_helio_plugins.her.tables import HERTable, events

__all__ = ["Tracks", "graph", "tracks"]

TRACKING = ("is_followed_by", "splits_into", "merges_into")
"""The relations between detections of one feature; others, such as "causes", are between two features."""


def graph(table: Any) -> Any:
    """
    Return events and their relations as a graph.

    Parameters
    ----------
    table : HERTable, row, UnifiedResponse, or list of these
        Events.

    Returns
    -------
    networkx.MultiDiGraph
        The nodes are IVORNs; those of rows have ``row``, ``event_type`` and ``event_starttime``. The edges are directed
        from the first to the second event, and have ``edge_type`` and ``strength``; their ends may not be in the table.
        Relations that do not connect a row with others, even through events that are not in the table, are left out, so
        that a slice without rows is an empty graph.

    Raises
    ------
    MissingDependencyError
        networkx is not installed.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import her
    >>> day = a.Time("2026-01-10", "2026-01-10 23:59")
    >>> holes = Fido.search(day, a.her.CH)["her"]
    >>> print(her.graph(holes))
    MultiDiGraph with 18 nodes and 15 edges
    """
    try:
        import networkx as nx
    except ImportError:
        raise MissingDependencyError("A graph of events", "graph") from None
    table = events("her.graph", table, "raw")
    made = nx.MultiDiGraph()
    kinds, starts = _texts(table, "event_type"), _texts(table, "event_starttime")
    for row, ivorn in enumerate(_names(table)):
        made.add_node(ivorn, row=row, event_type=kinds[row], event_starttime=starts[row])
    for edge in table.edges:
        first, second, kind = identity(edge)
        if first and second:
            strength = edge.get("strength")
            made.add_edge(first, second, key=kind, edge_type=kind, strength=1.0 if strength is None else strength)
    for names in list(nx.weakly_connected_components(made)):
        if not any("row" in made.nodes[name] for name in names):
            made.remove_nodes_from(names)
    return made


class Tracks(Sequence[HERTable]):
    """
    The tracks of features: a sequence of tables, each of which is made when it is accessed.

    Attributes
    ----------
    table : HERTable
        All events.
    rows : list of numpy.ndarray of int
        The rows of each track.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import her
    >>> day = a.Time("2026-01-10", "2026-01-10 23:59")
    >>> holes = Fido.search(day, a.her.CH)["her"]
    >>> her.tracks(holes)
    <3 tracks of 18 events>
    """

    def __init__(self, table: HERTable, rows: list[NDArray[np.int64]]) -> None:
        self.table, self.rows = table, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, item: Any) -> Any:
        return Tracks(self.table, self.rows[item]) if isinstance(item, slice) else self.table[self.rows[item]]

    def __repr__(self) -> str:
        return f"<{len(self)} tracks of {len(self.table)} events>"


def tracks(table: Any) -> Tracks:
    """
    Return the tracks of features, followed across detections, splitting and merging.

    Parameters
    ----------
    table : HERTable, row, UnifiedResponse, or list of these
        Events.

    Returns
    -------
    Tracks
        A sequence of tables, with the rows of one feature each, sorted by start; a detection without a successor is a
        track with one row. The tracks are in the order of their first rows. Detections are part of one track if the
        relations connect them, even if detections between them are not in the table.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import her
    >>> day = a.Time("2026-01-10", "2026-01-10 23:59")
    >>> holes = Fido.search(day, a.her.CH)["her"]
    >>> [len(track) for track in her.tracks(holes)]
    [6, 6, 6]
    """
    table = events("her.tracks", table, "event_starttime", "raw")
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
    return Tracks(table, [np.array(sorted(chosen, key=lambda row: (starts[row], row))) for chosen in rows.values()])


def _names(table: QTable) -> list[str]:
    """Return the IVORN of each row; a row without one is not related to others, and is named by its number."""
    if "kb_archivid" in table.colnames:
        names = _texts(table, "kb_archivid")
    else:
        names = [str(record.get("kb_archivid") or "") for record in table["raw"]]
    return [name or f"row {row}" for row, name in enumerate(names)]


def _texts(table: QTable, name: str) -> list[str]:
    """Return a column as text, empty if a value, or the column, is missing."""
    if name not in table.colnames:
        return [""] * len(table)
    column = table[name]
    gone = np.broadcast_to(getattr(column, "mask", False), (len(table),))
    values = getattr(column, "isot", column)
    return ["" if missing else str(value) for value, missing in zip(values, gone, strict=True)]
