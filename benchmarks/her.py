"""
Measure the time to convert decoded records of the events registry to a table, compared with sunpy's HEK client.

Both sides use the same decoded JSON and are measured alternately in one process, in CPU seconds, until every value,
mask, time and vertex is included in a checksum. ``mixed`` are flares, coronal holes, eruptions, null points and active
regions as in the embedded registry; ``holes`` are coronal holes with 100 to 500 vertices in four systems.
``with_skycoord`` includes all coordinates (which sunpy always makes). ``floor`` is the time to parse the chaincodes and
to convert rows to lists. ``peak_mb`` is the peak memory in addition to the decoded records; sunpy's value for 10,000
rows is that for 500 times twenty: all of them would take ten minutes, and it is proportional to the number of rows
(250, 500 and 1,000 agree within 10 %).

``expert_holes`` and ``expert_mixed`` are the times of pandas and shapely for the same events, without units, relative
to ours. ``parquet_read`` and ``parquet_write`` are those of ECSV for the same table, relative to Parquet. ``overlay``,
``mask`` and ``transform`` are those of outlines with 26 vertices, compared with one call of sunpy for each outline (50
of them, times their share). ``exponent`` is that of the growth of the time with the number of events: 1 is linear, and
more than ``STEEPEST`` is an error.

``search_100k`` is a search for 100,000 flares by the client, from a server in another process, without the cache and
with an empty one (``kept``), and its repetition (``again``), compared with an expert's own loop of requests, json and
pandas: CPU seconds, and the peak memory of a process in megabytes, of which ``base_mb`` are imports.

Run it as ``python benchmarks/her.py [--json] [--rows 1000] [--large] [--outlines] [--tables]
[--search 100000]``.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import itertools
import json
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

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
    # In this order: a column of points computes its coordinates for an attribute that it does not have.
    if hasattr(column, "values") and hasattr(column, "instants"):
        return total + float(np.nansum(column.values))
    if hasattr(column, "vertices"):
        return total + float(column.vertices.sum()) + float(column.offsets.sum())
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


STEEPEST = 1.25
"""The largest exponent of the growth of a time with the number of events."""

FEW = 50
"""The number of outlines for which sunpy is called one by one."""


def expert(records: list[Record]) -> float:
    """Return the checksum of what pandas and shapely make of the records."""
    import pandas as pd
    import shapely

    frame = pd.DataFrame(records)
    total = 0.0
    for name in frame.columns:
        if name.endswith(("bbox", "boundcc", "coord")):
            texts = frame[name].replace("", None).to_numpy(dtype=object, na_value=None)
            shapes = shapely.from_wkt(texts, on_invalid="ignore")
            total += float(shapely.get_coordinates(shapes).sum())
        elif name.endswith(("starttime", "endtime", "peaktime")):
            frame[name] = pd.to_datetime(frame[name])
    return total


def compare_expert(records: list[Record], repeats: int) -> dict[str, float]:
    """Return the CPU seconds of an expert's own code relative to ours."""
    expert(records[:5]), ours(records[:5])
    pairs = [(cpu(lambda: ours(records)), cpu(lambda: expert(records))) for _ in range(repeats)]
    mine, other = (min(values) for values in zip(*pairs, strict=True))
    return {
        "ratio": round(other / mine, 2),
        "ours_s": round(mine, 4),
        "theirs_s": round(other, 4),
        "rows": len(records),
    }


def files(rows: int, repeats: int) -> dict[str, dict[str, float]]:
    """Return the CPU seconds of writing and reading a table as Parquet, and of ECSV relative to it."""
    from sunpy_helio_plugins.her import HERTable

    # Records as they are decoded: each with texts and numbers of its own.
    table = HERTable.from_records(json.loads(json.dumps(mixed(rows))))
    seconds: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for form, count in (("parquet", repeats), ("ecsv", 1)):
            path = Path(folder) / f"events.{form}"
            table[:5].write(path), HERTable.read(path)
            write = min(cpu(lambda path=path: table.write(path, overwrite=True)) for _ in range(count))
            seconds[form] = write, min(cpu(lambda path=path: HERTable.read(path)) for _ in range(count))
    return {
        f"parquet_{name}": {
            "ratio": round(ecsv / own, 1), "ours_us_each": round(own / rows * 1e6, 1),
            "ecsv_us_each": round(ecsv / rows * 1e6, 1), "rows": rows,
        }
        for name, own, ecsv in zip(("write", "read"), seconds["parquet"], seconds["ecsv"], strict=True)
    }  # fmt: skip


def outlines(rows: int) -> list[Record]:
    """Return coronal holes with 26 vertices on the disk, every ten minutes."""
    source, angles = np.random.default_rng(7), np.linspace(0, 2 * np.pi, 26)
    made = []
    for index in range(rows):
        ring = 100 * source.uniform(0.7, 1, 26)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        ring = ring + source.uniform(-500, 500, 2)
        ring[-1] = ring[0]
        pairs = ",".join(f"{x:.6f} {y:.6f}" for x, y in ring.tolist())
        record = {"event_type": "CH", "event_coordsys": "UTC-HPC-TOPO", "hpc_boundcc": f"POLYGON(({pairs}))"}
        made.append(timed(record, index))
    return made


