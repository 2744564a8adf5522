"""
Names of SPICE kernels and of the files that the SDC keeps beside them.

Kernels come from several makers, each with a convention of its own; the forms are those that the SDC's archive accepts
(``SPICEFilePath`` of imap-data-access 1.3). Case does not matter, except in the metakernels of the SDC itself.
"""

from __future__ import annotations

import re
from datetime import datetime

from sunpy_helio_plugins.imap.vocabulary import KERNEL_FOLDERS

__all__ = ["folder_of", "type_of"]

_DOY = r"\d{4}_\d{3}"
_SPAN = rf"(?P<doy1>{_DOY})_(?P<doy2>{_DOY})"

_FORMS: tuple[tuple[re.Pattern[str], str | None], ...] = tuple(
    (re.compile(pattern, flags), kind)
    for pattern, kind, flags in (
        (rf"imap_{_SPAN}_\d+\.ah.bc", "attitude_history", re.I),
        (rf"imap_{_SPAN}_\d+\.ap.bc", "attitude_predict", re.I),
        (rf"imap_{_SPAN}_\d+\.spin(?:.csv)?", "spin", re.I),
        (rf"imap_dps_{_SPAN}_\d+\.ah\.bc", "pointing_attitude", re.I),
        (rf"imap_lopivot-repoint\d{{5}}_{_SPAN}_\d+\.bc\Z", "lo_pivot_attitude", re.I),
        (rf"imap_(?P<doy2>{_DOY})_\d+\.repoint(?:.csv)?", "repoint", re.I),
        (r"imap_(?P<word>[a-z0-9-]+)_(?:od\d{3}_)?(?P<day1>\d{8})_(?P<day2>\d{8})(?:_v\d*)?\.bsp", None, re.I),
        (r"(?P<word>L1_de|[a-z_-]+)\d+\.(?:tls|tpc|bsp|tsc)", None, re.I),
        (r"imap_\d+\.tf", "imap_frames", re.I),
        (rf"imap_{_SPAN}_[a-z0-9_-]+_\d{{2}}\.sff", "thruster", re.I),
        (r"imap_sdc_metakernel_\d{4}_v\d{3}\.tm", "metakernel", re.NOFLAG),
        (rf"imap_(?P<doy1>{_DOY})_(?:a\d{{2}}\.spice|e\d{{2}})\.mk", "metakernel", re.I),
        (r"imap_science_\d+\.tf", "science_frames", re.I),
        (r"earth_(?P<short1>\d{6})_(?P<short2>\d{6})_(?P<short3>\d{6})\.bpc", "earth_attitude", re.I),
    )
)

_WORDS = {
    "recon": "ephemeris_reconstructed", "nom": "ephemeris_nominal", "pred": "ephemeris_predicted",
    "90days": "ephemeris_90days", "long": "ephemeris_long", "launch": "ephemeris_launch", "de": "planetary_ephemeris",
    "pck": "planetary_constants", "naif": "leapseconds", "imap_sclk_": "spacecraft_clock", "L1_de": "lagrange_point",
}  # fmt: skip
"""What the word in a name stands for."""

_DATES = {"doy": "%Y_%j", "day": "%Y%m%d", "short": "%y%m%d"}


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
    >>> type_of("imap_recon_20250930_20251105_v02.bsp")
    'ephemeris_reconstructed'
    >>> type_of("naif0012.tls")
    'leapseconds'
    """
    for pattern, kind in _FORMS:
        found = pattern.fullmatch(name)
        if found is not None:
            parts = found.groupdict()
            meant = kind or _WORDS.get(parts.pop("word"))
            return meant if all(_is_date(form, text) for form, text in parts.items() if text) else None
    return None


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
    if form == "word":
        return True
    try:
        datetime.strptime(text, _DATES[form[:-1]])
    except ValueError:
        return False
    return True
