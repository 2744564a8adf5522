"""Test part files: locked while they are written, removed afterwards, and without conflicts."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import parfive
import pytest

from sunpy_helio_plugins.store.publish import new_part, numbered, publish, remove_stale
from sunpy_helio_plugins.transport.files.job import Download
from sunpy_helio_plugins.transport.files.queue import enqueue

sys.path.insert(0, str(Path(__file__).parents[1] / "transport"))
from killing import FILES, kill_and_look
from wire import say, wire

posix = pytest.mark.skipif(os.name != "posix", reason="Windows keeps open files from being removed by itself")


def parts(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix == ".part")


def test_a_part_is_beside_its_target_and_gone_afterwards(tmp_path):
    with new_part(tmp_path / "x.bin") as (path, stream):
        stream.write(b"data")
        assert path.parent == tmp_path
        assert parts(tmp_path) == [path.name]
    assert parts(tmp_path) == []


def test_leftovers_of_the_same_target_are_removed(tmp_path):
    for name in (".x.bin.0123abcd.part", ".x.bin.4567abcd.part", ".y.bin.0123abcd.part"):
        (tmp_path / name).write_bytes(b"half")
    with new_part(tmp_path / "x.bin") as (path, _):
        assert parts(tmp_path) == sorted([path.name, ".y.bin.0123abcd.part"])


@posix
def test_the_part_of_a_living_process_is_not_touched(tmp_path):
    script = (
        "import pathlib, sys\n"
        "from sunpy_helio_plugins.store.publish import new_part\n"
        "with new_part(pathlib.Path(sys.argv[1])) as (path, stream):\n"
        "    print(path, flush=True)\n    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "x.bin")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        held = Path(process.stdout.readline().strip())
        remove_stale(tmp_path / "x.bin")
        assert held.exists()
        with new_part(tmp_path / "x.bin") as (ours, _):
            assert parts(tmp_path) == sorted([held.name, ours.name])
        process.kill()
        process.communicate()
    assert held.exists()
    remove_stale(tmp_path / "x.bin")
    assert parts(tmp_path) == []


def test_publishing_keeps_what_is_there(tmp_path):
    (tmp_path / "x").write_bytes(b"old")
    (tmp_path / "part").write_bytes(b"new")
    assert publish(tmp_path / "part", tmp_path / "x", False) == tmp_path / "x"
    assert (tmp_path / "x").read_bytes() == b"old"


def test_publishing_without_hard_links_keeps_what_is_there(tmp_path, monkeypatch):
    def refuse(*args):
        raise OSError("no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "part").write_bytes(b"new")
    assert publish(tmp_path / "part", tmp_path / "x", False).read_bytes() == b"new"
    (tmp_path / "part").write_bytes(b"newer")
    publish(tmp_path / "part", tmp_path / "x", False)
    assert (tmp_path / "x").read_bytes() == b"new"


def test_a_part_that_cannot_be_published_leaves_no_empty_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        publish(tmp_path / "gone.part", tmp_path / "x.bin", False)
    assert list(tmp_path.iterdir()) == []


def test_a_part_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    steps = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: steps.append("on the disk"))
    link = os.link
    monkeypatch.setattr(os, "link", lambda *names: (steps.append("named"), link(*names)))
    with wire(say(body=b"data")) as (url, _):
        downloader = parfive.Downloader(progress=False)
        enqueue(downloader, [Download(url, tmp_path / "x.bin", "an archive")])
        assert not downloader.download().errors
    assert steps == ["on the disk", "named"]


def test_in_a_race_one_wins_and_nothing_is_lost(tmp_path):
    names: list[Path] = []
    barrier = threading.Barrier(8)

    def race(number: int) -> None:
        part = tmp_path / f"{number}.part"
        part.write_text(str(number))
        barrier.wait()
        names.append(publish(part, tmp_path / "x.bin", "unique"))

    threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(names)) == 8
    assert {path.read_text() for path in names} == set("01234567")


@pytest.mark.parametrize(
    ("name", "second"),
    [
        ("x.cdf", "x-2.cdf"),
        ("imap_mag_l2_norm-gse_20260110_v001.0002.cdf", "imap_mag_l2_norm-gse_20260110_v001.0002-2.cdf"),
        ("x.csv.gz", "x-2.csv.gz"),
        ("x", "x-2"),
        (".hidden", ".hidden-2"),
    ],
)
def test_numbers_go_before_the_suffix(name, second):
    assert numbered(Path(name), 2) == Path(second)


@pytest.mark.exhaustive
@posix
def test_a_kill_leaves_whole_files_only_and_a_rerun_completes(tmp_path):
    tally = kill_and_look(tmp_path, 10)
    assert (tally.trials, tally.wrong, tally.incomplete, tally.leftovers) == (10, 0, 0, 0)
    assert tally.inside >= 4
    assert 0 < tally.published < 10 * FILES
