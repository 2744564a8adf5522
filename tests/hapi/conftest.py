"""Fixtures for the tests of HAPI: the responses in the guide of ESA's SWE HAPI server, as test vectors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sunpy_helio_plugins import conf

DATASET = "spase://SSA/NumericalData/D3S/d3s_mtgs1_ngrm_science_ep_l1_bt_v1"

CSV = (
    b"#utc,feio_1,odi_unilib_mlt\n"
    b"Time,Integral electron flux (>0.15 MeV),MLT\n"
    b"2026-03-25T12:00:40.067Z,744958.0,11.6639\n"
    b"2026-03-25T12:02:10.067Z,733622.0,11.6887\n"
    b"2026-03-25T12:03:40.067Z,736119.0,11.7135\n"
)

DATA = [
    ["2026-03-25T12:00:40.067Z", 744958.0, 11.6639],
    ["2026-03-25T12:02:10.067Z", 733622.0, 11.6887],
    ["2026-03-25T12:03:40.067Z", 736119.0, 11.7135],
]

INFO: dict[str, Any] = {
    "HAPI": "3.0.0",
    "status": {"code": 1200, "message": "OK"},
    "format": "json",
    "parameters": [
        {
            "name": "utc",
            "type": "isotime",
            "length": 24,
            "size": [1],
            "units": "UTC",
            "fill": None,
            "description": "Timestamp in coordinated Universal Time (UTC)",
            "label": ["Time"],
        },
        {
            "name": "feio_1",
            "type": "double",
            "size": [1],
            "units": "cm^-2 s^-1 sr^-1",
            "fill": "-1.0e+31",
            "description": "Omnidirectional integral electron flux.\nFluxes were obtained from L0 counts using "
            "geometric factors derived with the Bow-Tie method.",
            "label": ["Integral electron flux (>0.15 MeV)"],
        },
        {
            "name": "odi_unilib_mlt",
            "type": "double",
            "size": [1],
            "units": "hr",
            "fill": "-1.0e+31",
            "description": "Magnetic local time calculated with UNILIB",
            "label": ["MLT"],
        },
    ],
    "startDate": "2025-08-19T09:00Z",
    "stopDate": "2050-01-01T00:00Z",
    "cadence": "PT1M30S",
    "description": "MTG-S1/NGRM integral electron and differential proton fluxes",
    "resourceID": DATASET,
    "contactID": "spase://SSA/Person/SSCC.Helpdesk",
}


@dataclass(frozen=True)
class Seed:
    """The guide's example: the id of its dataset, and the three responses for it."""

    dataset: str = DATASET
    csv: bytes = CSV
    info: dict[str, Any] = field(default_factory=lambda: dict(INFO))
    data: list[list[Any]] = field(default_factory=lambda: [list(record) for record in DATA])


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep responses for one test only: the next test's server may use the same port."""
    with conf.set_temp("cache_dir", str(tmp_path_factory.mktemp("cache"))):
        yield


@pytest.fixture
def seed() -> Seed:
    """Return the guide's example."""
    return Seed()


@pytest.fixture(autouse=True)
def index_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder for the index of this test, in place of that of this process."""
    from sunpy_helio_plugins.hapi.discovery import index

    folder = tmp_path_factory.mktemp("index")
    monkeypatch.setattr(index, "_temporary", lambda: folder)
    return folder
