"""
Parse the registry's chaincodes: WKT polygons, lines and points, for a complete column at once.

Well-formed polygons, which are almost all, are parsed together as a table with two columns; the rest one by one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.her.filters.evaluate import SENTINELS
from sunpy_helio_plugins.her.records.cells import JoinedTexts

__all__ = ["POINTS", "POLYGONS", "Parsed", "is_chaincode", "parsed", "points", "rings"]

POLYGONS = re.compile(r"(hpc|hgs|hgc|hrc)_(bbox|boundcc|skeletoncc)")
"""Keywords of an outline, a line or a box; the first three letters are its system."""

POINTS = re.compile(r"(hpc|hgs|hgc|hrc)_coord")
"""Keywords of a point."""

Floats = NDArray[np.float64]
_FAR = min(map(abs, SENTINELS)) - 1
"""Numbers of missing values are farther from zero."""

_FEW = 2000
"""The number of vertices up to which numpy's own reader is faster than starting a table reader."""

_SHAPE = re.compile(r"\s*(POLYGON|LINESTRING)\s*\((.*)\)\s*", re.IGNORECASE | re.DOTALL)
_MANY = re.compile(r"\s*MULTI(POLYGON|LINESTRING)\s*\((.*)\)\s*", re.IGNORECASE | re.DOTALL)
_RINGS = re.compile(r"\(([^()]*)\)")
_POINT = re.compile(r"\s*POINT\s*\(\s*(\S+)\s+(\S+)\s*\)\s*", re.IGNORECASE)


def is_chaincode(name: str) -> bool:
    """Return whether a keyword is an outline, a line, a box or a point in one of the four systems."""
    return POLYGONS.fullmatch(name) is not None or POINTS.fullmatch(name) is not None


class Parsed(NamedTuple):
    """The vertices of all polygons, their offsets, and those of texts that are not in the registry's format."""

    vertices: Floats
    offsets: NDArray[np.int64]
    alone: dict[int, Floats]


def parsed(texts: Sequence[Any]) -> Parsed:
    """Parse WKT polygons or lines, without checks of their vertices."""
    joined_texts = _joined_texts(texts)
    if joined_texts is not None and not len(joined_texts.filled):
        return Parsed(_NO_RING, np.zeros(len(texts) + 1, np.int64), {})
    pairs = None if joined_texts is None else _alike(joined_texts, "POLYGON((", "))")
    if joined_texts is not None and pairs is not None:
        lengths = np.zeros(len(texts), np.int64)
        lengths[joined_texts.filled] = pairs.counts
        return Parsed(pairs.numbers, _offsets(lengths), {})
    texts = list(texts)
    filled = [index for index, text in enumerate(texts) if text]
    found = {index: body for index in filled if (body := _body(texts[index])) is not None}
    bodies, counts = list(found.values()), {index: body.count(",") + 1 for index, body in found.items()}
    together = _read(bodies, sum(counts.values()))
    if together is None:
        together, counts = np.empty((0, 2)), {}
    alone = {index: _ring(text) for index, text in enumerate(texts) if text and index not in counts}
    return Parsed(*_in_order(together, counts, alone, len(texts)), alone)


def rings(
    texts: Sequence[Any], highest: float = np.inf, widest: float = np.inf, known: Parsed | None = None
) -> tuple[Floats, NDArray[np.int64], list[int]]:  # fmt: skip
    """
    Parse WKT polygons or lines, closing polygons, and drop those with invalid vertices.

    Parameters
    ----------
    texts : sequence of str or None
        One for each event; `None` or empty if it is missing.
    highest, widest : float, optional
        The largest absolute second and first number of a vertex: ``highest`` is 90 for latitudes.
    known : Parsed, optional
        What `parsed` returned for these texts.

    Returns
    -------
    vertices : numpy.ndarray
        Shape (v, 2): all vertices in the order of the events.
    offsets : numpy.ndarray
        Shape (n + 1,): the vertices of event ``i`` are ``vertices[offsets[i]:offsets[i + 1]]``.
    bad : list of int
        The events with an invalid text.
    """
    vertices, offsets, alone = parsed(texts) if known is None else known
    odd = _odd(vertices, offsets, (widest, highest))
    if len(odd):
        vertices, offsets = _without(vertices, offsets, odd)
    vertices, offsets = _closed(vertices, offsets, texts, 360 if highest == 90 else np.inf)
    return vertices, offsets, sorted({*(index for index, ring in alone.items() if not len(ring)), *map(int, odd)})


