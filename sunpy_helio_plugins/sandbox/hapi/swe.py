"""
The sandbox's counterpart of ESA's SWE HAPI server.

Its behaviour follows the server's public guide: HAPI 3.0.0, csv and json only, every parameter with size [1] and a
label array, names and labels instead of a JSON header, ``contactID`` after the data, and at most 100,000 elements per
response.
"""

from __future__ import annotations

import numpy as np

from sunpy_helio_plugins.sandbox.hapi import wind
from sunpy_helio_plugins.sandbox.hapi.data import Formula, time_parameter
from sunpy_helio_plugins.sandbox.hapi.model import Dataset, Parameter, milliseconds

__all__ = ["SWE"]

_FIRST = milliseconds("2026-03-25T12:00:40.067Z")
_CADENCE = 90_000
_DAY = 86_400_000.0

_PUBLISHED = {_FIRST: 744958.0, _FIRST + _CADENCE: 733622.0, _FIRST + 2 * _CADENCE: 736119.0}
"""Electron fluxes of the three records in the guide."""


def _electron_flux(times: np.ndarray) -> np.ndarray:
    """Return the integral flux of electrons over 0.15 MeV in cm-2 s-1 sr-1, shape (n, 1)."""
    flux = np.rint(7.2e5 * np.exp(0.3 * wind.wobble(times, 11) + 0.4 * np.cos(2 * np.pi * np.asarray(times) / _DAY)))
    for time, value in _PUBLISHED.items():
        flux[times == time] = value
    return flux[:, None]


def _local_time(times: np.ndarray) -> np.ndarray:
    """Return the magnetic local time in hours, shape (n, 1), of a geostationary orbit, as in the guide."""
    return ((11.6639 + 0.0248 / _CADENCE * (np.asarray(times) - _FIRST)) % 24)[:, None]


def _described(name: str, units: str, label: str, description: str, values: Formula, decimals: int) -> Parameter:
    extra = {"label": [label]}
    return Parameter(name, "double", units, "-1.0e+31", description, values, decimals, size=(1,), extra=extra)


_UTC = time_parameter("utc")


def _utc() -> Parameter:
    return Parameter(
        "utc",
        "isotime",
        "UTC",
        None,
        "Timestamp in coordinated Universal Time (UTC)",
        lambda times: _UTC.values(times)[:, None],
        size=(1,),
        length=24,
        extra={"label": ["Time"]},
    )


def _dataset(name: str, title: str, start: str, description: str, parameters: tuple[Parameter, ...]) -> Dataset:
    return Dataset(
        f"spase://SSA/NumericalData/D3S/{name}",
        title,
        start,
        # The guide's marker for a dataset that still grows.
        "2050-01-01T00:00Z",
        parameters,
        cadence=_CADENCE,
        phase=_FIRST,
        ends="2026-04-01T00:00:00Z",
        extra={
            "cadence": "PT1M30S",
            "description": description,
            "resourceID": f"spase://SSA/NumericalData/D3S/{name}",
            "contactID": "spase://SSA/Person/SSCC.Helpdesk",
        },
    )


_FLUX = "cm^-2 s^-1 sr^-1"

SWE = (
    _dataset(
        "d3s_gk2a_sosmag_recalib",
        "SOSMAG-GK2A-L2 (ESA)",
        "2019-03-01T00:00Z",
        "Magnetic field measured by SOSMAG on board GEO-KOMPSAT-2A, recalibrated.",
        (
            _utc(),
            _described(
                "b_gse_x",
                "nT",
                "Bx (GSE)",
                "Magnetic field, x component in GSE",
                lambda times: 60 + 8 * wind.wobble(times, 12)[:, None],
                3,
            ),
        ),
    ),
    _dataset(
        "d3s_mtgi1_ngrm_science_ep_l1_gc_v1",
        "MTG-I1/NGRM differential electron fluxes (ESA)",
        "2023-01-20T00:00Z",
        "MTG-I1/NGRM differential electron fluxes.",
        (
            _utc(),
            _described("fedo_1", _FLUX, "Electron flux", "Omnidirectional electron flux.", _electron_flux, 1),
        ),
    ),
    _dataset(
        "d3s_mtgs1_ngrm_science_ep_l1_bt_v1",
        "MTG-S1/NGRM integral electron and differential proton fluxes (ESA)",
        "2025-08-19T09:00Z",
        "MTG-S1/NGRM integral electron and differential proton fluxes (estimated using geometric factors derived with "
        "the Bow-Tie method), position, velocity and magnetic coordinates. MTG-S1 is designated to become Meteosat-13 "
        "after commissioning in geostationary orbit at 0°.",
        (
            _utc(),
            _described(
                "feio_1",
                _FLUX,
                "Integral electron flux (>0.15 MeV)",
                "Omnidirectional integral electron flux.\nFluxes were obtained from L0 counts using geometric factors "
                "derived with the Bow-Tie method.",
                _electron_flux,
                1,
            ),
            _described(
                "feio_2",
                _FLUX,
                "Integral electron flux (>0.5 MeV)",
                "Omnidirectional integral electron flux.",
                lambda times: np.rint(_electron_flux(times) / 9),
                1,
            ),
            _described(
                "odi_unilib_mlt",
                "hr",
                "MLT",
                "Magnetic local time calculated with UNILIB",
                _local_time,
                4,
            ),
        ),
    ),
)
"""The datasets that the guide lists; the last one is used in the guide's example."""
