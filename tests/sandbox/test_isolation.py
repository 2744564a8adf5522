"""Test that requests to other machines are refused while the embedded archive is running, and settings are restored."""

from __future__ import annotations

import ast
import contextlib
import gc
import os
import re
import socket
import warnings
from pathlib import Path

import pytest
import requests
from astropy.table import vstack
from parfive import Downloader
from sunpy.net import Fido
from sunpy.net import attrs as a

import sunpy_helio_plugins
from sunpy_helio_plugins import HAPIClient, HelioviewerClient, HERClient, IMAPClient, conf, errors, hapi, sandbox
from sunpy_helio_plugins.config import isolation
from sunpy_helio_plugins.hapi import server_list
from sunpy_helio_plugins.transport import metadata, oauth2
from sunpy_helio_plugins.transport.credentials import signed_in
from sunpy_helio_plugins.transport.files import job, queue
from sunpy_helio_plugins.transport.files.prefix import head
from sunpy_helio_plugins.transport.secrets import Secret
from sunpy_helio_plugins.transport.submit import SubmitSession, put

DAY = a.Time("2026-01-10", "2026-01-10 23:59")
OUTSIDE = "https://outside.example/there"
THERE = r"outside\.example"
VARIABLES = ("IMAP_DATA_ACCESS_URL", "IMAP_API_KEY", "IALIRT_DATA_ACCESS_URL")


