"""
File names that are safe, whatever a server says.

A name from a server, or a value that goes into a path template, is data of somebody else's: it may hold separators,
``..``, control characters, a device name of Windows, or be empty, absolute or too long.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["safe_name"]

MAX_BYTES = 240
"""Longest name that is kept, in bytes of UTF-8: file systems take 255, the rest is for the part file's suffix."""

_RESERVED = re.compile(r'[<>:"/\\|?*]')
_DEVICES = re.compile(r"(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)")


def safe_name(name: str, fallback: str = "file") -> str:
    """
    Return a name for a file that stays in its folder.

    Parameters
    ----------
    name : str
        The name as it came.
    fallback : str, optional
        What to use where nothing of ``name`` is left.

    Returns
    -------
    str
        The last component of ``name``, without control and reserved characters, leading or trailing dots and blanks,
        at most `MAX_BYTES` bytes long with its suffix kept.

    Examples
    --------
    >>> safe_name("../../etc/passwd")
    'passwd'
    >>> safe_name("..", fallback="data.bin")
    'data.bin'
    """
    last = re.split(r"[/\\]", name)[-1]
    printable = "".join(char for char in last if unicodedata.category(char) not in ("Cc", "Cf", "Cs"))
    cleaned = _RESERVED.sub("_", printable).strip(". ")
    if not cleaned:
        return fallback
    if _DEVICES.match(cleaned):
        cleaned = f"_{cleaned}"
    return _shortened(cleaned)


def _shortened(name: str) -> str:
    """Cut a name to `MAX_BYTES` bytes, keeping its suffix where that is short."""
    if len(name.encode()) <= MAX_BYTES:
        return name
    stem, dot, suffix = name.rpartition(".")
    tail = f"{dot}{suffix}" if stem and len(suffix.encode()) <= 16 else ""
    head = name.encode()[: MAX_BYTES - len(tail.encode())].decode(errors="ignore")
    return head + tail
