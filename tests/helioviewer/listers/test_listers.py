"""Test that each lister is a fallback for the others, and that only images in the requested range are listed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import astropy.units as u
import numpy as np
import pytest
import requests
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import HelioviewerClient, conf, helioviewer
from sunpy_helio_plugins.errors import IncompleteAnswerWarning, QueryError, ServiceError
from sunpy_helio_plugins.helioviewer import explore, source_table
from sunpy_helio_plugins.helioviewer.listers import coverage, hapi, index
from sunpy_helio_plugins.sandbox.helioviewer import holdings, static

HAPI = "/helioviewer/hapi"
NOON = a.Time("2026-01-10 11:55", "2026-01-10 12:05")
AIA_304 = a.helioviewer.SourceID(13)
HAPI_FIRST = a.helioviewer.Backend("HAPI", "index", "coverage")

pytestmark = pytest.mark.usefixtures("impatient")


def search(*query: Any) -> Any:
    return HelioviewerClient().search(*query)


@pytest.mark.parametrize("lister", ["HAPI", "index", "coverage"])
@pytest.mark.parametrize("source", [4, 11, 13, 19])
def test_all_listers_list_the_same_images_with_the_same_times(archive: Any, lister: str, source: int) -> None:
    time, number = a.Time("2026-01-10 11:50", "2026-01-10 14:30"), a.helioviewer.SourceID(source)
    known = search(time, number, a.helioviewer.Backend("HAPI", "index"))
    table = search(time, number, a.helioviewer.Backend(lister, "index"))
    assert len(table) > 2
    assert list(table["Path"]) == list(known["Path"])
    assert (table["Start Time"].isot == known["Start Time"].isot).all()
    assert set(table["Lister"]) == {lister}
    assert not [problem for problem in table.problems if not problem.startswith("The first image")]


PATHS = {"HAPI": "/helioviewer/hapi", "index": "/helioviewer/jp2", "coverage": "/helioviewer/v2"}
FAILURES: dict[str, dict[str, Any]] = {
    "5xx": {"kind": "status", "status": 503}, "403": {"kind": "status", "status": 403},
    "page": {"kind": "html_error"}, "error in JSON": {"kind": "json_error", "body": '{"error": "broken", "errno": 2}'},
    "hung up": {"kind": "hang_up"}, "cut": {"kind": "cut_length"}, "silent": {"kind": "hang_before", "seconds": 30},
}  # fmt: skip


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize(("first", "second"), list(permutations(PATHS, 2)))
def test_each_lister_stands_in_for_each_other(archive: Any, first: str, second: str, failure: str) -> None:
    known = search(NOON, AIA_304)
    hapi.forget()
    # The other lister has to answer in this time, also on a busy machine.
    timeout = 1.5 if failure == "silent" else conf.read_timeout
    with archive.fault(path=PATHS[first], **FAILURES[failure]) as rule, conf.set_temp("read_timeout", timeout):
        table = search(NOON, AIA_304, a.helioviewer.Backend(first, second))
    assert rule.played > 0
    assert set(table["Lister"]) == {second}
    assert list(table["Path"]) == list(known["Path"])
    assert (table["Start Time"].isot == known["Start Time"].isot).all()
    assert table.problems == []


@pytest.mark.parametrize("first", PATHS)
def test_a_lister_that_fails_half_way_is_helped_out(archive: Any, first: str) -> None:
    """Two days, two months or a dozen windows: rows received are kept, and only the rest is requested from another."""
    time = a.Time("2025-12-15 00:00", "2026-01-10 20:05")
    second = {"HAPI": "index", "index": "HAPI", "coverage": "HAPI"}[first]
    if first == "coverage":
        time = a.Time("2026-01-09 23:50", "2026-01-10 12:10")
    if first == "HAPI":
        time = a.Time("2022-12-01 12:00:01", "2023-01-25")
    known = search(time, AIA_304)
    part = {"HAPI": "/hapi/Helioviewer/hapi/data", "index": "/jp2/AIA/2026/01/10", "coverage": "/v2/getDataCoverage"}
    with archive.fault("status", path=f"/helioviewer{part[first]}", times=1) as rule:
        table = search(time, AIA_304, a.helioviewer.Backend(first, second))
    assert rule.played == 1
    assert list(table["Path"]) == list(known["Path"])
    assert len(set(table["Path"])) == len(table) > 20
    assert second in set(table["Lister"])


def test_one_name_that_fails_does_not_cost_the_others(archive: Any) -> None:
    with archive.fault("status", path="/helioviewer/v2/getJP2Image", times=1):
        table = search(NOON, AIA_304, a.helioviewer.Backend("coverage", "HAPI"))
    assert sorted(set(table["Lister"])) == ["HAPI", "coverage"]
    assert list(table["Lister"]).count("HAPI") == 1
    assert len(table) == 17


def refusing(status: int, code: int, endpoint: str) -> dict[str, Any]:
    body = json.dumps({"HAPI": "3.1", "status": {"code": code, "message": f"HAPI error {code}"}})
    return {"kind": "json_error", "status": status, "body": body, "path": f"{HAPI}/Helioviewer/hapi/{endpoint}"}


@pytest.mark.parametrize(
    ("status", "code", "endpoint"),
    [(404, 1406, "info"), (500, 1500, "info"), (400, 1405, "data"), (500, 1500, "data"), (404, 1407, "data")],
    ids=["no such id", "no rows at all", "beyond its range", "script failed", "no path"],
)
def test_a_refusal_of_the_hapi_server_is_no_end(archive: Any, status: int, code: int, endpoint: str) -> None:
    with archive.fault(**refusing(status, code, endpoint)) as rule:
        table = search(NOON, AIA_304, HAPI_FIRST)
    assert rule.played > 0
    assert set(table["Lister"]) == {"index"}
    assert (len(table), table.problems) == (17, [])


def test_after_1405_the_server_is_asked_anew_for_its_range(archive: Any) -> None:
    search(NOON, AIA_304, HAPI_FIRST)
    with archive.fault(**refusing(400, 1405, "data")):
        search(NOON, AIA_304, HAPI_FIRST)
    archive.log.clear()
    assert set(search(NOON, AIA_304, HAPI_FIRST)["Lister"]) == {"HAPI"}
    assert [request.path.rpartition("/")[2] for request in archive.log] == ["info", "data"]


def test_the_hapi_server_is_asked_for_answers_without_compression(archive: Any) -> None:
    """Its software stalls in compressed CSV of more than 64 kB, as the list of HAPI servers states."""
    hapi.forget()
    search(NOON, AIA_304, HAPI_FIRST)
    asked = [request for request in archive.log if HAPI in request.path]
    assert {request.path.rpartition("/")[2] for request in asked} >= {"info", "data"}
    assert {request.headers["accept-encoding"] for request in asked} == {"identity"}


def test_an_id_that_means_another_source_is_not_believed(archive: Any, canned: Any) -> None:
    """A source like GONG_FARSIDE, whose number was assigned to RHESSI."""
    info = {
        "HAPI": "3.1", "status": {"code": 1200, "message": "OK"}, "startDate": "2010-01-01T00:00:00Z",
        "stopDate": "2027-01-01T00:00:00Z", "parameters": [
            {"name": "Time", "type": "isotime", "length": 20}, {"name": "path", "type": "string", "length": 255},
        ], "outputFormats": ["csv"],
    }  # fmt: skip
    row = b"2026-01-10T12:00:00Z,/RHESSI/2026/01/10/Clean/2026_01_10__12_00_00_000__RHESSI_RHESSI_Clean_3-6keV.jp2\n"

    def reply(path: str) -> tuple[int, str, bytes]:
        return (200, "text/csv", row) if "/data" in path else (200, "application/json", json.dumps(info).encode())

    with conf.helioviewer.set_temp("hapi_url", canned(reply)):
        table = search(NOON, AIA_304, HAPI_FIRST)
        assert set(table["Lister"]) == {"index"}
        with pytest.raises(ServiceError, match="AIA_304 lists images of RHESSI 3-6keV Clean, not of SDO AIA 304"):
            search(NOON, AIA_304, a.helioviewer.Backend("HAPI"))


@pytest.mark.parametrize("fault", ["status", "html_error", "hang_up", "cut_close"])
def test_a_hapi_server_that_fails_is_replaced(archive: Any, fault: str) -> None:
    with archive.fault(fault, path=HAPI):
        table = search(NOON, AIA_304, HAPI_FIRST)
    assert set(table["Lister"]) == {"index"}
    assert len(table) == 17
    assert table.problems == []


def test_without_hapi_and_pages_the_coverage_lists(archive: Any) -> None:
    with archive.fault("status", path=HAPI), conf.helioviewer.set_temp("jp2_url", f"{archive.url}/nowhere"):
        table = search(NOON, AIA_304)
    assert set(table["Lister"]) == {"coverage"}
    assert table["Start Time"][8].isot == "2026-01-10T12:00:05.129000000"


def test_a_list_that_ends_too_early_is_continued(archive: Any, canned: Any) -> None:
    info = {
        "HAPI": "3.1", "status": {"code": 1200, "message": "OK"}, "outputFormats": ["csv"],
        "startDate": "2010-01-01T00:00:00Z", "stopDate": "2026-01-10T12:00:05Z",
        "parameters": [{"name": "Time", "type": "isotime", "length": 20}, {"name": "path", "type": "string"}],
    }  # fmt: skip
    info["parameters"][1]["length"] = 255  # type: ignore[index]
    known = search(NOON, AIA_304)
    rows = [f"{time[:19]}Z,{path}\n" for time, path in zip(known["Start Time"].isot, known["Path"], strict=True)]

    def reply(path: str) -> tuple[int, str, bytes]:
        if "/data" in path:
            return 200, "text/csv", "".join(rows[:9]).encode()
        return 200, "application/json", json.dumps(info).encode()

    with conf.helioviewer.set_temp("hapi_url", canned(reply)):
        table = search(NOON, AIA_304, HAPI_FIRST)
    assert list(table["Path"]) == list(known["Path"])
    assert list(table["Lister"]) == ["HAPI"] * 9 + ["index"] * 8


def test_a_wrong_hapi_id_is_never_asked(archive: Any) -> None:
    table = search(NOON, a.helioviewer.SourceID(95))
    assert len(table) == 0
    assert not [request for request in archive.log if HAPI in request.path]


def test_when_nobody_lists_it_is_an_error(archive: Any) -> None:
    with archive.fault("status", path="/helioviewer"), pytest.raises(ServiceError):
        search(NOON, AIA_304)


def test_a_part_that_nobody_lists_is_said(archive: Any) -> None:
    with archive.fault("status", path="/helioviewer/jp2"), archive.fault("status", path="/helioviewer/v2"):
        with pytest.warns(IncompleteAnswerWarning, match="AIA 304 from 2026-01-10T20:06:06Z to .* is missing"):
            table = search(a.Time("2026-01-10 20:00", "2026-01-11"), AIA_304)
    assert len(table) == 11


def test_what_the_server_says_of_a_dataset_is_asked_for_once(archive: Any) -> None:
    search(NOON, AIA_304, HAPI_FIRST)
    archive.log.clear()
    search(NOON, AIA_304, HAPI_FIRST)
    assert [request.path.rpartition("/")[2] for request in archive.log] == ["data"]


def test_near_gives_one_row_per_source(archive: Any) -> None:
    near = a.Time("2026-01-10 10:00", "2026-01-10 13:00", near="2026-01-10 12:00")
    table = search(near, a.helioviewer.SourceID(11, 13))
    assert list(table["Source ID"]) == [11, 13]
    assert table["Start Time"].isot[1] == "2026-01-10T12:00:05.129000000"


def test_an_image_that_is_too_far_is_no_row(archive: Any) -> None:
    near = a.Time("2023-01-01", "2026-01-10 13:00", near="2024-06-01")
    with pytest.warns(IncompleteAnswerWarning, match="No image of SDO AIA 304 was found within 60 s"):
        table = search(near, AIA_304, a.helioviewer.Tolerance(1 * u.min))
    assert len(table) == 0


def test_samples_are_the_nearest_to_a_grid(archive: Any) -> None:
    table = search(a.Time("2023-01-01 00:00", "2023-01-01 06:01"), AIA_304, a.Sample(1 * u.h))
    instants = table["Start Time"].to_value("datetime64").astype("M8[us]")
    grid = np.datetime64("2023-01-01T00:00", "us") + np.arange(7) * np.timedelta64(1, "h")
    assert len(table) == 7
    assert (np.abs(instants - grid) <= np.timedelta64(18_100, "ms")).all()


def test_samples_leave_out_what_the_archive_lacks(archive: Any) -> None:
    day = a.Time("2026-01-10", "2026-01-10 23:59")
    table = search(day, AIA_304, a.Sample(1 * u.h))
    assert len(table) == 6
    assert "for 18 instants of the grid" in table.notes[0]
    with pytest.warns(IncompleteAnswerWarning, match="for 24 instants"):
        strict = search(day, AIA_304, a.Sample(1 * u.h), a.helioviewer.Tolerance(4 * u.s))
    assert len(strict) == 0


@pytest.fixture
def later() -> tuple[int, ...]:
    """The milliseconds after an image at which `crowded` adds others."""
    return (700,)


@pytest.fixture
def crowded(archive: Any, monkeypatch: pytest.MonkeyPatch, later: tuple[int, ...]) -> Iterator[list[str]]:
    """Add AIA 304 images to the second of one at noon, and return the names of the neighbouring images."""
    whole = holdings.images

    def images(source_id: int) -> tuple[holdings.Image, ...]:
        rows = list(whole(source_id))
        if source_id == 13:
            first = next(row for row in rows if row.when == datetime(2026, 1, 10, 12, 0, 5, 129000))
            for number, delay in enumerate(later):
                rows += [replace(first, image_id=90001 + number, when=first.when + timedelta(milliseconds=delay))]
        return tuple(sorted(rows, key=lambda row: (row.when, row.image_id)))

    caches = (holdings._index, static._folders)
    for one in caches:
        one.cache_clear()
    monkeypatch.setattr(holdings, "images", images)
    yield [row.name for row in images(13) if datetime(2026, 1, 10, 11, 55) <= row.when <= datetime(2026, 1, 10, 12, 5)]
    for one in caches:
        one.cache_clear()


@pytest.mark.parametrize("lister", ["HAPI", "index", "coverage"])
def test_two_images_of_one_second_are_two_rows(crowded: list[str], lister: str) -> None:
    table = search(NOON, AIA_304, a.helioviewer.Backend(lister))
    assert [path.rpartition("/")[2] for path in table["Path"]] == crowded
    assert list(table["Start Time"].isot[8:10]) == ["2026-01-10T12:00:05.129000000", "2026-01-10T12:00:05.829000000"]
    assert table.problems == []


MANY = pytest.mark.parametrize("later", [(300, 700), (100, 300, 500, 860)])


@MANY
@pytest.mark.parametrize("lister", ["HAPI", "index"])
def test_all_images_of_one_second_are_rows(crowded: list[str], lister: str) -> None:
    table = search(NOON, AIA_304, a.helioviewer.Backend(lister))
    assert [path.rpartition("/")[2] for path in table["Path"]] == crowded
    assert (table.problems, table.notes) == ([], [])


@MANY
def test_a_coverage_that_may_hide_images_of_one_second_is_noted(crowded: list[str], later: tuple[int, ...]) -> None:
    """The API's coverage has one point for each second, and only its first and its last image can be named."""
    table = search(NOON, AIA_304, a.helioviewer.Backend("coverage"))
    hidden = crowded[9 : 8 + len(later)]
    assert [path.rpartition("/")[2] for path in table["Path"]] == [name for name in crowded if name not in hidden]
    assert table.problems == []
    assert len(table.notes) == 1
    assert "SDO AIA 304 has two or more images in one second, such as 2026-01-10T12:00:05Z (1 in tot" in table.notes[0]
    assert 'a.helioviewer.Backend("HAPI", "index") lists all' in table.notes[0]


