"""Test the attrs of Helioviewer and their errors."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
import pytest
from sunpy.net import attrs as a

import sunpy_helio_plugins  # noqa: F401 - registers a.helioviewer
from sunpy_helio_plugins import helioviewer
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.helioviewer.sequences.exposures import allowed_bits


def test_values_of_one_attr_join() -> None:
    assert (a.helioviewer.SourceID(13) | a.helioviewer.SourceID(11)).values == (13, 11)
    assert a.helioviewer.SourceID(np.int64(13)) == a.helioviewer.SourceID(13)


def test_measurements_are_found_in_any_case() -> None:
    assert a.helioviewer.Measurement("Magnetogram").values == ("magnetogram",)
    assert a.helioviewer.Measurement.white_light.values == ("white-light",)
    assert a.helioviewer.Measurement("al_poly/open").values == ("Al_poly/Open",)


@pytest.mark.parametrize("value", [-1, 36, 999, "13", 13.0, True, None])
def test_a_number_that_is_no_source_is_refused(value: Any) -> None:
    with pytest.raises(QueryError, match=r"SourceID|does not have the source"):
        a.helioviewer.SourceID(value)


def test_a_measurement_that_does_not_exist_is_refused_with_what_does() -> None:
    with pytest.raises(QueryError, match="magnetogram"):
        a.helioviewer.Measurement("magnetogramm")
    for nothing in (a.helioviewer.Measurement, a.helioviewer.SourceID):
        with pytest.raises(QueryError, match="needs a"):
            nothing()


def test_sources_are_a_table() -> None:
    table = helioviewer.sources()
    assert len(table) == 152
    assert table["Listed"].sum() == 97 + 13
    row = table[table["Source ID"] == 83][0]
    assert row["Wavelength"].to_value("nm") == pytest.approx(735), "KCor's number is in nanometres"
    assert table[table["Source ID"] == 75]["Instrument"][0] == "TRACE"
    assert table["Wavelength"].unit == "Angstrom"
    assert table["Wavelength"].mask[table["Source ID"] == 4].all(), "white light has no wavelength"


@pytest.mark.parametrize("value", [-1 * u.s, np.nan * u.s, np.inf * u.s])
def test_a_tolerance_is_a_duration_of_zero_or_longer(value: u.Quantity) -> None:
    with pytest.raises(QueryError, match="a duration of zero or longer, not"):
        a.helioviewer.Tolerance(value)
    assert a.helioviewer.Tolerance(0 * u.min).values == (0 * u.s,)


def test_two_tolerances_are_no_alternatives() -> None:
    short, long = a.helioviewer.Tolerance(1 * u.s), a.helioviewer.Tolerance(1 * u.min)
    with pytest.raises(QueryError, match="cannot be alternatives: give the longer one only"):
        _ = short | long
    assert (short | a.helioviewer.SourceID(13)).attrs == [short, a.helioviewer.SourceID(13)]


def test_a_backend_must_be_named() -> None:
    with pytest.raises(QueryError, match=r"a\.helioviewer\.Backend needs one of: HAPI, index, coverage\."):
        a.helioviewer.Backend()


def test_the_usual_quality_is_that_of_near_real_time_data() -> None:
    # Bit 30 of AIA and bit 10 of HMI.
    assert a.helioviewer.Quality().asked() == {"header": True, "quality": 0x4000_0400}
    assert allowed_bits(True) == 0x4000_0400
    assert a.helioviewer.Quality(1, 4).asked()["quality"] == 5


@pytest.mark.parametrize("value", [-1, True, 1.0, "0"])
def test_a_quality_is_an_integer_of_bits(value: Any) -> None:
    with pytest.raises(QueryError, match="takes non-negative integers of allowed bits, not"):
        a.helioviewer.Quality(value)
