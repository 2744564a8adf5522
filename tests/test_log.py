"""Test the logger of the package: quiet, one record for each warning, and what a warning omits."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import re
import sys
import textwrap
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import astropy
import parfive
import pytest
from astropy.utils.exceptions import AstropyUserWarning
from sunpy.net import Fido
from sunpy.net import attrs as a
from tqdm import tqdm

import sunpy_helio_plugins as helio
from sunpy_helio_plugins import conf, errors, imap
from sunpy_helio_plugins.errors import IncompleteAnswerWarning, IncompleteFetchWarning, TransferError
from sunpy_helio_plugins.fido import import_hooks, partial
from sunpy_helio_plugins.transport import retry
from sunpy_helio_plugins.transport.files.job import Bars

NAME = "sunpy_helio_plugins"
FILES = a.Time("2026-01-10", "2026-01-11"), a.imap.File(), a.Instrument("mag"), a.Level("l2")


@pytest.fixture(autouse=True)
def _one_attempt() -> Iterator[None]:
    with conf.set_temp("retries", 0):
        yield


@contextlib.contextmanager
def collected(name: str) -> Iterator[list[logging.LogRecord]]:
    """Collect what the handlers of a logger receive."""
    found: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = found.append
    logging.getLogger(name).addHandler(handler)
    try:
        yield found
    finally:
        logging.getLogger(name).removeHandler(handler)


def warned(records: list[logging.LogRecord]) -> list[str]:
    return [one.getMessage() for one in records if one.levelno == logging.WARNING]


# The logger


def test_the_logger_has_a_level_and_no_handler_that_prints() -> None:
    log = logging.getLogger(NAME)
    assert [type(one) for one in log.handlers] == [logging.NullHandler]
    assert (log.level, log.propagate, log.disabled) == (logging.WARNING, True, False)


def test_the_level_of_the_program_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger(NAME), "level", logging.INFO)
    monkeypatch.setattr(logging.getLogger(NAME), "handlers", [])
    importlib.reload(helio)
    assert logging.getLogger(NAME).level == logging.INFO


def test_a_root_logger_at_info_as_drms_sets_it_prints_nothing(
    archive: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(retry, "time", SimpleNamespace(sleep=lambda seconds: None))
    caplog.set_level(logging.INFO)
    busy = {"status": 503, "retry_after": 8}
    with archive.fault("status", times=1, **busy), conf.set_temp("retries", 1), collected("") as found:
        Fido.search(*FILES)
    assert [one for one in found if one.name.startswith(NAME)] == []
    with archive.fault("status", times=1, **busy), conf.set_temp("retries", 1), collected("") as found:
        with caplog.at_level(logging.INFO, NAME):
            Fido.search(*FILES)
    (text,) = [one.getMessage() for one in found if one.name.startswith(NAME)]
    assert text == "IMAP SDC: waiting 8 s, the server asked for it (HTTP 503); then attempt 2 of 2"


def test_every_logger_of_the_package_is_below_it() -> None:
    from sunpy_helio_plugins.fido import import_hooks
    from sunpy_helio_plugins.transport import messages
    from sunpy_helio_plugins.transport.files import queue

    names = {one._log.name for one in (errors, import_hooks, messages, partial, queue)}
    assert {name.partition(".")[0] for name in names} == {NAME}


# Warnings


SHOWING = {
    "Python": lambda *args: None,
    "astropy": astropy.log._showwarning,
    "captureWarnings": logging._showwarning,
}
"""What shows warnings: Python, as a rule on a terminal, or another logger."""


def tell(showing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Warn twice from one line."""
    monkeypatch.setattr(warnings, "showwarning", SHOWING[showing])
    monkeypatch.setattr(astropy.log, "_showwarning_orig", SHOWING["Python"])
    for _ in range(2):
        errors.warn_incomplete("Some rows are missing.")


