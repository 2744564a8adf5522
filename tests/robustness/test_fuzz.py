"""
Damaged inputs for every parser: an own error or a result, never another exception; and flipped bits.

The suite runs a few inputs; ``HYPOTHESIS_PROFILE=long`` runs 20,000 for each parser, and
``python tools/robustness.py fuzz`` flips every bit and counts what is found and what cannot be found.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from parsers import PARSERS, Parser, damaged, flips, outcome

LONG = settings.default.max_examples > 100  # type: ignore[union-attr]
some = settings(
    max_examples=settings.default.max_examples if LONG else 12,  # type: ignore[union-attr]
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
every = pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)


def check(parser: Parser, data: bytes, folder: Path) -> None:
    kind, found = outcome(parser, data, folder)
    if kind == "foreign":
        raise AssertionError(f"{found!r} for {data[:500]!r}") from found


@every
@some
@given(seed=st.integers(0, 2**32))
@example(seed=0)
def test_a_damaged_input_is_read_or_refused(parser: Parser, seed: int, tmp_path: Path) -> None:
    check(parser, damaged(parser.given, seed), tmp_path)


@every
@some
@given(data=st.binary(max_size=300))
@example(data=b"")
def test_any_bytes_are_read_or_refused(parser: Parser, data: bytes, tmp_path: Path) -> None:
    check(parser, data, tmp_path)


@every
def test_a_right_input_is_read(parser: Parser, tmp_path: Path) -> None:
    kind, found = outcome(parser, parser.given, tmp_path)
    assert kind == "read", found


@every
def test_a_flipped_bit_is_found_where_a_sum_covers_it(parser: Parser) -> None:
    number = 6 if len(parser.given) > 2000 else 40
    tally = flips(parser, each=8 * len(parser.given) // number + 1, seed=3)
    assert tally.failures == []


def test_the_sums_of_packed_cdf_blocks_cover_their_bytes() -> None:
    parser = PARSERS["cdf, packed"]
    ranges = parser.checked(parser.given)
    assert len(ranges) == 2
    for first, last in ranges:
        tally = flips(parser, each=(8 * (last - first)) // 12, seed=8 * first + 1, until=8 * last)
        assert tally.counts["found, with a sum"] >= 3
        assert tally.counts["missed, with a sum"] == 0
