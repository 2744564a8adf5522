"""
Make the events of the embedded registry as sent by their submitters; ``make_her.py`` converts them.

2026-01-10 contains the scene of ``sunpy_helio_plugins.sandbox.scene``; the rest of that January is invented.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.time import Time
from sunpy.coordinates import HeliographicStonyhurst, Helioprojective, get_earth

from sunpy_helio_plugins.sandbox import scene

__all__ = ["Draft", "drafts", "iso", "single", "to_helioprojective"]


@dataclass
class Draft:
    """One event before its coordinates are converted, as sent by a submitter."""

    kind: str
    start: datetime
    end: datetime
    system: str
    point: tuple[float, float]
    box: tuple[float, float, float, float]
    name: str
    values: dict[str, Any]
    outline: list[tuple[float, float]] = field(default_factory=list)
    broken_box: bool = False

    def vertices(self) -> list[tuple[float, float]]:
        """Return the point, the five corners of the box and the closed outline, in the declared system."""
        x1, y1, x2, y2 = self.box
        corners = [(x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1)]
        if self.broken_box:
            corners = [(1.0, 1.0)] * 5
        elif self.system == "hrc":
            corners = [(x1, y1), (x1, y2), (x2, y2), (x2, y1), (x1, y1)]
        return [self.point, *corners, *self.outline]


def iso(when: datetime) -> str:
    """Return a time in the registry's format."""
    return when.strftime("%Y-%m-%dT%H:%M:%S")


def stamp(when: datetime) -> str:
    """Return a time in the format of event names."""
    return when.strftime("%Y%m%d_%H%M%S")


def single(value: float) -> float:
    """Return a number rounded to single precision."""
    return float(np.float32(value))


def to_helioprojective(lonlat: np.ndarray, when: Time) -> np.ndarray:
    """Convert Stonyhurst degrees to arcsec seen from Earth, both (n, 2), at n times."""
    stonyhurst = HeliographicStonyhurst(lonlat[:, 0] * u.deg, lonlat[:, 1] * u.deg, obstime=when)
    seen = SkyCoord(stonyhurst).transform_to(Helioprojective(observer=get_earth(when), obstime=when))
    return np.stack([seen.Tx.to_value("arcsec"), seen.Ty.to_value("arcsec")], axis=1)


def coronal_holes() -> Iterator[Draft]:
    """SPoCA writes every four hours: the start is the previous write, the end is the image's time."""
    for write in range(6):
        image = scene.DAY + timedelta(hours=4 * write, seconds=5)
        for index, hole in enumerate(scene.CORONAL_HOLES):
            lonlat = np.array([(scene.longitude_at(lon, image), lat) for lon, lat in (*hole.outline, hole.outline[0])])
            outline = np.round(to_helioprojective(lonlat, Time([image] * len(lonlat), scale="utc")), 1)
            (x1, y1), (x2, y2) = outline.min(axis=0), outline.max(axis=0)
            start, run = image - timedelta(hours=4), image + timedelta(minutes=49)
            values = {
                "frm_name": "SPoCA",
                "frm_identifier": "vdelouille",
                "frm_institute": "ROB",
                "frm_contact": "veronique.delouille@sidc.be",
                "frm_url": "https://www.sidc.be/spoca",
                "frm_versionnumber": 1,
                "frm_specificid": f"SPoCA_v1.0_CH_{60000 + index:010d}",
                "frm_daterun": iso(run),
                "obs_observatory": "SDO",
                "obs_instrument": "AIA",
                "obs_channelid": "AIA 193",
                "obs_meanwavel": 1.93e-06,
                "search_channelid": "193",
                "event_coordunit": "arcsec,arcsec",
                "obs_levelnum": 1.5,
                "area_atdiskcenter": single(hole.area_mm2 * 1e6),
                "area_raw": single(hole.area_mm2 * 0.8e6),
                "area_atdiskcenteruncert": single(hole.area_mm2 * 4e4),
                "area_unit": "km2",
                "event_pixelunit": "DN/s",
                "event_npixels": int(hole.area_mm2 * 5),
                "intensunit": "DN/s",
                "intensmean": 11.0 + index,
                "intensvar": 17.25,
                "event_clippedspatial": "T",
                "obs_includesnrt": "T",
                "event_c1error": single(3.9),
                "event_c2error": single(14.8),
            }
            name = f"CH_SPoCA_{stamp(run)}_{stamp(image).replace('_', 'T')}_{index}"
            center = tuple(np.round(outline[:-1].mean(axis=0), 3))
            yield Draft("CH", start, image, "hpc", center, (x1, y1, x2, y2), name, values, [tuple(v) for v in outline])


