"""Test the images nearest to many times: the same as from complete lists, from as few requests as possible."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.time import Time
from hypothesis import given, settings
from hypothesis import strategies as st
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import HelioviewerClient, helioviewer
from sunpy_helio_plugins.errors import IncompleteAnswerWarning, QueryError, ServiceError
from sunpy_helio_plugins.helioviewer import instants as module
from sunpy_helio_plugins.helioviewer import source_table
from sunpy_helio_plugins.helioviewer.instants import WantedInstants, add_images_near
from sunpy_helio_plugins.helioviewer.listers import closest, fallback
from sunpy_helio_plugins.helioviewer.listers.base import Gap, ImageList, Span, merged
from sunpy_helio_plugins.helioviewer.listers.coverage import CoverageLister
from sunpy_helio_plugins.helioviewer.listers.fallback import Collection, SourceListers, collect
from sunpy_helio_plugins.helioviewer.listers.hapi import HAPILister
from sunpy_helio_plugins.helioviewer.listers.index import IndexLister

AIA_304 = source_table.by_id()[13]
START = np.datetime64("2020-01-01T00:00:00", "us")
HOUR, DAY = np.timedelta64(3600, "s"), np.timedelta64(86_400, "s")

impatient = pytest.mark.usefixtures("impatient")


class Held:
    """A lister in memory, with one page for each day."""

    def __init__(self, times: Any, name: str = "index", refused: Sequence[Span] = ()) -> None:
        self.times, self.name, self.refused = np.sort(times), name, refused
        self.asked: list[Span] = []

    def can_list(self, source: object) -> bool:
        return True

    def ranges(self, spans: Sequence[Span]) -> list[Span]:
        return IndexLister().ranges(spans)

    def cost(self, ranges: Sequence[Span]) -> float:
        return IndexLister().cost(ranges)

    def find(self, source: object, start: np.datetime64, end: np.datetime64) -> ImageList:
        self.asked.append((start, end))
        inside = self.times[(self.times >= start) & (self.times <= end)]
        gaps = [Gap(low, high, "refused") for low, high in self.refused if low <= end and high >= start]
        return ImageList(inside, np.full(len(inside), b"/x"), gaps)

    def days(self) -> list[int]:
        """Return the days that were listed, counted from the start."""
        pairs = [[int(np.floor((time - START) / DAY)) for time in span] for span in self.asked]
        return [day for first, last in pairs for day in range(first, last + 1)]


def found_near(held: Held, asked: Any, low: Any, high: Any) -> Collection:
    made = Collection()
    add_images_near(WantedInstants(asked, low, high), SourceListers(AIA_304, (held,)), made)
    return made


def best(times: Any, instant: Any, low: Any, high: Any) -> Any:
    inside = times[(times >= low) & (times <= high)]
    return np.abs(inside - instant).min() if len(inside) else None


@settings(max_examples=60, deadline=None)
@given(
    images=st.lists(st.integers(0, 60 * 24), max_size=20),
    asked=st.lists(st.integers(-5 * 24, 65 * 24), min_size=1, max_size=8),
    reach=st.integers(0, 50 * 24),
    clipped=st.booleans(),
)
def test_no_nearer_image_is_left_unlisted(images: list[int], asked: list[int], reach: int, clipped: bool) -> None:
    times, instants = START + np.array(images, int) * HOUR, START + np.array(asked, int) * HOUR
    low, high = instants - reach * HOUR, instants + reach * HOUR
    if clipped:
        low, high = np.full_like(low, START + 10 * DAY), np.full_like(high, START + 50 * DAY)
    held = Held(times)
    made = found_near(held, instants, low, high)
    listed = np.concatenate([np.empty(0, "M8[us]"), *(part.times for part in made.parts)])
    for instant, first, last in zip(instants, low, high, strict=True):
        assert best(listed, instant, first, last) == best(times, instant, first, last)
    assert len(set(held.days())) == len(held.days()), "a day is requested once"


def test_only_the_days_of_the_instants_are_listed() -> None:
    held = Held(START + np.arange(400) * HOUR)
    instants = START + np.array([1.5, 40, 41, 200.2]) * HOUR
    found_near(held, instants, instants - 12 * HOUR, instants + 12 * HOUR)
    assert sorted(held.days()) == [0, 1, 8]


@pytest.mark.parametrize("nearest", [0, 1, 2])
def test_no_day_is_listed_beyond_the_nearest_image(nearest: int) -> None:
    times = START + np.array([5, 20, 40]) * DAY
    held = Held(times)
    instants = np.append(times, times[nearest] + 6 * HOUR)
    found_near(held, instants, instants - 60 * DAY, instants + 60 * DAY)
    assert set(held.days()) <= {4, 5, 19, 20, 39, 40}


def test_times_after_now_are_not_listed() -> None:
    held = Held(np.empty(0, "M8[us]"))
    tomorrow = np.array([np.datetime64(datetime.now(UTC).replace(tzinfo=None), "us") + 2 * DAY])
    found_near(held, tomorrow, tomorrow - HOUR, tomorrow + HOUR)
    assert held.asked == []


def test_a_part_that_one_lister_refuses_is_listed_by_the_next() -> None:
    times = START + np.arange(100) * HOUR
    first = Held(times, "first", [(START + DAY, START + 2 * DAY)])
    first.times = times[times < START + DAY]
    second = Held(times, "second")
    made = collect([first, second], AIA_304, [(START, START + 30 * HOUR)])
    assert made.gaps == []
    assert second.asked == [(START + DAY, START + 2 * DAY - np.timedelta64(1, "us"))]
    assert made.names == ["first", "second"]


def test_what_no_lister_lists_is_a_gap_with_all_reasons() -> None:
    span = (START, START + HOUR)
    listers = [Held(START + np.arange(0), name, [span]) for name in ("first", "second")]
    made = collect(listers, AIA_304, [span])
    assert [(gap.start, gap.end, gap.reason) for gap in made.gaps] == [(*span, "refused")]


def test_what_cannot_be_listed_around_near_instants_is_one_gap() -> None:
    held = Held(np.empty(0, "M8[us]"), refused=[(START, START + DAY)])
    minute = np.timedelta64(1, "m")
    instants = START + np.array([606, 60, 600, 612, 900]) * minute
    made = found_near(held, instants, instants - 4 * minute, instants + 4 * minute)
    gaps = [(int((gap.start - START) / minute), int((gap.end - START) / minute)) for gap in made.gaps]
    assert gaps == [(56, 64), (596, 616), (896, 904)]


@pytest.mark.parametrize(
    ("spans", "joined"),
    [
        ([(0, 2), (1, 3)], [(0, 3)]),
        ([(4, 5), (0, 1)], [(0, 1), (4, 5)]),
        ([(0, 2), (2, 3)], [(0, 3)]),
        ([], []),
    ],
)
def test_spans_that_touch_are_joined(spans: list[Any], joined: list[Any]) -> None:
    def at(pairs: list[Any]) -> list[Span]:
        return [(START + low * HOUR, START + high * HOUR) for low, high in pairs]

    assert merged(at(spans)) == at(joined)


@pytest.mark.parametrize(
    ("days", "cheapest"),
    [([0], "index"), ([0, 3, 9], "index"), (list(range(30)), "index"), (list(range(0, 900, 2)), "HAPI")],
)
def test_the_lister_is_chosen_by_its_cost(days: list[int], cheapest: str, archive: Any) -> None:
    spans = [(START + day * DAY, START + day * DAY + HOUR) for day in days]
    listers = (HAPILister(), IndexLister(), CoverageLister())
    # Of 450 scattered days in one block, more pages than the most that are requested for a search.
    assert min(listers, key=lambda one: one.cost(one.ranges(spans))).name == cheapest


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ([(0, 1)], [(0, 1)]),
        ([(0, 1), (30, 31)], [(0, 31)]),
        ([(0, 1), (30, 32)], [(0, 1), (30, 32)]),
        ([(0, 1), (2, 3), (40, 41)], [(0, 1), (2, 3), (40, 41)]),
    ],
)
def test_hapi_lists_the_spans_of_a_month_in_one_request(
    days: list[tuple[int, int]], expected: list[tuple[int, int]]
) -> None:
    made = HAPILister().ranges([(START + low * DAY, START + high * DAY) for low, high in days])
    assert made == [(START + low * DAY, START + high * DAY) for low, high in expected]


def nearest(*args: Any, **kwargs: Any) -> Any:
    return helioviewer.nearest(*args, **kwargs)


@impatient
def test_the_table_is_in_the_order_of_the_times(archive: Any) -> None:
    times = ["2026-01-10 12:00", "2023-01-01 00:00:41", "2026-01-10 02:00", "2026-01-10 12:00"]
    table = nearest("AIA 304", times)
    assert table["Start Time"].mask.tolist() == [False, False, True, False]
    assert table["Offset"].unmasked.value[[0, 1, 3]] == pytest.approx([5.129, 0.131, 5.129])
    assert table["Offset"].mask.tolist() == [False, False, True, False]
    assert [one[:16] for one in table["Requested Time"].isot] == [text.replace(" ", "T")[:16] for text in times]
    assert table["Path"].mask.tolist() == [False, False, True, False]
    assert table.notes == ["No image was found within 600 s of 1 times."]
    pages = [request.path for request in archive.log if request.path.endswith("/304/")]
    assert sorted(path[-15:-5] for path in pages) == ["2022/12/31", "2023/01/01", "2026/01/10"]


@impatient
def test_several_sources_have_a_row_each_for_every_time(archive: Any) -> None:
    table = nearest(a.helioviewer.SourceID(13, 11), ["2026-01-10 12:00", "2026-01-10 16:00"])
    assert table["Source ID"].tolist() == [13, 11, 13, 11]
    assert (np.abs(table["Offset"]) < 6 * u.s).all()


@pytest.mark.parametrize(
    "times",
    [
        "2026-01-10 12:00", datetime(2026, 1, 10, 12), Time("2026-01-10 12:00"), ["2026-01-10 12:00"],
        np.array(["2026-01-10T12:00"], "M8[s]"), Time(["2026-01-10 12:00"]), [datetime(2026, 1, 10, 12)],
        (np.datetime64("2026-01-10T12:00"),), np.array(["2026-01-10T12:00"]),
    ],
    ids=lambda given: type(given).__name__,
)  # fmt: skip
@impatient
def test_one_time_or_many_of_any_type(archive: Any, times: Any) -> None:
    assert nearest(13, times)["Path"].tolist() == ["/AIA/2026/01/10/304/2026_01_10__12_00_05_129__SDO_AIA_AIA_304.jp2"]


@impatient
def test_a_masked_time_does_not_have_an_image(archive: Any) -> None:
    times = Time(["2026-01-10 12:00", "2026-01-10 12:00"])
    times[1] = np.ma.masked
    table = nearest(13, times)
    assert table["Start Time"].mask.tolist() == [False, True]
    assert table["Requested Time"].mask.tolist() == [False, True]


@impatient
def test_no_times_are_no_rows_and_no_requests(archive: Any) -> None:
    assert len(nearest(13, [])) == 0
    assert archive.log == []


@impatient
def test_the_tolerance_includes_its_end(archive: Any) -> None:
    at = "2026-01-10 12:00"
    assert nearest(13, at, tolerance=5.129 * u.s)["Offset"].mask.tolist() == [False]
    assert nearest(13, at, tolerance=5.128 * u.s)["Offset"].mask.tolist() == [True]


@impatient
def test_a_far_image_is_found_through_the_api_and_not_by_its_days(archive: Any) -> None:
    table = nearest(13, "2024-06-01 12:00", tolerance=1000 * u.day)
    assert table["Start Time"].isot.tolist() == ["2023-01-01T23:59:29.140000000"]
    assert table["Offset"].unmasked[0].to_value(u.day) == pytest.approx(-516.5, abs=0.01)
    assert len(archive.log) <= 7


@impatient
def test_the_days_are_listed_if_the_api_fails(archive: Any) -> None:
    with archive.fault("status", path="/helioviewer/v2"):
        table = nearest(13, "2025-11-20 12:00", tolerance=60 * u.day)
    assert table["Start Time"].isot[0][:10] == "2026-01-09"


@impatient
def test_a_day_that_no_service_lists_is_a_problem(archive: Any) -> None:
    with archive.fault("status", path="/helioviewer/jp2/AIA/2026"), archive.fault("status", path="/helioviewer/hapi"):
        with archive.fault("status", path="/helioviewer/v2"), pytest.warns(IncompleteAnswerWarning, match="is missing"):
            table = nearest(13, ["2023-01-01 12:00", "2026-01-10 12:00"])
    assert table["Offset"].mask.tolist() == [False, True]
    assert len(table.problems) == 1
    assert "SDO AIA 304 from 2026-01-10T11:5" in table.problems[0]


@impatient
def test_an_archive_that_is_down_is_an_error(archive: Any) -> None:
    with archive.fault("status", path="/helioviewer"), pytest.raises(ServiceError):
        nearest(13, "2026-01-10 12:00")


@impatient
def test_rows_without_an_image_are_not_fetched(archive: Any, tmp_path: Path) -> None:
    table = nearest(13, ["2026-01-10 02:00", "2026-01-10 12:00"])
    files = Fido.fetch(table, path=tmp_path / "{file}", size=64, progress=False)
    assert (len(files), files.errors) == (1, [])
    assert table.paths(files) == [None, Path(files[0])]


@impatient
def test_rows_without_an_image_are_not_read(archive: Any) -> None:
    rows = helioviewer.nearest(13, ["2026-01-10T12:00", "2026-01-10T02:00"])
    (image,) = helioviewer.read(rows, size=64)
    assert image.data.shape == (64, 64)
    with pytest.raises(QueryError, match=r"helioviewer\.read needs at least one image"):
        helioviewer.read(rows[1], size=64)


def test_a_table_with_masked_rows_can_be_written_and_stacked(archive: Any, tmp_path: Path) -> None:
    from astropy.table import vstack

    table = nearest(13, ["2026-01-10 02:00", "2026-01-10 12:00"])
    table.write(tmp_path / "table.ecsv")
    again = helioviewer.HelioviewerTable.read(tmp_path / "table.ecsv")
    assert again["Start Time"].mask.tolist() == again["Path"].mask.tolist() == [True, False]
    assert len(vstack([table, table])) == 4


@pytest.mark.parametrize(
    ("source", "times", "words"),
    [
        ("AIA 305", "2026-01-10", "Did you mean AIA 335 or AIA 304"),
        (99999, "2026-01-10", "does not have the source 99999"),
        (True, "2026-01-10", "takes a source: its number or nickname"),
        (a.Time("2026-01-10", "2026-01-11"), "2026-01-10", "without a.Time"),
        ([a.helioviewer.SourceID(13), a.Sample(1 * u.h)], "2026-01-10", "attrs that select sources"),
        (13, "yesterday noon", "one time"),
        (13, {"a": 1}, "takes times"),
        (13, 5.0, "one time"),
    ],
)
def test_bad_arguments_are_refused_before_any_request(archive: Any, source: Any, times: Any, words: str) -> None:
    with pytest.raises(QueryError, match=words):
        nearest(source, times)
    assert archive.log == []


@impatient
def test_many_ranges_of_one_source_share_the_pages_of_their_days(archive: Any) -> None:
    ranges = [a.Time(f"2026-01-10 {hour:02}:00", f"2026-01-10 {hour:02}:01") for hour in (12, 0, 4, 20, 16)]
    one = a.helioviewer.SourceID(13)
    known = [HelioviewerClient().search(time, one)["Path"].tolist() for time in ranges]
    archive.log.clear()
    table = HelioviewerClient().search(ranges[0] | ranges[1] | ranges[2] | ranges[3] | ranges[4], one)
    assert table["Path"].tolist() == [path for paths in known for path in paths]
    assert len(archive.log) == 1


@impatient
def test_a_search_of_fido_for_many_ranges_needs_one_page_for_each(archive: Any) -> None:
    ranges = [a.Time(f"2026-01-10 {hour:02}:00", f"2026-01-10 {hour:02}:01") for hour in (12, 0, 4)]
    found = Fido.search(ranges[0] | ranges[1] | ranges[2], a.helioviewer.SourceID(13))
    assert [len(table) for table in found] == [2, 2, 2]
    assert [request.path[-15:-5] for request in archive.log] == ["2026/01/10"] * 3


@impatient
def test_the_times_around_an_instant_are_those_of_the_database(archive: Any) -> None:
    noon = np.datetime64("2026-01-10T12:00:05", "us")
    found = closest.neighbours([AIA_304, source_table.by_id()[96]], noon)
    assert found == {13: (noon, noon + np.timedelta64(36, "s")), 96: ()}


@impatient
def test_rows_without_an_image_do_not_have_science_data(archive: Any) -> None:
    table = nearest(13, ["2026-01-10 02:00", "2026-01-10 12:00"])
    assert len(helioviewer.science(table)) == 1
    assert len(helioviewer.sequence(table, 64)) == 1
    with pytest.raises(QueryError, match="needs at least one image"):
        helioviewer.sequence(table[:1])


def test_instants_are_joined_with_their_ranges() -> None:
    one = WantedInstants.within(START + np.array([0, 5]) * HOUR, (START, START + 10 * HOUR), 2 * HOUR)
    other = WantedInstants.within(START + np.array([9]) * HOUR, (START, START + 10 * HOUR), None)
    both = one.joined(other)
    assert ((both.times - START) // HOUR).tolist() == [0, 5, 9]
    assert ((both.low - START) // HOUR).tolist() == [0, 3, 0]
    assert ((both.high - START) // HOUR).tolist() == [2, 7, 10]


def test_an_error_that_is_not_of_the_service_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object) -> object:
        raise QueryError("a mistake")

    monkeypatch.setattr(module.closest, "neighbours", wrong)
    asked = START + np.array([1]) * HOUR
    with pytest.raises(QueryError, match="a mistake"):
        module._add_closest(WantedInstants(asked, asked, asked), SourceListers(AIA_304, ()), Collection())


def test_no_spans_are_no_blocks() -> None:
    assert list(fallback._blocks([])) == []
