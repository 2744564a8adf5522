"""Test what `hapi.find` and `hapi.indexed` return, and the messages for arguments that are not allowed."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable
from astropy.time import Time
from invented import CATALOGUE
from sunpy.net import attrs as a

from sunpy_helio_plugins import conf, hapi
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.hapi.discovery.index import IndexEntry, default

ONE, TWO = "https://one.example/hapi", "https://two.example/hapi"
COLUMNS = ["Server", "Dataset", "Parameter", "Unit", "Why", "Score"]


def put(url: str, catalogue: dict[str, Any], title: str = "") -> None:
    index = default()
    index.begin(url, title, "a test")
    index.add(url, [(place, IndexEntry.of(one, "", said)) for place, (one, said) in enumerate(catalogue.items())])
    index.end(url, catalogue, [])


@pytest.fixture(autouse=True)
def _without_disk() -> Any:
    with conf.set_temp("cache", False):
        yield


@pytest.fixture
def two_servers() -> None:
    put(ONE, CATALOGUE)
    put(
        TWO,
        {"AC_H9_SWE": {"parameters": [{"name": "Time"}, {"name": "Np", "units": "#/cc", "description": "Density"}]}},
    )


def test_the_best_parameters_are_first(two_servers: None) -> None:
    table = hapi.find("proton density")
    assert isinstance(table, QTable)
    assert table.colnames == COLUMNS
    assert tuple(table[COLUMNS[:4]][0]) == (ONE, "WI_H9_SWE", "Np", "#/cc")
    assert table["Why"][0] == "'proton', 'density' in 'Proton number density'"
    assert {ONE, TWO} == set(table["Server"])
    assert (table.meta["problems"], table.meta["notes"]) == ([], [])


def test_a_search_without_a_result_has_the_same_columns(two_servers: None) -> None:
    table = hapi.find("xyzzy")
    assert (len(table), table.colnames) == (0, COLUMNS)
    assert table.meta["notes"] == ["The index does not contain: xyzzy."]
    assert [table[name].dtype.kind for name in COLUMNS] == ["U"] * 5 + ["f"]
    assert hapi.find("the").meta["notes"] == ["'the' does not contain a word that can be searched for."]


def test_the_table_can_be_written(two_servers: None, tmp_path: Path) -> None:
    table = hapi.find("magnetic field")
    table.write(tmp_path / "table.ecsv")
    again = QTable.read(tmp_path / "table.ecsv")
    assert list(again["Dataset"]) == list(table["Dataset"])
    json.dumps(table.meta)


@pytest.mark.parametrize(
    ("keywords", "datasets"),
    [
        ({"near": "L1"}, {"WI_H9_SWE", "AC_H9_SWE"}),
        ({"near": "the magnetosphere"}, {"MMS4_FPI_FAST_L2_DES-MOMS", "MMS4_FPI_FAST_L2_DIS-MOMS"}),
        ({"near": "Mars"}, set()),
        ({"server": TWO}, {"AC_H9_SWE"}),
        ({"server": [TWO, ONE], "near": "L1"}, {"WI_H9_SWE", "AC_H9_SWE"}),
        ({"near": "L1", "cadence": 2 * u.min}, {"WI_H9_SWE", "AC_H9_SWE"}),
        ({"near": "L1", "cadence": 1 * u.min}, {"AC_H9_SWE"}),
        ({"near": "L1", "cadence": timedelta(minutes=1)}, {"AC_H9_SWE"}),
        ({"near": "L1", "cadence": "PT92S"}, {"WI_H9_SWE", "AC_H9_SWE"}),
        ({"unit": u.nT}, set()),
        ({"unit": "m-3", "near": "L1"}, {"WI_H9_SWE", "AC_H9_SWE"}),
        ({"unit": 5 * u.cm**-3, "near": "L1"}, {"WI_H9_SWE", "AC_H9_SWE"}),
    ],
)
def test_keywords_exclude_what_they_contradict(two_servers: None, keywords: dict[str, Any], datasets: set[str]) -> None:
    assert set(hapi.find("density", **keywords)["Dataset"]) == datasets


@pytest.mark.parametrize(
    ("time", "is_found"),
    [
        (a.Time("1990-06-01", "1990-06-02"), True),
        (a.Time("1985-06-01", "2001-06-02"), True),
        (a.Time("1991-06-01", "1991-06-02"), False),
        (("1989-01-01", "1989-12-31"), False),
        (["1990-01-01", "1990-12-31"], True),
        ("1990-07-01", True),
        (Time("2020-07-01"), False),
        (np.datetime64("1990-07-01"), True),
    ],
)
def test_datasets_must_cover_a_part_of_the_time(two_servers: None, time: Any, is_found: bool) -> None:
    assert (len(hapi.find("rain", time=time)) > 0) is is_found


def test_the_number_of_rows_is_limited(two_servers: None) -> None:
    assert len(hapi.find("density", limit=2)) == 2
    assert list(hapi.find("density", limit=2)["Dataset"]) == list(hapi.find("density")["Dataset"][:2])


def test_the_results_name_servers_by_their_short_names() -> None:
    with conf.hapi.set_temp("servers", [f"mine={ONE}"]):
        put(ONE, CATALOGUE)
        assert set(hapi.find("density")["Server"]) == {"mine"}
        assert hapi.find("rain", server="mine")["Dataset"][0] == "RAIN"


def test_servers_with_test_data_are_searched_only_if_they_are_named(two_servers: None) -> None:
    url = "https://hapi-server.org/servers/TestData3.3/hapi"
    put(url, CATALOGUE)
    assert url not in set(hapi.find("density")["Server"])
    assert set(hapi.find("density", server="testdata3_3")["Server"]) == {"testdata3_3"}


def test_an_old_index_is_a_note_if_no_server_is_named(two_servers: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with conf.hapi.set_temp("index_days", 0.0):
        assert "older than conf.hapi.index_days" in hapi.find("density").meta["notes"][0]


def test_a_changed_index_is_searched_at_once(two_servers: None) -> None:
    before = len(hapi.find("rain"))
    put(TWO, {"MORE_RAIN": CATALOGUE["RAIN"]})
    assert len(hapi.find("rain")) == before + 1


def test_the_servers_of_the_index_are_listed(two_servers: None) -> None:
    table = hapi.indexed()
    assert table.colnames == ["Server", "Datasets", "Parameters", "Updated", "Complete", "Source"]
    assert list(table["Datasets"]) == [5, 1]
    assert abs(table["Updated"] - Time.now()).max() < 1 * u.hour


def test_an_absent_index_is_an_empty_list_and_not_searched() -> None:
    assert len(hapi.indexed()) == 0
    with pytest.raises(QueryError, match=r"No HAPI server is indexed yet.*update_index"):
        hapi.find("density")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("",), "takes a text"),
        ((5,), "takes a text"),
        (("x", {"near": "Narnia"}), "does not know the place 'Narnia'.*Moon"),
        (("x", {"near": "Mon"}), "Did you mean Moon"),
        (("x", {"near": 1}), "takes a text or None as near"),
        (("x", {"unit": "parrots"}), "takes a unit"),
        (("x", {"unit": object()}), "takes a unit"),
        (("x", {"unit": 3}), "takes a unit"),
        (("x", {"unit": np.float64(1)}), "takes a unit"),
        (("x", {"cadence": -1 * u.s}), "takes a duration"),
        (("x", {"cadence": 1 * u.km}), "takes a duration"),
        (("x", {"cadence": "often"}), "takes a duration"),
        (("x", {"cadence": [1, 2] * u.s}), "takes a duration"),
        (("x", {"time": "never"}), "takes a.Time"),
        (("x", {"time": ("2020-01-02", "2020-01-01")}), "takes a.Time"),
        (("x", {"time": (1, 2, 3)}), "takes a.Time"),
        (("x", {"server": "nowhere"}), "not a known HAPI server"),
        (("x", {"server": 3}), "takes a text or a list of texts"),
        (("x", {"limit": 0}), "takes an integer"),
        (("x", {"colour": "red"}), "does not take the keyword 'colour'"),
    ],
)
def test_arguments_that_are_not_allowed_are_explained(two_servers: None, arguments: Any, words: str) -> None:
    text, keywords = (*arguments, {})[:2]
    with pytest.raises(QueryError, match=words):
        hapi.find(text, **keywords)


@pytest.mark.parametrize(
    ("keywords", "names"),
    [
        ({"unit": u.kg}, "unit"),
        ({"near": "Pluto", "time": "1900-01-01"}, "near and time"),
        ({"cadence": 1 * u.ns, "unit": u.kg}, "unit and cadence"),
    ],
)
def test_keywords_that_exclude_everything_are_a_note(two_servers: None, keywords: dict[str, Any], names: str) -> None:
    table = hapi.find("proton density", **keywords)
    assert len(table) == 0
    assert table.meta["notes"] == [f"No parameter of the index meets {names}: leave out a keyword, or widen it."]


@pytest.mark.parametrize("server", [[], ()])
def test_no_server_is_refused(two_servers: None, server: Any) -> None:
    with pytest.raises(QueryError, match="at least one server, as in server='cdaweb', or None for all"):
        hapi.find("proton density", server=server)


@pytest.mark.parametrize("time", ["1900-01-01", "2020", ("2019", "2020"), ["2020-001", "2020-01-02"]])
def test_times_are_read_as_by_load(two_servers: None, time: Any) -> None:
    assert hapi.find("proton density", time=time).colnames == COLUMNS


@pytest.mark.parametrize("time", ["x", 3, ("2020", "2019"), ("2020",), ("2020", None), ("2020", "x")])
def test_other_times_are_refused(two_servers: None, time: Any) -> None:
    with pytest.raises(QueryError, match=r"hapi\.find takes a\.Time"):
        hapi.find("proton density", time=time)
