"""Any header and any records survive each format; anything cut or changed is refused, or read right."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sunpy_helio_plugins import hapi
from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi.header import Info

KINDS = ("double", "integer", "string")
quiet = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
doubles = st.floats(allow_nan=False, allow_infinity=False, width=64)
integers = st.integers(-(2**31), 2**31 - 1)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=("Cs",)), max_size=8)
VALUES = {"double": doubles, "integer": integers, "string": texts}


@st.composite
def datasets(draw: st.DrawFn) -> tuple[dict[str, Any], list[list[Any]]]:
    """Draw a header and records."""
    parameters: list[dict[str, Any]] = [{"name": "t", "type": "isotime", "length": 24, "units": "UTC", "fill": None}]
    for index in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(KINDS))
        one: dict[str, Any] = {"name": f"p{index}", "type": kind, "units": None, "fill": None}
        if kind == "string":
            one["length"] = 40
        elif draw(st.booleans()):
            one["fill"] = str(draw(VALUES[kind]))
        size = draw(st.sampled_from([None, [1], [2], [2, 2]]))
        parameters.append(one | ({"size": size} if size else {}))
    rows = draw(st.integers(1, 5))
    stamps = np.datetime_as_string(np.datetime64("2026-01-10T00:00:00.000") + np.arange(rows) * np.timedelta64(1, "m"))
    records = [
        [f"{stamp}Z", *(draw(_value(one)) for one in parameters[1:])] for stamp in stamps
    ]
    return {"HAPI": "3.0", "status": {"code": 1200, "message": "OK"}, "parameters": parameters}, records


def _value(parameter: dict[str, Any]) -> st.SearchStrategy[list[Any]]:
    width = int(np.prod(parameter.get("size") or [1]))
    return st.lists(VALUES[parameter["type"]], min_size=width, max_size=width)


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
    return json.dumps({**info.raw, "format": "json", "data": records}).encode()


def _assert_same(content: bytes, info: Info, records: list[list[Any]]) -> None:
    table = hapi.read(content)
    for index, parameter in enumerate(info.parameters[1:], 1):
        column = table[parameter.name]
        expected = [value for record in records for value in record[index]]
        plain = np.ma.getdata(column).reshape(-1).tolist()
        mask = np.broadcast_to(np.asarray(getattr(column, "mask", False)), column.shape).reshape(-1).tolist()
        fill = None if parameter.fill is None else type(expected[0])(parameter.fill)
        assert mask == [value == fill for value in expected]
        assert all(one == other for one, other, lost in zip(plain, expected, mask, strict=True) if not lost)


@quiet
@given(datasets())
def test_every_format_gives_back_what_went_in(drawn: tuple[dict[str, Any], list[list[Any]]]) -> None:
    info = Info.from_json(drawn[0])
    for make in (_csv, _binary, _json):
        _assert_same(make(info, drawn[1]), info, drawn[1])


@quiet
@given(datasets(), st.sampled_from([_csv, _binary, _json]), st.floats(0, 1))
def test_what_is_cut_is_refused_or_holds_whole_records(
    drawn: tuple[dict[str, Any], list[list[Any]]], make: Any, where: float
) -> None:
    info = Info.from_json(drawn[0])
    content = make(info, drawn[1])
    try:
        table = hapi.read(content[: int(where * len(content))])
    except FileError:
        return
    _assert_same(make(info, drawn[1][: len(table)]), info, drawn[1][: len(table)])
    for name in table.colnames[1:]:
        whole = hapi.read(content)[name][: len(table)]
        assert np.array_equal(np.ma.getdata(table[name]), np.ma.getdata(whole))


@quiet
@given(datasets(), st.sampled_from([_csv, _binary, _json]), st.integers(0, 10**6), st.binary(max_size=3))
def test_what_is_changed_raises_nothing_but_our_errors(
    drawn: tuple[dict[str, Any], list[list[Any]]], make: Any, at: int, inserted: bytes
) -> None:
    import warnings

    content = make(Info.from_json(drawn[0]), drawn[1])
    place = at % len(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.suppress(FileError):
            hapi.read(content[:place] + inserted + content[place + 1 :])
