"""Test searches for datasets of HAPI servers, and errors for datasets that do not exist."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from astropy.table import vstack
from sunpy.net import Fido
from sunpy.net import attrs as a

import sunpy_helio_plugins
from sunpy_helio_plugins import HAPIClient
from sunpy_helio_plugins.errors import (
    AnswerError,
    IncompleteAnswerWarning,
    QueryError,
    ServiceRefused,
    ServiceUnreachable,
)
from sunpy_helio_plugins.hapi import Info, explore, server_list
from sunpy_helio_plugins.hapi.service import Service

DAY = a.Time("2026-01-10", "2026-01-11")
CDAWEB = a.hapi.Server.cdaweb
ACE = a.hapi.Dataset("AC_H0_MFI")


def _search(*words: Any) -> Any:
    return HAPIClient().search(*words)


def test_a_dataset_is_one_row_that_says_what_it_holds(archive: Any) -> None:
    result = Fido.search(DAY, CDAWEB, ACE, a.hapi.Parameters("BGSEc", "Magnitude"))
    (row,) = result["hapi"]
    assert [row[name] for name in ("Provider", "Server", "Dataset", "Cadence")] == [
        "HAPI", "cdaweb", "AC_H0_MFI", "PT16S",
    ]  # fmt: skip
    assert row["Title"].startswith("ACE Magnetic Field")
    assert row["Parameters"] == "Magnitude, BGSEc"
    assert row["Units"] == "nT, nT"
    assert row["Start Time"].isot == "2026-01-10T00:00:00.000000000"
    assert result["hapi"].problems == []
    assert "AC_H0_MFI" in str(result)


def test_each_server_is_asked_with_its_own_names(archive: Any) -> None:
    old = _search(DAY, CDAWEB, ACE)[0]["url"]
    new = _search(DAY, a.hapi.Server("lisird"), a.hapi.Dataset("tsis_tsi_24hr"))[0]["url"]
    assert "?id=AC_H0_MFI&time.min=" in old
    assert "?dataset=tsis_tsi_24hr&start=" in new
    assert "format=binary" in old
    asked = [(request.path, request.query) for request in archive.log if request.path.endswith("/info")]
    assert asked == [
        ("/hapi/cdaweb/hapi/info", {"id": "AC_H0_MFI"}),
        # At the same time as its capabilities, by the version that the list of servers gives.
        ("/hapi/lisird/hapi/info", {"id": "tsis_tsi_24hr"}),
    ]


def test_all_parameters_are_asked_for_by_naming_none(archive: Any) -> None:
    assert "parameters=" not in _search(DAY, CDAWEB, ACE)[0]["url"]


def test_parameters_are_asked_for_in_the_servers_order(archive: Any) -> None:
    row = _search(DAY, CDAWEB, ACE, a.hapi.Parameters("BGSEc", "Magnitude"))[0]
    assert "&parameters=Magnitude,BGSEc&" in row["url"]


def test_an_odd_id_is_quoted(archive: Any) -> None:
    assert "id=WI_H0_MFI@0&" in _search(DAY, CDAWEB, a.hapi.Dataset("WI_H0_MFI@0"))[0]["url"]


def test_the_stop_is_one_tick_after_the_end(archive: Any) -> None:
    # a.Time includes its end, HAPI excludes its stop.
    assert "time.max=2026-01-11T00:00:00.001Z" in _search(DAY, CDAWEB, ACE)[0]["url"]


def test_no_dataset_lists_the_catalogue(archive: Any) -> None:
    table = _search(DAY, CDAWEB, a.hapi.Dataset())
    assert list(table["Dataset"]) == ["AC_H0_MFI", "OMNI_HRO2_1MIN", "OMNI2_H0_MRG1HR", "WI_H0_MFI@0"]
    late = _search(a.Time("2026-02-10", "2026-02-11"), CDAWEB, a.hapi.Dataset())
    assert "WI_H0_MFI@0" not in list(late["Dataset"])


def test_a_range_is_cut_to_the_dataset_and_the_table_says_so(archive: Any) -> None:
    table = _search(a.Time("2026-02-27", "2026-03-05"), CDAWEB, ACE)
    assert table[0]["End Time"].isot == "2026-03-01T00:00:00.000000000"
    # The record at the dataset's stop is requested with a stop one tick later, and with the stop itself if refused.
    assert "time.max=2026-03-01T00:00:00.001Z" in table[0]["url"]
    assert "ends at 2026-03-01" in table.notes[0]
    early = _search(a.Time("1997-09-01", "1997-09-03"), CDAWEB, ACE)
    assert early[0]["Start Time"].isot == "1997-09-02T00:00:12.000000000"
    assert "begins at 1997-09-02" in early.notes[0]


def test_a_time_that_the_dataset_does_not_cover_finds_nothing(archive: Any) -> None:
    table = _search(a.Time("1970-01-01", "1970-01-02"), CDAWEB, ACE)
    assert len(table) == 0
    assert table.colnames == _search(DAY, CDAWEB, ACE).colnames
    assert "covers 1997-09-02" in table.notes[0]
    assert "0 Results" in str(Fido.search(a.Time("1970-01-01", "1970-01-02"), CDAWEB, ACE))


def test_a_stop_far_in_the_future_is_no_extent(archive: Any) -> None:
    server = a.hapi.Server(f"{archive.url}/hapi/swe-open/hapi")
    table = _search(DAY, server, a.hapi.Dataset())
    assert len(table) == 3
    assert set(table["End Time"].isot) == {"2026-01-11T00:00:00.000000000"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((CDAWEB, a.hapi.Dataset("AC_H0_MFJ")), "has no dataset 'AC_H0_MFJ'; did you mean AC_H0_MFI"),
        ((CDAWEB, a.hapi.Dataset("ac_h0_mfi")), "AC_H0_MFI"),
        ((CDAWEB, ACE, a.hapi.Parameters("Magnitud")), "has no parameter 'Magnitud'; did you mean Magnitude"),
    ],
)
def test_what_does_not_exist_is_named_with_what_does(archive: Any, words: tuple[Any, ...], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        _search(DAY, *words)


def test_a_server_that_asks_for_a_token_is_quoted(archive: Any) -> None:
    with pytest.raises(ServiceRefused, match=r"HAPI server swe answered 401: Not Authenticated"):
        _search(DAY, a.hapi.Server("swe"), a.hapi.Dataset())


def test_a_dead_server_is_named(archive: Any) -> None:
    conf = sunpy_helio_plugins.conf
    with (
        conf.set_temp("retries", 0),
        pytest.raises(ServiceUnreachable, match=r"127\.0\.0\.1.*refused"),
    ):
        _search(DAY, a.hapi.Server("http://127.0.0.1:9/hapi"), ACE)


def test_a_page_instead_of_json_is_said_to_be_one(archive: Any) -> None:
    # The root of the image tree returns an HTML page, and so do many portals in front of a server.
    server = a.hapi.Server(f"{archive.url}/hapi/nowhere/hapi")
    with pytest.raises((AnswerError, ServiceRefused), match="404"):
        _search(DAY, server, ACE)


def test_one_dead_server_of_two_costs_its_own_rows_only(archive: Any) -> None:
    both = a.hapi.Server("lisird") | a.hapi.Server("swe")
    with pytest.warns(IncompleteAnswerWarning, match="401"):
        table = _search(DAY, both, a.hapi.Dataset())
    assert set(table["Server"]) == {"lisird"}
    assert "the catalogue of swe" in table.problems[0]


def test_alternatives_are_tables_of_their_own_in_fido_and_one_in_the_client(archive: Any) -> None:
    other = a.hapi.Server("lisird") & a.hapi.Dataset("tsis_tsi_24hr")
    tree = (CDAWEB & ACE) | other
    assert len(Fido.search(DAY, tree)) == 2
    assert list(_search(DAY & tree)["Server"]) == ["cdaweb", "lisird"]


def test_tables_survive_what_users_do_to_them(archive: Any, tmp_path: Path) -> None:
    table = _search(DAY, CDAWEB, a.hapi.Dataset())
    table.sort("Dataset")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stacked = vstack([table[:2], table[2:]])
    assert list(stacked["Dataset"]) == list(table["Dataset"])
    assert stacked.client == HAPIClient()
    assert len(pickle.loads(pickle.dumps(table))) == len(table.copy()) == 4
    for part in (table[:0], table[:1], table):
        assert "Dataset" in str(part)
    table.write(tmp_path / "found.ecsv")
    assert table[0]["url"].startswith("http")
    assert "http://" not in str(table)


def test_no_other_client_answers(archive: Any) -> None:
    assert Fido.search(DAY, CDAWEB, ACE).keys() == ["hapi"]


def test_long_texts_are_shortened_where_they_are_printed_and_nowhere_else(archive: Any) -> None:
    table = _search(DAY, CDAWEB, a.hapi.Dataset())
    printed = str(table)
    assert "ACE Magnetic Field 16-Second Level 2 Data - N. …" in printed
    assert "proton_density, T, SYM_H" not in printed
    assert table["Title"][0].endswith("(Bartol Research Institute)")
    assert "(Bartol Research Institute)" in str(table.show("Title"))
    assert max(map(len, printed.splitlines())) < 250
    assert " 5401 " in printed


def test_a_dataset_that_a_word_does_not_describe_is_no_row_and_a_note(archive: Any) -> None:
    table = HAPIClient().search(DAY, a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI"), a.Instrument("coronagraph"))
    assert (len(table), table.problems) == (0, [])
    assert table.notes == ["AC_H0_MFI of HAPI server cdaweb does not match coronagraph."]


def test_records_of_an_unknown_layout_are_requested_as_text(archive: Any) -> None:
    service = Service(server_list.find("cdaweb"))
    time = {"name": "Time", "type": "isotime", "length": 24}
    known = Info({"parameters": [time, {"name": "B", "type": "double"}]})
    assert service.format(known) == "binary"
    assert service.format(Info({"parameters": [time, {"name": "s", "type": "string"}]})) == "csv"


@pytest.mark.parametrize(
    ("infos", "words"),
    [
        ({}, "The catalogue of Here is empty"),
        ({"X": {}, "Y": {"startDate": "lasthour"}}, "Here does not give start dates of its datasets"),
    ],
)
def test_a_server_without_a_range_to_test_is_named(infos: dict[str, Any], words: str) -> None:
    here = SimpleNamespace(archive="Here", url="https://here")
    stub = SimpleNamespace(
        server=here, catalog=lambda: infos, info=lambda name: Info({"parameters": [], **infos[name]})
    )
    with pytest.raises(QueryError, match=words):
        explore._range(stub)  # type: ignore[arg-type]


def test_the_first_dataset_with_a_start_is_tested() -> None:
    infos = {"X": {}, "Y": {"startDate": "2020-01-01Z"}}
    stub = SimpleNamespace(catalog=lambda: infos, info=lambda name: Info({"parameters": [], **infos[name]}))
    asked, must_hold = explore._range(stub)  # type: ignore[arg-type]
    assert (asked["dataset"], asked["start"][:10], asked["stop"][:10], must_hold) == (
        "Y",
        "2020-01-01",
        "2020-01-02",
        False,
    )


def test_a_pattern_of_no_dataset_is_an_error_of_its_server(archive: Any) -> None:
    with pytest.raises(QueryError, match="has no dataset like 'XYZZY"):
        sunpy_helio_plugins.hapi.load("cdaweb", "XYZZY*", "2026-01-10", "2026-01-11")
