"""Names of servers, datasets and parameters in the index, as attributes of the attrs (tab completion)."""

from __future__ import annotations

import keyword
import re
import string
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sunpy.net.attr import AttrMeta

from sunpy_helio_plugins.hapi import server_list
from sunpy_helio_plugins.hapi.query import PROVIDER

if TYPE_CHECKING:
    from sunpy_helio_plugins.hapi.discovery.index import IndexState

__all__ = ["Completed", "identifier"]

_PUNCTUATION = re.compile(f"[{re.escape(string.punctuation)}\\s]")

_Dataset = tuple[str, str, str, tuple[str, ...]]
"""The server, the id, the title and the names of the parameters of a dataset."""

_registered: dict[str, tuple[tuple[str, tuple[IndexState, ...]], set[str]]] = {}
"""For each attr, the state of the index whose names it has, and these names."""


def identifier(name: str) -> str:
    """Return a name as an attribute, in lower case as those of sunpy; empty if nothing of it remains."""
    text = _PUNCTUATION.sub("_", name)
    text = "".join(char for char in text if char.isidentifier() or char.isnumeric()).lower()
    text = f"n{text}" if text[:1].isnumeric() else text
    return f"{text}_" if keyword.iskeyword(text) else text


class Completed(AttrMeta):
    """The class of attrs whose values are completed by the index, as soon as it knows a server."""

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            _complete(self, self.__name__)
        return super().__getattr__(name)

    def __dir__(self) -> list[str]:
        _complete(self, self.__name__)
        names: list[str] = super().__dir__()
        return names

    def __str__(self) -> str:
        _complete(self, self.__name__)
        return super().__str__()


def _complete(attr: Any, kind: str) -> None:
    """Register the names that the index knows for an attr, again only if the index has changed."""
    from sunpy_helio_plugins.hapi.discovery.index import default, known_states, private

    names = _NAMES.get(kind)
    if names is None:
        return
    states = tuple(known_states().values())
    state = (str(default().path), states)
    before, added = _registered.get(kind, (("", ()), set()))
    if before == state or (not states and not added):
        return
    registry = AttrMeta._attr_registry[attr]
    kept = [row for row in zip(*registry, strict=True) if row[0] not in added]
    taken = {row[0] for row in kept}
    new: dict[str, tuple[str, str, str, str]] = {}
    known = {row[:2]: row for index in (default(), private()) for row in index.names()}
    for name, value, told in names(states, tuple(known.values())):
        short = identifier(name)
        if short.isidentifier() and short not in taken:
            new.setdefault(short, (short, PROVIDER, value, told))
    rows = [*kept, *new.values()]
    for place, column in enumerate(registry):
        column[:] = [row[place] for row in rows]
    _registered[kind] = (state, set(new))


def _servers(states: Sequence[IndexState], _: Sequence[_Dataset]) -> Iterator[tuple[str, str, str]]:
    """Yield the servers without a short name by their hosts, and also by their paths if several have the same host."""
    others = [one for one in states if server_list.name_of(one.url) == one.url]
    hosts = Counter(server_list.find(one.url).name for one in others)
    for one in others:
        host = server_list.find(one.url).name
        yield host if hosts[host] == 1 else one.url.partition("://")[2], one.url, one.title


def _datasets(_: Sequence[IndexState], known: Sequence[_Dataset]) -> Iterator[tuple[str, str, str]]:
    """Yield the ids, with the server in the value, and also in the name if several servers have the same id."""
    rows = [(server_list.name_of(url), one, title) for url, one, title, _ in known]
    counts = Counter(identifier(one) for _, one, _ in rows)
    for server, one, title in rows:
        is_single = counts[identifier(one)] == 1
        yield one if is_single else f"{server}_{one}", f"{server}/{one}", title


def _parameters(_: Sequence[IndexState], known: Sequence[_Dataset]) -> Iterator[tuple[str, str, str]]:
    for url, one, _title, names in known:
        told = f"{server_list.name_of(url)}/{one}"
        yield from ((name, name, told) for name in names if name)


_NAMES = {"Server": _servers, "Dataset": _datasets, "Parameters": _parameters}
