"""
The instruments, levels and products of the mission, and the identification of its files.

A new instrument is a line of `INSTRUMENTS`, its descriptors in `DESCRIPTORS`, and `DAILY` or a rule in ``coverage``
for the duration of its files; if it sends in real time, also its columns in ``ialirt_tables``. ``cli.imap`` repeats the
names, since it starts without sunpy; a test compares them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from sunpy.net import attrs as a
from sunpy.net.attr import Attr

from sunpy_helio_plugins.arguments import shown
from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.fido.attrs import of_types
from sunpy_helio_plugins.fido.dispatch import Names, folded

__all__ = [
    "ALIASES",
    "ALONE",
    "DAILY",
    "DESCRIPTORS",
    "DETECTORS",
    "EXTENSIONS",
    "INSTRUMENTS",
    "KERNELS",
    "KERNEL_FOLDERS",
    "LEVELS",
    "MAPPERS",
    "MAPS",
    "MEASURED",
    "NAMES",
    "OBSERVATORY",
    "PROVIDERS",
    "SOURCES",
    "TABLES",
    "Choice",
    "checked_map_name",
    "choices",
    "instrument_of",
    "is_of_mission",
    "map_patterns",
]

INSTRUMENTS = {
    "codice": "Compact Dual Ion Composition Experiment.",
    "glows": "Global Solar Wind Structure.",
    "hi": "IMAP-Hi, energetic neutral atoms of higher energy.",
    "hit": "High-energy Ion Telescope.",
    "ialirt": "Active Link for Real Time, space weather values of several instruments.",
    "idex": "Interstellar Dust Experiment.",
    "l1const": "Constellation of spacecraft at L1.",
    "lo": "IMAP-Lo, energetic neutral atoms of lower energy.",
    "mag": "Magnetometer.",
    "spacecraft": "Attitude and housekeeping of the spacecraft.",
    "swapi": "Solar Wind and Pickup Ions.",
    "swe": "Solar Wind Electrons.",
    "ultra": "IMAP-Ultra, energetic neutral atoms of the highest energy.",
}

DAILY = frozenset({"mag", "swapi", "swe", "hit", "codice", "spacecraft", "ialirt", "l1const"})
"""Instruments whose files contain one day each; ``coverage`` has the rules for the others."""

LEVELS = (
    "l0", "l1", "l1a", "l1b", "l1c", "l1ca", "l1cb", "l1d", "l2", "l2a", "l2b", "l2c",
    "l3", "l3a", "l3b", "l3c", "l3d", "l3e",
)  # fmt: skip

PROVIDERS = ("IMAP SDC", "IMAP", "SDC")
"""Names of this archive for ``a.Provider``; the first one is used in its tables."""

SOURCES = ("IMAP",)

TABLES = {
    "science": "Science files of all levels.",
    "ancillary": "Calibrations and other files that the processing needs.",
    "quicklook": "Pictures for a first look.",
    "spice": "SPICE kernels.",
    "ialirt": "Daily files of the real-time stream, from I-ALiRT's own archive.",
}

EXTENSIONS = {
    "science": ("cdf", "pkts"),
    "ancillary": ("cdf", "csv", "dat", "json", "zip", "tsv", "pgm", "xlsx"),
    "quicklook": ("jpg", "pdf", "png"),
    "ialirt": ("cdf",),
}
"""The extensions of the files of each table."""

KERNEL_FOLDERS = {
    "attitude_history": "ck", "attitude_predict": "ck", "pointing_attitude": "ck", "lo_pivot_attitude": "ck",
    "ephemeris_reconstructed": "spk", "ephemeris_nominal": "spk", "ephemeris_predicted": "spk",
    "ephemeris_90days": "spk",
    "ephemeris_long": "spk", "ephemeris_launch": "spk", "planetary_ephemeris": "spk", "lagrange_point": "spk",
    "planetary_constants": "pck", "earth_attitude": "pck", "leapseconds": "lsk", "spacecraft_clock": "sclk",
    "imap_frames": "fk", "science_frames": "fk", "metakernel": "mk", "thruster": "activities", "spin": "spin",
    "repoint": "repoint",
}  # fmt: skip
"""The folder below ``imap/spice`` of each type of kernel (``SPICEFilePath`` of imap-data-access)."""

KERNELS = tuple(KERNEL_FOLDERS)

DESCRIPTORS = {
    "norm-gse": "MAG vectors at the normal rate, GSE.",
    "norm-gsm": "MAG vectors at the normal rate, GSM.",
    "norm-rtn": "MAG vectors at the normal rate, RTN.",
    "norm-srf": "MAG vectors at the normal rate, spacecraft frame.",
    "norm-dsrf": "MAG vectors at the normal rate, despun spacecraft frame.",
    "burst-gse": "MAG vectors at the burst rate, GSE.",
    "burst-rtn": "MAG vectors at the burst rate, RTN.",
    "sci": "The science product of SWAPI and of SWE.",
    "proton-sw": "SWAPI solar wind protons.",
    "alpha-sw": "SWAPI solar wind alpha particles.",
    "pui-he": "SWAPI helium pickup ions.",
    "hist": "GLOWS and Hi histograms.",
    "standard-intensity": "HIT intensities.",
    "summed-intensity": "HIT intensities, summed over bins.",
    "macropixel-intensity": "HIT intensities by direction.",
    "lo-sw-species": "CoDICE-Lo solar wind ions by species.",
    "hi-omni": "CoDICE-Hi ions from all directions.",
    "sci-10days": "IDEX dust events of ten days.",
    "ion-rate-profile": "GLOWS ionization rates over a Carrington rotation.",
    "raw": "Telemetry packets of level 0.",
}

ALONE = ("codice", "glows", "ialirt", "idex", "l1const", "swapi", "ultra")
"""Names of instruments of this archive only; "mag" or "hi" is also an instrument of other spacecraft."""

ALIASES = {
    "IMAP-CoDICE": "codice", "IMAP-GLOWS": "glows", "IMAP-Hi": "hi", "IMAP-HIT": "hit", "IMAP-IDEX": "idex",
    "IMAP-Lo": "lo", "IMAP-MAG": "mag", "IMAP-SWAPI": "swapi", "IMAP-SWE": "swe", "IMAP-Ultra": "ultra",
    "I-ALiRT": "ialirt", "IMAP-I-ALiRT": "ialirt", "IMAP-L1const": "l1const", "IMAP-spacecraft": "spacecraft",
}  # fmt: skip
"""Names that include the mission, and those of the archive."""

DETECTORS: dict[str, dict[str, tuple[str, ...]]] = {
    "hi": {"45": ("45sensor*", "h45-*"), "90": ("90sensor*", "h90-*")},
    "ultra": {"45": ("45sensor*", "u45-*"), "90": ("90sensor*", "u90-*")},
    "codice": {"lo": ("lo-*",), "hi": ("hi-*",)},
    "mag": {"mago": ("*-mago",), "magi": ("*-magi",)},
}
"""The detectors of an instrument, and the descriptors of their products."""

MEASURED: dict[str, tuple[str, ...]] = {
    "composition": ("codice", "hit", "idex", "lo", "swapi"),
    "intensity": ("glows",),
    "number_density": ("codice", "swapi", "swe"),
    "particle_flux": ("codice", "hi", "hit", "lo", "swapi", "swe", "ultra"),
    "particle_velocity": ("codice", "swapi", "swe"),
    "thermal_velocity": ("swapi", "swe"),
    "vector_magnetic_field": ("mag",),
}
"""The VSO's names of physical observables, and the instruments whose products contain them."""

