"""
Help with a release: ``python tools/release.py places`` and ``python tools/release.py sizes FOLDER``.

``places`` lists the facts that only the people who publish the package can know and that are still missing, and exits
with 1 if there are any; the workflow that publishes runs it. ``sizes`` prints the sizes of the archives in a folder,
with and without the data of the embedded archive.
"""

from __future__ import annotations

import argparse
import re
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]

PLACES = {
    "pyproject.toml": r"example\.org",
    "CITATION.cff": r"example\.org|name: The sunpy_helio_plugins developers",
    ".zenodo.json": r"The sunpy_helio_plugins developers",
    "conda-recipe/recipe.yaml": r"example\.org|fill-in",
    "CODE_OF_CONDUCT.rst": r"as long as none is named",
    "tests/real_files.json": r"example\.org",
}
"""Files with places to fill, and the text that marks them; CONTRIBUTING.rst says what is missing in each."""

SANDBOX = "sunpy_helio_plugins/sandbox/data/"


def places(root: Path = ROOT) -> Iterator[str]:
    """Yield each line that is still to be filled, as ``file:line: text``."""
    for name, mark in PLACES.items():
        for number, line in enumerate((root / name).read_text(encoding="utf-8").splitlines(), 1):
            if re.search(mark, line):
                yield f"{name}:{number}: {line.strip()[:100]}"


def entries(archive: Path) -> dict[str, int]:
    """Return the stored sizes of the files in a wheel, or the sizes of those in a source archive."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as built:
            return {one.filename: one.compress_size for one in built.infolist()}
    with tarfile.open(archive) as packed:
        return {one.name.partition("/")[2]: one.size for one in packed if one.isfile()}


def sizes(folder: Path) -> Iterator[str]:
    """Yield a line for each archive in a folder."""
    for archive in sorted((*folder.glob("*.whl"), *folder.glob("*.tar.gz"))):
        found = entries(archive)
        data = {name: size for name, size in found.items() if name.startswith(SANDBOX)}
        total, part = archive.stat().st_size, sum(data.values())
        kind = "compressed" if archive.suffix == ".whl" else "not compressed"
        yield (
            f"{archive.name}: {len(found)} files, {total / 1e6:.2f} MB; the data of the embedded archive: "
            f"{len(data)} files, {part / 1e6:.2f} MB ({kind})"
        )


def main() -> int:
    """Run a command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("places", help="list the places to fill")
    commands.add_parser("sizes", help="print sizes of archives").add_argument("folder", type=Path)
    chosen = parser.parse_args()
    if chosen.command == "sizes":
        print("\n".join(sizes(chosen.folder)))
        return 0
    found = list(places())
    print("\n".join(found) or "Nothing is left to fill.")
    return int(bool(found))


if __name__ == "__main__":
    raise SystemExit(main())
