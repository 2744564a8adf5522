"""Test outlines on pixels against a judgement of every pixel, and of shapes by shapely."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import shapely

from sunpy_helio_plugins.her.outlines.pixels import PixelBox, fill, meets

SHAPE = (60, 80)


def outlines(seed: int, number: int) -> list[np.ndarray]:
    """Return closed outlines, partly outside of the image, some of which cross themselves."""
    source = np.random.default_rng(seed)
    made = []
    for _ in range(number):
        corners = source.uniform([-30, -30], [110, 90], 2) + source.uniform(-25, 25, (source.integers(3, 12), 2))
        made.append(np.concatenate([corners, corners[:1]]))
    return made


def flat(rings: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    places = np.concatenate(rings)
    return places[:, 0], places[:, 1], np.concatenate([[0], np.cumsum([len(ring) for ring in rings])])


def judged(ring: np.ndarray) -> np.ndarray:
    """Return the pixels within an outline: from their centers, a line crosses it an odd number of times."""
    rows, columns = np.indices(SHAPE)
    odd = np.zeros(SHAPE, dtype=bool)
    for (x0, y0), (x1, y1) in pairwise(ring):
        over = (y0 <= rows) != (y1 <= rows)
        odd ^= over & (columns >= x0 + (rows - y0) * (x1 - x0) / (y1 - y0 or 1))
    return odd


@pytest.mark.parametrize("seed", range(5))
def test_pixels_of_one_outline_are_those_with_their_centre_in_it(seed: int) -> None:
    for ring in outlines(seed, 20):
        np.testing.assert_array_equal(fill(*flat([ring]), SHAPE), judged(ring))


def test_pixels_of_many_outlines_are_those_of_any() -> None:
    rings = outlines(7, 30)
    every = np.array([judged(ring) for ring in rings])
    np.testing.assert_array_equal(fill(*flat(rings), SHAPE), every.any(axis=0))
    labels = np.arange(1, 31)
    expected = (every * labels[:, None, None]).max(axis=0)
    np.testing.assert_array_equal(fill(*flat(rings), SHAPE, labels), expected)


def test_a_pixel_on_an_edge_belongs_to_one_of_two_neighbours() -> None:
    left = np.array([(2.0, 2), (10, 2), (10, 9), (2, 9), (2, 2)])
    right = left + np.array([8, 0])
    first, second = (fill(*flat([ring]), SHAPE) for ring in (left, right))
    assert first.sum() == second.sum() == 8 * 7
    assert not (first & second).any()
    assert (first | second)[2:9, 2:18].all()


def test_a_hole_is_not_filled() -> None:
    outer = np.array([(0.0, 0), (20, 0), (20, 20), (0, 20), (0, 0)])
    hole = np.array([(5.0, 5), (5, 10), (10, 10), (10, 5), (5, 5)])
    made = fill(*flat([np.concatenate([outer, hole, outer[:1]])]), SHAPE)
    assert made.sum() == 400 - 25
    assert not made[5:10, 5:10].any()


def test_no_outlines_are_no_pixels() -> None:
    nothing = np.empty(0), np.empty(0), np.zeros(3, np.int64)
    assert not fill(*nothing, SHAPE).any()
    assert not meets(*nothing, PixelBox.of(SHAPE), np.ones(2, dtype=bool)).any()


@pytest.mark.parametrize("closed", [True, False])
def test_outlines_and_lines_meet_an_image_as_judged_by_shapely(closed: bool) -> None:
    room = shapely.box(-0.5, -0.5, SHAPE[1] - 0.5, SHAPE[0] - 0.5)
    rings = outlines(3, 200)
    rings = rings if closed else [ring[:-1] for ring in rings]
    shapes = [shapely.make_valid(shapely.Polygon(ring)) if closed else shapely.LineString(ring) for ring in rings]
    expected = [bool(shape.intersects(room)) for shape in shapes]
    assert meets(*flat(rings), PixelBox.of(SHAPE), np.full(200, closed)).tolist() == expected
    assert 50 < sum(expected) < 180


def test_an_image_within_an_outline_and_single_places_are_judged() -> None:
    around = np.array([(-200.0, -200), (300, -200), (300, 300), (-200, 300), (-200, -200)])
    places = [around, np.array([[3.0, 4]]), np.array([[-3.0, 4]]), np.array([[np.nan, np.nan]])]
    found = meets(*flat(places), PixelBox.of(SHAPE), np.array([True, False, False, False]))
    assert found.tolist() == [True, True, False, False]
    assert fill(*flat([around]), SHAPE).all()
