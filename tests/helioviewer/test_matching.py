"""Test the selection of the nearest images, within the tolerance, and their addresses."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sunpy_helio_plugins import helioviewer
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.helioviewer import source_table
from sunpy_helio_plugins.helioviewer.matching import asked_times, wanted
from sunpy_helio_plugins.helioviewer.query import Query
from sunpy_helio_plugins.helioviewer.tables import addresses

START = np.datetime64("2026-01-10T00:00:00", "us")
MILLIS = np.timedelta64(1000, "us")


def query(**wishes: Any) -> Query:
    return Query(source_table.by_id()[13], "2026-01-10T00:00:00Z", "2026-01-10T01:00:00Z", **wishes)


def at(*seconds: float) -> Any:
    return START + np.round(np.array(seconds) * 1e6).astype(np.int64).astype("m8[us]")


@pytest.mark.parametrize(
    ("near", "tolerance", "images", "chosen"),
    [
        ("2026-01-10T00:00:10Z", None, [0, 9, 12], [1]),
        ("2026-01-10T00:00:10Z", None, [8, 12], [0]),  # of two equally near images, the earlier one
        ("2026-01-10T00:00:10Z", 2.0, [0, 8, 12.001], [1]),  # exactly at the tolerance
        ("2026-01-10T00:00:10Z", 1.999, [0, 8, 12], []),
        ("2026-01-10T00:00:10Z", 0.0, [9.999, 10, 10.001], [1]),
        ("2026-01-10T00:00:10Z", 0.0, [9.999999, 10.000001], []),
        ("2026-01-10T00:00:10Z", None, [3000], [0]),
        ("2026-01-10T00:00:10Z", 60.0, [], []),
        ("2026-01-10T00:00:10Z", None, [20, 20], [0]),  # two of one second
        ("2026-01-10T00:00:10.129Z", 0.001, [10.130], [0]),
        ("2026-01-10T00:00:10.129Z", 0.0009, [10.130], []),
        ("2025-01-10T00:00:00Z", None, [5, 6], [0]),  # a time before all images
        ("2027-01-10T00:00:00Z", None, [5, 6], [1]),
    ],
)
def test_one_instant(near: str, tolerance: float | None, images: list[float], chosen: list[int]) -> None:
    found, missed = wanted(query(near=near, tolerance=tolerance), at(*images))
    assert list(found) == chosen
    assert missed == (not chosen)


@pytest.mark.parametrize(
    ("sample", "tolerance", "images", "chosen", "missed"),
    [
        (1800.0, None, [0, 1800, 3600], [0, 1, 2], 0),  # the grid begins at the start, and includes its end
        (1800.0, None, [0, 1, 1799, 1801, 3600], [0, 2, 4], 0),
        (1800.0, None, [1000, 2700], [0, 1], 1),  # half a step away and no farther
        (1800.0, None, [899.999], [0], 2),
        (1800.0, None, [900], [0], 1),  # exactly between two times, it is used for both, and is one row
        (1800.0, 5000.0, [900], [0], 0),
        (1800.0, 0.5, [0.5, 1800.6, 3600.5], [0, 2], 1),
        (7000.0, None, [0, 3600], [0], 0),
        (0.5, 0.0, [0, 0.25, 0.5], [0, 2], 7199),
    ],
)
def test_a_grid(sample: float, tolerance: float | None, images: list[float], chosen: list[int], missed: int) -> None:
    found, left = wanted(query(sample=sample, tolerance=tolerance), at(*images))
    assert (list(found), left) == (chosen, missed)


def test_without_a_wish_all_are_wanted() -> None:
    assert list(wanted(query(), at(1, 2, 3))[0]) == [0, 1, 2]
    assert list(wanted(query(), at())[0]) == []


@given(
    images=st.lists(st.integers(0, 3_600_000), max_size=30).map(sorted),
    step=st.integers(1000, 4_000_000),
    limit=st.one_of(st.none(), st.integers(0, 4_000_000)),
)
def test_a_grid_is_what_looking_at_every_pair_gives(images: list[int], step: int, limit: int | None) -> None:
    tolerance = None if limit is None else limit / 1000
    found, missed = wanted(query(sample=step / 1000, tolerance=tolerance), START + np.array(images, int) * MILLIS)
    allowed = step / 2 if limit is None else limit
    instants = range(0, 3_600_001, step)
    best = [min((abs(image - instant) for image in images), default=None) for instant in instants]
    assert missed == sum(apart is None or apart > allowed for apart in best)
    served = {min(abs(images[k] - instant) for instant in instants) for k in found}
    assert all(apart <= allowed for apart in served)
    assert len(set(found.tolist())) == len(found) <= len(instants)


@pytest.mark.parametrize("first", [*range(0, 256, 32), ord("a")])
def test_addresses_have_all_letters_of_paths_quoted(first: int) -> None:
    paths = [b"/plain.jp2", b"/" + bytes(range(max(first, 1), min(first + 32, 256))) + b".jp2"]
    found = addresses("https://example.org/jp2", np.array(paths)).tolist()
    assert found == [f"https://example.org/jp2{quote(path)}".encode() for path in paths]


def test_a_query_for_all_images_asks_for_no_instants() -> None:
    query = Query(13, "2026-01-10", "2026-01-11")
    assert asked_times(query).tolist() == []


def test_a_row_without_an_image_has_no_events(archive: Any) -> None:
    table = helioviewer.nearest(13, ["1999-01-01"])
    with pytest.raises(QueryError, match=r"helioviewer\.events_of takes a row with an image, whose time is known"):
        helioviewer.events_of(table[0])
