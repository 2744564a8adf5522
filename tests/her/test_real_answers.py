"""The registry's real answers come out right."""

from __future__ import annotations

import json
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest

from sunpy_helio_plugins.her import HERTable


@pytest.fixture
def events(real_data: Path) -> HERTable:
    answer = json.loads((real_data / "hek/hek-events_2024-05-10.json").read_bytes())
    return HERTable.from_records(answer["result"], answer["association"])


def test_all_five_events_are_there(events: HERTable) -> None:
    assert list(events["event_type"]) == ["FL", "FL", "FL", "CH", "CE"]
    assert events.problems == []
    assert len(events.edges) == 2
    assert events["event_starttime"][0].isot == "2024-05-10T00:03:08.000"
    assert list(events["fl_goescls"].filled("")) == ["", "M1.3", "M1.5", "", ""]


def test_units_of_the_real_records(events: HERTable) -> None:
    assert events["fl_peakflux"].unit == u.DN / u.s / u.pix
    assert events["fl_peakflux"].mask.tolist() == [False, True, True, True, True]
    assert events["area_atdiskcenter"][3].unmasked.to_value("Mm2") == pytest.approx(57054.1, rel=1e-5)
    assert events["cme_radiallinvel"][4] == 679 * u.km / u.s
    assert events["event_npixels"][3] == 38712
    assert events["obs_meanwavel"].to_value("AA").tolist() == pytest.approx([131, 5, 94, 193, 6000])
    assert events["hpc_x"][4].unmasked.to_value("arcsec") == pytest.approx(1896.646, abs=1e-3)


def test_places_that_are_none(events: HERTable) -> None:
    assert events["hpc_x"].mask.tolist() == [False, True, False, False, False]
    assert events["hgs_bbox"].mask.tolist() == [False, True, True, False, True]
    assert events["ar_noaanum"].tolist() == [None, 13664, 13664, None, None]


def test_the_holes_outline_agrees_in_both_systems_on_the_disk(events: HERTable) -> None:
    seen, surface = (events[f"{system}_boundcc"][3].skycoord for system in ("hpc", "hgs"))
    assert seen.shape == surface.shape == (19,)
    assert seen.obstime.isot == "2024-05-10T00:42:41.000"
    radius = np.hypot(seen.Tx, seen.Ty) / np.arcsin(seen.rsun / seen.observer.radius)
    apart = np.hypot(*(getattr(surface.transform_to(seen.frame), axis) - getattr(seen, axis) for axis in ("Tx", "Ty")))
    inside = radius.decompose() < 0.9995
    assert inside.sum() == 11
    assert apart[inside].max() < 0.3 * u.arcsec
    assert np.isfinite(seen.Tx).all()


def test_null_points_with_a_radius_in_degrees(real_data: Path) -> None:
    answer = json.loads((real_data / "hek/hek-to_pfss.json").read_bytes())
    table = HERTable.from_records(answer["result"], answer["association"])
    assert list(table["event_type"]) == ["TO"] * 3
    assert table["event_coord3"].tolist() == pytest.approx([1.04545, 1.04545, 1.04954], abs=1e-5)
    assert table["hgc_x"].to_value("deg").tolist() == pytest.approx([-27.343, 34.866, -155.146])
    assert table.problems == []
    assert table["hpc_boundcc"].mask.all()
    assert "SSW PFSS" in str(table)
