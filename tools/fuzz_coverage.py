"""
Fuzz one parser guided by coverage: ``python tools/fuzz_coverage.py "hapi csv" -max_total_time=600``.

It needs ``pip install atheris`` (Linux); the options after the name are those of libFuzzer. An input that raises an
exception of no own class is written to ``crash-*`` in the current folder.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests" / "robustness"), str(ROOT)]
with atheris.instrument_imports(include=["sunpy_helio_plugins"]):
    from parsers import PARSERS, outcome


def main() -> None:
    name, *options = sys.argv[1:]
    parser, folder, corpus = PARSERS[name], Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp())
    (corpus / "given").write_bytes(parser.given)

    def once(data: bytes) -> None:
        kind, found = outcome(parser, data, folder)
        if kind == "foreign":
            raise found

    atheris.Setup([sys.argv[0], *options, str(corpus)], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
