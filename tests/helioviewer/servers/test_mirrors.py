"""Test mirrors: the order of the servers, images that are verified, and comparisons."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from sunpy.map import Map
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import HelioviewerClient, conf, helioviewer
from sunpy_helio_plugins.config import HELIOVIEWER_API, HELIOVIEWER_MIRRORS
from sunpy_helio_plugins.errors import (
    FileError,
    IncompleteAnswerWarning,
    MirrorWarning,
    Problem,
    QueryError,
    ServerError,
    ServiceError,
    SettingError,
)
from sunpy_helio_plugins.helioviewer.servers import addresses, comparison, copies
from sunpy_helio_plugins.helioviewer.servers.copies import _verify
from sunpy_helio_plugins.sandbox.helioviewer import holdings
from sunpy_helio_plugins.sandbox.helioviewer import jp2 as made

pytest.importorskip("PIL.Image")

TIME = a.Time("2026-01-10 12:00", "2026-01-10 12:01:20")


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Forget the servers that failed in other tests."""
    addresses.forget()
    yield
    addresses.forget()


@pytest.fixture
def broken(archive: Any, canned: Callable[..., str]) -> Iterator[list[str]]:
    """Break the main server, and use the embedded archive as a mirror; yield the paths that the main one was asked."""
    asked: list[str] = []

    def fail(path: str) -> tuple[int, str, bytes]:
        asked.append(path)
        return 500, "text/plain", b"the disk is full"

    url = canned(fail)
    mirror = conf.helioviewer.api_url
    with (
        conf.helioviewer.set_temp("api_url", f"{url}/v2"),
        conf.helioviewer.set_temp("mirrors", [f"IAS={mirror}"]),
        conf.set_temp("retries", 0),
    ):
        yield asked


def images(archive: Any) -> Any:
    return HelioviewerClient().search(TIME, a.helioviewer.SourceID(13))


def test_the_default_mirrors_belong_to_the_default_address() -> None:
    with conf.helioviewer.set_temp("api_url", HELIOVIEWER_API):
        names = [server.name for server in addresses.servers()]
    assert names == ["GSFC", *(one.partition("=")[0] for one in HELIOVIEWER_MIRRORS)]
    with conf.helioviewer.set_temp("api_url", "https://elsewhere.example/v2"):
        assert [server.name for server in addresses.servers()] == ["elsewhere.example"]
        with conf.helioviewer.set_temp("mirrors", ["X=https://x.example/v2/"]):
            assert addresses.servers()[1] == ("X", "https://x.example/v2")


@pytest.mark.parametrize("given", ["IAS", ["IAS"], ["IAS=ftp://x.example"], [5], None])
def test_other_settings_are_refused(given: Any) -> None:
    with pytest.raises(SettingError, match=r"conf\.helioviewer\.mirrors is a list of texts"):
        conf.helioviewer.mirrors = given


def test_a_mirror_answers_if_the_main_server_fails(broken: list[str]) -> None:
    with pytest.warns(MirrorWarning, match="The mirror IAS is used, since Helioviewer failed: .* the disk is full"):
        found = helioviewer.near("2026-01-10 12:00", tolerance=2 * u.min)
    assert len(found) > 0
    assert len(broken) == 1


