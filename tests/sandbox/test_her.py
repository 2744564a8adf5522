"""Test the embedded registry with sunpy's HEK client, and the habits that it copies from the real one."""

from __future__ import annotations

import gzip
import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
import requests
from astropy.coordinates import SkyCoord
from sunpy.coordinates import HeliographicStonyhurst, Helioprojective, get_earth
from sunpy.net import attrs as a
from sunpy.net.hek import HEKClient

from sunpy_helio_plugins import HERClient
from sunpy_helio_plugins.sandbox import scene

ROOT = Path(__file__).parents[2]
DAY = a.Time("2026-01-10T00:00", "2026-01-10T23:59:59")
SEARCH = {
    "cosec": "2",
    "cmd": "search",
    "type": "column",
    "event_type": "**",
    "event_starttime": "2026-01-10T00:00:00",
    "event_endtime": "2026-01-10T23:59:59",
    "event_coordsys": "helioprojective",
    "x1": "-5000",
    "x2": "5000",
    "y1": "-5000",
    "y2": "5000",
}
pytestmark = pytest.mark.filterwarnings(
    # sunpy's HEK client merges columns of times with missing entries, and reads units with several slashes.
    "ignore::astropy.units.UnitsWarning"
)


@pytest.fixture
def hek(archive: Any) -> HEKClient:
    return HEKClient(url=f"{archive.url}/hek/her?")


@pytest.fixture
def ask(archive: Any) -> Any:
    def get(**changes: str | None) -> requests.Response:
        asked = {key: value for key, value in (SEARCH | changes).items() if value is not None}
        return requests.get(f"{archive.url}/hek/her", params=asked, timeout=10)

    return get


@pytest.fixture
def events(ask: Any) -> Any:
    return lambda **changes: ask(**changes).json()["result"]


def test_sunpys_client_reads_the_coronal_holes_with_their_outlines(hek: HEKClient) -> None:
    table = hek.search(DAY, a.hek.CH, a.hek.FRM.Name == "SPoCA")
    assert len(table) == 18
    assert set(table["event_type"]) == {"CH"}
    at_noon = [row for row in table if row["event_endtime"].isot.startswith("2026-01-10T12:00:05")]
    equatorial = at_noon[0]["hpc_boundcc"]
    assert len(equatorial) == len(scene.CORONAL_HOLES[0].outline) + 1
    earth = get_earth("2026-01-10T12:00:05")
    corner = SkyCoord(-4 * u.deg, 24 * u.deg, frame=HeliographicStonyhurst(obstime=earth.obstime))
    seen = corner.transform_to(Helioprojective(observer=earth, obstime=earth.obstime))
    ours = [float(np.ma.getdata(part.unmasked.to_value("arcsec"))) for part in (equatorial[0].Tx, equatorial[0].Ty)]
    assert ours == pytest.approx([seen.Tx.to_value("arcsec"), seen.Ty.to_value("arcsec")], abs=1)
    assert table["area_atdiskcenter"].unit == u.km**2


def test_sunpys_client_reads_the_flares_of_both_reporters(hek: HEKClient) -> None:
    swpc = hek.search(DAY, a.hek.FL, a.hek.FRM.Name == "SWPC")
    assert list(swpc["fl_goescls"]) == [flare.goes for flare in scene.FLARES]
    assert list(swpc["ar_noaanum"]) == [flare.noaa for flare in scene.FLARES]
    latest = hek.search(DAY, a.hek.FL, a.hek.FRM.Name == "SSW Latest Events")
    assert [number + 10000 for number in latest["ar_noaanum"]] == [flare.noaa for flare in scene.FLARES]


def test_sunpys_client_reads_every_page(hek: HEKClient) -> None:
    table = hek.search(a.Time("2026-01-01", "2026-01-04T12:00"), a.hek.FL)
    assert len(table) > 100
    assert len(set(table["kb_archivid"])) == len(table)


def test_sunpys_filters_choose(hek: HEKClient) -> None:
    flares = hek.search(DAY, a.hek.FL, a.hek.FL.GOESCls > "M", a.hek.FRM.Name == "SWPC")
    assert list(flares["fl_goescls"]) == ["M1.2", "X1.6", "M5.0"]
    regions = hek.search(DAY, a.hek.AR, a.hek.AR.NOAANum >= 14334)
    assert set(regions["ar_noaanum"]) == {14334, 14336}
    assert len(hek.search(DAY, a.hek.CE, a.hek.FRM.Name.like("CACTus%"))) == 5


KINDS = "AR,CE,CD,CH,CW,FI,FE,FA,FL,LP,OS,SS,EF,CJ,PG,OT,NR,SG,SP,CR,CC,ER,TO,HY,BU,EE,PB,PT"


