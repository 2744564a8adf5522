"""Parsing of the names of science files, ancillary files and SPICE kernels."""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

from sunpy_helio_plugins.imap.mission import EXTENSIONS, KERNEL_FOLDERS, LEVELS

__all__ = [
    "KERNEL_EXTENSIONS",
    "KernelName",
    "ParsedFileName",
    "folder_of",
    "is_daily",
    "key_of",
    "parse",
    "parse_kernel",
    "table_of",
    "type_of",
]

KERNEL_EXTENSIONS = frozenset({"bc", "bpc", "bsp", "mk", "sff", "tf", "tls", "tm", "tpc", "tsc"})
"""Extensions of kernels, and of files that are stored with them."""

_DOY = r"\d{4}_\d{3}"

_KERNEL_SPAN = rf"(?P<doy1>{_DOY})_(?P<doy2>{_DOY})"

_KERNEL_VERSION = r"(?P<version>\d+)"

_FORMS: tuple[tuple[re.Pattern[str], str | None], ...] = tuple(
    (re.compile(pattern, re.ASCII), kind)
    for pattern, kind in (
        (rf"(?i:imap)_{_KERNEL_SPAN}_{_KERNEL_VERSION}\.ah\.bc", "attitude_history"),
        (rf"(?i:imap)_{_KERNEL_SPAN}_{_KERNEL_VERSION}\.ap\.bc", "attitude_predict"),
        (rf"(?i:imap)_{_KERNEL_SPAN}_{_KERNEL_VERSION}\.spin(?:\.csv)?", "spin"),
        (rf"imap_dps_{_KERNEL_SPAN}_{_KERNEL_VERSION}\.(?i:ah\.bc)", "pointing_attitude"),
        (rf"imap_lopivot-(?i:repoint)\d{{5}}_{_KERNEL_SPAN}_{_KERNEL_VERSION}\.(?i:bc)", "lo_pivot_attitude"),
        (rf"(?i:imap)_(?P<doy2>{_DOY})_{_KERNEL_VERSION}\.repoint(?:\.csv)?", "repoint"),
        (
            r"(?i:imap)_(?P<word>[A-Za-z0-9-]+)_(?i:od\d{3}_)?(?P<day1>\d{8})_(?P<day2>\d{8})"
            r"(?:_(?i:v)(?P<version>\d*))?\.(?i:bsp)",
            None,
        ),
        (rf"(?P<word>L1_de|[A-Za-z_-]+){_KERNEL_VERSION}\.(?i:tls|tpc|bsp|tsc)", None),
        (rf"(?i:imap)_{_KERNEL_VERSION}\.tf", "imap_frames"),
        (rf"(?i:imap)_{_KERNEL_SPAN}_[A-Za-z0-9_-]+_(?P<version>\d{{2}})\.sff", "thruster"),
        (r"imap_sdc_metakernel_(?P<year>\d{4})_v(?P<version>\d{3})\.tm", "metakernel"),
        (rf"(?i:imap)_(?P<doy1>{_DOY})_(?i:a)(?P<version>\d{{2}})\.(?i:spice)\.mk", "metakernel"),
        (rf"(?i:imap)_(?P<doy1>{_DOY})_(?i:e)(?P<version>\d{{2}})\.mk", "metakernel"),
        (rf"imap_science_{_KERNEL_VERSION}\.(?i:tf)", "science_frames"),
        (r"(?i:earth)_(?P<short1>\d{6})_(?P<short2>\d{6})_(?P<short3>\d{6})\.bpc", "earth_attitude"),
    )
)

_WORDS = {
    "recon": "ephemeris_reconstructed", "nom": "ephemeris_nominal", "pred": "ephemeris_predicted",
    "90days": "ephemeris_90days", "long": "ephemeris_long", "launch": "ephemeris_launch", "de": "planetary_ephemeris",
    "pck": "planetary_constants", "naif": "leapseconds", "imap_sclk_": "spacecraft_clock", "L1_de": "lagrange_point",
    # The SDC accepts any of its types at this position; these are only meaningful in other forms.
    "spin": "spin", "repoint": "repoint", "imap_dps": "pointing_attitude", "imap_lopivot": "lo_pivot_attitude",
    "tf": "imap_frames", "imap_science": "science_frames", "mk": "metakernel", "tm": "metakernel", "sff": "thruster",
    "bpc": "earth_attitude",
}  # fmt: skip
"""The meaning of the type in a file name."""

_DATES = {"doy": "%Y_%j", "day": "%Y%m%d", "short": "%y%m%d", "year": "%Y"}


class KernelName(NamedTuple):
    """
    The parts of the name of a kernel.

    Attributes
    ----------
    kind : str
        One of `~sunpy_helio_plugins.imap.mission.KERNELS`.
    version : int or None
        The version; `None` if the name does not contain one.
    root : str
        The name without the version, which is the same for all versions of a file.
    """

    kind: str
    version: int | None
    root: str


@lru_cache(maxsize=4096)
def parse_kernel(name: str) -> KernelName | None:
    """
    Parse the name of a kernel; return `None` if it does not follow a convention, or contains an invalid date.

    Examples
    --------
    >>> parse_kernel("imap_recon_20250930_20251105_v02.bsp")
    KernelName(kind='ephemeris_reconstructed', version=2, root='imap_recon_20250930_20251105_v.bsp')
    """
    for pattern, kind in _FORMS:
        found = pattern.fullmatch(name)
        if found is not None:
            meant = kind or _WORDS.get(found["word"])
            dates = [(group.rstrip("123"), text) for group, text in found.groupdict().items()]
            if meant is None or not all(_is_date(_DATES[form], text) for form, text in dates if form in _DATES):
                return None
            version = found.groupdict().get("version") or ""
            begin, end = found.span("version") if version else (0, 0)
            return KernelName(meant, int(version) if version else None, name[:begin] + name[end:])
    return None


