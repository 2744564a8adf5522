"""
Compare axes and units with the mission's definitions of variables.

``definitions.csv`` contains DEPEND_1 to DEPEND_3 and UNITS of variables in the attribute files of imap_processing
1.0.40 (``cdf/config``), one or two lines for each combination of axes and units of a product; lines without axes are
axes.
"""

from __future__ import annotations

import csv
from itertools import groupby
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest

from sunpy_helio_plugins import imap

pytest.importorskip("ndcube")

with Path(__file__).with_name("definitions.csv").open(encoding="utf-8", newline="") as stream:
    ROWS = list(csv.DictReader(stream))
PRODUCTS = [product for product, _ in groupby(row["product"] for row in ROWS if row["axes"])]

PER_AREA = 1 / (u.cm**2 * u.s * u.sr)
MEANT = {
    "# / cm2 s sr MeV/nuc": PER_AREA / u.MeV, "1/(cm^2 s MeV/nuc sr)": PER_AREA / u.MeV,
    "cm -2 s -1 sr -1 keV -1": PER_AREA / u.keV, "1 / (eV * cm^2 * s * ster)": PER_AREA / u.eV,
    "counts": u.ct, "counts/s": u.ct / u.s, "count s-1": u.ct / u.s, "s^-1": 1 / u.s, "s^3 / cm^6": u.s**3 / u.cm**6,
    "MeV/nuc": u.MeV, "keV": u.keV, "eV": u.eV, "eV / q": u.eV, "pC": u.pC, "kg": u.kg, "Rayleigh": u.R, "sr": u.sr,
    "degrees": u.deg, "Degree": u.deg, "Deg": u.deg, "deg": u.deg, "nT": u.nT, "km": u.km, "km/s": u.km / u.s,
    "s": u.s, "sec": u.s, "ns": u.ns, "microseconds": u.us,
}  # fmt: skip
"""The units of the definitions as those of astropy; others are not units."""

LENGTHS = {"longitude": 6, "latitude": 3, "rectangular_lon_pixel": 6, "rectangular_lat_pixel": 3, "pixel_index": 48}


def along(name, number):
    """Return the values of an axis."""
    length = LENGTHS.get(name, 2 + number)
    if name == "pixel_index":
        return np.arange(length, dtype="u4")
    step = 360 / length if "lon" in name else 180 / length if "lat" in name else 1
    return (np.arange(length) + 0.5) * step - (90 if "lat" in name else 0)


@pytest.fixture
def make_product(make_cdf):
    """Return a function that writes and reads two records of a product with all variables of its definitions."""

    def make(product):
        rows = [row for row in ROWS if row["product"] == product]
        names = dict.fromkeys(name for row in rows for name in row["axes"].split())
        axes = {name: along(name, number) for number, name in enumerate(names)}
        units = {row["variable"]: row["unit"] for row in rows if not row["axes"]}
        variables = {"epoch": (33, 820_000_000_000_000_000 + np.arange(2) * 10**10, {"UNITS": "ns"})}
        for row in rows:
            own = row["axes"].split()
            if not own:
                continue
            shape = (2, *(len(axes[name]) for name in own))
            depend = {f"DEPEND_{index}": name for index, name in enumerate(("epoch", *own))}
            told = {**depend, "VAR_TYPE": "data", "UNITS": row["unit"], "FILLVAL": np.float32(-1e31)}
            variables[row["variable"]] = (44, np.arange(np.prod(shape), dtype="f4").reshape(shape) + 1, told)
        for name, values in axes.items():
            kind = 14 if values.dtype.kind == "u" else 45
            variables[name] = (kind, values, {"UNITS": units.get(name, " "), "VAR_TYPE": "support_data"})
        return imap.read(make_cdf(variables, tuple(axes))), axes, units

    return make


@pytest.mark.parametrize("product", PRODUCTS)
def test_columns_have_the_axes_and_units_of_the_definitions(make_product, product):
    table, _, _ = make_product(product)
    assert table.meta["problems"] == []
    for row in (row for row in ROWS if row["product"] == product and row["axes"]):
        column = table[row["variable"]]
        assert list(column.info.meta["axes"]) == row["axes"].split(), row
        assert getattr(column, "unit", None) == MEANT.get(row["unit"]), row


@pytest.mark.parametrize("product", [one for one in PRODUCTS if not one.startswith(("map", "idex"))])
def test_spectra_have_the_axes_and_units_of_the_definitions(make_product, product):
    table, axes, units = make_product(product)
    for row in (row for row in ROWS if row["product"] == product and row["axes"]):
        cube = imap.to_spectra(table, row["variable"])
        assert cube.unit == MEANT.get(row["unit"]), row
        names = row["axes"].split()
        assert [*reversed(cube.wcs.world_axis_names)] == ["time", *names]
        for number, name in enumerate(names, 1):
            (found,) = cube.axis_world_coords(number)
            assert np.allclose(found.value, axes[name]), row
            assert found.unit == MEANT.get(units.get(name), u.one), row


@pytest.mark.parametrize("product", [one for one in PRODUCTS if one.startswith(("map", "idex"))])
def test_maps_have_the_axes_and_units_of_the_definitions(make_product, product):
    if "healpix" in product:
        pytest.importorskip("astropy_healpix")
    table, axes, units = make_product(product)
    for row in (row for row in ROWS if row["product"] == product and row["axes"]):
        cube = imap.to_skymap(table, row["variable"], frame="hae")
        assert cube.unit == MEANT[row["unit"]], row
        others = [name for name in row["axes"].split() if name not in LENGTHS]
        sky = (48,) if "healpix" in product else (3, 6)
        assert cube.shape == (2, *(len(axes[name]) for name in others), *sky)
        assert set(others) <= set(cube.wcs.low_level_wcs.world_axis_names), row
        for name in others:
            (found,) = cube.axis_world_coords(1)
            assert np.allclose(found.value, axes[name]), row
            assert found.unit == MEANT[units[name]], row


def test_each_variable_of_the_pixels_is_beside_the_map(make_product):
    table, _, _ = make_product("map rectangular")
    meta = imap.to_skymap(table, frame="hae").meta
    of_others = ("ena_intensity_stat_uncert", "ena_count", "ena_count_rate", "bg_")
    expected = {
        row["variable"] for row in ROWS
        if row["product"] == "map rectangular" and row["axes"] and not row["variable"].startswith(of_others)
    } - {"ena_intensity"}  # fmt: skip
    assert expected <= meta.keys()
    assert not [name for name in meta if name.startswith(of_others)]
