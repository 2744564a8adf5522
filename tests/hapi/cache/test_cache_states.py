"""The cache through long random series of steps, each of them compared with a model of the server."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sunpy_helio_plugins import conf
from sunpy_helio_plugins.errors import HelioPluginsError
from sunpy_helio_plugins.hapi.cache import holdings
from sunpy_helio_plugins.hapi.records import load
from sunpy_helio_plugins.quantities.spans import Moment
from sunpy_helio_plugins.store import ranges
from sunpy_helio_plugins.transport import metadata

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))
from dataset import DAY, NAMES, UNIX, Dataset, moment
from two_processes import Clock, TwoProcesses, machine_settings

LONG = settings.default.max_examples > 100  # type: ignore[union-attr]
EXAMPLES, STEPS = (2500, 50) if LONG else (60, 40)
GRACE = 5
"""Minutes before the present in which records may change without notice."""

LENGTH = 120
NAMED = re.compile(r"(\S+Z) to (\S+Z)(?: of ([^:]+?))? (?:is missing|could not be requested again)")


class Machine(TwoProcesses):
    """Two processes that load records of one dataset through one folder."""

    steps = 0
    """The number of steps of all machines."""

    def __init__(self) -> None:
        super().__init__("records", Clock(UNIX + LENGTH * 60), holdings)
        self.patch.setattr(metadata, "get", lambda url, **kwargs: self.dataset.get(url, **kwargs))
        for name, value in {"cache": True, "cache_days": 1.0, "grace_days": GRACE / 1440, "connections": 1}.items():
            self.undo.enter_context(conf.hapi.set_temp(name, value))

    @initialize(tells=st.booleans(), gap=st.integers(10, 60))
    def begin(self, tells: bool, gap: int) -> None:
        self.dataset = Dataset(self.clock, tells)
        self.dataset.start = self.dataset.stop = 0
        self.dataset.put(0)
        self.dataset.grow(LENGTH)
        for minute in range(gap, gap + 12):
            self.dataset.remove(minute)
        for minute in self.dataset.changed:
            self.dataset.changed[minute] = -DAY
        self.old_raw = self.dataset.raw()

    @property
    def present(self) -> int:
        return int((self.clock.now - UNIX) // 60)

    # The server changes

    @rule(first=st.integers(0, LENGTH), length=st.integers(1, 12))
    def backfill(self, first: int, length: int) -> None:
        self.old_raw = self.dataset.raw()
        for minute in range(first, min(first + length, self.dataset.stop)):
            if minute not in self.dataset.rows:
                self.dataset.put(minute)

    @precondition(lambda self: self.dataset.tells)
    @rule(first=st.integers(0, LENGTH), length=st.integers(1, 12), is_removed=st.booleans())
    def modify(self, first: int, length: int, is_removed: bool) -> None:
        self.old_raw = self.dataset.raw()
        for minute in range(first, min(first + length, self.dataset.stop)):
            if minute in self.dataset.rows:
                if is_removed:
                    self.dataset.remove(minute)
                else:
                    self.dataset.put(minute)

    @rule(minutes=st.integers(1, 8))
    def grow(self, minutes: int) -> None:
        """Pass some time; records of the last minutes become whole."""
        self.clock.now += 60 * minutes
        for minute in range(self.present - GRACE + minutes + 1, self.dataset.stop + 1):
            if minute in self.dataset.rows:
                self.dataset.put(minute, is_modified=False)
        if self.dataset.stop < 3 * LENGTH:
            self.dataset.grow(min(self.present, self.dataset.stop + minutes))

    @rule(days=st.sampled_from([0.2, 0.9, 1.1, 5.0]))
    def wait(self, days: float) -> None:
        self.clock.now += days * DAY

    @rule(number=st.integers(1, 3), how=st.sampled_from(["failing", "cut", "spliced"]))
    def disturb(self, number: int, how: str) -> None:
        setattr(self.dataset, how, number)

    # The client

    @rule(
        first=st.integers(0, LENGTH), length=st.integers(1, 60), names=st.sampled_from([("A",), ("B",), NAMES]),
        cuts=st.sampled_from([(), (30, 60, 90), tuple(range(0, 2 * LENGTH, 7))]), turn=st.integers(0, 1),
        refresh=st.sampled_from([False, False, False, True]), in_batches=st.booleans(),
    )  # fmt: skip
    def load(
        self,
        first: int,
        length: int,
        names: tuple[str, ...],
        cuts: tuple[int, ...],
        turn: int,
        refresh: bool,
        in_batches: bool,
    ) -> None:
        with pytest.MonkeyPatch.context() as patch:
            if in_batches:
                patch.setattr(load, "_WHOLE", 500)
                patch.setattr(load, "_BATCH", 500)
            self.check(first, min(first + length, self.dataset.stop + 1), names, cuts, turn, refresh)

    @rule(
        first=st.integers(0, LENGTH), length=st.integers(1, 30), names=st.sampled_from([("A",), ("B",), NAMES]),
        turn=st.integers(0, 1),
    )  # fmt: skip
    def file(self, first: int, length: int, names: tuple[str, ...], turn: int) -> None:
        """Take the records of a file, if it is made without a request."""
        before = min(first + length, self.dataset.stop + 1)
        self.turn = turn
        self.dataset.requests.clear()
        if first >= before:
            return
        asked = self.dataset.requests_for(first, before, names, (), self.dataset.raw())
        held = holdings.opened(asked, self.dataset.service())
        assert held is not None
        kept = held.kept()
        assert self.dataset.requests == []
        if kept is None:
            return
        document, requested = kept
        assert requested <= Moment(0, 0).later(int(self.clock.now * 1e9))
        times, *columns = document.columns() or [np.empty(0, np.int64)] * (len(names) + 1)
        minutes = [(Moment.of_ordinal(one).since(moment(0))) // (60 * 10**9) for one in times.tolist()]
        rows = dict(zip(minutes, zip(*(column.tolist() for column in columns), strict=True), strict=True))
        assert len(rows) == len(times)
        for minute in range(first, before):
            self.check_minute(minute, rows.pop(minute, None), names)
        assert rows == {}

    @rule(names=st.sampled_from([("A",), NAMES]), turn=st.integers(0, 1))
    def load_latest(self, names: tuple[str, ...], turn: int) -> None:
        self.check(max(0, self.dataset.stop - 20), self.dataset.stop + 1, names, (), turn, False)

    @rule(names=st.sampled_from([("A",), ("B",), NAMES]), turn=st.integers(0, 1))
    def load_everything(self, names: tuple[str, ...], turn: int) -> None:
        self.check(0, self.dataset.stop + 1, names, (), turn, False)

    @rule(first=st.integers(0, LENGTH), turn=st.integers(0, 1))
    def load_with_an_old_description(self, first: int, turn: int) -> None:
        """The description is cached longer than the records: nothing is compared, but later loads are."""
        self.result(first, first + 20, NAMES, (), turn, False, self.old_raw)

    @rule(first=st.integers(0, LENGTH), days=st.sampled_from([-400.0, -1.0, 400.0]), turn=st.integers(0, 1))
    def load_with_a_wrong_clock(self, first: int, days: float, turn: int) -> None:
        self.clock.error = days * DAY
        self.result(first, first + 20, NAMES, (), turn, False, self.dataset.raw())
        self.clock.error = 0.0

    @rule(
        first=st.integers(0, LENGTH), turn=st.integers(0, 1),
        point=st.sampled_from(["before the file", "before the index", "after the index"]),
    )  # fmt: skip
    def kill(self, first: int, turn: int, point: str) -> None:
        with self.killed(turn, point):
            self.result(first, first + 30, NAMES, (), turn, False, self.dataset.raw())

    @rule(turn=st.integers(0, 1))
    def evict(self, turn: int) -> None:
        """Keep the files that were used last; they have about 7 kB each."""
        self.stores[turn].limit = 30_000
        self.check(50, 60, NAMES, (), turn, True)
        self.stores[turn].limit = self.limit

    @rule(which=st.integers(0, 20), how=st.sampled_from(["remove", "cut", "change"]))
    def damage(self, which: int, how: str) -> None:
        self.damaged(which, how)

    @rule(turn=st.integers(0, 1))
    def clear(self, turn: int) -> None:
        self.stores[turn].clear()

    @rule()
    def lose_the_index(self) -> None:
        for number in (0, 1):
            self.stores[number].close()
        (self.place / ranges.NAME).unlink(missing_ok=True)
        for suffix in ("-wal", "-shm"):
            Path(f"{self.place / ranges.NAME}{suffix}").unlink(missing_ok=True)

    # What must hold

    def result(self, first: int, before: int, names: Any, cuts: Any, turn: int, refresh: bool, raw: Any) -> Any:
        """Return the table and its problems, or the error."""
        self.turn = turn
        self.dataset.disturbed = False
        self.dataset.requests.clear()
        found = self.dataset.requests_for(first, before, names, cuts, raw)
        try:
            answer = load.gathered(found, is_kept=True, refresh=refresh, service=self.dataset.service())
        except HelioPluginsError as error:
            return error
        return answer.items[0], answer.problems

    def check(self, first: int, before: int, names: Any, cuts: Any, turn: int, refresh: bool) -> None:
        if first >= before:
            return
        spliced = self.dataset.spliced
        found = self.result(first, before, names, cuts, turn, refresh, self.dataset.raw())
        if isinstance(found, HelioPluginsError):
            assert self.dataset.disturbed, found
            return
        table, problems = found
        if spliced != self.dataset.spliced:
            # The server sent other records than it has; they are not kept.
            return
        assert self.dataset.disturbed or not problems, problems
        minutes = np.round((table.columns[0].unix - UNIX) / 60).astype(int).tolist() if len(table) else []
        assert minutes == sorted(set(minutes))
        assert all(first <= minute < before for minute in minutes)
        named = {minute for text in problems for minute in self.named(text)}
        rows = {
            minute: tuple(float(table[name][row].value) for name in names) for row, minute in enumerate(minutes)
        }  # fmt: skip
        for minute in range(first, before):
            if minute not in named:
                self.check_minute(minute, rows.get(minute), names)

    def named(self, text: str) -> range:
        found = NAMED.search(text)
        assert found is not None, text
        start, stop = (
            (np.datetime64(stamp[:-1]) - np.datetime64("2026-01-01")) / np.timedelta64(1, "m")
            for stamp in found.groups()[:2]
        )
        return range(int(np.ceil(start)), int(np.floor(stop)) + 1)

    def check_minute(self, minute: int, got: Any, names: Any) -> None:
        truth = self.dataset.rows.get(minute)
        wanted = None if truth is None else tuple(truth[NAMES.index(name)] for name in names)
        if got == wanted:
            return
        since = self.clock.now - self.dataset.changed.get(minute, -DAY)
        is_recent = since < DAY and not self.dataset.tells
        # What comes later than the server said is believed to be missing for a day.
        assert is_recent, (minute, got, wanted, since)
        assert got is None, (minute, got, wanted)

    @invariant()
    def count(self) -> None:
        Machine.steps += 1


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_hole_and_no_wrong_record_that_is_not_named() -> None:
    run_state_machine_as_test(Machine, settings=machine_settings(10, 30))


@pytest.mark.exhaustive
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_hole_and_no_wrong_record_that_is_not_named_in_many_steps() -> None:
    """The profile "long" makes at least 100,000 steps."""
    Machine.steps = 0
    run_state_machine_as_test(Machine, settings=machine_settings(EXAMPLES, STEPS))
    print(f"{Machine.steps} steps")  # noqa: T201
    assert Machine.steps >= (100_000 if LONG else 1000)
