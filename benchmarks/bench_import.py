"""
Measure the CPU time that ``import sunpy_helio_plugins`` adds to ``import sunpy.net``.

New interpreters are started alternately with ``import sunpy.net`` alone and with both imports, so that temporary load
on the machine affects both. The budget is 150 ms; the ratio is the budget divided by the measured time, so that larger
is better. Run it as ``python benchmarks/bench_import.py [--repeats N] [--json]``.
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

# The child process measures its own time, so that the start of the interpreter is not included.
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
    # Exclude compilation: all child processes read compiled modules from the same folder.
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
    Return the time of the additional import, and of ``import sunpy.net``, in milliseconds of CPU time.

    ``added_ms`` is the median of the second import's time, ``added_min_ms`` the minimum. ``pair_difference_ms`` is the
    median difference of total times between neighbouring runs with and without it: it checks that there is no cost
    outside the second import, and is as noisy as ``import sunpy.net`` itself.
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
