"""Test downloads: complete files only, safe names, and errors with the archive's message."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import errno
import gzip
import hashlib
import socket
import sys
import threading
import tracemalloc
import zlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import parfive
import pytest
from multidict import CIMultiDict

from sunpy_helio_plugins import conf
from sunpy_helio_plugins.errors import DiskError, FileError, QueryError, TransferError
from sunpy_helio_plugins.transport import limits
from sunpy_helio_plugins.transport.files import job
from sunpy_helio_plugins.transport.files.body import parts, receive
from sunpy_helio_plugins.transport.files.job import Download
from sunpy_helio_plugins.transport.files.naming import MAX_BYTES, safe_name, target
from sunpy_helio_plugins.transport.files.pieces import PiecedDownload
from sunpy_helio_plugins.transport.files.prefix import PrefixDownload
from sunpy_helio_plugins.transport.files.queue import enqueue

sys.path.insert(0, str(Path(__file__).parents[1]))
from wire import drip, say, silent, wire


@pytest.fixture(autouse=True)
def _one_attempt(request):
    """Disable retries, except in tests of retries."""
    with conf.set_temp("retries", 2 if "again" in request.node.name else 0):
        yield


def fetch(*downloads: Download, overwrite: bool | str | None = None, **options) -> parfive.Results:
    downloader = parfive.Downloader(progress=False, **options)
    enqueue(downloader, downloads, overwrite)
    return downloader.download()


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_file_arrives_with_one_get_and_no_head(tmp_path):
    with wire(say(body=b"data")) as (url, heads):
        results = fetch(Download(url + "/x", tmp_path / "a" / "x.bin", "Test"))
    assert list(results) == [str(tmp_path / "a" / "x.bin")]
    assert (tmp_path / "a" / "x.bin").read_bytes() == b"data"
    assert [head.split()[0] for head in heads] == [b"GET"]
    assert b"accept-encoding: identity" in heads[0].lower()


def test_a_file_that_is_there_is_not_asked_for_again(tmp_path):
    (tmp_path / "x").write_bytes(b"old")
    with wire(say(body=b"new")) as (url, heads):
        results = fetch(Download(url, tmp_path / "x", "Test"))
    assert list(results) == [str(tmp_path / "x")]
    assert heads == []


def test_overwriting_replaces_after_success(tmp_path):
    (tmp_path / "x").write_bytes(b"old")
    with wire(say(body=b"new")) as (url, _):
        fetch(Download(url, tmp_path / "x", "Test"), overwrite=True)
    assert (tmp_path / "x").read_bytes() == b"new"


@pytest.mark.parametrize("offline", [False, True])
def test_a_file_whose_content_is_known_is_not_asked_for(tmp_path, offline):
    with wire(say(body=b"sent")) as (url, heads), conf.set_temp("offline", offline):
        fetch(Download(url, tmp_path / "a" / "x", "Test", at_hand=lambda: b"known"))
    assert (tmp_path / "a" / "x").read_bytes() == b"known"
    assert files(tmp_path) == ["x"]
    assert heads == []


@pytest.mark.parametrize(("overwrite", "known"), [(True, b"known"), (None, None)])
def test_a_file_is_asked_for_if_it_is_not_known_or_to_be_replaced(tmp_path, overwrite, known):
    with wire(say(body=b"sent")) as (url, heads):
        fetch(Download(url, tmp_path / "x", "Test", at_hand=lambda: known), overwrite=overwrite)
    assert (tmp_path / "x").read_bytes() == b"sent"
    assert len(heads) == 1


def test_known_content_does_not_replace_a_file_unless_it_is_not_complete(tmp_path):
    (tmp_path / "x").write_bytes(b"old")
    made = Download("http://127.0.0.1:1/", tmp_path / "x", "Test", at_hand=lambda: b"known", is_complete=lambda _: True)
    fetch(made)
    assert (tmp_path / "x").read_bytes() == b"old"
    fetch(replace(made, is_complete=lambda _: False))
    assert (tmp_path / "x").read_bytes() == b"known"


def test_content_that_is_refused_before_a_request_leaves_nothing(tmp_path):
    def refuse() -> None:
        raise FileError("there is nothing")

    with wire(say(body=b"sent")) as (url, heads):
        results = fetch(Download(url, tmp_path / "x", "Test", at_hand=refuse))
    assert "x: there is nothing" in str(results.errors[0].exception)
    assert (files(tmp_path), heads) == ([], [])


def test_a_failure_keeps_the_old_file(tmp_path):
    (tmp_path / "x").write_bytes(b"old")
    with wire(say("500 Oops", b"broken")) as (url, _):
        results = fetch(Download(url, tmp_path / "x", "Test"), overwrite=True)
    assert len(results.errors) == 1
    assert (tmp_path / "x").read_bytes() == b"old"


def test_unique_numbers_before_the_suffix(tmp_path):
    (tmp_path / "x.bin").write_bytes(b"old")
    with wire(say(body=b"new")) as (url, _):
        results = fetch(Download(url, tmp_path / "x.bin", "Test"), overwrite="unique")
    assert list(results) == [str(tmp_path / "x-2.bin")]


def test_two_files_of_one_name_both_arrive(tmp_path):
    with wire(say(body=b"one"), say(body=b"two")) as (url, _):
        results = fetch(*[Download(f"{url}/{n}", tmp_path / "x.bin", "Test") for n in (1, 2)], max_conn=1)
    assert [Path(path).read_bytes() for path in results] == [b"one", b"two"]
    assert files(tmp_path) == ["x-2.bin", "x.bin"]


@pytest.mark.parametrize("length", ["100", ""])
def test_a_cut_body_leaves_nothing(tmp_path, length):
    headers = {"Content_Length": length} if length else {"Content_Length": "", "Transfer_Encoding": "chunked"}
    body = b"half" if length else b"ff\r\nhalf"
    with wire(say(body=body, **headers)) as (url, _):
        results = fetch(Download(url, tmp_path / "x", "Test"))
    assert "cut before the end" in str(results.errors[0].exception)
    assert files(tmp_path) == []


def test_a_refused_file_leaves_nothing(tmp_path):
    def refuse(part: Path) -> None:
        raise FileError(f"{part.stat().st_size} bytes are no picture")

    with wire(say(body=b"data")) as (url, _):
        results = fetch(Download(url, tmp_path / "x", "Test", accept=refuse))
    assert str(results.errors[0].exception) == "x: 4 bytes are no picture"
    assert files(tmp_path) == []


def test_the_archives_words_are_in_the_error(tmp_path):
    with wire(say("403 Forbidden", b"The file is not a part of a public release yet.")) as (url, _):
        results = fetch(Download(url, tmp_path / "x", "Test"))
    assert "Test answered 403: The file is not a part of a public release yet." in str(results.errors[0].exception)


def test_one_failure_does_not_cost_the_others(tmp_path):
    with wire(say(body=b"data")) as (url, _):
        good, bad = Download(url, tmp_path / "good", "Test"), Download("http://127.0.0.1:9/", tmp_path / "bad", "Test")
        results = fetch(bad, good)
    assert list(results) == [str(tmp_path / "good")]
    assert "connection was refused" in str(results.errors[0].exception)


def test_our_headers_stay_at_their_origin(tmp_path):
    with wire(say(body=b"data")) as (storage, storage_heads):
        elsewhere = storage.replace("127.0.0.1", "localhost") + "/file?X-Amz-Signature=a%2Fb"
        with wire(say("302 Found", Location=elsewhere)) as (url, heads):
            results = fetch(Download(url, tmp_path / "x", "Test", headers={"x-api-key": "planted"}))
    assert list(results) == [str(tmp_path / "x")]
    assert b"planted" in heads[0]
    assert b"planted" not in storage_heads[0]
    assert storage_heads[0].startswith(b"GET /file?X-Amz-Signature=a%2Fb ")


def test_a_circle_of_redirects_ends(tmp_path):
    with wire(say("302 Found", Location="/again")) as (url, heads):
        results = fetch(Download(url, tmp_path / "x", "Test"))
    assert "possibly in circles" in str(results.errors[0].exception)
    assert len(heads) == 10


def test_silence_ends(tmp_path):
    with wire(silent(3)) as (url, _), conf.set_temp("read_timeout", 0.3):
        results = fetch(Download(url, tmp_path / "x", "Test"))
    assert "silent" in str(results.errors[0].exception)


def test_errors_hold_no_secret(tmp_path):
    with wire(say("403 No")) as (url, _):
        asked = Download(f"{url}/?token=planted", tmp_path / "x", "Test", headers={"Authorization": "Bearer planted"})
        results = fetch(asked)
    assert "planted" not in f"{results!r} {results.errors} {results.urls} {asked!r}".replace(asked.url, "")


def test_ranges_are_not_asked_for(tmp_path):
    """A server may advertise ranges but send the complete file: parfive then saves more than was received."""
    body = b"x" * 100_000
    with wire(say(body=body, Accept_Ranges="bytes")) as (url, heads):
        fetch(Download(url, tmp_path / "x", "Test"))
    assert (tmp_path / "x").read_bytes() == body
    assert len(heads) == 1
    assert b"range:" not in heads[0].lower()


def test_a_name_from_the_server_is_not_taken(tmp_path):
    with wire(say(body=b"data", Content_Disposition='attachment; filename="../../evil"')) as (url, _):
        results = fetch(Download(url + "/../../evil?x=/../evil", tmp_path / "in" / "x", "Test"))
    assert list(results) == [str(tmp_path / "in" / "x")]
    assert files(tmp_path) == ["x"]


@pytest.mark.parametrize("header", ["Repr_Digest", "Content_Digest"])
@pytest.mark.parametrize("right", [True, False])
def test_a_digest_is_checked(tmp_path, header, right):
    digest = base64.b64encode(hashlib.sha256(b"data" if right else b"other").digest()).decode()
    with wire(say(body=b"data", **{header: f"sha-256=:{digest}:"})) as (url, _):
        results = fetch(Download(url, tmp_path / "x", "Test"))
    assert len(results) == right
    assert files(tmp_path) == (["x"] if right else [])


MD5 = '"{}"'.format(hashlib.md5(b"data", usedforsecurity=False).hexdigest())
SHA = base64.b64encode(hashlib.sha256(b"data").digest()).decode()
WRONG_MD5, WRONG_SHA = f'"{"0" * 32}"', base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    ("headers", "is_checked"),
    [
        ({"ETag": WRONG_MD5}, True),
        ({"ETag": WRONG_MD5, "x_amz_server_side_encryption": "AES256"}, True),
        ({"x_amz_checksum_sha256": WRONG_SHA, "ETag": MD5}, True),
        ({"ETag": WRONG_MD5, "x_amz_server_side_encryption": "aws:kms"}, False),
        ({"ETag": WRONG_MD5, "x_amz_server_side_encryption_customer_algorithm": "AES256"}, False),
        ({"ETag": WRONG_MD5, "x_amz_storage_class": "EXPRESS_ONEZONE"}, False),
        ({"ETag": f'"{"0" * 32}-2"', "x_amz_checksum_sha256": f"{WRONG_SHA}-2"}, False),
        ({"ETag": f"W/{WRONG_MD5}"}, False),
        ({"ETag": MD5, "x_amz_checksum_sha256": SHA}, False),
        ({"ETag": WRONG_MD5, "x_amz_request_id": ""}, False),  # another server, whose tag may be anything
    ],
)
def test_the_digest_of_an_object_of_s3_is_checked_if_it_is_that_of_the_content(tmp_path, headers, is_checked):
    with conf.set_temp("retries", 0), wire(say(body=b"data", **{"x_amz_request_id": "1"} | headers)) as (url, _):
        results = fetch(Download(url, tmp_path / "x", "Test"))
    assert files(tmp_path) == ([] if is_checked else ["x"])
    assert ["the digest of the file differs" in str(error.exception) for error in results.errors] == [True] * is_checked


def test_a_large_file_needs_little_memory(tmp_path):
    block = bytes(1_000_000)

    def many(connection: socket.socket, head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 64000000\r\n\r\n")
        for _ in range(64):
            connection.sendall(block)

    with wire(many) as (url, _):
        tracemalloc.start()
        try:
            fetch(Download(url, tmp_path / "x", "Test"))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert (tmp_path / "x").stat().st_size == 64_000_000
    assert peak < 8_000_000


def test_our_downloader_closes_its_loops(tmp_path):
    from sunpy_helio_plugins import Downloader

    with wire(say(body=b"data")) as (url, _):
        for number in range(3):
            downloader = Downloader(progress=False)
            enqueue(downloader, [Download(url, tmp_path / str(number), "Test")])
            assert len(downloader.download()) == 1
            assert downloader._loop.is_closed()


def test_ctrl_c_works_after_a_fetch(tmp_path):
    """parfive's loop keeps the signal handler until it is collected."""
    import asyncio
    import signal

    before = signal.getsignal(signal.SIGINT)
    loops = []

    class Watched(parfive.Downloader):
        """A downloader that records its loops."""

        async def run_download(self):
            loops.append(asyncio.get_running_loop())
            return await super().run_download()

    with wire(say(body=b"data")) as (url, _):
        downloader = Watched(progress=False)
        enqueue(downloader, [Download(url, tmp_path / "x", "Test")])
        enqueue(downloader, [Download(url, tmp_path / "y", "Test")])
        assert len(downloader.download()) == 2
    assert [loop.is_closed() for loop in loops] == [True]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_users_own_loop_is_left_open(tmp_path):
    import asyncio

    loop = asyncio.new_event_loop()
    with wire(say(body=b"data")) as (url, _):
        downloader = parfive.Downloader(progress=False)
        enqueue(downloader, [Download(url, tmp_path / "x", "Test")])
        assert len(loop.run_until_complete(downloader.run_download())) == 1
        enqueue(downloader, [Download(url, tmp_path / "y", "Test")])
        downloader.download()
    assert not loop.is_closed()
    loop.close()


