"""The time scale in which a table is wanted: UTC, unless another is given."""

from __future__ import annotations

from astropy.table import QTable
from astropy.time import Time

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.quantities import silence
from sunpy_helio_plugins.quantities.times import as_column

__all__ = ["SCALES", "checked_scale", "table_in_scale", "time_in_scale"]

SCALES = ("utc", "tai", "tt", "tdb", "tcb", "tcg")
"""The scales of `astropy.time.Time` that need no measured rotation of Earth and no place."""


def checked_scale(scale: str) -> str:
    """
    Return the name of a scale in small letters.

    Raises
    ------
    QueryError
        Times cannot be given in it.
    """
    name = scale.strip().lower() if isinstance(scale, str) else scale
    if name in SCALES:
        return str(name)
    hint = ": UT1 needs the measured rotation of Earth, use table['Time'].ut1" if name == "ut1" else ""
    raise QueryError(f"Times can be had in the scales {', '.join(map(repr, SCALES))}, not in {scale!r}{hint}.")


def time_in_scale(time: Time, scale: str) -> Time:
    """Return times in another scale; years whose leap seconds are not announced yet are no reason to warn."""
    with silence.far_years():
        return getattr(time, scale)


def table_in_scale(table: QTable, scale: str) -> QTable:
    """Return a table with its times in another scale, which their descriptions state; it is changed in place."""
    for name in table.colnames:
        column = table[name]
        if not isinstance(column, Time) or column.scale == scale:
            continue
        info = column.info
        text = str(info.description or "").removesuffix(column.scale.upper()).removesuffix(f" ({column.scale.upper()})")
        made = as_column(time_in_scale(column, scale).copy(), text)
        made.info.name, made.info.meta, made.info.format = name, info.meta, info.format
        table.replace_column(name, made)
    return table
