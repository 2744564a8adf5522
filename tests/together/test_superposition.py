"""Test the mean of a series around many instants."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable

from sunpy_helio_plugins import together
from sunpy_helio_plugins.errors import QueryError

EVENTS = ["2026-01-10 06:00", "2026-01-10 09:00"]


def test_each_bin_is_the_mean_of_its_samples(wind: QTable) -> None:
    found = together.superpose(wind, "speed", EVENTS, 1 * u.hour, 2 * u.hour, 30 * u.min)
    assert found["offset"].to_value("min").tolist() == [-45, -15, 15, 45, 75, 105]
    assert found["offset"].unit == u.min
    # 0.1 km/s in a minute: the first bin has the minutes 300 to 329.
    assert found["epochs"][0, 0].to_value("km/s") == pytest.approx(400 + 314.5 / 10)
    assert found["mean"][0].to_value("km/s") == pytest.approx(400 + (314.5 + 494.5) / 20)
    assert found["n"].tolist() == [2] * 6
    assert found["low"][0] < found["median"][0] < found["high"][0]


def test_bins_in_a_gap_are_empty(wind: QTable) -> None:
    found = together.superpose(wind, "speed", ["2026-01-10 12:00", "2026-01-10 06:00"], 1 * u.hour, 2 * u.hour)
    assert np.isnan(found["epochs"][:, 0].value).tolist() == [False, True, True]
    assert found["n"].tolist() == [2, 1, 1]


def test_bins_without_any_value_have_none(wind: QTable) -> None:
    found = together.superpose(wind, "speed", ["2026-02-01"])
    assert np.isnan(found["mean"].value).all()
    assert not found["n"].any()


def test_missing_values_do_not_count(wind: QTable) -> None:
    wind["speed"][360:375] = np.nan
    found = together.superpose(wind, "speed", EVENTS[:1], 0 * u.min, 30 * u.min, 30 * u.min)
    assert found["mean"][0].to_value("km/s") == pytest.approx(400 + 38.2)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("B", EVENTS), "takes a column of scalars, and B has the shape"),
        (("x", EVENTS), "the table does not have a column 'x'; it has time, B, F, speed, quality"),
        (("speed", []), "takes at least one event"),
        (("speed", EVENTS, 0 * u.s, 0 * u.s), "takes from 1 to 100000 bins"),
        (("speed", EVENTS, 1 * u.day, 1 * u.day, 1 * u.ms), "takes from 1 to 100000 bins"),
    ],
)
def test_what_has_no_epochs_is_refused(wind: QTable, arguments: tuple[Any, ...], text: str) -> None:
    with pytest.raises(QueryError, match=text):
        together.superpose(wind, *arguments)
