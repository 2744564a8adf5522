"""
Draw the embedded Helioviewer's images and write them as JPEG 2000 files with their headers.

Run ``python tools/sandbox/make_helioviewer.py [folder]``; the folder defaults to the package's data folder. The images
show the coronal holes and active regions of `sunpy_helio_plugins.sandbox.scene` at their positions for an observer on
the Earth. Coronal intensities are drawn in DN/s and stretched like the real files (logarithm of DN/s between the limits
of Helioviewer's version 5 settings), so that they can be converted back.
"""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import HeliocentricMeanEcliptic
from matplotlib.path import Path as Polygon
from PIL import Image as Picture
from scipy.ndimage import gaussian_filter, map_coordinates
from sunpy.coordinates import get_earth
from sunpy.coordinates.sun import L0

from sunpy_helio_plugins.sandbox import scene
from sunpy_helio_plugins.sandbox.helioviewer import holdings, jp2

RADIUS = 695700.0e3
LIMITS = {"304": (0.8, 250.0), "193": (20.0, 2500.0)}
LATTICE = 64

STREAMERS = ((0.12, 0.10, 0.55), (-2.95, 0.12, 0.6), (2.7, 0.06, 0.4), (0.75, 0.05, 0.25), (-2.4, 0.05, 0.3))
"""Position angle (radians from the west), half width and strength of each streamer."""


