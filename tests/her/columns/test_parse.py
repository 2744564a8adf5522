"""Test that one odd value is masked without affecting its column's unit, type or coordinate, or the event."""

from __future__ import annotations

import json
import warnings
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.time import Time
from sunpy.net import attrs as a

from sunpy_helio_plugins.errors import IncompleteAnswerWarning
from sunpy_helio_plugins.her import HERClient, HERTable
from sunpy_helio_plugins.her.columns import chaincodes, frames, parse, positions
from sunpy_helio_plugins.her.filters.evaluate import answers, doubts, holds
from sunpy_helio_plugins.her.query import Alternative, Query, Triplet
from sunpy_helio_plugins.her.records.arrays import KeywordArrays
from sunpy_helio_plugins.her.records.cells import Cells, JoinedTexts

START = "2017-09-06T10:25:05"
EVENT = {"event_starttime": START, "event_endtime": START, "event_type": "CH"}


def table_of(*odd: dict[str, Any]) -> HERTable:
    return HERTable.from_records([EVENT | one for one in odd])


@pytest.mark.parametrize("odd", ["parsecs", "arcsec2", "", None, "-", "unknown", "millihemispheres", 5])
@pytest.mark.parametrize("row", [0, 1, 2])
def test_an_odd_unit_costs_its_own_value(odd: Any, row: int) -> None:
    texts = ["km2", "Mm2", "km2"]
    texts[row] = odd
    table = table_of(*({"area_raw": 3.0, "area_unit": text} for text in texts))
    column = table["area_raw"]
    assert column.unit.is_equivalent("km2")
    assert column.mask.tolist() == [index == row for index in range(3)]
    known = {"km2": 3.0, "Mm2": 3e6}
    for index in set(range(3)) - {row}:
        assert column[index].to_value("km2") == known[str(texts[index])]
    assert table["raw"][row]["area_raw"] == 3.0
    (problem,) = table.problems
    assert problem.startswith("area_raw: 1 values do not have a unit")


def test_the_usual_kind_of_unit_counts_before_that_of_most_rows() -> None:
    table = table_of(*({"area_raw": 3.0, "area_unit": text} for text in ("arcsec2", "arcsec2", "km2")))
    assert table["area_raw"].unit == u.km**2
    assert table["area_raw"].mask.tolist() == [True, True, False]


def test_a_column_in_which_no_unit_is_understood_stays_plain() -> None:
    table = table_of({"area_raw": 3.0, "area_unit": "furlongs"}, {"area_raw": 4.0, "area_unit": "?"})
    assert table["area_raw"].tolist() == [3, 4]
    assert table["area_raw"].info.meta["unit_string"] == "furlongs | ?"


def test_a_count_that_is_not_whole_costs_its_own_value() -> None:
    given = [7, 2.5, "8", 1e300, 2**60 + 1, None, "x", True]
    table = table_of(*({"event_npixels": number} for number in given))
    column = table["event_npixels"]
    assert column.dtype == np.int64
    assert column.tolist() == [7, None, 8, None, 2**60 + 1, None, None, None]
    assert len(table.problems) == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hpc_coord", "POINT(400000 10)"), ("hpc_coord", "POINT(10 -400000)"), ("hgs_coord", "POINT(1 95)"),
        ("hgc_coord", "POINT(1 -90.1)"), ("hrc_coord", "POINT(400 10)"), ("hpc_coord", "POINT(1e308 1e308)"),
        ("hrc_coord", "POINT(1e308 10)"), ("hgs_coord", "POINT(1e308 -1e308)"),
    ],
)  # fmt: skip
def test_a_place_that_cannot_be_costs_its_own_row(name: str, text: str) -> None:
    good = "POINT(0.5 20)"
    table = table_of({name: good}, {name: text}, {name: good})
    assert table[name].mask.tolist() == [False, True, False]
    places = table[name].coordinate.spherical
    assert np.isfinite(places.lat[[0, 2]]).all()
    assert np.isnan(places.lat[1])
    assert name in table.problems[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hpc_boundcc", "POLYGON((0 0,400000 10,3 3,0 0))"), ("hpc_boundcc", "POLYGON((0 0,10 400000,3 3,0 0))"),
        ("hgs_bbox", "POLYGON((0 0,10 95,3 3,0 0))"), ("hrc_bbox", "POLYGON((2 0,400 10,3 3,2 0))"),
        ("hrc_bbox", "POLYGON((2 0,1e308 10,3 3,2 0))"), ("hrc_boundcc", "POLYGON((2 0,-1e308 10,3 3,2 0))"),
    ],
)  # fmt: skip
def test_an_outline_that_cannot_be_costs_its_own_row(name: str, text: str) -> None:
    good = "POLYGON((0 0,0.5 0,0.5 0.5,0 0))"
    table = table_of({name: good}, {name: text}, {name: good})
    assert table[name].mask.tolist() == [False, True, False]
    assert np.isfinite(table[name].skycoord.spherical.lat).all()
    assert name in table.problems[0]