def test_it_works_where_an_event_loop_runs_already(tmp_path):
    import asyncio

    async def notebook(url: str) -> parfive.Results:
        return fetch(Download(url, tmp_path / "x", "Test"))

    with wire(say(body=b"data")) as (url, _):
        assert len(asyncio.run(notebook(url))) == 1


def test_an_interrupted_transfer_leaves_nothing(tmp_path):
    begun = threading.Event()

    def half(connection: socket.socket, head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
        begun.set()
        connection.recv(1)

    script = (
        "import parfive, pathlib, sys\n"
        "from sunpy_helio_plugins.transport.files.queue import Download, enqueue\n"
        "downloader = parfive.Downloader(progress=False)\n"
        "enqueue(downloader, [Download(sys.argv[1], pathlib.Path(sys.argv[2]), 'Test')])\n"
        "print(downloader.download().errors[0].exception)\n"
    )
    import signal
    import subprocess

    with wire(half) as (url, _):
        command = [sys.executable, "-c", script, url, str(tmp_path / "x")]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert begun.wait(60)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert said.strip() == "x: interrupted"
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("plain.cdf", "plain.cdf"),
        ("../../evil.txt", "evil.txt"),
        ("/etc/passwd", "passwd"),
        ("..", "file"),
        ("", "file"),
        (".bashrc", "bashrc"),
        ("a\x00b\nc\x1b[31m", "abc[31m"),
        ("C:\\windows\\x.dll", "x.dll"),
        ("con.txt", "_con.txt"),
        ('a<b>"c|d?.txt', "a_b__c_d_.txt"),
        ("\u202egnp.exe", "gnp.exe"),
    ],
)
def test_a_hostile_name_is_made_safe(name, safe):
    assert safe_name(name) == safe


