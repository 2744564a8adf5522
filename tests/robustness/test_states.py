"""The cache, a folder of downloads and a mirror, through long random series of steps; each is compared with a model."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import parfive
import pytest
from answers import FILES, as_json, imap_row, to_storage
from faults import FAULTS
from hostile import Answer, Hostile, Request, Route, hostile
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from journeys import directed
from sunpy.net import attrs as a

from sunpy_helio_plugins import conf, imap
from sunpy_helio_plugins.errors import FileError, HelioPluginsError
from sunpy_helio_plugins.store import answers
from sunpy_helio_plugins.transport.files.job import Download
from sunpy_helio_plugins.transport.files.queue import enqueue

LONG = settings.default.max_examples > 100  # type: ignore[union-attr]


def steps(examples: int, count: int) -> settings:
    return settings(
        max_examples=examples * (40 if LONG else 1),
        stateful_step_count=count,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


class InFolder(RuleBasedStateMachine):
    """A machine with a folder of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.undo = contextlib.ExitStack()
        self.folder = Path(self.undo.enter_context(tempfile.TemporaryDirectory()))

    def teardown(self) -> None:
        self.undo.close()


# The cache

URLS = st.sampled_from([f"https://a.example/{number}" for number in range(4)])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9), lambda one: st.lists(one, max_size=3)
)


