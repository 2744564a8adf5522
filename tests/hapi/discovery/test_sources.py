"""Test how the index is built: from catalogues, from single descriptions, from files, and with failures."""

from __future__ import annotations

import contextlib
import gzip
import json
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from invented import CATALOGUE

from sunpy_helio_plugins import conf, hapi
from sunpy_helio_plugins.errors import (
    AnswerError,
    DiskError,
    FileError,
    IncompleteAnswerWarning,
    QueryError,
    ServerError,
    ServiceUnreachable,
)
from sunpy_helio_plugins.hapi.discovery import sources
from sunpy_helio_plugins.hapi.discovery.index import Index, default


class Small:
    """A HAPI server with the invented datasets, which counts requests and fails as told."""

    def __init__(self, datasets: dict[str, Any], version: str, *, deep: bool) -> None:
        self.datasets, self.version, self.deep = datasets, version, deep
        self.asked: Counter[str] = Counter()
        self.failing: dict[str, int] = {}
        self.url = ""

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        endpoint = path.rpartition("/")[2]
        dataset = query.get("dataset") or query.get("id") or ""
        self.asked[dataset or f"{endpoint}{query.get('depth', '')}"] += 1
        said: dict[str, Any] = {"HAPI": self.version, "status": {"code": 1200, "message": "OK"}}
        if endpoint == "capabilities":
            depths = {"catalogDepthOptions": ["dataset", "all"]} if self.deep else {}
            return 200, {**said, "outputFormats": ["csv"], **depths}
        if endpoint == "catalog":
            infos = {one: {"info": info} if query.get("depth") == "all" else {} for one, info in self.datasets.items()}
            return 200, {**said, "catalog": [{"id": one, "title": f"T {one}", **info} for one, info in infos.items()]}
        if dataset in self.failing:
            return self.failing[dataset], "out of order"
        return 200, {**said, **self.datasets[dataset]}


@contextlib.contextmanager
def served(datasets: dict[str, Any] = CATALOGUE, version: str = "2.0", *, deep: bool = False) -> Iterator[Small]:
    small = Small(datasets, version, deep=deep)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            status, body = small.answer(parts.path, {key: value[0] for key, value in parse_qs(parts.query).items()})
            text = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json" if status == 200 else "text/plain")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    small.url = f"http://127.0.0.1:{server.server_port}/hapi"
    try:
        with conf.set_temp("retries", 0), conf.set_temp("cache", False):
            yield small
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def stored(url: str) -> list[str]:
    return [one.id for one in default().entries(url)]


def test_a_server_with_all_descriptions_is_asked_once() -> None:
    with served(version="3.2", deep=True) as small:
        table = hapi.update_index(small.url, f"{small.url}/", progress=False)
        assert small.asked == {"capabilities": 1, "catalogall": 1}
    assert list(table["Datasets"]) == [len(CATALOGUE)]
    assert list(table["Parameters"]) == [sum(len(one["parameters"]) - 1 for one in CATALOGUE.values())]
    assert list(table["Complete"]) == [True]


def test_an_older_server_is_asked_once_for_each_dataset() -> None:
    with served() as small:
        hapi.update_index(small.url, progress=False)
        assert small.asked == {"capabilities": 1, "catalog": 1, **dict.fromkeys(CATALOGUE, 1)}
        assert stored(small.url) == list(CATALOGUE)


def test_a_fresh_index_answers_without_a_request() -> None:
    with served() as small:
        hapi.find("proton density", server=small.url, progress=False)
        small.asked.clear()
        table = hapi.find("proton density", server=small.url, progress=False)
        assert (small.asked, table["Parameter"][0]) == ({}, "Np")


def test_searches_in_several_threads_make_one_index() -> None:
    with served() as small, ThreadPoolExecutor(4) as pool:
        tables = list(pool.map(lambda text: hapi.find(text, server=small.url, progress=False), ["rain"] * 4))
        assert small.asked == {"capabilities": 1, "catalog": 1, **dict.fromkeys(CATALOGUE, 1)}
    assert {table["Parameter"][0] for table in tables} == {"rain"}


def test_an_old_index_is_refreshed() -> None:
    with served() as small, conf.hapi.set_temp("index_days", 0.0):
        hapi.find("rain", server=small.url, progress=False)
        small.datasets = {"SNOW": CATALOGUE["RAIN"]}
        hapi.find("rain", server=small.url, progress=False)
        assert stored(small.url) == ["SNOW"]


