"""JSON in which integers keep all their digits."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["exact_json"]

_EXACT = 2**53
"""Up to which every integer is a float as well."""


def exact_json(text: str | bytes, *, strict: bool = True) -> Any:
    """
    Decode JSON; an integer beyond 2**53 that is spelled as ``9007199254740993.0`` is an int.

    Parameters
    ----------
    text : str or bytes
        The JSON.
    strict : bool, optional
        Whether control characters within texts are errors, as for `json.loads`.

    Returns
    -------
    object
        What `json.loads` returns. A number with an exponent, or with other decimals than zeros, is a float.
    """
    return json.loads(text, parse_float=_number, strict=strict)


def _number(text: str) -> int | float:
    whole, _, decimals = text.partition(".")
    if decimals.strip("0"):
        return float(text)
    return int(whole) if len(whole) > 15 and abs(int(whole)) > _EXACT else float(text)
