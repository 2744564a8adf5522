"""Test that any header and records are preserved by each format, and that truncation or changes are detected."""

from __future__ import annotations

import contextlib
import itertools
import json
from typing import Any, NamedTuple

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable
from astropy.time import Time
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sunpy_helio_plugins import hapi
from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi import HAPITimeSeries, Info

pytestmark = [
    pytest.mark.filterwarnings("ignore:ERFA function .*dubious year"),
    # A warning of numpy about a time stamp that is refused afterwards.
    pytest.mark.filterwarnings("ignore:no explicit representation of timezones"),
]
patient = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)

DAY = 86_400 * 10**9
LEAP = ("2016-12-31T23:59:58.5Z", "2016-12-31T23:59:59.0Z", "2016-12-31T23:59:60.0Z", "2016-12-31T23:59:60.9Z",
        "2016-12-31T24:00:00.0Z", "2017-01-01T00:00:00.1Z")  # fmt: skip

# The truncation of a dataset's time stamps, and the resulting resolution in nanoseconds.
PRECISION = {"day": DAY, "hour": 3600 * 10**9, "minute": 60 * 10**9, "second": 10**9, "ms": 10**6, "us": 1000, "ns": 1}
LENGTHS = {"day": 10, "hour": 13, "minute": 16, "second": 19, "ms": 23, "us": 26, "ns": 29}
FIRST, LAST = -135_140, 255_669
"""The years 1600 to 2670, in days from 1970: they exceed the range of 64-bit nanoseconds at both ends."""

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=("Cs",)), max_size=8)
doubles = st.one_of(
    st.floats(width=64), st.floats(width=32), st.sampled_from([0.0, -0.0, 5e-324, 1.7976931348623157e308])
)
integers = st.integers(-(2**31), 2**31 - 1)


class Drawn(NamedTuple):
    """A header and its records, each with a time stamp and a list of values for each parameter."""

    info: Info
    records: list[list[Any]]


@st.composite
def stamps(draw: st.DrawFn, rows: int) -> list[str]:
    """Draw unique time stamps in one of HAPI's forms, in order of time."""
    if draw(st.integers(0, 9)) == 0 and rows <= len(LEAP):
        return sorted(draw(st.lists(st.sampled_from(LEAP), min_size=rows, max_size=rows, unique=True)))
    precision = draw(st.sampled_from(sorted(PRECISION)))
    step = PRECISION[precision]
    first = draw(st.integers(FIRST, LAST)) * DAY // step + draw(st.integers(0, DAY // step - 1))
    steps = draw(st.lists(st.integers(1, 10**5), min_size=rows - 1, max_size=rows - 1))
    ticks = list(itertools.accumulate([first, *steps]))
    is_ordinal, zone = draw(st.booleans()), draw(st.sampled_from(["Z", "Z", "Z", ""]))
    return [_stamp(tick * step, precision, is_ordinal) + zone for tick in ticks]


def _stamp(nanos: int, precision: str, is_ordinal: bool) -> str:
    day, rest = divmod(nanos, DAY)
    date = np.datetime64(int(day), "D")
    seconds = rest // 10**9
    text = f"{date}T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest % 10**9:09}"[
        : LENGTHS[precision]
    ]
    if not is_ordinal:
        return text
    year = str(date)[:4]
    return f"{year}-{int((date - np.datetime64(f'{year}-01-01')).astype(int)) + 1:03}{text[10:]}"


@st.composite
def datasets(draw: st.DrawFn) -> Drawn:
    """Draw a header and records."""
    rows = draw(st.integers(1, 5))
    parameters = [draw(described(f"p{index}")) for index in range(draw(st.integers(1, 4)))]
    columns = [draw(_values(one, rows)) for one in parameters]
    times = draw(stamps(rows))
    first = {"name": "t", "type": "isotime", "length": max(map(len, times)), "units": "UTC", "fill": None}
    answer = {"HAPI": "3.1", "status": {"code": 1200, "message": "OK"}, "parameters": [first, *parameters]}
    return Drawn(Info.from_json(answer), [list(record) for record in zip(times, *columns, strict=True)])


