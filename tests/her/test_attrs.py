"""Test the attrs of a search, and their errors for queries that the registry cannot answer."""

from __future__ import annotations

import copy
import json
import operator
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
import sunpy.net.hek
from astropy.coordinates import SkyCoord
from astropy.time import Time
from sunpy.net import Fido
from sunpy.net import attrs as a
from sunpy.net.attr import AttrAnd, AttrOr
from sunpy.net.hek import attrs as hek

from sunpy_helio_plugins import her
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her import attrs
from sunpy_helio_plugins.her.filters.goes import peak_flux
from sunpy_helio_plugins.her.keywords import event_types, keywords
from sunpy_helio_plugins.io.queries import query_of, stored
from sunpy_helio_plugins.quantities import units

DAY = a.Time("2026-01-10", "2026-01-11")


def test_types_join_into_one_attr() -> None:
    both = a.her.CH | a.her.FL
    assert both == attrs.EventType("CH", "FL")
    assert both.values == ("CH", "FL")


@pytest.mark.parametrize("word", ["CH", "ch", "CoronalHole", "coronalhole"])
def test_a_type_is_known_by_letters_and_by_name(word: str) -> None:
    assert a.her.EventType(word) == a.her.CH


def test_an_unknown_type_raises_at_once_and_says_which_there_are() -> None:
    with pytest.raises(QueryError, match=r"'CQ'.*CH,"):
        a.her.EventType("CQ")


def test_a_type_must_be_given() -> None:
    with pytest.raises(QueryError, match=r"a\.her\.Event\(\)"):
        a.her.EventType()


@pytest.mark.parametrize("value", [0, -3, 2.5, "10", True])
def test_a_limit_is_a_positive_whole_number(value: Any) -> None:
    with pytest.raises(QueryError, match="at least 1"):
        a.her.Limit(value)


@pytest.mark.parametrize(
    ("compare", "sign"),
    [
        (operator.eq, "="),
        (operator.ne, "!="),
        (operator.lt, "<"),
        (operator.le, "<="),
        (operator.gt, ">"),
        (operator.ge, ">="),
    ],
)
def test_comparisons_of_numbers_become_the_registrys_operators(compare: Any, sign: str) -> None:
    made = compare(a.her.ar_noaanum, 14331)
    assert (made.name, made.operator, made.value) == ("ar_noaanum", sign, "14331")


def test_text_compares_and_matches_patterns() -> None:
    assert (a.her.fl_goescls > "M").value == "M"
    pattern = a.her.frm_name.like("CACTus%")
    assert (pattern.operator, pattern.value) == ("like", "CACTus%")


def test_booleans_are_spelt_as_the_registry_wants_them() -> None:
    assert (a.her.frm_humanflag == True).value == "true"  # noqa: E712
    assert (a.her.frm_humanflag != "false").value == "false"


@pytest.mark.parametrize(
    "asked",
    [
        lambda: a.her.frm_humanflag == "t",
        lambda: a.her.frm_humanflag > True,
        lambda: a.her.ar_noaanum == "many",
        lambda: a.her.ar_noaanum > float("nan"),
        lambda: a.her.ar_noaanum == True,  # noqa: E712
        lambda: a.her.ar_noaanum.like("14%"),
        lambda: a.her.frm_name == 3,
        lambda: a.her.obs_meanwavel > 3 * u.kg,
        lambda: a.her.fl_peakflux > 3 * u.kg,
        lambda: a.her.frm_name == "",
        lambda: a.her.frm_name == "\ud800",
        lambda: a.her.frm_name == None,  # noqa: E711
        lambda: a.her.ar_noaanum > 13664.5,
        lambda: a.her.ef_aspectratio > 3 * u.m,
        lambda: a.her.ar_noaanum == np.True_,
    ],
)
def test_values_that_a_keyword_cannot_have_are_refused(asked: Any) -> None:
    with pytest.raises(QueryError):
        asked()


def test_a_quantity_is_converted_where_the_unit_is_known() -> None:
    assert float((a.her.area_atdiskcenter > 1e4 * u.Mm**2).value) == pytest.approx(1e10)
    assert float((a.her.obs_meanwavel < 200 * u.AA).value) == pytest.approx(2e-6)


