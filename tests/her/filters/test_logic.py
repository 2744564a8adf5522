"""Test AND, OR and NOT to any depth: few requests, no missing events, and a check that removes all others."""

from __future__ import annotations

import random
from functools import reduce
from operator import and_, or_
from typing import Any

import astropy.units as u
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sunpy.net import attrs as a
from sunpy.net.attr import AttrAnd, AttrOr

import sunpy_helio_plugins  # noqa: F401
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her.filters.evaluate import answers, holds
from sunpy_helio_plugins.her.query import Query, Triplet
from sunpy_helio_plugins.her.translator import queries

DAY = a.Time("2026-01-10", "2026-01-11")
EVENT = {"event_starttime": "2026-01-10T01:00:00", "event_endtime": "2026-01-10T02:00:00", "event_type": "FL"}


def ask(*words: Any) -> tuple[Query, ...]:
    return queries(DAY, *words)


def test_types_of_alternatives_join() -> None:
    (query,) = ask((a.her.CH & (a.her.frm_name == "SPoCA")) | (a.her.AR & (a.her.frm_name == "SPoCA")))
    assert (query.types, len(query.filters)) == (("CH", "AR"), 1)


def test_types_with_comparisons_of_their_own_join_in_one_request() -> None:
    (query,) = ask((a.her.AR & (a.her.ar_numspots > 4)) | (a.her.CH & (a.her.area_raw > 5 * u.km**2)) | a.her.CE)
    assert query.types == ("AR", "CH", "CE")
    assert query.filters == (Triplet("ar_numspots", ">", "4", "AR"), Triplet("area_raw", ">", "5", "CH"))


def test_an_alternative_that_another_includes_costs_nothing() -> None:
    (query,) = ask(a.her.CH | (a.her.CH & (a.her.frm_name == "SPoCA")))
    assert query.filters == ()


def test_touching_periods_are_one() -> None:
    later = a.Time("2026-01-11", "2026-01-12")
    (query,) = queries((DAY | later) & a.her.CH)
    assert (query.start, query.end) == ("2026-01-10T00:00:00", "2026-01-12T00:00:00")
    assert len(queries((DAY | a.Time("2026-01-15", "2026-01-16")) & a.her.CH)) == 2
    assert len(queries((DAY | later) & a.her.CH & a.her.Strict())) == 2


def test_overlapping_periods_and_boxes_within_others_are_one() -> None:
    wide = a.her.Box(-900 * u.arcsec, -900 * u.arcsec, 900 * u.arcsec, 900 * u.arcsec)
    narrow = a.her.Box(-90 * u.arcsec, -90 * u.arcsec, 90 * u.arcsec, 90 * u.arcsec)
    assert len(queries((DAY | a.Time("2026-01-10T12:00", "2026-01-12")) & a.her.CH)) == 1
    inner = a.Time("2026-01-10T06:00", "2026-01-10T07:00") & a.her.CH & (a.her.frm_name == "SPoCA") & narrow
    (query,) = queries((DAY & (a.her.CH | a.her.FL) & wide) | inner)
    assert (query.types, query.filters, query.box.x1) == (("CH", "FL"), (), -900)
    assert len(ask(a.her.FL, narrow | a.her.Box(-1 * u.deg, -1 * u.deg, 1 * u.deg, 1 * u.deg, system="hgs"))) == 2


def test_a_filter_of_a_type_that_one_alternative_does_not_have_says_nothing_there() -> None:
    big = a.her.CH.area_raw > 5 * u.km**2
    (query,) = ask((a.her.CH | a.her.FL) & big)
    assert query.types == ("CH", "FL")
    assert {each.types: each.filters for each in ask((a.her.FL & (a.her.frm_name == "x") & big) | a.her.CH)} == {
        ("FL", "CH"): (Triplet("frm_name", "=", "x", "FL"),),
    }
    with pytest.raises(QueryError, match="A filter applies to CH, but the search is for FL only"):
        ask(a.her.FL, big)


def test_a_list_of_values_is_an_alternative_each() -> None:
    assert [query.filters[0].value for query in ask(a.her.FL, a.her.frm_name.isin(["SWPC", "SPoCA"]))] == [
        "SWPC", "SPoCA",
    ]  # fmt: skip
    with pytest.raises(QueryError, match="no values"):
        a.her.frm_name.isin([])


