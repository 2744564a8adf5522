"""Test associations as a table, a graph and tracks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from astropy.table import vstack

from sunpy_helio_plugins import her
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her import HERClient, HERTable
from sunpy_helio_plugins.her.views import graph


def event(name: str, hour: int, kind: str = "AR") -> dict[str, Any]:
    times = {"event_starttime": f"2026-01-10T{hour:02d}:00:00", "event_endtime": f"2026-01-10T{hour:02d}:30:00"}
    return times | {"event_type": kind, "kb_archivid": f"ivo://x/{name}"}


def edge(first: str, kind: str, second: str, **more: Any) -> dict[str, Any]:
    return {"first_ivorn": f"ivo://x/{first}", "second_ivorn": f"ivo://x/{second}", "edge_type": kind} | more


# a splits into b and c; b is followed by d; c and e merge into f; g is isolated; a flare in b has a cause.
EVENTS = [event(name, hour) for hour, name in enumerate("abcdefg")] + [event("flare", 2, "FL")]
EDGES = [
    edge("a", "splits_into", "b"), edge("a", "splits_into", "c", strength=0.4), edge("b", "is_followed_by", "d"),
    edge("c", "merges_into", "f", strength=None), edge("e", "merges_into", "f"), edge("b", "causes", "flare"),
]  # fmt: skip


def names(track: HERTable) -> str:
    return " ".join(name.rpartition("/")[2] for name in track["kb_archivid"])


def test_a_feature_that_splits_and_merges_is_one_track_and_a_cause_makes_none() -> None:
    table = HERTable.from_records(EVENTS, EDGES, client=HERClient())
    assert [names(track) for track in her.tracks(table)] == ["a b c d e f", "g", "flare"]


def test_tracks_run_by_time_and_stand_in_the_order_of_the_rows() -> None:
    table = HERTable.from_records(EVENTS[::-1], EDGES, client=HERClient())
    assert [names(track) for track in her.tracks(table)] == ["flare", "g", "a b c d e f"]
    assert all(isinstance(track, HERTable) for track in her.tracks(table))


def test_a_detection_that_was_not_asked_for_does_not_cut_a_track() -> None:
    """b is missing between a and d in a filtered response."""
    table = HERTable.from_records([EVENTS[0], EVENTS[3]], EDGES, client=HERClient())
    assert [names(track) for track in her.tracks(table)] == ["a d"]


def test_without_relations_each_event_is_a_track() -> None:
    for events in (EVENTS, []):
        assert len(her.tracks(HERTable.from_records(events, client=HERClient()))) == len(events)


def test_events_without_a_name_or_a_time_are_tracks_of_their_own() -> None:
    nameless = [event("x", 3) | {"kb_archivid": None}, event("x", 4) | {"kb_archivid": ""}, {"event_type": "FL"}]
    table = HERTable.from_records(nameless, [edge("a", "is_followed_by", "b"), {"edge_type": "is_followed_by"}])
    assert [len(track) for track in her.tracks(table)] == [1, 1, 1]
    assert [node for node, facts in her.graph(table).nodes(data=True) if "row" in facts] == ["row 0", "row 1", "row 2"]


def test_a_graph_has_every_relation_with_its_strength_and_direction() -> None:
    table = HERTable.from_records(EVENTS, EDGES, client=HERClient())
    graph = her.graph(vstack([table, table[:0]]))
    assert len(graph.edges) == len(EDGES)
    assert graph.edges["ivo://x/a", "ivo://x/c", "splits_into"]["strength"] == 0.4
    assert graph.edges["ivo://x/c", "ivo://x/f", "merges_into"]["strength"] == 1
    assert not graph.has_edge("ivo://x/b", "ivo://x/a")
    assert sorted(graph.successors("ivo://x/a")) == ["ivo://x/b", "ivo://x/c"]
    start = "2026-01-10T02:00:00.000000000"
    assert graph.nodes["ivo://x/flare"] == {"row": 7, "event_type": "FL", "event_starttime": start}


def test_a_graph_of_a_slice_has_what_its_rows_are_connected_with() -> None:
    others = [edge("x", "is_followed_by", "y"), edge("y", "causes", "z")]
    table = HERTable.from_records(EVENTS, EDGES + others, client=HERClient())
    assert len(her.graph(table[:0])) == len(her.graph(table[:0]).edges) == 0
    isolated = her.graph(table[6:7])
    assert (list(isolated), len(isolated.edges)) == (["ivo://x/g"], 0)
    # b is not in the slice, but connects a and d.
    connected = her.graph(table[[0, 3]])
    assert sorted(name.rpartition("/")[2] for name in connected) == ["a", "b", "c", "d", "e", "f", "flare"]
    assert len(connected.edges) == len(EDGES)
    assert sorted(name for name, facts in connected.nodes(data=True) if "row" in facts) == ["ivo://x/a", "ivo://x/d"]


def test_associations_of_different_keywords_make_one_table() -> None:
    table = HERTable.from_records(EVENTS, EDGES)
    made = table.associations
    assert made.colnames[:3] == ["first_ivorn", "edge_type", "second_ivorn"]
    assert list(made["edge_type"]) == [one["edge_type"] for one in EDGES]
    assert made["strength"].tolist() == [None, 0.4, None, None, None, None]
    assert HERTable.from_records(EVENTS).associations.colnames == [*made.colnames[:3], "strength"]


def test_real_associations_reach_beyond_the_answer(real_data: Path) -> None:
    answer = json.loads((real_data / "hek/hek-events_2024-05-10.json").read_bytes())
    table = HERTable.from_records(answer["result"], answer["association"])
    graph = her.graph(table)
    (hole,) = (node for node, facts in graph.nodes(data=True) if facts.get("event_type") == "CH")
    assert len(list(graph.predecessors(hole))) == len(list(graph.successors(hole))) == 1
    assert len(graph) == 7
    assert [len(track) for track in her.tracks(table)] == [1] * 5


def test_a_table_that_was_read_has_tracks(tmp_path: Path) -> None:
    HERTable.from_records(EVENTS, EDGES).write(tmp_path / "events.ecsv")
    assert names(her.tracks(HERTable.read(tmp_path / "events.ecsv"))[0]) == "a b c d e f"


def test_without_networkx_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from sunpy_helio_plugins.errors import MissingDependencyError

    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(MissingDependencyError, match=r"\[graph\]"):
        her.graph(HERTable.from_records(EVENTS))


def test_the_table_of_a_track_is_made_when_it_is_accessed(monkeypatch: pytest.MonkeyPatch) -> None:
    table = HERTable.from_records(EVENTS, EDGES, client=HERClient())
    made: list[Any] = []
    getitem = HERTable.__getitem__
    monkeypatch.setattr(HERTable, "__getitem__", lambda self, item: made.append(item) or getitem(self, item))
    tracks = her.tracks(table)
    assert [item for item in made if not isinstance(item, str)] == []
    assert [len(rows) for rows in tracks.rows] == [len(track) for track in tracks]
    assert [names(track) for track in tracks[1:]] == [names(tracks[index]) for index in range(1, len(tracks))]
    assert repr(tracks) == f"<{len(tracks)} tracks of {len(table)} events>"
    with pytest.raises(IndexError):
        tracks[len(tracks)]


def test_a_column_that_is_missing_is_empty_text() -> None:
    table = HERTable.from_records([{"kb_archivid": "a"}])
    assert graph._texts(table, "nothing") == [""]


def test_tracks_and_graphs_use_the_records_if_the_column_of_names_was_removed() -> None:
    table = HERTable.from_records(EVENTS, EDGES, client=HERClient())
    less = table["event_starttime", "event_type", "raw"]
    assert [len(track) for track in her.tracks(less)] == [len(track) for track in her.tracks(table)]
    assert list(her.graph(less).nodes) == list(her.graph(table).nodes)
    for function in (her.tracks, her.graph):
        with pytest.raises(QueryError, match="needs the columns raw, which are missing"):
            function(table["event_starttime", "kb_archivid"])
