"""Test that the schema of a Parquet file does not depend on what a table contains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable
from sunpy.net import attrs as a

from sunpy_helio_plugins import HAPIClient, HelioviewerClient, HERClient, IMAPClient, hapi, imap, io
from sunpy_helio_plugins.hapi import Info
from sunpy_helio_plugins.helioviewer.tables import COLUMNS, columns_of_headers

parquet = pytest.importorskip("pyarrow.parquet")

DAY = a.Time("2026-01-10", "2026-01-11")
INFO = Info.from_json(
    {
        "parameters": [
            {"name": "Time", "type": "isotime", "length": 24, "fill": "0000"},
            {"name": "B", "type": "double", "units": "nT", "fill": "-1e31"},
            {"name": "n", "type": "integer", "units": None, "fill": "-1"},
            {"name": "V", "type": "double", "size": [2], "units": "km/s", "fill": "-1e31"},
            {"name": "state", "type": "string", "length": 4, "fill": "none"},
            {"name": "until", "type": "isotime", "length": 20, "fill": "0000"},
        ]
    }
)
RECORDS = ["2026-01-10T00:00:00Z,1,2,3,4,on,2026-01-10T00:00:01Z", "2026-01-10T00:01:00Z,-1e31,-1,-1e31,4,none,0000"]


def records(*lines: str) -> QTable:
    return hapi.read(INFO.header("csv") + "".join(f"{line}\n" for line in lines).encode())


def search(client: Any, *query: Any) -> Callable[[], list[Any]]:
    """Return a function that returns a search, parts of it, and a search that finds nothing."""

    def parts() -> list[Any]:
        found = client().search(*query)
        assert len(found) > 1
        return [
            found,
            found[:1],
            found[-1:],
            found[:0],
            client().search(a.Time("1996-01-01", "1996-01-02"), *query[1:]),
        ]

    return parts


def with_rows(parts: Callable[[], list[Any]]) -> Callable[[], list[Any]]:
    """Leave out empty tables: the columns of headers are those of the files, and astropy writes no empty lists."""
    return lambda: [table for table in parts() if len(table)]


def realtime() -> list[Any]:
    table = imap.realtime(DAY, "mag")
    assert len(table) > 1
    return [table, table[:1], table[:0]]


TABLES: dict[str, Callable[[], list[Any]]] = {
    "records": lambda: [records(*RECORDS), records(RECORDS[0]), records(RECORDS[1]), records()],
    "realtime": realtime,
    "hapi": search(
        HAPIClient, DAY, a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI"), a.hapi.Parameters("Magnitude", "BGSEc"),
        a.hapi.Chunk(8 * u.hour),
    ),
    "imap": search(IMAPClient, DAY, a.imap.File(), a.Instrument("mag"), a.imap.Version("all")),
    "spice": search(IMAPClient, DAY, a.imap.Kernel()),
    "ancillary": search(IMAPClient, DAY, a.imap.Table("ancillary")),
    "helioviewer": search(HelioviewerClient, DAY, a.helioviewer.Image(), a.Wavelength(304 * u.AA)),
    "headers": with_rows(search(
        HelioviewerClient, a.Time("2026-01-10 12:00", "2026-01-10 12:10"), a.Instrument("AIA"), a.helioviewer.Header()
    )),
    "her": with_rows(search(HERClient, DAY, a.her.CH | a.her.FL)),
}  # fmt: skip


def schema_of(table: Any, path: Path) -> list[tuple[str, str]]:
    io.write(table, path, overwrite=True)
    return [(field.name, str(field.type)) for field in parquet.read_schema(path)]


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.filterwarnings("ignore::sunpy_helio_plugins.errors.IncompleteAnswerWarning")
def test_schemas_do_not_depend_on_the_content(archive: Any, tmp_path: Path, kind: str) -> None:
    first, *others = [schema_of(table, tmp_path / "table.parquet") for table in TABLES[kind]()]
    assert first
    for number, other in enumerate(others, 1):
        assert other == first, f"part {number}"


def test_schemas_of_images_do_not_depend_on_their_sources(archive: Any, tmp_path: Path) -> None:
    """White light has no wavelength."""
    day = a.Time("2026-01-10 14:10", "2026-01-10 16:00")
    tables = [HelioviewerClient().search(day, a.helioviewer.SourceID(*ids)) for ids in ((13,), (4,), (4, 13))]
    assert [table["Wavelength"].mask.all() for table in tables] == [False, True, False]
    first, *others = [schema_of(table, tmp_path / "table.parquet") for table in tables]
    assert others == [first, first]


def test_columns_of_headers_do_not_depend_on_what_is_missing() -> None:
    whole = dict.fromkeys(COLUMNS, 2.5) | {"QUALITY": 0, "FSN": 7, "TELESCOP": "SDO"}
    both = [columns_of_headers(found) for found in ([whole, whole], [whole, {}])]
    assert set(both[0]) == set(COLUMNS)
    for name in COLUMNS:
        one, other = (columns[name] for columns in both)
        assert (type(one), one.dtype.kind, getattr(one, "unit", None)) == (
            type(other), other.dtype.kind, getattr(other, "unit", None)
        )  # fmt: skip
        assert (list(one.mask), list(other.mask)) == ([False, False], [False, True])


def test_schemas_of_cdf_files_do_not_depend_on_the_content(make_cdf: Callable[..., Path], tmp_path: Path) -> None:
    least = int(np.iinfo(np.int64).min)

    def table(epochs: list[int], values: list[float], counts: list[int]) -> QTable:
        own = {"DEPEND_0": "epoch"}
        return imap.read(
            make_cdf(
                {
                    "epoch": (33, np.array(epochs), {"FILLVAL": [least, "CDF_TIME_TT2000"]}),
                    "b": (45, np.array(values), own | {"FILLVAL": [-1e31, "CDF_DOUBLE"], "UNITS": "nT"}),
                    "n": (4, np.array(counts, "i4"), own | {"FILLVAL": [-1, "CDF_INT4"]}),
                }
            )
        )

    whole, gaps = table([0, 10**9], [1, 2], [1, 2]), table([0, least], [1, -1e31], [-1, 2])
    assert whole["epoch"].masked
    assert gaps["epoch"].masked
    first, *others = [schema_of(part, tmp_path / "x.parquet") for part in (whole, gaps, whole[:1], gaps[:0])]
    assert all(other == first for other in others)
    for part in (whole, gaps):
        io.write(part, tmp_path / "x.parquet", overwrite=True)
        assert io.read(tmp_path / "x.parquet")["epoch"].masked == part["epoch"].masked


def test_parts_are_one_data_set(tmp_path: Path) -> None:
    dataset = pytest.importorskip("pyarrow.dataset")
    for number, line in enumerate(RECORDS):
        io.write(records(line), tmp_path / f"{number}.parquet")
    table = dataset.dataset(tmp_path, format="parquet").to_table()
    assert table["B"].is_null().to_pylist() == [False, True]
    assert table["n"].is_null().to_pylist() == [False, True]
    assert table["until"].is_null().to_pylist() == [False, True]
