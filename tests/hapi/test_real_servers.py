"""Test that every column of real servers has a name, values, and a unit or its text, in every format."""

from __future__ import annotations

import csv
import json
import warnings
from pathlib import Path
from typing import Any

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.time import Time

from sunpy_helio_plugins import hapi
from sunpy_helio_plugins.hapi import HAPITimeSeries, Info, Parameter
from sunpy_helio_plugins.series.axes import axes_of

TIME = {"name": "Time", "type": "isotime", "length": 24, "units": "UTC", "fill": None}


def column(kind: str = "double", **members: Any) -> dict[str, Any]:
    return {"name": "x", "type": kind, "units": None, "fill": None, **members}


SPECIMENS: dict[str, list[dict[str, Any]]] = {
    # The test servers of HAPI 2.0 to 3.3 (github.com/hapi-server/server-nodejs, metadata).
    "a unit for each element": [column(size=[3], units=["nT", "nT", "Å"], label=["Bx", "By", "Bz"])],
    "one unit for a whole row": [column(size=[2, 3], units=[["nT"], ["nT", "degrees", "nT"]])],
    "labels in TeX": [column(size=[2, 2], label=[["Δ$T_{xx}=0$", "$\\Delta T_{xy}=1$"], ["$Z", "$\\nonsense{$"]])],
    "bins of two units, one without any": [
        column(size=[4], units=["m", "m", "km", None], bins=[{
            "name": "frequency", "label": ["low f", "low f", "high f", "high f"], "units": ["Hz", "Hz", "MHz", None],
            "centers": [0, 1, 7, None], "ranges": [[-0.5, 0.5], [0.5, 1.5], [6.5, 7.5], [None, None]],
        }])
    ],
    "bins that refer to definitions": [
        column(size=[2], fill={"$ref": "#/definitions/fill"}, bins=[
            {"name": "f", "units": "Hz", "centers": {"$ref": "#/definitions/c"}, "ranges": {"$ref": "#/definitions/r"}}
        ])
    ],
    "bins that refer to nothing": [
        column(size=[2], units={"$ref": "#/definitions/lost"}, label={"$ref": "#/definitions/lost"},
               bins=[{"name": "f", "units": "Hz", "centers": {"$ref": "#/definitions/lost"}}])
    ],
    "bins that change with time, ranges turned": [
        column(size=[3], bins=[{"name": "f", "units": "Hz", "centers": "centers", "ranges": "ranges"}]),
        column(name="centers", size=[3], units="Hz"), column(name="ranges", size=[2, 3], units="Hz"),
    ],
    "bins for a dimension of another length": [
        column(size=[2, 3], bins=[{"name": "f", "units": "Hz", "centers": [1, 2, 3]}, {"name": "a", "units": "deg",
                                                                                      "centers": [1, 2]}])
    ],
    "bins for one dimension only": [
        column(size=[2, 3], bins=[{"name": "f", "units": "Hz", "centers": [1, 2]}, {"name": "a", "units": "deg",
                                                                                   "centers": None}])
    ],
    "bins in two dimensions": [column(size=[2, 2], bins=[{"name": "e", "units": "eV", "centers": [[1, 2], [3, 4]]}])],
    "bins without a list around them": [column(size=[2], bins={"name": "e", "units": "eV", "centers": [1, 2]})],
    "texts of every length": [
        column("string", name="one (ж)", size=[1], length=4), column("string", name="four;👍", size=[4], length=4)
    ],
    "a fill that is no time": [column("isotime", length=20, size=[2], fill="0000-00-00:T00:00:00Z", units="UTC")],
    "categories": [column("integer", size=[3], x_categorymap={"passing": 1, "failing": -1})],
    "addresses": [column("string", name="Dataset of URLs", size=[1], length=60, stringType={"type": "uri"})],
    # CDAWeb and its prototypes (github.com/hapi-server/cdaweb-hapi-metadata).
    "a name in a list": [column(name=["flux_B"], size=[2], units="1/(cm2 Sr sec MeV/nucleon)", fill="-1.0E31")],
    "a type that nobody knows": [column("unknown", units="km/s", fill="-1.0e+31"), column("", name="y", units="q")],
    "one name twice": [column("integer", name="IMF_PTS"), column("integer", name="IMF_PTS")],
    "names that differ by case, and a component's name": [
        column(name="b"), column(name="B", size=[2]), column(name="B_0")
    ],
    # Examples of the specification, and its schemas against its text.
    "types as examples spell them": [column("int", name="i"), column("FLOAT", name="f"), column("Long", name="l")],
    "keys with spaces": [{"name ": "x", "name": "x", "type ": "double", "units ": "nT", "size ": [2]}],
    "sizes as numbers, texts and nothing": [
        column(name="a", size=2), column(name="b", size="2"), column(name="c", size=[]), column(name="d", size=None)
    ],
    "components as text": [
        column(name="Bx", coordinateSystemName="GSE", vectorComponents="x"),
        column(name="odd", size=[3], vectorComponents=["other", "other", "other"]),
    ],
    "fills as numbers and lists": [
        column(name="a", fill=-1e31), column("integer", name="b", fill=-1),
        column(name="c", size=[2], fill=["-9", "-9"]),
    ],
    # ESA's Space Weather server, VirES, LISIRD.
    "everything is an array of one": [
        column(size=[1], units="cm^-2 s^-1 sr^-1", label=["Flux (>0.15 MeV)"], fill="-1.0e+31"),
    ],
    "no units at all, in words": [
        column(name=f"u{index}", units=text) for index, text in enumerate(["", " ", "#", "none", "unitless", "n/a"])
    ],
}  # fmt: skip

