"""Test VOEvent documents, pages about events, and submissions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import conf, her
from sunpy_helio_plugins.errors import FileError, QueryError, ServiceError, ServiceRefused
from sunpy_helio_plugins.her import explore as her_explore
from sunpy_helio_plugins.her.submit import voevent
from sunpy_helio_plugins.her.submit.registry import fraction
from sunpy_helio_plugins.transport.credentials import signed_in

DAY = a.Time("2026-01-10", "2026-01-10T23:59")
FLARE = "ivo://helio-informatics.org/FL_SSWLatestEvents_gev_20260110_0118"
OTHER = "ivo://helio-informatics.org/FL_SSWLatestEvents_gev_20260110_0603"


@pytest.fixture
def holes(archive: Any) -> her.HERTable:
    return her.HERClient().search(DAY, a.her.CH, a.her.Limit(3))


def test_fido_fetches_the_document_of_each_event(holes: her.HERTable, archive: Any, tmp_path: Path) -> None:
    files = Fido.fetch(holes, path=tmp_path, progress=False)
    assert len(files) == 3
    event = voevent.read(files[0])
    assert event.ivorn in set(holes["kb_archivid"])
    assert event.event_type == "CH"
    flare = her.HERClient().search(DAY, a.her.Supplier("SSW Latest Events"), a.her.Limit(1))
    (old,) = Fido.fetch(flare, path=tmp_path, progress=False, rev=3)
    assert voevent.read(old).values["revision"] == "3"
    assert Path(old).name == "FL_SSWLatestEvents_gev_20260110_0118.rev3.xml"


def test_a_page_of_html_is_no_document(holes: her.HERTable, tmp_path: Path) -> None:
    files = Fido.fetch(holes[:1], path=tmp_path, progress=False, rev=99)
    assert len(files) == 0
    assert "no revision 99" in str(files.errors[0])
    assert list(tmp_path.iterdir()) == []


def test_the_document_of_another_event_is_not_kept(
    holes: her.HERTable, archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The registry may answer from a cache of its own."""
    url = her.voevent_url(OTHER)
    monkeypatch.setattr(her_explore, "voevent_urls", lambda ivorns, rev, server: iter([url for _ in ivorns]))
    results = Fido.fetch(holes[:1], path=tmp_path, progress=False)
    assert list(results) == []
    ivorn = holes["kb_archivid"][0]
    words = f"The document of {ivorn} was requested, but the registry sent that of {OTHER}."
    assert words in str(results.errors[0].exception)
    assert list(tmp_path.iterdir()) == []


