"""Outlines stand where the registry means them: at the instant of detection, as seen from Earth or on the surface."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Row
from sunpy.coordinates import HeliographicStonyhurst, Helioprojective

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her import HERTable, Outlines, detection_times, polygon
from sunpy_helio_plugins.her.regions import parse
from sunpy_helio_plugins.her.service import search
from sunpy_helio_plugins.her.translate import Query
from sunpy_helio_plugins.sandbox import scene

SQUARE = "POLYGON((0 0,10 0,10 10,0 10,0 0))"
EVENT = {
    "event_starttime": "2026-01-10T01:00:00", "event_endtime": "2026-01-10T05:00:00", "event_type": "CH",
    "event_peaktime": "2026-01-10T03:00:00", "hpc_boundcc": SQUARE, "hgs_boundcc": SQUARE,
}


@pytest.fixture
def holes(archive: Any) -> HERTable:
    found = search([Query("2026-01-10T00:00:00.000Z", "2026-01-11T00:00:00.000Z", ("CH",))])
    return HERTable.from_records(found.records)


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("SPoCA", 1, "05:00"), ("SPoCA_v2", None, "05:00"), ("Emerging flux region module", 0.52, "03:00"),
        ("Emerging flux region module", 0.55, "01:00"), ("Emerging flux region module", None, "01:00"),
        ("Flare Detective - Trigger Module", 0.51, "01:00"), ("", None, "01:00"),
    ],
)
def test_each_method_has_its_own_instant_of_detection(name: str, version: float | None, expected: str) -> None:
    table = HERTable.from_records([EVENT | {"frm_name": name, "frm_versionnumber": version}])
    assert detection_times(table).isot[0][11:16] == expected


def test_a_missing_end_leaves_the_start() -> None:
    table = HERTable.from_records([EVENT | {"frm_name": "SPoCA", "event_endtime": ""}])
    assert detection_times(table).isot[0][11:16] == "01:00"


def test_the_equatorial_hole_is_where_the_scene_has_it(holes: HERTable) -> None:
    equatorial = holes[holes["frm_specificid"] == "SPoCA_v1.0_CH_0000060000"]
    assert len(equatorial) == 6
    for row, outline in zip(equatorial, equatorial.outlines(), strict=True):
        when = datetime.fromisoformat(row["event_endtime"].isot)
        expected = SkyCoord(
            [scene.longitude_at(longitude, when) for longitude, _ in scene.CORONAL_HOLES[0].outline] * u.deg,
            [latitude for _, latitude in scene.CORONAL_HOLES[0].outline] * u.deg,
            frame=HeliographicStonyhurst(obstime=row["event_endtime"]),
        ).transform_to(outline.frame)
        assert outline.obstime.isot == row["event_endtime"].isot
        assert np.hypot(outline.Tx[:-1] - expected.Tx, outline.Ty[:-1] - expected.Ty).max() < 1 * u.arcsec


def test_both_systems_agree(holes: HERTable) -> None:
    for seen, surface in zip(holes.outlines("hpc"), holes.outlines("hgs"), strict=True):
        back = surface.transform_to(seen.frame)
        # The registry converts with Earth's latitude of four hours before.
        assert np.hypot(back.Tx - seen.Tx, back.Ty - seen.Ty).max() < 1 * u.arcsec


def test_outlines_are_a_sequence_that_slices(holes: HERTable) -> None:
    outlines = holes.outlines()
    assert len(outlines) == 18
    assert isinstance(outlines[2:5], Outlines)
    assert (outlines[2:5][0].Tx == outlines[2].Tx).all()
    assert (outlines[-1].Tx == outlines[17].Tx).all()
    with pytest.raises(IndexError):
        outlines[18]
    assert "18 events in hpc" in repr(outlines)
    assert outlines.vertices.shape == (outlines.offsets[-1], 2)


def test_one_rows_outline_and_its_text(holes: HERTable) -> None:
    row: Row = holes[4]
    coordinate = polygon(row)
    assert isinstance(coordinate.frame, Helioprojective)
    assert coordinate.shape == (row["bound_ccnsteps"] + 1,)
    assert row["hpc_boundcc"].startswith(f"POLYGON(({coordinate.Tx[0].value:g} ")


def test_rows_without_an_outline_have_none(archive: Any) -> None:
    found = search([Query("2026-01-10T00:00:00.000Z", "2026-01-11T00:00:00.000Z", ("FL", "CE"))])
    assert set(HERTable.from_records(found.records).outlines()) == {None}


@pytest.mark.parametrize(
    "text",
    [
        None, "", "POINT(1 2)", "POLYGON((", "POLYGON((1 1,1 1,1 1))", "POLYGON((0 0,1 nan,2 2,0 0))",
        "POLYGON((0 0,1,2 2))",
        "POLYGON((0 0,9 0,9 9,0 0),(1 1,2 1,2 2,1 1))", "POLYGON((a b,c d,e f))", 3,
    ],
)
def test_what_is_no_simple_polygon_gives_none_and_costs_nothing_else(text: Any) -> None:
    vertices, offsets = parse([SQUARE, text, SQUARE])
    assert offsets.tolist() == [0, 5, 5, 10]
    assert np.isfinite(vertices).all()


def test_a_latitude_beyond_the_pole_is_not_believed() -> None:
    table = HERTable.from_records([EVENT | {"hgs_boundcc": "POLYGON((0 0,10 0,10 95,0 0))"}])
    assert table.outlines("hgs")[0] is None


def test_other_systems_are_refused_by_name(holes: HERTable) -> None:
    with pytest.raises(QueryError, match="hpc and hgs"):
        holes.outlines("hgc")