@pytest.mark.parametrize(
    ("words", "opposite"),
    [
        (a.her.frm_name == "SPoCA", ("!=",)), (a.her.ar_numspots > 3, ("<=",)), (a.her.ar_numspots <= 3, (">",)),
    ],
)  # fmt: skip
def test_not_turns_a_comparison(words: Any, opposite: Any) -> None:
    assert tuple(test.operator for test in ask(~words)[0].filters) == opposite
    assert (~~words) == words


def test_not_goes_through_a_tree() -> None:
    tree = (a.her.frm_name == "SPoCA") | ((a.her.ar_numspots > 3) & ~a.her.CH)
    found = ask(~tree)
    assert all(Triplet("frm_name", "!=", "SPoCA") in query.filters for query in found)
    assert {query.types for query in found} == {(), ("CH",)}
    with pytest.raises(QueryError, match="negated"):
        _ = ~(a.her.CH & DAY)


def test_not_a_type_means_all_others() -> None:
    types = ask(~a.her.CH)[0].types
    assert "CH" not in types
    assert len(types) == 27
    with pytest.raises(QueryError, match="one type"):
        ask(a.her.CH, ~a.her.CH)
    assert ask(a.her.CH | ~a.her.CH)[0].types == ()  # all of them


def test_what_the_registry_cannot_judge_is_not_sent() -> None:
    for words in (
        ~a.her.frm_name.like("CACTus%"), a.her.fl_goescls != "M1.0",
        a.her.frm_name != "CACTus (Computer Aided CME Tracking)", a.her.cme_radiallinvel > 500 * u.km / u.s,
        ~a.her.Box(-1 * u.deg, -1 * u.deg, 1 * u.deg, 1 * u.deg, system="hgs"),
    ):  # fmt: skip
        (query,) = ask(a.her.CE, words)
        assert query.filters == ()
        assert query.alternatives


def test_of_a_name_with_a_parenthesis_its_beginning_is_asked_for() -> None:
    (query,) = ask(a.her.CE, a.her.frm_name == "CACTus (Computer Aided CME Tracking)")
    assert query.filters == (Triplet("frm_name", "like", "CACTus%"),)
    record = EVENT | {"event_type": "CE"}
    assert answers(query, record | {"frm_name": "CACTus (Computer Aided CME Tracking)"})
    assert not answers(query, record | {"frm_name": "CACTus"})


def test_boxes_meet() -> None:
    left = a.her.Box(-900 * u.arcsec, -900 * u.arcsec, 100 * u.arcsec, 900 * u.arcsec)
    right = a.her.Box(-100 * u.arcsec, -900 * u.arcsec, 900 * u.arcsec, 900 * u.arcsec)
    assert (ask(a.her.FL, left, right)[0].box.x1, ask(a.her.FL, left, right)[0].box.x2) == (-100, 100)
    far = a.her.Box(500 * u.arcsec, 500 * u.arcsec, 900 * u.arcsec, 900 * u.arcsec)
    with pytest.raises(QueryError, match="boxes"):
        ask(a.her.FL, left, far)


def test_a_region_is_found_in_four_and_five_digits() -> None:
    for number in (13664, 3664):
        assert [[test.value for test in query.filters] for query in ask(a.her.AR, a.her.ar_noaanum == number)] == [
            ["13664"], ["3664"],
        ]  # fmt: skip
    assert [len(ask(a.her.AR, words)) for words in (a.her.ar_noaanum > 13000, a.her.ar_noaanum < 13000)] == [2, 1]
    before = queries(a.Time("2001-01-01", "2001-02-01"), a.her.AR, a.her.ar_noaanum == 9393)
    assert [query.filters[0].value for query in before] == ["9393"]


@pytest.mark.parametrize(
    ("words", "start", "end", "sent"),
    [
        (a.her.ar_noaanum >= 13664, "2024-05-01", "2024-06-01", [[(">=", "13664")], [(">=", "3664"), ("<", "10000")]]),
        (a.her.ar_noaanum >= 3664, "2024-05-01", "2024-06-01", [[(">=", "13664")], [(">=", "3664"), ("<", "10000")]]),
        (a.her.ar_noaanum < 3664, "2024-05-01", "2024-06-01", [[("<", "13664")]]),
        (a.her.ar_noaanum != 3664, "2024-05-01", "2024-06-01", [[("!=", "13664"), ("!=", "3664")]]),
        # Before the rollover, numbers have four digits.
        (a.her.ar_noaanum >= 9393, "2001-03-01", "2001-04-01", [[(">=", "9393")]]),
        (a.her.ar_noaanum != 9393, "2001-03-01", "2001-04-01", [[("!=", "9393")]]),
        # Around the rollover, a short number may be an early or a late region.
        (a.her.ar_noaanum == 3664, "1984-01-01", "2024-06-01", [[("=", "13664")], [("=", "3664")]]),
        (a.her.ar_noaanum != 3664, "1984-01-01", "2024-06-01", [[]]),
        (a.her.ar_noaanum > 9990, "2002-06-01", "2002-08-01", [[]]),
        (a.her.ar_noaanum < 9990, "2002-06-01", "2002-08-01", [[("<", "9990")]]),
    ],
)
def test_requests_for_regions_miss_no_spelling(words: Any, start: str, end: str, sent: Any) -> None:
    found = queries(a.Time(start, end), a.her.AR, words)
    assert [[(test.operator, test.value) for test in query.filters] for query in found] == sent


