"""Rows of the IMAP Science Data Center as a table: what overlaps, the wanted versions of each, with times."""

from __future__ import annotations

import contextlib
import gc
import warnings
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from operator import attrgetter
from typing import Any

import erfa
import numpy as np
from astropy.table import MaskedColumn
from astropy.time import Time

from sunpy_helio_plugins.fido.fields import common_columns
from sunpy_helio_plugins.fido.table import HelioTable
from sunpy_helio_plugins.imap.found import Found, Row, found_of
from sunpy_helio_plugins.imap.translate import Query
from sunpy_helio_plugins.imap.vocabulary import PROVIDERS, SOURCES
from sunpy_helio_plugins.quantities import times

__all__ = ["IMAPTable", "from_answers", "withheld"]

_SHOWN = 5
"""How many names a sentence lists."""


class IMAPTable(HelioTable):
    """Files of the IMAP Science Data Center, one in each row."""

    hide_keys = ["file_path", "url"]
    identity = ("file_path",)

    def __str__(self) -> str:
        with warnings.catch_warnings():
            # Kernels reach to years of which no leap seconds are announced: nothing that a reader could change.
            warnings.filterwarnings("ignore", message=".*dubious year", category=erfa.ErfaWarning)
            return super().__str__()

    def _repr_html_(self) -> str:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*dubious year", category=erfa.ErfaWarning)
            return str(super()._repr_html_())


def from_answers(answers: Iterable[tuple[Query, Sequence[Row]]], client: Any = None, base: str = "") -> IMAPTable:
    """
    Return the files that fulfil a query.

    Parameters
    ----------
    answers : iterable of (Query, sequence of dict)
        What was asked and the rows that came.
    client : object, optional
        The client that the table belongs to.
    base : str, optional
        The address below which the files can be fetched.

    Returns
    -------
    IMAPTable
        Sorted by start, instrument and path; each file once. Files whose names follow no convention are named in
        ``problems``.
    """
    strange: set[str] = set()
    with _uncollected():
        # What is made on the way is gone before the collector looks for it again.
        columns = _columns(_chosen(answers, strange), base)
    table = IMAPTable(columns, client=client)
    table.problems = [f"The name of {path!r} follows no convention: left out." for path in sorted(strange)]
    return table


def _chosen(answers: Iterable[tuple[Query, Sequence[Row]]], strange: set[str]) -> list[Found]:
    """Return the files that fulfil their queries, each once and in order; note the names that follow no convention."""
    chosen: dict[str, Found] = {}
    for query, rows in answers:
        found = [found_of(row) for row in rows]
        strange.update(row["file_path"] for row, file in zip(rows, found, strict=True) if file is None)
        fulfilling = _fulfilling(query, [file for file in found if file is not None])
        chosen.update({file.path: file for file in fulfilling})
    # Starts are of one length, where there are any: one text compares faster than three.
    return sorted(chosen.values(), key=lambda file: f"{file.start}{file.name.instrument}/{file.path}")