def test_an_interrupted_index_continues_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_STEP", 2)
    with served() as small:
        small.failing = dict.fromkeys(list(CATALOGUE)[2:], 503)
        with pytest.warns(IncompleteAnswerWarning, match="has 2 of 5 datasets"):
            table = hapi.update_index(small.url, progress=False)
        assert list(table["Complete"]) == [False]
        assert "continues" in table.meta["problems"][0]
        small.failing, small.asked = {}, Counter()
        hapi.update_index(small.url, progress=False)
        assert set(small.asked) == {"capabilities", "catalog", *list(CATALOGUE)[2:]}
        assert stored(small.url) == list(CATALOGUE)


def test_an_interrupted_index_is_searched_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_STEP", 1)
    with served() as small:
        small.failing = {"RAIN": 503}
        with pytest.warns(IncompleteAnswerWarning):
            hapi.update_index(small.url, progress=False)
        with pytest.warns(IncompleteAnswerWarning, match="incomplete"):
            table = hapi.find("magnetic field")
        assert set(table["Dataset"]) == {"AC_H9_MFI"}


def test_a_dataset_without_a_description_is_kept_with_its_title() -> None:
    with served() as small:
        small.failing = {"RAIN": 404}
        with pytest.warns(IncompleteAnswerWarning, match="RAIN"):
            table = hapi.update_index(small.url, progress=False)
        assert list(table["Complete"]) == [True]
        assert set(stored(small.url)) == set(CATALOGUE)
        assert hapi.find("rain", server=small.url)["Dataset"][0] == "RAIN"


def test_a_failed_refresh_of_a_dataset_keeps_its_description() -> None:
    with served() as small, conf.hapi.set_temp("index_days", 0.0):
        hapi.update_index(small.url, progress=False)
        small.failing = {"RAIN": 404}
        with pytest.warns(IncompleteAnswerWarning):
            hapi.update_index(small.url, progress=False)
        kept = {one.id: one for one in default().entries(small.url)}
        assert kept["RAIN"].parameters[0]["name"] == "rain"


def test_an_old_index_is_searched_if_its_server_is_down() -> None:
    with served() as small:
        hapi.update_index(small.url, progress=False)
    with (
        conf.set_temp("retries", 0), conf.set_temp("cache", False), conf.hapi.set_temp("index_days", 0.0),
        pytest.warns(IncompleteAnswerWarning, match="old, and could not be refreshed"),
    ):  # fmt: skip
        table = hapi.find("proton density", server=small.url, progress=False)
    assert table["Parameter"][0] == "Np"
    assert len(table.meta["problems"]) == 1


def test_a_server_that_is_down_is_an_error_without_an_index() -> None:
    with conf.set_temp("retries", 0), conf.set_temp("cache", False), pytest.raises(ServiceUnreachable):
        hapi.find("density", server="http://127.0.0.1:9/hapi", progress=False)


def test_one_of_several_servers_that_is_down_is_a_problem() -> None:
    with served() as small, pytest.warns(IncompleteAnswerWarning, match="127.0.0.1:9"):
        table = hapi.update_index(small.url, "http://127.0.0.1:9/hapi", progress=False)
    assert len(table) == 1


def test_a_server_that_fails_for_every_dataset_is_named() -> None:
    with served() as small:
        small.failing = dict.fromkeys(CATALOGUE, 500)
        with pytest.warns(IncompleteAnswerWarning, match="has 0 of 5 datasets.*500"):
            hapi.update_index(small.url, progress=False)


def project_file(**servers: Any) -> dict[str, Any]:
    """Return a document in the form of that of the HAPI project."""
    return {
        name: {"about": {"id": name, "x_url": f"https://{name}.example/hapi", "title": f"Title {name}"}, "catalog": one}
        for name, one in servers.items()
    }


GOOD = {"catalog": [{"id": one, "title": one, "info": said} for one, said in CATALOGUE.items()], "x_LastUpdate": "now"}


@pytest.mark.parametrize("is_packed", [False, True])
def test_the_file_of_the_project_is_read(tmp_path: Path, is_packed: bool) -> None:
    text = json.dumps(project_file(one=GOOD, two=GOOD, failed={"x_LastUpdateError": "no"})).encode()
    path = tmp_path / "catalogs-all.json"
    path.write_bytes(gzip.compress(text) if is_packed else text)
    table = hapi.update_index(source=path, progress=False)
    assert list(table["Server"]) == ["https://one.example/hapi", "https://two.example/hapi"]
    assert set(table["Source"]) == {"catalogs-all.json"}
    found = hapi.find("proton density")
    assert set(found["Server"]) == set(table["Server"])


