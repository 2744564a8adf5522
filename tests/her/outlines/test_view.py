"""Test that outlines are where sunpy sees them: rotated, from any side, in any frame, and cut at the limb."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from sunpy.coordinates import (
    Heliocentric,
    HeliocentricInertial,
    HeliographicCarrington,
    HeliographicStonyhurst,
    Helioprojective,
    SphericalScreen,
    get_earth,
    propagate_with_solar_surface,
    transform_with_sun_center,
)

from sunpy_helio_plugins.her import HERTable, Polygons
from sunpy_helio_plugins.her.outlines.trace import Shapes, trace
from sunpy_helio_plugins.her.outlines.view import View

START = "2026-01-10T12:00:00"
EVENT = {"event_endtime": START, "event_type": "CH", "event_coordsys": "UTC-HGS-TOPO"}
LATER = "2026-01-14T03:00:00"


def ring(longitude: float, latitude: float, size: float = 10, corners: int = 40) -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, corners + 1)
    made = np.array([longitude, latitude]) + size * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    made[-1] = made[0]
    return made


def wkt(*rings: np.ndarray) -> str:
    return f"POLYGON({','.join('(' + ','.join(f'{x!r} {y!r}' for x, y in one.tolist()) + ')' for one in rings)})"


def table(*rings: Any, system: str = "hgs") -> HERTable:
    """Return events of one hour each, submitted in one system."""
    records = [
        EVENT
        | {"event_starttime": f"2026-01-10T{hour:02d}:00:00", "event_coordsys": f"UTC-{system.upper()}-TOPO"}
        | {f"{system}_boundcc": one if isinstance(one, str) else wkt(one)}
        for hour, one in enumerate(rings)
    ]
    return HERTable.from_records(records)


@pytest.fixture
def column() -> Polygons:
    found: Polygons = table(ring(-30, 20), ring(60, -60, 5), ring(150, 40), ring(85, 0, 15))["hgs_boundcc"]
    return found


def aside(when: str, longitude: float = -100) -> SkyCoord:
    frame = HeliographicStonyhurst(obstime=when)
    return SkyCoord(longitude * u.deg, 6 * u.deg, 0.9 * u.AU, frame=frame)


OBSERVERS: dict[str, Callable[[str], Any]] = {
    "Earth": get_earth, "a spacecraft": aside, "the other side": lambda when: aside(when, 175),
}  # fmt: skip


@pytest.mark.parametrize("observer", OBSERVERS)
@pytest.mark.parametrize("when", [START, LATER, "2025-11-01T00:00:00"])
def test_rotation_and_projection_are_those_of_sunpy(column: Polygons, observer: str, when: str) -> None:
    frame = Helioprojective(observer=OBSERVERS[observer](when), obstime=when)
    x, y, visible = View(frame).turned(Shapes.of(column))
    with propagate_with_solar_surface():
        expected = SkyCoord(column.skycoord).transform_to(frame)
        towards = SkyCoord(column.skycoord).transform_to(Heliocentric(observer=frame.observer, obstime=when))
    assert np.abs(expected.Tx.to_value("arcsec") - x).max() < 0.05
    assert np.abs(expected.Ty.to_value("arcsec") - y).max() < 0.05
    height = (towards.z / (695700 * u.km)).to_value("") - (695700 * u.km / frame.observer.radius).to_value("")
    clear = np.abs(height) > 1e-5
    assert (visible == (height > 0))[clear].all()


FRAMES: dict[str, Callable[[], Any]] = {
    "helioprojective": lambda: Helioprojective(observer=get_earth(LATER), obstime=LATER),
    "Stonyhurst": lambda: HeliographicStonyhurst(obstime=LATER),
    "Carrington": lambda: HeliographicCarrington(observer=get_earth(LATER), obstime=LATER),
    "inertial": lambda: HeliocentricInertial(obstime=LATER),
}
AROUND: dict[str, Callable[[], Any]] = {
    "nothing": contextlib.nullcontext, "rotation": propagate_with_solar_surface,
    "the Sun's motion": transform_with_sun_center, "a screen": lambda: SphericalScreen(get_earth(START)),
}  # fmt: skip


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("system", ["hpc", "hgs", "hgc"])
def test_a_whole_column_is_transformed_as_by_sunpy(frame: str, around: str, system: str) -> None:
    scale = 30 if system == "hpc" else 1
    found = table(scale * ring(-20, 10), scale * ring(10, -20, 5), scale * ring(30, 0, 3), system=system)
    vertices = found[f"{system}_boundcc"].skycoord
    assert len(vertices) > 100
    with AROUND[around]():
        mine = vertices.transform_to(FRAMES[frame]())
        expected = SkyCoord(vertices._sky_coord_frame).transform_to(FRAMES[frame]())
    assert type(mine) is SkyCoord
    assert mine.is_equivalent_frame(expected.frame)
    apart = (mine.cartesian - expected.cartesian).norm()
    # Positions beyond the limb are not known, except on a screen.
    assert np.isnan(mine.cartesian.x).tolist() == np.isnan(expected.cartesian.x).tolist()
    assert np.nanmax(apart.to_value("km") if apart.unit.is_equivalent("km") else apart.value * 695700) < 5


def test_a_column_in_a_frame_without_a_time_is_transformed_by_sunpy(column: Polygons) -> None:
    assert len(column.skycoord.transform_to("hcrs")) == len(column.vertices)
    assert len(column.skycoord[:3]) == 3
    assert type(column.skycoord[:3]) is SkyCoord


def test_vertices_do_not_change(column: Polygons) -> None:
    with pytest.raises(TypeError, match="do not change"):
        column.skycoord[0] = column.skycoord[1]


def test_the_earth_is_computed_once_for_each_time(column: Polygons, monkeypatch: pytest.MonkeyPatch) -> None:
    from sunpy_helio_plugins.her.outlines import transform

    asked = []
    moves = transform._moves
    monkeypatch.setattr(transform, "_moves", lambda before, after: asked.append(len(before)) or moves(before, after))
    column.skycoord.transform_to(HeliographicStonyhurst(obstime=LATER))
    assert asked == [len(column)]


def outline(view: View, found: HERTable, name: str = "hgs_boundcc") -> np.ndarray:
    x, y, _ = view.outlines(view.see(trace(Shapes.of(found[name]))))
    return np.stack([x, y], axis=1)


def enclosed(places: np.ndarray, *positions: tuple[float, float]) -> list[bool]:
    from matplotlib.path import Path

    return [bool(one) for one in Path(places).contains_points(positions)]


def test_the_far_side_of_an_outline_follows_the_limb() -> None:
    frame = Helioprojective(observer=get_earth("2026-01-10T00:00:00"), obstime="2026-01-10T00:00:00")
    places = outline(View(frame), table(ring(90, 0, 40)))
    limb = np.arcsin(695700 * u.km / frame.observer.radius).to_value("arcsec")
    radius = np.hypot(*places.T)
    assert radius.max() == pytest.approx(limb, abs=0.01)
    assert (np.abs(radius - limb) < 0.01).sum() > 20
    assert enclosed(places, (960, 0), (900, 0), (600, 0), (-600, 0)) == [True, True, False, False]


def test_an_outline_around_the_opposite_side_leaves_out_what_is_between() -> None:
    """From longitude 60 degrees to 200: its far edge is beyond the point opposite Earth."""
    box = np.array([(60.0, -30), (200, -30), (200, 30), (60, 30), (60, -30)])
    frame = Helioprojective(observer=get_earth("2026-01-10T00:00:00"), obstime="2026-01-10T00:00:00")
    places = outline(View(frame), table(box))
    assert enclosed(places, (930, 0), (940, 50), (0, 0), (-900, 0), (0, 900), (0, -900)) == [True] * 2 + [False] * 4


def test_an_outline_on_the_far_side_is_not_seen() -> None:
    frame = Helioprojective(observer=get_earth(START), obstime=START)
    view = View(frame)
    seen = view.see(trace(Shapes.of(table(ring(170, 10))["hgs_boundcc"])))
    assert seen.counts.tolist() == [0]
    assert len(view.outlines(seen)[0]) == 0


def test_an_outline_beyond_the_limb_is_as_submitted_from_earth_only() -> None:
    eruption = table(np.array([(1000.0, 0), (2000, 0), (2000, 900), (1000, 0)]), system="hpc")
    shapes = trace(Shapes.of(eruption["hpc_boundcc"]))
    seen = View(Helioprojective(observer=get_earth(LATER), obstime=LATER)).see(shapes)
    assert seen.as_submitted.all()
    assert seen.x.max() == pytest.approx(2000, rel=1e-12)
    other = View(Helioprojective(observer=aside(LATER), obstime=LATER)).see(shapes)
    assert not other.visible.any()
    assert np.isnan(other.x).all()
