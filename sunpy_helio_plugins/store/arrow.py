"""
Columns of records as Arrow IPC files, which are mapped into memory when they are read.

Every numpy type keeps its bits: numbers are Arrow numbers, vectors lists of a fixed length, and texts have a fixed
number of bytes. The mask of a column is a column of its own.
"""

from __future__ import annotations

import json
import mmap
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.quantities.exact import kept_json

__all__ = ["ColumnFile", "checksum", "read", "write"]

_MASK = "\0mask"
"""What follows the name of a column in that of its mask."""

_HEADER = b"header"


@dataclass(frozen=True)
class ColumnFile:
    """
    An open file of columns.

    Attributes
    ----------
    header : str
        The text that was written with the columns.
    columns : dict
        The columns by name, as arrays of shape (n, ...) that cannot be changed and use the bytes of the file.
    """

    header: str
    columns: dict[str, NDArray[Any]] = field(repr=False)


def write(stream: IO[bytes], columns: Mapping[str, NDArray[Any]], header: str) -> None:
    """Write columns of the same number of rows, of any type of fixed size, masked or not, and a text with them."""
    import pyarrow as pa

    arrays: list[Any] = []
    fields: list[Any] = []
    for name, column in _plain(columns):
        arrays.append(_encoded(np.ascontiguousarray(column)))
        told = {"dtype": column.dtype.str, "shape": json.dumps(column.shape[1:])}
        fields.append(pa.field(name, arrays[-1].type, metadata=told))
    schema = pa.schema(fields, metadata={_HEADER: header.encode()})
    with pa.ipc.new_file(stream, schema) as sink:
        sink.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))


def read(path: Path, names: Iterable[str]) -> ColumnFile:
    """Return the header and those columns of a file that it has of the given ones; raise a `FileError` if damaged."""
    import pyarrow as pa

    try:
        with path.open("rb") as stream:
            content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        # The arrays keep the map open. Threads would cost more than they gain.
        with pa.ipc.open_file(pa.py_buffer(content), options=pa.ipc.IpcReadOptions(use_threads=False)) as source:
            batch = source.get_batch(0)
        known = {one.name: index for index, one in enumerate(batch.schema)}
        found = {name: _column(batch, known, name) for name in names if name in known}
        return ColumnFile(batch.schema.metadata[_HEADER].decode(), found)
    except (OSError, KeyError, ValueError, TypeError, pa.ArrowException) as error:
        raise FileError(f"{path} cannot be read: {error}.") from error


def checksum(path: Path) -> tuple[int, int]:
    """Return the size and the CRC-32 of a file."""
    with path.open("rb") as stream:
        size = path.stat().st_size
        if not size:
            return 0, 0
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return size, zlib.crc32(content)


def _plain(columns: Mapping[str, NDArray[Any]]) -> Iterable[tuple[str, NDArray[Any]]]:
    for name, column in columns.items():
        yield name, np.ma.getdata(column)
        if isinstance(column, np.ma.MaskedArray):
            yield name + _MASK, np.ma.getmaskarray(column)


def _encoded(column: NDArray[Any]) -> Any:
    import pyarrow as pa

    kind, width = column.dtype, prod(column.shape[1:])
    size = kind.itemsize
    flat = pa.py_buffer(column.reshape(-1).view(np.uint8) if size and column.size else b"")
    if kind.kind in "fiu" and kind.isnative and size in (4, 8):
        values = pa.Array.from_buffers(pa.from_numpy_dtype(kind), column.size, [None, flat])
    else:
        values = pa.Array.from_buffers(pa.binary(max(size, 1)), column.size, [None, flat])
    return values if column.ndim == 1 else pa.FixedSizeListArray.from_arrays(values, width)


def _column(batch: Any, known: Mapping[str, int], name: str) -> NDArray[Any]:
    values = _decoded(batch, known[name])
    if name + _MASK not in known:
        return values
    return np.ma.MaskedArray(values, _decoded(batch, known[name + _MASK]))


def _decoded(batch: Any, index: int) -> NDArray[Any]:
    told, column = batch.schema.field(index).metadata, batch.column(index)
    kind, shape = np.dtype(told[b"dtype"].decode()), tuple(kept_json(told[b"shape"]))
    if shape:
        column = column.values
    count = batch.num_rows * prod(shape)
    buffer = column.buffers()[1]
    values = np.frombuffer(buffer, kind, count) if count and kind.itemsize else np.empty(count, kind)
    return values.reshape(batch.num_rows, *shape)
