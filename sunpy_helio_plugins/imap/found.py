"""One row of the service and what its file's name says: the file as a search can judge it."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from sunpy_helio_plugins.imap import coverage, kernels
from sunpy_helio_plugins.imap.filenames import FileName, parse
from sunpy_helio_plugins.quantities import times

__all__ = ["Found", "Row", "found_of"]

Row = dict[str, Any]

_STAMP = re.compile(r"(\d{4})-?(\d\d)-?(\d\d),? (\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?", re.ASCII)
"""The three forms of an ingestion date: "20260106 00:00:00", "2024-07-09 15:42:23" and "2026-03-03, 04:05:06"."""


class Found(NamedTuple):
    """
    A file that the service has named.

    Attributes
    ----------
    path : str
        The full path in the archive.
    name : FileName
        What its name says; of a SPICE kernel the descriptor is the type, and the start the first day.
    start, end : str
        What it covers, as ISO 8601; an empty end is open.
    inferred : bool
        Whether the end follows from the kind of product, and is not said by anybody.
    rank : tuple of int
        Major and minor version; the older form with one number counts as major version 1.
    ingested : str
        When it came into the archive, as ISO 8601; empty where that cannot be read.
    root : str
        Its name without the version: files that share it are versions of one another.
    released : bool or None
        Whether everyone may have it; `None` where the service does not say.
    url : str
        Where it can be fetched, if not below the service's address.
    """

    path: str
    name: FileName
    start: str
    end: str
    inferred: bool
    rank: tuple[int, int]
    ingested: str
    root: str
    released: Any
    url: str


def found_of(row: Row) -> Found | None:
    """
    Return a row with what its file's name says.

    Parameters
    ----------
    row : dict
        A row of the service.

    Returns
    -------
    Found or None
        `None` where the name follows no convention.
    """
    path = row["file_path"]
    bare = path.rpartition("/")[2]
    if path.startswith("imap/spice/"):
        return _kernel(row, path, bare)
    name = parse(bare)
    if name is None:
        return None
    # Most files share what their coverage follows from.
    start, end, inferred = _covered((name[1], name[4], name[5], name[6], name[7] is None, name[8] is None))
    root = f"{bare[: bare.rindex('_')]}.{name.extension}"
    rank, ingested = _rank(row, name), _stamp(row.get("ingestion_date"))
    return Found(path, name, start, end, inferred, rank, ingested, root, row.get("released"), row.get("url", ""))


@lru_cache(maxsize=16384)
def _covered(said: tuple[Any, ...]) -> tuple[str, str, bool]:
    """Return start and end, and whether the end is inferred; many files agree in what that follows from."""
    descriptor, level, start, end, no_pointing, no_rotation = said
    pointing, rotation = (None if absent else 0 for absent in (no_pointing, no_rotation))
    last = coverage.end_of(FileName("", descriptor, "", "", level, start, end, pointing, rotation, None, 0))
    is_open = last == date.max
    return _midnight(start), "" if is_open else _midnight(last), end is None and not is_open


def _rank(row: Row, name: FileName) -> tuple[int, int]:
    """Return the version as the service counts it, else as the name has it."""
    major, minor = row.get("major_version"), row.get("minor_version")
    if type(major) is int and type(minor) is int:
        return major, minor
    return 1 if name.major is None else name.major, name.minor


@lru_cache(maxsize=8192)
def _midnight(day: date) -> str:
    return f"{day}T00:00:00.000000000Z"


def _stamp(text: Any) -> str:
    """Return a date of the service as ISO 8601; nothing where it has none of the forms."""
    if type(text) is str and len(text) == 17 and text[8] == " ":
        day = _day(text[:8])
        return f"{day}T{text[9:]}.000000000Z" if day else ""
    found = _STAMP.fullmatch(str(text or "").strip())
    if found is None:
        return ""
    day = _day("".join(found.groups()[:3]))
    return f"{day}T{found[4]}.{found[5] or '':0<9}Z" if day else ""


@lru_cache(maxsize=8192)
def _day(digits: str) -> str:
    """Return a day, if it is one of the calendar."""
    try:
        return f"{date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))}"
    except ValueError:
        return ""


def _kernel(row: Row, path: str, bare: str) -> Found | None:
    """Return a kernel; its version stands in its name, if anywhere: the service does not tell it of every one."""
    said = kernels.parse(bare)
    kind = row.get("kernel_type") or (said and said.kind)
    if not isinstance(kind, str):
        return None
    start, end, inferred = _reach(row)
    version = said.version if said else None
    first = date.fromisoformat(start[:10]) if start else date.min
    shown = "" if version is None else f"v{version:03}"
    extension = bare.rpartition(".")[2]
    name = FileName("spacecraft", kind, shown, extension, None, first, None, None, None, None, version or 0)
    rank = (1, -1 if version is None else version)
    root = said.root if said else bare
    ingested = _stamp(row.get("ingestion_date"))
    return Found(path, name, start, end, inferred, rank, ingested, root, row.get("released"), row.get("url", ""))


def _reach(row: Row) -> tuple[str, str, bool]:
    """
    Return what a kernel covers, and whether the end is inferred.

    The service counts seconds of TDB. The tables beside those of the kernels have the days of the files' names, of
    which the last one is meant as a whole.
    """
    start, end = (_instant(row.get(f"{which}_date_j2000")) for which in ("min", "max"))
    if start or end:
        return start, end, False
    last = _stamp(row.get("end_date"))
    return _stamp(row.get("start_date")), _midnight(_next(last[:10])) if last else "", bool(last)


def _next(day: str) -> date:
    return date.fromordinal(min(date.fromisoformat(day).toordinal() + 1, date.max.toordinal()))


def _instant(seconds: Any) -> str:
    if isinstance(seconds, int | float) and abs(seconds) < 9e9:
        # TDB and TT differ by less than 2 ms.
        return f"{times.datetime64_from_tt2000([round(seconds * 1e9)])[0]}".ljust(29, "0")[:29] + "Z"
    return ""
