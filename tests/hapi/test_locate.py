"""Test that the server of a dataset is found, and that words are searched for on all listed servers within limits."""

from __future__ import annotations

from typing import Any

import pytest
from sunpy.net import attrs as a

from sunpy_helio_plugins import HAPIClient, conf
from sunpy_helio_plugins.errors import IncompleteAnswerWarning, QueryError, ServiceUnreachable
from sunpy_helio_plugins.hapi import search, server_list
from sunpy_helio_plugins.hapi.translator import queries

DAY = a.Time("2026-01-10", "2026-01-11")


@pytest.fixture
def listed(archive: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the embedded archive; its servers are the only ones that are listed."""
    monkeypatch.setattr(server_list, "_shipped", dict)
    with conf.hapi.set_temp("servers", [f"{name}={archive.url}/hapi/{name}/hapi" for name in ("cdaweb", "lisird")]):
        yield archive


def _search(*words: Any) -> Any:
    return HAPIClient().search(DAY, *words)


def _asked(archive: Any, endpoint: str) -> list[str]:
    return [request.path.split("/")[2] for request in archive.log if request.path.endswith(f"/{endpoint}")]


def test_a_dataset_without_a_server_finds_its_server(listed: Any) -> None:
    table = _search(a.hapi.Dataset("AC_H0_MFI"), a.hapi.Parameters("Magnitude"))
    assert list(table["Server"]) == ["cdaweb"]
    assert list(table["Parameters"]) == ["Magnitude"]
    assert table.problems == []
    assert sorted(_asked(listed, "catalog")) == ["cdaweb", "lisird"], "each catalogue once"
    assert _asked(listed, "info") == ["cdaweb"], "descriptions of the one server alone"


@pytest.mark.parametrize("name", ["cdaweb/AC_H0_MFI", "CDAWeb/AC_H0_MFI", "{url}/hapi/cdaweb/hapi/AC_H0_MFI"])
def test_a_server_before_the_dataset_is_the_only_one_asked(listed: Any, name: str) -> None:
    table = _search(a.hapi.Dataset(name.format(url=listed.url)))
    assert [(row["Server"], row["Dataset"]) for row in table] == [("cdaweb", "AC_H0_MFI")]
    assert set(_asked(listed, "info")) == {"cdaweb"}
    assert "lisird" not in _asked(listed, "catalog")


def test_datasets_of_several_servers_are_one_search(listed: Any) -> None:
    table = _search(a.hapi.Dataset("lisird/tsis_tsi_24hr") | a.hapi.Dataset("AC_H0_MFI"))
    assert sorted(table["Server"]) == ["cdaweb", "lisird"]


def test_a_server_that_is_named_twice_is_the_same(listed: Any) -> None:
    assert list(_search(a.hapi.Server("cdaweb"), a.hapi.Dataset("cdaweb/AC_H0_MFI"))["Dataset"]) == ["AC_H0_MFI"]
    (query,) = queries(DAY, a.hapi.Server("lisird"), a.hapi.Dataset("cdaweb/AC_H0_MFI"))
    assert (query.server, query.dataset) == ("lisird", "cdaweb/AC_H0_MFI"), "ids may have slashes"
    (query,) = queries(DAY, a.hapi.Server("lisird"), a.hapi.Dataset("Juno/WAV/Survey"))
    assert query.dataset == "Juno/WAV/Survey"


def test_a_dataset_of_several_servers_is_refused_with_their_names(listed: Any) -> None:
    mirror = f"mirror={listed.url}/hapi/cdaweb/hapi"
    with conf.hapi.set_temp("servers", [*conf.hapi.servers, mirror]):
        with pytest.raises(QueryError, match=r"cdaweb, mirror; give the server: a\.hapi\.Dataset\('cdaweb/AC_H0_MFI"):
            _search(a.hapi.Dataset("AC_H0_MFI"))
        assert list(_search(a.hapi.Dataset("mirror/AC_H0_MFI"))["Server"]) == ["mirror"]
    assert _asked(listed, "data") == []


@pytest.mark.parametrize("name", ["ac_h0_mfi", "AC_H0_MFJ"])
def test_an_unknown_dataset_is_told_with_similar_ones(listed: Any, name: str) -> None:
    with pytest.raises(QueryError, match=rf"None of 2 HAPI servers has a dataset '{name}'; similar: cdaweb/AC_H0_MFI"):
        _search(a.hapi.Dataset(name))
    assert _asked(listed, "info") == []


def test_a_server_that_is_down_is_named_and_costs_nothing(listed: Any) -> None:
    servers = [*conf.hapi.servers, "dead=http://127.0.0.1:9/hapi"]
    with conf.hapi.set_temp("servers", servers), conf.set_temp("retries", 0):
        table = _search(a.hapi.Dataset("AC_H0_MFI"))
        assert list(table["Server"]) == ["cdaweb"]
        assert table.problems == []
        assert table.notes[0].endswith("did not respond: dead.")
        with pytest.raises(QueryError, match="did not respond: dead"):
            _search(a.hapi.Dataset("nothing"))
        with pytest.warns(IncompleteAnswerWarning, match="dead"):
            assert len(_search(a.hapi.Dataset("AC_*"))) == 1
    with (
        conf.hapi.set_temp("servers", ["dead=http://127.0.0.1:9/hapi"]),
        conf.set_temp("retries", 0),
        pytest.raises(ServiceUnreachable),
    ):
        _search(a.hapi.Dataset("AC_H0_MFI"))


def test_a_provider_and_a_spacecraft_search_all_listed_servers(listed: Any) -> None:
    assert HAPIClient._can_handle_query(DAY, a.Provider("HAPI"), a.Source("ACE"))
    table = _search(a.Provider("HAPI"), a.Source("ACE"))
    assert list(table["Dataset"]) == ["AC_H0_MFI"]
    assert len(listed.log) <= 2 * (2 + search._READ_UNNAMED)


def test_a_provider_alone_does_not_say_what_to_look_for(listed: Any) -> None:
    with pytest.raises(QueryError, match=r"Give a dataset: .*a\.Source"):
        _search(a.Provider("HAPI"))
    assert listed.log == []


def test_requests_of_a_wide_search_are_bounded_and_what_is_left_out_is_told(
    listed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_DESCRIBED", 2)
    with pytest.warns(IncompleteAnswerWarning, match="cdaweb: 4 datasets match, and 2 of them were left out"):
        table = _search(a.hapi.Dataset("*"), a.Source("NASA"))
    assert len(table) <= 4
    assert _asked(listed, "info").count("cdaweb") <= 2
