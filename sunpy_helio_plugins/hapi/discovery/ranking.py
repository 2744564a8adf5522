"""Rank the parameters of an index by a question, with the reasons."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np
from astropy import units as u
from numpy.typing import NDArray

from sunpy_helio_plugins.hapi.discovery.index import Entry
from sunpy_helio_plugins.hapi.discovery.question import Concept, cadence_of
from sunpy_helio_plugins.hapi.discovery.vocabulary import Phrase, Quantity, Term, name_tokens, tokens, vocabulary
from sunpy_helio_plugins.quantities.spans import seconds as seconds_of
from sunpy_helio_plugins.quantities.units import parse

__all__ = ["Corpus", "Hit", "rank", "scores"]

Rows = NDArray[np.int32]
Degrees = NDArray[np.float32]

_OWN, _UNIT, _SYMBOL, _CONTEXT, _CODE = 1.0, 0.65, 0.9, 0.5, 0.5
"""How well a quantity is matched by a parameter's own words, by its unit, its symbol, or those of its dataset."""

_OTHER_UNIT, _NO_UNIT = 0.35, 0.8
"""Factors for a unit of another physical type, and for none."""

_KIN, _UNSAID, _RELATED = 0.75, 0.45, 0.6
"""How well a species is matched by a kindred one, and by a parameter that does not name any; a quantity by its kin."""

_MINOR = 0.7
"""The factor for uncertainties, flags and counts."""

_UNKNOWN_CADENCE = 0.3
"""How well a cadence is matched by an unknown one."""

_UNASKED = 0.93
"""The factor for a rare species if the question does not name a species."""

_MISSED = 0.55
"""The factor for each quantity, observatory or instrument that is not matched at all."""

_COVERAGE = 0.12
"""The part of the score that says which part of the parameter's own words the question contains."""

_AGAIN, _ALIKE = 0.8, 0.94
"""Factors for each further parameter of a dataset, and for each further dataset with an equal one."""

_SHOWN = 60
_SHORTEST_STEM, _SHORTEST_CODE = 4, 3
_CANDIDATES = 600
_LEAST, _REASON = 0.15, 0.3
"""The least score of a hit, and the least degree of a part of the question that is one of its reasons."""


@dataclass(frozen=True)
class Hit:
    """A parameter that was found: its row in the corpus, its score from 0 to 1, and the reasons."""

    row: int
    score: float
    why: tuple[str, ...]


@dataclass
class _Postings:
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
        self.own, self.named, self.context = _Postings(), _Postings(), _Postings()
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
        self.minor: dict[frozenset[str], Degrees] = {}
        self._degrees: dict[Concept, Degrees] = {}
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

    def degrees(self, concept: Concept) -> Degrees:
        """Return how well each parameter matches a part of a question, from 0 to 1."""
        if concept not in self._degrees:
            if len(self._degrees) > 256:
                self._degrees.clear()
            self._degrees[concept] = _DEGREES[concept.kind](self, concept)
        return self._degrees[concept]


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


def _raise(degrees: Degrees, rows: Rows | NDArray[np.bool_], degree: float) -> None:
    """Raise the degrees of some rows to at least one value."""
    degrees[rows] = np.maximum(degrees[rows], np.float32(degree))


def _of_phrases(corpus: Corpus, phrases: Iterable[Phrase], own: float, context: float) -> Degrees:
    """Return degrees by phrases in the words of the parameters, and in those of the parameters and their datasets."""
    degrees = np.zeros(len(corpus), dtype=np.float32)
    for phrase in phrases:
        _raise(degrees, corpus.own.all_of(phrase), own)
        if context:
            both = np.ones(len(corpus), dtype=bool)
            for word in phrase:
                mine = np.zeros(len(corpus), dtype=bool)
                mine[corpus.own.of(word)] = True
                both &= mine | corpus.of_datasets(corpus.context.of(word))
            _raise(degrees, both, context)
    return degrees


def _of_codes(corpus: Corpus, codes: Iterable[str]) -> NDArray[np.bool_]:
    found = [corpus.context.of(code) for code in codes]
    return corpus.of_datasets(np.concatenate([np.zeros(0, dtype=np.int32), *found]))


def _quantity(corpus: Corpus, concept: Concept) -> Degrees:
    every = vocabulary().quantities
    quantity = every[concept.name]
    degrees = _of_quantity(corpus, quantity)
    for name in quantity.kin:
        degrees = np.maximum(degrees, np.float32(_RELATED) * _of_quantity(corpus, every[name]))
    return degrees


