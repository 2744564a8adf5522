"""
The content of the embedded Helioviewer: its sources and its table of images.

There are few images and many rows: frames of one run share the image drawn for the middle of the run, and each is
served with its own header (`sunpy_helio_plugins.sandbox.helioviewer.jp2`). A run lasts twelve minutes, in which the Sun
rotates by 0.11 degrees, so that no feature is off by more than an arcsecond.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sunpy_helio_plugins.sandbox.scene import DAY

__all__ = ["AIA_CADENCE", "RUN_HOURS", "SOURCES", "Image", "Source", "by_id", "by_path", "closest", "images", "within"]

AIA_CADENCE = timedelta(seconds=36)
"""Helioviewer keeps every third 12 s frame of AIA."""

RUN_HOURS = (0, 4, 8, 12, 16, 20)
"""Hours of the scene's day at which the AIA channels have a run of frames."""

RUN_FRAMES = 21

EJECTION = DAY + timedelta(hours=14, seconds=7.442)
"""The first of the C2 frames that show the ejection after the largest flare of the day, twelve minutes apart."""

SEED_DAY = datetime(2023, 1, 1)

FIRST_LIGHT = datetime(2010, 6, 2, 0, 5, 39)
"""The first AIA 304 image of Helioviewer; the names of those years end in two digits of the second's fraction."""

SEED_FRACTIONS = {0: 129, 1: 131, 2: 130, 17: 129, 2397: 132, 2398: 131, 2399: 140}
"""Milliseconds of the published frames of that day, by number (Helioviewer blog, 2023-11-02, "HAPI")."""


@dataclass(frozen=True)
class Source:
    """A data source, with its names in Helioviewer's database, its web interface and its HAPI server."""

    source_id: int
    nickname: str
    labels: tuple[tuple[str, str], ...]
    hapi_id: str
    folder: str
    measurement: str
    suffix: str
    layering_order: int = 1
    scale: float = 2.4
    size: int = 1024
    rotation: float = 0.0


@dataclass(frozen=True)
class Image:
    """A row of the table of images; `picture` is None if the file was deleted but the row was kept."""

    image_id: int
    source: Source
    when: datetime
    picture: str | None
    fraction_digits: int = 3

    @property
    def second(self) -> datetime:
        """The time in the database: truncated to an integer second."""
        return self.when.replace(microsecond=0)

    @property
    def name(self) -> str:
        """The file's name: the time with fractional digits, then the source."""
        digits = f"{self.when.microsecond:06d}"[: self.fraction_digits]
        return f"{self.when:%Y_%m_%d__%H_%M_%S}{'_' if digits else ''}{digits}__{self.source.suffix}.jp2"

    @property
    def path(self) -> str:
        """The path below the root of the static tree, with a leading slash."""
        return f"/{self.source.folder}/{self.when:%Y/%m/%d}/{self.source.measurement}/{self.name}"


def _sdo(source_id: int, instrument: str, measurement: str, nickname: str, hapi_id: str) -> Source:
    labels = (("Observatory", "SDO"), ("Instrument", instrument), ("Measurement", measurement))
    suffix = f"SDO_{instrument}_{instrument}_{measurement}"
    return Source(source_id, nickname, labels, hapi_id, instrument, measurement, suffix)


SOURCES = {
    source.source_id: source
    for source in (
        Source(
            4, "LASCO C2",
            (("Observatory", "SOHO"), ("Instrument", "LASCO"), ("Detector", "C2"), ("Measurement", "white-light")),
            "LASCO_C2", "LASCO-C2", "white-light", "SOHO_LASCO_C2_white-light", 2, 23.8, 512, -173.5,
        ),
        _sdo(11, "AIA", "193", "AIA 193", "AIA_193"),
        _sdo(13, "AIA", "304", "AIA 304", "AIA_304"),
        _sdo(19, "HMI", "magnetogram", "HMI Mag", "HMI_MAG"),
        Source(
            2003, "GOES-R SUVI 195", (("Observatory", "GOES"), ("Instrument", "SUVI"), ("Measurement", "195")),
            "SUVI_195", "SUVI", "195", "GOES-R_SUVI_SUVI_195", scale=2.5, size=1280,
        ),
    )
}  # fmt: skip