@pytest.mark.parametrize(
    ("made", "value", "unit"),
    [
        (lambda: a.her.cme_radiallinvel > 5e5 * u.m / u.s, 500, "km/s"),
        (lambda: a.her.fl_peakflux > 3 * u.W / u.m**2, 3000, "erg/cm2/s"),
        (lambda: a.her.fl_peakflux > 3 * u.DN / u.s / u.pix, 3, "DN/s/pixel"),
        (lambda: a.her.intensvar > 3 * (u.DN / u.s) ** 2, 3, "DN/s"),
        (lambda: a.her.ar_axislength > 3 * u.Mm, 3, "Mm"),
        (lambda: a.her.event_coord1 > 3 * u.deg, 3, "deg"),
        (lambda: a.her.meanshearangle > 1 * u.rad, np.degrees(1), ""),
        (lambda: a.her.highshearareapercent > 0.5 * u.one, 50, ""),
        (lambda: a.her.ef_aspectratio > 0.5 * u.one, 0.5, ""),
    ],
)
def test_a_quantity_keeps_its_meaning_whoever_says_the_unit(made: Any, value: float, unit: str) -> None:
    assert (float(made().value), made().unit) == (pytest.approx(value), unit)


def test_a_quantity_may_stand_on_the_left() -> None:
    made = 1e10 * u.km**2 < a.her.area_atdiskcenter
    assert (made.operator, float(made.value)) == (">", 1e10)


def test_numpy_numbers_are_numbers() -> None:
    assert (a.her.ar_noaanum == np.int64(14331)).value == "14331"


def test_a_filter_of_a_type_judges_that_type() -> None:
    assert (a.her.CH.area_atdiskcenter > 1e10 * u.km**2).event_type == "CH"
    with pytest.raises(QueryError, match="CH does not have fl_goescls"):
        _ = a.her.CH.fl_goescls
    with pytest.raises(AttributeError, match="not have a keyword 'nonsense'"):
        _ = a.her.CH.nonsense


def test_pythons_and_or_and_chains_would_lose_a_filter_and_raise() -> None:
    with pytest.raises(TypeError, match="&"):
        _ = a.her.ar_noaanum > 1 and a.her.ar_noaanum < 5
    with pytest.raises(TypeError, match="&"):
        _ = 1 < a.her.ar_noaanum < 5


def test_filters_join_with_and_also_when_both_are_of_one_keyword() -> None:
    both = (a.her.ar_noaanum > 1) & (a.her.ar_noaanum > 5)
    assert isinstance(both, AttrAnd)
    assert len(both.attrs) == 2


@pytest.mark.parametrize(
    "box",
    [
        (0 * u.arcsec, 0 * u.arcsec, 0 * u.arcsec, 9 * u.arcsec),
        (0, 0, 9, 9),
        (0 * u.kg, 0 * u.kg, 9 * u.kg, 9 * u.kg),
        (0 * u.deg, 0 * u.deg, np.nan * u.deg, 9 * u.deg),
    ],
)
def test_a_box_that_holds_nothing_is_refused(box: Any) -> None:
    with pytest.raises(QueryError, match="corner"):
        a.her.Box(*box)


def test_a_box_knows_its_system() -> None:
    one = 1 * u.deg
    assert a.her.Box(-one, -one, one, one).corners == pytest.approx((-3600, -3600, 3600, 3600))
    with pytest.raises(QueryError, match="stonyhurst"):
        a.her.Box(-1 * u.deg, -1 * u.deg, 1 * u.deg, 1 * u.deg, "polar")


def test_attrs_survive_pickling_and_say_what_they_are() -> None:
    for attr in (a.her.CH, a.her.Limit(3), a.her.frm_name == "SPoCA", a.her.Event()):
        assert pickle.loads(pickle.dumps(attr)) == attr
    assert repr(a.her.frm_name == "SPoCA") == "a.her.frm_name = 'SPoCA'"
    assert "km2" in repr(a.her.area_atdiskcenter)


