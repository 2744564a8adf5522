"""Test that the fast decoder of responses returns what the general one returns, or leaves the response to it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sunpy_helio_plugins
from sunpy_helio_plugins.her import service
from sunpy_helio_plugins.her.paging import Page, page_of
from sunpy_helio_plugins.her.records import decode
from sunpy_helio_plugins.her.records.blocks import BlockRecords, CompressedRecords, RecordBlock
from sunpy_helio_plugins.her.records.decode import decoded_values

EVENTS = Path(sunpy_helio_plugins.__file__).parent / "sandbox" / "data" / "her" / "events.json.gz"

ONE = {"event_type": "FL", "refs": [{"ref_url": "a"}], "number": 1, "text": "é"}


def same(content: bytes) -> None:
    """Compare the pages of both decoders, their columns, and the types of all values."""
    made, expected = (page_of(decoder(content), 1000) for decoder in (service._flat, service._decoded))
    assert list(map(members, made.records)) == list(map(members, expected.records))
    for records in (divided(made), stored(made), service.records_of(content)):
        assert list(map(members, records)) == list(map(members, expected.records))
    assert (made.associations, made.more, made.oddities) == (expected.associations, expected.more, expected.oddities)


def divided(page: Page) -> BlockRecords:
    return BlockRecords(RecordBlock(page.records))


def stored(page: Page) -> Sequence[dict[str, Any]]:
    """Return the records in the columns of a kept response, or themselves if these cannot be kept."""
    block = RecordBlock(page.records)
    kept = CompressedRecords(b"", list).divided_as(block, []).block()
    return page.records if kept is None else BlockRecords(kept[0])


def members(record: dict[str, Any]) -> str:
    return repr(sorted(record.items(), key=lambda pair: pair[0]))


def body(*records: Any, **others: Any) -> bytes:
    return json.dumps({"result": records, "association": [], "overmax": False} | others).encode()


@pytest.mark.parametrize(
    "content",
    [
        body(ONE, ONE | {"number": None}, ONE | {"text": ""}),
        body(ONE, {"event_type": "CH", "other": 2.5}, ONE, {"event_type": "CH", "other": [1, {"a": {}}]}),
        body(ONE, {name: ONE[name] for name in reversed(ONE)}),
        body(ONE, ONE | {"more": 1}, {"number": 2}, {"text": 1, "event_type": ["FL"]}, {}),
        body(ONE | {"number": 2**70}, ONE | {"number": -(2**64)}, ONE | {"number": -0.0}),
        body(ONE, association=None, overmax="true"),
        body({"result": [], "event_type": "FL"}, ONE),
        body(ONE, ONE).replace(b'"number"', b'"number": 5, "number"'),
        body(ONE, ONE | {"self": 1, "": 2, "a b": 3, "1": 4}),
        body(ONE, ONE | {"refs": None}, ONE | {"refs": []}, ONE | {"refs": {}}, ONE | {"refs": {"a": [None]}}),
        body(ONE, ONE | {"refs": "text"}, ONE | {"refs": 5}, ONE | {"refs": None}),
        body(ONE | {"refs": [1, "[", "{"]}, ONE | {"refs": ['caf\xe9 \n \\ " /']}, {"event_type": "FL"}),
        body(ONE, ONE | {"refs": [2**70, -(2**64), -0.0]}),
        body(ONE, ONE | {"refs": ["@"]}).replace(b'"@"', b"1e999"),
        body(ONE, ONE | {"refs": ["@"]}).replace(b"@", "é".encode()),
        body(ONE, ONE | {"refs": None}).replace(b"[{", b"[ \n\t{"),
        body(ONE, ONE | {"damaged\n": 1}),
    ],
    ids=[
        "alike",
        "types",
        "order",
        "some",
        "integers",
        "members",
        "words",
        "repeated",
        "names",
        "missing lists",
        "other kinds",
        "letters",
        "large integers",
        "infinite",
        "utf-8",
        "spaces",
        "damaged",
    ],
)  # fmt: skip
def test_usual_responses_are_decoded_to_the_same_values(content: bytes) -> None:
    assert decoded_values(content) is not None
    same(content)


@pytest.mark.parametrize(
    "content",
    [
        body(ONE | {"number": float("nan")}),
        body(ONE | {"number": float("inf")}),
        body(ONE | {"text": "\ud800"}),
        body(ONE | {"text": "a@b"}).replace(b"@", b"\n\t"),
        body(ONE | {"text": "a@b"}).replace(b"@", b"\xe9"),
        body(ONE | {"number": "@"}).replace(b'"@"', b"9007199254740993.0"),
        body(ONE | {"number": "@"}).replace(b'"@"', b"1e999"),
        body(*(ONE | {'quo"ted': number} for number in range(3))),
        body(ONE, 1, None, "text", [ONE]),
        body(ONE, pages=3),
        json.dumps({"results": [ONE], "associations": [{"edge_type": "x"}]}).encode(),
        json.dumps({"result": ONE | {"kb_archivid": "ivo://a/b"}}).encode(),
        b"\xef\xbb\xbf" + body(ONE),
    ],
    ids=[
        "nan", "infinity", "surrogate", "control", "latin-1", "long", "large", "quoted", "entries", "unknown", "plural",
        "single", "mark",
    ],
)  # fmt: skip
def test_unusual_responses_are_left_to_the_general_decoder(content: bytes) -> None:
    assert decoded_values(content) is None
    same(content)


@pytest.mark.parametrize("size", [1, 7, 1200])
def test_the_embedded_events_are_decoded_to_the_same_values(size: int) -> None:
    events = json.loads(gzip.decompress(EVENTS.read_bytes()))["events"][:size]
    content = body(*events)
    assert decoded_values(content) is not None
    same(content)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["", "FL", 2**53, 1e15]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)


@given(
    st.lists(st.dictionaries(st.sampled_from(["event_type", "a", "b", "é", "c\\"]), VALUES), min_size=1, max_size=5),
    st.booleans(),
)
def test_any_records_are_decoded_to_the_same_values(records: list[dict[str, Any]], is_ascii: bool) -> None:
    told = {"result": [{"first": 1}, *records], "overmax": False}
    same(json.dumps(told, ensure_ascii=is_ascii).encode(errors="surrogatepass"))


@pytest.mark.parametrize(("shared", "most"), [(1, 1), (2, 1 + decode._MOST_DECODERS), (40, 6)])
def test_a_decoder_is_made_for_keywords_that_events_share(
    monkeypatch: pytest.MonkeyPatch, shared: int, most: int
) -> None:
    """To make one takes as long as to decode many events: a response in which all differ would take 16 times longer."""
    made: set[tuple[str, ...]] = set()
    original = decode._decoder

    def counted(names: tuple[str, ...], nested: tuple[str, ...], is_response: bool = False) -> Any:
        made.add(names)
        return original(names, nested, is_response)

    monkeypatch.setattr(decode, "_decoder", counted)
    content = body(*({"event_type": "FL", f"key_{number // shared}": number} for number in range(200)))
    same(content)
    # The one of the first event is tried for the whole response.
    assert 1 <= len(made) <= most
