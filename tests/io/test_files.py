"""Test files of tables: their formats, names that are taken, headers that are damaged, and what is not a table."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.io import registry
from astropy.table import QTable, Table
from sunpy.net import attrs as a
from sunpy.timeseries import GenericTimeSeries

from sunpy_helio_plugins import io
from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.hapi.tables import HAPIFiles
from sunpy_helio_plugins.io import queries, registration
from sunpy_helio_plugins.io import series as series_module
from sunpy_helio_plugins.io.tables import HEADER, pack

STATE: dict[str, Any] = {"attributes": {}, "client": None, "shown": {}}


def write_with_header(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Write a search result whose header is changed."""
    plain = pack(HAPIFiles({"url": ["a"]}), "ecsv", STATE)
    header = json.loads(plain.meta[HEADER])
    changed = change(header)
    plain.meta[HEADER] = changed if isinstance(changed, str) else json.dumps(header)
    plain.write(path, overwrite=True)


@pytest.mark.parametrize("name", ["read", "write"])
def test_a_call_without_a_file_is_refused(name: str) -> None:
    with pytest.raises(QueryError, match=rf"^HAPIFiles\.{name} takes the path of a file; none was given\.$"):
        getattr(HAPIFiles({"url": ["a"]}), name)()


def test_a_file_without_a_known_suffix_needs_a_format(tmp_path: Path) -> None:
    with pytest.raises(QueryError) as raised:
        HAPIFiles({"url": ["a"]}).write(tmp_path / "x")
    assert str(raised.value) == (
        f"The format of {tmp_path / 'x'} is not known; give format=..., such as one of ecsv, fits, parquet, arrow, "
        "hdf5, asdf."
    )
    HAPIFiles({"url": ["a"]}).write(tmp_path / "x", format="ascii.ecsv")
    assert HAPIFiles.read(tmp_path / "x", format="ecsv")["url"].tolist() == ["a"]


def test_a_file_is_replaced_only_if_asked_for(tmp_path: Path) -> None:
    table = HAPIFiles({"url": ["a"]})
    table.write(tmp_path / "x.ecsv")
    before = (tmp_path / "x.ecsv").read_bytes()
    with pytest.raises(FileError, match=r"x\.ecsv cannot be written: a file of this name already exists"):
        HAPIFiles({"url": ["b"]}).write(tmp_path / "x.ecsv")
    with pytest.raises(QueryError, match="takes True or False as overwrite"):
        table.write(tmp_path / "x.ecsv", overwrite="yes")
    assert (tmp_path / "x.ecsv").read_bytes() == before
    HAPIFiles({"url": ["b"]}).write(tmp_path / "x.ecsv", overwrite=True)
    assert HAPIFiles.read(tmp_path / "x.ecsv")["url"].tolist() == ["b"]


def test_an_entry_of_a_file_that_is_not_a_table_is_refused(tmp_path: Path) -> None:
    asdf = pytest.importorskip("asdf")
    pytest.importorskip("asdf_astropy")
    asdf.AsdfFile({"data": [1, 2]}).write_to(tmp_path / "x.asdf")
    with pytest.raises(FileError, match=r"x\.asdf does not contain a table\.$"):
        io.read(tmp_path / "x.asdf")


def test_errors_of_readers_that_are_of_this_package_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise QueryError("It is refused.")

    monkeypatch.setattr(Table, "read", refuse)
    (tmp_path / "x.ecsv").touch()
    with pytest.raises(QueryError, match=r"^It is refused\.$"):
        HAPIFiles.read(tmp_path / "x.ecsv")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "Expecting property name"),
        ("{}", "'version'"),
        pytest.param("[" * 100_000, "it is nested too deeply", id="deep"),
        ("[1]", "list indices"),
        ("zlib:" + "?" * 8, ""),
        ("zlib:" + base64.b64encode(b"nothing").decode(), "incorrect header"),
        ("zlib:" + base64.b64encode(zlib.compress(b"{}" * 99)[:-9]).decode(), "it is truncated, or longer than 1 GiB"),
        ("zlib:" + base64.b64encode(zlib.compress(b"\xff")).decode(), "can't decode"),
    ],
)
def test_a_header_that_is_damaged_is_an_error_of_the_file(text: str, words: str, tmp_path: Path) -> None:
    from sunpy_helio_plugins.io import tables

    write_with_header(tmp_path / "x.ecsv", lambda header: text.replace("zlib:", tables._COMPRESSED))
    with pytest.raises(FileError, match=rf"x\.ecsv: The header {HEADER} of the table is damaged: .*{words}"):
        HAPIFiles.read(tmp_path / "x.ecsv")