class Cache(InFolder):
    """Stored answers: what was stored last, or nothing; never anything else, whatever happens to the file."""

    @initialize()
    def begin(self) -> None:
        self.undo.enter_context(conf.set_temp("cache", True))
        self.undo.enter_context(conf.set_temp("cache_dir", str(self.folder / "cache")))
        self.kept: dict[str, Any] = {}
        self.is_damaged = False

    @rule(url=URLS, value=VALUES)
    def store(self, url: str, value: Any) -> None:
        answers.store(url, value)
        self.kept[url] = value
        if answers.load(url) == value:
            return
        assert self.is_damaged or value is None

    @rule(url=URLS, value=VALUES)
    def store_for_no_time(self, url: str, value: Any) -> None:
        answers.store(url, value, days=-1)
        self.kept.pop(url, None)
        assert answers.load(url) is None

    @rule(url=URLS)
    def load(self, url: str) -> None:
        found = answers.load(url)
        assert found == self.kept.get(url) or (self.is_damaged and found is None)

    @rule(urls=st.lists(URLS, max_size=5))
    def load_many(self, urls: list[str]) -> None:
        assert answers.load_many(urls) == [answers.load(url) for url in urls]

    @rule()
    def clear(self) -> None:
        with contextlib.suppress(Exception):
            answers.clear()
            self.kept.clear()

    @rule(url=URLS)
    def switch_off(self, url: str) -> None:
        with conf.set_temp("cache", False):
            assert answers.load(url) is None
            answers.store(url, "never")

    @rule()
    def remove_the_folder(self) -> None:
        shutil.rmtree(self.folder / "cache", ignore_errors=True)
        self.is_damaged = True

    @rule(how=st.sampled_from(["cut", "garbage", "empty"]))
    def damage(self, how: str) -> None:
        # The system ends every process that has mapped a file of shared memory which another one cuts.
        for path in sorted(one for one in (self.folder / "cache").rglob("*.db*") if not one.name.endswith("-shm")):
            size = path.stat().st_size
            with path.open("r+b") as stream:
                stream.truncate({"cut": size // 2, "garbage": size, "empty": 0}[how])
                if how == "garbage":
                    stream.write(b"garbage" * 20)
        self.is_damaged = True


# A folder of downloads


def body_of(version: int) -> bytes:
    text = b"".join(hashlib.sha256(f"{version} {block}".encode()).digest() for block in range(20))
    return text + hashlib.sha256(text).digest()


def accept(path: Path) -> None:
    data = path.read_bytes()
    if hashlib.sha256(data[:-32]).digest() != data[-32:]:
        raise FileError("the sum of the file is wrong")


def is_complete(path: Path) -> bool:
    data = path.read_bytes()
    return hashlib.sha256(data[:-32]).digest() == data[-32:]


NAMES = st.sampled_from(["one.bin", "two.bin", "three.tar.gz"])
BROKEN = ("closed in the body", "right length, cut body", "status 503 Busy", "right length, zeros for the second half",
          "chunked: cut in a chunk", "gzip: flipped bit in the CRC", "reset after the headers",
          "200 with nothing")  # fmt: skip


class Folder(InFolder):
    """Files are complete versions that the server has had, or what the user put there; nothing hidden is left."""

    @initialize()
    def begin(self) -> None:
        self.version = 0
        route = Route("file", "GET", "/.*", lambda request, url: Answer(body_of(self.version), "application/x"))
        self.server: Hostile = self.undo.enter_context(hostile((route,)))
        for name, value in (("retries", 0), ("read_timeout", 1.0), ("deadline", 5.0)):
            self.undo.enter_context(conf.set_temp(name, value))
        self.own: dict[str, bytes] = {}

    def fetch(self, names: list[str], overwrite: Any) -> Any:
        downloader = parfive.Downloader(progress=False)
        made = [
            Download(f"{self.server.url}/{name}", self.folder / name, "T", accept, is_complete=is_complete)
            for name in names
        ]
        enqueue(downloader, made, overwrite)
        return downloader.download()

    @rule()
    def change_the_server(self) -> None:
        self.version += 1

    @rule(
        names=st.lists(NAMES, min_size=1, max_size=3, unique=True), overwrite=st.sampled_from([False, True, "unique"])
    )
    def download(self, names: list[str], overwrite: Any) -> None:
        results = self.fetch(names, overwrite)
        assert not results.errors
        assert all(is_complete(Path(path)) for path in results)
        if overwrite is True:
            assert all(Path(path).read_bytes() == body_of(self.version) for path in results)
        for path in results:
            self.own.pop(Path(path).name, None)

    @rule(name=NAMES, fault=st.sampled_from(BROKEN))
    def download_with_a_fault(self, name: str, fault: str) -> None:
        before = {path.name: path.read_bytes() for path in self.folder.iterdir()}
        self.server.set(FAULTS[fault], "file")
        results = self.fetch([name], True)
        self.server.set(None)
        if results.errors:
            assert isinstance(results.errors[0].exception, HelioPluginsError)
            assert {path.name: path.read_bytes() for path in self.folder.iterdir()} == before
        else:
            self.own.pop(name, None)

    @rule(name=NAMES)
    def cut_a_file(self, name: str) -> None:
        path = self.folder / name
        if path.exists():
            path.write_bytes(path.read_bytes()[:100])
            self.own[name] = path.read_bytes()

    @rule(name=NAMES)
    def remove_a_file(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)
        self.own.pop(name, None)

    @rule(name=NAMES)
    def leave_a_part(self, name: str) -> None:
        (self.folder / f".{name}.0123abcd.part").write_bytes(b"half")
        self.fetch([name], False)
        assert not (self.folder / f".{name}.0123abcd.part").exists()
        self.own.pop(name, None)

    @invariant()
    def every_file_is_whole(self) -> None:
        for path in self.folder.iterdir():
            assert not path.name.startswith("."), path.name
            assert is_complete(path) or path.read_bytes() == self.own.get(path.name), path.name


# A mirror

BODY = next(iter(FILES.values()))


def file_name(descriptor: str, day: int, version: int) -> str:
    return f"imap_mag_l2_{descriptor}_202601{day:02d}_v001.{version:04d}.cdf"


class Mirror(InFolder):
    """After each complete run all files of the query are there and whole; what is called gone is not listed."""

    @initialize()
    def begin(self) -> None:
        self.listed: dict[tuple[str, int], int] = {("norm-gse", 10): 1}
        routes = (
            Route("query", "GET", "/imap/query", self.rows),
            Route("download", "GET", "/imap/download/.*", to_storage),
            Route("storage", "GET", "/storage/.*", lambda request, url: Answer(BODY, "binary/octet-stream")),
        )
        self.server: Hostile = self.undo.enter_context(hostile(routes))
        limits = {"retries": 0, "deadline": 10.0, "read_timeout": 2.0, "search_deadline": 20.0}
        self.undo.enter_context(directed(self.server.url, **limits))
        self.damaged: set[str] = set()

    def rows(self, request: Request, url: str) -> Answer:
        wanted = request.fields
        first, last = wanted.get("start_date", "0"), wanted.get("end_date", "9")
        found = []
        for (descriptor, day), version in self.listed.items():
            if first <= f"202601{day:02d}" <= last and wanted.get("descriptor", descriptor) == descriptor:
                row = imap_row(file_name(descriptor, day, version), version)
                found.append(row | {"start_date": f"202601{day:02d}"})
        return as_json(found)

    @rule(descriptor=st.sampled_from(["norm-gse", "norm-rtn", "burst-gse"]), day=st.integers(10, 13))
    def publish(self, descriptor: str, day: int) -> None:
        self.listed[descriptor, day] = self.listed.get((descriptor, day), 0) + 1

    @precondition(lambda self: len(self.listed) > 1)
    @rule(data=st.data())
    def withdraw(self, data: Any) -> None:
        del self.listed[data.draw(st.sampled_from(sorted(self.listed)))]

    @rule(days=st.sampled_from([(10, 13), (11, 12), (10, 10)]))
    def sync(self, days: tuple[int, int]) -> None:
        done = self.synced(days)
        assert not done.errors
        names = {path.name for path in (*done.new, *done.kept)}
        wanted = {
            file_name(descriptor, day, version)
            for (descriptor, day), version in self.listed.items()
            if days[0] <= day <= days[1]
        }
        assert names == wanted
        assert all(path.read_bytes() == BODY for path in (*done.new, *done.kept))
        self.damaged -= names
        every = {file_name(*key, version) for key, version in self.listed.items()}
        assert not {path.name for path in done.gone} & every

    @rule(fault=st.sampled_from(BROKEN), stage=st.sampled_from(["query", "download", "storage"]))
    def sync_with_a_fault(self, fault: str, stage: str) -> None:
        self.server.set(FAULTS[fault], stage, 1)
        try:
            done = self.synced((10, 13))
        except HelioPluginsError:
            return
        finally:
            self.server.set(None)
        self.damaged -= {path.name for path in (*done.new, *done.kept)}
        every = {file_name(*key, version) for key, version in self.listed.items()}
        assert not {path.name for path in done.gone} & every

    def synced(self, days: tuple[int, int]) -> Any:
        query = (
            a.Time(f"2026-01-{days[0]}", f"2026-01-{days[1]} 23:00"), a.imap.File(), a.Instrument("mag"), a.Level("l2"),
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return imap.sync(query, self.folder, progress=False)

    @rule(data=st.data(), how=st.sampled_from(["cut", "remove"]))
    def damage(self, data: Any, how: str) -> None:
        found = sorted(self.folder.rglob("*.cdf"))
        if found:
            path = data.draw(st.sampled_from(found))
            path.unlink() if how == "remove" else os.truncate(path, 500)
            self.damaged.add(path.name)

    @invariant()
    def every_file_is_whole(self) -> None:
        for path in self.folder.rglob("*"):
            assert path.suffix != ".part"
            if path.suffix == ".cdf" and path.name not in self.damaged:
                assert path.read_bytes() == BODY, path.name


MACHINES: dict[str, tuple[Callable[[], Any], settings]] = {
    "cache": (Cache, steps(15, 20)), "folder": (Folder, steps(5, 12)), "mirror": (Mirror, steps(6, 12)),
}  # fmt: skip


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", MACHINES)
def test_a_machine_agrees_with_its_model(name: str) -> None:
    machine, how = MACHINES[name]
    run_state_machine_as_test(machine, settings=how)