def picture(size: int) -> Any:
    """Return an image of the complete disk as seen from Earth."""
    import astropy.units as u
    import sunpy.map
    from astropy.coordinates import SkyCoord
    from sunpy.coordinates import Helioprojective, get_earth
    from sunpy.map.header_helper import make_fitswcs_header

    frame = Helioprojective(observer=get_earth("2026-01-04"), obstime="2026-01-04")
    middle = SkyCoord(0 * u.arcsec, 0 * u.arcsec, frame=frame)
    header = make_fitswcs_header((size, size), middle, scale=[2458 / size] * 2 * u.arcsec / u.pix)
    return sunpy.map.Map(np.zeros((size, size), dtype=np.float32), header)


def axes_of(image: Any) -> Any:
    """Return new axes for an image."""
    import matplotlib.pyplot as plt

    plt.close("all")
    return plt.figure().add_subplot(projection=image)


def plot_one_by_one(image: Any, polygons: Any) -> None:
    """Transform and draw each outline by sunpy."""
    from astropy.coordinates import SkyCoord
    from sunpy.coordinates import propagate_with_solar_surface

    axes = axes_of(image)
    for polygon in polygons:
        with propagate_with_solar_surface():
            axes.plot_coord(SkyCoord(polygon.skycoord).transform_to(image.coordinate_frame))


def fill_one_by_one(image: Any, polygons: Any) -> None:
    """Transform each outline by sunpy, and make a mask of it by regions."""
    from astropy.coordinates import SkyCoord
    from regions import PolygonSkyRegion
    from sunpy.coordinates import propagate_with_solar_surface

    total = np.zeros(image.data.shape, dtype=bool)
    for polygon in polygons:
        with propagate_with_solar_surface():
            place = SkyCoord(polygon.skycoord).transform_to(image.coordinate_frame)
        if np.isfinite(place.Tx).all():
            made = PolygonSkyRegion(place).to_pixel(image.wcs).to_mask(mode="center")
            here, there = made.get_overlap_slices(total.shape)
            total[here] |= made.data[there] > 0


def geometry(rows: int, repeats: int) -> dict[str, dict[str, float]]:
    """Return the CPU seconds of outlines on images, compared with sunpy, and how they grow."""
    from astropy.coordinates import SkyCoord

    from sunpy_helio_plugins import her
    from sunpy_helio_plugins.her import HERTable

    image, whole = picture(4096), HERTable.from_records(outlines(4 * rows))
    frame, made = image.coordinate_frame, {}
    works: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
        "overlay": (
            lambda table: her.overlay(axes_of(image), table),
            lambda table: plot_one_by_one(image, table["hpc_boundcc"]),
        ),
        "mask": (lambda table: her.mask(image, table), lambda table: fill_one_by_one(image, table["hpc_boundcc"])),
        "transform": (
            lambda table: table["hpc_boundcc"].skycoord.transform_to(frame),
            lambda table: SkyCoord(table["hpc_boundcc"].skycoord._sky_coord_frame).transform_to(frame),
        ),
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, (mine, theirs) in works.items():
            mine(whole[:5]), theirs(whole[:5])
            few, other = (min(cpu(lambda table=table, work=work: work(table)) for _ in range(repeats))
                          for table, work in ((whole[:rows], mine), (whole[:FEW], theirs)))  # fmt: skip
            many = min(cpu(lambda work=mine: work(whole)) for _ in range(repeats))
            made[f"{name}_{rows}"] = {
                "ratio": round(other * rows / FEW / few, 1), "ours_s": round(few, 4),
                "ours_ms_each": round(few / rows * 1e3, 3), "theirs_s": round(other * rows / FEW, 2),
                "exponent": round(float(np.log(many / few) / np.log(4)), 2),
            }  # fmt: skip
    return made


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
    parser.add_argument("--outlines", action="store_true", help="only overlay, mask and transform")
    parser.add_argument("--tables", action="store_true", help="only the tables of ``--rows`` events")
    parser.add_argument("--search", type=int, help="only a search for this number of flares")
    parser.add_argument("--side", choices=("ours", "kept", "expert"), help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.large or options.side:
        print(json.dumps(large() if options.large else measured_search(options.side, options.url)))
        return
    if options.tables:
        print(json.dumps(comparisons(options.rows, options.repeats)))
        return
    result: dict[str, Any] = {} if options.outlines else {"search_100k": searches(options.search or 100_000)}
    if not options.search:
        result |= {} if options.outlines else tables(options.rows, options.repeats)
        result |= geometry(options.rows, options.repeats)
    if options.json:
        print(json.dumps(result))
    else:
        for name, values in result.items():
            print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in values.items()))
    steep = [name for name, values in result.items() if values.get("exponent", 0) > STEEPEST]
    if steep:
        sys.exit(f"The time grows faster than the number of events: {', '.join(steep)}.")


