"""Test where secrets are found and sent, and that they are never disclosed."""

from __future__ import annotations

import base64
import copy
import json
import logging
import pickle
import re
import sys
import threading
import time
import traceback
import types
from pathlib import Path

import parfive
import pytest
from astropy.config.paths import set_temp_cache

from sunpy_helio_plugins import conf
from sunpy_helio_plugins.errors import MissingDependencyError, QueryError, ServiceError, ServiceRefused
from sunpy_helio_plugins.transport import credentials, metadata, oauth2
from sunpy_helio_plugins.transport.credentials import Login, signed_in
from sunpy_helio_plugins.transport.files import prefix
from sunpy_helio_plugins.transport.files.job import Download
from sunpy_helio_plugins.transport.files.prefix import PrefixDownload
from sunpy_helio_plugins.transport.files.queue import enqueue
from sunpy_helio_plugins.transport.secrets import Hidden, Secret
from sunpy_helio_plugins.transport.submit import SubmitSession, put

sys.path.insert(0, str(Path(__file__).parent))
from wire import hang_up, say, wire

PLANTED = "pl4nted-s3cret"
own_keyring = Login._keyring


@pytest.fixture(autouse=True)
def _nothing_is_known(monkeypatch, tmp_path):
    """Ignore the netrc file and keyring of this machine."""
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setattr(Login, "_keyring", lambda self: None)
    credentials.forget()
    with conf.set_temp("retries", 0):
        yield
    credentials.forget()


def token(text: str = PLANTED, **more) -> bytes:
    return json.dumps({"access_token": text, "token_type": "Bearer", **more}).encode()


def key_login(url: str) -> Login:
    return Login("test", url, "header", (("TEST_KEY",),), header="x-api-key")


def test_a_token_expires_its_lifetime_after_its_request(monkeypatch):
    clocks = types.SimpleNamespace(monotonic=time.monotonic, time=lambda: 1_800_000_000.0)
    monkeypatch.setattr(credentials, "time", clocks)
    with wire(say(body=token(expires_in=300))) as (url, heads), signed_in("test", "client", "secret"):
        login = Login("test", url, "oauth2", token_url=url)
        secret, end = login.token()
        assert login.token() == (secret, end)
    assert (secret.reveal(), end, len(heads)) == (PLANTED, 1_800_000_300.0, 1)
    assert Login("test", url, "oauth2", token_url=url).token() is None


def test_a_key_goes_into_its_header():
    with wire(say()) as (url, heads), signed_in("test", PLANTED):
        metadata.get(url, archive="Test", login=key_login(url))
    assert f"x-api-key: {PLANTED}".encode() in heads[0]


def test_secrets_are_looked_up_when_they_are_used(monkeypatch):
    with wire(say()) as (url, heads):
        login = key_login(url)
        metadata.get(url, archive="Test", login=login)
        monkeypatch.setenv("TEST_KEY", "from-environment")
        metadata.get(url, archive="Test", login=login)
        with signed_in("test", "given"):
            metadata.get(url, archive="Test", login=login)
    assert b"x-api-key" not in heads[0]
    assert b"from-environment" in heads[1]
    assert b"given" in heads[2]


