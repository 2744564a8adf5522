"""Hours of waiting in a second: clock, sleep and network are stubs, and one seed replays all."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest
from hostile import Request
from journeys import JOURNEYS, searched
from sunpy.net import attrs as a
from virtual import BEHAVIOURS, world

import sunpy_helio_plugins as shp
from sunpy_helio_plugins import hapi
from sunpy_helio_plugins.errors import HelioPluginsError

MONTH = a.Time("2026-01-01", "2026-01-31T23:00")

QUESTIONS: dict[str, Any] = {
    "hapi": searched(shp.HAPIClient, lambda: (MONTH, a.hapi.Dataset("*"), a.hapi.Server("csv"))),
    "imap": searched(shp.IMAPClient, lambda: (MONTH, a.imap.File(), a.Instrument("mag"), a.Level("l2"))),
    "helioviewer": searched(shp.HelioviewerClient, lambda: (MONTH, a.helioviewer.SourceID(13))),
    "her": searched(shp.HERClient, lambda: (MONTH, a.her.Event())),
}

SILENT = sorted(set(BEHAVIOURS) - {"right", "slow"})


def outcome(ask: Any) -> Any:
    """Return the result and the problems, or the error, of a question."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ask(Path())
        except HelioPluginsError as error:
            return error


@pytest.mark.parametrize("behaviour", SILENT)
@pytest.mark.parametrize("name", QUESTIONS)
def test_an_archive_that_never_answers_costs_one_deadline_and_one_error(name: str, behaviour: str) -> None:
    with world(behaviour) as found:
        error = outcome(QUESTIONS[name])
    assert isinstance(error, HelioPluginsError)
    assert "127.0.0.1:9" in str(error)
    assert len(str(error)) <= 4000
    # The deadline of a search, and one answer that had begun before it.
    assert found.seconds < 600 + 75
    # Helioviewer has four lists of its images, and a page for each day.
    assert len(found.log) <= 150


OTHERS = sorted(name for name in JOURNEYS if not name.endswith((".search", "fetch", "fetch binary", "sync", "index")))
"""Journeys beyond a search; downloads of files use another library, whose network is not a stub."""


@pytest.mark.parametrize("behaviour", SILENT)
@pytest.mark.parametrize("name", OTHERS)
def test_every_other_call_ends_with_one_error_too(name: str, behaviour: str, tmp_path: Path) -> None:
    with world(behaviour) as found:
        try:
            _, said = JOURNEYS[name].run(tmp_path)
        except HelioPluginsError as error:
            said = (str(error),)
    assert len(said) == 1
    assert len(said[0]) <= 4000
    assert found.seconds < 600 + 75
    assert 1 <= len(found.log) <= 20


@pytest.mark.parametrize("behaviour", SILENT)
def test_a_load_of_a_hundred_pieces_ends_after_two_that_fail_alike(behaviour: str) -> None:
    def behave(request: Request, number: int) -> str:
        return behaviour if "/data" in request.target else "right"

    with world(behave) as found, pytest.raises(HelioPluginsError):
        hapi.load("csv", "MAG", "2026-01-02", "2026-01-30", chunk=6 * u.h)
    assert found.seconds < 600 + 75
    assert sum("/data" in url for _, _, url in found.log) <= 8


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_slow_archive_is_bounded_by_the_deadline(name: str) -> None:
    with world("slow") as found:
        outcome(QUESTIONS[name])
    assert found.seconds < 600 + 75


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(
    "name", ["hapi.search pattern", "imap.search", "helioviewer.search", "her.search pages", "imap.realtime"]
)
def test_a_seed_replays_everything(name: str, seed: int) -> None:
    runs = []
    for _ in range(2):
        with world(seed) as found:
            one = outcome(JOURNEYS[name].run)
        runs.append((found.log, str(one)))
        assert found.seconds < 600 + 75
    assert runs[0] == runs[1]


@pytest.mark.parametrize("seed", range(20))
def test_what_an_uncertain_archive_gives_is_right_or_said(seed: int) -> None:
    name = list(QUESTIONS)[seed % 4]
    with world("right"):
        right = outcome(QUESTIONS[name])
    with world(seed) as found:
        one = outcome(QUESTIONS[name])
    if isinstance(one, HelioPluginsError):
        assert "127.0.0.1:9" in str(one)
        return
    rows = [[row[2:] for row in result[0][3]] for result in (one, right)]
    if one[1] == right[1]:
        assert len(rows[0]) == len(rows[1]), found.log
    else:
        assert len(rows[0]) <= len(rows[1])
