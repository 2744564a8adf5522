"""Test that records are converted to a table with correct units, and without lost or guessed values."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable, vstack
from astropy.time import Time

from sunpy_helio_plugins import her
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her import HERClient, HERTable
from sunpy_helio_plugins.her.events import regions
from sunpy_helio_plugins.her.filters import plan
from sunpy_helio_plugins.her.query import Query, Triplet
from sunpy_helio_plugins.her.search import search

START, END = "2026-01-10T00:00:00.000Z", "2026-01-10T23:59:00.000Z"
EVENT = {"event_starttime": "2026-01-10T01:00:00", "event_endtime": "2026-01-10T02:00:00", "event_type": "NR"}


def table_of(*records: dict[str, Any]) -> HERTable:
    return HERTable.from_records([EVENT | record for record in records], client=HERClient())


def ask(*types: str, **filters: str) -> HERTable:
    triplets = tuple(Triplet(name, "=", value) for name, value in filters.items())
    found = search([Query(START, END, types, filters=triplets)])
    return HERTable.from_records(found.records, found.associations, client=HERClient())


@pytest.fixture
def holes(archive: Any) -> HERTable:
    return ask("CH")


@pytest.fixture
def flares(archive: Any) -> HERTable:
    return ask("FL")


def test_first_columns_and_names_are_the_registrys(holes: HERTable) -> None:
    assert holes.colnames[:4] == ["event_starttime", "event_endtime", "event_type", "frm_name"]
    assert "SOL_standard" in holes.colnames


def test_times_are_times_and_missing_ones_masked(flares: HERTable) -> None:
    assert isinstance(flares["event_starttime"], Time)
    assert flares["event_peaktime"][0].isot == "2026-01-10T01:31:00.000000000"
    assert flares["event_expires"].mask.all()


def test_numbers_have_units_and_booleans_are_booleans(holes: HERTable) -> None:
    assert holes["area_atdiskcenter"].unit == u.km**2
    assert holes["hpc_x"].unit == u.arcsec
    assert holes["obs_meanwavel"][0].to_value("AA") == pytest.approx(193)
    assert holes["noposition"].dtype == bool
    assert holes["revision"][0] == 1
    assert holes["hpc_radius"].unit == u.arcsec


def test_a_flare_without_a_place_has_none(flares: HERTable) -> None:
    swpc = flares[flares["frm_name"] == "SWPC"]
    assert swpc["noposition"].all()
    for name in ("hpc_x", "hgs_y", "hgs_coord", "hpc_bbox", "event_coord1"):
        assert swpc[name].mask.all()
    assert swpc["raw"][0]["hgs_x"] == 0


def test_a_box_without_extent_is_not_believed(flares: HERTable) -> None:
    latest = flares[flares["frm_name"] == "SSW Latest Events"]
    assert latest["hgs_bbox"].mask.all()
    assert latest["hpc_bbox"].mask.all()
    assert not latest["hgs_x"].mask.any()
    assert latest["raw"][0]["hgs_bbox"].startswith("POLYGON((1 1")


def test_units_of_one_kind_are_brought_together() -> None:
    table = table_of(
        {"cme_radiallinvel": 679, "cme_radiallinvelunit": "km/sec"},
        {"cme_radiallinvel": 1e5, "cme_radiallinvelunit": "m/s"},
    )
    assert table["cme_radiallinvel"].to_value("km/s").tolist() == pytest.approx([679, 100])
    assert table["cme_radiallinvel"].info.meta["unit_string"] == "km/sec"


@pytest.mark.parametrize("odd", ["uHem", "N/A", "-", "", "\u212bngstr\u00f6m per fortnight", "10^20 Mx"])
def test_one_odd_unit_costs_its_own_number_alone(odd: str) -> None:
    table = table_of({"area_atdiskcenter": 3.0, "area_unit": "km2"}, {"area_atdiskcenter": 4.0, "area_unit": odd})
    assert table["area_atdiskcenter"][0] == 3 * u.km**2
    assert table["area_atdiskcenter"].mask.tolist() == [False, True]
    assert [record["area_atdiskcenter"] for record in table["raw"]] == [3, 4]
    assert list(table["area_unit"].filled("")) == ["km2", odd]
    assert table["area_atdiskcenter"].info.meta["unit_string"] == "km2"
    assert "area_atdiskcenter: 1 values do not have a unit" in table.problems[0]


def test_a_unit_that_cannot_be_converted_costs_its_own_number_alone() -> None:
    table = table_of({"area_raw": 3.0, "area_unit": "km2"}, {"area_raw": 4.0, "area_unit": "arcsec2"})
    assert table["area_raw"][0] == 3 * u.km**2
    assert table["area_raw"].mask.tolist() == [False, True]
    assert "4.0 arcsec2" in table.problems[0]


def test_a_variance_has_the_square_of_the_unit_and_a_shape_has_none() -> None:
    table = table_of({"intensvar": 4.0, "intensmean": 2.0, "intensskew": 0.5, "intensunit": "DN/s"})
    assert table["intensvar"].unit == (u.DN / u.s) ** 2
    assert table["intensmean"].unit == u.DN / u.s
    assert table["intensskew"].tolist() == [0.5]


def test_numbers_in_the_submitters_own_system_are_never_one_quantity() -> None:
    table = table_of(
        {"event_coord1": 30.0, "event_coordunit": "deg"}, {"event_coord1": 500.0, "event_coordunit": "arcsec"}
    )
    assert table["event_coord1"].tolist() == [30, 500]
    assert list(table["event_coordunit"]) == ["deg", "arcsec"]


@pytest.mark.parametrize("sentinel", [None, "", -9999, -9999.0, -999999, float("inf"), float("nan")])
def test_what_stands_for_missing_is_masked(sentinel: Any) -> None:
    table = table_of({"ar_noaanum": sentinel, "fl_peakflux": sentinel}, {"ar_noaanum": 14331, "fl_peakflux": 1.5})
    assert table["ar_noaanum"].mask.tolist() == [True, False]
    assert table["fl_peakflux"].mask.tolist() == [True, False]
    assert table["ar_noaanum"].dtype.kind == "i"


def test_a_value_that_cannot_be_read_is_masked_named_and_kept_raw() -> None:
    table = table_of(
        {"event_peaktime": "yesterday", "ar_noaanum": "many"},
        {"event_peaktime": "2026-01-10T01:30:00", "ar_noaanum": 14331},
    )
    assert table["event_peaktime"].mask.tolist() == [True, False]
    assert table["ar_noaanum"].mask.tolist() == [True, False]
    assert "'yesterday'" in table.problems[0]
    assert table["raw"][0]["ar_noaanum"] == "many"


def test_keywords_that_nobody_knows_are_kept() -> None:
    table = table_of({"new_number": 1.5, "new_text": "a", "new_list": [1]}, {"new_number": None})
    assert table["new_number"].mask.tolist() == [False, True]
    assert table["new_text"].mask.tolist() == [False, True]
    assert table["new_list"][0] == [1]


def test_records_with_different_keywords_make_one_table() -> None:
    table = table_of({"fl_goescls": "M1.2"}, {"cme_mass": 3.0, "cme_massunit": "g"})
    assert table["fl_goescls"].mask.tolist() == [False, True]
    assert table["cme_mass"].unit == u.g


def test_associations_come_with_the_table(holes: HERTable) -> None:
    assert {edge["edge_type"] for edge in holes.associations} == {"is_followed_by"}
    assert holes[:3].edges == holes.edges
    assert len(holes.associations) == 15


@pytest.mark.parametrize("count", [0, 1, 18])
def test_printing_shows_what_matters_at_any_length(holes: HERTable, count: int) -> None:
    text = str(holes[:count])
    assert "event_starttime" in text
    assert "POLYGON" not in text
    assert "event_starttime" in holes[:count]._repr_html_()
    assert "POLYGON" not in str(holes[:count])


def test_a_very_long_table_is_printed_in_part_and_shown_in_full() -> None:
    table = table_of(*({"hpc_x": float(number)} for number in range(10_000)))
    assert len(str(table).splitlines()) <= 1000
    assert "9999.0" in str(table)
    assert len(table._repr_html_()) < 20_000
    assert len(table.show("hpc_x")) == 10_000


def test_an_empty_table_has_every_column(holes: HERTable) -> None:
    table = HERTable.from_records([], client=HERClient())
    assert set(holes.colnames) <= set(table.colnames)
    assert table["hpc_x"].unit == u.arcsec
    assert isinstance(table["event_peaktime"], Time)
    assert len(table["hpc_boundcc"]) == 0
    assert len(vstack([table, holes])) == len(vstack([holes, table])) == 18


def test_printing_an_empty_table_names_the_first_columns_only() -> None:
    assert str(HERTable.from_records([])).split()[:4] == ["event_starttime", "event_endtime", "event_type", "frm_name"]


def test_everything_can_be_shown(holes: HERTable) -> None:
    assert "hpc_boundcc" in holes.show().colnames
    assert holes.show("hpc_x", "nonsense").colnames == ["hpc_x"]
    assert "hpc_boundcc" in holes.unhide_columns()._display_table.colnames


def test_a_table_slices_sorts_copies_and_pickles(flares: HERTable) -> None:
    flares.sort("event_endtime")
    assert isinstance(flares[2:4], HERTable)
    assert len(flares.copy()) == 12
    back = pickle.loads(pickle.dumps(flares))
    assert back.colnames == flares.colnames
    assert back["event_peaktime"].isot.tolist() == flares["event_peaktime"].isot.tolist()
    assert back["event_expires"].mask.all()
    assert back["hpc_x"].mask.tolist() == flares["hpc_x"].mask.tolist()
    assert back.edges == flares.edges


@pytest.mark.parametrize(
    "reordered",
    [
        lambda table: table.sort("event_starttime", reverse=True) or table,
        lambda table: table.reverse() or table,
        lambda table: table[::-1],
    ],
    ids=["sort", "reverse", "slice"],
)
def test_coordinates_keep_the_times_of_their_events_in_any_order(holes: HERTable, reordered: Any) -> None:
    table = reordered(holes)
    detected = table["detection_time"]
    for name in ("hpc_coord", "hgs_coord", "hgc_coord", "hrc_coord"):
        times = [table[name][row].obstime for row in range(len(table))]
        assert max(abs(time - other) for time, other in zip(times, detected, strict=True)) < 1 * u.s
    outlines = [outline.obstime for outline in table["hpc_boundcc"]]
    assert max(abs(time - other) for time, other in zip(outlines, detected, strict=True)) < 1 * u.s


def test_tables_of_different_events_stack_without_a_warning(holes: HERTable, flares: HERTable) -> None:
    both = vstack([holes, flares, ask("AR", "CE"), ask("FL", frm_name="SWPC")])
    assert isinstance(both, HERTable)
    assert len(both) == 18 + 12 + 8 + 6
    assert isinstance(both.client, HERClient)
    assert both["area_atdiskcenter"].unit == u.km**2
    assert "event_type" in str(both)


def test_a_table_can_be_written_and_read(flares: HERTable, tmp_path: Path) -> None:
    flares.write(tmp_path / "flares.ecsv")
    back = QTable.read(tmp_path / "flares.ecsv")
    assert list(back["fl_goescls"]) == list(flares["fl_goescls"])
    assert back["hpc_x"].unit == u.arcsec
    assert back["raw"][0]["event_type"] == "FL"


def test_rows_fill_the_names_of_a_path_template(flares: HERTable) -> None:
    assert {"event_type", "frm_name"} <= flares.path_format_keys()
    assert np.isnan(flares.total_size())


@pytest.mark.parametrize("records", [{}, [3], [{}, None], 3])
def test_records_are_a_list_of_dicts(records: Any) -> None:
    with pytest.raises(QueryError, match=r"HERTable\.from_records takes a list of dicts as records, not"):
        HERTable.from_records(records)


@pytest.mark.parametrize("other", [3, QTable({"x": [1]}), [EVENT]])
def test_only_tables_of_events_are_stacked(other: Any) -> None:
    with pytest.raises(QueryError, match=r"HERTable\.stack takes tables of events with .* as tables, not"):
        HERTable.stack(table_of({}), other)


@pytest.mark.parametrize("count", [2, 4])
def test_other_times_are_one_or_one_for_each_row(count: int) -> None:
    table = table_of({}, {}, {})
    with pytest.raises(QueryError, match=r"HERTable\.at takes one time, or one for each of 3 rows, not"):
        table.at(Time(["2026-01-10"] * count))
    assert set(table.at(Time("2026-01-11"))["detection_time"].isot) == {"2026-01-11T00:00:00.000000000"}


def test_a_method_whose_keyword_is_not_returned_has_the_start() -> None:
    table = table_of({"frm_name": "Emerging flux region module", "frm_versionnumber": 0.52})
    assert table["detection_time"].isot[0][:19] == EVENT["event_starttime"]


def test_a_row_makes_attrs_and_a_document(flares: HERTable) -> None:
    row = flares[0]
    assert row.to_attrs() == her.to_attrs(row)
    assert row.to_attrs(before=1 * u.h, instrument=False) == her.to_attrs(row, before=1 * u.h, instrument=False)
    assert row.voevent() == her.voevent.from_row(row)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("vso_time", "use row.to_attrs(instrument=False)"), ("vso_instrument", "use row.to_attrs()"),
        ("vso_all", "use row.to_attrs()"), ("get_voevent", "use row.voevent()"),
        ("nonsense", "does not have 'nonsense'."),
    ],
)  # fmt: skip
def test_the_names_of_sunpys_rows_lead_to_those_here(flares: HERTable, name: str, hint: str) -> None:
    with pytest.raises(AttributeError, match=re.escape(hint)):
        getattr(flares[0], name)
    assert not hasattr(flares[0], name)


def test_the_columns_of_sunpys_tables_lead_to_those_here(flares: HERTable) -> None:
    with pytest.raises(KeyError, match=r"use row\['hpc_coord'\]"):
        flares[0]["event_coord"]
    with pytest.raises(KeyError, match=r"use table\['hpc_coord'\]"):
        flares["event_coord"]
    with pytest.raises(KeyError, match="nonsense"):
        flares["nonsense"]


@pytest.mark.parametrize(
    ("function", "column"),
    [
        (her.flares, "raw"), (her.relations, "raw"), (lambda table: her.match(table, table), "raw"),
        (lambda table: her.match(HERTable.from_records([]), table), "raw"), (her.quicklook, "event_type"),
        (her.quicklook, "event_starttime"), (her.quicklook, "event_endtime"), (HERTable.stack, "detection_time"),
        (HERTable.stack, "raw"),
    ],
)  # fmt: skip
def test_a_table_without_a_column_that_is_needed_is_refused(function: Any, column: str) -> None:
    table = HERTable.from_records([{"event_type": "FL", "event_starttime": "2024-05-10T00:00:00"}])
    table.remove_column(column)
    with pytest.raises(QueryError, match=rf"(needs the columns|tables of events with the columns) .*{column}"):
        function(table)


def test_an_unknown_column_of_a_row_is_a_key_error() -> None:
    row = HERTable.from_records([{"kb_archivid": "a"}])[0]
    with pytest.raises(KeyError, match="nothing"):
        row["nothing"]


@pytest.mark.parametrize(
    ("number", "expected"), [("many", None), ([1], None), (1e400, None), (0, None), (13000, 13000)]
)
def test_a_number_of_a_region_that_is_none_is_not_one(number: Any, expected: int | None) -> None:
    assert regions.region_number({"ar_noaanum": number, "event_starttime": "2026-01-10T00:00:00"}) == expected


def test_a_difference_is_not_compared_in_double_precision() -> None:
    assert plan._number(Triplet("fl_peakflux", "!=", "0.51")) == []
    assert len(plan._number(Triplet("fl_peakflux", "=", "0.51"))) == 2
