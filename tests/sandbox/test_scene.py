"""Test that the scene agrees with itself: what leaves the Sun arrives at L1 when its speed says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.time import Time
from numpy.typing import NDArray
from sunpy.coordinates import sun
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import HERClient, hapi, imap, series
from sunpy_helio_plugins.sandbox import scene

SHOCK = Time(scene.SHOCK)
DISTANCE = scene.DISTANCE_OF_L1 * u.km


def jump(table: Any, name: str, width: int = 10) -> Time:
    """Return the time of the largest rise of a quantity, between the means over some records on each side."""
    values = table[name].filled(np.nan).value
    values = np.linalg.norm(values, axis=1) if values.ndim > 1 else values
    known = np.flatnonzero(np.isfinite(values))
    rises = [
        values[known[i : i + width]].mean() / values[known[i - width : i]].mean()
        for i in range(width, len(known) - width)
    ]
    return table.columns[0][known[width + int(np.argmax(rises))]]


def at_l1(name: str, start: str, end: str) -> NDArray[np.float64]:
    """Return hourly medians of a quantity of OMNI."""
    table = series.align(hapi.load("cdaweb", "OMNI_HRO2_1MIN", start, end, name), every=1 * u.hour, method="median")
    return np.asarray(table[name].filled(np.nan).value)


def test_the_distance_of_l1_is_that_of_the_day() -> None:
    earth = sun.earth_distance(scene.DAY).to_value(u.km)
    assert pytest.approx(earth - 1.5e6, rel=2e-3) == scene.DISTANCE_OF_L1


def test_the_shock_conserves_mass(archive: Any) -> None:
    """Its speed is that at which as much plasma leaves it as enters it."""
    table = hapi.load(
        "cdaweb", "OMNI_HRO2_1MIN", "2026-01-10T14:00", "2026-01-10T20:30", ["flow_speed", "proton_density"]
    )
    nose = SHOCK + scene.FROM_L1_TO_NOSE / scene.SHOCK_SPEED * u.s
    is_sheath = (table["Time"] - nose).to_value("s") > 0
    quiet, sheath = table[~is_sheath], table[is_sheath]
    names = "proton_density", "flow_speed"
    n1, v1 = (np.nanmedian(quiet[name].filled(np.nan).value) for name in names)
    n2, v2 = (np.nanmedian(sheath[name].filled(np.nan).value) for name in names)
    assert (n2 * v2 - n1 * v1) / (n2 - n1) == pytest.approx(scene.SHOCK_SPEED, rel=0.05)


def test_the_shock_passes_the_spacecraft_minutes_apart(archive: Any, tmp_path: Any) -> None:
    ace = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10T14:00", "2026-01-10T20:00")
    found = Fido.search(a.Time("2026-01-10", "2026-01-10 23:59"), a.Instrument("mag"), a.imap.Descriptor("norm-gse"))
    mag = imap.read(Fido.fetch(found, path=str(tmp_path / "{file}"), progress=False))
    wind = imap.realtime(a.Time("2026-01-10 16:30", "2026-01-10 16:55"), "swapi")
    # The orbits around L1 are apart by less than 1e5 km along the line from the Sun.
    apart = 1e5 / scene.SHOCK_SPEED / 60
    times = [jump(ace, "BGSEc"), jump(mag, "b_gse"), jump(wind, "swapi_pseudo_proton_speed")]
    assert [abs((time - SHOCK).to_value("min")) for time in times] == pytest.approx([0, 0, 0], abs=apart)
    along = ace["SC_pos_GSE"][:, 0].filled(np.nan).to_value("km")
    assert np.nanmax(np.abs(along - 1.5e6)) < 1e5


def test_the_shock_arrives_at_the_earth_after_l1(archive: Any) -> None:
    omni = hapi.load("cdaweb", "OMNI_HRO2_1MIN", "2026-01-10T14:00", "2026-01-10T20:00", ["F", "flow_speed"])
    expected = (SHOCK + (scene.FROM_L1_TO_NOSE / scene.SHOCK_SPEED) * u.s - SHOCK).to_value("min")
    assert expected == pytest.approx(36, abs=1)
    for name in ("F", "flow_speed"):
        assert (jump(omni, name) - SHOCK).to_value("min") == pytest.approx(expected, abs=3)


def test_the_shock_is_that_of_an_eruption_of_the_registry(archive: Any) -> None:
    """It is as fast as the eruption at first, and slows down to its speed at L1 at a constant rate."""
    found = HERClient().search(a.Time("2026-01-07", "2026-01-12"), a.her.CE)
    arrivals = {}
    for row in found:
        mean = (row["cme_radiallinvel"] + scene.SHOCK_SPEED * u.km / u.s) / 2
        arrivals[str(row["kb_archivid"])] = abs(row["event_starttime"] + DISTANCE / mean - SHOCK) < 3 * u.hour
    assert [name.partition("CE_")[2][:37] for name, is_driver in arrivals.items() if is_driver] == [
        "CACTus(ComputerAidedCMETracking)_2026"
    ]
    (driver,) = (name for name, is_driver in arrivals.items() if is_driver)
    (row,) = found[found["kb_archivid"] == driver]
    assert row["event_starttime"].isot[:16] == "2026-01-08T10:48"
    # A shock that moves towards the Earth is that of a halo; the others are directed to the west.
    assert row["cme_angularwidth"].to_value(u.deg) > 300
    assert (found["cme_angularwidth"][found["kb_archivid"] != driver].to_value(u.deg) < 150).all()


def test_the_fast_stream_follows_its_hole_by_the_time_that_it_needs(archive: Any) -> None:
    holes = HERClient().search(a.Time("2026-01-10", "2026-01-11"), a.her.CH)
    equatorial = holes[abs(holes["hgs_y"].filled(np.nan).value) < 20]
    longitudes = equatorial["hgs_x"].filled(np.nan).value
    days = (equatorial["event_endtime"] - equatorial["event_endtime"][0]).to_value("day")
    passage = equatorial["event_endtime"][0] + np.interp(0, longitudes, days) * u.day
    arrival = passage + DISTANCE / (scene.STREAM_SPEED * u.km / u.s)
    first, last = (Time(one) for one in scene.stream())
    assert first < arrival < last
    hours = round((arrival + 1.39e6 / 650 * u.s - Time("2026-01-12T00:00")).to_value("hour"))
    speeds = at_l1("flow_speed", "2026-01-12", "2026-01-16")
    assert np.nanmax(speeds) == pytest.approx(scene.STREAM_SPEED, rel=0.03)
    assert speeds[hours] > 0.95 * scene.STREAM_SPEED
    assert (last - first).to_value("day") == pytest.approx(23 / scene.SYNODIC_RATE, abs=0.01)
    before = round((first - Time("2026-01-12")).to_value("hour"))
    assert np.nanmax(speeds[:before]) < 0.9 * scene.STREAM_SPEED


def test_the_fast_stream_is_that_of_each_instrument(archive: Any, tmp_path: Any) -> None:
    """From noon of January 12, its speed is the same at IMAP, in real time, and at the nose of the bow shock."""
    found = Fido.search(a.Time("2026-01-12", "2026-01-12 23:59"), a.Instrument("swapi"), a.imap.File())
    swapi = imap.read(Fido.fetch(found, path=str(tmp_path / "{file}"), progress=False))
    late = swapi[swapi["epoch"].isot > "2026-01-12T12"]
    wind = imap.realtime(a.Time("2026-01-12 15:00", "2026-01-12 15:30"), "swapi")
    speeds = [
        np.nanmedian(late["proton_sw_speed"].filled(np.nan).value),
        np.nanmedian(wind["swapi_pseudo_proton_speed"].filled(np.nan).value),
        np.nanmedian(at_l1("flow_speed", "2026-01-12T12:00", "2026-01-13")),
    ]
    assert speeds == pytest.approx([scene.STREAM_SPEED] * 3, rel=0.03)


def test_the_eruptions_of_the_day_leave_the_wind_as_it_is() -> None:
    """They would arrive on January 12, and are directed to the west."""
    west = [one for one in scene.ERUPTIONS if one.hours > 0]
    assert all(240 < one.angle < 250 and one.width < 150 for one in west)
    assert timedelta(seconds=scene.DISTANCE_OF_L1 / max(one.speed for one in west)) > scene.SHOCK - scene.DAY


def test_the_south_eastern_hole_has_the_area_of_its_outline(archive: Any) -> None:
    holes = HERClient().search(a.Time("2026-01-10", "2026-01-11"), a.her.CH)
    south = holes[holes["hgs_y"].filled(np.nan).value < -30]
    outline = [polygon.area.to_value("Mm2") for polygon in south["hgs_boundcc"]]
    assert outline == pytest.approx([38_300] * len(south), rel=0.01)
    assert south["area_atdiskcenter"].filled(np.nan).to_value("Mm2") == pytest.approx(outline, rel=0.01)
