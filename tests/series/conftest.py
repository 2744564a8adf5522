"""Tables with few samples, for which results can be computed by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from astropy.table import QTable

from sunpy_helio_plugins.quantities import times


@pytest.fixture
def table() -> Callable[..., QTable]:
    """Return a function that makes a table from time stamps, or from seconds after a day, and columns."""

    def make(stamps: Any, day: str = "2026-01-10", **columns: Any) -> QTable:
        if len(stamps) == 0 or not isinstance(stamps[0], str):
            stamps = [str(np.datetime64(day, "ns") + np.timedelta64(round(one * 10**9), "ns")) for one in stamps]
        time = times.from_iso(np.array(stamps, dtype="S40"))
        return QTable([times.as_column(time), *columns.values()], names=["Time", *columns], copy=False)

    return make
