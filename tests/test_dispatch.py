"""Test which client handles which query."""

from __future__ import annotations

import pickle

import astropy.units as u
import pytest
from astropy.table import QTable, vstack
from sunpy.net import Fido
from sunpy.net import attrs as a
from sunpy.net.attr import Attr
from sunpy.net.vso import VSOClient
from sunpy.net.vso.table_response import VSOQueryResponseTable

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
CORE = [a.Instrument("AIA"), a.Level(1), a.Source("SDO"), a.Wavelength(304 * u.AA), a.Physobs("x"), a.Detector("45")]
SHARED = [a.Instrument(name) for name in ("mag", "lo", "hi", "hit", "swe", "spacecraft", "HI-1", "HI1", "MAG")]
NAMED = [
    *((IMAPClient, a.Provider(name)) for name in ("IMAP", "imap", "IMAP SDC", "imapsdc", "IMAP-SDC", "SDC")),
    *((HERClient, a.Provider(name)) for name in ("HER", "her", "HEK", "hek", "Hek")),
    *((HAPIClient, a.Provider(name)) for name in ("HAPI", "hapi")),
    *((HelioviewerClient, a.Provider(name)) for name in ("Helioviewer", "helioviewer", "HELIOVIEWER")),
    *((IMAPClient, a.Source(name)) for name in ("IMAP", "imap")),
    *((IMAPClient, a.Instrument(name)) for name in ("codice", "glows", "idex", "swapi", "ultra", "SWAPI", "CoDICE")),
    *((IMAPClient, a.Instrument(f"IMAP-{name}")) for name in ("Lo", "Hi", "MAG", "SWAPI", "HIT", "SWE", "Ultra")),
    *((IMAPClient, a.Instrument(name)) for name in ("imap_lo", "IMAP Hi", "imap-mag", "IMAP-Ultra45", "I-ALiRT")),
]
OURS = set(MARKERS)


def answering(*query) -> list[type]:
    return [client for client, can in Fido.registry.items() if can(*query)]


def shown(attr) -> str:
    return f"{type(attr).__name__}-{getattr(attr, 'value', '')}"


def others(*query) -> list[str]:
    return [client.__name__ for client in answering(*query) if client not in OURS]


@pytest.mark.parametrize(("client", "marker"), MARKERS.items(), ids=lambda x: getattr(x, "__name__", ""))
def test_a_marker_alone_says_who_answers(client, marker):
    assert answering(TIME, marker) == [client]


@pytest.mark.parametrize(("client", "marker"), MARKERS.items(), ids=lambda x: getattr(x, "__name__", ""))
@pytest.mark.parametrize("core", [*CORE, a.Provider("HAPI"), a.Source("IMAP")], ids=shown)
def test_with_a_marker_no_other_client_answers_whatever_else_is_said(client, marker, core):
    assert answering(TIME, marker, core) == [client]


@pytest.mark.parametrize("core", [*CORE, *SHARED, a.Provider("JSOC"), a.Source("IMAGE")], ids=shown)
def test_core_attrs_that_do_not_name_us_never_wake_us(core):
    assert not set(answering(TIME, core)) & OURS
    assert not set(answering(TIME)) & OURS


@pytest.mark.parametrize(("client", "attr"), NAMED, ids=lambda x: getattr(x, "value", ""))
def test_a_core_attr_that_names_an_archive_reaches_it_beside_sunpys_clients(client, attr):
    assert set(answering(TIME, attr)) & OURS == {client}
    assert others(TIME, attr) == ["VSOClient"]


def registered() -> list[tuple[type, type, str]]:
    return [
        (client, kind, value)
        for client in MARKERS
        for kind, values in client.register_values().items()
        if kind in (a.Provider, a.Source, a.Instrument)
        for value, _ in values
    ]


@pytest.mark.parametrize(("client", "kind", "value"), registered(), ids=lambda x: getattr(x, "__name__", x))
def test_every_provider_source_and_instrument_that_we_register_is_answered(client, kind, value):
    assert set(answering(TIME, kind(value))) & OURS == {client}
    names = Attr._attr_registry[kind]
    tab = [name for name, long in zip(names.name, names.name_long, strict=True) if long == value]
    assert tab
    assert all(set(answering(TIME, getattr(kind, name))) & OURS == {client} for name in tab)


def test_a_conjunction_is_read_as_its_parts():
    assert HERClient._can_handle_query(TIME & a.Provider("HEK"))
    assert HERClient._can_handle_query(TIME & a.her.CH)
    assert not HERClient._can_handle_query(TIME & a.Provider("HEK") & a.vso.Quicklook(True))


