"""
Write the table of ratios of the documentation from the history: ``python benchmarks/comparison.py [--history FILE]``.

``docs/how_to/comparison.csv`` gets a line for each ``ratio`` in the last runs: how many times less time (or memory)
this package needs than the program that its benchmark names. ``benchmarks/history.py`` makes the runs.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SCRIPTS = ("hapi", "helioviewer", "her", "imap", "quantities", "series")
"""Scripts that compare this package with other programs; others compare two of its own ways."""

TARGET = HERE.parent / "docs" / "how_to" / "comparison.csv"

spec = importlib.util.spec_from_file_location("history", HERE / "history.py")
assert spec is not None
assert spec.loader is not None
history = importlib.util.module_from_spec(spec)
spec.loader.exec_module(history)


def rows(runs: list[dict[str, Any]]) -> list[tuple[str, str, str, str, str]]:
    """Return script, measurement, ratio, commit and date of the last value of each ratio."""
    last: dict[str, tuple[float, dict[str, Any]]] = {}
    for run in runs:
        last |= {name: (value, run) for name, value in run["figures"].items() if history.kind(name) == "ratio"}
    found = []
    for name, (value, run) in sorted(last.items()):
        script, _, rest = name.partition(".")
        if script not in SCRIPTS:
            continue
        what = rest.removesuffix("ratio").strip("._").replace(".", " ").replace("_", " ")
        found.append((f"``benchmarks/{script}.py``", what, f"{value:.1f}", run["commit"], run["date"][:10]))
    return found


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--history", type=Path, default=HERE / "history.jsonl")
    parser.add_argument("--target", type=Path, default=TARGET)
    chosen = parser.parse_args()
    with chosen.target.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("Script", "Measurement", "Times less", "Commit", "Date"))
        writer.writerows(rows(history.read(chosen.history)))


if __name__ == "__main__":
    main()
