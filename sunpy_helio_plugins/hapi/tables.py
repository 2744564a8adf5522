"""Tables of HAPI: search results, and the files in a column of records."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.table import TableAttribute

from sunpy_helio_plugins.arguments import unchecked
from sunpy_helio_plugins.fido.fields import common_columns
from sunpy_helio_plugins.fido.table import ArchiveTable
from sunpy_helio_plugins.hapi.model import Parameter
from sunpy_helio_plugins.hapi.query import NOT_COVERED, PROVIDER
from sunpy_helio_plugins.quantities import times

if TYPE_CHECKING:
    from sunpy_helio_plugins.fido.partial import Partial
    from sunpy_helio_plugins.hapi.plan import DataRequest

__all__ = ["HAPIFiles", "HAPITable", "from_answer", "uncovered"]

_common_columns = unchecked(common_columns)
_from_iso = unchecked(times.from_iso)


_SHOWN = {"Title": 48, "Parameters": 32, "Units": 24}
"""The number of characters that are printed; the columns contain the complete text."""


class HAPITable(ArchiveTable):
    """
    A search result of HAPI servers: each row is a request for records of one dataset.

    The columns include the server, the dataset, its parameters and their units, the time range that ``Fido.fetch``
    requests, and the estimated number and size of the records.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> import sunpy_helio_plugins
    >>> query = a.hapi.Dataset("cdaweb/AC_H0_MFI"), a.hapi.Parameters("Magnitude")
    >>> found = Fido.search(a.Time("2026-01-10", "2026-01-11"), *query)["hapi"]
    >>> print(found["Dataset", "Cadence", "Units", "Records"])
     Dataset  Cadence Units Records
    --------- ------- ----- -------
    AC_H0_MFI   PT16S    nT    5401
    """

    hide_keys = ["format", "info", "range", "url", "server_url"]
    identity = ("server_url", "Dataset", "Parameters", "Start Time")
    lineage = ("server_url", "Dataset", "Start Time")
    needed = ("Server", "Dataset", "format", "info", "range", "url", "server_url")
    size_column = "Size"
    archive = PROVIDER
    credits = TableAttribute(default=[])
    """What the servers give on their datasets: dicts with ``dataset``, ``citation``, ``resourceURL`` and others."""

    @property
    def _display_table(self) -> ArchiveTable:
        """
        The table as it is printed: some datasets have two hundred parameters, and titles of several lines.

        Columns that are selected with ``table.show("Title")`` are printed in full; in that case ``hide_keys`` is empty.
        """
        shown: ArchiveTable = super()._display_table
        for name, longest in _SHOWN.items() if self.hide_keys else ():
            if name in shown.colnames:
                texts = [text if len(text) <= longest else f"{text[: longest - 1]}…" for text in map(str, shown[name])]
                shown.replace_column(name, np.array(texts, dtype=str))
        return shown


def uncovered(table: HAPITable) -> tuple[str, ...]:
    """Return the notes on time that the datasets of the rows do not cover."""
    datasets = tuple(f"{name} of " for name in dict.fromkeys(map(str, table["Dataset"])))
    return tuple(note for note in table.notes if note.startswith(datasets) and note.endswith(NOT_COVERED))


class HAPIFiles(ArchiveTable):
    """Files whose URLs are in a column of records, one in each row; ``Fido.fetch`` downloads them."""

    hide_keys = ["media_type", "url", "server_url"]
    needed = ("url",)
    size_column = None
    archive = PROVIDER


def from_answer(answer: Partial[DataRequest], client: Any) -> HAPITable:
    """Build the search result, with one row for each request; a result without rows has the same columns."""
    found = answer.items
    texts: dict[str, list[str]] = {
        "Server": [one.server.name for one in found],
        "Dataset": [one.dataset for one in found],
        "Title": [one.title for one in found],
        "Cadence": [one.info.cadence for one in found],
        "Parameters": [", ".join(one.info.names[1:]) for one in found],
        "Units": [", ".join(_shown_units(parameter) for parameter in one.info.parameters[1:]) for one in found],
        "format": [one.format for one in found],
        "range": [str(one.span) for one in found],
        "url": [one.url for one in found],
        "server_url": [one.server.url for one in found],
    }
    sources = np.array([one.server.source or one.server.name for one in found], dtype=str)
    start, end = _shown_times([one.start for one in found], [one.end for one in found])
    instruments = [one.info.instrument for one in found]
    common = _common_columns(start, end, instruments, sources, PROVIDER)
    table = HAPITable(common, client=client)
    for name, values in texts.items():
        table[name] = np.array(values, dtype=str)
    # As objects: a description may be long, and the requests for one dataset share it.
    table["info"] = np.empty(len(found), dtype=object)
    table["info"][:] = _descriptions(found)
    table["Records"] = np.array([one.records for one in found], dtype=float)
    table["Records"].format = ".0f"
    table["Size"] = u.Quantity([one.size / 1e6 for one in found], u.Mbyte)
    table.problems, table.notes = list(answer.problems), list(answer.notes)
    table.credits = _credits(found)
    return table


def _credits(found: Iterable[DataRequest]) -> list[dict[str, Any]]:
    """Return the citation and other references of each dataset for which its server gives any."""
    given = {(one.server.name, one.dataset): one.info.credits for one in found}
    return [{"server": key[0], "dataset": key[1], **said} for key, said in given.items() if said]


def _shown_times(*instants: Sequence[str]) -> Any:
    """Return several columns of times, which are converted together."""
    made = _from_iso(np.array(instants, dtype="S"))
    made.format = "iso"
    return made


def _descriptions(found: Iterable[DataRequest]) -> list[str]:
    """Return each description as JSON, written once where several requests share it."""
    written: dict[int, str] = {}
    for one in found:
        if id(one.info) not in written:
            written[id(one.info)] = json.dumps(dict(one.info.raw), ensure_ascii=False)
    return [written[id(one.info)] for one in found]


def _shown_units(parameter: Parameter) -> str:
    unit = parameter.units
    return "/".join(str(one) for one in unit) if isinstance(unit, list) else (unit or "").strip() or "-"
