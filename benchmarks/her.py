"""
Measure the time to convert decoded records of the events registry to a table, compared with sunpy's HEK client.

Both sides use the same decoded JSON and are measured alternately in one process, in CPU seconds, until every value,
mask, time and vertex is included in a checksum. ``mixed`` are flares, coronal holes, eruptions, null points and active
regions as in the embedded registry; ``holes`` are coronal holes with 100 to 500 vertices in four systems.
``with_skycoord`` includes all coordinates (which sunpy always makes). ``floor`` is the time to parse the chaincodes and
to convert rows to lists. ``peak_mb`` is the peak memory in addition to the decoded records; sunpy's value for 10,000
rows is that for 500 times twenty: all of them would take ten minutes, and it is proportional to the number of rows
(250, 500 and 1,000 agree within 10 %). Run it as ``python benchmarks/her.py [--json] [--rows 1000] [--large]``.
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
import subprocess
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

DATA = ROOT / "sunpy_helio_plugins" / "sandbox" / "data" / "her" / "events.json.gz"
KINDS = ("FL", "CH", "CE", "TO", "AR")

Record = dict[str, Any]


def mixed(rows: int) -> list[Record]:
    """Return events of five types in turn, each at a different time."""
    events = json.loads(gzip.decompress(DATA.read_bytes()))["events"]
    samples = [event for kind in KINDS for event in [e for e in events if e["event_type"] == kind][:2]]
    return [timed(samples[index % len(samples)], index) for index in range(rows)]


def holes(rows: int) -> list[Record]:
    """Return coronal holes with 100 to 500 vertices in four systems."""
    events = json.loads(gzip.decompress(DATA.read_bytes()))["events"]
    sample = next(event for event in events if event["event_type"] == "CH")
    source = np.random.default_rng(5)
    made = []
    for index in range(rows):
        record = timed(sample, index)
        angles = np.sort(source.uniform(0, 2 * np.pi, int(source.integers(100, 501))))
        for system, scale in (("hpc", 300.0), ("hgs", 20.0), ("hgc", 20.0), ("hrc", 0.3)):
            ring = scale * (1 + 0.2 * source.random(len(angles)))[:, None]
            ring = ring * np.stack([np.cos(angles), np.sin(angles)], axis=1) + (0 if system != "hrc" else 0.5)
            pairs = ",".join(f"{x:.6f} {y:.6f}" for x, y in [*ring.tolist(), ring[0].tolist()])
            record[f"{system}_boundcc"] = f"POLYGON(({pairs}))"
        record["bound_chaincode"] = record["hpc_boundcc"]
        made.append(record)
    return made


def timed(sample: Record, index: int) -> Record:
    """Return an event at a distinct time."""
    day, rest = divmod(index * 600, 86400)
    stamp = f"2026-01-{1 + day % 28:02d}T{rest // 3600:02d}:{rest // 60 % 60:02d}:"
    return sample | {
        "kb_archivid": f"ivo://helio-informatics.org/{index}", "event_starttime": stamp + "00",
        "event_endtime": stamp + "59",
    }  # fmt: skip


def checksum(column: Any) -> float:
    """Reduce every value, mask, time and vertex of a column to one number."""
    from astropy.coordinates import SkyCoord
    from astropy.time import Time

    total = float(np.sum(np.asarray(getattr(column, "mask", False))))
    if hasattr(column, "vertices"):
        return total + float(column.vertices.sum()) + float(column.offsets.sum())
    if hasattr(column, "values") and hasattr(column, "instants"):
        return total + float(np.nansum(column.values))
    if isinstance(column, SkyCoord):
        data = column.data
        return total + sum(float(np.nansum(np.asarray(getattr(data, name)))) for name in data.components)
    if isinstance(column, Time):
        return total + float(np.sum(np.asarray(column.jd1)) + np.sum(np.asarray(column.jd2)))
    values = np.asarray(getattr(column, "unmasked", getattr(column, "data", column)))
    if values.dtype == object:
        return total + sum(cell(value) for value in values)
    if values.dtype.kind in "US":
        return total + float(np.char.str_len(values).sum())
    return total + float(np.nansum(values.astype(float)))


def cell(value: Any) -> float:
    """Reduce one object to a number, including its coordinates and times."""
    if value is None or value is np.ma.masked:
        return 0.0
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str | list | dict):
        return float(len(value))
    return checksum(value)


def ours(records: list[Record], coordinates: bool = False) -> float:
    """Return the checksum of our table."""
    from sunpy_helio_plugins.her import HERTable

    table = HERTable.from_records(records)
    total = sum(checksum(table[name]) for name in table.colnames)
    if coordinates:
        for name in table.colnames:
            column = table[name]
            if hasattr(column, "skycoord"):
                total += checksum(column.skycoord)
            elif hasattr(column, "instants"):
                total += checksum(column.coordinate)
    return total


def theirs(records: list[Record]) -> float:
    """Return the checksum of sunpy's table."""
    table = their_table(records)
    return sum(checksum(table[name]) for name in table.colnames)


