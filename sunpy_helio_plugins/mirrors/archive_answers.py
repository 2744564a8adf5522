"""What an archive answers now to the query of a manifest, compared with the files of the manifest."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sunpy.net import attrs as a
from sunpy.net.attr import Attr

from sunpy_helio_plugins.errors import FileError, Problem, reported
from sunpy_helio_plugins.fido.attrs import branches
from sunpy_helio_plugins.io.queries import query_of
from sunpy_helio_plugins.mirrors.copies import Described, described, overlaps, stamp
from sunpy_helio_plugins.mirrors.plan_attrs import ARCHIVES, archive_named
from sunpy_helio_plugins.store.manifest import Entry, Manifest, Section

__all__ = ["Answers"]


@dataclass
class Answers:
    """
    The answer of an archive to the query of a section.

    Attributes
    ----------
    folder : pathlib.Path
        The folder of the manifest.
    manifest, section : Manifest, Section
        The manifest, and its query.
    outdated, withdrawn : list of pathlib.Path
        Files of which the archive has another revision, and those that it does not list.
    problems : list of Problem
        Missing parts of the answer.
    """

    folder: Path
    manifest: Manifest
    section: Section
    outdated: list[Path] = field(default_factory=list)
    withdrawn: list[Path] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def ask(self) -> None:
        """Search again with the query of the section, and compare the revisions."""
        from sunpy_helio_plugins import her, imap  # noqa: F401 - their attrs can be read from the manifest

        query = query_of(self.section.query or ())
        archive, span = _archive(query), _span(query)
        is_sampled = any(isinstance(attr, a.Sample) for branch in branches(query) for attr in branch)
        with reported():
            table = archive_named(archive).client().search(query)
        self.problems += [Problem.of(one, table.archive) for one in table.problems]
        listed: dict[str, list[Described]] = {}
        for one in filter(None, described(archive, table)):
            listed.setdefault(one.root, []).append(one)
        for key in sorted(self.section.files & self.manifest.files.keys()):
            known = _with_identity(key, self.manifest.files[key])
            if not known.get("root") or not (self.folder / key).is_file():
                continue
            found = listed.get(str(known["root"]))
            if found is None:
                # Files that have left the range of the query are not listed, either.
                is_gone = not table.problems and not is_sampled and overlaps(known, span)
                self.withdrawn += [self.folder / key] if is_gone else []
            elif not any(_is_same(one, known) for one in found):
                self.outdated.append(self.folder / key)


def _with_identity(key: str, known: Entry) -> Entry:
    """Return an entry with the archive's terms, which those of ``imap.sync`` do not have."""
    if known.get("root") or known.get("product"):
        return known
    from sunpy_helio_plugins.imap import tables

    file = tables.parse_row({"file_path": key})
    if file is None:
        return known
    return known | {"root": file.root, "rank": list(file.rank), "start": file.start[:23], "end": file.end[:23]}


def _is_same(one: Described, known: Entry) -> bool:
    """Return whether the archive has the revision of an entry."""
    return one.rank == known.get("rank", []) and known.get("mark", "") in ("", one.mark)


def _span(query: Attr) -> tuple[str, str]:
    """Return the time range of a query."""
    times = [attr for branch in branches(query) for attr in branch if isinstance(attr, a.Time)]
    if not times:
        return "", "9999"
    return min(stamp(one.start) for one in times), max(stamp(one.end) for one in times)


def _archive(query: Attr) -> str:
    """Return the archive of a query."""
    for name in ARCHIVES:
        client: Any = archive_named(name).client
        if all(client._can_handle_query(*branch) for branch in branches(query)):
            return name
    raise FileError(f"No archive of this package answers the query {query!r} of the manifest.")
