"""Test checks of folders: what is damaged, changed, missing, outdated or withdrawn."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
from pathlib import Path

import pytest
from sunpy.net import attrs as a

from sunpy_helio_plugins import check_folder, conf, imap, mirror, mirrors
from sunpy_helio_plugins.errors import DiskError, QueryError
from sunpy_helio_plugins.fido.partial import Partial
from sunpy_helio_plugins.her.submit import voevent
from sunpy_helio_plugins.imap import search as imap_search
from sunpy_helio_plugins.io.queries import stored
from sunpy_helio_plugins.mirrors import check, file_checks
from sunpy_helio_plugins.mirrors.verdicts import VERDICTS
from sunpy_helio_plugins.sandbox.imap import service
from sunpy_helio_plugins.store import answers
from sunpy_helio_plugins.store.publish import new_part

FILES = {"wind": ".hapi", "mag": ".cdf", "sun": ".jp2", "flares": ".xml"}


@pytest.fixture(scope="module")
def whole(_running_archive, tmp_path_factory):
    """Return a folder with the files of all archives, which are older than the check."""
    from plans import QUERIES

    from sunpy_helio_plugins import sandbox

    folder = tmp_path_factory.mktemp("whole")
    window = {"window": "1 day", "end": "2026-01-11"}
    with sandbox.use(_running_archive.url):
        mirror({"mirror": {"folder": str(folder)}, "queries": {name: one | window for name, one in QUERIES.items()}})
    for path in folder.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def one_of(folder, suffix):
    return min(folder.rglob(f"*{suffix}"))


def test_complete_files_of_all_archives_are_whole(folder):
    found = check_folder(folder)
    assert (found.code, found.problems, found.unjudged) == (0, [], [])
    assert {path.suffix for path in found.whole} == {*FILES.values(), ".json"}
    assert found.summary == f"Folder {folder} is whole: {len(found.whole)} whole (0 judged before)"


@pytest.mark.parametrize("suffix", FILES.values())
@pytest.mark.parametrize("with_manifest", [True, False])
def test_a_file_that_is_cut_is_damaged(folder, suffix, with_manifest):
    one = one_of(folder, suffix)
    one.write_bytes(one.read_bytes()[:-7])
    for path in folder.glob("*/.mirror-manifest.json") if not with_manifest else ():
        path.unlink()
    found = check_folder(folder)
    assert list(found.damaged) == [one]
    assert found.damaged[one]
    assert found.code == 1


@pytest.mark.parametrize("suffix", FILES.values())
def test_an_empty_file_is_damaged(folder, suffix):
    one = one_of(folder, suffix)
    one.write_bytes(b"")
    assert list(check_folder(folder).damaged) == [one]


def test_a_file_with_other_content_is_changed(folder):
    one = one_of(folder, ".xml")
    one.write_bytes(one.read_bytes() + b"\n")
    for _ in range(2):
        found = check_folder(folder)
        assert (found.changed, found.damaged) == ([one], {})
        assert found.problems == [f"{one} was changed: its digest differs from that noted before."]


def test_a_file_of_the_manifest_that_is_not_there_is_missing(folder):
    one = one_of(folder, ".jp2")
    one.unlink()
    found = check_folder(folder)
    assert (found.missing, found.code) == ([one], 1)


def test_files_of_other_kinds_are_not_judged(folder):
    (folder / "notes.txt").write_text("mine")
    (folder / "page.xml").write_text("<other/>")
    found = check_folder(folder)
    assert [path.name for path in found.unjudged] == ["notes.txt", "page.xml"]
    assert found.code == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("name", ["pipe.cdf", ".mirror-manifest.json", ".x.cdf.0123abcd.part", VERDICTS])
def test_a_named_pipe_is_never_opened(folder, name):
    os.mkfifo(folder / name)
    found = check_folder(folder)
    assert (found.code, found.errors) == (0, [])
    told = name != VERDICTS
    assert found.unjudged == [folder / name] * told
    assert found.notes == [f"{folder / name} is a named pipe: it is not judged."] * told


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_link_to_a_named_pipe_and_a_socket_are_not_judged(folder, monkeypatch):
    os.mkfifo(folder / "pipe")
    (folder / "link.cdf").symlink_to(folder / "pipe")
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("talk.cdf")
        found = check_folder(folder)
    assert [path.name for path in found.unjudged] == ["link.cdf", "pipe", "talk.cdf"]
    assert [note.rpartition(" is a")[2] for note in found.notes] == [
        " named pipe: it is not judged.", " named pipe: it is not judged.", " socket: it is not judged.",
    ]  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_file_of_the_manifest_that_is_a_pipe_is_missing(folder):
    one = one_of(folder, ".jp2")
    one.unlink()
    os.mkfifo(one)
    found = check_folder(folder)
    assert (found.missing, found.unjudged, found.code) == ([one], [one], 1)


def test_a_link_that_leaves_the_folder_is_not_followed(folder, tmp_path):
    secret = tmp_path / "secret.cdf"
    secret.write_text("password")
    (folder / "link.cdf").symlink_to(secret)
    (folder / "up").symlink_to(tmp_path)
    (folder / "gone.cdf").symlink_to(tmp_path / "none")
    found = check_folder(folder)
    assert (found.code, [path.name for path in found.unjudged]) == (0, ["gone.cdf", "link.cdf", "up"])
    assert found.notes[1] == f"{folder / 'link.cdf'} is a link that leaves the folder: it is not judged."
    assert "passw" not in str(found.plain())


def test_a_link_in_the_folder_is_judged_as_its_file(folder):
    (folder / "link.cdf").symlink_to(one_of(folder, ".cdf"))
    (folder / "again").symlink_to("mag")
    found = check_folder(folder)
    assert folder / "link.cdf" in found.whole
    assert found.notes == [f"{folder / 'again'} is a link to a folder: it is not judged."]


def test_a_file_of_the_manifest_that_was_moved_and_linked_is_not_missing(folder, tmp_path):
    one = one_of(folder, ".jp2")
    one.rename(tmp_path / "moved.jp2")
    one.symlink_to(tmp_path / "moved.jp2")
    found = check_folder(folder)
    assert (found.missing, found.unjudged, found.code) == ([], [one], 0)


def test_a_folder_that_is_a_link_is_judged(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    assert check_folder(tmp_path / "link").unjudged == []
    assert (folder / VERDICTS).is_file()


def test_the_verdicts_are_not_written_through_a_link(folder, tmp_path):
    (tmp_path / "other").write_text("mine")
    (folder / VERDICTS).symlink_to(tmp_path / "other")
    assert check_folder(folder).code == 0
    assert (tmp_path / "other").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("other.cdf", "is not a CDF file; it begins with b'<html>'."),
        ("other.jp2", "is not a JPEG 2000 file; it begins with b'<html>'."),
        ("imap_swe_l2_sci_20260110_v001.csv", "is a web page instead of the file; it begins with b'<html>'."),
    ],
)
def test_files_of_other_kinds_are_not_said_to_come_from_an_archive(tmp_path, name, words):
    (tmp_path / name).write_text("<html>")
    assert check_folder(tmp_path).damaged == {tmp_path / name: f"{name} {words}"}


def test_real_files_are_whole(real_data, tmp_path):
    found = check_folder(shutil.copytree(real_data, tmp_path / "real"))
    assert (found.damaged, found.errors) == ({}, [])
    assert {path.suffix for path in found.whole} >= {".cdf", ".jp2", ".json"}


def test_a_movie_is_judged_by_its_boxes(folder):
    from sunpy_helio_plugins.helioviewer.jp2 import boxes

    movie = folder / "movie.jpx"
    movie.write_bytes(boxes.SIGNATURE + one_of(folder, ".jp2").read_bytes()[12:] * 2)
    assert movie in check_folder(folder).whole
    movie.write_bytes(movie.read_bytes()[:-7])
    assert list(check_folder(folder).damaged) == [movie]
    movie.write_bytes(b"<html>")
    assert list(check_folder(folder).damaged) == [movie]


def test_the_next_check_skips_files_that_have_not_changed(folder, monkeypatch):
    first = check_folder(folder)
    read = []
    monkeypatch.setattr(file_checks, "check", lambda path: read.append(path) or True)
    second = check_folder(folder)
    assert (second.skipped, second.whole, read) == (len(first.whole), first.whole, [])
    one = one_of(folder, ".xml")
    os.utime(one, (1_700_000_001, 1_700_000_001))
    assert check_folder(folder).skipped == len(first.whole) - 1
    assert read == [one]
    assert check_folder(folder, again=True).skipped == 0


def test_a_damaged_file_is_told_again_without_reading_it(folder):
    one = one_of(folder, ".hapi")
    one.write_bytes(one.read_bytes()[:-7])
    os.utime(one, (1_700_000_001, 1_700_000_001))
    first, second = check_folder(folder), check_folder(folder)
    assert first.damaged == second.damaged
    assert second.skipped == len(second.whole) + 1


def test_a_file_that_was_changed_just_now_is_read_again(folder):
    one = one_of(folder, ".xml")
    os.utime(one)
    check_folder(folder)
    assert check_folder(folder).skipped == len(check_folder(folder).whole) - 1


def test_bits_that_flipped_on_the_disk_are_found_without_a_manifest(folder):
    for path in folder.glob("*/.mirror-manifest.json"):
        path.unlink()
    check_folder(folder)
    one = one_of(folder, ".hapi")
    content, state = bytearray(one.read_bytes()), one.stat()
    content[-9] ^= 1
    one.write_bytes(content)
    os.utime(one, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert check_folder(folder).changed == []
    assert check_folder(folder, again=True).changed == [one]


def test_an_interrupted_check_continues(folder):
    seen = []

    def told(path):
        seen.append(path)
        if len(seen) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_folder(folder, told=told)
    assert check_folder(folder).skipped == 3


@pytest.mark.parametrize("cut", [1, 30])
def test_a_line_that_a_kill_cut_is_judged_again(folder, cut):
    count = len(check_folder(folder).whole)
    verdicts = folder / VERDICTS
    verdicts.write_bytes(verdicts.read_bytes()[:-cut])
    found = check_folder(folder)
    assert (found.skipped >= count - 1, len(found.whole)) == (True, count)
    assert check_folder(folder).skipped == count


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"key": 1}', pytest.param("[" * 100_000, id="deep")])
def test_a_line_of_the_verdicts_that_is_none_is_left_out(folder, line):
    count = len(check_folder(folder).whole)
    with (folder / VERDICTS).open("a") as stream:
        stream.write(f"{line}\n")
    assert check_folder(folder).skipped == count


def test_the_file_of_the_verdicts_stays_short(folder, monkeypatch):
    count = len(check_folder(folder).whole)
    for _ in range(100 // count + 3):
        check_folder(folder, again=True)
    assert len((folder / VERDICTS).read_text().splitlines()) <= 2 * count + 100


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_cannot_be_written_is_checked(folder):
    folder.chmod(0o500)
    assert check_folder(folder).code == 0
    folder.chmod(0o700)
    assert not (folder / VERDICTS).exists()


def test_part_files_are_told_unless_they_are_in_use(folder):
    left = folder / ".a.cdf.0123abcd.part"
    left.touch()
    with new_part(folder / "b.cdf"):
        assert check_folder(folder).parts == [left]


def test_a_spoilt_manifest_is_an_error(folder):
    (folder / "mag" / ".mirror-manifest.json").write_text("{")
    found = check_folder(folder)
    assert (len(found.errors), found.code) == (1, 1)
    assert "is not a valid manifest" in found.errors[0]
    assert "whole, 1 error (" in found.summary


def test_without_a_question_nothing_is_sent(archive, folder):
    check_folder(folder)
    assert archive.log == []


def test_the_archive_confirms_its_files(archive, folder, monkeypatch):
    # The manifests name the server of the fixture, which is the same.
    found = check_folder(folder, ask=True)
    assert (found.problems, found.outdated, found.withdrawn, found.notes) == ([], [], [], [])
    assert {request.path.split("/")[1] for request in archive.log} == {"hapi", "imap", "helioviewer", "hek"}


def test_the_archive_tells_newer_versions_and_withdrawals(archive, tmp_path, monkeypatch):
    query = a.Time("2026-01-10", "2026-01-12"), a.Instrument("mag"), a.imap.Descriptor("norm-gse")
    imap.sync(query, tmp_path, progress=False)
    monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
    rows = imap_search.request_rows

    def without_a_day(query):
        found = rows(query)
        return type(found)(tuple(row for row in found.items if "20260110" not in row["file_path"]))

    monkeypatch.setattr(imap_search, "request_rows", without_a_day)
    found = check_folder(tmp_path, ask=True)
    assert [path.name for path in found.outdated] == ["imap_mag_l2_norm-gse_20260112_v001.0001.cdf"]
    assert [path.name for path in found.withdrawn] == ["imap_mag_l2_norm-gse_20260110_v001.0002.cdf"]
    assert found.code == 1


def test_an_archive_that_does_not_answer_is_an_error(archive, folder):
    with conf.set_temp("retries", 0), archive.fault("status", path="/imap", status=503):
        found = check_folder(folder, ask=True)
    assert [one.archive for one in found.errors] == ["IMAP SDC"]
    assert (found.outdated, found.withdrawn) == ([], [])


def test_a_manifest_without_queries_is_a_note(archive, tmp_path):
    query = a.Time("2026-01-10", "2026-01-10 12:00"), a.Instrument("mag"), a.imap.Descriptor("norm-gse")
    imap.sync(query, tmp_path, progress=False)
    path = tmp_path / ".imap-manifest.json"
    made = json.loads(path.read_text())
    for one in made["queries"].values():
        del one["query"]
    path.write_text(json.dumps(made))
    archive.log.clear()
    found = check_folder(tmp_path, ask=True)
    assert "does not have the query" in found.notes[0]
    assert (found.code, archive.log) == (0, [])


def test_the_result_is_json_with_a_version(folder):
    one = one_of(folder, ".jp2")
    one.unlink()
    made = json.loads(json.dumps(check_folder(folder).plain()))
    assert (made["version"], made["code"], made["missing"]) == (1, 1, [str(one)])


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(DiskError, match="it does not exist"):
        check_folder(tmp_path / "none")


def test_a_file_is_refused(tmp_path):
    (tmp_path / "x").touch()
    with pytest.raises(QueryError, match=r"check_folder requires a folder, but .*x is a file"):
        check_folder(tmp_path / "x")


class TestCache:
    @pytest.fixture(autouse=True)
    def _own_cache(self, tmp_path):
        with conf.set_temp("cache_dir", str(tmp_path / "cache")), conf.set_temp("cache", True):
            yield

    def test_entries_are_counted(self):
        answers.store("https://archive.example/a", {"x": 1})
        answers.store("https://archive.example/b", None)
        found = mirrors.check_cache()
        assert (found.code, [path.name for path in found.whole]) == (0, [answers.NAME])
        assert found.notes == ["The cache of metadata has 2 entries."]

    def test_damaged_entries_are_told(self):
        answers.store("https://archive.example/a", {"x": 1})
        answers._database().write(lambda connection: connection.execute("UPDATE answers SET json = '{}'"))
        found = mirrors.check_cache()
        assert list(found.damaged.values()) == ["1 entries are damaged; they are not used"]

    def test_no_cache_is_whole(self):
        assert mirrors.check_cache().summary.endswith("no files (0 judged before)")
        assert check.VERSION == 1


@pytest.mark.parametrize("told", [3, "print", Path])
def test_only_a_function_is_told(folder, told):
    with pytest.raises(QueryError, match="takes a function of a path or None as told, not"):
        check_folder(folder, told=told)


def test_a_link_to_nothing_is_an_error_and_the_others_are_judged(folder):
    (folder / "gone.cdf").symlink_to(folder / "nothing.cdf")
    found = check_folder(folder)
    assert (found.code, len(found.errors)) == (1, 1)
    assert str(folder / "gone.cdf") in found.problems[0]
    assert one_of(folder, ".jp2") in found.whole


def test_a_file_that_becomes_unreadable_is_an_error_and_not_damaged(folder, monkeypatch):
    one = one_of(folder, ".jp2")
    judge = file_checks.check

    def fail(place):
        if place == one:
            raise DiskError(f"{place} cannot be read: Input/output error")
        return judge(place)

    monkeypatch.setattr(file_checks, "check", fail)
    found = check_folder(folder)
    assert found.problems == [f"{one} cannot be read: Input/output error"]
    assert (found.damaged, one in found.whole) == ({}, False)


def test_a_document_that_cannot_be_read_is_no_other_kind(tmp_path, monkeypatch):
    def fail(path):
        raise DiskError(f"{path} cannot be read: Input/output error")

    monkeypatch.setattr(voevent, "read", fail)
    (tmp_path / "x.xml").write_text("<other/>")
    with pytest.raises(DiskError, match="Input/output error"):
        file_checks.check(tmp_path / "x.xml")


def test_a_document_without_its_end_is_truncated(tmp_path):
    (tmp_path / "x.pdf").write_bytes(b"%PDF-1.4\n")
    assert list(check_folder(tmp_path).damaged.values()) == ["x.pdf is truncated, or something was appended."]


def test_a_folder_that_cannot_be_listed_is_an_error(folder, monkeypatch):
    scan = os.scandir

    def fail(path):
        if Path(path) == folder / "mag":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", fail)
    found = check_folder(folder)
    assert [str(one) for one in found.errors] == [f"{folder / 'mag'} cannot be read: Permission denied."]
    assert not [path for path in found.whole if path.suffix == ".cdf"]


def test_a_part_file_whose_lock_cannot_be_read_is_not_told(folder, monkeypatch):
    (folder / ".x.cdf.0123abcd.part").touch()
    assert [path.name for path in check_folder(folder).parts] == [".x.cdf.0123abcd.part"]

    def fail(place):
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(check, "is_in_use", fail)
    assert check_folder(folder).parts == []


def test_verdicts_that_cannot_be_written_are_left_out(folder, monkeypatch):
    opened = Path.open

    def fail(path, mode="r", *args, **kwargs):
        if path.name == VERDICTS and "a" in mode:
            raise OSError(errno.ENOSPC, "No space left on device")
        return opened(path, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", fail)
    found = check_folder(folder)
    assert (found.code, found.errors, len(found.whole) > 4) == (0, [], True)
    assert not (folder / VERDICTS).exists()


QUERY = a.Time("2026-01-10", "2026-01-12"), a.Instrument("mag"), a.imap.Descriptor("norm-gse")


def edited(folder, change):
    """Change the manifest of ``imap.sync`` in a folder."""
    path = folder / ".imap-manifest.json"
    made = json.loads(path.read_text())
    change(made)
    path.write_text(json.dumps(made))


def without_rows(monkeypatch):
    monkeypatch.setattr(imap_search, "request_rows", lambda query: Partial(()))


def test_a_file_that_is_not_there_is_missing_and_not_withdrawn(archive, tmp_path, monkeypatch):
    one, *others = imap.sync(QUERY, tmp_path, progress=False).new  # the last one begins at the end of the range
    one.unlink()
    without_rows(monkeypatch)
    found = check_folder(tmp_path, ask=True)
    assert (found.missing, found.withdrawn) == ([one], others[:1])


def test_a_file_that_the_archive_cannot_name_is_not_withdrawn(archive, tmp_path, monkeypatch):
    imap.sync(QUERY, tmp_path, progress=False)
    (tmp_path / "notes.txt").write_text("mine")

    def change(made):
        made["files"]["notes.txt"] = {"size": 4}
        for one in made["queries"].values():
            one["files"] = ["notes.txt"]

    edited(tmp_path, change)
    without_rows(monkeypatch)
    assert check_folder(tmp_path, ask=True).withdrawn == []


def test_a_query_without_a_time_has_all_times(archive, tmp_path, monkeypatch):
    name = "imap_mag_l2_norm-gse_20260110_v001.0002.cdf"
    (one,) = imap.sync([a.imap.FileName(name)], tmp_path, progress=False).new
    assert check_folder(tmp_path, ask=True).withdrawn == []
    without_rows(monkeypatch)
    assert check_folder(tmp_path, ask=True).withdrawn == [one]


def test_a_query_of_no_archive_is_an_error(archive, tmp_path):
    imap.sync(QUERY, tmp_path, progress=False)

    def change(made):
        for one in made["queries"].values():
            one["query"] = [stored(a.Time("2026-01-10", "2026-01-12") & a.Instrument("xrs"))]

    edited(tmp_path, change)
    archive.log.clear()
    found = check_folder(tmp_path, ask=True)
    assert "No archive of this package answers the query" in found.problems[0]
    assert (archive.log, found.withdrawn) == ([], [])