def test_every_exported_word_exists() -> None:
    assert all(hasattr(attrs, name) for name in attrs.__all__)
    assert len(set(attrs.__all__)) == len(attrs.__all__)
    assert {"CH", "frm_name", "search_frm_name", "Event"} <= set(attrs.__all__)


def test_shipped_keywords_are_those_of_the_registrys_list() -> None:
    folder = Path(sunpy.net.hek.__file__).parent / "data"
    tables = [json.loads((folder / f"{name}_properties.json").read_text()) for name in ("unit", "coord")]
    listed = {entry["name"]: entry for table in tables for entry in table["attributes"]}
    ours = {name: keyword for name, keyword in keywords().items() if keyword.filter}
    assert set(ours) == set(listed)
    assert dict(event_types()) == tables[0]["keys"]
    numbers = {"float": "float", "integer": "integer", "long": "integer"}
    # A skewness, a kurtosis and a number of pixels are dimensionless, and outlines are not numbers.
    unlike = {"intensskew", "intenskurt", "event_npixels"}
    unlike |= {name for name, keyword in ours.items() if keyword.kind == "chaincode"}
    for name, entry in listed.items():
        assert ours[name].kind == numbers.get(entry["type"], ours[name].kind)
        assert ours[name].unit == ("" if name in unlike else entry.get("unit_prop", ""))
        assert set(ours[name].types) in (set(), {code for code in event_types() if code in entry})


def sunpys_names() -> set[str]:
    """Return the keywords of sunpy's attrs, in lower case."""
    wrapper = hek.HEKComparisonParamAttrWrapper
    groups = list(vars(hek).values())
    found = [*groups, *(getattr(group, name, None) for group in groups for name in dir(group))]
    return {each.name.lower() for each in found if isinstance(each, wrapper)}


def test_the_vocabulary_is_whole_and_holds_what_sunpy_lacks() -> None:
    ours = {name for name, keyword in keywords().items() if keyword.filter}
    assert len(event_types()) == 28
    assert len(ours) == 253
    assert len(ours - sunpys_names()) == 81
    # These names were made by sunpy: the registry's do not have a prefix.
    assert sunpys_names() - ours == {
        f"ar_intens{what}" for what in ("min", "max", "mean", "var", "skew", "kurt", "total", "unit")
    }


def test_every_keyword_makes_a_filter_in_any_spelling() -> None:
    values = {"float": 1.5, "integer": 7, "boolean": True, "time": "2024-05-10"}
    for name, keyword in keywords().items():
        if not keyword.filter:
            assert not hasattr(a.her, name)
            continue
        value = "M1" if name == "fl_goescls" else values.get(keyword.kind, "text")
        for spelling in (name, name.upper(), keyword.spelling or name):
            made = getattr(a.her, spelling) == value
            assert (made.name, made.operator) == (name, "=")
        for kind in keyword.types:
            assert (getattr(getattr(a.her, kind), name) == value).event_type == kind


def test_units_that_are_known_can_be_read() -> None:
    known = [(one.fixed, one.usual, *one.others) for one in keywords().values()]
    texts = {text for found in known for text in found if text}
    assert len(texts) > 20
    assert [text for text in texts if units.parse(text) is None] == []


def test_words_complete() -> None:
    assert {"CH", "frm_name", "Limit", "Within"} <= set(dir(a.her))
    assert not {"Any", "Attr", "field", "did_you_mean"} & set(dir(a.her))
    assert {"area_atdiskcenter", "frm_name"} <= set(dir(a.her.CH))
    assert not {"fl_goescls", "hpc_x", "values", "check"} & set(dir(a.her.CH))
    assert all(word in keywords() for word in dir(a.her.CH))
    assert dir(a.her.CH | a.her.FL) == []
    assert a.her.Supplier.spoca == a.her.Supplier("SPoCA")


