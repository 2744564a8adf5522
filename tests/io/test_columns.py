"""Test columns of numbers, times and text that occur rarely: each comes back from every format, or is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import EarthLocation
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.time import Time

from sunpy_helio_plugins import io
from sunpy_helio_plugins.errors import QueryError

ENDINGS = {
    "ecsv": "astropy",
    "fits": "astropy",
    "parquet": "pyarrow",
    "arrow": "pyarrow",
    "h5": "h5py",
    "asdf": "asdf_astropy",
}

COLUMNS = {
    "complex": Column(np.array([1 + 2j, 3])),
    "masked complex": MaskedColumn(np.array([1 + 2j, 3], dtype=np.complex64), mask=[True, False]),
    "complex vectors": Column(np.array([[1 + 2j, 3], [4, 5j]])),
    "masked complex vectors": MaskedColumn(np.array([[1 + 2j, 3], [4, 5j]]), mask=[[True, False], [False, False]]),
    "half": Column(np.array([1.5, np.nan], dtype=np.float16)),
    "text vectors": Column([["a", ""], ["\u00e5", "b"]]),
    "object vectors": Column(np.array([["a", None], [1, {"x": 2}]], dtype=object)),
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", COLUMNS)
def test_rare_columns_come_back(name: str, ending: str, tmp_path: Path) -> None:
    pytest.importorskip(ENDINGS[ending])
    given = COLUMNS[name]
    io.write(QTable({"x": given}), tmp_path / f"x.{ending}")
    back = io.read(tmp_path / f"x.{ending}")["x"]
    assert (type(back), back.dtype, back.shape) == (type(given), given.dtype, given.shape)
    assert str(back.tolist()) == str(given.tolist())


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_plain_column_keeps_its_unit(ending: str, tmp_path: Path) -> None:
    pytest.importorskip(ENDINGS[ending])
    io.write(Table({"x": Column([1, 2], unit="nT")}), tmp_path / f"x.{ending}")
    back = io.read(tmp_path / f"x.{ending}")
    assert type(back) is Table
    assert back["x"].unit is u.nT
    assert back["x"].dtype.kind == "i"


def test_times_keep_the_part_that_they_show(tmp_path: Path) -> None:
    io.write(QTable({"t": Time(["2026-01-10"] * 2, format="iso", out_subfmt="date")}), tmp_path / "x.ecsv")
    back = io.read(tmp_path / "x.ecsv")["t"]
    assert (back.format, back.out_subfmt, back.value.tolist()) == ("iso", "date", ["2026-01-10", "2026-01-10"])


@pytest.mark.parametrize("scale", ["tt", "tai"])
def test_times_in_years_of_five_digits_come_back(scale: str, tmp_path: Path) -> None:
    given = Time([4e6, 5.5e6], [0.1, 0.2], format="jd", scale=scale)
    io.write(QTable({"t": given}), tmp_path / "x.ecsv")
    back = io.read(tmp_path / "x.ecsv")["t"]
    assert (back.scale, back.jd1.tolist(), back.jd2.tolist()) == (scale, given.jd1.tolist(), given.jd2.tolist())


PLACES = EarthLocation.from_geodetic([1, 2] * u.deg, [1, 2] * u.deg)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (np.array([1], dtype=np.longdouble), r"numbers of the type float\d+"),
        (np.array([1], dtype=np.clongdouble), r"numbers of the type float\d+"),
        (np.array([(1, 2.0)], dtype=[("a", int), ("b", float)]), "a Column"),
        (
            MaskedColumn(np.array([["a", None]], dtype=object), mask=[[True, False]]),
            "masked objects in more than one dimension",
        ),
        (PLACES, "a EarthLocation"),
        (Time(["2026-01-10"] * 2, location=PLACES), "a Time"),
    ],
)
def test_columns_that_cannot_be_written_are_refused_by_name(column: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match=f"^The column 'x' cannot be written: it contains {words}"):
        io.write(QTable({"x": column}), tmp_path / "x.ecsv")
    assert list(tmp_path.iterdir()) == []


def test_texts_that_are_missing_where_the_mask_says_nothing_are_written_as_objects(tmp_path):
    cells = np.array(["a", None, "c"], dtype=object)
    table = Table({"x": MaskedColumn(cells, mask=[False, False, True])})
    io.write(table, tmp_path / "x.parquet")
    found = io.read(tmp_path / "x.parquet")["x"]
    assert found[0] == "a"
    assert found[1] is None
    assert found.mask.tolist() == [False, False, True]
