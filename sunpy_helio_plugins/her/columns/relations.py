"""The relations between events as a table."""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy.table import MaskedColumn, QTable

__all__ = ["associations", "identity"]


def identity(edge: dict[str, Any]) -> tuple[str, ...]:
    """Return the identity of a relation: its ends and its type."""
    return tuple(str(edge.get(name) or "") for name in ("first_ivorn", "second_ivorn", "edge_type"))


ALWAYS = {"first_ivorn": str, "edge_type": str, "second_ivorn": str, "strength": float}
"""The columns of every table of relations, and their types if it is empty."""


def associations(table: QTable) -> QTable:
    """Return the relations of events, each once, as a table with all entries of the registry; missing are masked."""
    # Stacked tables contain the relations of each.
    edges = list({identity(edge): edge for edge in table.edges}.values())
    names = [name for name in ALWAYS if name != "strength"]
    if not edges:
        return QTable({name: np.array([], dtype=kind) for name, kind in ALWAYS.items()})
    names = list(dict.fromkeys((*names, *(name for edge in edges for name in edge))))
    return QTable([_column([edge.get(name) for edge in edges]) for name in names], names=names)


def _column(values: list[Any]) -> MaskedColumn:
    gone = [value is None or value == "" for value in values]
    known = [value for value, missing in zip(values, gone, strict=True) if not missing]
    is_number = all(isinstance(value, int | float) for value in known) and bool(known)
    data = [(0 if is_number else "") if missing else value for value, missing in zip(values, gone, strict=True)]
    return MaskedColumn(data if is_number else list(map(str, data)), mask=gone)
