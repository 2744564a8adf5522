"""
Write the table of times of the documentation from the history: ``python benchmarks/comparison.py [--history FILE]``.

``docs/how_to/comparison.csv`` gets a line for each piece of work in `WORKS` that the history contains: the time of
this package, and how many times longer the usual client and the fastest known alternative need for it. The alternative
is an expert's own code for this one piece of work, with the fastest libraries. ``benchmarks/history.py --short`` makes
the runs.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
TARGET = HERE.parent / "docs" / "how_to" / "comparison.csv"

spec = importlib.util.spec_from_file_location("history", HERE / "history.py")
assert spec is not None
assert spec.loader is not None
history = importlib.util.module_from_spec(spec)
spec.loader.exec_module(history)


CALM = 3.0
"""The load of a machine below which waiting times are compared."""


class Peer(NamedTuple):
    """Another program, the figure of its time, and that of this package measured in turn if it is another one."""

    name: str
    figure: str
    ours: str = ""


class Work(NamedTuple):
    """
    A piece of work, the figure of the time of this package, the usual client and the fastest alternative.

    Times in which a program ``waits`` for a server are compared in runs with a load below `CALM` only.
    """

    name: str
    ours: str
    usual: Peer | None
    fast: Peer | None = None
    waits: bool = False

    @property
    def script(self) -> str:
        """The script that measures it."""
        return self.ours.partition(".")[0]


_ARROW = "pyarrow and numpy"
WORKS = (
    Work("A million time stamps", "quantities.times.ours_ms", Peer("hapiclient", "quantities.times.theirs_ms")),
    Work("TT2000 to times", "quantities.tt2000.ours_ms", Peer("cdflib", "quantities.tt2000.theirs_ms")),
    *(
        Work(text, f"hapi.{case}.ours_ms", Peer("hapiclient", f"hapi.{case}.theirs_ms"),
             Peer(_ARROW, f"hapi.{case}.expert_ms"))
        for case, text in (
            ("csv_3", "HAPI, CSV of a vector"), ("csv_spectrum", "HAPI, CSV of spectra"),
            ("csv_strings", "HAPI, CSV of text"), ("binary_3", "HAPI, binary records of a vector"),
        )
    ),
    Work("HAPI, a day again, from the cache", "cache.repeat.warm", None,
         Peer("hapiclient", "cache.repeat.hapiclient_warm")),
    Work("IMAP, a day of MAG as a table", "imap.mag_day.ours_ms", Peer("sunpy", "imap.mag_day.sunpy_ms"),
         Peer("pycdfpp", "imap.expert_mag_day.expert_tt_ms", "imap.expert_mag_day.ours_tt_ms")),
    Work("IMAP, the same with times in UTC", "imap.expert_mag_day.ours_ms", None,
         Peer("pycdfpp", "imap.expert_mag_day.expert_ms")),
    Work("IMAP, a day of MAG as a data set", "imap.to_xarray_day.ours_ms",
         Peer("cdf_to_xarray", "imap.to_xarray_day.cdflib_ms")),
    Work("IMAP, a map of the sky", "imap.map_read.ours_ms", Peer("cdf_to_xarray", "imap.map_read.cdflib_ms")),
    Work("IMAP, fifty files", "imap.fetch_loop.ours_s", Peer("imap-data-access", "imap.fetch_loop.loop_s"),
         Peer("imap-data-access, 5 threads", "imap.fetch_loop.threads_s"), waits=True),
    Work("Helioviewer, 512 of 4096 pixels", "helioviewer.read_512.ours_ms",
         Peer("sunpy", "helioviewer.read_512.theirs_ms")),
    Work("Helioviewer, a region", "helioviewer.area_read.ours_ms", Peer("sunpy", "helioviewer.area_read.theirs_ms")),
    Work("Helioviewer, fifty files", "helioviewer.fetch_hvpy.ours_s", Peer("hvpy", "helioviewer.fetch_hvpy.hvpy_s"),
         waits=True),
    *(
        Work(text, f"her.{case}_1000.ours_s", Peer("sunpy's HEKClient", f"her.{case}_1000.theirs_s"),
             Peer("pandas and shapely", f"her.expert_{case}.theirs_s"))
        for case, text in (("mixed", "HER, 1000 events"), ("holes", "HER, 1000 coronal holes"))
    ),
    Work("Means over minutes", "series.expert_align.ours_ms", Peer("pandas", "series.expert_align.theirs_ms"),
         Peer("pandas, from a data frame", "series.expert_align_frame.theirs_ms", "series.expert_align_frame.ours_ms")),
    Work("A figure of 400,000 values", "series.quicklook_1e6.ours_ms",
         Peer("matplotlib", "series.quicklook_1e6.theirs_ms")),
    Work("VOTable, writing", "series.votable_write_1e6.ours_ms", Peer("astropy", "series.votable_write_1e6.theirs_ms")),
    Work("VOTable, reading", "series.votable_read_1e6.ours_ms", Peer("astropy", "series.votable_read_1e6.theirs_ms")),
)  # fmt: skip
"""What is compared, in the order of the table."""

HEADS = (
    "Work",
    "This package",
    "Usual client",
    "Times longer",
    "Fastest alternative",
    "Times longer",
    "Script",
    "Load",
)


def _shown(figure: str, value: float) -> str:
    """Return a time with three digits and its unit."""
    milliseconds = value * 1e3 if figure.endswith("_s") else value
    return f"{milliseconds / 1e3:.3g} s" if milliseconds >= 1e3 else f"{milliseconds:.3g} ms"


def _cells(peer: Peer | None, own: float, figures: dict[str, float]) -> tuple[str, str]:
    """Return the name of a peer, and how many times longer it needs."""
    if peer is None or not figures.get(peer.figure, 0) > 0:
        return "", ""
    return peer.name, f"{figures[peer.figure] / figures.get(peer.ours, own):.3g}"


def _is_calm(run: dict[str, Any]) -> bool:
    return run["load"] is not None and run["load"] < CALM


def rows(runs: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    """Yield the lines of the table, each from the last run that contains the work."""
    for work in WORKS:
        found = [run for run in runs if run["figures"].get(work.ours, 0) > 0 and (not work.waits or _is_calm(run))]
        if not found:
            continue
        figures = found[-1]["figures"]
        own = figures[work.ours]
        usual, fast = (_cells(peer, own, figures) for peer in (work.usual, work.fast))
        yield (work.name, _shown(work.ours, own), *usual, *fast, f"``{work.script}.py``", str(found[-1]["load"]))


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--history", type=Path, default=HERE / "history.jsonl")
    parser.add_argument("--target", type=Path, default=TARGET)
    chosen = parser.parse_args()
    with chosen.target.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADS)
        writer.writerows(rows(history.read(chosen.history)))


if __name__ == "__main__":
    main()