def test_a_server_that_failed_is_tried_last_for_a_minute(broken: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(addresses.time, "monotonic", lambda: clock[0])
    with pytest.warns(MirrorWarning):
        helioviewer.near("2026-01-10 12:00")
    helioviewer.near("2026-01-10 12:00")
    assert len(broken) == 1
    clock[0] += 61
    with pytest.warns(MirrorWarning):
        helioviewer.near("2026-01-10 12:00")
    assert len(broken) == 2


def test_if_all_servers_fail_the_error_is_that_of_the_main_one(broken: list[str]) -> None:
    with conf.helioviewer.set_temp("mirrors", ["X=https://127.0.0.1:9/v2"]), pytest.raises(ServerError, match="disk"):
        helioviewer.near("2026-01-10 12:00")


def test_a_refusal_is_not_asked_of_others(archive: Any, canned: Callable[..., str]) -> None:
    url = canned(lambda path: (400, "text/html", b"<b>Error:</b> no such parameter"))
    with (
        conf.helioviewer.set_temp("mirrors", [f"IAS={conf.helioviewer.api_url}"]),
        conf.helioviewer.set_temp("api_url", url),
        pytest.raises(ServiceError, match="no such parameter"),
    ):
        helioviewer.near("2026-01-10 12:00")


def elsewhere(rows: Any, url: str) -> Any:
    """Return rows whose files are on another server."""
    moved = rows.copy()
    moved["url"] = [f"{url}{path}" for path in moved["Path"]]
    return moved


@pytest.mark.parametrize("more", [{}, {"size": 64}, {"region": [[100, 200], [199, 249]] * u.pix}])
def test_files_come_from_a_mirror_and_are_the_same(archive: Any, broken: list[str], tmp_path: Path, more: Any) -> None:
    rows = images(archive)
    right = sorted(Fido.fetch(rows, path=tmp_path / "right" / "{file}", **more))
    moved = elsewhere(rows, conf.helioviewer.api_url.removesuffix("/v2"))
    files = Fido.fetch(moved, path=tmp_path / "moved" / "{file}", **more)
    assert files.errors == []
    assert len(files) == len(rows) == len(right)
    for one, other in zip(sorted(files), right, strict=True):
        assert Path(one).name == Path(other).name
        assert np.array_equal(Map(one).data, Map(other).data)
        assert Map(one).meta["fsn"] == Map(other).meta["fsn"]


def test_files_come_from_a_mirror_if_the_server_is_down(archive: Any, broken: list[str], tmp_path: Path) -> None:
    """After the first files, the server is not asked again."""
    rows = images(archive)
    files = Fido.fetch(elsewhere(rows, "https://127.0.0.1:9"), path=tmp_path / "{file}")
    assert files.errors == []
    assert len(files) == len(rows)


def test_an_image_that_the_mirror_does_not_have_is_refused(archive: Any, broken: list[str], tmp_path: Path) -> None:
    """The API returns the nearest image, which would be saved under the name of another one."""
    rows = images(archive)[:1]
    moved = elsewhere(rows, conf.helioviewer.api_url.removesuffix("/v2"))
    moved["Start Time"] = moved["Start Time"] + 9 * u.s
    files = Fido.fetch(moved, path=tmp_path / "{file}")
    assert len(files.errors) == 1
    assert "the disk is full" in str(files.errors[0].exception)
    assert list(tmp_path.iterdir()) == []


START = np.datetime64("2026-01-10T12:00:05.129")
AIA = {"DATE-OBS": "2026-01-10T12:00:05.129", "INSTRUME": "AIA_4", "WAVELNTH": 304}


@pytest.mark.parametrize(
    "keys",
    [
        AIA, {**AIA, "DATE-OBS": "2026-01-10T12:00:05.13Z"},
        {**AIA, "DATE-OBS": "?", "T_OBS": "2026-01-10T12:00:06.5Z"},
        {"DATE_OBS": "2026/01/10", "TIME_OBS": "12:00:05.129", "INSTRUME": "AIA_4", "WAVELNTH": 304.0},
    ],
)  # fmt: skip
def test_a_header_with_the_time_and_the_instrument_is_verified(keys: dict[str, Any]) -> None:
    _verify(keys, "IAS", START, "AIA", 304.0)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({**AIA, "DATE-OBS": "2026-01-10T12:00:41.129"}, "is of 2026-01-10T12:00:41.129"),
        ({**AIA, "WAVELNTH": 171}, "is of AIA_4 171"),
        ({**AIA, "INSTRUME": "HMI_FRONT2"}, "is of HMI_FRONT2 304"),
        ({"INSTRUME": "AIA_4"}, "does not state its time"),
    ],
)
def test_another_image_is_not(keys: dict[str, Any], words: str) -> None:
    from sunpy_helio_plugins.errors import FileError

    with pytest.raises(FileError, match=f"The mirror IAS does not have this image: .*{words}"):
        _verify(keys, "IAS", START, "AIA", 304.0)


