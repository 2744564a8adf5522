"""Test that a secret appears nowhere, whether servers accept it, fail, redirect or repeat it."""

from __future__ import annotations

import base64
import contextlib
import gc
import html
import itertools
import json
import logging
import pickle
import sys
import tempfile
import types
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import Downloader, HAPIClient, IMAPClient, conf, hapi, her, imap, sign_in
from sunpy_helio_plugins.errors import HelioPluginsError
from sunpy_helio_plugins.transport import credentials, metadata
from sunpy_helio_plugins.transport.credentials import Login, signed_in
from sunpy_helio_plugins.transport.files.job import Download
from sunpy_helio_plugins.transport.files.queue import enqueue
from sunpy_helio_plugins.transport.secrets import Hidden, Secret
from sunpy_helio_plugins.transport.submit import SubmitSession

sys.path.insert(0, str(Path(__file__).parent))
from wire import hang_up, say, wire

CANARY = 'c4n&ry"/<s3cr>et+\\é%7'
"""A secret with characters that every encoding changes."""

KEY = "c4nary-k3y/with+signs=="
"""A secret that a header can carry."""

FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "quoted": quote,
    "quoted wholly": lambda text: quote(text, safe=""),
    "quoted in lower case": lambda text: quote(text, safe="").lower(),
    "quoted twice": lambda text: quote(quote(text)),
    "quoted as a form": quote_plus,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 with a user": lambda text: base64.b64encode(f"someone:{text}".encode()).decode(),
    "base64 within JSON": lambda text: base64.b64encode(
        json.dumps({"password": text}, ensure_ascii=False).encode()
    ).decode(),
    "JSON": lambda text: json.dumps({"message": f"no {text}, you"}),
    "JSON in UTF-8": lambda text: json.dumps({"error": f"no {text}"}, ensure_ascii=False),
    "JSON with slashes": lambda text: json.dumps({"detail": text}).replace("/", r"\/"),
    "JSON within JSON": lambda text: json.dumps({"message": json.dumps({"password": text})}),
    "HTML": lambda text: f"<p>{html.escape(text)}</p>",
    "HTML text": lambda text: f"<p>{html.escape(text, quote=False)}</p>",
    "HTML with numbers": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "hexadecimal": lambda text: text.encode().hex(),
    "repr": repr,
    "escaped": lambda text: text.encode("unicode_escape").decode(),
    "every character quoted": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
}


def traces(secret: str) -> list[str]:
    """Return parts of a secret that must not be anywhere, in any of its forms."""
    return list(dict.fromkeys([secret, *(form(secret) for form in FORMS.values()), secret[:12]]))


@pytest.fixture(autouse=True)
def _nothing_is_known(monkeypatch, tmp_path):
    """Ignore the netrc file and keyring of this machine, and keep temporary files in a folder of the test."""
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.delenv("IMAP_API_KEY", raising=False)
    monkeypatch.setattr(Login, "_keyring", lambda self: None)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    credentials.forget()
    with conf.set_temp("retries", 0), conf.set_temp("cache_dir", str(tmp_path / "cache")):
        yield
    credentials.forget()


def variables(error: BaseException | None, seen: set[int] | None = None) -> Iterator[Any]:
    """Yield an error, its causes and contexts, and the variables of all frames of their tracebacks but the test's."""
    seen = set() if seen is None else seen
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    yield error
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename != __file__:
            yield dict(trace.tb_frame.f_locals)
        trace = trace.tb_next
    yield from variables(error.__cause__, seen)
    yield from variables(error.__context__, seen)
    for one in getattr(error, "exceptions", ()):
        yield from variables(one, seen)


def texts(thing: Any, depth: int = 6, seen: set[int] | None = None) -> Iterator[str]:
    """Yield all text within a thing: its repr, its members, its attributes and theirs."""
    seen = set() if seen is None else seen
    if id(thing) in seen or isinstance(thing, type | types.ModuleType | types.FunctionType):
        return
    seen.add(id(thing))
    if isinstance(thing, str | bytes | bytearray):
        yield thing if isinstance(thing, str) else bytes(thing).decode("latin-1")
        return
    with contextlib.suppress(Exception):
        yield repr(thing)
    for one in members(thing) if depth else ():
        yield from texts(one, depth - 1, seen)


