"""Test the answers of the embedded archive to requests that its services refuse, or that few clients send."""

from __future__ import annotations

import asyncio
import socket
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from aiohttp.test_utils import make_mocked_request

from sunpy_helio_plugins import sandbox
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.sandbox import __main__ as program
from sunpy_helio_plugins.sandbox import server, settings
from sunpy_helio_plugins.sandbox.faults import base, wire
from sunpy_helio_plugins.sandbox.helioviewer import api, containers, holdings, jp2, media, static
from sunpy_helio_plugins.sandbox.helioviewer import hapi as helioviewer_hapi
from sunpy_helio_plugins.sandbox.helioviewer import input as given
from sunpy_helio_plugins.sandbox.her import search, service
from sunpy_helio_plugins.sandbox.imap import catalogue, operations, realtime, spice
from sunpy_helio_plugins.sandbox.imap.service import API_KEY, PREFIX, READ_KEY
from sunpy_helio_plugins.sandbox.imap.storage import Bucket

HAPI = "/hapi/cdaweb/hapi"
PICTURES = "/helioviewer/hapi/Helioviewer/hapi/data"
TOKEN = "/hapi/swe/realms/swe/protocol/openid-connect/token"
MAG = "imap_mag_l2_norm-gse_20260110_v001.0002.cdf"
KEY, READ = {"x-api-key": API_KEY}, {"x-api-key": READ_KEY}


def answer(archive: Any, path: str, method: str = "GET", **options: Any) -> requests.Response:
    return requests.request(method, f"{archive.url}{path}", timeout=10, allow_redirects=False, **options)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        (f"{HAPI}/data?time.min=2026-01-10Z&time.max=2026-01-11Z", 400, "missing parameter id"),
        (f"{PICTURES}?dataset=13&start=2026-01-10Z&stop=2026-01-11Z&other=1", 400, "1401"),
        (f"{PICTURES}?dataset=13&start=2026-01-10Z&stop=2026-01-11Z&format=xml", 400, "1409"),
        (f"{PICTURES}?dataset=13&start=2026-01-10Z&stop=2026-01-11Z&include=all", 400, "1410"),
        ("/hek/her?cmd=search&type=other&event_type=FL", 200, "type is column or contains"),
        ("/imap/spin-table?latest=true", 500, ""),
        ("/imap/spice-query", 500, ""),
        ("/imap/spice-query?start_time=soon", 400, "Invalid value for start_time: soon"),
        ("/imap/metakernel?start_time=1", 500, ""),
        ("/imap/ialirt/ialirt-archive-query?day=10", 400, "Date parts must be specified in order"),
        ("/imap/ialirt/ialirt-archive-query?version=new", 400, "Invalid version format"),
        ("/imap/ialirt/space-weather?instrument=mag&other=1", 400, "Unexpected parameters: other"),
        ("/imap/ialirt/space-weather?instrument=mag&time_utc_start=soon", 400, "Invalid time format"),
        ("/imap/ialirt/api-key/ialirt-download/x", 401, "Unauthorized"),
        ("/imap/download/", 400, ""),
        ("/imap/download", 400, ""),
        ("/imap/api-key/release", 401, "Unauthorized"),
        ("/imap/v0/query", 502, "Internal server error"),
        (f"/imap/v0/upload/{MAG}", 403, "Forbidden"),
        ("/imap/v0/other", 403, "Missing Authentication Token"),
        ("/imap/other", 404, "Not Found"),
        ("/imap/storage/imap/nothing.cdf", 403, ""),
        ("/helioviewer/cache/movies/abc.mp4", 404, ""),
    ],
)
def test_a_request_that_a_service_refuses(archive: Any, path: str, status: int, words: str) -> None:
    found = answer(archive, path)
    assert (found.status_code, words in found.text) == (status, True), found.text


@pytest.mark.parametrize(
    ("path", "headers", "status", "words"),
    [
        ("/imap/api-key/upload/nonsense.txt", KEY, 400, "does not match ancillary, science, cadence, or SPICE"),
        ("/imap/api-key/release?release_type=release", READ, 403, "Your API key has read permissions"),
        ("/imap/api-key/release", KEY, 500, ""),
        ("/imap/api-key/release?release_type=other", KEY, 400, "is not a valid release_type"),
        ("/imap/v0/upload/nonsense.txt", KEY, 400, "Invalid filename: nonsense.txt"),
        (f"/imap/v0/upload/{MAG}", KEY, 409, "already exists"),
    ],
)
def test_a_request_with_a_key_that_is_refused(
    archive: Any, path: str, headers: dict[str, str], status: int, words: str
) -> None:
    found = answer(archive, path, headers=headers)
    assert (found.status_code, words in found.text) == (status, True), found.text


