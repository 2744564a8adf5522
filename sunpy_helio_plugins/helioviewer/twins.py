"""
From a quick look to the science-grade data of the same exposure.

Helioviewer's pictures of AIA and HMI are made of near-real-time data: what they share with the science series is the
frame's serial number (FSN) and the record's time (T_REC), not the number of the record. Which archive has the data of
which instrument is a matter of record; where none is known, the row says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import MaskedColumn, QTable, Row
from sunpy.net import attrs as a
from sunpy.net.attr import Attr, and_

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.helioviewer import headers

__all__ = ["ScienceTable", "science"]

_WINDOW = 30 * u.s
_AIA_SERIES = {1600: "aia.lev1_uv_24s", 1700: "aia.lev1_uv_24s", 4500: "aia.lev1_vis_1h"}
_HMI_SERIES = {"magnetogram": ("hmi.m_45s", "magnetogram"), "continuum": ("hmi.ic_45s", "continuum")}
_VSO = {
    "EIT": "eit", "LASCO": "lasco", "MDI": "mdi", "SECCHI": "secchi", "SWAP": "swap", "XRT": "xrt", "TRACE": "trace",
    "SXT": "sxt", "SJI": "iris", "GONG": "gong", "COSMO": "k-cor", "IRIS": "iris",
}  # fmt: skip
_EUI = {("FSI", 174): "eui-fsi174-image", ("FSI", 304): "eui-fsi304-image", ("HRI", 174): "eui-hrieuv174-image",
        ("HRI", 1216): "eui-hrilya1216-image"}  # fmt: skip


@dataclass(frozen=True)
class _Twin:
    archive: str = ""
    series: str = ""
    key: str = ""
    value: str = ""
    exact: bool = False
    query: Attr | None = None
    note: str = ""


class ScienceTable(QTable):
    """Science-grade twins of images: where they are, by which key, and the Fido query of each."""

    def query(self) -> Attr:
        """
        Return one Fido query for all rows that have a twin.

        Raises
        ------
        QueryError
            None has.
        """
        queries = [one for one in self["Query"] if one is not None]
        if not queries:
            raise QueryError(f"None of the {len(self)} images has science-grade data that Fido can find; see 'Note'.")
        return reduce(or_, queries)


def science(
    table: Any, resolve: bool = False, notify: str | None = None, drms_client: Any = None
) -> ScienceTable:
    """
    Return where the science-grade data of images are.

    Parameters
    ----------
    table : HelioviewerTable
        Rows of a search; where they were not searched with ``a.helioviewer.Header()``, the headers that hold the keys
        are read now.
    resolve : bool, optional
        Ask JSOC, through drms, for the exact records: column ``Record``.
    notify : str, optional
        The mail address registered at JSOC, which fetching from there needs.
    drms_client : drms.Client, optional
        Who asks JSOC. Defaults to a plain ``drms.Client()``.

    Returns
    -------
    ScienceTable
        One row for each image: ``Archive`` (masked where there is none), ``Series``, ``Key`` and ``Value`` by which the
        data are found, ``Exact`` (whether they are of this very exposure, or the nearest ones), ``Query`` (Fido attrs),
        ``Note``. ``Fido.search(twins.query())`` searches for all.
    """
    rows = [table] if isinstance(table, Row) else list(table)
    known = _headers(rows)
    twins = [_twin(row, header, notify) for row, header in zip(rows, known, strict=True)]
    names = ("Archive", "Series", "Key", "Value", "Note")
    texts = {name: [getattr(one, name.lower()) for one in twins] for name in names}
    queries = np.empty(len(twins), dtype=object)
    queries[:] = [one.query for one in twins]
    made = ScienceTable({
        "Start Time": [row["Start Time"] for row in rows] if rows else [],
        "Instrument": [str(row["Instrument"]) for row in rows],
        "Measurement": [str(row["Measurement"]) for row in rows],
        **{name: MaskedColumn(values, mask=[not one for one in values], dtype=str) for name, values in texts.items()},
        "Exact": np.array([one.exact for one in twins], dtype=bool),
        "Query": queries,
    })  # fmt: skip
    if resolve:
        records = _records(twins, drms_client)
        made["Record"] = MaskedColumn(records, mask=[not one for one in records], dtype=str)
    return made


def _headers(rows: Iterable[Any]) -> list[dict[str, Any]]:
    """Return the keys of images, from the table or from the files' headers."""
    rows = list(rows)
    if rows and "FSN" in rows[0].colnames:
        names = ("FSN", "T_REC", "FILENAME", "DATE-OBS")
        return [{name: row[name] for name in names if not np.ma.is_masked(row[name])} for row in rows]
    needed = [row for row in rows if row["Instrument"] in ("AIA", "HMI", "EUI", "EIT", "SECCHI", "SWAP")]
    found = iter(headers.fetch([str(row["url"]) for row in needed]))
    read = {id(row): next(found) for row in needed}
    return [one if isinstance(one := read.get(id(row), {}), dict) else {"": one} for row in rows]


