"""Store the records of events in files, one field for each keyword, and the references among their values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, pairwise
from operator import is_, itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import Column, MaskedColumn
from numpy.typing import NDArray

from sunpy_helio_plugins.her.columns.codecs import as_objects
from sunpy_helio_plugins.her.keywords import keywords
from sunpy_helio_plugins.her.records.column import EventRecords
from sunpy_helio_plugins.io.arrow.arrays import mask_of_array, objects_of, text_array
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

TYPES = {str: "string", bool: "bool", int: "double", float: "double"}
"""The types of fields in Arrow. The registry writes whole numbers without a fraction, also among others."""

_SAMPLES = 100
"""The number of records that are looked at first, to find the types of their values."""

_OBJECTS = ObjectCodec()

_REFUSALS = (UnicodeError, OverflowError, ValueError, TypeError)
"""What Arrow raises for values that a field cannot represent."""


def _has_objects(column: Any, name: str) -> bool:
    is_column = isinstance(column, Column) and not isinstance(column, MaskedColumn)
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
        except _REFUSALS:
            made = None
        if made is None:
            return _OBJECTS.pack(name, column, sheet)
        sheet.objects[name] = list(column)
        return {"lists": True, "parts": {part: sheet.add(name, part, array) for part, array in made.items()}}

    def unpack(self, spec: Mapping[str, Any], parts: Parts) -> Any:
        """Return the column."""
        if "lists" not in spec:
            return _OBJECTS.unpack(spec, parts)
        parts.table.objects[spec["name"]] = cells = _references_of(parts)
        return as_objects(cells)


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
        records = list(column)
        try:
            made = _Fields(records, sheet) if sheet.format.is_arrow else None
        except _REFUSALS:
            made = None
        if made is None:
            return _OBJECTS.pack(name, column, sheet)
        parts, fields = (
            {part: sheet.add(name, part, array) for part, array in arrays.items()}
            for arrays in (made.parts, made.fields)
        )
        return {
            "layouts": made.layouts, "whole": made.whole, "shares": made.shares, "parts": parts,
            "fields": {"parts": fields},
        }  # fmt: skip

    def unpack(self, spec: Mapping[str, Any], parts: Parts) -> Any:
        """Return the column."""
        if "layouts" not in spec:
            return EventRecords.kept(_OBJECTS.unpack(spec, parts))
        own = Parts(parts.table, spec["fields"]["parts"])
        fields = {name: own.arrow(name) for name in own.names}
        numbers, whole = parts.array("layout"), frozenset(spec["whole"])
        made = np.empty(len(numbers), dtype=object)
        for number, layout in enumerate(spec["layouts"]):
            rows = np.flatnonzero(numbers == number)
            made[rows] = _records(fields, layout, whole, rows)
        references = parts.table.objects[REFERENCES] if spec["shares"] else []
        for record, cell in zip(made, references, strict=False):
            if REFERENCES in record:
                record[REFERENCES] = cell
        other = objects_of(parts.arrow("other"))
        for row in np.flatnonzero(other != None):  # noqa: E711 - of each element
            made[row] |= kept_json(other[row])
        return EventRecords.kept(made)


class _Fields:
    """
    Records as arrays of Arrow; raise one of ``_REFUSALS`` if this is not possible.

    Attributes
    ----------
    layouts : list of list of str
        The different sequences of keywords.
    whole : list of str
        The keywords whose whole numbers are integers.
    shares : bool
        Whether the references are those of the column ``refs``.
    fields : dict
        The values of each keyword.
    parts : dict
        The number of the layout of each record, and values of other types.
    """

    def __init__(self, records: list[Record], sheet: Sheet) -> None:
        import pyarrow as pa

        if set(map(type, records)) - {dict}:
            raise TypeError
        known: dict[tuple[Any, ...], int] = {}
        numbers = [known.setdefault(layout, len(known)) for layout in map(tuple, records)]
        keys = dict.fromkeys(key for layout in known for key in layout)
        if not keys or not all(type(key) is str and key.isprintable() for key in keys):
            raise TypeError
        self.layouts = [list(layout) for layout in known]
        self.records = records
        self.shares = _are_shared(sheet.objects.get(REFERENCES), records)
        # All keywords of the table, whichever of its rows are written.
        wanted = [name for name in sheet.names if name in keys or name.lower() in keywords()]
        names = [name for name in dict.fromkeys([*wanted, *keys]) if name != REFERENCES]
        self._other: dict[int, Record] = {}
        if REFERENCES in keys and not self.shares:
            self._keep_apart(REFERENCES)
        self.types: dict[str, str] = {}
        self.fields = self._arrays(names)
        self.whole = [name for name, kind in self.types.items() if kind == "double" and self._has_integers(name)]
        other = [json.dumps(self._other[row]) if row in self._other else None for row in range(len(records))]
        self.parts = {"layout": pa.array(numbers, pa.int32()), "other": text_array(other)}

    def _keep_apart(self, name: str) -> None:
        for row, record in enumerate(self.records):
            if record.get(name) is not None:
                self._other.setdefault(row, {})[name] = record[name]

    def _arrays(self, names: list[str]) -> dict[str, pa.Array]:
        """Return the values of each keyword; the types are those of some records if all records have them."""
        import pyarrow as pa

        for samples in (self.records[:: max(len(self.records) // _SAMPLES, 1)], self.records):
            kinds = {name: _kind(name, samples) for name in names}
            self.types = {name: TYPES[kind] for name, kind in kinds.items() if kind in TYPES}
            fields = pa.struct([(name, pa.type_for_alias(kind)) for name, kind in self.types.items()])
            try:
                made = pa.array(self.records, fields)
                break
            except _REFUSALS:
                pass
        else:
            made = pa.array(self._without_others(fields), fields)
        for name, kind in kinds.items():
            if kind not in TYPES:
                self._keep_apart(name)
        return dict(zip(self.types, made.flatten(), strict=True))

    def _without_others(self, fields: pa.StructType) -> list[Record]:
        """Return records without the values that their fields cannot represent."""
        made = list(self.records)
        for name, kind in ((field.name, field.type) for field in fields):
            cells = [record.get(name) for record in self.records]
            if _fits(cells, kind):
                continue
            for row, cell in enumerate(cells):
                if not _fits([cell], kind):
                    self._other.setdefault(row, {})[name] = cell
                    made[row] = made[row] | {name: None}
        return made

    def _has_integers(self, name: str) -> bool:
        """Return whether whole numbers are integers, and keep those of another type apart."""
        field = self.fields[name]
        if field.null_count == len(field):
            return False
        rows = np.flatnonzero(_are_whole(field.to_numpy(zero_copy_only=False))).tolist()
        kinds = list(map(type, map(itemgetter(name), map(self.records.__getitem__, rows))))
        usual = int if 2 * kinds.count(int) >= len(kinds) else float
        if kinds.count(usual) < len(kinds):
            for row, kind in zip(rows, kinds, strict=True):
                if kind is not usual:
                    self._other.setdefault(row, {})[name] = self.records[row][name]
        return usual is int and bool(kinds)


def _kind(name: str, records: Sequence[Record]) -> type:
    """Return the type of the first value of a keyword, or else the usual one of the keyword."""
    first = next((record[name] for record in records if record.get(name) is not None), None)
    word = keywords().get(name.lower())
    usual = {"float": float, "integer": int}.get(word.kind if word else "", str)
    return usual if first is None else type(first)


def _are_shared(references: Values | None, records: list[Record]) -> bool:
    """Return whether the references of records are those of a column that was added before."""
    return references is not None and all(map(is_, references, [record.get(REFERENCES) for record in records]))


def _fits(cells: Values, kind: Any) -> bool:
    """Return whether Arrow can represent values."""
    import pyarrow as pa

    try:
        pa.array(cells, kind)
    except _REFUSALS:
        return False
    return True


def _are_whole(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.isfinite(values) & (values == np.rint(values))


def _lists(cells: Sequence[Any]) -> dict[str, pa.Array]:
    """Return the parts of references as lists; raise a `ValueError` if they are not of this form."""
    import pyarrow as pa

    flat = list(chain.from_iterable(filter(None, cells)))
    if set(map(type, cells)) - {list, type(None)} or set(map(type, flat)) - {dict}:
        raise ValueError("not lists of references")
    if set(map(tuple, flat)) - {REFERENCE}:
        raise ValueError("not references of three values")
    fields = list(zip(*map(dict.values, flat), strict=True)) or [()] * len(REFERENCE)
    offsets = pa.array(np.cumsum([0, *(len(cell or ()) for cell in cells)]).astype(np.int32))
    made = {
        name: pa.ListArray.from_arrays(offsets, text_array(field))
        for name, field in zip(REFERENCE, fields, strict=True)
    }
    gone = np.array([cell is None for cell in cells], dtype=bool)
    return made | ({"mask": pa.array(gone)} if gone.any() else {})


def _references_of(parts: Parts) -> Values:
    """Return what `_lists` converted."""
    lists = [parts.arrow(name) for name in REFERENCE]
    fields = [_values(one.values) for one in lists]
    values = [dict(zip(REFERENCE, one, strict=True)) for one in zip(*fields, strict=True)]
    made: Values = [values[start:end] for start, end in pairwise(lists[0].offsets.to_numpy().tolist())]
    for row in np.flatnonzero(parts.array("mask")).tolist() if "mask" in parts else ():
        made[row] = None
    return made


def _records(
    fields: Mapping[str, pa.Array], layout: list[str], whole: frozenset[str], rows: NDArray[np.intp]
) -> NDArray[np.object_]:  # fmt: skip
    """Return the records of one layout, without references."""
    import pyarrow as pa

    order = pa.array(rows)
    template, varied, columns = dict.fromkeys(layout), [], []
    for name in layout:
        field = fields.get(name)
        if field is None or field.null_count == len(field):
            continue
        field = field if len(rows) == len(field) else field.take(order)
        values = _values(field, is_whole=name in whole)
        # Not for zeros, of which two are equal although their signs differ.
        if field.null_count == 0 and values[0] != 0 and values.count(values[0]) == len(values):
            template[name] = values[0]
        else:
            varied.append(name)
            columns.append(values)
    made = np.empty(len(rows), dtype=object)
    for place, row in enumerate(_transposed(columns, len(rows))):
        made[place] = record = template.copy()
        record.update(zip(varied, row, strict=True))
    return made


def _transposed(columns: list[Values], count: int) -> Iterator[tuple[Any, ...]]:
    return zip(*columns, strict=True) if columns else iter([()] * count)


def _values(field: pa.Array, is_whole: bool = False) -> Values:
    """Return the values of a field, `None` for nulls, and whole numbers as integers if they were."""
    import pyarrow as pa

    kind = field.type
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind):
        return list(objects_of(field).tolist())
    mask = mask_of_array(field)
    data = (field if mask is None else field.fill_null(False if pa.types.is_boolean(kind) else 0)).to_numpy(
        zero_copy_only=False
    )
    made: Values = data.tolist()
    if is_whole:
        are_whole = _are_whole(data)
        if are_whole.all():
            made = data.astype(np.int64).tolist()
        else:
            for row in np.flatnonzero(are_whole).tolist():
                made[row] = int(made[row])
    for row in [] if mask is None else np.flatnonzero(mask).tolist():
        made[row] = None
    return made


for _codec in (ReferencesCodec(), RecordsCodec()):
    register(_codec)
