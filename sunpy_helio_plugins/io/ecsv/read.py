"""ECSV files as tables of astropy, with the lists of a column read at once."""

from __future__ import annotations

import io
import re
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Column, Table

from sunpy_helio_plugins.quantities.exact import kept_json

__all__ = ["read"]

_LISTS = re.compile(rb"^(# - \{name: ([\w.]+), datatype: string), subtype: 'float64\[null\]'\}\r?$", re.MULTILINE)
"""The line of the header about a column of lists of numbers."""

_HEADER = re.compile(rb"(?:#[^\n]*\n)*")


def read(path: Any) -> Table:
    """Return the table in a file, read by pyarrow, which astropy supports from 7.2 on; raise any error if it cannot."""
    content = Path(path).expanduser().read_bytes()
    begin = _HEADER.match(content)
    header = content[: begin.end() if begin else 0]
    names = [match[2].decode() for match in _LISTS.finditer(header)]
    if not names:
        return Table.read(path, format="ecsv", engine="pyarrow")
    # As texts: astropy reads each list by itself.
    stream = io.BytesIO(_LISTS.sub(rb"\1}", header) + content[len(header) :])
    made = Table.read(stream, format="ecsv", engine="pyarrow")
    for name in names:
        made.replace_column(name, _lists(made[name]))
    return made


def _lists(column: Column) -> Column:
    """Return texts with JSON as lists of numbers."""
    if hasattr(column, "mask"):
        raise ValueError("missing lists")
    texts = column.tolist()
    if not all(text.startswith("[") and text.endswith("]") for text in texts):
        raise ValueError("not a list in each row")
    lists = kept_json(f"[{','.join(texts)}]")
    flat = np.fromiter(chain.from_iterable(lists), dtype=float)
    pieces = (flat[start:end] for start, end in pairwise([0, *np.cumsum(list(map(len, lists))).tolist()]))
    if len(lists) != len(column):
        raise ValueError("more than one list in a row")
    return Column(np.fromiter(pieces, dtype=object, count=len(column)), copy=False)
