"""Write a product to a Zarr folder, one block of records after the other, or on the workers of a cluster."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sunpy_helio_plugins.arguments import one_path
from sunpy_helio_plugins.cluster.tasks import run_parts
from sunpy_helio_plugins.cluster.workers import Need, check_workers, client_of
from sunpy_helio_plugins.errors import HelioPluginsError, MissingDependencyError, QueryError, local
from sunpy_helio_plugins.store.publish import locked, make_folder, whole_folder

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["write_zarr"]

FUNCTION = "IMAPDataset.to_zarr"

BLOCK = 2**24
"""Bytes of one block of records of all columns."""

_WRITTEN = "written_blocks"
_SOURCE = "source"

AT_ONCE = 4
"""Blocks that are written at the same time."""


def write_zarr(dataset: Any, identity: str, path: Any, client: Any) -> Path:
    """
    Write a data set to a folder, or what is missing of it; ``dataset.to_xarray()`` returns its records.

    Parameters
    ----------
    dataset : object
        The product, which can be pickled.
    identity : str
        What the folder contains.
    path : str or pathlib.Path
        The folder.
    client : distributed.Client, bool or None
        See `sunpy_helio_plugins.cluster.workers.client_of`.
    """
    folder = one_path(FUNCTION, path, folder=True).absolute()
    try:
        import dask.array  # noqa: F401 - writes the metadata
        import zarr
    except ImportError as error:
        raise MissingDependencyError("Writing a Zarr folder", "dask" if error.name == "dask" else "zarr") from None
    cluster = client_of(FUNCTION, client)
    made = dataset.to_xarray()
    if "time" not in made.sizes or not made.sizes["time"]:
        raise QueryError(f"{FUNCTION} writes records that have times; {folder.name} would contain none.")
    blocks = list(_blocks(made))
    make_folder(folder)
    with locked(folder, wait=False), local(folder):
        if cluster is not None:
            check_workers(FUNCTION, cluster, Need(folder=folder))
        done = _opened(zarr, folder, made, identity, blocks[0][1])
        group = zarr.open_group(folder, mode="r+")

        def note(block: tuple[int, int], _: object) -> None:
            done.append(block[0])
            group.attrs[_WRITTEN] = sorted(done)

        missing = [block for block in blocks if block[0] not in done]
        key = uuid.uuid4().hex
        with _keeping(key, made):
            results = run_parts(cluster, _BlockWriter(dataset, folder, key), missing, AT_ONCE, note)
    failed = next((one for one in results if isinstance(one, HelioPluginsError)), None)
    if failed is not None:
        raise failed
    return folder


def _blocks(made: xr.Dataset) -> Iterator[tuple[int, int]]:
    """Yield the first and the last record of each block."""
    length = made.sizes["time"]
    size = sum(one.dtype.itemsize * one.size // length for one in made.variables.values() if "time" in one.dims)
    rows = max(1, BLOCK // max(1, size))
    for first in range(0, length, rows):
        yield first, min(first + rows, length)


def _opened(zarr: Any, folder: Path, made: xr.Dataset, identity: str, rows: int) -> list[int]:
    """Make the arrays of a new folder; return the first records of the blocks that an existing one contains."""
    if any(folder.iterdir()):
        known = _attributes(zarr, folder)
        if known.get(_SOURCE) != identity:
            raise QueryError(
                f"{FUNCTION} continues a folder of the same files, columns and scale: {folder} contains something "
                "else; give another path."
            )
        return [int(one) for one in known.get(_WRITTEN, ())]
    plain = made.assign_attrs({**{key: _plain(value) for key, value in made.attrs.items()}, _SOURCE: identity})
    # Arrays of dask are not written yet, the others are.
    names = [name for name, one in plain.variables.items() if "time" in one.dims and name not in plain.indexes]
    plain = plain.assign({name: plain[name].chunk({"time": rows}) for name in names})
    encoding = {name: _encoding(one) for name, one in made.variables.items()}
    # The third version of Zarr does not specify arrays of text yet.
    with whole_folder(folder) as part:
        plain.to_zarr(part, mode="w", compute=False, consolidated=False, encoding=encoding, zarr_format=2)
    return []


def _encoding(variable: xr.Variable) -> dict[str, Any]:
    """Return how a variable is stored: times as exact integers, as xarray decodes them."""
    if variable.dtype.kind != "M":
        return {}
    unit = {"ns": "nanoseconds", "us": "microseconds"}[np.datetime_data(variable.dtype)[0]]
    return {"units": f"{unit} since 1970-01-01", "dtype": "int64"}


def _attributes(zarr: Any, folder: Path) -> dict[str, Any]:
    try:
        return dict(zarr.open_group(folder, mode="r").attrs)
    except Exception:  # noqa: BLE001 - of zarr, by what the folder contains
        return {}


def _plain(value: Any) -> Any:
    """Return an attribute as JSON can hold it."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return value if isinstance(value, str | int | float | bool | list | dict | type(None)) else str(value)


_latest: dict[str, xr.Dataset] = {}
"""The records of the product that this process read last, whose files stay open."""

_lock = threading.Lock()


def _records(key: str, dataset: Any) -> xr.Dataset:
    """Return the records of a product, whose files are opened once in each process."""
    with _lock:
        if key not in _latest:
            _latest.clear()
            _latest[key] = dataset.to_xarray()
        return _latest[key]


@contextlib.contextmanager
def _keeping(key: str, records: xr.Dataset) -> Iterator[None]:
    """Use records that were opened already within a block, for tasks of this process."""
    with _lock:
        _latest.clear()
        _latest[key] = records
    try:
        yield
    finally:
        with _lock:
            _latest.pop(key, None)


@dataclass(frozen=True)
class _BlockWriter:
    """Read and write one block, in this process or on a worker."""

    dataset: Any
    folder: Path
    key: str

    def __call__(self, block: tuple[int, int]) -> None:
        import zarr
        from xarray import Variable
        from xarray.conventions import encode_cf_variable

        part = _records(self.key, self.dataset).isel(time=slice(*block))
        for name, one in part.variables.items():
            if "time" in one.dims:
                stored = encode_cf_variable(Variable(one.dims, one.values, encoding=_encoding(one)), name=name)
                # Not by xarray, which lists the folder, to which others write.
                with local(self.folder):
                    zarr.open_array(self.folder / str(name), mode="r+")[slice(*block)] = stored.values
