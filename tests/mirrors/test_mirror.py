"""Test runs of mirrors: what is new, revised, superseded, withdrawn, deleted or failed."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import time
from contextlib import contextmanager
from pathlib import Path

import parfive
import pytest
from astropy.time import Time
from plans import MAG, QUERIES
from sunpy.net import attrs as a

from sunpy_helio_plugins import IMAPClient, check_folder, conf, mirror
from sunpy_helio_plugins.errors import FileError, LockedError, QueryError
from sunpy_helio_plugins.imap import search as imap_search
from sunpy_helio_plugins.mirrors import Plan, QueryReport, copies, query_run, run
from sunpy_helio_plugins.mirrors.query_run import MANIFEST
from sunpy_helio_plugins.sandbox.imap import service
from sunpy_helio_plugins.store.publish import locked

DAYS = ["imap_mag_l2_norm-gse_20260110_v001.0002.cdf", "imap_mag_l2_norm-gse_20260111_v002.0001.cdf",
        "imap_mag_l2_norm-gse_20260112_v001.0001.cdf"]  # fmt: skip
NEWER = "imap_mag_l2_norm-gse_20260112_v001.0002.cdf"


def names(paths):
    return [path.name for path in paths]


def counts(report):
    """Return the lists of a report that are not empty, by their lengths."""
    lists = ("new", "revised", "repaired", "kept", "superseded", "outside", "withdrawn", "deleted", "errors")
    return {name: len(getattr(report, name)) for name in lists if getattr(report, name)}


def manifest(folder, name="mag"):
    return json.loads((folder / name / MANIFEST).read_text())


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "mirror"


@pytest.fixture
def hide(monkeypatch):
    """Return a function that removes rows of the IMAP archive, and may change the others."""
    request_rows = imap_search.request_rows

    def make(day="", problems=(), **changed):
        def rows(query):
            found = request_rows(query)
            kept = [{**row, **changed} for row in found.items if not day or day not in row["file_path"]]
            return dataclasses.replace(found, items=tuple(kept), problems=problems)

        monkeypatch.setattr(imap_search, "request_rows", rows)

    return make


def test_the_first_run_brings_all_and_the_second_nothing(archive, plan, folder):
    first = mirror(plan())
    assert first.code == 0
    assert {name: set(counts(one)) for name, one in first.queries.items()} == {key: {"new"} for key in QUERIES}
    assert {name: len(one.new) for name, one in first.queries.items()} == {"wind": 3, "mag": 3, "sun": 3, "flares": 6}
    archive.log.clear()
    second = mirror(plan())
    assert second.code == 0
    assert {name: set(counts(one)) for name, one in second.queries.items()} == {key: {"kept"} for key in QUERIES}
    assert [one.path for one in archive.log if "/data" in one.path and "cdaweb" in one.path] == []
    assert [one.path for one in archive.log if one.path.startswith(("/imap/download", "/imap/storage"))] == []
    assert [one.path for one in archive.log if one.path.endswith(".jp2")] == []
    assert [one.query["cmd"] for one in archive.log if one.path == "/hek/her"] == ["search"]


def test_a_run_that_brings_nothing_begins_nothing(archive, plan, monkeypatch):
    mirror(plan())
    written, update = [], query_run.update
    monkeypatch.setattr(query_run, "update", lambda *args: written.append(args) or update(*args))
    assert mirror(plan()).code == 0
    assert len(written) == len(QUERIES)  # one at the end


def test_the_manifest_has_the_digests_and_the_query(archive, plan, folder):
    import hashlib

    from sunpy_helio_plugins.io.queries import query_of

    report = mirror(plan("mag"))
    found = manifest(folder)
    assert {key: one["sha256"] for key, one in found["files"].items()} == {
        path.relative_to(folder / "mag").as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in report.queries["mag"].new
    }
    assert "pending" not in found["queries"]["mag"]
    assert len(query_of(found["queries"]["mag"]["query"]).attrs) == 5


def test_the_report_is_written_and_has_a_version(archive, plan, folder):
    report = mirror(plan("mag"))
    kept = json.loads((folder / "report.json").read_text())
    assert kept == report.plain()
    assert (kept["version"], kept["code"], kept["dry_run"]) == (1, 0, False)
    assert [Path(path).name for path in kept["queries"]["mag"]["new"]] == DAYS
    assert report.summary == f"Mirror {folder} is whole: mag: 3 new"


def test_the_report_keeps_the_last_results_of_queries_that_are_not_run(archive, plan, folder):
    first = mirror(plan("mag", "wind", "sun"))
    second = mirror(plan("mag", "wind"), queries="wind")
    kept = json.loads((folder / "report.json").read_text())
    assert list(kept["queries"]) == ["mag", "wind"]
    assert kept["queries"]["mag"] == first.queries["mag"].plain()
    assert kept["queries"]["wind"] == second.queries["wind"].plain()
    assert (kept["started"], list(second.queries)) == (second.started, ["wind"])
    assert kept["queries"]["mag"]["started"] < second.started <= kept["queries"]["wind"]["started"]


@pytest.mark.parametrize(
    "spoilt",
    [
        "{", "[]", "[1]", '{"version": 1}', '{"version": 0, "queries": {"wind": {}}}',
        pytest.param("[" * 100_000, id="deep"),
    ],
)  # fmt: skip
def test_nothing_is_taken_from_a_report_that_is_not_valid(archive, plan, folder, spoilt):
    folder.mkdir()
    (folder / "report.json").write_text(spoilt)
    mirror(plan("mag", "wind"), queries="mag")
    assert list(json.loads((folder / "report.json").read_text())["queries"]) == ["mag"]


def test_a_dry_run_writes_nothing_and_foresees_the_run(archive, plan, folder):
    foreseen = mirror(plan(), dry_run=True)
    assert not folder.exists()
    assert [one.path for one in archive.log if "/storage" in one.path or one.path.endswith(".jp2")] == []
    made = mirror(plan())
    for name, one in made.queries.items():
        assert foreseen.queries[name].new == one.new


def test_one_query_can_be_run_alone(archive, plan, folder):
    assert list(mirror(plan(), queries="mag").queries) == ["mag"]
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["mag"]
    with pytest.raises(QueryError, match=r"has no query 'mga'; it has wind, mag, sun, flares. Did you mean mag\?"):
        mirror(plan(), queries=["mga"])


def test_a_newer_version_is_a_revision_and_the_older_one_is_named(archive, plan, folder, monkeypatch):
    mirror(plan("mag"))
    monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
    one = mirror(plan("mag")).queries["mag"]
    assert (names(one.revised), names(one.superseded), one.new) == ([NEWER], [DAYS[2]], [])
    assert one.superseded[0].is_file()
    again = mirror(plan("mag")).queries["mag"]
    assert (counts(again), names(again.superseded)) == ({"kept": 3, "superseded": 1}, [DAYS[2]])


def test_superseded_files_are_deleted_if_the_plan_says_so(archive, plan, folder, monkeypatch):
    mirror(plan("mag"))
    monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
    foreseen = mirror(plan("mag", delete=["superseded"]), dry_run=True).queries["mag"]
    assert names(foreseen.deleted) == [DAYS[2]]
    assert foreseen.deleted[0].is_file()
    one = mirror(plan("mag", delete=["superseded"])).queries["mag"]
    assert (counts(one), names(one.deleted)) == ({"revised": 1, "kept": 2, "deleted": 1}, [DAYS[2]])
    assert not one.deleted[0].exists()
    assert counts(mirror(plan("mag", delete=["superseded"])).queries["mag"]) == {"kept": 3}


def test_a_newer_version_that_failed_supersedes_nothing(archive, plan, monkeypatch):
    mirror(plan("mag"))
    monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
    with conf.set_temp("retries", 0), archive.fault("cut_length", path="/imap/storage", times=1):
        report = mirror(plan("mag", delete=["superseded"]))
    assert (report.code, counts(report.queries["mag"])) == (1, {"kept": 2, "errors": 1})
    assert (report.problems[0].kind, report.problems[0].archive) == ("transfer", "IMAP SDC")


def test_a_file_that_was_ingested_again_is_downloaded_again(archive, plan, folder, hide):
    mirror(plan("mag"))
    hide(ingestion_date="2026-02-03 00:00:00")
    archive.log.clear()
    assert counts(mirror(plan("mag")).queries["mag"]) == {"kept": 3}
    assert len([one for one in archive.log if one.path.startswith("/imap/download")]) == 3
    archive.log.clear()
    assert counts(mirror(plan("mag")).queries["mag"]) == {"kept": 3}
    assert [one.path for one in archive.log] == ["/imap/query"]


def test_a_file_with_other_content_under_the_same_name_is_a_revision(archive, plan, folder, hide):
    one = mirror(plan("mag")).queries["mag"].new[0]
    content = one.read_bytes()
    one.write_bytes(content[:-1] + b"?")
    path = folder / "mag" / MANIFEST
    known = json.loads(path.read_text())
    import hashlib

    known["files"][one.relative_to(folder / "mag").as_posix()]["sha256"] = hashlib.sha256(one.read_bytes()).hexdigest()
    path.write_text(json.dumps(known))
    hide(ingestion_date="2026-02-03 00:00:00")
    report = mirror(plan("mag")).queries["mag"]
    assert (report.revised, one.read_bytes()) == ([one], content)


def test_a_withdrawn_file_is_told_and_never_deleted(archive, plan, folder, hide):
    mirror(plan("mag"))
    hide("20260110")
    gone = plan("mag", delete=["superseded", "outside"], keep_files=1)
    one = mirror(gone).queries["mag"]
    assert names(one.withdrawn) == DAYS[:1]
    # Also after it has left the window.
    later = plan("mag", delete=["superseded", "outside"], window="1 day", keep_files=1)
    one = mirror(later).queries["mag"]
    assert names(one.withdrawn) == DAYS[:1]
    assert one.withdrawn[0].is_file()


def test_a_file_that_is_listed_again_is_not_withdrawn(archive, plan, folder, hide):
    mirror(plan("mag"))
    hide("20260110")
    assert len(mirror(plan("mag")).queries["mag"].withdrawn) == 1
    hide()
    assert counts(mirror(plan("mag")).queries["mag"]) == {"kept": 3}
    hide("20260110")
    assert counts(mirror(plan("mag", window="1 day")).queries["mag"]) == {"kept": 1, "outside": 2}


def test_nothing_is_withdrawn_if_a_part_of_the_list_is_missing(archive, plan, hide):
    from sunpy_helio_plugins.errors import Problem

    mirror(plan("mag"))
    hide("20260110", (Problem("a part is missing.", "server", "IMAP SDC"),))
    report = mirror(plan("mag", delete=["outside"]))
    assert (report.code, counts(report.queries["mag"])) == (1, {"kept": 2, "errors": 1})


def test_files_that_left_a_moving_window_are_outside(archive, plan):
    mirror(plan("mag"))
    one = mirror(plan("mag", end="2026-01-14", window="2 days")).queries["mag"]
    assert (names(one.outside), one.withdrawn, one.superseded) == (DAYS[:2], [], [])


def test_files_of_the_plan_before_it_was_changed_are_outside(archive, plan, folder):
    mirror(plan("mag"))
    changed = plan("mag", descriptor="norm-rtn")
    for _ in range(2):
        one = mirror(changed).queries["mag"]
        assert (names(one.outside), one.withdrawn) == (DAYS, [])


def test_the_retention_by_number_keeps_the_newest(archive, plan, folder):
    mirror(plan("mag"))
    one = mirror(plan("mag", keep_files=2)).queries["mag"]
    assert (names(one.deleted), names(one.kept)) == (DAYS[:1], DAYS[1:])
    archive.log.clear()
    assert counts(mirror(plan("mag", keep_files=2)).queries["mag"]) == {"kept": 2}
    assert len(archive.log) == 1


def test_the_retention_by_number_never_downloads_what_it_would_delete(archive, plan, folder):
    assert names(mirror(plan("mag", keep_files=2)).queries["mag"].new) == DAYS[1:]


def test_the_retention_by_age_deletes_old_files(archive, plan, folder, monkeypatch):
    monkeypatch.setattr(run, "_now", lambda: Time("2026-01-13 06:00"))
    keys = {"end": "2026-01-14"}
    mirror(plan("mag", **keys))
    monkeypatch.setattr(run, "_now", lambda: Time("2026-01-16 06:00"))
    made = plan("mag", window="3 days", end="2026-01-17", keep="4 days")
    monkeypatch.setattr("sunpy_helio_plugins.mirrors.plan.Time", _Clock)
    one = mirror(made).queries["mag"]
    assert (names(one.deleted), names(one.outside)) == (DAYS[1:2], DAYS[2:])


class _Clock(Time):
    @classmethod
    def now(cls):
        return Time("2026-01-16 06:00")


def test_only_files_of_the_mirror_are_deleted(archive, plan, folder):
    made = mirror(plan("mag")).queries["mag"].new
    own = made[0].parent / "notes.txt"
    own.write_text("mine")
    made[1].write_bytes(made[1].read_bytes()[:-1] + b"?")  # of the same size
    one = mirror(plan("mag", keep_files=1)).queries["mag"]
    assert names(one.deleted) == DAYS[:1]
    assert (own.is_file(), made[1].is_file()) == (True, True)
    assert one.notes == [f"{made[1]} was changed since it was downloaded; it is not deleted."]


def test_a_complete_file_of_the_user_is_kept_and_never_deleted(archive, plan, folder):
    first = mirror(plan("mag")).queries["mag"].new
    (folder / "mag" / MANIFEST).unlink()
    one = mirror(plan("mag", keep_files=1)).queries["mag"]
    assert counts(one) == {"kept": 1}
    assert [path.is_file() for path in first] == [True] * 3


def test_a_damaged_file_of_the_user_is_not_replaced(archive, plan, folder):
    place = mirror(plan("mag")).queries["mag"].new[0]
    (folder / "mag" / MANIFEST).unlink()
    place.write_text("mine")
    report = mirror(plan("mag"))
    assert report.code == 1
    assert "is a file of yours, and not that of the archive; move it to get that one" in report.problems[0]
    assert place.read_text() == "mine"


def test_a_file_of_the_user_is_not_replaced_by_a_revision(archive, plan, folder, hide):
    mirror(plan("mag"))
    (folder / "mag" / MANIFEST).unlink()
    assert counts(mirror(plan("mag")).queries["mag"]) == {"kept": 3}
    hide(ingestion_date="2026-02-03 00:00:00")
    archive.log.clear()
    assert counts(mirror(plan("mag")).queries["mag"]) == {"errors": 3}
    assert [one.path for one in archive.log] == ["/imap/query"]


def test_a_file_that_cannot_be_deleted_is_an_error(archive, plan, monkeypatch):
    mirror(plan("mag"))

    def refuse(path, missing_ok=False):
        raise PermissionError(errno.EPERM, "no")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        report = mirror(plan("mag", keep_files=1))
    assert (report.code, counts(report.queries["mag"])) == (1, {"kept": 1, "errors": 2})
    assert "cannot be deleted" in report.problems[0]
    assert counts(mirror(plan("mag", keep_files=1)).queries["mag"]) == {"kept": 1, "deleted": 2}


def test_an_unexpected_error_does_not_affect_the_other_queries(archive, plan, folder, monkeypatch):
    def fail(*args):
        raise ZeroDivisionError("odd")

    with monkeypatch.context() as patch:
        patch.setattr(imap_search, "request_rows", fail)
        with pytest.raises(ZeroDivisionError, match="odd"):
            mirror(plan("mag", "wind"))
    kept = json.loads((folder / "report.json").read_text())
    assert kept["queries"]["mag"]["errors"][0]["text"] == "ZeroDivisionError: odd"
    assert len(kept["queries"]["wind"]["new"]) == 3
    assert mirror(plan("mag", "wind")).code == 0


@pytest.mark.parametrize("name", QUERIES)
def test_files_that_were_lost_or_cut_are_repaired(archive, plan, name):
    one, other, *_ = mirror(plan(name)).queries[name].new
    content = one.read_bytes()
    one.write_bytes(content[:-7])
    other.unlink()
    foreseen = mirror(plan(name), dry_run=True).queries[name]
    report = mirror(plan(name)).queries[name]
    assert report.repaired == foreseen.repaired == [one, other]
    assert (report.new, report.revised, one.read_bytes(), other.is_file()) == ([], [], content, True)
    assert set(counts(mirror(plan(name)).queries[name])) == {"kept"}


def flipped(place, age=10):
    """Flip a bit in the middle of a file, which was changed some seconds ago."""
    content = bytearray(place.read_bytes())
    content[len(content) // 2] ^= 1
    place.write_bytes(content)
    now = time.time() - age
    os.utime(place, (now, now))


@pytest.mark.parametrize("age", [10, 0])
@pytest.mark.parametrize("checked", [".", "mag", ".."])
def test_a_file_that_a_check_has_found_changed_is_repaired(archive, plan, folder, checked, age):
    one = mirror(plan("mag")).queries["mag"].new[0]
    content = one.read_bytes()
    flipped(one, age)
    found = check_folder(folder / checked)
    assert [*found.changed, *found.damaged] == [folder / checked / one.relative_to((folder / checked).resolve())]
    report = mirror(plan("mag"))
    assert (report.code, report.queries["mag"].repaired, one.read_bytes()) == (0, [one], content)
    assert report.summary.endswith("mag: 1 repaired, 2 kept")
    assert check_folder(folder / checked).problems == []
    assert counts(mirror(plan("mag")).queries["mag"]) == {"kept": 3}


def test_a_verdict_on_an_earlier_state_of_a_file_is_not_used(archive, plan, folder):
    one = mirror(plan("mag")).queries["mag"].new[0]
    content = one.read_bytes()
    flipped(one)
    check_folder(folder)
    one.write_bytes(content)
    archive.log.clear()
    assert counts(mirror(plan("mag")).queries["mag"]) == {"kept": 3}
    assert len(archive.log) == 1


def test_a_damaged_file_that_is_not_downloaded_any_more_is_a_note(archive, plan, folder):
    one = mirror(plan("mag")).queries["mag"].new[0]
    flipped(one)
    check_folder(folder)
    report = mirror(plan("mag", window="1 day")).queries["mag"]
    assert report.notes == [f"{one} was cut, damaged or changed; this query does not download it any more."]


def test_a_damaged_file_of_the_user_is_told_and_stays(archive, plan, folder):
    one = mirror(plan("mag")).queries["mag"].new[0]
    (folder / "mag" / MANIFEST).unlink()
    mirror(plan("mag"))
    flipped(one)
    content = one.read_bytes()
    check_folder(folder)
    report = mirror(plan("mag"))
    assert (counts(report.queries["mag"]), one.read_bytes()) == ({"kept": 2, "errors": 1}, content)
    assert "move it to get that one" in report.problems[0]


def test_a_day_that_has_not_ended_is_requested_until_it_has(archive, plan, monkeypatch):
    def at(now):
        monkeypatch.setattr(run, "_now", lambda: Time(now))
        archive.log.clear()
        one = mirror(plan("wind", end=None, window="1 day")).queries["wind"]
        return counts(one), len([1 for request in archive.log if request.path.endswith("/data")])

    assert at("2026-01-10 12:00") == ({"new": 2}, 2)
    assert at("2026-01-10 13:00") == ({"kept": 2}, 1)
    assert at("2026-01-11 01:00") == ({"new": 1, "kept": 1, "outside": 1}, 2)
    # Yesterday is requested again as its age doubles.
    requests = [at(f"2026-01-11 {hour:02}:00")[1] for hour in range(2, 18)]
    assert [hour for hour, count in zip(range(2, 18), requests, strict=True) if count == 2] == [2, 4, 8, 16]


def test_a_range_is_settled_after_two_days(archive, plan, monkeypatch):
    for now, requests in (("2026-01-12 23:00", 1), ("2026-01-14 22:00", 1), ("2026-01-20 00:00", 0)):
        monkeypatch.setattr(run, "_now", lambda now=now: Time(now))
        archive.log.clear()
        mirror(plan("wind", window="1 day", end="2026-01-11"))
        assert len([1 for request in archive.log if request.path.endswith("/data")]) == requests


def test_samples_end_now_and_images_that_a_nearer_one_replaced_are_outside(archive, plan, monkeypatch):
    def at(now):
        monkeypatch.setattr(run, "_now", lambda: Time(now))
        return mirror(plan("sun", end=None, window="1 day", sample="6 hours")).queries["sun"]

    first = at("2026-01-10 02:00")
    assert [path.name[12:17] for path in first.new] == ["00_00"]
    assert [path.name[12:17] for path in at("2026-01-10 13:00").new] == ["04_06", "12_00"]
    changed = plan("sun", end=None, window="1 day", sample="12 hours")
    monkeypatch.setattr(run, "_now", lambda: Time("2026-01-10 13:00"))
    one = mirror(changed).queries["sun"]
    assert ([path.name[12:17] for path in one.outside], one.withdrawn) == (["04_06"], [])


def test_a_range_without_records_is_no_error_and_is_asked_again_after_a_day(archive, plan, monkeypatch):
    # The gap is that of tests/hapi/records/test_fetch.py.
    made = plan("wind", window=None, end="2026-01-25T07:00", start="2026-01-25T06:30")
    for now, requests in (("2026-02-01", 1), ("2026-02-01 12:00", 0), ("2026-02-02 12:00", 1)):
        monkeypatch.setattr(run, "_now", lambda now=now: Time(now))
        archive.log.clear()
        report = mirror(made)
        assert (report.code, counts(report.queries["wind"])) == (0, {})
        assert len([1 for request in archive.log if request.path.endswith("/data")]) == requests


def test_records_are_requested_again_when_the_dataset_was_modified(archive, plan, monkeypatch):
    from sunpy_helio_plugins.hapi import model

    mirror(plan("wind"))
    raw = model.Info.from_json
    changed = {"modificationDate": "2026-02-01T00:00:00Z"}
    monkeypatch.setattr(model.Info, "from_json", classmethod(lambda cls, answer: raw(answer and {**answer, **changed})))
    archive.log.clear()
    assert counts(mirror(plan("wind")).queries["wind"]) == {"kept": 3}
    assert len([1 for request in archive.log if request.path.endswith("/data")]) == 3
    archive.log.clear()
    assert counts(mirror(plan("wind")).queries["wind"]) == {"kept": 3}
    assert len([1 for request in archive.log if request.path.endswith("/data")]) == 0


@pytest.mark.parametrize(
    ("name", "path"), [("wind", "/hapi"), ("mag", "/imap"), ("sun", "/helioviewer"), ("flares", "/hek")]
)
def test_the_outage_of_one_archive_does_not_affect_the_others(archive, plan, name, path):
    with conf.set_temp("retries", 0), archive.fault("status", path=path, status=503):
        report = mirror(plan())
    assert report.code == 1
    assert report.queries[name].failed
    assert [other for other, one in report.queries.items() if one.new] == [one for one in QUERIES if one != name]
    assert all(problem.startswith(f"{name}: ") for problem in report.problems)
    again = mirror(plan())
    assert (again.code, set(counts(again.queries[name]))) == (0, {"new"})


def test_an_outage_of_everything_is_nothing(archive, plan, folder):
    mirror(plan())
    before = sorted(path for path in folder.rglob("*") if path.suffix != ".json")
    with conf.set_temp("retries", 0), archive.fault("status", status=503):
        report = mirror(plan())
    assert (report.code, "could not be updated" in report.summary) == (3, True)
    assert sorted(path for path in folder.rglob("*") if path.suffix != ".json") == before


def test_an_archive_that_sends_no_file_is_not_asked_for_all_of_them(archive, plan, monkeypatch):
    monkeypatch.setattr(query_run, "_AT_ONCE", 2)
    with conf.set_temp("retries", 0), archive.fault("status", path="/imap/download", status=404):
        archive.log.clear()
        report = mirror(plan("mag"))
    assert (report.code, len(report.problems)) == (1, 3)
    assert report.problems[-1] == "mag: 1 more files are not requested in this run, since none of 2 came."
    assert len([one for one in archive.log if one.path.startswith("/imap/download")]) == 2
    assert len(mirror(plan("mag")).queries["mag"].new) == 3


def test_batches_are_noted_as_they_come(archive, plan, folder, monkeypatch):
    monkeypatch.setattr(query_run, "_AT_ONCE", 1)
    seen = []
    update = query_run.update

    def noted(path, change):
        made = update(path, change)
        seen.append(len(made.files))
        return made

    monkeypatch.setattr(query_run, "update", noted)
    mirror(plan("mag"))
    assert sorted(set(seen)) == [0, 1, 2, 3]


def test_a_second_run_at_once_ends_with_its_own_error(archive, plan, folder):
    folder.mkdir()
    with locked(folder / "mirror"), pytest.raises(LockedError, match="Another run is updating the mirror in"):
        mirror(plan("mag"))
    assert archive.log == []
    assert mirror(plan("mag")).code == 0


def test_part_files_of_killed_runs_are_removed_by_age(archive, plan, folder):
    (folder / "mag" / "imap").mkdir(parents=True)
    old, young, other = (
        folder / "mag" / "imap" / name for name in (".a.cdf.0123abcd.part", ".b.cdf.0123abcd.part", ".x.part")
    )
    for one in (old, young, other):
        one.touch()
    for one in (old, other):
        os.utime(one, (1, 1))
    assert mirror(plan("mag")).swept == [old]
    assert (old.exists(), young.exists(), other.exists()) == (False, True, True)


def test_a_full_disk_is_a_sentence_and_leaves_the_manifest_of_before(archive, plan, folder, monkeypatch):
    mirror(plan("mag", window="1 day"))
    before = (folder / "mag" / MANIFEST).read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        report = mirror(plan("mag"))
    assert report.code == 3
    assert all("the disk is full" in one for one in report.problems)
    assert (folder / "mag" / MANIFEST).read_bytes() == before
    assert list(folder.rglob("*.part")) == []
    assert (mirror(plan("mag")).code, len(list(folder.rglob("*.cdf")))) == (0, 3)


def test_a_disk_that_is_full_during_the_downloads_costs_those_only(archive, plan, folder, monkeypatch):
    fsync, calls = os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if 2 <= len(calls) <= 3:  # the first one is that of the manifest
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        report = mirror(plan("mag"))
    assert (report.code, counts(report.queries["mag"])) == (1, {"new": 1, "errors": 2})
    assert counts(mirror(plan("mag")).queries["mag"]) == {"new": 2, "kept": 1}


def test_a_spoilt_manifest_costs_its_query_only(archive, plan, folder):
    (folder / "mag").mkdir(parents=True)
    (folder / "mag" / MANIFEST).write_text("{")
    report = mirror(plan("mag", "wind"))
    assert report.code == 1
    assert report.queries["mag"].failed
    assert "is not a valid manifest" in report.problems[0]
    assert len(report.queries["wind"].new) == 3


def test_a_file_in_the_place_of_the_folder_is_refused(archive, plan, folder):
    folder.write_text("x")
    with pytest.raises(
        QueryError, match=r"mirror requires a folder, but .*mirror is a file; change folder in The plan"
    ):
        mirror(plan("mag"))
    assert archive.log == []


def test_a_file_in_the_place_of_the_folder_of_a_query_costs_that_query(archive, plan, folder):
    folder.mkdir()
    (folder / "mag").write_text("x")
    report = mirror(plan("mag"))
    text = "is a file, but the query 'mag' needs a folder of this name; give the mirror another folder"
    assert (report.code, text in report.problems[0]) == (3, True)
    assert report.summary == f"Mirror {folder} could not be updated: mag: 1 error"


def test_two_versions_of_an_event_are_one_file(archive, plan, monkeypatch):
    from sunpy_helio_plugins.her import tables

    report = mirror(plan("flares"))
    archive.log.clear()
    table_of = tables.table_of

    def revised(kind, found, *args, **kwargs):
        found = [one | {"revision": "2"} for one in found[:1]] + [*found]
        return table_of(kind, found, *args, **kwargs)

    monkeypatch.setattr(tables, "table_of", revised)
    again = mirror(plan("flares")).queries["flares"]
    assert len(again.kept) + len(again.revised) == len(report.queries["flares"].new)
    assert len([one for one in archive.log if one.query.get("cmd") == "export-voevent"]) == 1


def test_names_in_paths_come_from_the_template(archive, plan, folder):
    one = mirror(plan("sun", path="{wavelength}/{file}")).queries["sun"]
    assert {path.parent.name for path in one.new} == {"193.0 Angstrom"}


def test_a_plan_is_run_as_an_object(archive, plan):
    made = Plan.of(plan("mag"))
    assert mirror(made).code == 0
    assert MAG["archive"] == made.queries["mag"].archive


def test_a_spoilt_manifest_is_a_file_error(folder):
    from sunpy_helio_plugins.store.manifest import load

    folder.mkdir()
    (folder / MANIFEST).write_text('{"files": 3}')
    with pytest.raises(FileError, match="remove it to start again"):
        load(folder / MANIFEST)


def test_rows_without_an_identifier_are_noted_and_the_others_are_mirrored(archive, plan, monkeypatch):
    whole = copies._her
    monkeypatch.setitem(copies._ROWS, "her", lambda table: [None, *list(whole(table))[1:]])
    one = mirror(plan("flares")).queries["flares"]
    assert "1 rows have no identifier, and cannot be mirrored." in one.notes
    assert (len(one.new) > 1, one.errors) == (True, [])


def test_daily_files_may_change_until_the_end_of_their_day(archive):
    table = IMAPClient().search(a.Time("2026-01-10", "2026-01-10 12:00"), a.imap.Table("ialirt"))
    assert {one.until for one in copies.described("imap", table)} == {"2026-01-11T00:00:00.000"}


def test_files_that_an_interrupt_left_out_are_told(archive, plan, monkeypatch):
    @contextmanager
    def interrupted(downloader):
        yield parfive.Results()

    monkeypatch.setattr(query_run.queue, "downloaded", interrupted)
    one = mirror(plan("mag")).queries["mag"]
    assert [str(problem) for problem in one.errors] == ["3 files were not requested before the interrupt."]
    assert one.new == []


def test_a_file_that_was_removed_is_not_deleted_again(archive, plan, folder):
    made = mirror(plan("mag")).queries["mag"].new
    made[0].unlink()
    one = mirror(plan("mag", keep_files=1)).queries["mag"]
    assert names(one.deleted) == DAYS[1:2]
    assert [key.rpartition("/")[2] for key in manifest(folder)["files"]] == DAYS[2:]


def test_a_file_that_was_removed_is_not_withdrawn(archive, plan, folder, hide):
    made = mirror(plan("mag")).queries["mag"].new
    made[0].unlink()
    hide("20260110")
    assert counts(mirror(plan("mag")).queries["mag"]) == {"kept": 2}


def test_records_that_the_archive_does_not_have_any_more_are_kept(archive, plan, monkeypatch):
    made = plan("wind", window="1 day", end="2026-01-11")
    monkeypatch.setattr(run, "_now", lambda: Time("2026-01-11T00:00"))
    (one,) = mirror(made).queries["wind"].new
    content = one.read_bytes()
    empty = json.dumps({"HAPI": "3.0", "status": {"code": 1201, "message": "OK - no data for time range"}})
    monkeypatch.setattr(run, "_now", lambda: Time("2026-01-12T12:00"))
    with archive.fault(
        "json_error", path="/hapi", status=200, body=empty, where=lambda request: "/data" in request.path
    ):
        again = mirror(made).queries["wind"]
    assert (again.kept, again.errors, one.read_bytes() == content) == ([one], [], True)


def test_the_report_of_a_query_that_has_not_run_is_empty() -> None:
    report = QueryReport("sun", "helioviewer")
    assert report.summary == "sun: nothing"
    assert report.plain() == {
        "archive": "helioviewer", "kept": 0, "failed": False, "new": [], "revised": [], "repaired": [],
        "superseded": [], "outside": [], "withdrawn": [], "deleted": [], "products": [], "errors": [], "notes": [],
        "started": "", "seconds": 0.0,
    }  # fmt: skip
