"""Outlines drawn on a picture lie where the picture shows the event."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
import sunpy.map
from astropy.coordinates import SkyCoord
from sunpy.coordinates import HeliographicStonyhurst, Helioprojective, get_earth
from sunpy.map.header_helper import make_fitswcs_header

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her import HERTable, overlay
from sunpy_helio_plugins.her.service import search
from sunpy_helio_plugins.her.translate import Query


@pytest.fixture
def hole(archive: Any) -> HERTable:
    found = search([Query("2026-01-10T00:00:00.000Z", "2026-01-11T00:00:00.000Z", ("CH",))])
    table = HERTable.from_records(found.records)
    equatorial = table["frm_specificid"] == "SPoCA_v1.0_CH_0000060000"
    return table[equatorial & (table["event_endtime"].isot == "2026-01-10T12:00:05.000")]


@pytest.fixture
def picture() -> Iterator[Any]:
    figures = []

    def make(when: str, observer: Any = None) -> Any:
        observer = observer or get_earth(when)
        centre = SkyCoord(0 * u.arcsec, 0 * u.arcsec, frame=Helioprojective(observer=observer, obstime=when))
        header = make_fitswcs_header(np.zeros((64, 64)), centre, scale=[40, 40] * u.arcsec / u.pix)
        figure = plt.figure()
        figures.append(figure)
        return figure.add_subplot(projection=sunpy.map.Map(np.zeros((64, 64)), header))

    yield make
    for figure in figures:
        plt.close(figure)


def drawn(axes: Any, line: Any) -> np.ndarray:
    """Return the arcsec at which a line's vertices come to lie on the picture."""
    pixels = (line.get_transform() - axes.transData).transform(np.array(line.get_xydata(), dtype=float))
    place = axes.wcs.pixel_to_world(*pixels.T)
    return np.stack([place.Tx.to_value("arcsec"), place.Ty.to_value("arcsec")], axis=1)


def test_on_a_picture_of_the_same_time_an_outline_is_drawn_as_submitted(hole: HERTable, picture: Any) -> None:
    axes = picture("2026-01-10T12:05:00")
    (line,) = overlay(axes, hole, color="white")
    outline = hole["hpc_boundcc"][0].skycoord
    np.testing.assert_allclose(drawn(axes, line), np.stack([outline.Tx.value, outline.Ty.value], axis=1), atol=1e-3)
    assert line.get_color() == "white"


def test_on_a_later_picture_it_turns_with_the_sun(hole: HERTable, picture: Any) -> None:
    axes = picture("2026-01-12T12:00:05")
    (line,) = overlay(axes, hole)
    before = hole["hpc_boundcc"][0].skycoord.Tx.value.mean()
    assert drawn(axes, line)[:, 0].mean() - before == pytest.approx(390, abs=40)


def test_what_turned_to_the_far_side_is_not_drawn(hole: HERTable, picture: Any) -> None:
    assert overlay(picture("2026-01-22T12:00:00"), hole) == []
    at_the_limb = overlay(axes := picture("2026-01-16T23:00:00"), hole)
    whole = len(hole["hpc_boundcc"][0].skycoord)
    assert 0 < np.isfinite(drawn(axes, at_the_limb[0])).all(axis=1).sum() < whole


def test_from_another_side_it_is_drawn_where_that_observer_sees_it(hole: HERTable, picture: Any) -> None:
    aside = SkyCoord(40 * u.deg, 0 * u.deg, 1 * u.AU, frame=HeliographicStonyhurst(obstime="2026-01-10T12:00:05"))
    axes = picture("2026-01-10T12:00:05", aside)
    (line,) = overlay(axes, hole)
    assert drawn(axes, line)[:, 0].mean() < -400


def test_boxes_and_points_stand_for_outlines_and_what_has_no_place_is_left_out(archive: Any, picture: Any) -> None:
    found = search([Query("2026-01-10T00:00:00", "2026-01-11T00:00:00", ("FL", "AR"))])
    table = HERTable.from_records(found.records)
    axes = picture("2026-01-10T12:00:00")
    assert overlay(axes, table[table["frm_name"] == "SWPC"]) == []
    assert overlay(axes, HERTable.from_records([])) == []
    (point,) = overlay(axes, table[table["frm_name"] == "SSW Latest Events"][:1])
    assert point.get_marker() == "+"
    (box,) = overlay(axes, table[table["event_type"] == "AR"][:1])
    assert len(box.get_xydata()) == 5
    assert overlay(axes, table[table["event_type"] == "AR"][:1], boxes=False)[0].get_marker() == "+"


def test_the_far_side_may_be_dashed_and_events_labelled(hole: HERTable, archive: Any, picture: Any) -> None:
    axes = picture("2026-01-16T23:00:00")
    front, back = overlay(axes, hole, hidden="--")
    assert (front.get_linestyle(), back.get_linestyle()) == ("-", "--")
    assert front.get_color() == "#40c4ff"
    *_, text = overlay(axes, hole, labels=True)
    assert text.get_text() == "SPoCA_v1.0_CH_0000060000"
    *_, text = overlay(axes, hole, labels="frm_name", color="red")
    assert (text.get_text(), text.get_color()) == ("SPoCA", "red")


def test_axes_that_are_no_picture_of_the_sun_are_refused(hole: HERTable) -> None:
    figure, axes = plt.subplots()
    with pytest.raises(QueryError, match="helioprojective"):
        overlay(axes, hole)
    plt.close(figure)
