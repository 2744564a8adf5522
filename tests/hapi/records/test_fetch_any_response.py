"""Test that a published file contains only records of its range, for any response of a server."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sunpy_helio_plugins import hapi
from sunpy_helio_plugins.errors import FileError, HelioPluginsError
from sunpy_helio_plugins.hapi import Info
from sunpy_helio_plugins.hapi.records import fetch
from sunpy_helio_plugins.quantities.spans import Moment, Span

INFO = Info.from_json(
    {
        "HAPI": "3.0", "startDate": "2020Z", "stopDate": "2021Z",
        "parameters": [
            {"name": "Time", "type": "isotime", "length": 20}, {"name": "s", "type": "string", "length": 6},
            {"name": "x", "type": "double", "size": [2]}, {"name": "n", "type": "integer"},
        ],
    }
)  # fmt: skip
ROWS = [(f"2020-01-01T00:{i:02}:00Z", ["a", "b,c", "ü", "{x}"][i % 4], [i, i / 3], i) for i in range(30)]
SPAN = Span.closed(Moment.read("2020-01-01T00:05:00Z"), Moment.read("2020-01-01T00:20:00Z"))


def _body(form: str, headed: bool) -> bytes:
    head = INFO.header(form) if headed else b""
    if form == "csv":
        return head + "".join(f'{t},"{s}",{x[0]},{x[1]},{n}\n' for t, s, x, n in ROWS).encode()
    if form == "binary":
        made = [(t.encode(), s.encode(), x, n) for t, s, x, n in ROWS]
        return head + np.array(made, INFO.record()).tobytes()
    document = json.loads(INFO.header("json")[1:])
    return json.dumps({**document, "data": ROWS} if headed else ROWS).encode()


def _accept(folder: Path, body: bytes, form: str, alone: bool = True) -> Path:
    part = folder / "part"
    part.write_bytes(body)
    order = fetch.DownloadSpec(folder / "x.hapi", "the server", "X", INFO, form)
    fetch._accept(part, order, SPAN, alone)
    return part


@pytest.mark.parametrize("headed", [False, True])
@pytest.mark.parametrize("form", ["csv", "binary", "json"])
def test_what_is_whole_is_kept_within_the_range(tmp_path: Path, form: str, headed: bool) -> None:
    table = hapi.read(_accept(tmp_path, _body(form, headed), form))
    assert table["n"].tolist() == list(range(5, 21))
    assert table["s"].tolist() == [row[1] for row in ROWS[5:21]]


# numpy interprets some characters after a time as a time zone.
@pytest.mark.filterwarnings("ignore:no explicit representation of timezones")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("form", ["csv", "binary", "json"])
@given(data=st.data(), headed=st.booleans(), alone=st.booleans())
def test_what_is_cut_or_changed_is_refused_or_still_within(
    tmp_path: Path, form: str, data: st.DataObject, headed: bool, alone: bool
) -> None:
    body = bytearray(_body(form, headed))
    for _ in range(data.draw(st.integers(0, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.sampled_from(b'\n\r",0:[]{}\xc8'))
    body = body[: data.draw(st.one_of(st.just(len(body)), st.integers(0, len(body))))]
    body += data.draw(st.sampled_from([b"", b"", b"\n\n", b"<html>", b'{"HAPI":"3","status":{"code":1500}}']))
    try:
        part = _accept(tmp_path, bytes(body), form, alone)
    except FileError:
        return
    try:
        table = hapi.read(part)
    except HelioPluginsError:
        return
    assert SPAN.covers(table.columns[0]).all()


@pytest.mark.parametrize("form", ["csv", "binary", "json"])
@pytest.mark.parametrize(
    "body",
    [
        b"{}", b"[]", b"null", b"3", b"#", b"#{", b"#{}\n", b'{"status":3}', b'{"status":{"code":"x"}}', b"[[]]",
        b"[1]", b'{"data":5}', b'{"HAPI":"3","parameters":[{"name":"Time"}],"data":[[]]}', b"",
        b"\n", b"<html>", b"\x1f\x8b",
    ],
)  # fmt: skip
def test_what_is_no_answer_is_refused(tmp_path: Path, form: str, body: bytes) -> None:
    with pytest.raises(FileError):
        _accept(tmp_path, body, form)


def test_a_quote_that_does_not_begin_a_field_is_a_character(tmp_path: Path) -> None:
    body = b'2020-01-01T00:06:00Z,5" tube,1,2,3\n2020-01-01T00:30:00Z,a,1,2,3\n2020-01-01T00:07:00Z,b,1,2,3\n'
    part = _accept(tmp_path, body, "csv")
    assert part.read_bytes().count(b"2020-01-01T00:30") == 0
    assert part.read_bytes().endswith(b'2020-01-01T00:06:00Z,5" tube,1,2,3\n2020-01-01T00:07:00Z,b,1,2,3\n')
