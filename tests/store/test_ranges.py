"""Test the store of ranges: what it knows, what it removes, who requests, and that nothing there is an error."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import numpy as np
import pytest
from astropy.utils.exceptions import AstropyUserWarning

from sunpy_helio_plugins.errors import DiskError
from sunpy_helio_plugins.store import ranges
from sunpy_helio_plugins.store.intervals import FOREVER, Entry, Range, State
from sunpy_helio_plugins.store.ranges import Ranges

NOW = 1.7e9


@pytest.fixture
def store(tmp_path):
    made = Ranges(tmp_path / "records", 10**7)
    yield made
    made.close()


def present(first: int, before: int) -> Entry:
    return Entry(first, before, State.PRESENT, NOW, FOREVER)


def put(store: Ranges, first: int, before: int, group: str = "g", key: str = "k", **options: Any) -> bool:
    columns = {"x": np.arange(float(first), float(before))}
    return store.put(group, {key: [present(first, before)]}, columns, '{"a": 1}', **options)


def values(store: Ranges, first: int, before: int, group: str = "g", key: str = "k") -> list[float]:
    """Return the kept values of a range."""
    found = []
    for one in store.known(group, [key], first, before)[key]:
        opened = store.open(one.source, ["x"]) if one.source else None
        if opened is not None:
            x = opened.columns["x"]
            found += x[(x >= max(first, one.first)) & (x < min(before, one.before))].tolist()
    return found


def test_nothing_is_known_of_an_empty_store_and_nothing_is_written(store):
    assert store.known("g", ["k"], 0, 10) == {"k": []}
    assert (store.note("g"), store.size(), store.groups(), store.summary()) == ("", 0, [], [])
    store.clear()
    assert store.open(1, ["x"]) is None
    assert not store.place.exists()


def test_what_is_put_is_known_also_by_another_process(store):
    assert put(store, 0, 10)
    other = Ranges(store.place, store.limit)
    assert values(other, 3, 20) == [3, 4, 5, 6, 7, 8, 9]
    found = other.open(1, ["x"])
    assert found is not None
    assert found.header == '{"a": 1}'
    other.close()


def test_later_records_replace_earlier_ones_and_unused_files_are_removed(store):
    put(store, 0, 10)
    put(store, 5, 15)
    assert values(store, 0, 20) == list(range(15))
    assert len(list(store.place.glob("*.arrow"))) == 2
    put(store, -5, 20)
    assert values(store, -5, 20) == list(range(-5, 20))
    assert len(list(store.place.glob("*.arrow"))) == 1


def test_series_of_other_groups_and_keys_are_apart(store):
    put(store, 0, 10)
    put(store, 5, 15, key="other")
    put(store, 7, 9, group="h")
    assert values(store, 0, 20) == list(range(10))
    store.clear("h")
    assert store.groups() == ["g"]
    assert [(group, key) for group, key, _ in store.summary()] == [("g", "k"), ("g", "other")]
    store.clear()
    assert store.groups() == []
    assert list(store.place.glob("*.arrow")) == []


def test_a_failure_does_not_hide_records(store):
    put(store, 0, 10)
    store.put("g", {"k": [Entry(5, 15, State.FAILED, NOW, NOW, why="down")]})
    found = store.known("g", ["k"], 0, 20)["k"]
    assert [(one.first, one.before, one.state, one.why) for one in found] == [
        (0, 10, State.PRESENT, ""), (10, 15, State.FAILED, "down"),
    ]  # fmt: skip


def test_a_note_changes_together_with_what_is_forgotten(store):
    put(store, 0, 10, revise=lambda note: f"{note}first")
    put(store, 0, 10, key="other")
    store.revise("g", lambda note: (f"{note}, second", [("k", Range(4, 6))]))
    assert store.note("g") == "first, second"
    assert values(store, 0, 20) == [0, 1, 2, 3, 6, 7, 8, 9]
    assert values(store, 0, 20, key="other") == list(range(10))
    store.revise("g", lambda note: ("third", [(None, None)]))
    assert values(store, 0, 20) == values(store, 0, 20, key="other") == []
    assert list(store.place.glob("*.arrow")) == []


def test_the_files_that_were_not_used_for_the_longest_time_are_removed(store):
    put(store, 0, 1000)
    size = store.size()
    store.limit = int(3.5 * size)
    for first in (1000, 2000, 3000, 4000):
        put(store, first, first + 1000)
    assert store.size() <= store.limit
    assert values(store, 0, 1000) == []
    assert values(store, 4000, 5000) == list(range(4000, 5000))


def test_reading_counts_as_use(store, monkeypatch):
    for first in (0, 1000, 2000):
        put(store, first, first + 1000)
    store.limit = store.size() + 100
    now = time.time()
    monkeypatch.setattr(ranges.time, "time", lambda: now + 7200)
    assert len(values(store, 0, 1000)) == 1000
    put(store, 3000, 4000)
    assert len(values(store, 0, 1000)) == 1000
    assert values(store, 1000, 2000) == []


def test_data_that_exceed_the_limit_are_not_kept(store):
    store.limit = 1000
    assert not put(store, 0, 1000)
    assert store.known("g", ["k"], 0, 1000) == {"k": []}
    assert list(store.place.glob("*.arrow")) == []


@pytest.mark.parametrize("how", ["remove", "cut", "change", "empty"])
def test_a_file_that_was_changed_is_not_known_any_more(store, how):
    put(store, 0, 1000)
    (path,) = store.place.glob("*.arrow")
    content = path.read_bytes()
    made = {
        "cut": content[:-100], "change": content[:2000] + bytes([content[2000] ^ 1]) + content[2001:], "empty": b"",
    }  # fmt: skip
    path.unlink()
    if how in made:
        path.write_bytes(made[how])
    other = Ranges(store.place, store.limit)
    assert values(other, 0, 1000) == []
    assert other.known("g", ["k"], 0, 1000) == {"k": []}
    other.close()


@pytest.mark.parametrize("is_known", [True, False])
def test_a_file_that_is_replaced_after_it_was_read_is_not_known_any_more(store, is_known):
    put(store, 0, 10)
    if not is_known:  # as in another process
        store._verified.clear()
    assert len(values(store, 0, 10)) == 10
    (path,) = store.place.glob("*.arrow")
    content = bytearray(path.read_bytes())
    content[content.index(np.float64(7).tobytes())] ^= 1
    other = path.with_suffix(".new")
    other.write_bytes(content)
    other.replace(path)
    assert values(store, 0, 10) == []
    assert store.known("g", ["k"], 0, 10) == {"k": []}


def test_a_file_is_only_verified_once(store, monkeypatch):
    put(store, 0, 10)
    monkeypatch.setattr(ranges.arrow, "checksum", lambda path: pytest.fail(f"{path} was read again"))
    assert len(values(store, 0, 10)) == 10


def test_a_reader_keeps_what_it_opened_when_another_process_removes_it(store):
    put(store, 0, 1000)
    opened = store.open(1, ["x"])
    other = Ranges(store.place, store.limit)
    other.clear()
    other.close()
    assert opened is not None
    assert opened.columns["x"].tolist() == list(range(1000))
    assert values(store, 0, 1000) == []


def test_nothing_is_written_together_after_another_process_changed_it(store):
    put(store, 0, 10)
    known = store.known("g", ["k"], 0, 10)
    put(store, 5, 10)
    assert not put(store, 0, 10, expected=known)
    assert put(store, 0, 10, expected=store.known("g", ["k"], 0, 10))
    assert len(list(store.place.glob("*.arrow"))) == 1


def test_a_full_disk_is_an_error_and_leaves_no_part(store, monkeypatch):
    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ranges.arrow, "write", full)
    with pytest.raises(DiskError, match=r"arrow cannot be written: No space left on device"):
        put(store, 0, 10)
    assert [path for path in store.place.iterdir() if "arrow" in path.name] == []


def test_an_index_that_cannot_be_written_keeps_nothing(store):
    store.place.mkdir(mode=0o700)
    (store.place / ranges.NAME).mkdir()
    with pytest.warns(AstropyUserWarning, match=r"cache of records in .* cannot be"):
        assert not put(store, 0, 10)
    assert list(store.place.glob("*.arrow")) == []


def test_a_damaged_index_is_renamed_and_the_files_are_removed_later(store, monkeypatch):
    put(store, 0, 10)
    store.close()
    for path in store.place.glob(f"{ranges.NAME}*"):
        path.write_bytes(b"no database" * 100)
    other = Ranges(store.place, store.limit)
    with pytest.warns(AstropyUserWarning, match="damaged"):
        assert put(other, 20, 30)
    assert values(other, 0, 40) == list(range(20, 30))
    now = time.time()
    monkeypatch.setattr(ranges.time, "time", lambda: now + 7200)
    third = Ranges(store.place, store.limit)
    put(third, 30, 40)
    assert values(third, 0, 40) == list(range(20, 40))
    assert len(list(store.place.glob("*.arrow"))) == 2
    other.close()
    third.close()


def test_entries_of_a_wrong_clock_are_removed(store):
    columns = {"x": np.arange(10.0)}
    store.put("g", {"k": [Entry(0, 10, State.PRESENT, time.time() + 1e6, FOREVER)]}, columns, "{}")
    other = Ranges(store.place, store.limit)
    put(other, 20, 30)
    assert values(other, 0, 40) == list(range(20, 30))
    other.close()


# Leases


def test_one_caller_requests_and_others_wait(store):
    with store.leased("g", [Range(0, 10), Range(20, 30)]) as (taken, end):
        assert taken == [True, True]
        with store.leased("g", [Range(5, 6), Range(10, 20), Range(29, 40)]) as (others, _):
            assert others == [False, True, False]
        with store.leased("h", [Range(0, 10)]) as (others, _):
            assert others == [True]
        assert store.is_leased("g", Range(9, 11))
        assert not store.is_leased("g", Range(10, 20))
        end(Range(0, 10))
        assert not store.is_leased("g", Range(0, 10))
        assert store.is_leased("g", Range(20, 21))
    assert not store.is_leased("g", Range(0, 100))
    assert list(store.place.glob(".*lease*")) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the process is made by fork")
def test_the_lease_of_a_process_that_was_killed_ends(store):
    put(store, 0, 1)
    ready, answer = os.pipe()
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            with store.leased("g", [Range(0, 10)]) as (taken, _):
                os.write(answer, b"y" if taken == [True] else b"n")
                time.sleep(60)
        os._exit(1)
    assert os.read(ready, 1) == b"y"
    assert store.is_leased("g", Range(0, 10))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(ready)
    os.close(answer)
    assert not store.is_leased("g", Range(0, 10))
    with store.leased("g", [Range(0, 10)]) as (taken, _):
        assert taken == [True]


def test_a_lease_ends_after_some_time(store, monkeypatch):
    with store.leased("g", [Range(0, 10)]):
        now = time.time()
        monkeypatch.setattr(ranges.time, "time", lambda: now + 601)
        assert not store.is_leased("g", Range(0, 10))


class Naps:
    """The module `time` of a caller that waits; something happens at one of its sleeps."""

    def __init__(self, at: int, then: Callable[[], Any]) -> None:
        self.naps: list[float] = []
        self.at, self.then = at, then

    def time(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return sum(self.naps)

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        if len(self.naps) == self.at:
            self.then()


def test_a_caller_waits_longer_and_longer_until_no_other_one_is_requesting(store, monkeypatch):
    with store.leased("g", [Range(0, 10), Range(20, 30)]) as (_, end):
        clock = Naps(7, lambda: end(Range(0, 10)))
        monkeypatch.setattr(ranges, "time", clock)
        assert store.waited("g", [Range(5, 6), Range(10, 20)], give_up=60)
        assert clock.naps == [0.005, 0.01, 0.02, 0.04, 0.08, 0.1, 0.1]


def test_a_caller_waits_no_longer_than_it_may(store, monkeypatch):
    with store.leased("g", [Range(0, 10)]):
        clock = Naps(0, lambda: None)
        monkeypatch.setattr(ranges, "time", clock)
        assert not store.waited("g", [Range(20, 30), Range(9, 10)], give_up=1)
        assert 1 <= sum(clock.naps) < 1.1
        assert not store.waited("g", [Range(20, 30)], give_up=1)


def test_threads_share_a_store(store):
    def work(number: int) -> None:
        for first in range(number * 1000, number * 1000 + 50, 5):
            with store.leased("g", [Range(first, first + 5)]) as (taken, _):
                if taken == [True]:
                    put(store, first, first + 5)

    threads = [threading.Thread(target=work, args=(number % 4,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert [values(store, number * 1000, number * 1000 + 50) for number in range(4)] == [
        list(range(number * 1000, number * 1000 + 50)) for number in range(4)
    ]


def test_the_index_is_private(store):
    put(store, 0, 10)
    assert (store.place / ranges.NAME).stat().st_mode & 0o777 == 0o600
    assert store.place.stat().st_mode & 0o777 == 0o700
    with closing(sqlite3.connect(store.place / ranges.NAME)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_nothing_new_changes_nothing(store):
    put(store, 0, 10)
    assert store.put("g", {"k": []})
    assert values(store, 0, 10) == list(map(float, range(10)))


def test_a_lease_whose_lock_cannot_be_tried_does_not_count(store, monkeypatch):
    with store.leased("g", [Range(0, 10)]) as (taken, _):
        assert taken == [True]
        assert store.is_leased("g", Range(0, 10))

        def refused(*_, **__):
            raise OSError(5, "Input/output error")

        with monkeypatch.context() as within:
            within.setattr(ranges, "locked", refused)
            assert not store.is_leased("g", Range(0, 10))


def test_an_error_of_the_disk_is_raised_as_it_is(store, monkeypatch):
    error = DiskError("the disk is full")

    def full(*_):
        raise error

    monkeypatch.setattr(ranges.arrow, "write", full)
    with pytest.raises(DiskError) as told:
        put(store, 0, 10)
    assert told.value is error


def test_a_file_that_alone_is_nearly_as_large_as_the_limit_is_removed_with_the_others(tmp_path, store):
    put(store, 0, 1000)
    small = Ranges(tmp_path / "small", store.size() + 10)
    put(small, 0, 10)
    put(small, 5000, 6000)
    assert (values(small, 0, 10), values(small, 5000, 6000), small.size()) == ([], [], 0)
    small.close()
