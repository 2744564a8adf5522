"""Maps with the variables and attributes of the mission's definitions (imap_enamaps_l2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cdflib
import numpy as np
import pytest
from astropy.table import QTable

from sunpy_helio_plugins import imap

TT2000, INT8, FLOAT, UINT4 = 33, 8, 44, 14
START = int(cdflib.cdfepoch.compute_tt2000([2026, 1, 1, 0, 0, 0, 0, 0, 0]))
DAY = 86_400 * 10**9
ENERGY = np.array([0.5, 0.75, 1.1, 1.65], "f4")
SYSTEM = "SPASE>Support>SupportQuantity:Orientation,CoordinateSystemName:HAE,CoordinateRepresentation:Spherical"
INTENSITY = "cm -2 s -1 sr -1 keV -1"


def quantity(unit: str, axes: tuple[str, ...], **more: Any) -> dict[str, Any]:
    depend = {f"DEPEND_{index}": name for index, name in enumerate(("epoch", *axes))}
    return {"UNITS": unit, "FILLVAL": np.float32(-1e31), "VAR_TYPE": "data", "DICT_KEY": SYSTEM} | depend | more


def support(unit: str) -> dict[str, Any]:
    return {"UNITS": unit, "VAR_TYPE": "support_data", "DICT_KEY": SYSTEM}


@pytest.fixture
def make_map(make_cdf: Callable[..., Any]) -> Callable[..., QTable]:
    """
    Return a function that writes and reads a map whose values are 1000 times the energy's number plus the longitude.

    ``meta`` are attributes of the file; ``more`` are variables that are added, or left out if they are `None`.
    """

    def make(
        sky: dict[str, np.ndarray] | None = None,
        meta: dict[str, Any] | None = None,
        energies: int = 4,
        records: int = 1,
        **more: Any,
    ) -> QTable:
        sky = sky or {"longitude": np.arange(3, 360, 6.0), "latitude": np.arange(-87, 90, 6.0)}
        on_sky = ("pixel_index",) if "pixel_index" in sky else tuple(sky)
        axes = ("energy", *on_sky)
        shape = (records, energies, *(len(sky[name]) for name in on_sky))
        along = sky["longitude"].reshape([1 if name == "latitude" else -1 for name in on_sky])
        number = np.arange(energies).reshape(energies, *[1] * (len(axes) - 1))
        values = np.broadcast_to(number * 1000 + along, shape).astype("f4")
        values[0, 0].flat[0] = -1e31
        times = {"UNITS": "ns", "FILLVAL": np.int64(-(2**63)), "VAR_TYPE": "support_data"}
        several = {"DEPEND_0": "epoch"}
        variables: dict[str, Any] = {
            "epoch": (TT2000, START + 90 * DAY * np.arange(records), {"CATDESC": "Start", "UNITS": "ns"}),
            "epoch_delta": (INT8, np.full(records, 90 * DAY), times | several),
            "ena_intensity": (
                FLOAT,
                values,
                quantity(
                    INTENSITY,
                    axes,
                    DELTA_PLUS_VAR="ena_intensity_stat_uncert",
                    DELTA_MINUS_VAR="ena_intensity_stat_uncert",
                    FIELDNAM="Intensity",
                ),
            ),
            "ena_intensity_stat_uncert": (
                FLOAT, values / 10, quantity(INTENSITY, axes, VAR_TYPE="support_data"),
            ),
            "ena_intensity_sys_err": (FLOAT, values / 20, quantity(INTENSITY, axes, VAR_TYPE="support_data")),
            "bg_rate_sys_err": (FLOAT, values / 20, quantity("count s-1", axes, VAR_TYPE="support_data")),
            "exposure_factor": (FLOAT, values * 0 + 60, quantity("s", axes)),
            "obs_date": (
                INT8,
                np.full(shape, START + DAY),
                {name: one for name, one in quantity("ns", axes).items() if name != "FILLVAL"} | times,
            ),
            "solid_angle": (FLOAT, np.ones((records, *shape[2:]), "f4"), quantity("sr", axes[1:])),
            "energy": (FLOAT, ENERGY[:energies], support("keV")),
            "energy_delta_minus": (FLOAT, ENERGY[:energies] / 4, support("keV")),
            "energy_delta_plus": (FLOAT, ENERGY[:energies] / 2, support("keV")),
        }  # fmt: skip
        for name, one in sky.items():
            is_index = name == "pixel_index"
            told = support(" " if is_index else "deg")
            told |= {"DEPEND_1": "pixel_index"} if "pixel_index" in sky and not is_index else {}
            variables[name] = (UINT4 if is_index else FLOAT, one, told)
        variables = {name: one for name, one in (variables | more).items() if one is not None}
        static = tuple(
            name for name in ("energy", "energy_delta_minus", "energy_delta_plus", *sky) if name in variables
        )
        table = imap.read(make_cdf(variables, static))
        table.meta |= {"Spice_reference_frame": "IMAP_HAE"} if meta is None else meta
        return table

    return make
