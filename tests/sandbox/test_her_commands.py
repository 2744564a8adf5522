"""The embedded registry's containment search, documents of single events, and commands for signed-in users."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest
import requests
from sunpy.net import attrs as a
from sunpy.net.hek import HEKClient

CONTAINED = {
    "cosec": "2", "cmd": "search", "type": "contains", "event_type1": "fl", "event_type2": "ch",
    "event_starttime": "2026-01-01T00:00:00", "event_endtime": "2026-01-31T00:00:00",
}  # fmt: skip
FLARE = "ivo://helio-informatics.org/FL_SSWLatestEvents_gev_20260110_0118"
ACCOUNT = {"cmd": "login", "username": "observer", "password": "corona", "cosec": "1"}


@pytest.fixture
def her(archive: Any) -> str:
    return f"{archive.url}/hek/her"


def test_containment_brings_both_types_and_who_contains_whom(her: str) -> None:
    answer = requests.get(her, params=CONTAINED | {"event_type1": "ar", "event_type2": "ar"}, timeout=10).json()
    assert {event["event_type"] for event in answer["result"]} == {"AR"}
    assert {edge["edge_type"] for edge in answer["association"]} == {"contains"}
    flares = requests.get(her, params=CONTAINED | {"event_type2": "ar"}, timeout=10).json()
    kinds = {(edge["first_event_type"], edge["second_event_type"]) for edge in flares["association"]}
    assert kinds == {("AR", "FL")}
    names = {event["kb_archivid"] for event in flares["result"]}
    assert {edge[key] for edge in flares["association"] for key in ("first_ivorn", "second_ivorn")} == names


def test_containment_needs_two_types(her: str) -> None:
    assert "missing" in requests.get(her, params=CONTAINED | {"event_type2": ""}, timeout=10).text


@pytest.mark.filterwarnings("ignore::astropy.units.UnitsWarning")
def test_sunpys_client_reads_the_document_of_an_event(her: str) -> None:
    day = a.Time("2026-01-10T00:00", "2026-01-10T02:00")
    table = HEKClient(url=f"{her}?").search(day, a.hek.FL, a.hek.FRM.Name == "SSW Latest Events")
    document = table[0].get_voevent(base_url=f"{her}?")["voe:VOEvent"]
    assert document["Who"]["AuthorIVORN"] == FLARE
    assert document["Why"]["Concept"] == "Flare"


def test_earlier_revisions_are_kept(her: str) -> None:
    def document(**more: str) -> ET.Element | None:
        answer = requests.get(her, params={"cmd": "export-voevent", "cosec": "1", "ivorn": FLARE} | more, timeout=10)
        return None if answer.text.startswith("<html>") else ET.fromstring(answer.content)

    def revision(root: Any) -> str:
        return next(param.get("value") for param in root.iter("Param") if param.get("name") == "REVISION")

    assert (revision(document()), revision(document(rev="3"))) == ("7", "3")
    assert document(rev="8") is None


def test_pages_for_people(her: str) -> None:
    assert FLARE in requests.get(her, params={"cmd": "view-voevent", "ivorn": FLARE}, timeout=10).text
    assert "AR_NOAASWPCObserver" in requests.get(her, params={"cmd": "home"}, timeout=10).text
    assert "no event" in requests.get(her, params={"cmd": "view-voevent", "ivorn": "x"}, timeout=10).text


def test_only_signed_in_users_submit(her: str) -> None:
    session = requests.Session()
    rate = {"cmd": "rate", "ivorn": FLARE, "rating": "0.5", "cosec": "2"}
    assert session.post(f"{her}/heks", data=rate, timeout=10).json() == {"status": "permission denied"}
    assert "login failure" in session.post(f"{her}/heks", data=ACCOUNT | {"password": "x"}, timeout=10).text
    assert "login success" in session.post(f"{her}/heks", data=ACCOUNT | {"cosec": "2"}, timeout=10).text
    assert not session.cookies
    assert "login success" in session.post(f"{her}/heks", data=ACCOUNT, timeout=10).text
    assert session.post(f"{her}/heks", data=rate, timeout=10).json()["status"] == "success"
    assert session.post(f"{her}/heks", data=rate | {"rating": "1.5"}, timeout=10).json()["status"] == "error"
    assert session.get(f"{her}/heks", params=rate, timeout=10).json()["status"] == "permission denied"
    assert session.post(f"{her}/heks", data={"cmd": "x"}, timeout=10).text.startswith("<html>")


def test_comments_are_read_by_anyone(her: str) -> None:
    ask = {"cmd": "comment", "ivorn": FLARE, "cosec": "2"}
    session = requests.Session()
    session.post(f"{her}/heks", data=ACCOUNT, timeout=10)
    session.post(f"{her}/heks", data=ask | {"comment": "a fine flare"}, timeout=10)
    comments = requests.post(f"{her}/heks", data=ask, timeout=10).json()["comments"]
    assert comments[-1]["comment"] == "a fine flare"


def test_documents_are_taken_and_revised(her: str) -> None:
    session = requests.Session()
    xml = requests.get(her, params={"cmd": "export-voevent", "ivorn": FLARE}, timeout=10).content
    assert session.post(f"{her}/voeupload", files={"uploadedFile": xml}, timeout=10).text == "permission denied"
    session.post(f"{her}/heks", data=ACCOUNT, timeout=10)
    assert session.post(f"{her}/voeupload", files={"uploadedFile": xml}, timeout=10).text == "Successfully imported XML"
    assert "parsed" in session.post(f"{her}/voeupload", files={"uploadedFile": b"<x"}, timeout=10).text
    assert "matches no" in session.post(f"{her}/voerevise", files={"uploadedFile": b"<x ivorn='y'/>"}, timeout=10).text
    assert "uploadedFile" in session.post(f"{her}/voeupload", data={"a": "b"}, timeout=10).text
