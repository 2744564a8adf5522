"""
The registry's records as a table: times, numbers with units, booleans, coordinates, and what is missing masked.

Columns keep the registry's names. A value that cannot be read is masked and named in ``problems``; the untouched record
stays in the hidden column ``raw``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
from astropy.table import QTable, Table, TableAttribute
from astropy.time import Time
from sunpy.net.base_client import QueryResponseRow

from sunpy_helio_plugins.fido.table import HelioTable
from sunpy_helio_plugins.her import columns, relations, restoring, storage
from sunpy_helio_plugins.her import instants as moments
from sunpy_helio_plugins.her.making import FIRST, Maker
from sunpy_helio_plugins.her.places import Places
from sunpy_helio_plugins.her.polygons import Polygons
from sunpy_helio_plugins.her.storage import INSTANT
from sunpy_helio_plugins.io.tables import header_of
from sunpy_helio_plugins.quantities import times

__all__ = ["HERTable"]

Record = columns.Record

SHOWN = (
    *FIRST, "Instrument", "Source", "event_peaktime", "fl_goescls", "ar_noaanum", "hpc_x", "hpc_y", "area_atdiskcenter",
    "cme_radiallinvel", "cme_angularwidth",
)  # fmt: skip
"""The columns that are printed where they hold anything; the others are hidden (see ``unhide_columns``)."""


class EventRow(QueryResponseRow):
    """One event; printed, it shows what its table shows, and not some hundred columns."""

    def _base_repr_(self, html: bool = False) -> str:
        shown = self.as_table()._display_table
        words = [type(self).__name__, f"index={self.index}"]
        return str(shown._base_repr_(html, words, max_width=-1, tableid=f"table{id(self._table)}"))

    def __str__(self) -> str:
        return "\n".join(self.as_table()._display_table.pformat(max_width=-1))


class HERTable(HelioTable):
    """
    Events of the registry; columns bear the registry's own names in lower case.

    Beside them are ``Start Time``, ``End Time``, ``Instrument``, ``Source`` and ``Provider``, which the tables of all
    archives have.

    Attributes
    ----------
    edges : list of dict
        What the registry says of the relations between these and other events, as it came; see `associations`.
    problems : list of str
        What is missing from the answer or could not be read, and why.
    """

    Row = EventRow
    identity = ("kb_archivid",)
    edges = TableAttribute(default=[])
    unasked = TableAttribute(default=[])
    """Columns that came because reading others takes them, and that are not printed."""

    @classmethod
    def from_records(
        cls,
        records: Sequence[Record],
        associations: Iterable[Record] = (),
        problems: Iterable[str] = (),
        client: Any = None,
        instants: Time | None = None,
        partial: bool = False,
    ) -> Self:
        """
        Make a table of records as the registry sends them.

        Parameters
        ----------
        records : sequence of dict
            The events; their keys may differ.
        associations : iterable of dict, optional
            The edges between events.
        problems : iterable of str, optional
            What is known to be missing.
        client : sunpy.net.base_client.BaseClient, optional
            The client that asked.
        instants : astropy.time.Time, optional
            Shape (n,): the instants to which the coordinates belong. Defaults to what is known of each method; see
            `sunpy_helio_plugins.her.instants.INSTANTS`.
        partial : bool, optional
            Whether the records came without a part of their keywords, as with ``a.her.Return("required")``: what cannot
            be read without these is masked.

        Returns
        -------
        HERTable
            One row for each record, in the same order.
        """
        maker = Maker(records, list(problems), instants, partial)
        made = maker.columns()
        table = cls(list(made.values()), names=list(made), client=client, copy=False)
        table.edges = list(associations)
        table.problems = maker.reader.problems
        return table

    def at(self, instants: Time) -> Self:
        """
        Return the same events with coordinates that belong to other instants.

        Parameters
        ----------
        instants : astropy.time.Time
            One, or one for each row.
        """
        parts = np.broadcast_to(moments.parts(instants), (len(self), 2)).copy()
        made = self.copy()
        for name in made.colnames:
            if isinstance(made[name], Places | Polygons):
                made[name] = made[name].at(parts)
        made[INSTANT] = times.as_column(moments.times(parts), "Instant of the coordinates")
        return made

    @property
    def associations(self) -> QTable:
        """
        The relations between these and other events, as a table.

        Among its columns are ``first_ivorn``, ``edge_type`` (``"is_followed_by"``, ``"splits_into"``,
        ``"merges_into"``, ``"contains"`` and others), ``second_ivorn`` and ``strength``.
        """
        return relations.associations(self)

    def plain(self) -> QTable:
        """
        Return the same rows as a table of columns that every astropy knows.

        Polygons are two columns of variable length, ``hpc_boundcc.lon`` and ``hpc_boundcc.lat``, points two of numbers.
        """
        return storage.plain(self)

    def to_pandas(self, *args: Any, **kwargs: Any) -> Any:
        """
        Return the same rows as a `pandas.DataFrame`: numbers without units, times and outlines (WKT) as text.

        Parameters
        ----------
        *args, **kwargs
            As for `astropy.table.Table.to_pandas`.
        """
        return storage.flat(self).to_pandas(*args, **kwargs)

    def _for_format(self, form: str) -> Table:
        return storage.flat(self, form)

    @classmethod
    def _from_plain(cls, plain: Table) -> Self:
        """Return the events of a file; where the file has no header of ours, made anew of the registry's records."""
        return super()._from_plain(plain) if header_of(plain) is not None else restoring.rebuilt(cls, QTable(plain))

    @classmethod
    def stack(cls, *tables: Self) -> Self:
        """
        Return the events of several tables as one, made anew of all their records.

        `astropy.table.vstack` does so too, but for a column that is a quantity in one table and has no sure unit in
        another. Each relation is there once.

        Parameters
        ----------
        *tables : HERTable
            The tables, with their columns ``raw``; columns that were added to them are stacked as they are.
        """
        return restoring.stacked(cls, tables)

    @property
    def display_keys(self) -> Any:
        """The columns that are printed; sunpy's own attribute is shared by slices and reset by the first print."""
        own = self.__dict__.get("_display_keys")
        if own is not None:
            return own
        if "raw" not in self.colnames:
            # Somebody chose these columns.
            return slice(None)
        shown = [name for name in SHOWN if name in self.colnames and (name in FIRST or name not in self.unasked)]
        return [name for name in shown if name in FIRST or _holds_anything(self[name])]

    @display_keys.setter
    def display_keys(self, keys: Any) -> None:
        self.__dict__["_display_keys"] = keys


def _holds_anything(column: Any) -> bool:
    mask = getattr(column, "mask", None)
    return len(column) > 0 and (mask is None or not mask.all())
