"""
A sample of twelve journeys in which one call of the operating system fails.

``python tools/robustness.py torture`` lets each call fail.
"""

from __future__ import annotations

import os

import pytest
from matrix import Matrix
from torture import DISK, NETWORK, TWELVE, Torture


@pytest.mark.exhaustive
@pytest.mark.skipif(os.name == "nt", reason="the event loop has sockets of its own there")
@pytest.mark.parametrize("name", TWELVE)
def test_a_call_that_fails_costs_no_file_and_no_row_in_silence(name: str, faults_and_journeys: Matrix) -> None:
    every = Torture(faults_and_journeys)
    faults_and_journeys.right_of(name)
    calls = every.count(name)
    assert calls
    kinds: dict[str, list[int]] = {}
    for number, kind in enumerate(calls):
        kinds.setdefault(kind, []).append(number)
    for turn, (kind, numbers) in enumerate(kinds.items()):
        codes = NETWORK if kind.startswith("socket") else DISK
        every.check(name, numbers[len(numbers) // 2], codes[turn % 2])
    bad = [f"{one.verdict}: {where}: {one.text}" for where, one in every.failures]
    assert not bad, "\n".join(bad)
    assert every.counts["same"] + every.counts["own error"] + every.counts["partial, said"] > 0
