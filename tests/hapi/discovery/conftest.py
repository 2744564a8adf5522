"""Fixtures for the tests of the index: the parameters of real descriptions, and a small invented catalogue."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from sunpy_helio_plugins.hapi.discovery.corpus import Corpus
from sunpy_helio_plugins.hapi.discovery.index import Entry


@pytest.fixture(scope="session")
def real_corpus(real_data: Path) -> Corpus:
    """Return the parameters of CDAWeb, VirES and LISIRD, as far as their descriptions are available."""
    path = real_data / "world" / "hapi" / "infos_cdaweb.jsonl.gz"
    lines = gzip.decompress(path.read_bytes()).splitlines()
    cdaweb = [Entry.of(one["dataset"], "", one["info"]) for one in map(json.loads, lines)]
    servers = [("cdaweb", "Coordinated Data Analysis Web", cdaweb)]
    for name, title in (("vires", "VirES for Swarm"), ("lisird", "LASP Interactive Solar Irradiance Datacenter")):
        listed = json.loads((real_data / "hapi" / f"metadata_{name}.json").read_text())["catalog"]
        servers.append((name, title, [Entry.of(one["id"], "", one) for one in listed]))
    return Corpus(servers)


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


@pytest.fixture(scope="session")
def small() -> Corpus:
    """Return the parameters of the invented datasets."""
    return Corpus([("there", "An archive", [Entry.of(one, "", said) for one, said in CATALOGUE.items()])])
