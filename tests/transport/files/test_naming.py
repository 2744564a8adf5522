"""Test which cells of a table leave a field of a template empty."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sunpy_helio_plugins.transport.files import naming


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, True), (np.ma.masked, True), (float("nan"), True), (np.float64("nan"), True),
        (0, False), (0.0, False), ("", False), (np.ma.array([1, 2], mask=[True, True]), False),
    ],
)  # fmt: skip
def test_missing_cells(value: Any, expected: bool) -> None:
    assert naming._is_missing(value) is expected