@MANY
def test_a_coverage_after_other_listers_hides_no_image(crowded: list[str]) -> None:
    table = search(NOON, AIA_304)
    assert [path.rpartition("/")[2] for path in table["Path"]] == crowded
    assert (table.problems, table.notes) == ([], [])


def test_a_crowded_second_outside_the_range_is_not_noted(crowded: list[str]) -> None:
    before = a.Time("2026-01-10 11:59", "2026-01-10 12:00:04.5")
    assert search(before, AIA_304, a.helioviewer.Backend("coverage")).notes == []


def test_an_image_that_cannot_be_named_is_said(crowded: list[str], canned: Any) -> None:
    """A coverage that repeats a second gives the number of images in it."""
    second = int(datetime(2026, 1, 10, 12, 0, 5, tzinfo=UTC).timestamp()) * 1000
    points = json.dumps([{"sourceId": 13, "name": "AIA 304", "data": [[second, 1]] * 3}]).encode()

    def reply(path: str) -> tuple[int, str, bytes]:
        if "getDataCoverage" in path:
            return 200, "application/json", points
        fraction = "829" if "05.250Z" in unquote(path) else "129"
        uri = f"jpip://h:8090/AIA/2026/01/10/304/2026_01_10__12_00_05_{fraction}__SDO_AIA_AIA_304.jp2"
        return 200, "application/json", json.dumps({"uri": uri}).encode()

    with conf.helioviewer.set_temp("api_url", canned(reply)):
        with pytest.warns(IncompleteAnswerWarning, match="only 2 of the 3 images in this second have known names"):
            table = search(NOON, AIA_304, a.helioviewer.Backend("coverage"))
    assert list(table["Start Time"].isot) == ["2026-01-10T12:00:05.129000000", "2026-01-10T12:00:05.829000000"]


