"""The spacecraft and the instrument of a dataset, from its id and its descriptions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sunpy_helio_plugins.hapi.discovery.vocabulary import tokens, vocabulary
from sunpy_helio_plugins.hapi.model import Info

__all__ = ["instrument_of", "names_of", "observatory_of"]

_PARTS = re.compile(r"[_\-/:@. ]+")


def observatory_of(header: Mapping[str, Any]) -> str:
    """Return the spacecraft that the header of records names; several are joined, and unknown ones are empty."""
    dataset = _dataset(header)
    if not dataset and not header.get("description"):
        return ""
    texts = [str(header[key]) for key in ("title", "description") if isinstance(header.get(key), str)]
    found = sorted(vocabulary().observed_by(dataset, *texts))
    if len(found) == 1 and (number := _number(found[0], dataset)):
        return f"{found[0]}-{number}"
    return "/".join(found) if len(found) <= 2 else ""


def instrument_of(header: Mapping[str, Any]) -> str:
    """Return the part of the id of a dataset that is the code of an instrument; empty if there is none."""
    codes = {code for term in vocabulary().instruments.values() for code in term.codes}
    parts = _PARTS.split(_dataset(header))[1:]
    return next((part.upper() for part in parts if codes.intersection(tokens(part))), "")


def names_of(header: Mapping[str, Any]) -> tuple[str, str]:
    """Return the spacecraft and the instrument; empty if they are not known."""
    return observatory_of(header), instrument_of(header)


def _dataset(header: Mapping[str, Any]) -> str:
    return Info(header).origin.get("dataset", "")


def _number(name: str, dataset: str) -> str:
    """Return the number of one of several spacecraft of a name, such as MMS1 or GOES16."""
    found = re.match(rf"{re.escape(name)}-?(\d+)(?![A-Z0-9])", dataset, re.IGNORECASE)
    return found[1] if found else ""
