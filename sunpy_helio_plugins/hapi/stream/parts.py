"""The parts of a folder of Parquet files: one file for each period of the calendar, which states what it contains."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import QTable

from sunpy_helio_plugins.errors import FileError, QueryError, local
from sunpy_helio_plugins.hapi.model import Info
from sunpy_helio_plugins.hapi.records.buffers import empty
from sunpy_helio_plugins.hapi.records.table import from_records
from sunpy_helio_plugins.quantities.exact import kept_json
from sunpy_helio_plugins.quantities.silence import far_years
from sunpy_helio_plugins.quantities.spans import PARTITIONS, Moment, Span
from sunpy_helio_plugins.series.arrow import arrow_of
from sunpy_helio_plugins.series.columns import Losses
from sunpy_helio_plugins.series.records import KEY, Records
from sunpy_helio_plugins.store.publish import whole_file

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "SUFFIX",
    "Part",
    "check_folder",
    "check_schemas",
    "empty_table",
    "in_nanoseconds",
    "names_of",
    "parquet_of",
    "part_at",
    "parts_of",
    "schema_of",
    "write_part",
]

SUFFIX = ".parquet"

_KEY = b"sunpy_helio_plugins.part"
"""The entry of a file's metadata with its `Part` as JSON."""


@dataclass(frozen=True)
class Part:
    """
    One file.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    span : Span
        The range of its records.
    server, dataset : str
        The address of the server and the id; empty for records of files.
    parameters : tuple of str
        The names of the parameters.
    until : str
        The time of the request: later records may be missing.
    problems : tuple of str
        What is missing.
    """

    path: Path
    span: Span
    server: str
    dataset: str
    parameters: tuple[str, ...]
    until: str = ""
    problems: tuple[str, ...] = ()

    def has(self, other: Part) -> bool:
        """Return whether this part is complete, and contains the range of another one."""
        is_whole = not self.problems and Moment.read(self.until) >= other.span.before
        return is_whole and self.span.first <= other.span.first and self.span.before >= other.span.before

    def with_range_of(self, other: Part) -> Part:
        """Return this part with the range that both cover, so that it can replace the other one."""
        span = Span(min(self.span.first, other.span.first), max(self.span.before, other.span.before))
        return replace(self, span=span)

    def check_same(self, other: Part) -> None:
        """Raise an error if an existing part contains other parameters."""
        mine, theirs = ((one.server, one.dataset, one.parameters) for one in (self, other))
        if mine != theirs:
            raise QueryError(
                f"{self.path.parent} contains {', '.join(other.parameters)} of {other.dataset or 'files'}, not "
                f"{', '.join(self.parameters)} of {self.dataset or 'files'}: give another folder."
            )

    @property
    def metadata(self) -> dict[bytes, bytes]:
        """The entry of the metadata of the file."""
        said = {"range": str(self.span), "server": self.server, "dataset": self.dataset,
                "parameters": self.parameters, "until": self.until, "problems": self.problems}  # fmt: skip
        return {_KEY: json.dumps(said).encode()}


_FIRST, _BEFORE = Moment.read("1678-01-01Z"), Moment.read("2262-01-01Z")


def in_nanoseconds(span: Span) -> bool:
    """Return whether nanoseconds from 1970 can represent the times of a range."""
    return span.first >= _FIRST and span.before <= _BEFORE


def part_at(path: Path) -> Part | None:
    """Return the part in a file; `None` if there is no file, or if it is damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with local(path, "read"):
        if not path.exists():
            return None
        try:
            said = (pq.read_metadata(path).metadata or {}).get(_KEY)
        except pa.ArrowInvalid:
            return None
    if said is None:
        raise QueryError(f"{path} was not written by hapi.to_parquet: give another folder.")
    try:
        known = kept_json(said)
        return Part(
            path,
            Span.read(known["range"]),
            known["server"],
            known["dataset"],
            tuple(known["parameters"]),
            known["until"],
            tuple(known["problems"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def parts_of(folder: Path) -> list[Path]:
    """Return the Parquet files of a folder in the order of time, without hidden ones."""
    with local(folder, "read"):
        found = [one for one in folder.iterdir() if one.suffix == SUFFIX and not one.name.startswith((".", "_"))]
    return sorted(found, key=lambda one: one.name)


def check_folder(folder: Path, partition: str, wanted: Part, schema: pa.Schema, replaced: Collection[Path]) -> None:
    """Raise an error if the files of a folder that are not replaced have other periods, parameters or units."""
    found = parts_of(folder)
    for path in found:
        if not _is_period(path.stem, partition):
            raise QueryError(
                f"{path} does not contain one {partition}, the partition that was given: its records would be there "
                "twice. Give another folder, or the partition of the files in this one."
            )
    others = [path for path in found if path not in replaced]
    for path in dict.fromkeys((*others[:1], *others[-1:])):
        there = part_at(path)
        if there is not None:
            wanted.check_same(there)
            check_schemas({path: parquet_of(path, "read_schema")}, schema)


def _is_period(name: str, partition: str) -> bool:
    try:
        return str(np.datetime64(name).astype(f"M8[{PARTITIONS[partition]}]")) == name
    except ValueError:
        return False


def parquet_of(path: Path, what: str) -> Any:
    """Call a function of ``pyarrow.parquet`` for a file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with local(path, "read"):
        try:
            return getattr(pq, what)(path)
        except pa.ArrowInvalid as error:
            raise FileError(f"{path} is not a Parquet file ({error}).") from error


