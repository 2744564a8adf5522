"""
Run benchmarks, keep their figures, and name those that became worse by more than a tenth.

    python benchmarks/history.py quantities mirror [--history FILE] [--repeats 3] [--short] [--only-compare]

Each run adds one line of JSON to the history (``benchmarks/history.jsonl``): the commit, the versions, the load of the
machine and all figures of the scripts' ``--json``. A figure is compared with the median of its last `WINDOW` lines,
from any machine if it does not depend on one: a ``ratio`` (how many times less than another program) must not fall, and
a number of requests, an exponent or a size must not rise. Times are compared with lines of the same machine only. The
median of ``--repeats`` runs is kept. With ``--short``, only the measurements that `SHORT` names are made, which are
those of the documentation. Exits with 1 if a figure became worse.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
WINDOW = 5
"""Earlier runs with which a figure is compared."""

LOSS = 0.1
"""The part by which a figure may become worse."""

NOISE = {"seconds": 0.01, "ms": 0.5}
"""Times below these are not compared, in the unit at the end of their names."""

MACHINE_FREE = ("ratio", "requests", "exponent", "mb", "bytes")
"""Ends of the names of figures that do not depend on the machine."""

SHORT = {
    "hapi": ("csv_3", "csv_spectrum", "csv_strings", "binary_3"),
    "imap": ("--only", "mag_day", "to_xarray_day", "expert_mag_day", "map_read", "fetch_loop", "--repeats", "5"),
    "helioviewer": ("read_512", "area_read", "fetch_hvpy"),
    "her": ("--tables",),
    "series": ("--samples", "1000000"),
}
"""The arguments of short runs, by script; the others are short."""

PACKAGES = ("sunpy", "astropy", "numpy", "pandas", "pyarrow")


def flat(figures: Mapping[str, Any], start: str = "") -> dict[str, float]:
    """Return all numbers in nested figures, by names with dots."""
    found: dict[str, float] = {}
    for name, value in figures.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{start}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[f"{start}{name}"] = float(value)
    return found


def kind(name: str) -> str:
    """Return the last word of the name of a figure, such as ``ratio``, ``ms`` or ``requests``."""
    return name.rpartition(".")[2].rpartition("_")[2]


def is_worse(name: str, now: float, before: float) -> bool:
    """Return whether a figure became worse by more than a tenth; other kinds of figures are not judged."""
    if kind(name) == "ratio":
        return now < before * (1 - LOSS)
    if kind(name) in NOISE:
        return now > before * (1 + LOSS) and now > NOISE[kind(name)]
    return kind(name) in MACHINE_FREE and now > before * (1 + LOSS)


def measured(name: str, repeats: int, arguments: Sequence[str] = ()) -> dict[str, float]:
    """Return the medians of the figures of a script."""
    runs = []
    command = [sys.executable, str(HERE / f"{name}.py"), "--json", *arguments]
    for _ in range(repeats):
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if not lines:
            raise SystemExit(f"{name}.py printed no figures (exit code {done.returncode}).")
        runs.append(flat(json.loads(lines[-1]), f"{name}."))
    return {key: statistics.median(one[key] for one in runs if key in one) for key in runs[0]}


def here() -> dict[str, Any]:
    """Return where and with what a run was made."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=HERE, stdout=subprocess.PIPE, text=True, check=False
    ).stdout.strip()
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    return {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "load": load,
        "python": platform.python_version(),
        "versions": versions,
    }


def read(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a history, the oldest first."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


def losses(run: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line for each figure of a run that is worse than the median of the last runs."""
    for name, now in run["figures"].items():
        is_free = kind(name) in MACHINE_FREE
        before = [one["figures"][name] for one in history if name in one["figures"]
                  and (is_free or one["machine"] == run["machine"])][-WINDOW:]  # fmt: skip
        if before and is_worse(name, now, statistics.median(before)):
            yield f"{name}: {now:g}, and {statistics.median(before):g} in the last {len(before)} runs"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, compare and keep."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("names", nargs="*", help="scripts in this folder, without .py")
    parser.add_argument("--history", type=Path, default=HERE / "history.jsonl")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--short", action="store_true", help="only the measurements of the documentation")
    parser.add_argument("--only-compare", action="store_true", help="compare the last line, without a run")
    chosen = parser.parse_args(arguments)
    history = read(chosen.history)
    if chosen.only_compare:
        if not history:
            parser.error(f"{chosen.history} has no runs")
        *history, run = history
    else:
        if not chosen.names:
            parser.error("give the names of scripts, such as quantities and mirror")
        figures: dict[str, float] = {}
        for name in chosen.names:
            figures |= measured(name, chosen.repeats, SHORT.get(name, ()) if chosen.short else ())
        run = {**here(), "figures": figures}
        with chosen.history.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(run) + "\n")
    found = list(losses(run, history))
    print("\n".join(found) or f"None of {len(run['figures'])} figures became worse.")
    return int(bool(found))


if __name__ == "__main__":
    raise SystemExit(main())