def test_nothing_else_is_registered_in_our_names():
    clients = {client.__name__.removesuffix("Client") for client in MARKERS}
    for kind in (a.Provider, a.Source, a.Instrument):
        names = Attr._attr_registry[kind]
        found = {long for long, client in zip(names.name_long, names.client, strict=True) if client in clients}
        assert found == {value for _, of, value in registered() if of is kind}


@pytest.mark.parametrize(
    "query",
    [
        (a.Instrument("swapi"), a.Provider("ESA")),
        (a.Instrument("ultra"), a.Source("SDO")),
        (a.Source("IMAP"), a.Provider("SDAC")),
        (a.Provider("IMAP"), a.vso.Extent(0, 0, 1, 1, "x")),
        (a.Provider("IMAP"), a.jsoc.Series("x")),
    ],
)
def test_a_query_that_names_another_archive_too_is_the_others(query):
    assert not set(answering(TIME, *query)) & OURS


def test_a_provider_says_which_of_ours_answers():
    assert set(answering(TIME, a.Source("IMAP"), a.Provider("HAPI"))) & OURS == {HAPIClient}
    assert set(answering(TIME, a.Instrument("AIA"), a.Provider("Helioviewer"))) & OURS == {HelioviewerClient}
    assert answering(TIME, a.Source("IMAP"), a.hek.CH) == [HERClient]


@pytest.mark.parametrize(
    "query",
    [
        (a.Instrument("swapi"),),
        (a.Source("IMAP"), a.Instrument("mag"), a.Level("l2")),
        (a.Provider("IMAP"), a.Physobs("vector_magnetic_field")),
        (a.Provider("Helioviewer"), a.Instrument("AIA"), a.Wavelength(304 * u.AA)),
        (a.Provider("hek"),),
        (a.Provider("HEK"), a.Instrument("AIA")),
    ],
)
def test_core_attrs_find_rows(archive, query):
    (client,) = set(answering(TIME, *query)) & OURS
    assert len(client().search(TIME, *query)) > 0


@pytest.fixture
def deaf_vso(monkeypatch):
    """Let the VSO respond without a network and without results, as it does for the names of our archives."""
    asked = []

    def search(self, *query):
        asked.append(query)
        return VSOQueryResponseTable(client=self)

    monkeypatch.setattr(VSOClient, "__init__", lambda self: setattr(self, "api", None))
    monkeypatch.setattr(VSOClient, "search", search)
    return asked


def test_fido_asks_us_and_the_vso(archive, deaf_vso):
    response = Fido.search(TIME, a.Instrument.swapi)
    assert [type(table.client) for table in response] == [IMAPClient]
    assert set(response[0]["Instrument"]) == {"swapi"}
    assert len(deaf_vso) == 1
    assert len(Fido.search(TIME, a.Instrument("lo"))) == 0
    assert len(deaf_vso) == 2


BATTERY = """
import astropy.units as u
from sunpy.net import Fido, attrs as a

time = a.Time("2026-01-10", "2026-01-11")
words = [a.Instrument(name) for name in ("AIA", "mag", "hi", "lo", "swapi", "XRS", "EVE", "EUI")]
words += [a.Source("SDO"), a.Source("IMAP"), a.Provider("HEK"), a.Provider("HAPI"), a.Provider("NOAA"), a.Level(1)]
words += [a.Detector("C2"), a.Detector("45"), a.Physobs("intensity"), a.Wavelength(171 * u.AA), a.hek.CH]


def answers():
    queries = [(time, one) for one in words] + [(time, one, two) for one in words[1:] for two in (words[0], a.Level(2))]
    found = [[client.__name__ for client, can in Fido.registry.items() if can(*query)] for query in [(time,), *queries]]
    ours = {"HAPIClient", "IMAPClient", "HelioviewerClient", "HERClient"}
    return [[name for name in names if name not in ours] for names in found]


before = answers()
import sunpy_helio_plugins
assert answers() == before, [pair for pair in zip(before, answers()) if pair[0] != pair[1]]
assert any(before)
"""


def test_the_import_changes_nothing_of_what_other_clients_answer(interpreters):
    done = interpreters.run(f"import warnings\nwarnings.simplefilter('ignore')\n{BATTERY}")
    assert done.returncode == 0, done.stderr


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
    else:  # since sunpy 7.1, a client's error is stored in the response
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