def test_a_long_name_keeps_its_suffix():
    made = safe_name("é" * 300 + ".hapi")
    assert made.endswith(".hapi")
    assert len(made.encode()) <= MAX_BYTES


def test_template_values_never_leave_the_folder(tmp_path):
    made = target(tmp_path / "{dataset}" / "{file}", "../../x", {"dataset": "../../../up"})
    assert made == tmp_path / "up" / "x"


def test_an_unknown_field_names_those_that_there_are(tmp_path):
    with pytest.raises(QueryError, match=r"'planet'.*dataset, file"):
        target(tmp_path / "{planet}" / "{file}", "x", {"dataset": "a"})


def test_times_in_templates_take_a_format(tmp_path):
    from astropy.time import Time

    made = target(tmp_path / "{start_time:%Y}" / "{file}", "x", {"start_time": Time("2026-01-10")})
    assert made == tmp_path / "2026" / "x"


def test_an_address_that_is_none_does_not_cost_the_other_files(tmp_path):
    with wire(say(body=b"data")) as (url, _):
        addresses = ("http://[::1", "https://x:99999/", "", "https://\ud800/", "https://a\\@b.example/")
        for number, bad in enumerate(addresses):
            good = Download(url, tmp_path / str(number), "Test")
            results = fetch(Download(bad, tmp_path / "bad", "Test"), good)
            assert (len(results), len(results.errors)) == (1, 1)


