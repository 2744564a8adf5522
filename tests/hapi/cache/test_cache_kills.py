"""Processes that are killed while they load leave no wrong record, no lost lease and no file that stays."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from sunpy_helio_plugins import conf, hapi
from sunpy_helio_plugins.hapi.cache import contents
from sunpy_helio_plugins.store import ranges

sys.path.insert(0, str(Path(__file__).parents[1]))
from strict import Dataset, Server, nanoseconds, serve, stamp

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are made by fork")

MINUTE = 60 * 10**9
FIRST = nanoseconds("2016-01-01T00:00:00Z")
COUNT = 2000


@pytest.fixture
def server() -> Iterator[Server]:
    parameters = [
        {"name": "Time", "type": "isotime", "length": 24, "units": "UTC", "fill": None},
        {"name": "x", "type": "double", "units": "nT", "fill": "-1e31"},
        {"name": "n", "type": "integer", "units": None, "fill": "-1"},
    ]
    times = [FIRST + index * MINUTE for index in range(COUNT)]
    values = {"x": [float(index) for index in range(COUNT)], "n": list(range(COUNT))}
    with (
        serve({"D": Dataset(parameters, times, values, {"cadence": "PT1M"})}) as made,
        conf.hapi.set_temp("cache", True),
    ):
        yield made


def check(server: Server, first: int, before: int, *names: str) -> None:
    table = hapi.load(server.url, "D", stamp(FIRST + first * MINUTE, 24), stamp(FIRST + before * MINUTE, 24), names)
    assert table.meta["problems"] == []
    for name in names:
        assert np.asarray(table[name].value if name == "x" else table[name]).tolist() == list(range(first, before))


def loads(server: Server, seed: int) -> None:
    """Load random ranges until the process is killed."""
    choose = random.Random(seed)
    while True:
        first = choose.randrange(COUNT - 200)
        check(server, first, first + choose.randrange(1, 190), *choose.choice([("x",), ("n",), ("x", "n")]))


def kill_many(server: Server, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    check(server, 0, 1, "x")
    choose = random.Random(1)
    kept = contents.store()
    for seed in range(number):
        if seed % 5 == 0:
            hapi.cache.clear()
        child = os.fork()
        if child == 0:
            try:
                loads(server, seed)
            except BaseException:  # noqa: BLE001 - the parent sees the status
                os._exit(3)
        time.sleep(choose.uniform(0.001, 0.08))
        os.kill(child, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        assert not kept.is_leased(contents.group_of(server.url, "D"), ranges.Range(-ranges.LARGEST, ranges.LARGEST))
        first = choose.randrange(COUNT - 200)
        check(server, first, first + choose.randrange(1, 190), "x", "n")
    check(server, 0, COUNT - 1, "x", "n")
    # What the killed processes left is removed by a later one.
    now = time.time()
    monkeypatch.setattr(ranges.time, "time", lambda: now + 7200)
    again = ranges.Ranges(kept.place, kept.limit)
    again._sweep()
    again.close()
    used = {one.source for _, _, entries in kept.summary() for one in entries} - {0}
    assert len(list(kept.place.glob("*.arrow"))) == len(used)
    assert list(kept.place.glob(".*.part")) == []


def test_kills_leave_no_wrong_record(server, monkeypatch):
    kill_many(server, 5, monkeypatch)


@pytest.mark.exhaustive
def test_many_kills_leave_no_wrong_record(server, monkeypatch):
    """The profile "long" makes 200 kills."""
    kill_many(server, 200 if settings.default.max_examples > 100 else 60, monkeypatch)
