"""The copies of an image on mirrors, which are verified against its row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
from astropy.table import Table

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.helioviewer.jp2 import header
from sunpy_helio_plugins.helioviewer.servers.addresses import action_url, mirrors
from sunpy_helio_plugins.quantities import datetimes, times
from sunpy_helio_plugins.transport.files.prefix import PrefixDownload

__all__ = ["copies_of"]

APART = np.timedelta64(1500, "ms")
"""Maximum difference of the times of a row and of a header; names may be rounded to seconds."""

_DATES = (("DATE-OBS", "TIME-OBS"), ("DATE_OBS", "TIME_OBS"), ("T_OBS", ""), ("DATE_BEG", ""))


def copies_of(download: PrefixDownload, rows: Table, number: int) -> list[PrefixDownload]:
    """
    Return downloads of the image of a row from mirrors.

    The API of a mirror returns the image nearest to a time. It is accepted if its header has the time and the
    instrument of the row, and is reduced as that of the main server.
    """
    row = rows[number]
    wish = urlencode({"date": f"{times.iso(row['Start Time'], 3)[:23]}Z", "sourceId": str(int(row["Source ID"]))})
    found = []
    for server in mirrors():
        url = f"{action_url(server, 'getJP2Image')}?{wish}"
        accept = partial(_accept, download, server.name, _told(row))
        found.append(replace(download, url=url, first=None, accept=accept, copies=tuple))
    return found


def _told(row: Any) -> tuple[np.datetime64, str, float | None]:
    wave = row["Wavelength"]
    is_masked = bool(np.any(getattr(wave, "mask", False))) or not np.isfinite(wave.value)
    start: np.datetime64 = datetimes.to_datetime64(row["Start Time"])[()]  # type: ignore[assignment]
    return start.astype("M8[ms]"), str(row["Instrument"]), None if is_masked else float(wave.value)


def _accept(download: PrefixDownload, server: str, told: tuple[np.datetime64, str, float | None], part: Path) -> None:
    """Accept a complete file as the image of a row, and let the download reduce it as that of the main server."""
    try:
        own = {key.upper(): value for key, value in header.file_header(part).items()}
    except FileError:
        own = None
    if own is not None:
        _verify(own, server, *told)
    download.accept(part)


def _verify(own: dict[str, Any], server: str, start: np.datetime64, instrument: str, wave: float | None) -> None:
    found = list(_instants(own))
    if not any(abs(one - start) <= APART for one in found):
        shown = f"is of {found[0]}" if found else "does not state its time"
        raise FileError(f"The mirror {server} does not have this image: the one that it returned {shown}.")
    names = " ".join(str(own.get(key, "")) for key in ("INSTRUME", "HV_INSTRUMENT", "CAMERA", "TELESCOP"))
    is_other_wave = wave is not None and isinstance(own.get("WAVELNTH"), int | float) and own["WAVELNTH"] != wave
    if instrument.partition("+")[0].upper() not in names.upper() or is_other_wave:
        shown = f"{own.get('INSTRUME', 'an unknown instrument')} {own.get('WAVELNTH', '')}".strip()
        raise FileError(f"The mirror {server} does not have this image: the one that it returned is of {shown}.")


def _instants(own: dict[str, Any]) -> Iterator[np.datetime64]:
    """Yield the times that a header states."""
    for date, clock in _DATES:
        text = own.get(date)
        if not isinstance(text, str):
            continue
        if "T" not in text and isinstance(own.get(clock), str):
            text = f"{text}T{own[clock]}"
        try:
            yield np.datetime64(text.replace("/", "-").rstrip("Z"), "ms")
        except ValueError:
            continue
