"""The registry's keywords, and suggestions for misspelled ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from sunpy_helio_plugins.quantities.exact import kept_json

__all__ = ["Keyword", "did_you_mean", "event_types", "keywords", "suppliers"]

MOST = 4


def did_you_mean(name: str, words: Iterable[str], prefix: str = "", group: str = "") -> str:
    """Return ``"; did you mean ...?"`` with similar names, prefixed with ``a.her.`` and the group, or a period."""
    known = {word.lower(): word for word in words}
    asked = name.lower()
    near = get_close_matches(asked, known, n=MOST, cutoff=0.7)
    # "area" is not a close match of "area_atdiskcenter", but is likely to mean it.
    near += [word for word in sorted(known) if len(asked) > 2 and asked in word]
    if not near:
        return "."
    start = f"{prefix}{group}." if group else prefix
    return f"; did you mean {' or '.join(f'{start}{known[word]}' for word in list(dict.fromkeys(near))[:MOST])}?"


@dataclass(frozen=True)
class Keyword:
    """
    One keyword of the registry.

    Attributes
    ----------
    name : str
        The registry's name, in lower case except for ``SOL_standard``.
    kind : str
        The type of its values: ``"string"``, ``"float"``, ``"integer"``, ``"boolean"``, ``"time"``, ``"chaincode"``,
        ``"object"`` or ``"unit"``, the name of the unit of another keyword.
    unit : str
        The keyword that contains the unit of this one in each record; empty if there is none.
    fixed : str
        The unit that the registry always uses, if it is known; else empty.
    usual : str
        A unit for columns without any value; empty if there is none.
    others : tuple of str
        Units of other physical types in the registry's list: counts of one supplier, energy fluxes of another.
    power : int
        The power of the unit that the values have: the record of a variance contains the unit of its square root.
    types : tuple of str
        The event types that have the keyword; empty for all.
    filter : bool
        Whether a search can filter by it.
    spelling : str
        The registry's own spelling, such as ``FRM_Name``; empty if it is the name.
    required : bool or tuple of str
        Whether, or for which event types, the registry requires it in submissions.
    text : str
        The registry's description; empty for keywords that are not in its list.
    """

    name: str
    kind: str
    unit: str = ""
    fixed: str = ""
    usual: str = ""
    others: tuple[str, ...] = ()
    power: int = 1
    types: tuple[str, ...] = ()
    filter: bool = True
    spelling: str = ""
    required: bool | tuple[str, ...] = False
    text: str = ""

    def is_required(self, event_type: str) -> bool:
        """Return whether the registry requires the keyword for events of a type."""
        return self.required if isinstance(self.required, bool) else event_type in self.required

    def is_of(self, event_type: str) -> bool:
        """Return whether events of a type have the keyword; an empty type matches all."""
        return not event_type or not self.types or event_type in self.types

    @property
    def context(self) -> dict[str, str]:
        """The context for parsing the unit; see `~sunpy_helio_plugins.quantities.units`."""
        return {"name": self.name, "description": self.text, "server": "registry of solar events"}

    @property
    def description(self) -> str:
        """A description of the values."""
        holds = {"float": "number", "integer": "whole number", "string": "text", "unit": "name of a unit"}
        unit = f" in {self.fixed}" if self.fixed else f" in the unit that {self.unit} names" if self.unit else ""
        whose = f" of {', '.join(self.types)}" if self.types else ""
        text = f" {self.text}" if self.text else ""
        return f"{self.name}: {holds.get(self.kind, self.kind)}{unit}{whose}.{text}"


@lru_cache(maxsize=1)
def _shipped() -> dict[str, dict[str, Any]]:
    text = files("sunpy_helio_plugins.her").joinpath("keywords.json").read_text(encoding="utf-8")
    shipped: dict[str, dict[str, Any]] = kept_json(text)
    return shipped


@lru_cache(maxsize=1)
def event_types() -> Mapping[str, str]:
    """Return the registry's event types: two letters, and the name."""
    return MappingProxyType({code: str(name) for code, name in _shipped()["types"].items()})


@lru_cache(maxsize=1)
def suppliers() -> tuple[str, ...]:
    """Return the known condensed names of methods (``search_frm_name``); the registry may have others."""
    return tuple(_shipped()["suppliers"])


@lru_cache(maxsize=1)
def keywords() -> Mapping[str, Keyword]:
    """Return all keywords by their names in lower case."""
    return MappingProxyType({name.lower(): _keyword(name, entry) for name, entry in _shipped()["keywords"].items()})


def _keyword(name: str, entry: dict[str, Any]) -> Keyword:
    required = entry.get("required", False)
    own = {key: value for key, value in entry.items() if key != "as"} | {
        "types": tuple(entry.get("types", ())),
        "required": required if isinstance(required, bool) else tuple(required),
        "spelling": entry.get("as", ""),
        "usual": _shipped()["usual_units"].get(entry.get("unit", ""), ""),
        "others": tuple(_shipped()["other_units"].get(entry.get("unit", ""), ())),
    }
    return Keyword(name=name, **own)
