"""The cache of events through long random series of steps, each of them compared with a model of the registry."""

from __future__ import annotations

import contextlib
import itertools
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from sunpy_helio_plugins import conf
from sunpy_helio_plugins.errors import HelioPluginsError
from sunpy_helio_plugins.her import paging, search
from sunpy_helio_plugins.her.cache import holdings
from sunpy_helio_plugins.her.query import Alternative, Query
from sunpy_helio_plugins.store import ranges
from sunpy_helio_plugins.transport import metadata

sys.path.insert(0, str(Path(__file__).parent))
from changing_registry import DAY, UNIX, Clock, Registry, stamp

LONG = settings.default.max_examples > 100  # type: ignore[union-attr]
EXAMPLES, STEPS = (1000, 50) if LONG else (60, 40)
LENGTH = 400
"""Minutes in which there are events."""

NAMED = re.compile(r"from (\S+) to (\S+?)(?:,? and| are| of|,| could)")


class KilledError(BaseException):
    """The process ends here."""


class Machine(RuleBasedStateMachine):
    """Two processes that search one registry through one folder."""

    def __init__(self) -> None:
        super().__init__()
        self.undo = contextlib.ExitStack()
        self.place = Path(self.undo.enter_context(tempfile.TemporaryDirectory())) / "events"
        self.limit, self.kill_at, self.turn = 10**7, "", 0
        self.stores: list[ranges.Ranges] = []
        self.changed: dict[str, float] = {}
        """When each event was added, revised or removed."""
        self.clock = Clock(UNIX + 20 * DAY)
        self.registry = Registry(self.clock, size=7)
        patch = self.undo.enter_context(pytest.MonkeyPatch.context())
        for module in (holdings, ranges):
            patch.setattr(module, "time", self.clock)
        for module in (paging, search):
            patch.setattr(module, "AT_ONCE", 1)
        self.files = itertools.count(1)
        # The same steps have the same files.
        patch.setattr(ranges.secrets, "token_hex", lambda size: f"{next(self.files):0{2 * size}x}")
        patch.setattr(holdings, "store", lambda: self.stores[self.turn])
        patch.setattr(metadata, "get", self.registry.get)
        for name, value in {"cache": True, "cache_days": 1.0, "grace_days": 0.1}.items():
            self.undo.enter_context(conf.her.set_temp(name, value))
        for number in (0, 1):
            self.start(number)

    def start(self, number: int) -> None:
        """Start one of the processes."""
        made = ranges.Ranges(self.place, self.limit)
        write, publish = made._index.write, ranges.publish

        def killed_write(change: Any) -> bool:
            self.pass_point("before the index")
            done = write(change)
            self.pass_point("after the index")
            return done

        def killed_publish(*arguments: Any) -> Any:
            self.pass_point("before the file")
            return publish(*arguments)

        made._index.write = killed_write  # type: ignore[method-assign]
        self.publish = killed_publish
        if number < len(self.stores):
            self.stores[number].close()
            self.stores[number] = made
        else:
            self.stores.append(made)

    def pass_point(self, name: str) -> None:
        if self.kill_at in ("dead", name):
            # A process that is killed writes nothing more.
            self.kill_at = "dead"
            raise KilledError

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
        self.kill_at = point
        with contextlib.suppress(KilledError), pytest.MonkeyPatch.context() as patch:
            patch.setattr(ranges, "publish", self.publish)
            self.result(first, first + 100, turn, {})
        self.kill_at = ""
        self.start(turn)

    @rule(turn=st.integers(0, 1))
    def evict(self, turn: int) -> None:
        """Keep the files that were used last; they have about 2 kB each."""
        self.stores[turn].limit = 6_000
        self.check(50, 60, turn, {"refresh": True})
        self.stores[turn].limit = self.limit

    @rule(which=st.integers(0, 20), how=st.sampled_from(["remove", "cut", "change"]))
    def damage(self, which: int, how: str) -> None:
        found = sorted(self.place.glob("*.arrow"))
        if not found:
            return
        path = found[which % len(found)]
        if how == "remove":
            path.unlink()
            return
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 255
        path.write_bytes(bytes(content[: len(content) // 2] if how == "cut" else content))
        # A running process has read it already; the next one has not.
        for number in (0, 1):
            self.start(number)

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

    def teardown(self) -> None:
        for one in self.stores:
            one.close()
        self.undo.close()


def machine_settings(examples: int, steps: int) -> Any:
    return settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck),
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_event_is_lost_or_doubled_or_older_than_believed() -> None:
    run_state_machine_as_test(Machine, settings=machine_settings(12, 30))


@pytest.mark.exhaustive
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_event_is_lost_or_doubled_or_older_than_believed_in_many_steps() -> None:
    run_state_machine_as_test(Machine, settings=machine_settings(EXAMPLES, STEPS))
