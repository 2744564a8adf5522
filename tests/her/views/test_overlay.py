"""Test that outlines are drawn at the correct positions on an image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
import sunpy.map
from astropy.coordinates import SkyCoord
from astropy.time import Time
from astropy.wcs import WCS
from sunpy.coordinates import HeliographicStonyhurst, Helioprojective, get_earth, sun
from sunpy.map.header_helper import make_fitswcs_header

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her import HERTable, overlay
from sunpy_helio_plugins.her.query import Query
from sunpy_helio_plugins.her.search import search

EVENT = {"event_starttime": "2026-01-10T12:00:05", "event_endtime": "2026-01-10T13:00:05", "event_type": "AR"}


@pytest.fixture
def hole(archive: Any) -> HERTable:
    found = search([Query("2026-01-10T00:00:00.000Z", "2026-01-11T00:00:00.000Z", ("CH",))])
    table = HERTable.from_records(found.records)
    equatorial = table["frm_specificid"] == "SPoCA_v1.0_CH_0000060000"
    return table[equatorial & (table["event_endtime"].isot == "2026-01-10T12:00:05.000000000")]


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
    """Return the positions of a line's vertices on the image in arcsec."""
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
    (line,) = overlay(axes := picture("2026-01-16T23:00:00"), hole)
    shown = np.isfinite(drawn(axes, line)).all(axis=1)
    assert 0 < shown.sum() < len(shown)


def test_an_outline_is_cut_where_it_crosses_the_limb(hole: HERTable, picture: Any) -> None:
    """Its vertices are about ten degrees apart; the line continues to the limb between them, and then behind it."""
    axes = picture("2026-01-16T23:00:00")
    limb = sun.angular_radius("2026-01-16T23:00:00").to_value("arcsec")
    for line in overlay(axes, hole, hidden="--"):
        place = drawn(axes, line)
        radius = np.hypot(*place.T)
        shown = np.isfinite(radius)
        ends = shown & (~np.roll(shown, 1) | ~np.roll(shown, -1))
        assert ends.sum() == 2
        assert (limb - radius[ends] < 2).all()


def test_a_box_of_degrees_has_bent_edges(picture: Any) -> None:
    """Its upper edge is a parallel, which curves towards the pole."""
    box = "POLYGON((-30 40,30 40,30 60,-30 60,-30 40))"
    table = HERTable.from_records([EVENT | {"hgs_bbox": box}])
    axes = picture("2026-01-13T12:00:05")
    (line,) = overlay(axes, table)
    assert len(line.get_xydata()) > 5 * (2 * 60 + 2 * 20)


def test_a_line_is_drawn_where_there_is_no_outline_and_before_a_box(picture: Any) -> None:
    """Filaments have a skeleton."""
    spine = {"hpc_skeletoncc": "LINESTRING(0 0,100 50,200 60)", "hpc_bbox": "POLYGON((0 0,200 0,200 60,0 60,0 0))"}
    table = HERTable.from_records([EVENT | {"event_type": "FI"} | spine])
    (line,) = overlay(axes := picture(EVENT["event_starttime"]), table)
    np.testing.assert_allclose(drawn(axes, line), [[0, 0], [100, 50], [200, 60]], atol=1e-3)


ERUPTION = {"event_type": "CE", "hpc_bbox": "POLYGON((900 -2000,9000 -2000,9000 2000,1500 2000,900 -2000))"}


def test_what_lies_beyond_the_limb_is_drawn_as_submitted_and_only_as_seen_from_earth(picture: Any) -> None:
    """An eruption is not on the surface: if it were rotated with it, its box would cross the disk."""
    table = HERTable.from_records([EVENT | ERUPTION])
    for hours in (0, 20):
        when = (Time(EVENT["event_starttime"]) + hours * u.hour).isot
        (line,) = overlay(axes := picture(when), table)
        np.testing.assert_allclose(drawn(axes, line), table["hpc_bbox"][0].vertices, atol=2)
    aside = SkyCoord(40 * u.deg, 0 * u.deg, 1 * u.AU, frame=HeliographicStonyhurst(obstime="2026-01-10T12:00:05"))
    assert overlay(picture("2026-01-10T12:00:05", aside), table) == []


