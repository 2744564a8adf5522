"""
Flipped bits in CDF files of every kind: those that a sum covers are found, and none costs more than an error.

The suite flips a sample of them; ``python tools/robustness.py cdf`` flips all, and prints what is found in which part.
"""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from cdf_files import KINDS, flipped, given, parts, readings
from parsers import damaged

from sunpy_helio_plugins import cdf
from sunpy_helio_plugins.errors import FileError, QueryError

every = pytest.mark.parametrize("kind", KINDS)


@every
def test_the_parts_of_a_file_are_its_bytes(kind: str) -> None:
    found = parts(given(kind))
    assert [first for first, _, _ in found[1:]] == [last for _, last, _ in found[:-1]]
    assert (found[0][0], found[-1][1]) == (0, len(given(kind)))


@every
def test_an_intact_file_is_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x.cdf"
    path.write_bytes(given(kind))
    table = cdf.read(path)
    assert table.colnames == ["epoch", "b", "mode"]
    assert table.meta["problems"] == []


@every
def test_a_flipped_bit_is_found_or_has_no_effect_where_a_sum_covers_it(kind: str) -> None:
    tally = flipped(kind, each=8 * len(given(kind)) // 40, seed=1)
    assert tally.failures == []


@pytest.mark.parametrize("kind", ["packed", "whole", "big-endian, column-major"])
def test_every_flipped_bit_of_compressed_parts_is_found(kind: str) -> None:
    tally = flipped(kind, each=997, seed=3, names=("compressed",))
    assert tally.failures == []
    assert tally.counts["compressed"]["found"] > 0


@every
def test_a_damaged_file_is_read_or_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x.cdf"
    for seed in (410, *range(12)):
        path.write_bytes(damaged(given(kind), seed))
        assert set(readings(path).values()) <= {"read", "refused"}, seed


@every
def test_a_flipped_bit_does_not_cost_memory(kind: str, tmp_path: Path) -> None:
    whole, path = given(kind), tmp_path / "x.cdf"
    places = [bit for first, last, part in parts(whole) if part != "values" for bit in range(8 * first, 8 * last)]
    for bit in places[5 :: len(places) // 8]:
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        tracemalloc.start()
        try:
            cdf.read(path)
        except (FileError, QueryError):
            pass
        finally:
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert peak < 12 * (2**24 + 1200 * len(whole)), bit
