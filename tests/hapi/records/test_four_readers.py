"""Test that a response gives the same table whether it is loaded, fetched, read or made a TimeSeries."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from astropy.table import QTable
from astropy.time import Time
from sunpy.net import Fido
from sunpy.net import attrs as a
from sunpy.timeseries import TimeSeries

from sunpy_helio_plugins import hapi
from sunpy_helio_plugins.errors import FileError, ServiceError
from sunpy_helio_plugins.hapi import Info
from sunpy_helio_plugins.hapi.records.fetch import DownloadSpec, _accept, _join
from sunpy_helio_plugins.hapi.records.file import begins_like_hapi
from sunpy_helio_plugins.io import registration
from sunpy_helio_plugins.quantities.spans import Span

TIME = {"name": "Time", "type": "isotime", "length": 24, "units": "UTC", "fill": None}
PARAMETERS: list[dict[str, Any]] = [
    TIME,
    {"name": "B", "type": "double", "units": "nT", "fill": "-1e31", "description": "a field " * 90},
    {"name": "n", "type": "integer", "units": None, "fill": "-1", "description": "a number " * 90},
    {"name": "V", "type": "double", "size": [3], "units": "km/s", "fill": "99999.9", "description": "a speed " * 400},
]
ROWS = 60


@dataclass(frozen=True)
class Recorded:
    """A response as sent by a server, and the requested format."""

    info: dict[str, Any]
    body: bytes
    asked: str

    @property
    def span(self) -> tuple[str, str]:
        return "2020-05-01T00:00:00.000Z", "2020-05-01T00:59:00.000Z"


def _stamps(rows: int = ROWS) -> list[str]:
    return [f"2020-05-01T00:{minute:02}:00.000Z" for minute in range(rows)]


def _values(parameters: list[dict[str, Any]]) -> list[list[float]]:
    """Return a row of numbers for each record, including fill values and NaN."""
    infos = Info.from_json({"parameters": parameters}).parameters[1:]
    rows = []
    for row in range(ROWS):
        values: list[float] = []
        for one in infos:
            for index in range(one.width):
                plain = row * 7 + index if one.type == "integer" else row * 0.37 + index
                values.append(float(str(one.fill)) if row % 11 == 3 and one.fill is not None else plain)
        rows.append(values)
    return rows


def _body(parameters: list[dict[str, Any]], form: str) -> bytes:
    info, rows = Info.from_json({"parameters": parameters}), _values(parameters)
    whole = [one.type == "integer" for one in info.parameters[1:] for _ in range(one.width)]
    if form == "csv":
        fields = [[str(int(v)) if w else repr(v) for v, w in zip(row, whole, strict=True)] for row in rows]
        return "".join(f"{s},{','.join(f)}\n" for s, f in zip(_stamps(), fields, strict=True)).encode()
    records, first = np.zeros(ROWS, info.record()), 0
    records["f0"] = _stamps()
    for index, one in enumerate(info.parameters[1:], 1):
        own = np.array(rows)[:, first : first + one.width]
        records[f"f{index}"] = own.reshape(ROWS, *one.size)
        first += one.width
    return records.tobytes()


def _made(form: str, says: str | None, parameters: list[dict[str, Any]], last: bool = False) -> Recorded:
    """Return a response whose header contains a format, or not, and has the key HAPI first or last."""
    info = {"startDate": "2020-05-01T00:00:00Z", "stopDate": "2020-05-02T00:00:00Z", "cadence": "PT1M"}
    info |= {"parameters": parameters, "status": {"code": 1200, "message": "OK"}}  # type: ignore[dict-item]
    header = {**info, **({"format": says} if says else {})}
    header = {**header, "HAPI": "3.0"} if last else {"HAPI": "3.0", **header}
    if form != "json":
        return Recorded(info, b"#" + json.dumps(header).encode() + b"\n" + _body(parameters, form), form)
    nested = []
    for stamp, row in zip(_stamps(), _values(parameters), strict=True):
        cells, first = [stamp], 0
        for one in Info.from_json(info).parameters[1:]:
            own = [int(value) if one.type == "integer" else value for value in row[first : first + one.width]]
            cells.append(own if one.size else own[0])  # type: ignore[arg-type]
            first += one.width
        nested.append(cells)
    return Recorded(info, json.dumps({**header, "data": nested}).encode(), "json")


@contextlib.contextmanager
def _replayed(recorded: Recorded) -> Iterator[str]:
    """Serve a recorded response on loopback."""
    answers = {
        "capabilities": {"outputFormats": ["csv", recorded.asked]},
        "catalog": {"catalog": [{"id": "it"}]},
        "info": recorded.info,
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = answers.get(urlsplit(self.path).path.rpartition("/")[2])
            ok = {"HAPI": "3.0", "status": {"code": 1200, "message": "OK"}}
            body = recorded.body if said is None else json.dumps({**ok, **said}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hapi"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _same(one: QTable, other: QTable) -> None:
    assert one.colnames == other.colnames
    assert len(one) == len(other)
    for name in one.colnames:
        first, second = one[name], other[name]
        assert type(first) is type(second)
        if isinstance(first, Time):
            assert (first == second).all()
            continue
        assert first.dtype == second.dtype
        assert first.unit == second.unit
        assert np.array_equal(first.mask, second.mask)
        bare = [np.ma.getdata(getattr(getattr(x, "unmasked", x), "value", x)) for x in (first, second)]
        assert np.array_equal(*bare, equal_nan=first.dtype.kind == "f")
        assert {k: str(v) for k, v in first.info.meta.items()} == {k: str(v) for k, v in second.info.meta.items()}
    said = [{key: value for key, value in table.meta["hapi"].items() if key != "x_origin"} for table in (one, other)]
    assert said[0] == said[1]


def _same_series(table: QTable, series: Any) -> None:
    frame = series.to_dataframe()
    assert len(frame) == len(table)
    place = 0
    for name in table.colnames[1:]:
        column = table[name]
        bare = getattr(column, "unmasked", column)
        values = np.ma.getdata(getattr(bare, "value", bare)).astype(float).reshape(len(table), -1)
        values[np.asarray(column.mask).reshape(values.shape)] = np.nan
        shown = frame.iloc[:, place : place + values.shape[1]].to_numpy(dtype=float)
        assert np.array_equal(shown, values, equal_nan=True)
        place += values.shape[1]
    assert place == frame.shape[1]


def _through_every_door(recorded: Recorded, folder: Path, info: dict[str, Any] | None = None) -> QTable:
    """Return the table of a response, after checking that all four functions return the same."""
    read = hapi.read(recorded.body, info=info)
    if info is None:
        raw = folder / "answer.bin"
        raw.write_bytes(recorded.body)
        _same_series(read, TimeSeries(str(raw)))
        named = folder / "answer.hapi"
        named.write_bytes(recorded.body)
        _same(read, QTable.read(named))
    first, last = read.columns[0][0].isot, read.columns[0][-1].isot
    with _replayed(recorded) as url:
        found = Fido.search(
            a.Time(first, last), a.hapi.Server(url), a.hapi.Dataset("it"), a.hapi.Format(recorded.asked)
        )
        fetched = Fido.fetch(found, path=folder / "{file}")
        assert fetched.errors == []
        assert len(fetched) == 1
        _same(read, hapi.load(found["hapi"] if "hapi" in found.keys() else found[0]))  # noqa: SIM118
    _same(read, QTable.read(fetched[0]))
    _same(read, hapi.read(fetched[0]))
    _same_series(read, TimeSeries(fetched[0]))
    return read


MADE = [
    *[(form, says, last) for form in ("csv", "binary") for says in ("csv", "binary", None) for last in (False, True)],
    ("csv", "json", True), ("json", "json", True), ("json", None, False), ("json", "csv", True),
]  # fmt: skip


@pytest.mark.parametrize(("form", "says", "last"), MADE)
def test_four_doors_give_one_table(tmp_path: Path, form: str, says: str | None, last: bool) -> None:
    table = _through_every_door(_made(form, says, PARAMETERS, last), tmp_path)
    assert table["n"].dtype == np.int64
    assert table["B"].mask.sum() == table["n"].mask.sum() == 6
    assert table["V"].mask.sum() == 18


@pytest.mark.parametrize("asked", ["csv", "binary"])
@pytest.mark.parametrize("form", ["csv", "binary"])
def test_the_bytes_count_more_than_what_was_asked_for(tmp_path: Path, form: str, asked: str) -> None:
    made = _made(form, asked, PARAMETERS)
    _through_every_door(Recorded(made.info, made.body, asked), tmp_path)


def _bare(form: str) -> Recorded:
    """Return a response without header; server-nodejs sends JSON as a list of records then."""
    made = _made(form, form, PARAMETERS)
    body = json.dumps(json.loads(made.body)["data"]).encode() if form == "json" else made.body.partition(b"\n")[2]
    return Recorded({"HAPI": "3.0", **made.info}, body, form)


FORMS = ["csv", "binary", "json"]


@pytest.mark.parametrize(("form", "asked"), [(one, two) for one in FORMS for two in FORMS if one != two])
@pytest.mark.parametrize("headed", [True, False])
def test_any_format_is_read_whatever_was_requested(tmp_path: Path, form: str, asked: str, headed: bool) -> None:
    made = _made(form, asked, PARAMETERS) if headed else _bare(form)
    table = _through_every_door(Recorded(made.info, made.body, asked), tmp_path, None if headed else made.info)
    assert table.meta["hapi"]["format"] == form
    assert table["n"].mask.sum() == 6


@pytest.mark.parametrize("asked", FORMS)
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_json_that_is_cut_is_refused_whatever_was_requested(tmp_path: Path, asked: str, kept: float) -> None:
    made = _made("json", "json", PARAMETERS)
    body = made.body[: int(kept * len(made.body))]
    with pytest.raises(FileError, match="cut"):
        hapi.read(body)
    with _replayed(Recorded(made.info, body, asked)) as url:
        with pytest.raises((FileError, ServiceError)):
            hapi.load(url, "it", *made.span, format=asked)
        found = Fido.search(a.Time(*made.span), a.hapi.Server(url), a.hapi.Dataset("it"), a.hapi.Format(asked))
        fetched = Fido.fetch(found, path=tmp_path / "{file}", progress=False)
    assert len(fetched) == 0
    assert len(fetched.errors) == 1
    assert not list(tmp_path.iterdir())


def test_records_of_an_unknown_layout_are_not_an_empty_table() -> None:
    made = _made("csv", "json", PARAMETERS)
    head = made.body[: made.body.index(b"\n") + 1]
    with pytest.raises(FileError):
        hapi.read(head + b"garbage,1,2\n")
    with _replayed(Recorded(made.info, head + b"garbage,1,2\n", "json")) as url, pytest.raises(FileError):
        hapi.load(url, "it", *made.span, format="json")


@pytest.mark.parametrize("forms", list(itertools.product(FORMS, repeat=2)), ids="-".join)
@pytest.mark.parametrize("asked", FORMS)
def test_pieces_of_any_formats_are_joined(tmp_path: Path, forms: tuple[str, str], asked: str) -> None:
    order = DownloadSpec(tmp_path / "whole", "Y", "X", Info.from_json(_made("csv", None, PARAMETERS).info), asked)
    spans = ["2020-05-01T00:00Z/2020-05-01T00:30Z", "2020-05-01T02Z/2020-05-01T03Z", "2020-05-01T00:30Z/2020-05-01T01Z"]
    pieces = [tmp_path / str(index) for index in range(3)]
    for path, form, span in zip(pieces, (forms[0], "json", forms[1]), spans, strict=True):
        path.write_bytes(_made(form, form, PARAMETERS).body)
        _accept(path, order, Span.read(span), alone=False)
    _join(pieces, order.target, order)
    table, expected = hapi.read(order.target), hapi.read(_made(forms[0], forms[0], PARAMETERS).body)
    assert table.meta["hapi"].pop("format") == (forms[0] if forms[0] == forms[1] else "json")
    del expected.meta["hapi"]["format"]
    _same(expected, table)


@pytest.mark.parametrize("name", ["amda_amda_imf_all", "amda_nddata_timeindependent_axis"])
def test_recorded_answers_of_amda(real_data: Path, tmp_path: Path, name: str) -> None:
    body = (real_data / "world" / "hapi" / f"{name}.binary").read_bytes()
    info = json.loads(body[1 : body.index(b"\n")])
    table = _through_every_door(Recorded({**info, "format": "json"}, body, "binary"), tmp_path)
    assert len(table) > 40
    assert table.meta["hapi"]["format"] == "binary"


@pytest.mark.parametrize("name", ["sscweb_ace_info.json", "wi_h0_mfi@0_info.json"])
@pytest.mark.parametrize("form", ["csv", "binary", "json"])
def test_recorded_headers(real_data: Path, tmp_path: Path, name: str, form: str) -> None:
    # Types, which some copies lack, and records are synthetic.
    said = json.loads((real_data / "world" / "hapi" / name).read_text())
    said = said.get("info", said)
    first, *rest = said["parameters"]
    parameters = [{**TIME, "name": first["name"]}, *({"type": "double", **one} for one in rest)]
    _through_every_door(_made(form, None, parameters, last=True), tmp_path)


def test_a_long_header_is_recognised_and_other_files_are_not(tmp_path: Path) -> None:
    parameters = json.dumps([{**TIME, "description": "x" * 20_000}])
    for head in ("#", ""):
        for middle in (f'"parameters":{parameters}', f'"contact":"{"y" * 9000}","startDate":"2020Z"'):
            path = tmp_path / "long"
            path.write_text(f'{head}{{{middle},"HAPI":"2.0"}}\n2020-01-01T00:00:00.000Z,1\n')
            assert begins_like_hapi(partial(registration.peek, path))
    others = ["# a comment\n" * 1000, '{"parameters": [1, 2]}', "#{}\n1,2\n", "2020,1\n", "", "#", '{"HAPI": 1}']
    for text in others:
        path = tmp_path / "other"
        path.write_text(text)
        assert not begins_like_hapi(partial(registration.peek, path))


def test_a_format_that_nobody_knows_is_refused() -> None:
    made = _made("csv", "x_netcdf", PARAMETERS)
    with pytest.raises(FileError, match="x_netcdf"):
        hapi.read(made.body)