FOLDERS = {131: "/PUNCH/{}/CAM", 132: "/CCOR-1/{}/white-light", 133: "/CCOR-2/{}/white-light", 134: "/PUNCH/{}/PAM"}
"""Folders of Helioviewer's ``jp2parser.py``, by source."""


@pytest.mark.parametrize("source", FOLDERS)
def test_the_newest_sources_are_listed_from_their_folders(canned: Any, source: int) -> None:
    names = {
        131: "PUNCH_L3_CAM_20260110120000_v0j.jp2", 134: "PUNCH_L3_PAM_20260110120000_v0j.jp2",
        132: "sci_ccor1-l3_g19_s20260110T120000Z_e20260110T120500Z_v01.jp2",
        133: "2026_01_10__12_00_00_000__SWFO-L1_CCOR2_1_white-light.jp2",
    }  # fmt: skip
    folder = FOLDERS[source].format("2026/01/10")

    def reply(path: str) -> tuple[int, str, bytes]:
        link = f'<a href="{names[source]}">x</a>' if path == f"{folder}/" else ""
        return (200, "text/html", f"Index of {path} {link}".encode()) if link else (404, "text/html", b"")

    with conf.helioviewer.set_temp("jp2_url", canned(reply)):
        table = search(a.Time("2026-01-10 11:00", "2026-01-10 13:00"), a.helioviewer.SourceID(source))
    assert list(table["Path"]) == [f"{folder}/{names[source]}"]
    assert table["Start Time"].isot[0] == "2026-01-10T12:00:00.000000000"


