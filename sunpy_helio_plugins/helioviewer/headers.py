"""Headers of many images, from the first 16 kB of each file: columns of a table, without a picture."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import MaskedColumn
from astropy.utils.masked import Masked

from sunpy_helio_plugins.errors import FileError, ServiceError
from sunpy_helio_plugins.helioviewer import header, jp2
from sunpy_helio_plugins.helioviewer.translate import PROVIDER
from sunpy_helio_plugins.transport import metadata
from sunpy_helio_plugins.transport.files import prefix

__all__ = ["COLUMNS", "columns", "fetch"]

AT_ONCE = 5
"""Requests at the same time: as many as sunpy's downloads."""

COLUMNS: dict[str, tuple[tuple[str, ...], u.UnitBase | None]] = {
    "DATE-OBS": (("DATE-OBS", "DATE_OBS"), None),
    "T_OBS": (("T_OBS",), None),
    "T_REC": (("T_REC",), None),
    "EXPTIME": (("EXPTIME",), u.s),
    "QUALITY": (("QUALITY",), None),
    "FSN": (("FSN",), None),
    "DATAMIN": (("DATAMIN",), None),
    "DATAMAX": (("DATAMAX",), None),
    "DATAMEDN": (("DATAMEDN",), None),
    "DATAMEAN": (("DATAMEAN",), None),
    "DATARMS": (("DATARMS",), None),
    "CADENCE": (("CADENCE",), u.s),
    "TELESCOP": (("TELESCOP",), None),
    "FILENAME": (("FILENAME",), None),
}
"""Columns of a header search: the keywords that fill them, and their unit."""

_TEXTS = frozenset({"DATE-OBS", "T_OBS", "T_REC", "TELESCOP", "FILENAME"})
_WHOLE = frozenset({"QUALITY", "FSN"})

Header = dict[str, Any]


def fetch(urls: Sequence[str]) -> list[Header | str]:
    """
    Return the headers of files.

    Parameters
    ----------
    urls : sequence of str
        Their addresses.

    Returns
    -------
    list of dict or str
        The keywords of each, or why there are none.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(_one, urls))


def _one(url: str) -> Header | str:
    try:
        data = prefix.head(url, header.FIRST_BYTES, archive=PROVIDER)
        if data[: len(jp2.SIGNATURE)] != jp2.SIGNATURE:
            return str(jp2.classified(data, len(data)))
        span = header.missing(data)
        return header.keywords(header.text_of(data if span is None else _more(url, data, *span)))
    except (ServiceError, FileError) as error:
        return str(error)


def _more(url: str, data: bytes, start: int, end: int | None) -> bytes:
    """Return bytes that hold the header of a file whose beginning does not."""
    wish = {"Range": f"bytes={start}-{'' if end is None else end - 1}", "Accept-Encoding": "identity"}
    answer = metadata.get(url, archive=PROVIDER, headers=wish, accept=(200, 206))
    if answer.status == 200:
        return answer.content
    # What follows the picture begins with a box, as a file does behind its signature.
    return (data if start == len(data) and end is not None else jp2.SIGNATURE) + answer.content


def columns(headers: Sequence[Header | str]) -> dict[str, Any]:
    """
    Return headers as columns, masked where a header lacks a keyword.

    Parameters
    ----------
    headers : sequence of dict or str
        As from `fetch`.
    """
    known = [{key.upper(): value for key, value in one.items()} if isinstance(one, dict) else {} for one in headers]
    made = {}
    for name, (keys, unit) in COLUMNS.items():
        values = [next((one[key] for key in keys if key in one), None) for one in known]
        if name == "DATE-OBS":
            values = [_whole_date(one, value) for one, value in zip(known, values, strict=True)]
        made[name] = _column(name, values, unit)
    return made


def _whole_date(one: Header, value: Any) -> Any:
    """Return date and time: LASCO keeps the time of the day in a keyword of its own."""
    clock = one.get("TIME_OBS", one.get("TIME-OBS"))
    if isinstance(value, str) and "T" not in value and isinstance(clock, str):
        return f"{value.replace('/', '-')}T{clock}"
    return value


def _column(name: str, values: Sequence[Any], unit: u.UnitBase | None) -> Any:
    if name in _TEXTS:
        gone = [value is None for value in values]
        return MaskedColumn(["" if value is None else str(value) for value in values], mask=gone, dtype=str)
    gone = [not isinstance(value, int | float) for value in values]
    if name in _WHOLE:
        counts = [0 if missing else value for missing, value in zip(gone, values, strict=True)]
        return MaskedColumn(np.array(counts).astype(np.int64), mask=gone)
    numbers = np.array([np.nan if missing else value for missing, value in zip(gone, values, strict=True)], dtype=float)
    if not any(gone):
        return numbers if unit is None else numbers << unit
    # A masked column, unlike a masked quantity, can not be divided by exposures.
    return Masked(numbers, mask=gone) << (unit or u.dimensionless_unscaled)
