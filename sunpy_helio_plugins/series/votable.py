"""VOTable files: times as ISO 8601, nulls for missing values, and the time system."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from astropy.io.votable import from_table, parse
from astropy.io.votable.exceptions import VOWarning
from astropy.io.votable.tree import Info, TimeSys
from astropy.table import Column, MaskedColumn, QTable, Table
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import FileError, HelioPluginsError, QueryError
from sunpy_helio_plugins.quantities import silence
from sunpy_helio_plugins.quantities.times import as_column, from_iso
from sunpy_helio_plugins.series.columns import Losses, PlainColumn, column_of_arrays, iso_texts
from sunpy_helio_plugins.series.records import KEY, Arrays, Records, restored, timed

__all__ = ["table_of_votable", "write_votable"]

_TIMES = "utc"
"""The ID of the time system."""

_STAMP = "timestamp"
"""The xtype of times in ISO 8601 (DALI 1.1)."""

_VERSION = {"version_1_4_or_later": True}

_WIDER = {"i1": "i2", "u2": "i4", "u4": "i8", "u8": "i8", "f2": "f4"}
"""Types that VOTable does not have, and those that contain their values."""


_OPENING = b'<DATA><BINARY2><STREAM encoding="base64">'
_CLOSING = b"</STREAM></BINARY2></DATA>"

_STREAM = re.compile(rb"<BINARY2>\s*<STREAM encoding=\"base64\">([^<]*)</STREAM>")
"""Records in the document itself."""

_BLOCK = 3 * 2**15
"""The records that are encoded at once; blocks of a multiple of three bytes end without padding."""

_TYPES = {
    "boolean": "S1", "unsignedByte": "u1", "short": ">i2", "int": ">i4", "long": ">i8", "float": ">f4", "double": ">f8",
    "char": "S", "unicodeChar": ">u2",
}  # fmt: skip
"""The types of values in BINARY2 by their names in VOTable."""

_LETTERS = ("char", "unicodeChar")

_LARGEST_POINT = 0xFFFF
_SURROGATES = 0xD800, 0xDFFF
"""The largest code point of one unit of UTF-16, and the units of larger ones."""

_NOT_A_TIME = np.iinfo(np.int64).min
"""The integer that numpy uses for ``NaT``."""


def write_votable(function: str, records: Records, losses: Losses, stream: IO[bytes]) -> None:
    """Write records to a stream."""
    columns = [_column(function, one, losses) for one in (records.time, *records.fields)]
    # astropy writes the document without records, since it writes each value on its own.
    document = from_table(Table([column[:0] for column in columns], copy=False))
    (resource,) = document.resources
    resource.time_systems.append(TimeSys(ID=_TIMES, timescale="UTC", refposition="UNKNOWN", config=_VERSION))
    resource.infos.append(Info(name=KEY, value=records.description))
    (table,) = resource.tables
    parts = []
    for one, column, written in zip((records.time, *records.fields), columns, table.fields, strict=True):
        if one.kind == "time":
            written.xtype, written.ref = _STAMP, _TIMES
        elif one.values.ndim > 2:
            # The dimension that varies fastest is the first one; astropy reads it so, but writes it as the last one.
            written.arraysize = "x".join(map(str, reversed(one.values.shape[1:])))
        parts.append(_binary(function, column, written))
    head = io.BytesIO()
    with silence.ignored(VOWarning):
        document.to_xml(head, tabledata_format="binary2")
    before, end, after = head.getvalue().rpartition(b"</TABLE>")
    stream.write(before + _OPENING)
    for block in _base64_blocks(len(records.time.values), parts):
        stream.write(block)
    stream.write(_CLOSING + end + after)


def _base64_blocks(count: int, parts: Sequence[tuple[NDArray[Any], NDArray[np.bool_] | None]]) -> Iterator[bytes]:
    """Yield the records of BINARY2: a bit for each field that is missing, then the values."""
    width = -(-len(parts) // 8)
    types = [(f"f{index}", data.dtype, data.shape[1:]) for index, (data, _) in enumerate(parts)]
    made = np.dtype([("missing", "u1", (width,)), *types])
    for start in range(0, count, _BLOCK):
        rows = slice(start, min(start + _BLOCK, count))
        block = np.empty(rows.stop - start, made)
        missing = np.zeros((len(block), len(parts)), bool)
        for index, (data, mask) in enumerate(parts):
            block[f"f{index}"] = data[rows]
            if mask is not None:
                missing[:, index] = mask[rows].reshape(len(block), -1).all(axis=1)
        block["missing"] = np.packbits(missing, axis=1)
        yield base64.b64encode(block.tobytes())


def _binary(function: str, column: Any, field: Any) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Return the values of a column as they are written, and which are missing; change the field accordingly."""
    mask = np.ma.getmaskarray(column) if isinstance(column, MaskedColumn) else None
    data = np.asarray(np.ma.getdata(column))
    if data.dtype.kind == "b":
        field.datatype = "boolean"  # astropy's "bit" has no missing values
        letters = np.where(data, b"T", b"F")
        return np.where(mask, b"?", letters) if mask is not None else letters, mask
    if data.dtype.kind == "U":
        made = _utf16(data)
        field.arraysize = str(made.shape[1])
        return made, mask
    if mask is not None and data.dtype.kind == "f":
        data = np.where(mask, np.nan, data)
    elif mask is not None and mask.ndim > 1 and mask.any():
        # The bit of a field is for all of its elements.
        null = _unused(function, column.name, data[~mask])
        field.values.null = int(null)
        data = np.where(mask, null, data)
    return data.astype(data.dtype.newbyteorder(">"), copy=False), mask


