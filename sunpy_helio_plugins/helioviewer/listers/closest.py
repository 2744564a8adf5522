"""
The images before and after an instant, from the API's ``getClosestImageDatesForSources``.

One request returns the times of many sources, at any distance, without their names. The times are strictly before and
after the requested one, which therefore is half a second off: the database has a resolution of one second.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from sunpy_helio_plugins.errors import AnswerError
from sunpy_helio_plugins.helioviewer.listers.base import ROUND_TRIP
from sunpy_helio_plugins.helioviewer.query import PROVIDER
from sunpy_helio_plugins.helioviewer.service import address, ask_object
from sunpy_helio_plugins.helioviewer.source_table import Source

__all__ = ["COST", "neighbours"]

COST = 0.07 + ROUND_TRIP
"""Seconds for a request (the service's own code)."""

_ACTION = "getClosestImageDatesForSources"

_Seconds = tuple[np.datetime64, ...]


def neighbours(sources: Iterable[Source], instant: np.datetime64) -> dict[int, _Seconds]:
    """Return the seconds of the last image before and the first one after an instant, by the ids of sources."""
    asked = instant.astype("M8[s]").astype("M8[us]") + np.timedelta64(500_000, "us")
    numbers = [one.id for one in sources]
    # Without brackets: the web page does not send them, and before 2024 the API refused them.
    fields = {"date": f"{np.datetime_as_string(asked, unit='ms')}Z", "sources": ",".join(map(str, numbers))}
    answer = ask_object(_ACTION, fields)
    return {number: _seconds(answer.get(str(number))) for number in numbers}


def _seconds(dates: Any) -> _Seconds:
    given = [dates.get(name) for name in ("prev_date", "next_date")] if isinstance(dates, dict) else []
    try:
        return tuple(np.datetime64(str(text).replace(" ", "T"), "us") for text in given if text)
    except ValueError as error:
        raise AnswerError(PROVIDER, address(_ACTION), f"expected dates, but got {str(dates)[:100]}") from error
