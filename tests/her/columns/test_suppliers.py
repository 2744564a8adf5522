"""Test the conventions of each supplier: units, systems, times, omitted values."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.time import Time

from sunpy_helio_plugins.her import HERTable

TIMES = {"event_starttime": "2014-02-20T04:00:00", "event_endtime": "2014-02-20T08:00:00", "event_testflag": "false"}
SQUARE = "POLYGON((0 0,10 0,10 10,0 10,0 0))"
GONE: dict[str, Any] = {"noposition": "false", "event_peaktime": "", "obs_meanwavel": None, "event_coord3": None}


def supplied(kind: str, name: str, **own: Any) -> dict[str, Any]:
    return TIMES | GONE | {"event_type": kind, "frm_name": name, "kb_archivid": f"ivo://x/{kind}_{name}"} | own


SHARP = supplied(
    "AR", "HMI SHARP", ar_noaanum=11976, event_coordsys="UTC-HGC-TOPO", event_coordunit="deg,deg", event_coord1=70.5,
    unsignedflux=2.4e22, magfluxunit="Mx", meangradienttotal=85.1, gradientunit="G/Mm", meanshearangle=31.2,
    meanvertcurrentdensity=-0.04, currentdensityunit="mA/m^2", unsignedvertcurrent=3e13, currentunit="A",
    meantwistalpha=0.01, twistunit="1/Mm", meancurrenthelicity=-0.002, currenthelicityunit="(G^2)/m",
    meanphotoenergydensity=7e3, meanenergydensityunit="erg/(cm^3)", totalphotoenergydensity=5e23,
    totalenergydensityunit="erg/cm", gwill=12.5, gwillunit="Mm", highsheararea=1e15, highshearareaunit="m^2",
    log_r_value=4.2, meaninclinationgamma=44.0,
)  # fmt: skip
NOAA = supplied(
    "AR", "NOAA SWPC Observer", ar_noaanum=1976, ar_noaaclass="AXX", event_coordsys="UTC-HGS-TOPO", event_coord1=-12,
    event_coordunit="degrees", ar_mtwilsoncls="BETA", ar_spotarearepr=120, ar_spotareareprunit="millionths",
    hgs_bbox="POLYGON((-14 -17,-10 -17,-10 -13,-14 -13,-14 -17))", hgs_coord="POINT(-12 -15)", hpc_x=-196.3,
    hpc_y=-133.0,
)  # fmt: skip
EMERGENCE = supplied(
    "EF", "Emerging flux region module", frm_versionnumber=0.51999998, event_peaktime="2014-02-20T06:30:00",
    ef_sumpossignedflux=1.2e20, ef_sumnegsignedflux=-1.1e20, ef_fluxunit="Mx", ef_pospeakfluxonsetrate=3e15,
    ef_onsetrateunit="Mx/s", ef_axislength=5.5, ef_lengthunit="Mm", ef_aspectratio=0.4, hpc_coord="POINT(5 5)",
    hpc_boundcc=SQUARE,
)  # fmt: skip
FILAMENT = supplied(
    "FI", "AAFDCC", fi_length=1.2e5, fi_lengthunit="km", fi_tilt=-35.5, fi_barbstot=7, fi_chirality=-1,
    bound_ccnsteps=4, hpc_boundcc=SQUARE, hpc_skeletoncc="LINESTRING(0 0,5 5,10 5)", skel_nsteps=3,
    skel_chaincode="LINESTRING(0 0,5 5,10 5)", fi_barbsstartc1="1,2,3",
)  # fmt: skip
SIGMOID = supplied(
    "SG", "Sigmoid Sniffer", sg_shape="S", sg_aspectratio=3.1, sg_orientation=40.0, hpc_boundcc=SQUARE.lower()
)
DIMMING = supplied(
    "CD", "Coronal Dimming Module", cd_area=2.5, cd_areaunit="millihemispheres", cd_mass=1e15, cd_massunit="g"
)
WAVE = supplied("OS", "AFINO", freqpeakpower=3.2, frequnit="mHz", oscillnperiods=4, velocmaxampl=3.5, velocunit="km/s")
ERUPTION = supplied(
    "ER", "EruptionPatrol", outflow_speed=180, outflow_speedunit="km/s", outflow_length=120,
    outflow_lengthunit="arcsec", hpc_coord="POINT(-1050.5 200.25)", hgs_coord="", hgc_coord="", hgs_x=None,
)  # fmt: skip
SPOTS = supplied(
    "SS", "EGSO_SFC", ss_spinrate=14.2, ss_spinrateunit="Deg/day", area_atdiskcenter=3.1, area_unit="sq. degrees"
)
CME = supplied(
    "CE", "CDAW_GopalswamyYashiroFreeland", event_coordsys="UTC-HRC-TOPO", event_coordunit="deg, rsun",
    event_coord1=273, event_coord2=2, cme_mass=2.1e15, cme_massunit="g", cme_accel=-9.2, cme_accelunit="km/s/s",
    cme_radiallinvel=940, cme_radiallinvelunit="km/s", cme_angularwidth=360, cme_angularwidthunit="degrees",
    hrc_coord="POINT(2 273)", hpc_coord="POINT(1896.6 99.4)", hgs_coord="", hgc_coord="",
)  # fmt: skip
RHESSI = supplied(
    "FL", "RHESSI Flare Catalog", fl_peakflux=120.0, fl_peakfluxunit="counts/s", noposition="true", hgs_x=0
)
BLANK = supplied(
    "FA", "Human Annotation", frm_identifier="blank", outflow_width=-9999, outflow_widthunit="blank",
    obs_meanwavel=-999999, obs_wavelunit="", event_coord1="-9999.0", area_raw=float("inf"), area_unit=None,
    area_uncert="blank", event_peaktime="1492-10-12T00:00:00",
    hpc_coord="POINT(-9999 -9999)", event_expires="1970-01-01T00:00:00", ar_noaanum="",
)  # fmt: skip
STEREO = supplied(
    "FE", "STEREO observer", event_coordsys="UTC-HGS-TOPO", event_coordunit="deg,deg", event_coord1=-120,
    event_coord2=15, event_coord3=1.1, obs_observatory="STEREO_B", obs_instrument="EUVI", obs_meanwavel=1.95e-06,
    obs_wavelunit="cm", hgs_coord="POINT(-120 15)", hgs_x=-120.0, hpc_coord="POINT(-812.5 330.1)",
)  # fmt: skip
ALL = [SHARP, NOAA, EMERGENCE, FILAMENT, SIGMOID, DIMMING, WAVE, ERUPTION, SPOTS, CME, RHESSI, BLANK, STEREO]


@pytest.fixture
def mixed() -> HERTable:
    return HERTable.from_records(ALL)


UNITS = {
    "unsignedflux": ("Mx", 0, 2.4e22), "meangradienttotal": ("G/Mm", 0, 85.1), "meanshearangle": ("deg", 0, 31.2),
    "meanvertcurrentdensity": ("mA/m2", 0, -0.04), "unsignedvertcurrent": ("A", 0, 3e13),
    "meantwistalpha": ("1/Mm", 0, 0.01), "meancurrenthelicity": ("G2/m", 0, -0.002),
    "meanphotoenergydensity": ("erg/cm3", 0, 7e3), "totalphotoenergydensity": ("erg/cm", 0, 5e23),
    "gwill": ("Mm", 0, 12.5), "highsheararea": ("m2", 0, 1e15), "meaninclinationgamma": ("deg", 0, 44),
    "hpc_x": ("arcsec", 1, -196.3), "ef_sumpossignedflux": ("Mx", 2, 1.2e20), "ef_axislength": ("Mm", 2, 5.5),
    "ef_pospeakfluxonsetrate": ("Mx/s", 2, 3e15), "fi_length": ("km", 3, 1.2e5), "fi_tilt": ("deg", 3, -35.5),
    "sg_orientation": ("deg", 4, 40), "cd_mass": ("g", 5, 1e15), "freqpeakpower": ("mHz", 6, 3.2),
    "outflow_speed": ("km/s", 7, 180), "outflow_length": ("arcsec", 7, 120), "ss_spinrate": ("deg/day", 8, 14.2),
    "area_atdiskcenter": ("deg2", 8, 3.1), "cme_accel": ("km/s2", 9, -9.2), "cme_angularwidth": ("deg", 9, 360),
    "fl_peakflux": ("ct/s", 10, 120), "obs_meanwavel": ("cm", 12, 1.95e-6),
}  # fmt: skip


@pytest.mark.parametrize("name", UNITS)
def test_each_suppliers_numbers_have_their_unit_beside_all_the_others(mixed: HERTable, name: str) -> None:
    unit, row, value = UNITS[name]
    assert mixed[name].unit == u.Unit(unit)
    assert mixed[name][row].value == pytest.approx(value)
    assert mixed[name].mask.sum() == len(ALL) - 1


@pytest.mark.parametrize(("name", "unit"), [("ar_spotarearepr", "millionths"), ("cd_area", "millihemispheres")])
def test_a_unit_that_has_no_one_meaning_is_kept_as_text(mixed: HERTable, name: str, unit: str) -> None:
    assert not isinstance(mixed[name], u.Quantity)
    assert mixed[name].info.meta["unit_string"] == unit


def test_what_suppliers_leave_out_is_masked(mixed: HERTable) -> None:
    row = ALL.index(BLANK)
    numbers = ("outflow_width", "obs_meanwavel", "event_coord1", "area_raw", "hpc_coord", "ar_noaanum", "area_uncert")
    for name in (*numbers, "frm_identifier", "event_peaktime", "outflow_widthunit"):
        assert mixed[name].mask[row]
    assert mixed["event_peaktime"].mask.sum() == len(ALL) - 1


def test_nothing_is_said_to_be_odd_and_each_record_is_kept(mixed: HERTable) -> None:
    assert mixed.problems == []
    assert all(mine is theirs for mine, theirs in zip(mixed["raw"], ALL, strict=True))


def test_each_method_has_its_own_instant(mixed: HERTable) -> None:
    expected = ["06:30" if record is EMERGENCE else "04:00" for record in ALL]
    assert [stamp[11:16] for stamp in mixed["detection_time"].isot] == expected


def test_regions_have_five_digits_and_submitters_coordinates_their_units(mixed: HERTable) -> None:
    assert mixed["ar_noaanum"][:2].tolist() == [11976, 11976]
    assert list(mixed["coord2_unit"].filled(""))[ALL.index(CME)] == "rsun"
    assert mixed["event_coord3"][ALL.index(STEREO)] == 1.1


def test_what_is_beyond_the_limb_has_no_heliographic_place(mixed: HERTable) -> None:
    for row in (ALL.index(ERUPTION), ALL.index(CME)):
        assert not mixed["hpc_coord"].mask[row]
        assert mixed["hgs_coord"].mask[row]
    seen = mixed["hrc_coord"][ALL.index(CME)]
    assert (seen.Tx.value, seen.Ty.value) == pytest.approx((1896.6, 99.4), abs=50)


def test_skeletons_are_lines_and_outlines_areas(mixed: HERTable) -> None:
    row = ALL.index(FILAMENT)
    assert len(mixed["hpc_skeletoncc"][row]) == 3
    assert mixed["hpc_skeletoncc"][row].area == 0
    assert mixed["hpc_skeletoncc"][row].wkt == "LINESTRING(0 0,5 5,10 5)"
    assert mixed["hpc_skeletoncc"][row].to_shapely().geom_type == "LineString"
    assert mixed["hpc_boundcc"][row].area > 0
    assert mixed["hpc_boundcc"][ALL.index(SIGMOID)] == mixed["hpc_boundcc"][row]


EVERYWHERE = "POLYGON((-89.9 -89.9,89.9 -89.9,89.9 89.9,-89.9 89.9,-89.9 -89.9))"
SEEN = "POLYGON((-1.657763 -948.44808,1.657763 -948.44808,1.657074 947.96088,-1.657074 947.96088,-1.657763 -948.44808))"


def test_a_box_of_the_whole_near_side_is_none_although_the_flag_is_missing() -> None:
    """A response with some keywords only may lack noposition."""
    flare = {"event_type": "FL", "hgs_bbox": EVERYWHERE, "hpc_bbox": SEEN} | TIMES
    table = HERTable.from_records([flare, flare | {"hgs_bbox": SQUARE, "hpc_bbox": SQUARE}])
    assert table["hgs_bbox"].mask.tolist() == [True, False]
    assert table["hpc_bbox"].mask.tolist() == [True, False]
    assert table.problems == []


@pytest.mark.parametrize("word", ["true", "True", "TRUE", True, "t"])
def test_an_event_without_a_place_has_none_however_that_is_spelled(word: Any) -> None:
    table = HERTable.from_records(
        [TIMES | {"event_type": "FL", "noposition": word, "hgs_x": 0, "hgs_coord": "POINT(0 0)"}]
    )
    assert table["noposition"].tolist() == [True]
    assert table["hgs_x"].mask.all()
    assert table["hgs_coord"].mask.all()


STAMPS = [
    "2014-02-20T04:00:00", "2014-02-20T04:00:00Z", "2014-02-20 04:00:00", "2014-02-20T04:00:00.000", "2014-02-20T04:00",
    " 2014-02-20T04:00:00 ",
]  # fmt: skip


@pytest.mark.parametrize("stamp", STAMPS)
def test_times_are_read_in_every_form_that_the_registry_has(stamp: str) -> None:
    table = HERTable.from_records(
        [TIMES | {"event_type": "FL"}, TIMES | {"event_type": "FL", "event_starttime": stamp}]
    )
    assert table["event_starttime"].isot.tolist() == ["2014-02-20T04:00:00.000000000"] * 2
    assert table.problems == []


def test_one_odd_time_among_many_is_the_only_one_that_is_lost() -> None:
    records = [TIMES | {"event_type": "FL", "event_peaktime": f"2014-02-20T04:00:{second:02d}"} for second in range(60)]
    records[17]["event_peaktime"] = "soon"
    table = HERTable.from_records(records * 5)
    assert table["event_peaktime"].mask.sum() == 5
    assert table["event_peaktime"][18] == Time("2014-02-20T04:00:18")
    assert np.count_nonzero(["'soon'" in problem for problem in table.problems]) == 1
