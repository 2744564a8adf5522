"""Test that integers are exact and have one type in every format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from sunpy.timeseries import TimeSeries

from sunpy_helio_plugins import hapi
from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi.records.buffers import concatenated

LARGE = 2**53 + 1
TIME = {"name": "Time", "type": "isotime", "length": 20}


def _csv(parameter: dict[str, Any], *fields: str) -> bytes:
    header = {"HAPI": "3.0", "format": "csv", "parameters": [TIME, {"name": "n", "type": "integer", **parameter}]}
    lines = [f"2026-01-10T00:00:{second:02}Z,{field}" for second, field in enumerate(fields)]
    return "\n".join([f"#{json.dumps(header)}", *lines, ""]).encode()


def _json(parameter: dict[str, Any], *fields: str) -> bytes:
    header = {"HAPI": "3.0", "format": "json", "parameters": [TIME, {"name": "n", "type": "integer", **parameter}]}
    nested = (f"[{field}]" if parameter.get("size") else field for field in fields)
    data = [f'["2026-01-10T00:00:{second:02}Z",{field}]' for second, field in enumerate(nested)]
    return f'{json.dumps(header)[:-1]},"data":[{",".join(data)}]}}'.encode()


@pytest.mark.parametrize("make", [_csv, _json])
@pytest.mark.parametrize("parameter", [{}, {"fill": "-1"}, {"fill": "-1e31"}, {"units": "s"}, {"type": "long"}])
@pytest.mark.parametrize(
    ("fields", "values"),
    [
        ([f"{LARGE}", f"{-LARGE}"], [LARGE, -LARGE]),
        ([f"{LARGE}.0", "3"], [LARGE, 3]),
        (["1e3", f"{LARGE}"], [1000, LARGE]),
        (["9007199254740993e0", "1.0"], [LARGE, 1]),
        ([f"{2**63 - 1}", f"{-(2**63)}"], [2**63 - 1, -(2**63)]),
        ([f"{2**31}", "1"], [2**31, 1]),
        (["1", "2"], [1, 2]),
    ],
)
def test_integers_are_exact_in_every_spelling(make: Any, parameter: dict[str, Any], fields: Any, values: Any) -> None:
    column = hapi.read(make(parameter, *fields))["n"]
    plain = np.ma.getdata(getattr(getattr(column, "unmasked", column), "value", column))
    assert plain.tolist() == values
    assert column.dtype == np.int64
    assert column.mask.tolist() == [False, False]


@pytest.mark.parametrize("beside", ["2", "2.0", "null"], ids=["by Arrow", "one by one", "with a gap"])
@pytest.mark.parametrize(
    ("field", "value"),
    [("0x1F", 31), ("0X1f", 31), ("0x7FFFFFFFFFFFFFFF", 2**63 - 1), ("0xFFFFFFFFFFFFFFFF", 2**64 - 1), ("0x00", 0)],
)
def test_hexadecimal_integers_have_one_value(beside: str, field: str, value: int) -> None:
    column = hapi.read(_csv({}, field, beside, field))["n"]
    assert [int(column[row]) for row in (0, 2)] == [value, value]


@pytest.mark.parametrize("beside", ["2", "2.0"], ids=["by Arrow", "one by one"])
@pytest.mark.parametrize("field", ["-0x1F", "0x", "0x1G", "0x1FFFFFFFFFFFFFFFF", "0b1", "0x1p3"])
def test_other_notations_are_refused_in_both_ways(beside: str, field: str) -> None:
    with pytest.raises(FileError, match=f"'{field}' is not a valid integer of the parameter 'n'"):
        hapi.read(_csv({}, field, beside))


def test_a_text_that_looks_like_a_large_integer_is_kept() -> None:
    text = {"name": "t", "type": "string", "length": 18}
    header = {"HAPI": "3.0", "format": "csv", "parameters": [TIME, {"name": "n", "type": "integer"}, text]}
    content = f"#{json.dumps(header)}\n2026-01-10T00:00:00Z,5,0xFFFFFFFFFFFFFFFF\n"
    (row,) = hapi.read(content.encode())
    assert (row["n"], row["t"]) == (5, "0xFFFFFFFFFFFFFFFF")


@pytest.mark.parametrize("make", [_csv, _json])
@pytest.mark.parametrize(("gap", "fill"), [("null", None), ("-1e31", "-1e31"), ("-1", "-1"), ("-1.0", "-1")])
def test_gaps_cost_no_digit_of_the_others(make: Any, gap: str, fill: str | None) -> None:
    parameter = {"fill": fill, "size": [2]}
    column = hapi.read(make(parameter, f"{LARGE},{gap}", f"7,{LARGE + 2}"))["n"]
    assert column.mask.tolist() == [[False, True], [False, False]]
    assert column[0, 0] == LARGE
    assert column[1].tolist() == [7, LARGE + 2]
    assert column.dtype == np.int64


def test_unsigned_integers_of_64_bits() -> None:
    most = 2**64 - 1
    for make in (_csv, _json):
        assert hapi.read(make({}, f"{most}", "5"))["n"].tolist() == [most, 5]
        # The fill value determines the type, even if no value needs it.
        column = hapi.read(make({"fill": f"{most}"}, "1", f"{most}"))["n"]
        assert column.dtype == np.uint64
        assert column.tolist() == [1, None]
        assert hapi.read(make({"fill": f"{most}"}, "1", "2"))["n"].dtype == np.uint64
    with pytest.raises(FileError, match="do not fit into one type of 64 bits"):
        hapi.read(_csv({}, f"{most}", "-5"))


def test_other_numbers_among_integers_never_change_one() -> None:
    assert hapi.read(_csv({}, "1.5", "2"))["n"].tolist() == [1.5, 2]
    with pytest.raises(FileError, match=f"{LARGE} cannot be represented as a float"):
        hapi.read(_csv({}, "1.5", f"{LARGE}"))


def test_joined_answers_keep_their_integers() -> None:
    first, second = _csv({}, f"{LARGE}", "3"), _csv({}, "1", "2", f"{2**63}")
    assert hapi.read(first, second)["n"].tolist().count(LARGE) == 1
    assert 2**63 in hapi.read(first, second)["n"].tolist()
    with pytest.raises(FileError, match="do not fit into a common type"):
        hapi.read(first, _csv({}, "1", "2", "1.5"))


def test_series_keep_integers(tmp_path: Path) -> None:
    path = tmp_path / "n.hapi"
    path.write_bytes(_csv({"fill": "-1"}, f"{LARGE}", "-1", "4"))
    column = TimeSeries(str(path)).to_dataframe()["n"]
    assert column.iloc[0] == LARGE
    assert column.isna().tolist() == [False, True, False]
    path.write_bytes(_csv({"fill": "-1"}, "1", "3", "4"))
    assert TimeSeries(str(path)).to_dataframe()["n"].dtype == float


CHUNKS = (
    ["1.5,7,1 2 3,a,2026-01-10T00:00:00Z", "2.5,8,1 2 3,b,2026-01-10T00:00:00Z"],
    ["-1e31,-1,1 NaN 3,a,", ",9007199254740993,,,2026-01-10T00:00:00Z"],
    ["1.5,,1 2 -1e31,-,2026-01-10T00:00:00Z", "2.5,1.0,1 2 3,b,2026-01-10T00:00:00Z"],
)


def _chunk(lines: list[str]) -> bytes:
    parameters = [
        TIME,
        {"name": "B", "type": "double", "units": "nT", "fill": "-1e31"},
        {"name": "n", "type": "integer", "fill": "-1"},
        {"name": "V", "type": "double", "size": [3], "units": "weird", "fill": "-1e31"},
        {"name": "s", "type": "string", "length": 4, "fill": "-"},
    ]
    header = {"HAPI": "3.0", "format": "csv", "parameters": parameters}
    rows = []
    for index, line in enumerate(lines):
        field, whole, vector, text, _ = line.split(",")
        rows.append(f"2026-01-10T00:00:0{index}Z,{field},{whole},{','.join((vector or ',,').split())},{text}")
    return "\n".join([f"#{json.dumps(header)}", *rows, ""]).encode()


def test_chunks_of_a_dataset_have_one_type_and_one_schema(tmp_path: Path) -> None:
    tables = [hapi.read(_chunk(lines)) for lines in CHUNKS]
    described = [[(type(column), column.dtype.kind) for column in table.columns[1:].values()] for table in tables]
    assert described[0] == described[1] == described[2]
    schemas = []
    for index, table in enumerate(tables):
        table.write(tmp_path / f"{index}.parquet")
        schemas.append(pq.read_schema(tmp_path / f"{index}.parquet").remove_metadata())
    assert schemas[0].equals(schemas[1])
    assert schemas[0].equals(schemas[2])


def test_nan_lies_under_the_mask_of_floats() -> None:
    table = hapi.read(_chunk(CHUNKS[1]))
    assert np.isnan(table["B"].unmasked.to_value(u.nT)).all()
    assert np.isnan(np.ma.getdata(table["V"])[1]).all()


def test_each_element_may_have_its_own_fill() -> None:
    column = hapi.read(_csv({"type": "double", "size": [2], "fill": ["-1", "-2"]}, "-1,-1", "-2,-2"))["n"]
    assert column.mask.tolist() == [[True, False], [False, True]]


@pytest.mark.parametrize("make", [_csv, _json])
def test_negative_integers_are_read_although_the_fill_value_is_unsigned(make: Any) -> None:
    column = hapi.read(make({"fill": f"{2**64 - 1}"}, "-1", "5"))["n"]
    assert column.dtype == np.int64
    assert column.tolist() == [-1, 5]


@pytest.mark.parametrize("make", [_csv, _json])
def test_a_text_that_is_no_integer_is_named(make: Any) -> None:
    with pytest.raises(FileError, match="'many' is not a valid integer of the parameter 'n'"):
        hapi.read(make({}, "1", '"many"'))


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        ([[1, 2], [3]], np.int64),
        ([[1], np.array([2**64 - 1], np.uint64)], np.uint64),
        ([[1], [], [1.5]], np.float64),
        ([[], [-1], np.array([5], np.int64)], np.int64),
    ],
)
def test_columns_of_several_responses_have_a_common_type(parts: list[Any], kind: Any) -> None:
    arrays = [np.array(part, np.int64 if part == [] else None) if isinstance(part, list) else part for part in parts]
    joined = concatenated(arrays)
    assert joined.dtype == kind
    assert joined.tolist() == [value for part in arrays for value in part.tolist()]


@pytest.mark.parametrize("part", [np.array([2**64 - 1], np.uint64), np.array([-LARGE])])
@pytest.mark.parametrize("other", [np.array([0.5]), np.ma.MaskedArray([0.5, 0.0], [False, True])])
def test_columns_of_several_responses_that_no_type_represents_are_refused(part: Any, other: Any) -> None:
    with pytest.raises(FileError, match="integers that do not fit into a common type; read them one by one"):
        concatenated([part, other])
