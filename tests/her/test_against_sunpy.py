"""
Differences from the HEK client of sunpy 7 and 8: each row of ``docs/how_to/her_hek.rst`` has a test of the same name.

The tests cover this package only; the behaviour of sunpy is described on the page, and may change in later releases.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.time import Time
from sunpy.coordinates import Helioprojective, get_earth
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import conf, her
from sunpy_helio_plugins.errors import AnswerError, QueryError, ServerError, ServiceUnreachable
from sunpy_helio_plugins.her import HERClient, HERTable, search
from sunpy_helio_plugins.her.translator import queries

PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "her_hek.rst"
DAY = a.Time("2026-01-10", "2026-01-10T23:59")
EVENT = {
    "event_starttime": "2026-01-10T01:00:00", "event_endtime": "2026-01-10T05:00:00", "event_type": "CH",
    "event_coordsys": "UTC-HPC-TOPO", "event_coordunit": "arcsec,arcsec", "event_coord1": 10.0, "event_coord2": 20.0,
}  # fmt: skip


def table_of(*records: dict[str, Any]) -> HERTable:
    return HERTable.from_records([EVENT | {"kb_archivid": f"ivo://x/{at}"} | own for at, own in enumerate(records)])


def fields(*query: Any) -> list[dict[str, str]]:
    return [dict(request.parameters) for request in her.translate(DAY, *query)]


def answer(*events: dict[str, Any], more: Any = False) -> dict[str, Any]:
    return {"result": [EVENT | {"kb_archivid": f"ivo://x/{id(event)}"} | event for event in events], "overmax": more}


# Questions


def test_or_of_comparisons() -> None:
    made = fields(a.hek.CH, (a.hek.FRM.Name == "SPoCA") | (a.hek.FRM.Name == "CHIMERA"), a.her.Event())
    assert [(each["param0"], each["value0"]) for each in made] == [("FRM_Name", "SPoCA"), ("FRM_Name", "CHIMERA")]
    assert all("param1" not in each for each in made)


def test_python_words() -> None:
    for ask in (
        lambda: (a.her.ar_noaanum > 1) and (a.her.ar_noaanum < 5), lambda: 1 < a.her.ar_noaanum < 5,
        lambda: (a.her.frm_name == "x") or (a.her.frm_name == "y"),
    ):  # fmt: skip
        with pytest.raises(TypeError, match="Join comparisons with &"):
            ask()


def test_booleans_asked() -> None:
    asked = (a.hek.FRM.HumanFlag == True, a.her.frm_humanflag == True, a.hek.FRM.HumanFlag == "true")  # noqa: E712
    for human in asked:
        assert fields(a.her.CH, human)[0]["value0"] == "true"


def test_quantities_asked() -> None:
    box = a.hek.SpatialRegion(-100 * u.arcsec, -100 * u.arcsec, 100 * u.arcsec, 100 * u.arcsec)
    (made,) = fields(a.her.CH, a.hek.Area.AtDiskCenter > 1e4 * u.Mm**2, box)
    assert (made["value0"], made["x1"]) == ("10000000000", "-100")


def test_scales_of_time() -> None:
    times = a.Time(Time("2026-01-10T00:00:37.25", scale="tai"), Time("2026-01-10T01:01:09.184", scale="tt"))
    (request,) = her.translate(times, a.her.CH)
    made = dict(request.parameters)
    assert made["event_starttime"] == "2026-01-10T00:00:00.250Z"
    assert made["event_endtime"] == "2026-01-10T01:00:00"


def test_containment(archive: Any) -> None:
    month = a.Time("2026-01-01", "2026-01-31")
    for inside in (a.hek.Contains("fl", "ar"), a.hek.Contains(a.hek.FL, a.hek.AR), a.her.Within(a.her.FL, a.her.AR)):
        for words in ((inside, a.her.Event()), (a.her.Event(), inside)):
            (request,) = her.translate(month, *words)
            made = dict(request.parameters)
            assert (made["event_type1"], made["event_type2"]) == ("fl", "ar")
            assert not {"event_type", "event_coordsys", "x1"} & set(made)
    table = HERClient().search(month, inside)
    assert len(table.associations) > 0
    assert set(table.associations["edge_type"]) == {"contains"}
    with pytest.raises((TypeError, QueryError)):
        her.translate(month, a.her.Within("fl", "ar"), a.her.Within("ar", "ch"))


def test_manners() -> None:
    words = (
        a.her.PageSize(40), a.her.SortBy("event_endtime", descending=True), a.her.Return("hpc_x"), a.her.Strict(),
        a.her.Tests("only"), a.her.CH.area_raw > 5, a.Instrument.aia, a.Wavelength(193 * u.AA),
    )  # fmt: skip
    (made,) = fields(a.her.CH | a.her.AR, *words)
    assert made["result_limit"] == "40"
    assert (made["sort_by"], made["sort_order"]) == ("event_endtime", "DESC")
    assert made["return"].startswith("hpc_x,kb_archivid")
    assert (made["temporalmode"], made["showtests"], made["param0"]) == ("strict", "only", "ch.area_raw")
    assert her.voevent_url("ivo://helio-informatics.org/x", rev=2).endswith("&rev=2")
    assert len(fields(a.her.CH, a.her.frm_name.isin(["SPoCA", "CHIMERA"]))) == 2
    assert fields(a.her.CH, ~(a.her.frm_name == "SPoCA"))[0]["op0"] == "!="


def test_systems_of_boxes() -> None:
    with pytest.raises(QueryError, match=r"not have a system 'polar'.*helioprojective, stonyhurst"):
        fields(a.hek.CH, a.her.Event(), a.hek.SpatialRegion(sys="polar"))


def test_times_alone() -> None:
    assert not HERClient._can_handle_query(DAY)
    with pytest.raises(QueryError, match=r"a\.Time"):
        her.translate(a.her.CH)


def test_one_provider(archive: Any) -> None:
    assert list(Fido.search(DAY, a.her.CH).keys()) == ["her"]
    assert list(Fido.search(DAY, a.hek.CH, a.Instrument.aia).keys()) == ["her"]
    assert not HERClient._can_handle_query(DAY, a.hek.CH)


# Answers on their way


def test_silence(archive: Any) -> None:
    short = a.Time("2026-01-10", "2026-01-10T01:00")
    with (
        conf.set_temp("read_timeout", 0.2), archive.fault("hang_before", path="/hek/her"),
        pytest.raises(ServiceUnreachable, match="silent"),
    ):  # fmt: skip
        HERClient().search(short, a.her.CH)


def test_thousand_at_once(archive: Any) -> None:
    assert len(HERClient().search(a.Time("2026-01-01", "2026-01-20"), a.her.Event(), a.her.Limit(1000))) > 600
    assert [request.query["result_limit"] for request in archive.log] == ["1000"]


@pytest.mark.parametrize("said", [True, "true", "false", None, 3])
def test_promises_of_more(scripted: Any, said: Any) -> None:
    scripted.say(answer({"kb_archivid": "ivo://x/1"}, more=said))
    table = HERTable.from_records(search.search(queries(DAY, a.her.CH)).records)
    assert len(table) == 1
    assert len(scripted.asked) <= 2


def test_lost_pages(scripted: Any) -> None:
    scripted.say(answer({"kb_archivid": "ivo://x/1"}, more=True), b"503", answer({"kb_archivid": "ivo://x/2"}))
    found = search.search(queries(DAY, a.her.CH))
    assert len(found) == 2
    assert "Page 2, with up to 1000 events, failed: HER answered 503" in found.problems[0]


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        (b"<html><body><h1>Error</h1><p>unknown filter xyz</p></body></html>", AnswerError, "unknown filter xyz"),
        (b'{"overmax": false}', AnswerError, "not contain a list of events"),
        (b"503", ServerError, "HER answered 503"),
    ],
)
def test_errors_of_the_registry(scripted: Any, body: bytes, error: Any, words: str) -> None:
    scripted.say(body)
    with pytest.raises(error, match=words):
        HERClient().search(DAY, a.her.CH)


def test_letters(scripted: Any) -> None:
    body = json.dumps(answer({"frm_contact": "@. Nordlund", "obs_wavelunit": "@", "obs_meanwavel": 193.0}))
    scripted.say(body.encode().replace(b"@", b"\xc5"))
    table = HERClient().search(DAY, a.her.CH)
    assert table["frm_contact"][0] == "Å. Nordlund"
    assert table["obs_meanwavel"][0].to_value("AA") == pytest.approx(193)


def test_empty_answers(archive: Any) -> None:
    table = HERClient().search(a.Time("1985-05-04", "1985-05-04"), a.her.FL)
    assert len(table) == 0
    assert len(table["frm_name"]) == len(table["event_starttime"]) == 0


# Alternatives


def test_alternatives_merged(archive: Any) -> None:
    names = (a.her.frm_name == "SPoCA") | (a.her.frm_name == "SWPC")
    assert len(HERClient().search(DAY, a.her.Event(), names)) == 24
    halves = a.Time("2026-01-10", "2026-01-10T12:00") | a.Time("2026-01-10T10:00", "2026-01-10T23:59")
    both = HERClient().search(halves & a.her.CH)
    assert len(both) == len(set(both["kb_archivid"])) == 18
    early = a.Time("1985-01-01", "1985-01-02") | a.Time("1986-01-01", "1986-01-02")
    assert len(HERClient().search(early & a.her.CH)) == 0


def test_each_event_once(archive: Any) -> None:
    tree = a.her.CH & ((a.her.frm_name == "SPoCA") | (a.her.area_raw > 0 * u.km**2))
    table = HERClient().search(DAY, tree)
    assert len(table) == len(set(table["kb_archivid"])) == 18
    eruptions = HERClient().search(DAY, a.her.CE)
    assert (len(eruptions), len(HERClient().search(DAY, a.her.CE, a.her.Latest()))) == (5, 2)


# Units


def test_units_of_places() -> None:
    table = table_of(
        {"boundbox_c1ll": 10.0},
        {"boundbox_c1ll": -89.9, "event_coordunit": "deg deg", "event_coordsys": "UTC-HGS-TOPO"},
        {"boundbox_c2ur": 30.0, "event_coordunit": "deg, rsun", "event_coordsys": "UTC-HRC-TOPO"},
    )  # fmt: skip
    assert table["boundbox_c1ll"].tolist() == [10.0, -89.9, None]
    assert table["boundbox_c2ur"].tolist() == [None, None, 30.0]
    assert list(table["coord1_unit"]) == ["arcsec", "deg", "deg"]
    assert list(table["coord2_unit"]) == ["arcsec", "deg", "rsun"]


def test_units_of_statistics() -> None:
    row = {"event_npixels": 38712, "event_pixelunit": "DN/s", "intensunit": "DN/s", "intensmean": 9.0}
    table = table_of(row | {"intensvar": 17044.0, "intensskew": 0.87, "intenskurt": 3.0})
    assert table["event_npixels"][0] == 38712
    assert not any(isinstance(table[name], u.Quantity) for name in ("event_npixels", "intensskew", "intenskurt"))
    assert table["intensmean"].unit == u.DN / u.s
    assert table["intensvar"].unit == (u.DN / u.s) ** 2


ODD = [
    "", None, "arcsec2", "rsun, deg", "millihemispheres", "uHem", "MSH", "counts", "pixels", "Deg/day", "Angstroms",
    "steradians", "seconds", "hours", "Degrees", "Arcsec", "Day", "unknown", "-",
]  # fmt: skip


@pytest.mark.parametrize("unit", ODD)
def test_one_odd_unit(unit: Any) -> None:
    table = table_of({"area_raw": 3.0, "area_unit": "km2"}, {"area_raw": 4.0, "area_unit": unit})
    values = table["area_raw"]
    assert float(getattr(values[0], "value", values[0])) == 3.0
    assert len(table) == 2


@pytest.mark.parametrize(("unit", "never"), [("N/A", u.N / u.A), ("10^20 Mx", u.one), ("1e49 cm^-3", u.one)])
def test_units_believed_wrongly(unit: str, never: u.UnitBase) -> None:
    values = table_of({"fl_peakem": 2.0, "fl_peakemunit": unit})["fl_peakem"]
    assert getattr(values, "unit", None) is None or not values.unit.is_equivalent(never)


def test_missing_numbers() -> None:
    table = table_of({"ar_noaanum": ""}, {"ar_noaanum": 13664}, {"ar_noaanum": None}, {"ar_noaanum": -9999})
    assert table["ar_noaanum"].tolist() == [None, 13664, None, None]


def test_kinds_of_values() -> None:
    row = {"noposition": "false", "frm_humanflag": "true", "event_score": "12.5", "hpc_radius": "68.632094"}
    row |= {"revision": "7"}
    table = table_of(row | {"event_npixels": 5}, row | {"event_npixels": None})
    assert table["noposition"].tolist() == [False, False]
    assert table["frm_humanflag"].dtype == bool
    assert (table["event_score"][0], table["revision"][0]) == (12.5, 7)
    assert table["hpc_radius"][0].to_value("arcsec") == pytest.approx(68.632094)
    assert table["event_npixels"].tolist() == [5, None]


# Places


def test_instant_of_detection(archive: Any) -> None:
    hole = HERClient().search(DAY, a.her.CH)[0]
    assert hole["detection_time"].isot == hole["event_endtime"].isot
    assert hole["hpc_boundcc"].skycoord.obstime.isot == hole["event_endtime"].isot


def test_radial_coordinates(archive: Any) -> None:
    table = HERClient().search(DAY, a.her.CE)
    for seen, radial in zip(table["hpc_coord"], table["hrc_coord"], strict=True):
        assert np.hypot(seen.Tx - radial.Tx, seen.Ty - radial.Ty) < 0.3 * u.arcsec
    assert np.hypot(radial.Tx, radial.Ty) > 1500 * u.arcsec


def test_radius_in_degrees(archive: Any) -> None:
    row = {"event_coordsys": "UTC-HGC-TOPO", "event_coordunit": "degrees", "hgc_coord": "POINT(5 6)"}
    table = table_of(row | {"event_coord3": 1.04545})
    assert table["event_coord3"][0] == pytest.approx(1.04545)
    assert table["hgc_coord"].transform_to("heliographic_stonyhurst")[0].lat.deg == pytest.approx(6, abs=0.01)


def test_chaincodes_of_the_submitter() -> None:
    square = "POLYGON((0 0,10 0,10 10,0 0))"
    table = table_of({"bound_chaincode": square, "hpc_boundcc": square})
    assert not isinstance(table["bound_chaincode"][0], SkyCoord)
    assert table["hpc_boundcc"][0].skycoord.frame.name == "helioprojective"


def test_types_of_columns() -> None:
    square = "POLYGON((0 0,10 0,10 10,0 0))"
    outlines = ({"hpc_boundcc": square}, {"hpc_boundcc": "POLYGON((0 0,9 0,9 9,5 7,0 0))"}, {"hpc_boundcc": ""})
    made = [table_of(outlines[0]), table_of(*outlines[:1] * 2), table_of(*outlines[:2]), table_of(outlines[2])]
    for name in ("hpc_boundcc", "hpc_coord"):
        kinds = {type(table[name]) for table in made if name in table.colnames}
        assert len(kinds) <= 1
    both = table_of({"hpc_coord": "POINT(1 2)"}, {"hpc_coord": "POINT(3 4)"})["hpc_coord"]
    assert both.transform_to("heliographic_stonyhurst").shape == (2,)


def test_frames_of_rows() -> None:
    table = table_of({"hpc_boundcc": "POLYGON((0 0,10 0,10 10,0 0))", "hpc_coord": "POINT(1 2)"})
    when = table["detection_time"][0]
    seen = Helioprojective(observer=get_earth(when), obstime=when)
    outline = table["hpc_boundcc"][0].skycoord
    assert outline.obstime.isscalar
    assert outline.observer.isscalar
    for place in (outline, table["hpc_coord"][0]):
        turned = place.transform_to(seen)
        assert np.all(np.hypot(turned.Tx - place.Tx, turned.Ty - place.Ty) < 1e-6 * u.arcsec)


ODD_PLACES: list[dict[str, Any]] = [
    {"event_coordsys": "UTC-HPR-TOPO"}, {"event_coordsys": "utc-hpc-topo"},
    {"event_coordsys": "UTC-HGS-TOPO", "event_coord2": 95.0}, {"hgs_bbox": "POLYGON((0 0,10 0,10 99,0 0))"},
    {"event_coord1": None}, {"hpc_boundcc": "POLYGON((0 0,9 0,9 9,0 0),(1 1,2 1,2 2,1 1))"},
    {"hpc_boundcc": "MULTIPOLYGON(((0 0,1 1,2 0,0 0)))"}, {"skel_chaincode": "LINESTRING(0 0,1 1)"},
    {"bound_chaincode": "1,2,3,4,5,6"}, {"event_coordunit": None},
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD_PLACES, ids=lambda odd: next(iter(odd)))
def test_one_odd_place(odd: dict[str, Any]) -> None:
    good = {"hpc_boundcc": "POLYGON((0 0,10 0,10 10,0 0))", "hpc_coord": "POINT(1 2)"}
    table = table_of(good, good | odd, good)
    for row in (0, 2):
        assert len(table["hpc_boundcc"][row]) == 4
        assert table["hpc_coord"][row].Tx.to_value("arcsec") == pytest.approx(1)
    assert len(HERTable.from_records([{"kb_archivid": "ivo://x/1", "hpc_x": 5.0}])) == 1


def test_places_that_are_none(archive: Any) -> None:
    flares = HERClient().search(DAY, a.her.FL)
    swpc, latest = (flares[flares["frm_name"] == name] for name in ("SWPC", "SSW Latest Events"))
    assert swpc["hpc_x"].mask.all()
    assert latest["hgs_bbox"].mask.all()
    assert not latest["hgs_x"].mask.any()


def test_masked_places_print() -> None:
    table = table_of({"hpc_coord": "POINT(1 2)", "hpc_x": 1.0}, {"hpc_coord": "", "hpc_x": None})
    for column in (table["hpc_coord"], table["hpc_coord"].Tx, table["hpc_x"]):
        assert str(column)
        assert str(column[1])


# Tables


def test_missing_times() -> None:
    table = table_of({"event_peaktime": "2026-01-10T02:00:00"}, {"event_peaktime": None})
    assert isinstance(table["event_peaktime"], Time)
    assert table["event_peaktime"][0] > Time("2026-01-10")
    table.sort("event_peaktime")
    assert len(table) == 2


def test_records_kept(archive: Any) -> None:
    table = HERClient().search(DAY, a.her.CH)
    part = table[5:7]
    assert [record["kb_archivid"] for record in part["raw"]] == list(part["kb_archivid"])


def test_files(archive: Any, tmp_path: Path) -> None:
    table = HERClient().search(DAY, a.her.CH | a.her.FL)
    table.write(tmp_path / "events.ecsv")
    again = HERTable.read(tmp_path / "events.ecsv")
    assert list(again["kb_archivid"]) == list(table["kb_archivid"])
    assert np.all(again["hpc_boundcc"].mask == table["hpc_boundcc"].mask)


def test_all_times() -> None:
    names = ("event_starttime", "event_endtime", "event_peaktime", "event_expires", "frm_daterun", "kb_archivdate")
    names += ("obs_firstprocessingdate", "obs_lastprocessingdate")
    table = table_of(dict.fromkeys(names, "2026-01-10T02:00:00"))
    assert all(isinstance(table[name], Time) for name in names)


@pytest.mark.exhaustive
def test_order_of_columns() -> None:
    code = (
        "from sunpy_helio_plugins.her import HERTable; import json\n"
        "records = [{'event_type': 'CH', 'b': 1, 'area_raw': 2.0}, {'frm_name': 'x', 'zz': 2, 'hpc_x': 1.0}]\n"
        "print(json.dumps(HERTable.from_records(records).colnames))"
    )
    orders = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code], env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True, check=True, text=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(orders) == 1


def test_width_of_print(archive: Any) -> None:
    table = HERClient().search(DAY, a.her.CH | a.her.FL | a.her.CE)
    assert max(map(len, str(table).splitlines())) < 400


def test_every_row_of_the_page_has_a_test_and_every_test_a_row() -> None:
    rows = set(re.findall(r"^   \* - ``(\w+)``", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    tests = {name.removeprefix("test_") for name in globals() if name.startswith("test_") and "every_row" not in name}
    assert rows == tests
    assert len(rows) == 40
