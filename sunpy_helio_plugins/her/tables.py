"""
The registry's records as a table: times, numbers with units, booleans, and what is missing masked.

Columns keep the registry's names. A value that cannot be read is masked and named in ``problems``; the untouched record
stays in the hidden column ``raw``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from astropy.table import Column, TableAttribute
from astropy.time import Time
from numpy.typing import NDArray

from sunpy_helio_plugins.fido import HelioTable
from sunpy_helio_plugins.her.columns import Record, column, trusted
from sunpy_helio_plugins.her.keywords import keywords
from sunpy_helio_plugins.her.regions import Outlines, detection_times

__all__ = ["HERTable"]

FIRST = ("event_starttime", "event_endtime", "event_type", "frm_name")
"""The first columns, which every table has."""

SHOWN = (
    *FIRST, "event_peaktime", "fl_goescls", "ar_noaanum", "hpc_x", "hpc_y", "area_atdiskcenter", "cme_radiallinvel",
    "cme_angularwidth",
)  # fmt: skip
"""The columns that are printed where they hold anything; the others are hidden (see ``unhide_columns``)."""


class HERTable(HelioTable):
    """
    Events of the registry; columns bear the registry's own names in lower case.

    Attributes
    ----------
    associations : list of dict
        What the registry says of the relations between these and other events: ``first_ivorn``, ``second_ivorn`` and
        ``edge_type`` (``"is_followed_by"``, ``"splits_into"``, ``"merges_into"`` and others) among its keys.
    problems : list of str
        What is missing from the answer or could not be read, and why.
    """

    associations = TableAttribute(default=[])

    @classmethod
    def from_records(
        cls,
        records: Sequence[Record],
        associations: Iterable[Record] = (),
        problems: Iterable[str] = (),
        client: Any = None,
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

        Returns
        -------
        HERTable
            One row for each record, in the same order.
        """
        believed = [trusted(record) for record in records]
        found = (name for record in records for name in record)
        # An empty answer has every column, so that what works on many events works on none.
        names = dict.fromkeys((*FIRST, *(found if records else (word.name for word in keywords().values()))))
        troubles = list(problems)
        columns = [column(name, believed, troubles) for name in names]
        # An object array: numpy would look for a length in dicts.
        columns.append(Column([None] * len(records), name="raw", dtype=object))
        for index, record in enumerate(records):
            columns[-1][index] = record
        table = cls(columns, names=[*names, "raw"], client=client)
        table.associations = list(associations)
        table.problems = troubles
        return table

    @property
    def display_keys(self) -> Any:
        """The columns that are printed; sunpy's own attribute is shared by slices and reset by the first print."""
        own = self.__dict__.get("_display_keys")
        if own is not None:
            return own
        return [name for name in SHOWN if name in self.colnames and (name in FIRST or _holds_anything(self[name]))]

    @display_keys.setter
    def display_keys(self, keys: Any) -> None:
        self.__dict__["_display_keys"] = keys

    def __getstate__(self) -> tuple[dict[str, Any], Any]:
        columns, meta = super().__getstate__()
        packed = {name: _Instants.of(col) if isinstance(col, Time) else col for name, col in columns.items()}
        return packed, meta

    def __setstate__(self, state: tuple[dict[str, Any], Any]) -> None:
        packed, meta = state
        columns = {name: col.time() if isinstance(col, _Instants) else col for name, col in packed.items()}
        super().__setstate__((columns, meta))

    def outlines(self, system: str = "hpc") -> Outlines:
        """
        Return the outlines of the events.

        Parameters
        ----------
        system : str, optional
            ``"hpc"``, as seen from Earth at the instant of detection (the default), or ``"hgs"``, on the surface.

        Returns
        -------
        Outlines
            A sequence of one `~astropy.coordinates.SkyCoord` for each row, `None` where it has no outline. The
            registry's own text stays in the columns ``hpc_boundcc`` and ``hgs_boundcc``.

        Raises
        ------
        QueryError
            Another system.
        """
        name = f"{system}_boundcc"
        texts = [str(text) for text in np.ma.filled(self[name], "")] if name in self.colnames else [None] * len(self)
        return Outlines(texts, detection_times(self), system)


@dataclass(frozen=True)
class _Instants:
    """A column of times with some missing, taken apart for pickling, in which astropy 8.0 loses the mask."""

    jd1: NDArray[np.float64]
    jd2: NDArray[np.float64]
    mask: NDArray[np.bool_]
    scale: str
    form: str

    @classmethod
    def of(cls, time: Time) -> Self:
        whole = time.filled(Time(0, format="unix", scale=time.scale)) if time.masked else time
        return cls(np.asarray(whole.jd1), np.asarray(whole.jd2), np.array(time.mask), time.scale, time.format)

    def time(self) -> Time:
        made = Time(self.jd1, self.jd2, format="jd", scale=self.scale)
        made.format = self.form
        if self.mask.any():
            made[self.mask] = np.ma.masked
        return made


def _holds_anything(column: Any) -> bool:
    mask = getattr(column, "mask", None)
    return len(column) > 0 and (mask is None or not mask.all())
