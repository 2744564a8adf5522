"""Datasets of the sandbox's HAPI servers ``cdaweb`` and ``lisird``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import numpy as np

from sunpy_helio_plugins.sandbox import scene
from sunpy_helio_plugins.sandbox.hapi import wind
from sunpy_helio_plugins.sandbox.hapi.model import EPOCH, Dataset, Parameter, iso

__all__ = ["CDAWEB", "LISIRD", "Formula", "time_parameter"]

Formula = Callable[[np.ndarray], np.ndarray]

_FILL = "-1.0E31"
_MINUTE = 60_000
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


def time_parameter(name: str, length: int = 24, **extra: object) -> Parameter:
    """Return the primary time of a dataset: isotime, ``length`` bytes."""
    values = partial(iso, length=length)
    return Parameter(name, "isotime", "UTC", None, "", values, length=length, extra=dict(extra))


def _gappy(formula: Formula, fill: float, every: int, cadence: int) -> Formula:
    """Return the formula with a fill at each ``every``-th record of a cadence, and on the morning of 2026-01-20."""

    def values(times: np.ndarray) -> np.ndarray:
        result = np.array(formula(times))
        hours = times // _HOUR
        morning = (hours >= 19 * 24 + 3) & (hours < 19 * 24 + 6)
        result[morning | ((times // cadence) % every == every // 2)] = fill
        return result

    return values


def _orbit(times: np.ndarray) -> np.ndarray:
    """Return the position of a spacecraft around L1 in km, GSE, shape (n, 3)."""
    angle = 2 * np.pi * np.asarray(times) / (178 * _DAY)
    return np.stack([1.48e6 + 3e4 * np.cos(2 * angle), 2.6e5 * np.sin(angle), 1.4e5 * np.cos(angle)], axis=-1)


_ACE = Dataset(
    "AC_H0_MFI",
    "ACE Magnetic Field 16-Second Level 2 Data - N. Ness (Bartol Research Institute)",
    "1997-09-02T00:00:12Z",
    "2026-03-01T00:00:00Z",
    (
        time_parameter("Time"),
        Parameter(
            "Magnitude",
            "double",
            "nT",
            _FILL,
            "B-field magnitude",
            _gappy(wind.field_magnitude, float(_FILL), 997, 16_000),
        ),
        Parameter(
            "BGSEc",
            "double",
            "nT",
            _FILL,
            "Magnetic Field Vector in GSE Cartesian coordinates (16 sec)",
            _gappy(wind.field, float(_FILL), 997, 16_000),
            size=(3,),
        ),
        Parameter(
            "SC_pos_GSE",
            "double",
            "km",
            _FILL,
            "ACE s/c position, 3 comp. in GSE coord.",
            _orbit,
            1,
            size=(3,),
        ),
    ),
    cadence=16_000,
    phase=12_000,
    gaps=(("2026-01-25T06:00:00Z", "2026-01-25T08:00:00Z"),),
    extra={"cadence": "PT16S", "resourceURL": "https://cdaweb.gsfc.nasa.gov/misc/NotesA.html#AC_H0_MFI"},
)

_OMNI_MINUTE = Dataset(
    "OMNI_HRO2_1MIN",
    "OMNI Combined, Definitive 1-minute IMF and Definitive Plasma Data, Time-Shifted to the Nose of the Bow Shock",
    "1995-01-01T00:00:00Z",
    "2026-03-01T00:00:00Z",
    (
        time_parameter("Time"),
        Parameter(
            "F",
            "double",
            "nT",
            "9999.99",
            "Magnitude of average field vector",
            wind.at_the_nose(wind.field_magnitude),
            2,
        ),
        Parameter(
            "flow_speed",
            "double",
            "km/s",
            "99999.9",
            "Flow speed, GSE",
            _gappy(wind.at_the_nose(wind.speed), 99999.9, 211, _MINUTE),
            1,
        ),
        Parameter(
            "proton_density",
            "double",
            "n/cc",
            "999.990",
            "Proton density",
            _gappy(wind.at_the_nose(wind.density), 999.99, 211, _MINUTE),
            2,
        ),
        Parameter(
            "T",
            "double",
            "K",
            "9.99999E+06",
            "Proton temperature",
            _gappy(wind.at_the_nose(wind.temperature), 9999990.0, 211, _MINUTE),
            0,
        ),
        Parameter(
            "SYM_H",
            "integer",
            "nT",
            "99999",
            "SYM/H - 1-minute SYM/H index",
            _gappy(wind.at_the_nose(wind.sym_h), 99999, 503, _MINUTE),
        ),
    ),
    cadence=_MINUTE,
    extra={"cadence": "PT1M"},
)

_OMNI_HOUR = Dataset(
    "OMNI2_H0_MRG1HR",
    "OMNI Combined, Definitive, Hourly IMF and Plasma Data, and Energetic Proton Fluxes",
    "1963-01-01T00:00:00Z",
    "2026-03-01T00:00:00Z",
    (
        time_parameter("Time"),
        Parameter(
            "KP1800",
            "integer",
            " ",
            "99",
            "Kp*10 (Kp*10 = 0,3,7,10,13... for Kp = 0,0+,1-,1,1+...)",
            _gappy(
                lambda times: np.clip(np.rint(17 - wind.at_the_nose(wind.sym_h)(times) / 4), 0, 90).astype(np.int64),
                99,
                37,
                _HOUR,
            ),
        ),
        Parameter(
            "DST1800", "integer", "nT", "99999", "Dst index", _gappy(wind.at_the_nose(wind.sym_h), 99999, 41, _HOUR)
        ),
    ),
    cadence=_HOUR,
    phase=_HOUR // 2,
    extra={"cadence": "PT1H"},
)

_WIND_MFI = Dataset(
    "WI_H0_MFI@0",
    "Wind Magnetic Fields Investigation: 3 sec, 1 min, and hourly Definitive Data, 1 minute records",
    "1994-11-13T15:50:26Z",
    "2026-02-01T00:00:00Z",
    (
        time_parameter("Time"),
        Parameter("BF1", "double", "nT", _FILL, "Magnetic field magnitude (1 min)", wind.field_magnitude, 4),
        Parameter("BGSE", "double", "nT", _FILL, "Magnetic field vector in GSE (1 min)", wind.field, 4, size=(3,)),
    ),
    cadence=_MINUTE,
    phase=30_000,
    extra={"cadence": "PT1M"},
)

CDAWEB = (_ACE, _OMNI_MINUTE, _OMNI_HOUR, _WIND_MFI)
"""Datasets modelled on NASA's CDAWeb."""


