"""sunpy's own ``a.hek.*`` attrs as ours, so that both can stand in one query."""

from __future__ import annotations

from typing import Any

import astropy.units as u
from sunpy.net.attr import Attr
from sunpy.net.hek import attrs as hek

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her import attrs
from sunpy_helio_plugins.her.filters import Filter
from sunpy_helio_plugins.her.keywords import keywords

__all__ = ["from_hek", "is_hek"]


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