def flares() -> Iterator[Draft]:
    """Each flare is listed twice: by SWPC without a position, by SSW Latest Events with one and with a broken box."""
    regions = {region.noaa: region for region in scene.ACTIVE_REGIONS}
    for flare in scene.FLARES:
        start, peak, end = (scene.DAY + timedelta(minutes=round(60 * h)) for h in (flare.start, flare.peak, flare.end))
        common = {
            "event_peaktime": iso(peak),
            "fl_goescls": flare.goes,
            "obs_meanwavel": 5e-08,
            "frm_daterun": iso(scene.DAY),
        }
        swpc = common | {
            "frm_name": "SWPC",
            "frm_identifier": "SWPC",
            "frm_contact": "SWPC.Webmaster@noaa.gov",
            "noposition": "true",
            "frm_institute": "U.S. Dept. of Commerce, NOAA, Space Weather Prediction Center",
            "frm_url": "http://www.swpc.noaa.gov/",
            "obs_observatory": "GOES",
            "obs_instrument": "GOES",
            "obs_channelid": "XRA",
            "ar_noaanum": flare.noaa,
            "event_c1error": 90,
            "event_c2error": 90,
        }
        name = f"FL_SWPC_{stamp(end)}_{start:%Y%m%d%H%M%S}"
        yield Draft("FL", start, end, "hgs", (0.0, 0.0), (-89.9, -89.9, 89.9, 89.9), name, swpc)
        region = regions[flare.noaa]
        lon, lat = float(round(scene.longitude_at(region.longitude, peak))), float(round(region.latitude))
        ssw = common | {
            "frm_name": "SSW Latest Events",
            "frm_identifier": "SolarSoft",
            "frm_contact": "Samuel L. Freeland",
            "frm_institute": "LMSAL",
            "obs_observatory": "SDO",
            "obs_instrument": "AIA",
            "obs_channelid": "EUV",
            "search_channelid": "131,171,193,211,304",
            "obs_meanwavel": 9.4e-07,
            "ar_noaanum": flare.noaa - 10000,
            "event_probability": 1,
            "event_c1error": 0,
            "event_c2error": 0,
            "revision": "7",
        }
        box = (lon - 1, lat - 1, lon + 1, lat + 1)
        yield Draft(
            "FL",
            start,
            end,
            "hgs",
            (lon, lat),
            box,
            f"FL_SSWLatestEvents_gev_{start:%Y%m%d_%H%M}",
            ssw,
            broken_box=True,
        )


def active_regions() -> Iterator[Draft]:
    """NOAA lists each region once a day, with the position at the beginning of the day."""
    for day in range(-2, 3):
        start = scene.DAY + timedelta(days=day)
        for region in scene.ACTIVE_REGIONS:
            lon, lat = round(scene.longitude_at(region.longitude, start), 1), region.latitude
            values = {
                "frm_name": "NOAA SWPC Observer",
                "frm_identifier": "NOAA SWPC",
                "frm_url": "http://www.swpc.noaa.gov/",
                "frm_institute": "NOAA SWPC",
                "frm_contact": "SWPC.Webmaster@noaa.gov",
                "frm_humanflag": "true",
                "obs_observatory": "Ground-based",
                "obs_instrument": "Various",
                "obs_channelid": "Visible",
                "obs_meanwavel": 5e-05,
                "ar_noaanum": region.noaa,
                "ar_numspots": int(region.radius * 2),
                "ar_mtwilsoncls": "BETA-GAMMA" if region.radius > 7 else "BETA",
                "ar_mcintoshcls": "DAI",
                "ar_zurichcls": "D",
                "ar_penumbracls": "A",
                "ar_compactnesscls": "I",
                "event_c1error": 1,
                "event_c2error": 1,
            }
            r = region.radius
            box = (lon - r, lat - r, lon + r, lat + r)
            name = f"AR_NOAASWPCObserver_{stamp(start + timedelta(days=1))}_{region.noaa}"
            yield Draft("AR", start, start + timedelta(seconds=86399), "hgs", (lon, lat), box, name, values)


def eruptions() -> Iterator[Draft]:
    """CACTus submits an eruption again every few hours, each time with a new name."""
    for one in scene.ERUPTIONS:
        angle, width, speed = one.angle, one.width, one.speed
        start = scene.DAY + timedelta(hours=one.hours, seconds=7)
        for again in range(one.times):
            run = start + timedelta(hours=5 + 3 * again)
            values = {
                "frm_name": "CACTus (Computer Aided CME Tracking)",
                "search_frm_name": "CACTus",
                "frm_identifier": "CACTus",
                "frm_institute": "Royal Observatory of Belgium - SIDC",
                "frm_url": "http://sidc.be/cactus",
                "frm_contact": "cactus@sidc.be",
                "frm_versionnumber": 2.5,
                "frm_daterun": iso(run),
                "event_coordunit": "deg, rsun",
                "kb_archivdate": iso(run + timedelta(minutes=7)),
                "obs_observatory": "LASCO",
                "obs_instrument": "c2 c3",
                "search_instrument": "LASCO",
                "obs_channelid": "C2 orange filter, C3 clear filter",
                "obs_meanwavel": 6e-05,
                "search_channelid": "C2,C3",
                "cme_angularwidth": width,
                "cme_angularwidthunit": "deg",
                "cme_radiallinvel": speed + again,
                "cme_radiallinvelunit": "km/sec",
                "cme_radiallinvelstddev": 111,
                "cme_radiallinvelmin": speed - 240,
                "cme_radiallinvelmax": speed + 240,
                "cme_radiallinveluncert": single(67.9),
                "event_c1error": 2,
                "event_c2error": single(1.17153),
            }
            name = f"CE_CACTus(ComputerAidedCMETracking)_{stamp(run)}_{run:%y%m}.{again + 10}"
            box = (2.0, angle - width / 2, 30.0, angle + width / 2)
            yield Draft("CE", start, start + timedelta(minutes=96), "hrc", (2.0, angle), box, name, values)