def type_of(name: str) -> str | None:
    """
    Return the type of a kernel, or `None` if its name is not valid.

    Examples
    --------
    >>> type_of("naif0012.tls")
    'leapseconds'
    """
    found = parse_kernel(name)
    return None if found is None else found.kind


def folder_of(name: str) -> str | None:
    """Return the folder of a kernel below ``imap/spice``, or `None` if its name is not valid."""
    kind = type_of(name)
    return None if kind is None else KERNEL_FOLDERS[kind]


def _is_date(form: str, text: str) -> bool:
    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    return True


_LEVELS = frozenset(LEVELS)

_LEVEL = re.compile(r"l[0-9][a-z]{0,4}")

_SPAN = re.compile(r"([0-9]{8})(?:-repoint([0-9]{5})|-cr([0-9]{5}))?")

_TAIL = re.compile(r"(v(?:([0-9]{3})\.([0-9]{4})|([0-9]{3})))\.([^./]+)")

_ANCILLARY = frozenset(EXTENSIONS["ancillary"]) - frozenset(EXTENSIONS["science"])
"""Extensions of ancillary files only."""

_Span = tuple[date, int | None, int | None]

_Tail = tuple[str, int | None, int, str]


class ParsedFileName(NamedTuple):
    """
    The parts of a file name.

    Attributes
    ----------
    instrument, descriptor, version, extension : str
        As in the name; the version includes ``v``.
    level : str or None
        The data level; `None` for an ancillary file.
    start : datetime.date
        The first day of the data.
    end : datetime.date or None
        The last day, only for ancillary files.
    repointing, rotation : int or None
        The number of the pointing, or of the Carrington rotation, that the file covers.
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


def parse(name: str) -> ParsedFileName | None:
    """
    Parse a file name; return `None` if it does not follow the science or the ancillary convention.

    Examples
    --------
    >>> parse("imap_mag_l2_norm-gse_20260110_v001.0002.cdf").descriptor
    'norm-gse'
    >>> parse("mag.cdf") is None
    True
    """
    parts = name.split("_")
    # Ten thousand names have few different days and versions: each of them is parsed once.
    tail = _tail(parts[-1])
    if tail is None or parts[0] != "imap" or "" in parts or "/" in name or not 5 <= len(parts) <= 6:
        return None
    science = _science(parts, tail)
    if science is not None and science.level in _LEVELS and tail[3] not in _ANCILLARY:
        return science
    # Six parts are ambiguous if a descriptor is equal to a level.
    return _ancillary(parts, tail) or science


def _science(parts: list[str], tail: _Tail) -> ParsedFileName | None:
    _, instrument, level, descriptor, *spans, _ = parts
    span = _span(spans[0]) if spans else None
    if span is None or not (level in _LEVELS or _LEVEL.fullmatch(level)):
        return None
    version, major, minor, extension = tail
    start, repointing, rotation = span
    return ParsedFileName(
        instrument, descriptor, version, extension, level, start, None, repointing, rotation, major, minor
    )  # fmt: skip


def _ancillary(parts: list[str], tail: _Tail) -> ParsedFileName | None:
    _, instrument, descriptor, first, *rest = parts[:-1]
    span, last = _span(first), _span(rest[0]) if rest else None
    if span is None or (rest and (last is None or len(rest[0]) != 8 or len(first) != 8)):
        return None
    version, major, minor, extension = tail
    start, repointing, rotation = span
    if rotation is not None:
        return None
    end = None if last is None else last[0]
    return ParsedFileName(instrument, descriptor, version, extension, None, start, end, repointing, None, major, minor)


@lru_cache(maxsize=4096)
def _span(text: str) -> _Span | None:
    """Parse a day, with an optional pointing or rotation; eight digits may also be an invalid date."""
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
    """Parse a version and an extension."""
    found = _TAIL.fullmatch(text)
    if found is None or found[5].lower() in KERNEL_EXTENSIONS:
        return None
    version, major, minor, alone, extension = found.groups()
    return version, _number(major), int(minor or alone), extension


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def table_of(name: str) -> str | None:
    """Return the service's table of a file, or `None` if its name does not follow a convention."""
    found = parse(name)
    if found is None:
        return "spice" if type_of(name) else None
    if found.level is None:
        return "release" if found.extension == "txt" else "ancillary"
    return "quicklook" if found.extension in EXTENSIONS["quicklook"] else "science"


def key_of(name: str) -> str | None:
    """Return the path of a file in the archive, or `None`: its key in the storage and its path in ``IMAP_DATA_DIR``."""
    found, table = parse(name), table_of(name)
    if table == "spice":
        return f"imap/spice/{folder_of(name)}/{name}"
    if found is None:
        return None
    if table in ("ancillary", "release"):
        return f"imap/{table}/{found.instrument}/{name}"
    above = "imap/quicklook" if table == "quicklook" else "imap"
    # strftime does not write years before 1000 with four digits on all platforms.
    return f"{above}/{found.instrument}/{found.level}/{found.start.year:04}/{found.start.month:02}/{name}"


def is_daily(name: str) -> bool:
    """Return whether a file is one of I-ALiRT's daily files, whose versions are a single number."""
    found = parse(name)
    if found is None or found.major is not None:
        return False
    return (found.instrument, found.level, found.descriptor, found.extension) == ("ialirt", "l1", "realtime", "cdf")
