"""Test which metadata are cached, and for how long."""

from __future__ import annotations

import json
import pickle
import sqlite3
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from astropy.utils.exceptions import AstropyUserWarning

from sunpy_helio_plugins import conf
from sunpy_helio_plugins.errors import (
    AnswerError,
    OutdatedAnswerWarning,
    QueryError,
    ServiceError,
    ServiceRefused,
    ServiceUnreachable,
)
from sunpy_helio_plugins.store import answers as answers_module
from sunpy_helio_plugins.transport import metadata
from sunpy_helio_plugins.transport.credentials import Login, signed_in

sys.path.insert(0, str(Path(__file__).parents[1] / "transport"))
from wire import say, wire

ASIDE = r"The cache of metadata in .*cache.answers-1\.db is damaged or belongs to another program"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path):
    with conf.set_temp("cache_dir", str(tmp_path / "cache")), conf.set_temp("retries", 0):
        yield


def ask(url, params=None, parse=lambda value: value, keeps=lambda value: True, **options):
    return metadata.cached_json(url, params, archive="Test", parse=parse, keeps=keeps, **options)


def test_an_answer_is_asked_for_once():
    with wire(say(body=b'{"a": [1, null, "\xc3\xa9"]}')) as (url, heads):
        assert ask(url, {"id": "x"}) == ask(url, {"id": "x"}) == {"a": [1, None, "é"]}
        ask(url, {"id": "y"})
    assert len(heads) == 2


def test_it_can_be_switched_off():
    with wire(say(body=b"{}")) as (url, heads), conf.set_temp("cache", False):
        ask(url)
        ask(url)
    assert len(heads) == 2


def test_it_ends():
    with wire(say(body=b"[]")) as (url, heads):
        ask(url, days=0)
        ask(url, days=0)
    assert len(heads) == 2


def test_errors_are_never_kept_also_not_those_that_come_with_status_200():
    def parse(value):
        if value["status"]["code"] != 1200:
            raise QueryError("HAPI says no")
        return value["status"]

    bad, good = say(body=b'{"status": {"code": 1406}}'), say(body=b'{"status": {"code": 1200}}')
    with wire(bad, say("404 No"), say(body=b"<html>"), good) as (url, heads):
        for kind in (QueryError, ServiceRefused, AnswerError):
            with pytest.raises(kind):
                ask(url, parse=parse)
        assert ask(url, parse=parse) == ask(url, parse=parse)
    assert len(heads) == 4


def test_answers_to_a_signed_in_user_are_not_kept():
    with wire(say(body=b'{"private": 1}')) as (url, heads), signed_in("test", "key"):
        login = Login("test", url, "bearer")
        ask(url, login=login)
        ask(url, login=login)
    assert len(heads) == 2
    assert not answers_module.folder().exists()


def test_secrets_are_no_part_of_a_key():
    with wire(say(body=b"{}")) as (url, _):
        ask(url, {"api_key": "pl4nted"})
    assert not [
        path for path in answers_module.folder().rglob("*") if path.is_file() and b"pl4nted" in path.read_bytes()
    ]


@pytest.mark.parametrize(("value", "days"), [("new", -1.0), ("x" * 20_000, 1.0)], ids=["for no time", "too large"])
def test_an_answer_that_is_not_kept_removes_the_one_before(value, days):
    answers_module.store("https://archive.example/a", "old")
    answers_module.store("https://archive.example/b", "other")
    with conf.set_temp("cache_size", 10_000):
        answers_module.store("https://archive.example/a", value, days=days)
    assert answers_module.load("https://archive.example/a") is None
    assert answers_module.load("https://archive.example/b") == "other"


def test_it_stays_within_its_size():
    with wire(say(body=json.dumps("x" * 100_000).encode())) as (url, _), conf.set_temp("cache_size", 1_000_000):
        for number in range(40):
            ask(url, {"n": str(number)})
    assert sum(path.stat().st_size for path in answers_module.folder().rglob("*")) < 3_000_000


def test_nothing_is_unpickled():
    with wire(say(body=b'{"good": 1}')) as (url, heads):
        ask(url)
        with closing(sqlite3.connect(answers_module.folder() / answers_module.NAME)) as database, database:
            evil = pickle.dumps({"evil": 1})
            database.execute("UPDATE answers SET json = ?, sum = ?", (evil, zlib.crc32(evil)))
        assert ask(url) == {"good": 1}
    assert len(heads) == 2


