"""Test that files in Arrow keep the records of events, of whatever values."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sunpy_helio_plugins.her import HERTable
from sunpy_helio_plugins.her.columns.codecs import as_objects
from sunpy_helio_plugins.her.records.arrays import ArrowRecords, LazyRecords

START = "2026-01-10T00:00:00"
EVENT = {"event_type": "FL", "event_starttime": START, "event_endtime": START}
REF = {"ref_name": "a", "ref_type": "image", "ref_url": "https://x.org/a"}


def through(records: list[dict[str, Any]], path: Path) -> HERTable:
    HERTable.from_records(records).write(path, overwrite=True)
    return HERTable.read(path)


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
@pytest.mark.parametrize(
    "values",
    [
        [1, 2, 3], [1.5, 2, None], [1.0, 2, 3.5], [1.0, 2.0, 3], [0.0, -0.0, 0], [10, 2.5, 1e300], ["a", "", None],
        [True, False, None], [True, 1, 1.0], ["1", 1, 1.0], [2**53 + 1, 2**70, 0.5], [2**62, 1, 2], [1e22, 3, 0.5],
        ["a\ud800", "b", None], [[1, 2], {"a": [None]}, "c"], [None, None, None], [None, None, {"b": 1}], [[], [], []],
        [float("inf"), float("-inf"), 1], [1.5, True, 2],
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("name", ["area_raw", "frm_paramset", "unheard_of"])
def test_values_keep_their_types(name: str, values: list[Any], ending: str, tmp_path: Path) -> None:
    records = [EVENT | {name: value} for value in values]
    back = through(records, tmp_path / f"x.{ending}")
    assert json.dumps(list(back["raw"])) == json.dumps(records)


def test_references_that_are_not_lists_are_kept_beside_others(tmp_path: Path) -> None:
    table = HERTable.from_records([EVENT | {"refs": "text"}])
    table["refs"][0] = [REF]
    table.write(tmp_path / "x.parquet")
    back = HERTable.read(tmp_path / "x.parquet")
    assert (back["refs"][0], back["raw"][0]["refs"]) == ([REF], "text")


def test_the_records_of_a_file_are_a_sequence(tmp_path: Path) -> None:
    records = [EVENT | {"refs": [REF], "area_raw": row} for row in range(3)]
    stored = through(records, tmp_path / "x.parquet")["raw"].blocks[0].source
    assert list(stored) == stored[:] == records


def test_records_keep_the_order_of_their_keywords(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [
        EVENT | {"area_raw": 1, "frm_url": "x"}, {"frm_url": None, "area_raw": 2.5} | EVENT, EVENT, {},
        EVENT | {"frm_url": ""}, EVENT | {"area_raw": 3},
    ]  # fmt: skip
    back = through(records, tmp_path / "x.parquet")
    assert [list(record.items()) for record in back["raw"]] == [list(record.items()) for record in records]


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
@pytest.mark.parametrize(
    "cells",
    [
        [[REF], [REF, REF | {"ref_name": None}], []], [[], [], []], [None, [REF], []], ["", [REF], None],
        [[REF | {"more": 1}], [REF], []], [[{"ref_name": "a"}], [REF], []], [[REF | {"ref_url": 5}], [REF], []],
        [[5], [REF], []],
    ],
    ids=str,
)  # fmt: skip
def test_references_are_kept(cells: list[Any], ending: str, tmp_path: Path) -> None:
    records = [EVENT | {"refs": cell} for cell in cells]
    back = through(records, tmp_path / f"x.{ending}")
    assert list(back["raw"]) == records
    assert list(back["refs"]) == cells


def test_references_that_were_changed_are_written_apart(tmp_path: Path) -> None:
    table = HERTable.from_records([EVENT | {"refs": [REF]}] * 2)
    table["refs"][0] = []
    table.write(tmp_path / "x.parquet")
    back = HERTable.read(tmp_path / "x.parquet")
    assert list(back["refs"]) == [[], [REF]]
    assert back["raw"][0]["refs"] == [REF]


def test_references_of_a_file_are_those_of_its_records(tmp_path: Path) -> None:
    back = through([EVENT | {"refs": [REF]}] * 2, tmp_path / "x.parquet")
    assert back["refs"][1] is back["raw"][1]["refs"]


def test_keywords_are_columns_of_the_file(tmp_path: Path) -> None:
    through([EVENT | {"area_raw": 1, "frm_url": "x"}, EVENT], tmp_path / "x.parquet")
    found = pyarrow.parquet.read_table(tmp_path / "x.parquet")
    assert found["raw.area_raw"].to_pylist() == [1, None]
    assert found["raw.frm_url"].to_pylist() == ["x", None]
    assert found.schema.field("raw.area_raw").type == pa.float64()
    assert not any("{" in str(cell) for column in found.columns for cell in column.to_pylist())


CELLS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2), max_leaves=4,
)  # fmt: skip


KEYWORDS = st.sampled_from(["a", "area_raw", "refs", "frm_url", "noposition"])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.dictionaries(KEYWORDS, CELLS), max_size=4))
def test_any_records_are_kept(tmp_path: Path, records: list[dict[str, Any]]) -> None:
    records = [EVENT | record for record in records]
    back = through(records, tmp_path / "x.parquet")
    assert json.dumps(list(back["raw"])) == json.dumps(records)


def test_records_of_a_file_are_created_when_they_are_accessed(tmp_path: Path) -> None:
    records = [EVENT | {"refs": [REF], "area_raw": row} for row in range(5)]
    back = through(records, tmp_path / "x.parquet")
    source = back["raw"].blocks[0].source
    assert isinstance(source, LazyRecords)
    assert not source._records
    assert (len(source), source[1:3]) == (5, records[1:3])
    # Each of them once, so that changes are kept.
    assert back["raw"][1] is back["raw"][1]
    assert back["raw"][1]["refs"] is back["refs"][1]
    assert list(pickle.loads(pickle.dumps(back["raw"]))) == records


def test_references_that_are_equal_are_written_once(tmp_path: Path) -> None:
    table = HERTable.from_records([EVENT | {"refs": [REF], "area_raw": row} for row in range(5)])
    table["refs"] = as_objects([[dict(REF)] for _ in range(5)])
    table.write(tmp_path / "x.parquet")
    assert pyarrow.parquet.read_table(tmp_path / "x.parquet")["raw.other"].null_count == 5
    assert list(HERTable.read(tmp_path / "x.parquet")["raw"]) == list(table["raw"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fields": {"a": pa.array([[1], [2]])}}, "the values of a are list<item: int64>"),
        ({"numbers": np.array([0, 1])}, "records have an unknown sequence of keywords"),
        ({"rest": {"refs": [None]}}, "records and their references differ in length"),
    ],
    ids=["fields", "numbers", "rest"],
)
def test_records_of_a_file_fit_together(changes: dict[str, Any], message: str) -> None:
    whole = ArrowRecords({"a": pa.array([1.0, None])}, [["a"]], np.array([0, 0]), frozenset("a"), {1: {"a": "x"}}, {})
    whole.check()
    assert whole.records() == [{"a": 1}, {"a": "x"}]
    with pytest.raises(ValueError, match=message):
        whole._replace(**changes).check()
