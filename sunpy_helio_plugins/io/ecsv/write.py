"""ECSV files with the bytes that astropy writes, whose writer converts each value by itself."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Column, Table

__all__ = ["write"]

_JSON = json.JSONEncoder(separators=(",", ":"))

_AT_ONCE = 1000
"""The number of cells that are converted together."""

_BETWEEN = "\0"
"""A text between cells that are converted together."""


def write(plain: Table, target: Any) -> None:
    """Write a table of plain columns to a path or a stream."""
    from astropy.io import ascii as astropy_ascii

    writer = astropy_ascii.get_writer(writer_cls=astropy_ascii.Ecsv)
    write_each, write_header = writer.data.write, writer.write_header
    lists: set[str] = set()

    def write_lines(lines: list[str]) -> None:
        fields = [_list_fields(one) if one.info.name in lists else _fields(one) for one in writer.data.cols]
        if None in fields:
            write_each(lines)
        else:
            lines.extend(map(" ".join, zip(*fields, strict=True)))

    def write_short(lines: list[str], meta: Any) -> None:
        lists.update(one.info.name for one in writer.header.cols if _are_lists_of_numbers(one))
        # astropy looks at each list to find their type.
        writer.header.cols = [one[:1] if one.info.name in lists else one for one in writer.header.cols]
        write_header(lines, meta)

    writer.data.write, writer.write_header = write_lines, write_short
    # The writer changes the table.
    text = os.linesep.join([*writer.write(type(plain)(plain, copy=False)), ""])
    if hasattr(target, "write"):
        target.write(text)
        return
    with Path(target).expanduser().open("w", newline="") as stream:
        stream.write(text)


def _are_lists_of_numbers(column: Column) -> bool:
    """Return whether all cells of a column are arrays of numbers of one type and one dimension."""
    cells: Any = np.ma.getdata(column)
    if column.dtype.kind != "O" or column.ndim > 1 or not len(cells) or getattr(column, "mask", None) is not None:
        return False
    if set(map(type, cells)) != {np.ndarray}:
        return False
    return cells[0].dtype.kind in "fiu" and set(map(_form, cells)) == {(cells[0].dtype.char, 1)}


_form = attrgetter("dtype.char", "ndim")


def _fields(column: Column) -> list[str] | None:
    """Return the values of a column as fields of CSV with spaces between them; `None` if one contains line breaks."""
    mask = getattr(column, "mask", None)
    if column.ndim > 1 or column.dtype.kind == "O":
        return _json_fields(column, mask)
    if mask is None or not mask.any():
        return _scalars(column)
    made = np.full(len(column), '""', dtype=object)
    known = _scalars(column[~mask])
    if known is None:
        return None
    made[~mask] = known
    return list(made.tolist())


def _scalars(column: Column) -> list[str] | None:
    data: Any = np.ma.getdata(column)
    kind = column.dtype.kind
    if kind == "U":
        return _each(data.tolist())
    # The text of short floats of numpy has fewer digits than that of Python's.
    is_short = kind not in "biu" and data.dtype.str[1:] != "f8"
    texts = list(map(str, data if is_short else data.tolist()))
    return _each(texts) if kind not in "biuf" else texts


def _each(texts: list[str]) -> list[str] | None:
    """Return texts as fields, each different one converted once."""
    known = list(set(texts))
    fields = _quoted(known)
    if fields is None:
        return None
    return list(map(dict(zip(known, fields, strict=True)).__getitem__, texts))


def _list_fields(column: Column) -> list[str]:
    """Return lists of numbers as fields with JSON."""
    cells: Any = np.ma.getdata(column)
    together = _JSON.encode([cell.tolist() for cell in cells])
    return [f"[{text}]" for text in together[2:-2].split("],[")]


def _json_fields(column: Column, mask: Any) -> list[str] | None:
    """Return arrays and objects as fields with JSON."""
    cells: Any = np.ma.getdata(column) if mask is None else [column[row] for row in range(len(column))]
    given = [cell.tolist() if hasattr(cell, "tolist") else cell for cell in cells]
    pieces = (given[first : first + _AT_ONCE] for first in range(0, len(given), _AT_ONCE))
    made = list(chain.from_iterable(map(_json_texts, pieces)))
    for row in np.flatnonzero(mask).tolist() if mask is not None and column.ndim == 1 else ():
        made[row] = ""
    return _quoted(made)


def _json_texts(cells: Sequence[Any]) -> list[str]:
    """Return objects as JSON."""
    between = [_BETWEEN] * (2 * len(cells) - 1)
    between[::2] = cells
    made = _JSON.encode(between)[1:-1].split(f",{_JSON.encode(_BETWEEN)},")
    # Another one is in a cell.
    return made if len(made) == len(cells) else list(map(_JSON.encode, cells))


def _quoted(texts: list[str]) -> list[str] | None:
    """Return texts as fields, in quotes if necessary; `None` if one contains line breaks."""
    together = "".join(texts)
    if "\n" in together or "\r" in together:
        return None
    if not (" " in together or "\t" in together or '"' in together):
        return [text or '""' for text in texts]
    stripped = (text.strip(" \t") for text in texts)
    return [
        '"' + text.replace('"', '""') + '"' if not text or '"' in text or " " in text else text for text in stripped
    ]