ZEROS = {"hpc_x": 0, "hpc_y": 0.0, "hgs_x": "0", "hgs_y": 0}
POINTS = {"hpc_coord": "POINT(0 0)", "hgs_coord": "POINT(0 0)"}


def test_zeros_as_seen_from_earth_and_on_the_sun_are_no_place() -> None:
    """B0 was 7.2 degrees, the latitude of the disk's centre; (0, 0) on the Sun is 120 arcsec south of it."""
    others = {"hgc_x": 83.1, "hgc_y": 0.0, "hrc_r": 0.0, "hrc_a": 0.0, "event_coord1": 0.0, "event_coord2": 0.0}
    alone = {"hgs_x": 0.0, "hgs_y": 0.0, "hpc_x": 0.0, "hpc_y": -119.9, "hgs_coord": "POINT(0 0)"}
    # Then B0 is 0.
    level = ZEROS | {"event_starttime": "2026-06-06T19:30:03", "event_endtime": "2026-06-06T19:30:03"}
    table = table_of(ZEROS | POINTS | others, alone, level)
    for name in (*ZEROS, *POINTS, *others):
        assert np.asarray(table[name].mask)[0]
    for name in alone:
        assert not np.asarray(table[name].mask)[1]
    for name in ZEROS:
        assert not np.asarray(table[name].mask)[2]
    assert table["raw"][0]["hpc_x"] == 0


@pytest.mark.parametrize("zeros", [ZEROS, POINTS])
def test_zeros_are_found_in_numbers_and_in_points(zeros: dict[str, Any]) -> None:
    table = table_of(zeros)
    assert all(np.asarray(table[name].mask)[0] for name in zeros)


def test_the_number_0_is_no_region() -> None:
    table = table_of(*({"ar_noaanum": number} for number in (0, "0", 3664, None)))
    assert table["ar_noaanum"].tolist() == [None, None, 13664, None]
    for operator in ("=", "!=", "<"):
        assert holds(Triplet("ar_noaanum", operator, "5"), EVENT | {"ar_noaanum": 0}) is False


# "Cannot be evaluated" is not "false"

BIGGER = Triplet("cme_accel", ">", "5", unit="km / s2")
SMALLER = Triplet("cme_accel", "<=", "5", unit="km / s2")


def event(value: Any, unit: Any) -> dict[str, Any]:
    return EVENT | {"event_type": "CE", "cme_accel": value, "cme_accelunit": unit}


@pytest.mark.parametrize("unit", ["furlongs", "", None, "km2", "?"])
def test_a_unit_that_is_not_known_leaves_a_comparison_open(unit: Any) -> None:
    for test in (BIGGER, SMALLER):
        assert holds(test, event(3.0, unit)) is None
        query = Query("", "", alternatives=(Alternative(START, START, tests=(test,)),))
        assert answers(query, event(3.0, unit))
        assert "cme_accelunit" in doubts(query, event(3.0, unit))[0]
    assert holds(BIGGER, event(9000.0, "m/s2")) is True
    assert holds(SMALLER, event(9000.0, "m/s2")) is False
    assert holds(BIGGER, event(None, "furlongs")) is False


def test_what_fails_otherwise_is_not_kept_and_what_holds_otherwise_is_in_no_doubt() -> None:
    open_, other = event(3.0, "furlongs"), Triplet("frm_name", "=", "CACTus")
    both = Query("", "", alternatives=(Alternative(START, START, tests=(BIGGER, other)),))
    assert not answers(both, open_ | {"frm_name": "x"})
    assert answers(both, open_ | {"frm_name": "CACTus"})
    either = Query("", "", alternatives=tuple(Alternative(START, START, tests=(one,)) for one in (BIGGER, other)))
    assert answers(either, open_ | {"frm_name": "x"})
    assert doubts(either, open_ | {"frm_name": "x"})
    assert doubts(either, open_ | {"frm_name": "CACTus"}) == ()


DAY = a.Time("2017-09-06", "2017-09-07")
FAST = a.her.cme_accel > 5 * u.km / u.s**2


