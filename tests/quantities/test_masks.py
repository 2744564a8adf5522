"""Test fill values in the precision of the data, and columns that keep their mask."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.table import QTable, vstack

from sunpy_helio_plugins.quantities import exact_integer, fills, for_frame, is_fill, masked

SINGLE = float(np.float32(-1e31))


@pytest.mark.parametrize("fill", ["-1e31", "-1.0E+31", -1e31, "-9.9999998e+30", SINGLE, repr(SINGLE)])
@pytest.mark.parametrize("value", [-1e31, SINGLE, -9.9999998e30, -9.99999985e30, -9.9999998430674944e30])
@pytest.mark.parametrize("dtype", ["f8", "f4", ">f8", ">f4"])
def test_fills_of_32_bits_are_found_however_they_are_written(fill: Any, value: float, dtype: str) -> None:
    found = is_fill(np.array([value, 1.0, -9.9999e30], dtype), fill)
    assert found is not None
    assert found.tolist() == [True, False, False]


@pytest.mark.parametrize("fill", ["99999.898", "99999.9", 99999.8984375, "99999.8984"])
@pytest.mark.parametrize("value", [99999.898, 99999.9, 99999.8984375])
def test_fills_of_few_digits(fill: Any, value: float) -> None:
    found = is_fill(np.array([value, 99999.8, 99999.91]), fill)
    assert found is not None
    assert found.tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("values", "fill"),
    [
        ([0.0, 1e-45], "1e-50"), ([np.inf, -np.inf], "1e300"), ([1.0000001, 0.99999994], "1"), ([-1e31], "NaN"),
        ([np.inf], "-inf"), ([1.0], "none"), ([True, False], "-1e31"), ([5], "5.5"), ([5], "inf"), ([0, -1], "NaN"),
        ([2**53], "9007199254740993"), ([2**63 - 2], 9.223372036854776e18), ([0], 1e400), (["1"], "1.0"),
    ],
)  # fmt: skip
def test_what_is_not_the_fill_stays(values: list[Any], fill: Any) -> None:
    assert is_fill(np.array(values), fill) is None


@pytest.mark.parametrize(
    ("values", "fill"), [([0.0, 1e-45], "1e-50"), ([np.inf, -np.inf], "1e300"), ([np.inf], "-inf")]
)
def test_what_is_not_the_fill_stays_in_single_precision(values: list[float], fill: str) -> None:
    assert is_fill(np.array(values, "f4"), fill) is None


@pytest.mark.parametrize(
    ("value", "dtype", "fill"),
    [
        (2**53 + 1, "i8", "9007199254740993"), (2**53 + 1, "i8", "9007199254740993.0"), (1000, "i4", "1e3"),
        (2**63 - 1, "i8", 9223372036854775807), (2**63 - 1, "i8", "9223372036854776000"), (2**64 - 1, "u8", 2**64 - 1),
        (-(2**63), "i8", -9.223372036854775808e18), (2**64 - 1, "u8", 1.8446744073709552e19), (-1, "i2", "-1.0"),
        (np.inf, "f8", "Infinity"), (np.nan, "f8", "NaN"), (-np.inf, "f4", "-inf"),
    ],
)  # fmt: skip
def test_fills_of_integers_and_odd_floats(value: Any, dtype: str, fill: Any) -> None:
    found = is_fill(np.array([value, 7], dtype), fill)
    assert found is not None
    assert found.tolist() == [True, False]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9007199254740993", 2**53 + 1), ("9007199254740993.0", 2**53 + 1), ("1e3", 1000), ("1.5", None), ("0.0", 0),
        ("-1e31", -(10**31)), ("NaN", None), ("1e999999999", None), ("x", None), (2.5, None), (1e22, 10**22),
        (" 7 ", 7),
        ("18446744073709551615", 2**64 - 1), ("1e-300", None), ("-0", 0), (float("inf"), None),
    ],
)  # fmt: skip
def test_integers_in_any_spelling(text: Any, value: int | None) -> None:
    assert exact_integer(text) == value


def _table(*mask: bool) -> QTable:
    gone, pairs = np.array(mask), np.array([mask, mask]).T
    columns = [
        masked(u.Quantity(np.arange(3.0), u.nT), gone), masked(u.Quantity(np.ones((3, 2)), u.nT), pairs),
        masked(u.Quantity(np.arange(3), u.s, dtype=np.int64), gone), masked(np.arange(3), gone),
        masked(np.arange(3, dtype="f4"), gone), masked(np.array(["a", "bb", "c"]), gone),
        masked(np.ones((3, 2)), pairs),
    ]  # fmt: skip
    return QTable(columns, names=list("abcdefg"), copy=False)


def test_two_parts_have_one_schema_whatever_became_of_them(tmp_path: Path) -> None:
    whole, gaps = _table(False, False, False), _table(False, True, False)
    tables = {
        "whole": whole, "gaps": gaps, "slice": gaps[:1], "some": gaps[[0, 2]], "copy": whole.copy(),
        "stack": vstack([whole, gaps]), "pickle": pickle.loads(pickle.dumps(whole)),
    }  # fmt: skip
    schemas = {}
    for name, table in tables.items():
        table.write(tmp_path / f"{name}.parquet")
        schemas[name] = pq.read_schema(tmp_path / f"{name}.parquet").remove_metadata()
        again = QTable.read(tmp_path / f"{name}.parquet")
        for column in table.colnames:
            assert np.array_equal(again[column].mask, table[column].mask)
            # astropy reads every quantity as floats.
            assert again[column].dtype == table[column].dtype or column == "c"
    assert all(schema.equals(schemas["whole"]) for schema in schemas.values()), schemas
    assert "a.mask" in schemas["whole"].names


@pytest.mark.parametrize("form", ["ecsv", "fits"])
def test_other_formats_take_the_columns(tmp_path: Path, form: str) -> None:
    for table in (_table(False, False, False), _table(True, False, True)):
        table.write(tmp_path / f"t.{form}", overwrite=True)
        again = QTable.read(tmp_path / f"t.{form}")
        assert again["a"].unit == u.nT
        assert np.array_equal(np.asarray(again["a"].mask), table["a"].mask)


def test_stacked_integers_stay_exact() -> None:
    large = masked(u.Quantity([2**53 + 1, 5], u.ns, dtype=np.int64), np.array([False, True]))
    stacked = vstack([QTable([large], names=["n"]), QTable([large], names=["n"])])["n"]
    assert stacked.unmasked.value.tolist() == [2**53 + 1, 5] * 2
    assert stacked.mask.tolist() == [False, True] * 2


def test_single_values_are_plain_where_they_are_known() -> None:
    column = _table(False, True, False)["a"]
    assert type(column[0]) is u.Quantity
    assert column[0].to_value(u.nT) == pytest.approx(0)
    assert column[1].mask
    assert f"{column[2]:.1f}" == "2.0 nT"


def test_nan_lies_under_the_mask_of_floats() -> None:
    table = _table(False, True, False)
    assert np.isnan(table["a"].unmasked[1])
    assert np.isnan(np.ma.getdata(table["g"])[1]).all()
    assert np.ma.getdata(table["d"])[1] == 1


def test_columns_of_frames_have_one_type() -> None:
    assert for_frame(np.array([1, 2]), None).dtype == float
    assert np.isnan(for_frame(np.array([1, 2]), np.array([True, False]))[0])
    exact = for_frame(np.array([2**53 + 1, 2]), np.array([False, True]))
    assert exact[0] == 2**53 + 1
    assert exact.isna().tolist() == [False, True]


def test_numbers_of_32_bits_are_printed_and_written_with_their_own_digits(tmp_path: Path) -> None:
    values = np.array([[-4.02, 1.35], [5.44, 0.1]], dtype="f4")
    table = QTable({"B": masked(u.Quantity(values, u.nT), np.array([[False, True], [False, False]]))})
    assert [line.strip() for line in table.pformat()[-2:]] == ["-4.02 .. ———", "5.44 .. 0.1"]
    table.write(tmp_path / "b.ecsv")
    assert (QTable.read(tmp_path / "b.ecsv")["B"].unmasked.value[1] == values[1]).all()


@pytest.mark.parametrize(("method", "has_mask"), [("data_mask", True), ("null_value", False)])
def test_the_mask_is_written_beside_the_values_if_that_is_the_method(method, has_mask):
    made = fills._MaskKeepingArray.from_unmasked(np.arange(3.0), np.array([True, False, False]))
    made.info.serialize_method["ecsv"] = method
    made.info._serialize_context = "ecsv"
    assert ("mask" in made.info._represent_as_dict()) is has_mask
