"""Test the attrs of Helioviewer and their errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sunpy.net import attrs as a

import sunpy_helio_plugins  # noqa: F401 - registers a.helioviewer
from sunpy_helio_plugins import helioviewer
from sunpy_helio_plugins.errors import QueryError


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