DEFINITIONS = {"fill": "-1e31", "c": [1, 3], "r": [[0, 2], [2, 4]]}


def headers() -> list[Any]:
    top = {"HAPI": "3.1", "status": {"code": 1200, "message": "OK"}, "definitions": DEFINITIONS}
    return [pytest.param({**top, "parameters": [TIME, *own]}, id=name) for name, own in SPECIMENS.items()]


def synthesized(info: Info, rows: int = 4) -> list[list[list[Any]]]:
    """Return distinct values for each record and parameter."""
    stamps = np.datetime_as_string(np.datetime64("2026-01-10T00:00:00.000") + np.arange(rows) * np.timedelta64(1, "m"))
    records: list[list[list[Any]]] = [[[f"{stamp}Z"]] for stamp in stamps]
    for place, parameter in enumerate(info.parameters[1:], 2):
        for row, record in enumerate(records):
            record.append([value(100 * row + 10 * place + index, parameter) for index in range(parameter.width)])
    return records


def value(number: int, parameter: Parameter) -> Any:
    if parameter.type == "string":
        return f"n{number}"[: parameter.length or 9]
    if parameter.type == "isotime":
        return f"2026-01-{1 + number % 28:02}T00:00:00Z"
    return number if parameter.type in ("integer", "long") else number + 0.5


def as_csv(info: Info, records: list[list[list[Any]]]) -> bytes:
    lines = [",".join(str(value) for values in record for value in values) for record in records]
    return info.header("csv") + "".join(f"{line}\n" for line in lines).encode()


def as_binary(info: Info, records: list[list[list[Any]]]) -> bytes:
    made = np.zeros(len(records), info.record())
    for row, record in enumerate(records):
        for index, values in enumerate(record):
            cell = made[f"f{index}"]
            texts = [value.encode() if isinstance(value, str) else value for value in values]
            cell[row] = np.array(texts, cell.dtype).reshape(cell.shape[1:])
    return info.header("binary") + made.tobytes()


def as_json(info: Info, records: list[list[list[Any]]]) -> bytes:
    data = []
    for record in records:
        shapes = [parameter.size for parameter in info.parameters]
        data.append([np.array(own, object).reshape(shape).tolist() for own, shape in zip(record, shapes, strict=True)])
    return json.dumps({**info.raw, "format": "json", "data": data}).encode()


def check(answer: dict[str, Any], folder: Path) -> Any:
    """Read the same records in every format; return the table."""
    info = Info.from_json(answer)
    records = synthesized(info)
    table = hapi.read(as_csv(info, records))
    others = [as_json(info, records)]
    if all(one.length or one.type in ("double", "integer") for one in info.parameters):
        others.append(as_binary(info, records))
    for other in map(hapi.read, others):
        assert other.colnames == table.colnames
        for name in table.colnames:
            assert np.array_equal(plain(other[name]), plain(table[name])), name
            assert getattr(other[name], "unit", None) == getattr(table[name], "unit", None)
    for index, (name, parameter) in enumerate(zip(table.colnames, info.parameters, strict=True)):
        expected = [value for record in records for value in record[index]]
        assert table[name].shape == (len(table), *parameter.shape)
        if not isinstance(table[name], Time):
            assert plain(table[name]).reshape(-1).tolist() == expected
        if parameter.units is not None and not parameter.is_text:
            assert table[name].info.meta["unit_string"] == parameter.units
    (folder / "x.hapi").write_bytes(as_csv(info, records))
    frame, _, units = HAPITimeSeries._parse_file(folder / "x.hapi")
    assert frame.shape == (len(table), sum(parameter.width for parameter in info.parameters[1:]))
    assert list(units) == list(frame.columns)
    return table


def plain(values: Any) -> np.ndarray:
    if isinstance(values, Time):
        return np.asarray(values.isot)
    bare = getattr(values, "unmasked", values)
    return np.asarray(np.ma.getdata(getattr(bare, "value", bare)))


@pytest.mark.parametrize("answer", headers())
def test_a_header_of_this_kind_is_read_and_drawn(tmp_path: Path, answer: dict[str, Any]) -> None:
    table = check(answer, tmp_path)
    for name in table.colnames[1:]:
        assert len(axes_of(table, name)) == table[name].ndim - 1
    if any(getattr(table[name], "dtype", np.dtype("U")).kind in "fi" for name in table.colnames[1:]):
        hapi.quicklook(table).canvas.draw()
        plt.close("all")