def test_another_revision_is_not_kept(archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flare = her.HERClient().search(DAY, a.her.Supplier("SSW Latest Events"), a.her.Limit(1))
    url = her.voevent_url(flare[0], 2)
    monkeypatch.setattr(her_explore, "voevent_urls", lambda ivorns, rev, server: iter([url]))
    results = Fido.fetch(flare, path=tmp_path, progress=False, rev=3)
    assert "The revision 3 of" in str(results.errors[0].exception)
    assert "sent the revision 2" in str(results.errors[0].exception)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_or_older_document_is_replaced(archive: Any, tmp_path: Path) -> None:
    flare = her.HERClient().search(DAY, a.her.Supplier("SSW Latest Events"), a.her.Limit(1))
    (path,) = map(Path, Fido.fetch(flare, path=tmp_path, progress=False))
    whole = path.read_bytes()
    older = Path(Fido.fetch(flare, path=tmp_path, progress=False, rev=1)[0]).read_bytes()
    other = voevent.read(Fido.fetch(her.HERClient().search(DAY, a.her.CH, a.her.Limit(1)), path=tmp_path)[0])
    assert other.ivorn != voevent.read(path).ivorn
    damaged = {
        "empty": b"", "cut": whole[:-20], "a page": b"<html><body>Error</body></html>", "twice": whole * 2,
        "older": older, "other": whole.replace(b"gev_20260110_0118", b"gev_20260110_0119"),
    }  # fmt: skip
    for kind, content in damaged.items():
        path.write_bytes(content)
        assert list(map(Path, Fido.fetch(flare, path=tmp_path, progress=False))) == [path]
        assert path.read_bytes() == whole, kind
    archive.log.clear()
    Fido.fetch(flare, path=tmp_path, progress=False)
    assert archive.log == []


def test_a_row_becomes_a_document_and_back(holes: her.HERTable, tmp_path: Path) -> None:
    event = voevent.from_row(holes[0])
    event.values.setdefault("obs_title", "AIA 193")
    for name in event.missing():
        event.values[name] = "0"
    voevent.write(event, tmp_path / "hole.xml")
    back = voevent.read(tmp_path / "hole.xml")
    again = her.HERTable.from_records([back.record()])
    assert (again["hpc_boundcc"][0].vertices == holes["hpc_boundcc"][0].vertices).all()
    assert again["area_atdiskcenter"][0] == holes["area_atdiskcenter"][0]
    assert again["event_endtime"][0] == holes["event_endtime"][0]
    assert again["boundbox_c1ll"][0] == pytest.approx(holes["boundbox_c1ll"][0])
    assert back.references == event.references
    changed = {name for name in event.values if back.values.get(name) != event.values[name]}
    assert changed <= {"boundbox_c1ll", "boundbox_c1ur", "boundbox_c2ll", "boundbox_c2ur"}


def test_what_the_registry_would_refuse_is_not_written(tmp_path: Path) -> None:
    event = voevent.VOEvent(FLARE, "FL", {"frm_name": "x"})
    with pytest.raises(FileError, match=r"lacks .*event_starttime"):
        voevent.write(event, tmp_path / "x.xml")
    assert not (tmp_path / "x.xml").exists()
    assert "fl_" not in " ".join(voevent.VOEvent(FLARE, "CH", {}).missing())
    with pytest.raises(FileError, match="not an event type"):
        voevent.VOEvent(FLARE, "XX").check()


BOMB = b'<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><VOEvent><What>&c;</What></VOEvent>'


@pytest.mark.parametrize("content", [b"", b"<x/>", b"<VOEvent>", BOMB, b"\xff\xfe<", b"<html><p>no</p></html>"])
def test_other_documents_are_refused(content: bytes) -> None:
    with pytest.raises(FileError):
        voevent.read(content)


def test_a_document_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voevent, "MOST", 10)
    with pytest.raises(FileError, match="bytes"):
        voevent.read(b"<VOEvent></VOEvent>")


def test_addresses_of_pages() -> None:
    assert her.summary_url(FLARE) == f"https://www.lmsal.com/hek/her?cmd=view-voevent&ivorn={FLARE}"
    assert her.voevent_url(FLARE) == f"https://www.lmsal.com/hek/her?cmd=export-voevent&cosec=1&ivorn={FLARE}"
    assert her.voevent_url(FLARE, rev=3).endswith("&rev=3")
    assert her.summary_url(FLARE, rev=3).endswith("&rev=3")
    assert her.recent_url() == "https://www.lmsal.com/hek/her?cmd=home"
    shown = her.isolsearch_url(a.Time("2003-10-01", "2003-11-01"), a.her.AR)
    query = "https%3A%2F%2Fwww.lmsal.com%2Fhek%2Fher%3Fcosec%3D"
    assert shown.startswith(f"https://www.lmsal.com/isolsearch?hek_query={query}")
    with pytest.raises(QueryError, match="takes 2"):
        her.isolsearch_url(DAY, a.her.frm_name.isin(["a", "b"]))
    for wrong in ("x", None, 3):
        with pytest.raises(QueryError, match="IVORN"):
            her.summary_url(wrong)
    with pytest.raises(QueryError, match="integer of at least 1 or None as rev"):
        her.summary_url(FLARE, rev=0)


def test_recent_submissions_and_values_that_keywords_have(archive: Any) -> None:
    assert her.recent()[0].startswith("ivo://helio-informatics.org/AR_NOAASWPCObserver")
    table = her.values(a.her.frm_name, DAY, a.her.FL | a.her.CH)
    assert [tuple(row) for row in table] == [
        ("CH", "SPoCA", 18), ("FL", "SSW Latest Events", 6), ("FL", "SWPC", 6),
    ]  # fmt: skip
    with pytest.raises(QueryError, match="nonsense"):
        her.values("nonsense", DAY)