def internal_test() -> Iterator[Draft]:
    """Yield a test event of the registry, which is hidden unless it is requested."""
    start = scene.DAY + timedelta(hours=11)
    values = {
        "frm_name": "HER internal test",
        "event_testflag": "true",
        "obs_meanwavel": 1.31e-06,
        "fl_goescls": "C9.9",
    }
    yield Draft(
        "FL", start, start + timedelta(minutes=10), "hgs", (10.0, 10.0), (9.0, 9.0, 11.0, 11.0), "FL_Test_0001", values
    )


def moments(source: random.Random, count: int) -> list[datetime]:
    """Return times in January 2026 outside the scene's day."""
    clear = []
    while len(clear) < count:
        when = datetime(2026, 1, 1) + timedelta(seconds=source.randrange(31 * 86400 - 7200))
        if not scene.DAY - timedelta(hours=8) < when < scene.DAY + timedelta(hours=26):
            clear.append(when)
    return sorted(clear)


def detections() -> Iterator[Draft]:
    """Flares of the automatic detector, on its grid of 76.8 arcsec."""
    source = random.Random(20260110)
    for index, start in enumerate(moments(source, 1010)):
        radius, angle = 700 * source.random() ** 0.5, source.uniform(0, 2 * np.pi)
        x, y = ((int(v // 76.8) + 0.5) * 76.8 for v in (radius * np.cos(angle), radius * np.sin(angle)))
        minutes = source.randrange(4, 40)
        values = {
            "frm_name": "Flare Detective - Trigger Module",
            "frm_identifier": "Feature Finding Team",
            "frm_institute": "SAO",
            "frm_contact": "Paolo C. Grigis - pgrigis@cfa.harvard.edu",
            "frm_url": "http://www.cfa.harvard.edu",
            "frm_versionnumber": single(0.51),
            "obs_observatory": "SDO",
            "obs_instrument": "AIA",
            "obs_channelid": "131",
            "obs_meanwavel": 1.31e-06,
            "event_coordunit": "arcseconds",
            "event_c1error": 2,
            "event_c2error": 2,
            "revision": "2",
            "event_peaktime": iso(start + timedelta(minutes=minutes // 3)),
            "fl_peakfluxunit": "DN/sec/pixel",
            "fl_peakflux": single(round(30 * source.paretovariate(1.2), 2)),
        }
        x, y = round(x, 1), round(y, 1)
        name = f"FL_FlareDetective-TriggerModule_{stamp(start)}_{index}"
        box = (x - 38.4, y - 38.4, x + 38.4, y + 38.4)
        yield Draft("FL", start, start + timedelta(minutes=minutes), "hpc", (x, y), box, name, values)


def background() -> Iterator[Draft]:
    """Filaments, emerging flux and magnetic null points; one of their names contains a byte that is not UTF-8."""
    source = random.Random(14331)
    rules: dict[str, tuple[str, dict[str, Any]]] = {
        "FI": (
            "AAFDCC",
            {"fi_lengthunit": "km", "fi_length": 84000.0, "frm_contact": "Å. Nordlund", "obs_meanwavel": 6.563e-05},
        ),
        "EF": ("Emerging flux region module", {"frm_versionnumber": single(0.52), "obs_meanwavel": 6.173e-05}),
        "TO": (
            "SSW PFSS v2 + null point finder v20180808",
            {"search_frm_name": "LMSAL SSW PFSS forecast", "obs_meanwavel": 0},
        ),
    }
    for kind, (method, values) in rules.items():
        for index, start in enumerate(moments(source, 30)):
            lon, lat = round(source.uniform(-55, 55), 3), round(source.uniform(-35, 35), 3)
            own = values | {"frm_name": method, "obs_observatory": "SDO", "event_c1error": 2, "event_c2error": 2}
            if kind == "EF":
                own["event_peaktime"] = iso(start + timedelta(hours=3))
            if kind == "TO":
                own["event_coord3"] = single(1.0 + source.random() / 5)
            box = (lon - 2, lat - 2, lon + 2, lat + 2)
            name = f"{kind}_{method.replace(' ', '')}_{stamp(start)}_{index}"
            yield Draft(kind, start, start + timedelta(hours=6), "hgs", (lon, lat), box, name, own)


def drafts() -> list[Draft]:
    """Return every event, before its coordinates are converted."""
    makers = (coronal_holes, flares, active_regions, eruptions, internal_test, detections, background)
    return [draft for maker in makers for draft in maker()]
