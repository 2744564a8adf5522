"""The store of the records: where it is, what it contains, and its removal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.table import QTable

from sunpy_helio_plugins.arguments import TEXT, optional, taking
from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.hapi import server_list
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.spans import Moment
from sunpy_helio_plugins.store import ranges
from sunpy_helio_plugins.store.intervals import Entry

__all__ = ["clear", "group_of", "info", "store"]

_stores: dict[Path, ranges.Ranges] = {}


def store() -> ranges.Ranges:
    """Return the store in the folder of the settings."""
    place = ranges.folder()
    if place not in _stores:
        # One index is open at a time.
        for one in tuple(_stores.values()):
            one.close()
        _stores.setdefault(place, ranges.Ranges(place, int(conf.hapi.cache_size)))
    _stores[place].limit = int(conf.hapi.cache_size)
    return _stores[place]


def group_of(server_url: str, dataset: str) -> str:
    """Return the group of a dataset in the store."""
    return f"hapi\n{server_url}\n{dataset}"


@taking("hapi.cache.info", server=optional(TEXT), dataset=optional(TEXT))
def info(server: str | None = None, dataset: str | None = None) -> QTable:
    """
    List the time ranges of parameters that were requested, and what is known of them.

    Parameters
    ----------
    server : str, optional
        Short name or address of a server; all when left out.
    dataset : str, optional
        The id of a dataset of this server; all when left out.

    Returns
    -------
    astropy.table.QTable
        One row for each range of a parameter: ``Server``, ``Dataset``, ``Parameter``, ``Start Time``, ``End Time`` (the
        first time after the range), ``State``, ``Requested`` (when) and ``Reason``. ``State`` is "present" for kept
        records, "empty" where the server had none, or only fill values, and "failed", with the reason. What is in no
        row was never requested. ``meta`` contains the ``folder``, its ``size``, and the largest ``limit``.

    Raises
    ------
    QueryError
        If there is no such server, or a dataset without its server is given.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi
    >>> print(hapi.cache.info().colnames)
    ['Server', 'Dataset', 'Parameter', 'Start Time', 'End Time', 'State', 'Requested', 'Reason']
    """
    kept = store()
    rows: list[tuple[str, str, str, Entry]] = []
    wanted = None if server is None else server_list.find(server).url
    _check("hapi.cache.info", server, dataset)
    for group, key, entries in kept.summary():
        _, url, one = group.split("\n", 2)
        if wanted in (None, url) and dataset in (None, one):
            rows += [(server_list.find(url).name, one, key.rpartition("\n")[0], entry) for entry in entries]
    table = QTable()
    for index, name in enumerate(("Server", "Dataset", "Parameter")):
        table[name] = np.array([row[index] for row in rows], dtype=str)
    table["Start Time"] = _times([row[3].first for row in rows])
    table["End Time"] = _times([row[3].before for row in rows])
    table["State"] = np.array([row[3].state.name.lower() for row in rows], dtype=str)
    table["Requested"] = times.from_unix(np.array([row[3].asked for row in rows], dtype=float))
    table["Reason"] = np.array([row[3].why for row in rows], dtype=str)
    table.meta |= {"folder": str(kept.place), "size": kept.size() * u.byte, "limit": kept.limit * u.byte}
    return table


@taking("hapi.cache.clear", server=optional(TEXT), dataset=optional(TEXT))
def clear(server: str | None = None, dataset: str | None = None) -> None:
    """
    Remove kept records, and what is known of their ranges.

    Parameters
    ----------
    server : str, optional
        Short name or address of a server; all when left out.
    dataset : str, optional
        The id of a dataset of this server; all when left out.

    Raises
    ------
    QueryError
        If there is no such server, or a dataset without its server is given.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi
    >>> hapi.cache.clear("cdaweb", "AC_H0_MFI")
    >>> len(hapi.cache.info("cdaweb", "AC_H0_MFI"))
    0
    """
    _check("hapi.cache.clear", server, dataset)
    kept = store()
    if server is None:
        kept.clear()
        return
    url = server_list.find(server).url
    for group in kept.groups():
        _, its_url, one = group.split("\n", 2)
        if its_url == url and dataset in (None, one):
            kept.clear(group_of(url, one))


def _check(function: str, server: str | None, dataset: str | None) -> None:
    if server is None and dataset is not None:
        raise QueryError(f"{function} takes a dataset with its server; only the dataset {dataset!r} was given.")


def _times(ordinals: list[int]) -> object:
    made = times.from_iso(np.array([str(Moment.of_ordinal(one)) for one in ordinals], dtype="S"))
    made.format = "iso"
    return made
