"""Test the embedded archive's faults: the bytes sent, the requests to which they apply, and their end."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import ModuleType

import pytest
import requests
from aiohttp import web

from sunpy_helio_plugins.sandbox import Archive
from sunpy_helio_plugins.sandbox.faults import answers, bodies, rules

sys.path.insert(0, str(Path(__file__).parent))
from raw import SILENCE, Heard, ask, hear, listen

BODY = bytes(range(256)) * 40
PATH = "/odd/plain"


async def plain(request: web.Request) -> web.Response:
    return web.Response(body=BODY, headers={"ETag": '"1"', "Content-Type": "application/x-odd"})


async def ranged(request: web.Request) -> web.Response:
    wanted = request.http_range
    if wanted.start is None:
        return web.Response(body=BODY)
    headers = {"Content-Range": f"bytes {wanted.start}-{wanted.stop - 1}/{len(BODY)}"}
    return web.Response(status=206, body=BODY[wanted], headers=headers)


async def streamed(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for start in range(0, len(BODY), 1000):
        await response.write(BODY[start : start + 1000])
    return response


async def packed(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    response.enable_compression(web.ContentCoding.gzip)
    await response.prepare(request)
    await response.write(BODY)
    return response


async def refused(request: web.Request) -> web.Response:
    raise web.HTTPNotFound(text="no such thing")


async def echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """Return an archive with a service that uses each kind of aiohttp response."""
    file = tmp_path_factory.mktemp("odd") / "file.bin"
    file.write_bytes(BODY)

    async def from_file(request: web.Request) -> web.FileResponse:
        return web.FileResponse(file)

    def application() -> web.Application:
        served = web.Application()
        handlers = (plain, ranged, streamed, packed, refused)
        served.add_routes([web.get(f"/{handler.__name__}", handler) for handler in handlers])
        served.add_routes([web.get("/file", from_file), web.post("/echo", echo)])
        return served

    service = ModuleType("sunpy_helio_plugins.sandbox.odd")
    service.PREFIX, service.application = "/odd", application
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, service.__name__, service)
        with Archive(0, ("odd",)) as archive:
            yield archive


@pytest.fixture
def url(odd: Archive) -> str:
    odd.log.clear()
    return odd.url + PATH


def well(heard: Heard) -> bool:
    return heard.status == 200 and heard.end == "closed" and heard.body == BODY


class TestOnTheWire:
    def test_nothing_is_wrong_without_a_fault(self, url):
        assert well(hear(url))

    def test_hang_before_the_answer(self, odd, url):
        with odd.fault("hang_before"):
            heard = hear(url, silence=SILENCE)
        assert (heard.raw, heard.end) == (b"", "silent")

    def test_hang_before_an_answer_that_comes_in_the_end(self, odd, url):
        with odd.fault("hang_before", seconds=0.5):
            heard = hear(url)
        assert well(heard)
        assert heard.times[0] >= 0.45

    @pytest.mark.parametrize(("after", "sent"), [(None, len(BODY) // 2), (0, 0), (1, 1), (10**9, len(BODY) - 1)])
    def test_hang_in_the_body(self, odd, url, after, sent):
        with odd.fault("hang_body", after_bytes=after):
            heard = hear(url, silence=SILENCE)
        assert heard.end == "silent"
        assert heard.headers["content-length"] == str(len(BODY))
        assert heard.body == BODY[:sent]

    def test_hang_in_a_body_whose_rest_comes_in_the_end(self, odd, url):
        with odd.fault("hang_body", seconds=0.5):
            heard = hear(url)
        assert well(heard)
        assert heard.times[-1] >= 0.45

    def test_hang_up(self, odd, url):
        with odd.fault("hang_up"):
            heard = hear(url)
        assert (heard.raw, heard.end) == (b"", "closed")

    def test_body_cut_under_its_length(self, odd, url):
        with odd.fault("cut_length", after_bytes=100):
            heard = hear(url)
        assert heard.end == "closed"
        assert heard.headers["content-length"] == str(len(BODY))
        assert heard.body == BODY[:100]

    @pytest.mark.parametrize("version", ["1.0", "1.1"])
    def test_body_cut_without_a_length(self, odd, url, version):
        with odd.fault("cut_close", after_bytes=100, version=version):
            heard = hear(url)
        assert heard.end == "closed"
        assert heard.status_line == f"HTTP/{version} 200 OK"
        assert heard.headers["connection"] == "close"
        assert not {"content-length", "transfer-encoding"} & set(heard.headers)
        assert heard.body == BODY[:100]

    def test_chunked_body_cut_before_its_last_chunk(self, odd, url):
        with odd.fault("cut_chunked", after_bytes=2500, piece=1000):
            heard = hear(url)
        assert heard.end == "closed"
        assert heard.headers["transfer-encoding"] == "chunked"
        assert "content-length" not in heard.headers
        chunks = (BODY[:1000], BODY[1000:2000], BODY[2000:2500])
        assert heard.body == b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)

    @pytest.mark.parametrize("by", [7, -7])
    def test_wrong_length(self, odd, url, by):
        with odd.fault("wrong_length", by=by):
            heard = hear(url)
        assert heard.headers["content-length"] == str(len(BODY) + by)
        assert (heard.body, heard.end) == (BODY, "closed")

    def test_slow_drip(self, odd, url):
        with odd.fault("slow_drip", seconds=0.05, piece=len(BODY) // 10):
            heard = hear(url)
        assert well(heard)
        assert len(heard.times) >= 3
        assert heard.times[-1] >= 0.45

    def test_reset_before_the_answer(self, odd, url):
        with odd.fault("reset"):
            heard = hear(url)
        assert (heard.raw, heard.end) == (b"", "reset")

    def test_reset_in_the_body(self, odd, url):
        with odd.fault("reset", after_bytes=100):
            heard = hear(url)
        assert heard.headers["content-length"] == str(len(BODY))
        assert (heard.body, heard.end) == (BODY[:100], "reset")

    @pytest.mark.parametrize("status", [429, 503])
    def test_retry_after_in_seconds(self, odd, url, status):
        with odd.fault("status", status=status, retry_after=7, words="later"):
            heard = hear(url)
        assert (heard.status, heard.headers["retry-after"], heard.body) == (status, "7", b"later")

    @pytest.mark.parametrize("status", [429, 503])
    def test_retry_after_as_a_date(self, odd, url, status):
        with odd.fault("status", status=status, retry_after=datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)):
            heard = hear(url)
        assert (heard.status, heard.headers["retry-after"]) == (status, "Wed, 02 Jan 2030 03:04:05 GMT")

    def test_retry_after_as_a_date_counted_from_the_answer(self, odd, url):
        with odd.fault("status", status=503, retry_after=timedelta(hours=1)):
            said = parsedate_to_datetime(hear(url).headers["retry-after"])
        assert abs(said - datetime.now(UTC) - timedelta(hours=1)) < timedelta(seconds=5)

    def test_retry_after_that_means_nothing(self, odd, url):
        with odd.fault("status", status=503, retry_after="soon"):
            assert hear(url).headers["retry-after"] == "soon"

    def test_plain_500(self, odd, url):
        with odd.fault("status"):
            heard = hear(url)
        assert heard.status_line == "HTTP/1.1 500 Internal Server Error"
        assert "retry-after" not in heard.headers

    def test_html_under_status_200(self, odd, url):
        with odd.fault("html_error", words="Down for maintenance"):
            heard = hear(url)
        assert heard.status == 200
        assert heard.headers["content-type"].startswith("text/html")
        assert b"<h1>Down for maintenance</h1>" in heard.body

    def test_hapi_error_under_status_200(self, odd, url):
        with odd.fault("json_error"):
            heard = hear(url)
        assert heard.status == 200
        assert heard.headers["content-type"].startswith("application/json")
        assert json.loads(heard.body)["status"] == {"code": 1500, "message": "Internal server error"}

    def test_any_other_json_under_status_200(self, odd, url):
        with odd.fault("json_error", body='{"error": "no", "errno": 12}'):
            assert json.loads(hear(url).body) == {"error": "no", "errno": 12}

    @pytest.mark.parametrize(("here", "there"), [("127.0.0.1", "localhost"), ("localhost", "127.0.0.1")])
    def test_redirect_to_another_origin_where_all_is_well(self, odd, url, here, there):
        start = url.replace("127.0.0.1", here) + "?a=%20b"
        with odd.fault("redirect", to=there, status=307) as rule:
            heard = hear(start)
            assert heard.status == 307
            assert heard.headers["location"] == start.replace(here, there)
            assert well(hear(heard.headers["location"]))
        assert rule.played == 1

    @pytest.mark.parametrize("to", ["http://example.invalid/x", "/odd/streamed"])
    def test_redirect_to_a_place(self, odd, url, to):
        with odd.fault("redirect", to=to):
            assert hear(url).headers["location"] == to

    def test_redirect_to_a_path_ends_there(self, odd, url):
        with odd.fault("redirect", to="/odd/streamed"):
            assert requests.get(url, timeout=5).content == BODY

    def test_redirect_in_a_circle(self, odd, url):
        with odd.fault("redirect_circle"):
            assert hear(url).headers["location"] == url

    def test_redirect_in_a_circle_across_origins(self, odd, url):
        with odd.fault("redirect_circle", across=True):
            there = hear(url).headers["location"]
            assert there == url.replace("127.0.0.1", "localhost")
            assert hear(there).headers["location"] == url

    @pytest.mark.parametrize("status", [405, 403])
    def test_head_refused_get_served(self, odd, url, status):
        with odd.fault("refuse_head", status=status):
            heard = hear(url, "HEAD")
            assert (heard.status, heard.body) == (status, b"")
            assert ("allow" in heard.headers) == (status == 405)
            assert well(hear(url))

    def test_range_ignored(self, odd):
        url = f"{odd.url}/odd/ranged"
        wanted = {"Range": "bytes=100-199"}
        honest = hear(url, headers=wanted)
        assert (honest.status, honest.body) == (206, BODY[100:200])
        with odd.fault("ignore_range") as rule:
            assert well(hear(url, headers=wanted))
            assert well(hear(url))
        assert rule.played == 1

    @pytest.mark.parametrize("name", ["../../x", "", "/etc/cron.d/x", "C:\\x", "a\x00b\x1b[31m\x07", "\x7f", "é"])
    def test_hostile_name(self, odd, url, name):
        with odd.fault("hostile_name", name=name):
            heard = hear(url)
        line = f'\r\nContent-Disposition: attachment; filename="{name}"\r\n'.encode()
        assert line in heard.raw
        assert well(heard)

    def test_hostile_name_that_is_percent_encoded(self, odd, url):
        with odd.fault("hostile_name", name="../\nx", extended=True):
            disposition = hear(url).headers["content-disposition"]
        assert disposition == "attachment; filename*=UTF-8''..%2F%0Ax"

    def test_gzip_bomb(self, odd, url):
        size = 20_000_000
        with odd.fault("gzip_bomb", size=size):
            heard = hear(url)
        assert heard.headers["content-encoding"] == "gzip"
        assert heard.headers["content-length"] == str(len(heard.body))
        assert len(heard.body) < 50_000
        unpacked = zlib.decompress(heard.body, wbits=31)
        assert len(unpacked) == size
        assert unpacked.startswith(BODY)
        assert not unpacked[len(BODY) :].strip(b" ")


class TestWhateverTheServiceAnswers:
    @pytest.mark.parametrize("way", ["plain", "ranged", "streamed", "file"])
    def test_its_own_body_is_cut(self, odd, way):
        with odd.fault("cut_length", after_bytes=5000):
            heard = hear(f"{odd.url}/odd/{way}")
        assert heard.headers["content-length"] == str(len(BODY))
        assert "transfer-encoding" not in heard.headers
        assert (heard.body, heard.end) == (BODY[:5000], "closed")

    def test_its_headers_stay(self, odd, url):
        with odd.fault("cut_length"):
            headers = hear(url).headers
        assert (headers["etag"], headers["content-type"]) == ('"1"', "application/x-odd")

    def test_a_compressed_stream_stays_compressed(self, odd):
        with odd.fault("slow_drip", seconds=0, piece=10**6):
            heard = hear(f"{odd.url}/odd/packed")
        assert heard.headers["content-encoding"] == "gzip"
        assert zlib.decompress(heard.body, wbits=31) == BODY

    @pytest.mark.parametrize("path", ["/odd/refused", "/nowhere"])
    def test_a_refusal_is_cut_too(self, odd, path):
        with odd.fault("cut_length", after_bytes=2):
            heard = hear(odd.url + path)
        assert (heard.status, len(heard.body)) == (404, 2)

    def test_a_refusal_after_a_wait(self, odd):
        with odd.fault("hang_before", seconds=0.1):
            assert hear(f"{odd.url}/odd/refused").body == b"no such thing"

    def test_the_service_sees_the_body_of_the_request(self, odd):
        with odd.fault("slow_drip", seconds=0, piece=100) as rule:
            answer = requests.post(f"{odd.url}/odd/echo", data=BODY, timeout=5)
        assert answer.content == BODY
        assert rule.played == 1

    @pytest.mark.parametrize("kind", ["cut_length", "cut_close", "slow_drip", "hostile_name", "gzip_bomb"])
    def test_an_answer_to_head_has_no_body(self, odd, url, kind):
        with odd.fault(kind):
            heard = hear(url, "HEAD")
        assert (heard.status, heard.body) == (200, b"")

    def test_an_answer_to_head_has_the_length_of_the_body(self, odd, url):
        with odd.fault("wrong_length", by=1):
            assert hear(url, "HEAD").headers["content-length"] == str(len(BODY) + 1)


class TestWhomTheyMeet:
    def test_those_below_a_path(self, odd, url):
        with odd.fault("status", path="/odd/str"):
            assert [hear(odd.url + path).status for path in (PATH, "/odd/streamed")] == [200, 500]

    def test_those_of_a_method(self, odd, url):
        with odd.fault("status", method="HEAD"):
            assert [hear(url, method).status for method in ("GET", "HEAD")] == [200, 500]

    def test_those_that_a_predicate_picks(self, odd, url):
        with odd.fault("status", where=lambda request: request.query.get("n") == "2"):
            assert [hear(f"{url}?n={number}").status for number in (1, 2, 3)] == [200, 500, 200]

    def test_some_after_some_others(self, odd, url):
        with odd.fault("status", skip=1, times=2) as rule:
            assert [hear(url).status for _ in range(5)] == [200, 500, 500, 200, 200]
        assert (rule.met, rule.played) == (5, 2)

    def test_the_later_fault_goes_first(self, odd, url):
        with odd.fault("status", status=500), odd.fault("status", status=503, times=1):
            assert [hear(url).status for _ in range(2)] == [503, 500]

    def test_faults_are_objects_too(self, odd, url):
        with odd.faults.add(bodies.CutLength(path=PATH, after_bytes=3)):
            assert hear(url).body == BODY[:3]

    def test_a_fault_without_a_block_ends_when_told(self, odd, url):
        rule = odd.fault("status")
        assert hear(url).status == 500
        rule.end()
        rule.end()
        assert well(hear(url))

    def test_all_can_be_ended_at_once(self, odd, url):
        odd.fault("status")
        odd.fault("reset")
        odd.faults.clear()
        assert well(hear(url))

    def test_a_fault_ends_with_its_block_whatever_happens_there(self, odd, url):
        with pytest.raises(RuntimeError, match="inside"), odd.fault("status"):
            raise RuntimeError("inside")
        assert well(hear(url))

    def test_the_log_has_every_request(self, odd, url):
        with odd.fault("reset"):
            hear(url + "?a=1", headers={"X-One": "1"})
        hear(url)
        assert [(entry.method, entry.path, entry.query) for entry in odd.log] == [
            ("GET", PATH, {"a": "1"}), ("GET", PATH, {}),
        ]  # fmt: skip
        assert odd.log[0].headers["x-one"] == "1"

    def test_threads_do_not_share_a_turn(self, odd, url):
        statuses: list[int] = []

        def ask_five() -> None:
            statuses.extend(hear(url).status for _ in range(5))

        with odd.fault("status", times=7) as rule:
            threads = [threading.Thread(target=ask_five) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert sorted(statuses) == [200] * 13 + [500] * 7
        assert (rule.met, rule.played) == (20, 7)


def ends(function) -> bool:
    """Return whether a function ends, in half the time for which a server of aiohttp waits for its requests."""
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    thread.join(30)
    return not thread.is_alive()


class TestWhenTheyEnd:
    @pytest.mark.parametrize("kind", ["hang_before", "hang_body", "slow_drip"])
    def test_the_end_of_the_block_drops_who_still_suffers(self, odd, url, kind):
        with odd.fault(kind) as rule, ask(url) as connection:
            while not rule.played:
                time.sleep(0.01)
            rule.end()
            assert listen(connection).end == "closed"

    def test_a_client_that_leaves_is_forgotten(self, odd, url):
        with odd.fault("hang_before") as rule:
            with ask(url):
                while not rule.running:
                    time.sleep(0.01)
            deadline = time.monotonic() + 5
            while rule.running and time.monotonic() < deadline:
                time.sleep(0.01)
            assert not rule.running

    @pytest.mark.parametrize("kind", ["hang_before", "hang_body", "slow_drip"])
    def test_the_archive_stops_at_once_while_a_fault_goes_on(self, kind):
        with Archive(0, ("her",)) as archive:
            rule = archive.fault(kind)
            with ask(f"{archive.url}/hek/her") as connection:
                while not rule.played:
                    time.sleep(0.01)
                assert ends(lambda: archive.__exit__(None, None, None))
                assert listen(connection).end == "closed"
            rule.end()

    def test_also_a_fault_that_a_request_asked_for(self):
        with Archive(0, ("her",)) as archive:
            with ask(f"{archive.url}/hek/her", headers={rules.HEADER: "hang_before"}):
                while not archive.log:
                    time.sleep(0.01)
                assert ends(lambda: archive.__exit__(None, None, None))

    def test_nothing_is_left_at_the_end_of_the_program(self):
        program = (
            "import sys, threading\n"
            f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
            "from raw import ask, hear\n"
            "from sunpy_helio_plugins.sandbox.server import Archive\n"
            "with Archive(0, ('her',)) as archive:\n"
            "    with archive.fault('hang_body'), ask(archive.url + '/nothing'):\n"
            "        hear(archive.url + '/nothing', silence=0.2)\n"
            "    with archive.fault('reset', after_bytes=1):\n"
            "        hear(archive.url + '/nothing')\n"
            "    rule = archive.fault('hang_before')\n"
            "    hear(archive.url + '/nothing', silence=0.2)\n"
            "print(threading.active_count())\n"
        )
        command = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", program]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


class TestTheHeader:
    def test_it_concerns_its_own_request(self, url):
        assert hear(url, headers={rules.HEADER: "cut_length; after_bytes=10"}).body == BODY[:10]
        assert well(hear(url))

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("reset", bodies.Reset()),
            ("reset;", bodies.Reset()),
            (" hang_body ;after_bytes=3;  seconds=0.5", bodies.HangBody(after_bytes=3, seconds=0.5)),
            ("hostile_name; name=..%2F%3Bx%0A", answers.HostileName(name="../;x\n")),
            ("hostile_name; name=", answers.HostileName(name="")),
            ("hostile_name; extended", answers.HostileName(extended=True)),
            ("hostile_name; extended=no", answers.HostileName(extended=False)),
            ("status; status=429; retry_after=7", answers.Status(status=429, retry_after=7)),
            ("status; retry_after=date+5", answers.Status(retry_after=timedelta(seconds=5))),
            ("status; retry_after=date-5", answers.Status(retry_after=timedelta(seconds=-5))),
            ("status; retry_after=date", answers.Status(retry_after=timedelta(0))),
            ("status; retry_after=soon", answers.Status(retry_after="soon")),
            ("status; words=a=b", answers.Status(words="a=b")),
            ("redirect; to=http://x.invalid/y?z=1", answers.Redirect(to="http://x.invalid/y?z=1")),
        ],
    )
    def test_its_grammar(self, text, fault):
        assert rules.parse(text) == fault

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("explode", "There is no fault 'explode'. There are: hang_before, "),
            ("", "There is no fault ''"),
            ("reset; seconds=1", "no option 'seconds' in a header. It has: after_bytes."),
            ("reset; times=1", "no option 'times' in a header"),
            ("reset; after_bytes=x", "invalid literal for int"),
        ],
    )
    def test_what_cannot_be_read_is_a_bad_request(self, url, text, reason):
        heard = hear(url, headers={rules.HEADER: text})
        assert heard.status == 400
        assert reason in heard.body.decode()

    def test_it_can_redirect_and_be_sent_again(self, url):
        answer = requests.get(url, headers={rules.HEADER: "redirect"}, timeout=5)
        assert answer.url == url.replace("127.0.0.1", "localhost")
        assert answer.content == BODY

    @pytest.mark.parametrize("kind", list(rules.KINDS))
    def test_every_kind_can_be_asked_for(self, kind):
        assert rules.parse(kind) == rules.make(kind) == rules.KINDS[kind]()


class TestMistakes:
    def test_no_such_kind(self, odd):
        with pytest.raises(ValueError, match="There is no fault 'explode'"):
            odd.fault("explode")

    def test_no_such_option(self, odd):
        with pytest.raises(ValueError, match=r"'reset' has no option seconds\. It has: path, method"):
            odd.fault("reset", seconds=1)

    @pytest.mark.parametrize("options", [{"times": 0}, {"skip": -1}])
    def test_senseless_counts(self, odd, options):
        with pytest.raises(ValueError, match="skip must be 0 or more and times 1 or more"):
            odd.fault("reset", **options)