def test_the_netrc_file_signs_by_user_and_password(tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine\n")
    with wire(say()) as (url, heads):
        metadata.get(url, archive="Test")
        metadata.get(url, archive="Test", login=Login("test", url, "bearer"))
    assert b"Authorization: Basic bWU6bWluZQ==" in heads[0]
    assert b"Authorization: Bearer mine" in heads[1]


def test_the_netrc_file_has_no_say_over_a_login(tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine\n")
    with wire(say()) as (url, heads), signed_in("test", "given"):
        metadata.get(url, archive="Test", login=Login("test", url, "bearer"))
    assert b"Authorization: Bearer given" in heads[0]


def test_the_keyring_is_asked_last(monkeypatch):
    monkeypatch.setattr(Login, "_keyring", lambda self: (Secret("from-keyring"),))
    with wire(say()) as (url, heads):
        metadata.get(url, archive="Test", login=key_login(url))
    assert b"from-keyring" in heads[0]


class Ring:
    """A keyring with the interface of the package keyring."""

    def __init__(self, entry: object = None, failure: Exception | None = None) -> None:
        self.entry, self.failure, self.asked = entry, failure, []

    def get_credential(self, service: str, username: str | None) -> object:
        self.asked.append((service, username))
        if self.failure is not None:
            raise self.failure
        return self.entry

    def install(self, monkeypatch: pytest.MonkeyPatch) -> Ring:
        errors = types.ModuleType("keyring.errors")
        errors.KeyringError = type("KeyringError", (Exception,), {})
        module = types.ModuleType("keyring")
        module.get_credential, module.errors = self.get_credential, errors
        monkeypatch.setitem(sys.modules, "keyring", module)
        monkeypatch.setitem(sys.modules, "keyring.errors", errors)
        monkeypatch.setattr(Login, "_keyring", own_keyring)
        return self


def test_the_keyring_holds_keys_and_users_with_passwords(monkeypatch):
    ring = Ring(types.SimpleNamespace(username="me", password="mine")).install(monkeypatch)
    with wire(say()) as (url, heads):
        metadata.get(url, archive="Test", login=key_login(url))
        metadata.get(url, archive="Test", login=Login("test", url))
    assert b"x-api-key: mine\r\n" in heads[0]
    assert b"Authorization: Basic bWU6bWluZQ==" in heads[1]
    assert set(ring.asked) == {("sunpy_helio_plugins:test", None)}


def test_each_place_wins_over_the_later_ones(monkeypatch, tmp_path):
    """Given, environment, netrc file, keyring; the keyring is only accessed if needed, since it may prompt the user."""
    ring = Ring(types.SimpleNamespace(username="me", password="from-keyring")).install(monkeypatch)
    with wire(say()) as (url, heads):
        login = key_login(url)
        metadata.get(url, archive="Test", login=login)
        asked = len(ring.asked)
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password from-netrc\n")
        metadata.get(url, archive="Test", login=login)
        monkeypatch.setenv("TEST_KEY", "from-environment")
        metadata.get(url, archive="Test", login=login)
        with signed_in("test", "given"):
            metadata.get(url, archive="Test", login=login)
    sent = [re.search(rb"x-api-key: (.*?)\r", head)[1].decode() for head in heads]
    assert sent == ["from-keyring", "from-netrc", "from-environment", "given"]
    assert len(ring.asked) == asked


def test_a_locked_keyring_and_an_empty_one_hold_nothing(monkeypatch):
    ring = Ring().install(monkeypatch)
    with wire(say()) as (url, heads):
        metadata.get(url, archive="Test", login=key_login(url))
        ring.failure = sys.modules["keyring.errors"].KeyringError("locked")
        metadata.get(url, archive="Test", login=key_login(url))
    assert len(heads) == 2
    assert not [head for head in heads if b"x-api-key" in head]


def test_without_the_package_of_keyrings_nothing_is_looked_up(monkeypatch):
    monkeypatch.setattr(Login, "_keyring", own_keyring)
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert key_login("https://archive.example").secrets() is None


def test_secrets_of_before_a_block_are_those_after_it():
    login = key_login("https://archive.example")
    with signed_in("test", "outer"):
        with signed_in("test", "inner"):
            assert [secret.reveal() for secret in login.secrets()] == ["inner"]
        assert [secret.reveal() for secret in login.secrets()] == ["outer"]
    assert login.secrets() is None


def test_a_token_is_not_requested_in_the_clear():
    address = "http://sso.example/token?key=hidden"
    with pytest.raises(
        QueryError, match=r"^http://sso\.example/token\S* is without TLS: the credentials were not sent"
    ) as told:
        oauth2.client_credentials("test", address, Secret("me"), Secret(PLANTED), "")
    assert PLANTED not in str(told.value)
    assert "hidden" not in str(told.value)


def test_a_token_needs_the_package_for_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "authlib.integrations.requests_client.oauth2_session", None)
    with wire(say(body=token())) as (sso, heads):
        with pytest.raises(MissingDependencyError, match=r"^Signing in to test needs .*sunpy_helio_plugins\[oauth2\]"):
            oauth2.client_credentials("test", sso, Secret("me"), Secret(PLANTED), "")
    assert heads == []


def test_a_forked_process_has_locks_of_its_own(monkeypatch):
    taken = threading.Lock()
    taken.acquire()
    monkeypatch.setattr(credentials, "_lock", taken)
    monkeypatch.setattr(credentials, "_locks", {("a", "b", "c"): taken})
    credentials._new_process()
    assert not credentials._lock.locked()
    assert credentials._locks == {}


@pytest.mark.parametrize("encoded", ["abcde", "/w==", "\u00e5"])
def test_a_header_that_is_not_a_user_and_a_password_is_hidden_as_it_is(encoded):
    hidden = Hidden()
    hidden.add_headers({"Authorization": f"Basic {encoded * 3}"})
    assert (encoded * 3).encode() not in hidden.message(f"refused: {encoded * 3}".encode())


@pytest.mark.parametrize("kind", ["header", "bearer", "basic", "oauth2"])
def test_nothing_is_sent_elsewhere_or_in_the_clear(kind):
    login = Login("test", "https://archive.example", kind, header="x-api-key", token_url="https://sso.example")
    plain = Login("test", "http://archive.example", kind, header="x-api-key")
    with signed_in("test", PLANTED, PLANTED):
        assert login.headers("https://other.example/") == {}
        assert login.headers("http://archive.example/") == {}
        assert plain.headers("http://archive.example/") == {}


def test_redirects_do_not_carry_secrets_along():
    with wire(say(body=b"ok")) as (elsewhere, other_heads):
        target = elsewhere.replace("127.0.0.1", "localhost")
        with wire(say("302 Found", Location=target)) as (url, heads), signed_in("test", PLANTED):
            answer = metadata.get(url, archive="Test", login=key_login(url), headers={"x-more": "planted"})
    assert answer.content == b"ok"
    assert PLANTED.encode() in heads[0]
    assert b"lanted" not in other_heads[0]


def test_one_token_serves_searches_and_downloads(tmp_path):
    with wire(say(body=token(expires_in=300))) as (sso, asked), wire(say(body=b"data")) as (url, heads):
        login = Login("test", url, "oauth2", token_url=sso, scope="things")
        with signed_in("test", "me", "my-secret"):
            for _ in range(3):
                metadata.get(url, archive="Test", login=login)
            downloader = parfive.Downloader(progress=False)
            enqueue(downloader, [Download(f"{url}/{n}", tmp_path / str(n), "Test", login=login) for n in range(3)])
            assert len(downloader.download()) == 3
    assert len(asked) == 1
    assert len(heads) == 6
    assert all(f"Authorization: Bearer {PLANTED}".encode() in head for head in heads)


def test_a_wrong_secret_does_not_get_the_token_of_the_right_one():
    refusal = say("401 No", b'{"error": "invalid_client"}', **{"Content-Type": "application/json"})
    with wire(say(body=token(expires_in=300)), refusal) as (sso, asked), wire(say(body=b"data")) as (url, heads):
        login = Login("test", url, "oauth2", token_url=sso)
        with signed_in("test", "me", "my-secret"):
            metadata.get(url, archive="Test", login=login)
        with signed_in("test", "me", "another"), pytest.raises(ServiceError, match="invalid_client"):
            metadata.get(url, archive="Test", login=login)
    assert (len(asked), len(heads)) == (2, 1)


def test_the_life_of_a_token_is_taken_from_the_answer(monkeypatch):
    passed = 0.0
    real = time.monotonic
    monkeypatch.setattr(credentials, "time", types.SimpleNamespace(monotonic=lambda: real() + passed, time=time.time))
    with wire(say(body=token(expires_in=1000))) as (sso, asked), wire(say()) as (url, _), signed_in("test", "me", "x"):
        login = Login("test", url, "oauth2", token_url=sso)
        for passed, times in ((0.0, 1), (700.0, 1), (1000.0, 2)):  # noqa: B007 - read by the clock
            metadata.get(url, archive="Test", login=login)
            assert len(asked) == times


def test_a_refused_token_is_renewed_once():
    tokens = say(body=token("old", expires_in=300)), say(body=token("new", expires_in=300))
    with wire(*tokens) as (sso, asked), wire(say("401 No"), say(body=b"ok")) as (url, heads):
        with signed_in("test", "me", "x"):
            assert metadata.get(url, archive="Test", login=Login("test", url, "oauth2", token_url=sso)).content == b"ok"
    assert len(asked) == 2
    assert b"Bearer old" in heads[0]
    assert b"Bearer new" in heads[1]


def test_a_token_that_is_refused_again_is_an_error():
    with wire(say(body=token(expires_in=300))) as (sso, asked), wire(say("401 No", b"who are you?")) as (url, heads):
        login = Login("test", url, "oauth2", token_url=sso)
        with signed_in("test", "me", "x"), pytest.raises(ServiceRefused, match="401: who are you"):
            metadata.get(url, archive="Test", login=login)
    assert (len(asked), len(heads)) == (2, 2)


def test_a_download_renews_a_refused_token_too(tmp_path):
    with wire(say(body=token(expires_in=300))) as (sso, asked), wire(say("401 No"), say(body=b"data")) as (url, _):
        login = Login("test", url, "oauth2", token_url=sso)
        with signed_in("test", "me", "x"):
            downloader = parfive.Downloader(progress=False)
            enqueue(downloader, [Download(url, tmp_path / "x", "Test", login=login)])
            assert len(downloader.download()) == 1
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (say("401 No", b'{"error": "invalid_client", "error_description": "no such client"}'), "no such client"),
        (say("200 OK", b"<html>Log in</html>"), "the answer is not a token"),
        (say("200 OK", b'{"no": "token"}'), "token"),
        (say("503 Busy", b"later"), ""),
        (say("302 Found", Location="http://localhost:9/"), ""),
    ],
)
def test_a_token_that_is_not_given_is_an_error_without_the_secret(answer, words):
    with wire(answer) as (sso, _), wire(say()) as (url, heads), signed_in("test", "me", PLANTED):
        with pytest.raises(ServiceError, match="The sign-in of test") as caught:
            metadata.get(url, archive="Test", login=Login("test", url, "oauth2", token_url=sso))
    assert words in str(caught.value)
    assert PLANTED not in str(caught.value)
    assert caught.value.__cause__ is None
    assert heads == []


