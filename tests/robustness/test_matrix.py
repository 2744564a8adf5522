"""
A sample of the fault matrix: every journey through some faults of a hostile server.

``python tools/robustness.py matrix`` runs all of them; the figures are in ``docs/dev/robustness.rst``.
"""

from __future__ import annotations

import pytest
from faults import FAULTS
from journeys import JOURNEYS
from matrix import BAD, Case, Matrix, cases, unfindable

SLOW = {name for name, fault in FAULTS.items() if fault.family == "slow"}


def chosen(name: str) -> list[Case]:
    """Return some cases of a journey, the same in every run; slow faults cost seconds, so that few are in."""
    found = [case for case in cases([name]) if case.fault not in SLOW]
    slow = [case for case in cases([name]) if case.fault in SLOW]
    step = max(len(found) // 10, 1)
    return found[JOURNEYS_BY_NUMBER[name] % step :: step] + slow[JOURNEYS_BY_NUMBER[name] % 16 :: 16][:1]


JOURNEYS_BY_NUMBER = {name: number for number, name in enumerate(JOURNEYS)}


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", JOURNEYS)
def test_a_journey_through_faults_has_the_same_result_or_says_what_is_wrong(
    name: str, faults_and_journeys: Matrix
) -> None:
    outcomes = [(case, faults_and_journeys.check(case)) for case in chosen(name)]
    bad = [f"{one.verdict}: {case}\n{one.text}" for case, one in outcomes if one.verdict in BAD]
    assert not bad, "\n".join(bad)
    assert sum(one.verdict == "not reached" for _, one in outcomes) == 0


@pytest.mark.parametrize("name", JOURNEYS)
def test_a_journey_without_a_fault_has_a_result_and_no_problem(name: str, faults_and_journeys: Matrix) -> None:
    right = faults_and_journeys.right_of(name)
    assert right.result
    assert not right.strays
    assert not right.said or JOURNEYS[name].broken


def test_every_stage_is_met_by_a_journey() -> None:
    from answers import ROUTES

    met = {stage for journey in JOURNEYS.values() for stage in journey.stages}
    unmet = {route.stage for route in ROUTES} - met
    # The same address of other formats, and of a server that needs a token.
    others = ("hapi-binary.", "hapi-json.", "swe.", "helioviewer.catalog")
    assert {stage for stage in unmet if not stage.startswith(others)} == set()


def test_few_faults_cannot_be_found() -> None:
    every = cases()
    hidden = [case for case in every if unfindable(case)]
    assert len(every) > 15_000
    assert len([case for case in hidden if FAULTS[case.fault].is_visible]) < len(every) / 50


LINES = {
    "cut in the header": b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n",
    "only a status line": b"HTTP/1.1 200 OK\r\n",
}


@pytest.mark.parametrize("answer", LINES.values(), ids=LINES)
def test_an_answer_that_ends_in_its_header_is_not_an_empty_one(answer: bytes) -> None:
    from hostile import Fault, hostile

    from sunpy_helio_plugins import conf
    from sunpy_helio_plugins.errors import ServiceUnreachable
    from sunpy_helio_plugins.transport import metadata

    fault = Fault("", lambda connection, *_: connection.sendall(answer))
    from answers import ROUTES

    with hostile(ROUTES) as server, conf.set_temp("retries", 0):
        server.set(fault, "imap.query")
        with pytest.raises(ServiceUnreachable, match=r"closed the connection|in the header|was lost|reset"):
            metadata.get(f"{server.url}/imap/query", archive="Test")


def test_an_interim_response_is_not_taken_for_the_answer() -> None:
    from answers import ROUTES
    from hostile import hostile

    from sunpy_helio_plugins.errors import AnswerError
    from sunpy_helio_plugins.transport import metadata

    with hostile(ROUTES) as server:
        server.set(FAULTS["300 early hints"], "imap.query")
        with pytest.raises(AnswerError, match="interim"):
            metadata.get(f"{server.url}/imap/query", archive="Test")
        server.set(None)
        assert metadata.get(f"{server.url}/imap/query", archive="Test").json()