@pytest.mark.parametrize(
    ("query", "kept", "doubtful"),
    [
        (FAST, [1, 2], 1), (~FAST, [2, 3], 1), (FAST | (a.her.frm_name == "CACTus"), [1, 2, 4], 0),
        (~(FAST | (a.her.frm_name == "CACTus")), [3], 0), (FAST & (a.her.frm_name == "CACTus"), [2], 1),
        (FAST | ~FAST, [1, 2, 3], 1), ((a.her.FL & FAST) | (a.her.CE & FAST), [1, 2], 1),
    ],
)  # fmt: skip
def test_searches_keep_what_cannot_be_judged_and_say_so(scripted: Any, query: Any, kept: Any, doubtful: int) -> None:
    records = [
        event(9.0, "km/s2") | {"frm_name": "x"}, event(9.0, "furlongs") | {"frm_name": "CACTus"},
        event(1.0, "km/s2") | {"frm_name": "x"}, event(None, "km/s2") | {"frm_name": "CACTus"},
    ]  # fmt: skip
    records = [one | {"kb_archivid": f"ivo://x/{number}"} for number, one in enumerate(records, 1)]
    scripted.say(json.dumps({"result": records, "overmax": False}).encode())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IncompleteAnswerWarning)
        table = HERClient().search(DAY, a.her.CE | a.her.FL, query)
    assert [int(name[-1]) for name in table["kb_archivid"]] == kept
    said = [problem for problem in table.problems if "cannot be evaluated" in problem]
    assert bool(said) == bool(doubtful)
    assert all("1 events are kept" in problem for problem in said)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["POINT(1 2)", "POINT(3 4)"], [[1, 2], [3, 4]]),
        (["POINT(1 2)", "POINT(3,4) POINT(5 6)"], [[1, 2], [np.nan, np.nan]]),
        (["POINT(1 2)", "point( 3  4 )", None], [[1, 2], [3, 4], [np.nan, np.nan]]),
        (["POINT(a b)", ""], [[np.nan, np.nan], [np.nan, np.nan]]),
        ([5, "POINT(1 2)"], [[np.nan, np.nan], [1, 2]]),
    ],
)
def test_points_that_cannot_be_read_are_missing(texts: list[Any], expected: Any) -> None:
    places, bad = chaincodes.points(texts)
    np.testing.assert_array_equal(places, np.array(expected, float))
    assert bad == [index for index, text in enumerate(texts) if text and np.isnan(places[index]).any()]


def test_texts_whose_ends_are_elsewhere_are_not_read_together() -> None:
    odd = JoinedTexts("POINT(1 2)POINT(3 4)", np.array([0, 8]), np.array([8, 12], np.int32))
    assert chaincodes._alike(odd, "POINT(", ")") is None


def test_many_vertices_are_read_together_and_one_without_a_number_is_an_error() -> None:
    assert chaincodes._read_many(b"1 2,3 4.5").tolist() == [[1.0, 2.0], [3.0, 4.5]]
    with pytest.raises(ValueError, match="CSV conversion error"):
        chaincodes._read_many(b"1 2,3 ")


@pytest.mark.parametrize(
    ("version", "is_below"), [("0.5", True), (0.55, False), ("new", False), (None, False), ([1], False)]
)
def test_versions_that_are_no_numbers_are_not_below_another(version: Any, is_below: bool) -> None:
    assert frames._is_below(version, 0.55) is is_below


def test_a_single_time_with_a_mask_is_plain() -> None:
    time = Time(["2026-01-10", "2026-01-11"])
    time[1] = np.ma.masked
    assert frames._plain_numbers(time[0]).isot == "2026-01-10T00:00:00.000"
    assert not frames._plain_numbers(time[0]).masked


def test_words_for_nothing_are_missing_in_joined_texts() -> None:
    word = next(filter(None, parse.NOTHING))
    texts = JoinedTexts.of([word, None, "2026-01-10T00:00:00", "x" * len(word)])
    assert parse._missing_texts(texts).tolist() == [True, True, False, False]
    short = Cells(frozenset({str}), texts=JoinedTexts.of([word, word]))
    assert parse._width(short) == 19
    assert parse._width_of([5, "2026-01-10T00:00:00.000", word]) == 23


def test_texts_without_some_rows() -> None:
    texts = JoinedTexts.of(["a", "b", "c"])
    assert list(positions._without(texts, np.array([1]))) == ["a", None, "c"]
    assert positions._without(["a", "b"], np.array([0])) == [None, "b"]


def test_only_records_that_are_dicts_are_divided_into_fields() -> None:
    with pytest.raises(TypeError):
        KeywordArrays([{"a": 1}, None])  # type: ignore[list-item]
