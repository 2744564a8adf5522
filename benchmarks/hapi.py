"""
Measure the time to convert HAPI responses to tables, compared with hapiclient and the conversions in its guide.

Both sides start from the same bytes and end when every value, mask and time has been included in a checksum, which must
agree; they run alternately in one process, and the CPU time is measured. ``load_96`` fetches 96 days in chunks from a
server with 50 ms of latency, and measures the elapsed time. A ratio is the time of the other side divided by ours;
larger is better. ``series`` has no other side: it measures the additional cost of a TimeSeries compared with reading.

Run it as ``python benchmarks/hapi.py [case ...] [--repeats N] [--json]``. With ``--readers`` it measures instead the
time of pandas, pyarrow and polars (if it is installed) for the CSV of every case, until their own columns are
complete, with one thread. In milliseconds, with pandas 3.1, pyarrow 26 and polars 2.1:

============ ====== ======= ======
case         pandas pyarrow polars
============ ====== ======= ======
csv_3           315     114     96
csv_200         197     160    116
csv_spectrum    173     116     93
csv_strings     123      16     16
============ ====== ======= ======

polars fills records with too few fields, and therefore does not detect truncated records.

Every case also has an expert as a peer: a dozen lines of pyarrow and numpy that make the same table from the same
bytes, and do not check fields, truncation, leap seconds or the order of time. If speasy is installed, its reader of
HAPI is a third peer; it returns values only.

``memory_csv`` (1 GB) and ``memory_year`` (binary vectors of a year with a cadence of 1 s) are the size of the values,
masks and times (16 bytes each) divided by the largest memory that reading the file needs in addition to that of the
imports. ``memory_load`` is the same for vectors of half a year that ``hapi.load`` requests from a server, and
``memory_parquet`` the memory of ``hapi.to_parquet`` for 149 days divided by that for 60 days. ``files_365`` is the sum
of the times of reading 365 daily files one by one, divided by that of reading them as one table. ``exponents`` are the
times for four times as many records, files and rows of a search, divided by those for one: 4 is linear. ``repeat`` is
the time of a load from a server with 50 ms of latency, divided by that of the same load again.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import io
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

FILL = -1e31
TARGETS = {
    "csv_3": 14, "csv_200": 90, "csv_spectrum": 4, "csv_strings": 15, "binary_3": 30, "load_96": 10,
    "load_96_parallel": 2.5, "repeat": 20,
    "memory_csv": 0.76, "memory_year": 0.76, "memory_load": 0.76, "files_365": 0.83,
    "exponents": 4.6,
}  # fmt: skip
EXPERT_TARGETS = {"csv_3": 0.95, "csv_200": 0.9, "csv_spectrum": 0.95, "csv_strings": 1.4, "binary_3": 1.3}


class Case(NamedTuple):
    """A response: its header, the records and their format."""

    info: dict[str, Any]
    body: bytes
    format: str

    @property
    def answer(self) -> bytes:
        """The header and the records."""
        return b"#" + json.dumps({**self.info, "format": self.format}).encode() + b"\n" + self.body


def stamps(rows: int) -> np.ndarray:
    instants = np.datetime64("2015-01-01T00:00:00.000") + np.arange(rows) * np.timedelta64(1, "s")
    return np.char.add(np.datetime_as_string(instants), "Z")


def described(*parameters: dict[str, Any]) -> dict[str, Any]:
    time_parameter = {"name": "Time", "type": "isotime", "length": 24, "units": "UTC", "fill": None}
    return {
        "HAPI": "3.1", "status": {"code": 1200, "message": "OK"}, "startDate": "2015-01-01Z", "stopDate": "2016-01-01Z",
        "parameters": [time_parameter, *parameters],
    }  # fmt: skip


def double(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "double", "units": "nT", "fill": "-1e31", "description": name, **more}


def numbers(rows: int, columns: int) -> np.ndarray:
    values = np.random.default_rng(4).normal(size=(rows, columns)) * 100
    values[::97, 0] = FILL
    return values


def csv_lines(times: np.ndarray, values: np.ndarray) -> bytes:
    rows = zip(times.tolist(), values.tolist(), strict=True)
    return "".join(f"{stamp},{','.join(map(repr, row))}\n" for stamp, row in rows).encode()


def csv_of(rows: int, columns: int) -> Case:
    info = described(*(double(f"p{index}") for index in range(columns)))
    return Case(info, csv_lines(stamps(rows), numbers(rows, columns)), "csv")


def csv_spectrum() -> Case:
    centers = np.geomspace(10, 1e4, 32).tolist()
    bins = [{"name": "energy", "units": "keV", "centers": centers}]
    info = described(double("flux", size=[32], units="1/(cm^2 s sr keV)", bins=bins))
    return Case(info, csv_lines(stamps(100_000), numbers(100_000, 32)), "csv")


def csv_strings() -> Case:
    rows = 200_000
    info = described(
        {"name": "station", "type": "string", "length": 8, "units": None, "fill": None},
        {"name": "peak", "type": "isotime", "length": 20, "units": "UTC", "fill": None},
        double("B"),
        {"name": "count", "type": "integer", "units": None, "fill": "-1"},
    )
    names = np.array([f"ST{index % 9973:06d}" for index in range(rows)])
    peaks = np.char.add(stamps(rows).astype("U19"), "Z")
    values, counts = numbers(rows, 1)[:, 0], np.arange(rows) % 1000 - 1
    columns = (stamps(rows).tolist(), names.tolist(), peaks.tolist(), map(repr, values.tolist()), counts.tolist())
    body = "".join(f"{a},{b},{c},{d},{e}\n" for a, b, c, d, e in zip(*columns, strict=True)).encode()
    return Case(info, body, "csv")


def binary_3() -> Case:
    rows = 1_000_000
    info = described(*(double(f"p{index}") for index in range(3)))
    records = np.zeros(rows, [("t", "S24"), ("v", "<f8", 3)])
    records["t"], records["v"] = stamps(rows), numbers(rows, 3)
    return Case(info, records.tobytes(), "binary")


CASES: dict[str, Callable[[], Case]] = {
    "csv_3": partial(csv_of, 1_000_000, 3),
    "csv_200": partial(csv_of, 20_000, 200),
    "csv_spectrum": csv_spectrum,
    "csv_strings": csv_strings,
    "binary_3": binary_3,
}


def theirs(case: Case, path: str) -> Any:
    """Read the body with hapiclient's reader, and convert it as in its guide: datetimes, Time, Quantity, masks."""
    from astropy import units as u
    from astropy.table import QTable
    from astropy.time import Time
    from astropy.utils.masked import Masked
    from hapiclient.hapitime import hapitime2datetime

    from sunpy_helio_plugins.quantities.units import parse

    data = hapiclient_array(case, path)
    table = QTable()
    for parameter in case.info["parameters"]:
        name, values = parameter["name"], data[parameter["name"]]
        if parameter["type"] == "isotime":
            table[name] = Time(hapitime2datetime(values), scale="utc")
        elif parameter["type"] == "string":
            table[name] = values
        else:
            fill = parameter["fill"]
            mask = values == float(fill) if fill is not None else np.zeros(values.shape, bool)
            table[name] = Masked(u.Quantity(values, parse(parameter["units"]) or u.one), mask=mask)
    return table


