"""The parameters of servers, with the words and datasets in which they occur, as arrays."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from astropy import units as u
from numpy.typing import NDArray

from sunpy_helio_plugins.hapi.discovery.index import Entry
from sunpy_helio_plugins.hapi.discovery.question import cadence_of
from sunpy_helio_plugins.hapi.discovery.vocabulary import Phrase, name_tokens, tokens, vocabulary
from sunpy_helio_plugins.quantities.spans import seconds as seconds_of
from sunpy_helio_plugins.quantities.units import parse

__all__ = ["Corpus", "Degrees", "Rows"]

Rows = NDArray[np.int32]
Degrees = NDArray[np.float32]
"""One number from 0 to 1 for each parameter."""

MOST_KEPT = 256


@dataclass
class Postings:
    """The rows in which each word occurs."""

    rows: dict[str, list[int]] = field(default_factory=dict)
    _arrays: dict[str, Rows] = field(default_factory=dict)

    def add(self, words: Iterable[str], row: int) -> None:
        for word in words:
            self.rows.setdefault(word, []).append(row)

    def of(self, word: str) -> Rows:
        """Return the rows of a word."""
        if word not in self._arrays:
            self._arrays[word] = np.array(self.rows.get(word, ()), dtype=np.int32)
        return self._arrays[word]

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
    servers : sequence of (str, str, sequence of Entry)
        The name, the title and the datasets of each server.
    """

    def __init__(self, servers: Sequence[tuple[str, str, Sequence[Entry]]]) -> None:
        self.datasets: list[Entry] = []
        self.servers: list[str] = []
        self.parameters: list[tuple[str, str, str]] = []
        """The name, the unit and the description of each parameter."""
        owners: list[int] = []
        lengths: list[int] = []
        self.own, self.named, self.context = Postings(), Postings(), Postings()
        self.observers: list[frozenset[str]] = []
        """The observatories of each dataset."""
        for name, title, entries in servers:
            for entry in entries:
                place = len(self.datasets)
                self.datasets.append(entry)
                self.servers.append(name)
                said = str(entry.info.get("description") or "")
                self.context.add({*name_tokens(entry.id), *tokens(f"{entry.title} {said}"[:600])}, place)
                self.observers.append(vocabulary().observed_by(entry.id, entry.title, said, title))
                for parameter in entry.parameters or [{"name": ""}]:
                    row = len(self.parameters)
                    text = _described(parameter)
                    self.parameters.append((str(parameter["name"]), _unit_text(parameter.get("units")), text))
                    names = name_tokens(str(parameter["name"]))
                    words = names | set(tokens(_WITHOUT.sub(" ", text)))
                    self.named.add(names, row)
                    self.own.add(words, row)
                    owners.append(place)
                    lengths.append(len(words - vocabulary().stop))
        self.owner = np.array(owners, dtype=np.int32)
        self.lengths = np.array(lengths, dtype=np.float32)
        self.kept: dict[Hashable, Degrees] = {}
        """What earlier questions needed, at most `MOST_KEPT`."""
        self._fitting: dict[tuple[u.UnitBase, ...], NDArray[np.bool_]] = {}

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
        of_datasets = np.array([_cadence(one) for one in self.datasets], dtype=float)[self.owner]
        said = (cadence_of(unit) or cadence_of(text) for _, unit, text in self.parameters)
        own = np.array([np.nan if one is None else one for one in said], dtype=float)
        return np.where(np.isnan(of_datasets), own, of_datasets)

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
        if examples not in self._fitting:
            units, numbers = self.units
            fits = [unit is not None and any(unit.is_equivalent(one) for one in examples) for unit in units]
            self._fitting[examples] = np.array(fits, dtype=bool)[numbers] if fits else np.zeros(0, dtype=bool)
        return self._fitting[examples]

    @cached_property
    def has_unit(self) -> NDArray[np.bool_]:
        """Which parameters have a text that is a unit with a physical type."""
        units, numbers = self.units
        known = [unit is not None and unit.decompose().bases != [] for unit in units]
        return np.array(known, dtype=bool)[numbers] if known else np.zeros(0, dtype=bool)

    def keep(self, key: Hashable, make: Callable[[], Degrees]) -> Degrees:
        """Return what was made for a key, or make it."""
        if key not in self.kept:
            if len(self.kept) >= MOST_KEPT:
                self.kept.clear()
            self.kept[key] = make()
        return self.kept[key]


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


def _cadence(entry: Entry) -> float:
    stated = seconds_of(str(entry.info.get("cadence") or ""))
    if stated is not None:
        return stated
    found = [cadence_of(re.sub(r"(?<=\d)M\b", " min", text)) for text in (entry.id, entry.title) if text]
    return next((one for one in found if one is not None), np.nan)
