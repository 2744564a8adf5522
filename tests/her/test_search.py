"""Test that Fido uses this client or sunpy's HEK client for the intended queries."""

from __future__ import annotations

from typing import Any

import pytest
from sunpy.net import Fido
from sunpy.net import attrs as a
from sunpy.net.hek import HEKClient

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her import HERClient, HERTable, search
from sunpy_helio_plugins.her import client as her_client
from sunpy_helio_plugins.her.query import Alternative, Query, Triplet

DAY = a.Time("2026-01-10", "2026-01-10T23:59")


def answering(*query: Any) -> set[str]:
    return {client.__name__ for client in Fido.registry if client._can_handle_query(*query)}


@pytest.mark.parametrize(
    "query",
    [
        (DAY, a.her.Event()),
        (DAY, a.her.CH),
        (DAY, a.her.frm_name == "SPoCA"),
        (DAY, a.her.CH, a.Instrument.aia, a.Provider("HER")),
        (DAY, a.her.CH, a.hek.FRM.Name == "SPoCA"),
        (DAY, a.hek.CH, a.Instrument.aia),
        (DAY, a.hek.CH, a.Source("SDO")),
        (DAY, a.hek.FL, a.Physobs("irradiance")),
        (DAY, a.hek.FRM.Name == "SPoCA", a.Provider("hek")),
        (DAY, a.her.CH, a.Physobs("intensity")),
        (DAY, a.hek.CH, a.Provider.her),
        (DAY, a.hek.CH, a.Provider.hek),
    ],
)
def test_these_are_ours_alone(query: Any) -> None:
    assert answering(*query) == {"HERClient"}


@pytest.mark.parametrize("query", [(DAY, a.hek.CH), (DAY, a.hek.FL, a.hek.FRM.Name == "SWPC")])
def test_a_time_with_sunpys_words_stays_sunpys(query: Any) -> None:
    assert answering(*query) == {"HEKClient"}


def test_sunpys_words_beside_an_or_stay_sunpys_unless_each_branch_is_ours(archive: Any) -> None:
    """Fido searches for each branch of an OR separately; branches with only sunpy's attrs go to sunpy's client."""
    both = Fido.search(DAY, a.her.CH | (a.hek.FL & a.her.Event()))
    assert [table.client for table in both] == [HERClient(), HERClient()]
    assert len(HERClient().search(DAY, a.her.CH | a.hek.FL)) == 30
    assert answering(DAY, a.hek.FL) == {"HEKClient"}
    assert answering(DAY, a.hek.FL, a.her.Event()) == {"HERClient"}


def test_a_time_alone_is_not_ours() -> None:
    assert "HERClient" not in answering(DAY)
    assert "HERClient" not in answering(DAY, a.Instrument.aia)
    assert "HERClient" in answering(DAY, a.Instrument.aia, a.Provider("HER"))


def test_holes_and_flares_in_one_search_with_sunpys_filter(archive: Any) -> None:
    result = Fido.search(DAY, a.her.CH | a.her.FL, a.hek.FRM.Name == "SPoCA")
    assert list(result.keys()) == ["her"]
    assert len(result["her"]) == 18
    assert isinstance(result["her"], HERTable)
    assert "18 Results from the HERClient" in str(result)


def test_alternatives_are_tables_of_their_own_in_fido_and_merge_when_asked_directly(archive: Any) -> None:
    tree = (a.her.frm_name == "SPoCA") | (a.her.frm_name == "SWPC")
    assert [len(table) for table in Fido.search(DAY, a.her.Event(), tree)] == [18, 6]
    assert len(HERClient().search(DAY, a.her.Event(), tree)) == 24


def test_the_filter_of_one_type_lets_others_pass(archive: Any) -> None:
    table = Fido.search(DAY, a.her.CH | a.her.AR, a.her.CH.area_atdiskcenter > 5e10)["her"]
    assert list(table["event_type"]).count("AR") == 3
    assert list(table["event_type"]).count("CH") == 6


def test_instrument_source_and_wavelength_narrow(archive: Any) -> None:
    import astropy.units as u

    table = Fido.search(DAY, a.hek.EventType("**"), a.Instrument.aia, a.Source("sdo"), a.Wavelength(193 * u.AA))["her"]
    assert set(table["frm_name"]) == {"SPoCA"}


def test_ours_and_sunpys_clients_find_the_same(archive: Any) -> None:
    theirs = HEKClient(url=f"{archive.url}/hek/her?").search(DAY, a.hek.AR)
    ours = HERClient().search(DAY, a.her.AR)
    assert set(ours["kb_archivid"]) == set(theirs["kb_archivid"])
    assert list(ours["ar_noaanum"]) == list(theirs["ar_noaanum"])


def test_a_wrong_question_makes_no_request(archive: Any) -> None:
    with pytest.raises(QueryError):
        HERClient().search(DAY, a.her.CH, a.Provider("VSO"))
    assert not archive.log


