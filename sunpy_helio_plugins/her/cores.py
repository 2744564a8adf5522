"""sunpy's own words, ``a.Instrument`` and the like, as comparisons of the registry's keywords."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from operator import or_
from typing import Any

import astropy.units as u
from sunpy.net import attrs as core
from sunpy.net.attr import Attr

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.attrs import name_of
from sunpy_helio_plugins.her.filters import Filter
from sunpy_helio_plugins.her.joining import And
from sunpy_helio_plugins.her.keywords import keywords
from sunpy_helio_plugins.her.physobs import instruments

__all__ = ["CORE", "from_core"]

LINE_WIDTH = 1e-4
"""Relative half-width within which two wavelengths are one: the registry's numbers went through single precision."""

OBSERVATORIES = {"SOHO": ("SOHO", "LASCO")}
"""CACTus gives the coronagraph as the observatory (its events of May 2024)."""


def from_core(attr: Attr) -> Attr:
    """
    Return the comparisons that say the same as one of sunpy's own words; any other attr as it is.

    Parameters
    ----------
    attr : sunpy.net.attr.Attr
        A single attr.

    Raises
    ------
    QueryError
        The registry cannot tell the events that are meant.
    """
    reader = CORE.get(type(attr))
    return attr if reader is None else reader(attr)


def _instrument(attr: core.Instrument) -> Attr:
    name = _capitals(attr)
    # CACTus writes LASCO's detectors as its instrument; the condensed name is the instrument's.
    return Filter("search_instrument" if name.upper() == "LASCO" else "obs_instrument", "=", name)


def _source(attr: core.Source) -> Attr:
    name = _capitals(attr)
    return _any(Filter("obs_observatory", "=", each) for each in OBSERVATORIES.get(name.upper(), (name,)))


def _detector(attr: core.Detector) -> Attr:
    # Channels come as a list, "C2,C3".
    return Filter("search_channelid", "like", f"%{_text(attr).upper()}%")


def _observable(attr: core.Physobs) -> Attr:
    # An instrument of several cameras may be named with one of them.
    return _any(Filter("obs_instrument", "like", f"%{name}%") for name in instruments(str(attr.value)))


def _wavelength(attr: core.Wavelength) -> Attr:
    unit = u.Unit(keywords()["obs_meanwavel"].fixed)
    low, high = sorted(u.Quantity(end).to_value(unit, u.spectral()) for end in (attr.min, attr.max))
    edges = ((">=", low * (1 - LINE_WIDTH)), ("<=", high * (1 + LINE_WIDTH)))
    return And([Filter("obs_meanwavel", sign, f"{edge:.9g}") for sign, edge in edges])


def _capitals(attr: Any) -> str:
    """Return a name as the registry writes it: it compares text with case, and has these names in capitals."""
    text = _text(attr)
    return text.upper() if text.islower() else text


def _text(attr: Any) -> str:
    text = str(attr.value).strip()
    if not text:
        raise QueryError(f"{name_of(attr)} is empty.")
    return text


def _any(filters: Iterable[Filter]) -> Attr:
    joined: Attr = reduce(or_, filters)
    return joined


CORE: dict[type, Callable[[Any], Attr]] = {
    core.Instrument: _instrument, core.Source: _source, core.Detector: _detector, core.Physobs: _observable,
    core.Wavelength: _wavelength,
}  # fmt: skip
"""The words that are comparisons, and what makes them such."""
