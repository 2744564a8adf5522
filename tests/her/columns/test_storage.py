"""Test that tables are written in formats that other programs read, and are restored unchanged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pyarrow.parquet
import pytest
import sunpy
from astropy.coordinates import SkyCoord
from astropy.table import QTable, vstack
from astropy.time import Time
from astropy.utils import minversion
from sunpy.net import Fido

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her import HERClient, HERTable, Points, Polygons
from sunpy_helio_plugins.her.columns import storage
from sunpy_helio_plugins.her.columns.origins import KEYWORDS
from sunpy_helio_plugins.her.query import Query
from sunpy_helio_plugins.her.search import search

FORMATS = {
    "fits": {}, "parquet": {}, "arrow": {}, "vot": {"format": "votable"}, "csv": {},
    "h5": {"format": "hdf5", "path": "events", "serialize_meta": True},
}  # fmt: skip


# Before sunpy 8, astropy writes coordinates whose observer is a coordinate of sunpy, but cannot read them.
READS_OBSERVERS = minversion(sunpy, "8.0")


@pytest.fixture
def events(real_data: Path) -> HERTable:
    answer = json.loads((real_data / "hek/hek-events_2024-05-10.json").read_bytes())
    records = [*answer["result"], *json.loads((real_data / "hek/hek-to_pfss.json").read_bytes())["result"]]
    # A letter that FITS cannot store, and an event without a time.
    records[0] |= {"frm_identifier": "\u00c5ngstr\u00f6m"}
    records[1] |= {"event_starttime": None}
    table = HERTable.from_records(records, answer["association"], ["A page is missing."])
    table["mine"] = np.arange(len(table))
    return table


def assert_same(mine: Any, yours: Any) -> None:
    """Compare columns: types, values, masks, units and times."""
    assert type(mine) is type(yours)
    if isinstance(mine, Polygons):
        assert (mine == yours).all()
    elif isinstance(mine, Points):
        np.testing.assert_array_equal(mine.values, yours.values)
    else:
        gone = np.asarray(getattr(mine, "mask", np.zeros(len(mine), bool)))
        np.testing.assert_array_equal(gone, np.asarray(getattr(yours, "mask", np.zeros(len(mine), bool))))
        known = np.flatnonzero(~gone)
        if isinstance(mine, Time):
            assert all(abs((mine[row] - yours[row]).to_value("s")) < 1e-6 for row in known)
        else:
            assert all(mine[row] == yours[row] for row in known)
    if hasattr(mine, "instants"):
        np.testing.assert_allclose(mine.instants, yours.instants, rtol=0, atol=1e-12)


def test_ecsv_brings_every_column_back_as_it_was(events: HERTable, tmp_path: Path) -> None:
    events["fl_goescls"][0] = "X9.9"
    events.remove_column("frm_paramset")
    events.write(tmp_path / "events.ecsv")
    back = HERTable.read(tmp_path / "events.ecsv")
    assert back.colnames == events.colnames
    for name in events.colnames:
        if name not in ("coord1_unit", "coord2_unit", "coord3_unit", "mine"):
            assert_same(events[name], back[name])
    assert list(back["coord2_unit"]) == list(events["coord2_unit"])
    assert (back.edges, back.problems) == (events.edges, events.problems)


@pytest.mark.parametrize("ending", ["ecsv", "fits", "parquet", "arrow", "asdf", "plain.ecsv"])
def test_what_belongs_to_the_table_is_kept(events: HERTable, ending: str, tmp_path: Path) -> None:
    if ending == "asdf":
        pytest.importorskip("asdf_astropy")
    events.unasked, events.query, events.meta["mine"] = ["obs_instrument"], [{"kind": "and"}], 5
    (events.plain() if "plain" in ending else events).write(tmp_path / f"events.{ending}")
    back = HERTable.read(tmp_path / f"events.{ending}")
    assert (back.unasked, back.query, back.meta["mine"]) == (["obs_instrument"], [{"kind": "and"}], 5)
    assert (back.edges, back.problems) == (events.edges, events.problems)
    stacked = HERTable.stack(back, events)
    assert (stacked.unasked, len(stacked.query), stacked.meta["mine"]) == (["obs_instrument"], 2, 5)
    assert HERTable.stack(back, events[["raw", "detection_time", "event_starttime"]]).meta["mine"] == 5


def test_any_astropy_reads_the_outlines_of_an_ecsv_file(events: HERTable, tmp_path: Path) -> None:
    events.write(tmp_path / "events.ecsv")
    plain = QTable.read(tmp_path / "events.ecsv")
    assert plain["hpc_boundcc.lon"][3].tolist() == events["hpc_boundcc"][3].vertices[:, 0].tolist()
    assert plain["hpc_boundcc.lon"][0].tolist() == []
    assert plain["hpc_coord.lat"].mask.tolist() == events["hpc_coord"].mask.tolist()


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("count", [0, 1, 8])
def test_other_formats_hold_numbers_and_text_and_the_records_make_the_table_anew(
    events: HERTable, ending: str, count: int, tmp_path: Path
) -> None:
    path, some = tmp_path / f"events.{ending}", events[:count]
    some.write(path, **FORMATS[ending])
    back = HERTable.read(path, **{name: word for name, word in FORMATS[ending].items() if name != "serialize_meta"})
    assert set(back.colnames) == set(events.colnames)
    assert json.dumps(list(back["raw"])) == json.dumps(list(some["raw"]))
    for name in ("event_starttime", "detection_time", "hpc_boundcc", "hgs_bbox", "hpc_coord", "hgs_skeletoncc"):
        assert_same(some[name], back[name])
    assert list(back["mine"]) == list(range(count))
    if ending not in ("csv", "vot"):
        assert (back.edges, back.problems) == (events.edges, events.problems)


def test_fits_has_outlines_as_columns_of_variable_length(events: HERTable, tmp_path: Path) -> None:
    events.write(tmp_path / "events.fits")
    plain = QTable.read(tmp_path / "events.fits")
    assert plain["hpc_boundcc.lon"][3].tolist() == events["hpc_boundcc"][3].vertices[:, 0].tolist()
    assert plain["hpc_x"].unit == u.arcsec
    assert plain["frm_identifier"][0] == "\\xc5ngstr\\xf6m"
    assert plain["intensmean"].description == "in DN / s"


def test_a_table_that_holds_no_events_is_refused(tmp_path: Path) -> None:
    QTable({"a": [1]}).write(tmp_path / "other.ecsv")
    with pytest.raises(ValueError, match="the column raw"):
        HERTable.read(tmp_path / "other.ecsv")


def test_a_table_goes_to_pandas(events: HERTable) -> None:
    frame = events.to_pandas()
    assert len(frame) == len(events)
    assert frame["hpc_boundcc"][3].startswith("POLYGON((")
    assert frame["event_endtime"][0] == np.datetime64("2024-05-10T00:06:08", "ns")
    assert frame["event_peaktime"].isna().tolist() == np.asarray(events["event_peaktime"].mask).tolist()


def test_a_table_that_was_read_fetches_its_documents(archive: Any, tmp_path: Path) -> None:
    found = search([Query("2026-01-10T00:00:00", "2026-01-11T00:00:00", ("CH",))])
    HERTable.from_records(found.records[:2]).write(tmp_path / "holes.ecsv")
    files = Fido.fetch(HERTable.read(tmp_path / "holes.ecsv"), path=tmp_path / "{file}", progress=False)
    assert sorted(Path(file).suffix for file in files) == [".xml", ".xml"]


EVENT = {"event_starttime": "2026-01-10T01:00:00", "event_endtime": "2026-01-10T02:00:00", "event_type": "CH"}


def test_tables_stack_although_a_unit_is_sure_in_one_and_not_in_the_other() -> None:
    edge = {"first_ivorn": "a", "second_ivorn": "b", "edge_type": "is_followed_by"}
    sure = HERTable.from_records([EVENT | {"area_raw": 3.0, "area_unit": "km2"}], [edge], ["x"], client=HERClient())
    odd = HERTable.from_records([EVENT | {"area_raw": 4.0, "area_unit": "??"}], [edge], ["x", "y"])
    odd = odd.at(Time("2026-01-10T03:00:00"))
    odd["mine"] = ["z"]
    with pytest.raises(ValueError, match="unmergeable"):
        vstack([sure, odd])
    both = HERTable.stack(sure, odd)
    assert both["area_raw"][0] == 3 * u.km**2
    assert both["area_raw"].mask.tolist() == [False, True]
    assert both["detection_time"].isot.tolist() == ["2026-01-10T01:00:00.000000000", "2026-01-10T03:00:00.000000000"]
    assert (both.edges, both.problems[:2]) == ([edge], ["x", "y"])
    (problem,) = both.problems[2:]
    assert problem.startswith("area_raw: 1 values do not have a unit that can be converted to km2, such as '4.0 ??'")
    assert both["mine"].tolist() == [None, "z"]
    assert isinstance(both.client, HERClient)
    assert len(HERTable.stack()) == 0


def test_stacked_tables_name_each_relation_once() -> None:
    edge = {"first_ivorn": "a", "second_ivorn": "b", "edge_type": "is_followed_by"}
    table = HERTable.from_records([EVENT], [edge], client=HERClient())
    assert len(vstack([table, table]).associations) == 1


def test_a_table_of_astropy_is_written_with_plain_columns(events: HERTable, tmp_path: Path) -> None:
    plain = QTable(events)
    if not READS_OBSERVERS:
        plain.remove_columns([name for name in plain.colnames if isinstance(plain[name], Points)])
    for name, rows in {"all.ecsv": plain, "one.ecsv": plain[:1], "none.ecsv": plain[:0]}.items():
        rows.write(tmp_path / name)
        made = QTable.read(tmp_path / name)
        assert made.colnames == plain.colnames
        assert len(made) == len(rows)
    made = QTable.read(tmp_path / "all.ecsv")
    wkt = events["hpc_boundcc"].wkt
    assert [text or None for text in np.ma.filled(made["hpc_boundcc"], "")] == wkt
    assert any(wkt)
    assert None in wkt
    if READS_OBSERVERS:
        assert type(made["hpc_coord"]) is SkyCoord
        assert np.allclose(made["hpc_coord"].Tx.value, events["hpc_coord"].Tx.value, equal_nan=True)
        assert (made["hpc_coord"].obstime == events["hpc_coord"].obstime).all()


def test_outlines_are_written_as_geoparquet(events: HERTable, tmp_path: Path) -> None:
    geopandas = pytest.importorskip("geopandas")
    pytest.importorskip("shapely")
    events.write(tmp_path / "events.parquet", geometry="hpc_boundcc")
    frame = geopandas.read_parquet(tmp_path / "events.parquet")
    assert frame.geometry.isna().tolist() == events["hpc_boundcc"].mask.tolist()
    assert frame.geometry[3].equals(events["hpc_boundcc"].to_shapely()[3])
    told = json.loads(pyarrow.parquet.read_schema(tmp_path / "events.parquet").metadata[b"geo"])
    assert told["primary_column"] == "geometry"
    assert told["columns"]["geometry"]["edges"] == "planar"
    assert told["columns"]["geometry"]["crs"] is None
    back = HERTable.read(tmp_path / "events.parquet")
    assert back.colnames == events.colnames


@pytest.mark.parametrize(
    ("ending", "name", "words"),
    [
        ("parquet", "hpc_x", r"takes as geometry one of .*hpc_boundcc"),
        ("ecsv", "hpc_boundcc", "takes geometry for Parquet only"),
    ],
)
def test_other_geometries_are_refused(events: HERTable, ending: str, name: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match=words):
        events.write(tmp_path / f"events.{ending}", geometry=name)
    assert list(tmp_path.iterdir()) == []


def test_slices_of_outlines_share_their_memory_until_they_are_changed(events: HERTable) -> None:
    column = events["hpc_boundcc"]
    part = column[2:5]
    assert np.shares_memory(part.vertices, column.vertices)
    assert (part == column.take([2, 3, 4])).all()
    part[1] = None
    assert column[3] is not None
    assert len(column[5:2]) == 0
    assert len(column[:]) == len(column)


def test_a_plain_table_without_its_records_keeps_its_outlines(events: HERTable) -> None:
    whole = storage.plain(events)
    gone = ("raw", "hpc_boundcc", "hpc_boundcc.lon", "hpc_boundcc.lat")
    bare = whole[[name for name in whole.colnames if name not in gone]]
    made = storage.rebuilt(HERTable, bare)
    assert "raw" not in made.colnames
    assert "hpc_boundcc" not in made.colnames
    assert_same(made["hgs_boundcc"], events["hgs_boundcc"])
    none = whole[[name for name in whole.colnames if name not in ("raw", *KEYWORDS)]]
    assert np.isnan(storage._origins(none)).all()


def test_a_flat_table_without_the_times_of_positions_is_made_of_its_records(events: HERTable) -> None:
    whole = storage.flat(events, "csv")
    made = storage.rebuilt(HERTable, whole[[name for name in whole.colnames if name != storage.INSTANT]])
    assert_same(made["hpc_boundcc"], events["hpc_boundcc"])