_COMPOUNDS = {
    f"{instrument}{detector}": (instrument, detector)
    for instrument, detectors in DETECTORS.items() for detector in detectors
}  # fmt: skip
"""Names such as ``hi45`` and ``codicelo``, in the form of `folded`."""

_SENSOR = re.compile(r"(?:imap)?(?P<instrument>hi|h|ultra|ul|u)?(?:sensor)?(?P<angle>45|90)(?:sensor|deg|degrees?)?")

_LETTERS = {"h": "hi", "hi": "hi", "u": "ultra", "ul": "ultra", "ultra": "ultra"}

NAMES = Names(
    providers=PROVIDERS,
    sources=SOURCES,
    instruments=(
        *ALONE, *ALIASES, *(f"imap{name}" for name in _COMPOUNDS),
        *(name for name, (instrument, _) in _COMPOUNDS.items() if instrument in ALONE),
    ),
)  # fmt: skip
"""The values of core attrs that select this archive."""


class Choice(NamedTuple):
    """An instrument, or `None` for any, and the patterns of descriptors of its detector; an empty tuple for all."""

    instrument: str | None = None
    descriptors: tuple[str, ...] = ()


def choices(branch: Iterable[Attr]) -> list[Choice]:
    """Return the instruments that a branch selects by instrument, detector and observable, or raise a `QueryError`."""
    attrs = tuple(branch)
    named, detector, observable = of_types(attrs, a.Instrument, a.Detector, a.Physobs)
    found = [Choice()] if named is None else [_instrument(named.value)]
    if detector is not None:
        found = _detected(found[0], detector.value)
    return found if observable is None else _measuring(found, observable.value)


