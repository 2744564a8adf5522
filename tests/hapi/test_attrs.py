"""Test the attrs of HAPI and the resulting requests."""

from __future__ import annotations

import pickle

import astropy.units as u
import pytest
from sunpy.net import attrs as a

import sunpy_helio_plugins
from sunpy_helio_plugins import HAPIClient, hapi
from sunpy_helio_plugins.errors import QueryError, SettingError
from sunpy_helio_plugins.hapi import server_list
from sunpy_helio_plugins.hapi.query import Query
from sunpy_helio_plugins.hapi.translator import queries

TIME = a.Time("2026-01-10", "2026-01-11")
START, END = "2026-01-10T00:00:00.000000000Z", "2026-01-11T00:00:00.000000000Z"


def test_a_query_becomes_one_question() -> None:
    asked = queries(TIME, a.hapi.Server.cdaweb, a.hapi.Dataset("AC_H0_MFI"), a.hapi.Parameters("Magnitude", "BGSEc"))
    assert asked == (Query("cdaweb", "AC_H0_MFI", START, END, ("Magnitude", "BGSEc")),)


def test_values_joined_by_or_become_one_question_each() -> None:
    dataset = a.hapi.Dataset("X") | a.hapi.Dataset("Y")
    assert [one.dataset for one in queries(TIME, a.hapi.Server("cdaweb"), dataset)] == ["X", "Y"]


def test_alternatives_at_any_depth_are_asked_once_each() -> None:
    one = a.hapi.Server("cdaweb") & a.hapi.Dataset("X")
    other = a.hapi.Server("lisird") & a.hapi.Dataset("Y")
    asked = queries((TIME & (one | other)) | (TIME & one))
    assert [(query.server, query.dataset) for query in asked] == [("cdaweb", "X"), ("lisird", "Y")]


def test_times_of_any_scale_are_asked_in_utc() -> None:
    time = a.Time("2026-01-10", "2026-01-11")
    shifted = a.Time(time.start.tai, time.end.tt)
    words = (a.hapi.Server("cdaweb"), a.hapi.Dataset("X"))
    assert queries(shifted, *words)[0].start == START
    assert queries(shifted, *words)[0].end == END


def test_no_dataset_asks_for_the_catalogue() -> None:
    assert queries(TIME, a.hapi.Server("cdaweb"), a.hapi.Dataset())[0].dataset is None


def test_an_address_is_a_server() -> None:
    assert a.hapi.Server("https://example.org/x/hapi/").values == ("https://example.org/x/hapi",)
    assert a.hapi.Server("https://cdaweb.gsfc.nasa.gov/hapi").values == ("cdaweb",)
    # As in lists of servers; requests are sent over TLS nevertheless.
    assert a.hapi.Server("http://lasp.colorado.edu/lisird/hapi").values == ("lisird",)


def test_names_of_servers_ignore_case_and_complete() -> None:
    assert a.hapi.Server("CDAWeb") == a.hapi.Server.cdaweb
    assert "lisird" in dir(a.hapi.Server)


def test_a_setting_renames_and_adds_servers() -> None:
    with sunpy_helio_plugins.conf.hapi.set_temp("servers", ["mine=http://localhost:1/hapi"]):
        assert a.hapi.Server("mine").values == ("mine",)
    with pytest.raises(QueryError, match="is not a known HAPI server"):
        a.hapi.Server("mine")


def test_habits_of_servers_are_told() -> None:
    servers = hapi.servers()
    habits = dict(zip(servers["name"], servers["habits"], strict=True))
    assert habits["helioviewer"] == "includes the stop, parameters by name, no compression"
    assert habits["swe"] == "limited answers, requires a token"
    assert habits["cdaweb"] == ""
    with sunpy_helio_plugins.conf.hapi.set_temp("servers", ["plain=http://example.org/hapi"]):
        assert server_list.find("plain").habits == "http only"


def test_a_setting_that_is_no_address_is_explained() -> None:
    with pytest.raises(SettingError, match="name=https"):
        sunpy_helio_plugins.conf.hapi.servers = ["mine"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: a.hapi.Server("cdawep"), "did you mean cdaweb"),
        (lambda: a.hapi.Server(), "at least one value"),
        (lambda: a.hapi.Parameters(), "at least one value"),
        (lambda: a.hapi.Parameters(" , "), "takes names of parameters, in a list or separated by commas"),
        (lambda: a.hapi.Dataset(3), "takes text"),
        (lambda: a.hapi.Dataset(" "), "takes text"),
        (lambda: a.hapi.Format("csv", "json"), r"a\.hapi\.Format accepts only one format"),
        (lambda: a.hapi.Chunk("P1D", 2 * u.day), r"a\.hapi\.Chunk accepts only one duration"),
        (lambda: a.hapi.Chunk(object()), "is not a valid duration; use for example 1"),
        (lambda: a.hapi.Chunk("soon"), "'soon' is not a valid duration"),
        (lambda: a.hapi.Chunk(1 * u.m), "is not a valid duration"),
        (lambda: a.hapi.Chunk([1, 2] * u.day), "is not a valid duration"),
        (lambda: a.hapi.Chunk(0 * u.s), "is not a valid duration"),
    ],
)
def test_a_wrong_value_is_refused_at_once(make: object, words: str) -> None:
    with pytest.raises(QueryError, match=words):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ((a.hapi.Server("cdaweb"), a.hapi.Dataset("X")), "needs a.Time"),
        ((TIME, a.hapi.Dataset()), "or a server"),
        (
            (TIME, a.hapi.Server("cdaweb"), a.hapi.Dataset("X"), a.Provider("VSO")),
            "provider of a.hapi is 'HAPI', not 'VSO'",
        ),
        ((TIME, a.hapi.Server("cdaweb")), "Give a dataset"),
        ((TIME, a.hapi.Server("cdaweb"), a.hapi.Dataset("X"), a.Sample(3 * u.s)), "cannot use a.Sample"),
    ],
)
def test_an_incomplete_query_is_explained(query: tuple[object, ...], words: str) -> None:
    with pytest.raises(QueryError, match=words):
        queries(*query)


def test_own_words_and_the_provider_wake_the_client() -> None:
    own = (TIME, a.hapi.Dataset())
    assert HAPIClient._can_handle_query(*own)
    assert HAPIClient._can_handle_query(*own, a.Provider("hapi"))
    assert HAPIClient._can_handle_query(*own, a.Instrument("MAG"))  # to raise an explanatory error
    assert HAPIClient._can_handle_query(*own, a.Provider("VSO"))
    assert HAPIClient._can_handle_query(TIME, a.Provider("HAPI"))
    assert not HAPIClient._can_handle_query(TIME, a.Provider("VSO"))
    assert not HAPIClient._can_handle_query(TIME, a.Source("ACE"), a.Instrument("MAG"))


@pytest.mark.parametrize("given", [("A,B*", "C"), ("A", "B*,C"), ("A, B* ,C",), ("A,B*,C,",), ("A,,B*", "C,A")])
def test_names_of_parameters_may_be_separated_by_commas(given: tuple[str, ...]) -> None:
    assert a.hapi.Parameters(*given) == a.hapi.Parameters("A", "B*", "C")


def test_words_pickle() -> None:
    word = a.hapi.Parameters("Magnitude", "BGSEc")
    assert pickle.loads(pickle.dumps(word)) == word
