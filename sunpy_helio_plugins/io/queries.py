"""Serialization of queries: the classes and the values of their attrs, without secrets; and the time of an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Any

from sunpy.net.attr import Attr, AttrAnd, AttrOr

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.io import values
from sunpy_helio_plugins.io.text import without_secrets

__all__ = ["query_of", "register_joiner", "retrieval", "retrieved_now", "stored"]

_ROOMS = ("hapi", "imap", "helioviewer", "her", "hek")
"""The modules of ``sunpy.net.attrs``, besides itself, whose attrs our clients support."""

_NODE = "attrs"


def stored(query: Attr) -> dict[str, Any]:
    """Return a query as plain values; attrs that cannot be serialized are named under ``"lost"``."""
    try:
        return _node(query)
    except TypeError as error:
        return {"lost": str(error)}


def retrieved_now() -> str:
    """Return the time of an answer that has just arrived, in UTC."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}Z"


def retrieval(**asked: Any) -> dict[str, Any]:
    """Return the entries of the meta of records: what was asked, and when; lists, since stacked tables have several."""
    return {"query": [asked], "retrieved": [retrieved_now()]}


def query_of(nodes: Iterable[Mapping[str, Any]]) -> Attr:
    """Return the query that `stored` serialized, combined with ``|`` if there are several, or raise a `FileError`."""
    kept: list[Attr] = []
    for node in nodes:
        if "lost" in node:
            raise FileError(f"The query could not be written: it contained {node['lost']}.")
        try:
            attr = _attr(node)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FileError(f"The query of the table is damaged: {error}.") from error
        if not any(attr == one for one in kept):
            kept.append(attr)
    return reduce(or_, kept)


def _node(attr: Attr) -> dict[str, Any]:
    if isinstance(attr, AttrAnd | AttrOr):
        return {"join": "and" if isinstance(attr, AttrAnd) else "or", _NODE: [_node(one) for one in attr.attrs]}
    name = _name(type(attr))
    if name not in _known():
        raise TypeError(f"{attr!r:.80}, an attr of another package")
    return {"attr": name, "values": _values(vars(attr))}


def _values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of an attr, those that do not consist of texts all at once."""
    plain = {key: value for key, value in given.items() if not isinstance(value, str | list | tuple)}
    made = values.encoded(plain)
    return {key: made[key] if key in plain else _value(value) for key, value in given.items()}


def _value(value: Any) -> Any:
    if isinstance(value, tuple):
        return {values.KIND: "tuple", "items": [_value(one) for one in value]}
    return without_secrets(value) if isinstance(value, str) else values.encoded(value)


def _attr(node: Mapping[str, Any]) -> Attr:
    if "join" in node:
        joined = {"and": AttrAnd, "or": AttrOr}[node["join"]]
        return _ours(joined([_attr(one) for one in node[_NODE]]))
    kind = _known()[node["attr"]]
    made: Any = object.__new__(kind)
    vars(made).update({str(key): values.decoded(value) for key, value in node["values"].items()})
    return made


_JOINERS: list[Callable[[Attr], Attr]] = []


def register_joiner(joiner: Callable[[Attr], Attr]) -> None:
    """Register a function that converts a tree of an archive's attrs to the classes of its operators."""
    _JOINERS.append(joiner)


def _ours(tree: Attr) -> Attr:
    for joiner in _JOINERS:
        tree = joiner(tree)
    return tree


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _known() -> dict[str, type[Attr]]:
    """Return the classes of attrs that a query may contain, by name; other classes are never created from a file."""
    from sunpy.net import attrs

    rooms = [attrs, *(getattr(attrs, room) for room in _ROOMS if hasattr(attrs, room))]
    found: list[Any] = [thing for room in rooms for thing in vars(room).values() if isinstance(thing, type)]
    # sunpy creates some classes of attrs dynamically, as subclasses of these.
    found += [kind for base in found if issubclass(base, Attr) for kind in base.__subclasses__()]
    return {_name(kind): kind for kind in found if issubclass(kind, Attr)}
