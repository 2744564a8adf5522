"""Test that the reports of one flare become one row, that each value names its report, and that none is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable
from sunpy.net import attrs as a

from sunpy_helio_plugins import her
from sunpy_helio_plugins.errors import FileError, IncompleteAnswerWarning, QueryError
from sunpy_helio_plugins.her import HERTable
from sunpy_helio_plugins.her.events.places import EventIntervals, Places
from sunpy_helio_plugins.her.events.regions import active_regions

DAY = a.Time("2026-01-10", "2026-01-10 23:59")


def report(supplier: str = "SWPC", start: str = "00:10", peak: str = "00:13", end: str = "00:22", **more: Any) -> Any:
    """Return a report of a flare on 2024-05-10; times are of that day, or with a date."""
    times = [stamp if "T" in stamp or not stamp else f"2024-05-10T{stamp}:00" for stamp in (start, peak, end)]
    names = dict(zip(("event_starttime", "event_peaktime", "event_endtime"), times, strict=True))
    ivorn = (
        f"ivo://test/{supplier.replace(' ', '')}/{times[0]}/{more.get('obs_channelid', '')}/{more.get('revision', '')}"
    )
    own = {"event_type": "FL", "frm_name": supplier, "search_frm_name": supplier, "kb_archivid": ivorn}
    empty = {"fl_goescls": "", "ar_noaanum": None, "hpc_coord": "", "hgs_coord": "", "event_coordsys": "UTC-HPC-TOPO"}
    return empty | own | names | more


def at(x: float, y: float) -> dict[str, str]:
    return {"hpc_coord": f"POINT({x} {y})"}


def region(number: int | None, longitude: float, latitude: float, **more: Any) -> Any:
    start, end = "2024-05-10T00:00:00", "2024-05-10T23:59:59"
    place = {"hgs_coord": f"POINT({longitude} {latitude})", "event_coordsys": "UTC-HGS-TOPO", "hpc_coord": ""}
    own = {"event_type": "AR", "frm_name": "NOAA SWPC Observer", "ar_noaanum": number, **place}
    return own | {"event_starttime": start, "event_endtime": end, "kb_archivid": f"ivo://test/AR/{number}"} | more


def table_of(*records: Any) -> HERTable:
    return HERTable.from_records(list(records))


def grouped(*records: Any, **options: Any) -> list[int]:
    """Return the numbers of reports of the flares."""
    return her.flares(table_of(*records), **options)["count"].tolist()


SSW = "SSW Latest Events"
DETECTIVE = "Flare Detective - Trigger Module"


@pytest.mark.parametrize(
    "other",
    [
        report(SSW),
        report(SSW, peak="00:18"),
        report(SSW, start="00:05", peak="00:04", end="00:11"),
        report(SSW, peak=""),
        report(SSW, fl_goescls="M2.5"),
        report(SSW, ar_noaanum=3665),
        report(SSW, **at(500, -300)),
        report("Another"),
    ],
    ids=["equal", "later peak", "earlier", "no peak", "another class", "another region", "a place", "unknown"],
)
def test_reports_of_one_flare_become_one_row(other: Any) -> None:
    own = report(fl_goescls="M1.3", ar_noaanum=13664, **at(600, -300))
    assert grouped(own, other) == [2]
    assert grouped(other, own) == [2]


@pytest.mark.parametrize(
    "other",
    [
        report(SSW, peak="00:24", end="00:30"),
        report(SSW, start="00:03", peak="00:05", end="00:06"),
        report(SSW, fl_goescls="M2.7"),
        report(SSW, **at(-600, 300)),
        report("SWPC", start="00:11"),
    ],
    ids=["peak", "apart in time", "class", "place", "same supplier"],
)
def test_reports_of_different_flares_stay_apart(other: Any) -> None:
    own = report(fl_goescls="M1.3", ar_noaanum=13664, **at(600, -300))
    assert grouped(own, other) == [1, 1]


@pytest.mark.parametrize(("within", "near", "rows"), [(3, 300, 2), (6, 300, 1), (6, 90, 2)])
def test_tolerances_can_be_given(within: float, near: float, rows: int) -> None:
    records = report(**at(0, 0)), report(SSW, peak="00:18", **at(100, 0))
    assert len(her.flares(table_of(*records), within=within * u.min, near=near * u.arcsec)) == rows


def test_one_supplier_reports_a_flare_in_several_channels_and_again() -> None:
    channels = [report(DETECTIVE, obs_channelid=name) for name in ("94", "131", "335")]
    again = report(DETECTIVE, obs_channelid="94", revision="2")
    assert grouped(*channels, again) == [4]


def test_the_closest_peaks_are_of_one_flare_in_any_order() -> None:
    own = report(), report(start="00:16", peak="00:17")
    its = report(SSW, peak="00:14"), report(SSW, start="00:11", peak="00:17")
    for records in ((*own, *its), (*its[::-1], *own[::-1])):
        made = her.flares(table_of(*records))
        pairs = [sorted(report["event_peaktime"][11:16] for report in reports) for reports in made["raw"]]
        assert pairs == [["00:13", "00:14"], ["00:17", "00:17"]]


def test_reports_that_disagree_with_each_other_are_not_chained() -> None:
    """The second is close to the first and to the third, which are not close to each other."""
    records = [report(name, peak=peak, end="00:40") for name, peak in (("A", "00:12"), ("B", "00:20"), ("C", "00:28"))]
    assert grouped(*records) == [2, 1]


def test_each_value_names_its_report() -> None:
    records = (
        report(fl_goescls="M1.3", ar_noaanum=13664),
        report(SSW, peak="00:18", fl_goescls="M1.5", ar_noaanum=3663, **at(519, -316)),
        report(DETECTIVE, peak="00:11", **at(499, -345)),
    )
    (flare,) = her.flares(table_of(*records))
    assert flare["event_peaktime"].isot[:16] == "2024-05-10T00:13"
    assert (flare["fl_goescls"], flare["ar_noaanum"]) == ("M1.3", 13664)
    assert flare["hpc_x"].unmasked.to_value("arcsec") == pytest.approx(519)
    sources = [flare[f"{name}_from"] for name in ("time", "class", "region", "place")]
    assert sources == ["SWPC", "SWPC", "SWPC", SSW]
    assert flare["suppliers"] == f"SWPC, {SSW}, {DETECTIVE}"
    assert flare["ivorns"].split() == [one["kb_archivid"] for one in records]
    assert flare["differences"] == f"fl_goescls: M1.3 (SWPC), M1.5 ({SSW}); ar_noaanum: 13664 (SWPC), 13663 ({SSW})"


def test_the_preferred_supplier_can_be_chosen() -> None:
    records = report(fl_goescls="M1.3", **at(1, 1)), report("B", fl_goescls="M1.4", peak="00:15", **at(2, 2))
    (flare,) = her.flares(table_of(*records), prefer="B")
    assert (flare["fl_goescls"], flare["time_from"], flare["place_from"]) == ("M1.4", "B", "B")


def test_a_preferred_supplier_is_found_in_any_case_and_has_to_exist() -> None:
    table = table_of(report(), report(SSW, peak="00:15"))
    assert her.flares(table, prefer="ssw latest events")["time_from"].tolist() == [SSW]
    with pytest.raises(QueryError, match=r"does not know the supplier 'SPCW' of prefer\. Did you mean SWPC"):
        her.flares(table, prefer=["SPCW"])


def test_reports_without_times_are_kept_last() -> None:
    nothing = report(start="", peak="", end="", fl_goescls="M1.0")
    made = her.flares(table_of(nothing, nothing | {"search_frm_name": SSW}, report()))
    assert made["count"].tolist() == [1, 1, 1]
    assert made["event_starttime"].mask.tolist() == [False, True, True]
    assert made["goes_scale"].filled("").tolist() == ["", "unknown", "unknown"]


def test_missing_values_are_masked() -> None:
    (flare,) = her.flares(table_of(report(DETECTIVE, peak="")))
    masked = ("fl_goescls", "class_from", "ar_noaanum", "region_from", "region", "place_from", "differences")
    assert all(flare[name] is np.ma.masked for name in masked)
    assert flare["goes_flux"].mask
    assert flare["fl_goescls_flux"].mask
    assert flare["event_peaktime"].mask
    assert flare["hpc_x"].mask
    assert flare["hgs_coord"].mask
    assert flare["time_from"] == DETECTIVE


@pytest.mark.parametrize(
    ("when", "named", "scale", "flux"),
    [
        ("2017-09-06T12:02:00", {}, "operational", 9.3e-4 / 0.7),
        ("2019-01-01T12:02:00", {}, "unknown", None),
        ("2019-01-01T12:02:00", {"obs_observatory": "GOES-15"}, "operational", 9.3e-4 / 0.7),
        ("2019-01-01T12:02:00", {"obs_instrument": "GOES 16"}, "physical", 9.3e-4),
        ("2024-05-10T12:02:00", {}, "physical", 9.3e-4),
    ],
)
def test_the_scale_of_the_class_is_that_of_its_satellite(when: str, named: Any, scale: str, flux: float | None) -> None:
    (flare,) = her.flares(table_of(report(start=when, peak=when, end=when, fl_goescls="X9.3", **named)))
    assert flare["goes_scale"] == scale
    assert flare["fl_goescls_flux"].unmasked.to_value("W/m2") == pytest.approx(9.3e-4)
    assert bool(flare["goes_flux"].mask) == (flux is None)
    assert flare["goes_flux"].unmasked.to_value("W/m2") == pytest.approx(flux or 0)


def test_regions_are_joined_by_number_then_by_place() -> None:
    records = (
        report(ar_noaanum=3664, **at(0, 0)),
        report(start="06:00", peak="06:05", end="06:10", **at(519, -316)),
        report(start="12:00", peak="12:05", end="12:10", ar_noaanum=13999, **at(519, -316)),
        report(start="18:00", peak="18:05", end="18:10", **at(-800, 300)),
        region(13664, 33, -20),
        region(13660, 0, -20),
    )
    made = her.flares(table_of(*records))
    assert made["region_by"].filled("").tolist() == ["number", "place", "place", ""]
    assert made["region"].filled("").tolist() == ["ivo://test/AR/13664"] * 3 + [""]
    assert made["ar_noaanum"].filled(0).tolist() == [13664, 13664, 13999, 0]


def test_a_region_is_rotated_to_the_time_of_the_flare() -> None:
    stamps = {"event_starttime": "2024-05-10T00:00:00", "event_endtime": "2024-05-10T23:59:59"}
    late = report(start="23:00", peak="23:05", end="23:10", hgs_coord="POINT(13 10)", event_coordsys="UTC-HGS-TOPO")
    near, wrong = region(13001, 0, 10, **stamps), region(13002, 21, 10, **stamps)
    (flare,) = her.flares(table_of(late, near, wrong))
    assert flare["ar_noaanum"] == 13001


def test_all_reports_are_kept_also_by_slices_and_files(tmp_path: Path) -> None:
    records = report(fl_goescls="M1.3"), report(SSW, **at(1, 2)), report(start="06:00", peak="06:05", end="06:10")
    made = her.flares(table_of(*records))
    assert made.reports["flare"].tolist() == [0, 0, 1]
    assert sorted(made.reports["kb_archivid"]) == sorted(one["kb_archivid"] for one in records)
    assert made[1:].reports["kb_archivid"].tolist() == [records[2]["kb_archivid"]]
    made.write(tmp_path / "flares.ecsv")
    back = her.FlareTable.read(tmp_path / "flares.ecsv")
    assert back.reports["flare"].tolist() == [0, 0, 1]
    assert back["fl_goescls"].filled("").tolist() == ["M1.3", ""]
    assert QTable.read(tmp_path / "flares.ecsv")["goes_flux"].unit == u.W / u.m**2


@pytest.mark.parametrize("suffix", ["ecsv", "parquet", "fits", "h5"])
@pytest.mark.parametrize("rows", [slice(None), slice(0, 0)], ids=["two flares", "none"])
def test_flares_are_restored_from_every_format_of_astropy(suffix: str, rows: slice, tmp_path: Path) -> None:
    made = her.flares(
        table_of(
            report(fl_goescls="M1.3", ar_noaanum=13664), report(SSW, event_description='"é"', **at(1, 2)),
            report(start="06:00", peak="06:05", end="06:10"),
        )
    )[rows]  # fmt: skip
    made.write(tmp_path / f"flares.{suffix}")
    back = her.FlareTable.read(tmp_path / f"flares.{suffix}")
    assert type(back) is her.FlareTable
    assert [list(reports) for reports in back["raw"]] == [list(map(dict, reports)) for reports in made["raw"]]
    assert repr(back["raw"].tolist()) == repr(made["raw"].tolist())
    assert len(back.reports) == len(made.reports)
    for name in set(made.colnames) - {"hgs_coord"}:
        assert [str(value) for value in back[name]] == [str(value) for value in made[name]], name
    np.testing.assert_allclose(back["hgs_coord"].lon.deg, made["hgs_coord"].lon.deg, rtol=1e-12)
    assert made["raw"].dtype == object


def test_damaged_reports_in_a_file_are_refused_and_those_of_other_formats_are_text(tmp_path: Path) -> None:
    made = her.flares(table_of(report()))
    made.write(tmp_path / "flares.csv")
    assert her.FlareTable.read(tmp_path / "flares.csv")["raw"].tolist() == ["1 report"]
    damaged = QTable(made)
    damaged["raw"] = ['[{"event_type": "FL"']
    damaged.write(tmp_path / "flares.parquet")
    with pytest.raises(FileError, match="takes reports as JSON in the column raw"):
        her.FlareTable.read(tmp_path / "flares.parquet")


def test_problems_of_the_events_are_kept(tmp_path: Path) -> None:
    made = her.flares(HERTable.from_records([report()], problems=["A page is missing."]))
    assert "A page is missing." in made.problems
    made.write(tmp_path / "flares.ecsv")
    assert her.FlareTable.read(tmp_path / "flares.ecsv").problems == made.problems == made[:1].problems


def test_printing_shows_the_number_of_reports() -> None:
    made = her.flares(table_of(report(), report(SSW)))
    assert "2 reports" in "\n".join(made.pformat(max_width=-1))
    assert max(map(len, made.pformat(max_width=-1))) < 700


@pytest.mark.parametrize("records", [[], [region(13664, 0, 0)]], ids=["nothing", "regions only"])
def test_without_flares_the_table_has_all_columns(records: list[Any]) -> None:
    made = her.flares(table_of(*records))
    assert len(made) == 0
    assert set(her.flares(table_of(report())).colnames) <= set(made.colnames)
    assert len(made.reports) == 0


def test_a_search_finds_flares_and_their_regions(archive: Any) -> None:
    made = her.flares(DAY, a.her.fl_goescls > "C1")
    assert made["fl_goescls"].tolist() == ["C3.4", "M1.2", "C1.1", "X1.6", "C8.8", "M5.0"]
    assert set(made["count"]) == {2}
    assert set(made["region_by"]) == {"number"}
    assert len(her.flares(DAY, a.her.fl_goescls > "X9")) == 0


def test_flares_are_kept_if_the_search_for_regions_fails(scripted: Any) -> None:
    scripted.say({"result": [report(fl_goescls="M1.3", ar_noaanum=13664)], "overmax": False}, b"503")
    with pytest.warns(IncompleteAnswerWarning, match="The active regions are missing"):
        (flare,) = made = her.flares(a.Time("2024-05-10", "2024-05-11"))
    assert (flare["fl_goescls"], flare["ar_noaanum"]) == ("M1.3", 13664)
    assert made["region"].mask.all()
    (problem,) = made.problems
    assert problem.archive == "HER"
    assert "503" in problem


def test_other_objects_are_refused_before_a_request(archive: Any) -> None:
    refused: list[Callable[[], Any]] = [
        lambda: her.flares(),
        lambda: her.flares(DAY, "FL"),
        lambda: her.flares(table_of(report()), within=-1 * u.s),
        lambda: her.flares(table_of(report()), near=-1 * u.arcsec),
        lambda: her.flares(table_of(report()), near=1 * u.km),
    ]
    for call in refused:
        with pytest.raises(QueryError, match=r"her\.flares takes"):
            call()
    assert not archive.log


def test_real_reports_of_one_day(real_data: Path) -> None:
    records = json.loads((real_data / "hek/hek-events_2024-05-10.json").read_text(encoding="utf-8"))["result"]
    earlier, flare = her.flares(table_of(*records))
    assert flare["suppliers"] == f"SWPC, {SSW}"
    assert (flare["fl_goescls"], flare["ar_noaanum"], flare["place_from"]) == ("M1.3", 13664, SSW)
    # It ended four minutes before the flare started.
    assert earlier["suppliers"] == DETECTIVE


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_descriptions_of_a_region_the_nearest_in_time_is_taken(first: int) -> None:
    flare = {"event_starttime": "2026-01-10T10:00:00", "event_endtime": "2026-01-10T11:00:00"}
    spans = [("2026-01-10T00:00:00", "2026-01-10T23:59:59"), ("2026-01-11T00:00:00", "2026-01-11T23:59:59")]
    spans = spans if first == 0 else spans[::-1]
    regions = HERTable.from_records(
        [{"ar_noaanum": 13000, "event_starttime": start, "event_endtime": end} for start, end in spans]
    )
    events = HERTable.from_records([flare])
    rows, by = active_regions(
        np.array([13000]), EventIntervals.of(events, "event_starttime", "event_endtime"), Places.of(events),
        np.array([-1]), regions,
    )  # fmt: skip
    assert (rows.tolist(), by) == ([first], ["number"])