def test_the_status_tells_of_each_server(broken: list[str]) -> None:
    with pytest.raises(ServerError, match="disk is full"):
        helioviewer.status()
    with pytest.warns(IncompleteAnswerWarning, match=r"1 of 2 servers failed; the first: .*disk is full"):
        found = helioviewer.status(mirrors=True)
    assert set(found["Server"]) == {"IAS"}
    assert "disk is full" in found.meta["problems"][0]
    assert found.colnames[:3] == ["Server", "Instrument", "Measurement"]


def test_servers_are_compared_in_one_call(archive: Any, canned: Callable[..., str]) -> None:
    import requests

    own, noon = conf.helioviewer.api_url, np.datetime64("2026-01-10T12:00", "ms").astype(int)

    def without_the_first(path: str) -> tuple[int, str, bytes]:
        """Answer as the archive does, except for the first image after noon."""
        answer = requests.get(f"{own.removesuffix('/v2')}{path}", timeout=30)
        if "getDataCoverage" not in path:
            return answer.status_code, answer.headers["Content-Type"], answer.content
        layers = answer.json()
        first = min(point[0] for point in layers[0]["data"] if point[0] >= noon)
        layers[0]["data"] = [point for point in layers[0]["data"] if point[0] != first]
        return 200, "application/json", json.dumps(layers).encode()

    url = canned(without_the_first)
    with (
        conf.helioviewer.set_temp("mirrors", [f"IAS={url}/v2", "X=https://127.0.0.1:9/v2"]),
        conf.set_temp("retries", 0),
    ):
        with pytest.warns(IncompleteAnswerWarning, match="1 of 3 servers were not compared"):
            found = helioviewer.compare(("2026-01-10 11:00", "2026-01-10 13:00"), a.helioviewer.SourceID(13))
    here = addresses.servers()[0].name
    assert found.colnames == ["Start Time", "Source ID", "Path", here, "IAS"]
    assert found[here].all()
    assert np.count_nonzero(~found["IAS"]) == 1
    assert (np.diff(found["Start Time"].jd) >= 0).all()
    assert len(found.meta["problems"]) == 1


def test_a_comparison_needs_sources(archive: Any) -> None:
    with pytest.raises(QueryError):
        helioviewer.compare(("2026-01-10 11:00", "2026-01-10 13:00"), "AIA")


def test_no_mirror_is_asked_by_the_embedded_archive(archive: Any) -> None:
    assert addresses.mirrors() == ()
    assert made.content(holdings.images(13)[0]) is not None


def test_if_no_server_tells_its_status_the_error_is_the_first_one(
    canned: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = canned(lambda path: (500, "text/plain", b"the disk is full"))
    with conf.helioviewer.set_temp("api_url", f"{url}/v2"), conf.helioviewer.set_temp("mirrors", [f"IAS={url}/x"]):
        with conf.set_temp("retries", 0):
            with pytest.raises(ServerError, match="the disk is full"):
                helioviewer.status(mirrors=True)
            with pytest.raises(ServiceError, match="the disk is full"):
                helioviewer.compare(TIME, a.helioviewer.SourceID(13))


def test_images_that_a_server_did_not_list_are_told(archive: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = comparison.search.list_images

    def partly(queries: Any) -> Any:
        return replace(listed(queries), problems=(Problem("a day is missing", "answer", "Helioviewer"),))

    monkeypatch.setattr(comparison.search, "list_images", partly)
    with pytest.warns(IncompleteAnswerWarning, match=r"Not all images were listed; the first .*a day is missing"):
        made_of = helioviewer.compare(TIME, a.helioviewer.SourceID(13))
    assert any("a day is missing" in one for one in made_of.meta["problems"])


def test_a_copy_whose_header_cannot_be_read_is_left_to_the_download(tmp_path: Path) -> None:
    class Download:
        def accept(self, part: Path) -> None:
            raise FileError(f"{part.name} is a page")

    part = tmp_path / "part"
    part.write_bytes(b"<html></html>")
    with pytest.raises(FileError, match="part is a page"):
        copies._accept(Download(), "IAS", (np.datetime64("2026-01-10"), "AIA", 304.0), part)


def test_without_mirrors_the_status_is_that_of_one_server(archive: Any) -> None:
    table = helioviewer.status(mirrors=True)
    assert len(set(table["Server"])) == 1
    assert table.meta["problems"] == []
