"""The table of a search result."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from astropy import units as u
from astropy.io.misc.yaml import AstropyDumper
from astropy.table import QTable, TableAttribute
from astropy.time import Time
from sunpy.net.base_client import QueryResponseRow, QueryResponseTable

from sunpy_helio_plugins.arguments import no_column, refused
from sunpy_helio_plugins.errors import Problem
from sunpy_helio_plugins.fido import pickling
from sunpy_helio_plugins.fido.fields import field_names
from sunpy_helio_plugins.fido.partial import text_of
from sunpy_helio_plugins.io import results, series
from sunpy_helio_plugins.io.text import SafeFormatter
from sunpy_helio_plugins.quantities.fills import MaskKeepingColumn, MaskKeepingQuantity
from sunpy_helio_plugins.quantities.record_time import RecordTime
from sunpy_helio_plugins.transport.urls import public_url

__all__ = ["ArchiveTable"]

LINES_SHOWN = 1000
"""The maximum of printed lines; ``table.show()`` and slices show the others."""


# Metadata that astropy itself writes contain the sentences alone.
AstropyDumper.add_representer(Problem, lambda dumper, problem: dumper.represent_str(str.__str__(problem)))


class _Problems(TableAttribute):
    """The attribute ``problems``: each entry has a kind and an archive, also one from a file."""

    if TYPE_CHECKING:

        def __get__(self, instance: object, owner: type | None = None) -> Any: ...

    def __set__(self, instance: Any, value: Iterable[str | Mapping[str, Any]]) -> None:
        super().__set__(instance, [Problem.of(entry, instance.archive) for entry in value])


class ArchiveTable(results.Stored, QueryResponseTable):
    """A search result: a QTable with a list of missing parts in ``problems``, and other remarks in ``notes``."""

    Row = QueryResponseRow
    TableFormatter = SafeFormatter
    # As a TableAttribute, as in sunpy, printing a table would put a slice into its meta, which ECSV cannot store.
    display_keys = slice(None)
    needed: ClassVar[tuple[str, ...]] = ()
    """Columns that the archive's functions and downloads require."""
    archive: ClassVar[str] = ""
    """The name of the archive in ``problems`` that do not name one."""
    _new_columns: ClassVar[tuple[type[Any], ...]] = (MaskKeepingColumn, MaskKeepingQuantity, RecordTime)
    """The types of columns that are used as they are, if they do not belong to a table yet."""
    problems = _Problems(default=[])
    """Missing parts of the result, each a `~sunpy_helio_plugins.errors.Problem`; empty if it is complete."""
    notes = TableAttribute(default=[])
    """Remarks on complete results, such as the end of a dataset."""

    def __str__(self) -> str:
        """
        Show the rows, and what is missing.

        Only the first and the last of very many rows are shown, since printing takes longer than searching.
        """
        return "\n".join([*self._display_table.pformat(max_lines=LINES_SHOWN, show_dtype=False), *self._remarks()])

    def _repr_html_(self) -> str:
        remarks = "".join(f"<p>{escape(line)}</p>" for line in self._remarks())
        return f"{super()._repr_html_()}{remarks}"

    def _remarks(self) -> list[str]:
        """Return a line on what is missing and one with the notes, if there are any."""
        told = (("Missing", self.problems), ("Note", self.notes))
        return [f"{word}: {text_of(texts)}" for word, texts in told if texts]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} length={len(self)}>\n{self}"

    @property
    def _display_table(self) -> QTable:
        """The printed table: times to the millisecond, although their columns contain more digits."""
        table = super()._display_table
        for column in table.itercols():
            if isinstance(column, Time):
                column.precision = 3
        return table

    def __getitem__(self, item: Any) -> Any:
        try:
            return super().__getitem__(item)
        except KeyError:
            if isinstance(item, str) and item not in self.colnames:
                raise KeyError(str(no_column("The table", item, self.colnames))) from None
            raise

    def _convert_data_to_col(
        self, data: Any, copy: Any = True, default_name: Any = None, dtype: Any = None, name: Any = None
    ) -> Any:  # fmt: skip
        """Use a new column as it is; astropy would make a view, which takes longer than many values of a column."""
        if copy or dtype is not None or not name or not isinstance(data, self._new_columns):
            return super()._convert_data_to_col(data, copy, default_name, dtype, name)
        column: Any = data
        owner = column if isinstance(column, MaskKeepingColumn) else column.info
        if owner.parent_table is not None:
            return super()._convert_data_to_col(data, copy, default_name, dtype, name)
        column.info.name = name
        return column

    def total_size(self) -> u.Quantity:
        """
        Return the size of all files, if the archive provides it.

        Returns
        -------
        astropy.units.Quantity
            The sum, or NaN bytes. Every print of a response uses it, and sunpy's own method fails for a sum below 1 kB.
        """
        if self.size_column is None or self.size_column not in self.colnames or not len(self):
            return np.nan * u.byte
        total = np.nansum(self[self.size_column])
        if not total > 0 * u.byte:
            return np.nan * u.byte
        prefix = next((unit for unit in (u.Gbyte, u.Mbyte, u.kbyte) if total >= 1 * unit), u.byte)
        return total.to(prefix).round(3)

    def paths(self, results: Any) -> list[Path | None]:
        """
        Return the file of each row.

        Parameters
        ----------
        results : parfive.Results
            The return value of `Fido.fetch <sunpy.net.Fido>` for this table, alone or with others.

        Returns
        -------
        list of pathlib.Path or None
            The path for each row, in the order of the rows; `None` if the file was not downloaded.
        """
        if not hasattr(results, "urls"):
            raise refused(f"{type(self).__name__}.paths", results, "the parfive.Results that Fido.fetch returned")
        arrived: dict[str, deque[Path]] = defaultdict(deque)
        for url, path in zip(results.urls, results, strict=False):
            arrived[_address(url)].append(Path(path))
        rows = [_address(str(url)) for url in self["url"]] if "url" in self.colnames else [""] * len(self)
        return [arrived[row].popleft() if arrived.get(row) else None for row in rows]

    def __getstate__(self) -> tuple[Any, ...]:
        columns, meta = super().__getstate__()
        return {name: pickling.packed(one) for name, one in columns.items()}, meta, results.shown(self)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        columns, meta, *shown = state
        super().__setstate__(({name: pickling.unpacked(one) for name, one in columns.items()}, meta))
        results.show(self, shown[0] if shown else {})

    def path_format_keys(self) -> set[str]:
        """
        Return the names that a path template can use; unlike sunpy's method, also for an empty table.

        Returns
        -------
        set of str
            The names.
        """
        return set(field_names(self)) if len(self) else set()


def _address(url: str) -> str:
    """Return the identity of a request: URLs of the same file with and without credentials are equal."""
    return re.sub(r"/(api-key|authorized)(?=/)", "", public_url(url), count=1)


series.restore_results_with(ArchiveTable._from_plain)
