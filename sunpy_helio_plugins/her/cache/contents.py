"""The store of the events: where it is, what it contains, and its removal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.table import QTable

from sunpy_helio_plugins.arguments import taking
from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.store import ranges
from sunpy_helio_plugins.store.intervals import Entry

__all__ = ["SERIES", "clear", "group_of", "info", "store"]

SERIES = "events"
"""The key of the series of each group."""

_stores: dict[Path, ranges.Ranges] = {}


def store() -> ranges.Ranges:
    """Return the store in the folder of the settings."""
    place = ranges.folder("events")
    if place not in _stores:
        # One index is open at a time.
        for one in tuple(_stores.values()):
            one.close()
        _stores.setdefault(place, ranges.Ranges(place, int(conf.her.cache_size)))
    _stores[place].limit = int(conf.her.cache_size)
    return _stores[place]


def group_of(server_url: str, question: str) -> str:
    """Return the group of a question in the store."""
    return f"her\n{server_url}\n{question}"


@taking("her.cache.info")
def info() -> QTable:
    """
    List the time ranges that were searched, and what is known of them.

    Returns
    -------
    astropy.table.QTable
        One row for each range of a search: ``Server``, ``Search`` (the parameters that are sent to the registry, except
        the times), ``Start Time``, ``End Time`` (both are in the range), ``State``, ``Requested`` (when) and
        ``Reason``. ``State`` is "present" for kept events, "empty" where the registry had none, and "failed", with the
        reason. What is in no row was never requested. ``meta`` contains the ``folder``, its ``size``, and the largest
        ``limit``.

    Examples
    --------
    >>> from sunpy_helio_plugins import her
    >>> print(her.cache.info().colnames)
    ['Server', 'Search', 'Start Time', 'End Time', 'State', 'Requested', 'Reason']
    """
    kept = store()
    rows: list[tuple[str, str, Entry]] = []
    for group, _, entries in kept.summary():
        _, url, question = group.split("\n", 2)
        rows += [(url, question, entry) for entry in entries]
    table = QTable()
    table["Server"] = np.array([row[0] for row in rows], dtype=str)
    table["Search"] = np.array([row[1] for row in rows], dtype=str)
    table["Start Time"] = times.from_datetime64(np.array([row[2].first for row in rows], dtype="M8[ms]"))
    table["End Time"] = times.from_datetime64(np.array([row[2].before - 1 for row in rows], dtype="M8[ms]"))
    table["State"] = np.array([row[2].state.name.lower() for row in rows], dtype=str)
    table["Requested"] = times.from_unix(np.array([row[2].asked for row in rows], dtype=float))
    table["Reason"] = np.array([row[2].why for row in rows], dtype=str)
    table.meta |= {"folder": str(kept.place), "size": kept.size() * u.byte, "limit": kept.limit * u.byte}
    return table


@taking("her.cache.clear")
def clear() -> None:
    """
    Remove the kept events, and what is known of their ranges.

    Examples
    --------
    >>> from sunpy_helio_plugins import her
    >>> her.cache.clear()
    >>> len(her.cache.info())
    0
    """
    store().clear()
