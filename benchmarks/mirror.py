"""
Measure a mirror of four queries of 30 days: ``python benchmarks/mirror.py [--repeats N] [--json]``.

It uses the embedded archive, without the cache of metadata, which would save requests of idle runs.

``mirror_idle`` compares a run with nothing new to the first run: the requests and the elapsed seconds of both, of which
the medians are given, and their ratios. ``check`` is the time to judge all files of the mirror, and that of the next
check, which skips them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sunpy_helio_plugins import check_folder, mirror, sandbox

DAYS = {"window": "30 days", "end": "2026-01-31"}
QUERIES = {
    "wind": {"archive": "hapi", "dataset": "cdaweb/AC_H0_MFI", "parameters": ["Magnitude", "BGSEc"], **DAYS},
    "mag": {"archive": "imap", "instrument": "mag", "level": "l2", **DAYS},
    "sun": {"archive": "helioviewer", "source_id": 11, "sample": "12 hours", "window": "7 days", "end": "2026-01-14"},
    "flares": {"archive": "her", "event_type": "FL", "where": "frm_name == SWPC", **DAYS},
}


def timed(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measured(archive: sandbox.Archive, folder: Path) -> dict[str, float]:
    """Return the requests and seconds of a first and an idle run, and of two checks."""
    plan = {"mirror": {"folder": str(folder)}, "queries": QUERIES}
    found: dict[str, float] = {}
    for name in ("first", "idle"):
        archive.log.clear()
        found[f"{name}_seconds"] = timed(lambda: mirror(plan))
        found[f"{name}_requests"] = len(archive.log)
    found["check_seconds"] = timed(lambda: check_folder(folder))
    time.sleep(2.1)  # younger files may still change, and are judged again
    check_folder(folder)
    found["next_check_seconds"] = timed(lambda: check_folder(folder))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with sandbox.serve() as archive, tempfile.TemporaryDirectory() as folder:
        measured(archive, Path(folder, "warm"))
        runs = [measured(archive, Path(folder, str(number))) for number in range(chosen.repeats)]
    median = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    idle = {
        "ratio": round(median["first_requests"] / median["idle_requests"], 2),
        "time_ratio": round(median["first_seconds"] / median["idle_seconds"], 2),
        **{name: round(median[name], 3) for name in median if "check" not in name},
    }
    check = {name: round(median[name], 3) for name in median if "check" in name}
    made = {"mirror_idle": idle, "check": check}
    print(json.dumps(made) if chosen.json else "\n".join(f"{key}: {value}" for key, value in made.items()))


if __name__ == "__main__":
    main()