def test_a_callback_that_fails_does_not_cost_the_other_files(tmp_path):
    def fail(path, url, error):
        if "0" in Path(path).name:
            raise RuntimeError("no such database")

    with wire(say(body=b"data")) as (url, _):
        options = parfive.SessionConfig(done_callbacks=[fail])
        results = fetch(*[Download(url, tmp_path / str(n), "Test") for n in range(2)], config=options)
    assert list(results) == [str(tmp_path / "1")]
    assert "0 was downloaded, but one of done_callbacks failed: RuntimeError: no such database" in str(
        results.errors[0].exception
    )


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_or_a_link_to_nothing_is_no_file(tmp_path, overwrite):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "unmounted" / "x")
    with wire(say(body=b"data")) as (url, heads):
        downloads = [Download(url, tmp_path / name, "Test") for name in ("folder", "link")]
        results = fetch(*downloads, overwrite=overwrite)
    assert [str(error.exception).split(str(tmp_path))[1] for error in results.errors] == [
        "/folder exists, and is not a file; remove it, or give another path.",
        "/link is a broken symbolic link; repair or remove it.",
    ]
    assert heads == []


def test_a_downloader_can_be_used_again(tmp_path):
    from sunpy_helio_plugins import Downloader

    downloader = Downloader(progress=False)
    with wire(say("503 Busy"), say(body=b"data")) as (url, heads):
        enqueue(downloader, [Download(url, tmp_path / "x.bin", "Test")])
        results = downloader.retry(downloader.download())
        enqueue(downloader, [Download(url, tmp_path / "x.bin", "Test")])
        assert list(downloader.download()) == list(results) == [str(tmp_path / "x.bin")]
    assert len(heads) == 2


