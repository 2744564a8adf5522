"""
Test that responses that break existing clients are read correctly, or refused with a clear error.

`ROWS` is the list of habits that a HAPI client must handle, with the tests that cover them.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import hapi
from sunpy_helio_plugins.errors import FileError, ServiceRefused
from sunpy_helio_plugins.hapi import Info
from sunpy_helio_plugins.hapi.records.file import parse_response
from sunpy_helio_plugins.hapi.service import Service

sys.path.insert(0, str(Path(__file__).parents[1]))

ROWS = {
    "names of HAPI 2 and 3": ("test_strict_server", "test_every_dataset_of_every_version_arrives_as_it_is"),
    "all parameters": ("test_search", "test_all_parameters_are_asked_for_by_naming_none"),
    "include=header ignored": ("test_server_habits", "test_an_ignored_header_is_replaced_by_the_info"),
    "200 with an empty body": ("test_server_habits", "test_no_data_is_an_empty_table"),
    "204": ("test_strict_server", "test_no_records_are_an_empty_table_and_no_file"),
    "200 with 1201 in JSON for CSV": ("test_server_habits", "test_no_data_is_an_empty_table"),
    "200 with a login page": ("test_server_habits", "test_a_login_page_is_told"),
    "error in JSON in the middle": ("test_server_habits", "test_an_error_in_the_middle_is_told"),
    "cut stream without length": ("test_transmission", "test_a_broken_answer_is_refused"),
    "cut Content-Length or chunks": ("test_transmission", "test_a_broken_answer_is_refused"),
    "stalled server": ("test_transmission", "test_a_broken_answer_is_refused"),
    "row of column names": ("test_server_habits", "test_a_row_of_names_is_no_record"),
    "integer NaN": ("test_server_habits", "test_an_integer_without_number_is_masked_and_the_others_stay_whole"),
    "string 001": ("test_server_habits", "test_texts_stay_as_they_are"),
    "string with #": ("test_server_habits", "test_texts_stay_as_they_are"),
    "quoted strings": ("test_server_habits", "test_quoted_texts_are_unquoted"),
    "empty field of a double": ("test_server_habits", "test_an_empty_double_is_masked"),
    "size [1, 3]": ("test_server_habits", "test_odd_sizes_are_kept"),
    "extra columns": ("test_server_habits", "test_fields_too_many_are_refused"),
    "declared length too short": ("test_server_habits", "test_a_length_too_short_cuts_no_text"),
    "fill value": ("test_server_habits", "test_fills_are_masked_however_they_are_written"),
    "units": ("test_server_habits", "test_units_of_elements_are_kept"),
    "$ref unresolved": ("test_server_habits", "test_references_are_resolved"),
    "duplicate names": ("test_server_habits", "test_duplicate_names_survive"),
    "time not called Time": ("test_server_habits", "test_the_time_may_have_any_name"),
    "time of day of year": ("test_server_habits", "test_times_of_any_form_are_exact"),
    "truncated time": ("test_server_habits", "test_times_of_any_form_are_exact"),
    "leap second": ("test_server_habits", "test_times_of_any_form_are_exact"),
    "24:00:00": ("test_server_habits", "test_times_of_any_form_are_exact"),
    "nanoseconds": ("test_strict_server", "test_parts_of_a_range_are_exact"),
    "years before 1678": ("test_server_habits", "test_centuries_are_searched_and_read"),
    "ids with + & # % / ü": ("test_server_habits", "test_ids_and_names_arrive_as_they_are"),
    "parameters out of order": ("test_strict_server", "test_parameters_come_in_the_servers_order_with_those_of_bins"),
    "datetime and Time as arguments": ("test_load", "test_times_are_given_in_any_form"),
    "1405": ("test_strict_server", "test_the_last_record_is_asked_for_and_the_others_come_where_that_is_refused"),
    "1408": ("test_strict_server", "test_what_is_too_much_comes_in_halves"),
    "maxRequestDuration, x_requestLimits": ("test_load", "test_limits_that_a_server_tells_are_kept"),
    "auth header": ("test_load", "test_esas_limits_are_kept_from_the_start"),
    "User-Agent": ("test_transmission", "test_every_request_says_who_asks"),
    "gzip": ("test_transmission", "test_records_are_asked_for_as_they_are"),
    "string error code": ("test_server_habits", "test_a_message_instead_of_records_is_told"),
}
"""Peculiarities with the module and the test that cover them."""


def test_each_row_of_the_list_has_its_test() -> None:
    texts = {path.stem: path.read_text() for path in Path(__file__).parents[1].rglob("test_*.py")}
    missing = [row for row, (module, test) in ROWS.items() if not re.search(rf"def {test}\(", texts.get(module, ""))]
    assert missing == []


TIME = {"name": "Time", "type": "isotime", "length": 20, "units": "UTC", "fill": None}
T0, T1 = "2026-01-10T00:00:00Z", "2026-01-10T00:01:00Z"


def header(*parameters: dict[str, Any], time: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"HAPI": "3.0", "format": "csv", **more, "parameters": [time or TIME, *parameters]}


def read(body: str | bytes, *parameters: dict[str, Any], **more: Any) -> QTable:
    content = body if isinstance(body, bytes) else body.encode()
    return hapi.read(b"#" + json.dumps(header(*parameters, **more)).encode() + b"\n" + content)


def double(**more: Any) -> dict[str, Any]:
    return {"name": "B", "type": "double", "units": "nT", "fill": None, **more}


def string(**more: Any) -> dict[str, Any]:
    return {"name": "s", "type": "string", "length": 12, "units": None, "fill": None, **more}


def integer(**more: Any) -> dict[str, Any]:
    return {"name": "n", "type": "integer", "units": None, "fill": None, **more}


def answer(body: bytes, chosen: str = "csv") -> Any:
    return parse_response(body, Info.from_json(header(double())), chosen, "X")


def test_an_ignored_header_is_replaced_by_the_info() -> None:
    assert len(answer(f"{T0},1.5\n".encode()).columns()[0]) == 1


@pytest.mark.parametrize("body", [b"", b"\n", b'{"HAPI":"3.0","status":{"code":1201,"message":"OK - no data"}}'])
def test_no_data_is_an_empty_table(body: bytes) -> None:
    assert answer(body).size == 0
    assert len(read("", double())) == 0


@pytest.mark.parametrize("code", [1408, "1500"])
def test_a_message_instead_of_records_is_told(code: Any) -> None:
    body = json.dumps({"HAPI": "3.0", "status": {"code": code, "message": "oh no"}}).encode()
    with pytest.raises(ServiceRefused, match="oh no"):
        answer(body)


def test_a_login_page_is_told() -> None:
    with pytest.raises(FileError, match="Please log in"):
        answer(b"<!DOCTYPE html><html><body>Please log in</body></html>")


def test_an_error_in_the_middle_is_told() -> None:
    with pytest.raises(FileError, match="failed midway: disk full"):
        answer(f"{T0},1.5\n".encode() + b'{"HAPI":"3.0","status":{"code":1500,"message":"disk full"}}\n')


def test_a_truncated_stream_gives_no_rows() -> None:
    with pytest.raises(FileError, match="cut"):
        answer(f"{T0},1.5\n{T1},2".encode()[:-1])
    info = Info.from_json(header(double()))
    with pytest.raises(FileError, match="not a multiple of the record size"):
        hapi.read(info.header("binary") + b"\0" * 27)


@pytest.mark.parametrize("row", ["Time,B", '"Time","B"', "time,b"])
def test_a_row_of_names_is_no_record(row: str) -> None:
    assert read(f"{row}\n{T0},1.5\n", double())["B"].value.tolist() == [1.5]


@pytest.mark.parametrize("field", ["NaN", "", "nan", "null", "-1.0E31"])
def test_an_integer_without_number_is_masked_and_the_others_stay_whole(field: str) -> None:
    column = read(f"{T0},{field}\n{T1},7\n", integer(fill="-1.0E31"))["n"]
    assert column.dtype.kind == "i"
    assert column.mask.tolist() == [True, False]
    assert column[1] == 7


def test_whole_numbers_with_a_unit_stay_whole() -> None:
    column = read(f"{T0},99\n{T1},-7\n", integer(units="nT", fill="99"))["n"]
    assert column.unit == u.nT
    assert column.dtype.kind == "i"
    assert column.mask.tolist() == [True, False]


@pytest.mark.parametrize("text", ["001", "1e3", "a#b", "#1", "NaN", "null", "", " x ", "µ Å", "None"])
def test_texts_stay_as_they_are(text: str) -> None:
    assert read(f"{T0},{text}\n", string())["s"].tolist() == [text]


def test_quoted_texts_are_unquoted() -> None:
    assert read(f'{T0},"a ""b"", c\nd"\n', string(length=20))["s"].tolist() == ['a "b", c\nd']


def test_an_empty_double_is_masked() -> None:
    assert read(f"{T0},\n{T1},2\n", double())["B"].mask.tolist() == [True, False]


@pytest.mark.parametrize("size", [[1, 3], [3, 1], [1], 1])
def test_odd_sizes_are_kept(size: Any) -> None:
    fields = ",".join("123"[: int(np.prod(size))])
    shape = () if size in ([1], 1) else tuple(size)
    assert read(f"{T0},{fields}\n", double(size=size))["B"].shape == (1, *shape)


def test_fields_too_many_are_refused() -> None:
    with pytest.raises(FileError, match="has 3 fields, but the header describes 2"):
        read(f"{T0},1,2\n", double())


def test_a_length_too_short_cuts_no_text() -> None:
    table = read(f"{T0},abcdefghijklmnop\n", string(length=3), time={**TIME, "length": 4})
    assert table["s"].tolist() == ["abcdefghijklmnop"]
    assert table["Time"].isot.tolist() == ["2026-01-10T00:00:00.000000000"]


@pytest.mark.parametrize("fill", ["-1e31", -1e31, "-1.0E+31", "-1.00000e+31"])
def test_fills_are_masked_however_they_are_written(fill: Any) -> None:
    assert read(f"{T0},-1.0E31\n{T1},2\n", double(fill=fill))["B"].mask.tolist() == [True, False]


def test_units_of_elements_are_kept() -> None:
    column = read(f"{T0},1,2,3\n", double(size=[3], units=["nT", "deg", None]))["B"]
    assert column.info.meta["unit_string"] == ["nT", "deg", None]


def test_references_are_resolved() -> None:
    one = double(units={"$ref": "#/definitions/u"}, fill={"$ref": "#/definitions/f"})
    column = read(f"{T0},-1\n", one, definitions={"u": "km/s", "f": "-1"})["B"]
    assert column.unit == u.km / u.s
    assert column.mask.all()


def test_duplicate_names_survive() -> None:
    assert read(f"{T0},1,2\n", integer(), integer()).colnames == ["Time", "n", "n_2"]


@pytest.mark.parametrize("name", ["Timestamp", "utc", "Epoch", "time of day [s]"])
def test_the_time_may_have_any_name(name: str) -> None:
    assert read(f"{T0},1\n", double(), time={**TIME, "name": name}).colnames[0] == name


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("2026-010T00:00:00Z", "2026-01-10T00:00:00.000000000"),
        ("2000-01Z", "2000-01-01T00:00:00.000000000"),
        ("2000Z", "2000-01-01T00:00:00.000000000"),
        ("2016-12-31T23:59:60.500Z", "2016-12-31T23:59:60.500000000"),
        ("2026-01-09T24:00:00Z", "2026-01-10T00:00:00.000000000"),
        ("1610-05-01T00:00:00Z", "1610-05-01T00:00:00.000000000"),
        ("2026-01-10T00:00:00.000000001Z", "2026-01-10T00:00:00.000000001"),
        ("2026-01-10T00:00:00.Z", "2026-01-10T00:00:00.000000000"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*dubious year")
def test_times_of_any_form_are_exact(stamp: str, expected: str) -> None:
    time = read(f"{stamp},1\n", double())["Time"]
    time.precision = 9
    assert time.isot.tolist() == [expected]


def test_stamps_of_different_lengths_are_read() -> None:
    assert len(read(f"{T0},1\n2026-01-10T00:01Z,2\n", double())) == 2


@pytest.mark.parametrize("dataset", ["a+b&c#d%e/ü", "Cassini/Ephemeris/Saturn,60s", "spase://X/Y"])
def test_ids_are_quoted(dataset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from urllib.parse import parse_qs, urlsplit

    from sunpy_helio_plugins.hapi.server_list import HAPIServer

    service = Service(HAPIServer("x", "https://x/hapi", version="3.0"))
    monkeypatch.setattr(service, "capabilities", dict)
    url = service.data_url(dataset, Info.from_json(header(double(name="B+"))), True, T0, T1, "csv")
    assert parse_qs(urlsplit(url).query)["dataset"] == [dataset]
    assert parse_qs(urlsplit(url).query)["parameters"] == ["B+"]


@pytest.mark.parametrize("form", ["csv", "binary"])
def test_ids_and_names_arrive_as_they_are(tmp_path: Path, form: str) -> None:
    from strict import Dataset, Habits, nanoseconds, serve

    names = ["B+C & D#E", "100% of/x", "ü?=;:@", "a b"]
    first = nanoseconds("2020-03-01T12:00:00Z")
    parameters = [TIME, *({"name": name, "type": "double", "units": None, "fill": None} for name in names)]
    columns = {name: [float(index)] for index, name in enumerate(names)}
    ids = ["a+b&c#d%e/ü", "Cassini/Ephemeris/Saturn,60s", "spase://X/Y?z=1", "x@0", "%2B", "a;b c"]
    datasets = {one: Dataset(parameters, [first], columns, start="2020Z", stop="2021Z") for one in ids}
    for version in ("2.0", "3.1"):
        with serve(datasets, Habits(version)) as server:
            for one in ids:
                asked = (a.hapi.Server(server.url), a.hapi.Dataset(one), a.hapi.Format(form))
                found = Fido.search(a.Time("2020-03-01", "2020-03-02"), *asked, a.hapi.Parameters(*names[1:]))
                (file,) = Fido.fetch(found, path=tmp_path / version / "{file}")
                assert hapi.read(file).colnames == ["Time", *names[1:]]
                assert hapi.read(file)[names[2]].tolist() == [2.0]


@pytest.mark.filterwarnings("ignore:.*dubious year")  # of sunpy's a.Time
@pytest.mark.filterwarnings("ignore:.*is not covered")
def test_centuries_are_searched_and_read(tmp_path: Path) -> None:
    from strict import Dataset, nanoseconds, serve

    times = [nanoseconds(stamp) for stamp in ("1610-05-01T00:00:00Z", "1650-05-01T00:00:00Z", "2500-01-01T00:00:00Z")]
    irradiance = [{"name": "tsi", "type": "double", "units": "W/m2", "fill": None}]
    dataset = Dataset([TIME, *irradiance], times, {"tsi": [1.0, 2.0, 3.0]}, {"cadence": "P40Y"}, stop="2600-01-01Z")
    with serve({"X": dataset}) as server:
        words = (a.hapi.Server(server.url), a.hapi.Dataset("X"))
        found = Fido.search(a.Time("1600-01-01", "1700-01-01"), *words)["hapi"]
        assert found["Start Time"][0].isot == "1610-05-01T00:00:00.000000000"
        (file,) = Fido.fetch(found, path=tmp_path / "{file}")
        assert hapi.read(file)["tsi"].value.tolist() == [1.0, 2.0]
        decade = 10 * 365.25 * 86400
        assert len(hapi.load(server.url, "X", "1610-05-01Z", "1651-01-01Z", chunk=decade)) == 2
        assert len(hapi.load(server.url, "X", "2490-01-01Z", "2500-01-01T00:00:00.000000001Z", chunk=decade)) == 1


def test_time_varying_bins_bring_their_parameter() -> None:
    flux = double(name="flux", size=[2], bins=[{"name": "e", "units": "keV", "centers": "energy"}])
    info = Info.from_json(header(flux, double(name="energy", size=[2], units="keV"), double(name="other")))
    assert info.subset(["flux"]).names == ("Time", "flux", "energy")


def test_unknown_keys_are_kept() -> None:
    table = read(f"{T0},1\n", double(x_note="hi"), x_buildTime="today")
    assert table["B"].info.meta["x_note"] == "hi"
    assert table.meta["hapi"]["x_buildTime"] == "today"


def test_a_bare_list_of_json_records_is_read_with_the_info() -> None:
    table = hapi.read(json.dumps([[T0, 1.5]]).encode(), info=header(double(), format="json"))
    assert table["B"].value.tolist() == [1.5]


def test_flat_arrays_of_json_are_given_their_shape() -> None:
    content = json.dumps({**header(double(size=[2, 2])), "format": "json", "data": [[T0, 1, 2, 3, 4]]})
    assert hapi.read(content.encode())["B"].shape == (1, 2, 2)


def test_files_are_joined_in_order_and_each_record_once() -> None:
    head = b"#" + json.dumps(header(double())).encode() + b"\n"
    one, two = f"{T0},1\n{T1},2\n".encode(), f"{T1},2\n2026-01-10T00:02:00Z,3\n".encode()
    table = hapi.read(head + two, head + one)
    assert table["B"].value.tolist() == [1, 2, 3]
    alternating = f"{T0},1\n{T0},2\n".encode()
    assert hapi.read(head + alternating, head + alternating)["B"].value.tolist() == [1, 2]
    with pytest.raises(FileError, match="different parameters"):
        hapi.read(head + one, b"#" + json.dumps(header(integer())).encode() + b"\n" + one)
