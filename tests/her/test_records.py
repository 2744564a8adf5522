from __future__ import annotations

import copy
import json
import math
import pickle
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from astropy.table import QTable, vstack
from hypothesis import given
from hypothesis import strategies as st
from sunpy.net import attrs as a

from sunpy_helio_plugins.her import HERClient, HERTable, service
from sunpy_helio_plugins.her.columns import parse
from sunpy_helio_plugins.her.records import cells
from sunpy_helio_plugins.her.records.blocks import CompressedRecords, FlatRecords, RecordBlock, flattened
from sunpy_helio_plugins.her.records.cells import Cells, JoinedTexts, joined
from sunpy_helio_plugins.her.records.column import EventRecords

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(-3, 3),
    st.floats(),
    st.sampled_from([0.0, -0.0, 1.0, 2.5]),
    st.sampled_from(["", "true", "SPoCA", "nan"]),
    st.text(max_size=3),
    st.lists(st.integers(0, 1), max_size=1),
)
COLUMNS = st.one_of(
    *(
        st.lists(kind, max_size=80)
        for kind in (VALUES, st.none(), st.sampled_from([None, 1, 2.0]), st.sampled_from("ab"))
    ),
    st.lists(st.one_of(st.none(), st.text(max_size=4)), min_size=40, max_size=80),
    st.integers(0, 99).map(lambda first: [None if n % 7 == 3 else f"text {first + n}" for n in range(40)]),
)


def spelled(values: list[Any]) -> list[str]:
    """Return values with their types and the signs of zeros."""
    return [f"{type(value).__name__} {value!r}" for value in values]


@given(columns=st.lists(COLUMNS, min_size=1, max_size=4), data=st.data())
def test_any_values_come_back_as_they_were(columns: list[list[Any]], data: st.DataObject) -> None:
    values = [value for column in columns for value in column]
    cells = joined([Cells.of(list(column)) for column in columns])
    assert spelled(cells.values) == spelled(values)
    assert cells.kinds >= set(map(type, values))
    rows = data.draw(st.lists(st.integers(0, len(values) - 1), max_size=9)) if values else []
    found = cells.take(np.array(rows, dtype=np.intp))
    assert spelled(found.values) == spelled([values[row] for row in rows])
    gone = [None if row in rows else value for row, value in enumerate(values)]
    assert spelled(cells.without(np.array(rows, dtype=np.intp)).values) == spelled(gone)
    changes = dict.fromkeys(rows[:2]) | dict.fromkeys(rows[2:4], 1.5)
    expected = [changes.get(row, value) if row in changes else value for row, value in enumerate(values)]
    assert spelled(cells.changed(changes).values) == spelled(expected)


def test_the_different_values_are_in_the_order_of_their_first_rows() -> None:
    cells = joined([Cells.of(["a", "b"] * 40), Cells.of(["c", "a"] * 40)])
    assert cells.different == ["a", "b", "c"]
    assert cells.take(np.array([81, 80, 1])).different == ["a", "c", "b"]


def test_texts_of_chosen_rows_follow_each_other() -> None:
    texts = JoinedTexts.of([f"{n:02d}" for n in range(9)]).take([3, 4, 8, 0]).without([1])
    assert (texts.values, texts.compact(), texts[2]) == (["03", None, "08", "00"], "030800", "08")
    assert texts.letters().tolist() == ["03", "", "08", "00"]
    assert texts.letters().flags.writeable


def members(count: int, **others: Any) -> dict[str, Any]:
    return {f"n{number}": number for number in range(count)} | others


def test_records_are_divided_by_their_keywords_and_keep_their_order() -> None:
    found = [members(20, a=1), members(20, b=2), members(3), members(20, a=3)]
    block = RecordBlock(FlatRecords(flattened(found)))
    assert block.counts == [2, 1, 1]
    events = EventRecords.joined([block])
    assert events.tolist() == found
    assert events.column("a") == [1, None, None, 3]
    assert events[[2, 0]].layouts()[0] == [tuple(found[2]), tuple(found[0])]


@pytest.mark.parametrize(
    "body",
    [
        {"result": [members(20, kb_archivid="a", event_type="FL")]},
        {"result": [members(20, kb_archivid="a", event_type="FL", inner=members(30))]},
        {"result": members(20, kb_archivid="a", event_type="FL")},
        {"result": [members(20, kb_archivid="a"), members(2, kb_archivid="b")], "association": [members(30)]},
    ],
)
def test_objects_that_are_no_events_are_decoded_as_they_are(body: dict[str, Any]) -> None:
    page = service.divided_body(CompressedRecords(json.dumps(body).encode(), service.records_of))
    expected = body["result"] if isinstance(body["result"], list) else [body["result"]]
    assert list(page.records) == expected
    assert page.associations == body.get("association", [])
    assert EventRecords.joined([page.block]).column("kb_archivid") == [one["kb_archivid"] for one in expected]


def test_columns_that_were_removed_are_made_again_for_their_blocks_only(records: EventRecords) -> None:
    first = records.blocks[0]
    EventRecords.joined([first]).pop_cells()
    again = EventRecords.of(records[[4, 1]])
    assert again.column("n") == [11, 1]
    whole = EventRecords.of(records)
    assert whole.blocks[1] is records.blocks[1]
    assert whole.column("n") == [one["n"] for one in records]


