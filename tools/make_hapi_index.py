"""
Write an index of the parameters of HAPI servers to a file, for ``hapi.update_index(source=...)``.

Run ``python tools/make_hapi_index.py index.db [SERVER ...] [--source FILE]``. Named servers are asked for their
descriptions; ``--source`` reads a file such as https://hapi-server.org/meta/catalogs-all.json, also compressed by gzip,
or JSON lines with the members server, dataset and info; without either, that file is downloaded. If the work is
interrupted, the same command continues it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
from pathlib import Path
from typing import Any

from sunpy_helio_plugins.errors import HelioPluginsError, Problem
from sunpy_helio_plugins.hapi import server_list
from sunpy_helio_plugins.hapi.discovery import sources
from sunpy_helio_plugins.hapi.discovery.index import Index, IndexEntry


def from_lines(index: Index, path: Path) -> list[Problem]:
    """Index descriptions that are in a file of one JSON object a line."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    found: dict[str, dict[str, Any]] = {}
    for line in text.splitlines():
        one = json.loads(line)
        found.setdefault(one["server"], {})[one["dataset"]] = one["info"]
    for name, infos in found.items():
        server = server_list.find(name)
        index.begin(server.url, server.title, path.name)
        index.add(
            server.url, [(place, IndexEntry.of(one, "", info)) for place, (one, info) in enumerate(infos.items())]
        )
        index.end(server.url, infos, [])
    return []


def build(index: Index, servers: list[str], source: Path | None) -> list[Problem]:
    """Fill an index, and return what is missing."""
    if source is not None:
        is_lines = source.name.removesuffix(".gz").endswith(".jsonl")
        return from_lines(index, source) if is_lines else sources.refresh_from_file(index, source)
    if servers:
        return [problem for one in servers for problem in sources.refresh_server(index, server_list.find(one))]
    return sources.refresh_all(index)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("servers", nargs="*")
    parser.add_argument("--source", type=Path)
    options = parser.parse_args()
    # An index in a folder that others can write to is not opened.
    options.index.absolute().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    index = Index(options.index.absolute())
    try:
        problems = build(index, options.servers, options.source)
    except HelioPluginsError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        index.close()
    for problem in problems:
        print(problem, file=sys.stderr)
    states = index.states().values()
    print(f"{options.index}: {len(states)} servers, {os.path.getsize(options.index)} bytes")
    index.close()
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
