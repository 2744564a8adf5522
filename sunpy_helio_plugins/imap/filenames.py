"""
File names of the IMAP Science Data Center.

``imap_<instrument>_<level>_<descriptor>_<yyyymmdd>[-repoint<n> | -cr<n>]_v<major>.<minor>.<extension>``: the
convention of imap-data-access 1.3 (``ScienceFilePath``, ``AncillaryFilePath``), with a version of three digits as the
older form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

__all__ = ["FileName", "parse"]

_VERSION = r"v(?:(?P<major>\d{3})\.(?P<minor>\d{4})|(?P<alone>\d{3}))"
_SCIENCE = re.compile(
    r"imap_(?P<instrument>[^_/]+)_(?P<level>l\d[^_/]*)_(?P<descriptor>[^_/]+)_(?P<start>\d{8})"
    rf"(?:-repoint(?P<repointing>\d{{5}})|-cr(?P<rotation>\d{{5}}))?_(?P<version>{_VERSION})\.(?P<extension>[^./]+)"
)
_ANCILLARY = re.compile(
    r"imap_(?P<instrument>[^_/]+)_(?P<descriptor>[^_/]+)_(?P<start>\d{8})"
    rf"(?:_(?P<end>\d{{8}})|-repoint(?P<repointing>\d{{5}}))?_(?P<version>{_VERSION})\.(?P<extension>[^./]+)"
)


@dataclass(frozen=True)
class FileName:
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
    found = _SCIENCE.fullmatch(name) or _ANCILLARY.fullmatch(name)
    parts = found.groupdict() if found else {}
    start, end = _day(parts.get("start")), _day(parts.get("end"))
    if start is None or (parts.get("end") and end is None):
        return None
    return FileName(
        instrument=parts["instrument"],
        descriptor=parts["descriptor"],
        version=parts["version"],
        extension=parts["extension"],
        level=parts.get("level"),
        start=start,
        end=end,
        repointing=_number(parts.get("repointing")),
        rotation=_number(parts.get("rotation")),
        major=_number(parts["major"]),
        minor=int(parts["minor"] or parts["alone"]),
    )


def _day(text: str | None) -> date | None:
    """Return a day of the calendar; eight digits may also be none."""
    try:
        return datetime.strptime(text, "%Y%m%d").date() if text else None
    except ValueError:
        return None


def _number(text: str | None) -> int | None:
    return int(text) if text else None
