"""Invented datasets, for the tests of the index."""

from __future__ import annotations

from typing import Any


def parameter(name: str, units: str | None, description: str = "", **extra: Any) -> dict[str, Any]:
    return {"name": name, "type": "double", "units": units, "fill": None, "description": description, **extra}


def info(*parameters: dict[str, Any], **extra: Any) -> dict[str, Any]:
    time = {"name": "Time", "type": "isotime", "length": 24, "units": "UTC", "fill": None}
    return {"parameters": [time, *parameters], "startDate": "2000-01-01Z", "stopDate": "2030-01-01Z", **extra}


CATALOGUE: dict[str, dict[str, Any]] = {
    "WI_H9_SWE": info(
        parameter("QF", None, "Quality flag of the proton density"),
        parameter("Np", "#/cc", "Proton number density"),
        parameter("dNp", "#/cc", "Uncertainty of the proton number density"),
        parameter("Vp", "km/s", "Proton bulk speed"),
        parameter("Tp", "K", "Proton temperature"),
        cadence="PT92S",
    ),
    "AC_H9_MFI": info(
        parameter("BGSM", "nT", "Magnetic field vector in GSM", size=[3]),
        parameter("BGSEc", "nT", "Magnetic field vector in GSE", size=[3]),
        parameter("SC_pos_GSE", "km", "Position of the spacecraft", size=[3]),
        cadence="PT16S",
    ),
    "MMS4_FPI_FAST_L2_DES-MOMS": info(parameter("mms4_des_numberdensity_fast", "cm^-3", "Electron density")),
    "MMS4_FPI_FAST_L2_DIS-MOMS": info(parameter("mms4_dis_numberdensity_fast", "cm^-3", "Ion density")),
    "RAIN": info(parameter("rain", "mm", "Rain in the garden"), startDate="1990-01-01Z", stopDate="1991-01-01Z"),
}
"""Invented datasets, by id."""