@pytest.mark.parametrize(
    ("headers", "parameters", "status"),
    [({}, {}, 401), (KEY, {}, 400), (KEY, {"start_date": "20260110", "end_date": "2026", "reprocessing": "1"}, 500)],
)
def test_a_reprocessing_that_is_refused(archive: Any, headers: Any, parameters: Any, status: int) -> None:
    assert answer(archive, "/imap/api-key/reprocess", "POST", headers=headers, params=parameters).status_code == status


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials", "client_id": "x"}, "invalid_client"),
        (
            {"grant_type": "client_credentials", "client_id": "sandbox-client", "client_secret": "sandbox-secret"},
            "invalid_scope",
        ),
    ],
)
def test_a_token_that_is_refused(archive: Any, form: dict[str, str], error: str) -> None:
    assert answer(archive, TOKEN, "POST", data=form).json() == {"error": error}


def test_an_empty_range_is_a_document_without_data(archive: Any) -> None:
    span = "start=2026-01-10T01:00:00Z&stop=2026-01-10T01:00:01Z"
    found = answer(archive, f"/hapi/lisird/hapi/data?dataset=tsis_tsi_24hr&{span}&format=json").json()
    assert (found["status"]["code"], found["data"]) == (1201, [])


def test_images_are_not_sent_again_to_who_has_them(archive: Any) -> None:
    path = f"/helioviewer/jp2{holdings.images(13)[-1].path}"
    first = answer(archive, path)
    assert answer(archive, path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert answer(archive, path, headers={"Range": "lines=1-2"}).content == first.content
    folder = path.rpartition("/")[0]
    assert answer(archive, folder).headers["Location"] == f"{folder}/"


@pytest.mark.parametrize("text", ["bytes=-", "bytes", "rows=1-2"])
def test_a_range_that_is_none_is_the_complete_file(text: str) -> None:
    assert static._span(text, 100) == (0, 100)


@pytest.mark.parametrize("form", [{"cmd": "comment"}, {"cmd": "reference"}, {"cmd": "relate"}, {"cmd": "other"}])
def test_commands_for_no_event_are_errors(form: dict[str, str]) -> None:
    from sunpy_helio_plugins.sandbox.her.heks import Desk

    desk = Desk()
    events = [event["kb_archivid"] for event in catalogue_of_events()]
    assert desk.target({"eventid": str(len(events) + 1)}) == events[1]
    for command in (desk.comment, desk.reference, desk.relate):
        assert command(form) == {"status": "error"}


def catalogue_of_events() -> Any:
    from sunpy_helio_plugins.sandbox.her.heks import catalogue as events

    return events()["events"]


def test_a_revision_of_no_document_is_refused(archive: Any) -> None:
    found = answer(archive, "/hek/her/voerevise", "POST", data={"nothing": "1"})
    assert found.status_code == 200
    assert "Successfully" not in found.text


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: search.order({"sort_by": "nothing"}), "unknown sort_by nothing"),
        (lambda: search.asked_types({"event_type": " , "}), "event_type is missing"),
        (lambda: search.instant({}, "event_starttime"), "event_starttime is missing or no date"),
        (lambda: search.instant({"event_starttime": "soon"}, "event_starttime"), "is missing or no date"),
        (lambda: search.box({"x1": "left"}), "the box x1, x2, y1, y2 is missing or no number"),
        (lambda: search.triplet("nothing", "=", "1", None), "unknown filter nothing = 1"),
        (lambda: search.judged("float", "near", "1"), "unknown operation near"),
        (lambda: search.judged("boolean", "<", "1"), "unknown operation <"),
        (lambda: search.judged("float", "<", "much"), "much is no number"),
        (lambda: service.found({"type": "other"}), "type is column or contains"),
    ],
)
def test_a_search_for_events_that_is_refused(call: Any, words: str) -> None:
    with pytest.raises(search.RefusedError, match=words):
        call()


