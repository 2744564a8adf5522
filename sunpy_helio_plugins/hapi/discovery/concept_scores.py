"""How well the parameters match each part of a question."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.hapi.discovery.corpus import Corpus, Degrees, Rows
from sunpy_helio_plugins.hapi.discovery.question import Concept
from sunpy_helio_plugins.hapi.discovery.vocabulary import Phrase, Quantity, Term, vocabulary

__all__ = ["degrees_of", "of_phrases"]

_OWN, _UNIT, _SYMBOL, _CONTEXT, _CODE = 1.0, 0.65, 0.9, 0.5, 0.5
"""How well a quantity is matched by a parameter's own words, by its unit, its symbol, or those of its dataset."""

_OTHER_UNIT, _NO_UNIT = 0.35, 0.8
"""Factors for a unit of another physical type, and for none."""

_KIN, _UNSAID, _RELATED = 0.75, 0.45, 0.6
"""How well a species is matched by a kindred one, and by a parameter that does not name any; a quantity by its kin."""

_UNKNOWN_CADENCE = 0.3
"""How well a cadence is matched by an unknown one."""

_EXCLUDED = 0.3
"""How well a quantity is matched by a phrase that contains its words and has another meaning."""

_NO_PARTICLES = 0.1
"""How well a species is matched by a parameter whose unit is not that of particles."""

_SHORTEST_STEM, _SHORTEST_CODE = 4, 3


def _raise(degrees: Degrees, rows: Rows | NDArray[np.bool_], degree: float) -> None:
    """Raise the degrees of some rows to at least one value."""
    degrees[rows] = np.maximum(degrees[rows], np.float32(degree))


def of_phrases(corpus: Corpus, phrases: Iterable[Phrase], own: float, context: float) -> Degrees:
    """Return degrees by phrases in the words of the parameters, and in those of the parameters and their datasets."""
    degrees = np.zeros(len(corpus), dtype=np.float32)
    for phrase in phrases:
        _raise(degrees, corpus.own.all_of(phrase), own)
        # Most phrases of the vocabulary occur in no dataset.
        if context and all(word in corpus.own or word in corpus.context for word in phrase):
            _raise(degrees, np.logical_and.reduce([_anywhere(corpus, word) for word in phrase]), context)
    return degrees


def _anywhere(corpus: Corpus, word: str) -> NDArray[np.bool_]:
    """Return which parameters have a word, or belong to datasets that have it."""
    found = corpus.of_datasets(corpus.context.of(word))
    found[corpus.own.of(word)] = True
    return found


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
    degrees = of_phrases(corpus, quantity.phrases, _OWN, 0.9 if quantity.is_soft else _CONTEXT)
    for phrase in quantity.excluded:
        rows = corpus.own.all_of(phrase)
        degrees[rows] = np.minimum(degrees[rows], np.float32(_EXCLUDED))
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
        for word in corpus.named:
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
            mine = of_phrases(corpus, other.phrases, 1.0, 0.0) > 0
            for symbol in other.symbols:
                mine[corpus.named.of(symbol)] = True
            named |= mine | _of_codes(corpus, other.codes)
            if name in term.kin:
                _raise(degrees, mine, _KIN)
    _raise(degrees, ~named, _NO_PARTICLES)
    particles = [
        unit for quantity in vocabulary().quantities.values() if quantity.has_species for unit in quantity.units
    ]
    _raise(degrees, ~named & (corpus.in_units(particles) | ~corpus.has_unit), _UNSAID)
    return degrees


def _term(corpus: Corpus, term: Term, own: float, context: float) -> Degrees:
    degrees = of_phrases(corpus, term.phrases, own, context)
    _raise(degrees, _of_codes(corpus, term.codes), context)
    return degrees


def _frame(corpus: Corpus, concept: Concept) -> Degrees:
    return _term(corpus, vocabulary().frames[concept.name], 1.0, 0.8)


def _instrument(corpus: Corpus, concept: Concept) -> Degrees:
    term = vocabulary().instruments[concept.name]
    degrees = _term(corpus, term, 1.0, 1.0)
    for code in (code for code in term.codes if len(code) >= _SHORTEST_CODE):
        longer = [word for word in corpus.context if word.startswith(code) and len(word) > len(code) + 1]
        _raise(degrees, _of_codes(corpus, longer), 0.6)
    return degrees


def _observatory(corpus: Corpus, concept: Concept) -> Degrees:
    return corpus.by(concept.name).astype(np.float32)


def _place(corpus: Corpus, concept: Concept) -> Degrees:
    degrees = of_phrases(corpus, vocabulary().places[concept.name], 0.9, 0.9)
    _raise(degrees, corpus.at(vocabulary().within(concept.name)), 1.0)
    return degrees


def _duration(corpus: Corpus, concept: Concept) -> Degrees:
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = corpus.cadences / concept.seconds
    return np.where(np.isnan(ratio), _UNKNOWN_CADENCE, (ratio > 0.8) & (ratio < 1.25)).astype(np.float32)


def _word(corpus: Corpus, concept: Concept) -> Degrees:
    word = concept.name
    degrees = of_phrases(corpus, dict.fromkeys([concept.words, (word,)]), 1.0, 0.9)
    if len(word) >= _SHORTEST_STEM:
        for one in filter(partial(_is_akin, word), corpus.own):
            _raise(degrees, corpus.own.of(one), 0.7)
        for one in filter(partial(_is_akin, word), corpus.context):
            _raise(degrees, corpus.of_datasets(corpus.context.of(one)), 0.6)
    return degrees


def _is_akin(word: str, other: str) -> bool:
    """Return whether one of two words begins with the other, as *shifted* and *shift*."""
    if other.startswith(word):
        return other != word
    return len(other) >= _SHORTEST_STEM and len(word) - len(other) <= 3 and word.startswith(other)


def _symbol(corpus: Corpus, concept: Concept) -> Degrees:
    return of_phrases(corpus, [concept.words], 1.0, 0.0)


_DEGREES: dict[str, Callable[[Corpus, Concept], Degrees]] = {
    "quantity": _quantity, "species": _species, "frame": _frame, "instrument": _instrument,
    "observatory": _observatory, "place": _place, "cadence": _duration, "word": _word, "symbol": _symbol,
}  # fmt: skip


def degrees_of(corpus: Corpus, concept: Concept) -> Degrees:
    """Return how well each parameter matches a part of a question, from 0 to 1."""
    return corpus.keep(concept, lambda: _DEGREES[concept.kind](corpus, concept))
