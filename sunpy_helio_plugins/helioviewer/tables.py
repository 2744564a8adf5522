"""Tables of images and of sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import astropy.units as u
import numpy as np
from astropy.table import Column, MaskedColumn, QTable
from astropy.time import Time
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import unchecked
from sunpy_helio_plugins.fido.fields import common_columns
from sunpy_helio_plugins.fido.partial import Partial
from sunpy_helio_plugins.fido.table import ArchiveTable
from sunpy_helio_plugins.helioviewer import source_table
from sunpy_helio_plugins.helioviewer.jp2.header import Header
from sunpy_helio_plugins.helioviewer.query import PROVIDER
from sunpy_helio_plugins.helioviewer.source_table import Source
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.fills import masked

__all__ = [
    "COLUMNS",
    "HelioviewerTable",
    "addresses",
    "columns_of_headers",
    "images_table",
    "nearest_table",
    "sources_table",
]

_common_columns = unchecked(common_columns)
_from_datetime64 = unchecked(times.from_datetime64)
_masked = unchecked(masked)

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
"""Columns of a header search: their keywords, and their unit."""

_TEXTS = frozenset({"DATE-OBS", "T_OBS", "T_REC", "TELESCOP", "FILENAME"})

_WHOLE = frozenset({"QUALITY", "FSN"})


def columns_of_headers(headers: Sequence[Header | str]) -> dict[str, Any]:
    """Return headers as columns, masked if a header does not contain a keyword."""
    known = [{key.upper(): value for key, value in one.items()} if isinstance(one, dict) else {} for one in headers]
    made = {}
    for name, (keys, unit) in COLUMNS.items():
        values = [next((one[key] for key in keys if key in one), None) for one in known]
        if name == "DATE-OBS":
            values = [_whole_date(one, value) for one, value in zip(known, values, strict=True)]
        made[name] = _header_column(name, values, unit)
    return made


def _whole_date(one: Header, value: Any) -> Any:
    """Return date and time: LASCO stores the time of the day in a separate keyword."""
    clock = one.get("TIME_OBS", one.get("TIME-OBS"))
    if isinstance(value, str) and "T" not in value and isinstance(clock, str):
        return f"{value.replace('/', '-')}T{clock}"
    return value


def _header_column(name: str, values: Sequence[Any], unit: u.UnitBase | None) -> Any:
    if name in _TEXTS:
        gone = [value is None for value in values]
        return MaskedColumn(["" if value is None else str(value) for value in values], mask=gone, dtype=str)
    gone = [not isinstance(value, int | float) for value in values]
    if name in _WHOLE:
        counts = [0 if missing else value for missing, value in zip(gone, values, strict=True)]
        return MaskedColumn(np.array(counts).astype(np.int64), mask=gone)
    numbers = np.array([np.nan if missing else value for missing, value in zip(gone, values, strict=True)], dtype=float)
    # A masked column, unlike a masked quantity, cannot be divided by exposures.
    return masked(numbers << (unit or u.dimensionless_unscaled), np.array(gone, dtype=bool))


MOST_SHOWN = 1000

SHOWN = 100


class HelioviewerTable(ArchiveTable):
    """
    Images of Helioviewer.

    ``Start Time`` and ``End Time`` are both the time in the file's name, which is the start of the exposure or the time
    that the instrument team assigns to the image: lists do not contain the exposure time.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> import sunpy_helio_plugins
    >>> noon = a.Time("2026-01-10 11:59", "2026-01-10 12:01")
    >>> images = Fido.search(noon, a.helioviewer.SourceID(13))["helioviewer"]
    >>> print(images["Start Time", "Instrument", "Measurement"][:2])
           Start Time       Instrument Measurement
    ----------------------- ---------- -----------
    2026-01-10 11:59:29.129        AIA         304
    2026-01-10 12:00:05.129        AIA         304
    """

    hide_keys = ["url", "Path", "Source ID", "Lister"]
    identity = ("Path",)
    lineage = ("Source ID", "Start Time")
    needed = ("Start Time", "Instrument", "url", "Path", "Source ID", "Lister")
    archive = PROVIDER

    def __str__(self) -> str:
        """Return the rows as text; only the first and the last of very many, since formatting all takes seconds."""
        most = None if len(self) <= MOST_SHOWN else SHOWN
        return "\n".join(self._display_table.pformat(max_lines=-1 if most is None else most, show_dtype=False))


def images_table(answer: Partial[Any], client: object) -> HelioviewerTable:
    """Return the table of a search result, whose rows ``client`` can download."""
    kept = answer.items
    counts = [len(one.paths) for one in kept]
    sources = [one.source for one in kept]
    instants = _joined([one.times for one in kept], "M8[us]")
    paths = _joined([one.paths for one in kept], "S1")
    urls = [addresses(one.root, one.paths) for one in kept]
    start = _time(instants)
    columns = {
        **_common_columns(
            start,
            start,
            _repeated([source.instruments[0] for source in sources], counts),
            _repeated([source.observatory for source in sources], counts),
            _repeated([PROVIDER for _ in sources], counts),
        ),
        "Detector": _text([source.detector for source in sources], counts),
        "Wavelength": _wavelength(sources, counts),
        "Measurement": _repeated([source.measurement for source in sources], counts),
        # As bytes, which astropy returns as texts: the names of a month would need 50 MB otherwise.
        "url": Column(_joined(urls, "S1")),
        "Path": Column(paths),
        "Source ID": np.repeat(np.array([source.id for source in sources], dtype=int), counts),
        "Lister": Column(_joined([one.listers for one in kept], "U1")),
    }
    if any(one.headers is not None for one in kept):
        columns |= columns_of_headers([found for one in kept for found in (one.headers or [""] * len(one.paths))])
    table = HelioviewerTable(columns, client=client, copy=False)
    table.problems, table.notes = list(answer.problems), list(answer.notes)
    return table


def nearest_table(
    answer: Partial[Any], asked: NDArray[np.datetime64], lost: NDArray[np.bool_], client: object
) -> HelioviewerTable:
    """
    Return the images nearest to times, by time and then by source.

    Each source has an image for each time; ``lost``, of the shape (sources, times), are those that are masked.
    """
    table = images_table(answer, client)[np.arange(lost.size).reshape(lost.shape).T.ravel()]
    gone = lost.T.ravel()
    wanted = np.repeat(asked, len(lost))
    apart = (np.array([one.times for one in answer.items]).T.ravel() - wanted) / np.timedelta64(1, "s")
    for name in ("Start Time", "End Time"):
        table[name][gone] = np.ma.masked
    for name in ("url", "Path", "Lister"):
        table[name] = MaskedColumn(table[name], mask=gone)
    unknown = np.isnat(wanted)
    table["Requested Time"] = times.as_column(
        times.from_datetime64(np.where(unknown, np.datetime64(0, "us"), wanted), mask=unknown),
        "Requested time", may_be_missing=True,
    )  # fmt: skip
    table["Offset"] = _masked(np.where(gone, np.nan, apart) << u.s, gone)
    return table


def _joined(parts: Sequence[NDArray[Any]], empty: str) -> NDArray[Any]:
    return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, empty), *parts])


def addresses(root: str, paths: NDArray[np.bytes_]) -> NDArray[np.bytes_]:
    """Return the URLs of files below a root; each path has a leading slash."""
    if not paths.size:
        return np.empty(0, "S1")
    table = np.ascontiguousarray(paths).view(np.uint8).reshape(paths.size, -1)
    if not _PLAIN[table].all():
        return np.array([f"{root}{quote(path)}" for path in paths.tolist()], dtype="S")
    start = np.frombuffer(root.encode(), np.uint8)
    joined = np.empty((paths.size, start.size + table.shape[1]), np.uint8)
    joined[:, : start.size] = start
    joined[:, start.size :] = table
    return joined.view(f"S{joined.shape[1]}").ravel()


_PLAIN = np.zeros(256, dtype=bool)

_PLAIN[list(b"\0/ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~")] = True


def sources_table() -> QTable:
    """Return the sources of Helioviewer; see `sunpy_helio_plugins.helioviewer.sources`."""
    known = source_table.known()
    ones = [1] * len(known)
    return QTable(
        {
            "Source ID": [source.id for source in known],
            "Nickname": [source.nickname for source in known],
            "Source": [source.observatory for source in known],
            "Instrument": [source.instruments[0] for source in known],
            "Detector": _text([source.detector for source in known], ones),
            "Measurement": [source.measurement for source in known],
            "Wavelength": _wavelength(known, ones),
            "HAPI ID": _text([source.hapi_id or "" for source in known], ones),
            # A group is searched through its members; other listers list the sources that the server does not.
            "Listed": [source.hapi_state in ("ok", "group") for source in known],
        }
    )


def _time(instants: NDArray[np.datetime64]) -> Time:
    made = _from_datetime64(instants)
    made.format = "iso"
    return made


def _repeated(values: Sequence[str], counts: Sequence[int]) -> Column:
    return Column(np.repeat(np.array(values, dtype=str), counts))


def _text(values: Sequence[str], counts: Sequence[int]) -> MaskedColumn:
    """Return a column of texts in which empty ones are masked; always of the same class, so that tables stack."""
    repeated = np.repeat(np.array(values, dtype=str), counts)
    return MaskedColumn(repeated, mask=repeated == "")


def _wavelength(sources: Sequence[Source], counts: Sequence[int]) -> u.Quantity:
    """Return wavelengths in angstroms, masked if a measurement is not a wavelength."""
    given = np.repeat(np.array([source.wavelength or np.nan for source in sources], dtype=float), counts)
    return _masked(given << u.AA, np.isnan(given))