@pytest.mark.parametrize(
    "extra",
    [
        {"attributes": {}, "shown": {}},
        {"attributes": [], "shown": {}, "client": None},
        {"attributes": {}, "shown": {"display_keys": []}},
    ],
)
def test_a_header_without_its_state_is_damaged(extra: Any, tmp_path: Path) -> None:
    write_with_header(tmp_path / "x.ecsv", lambda header: header.update(extra=extra))
    with pytest.raises(FileError, match=r"x\.ecsv: The table is damaged"):
        HAPIFiles.read(tmp_path / "x.ecsv")


def test_a_header_sets_no_other_attributes(tmp_path: Path) -> None:
    extra = {"attributes": {"read": 1, "colnames": 2, "problems": []}, "shown": {"write": 3}, "client": None}
    write_with_header(tmp_path / "x.ecsv", lambda header: header.update(extra=extra))
    back = HAPIFiles.read(tmp_path / "x.ecsv")
    assert back.colnames == ["url"]
    assert not {"read", "write"} & vars(back).keys()
    back.write(tmp_path / "y.ecsv")
    assert HAPIFiles.read(tmp_path / "y.ecsv").colnames == ["url"]


def test_a_subclass_of_a_table_is_written_as_a_table_of_quantities(tmp_path: Path) -> None:
    class Mine(Table):
        pass

    io.write(Mine({"x": [1, 2]}), tmp_path / "x.ecsv")
    back = io.read(tmp_path / "x.ecsv")
    assert type(back) is QTable
    assert back["x"].tolist() == [1, 2]


def test_a_search_result_that_is_read_too_early_says_what_to_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    HAPIFiles({"url": ["a"]}).write(tmp_path / "x.ecsv")
    monkeypatch.setattr(series_module, "_restore_result", series_module._refuse_result)
    with pytest.raises(FileError, match=r"This is a search result; import sunpy\.net before you read it\.$"):
        io.read(tmp_path / "x.ecsv")


@pytest.fixture
def series() -> GenericTimeSeries:
    index = pd.DatetimeIndex(["2026-01-10", "2026-01-11"])
    return GenericTimeSeries(pd.DataFrame({"x": [1.0, np.nan]}, index=index), units={"x": u.nT})


def test_a_series_without_metadata_comes_back(series: GenericTimeSeries, tmp_path: Path) -> None:
    series.meta.metadata = []
    io.write(series, tmp_path / "x.ecsv")
    back = io.read(tmp_path / "x.ecsv")
    pd.testing.assert_frame_equal(back.to_dataframe(), series.to_dataframe(), check_freq=False)


@pytest.mark.parametrize("missing", ["parts", "columns", "index"])
def test_a_series_whose_header_is_damaged_is_refused(missing: str, series: GenericTimeSeries, tmp_path: Path) -> None:
    plain = series_module.plain(series, "ecsv")
    header = json.loads(plain.meta[HEADER])
    del header["extra"][missing]
    plain.meta[HEADER] = json.dumps(header)
    plain.write(tmp_path / "x.ecsv")
    with pytest.raises(FileError, match=rf"The series is damaged: '{missing}'\.$"):
        io.read(tmp_path / "x.ecsv")


def test_changes_are_shown_with_their_counts() -> None:
    table = HAPIFiles({"url": ["a", "b"], "n": [1, 2]})
    changed = HAPIFiles({"url": ["a", "c"], "n": [3, 2]})
    found = io.changes(changed, table)
    assert repr(found) == f"<Changes: {found}>"
    assert str(found) == "1 rows new, 1 revised (in n), 1 withdrawn"


