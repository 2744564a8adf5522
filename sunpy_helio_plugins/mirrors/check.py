"""
Check what is in a folder: the structure of its files, the digests of its manifests, and the archives' own answers.

The verdicts are appended to a file in the folder as they are made: a check that was interrupted continues, and the next
one skips files that have not changed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sunpy_helio_plugins.arguments import FLAG, Kind, one_path, optional, taking
from sunpy_helio_plugins.errors import DiskError, FileError, HelioPluginsError, Problem, QueryError, local
from sunpy_helio_plugins.mirrors import file_checks
from sunpy_helio_plugins.mirrors.archive_answers import Answers
from sunpy_helio_plugins.mirrors.verdicts import VERDICTS, Verdicts
from sunpy_helio_plugins.store import answers as cache
from sunpy_helio_plugins.store.manifest import Entry, Manifest, digest, load
from sunpy_helio_plugins.store.publish import is_in_use

__all__ = ["FolderCheck", "check_cache", "check_folder"]

VERSION = 1
"""The version of the JSON of a check; it changes if a key is removed or changes its meaning."""

_LISTS = ("damaged", "changed", "missing", "outdated", "withdrawn", "unjudged", "parts")


@dataclass
class FolderCheck:
    """
    The result of `check_folder`.

    Attributes
    ----------
    folder : pathlib.Path
        The folder.
    whole : list of pathlib.Path
        Complete files, whose digests are those of a manifest if there is one.
    damaged : dict of str
        Damaged files, each with the reason.
    changed : list of pathlib.Path
        Files whose content is not that of a manifest or of an earlier check, although their structure is complete.
    missing : list of pathlib.Path
        Files of a manifest that do not exist.
    outdated : list of pathlib.Path
        Files of which the archive has another revision; only if it was asked.
    withdrawn : list of pathlib.Path
        Files that the archive does not list any more; only if it was asked.
    unjudged : list of pathlib.Path
        Files of other kinds, without a digest in a manifest; pipes, devices, and links that leave the folder.
    parts : list of pathlib.Path
        Part files of runs that were killed.
    skipped : int
        The number of files that were judged by an earlier check and have not changed; they are in the lists as well.
    errors : list of Problem
        Files and manifests that cannot be read, and archives that did not answer.
    notes : list of str
        Remarks.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import check_folder, imap
    >>> run = imap.sync((a.Time("2026-01-10", "2026-01-11"), a.Instrument("mag"), a.Level("l2")), "copy")
    >>> checked = check_folder("copy")
    >>> checked.damaged, checked.missing
    ({}, [])
    """

    folder: Path
    whole: list[Path] = field(default_factory=list)
    damaged: dict[Path, str] = field(default_factory=dict)
    changed: list[Path] = field(default_factory=list)
    missing: list[Path] = field(default_factory=list)
    outdated: list[Path] = field(default_factory=list)
    withdrawn: list[Path] = field(default_factory=list)
    unjudged: list[Path] = field(default_factory=list)
    parts: list[Path] = field(default_factory=list)
    skipped: int = 0
    errors: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<FolderCheck: {self.summary}>"

    @property
    def problems(self) -> list[Problem]:
        """What is wrong, as sentences: damaged, changed, missing and outdated files, and errors."""
        found = [f"{path} is damaged: {reason}" for path, reason in self.damaged.items()]
        found += [f"{path} was changed: its digest differs from that noted before." for path in self.changed]
        found += [f"{path} is missing: the manifest lists it." for path in self.missing]
        found += [f"{path} is outdated: the archive has another revision." for path in self.outdated]
        return [*(Problem(one, "data") for one in found), *self.errors]

    @property
    def code(self) -> int:
        """The exit code: 0 if everything is whole, else 1."""
        return 1 if self.problems else 0

    @property
    def summary(self) -> str:
        """The counts in one line."""
        counts = {name: len(getattr(self, name)) for name in ("whole", *_LISTS)}
        names = {"parts": f"part file{'s' * (len(self.parts) != 1)}"}
        told = [f"{count} {names.get(name, name)}" for name, count in counts.items() if count]
        told += [f"{len(self.errors)} error{'s' * (len(self.errors) != 1)}"] if self.errors else []
        word = "is not whole" if self.code else "is whole"
        return f"Folder {self.folder} {word}: {', '.join(told) or 'no files'} ({self.skipped} judged before)"

    def plain(self) -> dict[str, Any]:
        """
        Return the result as JSON.

        Returns
        -------
        dict
            ``"version"``, ``"code"``, ``"folder"``, the number of whole files, and the other files by verdict.
        """
        made: dict[str, Any] = {"version": VERSION, "code": self.code, "folder": str(self.folder)}
        made |= {"whole": len(self.whole), "skipped": self.skipped}
        made |= {name: [str(path) for path in getattr(self, name)] for name in _LISTS}
        made["damaged"] = {str(path): reason for path, reason in self.damaged.items()}
        return made | {"errors": [one.stored() for one in self.errors], "notes": self.notes}


def _function(given: Any) -> Any:
    if not callable(given) or isinstance(given, type):
        raise TypeError
    return given


@taking("check_folder", ask=FLAG, again=FLAG, told=optional(Kind("a function of a path", _function)))
def check_folder(
    path: str | Path, *, ask: bool = False, again: bool = False, told: Callable[[Path], object] | None = None
) -> FolderCheck:
    """
    Judge the files in a folder and below it again.

    HAPI records, CDF, JPEG 2000, VOEvent documents and the other kinds of files of the archives are judged by their
    structure, and files of a mirror or of ``imap.sync`` also by the digests of its manifest. No file is changed or
    removed. Only regular files are read, and links that leave the folder are not followed.

    Parameters
    ----------
    path : str or pathlib.Path
        The folder.
    ask : bool, optional
        Whether to ask the archives for the revisions of files in manifests. Defaults to no request at all.
    again : bool, optional
        Whether to judge all files. By default those whose size, time of modification and digest are those of an earlier
        check are not read.
    told : callable, optional
        Called with the path of each file before it is judged, for a display of the progress.

    Returns
    -------
    FolderCheck
        The files by verdict.

    Raises
    ------
    QueryError
        The path is not that of a folder.
    DiskError
        The folder does not exist or cannot be read.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import check_folder, imap
    >>> run = imap.sync((a.Time("2026-01-10", "2026-01-11"), a.Instrument("mag"), a.Level("l2")), "copy")
    >>> check_folder("copy")
    <FolderCheck: Folder copy is whole: 4 whole (0 judged before)>
    """
    folder = one_path("check_folder", path, folder=True)
    with local(folder, "read"):
        if not folder.is_dir():
            if folder.exists():
                raise QueryError(f"check_folder requires a folder, but {folder} is a file.")
            os.stat(folder)
        os.scandir(folder).close()
    found = FolderCheck(folder)
    check = _Check(found, Verdicts(folder / VERDICTS), again)
    try:
        check.run(told)
    finally:
        check.verdicts.close()
    if ask:
        _ask(found, check.manifests)
    return found


def check_cache() -> FolderCheck:
    """
    Judge the cache of metadata: the structure of its database, and the checksum of each entry.

    Returns
    -------
    FolderCheck
        The database as a whole or damaged file. Damaged entries are never used; ``astropy.utils.data`` and others have
        caches of their own.

    Examples
    --------
    >>> from sunpy_helio_plugins.mirrors import check_cache
    >>> check_cache().damaged
    {}
    """
    place, count, lost = cache.check()
    found = FolderCheck(place.parent)
    if place.exists():
        found.notes.append(f"The cache of metadata has {count} entries.")
        if lost:
            found.damaged[place] = "; ".join(lost)
        else:
            found.whole.append(place)
    return found


@dataclass
class _Check:
    """One check: the result, the verdicts of earlier ones, and the manifests that were found."""

    found: FolderCheck
    verdicts: Verdicts
    again: bool
    manifests: dict[Path, Manifest] = field(default_factory=dict)

    def run(self, told: Callable[[Path], object] | None) -> None:
        """Judge all files."""
        files = list(_files(self.found))
        for place in files:
            if place.name.endswith("-manifest.json") and place.name.startswith("."):
                self._read(place)
        known = {folder / key: one for folder, made in self.manifests.items() for key, one in made.files.items()}
        self.found.parts += [place for place in files if _is_left(place)]
        for place in files:
            if not place.name.startswith("."):
                if told is not None:
                    told(place)
                self._judge(place, known.get(place, {}))
        here = set(files)
        self.found.missing += [
            place
            for place, one in known.items()
            if place not in here and not one.get("empty") and not place.is_symlink()
        ]

    def _read(self, place: Path) -> None:
        try:
            self.manifests[place.parent] = load(place)
        except HelioPluginsError as error:
            self.found.errors.append(Problem.of_error(error))

    def _judge(self, place: Path, known: Entry) -> None:
        """Judge one file, and note the verdict."""
        key = place.relative_to(self.found.folder).as_posix()
        try:
            with local(place, "read"):
                state = place.stat()
                same = self.verdicts.of(key, state)
                is_known = bool(same) and not same.get("recent") and not self.again
                if is_known and known.get("sha256") in (None, same.get("sha256")):
                    self.found.skipped += 1
                    verdict = same
                else:
                    verdict = _verdict(place, known, {} if same.get("recent") else same)
                    self.verdicts.add(key, state, verdict)
        except DiskError as error:
            self.found.errors.append(Problem.of_error(error))
            return
        self._sort(place, verdict)

    def _sort(self, place: Path, verdict: Mapping[str, Any]) -> None:
        word = verdict.get("verdict")
        if word == "damaged":
            self.found.damaged[place] = str(verdict.get("reason", ""))
        else:
            {"whole": self.found.whole, "changed": self.found.changed}.get(str(word), self.found.unjudged).append(place)


def _is_left(place: Path) -> bool:
    """Return whether a file is a part file without a running process."""
    if not place.name.startswith(".") or place.suffix != ".part":
        return False
    try:
        return not is_in_use(place)
    except OSError:
        return False


def _files(found: FolderCheck) -> Iterator[Path]:
    """Yield the regular files in the folder and below it in the order of their names, and note what is not judged."""

    def fail(error: OSError) -> None:
        path = error.filename
        found.errors.append(Problem(f"{path} cannot be read: {error.strerror}.", "data"))

    real = os.path.realpath(found.folder)
    for top, folders, names in os.walk(found.folder, onerror=fail):
        folders.sort()
        links = [name for name in folders if os.path.islink(os.path.join(top, name))]
        for place in [Path(top, name) for name in sorted((*names, *links))]:
            if place.name == VERDICTS or place.name.endswith(".lock"):
                continue
            kind = _other_kind(place, real)
            if kind:
                found.unjudged.append(place)
                found.notes.append(f"{place} is {kind}: it is not judged.")
            else:
                yield place


_KINDS: dict[Callable[[int], bool], str] = {
    stat.S_ISREG: "", stat.S_ISDIR: "a link to a folder", stat.S_ISFIFO: "a named pipe", stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device", stat.S_ISBLK: "a device",
}  # fmt: skip


def _other_kind(place: Path, folder: str) -> str:
    """Return what a path is if it is not a regular file in the folder; empty if it cannot be found out, too."""
    if place.is_symlink() and not Path(os.path.realpath(place)).is_relative_to(folder):
        return "a link that leaves the folder"
    try:
        mode = place.stat().st_mode
    except OSError:
        return ""  # told when it is read
    return next((name for test, name in _KINDS.items() if test(mode)), "not a regular file")


def _verdict(place: Path, known: Entry, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the verdict on a file that is read."""
    content = digest(place)
    # The noted digest stays, so that the next check says the same.
    noted = known.get("sha256") or before.get("sha256")
    try:
        is_judged = file_checks.check(place)
    except DiskError:
        raise
    except FileError as error:
        return {"sha256": noted or content, "verdict": "damaged", "reason": str(error)}
    if noted is not None and noted != content:
        return {"sha256": noted, "verdict": "changed"}
    return {"sha256": content, "verdict": "whole" if is_judged or known.get("sha256") else "unjudged"}


def _ask(found: FolderCheck, manifests: Mapping[Path, Manifest]) -> None:
    """Ask the archives of all queries in manifests for the revisions of the files."""
    for folder, manifest in manifests.items():
        for section in manifest.sections.values():
            told = Answers(folder, manifest, section)
            if section.query is None:
                found.notes.append(f"{folder}: the manifest does not have the query, so that the archive is not asked.")
                continue
            try:
                told.ask()
            except HelioPluginsError as error:
                found.errors.append(Problem.of_error(error))
            found.errors += told.problems
            found.outdated += [place for place in told.outdated if place not in found.outdated]
            found.withdrawn += [place for place in told.withdrawn if place not in found.withdrawn]
