"""Test the embedded archive as a program: settings, ports, the log, the command, and its imports."""

from __future__ import annotations

import errno
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
import requests

from sunpy_helio_plugins import conf, sandbox

PLACES = [
    (conf.hapi, "servers"), (conf.imap, "url"), (conf.helioviewer, "api_url"), (conf.helioviewer, "hapi_url"),
    (conf.helioviewer, "jp2_url"), (conf.her, "url"),
]  # fmt: skip
CAPABILITIES = "/hapi/cdaweb/hapi/capabilities"


def settings() -> dict[str, object]:
    """Return all settings of this package."""
    spaces = {"": conf, "hapi": conf.hapi, "imap": conf.imap, "helioviewer": conf.helioviewer, "her": conf.her}
    return {f"{space}.{name}": getattr(spaces[space], name) for space in spaces for name in spaces[space]}


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)


class TestSettings:
    def test_all_point_at_the_archive_and_are_restored(self):
        before = settings()
        with sandbox.serve() as archive:
            for space, name in PLACES:
                value = getattr(space, name)
                values = [entry.partition("=")[2] for entry in value] if isinstance(value, list) else [value]
                assert values
                assert all(url.startswith(f"{archive.url}/") for url in values), (name, value)
        assert settings() == before

    def test_they_are_restored_after_an_error(self):
        before = settings()
        with pytest.raises(RuntimeError, match="inside"), sandbox.serve(services=("her",)):
            raise RuntimeError("inside")
        assert settings() == before

    def test_what_was_set_before_comes_back(self):
        with conf.her.set_temp("url", "http://127.0.0.1:1/mine"):
            with sandbox.serve(services=("her",)):
                assert conf.her.url != "http://127.0.0.1:1/mine"
            assert conf.her.url == "http://127.0.0.1:1/mine"

    def test_use_takes_an_archive_that_runs_elsewhere(self):
        with sandbox.Archive(0, ("her",)) as archive:
            before = settings()
            with sandbox.use(archive.url):
                assert conf.her.url == f"{archive.url}/hek/her"
            assert settings() == before


class TestPorts:
    def test_two_archives_at_once(self):
        with sandbox.serve() as one, sandbox.serve() as two:
            assert one.url != two.url
            assert conf.imap.url.startswith(two.url)
            with one.fault("status"):
                answers = [requests.get(archive.url + CAPABILITIES, timeout=10).status_code for archive in (one, two)]
            assert answers == [500, 200]
            assert [len(archive.log) for archive in (one, two)] == [1, 1]

    def test_the_outer_archive_is_in_use_again_after_the_inner_one(self):
        with sandbox.serve(services=("imap",)) as one:
            with sandbox.serve(services=("imap",)):
                pass
            assert conf.imap.url.startswith(one.url)

    def test_a_port_can_be_chosen(self):
        with sandbox.serve(services=("her",)) as archive:
            port = port_of(archive.url)
        with sandbox.serve(port, services=("her",)) as archive:
            assert archive.url == f"http://127.0.0.1:{port}"

    def test_a_port_in_use_is_an_error_that_names_it(self):
        before = settings()
        with sandbox.Archive(0, ("her",)) as archive:
            port = port_of(archive.url)
            with pytest.raises(OSError, match=rf"127\.0\.0\.1:{port}.* another port") as caught, sandbox.serve(port):
                pass
        assert caught.value.errno == errno.EADDRINUSE
        assert settings() == before

    def test_nothing_listens_afterwards(self):
        with sandbox.Archive(0, ("her",)) as archive:
            pass
        with pytest.raises(requests.ConnectionError):
            requests.get(archive.url, timeout=5)

    def test_its_thread_ends_with_it(self):
        def names() -> list[str]:
            return sorted(thread.name for thread in threading.enumerate())

        before = names()
        with sandbox.Archive(0, ("her",)):
            assert len(names()) > len(before)
        assert names() == before

    def test_it_stops_at_once_with_idle_connections(self):
        with requests.Session() as session:
            archive = sandbox.Archive(0, ("her",)).__enter__()
            session.get(archive.url, timeout=5)
            # aiohttp waits for a minute for requests that it has not finished.
            thread = threading.Thread(target=archive.__exit__, args=(None, None, None), daemon=True)
            thread.start()
            thread.join(30)
            assert not thread.is_alive()


