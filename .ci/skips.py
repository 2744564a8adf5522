"""Print the tests that pytest skipped, and fail on one that the list of allowed skips does not explain."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET


def skipped(report: Path) -> list[tuple[str, str]]:
    """Return (test, message) of each skipped or expectedly failing test of a JUnit report."""
    return [
        (f"{case.get('classname')}::{case.get('name')}", note.get("message") or "")
        for case in ET.parse(report).iter("testcase")
        for note in case.iter("skipped")
    ]


def explanation(message: str, allowed: list[dict[str, str]]) -> str | None:
    """Return the reason why this skip is allowed, or None."""
    for entry in allowed:
        if re.search(entry["message"], message) and not os.environ.get(entry.get("unless", "")):
            return entry["reason"]
    return None


def main(report: str, listing: str) -> int:
    """Print the skipped tests with reasons; return 1 if a skip does not have an allowed reason."""
    allowed = tomllib.loads(Path(listing).read_text(encoding="utf-8"))["skip"]
    rows = [(test, message, explanation(message, allowed)) for test, message in skipped(Path(report))]
    print(f"{len(rows)} skipped:")
    for test, message, reason in rows:
        print(f"  {test}: {message}\n    {reason or 'NOT ALLOWED: .ci/allowed-skips.toml does not explain it.'}")
    return int(any(reason is None for _, _, reason in rows))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
