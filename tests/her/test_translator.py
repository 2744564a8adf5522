"""Test that attrs are translated to the expected searches."""

from __future__ import annotations

import operator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import astropy.units as u
import numpy as np
import pytest
from astropy.time import Time
from hypothesis import assume, given
from hypothesis import strategies as st
from sunpy.net import attrs as a

from sunpy_helio_plugins import her
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her.keywords import event_types
from sunpy_helio_plugins.her.query import BoundingBox, Query, Triplet
from sunpy_helio_plugins.her.service import parameters
from sunpy_helio_plugins.her.translator import queries

DAY = a.Time("2026-01-10", "2026-01-11")
START, END = "2026-01-10T00:00:00", "2026-01-11T00:00:00"


def test_the_plainest_query() -> None:
    assert queries(DAY, a.her.Event()) == (Query(START, END, (), BoundingBox(), (), None),)


def test_types_filters_limit_and_box() -> None:
    box = a.her.Box(-90 * u.deg, -30 * u.deg, 90 * u.deg, 30 * u.deg, "stonyhurst")
    (query,) = queries(DAY, a.her.CH | a.her.FL, a.her.frm_name == "SPoCA", a.her.Limit(7), box)
    assert query == Query(
        START,
        END,
        ("CH", "FL"),
        BoundingBox("stonyhurst", -90.0, -30.0, 90.0, 30.0),
        (Triplet("frm_name", "=", "SPoCA"),),
        7,
    )


def test_the_default_box_reaches_beyond_the_disk_for_cmes() -> None:
    assert queries(DAY, a.her.CE)[0].box == BoundingBox("helioprojective", -5000, -5000, 5000, 5000)


def test_times_of_any_scale_become_utc_and_keep_their_sub_seconds() -> None:
    start = Time("2026-01-10T00:00:37.250", scale="tai")
    (query,) = queries(a.Time(start, Time("2026-01-10T01:00:00.5")), a.her.CH)
    assert (query.start, query.end) == ("2026-01-10T00:00:00.250Z", "2026-01-10T01:00:00.500Z")
    for scale in ("tai", "tt", "tdb"):
        edges = [getattr(Time(text, scale="utc"), scale) for text in (START, END)]
        (query,) = queries(a.Time(*edges), a.her.CH)
        assert (query.start, query.end) == (START, END)


def test_detectors_and_lasco_are_condensed_names() -> None:
    (query,) = queries(DAY, a.her.CE, a.Instrument.lasco, a.Detector("C2"))
    assert query.filters == (
        Triplet("search_instrument", "=", "LASCO"),
        Triplet("search_channelid", "like", "%C2%"),
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
    assert query.box == BoundingBox("helioprojective", -10, -20, 600, 20)
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


@pytest.mark.parametrize(
    ("observable", "instruments"),
    [
        ("irradiance", ["GOES", "EVE", "LYRA"]), ("LOS_magnetic_field", ["HMI", "MDI", "GONG", "SOLIS"]),
        ("LOS_MAGNETIC_FIELD", ["HMI", "MDI", "GONG", "SOLIS"]), ("vector_magnetic_field", ["HMI", "SOLIS"]),
        ("LOS_velocity", ["HMI", "MDI", "GONG"]),
    ],
)  # fmt: skip
def test_an_observable_means_the_instruments_that_measure_it(observable: str, instruments: list[str]) -> None:
    found = queries(DAY, a.her.Event(), a.Physobs(observable))
    assert [query.filters for query in found] == [
        (Triplet("obs_instrument", "like", f"%{name}%"),) for name in instruments
    ]


def test_an_observable_that_the_registry_cannot_tell_is_refused_with_those_that_it_can() -> None:
    with pytest.raises(QueryError, match=r"a\.Physobs\('intensity'\).*irradiance, los_magnetic_field.*a\.Instrument"):
        queries(DAY, a.her.CH, a.Physobs.intensity)


def test_the_observatory_of_cactus_is_its_coronagraph() -> None:
    found = queries(DAY, a.her.CE, a.Source("SOHO"))
    assert [query.filters for query in found] == [
        (Triplet("obs_observatory", "=", name),) for name in ("SOHO", "LASCO")
    ]


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (a.her.Supplier("spoca"), [[("search_frm_name", "=", "SPoCA")]]),
        (a.her.Supplier("SWPC", "CACTus"), [[("search_frm_name", "=", "SWPC")], [("search_frm_name", "=", "CACTus")]]),
        (~a.her.Supplier("SWPC"), [[("search_frm_name", "!=", "SWPC")]]),
        # The registry does not find names with parentheses: this package filters them.
        (a.her.Supplier("CACTus (Computer Aided CME Tracking)"), [[]]),
        # A name that is not a known condensed name may be a full one.
        (a.her.Supplier("My method"), [[("search_frm_name", "=", "My method")], [("frm_name", "=", "My method")]]),
    ],
)
def test_a_supplier_is_asked_for_by_a_name_that_works(words: Any, sent: Any) -> None:
    found = queries(DAY, a.her.Event(), words)
    assert [[(test.name, test.operator, test.value) for test in query.filters] for query in found] == sent


