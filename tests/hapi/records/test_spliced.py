"""Test that responses that were joined from parts of two others are noticed: they have the right length."""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import QTable
from sunpy.timeseries import TimeSeries

from sunpy_helio_plugins import hapi
from sunpy_helio_plugins.errors import IncompleteAnswerWarning, InexactTimeWarning
from sunpy_helio_plugins.hapi import Info

sys.path.insert(0, str(Path(__file__).parents[1]))
from strict import Dataset, nanoseconds, serve

MINUTES = range(60)
INFO: dict[str, Any] = {
    "HAPI": "3.0",
    "cadence": "PT1M",
    "parameters": [
        {"name": "Time", "type": "isotime", "length": 20, "units": "UTC", "fill": None},
        {"name": "B", "type": "double", "units": "nT", "fill": "-1e31"},
    ],
}


def stamp(minute: int) -> str:
    return f"2026-01-10T00:{minute:02}:00Z"


def csv(minutes: list[int], values: list[float]) -> bytes:
    lines = (f"{stamp(minute)},{value}\n" for minute, value in zip(minutes, values, strict=True))
    return Info(INFO).header("csv") + "".join(lines).encode()


def binary(minutes: list[int], values: list[float]) -> bytes:
    records = list(zip([stamp(minute).encode() for minute in minutes], values, strict=True))
    return Info(INFO).header("binary") + np.array(records, Info(INFO).record()).tobytes()


def as_json(minutes: list[int], values: list[float]) -> bytes:
    data = [[stamp(minute), value] for minute, value in zip(minutes, values, strict=True)]
    return json.dumps({**INFO, "format": "json", "data": data}).encode()


Write = Callable[[list[int], list[float]], bytes]
FORMS = pytest.mark.parametrize("write", [csv, binary, as_json])


def answer(write: Write, minutes: list[int], values: list[float] | None = None) -> bytes:
    return write(minutes, [float(minute) for minute in minutes] if values is None else values)


def quietly(*sources: bytes) -> QTable:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return hapi.read(*sources)


@FORMS
@pytest.mark.parametrize("back", [1, 2, 20])
def test_lost_and_doubled_records_are_named(write: Write, back: int) -> None:
    """Records 40 - back to 39 are doubled, and as many are lost later."""
    minutes = [*range(40), *range(40 - back, 50 - back), *range(50, 60)]
    assert len(minutes) == len(MINUTES)
    what = "is repeated" if back == 1 else f"follows that of {stamp(39)[:-1]}.000Z"
    last = stamp(max(39, 49 - back))
    gap = f"there is none between {last[:-1]}.000Z and {stamp(50)[:-1]}.000Z although the cadence is PT1M"
    with pytest.warns(IncompleteAnswerWarning, match="request the range again") as caught:
        table = hapi.read(answer(write, minutes))
    assert [one.filename for one in caught] == [__file__]
    (problem,) = table.meta["problems"]
    assert problem.startswith(f"The records: the record of {stamp(40 - back)[:-1]}.000Z {what}, and {gap}: ")
    assert len(table) < len(MINUTES)
    assert (np.diff(table["Time"].jd) > 0).all()


@FORMS
@pytest.mark.parametrize(
    "minutes",
    [list(MINUTES), [0], [], [0, 1, 2, 50, 51]],
    ids=["whole", "one record", "no record", "a gap"],
)
def test_records_in_order_are_not_suspicious(write: Write, minutes: list[int]) -> None:
    assert "problems" not in quietly(answer(write, minutes)).meta


@FORMS
def test_different_records_of_one_time_are_not_suspicious(write: Write) -> None:
    table = quietly(answer(write, [0, 1, 1, 2], [0.0, 1.0, 1.5, 2.0]))
    assert table["B"].value.tolist() == [0.0, 1.0, 1.5, 2.0]


@FORMS
def test_repeated_records_with_missing_values_are_found(write: Write) -> None:
    with pytest.warns(IncompleteAnswerWarning, match=re.escape(f"{stamp(1)[:-1]}.000Z is repeated")):
        table = hapi.read(answer(write, [0, 1, 1], [0.0, -1e31, -1e31]))
    assert len(table) == 2


@FORMS
def test_files_that_overlap_or_come_in_any_order_are_not_suspicious(write: Write) -> None:
    first, second = answer(write, list(range(30))), answer(write, list(range(20, 60)))
    table = quietly(second, first)
    assert table["B"].value.tolist() == [float(minute) for minute in MINUTES]


@FORMS
def test_the_suspicious_file_among_several_is_found(write: Write) -> None:
    good, bad = answer(write, list(range(30))), answer(write, [30, 32, 31, 33])
    with pytest.warns(
        IncompleteAnswerWarning, match=re.escape(f"{stamp(31)[:-1]}.000Z follows that of {stamp(32)[:-1]}")
    ):
        table = hapi.read(bad, good)
    assert table["B"].value.tolist() == [float(minute) for minute in range(34)]


def test_the_dataset_is_named_if_it_is_known() -> None:
    with pytest.warns(IncompleteAnswerWarning, match="X of cdaweb: the record of"):
        hapi.read(answer(csv, [1, 0]), context={"server": "cdaweb", "dataset": "X"})


def test_without_a_cadence_no_gap_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(INFO, "cadence", None)
    with pytest.warns(IncompleteAnswerWarning, match=r"follows that of 2026-01-10T00:01:00\.000Z: the response"):
        hapi.read(answer(csv, [0, 1, 0, 50]))


def test_loaded_records_are_returned_with_the_problem() -> None:
    times = [nanoseconds(stamp(minute)) for minute in [*range(40), *range(30, 40), *range(50, 60)]]
    parameters = [{"name": "Time", "type": "isotime", "length": 20}, {"name": "B", "type": "double", "units": "nT"}]
    spliced = Dataset(parameters, times, {"B": [float(one) for one in times]})
    with serve({"X": spliced}) as server:
        with pytest.warns(IncompleteAnswerWarning, match="X of .* follows that of") as caught:
            table = hapi.load(server.url, "X", stamp(0), stamp(59))
    assert len(caught) == 1
    (problem,) = table.meta["problems"]
    assert "the record of 2026-01-10T00:30:00.000Z follows that of 2026-01-10T00:39:00.000Z" in problem
    assert len(table) == 49


@FORMS
def test_a_series_warns_of_its_file(write: Write, tmp_path: Path) -> None:
    path = tmp_path / "spliced.hapi"
    path.write_bytes(answer(write, [0, 1, 2, 1, 2, 4]))
    with pytest.warns(IncompleteAnswerWarning, match=r"spliced\.hapi: the record of .* follows that of"):
        series = TimeSeries(path)
    assert series.quantity("B").value.tolist() == [0.0, 1.0, 2.0, 4.0]


def test_a_leap_second_is_in_order(tmp_path: Path) -> None:
    path = tmp_path / "leap.hapi"
    lines = "".join(f"{time},1\n" for time in ("2016-12-31T23:59:59Z", "2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"))
    path.write_bytes(Info(INFO).header("csv") + lines.encode())
    with pytest.warns(InexactTimeWarning) as caught:
        TimeSeries(path)
    assert not any(issubclass(one.category, IncompleteAnswerWarning) for one in caught)


@pytest.mark.parametrize("year", ["1500", "9999"])
def test_years_without_known_leap_seconds_are_named(year: str) -> None:
    body = answer(csv, [0, 1, 0, 5]).replace(b"2026", year.encode())
    with pytest.warns(IncompleteAnswerWarning, match=f"the record of {year}-01-10T00:00:00.000Z follows") as caught:
        hapi.read(body)
    assert len(caught) == 1
