"""Conversion of plain columns to arrays of Arrow, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from astropy.table import Column, MaskedColumn
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "Ragged", "array_of", "column_of_array", "has_match", "mask_of_array", "masked_array", "number_array", "objects_of",
    "ragged_of", "stamps", "strings", "text_array", "values_of",
]  # fmt: skip

_FEW = 4
"""Texts are taken from the list of different ones if a row has this many equal ones on average."""


class Ragged(NamedTuple):
    """A column of lists: the values of all rows, and where those of each row begin; shapes (v,) and (n + 1,)."""

    values: NDArray[Any]
    offsets: NDArray[np.int64]


def array_of(column: Any) -> pa.Array:
    """Return a plain column as an array; masked elements are nulls."""
    import pyarrow as pa

    if isinstance(column, pa.Array):
        return column
    if isinstance(column, Ragged):
        values = pa.array(np.ascontiguousarray(column.values))
        return pa.ListArray.from_arrays(pa.array(column.offsets, pa.int32()), values)
    mask = np.ma.getmaskarray(column) if isinstance(column, MaskedColumn) else None
    data = np.asarray(np.ma.getdata(column))
    return strings(data, mask) if data.dtype.kind in "US" else number_array(data, mask)


def number_array(data: NDArray[Any], mask: NDArray[np.bool_] | None) -> pa.Array:
    """Return numbers as an array; those of more than one dimension as lists of a fixed size."""
    import pyarrow as pa

    data = data.astype(data.dtype.newbyteorder("="), copy=False)
    made = pa.array(np.ascontiguousarray(data.ravel()), mask=None if mask is None else mask.ravel())
    for size in reversed(data.shape[1:]):
        made = pa.FixedSizeListArray.from_arrays(made, size)
    return made


def strings(texts: NDArray[Any], mask: NDArray[np.bool_] | None) -> pa.Array:
    """Return texts as an array; raise a `UnicodeError` for text that is not Unicode."""
    import pyarrow as pa

    if texts.dtype.kind == "S":
        texts = np.char.decode(texts, "utf-8")
    if mask is not None and mask.all():
        return pa.nulls(len(texts), pa.string())
    if _is_constant(texts):
        return masked_array(pa.repeat(pa.scalar(str(texts[0]), pa.string()), len(texts)), mask)
    return masked_array(text_array(texts.tolist()), mask)


def _is_constant(texts: NDArray[np.str_]) -> bool:
    # As numbers of letters: numpy compares texts one by one.
    letters = np.ascontiguousarray(texts).view(np.uint32).reshape(len(texts), -1) if texts.nbytes else texts
    return bool(texts.nbytes) and texts[0] == texts[-1] and bool((letters == letters[0]).all())


def masked_array(array: pa.Array, mask: NDArray[np.bool_] | None) -> pa.Array:
    """Return an array with nulls for masked elements."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if mask is None or not mask.any():
        return array
    return pc.if_else(pa.array(~mask), array, pa.scalar(None, array.type))


def text_array(cells: Any) -> pa.Array:
    """Return texts of Python as an array; `None` becomes null."""
    import pyarrow as pa

    return pa.array(cells, pa.string())


def stamps(nanoseconds: NDArray[np.int64], mask: NDArray[np.bool_] | None) -> pa.Array:
    """Return nanoseconds since 1970 as an array of timestamps in UTC."""
    import pyarrow as pa

    return pa.array(nanoseconds, mask=mask).cast(pa.timestamp("ns", tz="UTC"))


def mask_of_array(array: pa.Array) -> NDArray[np.bool_] | None:
    """Return which elements are null; `None` if none is."""
    return np.asarray(array.is_null().to_numpy(zero_copy_only=False)) if array.null_count else None


def ragged_of(array: pa.Array) -> Ragged:
    """Return an array of lists."""
    offsets = np.asarray(array.offsets.to_numpy(), dtype=np.int64)
    values = np.asarray(array.values.to_numpy(zero_copy_only=False))
    return Ragged(values[offsets[0] : offsets[-1]], offsets - offsets[0])


def values_of(array: pa.Array) -> NDArray[Any]:
    """Return numbers or texts; zeros, NaN or empty texts for nulls."""
    import pyarrow as pa

    kind = array.type
    if pa.types.is_dictionary(kind):
        return _texts(array)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _texts(array.dictionary_encode())
    shape: tuple[int, ...] = (len(array),)
    while pa.types.is_fixed_size_list(array.type):
        shape, array = (*shape, array.type.list_size), array.flatten()
    if pa.types.is_timestamp(array.type):
        # Other programs write timestamps again in microseconds.
        array = array.cast(pa.timestamp("ns", tz=array.type.tz)).cast(pa.int64())
    if array.null_count and not pa.types.is_floating(array.type):
        array = array.fill_null(False if pa.types.is_boolean(array.type) else 0)
    return np.asarray(array.to_numpy(zero_copy_only=False)).reshape(shape)


def _texts(array: pa.DictionaryArray) -> NDArray[np.str_]:
    known, codes = _coded(array)
    if _FEW * len(known) <= len(codes):
        return np.array([*known, ""], dtype=str)[codes]
    cells = np.array([*known, ""], dtype=object)[codes]
    return np.array(cells.tolist(), dtype=str)


def _coded(array: pa.DictionaryArray) -> tuple[list[str], NDArray[Any]]:
    """Return the different texts, and the number of that of each row; that of nulls is the next one."""
    known = array.dictionary.to_pylist()
    codes = array.indices
    return known, np.asarray((codes.fill_null(len(known)) if codes.null_count else codes).to_numpy())


def objects_of(array: pa.Array) -> NDArray[np.object_]:
    """Return texts as objects; `None` for nulls."""
    import pyarrow as pa

    known, codes = _coded(array if pa.types.is_dictionary(array.type) else array.dictionary_encode())
    return np.array([*known, None], dtype=object)[codes]


def has_match(array: pa.Array, part: str, pattern: str) -> bool:
    """Return whether any of some texts contains another one, which is fast, and matches a regular expression."""
    import pyarrow.compute as pc

    if not pc.any(pc.match_substring(array, part)).as_py():
        return False
    return bool(pc.any(pc.match_substring_regex(array, pattern)).as_py())


def column_of_array(array: pa.Array) -> Column:
    """Return an array as a plain column, as other readers find it."""
    import pyarrow as pa

    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type) or pa.types.is_struct(array.type):
        cells = np.empty(len(array), dtype=object)
        cells[:] = array.to_pylist()
        return Column(cells, copy=False)
    mask = mask_of_array(array)
    data = values_of(array)
    return Column(data, copy=False) if mask is None else MaskedColumn(data, mask=mask, copy=False)