def read(name: str, tmp_path: Path) -> Any:
    top = {"HAPI": "3.1", "definitions": DEFINITIONS}
    return check({**top, "parameters": [TIME, *SPECIMENS[name]]}, tmp_path)


def test_one_unit_stands_for_a_row_of_elements(tmp_path: Path) -> None:
    expected = ["nT", "nT", "nT", "nT", "degrees", "nT"]
    table = read("one unit for a whole row", tmp_path)
    assert table["x"].info.meta["unit_string"] == expected


def test_bins_of_several_units_are_put_into_one(tmp_path: Path) -> None:
    axis = axes_of(read("bins of two units, one without any", tmp_path), "x")[0]
    assert axis.centers.to_value(u.Hz)[:3].tolist() == [0, 1, 7e6]
    assert np.isnan(axis.centers[3])
    assert axis.ranges.to_value(u.Hz)[2].tolist() == [6.5e6, 7.5e6]
    odd = {"name": "x", "type": "double", "size": [2], "bins": [{"units": ["Hz", "eV"], "centers": [1, 2]}]}
    axis = axes_of(check({"HAPI": "3.1", "parameters": [TIME, odd]}, tmp_path), "x")[0]
    assert (axis.unit_string, axis.centers.unit) == ("Hz, eV", u.one)


def test_columns_of_a_series_never_share_a_name(tmp_path: Path) -> None:
    read("names that differ by case, and a component's name", tmp_path)
    frame = HAPITimeSeries._parse_file(tmp_path / "x.hapi")[0]
    assert list(frame.columns) == ["b", "B_0", "B_1", "B_0_2"]
    read("components as text", tmp_path)
    assert list(HAPITimeSeries._parse_file(tmp_path / "x.hapi")[0].columns) == ["Bx", "odd_0", "odd_1", "odd_2"]


def test_values_of_an_unknown_type_may_be_texts(tmp_path: Path) -> None:
    header = {"HAPI": "3.0", "format": "csv", "parameters": [TIME, column("unknown"), column("unknown", name="y")]}
    body = b"2026-01-10T00:00:00Z,on,1\n2026-01-10T00:01:00Z,off,2\n"
    table = hapi.read(f"#{json.dumps(header)}\n".encode() + body)
    assert table["x"].tolist() == ["on", "off"]
    data = [["2026-01-10T00:00:00Z", "on", 1], ["2026-01-10T00:01:00Z", "off", 2]]
    table = hapi.read(json.dumps({**header, "data": data}).encode())
    assert table["x"].tolist() == ["on", "off"]
    assert table["y"].tolist() == [1, 2]


def test_fills_may_have_been_numbers_of_32_bits(tmp_path: Path) -> None:
    header = {"HAPI": "3.0", "format": "csv", "parameters": [TIME, column(fill="-1.0E31", units="nT")]}
    for written in ("-1e+31", "-1.00000E+31", "-9.999999848243207E30"):
        table = hapi.read(f"#{json.dumps(header)}\n2026-01-10Z,{written}\n2026-01-11Z,1\n".encode())
        assert table["x"].mask.tolist() == [True, False]


def test_a_fill_too_small_for_32_bits_is_not_zero() -> None:
    header = {"HAPI": "3.0", "format": "csv", "parameters": [TIME, column(fill="1e-50", units="nT")]}
    table = hapi.read(f"#{json.dumps(header)}\n2026-01-10Z,0\n".encode())
    assert not table["x"].mask.any()


@pytest.mark.parametrize("name", ["metadata_lisird.json", "metadata_vires.json"])
def test_every_dataset_of_real_servers_is_read(real_data: Path, tmp_path: Path, name: str) -> None:
    # Names, units and descriptions are from the servers; types, which are not available there, are all tried in turn.
    kinds = [{"type": "double"}, {"type": "integer"}, {"type": "double", "size": [3]}, {"type": "string", "length": 8}]
    for entry in json.loads((real_data / "hapi" / name).read_text())["catalog"]:
        first, *rest = entry["parameters"]
        parameters = [{**one, **kinds[index % len(kinds)]} for index, one in enumerate(rest)]
        table = check({"HAPI": "3.0", "parameters": [{**first, "length": 24}, *parameters]}, tmp_path)
        assert table.colnames == [one["name"] for one in entry["parameters"]]


def test_every_unit_of_real_servers_is_a_unit_or_stays_text(real_data: Path, tmp_path: Path) -> None:
    with (real_data / "hapi" / "unit_strings.csv").open(encoding="utf-8") as opened:
        texts = [line["unit_string"] for line in csv.DictReader(opened)]
    assert len(texts) > 300
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for start in range(0, len(texts), 100):
            own = [column(name=f"c{index}", units=text) for index, text in enumerate(texts[start : start + 100])]
            check({"HAPI": "3.0", "parameters": [TIME, *own]}, tmp_path)