def hapiclient_array(case: Case, path: str) -> np.ndarray:
    from hapiclient import get

    options = {"format": case.format, "method": ""}
    read = get._parse_binary if case.format == "binary" else get._parse_csv
    return read(path, case.info, options, path)


def expert(case: Case, path: str) -> Any:
    """Make the table with a dozen lines of pyarrow and numpy."""
    from astropy import units as u
    from astropy.table import QTable
    from astropy.utils.masked import Masked

    columns = expert_binary(case) if case.format == "binary" else expert_csv(case)
    table = QTable()
    for parameter, values in zip(case.info["parameters"], columns, strict=True):
        name, fill = parameter["name"], parameter["fill"]
        if parameter["type"] == "isotime":
            table[name] = expert_time(values)
        elif parameter["type"] == "string":
            table[name] = values
        else:
            unit = u.Unit(parameter["units"] or "")
            table[name] = Masked(u.Quantity(values, unit, dtype=values.dtype, copy=False), mask=values == float(fill))
    return table


def expert_csv(case: Case) -> list[np.ndarray]:
    import pyarrow as pa
    from pyarrow import csv

    known = {"double": pa.float64(), "integer": pa.int64(), "string": pa.string(), "isotime": pa.timestamp("ns", "UTC")}
    widths = [one.get("size", [1])[0] for one in case.info["parameters"]]
    kinds = [one["type"] for one, width in zip(case.info["parameters"], widths, strict=True) for _ in range(width)]
    names = [str(index) for index in range(len(kinds))]
    types = {name: known[kind] for name, kind in zip(names, kinds, strict=True)}
    reading = csv.ReadOptions(
        column_names=names, use_threads=False, block_size=1 << 22 if len(names) > 100 else 1 << 19
    )
    found = csv.read_csv(pa.BufferReader(case.body), reading, None, csv.ConvertOptions(column_types=types))
    arrays = [column.to_numpy() for column in found.columns]
    arrays = [one.astype(str) if one.dtype == object else one for one in arrays]
    ends = np.cumsum(widths)
    groups = [arrays[end - width : end] for end, width in zip(ends, widths, strict=True)]
    return [group[0] if len(group) == 1 else np.stack(group, axis=1) for group in groups]


