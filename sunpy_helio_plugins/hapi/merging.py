"""Several files of one dataset as one: the same parameters, in the order of time, each record once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi.content import Content
from sunpy_helio_plugins.hapi.header import Info
from sunpy_helio_plugins.hapi.records import Columns
from sunpy_helio_plugins.hapi.whole import concatenated

__all__ = ["common", "joined", "order"]


def common(contents: Sequence[Content]) -> Info:
    """
    Return the header that several files share.

    Raises
    ------
    FileError
        They do not hold the same parameters.
    """
    first = contents[0].info
    wanted = _identity(first)
    for other in contents[1:]:
        if _identity(other.info) != wanted:
            raise FileError(
                f"The files hold different parameters: {', '.join(first.names)}, and {', '.join(other.info.names)}; "
                "read those of one dataset and one choice of parameters at a time."
            )
    return first


def joined(contents: Sequence[Content]) -> Columns:
    """Return the columns of all files, one behind the other."""
    if len(contents) == 1:
        return contents[0].columns()
    parts = [content.columns() for content in contents]
    return [concatenated([part[index] for part in parts]) for index in range(len(parts[0]))]


def order(table: QTable, contents: Sequence[Content]) -> NDArray[np.int64] | None:
    """
    Return the rows that put a table into the order of time, each record once; `None` where it is so already.

    Parameters
    ----------
    table : astropy.table.QTable
        The table of all records.
    contents : sequence of Content
        What it was made of. Records are compared as the servers sent them.
    """
    if len(table) < 2:
        return None
    time = table.columns[0]
    day, fraction = np.asarray(time.jd1), np.asarray(time.jd2)
    step = np.diff(day)
    step += fraction[1:]
    step -= fraction[:-1]
    if (step > 0).all():
        return None
    rows = np.lexsort((fraction, day))
    same = (np.diff(day[rows]) == 0) & (np.diff(fraction[rows]) == 0)
    if not same.any():
        return rows
    return rows[_first_of_each(_bytes(joined(contents), rows), same)]


def _identity(info: Info) -> list[tuple[Any, ...]]:
    return [(one.name, one.type, one.shape, str(one.units), str(one.fill)) for one in info.parameters]


def _bytes(columns: Columns, rows: NDArray[np.int64]) -> NDArray[Any]:
    """Return each record as its bytes, in the order of ``rows``, shape (n, bytes)."""
    grids = []
    for column in columns:
        masked = isinstance(column, np.ma.MaskedArray)
        for values in (np.ma.getdata(column), np.ma.getmaskarray(column) if masked else None):
            if values is not None:
                kept = np.ascontiguousarray(values[rows])
                grids.append(kept.view(np.uint8).reshape(len(rows), -1))
    return np.concatenate(grids, axis=1)


def _first_of_each(records: NDArray[Any], same: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which records to keep: of equal ones at one time, the first."""
    keep = np.ones(len(records), dtype=bool)
    keep[1:] = ~(same & (records[1:] == records[:-1]).all(axis=1))
    # At one time, different records may alternate: two files may each hold two.
    seen: set[bytes] = set()
    for row in np.flatnonzero(np.append(same, False) | np.append(False, same)):
        if row == 0 or not same[row - 1]:
            seen = set()
        record = records[row].tobytes()
        keep[row] &= record not in seen or not keep[row]
        seen.add(record)
    return keep
