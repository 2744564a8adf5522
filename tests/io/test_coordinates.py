"""Test columns of coordinates in files: frames, observers, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from astropy import units as u
from astropy.coordinates import ICRS, SkyCoord, SkyOffsetFrame
from astropy.table import QTable
from sunpy.coordinates import HeliographicStonyhurst, RotatedSunFrame

from sunpy_helio_plugins import io
from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.io.tables import HEADER, pack

SOME = {"ra": [1, 2] * u.deg, "dec": [3, 4] * u.deg}
OBSERVER = SkyCoord(
    10 * u.deg, 5 * u.deg, 0.7 * u.AU, frame="heliographic_stonyhurst", obstime="2026-01-10T00:00:00"
)  # fmt: skip


def through(column: Any, folder: Path) -> Any:
    io.write(QTable({"place": column}), folder / "x.ecsv")
    return io.read(folder / "x.ecsv")["place"]


@pytest.mark.parametrize("observer", [OBSERVER, OBSERVER.frame], ids=["SkyCoord", "frame"])
def test_an_observer_that_the_frame_does_not_use_comes_back(observer: Any, tmp_path: Path) -> None:
    back = through(SkyCoord(frame="icrs", observer=observer, **SOME), tmp_path)
    assert isinstance(back.observer, HeliographicStonyhurst)
    assert [back.observer.lon, back.observer.lat, back.observer.radius] == [10 * u.deg, 5 * u.deg, 0.7 * u.AU]
    assert back.observer.obstime.isot == "2026-01-10T00:00:00.000"
    assert (back.ra == SOME["ra"]).all()


def test_a_frame_without_a_position_comes_back_as_an_attribute(tmp_path: Path) -> None:
    empty = HeliographicStonyhurst(obstime="2026-01-10")
    back = through(SkyCoord(frame="icrs", observer=empty, **SOME), tmp_path).observer
    assert isinstance(back, HeliographicStonyhurst)
    assert not back.has_data
    assert back.is_equivalent_frame(empty)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (
            SkyCoord(pm_ra_cosdec=[1, 2] * u.mas / u.yr, pm_dec=[1, 2] * u.mas / u.yr, frame="icrs", **SOME),
            "coordinates with velocities",
        ),
        (
            SkyCoord([1, 2] * u.deg, [1, 2] * u.deg, frame=SkyOffsetFrame(origin=ICRS(1 * u.deg, 2 * u.deg))),
            "coordinates in SkyOffsetICRS, a frame that other processes do not know",
        ),
        (
            SkyCoord(RotatedSunFrame([1, 2] * u.deg, [1, 2] * u.deg, base=OBSERVER.frame, duration=1 * u.day)),
            "coordinates in RotatedSunHeliographicStonyhurst, a frame that other processes do not know",
        ),
    ],
    ids=["velocities", "offset", "rotated"],
)
def test_coordinates_that_could_not_be_read_are_not_written(place: SkyCoord, words: str, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match=f"The column 'place' cannot be written: it contains {words}"):
        through(place, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_frame_that_is_not_known_is_an_error_of_the_file(tmp_path: Path) -> None:
    plain = pack(QTable({"place": SkyCoord(frame="icrs", **SOME)}), "ecsv")
    header = json.loads(plain.meta[HEADER])
    header["columns"][0]["frame"] = "tomorrow"
    plain.meta[HEADER] = json.dumps(header)
    plain.write(tmp_path / "x.ecsv")
    with pytest.raises(FileError, match=r"x\.ecsv: .*the frame 'tomorrow' is not known"):
        io.read(tmp_path / "x.ecsv")
