"""Rows of the IMAP Science Data Center as a table: what overlaps, one version of each, with times."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import numpy as np
from astropy.table import MaskedColumn
from astropy.time import Time

from sunpy_helio_plugins.fido import HelioTable
from sunpy_helio_plugins.imap import coverage
from sunpy_helio_plugins.imap.filenames import FileName, parse
from sunpy_helio_plugins.imap.translate import Query
from sunpy_helio_plugins.imap.vocabulary import PROVIDERS, SOURCES
from sunpy_helio_plugins.quantities import times

__all__ = ["IMAPTable", "from_answers"]

Row = dict[str, Any]

_STAMP = re.compile(r"(\d{4})-?(\d\d)-?(\d\d),? (\d\d:\d\d:\d\d(?:\.\d+)?)")
"""The three forms of an ingestion date: "20260106 00:00:00", "2024-07-09 15:42:23" and "2026-03-03, 04:05:06"."""


class IMAPTable(HelioTable):
    """Files of the IMAP Science Data Center, one in each row."""

    hide_keys = ["file_path"]


class _File(NamedTuple):
    """A row of the service with what its file's name says."""

    row: Row
    name: FileName

    @property
    def start(self) -> str:
        return f"{self.name.start}T00:00:00.000000000Z"

    @property
    def end(self) -> str:
        last = coverage.end_of(self.name)
        return "9999-12-31T23:59:59.999999999Z" if last == date.max else f"{last}T00:00:00.000000000Z"

    @property
    def rank(self) -> tuple[int, int]:
        return (1 if self.name.major is None else self.name.major, self.name.minor)


def from_answers(answers: Iterable[tuple[Query, Sequence[Row]]], client: Any = None) -> IMAPTable:
    """
    Return the files that fulfil a query.

    Parameters
    ----------
    answers : iterable of (Query, sequence of dict)
        What was asked and the rows that came.
    client : object, optional
        The client that the table belongs to.

    Returns
    -------
    IMAPTable
        Sorted by start, instrument and path; each file once. Files whose names follow no convention are named in
        ``problems``.
    """
    chosen: dict[str, _File] = {}
    strange: set[str] = set()
    for query, rows in answers:
        files = [_File(row, name) for row in rows if (name := _name(row, strange)) is not None]
        chosen.update((file.row["file_path"], file) for file in _fulfilling(query, files))
    ordered = sorted(chosen.values(), key=lambda file: (file.start, file.name.instrument, file.row["file_path"]))
    table = IMAPTable(_columns(ordered), client=client)
    table.problems = [f"The name of {path!r} follows no convention: left out." for path in sorted(strange)]
    return table


def _name(row: Row, strange: set[str]) -> FileName | None:
    path = str(row["file_path"])
    name = parse(path.rpartition("/")[2])
    if name is None:
        strange.add(path)
    return name


def _fulfilling(query: Query, files: list[_File]) -> list[_File]:
    """Keep what overlaps, matches the descriptor and, where the latest is wanted, has no newer version."""
    pattern = query.descriptor or "*"
    found = [
        file
        for file in files
        if file.start <= query.end and file.end > query.begin and fnmatchcase(file.name.descriptor, pattern)
    ]
    return _latest(found) if query.version == "latest" else found


def _latest(files: list[_File]) -> list[_File]:
    best: dict[tuple[Any, ...], _File] = {}
    for file in files:
        name = file.name
        series = (
            name.instrument, name.level, name.descriptor, name.start, name.repointing, name.rotation, name.extension,
        )  # fmt: skip
        if series not in best or file.rank > best[series].rank:
            best[series] = file
    return list(best.values())


def _columns(files: list[_File]) -> dict[str, Any]:
    """Return the columns, also of an empty table."""
    names = [file.name for file in files]
    return {
        "Start Time": _times([file.start for file in files]),
        "End Time": _times([file.end for file in files]),
        "Instrument": _text(name.instrument for name in names),
        "Source": _text(SOURCES[0] for _ in names),
        "Provider": _text(PROVIDERS[0] for _ in names),
        "Level": _text(name.level or "" for name in names),
        "Descriptor": _text(name.descriptor for name in names),
        "Version": _text(name.version for name in names),
        "Repointing": _masked([name.repointing for name in names], int),
        "Rotation": _masked([name.rotation for name in names], int),
        "Released": _masked([file.row.get("released") for file in files], bool),
        "Ingestion Time": _ingested([str(file.row.get("ingestion_date") or "") for file in files]),
        "file_path": _text(str(file.row["file_path"]) for file in files),
    }


def _text(values: Iterable[str]) -> np.ndarray:
    return np.array(list(values), dtype=str)


def _masked(values: Sequence[Any], kind: type) -> MaskedColumn:
    """Return a column of numbers or truth values, masked where the archive says nothing."""
    known = [isinstance(value, int) for value in values]
    filled = [value if there else 0 for value, there in zip(values, known, strict=True)]
    return MaskedColumn(np.array(filled, dtype=kind), mask=~np.array(known, dtype=bool))


def _times(stamps: Sequence[str]) -> Time:
    return _shown(times.from_iso(np.array(stamps, dtype="S30")))


def _ingested(stamps: Sequence[str]) -> Time:
    found = [_STAMP.fullmatch(stamp.strip()) for stamp in stamps]
    iso = ["{}-{}-{}T{}".format(*one.groups()) if one else "" for one in found]
    missing = np.array([one is None for one in found], dtype=bool)
    return _shown(times.from_iso(np.array(iso, dtype="S30"), mask=missing))


def _shown(time: Time) -> Time:
    time.format = "iso"
    return time