def test_secrets_do_not_show_and_do_not_pickle():
    secret, login = Secret(PLANTED), key_login("https://archive.example")
    with signed_in("test", PLANTED):
        assert PLANTED not in f"{secret!r} {secret} {login!r} {login} {vars(login)}"
        assert PLANTED.encode() not in pickle.dumps(login)
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(secret)
        with pytest.raises(TypeError, match="cannot be pickled"):
            copy.deepcopy(secret)


@pytest.mark.parametrize("secrets", [(), ("",), (None,)])
def test_signing_in_takes_secrets(secrets):
    with pytest.raises(QueryError, match="takes one or two texts"):
        credentials.sign_in("test", *secrets)


def test_a_full_run_writes_no_secret_anywhere(tmp_path, caplog, monkeypatch):
    """The planted secret does not appear in any output, with the most verbose settings."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "sunpy_helio_plugins")
    monkeypatch.setenv("PARFIVE_DEBUG", "1")
    body = json.dumps({"a": 1}).encode()
    (tmp_path / "cache").mkdir()
    with wire(say(body=token(expires_in=300))) as (sso, _), set_temp_cache(tmp_path / "cache"):
        with wire(say(body=body)) as (url, _), wire(say("403 No", b"no")) as (refusing, _):
            logins = [
                Login("one", url, "oauth2", token_url=sso),
                Login("two", url, "header", header="x-api-key"),
                Login("three", refusing, "bearer"),
            ]
            with signed_in("one", "me", PLANTED), signed_in("two", PLANTED), signed_in("three", PLANTED):
                for login in logins[:2]:
                    metadata.cached_json(url, archive="Test", parse=lambda value: value, login=login)
                with pytest.raises(ServiceRefused) as caught:
                    metadata.get(refusing, archive="Test", login=logins[2])
                downloader = parfive.Downloader(progress=False)
                downloads = [
                    Download(login.origin, tmp_path / f"out{n}", "Test", login=login) for n, login in enumerate(logins)
                ]
                enqueue(downloader, downloads)
                results = downloader.download()
    assert (len(results), len(results.errors)) == (2, 1)
    written = [f"{results!r} {results} {results.errors} {downloads!r} {logins!r}", str(caught.value), caplog.text]
    written += [record.getMessage() for record in caplog.records]
    assert not [text for text in written if PLANTED in text]
    assert PLANTED.encode() not in pickle.dumps(results)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and PLANTED.encode() in path.read_bytes()]


@pytest.mark.parametrize("answer", [say("403 No", b"no"), hang_up])
def test_sending_writes_no_secret_anywhere(tmp_path, caplog, answer):
    """Neither a signed link, nor a form with a password, nor the beginning of a file with a key."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "sunpy_helio_plugins")
    (tmp_path / "file").write_bytes(b"data")
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login me password {PLANTED}\n")
    with wire(answer) as (url, heads), signed_in("test", PLANTED):
        poster = SubmitSession("Test")
        link = f"{url}/file?X-Amz-Signature={PLANTED}&X-Amz-Security-Token={PLANTED}"
        asked = PrefixDownload(url, tmp_path / "x", "Test", login=Login("test", url, "bearer"), first=100)
        downloader = parfive.Downloader(progress=False)
        enqueue(downloader, [asked])
        failures = [error.exception for error in downloader.download().errors]
        for send in (
            lambda: put(link, tmp_path / "file", archive="Test"),
            lambda: poster.post(url, {"user": "me", "password": PLANTED}),
            lambda: prefix.head(url, 10, archive="Test"),
        ):
            with pytest.raises(ServiceError) as caught:
                send()
            failures.append(caught.value)
    assert len(failures) == 4
    assert f"Bearer {PLANTED}".encode() in heads[0]
    sent = [head for head in heads if not head.startswith(b"GET ")]
    assert len(sent) == 2
    assert not [head for head in sent if b"authorization" in head.lower()]
    written = [f"{error!r} {error} {vars(error)} {error.__cause__} {error.__context__!r}" for error in failures]
    written += [repr(poster), repr(asked), *(record.getMessage() for record in caplog.records)]
    assert not [text for text in written if PLANTED in text]
    assert not [text for text in map(pickle.dumps, failures) if PLANTED.encode() in text]
    (tmp_path / "netrc").unlink()
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and PLANTED.encode() in path.read_bytes()]


