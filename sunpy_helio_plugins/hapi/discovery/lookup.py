"""The parameters that the index knows, kept in memory until the index changes."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sunpy_helio_plugins.errors import HelioPluginsError, Problem
from sunpy_helio_plugins.hapi import server_list
from sunpy_helio_plugins.hapi.discovery import sources
from sunpy_helio_plugins.hapi.discovery.corpus import Corpus
from sunpy_helio_plugins.hapi.discovery.index import IndexEntry, IndexState, holder, known_states
from sunpy_helio_plugins.hapi.discovery.question import concepts
from sunpy_helio_plugins.hapi.discovery.scores import scores
from sunpy_helio_plugins.hapi.query import is_like, is_pattern
from sunpy_helio_plugins.hapi.server_list import HAPIServer

__all__ = ["corpus", "datasets_about", "datasets_with", "is_about", "prepare", "searchable"]

_MOST = 4
"""Sets of servers whose parameters are kept in memory."""

_ABOUT = 0.5
"""The least score of a parameter for which a dataset is about the words of an attr."""

_lock = threading.RLock()
_refreshing: dict[str, threading.RLock] = {}
_kept: dict[tuple[tuple[Path, ...], tuple[IndexState, ...]], Corpus] = {}


def searchable() -> dict[str, IndexState]:
    """Return the servers that are indexed, except those that have test data only."""
    return {url: state for url, state in known_states().items() if not server_list.find(url).is_test}


def corpus(states: Iterable[IndexState]) -> Corpus:
    """Return the parameters of some servers."""
    wanted = tuple(states)
    holders = [holder(one.url) for one in wanted]
    key = (tuple(one.path for one in holders), wanted)
    with _lock:
        if key not in _kept:
            pairs = zip(wanted, holders, strict=True)
            made = Corpus([(server_list.name_of(one.url), one.title, held.entries(one.url)) for one, held in pairs])
            while len(_kept) >= _MOST:
                _kept.pop(next(iter(_kept)))
            _kept[key] = made
        _kept[key] = _kept.pop(key)
        return _kept[key]


def prepare(server: HAPIServer, *, progress: bool = True) -> tuple[IndexState, list[Problem]]:
    """
    Return the state of a server that a user named, after a refresh if its index is missing or old.

    If the refresh fails, an old index is used, and the failure is a problem.
    """
    index = sources.index_of(server)
    with _lock:
        refreshing = _refreshing.setdefault(server.url, threading.RLock())
    # Several queries of one search may need the same index.
    with refreshing:
        state = index.states().get(server.url)
        if state is not None and state.is_fresh:
            return state, []
        try:
            problems = sources.refresh_server(index, server, progress=progress)
        except HelioPluginsError as error:
            if state is None:
                raise
            text = f"The index of {server.archive} is old, and could not be refreshed: {error}"
            problems = [Problem.of_error(error, text)]
        return index.states().get(server.url) or IndexState(
            server.url, server.title, server.archive, 0.0, None
        ), problems


def datasets_about(state: IndexState, words: Sequence[str]) -> list[str]:
    """Return the datasets of a server with a parameter that matches each of some words."""
    known = corpus([state])
    found: dict[str, None] | None = None
    for text in words:
        asked = concepts(text)
        rows = np.flatnonzero(scores(known, asked) >= _ABOUT)
        mine = {known.datasets[place].id: None for place in np.unique(known.owner[rows])}
        found = mine if found is None else {one: None for one in found if one in mine}
    return list(found or ())


def is_about(dataset: str, info: Mapping[str, Any], words: Sequence[str]) -> bool:
    """Return whether a dataset has a parameter that matches each of some words."""
    known = Corpus([("", "", [IndexEntry.of(dataset, "", info)])])
    asked = [concepts(text) for text in words]
    return all(one and bool((scores(known, one) >= _ABOUT).any()) for one in asked)


def datasets_with(state: IndexState, names: Sequence[str]) -> list[str]:
    """Return the datasets of a server with parameters of all names or patterns."""
    known = corpus([state])
    chosen = np.ones(len(known.datasets), dtype=bool)
    for wanted in names:
        rows = [
            row for row, (name, _, _) in enumerate(known.parameters)
            if name == wanted or (is_pattern(wanted) and is_like(name, wanted))
        ]  # fmt: skip
        having = np.zeros(len(known.datasets), dtype=bool)
        having[known.owner[rows]] = True
        chosen &= having
    return [known.datasets[place].id for place in np.flatnonzero(chosen)]
