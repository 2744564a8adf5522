"""Fill values are found as the archive means them, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from sunpy_helio_plugins.quantities.masks import is_fill


@pytest.mark.parametrize(
    ("values", "fill"),
    [
        (np.array([1.0, -1e31]), "-1.0e+31"),
        (np.array([1.0, -1e31]), "-1E31"),
        (np.array([1.0, -1e31], dtype="f4"), "-1.0e31"),
        (np.array([1.0, np.nan]), "NaN"),
        (np.array([1.0, np.nan]), float("nan")),
        (np.array([1, -2147483648], dtype="i4"), "-2147483648"),
        (np.array([1, -(2**63)]), "-9223372036854775808"),
        (np.array([1, -1], dtype="i4"), "-1.0"),
        (np.array([1, -1], dtype="i4"), -1),
        (np.array(["a", ""]), ""),
        (np.array([b"a", b"none"]), "none"),
        (np.array(["a", "0001-01-01T00:00:00Z"]), "0001-01-01T00:00:00Z"),
    ],
)
def test_fills_are_found(values, fill):
    assert is_fill(values, fill).tolist() == [False, True]


@pytest.mark.parametrize(
    ("values", "fill"),
    [
        (np.array([1.0, -1e31]), None),
        (np.array([1.0, 2.0]), "-1e31"),
        (np.array([1, 2], dtype="i4"), "NaN"),
        (np.array([1, 2], dtype="i4"), "1.5"),
        (np.array([0, 255], dtype="u1"), "-1"),
        (np.array([1.0, 2.0]), "unknown"),
        (np.array(["1", "1.0"]), "1.00"),
    ],
)
def test_what_is_no_fill_stays(values, fill):
    assert is_fill(values, fill) is None


def test_the_shape_is_kept():
    assert is_fill(np.full((3, 2), -1.0), "-1").shape == (3, 2)
