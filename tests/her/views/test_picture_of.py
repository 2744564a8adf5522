"""Test the attrs of the image that shows an event."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable
from astropy.time import Time

from sunpy_helio_plugins import her
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her import HERTable
from sunpy_helio_plugins.her.views import picture_of, to_attrs


def row(**record: Any) -> Any:
    table = QTable({"event_starttime": Time(["2026-01-10 12:00"])})
    raw = QTable({"raw": [None]}, dtype=[object])["raw"]
    raw[0] = record
    table["raw"] = raw
    return table[0]


@pytest.mark.parametrize(
    ("record", "instrument", "wavelength"),
    [
        ({"event_type": "CH", "obs_instrument": "AIA", "obs_channelid": "211"}, "AIA", 211),
        ({"event_type": "CH", "obs_instrument": "AIA", "obs_channelid": "171, 193"}, "AIA", 171),
        ({"event_type": "CH"}, "AIA", 193),
        ({"event_type": "FL", "obs_instrument": "GOES", "obs_channelid": "1-8"}, "AIA", 131),
        ({"event_type": "FI", "obs_instrument": "H-alpha"}, "AIA", 304),
        ({"event_type": "AR"}, "HMI", None),
        ({"event_type": "CE", "obs_instrument": "LASCO"}, "LASCO", None),
    ],
)
def test_the_source_is_that_of_the_event_or_shows_its_type_best(
    record: dict[str, Any], instrument: str, wavelength: float | None
) -> None:
    attrs = {type(one).__name__: one for one in her.picture_of(row(**record)).attrs}
    assert attrs["Instrument"].value == instrument
    assert getattr(attrs.get("Wavelength"), "min", None) == (None if wavelength is None else wavelength * u.AA)
    assert "Image" in attrs


def test_the_image_is_the_nearest_to_the_event() -> None:
    time = her.picture_of(row(event_type="CH"), 5 * u.min).attrs[0]
    assert (time.start.iso[11:16], time.near.iso[11:16], time.end.iso[11:16]) == ("11:55", "12:00", "12:05")


@pytest.mark.parametrize("tolerance", [-1 * u.s, 5, 1 * u.km], ids=str)
def test_a_tolerance_is_a_duration_of_at_least_0(tolerance: Any) -> None:
    with pytest.raises(QueryError, match=r"takes a duration of at least 0, such as .* as tolerance"):
        her.picture_of(row(event_type="CH"), tolerance)


def test_what_is_no_event_is_refused() -> None:
    with pytest.raises(QueryError, match="takes one event"):
        her.picture_of(QTable({"x": [1]})[0])


def test_an_event_without_any_time_is_refused() -> None:
    time = Time(["2026-01-10"])
    time[0] = np.ma.masked
    table = QTable({"event_starttime": time, "raw": [{}]})
    with pytest.raises(QueryError, match="takes an event with a time, and this one does not have any"):
        picture_of.best_time(table[0])


@pytest.mark.parametrize("record", [{"obs_meanwavel": None}, {"obs_meanwavel": 3.04e-6, "search_channelid": "304,193"}])
def test_an_event_without_one_wavelength_has_no_attr_of_it(record: dict[str, Any]) -> None:
    event = {"event_starttime": "2026-01-10T00:00:00", "obs_wavelunit": "cm", **record}
    assert to_attrs._wavelength(HERTable.from_records([event])[0]) == []
