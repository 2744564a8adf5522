"""
Instruments of IMAP by the names that people use: aliases, detectors, and what each instrument measures.

Detectors are told apart by the descriptors of their products, which are those of the mission's processing
(``Logical_source`` in imap_processing 1.0: ``45sensor-de``, ``h45-ena-...``, ``norm-mago``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from sunpy.net import attrs as a
from sunpy.net.attr import Attr

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.attrs import of_type
from sunpy_helio_plugins.fido.names import Names, folded
from sunpy_helio_plugins.imap.vocabulary import INSTRUMENTS, PROVIDERS, SOURCES

__all__ = ["ALIASES", "ALONE", "DETECTORS", "MEASURED", "NAMES", "Choice", "choices"]

ALONE = ("codice", "glows", "ialirt", "idex", "l1const", "swapi", "ultra")
"""Names of instruments that nobody but this archive has; "mag" or "hi" is an instrument of other spacecraft, too."""

ALIASES = {
    "IMAP-CoDICE": "codice", "IMAP-GLOWS": "glows", "IMAP-Hi": "hi", "IMAP-HIT": "hit", "IMAP-IDEX": "idex",
    "IMAP-Lo": "lo", "IMAP-MAG": "mag", "IMAP-SWAPI": "swapi", "IMAP-SWE": "swe", "IMAP-Ultra": "ultra",
    "I-ALiRT": "ialirt", "IMAP-I-ALiRT": "ialirt", "IMAP-L1const": "l1const", "IMAP-spacecraft": "spacecraft",
}  # fmt: skip
"""Names that say whose instrument is meant, and the archive's own."""

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
"""The VSO's names of physical observables, and the instruments whose products hold them."""

_COMPOUNDS = {
    f"{instrument}{detector}": (instrument, detector)
    for instrument, detectors in DETECTORS.items() for detector in detectors
}  # fmt: skip
"""Names such as ``hi45`` and ``codicelo``, as `folded` returns them."""

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
"""The values of core attrs at which this archive answers."""


class Choice(NamedTuple):
    """An instrument, or `None` for any, and the patterns of descriptors that its detector has; none for all."""

    instrument: str | None = None
    descriptors: tuple[str, ...] = ()


def choices(branch: Iterable[Attr]) -> list[Choice]:
    """
    Return the instruments that ``a.Instrument``, ``a.Detector`` and ``a.Physobs`` mean together.

    Parameters
    ----------
    branch : iterable of sunpy.net.attr.Attr
        Single attrs of one conjunction.

    Raises
    ------
    QueryError
        One of them is unknown, or there is no instrument of which all hold.
    """
    attrs = tuple(branch)
    named, detector, observable = (of_type(attrs, kind) for kind in (a.Instrument, a.Detector, a.Physobs))
    found = [Choice()] if named is None else [_instrument(named.value)]
    if detector is not None:
        found = _detected(found[0], detector.value)
    return found if observable is None else _measuring(found, observable.value)


def _instrument(value: object) -> Choice:
    """Return the instrument of a name: the archive's own, an alias, or a name with a detector in it."""
    name = folded(value)
    bare = name if name in INSTRUMENTS else name.removeprefix("imap")
    if bare in INSTRUMENTS:
        return Choice(bare)
    if bare in _COMPOUNDS:
        instrument, detector = _COMPOUNDS[bare]
        return Choice(instrument, DETECTORS[instrument][detector])
    known = ", ".join((*INSTRUMENTS, *ALIASES))
    raise QueryError(f"a.Instrument({value!r}) is unknown to IMAP SDC; it knows: {known}.")


def _detected(choice: Choice, value: object) -> list[Choice]:
    """Return the choices left by a detector; of all instruments where none is named."""
    name = folded(value)
    found = _SENSOR.fullmatch(name)
    owner = _LETTERS.get(found["instrument"] or "") if found else None
    name = found["angle"] if found else name.removeprefix("imap")
    possible = [
        Choice(instrument, detectors[name])
        for instrument, detectors in DETECTORS.items()
        if name in detectors and choice.instrument in (None, instrument) and owner in (None, instrument)
    ]
    if choice.descriptors:  # the instrument's name already says which detector
        possible = [one for one in possible if one.descriptors == choice.descriptors]
    if not possible:
        known = "; ".join(f"{instrument}: {', '.join(detectors)}" for instrument, detectors in DETECTORS.items())
        whose = f" of {choice.instrument}" if choice.instrument else ""
        raise QueryError(f"a.Detector({value!r}) is not a detector{whose} that IMAP SDC knows; it knows {known}.")
    return possible


def _measuring(found: list[Choice], value: object) -> list[Choice]:
    """Return the choices left by a physical observable."""
    measured = {folded(name): instruments for name, instruments in MEASURED.items()}.get(folded(value))
    if measured is None:
        raise QueryError(f"IMAP SDC cannot use a.Physobs({value!r}); it knows: {', '.join(MEASURED)}.")
    if found == [Choice()]:
        return [Choice(instrument) for instrument in measured]
    kept = [choice for choice in found if choice.instrument in measured]
    if not kept:
        named = " and ".join(str(choice.instrument) for choice in found)
        raise QueryError(
            f"IMAP SDC cannot use a.Physobs({value!r}) with {named}: it is measured by {', '.join(measured)}."
        )
    return kept
