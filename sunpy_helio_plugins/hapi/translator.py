"""From attrs to questions: an attr tree becomes a tuple of `Query`, one for each dataset to ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sunpy.net import attrs as a
from sunpy.net.attr import Attr

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.attrs import asked, branches, explain_foreign, of_types, own
from sunpy_helio_plugins.fido.names import Names
from sunpy_helio_plugins.hapi import attrs, server_list
from sunpy_helio_plugins.hapi.query import PROVIDER, Query
from sunpy_helio_plugins.quantities import times

__all__ = ["KNOWN", "NAMES", "OWN", "queries"]

NAMES = Names(providers=(PROVIDER,))
"""What ``a.Provider`` may say."""

_WORDS = (a.Instrument, a.Source, a.Physobs)

OWN = own(attrs)

KNOWN = (a.Time, a.Provider, *_WORDS, *OWN)
"""Attrs that a query to HAPI may hold."""

_NANOSECONDS = 9


def queries(*query: Attr) -> tuple[Query, ...]:
    """
    Return what a query asks of HAPI servers.

    Parameters
    ----------
    *query : sunpy.net.attr.Attr
        Attrs that must all hold; trees of any depth.

    Returns
    -------
    tuple of Query
        One for each server and dataset of each alternative, without repetition.

    Raises
    ------
    QueryError
        An attr is missing, stands twice, or is of no use here.
    """
    return tuple(dict.fromkeys(one for branch in branches(*query) for one in _of_branch(branch)))


def _of_branch(branch: tuple[Attr, ...]) -> list[Query]:
    explain_foreign(branch, KNOWN, PROVIDER)
    time, server, dataset, provider = of_types(branch, a.Time, attrs.Server, attrs.Dataset, a.Provider)
    if provider is not None and not NAMES.has_provider(provider.value):
        raise QueryError(f"a.hapi asks the provider {PROVIDER!r}, not {provider.value!r}; servers are a.hapi.Server.")
    words = tuple(str(attr.value) for attr in branch if isinstance(attr, _WORDS))
    if time is None:
        raise QueryError("A query to HAPI needs a.Time(start, end).")
    fields = asked(branch, OWN)
    _check_subject(server, dataset, "parameters" in fields, words)
    start, end = times.iso(time.start, _NANOSECONDS), times.iso(time.end, _NANOSECONDS)
    return [
        Query(one, id_, start, end, words=words, is_listed=is_listed, **fields)
        for one, id_, is_listed in _subjects(server, dataset)
    ]


def _subjects(server: Any, dataset: Any) -> Iterator[tuple[str, str | None, bool]]:
    """Yield each server to ask, for which dataset, and whether it is one of all listed ones, since none was named."""
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
    """Return the server and the bare id of ``"cdaweb/AC_H0_MFI"`` or of an address; no server where none is named."""
    if id_ is None:
        return None, id_
    if id_.startswith(("http://", "https://")):
        root, slash, bare = id_.rpartition("/hapi/")
        found = server_list.find(f"{root}/hapi") if slash and bare else None
        return (None, id_) if found is None else (found.name if found.name in server_list.known() else found.url, bare)
    name, _, bare = id_.partition("/")
    # Ids may have slashes themselves: only what stands before the first and is a server's name is one.
    return (name.lower(), bare) if bare and name.lower() in server_list.known() else (None, id_)


def _check_subject(server: Any, dataset: Any, has_parameters: bool, words: tuple[str, ...]) -> None:
    ids = dataset.values if dataset is not None else ()
    if server is None and not words and not ids:
        raise QueryError(
            "Say which dataset: a.hapi.Dataset('AC_H0_MFI') or a.hapi.Dataset('cdaweb/AC_H0_MFI'); or which server to "
            "ask: a.hapi.Server.cdaweb, or a.hapi.Server('https://host/path/hapi'); or what to look for on all listed "
            "servers: a.Instrument, a.Source or a.Physobs."
        )
    if dataset is None and not words:
        raise QueryError("Say which dataset: a.hapi.Dataset('AC_H0_MFI'), or a.hapi.Dataset() for the whole catalogue.")
    if has_parameters and not ids:
        raise QueryError("a.hapi.Parameters needs a dataset: a.hapi.Dataset('...').")


def _listed() -> tuple[str, ...]:
    return tuple(name for name, server in server_list.known().items() if not server.is_test)