def _of_quantity(corpus: Corpus, quantity: Quantity) -> Degrees:
    degrees = _of_phrases(corpus, quantity.phrases, _OWN, 0.9 if quantity.is_soft else _CONTEXT)
    for phrase in quantity.excluded:
        rows = corpus.own.all_of(phrase)
        degrees[rows] = np.minimum(degrees[rows], 0.3)
    if quantity.is_soft:
        _raise(degrees, _of_codes(corpus, quantity.codes), 0.8)
        return degrees
    conforming = corpus.in_units(quantity.units)
    _raise(degrees, _of_codes(corpus, quantity.codes) & (conforming | (not quantity.units)), _CODE)
    _raise(degrees, corpus.in_units(quantity.implied), _UNIT)
    _raise(degrees, _symbols(corpus, quantity) & conforming, _SYMBOL)
    if quantity.units:
        degrees *= np.where(conforming, 1.0, np.where(corpus.has_unit, _OTHER_UNIT, _NO_UNIT)).astype(np.float32)
    if quantity.elsewhere:
        degrees[_of_codes(corpus, quantity.elsewhere)] *= np.float32(_OTHER_UNIT)
    return degrees


def _symbols(corpus: Corpus, quantity: Quantity) -> NDArray[np.bool_]:
    found = np.zeros(len(corpus), dtype=bool)
    if quantity.symbols is not None:
        for word in corpus.named.rows:
            if quantity.symbols.fullmatch(word):
                found[corpus.named.of(word)] = True
    return found


def _species(corpus: Corpus, concept: Concept) -> Degrees:
    every = vocabulary().species
    term = every[concept.name]
    degrees = _term(corpus, term, 1.0, 0.85)
    for symbol in term.symbols:
        _raise(degrees, corpus.named.of(symbol), 0.9)
    named = np.zeros(len(corpus), dtype=bool)
    for name, other in every.items():
        if name != concept.name:
            mine = _of_phrases(corpus, other.phrases, 1.0, 0.0) > 0
            for symbol in other.symbols:
                mine[corpus.named.of(symbol)] = True
            named |= mine | _of_codes(corpus, other.codes)
            if name in term.kin:
                _raise(degrees, mine, _KIN)
    _raise(degrees, ~named, 0.1)
    particles = [
        unit for quantity in vocabulary().quantities.values() if quantity.has_species for unit in quantity.units
    ]
    _raise(degrees, ~named & (corpus.in_units(particles) | ~corpus.has_unit), _UNSAID)
    return degrees


def _term(corpus: Corpus, term: Term, own: float, context: float) -> Degrees:
    degrees = _of_phrases(corpus, term.phrases, own, context)
    _raise(degrees, _of_codes(corpus, term.codes), context)
    return degrees


def _frame(corpus: Corpus, concept: Concept) -> Degrees:
    return _term(corpus, vocabulary().frames[concept.name], 1.0, 0.8)


def _instrument(corpus: Corpus, concept: Concept) -> Degrees:
    term = vocabulary().instruments[concept.name]
    degrees = _term(corpus, term, 1.0, 1.0)
    for code in (code for code in term.codes if len(code) >= _SHORTEST_CODE):
        longer = [word for word in corpus.context.rows if word.startswith(code) and len(word) > len(code) + 1]
        _raise(degrees, _of_codes(corpus, longer), 0.6)
    return degrees


def _observatory(corpus: Corpus, concept: Concept) -> Degrees:
    return corpus.by(concept.name).astype(np.float32)


def _place(corpus: Corpus, concept: Concept) -> Degrees:
    degrees = _of_phrases(corpus, vocabulary().places[concept.name], 0.9, 0.9)
    _raise(degrees, corpus.at(vocabulary().within(concept.name)), 1.0)
    return degrees


def _duration(corpus: Corpus, concept: Concept) -> Degrees:
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = corpus.cadences / concept.seconds
    return np.where(np.isnan(ratio), _UNKNOWN_CADENCE, (ratio > 0.8) & (ratio < 1.25)).astype(np.float32)


def _word(corpus: Corpus, concept: Concept) -> Degrees:
    word = concept.name
    degrees = _of_phrases(corpus, dict.fromkeys([concept.words, (word,)]), 1.0, 0.9)
    if len(word) >= _SHORTEST_STEM:
        for one in filter(partial(_is_akin, word), corpus.own.rows):
            _raise(degrees, corpus.own.of(one), 0.7)
        for one in filter(partial(_is_akin, word), corpus.context.rows):
            _raise(degrees, corpus.of_datasets(corpus.context.of(one)), 0.6)
    return degrees


def _is_akin(word: str, other: str) -> bool:
    """Return whether one of two words begins with the other, as *shifted* and *shift*."""
    if other.startswith(word):
        return other != word
    return len(other) >= _SHORTEST_STEM and len(word) - len(other) <= 3 and word.startswith(other)


