"""JSON in which integers keep all digits."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["exact_json"]

_EXACT = 2**53
"""The largest integer up to which every integer is exact as a float."""


def exact_json(text: str | bytes, *, strict: bool = True) -> Any:
    """Decode JSON like `json.loads`; an integer beyond 2**53 that is written as ``9007199254740993.0`` is an int."""
    return json.loads(text, parse_float=_number, strict=strict)


def _number(text: str) -> int | float:
    whole, _, decimals = text.partition(".")
    if decimals.strip("0"):
        return float(text)
    return int(whole) if len(whole) > 15 and abs(int(whole)) > _EXACT else float(text)
