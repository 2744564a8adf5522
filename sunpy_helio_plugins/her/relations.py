"""How events relate: a graph of associations, and the tracks of what is followed from detection to detection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sunpy_helio_plugins.errors import MissingDependencyError

if TYPE_CHECKING:
    from sunpy_helio_plugins.her.tables import HERTable

__all__ = ["graph", "tracks"]

TRACKING = ("is_followed_by", "splits_into", "merges_into")


def identity(edge: dict[str, Any]) -> tuple[str, ...]:
    """Return what tells one relation from any other: its ends and its kind."""
    return tuple(str(edge.get(name) or "") for name in ("first_ivorn", "second_ivorn", "edge_type"))


def graph(table: HERTable) -> Any:
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
        the second event, with ``edge_type`` and ``strength``.

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
    if "kb_archivid" in table.colnames:
        columns = (table["kb_archivid"].filled(""), table["event_type"].filled(""), table["event_starttime"].isot)
        for row, (ivorn, kind, start) in enumerate(zip(*columns, strict=True)):
            made.add_node(str(ivorn), row=row, event_type=str(kind), event_starttime=str(start))
    for edge in table.edges:
        kind = str(edge.get("edge_type", ""))
        ends = (str(edge.get("first_ivorn")), str(edge.get("second_ivorn")))
        made.add_edge(*ends, key=kind, edge_type=kind, strength=edge.get("strength", 1.0))
    return made


def tracks(table: HERTable) -> list[HERTable]:
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
        stand in the order of their first rows.
    """
    names = [str(name) for name in table["kb_archivid"].filled("")] if "kb_archivid" in table.colnames else []
    leader = {name: name for name in names}

    def first(name: str) -> str:
        while leader.setdefault(name, name) != name:
            leader[name] = name = leader[leader[name]]
        return name

    for edge in table.edges:
        if edge.get("edge_type") in TRACKING:
            leader[first(str(edge.get("second_ivorn")))] = first(str(edge.get("first_ivorn")))
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        rows.setdefault(first(name), []).append(row)
    starts = table["event_starttime"].isot
    return [table[sorted(chosen, key=lambda row: str(starts[row]))] for chosen in rows.values()]
