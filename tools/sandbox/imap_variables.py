"""
The synthetic measurements of the embedded archive's IMAP files: five days of solar wind, and one of each other product.

A shock passes on 2026-01-10 at 16:42 UTC; it is followed by a magnetic cloud whose field turns from south to north, and
on 2026-01-12 by the fast stream of the equatorial coronal hole.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from cdflib import cdfepoch

from sunpy_helio_plugins.sandbox import scene

FIRST_DAY = np.datetime64("2026-01-08")
SHOCK, CLOUD, RECOVERY = 64.7, 75.0, 97.0
"""Hours after the start of the first day."""

STREAM = (scene.stream()[0] - datetime(2026, 1, 8)) / timedelta(hours=1)

FILLS = {"f4": -1e31, "f8": -1e31, "i8": -(2**63), "u1": 255, "u2": 65535, "tt": -(2**63)}


@dataclass
class Variable:
    """One CDF variable: its values, number type, unit, range and the variables on which it depends."""

    values: np.ndarray
    kind: str
    unit: str = " "
    low: float = 0
    high: float = 1
    text: str = ""
    depends: tuple[str, ...] = ()
    labels: str = ""
    role: str = "data"
    varies: bool = True
    more: dict[str, str] = dataclasses.field(default_factory=dict)


# --- the solar wind -----------------------------------------------------------------------------------------------


def hours(day: str, step: float) -> np.ndarray:
    """Return the hours since the first day of the samples in a daily file, every ``step`` seconds."""
    offset = (np.datetime64(day) - FIRST_DAY) / np.timedelta64(1, "h")
    return float(offset) + np.arange(0, 86400, step) / 3600


def field(time: np.ndarray, seed: int) -> np.ndarray:
    """Return the magnetic field in GSE, nT, shape (n, 3): Parker spiral, sheath, cloud that rotates south to north."""
    noise = np.random.default_rng(seed).normal(size=(time.size, 3))
    spiral = np.radians(135 + 18 * np.sin(2 * np.pi * time / 31) + 9 * np.sin(2 * np.pi * time / 5.3))
    quiet = 5.2 * np.stack([np.cos(spiral), np.sin(spiral), 0.35 * np.sin(2 * np.pi * time / 7.7)], axis=1)
    sheath = 2.6 * quiet + 4.5 * np.sin(time[:, None] * np.array([5.1, 6.7, 8.3]))
    phase = np.clip((time - CLOUD) / (RECOVERY - CLOUD), 0, 1)
    strength = 23.0 * (1 - 0.4 * phase)
    turn = np.pi * (phase - 0.5)
    cloud = strength[:, None] * np.stack([0.25 * np.cos(turn), np.cos(turn), np.sin(turn)], axis=1)
    steps = [time < SHOCK, time < CLOUD, time < RECOVERY]
    level = np.select(steps, [0.35, 1.6, 0.25], 0.5)
    mean = np.where(steps[0][:, None], quiet, np.where(steps[1][:, None], sheath, cloud))
    return np.round(np.where((time < RECOVERY)[:, None], mean, 1.2 * quiet) + level[:, None] * noise, 2)


def plasma(time: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Return proton speed (km/s), density (1/cm3) and temperature (K), each of shape (n,)."""
    noise = np.random.default_rng(seed).normal(size=(3, time.size))
    steps = [time < SHOCK, time < CLOUD, time < RECOVERY]
    speed = np.select(steps, [372 + 12 * np.sin(time / 9), 561 + 8 * np.sin(time), 548 - 3.1 * (time - CLOUD)], 471.0)
    stream = np.where(time < RECOVERY, 0, 0.5 * (1 + np.tanh((time - STREAM) / 4)))
    speed += (scene.STREAM_SPEED - speed) * stream
    density = np.select(steps, [6.1 + np.sin(time / 6), 19.0 + 3 * np.sin(time * 2), 4.2], 5.0) * (1 - 0.55 * stream)
    temperature = np.select(steps, [6.2e4, 3.9e5, 2.8e4], 7.5e4) + 1.3e5 * stream
    return {
        "speed": np.round(speed + 3.5 * noise[0], 1),
        "density": np.round(density * np.exp(0.08 * noise[1]), 2),
        "temperature": np.round(temperature * np.exp(0.1 * noise[2]), -2),
    }


# --- the products -------------------------------------------------------------------------------------------------


def epoch(day: str, step: float, count: int | None = None) -> Variable:
    """Return TT2000 nanoseconds, one record every ``step`` seconds of the day or ``count`` of them."""
    year, month, date = (int(part) for part in day.split("-"))
    start = int(cdfepoch.compute_tt2000([year, month, date, 0, 0, 0, 0, 0, 0]))
    number = int(86400 / step) if count is None else count
    values = start + np.round(np.arange(number) * step * 1e9).astype("i8")
    return Variable(
        values,
        "tt",
        "ns",
        315576066184000000,
        3155716869184000000,
        "Time, nanoseconds since J2000 with leap seconds",
        role="support_data",
    )