def members(thing: Any) -> list[Any]:
    found: list[Any] = [getattr(thing, "__dict__", None), getattr(thing, "args", None)]
    if isinstance(thing, dict):
        found += [*thing.keys(), *thing.values()]
    elif isinstance(thing, list | tuple | set | frozenset):
        found += list(thing)
    return found


class Watch:
    """Everything that could show a secret."""

    def __init__(self, caplog, tmp_path):
        self.caplog, self.folder = caplog, tmp_path
        self.things: list[Any] = []
        caplog.set_level(logging.DEBUG)
        caplog.set_level(logging.DEBUG, "sunpy_helio_plugins")

    def run(self, work: Callable[[], Any]) -> Any:
        """Do the work, and keep what it returns, raises and warns."""
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                found = work()
            except Exception as error:  # noqa: BLE001 - every error is looked at
                self.things.extend(variables(error))
                found = error
        self.things += [*(str(one.message) for one in told), found]
        return found

    def seen(self) -> Iterator[str]:
        for thing in self.things:
            yield from texts(thing)
            with contextlib.suppress(Exception):
                yield pickle.dumps(thing).decode("latin-1")
        for record in self.caplog.records:
            yield record.getMessage()
            yield repr(record.args)
        for path in self.folder.rglob("*"):
            yield path.name
            if path.is_file() and path.name != "netrc":
                yield path.read_bytes().decode("latin-1")

    def check(self, secret: str, but: tuple[str, ...] = ()) -> None:
        marks = [one for one in traces(secret) if one not in but]
        found = [(mark, text[:300]) for text in self.seen() for mark in marks if mark in text]
        assert found == []


@pytest.fixture
def watch(caplog, tmp_path):
    return Watch(caplog, tmp_path)


def echo(secret: str, status: str) -> Callable[..., None]:
    """Repeat a secret in the body, in another form each time, and in the headers."""
    forms = itertools.cycle(FORMS.values())

    def talk(connection, head):
        body = next(forms)(secret).encode("utf-8", "replace")
        say(status, body, Location=f"/next?x={quote(secret)}", X_Echo=quote(secret))(connection, head)

    return talk


STATUSES = ("200 OK", "400 Bad", "401 No", "403 No", "404 No", "500 Oh", "302 Found")


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_no_form_of_a_secret_is_in_a_message(form):
    for secret in (CANARY, KEY):
        hidden = Hidden([Secret(secret)])
        for text in (form(secret), f"before {form(secret)} after", f"{form(secret)}{form(secret)}"):
            shown = hidden.text(text) + hidden.message(text.encode()).decode("latin-1")
            left = [mark for mark in (secret, form(secret)) if mark in hidden.text(text)]
            assert left == []
            assert secret not in shown


@pytest.mark.parametrize("secret", ["a", "ab", "abc", "pass", "secret1"])
def test_short_secrets_are_removed_from_messages_and_not_from_data(secret):
    hidden = Hidden([Secret(secret)])
    assert f" {secret} " not in hidden.text(f"the password {secret} is wrong")
    assert (
        hidden.content(b'{"names": ["abcdefgh", "password", "secret12"]}')
        == b'{"names": ["abcdefgh", "password", "secret12"]}'
    )


@pytest.mark.parametrize("cut", range(4, len(KEY)))
def test_a_message_that_was_cut_within_a_secret_shows_no_part(cut):
    assert Hidden([Secret(KEY)]).message(f"no such key: {KEY[:cut]}".encode()) == b"no such key: "


def test_text_without_the_secret_is_unchanged():
    text = "Dataset 'X' at https://x.example/?a=%20b&c=QUJDREVGR0hJSktM, \\u00e9, &amp; 1.5e+03"
    assert Hidden([Secret(CANARY), Secret(KEY)]).text(text) == text
    assert Hidden().text(text) == text


def test_secrets_are_in_no_repr_and_no_pickle():
    for thing in (Secret(CANARY), Hidden([Secret(CANARY)])):
        assert "c4n" not in repr(thing) + str(thing)
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(thing)


