"""The table of files, created from the rows of the service."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterable, Sequence
from datetime import date
from fnmatch import fnmatchcase
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
from astropy.table import MaskedColumn
from astropy.time import Time

from sunpy_helio_plugins.arguments import unchecked
from sunpy_helio_plugins.fido.fields import common_columns, uncollected
from sunpy_helio_plugins.fido.table import ArchiveTable
from sunpy_helio_plugins.imap import coverage, filenames
from sunpy_helio_plugins.imap.filenames import ParsedFileName, parse
from sunpy_helio_plugins.imap.mission import PROVIDERS, SOURCES
from sunpy_helio_plugins.imap.query import Query
from sunpy_helio_plugins.quantities import silence, times
from sunpy_helio_plugins.quantities.record_time import with_mask

__all__ = ["ArchiveFile", "IMAPTable", "Row", "describe_unreleased", "from_answers", "parse_row", "selects"]

_common_columns = unchecked(common_columns)
_from_iso = unchecked(times.from_iso)
_as_column = unchecked(times.as_column)

Row = dict[str, Any]

_STAMP = re.compile(r"(\d{4})-?(\d\d)-?(\d\d),? (\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?", re.ASCII)
"""The three forms of an ingestion date: "20260106 00:00:00", "2024-07-09 15:42:23" and "2026-03-03, 04:05:06"."""


class ArchiveFile(NamedTuple):
    """
    A file in the response of the service.

    Attributes
    ----------
    path : str
        The full path in the archive.
    name : ParsedFileName
        The parsed name; for a SPICE kernel, the descriptor is its type, and the start its first day.
    start, end : str
        The coverage, as ISO 8601; the end is empty if it is open.
    inferred : bool
        Whether the end is determined by the kind of product, and is not provided by the archive.
    rank : tuple of int
        Major and minor version; the older form with one number is major version 1.
    ingested : str
        When it was added to the archive, as ISO 8601; empty if this is not valid.
    root : str
        The name without the version, which is the same for all versions of a file.
    row : dict
        The row of the service.
    """

    path: str
    name: ParsedFileName
    start: str
    end: str
    inferred: bool
    rank: tuple[int, int]
    ingested: str
    root: str
    row: Row

    @property
    def major(self) -> int | None:
        """Its major version; `None` where neither the service nor the name has one."""
        if self.name.major is None and type(self.row.get("major_version")) is not int:
            return None
        return self.rank[0]

    @property
    def released(self) -> Any:
        """Whether it is public; `None` if the service does not provide this."""
        return self.row.get("released")

    @property
    def url(self) -> str:
        """Its download URL, if it is not below the URL of the service."""
        return str(self.row.get("url", ""))


def parse_row(row: Row) -> ArchiveFile | None:
    """Return a row as a file, or `None` if its name does not follow a convention."""
    path = row["file_path"]
    bare = path.rpartition("/")[2]
    if path.startswith("imap/spice/"):
        return _kernel(row, path, bare)
    name = parse(bare)
    if name is None:
        return None
    # Most files have the same values as others.
    start, end, inferred = _covered((name[1], name[4], name[5], name[6], name[7] is None, name[8] is None))
    root = f"{bare[: bare.rindex('_')]}.{name.extension}"
    rank, ingested = _rank(row, name), _stamp(row.get("ingestion_date"))
    return ArchiveFile(path, name, start, end, inferred, rank, ingested, root, row)


@lru_cache(maxsize=16384)
def _covered(said: tuple[Any, ...]) -> tuple[str, str, bool]:
    """Return start and end, and whether the end is inferred; cached, since many files have the same values."""
    descriptor, level, start, end, no_pointing, no_rotation = said
    pointing, rotation = (None if absent else 0 for absent in (no_pointing, no_rotation))
    last = coverage.end_of(ParsedFileName("", descriptor, "", "", level, start, end, pointing, rotation, None, 0))
    is_open = last == date.max
    return _midnight(start), "" if is_open else _midnight(last), end is None and not is_open


def _rank(row: Row, name: ParsedFileName) -> tuple[int, int]:
    """Return the version of the row or, if it is missing, of the name."""
    major, minor = row.get("major_version"), row.get("minor_version")
    if type(major) is int and type(minor) is int:
        return major, minor
    return 1 if name.major is None else name.major, name.minor


@lru_cache(maxsize=8192)
def _midnight(day: date) -> str:
    return f"{day}T00:00:00.000000000Z"


def _stamp(text: Any) -> str:
    """Return a date of the service as ISO 8601, or an empty text if it is not valid."""
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
    """Return a day, or an empty text if it is not a valid date."""
    try:
        return f"{date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))}"
    except ValueError:
        return ""


def _kernel(row: Row, path: str, bare: str) -> ArchiveFile | None:
    """Return a kernel; its version is taken from its name, since the service does not provide that of all kernels."""
    said = filenames.parse_kernel(bare)
    kind = row.get("kernel_type") or (said and said.kind)
    if not isinstance(kind, str):
        return None
    start, end, inferred = _reach(row)
    version = said.version if said else None
    first = date.fromisoformat(start[:10]) if start else date.min
    shown = "" if version is None else f"v{version:03}"
    extension = bare.rpartition(".")[2]
    name = ParsedFileName("spacecraft", kind, shown, extension, None, first, None, None, None, None, version or 0)
    rank = (1, -1 if version is None else version)
    root = said.root if said else bare
    ingested = _stamp(row.get("ingestion_date"))
    return ArchiveFile(path, name, start, end, inferred, rank, ingested, root, row)


def _reach(row: Row) -> tuple[str, str, bool]:
    """Return the coverage of a kernel, and whether the end is inferred."""
    # The service provides seconds of TDB. The other tables contain the days of the file names, including the last one.
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


_SHOWN = 5
"""The number of names that a sentence lists."""


class IMAPTable(ArchiveTable):
    """
    Files of the IMAP Science Data Center, one in each row.

    The columns ``Extension``, ``Major Version``, ``Minor Version``, ``CRID`` (the identifier of a processing run),
    ``file_path`` and ``url`` are not printed.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> import sunpy_helio_plugins
    >>> query = a.imap.File(), a.Instrument("mag"), a.Level("l2")
    >>> found = Fido.search(a.Time("2026-01-10", "2026-01-10"), *query)["imap"]
    >>> print(found["Descriptor", "Version", "Released"])
    Descriptor  Version  Released
    ---------- --------- --------
      norm-gse v001.0002     True
      norm-rtn v001.0001     True
    """

    hide_keys = ["Extension", "Major Version", "Minor Version", "CRID", "file_path", "url"]
    identity = ("file_path",)
    needed = ("file_path",)
    archive = PROVIDERS[0]

    def to_json(self) -> str:
        """
        Return the files as JSON; ``write("files.csv")`` writes them as CSV.

        Returns
        -------
        str
            A list of objects, one for each file, with all columns by their names. Times are ISO 8601 in UTC, and values
            that the archive does not provide are null.
        """
        columns = {name: _plain(self[name]) for name in self.colnames}
        return json.dumps([dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)])

    def _lineage(self) -> list[Hashable]:
        """Return the name of each file without its version."""
        files = [parse_row({"file_path": str(path)}) for path in self["file_path"]]
        return [str(path) if file is None else file.root for path, file in zip(self["file_path"], files, strict=True)]

    def __str__(self) -> str:
        # Kernels extend to years whose leap seconds are not yet announced.
        with silence.far_years():
            return super().__str__()

    def _repr_html_(self) -> str:
        with silence.far_years():
            return str(super()._repr_html_())


_J2000 = Time("2000-01-01")


def _plain(column: Any) -> list[Any]:
    """Return the values of a column as texts, numbers and booleans, with `None` for those that are masked."""
    if isinstance(column, Time):
        missing = np.broadcast_to(column.mask, column.shape).tolist()
        with silence.far_years():
            known = column.filled(_J2000) if column.masked else column
            stamps = np.asarray(known.utc.strftime("%Y-%m-%dT%H:%M:%S.%f")).tolist()
        return [None if gone else f"{stamp}Z" for stamp, gone in zip(stamps, missing, strict=True)]
    return list(np.ma.asarray(column).tolist())


def from_answers(answers: Iterable[tuple[Query, Sequence[Row]]], client: Any = None, base: str = "") -> IMAPTable:
    """Return the files that match their queries as a table, sorted by start, instrument and path, each file once."""
    strange: set[str] = set()
    answers = list(answers)
    with uncollected():
        # The temporary objects are deleted before the garbage collector runs again.
        files = _chosen(answers, strange)
        queries = [query for query, _ in answers]
        columns = _columns(files, base) | _wanted_columns(queries, files) | _names_of_maps(queries, files)
    table = IMAPTable(columns, client=client)
    table.problems = [f"The name of {path!r} does not follow a convention; it is omitted." for path in sorted(strange)]
    return table


def _chosen(answers: Iterable[tuple[Query, Sequence[Row]]], strange: set[str]) -> list[ArchiveFile]:
    """Return the files that match their queries, each once and in order; collect invalid names in ``strange``."""
    chosen: dict[str, ArchiveFile] = {}
    for query, rows in answers:
        found = [parse_row(row) for row in rows]
        strange.update(row["file_path"] for row, file in zip(rows, found, strict=True) if file is None)
        fulfilling = _fulfilling(query, [file for file in found if file is not None])
        chosen.update({file.path: file for file in fulfilling})
    # Starts have the same length unless they are empty: one text compares faster than three.
    return sorted(chosen.values(), key=lambda file: f"{file.start}{file.name.instrument}/{file.path}")


def describe_unreleased(answers: Iterable[tuple[Query, Sequence[Row]]], table: IMAPTable) -> list[str]:
    """Return the notes of a table on versions that are not public."""
    names = {path.rpartition("/")[2] for path in table["file_path"][~table["Released"].filled(True)]}
    for query, rows in answers:
        if query.released and query.version == "latest":
            files = [file for row in rows if (file := parse_row(row)) is not None]
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
    return [f"{len(names)} {several} not released; older versions, if any, are public: {listed}."]


def _fulfilling(query: Query, files: list[ArchiveFile]) -> list[ArchiveFile]:
    """Return the files that overlap with the query and match it, in the selected versions."""
    found = _within(query, files)
    if query.released is not None:
        found = [file for file in found if (True if file.released is None else file.released) is query.released]
    return _versions(query.version, found)


def _within(query: Query, files: list[ArchiveFile]) -> list[ArchiveFile]:
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
    if query.maps:
        files = [file for file in files if _is_wanted_map(query, file)]
    for one in query.wanted:
        files = [file for file in files if str(file.row.get(one.parameter, one.value)) == str(one.value)]
    return [file for file in files if _is_meant(query, file)] if _is_particular(query) else files


def _is_wanted_map(query: Query, file: ArchiveFile) -> bool:
    alike = any(fnmatchcase(file.name.descriptor, one) for one in query.maps)
    return alike and query.map_name in (None, _map_name(file))


def _map_name(file: ArchiveFile) -> str:
    return coverage.map_name(file.name.start, file.name.descriptor) if file.name.level else ""


def selects(query: Query, file: ArchiveFile) -> bool:
    """Return whether a query selects a file by its name alone; `False` if that cannot be known."""
    return not (query.until or query.since or query.wanted) and bool(_within(query, [file]))


def _is_particular(query: Query) -> bool:
    return any((query.extension, query.name, query.kernel, query.until))


def _is_meant(query: Query, file: ArchiveFile) -> bool:
    return (
        query.extension in (None, file.name.extension)
        and query.name in (None, file.path.rpartition("/")[2])
        and query.kernel in (None, file.name.descriptor)
        and (not query.until or query.since <= file.ingested <= query.until)
    )


def _versions(version: str, files: list[ArchiveFile]) -> list[ArchiveFile]:
    """Return the files in the selected versions."""
    if version == "all":
        return files
    if version == "latest":
        return _latest(files)
    if version.isdigit():
        return [file for file in files if file.rank[0] == int(version)]
    major, _, minor = version[1:].rpartition(".")
    alike = [file for file in files if file.rank[1] == int(minor)]
    return [file for file in alike if file.rank[0] == int(major)] if major else _latest(alike)


def _latest(files: list[ArchiveFile]) -> list[ArchiveFile]:
    best: dict[str, ArchiveFile] = {}
    for file in files:
        known = best.setdefault(file.root, file)
        if file.rank > known.rank:
            best[file.root] = file
    return list(best.values())


def _columns(files: list[ArchiveFile], base: str) -> dict[str, Any]:
    """Return the columns, also for an empty table."""
    names = [file.name for file in files]
    paths = np.array([file.path for file in files], dtype=str)
    elsewhere = any("url" in file.row for file in files)
    stamps = [file.start for file in files], [file.end for file in files], [file.ingested for file in files]
    start, end, ingested = _times(*stamps)
    return {
        **_common_columns(
            start,
            end,
            _few([name.instrument for name in names]),
            np.full(len(names), SOURCES[0]),
            _few(["I-ALiRT" if file.url else PROVIDERS[0] for file in files])
            if elsewhere
            else np.full(len(names), PROVIDERS[0]),
        ),
        "Level": _few([name.level or "" for name in names]),
        "Descriptor": _few([name.descriptor for name in names]),
        "Version": _few([name.version for name in names]),
        "Repointing": _masked([name.repointing for name in names], int),
        "Rotation": _masked([name.rotation for name in names], int),
        "End Inferred": np.array([file.inferred for file in files], dtype=bool),
        "Released": _masked([file.released for file in files], bool),
        "Ingestion Time": _as_column(ingested, "Ingestion Time"),
        "Extension": _few([name.extension for name in names]),
        "Major Version": _masked([file.major for file in files], int),
        "Minor Version": _masked([None if file.rank[1] < 0 else file.rank[1] for file in files], int),
        "CRID": _texts([file.row.get("crid") for file in files]),
        "File Name": np.array([path[path.rfind("/") + 1 :] for path in paths.tolist()], dtype=str),
        "file_path": paths,
        "url": np.array([file.url or _below(base, file.path) for file in files], dtype=str)
        if elsewhere
        else np.char.add(_below(base, ""), paths),
    }


def _wanted_columns(queries: Sequence[Query], files: Sequence[ArchiveFile]) -> dict[str, MaskedColumn]:
    """Return the columns of attrs whose values are sent unchanged, masked if a row does not contain them."""
    named = {one.column: one.parameter for query in queries for one in query.wanted if one.column}
    made = {}
    for column, parameter in named.items():
        made[column] = _texts([file.row.get(parameter) for file in files])
    return made


def _names_of_maps(queries: Sequence[Query], files: Sequence[ArchiveFile]) -> dict[str, MaskedColumn]:
    """Return the column of the mission's names of maps for a search for maps, masked for maps without a name."""
    if not any(query.maps for query in queries):
        return {}
    return {"Map Name": _texts([_map_name(file) or None for file in files])}