@pytest.mark.parametrize("kind", KINDS.split(","))
def test_sunpys_client_may_ask_for_any_type(hek: HEKClient, kind: str) -> None:
    table = hek.search(DAY, a.hek.EventType(kind))
    assert len(table) == {"AR": 3, "CE": 5, "CH": 18, "FL": 12}.get(kind, 0)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ((a.hek.FL, a.hek.FRM.Name == "SSW Latest Events"), 6), ((a.hek.FL, a.hek.FRM.Name != "SSW Latest Events"), 6),
        ((a.hek.FL, a.hek.FL.GOESCls > "M1.0", a.hek.OBS.Observatory == "GOES"), 3), ((a.hek.FL | a.hek.AR,), 15),
        ((a.hek.EventType("**"),), 38), ((), 38), ((a.hek.FRM.HumanFlag == "true",), 3),
        ((a.hek.CH, a.hek.SpatialRegion(-500, -500, 500, 500)), 6),
        ((a.hek.CH, a.hek.SpatialRegion(-40, -90, 40, 90, sys="stonyhurst")), 12),
        ((a.hek.AR, a.hek.AR.NOAANum == 14331), 1), ((a.hek.CE, a.hek.CE.RadialLinVel > 1000), 4),
        ((a.hek.CH, a.hek.Area.AtDiskCenter > 7e10), 6), ((a.hek.FL, a.hek.FRM.Name.like("%Latest%")), 6),
    ],
)  # fmt: skip
def test_sunpys_documented_questions_are_answered(hek: HEKClient, words: Any, found: int) -> None:
    assert len(hek.search(DAY, *words)) == found


def test_rows_of_sunpys_client_lead_to_the_vso(hek: HEKClient) -> None:
    row = hek.search(DAY, a.hek.FL)[0]
    assert row.vso_time.start.isot == "2026-01-10T01:18:00.000"
    assert row.vso_instrument == a.Instrument("GOES")
    assert len(hek.search(a.Time("1985-05-04", "1985-05-04"), a.hek.FL)) == 0


def test_events_without_a_value_come_last_or_first_as_in_the_database(events: Any) -> None:
    ascending = [event["ar_noaanum"] for event in events(sort_by="ar_noaanum")]
    descending = [event["ar_noaanum"] for event in events(sort_by="ar_noaanum", sort_order="DESC")]
    assert ascending[-1] is descending[0] is None
    assert (ascending[0], descending[-1]) == (4331, 4331)


def test_a_search_without_a_box_gets_a_page_of_html_with_status_200(ask: Any) -> None:
    answer = ask(event_coordsys=None)
    assert answer.status_code == 200
    assert answer.text.startswith("<html>")


def test_a_filter_of_a_type_that_is_not_asked_for_is_refused_with_html(ask: Any) -> None:
    filters = {"param0": "ch.area_atdiskcenter", "op0": ">", "value0": "1e10"}
    assert ask(event_type="fl", **filters).text.startswith("<html>")
    assert {event["event_type"] for event in ask(event_type="fl,ch", **filters).json()["result"]} == {"CH", "FL"}


def test_a_filter_with_a_type_judges_that_type_only(events: Any) -> None:
    chosen = events(event_type="ar,ch", param0="ch.area_atdiskcenter", op0=">", value0="5e10")
    assert {event["frm_specificid"] for event in chosen if event["event_type"] == "CH"} == {"SPoCA_v1.0_CH_0000060000"}
    assert sum(event["event_type"] == "AR" for event in chosen) == 3


def test_time_means_overlap_with_its_ends_and_strict_means_inside(events: Any) -> None:
    window = {"event_type": "fl", "event_starttime": "2026-01-10T01:47:00", "event_endtime": "2026-01-10T06:03:00"}
    assert len(events(**window)) == 4
    assert len(events(**window, temporalmode="strict")) == 0


def test_pages_neither_lose_nor_repeat_and_overmax_ends_them(ask: Any) -> None:
    seen: list[str] = []
    for page in range(1, 5):
        month = {"event_starttime": "2026-01-01", "event_endtime": "2026-01-31"}
        answer = ask(**month, result_limit="400", page=str(page)).json()
        seen += [event["kb_archivid"] for event in answer["result"]]
        if not answer["overmax"]:
            break
    assert page == 3
    assert len(seen) == len(set(seen)) > 1000


def test_a_page_holds_100_by_default_and_1000_at_most(ask: Any) -> None:
    month = {"event_starttime": "2026-01-01", "event_endtime": "2026-01-31"}
    assert len(ask(**month).json()["result"]) == 100
    most = ask(**month, result_limit="1500").json()
    assert len(most["result"]) == 1000
    assert most["overmax"] is True


def test_values_keep_the_registrys_types_and_order_of_keys(events: Any) -> None:
    flare = events(event_type="fl", param0="frm_name", op0="=", value0="SWPC")[0]
    assert list(flare)[:4] == ["gs_thumburl", "comment_count", "hpc_bbox", "frm_humanflag"]
    assert list(flare)[-1] == "refs"
    assert len(flare) == 147
    assert (flare["noposition"], flare["hpc_radius"], flare["fl_peakflux"], flare["obs_title"]) == (
        "true",
        "68.632094",
        None,
        "",
    )


