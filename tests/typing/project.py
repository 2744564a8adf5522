"""
A program of a user, which mypy in strict mode and pyright read with the settings beside it, and which nobody runs.

Each ``assert_type`` is a promise: a change of it is a change of the public interface.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_type

from sunpy.net import attrs as a

import sunpy_helio_plugins as plugins
from sunpy_helio_plugins import HERClient, cdf, conf, hapi, helioviewer, her, imap, sandbox, series
from sunpy_helio_plugins.errors import Problem, ServiceError
from sunpy_helio_plugins.sandbox import Archive

if TYPE_CHECKING:
    import pandas as pd

    from sunpy_helio_plugins.fido import ArchiveTable


def missing(table: ArchiveTable) -> list[str]:
    """Return what did not come."""
    return [f"{problem.archive}: {problem}" for problem in map(Problem.of, table.problems) if problem.kind != "limit"]


def settings() -> float:
    """Change settings, which have the type of their values."""
    conf.retries = 2
    conf.hapi.cache = False
    return float(conf.read_timeout)


def failure(error: ServiceError) -> str:
    """Return a line for a log."""
    assert_type(error.archive, str)
    assert_type(error.status, int | None)
    return f"{error.archive} ({error.status}) {error.url}: {error.words}"


def ask(day: a.Time) -> Any:
    """Ask two archives, on the embedded one."""
    with sandbox.serve() as archive:
        assert_type(archive, Archive)
        with archive.fault("status", status=503, path="/hek", times=1) as rule:
            try:
                found = HERClient().search(day)
            except ServiceError as error:
                raise RuntimeError(f"{failure(error)} {rule.played}") from error
        return found


def tables(path: Path) -> Any:
    """Read files and put them on one time axis."""
    one = cdf.read(path, columns=["b_gse"], records=slice(0, 10))
    two = imap.read(path)
    return series.align(one, two, max_gap=None)


def frame(path: Path) -> pd.DataFrame:
    """Return records as a frame."""
    return series.to_pandas(cdf.read(path))


def check(folder: Path) -> int:
    """Check the files of a folder."""
    report = plugins.check_folder(folder)
    return len(report.problems)


def faces() -> tuple[object, ...]:
    """Return functions of the archives; each of them has to exist."""
    return hapi.load, hapi.find, helioviewer.nearest, her.overlay, her.mask, imap.open


assert_type(plugins.__version__, str)