def test_from_soho_everything_is_larger_by_a_hundredth(picture: Any) -> None:
    table = HERTable.from_records([EVENT | ERUPTION])
    earth = get_earth(EVENT["event_starttime"])
    soho = SkyCoord(earth.lon, earth.lat, earth.radius * 0.99, frame=earth.frame.replicate_without_data())
    (line,) = overlay(axes := picture(EVENT["event_starttime"], soho), table)
    np.testing.assert_allclose(drawn(axes, line), table["hpc_bbox"][0].vertices / 0.99, atol=0.5)


def test_what_was_submitted_in_degrees_may_lie_on_the_far_side(picture: Any) -> None:
    """The registry gives a null point at 111 degrees east a position on the sky as if the Sun were transparent."""
    places = {"event_coordsys": "UTC-HGC-TOPO", "hgs_coord": "POINT(-111 52)", "hpc_coord": "POINT(-536 777)"}
    table = HERTable.from_records([EVENT | {"event_type": "TO"} | places])
    assert overlay(picture(EVENT["event_starttime"]), table) == []
    axes = picture("2026-01-14T12:00:05")
    (point,) = overlay(axes, table)
    assert drawn(axes, point)[0, 0] == pytest.approx(-536, abs=60)
    assert drawn(axes, point)[0, 1] > 700


def test_an_event_without_a_time_is_passed_over(picture: Any) -> None:
    table = HERTable.from_records([{"event_type": "CH", "hpc_boundcc": "POLYGON((0 0,9 0,9 9,0 0))"}, EVENT])
    assert overlay(picture("2026-01-10T12:00:00"), table) == []


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
    assert len(box.get_xydata()) > 5
    assert overlay(axes, table[table["event_type"] == "AR"][:1], boxes=False)[0].get_marker() == "+"


def test_the_far_side_may_be_dashed_and_points_there_are_faint(hole: HERTable, picture: Any) -> None:
    axes = picture("2026-01-16T23:00:00")
    front, back = overlay(axes, hole, hidden="--")
    assert (front.get_linestyle(), back.get_linestyle()) == ("-", "--")
    assert front.get_color() == "#40c4ff"
    flare = HERTable.from_records([EVENT | {"event_type": "FL", "hpc_coord": "POINT(900 0)"}])
    assert overlay(picture("2026-01-14T12:00:05"), flare) == []
    (point,) = overlay(picture("2026-01-14T12:00:05"), flare, hidden="--")
    assert (point.get_marker(), point.get_alpha()) == ("+", 0.4)


def test_events_are_labelled(hole: HERTable, picture: Any) -> None:
    axes = picture("2026-01-10T12:00:05")
    assert overlay(axes, hole, labels=True)[-1].get_text() == "CH"
    text = overlay(axes, hole, labels="frm_name", color="red")[-1]
    assert (text.get_text(), text.get_color()) == ("SPoCA", "red")
    flare = {"event_type": "FL", "hpc_coord": "POINT(10 10)", "fl_goescls": "M1.2", "ar_noaanum": 14331}
    assert overlay(axes, HERTable.from_records([EVENT | flare]), labels=True)[-1].get_text() == "M1.2"


def test_labels_cover_no_other_and_are_not_repeated(picture: Any) -> None:
    classes = ["M1.2", "C3.4", "X1.6", "M1.2", "C9.9"]
    flares = [EVENT | {"event_type": "FL", "hpc_coord": "POINT(10 10)", "fl_goescls": text} for text in classes]
    axes = picture(EVENT["event_starttime"])
    axes.imshow(np.zeros((64, 64)))
    artists = overlay(axes, HERTable.from_records(flares), labels=True)
    written = [artist for artist in artists if hasattr(artist, "xyann")]
    axes.figure.canvas.draw()
    assert [artist.get_text() for artist in written] == ["M1.2", "C3.4", "X1.6", "C9.9"]
    boxes = [artist.get_window_extent() for artist in written]
    assert not any(one.overlaps(other) for index, one in enumerate(boxes) for other in boxes[:index])