def _below(base: str, path: str) -> str:
    return f"{base}/download/{path}"


def _coded(values: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Return the different values, and the index of the value at each position."""
    places = {value: place for place, value in enumerate(dict.fromkeys(values))}
    return list(places), np.fromiter(map(places.__getitem__, values), dtype=np.intp, count=len(values))


def _few(values: Sequence[str]) -> np.ndarray:
    """Return an array of texts of which few are different; a direct conversion is the slowest part of a table."""
    unique, inverse = _coded(values)
    return np.array(unique, dtype=str)[inverse]


def _masked(values: Sequence[Any], kind: type) -> MaskedColumn:
    """Return a column of numbers or booleans; values that the archive does not provide are masked."""
    known = [isinstance(value, int) for value in values]
    if all(known):
        return MaskedColumn(np.array(values, dtype=kind))
    filled = [value if there else 0 for value, there in zip(values, known, strict=True)]
    return MaskedColumn(np.array(filled, dtype=kind), mask=~np.array(known, dtype=bool))


def _texts(values: Sequence[Any]) -> MaskedColumn:
    """Return a column of texts; values that the archive does not provide are masked."""
    missing = np.fromiter((value is None for value in values), dtype=bool, count=len(values))
    if missing.all():
        return MaskedColumn(np.zeros(len(values), dtype="U1"), mask=True)
    return MaskedColumn(_few(["" if value is None else str(value) for value in values]), mask=missing, dtype=str)


def _times(*stamps: Sequence[str]) -> list[Time]:
    """Return several columns of times, masked if they are not known; a time that many files have is converted once."""
    known, inverse = _coded([stamp for column in stamps for stamp in column])
    unique = np.array([stamp.encode("ascii", "replace") for stamp in known], dtype="S30")
    try:
        time = _from_iso(unique, mask=unique == b"")[inverse]
    except ValueError:  # some of them are not times
        time = _from_iso(unique, mask=~np.array(list(map(_is_time, unique)), dtype=bool))[inverse]
    time.format = "iso"
    whole = with_mask(time)
    length = len(stamps[0])
    return [whole[index * length : (index + 1) * length] for index in range(len(stamps))]


def _is_time(stamp: bytes) -> bool:
    try:
        times.from_iso([stamp])
    except ValueError:
        return False
    return True
