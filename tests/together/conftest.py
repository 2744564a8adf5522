"""Tables that need no archive."""

from __future__ import annotations

from collections.abc import Iterator

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.table import QTable
from astropy.time import Time


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture
def wind() -> QTable:
    """Return a day of minutes, with a gap of two hours at noon."""
    minutes = np.concatenate([np.arange(720), np.arange(840, 1440)])
    made = QTable({"time": Time("2026-01-10") + minutes * u.min})
    made["B"] = np.sin(minutes[:, None] / 100 + np.arange(3)) * u.nT
    made["F"] = np.full(len(minutes), 5000.0) * u.pT
    made["speed"] = (400 + minutes / 10) * u.km / u.s
    made["quality"] = np.zeros(len(minutes), dtype=np.uint8)
    made.meta.update(Source_name="IMAP>Interstellar Mapping", Descriptor="MAG>Magnetometer")
    return made