def test_order_and_kept_keywords_are_the_askers_choice(events: Any) -> None:
    backwards = {"sort_by": "event_starttime", "sort_order": "DESC", "return": "KB_ArchivID,event_starttime"}
    latest = events(event_type="fl", **backwards)
    assert list(latest[0]) == ["event_starttime", "kb_archivid"]
    assert latest[0]["event_starttime"] > latest[-1]["event_starttime"]
    required = events(event_type="fl", **{"return": "required"})[0]
    assert "event_coord1" in required
    assert "fl_goescls" not in required
    assert "fl_goescls" in events(event_type="fl", **{"return": "optional"})[0]


def test_test_events_are_hidden_unless_asked_for(events: Any) -> None:
    assert len(events(event_type="fl")) == 12
    assert len(events(event_type="fl", showtests="only")) == 1
    assert len(events(event_type="fl", showtests="show")) == 13


def test_booleans_are_words_and_t_is_not_one(events: Any) -> None:
    assert len(events(event_type="fl", param0="noposition", op0="=", value0="true")) == 6
    assert not events(event_type="fl", param0="noposition", op0="=", value0="t")


def test_the_full_name_of_cactus_finds_nothing_but_its_short_name_does(events: Any) -> None:
    full = {"param0": "frm_name", "op0": "=", "value0": "CACTus (Computer Aided CME Tracking)"}
    assert not events(event_type="ce", **full)
    assert len(events(event_type="ce", param0="search_frm_name", op0="=", value0="CACTus")) == 5


def test_a_box_in_degrees_leaves_out_what_has_no_place_on_the_sun(events: Any) -> None:
    degrees = {"event_coordsys": "stonyhurst", "x1": "-180", "x2": "180", "y1": "-90", "y2": "90"}
    assert "CE" not in {event["event_type"] for event in events(**degrees)}
    assert {event["event_type"] for event in events(**degrees | {"x1": "-90", "x2": "-20"})} <= {"AR", "CH", "FL"}


def test_javascript_and_xml_answers(ask: Any) -> None:
    wrapped = ask(event_type="ce", callback="show").text
    assert wrapped.startswith("show({")
    assert wrapped.endswith("});")
    assert ask(event_type="ce", cosec="1").text.count("<result>") == 5


def test_some_text_is_latin_1(ask: Any) -> None:
    answer = ask(event_type="fi", event_starttime="2026-01-01", event_endtime="2026-01-31")
    assert b"\xc5. Nordlund" in answer.content


def test_associations_come_with_the_search(ask: Any) -> None:
    edges = ask(event_type="ch").json()["association"]
    assert len(edges) == 15
    assert {edge["edge_type"] for edge in edges} == {"is_followed_by"}


def test_heliographic_chaincodes_use_the_start_though_spoca_detects_at_the_end(events: Any) -> None:
    hole = next(event for event in events(event_type="ch") if event["event_endtime"] == "2026-01-10T12:00:05")
    longitudes = np.array([float(pair.split()[0]) for pair in hole["hgs_boundcc"][9:-2].split(",")])
    end = datetime.fromisoformat(hole["event_endtime"])
    expected = [scene.longitude_at(longitude, end) for longitude, _ in scene.CORONAL_HOLES[0].outline]
    np.testing.assert_allclose(longitudes[:-1], expected, atol=0.05)
    assert end - datetime.fromisoformat(hole["event_starttime"]) == timedelta(hours=4)


def test_the_areas_of_holes_are_those_of_their_outlines(archive: Any) -> None:
    holes = HERClient().search(a.Time("2026-01-10", "2026-01-11"), a.her.CH, a.her.frm_name == "SPoCA")
    assert len(holes) >= 3 * len(scene.CORONAL_HOLES)
    outlines = [polygon.area.to_value("Mm2") for polygon in holes["hgs_boundcc"]]
    np.testing.assert_allclose(holes["area_atdiskcenter"].to_value("Mm2"), outlines, rtol=0.01)


@pytest.mark.exhaustive
def test_the_maker_makes_the_shipped_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tools" / "sandbox"))
    import make_her

    shipped = gzip.decompress((make_her.DATA / "events.json.gz").read_bytes()).decode()
    made = json.dumps(make_her.build(), ensure_ascii=False, separators=(",", ":"))
    number = re.compile(r"-?\d+\.\d+|[0-9A-F]{40,}")
    assert number.sub("#", made) == number.sub("#", shipped)
    decimal = re.compile(r"-?\d+\.\d+")
    np.testing.assert_allclose(*(np.array(decimal.findall(text), dtype=float) for text in (made, shipped)), atol=2e-5)


def test_the_shipped_data_is_small() -> None:
    assert (ROOT / "sunpy_helio_plugins/sandbox/data/her/events.json.gz").stat().st_size < 400_000
