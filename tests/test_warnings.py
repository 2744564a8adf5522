"""Every warning of the package is attributed to the line of the user's program."""

from __future__ import annotations

import ast
import importlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.time import Time
from sunpy.net import Fido
from sunpy.net import attrs as a

import sunpy_helio_plugins as helio
from sunpy_helio_plugins import hapi, helioviewer, her, imap, quantities
from sunpy_helio_plugins.errors import IncompleteAnswerWarning, InexactTimeWarning, warn_incomplete
from sunpy_helio_plugins.fido import partial

ROOT = Path(helio.__file__).parent
DAY = a.Time("2026-01-10", "2026-01-11")
LEAP = Time("2016-12-31T23:59:60.5")


def write_with_secret(folder: Path) -> None:
    table = imap_table()
    table["url"] = np.array(["https://user:password@example.org/x"] * len(table))
    table.write(folder / "x.ecsv")


def imap_table() -> Any:
    return helio.IMAPClient().search(DAY, a.Instrument("mag"), a.imap.Descriptor("norm-gse"))


SEARCHES: dict[str, tuple[Any, ...]] = {
    "hapi": (DAY, a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI")),
    "imap": (DAY, a.Instrument("mag"), a.imap.File()),
    "helioviewer": (a.Time("2026-01-10 12:00", "2026-01-10 12:02"), a.helioviewer.SourceID(13)),
    "her": (DAY, a.her.CH),
}  # fmt: skip

WARNING: dict[str, Callable[[Path], Any]] = {
    "datetime64": lambda folder: quantities.to_datetime64(LEAP),
    "far": lambda folder: quantities.to_datetime64(Time(["1500-01-01", "2016-12-31"]) + 0.1234567 * u.us),
    "pandas": lambda folder: quantities.datetime64_from_iso(["2016-12-31T23:59:60.5"], warn=True),
    "without leap seconds": lambda folder: quantities.without_leap_seconds(LEAP),
    "secret": write_with_secret,
    "warn_incomplete": lambda folder: warn_incomplete("Something is missing."),
}


def caught(call: Callable[[], Any]) -> list[warnings.WarningMessage]:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        call()
    return [one for one in found if issubclass(one.category, IncompleteAnswerWarning | InexactTimeWarning)]


@pytest.mark.parametrize("name", WARNING)
def test_a_warning_is_attributed_to_the_line_of_the_user(name: str, tmp_path: Path, archive: Any) -> None:
    found = caught(lambda: WARNING[name](tmp_path))
    assert [one.filename for one in found] == [__file__]


CLIENTS = {"hapi": "HAPIClient", "imap": "IMAPClient", "helioviewer": "HelioviewerClient", "her": "HERClient"}

WARNERS = (
    "hapi.cache.holdings", "hapi.client", "hapi.records.load", "hapi.records.read", "hapi.stream.chunks",
    "hapi.stream.frames", "hapi.stream.parquet", "hapi.views.timeseries", "helioviewer.client",
    "helioviewer.explore", "her.client", "her.explore", "her.views.parquet", "imap.endpoints.rows",
    "imap.ialirt_tables", "imap.search",
)  # fmt: skip
"""The modules that warn of incomplete answers."""

INCOMPLETE = """
def warn(answer):
    original(Partial(problems=("Something is missing.",)))
"""


@pytest.fixture
def incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every answer incomplete; the function that does it has its place within the package."""
    inside = {"__name__": "sunpy_helio_plugins.made", "original": partial.warn, "Partial": partial.Partial}
    exec(INCOMPLETE, inside)
    # Before the replacement: a module that is imported after it would keep it.
    modules = [importlib.import_module(f"sunpy_helio_plugins.{name}") for name in WARNERS]
    for module in (partial, *modules):
        monkeypatch.setattr(module, "warn", inside["warn"], raising=False)


@pytest.mark.parametrize("name", CLIENTS)
def test_an_incomplete_search_warns_at_its_line(name: str, archive: Any, incomplete: None) -> None:
    client = getattr(helio, CLIENTS[name])()
    for found in (caught(lambda: client.search(*SEARCHES[name])), caught(lambda: Fido.search(*SEARCHES[name]))):
        assert found
        assert {one.filename for one in found} == {__file__}


PARTS: dict[str, Callable[[], Any]] = {
    "imap.realtime": lambda: imap.realtime(a.Time("2026-01-10 00:00", "2026-01-10 01:00"), "mag"),
    "imap.rows": lambda: imap.rows(instrument="mag", start_date="20260110", end_date="20260110"),
    "helioviewer.coverage": lambda: helioviewer.coverage(*SEARCHES["helioviewer"]),
    "her.values": lambda: her.values("frm_name", *SEARCHES["her"]),
    "hapi.load": lambda: hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10T00:00", "2026-01-10T00:10"),
}


@pytest.mark.parametrize("name", PARTS)
def test_a_function_that_is_incomplete_warns_at_its_line(name: str, archive: Any, incomplete: None) -> None:
    assert {one.filename for one in caught(PARTS[name])} == {__file__}


def test_no_module_warns_by_itself() -> None:
    """All warnings are made by `errors.warn`, which finds the line of the user."""
    own = []
    for path in ROOT.rglob("*.py"):
        if path.name == "errors.py" or "sandbox" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("warnings.warn", "warnings.warn_explicit"):
                own.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert own == []


def test_every_module_that_warns_is_listed() -> None:
    found = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in ROOT.rglob("*.py")
        if "import" in (text := path.read_text(encoding="utf-8")) and "fido.partial import" in text and " warn(" in text
    }
    assert found == set(WARNERS)
