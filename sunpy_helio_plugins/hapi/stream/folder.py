"""A folder of Parquet files as one table, a data set of xarray or a frame of dask, which read what they need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import shown
from sunpy_helio_plugins.errors import FileError, QueryError, local
from sunpy_helio_plugins.hapi.model import Info
from sunpy_helio_plugins.hapi.records.read import Source, read
from sunpy_helio_plugins.hapi.stream.frames import dask_frames
from sunpy_helio_plugins.hapi.stream.parts import SUFFIX, check_schemas, parquet_of, parts_of
from sunpy_helio_plugins.quantities.scales import checked_scale
from sunpy_helio_plugins.series.arrow import table_of_arrow
from sunpy_helio_plugins.series.columns import Losses
from sunpy_helio_plugins.series.dataset import dataset_of
from sunpy_helio_plugins.series.export import from_parquet, to_pandas, to_timeseries
from sunpy_helio_plugins.series.lazy_table import LazyTable
from sunpy_helio_plugins.series.records import Records
from sunpy_helio_plugins.series.views.cube import to_ndcube

if TYPE_CHECKING:
    import dask.dataframe as dd
    import pandas as pd
    import xarray as xr

__all__ = ["ParquetFolder", "open"]

_INDEXED = 10_000_000
"""The largest number of records whose times are read for the index of a data set: 80 MB."""


class ParquetFolder(LazyTable):
    """
    Records in a folder of Parquet files, as `sunpy_helio_plugins.hapi.to_parquet` writes them.

    Attributes
    ----------
    folder : pathlib.Path
        The folder.
    problems : tuple of str
        What is missing, if this is the result of `sunpy_helio_plugins.hapi.to_parquet`.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi
    >>> folder = hapi.to_parquet("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-12", "BGSEc", folder="ace")
    >>> len(folder.files), folder.problems
    (2, ())
    """

    def __init__(self, folder: Path, problems: tuple[str, ...] = ()) -> None:
        super().__init__(str(folder), self._read_all, to_timeseries, to_ndcube)
        self.folder, self.problems = folder, problems

    @property
    def files(self) -> list[Path]:
        """The files, in the order of time."""
        return parts_of(self.folder)

    def _read_all(self) -> QTable:
        import pyarrow as pa

        found = [parquet_of(path, "read_table") for path in self._filled()]
        try:
            return table_of_arrow("hapi.open", pa.concat_tables(found))
        except pa.ArrowException as error:
            raise FileError(f"{self.folder}: the files cannot be read as one table: {error}.") from error

    def _filled(self) -> list[Path]:
        """Return the files, or raise an error if there is none."""
        found = self.files
        if not found:
            raise FileError(f"{self.folder} does not contain files with the suffix {SUFFIX}.")
        schemas = {path: parquet_of(path, "read_schema") for path in found}
        check_schemas(schemas, schemas[found[0]])
        return found

    def to_dask(self) -> dd.DataFrame:
        """
        Return the records as a frame of dask, with one partition for each file.

        Returns
        -------
        dask.dataframe.DataFrame
            Partitions as `sunpy_helio_plugins.series.to_pandas` returns them, which are read when they are needed.

        Raises
        ------
        MissingDependencyError
            If dask is not installed.
        """
        dd = dask_frames()
        found = self._filled()
        return dd.from_map(_frame, found, meta=to_pandas(_empty(found[0])))

    def to_xarray(self) -> xr.Dataset:
        """
        Convert the records to a data set of xarray, whose arrays are read when they are needed.

        Returns
        -------
        xarray.Dataset
            As `sunpy_helio_plugins.series.to_xarray` returns it, with arrays of dask, one block for each file. Integers
            of which some are missing are floats. The times are read at once for up to 1e7 records; more are an array of
            dask as well, without an index: select by position, or call ``set_xindex("time")`` on a part.

        Raises
        ------
        FileError
            If the folder does not contain files.
        MissingDependencyError
            If dask or xarray is not installed.
        """
        dask_frames()
        found = self._filled()
        records = Records.of("hapi.open", _empty(found[0]), Losses(""))
        return _lazy(dataset_of(records, Losses("")), records, _Blocks(found))

    def __repr__(self) -> str:
        missing = f", {len(self.problems)} problems" if self.problems else ""
        return f"<ParquetFolder {self.folder}: {len(self.files)} files{missing}>"


def _empty(path: Path) -> QTable:
    """Return the table of a file without its records."""
    return table_of_arrow("hapi.open", parquet_of(path, "read_schema").empty_table())


def _frame(path: Path) -> pd.DataFrame:
    return to_pandas(from_parquet(path))


class _Blocks:
    """The columns of files as arrays of dask, with one block for each file that is not empty."""

    def __init__(self, files: list[Path]) -> None:
        self.files: list[str] = []
        self.counts: list[int] = []
        self._missing: set[int] = set()
        for path in files:
            found = parquet_of(path, "read_metadata")
            if found.num_rows:
                self.files.append(str(path))
                self.counts.append(found.num_rows)
                self._missing.update(_incomplete_columns(found))
        self._names = parquet_of(files[0], "read_schema").names

    @property
    def rows(self) -> int:
        """The number of records."""
        return sum(self.counts)

    def array(self, name: str, plain: NDArray[Any]) -> Any:
        """Return a column as an array of dask; ``plain`` is the same column without records."""
        from dask.array import Array
        from dask.base import tokenize

        is_missing = self._names.index(name) in self._missing
        kind = np.dtype(
            object if plain.dtype.kind == "U" else float if is_missing and plain.dtype.kind in "iub" else plain.dtype
        )
        shape = plain.shape[1:]
        if not self.rows:
            return np.empty((0, *shape), kind)
        token = f"{name}-{tokenize(self.files, self.counts, name)}"
        zeros = (0,) * len(shape)
        tasks = {(token, index, *zeros): (_block, path, name, kind, shape) for index, path in enumerate(self.files)}
        return Array(tasks, token, (tuple(self.counts), *((size,) for size in shape)), dtype=kind)

    def read(self, name: str, kind: np.dtype[Any]) -> NDArray[Any]:
        """Read a column of one dimension."""
        return np.concatenate([np.empty(0, kind), *(_block(path, name, kind, ()) for path in self.files)])


def _incomplete_columns(found: Any) -> Iterator[int]:
    """Yield the columns of which elements are missing; each has one leaf in the schema of Parquet."""
    for group in range(found.num_row_groups):
        for index in range(found.num_columns):
            counted = found.row_group(group).column(index).statistics
            if counted is None or not counted.has_null_count or counted.null_count:
                yield index


def _block(path: str, name: str, kind: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Read a column of one file; missing numbers are NaN, missing times ``NaT`` and missing texts empty."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    with local(path, "read"):
        # By an expression: a name may contain points.
        found = ds.dataset(path, format="parquet").to_table(columns={name: ds.field(name)}, use_threads=False)
    array = found.column(0).combine_chunks()
    while pa.types.is_fixed_size_list(array.type):
        array = array.flatten()
    if kind.hasobject:
        return np.array(array.fill_null("").to_pylist(), dtype=object).reshape(-1, *shape)
    return np.asarray(array.to_numpy(zero_copy_only=False)).astype(kind, copy=False).reshape(-1, *shape)


def _lazy(plain: xr.Dataset, records: Records, blocks: _Blocks) -> xr.Dataset:
    """Return a data set without records with the arrays of dask in their place."""
    import xarray

    time = next(str(name) for name, one in plain.coords.items() if one.attrs.get("standard_name") == "time")
    columns = {time: records.time.name} | {one.name: one.name for one in records.fields}
    made = {}
    for name, one in plain.variables.items():
        values: Any = one.values
        if name in columns and time in one.dims:
            is_index = name == time and blocks.rows <= _INDEXED
            column = columns[str(name)]
            values = blocks.read(column, values.dtype) if is_index else blocks.array(column, values)
        made[name] = xarray.Variable(one.dims, values, one.attrs, one.encoding)
    clock = made.pop(time)
    others = {name: one for name, one in made.items() if name in plain.coords}
    data = {name: one for name, one in made.items() if name not in plain.coords}
    coords: Any = {time: clock} if blocks.rows <= _INDEXED else xarray.Coordinates({time: clock}, indexes={})
    return xarray.Dataset(data, others, plain.attrs).assign_coords(coords)


def _folder_of_parts(sources: tuple[Any, ...]) -> Path | None:
    """Return the only source if it is a folder with Parquet files."""
    if len(sources) != 1 or not isinstance(sources[0], str | Path):
        return None
    path = Path(sources[0]).expanduser()
    with local(path, "read"):
        return path if path.is_dir() and parts_of(path) else None


def open(  # noqa: A001 - the same verb in every archive
    *sources: Source,
    info: Mapping[str, Any] | Info | None = None,
    context: Mapping[str, str] | None = None,
    scale: str = "utc",
) -> LazyTable:
    """
    Open records of a HAPI server, which are read when they are first used.

    Parameters
    ----------
    *sources, info, context, scale
        As of `sunpy_helio_plugins.hapi.read`. A single folder may also be one that
        `sunpy_helio_plugins.hapi.to_parquet` wrote; the other arguments are not used for it.

    Returns
    -------
    sunpy_helio_plugins.series.LazyTable
        ``table`` reads the records; ``to_xarray()``, ``to_timeseries()``, ``to_pandas()``, ``to_parquet(path)`` and
        ``to_ndcube(column)`` convert them. A file that cannot be read is a `FileError` at the first use. For a folder
        of `sunpy_helio_plugins.hapi.to_parquet` it is a `ParquetFolder`, whose ``to_xarray()`` and ``to_dask()`` read
        only what is used.

    Raises
    ------
    QueryError
        If no source is given, or if the scale is not valid.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi
    >>> parts = hapi.to_parquet("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-12", "BGSEc", folder="ace")
    >>> hapi.open("ace").to_xarray()["BGSEc"].shape
    (10800, 3)
    """
    if not sources:
        raise QueryError("hapi.open takes at least one file.")
    folder = _folder_of_parts(sources)
    if folder is not None:
        return ParquetFolder(folder)
    name = shown(sources[0]) if len(sources) == 1 else f"{len(sources)} sources"
    wanted = partial(read, *sources, info=info, context=context, scale=checked_scale(scale))
    return LazyTable(name, wanted, to_timeseries, to_ndcube)
