"""
What the tests of sunpy's HEK client expect, with the attrs and tables of this package.

These expectations are not met, each for the reason that its test here states:

- ``parse_unit("HMI pixel")`` as a plate scale: in records it is the unit of a number of pixels.
- ``parse_unit("foo")`` raises: an unknown unit must not cost the other events.
- ``and`` between comparisons: Python would drop one of them.
- ``AR & CE`` raises at once: it raises when it is searched for, since attrs of other packages may be joined first.
- ``event_coord``, ``vso_time``, ``get_voevent`` and ``raw`` are found under the names that an error states.
- The numbers of events of certain days: a test without the registry cannot count them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.time import Time
from sunpy.coordinates import HeliographicCarrington, HeliographicStonyhurst, Helioprojective, get_earth
from sunpy.net import attrs as a

from sunpy_helio_plugins import HERClient, her
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her import HERTable
from sunpy_helio_plugins.her.keywords import event_types, keywords
from sunpy_helio_plugins.quantities import units

DAY = a.Time("2026-01-10", "2026-01-10T23:59")
START = "2020-01-01T00:00:00"
EVENT = {
    "event_type": "FL", "frm_name": "x", "kb_archivid": "ivo://x/1", "event_starttime": START, "event_endtime": START,
    "event_coordsys": "UTC-HPC-TOPO",
}  # fmt: skip


def table_of(*events: dict[str, Any]) -> HERTable:
    return HERTable.from_records([EVENT | {"kb_archivid": f"ivo://x/{at}"} | own for at, own in enumerate(events)])


def parameters(*query: Any) -> list[dict[str, str]]:
    return [dict(request.parameters) for request in her.translate(DAY, *query)]


@pytest.fixture
def found(archive: Any) -> HERTable:
    return HERClient().search(DAY, a.her.FL)


# Queries


@pytest.mark.parametrize("query", [(a.her.AR & a.her.CE,), (a.her.AR & DAY & a.her.CE,)])
def test_two_types_of_one_event_are_refused(query: Any) -> None:
    with pytest.raises(QueryError, match=r"join types with \|, not &"):
        her.translate(DAY, *query)


def test_types_are_combined_in_one_request() -> None:
    (asked,) = parameters(a.her.AR | a.her.CE)
    assert asked["event_type"] == "ar,ce"


@pytest.mark.parametrize(
    ("make", "operator"),
    [
        (lambda word: word == "bar", "="), (lambda word: word < "bar", "<"), (lambda word: word > "bar", ">"),
        (lambda word: word <= "bar", "<="), (lambda word: word >= "bar", ">="), (lambda word: word != "bar", "!="),
        (lambda word: word.like("bar"), "like"),
    ],
)  # fmt: skip
def test_each_comparison_has_its_operator(make: Any, operator: str) -> None:
    (asked,) = parameters(a.her.AR, make(a.her.frm_name))
    assert [asked[name] for name in ("param0", "op0", "value0")] == ["FRM_Name", operator, "bar"]


def test_something_else_than_attrs_is_refused() -> None:
    with pytest.raises(QueryError):
        her.translate(DAY, object())


def test_several_comparisons_are_sent_together() -> None:
    (asked,) = parameters(a.her.FL, a.her.obs_observatory == "GOES", a.her.frm_name != "SSW Latest Events")
    assert {asked[f"param{number}"] for number in (0, 1)} == {"OBS_Observatory", "FRM_Name"}


def test_comparisons_joined_by_a_word_of_python_are_refused() -> None:
    with pytest.raises(TypeError, match="Join comparisons with &"):
        her.translate(DAY, a.her.FL, (a.her.event_coord1 > 50) and (a.her.fl_peakflux > 1000))


@pytest.mark.parametrize("kind", event_types())
def test_every_type_can_be_searched_for(scripted: Any, kind: str) -> None:
    scripted.say({"result": [EVENT | {"event_type": kind}], "association": [], "overmax": False})
    table = HERClient().search(a.Time("2019-12-31", "2020-01-02"), a.her.EventType(kind))
    assert table["event_type"].tolist() == [kind]


# Tables and rows


def test_a_search_returns_a_table(found: HERTable) -> None:
    assert isinstance(found, HERTable)
    assert len(found) > 0


def test_a_search_that_finds_nothing_returns_an_empty_table(archive: Any) -> None:
    table = HERClient().search(a.Time("1985-05-04", "1985-05-04"), a.her.FL)
    assert isinstance(table, HERTable)
    assert len(table) == 0


def test_times_are_times(found: HERTable) -> None:
    assert isinstance(found[0]["event_starttime"], Time)
    assert isinstance(found[0]["event_endtime"], Time)


def test_rows_have_attrs_for_other_archives(found: HERTable) -> None:
    kinds = {type(one) for one in found[0].to_attrs().attrs}
    assert {a.Time, a.Instrument} <= kinds


@pytest.mark.parametrize("name", ["vso_time", "vso_instrument", "get_voevent", "event_coord"])
def test_other_names_are_named(found: HERTable, name: str) -> None:
    with pytest.raises(AttributeError, match="use row"):
        getattr(found[0], name)


def test_rows_have_their_document(found: HERTable) -> None:
    assert found[0].voevent().ivorn == found["kb_archivid"][0]


def test_rows_return_values_and_none(found: HERTable) -> None:
    assert found[0].get("event_peaktime") == found[0]["event_peaktime"]
    assert found[0].get("") is None


def test_original_values_are_kept(found: HERTable) -> None:
    for name in ("event_coord1", "event_coord2", "event_coordsys"):
        assert all(name in record for record in found["raw"])


def test_letters_of_any_encoding_are_read(scripted: Any) -> None:
    body = json.dumps({"result": [EVENT | {"obs_wavelunit": "?ngstr"}], "association": [], "overmax": False})
    scripted.say(body.encode().replace(b"?", b"\xc5"))
    table = HERClient().search(a.Time("2019-12-31", "2020-01-02"), a.her.FL)
    assert table["raw"][0]["obs_wavelunit"].endswith("ngstr")


def test_missing_times_are_masked() -> None:
    table = table_of({"event_peaktime": None}, {"event_peaktime": "2024-05-10T00:13:00"})
    assert table["event_peaktime"].mask.tolist() == [True, False]
    assert table["event_peaktime"][1].isot == "2024-05-10T00:13:00.000000000"


def test_real_wavelengths_are_quantities(real_data: Path) -> None:
    answer = json.loads((real_data / "hek/hek-events_2024-05-10.json").read_bytes())
    table = HERTable.from_records(answer["result"])
    assert table["obs_meanwavel"][3].to_value("AA") == pytest.approx(193)


@pytest.mark.parametrize("name", [name for name, word in keywords().items() if word.fixed and not word.unit])
def test_keywords_with_a_unit_are_quantities(name: str) -> None:
    assert isinstance(table_of({keywords()[name].name: 1.0})[keywords()[name].name], u.Quantity)


def test_numbers_are_selected_with_units(archive: Any) -> None:
    table = HERClient().search(DAY, a.her.CH, a.her.area_atdiskcenter > 1e3 * u.Mm**2)
    assert len(table) > 0
    assert (table["area_atdiskcenter"] > 1e3 * u.Mm**2).all()


# Units

MEANT = {
    "DN/sec/pixel": u.DN / (u.pix * u.s), "ergs per cubic centimeter": u.erg / u.cm**3, "ma/m2": u.mA / u.m**2,
    "deg deg": u.deg, "arcsec, arcsec": u.arcsec, "arcsec,arcsec": u.arcsec, "arcseconds": u.arcsec, "degrees": u.deg,
    "sec": u.s, "emx": u.Mx, "amperes": u.A, "ergs": u.erg, "radians": u.rad, "hz": u.Hz, "rsun": u.R_sun,
    "cubic centimeter": u.cm**3, "square centimeter": u.cm**2, "cubic meter": u.m**3, "square meter": u.m**2,
    "ergs/cm^3": u.erg / u.cm**3,
}  # fmt: skip


@pytest.mark.parametrize(("text", "unit"), MEANT.items())
def test_texts_of_units_are_understood(text: str, unit: u.UnitBase) -> None:
    assert units.parse(text, context={"server": "registry of solar events"}) == unit


@pytest.mark.parametrize("text", ["HMI pixel", "HMI pixels", "HMI pixel(s)"])
def test_pixels_of_an_instrument_are_pixels(text: str) -> None:
    """Records have it for areas of spots, where a plate scale would be another quantity."""
    assert units.parse(text, context={"server": "registry of solar events"}) == u.pix


def test_an_unknown_unit_is_kept_as_text() -> None:
    table = table_of({"area_raw": 3.0, "area_unit": "foo"})
    assert table["area_raw"].info.meta["unit_string"] == "foo"


def test_units_of_several_columns_apply_to_their_rows() -> None:
    table = table_of(
        {"meanvertcurrentdensity": 1.0, "currentdensityunit": "ma/m2", "meanphotoenergydensity": 20.0,
         "meanenergydensityunit": "ergs per cubic centimeter"},
        {"meanvertcurrentdensity": None, "currentdensityunit": None, "meanphotoenergydensity": None,
         "meanenergydensityunit": None},
    )  # fmt: skip
    assert table["meanvertcurrentdensity"][0] == 1 * u.mA / u.m**2
    assert table["meanphotoenergydensity"][0] == 20 * u.erg / u.cm**3
    assert table["meanvertcurrentdensity"].mask.tolist() == [False, True]


# Coordinates

EARTH = get_earth(START)


@pytest.mark.parametrize(
    ("name", "text", "expected", "apart"),
    [
        ("hpc_coord", "POINT(100 200)", SkyCoord(100, 200, unit="arcsec", frame=Helioprojective(observer=EARTH)), 0),
        ("hgs_coord", "POINT(20 45)", SkyCoord(20, 45, unit="deg", frame=HeliographicStonyhurst(obstime=START)), 0),
        # The central longitude of the registry differs by this.
        ("hgc_coord", "POINT(180 0)", SkyCoord(180, 0, unit="deg", frame=HeliographicCarrington(observer=EARTH)), 176),
    ],
)
def test_points_are_coordinates(name: str, text: str, expected: SkyCoord, apart: float) -> None:
    column = table_of({name: text})[name]
    assert isinstance(column, SkyCoord)
    found = column.coordinate.transform_to(expected.frame)[0].separation(expected)
    assert found.to_value("arcsec") == pytest.approx(apart, abs=5 if apart else 0.05)


def test_points_in_radii_and_angles_are_coordinates() -> None:
    place = table_of({"hrc_coord": "POINT(0.1 45)"})["hrc_coord"].coordinate[0]
    seen = place.transform_to(Helioprojective(observer=EARTH))
    # At a position angle of 45 degrees: to the north-east.
    assert -seen.Tx.to_value("arcsec") == pytest.approx(seen.Ty.to_value("arcsec"), rel=1e-3)


@pytest.mark.parametrize("name", ["hpc_bbox", "hrc_bbox", "hpc_boundcc", "hgs_boundcc"])
def test_outlines_have_coordinates(name: str) -> None:
    ring = [(0.5, 30.0), (0.6, 30.0), (0.6, 40.0), (0.5, 40.0), (0.5, 30.0)]
    polygon = table_of({name: f"POLYGON(({','.join(f'{x} {y}' for x, y in ring)}))"})[name][0]
    assert polygon.skycoord.shape == (5,)
    np.testing.assert_array_equal(polygon.vertices, ring)
