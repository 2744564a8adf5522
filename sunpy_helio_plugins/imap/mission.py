"""Whether a CDF file is one of the mission's, and of which instrument: by its name, else by its attributes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.imap.variables import load
from sunpy_helio_plugins.imap.vocabulary import INSTRUMENTS

__all__ = ["OBSERVATORY", "instrument_of", "is_of_mission"]

OBSERVATORY = "IMAP"

_MAGIC = (b"\xcd\xf3\x00\x01", b"\xcd\xf2\x60\x02", b"\x00\x00\xff\xff")
"""The first bytes of CDF files of versions 3, 2.6 and older."""

_BY_NAME = re.compile(r"imap_.*\.cdf", re.IGNORECASE)
_MISSION = re.compile(r"IMAP\b|Interstellar Mapping", re.IGNORECASE)


def is_of_mission(path: Any) -> bool:
    """Tell whether a file is a CDF file of IMAP."""
    try:
        with Path(path).open("rb") as opened:
            is_cdf = opened.read(4) in _MAGIC
    except (OSError, TypeError, ValueError):
        return False
    if not is_cdf or _BY_NAME.fullmatch(Path(path).name):
        return is_cdf
    try:
        attributes = load(path)[1]
    except FileError:
        return False
    said = (_first(attributes, key) for key in ("Source_name", "Mission_group", "Logical_source"))
    return any(_MISSION.match(text.replace("_", " ")) for text in said)


def instrument_of(name: str, attributes: Mapping[str, Any]) -> str:
    """Return the instrument in lower case as the archive calls it; an empty text where nothing names it."""
    for text in (name, _first(attributes, "Logical_file_id"), _first(attributes, "Logical_source")):
        parts = Path(text).name.lower().split("_")
        if parts[0] == "imap" and len(parts) > 1 and parts[1] in INSTRUMENTS:
            return parts[1]
    for key in ("instrument", "Descriptor", "Instrument", "Instrument_name"):
        short = re.split(r"[>\s]", _first(attributes, key).strip())[0].lower().removeprefix("imap-")
        found = re.match(r"[a-z0-9]+", short)
        if found and found[0] in INSTRUMENTS:
            return found[0]
    return ""


def _first(attributes: Mapping[str, Any], key: str) -> str:
    value = attributes.get(key, "")
    if not isinstance(value, str) and hasattr(value, "__len__") and len(value):
        value = value[0]
    return value if isinstance(value, str) else ""