def _instrument(value: object) -> Choice:
    """Return the instrument of a name: that of the archive, an alias, or a name that includes a detector."""
    name = folded(value)
    bare = name if name in INSTRUMENTS else name.removeprefix("imap")
    if bare in INSTRUMENTS:
        return Choice(bare)
    if bare in _COMPOUNDS:
        instrument, detector = _COMPOUNDS[bare]
        return Choice(instrument, DETECTORS[instrument][detector])
    known = ", ".join((*INSTRUMENTS, *ALIASES))
    raise QueryError(f"a.Instrument({value!r}) is not an instrument of IMAP SDC; allowed: {known}.")


def _detected(choice: Choice, value: object) -> list[Choice]:
    """Return the choices that have a detector; those of all instruments if none is selected."""
    name = folded(value)
    found = _SENSOR.fullmatch(name)
    owner = _LETTERS.get(found["instrument"] or "") if found else None
    name = found["angle"] if found else name.removeprefix("imap")
    possible = [
        Choice(instrument, detectors[name])
        for instrument, detectors in DETECTORS.items()
        if name in detectors and choice.instrument in (None, instrument) and owner in (None, instrument)
    ]
    if choice.descriptors:  # the name of the instrument already includes a detector
        possible = [one for one in possible if one.descriptors == choice.descriptors]
    if not possible:
        known = "; ".join(f"{instrument}: {', '.join(detectors)}" for instrument, detectors in DETECTORS.items())
        whose = f" of {choice.instrument}" if choice.instrument else ""
        raise QueryError(f"a.Detector({value!r}) is not a detector{whose} of IMAP SDC; allowed: {known}.")
    return possible


def _measuring(found: list[Choice], value: object) -> list[Choice]:
    """Return the choices that measure a physical observable."""
    measured = {folded(name): instruments for name, instruments in MEASURED.items()}.get(folded(value))
    if measured is None:
        raise QueryError(f"IMAP SDC cannot use a.Physobs({value!r}); allowed: {', '.join(MEASURED)}.")
    if found == [Choice()]:
        return [Choice(instrument) for instrument in measured]
    kept = [choice for choice in found if choice.instrument in measured]
    if not kept:
        named = " and ".join(str(choice.instrument) for choice in found)
        raise QueryError(
            f"IMAP SDC cannot use a.Physobs({value!r}) with {named}: it is measured by {', '.join(measured)}."
        )
    return kept


MAPS: dict[str, dict[str, str]] = {
    "quantity": {
        "ena": "intensity of energetic neutral atoms", "spx": "spectral index", "isn": "interstellar neutral atoms",
        "int": "intensity", "drt": "dust rate",
    },
    "species": {"h": "hydrogen", "he": "helium", "o": "oxygen", "uv": "ultraviolet", "dust": "dust"},
    "frame": {"sf": "spacecraft", "hf": "heliospheric", "hk": "heliocentric kinetic"},
    "phase": {"full": "full spin", "ram": "ram direction", "anti": "anti-ram direction"},
    "coordinates": {
        "hae": "heliocentric Aries ecliptic", "hre": "heliocentric ram ecliptic", "hnu": "heliocentric nose upfield",
        "gcs": "galactic", "hrc": "heliocentric ram chi",
    },
}  # fmt: skip
"""Words in the descriptors of maps, and their meaning (``MapDescriptor`` of imap_processing 1.0)."""

MAPPERS: dict[str, tuple[tuple[str, ...], tuple[str | None, ...]]] = {
    "hi": (("h",), ("l2", "l3")),
    "lo": (("ilo", "l", "t"), ("l2", "l3")),
    "ultra": (("u",), ("l2", "l3")),
    "glows": (("glx",), (None,)),
    "idex": (("idx",), (None,)),
}
"""The instruments whose products are maps: the beginnings of the sensors in their descriptors, and the levels."""

_SENSOR_OF_MAP = re.compile(r"h(?:45|90|ic)|u(?:45|90|lc)|ilo|[lt]\d{3}|idx|glx", re.ASCII)

_LENGTHS = re.compile(r"(?P<number>\d{1,3})(?P<unit>mo|yr)?", re.ASCII)


def map_patterns(**parts: Any) -> tuple[str, ...]:
    """Return patterns of the descriptors of maps with given parts, or raise a `QueryError`."""
    chosen = [
        _words_of_map("sensor", parts.get("sensor")),
        [f"{word}*" for word in _words_of_map("quantity", parts.get("quantity"))],
        *(_words_of_map(name, parts.get(name)) for name in ("species", "frame", "survival", "phase", "coordinates")),
        _words_of_map("resolution", parts.get("resolution")), _words_of_map("months", parts.get("months")),
    ]  # fmt: skip
    return tuple("-".join(words).replace("**", "*") for words in product(*(words or ["*"] for words in chosen)))


