"""Which of the listed servers have a dataset that is asked for without a server: their catalogues tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import partial

from sunpy_helio_plugins.errors import QueryError, ServiceError
from sunpy_helio_plugins.hapi.query import Query, is_like, is_pattern
from sunpy_helio_plugins.hapi.service import Service

__all__ = ["Located", "locate", "matching"]

Catalogues = Mapping[str, Mapping[str, object] | ServiceError]

_AT_ONCE = 16
_SIMILAR = 5


@dataclass
class Located:
    """
    Questions whose servers are known.

    Attributes
    ----------
    queries : list of Query
        The questions, each to a server that has the dataset.
    problems : list of str
        Which servers could not be asked whether they have it, too.
    gaps : list of str
        The same, of patterns: datasets may be missing.
    """

    queries: list[Query] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)


def locate(queries: Iterable[Query], services: Mapping[str, Service]) -> Located:
    """
    Find the servers of datasets that were named without one. Each catalogue is asked for once at most.

    Parameters
    ----------
    queries : iterable of Query
        The questions. Those that name their server, or no dataset, stay as they are.
    services : mapping
        The servers by the names in the questions.

    Raises
    ------
    QueryError
        No server has such a dataset, or several have it.
    ServiceError
        No server answered.
    """
    asked = list(queries)
    open_ones = [query for query in asked if query.is_listed and query.dataset is not None]
    catalogues = _catalogues(dict.fromkeys(query.server for query in open_ones), services)
    found = Located([query for query in asked if query not in open_ones])
    for question in dict.fromkeys(replace(query, server="") for query in open_ones):
        owners = _owners(question, catalogues)
        if not is_pattern(str(question.dataset)):
            # From here on the server is known, as if the user had named it.
            question = replace(question, is_listed=False)
        found.queries += [replace(question, server=name) for name in owners]
        _note_unasked(found, question, owners, catalogues)
    return found


def matching(wanted: str, ids: Iterable[str]) -> list[str]:
    """Return the ids that a name or a pattern means, a name exactly."""
    is_meant = partial(is_like, pattern=wanted) if is_pattern(wanted) else wanted.__eq__
    return list(filter(is_meant, ids))


def _catalogues(names: Iterable[str], services: Mapping[str, Service]) -> Catalogues:
    def ask(name: str) -> Mapping[str, object] | ServiceError:
        try:
            return services[name].catalog()
        except ServiceError as error:
            return error

    asked = list(names)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(asked, pool.map(ask, asked), strict=True))


def _owners(question: Query, catalogues: Catalogues) -> list[str]:
    """Return the servers that have a dataset: one of a name, any number of a pattern."""
    wanted = str(question.dataset)
    known = {name: ids for name, ids in catalogues.items() if not isinstance(ids, ServiceError)}
    if not known:
        raise next(error for error in catalogues.values() if isinstance(error, ServiceError))
    owners = [name for name, ids in known.items() if matching(wanted, ids)]
    if not owners:
        raise QueryError(_unknown(wanted, known, _silent(catalogues)))
    if len(owners) > 1 and not is_pattern(wanted):
        forms = " or ".join(f"a.hapi.Dataset({f'{name}/{wanted}'!r})" for name in owners)
        names = ", ".join(owners)
        raise QueryError(f"Several HAPI servers have a dataset {wanted!r}: {names}; name the server: {forms}.")
    return owners


def _unknown(wanted: str, known: Mapping[str, Iterable[str]], silent: list[str]) -> str:
    """Say that no server has a dataset, which ids are similar, and which servers did not answer."""
    spelt = {f"{name}/{one}".lower(): f"{name}/{one}" for name, ids in known.items() for one in ids}
    same = [full for full in spelt.values() if full.partition("/")[2].lower() == wanted.lower()]
    bare = {full.partition("/")[2].lower(): full for full in spelt.values()}
    similar = [bare[one] for one in get_close_matches(wanted.lower(), bare, n=_SIMILAR, cutoff=0.5)]
    shown = list(dict.fromkeys(same + similar))
    hint = f"; similar: {', '.join(shown)}" if shown else ""
    rest = f". These did not answer: {', '.join(silent)}" if silent else ""
    return f"None of {len(known)} HAPI servers has a dataset {wanted!r}{hint}{rest}."


def _silent(catalogues: Catalogues) -> list[str]:
    return [name for name, ids in catalogues.items() if isinstance(ids, ServiceError)]


def _note_unasked(found: Located, question: Query, owners: list[str], catalogues: Catalogues) -> None:
    silent = _silent(catalogues)
    if silent:
        text = (
            f"{question.dataset} was found on {', '.join(owners)}; whether these have it too is not known, since they "
            f"did not answer: {', '.join(silent)}."
        )
        found.problems.append(text)
        if is_pattern(str(question.dataset)):
            found.gaps.append(text)
