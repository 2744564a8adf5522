"""
Decode responses whose events have known keywords: the values of each, without an object with about 150 members.

Events of one type have the same keywords. Anything that is not JSON of this form is left to the general decoder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from sunpy_helio_plugins.her.records.blocks import Flat
from sunpy_helio_plugins.quantities.exact import check_size, has_long_number

__all__ = ["decoded_objects", "decoded_values"]

_FIRST = re.compile(rb'\s*\{\s*"result"\s*:\s*\[\s*(?=\{)')

_TYPE = re.compile(rb'"event_type"\s*:\s*"([^"]*)"')

_LONGEST = 1 << 20
"""Bytes of an event, up to which its keywords are looked up to decode a response at once."""

_MOST_DECODERS = 64
"""Decoders that are made for one response, each for keywords that two events of a type share."""

_values = msgspec.structs.astuple


class _Response(msgspec.Struct, forbid_unknown_fields=True):
    """A response with its events as text."""

    result: list[msgspec.Raw]
    association: Any = None
    overmax: Any = None


def decoded_values(content: bytes) -> dict[str, Any] | None:
    """Return a response with its events as names and values; `None` if it has another form, or is not exact so."""
    return _decoded(content, lambda text: _all_alike(text) or _by_type(text))


def decoded_objects(content: bytes) -> Any:
    """Return a response with its events as objects; `None` if it is not exact so."""
    return _decoded(content, msgspec.json.decode)


def _decoded(content: bytes, decode: Callable[[bytes], Any]) -> Any:
    check_size(content)
    if has_long_number(content):
        return None
    try:
        return decode(content)
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
        return None


def _all_alike(content: bytes) -> dict[str, Any] | None:
    """Return a response whose events have the keywords of the first one; `None` if some have others."""
    begin = _FIRST.match(content)
    if begin is None:
        return None
    try:
        text = content[begin.end() : begin.end() + _LONGEST].decode(errors="replace")
        first = json.JSONDecoder().raw_decode(text)[0]
        names = tuple(first)
        found = _decoder(names, _nested(first), is_response=True).decode(content)
    except (msgspec.ValidationError, ValueError):
        return None
    return _told(found, [(names, _values(event)) for event in found.result])


def _by_type(content: bytes) -> dict[str, Any]:
    """Return a response of which most events have the keywords of earlier ones of the same type."""
    found = msgspec.json.decode(content, type=_Response)
    last: dict[bytes, tuple[str, ...]] = {}
    known: dict[bytes, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    events: list[Flat] = []
    made = 0
    for event in found.result:
        kind = _TYPE.search(event)
        told = b"" if kind is None else kind[1]
        try:
            names = known[told][0]
            events.append((names, _values(_decoder(*known[told]).decode(event))))
        except (KeyError, msgspec.ValidationError):
            record: dict[str, Any] = msgspec.json.decode(event, type=dict)
            names = tuple(record)
            events.append((names, tuple(record.values())))
            # To make a decoder takes as long as to decode many events.
            if last.get(told) == names and made < _MOST_DECODERS:
                known[told], made = (names, _nested(record)), made + 1
            last[told] = names
    return _told(found, events)


def _told(found: Any, events: list[Flat]) -> dict[str, Any]:
    return {"result": events, "association": found.association, "overmax": found.overmax}


def _nested(record: dict[str, Any]) -> tuple[str, ...]:
    """Return the keywords of which the values are lists or objects, which need less memory as JSON."""
    return tuple(name for name, value in record.items() if type(value) in (list, dict))


@lru_cache(maxsize=_MOST_DECODERS)
def _decoder(names: tuple[str, ...], nested: tuple[str, ...], is_response: bool = False) -> msgspec.json.Decoder[Any]:
    """Return what decodes an event, or a response, with certain keywords, some of which are to stay JSON."""
    fields = {f"value_{place}": name for place, name in enumerate(names)}
    members: list[Any] = [(field, msgspec.Raw if name in nested else Any) for field, name in fields.items()]
    event = msgspec.defstruct("Event", members, rename=fields, forbid_unknown_fields=True, gc=False)
    if not is_response:
        return msgspec.json.Decoder(event)
    events: Any = list[event]  # type: ignore[valid-type]
    members = [("result", events), ("association", Any, None), ("overmax", Any, None)]
    return msgspec.json.Decoder(msgspec.defstruct("Response", members, forbid_unknown_fields=True))
