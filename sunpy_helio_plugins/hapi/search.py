"""Find the datasets of a query, and the requests for their records."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sunpy_helio_plugins.errors import HelioPluginsError, IsolationError, Problem, QueryError
from sunpy_helio_plugins.fido.partial import Partial, merge, outcomes
from sunpy_helio_plugins.hapi import owners, server_list
from sunpy_helio_plugins.hapi.model import Info
from sunpy_helio_plugins.hapi.plan import DataRequest, covering
from sunpy_helio_plugins.hapi.query import Query, is_like, is_pattern, unlike
from sunpy_helio_plugins.hapi.service import Service
from sunpy_helio_plugins.quantities.spans import Moment

__all__ = ["descriptions", "find", "find_all"]

_AT_ONCE = 5
"""The number of descriptions that are requested from one server at once."""

_QUERIES_AT_ONCE = 16
_READ_THROUGH, _READ_UNNAMED = 100, 30
"""The largest number of descriptions to search for keywords: for a server in the query, and for any other."""

_DESCRIBED = 100
"""The largest number of descriptions to request from a server that is not in the query, if ids or titles match."""

_TOLD = 3
"""The number of servers whose messages about an unknown dataset are repeated."""

_LONGEST_TITLE = 80
"""The largest length of a description that is used as the title instead of the title in the catalogue."""


def find_all(queries: Iterable[Query]) -> Partial[DataRequest]:
    """
    Run queries in parallel, and return the requests for records in the order of the queries.

    A server that fails is a problem if another one responded; a dataset that only some of the servers know results in a
    note. An error is raised if no server knows it, or if all of them fail.
    """
    asked = list(queries)
    services = {name: Service(server_list.find(name)) for name in dict.fromkeys(query.server for query in asked)}
    located = owners.locate(asked, services)
    asked = list(dict.fromkeys(located.items))
    found = outcomes(asked, lambda query: find(query, services[query.server]), _QUERIES_AT_ONCE)
    pairs = list(zip(asked, found, strict=True))
    _raise_unanswered(pairs)
    parts = (one if isinstance(one, Partial) else _lost(query, one) for query, one in pairs)
    return merge((Partial((), located.problems, located.notes), *parts))


def _is_unknown(outcome: object) -> bool:
    """Return whether the server responded that it does not know an id or a name."""
    return isinstance(outcome, QueryError) and not isinstance(outcome, IsolationError)


def _raise_unanswered(found: Sequence[tuple[Query, Partial[DataRequest] | HelioPluginsError]]) -> None:
    """Raise an error if no server responded, or if none of them knows the dataset of a query."""
    questions: dict[Query, list[Partial[DataRequest] | HelioPluginsError]] = {}
    for query, outcome in found:
        questions.setdefault(replace(query, server=""), []).append(outcome)
    for answers in questions.values():
        unknown = list(filter(_is_unknown, answers))
        if len(unknown) == len(answers):
            rest = f" ({len(unknown) - _TOLD} more servers do not know it, either)" if unknown[_TOLD:] else ""
            raise QueryError(" ".join(map(str, unknown[:_TOLD])) + rest)
    failed = [one for _, one in found if isinstance(one, HelioPluginsError) and not _is_unknown(one)]
    if failed and not any(isinstance(one, Partial) for _, one in found):
        raise failed[0]


def _lost(query: Query, error: HelioPluginsError) -> Partial[DataRequest]:
    text = f"{query.dataset or 'the catalogue'} of {query.server}: {error}"
    if not _is_unknown(error):
        return Partial(problems=(Problem.of_error(error, text),))
    # A server that is not in the query may not know the dataset.
    return Partial() if query.is_listed else Partial(notes=(text,))


def find(query: Query, service: Service | None = None) -> Partial[DataRequest]:
    """Return the requests for the datasets of one query; raise an error for unknown datasets or parameters."""
    service = service or Service(server_list.find(query.server))
    if query.dataset is None or is_pattern(query.dataset):
        return _find_many(service, query)
    info = service.info(query.dataset, until=Moment.read(query.end))
    title = info.description
    if query.words and not _holds(query.words, service, query.dataset, info.description):
        words = f"{query.dataset} of {service.server.archive} does not match {' '.join(query.words)}."
        return Partial(notes=(words,))
    if not 0 < len(title) <= _LONGEST_TITLE:
        title = service.title(query.dataset) or title
    return covering(service, query, query.dataset, title, info)


def _find_many(service: Service, query: Query) -> Partial[DataRequest]:
    """Describe the matching datasets of a catalogue; a failed description does not discard the others."""
    archive, entries = service.server.archive, service.catalog()
    meant = _meant(query.dataset, entries)
    if query.dataset is not None and not meant:
        raise QueryError(unlike(f"{archive} has no dataset like", query.dataset, entries))
    service.capabilities()
    problems: list[str] = []
    notes: list[str] = []
    speaking = _speaking(service, query, meant, problems)
    described = descriptions(service, _bounded(service, speaking, problems) if query.is_listed else speaking)
    lost = {one: said for one, said in described.items() if isinstance(said, Problem)}
    failed = [Problem(f"{one}: {said}", said.kind, archive) for one, said in lost.items()]
    if failed:
        subject = f"{query.dataset or 'the catalogue'} of {query.server}"
        first = f"{subject}: {len(failed)} of its datasets could not be described: {failed[0]}"
        problems += [Problem(first, failed[0].kind, archive), *failed[1:]]
    infos = {one: said for one, said in described.items() if isinstance(said, Info)}
    having = {one: info for one, info in infos.items() if _has_parameters(info, query.parameters)}
    if infos and not having:
        names = dict.fromkeys(name for info in infos.values() for name in info.names)
        what = f"None of {len(infos)} datasets of {archive} has the parameters: no"
        notes.append(unlike(what, ", ".join(query.parameters), names, "they have"))
    # Most datasets of a catalogue do not cover the complete time range, so that this does not result in a note.
    found = [
        one
        for dataset, info in having.items()
        if _speaks(service, query, dataset, info)
        for one in covering(service, query, dataset, service.title(dataset) or info.description, info).items
    ]
    return Partial(tuple(found), tuple(problems), tuple(notes))


def _meant(wanted: str | None, entries: Iterable[str]) -> list[str]:
    ids = list(entries)
    if wanted is None or wanted in ids:
        return ids if wanted is None else [wanted]
    return [one for one in ids if is_like(one, wanted)]


def _speaking(service: Service, query: Query, meant: Sequence[str], problems: list[str]) -> list[str]:
    """Return the datasets that match the keywords, and those whose descriptions must be read to find out."""
    if not query.words:
        return list(meant)
    at_hand = service.at_hand(meant)
    speaking, unread = [], []
    for one in meant:
        if _holds(query.words, service, one, at_hand[one].description if one in at_hand else ""):
            speaking.append(one)
        elif one not in at_hand:
            unread.append(one)
    if not unread:
        return speaking
    if len(unread) <= (_READ_UNNAMED if query.is_listed else _READ_THROUGH):
        return [one for one in meant if one in speaking or one in unread]
    text = (
        f"{service.server.archive}: only the ids and titles of {len(unread)} datasets were searched for "
        f"{' '.join(query.words)!r}; give the server and a pattern of ids to search their descriptions."
    )
    problems.append(Problem(text, "limit", service.server.archive))
    return speaking


def _bounded(service: Service, datasets: Sequence[str], problems: list[str]) -> list[str]:
    """Return the datasets with an available description, and a limited number of others."""
    at_hand = service.at_hand(datasets)
    others = [one for one in datasets if one not in at_hand]
    kept = set(others[:_DESCRIBED])
    if len(kept) < len(others):
        text = (
            f"{service.server.archive}: {len(datasets)} datasets match, and {len(others) - len(kept)} of them were "
            "left out; give the server, or a narrower query."
        )
        problems.append(Problem(text, "limit", service.server.archive))
    return [one for one in datasets if one in at_hand or one in kept]


def _speaks(service: Service, query: Query, dataset: str, info: Info) -> bool:
    return not query.words or _holds(query.words, service, dataset, info.description)


def descriptions(service: Service, datasets: Sequence[str]) -> dict[str, Info | Problem]:
    """Return the description of each dataset, or the error, by id; several are requested at once."""
    described = outcomes(datasets, service.info, _AT_ONCE)
    infos = (one if isinstance(one, Info) else Problem.of_error(one) for one in described)
    return dict(zip(datasets, infos, strict=True))


def _holds(words: tuple[str, ...], service: Service, dataset: str, description: str = "") -> bool:
    """Return whether the id, title or description contains each keyword at the beginning of a word."""
    entry = service.catalog().get(dataset, {})
    texts = (dataset, entry.get("title"), entry.get("description"), description, service.server.source)
    text = " ".join(str(one) for one in texts if one).lower().replace("_", " ")
    return all(re.search(rf"(?<![a-z]){re.escape(word.lower().replace('_', ' '))}", text) for word in words)


def _has_parameters(info: Info, asked: tuple[str, ...]) -> bool:
    """Return whether a dataset has parameters for all given names and patterns."""
    return all(any(name == one or (is_pattern(one) and is_like(name, one)) for name in info.names) for one in asked)
