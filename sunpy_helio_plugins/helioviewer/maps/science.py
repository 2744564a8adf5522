"""Find the science data from which an image was made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import MaskedColumn, QTable, Row
from astropy.time import Time
from sunpy.net import attrs as a
from sunpy.net.attr import Attr, and_

from sunpy_helio_plugins.arguments import FLAG, TEXT, one_path, optional, taking
from sunpy_helio_plugins.errors import MissingDependencyError, QueryError, ServiceUnreachable, warn_incomplete
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.helioviewer.jp2 import remote_headers
from sunpy_helio_plugins.helioviewer.tables import HelioviewerTable
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.transport.files.job import Download
from sunpy_helio_plugins.transport.files.naming import safe_name
from sunpy_helio_plugins.transport.files.queue import Downloader, downloaded, enqueue
from sunpy_helio_plugins.transport.urls import is_loopback

__all__ = ["NEEDED", "ScienceRecord", "ScienceTable", "resolved", "science", "twin_of"]

_WINDOW = 30 * u.s

_AIA_SERIES = {1600: "aia.lev1_uv_24s", 1700: "aia.lev1_uv_24s", 4500: "aia.lev1_vis_1h"}

_HMI_SERIES = {"magnetogram": ("hmi.m_{}s", "magnetogram"), "continuum": ("hmi.ic_{}s", "continuum")}

_MDI_SERIES = {"magnetogram": "mdi.fd_M_96m_lev182", "continuum": "mdi.fd_Ic"}

_EUI = {("FSI", 174): "eui-fsi174-image", ("FSI", 304): "eui-fsi304-image", ("HRI", 174): "eui-hrieuv174-image",
        ("HRI", 1216): "eui-hrilya1216-image"}  # fmt: skip

_VSO = {
    "EIT": "EIT", "LASCO": "LASCO", "MDI": "MDI", "SECCHI": "SECCHI", "SWAP": "SWAP", "XRT": "XRT", "TRACE": "TRACE",
    "SXT": "SXT", "SJI": "IRIS", "GONG": "GONG", "COSMO": "K-Cor",
}  # fmt: skip

_NOTES = {
    "XRT": "the VSO cannot select filters: select by EC_FW1_ and EC_FW2_ of the files",
    "SJI": "the VSO may also list spectra and other levels",
    "GONG": "the VSO may also list other observables of the network",
}

Header = Mapping[str, Any]


@dataclass(frozen=True)
class ScienceRecord:
    """
    The location of the science-grade data of one image.

    Attributes
    ----------
    archive : str
        The archive that has them; empty if sunpy does not support any.
    series : str
        The series or product.
    key, value : str
        The keyword that selects them, and its value.
    exact : bool
        Whether they are of the same exposure; otherwise they are the nearest ones.
    query : sunpy.net.attr.Attr or None
        The query for Fido.
    note : str
        The reason why there are none, or a remark.
    """

    archive: str = ""
    series: str = ""
    key: str = ""
    value: str = ""
    exact: bool = False
    query: Attr | None = None
    note: str = ""


def twin_of(row: Any, header: Header, notify: str | None) -> ScienceRecord:
    """
    Return the science data of an image; the key ``""`` of the header is the reason why it could not be read.

    ``notify`` is the email address that is registered at JSOC.
    """
    instrument = str(row["Instrument"])
    make = _MAKERS.get(instrument, _vso if instrument in _VSO else None)
    if make is None:
        return ScienceRecord(note=f"sunpy does not support an archive of {instrument}'s data")
    return make(row, header, notify)


def _time(row: Any) -> Time:
    """Return the time of an image, which is written with milliseconds or with all of its decimals."""
    time: Time = row["Start Time"].copy()
    time.precision = max(3, len(times.iso(time, 9).rstrip("Z").partition(".")[2].rstrip("0")))
    return time


def _near(row: Any, window: u.Quantity = _WINDOW) -> list[Attr]:
    time = _time(row)
    return [a.Time(time - window, time + window, near=time)]


def _jsoc(series: str, segment: str, notify: str | None, *keys: Attr) -> Attr:
    mail = [a.jsoc.Notify(notify)] if notify else []
    return and_(a.jsoc.Series(series), *keys, a.jsoc.Segment(segment), *mail)


def _lacking(key: str, header: Header) -> ScienceRecord:
    return ScienceRecord(note=f"the header does not contain {key}. {header.get('', '')}".strip())


def _aia(row: Any, header: Header, notify: str | None) -> ScienceRecord:
    if not header.get("FSN"):
        return _lacking("FSN", header)
    wave, number, time = int(str(row["Measurement"])), int(header["FSN"]), _time(row)
    series = _AIA_SERIES.get(wave, "aia.lev1_euv_12s")
    # The time is that of the record's slot, which is one hour long in the last of these series.
    window = 1 * u.h if series.endswith("_1h") else 1 * u.min
    keys = (a.Time(time - window, time + window), a.Wavelength(wave * u.AA), a.jsoc.Keyword("FSN") == number)
    return ScienceRecord("JSOC", series, "FSN", str(number), True, _jsoc(series, "image", notify, *keys))


def _hmi(row: Any, header: Header, notify: str | None) -> ScienceRecord:
    if not header.get("T_REC"):
        return _lacking("T_REC", header)
    pattern, segment = _HMI_SERIES[str(row["Measurement"])]
    cadence = header.get("CADENCE")
    seconds = u.Quantity(cadence, u.s).value if cadence is not None else 45
    series, record = pattern.format(720 if seconds > 300 else 45), str(header["T_REC"])
    return ScienceRecord(
        "JSOC", series, "T_REC", record, True, _jsoc(series, segment, notify, a.jsoc.PrimeKey("T_REC", record))
    )


def _mdi(row: Any, header: Header, notify: str | None) -> ScienceRecord:
    if not header.get("T_REC"):
        return _vso(row, header, notify)
    series, record = _MDI_SERIES[str(row["Measurement"])], str(header["T_REC"])
    return ScienceRecord(
        "JSOC", series, "T_REC", record, True, _jsoc(series, "data", notify, a.jsoc.PrimeKey("T_REC", record))
    )


def _eui(row: Any, header: Header, notify: str | None) -> ScienceRecord:
    product = _EUI[str(row["Detector"]), int(str(row["Measurement"]))]
    told = re.search(r"solo_L2_\S+?\.fits", f"{header.get('FILENAME', '')} {header.get('HV_COMMENT', '')}")
    name = told[0] if told else str(header.get("FILENAME", ""))
    key, value = ("FILENAME", name) if name else ("DATE-OBS", _time(row).isot)
    try:
        soar = a.soar
    except AttributeError:
        note = 'install "sunpy-soar" to search SOAR with Fido'
        return ScienceRecord("SOAR", product, key, value, bool(name), note=note)
    query = and_(*_near(row), a.Instrument("EUI"), a.Level(2), soar.Product(product))
    return ScienceRecord("SOAR", product, key, value, bool(name), query)


def _suvi(row: Any, header: Header, notify: str | None) -> ScienceRecord:
    query = [*_near(row, 4 * u.min), a.Instrument.suvi, a.Level(2), a.Wavelength(int(str(row["Measurement"])) * u.AA)]
    satellite = re.fullmatch(r"(?:GOES-?|G)(\d+)", str(header.get("TELESCOP", "")).strip())
    if satellite:
        query.append(a.goes.SatelliteNumber(int(satellite[1])))
    note = "" if satellite else "the header does not contain the satellite: select one"
    return ScienceRecord("NOAA", key="DATE-OBS", value=_time(row).isot, query=and_(*query), note=note)


def _punch(row: Any, header: Header, notify: str | None) -> ScienceRecord:
    query = and_(*_near(row), a.Source("PUNCH-MOSAIC"))
    name = str(row["Path"]).rpartition("/")[2].removesuffix(".jp2")
    return ScienceRecord("VSO", key="FILENAME", value=name, exact=True, query=query)


def _vso(row: Any, header: Header, notify: str | None) -> ScienceRecord:
    instrument, measurement = str(row["Instrument"]), str(row["Measurement"])
    name = str(header.get("FILENAME", "")) if instrument in ("EIT", "SECCHI", "SWAP") else ""
    query: list[Attr] = [*_near(row, _WINDOW if name else 5 * u.min), a.Instrument(_VSO[instrument])]
    if instrument in ("SECCHI", "LASCO"):
        query.append(a.Detector(str(row["Detector"]).lower()))
    if instrument in ("SECCHI", "COSMO"):
        query.append(a.Source(str(row["Source"])))
    if instrument in ("EIT", "SECCHI", "SWAP", "TRACE") and measurement.isdigit():
        query.append(a.Wavelength(int(measurement) * u.AA))
    if instrument in ("MDI", "GONG"):
        query.append(a.Physobs("LOS_magnetic_field" if measurement == "magnetogram" else "intensity"))
    key, value = ("FILENAME", name) if name else ("DATE-OBS", _time(row).isot)
    return ScienceRecord("VSO", "", key, value, bool(name), and_(*query), _NOTES.get(instrument, ""))


_MAKERS: dict[str, Callable[[Any, Header, str | None], ScienceRecord]] = {
    "AIA": _aia, "HMI": _hmi, "MDI": _mdi, "EUI": _eui, "SUVI": _suvi, "WFI+NFI": _punch,
}  # fmt: skip

NEEDED = frozenset({"AIA", "HMI", "MDI", "EUI", "EIT", "SECCHI", "SWAP", "SUVI"})
"""Instruments whose science data are found by keywords of the header."""

AT_ONCE = 150
"""Values in one request: it is a URL, and servers accept at most some 8 kB."""


def resolved(twins: Sequence[ScienceRecord], client: Any = None) -> list[str]:
    """
    Return the names of records at JSOC, such as ``aia.lev1_euv_12s[2026-01-10T12:00:05Z][304]``; empty if not found.

    drms must be installed; if JSOC does not respond, this raises `ServiceUnreachable`.
    """
    sought = [one for one in twins if one.archive == "JSOC"]
    found: dict[tuple[str, str], str] = {}
    for series, key in dict.fromkeys((one.series, one.key) for one in sought):
        values = dict.fromkeys(one.value for one in sought if (one.series, one.key) == (series, key))
        for some in _parts(list(values)):
            found |= {(series, value): record for value, record in _asked(client or _client(), series, key, some)}
    return [found.get((one.series, _plain(one.value)), "") if one.archive == "JSOC" else "" for one in twins]


def _client() -> Any:
    try:
        import drms  # type: ignore[import-untyped,unused-ignore]
    except ImportError as error:
        raise MissingDependencyError("Finding records at JSOC", "all") from error
    return drms.Client()


def _parts(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]


def _asked(client: Any, series: str, key: str, values: Iterable[str]) -> Iterator[tuple[str, str]]:
    joined = ",".join(values)
    asked = f"{series}[? FSN in ({joined}) ?]" if key == "FSN" else f"{series}[{joined}]"
    try:
        answer = client.query(asked, key=[key], rec_index=True, convert_numeric=False)
    except Exception as error:
        words = f"the records of {series} cannot be found: {type(error).__name__}: {error}"
        raise ServiceUnreachable("JSOC", "drms", words) from error
    if key in answer:
        yield from ((_plain(value), str(record)) for record, value in answer[key].items())


def _plain(value: Any) -> str:
    """Return a key in the form for comparisons: JSOC writes times of records with and without a fraction."""
    return str(value).replace(".000_TAI", "_TAI").strip()


_KEYS = ("FSN", "T_REC", "FILENAME", "DATE-OBS", "CADENCE", "TELESCOP")


class ScienceTable(QTable):
    """The science-grade data of images: their archive, the key that selects them, and the Fido query of each."""

    def query(self) -> Attr:
        """
        Return one Fido query for all rows that have science data.

        Returns
        -------
        sunpy.net.attr.Attr
            The queries of the rows, joined with ``|``.

        Raises
        ------
        QueryError
            No row has science data.
        """
        queries = [one for one in self["Query"] if one is not None]
        if not queries:
            raise QueryError(f"None of the {len(self)} images has science-grade data that Fido can find; see 'Note'.")
        return reduce(or_, queries)

    def record_sets(self) -> list[str]:
        """
        Return the data at JSOC as record sets, one for each series: all images of a sequence are one export request.

        Returns
        -------
        list of str
            Such as ``aia.lev1_euv_12s[2026-01-10T12:00:05Z-2026-01-10T12:10:05Z][? FSN in (1,2) ?]{image}``; a series
            with more keys than fit into one request has several.
        """
        made = []
        at_jsoc = self[[str(one) == "JSOC" for one in self["Archive"]]]
        for series in dict.fromkeys(str(one) for one in at_jsoc["Series"]):
            rows = at_jsoc[[str(one) == series for one in at_jsoc["Series"]]]
            made += [_record_set(part) for part in _short(rows)]
        return made

    def export(self, path: str | Path, notify: str | None = None, drms_client: Any = None) -> list[Path]:
        """
        Download the data at JSOC with one export request for each series, instead of one for each image.

        Parameters
        ----------
        path : str or pathlib.Path
            The folder.
        notify : str, optional
            The email address registered at JSOC. Defaults to that of `science`.
        drms_client : drms.Client, optional
            The client for JSOC. Defaults to ``drms.Client()``.

        Returns
        -------
        list of pathlib.Path
            The files. If JSOC exports fewer than the images, a warning states how many are missing.

        Raises
        ------
        QueryError
            No email address was given, or no image has data at JSOC.
        MissingDependencyError
            drms is not installed.
        ServiceError, TransferError
            JSOC refuses the request, or a file cannot be downloaded.
        """
        folder, mail = one_path("ScienceTable.export", path, folder=True), notify or self.meta.get("notify")
        if not isinstance(mail, str) or "@" not in mail:
            raise QueryError(f"ScienceTable.export takes the email address registered at JSOC as notify, not {mail!r}.")
        sets = self.record_sets()
        if not sets:
            raise QueryError(f"None of the {len(self)} images has data at JSOC; see 'Archive' and 'Note'.")
        client = drms_client or _client()
        urls = [url for asked in sets for url in _exported(client, asked, mail)]
        wanted = sum(str(one) == "JSOC" for one in self["Archive"])
        if len(urls) < wanted:
            warn_incomplete(f"JSOC exported {len(urls)} files for {wanted} images.")
        return _downloaded(urls, folder)


_LONGEST_SET = 6000
"""Characters of the keys in one request: servers accept addresses of some 8 kB."""

_SEGMENTS = {"aia": "image", "hmi.m": "magnetogram", "hmi.ic": "continuum", "mdi": "data"}


def _short(rows: ScienceTable) -> Iterator[ScienceTable]:
    """Yield parts of rows whose keys fit into one request."""
    each = max((len(str(one)) + 1 for one in rows["Value"]), default=1)
    step = max(_LONGEST_SET // each, 1)
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def _record_set(rows: ScienceTable) -> str:
    """Return the record set of images of one series."""
    series, key = str(rows["Series"][0]), str(rows["Key"][0])
    values = ",".join(dict.fromkeys(str(one) for one in rows["Value"]))
    segment = next(name for start, name in _SEGMENTS.items() if series.startswith(start))
    if key != "FSN":
        return f"{series}[{values}]{{{segment}}}"
    # The number alone would be sought in all records of the series.
    window = 1 * u.h if series.endswith("_1h") else 1 * u.min
    first, last = rows["Start Time"].min() - window, rows["Start Time"].max() + window
    range_ = "-".join(f"{one.utc.isot[:19]}Z" for one in (first, last))
    return f"{series}[{range_}][? {key} in ({values}) ?]{{{segment}}}"


def _exported(client: Any, asked: str, mail: str) -> list[str]:
    """Return the addresses of the files of an export request, when JSOC has made them."""
    try:
        request = client.export(asked, method="url", protocol="fits", email=mail)
        request.wait()
        return [str(url) for url in request.urls.url]
    except Exception as error:
        words = f"the export of {asked[:200]} failed: {type(error).__name__}: {error}"
        raise ServiceUnreachable("JSOC", "drms", words) from error


def _downloaded(urls: Sequence[str], folder: Path) -> list[Path]:
    """Download files to a folder; raise the first error."""
    downloader = Downloader(progress=False)
    targets = [folder / safe_name(url.rpartition("/")[2], "image.fits") for url in urls]
    secure = [url if is_loopback(url) else re.sub("^http://", "https://", url) for url in urls]
    enqueue(downloader, [Download(url, target, "JSOC") for url, target in zip(secure, targets, strict=True)])
    with downloaded(downloader) as results:
        for failure in results.errors:
            raise failure.exception
    return sorted(Path(one) for one in results)


@taking("helioviewer.science", resolve=FLAG, notify=optional(TEXT))
def science(table: Any, resolve: bool = False, notify: str | None = None, drms_client: Any = None) -> ScienceTable:
    """
    Return the locations of the science-grade data of images.

    Parameters
    ----------
    table : HelioviewerTable
        Rows of a search. Unless they were searched with ``a.helioviewer.Header()``, the headers, which contain the
        keys, are read now.
    resolve : bool, optional
        Whether to query JSOC, through drms, for the exact records: column ``Record``, masked if JSOC does not have one.
    notify : str, optional
        The email address registered at JSOC, which downloads from there need.
    drms_client : drms.Client, optional
        The client for JSOC. Defaults to ``drms.Client()``.

    Returns
    -------
    ScienceTable
        One row for each image: ``Archive`` (masked if there is none), ``Series``, ``Key`` and ``Value`` that select the
        data, ``Exact`` (whether they are of the same exposure, or the nearest ones), ``Query`` (Fido attrs),
        ``Note``. ``Fido.search(result.query())`` searches for all; ``result.export(folder)`` downloads those at JSOC
        with one export request for a sequence.

    Raises
    ------
    MissingDependencyError
        ``resolve`` needs drms, which is not installed.
    ServiceError
        JSOC does not respond, or returns an error.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import helioviewer
    >>> noon = a.Time("2026-01-10 11:59", "2026-01-10 12:01")
    >>> images = Fido.search(noon, a.helioviewer.SourceID(13))["helioviewer"]
    >>> print(helioviewer.science(images[:1])["Archive", "Series", "Key", "Value"])
    Archive      Series      Key   Value
    ------- ---------------- --- ---------
       JSOC aia.lev1_euv_12s FSN 300020072
    """
    if notify is not None and "@" not in notify:
        raise QueryError(f"helioviewer.science takes an email address as notify, not {notify!r}.")
    rows = inputs.rows("helioviewer.science", table, HelioviewerTable, "images of a search with Helioviewer")
    # Rows of `nearest` without an image do not have a path.
    rows = [row for row in rows if not np.ma.is_masked(row["Path"])]
    known = _headers(rows)
    twins = [twin_of(row, header, notify) for row, header in zip(rows, known, strict=True)]
    names = ("Archive", "Series", "Key", "Value", "Note")
    texts = {name: [getattr(one, name.lower()) for one in twins] for name in names}
    queries = np.empty(len(twins), dtype=object)
    queries[:] = [one.query for one in twins]
    made = ScienceTable({
        "Start Time": _starts(rows),
        "Instrument": np.array([str(row["Instrument"]) for row in rows], dtype=str),
        "Measurement": np.array([str(row["Measurement"]) for row in rows], dtype=str),
        **{name: MaskedColumn(values, mask=[not one for one in values], dtype=str) for name, values in texts.items()},
        "Exact": np.array([one.exact for one in twins], dtype=bool),
        "Query": queries,
    })  # fmt: skip
    made.meta["notify"] = notify
    if resolve:
        found = resolved(twins, drms_client)
        made["Record"] = MaskedColumn(found, mask=[not one for one in found], dtype=str)
    return made


def _starts(rows: Sequence[Row]) -> Time:
    starts = Time([row["Start Time"] for row in rows]) if rows else Time([], format="jd", scale="utc")
    return times.as_column(starts, "Start Time")


def _headers(rows: Iterable[Any]) -> list[dict[str, Any]]:
    """Return the keys of images, from the table or from the files' headers."""
    rows = list(rows)
    if rows and "FSN" in rows[0].colnames:
        names = [name for name in _KEYS if name in rows[0].colnames]
        return [{name: row[name] for name in names if not np.ma.is_masked(row[name])} for row in rows]
    needed = [number for number, row in enumerate(rows) if row["Instrument"] in NEEDED]
    read = dict(zip(needed, remote_headers.fetch([str(rows[number]["url"]) for number in needed]), strict=True))
    found = (read.get(number, {}) for number in range(len(rows)))
    return [one if isinstance(one, dict) else {"": one} for one in found]
