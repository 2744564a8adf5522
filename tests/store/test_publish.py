"""Test part files: locked while they are written, removed afterwards, and without conflicts."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import parfive
import pytest

from sunpy_helio_plugins.errors import DiskError, FileError, LockedError
from sunpy_helio_plugins.store import publish as publish_module
from sunpy_helio_plugins.store.publish import (
    is_in_use,
    locked,
    new_part,
    numbered,
    publish,
    remove_stale,
    whole_folder,
    write_whole,
)
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


NO_LINKS = [errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK]

KILLED_AT_EACH_STEP = """
import os, pathlib, signal, sys
from sunpy_helio_plugins.store import publish

def refuse(*args):
    raise OSError(int(sys.argv[3]), "no hard links here")

def killed_after(steps):
    def step(frame, event, arg):
        nonlocal steps
        steps -= event in ("line", "return")
        if steps < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return step
    return lambda frame, event, arg: step if "publish" in frame.f_code.co_filename else None

folder, overwrite = pathlib.Path(sys.argv[1]), {"True": True, "False": False}.get(sys.argv[2], sys.argv[2])
if sys.argv[3] != "0":
    os.link = refuse
for steps in range(10_000):
    child = os.fork()
    if not child:
        target = folder / str(steps) / "x.bin"
        target.parent.mkdir()
        if overwrite:
            target.write_bytes(b"old")
        with publish.new_part(target) as (part, stream):
            stream.write(b"whole")
            stream.flush()
            sys.settrace(killed_after(steps))
            publish.publish(part, target, overwrite)
            sys.settrace(None)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        break
