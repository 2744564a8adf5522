"""Test that the database of the cache survives other processes, damage, and disks that cannot be written."""

from __future__ import annotations

import os
import random
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from types import SimpleNamespace

import pytest
from astropy.utils.exceptions import AstropyUserWarning

from sunpy_helio_plugins import conf
from sunpy_helio_plugins.store import answers, database

POSIX = pytest.mark.skipif(os.name != "posix", reason="permissions and fork are those of POSIX")


@pytest.fixture
def folder(tmp_path):
    with conf.set_temp("cache_dir", str(tmp_path / "cache")):
        yield tmp_path / "cache"
    database._close_all()


@pytest.fixture
def path(folder):
    return folder / answers.NAME


def rows(path, query="SELECT * FROM answers"):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def alter(path, statement):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def kept(url, value):
    """Store a value, and return the one that is found then."""
    answers.store(url, value)
    return answers.load(url)


def contents(folder):
    """Return all files but the memory that processes share."""
    paths = (path for path in folder.iterdir() if not path.name.endswith("-shm"))
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in paths}


def python(code, *arguments, **options):
    """Start another process that uses the same folder."""
    head = "import sys, warnings; from sunpy_helio_plugins import conf; from sunpy_helio_plugins.store import answers\n"
    head += f"conf.cache_dir = {str(conf.cache_dir)!r}\n"
    command = [sys.executable, "-c", head + textwrap.dedent(code), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def finish(process):
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out, err


@POSIX
def test_only_this_user_can_read_it(folder, path):
    before = os.umask(0)
    try:
        answers.store("u", 1)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(one.stat().st_mode) for one in folder.iterdir()} == {0o600}


def test_reading_creates_and_changes_nothing(folder, path):
    assert answers.load("u") is None
    answers.clear()
    assert not folder.exists()
    answers.store("u", {"a": [1, 2.5, None, "é"]})
    before = contents(folder)
    assert answers.load_many(["u", "v"]) == [{"a": [1, 2.5, None, "é"]}, None]
    assert contents(folder) == before


def test_it_has_a_write_ahead_log_and_no_file_after_the_last_use(folder, path):
    answers.store("u", 1)
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]
    database._close_all()
    assert [one.name for one in folder.iterdir()] == [path.name]


def test_a_shared_file_system_gets_no_write_ahead_log(folder, path, monkeypatch):
    monkeypatch.setattr(database, "_is_local", lambda path: False)
    answers.store("u", 1)
    assert rows(path, "PRAGMA journal_mode") == [("delete",)]
    assert answers.load("u") == 1


def test_the_kind_of_file_system_is_that_of_the_nearest_mount(monkeypatch, tmp_path):
    mounts = tmp_path / "mounts"
    home = f"{tmp_path}/my\\040home"
    mounts.write_text(f"a / ext4 rw 0 0\nb:/x {home} nfs4 rw 0 0\n c {home}/in tmpfs rw\n")
    opened = open
    monkeypatch.setattr("builtins.open", lambda path, *rest, **more: opened(mounts, *rest, **more))
    shared = [database._is_local(tmp_path / one / "x.db") for one in ("", "my home", "my home/in", "my home2")]
    assert shared == [True, False, True, True]
    monkeypatch.setattr("builtins.open", lambda path, *rest, **more: opened(tmp_path / "no", *rest, **more))
    assert database._is_local(tmp_path)


def test_one_connection_stays_open(folder, path, monkeypatch):
    answers.store("u", 1)
    monkeypatch.setattr(sqlite3, "connect", None)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: answers.load("u"), range(8))) == [1] * 8
    answers.store("v", 2)
    assert answers.load("v") == 2


def test_a_file_that_is_removed_or_replaced_is_noticed(folder, path):
    answers.store("u", 1)
    for one in folder.iterdir():
        one.unlink()
    assert answers.load("u") is None
    answers.store("u", 2)
    assert answers.load("u") == 2
    assert len(rows(path)) == 1


def test_lifetimes_are_counted_in_days_from_now(folder, path, monkeypatch):
    now = 1_800_000_000.0
    monkeypatch.setattr(time, "time", lambda: now)
    for days in (0.5, None, 2, 0, -1):
        answers.store(f"{days}", days or "default", days)
    with conf.set_temp("cache_days", 3.0):
        answers.store("conf", "conf")

    def left(seconds):
        monkeypatch.setattr(time, "time", lambda: now + seconds)
        return [answers.load(one) is not None for one in ("0.5", "None", "2", "conf", "0", "-1")]

    assert left(0) == [True, True, True, True, False, False]
    assert left(43199) == [True, True, True, True, False, False]
    assert left(43201) == [False, True, True, True, False, False]
    assert left(86401) == [False, False, True, True, False, False]
    assert left(2 * 86400 + 1) == [False, False, False, True, False, False]
    # An entry that was written while the clock was wrong does not stay for years.
    assert left(-61) == [False] * 6
    assert len(rows(path)) == 4
    monkeypatch.setattr(time, "time", lambda: now + 86401)
    answers.store("new", 1)
    # Those that ended are kept for a server that does not answer.
    assert len(rows(path)) == 5
    assert answers.load_outdated("0.5") == (0.5, now)
    monkeypatch.setattr(time, "time", lambda: now + 40 * 86400)
    answers.store("newer", 1)
    assert len(rows(path)) == 1


