"""Test that attrs are translated to the expected requests."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import pytest
from sunpy.net import attrs as a

from sunpy_helio_plugins import HelioviewerClient
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.helioviewer import source_table
from sunpy_helio_plugins.helioviewer.translator import queries

TIME = a.Time("2026-01-10 11:00", "2026-01-10 12:00:00.5")


def ids(*query: Any) -> list[int]:
    return [one.source.id for one in queries(TIME, *query)]


def image() -> Any:
    return a.helioviewer.Image()


def test_a_query_keeps_the_time_exactly() -> None:
    (one,) = queries(TIME, a.helioviewer.SourceID(13))
    assert (one.start, one.end) == ("2026-01-10T11:00:00.000000000Z", "2026-01-10T12:00:00.500000000Z")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ((a.Instrument.aia, a.Wavelength(304 * u.AA)), [13]),
        ((a.Instrument("aia"), a.Wavelength(30.4 * u.nm)), [13]),
        ((a.Instrument("AIA"), a.Wavelength(100 * u.AA, 200 * u.AA)), [9, 10, 11]),
        ((a.Instrument("LASCO"), a.Detector("C2")), [4]),
        ((a.Instrument("SECCHI"), a.Source("STEREO A"), a.Detector("COR2")), [29]),
        ((a.Source("Solar Orbiter"), a.Detector("FSI")), [84, 85]),
        ((a.Instrument("TRACE"), a.Wavelength(171 * u.AA)), [75]),
        ((a.Instrument("IRIS"), a.Wavelength(1400 * u.AA)), [90]),
        ((a.Detector("K-Cor"),), [83]),
        ((a.Source("SDO"), a.Wavelength(304 * u.AA)), [13]),
        ((a.Instrument("HMI"),), [18, 19]),
    ],
)
def test_general_attrs_choose_sources(query: tuple[Any, ...], expected: list[int]) -> None:
    assert ids(image(), *query) == expected


def test_own_attrs_choose_sources() -> None:
    assert ids(a.helioviewer.Measurement("magnetogram")) == [6, 19]
    assert ids(a.helioviewer.Measurement("304"), a.Source("SDO")) == [13]
    assert ids(a.helioviewer.SourceID(19) | a.helioviewer.SourceID(13)) == [19, 13]


def test_a_group_stands_for_its_members() -> None:
    assert ids(a.helioviewer.SourceID(10006)) == [42, 48, 54, 60, 66, 73]
    assert ids(a.helioviewer.Measurement("Any/Open")) == [42, 48, 54, 60, 66, 73]


def test_alternatives_are_asked_once() -> None:
    query = a.helioviewer.SourceID(13) | (image() & a.Instrument("AIA") & a.Wavelength(304 * u.AA))
    assert ids(query) == [13]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ((a.Instrument("AIB"),), "not have the instrument 'AIB'.*Did you mean.*AIA"),
        ((a.Source("Voyager"),), "not have the observatory 'Voyager'"),
        ((a.Instrument("AIA"), a.Wavelength(195 * u.AA)), "no image is at 195 angstrom.*131"),
        ((a.Instrument("AIA"), a.Source("SOHO")), "instrument cannot be 'AIA'; possible: EIT, LASCO, MDI"),
        ((a.Instrument("HMI"), a.helioviewer.Measurement("304")), "measurement cannot be 304; possible: continuum"),
        ((a.Instrument("AIA"), a.Wavelength(10 * u.keV)), "as a length, not in keV"),
        ((a.Instrument("AIA"), a.Level(1)), "cannot use a.Level"),
        ((a.Instrument("AIA"), a.Provider("JSOC")), "provider of a.helioviewer is 'Helioviewer', not 'JSOC'"),
        ((), "does not select images"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(query: tuple[Any, ...], words: str) -> None:
    with pytest.raises(QueryError, match=words):
        queries(TIME, image(), *query)


def test_the_time_is_needed() -> None:
    with pytest.raises(QueryError, match=r"needs a\.Time"):
        queries(a.helioviewer.SourceID(13))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ((a.Sample(0 * u.s),), "is not possible"),
        ((a.Sample(1 * u.us),), "is not possible"),
    ],
)
def test_wishes_that_cannot_be_met_are_refused(query: tuple[Any, ...], words: str) -> None:
    with pytest.raises(QueryError, match=words):
        queries(TIME, image(), a.Instrument("AIA"), *query)


def test_a_tolerance_needs_an_instant() -> None:
    with pytest.raises(QueryError, match="Tolerance needs"):
        queries(TIME, a.helioviewer.SourceID(13), a.helioviewer.Tolerance(5 * u.s))
    with pytest.raises(QueryError, match="Tolerance takes a duration"):
        a.helioviewer.Tolerance(5)
    with pytest.raises(QueryError, match="Backend takes one of"):
        a.helioviewer.Backend("web")
    near = a.Time("2026-01-10", "2026-01-11", near="2026-01-10 12:00")
    with pytest.raises(QueryError, match="one image"):
        queries(near, a.helioviewer.SourceID(13), a.Sample(1 * u.h))
    (one,) = queries(near, a.helioviewer.SourceID(13), a.helioviewer.Tolerance(1 * u.min))
    assert (one.near, one.tolerance) == ("2026-01-10T12:00:00.000000000Z", 60.0)


def test_there_are_139_sources_and_13_groups() -> None:
    assert [bool(source.members) for source in source_table.known()].count(False) == 139
    groups = [source for source in source_table.known() if source.members]
    assert [group.id for group in groups] == list(range(10001, 10014))
    assert {group.instrument for group in groups} == {"XRT"}
    members = {member.id for group in groups for member in source_table.members([group.id])}
    assert members < {source.id for source in source_table.known() if source.instrument == "XRT"}


def test_every_source_is_found_by_the_observatory_of_its_files() -> None:
    for source in source_table.known():
        query = [a.Source(source.fits_observatory), a.helioviewer.Measurement(source.measurement)]
        query += [a.Detector(source.detector)] if source.detector else []
        query += [a.Instrument(source.instruments[0])]
        assert ids(*query) == [one.id for one in source_table.members([source.id])]


def test_every_wavelength_is_found_as_a_wavelength() -> None:
    channels = [source for source in source_table.known() if source.wavelength is not None]
    assert len(channels) > 40
    for source in channels:
        query = [a.Source(source.observatory), a.Wavelength(source.wavelength * u.AA)]
        query += [a.Detector(source.detector)] if source.detector else []
        assert ids(image(), a.Instrument(source.instruments[0]), *query) == [source.id]


def test_every_name_completes_by_tab() -> None:
    completed = {attr: {text for text, _ in values} for attr, values in HelioviewerClient.register_values().items()}
    detectors = {source.detector for source in source_table.known() if source.detector}
    assert len(detectors) > 10
    assert detectors - completed[a.Detector] == set()
    for source in source_table.known():
        assert source.measurement in completed[a.helioviewer.Measurement]
    found = [getattr(a.helioviewer.Measurement, name) for name in dir(a.helioviewer.Measurement)]
    spelt = {one.values[0] for one in found if isinstance(one, a.helioviewer.Measurement)}
    assert spelt == {source.measurement for source in source_table.known()}
    # A query with only an instrument or an observatory is not handled by this client, so that none is registered.
    assert not {a.Instrument, a.Source} & set(completed)


def test_every_source_is_found_by_its_general_attrs() -> None:
    for source in source_table.known():
        query = [a.Source(source.observatory), a.Instrument(source.instruments[0])]
        query += [a.Detector(source.detector)] if source.detector else []
        found = ids(a.helioviewer.Measurement(source.measurement), *query)
        assert found == ([one.id for one in source_table.members([source.id])])


def test_observables_choose_sources() -> None:
    assert ids(image(), a.Physobs("LOS_magnetic_field"), a.Instrument("HMI")) == [19]
    assert ids(image(), a.Physobs.intensity, a.Instrument("HMI")) == [18]


def advised(kind: type, given: str) -> list[int]:
    """Return the sources selected by the attrs that an error suggests instead of a name."""
    with pytest.raises(QueryError, match=r"Write a\.") as caught:
        queries(TIME, image(), kind(given))
    text = str(caught.value).partition("Write ")[2].partition(". It has")[0].partition(" or ")[0]
    return ids(image(), *eval(f"({text},)", {"a": a, "u": u}))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("LASCO-C2", [4]), ("lasco_c3", [5]), ("SOHO/LASCO C2", [4]), ("C3", [5]), ("EUVI", range(20, 28)),
        ("EUVI-A", range(20, 24)), ("euvi b", range(24, 28)), ("Stereo-B EUVI", range(24, 28)), ("COR2-A", [29]),
        ("SECCHI/COR1", [28, 30]), ("STEREO COR1", [28, 30]), ("K-Cor", [83]), ("MLSO KCOR", [83]),
        ("EUI-FSI", [84, 85]), ("solo-eui-hri", [86, 87]), ("H-alpha", [94]), ("SDO/AIA", range(8, 18)),
        ("AIA 304", [13]), ("HMI Mag", [19]), ("SDO", range(8, 20)), ("WFI", [131, 134]), ("PUNCH PAM", [134]),
        ("GOES-19 CCOR-1", [132]), ("GOES-R SUVI 195", [2003]), ("IRIS SJI 1330", [88]), ("XRT Al_med/Open", [42]),
    ],
)  # fmt: skip
def test_a_name_under_the_wrong_attr_says_what_to_write(given: str, expected: Any) -> None:
    assert advised(a.Instrument, given) == list(expected)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("HRI_EUV", 'Write a.Instrument("EUI"), a.Detector("HRI"), a.Wavelength(174 * u.AA). '),
        ("STEREO", 'Write a.Source("STEREO_A") or a.Source("STEREO_B"). '),
        ("EUVI-A", 'Write a.Instrument("SECCHI"), a.Detector("EUVI"), a.Source("STEREO_A"). '),
        ("MDI magnetogram", 'Write a.Instrument("MDI"), a.helioviewer.Measurement("magnetogram"). '),
        ("LASCO-C1", 'Write a.Instrument("LASCO") with one of its detectors a.Detector("C2"), a.Detector("C3"). '),
        ("SECCHI HI1", 'with one of its detectors a.Detector("COR1"), a.Detector("COR2"), a.Detector("EUVI"). '),
    ],
)
def test_a_hint_names_every_attr_that_the_name_means(given: str, words: str) -> None:
    with pytest.raises(QueryError) as caught:
        queries(TIME, image(), a.Instrument(given))
    assert words in str(caught.value)


def test_every_detector_and_every_channel_is_explained() -> None:
    detectors = [
        source
        for source in source_table.known()
        if not source.members
        and source.detector
        and source_table.folded(source.detector) != source_table.folded(source.instrument)
    ]
    assert len(detectors) > 10
    for source in detectors:
        for prefix in ("", f"{source.observatory}-", f"{source.fits_observatory}/", f"{source.instrument}_"):
            for spelt in (source.detector.upper(), source.detector.lower()):
                assert source.id in advised(a.Instrument, prefix + spelt), prefix + spelt
    spacecraft = ("PUNCH", "RHESSI", "GOES", "SWFO-L1")
    named = [source for source in source_table.known() if not source.members and source.nickname not in spacecraft]
    assert [one.nickname for one in named if one.id not in advised(a.Detector, one.nickname)] == []


@pytest.mark.parametrize("kind", [a.Source, a.Detector, a.Physobs, a.helioviewer.Measurement])
def test_other_attrs_explain_names_as_well(kind: type) -> None:
    assert advised(kind, "LASCO C2") == [4]


def test_a_name_that_means_nothing_is_compared_with_the_known_ones() -> None:
    with pytest.raises(QueryError, match="Did you mean LASCO"):
        queries(TIME, image(), a.Instrument("LASCA"))
    with pytest.raises(QueryError, match=r"does not have the instrument 'nothing'\. It has: AIA"):
        queries(TIME, image(), a.Instrument("nothing"))
