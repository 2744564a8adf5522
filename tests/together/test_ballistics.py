"""Test the times between the Sun and L1."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable
from astropy.time import Time
from astropy.utils.masked import Masked
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import her, together
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.sandbox import scene


def hours_between(first: Time, second: Any) -> float:
    return float((Time(second) - first).to_value("h"))


def test_plasma_needs_the_distance_over_its_speed() -> None:
    found = together.arrival("2026-01-08 10:48", [700, 900] * u.km / u.s)
    # 0.98334 au less 1.5 million km, at 900 and at 700 km/s.
    assert hours_between(Time("2026-01-08 10:48"), found.start) == pytest.approx(44.94, abs=0.02)
    assert hours_between(Time("2026-01-08 10:48"), found.end) == pytest.approx(57.78, abs=0.02)


def test_a_single_speed_is_taken_with_a_fifth_to_both_sides() -> None:
    one = together.arrival("2026-01-08 10:48", 500 * u.km / u.s)
    two = together.arrival("2026-01-08 10:48", [600, 400] * u.km / u.s)
    assert (one.start, one.end) == (two.start, two.end)


def test_what_arrives_left_at_the_time_for_which_it_arrives() -> None:
    speed = [700, 900] * u.km / u.s
    left = together.departure("2026-01-10 17:00", speed)
    assert abs(hours_between(together.arrival(left.start, speed).end, "2026-01-10 17:00")) < 0.05
    assert abs(hours_between(together.arrival(left.end, speed).start, "2026-01-10 17:00")) < 0.05


@pytest.mark.usefixtures("archive")
class TestEvents:
    def test_the_shock_of_the_eruption_arrives_in_its_range(self) -> None:
        eruption = Fido.search(a.Time("2026-01-08", "2026-01-09"), a.her.CE)["her"][0]
        found = together.arrival(eruption)
        assert found.start < Time(scene.SHOCK) < found.end

    def test_the_stream_of_a_hole_is_between_the_passages_of_its_edges(self) -> None:
        holes = Fido.search(a.Time("2026-01-10", "2026-01-10 20:00"), a.her.CH, a.her.frm_name == "SPoCA")["her"]
        speed = scene.STREAM_SPEED * u.km / u.s
        for hole in holes[abs(holes["hgs_y"].filled(90 * u.deg)) < 20 * u.deg]:
            found = together.arrival(hole, [speed.value, speed.value] * speed.unit)
            first, last = scene.stream()
            assert abs(hours_between(found.start, first)) < 3
            assert abs(hours_between(found.end, last)) < 3

    def test_a_flare_of_all_suppliers_has_an_arrival(self) -> None:
        flare = her.flares(a.Time("2026-01-10", "2026-01-11"))[0]
        found = together.arrival(flare)
        assert 25 < hours_between(flare["event_starttime"].unmasked, found.start) < 30


@pytest.mark.parametrize("speed", [500, [500] * u.s, [100, 500] * u.km / u.s, [1, 2, 3] * u.Mm / u.s])
def test_other_speeds_are_refused(speed: Any) -> None:
    with pytest.raises(QueryError, match="takes one or two speeds from 200 to 3500 km/s"):
        together.arrival("2026-01-08", speed)


def table_of_event(**changed: Any) -> QTable:
    said = {
        "event_type": ["CH"], "raw": [{}], "hgs_x": [5.0] * u.deg, "hgs_y": [10.0] * u.deg,
        "event_starttime": Time(["2026-01-08T10:00"]), "event_endtime": Time(["2026-01-08T12:00"]),
    }  # fmt: skip
    return QTable({name: one for name, one in (said | changed).items() if one is not None})


def test_a_hole_without_an_outline_has_its_width_in_longitude() -> None:
    plain = together.arrival(table_of_event()[0])
    assert hours_between(plain.start, plain.end) > 24
    for changed in ({"hgs_x": None}, {"hgs_y": Masked([10.0] * u.deg, [True])}):
        with pytest.raises(QueryError, match="takes a coronal hole with a position"):
            together.arrival(table_of_event(**changed)[0])


def test_an_event_without_a_start_is_refused() -> None:
    start = Time(["2026-01-08T10:00"])
    start[0] = np.ma.masked
    with pytest.raises(QueryError, match="takes an event with a start time, which this one does not have"):
        together.arrival(table_of_event(event_starttime=start)[0])
