"""Translate sunpy's own attrs to the registry's filters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from operator import or_
from typing import Any

import astropy.units as u
from sunpy.net import attrs as core
from sunpy.net.attr import Attr
from sunpy.net.hek import attrs as hek

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.attrs import name_of
from sunpy_helio_plugins.her import attrs
from sunpy_helio_plugins.her.filters.comparison import Filter
from sunpy_helio_plugins.her.filters.logic import And
from sunpy_helio_plugins.her.keywords import keywords

__all__ = ["CORE", "HEK", "INSTRUMENTS", "from_sunpy", "instruments"]

INSTRUMENTS = {
    "irradiance": ("GOES", "EVE", "LYRA"),
    "los_magnetic_field": ("HMI", "MDI", "GONG", "SOLIS"),
    "los_velocity": ("HMI", "MDI", "GONG"),
    "vector_magnetic_field": ("HMI", "SOLIS"),
}
"""The instruments that measure each observable, in the registry's abbreviations."""


def instruments(observable: str) -> tuple[str, ...]:
    """Return the instruments for a value of ``a.Physobs``, in any case; raise QueryError if there are none."""
    # The registry cannot distinguish the other observables: nearly all events are from images of intensity.
    found = INSTRUMENTS.get(observable.lower())
    if found is None:
        raise QueryError(
            f"a.Physobs({observable!r}) is not supported: the registry only distinguishes {', '.join(INSTRUMENTS)}, by "
            "the instrument. Omit it, or use a.Instrument or a.Wavelength."
        )
    return found


LINE_WIDTH = 1e-4
"""Relative tolerance within which wavelengths are equal: the registry converts its numbers to single precision."""

OBSERVATORIES = {"SOHO": ("SOHO", "LASCO")}
"""CACTus gives the coronagraph as the observatory (its events of May 2024)."""


def _instrument(attr: core.Instrument) -> Attr:
    name = _capitals(attr)
    # CACTus writes LASCO's detectors as its instrument; the condensed name is that of the instrument.
    return Filter("search_instrument" if name.upper() == "LASCO" else "obs_instrument", "=", name)


def _source(attr: core.Source) -> Attr:
    name = _capitals(attr)
    return _any(Filter("obs_observatory", "=", each) for each in OBSERVATORIES.get(name.upper(), (name,)))


def _detector(attr: core.Detector) -> Attr:
    # Channels are a list, "C2,C3".
    return Filter("search_channelid", "like", f"%{_text(attr).upper()}%")


def _observable(attr: core.Physobs) -> Attr:
    # The name of an instrument with several cameras may include one of them.
    return _any(Filter("obs_instrument", "like", f"%{name}%") for name in instruments(str(attr.value)))


def _wavelength(attr: core.Wavelength) -> Attr:
    unit = u.Unit(keywords()["obs_meanwavel"].fixed)
    low, high = sorted(u.Quantity(end).to_value(unit, u.spectral()) for end in (attr.min, attr.max))
    edges = ((">=", low * (1 - LINE_WIDTH)), ("<=", high * (1 + LINE_WIDTH)))
    return And([Filter("obs_meanwavel", sign, f"{edge:.9g}") for sign, edge in edges])


def _capitals(attr: Any) -> str:
    """Return a name in the registry's spelling: comparisons are case-sensitive, and these names are in capitals."""
    text = _text(attr)
    return text.upper() if text.islower() else text


def _text(attr: Any) -> str:
    text = str(attr.value).strip()
    if not text:
        raise QueryError(f"{name_of(attr)} is empty; give a name.")
    return text


def _any(filters: Iterable[Filter]) -> Attr:
    joined: Attr = reduce(or_, filters)
    return joined


CORE: dict[type, Callable[[Any], Attr]] = {
    core.Instrument: _instrument, core.Source: _source, core.Detector: _detector, core.Physobs: _observable,
    core.Wavelength: _wavelength,
}  # fmt: skip
"""The attrs that are converted to comparisons, and the functions that convert them."""


HEK = (hek.EventType, hek.HEKAttr, hek.SpatialRegion, hek.Contains)
"""The classes of sunpy's ``a.hek.*``."""


def from_sunpy(attr: Attr) -> Attr:
    """Convert one of sunpy's own attrs to comparisons, and one of its ``a.hek.*`` to ``a.her.*``; keep any other."""
    reader = CORE.get(type(attr), _from_hek)
    return reader(attr)


def _from_hek(attr: Attr) -> Attr:
    if isinstance(attr, hek.EventType):
        types = [name for name in attr.item.split(",") if name]
        return attrs.Event() if "**" in types else attrs.EventType(*types)
    if isinstance(attr, hek.HEKAttr):
        return _filter(attr.name, attr.operator, attr.value)
    if isinstance(attr, hek.SpatialRegion):
        return _box(attr)
    return _within(attr) if isinstance(attr, hek.Contains) else attr


def _filter(name: str, operator: str, value: Any) -> Filter:
    keyword = keywords().get(name.lower())
    if keyword is None or not keyword.filter:
        # Eight of sunpy's names have an additional prefix: the registry's is intensmean, not AR_IntensMean.
        bare = name.lower().partition("_")[2]
        hint = f"; it has a.her.{bare}" if bare in keywords() else ""
        raise QueryError(f"The registry does not have a keyword {name}{hint}.")
    field = attrs.Field(keyword)
    return field.like(value) if operator == "like" else field._compare(operator, value)


def _box(region: hek.SpatialRegion) -> attrs.Box:
    system = str(region.sys).lower()
    unit = attrs.SYSTEMS.get(system, u.arcsec)
    corners = [u.Quantity(corner, unit) for corner in (region.x1, region.y1, region.x2, region.y2)]
    return attrs.Box(*corners, system=system)


def _within(contains: hek.Contains) -> attrs.Within:
    """Convert sunpy's containment search, whose first type is event_type1, the inner one."""
    types = [getattr(given, "item", given) for given in contains.types]
    if len(types) != 2:
        raise QueryError(f"A containment search takes two types, the inner one and its container, not {types}.")
    return attrs.Within(*types)