def checked_map_name(given: Any) -> str:
    """Return the mission's name of a map in capital letters, or raise a `QueryError`."""
    text = str(given).strip().upper()
    if isinstance(given, str | int) and re.fullmatch(r"20(?:2[6-9]|[3-9]\d)[AB]{0,2}", text, re.ASCII):
        return text
    raise QueryError(
        "a.imap.MapName takes a year from 2026 on, alone or with the letters of a half or a quarter (A, B, AA, AB, BA, "
        f"BB), such as '2026A', not {shown(given)}."
    )


def _words_of_map(name: str, given: Any) -> list[str]:
    """Return the words for a part of descriptors, or an empty list for any."""
    if given is None:
        return []
    several = given if isinstance(given, tuple | list) else (given,)
    if not several:
        raise QueryError(f"a.imap.Map: the list of {name} is empty; omit it for any.")
    return [word for one in several for word in _map_words(name, one)]


def _map_words(name: str, given: Any) -> tuple[str, ...]:
    text = str(given).strip().lower()
    if name in MAPS:
        found = [word for word, meaning in MAPS[name].items() if folded(text) in (word, folded(meaning))]
        if found and isinstance(given, str):
            return (found[0],)
        listed = ", ".join(f"{word} ({meaning})" for word, meaning in MAPS[name].items())
        raise QueryError(f"a.imap.Map: the {name} is one of {listed}, not {shown(given)}.")
    if name == "survival" and isinstance(given, bool):
        return ("sp" if given else "nsp",)
    if name == "sensor" and isinstance(given, str) and _SENSOR_OF_MAP.fullmatch(text):
        return (text,)
    if name == "resolution" and isinstance(given, str) and re.fullmatch(r"\d{1,3}deg|nside\d{1,4}", text, re.ASCII):
        return (text,)
    length = _LENGTHS.fullmatch(text) if name == "months" and isinstance(given, str | int) else None
    if length is not None and not isinstance(given, bool):
        months = int(length["number"]) * (12 if length["unit"] == "yr" else 1)
        years = (f"{months // 12}yr",) if months % 12 == 0 and months else ()
        return (*years, f"{months}mo")
    raise QueryError(f"a.imap.Map: the {name} is {_FORMS_OF_MAPS[name]}, not {shown(given)}.")


_FORMS_OF_MAPS = {
    "sensor": "a word such as h45, u90, hic (Hi combined), ulc (Ultra combined), ilo, l090, t090, idx or glx",
    "survival": "True or False: whether the map is corrected for the survival probability",
    "resolution": "a text such as '6deg' or 'nside32'",
    "months": "a number of months, or a text such as '6mo' or '1yr'",
}

OBSERVATORY = "IMAP"

_MAGIC = (b"\xcd\xf3\x00\x01", b"\xcd\xf2\x60\x02", b"\x00\x00\xff\xff")
"""The first bytes of CDF files of versions 3, 2.6 and older."""

_BY_NAME = re.compile(r"imap_.*\.cdf", re.IGNORECASE)

_MISSION = re.compile(r"IMAP\b|Interstellar Mapping", re.IGNORECASE)


def is_of_mission(path: Any) -> bool:
    """Return whether a file is a CDF file of IMAP."""
    try:
        with Path(path).open("rb") as opened:
            is_cdf = opened.read(4) in _MAGIC
    except (OSError, TypeError, ValueError):
        return False
    if not is_cdf or _BY_NAME.fullmatch(Path(path).name):
        return is_cdf
    from sunpy_helio_plugins.cdf.variables import load

    try:
        attributes = load(path)[1]
    except FileError:
        return False
    said = (_first(attributes, key) for key in ("Source_name", "Mission_group", "Logical_source"))
    return any(_MISSION.match(text.replace("_", " ")) for text in said)


def instrument_of(name: str, attributes: Mapping[str, Any]) -> str:
    """Return the instrument in lower case with its name in the archive, or an empty text if it is not known."""
    for text in (name, _first(attributes, "Logical_file_id"), _first(attributes, "Logical_source")):
        parts = Path(text).name.lower().split("_")
        if parts[0] == "imap" and len(parts) > 1 and parts[1] in INSTRUMENTS:
            return parts[1]
    for key in ("instrument", "Descriptor", "Instrument", "Instrument_name"):
        short = re.split(r"[>\s]", _first(attributes, key).strip())[0].lower().removeprefix("imap-")
        found = re.match(r"[a-z0-9]+", short)
        if found and found[0] in INSTRUMENTS:
            return found[0]
    return ""


def _first(attributes: Mapping[str, Any], key: str) -> str:
    value = attributes.get(key, "")
    if not isinstance(value, str) and hasattr(value, "__len__") and len(value):
        value = value[0]
    return value if isinstance(value, str) else ""