def test_a_search_names_its_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "search", lambda query: ([], [], False))
    with pytest.raises(search.RefusedError, match=r"choose cosec=1 \(XML\) or cosec=2 \(JSON\)"):
        service.found({"type": "column", "cosec": "3"})
    assert service.edge_xml({"type": "<follows>", "n": 1}) == '<association type="&lt;follows&gt;" n="1"/>'


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (lambda: operations.checked({}), 500),
        (lambda: operations.checked({"release_type": "other"}), 400),
        (lambda: operations.checked({"release_type": next(iter(set(operations.DONE) - {"release"})), "x": "1"}), 400),
        (lambda: operations.release(None, {}, {"release_type": next(iter(set(operations.DONE) - {"release"}))}), 500),
        (lambda: operations.lines({}, "imap_mag_release_20260110_v001.txt"), 500),
        (lambda: list(operations.covered(None, {"instrument": "mag"}, set())), 500),
        (lambda: operations.reprocess({"start_date": "20260110"}), 400),
        (
            lambda: operations.reprocess(
                {"start_date": "20260110", "end_date": "20260111", "reprocessing": "1", "instrument": "none"}
            ),
            500,
        ),
        (lambda: spice.ask({}, {}), 500),
        (lambda: spice.beside([], {"latest": "true"}), 500),
        (lambda: spice.seconds("start_time", {"start_time": "soon"}), 400),
        (lambda: spice.day("soon"), 400),
        (lambda: spice.metakernel({}, {"start_time": "1"}), 500),
        (lambda: realtime.values({"other": "1"}), 400),
        (lambda: realtime.daily([], {"month": "1"}), 400),
        (lambda: realtime.daily([], {"version": "new"}), 400),
        (lambda: realtime.moment({"time_utc_start": "soon"}, "start"), 400),
        (lambda: catalogue.Catalogue().ask_2024({}), 502),
    ],
)
def test_a_query_of_imap_that_is_refused(call: Any, status: int) -> None:
    with pytest.raises(catalogue.Refused) as told:
        call()
    assert told.value.status == status


def test_queries_of_spins_have_days_in_place_of_seconds() -> None:
    wanted = {"start_time": "820540800", "file_name": "a"}
    assert spice.renamed(wanted) == {"start_date": "20260101", "file_path": "a"}
    assert realtime.moment({}, "start") is None
    assert catalogue.file_key("imap_none_nothing_20260110_v001.xyz") is None


def test_the_wind_of_the_cloud_is_slower_and_slower() -> None:
    first, last = (realtime.SHOCK + timedelta(hours=hours) for hours in (realtime.CLOUD, realtime.CLOUD + 2))
    assert realtime.speed(first) - realtime.speed(last) == pytest.approx(6.2)


def test_files_of_no_table_are_not_indexed() -> None:
    held = catalogue.Catalogue()
    before = {name: len(rows) for name, rows in held.tables.items()}
    held.index("imap/other/nonsense.xyz", "science")
    assert {name: len(rows) for name, rows in held.tables.items()} == before


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: given.date({"date": "2026-13-41T00:00:00Z"}, "date"), "Invalid date string"),
        (lambda: given.number({"scale": "much"}, "scale"), 'Invalid value for scale: "much" is not a number'),
    ],
)
def test_values_of_a_request_for_images_that_are_refused(call: Any, words: str) -> None:
    with pytest.raises(given.InvalidError, match=words):
        call()


def test_a_region_is_given_by_its_corners_or_its_centre() -> None:
    corners = {"imageScale": "2", "x1": "-10", "y1": "-40", "x2": "30", "y2": "20"}
    centre = {"imageScale": "2", "x0": "10", "y0": "-10", "width": "20", "height": "30"}
    assert given.region(corners) == given.region(centre)


def test_an_answer_may_be_a_call_of_a_function() -> None:
    found = api._json({"callback": "show"}, [1])
    assert (found.text, found.content_type) == ("show([1])", "application/javascript")
    assert api._json({"callback": "a(b)"}, [1]).text == "[1]"


def test_a_time_that_is_none_is_refused_by_the_list_of_images() -> None:
    with pytest.raises(helioviewer_hapi._HAPIError):
        helioviewer_hapi._instant("2026-02-31T00:00Z", 1402)


def test_a_file_without_a_codestream_has_no_pointer() -> None:
    with pytest.raises(ValueError, match="The file has no codestream"):
        containers._pointer(jp2.content(holdings.images(13)[-1])[:40], 1)


def test_a_movie_is_encoded_once() -> None:
    movie = SimpleNamespace(made={"webm": b"made"})
    assert media._encoded(movie, "webm") == b"made"


class Transport:
    """A transport whose buffer empties by one step with each look."""

    def __init__(self, *sizes: int) -> None:
        self.sizes, self.written, self.closing = list(sizes), b"", False

    def write(self, data: bytes) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.sizes.pop(0)

    def is_closing(self) -> bool:
        return self.closing


def test_bytes_are_sent_when_the_system_has_accepted_those_before() -> None:
    transport = Transport(wire._BUFFERED + 1, 0, 5, 0)
    spoken = wire.Exchange(SimpleNamespace(transport=transport), None)
    asyncio.run(spoken.send(b"ab"))
    asyncio.run(spoken.flush())
    assert (transport.written, transport.sizes) == (b"ab", [])
    transport.closing = True
    with pytest.raises(ConnectionResetError, match="The client has hung up"):
        asyncio.run(spoken.send(b"c"))
    assert wire.Exchange(SimpleNamespace(transport=None), None).close() is not None


