"""The parameters of servers, with the words and datasets in which they occur, as arrays."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from astropy import units as u
from numpy.typing import NDArray

from sunpy_helio_plugins.hapi.discovery.index import IndexEntry
from sunpy_helio_plugins.hapi.discovery.question import cadence_of
from sunpy_helio_plugins.hapi.discovery.vocabulary import Phrase, name_tokens, tokens, vocabulary
from sunpy_helio_plugins.quantities.spans import seconds as seconds_of
from sunpy_helio_plugins.quantities.units import parse

__all__ = ["Corpus", "Degrees", "Rows"]

Kept = TypeVar("Kept", bound=np.generic)

Rows = NDArray[np.int32]
Degrees = NDArray[np.float32]
"""One number from 0 to 1 for each parameter."""

_MOST_KEPT = 64_000_000
"""Bytes of what is kept from earlier questions."""

_LONGEST_CONTEXT = 600
"""Characters of the title and description of a dataset whose words are searched."""


class Postings:
    """The rows in which each word occurs, in order."""

    def __init__(self) -> None:
        self._rows: dict[str, array[int]] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __contains__(self, word: str) -> bool:
        return word in self._rows

    def add(self, words: Iterable[str], row: int) -> None:
        """Add a row, which follows those that were added before."""
        for word in words:
            if word not in self._rows:
                self._rows[word] = array("i")
            self._rows[word].append(row)

    def of(self, word: str) -> Rows:
        """Return the rows of a word."""
        return np.array(self._rows.get(word, ()), dtype=np.int32)

    def all_of(self, phrase: Phrase) -> Rows:
        """Return the rows with all words of a phrase."""
        found, *others = sorted((self.of(word) for word in phrase), key=len)
        for more in others:
            places = np.searchsorted(more, found)
            found = found[more.take(places, mode="clip") == found] if len(more) else more
        return found


class Corpus:
    """
    The parameters of some servers, with their words.

    Parameters
    ----------
    servers : iterable of (str, str, sequence of IndexEntry)
        The name, the title and the datasets of each server.

    Attributes
    ----------
    datasets, servers, observers : list
        Each dataset, the name of its server, and its observatories.
    parameters : list of (str, str, str)
        The name, the unit and the description of each parameter.
    owner, lengths : numpy.ndarray
        The dataset of each parameter, and the number of its own words.
    own, named, context : Postings
        The parameters with each word, those with each word in their names, and the datasets with each word.
    """

    def __init__(self, servers: Iterable[tuple[str, str, Sequence[IndexEntry]]]) -> None:
        self.datasets: list[IndexEntry] = []
        self.servers: list[str] = []
        self.observers: list[frozenset[str]] = []
        self.parameters: list[tuple[str, str, str]] = []
        self.own, self.named, self.context = Postings(), Postings(), Postings()
        owners, lengths = array("i"), array("i")
        for name, title, entries in servers:
            for entry in entries:
                counts = self._add(name, title, entry)
                lengths.extend(counts)
                owners.extend([len(self.datasets) - 1] * len(counts))
        self.owner = np.array(owners, dtype=np.int32)
        self.lengths = np.array(lengths, dtype=np.float32)
        self._kept: dict[Hashable, NDArray[Any]] = {}

    def _add(self, server: str, title: str, entry: IndexEntry) -> list[int]:
        """Add a dataset, and return the number of words of each of its parameters."""
        said = " ".join(str(entry.info.get(name) or "") for name in ("x_instrument", "resourceID", "description"))
        context = {*name_tokens(entry.id), *tokens(f"{entry.title} {said}"[:_LONGEST_CONTEXT])}
        self.context.add(context, len(self.datasets))
        self.datasets.append(entry)
        self.servers.append(server)
        self.observers.append(vocabulary().observed_by(entry.id, entry.title, said, title))
        counts = []
        # A dataset whose description is not known is found by its title.
        for parameter in entry.parameters or [{"name": ""}]:
            name, text, row = str(parameter["name"]), _described(parameter), len(self.parameters)
            self.parameters.append((name, _unit_text(parameter.get("units")), text))
            names = name_tokens(name)
            words = names | set(tokens(_WITHOUT.sub(" ", text)))
            self.named.add(names, row)
            self.own.add(words, row)
            counts.append(len(words - vocabulary().stop))
        return counts

    def __len__(self) -> int:
        return len(self.parameters)

    @cached_property
    def units(self) -> tuple[list[u.UnitBase | None], Rows]:
        """The distinct units, `None` for texts that are not a unit, and the number of that of each parameter."""
        texts = {text: number for number, text in enumerate(dict.fromkeys(unit for _, unit, _ in self.parameters))}
        numbers = np.array([texts[unit] for _, unit, _ in self.parameters], dtype=np.int32)
        return [parse(text) if text else None for text in texts], numbers

    @cached_property
    def cadences(self) -> NDArray[np.float64]:
        """
        The cadence of each parameter in seconds, NaN if it is unknown.

        It is that of the dataset's description, or else one in its id, its title, or the parameter's own words.
        """
        found = np.array([_cadence(one) for one in self.datasets], dtype=float)[self.owner]
        # Many parameters have the same unit and description.
        said = {texts: cadence_of(texts[0]) or cadence_of(texts[1]) for texts in {one[1:] for one in self.parameters}}
        rows = np.flatnonzero(np.isnan(found))
        found[rows] = [said[self.parameters[row][1:]] or np.nan for row in rows]
        return found

    def of_datasets(self, places: Iterable[int] | Rows) -> NDArray[np.bool_]:
        """Return which parameters belong to some datasets."""
        chosen = np.zeros(len(self.datasets), dtype=bool)
        chosen[np.asarray(list(places) if not isinstance(places, np.ndarray) else places, dtype=np.int64)] = True
        return chosen[self.owner]

    def at(self, places: frozenset[str]) -> NDArray[np.bool_]:
        """Return which parameters belong to datasets of observatories at some places."""
        there = {name for name, one in vocabulary().observatories.items() if one.places & places}
        return self.of_datasets([place for place, names in enumerate(self.observers) if names & there])

    def by(self, observatory: str) -> NDArray[np.bool_]:
        """Return which parameters belong to datasets of an observatory."""
        return self.of_datasets([place for place, names in enumerate(self.observers) if observatory in names])

    def in_units(self, wanted: Iterable[u.UnitBase]) -> NDArray[np.bool_]:
        """Return which parameters have units of the physical types of some units."""
        examples = tuple(wanted)

        def make() -> NDArray[np.bool_]:
            units, numbers = self.units
            fits = [unit is not None and any(unit.is_equivalent(one) for one in examples) for unit in units]
            return np.array(fits, dtype=bool)[numbers] if fits else np.zeros(0, dtype=bool)

        return self.keep(("units", examples), make)

    @cached_property
    def has_unit(self) -> NDArray[np.bool_]:
        """Which parameters have a text that is a unit with a physical type."""
        units, numbers = self.units
        known = [unit is not None and unit.decompose().bases != [] for unit in units]
        return np.array(known, dtype=bool)[numbers] if known else np.zeros(0, dtype=bool)

    def keep(self, key: Hashable, make: Callable[[], NDArray[Kept]]) -> NDArray[Kept]:
        """Return what was made for a key by an earlier question, or make it."""
        found: NDArray[Kept] | None = self._kept.get(key)
        if found is None:
            found = make()
            if (len(self._kept) + 1) * found.nbytes > _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = found
        return found


_WITHOUT = re.compile(r"\(?\bw/o\b[^()]*\)?")


def _described(parameter: Any) -> str:
    texts = [parameter.get("description"), parameter.get("label")]
    flat = [
        part if isinstance(part, str) else " ".join(map(str, part)) for part in texts if isinstance(part, str | list)
    ]
    return " ".join(" ".join(dict.fromkeys(flat)).split())


def _unit_text(units: Any) -> str:
    if isinstance(units, list):
        distinct = list(dict.fromkeys(str(one) for one in units if one))
        return distinct[0] if len(distinct) == 1 else ", ".join(distinct)
    return str(units or "").strip()


def _cadence(entry: IndexEntry) -> float:
    stated = seconds_of(str(entry.info.get("cadence") or ""))
    if stated is not None:
        return stated
    found = [cadence_of(re.sub(r"(?<=\d)M\b", " min", text)) for text in (entry.id, entry.title) if text]
    return next((one for one in found if one is not None), np.nan)
