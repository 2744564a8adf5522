"""
Measure what imports of this package add, in CPU time, to those of sunpy and astropy that they need.

``import`` is ``import sunpy_helio_plugins`` after ``import sunpy.net``, and ``units_import`` is the parser of unit
strings after ``import astropy.units``. Fresh interpreters are started in turn, one with the first import alone and one
with both, so that a machine that slows down for a while slows both. The budgets are 80 and 100 ms; a ratio is the
budget over what was measured, so that more is better. Run it as
``python benchmarks/bench_import.py [--repeats N] [--json]``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# The child process measures its own time, so that the start of the interpreter is not included.
CHILD = """
import sys, time
sys.path.insert(0, {root!r})
start = time.process_time()
{first}
middle = time.process_time()
{second}
print((middle - start) * 1e3, (time.process_time() - middle) * 1e3)
"""


@dataclass(frozen=True)
class Case:
    """
    Two imports, of which the second is measured.

    Attributes
    ----------
    base, first : str
        The name of the first import in the result, and its statement.
    second : str
        The statement that is measured.
    budget : float
        CPU milliseconds that it may take.
    """

    base: str
    first: str
    second: str
    budget: float


CASES = {
    "import": Case("sunpy_net", "import sunpy.net", "import sunpy_helio_plugins", 80.0),
    "units_import": Case(
        "astropy_units", "import astropy.units", "from sunpy_helio_plugins.quantities.units import parse", 100.0
    ),
}


def import_ms(first: str, second: str, cache: str) -> tuple[float, float]:
    """Return the CPU milliseconds, in a fresh interpreter, of one statement and of one that follows it."""
    # Compiling is not importing: every child reads compiled modules from one place, whatever this machine's habits are.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = cache
    source = CHILD.format(root=str(ROOT), first=first, second=second)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", source], capture_output=True, text=True, check=True, env=environment
    )
    base, following = done.stdout.split()[-2:]
    return float(base), float(following)


def measure(case: Case, repeats: int) -> dict[str, float]:
    """
    Return the time of the additional import, and of ``import sunpy.net``, in milliseconds of CPU time.

    ``added_ms`` is the median of the second import's own time, ``added_min_ms`` the least. ``pair_difference_ms`` is
    the median difference of the whole between neighbours with and without it: a check that no cost hides outside the
    second import, as noisy as the first import itself.
    """
    alone, both = [], []
    with tempfile.TemporaryDirectory() as cache:
        import_ms(case.first, case.second, cache)
        for _ in range(repeats):
            alone.append(import_ms(case.first, "", cache))
            both.append(import_ms(case.first, case.second, cache))
    added = [second for _, second in both]
    differences = [sum(with_us) - sum(without) for without, with_us in zip(alone, both, strict=True)]
    return {
        "ratio": round(case.budget / statistics.median(added), 3),
        "added_ms": round(statistics.median(added), 1),
        "added_min_ms": round(min(added), 1),
        "pair_difference_ms": round(statistics.median(differences), 1),
        f"{case.base}_ms": round(statistics.median(first for first, _ in alone), 1),
        "budget_ms": case.budget,
        "repeats": repeats,
    }


def sentence(case: Case, result: dict[str, float]) -> str:
    """Return a measurement in words."""
    return (
        f"{case.second} adds {result['added_ms']} ms of CPU (median of {result['repeats']}; least "
        f"{result['added_min_ms']} ms; between pairs {result['pair_difference_ms']} ms) to the "
        f"{result[f'{case.base}_ms']} ms of {case.first}; the budget is {case.budget:.0f} ms."
    )


def main() -> None:
    """Print the measurements, as sentences or as one JSON object."""
    parser = argparse.ArgumentParser(description="CPU cost of imports, on top of those of sunpy and astropy.")
    parser.add_argument("--repeats", type=int, default=7, help="pairs of fresh interpreters for each (default: 7)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    results = {name: measure(case, options.repeats) for name, case in CASES.items()}
    if options.json:
        print(json.dumps(results))
        return
    for name, case in CASES.items():
        print(sentence(case, results[name]))


if __name__ == "__main__":
    main()
