"""
Measure the search for parameters: ``python benchmarks/discovery.py [--data FOLDER] [--copies N] [--json]``.

``find_warm`` is the median time in milliseconds of ``hapi.find`` in a process that has already searched, over fifty
questions in the words of physicists, of which each is asked once with new words for the process (``find_new``) and then
again; ``find_slowest`` is the slowest of the repeated ones, and ``find_first`` that of the first question, which reads
the index. ``share`` is the part of the questions with a right dataset among the first ten rows, and ``share_held_out``
that of questions for which the ranking was not made. ``requests`` counts the connections that were opened meanwhile.

The descriptions are those of CDAWeb in the folder of real data (HELIO_TEST_DATA); ``--copies`` multiplies them, since
the archive itself has about eight times as many.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import socket
import statistics
import tempfile
import time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from sunpy_helio_plugins import conf, hapi
from sunpy_helio_plugins.hapi.discovery.index import IndexEntry, default

QUESTIONS = Path(__file__).parents[1] / "tests" / "hapi" / "discovery"
CDAWEB = "https://cdaweb.gsfc.nasa.gov/hapi"
FIRST = 10


def fill(folder: Path, copies: int) -> int:
    """Index the real descriptions, and return the number of parameters."""
    lines = gzip.decompress((folder / "world" / "hapi" / "infos_cdaweb.jsonl.gz").read_bytes()).splitlines()
    servers: dict[str, list[IndexEntry]] = {CDAWEB: []}
    for copy in range(copies):
        ending = f"_V{copy}" if copy else ""
        servers[CDAWEB] += [
            IndexEntry.of(f"{one['dataset']}{ending}", "", one["info"]) for one in map(json.loads, lines)
        ]
    for name, url in (("vires", "https://vires.services/hapi"), ("lisird", "https://lasp.colorado.edu/lisird/hapi")):
        listed = json.loads((folder / "hapi" / f"metadata_{name}.json").read_text())["catalog"]
        servers[url] = [IndexEntry.of(one["id"], "", one) for one in listed]
    index = default()
    for url, entries in servers.items():
        index.begin(url, "", "the real data")
        index.add(url, enumerate(entries))
        index.end(url, [one.id for one in entries], [])
    return sum(len(one.parameters) for entries in servers.values() for one in entries)


def questions(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((QUESTIONS / f"{name}.json").read_text())["questions"]
    return found


def milliseconds(question: dict[str, Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    table = hapi.find(question["question"], near=question.get("near"))
    return 1000 * (time.perf_counter() - start), table


def is_right(question: dict[str, Any], table: Any) -> bool:
    names = [str(name).partition("_V")[0] if "_V" in str(name) else str(name) for name in table["Dataset"][:FIRST]]
    return any(fnmatchcase(name, right) for name in names for right in question["right"])


def count_connections() -> list[Any]:
    """Return a list to which every connection to another address is added."""
    opened: list[Any] = []
    connect = socket.socket.connect

    def counted(self: socket.socket, address: Any) -> None:
        opened.append(address)
        connect(self, address)

    socket.socket.connect = counted  # type: ignore[method-assign]
    return opened


def measure(folder: Path, copies: int) -> dict[str, float]:
    parameters = fill(folder, copies)
    asked, held_out = questions("questions"), questions("questions_held_out")
    opened = count_connections()
    _ = hapi.find  # which imports the clients
    first, _ = milliseconds(asked[0])
    new = [milliseconds(one)[0] for one in asked]
    again = [milliseconds(one) for one in asked]
    right = [is_right(one, table) for one, (_, table) in zip(asked, again, strict=True)]
    others = [is_right(one, milliseconds(one)[1]) for one in held_out]
    return {
        "find_warm": round(statistics.median(taken for taken, _ in again), 3),
        "find_slowest": round(max(taken for taken, _ in again), 3),
        "find_new": round(max(new), 3),
        "find_first": round(first, 3),
        "share": sum(right) / len(right),
        "share_held_out": sum(others) / len(others),
        "requests": len(opened),
        "parameters": parameters,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("HELIO_TEST_DATA"))
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.data is None or not Path(options.data).is_dir():
        parser.error("give the folder of real data with --data or HELIO_TEST_DATA")
    with tempfile.TemporaryDirectory() as place, conf.set_temp("cache_dir", place):
        found = measure(Path(options.data), options.copies)
        default().close()
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:16s} {value:10.3f}{' ms' if name.startswith('find') else ''}")


if __name__ == "__main__":
    main()
