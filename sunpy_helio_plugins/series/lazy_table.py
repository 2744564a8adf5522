"""Records of files that are read when they are first used."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astropy.table import QTable

from sunpy_helio_plugins.series import exits

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from ndcube import NDCube
    from sunpy.timeseries import GenericTimeSeries

__all__ = ["LazyTable"]


class LazyTable:
    """
    Records that are read when they are first used, as ``hapi.open`` and ``imap.open`` return them.

    Attributes
    ----------
    name : str
        What was opened.
    """

    def __init__(
        self,
        name: str,
        read: Callable[[], QTable],
        to_timeseries: Callable[..., GenericTimeSeries],
        to_ndcube: Callable[[QTable, str], Any],
    ) -> None:
        self.name = name
        self._read, self._to_timeseries, self._to_ndcube = read, to_timeseries, to_ndcube

    @cached_property
    def table(self) -> QTable:
        """The records as a table, as the ``read`` of the archive returns them."""
        return self._read()

    def to_timeseries(self, **options: Any) -> GenericTimeSeries:
        """
        Convert the records to a time series of sunpy.

        Parameters
        ----------
        **options
            Passed to the ``to_timeseries`` of the archive, such as ``columns`` of `sunpy_helio_plugins.imap`.

        Returns
        -------
        sunpy.timeseries.GenericTimeSeries
            As the ``to_timeseries`` of the archive returns it.
        """
        return self._to_timeseries(self.table, **options)

    def to_xarray(self) -> xr.Dataset:
        """
        Convert the records to a data set of xarray.

        Returns
        -------
        xarray.Dataset
            See `sunpy_helio_plugins.series.to_xarray`.
        """
        return exits.to_xarray(self.table)

    def to_pandas(self) -> pd.DataFrame:
        """
        Convert the records to a data frame of pandas.

        Returns
        -------
        pandas.DataFrame
            See `sunpy_helio_plugins.series.to_pandas`.
        """
        return exits.to_pandas(self.table)

    def to_ndcube(self, column: str) -> NDCube:
        """
        Convert a column of spectra to a cube.

        Parameters
        ----------
        column : str
            The name of a column with several values for each record.

        Returns
        -------
        ndcube.NDCube
            As the ``to_ndcube`` of the archive returns it.
        """
        return self._to_ndcube(self.table, column)

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
        exits.to_parquet(self.table, path, overwrite=overwrite)

    def __repr__(self) -> str:
        if "table" not in vars(self):
            return f"<LazyTable {self.name}, not read yet>"
        return f"<LazyTable {self.name}: {len(self.table)} records of {', '.join(self.table.colnames)}>"
