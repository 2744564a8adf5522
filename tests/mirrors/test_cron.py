"""Test the plan of the documentation as cron runs it: with kills and outages, nothing is lost."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import re
from pathlib import Path

import pytest

from sunpy_helio_plugins import check_folder, mirror
from sunpy_helio_plugins.mirrors import Plan

GUIDE = Path(__file__).parents[2] / "docs" / "how_to" / "mirrors.rst"
RUNS = 20
OUTAGES = ("/hapi", "/imap", "/helioviewer", "/hek")


def documented() -> str:
    """Return the plan in the documentation."""
    text = GUIDE.read_text(encoding="utf-8")
    block = re.search(r"\.\. code-block:: toml\n\n((?:   .*\n|\n)+)", text)
    return re.sub(r"(?m)^   ", "", block[1])


def at(folder: Path, day: int) -> str:
    """Return the documented plan with windows of three days that end with a day of January 2026."""
    made = re.sub(r'window = "[^"]*"', f'window = "3 days"\nend = 2026-01-{day:02}', documented())
    made = re.sub(r"(?m)^(table|picture) = .*\n", "", made)
    return re.sub(r"folder = .*", f'folder = "{folder}"', made)


def digests(folder: Path) -> dict[str, str]:
    """Return the digests of the files of the archives."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".") and path.name != "report.json"
    }


def test_the_documented_plan_is_short_and_valid(tmp_path):
    lines = [line for line in documented().splitlines() if line.strip()]
    assert len(lines) <= 24
    place = tmp_path / "plan.toml"
    place.write_text(documented())
    made = Plan.read(place)
    assert sorted(one.archive for one in made.queries.values()) == ["hapi", "helioviewer", "her", "imap"]


@pytest.mark.exhaustive
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_runs_with_kills_and_outages_lose_nothing(archive, tmp_path):
    from forks import KILLED, running

    chance, folder, place = random.Random(20260110), tmp_path / "mirror", tmp_path / "plan.toml"
    before: dict[str, str] = {}
    codes = []
    kinds = [*(["kill"] * 9), *(["outage"] * 6), *(["everything"] * 2), *(["whole"] * 3)]
    chance.shuffle(kinds)
    assert len(kinds) == RUNS
    with running(archive.url) as run:
        for number, kind in enumerate(kinds):
            place.write_text(at(folder, 11 + number // 5))
            # Only these are away; the search of another archive is not affected.
            paths = {"outage": [chance.choice(OUTAGES)], "everything": [""]}.get(kind, [])
            with contextlib.ExitStack() as stack:
                for path in paths:
                    stack.enter_context(archive.fault("status", path=path, status=503))
                code = run(place, chance.randint(2, 60) if kind == "kill" else 0)
            codes.append(code)
            assert code in {"kill": (KILLED, 0), "outage": (1,), "everything": (3,), "whole": (0,)}[kind], kind
            after = digests(folder)
            assert {key: after.get(key) for key in before} == before
            assert check_folder(folder, again=True).problems == []
            before = after
        assert codes.count(KILLED) > 4
        place.write_text(at(folder, 14))
        assert run(place, 0) == 0
    reference = tmp_path / "reference"
    for day in range(11, 15):
        place.write_text(at(reference, day))
        assert mirror(place).code == 0
    # The last window is complete; files of the windows before may have left them before they came.
    found, expected = digests(folder), digests(reference)
    assert {key: expected.get(key) for key in found} == found
    newest = mirror(place)
    assert {path.relative_to(reference).as_posix() for one in newest.queries.values() for path in one.kept} <= set(
        found
    )


@pytest.mark.exhaustive
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_kill_at_a_call_of_the_first_run_is_repaired(archive, tmp_path):
    from forks import KILLED, running

    place = tmp_path / "plan.toml"
    codes = []
    with running(archive.url) as run:
        for number in range(1, 40, 3):
            folder = tmp_path / f"at-{number}"
            text = '[mirror]\nfolder = "{}"\n[queries.mag]\narchive = "imap"\ninstrument = "mag"\nlevel = "l2"\n'
            text += 'descriptor = "norm-gse"\nwindow = "3 days"\nend = 2026-01-13\n'
            place.write_text(text.format(folder))
            codes.append(run(place, number))
            assert run(place, 0) == 0
            found = check_folder(folder, again=True)
            assert found.problems == []
            assert len([path for path in found.whole if path.suffix == ".cdf"]) == 3
    assert codes[0] == KILLED
    assert set(codes) <= {KILLED, 0}
