"""The content of a HAPI server of the sandbox: servers, datasets, parameters, and the records of a time range."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

__all__ = ["EPOCH", "Dataset", "Parameter", "Server", "iso", "milliseconds"]

EPOCH = datetime(2026, 1, 1)
"""The instant (UTC) from which the sandbox counts milliseconds."""

_TIME = re.compile(
    r"(?P<year>\d{4})(?:-(?:(?P<doy>\d{3})|(?P<month>\d{2})(?:-(?P<day>\d{2}))?))?"
    r"(?:T(?P<hour>\d{2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<fraction>\d{0,9}))?)?)?)?Z?"
)


@dataclass(frozen=True)
class Parameter:
    r"""
    A parameter of a dataset and the formula of its values.

    Attributes
    ----------
    name, type, units, fill, description
        As in the HAPI info response.
    values : callable
        Converts an array of milliseconds since `EPOCH`, shape (n,), to values, shape (n, \*size): float, int or str.
    decimals : int
        Decimal places of a double; binary contains the same rounded number.
    size : tuple of int
        Shape of one value; empty for a scalar.
    length : int or None
        Bytes of a string or isotime.
    extra : dict
        Other members of the info response: label, bins.
    """

    name: str
    type: str
    units: Any
    fill: str | None
    description: str
    values: Callable[[np.ndarray], np.ndarray]
    decimals: int = 3
    size: tuple[int, ...] = ()
    length: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def info(self) -> dict[str, Any]:
        """Return the member of ``parameters`` that describes this parameter."""
        members: dict[str, Any] = {"name": self.name, "type": self.type}
        if self.length is not None:
            members["length"] = self.length
        if self.size:
            members["size"] = list(self.size)
        return {**members, "units": self.units, "fill": self.fill, "description": self.description, **self.extra}

    def column(self, times: np.ndarray) -> np.ndarray:
        """Return the values at the given milliseconds, with doubles rounded to the digits of CSV."""
        values = np.asarray(self.values(times))
        if self.type == "double":
            filled = np.isnan(values)
            rounded = np.round(values, self.decimals)
            return np.where(filled, float(self.fill), rounded) if self.fill is not None else rounded
        return values


@dataclass(frozen=True)
class Dataset:
    """
    A dataset: its description, and the times of its records.

    Attributes
    ----------
    cadence : int or None
        Milliseconds between records; None if ``instants`` lists them.
    phase : int
        Milliseconds since `EPOCH` of one of the records.
    gaps : tuple of (start, stop)
        Ranges, as ISO times, without records.
    ends : str or None
        The end of the records if ``stop`` lies in the future; None if they reach ``stop``.
    """

    id: str
    title: str
    start: str
    stop: str
    parameters: tuple[Parameter, ...]
    cadence: int | None = None
    phase: int = 0
    instants: tuple[int, ...] = ()
    gaps: tuple[tuple[str, str], ...] = ()
    ends: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def count(self, start: int, stop: int) -> int:
        """Return how many records a range can contain, without making them."""
        first, last = self._clip(start, stop)
        return len(self.instants) if self.cadence is None else max(0, (last - first) // self.cadence + 1)

    def times(self, start: int, stop: int) -> np.ndarray:
        """Return the milliseconds of the records with start <= time < stop, in order."""
        first, last = self._clip(start, stop)
        if self.cadence is None:
            times = np.array(self.instants, dtype=np.int64)
        else:
            begin = self.phase + -((self.phase - first) // self.cadence) * self.cadence
            times = np.arange(begin, last, self.cadence, dtype=np.int64)
        keep = (times >= first) & (times < last)
        for opening, closing in self.gaps:
            keep &= (times < milliseconds(opening)) | (times >= milliseconds(closing))
        return times[keep]

    def _clip(self, start: int, stop: int) -> tuple[int, int]:
        # stopDate is the time of the last record (specification 3.3, section 3.6.2), so this record is included.
        return max(start, milliseconds(self.start)), min(stop, milliseconds(self.ends or self.stop) + 1)


@dataclass(frozen=True)
class Server:
    """
    A HAPI server and its behaviour.

    Attributes
    ----------
    version : str
        The value of ``HAPI``; versions before 3 accept only the names id, time.min and time.max.
    formats : tuple of str
        Its ``outputFormats``.
    about : dict or None
        Members of ``/about``; None if the server does not have it.
    strict_order : bool
        Whether parameters out of order are refused (1411) or returned in the server's order.
    strict_range : bool
        Whether a range that exceeds the dataset is refused (1405) or clipped.
    label_header : bool
        Whether ``include=header`` returns names and labels instead of JSON, as ESA's server does (its guide, Examples).
    max_elements : int
        Maximum number of values in a response, including times.
    data_last : bool
        Whether ``data`` is the last member of a JSON response, as required by the specification.
    """

    id: str
    version: str
    formats: tuple[str, ...]
    datasets: tuple[Dataset, ...]
    about: dict[str, Any] | None = None
    strict_order: bool = False
    strict_range: bool = False
    label_header: bool = False
    max_elements: int = 5_000_000
    data_last: bool = True
    needs_token: bool = False

    @property
    def old_names_only(self) -> bool:
        """Whether the server has a version before HAPI 3.0."""
        return not self.version.startswith("3")

    @property
    def depths(self) -> tuple[str, ...]:
        """Its ``catalogDepthOptions``, which HAPI 3.2 added; empty for older versions."""
        number = tuple(int(part) for part in self.version.split(".")[:2])
        return ("dataset", "all") if number >= (3, 2) else ()


def milliseconds(text: str) -> int:
    """Return the milliseconds since `EPOCH` of a restricted ISO 8601 time, rounded down, or raise `ValueError`."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(text)
    part = {key: int(value) for key, value in match.groupdict().items() if value and key != "fraction"}
    day = datetime(part["year"], part.get("month", 1), part.get("day", 1)) + timedelta(days=part.get("doy", 1) - 1)
    clock = timedelta(hours=part.get("hour", 0), minutes=part.get("minute", 0), seconds=part.get("second", 0))
    fraction = int((match["fraction"] or "0").ljust(9, "0")) // 1_000_000
    return (day + clock - EPOCH) // timedelta(milliseconds=1) + fraction


def iso(times: np.ndarray, length: int) -> np.ndarray:
    """Return times as text of the given length ending in Z: 24 with milliseconds, 20 with seconds, 11 with days."""
    stamps = np.datetime64(EPOCH, "ms") + np.asarray(times, dtype="timedelta64[ms]")
    texts = np.datetime_as_string(stamps, unit="ms").astype(f"U{length - 1}")
    return np.char.add(texts, "Z")
