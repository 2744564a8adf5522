"""From attrs to questions: an attr tree becomes a tuple of `Query`, one for each dataset to ask for."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from sunpy.net import attrs as a
from sunpy.net.attr import Attr

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido import branches, explain_foreign, of_type
from sunpy_helio_plugins.hapi import attrs
from sunpy_helio_plugins.quantities import times

__all__ = ["KNOWN", "PROVIDER", "Query", "queries"]

PROVIDER = "HAPI"

KNOWN = (a.Time, a.Provider, attrs.Server, attrs.Dataset, attrs.Parameters)
"""Attrs that a query to HAPI may hold."""

_NANOSECONDS = 9


@dataclass(frozen=True)
class Query:
    """
    One dataset to ask for.

    Attributes
    ----------
    server : str
        Short name or address.
    dataset : str or None
        Its id; `None` asks for every dataset of the server.
    start, end : str
        First and last instant wanted, both included: UTC, ISO 8601 with Z.
    parameters : tuple of str
        Names in the order in which they were given; none means all.
    """

    server: str
    dataset: str | None
    start: str
    end: str
    parameters: tuple[str, ...] = ()


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
    time, server, dataset, parameters = (
        of_type(branch, kind) for kind in (a.Time, attrs.Server, attrs.Dataset, attrs.Parameters)
    )
    provider = of_type(branch, a.Provider)
    if provider is not None and str(provider.value).upper() != PROVIDER:
        raise QueryError(f"a.hapi asks the provider {PROVIDER!r}, not {provider.value!r}.")
    if time is None:
        raise QueryError("A query to HAPI needs a.Time(start, end).")
    if server is None:
        raise QueryError("Say which server to ask: a.hapi.Server.cdaweb, or a.hapi.Server('https://host/path/hapi').")
    if dataset is None:
        raise QueryError("Say which dataset: a.hapi.Dataset('AC_H0_MFI'), or a.hapi.Dataset() for the whole catalogue.")
    if parameters is not None and not dataset.values:
        raise QueryError("a.hapi.Parameters needs a dataset: a.hapi.Dataset('...').")
    start, end = times.iso(time.start, _NANOSECONDS), times.iso(time.end, _NANOSECONDS)
    names = parameters.values if parameters is not None else ()
    return [Query(one, id_, start, end, names) for one, id_ in product(server.values, dataset.values or (None,))]
