"""Find the files of a data set: from a query, rows, paths or a folder, in one version each, or in pinned versions."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import sunpy
from astropy.time import Time
from sunpy.net.attr import Attr

from sunpy_helio_plugins.arguments import is_several, listed, refused
from sunpy_helio_plugins.errors import FileError, QueryError, TransferError, local
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.imap import filenames
from sunpy_helio_plugins.quantities.exact import kept_json
from sunpy_helio_plugins.quantities.times import from_iso
from sunpy_helio_plugins.store.manifest import digest
from sunpy_helio_plugins.store.publish import whole_file

__all__ = ["FileSelection", "select", "write_versions"]

_ALLOWED = "a query, rows of a search, paths of files, or a folder"

_FORMAT = 1


@dataclass
class FileSelection:
    """
    The files of a data set.

    Attributes
    ----------
    paths : list of pathlib.Path
        The files, by their first day.
    ranks : list of tuple
        Major and minor version of each.
    ranges : list of tuple or None
        First and last time of each range of a query; `None` if all records are wanted.
    notes : list of str
        The files that were left out, and what is said about the result of a query.
    """

    paths: list[Path] = field(default_factory=list)
    ranks: list[tuple[int, int]] = field(default_factory=list)
    ranges: list[tuple[Time, Time]] | None = None
    notes: list[str] = field(default_factory=list)


def select(function: str, given: Any, versions: Any) -> FileSelection:
    """Return the files that a user means; ``versions`` is the file of a list of versions, or `None`."""
    pinned = None if versions is None else _Versions.read(inputs.one_path(function, versions))
    made = FileSelection()
    if _is_query(given):
        paths = _of_query(function, inputs.attrs(function, given), pinned, made)
    elif _is_response(given):
        paths = _of_rows(function, given, pinned)
    else:
        paths = _of_paths(function, given)
    if pinned is not None:
        paths = pinned.files(paths)
    _keep_newest(_one_product(function, paths), made)
    return made


def _is_query(given: Any) -> bool:
    if isinstance(given, Attr):
        return True
    return isinstance(given, list | tuple) and any(isinstance(one, Attr) for one in given)


def _is_response(given: Any) -> bool:
    """Return whether an object is a response, a table or a row, or a list of these."""
    if isinstance(given, list | tuple):
        return bool(given) and all(map(_is_response, given))
    return hasattr(given, "colnames") or hasattr(given, "show")


def _of_query(function: str, attrs: Sequence[Attr], pinned: _Versions | None, made: FileSelection) -> list[Path]:
    """Download the files of a query that are not in the tree of the SDC yet; set the ranges of time and the notes."""
    from sunpy_helio_plugins.imap import search, translator
    from sunpy_helio_plugins.imap.client import IMAPClient

    queries = translator.queries(*attrs)
    table = search.find(queries, IMAPClient()) if pinned is None else pinned.table()
    if not len(table):
        raise QueryError(f"{function}: the archive does not contain files of this query.")
    made.notes += [*table.problems, *table.notes]
    if all(one.begin and one.end for one in queries):
        made.ranges = [(from_iso([one.begin])[0], from_iso([one.end])[0]) for one in queries]
    return _fetched(function, table)


def _of_rows(function: str, given: Any, pinned: _Versions | None) -> list[Path]:
    from sunpy_helio_plugins.imap.tables import IMAPTable

    allowed = "rows of a search of IMAP"
    tables = inputs.tables(function, given, IMAPTable, allowed)
    found = []
    for table in tables:
        wanted = [pinned is None or path.rpartition("/")[2] in pinned.digests for path in table["file_path"].tolist()]
        if any(wanted):
            found += _fetched(function, table[wanted])
    if not any(map(len, tables)):
        raise QueryError(f"{function} takes {_ALLOWED}; the table does not have rows.")
    return found


def _fetched(function: str, table: Any) -> list[Path]:
    """Return the files of rows, of which those that are missing are downloaded to the tree of the SDC."""
    from sunpy_helio_plugins.imap.client import IMAPClient
    from sunpy_helio_plugins.transport.files import queue

    names = [path.rpartition("/")[2] for path in table["file_path"].tolist()]
    others = [name for name in names if not name.endswith(".cdf")]
    if others:
        raise QueryError(f"{function} reads CDF files; restrict the search, which also found {listed(others, 3)}.")
    folder = Path(sunpy.config.get("downloads", "download_dir")).expanduser()
    downloader = queue.Downloader(progress=False)
    IMAPClient().fetch(table, path=folder / "{file}", downloader=downloader)
    with queue.downloaded(downloader) as results:
        errors = [str(error.exception) for error in results.errors]
        if errors:
            raise TransferError(
                f"{function}: {len(errors)} of {len(names)} files could not be downloaded: {errors[0]} Complete files "
                "are kept; call it again for the others."
            )
        return [Path(one) for one in results]


def _of_paths(function: str, given: Any) -> list[Path]:
    """Return files; of a folder, all CDF files in it and below it, since the SDC's tree has a folder for each month."""
    if isinstance(given, bytes | bytearray | dict) or not (isinstance(given, str | os.PathLike) or is_several(given)):
        raise refused(function, given, _ALLOWED)
    found: list[Path] = []
    parts = [given] if isinstance(given, str | os.PathLike) else list(given)
    for part in parts:
        path = inputs.one_path(function, part, folder=True) if isinstance(part, str | os.PathLike) else None
        with local(path, "read"):
            is_folder = path is not None and path.is_dir()
        if path is None or not is_folder:
            found += inputs.paths(function, part, (".cdf",))
            continue
        with local(path, "read"):
            inside = sorted(one for one in path.rglob("*.cdf") if not one.name.startswith(".") and one.is_file())
        if not inside:
            raise FileError(f"{path}: this folder does not contain files that end with .cdf.")
        found += inside
    if not found:
        raise refused(function, given, _ALLOWED)
    return found


