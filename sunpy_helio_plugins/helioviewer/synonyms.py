"""Names of detectors, telescopes and channels, and the attrs to use for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TypeAlias

from sunpy_helio_plugins.helioviewer.source_table import Source, folded, known

__all__ = ["advice"]

MOST = 3
"""The maximum of suggestions in one message."""

_KINDS = ("Instrument", "Detector", "Source", "Measurement")

_OBSERVATORIES = {
    "STEREO_A": ("sta", "a", "ahead", "stereoahead"), "STEREO_B": ("stb", "b", "behind", "stereobehind"),
    "SOLO": ("solarorbiter",), "GOES": ("goesr",), "GONG": ("nso",), "Hinode": ("solarb",),
}  # fmt: skip
"""Other names of observatories, folded."""

_MISSIONS = {"STEREO_A": "stereo", "STEREO_B": "stereo"}
"""Names of missions with several observatories, which do not select a source."""

_Names: TypeAlias = dict[str, dict[str, str]]


def advice(given: str, sources: Sequence[Source]) -> str:
    """
    Return a sentence with the attrs to use for a name that was given to the wrong attr, or an empty text.

    ``given`` is a name of a detector, a channel or an observatory, or several of these in any order, such as
    ``"LASCO-C2"``, ``"EUVI-A"`` or ``"SDO/AIA 304"``. It is compared with ``sources``, those that match the rest of the
    query, and then with all sources.
    """
    for some in (sources, known()):
        written = list(dict.fromkeys(_written(folded(given), some)))
        if written:
            more = f" or {len(written) - MOST} more" if len(written) > MOST else ""
            return f"Write {' or '.join(written[:MOST])}{more}. "
    return _others_of_instrument(folded(given))


def _others_of_instrument(given: str) -> str:
    """Return the detectors of the instrument with which a name begins, if the rest is not one of them."""
    begun = [source for source in known() if source.detector and given.startswith(folded(source.instruments[0]))]
    if not begun:
        return ""
    detectors = sorted({source.detector for source in begun if source.detector})
    listed = ", ".join(f'a.Detector("{one}")' for one in detectors)
    return f'Write a.Instrument("{begun[0].instruments[0]}") with one of its detectors {listed}. '


def _written(given: str, sources: Sequence[Source]) -> Iterator[str]:
    """Yield the attrs for each source to which a name refers."""
    meant = [(source, found) for source in sources if (found := _taken_apart(given, _names(source))) is not None]
    alike = len({source.instruments[0] for source, _ in meant}) == 1
    for source, found in meant:
        if _channel(source) == given:
            found = {**found, "Measurement": source.measurement}
        full = {"Instrument": source.instruments[0], **found} if alike and "Detector" in found else found
        attrs = [_attr(kind, full[kind], source) for kind in _KINDS if full.get(kind)]
        if attrs:
            yield ", ".join(attrs)
        elif found:
            # A mission of several observatories.
            yield _attr("Source", source.observatory, source)


def _channel(source: Source) -> str | None:
    """Return the folded name of a folder for a detector and its only wavelength, such as HRI_EUV."""
    folder = (source.folder or "").strip("/").partition("/")[0]
    return folded(folder) if source.detector and folder.startswith(f"{source.detector}_") else None


def _attr(kind: str, value: str, source: Source) -> str:
    if kind != "Measurement":
        return f'a.{kind}("{value}")'
    if source.wavelength is not None:
        return f"a.Wavelength({source.wavelength:g} * u.AA)"
    return f'a.helioviewer.Measurement("{value}")'


def _taken_apart(given: str, names: _Names) -> dict[str, str] | None:
    """Split a folded name into names of different kinds, each at most once; `None` if this is not possible."""
    if not given:
        return {}
    for kind, spelt in names.items():
        for name in sorted(spelt, key=len, reverse=True):
            if given.startswith(name):
                others = {other: values for other, values in names.items() if other != kind}
                rest = _taken_apart(given[len(name) :], others)
                if rest is not None:
                    return {kind: spelt[name], **rest}
    return None


@cache
def _names(source: Source) -> _Names:
    """Return the folded names of a source, by the attr to which they belong, with the spelling of each attr."""
    instrument, observatory = source.instruments[0], source.observatory
    folders = (source.folder or "").strip("/").split("/")
    made: _Names = {kind: {} for kind in _KINDS}
    for name in (instrument, *instrument.split("+")):
        made["Instrument"][folded(name)] = instrument
    if source.detector:
        # HRI_EUV and HRI_LYA are the folders of one detector; EUVI-A is one of a detector and an observatory.
        is_own = folders[0].startswith(f"{source.detector}_")
        for name in (source.detector, folders[0] if is_own else source.detector):
            made["Detector"][folded(name)] = source.detector
    for name in (*source.observatories, *_OBSERVATORIES.get(observatory, ())):
        made["Source"][folded(name)] = observatory
    if observatory in _MISSIONS:
        made["Source"][_MISSIONS[observatory]] = ""
    measurement = source.measurement
    nickname = re.sub(rf"^{re.escape(instrument)}\W", "", source.nickname)
    for name in (measurement, folders[-1], nickname if nickname != source.nickname else ""):
        if folded(name):
            made["Measurement"][folded(name)] = measurement
    return made
