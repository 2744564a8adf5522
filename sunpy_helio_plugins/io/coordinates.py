"""Conversion of columns of coordinates to plain columns: the values of each component, and the frame."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from astropy.coordinates import BaseCoordinateFrame, SkyCoord, frame_transform_graph
from astropy.coordinates.representation import REPRESENTATION_CLASSES

from sunpy_helio_plugins.io import values
from sunpy_helio_plugins.io.columns import QuantityCodec
from sunpy_helio_plugins.io.sheet import Parts, Sheet, register

__all__ = ["SkyCoordCodec"]

_QUANTITY = QuantityCodec()


class SkyCoordCodec:
    """Columns of `~astropy.coordinates.SkyCoord` in registered frames."""

    kind = "coordinates"

    def takes(self, column: Any) -> bool:
        """Return whether a column contains plain coordinates."""
        return type(column) is SkyCoord

    def pack(self, name: str, column: Any, sheet: Sheet) -> dict[str, Any]:
        """Add each component as a column of numbers."""
        told = _frame_node(column.frame)
        data = _data(column.frame)
        told["components"] = {
            part: _packed(name, part, getattr(data, part), sheet) for part in data.components
        }  # fmt: skip
        more = {name: getattr(column, f"_{name}", None) for name in column._extra_frameattr_names}
        told["more"] = {name: _attribute(value) for name, value in sorted(more.items()) if value is not None}
        return told

    def unpack(self, spec: Mapping[str, Any], parts: Parts) -> Any:
        """Return the column."""
        components = {
            name: _QUANTITY.unpack(one, Parts(parts.table, {"": one["parts"][name]} | one["parts"]))
            for name, one in spec["components"].items()
        }
        frame = _frame(spec, components)
        more = {name: _attribute_of(node) for name, node in spec["more"].items()}
        return SkyCoord(frame, copy=False, **more)


def _packed(name: str, part: str, component: Any, sheet: Sheet) -> dict[str, Any]:
    """Add a component, whose name is the last part of the name of its column."""
    told = _QUANTITY.pack(f"{name}.{part}", component, sheet)
    told["parts"][part] = told["parts"].pop("")
    return told


def _data(frame: BaseCoordinateFrame) -> Any:
    if frame.data.differentials:
        raise TypeError("coordinates with velocities")
    return frame.data


def _frame_node(frame: BaseCoordinateFrame) -> dict[str, Any]:
    """Return a frame without its data, as JSON."""
    if not _is_known_everywhere(type(frame)):
        raise TypeError(f"coordinates in {type(frame).__name__}, a frame that other processes do not know")
    given = [name for name in frame.frame_attributes if not frame.is_frame_attr_default(name)]
    return {
        "frame": frame.name,
        "representation": _name_of(type(frame.data)) if frame.has_data else None,
        "shown": _name_of(frame.representation_type),
        "attributes": {name: _attribute(getattr(frame, name)) for name in given},
    }


def _is_known_everywhere(kind: type[BaseCoordinateFrame]) -> bool:
    """Return whether a class of frames has a registered name, and was not created for one origin."""
    in_module = getattr(sys.modules.get(kind.__module__), kind.__name__, None)
    return kind.name is not None and _frame_class(kind.name) is kind and in_module is kind


def _name_of(representation: Any) -> str:
    return next(name for name, known in REPRESENTATION_CLASSES.items() if known is representation)


def _attribute(value: Any) -> Any:
    """Return the value of a frame attribute as JSON; an observer is a position in another frame."""
    if isinstance(value, SkyCoord):
        value = value.frame
    if not isinstance(value, BaseCoordinateFrame):
        return {"value": values.encoded(value)}
    node = _frame_node(value)
    if value.has_data:
        data = _data(value)
        node["numbers"] = {part: values.encoded(getattr(data, part)) for part in data.components}
    return node


def _attribute_of(node: Mapping[str, Any]) -> Any:
    if "value" in node:
        return values.decoded(node["value"])
    numbers = {part: values.decoded(value) for part, value in node.get("numbers", {}).items()}
    return _frame(node, numbers)


def _frame(node: Mapping[str, Any], components: Mapping[str, Any]) -> BaseCoordinateFrame:
    kind = _frame_class(node["frame"])
    if kind is None:
        raise ValueError(f"the frame {node['frame']!r:.40} is not known")
    attributes = {name: _attribute_of(value) for name, value in node["attributes"].items()}
    shown = REPRESENTATION_CLASSES[node["shown"]]
    if not components:
        return kind(**attributes, representation_type=shown)
    data = REPRESENTATION_CLASSES[node["representation"]](**components, copy=False)
    return kind(data, **attributes, representation_type=shown)


def _frame_class(name: str) -> Any:
    """Return the class of a frame by name, after the import of sunpy's coordinates, which registers its frames."""
    import sunpy.coordinates  # noqa: F401

    return frame_transform_graph.lookup_name(name)


register(SkyCoordCodec())