def _one_product(function: str, paths: Sequence[Path]) -> Sequence[Path]:
    """Raise a `QueryError` if files are of several products, as far as their names tell."""
    parsed = (filenames.parse(path.name) for path in paths)
    known = {(one.instrument, one.level or "", one.descriptor) for one in parsed if one is not None}
    if len(known) > 1:
        names = [" ".join(filter(None, one)) for one in sorted(known)]
        frames = {one[2].split("-")[6] for one in known if one[2].count("-") == 8}
        if len(frames) > 1:
            raise QueryError(
                f"{function} opens maps in one frame, and these are in {listed(sorted(frames))}: restrict the query by "
                "a.imap.Map(coordinates=...), or give the paths of one product; imap.read reads each file."
            )
        raise QueryError(
            f"{function} opens the files of one product, and these are of {len(known)}: {listed(names)}. Restrict the "
            "query by a.imap.Descriptor, or give the paths of one."
        )
    return paths


class _Named(NamedTuple):
    """A file with its first day, its name without the version, and its version."""

    day: str
    root: str
    rank: tuple[int, int]
    path: Path

    @classmethod
    def of(cls, path: Path) -> _Named:
        """Return a file; one with another name is not a version of others."""
        found = filenames.parse(path.name)
        if found is None:
            return cls("", str(path), (0, 0), path)
        rank = 1 if found.major is None else found.major, found.minor
        return cls(str(found.start), path.name[: path.name.rindex("_")], rank, path)


def _keep_newest(paths: Sequence[Path], made: FileSelection) -> None:
    """Set the newest version of each file, in the order of their first day; other versions are noted."""
    best: dict[str, _Named] = {}
    for one in map(_Named.of, dict.fromkeys(paths)):
        known = best.setdefault(one.root, one)
        if known is one:
            continue
        newer, older = (one, known) if one.rank > known.rank else (known, one)
        best[one.root] = newer
        reason = "is a newer version" if newer.rank > older.rank else f"is also in {newer.path.parent}"
        made.notes.append(f"{older.path} was left out: {newer.path.name} {reason}.")
    order = sorted(best.values(), key=lambda one: one.day)
    made.paths, made.ranks = [one.path for one in order], [one.rank for one in order]


class _Versions:
    """A list of files with their digests."""

    def __init__(self, path: Path, digests: dict[str, str]) -> None:
        self.path, self.digests = path, digests

    @classmethod
    def read(cls, path: Path) -> _Versions:
        """Read a list that `write_versions` wrote; raise a `FileError` if it is damaged."""
        with local(path, "read"):
            content = path.read_bytes()
        try:
            said = kept_json(content)
            digests = {str(one["name"]): str(one["sha256"]) for one in said["files"]}
            version = said["version"]
        except (ValueError, TypeError, KeyError) as error:
            raise FileError(
                f"{path} is not a list of versions ({type(error).__name__}): write one with the lock method of an "
                "opened data set."
            ) from error
        if version != _FORMAT or not digests:
            raise FileError(f"{path} is a list of versions of another form, {version!r}: write it again.")
        return cls(path, digests)

    def table(self) -> Any:
        """Return the files as rows of a search."""
        from sunpy_helio_plugins.imap import tables
        from sunpy_helio_plugins.imap.client import IMAPClient
        from sunpy_helio_plugins.imap.query import Query

        keys = {name: filenames.key_of(name) for name in self.digests}
        odd = [name for name, key in keys.items() if key is None]
        if odd:
            raise FileError(f"{self.path} contains {odd[0]!r}, which the archive cannot have: open the files by path.")
        return tables.from_answers([(Query(), [{"file_path": key} for key in keys.values()])], client=IMAPClient())

    def files(self, paths: Iterable[Path]) -> list[Path]:
        """Return the files of the list; raise a `FileError` if one is missing or has another content."""
        found: dict[str, Path] = {}
        for path in paths:
            if path.name in self.digests:
                found.setdefault(path.name, path)
        missing = [name for name in self.digests if name not in found]
        if missing:
            raise FileError(
                f"{self.path} lists {len(missing)} files that are not among the given ones: {listed(missing, 3)}. Give "
                "a query, which downloads them."
            )
        for name, path in found.items():
            with local(path, "read"):
                own = digest(path)
            if own != self.digests[name]:
                raise FileError(
                    f"{path} is not the file that {self.path} lists: its SHA-256 begins with {own[:12]} and not with "
                    f"{self.digests[name][:12]}. Download it again, or write the list again."
                )
        return list(found.values())


def write_versions(paths: Iterable[Path], target: Path, overwrite: bool) -> None:
    """Write the list of files with their digests."""
    files = []
    for path in paths:
        with local(path, "read"):
            files.append({"name": path.name, "sha256": digest(path)})
    text = json.dumps({"version": _FORMAT, "files": files}, indent=1)
    with whole_file(target, overwrite=overwrite) as stream:
        stream.write(f"{text}\n".encode())