@pytest.fixture
def records() -> EventRecords:
    bodies = [[{"n": 10 * body + row, "kb_archivid": f"e{row}"} for row in range(3)] for body in range(4)]
    return EventRecords.joined(
        [RecordBlock(body, CompressedRecords(json.dumps(body).encode(), json.loads)) for body in bodies]
    )


def test_records_are_decoded_in_any_order(records: EventRecords) -> None:
    assert [one["n"] for one in records] == [0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32]
    assert records[-1]["n"] == 32
    assert [one["n"] for one in records[::-5]] == [32, 20, 1]
    assert records[np.arange(12) == 4].tolist() == [{"n": 11, "kb_archivid": "e1"}]
    assert (records == list(records)).all()


@pytest.mark.parametrize("change", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copies_have_the_same_records(records: EventRecords, change: Any) -> None:
    assert change(records).tolist() == records.tolist()


def test_the_columns_of_chosen_records_are_in_their_order(records: EventRecords) -> None:
    assert [one["n"] for one in records[[7, 0]].brief(["n", "other"])] == [21, 0]
    cells = records[[7, 0, 3]].pop_cells()
    assert {name: one.values for name, one in cells.items()} == {"n": [21, 0, 10], "kb_archivid": ["e1", "e0", "e0"]}


def test_a_column_of_records_is_stacked_and_changed_like_others(records: EventRecords) -> None:
    table = QTable({"raw": records, "n": np.arange(12)})
    both = vstack([table[:2], table[10:]])
    assert [one["n"] for one in both["raw"]] == [0, 1, 31, 32]
    both["raw"][1] = {"n": -1}
    both.insert_row(0, {"raw": None, "n": 7})
    assert [one and one["n"] for one in both["raw"]] == [None, 0, -1, 31, 32]
    assert [one["n"] for one in table["raw"][:2]] == [0, 1]


def test_a_search_does_not_keep_its_records_in_memory(archive: Any) -> None:
    table = HERClient().search(a.Time("2026-01-10", "2026-01-11"), a.her.EventType("FL"))
    raw = table["raw"]
    assert {type(block.source) for block in raw.blocks} == {CompressedRecords}
    assert not any(block.cells for block in raw.blocks)
    assert raw.tolist() == HERTable.from_records(raw.tolist())["raw"].tolist()


def test_the_number_of_decoded_responses_does_not_grow(records: EventRecords) -> None:
    assert math.isclose(sum(one["n"] for one in records), 192)
    assert len(records._decoded) <= 2


def test_views_of_records_are_mappings() -> None:
    records = FlatRecords(flattened([{"a": 1, "b": 2}, {"a": 3}]))
    first, second = records.views()
    assert (list(first), len(first), dict(second)) == (["a", "b"], 2, {"a": 3})
    assert records[:1] == [{"a": 1, "b": 2}]


def test_records_without_a_compression_are_kept_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyarrow.Codec", SimpleNamespace(is_available=lambda _: False))
    made = CompressedRecords(b'[{"a": 1}]', json.loads)
    assert (made.codec, made.content, made.records()) == ("", b'[{"a": 1}]', [{"a": 1}])


def test_records_that_were_read_from_a_file_are_divided_when_they_are_needed() -> None:
    records = [{"a": 1}, {"a": 2}]
    column = EventRecords.kept(records)
    assert not column.has_columns
    assert column.divided().blocks[0].cells["a"].values == [1, 2]
    odd = ["text", {"a": 1}]
    assert EventRecords.kept(odd) is odd


def test_a_column_of_records_is_compared_and_broadcast() -> None:
    column = EventRecords.of([{"a": 1}, {"a": 2}])
    assert (column == [{"a": 1}, {"a": 3}]).tolist() == [True, False]
    assert column.__eq__([{"a": 1}]) is NotImplemented
    assert column.__eq__(5) is NotImplemented
    assert list(np.broadcast_to(column[:1], (3,))) == [{"a": 1}] * 3
    assert np.concatenate([column, column]).tolist() == [{"a": 1}, {"a": 2}] * 2
    assert repr(column) == "<EventRecords of 2 events>"


def test_the_memory_of_many_events_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    monkeypatch.setattr(parse, "trim_memory", lambda: made.append(1))
    records = [{"event_starttime": "2026-01-10T00:00:00", "event_endtime": "2026-01-10T01:00:00"}] * 3
    HERTable.from_records(records)
    assert made == []
    monkeypatch.setattr(parse, "_MANY", 2)
    HERTable.from_records(records)
    assert len(made) == 3


def test_joined_texts_are_sequences() -> None:
    texts = JoinedTexts.of(["a", None, "bc"])
    assert list(texts) == ["a", None, "bc"]
    assert texts[1:] == [None, "bc"]
    assert cells._of_texts(JoinedTexts.of([None, None])).values == [None, None]


def test_an_integer_beyond_floats_stays_one() -> None:
    assert cells._numbers([10**400], frozenset({int})) is None
    assert HERTable.from_records([{"event_npixels": 10**400}])["raw"][0] == {"event_npixels": 10**400}
