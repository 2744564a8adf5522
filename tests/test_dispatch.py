"""Which client answers which query: ours only when named, and then alone."""

from __future__ import annotations

import pickle

import astropy.units as u
import pytest
from astropy.table import QTable, vstack
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import HAPIClient, HelioviewerClient, HERClient, IMAPClient
from sunpy_helio_plugins.errors import QueryError

TIME = a.Time("2026-01-10 12:00", "2026-01-10 12:10")
MARKERS = {
    HAPIClient: a.hapi.Dataset(),
    IMAPClient: a.imap.File(),
    HelioviewerClient: a.helioviewer.Image(),
    HERClient: a.her.Event(),
}
QUERIES = {
    HAPIClient: TIME & a.hapi.Server("cdaweb") & a.hapi.Dataset("AC_H0_MFI"),
    IMAPClient: TIME & a.imap.File() & a.Instrument("mag"),
    HelioviewerClient: TIME & a.helioviewer.Image() & a.Instrument("AIA") & a.Wavelength(304 * u.AA),
    HERClient: TIME & a.her.Event() & a.hek.CH,
}
CORE = [a.Instrument("AIA"), a.Level(1), a.Provider("HAPI"), a.Source("SDO"), a.Wavelength(304 * u.AA), a.Physobs("x")]


def answering(*query) -> list[type]:
    return [client for client, can in Fido.registry.items() if can(*query)]


@pytest.mark.parametrize(("client", "marker"), MARKERS.items(), ids=lambda x: getattr(x, "__name__", ""))
def test_a_marker_alone_says_who_answers(client, marker):
    assert answering(TIME, marker) == [client]


@pytest.mark.parametrize(("client", "marker"), MARKERS.items(), ids=lambda x: getattr(x, "__name__", ""))
@pytest.mark.parametrize("core", CORE, ids=lambda attr: type(attr).__name__)
def test_with_a_marker_no_other_client_answers_whatever_else_is_said(client, marker, core):
    assert answering(TIME, marker, core) == [client]


@pytest.mark.parametrize("core", CORE, ids=lambda attr: type(attr).__name__)
def test_core_attrs_alone_never_wake_us(core):
    assert not set(answering(TIME, core)) & set(MARKERS)
    assert not set(answering(TIME)) & set(MARKERS)


def test_a_plain_hek_query_stays_with_sunpy():
    assert [client.__name__ for client in answering(TIME, a.hek.CH)] == ["HEKClient"]
    assert [client.__name__ for client in answering(TIME, a.hek.CH, a.hek.FRM.Name == "SPoCA")] == ["HEKClient"]


@pytest.mark.parametrize(
    "core",
    [a.Instrument("AIA"), a.Source("SDO"), a.Wavelength(193 * u.AA), a.Provider("HEK"), a.Provider("her")],
    ids=lambda attr: f"{type(attr).__name__}-{getattr(attr, 'value', '')}",
)
def test_a_hek_query_that_sunpy_refuses_is_ours(core):
    assert answering(TIME, a.hek.CH, core) == [HERClient]


@pytest.mark.parametrize("marker", MARKERS.values(), ids=lambda attr: type(attr).__name__)
def test_what_we_cannot_use_is_explained(archive, marker):
    response = None
    try:
        response = Fido.search(TIME, marker, a.jsoc.Notify("me@example.org"))
    except QueryError as error:
        said = str(error)
    else:  # from sunpy 7.1 on, a client's error is kept in the response
        said = str(response.errors[0])
    assert "a.jsoc.Notify" in said
    assert "Did you miss an OR" not in said


@pytest.mark.parametrize("client", MARKERS, ids=lambda x: x.__name__)
def test_no_constructor_asks_anything(client, archive):
    client()
    assert archive.log == []


@pytest.mark.parametrize(("client", "query"), QUERIES.items(), ids=lambda x: getattr(x, "__name__", ""))
def test_answers_survive_what_tables_survive(archive, client, query, tmp_path):
    table = client().search(query)
    assert len(table) > 0
    assert type(table.client) is client
    stacked = vstack([table, client().search(query)])
    assert len(stacked) == 2 * len(table)
    assert len(pickle.loads(pickle.dumps(table))) == len(table)
    assert len(table.copy()[:1]) == 1
    assert str(table[:0])
    assert str(table)
    table.write(tmp_path / "x.ecsv")
    assert len(QTable.read(tmp_path / "x.ecsv")) == len(table)


def test_an_or_asks_each_and_a_direct_search_merges(archive):
    from functools import reduce
    from operator import or_

    response = Fido.search(reduce(or_, QUERIES.values()))
    assert {type(table.client) for table in response} == set(MARKERS)
    times = a.Time("2026-01-10 12:00", "2026-01-10 12:01") | a.Time("2026-01-10 12:03", "2026-01-10 12:04")
    merged = HelioviewerClient().search(times & a.helioviewer.Image() & a.Instrument("AIA") & a.Wavelength(304 * u.AA))
    assert len(merged) == 4


def test_printing_fido_lists_the_four_clients():
    shown = str(Fido)
    for client in MARKERS:
        assert client.__name__ in shown


@pytest.mark.parametrize("client", MARKERS)
def test_a_client_shows_what_it_understands(client):
    assert client.__name__ in str(client())
    assert "<table" in client()._repr_html_()