@pytest.mark.parametrize(
    ("words", "start", "end", "yes", "no"),
    [
        # Records of regions: a number, and the day on which it was observed.
        (a.her.ar_noaanum == 10030, "2002-06-01", "2002-08-01",
         [(10030, "2002-07-20"), (30, "2002-07-20")], [(30, "2002-06-02"), (10031, "2002-07-20")]),
        (a.her.ar_noaanum == 30, "2002-06-01", "2002-08-01", [(10030, "2002-07-20"), (30, "2002-07-20")], []),
        (a.her.ar_noaanum == 9985, "2002-06-01", "2002-08-01", [(9985, "2002-06-20"), (9985, "2002-06-02")],
         [(19985, "2002-06-20")]),
        (a.her.ar_noaanum >= 9990, "2002-06-01", "2002-08-01",
         [(9991, "2002-06-10"), (10040, "2002-07-20"), (40, "2002-07-20"), (9990, "2002-07-01")],
         [(9989, "2002-06-10")]),
        (a.her.ar_noaanum < 10000, "2002-06-01", "2002-08-01", [(9991, "2002-06-10")],
         [(40, "2002-07-20"), (10040, "2002-07-20")]),
        (a.her.ar_noaanum > 3664, "2024-05-01", "2024-06-01", [(13665, "2024-05-10"), (3665, "2024-05-10")],
         [(13664, "2024-05-10"), (3664, "2024-05-10"), (9, "2024-05-10")]),
        (a.her.ar_noaanum != 3664, "2024-05-01", "2024-06-01", [(13665, "2024-05-10")],
         [(13664, "2024-05-10"), (3664, "2024-05-10")]),
        ((a.her.ar_noaanum >= 10930) & (a.her.ar_noaanum <= 10934), "2007-04-29", "2007-05-07",
         [(10930, "2007-05-01"), (934, "2007-05-01")], [(10935, "2007-05-01"), (929, "2007-05-01")]),
        (~(a.her.ar_noaanum < 13664), "2024-05-01", "2024-06-01", [(13664, "2024-05-10"), (3700, "2024-05-10")],
         [(13663, "2024-05-10"), (3663, "2024-05-10")]),
    ],
)  # fmt: skip
def test_regions_are_found_on_both_sides_of_the_rollover(words: Any, start: str, end: str, yes: Any, no: Any) -> None:
    found = queries(a.Time(start, end), a.her.AR, words)
    for number, day in yes + no:
        when = dict.fromkeys(("event_starttime", "event_endtime"), f"{day}T01:00:00")
        record = EVENT | when | {"event_type": "AR", "ar_noaanum": number}
        brought = [query for query in found if all(plain(test, number) for test in query.filters)]
        assert any(answers(query, record) for query in brought) == ((number, day) in yes), (number, day)


def plain(test: Triplet, number: int) -> bool:
    """Evaluate like the registry, which does not consider the rollover."""
    return bool(SIGNS[test.operator](number, int(test.value)))


@pytest.mark.parametrize(
    ("number", "when", "asked", "expected"),
    [
        (3664, "2024-05-10T00:00:00", "13664", True), (13664, "2024-05-10T00:00:00", "3664", True),
        (9393, "2001-03-29T00:00:00", "9393", True), (9393, "2001-03-29T00:00:00", "19393", False),
        (9985, "2002-06-20T00:00:00", "9985", True), (3, "2002-06-20T00:00:00", "10003", True),
        (-9999, "2024-05-10T00:00:00", "13664", False),
    ],
)  # fmt: skip
def test_numbers_of_regions_agree_in_five_digits(number: int, when: str, asked: str, expected: bool) -> None:
    record = EVENT | {"ar_noaanum": number, "event_starttime": when}
    assert holds(Triplet("ar_noaanum", "=", asked), record) is expected


