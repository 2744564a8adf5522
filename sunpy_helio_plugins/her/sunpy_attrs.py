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

__all__ = ["CORE", "INSTRUMENTS", "from_core", "from_hek", "instruments", "is_hek"]

INSTRUMENTS = {
    "irradiance": ("GOES", "EVE", "LYRA"),
    "los_magnetic_field": ("HMI", "MDI", "GONG", "SOLIS"),
    "los_velocity": ("HMI", "MDI", "GONG"),
    "vector_magnetic_field": ("HMI", "SOLIS"),
}
"""The instruments that measure each observable, as the registry abbreviates them."""


def instruments(observable: str) -> tuple[str, ...]:
    """
    Return the instruments whose events a physical observable means.

    Parameters
    ----------
    observable : str
        What ``a.Physobs`` holds, in any case.

    Raises
    ------
    QueryError
        The registry cannot tell these events from others: nearly all come from images of intensity.
    """
    found = INSTRUMENTS.get(observable.lower())
    if found is None:
        raise QueryError(
            f"The registry does not know a.Physobs({observable!r}) of its events; it can tell {', '.join(INSTRUMENTS)} "
            "by the instrument. Leave it out, or name a.Instrument or a.Wavelength."
        )
    return found


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


def is_hek(attr: Attr) -> bool:
    """
    Tell whether an attr is one of sunpy's ``a.hek.*``.

    Parameters
    ----------
    attr : sunpy.net.attr.Attr
        A single attr.
    """
    return isinstance(attr, hek.EventType | hek.HEKAttr | hek.SpatialRegion | hek.Contains)


def from_hek(attr: Attr) -> Attr:
    """
    Return the attr of ours that says the same as one of sunpy's; any other attr as it is.

    Parameters
    ----------
    attr : sunpy.net.attr.Attr
        A single attr.

    Raises
    ------
    QueryError
        It says something that the registry does not know.
    """
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
        # Eight of sunpy's names have a prefix too many: the registry's is intensmean, not AR_IntensMean.
        bare = name.lower().partition("_")[2]
        hint = f"; it has a.her.{bare}" if bare in keywords() else ""
        raise QueryError(f"The registry has no keyword {name}{hint}.")
    field = attrs.Field(keyword)
    return field.like(value) if operator == "like" else field._compare(operator, value)


def _box(region: hek.SpatialRegion) -> attrs.Box:
    system = str(region.sys).lower()
    unit = attrs.SYSTEMS.get(system, u.arcsec)
    corners = [u.Quantity(corner, unit) for corner in (region.x1, region.y1, region.x2, region.y2)]
    return attrs.Box(*corners, system=system)


def _within(contains: hek.Contains) -> attrs.Within:
    """Return sunpy's containment: its first type is event_type1, the inner one."""
    types = [getattr(given, "item", given) for given in contains.types]
    if len(types) != 2:
        raise QueryError(f"A containment search takes two types, an inner one and its container, not {types}.")
    return attrs.Within(*types)
