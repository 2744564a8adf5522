"""Test the file of the index: refreshes that are interrupted, continue and end, damage, and folders that are full."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from invented import CATALOGUE

from sunpy_helio_plugins import conf
from sunpy_helio_plugins.hapi.discovery import index as module
from sunpy_helio_plugins.hapi.discovery.index import Index, IndexEntry, default

URL = "https://there.example/hapi"


def entries(*ids: str) -> list[tuple[int, IndexEntry]]:
    return [
        (place, IndexEntry.of(one, f"Title of {one}", CATALOGUE[one])) for place, one in enumerate(ids or CATALOGUE)
    ]


@pytest.fixture
def index(tmp_path: Path) -> Any:
    made = Index(tmp_path / "folder" / "index.db")
    yield made
    made.close()


def test_an_absent_index_is_empty_and_is_not_created_by_reading(index: Index) -> None:
    assert (index.states(), index.entries(URL), index.names(), index.stored(URL, 0)) == ({}, [], [], set())
    assert not index.path.exists()


def test_datasets_are_stored_in_the_order_of_the_catalogue(index: Index) -> None:
    since = index.begin(URL, "There", "the server")
    assert index.add(URL, reversed(entries()))
    assert index.end(URL, CATALOGUE, ["X: gone"])
    assert [one.id for one in index.entries(URL)] == list(CATALOGUE)
    assert index.entries(URL)[1].parameters[0]["name"] == "BGSM"
    assert index.names()[1] == (URL, "AC_H9_MFI", "Title of AC_H9_MFI", ("BGSM", "BGSEc", "SC_pos_GSE"))
    state = index.states()[URL]
    assert (state.title, state.source, state.begun, state.lost) == ("There", "the server", since, ("X: gone",))
    assert state.is_fresh


def test_an_interrupted_refresh_continues(index: Index) -> None:
    since = index.begin(URL, "There", "the server")
    index.add(URL, entries("RAIN"))
    again = Index(index.path)
    assert not again.states()[URL].is_fresh
    assert again.begin(URL, "There", "the server") == since
    assert again.stored(URL, since) == {"RAIN"}
    again.close()


def test_a_refresh_from_another_source_begins_anew(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    since = index.begin(URL, "There", "the server")
    monkeypatch.setattr(module.time, "time", lambda: since + 10)
    assert index.begin(URL, "There", "a file") == since + 10


def test_a_refresh_that_was_interrupted_long_ago_begins_anew(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    since = index.begin(URL, "There", "the server")
    late = since + 86400 * (conf.hapi.index_days + 1)
    monkeypatch.setattr(module.time, "time", lambda: late)
    assert index.begin(URL, "There", "the server") == late


def test_an_index_grows_old(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    since = index.begin(URL, "There", "the server")
    index.end(URL, [], [])
    state = index.states()[URL]
    with conf.hapi.set_temp("index_days", 2.0):
        monkeypatch.setattr(module.time, "time", lambda: since + 86400)
        assert state.is_fresh
        monkeypatch.setattr(module.time, "time", lambda: since + 3 * 86400)
        assert not state.is_fresh


def test_the_end_of_a_refresh_removes_datasets_that_are_not_listed_any_more(index: Index) -> None:
    index.begin(URL, "", "")
    index.add(URL, entries("RAIN", "AC_H9_MFI"))
    index.end(URL, ["AC_H9_MFI"], [])
    assert [one.id for one in index.entries(URL)] == ["AC_H9_MFI"]


def test_a_server_can_be_forgotten(index: Index) -> None:
    index.begin(URL, "", "")
    index.add(URL, entries())
    assert index.forget(URL)
    assert (index.states(), index.entries(URL)) == ({}, [])


def test_a_changed_row_is_left_out(index: Index) -> None:
    index.begin(URL, "", "")
    index.add(URL, entries())
    index.close()
    with sqlite3.connect(index.path) as connection:
        connection.execute("UPDATE datasets SET json = x'00' WHERE id = 'RAIN'")
    connection.close()
    assert "RAIN" not in [one.id for one in index.entries(URL)]
    assert len(index.entries(URL)) == len(CATALOGUE) - 1


@pytest.mark.filterwarnings("ignore:The index of HAPI servers in")
def test_a_file_of_another_program_is_renamed(index: Index) -> None:
    index.path.parent.mkdir(mode=0o700)
    index.path.write_bytes(b"something else")
    assert index.states() == {}
    index.begin(URL, "", "")
    assert list(index.states()) == [URL]


def test_long_texts_are_cut() -> None:
    entry = IndexEntry.of(
        "A", "A", {"description": "x" * 10_000, "parameters": [{}, {"name": "B", "label": ["y" * 5000]}]}
    )
    assert entry.title == ""
    assert len(entry.info["description"]) == 2000
    assert len(entry.parameters[0]["label"]) == 2000


def test_the_index_is_in_the_folder_of_the_cache(tmp_path: Path, index_folder: Path) -> None:
    with conf.set_temp("cache_dir", str(tmp_path)), conf.set_temp("cache", True):
        assert default().path == tmp_path / module.NAME
    with conf.set_temp("cache", False):
        assert default().path == index_folder / module.NAME


def test_the_indexes_of_another_folder_are_closed(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_open", {})
    paths = [tmp_path / "one" / "a.db", tmp_path / "one" / "b.db", tmp_path / "two" / "a.db"]
    closed = []
    for path in paths:
        made = module._at(path)
        assert module._at(path) is made
        monkeypatch.setattr(made, "close", lambda name=path: closed.append(name))
    assert closed == paths[:2]


def test_a_row_with_another_sum_is_left_out(index: Index) -> None:
    index.begin(URL, "", "")
    index.add(URL, entries())
    index.close()
    with sqlite3.connect(index.path) as connection:
        other = "SELECT json FROM datasets WHERE id = 'AC_H9_MFI'"
        connection.execute(f"UPDATE datasets SET json = ({other}) WHERE id = 'RAIN'")
    connection.close()
    assert [one.id for one in index.entries(URL)] == [one for one in CATALOGUE if one != "RAIN"]
