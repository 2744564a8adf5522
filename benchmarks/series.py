"""
Measure `sunpy_helio_plugins.series`: ``python benchmarks/series.py [--json] [--samples N] [--repeats N]``.

A table of 1e7 samples (a vector with gaps, and a speed) is averaged over minutes. Ratios above 1 are better for this
package.

``expert_align``
    The elapsed time of the same work in a dozen lines of pandas, divided by ours. Both start from the table and return
    a table with units, masks and the number of samples; they run alternately in one process, and the results are
    compared.
``expert_align_frame``
    The same, starting from a `pandas.DataFrame` on both sides, without the conversion of times.
``memory_align``
    The size of the table divided by the largest memory of a process that makes and aligns it, with the interpreter and
    all libraries (``ru_maxrss``); for ``memory_align_traced``, divided by the largest memory of its arrays.
``quicklook_1e6``
    The elapsed time of matplotlib for a figure of the same lines of a tenth of the samples, saved as PNG, divided by
    that of ``quicklook``.
``votable_write_1e6``, ``votable_read_1e6``
    The elapsed time of astropy for a VOTable file (BINARY2) of a tenth of the samples, which it writes and reads value
    by value, divided by ours; it is measured for a hundredth of the samples.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
from astropy import units as u
from astropy.table import QTable, Table
from astropy.time import Time

from sunpy_helio_plugins import series
from sunpy_helio_plugins.quantities import from_datetime64, masked, times, to_datetime64
from sunpy_helio_plugins.quantities.days import WholeDays

mpl.use("Agg")

_START = 800_000_000_000_000_000
_STEP = 62_500_000
"""The first sample and the step, in nanoseconds of TT2000: 16 samples in a second."""


def table_of(count: int) -> QTable:
    """Return a table of a vector with gaps and a speed."""
    # Piece by piece, so that the table itself is the largest part of the memory.
    days, parts, gone = np.empty(count), np.empty(count), np.zeros((count, 3), dtype=bool)
    for start in range(0, count, 5000):
        rows = np.arange(start, min(count, start + 5000))
        time = times.from_tt2000(_START + rows * _STEP)
        days[rows], parts[rows], gone[rows] = time.jd1, time.jd2, start // 5000 % 20 == 0
    random = np.random.default_rng(1)
    field, speed = random.standard_normal((count, 3)), random.standard_normal(count)
    field[gone] = np.nan
    columns = [
        times.as_column(Time(days, parts, format=WholeDays.name, scale="utc", copy=False)),
        masked(u.Quantity(field, u.nT, copy=False), gone),
        masked(u.Quantity(speed, u.km / u.s, copy=False), None),
    ]
    return QTable(columns, names=["Time", "B", "V"], copy=False)


def size_of(table: QTable) -> int:
    """Return the bytes of the values, masks and times of a table."""
    parts = [table["Time"].jd1, table["Time"].jd2]
    for name in ("B", "V"):
        parts += [table[name].unmasked.value, table[name].mask]
    return sum(np.asarray(part).nbytes for part in parts)


def expert(table: QTable) -> QTable:
    """Average a table with pandas."""
    import pandas as pd

    frame = pd.DataFrame(index=pd.DatetimeIndex(to_datetime64(table["Time"])))
    for number, name in enumerate(("Bx", "By", "Bz")):
        values = table["B"][:, number]
        frame[name] = np.where(values.mask, np.nan, values.unmasked.value)
    frame["V"] = np.where(table["V"].mask, np.nan, table["V"].unmasked.value)
    bins = frame.resample("1min")
    means, n = bins.mean(), bins.size().to_numpy()
    vector, speed = means[["Bx", "By", "Bz"]].to_numpy(copy=True), means["V"].to_numpy(copy=True)
    made = QTable({"time": times.as_column(from_datetime64(means.index.to_numpy()))})
    made["B"] = masked(vector * u.nT, np.isnan(vector))
    made["V"] = masked(speed * u.km / u.s, np.isnan(speed))
    made["n"] = n
    return made


def framed(table: QTable) -> Any:
    """Return a table as a frame."""
    import pandas as pd

    columns = {f"B{axis}": table["B"][:, number].filled(np.nan).value for number, axis in enumerate("xyz")}
    index = pd.DatetimeIndex(to_datetime64(table["Time"]))
    return pd.DataFrame(columns | {"V": table["V"].filled(np.nan).value}, index=index)


def expert_of_frame(frame: Any) -> Any:
    """Average a frame with pandas."""
    bins = frame.resample("1min")
    return bins.mean().assign(n=bins.size())


def compare(ours: QTable, theirs: QTable) -> None:
    """Check that both results are the same."""
    assert (ours["time"] == theirs["time"]).all()
    assert (np.asarray(ours["n"]) == np.asarray(theirs["n"])).all()
    for name in ("B", "V"):
        assert (ours[name].mask == theirs[name].mask).all()
        assert np.allclose(ours[name].filled(0).value, theirs[name].filled(0).value, rtol=1e-9, atol=1e-12)


def ratio(theirs: Callable[[], Any], ours: Callable[[], Any], repeats: int, scale: float = 1.0) -> dict[str, float]:
    """Run both sides alternately, and compare the medians; theirs is multiplied by the scale."""
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for side, seconds in zip((theirs, ours), spent, strict=True):
            start = time.perf_counter()
            side()
            seconds.append(time.perf_counter() - start)
    them, us = (statistics.median(seconds) for seconds in spent)
    them *= scale
    return {"ratio": round(them / us, 2), "theirs_ms": round(1e3 * them, 1), "ours_ms": round(1e3 * us, 1)}


def bare_figure(table: QTable) -> None:
    """Plot a table with matplotlib, and save the figure."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(2, 1, sharex=True, figsize=(9, 4.4))
    instants = to_datetime64(table["Time"])
    for axes, name in zip(panels, ("B", "V"), strict=True):
        axes.plot(instants, table[name].filled(np.nan).value, linewidth=0.9)
    save(figure)