@pytest.mark.parametrize("kind", ["header", "bearer", "basic"])
@pytest.mark.parametrize("status", STATUSES)
def test_metadata(watch, kind, status):
    with wire(echo(KEY, status)) as (url, heads), signed_in("test", *(["me"] if kind == "basic" else []), KEY):
        login = Login("test", url, kind, header="x-api-key")
        for _ in FORMS:
            watch.run(lambda: metadata.get(url, archive="Test", login=login))
    assert len(heads) >= len(FORMS)
    watch.check(KEY)


@pytest.mark.parametrize("where", ["phrase", "redirect", "circle", "content type", "retry"])
def test_metadata_headers(watch, where):
    talks = {
        "phrase": say(f"403 no key {KEY}", b""),
        "redirect": say("302 Found", b"", Location=f"ftp://elsewhere.example/{KEY}?q={KEY}"),
        "circle": say("302 Found", b"", Location=f"/{KEY}?q={KEY}"),
        "content type": say("200 OK", b"<p>", Content_Type=f"text/{KEY}"),
        "retry": say("503 No", b"", Retry_After=KEY),
    }
    with wire(talks[where]) as (url, _), signed_in("test", KEY):
        login = Login("test", url, "bearer")
        watch.run(lambda: metadata.get(url, archive="Test", login=login).json())
        watch.run(lambda: metadata.cached_json(url, archive="Test", parse=dict, login=login))
    watch.check(KEY)


@pytest.mark.parametrize("has_cause", [False, True])
@pytest.mark.parametrize("status", STATUSES)
def test_downloads(watch, tmp_path, status, has_cause):
    def refuse(path: Path) -> None:
        from sunpy_helio_plugins.errors import FileError

        content = path.read_bytes()[:500]
        if has_cause:
            raise FileError(f"{path.name}: a page came instead of a file") from ValueError(content.decode())
        raise FileError(f"a page came instead of a file: {content!r}")

    with wire(echo(KEY, status)) as (url, _), signed_in("test", KEY):
        login = Login("test", url, "header", header="x-api-key")
        for number in range(len(FORMS)):
            downloader = Downloader(progress=False)
            enqueue(downloader, [Download(url, tmp_path / f"file {number}", "Test", refuse, login=login)], False)
            results = watch.run(downloader.download)
            assert len(results.errors) == 1
            watch.things += [error.exception for error in results.errors]
            watch.things += [one for error in results.errors for one in variables(error.exception)]
    watch.check(KEY)


@pytest.mark.parametrize("status", STATUSES)
def test_the_registrys_password(watch, status):
    with wire(echo(CANARY, status)) as (url, _), conf.her.set_temp("url", f"{url}/her"):
        for _ in FORMS:
            registry = her.Registry()
            watch.run(partial(registry.login, "me", CANARY))
            watch.things.append(registry)
        with signed_in("her", "me", CANARY):
            watch.run(registry.login)
            watch.run(lambda: registry.rate("ivo://helio-informatics.org/FL_1", 0.5))
        registry.close()
    watch.check(CANARY)


def test_the_registry_without_an_answer(watch):
    with wire(hang_up) as (url, _), conf.her.set_temp("url", f"{url}/her"), signed_in("her", "me", CANARY):
        for address in (f"{url}/her", "http://127.0.0.1:9/her", "http://elsewhere.invalid/her"):
            conf.her.url = address
            watch.run(her.Registry().login)
            watch.run(lambda: her.Registry().rate("ivo://helio-informatics.org/FL_1", 0.5))
    watch.check(CANARY)


def test_the_session_of_the_registry(watch):
    def talk(connection, head):
        if b"heks" in head and b"cookie" not in head.lower():
            say("200 OK", b'{"status": "login success"}', Set_Cookie=f"sid={KEY}; Path=/")(connection, head)
        else:
            say("403 No", f"who is {KEY}?".encode())(connection, head)

    with wire(talk) as (url, heads), conf.her.set_temp("url", f"{url}/her"), signed_in("her", "me", CANARY):
        registry = her.Registry()
        watch.run(registry.login)
        watch.run(lambda: registry.rate("ivo://helio-informatics.org/FL_1", 0.5))
        watch.things += [repr(registry), repr(registry._poster)]
    assert any(KEY.encode() in head for head in heads)
    # The session itself keeps the cookie in memory, and only there.
    watch.things = [one if isinstance(one, str | BaseException) else repr(one) for one in watch.things]
    watch.check(KEY)