@dataclass(frozen=True)
class View:
    """The position of each pixel in solar radii, and the heliographic position where its line meets the Sun."""

    x: np.ndarray
    y: np.ndarray
    longitude: np.ndarray
    latitude: np.ndarray
    mu: np.ndarray
    tilt: float
    distance: float
    pixels_per_radius: float

    @property
    def on_disk(self) -> np.ndarray:
        """True where the line of sight meets the Sun."""
        return self.mu > 0

    @property
    def height(self) -> np.ndarray:
        """Distance from the disk's centre in solar radii."""
        return np.hypot(self.x, self.y)

    def place(self, longitude: Any, latitude: Any, radius: Any = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return (column, row from the south, depth towards the observer) of heliographic points; angles in degrees."""
        lon, lat = np.radians(longitude), np.radians(latitude)
        x = radius * np.cos(lat) * np.sin(lon)
        towards, north = radius * np.cos(lat) * np.cos(lon), radius * np.sin(lat)
        y = north * np.cos(self.tilt) - towards * np.sin(self.tilt)
        z = north * np.sin(self.tilt) + towards * np.cos(self.tilt)
        stretch = self.pixels_per_radius * np.sqrt(1 - 1 / self.distance**2) * self.distance / (self.distance - z)
        middle = (self.x.shape[0] - 1) / 2
        return middle + stretch * x, middle + stretch * y, z


def view(image: holdings.Image, facts: dict[str, Any]) -> View:
    """Trace the line of sight of each pixel; rows go from the south to the north."""
    earth = jp2._earth(image.when, facts)
    size, distance = image.source.size, earth["dsun"] / RADIUS
    axis = np.radians((np.arange(size) - (size - 1) / 2) * image.source.scale / 3600)
    tx, ty = np.meshgrid(axis, axis)
    ray = np.stack([np.cos(ty) * np.sin(tx), np.sin(ty), -np.cos(ty) * np.cos(tx)])
    half = -distance * ray[2]
    root = half**2 - distance**2 + 1
    length = half - np.sqrt(np.maximum(root, 0))
    x, y, z = ray[0] * length, ray[1] * length, distance + ray[2] * length
    tilt = np.radians(earth["hglt"])
    latitude = np.degrees(np.arcsin(np.clip(y * np.cos(tilt) + z * np.sin(tilt), -1, 1)))
    longitude = np.degrees(np.arctan2(x, z * np.cos(tilt) - y * np.sin(tilt)))
    limb = np.arcsin(1 / distance)
    mu = np.where(root > 0, -(ray[0] * x + ray[1] * y + ray[2] * z), 0)
    pixels = np.tan(limb) / np.radians(image.source.scale / 3600)
    return View(np.tan(tx) / np.tan(limb), np.tan(ty) / np.tan(limb), longitude, latitude, mu, tilt, distance, pixels)


@cache
def lattice(seed: int) -> np.ndarray:
    """Return a cube of random numbers, which is always the same: the legacy generator's stream is frozen."""
    return np.random.RandomState(seed).standard_normal((LATTICE,) * 3)


def texture(sight: View, when: datetime, scales: tuple[float, ...], seed: int) -> np.ndarray:
    """Return noise of unit variance that rotates with the Sun, summed over several scales (cells per radius)."""
    lon = np.radians(sight.longitude - scene.longitude_at(0, when))
    lat = np.radians(sight.latitude)
    point = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    total = np.zeros_like(sight.x)
    for number, scale in enumerate(scales):
        total += map_coordinates(lattice(seed + number), point * scale + 17.3, order=1, mode="grid-wrap")
    return total / total[sight.on_disk].std()


def hole_mask(sight: View, when: datetime) -> np.ndarray:
    """Return 1 inside the coronal holes, with soft edges."""
    places = np.column_stack([sight.longitude.ravel(), sight.latitude.ravel()])
    mask = np.zeros(sight.x.shape)
    for hole in scene.CORONAL_HOLES:
        outline = [(scene.longitude_at(lon, when), lat) for lon, lat in hole.outline]
        mask += Polygon([*outline, outline[0]], closed=True).contains_points(places).reshape(mask.shape)
    return gaussian_filter(np.where(sight.on_disk, np.minimum(mask, 1), 0), 1.5)


def bump(sight: View, longitude: float, latitude: float, width: float) -> np.ndarray:
    """Return a Gaussian of unit height on the sphere; the width is one standard deviation in degrees."""
    lon, lat = np.radians(sight.longitude - longitude), np.radians(sight.latitude)
    cosine = np.sin(lat) * np.sin(np.radians(latitude)) + np.cos(lat) * np.cos(np.radians(latitude)) * np.cos(lon)
    angle = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    return np.where(sight.on_disk, np.exp(-0.5 * (angle / width) ** 2), 0)


def loops(sight: View, region: scene.ActiveRegion, when: datetime) -> np.ndarray:
    """Return the loops over a region, of unit height: arcs between its two polarities, in depth and in projection."""
    random = np.random.RandomState(region.noaa)
    side = -np.sign(region.latitude)
    longitude = scene.longitude_at(region.longitude, when)
    drawn = np.zeros(sight.x.shape)
    along = np.linspace(0, np.pi, 900)
    for _ in range(70):
        half = region.radius * random.uniform(0.25, 1.05)
        shift, lean = random.normal(0, 0.22 * region.radius, 2), random.normal(0, 0.25)
        height = np.radians(half) * random.uniform(0.55, 1.1) * np.sin(along)
        east_west = half * np.cos(along)
        lat = region.latitude + shift[0] + side * 0.12 * east_west + lean * half * np.sin(along)
        lon = longitude + (shift[1] + east_west) / np.cos(np.radians(region.latitude))
        column, row, depth = sight.place(lon, lat, 1 + height)
        weight = random.uniform(0.4, 1) * np.where(depth > 0, 1, 0)
        inside = (column > 1) & (column < drawn.shape[1] - 2) & (row > 1) & (row < drawn.shape[0] - 2)
        spot = (np.rint(row[inside]).astype(int), np.rint(column[inside]).astype(int))
        np.add.at(drawn, spot, weight[inside] * sight.pixels_per_radius * np.radians(half) / 900)
    smooth = gaussian_filter(drawn, 0.9)
    return smooth / smooth.max()


def regions(when: datetime, quiet: bool) -> list[tuple[scene.ActiveRegion, float]]:
    """Return the active regions with their longitudes at a time; none on other days than that of the scene."""
    return [] if quiet else [(region, scene.longitude_at(region.longitude, when)) for region in scene.ACTIVE_REGIONS]


def draw_193(sight: View, image: holdings.Image, quiet: bool) -> np.ndarray:
    """Return the corona at 193 angstrom in DN/s."""
    when, mu = image.when, np.clip(sight.mu, 0.06, 1)
    above = np.clip(sight.height - 1, 0, None)
    fine = texture(sight, when, (14, 26, 47), 100)
    broad = texture(sight, when, (3, 5.5), 200)
    disk = 115 * mu**-0.38 * np.exp(0.34 * fine + 0.34 * broad)
    hole = np.zeros_like(mu) if quiet else hole_mask(sight, when)
    disk = (1 - hole) * disk + hole * 24 * np.exp(0.25 * fine)
    angle = np.arctan2(sight.y, sight.x)
    rays = 1 + 0.25 * np.cos(2 * angle) + 0.12 * np.sin(7 * angle + 1) + 0.08 * np.sin(13 * angle)
    corona = 300 * np.exp(-above / 0.09) * rays + 8 * rays
    total = np.where(sight.on_disk, disk, corona)
    for region, longitude in regions(when, quiet):
        core = bump(sight, longitude, region.latitude, region.radius / 9)
        wide = bump(sight, longitude, region.latitude, region.radius * 0.62)
        total += 1300 * core + 420 * wide * np.exp(0.35 * fine)
        # The loops extend away from the disk's centre: they must not shift the brightest position.
        beside = 1 - bump(sight, longitude, region.latitude, region.radius / 4)
        total += 700 * beside * loops(sight, region, when)
    return gaussian_filter(total, 0.6)


def draw_304(sight: View, image: holdings.Image, quiet: bool) -> np.ndarray:
    """Return the chromosphere at 304 angstrom in DN/s, with its spicule fringe and two prominences."""
    when, mu = image.when, np.clip(sight.mu, 0.1, 1)
    above = np.clip(sight.height - 1, 0, None)
    network = texture(sight, when, (19, 33, 58), 300)
    broad = texture(sight, when, (4, 9), 400)
    disk = 7.5 * mu**-0.28 * np.exp(0.5 * np.abs(network) + 0.2 * network + 0.18 * broad - 0.35)
    disk *= 1 - 0.52 * (np.zeros_like(mu) if quiet else hole_mask(sight, when))
    angle = np.arctan2(sight.y, sight.x)
    fringe = 1 + 0.12 * np.sin(61 * angle) + 0.1 * np.sin(97 * angle + 2)
    corona = 9.5 * np.exp(-above / (0.016 * fringe)) + 2.6 * np.exp(-above / 0.11) + 0.35
    for centre, width, top in ((2.55, 0.045, 0.09), (-0.62, 0.03, 0.065)):
        arch = np.exp(-0.5 * ((angle - centre) / width) ** 2) * np.exp(-(((above - top / 2) / (top / 2)) ** 4))
        corona += 11 * arch * (1 + 0.45 * np.sin(240 * angle + 60 * above))
    total = np.where(sight.on_disk, disk, corona)
    for region, longitude in regions(when, quiet):
        core = bump(sight, longitude, region.latitude, region.radius / 9)
        wide = bump(sight, longitude, region.latitude, region.radius * 0.5)
        total += 150 * core + 26 * wide * np.exp(0.55 * network) + 18 * loops(sight, region, when)
    return gaussian_filter(total, 0.6)


def stretched(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return bytes: the logarithm of DN/s between two limits."""
    scaled = np.log10(np.clip(values, low, high) / low) / np.log10(high / low)
    return np.rint(255 * scaled).astype(np.uint8)


def draw_hmi(sight: View, image: holdings.Image) -> tuple[np.ndarray, np.ndarray]:
    """Return the line-of-sight field in gauss and its bytes: linear from -250 to 250 G, zero off the disk."""
    salt = texture(sight, image.when, (40, 63), 500)
    pepper = texture(sight, image.when, (24, 63), 600)
    field = 9 * salt + 55 * np.sign(pepper) * np.clip(np.abs(pepper) - 2.1, 0, None)
    for region, longitude in regions(image.when, quiet=False):
        hemisphere = np.sign(region.latitude)
        for polarity, along in ((1, 0.42), (-1, -0.42)):
            lon = longitude + along * region.radius
            lat = region.latitude - hemisphere * 0.12 * along * region.radius
            spot = bump(sight, lon, lat, region.radius / (6.5 if polarity > 0 else 5.2))
            plage = bump(sight, lon, lat, region.radius / 2.6) * np.clip(1 + 0.7 * salt, 0, None)
            field += hemisphere * polarity * (900 * spot + 150 * plage)
    field = np.where(sight.on_disk, gaussian_filter(field, 0.7) * np.clip(sight.mu, 0, 1), 0)
    grey = np.rint(255 * (np.clip(field, -250, 250) + 250) / 500).astype(np.uint8)
    return field, np.where(sight.on_disk, grey, 0).astype(np.uint8)


def draw_lasco(sight: View, when: datetime) -> np.ndarray:
    """
    Return the white-light corona of C2 as bytes: streamers, and the ejection after the largest flare of the day.

    Its front passes 1.9 solar radii at 14:00 and moves outwards at 800 km/s.
    """
    front = 1.9 + 800e3 * (when - scene.DAY - timedelta(hours=14)).total_seconds() / RADIUS
    size = front / 4.3
    radius, angle = sight.height, np.arctan2(sight.y, sight.x)
    corona = np.full_like(radius, 0.16)
    for centre, width, strength in STREAMERS:
        off = np.angle(np.exp(1j * (angle - centre)))
        corona += strength * np.exp(-0.5 * (off / width) ** 2) * (2.3 / np.maximum(radius, 1)) ** 0.9
    along, across = np.angle(np.exp(1j * (angle + 0.5))), (radius - front) / size
    edge = np.exp(-0.5 * (across + 2.2 * along**2) ** 2 / 0.18**2) * np.exp(-0.5 * (along / 0.34) ** 4)
    void = np.exp(-0.5 * ((across + 0.85) / 0.5) ** 2 - 0.5 * (along / 0.24) ** 2)
    core = np.exp(-0.5 * ((across + 1.15) / 0.2) ** 2 - 0.5 * (along / 0.07) ** 2)
    corona += (0.62 * edge - 0.16 * void + 0.55 * core) * min(1 / size, 1.3)
    corona += 0.012 * np.random.RandomState(700).standard_normal(radius.shape)
    fall = np.clip((radius - 2.2) / 0.35, 0, 1) * np.clip((7.9 - radius) / 0.25, 0, 1)
    return np.rint(np.clip(corona * fall, 0, 1) * 235).astype(np.uint8)


def statistics(values: np.ndarray) -> dict[str, str]:
    """Return the header's statistics of the data before the conversion to bytes."""
    return {
        "DATAMIN": f"{values.min():.4g}", "DATAMAX": f"{values.max():.6g}", "DATAMEDN": f"{np.median(values):.5g}",
        "DATAMEAN": f"{values.mean():.5g}", "DATARMS": f"{values.std():.5g}",
    }  # fmt: skip


def encode(grey: np.ndarray, rate: float) -> bytes:
    """Return a JP2 file like Helioviewer's: one tile, 9/7, several resolutions and layers, resolution first."""
    out = io.BytesIO()
    Picture.fromarray(grey[::-1]).save(
        out, format="JPEG2000", irreversible=True, progression="RPCL", num_resolutions=6, plt=True,
        quality_mode="rates", quality_layers=[rate * 8, rate * 4, rate * 2, rate], precinct_size=(128, 128),
        codeblock_size=(64, 64),
    )  # fmt: skip
    return out.getvalue()


def earth_rows() -> list[dict[str, Any]]:
    """Return the Earth's position for each hour of the days that have images."""
    rows = []
    for day, hours in ((datetime(2010, 6, 2), 2), (holdings.SEED_DAY, 26), (scene.DAY - timedelta(hours=1), 26)):
        for hour in range(hours):
            time = day + timedelta(hours=hour)
            earth = get_earth(time)
            ecliptic = earth.transform_to(HeliocentricMeanEcliptic(obstime=time)).cartesian.xyz.to_value(u.m)
            dsun = earth.radius.to_value(u.m)
            rows.append({
                "time": time.isoformat(), "dsun": round(dsun, 1), "hglt": round(earth.lat.to_value(u.deg), 7),
                "crln": round(L0(time).to_value(u.deg), 7),
                "rsun": round(float(np.degrees(np.arcsin(RADIUS / dsun)) * 3600), 6),
                **{f"hae{axis}": round(float(value), 1) for axis, value in zip("xyz", ecliptic, strict=True)},
            })  # fmt: skip
    # Carrington longitude decreases; if it is unwrapped, linear interpolation between two hours is always correct.
    for before, after in pairwise(rows):
        after["crln"] -= 360 * round((after["crln"] - before["crln"]) / 360)
    return rows


def pictures() -> dict[str, holdings.Image]:
    """Return the row for which each image is drawn: the middle one of the rows that share it."""
    shared: dict[str, list[holdings.Image]] = {}
    for source_id in holdings.SOURCES:
        for image in holdings.images(source_id):
            if image.picture:
                shared.setdefault(image.picture, []).append(image)
    return {name: images[len(images) // 2] for name, images in sorted(shared.items())}


def draw(name: str, image: holdings.Image, facts: dict[str, Any]) -> tuple[np.ndarray, dict[str, str]]:
    """Return the bytes of one image, with south in the first row, and its statistics."""
    sight = view(image, facts)
    if name.startswith("lasco"):
        grey = draw_lasco(sight, image.when)
        return grey, statistics(400 + 20.0 * grey)
    if name.startswith("hmi"):
        field, grey = draw_hmi(sight, image)
        return grey, statistics(field[sight.on_disk])
    wave = image.source.measurement
    rates = {"193": draw_193, "304": draw_304}[wave](sight, image, quiet=image.when.date() != scene.DAY.date())
    return stretched(rates, *LIMITS[wave]), statistics(np.rint(rates * jp2.EXPOSURES[wave]))


def make(folder: Path, only: tuple[str, ...] = ()) -> None:
    """Write the facts and the images (all, or the named ones) to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    facts: dict[str, Any] = {"earth": earth_rows(), "pictures": {}}
    for name, image in pictures().items():
        if only and name not in only:
            continue
        grey, numbers = draw(name, image, facts)
        facts["pictures"][name] = {"time": image.when.isoformat(), "statistics": numbers}
        data = jp2.with_header(encode(grey, 16 if grey.shape[0] > 600 else 12), jp2.header(image, facts))
        (folder / f"{name}.jp2").write_bytes(data)
    lines = json.dumps(facts, indent=1, sort_keys=True)
    (folder / "pictures.json").write_text(lines + "\n", encoding="utf-8")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else jp2.DATA)
