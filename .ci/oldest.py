"""Write the lower bounds of pyproject.toml as constraints for pip: the oldest versions that this package allows."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

BOUND = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)(?:\[[^\]]*\])?\s*>=\s*(?P<version>[^,;\s]+)")
EXTRAS_OF_USE = ("all", "tests")


def requirements(project: dict) -> list[str]:
    """Return the requirements of a user's and a tester's environment, including extras of extras."""
    found, wanted, seen = list(project["dependencies"]), list(EXTRAS_OF_USE), set()
    while wanted:
        extra = wanted.pop()
        if extra in seen:
            continue
        seen.add(extra)
        for one in project["optional-dependencies"][extra]:
            own = re.fullmatch(rf"{project['name']}\[(?P<extras>[^\]]+)\]", one)
            if own:
                wanted += own["extras"].split(",")
            else:
                found.append(one)
    return found


def main(target: str) -> None:
    """Write one line for each package."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = (BOUND.match(one) for one in requirements(project))
    lines = sorted({f"{bound['name']}=={bound['version']}\n" for bound in bounds if bound})
    Path(target).write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
