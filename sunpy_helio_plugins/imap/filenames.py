"""
File names of the IMAP Science Data Center.

``imap_<instrument>_<level>_<descriptor>_<yyyymmdd>[-repoint<n> | -cr<n>]_v<major>.<minor>.<extension>``: the
convention of imap-data-access 1.3 (``ScienceFilePath``, ``AncillaryFilePath``), with a version of three digits as the
older form.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from sunpy_helio_plugins.imap import kernels
from sunpy_helio_plugins.imap.vocabulary import EXTENSIONS, LEVELS

__all__ = ["FileName", "is_daily", "key_of", "parse", "table_of"]

_LEVELS = frozenset(LEVELS)
_LEVEL = re.compile(r"l[0-9][a-z]{0,4}")
_SPAN = re.compile(r"([0-9]{8})(?:-repoint([0-9]{5})|-cr([0-9]{5}))?")
_TAIL = re.compile(r"(v(?:([0-9]{3})\.([0-9]{4})|([0-9]{3})))\.([^./]+)")
_ANCILLARY = frozenset(EXTENSIONS["ancillary"]) - frozenset(EXTENSIONS["science"])
"""Extensions that ancillary files alone have."""

_Span = tuple[date, int | None, int | None]
_Tail = tuple[str, int | None, int, str]


class FileName(NamedTuple):
    """
    A file name, taken apart.

    Attributes
    ----------
    instrument, descriptor, version, extension : str
        As in the name; the version with its ``v``.
    level : str or None
        The data level; `None` for an ancillary file.
    start : datetime.date
        The first day of the data.
    end : datetime.date or None
        The last day, which only ancillary files name.
    repointing, rotation : int or None
        Number of the pointing, or of the Carrington rotation, that the file covers.
    major : int or None
        The major version; `None` in the older form ``v001``.
    minor : int
        The minor version.
    """

    instrument: str
    descriptor: str
    version: str
    extension: str
    level: str | None
    start: date
    end: date | None
    repointing: int | None
    rotation: int | None
    major: int | None
    minor: int


def parse(name: str) -> FileName | None:
    """
    Take a file name apart.

    Parameters
    ----------
    name : str
        A bare file name, without folders.

    Returns
    -------
    FileName or None
        `None` where the name follows neither the science nor the ancillary convention.

    Examples
    --------
    >>> parse("imap_mag_l2_norm-gse_20260110_v001.0002.cdf").descriptor
    'norm-gse'
    >>> parse("mag.cdf") is None
    True
    """
    parts = name.split("_")
    # Ten thousand names share few days and versions: each of those is read once.
    tail = _tail(parts[-1])
    if tail is None or parts[0] != "imap" or "" in parts or "/" in name or not 5 <= len(parts) <= 6:
        return None
    science = _science(parts, tail)
    if science is not None and science.level in _LEVELS and tail[3] not in _ANCILLARY:
        return science
    # Six parts can be both, where a descriptor is called like a level.
    return _ancillary(parts, tail) or science


def _science(parts: list[str], tail: _Tail) -> FileName | None:
    _, instrument, level, descriptor, *spans, _ = parts
    span = _span(spans[0]) if spans else None
    if span is None or not (level in _LEVELS or _LEVEL.fullmatch(level)):
        return None
    version, major, minor, extension = tail
    start, repointing, rotation = span
    return FileName(
        instrument, descriptor, version, extension, level, start, None, repointing, rotation, major, minor
    )  # fmt: skip


def _ancillary(parts: list[str], tail: _Tail) -> FileName | None:
    _, instrument, descriptor, first, *rest = parts[:-1]
    span, last = _span(first), _span(rest[0]) if rest else None
    if span is None or (rest and (last is None or len(rest[0]) != 8 or len(first) != 8)):
        return None
    version, major, minor, extension = tail
    start, repointing, rotation = span
    if rotation is not None:
        return None
    end = None if last is None else last[0]
    return FileName(instrument, descriptor, version, extension, None, start, end, repointing, None, major, minor)


@lru_cache(maxsize=4096)
def _span(text: str) -> _Span | None:
    """Read a day, perhaps with a pointing or a rotation; eight digits may also be no day of the calendar."""
    found = _SPAN.fullmatch(text)
    if found is None:
        return None
    day, repointing, rotation = found.groups()
    try:
        start = date(int(day[:4]), int(day[4:6]), int(day[6:]))
    except ValueError:
        return None
    return start, _number(repointing), _number(rotation)


@lru_cache(maxsize=4096)
def _tail(text: str) -> _Tail | None:
    """Read a version and an extension."""
    found = _TAIL.fullmatch(text)
    if found is None or found[5].lower() in kernels.EXTENSIONS:
        return None
    version, major, minor, alone, extension = found.groups()
    return version, _number(major), int(minor or alone), extension


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def table_of(name: str) -> str | None:
    """
    Return the service's table that a file belongs to.

    Parameters
    ----------
    name : str
        A bare file name.

    Returns
    -------
    str or None
        ``"science"``, ``"quicklook"``, ``"ancillary"`` or ``"spice"``; `None` where the name follows no convention.
    """
    found = parse(name)
    if found is None:
        return "spice" if kernels.type_of(name) else None
    if found.level is None:
        return "ancillary"
    return "quicklook" if found.extension in EXTENSIONS["quicklook"] else "science"


def key_of(name: str) -> str | None:
    """
    Return the full path that the SDC gives a file: its key in the storage and its place below ``IMAP_DATA_DIR``.

    Parameters
    ----------
    name : str
        A bare file name.

    Returns
    -------
    str or None
        Such as ``"imap/mag/l2/2026/01/imap_mag_l2_norm-gse_20260110_v001.0002.cdf"``; `None` where the name follows no
        convention.
    """
    found, table = parse(name), table_of(name)
    if table == "spice":
        return f"imap/spice/{kernels.folder_of(name)}/{name}"
    if found is None:
        return None
    if table == "ancillary":
        return f"imap/ancillary/{found.instrument}/{name}"
    above = "imap/quicklook" if table == "quicklook" else "imap"
    # strftime does not write years before 1000 with four digits everywhere.
    return f"{above}/{found.instrument}/{found.level}/{found.start.year:04}/{found.start.month:02}/{name}"


def is_daily(name: str) -> bool:
    """
    Tell whether a file is one of I-ALiRT's daily ones, whose versions have one number.

    Parameters
    ----------
    name : str
        A bare file name.
    """
    found = parse(name)
    if found is None or found.major is not None:
        return False
    return (found.instrument, found.level, found.descriptor, found.extension) == ("ialirt", "l1", "realtime", "cdf")
