"""Fail if a wheel lacks a file of the package's source, or contains one that is not part of the package."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

PACKAGE = "sunpy_helio_plugins"
MODULES = {"sunpy_helio_pytest.py"}


def source_files(archive: Path) -> set[str]:
    """Return the files of the package in the source tree, relative to it."""
    return MODULES | {
        path.relative_to(archive).as_posix()
        for path in (archive / PACKAGE).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def main(wheel: str, archive: str) -> int:
    """Compare a wheel with the source from which it was built; return 1 if they differ."""
    with zipfile.ZipFile(wheel) as built:
        names = {name for name in built.namelist() if ".dist-info/" not in name}
    source = source_files(Path(archive))
    missing, foreign = sorted(source - names), sorted(names - source - {f"{PACKAGE}/_version.py"})
    for name in missing:
        print(f"not in the wheel: {name}")
    for name in foreign:
        print(f"only in the wheel: {name}")
    size = Path(wheel).stat().st_size / 1e6
    print(f"{Path(wheel).name}: {len(names)} files, {size:.2f} MB")
    return int(bool(missing or foreign))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
