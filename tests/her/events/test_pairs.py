"""Test that events are matched with others by time and position."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable
from astropy.time import Time
from sunpy.net import attrs as a

from sunpy_helio_plugins import HERClient, her
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her import HERTable
from sunpy_helio_plugins.her.events import places


def event(start: str, end: str, x: float | None = None, y: float = 0.0, **more: Any) -> dict[str, Any]:
    times = {"event_starttime": f"2024-05-{start}:00", "event_endtime": f"2024-05-{end}:00" if end else ""}
    place = {"hpc_coord": "" if x is None else f"POINT({x} {y})", "event_coordsys": "UTC-HPC-TOPO"}
    return {"event_type": "FL", "frm_name": "x", "kb_archivid": f"ivo://test/{start}/{x}", **times, **place, **more}


def table_of(*records: dict[str, Any]) -> HERTable:
    return HERTable.from_records(list(records))


def pairs(*args: Any, **options: Any) -> list[tuple[int, int]]:
    made = her.match(*args, **options)
    return list(zip(made["first"].tolist(), made["second"].tolist(), strict=True))


ONE = table_of(event("10T01:00", "10T02:00", 0), event("10T05:00", "10T06:00", 100), event("10T09:00", ""))
TWO = table_of(event("10T02:00", "10T02:30", 30), event("10T06:10", "10T06:20", 500), event("10T08:00", "10T09:30"))


def test_events_that_overlap_are_matched() -> None:
    assert pairs(ONE, TWO) == [(0, 0), (2, 2)]


@pytest.mark.parametrize(("minutes", "count"), [(0, 2), (9, 2), (10, 3), (600, 9)])
def test_events_may_be_apart_in_time(minutes: float, count: int) -> None:
    assert len(pairs(ONE, TWO, within=minutes * u.min)) == count


def test_events_with_positions_are_matched_by_them() -> None:
    # In the hour between them the first moved to the west by about 9 arcsec.
    assert pairs(ONE, TWO, near=25 * u.arcsec) == [(0, 0)]
    assert pairs(ONE, TWO, near=15 * u.arcsec) == []


def test_pairs_state_their_differences() -> None:
    made = her.match(ONE, TWO, within=10 * u.min)
    assert made["delay"].to_value("min").tolist() == [60, 70, -60]
    assert made["separation"].mask.tolist() == [False, False, True]
    assert made["separation"].unmasked[0].to_value("arcsec") == pytest.approx(30 - 9.7, abs=1)
    assert made["first_ivorn"].tolist() == [
        "ivo://test/10T01:00/0",
        "ivo://test/10T05:00/100",
        "ivo://test/10T09:00/None",
    ]


def test_a_position_that_rotates_behind_the_limb_does_not_match() -> None:
    first, second = table_of(event("10T00:00", "12T00:00", 940)), table_of(event("12T00:00", "12T01:00", 940))
    assert len(pairs(first, second)) == 1
    assert pairs(first, second, near=2000 * u.arcsec) == []


def test_a_position_beyond_the_limb_is_not_rotated() -> None:
    first, second = table_of(event("10T00:00", "10T08:00", 1900)), table_of(event("10T08:00", "10T09:00", 1910))
    assert her.match(first, second)["separation"].unmasked.to_value("arcsec") == pytest.approx([10])


def test_a_table_matched_with_itself_has_each_pair_once() -> None:
    assert pairs(ONE, ONE, within=1 * u.day) == [(0, 1), (0, 2), (1, 2)]


def test_rows_of_any_search_are_matched_by_time() -> None:
    stamps = [Time(["2024-05-10T05:30", "2024-05-11T05:30"]), Time(["2024-05-10T05:40", "2024-05-11T05:40"])]
    other = QTable(stamps, names=["Start Time", "End Time"])
    made = her.match(ONE, other)
    assert (made["first"].tolist(), made["second"].tolist()) == ([1], [0])
    assert made["second_ivorn"].tolist() == [""]
    with pytest.raises(QueryError, match="compares positions of events only"):
        her.match(ONE, other, near=1 * u.deg)


def test_events_are_matched_with_a_search_of_another_archive(archive: Any) -> None:
    from sunpy.net import Fido

    day = a.Time("2026-01-10", "2026-01-10 23:59")
    images = Fido.search(day, a.helioviewer.Image(), a.Instrument.aia, a.Wavelength(193 * u.AA))
    flares = HERClient().search(day, a.her.FL, a.her.Supplier("SWPC"))
    made = her.match(flares, images, within=2 * u.h)
    assert len(made) > 0
    assert (np.abs(made["delay"]) < 4 * u.h).all()


def test_pairs_are_those_of_a_plain_comparison_in_any_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    sides = []
    for count in (60, 80):
        starts = random.uniform(0, 10, count)
        sides.append(places.EventIntervals(starts, starts + random.exponential(0.5, count)))
    one, two = sides
    wanted = (one.starts[:, None] <= two.ends + 0.1) & (two.starts <= one.ends[:, None] + 0.1)
    for most in (1, 50, 1_000_000):
        monkeypatch.setattr(places, "MOST_PAIRS", most)
        found = [pair for first, second in places.overlaps(one, two, 0.1) for pair in zip(first, second, strict=True)]
        assert len(found) == wanted.sum()
        assert all(wanted[pair] for pair in found)


@pytest.mark.parametrize("other", [None, "x", QTable({"a": [1]}), [1, 2], {}], ids=str)
def test_other_objects_are_refused(other: Any) -> None:
    with pytest.raises(QueryError, match=r"her\.match takes"):
        her.match(ONE, other)


def test_empty_tables_match_nothing() -> None:
    nothing = table_of()
    assert len(her.match(nothing, ONE)) == len(her.match(ONE, nothing)) == len(her.match(nothing, nothing)) == 0


def test_a_row_is_a_table_of_one() -> None:
    assert pairs(ONE, TWO[2]) == [(2, 0)]
    assert pairs(ONE[2], TWO) == [(0, 2)]


@pytest.mark.parametrize("within", [-1 * u.s, -1 * u.day])
def test_a_negative_duration_is_refused(within: u.Quantity) -> None:
    with pytest.raises(QueryError, match=r"^her\.match takes .*duration"):
        her.match(ONE, TWO, within=within)


def test_columns_that_were_removed_do_not_change_the_pairs() -> None:
    needed = ["event_starttime", "event_endtime", "raw"]
    assert pairs(ONE[needed], TWO) == pairs(ONE, TWO[needed]) == pairs(ONE, TWO)


@pytest.mark.parametrize("removed", ["event_starttime", "event_endtime", "raw"])
@pytest.mark.parametrize("function", ["match", "flares", "relations"])
def test_events_without_a_column_to_compare_are_refused(function: str, removed: str) -> None:
    less = ONE[[name for name in ONE.colnames if name != removed]]
    calls = {"match": [(less, TWO), (TWO, less), (TWO, [less])], "flares": [(less,)], "relations": [(less,)]}
    for given in calls[function]:
        with pytest.raises(QueryError, match=f"her.{function} needs the columns {removed}, which are missing"):
            getattr(her, function)(*given)


@pytest.mark.parametrize("side", [0, 1])
def test_positions_are_compared_if_both_tables_have_them(side: int) -> None:
    tables = [ONE, TWO]
    tables[side] = tables[side]["event_starttime", "event_endtime", "raw"]
    with pytest.raises(QueryError, match=r"the (first|other) table does not have any"):
        her.match(*tables, near=10 * u.arcsec)


def test_a_search_of_another_archive_without_results_matches_nothing(archive: Any) -> None:
    from sunpy.net import Fido

    images = Fido.search(a.Time("2009-01-10", "2009-01-11"), a.helioviewer.Image(), a.Instrument.aia)
    assert len(her.match(ONE, images)) == 0
