"""Test the numbers of active regions on the days around the rollover to five digits."""

from __future__ import annotations

import pytest

from sunpy_helio_plugins.her.filters import noaa
from sunpy_helio_plugins.her.query import Triplet


@pytest.mark.parametrize(
    ("number", "when", "expected"),
    [
        (3664, "2024-05-10", 13664), (13664, "2024-05-10", 13664), (0, "2024-05-10", 0), (-1, "2024-05-10", -1),
        (9999, "2002-07-14T23:59:59", 9999), (9999, "2002-07-15", 19999), (9900, "2002-07-01", 9900),
        (9899, "2002-07-01", 19899), (1, "2002-06-13T23:59:59", 1), (1, "2002-06-14", 10001), (1, "", 1),
        (9999, "2024-05-10", 19999), (10000, "2024-05-10", 10000),
    ],
)  # fmt: skip
def test_numbers_have_five_digits_after_the_rollover(number: int, when: str, expected: int) -> None:
    assert noaa.five_digits(number, when) == expected


@pytest.mark.parametrize(
    ("operator", "value", "start", "expected"),
    [
        ("<", "13664", "2002-07-15", [["< 13664"]]),
        ("=", "13664", "2024-05-10", [["= 13664"], ["= 3664"]]),
        ("=", "3664", "2024-05-10", [["= 13664"], ["= 3664"]]),
        (">", "13664", "2024-05-10", [["> 13664"], ["> 3664", "< 10000"]]),
        (">=", "9950", "2002-07-14", [[]]),
    ],
)  # fmt: skip
def test_each_spelling_of_a_number_is_requested(
    operator: str, value: str, start: str, expected: list[list[str]]
) -> None:
    made = noaa.variants((Triplet("ar_noaanum", operator, value, "ar"),), start, "2024-05-11")
    assert [[f"{one.operator} {one.value}" for one in tests] for tests in made] == expected


@pytest.mark.parametrize(
    ("start", "expected"), [("2002-07-14", ["< 13664", "> 3664"]), ("2002-07-15", ["< 3664", "> 3664"])]
)
def test_an_upper_limit_is_abbreviated_when_no_old_number_is_left(start: str, expected: list[str]) -> None:
    tests = (Triplet("ar_noaanum", "<", "13664", "ar"), Triplet("ar_noaanum", ">", "13664", "ar"))
    short = noaa.variants(tests, start, "2024-05-11")[1]
    assert [f"{one.operator} {one.value}" for one in short if one.value != "10000"] == expected