def test_an_event_leads_to_other_archives(holes: her.HERTable) -> None:
    words = her.to_attrs(holes[0], before=1 * u.h)
    time, instrument, wavelength = words.attrs
    assert (holes["event_starttime"][0] - time.start).to_value("h") == pytest.approx(1)
    assert instrument == a.Instrument("AIA")
    assert wavelength.min.to_value("AA") == pytest.approx(193)


def test_a_dry_run_sends_nothing(archive: Any) -> None:
    with her.Registry(dry_run=True) as registry:
        made = [
            registry.rate(FLARE, 0.5), registry.rate(None, 1, idspecial=7, revision=2), registry.comment(FLARE, "fine"),
            registry.add_reference(FLARE, "paper", "html", "https://x.org", revision=3),
            registry.relate(FLARE, "causes", OTHER),
        ]  # fmt: skip
    assert archive.log == []
    assert {submission.url for submission in made} == {f"{conf.her.url}/heks"}
    assert [submission.fields for submission in made] == [
        {"cmd": "rate", "cosec": "2", "ivorn": FLARE, "rating": "0.5"},
        {"cmd": "rate", "cosec": "2", "idspecial": "7", "revision": "2", "rating": "1"},
        {"cmd": "comment", "cosec": "2", "ivorn": FLARE, "comment": "fine"},
        {"cmd": "add-reference", "cosec": "2", "ivorn": FLARE, "revision": "3", "name": "paper", "type": "html",
         "url": "https://x.org"},
        {"cmd": "create_edge", "cosec": "2", "ivorn1": FLARE, "ivorn2": OTHER, "edge_type": "causes",
         "edge_strength": "1"},
    ]  # fmt: skip


def test_submissions_arrive_in_bodies_alone(archive: Any) -> None:
    with signed_in("her", "observer", "corona"), her.Registry() as registry:
        assert registry.rate(FLARE, 0.25).answer["status"] == "success"
        registry.comment(FLARE, "what a flare")
        registry.add_reference(FLARE, "paper", "html", "https://x.org")
        registry.relate(FLARE, "is_associated_with", OTHER, 0.3)
        assert registry.comments(FLARE)[-1]["comment"] == "what a flare"
        assert repr(registry).endswith(", signed in>")
        assert "corona" not in repr(vars(registry))
    assert all(request.method == "POST" and not request.query for request in archive.log)
    assert len([request for request in archive.log if request.path.endswith("heks")]) == 6


def test_a_closed_registry_has_no_session(archive: Any) -> None:
    with signed_in("her", "observer", "corona"), her.Registry() as registry:
        registry.comment(FLARE, "what a flare")
        registry.comments(FLARE)
    assert "cookie" in archive.log[-1].headers
    assert repr(registry).endswith(", not signed in>")
    registry.comments(FLARE)
    assert "cookie" not in archive.log[-1].headers


def test_comments_need_no_login(archive: Any) -> None:
    assert isinstance(her.Registry().comments(OTHER), list)


def test_wrong_passwords_and_unknown_events_are_said(archive: Any) -> None:
    with pytest.raises(ServiceRefused, match="login failure") as caught:
        her.Registry().login("observer", "not-this-one")
    assert "not-this-one" not in str(caught.value)
    registry = her.Registry()
    registry.login("observer", "corona")
    with pytest.raises(ServiceRefused, match="error"):
        registry.rate("ivo://helio-informatics.org/none", 0.5)
    registry._poster.forget()
    with pytest.raises(ServiceRefused, match="permission denied"):
        registry.rate(FLARE, 0.5)
    with pytest.raises(QueryError, match="sign_in"):
        her.Registry().rate(FLARE, 0.5)


