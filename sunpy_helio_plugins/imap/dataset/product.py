"""Open the files of a product as one data set."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import QTable
from astropy.time import Time

from sunpy_helio_plugins.arguments import TEXT, TEXTS, optional, taking
from sunpy_helio_plugins.cdf.metadata import FrozenList
from sunpy_helio_plugins.cdf.read import read as read_cdf
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.imap.dataset.arrays import dataset_of_product
from sunpy_helio_plugins.imap.dataset.meanings import describe
from sunpy_helio_plugins.imap.dataset.selection import FileSelection, select, write_versions
from sunpy_helio_plugins.imap.dataset.timeline import Timeline, TimelineSegment, timeline
from sunpy_helio_plugins.imap.dataset.variables import ProductVariables, UntimedError
from sunpy_helio_plugins.imap.dataset.zarr_folder import write_zarr
from sunpy_helio_plugins.quantities.leap import DAY
from sunpy_helio_plugins.quantities.scales import checked_scale
from sunpy_helio_plugins.quantities.silence import far_years
from sunpy_helio_plugins.series.arrow import arrow_of
from sunpy_helio_plugins.series.columns import Losses
from sunpy_helio_plugins.series.lazy_table import LazyTable
from sunpy_helio_plugins.series.records import Records
from sunpy_helio_plugins.series.views.cube import to_ndcube
from sunpy_helio_plugins.store.publish import whole_file

if TYPE_CHECKING:
    import xarray as xr
    from distributed import Client

    from sunpy_helio_plugins.imap.views.timeseries import IMAPTimeSeries

__all__ = ["IMAPDataset", "open"]

_J2000 = 2451545.0

_KEYS = np.iinfo(np.int64)


class IMAPDataset(LazyTable):
    """
    The records of the files of one product, which are read when they are first used.

    Attributes
    ----------
    files : tuple of pathlib.Path
        The files, by their first day.
    notes : tuple of str
        The files that were left out, because a newer version of them is used, and the problems and notes of a search.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import imap
    >>> query = a.Time("2026-01-10", "2026-01-11"), a.Instrument("mag"), a.imap.Descriptor("norm-gse")
    >>> data = imap.open(query)
    >>> [file.name for file in data.files]
    ['imap_mag_l2_norm-gse_20260110_v001.0002.cdf', 'imap_mag_l2_norm-gse_20260111_v002.0001.cdf']
    >>> data.table.colnames[:3]
    ['epoch', 'b_gse', 'magnitude']
    """

    def __init__(self, selection: FileSelection, columns: Sequence[str] | None, epoch: str | None, scale: str) -> None:
        self.files, self.notes = tuple(selection.paths), tuple(selection.notes)
        self._selection, self._columns, self._epoch, self._scale = selection, columns, epoch, scale
        name = str(self.files[0]) if len(self.files) == 1 else f"{len(self.files)} files"
        super().__init__(name, self._read_all, _to_timeseries, to_ndcube)

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy reads the files again: open files are not for other processes.
        return type(self), (self._selection, self._columns, self._epoch, self._scale)

    @cached_property
    def _product(self) -> ProductVariables:
        return ProductVariables(self.files, self._epoch, self._columns)

    @cached_property
    def _timeline(self) -> Timeline:
        ranges = self._selection.ranges
        with far_years():
            limits = None if ranges is None else [(_key(first), _key(last)) for first, last in ranges]
            return timeline(self._product.track, self._selection.ranks, limits)

    @property
    def problems(self) -> tuple[str, ...]:
        """Differences between the files, and records that were left out; the times of all files are read."""
        return (*self.notes, *self._product.problems, *self._left_out())

    def _left_out(self) -> Iterator[str]:
        for (file, other), count in sorted(self._timeline.repeated.items()):
            ranks = self._selection.ranks
            kind = "newer version" if ranks[other] > ranks[file] else "file"
            names = self.files[file].name, self.files[other].name
            yield f"{count} records of {names[0]} were left out: the {kind} {names[1]} also contains their times."
        if self._selection.ranges is not None:
            for file, count in self._timeline.untimed.items():
                yield f"{count} records of {self.files[file].name} without a time were left out."

    def _read_all(self) -> QTable:
        try:
            return self._table(self._timeline.segments)
        except UntimedError:
            if len(self.files) > 1 or self._columns is not None or self._selection.ranges is not None:
                raise
            return describe(read_cdf(self.files[0], self._epoch, scale=self._scale))

    def _table(self, segments: Sequence[TimelineSegment]) -> QTable:
        with far_years():
            return self._finished(self._product.table(segments, self._scale))

    def _finished(self, table: QTable) -> QTable:
        """Add the meaning of the columns, and what was left out, to a table."""
        table.meta["problems"] = FrozenList(self.problems)
        return describe(table)

    def parts(self) -> Iterator[QTable]:
        """
        Read the records in parts, in the order of time.

        Yields
        ------
        astropy.table.QTable
            The records of one file, or those of several files where these overlap, as in ``table``. Only one part is in
            memory at a time.
        """
        for segment in self._timeline.segments:
            yield self._table([segment])

    def to_xarray(self) -> xr.Dataset:
        """
        Convert the records to a data set of xarray.

        Returns
        -------
        xarray.Dataset
            As `sunpy_helio_plugins.series.to_xarray` returns it. Up to 256 MB are read at once; the arrays of a larger
            data set are read when they are used, and ``chunk()`` makes them arrays of dask. The times are read at once
            for up to 1e7 records; more do not have an index: select by position, or call ``set_xindex("time")`` on a
            part.

        Raises
        ------
        MissingDependencyError
            If xarray is not installed.
        FileError
            If a file cannot be read, or does not contain times.
        """
        try:
            return dataset_of_product(self._product, self._timeline, self._scale, self._finished)
        except UntimedError:
            return super().to_xarray()  # of a table that may have times all the same, such as a range of validity

    def to_parquet(self, path: str | Path, *, overwrite: bool = False) -> None:
        """
        Write the records to a Parquet file, one part after the other.

        Parameters
        ----------
        path : str or pathlib.Path
            The file.
        overwrite : bool, optional
            Whether to replace an existing file.

        Raises
        ------
        DiskError
            If the file exists or cannot be written; no part of it is left.
        """
        import pyarrow.parquet

        losses = Losses("imap.open: the timestamps of Parquet")
        with whole_file(inputs.one_path("imap.open", path), overwrite=overwrite) as stream:
            writer = None
            for part in self.parts() if self._timeline.length else [self.table]:
                part.meta["epochs"] = part.meta["epochs"] | {self._product.first.epoch: self._timeline.length}
                with far_years():
                    made = arrow_of("imap.open", Records.of("imap.open", part, losses))
                writer = pyarrow.parquet.ParquetWriter(stream, made.schema) if writer is None else writer
                writer.write_table(made.cast(writer.schema))
            if writer is not None:  # pragma: no branch - there is at least one part
                writer.close()
        losses.warn()

    def to_zarr(self, path: str | Path, *, client: Client | bool | None = None) -> Path:
        """
        Write the records to a Zarr folder, in blocks of about 16 MB, of which a few are in memory at a time.

        If the folder contains a part of the same records, as after an interruption, only the other blocks are written.

        Parameters
        ----------
        path : str or pathlib.Path
            The folder. ``xarray.open_zarr(path, consolidated=False)`` reads the same data set as `to_xarray` returns,
            with the attributes ``source`` and ``written_blocks``.
        client : distributed.Client or bool, optional
            The cluster whose workers read and write the blocks; they see the files and the folder under the same paths.
            Defaults to the current client, if there is one; `False` means threads of this process.

        Returns
        -------
        pathlib.Path
            The folder.

        Raises
        ------
        QueryError
            The folder contains something else, or there are no records.
        MissingDependencyError
            zarr, dask or xarray is not installed.
        FileError
            A file cannot be read.
        LockedError
            Another process writes to the folder.
        WorkerError
            A worker does not have this version of the package, or the folder.
        """
        told = {"files": [path.name for path in self.files], "columns": self._columns, "epoch": self._epoch}
        ranges = None if self._selection.ranges is None else [str(one) for one in self._selection.ranges]
        identity = json.dumps({**told, "scale": self._scale, "ranges": ranges})
        return write_zarr(self, identity, path, client)

    def lock(self, path: str | Path, *, overwrite: bool = False) -> None:
        """
        Write the list of the files with their versions and digests, for ``imap.open(..., versions=path)``.

        Parameters
        ----------
        path : str or pathlib.Path
            The list, a file of JSON.
        overwrite : bool, optional
            Whether to replace an existing file.

        Raises
        ------
        DiskError
            If the file exists or cannot be written.
        """
        write_versions(self.files, inputs.one_path("imap.open", path), overwrite)

    def __repr__(self) -> str:
        if "table" in vars(self):
            return super().__repr__().replace("<LazyTable", "<IMAPDataset", 1)
        return f"<IMAPDataset {self.name}, not read yet>"


def _key(instant: Time) -> int:
    """Return a time in nanoseconds of terrestrial time since 2000-01-01 12:00, within the range of 64 bits."""
    terrestrial = instant.tt
    whole = float(np.rint(terrestrial.jd1 - _J2000))
    key = int(whole) * DAY + round(float(terrestrial.jd1 - _J2000 - whole + terrestrial.jd2) * DAY)
    return min(max(key, int(_KEYS.min)), int(_KEYS.max))


@taking("imap.open", columns=optional(TEXTS), epoch=optional(TEXT))
def open(  # noqa: A001 - the same verb in every archive
    source: Any,
    *,
    columns: str | Sequence[str] | None = None,
    time: Any = None,
    epoch: str | None = None,
    scale: str = "utc",
    versions: str | Path | None = None,
) -> IMAPDataset:
    """
    Open the CDF files of one product as one data set, which is read when it is first used.

    Parameters
    ----------
    source : attrs, rows, paths or folder
        The arguments of `Fido.search <sunpy.net.Fido>` as a list, or the result of a search, of which the files that
        are missing are downloaded to the tree of the SDC; or files, or a folder with files in or below it.
    columns : str or sequence of str, optional
        The variables to read, besides the times. Defaults to all.
    time : a.Time, TimeRange or pair of times, optional
        The first time and the one after the last; each may be a text in ISO 8601, a datetime or a Time. Defaults to the
        range of a query, or to all records of rows, files and folders.
    epoch : str, optional
        The time variable whose records are read, as of `sunpy_helio_plugins.imap.read`.
    scale : {"utc", "tai", "tt", "tdb", "tcb", "tcg"}, optional
        The scale of the times. Defaults to UTC.
    versions : str or pathlib.Path, optional
        A list that the method ``lock`` of an opened data set wrote. Exactly its files are used, whatever newer versions
        there are; with a query, those that are missing are downloaded. Each file is compared with its digest.

    Returns
    -------
    IMAPDataset
        ``table`` reads the records, and ``parts()`` reads them file by file; ``to_xarray()``, ``to_timeseries()``,
        ``to_pandas()``, ``to_parquet(path)`` and ``to_ndcube(column)`` convert them. A file that cannot be read is a
        `FileError` at the first use.

        Records are sorted by time. Of several versions of a file the newest is used. Where files overlap, each time has
        the records of one file: of the newest version, or else of the earlier day. Gaps are not filled. ``problems``,
        which is also in ``table.meta``, states what was left out, and in what the files differ. Variables that a file
        does not contain are missing in its records. ``table.meta`` contains the attributes of the files, as a list if
        they differ, and all ``Parents``.

    Raises
    ------
    QueryError
        An argument is not valid, the query does not find files, or the files are of several products.
    FileError
        A folder does not contain CDF files, or ``versions`` lists other files.
    TransferError
        A file could not be downloaded.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import imap
    >>> query = a.Time("2026-01-10", "2026-01-11"), a.Instrument("mag"), a.imap.Descriptor("norm-gse")
    >>> data = imap.open(query, columns=["b_gse"]).to_xarray()
    >>> data.b_gse.shape
    (2880, 3)
    """
    scale = checked_scale(scale)
    asked = None if time is None else inputs.span("imap.open", time, empty=False)
    wanted = (columns,) if isinstance(columns, str) else columns
    found = select("imap.open", source, versions)
    if asked is not None:
        found.ranges = [(asked.start, asked.end)]
    return IMAPDataset(found, None if wanted is None else tuple(wanted), epoch, scale)


def _to_timeseries(table: QTable, **options: Any) -> IMAPTimeSeries:
    from sunpy_helio_plugins.imap.views.timeseries import to_timeseries  # sunpy.timeseries is slow to import

    return to_timeseries(table, **options)
