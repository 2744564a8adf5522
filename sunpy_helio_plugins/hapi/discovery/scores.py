"""Rank the parameters of an index by a question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from sunpy_helio_plugins.hapi.discovery.concept_scores import degrees_of, of_phrases
from sunpy_helio_plugins.hapi.discovery.corpus import Corpus, Degrees
from sunpy_helio_plugins.hapi.discovery.index import IndexEntry
from sunpy_helio_plugins.hapi.discovery.question import Concept, groups
from sunpy_helio_plugins.hapi.discovery.vocabulary import Phrase, name_tokens, tokens, vocabulary

__all__ = ["Hit", "rank", "scores"]

_MINOR = 0.7
"""The factor for uncertainties, flags and counts."""

_UNASKED = 0.93
"""The factor for a rare species if the question does not name a species."""

_MISSED, _NEARLY_NOTHING = 0.55, 0.2
"""The factor for each quantity, species, observatory or instrument that is not matched, and the degree below this."""

_TOGETHER = 0.7
"""How well one of several quantities is matched by another parameter of the same dataset."""

_ABSENT, _COMMON, _RAREST, _SPREAD = 0.1, 0.2, 1.6, 3.0
"""Factors for a word that no description contains, that all contain, and that few contain; and the scale between."""

_COVERAGE = 0.12
"""The part of the score that says which part of the parameter's own words the question contains."""

_AGAIN, _ALIKE = 0.8, 0.94
"""Factors for each further parameter of a dataset, and for each further dataset with an equal one."""

_CANDIDATES = 400
_LEAST, _LEAST_OF_BEST = 0.15, 0.3
"""The least score of a hit, and its least part of the best score."""

_SHOWN = 60
_REASON = 0.3
"""The least degree of a part of the question that is one of the reasons."""


@dataclass(frozen=True)
class Hit:
    """A parameter that was found: its row in the corpus, its score from 0 to 1, and the reasons."""

    row: int
    score: float
    why: tuple[str, ...]


_MUST = frozenset({"quantity", "observatory", "instrument", "species"})
"""The kinds of concepts that lower a score if they are not matched."""


def _combined(corpus: Corpus, asked: Sequence[Concept]) -> Degrees:
    """Return one array for the meanings of the same words, such as two spacecraft of one name: the best of them."""
    found = [degrees_of(corpus, one) for one in asked]
    return np.maximum.reduce(found) if len(found) > 1 else found[0]


def scores(corpus: Corpus, asked: Sequence[Concept]) -> Degrees:
    """Return the score of each parameter, from 0 to 1."""
    total = np.zeros(len(corpus), dtype=np.float32)
    factor = np.ones(len(corpus), dtype=np.float32)
    weights = 0.0
    parts = groups(asked)
    quantities = sum(part[0].kind == "quantity" for part in parts)
    for part in parts:
        found = _combined(corpus, part)
        if part[0].kind == "quantity" and quantities > 1 and len(corpus):
            found = np.maximum(found, np.float32(_TOGETHER) * _anywhere(corpus, found))
        weight = part[0].weight
        if part[0].kind == "word":
            weight *= _rarity(corpus, found)
        total += np.float32(weight) * found
        weights += weight
        if part[0].kind in _MUST:
            factor[found < _NEARLY_NOTHING] *= _MISSED
    if not weights:
        return total
    score = total / np.float32(weights) * factor
    score *= _minor(corpus, asked) * _rare(corpus, asked)
    return score * np.float32(1 - _COVERAGE) + score * np.float32(_COVERAGE) * _coverage(corpus, asked)


def _anywhere(corpus: Corpus, found: Degrees) -> Degrees:
    """Return for each parameter the highest degree in its dataset."""
    highest = np.zeros(len(corpus.datasets), dtype=np.float32)
    np.maximum.at(highest, corpus.owner, found)
    return highest[corpus.owner]


def _rarity(corpus: Corpus, found: Degrees) -> float:
    """Return a factor for a word: little for one that most descriptions contain, or none."""
    count = int(np.count_nonzero(found))
    return float(np.clip(np.log(len(corpus) / count) / _SPREAD, _COMMON, _RAREST)) if count else _ABSENT


def _minor(corpus: Corpus, asked: Sequence[Concept]) -> Degrees:
    """Return a factor for uncertainties, flags and the like, except of the kinds that are asked for."""
    said = {word for one in asked for word in one.words}
    kinds = vocabulary().minor
    lowered = frozenset(kind for kind, phrases in kinds.items() if not any(map(said.issuperset, phrases)))

    def make() -> Degrees:
        factor = np.ones(len(corpus), dtype=np.float32)
        for phrase in (phrase for kind in lowered for phrase in kinds[kind]):
            factor[corpus.own.all_of(phrase)] = _MINOR
        return factor

    return corpus.keep(("minor", lowered), make)


def _rare(corpus: Corpus, asked: Sequence[Concept]) -> Degrees:
    """Return a factor for the parameters of rare species: without a species, the main one is meant."""
    if any(one.kind == "species" for one in asked):
        return np.ones(len(corpus), dtype=np.float32)
    return corpus.keep("rare", lambda: _rare_species(corpus))


def _rare_species(corpus: Corpus) -> Degrees:
    factor = np.ones(len(corpus), dtype=np.float32)
    for term in vocabulary().species.values():
        if term.is_rare:
            factor[of_phrases(corpus, term.phrases, 1.0, 0.0) > 0] = _UNASKED
    return factor


def _coverage(corpus: Corpus, asked: Sequence[Concept]) -> Degrees:
    """Return which part of a parameter's own words belongs to the question."""
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
    """Lower the scores of repetitions, and return the best rows with their scores."""
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
    scored.sort(key=lambda one: -one[1])
    least = max(_LEAST, _LEAST_OF_BEST * scored[0][1]) if scored else _LEAST
    return [one for one in scored if one[1] >= least][:limit]


def reasons(corpus: Corpus, asked: Sequence[Concept], row: int) -> list[str]:
    """Return why a parameter was found: its description, and where each part of the question is."""
    name, unit, text = corpus.parameters[row]
    entry = corpus.datasets[int(corpus.owner[row])]
    words = name_tokens(name) | set(tokens(text))
    said: list[str] = []
    other: list[str] = []
    for part in groups(asked):
        one = max(part, key=lambda concept: float(degrees_of(corpus, concept)[row]))
        if float(degrees_of(corpus, one)[row]) <= _REASON:
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


def _other_reason(corpus: Corpus, concept: Concept, row: int, entry: IndexEntry, unit: str) -> str:
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
        return next((f"{name} ({concept.name})" for name in seen), f"{entry.id} has {concept.name!r}")
    if concept.kind == "quantity":
        quantity = known.quantities[concept.name]
        if corpus.in_units(quantity.implied)[row]:
            return f"{unit!r} is a unit of {concept.name}"
        if quantity.kin and not corpus.in_units(quantity.units)[row]:
            return f"related to {concept.name}"
    return f"{entry.id} has {concept.name!r}"


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