def _twin(row: Any, header: dict[str, Any], notify: str | None) -> _Twin:
    instrument, measurement = str(row["Instrument"]), str(row["Measurement"])
    failed = header.get("")
    if instrument == "AIA":
        return _aia(row, header, notify) if header.get("FSN") else _Twin(note=f"no FSN in the header. {failed or ''}")
    if instrument == "HMI":
        return _hmi(measurement, header, notify) if header.get("T_REC") else _Twin(note=f"no T_REC. {failed or ''}")
    if instrument == "EUI":
        return _eui(row, header)
    if instrument == "SUVI":
        query = [*_near(row), a.Instrument.suvi, a.Level(2), a.Wavelength(int(measurement) * u.AA)]
        return _Twin("NOAA", key="DATE-OBS", value=row["Start Time"].isot, query=and_(*query))
    if instrument in _VSO:
        return _vso(row, header)
    return _Twin(note=f"sunpy reaches no archive of {instrument}'s data")


def _near(row: Any) -> list[Attr]:
    time = row["Start Time"]
    return [a.Time(time - _WINDOW, time + _WINDOW, near=time)]


def _mail(notify: str | None) -> list[Attr]:
    return [a.jsoc.Notify(notify)] if notify else []


def _aia(row: Any, header: dict[str, Any], notify: str | None) -> _Twin:
    wave = int(str(row["Measurement"]))
    series = _AIA_SERIES.get(wave, "aia.lev1_euv_12s")
    time, number = row["Start Time"], int(header["FSN"])
    query = [
        a.Time(time - _WINDOW, time + _WINDOW), a.jsoc.Series(series), a.Wavelength(wave * u.AA),
        a.jsoc.Segment("image"), a.jsoc.Keyword("FSN") == number, *_mail(notify),
    ]  # fmt: skip
    return _Twin("JSOC", series, "FSN", str(number), True, and_(*query))


def _hmi(measurement: str, header: dict[str, Any], notify: str | None) -> _Twin:
    series, segment = _HMI_SERIES[measurement]
    record = str(header["T_REC"])
    query = [a.jsoc.Series(series), a.jsoc.PrimeKey("T_REC", record), a.jsoc.Segment(segment), *_mail(notify)]
    return _Twin("JSOC", series, "T_REC", record, True, and_(*query))


def _eui(row: Any, header: dict[str, Any]) -> _Twin:
    wave = int(str(row["Measurement"]))
    product = _EUI.get((str(row["Detector"]), wave))
    value = str(header.get("FILENAME", ""))
    try:
        soar = a.soar
    except AttributeError:
        note = 'Fido asks SOAR once "sunpy-soar" is installed'
        return _Twin("SOAR", product or "", "FILENAME", value, bool(value), note=note)
    query = and_(*_near(row), a.Instrument("EUI"), a.Level(2), soar.Product(product))
    return _Twin("SOAR", product or "", "FILENAME", value, bool(value), query)


def _vso(row: Any, header: dict[str, Any]) -> _Twin:
    instrument = str(row["Instrument"])
    query: list[Attr] = [*_near(row), a.Instrument(_VSO[instrument])]
    if instrument in ("SECCHI", "LASCO"):
        query.append(a.Detector(str(row["Detector"]).lower()))
    if instrument == "SECCHI":
        query.append(a.Source(str(row["Source"])))
    if instrument in ("EIT", "SECCHI", "SWAP", "TRACE") and str(row["Measurement"]).isdigit():
        query.append(a.Wavelength(int(row["Measurement"]) * u.AA))
    if instrument == "MDI":
        query.append(a.Physobs("LOS_magnetic_field" if row["Measurement"] == "magnetogram" else "intensity"))
    name = str(header.get("FILENAME", "")) if instrument in ("EIT", "SECCHI", "SWAP") else ""
    key, value = ("FILENAME", name) if name else ("DATE-OBS", row["Start Time"].isot)
    return _Twin("VSO", key=key, value=value, exact=bool(name), query=and_(*query))


def _records(twins: list[_Twin], client: Any) -> list[str]:
    """Ask JSOC for the names of the records, in one request for each series and kind of key."""
    if client is None:
        import drms  # type: ignore[import-untyped,unused-ignore]

        client = drms.Client()
    found: dict[tuple[str, str], str] = {}
    for series, key in dict.fromkeys((one.series, one.key) for one in twins if one.archive == "JSOC"):
        values = list(dict.fromkeys(one.value for one in twins if (one.series, one.key) == (series, key)))
        asked = f"[? FSN in ({','.join(values)}) ?]" if key == "FSN" else f"[{','.join(values)}]"
        answer = client.query(f"{series}{asked}", key=[key], rec_index=True, convert_numeric=False)
        found |= {(series, _plain(value)): str(record) for record, value in answer[key].items()}
    return [found.get((one.series, _plain(one.value)), "") if one.archive == "JSOC" else "" for one in twins]


def _plain(value: Any) -> str:
    """Return a key as it is compared: JSOC writes times of records with and without a fraction."""
    return str(value).replace(".000_TAI", "_TAI").strip()
