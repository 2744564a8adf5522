"""Test that the columns of responses that are kept are those of the responses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sunpy_helio_plugins.her import service
from sunpy_helio_plugins.her.filters.evaluate import judged
from sunpy_helio_plugins.her.query import Alternative, Query, Triplet
from sunpy_helio_plugins.her.records import msgpack
from sunpy_helio_plugins.her.records.blocks import BlockRecords, CompressedRecords, FlatRecords, RecordBlock, flattened
from sunpy_helio_plugins.her.records.column import EventRecords

VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.text("aé🙂", max_size=3), st.just(""),
    st.lists(st.integers(0, 1), max_size=1), st.just({"ref_url": "a"}),
)  # fmt: skip
RECORDS = st.lists(st.dictionaries(st.sampled_from("abcd"), VALUES), max_size=8)

EDGES = [{"first_ivorn": "a", "second_ivorn": "b", "strength": None}]

TIMES = {"event_starttime": "2026-01-10T00:00:00", "event_endtime": "2026-01-10T01:00:00"}


def kept(records: list[dict[str, Any]]) -> CompressedRecords:
    content = json.dumps({"result": records, "association": EDGES, "overmax": False}).encode()
    return CompressedRecords(content, service.records_of).divided_as(RecordBlock(records), EDGES)


@given(RECORDS)
def test_any_records_have_the_same_columns(records: list[dict[str, Any]]) -> None:
    found = kept(records).block()
    assert found is not None
    made, expected = BlockRecords(found[0]), list(map(repr, records))
    assert found[1] == EDGES
    assert list(map(repr, made)) == expected
    assert list(map(repr, made[1:])) == expected[1:]
    for name in "abx":
        assert list(map(repr, made.values_of(name))) == [repr(record.get(name)) for record in records]
        assert [repr(view.get(name, "gone")) for view in made.views()] == [
            repr(one.get(name, "gone")) for one in records
        ]
        assert [name in view for view in made.views()] == [name in record for record in records]
    assert [{key: repr(value) for key, value in view.items()} for view in made.views()] == [
        {key: repr(value) for key, value in record.items()} for record in records
    ]
    assert len(EventRecords.joined([found[0]])) == len(records)


@pytest.mark.parametrize("value", [2**70, "\ud800", [{"a": -(2**64)}]])
def test_columns_with_other_values_are_read_from_the_body(value: Any) -> None:
    records = [{"kb_archivid": "ivo://a/b", "number": value}]
    body = kept(records)
    assert body.columns == b""
    page = service.divided_body(body)
    assert list(page.records) == records
    assert page.associations == EDGES


def test_columns_of_another_version_are_read_from_the_body(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [{"kb_archivid": "ivo://a/b", "number": 1}]
    body = kept(records)
    monkeypatch.setattr(msgpack, "VERSION", 0)
    assert body.block() is None
    assert list(service.divided_body(body).records) == records


def test_columns_are_used_instead_of_the_body() -> None:
    body = kept([{"number": 1}])
    body.content = b"damaged"
    page = service.divided_body(body)
    assert page.block is not None
    assert page.block.cells["number"].values == [1]
    assert body.block() is not None


@pytest.mark.parametrize(
    "change", [lambda made: made[:-5], lambda made: made.replace(b"\xa3int", b"\xa3odd"), bytes.upper]
)
def test_damaged_columns_are_an_error_of_values(change: Any) -> None:
    made = msgpack.bytes_of_columns(
        msgpack.StoredColumns([("a",)], [2], None, RecordBlock([{"a": 1}, {"a": 2}]).cells, [])
    )
    assert msgpack.columns_of_bytes(made) is not None
    with pytest.raises(ValueError, match=r"."):
        msgpack.columns_of_bytes(change(made))


@pytest.mark.parametrize("count", [1, 3])
def test_columns_of_another_length_are_damaged(count: int) -> None:
    for values in ([1, 2], ["a", "b"], [f"text {row}" for row in range(2)], [[1], 2]):
        cells = RecordBlock([{"a": value} for value in values]).cells
        made = msgpack.bytes_of_columns(msgpack.StoredColumns([("a",)], [count], None, cells, []))
        with pytest.raises(ValueError, match=r"values, not|incomplete"):
            msgpack.columns_of_bytes(made)


@pytest.mark.parametrize(
    "test",
    [None, Triplet("hpc_x", ">", "5"), Triplet("area_raw", ">", "2", "CH", "km2"), Triplet("frm_name", "=", "a")],
)
def test_events_are_judged_alike_by_columns_and_as_they_came(test: Triplet | None) -> None:
    others = [
        {"hpc_x": 3.0},
        {"hpc_x": 7},
        {"frm_name": "A"},
        {},
        {"area_raw": 1.0, "area_unit": "odd"},
        {"area_raw": 5},
    ]
    records = [TIMES | {"event_type": kind} | other for kind in ("FL", "CH") for other in others]
    records.append({"event_type": "FL", "event_starttime": "odd"})
    one = Alternative(
        ("FL", "CH"), TIMES["event_starttime"], TIMES["event_endtime"], tests=() if test is None else (test,)
    )
    query = Query(TIMES["event_starttime"], TIMES["event_endtime"], alternatives=(one,))
    found = kept(records).block()
    assert found is not None
    expected = judged(query, records)
    assert judged(query, BlockRecords(found[0])) == expected
    assert judged(query, FlatRecords(flattened(records))) == expected


def test_records_of_a_block_are_looked_up_as_mappings() -> None:
    records = [{"a": 1, "b": "x"}, {"b": None}]
    first, second = BlockRecords(RecordBlock(records)).views()
    assert [dict(first), dict(second)] == records
    assert (len(first), len(second), "a" in second, second.get("a", 5)) == (2, 1, False, 5)
    with pytest.raises(KeyError, match="a"):
        second["a"]