@st.composite
def described(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """Draw a parameter."""
    kind = draw(st.sampled_from(["double", "integer", "string", "isotime"]))
    size = draw(st.sampled_from([None, None, [1], [3], [2, 2], [1, 3], [3, 1], [1, 2, 1], [1, 1]]))
    one: dict[str, Any] = {"name": name, "type": kind, "units": None, "fill": draw(_fill(kind))}
    if kind in ("string", "isotime"):
        one["length"] = 40
    if kind == "double":
        one["units"] = draw(st.sampled_from([None, "nT", "km/s", "dimensionless", "$H:$M", ""]))
    return one | ({"size": size} if size else {})


def _fill(kind: str) -> st.SearchStrategy[Any]:
    """Return fill values: text according to the specification, a number on some servers."""
    if kind == "string":
        return st.one_of(st.none(), texts)
    if kind == "isotime":
        return st.sampled_from([None, "", "0001-01-01T00:00:00Z", "never"])
    numbers = doubles.filter(np.isfinite) if kind == "double" else integers
    return st.one_of(st.none(), numbers, numbers.map(repr), st.just("NaN"))


@st.composite
def _values(draw: st.DrawFn, parameter: dict[str, Any], rows: int) -> list[list[Any]]:
    width = int(np.prod(parameter.get("size") or [1]))
    if parameter["type"] == "isotime":
        one = st.sampled_from(draw(stamps(rows * width)))
    else:
        one = {"double": doubles, "integer": integers, "string": texts}[parameter["type"]]
    fill = parameter["fill"]
    if fill is not None and not (parameter["type"] == "integer" and fill == "NaN"):
        number = {"double": float, "integer": int}.get(parameter["type"], str)
        one = st.one_of(one, st.just(number(fill)))
    return draw(st.lists(st.lists(one, min_size=width, max_size=width), min_size=rows, max_size=rows))


def _field(value: Any) -> str:
    text = repr(value) if isinstance(value, float) else str(value)
    quoted = isinstance(value, str) and any(mark in value for mark in ',"\n')
    return '"' + text.replace('"', '""') + '"' if quoted else text


def _csv(info: Info, records: list[list[Any]]) -> bytes:
    lines = [",".join([stamp, *(_field(value) for group in groups for value in group)]) for stamp, *groups in records]
    return info.header("csv") + "".join(f"{line}\n" for line in lines).encode()


def _binary(info: Info, records: list[list[Any]]) -> bytes:
    made = np.zeros(len(records), info.record())
    for row, (stamp, *groups) in enumerate(records):
        made["f0"][row] = stamp.encode()
        for index, group in enumerate(groups, 1):
            values = [value.encode() if isinstance(value, str) else value for value in group]
            made[f"f{index}"][row] = np.array(values, made.dtype[f"f{index}"].base).reshape(made[f"f{index}"].shape[1:])
    return info.header("binary") + made.tobytes()


def _json(info: Info, records: list[list[Any]]) -> bytes:
    data = [[stamp, *map(_nested, groups, info.parameters[1:])] for stamp, *groups in records]
    return json.dumps({**info.raw, "format": "json", "data": data}).encode()


def _nested(group: list[Any], parameter: Any) -> Any:
    made = np.array(group, dtype=object).reshape(parameter.size).tolist()
    return [_null(made)] if parameter.size == (1,) and not isinstance(made, list) else _null(made)


def _null(value: Any) -> Any:
    """Return the JSON value for NaN."""
    if isinstance(value, list):
        return [_null(one) for one in value]
    return None if isinstance(value, float) and np.isnan(value) else value


def _instant(stamp: str) -> Time:
    """Parse one time stamp with astropy."""
    text = stamp.removesuffix("Z")
    if len(text) > 7 and text[7] != "-":
        return Time(
            text.replace("-", ":").replace("T", ":") + ":00" * (text.count(":") == 0 and "T" in text), format="yday"
        )
    if text.endswith("T24:00:00.0"):
        return Time(text.replace("T24:", "T00:"), format="isot") + (1 * u.day + 1 * u.s * text.startswith("2016-12-31"))
    return Time(text + ":00" * (len(text) == 13), format="isot" if "T" in text else "iso")


def _assert_same(table: QTable, drawn: Drawn) -> None:
    assert len(table) == len(drawn.records)
    for stamp, time in zip((record[0] for record in drawn.records), table["t"], strict=True):
        assert abs((time - _instant(stamp)).to_value("s")) < 1e-10
    for index, parameter in enumerate(drawn.info.parameters[1:], 1):
        column = table[parameter.name]
        assert column.shape == (len(table), *parameter.shape)
        expected = [value for record in drawn.records for value in record[index]]
        _assert_column(column.reshape(-1), expected, parameter)


def _assert_column(column: Any, expected: list[Any], parameter: Any) -> None:
    mask = np.broadcast_to(np.asarray(getattr(column, "mask", False)), column.shape).tolist()
    missing = [_is_missing(value, parameter) for value in expected]
    fill = None if parameter.type != "double" or parameter.fill is None else float(parameter.fill)
    if fill is not None and fill not in expected:
        # If no value equals the fill value, it may have been a 32-bit number.
        missing = [lost or value == _single(fill) for lost, value in zip(missing, expected, strict=True)]
    assert mask == missing
    for place, (value, lost) in enumerate(zip(expected, mask, strict=True)):
        if lost:
            continue
        if isinstance(column, Time):
            assert abs((column[place] - _instant(value)).to_value("s")) < 1e-10
        else:
            plain = getattr(column, "unmasked", column)
            assert np.ma.getdata(getattr(plain, "value", plain))[place] == value
    if parameter.type == "integer":
        assert column.dtype == np.int64


def _single(number: float) -> float:
    return float(np.float32(number)) if 1.2e-38 < abs(number) < 3.4e38 else number


def _is_missing(value: Any, parameter: Any) -> bool:
    fill = parameter.fill
    if parameter.type == "isotime":
        return value in ("", fill)
    if parameter.type == "string":
        return value == fill
    return bool(np.isnan(value)) or (fill is not None and value == float(fill))


@patient
@given(datasets())
def test_every_format_gives_back_what_went_in(drawn: Drawn) -> None:
    for make in (_csv, _binary, _json):
        _assert_same(hapi.read(make(*drawn)), drawn)


@pytest.mark.filterwarnings("ignore::sunpy_helio_plugins.errors.InexactTimeWarning")  # leap seconds are among them
@patient
@given(datasets(), st.sampled_from([_csv, _binary, _json]))
def test_any_file_is_a_series(tmp_path_factory: Any, drawn: Drawn, make: Any) -> None:
    path = tmp_path_factory.mktemp("any") / "x.hapi"
    path.write_bytes(make(*drawn))
    frame, _, units = HAPITimeSeries._parse_file(path)
    assert len(frame) == len(drawn.records)
    assert frame.shape[1] == len(units) == sum(one.width for one in drawn.info.parameters[1:])


@patient
@given(datasets(), st.sampled_from([_csv, _binary, _json]), st.floats(0, 1))
def test_what_is_cut_is_refused_or_holds_whole_records(drawn: Drawn, make: Any, where: float) -> None:
    content = make(*drawn)
    try:
        table = hapi.read(content[: int(where * len(content))])
    except FileError:
        return
    whole = hapi.read(content)[: len(table)]
    assert table.colnames == whole.colnames
    assert all(str(one) == str(other) for one, other in zip(table, whole, strict=True))


@patient
@given(datasets(), st.sampled_from([_csv, _binary, _json]), st.integers(0, 10**6), st.binary(max_size=3))
def test_what_is_changed_raises_nothing_but_our_errors(drawn: Drawn, make: Any, at: int, inserted: bytes) -> None:
    content = make(*drawn)
    place = at % len(content)
    with contextlib.suppress(FileError):
        hapi.read(content[:place] + inserted + content[place + 1 :])