@pytest.mark.parametrize(
    ("sign", "asked", "sent", "yes", "no"),
    [
        (">", "X2", (">=", "X"), ["X10.0", "X28", "X2.1"], ["X2.0", "M9.9", "X1.9"]),
        (">=", "M1.5", (">=", "M1"), ["M1.5", "M2", "X1.0"], ["M1.4", "C9.9"]),
        (">", "X", (">", "X"), ["X1.0", "X12"], ["M9.9"]),
        ("<", "M5", ("<", "X"), ["M4.9", "C9.0", "B1"], ["M5.0", "X1", "X10"]),
        ("<", "X10", None, ["X9.3", "M1"], ["X10", "X28"]),
        ("=", "M1", ("like", "M%"), ["M1.0", "M1"], ["M1.1", "C1.0"]),
        ("=", "M", ("like", "M%"), ["M1.0", "M9.9"], ["C9.9", "X1.0"]),
        ("=", "x10", ("like", "X%"), ["X10", "X10.0"], ["X1.0", "X9.9"]),
        (">", "m5", (">=", "M5"), ["M5.1", "X1"], ["M5.0", "C9"]),
        (">", "B", (">", "B"), ["B1.0", "C1.0", "X12"], ["A9.9"]),
        ("<", "B", ("<", "B"), ["A1.0"], ["B1.0"]),
        ("<=", "B", ("<", "C"), ["A1", "B1.0", "B9.9"], ["C1.0"]),
        ("<=", "X", None, ["X9", "X28", "A1"], []),
        (">=", "C10", (">=", "M1"), ["M1.0", "X1"], ["C9.9"]),
        (">", "M0.5", (">=", "C5"), ["C5.1", "M1.0"], ["C5.0", "B9"]),
        ("<", "A", ("<", "A"), [], ["A1.0", "B1"]),
    ],
)
def test_classes_of_flares_compare_by_flux(sign: str, asked: str, sent: Any, yes: list[str], no: list[str]) -> None:
    words = a.her.fl_goescls._compare(sign, asked)
    (query,) = ask(a.her.FL, words)
    assert [(test.operator, test.value) for test in query.filters] == ([sent] if sent else [])
    assert [name for name in yes + no if answers(query, EVENT | {"fl_goescls": name})] == yes
    # The result of a comparison as text contains all intended events, and its opposite all the others.
    assert all(SIGNS[test.operator](name, test.value) for test in query.filters for name in yes)
    (rest,) = ask(a.her.FL, ~words)
    assert [name for name in yes + no if answers(rest, EVENT | {"fl_goescls": name})] == no
    assert all(SIGNS[test.operator](name, test.value) for test in rest.filters for name in no)
    assert not answers(query, EVENT | {"fl_goescls": "strong"})


def test_the_table_of_truth() -> None:
    big, small = Triplet("area_raw", ">", "5", "CH"), Triplet("area_raw", "<=", "5", "CH")
    for record, expected in (
        ({"event_type": "AR", "area_raw": 1}, (True, True)),
        ({"event_type": "CH"}, (True, True)),
        ({"event_type": "CH", "area_raw": None}, (False, False)),
        ({"event_type": "CH", "area_raw": -9999}, (False, False)),
        ({"event_type": "CH", "area_raw": 6}, (True, False)),
        ({"event_type": "CH", "area_raw": "odd"}, (False, False)),
    ):
        assert (holds(big, record), holds(small, record)) == expected


@pytest.mark.parametrize(
    ("test", "values", "expected"),
    [
        (Triplet("frm_name", "=", "spoca"), ["SPoCA", "x"], [True, False]),
        # The registry decides whether case is significant: its results are kept.
        (Triplet("frm_name", "!=", "spoca"), ["SPoCA", "spoca", "x"], [True, False, True]),
        (Triplet("frm_name", "like", "spo%"), ["SPoCA", "x"], [True, False]),
        (Triplet("frm_name", "not like", "spo%"), ["SPoCA", "spoca", "x"], [True, False, True]),
        (Triplet("frm_name", ">", "a"), ["SPoCA", "b", "A"], [True, True, False]),
        (Triplet("frm_name", "like", "a_c"), ["abc", "ac"], [True, False]),
        (Triplet("event_npixels", "=", "2000000"), [2000000, 2000001], [True, False]),
        (Triplet("intensmean", ">", "1"), [float("nan"), float("inf"), 2], [False, False, True]),
        (Triplet("frm_name", "like", "CACT%(%"), ["CACTus (x)", "CACTus"], [True, False]),
        (Triplet("frm_name", "not like", "C%"), ["CACTus", "x"], [False, True]),
        (Triplet("frm_versionnumber", "=", "0.51"), [0.50999999046, 0.52], [True, False]),
        (Triplet("frm_humanflag", "=", "true"), ["true", "T", "false"], [True, True, False]),
        (
            Triplet("event_peaktime", ">", "2026-01-10T01:00:00.5"),
            ["2026-01-10T01:00:01", "2026-01-10T01:00:00"],
            [True, False],
        ),
    ],
)
def test_values_are_judged_as_the_table_says(test: Triplet, values: list[Any], expected: list[bool]) -> None:
    assert [holds(test, EVENT | {test.name: value}) for value in values] == expected


