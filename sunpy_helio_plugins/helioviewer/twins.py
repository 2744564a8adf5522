"""From a quick look to the science-grade data of the same exposure: a table of where they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
from astropy.table import MaskedColumn, QTable, Row
from astropy.time import Time
from sunpy.net.attr import Attr

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.helioviewer import headers, records
from sunpy_helio_plugins.helioviewer.archives import NEEDED, twin_of
from sunpy_helio_plugins.quantities import times

__all__ = ["ScienceTable", "science"]

_KEYS = ("FSN", "T_REC", "FILENAME", "DATE-OBS", "CADENCE", "TELESCOP")


class ScienceTable(QTable):
    """Science-grade twins of images: where they are, by which key, and the Fido query of each."""

    def query(self) -> Attr:
        """
        Return one Fido query for all rows that have a twin.

        Raises
        ------
        QueryError
            None has.
        """
        queries = [one for one in self["Query"] if one is not None]
        if not queries:
            raise QueryError(f"None of the {len(self)} images has science-grade data that Fido can find; see 'Note'.")
        return reduce(or_, queries)


def science(table: Any, resolve: bool = False, notify: str | None = None, drms_client: Any = None) -> ScienceTable:
    """
    Return where the science-grade data of images are.

    Parameters
    ----------
    table : HelioviewerTable
        Rows of a search; where they were not searched with ``a.helioviewer.Header()``, the headers that hold the keys
        are read now.
    resolve : bool, optional
        Ask JSOC, through drms, for the exact records: column ``Record``, masked where JSOC has none.
    notify : str, optional
        The mail address registered at JSOC, which fetching from there needs.
    drms_client : drms.Client, optional
        Who asks JSOC. Defaults to a plain ``drms.Client()``.

    Returns
    -------
    ScienceTable
        One row for each image: ``Archive`` (masked where there is none), ``Series``, ``Key`` and ``Value`` by which the
        data are found, ``Exact`` (whether they are of this very exposure, or the nearest ones), ``Query`` (Fido attrs),
        ``Note``. ``Fido.search(twins.query())`` searches for all.

    Raises
    ------
    ServiceError
        JSOC does not answer, or with an error.
    """
    rows = [table] if isinstance(table, Row) else list(table)
    known = _headers(rows)
    twins = [twin_of(row, header, notify) for row, header in zip(rows, known, strict=True)]
    names = ("Archive", "Series", "Key", "Value", "Note")
    texts = {name: [getattr(one, name.lower()) for one in twins] for name in names}
    queries = np.empty(len(twins), dtype=object)
    queries[:] = [one.query for one in twins]
    made = ScienceTable({
        "Start Time": _starts(rows),
        "Instrument": np.array([str(row["Instrument"]) for row in rows], dtype=str),
        "Measurement": np.array([str(row["Measurement"]) for row in rows], dtype=str),
        **{name: MaskedColumn(values, mask=[not one for one in values], dtype=str) for name, values in texts.items()},
        "Exact": np.array([one.exact for one in twins], dtype=bool),
        "Query": queries,
    })  # fmt: skip
    if resolve:
        found = records.resolved(twins, drms_client)
        made["Record"] = MaskedColumn(found, mask=[not one for one in found], dtype=str)
    return made


def _starts(rows: Sequence[Row]) -> Time:
    starts = Time([row["Start Time"] for row in rows]) if rows else Time([], format="jd", scale="utc")
    return times.as_column(starts, "Start Time")


def _headers(rows: Iterable[Any]) -> list[dict[str, Any]]:
    """Return the keys of images, from the table or from the files' headers."""
    rows = list(rows)
    if rows and "FSN" in rows[0].colnames:
        names = [name for name in _KEYS if name in rows[0].colnames]
        return [{name: row[name] for name in names if not np.ma.is_masked(row[name])} for row in rows]
    needed = [number for number, row in enumerate(rows) if row["Instrument"] in NEEDED]
    read = dict(zip(needed, headers.fetch([str(rows[number]["url"]) for number in needed]), strict=True))
    found = (read.get(number, {}) for number in range(len(rows)))
    return [one if isinstance(one, dict) else {"": one} for one in found]