def test_a_key_that_a_server_repeats_is_not_shown():
    refusal = say("403 No", f'{{"message": "no such key: {PLANTED}, given as \\"{PLANTED}\\""}}'.encode())
    with wire(refusal) as (url, _), signed_in("test", PLANTED):
        with pytest.raises(ServiceRefused, match=r"no such key: \*\*\*, given") as caught:
            metadata.get(url, archive="Test", login=key_login(url))
    assert PLANTED not in str(caught.value)


def test_a_password_that_a_server_repeats_in_base64_is_not_shown():
    def repeat(connection, head):
        line = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"authorization"))
        say("401 No", line)(connection, head)

    with wire(repeat) as (url, _), signed_in("test", "me", PLANTED):
        with pytest.raises(ServiceRefused, match=r"Basic \*\*\*"):
            metadata.get(url, archive="Test", login=Login("test", url))


def everything(error: BaseException) -> str:
    assert error.__traceback__ is not None
    error.__traceback__ = error.__traceback__.tb_next  # the test's own variables
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(shown.format())


@pytest.mark.parametrize("kind", ["header", "bearer", "basic", "oauth2"])
def test_no_traceback_holds_a_secret(kind):
    """Notebooks and reports of failures print the variables of every frame."""
    secrets = ("me", PLANTED) if kind == "oauth2" else (PLANTED, PLANTED)
    with wire(say("401 No", b"no")) as (url, _), wire(hang_up) as (dead, _), signed_in("test", *secrets):
        for archive_url, sso in ((url, url), (dead, dead), ("http://127.0.0.1:9", "http://127.0.0.1:9")):
            with pytest.raises(ServiceError) as caught:
                metadata.get(archive_url, archive="Test", login=Login("test", archive_url, kind, token_url=sso))
            assert PLANTED not in everything(caught.value)
            assert caught.value.__context__ is None