def _symbol(corpus: Corpus, concept: Concept) -> Degrees:
    return _of_phrases(corpus, [concept.words], 1.0, 0.0)


_DEGREES: dict[str, Callable[[Corpus, Concept], Degrees]] = {
    "quantity": _quantity, "species": _species, "frame": _frame, "instrument": _instrument,
    "observatory": _observatory, "place": _place, "cadence": _duration, "word": _word, "symbol": _symbol,
}  # fmt: skip

_MUST = frozenset({"quantity", "observatory", "instrument", "species"})


def _combined(corpus: Corpus, asked: Sequence[Concept]) -> Degrees:
    """Return one array for the meanings of the same words, such as two spacecraft of one name: the best of them."""
    found = [corpus.degrees(one) for one in asked]
    return np.maximum.reduce(found) if len(found) > 1 else found[0]


def groups(asked: Sequence[Concept]) -> list[list[Concept]]:
    """Return the concepts, those together that are alternatives."""
    found: dict[tuple[str, Phrase], list[Concept]] = {}
    for one in asked:
        found.setdefault((one.kind, one.words), []).append(one)
    return list(found.values())


def scores(corpus: Corpus, asked: Sequence[Concept]) -> Degrees:
    """Return the score of each parameter, from 0 to 1."""
    total = np.zeros(len(corpus), dtype=np.float32)
    factor = np.ones(len(corpus), dtype=np.float32)
    weights = 0.0
    parts = groups(asked)
    quantities = sum(part[0].kind == "quantity" for part in parts)
    for part in parts:
        degrees = _combined(corpus, part)
        if part[0].kind == "quantity" and quantities > 1 and len(corpus):
            degrees = np.maximum(degrees, 0.7 * _anywhere(corpus, degrees))
        weight = part[0].weight
        if part[0].kind == "word":
            weight *= _rarity(corpus, degrees)
        total += np.float32(weight) * degrees
        weights += weight
        if part[0].kind in _MUST:
            factor[degrees < 0.2] *= _MISSED
    if not weights:
        return total
    score = total / np.float32(weights) * factor
    score *= _minor(corpus, asked) * _rare(corpus, asked)
    return score * np.float32(1 - _COVERAGE) + score * np.float32(_COVERAGE) * _coverage(corpus, asked)


def _anywhere(corpus: Corpus, degrees: Degrees) -> Degrees:
    """Return for each parameter the highest degree in its dataset."""
    highest = np.zeros(len(corpus.datasets), dtype=np.float32)
    np.maximum.at(highest, corpus.owner, degrees)
    return highest[corpus.owner]


def _rarity(corpus: Corpus, degrees: Degrees) -> float:
    """Return a factor for a word: little for one that most descriptions contain, or none."""
    count = int(np.count_nonzero(degrees))
    return 0.1 if not count else float(np.clip(np.log(len(corpus) / count) / 3, 0.2, 1.6))


def _minor(corpus: Corpus, asked: Sequence[Concept]) -> Degrees:
    """Return a factor for uncertainties, flags and the like, except of the kinds that are asked for."""
    said = {word for one in asked for word in one.words}
    kinds = vocabulary().minor
    lowered = frozenset(kind for kind, phrases in kinds.items() if not any(map(said.issuperset, phrases)))
    if lowered not in corpus.minor:
        factor = np.ones(len(corpus), dtype=np.float32)
        for phrase in (phrase for kind in lowered for phrase in kinds[kind]):
            factor[corpus.own.all_of(phrase)] = _MINOR
        corpus.minor[lowered] = factor
    return corpus.minor[lowered]


def _rare(corpus: Corpus, asked: Sequence[Concept]) -> Degrees:
    """Return a factor for the parameters of rare species: without a species, the main one is meant."""
    factor = np.ones(len(corpus), dtype=np.float32)
    if any(one.kind == "species" for one in asked):
        return factor
    for term in vocabulary().species.values():
        if term.is_rare:
            factor[_of_phrases(corpus, term.phrases, 1.0, 0.0) > 0] = _UNASKED
    return factor


def _coverage(corpus: Corpus, asked: Sequence[Concept]) -> Degrees:
    known = vocabulary()
    words = {word for one in asked for word in one.words}
    for one in asked:
        table: Any = {"quantity": known.quantities, "species": known.species, "frame": known.frames}.get(one.kind)
        if table is not None:
            words |= {word for phrase in table[one.name].phrases for word in phrase}
    count = np.zeros(len(corpus), dtype=np.float32)
    for word in words:
        count[corpus.own.of(word)] += 1
    return np.minimum(count / np.maximum(corpus.lengths, 2), 1)


