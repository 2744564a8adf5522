"""Run every line of the pages for people who come from other clients, on the embedded archive."""

from __future__ import annotations

import ast
import datetime as dt
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.time import Time
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import hapi, helioviewer, imap, quantities, series

HOW_TO = Path(__file__).parents[1] / "docs" / "how_to"
START, STOP = "2026-01-10T00:00:00Z", "2026-01-10T03:00:00Z"
NOON = dt.datetime(2026, 1, 10, 12, tzinfo=dt.UTC)

PAGES = ("hapi_from_hapiclient", "imap_from_imap_data_access", "helioviewer_from_hvpy", "hapi_from_speasy")

SETUP = {
    "hapi_from_hapiclient": """
from hapiclient import hapi, hapitime2datetime
server = given["url"] + "/hapi/cdaweb/hapi"
start, stop = given["range"]
data, meta = hapi(server, "AC_H0_MFI", "Magnitude", start, stop, cachedir=given["folder"], usecache=False)
""",
    "imap_from_imap_data_access": """
import imap_data_access
imap_data_access.config["DATA_ACCESS_URL"] = given["url"] + "/imap"
imap_data_access.config["DATA_DIR"] = imap_data_access.Path(given["folder"])
""",
    "helioviewer_from_hvpy": """
from datetime import datetime
import hvpy
hvpy.set_api_url(given["url"] + "/helioviewer/v2/")
noon, start, end = datetime(2026, 1, 10, 12), datetime(2026, 1, 10, 11, 54), datetime(2026, 1, 10, 12, 6)
""",
}
"""The lines before the left sides, for the packages that can be installed for tests."""

MODULES = {
    "hapi_from_hapiclient": "hapiclient",
    "imap_from_imap_data_access": "imap_data_access",
    "helioviewer_from_hvpy": "hvpy",
}

# Official clients leave sockets open and replace hooks, so that they run in processes of their own.
RUN = """
import json, sys
given = json.load(sys.stdin)
exec(given["setup"])
for line in given["lines"]:
    assert eval(line) is not None, line
    print(line)
"""


def lines(page: str) -> list[tuple[str, str]]:
    """Return the left and right sides of the tables of a page."""
    text = (HOW_TO / f"{page}.rst").read_text(encoding="utf-8")
    return re.findall(r"   \* - ``(.+)``\n     - ``(.+)``\n", text)


@pytest.fixture
def names(archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(tmp_path)
    table = hapi.load("cdaweb", "AC_H0_MFI", START, STOP, ["Magnitude", "BGSEc"])
    known: dict[str, Any] = {"table": table, "other": table["Time", "Magnitude"], "start": START, "stop": STOP}
    known |= {"a": a, "u": u, "np": np, "Fido": Fido, "Time": Time, "hapi": hapi, "imap": imap, "series": series}
    known |= {"helioviewer": helioviewer, "quantities": quantities, "noon": NOON, "server": "cdaweb"}
    return known | {"day": a.Time("2026-01-10", "2026-01-10 12:00")}


@pytest.mark.parametrize(
    ("page", "right"), [(page, right) for page in PAGES for _, right in lines(page)], ids=lambda text: text[:60]
)
def test_the_right_side_works(names: dict[str, Any], page: str, right: str, monkeypatch: pytest.MonkeyPatch) -> None:
    minutes = dt.timedelta(minutes=6)
    around = {"start": NOON - minutes, "end": NOON + minutes} if "helioviewer" in page else {}
    assert eval(right, names | around) is not None
    plt.close("all")


@pytest.mark.parametrize("page", SETUP)
def test_the_left_sides_work(archive: Any, page: str, tmp_path: Path) -> None:
    pytest.importorskip(MODULES[page])
    left = [left for left, _ in lines(page)]
    given = {"setup": SETUP[page], "lines": left, "url": archive.url, "folder": str(tmp_path), "range": [START, STOP]}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUN], input=json.dumps(given), capture_output=True, text=True,
        cwd=tmp_path, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == left[-1]


@pytest.mark.parametrize("page", PAGES)
def test_the_tables_have_lines_of_python(page: str) -> None:
    sides = [side for line in lines(page) for side in line]
    assert len(sides) >= 12
    assert all(isinstance(ast.parse(side).body[0], ast.Expr) for side in sides)