def test_each_records_own_unit_counts() -> None:
    (query,) = ask(a.her.CE, a.her.cme_radiallinvel > 500 * u.km / u.s)
    record = EVENT | {"event_type": "CE"}
    assert answers(query, record | {"cme_radiallinvel": 6e5, "cme_radiallinvelunit": "m/s"})
    assert not answers(query, record | {"cme_radiallinvel": 600, "cme_radiallinvelunit": "m/s"})
    assert answers(query, record | {"cme_radiallinvel": 600, "cme_radiallinvelunit": "km/sec"})
    # Events that cannot be evaluated are kept.
    assert answers(query, record | {"cme_radiallinvel": 600, "cme_radiallinvelunit": "furlong"})


LEAVES = [
    a.her.CH, a.her.FL, a.her.AR | a.her.FL, a.her.frm_name == "SWPC", a.her.frm_name != "SPoCA",
    a.her.frm_name.like("S%"), a.her.ar_noaanum >= 13664, a.her.ar_noaanum == 3664, a.her.fl_goescls > "X2",
    a.her.fl_goescls <= "M1.5", a.her.frm_humanflag == "true", a.her.CH.area_raw > 5, a.her.frm_versionnumber == 0.51,
    a.her.Supplier("SWPC"), ~a.her.Supplier("SWPC"),
    a.her.Box(-9 * u.arcsec, -9 * u.arcsec, 9 * u.arcsec, 9 * u.arcsec),
]  # fmt: skip
TREES = st.recursive(
    st.sampled_from(range(len(LEAVES))),
    lambda inner: st.tuples(st.sampled_from("&|~"), st.lists(inner, min_size=2, max_size=3)),
    max_leaves=6,
)


def grown(tree: Any) -> Any:
    if isinstance(tree, int):
        return LEAVES[tree]
    sign, parts = tree
    if sign == "~":
        return ~grown(parts[0])
    return reduce(and_ if sign == "&" else or_, map(grown, parts))


def judged(tree: Any, record: dict[str, Any], turned: bool = False) -> bool:
    """Evaluate a tree literally, leaf by leaf."""
    if isinstance(tree, int):
        leaf = ~LEAVES[tree] if turned else LEAVES[tree]
        try:
            return any(answers(query, record) for query in queries(DAY, a.her.Event(), leaf))
        except QueryError:
            return False
    sign, parts = tree
    if sign == "~":
        return judged(parts[0], record, not turned)
    every = (sign == "&") != turned
    return (all if every else any)(judged(part, record, turned) for part in parts)


def some_events() -> list[dict[str, Any]]:
    source = random.Random(5)
    choices: dict[str, list[Any]] = {
        "event_type": ["CH", "FL", "AR", "CE"], "frm_name": ["SWPC", "SPoCA", "", "CACTus (Computer Aided)"],
        "ar_noaanum": [None, 3664, 13664, 14000, 900], "fl_goescls": ["", "M1.3", "X10.0", "X1.9", "C1"],
        "frm_humanflag": ["true", "false"], "area_raw": [None, 3, 7], "frm_versionnumber": [0.50999999046, 1, None],
        "search_frm_name": ["SWPC", "SPoCA", "x"], "hpc_x": [0, 100], "hpc_y": [0], "hpc_bbox": [""],
    }  # fmt: skip
    return [EVENT | {name: source.choice(values) for name, values in choices.items()} for _ in range(120)]


EVENTS = some_events()