@pytest.fixture(autouse=True)
def looked_up(monkeypatch):
    """Return the names of other machines that are looked up; the test fails if there are any at its end."""
    names: list[str] = []
    getaddrinfo = socket.getaddrinfo

    def note(host, *args, **kwargs):
        if host not in ("127.0.0.1", "localhost", "::1", None):
            names.append(host)
            raise socket.gaierror(socket.EAI_NONAME, "no other machine in this test")
        return getaddrinfo(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", note)
    yield names
    assert names == []


@pytest.fixture(autouse=True)
def nothing_stays():
    before = settings()
    yield
    sandbox.stop()
    assert not isolation
    # The environment is restored by monkeypatch later.
    assert {name: value for name, value in settings().items() if name not in VARIABLES} == {
        name: value for name, value in before.items() if name not in VARIABLES
    }


def settings() -> dict[str, object]:
    spaces = {"": conf, "hapi": conf.hapi, "imap": conf.imap, "helioviewer": conf.helioviewer, "her": conf.her}
    found = {f"{space}.{name}": getattr(spaces[space], name) for space in spaces for name in spaces[space]}
    return found | {name: os.environ.get(name) for name in VARIABLES}


def is_alive(url: str) -> bool:
    with contextlib.suppress(requests.ConnectionError):
        return requests.get(f"{url}/hapi/cdaweb/hapi/capabilities", timeout=5).status_code == 200
    return False


class TestServing:
    def test_every_listed_server_is_inside(self):
        real = {name: server.url for name, server in server_list.known().items()}
        with sandbox.serve() as archive:
            inside = {name: server.url for name, server in server_list.known().items()}
            assert inside.keys() == real.keys()
            assert all(url.startswith(f"{archive.url}/") for url in inside.values())
            assert list(hapi.catalog("amda")["id"]) == []
        assert {name: server.url for name, server in server_list.known().items()} == real

    def test_a_search_of_all_listed_servers_stays_inside(self):
        with sandbox.serve() as archive:
            servers = a.hapi.Server(*(name for name in server_list.known() if name != "swe"))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", errors.IncompleteAnswerWarning)
                found = Fido.search(DAY, servers, a.hapi.Dataset("AC_H0_MFI"))
            assert set(found[0]["Server"]) == {"cdaweb"}
            assert {entry.path.split("/")[1] for entry in archive.log} == {"hapi", "helioviewer"}

    def test_what_was_set_before_does_not_lead_outside(self, monkeypatch):
        monkeypatch.setenv("IMAP_DATA_ACCESS_URL", OUTSIDE)
        with conf.hapi.set_temp("servers", [f"cdaweb={OUTSIDE}", f"mine={OUTSIDE}"]), conf.her.set_temp("url", OUTSIDE):
            before = settings()
            with sandbox.serve():
                found = Fido.search(DAY, a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI"))
                assert len(found[0])
                assert len(Fido.search(DAY, a.her.CH)[0])
                assert len(Fido.search(DAY, a.imap.File(), a.Instrument("mag"))[0])
            assert settings() == before

    def test_what_is_set_meanwhile_is_refused_by_name_and_forgotten(self, monkeypatch):
        before = settings()
        with sandbox.serve():
            conf.hapi.servers = [f"cdaweb={OUTSIDE}"]
            with pytest.raises(errors.IsolationError, match=THERE):
                HAPIClient().search(DAY, a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI"))
            conf.her.url = OUTSIDE
            with pytest.raises(errors.IsolationError, match=THERE):
                HERClient().search(DAY, a.her.CH)
            conf.imap.url = OUTSIDE
            with pytest.raises(errors.IsolationError, match=THERE):
                IMAPClient().search(DAY, a.imap.File(), a.Instrument("mag"))
            monkeypatch.setenv("IMAP_DATA_ACCESS_URL", "https://other.example")
            with pytest.raises(errors.IsolationError, match=r"other\.example"):
                IMAPClient().search(DAY, a.imap.File(), a.Instrument("mag"))
            conf.helioviewer.hapi_url = conf.helioviewer.api_url = conf.helioviewer.jp2_url = OUTSIDE
            with pytest.raises(errors.HelioPluginsError, match=THERE):
                HelioviewerClient().search(DAY, a.helioviewer.Image(), a.Instrument("AIA"))
        assert settings() == before

    def test_default_settings_that_come_back_meanwhile_are_refused(self):
        with sandbox.serve():
            conf.her.url = "https://www.lmsal.com/hek/her"
            with pytest.raises(errors.IsolationError, match=r"www\.lmsal\.com"):
                HERClient().search(DAY, a.her.CH)

    def test_among_several_servers_a_refused_one_is_named(self):
        with sandbox.serve() as archive:
            with pytest.warns(errors.IncompleteAnswerWarning, match=THERE):
                found = Fido.search(DAY, a.hapi.Server("cdaweb") | a.hapi.Server(OUTSIDE), a.hapi.Dataset("AC_H0_MFI"))
            assert set(found[0]["Server"]) == {"cdaweb"}
            assert archive.log


def token() -> None:
    oauth2.client_credentials("there", OUTSIDE, Secret("a-client"), Secret("a-secret"), "")


DOORS = {
    "metadata": lambda path: metadata.get(OUTSIDE, archive="There"),
    "catalogue": lambda path: metadata.cached_json(OUTSIDE, archive="There", parse=lambda value: value),
    "first bytes": lambda path: head(OUTSIDE, 10, archive="There"),
    "upload": lambda path: put(OUTSIDE, path, archive="There"),
    "form": lambda path: SubmitSession("There").post(OUTSIDE, {}),
    "token": lambda path: token(),
    "a server's address": lambda path: hapi.catalog(OUTSIDE),
    "an address without TLS": lambda path: metadata.get("http://outside.example", archive="There"),
    "an address that begins like this machine's": lambda path: metadata.get(
        "https://127.0.0.1.outside.example", archive="There"
    ),
    "a number": lambda path: metadata.get("https://192.0.2.1/x", archive="There"),
}


class TestDoors:
    @pytest.mark.parametrize("door", DOORS)
    def test_it_is_closed_while_the_archive_serves(self, door, tmp_path):
        path = tmp_path / "file"
        path.write_bytes(b"content")
        with sandbox.serve(services=("her",)):
            with pytest.raises(errors.IsolationError, match=r"outside\.example|192\.0\.2\.1"):
                DOORS[door](path)

    def test_files_that_were_found_before_are_not_fetched_from_outside(self, tmp_path):
        downloader = Downloader(progress=False)
        with sandbox.serve(services=("her",)):
            queue.enqueue(downloader, [job.Download(OUTSIDE, tmp_path / "file", "There")])
            results = downloader.download()
        assert not list(results)
        assert "outside.example" in str(results.errors[0].exception)
        assert "embedded archive" in str(results.errors[0].exception)
        assert list(tmp_path.iterdir()) == []

    def test_a_redirect_does_not_lead_outside(self, tmp_path):
        with sandbox.serve() as archive, archive.fault("redirect", to=OUTSIDE):
            with pytest.raises(errors.AnswerError, match=r"outside\.example.*embedded archive"):
                metadata.get(f"{archive.url}/hapi/cdaweb/hapi/catalog", archive="There")
            downloader = Downloader(progress=False)
            file = job.Download(f"{archive.url}/hapi/cdaweb/hapi/catalog", tmp_path / "file", "There")
            queue.enqueue(downloader, [file])
            assert "outside.example" in str(downloader.download().errors[0].exception)

    def test_a_token_endpoint_that_is_set_meanwhile_is_refused(self):
        with sandbox.serve(), signed_in("swe", "client", "secret-of-mine"):
            conf.hapi.oauth2 = [f"swe={OUTSIDE} scope"]
            with pytest.raises(errors.IsolationError, match=THERE):
                hapi.catalog("swe")

    def test_a_proxy_is_not_asked_for_this_machine(self, monkeypatch, tmp_path):
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, "http://proxy.outside.example:3128")
        with sandbox.serve():
            found = Fido.search(DAY, a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI"))
            files = Fido.fetch(found, path=str(tmp_path), progress=False)
        assert len(files) == 1
        assert files.errors == []

    def test_every_request_of_the_package_is_asked_for_permission_first(self):
        """Every function that sends something calls the same function to check the URL."""
        root = Path(sunpy_helio_plugins.__file__).parent
        sending, asking = set(), set()
        for path in (root / "transport").rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    text = ast.unparse(node)
                    name = f"{path.stem}.{node.name}"
                    if re.search(r"ession[()]*\.(get|put|post|request|send)\(", text):
                        sending.add(name)
                    if "permit(" in text:
                        asking.add(name)
        assert sending == {"connections.responding", "job._request"}
        assert sending <= asking


class TestWithoutABlock:
    def test_start_serves_until_stop(self):
        before = settings()
        archive = sandbox.start()
        assert sandbox.start() is archive
        assert conf.her.url.startswith(archive.url)
        assert isolation
        assert len(Fido.search(DAY, a.her.CH)[0])
        sandbox.stop()
        sandbox.stop()
        assert settings() == before
        assert not is_alive(archive.url)
        again = sandbox.start()
        assert again is not archive
        assert is_alive(again.url)

    def test_it_is_not_started_twice_in_two_ways(self):
        archive = sandbox.start(services=("her",))
        assert sandbox.start(archive.port, services=("her",)) is archive
        with pytest.raises(errors.QueryError, match=r"is already running at .* her; call sandbox\.stop"):
            sandbox.start()

    def test_stop_without_start_does_nothing(self):
        sandbox.stop()

    def test_an_archive_that_nobody_keeps_serves(self):
        sandbox.serve()
        gc.collect()
        assert isolation
        assert len(Fido.search(DAY, a.her.CH)[0])

    def test_one_whose_block_was_entered_by_hand_and_dropped_serves(self):
        url = sandbox.serve().__enter__().url
        gc.collect()
        assert is_alive(url)
        assert conf.her.url.startswith(url)
        assert isolation
        sandbox.stop()
        assert conf.her.url.startswith(url)  # it may be another block
        for made in [one for one in sandbox._serving if one.url == url]:
            made.stop()

    def test_use_holds_without_a_block(self):
        with sandbox.Archive(0, ("her",)) as archive:
            sandbox.use(archive.url)
            gc.collect()
            assert conf.her.url.startswith(archive.url)
            assert isolation
            sandbox.stop()
            assert not isolation
            assert archive.is_running
            assert requests.get(archive.url, timeout=5).status_code == 404, "it answers, without a page there"

    def test_stop_leaves_a_block_alone(self):
        with sandbox.serve() as outer:
            inner = sandbox.start()
            assert conf.her.url.startswith(inner.url)
            sandbox.stop()
            assert conf.her.url.startswith(outer.url)
            assert isolation

    def test_they_may_end_in_any_order(self):
        before = settings()
        with sandbox.serve(services=("her",)) as outer:
            inner = sandbox.start()
        assert not is_alive(outer.url)
        assert conf.her.url.startswith(inner.url)
        assert isolation
        sandbox.stop()
        assert settings() == before

    def test_a_block_of_an_archive_that_was_stopped_cannot_be_entered(self):
        archive = sandbox.serve(services=("her",))
        sandbox.stop()
        with pytest.raises(RuntimeError, match="stopped"):
            archive.__enter__()

    def test_it_can_be_stopped_within_its_block(self):
        before = settings()
        with sandbox.serve(services=("her",)) as archive:
            archive.stop()
            assert settings() == before
            archive.stop()

    def test_variables_of_the_environment_come_back(self, monkeypatch):
        monkeypatch.setenv("IMAP_API_KEY", "mine")
        monkeypatch.delenv("IMAP_DATA_ACCESS_URL", raising=False)
        sandbox.start(services=("imap",))
        assert "IMAP_API_KEY" not in os.environ
        os.environ["IMAP_DATA_ACCESS_URL"] = OUTSIDE
        sandbox.stop()
        assert os.environ["IMAP_API_KEY"] == "mine"
        assert "IMAP_DATA_ACCESS_URL" not in os.environ

    @pytest.mark.parametrize("url", ["https://outside.example", "http://192.0.2.7:8000", "127.0.0.1:8000", ""])
    def test_use_takes_an_address_of_this_machine_only(self, url):
        with pytest.raises(ValueError, match="embedded archive"):
            sandbox.use(url)


def test_nothing_is_isolated_without_an_archive(looked_up):
    with conf.set_temp("retries", 0), pytest.raises(errors.ServiceUnreachable):
        metadata.get(OUTSIDE, archive="There")
    assert looked_up == ["outside.example"]
    looked_up.clear()


def test_tables_of_two_archives_stack(tmp_path):
    with sandbox.serve(services=("her",)):
        one = Fido.search(DAY, a.her.CH)[0]
    with sandbox.serve(services=("her",)):
        two = Fido.search(DAY, a.her.CH)[0]
    assert len(vstack([one, two], metadata_conflicts="silent")) == 2 * len(one)