def test_a_directory_page_that_is_cut_loses_no_images_silently(archive: Any, canned: Any) -> None:
    known = search(NOON, AIA_304)
    page = requests.get(f"{conf.helioviewer.jp2_url}/AIA/2026/01/10/304/", timeout=30).content

    kept = {"bytes": 0}

    def reply(path: str) -> tuple[int, str, bytes]:
        body = page[: kept["bytes"]]
        return (200, "text/html", body) if path.endswith("/304/") else (404, "text/html", b"")

    for length in range(60, len(page), len(page) // 12):
        kept["bytes"] = length
        with conf.helioviewer.set_temp("jp2_url", canned(reply)), pytest.raises(ServiceError, match="page"):
            search(NOON, AIA_304, a.helioviewer.Backend("index"))
        with conf.helioviewer.set_temp("jp2_url", canned(reply)):
            table = search(NOON, AIA_304, a.helioviewer.Backend("index", "HAPI"))
        assert list(table["Path"]) == list(known["Path"])
        assert set(table["Lister"]) == {"HAPI"}
    kept["bytes"] = len(page)
    with conf.helioviewer.set_temp("jp2_url", canned(reply)):
        assert list(search(NOON, AIA_304, a.helioviewer.Backend("index"))["Path"]) == list(known["Path"])


def test_a_path_leads_to_its_own_source() -> None:
    for source, pattern in FOLDERS.items():
        path = f"{pattern.format('2026/01/10')}/x.jp2"
        assert source_table.misplaced(source_table.by_id()[source], path) is None
        assert source_table.misplaced(source_table.by_id()[13], path) is source_table.by_id()[source]


def test_the_pages_of_the_second_and_the_fourth_day_are_missing_and_both_are_named(archive: Any) -> None:
    days = [f"2026/01/{day:02}" for day in (8, 9, 10, 11, 12)]
    time = a.Time("2026-01-08 00:00", "2026-01-12 23:59:59")
    known = search(time, AIA_304, a.helioviewer.Backend("index"))
    rules = [archive.fault("status", path=f"/helioviewer/jp2/AIA/{day}") for day in days[1::2]]
    with rules[0], rules[1], pytest.warns(IncompleteAnswerWarning, match="is missing"):
        table = search(time, AIA_304, a.helioviewer.Backend("index"))
    assert [re.findall(r"2026-01-\d\d", str(one).partition(" is missing")[0]) for one in table.problems] == [
        ["2026-01-09", "2026-01-10"],
        ["2026-01-11", "2026-01-12"],
    ]
    lost = [any(f"/{day}/" in path for day in days[1::2]) for path in known["Path"]]
    assert list(table["Path"]) == [path for path, gone in zip(known["Path"], lost, strict=True) if not gone]


START, YEARS = np.datetime64("2026-01-10T11:55", "us"), np.timedelta64(3650, "D")


@pytest.mark.parametrize(
    ("lister", "words"),
    [
        (
            coverage.CoverageLister,
            r"its coverage would need \d+ requests, but \d+ is the maximum; search a shorter range",
        ),
        (index.IndexLister, "3651 directory pages exceed the maximum of 400; search a shorter range"),
    ],
)
def test_a_range_that_is_too_long_for_a_lister_is_a_gap_without_a_request(
    archive: Any, lister: Any, words: str
) -> None:
    found = lister().find(source_table.by_id()[13], START, START + YEARS)
    assert (len(found.paths), archive.log) == (0, [])
    (gap,) = found.gaps
    assert (gap.start, gap.end) == (START, START + YEARS)
    assert re.fullmatch(words, gap.reason)


def test_more_images_than_a_coverage_can_name_are_a_gap(archive: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "MOST_NAMES", 16)
    found = coverage.CoverageLister().find(source_table.by_id()[13], START, START + np.timedelta64(10, "m"))
    assert [gap.reason for gap in found.gaps] == [
        "the names of 17 images would need one request each; search a shorter range"
    ]
    assert not [request for request in archive.log if "getJP2Image" in request.path]


@pytest.mark.parametrize("body", ["[3]", '[{"sourceId": 13}]', '[{"sourceId": "x", "data": []}]', "null"])
def test_a_coverage_of_another_form_is_an_error(canned: Any, body: str) -> None:
    with conf.helioviewer.set_temp("api_url", canned(lambda path: (200, "application/json", body.encode()))):
        with pytest.raises(ServiceError, match="expected a data coverage, but got"):
            search(NOON, AIA_304, a.helioviewer.Backend("coverage"))


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        (None, "expected the URL of an image, but got None"),
        ("https://[::1/a.jp2", r"expected the URL of an image, but got https://\[::1/a\.jp2"),
        ("https://h/latest.png", "expected the URL of an image, but got https://h/latest.png"),
        (
            "jpip://h/AIA/2026_01_10__12_01_05_129__SDO_AIA_AIA_304.jp2",
            r"expected the image of 2026-01-10T12:00:05, but",
        ),
    ],
)
def test_a_name_of_another_image_is_not_believed(canned: Any, uri: str | None, words: str) -> None:
    def reply(path: str) -> tuple[int, str, bytes]:
        return 200, "application/json", json.dumps({"uri": uri}).encode()

    with conf.helioviewer.set_temp("api_url", canned(reply)), pytest.raises(ServiceError, match=words):
        coverage.path_of(source_table.by_id()[13], np.datetime64("2026-01-10T12:00:05"))


