"""Which of the listed servers have a dataset that is asked for without a server: their catalogues tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import partial

from sunpy_helio_plugins.errors import HelioPluginsError, QueryError
from sunpy_helio_plugins.fido.partial import Partial, merge, outcomes
from sunpy_helio_plugins.hapi.query import Query, is_like, is_pattern
from sunpy_helio_plugins.hapi.service import Service

__all__ = ["locate", "matching"]

Catalogues = Mapping[str, Mapping[str, object] | HelioPluginsError]

_AT_ONCE = 16
_SIMILAR = 5


def locate(queries: Iterable[Query], services: Mapping[str, Service]) -> Partial[Query]:
    """
    Find the servers of datasets that were named without one. Each catalogue is asked for once at most.

    Parameters
    ----------
    queries : iterable of Query
        The questions. Those that name their server, or no dataset, stay as they are.
    services : mapping
        The servers by the names in the questions.

    Returns
    -------
    Partial
        The questions, each to a server that has the dataset. That a server could not be asked is a problem where a
        pattern may mean further datasets, and a note where one dataset was found.

    Raises
    ------
    QueryError
        No server has such a dataset, or several have it.
    HelioPluginsError
        No server answered.
    """
    asked = list(queries)
    open_ones = [query for query in asked if query.is_listed and query.dataset is not None]
    catalogues = _catalogues(dict.fromkeys(query.server for query in open_ones), services)
    found = [Partial(tuple(query for query in asked if query not in open_ones))]
    for question in dict.fromkeys(replace(query, server="") for query in open_ones):
        owners = _owners(question, catalogues)
        if not is_pattern(str(question.dataset)):
            # From here on the server is known, as if the user had named it.
            question = replace(question, is_listed=False)
        found.append(Partial(tuple(replace(question, server=name) for name in owners)))
        found.append(_unasked(question, owners, catalogues))
    return merge(found)


def matching(wanted: str, ids: Iterable[str]) -> list[str]:
    """Return the ids that a name or a pattern means, a name exactly."""
    is_meant = partial(is_like, pattern=wanted) if is_pattern(wanted) else wanted.__eq__
    return list(filter(is_meant, ids))


def _catalogues(names: Iterable[str], services: Mapping[str, Service]) -> Catalogues:
    asked = list(names)
    return dict(zip(asked, outcomes(asked, lambda name: services[name].catalog(), _AT_ONCE), strict=True))


def _owners(question: Query, catalogues: Catalogues) -> list[str]:
    """Return the servers that have a dataset: one of a name, any number of a pattern."""
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
    return [name for name, ids in catalogues.items() if isinstance(ids, HelioPluginsError)]


def _unasked(question: Query, owners: list[str], catalogues: Catalogues) -> Partial[Query]:
    silent = _silent(catalogues)
    if not silent:
        return Partial()
    text = (
        f"{question.dataset} was found on {', '.join(owners)}; whether these have it too is not known, since they "
        f"did not answer: {', '.join(silent)}."
    )
    return Partial(problems=(text,)) if is_pattern(str(question.dataset)) else Partial(notes=(text,))
