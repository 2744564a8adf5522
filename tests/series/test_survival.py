"""
Which parts of a table survive each exit and the way back.

``docs/how_to/exits.csv`` contains the result, which the documentation shows. After an intended change, write it again
and look at the difference::

    python tests/series/test_survival.py
"""

from __future__ import annotations

import csv
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Column, MaskedColumn, QTable
from astropy.time import Time, TimeDelta

from sunpy_helio_plugins import hapi, io, quantities, series
from sunpy_helio_plugins.errors import InexactTimeWarning, InexactValueWarning, QueryError
from sunpy_helio_plugins.series.axes import axes_of

RECORD = Path(__file__).parents[2] / "docs" / "how_to" / "exits.csv"

STAMPS = ["2026-01-10T00:00:00.123456789", "2026-01-10T00:01:00.000000001", "2026-01-10T00:02:00"]


def times(*stamps: str) -> Any:
    return quantities.as_column(quantities.from_iso(list(stamps or STAMPS)), "Time of the record")


def table(**columns: Any) -> QTable:
    return QTable({"Time": times(), **columns})


def masked(values: Any, unit: Any = None) -> Any:
    values = np.array(values)
    return quantities.masked(values if unit is None else u.Quantity(values, unit, dtype=values.dtype),
                             np.array([False, True, False]))  # fmt: skip


def described() -> QTable:
    made = table(x=[1.0, 2.0, 3.0] * u.nT)
    made["x"].info.description, made["x"].info.meta = "A component", {"CATDESC": "A", "n": [1, 2.5]}
    return made


def with_meta() -> QTable:
    made = table(x=[1.0, 2.0, 3.0])
    made.meta = {"Project": "IMAP", "list": [1, 2], "deep": {"at": Time("2026-01-10"), "unit": u.nT}}
    return made


def binned() -> QTable:
    made = table(flux=np.arange(6.0).reshape(3, 2) * u.one / u.s)
    made["flux"].info.meta = {
        "bins": [{"name": "energy", "units": "keV", "centers": [1.0, 10.0], "ranges": [[0.5, 2.0], [5.0, 20.0]]}]
    }
    return made


def moving() -> QTable:
    made = table(flux=np.arange(6.0).reshape(3, 2) * u.one / u.s, energy=np.arange(6.0).reshape(3, 2) * u.keV)
    made["flux"].info.meta = {"bins": [{"name": "E", "units": "keV", "centers": "energy"}]}
    return made


def unknown_unit() -> QTable:
    made = table(x=[1.0, 2.0, 3.0])
    made["x"].info.meta = {"unit_string": "blorps"}
    return made


def without_one_time() -> QTable:
    return QTable({"Time": quantities.as_column(quantities.from_iso(STAMPS, [False, True, False])), "x": [1.0, 2, 3]})


def later_time() -> QTable:
    return table(end=quantities.as_column(quantities.from_iso(STAMPS, [False, True, False])))


TABLES: dict[str, Callable[[], QTable]] = {
    "nanoseconds": lambda: table(x=[1.0, 2.0, 3.0]),
    "leap seconds": lambda: QTable({"Time": times("2016-12-31T23:59:59", "2016-12-31T23:59:60.5", "2017-01-01")}),
    "time scale": lambda: QTable({"Time": quantities.as_column(times().tt), "x": [1.0, 2, 3]}),
    "records without a time": without_one_time,
    "missing times in other columns": later_time,
    "durations": lambda: table(x=TimeDelta([0.5, 1e-9, 86400.25] * u.s)),
    "units": lambda: table(x=[1.0, 2.0, 3.0] * u.one / u.cm**2 / u.s / u.keV),
    "spelling of unknown units": unknown_unit,
    "missing floats": lambda: table(x=masked([1.0, 2.0, 3.0], u.nT)),
    "missing integers": lambda: table(x=masked([1, 2, 3], u.ct)),
    "64-bit integers": lambda: table(x=Column(np.array([2**63 - 1, 0, -(2**63)]))),
    "64-bit integers, one missing": lambda: table(x=masked([2**53 + 1, 0, -(2**53) - 1])),
    "unsigned integers": lambda: table(x=Column(np.array([0, 1, 2**64 - 1], dtype=np.uint64))),
    "32-bit floats": lambda: table(x=Column(np.array([0.1, 1e-30, 3e38], dtype=np.float32))),
    "booleans": lambda: table(x=Column([True, False, True])),
    "text": lambda: table(x=Column(["a", "\u03b2, \"q\"", "c"])),
    "missing text": lambda: table(x=MaskedColumn(["a", "x", "c"], mask=[False, True, False])),
    "missing text beside empty text": lambda: table(x=MaskedColumn(["a", "x", ""], mask=[False, True, False])),
    "several dimensions": lambda: table(x=np.arange(18.0).reshape(3, 2, 3) * u.m),
    "bins": binned,
    "bins that change with time": moving,
    "descriptions and metadata of columns": described,
    "metadata of the table": with_meta,
}  # fmt: skip