def test_a_type_prints_its_keywords() -> None:
    lines = str(a.her.CH).splitlines()
    assert lines[0] == "CH (CoronalHole)"
    shown = {line.split()[0]: " ".join(line.split()[1:]) for line in lines[2:]}
    assert shown["area_atdiskcenter"] == "float km2 Area of event at disk center"
    assert shown["intensvar"].startswith("float see intensunit, squared Variance")
    assert shown["frm_humanflag"].startswith("boolean Whether")
    assert len(lines) == 2 + sum(keyword.filter and keyword.is_of("CH") for keyword in keywords().values())


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: a.her.frm_nam, r"'frm_nam'; did you mean a\.her\.frm_name"),
        (lambda: a.her.limit, r"did you mean a\.her\.Limit"),
        (lambda: a.her.Flare, r"did you mean a\.her\.FL\?"),
        (lambda: a.her.XX, "event types are AR, CE"),
        (lambda: a.her.CH.area, r"did you mean a\.her\.CH\.area_atdiskcenter"),
        (lambda: a.her.CH.aera_raw, r"did you mean a\.her\.CH\.area_raw\?"),
        (lambda: a.her.CH.fl_goescls, "it is a keyword of FL"),
        (lambda: a.her.hpc_x, "the registry cannot filter by it"),
        (lambda: (a.her.CH | a.her.FL).area_raw, r"one type, such as a\.her\.CH\.area_raw"),
    ],
)
def test_a_misspelt_word_says_what_was_probably_meant(ask: Any, words: str) -> None:
    with pytest.raises(AttributeError, match=words):
        ask()
    with pytest.raises(QueryError):
        ask()


@pytest.mark.parametrize("owner", [a.her, a.her.CH])
@pytest.mark.parametrize("name", ["__deepcopy__", "__wrapped__", "_repr_html_", "__array__"])
def test_names_of_protocols_are_simply_not_there(owner: Any, name: str) -> None:
    assert not hasattr(owner, name)
    with pytest.raises(AttributeError) as caught:
        getattr(owner, name)
    assert not isinstance(caught.value, QueryError)


def test_attrs_are_copied_as_they_are() -> None:
    for word in (a.her.CH, a.her.CH | a.her.FL, a.her.frm_name == "SPoCA", a.her.Supplier("SWPC"), ~a.her.CH):
        assert copy.deepcopy(word) == copy.copy(word) == word
    assert repr(copy.deepcopy(a.her.frm_name)) == repr(a.her.frm_name)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: Fido.search(DAY, a.her.CH, a.her.frm_name),
        lambda: Fido.search(DAY, a.her.frm_name),
        lambda: Fido.search(DAY, a.hek.CH, a.her.CH.frm_name),
        lambda: her.translate(DAY, a.her.frm_name),
        lambda: a.her.CH & a.her.frm_name,
        lambda: a.her.frm_name | a.her.CH,
        lambda: a.her.CH | a.her.frm_name,
        lambda: (a.her.frm_name == "SPoCA") & a.her.frm_name,
        lambda: ~a.her.frm_name,
    ],
)
def test_a_keyword_alone_says_how_to_compare_it(ask: Any) -> None:
    with pytest.raises(QueryError, match=r"compare it: a\.her\.(CH\.)?frm_name == 'SPoCA'"):
        ask()


@pytest.mark.parametrize(
    ("word", "example"),
    [
        (a.her.area_raw, "a.her.area_raw > 0"), (a.her.CH.area_raw, "a.her.CH.area_raw > 0"),
        (a.her.frm_humanflag, "a.her.frm_humanflag == True"), (a.her.fl_goescls, "a.her.fl_goescls >= 'M1'"),
        (a.her.frm_contact, "a.her.frm_contact.like('%text%')"),
        (a.her.event_peaktime, "a.her.event_peaktime > '2024-05-10'"),
    ],
)  # fmt: skip
def test_the_example_fits_the_keyword_and_works(word: Any, example: str) -> None:
    assert word.example == example
    assert isinstance(eval(example, {"a": a}), attrs.Filter)


def test_return_takes_at_least_one_keyword() -> None:
    with pytest.raises(QueryError, match=r"a\.her\.Return takes keywords, or only one of required and optional"):
        a.her.Return()


def corners(frame: str, *longitudes: float) -> list[SkyCoord]:
    options = {"obstime": "2026-01-10", "observer": "earth"} if frame == "heliographic_carrington" else {}
    return [
        SkyCoord(lon * u.deg, lat * u.deg, frame=frame, **options)
        for lon, lat in zip(longitudes, (-10, 20), strict=True)
    ]


