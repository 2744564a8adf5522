"""Test the demonstration that is described in the README."""

from __future__ import annotations

import contextlib

import pytest
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import demo, sandbox
from sunpy_helio_plugins.errors import ServiceUnreachable


def test_the_demonstration_searches_fetches_prints_and_draws(tmp_path, capsys):
    demo.main([str(tmp_path)])
    said = capsys.readouterr().out
    for client in ("HAPIClient", "IMAPClient", "HelioviewerClient", "HERClient"):
        assert f"Results from the {client}" in said
    for reader in ("QTable.read(", "TimeSeries(", "imap.read(", "Map("):
        assert f"=== {reader}" in said
    assert "could not be shown" not in said
    assert "3 coronal holes and 12 reports of flares" in said
    for figure in ("solar-wind.png", "sun-with-events.png"):
        assert (tmp_path / figure).stat().st_size > 20_000
    assert {path.suffix for path in (tmp_path / "data").iterdir()} == {".hapi", ".cdf", ".jp2", ".xml"}


@pytest.mark.parametrize("dead", ["/hapi", "/imap", "/helioviewer", "/hek"])
def test_one_dead_archive_does_not_end_it(archive, tmp_path, capsys, monkeypatch, dead):
    monkeypatch.setattr(demo, "_archives", lambda live: contextlib.nullcontext())
    with archive.fault("status", status=500, path=dead):
        demo.main([str(tmp_path)])
    said = capsys.readouterr().out
    shown = {"/hapi": "QTable.read(", "/imap": "imap.read(", "/helioviewer": "Map("}
    for path, reader in shown.items():
        assert (f"=== {reader}" in said) == (path != dead)
    assert "500" in said
    assert "Done in" in said


def test_nor_do_files_that_do_not_arrive(archive, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(demo, "_archives", lambda live: contextlib.nullcontext())
    with archive.fault("status", status=404, path="/imap/download"):
        demo.main([str(tmp_path)])
    said = capsys.readouterr().out
    assert "IMAP could not be shown: no file was downloaded." in said
    assert "=== Map(" in said


def test_the_real_archives_are_used_on_request(capsys, monkeypatch):
    def fail():
        raise AssertionError

    monkeypatch.setattr(sandbox, "serve", fail)
    with demo._archives(live=True):
        assert capsys.readouterr().out == "Using the real archives.\n"


def test_a_search_that_fails_is_told_and_has_no_results(capsys, monkeypatch):
    """sunpy 7 raises the error of an archive, and sunpy 8 returns a response with it."""

    def fail(*query):
        raise ServiceUnreachable("HER", "https://archive.example/", "it does not answer")

    monkeypatch.setattr(Fido, "search", fail)
    assert demo._search("HER", a.Time("2026-01-10", "2026-01-11") & a.her.CH) is False
    assert "it does not answer" in capsys.readouterr().out
