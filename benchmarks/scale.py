"""
Measure how ``hapi.to_parquet`` scales over the processes of a dask cluster: ``python benchmarks/scale.py [--json]``.

A server in a process of its own sends vectors with a cadence of 1 s as binary records. The workers have one thread
each.

``parquet_day`` is the time for a day with one worker, compared with an expert's dozen lines of requests, numpy and
pyarrow in one process that write the same values, without units, checks, fill values and leap seconds; both are
measured alternately. ``workers_2`` is the time of one worker divided by that of two, and ``workers_4`` that of four,
for days of records that are decoded and written: work that needs a processor. ``waiting_4`` is the same for a server
that waits a second before each response: work that does not need one. The number of free processors limits the first
two.

``--year`` writes 366 days with two workers, one of which is killed after a third of the files, and checks that each
record is there once.

Run it as ``python benchmarks/scale.py [--json] [--days 24] [--year]``.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import os
import signal
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import distributed
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import requests

from sunpy_helio_plugins import conf, hapi

START = np.datetime64("2024-01-01", "s")
RECORD = np.dtype([("Time", "S20"), ("B", "<f8", (3,))])
INFO = {
    "HAPI": "3.1", "status": {"code": 1200, "message": "OK"}, "startDate": "2024-01-01Z", "stopDate": "2026-01-01Z",
    "cadence": "PT1S", "modificationDate": "2026-01-01Z",
    "parameters": [
        {"name": "Time", "type": "isotime", "units": "UTC", "fill": None, "length": 20},
        {"name": "B", "type": "double", "units": "nT", "fill": "-1e31", "size": [3], "description": "field"},
    ],
}  # fmt: skip


def records(first: str, last: str) -> bytes:
    """Return the records of a range as a server sends them."""
    start, stop = (np.datetime64(one.rstrip("Z"), "s") for one in (first, last))
    times = np.arange(start, stop)
    made = np.zeros(len(times), RECORD)
    made["Time"] = np.char.add(np.datetime_as_string(times).astype("S19"), b"Z")
    phase = (times - START).astype(float)
    made["B"] = 5 * np.stack([np.sin(phase / 900), np.cos(phase / 700), np.sin(phase / 11)], axis=1)
    return made.tobytes()


class Answer(BaseHTTPRequestHandler):
    """A HAPI server with one dataset; it waits as long as the path says."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer one request."""
        parts = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        _, wait, _, endpoint = parts.path.split("/")
        if endpoint == "data":
            time.sleep(float(wait))
            body = self.server.made(asked.get("time.min") or asked["start"], asked.get("time.max") or asked["stop"])
        elif endpoint == "info":
            body = json.dumps(INFO).encode()
        elif endpoint == "capabilities":
            body = json.dumps({**STATUS, "outputFormats": ["csv", "binary"]}).encode()
        else:
            body = json.dumps({**STATUS, "catalog": [{"id": "field"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *given: Any) -> None:
        """Print nothing."""


STATUS = {"HAPI": "3.1", "status": {"code": 1200, "message": "OK"}}


class Server(ThreadingHTTPServer):
    """Keep what was sent, so that making records is not measured."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.known: dict[tuple[str, str], bytes] = {}

    def made(self, first: str, last: str) -> bytes:
        """Return the records of a range."""
        if (first, last) not in self.known:
            self.known[first, last] = records(first, last)
        return self.known[first, last]


def serve(pipe: Any) -> None:
    server = Server(("127.0.0.1", 0), Answer)
    pipe.send(server.server_port)
    server.serve_forever()


@contextmanager
def serving() -> Iterator[str]:
    """Run the server in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    port = ours.recv()
    servers = [f"now=http://127.0.0.1:{port}/0/hapi", f"slow=http://127.0.0.1:{port}/1/hapi"]
    try:
        with (
            conf.set_temp("allow_http", True), conf.hapi.set_temp("servers", servers),
            conf.hapi.set_temp("cache", False), conf.set_temp("cache", False),
        ):  # fmt: skip
            yield f"http://127.0.0.1:{port}/0/hapi"
    finally:
        process.kill()


@contextmanager
def cluster(workers: int) -> Iterator[distributed.Client]:
    """Run workers that have imported the package."""
    with (
        distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=logging.ERROR
        ) as made,
        distributed.Client(made, set_as_default=False) as client,
        tempfile.TemporaryDirectory() as folder,
    ):
        write("now", folder, 2 * workers, client)
        yield client


def day(number: int) -> str:
    return f"{(START + np.timedelta64(number, 'D')).astype('M8[D]')}Z"


def write(server: str, folder: str, days: int, client: Any, partition: str = "day") -> float:
    """Write days to a new folder; return the seconds."""
    start = time.perf_counter()
    target = Path(folder, f"{start}")
    found = hapi.to_parquet(
        server, "field", day(0), day(days), folder=target, partition=partition, chunk="P1D", progress=False,
        client=client,
    )  # fmt: skip
    assert not found.problems
    assert len(found.files) == days
    return time.perf_counter() - start


def bare(url: str, folder: str, days: int) -> float:
    """Do the same as an expert would; return the seconds."""
    start = time.perf_counter()
    for number in range(days):
        body = requests.get(
            f"{url}/data?id=field&time.min={day(number)}&time.max={day(number + 1)}&format=binary", timeout=60
        ).content
        rows = np.frombuffer(body, RECORD)
        times = np.char.rstrip(rows["Time"].astype("U20"), "Z").astype("M8[ns]")
        values = pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(rows["B"]).ravel()), 3)
        pq.write_table(pa.table({"Time": times, "B": values}), f"{folder}/{start}-{number}.parquet", compression="zstd")
    return time.perf_counter() - start


