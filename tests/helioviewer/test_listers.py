"""Each lister stands in for the others, and the nearest image is never passed off as the one asked for."""

from __future__ import annotations

import json
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from sunpy.net import attrs as a

from sunpy_helio_plugins import HelioviewerClient, conf
from sunpy_helio_plugins.errors import IncompleteAnswerWarning, ServiceError

HAPI = "/helioviewer/hapi"
NOON = a.Time("2026-01-10 11:55", "2026-01-10 12:05")
AIA_304 = a.helioviewer.SourceID(13)

pytestmark = pytest.mark.usefixtures("impatient")


def search(*query: Any) -> Any:
    return HelioviewerClient().search(*query)


@pytest.mark.parametrize("lister", ["HAPI", "index", "coverage"])
@pytest.mark.parametrize("source", [4, 11, 13, 19])
def test_all_listers_list_the_same_images_with_the_same_times(archive: Any, lister: str, source: int) -> None:
    time, number = a.Time("2026-01-10 11:50", "2026-01-10 14:30"), a.helioviewer.SourceID(source)
    known = search(time, number, a.helioviewer.Lister("HAPI", "index"))
    table = search(time, number, a.helioviewer.Lister(lister, "index"))
    assert len(table) > 2
    assert list(table["Path"]) == list(known["Path"])
    assert (table["Start Time"].isot == known["Start Time"].isot).all()
    assert set(table["Lister"]) == {lister}
    assert not [problem for problem in table.problems if not problem.startswith("The first image")]


@pytest.mark.parametrize("fault", ["status", "html_error", "hang_up", "cut_close"])
def test_a_hapi_server_that_fails_is_replaced(archive: Any, fault: str) -> None:
    with archive.fault(fault, path=HAPI):
        table = search(NOON, AIA_304)
    assert set(table["Lister"]) == {"index"}
    assert len(table) == 17
    assert table.problems == []


def test_without_hapi_and_pages_the_coverage_lists(archive: Any) -> None:
    with archive.fault("status", path=HAPI), conf.helioviewer.set_temp("jp2_url", f"{archive.url}/nowhere"):
        table = search(NOON, AIA_304)
    assert set(table["Lister"]) == {"coverage"}
    assert table["Start Time"][8].isot == "2026-01-10T12:00:05.129"


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
        table = search(NOON, AIA_304)
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
    search(NOON, AIA_304)
    archive.log.clear()
    search(NOON, AIA_304)
    assert [request.path.rpartition("/")[2] for request in archive.log] == ["data"]


def test_near_gives_one_row_per_source(archive: Any) -> None:
    near = a.Time("2026-01-10 10:00", "2026-01-10 13:00", near="2026-01-10 12:00")
    table = search(near, a.helioviewer.SourceID(11, 13))
    assert list(table["Source ID"]) == [11, 13]
    assert table["Start Time"].isot[1] == "2026-01-10T12:00:05.129"


def test_an_image_that_is_too_far_is_no_row(archive: Any) -> None:
    near = a.Time("2023-01-01", "2026-01-10 13:00", near="2024-06-01")
    with pytest.warns(IncompleteAnswerWarning, match="no image of SDO AIA 304 within 60 s"):
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
    assert "For 18 instants of the grid" in table.problems[0]
    with pytest.warns(IncompleteAnswerWarning, match="For 24 instants"):
        strict = search(day, AIA_304, a.Sample(1 * u.h), a.helioviewer.Tolerance(4 * u.s))
    assert len(strict) == 0