def test_the_entries_that_end_first_give_way(folder, path):
    with conf.set_temp("cache_size", 400_000):
        for number in range(40):
            answers.store(f"{number}", "x" * 20_000, days=40 - number)
        kept = [number for number in range(40) if answers.load(f"{number}") is not None]
        # The last ones end first, and each new one is the first to go.
        assert kept[:10] == list(range(10))
        answers.store("too large", "x" * 400_001)
        assert answers.load("too large") is None
        assert answers.load("0") is not None
    with conf.set_temp("cache_size", 50_000):
        answers.store("small", 1)
    database._close_all()
    assert path.stat().st_size <= 50_000


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE answers SET json = '{\"a\": 2}'",
        "UPDATE answers SET json = CAST('{\"a\": 2}' AS BLOB)",
        "UPDATE answers SET json = NULL",
        "UPDATE answers SET sum = 'text'",
        "UPDATE answers SET json = CAST(x'fffe' AS TEXT)",
        "UPDATE answers SET json = x'ff', sum = 4278190080",
        "UPDATE answers SET json = CAST('[' AS BLOB), sum = 1547126195",
        "UPDATE answers SET ends = 'never', stored = 'text'",
    ],
)
def test_an_entry_that_was_changed_is_not_used(folder, path, statement):
    answers.store("u", {"a": 1})
    alter(path, statement)
    assert answers.load("u") is None
    answers.store("u", {"a": 1})
    assert answers.load("u") == {"a": 1}


@pytest.mark.parametrize(
    "statements",
    [
        ("CREATE TABLE theirs (x)", "INSERT INTO theirs VALUES (1)"),
        (f"PRAGMA application_id = {database.APPLICATION_ID}", "CREATE TABLE theirs (x)"),
        (f"PRAGMA application_id = {database.APPLICATION_ID}", "CREATE TABLE answers (key TEXT)"),
    ],
)
def test_the_database_of_another_program_is_renamed_and_stays_whole(folder, path, statements):
    folder.mkdir(mode=0o700)
    for statement in statements:
        alter(path, statement)
    whole = path.read_bytes()
    with pytest.warns(AstropyUserWarning, match="belongs to another program") as told:
        assert kept("u", 1) == 1
    assert len(told) == 1
    assert path.with_name(f"{path.name}.damaged").read_bytes() == whole


def test_an_empty_file_becomes_a_database_when_something_is_stored(folder, path):
    folder.mkdir(mode=0o700)
    path.touch(mode=0o600)
    assert answers.load("u") is None
    assert path.read_bytes() == b""
    answers.store("u", 1)
    assert answers.load("u") == 1


def test_damage_anywhere_gives_the_same_answer_or_none(folder, path):
    values = {f"{number}": {"n": number, "text": f"{number}" * 3000} for number in range(30)}
    for key, value in values.items():
        answers.store(key, value)
    database._close_all()
    whole = path.read_bytes()
    chance = random.Random(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyUserWarning)
        for turn in range(60):
            harmed = bytearray(whole)
            if turn % 3 == 0:
                del harmed[chance.randrange(len(harmed)) :]
            else:
                for _ in range(1 if turn % 3 == 1 else 200):
                    harmed[chance.randrange(len(harmed))] ^= 1 << chance.randrange(8)
            database._close_all()
            path.write_bytes(harmed)
            found = answers.load_many(list(values))
            assert all(one is None or one == value for one, value in zip(found, values.values(), strict=True))
            answers.store("new", turn)
            assert answers.load("new") in (turn, None)
            database._close_all()
    assert any(one.name.endswith(".damaged") for one in folder.iterdir())


