"""These attrs give exactly these searches."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import pytest
from astropy.time import Time
from sunpy.net import attrs as a

import sunpy_helio_plugins  # noqa: F401
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her.service import parameters
from sunpy_helio_plugins.her.translate import Box, Query, Triplet, queries

DAY = a.Time("2026-01-10", "2026-01-11")
START, END = "2026-01-10T00:00:00", "2026-01-11T00:00:00"


def test_the_plainest_query() -> None:
    assert queries(DAY, a.her.Event()) == (Query(START, END, (), Box(), (), None),)


def test_types_filters_limit_and_box() -> None:
    box = a.her.Box(-90 * u.deg, -30 * u.deg, 90 * u.deg, 30 * u.deg, "stonyhurst")
    (query,) = queries(DAY, a.her.CH | a.her.FL, a.her.frm_name == "SPoCA", a.her.Limit(7), box)
    assert query == Query(
        START, END, ("CH", "FL"), Box("stonyhurst", -90.0, -30.0, 90.0, 30.0), (Triplet("frm_name", "=", "SPoCA"),), 7
    )


def test_the_default_box_reaches_beyond_the_disk_for_cmes() -> None:
    assert queries(DAY, a.her.CE)[0].box == Box("helioprojective", -5000, -5000, 5000, 5000)


def test_times_of_any_scale_become_utc_and_keep_their_sub_seconds() -> None:
    start = Time("2026-01-10T00:00:37.250", scale="tai")
    (query,) = queries(a.Time(start, Time("2026-01-10T01:00:00.5")), a.her.CH)
    assert (query.start, query.end) == ("2026-01-10T00:00:00.250Z", "2026-01-10T01:00:00.500Z")


def test_detectors_and_lasco_are_condensed_names() -> None:
    (query,) = queries(DAY, a.her.CE, a.Instrument.lasco, a.Detector("C2"))
    assert query.filters == (
        Triplet("search_instrument", "=", "LASCO"), Triplet("search_channelid", "like", "%C2%"),
    )


def test_a_filter_of_a_type_names_it_only_where_several_are_searched_for() -> None:
    big = a.her.CH.area_atdiskcenter > 1e10 * u.km**2
    assert queries(DAY, a.her.CH | a.her.AR, big)[0].filters[0].event_type == "CH"
    assert queries(DAY, a.her.CH, big)[0].filters[0].event_type == ""
    alone = queries(DAY, big)[0]
    assert (alone.types, alone.filters[0].event_type) == (("CH",), "")
    with pytest.raises(QueryError, match="CH"):
        queries(DAY, a.her.FL, big)


def test_sunpys_attrs_say_the_same() -> None:
    theirs = queries(DAY, a.hek.CH | a.hek.FL, a.hek.FRM.Name == "SPoCA", a.her.Event())
    assert theirs == queries(DAY, a.her.CH | a.her.FL, a.her.frm_name == "SPoCA")


def test_sunpys_values_are_checked_and_spelt_for_the_registry() -> None:
    human, big = a.hek.FRM.HumanFlag == True, a.hek.Area.AtDiskCenter > 1e4 * u.Mm**2  # noqa: E712
    (query,) = queries(DAY, a.hek.CH, human, big, a.her.Event())
    assert query.filters[0] == Triplet("frm_humanflag", "=", "true")
    assert float(query.filters[1].value) == pytest.approx(1e10)


def test_sunpys_box_and_all_types() -> None:
    (query,) = queries(DAY, a.hek.EventType("**"), a.hek.SpatialRegion(-10, -20, 10 * u.arcmin, 20), a.her.Event())
    assert query.types == ()
    assert query.box == Box("helioprojective", -10, -20, 600, 20)
    with pytest.raises(QueryError, match="galactic"):
        queries(DAY, a.hek.CH, a.hek.SpatialRegion(sys="galactic"), a.her.Event())


def test_a_name_that_sunpy_made_up_is_refused_with_the_right_one() -> None:
    with pytest.raises(QueryError, match=r"AR_IntensMean; it has a\.her\.intensmean"):
        queries(DAY, a.hek.AR, a.hek.AR.IntensMean > 3, a.her.Event())


def test_core_attrs_become_filters() -> None:
    (query,) = queries(DAY, a.hek.CH, a.Instrument.aia, a.Source("SDO"), a.Provider("hek"))
    assert query.filters == (Triplet("obs_instrument", "=", "AIA"), Triplet("obs_observatory", "=", "SDO"))


@pytest.mark.parametrize("wavelength", [a.Wavelength(193 * u.AA), a.Wavelength(19.3 * u.nm)])
def test_a_wavelength_becomes_a_narrow_range_in_centimetres(wavelength: Any) -> None:
    low, high = queries(DAY, a.her.CH, wavelength)[0].filters
    assert (low.name, low.operator, high.operator) == ("obs_meanwavel", ">=", "<=")
    assert float(low.value) < 1.93e-6 < float(high.value)
    assert float(high.value) - float(low.value) < 1e-9


def test_energies_are_wavelengths_in_reverse() -> None:
    low, high = queries(DAY, a.her.FL, a.Wavelength(1 * u.keV, 10 * u.keV))[0].filters
    assert float(low.value) == pytest.approx(1.2398e-8, rel=1e-3)
    assert float(high.value) == pytest.approx(1.2398e-7, rel=1e-3)


def test_alternatives_are_separate_searches_each_once() -> None:
    tree = (a.her.frm_name == "SPoCA") | (a.her.search_frm_name == "SPoCA")
    assert len(queries(DAY, a.her.CH, tree)) == 2
    assert len(queries((DAY & a.her.CH) | (DAY & a.her.EventType("CH")))) == 1


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ((a.her.CH,), r"a\.Time"),
        ((DAY, a.her.CH, a.Physobs("intensity")), r"a\.Physobs"),
        ((DAY, a.her.CH, a.Provider("VSO")), "HER or HEK"),
        ((DAY, a.her.CH, a.hek.FL), "one type"),
        ((DAY, a.her.Event(), a.hek.Contains("ar", "ch", "fl")), "two types"),
    ],
)
def test_what_the_registry_cannot_answer_is_explained(query: Any, words: str) -> None:
    with pytest.raises(QueryError, match=words):
        queries(*query)


def test_the_request_has_a_stable_order() -> None:
    query = Query(START, END, ("CH", "AR"), filters=(Triplet("area_atdiskcenter", ">", "1e10", "CH"),), limit=40)
    assert parameters(query, page=2) == [
        ("cosec", "2"), ("cmd", "search"), ("type", "column"), ("event_type", "ch,ar"), ("event_starttime", START),
        ("event_endtime", END), ("event_region", "all"), ("event_coordsys", "helioprojective"), ("x1", "-5000"),
        ("x2", "5000"), ("y1", "-5000"), ("y2", "5000"), ("result_limit", "40"), ("page", "2"),
        ("param0", "ch.area_atdiskcenter"), ("op0", ">"),
        ("value0", "1e10"),
    ]
