"""Test that exactly the records outside a range are removed from a file."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sunpy_helio_plugins.hapi import Info
from sunpy_helio_plugins.hapi.records import trim
from sunpy_helio_plugins.quantities.spans import Moment, Span

INFO = Info.from_json(
    {
        "parameters": [
            {"name": "Time", "type": "isotime", "length": 24},
            {"name": "s", "type": "string", "length": 8},
            {"name": "x", "type": "double"},
        ]
    }
)
FIRST = Moment.read("2026-01-10Z")
SPAN = Span(FIRST.later(10 * 10**9), FIRST.later(20 * 10**9))
HEAD = b'#{"HAPI":"3.0"}\n'

# Times within thirty seconds, in any order, as sent by servers with unsorted records.
ROWS = st.lists(st.tuples(st.integers(0, 30_000), st.text('a,"\n #', max_size=8)), max_size=60)


def _stamp(milliseconds: int) -> str:
    return FIRST.later(milliseconds * 10**6).text(3)


def _csv(rows: list[tuple[int, str]], end: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator=end).writerows((_stamp(time), text, 1.5) for time, text in rows)
    return out.getvalue().encode()


def _binary(rows: list[tuple[int, str]]) -> bytes:
    made = np.array([(_stamp(time).encode(), text.encode(), 1.5) for time, text in rows], INFO.record())
    return made.tobytes()


def _trim(folder: Path, body: bytes, chosen: str, start: int = len(HEAD)) -> tuple[int, bytes]:
    part = folder / "part"
    part.write_bytes((HEAD if start else b"") + body)
    left = trim.trim(part, start, INFO, chosen, SPAN)
    return left, part.read_bytes()[start:]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("block", [64, 1 << 22])
@given(rows=ROWS, end=st.sampled_from(["\n", "\r\n"]))
def test_csv_keeps_what_lies_within(tmp_path: Path, block: int, rows: list[tuple[int, str]], end: str) -> None:
    kept = [row for row in rows if 10_000 <= row[0] < 20_000]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trim, "_BLOCK", block)
        left, body = _trim(tmp_path, _csv(rows, end), "csv")
    assert body == _csv(kept, end)
    assert left == len(body)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("block", [64, 1 << 22])
@given(rows=ROWS)
def test_binary_keeps_what_lies_within(tmp_path: Path, block: int, rows: list[tuple[int, str]]) -> None:
    kept = [row for row in rows if 10_000 <= row[0] < 20_000]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trim, "_BLOCK", block)
        left, body = _trim(tmp_path, _binary(rows), "binary")
    assert body == _binary(kept)
    assert left == len(body)


@pytest.mark.parametrize("nested", [False, True])
def test_json_keeps_what_lies_within(tmp_path: Path, nested: bool) -> None:
    records: list[Any] = [[_stamp(time), "é", time] for time in range(5000, 25_000, 5000)]
    given = [[[record[0]], *record[1:]] for record in records] if nested else records
    left, body = _trim(tmp_path, json.dumps({"HAPI": "3.0", "data": given, "contactID": "x"}).encode(), "json", 0)
    assert left == 2
    assert json.loads(body) == {"HAPI": "3.0", "data": given[1:3], "contactID": "x"}
    untouched = json.dumps({"data": given[1:3]}, indent=2).encode()
    assert _trim(tmp_path, untouched, "json", 0)[1] == untouched


def test_a_last_line_without_its_end_and_rows_of_names_and_blanks_are_lines_too(tmp_path: Path) -> None:
    one, other = _stamp(12_000).encode(), _stamp(28_000).encode()
    assert _trim(tmp_path, other + b",a,1\n" + one + b",a,2", "csv")[1] == one + b",a,2"
    assert _trim(tmp_path, one + b",a,1\n" + other + b",a,2", "csv")[1] == one + b",a,1\n"
    assert _trim(tmp_path, b"Time,s,x\n" + other + b",a,1\n\n" + one + b",b,2\n", "csv")[1] == (
        b"Time,s,x\n\n" + one + b",b,2\n"
    )
    assert _trim(tmp_path, b'"' + other + b'",a,1\n"' + one + b'",b,2\n', "csv")[1] == b'"' + one + b'",b,2\n'


def test_what_begins_with_no_time_is_left_as_it_is(tmp_path: Path) -> None:
    body = _stamp(28_000).encode() + b",a,1\n2026-13-99T00:00:00Z,b,2\n"
    with pytest.raises(ValueError, match="is not a time"):
        _trim(tmp_path, body, "csv")
    assert (tmp_path / "part").read_bytes() == HEAD + body


def test_nothing_is_left_where_nothing_lies_within(tmp_path: Path) -> None:
    assert _trim(tmp_path, _csv([(5000, "a"), (25_000, "b")], "\n"), "csv") == (0, b"")
    assert _trim(tmp_path, b"", "csv") == (0, b"")
    assert _trim(tmp_path, b"", "binary") == (0, b"")


@pytest.mark.parametrize("body", [b"Time,s,x\n", b"\n\n", b"Time,s,x"])
def test_lines_without_a_time_are_kept(tmp_path: Path, body: bytes) -> None:
    assert _trim(tmp_path, body, "csv") == (len(body), body)


@pytest.mark.parametrize("block", [1, 4, 8])
def test_a_line_may_be_longer_than_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(trim, "_BLOCK", block)
    rows = [(time, "a" * 40) for time in (5_000, 12_000, 25_000, 19_000)]
    kept = _csv([rows[1], rows[3]], "\n")
    assert _trim(tmp_path, _csv(rows, "\n"), "csv") == (len(kept), kept)


@pytest.mark.parametrize("answer", [{"data": []}, {}, {"data": None}])
def test_json_without_records_is_left_as_it_is(tmp_path: Path, answer: dict[str, Any]) -> None:
    body = json.dumps({"HAPI": "3.0", **answer}).encode()
    assert _trim(tmp_path, body, "json", start=0) == (0, body)
