"""
Columns that the tables of all archives have, so that one path template serves a mixed response.

``Fido.fetch(response, path="{provider}/{instrument}/{file}")`` takes each row's values; a missing one is "unknown".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from astropy.table import MaskedColumn
from numpy.typing import NDArray

from sunpy_helio_plugins.quantities import times

__all__ = ["COMMON", "common_columns", "texts"]

COMMON = ("Start Time", "End Time", "Instrument", "Source", "Provider")
"""The names of the shared columns, in their order."""

_NOTHING = ("", "N/A", "None", "blank")
"""What archives write where they know nothing."""

Texts: TypeAlias = Sequence[str | None] | NDArray[np.str_] | MaskedColumn


def common_columns(start: Any, end: Any, instrument: Texts, source: Texts, provider: Texts | str) -> dict[str, Any]:
    """
    Return the shared columns of a table.

    Parameters
    ----------
    start, end : astropy.time.Time
        Shape (n,): where each row begins and ends. Both may be the same object.
    instrument, source : sequence of str or None, numpy.ndarray or MaskedColumn
        Names for each row. Of a sequence, an entry that says nothing is masked; arrays are taken as they are.
    provider : str, sequence of str, or numpy.ndarray
        The same, or one name for all rows.
    """
    everywhere = np.full(len(start), provider) if isinstance(provider, str) else provider
    named = [column if isinstance(column, np.ndarray) else texts(column) for column in (instrument, source, everywhere)]
    end = end.copy() if end is start else end
    instants = (times.as_column(one, name) for one, name in zip((start, end), COMMON[:2], strict=True))
    return dict(zip(COMMON, (*instants, *named), strict=True))


def texts(values: Sequence[str | None]) -> MaskedColumn:
    """Return names as a column that can be masked, whether or not one is missing, so that all tables stack."""
    # Few names differ: each is looked at once.
    places = {value: place for place, value in enumerate(dict.fromkeys(values))}
    gone = np.array([value is None or str(value).strip() in _NOTHING for value in places], dtype=bool)
    known = np.array(["" if lost else str(value).strip() for value, lost in zip(places, gone, strict=True)], dtype=str)
    index = np.fromiter(map(places.__getitem__, values), dtype=np.intp, count=len(values))
    return MaskedColumn(known[index], mask=gone[index], copy=False)
