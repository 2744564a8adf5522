"""Test what functions of quantities refuse, and stamps and numbers that occur rarely."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from astropy.time import Time

from sunpy_helio_plugins import quantities
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.quantities.spans import Span


@pytest.mark.parametrize("given", [[1, 2], ["2026-01-10"], Time("2026-01-10"), None])
def test_what_are_not_datetimes_is_refused(given: Any) -> None:
    with pytest.raises(QueryError, match=r"^quantities\.from_datetime64 takes .* as values, not "):
        quantities.from_datetime64(given)


@pytest.mark.parametrize("given", [[1, 2, 3], 5, [[1, 2, 3]], ["x", "y"], [[1], [2]]])
def test_what_are_not_pairs_is_refused(given: Any) -> None:
    with pytest.raises(QueryError, match=r"^quantities\.from_cdf_epoch16 takes .* as values, not "):
        quantities.from_cdf_epoch16(given)


@pytest.mark.parametrize("fill", [b"1", [1], {}, object()])
def test_what_is_not_a_fill_value_is_refused(fill: Any) -> None:
    with pytest.raises(QueryError, match=r"^quantities\.is_fill takes .* as fill, not "):
        quantities.is_fill(np.array([1.0]), fill)


@pytest.mark.parametrize("text", [None, b"1", [1]])
def test_what_is_not_a_number_is_refused(text: Any) -> None:
    with pytest.raises(QueryError, match=r"^quantities\.exact_integer takes .* as text, not "):
        quantities.exact_integer(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9007199254740993", 2**53 + 1), ("1.0", 1), ("1e3", 1000), (2.0, 2), ("1.5", None), ("nan", None),
        ("1e400", None), (float("inf"), None), (float("nan"), None), ("x", None), (" 7 ", 7),
        (np.float64("inf"), None),
    ],
)  # fmt: skip
def test_only_whole_numbers_are_integers(text: Any, expected: int | None) -> None:
    assert quantities.exact_integer(text) == expected


def texts(stamps: list[str]) -> list[str]:
    return [str(one) for one in quantities.datetime64_from_iso(stamps)]


def test_dates_of_both_kinds_of_one_length_are_read_together() -> None:
    given = ["2026-01-10T00:00:00.5", "2026-011T00:00:00.500", "2026-01-12T00:00:00.5"]
    assert len({len(one) for one in given}) == 1
    assert texts(given) == [
        "2026-01-10T00:00:00.500000000",
        "2026-01-11T00:00:00.500000000",
        "2026-01-12T00:00:00.500000000",
    ]


def test_a_second_may_end_with_a_point() -> None:
    assert texts(["2026-01-10T00:00:01.Z", "2026-01-10T00:00:02.Z"]) == [
        "2026-01-10T00:00:01.000000000",
        "2026-01-10T00:00:02.000000000",
    ]
    assert texts(["2026-010T00:00:01.", "2026-011T24:00:00."]) == [
        "2026-01-10T00:00:01.000000000",
        "2026-01-12T00:00:00.000000000",
    ]
    assert texts(["2016-12-31T23:59:60."]) == ["2016-12-31T23:59:59.999000000"]


@pytest.mark.parametrize(
    "stamp",
    [
        "2026-0a0",
        "2026-:10",
        "2026-010Tx0:00",
        "2026-13-01",
        "2026-01-10T1:00:00",
        "2026--10",
        "2026-01-10-00:00",
        "2026-01-10T00:00-01",
        "2026-01-10T00-01:00",
        "2026-010T00:00-01",
        "2026-01-10T00-01:00.0",
        "20-6-010",
        "2026-01-1.",
    ],
)
def test_stamps_with_other_characters_are_named(stamp: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        quantities.datetime64_from_iso([stamp, stamp])


@pytest.mark.parametrize("empty", [[""], ["", ""], np.array([""]), np.ndarray(2, "S0"), np.array([], dtype="U1"), []])
def test_empty_stamps_are_refused_and_no_stamps_are_no_times(empty: Any) -> None:
    count = len(empty)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = quantities.datetime64_from_iso(empty, np.ones(count, dtype=bool))
    assert np.isnat(made).tolist() == [True] * count


def test_no_ranges_are_no_spans() -> None:
    assert Span.read_all([]) == []
