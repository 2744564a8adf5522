"""The spacecraft and the instrument that the metadata of records name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["observer_of", "observer_text", "register_observer"]

Reader = Callable[[Mapping[str, Any]], tuple[str, str]]

_READERS: dict[str, Reader] = {}
"""Functions of the archives, by the key of the metadata that they read."""


def register_observer(key: str, reader: Reader) -> None:
    """Read the spacecraft and the instrument from a member of the metadata of an archive."""
    _READERS[key] = reader


def observer_of(meta: Mapping[str, Any]) -> tuple[str, str]:
    """Return the spacecraft and the instrument of records; empty if they are not known."""
    for key, reader in _READERS.items():
        if isinstance(said := meta.get(key), Mapping):
            return reader(said)
    return _first(meta, "telescop", "Source_name"), _first(meta, "instrume", "Descriptor")


def observer_text(meta: Mapping[str, Any]) -> str:
    """Return the spacecraft and the instrument of records as one text."""
    return " ".join(filter(None, observer_of(meta)))


def _first(meta: Mapping[str, Any], *keys: str) -> str:
    """Return the first text; ISTP has a short and a long name, "IMAP>Interstellar Mapping and Acceleration Probe"."""
    texts = (meta.get(key) for key in keys)
    return next((text.partition(">")[0].strip() for text in texts if isinstance(text, str) and text.strip()), "")
