"""
The checks of request parameters of Helioviewer's API, as in its validator.

An empty parameter counts as given; dates must have a Z; lists of numbers may have brackets. An invalid parameter raises
`InvalidError`, and a later failure `ActionError` with Helioviewer's error number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

__all__ = [
    "ActionError", "InvalidError", "Layer", "Query", "boolean", "date", "events", "integer", "integers", "layers",
    "number", "region", "required", "word",
]  # fmt: skip

DATE = re.compile(r"\d{4}[/-]\d\d[/-]\d\dT\d\d:\d\d:\d\d\.?\d{0,6}?Z", re.IGNORECASE)
LARGEST = 4096
"""Maximum number of pixels of a side of a drawing; for larger drawings the scale is made coarser."""

Query = Mapping[str, str]


class InvalidError(Exception):
    """A missing or wrong parameter."""


class ActionError(Exception):
    """An error inside an action, with Helioviewer's error number."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number


@dataclass(frozen=True)
class Layer:
    """A source to draw, and its opacity: 0 to 100."""

    source_id: int
    opacity: int


def required(query: Query, name: str) -> str:
    """Return a required parameter, which may be empty."""
    if name not in query:
        raise InvalidError(f'No value set for required parameter "{name}".')
    return query[name]


def date(query: Query, name: str) -> datetime:
    """Return a date in UTC; its Z is required."""
    text = required(query, name)
    words = "Invalid date string. Please enter a date of the form 2003-10-06T00:00:00.000Z"
    if not DATE.fullmatch(text):
        raise InvalidError(words)
    try:
        return datetime.fromisoformat(text.replace("/", "-").rstrip("zZ").rstrip("."))
    except ValueError as error:
        raise InvalidError(words) from error


def integer(query: Query, name: str, default: int | None = None) -> int:
    """Return an integer."""
    text = required(query, name) if default is None else query.get(name, str(default))
    if not re.fullmatch(r"\s*[+-]?\d+\s*", text):
        raise InvalidError(f'Invalid value for {name}: "{text}" is not an integer.')
    return int(text)


def integers(query: Query, name: str) -> list[int]:
    """Return comma-separated integers, with or without brackets."""
    texts = re.sub(r"^\[(.*)\]$", r"\1", required(query, name)).split(",")
    return [integer({name: text}, name) for text in texts]


def number(query: Query, name: str, default: float | None = None) -> float:
    """Return a decimal number."""
    text = required(query, name) if default is None else query.get(name, str(default))
    try:
        return float(text)
    except ValueError as error:
        raise InvalidError(f'Invalid value for {name}: "{text}" is not a number.') from error


def boolean(query: Query, name: str) -> bool:
    """Return a boolean, by default false."""
    text = query.get(name, "false").lower()
    if text not in ("true", "false", "1", "0"):
        raise InvalidError(f'Invalid value for {name}: "{text}" is not a boolean.')
    return text in ("true", "1")


def word(query: Query, name: str) -> str:
    """Return letters, digits and underscores."""
    text = required(query, name)
    if not re.fullmatch(r"\w*", text, re.ASCII):
        raise InvalidError(f'Invalid value for {name}: "{text}" has more than letters, numbers, and underscores.')
    return text


def events(query: Query, name: str) -> str:
    """Return the event types to draw: ``[AR,all,1],[CH,SPoCA,1]``, or nothing."""
    text = query.get(name, "")
    if text and not re.fullmatch(r"\[[A-Z0-9]{2,3},[^,\]]+,[01]\](,\[[A-Z0-9]{2,3},[^,\]]+,[01]\])*", text):
        raise InvalidError(f"Invalid value for {name}: events are asked for as [AR,SPoCA,1],[CH,all,1].")
    return text


def layers(query: Query, name: str) -> list[Layer]:
    """Return the layers of ``[13,1,100],[10,1,50]``, the lowest first; hidden layers are omitted."""
    text = required(query, name)
    inner = re.fullmatch(r"\[([\w,\-:.\]\[]*)\]", text)
    found = []
    for one in inner[1].split("],[") if inner else [""]:
        parts = one.split(",")
        if len(parts) < 3 or not all(part.isdigit() for part in parts[:3]):
            raise InvalidError(f'Invalid value for {name}: "{text}" is no list of layers such as [13,1,100].')
        if int(parts[1]) and int(parts[2]):
            found.append(Layer(int(parts[0]), int(parts[2])))
    if not found:
        raise InvalidError(f"Invalid value for {name}: no layer is visible.")
    return found


def region(query: Query) -> tuple[float, float, float, float, float]:
    """Return left, top, right, bottom and scale of the region to draw, in arcseconds from the Sun's centre."""
    scale = number(query, "imageScale")
    if all(name in query for name in ("x1", "y1", "x2", "y2")):
        left, top, right, bottom = (number(query, name) for name in ("x1", "y1", "x2", "y2"))
    elif all(name in query for name in ("x0", "y0", "width", "height")):
        half = [0.5 * scale * integer(query, name) for name in ("width", "height")]
        left, right = (number(query, "x0") + sign * half[0] for sign in (-1, 1))
        top, bottom = (number(query, "y0") + sign * half[1] for sign in (-1, 1))
    else:
        raise ActionError("The region is not given: x1, y1, x2 and y2, or x0, y0, width and height are needed.", 23)
    if right <= left or bottom <= top or scale <= 0:
        raise ActionError("Requested region has a width or height equal to zero", 21)
    return left, top, right, bottom, max(scale, (right - left) / LARGEST, (bottom - top) / LARGEST)
