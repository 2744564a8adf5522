"""Test the column of references, which are decoded when they are accessed."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import QTable, vstack

from sunpy_helio_plugins.her import HERTable
from sunpy_helio_plugins.her.records import references
from sunpy_helio_plugins.her.records.cells import Cells, JoinedTexts, joined, nothing
from sunpy_helio_plugins.her.records.references import References

LISTS: list[Any] = [[{"ref_name": "a"}], None, [], [{"ref_name": "b"}, {"ref_name": "c"}]]


def lazy() -> References:
    return References(JoinedTexts.of([None if one is None else json.dumps(one) for one in LISTS]))


def assigned() -> References:
    made = lazy()
    made[1] = None
    return made


@pytest.fixture(params=[lazy, assigned], ids=["as JSON", "as objects"])
def column(request: pytest.FixtureRequest) -> References:
    made = request.param()
    assert isinstance(made, References)
    return made


@pytest.mark.parametrize("rows", [slice(1, 3), [3, 0, 3], np.array([True, False, False, True]), slice(None, None, -1)])
def test_rows_are_those_of_a_list(column: References, rows: Any) -> None:
    expected = [LISTS[row] for row in np.arange(4)[rows]]
    assert column[rows].tolist() == expected
    assert pickle.loads(pickle.dumps(column[rows])).tolist() == expected
    assert [column[int(row)] for row in np.arange(4)[rows]] == expected
    assert np.asarray(column[rows]).tolist() == expected


def test_a_row_beyond_the_last_is_an_error(column: References) -> None:
    assert column[-1] == LISTS[-1]
    with pytest.raises(IndexError):
        column[4]


def test_copies_are_independent(column: References) -> None:
    for made in (column.copy(), copy.copy(column), copy.deepcopy(column)):
        made[0] = [1]
        assert (made[0], column[0]) == ([1], LISTS[0])


def test_references_are_assigned(column: References) -> None:
    column[0] = [{"ref_name": "new"}]
    column[1:3] = [[5], []]
    column[3] = np.ma.masked
    assert column.tolist() == [[{"ref_name": "new"}], [5], [], None]
    column[:2] = None
    assert column.tolist() == [None, None, [], None]
    with pytest.raises(ValueError, match="argument"):
        column[:2] = [[]]


def test_references_are_inserted(column: References) -> None:
    assert column.insert(1, [7]).tolist() == [LISTS[0], [7], *LISTS[1:]]
    assert column.insert(4, None).tolist() == [*LISTS, None]
    assert column.insert(0, np.ma.masked).tolist() == [None, *LISTS]


def test_references_are_compared_row_by_row(column: References) -> None:
    assert (column == LISTS).all()
    assert (column == lazy()).tolist() == [True] * 4
    assert (column == [*LISTS[:3], []]).tolist() == [True, True, True, False]
    assert column != 5
    assert repr(column) == "<References of 4 events>"


def test_functions_of_numpy_take_a_column_as_an_array(column: References) -> None:
    assert (np.shape(column), np.ndim(column), np.size(column)) == ((4,), 1, 4)
    assert np.concatenate([column, column]).tolist() == LISTS * 2
    assert np.take(column, [3, 0]).tolist() == [LISTS[3], LISTS[0]]
    assert np.repeat(a=column, repeats=2).tolist() == [one for one in LISTS for _ in range(2)]
    assert np.broadcast_to(column[:1], (2,)).tolist() == [LISTS[0]] * 2
    assert np.flatnonzero(np.equal(np.asarray(column), None)).tolist() == [1]


def test_tables_with_references_are_stacked_sorted_and_extended(column: References) -> None:
    table = QTable({"number": [3, 1, 2, 0], "refs": column})
    both = vstack([table, QTable({"number": [9], "refs": lazy()[:1]})])
    both.sort("number")
    assert both["refs"].tolist() == [LISTS[3], LISTS[1], LISTS[2], LISTS[0], LISTS[0]]
    assert type(both["refs"]) is References
    one = table[:1]
    one.add_row([5, [8]])
    one.insert_row(0, [6, None])
    assert one["refs"].tolist() == [None, LISTS[0], [8]]
    assert "ref_name" in str(table)


def test_only_references_that_are_accessed_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[Any] = []
    original = references.value_of_json
    monkeypatch.setattr(references, "value_of_json", lambda text: decoded.append(text) or original(text))
    made = lazy()[::-1][:2].copy()
    assert decoded == []
    assert made[1] == []
    assert decoded == ["[]"]


def test_nested_values_are_taken_removed_and_joined() -> None:
    texts = JoinedTexts.of([None if one is None else json.dumps(one) for one in LISTS])
    cells = Cells(frozenset({list, type(None)}), nested=texts)
    assert len(cells) == 4
    assert cells.values == cells.different == LISTS
    assert cells.take(np.array([3, 0])).kinds == {list}
    assert cells.take(np.array([1])).is_nothing
    assert cells.without(np.array([0, 3])).values == [None, None, [], None]
    assert cells.without(np.array([0, 2, 3])).is_nothing
    assert cells.changed({0: 5}).values == [5, *LISTS[1:]]
    assert joined([nothing(1), cells, cells]).values == [None, *LISTS, *LISTS]
    assert joined([cells, Cells.of(["x", [1]])]).values == [*LISTS, "x", [1]]


@pytest.mark.parametrize("form", ["ecsv", "parquet", "fits", "asdf"])
def test_references_that_were_read_are_such_a_column(tmp_path: Path, form: str) -> None:
    times = {"event_starttime": "2026-01-10T12:00:00", "event_endtime": "2026-01-10T13:00:00", "event_type": "FL"}
    table = HERTable.from_records([times | {"refs": one} for one in LISTS])
    table.write(tmp_path / f"x.{form}")
    back = HERTable.read(tmp_path / f"x.{form}")["refs"]
    assert type(back) is type(table["refs"]) is References
    assert back.tolist() == LISTS
