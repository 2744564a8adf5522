"""JSON and texts in which integers keep all digits, and which fit into memory."""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

import msgspec
import numpy as np

from sunpy_helio_plugins.config import conf

__all__ = [
    "DEEPEST", "TooManyValuesError", "check_depth", "check_size", "exact_json", "has_long_number", "kept_json",
    "whole_number",
]  # fmt: skip

_EXACT = 2**53
"""The largest integer up to which every integer is exact as a float."""

_COSTS = {"{": 240, "[": 90, ",": 72, ":": 100}
"""Bytes of memory for each sign of JSON: an object, a list, a value and a member."""

_RATIO = 4
"""Bytes of memory that an answer may need, for each byte of ``conf.max_answer``."""

DEEPEST = 200
"""Levels of the deepest JSON: code that goes through it must not reach Python's limit of recursion."""


_MOST_DIGITS = 18
"""Digits of the longest integer that is read from a text: more do not fit into 64 bits."""


class TooManyValuesError(ValueError):
    """JSON that is small as text, and would not fit into memory, or is nested too deeply."""


def kept_json(text: str | bytes, **arguments: Any) -> Any:
    """Decode JSON as `json.loads` with its arguments; raise `ValueError` also for JSON that is nested too deeply."""
    try:
        return json.loads(text, **arguments)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def exact_json(text: str | bytes, *, strict: bool = True, is_flat: bool = False) -> Any:
    """
    Decode JSON like `json.loads`; an integer beyond 2**53 that is written as ``9007199254740993.0`` is an int.

    `TooManyValuesError` is raised for JSON that would need too much memory, and `ValueError` for anything else that is
    not JSON, however deeply it is nested; the caller checks JSON that ``is_flat`` by `check_depth` where it is not.
    """
    check_size(text)
    decoded = _decoded(text, strict)
    opened: Any = text.count
    lists, objects = (b"[", b"{") if isinstance(text, bytes) else ("[", "{")
    if not is_flat and opened(lists) + opened(objects) > DEEPEST:
        check_depth(decoded)
    return decoded


def _decoded(text: str | bytes, strict: bool) -> Any:
    is_long = has_long_number(text)
    if not is_long:
        try:
            # In half the time. It refuses what json accepts beyond the standard, and decodes the rest to the same.
            return msgspec.json.decode(text)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            pass
    return kept_json(text, parse_float=_number if is_long else None, strict=strict)


def check_size(text: str | bytes) -> None:
    """Raise `TooManyValuesError` for JSON that would need too much memory."""
    most = _RATIO * conf.max_answer
    if max(_COSTS.values()) * len(text) <= most:
        return
    count: Any = text.count
    signs = _COSTS if isinstance(text, str) else {sign.encode(): cost for sign, cost in _COSTS.items()}
    if sum(cost * count(sign) for sign, cost in signs.items()) > most:
        problem = f"its values would need more than {most} bytes of memory"
        raise TooManyValuesError(f"{problem}; request less, or raise conf.max_answer")


def check_depth(decoded: Any) -> None:
    """Raise `TooManyValuesError` for decoded JSON that is nested too deeply."""
    level = [decoded] if type(decoded) in _NESTED else []
    for _ in range(DEEPEST):
        if not level:
            return
        members = chain.from_iterable(one.values() if type(one) is dict else one for one in level)
        level = [value for value in members if type(value) in _NESTED and value]
    raise TooManyValuesError(f"it is nested more than {DEEPEST} levels deep")


_NESTED = frozenset({dict, list})


def has_long_number(text: str | bytes) -> bool:
    """Return whether a text may contain an integer of 15 or more digits with decimals that are zero."""
    if isinstance(text, bytes) and b"\0" in text:
        return True  # UTF-16 or UTF-32
    content = np.frombuffer(text if isinstance(text, bytes) else text.encode(errors="surrogatepass"), dtype=np.uint8)
    points = np.flatnonzero(content[15:-1] == ord(".")) + 15
    # First the place where fewest have a digit.
    for place in (15, *range(1, 15)):
        points = points[content[points - place] - ord("0") < 10]  # of unsigned integers, which wrap around
    points = points[content[points + 1] == ord("0")]
    return bool(len(points))


def _number(text: str) -> int | float:
    whole, _, decimals = text.partition(".")
    if decimals.strip("0") or not whole.lstrip("-").isdigit():
        return float(text)
    return int(whole) if len(whole) > 15 and abs(int(whole)) > _EXACT else float(text)


def whole_number(value: Any) -> int | None:
    """Return the integer, not negative, that a server wrote as a text or a number; `None` if it is anything else."""
    text = str(value)
    is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return int(text) if is_number else None