@pytest.mark.parametrize("status", STATUSES)
def test_tokens(watch, status):
    pytest.importorskip("authlib")
    with wire(echo(CANARY, status)) as (url, _), signed_in("test", "me", CANARY):
        login = Login("test", url, "oauth2", token_url=f"{url}/token")
        for _ in FORMS:
            watch.run(lambda: metadata.get(url, archive="Test", login=login))
    for body in ({"error": CANARY}, {"error": "x", "error_description": CANARY}, {"error_description": CANARY}, {}):
        with wire(say(status, json.dumps(body).encode())) as (url, _), signed_in("test", "me", CANARY):
            login = Login("test", url, "oauth2", token_url=f"{url}/token")
            watch.run(lambda login=login, url=url: metadata.get(url, archive="Test", login=login))
    watch.check(CANARY)


def test_a_token_that_is_repeated(watch):
    pytest.importorskip("authlib")

    def talk(connection, head):
        if b"/token" in head:
            say("200 OK", json.dumps({"access_token": KEY, "token_type": "Bearer"}).encode())(connection, head)
        else:
            say("403 No", f"no token {KEY}".encode())(connection, head)

    with wire(talk) as (url, _), signed_in("test", "me", CANARY):
        login = Login("test", url, "oauth2", token_url=f"{url}/token")
        watch.run(lambda: metadata.get(url, archive="Test", login=login))
        watch.things.append(login)
    watch.check(KEY)
    watch.check(CANARY)


def test_an_imap_search_and_its_results(watch, tmp_path, monkeypatch):
    """The service repeats the key in its rows, in the files and in their refusals."""
    monkeypatch.setenv("IMAP_API_KEY", KEY)
    path = "imap/mag/l2/2026/01/imap_mag_l2_norm-gse_20260110_v001.0002.cdf"
    row = {
        "file_path": path, "instrument": "mag", "data_level": "l2", "descriptor": "norm-gse", "start_date": "20260110",
        "repointing": None, "version": "v001.0002", "extension": "cdf", "ingestion_date": "20260111 00:00:00",
        "note": f"asked with {KEY}", "url": f"https://x.example/?who={quote(KEY)}",
    }  # fmt: skip

    def talk(connection, head):
        if b"/query" in head:
            say("200 OK", json.dumps([row]).encode())(connection, head)
        else:
            say("403 No", f"no such key: {KEY}".encode())(connection, head)

    with wire(talk) as (url, heads), conf.imap.set_temp("url", url):
        find = IMAPClient().search
        table = watch.run(lambda: find(a.Time("2026-01-10", "2026-01-11"), a.Instrument("mag"), a.imap.File()))
        assert len(table) == 1
        watch.things += [str(table), pickle.dumps(table)]
        table.write(tmp_path / "table.ecsv")
        results = watch.run(lambda: Fido.fetch(table, path=tmp_path / "{file}", progress=False))
        assert len(results.errors) == 1
        watch.things += [pickle.dumps([str(error.exception) for error in results.errors]), repr(results)]
        watch.run(lambda: imap.download(Path(path).name, tmp_path / "down"))
        watch.run(
            lambda: imap.sync((a.Time("2026-01-10", "2026-01-11"), a.imap.File()), tmp_path / "copy", progress=False)
        )
    assert any(KEY.encode() in head for head in heads)
    watch.check(KEY)