def test_files_without_a_time_are_a_gap(canned: Any) -> None:
    names = ["2026_01_10__12_00_05_129__SDO_AIA_AIA_304.jp2", "latest.jp2"]
    page = "Index of " + "".join(f'<a href="{name}">x</a>' for name in names)
    with conf.helioviewer.set_temp("jp2_url", canned(lambda path: (200, "text/html", page.encode()))):
        found = index.IndexLister().find(source_table.by_id()[13], START, START + np.timedelta64(10, "m"))
    assert [path.decode() for path in found.paths] == [f"/AIA/2026/01/10/304/{names[0]}"]
    assert [(gap.reason, gap.kind) for gap in found.gaps] == [
        ("the time of 1 files, such as /AIA/2026/01/10/304/latest.jp2, is unknown", "data")
    ]


def test_bands_of_rhessi_share_a_folder_and_are_told_apart(canned: Any) -> None:
    source = next(one for one in source_table.known() if one.observatory == "RHESSI" and one.folder)
    band = source.measurement.partition("/")[0]
    names = [f"2026_01_10__12_00_00_000__RHESSI_RHESSI_Clean_{one}.jp2" for one in (band, f"9{band}", "x-ykeV")]
    page = "Index of " + "".join(f'<a href="{name}">x</a>' for name in names)
    with conf.helioviewer.set_temp("jp2_url", canned(lambda path: (200, "text/html", page.encode()))):
        found = index.IndexLister().find(source, START, START + np.timedelta64(10, "m"))
    assert [path.decode().rpartition("/")[2] for path in found.paths] == names[:1]