@pytest.mark.parametrize(
    ("frame", "longitudes", "expected"),
    [
        ("heliographic_carrington", (350, 10), (-10, 10)),
        ("heliographic_carrington", (170, 190), (170, 190)),
        ("heliographic_carrington", (170, -170), (170, 190)),
        ("heliographic_carrington", (20, 40), (20, 40)),
        ("heliographic_carrington", (200, 300), (-160, -60)),
        ("heliographic_stonyhurst", (-60, 60), (-60, 60)),
    ],
)
def test_a_box_may_begin_on_one_side_of_the_wrap_and_end_on_the_other(
    frame: str, longitudes: tuple[float, float], expected: tuple[float, float]
) -> None:
    pair = corners(frame, *longitudes)
    for box in (a.her.Box(*pair), a.her.Box(SkyCoord(pair))):
        assert box.corners == pytest.approx((expected[0], -10, expected[1], 20))
        assert box.system == frame.removeprefix("heliographic_")


def test_a_box_in_stonyhurst_coordinates_does_not_wrap() -> None:
    with pytest.raises(QueryError, match="lower left corner first"):
        a.her.Box(*corners("heliographic_stonyhurst", 170, -170))


STONYHURST, CARRINGTON = (
    SkyCoord(1 * u.deg, 1 * u.deg, frame=f"heliographic_{name}") for name in ("stonyhurst", "carrington")
)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (
            lambda: a.her.Box(1 * u.deg, 2 * u.deg, 3 * u.deg, system="stonyhurst"),
            r"takes x1, y1, x2, y2: the lower left",
        ),
        (lambda: a.her.Box(1 * u.arcsec, 2 * u.arcsec), "takes four angles, or the coordinates of two corners"),
        (
            lambda: a.her.Box(STONYHURST, CARRINGTON),
            "in one frame, not in heliographic_carrington and heliographic_ston",
        ),
        (lambda: a.her.PageSize(1001), "at most 1000 events per page, not 1001"),
        (lambda: a.her.SortBy("nothing"), "does not have a keyword 'nothing' to sort by"),
        (lambda: a.her.Return("nothing"), "does not have a keyword 'nothing' to return"),
        (lambda: a.her.Tests("nothing"), "takes 'hide', 'only' or 'show', not 'nothing'"),
        (lambda: a.her.Supplier(), "at least one name such as 'SPoCA'"),
        (lambda: a.her.Within(a.her.AR | a.her.CH, a.her.CH), "one type and one container"),
        (lambda: a.her.event_starttime > "never", "is a time; it cannot be compared with 'never'"),
        (lambda: a.her.event_starttime > 5, "is a time; it cannot be compared with 5"),
        (lambda: a.her.event_starttime > Time(["2026-01-01", "2026-01-02"]), "a single time; .* with 2 times"),
        (
            lambda: a.her.fl_goescls > "Z9",
            "is a GOES class such as 'M1.2' or 'X', or a flux; it cannot be compared with 'Z9'",
        ),
        (lambda: a.her.frm_name.isin(5), r"frm_name\.isin\(\) takes several values, not 5"),
        (lambda: a.her.event_coord1 > 3 * u.hourangle, "cannot be compared in hourangle; give the value in a simpler"),
        (lambda: attrs.Field("frm_name"), "takes a Keyword and the name of an event type"),
        (lambda: attrs.Field(keywords()["frm_name"], 3), "takes a Keyword and the name of an event type"),
    ],
)
def test_values_that_an_attr_cannot_have_are_refused(ask: Any, words: str) -> None:
    with pytest.raises(QueryError, match=words):
        ask()


def test_the_largest_page_is_allowed() -> None:
    assert a.her.PageSize(1000).values == (1000,)


@pytest.mark.parametrize(
    ("first", "second"),
    [(attrs.Limit(3), attrs.Limit(4)), (attrs.SortBy("frm_name"), attrs.SortBy("area_raw"))],
)
def test_two_limits_or_orders_stay_alternatives(first: Any, second: Any) -> None:
    """They are not joined into one attr of several values, so that the translation can refuse them."""
    assert (first | second).attrs == [first, second]