def expert_binary(case: Case) -> list[np.ndarray]:
    layout = {"isotime": "S23,S1", "double": "<f8"}
    fields = ",".join(layout[one["type"]] for one in case.info["parameters"])
    records = np.frombuffer(case.body, fields)
    first, *rest = [name for name in records.dtype.names if name != "f1"]
    return [records[first].astype("M8[ns]"), *(records[name].copy() for name in rest)]


def expert_time(stamps: np.ndarray) -> Any:
    from astropy.time import Time

    days, nanos = np.divmod(stamps.astype(np.int64), 86_400_000_000_000)
    return Time(days + 2440587.5, nanos / 86.4e12, format="jd", scale="utc")


def speasy_ms(case: Case) -> float:
    """Return the CPU time of speasy's reader, which returns values and times without masks and astropy's types."""
    from speasy.core.codecs import get_codec

    names = [one["name"] for one in case.info["parameters"][1:]]
    content = io.BytesIO(case.answer)
    start = time.process_time()
    get_codec(f"hapi/{case.format}").load_variables(names, content)
    return round((time.process_time() - start) * 1e3, 1)


def checksum(table: Any) -> list[float]:
    """Reduce every value, mask and time to numbers that do not depend on their representation."""
    sums: list[float] = []
    for column in table.columns.values():
        if hasattr(column, "jd1"):
            sums.append(round(float(np.sum(column.jd1 - 2457000.0) + np.sum(column.jd2)), 4))
        elif column.dtype.kind in "US":
            sums.append(float(np.ascontiguousarray(column.astype("U8")).view(np.uint32).sum(dtype=np.int64)))
        else:
            mask = getattr(column, "mask", None)
            values = np.asarray(getattr(column, "unmasked", column.data if mask is not None else column), dtype=float)
            lost = 0 if mask is None else int(np.count_nonzero(mask))
            sums += [float(np.sum(values, where=True if mask is None else ~np.asarray(mask))), lost]
    return sums


def close(one: list[float], other: list[float]) -> bool:
    return len(one) == len(other) and np.allclose(one, other, rtol=1e-9, atol=1e-3)


