"""
Measure the cache of metadata: ``python benchmarks/store.py [--repeats N] [--json]``.

``lookup`` is the time of one look-up of 3 kB in a cache with 300 entries, in a folder of its own; ``lookup_large`` that
of 1 MB, ``miss`` that of an address without an entry, ``first`` that of the first one of a process, and ``store`` that
of storing 3 kB. All are medians of the elapsed time, in milliseconds. If diskcache is installed, its time for the same
work is measured in between (``diskcache_...``), with one cache that stays open and with one that is opened for each
use (``diskcache_reopened_...``). ``syncs`` is the number of ``fsync`` and ``fdatasync`` calls in 100 look-ups, if
strace is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sunpy_helio_plugins import conf
from sunpy_helio_plugins.store import answers, database

SMALL = {"parameters": [{"name": f"B{number}", "units": "nT"} for number in range(90)]}
LARGE = {"catalog": [{"id": f"DATASET_{number}", "title": "x" * 30} for number in range(16000)]}
ENTRIES = 300


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def opened_again(work: Callable[[], Any]) -> Callable[[], Any]:
    def both() -> None:
        database._close_all()
        work()

    return both


def ours() -> dict[str, Callable[[], Any]]:
    for number in range(ENTRIES):
        answers.store(f"https://archive.example/info?id={number}", SMALL)
    answers.store("https://archive.example/catalog", LARGE)
    return {
        "lookup": lambda: answers.load("https://archive.example/info?id=7"),
        "lookup_large": lambda: answers.load("https://archive.example/catalog"),
        "miss": lambda: answers.load("https://archive.example/nothing"),
        "store": lambda: answers.store("https://archive.example/new", SMALL),
    }


def theirs(folder: Path) -> dict[str, Callable[[], Any]]:
    if importlib.util.find_spec("diskcache") is None:
        return {}
    import diskcache

    def make() -> Any:
        return diskcache.Cache(str(folder), disk=diskcache.JSONDisk, eviction_policy="least-recently-used")

    def reopened(work: Callable[[Any], Any]) -> Callable[[], Any]:
        def both() -> None:
            with make() as one:
                work(one)

        return both

    cache = make()
    for number in range(ENTRIES):
        cache.set(f"id={number}", SMALL)
    cache.set("catalog", LARGE)
    work: dict[str, Callable[[Any], Any]] = {
        "lookup": lambda one: one.get("id=7"),
        "lookup_large": lambda one: one.get("catalog"),
        "miss": lambda one: one.get("nothing"),
        "store": lambda one: one.set("new", SMALL),
    }
    kept = {f"diskcache_{name}": (lambda do=do: do(cache)) for name, do in work.items()}
    return kept | {f"diskcache_reopened_{name}": reopened(do) for name, do in work.items()}


def syncs() -> int | None:
    """Count the calls that wait for the disk in 100 look-ups of another process."""
    tracer = shutil.which("strace")
    if tracer is None:
        return None
    code = (
        "import sys; from sunpy_helio_plugins import conf; from sunpy_helio_plugins.store import answers\n"
        f"conf.cache_dir = {str(conf.cache_dir)!r}\n"
        "assert all(answers.load(f'https://archive.example/info?id={number}') for number in range(100))\n"
    )
    command = [tracer, "-f", "-qq", "-e", "trace=fsync,fdatasync,sync_file_range", sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stderr.count("sync")


def measure(repeats: int) -> dict[str, float]:
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as place, conf.set_temp("cache_dir", f"{place}/ours"):
        cases = ours() | theirs(Path(place) / "theirs")
        taken: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(repeats):
            for name, work in cases.items():
                taken[name].append(seconds(work))
        found = {name: round(1000 * statistics.median(each), 4) for name, each in taken.items()}
        first = opened_again(lambda: answers.load("https://archive.example/info?id=7"))
        found["first"] = round(1000 * statistics.median(seconds(first) for _ in range(repeats)), 4)
        database._close_all()
        number = syncs()
    return found if number is None else found | {"syncs": number}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.repeats)
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:32s} {value:10.3f}{'' if name == 'syncs' else ' ms'}")


if __name__ == "__main__":
    main()
