"""The values of one keyword of many events, in the most compact of five forms."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, repeat
from typing import Any, overload

import msgspec
import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.quantities.exact import exact_json

__all__ = ["Cells", "JoinedTexts", "joined", "nothing", "repeated", "value_of_json"]

Rows = NDArray[np.intp]

_NOTHING = frozenset({type(None)})
_NUMBERS = frozenset({int, float, type(None)})
_TEXTS: frozenset[type] = frozenset({str, type(None)})
_TRUTHS = frozenset({bool, type(None)})

_LARGEST = 2.0**53
"""Floats cannot represent all integers from here on."""

_SAMPLE, _MOST_IN_SAMPLE = 64, 16
"""The number of values from which it is estimated whether few of them are different."""


@dataclass(frozen=True, eq=False, slots=True)
class JoinedTexts(Sequence[str | None]):
    """
    Texts one after the other, which need a third of the memory of a list of them.

    Attributes
    ----------
    text : str
        All texts.
    starts, lengths : numpy.ndarray
        Where each begins, and its length; negative for `None`.
    """

    text: str
    starts: NDArray[np.int64]
    lengths: NDArray[np.int32]

    @classmethod
    def of(cls, values: Sequence[str | None]) -> JoinedTexts:
        """Join texts."""
        given: Any = values
        try:
            lengths = np.fromiter(map(len, given), dtype=np.int32, count=len(values))
        except TypeError:  # of None
            lengths = np.array([-1 if value is None else len(value) for value in values], dtype=np.int32)
            given = filter(None, values)
        return cls.of_lengths("".join(given), lengths)

    @classmethod
    def of_lengths(cls, text: str, lengths: NDArray[np.int32]) -> JoinedTexts:
        """Return texts that follow each other; `None` has a negative length."""
        return cls(text, _begins(lengths), lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    @overload
    def __getitem__(self, item: int) -> str | None: ...
    @overload
    def __getitem__(self, item: slice) -> list[str | None]: ...

    def __getitem__(self, item: int | slice) -> str | list[str | None] | None:
        """Return a text, or a list of them."""
        if isinstance(item, slice):
            return self.take(np.arange(len(self))[item]).values
        start, length = int(self.starts[item]), int(self.lengths[item])
        return None if length < 0 else self.text[start : start + length]

    def __iter__(self) -> Iterator[str | None]:
        return iter(self.values)

    @property
    def values(self) -> list[str | None]:
        """The texts."""
        text, ends = self.text, self.starts + self.lengths
        made: list[str | None] = [
            text[first:end] for first, end in zip(self.starts.tolist(), ends.tolist(), strict=True)
        ]
        for row in np.flatnonzero(self.lengths < 0).tolist():
            made[row] = None
        return made

    @property
    def filled(self) -> NDArray[np.intp]:
        """The rows with a text that is not empty."""
        return np.flatnonzero(self.lengths > 0)

    def compact(self) -> str:
        """Return all texts one after the other, without what is between them."""
        rows = self.filled
        if not len(rows):
            return ""
        starts = self.starts[rows]
        ends = starts + self.lengths[rows]
        breaks = np.flatnonzero(starts[1:] != ends[:-1])
        first, last = starts[np.append(0, breaks + 1)], ends[np.append(breaks, len(rows) - 1)]
        pieces = zip(first.tolist(), last.tolist(), strict=True)
        return "".join(self.text[start:end] for start, end in pieces)

    def take(self, rows: Any) -> JoinedTexts:
        """Return the texts of some rows."""
        return JoinedTexts(self.text, self.starts[rows], self.lengths[rows])

    def without(self, rows: Any) -> JoinedTexts:
        """Return the texts with `None` in some rows."""
        lengths = self.lengths.copy()
        lengths[rows] = -1
        return JoinedTexts(self.text, self.starts, lengths)

    def letters(self) -> NDArray[np.str_]:
        """Return the texts as an array; `None` is empty."""
        rows, width = self.filled, max(int(self.lengths.max(initial=0)), 1)
        codes = np.frombuffer(self.compact().encode("utf-32-le", "surrogatepass"), dtype="<u4")
        lengths = self.lengths[rows]
        if len(rows) == len(self) and (lengths == width).all():
            return codes.copy().view(f"<U{width}")
        made = np.zeros((len(self), width), dtype="<u4")
        made[np.arange(width) < np.maximum(self.lengths, 0)[:, None]] = codes
        return made.view(f"<U{width}")[:, 0]


def _begins(lengths: NDArray[np.int32]) -> NDArray[np.int64]:
    ends = np.cumsum(np.maximum(lengths, 0), dtype=np.int64)
    return ends - np.maximum(lengths, 0)


@dataclass(frozen=True, eq=False, slots=True)
class Cells:
    """
    The values of one keyword, in one of five forms.

    Attributes
    ----------
    kinds : frozenset of type
        Their types.
    numbers, are_whole : numpy.ndarray or None
        Numbers, NaN for `None`, and which of them are integers.
    words, places : list and numpy.ndarray, or None
        The different values in the order of their first rows, and the index of each row's.
    texts : JoinedTexts or None
        Texts, most of which are different.
    nested : JoinedTexts or None
        Lists and objects, as JSON.
    objects : list or None
        The values themselves.
    """

    kinds: frozenset[type]
    numbers: NDArray[np.float64] | None = None
    are_whole: NDArray[np.bool_] | None = None
    words: list[Any] | None = None
    places: NDArray[np.int32] | None = None
    texts: JoinedTexts | None = None
    nested: JoinedTexts | None = None
    objects: list[Any] | None = None

    @classmethod
    def of(cls, values: Sequence[Any]) -> Cells:
        """Return values in their most compact form."""
        first, last = (values[0], values[-1]) if values else (None, None)
        if (first is None or type(first) is str) and first == last and values.count(first) == len(values):
            # Most columns of a response.
            return cls(frozenset({type(first)}), words=[first], places=repeated(len(values)))
        kinds = frozenset(map(type, values))
        if msgspec.Raw in kinds:
            return _of_json(values, kinds)
        if kinds <= _NUMBERS:
            return _numbers(values, kinds) or cls(kinds, objects=list(values))
        if not (kinds <= _TEXTS or kinds <= _TRUTHS):
            return cls(kinds, objects=list(values))
        if len(set(values[:_SAMPLE])) <= _MOST_IN_SAMPLE or kinds <= _TRUTHS:
            known = {value: place for place, value in enumerate(dict.fromkeys(values))}
            return cls(kinds, words=list(known), places=_places(known, values))
        return cls(kinds, texts=JoinedTexts.of(values))

    def __len__(self) -> int:
        forms = self.numbers, self.places, self.texts, self.nested, self.objects
        return len(next(part for part in forms if part is not None))

    @property
    def is_nothing(self) -> bool:
        """Whether all values are missing."""
        return self.kinds <= _NOTHING

    @property
    def different(self) -> list[Any]:
        """The different values, or all of them in the other forms."""
        return self.values if self.words is None else self.words

    @property
    def values(self) -> list[Any]:
        """The values; not to be changed."""
        if self.objects is not None:
            return self.objects
        if self.words is not None:
            return _spread(self.words, self.places).tolist()
        if self.texts is not None:
            return self.texts.values
        if self.nested is not None:
            return list(map(value_of_json, self.nested.values))
        assert self.numbers is not None  # noqa: S101 - one of five forms
        made: list[Any] = self.numbers.tolist()
        for row in np.flatnonzero(np.isnan(self.numbers)).tolist():
            made[row] = None
        for row in [] if self.are_whole is None else np.flatnonzero(self.are_whole).tolist():
            made[row] = int(made[row])
        return made

    def value(self, row: int) -> Any:
        """Return the value of a row."""
        return self.take(np.array([row])).values[0]

    def changed(self, changes: dict[int, Any]) -> Cells:
        """Return the values with others in some rows: numbers or `None`."""
        if self.numbers is None:
            values = list(self.values)
            for row, value in changes.items():
                values[row] = value
            return Cells.of(values)
        data, rows = self.numbers.copy(), list(changes)
        data[rows] = np.array(list(changes.values()), dtype=float)
        whole = None if self.are_whole is None else self.are_whole.copy()
        if whole is not None:
            whole[rows] = False
        return _of_numbers(data, whole)

    def take(self, rows: Rows) -> Cells:
        """Return the values of some rows."""
        if self.words is not None and self.places is not None:
            return _of_words(self.words, self.places[rows])
        if self.numbers is not None:
            whole = None if self.are_whole is None else self.are_whole[rows]
            return _of_numbers(self.numbers[rows], whole)
        if self.texts is not None:
            return _of_texts(self.texts.take(rows))
        if self.nested is not None:
            return _of_nested(self.nested.take(rows))
        found = _spread(self.values, rows).tolist()
        return Cells(frozenset(map(type, found)), objects=found)

    def without(self, rows: Rows) -> Cells:
        """Return the values with `None` in some rows."""
        if not len(rows) or self.is_nothing:
            return self
        if self.texts is not None:
            return _of_texts(self.texts.without(rows))
        if self.nested is not None:
            return _of_nested(self.nested.without(rows))
        if self.words is not None and self.places is not None:
            words = self.words if None in self.words else [*self.words, None]
            places = self.places.copy()
            places[rows] = words.index(None)
            return _of_words(words, places)
        return self.changed(dict.fromkeys(rows.tolist()))


def value_of_json(text: str | bytes | None) -> Any:
    """Return a value from JSON that was found to be valid; `None` from `None`."""
    if text is None:
        return None
    try:
        return msgspec.json.decode(text)
    except msgspec.ValidationError:
        # A number that is too large is infinite.
        return exact_json(text, strict=False)


def _of_json(values: Sequence[Any], kinds: frozenset[type]) -> Cells:
    """Return values of which some are the JSON of lists and objects."""
    if kinds - {msgspec.Raw, type(None)}:
        return Cells.of([value_of_json(bytes(one)) if type(one) is msgspec.Raw else one for one in values])
    texts = [None if one is None or one == b"null" else one for one in (one and bytes(one) for one in values)]
    together = b"".join(filter(None, texts))
    if not together.isascii() or {one[:1] for one in texts if one is not None} - {b"[", b"{"}:
        return Cells.of([value_of_json(one) for one in texts])
    lengths = np.array([-1 if one is None else len(one) for one in texts], dtype=np.int32)
    return _of_nested(JoinedTexts.of_lengths(together.decode("ascii"), lengths))


def _of_nested(texts: JoinedTexts) -> Cells:
    if (texts.lengths < 0).all():
        return nothing(len(texts))
    first = {texts.text[start] for start in texts.starts[texts.filled].tolist()}
    found = (list, "[" in first), (dict, "{" in first), (type(None), bool((texts.lengths < 0).any()))
    return Cells(frozenset(kind for kind, is_found in found if is_found), nested=texts)


def nothing(count: int) -> Cells:
    """Return missing values."""
    return Cells(_NOTHING, words=[None], places=repeated(count))


@lru_cache(maxsize=64)
def repeated(count: int) -> NDArray[np.int32]:
    """Return the places of the only word in each of some rows, which cannot be changed."""
    return np.broadcast_to(np.int32(0), count)


def _places(known: dict[Any, int], values: Sequence[Any]) -> NDArray[np.int32]:
    if len(known) == 1:
        return repeated(len(values))
    return np.fromiter(map(known.__getitem__, values), dtype=np.int32, count=len(values))


def _spread(values: list[Any], rows: Any) -> NDArray[np.object_]:
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return np.asarray(made[rows])


def _of_words(words: list[Any], places: NDArray[np.int32]) -> Cells:
    """Return words, without those that do not occur, in the order of their first rows."""
    count = len(places)
    if len(words) == 1 and count:
        return Cells(frozenset({type(words[0])}), words=words, places=repeated(count))
    first = np.full(len(words), count)
    # Of several rows of a word, the last one that is assigned is the first row.
    first[places[::-1]] = np.arange(count)[::-1]
    order = np.argsort(first, kind="stable")[: np.count_nonzero(first < count)]
    new = np.zeros(len(words), dtype=np.int32)
    new[order] = np.arange(len(order))
    kept = [words[one] for one in order.tolist()]
    return Cells(frozenset(map(type, kept)), words=kept, places=repeated(count) if len(kept) == 1 else new[places])


def _numbers(values: Sequence[Any], kinds: frozenset[type]) -> Cells | None:
    """Return numbers as an array; `None` if they could not be restored from it."""
    count, gaps = len(values), 0
    given: Sequence[float] = values
    if type(None) in kinds:
        gaps, nan = values.count(None), np.nan
        given = [nan if value is None else value for value in values]
    try:
        data = np.fromiter(given, dtype=float, count=count)
    except OverflowError:
        return None
    if float in kinds and np.count_nonzero(np.isnan(data)) != gaps:
        return None
    if int not in kinds:
        return Cells(kinds, numbers=data)
    if (np.abs(data) >= _LARGEST).any():
        return None
    if float in kinds:
        whole = np.fromiter(map(operator.is_, map(type, values), repeat(int)), dtype=bool, count=count)
    else:
        whole = ~np.isnan(data) if gaps else np.ones(count, dtype=bool)
    return Cells(kinds, numbers=data, are_whole=whole)


def _of_numbers(data: NDArray[np.float64], whole: NDArray[np.bool_] | None) -> Cells:
    gone = np.isnan(data)
    are_whole = np.zeros(len(data), dtype=bool) if whole is None else whole
    found = (type(None), gone.any()), (int, are_whole.any()), (float, not (gone | are_whole).all())
    kinds = frozenset(kind for kind, is_found in found if is_found)
    if kinds <= _NOTHING:
        return nothing(len(data))
    return Cells(kinds, numbers=data, are_whole=whole if int in kinds else None)


def joined(parts: Sequence[Cells]) -> Cells:
    """Return the values of several parts one after the other."""
    if len(parts) == 1:
        return parts[0]
    kinds = frozenset(chain.from_iterable(part.kinds for part in parts))
    if kinds <= _NUMBERS and all(part.numbers is not None or part.is_nothing for part in parts) and kinds - _NOTHING:
        return _joined_numbers(parts, kinds)
    if kinds <= _TEXTS and any(part.texts is not None for part in parts):
        return Cells(kinds, texts=_joined_texts([part.texts or JoinedTexts.of(part.values) for part in parts]))
    if all(part.nested is not None or part.is_nothing for part in parts) and kinds - _NOTHING:
        return Cells(kinds, nested=_joined_texts([part.nested or JoinedTexts.of(part.values) for part in parts]))
    if any(part.words is None for part in parts) or not (kinds <= _TEXTS or kinds <= _TRUTHS):
        return Cells(kinds, objects=list(chain.from_iterable(part.values for part in parts)))
    known = {word: place for place, word in enumerate(dict.fromkeys(chain.from_iterable(p.different for p in parts)))}
    if len(known) == 1:
        return Cells(kinds, words=list(known), places=repeated(sum(map(len, parts))))
    places = [np.array([known[word] for word in part.different], dtype=np.int32)[part.places] for part in parts]
    return Cells(kinds, words=list(known), places=np.concatenate(places))


def _joined_texts(parts: Sequence[JoinedTexts]) -> JoinedTexts:
    begins = np.cumsum([0, *(len(part.text) for part in parts)])
    starts = np.concatenate([part.starts + begin for part, begin in zip(parts, begins[:-1].tolist(), strict=True)])
    lengths = np.concatenate([part.lengths for part in parts])
    return JoinedTexts("".join(part.text for part in parts), starts, lengths)


def _of_texts(texts: JoinedTexts) -> Cells:
    are_missing = texts.lengths < 0
    if are_missing.all():
        return nothing(len(texts))
    return Cells(_TEXTS if are_missing.any() else frozenset({str}), texts=texts)


def _joined_numbers(parts: Sequence[Cells], kinds: frozenset[type]) -> Cells:
    data = [np.full(len(part), np.nan) if part.numbers is None else part.numbers for part in parts]
    whole = None
    if int in kinds:
        marks = [np.zeros(len(part), dtype=bool) if part.are_whole is None else part.are_whole for part in parts]
        whole = np.concatenate(marks)
    return Cells(kinds, numbers=np.concatenate(data), are_whole=whole)