@pytest.mark.parametrize(
    ("flux", "text"),
    [
        (1e-4, "X1"), (1.3e-3, "X13"), (9.99e-5, "M9.99"), (1.23456789e-5, "M1.23457"), (1e-7, "B1"),
        (1e-12, "A0.0001"),
    ],
)  # fmt: skip
def test_a_flux_is_compared_as_a_goes_class(flux: float, text: str) -> None:
    for value in (flux * u.W / u.m**2, flux * 1e3 * u.erg / u.s / u.cm**2):
        assert (a.her.fl_goescls >= value).value == text
    assert (flux * u.W / u.m**2 < a.her.fl_goescls).value == text
    assert peak_flux(text) == pytest.approx(flux, rel=1e-5)


@pytest.mark.parametrize(
    ("compare", "words"),
    [
        (lambda: a.her.fl_goescls > 5, "fl_goescls is text; .*; write a.her.fl_goescls >= 'M1', for example."),
        (lambda: a.her.FL.fl_goescls > "5", "or a flux; .*; write a.her.FL.fl_goescls >= 'M1', for example."),
        (lambda: a.her.fl_goescls > -1 * u.W / u.m**2, "is a positive flux in W/m2"),
        (lambda: a.her.fl_goescls > 1 * u.m, "is a positive flux in W/m2"),
        (lambda: a.her.area_raw > "x", "is a number; .*; write a.her.area_raw > 0, for example."),
        (lambda: a.her.frm_humanflag > 1, "write a.her.frm_humanflag == True, for example."),
    ],
)
def test_a_refused_comparison_shows_the_form(compare: Callable[[], Any], words: str) -> None:
    with pytest.raises(QueryError, match=words):
        compare()


def test_unknown_types_are_accepted_on_request_only() -> None:
    with pytest.raises(QueryError, match=r"use a\.her\.EventType\('EP', unchecked=True\)"):
        a.her.EventType("EP")
    newer = a.her.EventType("ep", "CH", unchecked=True)
    assert newer.values == ("EP", "CH")
    assert type(newer.values[0]) is str
    assert (newer | a.her.FL).values == ("EP", "CH", "FL")
    assert pickle.loads(pickle.dumps(newer)) == newer
    assert "EP (unknown)" in str(newer)
    assert (a.her.EventType("EP", unchecked=True).frm_name == "x").event_type == "EP"


@pytest.mark.parametrize("value", ["E", "EPX", "E1", "", None, 1])
def test_an_unchecked_type_has_two_letters(value: Any) -> None:
    with pytest.raises(QueryError, match="takes two letters with unchecked=True"):
        a.her.EventType(value, unchecked=True)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, "takes parameters of the registry"),
        ({"page": 2}, "does not take page=, which this package sets itself"),
        ({"Event_Type": "xx"}, "does not take Event_Type="),
        ({"param1": "x"}, "param1=, op1= .* and value1= together"),
        ({"param1": "x", "op1": "~", "value1": 1}, "one of =, !=, <, <=, >, >= and like"),
        ({"x": None}, "takes text, a number, True or False for x=, not None"),
        ({"x": float("nan")}, "for x="),
        ({"x": "a\nb"}, "for x="),
    ],
    ids=str,
)
def test_raw_parameters_are_complete_and_not_those_of_this_package(parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(QueryError, match=words):
        a.her.Raw(**parameters)


def test_raw_parameters_are_joined_like_other_attrs() -> None:
    raw = a.her.Raw(param1="ep.speed", op1=">", value1=5)
    assert repr(raw & a.her.CH)
    with pytest.raises(QueryError, match=r"a\.her\.Raw cannot be negated"):
        operator.invert(raw)
    assert query_of([stored(raw)]) == raw


def test_suppliers_are_joined_unless_one_is_negated() -> None:
    one, other = a.her.Supplier("SPoCA"), a.her.Supplier("SWPC")
    joined = one | other
    assert type(joined) is a.her.Supplier
    assert joined.values == (*one.values, *other.values)
    assert isinstance(one | ~other, AttrOr)
    assert isinstance(~one | other, AttrOr)
