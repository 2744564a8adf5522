"""
Remove records outside the requested range from a file, before it is published.

Servers round the range to seconds or minutes, include the stop, or have time stamps that are finer than a request can
specify. The remaining records are moved within the file block by block, without a second copy of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.hapi.model import Info
from sunpy_helio_plugins.hapi.records.content import Bytes, line_ends
from sunpy_helio_plugins.hapi.records.csv import exact_json
from sunpy_helio_plugins.quantities.spans import Span

__all__ = ["trim"]

_BLOCK = 1 << 22
_LONGEST_STAMP = 40
_COMMA, _QUOTE, _RETURN, _LINE = b',"\r\n'


def trim(part: Path, start: int, info: Info, chosen: str, span: Span) -> int:
    """Remove the records after the offset ``start`` that are outside of a range; return the bytes that are left."""
    if chosen == "json":
        return _trim_json(part, span)
    size = part.stat().st_size
    if size == start:
        return 0
    whole = np.memmap(part, np.uint8, mode="r+")
    try:
        blocks = _binary(whole, start, info) if chosen == "binary" else _csv(whole, start)
        kept = [_kept(begin, ends, stamps, span) for begin, ends, stamps in blocks]
        place = _move(whole, start, kept)
        whole.flush()
    finally:
        # A file that is still mapped cannot be truncated on every platform.
        del whole
    if place < size:
        with part.open("r+b") as stream:
            stream.truncate(place)
    return place - start


Runs = list[tuple[int, int]]
"""The begin and end of each byte range that is kept."""


def _kept(begin: int, ends: NDArray[np.int64], stamps: NDArray[np.bytes_], span: Span) -> Runs:
    """Return the byte ranges of the records of a block that are within the range; lines without a time are kept."""
    keep = stamps == b""
    if not keep.all():
        keep[~keep] = span.holds(stamps[~keep])
    starts = np.concatenate([[begin], ends[:-1]])
    first = np.flatnonzero(keep & ~np.concatenate([[False], keep[:-1]]))
    last = np.flatnonzero(keep & ~np.concatenate([keep[1:], [False]]))
    return list(zip(starts[first].tolist(), ends[last].tolist(), strict=True))


def _move(whole: Bytes, place: int, kept: list[Runs]) -> int:
    """Move byte ranges together from a position on; return where they end."""
    for begin, end in (run for runs in kept for run in runs):
        if begin != place:
            for piece in range(begin, end, _BLOCK):
                stop = min(piece + _BLOCK, end)
                whole[place + piece - begin : place + stop - begin] = whole[piece:stop].copy()
        place += end - begin
    return place


Block = tuple[int, NDArray[np.int64], NDArray[np.bytes_]]
"""Where a block begins, where its records end, and their time stamps; these are empty for lines without a record."""


def _binary(whole: Bytes, start: int, info: Info) -> Iterator[Block]:
    layout = info.record()
    size, stamp = layout.itemsize, layout["f0"].itemsize
    records = whole[start:].reshape(-1, size)
    step = max(1, _BLOCK // size)
    for first in range(0, len(records), step):
        stamps = np.ascontiguousarray(records[first : first + step, :stamp]).view(f"S{stamp}").reshape(-1)
        begin = start + first * size
        yield begin, begin + size * np.arange(1, len(stamps) + 1), stamps


def _csv(whole: Bytes, begin: int) -> Iterator[Block]:
    size, is_begun = _BLOCK, False
    while begin < len(whole):
        block = np.asarray(whole[begin : begin + size])
        is_last = begin + size >= len(whole)
        ends = line_ends(block, is_last)
        if not len(ends):
            size *= 4
            continue
        stamps = _stamps(block, np.concatenate([[0], ends[:-1]]))
        if not is_begun and not stamps[:1].astype("S1").item().isdigit():
            # A row of names, which the parser handles.
            stamps[0] = b""
        is_begun = True
        yield begin, begin + ends, stamps
        begin += int(ends[-1])


def _stamps(block: Bytes, starts: NDArray[np.int64]) -> NDArray[np.bytes_]:
    """Return the first field of each record; empty for a blank line."""
    padded = np.concatenate([block, np.full(_LONGEST_STAMP + 1, _LINE, np.uint8)])
    begins = starts + (padded[starts] == _QUOTE)
    grid = np.lib.stride_tricks.sliding_window_view(padded, _LONGEST_STAMP)[begins]
    ended = (grid == _COMMA) | (grid == _LINE) | (grid == _QUOTE) | (grid == _RETURN)
    grid[np.logical_or.accumulate(ended, axis=1)] = 0
    width = max(1, int((grid != 0).any(axis=0).sum()))
    return np.ascontiguousarray(grid[:, :width]).view(f"S{width}").reshape(-1)


def _trim_json(part: Path, span: Span) -> int:
    answer = exact_json(part.read_bytes())
    data = answer.get("data") or []
    if data:
        inside = span.holds(np.array([_stamp(record) for record in data]))
        if not inside.all():
            kept = [record for record, keep in zip(data, inside, strict=True) if keep]
            part.write_text(json.dumps({**answer, "data": kept}, ensure_ascii=False), encoding="utf-8")
            data = kept
    return len(data)


def _stamp(record: object) -> bytes:
    """Return the time of a record; it is an array of one element if the size of its parameter is [1]."""
    value = record
    while isinstance(value, list) and value:
        value = value[0]
    return (value if isinstance(value, str) else repr(value)).encode()
