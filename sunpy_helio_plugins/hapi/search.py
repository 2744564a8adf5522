"""Find the servers and datasets of a query, and the requests for their records."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import partial

from sunpy_helio_plugins.errors import HelioPluginsError, IsolationError, Problem, QueryError
from sunpy_helio_plugins.fido.partial import Partial, merge, outcomes
from sunpy_helio_plugins.hapi import server_list
from sunpy_helio_plugins.hapi.discovery import lookup
from sunpy_helio_plugins.hapi.discovery.index import IndexState
from sunpy_helio_plugins.hapi.model import Info
from sunpy_helio_plugins.hapi.plan import DataRequest, covering
from sunpy_helio_plugins.hapi.query import PROVIDER, Query, is_like, is_pattern, unlike
from sunpy_helio_plugins.hapi.service import Service
from sunpy_helio_plugins.quantities.spans import Moment

__all__ = ["descriptions", "find", "find_all", "locate", "matching"]

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
    asked = _indexed_only(list(queries))
    services = {name: Service(server_list.find(name)) for name in dict.fromkeys(query.server for query in asked)}
    located = locate(asked, services)
    asked = list(dict.fromkeys(located.items))
    found = outcomes(asked, lambda query: find(query, services[query.server]), _QUERIES_AT_ONCE)
    pairs = list(zip(asked, found, strict=True))
    _raise_unanswered(pairs)
    parts = (one if isinstance(one, Partial) else _lost(query, one) for query, one in pairs)
    return merge((Partial((), located.problems, located.notes), *parts))


def _indexed_only(asked: list[Query]) -> list[Query]:
    """Leave out the servers that were not given and are not indexed, if only names of parameters are searched for."""
    by_name = [one for one in asked if one.is_listed and one.dataset is None and not (one.words or one.observables)]
    known = lookup.searchable() if by_name else {}
    out = {one for one in by_name if server_list.find(one.server).url not in known}
    if by_name and len(out) == len(by_name):
        raise QueryError(
            "a.hapi.Parameters without a dataset is searched for in the index, and no HAPI server is indexed yet: give "
            "a server, such as a.hapi.Server.cdaweb, or get the index of all servers with hapi.update_index()."
        )
    return [one for one in asked if one not in out]


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


def find(query: Query, service: Service | None = None, *, has_titles: bool = True) -> Partial[DataRequest]:
    """
    Return the requests for the datasets of one query; raise an error for unknown datasets or parameters.

    Without titles, the catalogue is not requested for a dataset whose id is given.
    """
    service = service or Service(server_list.find(query.server))
    if query.dataset is None or is_pattern(query.dataset):
        return _find_many(service, query)
    info = service.info(query.dataset, until=Moment.read(query.end))
    title = info.description
    if not _speaks(service, query, query.dataset, info):
        words = (
            f"{query.dataset} of {service.server.archive} does not match {' '.join(query.words + query.observables)}."
        )
        return Partial(notes=(words,))
    if has_titles and not 0 < len(title) <= _LONGEST_TITLE:
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
    speaking = _chosen(service, query, meant, problems)
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


def _chosen(service: Service, query: Query, meant: Sequence[str], problems: list[str]) -> list[str]:
    """Return the datasets that the index selects, or else those whose texts match."""
    state = _state(service, query, problems)
    if state is None:
        return _speaking(service, query, meant, problems)
    having = set(lookup.datasets_with(state, query.parameters)) if query.parameters else set(meant)
    about = set(lookup.datasets_about(state, query.observables)) if query.observables else set(meant)
    at_hand = service.at_hand(meant) if query.words or query.observables else {}

    def told(one: str) -> str:
        return at_hand[one].description if one in at_hand else ""

    return [
        one for one in meant
        if one in having and _holds(query.words, service, one, told(one))
        and (one in about or _holds(query.observables, service, one, told(one)))
    ]  # fmt: skip


def _state(service: Service, query: Query, problems: list[str]) -> IndexState | None:
    """Return the index of a server if it decides: of one that the query names, it is made or refreshed first."""
    if not query.observables and (query.dataset is not None or not query.parameters):
        return None
    server = service.server
    if query.is_listed or query.dataset is not None:
        return lookup.searchable().get(server.url)
    state, told = lookup.prepare(server)
    problems += told
    return state


def _speaking(service: Service, query: Query, meant: Sequence[str], problems: list[str]) -> list[str]:
    """Return the datasets that match the keywords, and those whose descriptions must be read to find out."""
    words = query.words + query.observables
    if not words:
        return list(meant)
    at_hand = service.at_hand(meant)
    speaking, unread = [], []
    for one in meant:
        if _speaks(service, query, one, at_hand[one]) if one in at_hand else _holds(words, service, one):
            speaking.append(one)
        elif one not in at_hand:
            unread.append(one)
    if not unread:
        return speaking
    if len(unread) <= (_READ_UNNAMED if query.is_listed else _READ_THROUGH):
        return [one for one in meant if one in speaking or one in unread]
    text = (
        f"{service.server.archive}: only the ids and titles of {len(unread)} datasets were searched for "
        f"{' '.join(words)!r}; give the server and a pattern of ids to search their descriptions."
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
    """Return whether the texts of a dataset match the words, and its texts or its parameters the quantities."""
    if not _holds(query.words, service, dataset, info.description):
        return False
    unsaid = [one for one in query.observables if not _holds((one,), service, dataset, info.description)]
    return not unsaid or lookup.is_about(dataset, info.raw, unsaid)


def descriptions(service: Service, datasets: Sequence[str]) -> dict[str, Info | Problem]:
    """Return the description of each dataset, or the error, by id; several are requested at once."""
    described = outcomes(datasets, service.info, _AT_ONCE)
    infos = (one if isinstance(one, Info) else Problem.of_error(one) for one in described)
    return dict(zip(datasets, infos, strict=True))


def _holds(words: tuple[str, ...], service: Service, dataset: str, description: str = "") -> bool:
    """Return whether the id, title or description contains each keyword at the beginning of a word."""
    if not words:
        return True
    entry = service.catalog().get(dataset, {})
    texts = (dataset, entry.get("title"), entry.get("description"), description, service.server.source)
    text = " ".join(str(one) for one in texts if one).lower().replace("_", " ")
    return all(re.search(rf"(?<![a-z]){re.escape(word.lower().replace('_', ' '))}", text) for word in words)


def _has_parameters(info: Info, asked: tuple[str, ...]) -> bool:
    """Return whether a dataset has parameters for all given names and patterns."""
    return all(any(name == one or (is_pattern(one) and is_like(name, one)) for name in info.names) for one in asked)


Catalogues = Mapping[str, Mapping[str, object] | HelioPluginsError]

_CATALOGUES_AT_ONCE = 16
_SIMILAR = 5


def locate(queries: Iterable[Query], services: Mapping[str, Service]) -> Partial[Query]:
    """
    Add the server to queries for a dataset without one; each catalogue is requested at most once.

    A server without a response is a problem if a pattern may match further datasets, and a note if one dataset was
    found. An error is raised if a dataset is on no server or on several servers, or if all servers fail.
    """
    asked = list(queries)
    open_ones = [query for query in asked if query.is_listed and query.dataset is not None]
    catalogues = _catalogues(dict.fromkeys(query.server for query in open_ones), services)
    found = [Partial(tuple(query for query in asked if query not in open_ones))]
    for question in dict.fromkeys(replace(query, server="") for query in open_ones):
        owners = _owners(question, catalogues)
        if not is_pattern(str(question.dataset)):
            # The server is known now, as if the user had given it.
            question = replace(question, is_listed=False)
        found.append(Partial(tuple(replace(question, server=name) for name in owners)))
        found.append(_unasked(question, owners, catalogues))
    return merge(found)


def matching(wanted: str, ids: Iterable[str]) -> list[str]:
    """Return the ids that are equal to a name, or match a pattern."""
    is_meant = partial(is_like, pattern=wanted) if is_pattern(wanted) else wanted.__eq__
    return list(filter(is_meant, ids))


def _catalogues(names: Iterable[str], services: Mapping[str, Service]) -> Catalogues:
    asked = list(names)
    return dict(zip(asked, outcomes(asked, lambda name: services[name].catalog(), _CATALOGUES_AT_ONCE), strict=True))


def _owners(question: Query, catalogues: Catalogues) -> list[str]:
    """Return the servers that have a dataset: exactly one for a name, any number for a pattern."""
    wanted = str(question.dataset)
    known = {name: ids for name, ids in catalogues.items() if not isinstance(ids, HelioPluginsError)}
    if not known:
        raise next(error for error in catalogues.values() if isinstance(error, HelioPluginsError))
    owners = [name for name, ids in known.items() if matching(wanted, ids)]
    if not owners:
        raise QueryError(_unknown(wanted, known, _silent(catalogues)))
    if len(owners) > 1 and not is_pattern(wanted):
        forms = " or ".join(f"a.hapi.Dataset({f'{name}/{wanted}'!r})" for name in owners)
        names = ", ".join(owners)
        raise QueryError(f"Several HAPI servers have a dataset {wanted!r}: {names}; give the server: {forms}.")
    return owners


def _unknown(wanted: str, known: Mapping[str, Iterable[str]], silent: list[str]) -> str:
    """Return the message for an unknown dataset: similar ids, and the servers that did not respond."""
    spelt = {f"{name}/{one}".lower(): f"{name}/{one}" for name, ids in known.items() for one in ids}
    same = [full for full in spelt.values() if full.partition("/")[2].lower() == wanted.lower()]
    bare = {full.partition("/")[2].lower(): full for full in spelt.values()}
    similar = [bare[one] for one in get_close_matches(wanted.lower(), bare, n=_SIMILAR, cutoff=0.5)]
    shown = list(dict.fromkeys(same + similar))
    hint = f"; similar: {', '.join(shown)}" if shown else ""
    rest = f". These servers did not respond: {', '.join(silent)}" if silent else ""
    return f"None of {len(known)} HAPI servers has a dataset {wanted!r}{hint}{rest}."


def _silent(catalogues: Catalogues) -> list[str]:
    return [name for name, ids in catalogues.items() if isinstance(ids, HelioPluginsError)]


def _unasked(question: Query, owners: list[str], catalogues: Catalogues) -> Partial[Query]:
    silent = _silent(catalogues)
    if not silent:
        return Partial()
    text = (
        f"{question.dataset} was found on {', '.join(owners)}; these servers may have it, too, but did not respond: "
        f"{', '.join(silent)}."
    )
    if is_pattern(str(question.dataset)):
        return Partial(problems=(Problem(text, "unreachable", PROVIDER),))
    return Partial(notes=(text,))
