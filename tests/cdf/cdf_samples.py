"""The CDF files on which the tests of readers run, and what they compare."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins import sandbox

__all__ = ["MAG", "SHIPPED", "plain", "same", "sample_files"]

SHIPPED = Path(sandbox.__file__).parent / "data" / "imap"
MAG = SHIPPED / "imap_mag_l2_norm-gse_20260110_v001.0002.cdf"


def sample_files() -> list[Path]:
    """Return the files of the embedded archive, those of sunpy's tests, and the real ones if available."""
    import sunpy.data.test

    folders = [SHIPPED.parent, Path(sunpy.data.test.rootdir)]
    if "HELIO_TEST_DATA" in os.environ:
        folders.append(Path(os.environ["HELIO_TEST_DATA"]))
    return sorted(path for folder in folders for path in folder.rglob("*.cdf"))


def plain(column: Any) -> NDArray[Any]:
    """Return the values of a column without its mask."""
    return np.ma.getdata(getattr(column, "unmasked", column))


def same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Return whether two arrays are equal, also where both are NaN."""
    return np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")
