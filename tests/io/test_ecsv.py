"""Test that ECSV files are those that astropy writes, byte by byte, and are read to the same tables."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi.tables import HAPIFiles
from sunpy_helio_plugins.io import formats
from sunpy_helio_plugins.io.ecsv import write


def objects(values: list[Any]) -> Column:
    data = np.empty(len(values), dtype=object)
    for index, value in enumerate(values):
        data[index] = value
    return Column(data)


COLUMNS = {
    "floats": [1.5, np.nan, -0.0, 1e22, 1e-7, np.inf],
    "singles": np.array([1.1, 2, 3, 4, 5, 1e30], dtype=np.float32),
    "halves": np.array([1.1, 2, 3, 4, 5, 6], dtype=np.float16),
    "integers": [0, -5, 2**62, 7, 8, 9],
    "unsigned": np.array([0, 1, 2, 3, 4, 2**64 - 1], dtype=np.uint64),
    "truths": [True, False, True, False, True, False],
    "texts": ["a", "", "b c", 'd"e', "é", " f "],
    "tabs": ["a\tb", "\t", "c", '"', '""', "#"],
    "gaps": MaskedColumn([1.5, 2, 3, 4, 5, 6], mask=[0, 1, 0, 0, 1, 0]),
    "missing": MaskedColumn(["a", "b c", "", "d", "e", "f"], mask=[0, 1, 0, 0, 1, 0]),
    "masked lines": MaskedColumn(["a\nb", "c", "", "d", "e", "f"], mask=[0, 1, 0, 0, 1, 0]),
    "masked objects": MaskedColumn(objects([[1], {"a": 2}, None, "b", 5, 1.5]), mask=[0, 1, 0, 0, 1, 0]),
    "times": Time("2026-01-10") + np.arange(6) * u.s,
    "lengths": np.arange(6.0) * u.km,
    "vectors": np.arange(12.0).reshape(6, 2),
    "masked vectors": MaskedColumn(np.arange(12).reshape(6, 2), mask=[[0, 1], [1, 1], *[[0, 0]] * 4]),
    "objects": objects([{"a": [1, None]}, ["é"], None, 2, "text", 1.5]),
    "separators": objects([["a", "\0", "b"], "\0", {"\0": "\0"}, "],[", [[1], [2]], None]),
    "lists of lists": objects([np.ones((2, count)) for count in range(6)]),
    "single lists": objects([np.ones(count, dtype=np.float32 if count % 2 else float) for count in range(6)]),
    "ragged": objects([np.arange(float(count)) for count in range(6)]),
}


def written(table: Table) -> tuple[str, str]:
    """Return the text of a table by this package and by astropy."""
    mine, theirs = io.StringIO(), io.StringIO()
    write.write(table, mine)
    table.write(theirs, format="ascii.ecsv")
    return mine.getvalue(), theirs.getvalue()


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("rows", [6, 1, 0])
def test_a_column_is_written_as_by_astropy(name: str, rows: int) -> None:
    table = QTable({"first": np.arange(6), name: COLUMNS[name]}, meta={"entry": ["x"]})[:rows]
    mine, theirs = written(table)
    assert mine == theirs
    # The table is not changed.
    assert written(table)[0] == theirs


def test_line_breaks_are_written_as_by_astropy() -> None:
    mine, theirs = written(Table({"text": ["a\nb", "c"]}))
    assert mine == theirs


@given(st.lists(st.tuples(st.text(max_size=4), st.floats(), st.text(' "\t', max_size=2)), max_size=5))
def test_any_values_are_written_as_by_astropy(rows: list[tuple[str, float, str]]) -> None:
    table = Table(rows=rows, names=["a", "b", "c"], dtype=[str, float, str]) if rows else Table({"a": []})
    mine, theirs = written(table)
    assert mine == theirs


def test_a_file_is_read_alike_by_pyarrow_and_by_astropy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given_columns = {name: column for name, column in COLUMNS.items() if name != "halves"}
    table = HAPIFiles(QTable(given_columns))
    table.write(tmp_path / "x.ecsv")
    found = HAPIFiles.read(tmp_path / "x.ecsv")
    read = Table.read
    monkeypatch.setattr(Table, "read", lambda *args, engine="io.ascii", **options: read(*args, **options))
    expected = HAPIFiles.read(tmp_path / "x.ecsv")
    assert [repr(found[name]) for name in found.colnames] == [repr(expected[name]) for name in expected.colnames]
    assert found.colnames == table.colnames


LISTS = """\
# %ECSV 1.0
# ---
# datatype:
# - {name: a, datatype: string, subtype: 'float64[null]'}
# - {name: b, datatype: int64}
# schema: astropy-2.0
a b
"""


@pytest.mark.parametrize(
    "cells",
    [["[1.5,2]", "[]"], ["[1.0,null]", "[]"], ['""', "[1.0]"], ["[NaN]", "[-0.0]"], ["1.5", "[]"], ["[[1]]", "[]"]],
    ids=str,
)
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=repr)
def test_lists_are_read_as_by_astropy(cells: list[str], end: str, tmp_path: Path) -> None:
    rows = "".join(f"{cell} {row}\n" for row, cell in enumerate(cells))
    (tmp_path / "x.ecsv").write_bytes((LISTS + rows).replace("\n", end).encode())
    found = formats.plain_from("ecsv", "HELIOTAB", (tmp_path / "x.ecsv",), {})
    expected = Table.read(tmp_path / "x.ecsv", format="ascii.ecsv")
    assert repr(found) == repr(expected)
    assert list(map(repr, found["a"])) == list(map(repr, expected["a"]))


@pytest.mark.parametrize("cells", [["[1", "2]"], ["[1],[2]", "[]"], ["[1],[2", "3]"], ["x", "[]"]], ids=str)
def test_lists_that_are_damaged_are_refused(cells: list[str], tmp_path: Path) -> None:
    (tmp_path / "x.ecsv").write_text(LISTS + "".join(f"{cell} 1\n" for cell in cells))
    with pytest.raises(FileError, match=r"x\.ecsv cannot be read"):
        formats.plain_from("ecsv", "HELIOTAB", (tmp_path / "x.ecsv",), {})


def test_options_of_astropy_are_left_to_it(tmp_path: Path) -> None:
    HAPIFiles({"url": ["a b", "c"]}).write(tmp_path / "x.ecsv", delimiter=",")
    assert "# delimiter: ','" in (tmp_path / "x.ecsv").read_text(encoding="utf-8")
    assert HAPIFiles.read(tmp_path / "x.ecsv")["url"].tolist() == ["a b", "c"]