def rank(corpus: Corpus, asked: Sequence[Concept], allowed: Degrees, limit: int) -> list[Hit]:
    """
    Return the best parameters; further ones of a dataset, and equal ones of similar datasets, come later.

    ``allowed`` is a factor for each parameter.
    """
    if not len(corpus) or not asked:
        return []
    found = scores(corpus, asked) * allowed
    rows = _best(found, max(_CANDIDATES, 4 * limit))
    return [Hit(row, score, tuple(reasons(corpus, asked, row))) for row, score in _spread(corpus, found, rows, limit)]


def _best(found: Degrees, count: int) -> list[int]:
    """Return the rows with the highest scores, in this order; equal ones in that of the servers."""
    rows = np.flatnonzero(found >= _LEAST)
    if len(rows) > count:
        least = np.partition(found[rows], len(rows) - count)[len(rows) - count]
        rows = rows[found[rows] >= least]
    ordered: list[int] = rows[np.argsort(-found[rows], kind="stable")][:count].tolist()
    return ordered


@lru_cache(maxsize=65536)
def _family(name: str) -> str:
    """Return what the names of alike datasets or parameters share: all but the numbers and the part of a dataset."""
    return _NUMBERS.sub("#", name.partition("@")[0])


_NUMBERS = re.compile(r"\d+")


def _spread(corpus: Corpus, found: Degrees, rows: Sequence[int], limit: int) -> list[tuple[int, float]]:
    per_dataset: dict[int, int] = {}
    alike: dict[Any, set[int]] = {}
    scored = []
    for row in rows:
        place = int(corpus.owner[row])
        score = float(found[row])
        key = (corpus.servers[place], _family(corpus.datasets[place].id), _family(corpus.parameters[row][0]))
        others = alike.setdefault(key, set())
        score *= _AGAIN ** per_dataset.get(place, 0) * _ALIKE ** len(others - {place})
        per_dataset[place] = per_dataset.get(place, 0) + 1
        others.add(place)
        scored.append((row, score))
    return sorted(scored, key=lambda one: -one[1])[:limit]


def reasons(corpus: Corpus, asked: Sequence[Concept], row: int) -> list[str]:
    """Return why a parameter was found: its description, and where each part of the question is."""
    name, unit, text = corpus.parameters[row]
    entry = corpus.datasets[int(corpus.owner[row])]
    words = name_tokens(name) | set(tokens(text))
    said: list[str] = []
    other: list[str] = []
    for part in groups(asked):
        one = max(part, key=lambda concept: float(corpus.degrees(concept)[row]))
        if float(corpus.degrees(one)[row]) <= _REASON:
            continue
        phrase = next((phrase for phrase in _phrases_of(one) if words.issuperset(phrase)), None)
        if phrase is not None and one.kind not in ("observatory", "cadence"):
            said.append(" ".join(phrase))
        else:
            other.append(_other_reason(corpus, one, row, entry, unit))
    quoted = ", ".join(repr(one) for one in dict.fromkeys(said))
    return [*([f"{quoted} in {_shortened(text or name)!r}"] if quoted else []), *dict.fromkeys(other)]


def _phrases_of(concept: Concept) -> tuple[Phrase, ...]:
    known = vocabulary()
    tables: dict[str, Any] = {
        "quantity": known.quantities, "species": known.species, "frame": known.frames, "instrument": known.instruments,
    }  # fmt: skip
    if concept.kind == "place":
        return known.places[concept.name]
    return tables[concept.kind][concept.name].phrases if concept.kind in tables else (concept.words,)


def _other_reason(corpus: Corpus, concept: Concept, row: int, entry: Entry, unit: str) -> str:
    """Return the reason for a part of a question that is not among the words of a parameter."""
    known = vocabulary()
    if concept.kind == "observatory":
        return f"by {concept.name}"
    if concept.kind == "cadence":
        return f"every {corpus.cadences[row]:g} s"
    if concept.kind == "place":
        within = known.within(concept.name)
        names = sorted(corpus.observers[int(corpus.owner[row])])
        seen = (name for name in names if known.observatories[name].places & within)
        return next((f"{name} is at {concept.name}" for name in seen), f"{entry.id} is about {concept.name}")
    if concept.kind == "quantity":
        quantity = known.quantities[concept.name]
        if corpus.in_units(quantity.implied)[row]:
            return f"{unit!r} is a unit of {concept.name}"
        if quantity.kin and not corpus.in_units(quantity.units)[row]:
            return f"related to {concept.name}"
    return f"{entry.id} has {concept.name!r}"


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
