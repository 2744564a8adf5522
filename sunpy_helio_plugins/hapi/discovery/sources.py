"""
Build the index from the servers, from the file that the HAPI project writes every night, or from another index.

A server of HAPI 3.2 may send all descriptions with its catalogue; the descriptions of others are requested one by one,
a few at the same time, and stored in steps, so that an interrupted refresh continues where it stopped. The file of the
HAPI project is written by https://github.com/hapi-server/server-metadata: an object with a member for each server,
which has ``about`` with the address in ``x_url``, and ``catalog``, the catalogue with all descriptions.
"""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import AnswerError, FileError, HelioPluginsError, Problem, ServiceError, local
from sunpy_helio_plugins.fido.partial import outcomes
from sunpy_helio_plugins.hapi import server_list
from sunpy_helio_plugins.hapi.discovery.index import Index, IndexEntry, IndexState, private, writable
from sunpy_helio_plugins.hapi.model import Info
from sunpy_helio_plugins.hapi.server_list import HAPIServer
from sunpy_helio_plugins.hapi.service import Service, login_of
from sunpy_helio_plugins.quantities.exact import kept_json
from sunpy_helio_plugins.store.database import APPLICATION_ID
from sunpy_helio_plugins.transport import metadata
from sunpy_helio_plugins.transport.credentials import netrc_login

__all__ = ["index_of", "refresh_all", "refresh_from_file", "refresh_server"]

_STEP = 50
"""Descriptions that are requested before they are stored."""

_PROJECT = "hapi-server.org"
_SQLITE = b"SQLite format 3\0"
_HEADER = 72
"""Bytes of the header of a database up to the number of its program."""
_GZIP = b"\x1f\x8b"
_TOLD = 20
"""Failed descriptions of one server that are kept with their reasons."""


def index_of(server: HAPIServer) -> Index:
    """Return the index for a server: answers to a user who is signed in are not stored in the cache."""
    login = login_of(server) or netrc_login(server.url)
    return writable() if login is None or not login.known() else private()


def refresh_server(index: Index, server: HAPIServer, *, progress: bool = True) -> list[Problem]:
    """Index a server by its own descriptions; return what is missing. Raise its error if it does not respond."""
    from tqdm.auto import tqdm  # type: ignore[import-untyped,unused-ignore]

    service = Service(server)
    catalogue = service.catalog()
    begun = index.begin(server.url, server.title, server.archive)
    done = index.stored(server.url, begun)
    places = {one: place for place, one in enumerate(catalogue)}
    left = [one for one in catalogue if one not in done]
    lost: dict[str, HelioPluginsError] = {}
    with tqdm(total=len(left), desc=f"Index of {server.archive}", unit="dataset", disable=not progress) as bar:
        for first in range(0, len(left), _STEP):
            step = left[first : first + _STEP]
            found = dict(zip(step, outcomes(step, service.info, conf.hapi.connections), strict=True))
            failed = {one: said for one, said in found.items() if isinstance(said, HelioPluginsError)}
            if len(failed) == len(step) and (broken := _outage(failed.values())):
                return [_interrupted(server, len(done) + first - len(lost), len(catalogue), broken)]
            lost |= failed
            infos = ((one, said) for one, said in found.items() if isinstance(said, Info))
            entries = [(places[one], IndexEntry.of(one, _title(catalogue[one]), info.raw)) for one, info in infos]
            if not index.add(server.url, entries):
                return [_unwritten(index)]
            bar.update(len(step))
    return _ended(index, server.url, server.archive, catalogue, {one: str(error) for one, error in lost.items()})


def _outage(errors: Iterable[HelioPluginsError]) -> HelioPluginsError | None:
    """Return an error if none of the answers came from the server's own rules, such as an unknown dataset."""
    found = list(errors)
    return found[0] if all(isinstance(one, ServiceError) and (one.status or 500) >= 500 for one in found) else None


def _interrupted(server: HAPIServer, done: int, count: int, error: HelioPluginsError) -> Problem:
    text = f"The index of {server.archive} has {done} of {count} datasets; the next refresh continues there: {error}"
    return Problem.of_error(error, text)


def _unwritten(index: Index) -> Problem:
    return Problem(f"The index in {index.path} cannot be written; nothing of this refresh was kept.", "data")


def _title(entry: Mapping[str, Any]) -> str:
    return str(entry.get("title") or "")


def _ended(
    index: Index, url: str, archive: str, catalogue: Mapping[str, Mapping[str, Any]], lost: Mapping[str, str]
) -> list[Problem]:
    """Store the datasets without a description by their titles, end the refresh, and return what is missing."""
    before = index.stored(url, 0)
    places = {one: place for place, one in enumerate(catalogue)}
    bare = [(places[one], IndexEntry.of(one, _title(catalogue[one]), {})) for one in lost if one not in before]
    told = [f"{one}: {said}" for one, said in lost.items()]
    if not index.add(url, bare) or not index.end(url, catalogue, told[:_TOLD]):
        return [_unwritten(index)]
    if not lost:
        return []
    return [
        Problem(f"{len(lost)} datasets of {archive} are indexed without a description: {told[0]}", "answer", archive)
    ]