def save(figure: Any) -> None:
    import matplotlib.pyplot as plt

    figure.savefig(io.BytesIO(), format="png")
    plt.close(figure)


def votables(table: QTable, repeats: int) -> dict[str, dict[str, float]]:
    """Compare the writing and reading of VOTable files with astropy's."""
    some = table[: max(len(table) // 10, 1)]
    plain = Table({"Time": some["Time"].isot, "B": some["B"].filled(np.nan), "V": some["V"].filled(np.nan)})
    scale = len(table) / len(some)
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = (os.path.join(folder, name) for name in ("ours.vot", "theirs.vot"))
        kept = {"format": "votable", "tabledata_format": "binary2", "overwrite": True}
        return {
            "votable_write_1e6": ratio(
                lambda: plain.write(theirs, **kept),
                lambda: series.to_votable(table, ours, overwrite=True),
                repeats,
                scale,
            ),
            "votable_read_1e6": ratio(
                lambda: Table.read(theirs, format="votable"), lambda: series.from_votable(ours), repeats, scale
            ),
        }


def peak(count: int, kind: str) -> dict[str, float]:
    """Return the ratio of the size of a table to the largest memory, in a process of its own."""
    command = [sys.executable, __file__, "--samples", str(count), "--memory", kind]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    decoded, largest = json.loads(done.stdout)
    return {"ratio": round(decoded / largest, 3), "decoded_mb": round(decoded / 1e6), "peak_mb": round(largest / 1e6)}


def memory(count: int, kind: str) -> tuple[int, int]:
    """Make and align a table, and return its size and the largest memory."""
    table = table_of(count)
    decoded = size_of(table)
    if kind == "traced":
        tracemalloc.start()
        series.align(table)
        return decoded, decoded + tracemalloc.get_traced_memory()[1]
    series.align(table)
    return decoded, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(count: int, repeats: int) -> dict[str, dict[str, float]]:
    # First, since a process inherits the largest memory of the one that started it.
    memories = {"memory_align": peak(count, "rss"), "memory_align_traced": peak(count, "traced")}
    table = table_of(count)
    compare(series.align(table), expert(table))
    frame = framed(table)
    found = {
        "expert_align": ratio(lambda: expert(table), lambda: series.align(table), repeats),
        "expert_align_frame": ratio(lambda: expert_of_frame(frame), lambda: series.align(frame), repeats),
    }
    less = table[: max(count // 10, 10)]
    found["quicklook_1e6"] = ratio(lambda: bare_figure(less), lambda: save(series.quicklook(less)), repeats)
    return found | votables(less, min(repeats, 3)) | memories


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one object for a program")
    parser.add_argument("--samples", type=int, default=10**7)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--memory", choices=("traced", "rss"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.memory:
        print(json.dumps(memory(chosen.samples, chosen.memory)))
        return
    found = measure(chosen.samples, chosen.repeats)
    if chosen.json:
        print(json.dumps(found))
        return
    for name, numbers in found.items():
        print(f"{name:<20}" + "  ".join(f"{key} {value}" for key, value in numbers.items()))


if __name__ == "__main__":
    main()