def test_nothing_found_is_an_empty_table(archive: Any) -> None:
    table = HERClient().search(a.Time("2025-01-10", "2025-01-11"), a.her.CH)
    assert len(table) == 0
    assert "event_starttime" in str(table)


def test_the_values_complete() -> None:
    assert a.her.EventType.ch == a.her.CH
    assert a.Provider.her.value == "HER"


def test_no_queries_find_no_events() -> None:
    found = search.search([])
    assert (len(found), found.problems, found.associations) == (0, (), ())


def eruption(name: str, **values: Any) -> dict[str, Any]:
    return {
        "kb_archivid": name, "event_type": "CE", "search_frm_name": "CACTus", "event_starttime": "2026-01-10T01:00:00",
        "hrc_a": 90, "cme_angularwidth": 40, "kb_archivdate": "2026-01-10T02:00:00", **values,
    }  # fmt: skip


@pytest.mark.parametrize("values", [{"hrc_a": None}, {"cme_angularwidth": "wide"}, {"event_starttime": "yesterday"}])
def test_an_eruption_without_readable_values_is_never_a_repetition(values: dict[str, Any]) -> None:
    alike = [eruption("a"), eruption("b", kb_archivdate="2026-01-10T05:00:00")]
    assert [one["kb_archivid"] for one in search.without_old(alike)] == ["b"]
    odd = [eruption("a", **values), *alike]
    assert [one["kb_archivid"] for one in search.without_old(odd[:1] + alike[1:])] == ["a", "b"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"search_frm_name": "", "frm_name": "CACTus (Computer Aided CME Tracking)"}, ["b"]),
        ({"frm_name": "another"}, ["b"]),
        ({"search_frm_name": "SEEDS", "frm_name": "CACTus"}, ["a", "b"]),
        ({"search_frm_name": None, "frm_name": None}, ["a", "b"]),
    ],
)
def test_the_supplier_of_an_eruption_has_one_of_two_names(values: dict[str, Any], expected: list[str]) -> None:
    alike = [eruption("a", **values), eruption("b", kb_archivdate="2026-01-10T05:00:00", **values)]
    assert [one["kb_archivid"] for one in search.without_old(alike)] == expected


def test_a_revision_that_is_no_number_is_the_oldest() -> None:
    records = [{"kb_archivid": "a", "revision": revision, "n": n} for n, revision in enumerate([2, "new", 1, None])]
    assert [one["n"] for one in search.without_old(records)] == [0]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("area_raw", [-9999, 5, "inf", 3], [3, 5, -9999, "inf"]),
        ("ar_noaanum", [0, 14332, 4331], [4331, 14332, 0]),
        (
            "event_peaktime",
            ["never", "2026-01-10T02:00:00", "2026-01-10"],
            ["2026-01-10", "2026-01-10T02:00:00", "never"],
        ),
    ],
)
def test_values_that_do_not_exist_are_last_in_any_order(name: str, values: list[Any], expected: list[Any]) -> None:
    records = [{"event_starttime": "2026-01-10T00:00:00", name: value} for value in values]
    query = Query("2026-01-10T00:00:00", "2026-01-11T00:00:00", sort_by=name)
    assert [one[name] for one in search.ordered(records, query)] == expected


def test_a_doubt_about_an_event_that_is_known_to_match_is_not_kept() -> None:
    found = search.EventCollector()
    found._add("a 1", (0, 0), ())
    found._add("a 1", (0, 0), ("unknown unit",))
    assert found.doubts == ()


@pytest.mark.parametrize(
    ("condition", "hint"),
    [
        (a.her.frm_name == "spocas", "Did you mean SPoCA"),
        (a.her.search_frm_name == "swcp", "Did you mean SWPC"),
        (a.her.Supplier("Cactis"), "Did you mean CACTus"),
    ],
)
def test_a_search_without_events_suggests_names_of_methods(archive: Any, condition: Any, hint: str) -> None:
    found = HERClient().search(a.Time("2026-01-10", "2026-01-11"), condition)
    assert len(found) == 0
    assert hint in str(found)
    assert "Did you mean" not in str(HERClient().search(a.Time("1999-01-10", "1999-01-11"), a.her.Supplier("SWPC")))


@pytest.mark.parametrize(
    ("name", "operator", "count"),
    [("frm_name", "=", 1), ("search_frm_name", "=", 1), ("frm_name", "!=", 0), ("obs_observatory", "=", 0)],
)
def test_similar_names_are_suggested_for_methods_that_are_equal(name: str, operator: str, count: int) -> None:
    days = ("2026-01-10", "2026-01-11")
    one = Alternative(*days, tests=(Triplet(name, operator, "spoca"),))
    told = her_client._suggestions([Query(*days, alternatives=(one,))])
    assert len(told) == count
    assert all(text.startswith("No event of 'spoca' was found; text is compared with its case. Did ") for text in told)