def test_a_label_at_the_edge_stays_within_the_axes(picture: Any) -> None:
    table = HERTable.from_records([EVENT | {"event_type": "FL", "hpc_coord": "POINT(1250 1250)", "frm_name": "x" * 20}])
    axes = picture(EVENT["event_starttime"])
    axes.imshow(np.zeros((64, 64)))
    *_, text = overlay(axes, table, labels="frm_name")
    axes.figure.canvas.draw()
    inside, room = text.get_window_extent(), axes.get_window_extent()
    assert inside.x1 <= room.x1
    assert inside.y1 <= room.y1


def test_a_legend_names_each_type_once(hole: HERTable, picture: Any) -> None:
    flares = [EVENT | {"event_type": "FL", "hpc_coord": "POINT(10 10)"}] * 3
    axes = picture("2026-01-10T12:00:05")
    overlay(axes, HERTable.from_records(flares + list(hole["raw"]) * 2))
    assert [text.get_text() for text in axes.legend().get_texts()] == ["Flare", "CoronalHole"]
    axes = picture("2026-01-10T12:00:05")
    overlay(axes, HERTable.from_records(flares), label="mine")
    assert [text.get_text() for text in axes.legend().get_texts()] == ["mine"]


def test_properties_of_lines_may_have_short_names(hole: HERTable, picture: Any) -> None:
    (line,) = overlay(picture("2026-01-10T12:05:00"), hole, c="red", lw=3, ls=":")
    assert (line.get_color(), line.get_linewidth(), line.get_linestyle()) == ("red", 3, ":")


@pytest.mark.parametrize("when", ["2026-01-10T12:00:05", "2026-01-12T12:00:05"])
def test_the_hole_of_an_outline_is_a_line_of_its_own(picture: Any, when: str) -> None:
    rings = "POLYGON((0 0,200 0,200 200,0 200,0 0),(50 50,50 100,100 100,50 50))"
    table = HERTable.from_records([EVENT | {"event_coordsys": "UTC-HPC-TOPO", "hpc_boundcc": rings}])
    outer, inner, text = overlay(axes := picture(when), table, labels=True)
    extents = [np.ptp(drawn(axes, line), axis=0).max() for line in (outer, inner)]
    assert extents == pytest.approx([200, 50], rel=0.1)
    assert text.get_text() == "AR"


def test_axes_that_are_no_picture_of_the_sun_are_refused(hole: HERTable) -> None:
    figure, axes = plt.subplots()
    with pytest.raises(QueryError, match="helioprojective"):
        overlay(axes, hole)
    plt.close(figure)


def test_properties_are_passed_to_the_artists_that_have_them(hole: HERTable, picture: Any) -> None:
    axes = picture("2026-01-10T12:00:05")
    line, label = overlay(axes, hole, labels=True, lw=3, marker="o", ms=9, size=7, alpha=0.5)
    assert (line.get_linewidth(), line.get_marker(), line.get_alpha()) == (3, "None", 0.5)
    assert label.get_fontsize() == 7
    flare = HERTable.from_records([EVENT | {"event_type": "FL", "hpc_coord": "POINT(100 0)"}])
    (point,) = overlay(axes, flare, marker="o", ms=9)
    assert (point.get_marker(), point.get_markersize()) == ("o", 9)


@pytest.mark.parametrize(
    ("style", "words"),
    [({"fontsize": 6}, "takes 'fontsize' for labels only: add labels=True"), ({"hatch": "/"}, "not 'hatch'")],
)
def test_properties_that_no_artist_has_are_refused(
    hole: HERTable, picture: Any, style: dict[str, Any], words: str
) -> None:
    axes = picture("2026-01-10T12:00:05")
    with pytest.raises(QueryError, match=words):
        overlay(axes, hole, **style)
    assert not axes.lines


def test_axes_without_an_observer_are_refused() -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.cunit = ["HPLN-TAN", "HPLT-TAN"], ["arcsec", "arcsec"]
    figure = plt.figure()
    axes = figure.add_subplot(projection=wcs)
    with pytest.raises(QueryError, match=r"^The axes must be helioprojective with a time and an observer, not <"):
        overlay(axes, HERTable.from_records([EVENT]))
    plt.close(figure)