class TestServices:
    def test_only_those_asked_for_run(self):
        with sandbox.Archive(0, ("hapi",)) as archive:
            answers = [requests.get(archive.url + path, timeout=10) for path in (CAPABILITIES, "/imap/query")]
        assert [answer.status_code for answer in answers] == [200, 404]

    def test_an_unknown_one_is_an_error(self):
        with pytest.raises(ModuleNotFoundError, match="nosuch"), sandbox.Archive(0, ("nosuch",)):
            pass


class TestLog:
    def test_it_records_what_was_asked(self, archive):
        requests.get(f"{archive.url}/nowhere/a%20b?x=1&y=%C3%A9", headers={"X-Mine": "Yes"}, timeout=10)
        requests.head(archive.url + CAPABILITIES, timeout=10)
        first, second = archive.log
        assert (first.method, first.path, first.query) == ("GET", "/nowhere/a%20b", {"x": "1", "y": "é"})
        assert first.headers["x-mine"] == "Yes"
        assert (second.method, second.path, second.query) == ("HEAD", CAPABILITIES, {})

    def test_it_keeps_the_order(self, archive):
        for number in range(10):
            requests.get(f"{archive.url}/{number}", timeout=10)
        assert [entry.path for entry in archive.log] == [f"/{number}" for number in range(10)]

    def test_a_printed_entry_tells_no_headers(self, archive):
        requests.get(f"{archive.url}/x", headers={"Authorization": "Bearer secret"}, timeout=10)
        assert archive.log[0].headers["authorization"] == "Bearer secret"
        assert "secret" not in repr(archive.log)


class TestCommand:
    @pytest.fixture
    def started(self):
        command = [sys.executable, "-W", "error::ResourceWarning", "-m", "sunpy_helio_plugins.sandbox"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.kill()

    def test_it_prints_its_address_and_ends_on_ctrl_c(self, started):
        said = [started.stdout.readline() for _ in range(6)]
        url = re.search(r"http://127\.0\.0\.1:\d+", said[0])[0]
        assert requests.get(url + CAPABILITIES, timeout=10).status_code == 200
        started.send_signal(signal.SIGINT)
        rest, errors = started.communicate(timeout=30)
        assert (started.returncode, errors) == (0, "")
        assert f'sandbox.use("{url}")' in "".join(said)
        assert rest == "The embedded archive has stopped.\n"

    def test_ctrl_c_ends_it_also_while_an_answer_hangs(self, started):
        url = re.search(r"http://127\.0\.0\.1:\d+", started.stdout.readline())[0]
        with pytest.raises(requests.ReadTimeout):
            requests.get(url + CAPABILITIES, headers={"X-Sandbox-Fault": "hang_before"}, timeout=0.3)
        caught: list[BaseException] = []

        def hang() -> None:
            try:
                requests.get(url + CAPABILITIES, headers={"X-Sandbox-Fault": "hang_before"}, timeout=20)
            except requests.RequestException as error:
                caught.append(error)

        thread = threading.Thread(target=hang)
        thread.start()
        time.sleep(0.3)
        started.send_signal(signal.SIGINT)
        _, errors = started.communicate(timeout=10)
        thread.join(timeout=10)
        assert (started.returncode, errors) == (0, "")
        assert [type(error) for error in caught] == [requests.ConnectionError]

    def test_its_port_can_be_given(self):
        with sandbox.Archive(0, ("her",)) as archive:
            port = port_of(archive.url)
            command = [sys.executable, "-m", "sunpy_helio_plugins.sandbox", str(port)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1
        assert done.stderr.startswith(f"The embedded archive cannot listen at 127.0.0.1:{port}")
        assert "Traceback" not in done.stderr


class TestImports:
    def test_the_archive_does_not_read_with_our_own_code(self):
        """An archive that shares code with the clients could not be used to test them."""
        program = """
import importlib.util, sys, types
spec = importlib.util.find_spec("sunpy_helio_plugins")
package = types.ModuleType("sunpy_helio_plugins")  # the package without what its __init__ imports
package.__path__ = list(spec.submodule_search_locations)
sys.modules["sunpy_helio_plugins"] = package
from sunpy_helio_plugins import sandbox
with sandbox.serve() as archive, archive.fault("reset"):
    pass
print(*sorted({name.split(".")[1] for name in sys.modules if name.startswith("sunpy_helio_plugins.")}))
"""
        done = run(program)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "arguments config errors lazy sandbox\n"

    def test_the_package_does_not_import_the_archive(self):
        done = run("import sys, sunpy_helio_plugins; print('sunpy_helio_plugins.sandbox' in sys.modules)")
        assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")