def their_table(records: list[Record]) -> Any:
    """Return sunpy's table."""
    import astropy.table
    from sunpy.net.hek import HEKTable
    from sunpy.util import dict_keys_same

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return HEKTable._from_search(astropy.table.Table(dict_keys_same([dict(record) for record in records])))


def peak_mb(work: Callable[[], Any]) -> float:
    """Return the additional peak memory of a function in megabytes."""
    tracemalloc.start()
    made = work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    del made
    return round(peak / 1e6, 1)


def floor(records: list[Record]) -> float:
    """Do the minimum work: convert rows to lists and chaincodes to numbers."""
    from sunpy_helio_plugins.her.columns import chaincodes

    names = dict.fromkeys(name for record in records for name in record)
    lists = {name: [record.get(name) for record in records] for name in names}
    rings = [chaincodes.rings(values)[0].sum() for name, values in lists.items() if name.endswith(("bbox", "boundcc"))]
    return float(sum(rings))


def cpu(work: Callable[[], Any]) -> float:
    """Return the CPU seconds of a function."""
    start = time.process_time()
    work()
    return time.process_time() - start


def compare(records: list[Record], repeats: int) -> dict[str, float]:
    """Return the minimum CPU seconds of both sides, measured alternately."""
    # Imports and caches of the first use are excluded for both sides.
    for first in (ours, lambda few: ours(few, coordinates=True), theirs):
        first(records[:5])
    mine, full, base, other = [], [], [], []
    for turn in range(repeats):
        mine.append(cpu(lambda: ours(records)))
        full.append(cpu(lambda: ours(records, coordinates=True)))
        base.append(cpu(lambda: floor(records)))
        # One run of sunpy's side takes half a minute.
        if turn == 0 or min(other) < 5:
            other.append(cpu(lambda: theirs(records)))
    return {
        "ratio": round(min(other) / min(mine), 1), "ours_s": round(min(mine), 4), "theirs_s": round(min(other), 2),
        "with_skycoord_s": round(min(full), 4), "with_skycoord_ratio": round(min(other) / min(full), 1),
        "floor_s": round(min(base), 4), "rows": len(records),
    }  # fmt: skip


def large() -> dict[str, float]:
    """Return CPU seconds, additional memory, and the time of the first access to a row, for 10,000 mixed events."""
    from sunpy_helio_plugins.her import HERTable

    records = json.loads(json.dumps(mixed(10_000)))
    ours(records[:20])
    seconds = cpu(lambda: ours(records))
    mine = peak_mb(lambda: HERTable.from_records(records))
    few = records[:500]
    other = peak_mb(lambda: their_table(few)) * len(records) / len(few)
    table = HERTable.from_records(records)
    row = cpu(lambda: (table[5]["hpc_boundcc"], str(table[5]["hpc_x"]), table[5]["event_starttime"].isot))
    many = holes(850)
    column = HERTable.from_records(many * 4)["hpc_boundcc"]
    flat = cpu(lambda: column.skycoord)
    return {
        "ours_s": round(seconds, 3), "peak_mb": mine, "theirs_peak_mb": round(other),
        "peak_share": round(mine / other, 3), "first_row_ms": round(row * 1e3, 2),
        "flat_vertices": len(column.vertices), "flat_skycoord_s": round(flat, 3),
        "max_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3, 0),
    }  # fmt: skip


def main() -> None:
    """Print the measurements, as sentences or as one JSON object."""
    parser = argparse.ArgumentParser(description="From decoded records of the events registry to a table.")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--large", action="store_true", help="only the 10,000 events, in this process")
    options = parser.parse_args()
    if options.large:
        print(json.dumps(large()))
        return
    result: dict[str, Any] = {}
    for name, make in (("mixed", mixed), ("holes", holes)):
        result[f"{name}_{options.rows}"] = compare(make(options.rows), options.repeats)
    done = subprocess.run([sys.executable, __file__, "--large"], capture_output=True, text=True, check=True)
    result["mixed_10000"] = json.loads(done.stdout.splitlines()[-1])
    if options.json:
        print(json.dumps(result))
        return
    for name, values in result.items():
        print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in values.items()))


if __name__ == "__main__":
    main()
