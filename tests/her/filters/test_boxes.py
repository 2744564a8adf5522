"""Test which events are in a box, by their centers and their own boxes."""

from __future__ import annotations

import pytest

from sunpy_helio_plugins.her.filters import evaluate
from sunpy_helio_plugins.her.query import Alternative, BoundingBox, Query

START, END = "2026-01-10T00:00:00", "2026-01-11T00:00:00"


def is_inside(box: BoundingBox, record: dict[str, object]) -> bool:
    alternative = Alternative(START, END, boxes=(box,))
    asked = Query(START, END, alternatives=(alternative,))
    return evaluate.answers(asked, {"event_starttime": START, "event_endtime": END, **record})


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (10.0, True),
        (10.2, True),
        (10.5, True),
        (9.9, False),
        (10.6, False),
        (9.2, False),
        (370.2, True),
        (-349.8, True),
    ],
)
def test_carrington_longitudes_are_compared_modulo_360(x: float, expected: bool) -> None:
    box = BoundingBox("carrington", 10.0, -5.0, 10.5, 5.0)
    assert is_inside(box, {"hgc_x": x, "hgc_y": 0.0}) is expected
    assert is_inside(BoundingBox("carrington", 10.0, -5.0, 10.5, 5.0, negated=True), {"hgc_x": x, "hgc_y": 0.0}) is (
        not expected
    )


@pytest.mark.parametrize(("x", "expected"), [(10.0, True), (370.0, False), (-350.0, False)])
def test_other_longitudes_are_compared_as_they_are(x: float, expected: bool) -> None:
    assert is_inside(BoundingBox("stonyhurst", 9.0, -5.0, 11.0, 5.0), {"hgs_x": x, "hgs_y": 0.0}) is expected


@pytest.mark.parametrize(
    ("corners", "expected"),
    [
        ("20 -1,30 -1,30 1,20 1,20 -1", False),
        ("11 -1,30 -1,30 1,11 1,11 -1", True),
        ("-20 -1,9 -1,9 1,-20 1,-20 -1", True),
        ("10 6,12 6,12 9,10 9,10 6", False),
        ("10 5,12 5,12 9,10 9,10 5", True),
        ("10 -9,12 -9,12 -5,10 -5,10 -9", True),
        ("10 0,10 1,10 2,10 0", False),
    ],
    ids=["right", "edge", "left", "above", "above, edge", "below, edge", "no width"],
)
def test_the_own_box_of_an_event_may_overlap(corners: str, expected: bool) -> None:
    record = {"hgs_x": 80.0, "hgs_y": 0.0, "hgs_bbox": f"POLYGON(({corners}))"}
    box = BoundingBox("stonyhurst", 9.0, -5.0, 11.0, 5.0)
    assert is_inside(box, record) is expected
    # The opposite is decided by the center alone.
    assert is_inside(BoundingBox("stonyhurst", 9.0, -5.0, 11.0, 5.0, negated=True), record)


def test_an_event_without_a_place_counts_as_inside() -> None:
    inside, outside = (BoundingBox("stonyhurst", -90.0, -90.0, 90.0, 90.0, negated=one) for one in (False, True))
    for record in ({"hgs_x": None, "hgs_y": 0.0}, {"hgs_x": 0.0, "hgs_y": 0.0, "noposition": "true"}):
        assert is_inside(inside, record)
        assert not is_inside(outside, record)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({}, True),
        ({"hgs_x": "10", "hgs_y": "0"}, True),
        ({"hgs_x": "12", "hgs_y": "0"}, False),
        ({"hgs_x": "east", "hgs_y": "0"}, True),
        ({"hgs_x": None, "hgs_y": 0.0}, True),
        ({"hgs_x": 12.0, "hgs_y": 0.0, "noposition": "true"}, True),
    ],
)
def test_events_without_a_readable_position_are_kept(record: dict[str, object], expected: bool) -> None:
    assert is_inside(BoundingBox("stonyhurst", 9.0, -5.0, 11.0, 5.0), record) is expected
