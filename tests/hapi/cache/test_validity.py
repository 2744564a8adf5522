"""Test what one response tells of each range of time."""

from __future__ import annotations

import time

import numpy as np
import pytest

from sunpy_helio_plugins.hapi import Info, Parameter
from sunpy_helio_plugins.hapi.cache import validity
from sunpy_helio_plugins.hapi.cache.segments import Segment
from sunpy_helio_plugins.hapi.server_list import HAPIServer
from sunpy_helio_plugins.quantities.leap import SECOND
from sunpy_helio_plugins.quantities.spans import DAY_OF_ORDINALS, moment
from sunpy_helio_plugins.store.intervals import Range, State

SERVER = HAPIServer("model", "https://model.example/hapi", version="3.0")
INFO = Info(
    {
        "parameters": [
            {"name": "Time", "type": "isotime", "length": 30},
            {"name": "B", "type": "double", "units": "nT", "fill": "-1e31"},
        ]
    }
)
MIDNIGHT = 9000 * DAY_OF_ORDINALS


def states(times: np.ndarray, cadence: str) -> list[State]:
    whole = Range(int(times[0]), int(times[-1]) + 1)
    segment = Segment(whole, INFO, times, {"Time": times, "B": np.ones(len(times))}, frozenset(INFO.names), True)
    found = validity.entries(segment, ["B"], SERVER, cadence, time.time(), validity.DatasetVersion())
    return [one.state for one in found["B"]]


@pytest.mark.parametrize("cadence", ["PT0.25S", ""])
def test_midnight_is_not_a_gap_of_fast_records(cadence: str) -> None:
    steps = np.arange(40) * SECOND // 4
    # Ordinals count a leap second at the end of every day.
    evening, morning = MIDNIGHT - SECOND - steps[::-1] - SECOND // 4, MIDNIGHT + steps
    assert states(np.concatenate([evening, morning]), cadence) == [State.PRESENT]


@pytest.mark.parametrize("cadence", ["PT0.25S", ""])
def test_three_missing_records_are_a_gap(cadence: str) -> None:
    times = MIDNIGHT + np.arange(80) * SECOND // 4
    whole = [State.PRESENT]
    assert states(np.delete(times, [40, 41]), cadence) == whole
    assert states(np.delete(times, [40, 41, 42]), cadence) == [*whole, State.EMPTY, *whole]


def test_the_key_of_a_parameter_depends_on_its_description_alone() -> None:
    raw = dict(INFO.parameters[1].raw)
    keys = [validity.key_of(Parameter(one)) for one in (raw, dict(reversed(raw.items())), raw | {"units": "T"})]
    assert keys[0] == keys[1] == "B\nb1637237b5821ef4"
    assert keys[2].startswith("B\n")
    assert keys[2] != keys[0]


def test_few_records_without_a_cadence_have_no_gaps() -> None:
    times = MIDNIGHT + np.array([0, 1, 5000]) * SECOND
    assert states(times, "") == [State.PRESENT]
    assert states(times, "PT1S") == [State.PRESENT, State.EMPTY, State.PRESENT]


def test_the_longest_gaps_are_requested_again() -> None:
    steps = np.where(np.arange(200) % 2, 1, 10 + np.arange(200))
    times = MIDNIGHT + np.cumsum(steps) * SECOND
    whole = Range(int(times[0]), int(times[-1]) + 1)
    segment = Segment(whole, INFO, times, {"Time": times, "B": np.ones(len(times))}, frozenset(INFO.names), True)
    told = validity.entries(segment, ["B"], SERVER, "PT1S", time.time(), validity.DatasetVersion())["B"]
    gaps = [one for one in told if one.state is State.EMPTY]
    assert len(gaps) == 64
    assert [one.before for one in gaps] == times[np.flatnonzero(steps > 1)[-64:]].tolist()


@pytest.mark.parametrize("note", ["", "{", "[1]", '{"modified": "2026-01-01Z", "another": 1}'])
def test_a_note_that_is_no_version_is_none(note: str) -> None:
    assert validity.DatasetVersion.read(note) is None


def test_a_version_is_read_from_its_note() -> None:
    version = validity.DatasetVersion("2026-01-01Z", "2020-01-01Z", "2026-02-01Z", 7)
    assert validity.DatasetVersion.read(version.note) == version


def test_another_start_makes_the_records_before_it_outdated() -> None:
    versions = [validity.DatasetVersion(start=start, stop="2026-01-01Z") for start in ("2020-01-01Z", "2021-01-01Z")]
    border = moment("2021-01-01Z")
    assert border is not None
    for before, after in (versions, versions[::-1]):
        newer, outdated = before.followed_by(after)
        assert newer == after
        assert outdated == [Range(-(2**63) + 1, border.ordinal)]


def test_another_end_that_is_no_time_makes_nothing_outdated() -> None:
    before, after = (validity.DatasetVersion(start="2020-01-01Z", stop=stop) for stop in ("lately", "now"))
    assert before.followed_by(after) == (after, [])
