"""Records: a table with times as plain arrays, with the description from which the table is restored."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.table import QTable, Table
from astropy.time import Time
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import shown
from sunpy_helio_plugins.errors import FileError, HelioPluginsError, QueryError
from sunpy_helio_plugins.io import values
from sunpy_helio_plugins.quantities.exact import kept_json
from sunpy_helio_plugins.series.columns import Losses, PlainColumn, column_from, field_of

__all__ = ["KEY", "Arrays", "Records", "flat_names", "restored", "time_name", "timed"]

KEY = "sunpy_helio_plugins"
"""The entry of the metadata of other types that contains the description of the table, as JSON."""

VERSION = 1

_NOT_META = ("__attributes__", "HELIOTAB")

Arrays = tuple[NDArray[Any], NDArray[np.bool_] | None]
"""The values of a column, and which are missing."""


def time_name(function: str, table: Table) -> str:
    """Return the name of the column that contains the time of each record."""
    name = next((one for one in table.colnames if isinstance(table[one], Time) and table[one].ndim == 1), None)
    if name is None:
        raise QueryError(
            f"{function} takes a table with a column of times, which {shown(table)} lacks: give one column as an "
            "astropy.time.Time."
        )
    return str(name)


@dataclass(frozen=True)
class Records:
    """
    A table as plain arrays.

    Attributes
    ----------
    table : astropy.table.Table
        The table.
    time : PlainColumn
        The time of each record.
    fields : tuple of PlainColumn
        The other columns, in their order.
    said : dict
        The table without its values, as JSON.
    """

    table: Table
    time: PlainColumn
    fields: tuple[PlainColumn, ...]
    said: dict[str, Any]

    @classmethod
    def of(cls, function: str, table: Table, losses: Losses) -> Records:
        """Return a table as plain arrays, or raise a `QueryError` for a column that has none."""
        name = time_name(function, table)
        made = {one: field_of(function, one, table[one], losses) for one in table.colnames}
        made[name].spec["is_time"] = True
        said = {
            "version": VERSION, "columns": [one.spec for one in made.values()],
            "meta": _encoded_meta(function, table.meta),
        }  # fmt: skip
        rest = tuple(one for key, one in made.items() if key != name)
        return cls(table, made[name], rest, said)

    @property
    def description(self) -> str:
        """The text from which `restored` restores the table."""
        return json.dumps(self.said)


def _encoded_meta(function: str, meta: Mapping[Any, Any]) -> Any:
    kept = {key: value for key, value in meta.items() if key not in _NOT_META}
    made = {}
    for key, value in kept.items():
        try:
            made[key] = values.encoded(value)
        except HelioPluginsError:
            raise
        except (TypeError, ValueError) as error:
            raise QueryError(
                f"{function} cannot convert the entry {key!r} of meta, which contains {error}: remove it."
            ) from error
    return made if all(type(key) is str and key != values.KIND for key in made) else values.encoded(kept)


def restored(
    description: str,
    find: Callable[[Mapping[str, Any]], tuple[Mapping[str, Any], Arrays] | None],
    added: Iterable[tuple[str, Any]] = (),
) -> QTable:
    """
    Return the table of a description; ``find`` returns the description of a column, which may have another unit now,
    and its values, or `None` if it was removed. Columns that were ``added`` are appended.
    """
    try:
        said = _checked(kept_json(description))
        columns: dict[str, Any] = {}
        for spec in said["columns"]:
            found = find(spec)
            if found is not None:
                columns[spec["name"]] = column_from(found[0], *found[1])
        meta = values.decoded(said["meta"])
    except FileError:
        raise
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        raise FileError(f"The description of the table in {KEY!r} is damaged: {error!r}.") from error
    columns |= {name: column for name, column in added if name not in columns}
    return QTable(list(columns.values()), names=list(columns), meta=meta, copy=False)


def _checked(said: Any) -> Any:
    if said["version"] != VERSION:
        raise FileError(f"The table was converted by another version of this package ({said['version']!r}).")
    return said


def flat_names(names: Sequence[tuple[str, Sequence[str] | None]]) -> list[list[str]]:
    """Return unique names of the components of columns; `None` in place of components for a column of scalars."""
    taken = {name for name, components in names if components is None}
    made = []
    for name, components in names:
        own: list[str] = []
        for component in components or ():
            number, free = 1, f"{name}_{component}"
            while free in taken:
                number += 1
                free = f"{name}_{component}_{number}"
            taken.add(free)
            own.append(free)
        made.append([name] if components is None else own)
    return made


def timed(function: str, columns: Mapping[str, Any], given: Any) -> QTable:
    """Return a table with the times first, or raise a `QueryError` if there are none."""
    table = QTable(list(columns.values()), names=list(columns), copy=False)
    try:
        name = time_name(function, table)
    except QueryError:
        raise QueryError(
            f"{function} takes data with times, which {shown(given)} lacks: give one column or the index as datetime64."
        ) from None
    return table[[name, *(one for one in table.colnames if one != name)]]
