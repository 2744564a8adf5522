"""Run a plan: one run at a time in a folder, each query on its own, and a report at the end."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from astropy.time import Time

from sunpy_helio_plugins.arguments import FLAG, TEXTS, close_names, optional, taking
from sunpy_helio_plugins.errors import HelioPluginsError, LockedError, Problem, QueryError, local
from sunpy_helio_plugins.fido import partial
from sunpy_helio_plugins.mirrors.plan import Plan, PlannedQuery
from sunpy_helio_plugins.mirrors.query_run import QueryRun
from sunpy_helio_plugins.mirrors.report import VERSION, MirrorReport, QueryReport
from sunpy_helio_plugins.quantities.exact import kept_json
from sunpy_helio_plugins.store.publish import locked, make_folder, sweep, write_whole

__all__ = ["REPORT", "mirror"]

REPORT = "report.json"
"""The name of the report in the folder of the mirror: that of the last run, and the last results of other queries."""

PART_AGE = 3600.0
"""Seconds after which part files without a lock are removed: those of other machines are not locked here."""


@taking("mirror", queries=optional(TEXTS), dry_run=FLAG, progress=FLAG)
def mirror(
    plan: str | Path | dict[str, Any] | Plan,
    *,
    queries: str | Sequence[str] | None = None,
    dry_run: bool = False,
    progress: bool = False,
) -> MirrorReport:
    """
    Bring a mirror of named queries up to date.

    Each query is searched, and files that are missing or were revised are downloaded to the folder of its name, which
    has a manifest with their digests. A run can be killed at any time, and be repeated at any time.

    Parameters
    ----------
    plan : str, pathlib.Path, dict or sunpy_helio_plugins.mirrors.Plan
        The path of a plan in TOML, a dict of the same structure, or a plan.
    queries : str or sequence of str, optional
        The names of the queries to run. Defaults to all.
    dry_run : bool, optional
        Whether to search only, and to report what a run would do. Nothing is written, not even a folder.
    progress : bool, optional
        Whether to show progress bars.

    Returns
    -------
    sunpy_helio_plugins.mirrors.MirrorReport
        What came, was replaced, withdrawn, deleted, or failed. It is also written to ``report.json`` in the folder,
        with the last results of the queries of the plan that were not run.

    Raises
    ------
    QueryError
        The plan is not valid; no request was sent.
    DiskError
        The file of the plan cannot be read, or the folder cannot be written.
    LockedError
        Another run uses the folder; nothing was changed.

    Examples
    --------
    >>> from sunpy_helio_plugins import mirror
    >>> query = {"archive": "imap", "instrument": "mag", "level": "l2", "start": "2026-01-10", "end": "2026-01-12"}
    >>> report = mirror({"mirror": {"folder": "mirror"}, "queries": {"mag": query}})
    >>> print(report.summary)
    Mirror mirror is whole: mag: 4 new
    """
    made = Plan.of(plan)
    chosen = _chosen(made, queries)
    report = MirrorReport(made.folder, is_dry=dry_run, started=_now().isot)
    with local(made.folder, "read"):
        if made.folder.exists() and not made.folder.is_dir():
            raise QueryError(f"mirror requires a folder, but {made.folder} is a file; change folder in {made.origin}.")
    if dry_run:
        _raise_unexpected(_run_all(chosen, report, progress))
        return report
    make_folder(made.folder)
    try:
        with local(made.folder), locked(made.folder / "mirror", wait=False):
            report.swept = sweep(made.folder, PART_AGE)
            try:
                unexpected = _run_all(chosen, report, progress)
            finally:  # also after Ctrl-C
                _keep(report, made)
    except LockedError:
        raise LockedError(f"Another run is updating the mirror in {made.folder}; wait until it has ended.") from None
    _raise_unexpected(unexpected)
    return report


def _now() -> Time:
    return Time.now()


def _chosen(plan: Plan, names: Sequence[str] | None) -> list[PlannedQuery]:
    if names is None:
        return list(plan.queries.values())
    for name in names:
        if name not in plan.queries:
            known = ", ".join(plan.queries)
            raise QueryError(f"{plan.origin} has no query {name!r}; it has {known}.{close_names(name, plan.queries)}")
    return [plan.queries[name] for name in dict.fromkeys(names)]


def _run_all(queries: Sequence[PlannedQuery], report: MirrorReport, progress: bool) -> list[Exception]:
    """Run the queries one after the other, each independent of the others; return errors that are not expected."""
    now = _now()
    unexpected: list[Exception] = []
    for query in queries:
        one = report.queries[query.name] = QueryReport(query.name, query.archive, started=_now().isot)
        start = time.monotonic()
        try:
            QueryRun(query, report.folder / query.name, now, one, report.is_dry, progress).run()
        except HelioPluginsError as error:
            one.errors.append(Problem.of_error(error))
            one.failed = True
        except KeyboardInterrupt:
            one.errors.append(Problem("The run was interrupted; the next one continues.", "transfer"))
            _end(one, report, start)
            raise
        except Exception as error:  # noqa: BLE001 - raised after the other queries
            one.errors.append(Problem(f"{type(error).__name__}: {error}", "data"))
            one.failed = True
            unexpected.append(error)
        _end(one, report, start)
    return unexpected


def _end(one: QueryReport, report: MirrorReport, start: float) -> None:
    """Log the errors of a query, and note the times."""
    partial.log(f"{one.name}: {error}" for error in one.errors)
    one.seconds = time.monotonic() - start
    report.ended = _now().isot


def _raise_unexpected(errors: Sequence[Exception]) -> None:
    for error in errors:
        raise error


def _keep(report: MirrorReport, plan: Plan) -> None:
    """Write the report to the folder; a failure is part of the report that is returned."""
    place = report.folder / REPORT
    made, before = report.plain(), _before(place)
    # Queries of the plan that were not run, or not reached, keep their last results.
    results = {name: made["queries"].get(name) or before.get(name) for name in plan.queries}
    made["queries"] = {name: one for name, one in results.items() if one}
    try:
        write_whole(place, (json.dumps(made, indent=1) + "\n").encode())
    except HelioPluginsError as error:
        report.errors.append(Problem.of_error(error))


def _before(place: Path) -> dict[str, Any]:
    """Return the results of the queries in a report; nothing is taken from one that is not valid."""
    try:
        found = kept_json(place.read_bytes()) if place.is_file() else {}
        return dict(found["queries"]) if found.get("version") == VERSION else {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}