def timed(read: Callable[[Case, str], Any], case: Case, path: str) -> tuple[float, list[float]]:
    gc.collect()
    start = time.process_time()
    found = checksum(read(case, path))
    return (time.process_time() - start) * 1e3, found


def compare(name: str, repeats: int) -> dict[str, Any]:
    """Return the medians of all sides, run alternately; the slow side of csv_200 runs less often."""
    case = CASES[name]()
    spent: dict[str, list[float]] = {"ours": [], "expert": [], "theirs": []}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "body")
        with open(path, "wb") as stream:
            stream.write(case.body)
        whole = case.answer
        reference: list[float] = []
        for turn in range(repeats):
            for side, read in (("ours", lambda *_: read_ours(whole)), ("expert", expert), ("theirs", theirs)):
                if side == "theirs" and turn >= (2 if name == "csv_200" else repeats):
                    continue
                ms, found = timed(read, case, path)
                spent[side].append(ms)
                reference = reference or found
                assert close(found, reference), (name, side, found[:6], reference[:6])
    result: dict[str, Any] = {f"{side}_ms": round(statistics.median(ms), 1) for side, ms in spent.items()}
    result["ratio"] = round(result["theirs_ms"] / result["ours_ms"], 1)
    # The sides alternate, so that the ratios of the turns are less noisy than the ratio of the medians.
    turns = [one / other for one, other in zip(spent["expert"], spent["ours"], strict=True)]
    result[f"expert_{name}"] = round(statistics.median(turns), 2)
    result["expert_target"] = EXPERT_TARGETS[name]
    if importlib.util.find_spec("speasy"):
        result["speasy_ms"] = speasy_ms(case)
    return result | peak(case) | floors(case)


def read_ours(whole: bytes) -> Any:
    from sunpy_helio_plugins import hapi

    return hapi.read(whole)


CHILD = """
import re, sys, warnings
warnings.simplefilter("ignore")
import numpy as np
from sunpy_helio_plugins import hapi

def kilobytes(what):
    return int(re.search(what + r":\\s+(\\d+)", open("/proc/self/status").read())[1])

hapi.read(open(sys.argv[2], "rb").read())
content = open(sys.argv[1], "rb").read()
before = kilobytes("VmRSS")
table = hapi.read(content)
columns = table.columns.values()
decoded = sum(2 * c.jd1.nbytes if hasattr(c, "jd1") else np.asarray(c).nbytes for c in columns)
print((kilobytes("VmHWM") - before) * 1024, decoded)
"""


def peak(case: Case) -> dict[str, float]:
    """Return the memory that a new process needs in addition to the body, as a multiple of the decoded data."""
    few = case.body.find(b"\n", 80_000) + 1 if case.format == "csv" else 48
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("whole", "short")]
        for path, content in zip(paths, (case, case._replace(body=case.body[:few])), strict=True):
            with open(path, "wb") as stream:
                stream.write(content.answer)
        done = subprocess.run([sys.executable, "-c", CHILD, *paths], capture_output=True, text=True, check=True)
    above, decoded = (int(number) for number in done.stdout.split()[-2:])
    return {"decoded_mb": round(decoded / 1e6, 1), "peak_over_decoded": round(above / decoded, 2)}


def floors(case: Case) -> dict[str, float]:
    """Return, without a target, the time of decoding alone, and of copying the bytes."""
    from sunpy_helio_plugins.hapi.model import Info
    from sunpy_helio_plugins.hapi.records.file import HAPIDocument

    document = HAPIDocument(Info.from_json(case.info), case.format, case.body, 0)
    spent: dict[str, float] = {}
    for name, work in (("decode_ms", document.columns), ("memcpy_ms", lambda: bytearray(case.body))):
        samples = []
        for _ in range(3):
            start = time.process_time()
            work()
            samples.append((time.process_time() - start) * 1e3)
        spent[name] = round(statistics.median(samples), 1)
    return spent


