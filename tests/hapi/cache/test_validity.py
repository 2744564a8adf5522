"""Test what one response tells of each range of time."""

from __future__ import annotations

import time

import numpy as np
import pytest

from sunpy_helio_plugins.errors import TransferError
from sunpy_helio_plugins.hapi import Info, Parameter
from sunpy_helio_plugins.hapi.cache import validity
from sunpy_helio_plugins.hapi.cache.assembly import Assembly, Failure
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
    told = validity.entries(segment, ["B"], SERVER, "PT1S", 1.8e9, validity.DatasetVersion())["B"]
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


def test_a_range_whose_responses_differ_is_missing() -> None:
    made = Assembly(INFO, disputed=[Range(MIDNIGHT, MIDNIGHT + 60 * SECOND)])
    (told,) = made.problems([], 0.0, 1.0)
    assert told.endswith("is missing: its parameters differ between responses.")


def test_neighbouring_ranges_that_could_not_be_requested_again_are_one_sentence() -> None:
    parts = [Range(MIDNIGHT + start * SECOND, MIDNIGHT + (start + 60) * SECOND) for start in (0, 60, 300)]
    here = list(zip(parts, (50.0, 40.0, 60.0), strict=True))
    failure = Failure(("B",), Range(parts[0].first, parts[2].before), TransferError("no answer"))
    told = Assembly(INFO, here=here).problems([failure], 1000.0, 2000.0)
    assert len(told) == 2
    assert told[0].endswith("could not be requested again, and is as it was on 1970-01-01 00:00:40 UTC: no answer")
    assert told[1].endswith("could not be requested again, and is as it was on 1970-01-01 00:01:00 UTC: no answer")
    assert Assembly(INFO, here=here).problems([failure], 0.0, 2000.0) == ()
