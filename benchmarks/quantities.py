"""
Measure the conversion of time stamps, compared with other clients: ``python benchmarks/quantities.py [--json]``.

Both sides run alternately in one process; the complete result of each side is reduced to a checksum within the measured
time, so that lazy evaluation gives no advantage. Ratios are medians of CPU time, theirs divided by ours: larger is
better.

``times``
    A million stamps of 24 bytes to astropy times, compared with hapiclient's ``hapitime2datetime`` alone, which returns
    `datetime.datetime` objects.
``times_doy``
    The same for stamps of year and day of the year (a hundred thousand, since the other side needs seconds for them).
``tt2000``
    A day of TT2000 epochs at 2 Hz to astropy times in UTC, compared with the conversion to astropy of cdflib.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
from astropy.time import Time

from sunpy_helio_plugins.quantities import times

Side = Callable[[], float]


def reduced(made: Time) -> float:
    """Reduce times to a number that depends on all of them."""
    return float(made.jd1.sum() + made.jd2.sum())


def reduced_datetimes(made: np.ndarray) -> float:
    """Reduce objects to a number that depends on all of them."""
    return float(sum(one.microsecond for one in made) + made[-1].year)


def stamps(count: int) -> np.ndarray:
    """Return stamps at steps of one second, with milliseconds."""
    instants = np.datetime64("2015-06-30T00:00:00.123", "ms") + np.arange(count) * np.timedelta64(1000, "ms")
    return np.char.add(instants.astype("S23"), b"Z")


def ordinal_stamps(count: int) -> np.ndarray:
    """Return stamps of year and day of the year."""
    minutes = np.arange(count)
    text = [f"2015-{1 + m // 1440 % 365:03d}T{m // 60 % 24:02d}:{m % 60:02d}:00.000Z" for m in minutes.tolist()]
    return np.array(text, dtype="S22")


def sides() -> dict[str, tuple[Side, Side]]:
    """Return the functions to measure: theirs and ours for each name."""
    from cdflib.epochs_astropy import CDFAstropy
    from hapiclient import hapitime2datetime

    calendar, ordinal = stamps(1_000_000), ordinal_stamps(100_000)
    epochs = 820_000_000 * 10**9 + np.arange(172_800, dtype=np.int64) * 500_000_000
    return {
        "times": (
            lambda: reduced_datetimes(hapitime2datetime(calendar)),
            lambda: reduced(times.from_iso(calendar)),
        ),
        "times_doy": (
            lambda: reduced_datetimes(hapitime2datetime(ordinal)),
            lambda: reduced(times.from_iso(ordinal)),
        ),
        "tt2000": (
            lambda: reduced(CDFAstropy.convert_to_astropy(epochs).utc),
            lambda: reduced(times.from_tt2000(epochs)),
        ),
    }


def measure(pair: tuple[Side, Side], repeats: int) -> dict[str, float]:
    """Measure both sides alternately."""
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for side, seconds in zip(pair, spent, strict=True):
            start = time.process_time()
            side()
            seconds.append(time.process_time() - start)
    theirs, ours = (statistics.median(seconds) for seconds in spent)
    return {"ratio": round(theirs / ours, 2), "theirs_ms": round(1e3 * theirs, 1), "ours_ms": round(1e3 * ours, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one object for a program")
    parser.add_argument("--repeats", type=int, default=5)
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.INFO)  # hapiclient logs its run time
    results = {name: measure(pair, chosen.repeats) for name, pair in sides().items()}
    if chosen.json:
        print(json.dumps(results))
        return
    for name, numbers in results.items():
        print("{:<10} {ratio:>8} times  ({theirs_ms} ms theirs, {ours_ms} ms ours)".format(name, **numbers))


if __name__ == "__main__":
    main()
