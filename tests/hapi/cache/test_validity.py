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
from sunpy_helio_plugins.quantities.spans import DAY_OF_ORDINALS
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