def test_a_hapi_server_that_repeats_the_token_in_its_answers(watch, tmp_path, monkeypatch):
    pytest.importorskip("authlib")
    info = {
        "HAPI": "3.0", "status": {"code": 1200}, "startDate": "2020-01-01Z", "stopDate": "2030-01-01Z",
        "description": f"for {KEY}",
        "parameters": [{"name": "Time", "type": "isotime", "length": 20}, {"name": KEY[:6], "type": "double"}],
    }  # fmt: skip

    def talk(connection, head):
        answers = {
            b"/token": {"access_token": KEY, "token_type": "Bearer"},
            b"/capabilities": {"HAPI": "3.0", "outputFormats": ["csv"], "who": KEY},
            b"/catalog": {"catalog": [{"id": "X", "title": KEY}]},
            b"/info": info,
        }
        for name, body in answers.items():
            if name in head.split(b"\r\n")[0]:
                say("200 OK", json.dumps(body).encode(), Content_Type="application/json")(connection, head)
                return
        say("200 OK", json.dumps({"status": {"code": 1500, "message": f"no token {KEY}"}}).encode())(connection, head)

    with (
        wire(talk) as (url, _),
        signed_in("private", "me", CANARY),
        conf.hapi.set_temp("servers", [f"private={url}/hapi"]),
        conf.hapi.set_temp("oauth2", [f"private={url}/token scope"]),
    ):
        day = a.Time("2026-01-10", "2026-01-11")
        table = watch.run(lambda: HAPIClient().search(day, a.hapi.Server("private"), a.hapi.Dataset("X")))
        watch.things += [str(table), pickle.dumps(table)]
        results = watch.run(lambda: Fido.fetch(table, path=tmp_path / "{file}", progress=False))
        assert len(results.errors) == 1
        watch.things += [one for error in results.errors for one in variables(error.exception)]
        watch.run(lambda: hapi.load("private", "X", None, "2026-01-10", "2026-01-11"))
        watch.run(lambda: hapi.check("private"))
    watch.check(KEY)
    watch.check(CANARY)


def test_signing_in_and_errors_within_the_block(watch):
    def fail():
        with signed_in("test", "me", CANARY):
            raise HelioPluginsError("something else")

    watch.run(fail)
    watch.run(lambda: sign_in("test", CANARY, ""))
    watch.run(lambda: sign_in("test", f"{KEY}\n{KEY}", "\x00"))
    watch.check(CANARY)
    watch.check(KEY)


def test_an_interruption_while_a_secret_is_sent(watch, monkeypatch):
    """Ctrl-C may happen anywhere in the libraries, whose variables contain the request."""
    from urllib3.connection import HTTPConnection

    def interrupted(self, *args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(HTTPConnection, "getresponse", interrupted)
    with wire(say()) as (url, _), signed_in("test", KEY), conf.her.set_temp("url", f"{url}/her"):
        for work in (
            lambda: metadata.get(url, archive="Test", login=Login("test", url, "bearer")),
            lambda: her.Registry().login("me", str(CANARY)),
        ):
            with pytest.raises(KeyboardInterrupt) as caught:
                work()
            watch.things.extend(variables(caught.value))
    watch.check(KEY)
    watch.check(CANARY)


def test_sessions_and_adapters_show_nothing(watch):
    with wire(say("200 OK", b"", Set_Cookie=f"sid={KEY}")) as (url, _):
        session = SubmitSession("Test")
        watch.run(lambda: session.post(url, {"password": Secret(CANARY)}))
        things = [session, session._session, *session._session.adapters.values()]
        watch.things = [repr(one) for one in things] + [str(one) for one in things]
    watch.check(KEY)
    watch.check(CANARY)


def test_threads_with_different_secrets_do_not_show_each_others(watch):
    def ask(number: int) -> str:
        secret = f"thread-{number}-{'x' * 10}"

        def talk(connection, head):
            say("403 No", f"no key {secret}".encode())(connection, head)

        with wire(talk) as (url, _):
            name = f"test{number}"
            with signed_in(name, secret):
                login = Login(name, url, "bearer")
                messages = []
                for _ in range(10):
                    try:
                        metadata.get(url, archive="Test", login=login)
                    except HelioPluginsError as error:
                        messages.append(str(error))
        assert len(messages) == 10
        return " ".join(messages)

    with ThreadPoolExecutor(6) as pool:
        said = list(pool.map(ask, range(6)))
    assert [text for text in said if "thread-" in text] == []


def test_no_secret_stays_in_memory_of_the_package():
    with wire(say("403 No", KEY.encode())) as (url, _), signed_in("test", KEY):
        with contextlib.suppress(HelioPluginsError):
            metadata.get(url, archive="Test", login=Login("test", url, "bearer"))
    credentials.forget()
    gc.collect()
    objects = gc.get_objects()
    assert [one for one in objects if type(one) is Hidden and KEY in one._spellings] == []
    assert [one for one in objects if type(one) is dict and KEY in one] == []
