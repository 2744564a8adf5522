"""Test the attrs of the image that shows an event."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import pytest
from astropy.table import QTable
from astropy.time import Time

from sunpy_helio_plugins import her
from sunpy_helio_plugins.errors import QueryError


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


def test_what_is_no_event_is_refused() -> None:
    with pytest.raises(QueryError, match="takes one event"):
        her.picture_of(QTable({"x": [1]})[0])
