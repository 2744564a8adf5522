"""
Measure what ``import sunpy_helio_plugins`` adds, in CPU time, to ``import sunpy.net``.

Fresh interpreters are started in turn, one with ``import sunpy.net`` alone and one with both imports, so that a machine
that slows down for a while slows both. The budget is 150 ms; the ratio is that budget over what was measured, so that
more is better. Run it as ``python benchmarks/bench_import.py [--repeats N] [--json]``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

BUDGET_MS = 150.0
ROOT = Path(__file__).resolve().parents[1]

# The child times itself, so that the start of the interpreter counts for neither.
CHILD = """
import sys, time
sys.path.insert(0, {root!r})
start = time.process_time()
import sunpy.net
middle = time.process_time()
{second}
print((middle - start) * 1e3, (time.process_time() - middle) * 1e3)
"""


def import_ms(second: str, cache: str) -> tuple[float, float]:
    """Return the CPU milliseconds, in a fresh interpreter, of ``import sunpy.net`` and of what follows it."""
    # Compiling is not importing: every child reads compiled modules from one place, whatever this machine's habits are.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = cache
    source = CHILD.format(root=str(ROOT), second=second)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", source], capture_output=True, text=True, check=True, env=environment
    )
    first, following = done.stdout.split()[-2:]
    return float(first), float(following)


def measure(repeats: int) -> dict[str, float]:
    """
    Return what the import adds, and what it was added to, in milliseconds of CPU time.

    ``added_ms`` is the median of the second import's own time, ``added_min_ms`` the least. ``pair_difference_ms`` is
    the median difference of the whole between neighbours with and without it: a check that no cost hides outside the
    second import, as noisy as ``import sunpy.net`` itself.
    """
    alone, both = [], []
    with tempfile.TemporaryDirectory() as cache:
        import_ms("import sunpy_helio_plugins", cache)
        for _ in range(repeats):
            alone.append(import_ms("", cache))
            both.append(import_ms("import sunpy_helio_plugins", cache))
    added = [second for _, second in both]
    differences = [sum(with_us) - sum(without) for without, with_us in zip(alone, both, strict=True)]
    return {
        "ratio": round(BUDGET_MS / statistics.median(added), 3),
        "added_ms": round(statistics.median(added), 1),
        "added_min_ms": round(min(added), 1),
        "pair_difference_ms": round(statistics.median(differences), 1),
        "sunpy_net_ms": round(statistics.median(first for first, _ in alone), 1),
        "budget_ms": BUDGET_MS,
        "repeats": repeats,
    }


def main() -> None:
    """Print the measurement, as a sentence or as one JSON object."""
    parser = argparse.ArgumentParser(description="CPU cost of the import, on top of sunpy.net.")
    parser.add_argument("--repeats", type=int, default=7, help="pairs of fresh interpreters (default: 7)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    result = measure(options.repeats)
    if options.json:
        print(json.dumps({"import": result}))
        return
    print(
        f"import sunpy_helio_plugins adds {result['added_ms']} ms of CPU (median of {options.repeats}; least "
        f"{result['added_min_ms']} ms; between pairs {result['pair_difference_ms']} ms) to the "
        f"{result['sunpy_net_ms']} ms of import sunpy.net; the budget is {BUDGET_MS:.0f} ms."
    )


if __name__ == "__main__":
    main()
