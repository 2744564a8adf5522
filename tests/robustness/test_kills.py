"""Three kills of each kind; ``python tools/robustness.py kill`` makes 50 of each."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hostile import Hostile
from kills import kill


@pytest.mark.exhaustive
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_kill_at_any_call_leaves_no_wrong_file(hostile_server: Hostile, tmp_path: Path) -> None:
    tallies = kill(hostile_server.url, tmp_path, 3, ("hapi.fetch", "imap.sync", "her.fetch"))
    for name, kinds in tallies.items():
        at_calls, at_times = kinds["calls"], kinds["times"]
        assert at_calls.killed == at_calls.trials, name
        for tally in (at_calls, at_times):
            assert (tally.wrong, tally.not_repaired, tally.leftovers) == (0, 0, 0), tally.details