@pytest.mark.parametrize(
    ("words", "returned"),
    [
        ((a.her.Return("hpc_x"),), ("hpc_x", "kb_archivid")),
        ((a.her.Return("hpc_x"), a.her.frm_name == "x"), ("hpc_x", "kb_archivid", "frm_name")),
        ((a.her.Return("hpc_x"), a.her.ar_noaanum < 3664), ("hpc_x", "kb_archivid", "ar_noaanum", "event_starttime")),
        (
            (a.her.Return("hpc_x"), a.her.cme_radiallinvel > 500 * u.km / u.s),
            ("hpc_x", "kb_archivid", "cme_radiallinvel", "cme_radiallinvelunit"),
        ),
        (
            (a.her.Return("hpc_x"), a.her.event_coord1 > 5 * u.deg),
            ("hpc_x", "kb_archivid", "event_coord1", "event_coordunit"),
        ),
        (
            (a.her.Return("refs"), ~a.her.Box(-1 * u.deg, -1 * u.deg, 1 * u.deg, 1 * u.deg, system="hgs")),
            ("refs", "kb_archivid", "hgs_x", "hgs_y", "hgs_bbox", "noposition"),
        ),
        ((a.her.Return("hpc_x"), a.her.SortBy("hpc_y")), ("hpc_x", "kb_archivid", "hpc_y")),
        (
            (a.her.Return("hpc_x"), a.her.frm_name.isin(["x", "y"])),
            ("hpc_x", "kb_archivid", "frm_name", "event_starttime", "event_endtime", "event_type"),
        ),
    ],
)
def test_what_this_package_needs_comes_beside_what_is_asked_for(words: Any, returned: tuple[str, ...]) -> None:
    assert {query.returns for query in queries(DAY, a.her.Event(), *words)} == {returned}


def test_the_newest_revision_can_be_told_from_what_is_returned() -> None:
    (query,) = queries(DAY, a.her.CE, a.her.Return("hpc_x"), a.her.Latest())
    assert {"revision", "hrc_a", "cme_angularwidth", "kb_archivdate", "event_type"} <= set(query.returns)


@pytest.mark.parametrize(
    ("words", "lacks"),
    [
        ((a.her.Return("required"), a.her.cme_radiallinvel > 500 * u.km / u.s), "cme_radiallinvel"),
        ((a.her.Return("optional"), a.her.frm_name.isin(["x", "y"])), "event_starttime"),
        ((a.her.Return("required"), a.her.Latest()), "revision"),
    ],
)
def test_a_subset_that_leaves_out_what_must_be_judged_is_refused(words: Any, lacks: str) -> None:
    with pytest.raises(QueryError, match=f"may leave out .*{lacks}"):
        queries(DAY, a.her.CE, *words)