class _Pairs(NamedTuple):
    """The numbers of all texts, two in each row, and how many pairs each text has."""

    numbers: Floats
    counts: NDArray[np.int64]


def _joined_texts(texts: Sequence[Any]) -> JoinedTexts | None:
    """Return texts one after the other; `None` if others than texts are among them."""
    if isinstance(texts, JoinedTexts):
        return texts
    return JoinedTexts.of(texts) if set(map(type, texts)) <= {str, type(None)} else None


def _alike(texts: JoinedTexts, start: str, end: str) -> _Pairs | None:
    """Parse texts such as "POLYGON((x y,x y))" if all are in this format, else return `None`."""
    together, rows = texts.compact(), texts.filled
    if not (together.startswith(start) and together.endswith(end) and together.isascii()) or "\n" in together:
        return None
    body = together[len(start) : -len(end)].replace(f"{end}{start}", "\n").encode()
    signs = np.frombuffer(body, dtype=np.uint8)
    # The digits, the point, the minus and the plus are between these and the letters.
    places = np.flatnonzero((signs <= ord(" ")) | (signs == ord(",")))
    separators = signs[places]
    ends = separators[1::2]
    breaks = np.flatnonzero(ends == ord("\n"))
    if len(breaks) != len(rows) - 1 or len(separators) % 2 == 0:
        return None
    # Each text ends where the next one begins.
    between = len(start) + len(end) - 1
    expected = np.cumsum(texts.lengths[rows], dtype=np.int64)[:-1] - between * np.arange(1, len(rows)) - 1
    if (places[1::2][breaks] != expected).any():
        return None
    if (separators[::2] != ord(" ")).any() or not ((ends == ord(",")) | (ends == ord("\n"))).all():
        return None
    numbers = _numbers(body, len(ends) + 1)
    return None if numbers is None else _Pairs(numbers, np.diff(np.concatenate([[-1], breaks, [len(ends)]])))


def _numbers(body: bytes, count: int) -> Floats | None:
    """Return the numbers of "x y" separated by commas and line breaks; `None` if any is not a number."""
    try:
        if count < _FEW:
            made = np.array(body.decode().replace(" ", ",").replace("\n", ",").split(","), dtype=float).reshape(-1, 2)
        else:
            made = _read_many(body)
    except ValueError:
        return None
    return made if made.shape == (count, 2) else None


def _body(text: Any) -> str | None:
    """Return "x y,x y" of a polygon or a line in the registry's format; `None` for any other text."""
    if not isinstance(text, str):
        return None
    if text[:9] == "POLYGON((" and text[-2:] == "))":
        body = text[9:-2]
    elif text[:11] == "LINESTRING(" and text[-1] == ")":
        body = text[11:-1]
    else:
        return None
    return body if "(" not in body and body.count(" ") == body.count(",") + 1 else None


def _in_order(
    together: Floats, counts: dict[int, int], alone: dict[int, Floats], rows: int
) -> tuple[Floats, NDArray[np.int64]]:
    """Return the vertices of all rows in order: those that were parsed together, and the others."""
    lengths = np.zeros(rows, np.int64)
    lengths[list(counts)] = list(counts.values())
    if not alone:
        return together, _offsets(lengths)
    starts = np.zeros(rows, np.int64)
    starts[list(counts)] = _offsets(np.array(list(counts.values()), np.int64))[:-1]
    for index, ring in alone.items():
        lengths[index] = len(ring)
    starts[list(alone)] = len(together) + _offsets(np.array([len(ring) for ring in alone.values()], np.int64))[:-1]
    offsets = _offsets(lengths)
    source = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
    return np.concatenate([together, *alone.values()])[source], offsets


