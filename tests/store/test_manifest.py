"""Test the manifest of a folder, and the locks and whole files below it."""

from __future__ import annotations

import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sunpy_helio_plugins.errors import DiskError, FileError, LockedError
from sunpy_helio_plugins.store import manifest
from sunpy_helio_plugins.store.manifest import Manifest, Section
from sunpy_helio_plugins.store.publish import is_in_use, locked, new_part, sweep, write_whole

posix = pytest.mark.skipif(os.name != "posix", reason="Windows keeps open files from being removed by itself")


@pytest.fixture
def place(tmp_path):
    return tmp_path / ".manifest.json"


def added(name, *files):
    """Return a change that adds files to a section."""
    return lambda known: known.merged({key: {"size": 1} for key in files}, Section(name, "p", frozenset(files)))


def test_a_manifest_is_read_as_it_was_written(place):
    section = Section("a", "p", frozenset({"x"}), frozenset({"y"}), [{"attr": "z", "values": {}}])
    made = Manifest({"x": {"size": 1, "sha256": "0", "time": "t"}}, {"a": section})
    assert manifest.update(place, lambda known: made) == made
    assert manifest.load(place) == made


def test_a_folder_without_a_manifest_has_an_empty_one(place):
    assert manifest.load(place) == Manifest()
    assert Manifest().section("a", "p") == Section("a", "p")


def test_sections_keep_the_files_of_earlier_runs(place):
    manifest.update(place, added("a", "x"))
    made = manifest.update(place, added("a", "y"))
    assert made.sections["a"].files == {"x", "y"}
    assert made.without(["x"]).sections["a"].files == {"y"}
    assert made.without(["x"]).files == {"y": {"size": 1}}


def test_updates_at_once_lose_nothing(place):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: manifest.update(place, added(f"s{number % 3}", str(number))), range(30)))
    made = manifest.load(place)
    assert set(made.files) == set(map(str, range(30)))
    assert sum(len(one.files) for one in made.sections.values()) == 30


def test_an_update_without_a_change_does_not_write(place):
    manifest.update(place, added("a", "x"))
    before = place.stat().st_mtime_ns, place.stat().st_ino
    manifest.update(place, added("a", "x"))
    assert (place.stat().st_mtime_ns, place.stat().st_ino) == before


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", '{"files": 3}', '{"files": {}, "queries": {"a": {}}}', "\udcff",
        pytest.param("[" * 100_000, id="deep"),
    ],
)  # fmt: skip
def test_a_spoilt_manifest_is_one_sentence(place, text):
    place.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(FileError, match=r"manifest\.json is not a valid manifest .*; remove it to start again"):
        manifest.load(place)


def test_a_full_disk_leaves_the_manifest_of_before(place, monkeypatch):
    manifest.update(place, added("a", "x"))
    before = place.read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskError, match="the disk is full"):
        manifest.update(place, added("a", "y"))
    assert (place.read_bytes(), list(place.parent.glob("*.part"))) == (before, [])


def test_an_entry_has_size_digest_and_time(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    made = manifest.entry(tmp_path / "x")
    assert (made["size"], made["sha256"][:8], len(made["time"])) == (3, "ba7816bf", 23)


def test_a_lock_that_does_not_wait_is_an_error(tmp_path):
    with locked(tmp_path / "x"), pytest.raises(LockedError, match="x is in use by another run"):
        with locked(tmp_path / "x", wait=False):
            pass
    with locked(tmp_path / "x", wait=False):
        pass


def test_a_lock_that_waits_is_given_after_the_other_one(tmp_path):
    order = []

    def second():
        with locked(tmp_path / "x"):
            order.append("second")

    with locked(tmp_path / "x"):
        other = threading.Thread(target=second)
        other.start()
        order.append("first")
    other.join()
    assert order == ["first", "second"]


def test_a_file_system_without_locks_is_no_obstacle(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def refuse(*args):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path / "x", wait=False):
        write_whole(tmp_path / "x", b"abc")
    assert (tmp_path / "x").read_bytes() == b"abc"


@posix
def test_old_parts_are_swept_unless_they_are_in_use(tmp_path):
    (tmp_path / "deep").mkdir()
    with new_part(tmp_path / "deep" / "used.bin") as (used, _):
        names = (
            ".a.bin.0123abcd.part",
            "deep/.b.bin.0123abcd.part",
            ".x.part",
            "a.0123abcd.part",
            ".young.0123abcd.part",
        )
        for name in names:
            (tmp_path / name).touch()
        for one in (used, *(tmp_path / name for name in names[:4])):
            os.utime(one, (1, 1))
        assert sorted(path.name for path in sweep(tmp_path, 60)) == [".a.bin.0123abcd.part", ".b.bin.0123abcd.part"]
        assert (used.exists(), is_in_use(used), is_in_use(tmp_path / names[2])) == (True, True, False)
    assert [(tmp_path / name).exists() for name in names] == [False, False, True, True, True]


def test_digests_have_sixteen_digits():
    assert manifest.short_digest("x") == "2d711642b726b044"
