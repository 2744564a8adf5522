"""Test VOTable files: records of a fixed length, written and read at once, as astropy writes and reads each value."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.io.votable import parse
from astropy.io.votable.converters import Double
from astropy.io.votable.tree import TableElement
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.time import Time
from numpy.typing import NDArray

from sunpy_helio_plugins import series
from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.quantities import as_column, from_iso, masked
from sunpy_helio_plugins.series import votable

COUNT = 7
GONE = np.arange(COUNT) % 3 == 1


def table(**columns: Any) -> QTable:
    stamps = [f"2026-01-10T00:00:0{index}.123456789" for index in range(COUNT)]
    return QTable([as_column(from_iso(stamps)), *columns.values()], names=["Time", *columns])


def of(kind: str) -> NDArray[Any]:
    return np.arange(COUNT).astype(kind)


COLUMNS: dict[str, Any] = {
    "float64": np.linspace(-1, 1, COUNT) * u.nT,
    "float32": Column(of("f4")),
    "float16": Column(of("f2")),
    "missing floats": masked(of("f8") * u.km, GONE),
    **{kind: Column(of(kind)) for kind in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")},
    "missing integers": masked(of("i4"), GONE),
    "booleans": Column(of("i8") % 2 == 0),
    "missing booleans": MaskedColumn(of("i8") % 2 == 0, mask=GONE),
    "vectors": of("f8")[:, None] * [1.0, 2.0, 3.0] * u.nT,
    "matrices": np.arange(COUNT * 6.0).reshape(COUNT, 2, 3) * u.m,
    "vectors with missing elements": masked(
        of("f8")[:, None] * [1.0, 2.0, 3.0], np.arange(COUNT * 3).reshape(-1, 3) % 4 == 0
    ),
    "integers with missing elements": masked(
        of("i4")[:, None] * [1, 2, 3], np.arange(COUNT * 3).reshape(-1, 3) % 4 == 0
    ),
    "texts": Column([f"text {index}" for index in range(COUNT)]),
    "letters of any script": Column(["", "a", "\u03b2", "\u65e5\u672c", "\U0001f31e x", "z", "\u0100"]),
    "missing texts": MaskedColumn([f"t{index}" for index in range(COUNT)], mask=GONE),
    "other times": as_column(Time("2026-01-10") + of("f8") * u.day),
}


def same(one: Any, other: Any) -> bool:
    """Return whether two columns have the same values, and the same ones are missing."""
    parts = []
    for column in (one, other):
        if isinstance(column, Time):
            parts.append((column.isot, np.asarray(column.mask)))
            continue
        bare = getattr(column, "unmasked", column)
        values = np.ma.getdata(np.asarray(getattr(bare, "value", bare)))
        parts.append((values, np.broadcast_to(np.asarray(getattr(column, "mask", False)), values.shape)))
    (left, gone), (right, lost) = parts
    return left.shape == right.shape and (gone == lost).all() and (left[~gone] == right[~lost]).all()


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("block", [3, 3 * 2**15])
def test_each_type_is_restored(name: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(votable, "_BLOCK", block)
    given = table(x=COLUMNS[name], y=of("f8"))
    series.to_votable(given, tmp_path / "x.vot")
    again = series.from_votable(tmp_path / "x.vot")
    assert same(again["Time"], given["Time"])
    assert same(again["x"], given["x"])
    assert again["x"].dtype == given["x"].dtype if not isinstance(given["x"], Time) else True
    assert again["y"].tolist() == given["y"].tolist()


@pytest.mark.parametrize("name", COLUMNS)
def test_astropy_reads_the_same_values(name: str, tmp_path: Path) -> None:
    given = table(x=COLUMNS[name], y=of("f8"))
    series.to_votable(given, tmp_path / "x.vot")
    read = Table.read(tmp_path / "x.vot", format="votable")
    assert read["y"].tolist() == given["y"].tolist()
    assert read["Time"].tolist() == given["Time"].isot.tolist()
    assert read["x"].shape == given["x"].shape
    values, gone = np.ma.getdata(read["x"]), np.ma.getmaskarray(read["x"])
    x = given["x"]
    lost = np.broadcast_to(np.asarray(getattr(x, "mask", False)), x.shape)
    if isinstance(x, Time) or x.dtype.kind == "U":
        texts = x.isot if isinstance(x, Time) else np.where(lost, "", np.ma.getdata(x))
        assert values.tolist() == texts.tolist()
        return
    assert (gone == lost).all()
    bare = getattr(x, "unmasked", x)
    assert (values[~gone] == np.ma.getdata(np.asarray(getattr(bare, "value", bare)))[~gone]).all()


def test_no_value_is_converted_on_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(TableElement, "_write_binary", refuse)
    monkeypatch.setattr(Double, "binparse", refuse)
    series.to_votable(table(x=of("f8")), tmp_path / "x.vot")
    assert series.from_votable(tmp_path / "x.vot")["x"].tolist() == of("f8").tolist()


@pytest.mark.parametrize("form", ["tabledata", "binary", "binary2"])
def test_files_of_astropy_are_read(form: str, tmp_path: Path) -> None:
    given = table(x=of("i4"), s=Column([f"text {index}" for index in range(COUNT)]))
    series.to_votable(given, tmp_path / "x.vot")
    document = parse(tmp_path / "x.vot")
    document.to_xml(str(tmp_path / "y.vot"), tabledata_format=form)
    again = series.from_votable(tmp_path / "y.vot")
    assert all(same(again[name], given[name]) for name in given.colnames)


def test_texts_of_any_length_are_read(tmp_path: Path) -> None:
    texts = np.array(["a", "bcd"], dtype=object)
    made = Table({"Time": ["2026-01-10", "2026-01-11"], "s": texts})
    made.write(tmp_path / "x.vot", format="votable", tabledata_format="binary2")
    content = (tmp_path / "x.vot").read_text()
    (tmp_path / "x.vot").write_text(content.replace('name="Time"', 'name="Time" xtype="timestamp"', 1))
    assert series.from_votable(tmp_path / "x.vot")["s"].tolist() == ["a", "bcd"]


def test_a_file_without_records_is_read(tmp_path: Path) -> None:
    given = table(x=of("f8"))[:0]
    series.to_votable(given, tmp_path / "x.vot")
    again = series.from_votable(tmp_path / "x.vot")
    assert again.colnames == given.colnames
    assert len(again) == 0


def test_a_record_that_is_cut_off_is_an_error(tmp_path: Path) -> None:
    series.to_votable(table(x=of("f8")), tmp_path / "x.vot")
    content = (tmp_path / "x.vot").read_bytes()
    (found,) = re.findall(rb">([^<>\s]+)</STREAM>", content)
    cut = base64.b64encode(base64.b64decode(found)[:-4])
    (tmp_path / "x.vot").write_bytes(content.replace(found, cut))
    with pytest.raises(FileError, match=r"x\.vot is not a VOTable .*it ends 34 bytes after its 6 records of 38 bytes"):
        series.from_votable(tmp_path / "x.vot")


def test_integers_need_one_that_stands_for_missing_elements(tmp_path: Path) -> None:
    values = np.array([[0, 255], [0, 1]] * 3 + [[0, 0]], dtype="u1")
    column = masked(values, np.arange(COUNT * 2).reshape(-1, 2) == 5)
    with pytest.raises(QueryError, match=r"column 'x': its integers of 8 bits include 0 and 255"):
        series.to_votable(table(x=column), tmp_path / "x.vot")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("datatype", "arraysize", "kind"),
    [
        ("char", "4x2", None),
        ("unicodeChar", "4x2", None),
        ("double", "*", None),
        ("char", "4", "S4"),
        ("int", "3", "i4"),
    ],
)
def test_only_fields_of_a_fixed_size_have_a_record_type(datatype, arraysize, kind):
    made = votable._record_type([SimpleNamespace(datatype=datatype, arraysize=arraysize)])
    assert (None if made is None else made["f0"].base.str[1:]) == kind