def series(repeats: int) -> dict[str, Any]:
    """Return, without a target, the time for a TimeSeries of 1e6 binary records, from one file and from 96 files."""
    from sunpy.timeseries import TimeSeries

    from sunpy_helio_plugins import hapi

    case = binary_3()
    head, size, step = case.answer[: -len(case.body)], 48, -(-1_000_000 // 96)
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, f"{index:02}.hapi") for index in range(97)]
        parts = [case.body, *(case.body[at : at + step * size] for at in range(0, len(case.body), step * size))]
        for path, part in zip(paths, parts, strict=True):
            with open(path, "wb") as stream:
                stream.write(head + part)
        sides: dict[str, Callable[[], Any]] = {
            "read_1_ms": lambda: hapi.read(paths[0]),
            "series_1_ms": lambda: TimeSeries(paths[0]).shape,
            "read_96_ms": lambda: hapi.read(*paths[1:]),
            "series_96_ms": lambda: TimeSeries(paths[1:], concatenate=True).shape,
        }
        return medians(sides, repeats)


def medians(sides: dict[str, Callable[[], Any]], repeats: int, middle: Callable[..., float] = statistics.median) -> Any:
    """Return the CPU time of each side in milliseconds, run alternately."""
    spent: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(repeats):
        for side, work in sides.items():
            gc.collect()
            start = time.process_time()
            work()
            spent[side].append((time.process_time() - start) * 1e3)
    return {side: round(middle(ms), 1) for side, ms in spent.items()}


def readers(name: str, repeats: int) -> dict[str, float]:
    """Return the minimum time of each CSV reader for a body, without conversion of text."""
    case = CASES[name]()
    kinds = [one["type"] for one in case.info["parameters"] for _ in range(one.get("size", [1])[0])]
    names = [str(index) for index in range(len(kinds))]
    found = {"pandas": read_pandas, "pyarrow": read_pyarrow, "polars": read_polars}
    sides = {
        side: partial(read, case.body, names, kinds) for side, read in found.items() if importlib.util.find_spec(side)
    }
    return medians(sides, repeats, min)


def read_pandas(body: bytes, names: list[str], kinds: list[str]) -> Any:
    import pandas as pd

    types = {
        name: {"double": float, "integer": "int64"}.get(kind, object) for name, kind in zip(names, kinds, strict=True)
    }
    return pd.read_csv(io.BytesIO(body), header=None, names=names, dtype=types, engine="c")


def read_pyarrow(body: bytes, names: list[str], kinds: list[str]) -> Any:
    import pyarrow as pa
    from pyarrow import csv

    known = {"double": pa.float64(), "integer": pa.int64()}
    types = {name: known.get(kind, pa.binary()) for name, kind in zip(names, kinds, strict=True)}
    reading = csv.ReadOptions(
        use_threads=False, block_size=1 << 22 if len(names) > 100 else 1 << 19, column_names=names
    )
    conversion = csv.ConvertOptions(column_types=types, null_values=[], check_utf8=False)
    for _ in csv.open_csv(pa.BufferReader(body), reading, csv.ParseOptions(), conversion):
        pass


def read_polars(body: bytes, names: list[str], kinds: list[str]) -> Any:
    import polars as pl

    known = {"double": pl.Float64, "integer": pl.Int64}
    schema = {name: known.get(kind, pl.String) for name, kind in zip(names, kinds, strict=True)}
    return pl.read_csv(body, has_header=False, schema=schema, quote_char=None)


