"""
Conversion of tables to tables of plain columns with a header that describes the original columns, and back.

The header is JSON in one entry of the metadata. It contains the class of the table, the kind and the parts of each
column, and other state of the table; it does not name anything that is imported or called when it is read.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.table.serialize import represent_mixins_as_columns
from astropy.time import Time
from astropy.utils.data_info import serialize_context_as

import sunpy_helio_plugins.io.columns
import sunpy_helio_plugins.io.coordinates  # noqa: F401 - both make their kinds of columns known
from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.io import values
from sunpy_helio_plugins.io.arrow.files import arrow_table
from sunpy_helio_plugins.io.arrow.sheet import ArrowSheet
from sunpy_helio_plugins.io.formats import format_of
from sunpy_helio_plugins.io.sheet import CODECS, Parts, Sheet
from sunpy_helio_plugins.quantities.exact import kept_json

__all__ = ["HEADER", "header_of", "pack", "renamed", "unpack"]

HEADER = "HELIOTAB"
"""The entry of the metadata that contains the header; the name is valid in FITS."""

VERSION = 1
_MIXINS = "__serialized_columns__"
"""The entry of astropy that tells which columns are not numbers or text."""

_COMPRESSED = "zlib:"
_LONG = 16_384
_LONGEST = 2**30
_ATTRIBUTES = "__attributes__"


def pack(
    table: Table, form: str = "", extra: Mapping[str, Any] | None = None, derived: Mapping[str, Any] | None = None
) -> Table | ArrowSheet:  # fmt: skip
    """
    Return a table as plain columns, or raise a `QueryError` that names a bad column.

    ``derived`` are columns for other readers, which `unpack` leaves out.
    """
    sheet = Sheet(format_of(form), table.colnames)
    specs = []
    for name in table.colnames:
        try:
            specs.append(_spec(name, table[name], sheet))
        except (TypeError, ValueError) as error:
            raise QueryError(
                f"The column {name!r} cannot be written: it contains {error}. "
                "Remove it, or convert it to numbers or text."
            ) from error
    for name, column in (derived or {}).items():
        sheet.columns[name] = column
    meta = {key: value for key, value in table.meta.items() if key not in (_ATTRIBUTES, HEADER)}
    said = {
        "version": VERSION, "class": type(table).__name__, "rows": len(table), "columns": specs,
        "meta": _entries(meta), "extra": _entries(dict(extra or {})),
    } | ({"derived": list(derived)} if derived else {})  # fmt: skip
    made = _plain(sheet)
    made.meta[HEADER] = _compressed(json.dumps(said))
    if sheet.times:
        made.meta[_MIXINS] = _as_times({name: made[name] for name in sheet.times}, sheet.times)
    return made


def _as_times(columns: Mapping[str, Column], scales: Mapping[str, str]) -> Any:
    """Return the entry from which astropy reads columns of text in ISO 8601 as times."""
    samples = {}
    for name, column in columns.items():
        samples[name] = Time(["2000-01-01"], format="isot", scale=scales[name], precision=9)
        if isinstance(column, MaskedColumn):
            samples[name][0] = np.ma.masked
            # astropy writes it in the entry then.
            samples[name].info.description, column.description = column.description, None
    with serialize_context_as("ecsv"):
        return represent_mixins_as_columns(Table(samples)).meta[_MIXINS]


def _plain(sheet: Sheet) -> Table | ArrowSheet:
    if sheet.format.is_arrow:
        return ArrowSheet(arrow_table(sheet.columns, sheet.units, sheet.descriptions), {})
    return Table(list(sheet.columns.values()), names=list(sheet.columns), copy=False)


def renamed(plain: Table | ArrowSheet, name: str) -> Table | ArrowSheet:
    """Return a table that `pack` made, with the name of another class in its header."""
    header = kept_json(_expanded(plain.meta[HEADER]))
    plain.meta[HEADER] = _compressed(json.dumps(header | {"class": name}))
    return plain


def _spec(name: str, column: Any, sheet: Sheet) -> dict[str, Any]:
    codec = next((codec for codec in CODECS.values() if codec.takes(column)), None)
    if codec is None:
        raise TypeError(f"a {type(column).__name__}")
    spec = {"name": name, "kind": codec.kind} | codec.pack(name, column, sheet)
    info = column.info
    told = {"description": info.description, "format": info.format if isinstance(info.format, str) else None}
    spec["info"] = {key: value for key, value in told.items() if value}
    if info.description:
        _describe(sheet, spec, str(info.description))
    return spec | ({"meta": values.encoded(info.meta)} if info.meta else {})


def _describe(sheet: Sheet, spec: Mapping[str, Any], text: str) -> None:
    """Write a description for other readers, if the format supports it."""
    name = spec.get("parts", {}).get("", "")
    column = sheet.columns.get(name)
    if column is not None and sheet.format.is_arrow:
        sheet.descriptions[name] = text
        return
    if column is not None and not column.info.description and not sheet.format.is_ascii:
        column.info.description = text


def _entries(meta: Mapping[str, Any]) -> Any:
    made = {}
    for key, value in meta.items():
        try:
            made[key] = values.encoded(value)
        except (TypeError, ValueError) as error:
            raise QueryError(f"The entry {key!r} of meta cannot be written: it contains {error}.") from error
    return made if all(type(key) is str and key != values.KIND for key in made) else values.encoded(meta)


def _compressed(text: str) -> str:
    if len(text) < _LONG:
        return text
    return _COMPRESSED + base64.b64encode(zlib.compress(text.encode(), 6)).decode()


def header_of(table: Table | ArrowSheet) -> dict[str, Any] | None:
    """Return the header of a table that was read, or `None`; raise a `FileError` if it is damaged or too new."""
    text = next((value for key, value in table.meta.items() if str(key).upper() == HEADER), None)
    if text is None:
        return None
    try:
        header = kept_json(_expanded(str(text)))
        version = header["version"]
    except (ValueError, KeyError, TypeError, zlib.error, binascii.Error) as error:
        raise FileError(f"The header {HEADER} of the table is damaged: {error}.") from None
    if version != VERSION:
        raise FileError(f"The table was written by another version of this package (form {version!r}); update it.")
    return dict(header)


def _expanded(text: str) -> str:
    if not text.startswith(_COMPRESSED):
        return text
    reader = zlib.decompressobj()
    made = reader.decompress(base64.b64decode(text.removeprefix(_COMPRESSED), validate=True), _LONGEST)
    if not reader.eof:
        raise ValueError("it is truncated, or longer than 1 GiB")
    return made.decode()


def unpack(
    plain: Table | ArrowSheet, header: Mapping[str, Any], cls: type[Table] = QTable
) -> tuple[Any, dict[str, Any]]:  # fmt: skip
    """Return the original table and the additional state, with added columns; raise a `FileError` if it is damaged."""
    try:
        _check_rows(plain, int(header["rows"]))
        made = {spec["name"]: _column(spec, plain) for spec in header["columns"]}
        meta, extra = values.decoded(header["meta"]), values.decoded(header["extra"])
        used = {*_names(header["columns"]), *header.get("derived", ())}
        made |= {name: plain[name] for name in plain.colnames if name not in used and name not in made}
        table = cls(list(made.values()), names=list(made), meta=meta, copy=False)
    except FileError:
        raise
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        raise FileError(f"The table is damaged: its header does not fit its columns ({_said(error)}).") from error
    return table, extra


def _said(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _check_rows(plain: Table | ArrowSheet, rows: int) -> None:
    if len(plain) != rows:
        raise FileError(
            f"The table has {len(plain)} rows, but {rows} were written: it was truncated or edited. Use astropy's "
            "QTable.read to read the remaining rows."
        )


def _column(spec: Mapping[str, Any], plain: Table | ArrowSheet) -> Any:
    kind = spec["kind"]
    if kind not in CODECS:
        raise FileError(f"The column {spec['name']!r:.80} is of the kind {kind!r:.40}, which is not known.")
    made = CODECS[kind].unpack(spec, Parts(plain, spec.get("parts", {})))
    made.info.name = spec["name"]
    for key in ("description", "format"):
        if key in spec["info"]:
            setattr(made.info, key, str(spec["info"][key]))
    if "meta" in spec:
        made.info.meta = values.decoded(spec["meta"])
    return made


def _names(node: Any) -> list[str]:
    """Return the names of all plain columns in a header."""
    if isinstance(node, list):
        return [name for one in node for name in _names(one)]
    if not isinstance(node, dict):
        return []
    own = [str(name) for name in node.get("parts", {}).values()]
    inner = [one for key, one in node.items() if key not in ("parts", "info", "meta", "listed")]
    return own + [name for one in inner for name in _names(one)]
