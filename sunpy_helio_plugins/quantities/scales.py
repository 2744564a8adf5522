"""The time scale of a table: UTC, unless another one is given."""

from __future__ import annotations

from astropy.table import QTable
from astropy.time import Time

from sunpy_helio_plugins.arguments import shown
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.quantities import silence
from sunpy_helio_plugins.quantities.times import as_column

__all__ = ["SCALES", "checked_scale", "table_in_scale", "time_in_scale"]

SCALES = ("utc", "tai", "tt", "tdb", "tcb", "tcg")
"""The scales of `astropy.time.Time` that do not need the measured rotation of the Earth or a location."""


def checked_scale(scale: str) -> str:
    """Return the name of a scale in lower case, or raise a `QueryError` if it is not one of `SCALES`."""
    name = scale.strip().lower() if isinstance(scale, str) else ""
    if name in SCALES:
        return name
    hint = "; UT1 needs the measured rotation of the Earth: use table['Time'].ut1" if name == "ut1" else ""
    raise QueryError(f"The time scale must be one of {', '.join(map(repr, SCALES))}, not {shown(scale)}{hint}.")


def time_in_scale(time: Time, scale: str) -> Time:
    """Return times in another scale, without warnings about years whose leap seconds are not yet announced."""
    if time.scale == scale:
        return time  # astropy would put it into its own cache, where only the garbage collector finds it
    with silence.far_years():
        return getattr(time, scale)


def table_in_scale(table: QTable, scale: str) -> QTable:
    """Convert the times of a table, and their descriptions, to another scale in place, and return the table."""
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