def test_a_subset_goes_with_what_the_registry_judges() -> None:
    (query,) = queries(DAY, a.her.CE, a.her.Return("required"), a.her.cme_mass > 3)
    assert query.returns == ("required",)


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
        ((a.Time("2026-01-10", "2026-01-11", near="2026-01-10T12:00"), a.her.CH), "without near"),
        ((DAY, a.her.CH, a.Detector(" ")), r"a\.Detector is empty"),
        ((DAY, a.her.CH, a.hek.FL), "one type"),
        ((DAY, a.her.Event(), a.hek.Contains("ar", "ch", "fl")), "two types"),
    ],
)
def test_what_the_registry_cannot_answer_is_explained(query: Any, words: str) -> None:
    with pytest.raises(QueryError, match=words):
        queries(*query)


@given(st.text(min_size=1, max_size=20))
def test_any_text_arrives_as_it_is(text: str) -> None:
    (request,) = her.translate(DAY, a.her.frm_contact == text)
    assert dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))["value0"] == text


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["=", ">=", "<=", ">", "<"]))
def test_the_range_sent_for_a_number_holds_what_single_precision_makes_of_it(number: float, sign: str) -> None:
    (query,) = queries(DAY, a.her.intensmean._compare(sign, number))
    with np.errstate(over="ignore"):
        kept = float(np.float32(number))
    assume(np.isfinite(kept) and (abs(kept) > 1e-30 or number == 0))
    compare = {"=": operator.eq, ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
    brought = all(compare[test.operator](kept, float(test.value)) for test in query.filters)
    assert brought or sign in ("<", ">")


def test_the_request_has_a_stable_order() -> None:
    query = Query(START, END, ("CH", "AR"), filters=(Triplet("area_atdiskcenter", ">", "1e10", "CH"),), limit=40)
    assert parameters(query, page=2) == [
        ("cosec", "2"),
        ("cmd", "search"),
        ("type", "column"),
        ("event_type", "ch,ar"),
        ("event_starttime", START),
        ("event_endtime", END),
        ("event_region", "all"),
        ("event_coordsys", "helioprojective"),
        ("x1", "-5000"),
        ("x2", "5000"),
        ("y1", "-5000"),
        ("y2", "5000"),
        ("result_limit", "40"),
        ("page", "2"),
        ("param0", "ch.area_atdiskcenter"),
        ("op0", ">"),
        ("value0", "1e10"),
    ]


def test_raw_parameters_are_sent_as_they_are_after_the_filters() -> None:
    raw = a.her.Raw(param7="ep.speed", op7=">", value7=500, param3="ep.is_new", op3="=", value3=True, other="x")
    (request,) = her.translate(DAY, a.her.EventType("EP", unchecked=True), a.her.frm_name == "y", raw)
    sent = dict(request.parameters)
    assert sent["event_type"] == "ep"
    assert [sent[f"{word}0"] for word in ("param", "op", "value")] == ["FRM_Name", "=", "y"]
    assert [sent[f"{word}1"] for word in ("param", "op", "value")] == ["ep.speed", ">", "500"]
    assert [sent[f"{word}2"] for word in ("param", "op", "value")] == ["ep.is_new", "=", "true"]
    assert sent["other"] == "x"


def test_alternatives_with_other_raw_parameters_are_other_requests() -> None:
    one, two = (a.her.CH & a.her.Raw(param0="x", op0="=", value0=value) for value in "ab")
    assert len(her.translate(DAY, one | two)) == 2
    assert len(her.translate(DAY, one | a.her.CH)) == 2


def test_all_known_types_and_an_unknown_one_are_all_types() -> None:
    most = [code for code in event_types() if code != "CH"]
    (request,) = her.translate(DAY, a.her.EventType(*most, "EP", unchecked=True))
    assert len(dict(request.parameters)["event_type"].split(",")) == len(event_types())
