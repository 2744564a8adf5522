"""Test Parquet and Arrow files: what other programs find in them, and what is restored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.time import Time
from astropy.utils.masked import Masked

from sunpy_helio_plugins import io
from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.io.series import plain
from sunpy_helio_plugins.quantities import fills

ENDINGS = ("parquet", "arrow")
TIMES = Time(["2026-01-10T00:00:00.123456789", "2026-01-11", "2026-01-12"], precision=9)


def table() -> QTable:
    made = QTable({"time": TIMES, "name": MaskedColumn(["a", "", "né"], mask=[False, True, False])})
    made["speed"] = Masked([1.5, 2.5, np.nan], mask=[False, True, False]) * u.km / u.s
    made["vector"] = np.arange(6.0).reshape(3, 2) * u.nT
    made["count"] = MaskedColumn([1, 2, 3], mask=[False, False, True])
    made["time"].info.description = "when it was"
    return made


def arrow_of(path: Path) -> Any:
    return pyarrow.parquet.read_table(path) if path.suffix == ".parquet" else pa.ipc.open_file(path).read_all()


@pytest.mark.parametrize("ending", ENDINGS)
def test_other_programs_find_nulls_timestamps_and_lists(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{ending}"
    io.write(table(), path)
    found = arrow_of(path)
    assert found.column_names == ["time", "name", "speed", "vector", "count"]
    assert found.schema.field("time").type == pa.timestamp("ns", tz="UTC")
    assert found["time"].to_numpy()[0] == np.datetime64("2026-01-10T00:00:00.123456789")
    assert found["name"].to_pylist() == ["a", None, "né"]
    assert found["speed"].is_null().to_pylist() == [False, True, False]
    assert np.isnan(found["speed"].to_pylist()[2])
    assert found["vector"].to_pylist() == [[0, 1], [2, 3], [4, 5]]
    assert found["count"].to_pylist() == [1, 2, None]
    assert found.schema.field("speed").metadata[b"units"] == b"km / s"
    assert found.schema.field("time").metadata[b"description"] == b"when it was"


def test_pandas_reads_parquet(tmp_path: Path) -> None:
    io.write(table(), tmp_path / "x.parquet")
    frame = pd.read_parquet(tmp_path / "x.parquet")
    assert str(frame["time"].dt.tz) == "UTC"
    assert frame["name"].isna().tolist() == [False, True, False]


def test_astropy_reads_parquet_with_its_units(tmp_path: Path) -> None:
    io.write(table(), tmp_path / "x.parquet")
    found = QTable.read(tmp_path / "x.parquet")
    assert found["speed"].unit == u.km / u.s
    assert found["vector"].to_value("nT").tolist() == [[0, 1], [2, 3], [4, 5]]
    assert found["time"].info.description == "when it was"


@pytest.mark.filterwarnings("ignore::erfa.ErfaWarning")
@pytest.mark.parametrize("ending", ENDINGS)
def test_times_are_exact(ending: str, tmp_path: Path) -> None:
    given = QTable({
        "leap": Time(["2016-12-31T23:59:60.5", "2017-01-01"], precision=9),
        "far": Time(["1066-10-14", "2500-01-01"]), "scale": Time(["2026-01-10", "2026-01-11"], scale="tai"),
        "fine": Time([2461050.0, 2461051.0], [0.1, 1e-13], format="jd"),
        "halves": Time([2461050.5, 2461051.5], [0.25, 0.4], format="jd"),
    })  # fmt: skip
    io.write(given, tmp_path / f"x.{ending}")
    back = io.read(tmp_path / f"x.{ending}")
    for name in given.colnames:
        assert np.all((back[name] - given[name]).to_value("s") == 0), name
        assert back[name].scale == given[name].scale
    assert back["leap"][0].isot == "2016-12-31T23:59:60.500000000"


@pytest.mark.parametrize("ending", ENDINGS)
def test_text_that_is_not_unicode_is_kept(ending: str, tmp_path: Path) -> None:
    texts = np.array(["a\ud800b", "c\\d", " e ", "f\x00g"])
    given = Table({"text": texts, "object": Column(np.array(["a\ud800", None, "b", "c"], dtype=object))})
    io.write(given, tmp_path / f"x.{ending}")
    back = io.read(tmp_path / f"x.{ending}")
    assert back["text"].tolist() == texts.tolist()
    assert back["object"].tolist() == given["object"].tolist()


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", ["text", "object"])
def test_keys_in_urls_are_not_written(ending: str, kind: str, tmp_path: Path) -> None:
    urls = ["https://x.org/a?token=hidden", "https://x.org/b", "https://x.org/a?token=hidden"]
    column: Any = np.array(urls) if kind == "text" else Column(np.array(urls, dtype=object))
    with pytest.warns(UserWarning, match="URLs with passwords or keys are written without these"):
        io.write(Table({"url": column}), tmp_path / f"x.{ending}")
    assert b"hidden" not in (tmp_path / f"x.{ending}").read_bytes()
    assert io.read(tmp_path / f"x.{ending}")["url"].tolist()[1] == urls[1]


@pytest.mark.parametrize("ending", ENDINGS)
def test_columns_that_always_have_a_mask_keep_it(ending: str, tmp_path: Path) -> None:
    given = QTable({
        "a": fills.masked(np.arange(3), None), "b": fills.masked(np.arange(3.0) * u.m, np.array([False, True, False])),
        "c": fills.masked(np.array(["x", "", "y"]), np.array([False, False, True])),
        "d": fills.masked(np.arange(6).reshape(3, 2), np.array([[False, True]] * 3)),
    })  # fmt: skip
    io.write(given, tmp_path / f"x.{ending}")
    back = io.read(tmp_path / f"x.{ending}")
    for name in given.colnames:
        assert type(back[name]) is type(given[name])
        assert back[name].mask.tolist() == given[name].mask.tolist()
    assert back["c"].tolist() == ["x", "", None]


@pytest.mark.parametrize("ending", ENDINGS)
def test_added_columns_are_read(ending: str, tmp_path: Path) -> None:
    io.write(table(), tmp_path / f"x.{ending}")
    found = arrow_of(tmp_path / f"x.{ending}").append_column("more", pa.array([[1], [], None]))
    if ending == "parquet":
        pyarrow.parquet.write_table(found, tmp_path / "x.parquet")
    else:
        with pa.ipc.new_file(tmp_path / "x.arrow", found.schema) as sink:
            sink.write_table(found)
    back = io.read(tmp_path / f"x.{ending}")
    assert back["more"].tolist() == [[1], [], None]
    assert back["speed"].unit == u.km / u.s


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_that_another_program_wrote_in_another_unit_are_read(unit: str, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    given = QTable({"time": Time(["2026-01-10", "2026-01-11T12:00:01"], precision=9)})
    io.write(given, path)
    found = pyarrow.parquet.read_table(path)
    field = found.schema.field("time").with_type(pa.timestamp(unit, "Europe/Berlin"))
    pyarrow.parquet.write_table(found.cast(pa.schema([field], found.schema.metadata)), path)
    assert io.read(path)["time"].isot.tolist() == given["time"].isot.tolist()


def test_a_file_whose_header_was_lost_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    io.write(table(), path)
    pd.read_parquet(path).to_parquet(path)
    with pytest.raises(FileError, match=r"x\.parquet does not have the header of this package, since another program"):
        io.read(path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_that_lost_rows_is_damaged(ending: str, tmp_path: Path) -> None:
    io.write(table(), tmp_path / f"x.{ending}")
    found = arrow_of(tmp_path / f"x.{ending}").slice(0, 2)
    pyarrow.parquet.write_table(found, tmp_path / "y.parquet")
    with pytest.raises(FileError, match="has 2 rows, but 3 were written"):
        io.read(tmp_path / "y.parquet")


def test_changed_bytes_are_found(tmp_path: Path) -> None:
    io.write(table(), tmp_path / "x.parquet", compression="none")
    content = (tmp_path / "x.parquet").read_bytes()
    (tmp_path / "x.parquet").write_bytes(content.replace(np.float64(1.5).tobytes(), np.float64(2.5).tobytes()))
    with pytest.raises(FileError, match=r"cannot be read as a table: .* checksum"):
        io.read(tmp_path / "x.parquet")


@pytest.mark.parametrize("ending", ENDINGS)
def test_files_without_a_header_are_those_of_others(ending: str, tmp_path: Path) -> None:
    found = pa.table({"a": [1, 2]})
    if ending == "parquet":
        pyarrow.parquet.write_table(found, tmp_path / "x.parquet")
    else:
        with pa.ipc.new_file(tmp_path / "x.arrow", found.schema) as sink:
            sink.write_table(found)
    with pytest.raises(FileError, match="was not written by this package"):
        io.read(tmp_path / f"x.{ending}")


def test_files_that_astropy_wrote_are_restored(tmp_path: Path) -> None:
    """Earlier versions wrote Parquet by astropy."""
    plain(table(), "hdf5").write(tmp_path / "x.parquet")
    back = io.read(tmp_path / "x.parquet")
    assert back["speed"].unit == u.km / u.s
    assert back["count"].mask.tolist() == [False, False, True]


@pytest.mark.parametrize("ending", ENDINGS)
def test_tables_are_written_to_streams(ending: str, tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as stream:
        io.write(table(), stream, format=ending)
    with (tmp_path / "x").open("rb") as stream:
        assert io.read(stream, format=ending)["count"].tolist() == [1, 2, None]


@pytest.mark.parametrize(
    ("ending", "options", "words"),
    [
        ("parquet", {"compression": "tar"}, r"takes none, snappy, gzip, brotli, zstd, lz4 as compression for parquet"),
        ("arrow", {"compression": "gzip"}, r"takes None, lz4, zstd as compression for arrow, not 'gzip'"),
        ("parquet", {"row_groups": 5}, "'row_groups'"),
    ],
)
def test_options_that_do_not_exist_are_refused(
    ending: str, options: dict[str, Any], words: str, tmp_path: Path
) -> None:  # fmt: skip
    with pytest.raises(QueryError, match=words):
        io.write(table(), tmp_path / f"x.{ending}", **options)
    assert list(tmp_path.iterdir()) == []


def test_some_columns_are_read_by_astropy(tmp_path: Path) -> None:
    io.write(table(), tmp_path / "x.parquet")
    assert QTable.read(tmp_path / "x.parquet", include_names=["speed"]).colnames == ["speed"]