def withheld(answers: Iterable[tuple[Query, Sequence[Row]]], table: IMAPTable) -> list[str]:
    """
    Say which versions the public does not see.

    Parameters
    ----------
    answers : iterable of (Query, sequence of dict)
        What was asked and the rows that came.
    table : IMAPTable
        What became of them.

    Returns
    -------
    list of str
        Sentences, for the ``problems`` of the table.
    """
    names = {path.rpartition("/")[2] for path in table["file_path"][~table["Released"].filled(True)]}
    for query, rows in answers:
        if query.released and query.version == "latest":
            files = [file for row in rows if (file := found_of(row)) is not None]
            found = _within(query, files)
            best = {file.root: file.rank for file in _latest([one for one in found if one.released])}
            names |= {
                file.path.rpartition("/")[2]
                for file in _latest(found)
                if file.released is False and file.rank > best.get(file.root, (-1, -1))
            }
    if not names:
        return []
    listed = ", ".join(sorted(names)[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    several = "newest versions are" if len(names) > 1 else "newest version is"
    return [f"{len(names)} {several} not released, the public sees older ones or none: {listed}."]


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Let the garbage collector rest: it would go through all of sunpy several times while no garbage is made."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _fulfilling(query: Query, files: list[Found]) -> list[Found]:
    """Keep what overlaps, is what was asked for, and has a version that was asked for."""
    found = _within(query, files)
    if query.released is not None:
        found = [file for file in found if (True if file.released is None else file.released) is query.released]
    return _versions(query.version, found)


def _within(query: Query, files: list[Found]) -> list[Found]:
    exact = {"instrument": query.instrument, "level": query.level, "repointing": query.repointing}
    for field, value in {**exact, "rotation": query.rotation}.items():
        if value is not None:
            part = attrgetter(field)
            files = [file for file in files if part(file.name) == value]
    if query.end:
        begin, end = query.begin, query.end
        files = [file for file in files if file.start <= end and (not file.end or file.end > begin)]
    if query.descriptor not in (None, "*"):
        alike = {name: fnmatchcase(name.lower(), query.descriptor) for name in {file.name.descriptor for file in files}}
        files = [file for file in files if alike[file.name.descriptor]]
    if query.detector:
        files = [file for file in files if any(fnmatchcase(file.name.descriptor, one) for one in query.detector)]
    return [file for file in files if _is_meant(query, file)] if _is_particular(query) else files


def _is_particular(query: Query) -> bool:
    return any((query.extension, query.name, query.kernel, query.until))


def _is_meant(query: Query, file: Found) -> bool:
    return (
        query.extension in (None, file.name.extension)
        and query.name in (None, file.path.rpartition("/")[2])
        and query.kernel in (None, file.name.descriptor)
        and (not query.until or query.since <= file.ingested <= query.until)
    )


def _versions(version: str, files: list[Found]) -> list[Found]:
    """Keep the versions that are meant."""
    if version == "all":
        return files
    if version == "latest":
        return _latest(files)
    if version.isdigit():
        return [file for file in files if file.rank[0] == int(version)]
    major, _, minor = version[1:].rpartition(".")
    alike = [file for file in files if file.rank[1] == int(minor)]
    return [file for file in alike if file.rank[0] == int(major)] if major else _latest(alike)


def _latest(files: list[Found]) -> list[Found]:
    best: dict[str, Found] = {}
    for file in files:
        known = best.setdefault(file.root, file)
        if file.rank > known.rank:
            best[file.root] = file
    return list(best.values())


def _columns(files: list[Found], base: str) -> dict[str, Any]:
    """Return the columns, also of an empty table."""
    names = [file.name for file in files]
    paths = np.array([file.path for file in files], dtype=str)
    elsewhere = any(file.url for file in files)
    return {
        **common_columns(
            _times("Start Time", [file.start for file in files]),
            _times("End Time", [file.end for file in files]),
            _few([name.instrument for name in names]),
            np.full(len(names), SOURCES[0]),
            _few(["I-ALiRT" if file.url else PROVIDERS[0] for file in files]),
        ),
        "Level": _few([name.level or "" for name in names]),
        "Descriptor": _few([name.descriptor for name in names]),
        "Version": _few([name.version for name in names]),
        "Repointing": _masked([name.repointing for name in names], int),
        "Rotation": _masked([name.rotation for name in names], int),
        "End Inferred": np.array([file.inferred for file in files], dtype=bool),
        "Released": _masked([file.released for file in files], bool),
        "Ingestion Time": _times("Ingestion Time", [file.ingested for file in files]),
        "file_path": paths,
        "url": np.array([file.url or _below(base, file.path) for file in files], dtype=str)
        if elsewhere
        else np.char.add(_below(base, ""), paths),
    }


def _below(base: str, path: str) -> str:
    return f"{base}/download/{path}"


def _coded(values: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Return the values that differ, and which of them stands in each place."""
    places = {value: place for place, value in enumerate(dict.fromkeys(values))}
    return list(places), np.fromiter(map(places.__getitem__, values), dtype=np.intp, count=len(values))


def _few(values: Sequence[str]) -> np.ndarray:
    """Return texts of which few differ: to make an array of each of them is the slowest part of a table."""
    unique, inverse = _coded(values)
    return np.array(unique, dtype=str)[inverse]


def _masked(values: Sequence[Any], kind: type) -> MaskedColumn:
    """Return a column of numbers or truth values, masked where the archive says nothing."""
    known = [isinstance(value, int) for value in values]
    if all(known):
        return MaskedColumn(np.array(values, dtype=kind))
    filled = [value if there else 0 for value, there in zip(values, known, strict=True)]
    return MaskedColumn(np.array(filled, dtype=kind), mask=~np.array(known, dtype=bool))


def _times(name: str, stamps: Sequence[str]) -> Time:
    """Return times; what is not known is masked. Many files share a stamp: each is read once."""
    known, inverse = _coded(stamps)
    unique = np.array([stamp.encode("ascii", "replace") for stamp in known], dtype="S30")
    try:
        time = times.from_iso(unique, mask=unique == b"")[inverse]
    except ValueError:  # some of them are no times
        time = times.from_iso(unique, mask=~np.array(list(map(_is_time, unique)), dtype=bool))[inverse]
    time.format = "iso"
    return times.as_column(time, name)


def _is_time(stamp: bytes) -> bool:
    try:
        times.from_iso([stamp])
    except ValueError:
        return False
    return True