@pytest.mark.parametrize(
    "submit",
    [
        lambda registry: registry.rate(FLARE, 1.5), lambda registry: registry.rate(FLARE, True),
        lambda registry: registry.comment(FLARE, " "), lambda registry: registry.relate(FLARE, "contains", OTHER),
        lambda registry: registry.relate(FLARE, "loves", OTHER),
        lambda registry: registry.relate(FLARE, "causes", OTHER, 2),
        lambda registry: registry.rate("x", 0.5), lambda registry: registry.rate(FLARE, 0.5, revision=0),
    ],
)  # fmt: skip
def test_what_the_registry_forbids_is_refused_before_it_is_sent(archive: Any, submit: Any) -> None:
    with pytest.raises(QueryError):
        submit(her.Registry())
    assert archive.log == []


def test_documents_are_uploaded_and_revised(holes: her.HERTable) -> None:
    event = voevent.from_row(holes[0])
    for name in event.missing():
        event.values[name] = "0"
    with signed_in("her", "observer", "corona"), her.Registry() as registry:
        assert registry.upload(event).answer == "Successfully imported XML"
        assert registry.revise(event, holes[0]).answer == "Successfully imported XML"
        with pytest.raises(QueryError, match="must have the original IVORN"):
            registry.revise(event, holes[1])


def test_nothing_is_sent_where_it_could_be_read() -> None:
    plain = "http://www.lmsal.com/hek/her"
    with conf.her.set_temp("url", plain), pytest.raises(QueryError, match="others could read it"):
        her.Registry().login("observer", "corona")
    with conf.her.set_temp("url", "http://127.0.0.1:9/hek/her"), pytest.raises(ServiceError, match="refused") as caught:
        her.Registry().login("observer", "corona-secret")
    assert "corona-secret" not in str(caught.value)


def test_tracks_and_graphs_follow_a_feature(archive: Any) -> None:
    table = her.HERClient().search(DAY, a.her.CH)
    tracks = her.tracks(table)
    assert [len(track) for track in tracks] == [6, 6, 6]
    assert all(len(set(track["frm_specificid"])) == 1 for track in tracks)
    graph = her.graph(table)
    assert len(graph.edges) == 15
    assert graph.nodes[str(table["kb_archivid"][0])]["event_type"] == "CH"


def test_tables_are_written_and_rebuilt(archive: Any, tmp_path: Path) -> None:
    from astropy.table import QTable

    table = her.HERClient().search(DAY, a.her.CH | a.her.FL)
    table["mine"] = range(len(table))
    table = table[table["event_type"] != "XX"][::-1]
    table.write(tmp_path / "events.ecsv")
    plain = QTable.read(tmp_path / "events.ecsv")
    assert plain["hpc_boundcc.lon"][-1].tolist() == table["hpc_boundcc"][-1].vertices[:, 0].tolist()
    back = her.HERTable.read(tmp_path / "events.ecsv")
    assert (back["hpc_boundcc"] == table["hpc_boundcc"]).all()
    assert back["mine"].tolist() == table["mine"].tolist()
    assert back["detection_time"].isot.tolist() == table["detection_time"].isot.tolist()
    assert len(back.associations) == 15


@pytest.mark.parametrize("row", [3, "ivo://x/y", None, QTable({"x": [1]})[0], QTable({"raw": [1]})[0]])
def test_only_rows_and_records_become_documents(row: Any) -> None:
    with pytest.raises(
        QueryError, match=r"her\.voevent\.from_row takes one row of a search, such as table\[0\], or a dict"
    ):
        voevent.from_row(row)


def test_a_number_that_cannot_be_read_stays_text() -> None:
    record = voevent.VOEvent("ivo://x/y", "AR", {"ar_numspots": "many", "ar_noaanum": "14331"}).record()
    assert (record["ar_numspots"], record["ar_noaanum"]) == ("many", 14331.0)


@pytest.mark.parametrize("given", [1.5, -0.1, float("nan"), float("inf"), "0.5", None, True, [0.5]])
def test_what_is_not_between_0_and_1_is_refused(given: Any) -> None:
    with pytest.raises(QueryError, match=r"^strength must be a number from 0 to 1, not "):
        fraction("strength", given)


@pytest.mark.parametrize(("given", "text"), [(0, "0"), (1, "1"), (np.float32(0.5), "0.5"), (1 / 3, "0.333333333333")])
def test_numbers_between_0_and_1_are_sent_with_twelve_digits(given: Any, text: str) -> None:
    assert fraction("strength", given) == text
