"""The report of a run: what came, what was replaced, withdrawn, deleted or failed, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sunpy_helio_plugins.errors import Problem

__all__ = ["MirrorReport", "QueryReport"]

VERSION = 1
"""The version of the JSON of a report; it changes if a key is removed or changes its meaning."""

WHOLE, PARTLY, NOTHING = 0, 1, 3

_LISTS = ("new", "revised", "repaired", "superseded", "outside", "withdrawn", "deleted", "products")


@dataclass
class QueryReport:
    """
    The result of one query of a mirror.

    Attributes
    ----------
    name, archive : str
        The name of the query, and its archive.
    new : list of pathlib.Path
        Files that were downloaded for the first time; in a dry run, those that would be.
    revised : list of pathlib.Path
        Files that replace an earlier version: of the same name with other content, or of another name. These include
        files of a day that had not ended.
    repaired : list of pathlib.Path
        Files that were removed, cut or damaged here, or found so by the last check, and were downloaded again.
    kept : list of pathlib.Path
        Complete files that were already there.
    superseded : list of pathlib.Path
        Files of earlier runs of which a newer version is in the folder now.
    outside : list of pathlib.Path
        Files of earlier runs that the query does not select any more, such as those that left a moving window.
    withdrawn : list of pathlib.Path
        Files of earlier runs that the archive does not list any more: these copies may be the last ones, and are never
        deleted.
    deleted : list of pathlib.Path
        Files that were deleted as the plan says; in a dry run, those that would be.
    products : list of pathlib.Path
        Daily tables and pictures that were written.
    errors : list of Problem
        What failed, with the reason; the next run tries it again.
    notes : list of str
        Remarks.
    failed : bool
        Whether the query could not be run at all.
    started : str
        The time at which it began in UTC.
    seconds : float
        The time that it took.

    Examples
    --------
    >>> from sunpy_helio_plugins import mirror
    >>> query = {"archive": "her", "event_type": "FL", "start": "2026-01-10", "end": "2026-01-11"}
    >>> report = mirror({"mirror": {"folder": "mirror"}, "queries": {"flares": query}})
    >>> len(report.queries["flares"].new)
    12
    """

    name: str
    archive: str
    new: list[Path] = field(default_factory=list)
    revised: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    superseded: list[Path] = field(default_factory=list)
    outside: list[Path] = field(default_factory=list)
    withdrawn: list[Path] = field(default_factory=list)
    deleted: list[Path] = field(default_factory=list)
    products: list[Path] = field(default_factory=list)
    errors: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failed: bool = False
    seconds: float = 0.0
    repaired: list[Path] = field(default_factory=list)
    started: str = ""

    def __repr__(self) -> str:
        return f"<QueryReport: {self.summary}>"

    @property
    def summary(self) -> str:
        """The counts in one line, without those that are zero."""
        counts = [f"{len(getattr(self, name))} {name}" for name in (*_LISTS[:3], "kept", *_LISTS[3:])]
        told = [one for one in counts if not one.startswith("0 ")]
        errors = f"{len(self.errors)} error{'s' * (len(self.errors) != 1)}"
        return f"{self.name}: {', '.join([*told, *([errors] if self.errors else [])]) or 'nothing'}"

    def plain(self) -> dict[str, Any]:
        """
        Return the report as JSON.

        Returns
        -------
        dict
            Lists of paths; the number of kept files as ``"kept"``; ``"errors"`` with ``text``, ``kind``, ``archive``.
        """
        made: dict[str, Any] = {"archive": self.archive, "kept": len(self.kept), "failed": self.failed}
        made |= {name: [str(path) for path in getattr(self, name)] for name in _LISTS}
        made["errors"] = [one.stored() for one in self.errors]
        made |= {"notes": [str(note) for note in self.notes], "started": self.started}
        return made | {"seconds": round(self.seconds, 3)}


@dataclass
class MirrorReport:
    """
    The result of a run of `mirror`.

    Attributes
    ----------
    folder : pathlib.Path
        The folder of the mirror.
    queries : dict of QueryReport
        The results of the queries by name.
    errors : list of Problem
        Failures of the run itself, such as a report that could not be written.
    swept : list of pathlib.Path
        Part files of killed runs that were removed.
    started, ended : str
        The times of the run in UTC.
    is_dry : bool
        Whether nothing was downloaded, deleted or written.

    Examples
    --------
    >>> from sunpy_helio_plugins import mirror
    >>> query = {"archive": "her", "event_type": "FL", "start": "2026-01-10", "end": "2026-01-11"}
    >>> report = mirror({"mirror": {"folder": "mirror"}, "queries": {"flares": query}})
    >>> report.summary, report.problems
    ('Mirror mirror is whole: flares: 12 new', [])
    """

    folder: Path
    queries: dict[str, QueryReport] = field(default_factory=dict)
    errors: list[Problem] = field(default_factory=list)
    swept: list[Path] = field(default_factory=list)
    started: str = ""
    ended: str = ""
    is_dry: bool = False

    def __repr__(self) -> str:
        return f"<MirrorReport: {self.summary}>"

    @property
    def problems(self) -> list[Problem]:
        """The errors of all queries and of the run, each with the name of its query."""
        named = [
            Problem(f"{name}: {one}", one.kind, one.archive) for name, run in self.queries.items() for one in run.errors
        ]
        return [*named, *self.errors]

    @property
    def code(self) -> int:
        """The exit code: 0 if everything is here, 1 if a part is missing, 3 if nothing came."""
        if not self.problems:
            return WHOLE
        return NOTHING if self.queries and all(run.failed for run in self.queries.values()) else PARTLY

    @property
    def summary(self) -> str:
        """The result in one line, for a log."""
        made, foreseen = {
            WHOLE: ("is whole", "would be whole"),
            PARTLY: ("is not whole", "would not be whole"),
            NOTHING: ("could not be updated", "could not be searched"),
        }[self.code]
        word = f"{foreseen} (dry run)" if self.is_dry else made
        return f"Mirror {self.folder} {word}: {'; '.join(run.summary for run in self.queries.values())}"

    def plain(self) -> dict[str, Any]:
        """
        Return the report as JSON.

        Returns
        -------
        dict
            ``"version"``, ``"code"``, ``"folder"``, the times, and the reports of the queries by name.
        """
        return {
            "version": VERSION, "code": self.code, "folder": str(self.folder), "dry_run": self.is_dry,
            "started": self.started, "ended": self.ended,
            "queries": {name: run.plain() for name, run in self.queries.items()},
            "swept": [str(path) for path in self.swept], "errors": [one.stored() for one in self.errors],
        }  # fmt: skip