INFO = {
    "HAPI": "3.1", "status": {"code": 1200, "message": "OK"}, "outputFormats": ["csv"],
    "startDate": "2010-01-01T00:00:00Z", "stopDate": "2027-01-01T00:00:00Z",
    "parameters": [
        {"name": "Time", "type": "isotime", "length": 20}, {"name": "path", "type": "string", "length": 255},
    ],
}  # fmt: skip
ROW = "2026-01-10T12:00:05Z,{}AIA/2026/01/10/304/2026_01_10__12_00_05_129__SDO_AIA_AIA_304.jp2\n"


@pytest.mark.parametrize("root", ["", "/"])
def test_paths_begin_with_one_slash(canned: Any, root: str) -> None:
    def reply(path: str) -> tuple[int, str, bytes]:
        if "/data" in path:
            return 200, "text/csv", ROW.format(root).encode()
        return 200, "application/json", json.dumps(INFO).encode()

    with conf.helioviewer.set_temp("hapi_url", canned(reply)):
        table = search(NOON, AIA_304, a.helioviewer.Backend("HAPI"))
    assert list(table["Path"]) == ["/AIA/2026/01/10/304/2026_01_10__12_00_05_129__SDO_AIA_AIA_304.jp2"]


@pytest.mark.parametrize(
    "changed", [{"startDate": ""}, {"stopDate": None}, {"stopDate": "soon"}, {"parameters": INFO["parameters"][:1]}]
)
def test_a_description_without_dates_or_paths_is_an_error(canned: Any, changed: dict[str, Any]) -> None:
    def reply(path: str) -> tuple[int, str, bytes]:
        return 200, "application/json", json.dumps(INFO | changed).encode()

    with conf.helioviewer.set_temp("hapi_url", canned(reply)):
        with pytest.raises(ServiceError, match="the description of AIA_304 lacks a date or the parameter 'path'"):
            search(NOON, AIA_304, a.helioviewer.Backend("HAPI"))


