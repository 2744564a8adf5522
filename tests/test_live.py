"""Test the script that asks the real archives, with the embedded one; with ``--remote-data``, its questions."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from sunpy_helio_plugins.errors import ServiceUnreachable

ROOT = Path(__file__).parents[1]

spec = importlib.util.spec_from_file_location("live", ROOT / "tools" / "live.py")
live = importlib.util.module_from_spec(spec)
sys.modules["live"] = live  # for its dataclasses
spec.loader.exec_module(live)

DAY = "2026-03-01"
"""A day for which all real archives have data."""

BY_NAME = {one.name: one for one in live.QUESTIONS}
ANSWERED = {name for name in BY_NAME if name != "helioviewer_images"}
"""Questions whose test takes less than a second."""


@pytest.mark.remote_data
@pytest.mark.parametrize("name", BY_NAME)
def test_the_real_archive_answers_as_the_embedded_one(name, tmp_path):
    assert live.asked(BY_NAME[name], DAY, tmp_path).error == ""


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize("name", sorted(ANSWERED))
def test_the_embedded_archive_answers(name, tmp_path):
    made = live.asked(BY_NAME[name], live.SANDBOX_DAY, tmp_path)
    assert (made.error, made.facts["problems"]) == ("", [])
    assert made.facts["rows"] > 0


def test_a_run_keeps_a_report_and_answers_without_secrets(archive, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("IMAP_API_KEY", "sandbox-imap-key")
    outcomes = live.run(tmp_path, live.SANDBOX_DAY, [BY_NAME["imap_files"], BY_NAME["her_flares"]])
    assert [(one.error, one.differences) for one in outcomes] == [("", []), ("", [])]
    assert "| her_flares | as expected | 12 |" in (tmp_path / "report.md").read_text()
    assert [one["name"] for one in json.loads((tmp_path / "report.json").read_text())] == ["imap_files", "her_flares"]
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"sandbox-imap-key" not in written
    assert "removed" not in capsys.readouterr().out


def test_the_answers_serve_later_searches(archive, tmp_path):
    with live.recorded(tmp_path / "answers"):
        first = live.asked(BY_NAME["her_flares"], live.SANDBOX_DAY, tmp_path)
    archive.log.clear()
    with live.replayed(tmp_path / "answers"):
        second = live.asked(BY_NAME["her_flares"], live.SANDBOX_DAY, tmp_path)
        other = live.asked(BY_NAME["hapi_catalog"], live.SANDBOX_DAY, tmp_path)
    assert second.facts == first.facts
    assert archive.log == []
    assert "this request was not recorded" in other.error


@pytest.mark.usefixtures("archive")
def test_headers_that_tell_who_asked_are_not_kept(tmp_path):
    with live.recorded(tmp_path):
        live.asked(BY_NAME["her_flares"], live.SANDBOX_DAY, tmp_path / "files")
    heads = [json.loads(path.read_text()) for path in tmp_path.glob("*.json")]
    assert {key for head in heads for key in head["headers"]} <= set(live.KEPT_HEADERS)


def test_a_failed_question_is_reported_and_does_not_end_the_run(archive, tmp_path):
    archive.fault("status", status=500, path="/hek")
    outcomes = live.run(tmp_path, live.SANDBOX_DAY, [BY_NAME["her_flares"], BY_NAME["hapi_catalog"]])
    archive.faults.clear()
    assert outcomes[0].error.startswith("ServerError: ")
    assert outcomes[1].error == ""
    assert "| her_flares | failed |" in (tmp_path / "report.md").read_text()


def test_files_with_a_secret_are_removed(tmp_path):
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers" / "one").write_bytes(b"..secret-text..")
    (tmp_path / "answers" / "two").write_bytes(b"other text")
    assert live.cleaned(tmp_path, ["secret-text"]) == ["answers/one"]
    assert [path.name for path in (tmp_path / "answers").iterdir()] == ["two"]


def test_differences_are_those_of_the_shape():
    real = {"rows": 5, "columns": {"a": "nT", "b": ""}, "problems": ["one"]}
    embedded = {"rows": 2, "columns": {"a": "T", "b": ""}, "problems": []}
    assert list(live.compared(real, embedded)) == ["columns.a: 'nT', and 'T' in the embedded archive"]


@pytest.mark.usefixtures("archive")
def test_requests_with_a_body_are_not_kept(tmp_path):
    """They sign in, and their answers are tokens."""
    from sunpy_helio_plugins.transport.exchange import Exchange

    with live.recorded(tmp_path), pytest.raises(ServiceUnreachable):
        Exchange("a", "http://127.0.0.1:1/", method="POST", content={"data": {"a": "b"}}, retries=0).run()
    assert list(tmp_path.iterdir()) == []
