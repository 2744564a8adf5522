"""The log of every journey: one line for each request, and no secret."""

from __future__ import annotations

import logging

import pytest
from answers import SECRET
from faults import FAULTS
from journeys import JOURNEYS
from matrix import Matrix, Run, patient

SIGNING_IN = ("swe.load", "imap.upload", "her.rate")
"""The journeys that send a secret."""


def lines(run: Run) -> list[str]:
    """Return the lines about requests."""
    return [one.getMessage() for one in run.logged if one.levelno == logging.DEBUG and " in " in one.getMessage()]


@pytest.mark.parametrize("name", JOURNEYS)
def test_every_request_of_a_journey_is_one_line_without_a_secret(
    name: str, faults_and_journeys: Matrix, tmp_path
) -> None:
    server = faults_and_journeys.server
    server.set(None, broken=JOURNEYS[name].broken)
    with patient():
        run = faults_and_journeys.run(JOURNEYS[name], tmp_path / "folder")
    assert run.error is None
    assert len(lines(run)) == len(server.log) > 0
    assert faults_and_journeys.leaked(run, tmp_path) == ""


@pytest.mark.parametrize("fault", ["status 401 Unauthorized", "closed in the body", "503 Busy, Retry-After '0.01'"])
@pytest.mark.parametrize("name", SIGNING_IN)
def test_no_line_has_a_secret_when_a_journey_fails(
    name: str, fault: str, faults_and_journeys: Matrix, tmp_path
) -> None:
    for number, stage in enumerate(JOURNEYS[name].stages):
        faults_and_journeys.server.set(FAULTS[fault], stage)
        run = faults_and_journeys.run(JOURNEYS[name], tmp_path / str(number))
        assert lines(run)
        assert faults_and_journeys.leaked(run, tmp_path) == ""


def test_a_secret_in_the_log_would_be_found(faults_and_journeys: Matrix, tmp_path) -> None:
    record = logging.LogRecord("sunpy_helio_plugins", logging.DEBUG, __file__, 1, "GET /%s", (SECRET,), None)
    assert "in a text" in faults_and_journeys.leaked(Run(logged=(record,)), tmp_path)