def test_datasets_of_the_file_without_a_description_are_kept_by_their_titles(tmp_path: Path) -> None:
    bad = {
        "catalog": [*GOOD["catalog"], {"id": "B", "title": "Rain", "info": {"x_LastUpdateError": "no"}}, {"x": 1}, 7]
    }
    path = tmp_path / "all.json"
    path.write_text(json.dumps(project_file(one=bad)))
    with pytest.warns(IncompleteAnswerWarning, match="1 datasets"):
        hapi.update_index(source=path, progress=False)
    assert "B" in stored("https://one.example/hapi")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{}", "does not contain the catalogues"),
        (b"[1, 2]", "does not contain the catalogues"),
        (b"not JSON", "neither an index nor JSON"),
        (b"", "neither an index nor JSON"),
        (b"[" * 100_000, "neither an index nor JSON"),
        (b"\x1f\x8bbroken", "neither an index nor JSON"),
        (b"SQLite format 3\0" + bytes(84), "is not an index"),
        (b"SQLite format 3\0" + bytes(52) + b"HELI" + bytes(30), "is damaged"),
    ],
    ids=["empty object", "list", "text", "empty", "deep", "gzip", "another database", "damaged"],
)
@pytest.mark.filterwarnings("ignore:The index of HAPI servers in")
def test_other_files_are_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(FileError, match=words):
        hapi.update_index(source=path, progress=False)
    assert path.read_bytes() == content


def test_an_index_is_copied_with_its_dates(tmp_path: Path) -> None:
    with served() as small:
        hapi.update_index(small.url, progress=False)
        index = default()
    before = index.states()[small.url]
    index.close()
    copy = tmp_path / "copy.db"
    copy.write_bytes(index.path.read_bytes())
    with conf.set_temp("cache", False):
        index.forget(small.url)
        table = hapi.update_index(source=copy, progress=False)
        assert list(table["Datasets"]) == [len(CATALOGUE)]
    after = index.states()[small.url]
    assert (after.begun, after.ended, after.source) == (before.begun, before.ended, "copy.db")


def test_servers_and_a_file_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="not both"):
        hapi.update_index("cdaweb", source=tmp_path / "x")
    with pytest.raises(FileError, match="does not exist"):
        hapi.update_index(source=tmp_path / "x")


def test_the_file_of_all_servers_is_downloaded(archive: Any) -> None:
    table = hapi.update_index(progress=False)
    assert list(table["Server"]) == ["cdaweb", "lisird"]
    assert [one.path for one in archive.log] == ["/hapi/meta/catalogs-all.json"]


def test_a_failure_of_the_download_is_an_error(archive: Any) -> None:
    with archive.fault("status", status=500), conf.set_temp("retries", 0), pytest.raises(ServerError):
        hapi.update_index(progress=False)


def test_another_answer_than_the_file_is_an_error() -> None:
    with served() as small, conf.hapi.set_temp("index_url", f"{small.url}/capabilities"):
        with pytest.raises(AnswerError, match="does not contain the catalogues"):
            hapi.update_index(progress=False)


def test_an_index_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Index, "add", lambda *_: False)
    with served() as small, pytest.warns(IncompleteAnswerWarning, match="cannot be written"):
        hapi.update_index(small.url, progress=False)


@pytest.mark.filterwarnings("ignore:The (index of HAPI servers|cache of metadata) in .* cannot be used")
def test_a_folder_that_cannot_be_used_does_not_cost_the_search(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with served() as small, conf.set_temp("cache", True), conf.set_temp("cache_dir", str(tmp_path / "file" / "folder")):
        assert hapi.find("proton density", server=small.url, progress=False)["Parameter"][0] == "Np"
        small.asked.clear()
        assert hapi.find("proton density", server=small.url, progress=False)["Parameter"][0] == "Np"
        assert not small.asked


@pytest.mark.parametrize("call", ["add", "end"])
def test_a_file_whose_index_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "all.json"
    path.write_text(json.dumps({"one": {"about": {"x_url": "https://one.example/hapi"}, "catalog": {"catalog": [
        {"id": one, "info": info} for one, info in CATALOGUE.items()
    ]}}}))  # fmt: skip
    monkeypatch.setattr(Index, call, lambda *_: False)
    with pytest.warns(IncompleteAnswerWarning, match=r"The index in .* cannot be written; nothing of this refresh"):
        hapi.update_index(source=path, progress=False)


def test_a_file_that_disappears_while_it_is_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: Path) -> bytes:
        raise FileNotFoundError(2, "No such file or directory")

    path = tmp_path / "all.json"
    path.write_text("{}")
    monkeypatch.setattr(Path, "read_bytes", gone)
    with pytest.raises(DiskError, match=r"all\.json"):
        hapi.update_index(source=path, progress=False)


def test_the_error_is_raised_if_every_server_fails() -> None:
    with served() as one, served() as two:
        for small in (one, two):
            small.answer = lambda *_: (500, "out of order")  # type: ignore[method-assign]
        with pytest.raises(ServerError, match="out of order"):
            hapi.update_index(one.url, two.url, progress=False)
