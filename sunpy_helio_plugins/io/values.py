"""
Conversion of metadata and the values of attrs to JSON, and back.

Values that JSON does not support are objects with the key ``"#"``, which names their kind. Reading only creates values
of the kinds that are listed here: nothing is imported, called by name or unpickled.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import Angle, Distance, Latitude, Longitude
from astropy.time import Time, TimeDelta
from astropy.utils.masked import Masked
from numpy.typing import NDArray

from sunpy_helio_plugins.quantities.days import WholeDays

__all__ = ["QUANTITIES", "decoded", "encoded", "quantity_kind", "register", "safe_dtype", "unit_of", "unit_text"]

KIND = "#"
"""The key that contains the kind of a value."""

QUANTITIES: dict[str, type[u.Quantity]] = {
    "Quantity": u.Quantity, "Angle": Angle, "Latitude": Latitude, "Longitude": Longitude, "Distance": Distance,
}  # fmt: skip
"""Classes of quantities that can be written, by name."""

_DTYPE = re.compile(r"[<>|=]?(?:[biufcSU]\d+|\?|[Mm]8(?:\[\d*\w+\])?)")


def safe_dtype(text: Any) -> np.dtype[Any]:
    """Return the dtype of a name, or raise a `ValueError` for Python objects."""
    if not isinstance(text, str) or not _DTYPE.fullmatch(text):
        raise ValueError(f"{text!r} is not a type of numbers or text")
    return np.dtype(text)


def unit_text(unit: Any) -> str:
    """Return the name of a unit, from which `unit_of` returns the same unit."""
    text = str(unit.to_string())
    if unit_of(text) != unit:
        raise TypeError(f"the unit {text!r}, which astropy cannot read back")
    return text


def unit_of(text: str) -> Any:
    """Return the unit of a name."""
    return _parsed(text, u.get_current_unit_registry())


@lru_cache(maxsize=256)
def _parsed(text: str, registry: object) -> Any:
    """Return the unit of a name among those that are enabled now."""
    return u.Unit(text, parse_strict="silent")


def quantity_kind(value: Any) -> str | None:
    """Return the name of the class of a quantity, masked or not; `None` if it cannot be written."""
    kind = type(getattr(value, "unmasked", value))
    return next((name for name, known in QUANTITIES.items() if known is kind), None)


def encoded(value: Any) -> Any:
    """Return a value in a form that JSON supports, or raise a `TypeError` that describes a part that it does not."""
    if value is None or isinstance(value, bool | int | float):
        return value if type(value) in (bool, int, float, type(None)) else _scalar(value)
    if isinstance(value, str):
        return str(value)
    for kinds, name, change in _ENCODERS:
        if isinstance(value, kinds):
            made = change(value)
            return made if name is None else {KIND: name, **made}
    raise TypeError(f"{value!r:.80} of the type {type(value).__name__}")


def _scalar(value: Any) -> Any:
    return float(value) if isinstance(value, float) else int(value)


def _mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    if all(type(key) is str for key in value) and KIND not in value:
        return {key: encoded(one) for key, one in value.items()}
    return {KIND: "mapping", "items": [[encoded(key), encoded(one)] for key, one in value.items()]}


def _array(value: NDArray[Any]) -> dict[str, Any]:
    data = np.ma.getdata(value)
    kind = data.dtype.kind
    made: dict[str, Any] = {"dtype": "O" if kind == "O" else data.dtype.str, "shape": list(data.shape)}
    if kind == "O":
        made["data"] = [encoded(one) for one in data.ravel()]
    elif kind in "biuU" or (kind == "f" and data.dtype.itemsize <= 8):
        made["data"] = data.ravel().tolist()
    elif kind in "McmS":
        made["base64"] = base64.b64encode(np.ascontiguousarray(data).tobytes()).decode()
    else:
        raise TypeError(f"an array of the type {data.dtype}")
    if isinstance(value, np.ma.MaskedArray):
        made["mask"] = np.ma.getmaskarray(value).ravel().tolist()
    return made


def _of_array(node: Mapping[str, Any]) -> Any:
    shape = tuple(int(size) for size in node["shape"])
    if node["dtype"] == "O":
        data = np.empty(len(node["data"]), dtype=object)
        for index, one in enumerate(node["data"]):
            data[index] = decoded(one)
    elif "base64" in node:
        data = np.frombuffer(base64.b64decode(node["base64"]), dtype=safe_dtype(node["dtype"])).copy()
    else:
        data = np.array(node["data"], dtype=safe_dtype(node["dtype"]))
    made = data.reshape(shape)
    return np.ma.MaskedArray(made, mask=np.reshape(node["mask"], shape)) if "mask" in node else made


def _quantity(value: u.Quantity) -> dict[str, Any]:
    kind = quantity_kind(value)
    if kind is None:
        raise TypeError(f"{value!r:.80} of the type {type(value).__name__}")
    made = {"class": kind, "unit": unit_text(value.unit), "value": _array(np.asarray(_bare(value).value))}
    return made | ({"mask": _array(np.asarray(value.mask))} if hasattr(value, "mask") else {})


def _bare(value: Any) -> Any:
    return getattr(value, "unmasked", value)


def _of_quantity(node: Mapping[str, Any]) -> Any:
    values = _of_array(node["value"])
    made = QUANTITIES[node["class"]](values, unit_of(node["unit"]), dtype=values.dtype, copy=False)
    return Masked(made, mask=_of_array(node["mask"])) if "mask" in node else made


def _time(value: Any) -> dict[str, Any]:
    if getattr(value, "location", None) is not None:
        raise TypeError("a time with a location")
    mask = np.array(value.mask)
    parts = (np.where(mask, 0.0, np.asarray(_bare(part))) for part in (value.jd1, value.jd2))
    made = dict(zip(("jd1", "jd2"), map(_array, parts), strict=True))
    made |= {"scale": value.scale, "format": value.format, "precision": value.precision}
    return made | ({"mask": _array(mask)} if mask.any() else {})


def _of_time(node: Mapping[str, Any]) -> Any:
    kind: Any = TimeDelta if node[KIND] == "duration" else Time
    form = "jd" if kind is TimeDelta else WholeDays.name
    made = kind(_of_array(node["jd1"]), _of_array(node["jd2"]), format=form, scale=node["scale"])
    made.format = node["format"]
    if kind is Time:
        made.precision = node["precision"]
    if "mask" in node:
        made[_of_array(node["mask"])] = np.ma.masked
    return made


_ENCODERS: list[tuple[Any, str | None, Callable[[Any], Any]]] = [
    (Mapping, None, _mapping),
    (tuple, "tuple", lambda value: {"items": [encoded(one) for one in value]}),
    (u.Quantity, "quantity", _quantity),
    (TimeDelta, "duration", _time),
    (Time, "time", _time),
    (u.UnitBase, "unit", lambda value: {"name": unit_text(value)}),
    (np.ndarray, "array", _array),
    (np.generic, "scalar", lambda value: _array(np.asarray(value))),
    (bytes, "bytes", lambda value: {"base64": base64.b64encode(value).decode()}),
    (datetime, "datetime", lambda value: {"iso": value.isoformat()}),
    (date, "date", lambda value: {"iso": value.isoformat()}),
    (timedelta, "timedelta", lambda value: {"parts": [value.days, value.seconds, value.microseconds]}),
    (AbstractSet, "set", lambda value: {"items": sorted((encoded(one) for one in value), key=str)}),
    (Sequence, None, lambda value: [encoded(one) for one in value]),
]

_DECODERS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "mapping": lambda node: {decoded(key): decoded(one) for key, one in node["items"]},
    "tuple": lambda node: tuple(decoded(one) for one in node["items"]),
    "quantity": _of_quantity,
    "duration": _of_time,
    "time": _of_time,
    "unit": lambda node: unit_of(node["name"]),
    "array": _of_array,
    "scalar": lambda node: _of_array(node)[()],
    "bytes": lambda node: base64.b64decode(node["base64"]),
    "datetime": lambda node: datetime.fromisoformat(node["iso"]),
    "date": lambda node: date.fromisoformat(node["iso"]),
    "timedelta": lambda node: timedelta(*node["parts"]),
    "set": lambda node: {decoded(one) for one in node["items"]},
}


def register(name: str, kind: type, make: Callable[[Any], Any]) -> None:
    """Register a class of lists or mappings, so that it is restored."""
    is_mapping = issubclass(kind, Mapping)
    encode = (lambda value: {"items": _mapping(dict(value))}) if is_mapping else (
        lambda value: {"items": [encoded(one) for one in value]}
    )  # fmt: skip
    _ENCODERS.insert(0, (kind, name, encode))
    _DECODERS[name] = lambda node: make(decoded(node["items"]))


def decoded(node: Any) -> Any:
    """Return the value that `encoded` converted; raise a `ValueError`, `KeyError` or `TypeError` if it is not valid."""
    if isinstance(node, list):
        return [decoded(one) for one in node]
    if not isinstance(node, dict):
        return node
    kind = node.get(KIND)
    if kind is None:
        return {key: decoded(one) for key, one in node.items()}
    if kind not in _DECODERS:
        raise ValueError(f"values of the kind {kind!r:.40} are not known")
    return _DECODERS[kind](node)