def test_another_process_that_writes_is_waited_for_and_then_done_without(folder, path, monkeypatch):
    monkeypatch.setattr(database, "BUSY", 0.05)
    answers.store("u", 1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answers.store("u", 2)
        assert answers.load("u") == 1
        other.execute("COMMIT")
    answers.store("u", 3)
    assert answers.load("u") == 3


def test_a_full_database_is_told_once_with_its_path(folder, path):
    answers.store("u", 1)
    answers._database().write(lambda connection: connection.execute("PRAGMA max_page_count = 10") and None)
    with pytest.warns(AstropyUserWarning, match=rf"{path.name} cannot be written \(.*full") as told:
        answers.store("v", "x" * 100_000)
    assert len(told) == 1
    assert answers.load("u") == 1


@POSIX
@pytest.mark.parametrize("at_first", [True, False])
def test_a_full_disk_breaks_nothing_and_is_told_once(folder, path, at_first):
    if not at_first:
        answers.store("old", "x" * 10_000)
        database._close_all()
    code = """
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
        for number in range(3):
            answers.store(str(number), "x" * 100_000)
            assert answers.load(str(number)) is None
        print(answers.load("old") is not None)
    """
    out, err = finish(python(code, 0 if at_first else 40_000))
    assert out.strip() == str(not at_first)
    assert err.count("The cache of metadata in") == 1
    assert path.name in err
    assert "Traceback" not in err
    answers.store("new", 1)
    assert answers.load("new") == 1


@POSIX
def test_a_folder_that_cannot_be_written_is_read_and_told_once(folder, path, monkeypatch):
    answers.store("u", 1)
    database._close_all()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    before = contents(folder)
    assert answers.load("u") == 1
    with pytest.warns(AstropyUserWarning, match=rf"{path.name} cannot be written \(.*readonly") as told:
        assert [kept("v", 2), kept("v", 2)] == [None, None]
    assert len(told) == 1
    assert answers.load("u") == 1
    database._close_all()
    assert contents(folder) == before


def test_a_folder_that_cannot_be_made_is_told_once(tmp_path):
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "cache"
    with conf.set_temp("cache_dir", str(place)):
        with pytest.warns(AstropyUserWarning, match=r"file.cache.answers-1\.db cannot be used") as told:
            assert [kept("u", 1), kept("u", 1)] == [None, None]
        assert len(told) == 1


def test_processes_that_write_at_once_lose_nothing(folder, path):
    code = """
        number = sys.argv[1]
        sys.stdin.readline()
        for turn in range(20):
            answers.store(f"{number}-{turn}", [number, turn])
            assert answers.load(f"{number}-{turn}") == [number, turn]
    """
    running = [python(code, number, stdin=subprocess.PIPE) for number in range(4)]
    for process in running:
        process.stdin.write("\n")
        process.stdin.flush()
    outputs = [finish(process) for process in running]
    assert all("Warning" not in err for _, err in outputs)
    found = [answers.load(f"{number}-{turn}") for number in range(4) for turn in range(20)]
    assert found == [[str(number), turn] for number in range(4) for turn in range(20)]


def test_a_file_that_another_process_has_just_replaced_is_not_renamed(folder, path, monkeypatch):
    folder.mkdir(mode=0o700)
    path.write_bytes(b"not a database" * 1000)
    path.chmod(0o600)
    prepare = database.Database._prepare

    def late(self, connection, writes):
        monkeypatch.setattr(database.Database, "_prepare", prepare)
        try:
            prepare(self, connection, writes)
        except sqlite3.DatabaseError:
            # The other process is done before this one has its error.
            path.rename(path.with_name(f"{path.name}.damaged"))
            other = database.Database(path, answers._SCHEMA, "Another")
            assert other.write(lambda _: None)
            other.close()
            raise

    monkeypatch.setattr(database.Database, "_prepare", late)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kept("u", 1) == 1
    assert path.with_name(f"{path.name}.damaged").read_bytes() == b"not a database" * 1000


@pytest.mark.filterwarnings("error")
def test_a_file_in_which_another_process_creates_the_tables_is_not_renamed(folder, path, monkeypatch):
    other = database.Database(path, answers._SCHEMA, "Another")
    is_new = database._is_new

    class Late:
        """A connection after whose first statement the other process creates the tables."""

        def __init__(self, connection):
            self.connection = connection

        def execute(self, statement):
            found = self.connection.execute(statement).fetchall()
            assert other.write(lambda _: None)
            return SimpleNamespace(fetchone=lambda: found[0])

    def late(connection):
        monkeypatch.setattr(database, "_is_new", is_new)
        return is_new(Late(connection))

    monkeypatch.setattr(database, "_is_new", late)
    assert kept("u", 1) == 1
    assert not path.with_name(f"{path.name}.damaged").exists()
    other.close()


@pytest.mark.filterwarnings("error")
def test_a_file_that_another_process_renames_while_it_is_opened_is_made_again(folder, path, monkeypatch):
    connect = sqlite3.connect

    def late(*args, **kwargs):
        monkeypatch.setattr(sqlite3, "connect", connect)
        path.rename(path.with_name(f"{path.name}.damaged"))
        return connect(*args, **kwargs)

    monkeypatch.setattr(sqlite3, "connect", late)
    assert kept("u", 1) == 1


def test_processes_that_find_a_damaged_file_at_once_rename_it_once(folder, path):
    folder.mkdir(mode=0o700)
    path.write_bytes(b"not a database" * 1000)
    path.chmod(0o600)
    code = """
        from sunpy_helio_plugins.store import database
        database.BUSY = 60  # the disk of a busy machine may be slow
        sys.stdin.readline()
        answers.store(sys.argv[1], 1)
    """
    running = [python(code, number, stdin=subprocess.PIPE) for number in range(4)]
    for process in running:
        process.stdin.write("\n")
        process.stdin.flush()
    told = [err for _, err in map(finish, running) if "damaged" in err]
    assert len(told) == 1, told
    assert [answers.load(f"{number}") for number in range(4)] == [1] * 4


@POSIX
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_a_connection_of_its_own(folder, path):
    answers.store("u", 1)
    stop = threading.Event()

    def work():
        while not stop.is_set():
            answers.store("busy", 1)

    with ThreadPoolExecutor(2) as pool:
        pool.submit(work)
        pool.submit(work)
        children = []
        for number in range(10):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    answers.store(f"child {number}", number)
                    code = 0 if answers.load("u") == 1 else 2
                finally:
                    os._exit(code)
            children.append(child)
        codes = [os.waitpid(child, 0)[1] for child in children]
        stop.set()
    assert codes == [0] * 10
    assert [answers.load(f"child {number}") for number in range(10)] == list(range(10))
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.exhaustive
@POSIX
def test_a_killed_process_leaves_whole_entries(folder, path):
    code = """
        while True:
            for number in range(50):
                answers.store(str(number), "x" * 5000 * number)
            print(flush=True)
    """
    for _ in range(3):
        process = python(code)
        process.stdout.readline()
        time.sleep(0.05)
        process.kill()
        process.communicate()
        assert [answers.load(f"{number}") for number in range(50)] == ["x" * 5000 * number for number in range(50)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_a_damaged_file_that_cannot_be_renamed_is_told_once_and_kept(folder, path):
    folder.mkdir(mode=0o700)
    path.write_bytes(b"no database" * 1000)
    path.chmod(0o600)
    path.with_name(f"{path.name}.damaged").mkdir()
    with pytest.warns(AstropyUserWarning, match=rf"{path.name} cannot be used \(.*; work continues without") as told:
        assert [kept("u", 1), kept("u", 1)] == [None, None]
    assert len(told) == 1
    assert path.read_bytes() == b"no database" * 1000


def test_a_damaged_file_that_another_process_has_replaced_is_not_renamed(folder, path, monkeypatch):
    answers.store("u", 1)
    database._close_all()
    good = path.read_bytes()
    path.write_bytes(b"no database" * 1000)

    @contextmanager
    def replaced(target):
        (folder / "new").write_bytes(good)
        (folder / "new").chmod(0o600)
        (folder / "new").replace(target)
        yield

    monkeypatch.setattr(database, "locked", replaced)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kept("v", 2) == 2
    assert answers.load("u") == 1
    assert not path.with_name(f"{path.name}.damaged").exists()


def test_tables_that_another_process_creates_meanwhile_are_used(folder, path, monkeypatch):
    is_new, asked = database._is_new, []
    statements = [*answers._SCHEMA, f"PRAGMA application_id = {database.APPLICATION_ID}"]

    def late(connection):
        asked.append(is_new(connection))
        for statement in statements:  # before the transaction begins
            alter(path, statement)
        statements.clear()
        return asked[-1]

    monkeypatch.setattr(database, "_is_new", late)
    assert kept("u", 1) == 1
    assert asked[:2] == [True, False]


def test_tables_are_created_all_or_not_at_all(tmp_path):
    (tmp_path / "private").mkdir(mode=0o700)
    path = tmp_path / "private" / "x.db"
    broken = database.Database(path, ("CREATE TABLE one (x)", "CREATE TABLE one (x)"), "The store")
    with pytest.warns(AstropyUserWarning, match="table one already exists"):
        assert broken.write(lambda connection: connection.execute("INSERT INTO one VALUES (1)")) is False
    broken.close()
    left = [one for one in path.parent.iterdir() if one.suffix in (".db", ".damaged")]
    assert left
    assert [rows(one, "SELECT name FROM sqlite_master") for one in left] == [[] for _ in left]


def test_permissions_are_not_checked_where_users_have_no_numbers(folder, path, monkeypatch):
    folder.mkdir()
    folder.chmod(0o777)
    monkeypatch.delattr(os, "getuid")
    assert kept("u", 1) == 1


def test_a_limit_below_the_size_of_an_empty_database_keeps_nothing(folder, path):
    answers.store("u", 1)
    with conf.set_temp("cache_size", 1):
        answers.store("v", 2)
    assert [answers.load("u"), answers.load("v")] == [None, None]
    assert rows(path) == []
