"""Test that one odd record does not discard the response, with known problematic records and random ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.time import Time
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sunkit_instruments.goes_xrs import flareclass_to_flux

from sunpy_helio_plugins.errors import HelioPluginsError
from sunpy_helio_plugins.her import HERTable, Polygon
from sunpy_helio_plugins.her.filters.goes import peak_flux
from sunpy_helio_plugins.her.query import Query
from sunpy_helio_plugins.her.search import search

GOOD = {
    "event_starttime": "2026-01-10T01:00:00", "event_endtime": "2026-01-10T05:00:00", "event_type": "CH",
    "kb_archivid": "ivo://x/1", "frm_name": "SPoCA", "event_coordsys": "UTC-HPC-TOPO",
    "event_coordunit": "arcsec,arcsec", "event_coord1": 10.0,
    "event_coord2": 20.0, "hpc_x": 10.0, "hpc_y": 20.0, "area_raw": 3.0, "area_unit": "km2",
    "hpc_coord": "POINT(10 20)", "hpc_boundcc": "POLYGON((0 0,10 0,10 10,0 10,0 0))", "event_peaktime": None,
    "hgs_bbox": "POLYGON((0 0,10 0,10 10,0 10,0 0))", "boundbox_c1ll": 1.0, "event_npixels": 7,
    "event_pixelunit": "DN/s",
}  # fmt: skip


def beside(**odd: Any) -> HERTable:
    """Return a table of a good record, an odd one, and a good one, after checking the good ones."""
    table = HERTable.from_records([dict(GOOD), GOOD | odd, dict(GOOD)])
    for row in (0, 2):
        assert table["hpc_x"][row] == 10 * u.arcsec
        assert len(table["hpc_boundcc"][row]) == 5
        assert table["event_starttime"][row].isot == "2026-01-10T01:00:00.000000000"
        assert table["area_raw"][row] in (3.0, 3 * u.km**2)
    assert table["raw"][1] == GOOD | odd
    return table


@pytest.mark.parametrize(
    "odd",
    [
        {"event_coordsys": "UTC-HPR-TOPO"}, {"event_coordsys": "utc-hpc-topo"}, {"event_coordsys": None},
        {"event_coord1": None}, {"event_coord2": 95.0, "event_coordsys": "UTC-HGS-TOPO"}, {"event_coord1": "x"},
        {"hgs_bbox": "POLYGON((0 0,10 0,10 99,0 10,0 0))"}, {"event_coord3": 1.045, "event_coordunit": "degrees"},
        {"hpc_boundcc": "POLYGON((0 0,9 0,9 9,0 0),(1 1,2 1,2 2,1 1))"}, {"bound_chaincode": "1,2,3,4,5,6"},
        {"skel_chaincode": "LINESTRING(0 0,1 1)"}, {"hpc_boundcc": "MULTIPOLYGON(((0 0,1 1,2 0,0 0)))"},
        {"event_starttime": None}, {"event_starttime": "soon"}, {"event_peaktime": "2026-01-10T02:00:00"},
        {"noposition": True}, {"refs": None}, {"frm_versionnumber": {"a": 1}}, {"frm_name": ["x"]}, {"frm_name": 3},
        {"hpc_x": "10"}, {"hpc_x": [1]}, {"event_type": None}, {"revision": "new"}, {"event_coordunit": 7},
    ],
)  # fmt: skip
def test_a_record_that_broke_other_clients_costs_nothing(odd: dict[str, Any]) -> None:
    table = beside(**odd)
    assert len(table) == 3
    str(table)


ODD_UNITS = [
    "", None, "arcsec2", "rsun, deg", "millihemispheres", "uHem", "MSH", "counts", "pixels", "Deg/day", "Angstroms",
    "steradians", "seconds", "hours", "Degrees", "Arcsec", "Day", "unknown", "-", "N/A", "10^20 Mx", "1e49 cm^-3",
    "\u00c5", 5,
]  # fmt: skip


@pytest.mark.parametrize("unit", ODD_UNITS)
def test_no_unit_costs_the_answer_or_is_believed_wrongly(unit: Any) -> None:
    table = beside(area_unit=unit)
    if isinstance(table["area_raw"], u.Quantity):
        assert table["area_raw"].unit.is_equivalent("km2")
    else:
        assert table["area_raw"].tolist() == [3, 3, 3]


def test_coordinates_in_different_systems_never_share_a_unit() -> None:
    table = beside(boundbox_c1ll=-89.9, event_coordunit="deg, rsun")
    assert table["boundbox_c1ll"].tolist() == [1, -89.9, 1]
    assert list(table["coord1_unit"]) == ["arcsec", "deg", "arcsec"]
    assert list(table["coord2_unit"]) == ["arcsec", "rsun", "arcsec"]


@pytest.mark.parametrize("name", ["frm_name", "event_title", "new_text"])
def test_half_a_character_does_not_keep_a_table_from_being_shown(name: str) -> None:
    """JSON can contain an escaped lone surrogate, which cannot be encoded."""
    table = beside(**{name: json.loads('"\\u00c5 \\ud800"')})
    assert table[name][1] == "\u00c5 ?"
    for text in (str(table.show(name)), repr(table.show(name)), table.show(name)._repr_html_()):
        assert text.encode()


def test_a_number_of_pixels_is_no_brightness() -> None:
    table = beside()
    assert table["event_npixels"].tolist() == [7, 7, 7]
    assert not isinstance(table["event_npixels"], u.Quantity)


def test_peak_times_compare_although_some_are_missing() -> None:
    table = beside(event_peaktime="2026-01-10T02:00:00")
    assert isinstance(table["event_peaktime"], Time)
    assert table["event_peaktime"].mask.tolist() == [True, False, True]
    assert table["event_peaktime"][1] > Time("2026-01-10")


def test_types_of_columns_do_not_depend_on_the_number_of_rows() -> None:
    one, three = HERTable.from_records([GOOD]), beside()
    for name in one.colnames:
        assert type(one[name]) is type(three[name])
    assert list(beside().colnames) == list(beside().colnames)


def test_records_stay_with_their_rows() -> None:
    table = HERTable.from_records([GOOD | {"hpc_x": float(x), "n": x} for x in (3, 1, 2)])
    table.sort("hpc_x")
    assert [record["n"] for record in table["raw"]] == [1, 2, 3]
    assert [record["n"] for record in table[table["hpc_x"] > 1.5 * u.arcsec]["raw"]] == [2, 3]


@pytest.mark.parametrize("text", ["X10.5", "M1.0", "C9.9", "B2", "A1.1"])
def test_classes_of_flares_have_the_flux_that_sunkit_instruments_gives(text: str) -> None:
    assert peak_flux(text) == pytest.approx(flareclass_to_flux(text).to_value("W/m2"))
    table = HERTable.from_records([GOOD | {"fl_goescls": text}, GOOD | {"fl_goescls": ""}])
    assert table["fl_goescls_flux"][0].to_value("W/m2") == pytest.approx(peak_flux(text))
    assert table["fl_goescls_flux"].mask.tolist() == [False, True]


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(), st.text(max_size=20),
    st.sampled_from(["POLYGON((", "POINT(1 2)", "2026-13-45T99:00:00", "inf", "-9999", "deg", "", "true"]),
    st.lists(st.integers(), max_size=3), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip


def judge_mutations(records: list[dict[str, Any]], changes: list[tuple[int, int, Any]]) -> None:
    """Change some values: other rows must be unchanged, and only errors of this package may be raised."""
    mutated = [dict(record) for record in records]
    touched = set()
    for row, key, value in changes:
        row %= len(mutated)
        names = list(mutated[row])
        mutated[row][names[key % len(names)]] = value
        touched.add(row)
    before = HERTable.from_records(records)
    try:
        after = HERTable.from_records(mutated)
    except HelioPluginsError:
        return
    assert len(after) == len(before)
    str(after)
    for row in set(range(len(records))) - touched:
        for name in ("event_starttime", "hpc_boundcc", "hgs_bbox", "hpc_x", "frm_name", "event_endtime", "hpc_bbox"):
            same(before[name][row], after[name][row])


def same(mine: Any, yours: Any) -> None:
    if isinstance(mine, Time):
        assert mine.isot == yours.isot
    elif mine is np.ma.masked or (hasattr(mine, "mask") and np.all(mine.mask)):
        assert yours is np.ma.masked or np.all(yours.mask)
    else:
        if not isinstance(mine, Polygon):  # polygons are compared completely
            mine, yours = (getattr(value, "unmasked", value) for value in (mine, yours))
        assert getattr(mine, "value", mine) == getattr(yours, "value", yours)


@pytest.mark.exhaustive
@settings(max_examples=25, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 200), JUNK), max_size=6))
def test_random_mutations_cost_no_other_row(archive: Any, changes: list[tuple[int, int, Any]]) -> None:
    records = _events()
    judge_mutations(records, changes)


_CACHE: list[dict[str, Any]] = []


def _events() -> list[dict[str, Any]]:
    if not _CACHE:
        _CACHE.extend(search([Query("2026-01-10T12:00:00", "2026-01-10T14:00:00")]).records[:12])
    return _CACHE


@pytest.mark.exhaustive
@settings(max_examples=25, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 200), JUNK), max_size=6))
def test_random_mutations_of_real_answers_cost_no_other_row(
    real_data: Path, changes: list[tuple[int, int, Any]]
) -> None:
    judge_mutations(json.loads((real_data / "hek/hek-events_2024-05-10.json").read_bytes())["result"], changes)