def _unused(function: str, name: str, used: NDArray[Any]) -> Any:
    limits = np.iinfo(used.dtype)
    for null in (limits.min, limits.max):
        if not (used == null).any():
            return used.dtype.type(null)
    raise QueryError(
        f"{function} cannot convert the column {name!r}: its integers of {limits.bits} bits include {limits.min} and "
        f"{limits.max}, so that none of them can stand for missing elements; convert them to a wider type."
    )


def _utf16(texts: NDArray[np.str_]) -> NDArray[np.uint16]:
    """Return texts as UTF-16, shape (n, length), with zeros after the end of each."""
    length = texts.dtype.itemsize // 4
    points = np.ascontiguousarray(texts).view(np.uint32).reshape(len(texts), length)
    if not (points > _LARGEST_POINT).any():
        return np.zeros((len(texts), 1), ">u2") if not length else points.astype(">u2")
    encoded = np.array([text.encode("utf_16_be") for text in texts.tolist()])
    width = -(-encoded.dtype.itemsize // 2)
    return encoded.astype(f"S{2 * width}").view(">u2").reshape(len(texts), width)


def _column(function: str, one: PlainColumn, losses: Losses) -> Any:
    if one.kind in ("time", "text") and one.values.ndim > 1:
        raise QueryError(
            f"{function} cannot convert the column {one.name!r}: VOTable has no arrays of texts or times; remove "
            "it, or write it as several columns."
        )
    data = _ascii(iso_texts(one.column)) if one.kind == "time" else one.values
    if one.kind == "duration":
        data = data.astype(np.int64)
    elif one.kind == "text":
        data = one.as_text(losses)
    elif one.kind == "number":
        data = _wider(function, one.name, data)
    mask = one.mask if one.kind != "duration" else np.isnat(one.values)
    made = Column(data, name=one.name) if mask is None else MaskedColumn(data, mask=mask, name=one.name)
    if one.kind == "duration":
        made.unit = "ns"
    elif one.unit is not None and silence.has_name(one.unit, "vounit"):
        made.unit = one.unit
    made.description = one.column.info.description
    return made


def _ascii(texts: NDArray[np.str_]) -> NDArray[np.bytes_]:
    return texts.astype(f"S{int(np.char.str_len(texts).max(initial=1))}")


def _wider(function: str, name: str, data: NDArray[Any]) -> NDArray[Any]:
    kind = data.dtype.str[1:]
    if kind == "u8" and data.size and data.max() > np.iinfo(np.int64).max:
        raise QueryError(f"{function} cannot convert the column {name!r}: its integers exceed 2**63 - 1.")
    return data.astype(_WIDER.get(kind, data.dtype))


def table_of_votable(function: str, path: Path) -> QTable:
    """Return the table in a file, or raise a `FileError` or a `QueryError`."""
    document, table, records = _parsed(path)
    made = table.to_table(use_names_over_ids=True)
    columns = {
        name: (field, index) for index, (name, field) in enumerate(zip(made.colnames, table.fields, strict=True))
    }
    used: set[str] = set()

    def arrays(name: str) -> Arrays:
        field, index = columns[name]
        found = _arrays(made[name]) if records is None else _of_records(records, index, field)
        return _texts_of(*found, is_time=field.xtype == _STAMP)

    def find(spec: Mapping[str, Any]) -> Any:
        name = spec["name"]
        if name not in columns:
            return None
        used.add(name)
        return spec, _of_kind(spec, *arrays(name))

    def added() -> Iterator[tuple[str, Any]]:
        for name, (field, _) in columns.items():
            if name not in used:
                data, mask = arrays(name)
                is_time = field.xtype == _STAMP
                column = from_iso(data, mask) if is_time else column_of_arrays(name, data, mask, made[name].unit)
                yield name, as_column(column) if is_time else column

    infos = [info.value for resource in document.resources for info in resource.infos if info.name == KEY]
    with _named(path):
        return restored(str(infos[0]), find, added()) if infos else timed(function, dict(added()), made)


def _of_kind(spec: Mapping[str, Any], data: NDArray[Any], mask: Any) -> Arrays:
    if spec["kind"] == "duration":
        return np.where(mask, _NOT_A_TIME, data).astype("m8[ns]"), mask
    return data, data == "" if spec["kind"] == "text" and spec["masked"] else mask


def _parsed(path: Path) -> tuple[Any, Any, NDArray[Any] | None]:
    """Return a document, its only table, and the table's records if they have a fixed length; `None` for others."""
    with _named(path), silence.ignored(VOWarning):
        content = path.read_bytes()
        found = _STREAM.search(content)
        if found is not None and content.count(b"<STREAM") == 1:
            document = parse(io.BytesIO(content[: found.start(1)] + content[found.end(1) :]))
            (table,) = document.iter_tables()
            made = _record_type(table.fields)
            if made is not None:
                return document, table, _records(base64.b64decode(found[1]), made)
        document = parse(io.BytesIO(content))
        (table,) = document.iter_tables()
        return document, table, None


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Raise a `FileError` that names the file for errors of other packages."""
    try:
        yield
    except (HelioPluginsError, OSError):
        raise
    except Exception as error:
        shown = str(error).strip().partition("\n")[0] or type(error).__name__
        raise FileError(f"{path} is not a VOTable with one table ({shown}).") from error


def _record_type(fields: Sequence[Any]) -> np.dtype[Any] | None:
    """Return the type of the records of BINARY2; `None` if their length varies, or if a field has another type."""
    made: list[Any] = [("missing", "u1", (-(-len(fields) // 8),))]
    for index, field in enumerate(fields):
        sizes = (field.arraysize or "1").split("x")
        if field.datatype not in _TYPES or not all(size.isdecimal() for size in sizes):
            return None
        shape = tuple(int(size) for size in reversed(sizes)) if field.arraysize else ()
        if field.datatype in _LETTERS and len(sizes) > 1:
            return None
        kind = f"S{sizes[0]}" if field.datatype == "char" else _TYPES[field.datatype]
        made.append((f"f{index}", kind, () if field.datatype == "char" else shape))
    return np.dtype(made)


def _records(data: bytes, made: np.dtype[Any]) -> NDArray[Any]:
    count, rest = divmod(len(data), made.itemsize)
    if rest:
        raise ValueError(f"it ends {rest} bytes after its {count} records of {made.itemsize} bytes")
    return np.frombuffer(data, made)


def _of_records(records: NDArray[Any], index: int, field: Any) -> Arrays:
    """Return the values of a field, and which are missing."""
    raw = records[f"f{index}"]
    missing = np.unpackbits(records["missing"], axis=1)[:, index].astype(bool)
    if field.datatype == "char":
        return raw.astype(str), np.zeros(len(raw), bool)
    if field.datatype == "unicodeChar":
        return _of_utf16(raw.reshape(len(raw), -1)), np.zeros(len(raw), bool)
    mask = np.broadcast_to(missing.reshape(-1, *[1] * (raw.ndim - 1)), raw.shape)
    if field.datatype == "boolean":
        values = np.isin(raw, [b"T", b"t", b"1"])
        return values, mask | ~(values | np.isin(raw, [b"F", b"f", b"0"]))
    values = raw.astype(raw.dtype.newbyteorder("="))
    if field.values.null is not None:
        return values, mask | (values == values.dtype.type(field.values.null))
    return values, mask | np.isnan(values)


def _of_utf16(raw: NDArray[np.uint16]) -> NDArray[np.str_]:
    if not ((raw >= _SURROGATES[0]) & (raw <= _SURROGATES[1])).any():
        return np.ascontiguousarray(raw.astype(np.uint32)).view(f"U{raw.shape[1]}")[:, 0]
    return np.array([row.tobytes().decode("utf_16_be").partition("\0")[0] for row in raw], dtype=str)


def _arrays(column: Any) -> Arrays:
    mask = np.array(np.ma.getmaskarray(column)) if isinstance(column, MaskedColumn) else np.zeros(column.shape, bool)
    return np.asarray(np.ma.getdata(column)), mask


def _texts_of(data: NDArray[Any], mask: Any, *, is_time: bool) -> Arrays:
    """Return texts of any type as an array of text; a time that is empty is missing."""
    if data.dtype.kind not in "SUO":
        return data, mask
    texts = np.where(mask, "", data).astype(str) if np.any(mask) else data.astype(str)
    return texts, mask | (texts == "") if is_time else mask