def test_the_default_entry_of_the_netrc_file_goes_nowhere(tmp_path):
    (tmp_path / "netrc").write_text("default login anonymous password me@example.org\n")
    with wire(say()) as (url, heads):
        metadata.get(url, archive="Test")
        metadata.get(url, archive="Test", login=key_login(url))
    assert not [head for head in heads if b"authorization" in head.lower() or b"x-api-key" in head]


@pytest.mark.parametrize("text", ["machine", "machine 127.0.0.1 login me passwrd x", "\0\xff"])
def test_a_broken_netrc_file_is_none(tmp_path, text):
    (tmp_path / "netrc").write_text(text)
    with wire(say()) as (url, heads):
        metadata.get(url, archive="Test")
    assert b"authorization" not in heads[0].lower()


def test_what_a_shell_leaves_around_a_key_is_no_part_of_it(monkeypatch):
    monkeypatch.setenv("TEST_KEY", f" {PLANTED}\r\n")
    with wire(say()) as (url, heads):
        metadata.get(url, archive="Test", login=key_login(url))
    assert f"x-api-key: {PLANTED}\r\n".encode() in heads[0]


@pytest.mark.parametrize("secret", [f"{PLANTED}\r\nx-more: 1", f"{PLANTED}\u20ac"])
@pytest.mark.parametrize("kind", ["header", "bearer"])
def test_a_key_that_no_header_can_hold_is_refused_and_not_shown(monkeypatch, kind, secret):
    monkeypatch.setenv("TEST_KEY", secret)
    with wire(say()) as (url, heads):
        login = Login("test", url, kind, (("TEST_KEY",),), header="x-api-key")
        with pytest.raises(QueryError, match="was not sent") as caught:
            metadata.get(url, archive="Test", login=login)
    assert heads == []
    assert PLANTED not in str(caught.value)
    assert caught.value.__context__ is None


def test_passwords_are_sent_in_utf_8():
    with wire(say()) as (url, heads), signed_in("test", "me", "\u20ac"):
        metadata.get(url, archive="Test", login=Login("test", url))
    assert b"Basic " + base64.b64encode("me:\u20ac".encode()) in heads[0]


@pytest.mark.parametrize("life", [-5, 0, None])
def test_an_odd_life_is_no_failure(life):
    with wire(say(body=token(expires_in=life))) as (sso, _), wire(say(body=b"ok")) as (url, _):
        with signed_in("test", "me", "x"):
            assert metadata.get(url, archive="Test", login=Login("test", url, "oauth2", token_url=sso)).content == b"ok"


def test_a_presigned_link_that_an_archive_redirects_to_is_not_logged(caplog):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "sunpy_helio_plugins")
    with wire(say(body=b"ok")) as (storage, heads):
        with wire(say("302 Found", Location=f"{storage}/x?X-Amz-Signature={PLANTED}")) as (url, _):
            assert metadata.get(url, archive="Test").content == b"ok"
    assert PLANTED.encode() in heads[0]
    assert PLANTED not in caplog.text