SERVER = """
import asyncio, json, sys
import numpy as np
from aiohttp import web

TIME = {"name": "Time", "type": "isotime", "length": 20, "units": "UTC", "fill": None}
FIELD = {"name": "B", "type": "double", "size": [3], "units": "nT", "fill": "-1e31", "description": "Field"}
UNIT = sys.argv[1]
INFO = {"HAPI": "3.1", "status": {"code": 1200, "message": "OK"}, "startDate": "2015-01-01Z", "stopDate": "2016-01-01Z",
        "cadence": "PT1" + UNIT.upper(), "description": "Field of a year", "parameters": [TIME, FIELD]}
OK = {"HAPI": "3.1", "status": {"code": 1200, "message": "OK"}}

async def answer(request):
    await asyncio.sleep(0.05)
    name = request.path.rsplit("/", 1)[1]
    if name == "info":
        return web.json_response(INFO)
    if name == "capabilities":
        return web.json_response({**OK, "outputFormats": ["csv", "binary"]})
    if name == "catalog":
        return web.json_response({**OK, "catalog": [{"id": "X", "title": "Field"}]})
    first, last = (np.datetime64(request.query[key].rstrip("Z"), "ms") for key in ("start", "stop"))
    times = np.arange(first, last, np.timedelta64(1, UNIT))
    records = np.zeros(len(times), [("t", "S20"), ("b", "<f8", 3)])
    records["t"] = np.char.add(np.datetime_as_string(times, "s"), "Z")
    records["b"] = np.sin(np.arange(3) + times.astype(float)[:, None])
    head = b"#" + json.dumps({**INFO, "format": "binary"}).encode() + b"\\n" if "include" in request.query else b""
    return web.Response(body=head + records.tobytes(), content_type="application/octet-stream")

async def run():
    app = web.Application()
    app.router.add_get("/hapi/{name}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()

asyncio.run(run())
"""

DAYS = ("2015-01-01T00:00:00Z", "2015-04-07T00:00:00Z")
"""96 days."""


def load_96(repeats: int) -> dict[str, Any]:
    """Return the median elapsed times for 96 chunks from a server with 50 ms of latency."""
    from sunpy_helio_plugins import conf, hapi

    server = subprocess.Popen([sys.executable, "-c", SERVER, "m"], stdout=subprocess.PIPE, text=True)
    spent: dict[str, list[float]] = {"ours": [], "theirs": [], "parallel": []}
    try:
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}/hapi"
        with conf.set_temp("cache", False), conf.hapi.set_temp("cache", False):
            for _ in range(repeats):
                start = time.perf_counter()
                mine = checksum(hapi.load(url, "X", *DAYS, chunk=86400.0))
                spent["ours"].append(time.perf_counter() - start)
                for side, parallel in (("theirs", False), ("parallel", True)):
                    start = time.perf_counter()
                    found = checksum(chunks_of_hapiclient(url, parallel))
                    spent[side].append(time.perf_counter() - start)
                    assert close(mine, found), (mine, found)
    finally:
        server.terminate()
        server.wait()
    medians = {side: statistics.median(seconds) for side, seconds in spent.items()}
    return {
        **{f"{side}_s": round(value, 3) for side, value in medians.items()},
        "ratio": round(medians["theirs"] / medians["ours"], 1),
        "ratio_parallel": round(medians["parallel"] / medians["ours"], 1),
        "target_parallel": TARGETS["load_96_parallel"],
    }


def chunks_of_hapiclient(url: str, parallel: bool) -> Any:
    from astropy import units as u
    from astropy.table import QTable
    from astropy.time import Time
    from astropy.utils.masked import Masked
    from hapiclient import hapi, hapitime2datetime

    with tempfile.TemporaryDirectory() as folder:
        data, _ = hapi(url, "X", "B", *DAYS, n_chunks=96, parallel=parallel, cachedir=folder, usecache=False)
    table = QTable()
    table["Time"] = Time(hapitime2datetime(data["Time"]), scale="utc")
    table["B"] = Masked(u.Quantity(data["B"], u.nT), mask=data["B"] == FILL)
    return table


