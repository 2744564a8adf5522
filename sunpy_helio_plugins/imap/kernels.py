"""
Names of SPICE kernels and of the files that the SDC keeps beside them.

Kernels come from several makers, each with a convention of its own; the forms are those that the SDC's archive accepts
(``SPICEFilePath`` of imap-data-access 1.3). Case does not matter in the SDC's pattern, but it does in the word that
tells the type, and in the metakernels of the SDC itself.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from sunpy_helio_plugins.imap.vocabulary import KERNEL_FOLDERS

__all__ = ["EXTENSIONS", "KernelName", "folder_of", "parse", "type_of"]

EXTENSIONS = frozenset({"bc", "bpc", "bsp", "mk", "sff", "tf", "tls", "tm", "tpc", "tsc"})
"""Extensions that kernels alone have, and the files beside them."""

_DOY = r"\d{4}_\d{3}"
_SPAN = rf"(?P<doy1>{_DOY})_(?P<doy2>{_DOY})"
_VERSION = r"(?P<version>\d+)"

_FORMS: tuple[tuple[re.Pattern[str], str | None], ...] = tuple(
    (re.compile(pattern, re.ASCII), kind)
    for pattern, kind in (
        (rf"(?i:imap)_{_SPAN}_{_VERSION}\.ah\.bc", "attitude_history"),
        (rf"(?i:imap)_{_SPAN}_{_VERSION}\.ap\.bc", "attitude_predict"),
        (rf"(?i:imap)_{_SPAN}_{_VERSION}\.spin(?:\.csv)?", "spin"),
        (rf"imap_dps_{_SPAN}_{_VERSION}\.(?i:ah\.bc)", "pointing_attitude"),
        (rf"imap_lopivot-(?i:repoint)\d{{5}}_{_SPAN}_{_VERSION}\.(?i:bc)", "lo_pivot_attitude"),
        (rf"(?i:imap)_(?P<doy2>{_DOY})_{_VERSION}\.repoint(?:\.csv)?", "repoint"),
        (
            r"(?i:imap)_(?P<word>[A-Za-z0-9-]+)_(?i:od\d{3}_)?(?P<day1>\d{8})_(?P<day2>\d{8})"
            r"(?:_(?i:v)(?P<version>\d*))?\.(?i:bsp)",
            None,
        ),
        (rf"(?P<word>L1_de|[A-Za-z_-]+){_VERSION}\.(?i:tls|tpc|bsp|tsc)", None),
        (rf"(?i:imap)_{_VERSION}\.tf", "imap_frames"),
        (rf"(?i:imap)_{_SPAN}_[A-Za-z0-9_-]+_(?P<version>\d{{2}})\.sff", "thruster"),
        (r"imap_sdc_metakernel_(?P<year>\d{4})_v(?P<version>\d{3})\.tm", "metakernel"),
        (rf"(?i:imap)_(?P<doy1>{_DOY})_(?i:a)(?P<version>\d{{2}})\.(?i:spice)\.mk", "metakernel"),
        (rf"(?i:imap)_(?P<doy1>{_DOY})_(?i:e)(?P<version>\d{{2}})\.mk", "metakernel"),
        (rf"imap_science_{_VERSION}\.(?i:tf)", "science_frames"),
        (r"(?i:earth)_(?P<short1>\d{6})_(?P<short2>\d{6})_(?P<short3>\d{6})\.bpc", "earth_attitude"),
    )
)

_WORDS = {
    "recon": "ephemeris_reconstructed", "nom": "ephemeris_nominal", "pred": "ephemeris_predicted",
    "90days": "ephemeris_90days", "long": "ephemeris_long", "launch": "ephemeris_launch", "de": "planetary_ephemeris",
    "pck": "planetary_constants", "naif": "leapseconds", "imap_sclk_": "spacecraft_clock", "L1_de": "lagrange_point",
    # The SDC takes any of its words for a type at this place; these make sense in other forms only.
    "spin": "spin", "repoint": "repoint", "imap_dps": "pointing_attitude", "imap_lopivot": "lo_pivot_attitude",
    "tf": "imap_frames", "imap_science": "science_frames", "mk": "metakernel", "tm": "metakernel", "sff": "thruster",
    "bpc": "earth_attitude",
}  # fmt: skip
"""What the word in a name stands for."""

_DATES = {"doy": "%Y_%j", "day": "%Y%m%d", "short": "%y%m%d", "year": "%Y"}


class KernelName(NamedTuple):
    """
    The name of a kernel, taken apart.

    Attributes
    ----------
    kind : str
        One of `~sunpy_helio_plugins.imap.vocabulary.KERNELS`.
    version : int or None
        The version; some kernels have none in their names.
    root : str
        The name without its version: files that share it are versions of one another.
    """

    kind: str
    version: int | None
    root: str


@lru_cache(maxsize=4096)
def parse(name: str) -> KernelName | None:
    """
    Take the name of a kernel apart.

    Parameters
    ----------
    name : str
        A bare file name.

    Returns
    -------
    KernelName or None
        `None` where the name follows no convention, or holds a date that is none.

    Examples
    --------
    >>> parse("imap_recon_20250930_20251105_v02.bsp")
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
    Return the type of a kernel.

    Parameters
    ----------
    name : str
        A bare file name.

    Returns
    -------
    str or None
        One of `~sunpy_helio_plugins.imap.vocabulary.KERNELS`; `None` where the name follows no convention, or holds a
        date that is none.

    Examples
    --------
    >>> type_of("naif0012.tls")
    'leapseconds'
    """
    found = parse(name)
    return None if found is None else found.kind


def folder_of(name: str) -> str | None:
    """
    Return the folder of a kernel below ``imap/spice``.

    Parameters
    ----------
    name : str
        A bare file name.
    """
    kind = type_of(name)
    return None if kind is None else KERNEL_FOLDERS[kind]


def _is_date(form: str, text: str) -> bool:
    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    return True
