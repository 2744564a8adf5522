"""Test that records are read as columns with units, times and masks, with the same result in every format."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.io.registry import IORegistryError
from astropy.table import QTable, Table
from astropy.time import Time

from sunpy_helio_plugins import hapi
from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi import Info
from sunpy_helio_plugins.hapi.records import csv, read, table
from sunpy_helio_plugins.hapi.records.file import make_validator
from sunpy_helio_plugins.hapi.records.table import X_META

HEADER: dict[str, Any] = {
    "HAPI": "3.2",
    "status": {"code": 1200, "message": "OK"},
    "parameters": [
        {"name": "Time", "type": "isotime", "length": 24, "units": "UTC", "fill": None},
        {"name": "B", "type": "double", "size": [3], "units": "nT", "fill": "-1.0e31", "description": "Field",
         "label": ["Bx", "By", "Bz"]},
        {"name": "kp", "type": "integer", "units": None, "fill": "99"},
        {"name": "note", "type": "string", "length": 12, "units": None, "fill": ""},
        {"name": "peak", "type": "isotime", "length": 20, "units": "UTC", "fill": "0001-01-01T00:00:00Z"},
    ],
}  # fmt: skip

RECORDS: list[list[Any]] = [
    ["2026-01-10T00:00:00.000Z", [1.5, -2.0, 3.25], 12, 'a "b", c', "2026-01-10T00:10:00Z"],
    ["2026-01-10T00:01:00.500Z", [-1.0e31, -1.0e31, -1.0e31], 99, "", "0001-01-01T00:00:00Z"],
    ["2026-01-10T00:02:00.000Z", [4.0, 5.0, -1.0e31], -3, "001", "2026-01-10T00:12:00Z"],
]


def _csv() -> bytes:
    lines = []
    for time, field, kp, note, peak in RECORDS:
        quoted = '"' + note.replace('"', '""') + '"' if '"' in note else note
        lines.append(",".join([time, *(f"{value:.6g}" for value in field), str(kp), quoted, peak]))
    return b"#" + json.dumps({**HEADER, "format": "csv"}).encode() + b"\n" + "\n".join(lines).encode() + b"\n"


def _binary() -> bytes:
    layout = Info.from_json(HEADER).record()
    rows = [(t.encode(), b, k, n.encode(), p.encode()) for t, b, k, n, p in RECORDS]
    body = np.array(rows, dtype=layout).tobytes()
    return b"#" + json.dumps({**HEADER, "format": "binary"}).encode() + b"\n" + body


def _json() -> bytes:
    return json.dumps({**HEADER, "format": "json", "data": RECORDS, "contactID": "x"}).encode()


@pytest.fixture(params=[_csv, _binary, _json], ids=["csv", "binary", "json"])
def stream(request: pytest.FixtureRequest) -> bytes:
    """Return the same records in each format."""
    content: bytes = request.param()
    return content


def test_every_format_gives_the_same_table(stream: bytes) -> None:
    table = hapi.read(stream)
    assert table.colnames == ["Time", "B", "kp", "note", "peak"]
    assert isinstance(table["Time"], Time)
    assert table["Time"].isot.tolist()[1] == "2026-01-10T00:01:00.500000000"
    assert table["B"].unit == u.nT
    assert table["B"].shape == (3, 3)
    assert table["B"].mask.tolist() == [[False] * 3, [True] * 3, [False, False, True]]
    assert table["B"][0].unmasked.to_value(u.nT).tolist() == [1.5, -2.0, 3.25]
    assert table["kp"].dtype.kind == "i"
    assert table["kp"].filled(0).tolist() == [12, 0, -3]
    assert table["note"].tolist() == ['a "b", c', None, "001"]
    assert table["peak"].mask.tolist() == [False, True, False]
    assert table["peak"][2].isot == "2026-01-10T00:12:00.000000000"


def test_what_the_server_says_stays_with_the_column(stream: bytes) -> None:
    table = hapi.read(stream)
    assert table["B"].info.description == "Field"
    assert table["B"].info.meta["unit_string"] == "nT"
    assert table["B"].info.meta["label"] == ["Bx", "By", "Bz"]
    assert table.meta["hapi"]["HAPI"] == "3.2"


def test_esas_json_reads_right(seed: Any) -> None:
    answer = {**seed.info, "data": seed.data}
    answer["contactID"] = answer.pop("contactID")
    _assert_seed(hapi.read(json.dumps(answer).encode()), seed)


def test_esas_csv_with_names_and_labels_for_a_header_reads_right(seed: Any) -> None:
    _assert_seed(hapi.read(seed.csv, info=seed.info), seed)


def _assert_seed(table: QTable, seed: Any) -> None:
    assert table.colnames == ["utc", "feio_1", "odi_unilib_mlt"]
    assert table["utc"].isot.tolist() == [f"{record[0][:-1]}000000" for record in seed.data]
    assert table["feio_1"].to_value(u.cm**-2 / u.s / u.sr).tolist() == [744958.0, 733622.0, 736119.0]
    assert table["odi_unilib_mlt"].to_value(u.hour).tolist() == [11.6639, 11.6887, 11.7135]
    assert not table["feio_1"].mask.any()
    assert table["feio_1"].info.meta["label"] == ["Integral electron flux (>0.15 MeV)"]


def test_records_without_a_header_need_the_info(seed: Any) -> None:
    body = seed.csv.split(b"\n", 2)[2]
    _assert_seed(hapi.read(body, info=seed.info), seed)
    with pytest.raises(FileError, match=r"info=hapi\.info\(server, dataset, parameters\)"):
        hapi.read(body)


def more(seed: Any) -> dict[str, Any]:
    """Return a description with one more parameter than the records of the guide have."""
    utc, *others = seed.info["parameters"]
    return {**seed.info, "parameters": [utc, {"name": "fpdo_1", "type": "double", "units": "cm"}, *others]}


def test_the_row_of_names_selects_the_parameters(seed: Any) -> None:
    _assert_seed(hapi.read(seed.csv, info=more(seed)), seed)
    spaced = seed.csv.replace(b"#utc,feio_1,odi_unilib_mlt\n", b"# utc, feio_1, odi_unilib_mlt\r\n")
    _assert_seed(hapi.read(spaced, info=more(seed)), seed)


@pytest.mark.parametrize("names", [b"#utc,odi_unilib_mlt,feio_1\n", b"#utc,feio_1,odi_unilib_lat\n"])
def test_a_row_of_other_names_is_refused(seed: Any, names: bytes) -> None:
    other = names + seed.csv.partition(b"\n")[2]
    with pytest.raises(FileError, match=r"The names before the records, utc, .* are not those of info, utc, feio_1, "):
        hapi.read(other, info=seed.info)


@pytest.mark.parametrize("comment", [b"#\n", b"# made by utc,feio_1\n", b"#utc,feio_1[0],feio_1[1],mlt\n"])
def test_other_lines_before_the_records_do_not_select(seed: Any, comment: bytes) -> None:
    _assert_seed(hapi.read(comment + seed.csv.split(b"\n", 2)[2], info=seed.info), seed)


def test_a_downloaded_file_gets_the_description_of_its_names(tmp_path: Path, seed: Any) -> None:
    part = tmp_path / "part"
    part.write_bytes(seed.csv)
    make_validator(Info.from_json(more(seed)), "csv", "X of Y")(part)
    _assert_seed(hapi.read(part), seed)


def test_a_header_of_many_lines_is_one_header() -> None:
    lines = json.dumps({**HEADER, "format": "csv"}, indent=2).splitlines()
    records = _csv().partition(b"\n")[2]
    table = hapi.read("".join(f"# {line}\n" for line in lines).encode() + records)
    assert len(table) == 3


def test_json_may_be_flat_and_say_in_many_ways_that_there_is_no_number() -> None:
    parameters = [
        HEADER["parameters"][0], {"name": "M", "type": "double", "size": [2, 2]}, {"name": "n", "type": "integer"},
        {"name": "big", "type": "integer"}, {"name": "s", "type": "string", "length": 3, "size": [2]},
    ]  # fmt: skip
    nested = [["2026-01-10Z", [[1, 2], [None, "NaN"]], 3, 2**60 + 1, ["a", None]],
              ["2026-01-11Z", [["5", 6], [7, ""]], None, 1, ["b", 3]]]  # fmt: skip
    # server-nodejs flattens two-dimensional arrays.
    flat = [[time, *(leaf for line in grid for leaf in line), n, big, *texts] for time, grid, n, big, texts in nested]
    for data in (nested, flat, [nested[0], nested[1]]):
        table = hapi.read(json.dumps({**HEADER, "parameters": parameters, "data": data}).encode())
        assert table["M"].filled(-1).tolist() == [[[1, 2], [-1, -1]], [[5, 6], [7, -1]]]
        assert table["n"].filled(-1).tolist() == [3, -1]
        assert table["big"].tolist() == [2**60 + 1, 1]
        assert table["s"].tolist() == [["a", ""], ["b", "3"]]


def test_no_records_make_an_empty_table_with_all_columns() -> None:
    for content in (_csv().partition(b"\n")[0] + b"\n", _binary().partition(b"\n")[0] + b"\n"):
        table = hapi.read(content)
        assert len(table) == 0
        assert table.colnames == ["Time", "B", "kp", "note", "peak"]
        assert table["B"].unit == u.nT
        assert table["B"].shape == (0, 3)


def _one(parameter: dict[str, Any], field: str, time: str = "2026-01-10T00:00:00Z") -> Any:
    header = {"HAPI": "3.0", "format": "csv", "parameters": [HEADER["parameters"][0], {"name": "x", **parameter}]}
    return hapi.read(f"#{json.dumps(header)}\n{time},{field}\n".encode())["x"]


def test_text_is_not_taken_for_numbers() -> None:
    assert _one({"type": "string", "length": 4}, "1e3").tolist() == ["1e3"]
    assert _one({"type": "string", "length": 4}, "NaN").tolist() == ["NaN"]


def _many(monkeypatch: pytest.MonkeyPatch, expected: int, *records: str) -> QTable:
    """Read records of integers and texts, in blocks of a few records, with the given number of expected lines."""
    monkeypatch.setattr(csv, "_BLOCK", 128)
    monkeypatch.setattr(csv, "expected_lines", lambda body, start: expected)
    parameters = [{"name": "n", "type": "integer", "size": [2]}, {"name": "s", "type": "string", "size": [2]}]
    header = {"HAPI": "3.0", "format": "csv", "parameters": [HEADER["parameters"][0], *parameters]}
    lines = "".join(f"2026-01-10T00:00:{index:02}Z,{record}\n" for index, record in enumerate(records))
    return hapi.read(f"#{json.dumps(header)}\n{lines}".encode())


@pytest.mark.parametrize("expected", [0, 1, 7, 60, 1000])
def test_more_records_or_longer_texts_than_expected_are_all_read(
    monkeypatch: pytest.MonkeyPatch, expected: int
) -> None:
    texts = [("a", "b"), ("", "longer"), ("\u00e9", ""), ("longest of all", "x")] * 15
    records = [f"{index},{'' if index % 9 == 5 else -index},{one},{two}" for index, (one, two) in enumerate(texts)]
    table = _many(monkeypatch, expected, *records)
    assert table["n"].filled(99)[:, 0].tolist() == list(range(60))
    assert table["n"].filled(99)[:, 1].tolist() == [99 if index % 9 == 5 else -index for index in range(60)]
    assert [tuple(pair) for pair in table["s"].tolist()] == texts


def test_the_number_of_records_is_judged_by_samples() -> None:
    short, long = b"2026-01-10T00:00:00Z,1\n" * 40_000, b"2026-01-10T00:00:00Z,1.2345678901234567\n" * 40_000
    for body, lines in ((short, 40_000), (long, 40_000), (short + long, 80_000), (short[:2300], 100)):
        assert lines < csv.expected_lines(body, 0) < 1.1 * lines


def test_an_integer_that_is_no_number_is_masked() -> None:
    for field in ("NaN", ""):
        assert _one({"type": "integer"}, field).mask.tolist() == [True]


def test_fill_values_may_be_numbers_or_nan() -> None:
    assert _one({"type": "double", "fill": -9999, "units": "K"}, "-9999.0").mask.tolist() == [True]
    assert _one({"type": "double", "fill": "NaN", "units": "K"}, "nan").mask.tolist() == [True]
    assert _one({"type": "double", "fill": "NaN", "units": "K"}, "0").mask.tolist() == [False]


def test_units_that_are_not_understood_stay_text() -> None:
    column = _one({"type": "double", "units": "$H:$M"}, "5")
    assert getattr(column, "unit", None) is None
    assert column.info.meta["unit_string"] == "$H:$M"
    mixed = _one({"type": "double", "size": [2], "units": ["nT", "deg"]}, "5,6")
    assert mixed.info.meta["unit_string"] == ["nT", "deg"]


def test_leap_seconds_and_days_of_the_year_are_times() -> None:
    header = {"HAPI": "2.0", "format": "csv", "parameters": [HEADER["parameters"][0]]}
    table = hapi.read(f"#{json.dumps(header)}\n2016-12-31T23:59:60.5Z\n2017-001T00:00Z\n".encode())
    assert table["Time"].isot.tolist() == ["2016-12-31T23:59:60.500000000", "2017-01-01T00:00:00.000000000"]


def test_a_secondary_time_that_is_none_stays_text() -> None:
    assert _one({"type": "isotime", "length": 8}, "ongoing").tolist() == ["ongoing"]


def test_repeated_names_are_numbered() -> None:
    twice = {"name": "PTS", "type": "integer"}
    header = {"HAPI": "2.0", "format": "csv", "parameters": [HEADER["parameters"][0], twice, twice]}
    table = hapi.read(f"#{json.dumps(header)}\n2026-01-01Z,1,2\n".encode())
    assert table.colnames == ["Time", "PTS", "PTS_2"]
    assert table["PTS_2"].tolist() == [2]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (_csv()[:-40], "has 3 fields, but the header describes 7|has . fields"),
        (_csv().replace(b",-2,", b",x,"), "cannot be read"),
        (_csv().replace(b",12,", b",12,13,"), "fields, but the header describes"),
        (_csv()[:-1], "No line end follows the last record .* it may be cut; add one if you know that it is whole"),
        (_csv()[:-10], "No line end follows the last record .* it may be cut"),
        (_binary()[:-1], "not a multiple of the record size"),
        (_json()[:-20], "may be cut"),
        (b'{"HAPI":"3.0","status":{"code":1406,"message":"no such dataset"}}', "no such dataset"),
        (json.dumps({**HEADER, "data": [[1, 2]]}).encode(), "does not have the 7 values"),
        (json.dumps({**HEADER, "data": [[1, [2, 3], 4, 5, 6]]}).encode(), "does not have the 3 values of 'B'"),
        (json.dumps({**HEADER, "data": [["2026-01-10Z", [2, 3, "x"], 4, 5, 6]]}).encode(), "'x' is not a valid double"),
        (json.dumps({**HEADER, "data": {"t": 1}}).encode(), "not a list of records"),
        (json.dumps({**HEADER, "data": [["2026-01-10Z"], 7]}).encode(), "are not a list of records"),
        (json.dumps(HEADER).encode(), "holds no records"),
        (b"<html><body>Log in</body></html>", "There is no HAPI header"),
        (b"", "There is no HAPI header"),
        pytest.param(b"#" + b"[" * 100_000 + b"\n2026-01-10Z,1\n", "There is no HAPI header", id="deep header"),
        pytest.param(b'{"parameters": ' + b"[" * 100_000, "nested too deeply", id="deep JSON"),
        (_csv().replace(b'"csv"', b'"x_netcdf"'), "x_netcdf"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(FileError, match=words):
        hapi.read(content)


@pytest.mark.parametrize("make", [_csv, _binary])
def test_astropy_opens_files_without_being_told_what_they_are(tmp_path: Path, make: Callable[[], bytes]) -> None:
    stream = make()
    path = tmp_path / "records.hapi"
    path.write_bytes(stream)
    table = QTable.read(path)
    assert table["B"].unit == u.nT
    assert type(Table.read(path)) is Table
    packed = tmp_path / "records.hapi.gz"
    packed.write_bytes(gzip.compress(stream))
    assert len(QTable.read(packed)) == 3


def test_astropy_opens_json_answers_as_well(tmp_path: Path) -> None:
    (tmp_path / "records.hapi").write_bytes(_json())
    assert QTable.read(tmp_path / "records.hapi")["B"].unit == u.nT


def test_a_file_that_is_not_there_or_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.hapi cannot be read: it does not exist"):
        hapi.read(tmp_path / "nothing.hapi")
    with pytest.raises(FileError, match="this folder does not contain files"):
        hapi.read(tmp_path)


def test_open_files_are_read() -> None:
    assert len(hapi.read(io.BytesIO(_csv()))) == 3


def test_other_formats_of_astropy_are_left_alone(tmp_path: Path) -> None:
    table = QTable({"a": [1, 2] * u.m})
    table.write(tmp_path / "x.ecsv")
    assert QTable.read(tmp_path / "x.ecsv")["a"].unit == u.m
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    assert Table.read(tmp_path / "x.csv").colnames == ["a", "b"]
    (tmp_path / "y.csv").write_bytes(_csv())
    assert "note" not in Table.read(tmp_path / "y.csv", format="ascii.no_header").colnames
    (tmp_path / "x.hapi").write_text("a,b\n1,2\n")
    with pytest.raises(IORegistryError, match="Format could not be identified"):
        Table.read(tmp_path / "x.hapi")


def test_a_table_that_was_read_goes_into_ecsv_and_back(tmp_path: Path) -> None:
    table = hapi.read(_csv())
    table.write(tmp_path / "x.ecsv")
    again = QTable.read(tmp_path / "x.ecsv")
    assert again["B"].unit == u.nT
    assert again.colnames == table.colnames


@pytest.mark.parametrize("content", [b'#{"HAPI": "3.0", "parameters": [', b"#{", b'# {"HAPI"\n#: "3.0"'])
def test_a_file_that_ends_in_its_header_is_said_to_be_cut(content: bytes) -> None:
    with pytest.raises(FileError, match="The HAPI header is cut: the answer ends inside it"):
        hapi.read(io.BytesIO(content))


class Failing(io.BytesIO):
    """A stream that fails after its first bytes."""

    def read(self, *_: Any) -> bytes:
        if self.tell():
            raise OSError(5, "Input/output error")
        return super().read(10)


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (Failing(b"#" * 20), r"^the stream: it cannot be read to its end: .*Input/output error"),
        (io.BytesIO(gzip.compress(_csv())[:-9]), r"^the stream: .*"),
        (io.BytesIO(gzip.compress(_csv())[:40]), r"^the stream: .*"),
    ],
)
def test_a_stream_that_does_not_come_to_its_end_is_named(stream: Any, words: str) -> None:
    with pytest.raises(FileError, match=words):
        hapi.read(stream)


@pytest.mark.parametrize("error", [KeyError("B"), ZeroDivisionError("0"), AttributeError("size"), TypeError("no")])
def test_an_error_of_another_kind_names_the_file(error: Exception) -> None:
    words = r"^a\.hapi: the header does not match the records: "
    with pytest.raises(FileError, match=words) as told, read.named("a.hapi"):
        raise error
    assert told.value.__cause__ is error


def test_fill_values_of_long_columns_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = hapi.read(_csv())
    monkeypatch.setattr(table, "_MASKED", 1)
    parts = hapi.read(_csv())
    for name in whole.colnames[1:]:
        assert np.array_equal(np.asarray(whole[name].mask), np.asarray(parts[name].mask))
    assert any(np.any(parts[name].mask) for name in whole.colnames[1:])


def test_records_that_do_not_begin_with_a_time_are_refused() -> None:
    info = Info({"parameters": HEADER["parameters"][:1]})
    with pytest.raises(FileError, match="A record does not begin with a valid time"):
        table.from_records(info, [np.array([b"lately"])])


@pytest.mark.parametrize("said", ["nothing", [1], 7, None])
def test_metadata_that_hapi_write_did_not_write_stay_in_the_header(said: Any) -> None:
    made = hapi.read(_csv().replace(b'"HAPI"', b'"%b": %b, "HAPI"' % (X_META.encode(), json.dumps(said).encode())))
    assert made.meta["hapi"][X_META] == said