def test_a_server_with_one_image_is_not_asked_for_it(canned: Any) -> None:
    only = {"startDate": "2026-01-10T12:00:05Z", "stopDate": "2026-01-10T12:00:05Z"}
    asked: list[str] = []

    def reply(path: str) -> tuple[int, str, bytes]:
        asked.append(path)
        return 200, "application/json", json.dumps(INFO | only).encode()

    with conf.helioviewer.set_temp("hapi_url", canned(reply)):
        with pytest.warns(
            IncompleteAnswerWarning, match="has one image only, of 2026-01-10T12:00:05, and cannot list a"
        ):
            search(NOON, AIA_304, a.helioviewer.Backend("HAPI"))
    assert not [path for path in asked if "/data" in path]


def test_a_source_that_no_chosen_lister_knows_is_refused(archive: Any) -> None:
    source = next(one for one in source_table.known() if one.hapi_id is None and not one.members)
    with pytest.raises(QueryError, match=rf"\({source.id}\) is not listed by HAPI; remove a\.helioviewer\.Backend"):
        search(NOON, a.helioviewer.SourceID(source.id), a.helioviewer.Backend("HAPI"))


def nearest(text: str | None) -> Any:
    answer = {str(one.id): {"prev_date": text, "next_date": None} for one in source_table.known()}
    return lambda path: (200, "application/json", json.dumps(answer).encode())