def _total_irradiance(times: np.ndarray) -> np.ndarray:
    """Return the total solar irradiance in W/m2 at 1 au, shape (n,)."""
    return 1361.4 + 0.35 * np.sin(2 * np.pi * np.asarray(times) / (27.3 * _DAY)) + 0.08 * wind.wobble(times, 8)


def _uncertainty(times: np.ndarray) -> np.ndarray:
    """Return the uncertainty in W/m2, NaN on one day of nine, shape (n,)."""
    return np.where((times // _DAY) % 9 == 4, np.nan, 0.13 + 0.01 * wind.wobble(times, 9))


_WAVELENGTHS = [round(200.0 + 25.0 * index, 1) for index in range(24)]


def _spectrum(times: np.ndarray) -> np.ndarray:
    """Return the spectral irradiance in W/m2/nm, shape (n, 24): a black body of 5772 K seen from 1 au."""
    metres = np.array(_WAVELENGTHS) * 1e-9
    planck = 3.7417718e-16 / metres**5 / (np.exp(1.438777e-2 / (metres * 5772)) - 1)
    return (1 + 2e-4 * wind.wobble(times, 10))[:, None] * (planck * (6.957e8 / 1.495978707e11) ** 2 * 1e-9)


def _instant(hours: float) -> int:
    return (scene.DAY + timedelta(hours=hours) - EPOCH) // timedelta(milliseconds=1)


_NO_TIME = "0001-01-01T00:00:00Z"
_NOTES = ("", 'bright, "two ribbons"', "#1 of the day", "001", "limb, partly hidden", "")


def _of_flare(pick: Callable[[int, scene.Flare], object]) -> Formula:
    """Return a formula that returns a value of the flare which starts at the given time."""
    table = {_instant(flare.start): pick(index, flare) for index, flare in enumerate(scene.FLARES)}
    return lambda times: np.array([table[int(time)] for time in times])


_FLARES = Dataset(
    "goes_xrs_flare_list",
    "Flares of the scene, as a list of events",
    "2026-01-01T00:00:00.000Z",
    "2026-02-01T00:00:00.000Z",
    (
        time_parameter("time", label="Start"),
        Parameter(
            "peak_time",
            "isotime",
            "UTC",
            _NO_TIME,
            "Peak of the soft X-ray flux; fill where it is not final",
            _of_flare(lambda index, flare: iso(np.array([_instant(flare.peak)]), 20)[0] if index else _NO_TIME),
            length=20,
        ),
        Parameter(
            "goes_class",
            "string",
            None,
            None,
            "GOES class",
            _of_flare(lambda index, flare: flare.goes),
            length=8,
        ),
        Parameter("noaa", "integer", None, "-1", "Active region", _of_flare(lambda index, flare: flare.noaa)),
        Parameter("note", "string", None, "", "Remark", _of_flare(lambda index, flare: _NOTES[index]), length=32),
    ),
    instants=tuple(_instant(flare.start) for flare in scene.FLARES),
)

LISIRD = (
    Dataset(
        "tsis_tsi_24hr",
        "TSIS-1 Total Solar Irradiance, daily averages",
        "2018-01-11T12:00:00.000Z",
        "2026-02-01T00:00:00.000Z",
        (
            time_parameter("time", label="Time"),
            Parameter(
                "tsi_1au",
                "double",
                "W/m^2",
                "0.0",
                "Total solar irradiance at 1 au",
                _total_irradiance,
                4,
                extra={"label": "TSI"},
            ),
            Parameter(
                "uncertainty",
                "double",
                "W/m^2",
                "NaN",
                "Standard uncertainty of the day's mean",
                _uncertainty,
                4,
            ),
            Parameter(
                "provisional_flag",
                "integer",
                "unitless",
                None,
                "1 where the value may still change",
                lambda times: (times // _DAY >= 24).astype(np.int64),
            ),
        ),
        cadence=_DAY,
        phase=_DAY // 2,
        extra={"cadence": "P1D", "timeStampLocation": "center", "resourceURL": "https://lasp.colorado.edu/lisird"},
    ),
    Dataset(
        "tsis_ssi_24hr",
        "TSIS-1 Spectral Solar Irradiance, daily averages",
        "2018-03-14T12:00:00.000Z",
        # As for a closed dataset: the time of the last record, which no stop can include (HAPI 1405).
        "2026-01-31T12:00:00.000Z",
        (
            time_parameter("time", label="Time"),
            Parameter(
                "irradiance",
                "double",
                "W/m^2/nm",
                "-1.0e31",
                "Spectral irradiance at 1 au",
                _spectrum,
                5,
                size=(24,),
                extra={
                    "label": "SSI",
                    "bins": [{"name": "wavelength", "units": "nm", "label": "Wavelength", "centers": _WAVELENGTHS}],
                },
            ),
        ),
        cadence=_DAY,
        phase=_DAY // 2,
        extra={"cadence": "P1D", "timeStampLocation": "center"},
    ),
    _FLARES,
)
"""Datasets modelled on LASP's LISIRD."""