def test_names_that_one_run_uses_twice_are_numbered_over_several_clients(tmp_path):
    downloader = parfive.Downloader(progress=False)
    with wire(say(body=b"data")) as (url, _):
        for number in range(2):
            enqueue(downloader, [Download(f"{url}/{number}", tmp_path / "x.bin", "Test")])
        downloader.download()
    assert files(tmp_path) == ["x-2.bin", "x.bin"]


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"])
def test_a_drip_ends(tmp_path, head):
    ended = []
    with wire(drip(head + b"x" * 3000, 0.01, ended)) as (url, _), conf.set_temp("deadline", 1.0):
        results = fetch(Download(url, tmp_path / "x", "Test"))
    assert ended == []
    assert "within 1 s, see conf.deadline" in str(results.errors[0].exception)
    assert files(tmp_path) == []


def test_a_redirect_out_of_tls_or_with_a_name_in_it_is_not_followed_blindly(tmp_path):
    with wire(say(body=b"data")) as (there, there_heads):
        with wire(say("302 Found", Location=there.replace("//", "//me:word@"))) as (url, _):
            assert len(fetch(Download(url, tmp_path / "x", "Test"))) == 1
        with wire(say("302 Found", Location="http://archive.example/x")) as (url, _):
            results = fetch(Download(url, tmp_path / "y", "Test"))
    assert b"authorization" not in there_heads[0].lower()
    assert "without TLS" in str(results.errors[0].exception)


def test_a_failure_holds_nothing_of_the_request(tmp_path):
    """Programs that report or store errors with their variables must not disclose a key."""
    import traceback

    from sunpy_helio_plugins.transport.credentials import Login, signed_in

    with wire(say("403 No")) as (url, _), signed_in("test", "planted"):
        for origin in (url, "http://127.0.0.1:9"):
            login = Login("test", origin, "bearer")
            error = fetch(Download(origin, tmp_path / "x", "Test", login=login)).errors[0].exception
            assert error.__cause__ is None
            assert error.__context__ is None
            shown = traceback.TracebackException.from_exception(error, capture_locals=True)
            assert "planted" not in "".join(shown.format())