def through_file(ending: str, write: Callable[..., Any], read: Callable[[Path], Any]) -> Callable[[QTable], QTable]:
    def convert(given: QTable) -> QTable:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"table.{ending}")
            write(given, path)
            return read(path)

    return convert


def through_netcdf(given: QTable) -> QTable:
    import xarray

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.nc")
        series.to_xarray(given).to_netcdf(path, engine="h5netcdf")
        with xarray.open_dataset(path, engine="h5netcdf") as opened:
            return series.to_table(opened.load())


EXITS: dict[str, Callable[[QTable], QTable]] = {
    "``io.write``, ASDF": through_file("asdf", io.write, io.read),
    "``io.write``, FITS": through_file("fits", io.write, io.read),
    "``to_astropy``": lambda given: series.to_table(series.to_astropy(given)),
    "``to_pandas``": lambda given: series.to_table(series.to_pandas(given)),
    "``to_parquet``": through_file("parquet", series.to_parquet, series.from_parquet),
    "``to_votable``": through_file("vot", series.to_votable, series.from_votable),
    "``to_xarray``": lambda given: series.to_table(series.to_xarray(given)),
    "netCDF": through_netcdf,
    "``to_timeseries``": lambda given: series.to_table(series.to_timeseries(given)),
    "``hapi.write``": through_file("hapi", hapi.write, hapi.read),
}


def bare(values: Any) -> Any:
    plain = getattr(values, "unmasked", values)
    return np.ma.getdata(np.asarray(getattr(plain, "value", plain)))


def mask_of(values: Any) -> Any:
    return np.broadcast_to(np.asarray(getattr(values, "mask", False)), values.shape)


def same_column(one: Any, other: Any) -> bool:
    """Return whether class of values, unit, mask and values are equal, times to the nanosecond."""
    mask = mask_of(one)
    if one.shape != other.shape or not np.array_equal(mask, mask_of(other)):
        return False
    if isinstance(one, Time):
        if not isinstance(other, Time) or one.scale != other.scale:
            return False
        days = bare(one.jd1) - bare(other.jd1) + (bare(one.jd2) - bare(other.jd2))
        return bool(np.all(np.abs(days[~mask]) * 86_400e9 < 0.5))
    if isinstance(one, TimeDelta):
        return isinstance(other, TimeDelta) and bool(np.all(np.abs((one - other).to_value("s")) < 5e-10))
    kinds = (one.dtype, other.dtype)
    if kinds[0] != kinds[1] and not (kinds[0].kind in "SU" and kinds[1].kind in "SU"):
        return False
    if getattr(one, "unit", None) != getattr(other, "unit", None):
        return False
    return bool(np.array_equal(bare(one)[~mask], bare(other)[~mask]))


def contains(whole: Any, part: Any) -> bool:
    """Return whether the entries of one mapping are in another, which may have more."""
    return all(key in whole and repr(whole[key]) == repr(value) for key, value in part.items())


def same(before: QTable, after: QTable) -> bool:
    names = [name for name in before.colnames if name != "Time"]
    if names != after.colnames[1:] or not contains(after.meta, before.meta):
        return False
    for one, other in zip(before.itercols(), after.itercols(), strict=True):
        told = [str(column.info.description or "") for column in (one, other)]
        if not same_column(one, other) or told[0] != told[1]:
            return False
        if not contains(other.info.meta or {}, one.info.meta or {}):
            return False
    return all(same_axes(before, after, name) for name in names if before[name].ndim > 1)


def same_axes(before: QTable, after: QTable, name: str) -> bool:
    pairs = zip(axes_of(before, name), axes_of(after, name), strict=True)
    return all(repr(one) == repr(other) for one, other in pairs)


def outcome(exit_: str, part: str) -> str:
    """Return what happens to a part of a table: kept, changed (with or without a warning), or refused."""
    before = TABLES[part]()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            after = EXITS[exit_](before)
        except QueryError:
            return "refused"
    told = [one for one in caught if issubclass(one.category, InexactTimeWarning | InexactValueWarning)]
    assert len(told) <= 1
    if same(before, after):
        return "kept"
    return "changed, with a warning" if told else "changed"


def recorded() -> dict[tuple[str, str], str]:
    with RECORD.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return {(name, row[""]): cell for row in rows for name, cell in row.items() if name}


@pytest.mark.parametrize("part", TABLES)
@pytest.mark.parametrize("exit_", EXITS)
def test_the_documentation_shows_what_survives(exit_: str, part: str) -> None:
    assert recorded()[exit_, part] == outcome(exit_, part)


def test_the_documentation_shows_nothing_else() -> None:
    assert list(recorded()) == [(exit_, part) for part in TABLES for exit_ in EXITS]


if __name__ == "__main__":
    with RECORD.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["", *EXITS])
        writer.writerows([part, *(outcome(exit_, part) for exit_ in EXITS)] for part in TABLES)