MEMORY = """
import re, sys, warnings
warnings.simplefilter("ignore")
from sunpy_helio_plugins import hapi

def kilobytes(what):
    return int(re.search(what + r":\\s+(\\d+)", open("/proc/self/status").read())[1])

hapi.read(sys.argv[2])
before = kilobytes("VmRSS")
table = hapi.read(sys.argv[1])
columns = list(table.columns.values())
decoded = sum(16 * len(c) if hasattr(c, "jd1") else c.unmasked.value.nbytes + c.mask.nbytes for c in columns)
print(decoded, (kilobytes("VmHWM") - before) * 1024)
"""


def days_of(kind: str, days: int, cadence: int) -> Iterator[bytes]:
    """Yield the header, and the records of each day, whose values are the same."""
    count = 86400 // cadence
    values = numbers(count, 3)
    clock = stamps(86400)[::cadence]
    vector = kind == "binary"
    info = described(double("B", size=[3])) if vector else described(*(double(f"p{index}") for index in range(3)))
    body = csv_lines(clock, values)
    if vector:
        records = np.zeros(count, [("t", "S24"), ("v", "<f8", 3)])
        records["t"], records["v"] = clock, values
        body = records.tobytes()
    yield b"#" + json.dumps({**info, "format": kind}).encode() + b"\n"
    for day in np.datetime64("2015-01-01") + np.arange(days):
        yield body.replace(b"2015-01-01", str(day).encode())


def memory(name: str) -> dict[str, Any]:
    """Return the size of the decoded records divided by the largest memory of a new process that reads them."""
    kind, days = {"memory_csv": ("csv", 152), "memory_year": ("binary", 365)}[name]
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, one) for one in ("whole.hapi", "short.hapi")]
        for path, several in zip(paths, (days, 1), strict=True):
            with open(path, "wb") as stream:
                stream.writelines(days_of(kind, several, 1 if path == paths[0] else 600))
        size = os.path.getsize(paths[0])
        done = subprocess.run([sys.executable, "-c", MEMORY, *paths], capture_output=True, text=True, check=True)
    decoded, above = map(int, done.stdout.split()[-2:])
    return {
        "ratio": round(decoded / above, 3), "decoded_mb": round(decoded / 1e6), "peak_mb": round(above / 1e6),
        "file_mb": round(size / 1e6),
    }  # fmt: skip


RANGE = """
import re, sys, warnings
warnings.simplefilter("ignore")
from sunpy_helio_plugins import conf, hapi

def kilobytes(what):
    return int(re.search(what + r":\\s+(\\d+)", open("/proc/self/status").read())[1])

url, stop, folder, conf.cache_dir = sys.argv[1:]
if folder:
    hapi.to_parquet(url, "X", "2015-01-01", "2015-01-02", folder=folder + "/first", progress=False)
else:
    hapi.load(url, "X", "2015-01-01", "2015-01-01T01:00")
before = kilobytes("VmRSS")
decoded = 0
if folder:
    hapi.to_parquet(url, "X", "2015-01-01", stop, folder=folder + "/" + stop, progress=False)
else:
    table = hapi.load(url, "X", "2015-01-01", stop)
    decoded = 16 * len(table) + table["B"].unmasked.value.nbytes + table["B"].mask.nbytes
print(decoded, (kilobytes("VmHWM") - before) * 1024)
"""


def memory_of_ranges(name: str) -> dict[str, Any]:
    """Return the ratio of memory for records of a server with a cadence of 1 s."""
    server = subprocess.Popen([sys.executable, "-c", SERVER, "s"], stdout=subprocess.PIPE, text=True)
    found = []
    try:
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}/hapi"
        with tempfile.TemporaryDirectory() as folder:
            stops = ["2015-07-01"] if name == "memory_load" else ["2015-03-02", "2015-05-30"]
            for stop in stops:
                given = [url, stop, "" if name == "memory_load" else folder, folder]
                done = subprocess.run([sys.executable, "-c", RANGE, *given], capture_output=True, text=True, check=True)
                found.append([int(number) for number in done.stdout.split()[-2:]])
    finally:
        server.terminate()
        server.wait()
    peaks = {"peak_mb": [round(above / 1e6) for _, above in found]}
    if name == "memory_load":
        decoded, above = found[0]
        return {"ratio": round(decoded / above, 3), "decoded_mb": round(decoded / 1e6), **peaks}
    return {"ratio": round(found[1][1] / found[0][1], 2), **peaks}


