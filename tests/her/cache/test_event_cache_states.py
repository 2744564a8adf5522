"""The cache of events through long random series of steps, each of them compared with a model of the registry."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from sunpy_helio_plugins import conf
from sunpy_helio_plugins.errors import HelioPluginsError
from sunpy_helio_plugins.her import paging, search
from sunpy_helio_plugins.her.cache import holdings
from sunpy_helio_plugins.her.query import Alternative, Query
from sunpy_helio_plugins.transport import metadata

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))
from changing_registry import DAY, UNIX, Registry, stamp
from two_processes import Clock, TwoProcesses, machine_settings

LONG = settings.default.max_examples > 100  # type: ignore[union-attr]
EXAMPLES, STEPS = (1000, 50) if LONG else (60, 40)
LENGTH = 400
"""Minutes in which there are events."""

NAMED = re.compile(r"from (\S+) to (\S+?)(?:,? and| are| of|,| could)")


class Machine(TwoProcesses):
    """Two processes that search one registry through one folder."""

    def __init__(self) -> None:
        super().__init__("events", Clock(UNIX + 20 * DAY), holdings)
        self.changed: dict[str, float] = {}
        """When each event was added, revised or removed."""
        self.registry = Registry(self.clock, size=7)
        for module in (paging, search):
            self.patch.setattr(module, "AT_ONCE", 1)
        self.patch.setattr(metadata, "get", self.registry.get)
        for name, value in {"cache": True, "cache_days": 1.0, "grace_days": 0.1}.items():
            self.undo.enter_context(conf.her.set_temp(name, value))

    @initialize(step=st.integers(3, 20), long=st.integers(2, 9))
    def begin(self, step: int, long: int) -> None:
        for number, minute in enumerate(range(0, LENGTH, step)):
            self.registry.put(f"e{number}", minute, 90 if number % long == 0 else 4)

    # The registry changes

    @rule(which=st.integers(0, 200), minute=st.integers(0, LENGTH), minutes=st.sampled_from([0, 5, 30, 200]))
    def submit(self, which: int, minute: int, minutes: int) -> None:
        """Add or revise an event, which may move."""
        name = f"e{which}"
        self.registry.put(name, minute, minutes, archived=(self.clock.now - UNIX) / 60)
        self.changed[name] = self.clock.now

    @rule(which=st.integers(0, 200))
    def rate(self, which: int) -> None:
        for record in list(self.registry.events.values())[which : which + 1]:
            name = record["kb_archivid"].rpartition("/")[2]
            self.registry.events[name] = record | {"event_importance_num_ratings": "1"}
            self.changed[name] = self.clock.now

    @rule(which=st.integers(0, 200))
    def withdraw(self, which: int) -> None:
        if self.registry.events.pop(f"e{which}", None):
            self.changed[f"e{which}"] = self.clock.now

    @rule(days=st.sampled_from([0.01, 0.2, 0.9, 1.1, 5.0]))
    def wait(self, days: float) -> None:
        self.clock.now += days * DAY

    @rule(numbers=st.sets(st.integers(1, 6), max_size=3), how=st.sampled_from(["failing", "cut"]))
    def disturb(self, numbers: set[int], how: str) -> None:
        setattr(self.registry, how, numbers)

    # The client

    @rule(
        first=st.integers(-20, LENGTH), length=st.sampled_from([0, 5, 30, 100, 500]), turn=st.integers(0, 1),
        more=st.sampled_from([
            {}, {}, {}, {}, {"refresh": True}, {"sort_by": "event_endtime"}, {"limit": 5}, {"strict": True},
        ]),
    )  # fmt: skip
    def search(self, first: int, length: int, turn: int, more: dict[str, Any]) -> None:
        self.check(first, first + length, turn, more)

    @rule(turn=st.integers(0, 1))
    def search_everything(self, turn: int) -> None:
        self.check(-30, LENGTH + 300, turn, {})

    @rule(turn=st.integers(0, 1), days=st.sampled_from([-400.0, -1.0, 400.0]), first=st.integers(0, LENGTH))
    def search_with_a_wrong_clock(self, turn: int, days: float, first: int) -> None:
        self.clock.error = days * DAY
        self.result(first, first + 60, turn, {})
        self.clock.error = 0.0

    @rule(
        first=st.integers(0, LENGTH), turn=st.integers(0, 1),
        point=st.sampled_from(["before the file", "before the index", "after the index"]),
    )  # fmt: skip
    def kill(self, first: int, turn: int, point: str) -> None:
        with self.killed(turn, point):
            self.result(first, first + 100, turn, {})

    @rule(turn=st.integers(0, 1))
    def evict(self, turn: int) -> None:
        """Keep the files that were used last; they have about 2 kB each."""
        self.stores[turn].limit = 6_000
        self.check(50, 60, turn, {"refresh": True})
        self.stores[turn].limit = self.limit

    @rule(which=st.integers(0, 20), how=st.sampled_from(["remove", "cut", "change"]))
    def damage(self, which: int, how: str) -> None:
        self.damaged(which, how)

    @rule(turn=st.integers(0, 1))
    def clear(self, turn: int) -> None:
        self.stores[turn].clear()

    # What must hold

    def result(self, first: int, before: int, turn: int, more: dict[str, Any]) -> Any:
        """Return the events, or the error."""
        self.turn = turn
        start, end = stamp(first), stamp(before)
        wanted = (Alternative(start, end, strict=bool(more.get("strict"))),)
        try:
            return search.search([Query(start, end, page_size=7, alternatives=wanted, **more)])
        except HelioPluginsError as error:
            return error

    def check(self, first: int, before: int, turn: int, more: dict[str, Any]) -> None:
        were_disturbed = bool(self.registry.failing or self.registry.cut)
        found = self.result(first, before, turn, more)
        if isinstance(found, HelioPluginsError):
            assert were_disturbed, found
            return
        assert were_disturbed or not found.problems, found.problems
        got = {record["kb_archivid"].rpartition("/")[2]: record for record in found.records}
        assert len(got) == len(found.records), "an event occurs once"
        key = more.get("sort_by", "event_starttime")
        assert [one[key] for one in found.records] == sorted(one[key] for one in found.records)
        if found.problems or "limit" in more:
            return
        truth = {
            record["kb_archivid"].rpartition("/")[2]: record
            for record in self.registry.overlapping(stamp(first), stamp(before))
            if not more.get("strict") or (stamp(first) <= record["event_starttime"]
            and record["event_endtime"] <= stamp(before))
        }  # fmt: skip
        different = {name for name in got.keys() | truth.keys() if got.get(name) != truth.get(name)}
        # Only what changed since the registry was asked, for as long as its answer is believed, may differ.
        assert all(self.clock.now - self.changed.get(name, -DAY) < DAY for name in different), different
        assert not (different and more.get("refresh")), different


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_event_is_lost_or_doubled_or_older_than_believed() -> None:
    run_state_machine_as_test(Machine, settings=machine_settings(12, 30))


@pytest.mark.exhaustive
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_event_is_lost_or_doubled_or_older_than_believed_in_many_steps() -> None:
    run_state_machine_as_test(Machine, settings=machine_settings(EXAMPLES, STEPS))
