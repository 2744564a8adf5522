"""Test records that are read when they are first used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import HAPIClient, IMAPClient, hapi, imap, series
from sunpy_helio_plugins.errors import FileError, QueryError

DAY = a.Time("2026-01-10", "2026-01-11")


@pytest.fixture
def files(archive: Any, tmp_path: Path) -> dict[str, Path]:
    found = {
        "hapi": HAPIClient().search(DAY, a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI")),
        "imap": IMAPClient().search(DAY, a.Instrument("mag"), a.imap.Descriptor("norm-gse")),
    }
    return {
        name: Path(Fido.fetch(table[:1], path=str(tmp_path / name / "{file}"), progress=False)[0])
        for name, table in found.items()
    }


@pytest.mark.parametrize("name", ["hapi", "imap"])
def test_records_are_read_once_when_they_are_used(name: str, files: dict[str, Path], tmp_path: Path) -> None:
    archive = {"hapi": hapi, "imap": imap}[name]
    opened = archive.open(files[name])
    assert "not read yet" in repr(opened)
    assert opened.table.colnames == archive.read(files[name]).colnames
    assert opened.table is opened.table
    assert f"{len(opened.table)} rows" in repr(opened)
    opened.to_parquet(tmp_path / "x.parquet")
    assert series.from_parquet(tmp_path / "x.parquet").colnames == opened.table.colnames
    assert opened.to_xarray().sizes["time"] == len(opened.to_pandas()) == len(opened.table)


@pytest.mark.parametrize(("name", "column"), [("hapi", "BGSEc"), ("imap", "b_gse")])
def test_each_verb_is_that_of_the_archive(name: str, column: str, files: dict[str, Path]) -> None:
    pytest.importorskip("ndcube")
    archive = {"hapi": hapi, "imap": imap}[name]
    opened = archive.open(files[name])
    assert type(opened.to_timeseries()) is type(archive.to_timeseries(opened.table))
    assert opened.to_ndcube(column).data.shape == opened.table[column].shape


@pytest.mark.parametrize("archive", [hapi, imap])
def test_a_file_that_cannot_be_read_is_named_at_its_first_use(archive: Any, tmp_path: Path) -> None:
    opened = archive.open(tmp_path / "absent.cdf")
    with pytest.raises(FileError, match="absent"):
        opened.to_pandas()


@pytest.mark.parametrize("archive", [hapi, imap])
def test_arguments_are_checked_when_it_is_opened(archive: Any) -> None:
    with pytest.raises(QueryError, match="scale"):
        archive.open("x.cdf", scale="local")


def test_something_is_opened() -> None:
    with pytest.raises(QueryError, match=r"hapi\.open takes"):
        hapi.open()
    with pytest.raises(QueryError, match=r"imap\.open takes"):
        imap.open([])


def test_a_file_that_is_gone_is_named(files: dict[str, Path]) -> None:
    """The axes of a CDF file are read when they are used."""
    table = imap.read(files["imap"])
    files["imap"].unlink()
    with pytest.raises(FileError, match=files["imap"].name):
        series.to_pandas(table)
