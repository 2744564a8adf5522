"""Test numbers that servers write as texts."""

from __future__ import annotations

from typing import Any

import pytest

from sunpy_helio_plugins.quantities.exact import whole_number


@pytest.mark.parametrize(
    ("given", "expected"),
    [("3", 3), (3, 3), ("007", 7), ("9" * 18, 10**18 - 1)]
    + [(bad, None) for bad in ("", "-1", "1.0", " 1", "\u0663", "\u00b2", "9" * 19, "9" * 5000, None, True, 1.0, [1])],
)
def test_only_digits_of_64_bits_are_whole_numbers(given: Any, expected: int | None) -> None:
    assert whole_number(given) == expected
