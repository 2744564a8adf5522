"""Test functions other than searches: counts of values, recent submissions, and attrs for other archives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import HERClient, her
from sunpy_helio_plugins.errors import AnswerError, IncompleteAnswerWarning, QueryError

DAY = a.Time("2026-01-10", "2026-01-10T23:59")


def test_values_are_counted_for_each_type_and_missing_ones_are_masked(archive: Any) -> None:
    table = her.values(a.her.area_raw, DAY, event_type="CH,FL")
    assert table["event_type"].tolist() == ["FL", "CH", "CH", "CH"]
    assert table["count"].tolist() == [12, 6, 6, 6]
    assert table["value"].mask.tolist() == [True, False, False, False]
    assert {request.query["return"] for request in archive.log} == {"area_raw,event_type,kb_archivid"}


@pytest.mark.parametrize("event_type", ["ar", a.her.AR, "ActiveRegion"])
def test_a_type_of_which_values_are_counted_may_be_written_in_any_way(archive: Any, event_type: Any) -> None:
    table = her.values("AR_NOAANum", DAY, event_type=event_type)
    assert sorted(table["value"]) == ["14331", "14334", "14336"]


def test_all_types_are_counted_by_default_and_on_request(archive: Any) -> None:
    every = her.values(a.her.frm_name, DAY)
    assert np.all(every["count"] == her.values(a.her.frm_name, DAY, event_type="all")["count"])
    assert set(every["event_type"]) == {"CH", "FL", "CE", "AR"}


def test_values_of_what_the_registry_does_not_have() -> None:
    with pytest.raises(QueryError, match="did you mean area_raw"):
        her.values("area_rw", DAY)
    with pytest.raises(QueryError, match="not have an event type 'XX'"):
        her.values(a.her.frm_name, DAY, event_type="XX")
    with pytest.raises(QueryError, match=r"a\.Time"):
        her.values(a.her.frm_name, event_type="AR")


def test_values_counted_from_some_of_the_pages_are_said_to_be(scripted: Any) -> None:
    scripted.say({"result": [{"kb_archivid": "a", "event_type": "FL", "frm_name": "x"}], "overmax": True}, b"503")
    with pytest.warns(IncompleteAnswerWarning, match="missing"):
        table = her.values(a.her.frm_name, DAY)
    assert table["count"].tolist() == [1]


def test_recent_submissions_are_those_of_people(archive: Any) -> None:
    recent = her.recent()
    assert recent[0].startswith("ivo://helio-informatics.org/AR_NOAASWPCObserver_20260113")
    assert len(recent) == len(set(recent)) == 15


def test_a_page_that_is_cut_is_an_error(scripted: Any) -> None:
    page = b"<html><body><table><tr><td>ivo://helio-informatics.org/A</td></tr></table></body></html>"
    for length in (len(page) - 1, len(page) - 20, 70):
        scripted.say(page[:length])
        with pytest.raises(AnswerError, match=f"the page is cut: it ends after {length} bytes"):
            her.recent()
    scripted.say(page)
    assert her.recent() == ["ivo://helio-informatics.org/A"]


def test_names_in_links_are_read_as_names_in_text_are(scripted: Any) -> None:
    scripted.say(
        b"<html><a href='/hek/her?cmd=view-voevent&amp;ivorn=ivo%3A%2F%2Fhelio-informatics.org%2FA&amp;rev=2'>A</a>"
        b"<p>ivo://helio-informatics.org/B</p>ivo://helio-informatics.org/A</html>"
    )
    assert her.recent() == ["ivo://helio-informatics.org/A", "ivo://helio-informatics.org/B"]


def test_rows_lead_to_their_pages_and_tables_do_not(archive: Any) -> None:
    holes = her.HERClient().search(DAY, a.her.CH)
    assert her.summary_url(holes[0]).endswith(f"ivorn={holes['kb_archivid'][0]}")
    with pytest.raises(QueryError, match="one row"):
        her.summary_url(holes)
    with pytest.raises(QueryError, match="one event"):
        her.to_attrs(holes)


def test_an_event_that_is_not_over_is_searched_for_when_it_begins() -> None:
    records = [
        {"kb_archivid": "ivo://a", "event_type": "FL", "event_starttime": "2026-01-10T01:00:00", "event_endtime": None},
        {"kb_archivid": "ivo://b", "event_type": "FL", "event_starttime": None, "event_endtime": None},
    ]
    table = her.HERTable.from_records(records)
    words = her.to_attrs(table[0])
    assert (words.start.isot, words.end.isot) == ("2026-01-10T01:00:00.000",) * 2
    with pytest.raises(QueryError, match="not have a start time"):
        her.to_attrs(table[1])


@pytest.mark.parametrize("end", ["2026-01-10T02:00:00", "2026-01-10T00:30:00"], ids=["after", "before its start"])
def test_the_time_of_an_event_is_at_least_its_start(end: str) -> None:
    record = {"event_type": "FL", "event_starttime": "2026-01-10T01:00:00", "event_endtime": end}
    (row,) = her.HERTable.from_records([record])
    last = max(end, "2026-01-10T01:00:00")
    assert her.to_attrs(row).end.isot[:19] == last
    assert her.to_attrs(row, before=-0 * u.s, after=1 * u.h).start.isot[:19] == "2026-01-10T01:00:00"
    with pytest.raises(QueryError, match=rf"end at {last}\.000, before its start"):
        her.to_attrs(row, before=-1 * u.day)


def test_an_event_finds_the_pictures_in_which_it_was_seen(archive: Any) -> None:
    from sunpy.net import Fido

    hole = her.HERClient().search(DAY, a.her.CH)[0]
    pictures = Fido.search(her.to_attrs(hole), a.helioviewer.Image())["helioviewer"]
    assert set(pictures["Instrument"]) == {"AIA"}
    assert set(pictures["Wavelength"].to_value("AA")) == {193.0}


@pytest.mark.parametrize("rev", [0, -1, True, "2", 1.0])
def test_a_revision_that_is_no_number_is_refused_before_a_document_is_asked_for(
    archive: Any, tmp_path: Path, rev: Any
) -> None:
    found = HERClient().search(a.Time("2026-01-10", "2026-01-10T23:59"), a.her.FL)[:1]
    archive.log.clear()
    with pytest.raises(QueryError, match="rev must be the number of a revision, an integer of at least 1, not"):
        Fido.fetch(found, path=tmp_path / "{file}", rev=rev)
    assert archive.log == []