def test_only_functions_decide_about_requests() -> None:
    assert base._called(None) is None
    assert base._called(print) is print
    with pytest.raises(TypeError):
        base._called("print")


def test_an_unknown_service_is_refused() -> None:
    with pytest.raises(QueryError, match=r"sandbox\.serve takes services of .*, not 'hap'"):
        sandbox.serve(services=("hap",)).__enter__()


def test_an_archive_that_does_not_start_in_time_is_an_error() -> None:
    made = object.__new__(sandbox.Archive)
    made._started = SimpleNamespace(is_set=lambda: False, wait=lambda seconds: False)  # type: ignore[assignment]
    made._thread = SimpleNamespace(start=lambda: None, is_alive=lambda: False)  # type: ignore[assignment]
    with pytest.raises(TimeoutError, match=f"did not start within {server._START_SECONDS} s"):
        made.start()


def test_waiting_ends_with_the_archive() -> None:
    made = object.__new__(sandbox.Archive)
    left = [True, False]
    joined: list[float] = []
    made._thread = SimpleNamespace(is_alive=lambda: left.pop(0), join=joined.append)  # type: ignore[assignment]
    made.wait()
    assert joined == [0.5]


def test_settings_are_restored_once_and_not_used_again(archive: Any) -> None:
    used = sandbox.use(archive.url)
    used.restore()
    used.restore()
    with pytest.raises(RuntimeError, match="These settings were restored"), used:
        pass


@pytest.mark.parametrize(("url", "expected"), [("http://127.0.0.1:x/", False), ("http://127.0.0.1:80/", True)])
def test_an_address_with_no_port_is_not_loopback(url: str, expected: bool) -> None:
    assert settings._is_loopback(url) is expected


class TestProgram:
    @pytest.fixture
    def ended(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def wait(_: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(sandbox.Archive, "wait", wait)
        monkeypatch.setattr(sys, "argv", ["sandbox"])

    @pytest.mark.usefixtures("ended")
    def test_it_tells_its_address_and_its_end(self, capsys: pytest.CaptureFixture[str]) -> None:
        program.main()
        said = capsys.readouterr().out
        assert "The embedded archive runs at http://127.0.0.1:" in said
        assert said.endswith("The embedded archive has stopped.\n")

    @pytest.mark.usefixtures("ended")
    def test_a_port_that_is_taken_is_told(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            monkeypatch.setattr(sys, "argv", ["sandbox", str(other.getsockname()[1])])
            with pytest.raises(SystemExit) as ended:
                program.main()
        assert ended.value.code == 1
        assert "in use" in capsys.readouterr().err


def test_the_status_omits_images_of_the_future(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(api._status({})) > 0
    monkeypatch.setattr(api, "datetime", SimpleNamespace(now=lambda _: datetime(1990, 1, 1, tzinfo=UTC)))
    assert api._status({}) == {}


def test_kernels_of_other_tables_are_queried_by_days() -> None:
    held = catalogue.Catalogue().tables["spin"]
    assert spice.ask({"spin": held}, {"type": "spin"}) == spice.beside(held, {})
    assert spice.beside(held, {"end_date": "20991231"}) == held
    assert spice.beside(held, {"end_date": "19991231"}) == []


def test_a_link_is_valid_for_its_file_its_headers_and_its_bytes(archive: Any) -> None:
    path = f"{PREFIX}/download/imap/mag/l2/2026/01/{MAG}"
    link = answer(archive, path).headers["Location"]
    assert requests.get(link, timeout=10).status_code == 200
    beyond = requests.get(link, headers={"Range": "bytes=99999999-"}, timeout=10)
    assert (beyond.status_code, "InvalidRange" in beyond.text) == (416, True)
    unsigned = requests.get(link.replace("SignedHeaders=host", "SignedHeaders=x-absent"), timeout=10)
    assert (unsigned.status_code, "A header that was signed is missing" in unsigned.text) == (403, True)


def test_a_link_to_a_file_that_is_gone_is_answered_404() -> None:
    bucket = Bucket(frozenset())
    host, path = "127.0.0.1:80", f"{PREFIX}/storage/imap/nothing.cdf"
    url = urlsplit(bucket.link("GET", host, path))
    key = {"key": "imap/nothing.cdf"}
    request = make_mocked_request("GET", f"{url.path}?{url.query}", {"Host": host}, match_info=key)
    found = asyncio.run(bucket.get(request))
    assert (found.status, "NoSuchKey" in found.text) == (404, True)
