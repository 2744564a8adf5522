"""Test the bins of columns that are described in several units."""

from __future__ import annotations

import json

import astropy.units as u

from sunpy_helio_plugins import hapi
from sunpy_helio_plugins.series.axes import axes_of


def test_bins_in_several_units_are_converted_to_the_first() -> None:
    bins = {"name": "frequency", "units": ["Hz", None, "kHz"], "centers": [1, 2, 3]}
    header = {
        "HAPI": "3.0", "format": "csv",
        "parameters": [
            {"name": "Time", "type": "isotime", "length": 20, "units": "UTC", "fill": None},
            {"name": "flux", "type": "double", "units": None, "fill": None, "size": [3], "bins": [bins]},
        ],
    }  # fmt: skip
    table = hapi.read(f"#{json.dumps(header)}\n2026-01-10T00:00:00Z,1,2,3\n".encode())
    (axis,) = axes_of(table, "flux")
    assert axis.centers.unit == u.Hz
    assert axis.centers.value.tolist() == [1, 2, 3000]
