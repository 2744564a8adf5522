"""Test that the records of responses are written to arrays as their objects are."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from sunpy_helio_plugins.her import service
from sunpy_helio_plugins.her.paging import page_of
from sunpy_helio_plugins.her.records.arrays import KeywordArrays, flat_records
from sunpy_helio_plugins.her.records.blocks import CompressedRecords, RecordBlock
from sunpy_helio_plugins.her.records.column import EventRecords

ONE = {"event_type": "FL", "refs": [{"ref_url": "a"}], "number": 1, "text": "é", "other": {"a": [1]}}


def block(content: bytes) -> RecordBlock:
    page = page_of(service._flat(content), 1000)
    return RecordBlock(page.records, CompressedRecords(content, service.records_of))


def body(*records: Any) -> bytes:
    return json.dumps({"result": records, "overmax": False}).encode()


CONTENTS = {
    "alike": body(ONE, ONE | {"number": None, "refs": None}, ONE | {"text": "", "refs": []}),
    "layouts": body(ONE, {"event_type": "CH", "text": 5}, ONE, {"event_type": "CH", "text": [1]}, {"event_type": "CH"}),
    "damaged names": body(ONE, ONE | {"damaged\n": 1}, ONE | {"number": 2}),
    "entries": body(ONE, 5, None, ONE | {"number": 3}),
    "infinite": body(ONE, ONE | {"refs": ["@"]}).replace(b'"@"', b"1e999"),
    "long": body(ONE, ONE | {"number": "@"}).replace(b'"@"', b"9007199254740993.0"),
    "empty": body(),
}


def converted(records: Any) -> Any:
    made = KeywordArrays(records)
    rest = made.convert({"number": float, "text": str, "event_type": str})
    fields = {name: array.to_pylist() for name, array in made.fields.items()}
    return made.layouts, made.numbers.tolist(), fields, made.whole, made.others, rest


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_records_of_a_response_are_converted_as_objects_are(content: bytes) -> None:
    one = block(content)
    column = EventRecords.joined([one, RecordBlock([ONE | {"number": 9}]), one])
    for rows in (slice(None), slice(None, None, -1), slice(0, 1)):
        part = column[rows]
        assert repr(converted(flat_records(part))) == repr(converted(list(part)))


def test_records_in_memory_are_used_as_they_are() -> None:
    column = EventRecords.joined([RecordBlock([ONE])])
    assert flat_records(column)[0] is ONE


def test_a_column_with_a_missing_record_is_not_converted() -> None:
    column = EventRecords.joined([block(CONTENTS["alike"])])
    column[1] = None
    with pytest.raises(TypeError):
        flat_records(column)
    with pytest.raises(TypeError):
        KeywordArrays([ONE, None])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        KeywordArrays(flat_records(EventRecords([], np.full((1, 2), -1))))