def measured(days: int, repeats: int) -> dict[str, dict[str, float]]:
    """Return all measurements."""
    seconds: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        seconds.setdefault(name, []).append(value)

    with (
        serving() as url, tempfile.TemporaryDirectory() as folder,
        cluster(1) as one, cluster(2) as two, cluster(4) as four,
    ):  # fmt: skip
        for number in range(repeats + 1):
            pairs = (
                ("bare", lambda: bare(url, folder, days)),
                ("one", lambda: write("now", folder, days, one)),
                ("two", lambda: write("now", folder, days, two)),
                ("four", lambda: write("now", folder, days, four)),
                ("slow_one", lambda: write("slow", folder, 8, one)),
                ("slow_four", lambda: write("slow", folder, 8, four)),
            )
            for name, work in pairs:
                value = work()
                if number:
                    note(name, value)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        "parquet_day": {
            "ratio": round(median["bare"] / median["one"], 2), "ours_s": round(median["one"] / days, 3),
            "bare_s": round(median["bare"] / days, 3),
        },
        "workers_2": {"ratio": round(median["one"] / median["two"], 2)},
        "workers_4": {"ratio": round(median["one"] / median["four"], 2)},
        "waiting_4": {"ratio": round(median["slow_one"] / median["slow_four"], 2)},
    }  # fmt: skip


def year() -> dict[str, dict[str, float]]:
    """Write a year while a worker is killed; return the seconds and the numbers of records."""
    days, killed = 366, list[int]()
    with serving(), cluster(2) as client, tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "year")

        def kill() -> None:
            while len(list(target.glob("*.parquet"))) < days / 3:
                time.sleep(0.1)
            killed.append(min(client.run(os.getpid).values()))
            os.kill(killed[0], signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        start = time.perf_counter()
        found = hapi.to_parquet(
            "now", "field", day(0), day(days), folder=target, chunk="P1D", progress=False, client=client
        )
        elapsed = time.perf_counter() - start
        killer.join()
        times = np.concatenate([pq.read_table(one, columns=["Time"])["Time"].to_numpy() for one in found.files])
        size = sum(one.stat().st_size for one in found.files)
    expected = np.arange(START, START + np.timedelta64(days, "D")).astype("M8[ns]")
    assert killed
    assert not found.problems
    assert np.array_equal(times, expected)
    return {"year": {"ratio": 1.0, "seconds": round(elapsed, 1), "records": len(times), "mb": round(size / 1e6, 1)}}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--days", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--year", action="store_true")
    chosen = parser.parse_args()
    made = year() if chosen.year else measured(chosen.days, chosen.repeats)
    print(json.dumps(made) if chosen.json else "\n".join(f"{name}: {value}" for name, value in made.items()))


if __name__ == "__main__":
    main()
