"""
Real files of the archives, which tests read: ``python tools/real_files.py fetch [FOLDER]``, ``check`` or ``make``.

``tests/real_files.json`` lists them with sizes, digests, licences and, where a public one exists, the address of the
original. ``fetch`` downloads those that are missing, each from its original or else from the published collection;
``check`` compares a folder with the list; ``make`` writes sizes and digests of a folder to the list. The tests read the
folder that the environment variable HELIO_TEST_DATA names.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LIST = Path(__file__).parents[1] / "tests" / "real_files.json"
DEFAULT = "helio-test-data"


def load(path: Path = LIST) -> dict[str, Any]:
    """Return the list."""
    return json.loads(path.read_text(encoding="utf-8"))


def digest(path: Path) -> str:
    """Return the SHA-256 digest of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def differences(folder: Path, listed: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each file that is missing or differs."""
    for name, entry in listed["files"].items():
        path = folder / name
        if not path.is_file():
            yield f"{name}: missing"
        elif (size := path.stat().st_size) != entry["size"]:
            yield f"{name}: {size} bytes instead of {entry['size']}"
        elif digest(path) != entry["sha256"]:
            yield f"{name}: another digest"


def addresses(name: str, listed: dict[str, Any]) -> list[str]:
    """Return the addresses of a file, in the order in which they are tried."""
    origin = listed["files"][name].get("origin")
    return [*([origin] if origin else []), listed["collection"] + name]


def fetch(folder: Path, listed: dict[str, Any]) -> list[str]:
    """Download the files that are missing or differ; return a line for each that did not come."""
    import pooch

    failed = []
    for line in list(differences(folder, listed)):
        name = line.partition(":")[0]
        path, problems = folder / name, []
        for address in addresses(name, listed):
            try:
                pooch.retrieve(address, f"sha256:{listed['files'][name]['sha256']}", path.name, path.parent)
                break
            except (OSError, ValueError) as error:  # ValueError: the digest
                problems.append(f"{address}: {error}")
        else:
            failed.append(f"{name}: {'; '.join(problems)}")
    return failed


def make(folder: Path, listed: dict[str, Any]) -> dict[str, Any]:
    """Return the list with the sizes and digests of a folder; licences and origins are kept."""
    paths = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "SOURCES.txt"
    }
    files = {
        name: {"size": path.stat().st_size, "sha256": digest(path)}
        | {key: value for key, value in listed["files"].get(name, {}).items() if key in ("licence", "origin")}
        for name, path in paths.items()
    }
    return {**listed, "files": files}


def main(arguments: list[str] | None = None, path: Path = LIST) -> int:
    """Run a command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("command", choices=("fetch", "check", "make"))
    parser.add_argument("folder", nargs="?", type=Path, default=Path(DEFAULT))
    chosen = parser.parse_args(arguments)
    listed = load(path)
    if chosen.command == "make":
        made = make(chosen.folder, listed)
        path.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
        print(f"{len(made['files'])} files, {sum(one['size'] for one in made['files'].values()) / 1e6:.1f} MB")
        return 0
    lines = fetch(chosen.folder, listed) if chosen.command == "fetch" else list(differences(chosen.folder, listed))
    print("\n".join(lines), file=sys.stderr) if lines else print(f"export HELIO_TEST_DATA={chosen.folder.resolve()}")
    return int(bool(lines))


if __name__ == "__main__":
    raise SystemExit(main())