def _seed_day() -> list[Image]:
    rows = []
    for number in range(2400):
        milliseconds = SEED_FRACTIONS.get(number, 129 + number * 2 % 3)
        when = SEED_DAY + timedelta(seconds=5, milliseconds=milliseconds) + number * AIA_CADENCE
        rows.append(Image(851 + number, SOURCES[13], when, "aia_304_20230101"))
    return rows


def _first_light() -> list[Image]:
    fractions = (timedelta(milliseconds=130), timedelta(milliseconds=620))
    times = [FIRST_LIGHT + number * AIA_CADENCE + fraction for number, fraction in enumerate(fractions)]
    return [Image(1 + number, SOURCES[13], when, "aia_304_20100602", 2) for number, when in enumerate(times)]


def _runs(source_id: int, first_id: int, offset: timedelta) -> list[Image]:
    rows = []
    for run, hour in enumerate(RUN_HOURS):
        picture = f"aia_{SOURCES[source_id].measurement}_20260110_{hour:02d}"
        for frame in range(RUN_FRAMES):
            number = run * RUN_FRAMES + frame
            jitter = timedelta(milliseconds=number * 7 % 4 if frame != RUN_FRAMES // 2 else 0)
            when = DAY + timedelta(hours=hour) + offset + (frame - RUN_FRAMES // 2) * AIA_CADENCE + jitter
            rows.append(Image(first_id + number, SOURCES[source_id], when, picture))
    return rows


def _magnetograms() -> list[Image]:
    first = DAY + timedelta(hours=11, minutes=57, seconds=22.8)
    times = [first + number * timedelta(seconds=45) for number in range(5)]
    return [Image(31001 + number, SOURCES[19], when, "hmi_mag_20260110_12") for number, when in enumerate(times)]


def _ejection() -> list[Image]:
    times = [EJECTION + number * timedelta(minutes=12) for number in range(7)]
    return [
        Image(41001 + number, SOURCES[4], when, f"lasco_c2_20260110_{when:%H%M}") for number, when in enumerate(times)
    ]


def _lost() -> list[Image]:
    times = [datetime(2024, 12, 31, 0, 2, 11) + number * timedelta(minutes=4) for number in range(2)]
    return [Image(50001 + number, SOURCES[2003], when, None, 0) for number, when in enumerate(times)]


@cache
def images(source_id: int) -> tuple[Image, ...]:
    """Return the images of a source in order of time; empty for a source without images."""
    rows = {
        4: _ejection,
        11: lambda: _runs(11, 21000, timedelta(seconds=4.843)),
        13: lambda: _first_light() + _seed_day() + _runs(13, 20000, timedelta(seconds=5.129)),
        19: _magnetograms,
        2003: _lost,
    }.get(source_id, list)
    return tuple(sorted(rows(), key=lambda image: (image.when, image.image_id)))


@cache
def _index() -> tuple[dict[int, Image], dict[str, Image]]:
    rows = [image for source_id in SOURCES for image in images(source_id)]
    return {image.image_id: image for image in rows}, {image.path: image for image in rows}


def by_id(image_id: int) -> Image | None:
    """Return the image with an id of the database, or None."""
    return _index()[0].get(image_id)


def by_path(path: str) -> Image | None:
    """Return the image with a path of the static tree, or None."""
    return _index()[1].get(path)


def within(source_id: int, start: datetime, stop: datetime) -> list[Image]:
    """Return the images whose integer second is in [start, stop], both ends included, like the server's SQL."""
    rows = images(source_id)
    seconds = [image.second for image in rows]
    return list(rows[bisect_left(seconds, start) : bisect_right(seconds, stop)])


def closest(source_id: int, when: datetime) -> Image | None:
    """Return the nearest image, however far it is: the last one before or the first one at or after the time."""
    rows = images(source_id)
    number = bisect_left([image.second for image in rows], when)
    return min(rows[max(number - 1, 0) : number + 1], key=lambda image: abs(image.second - when), default=None)
