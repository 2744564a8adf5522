"""Convert the columns of a response to bytes, which are kept beside its body, and back: faster than from its JSON."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.her.records.cells import Cells, JoinedTexts, repeated

__all__ = ["StoredColumns", "bytes_of_columns", "columns_of_bytes"]

VERSION = 2
"""Version 1 did not have ``nested``."""

_KINDS = {kind.__name__: kind for kind in (type(None), bool, int, float, str, list, dict)}


class StoredColumns(NamedTuple):
    """The columns of a response, as of `RecordBlock`, and the relations of its events."""

    layouts: list[tuple[str, ...]]
    counts: list[int]
    order: NDArray[np.intp] | None
    cells: dict[str, Cells]
    associations: list[dict[str, Any]]


class _StoredCells(msgspec.Struct, array_like=True):
    """The values of one keyword, as of `Cells`; arrays as their bytes."""

    kinds: list[str]
    numbers: bytes | None = None
    are_whole: bytes | None = None
    words: list[Any] | None = None
    places: bytes | None = None
    text: str | None = None
    lengths: bytes | None = None
    objects: list[Any] | None = None
    nested: tuple[str, bytes] | None = None


class _StoredBlock(msgspec.Struct):
    version: int
    layouts: list[tuple[str, ...]]
    counts: list[int]
    order: bytes | None
    cells: dict[str, _StoredCells]
    associations: list[dict[str, Any]]


def bytes_of_columns(columns: StoredColumns) -> bytes:
    """Return columns as bytes; empty if they contain values that cannot be stored so."""
    order = None if columns.order is None else columns.order.astype("<i8").tobytes()
    cells = {name: _stored(one) for name, one in columns.cells.items()}
    try:
        return msgspec.msgpack.encode(columns._asdict() | {"version": VERSION, "order": order, "cells": cells})
    except (msgspec.MsgspecError, OverflowError, ValueError, TypeError, RecursionError):
        # Integers beyond 64 bits, or halves of surrogate pairs.
        return b""


def columns_of_bytes(content: bytes) -> StoredColumns | None:
    """Return columns from bytes; `None` if another version stored them. Raise a ValueError if they are damaged."""
    try:
        told = msgspec.msgpack.decode(content, type=_StoredBlock)
        count = sum(told.counts)
        order = None if told.order is None else _array(told.order, "<i8", count).astype(np.intp)
        cells = {name: _cells(one, count) for name, one in told.cells.items()}
    except (msgspec.MsgspecError, KeyError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if not 1 <= told.version <= VERSION:
        return None
    return StoredColumns(told.layouts, told.counts, order, cells, told.associations)


def _stored(cells: Cells) -> _StoredCells:
    kinds = [kind.__name__ for kind in cells.kinds]
    if cells.numbers is not None:
        whole = None if cells.are_whole is None else cells.are_whole.tobytes()
        return _StoredCells(kinds, numbers=cells.numbers.astype("<f8").tobytes(), are_whole=whole)
    if cells.texts is not None:
        return _StoredCells(kinds, text=cells.texts.compact(), lengths=_lengths(cells.texts))
    if cells.nested is not None:
        return _StoredCells(kinds, nested=(cells.nested.compact(), _lengths(cells.nested)))
    if cells.words is not None and cells.places is not None:
        places = None if len(cells.words) == 1 else cells.places.astype("<i4").tobytes()
        return _StoredCells(kinds, words=cells.words, places=places)
    return _StoredCells(kinds, objects=cells.objects)


def _lengths(texts: JoinedTexts) -> bytes:
    return texts.lengths.astype("<i4").tobytes()


def _cells(stored: _StoredCells, count: int) -> Cells:
    kinds = frozenset(_KINDS[name] for name in stored.kinds)
    if stored.numbers is not None:
        whole = None if stored.are_whole is None else _array(stored.are_whole, "?", count)
        return Cells(kinds, numbers=_array(stored.numbers, "<f8", count), are_whole=whole)
    if stored.text is not None and stored.lengths is not None:
        return Cells(kinds, texts=JoinedTexts.of_lengths(stored.text, _array(stored.lengths, "<i4", count)))
    if stored.words is not None:
        places = repeated(count) if stored.places is None else _array(stored.places, "<i4", count)
        return Cells(kinds, words=stored.words, places=places)
    if stored.nested is not None:
        return Cells(kinds, nested=JoinedTexts.of_lengths(stored.nested[0], _array(stored.nested[1], "<i4", count)))
    if stored.objects is None or len(stored.objects) != count:
        raise ValueError("a column is incomplete")
    return Cells(kinds, objects=stored.objects)


def _array(content: bytes, kind: str, count: int) -> NDArray[Any]:
    made = np.frombuffer(content, dtype=kind)
    if len(made) != count:
        raise ValueError(f"a column has {len(made)} values, not {count}")
    return made
