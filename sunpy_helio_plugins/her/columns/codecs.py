"""Store the columns of events in files: points, polygons, references and records."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, pairwise
from typing import Any

import numpy as np
from astropy.table import Column
from numpy.typing import NDArray

from sunpy_helio_plugins.her.columns.points import Points
from sunpy_helio_plugins.her.columns.polygons import Polygons
from sunpy_helio_plugins.io.arrow.arrays import Ragged
from sunpy_helio_plugins.io.columns import add_numbers, numbers_of
from sunpy_helio_plugins.io.sheet import Parts, Sheet, register
from sunpy_helio_plugins.io.text import add_text, text_of

__all__ = ["AXES", "PointsCodec", "PolygonsCodec", "as_objects"]

AXES = ("lon", "lat")


def as_objects(values: list[Any]) -> Column:
    """Return a column of objects."""
    data = np.empty(len(values), dtype=object)
    for index, value in enumerate(values):
        data[index] = value
    return Column(data, copy=False)


_EVENTS = tuple((kind, index) for kind in ("instants", "starts", "origins") for index in (0, 1))
"""The properties of events in a column, two numbers each."""


def _add_events(name: str, column: Any, sheet: Sheet) -> dict[str, str]:
    """Add the times of events and the origins of their positions; all columns of a table share these."""
    return {
        f"{kind}{index}": sheet.add_once(name, f"{kind}{index + 1}", getattr(column, kind)[:, index])
        for kind, index in _EVENTS
    }


def _events(parts: Parts) -> dict[str, Any]:
    found: dict[str, list[Any]] = {}
    for kind, index in _EVENTS:
        # Files of earlier versions do not contain origins.
        if f"{kind}{index}" in parts:
            found.setdefault(kind, []).append(parts.array(f"{kind}{index}").astype(float))
    return {kind: np.stack(columns, axis=1) for kind, columns in found.items()}


class PointsCodec:
    """Store columns of points as two columns of numbers."""

    kind = "places"

    def takes(self, column: Any) -> bool:
        """Return whether a column contains points."""
        return isinstance(column, Points)

    def pack(self, name: str, column: Any, sheet: Sheet) -> dict[str, Any]:
        """Add the numbers of both axes."""
        gone = np.isnan(column.values) if sheet.format.mixins or sheet.format.is_arrow else None
        told: dict[str, Any] = {"system": column.system, "parts": _add_events(name, column, sheet)}
        for index, axis in enumerate(AXES):
            mask = None if gone is None else gone[:, index]
            told[axis] = add_numbers(name, axis, column.values[:, index], mask, sheet)
        return told

    def unpack(self, spec: Mapping[str, Any], parts: Parts) -> Any:
        """Return the column."""
        axes = []
        for axis in AXES:
            own = Parts(parts.table, spec[axis]["parts"])
            mask = own.mask({"blank": True}, axis)
            data = numbers_of(spec[axis], own, axis)
            axes.append(data if mask is None else np.where(mask, np.nan, data))
        return Points(np.stack(axes, axis=1), spec["system"], **_events(parts))


class PolygonsCodec:
    """Store columns of polygons as two columns of variable length, or as text in formats without such columns."""

    kind = "polygons"

    def takes(self, column: Any) -> bool:
        """Return whether a column contains polygons."""
        return isinstance(column, Polygons)

    def pack(self, name: str, column: Any, sheet: Sheet) -> dict[str, Any]:
        """Add the vertices."""
        told: dict[str, Any] = {"system": column.system}
        events = _add_events(name, column, sheet)
        if sheet.format.is_arrow:
            submitted = _add_lists(name, "submitted", column.as_submitted, column.offsets, sheet)
            return told | {
                "parts": events | _add_lists(name, "", column.vertices, column.offsets, sheet),
                "submitted": {"parts": submitted},
            }
        told |= _add_rings(name, "", column.vertices, column.offsets, sheet)
        known = np.isfinite(column.as_submitted).all(axis=1)
        if known.any():
            counts = np.add.reduceat(np.append(known, False), column.offsets[:-1]) * (column.counts > 0)
            offsets = np.append(0, np.cumsum(counts))
            told["submitted"] = _add_rings(name, "submitted", column.as_submitted[known], offsets, sheet)
        return told | {"parts": told["parts"] | events}

    def unpack(self, spec: Mapping[str, Any], parts: Parts) -> Any:
        """Return the column."""
        if parts.is_arrow:
            vertices, offsets = _lists(parts)
            submitted, _ = _lists(Parts(parts.table, spec["submitted"]["parts"]))
            return Polygons(vertices, offsets, spec["system"], **_events(parts), as_submitted=submitted)
        vertices, counts = _rings(spec, parts, "")
        offsets = np.append(0, np.cumsum(counts)).astype(np.int64)
        submitted, told = np.full(vertices.shape, np.nan), spec.get("submitted")
        if told is not None:
            given, known = _rings(told, Parts(parts.table, told["parts"]), "submitted")
            submitted[np.repeat(known > 0, counts)] = given
        return Polygons(vertices, offsets, spec["system"], **_events(parts), as_submitted=submitted)


def _add_lists(name: str, part: str, vertices: Any, offsets: Any, sheet: Sheet) -> dict[str, str]:
    """Add vertices as two columns of lists in Arrow."""
    return {
        axis: sheet.add(name, f"{part}_{axis}".strip("_"), Ragged(vertices[:, index], offsets))
        for index, axis in enumerate(AXES)
    }


def _lists(parts: Parts) -> tuple[Any, Any]:
    """Return the vertices that `_add_lists` added, and where those of each row begin."""
    first, second = (parts.ragged(axis) for axis in AXES)
    return np.stack([first.values, second.values], axis=1), first.offsets


def _add_rings(name: str, part: str, vertices: Any, offsets: Any, sheet: Sheet) -> dict[str, Any]:
    """Add vertices as two columns of variable length if the format supports them, else as text."""
    if sheet.format.ragged and len(vertices):
        axes = {axis: Ragged(np.ascontiguousarray(vertices[:, index]), offsets) for index, axis in enumerate(AXES)}
        return {"parts": {axis: sheet.add_lists(name, f"{part}_{axis}".strip("_"), axes[axis]) for axis in AXES}}
    pieces = [vertices[start:end] for start, end in pairwise(offsets.tolist())]
    return add_text(name, part, _lines(pieces), None, sheet)


def _rings(spec: Mapping[str, Any], parts: Parts, part: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the vertices that `_add_rings` added, and the number of those of each row."""
    if AXES[0] not in parts:
        rings = [_vertices(text) for text in text_of(spec, parts, part).tolist()]
        return np.concatenate([np.empty((0, 2)), *rings]), np.array(list(map(len, rings)), dtype=np.int64)
    axes = [[() if cell is np.ma.masked or cell is None else cell for cell in parts[axis]] for axis in AXES]
    counts, others = (np.array(list(map(len, axis)), dtype=np.int64) for axis in axes)
    if not np.array_equal(counts, others):
        raise ValueError("the two columns of vertices differ in length")
    flat = [np.array(list(chain.from_iterable(axis)), dtype=float) for axis in axes]
    return np.stack(flat, axis=1), counts


def _lines(pieces: list[Any]) -> Any:
    """Return polygons as WKT, with all digits of the numbers."""
    texts = [", ".join(f"{x!r} {y!r}" for x, y in piece.tolist()) for piece in pieces]
    return np.array([f"POLYGON(({text}))" if text else "" for text in texts], dtype=str)


def _vertices(text: str) -> Any:
    inner = text.removeprefix("POLYGON((").removesuffix("))")
    pairs = [tuple(map(float, pair.split())) for pair in inner.split(",")] if inner else []
    return np.array(pairs, dtype=float).reshape(len(pairs), 2)


for _codec in (PointsCodec(), PolygonsCodec()):
    register(_codec)