def test_control_characters_of_a_status_line_reach_no_terminal(tmp_path):
    def talk(connection: socket.socket, head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 404 a\x1b[31mb\r\nContent-Length: 0\r\n\r\n")

    with wire(talk) as (url, _):
        assert str(fetch(Download(url, tmp_path / "x", "Test")).errors[0].exception).isprintable()


def test_a_digest_in_hexadecimal_digits_is_not_taken_for_another(tmp_path):
    with wire(say(body=b"data", Digest=f"sha-256={hashlib.sha256(b'data').hexdigest()}")) as (url, _):
        assert len(fetch(Download(url, tmp_path / "x", "Test"))) == 1


@pytest.mark.parametrize(
    "template",
    [
        "{x._value}/{file}",
        "{x!q}",
        "{file.__class__}",
        "{file.__init__.__globals__}",
        "{x[0]}",
        "{x:>1000000000}",
        "{x:>{n}}",
    ],
)
def test_templates_reach_for_nothing_but_values(tmp_path, template):
    with pytest.raises(QueryError, match="cannot be filled"):
        target(tmp_path / template, "name", {"x": "../../evil", "n": 10**9})


@pytest.mark.parametrize("template", ["{x!s}/{file}", "{x!r}/{file}", "{x}/{file}"])
def test_values_are_made_safe_in_every_spelling(tmp_path, template):
    assert target(tmp_path / template, "name", {"x": "../../evil"}) == tmp_path / "evil" / "name"


def test_a_folder_may_be_a_link_to_another_disk(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mag").symlink_to(tmp_path / "disk")
    assert target(tmp_path / "data" / "{x}" / "{file}", "name", {"x": "mag"}) == tmp_path / "data" / "mag" / "name"


def test_a_template_leaves_its_folder_by_no_way(tmp_path):
    with pytest.raises(QueryError, match="leave the folder"):
        target(tmp_path / "in" / "{x}" / ".." / ".." / "{file}", "name", {"x": "a"})


@pytest.mark.parametrize("error", [OSError("broken data stream"), ValueError("odd"), KeyError("x"), MemoryError()])
def test_a_failure_in_a_check_is_no_network_fault(tmp_path, error):
    def fail(part: Path) -> None:
        raise error

    with wire(say(body=b"data")) as (url, _):
        results = fetch(Download(url, tmp_path / "x", "Test", accept=fail))
    told = results.errors[0].exception
    assert isinstance(told, FileError)
    assert str(told).startswith(f"x: the file was downloaded, and cannot be read: {type(error).__name__}")
    assert files(tmp_path) == []


TEXT = b"".join(b"%d,%d\n" % (number, number * number) for number in range(2000))
COMPRESSED = {
    "gzip": gzip.compress(TEXT),
    "x-gzip": gzip.compress(TEXT[:700]) + gzip.compress(TEXT[700:]),
    "deflate": zlib.compress(TEXT),
    "deflate, gzip": gzip.compress(zlib.compress(TEXT)),
}


@pytest.mark.parametrize("kind", [Download, PiecedDownload, PrefixDownload])
@pytest.mark.parametrize("encoding", COMPRESSED)
def test_a_compressed_file_is_decompressed(tmp_path, encoding, kind):
    with wire(say(body=COMPRESSED[encoding], Content_Encoding=encoding)) as (url, _):
        assert not fetch(kind(url, tmp_path / "x", "Test")).errors
    assert (tmp_path / "x").read_bytes() == TEXT


@pytest.mark.parametrize("kind", [Download, PiecedDownload, PrefixDownload])
@pytest.mark.parametrize("encoding", COMPRESSED)
def test_a_compressed_file_without_its_end_is_not_kept(tmp_path, encoding, kind):
    """Its length is right: something between the server and this machine has cut what it stored."""
    body = COMPRESSED[encoding]
    for damaged in (body[:-1], body[:-9], body[: len(body) // 2], body[:-6] + b"\xff\xff" + body[-4:], body + b"x"):
        with wire(say(body=damaged, Content_Encoding=encoding)) as (url, _):
            (failed,) = fetch(kind(url, tmp_path / "x", "Test")).errors
        assert "the compressed file was cut or damaged" in str(failed.exception)
    assert files(tmp_path) == []


def test_a_damaged_compressed_file_is_requested_again(tmp_path):
    body = COMPRESSED["gzip"]
    with wire(say(body=body[:-9], Content_Encoding="gzip"), say(body=body, Content_Encoding="gzip")) as (url, heads):
        assert not fetch(Download(url, tmp_path / "x", "Test")).errors
        assert len(heads) == 2
    assert (tmp_path / "x").read_bytes() == TEXT


def test_an_unknown_compression_is_not_kept(tmp_path):
    with wire(say(body=b"data", Content_Encoding="br")) as (url, _):
        (failed,) = fetch(Download(url, tmp_path / "x", "Test")).errors
    assert "it is compressed with 'br', which was not requested" in str(failed.exception)
    assert files(tmp_path) == []


def test_the_message_of_a_compressed_refusal_is_shown(tmp_path):
    with wire(say("404 Not Found", gzip.compress(b"no such file here"), Content_Encoding="gzip")) as (url, _):
        (failed,) = fetch(Download(url, tmp_path / "x", "Test")).errors
    assert "no such file here" in str(failed.exception)


def test_the_message_of_a_refusal_that_is_not_compressed_as_said_is_shown(tmp_path):
    with wire(say("404 Not Found", b"no such file here", Content_Encoding="gzip")) as (url, _):
        (failed,) = fetch(Download(url, tmp_path / "x", "Test")).errors
    assert "no such file here" in str(failed.exception)


@pytest.mark.parametrize("place", ["receive", "sync_to_disk"])
def test_an_error_of_the_disk_is_no_network_fault(tmp_path, monkeypatch, place):
    def fail(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(job, place, fail)
    with wire(say(body=b"data")) as (url, _):
        (failed,) = fetch(Download(url, tmp_path / "x", "Test")).errors
    assert isinstance(failed.exception, DiskError)
    assert str(failed.exception).startswith(f"{tmp_path / 'x'} cannot be written: ")
    assert files(tmp_path) == []


def test_the_bytes_of_a_body_are_shown_as_they_arrive(tmp_path):
    told = []
    body = SimpleNamespace(headers=CIMultiDict(), content_length=8, content=Chunks([b"half", b"more"]))
    with (tmp_path / "x").open("wb") as stream:
        asyncio.run(receive(body, stream, contextlib.nullcontext(SimpleNamespace(update=told.append))))
    assert told == [4, 4]
    assert (tmp_path / "x").read_bytes() == b"halfmore"


class Chunks:
    """The content of a response: each chunk is awaited, and `None` never arrives."""

    def __init__(self, chunks):
        self.chunks = [*chunks]

    def iter_chunked(self, size):
        return self

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.chunks:
            raise StopAsyncIteration
        chunk = self.chunks.pop(0)
        if chunk is None:
            await asyncio.Event().wait()
        return chunk


def parts_of(chunks, *problems):
    """Return the parts of a body of which each wait ends at once; each time, the rate has the next problem."""
    told = [*problems]
    rate = SimpleNamespace(left=lambda: 0.001, problem=lambda count: told.pop(0))
    response = SimpleNamespace(headers=CIMultiDict(), content=Chunks(chunks))

    async def received():
        return [part async for part in parts(response, rate)]

    return asyncio.run(received())


def test_a_pause_in_a_body_that_is_fast_enough_is_waited_for():
    assert parts_of([b"a", None, None, b"b"], "", "") == [b"a", b"b"]


def test_a_pause_in_a_body_that_is_too_slow_ends_it():
    with pytest.raises(TransferError, match=r"^only 1 bytes were received$"):
        parts_of([b"a", None], "only 1 bytes were received")


def test_a_timeout_of_the_library_is_not_taken_for_a_pause():
    class Slow(Chunks):
        async def __anext__(self):
            raise TimeoutError("the socket")

    async def received():
        response = SimpleNamespace(headers=CIMultiDict(), content=Slow([]))
        return [part async for part in parts(response, SimpleNamespace(left=lambda: 60.0))]

    with pytest.raises(TimeoutError, match="the socket"):
        asyncio.run(received())


def test_each_period_needs_its_bytes(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(limits, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with conf.set_temp("deadline", 10.0):
        rate = limits.MinimumRate()
        assert rate.problem(limits.SLOWEST) == ""
        now[0] += 11
        assert rate.problem(0) == ""
        assert rate.left() == 10
        now[0] += 11
        assert rate.problem(5) == "only 5 bytes were received within 10 s, see conf.deadline"
        with limits.budget(3.0):
            now[0] += 4
            assert rate.problem(10**9) == "the file did not arrive within 3 s, see conf.search_deadline"


def test_a_file_of_which_everything_is_needed_comes_whole(tmp_path):
    with wire(say(body=b"whole")) as (url, _):
        results = fetch(PrefixDownload(url, tmp_path / "x", "Test"))
    assert results.errors == []
    assert (tmp_path / "x").read_bytes() == b"whole"


def test_a_part_that_is_compressed_is_refused(tmp_path):
    answer = say("206 Partial", COMPRESSED["gzip"][:10], Content_Range="bytes 0-9/100", Content_Encoding="gzip")
    with wire(answer) as (url, _):
        (failed,) = fetch(PrefixDownload(url, tmp_path / "x", "Test", first=10)).errors
    assert "the part is compressed" in str(failed.exception)