def refresh_all(index: Index, *, progress: bool = True) -> list[Problem]:
    """Index all servers by the file of the HAPI project."""
    url = conf.hapi.index_url
    servers = list(_servers(metadata.get(url, archive=_PROJECT).json()))
    if not servers:
        raise AnswerError(_PROJECT, url, "the response does not contain the catalogues of HAPI servers")
    return _refresh_from(index, servers, url, progress)


def refresh_from_file(index: Index, path: Path, *, progress: bool = True) -> list[Problem]:
    """Index the servers of a local file: that of the HAPI project, also compressed, or another index."""
    with local(path, "read"), path.open("rb") as stream:
        start = stream.read(_HEADER)
    if start.startswith(_SQLITE):
        if int.from_bytes(start[68:72], "big") != APPLICATION_ID:
            raise FileError(f"{path} is not an index of HAPI servers, but a database of another program.")
        return _copy(index, path)
    try:
        with local(path, "read"):
            raw = path.read_bytes()
        document = kept_json(gzip.decompress(raw) if raw.startswith(_GZIP) else raw)
    except (ValueError, EOFError, OSError) as error:
        if isinstance(error, HelioPluginsError):
            raise
        raise FileError(f"{path} is neither an index nor JSON: {error}.") from None
    servers = list(_servers(document))
    if not servers:
        raise FileError(
            f"{path} does not contain the catalogues of HAPI servers: as in {conf.hapi.index_url}, it must be an "
            "object with a member for each server, which has about and catalog."
        )
    return _refresh_from(index, servers, path.name, progress)


def _copy(index: Index, path: Path) -> list[Problem]:
    """Add the servers of another index; its file is copied first, since an index that is opened may be changed."""
    with TemporaryDirectory(prefix="sunpy-helio-index-") as folder:
        other = Index(Path(folder) / path.name)
        with local(path, "read"):
            shutil.copyfile(path, other.path)
        try:
            states = other.states()
            if not states:
                raise FileError(f"{path} does not contain the index of a HAPI server, or is damaged.")
            return [problem for state in states.values() for problem in _copy_server(index, other, state, path.name)]
        finally:
            other.close()


def _copy_server(index: Index, other: Index, state: IndexState, source: str) -> list[Problem]:
    entries = other.entries(state.url)
    index.begin(state.url, state.title, source)
    done = index.add(state.url, enumerate(entries)) and index.end(state.url, [one.id for one in entries], state.lost)
    index.date(state.url, state)
    return [] if done else [_unwritten(index)]


_Listing = tuple[str, str, Sequence[Any]]
"""The address, the title and the catalogue of a server."""


def _refresh_from(index: Index, servers: Sequence[_Listing], source: str, progress: bool) -> list[Problem]:
    from tqdm.auto import tqdm  # type: ignore[import-untyped,unused-ignore]

    problems = []
    for url, title, members in tqdm(servers, desc="Index of HAPI servers", unit="server", disable=not progress):
        problems += _refresh_one(index, server_list.find(url), title, members, source)
    return problems


def _servers(document: Any) -> Iterator[_Listing]:
    """Yield the servers of the file that have an address and a catalogue."""
    for member in document.values() if isinstance(document, Mapping) else ():
        about = member.get("about") if isinstance(member, Mapping) else None
        listing = member.get("catalog") if isinstance(member, Mapping) else None
        datasets = listing.get("catalog") if isinstance(listing, Mapping) else None
        url = about.get("x_url") if isinstance(about, Mapping) else None
        if isinstance(url, str) and url.startswith(("http://", "https://")) and isinstance(datasets, list):
            yield url, str(about.get("title") or ""), datasets  # type: ignore[union-attr]


def _refresh_one(index: Index, server: HAPIServer, title: str, members: Sequence[Any], source: str) -> list[Problem]:
    catalogue = {str(one["id"]): one for one in members if isinstance(one, Mapping) and one.get("id")}
    index.begin(server.url, server.title or title, source)
    found: list[tuple[int, IndexEntry]] = []
    lost: dict[str, str] = {}
    for place, (dataset, entry) in enumerate(catalogue.items()):
        try:
            found.append((place, IndexEntry.of(dataset, _title(entry), Info.from_json(entry.get("info")).raw)))
        except FileError as error:
            lost[dataset] = str(error)
    if not index.add(server.url, found):
        return [_unwritten(index)]
    return _ended(index, server.url, server.archive, catalogue, lost)