def _closed(
    vertices: Floats, offsets: NDArray[np.int64], texts: Sequence[Any], period: float
) -> tuple[Floats, NDArray[np.int64]]:
    counts = np.diff(offsets)
    filled = np.flatnonzero(counts)
    apart = np.abs(vertices[offsets[filled]] - vertices[offsets[filled + 1] - 1])
    # At the pole, a ring of longitudes from 0 to 360 is closed.
    apart[:, 0] = np.minimum(apart[:, 0], np.abs(period - apart[:, 0]))
    unclosed = np.array([row for row in filled[(apart > 0).any(axis=1)] if not _is_line(texts[row])], dtype=np.int64)
    if not len(unclosed):
        return vertices, offsets
    counts[unclosed] += 1
    return np.insert(vertices, offsets[unclosed + 1], vertices[offsets[unclosed]], axis=0), _offsets(counts)


def _is_line(text: Any) -> bool:
    return "LINE" in str(text)[:20].upper()


def _offsets(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def _read(bodies: list[str], count: int) -> Floats | None:
    """Parse "x y,x y" of all polygons; `None` if any is not in this format."""
    return _numbers(",".join(bodies).encode(), count) if bodies else np.empty((0, 2))


def _read_many(body: bytes) -> Floats:
    import pyarrow as pa
    from pyarrow import csv

    numbers = {"x": pa.float64(), "y": pa.float64()}
    table = csv.read_csv(
        pa.BufferReader(body.replace(b",", b"\n")),
        read_options=csv.ReadOptions(use_threads=False, column_names=list(numbers), block_size=1 << 20),
        parse_options=csv.ParseOptions(delimiter=" ", quote_char=False, ignore_empty_lines=False),
        convert_options=csv.ConvertOptions(column_types=numbers, null_values=[], strings_can_be_null=False),
    )
    made = np.empty((table.num_rows, 2))
    for index in (0, 1):
        start = 0
        for chunk in table.column(index).chunks:
            # Not to_numpy, which imports pandas.
            part = np.frombuffer(chunk.buffers()[1], dtype=float, count=len(chunk), offset=8 * chunk.offset)
            made[start : start + len(chunk), index] = part
            start += len(chunk)
    return made


def is_missing(vertices: Floats) -> NDArray[np.bool_]:
    """Return which vertices contain a number for a missing value."""
    return np.asarray(np.isin(vertices, SENTINELS).any(axis=1))


def _odd(vertices: Floats, offsets: NDArray[np.int64], limits: tuple[float, float]) -> NDArray[np.int64]:
    """Return the events with a vertex that is not a valid position, or with only one distinct vertex."""
    wrong = (
        np.empty(0, np.int64)
        if _are_plain(vertices, limits)
        else np.flatnonzero(
            ~np.isfinite(vertices).all(axis=1) | (np.abs(vertices) > limits).any(axis=1) | is_missing(vertices)
        )
    )
    owners = np.searchsorted(offsets, wrong, side="right") - 1
    counts = np.diff(offsets)
    few = np.flatnonzero(counts == 1)
    same = _placeholders(vertices, offsets)
    return np.unique(np.concatenate([owners, few, same]))


def _are_plain(vertices: Floats, limits: tuple[float, float]) -> bool:
    """Return whether all vertices are valid without looking at each: not far from zero, as missing values are."""
    # False for NaN.
    return all(
        bool(np.abs(vertices[:, axis]).max(initial=0.0) <= min(limit, _FAR)) for axis, limit in enumerate(limits)
    )


def _placeholders(vertices: Floats, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the events whose vertices are all the same: the boxes of SSW Latest Events are always (1, 1)."""
    filled = np.flatnonzero(np.diff(offsets))
    if not len(filled):
        return filled
    starts = offsets[:-1][filled]
    extent = np.maximum.reduceat(vertices, starts) - np.minimum.reduceat(vertices, starts)
    return filled[~(extent > 0).any(axis=1)]


def _without(vertices: Floats, offsets: NDArray[np.int64], odd: NDArray[np.int64]) -> tuple[Floats, NDArray[np.int64]]:
    counts = np.diff(offsets)
    keep = np.ones(len(counts), dtype=bool)
    keep[odd] = False
    return vertices[np.repeat(keep, counts)], _offsets(np.where(keep, counts, 0))


_NO_RING: Floats = np.empty((0, 2))


def _ring(text: Any) -> Floats:
    """Parse a polygon with holes, a line, or a list of numbers; return no vertices if invalid."""
    if not isinstance(text, str) or not text:
        return _NO_RING
    shape = _SHAPE.fullmatch(text) or _only_one(text)
    bodies = _RINGS.findall(shape[2]) or [shape[2]] if shape else [_flat(text)]
    try:
        rings = [np.array([pair.split() for pair in body.split(",")], dtype=float) for body in bodies]
    except ValueError:
        return _NO_RING
    least = 3 if shape is None or shape[1].upper() == "POLYGON" else 2
    if not all(_is_whole(ring, least) for ring in rings) or (least == 2 and len(rings) > 1):
        return _NO_RING
    return rings[0] if len(rings) == 1 else joined(rings)


def _is_whole(ring: Floats, least: int) -> bool:
    plane = ring.ndim == 2 and ring.shape[1] == 2 and len(ring) > 1 and bool(np.isfinite(ring).all())
    return plane and len(np.unique(ring, axis=0)) >= least


def joined(rings: Sequence[Floats]) -> Floats:
    """
    Return a polygon with holes as one ring: from its first vertex to each hole, around it, and back.

    Holes are in the other direction than the outline, so that signed areas add up.
    """
    closed = [ring if (ring[0] == ring[-1]).all() else np.concatenate([ring, ring[:1]]) for ring in rings]
    outer, *holes = closed
    turned = [hole if _sense(hole) * _sense(outer) < 0 else hole[::-1] for hole in holes]
    return np.concatenate([outer, *(part for hole in turned for part in (hole, outer[:1]))])


def _sense(ring: Floats) -> float:
    (x, y), (x2, y2) = ring[:-1].T, ring[1:].T
    return float(np.sum(x * y2 - x2 * y))


def _only_one(text: str) -> re.Match[str] | None:
    """Return the shape of a collection with a single one; `None` for several, since it is unclear which to use."""
    many = _MANY.fullmatch(text)
    if many is None or re.search(r"\)\s*\)\s*," if many[1].upper() == "POLYGON" else r"\)\s*,", many[2]):
        return None
    return _SHAPE.fullmatch(many[1] + many[2])


def _flat(text: str) -> str:
    """Return a list "x,y,x,y" as pairs, which is the native chaincode format of some submitters."""
    numbers = text.split(",")
    if len(numbers) < 6 or len(numbers) % 2:
        return ""
    return ",".join(f"{x} {y}" for x, y in zip(numbers[::2], numbers[1::2], strict=True))


def points(texts: Sequence[Any]) -> tuple[Floats, list[int]]:
    """Parse WKT points; return their numbers, shape (n, 2), NaN if missing, and the events with an invalid text."""
    places = np.full((len(texts), 2), np.nan)
    joined_texts = _joined_texts(texts)
    together = None if joined_texts is None else _points(joined_texts)
    if joined_texts is not None and together is not None:
        filled = joined_texts.filled
        places[filled] = together
    else:
        texts = list(texts)
        filled = np.array([index for index, text in enumerate(texts) if text], dtype=np.intp)
        if len(filled):
            places[filled] = [_point(text) for text in texts if text]
    bad = filled[~np.isfinite(places[filled]).all(axis=1)]
    places[bad] = np.nan
    return places, bad.tolist()


def _points(texts: JoinedTexts) -> Floats | None:
    """Parse points in the registry's format; `None` if any is not in it."""
    pairs = _alike(texts, "POINT(", ")")
    return pairs.numbers if pairs is not None and (pairs.counts == 1).all() else None


def _point(text: Any) -> tuple[float, float]:
    found = _POINT.fullmatch(text) if isinstance(text, str) else None
    try:
        return (float(found[1]), float(found[2])) if found else (np.nan, np.nan)
    except ValueError:
        return np.nan, np.nan