print(steps)
"""


@posix
@pytest.mark.parametrize("overwrite", ["True", "False", "unique"])
@pytest.mark.parametrize("number", [0, *NO_LINKS])
def test_a_kill_at_any_step_leaves_no_incomplete_file(tmp_path, number, overwrite):
    command = [sys.executable, "-c", KILLED_AT_EACH_STEP, str(tmp_path), overwrite, str(number)]
    steps = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert steps >= (2 if overwrite == "True" else 5)
    for step in range(steps + 1):
        found = {path.name: path.read_bytes() for path in (tmp_path / str(step)).iterdir() if path.suffix == ".bin"}
        before = {} if overwrite == "False" else {"x.bin": b"old"}
        after = {"x-2.bin" if overwrite == "unique" else "x.bin": b"whole"}
        assert found in ([before | after] if step == steps else [before, before | after]), step


@pytest.mark.parametrize("number", NO_LINKS)
def test_a_race_without_hard_links_has_one_winner(tmp_path, monkeypatch, number):
    def refuse(*args):
        raise OSError(number, "no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    test_in_a_race_one_wins_and_nothing_is_lost(tmp_path)


@posix
def test_processes_that_publish_without_hard_links_do_not_replace_each_other(tmp_path):
    script = (
        "import os, pathlib, sys\n"
        "from sunpy_helio_plugins.store.publish import publish\n"
        "def refuse(*args):\n    raise OSError(1, 'no hard links here')\n"
        "os.link = refuse\n"
        "for number in range(100):\n"
        "    part = pathlib.Path(sys.argv[1], f'{os.getpid()}.{number}.part')\n"
        "    part.write_text(f'{os.getpid()} {number}')\n"
        "    publish(part, part.with_name('x.bin'), 'unique')\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    started = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait() for process in started] == [0, 0, 0]
    assert len({path.read_text() for path in tmp_path.glob("x*.bin")}) == 300


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
@pytest.mark.parametrize("links", [True, False])
def test_a_kill_leaves_whole_files_only_and_a_rerun_completes(tmp_path, links):
    tally = kill_and_look(tmp_path, 10, links)
    assert (tally.trials, tally.wrong, tally.incomplete, tally.leftovers) == (10, 0, 0, 0)
    assert tally.inside >= 4
    assert 0 < tally.published < 10 * FILES


@posix
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (Path.mkdir, "it is a folder and not a file"),
        (lambda path: path.symlink_to("nothing"), "a file of this name already exists"),
    ],
    ids=["folder", "broken link"],
)
def test_a_name_that_is_taken_by_something_else_than_a_file_is_an_error(tmp_path, make, words):
    make(tmp_path / "x")
    (tmp_path / "part").write_bytes(b"new")
    with pytest.raises(FileError, match=f"x cannot be written: {words}"):
        publish(tmp_path / "part", tmp_path / "x", False)
    assert (tmp_path / "part").read_bytes() == b"new"
    assert publish(tmp_path / "part", tmp_path / "x", "unique") == tmp_path / "x-2"


def test_a_name_that_is_taken_during_a_renaming_is_kept(tmp_path, monkeypatch):
    """On Windows, renaming to a name that is taken is an error, and another program may take it after it was free."""

    def refuse(*args):
        raise OSError(errno.EPERM, "no hard links here")

    def rename(part, target):
        Path(target).write_bytes(b"other")
        raise FileExistsError(errno.EEXIST, "taken")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(os, "rename", rename)
    (tmp_path / "part").write_bytes(b"new")
    assert publish(tmp_path / "part", tmp_path / "x", False) == tmp_path / "x"
    assert ((tmp_path / "x").read_bytes(), (tmp_path / "part").read_bytes()) == (b"other", b"new")


@posix
def test_a_part_that_is_removed_before_it_is_locked_is_created_again(tmp_path, monkeypatch):
    removed = []
    lock = publish_module._lock

    def late(stream, *, wait):
        if not removed:
            removed.append(Path(stream.name))
            removed[0].unlink()
        return lock(stream, wait=wait)

    monkeypatch.setattr(publish_module, "_lock", late)
    with new_part(tmp_path / "x") as (part, stream):
        assert part != removed[0]
        assert part.exists()
        assert stream.name == part
        assert is_in_use(part)


@pytest.fixture
def windows(monkeypatch):
    """Replace the locks of POSIX by those of Windows, which are kept in a list; others may have one."""
    made = SimpleNamespace(LK_LOCK=1, LK_NBLCK=2, calls=[], errors=[])

    def locking(descriptor, kind, count):
        made.calls.append((kind, os.lseek(descriptor, 0, os.SEEK_CUR), count))
        if made.errors:
            raise OSError(made.errors.pop(0), "locked")

    made.locking = locking
    monkeypatch.setattr(publish_module, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", made)
    return made


def is_open(path) -> bool:
    """Return whether a file is open in this process."""
    found = os.stat(path)
    for descriptor in range(3, 256):
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), found):
                return True
    return False


@pytest.fixture
def open_files(windows, monkeypatch):
    """Refuse to rename, replace or remove files that are open in this process, as Windows does."""

    def refusing(operation):
        def run(*paths):
            if busy := [path for path in paths if os.path.exists(path) and is_open(path)]:
                raise PermissionError(errno.EACCES, "the file is used by another process", str(busy[0]))
            return operation(*paths)

        return run

    for name in ("rename", "replace", "unlink", "remove"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))


@pytest.mark.usefixtures("open_files")
@pytest.mark.parametrize("overwrite", [True, False, "unique"])
@pytest.mark.parametrize("has_links", [True, False])
def test_files_are_published_on_windows_which_does_not_rename_open_files(tmp_path, monkeypatch, overwrite, has_links):
    def refuse(*args):
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(os, "link", os.link if has_links else refuse)
    with new_part(tmp_path / "x") as (part, stream):
        stream.write(b"new")
        stream.flush()
        publish(part, tmp_path / "x", overwrite)
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("x", b"new")]


@pytest.mark.usefixtures("open_files")
def test_a_whole_file_is_replaced_on_windows(tmp_path):
    (tmp_path / "x").write_bytes(b"old")
    write_whole(tmp_path / "x", b"new")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("x", b"new")]


@pytest.mark.usefixtures("open_files")
def test_a_file_that_is_open_on_windows_is_not_replaced_and_the_error_names_it(tmp_path):
    (tmp_path / "x").write_bytes(b"old")
    with (tmp_path / "x").open("rb"):
        with pytest.raises(PermissionError, match=r"x cannot be written"):
            write_whole(tmp_path / "x", b"new")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("x", b"old")]


@pytest.mark.usefixtures("open_files")
def test_the_part_of_a_living_process_is_kept_on_windows(tmp_path):
    with new_part(tmp_path / "x") as (part, stream):
        stream.write(b"half")
        with new_part(tmp_path / "x") as (other, _):
            assert part.exists()
            assert other != part


def test_a_lock_of_windows_is_waited_for(tmp_path, windows):
    windows.errors = [errno.EDEADLK, errno.EDEADLK]
    with locked(tmp_path / "x"):
        assert windows.calls == [(windows.LK_LOCK, 0, 1)] * 3


def test_a_lock_of_windows_that_another_one_has_is_an_error_without_waiting(tmp_path, windows):
    windows.errors = [errno.EACCES]
    with pytest.raises(LockedError, match=r"x is in use by another run; wait until it has ended\.$"):
        with locked(tmp_path / "x", wait=False):
            pass
    with locked(tmp_path / "x", wait=False):
        assert windows.calls == [(windows.LK_NBLCK, 0, 1)] * 2


def test_a_disk_of_windows_without_locks_is_used_without_them(tmp_path, windows):
    windows.errors = [errno.EINVAL]
    with locked(tmp_path / "x"):
        assert len(windows.calls) == 1


def test_files_are_published_on_windows_without_locks(tmp_path, windows, monkeypatch):
    def refuse(*args):
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / ".x.00000000.part").write_bytes(b"left")
    with new_part(tmp_path / "x") as (part, stream):
        stream.write(b"new")
        stream.flush()
        assert not is_in_use(part)
        assert publish(part, tmp_path / "x", False) == tmp_path / "x"
    assert [one.name for one in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_bytes() == b"new"
    assert windows.calls == []


@pytest.mark.parametrize("length", [180, 240, 255])
def test_a_long_name_leaves_room_for_its_lock_and_parts(length: int, tmp_path: Path) -> None:
    target = tmp_path / ("x" * length)
    with locked(target), whole_folder(target) as part:
        (part / "y").touch()
    assert (target / "y").exists()


def test_a_name_that_is_too_long_is_an_error_of_the_disk(tmp_path: Path) -> None:
    target = tmp_path / ("x" * 300)
    with pytest.raises(DiskError, match="the name is too long"), locked(target), whole_folder(target):
        pass


def test_a_lock_in_a_folder_that_does_not_exist_is_an_error_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="its folder does not exist"), locked(tmp_path / "none" / "x"):
        pass
