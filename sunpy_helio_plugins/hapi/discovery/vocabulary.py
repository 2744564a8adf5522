"""
The words of the field: quantities, species, frames, instruments, observatories and places.

They are in ``synonyms.json`` and ``observatories.json``, which explain their members.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Any

from astropy import units as u

from sunpy_helio_plugins.quantities.exact import kept_json

__all__ = ["Observatory", "Quantity", "Term", "Vocabulary", "name_tokens", "tokens", "vocabulary"]

Phrase = tuple[str, ...]
"""The tokens of a phrase."""

_WORD = re.compile(r"[a-z0-9]+\+*")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NUMBERED = re.compile(r"([a-z]{2,})\d{1,2}")
_FRAMED = re.compile(r"(b|v|e|r|pos|sc|vel)(gse|gsm|rtn|sm|geo|gei|hci|hee|heeq|srf|vso)c?")
_SHORTEST_PART = 3
_ANYWHERE = 4
"""The shortest code of an observatory that may be any part of an id."""


def tokens(text: str) -> list[str]:
    """Return the words of a text in lower case, in the singular."""
    return [_singular(word) for word in _WORD.findall(text.lower().replace("s/c", "spacecraft"))]


@lru_cache(maxsize=65536)
def _singular(word: str) -> str:
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is", "as")):
        return word
    if word.endswith("ies") and len(word) > 5:
        return f"{word[:-3]}y"
    if word.endswith(("xes", "shes", "ches", "sses")):
        return word[:-2]
    return word[:-1]


@lru_cache(maxsize=65536)
def name_tokens(name: str) -> frozenset[str]:
    """Return the words of a name or an id, also those within ``BGSEc``, ``elecDensity``, ``ions1``, ``MAGPLASMA``."""
    found = set(tokens(name))
    found |= set(tokens(_CAMEL.sub(" ", name)))
    for word in tuple(found):
        if match := _NUMBERED.fullmatch(word):
            found.add(_singular(match[1]))
        if match := _FRAMED.fullmatch(word):
            found |= {match[1], match[2]}
        found |= _parts(word)
    abbreviations = vocabulary().abbreviations
    for word in tuple(found):
        found |= set(abbreviations.get(word, ()))
    return frozenset(found)


def _parts(word: str) -> set[str]:
    """Return the two words of the vocabulary of which a word consists."""
    known = vocabulary().words
    if len(word) < 2 * _SHORTEST_PART or word in known:
        return set()
    cuts = range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1)
    pairs = ((_singular(word[:cut]), _singular(word[cut:])) for cut in cuts)
    return next((set(pair) for pair in pairs if known.issuperset(pair)), set())


@dataclass(frozen=True)
class Quantity:
    """
    A physical quantity.

    Attributes
    ----------
    name : str
        What it is called in reasons.
    phrases, excluded : tuple of tuple of str
        Phrases that name it, and longer ones that contain one of these and have another meaning.
    codes : frozenset of str
        Instruments and products in ids of datasets that contain it.
    symbols : re.Pattern or None
        Names that are symbols of it.
    units, implied : tuple of astropy.units.UnitBase
        Examples of its units, and those that suffice without a word.
    is_soft : bool
        Whether its words describe a dataset rather than a parameter.
    kin : tuple of str
        Quantities from which it follows, or that a dataset has in its place.
    elsewhere : frozenset of str
        Codes in ids of datasets in which its words mean something else.
    has_species : bool
        Whether it is a quantity of particles of one species.
    """

    name: str
    phrases: tuple[Phrase, ...]
    excluded: tuple[Phrase, ...] = ()
    codes: frozenset[str] = frozenset()
    symbols: re.Pattern[str] | None = None
    units: tuple[u.UnitBase, ...] = ()
    implied: tuple[u.UnitBase, ...] = ()
    is_soft: bool = False
    kin: tuple[str, ...] = ()
    elsewhere: frozenset[str] = frozenset()
    has_species: bool = False


@dataclass(frozen=True)
class Term:
    """
    A species, frame or instrument.

    Attributes
    ----------
    name : str
        What it is called in reasons.
    phrases : tuple of tuple of str
        Phrases that name it.
    codes : frozenset of str
        Words in ids of datasets that mean it.
    kin : tuple of str
        Terms that may replace it.
    symbols : tuple of str
        Words in names of parameters that mean it.
    is_rare : bool
        Whether it is meant only if it is named.
    names : tuple of str
        The names of an instrument as they are written.
    """

    name: str
    phrases: tuple[Phrase, ...]
    codes: frozenset[str] = frozenset()
    kin: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    is_rare: bool = False
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Observatory:
    """An observatory: patterns of its codes in ids, its names, and the places where it measures."""

    name: str
    codes: re.Pattern[str]
    names: tuple[str, ...]
    places: frozenset[str]
    title: re.Pattern[str] = field(repr=False)
    """The names as words, with their capital letters."""


@dataclass(frozen=True)
class Vocabulary:
    """All words, by kind."""

    quantities: Mapping[str, Quantity]
    species: Mapping[str, Term]
    frames: Mapping[str, Term]
    instruments: Mapping[str, Term]
    observatories: Mapping[str, Observatory]
    places: Mapping[str, tuple[Phrase, ...]]
    contained: Mapping[str, frozenset[str]]
    minor: Mapping[str, tuple[Phrase, ...]]
    stop: frozenset[str]
    exact: frozenset[str]
    abbreviations: Mapping[str, Phrase]

    @cached_property
    def words(self) -> frozenset[str]:
        """The single words of quantities and species, of which longer names may consist."""
        terms: tuple[Quantity | Term, ...] = (*self.quantities.values(), *self.species.values())
        found = {word for term in terms for phrase in term.phrases for word in phrase}
        codes = {code for term in self.quantities.values() for code in term.codes}
        return frozenset(word for word in found | codes | {"plasma"} if len(word) >= _SHORTEST_PART)

    @cached_property
    def phrases(self) -> dict[Phrase, list[tuple[str, str]]]:
        """The kinds and names that each phrase means; places before quantities."""
        found: dict[Phrase, list[tuple[str, str]]] = {}
        for phrase, meaning in self._meanings():
            found.setdefault(phrase, []).append(meaning)
        return found

    @cached_property
    def longest(self) -> int:
        """The number of words of the longest phrase."""
        return max(map(len, self.phrases))

    def _meanings(self) -> Iterator[tuple[Phrase, tuple[str, str]]]:
        for place, phrases in self.places.items():
            yield from ((phrase, ("place", place)) for phrase in phrases)
        kinds: tuple[tuple[str, Mapping[str, Quantity | Term]], ...] = (
            ("quantity", self.quantities), ("species", self.species), ("frame", self.frames),
            ("instrument", self.instruments),
        )  # fmt: skip
        for kind, members in kinds:
            for name, term in members.items():
                yield from ((phrase, (kind, name)) for phrase in term.phrases)
        for name, observatory in self.observatories.items():
            yield from ((tuple(tokens(one)), ("observatory", name)) for one in observatory.names)

    def place(self, text: str) -> str | None:
        """Return the place that a text names."""
        wanted = self._without_stop(tokens(text))
        names = ((name, (tuple(tokens(name)), *phrases)) for name, phrases in self.places.items())
        return next((name for name, phrases in names if wanted in map(self._without_stop, phrases)), None)

    def _without_stop(self, words: Iterable[str]) -> Phrase:
        return tuple(word for word in words if word not in self.stop)

    def within(self, place: str) -> frozenset[str]:
        """Return a place and all that it contains, at any depth."""
        found, left = {place}, [place]
        while left:
            new = self.contained.get(left.pop(), frozenset()) - found
            found |= new
            left += new
        return frozenset(found)

    def observed_by(self, dataset: str, *texts: str) -> frozenset[str]:
        """Return the observatories that the id of a dataset, or else its texts, name."""
        upper = dataset.upper()
        parts = [part for part in re.split(r"[_\-/:@. ]+", upper)[1:] if len(part) >= _ANYWHERE]
        found = {name for name, one in self.observatories.items() if _is_coded(one, upper, parts)}
        if found:
            return frozenset(found)
        for text in (dataset.replace("_", " "), *texts):
            found = {name for name, one in self.observatories.items() if text and one.title.search(text)}
            if found:
                break
        return frozenset(found)


def _is_coded(one: Observatory, dataset: str, parts: Sequence[str]) -> bool:
    return one.codes.match(dataset) is not None or any(map(one.codes.fullmatch, parts))


def _phrases(texts: Iterable[str]) -> tuple[Phrase, ...]:
    return tuple(dict.fromkeys(tuple(tokens(text)) for text in texts))


def _codes(texts: Iterable[str]) -> frozenset[str]:
    """Return codes in the form of the words of an id."""
    return frozenset(word for text in texts for word in tokens(text))


def _units(texts: Iterable[str]) -> tuple[u.UnitBase, ...]:
    return tuple(u.Unit(text) for text in texts)


def _quantity(name: str, said: Mapping[str, Any]) -> Quantity:
    symbols = said.get("symbols")
    return Quantity(
        name, _phrases((*said["words"], name)), _phrases(said.get("except", ())), _codes(said.get("codes", ())),
        re.compile(symbols) if symbols else None, _units(said["units"]), _units(said["implied"]),
        bool(said.get("soft")), tuple(said.get("kin", ())),
        _codes(said.get("elsewhere", ())), bool(said.get("of_species")),
    )  # fmt: skip


def _observatory(name: str, said: Mapping[str, Any]) -> Observatory:
    codes = re.compile(rf"(?:{'|'.join(said['codes']) or '(?!)'})(?![A-Z0-9])")
    names = tuple(dict.fromkeys((*said["names"], name)))
    title = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, said['names']))})(?![\w])")
    return Observatory(name, codes, names, frozenset(said["places"]), title)


def _load(name: str) -> dict[str, Any]:
    text = files("sunpy_helio_plugins.hapi.discovery").joinpath(name).read_text(encoding="utf-8")
    loaded: dict[str, Any] = kept_json(text)
    return loaded


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """Return the words, which are read once."""
    words, places = _load("synonyms.json"), _load("observatories.json")
    species = {
        name: Term(
            name,
            _phrases((*one["words"], name)),
            _codes(one["codes"]),
            tuple(one["kin"]),
            tuple(one["symbols"]),
            bool(one.get("rare")),
        )
        for name, one in words["species"].items()
    }
    instruments = {
        one["names"][0]: Term(one["names"][0], _phrases(one["names"]), _codes(one["codes"]), names=tuple(one["names"]))
        for one in words["instruments"]
    }
    return Vocabulary(
        {name: _quantity(name, one) for name, one in words["quantities"].items()},
        species,
        {name: Term(name, _phrases(one)) for name, one in words["frames"].items()},
        instruments,
        {name: _observatory(name, one) for name, one in places["observatories"].items()},
        {name: _phrases(one["words"]) for name, one in places["places"].items()},
        {name: frozenset(one["contains"]) for name, one in places["places"].items()},
        {name: _phrases(one) for name, one in words["minor"].items()},
        frozenset(words["stop"]),
        frozenset(places["exact"]),
        {short: tuple(tokens(long)) for short, long in words["abbreviations"].items()},
    )
