"""Files of one product on successive days."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cdflib
import numpy as np
import pytest

TT2000, FLOAT, UINT2 = 33, 44, 12
MIDNIGHT = int(cdflib.cdfepoch.compute_tt2000([2026, 1, 10, 0, 0, 0, 0, 0, 0]))
SECOND, DAY = 10**9, 86_400 * 10**9


@pytest.fixture
def make_day(make_cdf: Callable[..., Path]) -> Callable[..., Path]:
    """
    Return a function that writes four records of a day, one hour apart from ``hour``.

    ``field`` are the values of the first component; ``more`` are further variables or others in their place.
    """

    def make(
        day: int = 10,
        version: str = "v001.0001",
        *,
        hour: float = 0,
        field: Any = (0, 1, 2, 3),
        descriptor: str = "norm-gse",
        folder: str = ".",
        **more: Any,
    ) -> Path:
        start = MIDNIGHT + (day - 10) * DAY + int(hour * 3600) * SECOND
        b = np.stack([np.asarray(field, "f4"), np.full(len(field), day, "f4"), np.zeros(len(field), "f4")], axis=1)
        said = {"DEPEND_0": "epoch", "UNITS": "nT", "FILLVAL": np.float32(-1e31), "VAR_TYPE": "data"}
        variables = {
            "epoch": (TT2000, start + np.arange(len(field)) * 3600 * SECOND, {"CATDESC": "Time"}),
            "b_gse": (FLOAT, b, said | {"DEPEND_1": "direction", "LABL_PTR_1": "direction_label"}),
            "mode": (UINT2, np.arange(len(field), dtype="u2"), {"DEPEND_0": "epoch", "FILLVAL": np.uint16(65535)}),
            "direction": (FLOAT, np.arange(3.0), {"VAR_TYPE": "support_data"}),
            "direction_label": (51, np.array(["Bx", "By", "Bz"]), {"VAR_TYPE": "metadata"}),
        } | more
        made = make_cdf(
            {name: one for name, one in variables.items() if one is not None}, ("direction", "direction_label")
        )
        target = made.parent / folder / f"imap_mag_l2_{descriptor}_202601{day:02}_{version}.cdf"
        target.parent.mkdir(parents=True, exist_ok=True)
        return made.rename(target)

    return make
