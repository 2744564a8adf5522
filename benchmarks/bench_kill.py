"""Kill a process 200 times during its downloads: ``python benchmarks/bench_kill.py [trials]``."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "transport"))
from killing import kill_and_look


def main() -> None:
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    with tempfile.TemporaryDirectory() as folder:
        tally = asdict(kill_and_look(Path(folder), numbers[0] if numbers else 200))
    if "--json" in sys.argv:
        print(json.dumps({"kill": tally}))
    else:
        print("\n".join(f"{name:>12}: {value}" for name, value in tally.items()))


if __name__ == "__main__":
    main()
