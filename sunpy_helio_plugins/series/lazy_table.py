"""Records of files that are read when they are first used."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astropy.table import QTable

from sunpy_helio_plugins.series import export

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from ndcube import NDCube, NDCubeSequence
    from sunpy.timeseries import GenericTimeSeries

__all__ = ["LazyTable"]

_MOST_NAMES = 12
"""The columns that are named in the representation."""


class LazyTable:
    """
    Records that are read when they are first used, as the ``open`` of each archive returns them.

    Attributes
    ----------
    name : str
        What was opened.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi, series
    >>> wind = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11")
    >>> hapi.write(wind, "wind.hapi")
    >>> opened = hapi.open("wind.hapi")
    >>> len(opened.table)
    5400
    """

    def __init__(
        self,
        name: str,
        read: Callable[[], QTable],
        to_timeseries: Callable[..., GenericTimeSeries],
        to_ndcube: Callable[..., Any],
        records: Callable[[QTable], QTable] | None = None,
    ) -> None:
        self.name = name
        self._read, self._to_timeseries, self._to_ndcube, self._records = read, to_timeseries, to_ndcube, records

    @cached_property
    def table(self) -> QTable:
        """The records, images or events as a table; that of the ``read`` of the archive if it reads tables."""
        return self._read()

    @cached_property
    def _plain(self) -> QTable:
        return self.table if self._records is None else self._records(self.table)

    def to_timeseries(self, **options: Any) -> GenericTimeSeries:
        """
        Convert the records to a time series of sunpy.

        Parameters
        ----------
        **options
            Passed to the ``to_timeseries`` of the archive, such as ``columns`` of `sunpy_helio_plugins.imap`. Images
            and events take ``columns``, by default all columns of numbers with a value.

        Returns
        -------
        sunpy.timeseries.GenericTimeSeries
            As the ``to_timeseries`` of the archive returns it; of images, numbers in their headers, and of events,
            numbers at the time of their start.
        """
        return self._to_timeseries(self._plain, **options)

    def to_xarray(self) -> xr.Dataset:
        """
        Convert the records to a data set of xarray.

        Returns
        -------
        xarray.Dataset
            See `sunpy_helio_plugins.series.to_xarray`.
        """
        return export.to_xarray(self._plain)

    def to_pandas(self) -> pd.DataFrame:
        """
        Convert the records to a data frame of pandas.

        Returns
        -------
        pandas.DataFrame
            See `sunpy_helio_plugins.series.to_pandas`.
        """
        return export.to_pandas(self._plain)

    def to_ndcube(self, *args: Any, **options: Any) -> NDCube | NDCubeSequence:
        """
        Convert a column of spectra, or images, to a cube.

        Parameters
        ----------
        *args, **options
            Of records, ``column``: the name of a column with several values for each record. Images take none.

        Returns
        -------
        ndcube.NDCube or ndcube.NDCubeSequence
            As the ``to_ndcube`` of the archive returns it. See `sunpy_helio_plugins.helioviewer.open` for images.

        Raises
        ------
        QueryError
            If there is no such column; or for events, and for images that are not on this machine.
        """
        return self._to_ndcube(self.table, *args, **options)

    def to_parquet(self, path: str | Path, *, overwrite: bool = False) -> None:
        """
        Write the records to a Parquet file.

        Parameters
        ----------
        path : str or pathlib.Path
            The file.
        overwrite : bool, optional
            Whether to replace an existing file.
        """
        export.to_parquet(self._plain, path, overwrite=overwrite)

    def __repr__(self) -> str:
        if "table" not in vars(self):
            return f"<LazyTable {self.name}, not read yet>"
        names = self.table.colnames
        shown = [
            *names[:_MOST_NAMES],
            *([f"and {len(names) - _MOST_NAMES} others"] if len(names) > _MOST_NAMES else []),
        ]
        return f"<LazyTable {self.name}: {len(self.table)} rows of {', '.join(shown)}>"
