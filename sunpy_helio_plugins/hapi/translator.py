"""Translate an attr tree to `Query` objects, one for each dataset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sunpy.net import attrs as a
from sunpy.net.attr import Attr

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.attrs import alternatives, asked, of_types, own
from sunpy_helio_plugins.fido.dispatch import Names
from sunpy_helio_plugins.hapi import attrs, server_list
from sunpy_helio_plugins.hapi.query import PROVIDER, Query
from sunpy_helio_plugins.quantities import times

__all__ = ["KNOWN", "NAMES", "OWN", "queries"]

NAMES = Names(providers=(PROVIDER,))
"""The values of ``a.Provider``."""

_WORDS = (a.Instrument, a.Source, a.Physobs)

OWN = own(attrs)

KNOWN = (a.Time, a.Provider, *_WORDS, *OWN)
"""The attrs that a query to HAPI may contain."""

_NANOSECONDS = 9


def queries(*query: Attr) -> tuple[Query, ...]:
    """Return one `Query` for each server and dataset of each alternative; raise an error for invalid attrs."""
    return tuple(dict.fromkeys(one for branch in alternatives(query, KNOWN, PROVIDER) for one in _of_branch(branch)))


def _of_branch(branch: tuple[Attr, ...]) -> list[Query]:
    time, server, dataset, provider = of_types(branch, a.Time, attrs.Server, attrs.Dataset, a.Provider)
    if provider is not None and not NAMES.has_provider(provider.value):
        raise QueryError(f"The provider of a.hapi is {PROVIDER!r}, not {provider.value!r}; use a.hapi.Server.")
    words = tuple(str(attr.value) for attr in branch if isinstance(attr, _WORDS))
    if time is None:
        raise QueryError("A query to HAPI needs a.Time(start, end).")
    fields = asked(branch, OWN)
    _check_subject(server, dataset, "parameters" in fields, words)
    start, end = times.range_text(time.start, time.end, _NANOSECONDS)
    return [
        Query(one, id_, start, end, words=words, is_listed=is_listed, **fields)
        for one, id_, is_listed in _subjects(server, dataset)
    ]


def _subjects(server: Any, dataset: Any) -> Iterator[tuple[str, str | None, bool]]:
    """Yield each server and dataset, and whether the server is one of all listed ones since none was given."""
    servers = () if server is None else server.values
    for id_ in (dataset.values if dataset is not None else ()) or (None,):
        named, bare = _split(id_)
        if named is not None and (not servers or named in servers):
            yield named, bare, False
        elif servers:
            yield from ((one, id_, False) for one in servers)
        else:
            yield from ((one, id_, True) for one in _listed())


def _split(id_: str | None) -> tuple[str | None, str | None]:
    """Return server and id from ``"cdaweb/AC_H0_MFI"`` or a URL; the server is `None` if it is not included."""
    if id_ is None:
        return None, id_
    if id_.startswith(("http://", "https://")):
        root, slash, bare = id_.rpartition("/hapi/")
        found = server_list.find(f"{root}/hapi") if slash and bare else None
        return (None, id_) if found is None else (found.name if found.name in server_list.known() else found.url, bare)
    name, _, bare = id_.partition("/")
    # Ids may contain slashes: only the text before the first one can be the name of a server.
    return (name.lower(), bare) if bare and name.lower() in server_list.known() else (None, id_)


def _check_subject(server: Any, dataset: Any, has_parameters: bool, words: tuple[str, ...]) -> None:
    ids = dataset.values if dataset is not None else ()
    if server is None and not words and not ids:
        raise QueryError(
            "Give a dataset: a.hapi.Dataset('AC_H0_MFI') or a.hapi.Dataset('cdaweb/AC_H0_MFI'); or a server: "
            "a.hapi.Server.cdaweb or a.hapi.Server('https://host/path/hapi'); or keywords to search in all listed "
            "servers: a.Instrument, a.Source or a.Physobs."
        )
    if dataset is None and not words:
        raise QueryError("Give a dataset: a.hapi.Dataset('AC_H0_MFI'), or a.hapi.Dataset() for the complete catalogue.")
    if has_parameters and not ids:
        raise QueryError("a.hapi.Parameters needs a dataset: a.hapi.Dataset('...').")


def _listed() -> tuple[str, ...]:
    return tuple(name for name, server in server_list.known().items() if not server.is_test)