def repeat(repeats: int) -> dict[str, float]:
    """Return the time of a first load of a day, divided by that of the same load again; see ``benchmarks/cache.py``."""
    import cache

    return cache.repeat(repeats)


def files_365(repeats: int) -> dict[str, float]:
    """Return the time of reading daily files of a cadence of 1 min one by one, divided by that of one table."""
    from sunpy_helio_plugins import hapi

    head, *days = days_of("csv", 365, 60)
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, f"{index:03}.hapi") for index in range(len(days))]
        for path, body in zip(paths, days, strict=True):
            with open(path, "wb") as stream:
                stream.write(head + body)
        sides = {"singles_ms": lambda: [hapi.read(path) for path in paths], "whole_ms": lambda: hapi.read(*paths)}
        found = medians(sides, repeats)
    return {"ratio": round(found["singles_ms"] / found["whole_ms"], 2), **found}


def exponents(repeats: int) -> dict[str, float]:
    """Return the times for four times as many records, files and rows of a search, divided by those for one."""
    from sunpy.net import Fido
    from sunpy.net import attrs as a

    from sunpy_helio_plugins import hapi, sandbox

    few, many = (csv_of(count, 3).answer for count in (250_000, 1_000_000))
    sides: dict[str, Callable[[], Any]] = {"read_1": lambda: hapi.read(few), "read_4": lambda: hapi.read(many)}
    with sandbox.serve(), tempfile.TemporaryDirectory() as folder:
        for label, hours in (("1", 25), ("4", 100)):
            span = a.Time("2026-01-10", np.datetime_as_string(np.datetime64("2026-01-10T00:00") + hours * 60))
            ask = partial(Fido.search, span, a.hapi.Server.cdaweb, a.hapi.Dataset("AC_H0_MFI"))
            found = ask(a.hapi.Chunk("PT1H"))
            sides[f"fetch_{label}"] = partial(
                Fido.fetch, found, path=os.path.join(folder, "{file}"), progress=False, overwrite=True
            )
            sides[f"search_{label}"] = partial(ask, a.hapi.Chunk("PT4M"))
        found_ms = medians(sides, repeats)
    return {name: round(found_ms[f"{name}_4"] / found_ms[f"{name}_1"], 2) for name in ("read", "fetch", "search")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    others = {
        "load_96": load_96, "repeat": repeat, "series": series, "files_365": files_365, "exponents": exponents,
        "memory_csv": lambda _: memory("memory_csv"), "memory_year": lambda _: memory("memory_year"),
        "memory_load": lambda _: memory_of_ranges("memory_load"),
        "memory_parquet": lambda _: memory_of_ranges("memory_parquet"),
    }  # fmt: skip
    names = [*CASES, *others]
    parser.add_argument("cases", nargs="*", default=[], help=f"which of {', '.join(names)}; default all")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--readers", action="store_true", help="measure readers of CSV by themselves")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.INFO)
    results: dict[str, dict[str, Any]] = {}
    if chosen.readers:
        os.environ["POLARS_MAX_THREADS"] = "1"
        results = {name: readers(name, chosen.repeats) for name in CASES if name.startswith("csv")}
        print(json.dumps(results))
        return
    for name in chosen.cases or names:
        results[name] = others[name](chosen.repeats) if name in others else compare(name, chosen.repeats)
        if name in TARGETS:
            results[name]["target"] = TARGETS[name]
        if not chosen.json:
            print(name, results[name], flush=True)
    if chosen.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