def mag(day: str, frame: str, seed: int) -> dict[str, Variable]:
    """Return the variables of a MAG L2 file: field with a gap, magnitude, range, quality."""
    step = 30.0 if frame == "gse" else 60.0
    vectors = field(hours(day, step), seed)
    if frame == "rtn":
        vectors = vectors * np.array([-1.0, -1.0, 1.0])
    magnitude = np.round(np.linalg.norm(vectors, axis=1), 2)
    gap = slice(int(9.4 * 3600 / step), int(9.9 * 3600 / step))
    vectors[gap] = magnitude[gap] = FILLS["f4"]
    flags = np.zeros(magnitude.size, "u1")
    flags[gap] = 1
    name = f"b_{frame}"
    on_time = ("epoch",)
    return {
        "epoch": epoch(day, step),
        name: Variable(
            vectors,
            "f4",
            "nT",
            -1e5,
            1e5,
            f"Magnetic field in {frame.upper()} coordinates",
            ("epoch", "direction"),
            "direction_label",
        ),
        "magnitude": Variable(magnitude, "f4", "nT", 0, 1e5, "Magnetic field magnitude", on_time),
        "quality_flags": Variable(flags, "u1", "0=good", 0, 1, "0: good data, 1: bad data", on_time),
        "quality_bitmask": Variable(flags * 4, "u2", " ", 0, 255, "Reasons of the flag", on_time, role="support_data"),
        "range": Variable(np.full(magnitude.size, 3), "u1", " ", 0, 3, "Sensor range", on_time, role="support_data"),
        "direction": Variable(
            np.arange(3),
            "i8",
            "counts",
            -(2**63),
            2**63 - 1,
            "Component of the vector",
            role="support_data",
            varies=False,
        ),
        "direction_label": Variable(
            np.array(["B" + axis for axis in ("rtn" if frame == "rtn" else "xyz")]),
            "U",
            text="Names of the components",
            role="metadata",
            varies=False,
        ),
    }


def swapi(day: str, seed: int) -> dict[str, Variable]:
    """Return the variables of a SWAPI L3a proton file, one record every five minutes."""
    values = plasma(hours(day, 300.0), seed)
    on_time = ("epoch",)
    return {
        "epoch": epoch(day, 300.0),
        "proton_sw_speed": Variable(values["speed"], "f4", "km/s", 0, 3000, "Solar wind proton speed", on_time),
        "proton_sw_density": Variable(values["density"], "f4", "cm!E-3!N", 0, 1000, "Proton density", on_time),
        "proton_sw_temperature": Variable(values["temperature"], "f4", "K", 0, 1e8, "Proton temperature", on_time),
    }


def swe(day: str) -> dict[str, Variable]:
    """Return a SWE L2 file: electron flux on energy, azimuth and elevation, shape (n, 24, 30, 7)."""
    energy = np.round(2.55 * 1.31 ** np.arange(24), 2)
    azimuth, elevation = np.arange(30) * 12.0 + 6, np.arange(7) * 21.0 - 63
    kappa = 2.4e7 * energy / (1 + energy / 55) ** 4
    beam = 1 + 0.5 * np.cos(np.radians(azimuth))[:, None] * np.cos(np.radians(elevation))
    flux = np.round(kappa[None, :, None, None] * beam * np.array([1.0, 1.2])[:, None, None, None], 0)
    flux[1, 23] = FILLS["f4"]
    axes = {"energy": (energy, "eV"), "inst_az": (azimuth, "degrees"), "inst_el": (elevation, "degrees")}
    return {
        "epoch": epoch(day, 60.0, 2),
        "flux": Variable(flux, "f4", "cm -2 s -1 sr -1 eV -1", 0, 1e12, "Electron flux", ("epoch", *axes)),
    } | {name: axis(values, unit) for name, (values, unit) in axes.items()}


def axis(values: np.ndarray, unit: str) -> Variable:
    """Return an axis: a support variable that does not change with the record."""
    return Variable(values, "f4", unit, -1e5, 1e5, role="support_data", varies=False)