def test_a_broken_cache_costs_no_answer():
    answers_module.folder().mkdir(parents=True)
    (answers_module.folder() / answers_module.NAME).write_bytes(b"no database" * 100)
    with wire(say(body=b"{}")) as (url, heads), pytest.warns(AstropyUserWarning, match=ASIDE) as told:
        assert ask(url) == ask(url) == {}
    assert len(heads) == len(told) == 1


def test_it_can_be_cleared():
    with wire(say(body=b"{}")) as (url, heads):
        ask(url)
        answers_module.clear()
        ask(url)
    assert len(heads) == 2


def test_http_without_tls_is_refused_before_anything_is_asked():
    with pytest.raises(QueryError, match=r"without TLS.*conf\.allow_http"):
        metadata.get("http://archive.example/", archive="Test")
    with pytest.raises(QueryError, match="must begin with https"):
        metadata.get("ftp://archive.example/", archive="Test")


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_a_folder_that_others_can_write_to_is_not_used(mode):
    answers_module.folder().mkdir()
    answers_module.folder().chmod(mode)
    with wire(say(body=b"{}")) as (url, heads), pytest.warns(AstropyUserWarning, match=r"cache.*not private") as told:
        assert ask(url) == ask(url) == {}
    assert len(heads) == 2
    assert len(told) == 1
    assert list(answers_module.folder().iterdir()) == []


def test_a_database_that_is_a_link_is_not_used(tmp_path):
    answers_module.folder().mkdir(mode=0o700)
    (tmp_path / "precious").write_text("not a database, and not to be removed")
    (answers_module.folder() / answers_module.NAME).symlink_to(tmp_path / "precious")
    with wire(say(body=b"{}")) as (url, _), pytest.warns(AstropyUserWarning, match=r"answers-1\.db.*not private"):
        assert ask(url) == {}
    assert (tmp_path / "precious").read_text().startswith("not a database")


def test_half_a_database_is_made_anew():
    with wire(say(body=b"{}")) as (url, heads):
        ask(url)
        whole = (answers_module.folder() / answers_module.NAME).read_bytes()
        for path in answers_module.folder().iterdir():
            path.unlink()
        (answers_module.folder() / answers_module.NAME).write_bytes(whole[:100] + b"\xff" * 5000)
        with pytest.warns(AstropyUserWarning, match=ASIDE) as told:
            assert [ask(url) for _ in range(3)] == [{}] * 3
    assert len(heads) == 2
    assert len(told) == 1
    aside = answers_module.folder() / f"{answers_module.NAME}.damaged"
    assert aside.read_bytes()[:100] == whole[:100]


def test_many_threads_use_it_at_once():
    with wire(say(body=b'{"a": 1}')) as (url, _), ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: ask(url, {"n": str(n % 5)}), range(40)))
    assert answers == [{"a": 1}] * 40


def test_clients_ask_for_metadata_once_and_for_data_each_time(archive):
    from sunpy.net import Fido
    from sunpy.net import attrs as a

    import sunpy_helio_plugins  # noqa: F401 - registers the clients

    query = a.Time("2026-01-10 12:00", "2026-01-10 12:02") & a.hapi.Server("cdaweb") & a.hapi.Dataset("AC_H0_MFI")
    with conf.set_temp("cache", True):
        first = Fido.search(query)[0]
        asked = {request.path.rpartition("/")[2] for request in archive.log}
        archive.log.clear()
        again = Fido.search(query)[0]
        assert archive.log == []
    assert {"capabilities", "info"} <= asked
    assert list(first["url"]) == list(again["url"])


def test_lists_and_files_are_never_stored(archive, monkeypatch):
    from sunpy.net import Fido
    from sunpy.net import attrs as a

    import sunpy_helio_plugins  # noqa: F401 - registers the clients

    stored = []
    monkeypatch.setattr(answers_module, "store", lambda url, value, days=None: stored.append(urlsplit(url).path))
    day = a.Time("2026-01-10 12:00", "2026-01-10 12:10")
    hapi = a.hapi.Server("cdaweb") & a.hapi.Dataset("AC_H0_MFI")
    files = a.imap.Version("latest") & a.Instrument("mag")
    images = a.Provider("Helioviewer") & a.Source("SDO") & a.Instrument("AIA") & a.helioviewer.Measurement("304")
    with conf.set_temp("cache", True):
        for archive_attrs in (hapi, files, images, a.her.EventType("FL")):
            Fido.search(day & archive_attrs)
    assert stored
    assert {path.rpartition("/")[2] for path in stored} <= {"capabilities", "catalog", "info"}


