"""Store the records of events in files, one field for each keyword, and the references among their values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import chain, pairwise, repeat
from operator import is_
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import Column, MaskedColumn

from sunpy_helio_plugins.her.columns.codecs import as_objects
from sunpy_helio_plugins.her.keywords import keywords
from sunpy_helio_plugins.her.records.arrays import (
    REFUSALS,
    ArrowRecords,
    KeywordArrays,
    LazyRecords,
    flat_records,
    values_of_array,
)
from sunpy_helio_plugins.her.records.blocks import RecordBlock
from sunpy_helio_plugins.her.records.column import EventRecords, ObjectColumn
from sunpy_helio_plugins.her.records.references import References
from sunpy_helio_plugins.io.arrow.arrays import objects_of, text_array
from sunpy_helio_plugins.io.sheet import Parts, Sheet, register
from sunpy_helio_plugins.io.text import ObjectCodec
from sunpy_helio_plugins.quantities.exact import kept_json

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["RecordsCodec", "ReferencesCodec"]

Record = dict[str, Any]
Values = list[Any]

RECORDS, REFERENCES = "raw", "refs"
"""The columns of records and of their references."""

REFERENCE = ("ref_name", "ref_type", "ref_url")
"""The keywords of a reference."""

_OBJECTS = ObjectCodec()


def _has_objects(column: Any, name: str) -> bool:
    is_column = isinstance(column, Column | ObjectColumn) and not isinstance(column, MaskedColumn)
    return is_column and column.info.name == name and column.dtype.kind == "O" and column.ndim == 1


class ReferencesCodec:
    """Store the references of events as lists in Arrow, and like other objects in other formats."""

    kind = "references"

    def takes(self, column: Any) -> bool:
        """Return whether a column contains references."""
        return _has_objects(column, REFERENCES)

    def pack(self, name: str, column: Any, sheet: Sheet) -> dict[str, Any]:
        """Add the references."""
        try:
            made = _lists(list(column)) if sheet.format.is_arrow else None
        except REFUSALS:
            made = None
        if made is None:
            return _OBJECTS.pack(name, column, sheet)
        sheet.objects[name] = list(column)
        return {"lists": True, "parts": {part: sheet.add(name, part, array) for part, array in made.items()}}

    def unpack(self, spec: Mapping[str, Any], parts: Parts) -> Any:
        """Return the column."""
        if "lists" not in spec:
            return References(np.asarray(_OBJECTS.unpack(spec, parts)))
        parts.table.objects[spec["name"]] = cells = _references_of(parts)
        return References(np.asarray(as_objects(cells)))


class RecordsCodec:
    """
    Store the records of events as one column for each keyword in Arrow, and like other objects in other formats.

    Each of these has one type, and values of other types are written as JSON. Records with the same keywords in the
    same order share a layout. References that are those of the column ``refs`` are written once.
    """

    kind = "records"

    def takes(self, column: Any) -> bool:
        """Return whether a column contains records."""
        return isinstance(column, EventRecords) or _has_objects(column, RECORDS)

    def pack(self, name: str, column: Any, sheet: Sheet) -> dict[str, Any]:
        """Add the records."""
        try:
            made = _arrays(column, sheet) if sheet.format.is_arrow else None
        except REFUSALS:
            made = None
        return _OBJECTS.pack(name, column, sheet) if made is None else _told(name, *made, sheet)

    def unpack(self, spec: Mapping[str, Any], parts: Parts) -> Any:
        """Return the column."""
        if "layouts" not in spec:
            return EventRecords.kept(_OBJECTS.unpack(spec, parts))
        own = Parts(parts.table, spec["fields"]["parts"])
        fields = {name: own.arrow(name) for name in own.names}
        other = objects_of(parts.arrow("other"))
        rows = np.flatnonzero(other != None).tolist()  # noqa: E711 - of each element
        rest = {REFERENCES: parts.table.objects[REFERENCES]} if spec["shares"] else {}
        stored = ArrowRecords(
            fields, spec["layouts"], parts.array("layout"), frozenset(spec["whole"]),
            {row: dict(kept_json(other[row])) for row in rows}, rest,
        )  # fmt: skip
        stored.check()
        return EventRecords.joined([RecordBlock.undivided(LazyRecords(stored), len(stored.numbers))])


def _arrays(column: Any, sheet: Sheet) -> tuple[KeywordArrays, bool]:
    """Return the keywords of records as arrays, and whether the references are those of the column ``refs``."""
    made = KeywordArrays(flat_records(column) if isinstance(column, EventRecords) else list(column))
    # All keywords of the table, whichever of its rows are written.
    wanted = [name for name in sheet.names if name in made.keys or name.lower() in keywords()]
    names = dict.fromkeys([*wanted, *made.keys])
    given = made.convert({name: _usual(name) for name in names if name != REFERENCES}).get(REFERENCES, [])
    are_shared = _are_shared(sheet.objects.get(REFERENCES), given)
    if not are_shared:
        made.keep(REFERENCES, {row: value for row, value in enumerate(given) if value is not None})
    return made, are_shared


def _told(name: str, made: KeywordArrays, are_shared: bool, sheet: Sheet) -> dict[str, Any]:
    """Add arrays; return what `RecordsCodec` tells about them."""
    import pyarrow as pa

    other = [json.dumps(made.others[row]) if row in made.others else None for row in range(len(made.records))]
    arrays = {"layout": pa.array(made.numbers), "other": text_array(other)}
    parts, fields = (
        {part: sheet.add(name, part, array) for part, array in each.items()} for each in (arrays, made.fields)
    )
    return {
        "layouts": list(map(list, made.layouts)), "whole": made.whole, "shares": are_shared, "parts": parts,
        "fields": {"parts": fields},
    }  # fmt: skip


def _usual(name: str) -> type:
    """Return the type of a keyword without values."""
    word = keywords().get(name.lower())
    return {"float": float, "integer": int}.get(word.kind if word else "", str)


def _are_shared(references: Values | None, given: Values) -> bool:
    """Return whether the references of records are those of a column that was added before."""
    if references is None or all(map(is_, references, given or repeat(None))):
        return references is not None
    try:
        mine, others = _lists(references), _lists(given or [None] * len(references))
    except REFUSALS:
        return False
    return mine.keys() == others.keys() and all(array.equals(others[name]) for name, array in mine.items())


def _lists(cells: Sequence[Any]) -> dict[str, pa.Array]:
    """Return the parts of references as lists; raise a `ValueError` if they are not of this form."""
    import pyarrow as pa

    flat = list(chain.from_iterable(filter(None, cells)))
    if set(map(type, cells)) - {list, type(None)} or set(map(type, flat)) - {dict}:
        raise ValueError("not lists of references")
    if set(map(tuple, flat)) - {REFERENCE}:
        raise ValueError("not references of three values")
    fields = list(zip(*map(dict.values, flat), strict=True)) or [()] * len(REFERENCE)
    is_gone = None in cells
    counts = [0 if cell is None else len(cell) for cell in cells] if is_gone else list(map(len, cells))
    offsets = pa.array(np.cumsum([0, *counts]).astype(np.int32))
    made = {
        name: pa.ListArray.from_arrays(offsets, text_array(field))
        for name, field in zip(REFERENCE, fields, strict=True)
    }
    return made | ({"mask": pa.array([cell is None for cell in cells])} if is_gone else {})


def _references_of(parts: Parts) -> Values:
    """Return what `_lists` converted."""
    lists = [parts.arrow(name) for name in REFERENCE]
    fields = [values_of_array(one.values) for one in lists]
    values = [dict(zip(REFERENCE, one, strict=True)) for one in zip(*fields, strict=True)]
    made: Values = [values[start:end] for start, end in pairwise(lists[0].offsets.to_numpy().tolist())]
    for row in np.flatnonzero(parts.array("mask")).tolist() if "mask" in parts else ():
        made[row] = None
    return made


for _codec in (ReferencesCodec(), RecordsCodec()):
    register(_codec)