@pytest.mark.parametrize("ending", ["x.ecsv", "x.fits"])
def test_vectors_are_compared_by_their_elements(ending: str) -> None:
    def table(values: Any, mask: Any) -> HAPIFiles:
        made = HAPIFiles({"url": ["a", "b", "c"]})
        made["v"] = np.ma.array(values, mask=mask)
        return made

    before = table([[1, 2], [3, 4], [5, 6]], [[False, False], [False, False], [True, True]])
    now = table([[1, 2], [3, 5], [7, 8]], [[False, False], [False, False], [True, True]])
    assert str(io.changes(now, before)) == "0 rows new, 1 revised (in v), 0 withdrawn"
    assert str(io.changes(before, before)) == "0 rows new, 0 revised, 0 withdrawn"


def test_columns_whose_values_cannot_be_compared_are_compared_by_their_text() -> None:
    before = HAPIFiles({"url": ["a", "b"]})
    before["v"] = [1, 2] * u.nT
    now = HAPIFiles({"url": ["a", "b"]})
    now["v"] = [1, 2] * u.km
    assert str(io.changes(now, before)) == "0 rows new, 2 revised (in v), 0 withdrawn"


class Own(a.Instrument):
    """An attr of another package."""


class Foreign(Own):
    """An attr of another package."""


def test_a_query_with_an_attr_of_another_package_is_not_written_and_named() -> None:
    stored = queries.stored(a.Time("2026-01-10", "2026-01-11") & Foreign("x"))
    assert list(stored) == ["lost"]
    with pytest.raises(FileError, match=r"^The query could not be written: it contained .*Foreign.*an attr of another"):
        queries.query_of([stored])


def test_a_writer_that_another_package_has_registered_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def theirs(table: Table, path: Any) -> None:
        Path(path).write_text("theirs")

    registry.register_writer("a format of a test", Table, theirs)
    try:
        registration.register_writer("a format of a test", "sunpy_helio_plugins.nothing")
        assert registry.get_writer("a format of a test", Table) is theirs
    finally:
        registry.unregister_writer("a format of a test", Table)


def test_a_writer_of_this_package_is_replaced() -> None:
    try:
        registration.register_writer("a format of a test", "sunpy_helio_plugins.one")
        one = registry.get_writer("a format of a test", Table)
        registration.register_writer("a format of a test", "sunpy_helio_plugins.two")
        assert "sunpy_helio_plugins" in str(registry.get_writer("a format of a test", Table).__doc__)
        assert registry.get_writer("a format of a test", Table) is not one
    finally:
        registry.unregister_writer("a format of a test", Table)


def test_a_file_whose_identification_fails_is_not_recognized() -> None:
    def fail(name: str, peek: Any) -> bool:
        raise RuntimeError(name)

    assert registration._identifier(fail)("read", "x.y", None) is False
    assert registration._identifier(lambda name, peek: name == "x.y")("read", "/a/x.y", None) is True
    assert registration._identifier(lambda name, peek: True)("write", "x.y", None) is False


def test_the_extension_of_asdf_is_added_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("asdf")
    from types import SimpleNamespace

    from sunpy_helio_plugins.io import asdf_extension

    added: list[Any] = []
    config = SimpleNamespace(_extensions=None, add_extension=added.append)
    points = SimpleNamespace(get_extensions=lambda: ["theirs"])
    monkeypatch.setattr(asdf_extension.asdf, "get_config", lambda: config)
    monkeypatch.setattr(asdf_extension, "_entry_points", points)
    asdf_extension.install()
    first = points.get_extensions
    assert [getattr(one, "extension_uri", one) for one in first()] == [
        asdf_extension.StoredExtension.extension_uri,
        "theirs",
    ]
    assert added == []
    config._extensions = ["loaded"]
    asdf_extension.install()
    assert points.get_extensions is first
    assert [type(one) for one in added] == [asdf_extension.StoredExtension]