def check_schemas(found: Mapping[Path, pa.Schema], expected: pa.Schema) -> None:
    """Raise an error if a file describes a column differently: its values would be read with a wrong unit."""
    columns = _described(expected)
    for path, schema in found.items():
        for name, mine in _described(schema).items():
            theirs = columns.get(name, mine)
            if mine != theirs:
                what, one, other = next(
                    (what, one, other)
                    for what, one, other in zip(("unit", "size", "bins"), mine, theirs, strict=True)
                    if one != other
                )
                raise FileError(
                    f"{path}: the {what} of {name} is {one or None}, and {other or None} elsewhere: the server has "
                    "changed its description. Write the whole range again, to another folder or with overwrite=True."
                )


def _described(schema: pa.Schema) -> dict[str, tuple[str, str, str]]:
    """Return the unit, the size and the bins of each column as text."""
    known = kept_json((schema.metadata or {}).get(KEY.encode(), b"{}")).get("columns", ())
    bins = {one["name"]: one.get("meta", {}).get("bins", "") for one in known}
    return {
        one.name: (
            (one.metadata or {}).get(b"units", b"").decode("utf-8", "replace"),
            str(one.type).partition("[")[2] if str(one.type).startswith("fixed_size_list") else "",
            str(bins.get(one.name) or ""),
        )
        for one in schema
    }


def empty_table(info: Info, context: Mapping[str, str] | None = None) -> QTable:
    """Return the table of a header without records."""
    return from_records(info, [empty(parameter) for parameter in info.parameters], context)


def schema_of(table: QTable) -> pa.Schema:
    """Return the schema of all parts, from the table of the header."""
    import pyarrow as pa

    schema = arrow_of("hapi.to_parquet", Records.of("hapi.to_parquet", table, Losses(""))).schema
    for index, field in enumerate(schema):
        if pa.types.is_timestamp(field.type):
            schema = schema.set(index, field.with_type(pa.timestamp("ns", tz="UTC")))
    return schema


def write_part(
    part: Part, schema: pa.Schema, tables: Iterable[QTable], losses: Losses, problems: list[str], *,
    overwrite: bool = True,
) -> None:  # fmt: skip
    """
    Write a part with one row group for each table; ``problems`` may be added while the tables are read.

    The file appears when it is complete. An incomplete part does not replace one with more records.
    """
    import pyarrow.parquet as pq

    with contextlib.suppress(_FewerRecordsError), whole_file(part.path, overwrite=overwrite) as stream:
        with pq.ParquetWriter(stream, schema, compression="zstd") as target:
            rows = 0
            for table in tables:
                if len(table):
                    target.write_table(_in_schema(table, schema, losses))
                    rows += len(table)
            target.add_key_value_metadata(replace(part, problems=tuple(problems)).metadata)
        if problems and part.path.exists() and pq.read_metadata(part.path).num_rows > rows:
            raise _FewerRecordsError


class _FewerRecordsError(Exception):
    """An incomplete part with fewer records than the existing one."""


def _in_schema(table: QTable, schema: pa.Schema, losses: Losses) -> pa.Table:
    import pyarrow as pa

    with far_years():
        made = arrow_of("hapi.to_parquet", Records.of("hapi.to_parquet", table, losses))
    described = _described(schema)
    for name, (unit, *_) in _described(made.schema).items():
        expected = described[name][0]
        if unit != expected:
            raise FileError(
                f"The unit of {name} is {unit or None} in the response, and {expected or None} in the description that "
                "was requested before: call hapi.to_parquet with overwrite=True, which requests it again."
            )
    try:
        return made.replace_schema_metadata(schema.metadata).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        for field in made.schema:
            if pa.types.is_timestamp(field.type) and field.type.unit != "ns":
                raise FileError(
                    f"{field.name} has times before 1678 or after 2261, which Parquet files with nanoseconds cannot "
                    "contain: use hapi.chunks for this range."
                ) from error
        raise FileError(f"The records do not have the types of the header: {error}.") from error


def names_of(parts: Iterable[Part]) -> str:
    """Return the names of the first and the last part, for messages."""
    names = [one.path.name for one in parts]
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
