"""One run of one query: what is missing is downloaded, what is old is told, and what the plan says is deleted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import astropy.units as u
from astropy.time import Time

from sunpy_helio_plugins.errors import DiskError, Problem, QueryError, local
from sunpy_helio_plugins.hapi.records.file import NoRecordsError
from sunpy_helio_plugins.io.queries import stored
from sunpy_helio_plugins.mirrors import products
from sunpy_helio_plugins.mirrors.copies import Copy, Listing, listing, overlaps, stamp
from sunpy_helio_plugins.mirrors.plan import PlannedQuery
from sunpy_helio_plugins.mirrors.report import QueryReport
from sunpy_helio_plugins.mirrors.verdicts import Checks
from sunpy_helio_plugins.store.manifest import (
    Entry,
    Manifest,
    Section,
    digest,
    entry,
    load,
    short_digest,
    update,
)
from sunpy_helio_plugins.store.publish import make_folder
from sunpy_helio_plugins.transport.files import queue

__all__ = ["MANIFEST", "QueryRun"]

MANIFEST = ".mirror-manifest.json"
"""The name of the manifest in the folder of a query."""

_AT_ONCE = 100
"""The smallest number of files that are downloaded between two updates of the manifest; more for a long manifest."""

_SETTLED = 2 * u.day
"""The time after the end of a range in which servers may still add records of it."""

_SURELY_SETTLED = timedelta(days=3)
"""A difference of dates after which times need not be compared."""

_ASK_AGAIN = 1 * u.day
"""The time after which a range without records is asked for again."""


@dataclass
class QueryRun:
    """The state of a run."""

    query: PlannedQuery
    folder: Path
    now: Time
    report: QueryReport
    is_dry: bool = False
    progress: bool = False
    _roots: set[Any] | None = None
    _lost: set[str] = field(default_factory=set)

    @property
    def path(self) -> Path:
        """The path of the manifest."""
        return self.folder / MANIFEST

    def run(self) -> None:
        """Run the query; an error that ends it is raised after the manifest was written."""
        with local(self.folder, "read"):
            if self.folder.exists() and not self.folder.is_dir():
                name = self.query.name
                text = f"{self.folder} is a file, but the query {name!r} needs a folder of this name"
                raise QueryError(f"{text}; give the mirror another folder, or the query another name.")
        manifest = load(self.path)
        listed = listing(self.query, self.folder, self.now)
        self.report.errors += [Problem.of(one, listed.table.archive) for one in listed.table.problems]
        self.report.notes += [str(note) for note in listed.table.notes]
        with local(self.folder, "read"):
            wanted, adopted = self._compared(self._retained(listed.copies), manifest)
        if self.is_dry:
            self._foresee(wanted, listed, manifest)
            return
        make_folder(self.folder)
        manifest = self._begun(manifest, wanted, adopted)
        manifest = self._fetched_all(wanted, manifest, listed.table.archive)
        manifest = self._classified(listed, manifest)
        manifest = self._made(listed, manifest)
        manifest = self._deleted(manifest, listed)
        update(self.path, lambda known: self._with(known, {}, pending=()))

    @cached_property
    def product(self) -> str:
        """The digest of the query without its time range."""
        return short_digest(" ".join((self.query.archive, *sorted(repr(stored(attr)) for attr in self.query.attrs))))

    def _noted(self, one: Copy, known: Entry, **more: Any) -> Entry:
        """Return an entry of the manifest for a file of this query, with the time at which the run began."""
        return one.noted(known) | {"query": self.product, "time": self.now.isot} | more

    def _section(self, files: Iterable[str] = (), pending: Iterable[str] = ()) -> Section:
        nodes = [stored(self.query.query(self.now))]
        return Section(self.query.name, self.product, frozenset(files), frozenset(pending), nodes)

    def _with(self, known: Manifest, fresh: dict[str, Entry], pending: Iterable[str] | None = None) -> Manifest:
        """Return the manifest with more files; ``pending`` replaces the names of those that are being written."""
        before = known.section(self.query.name).pending
        return known.merged(fresh, self._section(fresh, before - set(fresh) if pending is None else pending))

    def _retained(self, copies: Sequence[Copy]) -> list[Copy]:
        """Return the files that the retention would not delete at once."""
        found = [one for one in copies if not self.query.keep or not one.end or one.end >= self._oldest]
        if self.query.keep_files:
            found = sorted(
                sorted(found, key=lambda one: _age(one.start))[: self.query.keep_files], key=lambda one: one.row
            )
        return found

    @property
    def _oldest(self) -> str:
        return stamp(self.now - self.query.keep * u.s)

    def _compared(self, copies: Iterable[Copy], manifest: Manifest) -> tuple[list[Copy], dict[str, Entry]]:
        """Return the files to download, and the entries of files that a killed run or somebody else left."""
        wanted: list[Copy] = []
        adopted: dict[str, Entry] = {}
        pending = manifest.section(self.query.name).pending
        for one in copies:
            known, exists = manifest.files.get(one.key), one.place.is_file()
            is_own = one.key in pending if known is None else known.get("own", False)
            is_lost = known is not None and not known.get("empty") and self._checks.is_lost(one.place, known)
            self._lost |= {one.key} if is_lost else set()
            if known is not None and self._is_current(one, known, is_lost):
                self.report.kept += [one.place] if exists else []
            elif known is None and exists and _is_complete(one):
                made = entry(one.place)
                adopted[one.key] = self._noted(one, made, own=is_own, time=min(self.now.isot, _changed(one.place)))
                self.report.kept.append(one.place)
            elif is_own or not exists:
                wanted.append(one)
            else:
                text = f"{one.place} is a file of yours, and not that of the archive; move it to get that one."
                self.report.errors.append(Problem(text, "data"))
        return wanted, adopted

    @cached_property
    def _checks(self) -> Checks:
        return Checks(self.folder)

    def _is_current(self, one: Copy, known: Entry, is_lost: bool) -> bool:
        """Return whether a file is that of the archive, according to the manifest."""
        if known.get("mark", "") != one.mark or str(known.get("time", "")) < one.until:
            return False
        if one.settles and self._may_have_grown(one, str(known["time"])):
            return False
        if known.get("empty"):
            return str(known.get("time", "")) > stamp(self.now - _ASK_AGAIN)
        return not is_lost

    def _may_have_grown(self, one: Copy, downloaded: str) -> bool:
        """Return whether the age of a range has doubled since it was downloaded, and records may have been added."""
        if downloaded[:10] > (date.fromisoformat(one.until[:10]) + _SURELY_SETTLED).isoformat():
            return False
        end = Time(one.until, scale="utc")
        before, age = Time(downloaded, scale="utc") - end, self.now - end
        # A little less than twice, since runs of a timer do not begin at exact times.
        return bool(before < _SETTLED and age >= 1.9 * before)

    def _foresee(self, wanted: Sequence[Copy], listed: Listing, manifest: Manifest) -> None:
        """Report what a run would do."""
        for one in wanted:
            is_repaired = one.key in self._lost and manifest.files[one.key].get("mark", "") == one.mark
            self._list_of(one, manifest, is_repaired).append(one.place)
        expected = manifest.merged({one.key: self._noted(one, {}) for one in wanted}, self._section())
        self._report_old(listed, expected, lambda one: True)
        self.report.deleted += [self.folder / key for key in self._deletable(manifest, listed)]

    def _begun(self, manifest: Manifest, wanted: Sequence[Copy], adopted: dict[str, Entry]) -> Manifest:
        """Note which files are about to be written, so that they are known as own ones after a kill."""
        pending = {one.key for one in wanted if one.key not in manifest.files}
        section = manifest.section(self.query.name)
        if not (adopted or wanted or section.pending) and self.query.name in manifest.sections:
            return manifest
        return update(self.path, lambda known: self._with(known, adopted, pending | section.pending - set(adopted)))

    def _fetched_all(self, wanted: Sequence[Copy], manifest: Manifest, archive: str) -> Manifest:
        """Download the files in batches; after a batch of which nothing came, the others wait for the next run."""
        start, step = 0, max(_AT_ONCE, len(manifest.files) // 10)
        while start < len(wanted):
            batch, before = wanted[start : start + step], len(self.report.errors)
            manifest = self._fetched(batch, manifest, archive)
            start += step
            left = len(wanted) - start
            if len(self.report.errors) - before == len(batch) and left > 0:
                text = f"{left} more files are not requested in this run, since none of {len(batch)} came."
                self.report.errors.append(Problem(text, "transfer", archive))
                break
        return manifest

    def _fetched(self, batch: Sequence[Copy], manifest: Manifest, archive: str) -> Manifest:
        """Download some files, and note them in the manifest."""
        downloader = queue.Downloader(progress=self.progress, overwrite=True)
        queue.enqueue(downloader, [one.download for one in batch], True)
        with queue.downloaded(downloader) as results:
            failed = {_target(error): error.exception for error in results.errors}
            fresh = self._received(batch, set(map(Path, results)), failed, manifest, archive)
            return update(self.path, lambda known: self._with(known, fresh))

    def _received(
        self,
        batch: Sequence[Copy],
        came: Collection[Path],
        failed: Mapping[Path | None, Exception],
        manifest: Manifest,
        archive: str,
    ) -> dict[str, Entry]:
        """Report downloaded and failed files, and return the entries of those that can be noted."""
        fresh: dict[str, Entry] = {}
        for one in batch:
            error = failed.get(one.place)
            if one.place in came:
                fresh[one.key] = self._noted(one, entry(one.place), own=True)
                self._sort(one, fresh[one.key], manifest)
            elif isinstance(error, NoRecordsError):
                if one.place.is_file():  # the archive had records before: the copy may be the last one
                    fresh[one.key] = self._noted(one, manifest.files.get(one.key) or {})
                    self.report.kept.append(one.place)
                else:
                    fresh[one.key] = self._noted(one, {}, empty=True)
            elif error is not None:
                self.report.errors.append(Problem(str(error), "transfer", archive))
        left = sum(one.place not in came and one.place not in failed for one in batch)
        if left:
            text = f"{left} file{'s were' if left > 1 else ' was'} not requested before the interrupt."
            self.report.errors.append(Problem(text, "transfer", archive))
        return fresh

    def _sort(self, one: Copy, made: Entry, manifest: Manifest) -> None:
        """Report a downloaded file as new, revised, repaired, or the same as before."""
        before = manifest.files.get(one.key)
        is_same = before is not None and before.get("sha256") == made["sha256"]
        if is_same and one.key not in self._lost:
            self.report.kept.append(one.place)
        else:
            self._list_of(one, manifest, is_same).append(one.place)

    def _list_of(self, one: Copy, manifest: Manifest, is_same: bool) -> list[Path]:
        """Return the list of the report for a download, which may have the content of the manifest."""
        if is_same:
            return self.report.repaired
        return self.report.revised if self._replaces(one, manifest) else self.report.new

    def _replaces(self, one: Copy, manifest: Manifest) -> bool:
        """Return whether a version of the file was there before the run."""
        if self._roots is None:
            self._roots = {known.get("root") for known in manifest.files.values() if not known.get("empty")}
        return one.root in self._roots

    def _classified(self, listed: Listing, manifest: Manifest) -> Manifest:
        """Report files of earlier runs that the archive did not list, and note which are withdrawn."""
        withdrawn = self._report_old(listed, manifest, lambda one: one.place.is_file())
        changed = {key: manifest.files[key] | {"withdrawn": self.now.isot} for key in withdrawn}
        for key in {one.key for one in listed.copies} & manifest.files.keys():
            known = manifest.files[key]
            again = {name: value for name, value in known.items() if name != "withdrawn"} | {"query": self.product}
            changed |= {key: again} if again != known else {}
        return update(self.path, lambda known: self._with(known, changed)) if changed else manifest

    def _report_old(self, listed: Listing, manifest: Manifest, is_here: Any) -> list[str]:
        """Report the files that are not listed, by the reason, and return those that are withdrawn."""
        newest, here = _newest(listed.copies), _newest(filter(is_here, listed.copies))
        keys = {one.key for one in listed.copies}
        withdrawn: list[str] = []
        for place, key, known in self._old(manifest, keys):
            if self._checks.is_lost(place, known):
                text = f"{place} was cut, damaged or changed; this query does not download it any more."
                self.report.notes.append(text)
            root, rank = str(known.get("root", "")), known.get("rank", [])
            if root in here and here[root] >= rank:
                self.report.superseded.append(place)
            elif root in newest and newest[root] >= rank:
                continue  # the newer version could not be downloaded
            elif known.get("withdrawn"):
                self.report.withdrawn.append(place)
            elif self._is_selected(known, listed):
                # If a part of the list is missing, nothing is known.
                withdrawn += [key] if listed.is_complete else []
                self.report.withdrawn += [place] if listed.is_complete else []
            else:
                self.report.outside.append(place)
        return withdrawn

    def _is_selected(self, known: Entry, listed: Listing) -> bool:
        """Return whether the query selects a file by its time; samples select the nearest images only."""
        is_same = known.get("query") == self.product and not self.query.is_sampled
        return is_same and overlaps(known, listed.span)

    def _old(self, manifest: Manifest, listed: set[str]) -> Iterator[tuple[Path, str, Entry]]:
        for key, known in sorted(manifest.files.items()):
            if key not in listed and not known.get("product") and not known.get("empty"):
                place = self.folder / key
                if place.is_file():
                    yield place, key, known

    def _made(self, listed: Listing, manifest: Manifest) -> Manifest:
        """Write the daily tables and pictures that are missing or out of date."""
        if not self.query.table and not self.query.picture:
            return manifest
        made = products.update(self.query, self.folder, listed, manifest, self._checks)
        self.report.errors += made.problems
        self.report.products += [self.folder / key for key in made.entries]
        return update(self.path, lambda known: self._with(known, made.entries)) if made.entries else manifest

    def _deletable(self, manifest: Manifest, listed: Listing) -> list[str]:
        """Return the files that the plan says to delete; never those that the archive withdrew."""
        own = {key: one for key, one in manifest.files.items()
               if one.get("own") and not one.get("withdrawn") and not one.get("empty")}  # fmt: skip
        found: set[str] = set()
        if self.query.keep:
            found |= {key for key, one in own.items() if one.get("end") and one["end"] < self._oldest}
        if self.query.keep_files:
            kept = {one.key for one in self._retained(listed.copies)}
            data = [key for key, one in own.items() if not one.get("product")]
            newest = sorted(data, key=lambda key: (key not in kept, _age(str(own[key].get("start", "")))))
            found |= set(newest[self.query.keep_files :])
        for kind in self.query.delete:
            found |= {place.relative_to(self.folder).as_posix() for place in getattr(self.report, kind)} & own.keys()
        withdrawn = {place.relative_to(self.folder).as_posix() for place in self.report.withdrawn}
        return sorted(found - withdrawn)

    def _is_deleted(self, key: str, known: Entry) -> bool:
        """Delete a file; return whether it is gone."""
        place = self.folder / key
        try:
            with local(place, "deleted"):
                if not place.is_file():
                    return True
                if place.stat().st_size != known.get("size") or digest(place) != known.get("sha256"):
                    self.report.notes.append(f"{place} was changed since it was downloaded; it is not deleted.")
                    return False
                place.unlink()
        except DiskError as error:
            self.report.errors.append(Problem.of_error(error))
            return False
        self.report.deleted.append(place)
        return True

    def _deleted(self, manifest: Manifest, listed: Listing) -> Manifest:
        """Delete what the plan says, if it is still what the mirror wrote."""
        gone = [key for key in self._deletable(manifest, listed) if self._is_deleted(key, manifest.files[key])]
        deleted = set(self.report.deleted)
        for name in ("superseded", "outside", "kept"):
            setattr(self.report, name, [place for place in getattr(self.report, name) if place not in deleted])
        return update(self.path, lambda known: known.without(gone)) if gone else manifest


def _is_complete(one: Copy) -> bool:
    """Return whether an existing file is that of the archive, as far as its content shows."""
    return one.download.is_complete is None or one.download.is_complete(one.place)


def _changed(place: Path) -> str:
    """Return the time of the last change of a file."""
    return stamp(Time(place.stat().st_mtime, format="unix"))


def _age(start: str) -> tuple[bool, list[int]]:
    """Return a key that sorts the newest file first, and files without times last."""
    return not start, [-ord(char) for char in start]


def _newest(copies: Iterable[Copy]) -> dict[str, list[Any]]:
    """Return the highest version of each file."""
    found: dict[str, list[Any]] = {}
    for one in copies:
        found[one.root] = max(found.get(one.root, one.rank), one.rank)
    return found


def _target(error: Any) -> Path | None:
    found = getattr(error.filepath_partial, "download", None)
    return None if found is None else found.target
