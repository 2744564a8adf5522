"""Find the servers that have a dataset, in the catalogues of the listed servers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import partial

from sunpy_helio_plugins.errors import HelioPluginsError, Problem, QueryError
from sunpy_helio_plugins.fido.partial import Partial, merge, outcomes
from sunpy_helio_plugins.hapi.query import PROVIDER, Query, is_like, is_pattern
from sunpy_helio_plugins.hapi.service import Service

__all__ = ["locate", "matching"]

Catalogues = Mapping[str, Mapping[str, object] | HelioPluginsError]

_AT_ONCE = 16
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
    return dict(zip(asked, outcomes(asked, lambda name: services[name].catalog(), _AT_ONCE), strict=True))


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