def flares(first: int, before: int) -> list[Record]:
    """Return flares at equal steps of five minutes from 2012 on."""
    samples = [
        event for event in json.loads(gzip.decompress(DATA.read_bytes()))["events"] if event["event_type"] == "FL"
    ]
    start, made = np.datetime64("2012-01-01T00:00:00"), []
    for index in range(first, before):
        begin = start + np.timedelta64(300 * index, "s")
        times = {"event_starttime": str(begin), "event_endtime": str(begin + np.timedelta64(240, "s"))}
        made.append(samples[index % len(samples)] | times | {"kb_archivid": f"ivo://helio-informatics.org/{index}"})
    return made


@contextlib.contextmanager
def registry(rows: int) -> Iterator[str]:
    """Serve flares in pages of 1000 in another process; yield the address."""
    size = 1000
    bodies = [
        json.dumps({"result": flares(one, min(one + size, rows)), "overmax": one + size < rows}).encode()
        for one in range(0, rows, size)
    ]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

        def do_GET(self) -> None:
            """Send a page."""
            page = int(parse_qs(urlsplit(self.path).query)["page"][0])
            body = bodies[page - 1] if page <= len(bodies) else b'{"result": [], "overmax": false}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    process = multiprocessing.get_context("fork").Process(target=server.serve_forever, daemon=True)
    process.start()
    server.socket.close()
    yield f"http://127.0.0.1:{server.server_port}/hek/her"
    process.terminate()
    process.join()


def expert_search(url: str) -> int:
    """Return the number of flares that a loop of requests, json and pandas reads."""
    import pandas as pd
    import requests

    found: list[Record] = []
    with requests.Session() as session:
        for page in itertools.count(1):
            answer = json.loads(session.get(url, params={"cmd": "search", "page": page}).content)
            found += answer["result"]
            if not answer["overmax"]:
                break
    frame = pd.DataFrame(found)
    for name in ("event_starttime", "event_endtime", "event_peaktime"):
        frame[name] = pd.to_datetime(frame[name])
    return len(frame)


def our_search(url: str) -> int:
    """Return the number of flares that the client finds."""
    from sunpy.net import attrs as a

    from sunpy_helio_plugins import conf
    from sunpy_helio_plugins.her import HERClient

    with conf.her.set_temp("url", url), conf.set_temp("search_deadline", 0):
        return len(HERClient().search(a.Time("2012-01-01", "2026-01-01"), a.her.FL))


def peak_of_process() -> int:
    """Return the peak memory of this process in megabytes; that of `resource` includes its parent before exec."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return round(int(status.partition("VmHWM:")[2].split()[0]) / 1e3)


def measured_search(side: str, url: str) -> dict[str, float]:
    """Return the CPU seconds and the peak memory of one side, in this process."""
    from sunpy_helio_plugins import conf

    def search() -> int:
        return expert_search(url) if side == "expert" else our_search(url)

    made: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, conf.set_temp("cache_dir", folder):
        with registry(10) as few, conf.her.set_temp("cache", False):
            expert_search(few) if side == "expert" else our_search(few)
        base = peak_of_process()
        with conf.her.set_temp("cache", side == "kept"):
            made["s"] = round(cpu(search), 2)
            made["mb"] = peak_of_process()
            if side == "kept":
                made["again_s"] = round(cpu(search), 2)
    return made | {"base_mb": base}


def searches(rows: int) -> dict[str, float]:
    """Return the CPU seconds and the peak memory of searches, compared with an expert's loop, and how they grow."""
    made: dict[str, dict[str, float]] = {}
    with registry(rows) as whole, registry(rows // 4) as part:
        for name, side, url in (
            ("ours", "ours", whole), ("kept", "kept", whole), ("expert", "expert", whole), ("quarter", "ours", part),
        ):  # fmt: skip
            command = [sys.executable, __file__, "--side", side, "--url", url]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            made[name] = json.loads(done.stdout.splitlines()[-1])
    ours, kept, other = made["ours"], made["kept"], made["expert"]
    return {
        "ratio": round(other["s"] / ours["s"], 2), "ours_s": ours["s"], "ours_mb": ours["mb"],
        "base_mb": ours["base_mb"], "theirs_s": other["s"], "theirs_mb": other["mb"], "kept_s": kept["s"],
        "again_s": kept["again_s"], "us_each": round(ours["s"] / rows * 1e6),
        "exponent": round(float(np.log(ours["s"] / made["quarter"]["s"]) / np.log(4)), 2), "rows": rows,
    }  # fmt: skip


def comparisons(rows: int, repeats: int) -> dict[str, Any]:
    """Return the times of tables, compared with sunpy's client and with an expert's own code."""
    made: dict[str, Any] = {}
    for name, make in (("mixed", mixed), ("holes", holes)):
        made[f"{name}_{rows}"] = compare(make(rows), repeats)
        made[f"expert_{name}"] = compare_expert(make(rows), repeats)
    return made


def tables(rows: int, repeats: int) -> dict[str, Any]:
    """Return the measurements of tables."""
    made = comparisons(rows, repeats) | files(10 * rows, repeats)
    done = subprocess.run([sys.executable, __file__, "--large"], capture_output=True, text=True, check=True)
    return made | {"mixed_10000": json.loads(done.stdout.splitlines()[-1])}


if __name__ == "__main__":
    main()
