"""Parquet and Arrow files of plain columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from astropy.table import Table

from sunpy_helio_plugins.arguments import refused, unknown_keyword
from sunpy_helio_plugins.io.arrow.arrays import array_of
from sunpy_helio_plugins.io.arrow.sheet import ArrowSheet
from sunpy_helio_plugins.store.publish import whole_file

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["arrow_table", "read", "write"]

_COMPRESSIONS = {"parquet": ("none", "snappy", "gzip", "brotli", "zstd", "lz4"), "arrow": (None, "lz4", "zstd")}
"""The values of ``compression`` that pyarrow accepts."""


def arrow_table(columns: Mapping[str, Any], units: Mapping[str, str], descriptions: Mapping[str, str]) -> pa.Table:
    """Return plain columns as a table of Arrow, whose fields state their units and descriptions."""
    import pyarrow as pa

    arrays, fields = [], []
    for name, column in columns.items():
        arrays.append(array_of(column))
        said = {"units": units.get(name), "description": descriptions.get(name)}
        known = {key: value for key, value in said.items() if value}
        fields.append(pa.field(name, arrays[-1].type, metadata=known or None))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def write(sheet: ArrowSheet, form: str, target: Any, *, overwrite: bool = False, **kwargs: Any) -> None:
    """Write plain columns to a path or a stream; ``compression`` is passed to pyarrow."""
    known = _COMPRESSIONS[form]
    strange = next((name for name in kwargs if name != "compression"), None)
    if strange is not None:
        raise unknown_keyword("write", strange, ["compression", "format", "overwrite"])
    if kwargs.get("compression", known[0]) not in known:
        raise refused("write", kwargs["compression"], f"{', '.join(map(str, known))} as compression for {form}")
    if not isinstance(target, str | PathLike):
        _write(sheet, form, target, kwargs)
        return
    with whole_file(Path(target), overwrite=overwrite) as stream:
        _write(sheet, form, stream, kwargs)


def _write(sheet: ArrowSheet, form: str, stream: IO[bytes], kwargs: Mapping[str, Any]) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    # Not to the stream: there are some small pieces for each column.
    made = pa.BufferOutputStream()
    if form == "parquet":
        # The checksums of its pages show damage, which Arrow would otherwise read as other values.
        table = sheet.table.replace_schema_metadata({**sheet.meta, **_for_astropy(sheet.table)})
        pyarrow.parquet.write_table(table, made, write_page_checksum=True, **kwargs)
    else:
        table = sheet.table.replace_schema_metadata(sheet.meta)
        with pa.ipc.new_file(made, table.schema, options=pa.ipc.IpcWriteOptions(**kwargs)) as sink:
            sink.write_table(table)
    stream.write(made.getvalue())


def _for_astropy(table: pa.Table) -> dict[str, str]:
    """Return the metadata from which astropy's reader knows units, descriptions and the lengths of texts."""
    import pyarrow as pa
    import pyarrow.compute

    told, lengths = [], {}
    for field, column in zip(table.schema, table.columns, strict=True):
        known = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
        named = {"units": "unit", "description": "description"}
        told.append({"name": field.name} | {named[key]: value for key, value in known.items() if key in named})
        texts = column.combine_chunks().flatten() if pa.types.is_list(field.type) else column
        if pa.types.is_string(texts.type) or pa.types.is_binary(texts.type):
            longest = pyarrow.compute.max(pyarrow.compute.binary_length(texts)).as_py()
            lengths[f"table::len::{field.name}"] = str(longest or 1)
    # JSON is YAML as well.
    return {"table_meta_yaml": json.dumps({"datatype": told}, ensure_ascii=True)} | lengths


def read(source: Any, form: str, header: str) -> ArrowSheet | None:
    """Return the plain columns of a path or a stream; `None` if it does not have a header of this package."""
    if not isinstance(source, str | PathLike):
        return _read(source, form, header)
    with Path(source).open("rb") as stream:
        return _read(stream, form, header)


def _read(stream: IO[bytes], form: str, header: str) -> ArrowSheet | None:
    import pyarrow as pa
    import pyarrow.parquet

    place = stream.tell()
    if form == "parquet":
        opened = pyarrow.parquet.ParquetFile(stream)
        schema = opened.schema_arrow
    else:
        opened = pa.ipc.open_file(stream, options=pa.ipc.IpcReadOptions(use_threads=False))
        schema = opened.schema
    meta = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items() if key == header.encode()}
    if not meta:
        stream.seek(place)
        return None
    if form == "parquet":
        # Texts as numbers of different ones: most columns have few of these.
        texts = [one.path for one in map(opened.schema.column, range(len(opened.schema))) if _is_text(one)]
        table = pyarrow.parquet.ParquetFile(
            stream, metadata=opened.metadata, read_dictionary=texts, page_checksum_verification=True
        ).read(use_threads=False)
    else:
        table = opened.read_all()
        table.validate(full=True)
    return ArrowSheet(table, meta)


def foreign_table(source: Any) -> Table:
    """Return the columns of an Arrow file that another program wrote."""
    import pyarrow as pa

    table = pa.ipc.open_file(source).read_all()
    sheet = ArrowSheet(table, {})
    return Table({name: sheet[name] for name in sheet.colnames}, copy=False)


def _is_text(column: Any) -> bool:
    return column.logical_type.type == "STRING" and column.max_repetition_level == 0