def realtime(day: str, seed: int) -> dict[str, Variable]:
    """Return the variables of I-ALiRT's daily file, with a separate time variable for each instrument."""
    vectors = field(hours(day, 120.0), seed)
    wind = plasma(hours(day, 300.0), seed)
    names = ("speed", "density", "temperature")
    units = dict(zip(names, ("km/sec", "1/cm^3", "Kelvin"), strict=True))
    on_mag = ("mag_epoch",)
    made = {
        "mag_B_GSE": Variable(
            vectors, "f4", "nT", -65000, 65000, "Magnetic field in GSE coordinates",
            ("mag_epoch", "B_GSE_labels"), "B_GSE_labels",
        ),
        "mag_B_magnitude": Variable(
            np.round(np.linalg.norm(vectors, axis=1), 2), "f4", "nT", 0, 65000, "Magnetic field magnitude", on_mag
        ),
    } | {
        f"swapi_pseudo_proton_{name}": Variable(
            wind[name], "f4", units[name], 0, 5e7, f"Proton {name}, first estimate", ("swapi_epoch",)
        )
        for name in names
    }  # fmt: skip
    labels = np.array([f"B_{axis} (GSE)" for axis in "xyz"])
    return made | {
        "mag_epoch": epoch(day, 120.0),
        "swapi_epoch": epoch(day, 300.0),
        "B_GSE_labels": Variable(labels, "U", text="Names of the components", role="metadata", varies=False),
    }


def glows(day: str, seed: int) -> dict[str, Variable]:
    """Return a GLOWS histogram: one record, 3600 bins of the spin angle."""
    angle = np.arange(3600) * 0.1
    noise = np.random.default_rng(seed).normal(size=3600)
    counts = np.round(120 + 40 * np.cos(np.radians(angle)) + 5 * noise)
    return {
        "epoch": epoch(day, 120.0, 1),
        "histogram": Variable(counts[None], "u2", "counts", 0, 65534, "Counts of each bin", ("epoch", "bins")),
        "bins": axis(angle, "degrees"),
    }


def sky(day: str, unit: str) -> dict[str, Variable]:
    """Return a map of half a year: one record on energy, longitude and latitude, with what the mission adds."""
    energy, longitude, latitude = np.array([0.75, 1.1, 1.65]), np.arange(3, 360, 6.0), np.arange(-87, 90, 6.0)
    ribbon = np.exp(-(((latitude[None] - 30 * np.sin(np.radians(longitude))[:, None]) / 14) ** 2))
    values = np.round(energy[:, None, None] ** -1.6 * (20 + 60 * ribbon), 1)[None]
    # The spacecraft spins about an axis near the Sun: the poles are seen on every day.
    exposure = np.broadcast_to(np.round(600 / np.cos(np.radians(latitude))), values.shape)
    noise = np.round(np.sqrt(values * 60 / exposure), 2)
    half_year = 182 * 86_400 * 10**9
    start = epoch(day, 60.0, 1)
    seen = start.values[0] + np.round(half_year * longitude / 360).astype("i8")[:, None]
    pixels = ("epoch", "energy", "longitude", "latitude")
    uncertain = {f"DELTA_{side}_VAR": "ena_intensity_stat_uncert" for side in ("PLUS", "MINUS")}
    text = "Intensity of energetic neutral atoms"
    solid = np.broadcast_to(np.radians(6) * 2 * np.sin(np.radians(3)) * np.cos(np.radians(latitude)), (1, 60, 30))
    return {
        "epoch": start,
        "epoch_delta": Variable(
            np.array([half_year]), "i8", "ns", 0, 2**62, "Duration of the map", ("epoch",), role="support_data"
        ),
        "ena_intensity": Variable(values, "f4", unit, 0, 1e6, text, pixels, more=uncertain),
        "ena_intensity_stat_uncert": Variable(
            noise, "f4", unit, 0, 1e6, f"{text}, statistical uncertainty", pixels, role="support_data"
        ),
        "ena_intensity_sys_err": Variable(
            np.round(values / 20, 2), "f4", unit, 0, 1e6, f"{text}, systematic error", pixels, role="support_data"
        ),
        "exposure_factor": Variable(exposure, "f4", "s", 0, 1e9, "Exposure", pixels),
        "obs_date": Variable(
            np.broadcast_to(seen, values.shape), "i8", "ns", 0, 2**62, "Mean time of the pixel", pixels,
            role="support_data",
        ),
        "solid_angle": Variable(
            solid, "f4", "sr", 0, 13, "Solid angle of the pixel", ("epoch", *pixels[2:]), role="support_data"
        ),
        "energy": axis(energy, "keV"),
        "energy_delta_minus": axis(energy * 0.18, "keV"),
        "energy_delta_plus": axis(energy * 0.22, "keV"),
        "longitude": axis(longitude, "degrees"),
        "latitude": axis(latitude, "degrees"),
    }  # fmt: skip


def profile(day: str, name: str, unit: str, values: np.ndarray, along: str) -> dict[str, Variable]:
    """Return one record of one quantity along one axis."""
    return {
        "epoch": epoch(day, 60.0, 1),
        name: Variable(values[None], "f4", unit, 0, 1e8, name.replace("_", " "), ("epoch", along)),
        along: axis(np.linspace(-90, 90, values.size), "degrees"),
    }