def test_near_does_not_note_what_is_not_missing(canned: Any) -> None:
    with conf.helioviewer.set_temp("api_url", canned(nearest("2026-01-10 12:00:05"))):
        table = explore.near("2026-01-10 12:00:00")
    assert (len(table), table.notes) == (sum(not one.members for one in source_table.known()), [])


def test_near_refuses_dates_that_are_none(canned: Any) -> None:
    with conf.helioviewer.set_temp("api_url", canned(nearest("yesterday"))):
        with pytest.raises(ServiceError, match=r"expected dates, but got \{'prev_date': 'yesterday'"):
            explore.near("2026-01-10 12:00:00")


def test_an_image_whose_name_cannot_be_told_is_not_downloaded(archive: Any, tmp_path: Path) -> None:
    row = explore.near("2026-01-10 12:00:00")[:1]
    with archive.fault("status", path="/helioviewer/v2/getJP2Image", times=1):
        files = Fido.fetch(row, path=tmp_path / "{file}")
    assert (len(files), len(files.errors), list(tmp_path.iterdir())) == (0, 1, [])
    assert "Helioviewer answered 500: The embedded archive was asked to fail" in str(files.errors[0].exception)


def test_a_day_without_a_folder_is_confirmed_by_the_api(archive: Any) -> None:
    missing = {"kind": "status", "status": 404, "path": "/helioviewer/jp2/AIA/2026/01/10/304"}
    known = search(NOON, AIA_304)
    with archive.fault(**missing):
        table = search(NOON, AIA_304)
        assert list(table["Path"]) == list(known["Path"])
        assert set(table["Lister"]) == {"HAPI"}
        assert len(search(NOON, AIA_304, a.helioviewer.Backend("index"))) == 0


def test_days_between_two_images_are_confirmed_at_once(archive: Any) -> None:
    days = [f"2025-0{month}-0{day} 12:00" for month in (3, 4) for day in (1, 2, 3)]
    assert helioviewer.nearest(13, days)["Offset"].mask.all()
    confirmed = [request for request in archive.log if "getClosest" in request.path]
    assert len(confirmed) <= index.AT_ONCE
    assert not [request for request in archive.log if HAPI in request.path]
    assert len([request for request in archive.log if "/2025/" in request.path]) == 6


def test_a_day_without_a_folder_is_empty_if_the_api_does_not_answer(archive: Any) -> None:
    with archive.fault("status", path="/helioviewer/v2"):
        table = search(a.Time("2025-03-01 11:00", "2025-03-01 12:00"), AIA_304)
    assert (len(table), table.problems) == (0, [])