@pytest.mark.parametrize(
    ("showing", "logger"), [("Python", f"{NAME}.errors"), ("astropy", "astropy"), ("captureWarnings", "py.warnings")]
)
def test_a_warning_is_one_record_for_a_handler_of_the_root_logger(
    showing: str, logger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with warnings.catch_warnings(), collected("") as found:
        warnings.simplefilter("always")
        tell(showing, monkeypatch)
    assert [one.name for one in found] == [logger] * 2
    assert all("IncompleteAnswerWarning: Some rows are missing." in text for text in warned(found))


@pytest.mark.parametrize("showing", SHOWING)
@pytest.mark.parametrize("action", ["always", "default", "ignore"])
def test_a_handler_of_the_package_receives_every_warning_once_also_hidden_ones(
    showing: str, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with warnings.catch_warnings(), collected(NAME) as found:
        warnings.simplefilter(action)
        tell(showing, monkeypatch)
    assert warned(found) == ["IncompleteAnswerWarning: Some rows are missing."] * 2


def test_a_warning_that_is_raised_is_no_record() -> None:
    with warnings.catch_warnings(), collected(NAME) as found:
        warnings.simplefilter("error")
        with pytest.raises(IncompleteAnswerWarning):
            errors.warn_incomplete("Some rows are missing.")
    assert found == []


def test_the_log_has_the_problems_that_a_warning_omits() -> None:
    problems = [f"Part {number} is missing." for number in range(5)]
    with pytest.warns(IncompleteAnswerWarning, match=r"Part 2 is missing\. \(And 2 more"), collected(NAME) as found:
        partial.warn(partial.Partial(problems=tuple(problems)))
    assert warned(found)[1:] == problems[3:]
    assert [text.count("Part") for text in warned(found)] == [3, 1, 1]


def test_a_module_that_cannot_be_imported_is_told_and_breaks_nothing() -> None:
    with pytest.warns(AstropyUserWarning, match=r"no_such_module could not be imported after sunpy\.net: ModuleNot"):
        import_hooks._import("no_such_module", "sunpy.net")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert import_hooks._import("no_such_module", "sunpy.net") is None


# Files


@pytest.fixture
def fetched(archive: Any, tmp_path: Path) -> Any:
    """Return a function that fetches the files of a table, of which the first ones are refused."""
    table = Fido.search(*FILES)[0]
    assert len(table) > 3

    def fetch(count: int, downloader: parfive.Downloader | None = None) -> Any:
        with contextlib.ExitStack() as stack:
            for url in table["url"][:count]:
                path = str(url).replace(archive.url, "").split("?")[0]
                stack.enter_context(archive.fault("status", path=path, status=404))
            return Fido.fetch(table, path=tmp_path / "{file}", progress=False, downloader=downloader)

    fetch.total = len(table)
    return fetch


@pytest.mark.parametrize("own", [False, True], ids=["the downloader of Fido", "the downloader of this package"])
def test_a_failed_fetch_warns_once_with_a_count_and_the_first_reason(fetched: Any, own: bool) -> None:
    downloader = helio.Downloader(progress=False) if own else None
    with pytest.warns(IncompleteFetchWarning) as told, collected(NAME) as found:
        results = fetched(3, downloader)
    (warning,) = told
    first, *others = [str(one.exception) for one in results.errors]
    begin = f"3 of {fetched.total} files could not be downloaded; the first: {first}"
    assert str(warning.message) == f"{begin} See the errors of the results."
    assert warned(found) == [f"IncompleteFetchWarning: {warning.message}", *others]
    assert "answered 404" in first


def test_the_warning_is_at_the_line_of_the_program(archive: Any, tmp_path: Path) -> None:
    table = Fido.search(*FILES)[0][:1]
    with archive.fault("hang_up"), pytest.warns(IncompleteFetchWarning, match="^1 of 1 files") as told:
        results = Fido.fetch(table, path=tmp_path / "{file}", progress=False)
    assert [one.filename for one in told] == [__file__]
    with archive.fault("hang_up"), pytest.warns(IncompleteFetchWarning, match="^1 of 1 files") as told:
        Fido.fetch(results, downloader=helio.Downloader(progress=False))
    assert [one.filename for one in told] == [__file__]


def test_a_fetch_in_a_running_loop_warns_at_the_line_of_the_program(fetched: Any) -> None:
    async def notebook() -> Any:
        return fetched(1)

    with pytest.warns(IncompleteFetchWarning, match="^1 of ") as told:
        asyncio.run(notebook())
    assert [one.filename for one in told if one.category is IncompleteFetchWarning] == [__file__]


def test_a_complete_fetch_warns_of_nothing(fetched: Any) -> None:
    with warnings.catch_warnings(record=True) as told, collected(NAME) as found:
        warnings.simplefilter("always")
        results = fetched(0)
    assert (results.errors, warned(found)) == ([], [])
    assert [one for one in told if issubclass(one.category, AstropyUserWarning)] == []


def test_functions_that_raise_or_return_failures_do_not_warn(archive: Any, tmp_path: Path) -> None:
    name = "imap_mag_l2_norm-gse_20260110_v001.cdf"
    with warnings.catch_warnings(record=True) as told, archive.fault("hang_up", path="/imap/download"):
        warnings.simplefilter("always")
        with pytest.raises(TransferError):
            imap.download(name, tmp_path)
        with collected(NAME) as found:
            synced = imap.sync(FILES, tmp_path / "sync", progress=False)
    assert warned(found) == synced.errors != []
    assert [one for one in told if issubclass(one.category, IncompleteFetchWarning)] == []


# Progress bars


class Bar(contextlib.nullcontext):
    """A progress bar that keeps how it was made."""

    made: list[dict[str, Any]]

    def __init__(self, **options: Any) -> None:
        super().__init__(None)
        type(self).made.append(options)


def test_a_wait_that_a_server_asks_for_is_shown_with_the_files_progress(
    archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_time(seconds: float) -> None:
        assert Bar.made[-1]["desc"].endswith(f": waiting {seconds:g} s, the server asked for it")

    monkeypatch.setattr(retry, "asyncio", SimpleNamespace(sleep=no_time))
    monkeypatch.setattr(Bar, "made", [], raising=False)
    table = Fido.search(*FILES)[0][:1]
    monkeypatch.delenv("PARFIVE_HIDE_PROGRESS")
    downloader = helio.Downloader(progress=True)
    downloader.tqdm = Bar
    path = str(table["url"][0]).replace(archive.url, "").split("?")[0]
    monkeypatch.setattr(parfive.Downloader, "_get_main_pb", lambda self, total: contextlib.nullcontext())
    with archive.fault("status", path=path, times=1, status=503, retry_after=8), conf.set_temp("retries", 1):
        results = Fido.fetch(table, path=tmp_path / "{file}", downloader=downloader)
    assert len(results) == 1
    waiting, bytes_ = Bar.made
    assert waiting["desc"] == f"{Path(results[0]).name}: waiting 8 s, the server asked for it"
    assert (waiting["leave"], waiting["disable"], waiting["position"]) == (False, None, 1)
    assert bytes_["desc"] == Path(results[0]).name


def test_a_wait_is_not_shown_without_a_terminal_or_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    for bars in (Bars(tqdm, None, "x.cdf"), Bars(False, None, "x.cdf")):
        with bars.waiting(8):
            assert not sys.stderr.isatty()
    assert capsys.readouterr() == ("", "")


# The documentation


PAGE = (Path(__file__).parents[1] / "docs" / "how_to" / "logging.rst").read_text(encoding="utf-8")


@pytest.fixture
def _own_configuration(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Restore the logger after a test, and close the handlers that it adds."""
    log = logging.getLogger(NAME)
    before = log.level, log.propagate, log.handlers[:]
    yield
    for handler in set(log.handlers) - set(before[2]):
        handler.close()
        log.removeHandler(handler)
    log.setLevel(before[0])
    log.propagate = before[1]


@pytest.mark.usefixtures("_own_configuration")
def test_the_code_of_the_page_writes_what_the_page_says(
    archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    search, fetch = re.findall(r"^\.\. code-block:: python\n\n((?: {4}.*\n|\n)+)", PAGE, re.MULTILINE)
    space: dict[str, Any] = {}
    with collected("") as found:
        exec(textwrap.dedent(search), space)  # the page is ours
    assert [one.getMessage().partition("?")[0] for one in found if one.name == f"{NAME}.transport"] == [
        f"IMAP SDC: GET {archive.url}/imap/query"
    ]
    with archive.fault("hang_up", path="/imap/download"), pytest.warns(IncompleteFetchWarning):
        exec(textwrap.dedent(fetch), space)
    lines = (tmp_path / "night.log").read_text().splitlines()
    assert len(lines) == len(space["results"].errors) == len(space["files"][0])
    assert " WARNING IncompleteFetchWarning: " in lines[0]