SIGNS: dict[str, Any] = {
    "=": lambda own, wanted: own == wanted, "!=": lambda own, wanted: own != wanted, ">": lambda own, w: own > w,
    ">=": lambda own, wanted: own >= wanted, "<": lambda own, wanted: own < wanted, "<=": lambda own, w: own <= w,
    "like": lambda own, wanted: own.startswith(wanted.rstrip("%")), "not like": lambda own, _: True,
}  # fmt: skip


def passes(query: Query, record: dict[str, Any]) -> bool:
    """Evaluate a request like the registry: all of its comparisons, with text compared alphabetically."""
    if query.types and record["event_type"] not in query.types:
        return False
    judging = [test for test in query.filters if test.event_type in ("", record["event_type"])]
    return all(as_text(test, record) for test in judging)


def as_text(test: Triplet, record: dict[str, Any]) -> bool:
    value = record[test.name]
    if test.name == "fl_goescls":
        return bool(value) and SIGNS[test.operator](value, test.value)
    if test.name == "ar_noaanum":
        return value is not None and SIGNS[test.operator](value, float(test.value))
    return holds(test, record)


@pytest.mark.exhaustive
@settings(max_examples=100, deadline=None, database=None)
@given(TREES)
def test_random_trees_lose_no_comparison_and_no_event(tree: Any) -> None:
    made: tuple[Query, ...] = ()
    try:
        made = queries(DAY, a.her.Event(), grown(tree))
    except QueryError as error:
        # A tree that no event can fulfil is refused, and so is a filter of an event type that is not requested.
        assume("A filter applies to" not in str(error))
    for record in EVENTS:
        brought = any(passes(query, record) and answers(query, record) for query in made)
        assert brought == judged(tree, record)


def test_trees_stay_sunpys() -> None:
    assert isinstance(a.her.CH & (a.her.frm_name == "x"), AttrAnd)
    assert isinstance((a.her.frm_name == "x") | (a.her.frm_name == "y"), AttrOr)
    assert isinstance(DAY & a.her.CH & (a.her.frm_name == "x"), AttrAnd)


@pytest.mark.parametrize(
    ("test", "value", "expected"),
    [
        (Triplet("ar_numspots", ">", "-99999"), -9999, False),
        (Triplet("ar_numspots", "!=", "4"), "inf", False),
        (Triplet("ar_numspots", "!=", "4"), 5, True),
        (Triplet("frm_humanflag", "=", "true"), "T", True),
        (Triplet("frm_humanflag", "!=", "true"), "F", True),
        (Triplet("frm_humanflag", "!=", "true"), "perhaps", False),
        (Triplet("event_peaktime", "like", "2026-01-10%"), "2026-01-10T01:00:00", True),
        (Triplet("event_peaktime", "not like", "2026-01-10%"), "2026-01-10T01:00:00", False),
        (Triplet("event_peaktime", ">", "2026-01-10"), "yesterday", False),
    ],
)
def test_values_that_do_not_exist_never_match(test: Triplet, value: Any, expected: bool) -> None:
    assert holds(test, {**EVENT, test.name: value}) is expected


@pytest.mark.parametrize(
    ("units", "name", "value", "expected"),
    [
        ("degrees", "event_coord2", 2.0, True),
        ("degrees", "event_coord2", 0.5, False),
        ("arcsec, degrees", "event_coord1", 3601.0, True),
        ("arcsec, degrees", "event_coord2", 3601.0, True),
        ("arcsec, degrees", "event_coord2", 0.5, False),
        ("km,degrees", "event_coord1", 2.0, None),
        ("arcsec,arcsec", "event_coord3", 2.0, None),
        ("", "event_coord1", 2.0, None),
    ],
)
def test_a_coordinate_is_compared_in_the_unit_of_its_component(
    units: str, name: str, value: float, expected: bool | None
) -> None:
    assert holds(Triplet(name, ">", "1", unit="deg"), {**EVENT, name: value, "event_coordunit": units}) is expected


def test_a_type_without_the_keyword_is_requested_separately() -> None:
    found = ask((a.her.AR & (a.her.ar_numspots > 4)) | (a.her.CH & (a.her.fl_goescls == "X1")))
    assert [query.types for query in found] == [("AR",), ("CH",)]


def test_containers_join_only_in_the_same_period_and_box() -> None:
    within = a.her.Within(a.her.AR, a.her.CH)
    named = within & (a.her.frm_name == "SPoCA")
    assert len(queries(DAY & (within | named))) == 1
    assert len(queries((DAY & within) | (a.Time("2026-01-10T06:00", "2026-01-10T07:00") & named))) == 2
