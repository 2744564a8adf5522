"""Records of every type, every minute from before a leap second on, and how they are loaded and compared."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import QTable
from astropy.time import Time

from sunpy_helio_plugins import hapi

sys.path.insert(0, str(Path(__file__).parents[1]))
from strict import Dataset, Server, nanoseconds, stamp

MINUTE = 60 * 10**9
FIRST = nanoseconds("2015-06-30T22:00:00Z")
COUNT = 240
NAMES = ("x", "v", "n", "s", "t")


def dataset(count: int = COUNT, **extra: Any) -> Dataset:
    """Return records of every type, every minute from before a leap second on."""
    times = [FIRST + index * MINUTE for index in range(count)]
    parameters = [
        {"name": "Time", "type": "isotime", "length": 24, "units": "UTC", "fill": None},
        {"name": "x", "type": "double", "units": "nT", "fill": "-1e31", "description": "a number"},
        {"name": "v", "type": "double", "size": [3], "units": "nT", "fill": "-1e31"},
        {"name": "n", "type": "integer", "units": None, "fill": "-1"},
        {"name": "s", "type": "string", "length": 6, "units": None, "fill": ""},
        {"name": "t", "type": "isotime", "length": 24, "units": "UTC", "fill": ""},
    ]
    values = {
        "x": [-1e31 if index % 7 == 0 else index / 3 for index in range(count)],
        "v": [[index + 0.1, -1e31 if index % 5 == 0 else -float(index), 1e-300] for index in range(count)],
        "n": [-1 if index % 11 == 0 else index for index in range(count)],
        "s": ["" if index % 13 == 0 else f'a"{index},' for index in range(count)],
        "t": [stamp(one + 1000, 24) for one in times],
    }
    told = {"cadence": "PT1M", "modificationDate": "2020-01-01T00:00:00Z", "description": "Records", **extra}
    return Dataset(parameters, times, values, told)


def at(minute: float) -> str:
    return stamp(FIRST + round(minute * MINUTE), 24)


def load(server: Server, first: float, before: float, *names: str, **options: Any) -> QTable:
    return hapi.load(server.url, "D", at(first), at(before), list(names) or None, **options)


def asked(server: Server) -> list[tuple[float, float, str]]:
    """Return the range in minutes and the parameters of each request since the last call."""
    found = [
        (
            (nanoseconds(one["start"]) - FIRST) / MINUTE,
            (nanoseconds(one["stop"]) - FIRST) / MINUTE,
            one.get("parameters", ""),
        )
        for one in server.data_requests
    ]
    server.asked.clear()
    return sorted(found)


def assert_equal(one: QTable, other: QTable) -> None:
    assert one.colnames == other.colnames
    assert len(one) == len(other)
    for name in one.colnames:
        left, right = one[name], other[name]
        assert type(left) is type(right)
        assert left.info.description == right.info.description
        assert left.info.meta == right.info.meta
        mask = np.asarray(getattr(left, "mask", False))
        assert np.array_equal(mask, np.asarray(getattr(right, "mask", False)))
        if isinstance(left, Time):
            for part in ("jd1", "jd2"):
                pair = [
                    np.ma.getdata(np.asarray(getattr(side, part)))[~np.broadcast_to(mask, side.shape)]
                    for side in (left, right)
                ]
                assert pair[0].tobytes() == pair[1].tobytes()
            continue
        # The length of texts in CSV and JSON is that of the longest one in the responses.
        assert left.dtype.kind == right.dtype.kind
        assert left.dtype == right.dtype or left.dtype.kind == "U"
        assert left.shape == right.shape
        assert getattr(left, "unit", None) == getattr(right, "unit", None)
        plain = [np.asarray(getattr(side, "unmasked", np.ma.getdata(side))) for side in (left, right)]
        mask = np.broadcast_to(mask, plain[0].shape)
        assert plain[0][~mask].tolist() == plain[1][~mask].tolist()
    varying = ("retrieved",)
    assert {k: v for k, v in one.meta.items() if k not in varying} == {
        k: v for k, v in other.meta.items() if k not in varying
    }