def test_what_is_kept_can_be_looked_at_without_asking():
    with wire(say(body=b"[1]")) as (url, heads):
        ask(url, {"id": "x"})
        assert metadata.load_cached(url, [{"id": "x"}, {"id": "y"}], archive="Test") == [[1], None]
        with conf.set_temp("cache", False):
            assert metadata.load_cached(url, [{"id": "x"}], archive="Test") == [None]
    assert len(heads) == 1


def test_a_stored_answer_that_does_not_parse_any_more_is_asked_for_anew():
    def strict(value):
        if value != 2:
            raise AnswerError("Test", "url", "an older form")
        return value * 10

    with wire(say(body=b"1"), say(body=b"2")) as (url, heads):
        assert [ask(url), ask(url, parse=strict), ask(url, parse=strict)] == [1, 20, 20]
    assert len(heads) == 2


def test_empty_results_are_returned_and_not_stored():
    with wire(say(body=b'{"catalog": []}'), say(body=b'{"catalog": [1]}')) as (url, heads):
        found = [metadata.cached_json(url, archive="Test", parse=lambda value: value["catalog"]) for _ in range(3)]
    assert found == [[], [1], [1]]
    assert len(heads) == 2


def test_what_does_not_serve_any_more_is_asked_for_anew():
    with wire(say(body=b"1"), say(body=b"2")) as (url, heads):
        assert [ask(url, serves=wanted.__le__) for wanted in (1, 1, 2, 2)] == [1, 1, 2, 2]
    assert len(heads) == 2


@pytest.mark.parametrize("problem", ["503 Down", "500 Broken"])
def test_an_outdated_answer_is_used_if_the_server_does_not_respond(monkeypatch, problem):
    now = 1_800_000_000.0
    monkeypatch.setattr(answers_module.time, "time", lambda: now)
    with wire(say(body=b"7"), say(problem)) as (url, _):
        assert ask(url) == 7
        now += 20 * 86_400
        with pytest.raises(ServiceError):
            ask(url, may_be_outdated=False)
        with pytest.warns(OutdatedAnswerWarning, match=r"The answer of 2027-01-15 08:00 UTC is used.*Test"):
            assert ask(url) == 7
        now += 20 * 86_400
        answers_module.store("https://archive.example/other", 1)
        with pytest.raises(ServiceError):
            ask(url)


def test_an_outdated_answer_does_not_replace_a_refusal(monkeypatch):
    now = 1_800_000_000.0
    monkeypatch.setattr(answers_module.time, "time", lambda: now)
    with wire(say(body=b"7"), say("404 No")) as (url, _):
        ask(url)
        now += 2 * 86_400
        with pytest.raises(ServiceRefused):
            ask(url)


def test_offline_no_request_is_sent():
    with wire(say(body=b"7"), say(body=b"8")) as (url, heads):
        assert ask(url) == 7
        with conf.set_temp("offline", True):
            assert ask(url) == 7
            with pytest.raises(ServiceUnreachable, match=r"no request was sent, since conf\.offline is set"):
                ask(url, {"id": "x"})
    assert len(heads) == 1


@pytest.mark.parametrize(("setting", "days", "lifetime"), [(1.0, None, 1.0), (3.0, None, 3.0), (3.0, 0.5, 0.5)])
def test_an_answer_is_kept_exactly_as_long_as_set(monkeypatch, setting, days, lifetime):
    now = 1_800_000_000.0
    monkeypatch.setattr(answers_module.time, "time", lambda: now)
    with wire(say(body=b"1"), say(body=b"2")) as (url, heads), conf.set_temp("cache_days", setting):
        ask(url, days=days)
        now += 86_400 * lifetime - 1
        assert ask(url, days=days) == 1
        now += 2
        assert ask(url, days=days) == 2
    assert len(heads) == 2
