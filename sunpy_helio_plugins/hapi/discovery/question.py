"""The words of a question, by what they mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sunpy_helio_plugins.hapi.discovery.vocabulary import Phrase, Vocabulary, tokens, vocabulary

__all__ = ["Concept", "cadence_of", "concepts", "groups"]

_SECONDS = {
    "s": 1.0, "sec": 1.0, "second": 1.0, "min": 60.0, "minute": 60.0, "h": 3600.0, "hr": 3600.0, "hour": 3600.0,
    "day": 86400.0, "d": 86400.0,
}  # fmt: skip
_ADVERBS = {"hourly": 3600.0, "daily": 86400.0, "minutely": 60.0}
_DURATION = re.compile(
    r"(?<![\w.])(\d+(?:\.\d+)?)\s?[-_ ]?\s?(seconds?|secs?|s|minutes?|mins?|hours?|hrs?|h|days?|d)(?![A-Za-z0-9])", re.I
)
_NUMBER = re.compile(r"\d+")
_LONE = re.compile(r"(?<![a-z])(minute|hour|day)(?:ly)?(?: averages?| resolution| cadence)(?![a-z])")

_WEIGHTS = {
    "quantity": 3.0, "species": 2.0, "observatory": 3.0, "instrument": 3.0, "place": 2.0, "frame": 1.5, "cadence": 1.5,
    "symbol": 1.0, "word": 1.5,
}  # fmt: skip


@dataclass(frozen=True)
class Concept:
    """
    A part of a question.

    Attributes
    ----------
    kind : str
        quantity, species, frame, instrument, observatory, place, cadence, symbol or word.
    name : str
        Its name in the vocabulary, or the word.
    words : tuple of str
        The words of the question.
    seconds : float
        The duration of a cadence.
    """

    kind: str
    name: str
    words: Phrase
    seconds: float = 0.0

    @property
    def weight(self) -> float:
        """How much it counts."""
        return _WEIGHTS[self.kind]


def cadence_of(text: str) -> float | None:
    """Return the duration in seconds that a text or an id names; `None` if it does not name one."""
    match = _DURATION.search(text.replace("_", " "))
    if match is None:
        return None
    unit = match[2].lower()
    return float(match[1]) * _SECONDS[unit if unit in _SECONDS else unit.rstrip("s")]


def concepts(text: str) -> list[Concept]:
    """Return the parts of a question, in the order of their first words."""
    known = vocabulary()
    found, rest = _cadences(text)
    given = re.findall(r"[A-Za-z0-9][A-Za-z0-9+.]*", rest.replace("s/c", "spacecraft"))
    words = [(word, one) for one in given for word in tokens(one)]
    joined = {tuple(tokens(one)) for one in re.findall(r"[A-Za-z]+-[A-Za-z0-9]+", rest)}
    place = 0
    while place < len(words):
        length, meanings = _longest(known, words, place)
        pair = tuple(word for word, _ in words[place : place + 2])
        if pair in joined and all(one.kind == "word" for one in meanings):
            length, meanings = 2, [Concept("word", "".join(pair), pair)]
        if meanings:
            found += meanings
        place += length
    return list(dict.fromkeys(found))


def _cadences(text: str) -> tuple[list[Concept], str]:
    found = []
    lower = text.lower()
    seconds = cadence_of(text)
    if seconds is not None:
        match = _DURATION.search(text)
        said = match[0] if match else ""
        found.append(Concept("cadence", said, tuple(tokens(said)), seconds))
        text = text.replace(said, " ", 1)
    for word, value in _ADVERBS.items():
        if re.search(rf"\b{word}\b", lower):
            found.append(Concept("cadence", word, (word,), value))
            text = re.sub(rf"\b{word}\b", " ", text, flags=re.I)
    if not found and (lone := _LONE.search(lower)):
        found.append(Concept("cadence", lone[0], tuple(tokens(lone[0])), _SECONDS[lone[1]]))
        text = text[: lone.start()] + " " + text[lone.end() :]
    return found, text


def _longest(known: Vocabulary, words: list[tuple[str, str]], place: int) -> tuple[int, list[Concept]]:
    """Return the length and the meanings of the longest phrase at a place."""
    for length in range(min(known.longest, len(words) - place), 0, -1):
        part = words[place : place + length]
        phrase = tuple(word for word, _ in part)
        meant = [Concept(kind, name, phrase) for kind, name in known.phrases.get(phrase, ())]
        meant = [one for one in meant if _is_written(known, one, part)]
        if meant:
            return length, _most_likely(meant)
    return 1, list(_single(known, words[place]))


def _most_likely(meant: list[Concept]) -> list[Concept]:
    """Keep one meaning; or several observatories or instruments of one name, or a place and a quantity."""
    first = meant[0]
    if first.kind == "place":
        return [first, *[one for one in meant if one.kind == "quantity"][:1]]
    same = [one for one in meant if one.kind == first.kind]
    return same if first.kind in ("observatory", "instrument") else [first]


def _is_written(known: Vocabulary, concept: Concept, part: list[tuple[str, str]]) -> bool:
    """Return whether a name that is also a common word is written in the question like the name."""
    text = " ".join(word for _, word in part)
    if concept.kind == "observatory":
        exact = [one for one in known.observatories[concept.name].names if one in known.exact]
    elif concept.kind == "instrument":
        exact = [one for one in known.instruments[concept.name].names if one.isupper()]
    else:
        return True
    return not any(tuple(tokens(one)) == concept.words and one != text for one in exact)


def _is_code(known: Vocabulary, name: str, written: str) -> bool:
    one = known.observatories[name]
    return one.codes.fullmatch(written if known.exact.intersection(one.names) else written.upper()) is not None


def _single(known: Vocabulary, word: tuple[str, str]) -> Iterator[Concept]:
    token, written = word
    if token in known.stop or _NUMBER.fullmatch(token):
        return
    coded = [name for name in known.observatories if len(token) > 2 and _is_code(known, name, written)]
    if coded:
        yield from (Concept("observatory", name, (token,)) for name in coded)
        return
    for name, quantity in known.quantities.items():
        if quantity.symbols is not None and quantity.symbols.fullmatch(token):
            yield Concept("quantity", name, (token,))
            yield Concept("symbol", token, (token,))
            return
    yield Concept("word", token, (token,))


def groups(asked: Sequence[Concept]) -> list[list[Concept]]:
    """Return the concepts, those together that are alternatives."""
    found: dict[tuple[str, Phrase], list[Concept]] = {}
    for one in asked:
        found.setdefault((one.kind, one.words), []).append(one)
    return list(found.values())
