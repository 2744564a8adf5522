"""
Measure the cache of records: ``python benchmarks/cache.py [--repeats N] [--latency SECONDS] [--json]``.

A small HAPI server in this process answers each request after 50 ms with binary records. ``repeat`` is the time of a
load of a day of 1-minute records that requests everything (cold, with the description of the dataset already cached),
that of the same load again (warm), and their ratio. ``million`` is the same of 1e6 records of a vector. ``overlap`` is
the number of records requested for a range of which half is known, over the number of those that are not. ``processes``
is the number of requests of eight processes that load the same range at once. Times are medians, in milliseconds; if
hapiclient is installed, that of its own cache for the same day is given as well.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import multiprocessing
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

from sunpy_helio_plugins import conf, hapi

START = np.datetime64("2015-01-01T00:00:00")
INFO = {
    "HAPI": "3.0", "status": {"code": 1200, "message": "OK"}, "startDate": "2015-01-01T00:00:00Z",
    "stopDate": "2020-01-01T00:00:00Z", "modificationDate": "2021-01-01T00:00:00Z",
    "parameters": [
        {"name": "Time", "type": "isotime", "length": 20, "units": "UTC", "fill": None},
        {"name": "B", "type": "double", "size": [3], "units": "nT", "fill": "-1e31"},
        {"name": "n", "type": "double", "units": "cm^-3", "fill": "-1e31"},
    ],
}  # fmt: skip
CADENCES = {"minutes": 60, "seconds": 1}
RECORD = np.dtype([("Time", "S20"), ("B", "<f8", 3), ("n", "<f8")])


def records(first: int, before: int, cadence: int, names: list[str]) -> bytes:
    """Return the binary records of some parameters in a range in seconds."""
    seconds = np.arange(-(-first // cadence) * cadence, before, cadence)
    made = np.zeros(len(seconds), RECORD)
    made["Time"] = np.char.add((START + seconds.astype("m8[s]")).astype("S19"), b"Z")
    made["B"], made["n"] = seconds[:, None] % 97 + np.arange(3), seconds % 89
    layout = np.dtype([(name, RECORD[name].str if name != "B" else "<f8", 3 if name == "B" else ()) for name in names])
    packed = np.zeros(len(made), layout)
    for name in names:
        packed[name] = made[name]
    return packed.tobytes()


class Handler(BaseHTTPRequestHandler):
    """A HAPI server with two datasets."""

    protocol_version = "HTTP/1.1"
    latency = 0.0
    asked: list[tuple[int, int]] = []

    def log_message(self, *_: Any) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        """Answer after some time."""
        time.sleep(self.latency)
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = getattr(self, parts.path.rpartition("/")[2])(query)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def capabilities(self, query: dict[str, str]) -> bytes:
        """Return the formats."""
        return json.dumps({"HAPI": "3.0", "status": INFO["status"], "outputFormats": ["csv", "binary"]}).encode()

    def catalog(self, query: dict[str, str]) -> bytes:
        """Return the ids."""
        return json.dumps(
            {"HAPI": "3.0", "status": INFO["status"], "catalog": [{"id": one} for one in CADENCES]}
        ).encode()

    def info(self, query: dict[str, str]) -> bytes:
        """Return the description of a dataset."""
        return json.dumps({**INFO, "cadence": f"PT{CADENCES[query['dataset']]}S"}).encode()

    def data(self, query: dict[str, str]) -> bytes:
        """Return records."""
        start, stop = (int((np.datetime64(query[name][:19]) - START).astype(int)) for name in ("start", "stop"))
        self.asked.append((start, stop))
        names = ["Time", *query["parameters"].split(",")] if "parameters" in query else ["Time", "B", "n"]
        names = list(dict.fromkeys(names))
        parameters = [one for one in INFO["parameters"] if one["name"] in names]
        head = b"#" + json.dumps({**INFO, "parameters": parameters, "format": "binary"}).encode() + b"\n"
        return (head if query.get("include") else b"") + records(start, stop, CADENCES[query["dataset"]], names)


@contextlib.contextmanager
def served(latency: float) -> Iterator[str]:
    Handler.latency = latency
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hapi"
    server.shutdown()


def milliseconds(work: Callable[[], Any], repeats: int) -> float:
    """Return the median time of some calls."""
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        found.append(1e3 * (time.perf_counter() - start))
    return statistics.median(found)


def cold_and_warm(url: str, dataset: str, stop: str, repeats: int) -> dict[str, float]:
    def load() -> Any:
        return hapi.load(url, dataset, "2015-01-01", stop, "B")

    def cold() -> None:
        hapi.cache.clear()
        load()

    load()
    slow, fast = milliseconds(cold, repeats), milliseconds(load, 5 * repeats)
    return {"ratio": round(slow / fast, 1), "cold": round(slow, 2), "warm": round(fast, 2)}


def overlap(url: str) -> dict[str, float]:
    hapi.cache.clear()
    hapi.load(url, "minutes", "2015-02-01", "2015-02-02")
    Handler.asked.clear()
    hapi.load(url, "minutes", "2015-02-01T12:00", "2015-02-02T12:00")
    seconds = sum(stop - start for start, stop in Handler.asked)
    return {"ratio": round(seconds / 43200, 4), "requests": len(Handler.asked)}


def _one_process(url: str, barrier: Any, found: Any) -> None:
    barrier.wait()
    found.put(len(hapi.load(url, "minutes", "2015-03-01", "2015-03-08", "B")))


def processes(url: str, number: int = 8) -> dict[str, float]:
    Handler.asked.clear()
    context = multiprocessing.get_context("fork")
    barrier, found = context.Barrier(number), context.Queue()
    running = [context.Process(target=_one_process, args=(url, barrier, found)) for _ in range(number)]
    for one in running:
        one.start()
    lengths = {found.get(timeout=60) for _ in running}
    for one in running:
        one.join()
    return {"requests": len(Handler.asked), "lengths": len(lengths)}


def of_hapiclient(url: str, repeats: int) -> float:
    from hapiclient import hapi as client

    with tempfile.TemporaryDirectory() as folder:
        options = {"cachedir": folder, "usecache": True, "logging": False}
        arguments = (url, "minutes", "B", "2015-01-01T00:00:00Z", "2015-01-02T00:00:00Z")
        client(*arguments, **options)
        return milliseconds(lambda: client(*arguments, **options), repeats)


def repeat(repeats: int, latency: float = 0.05) -> dict[str, float]:
    """Return the times of a load of a day of 1-minute records, cold and warm, and their ratio."""
    with tempfile.TemporaryDirectory() as folder, served(latency) as url, conf.set_temp("cache_dir", folder):
        made = cold_and_warm(url, "minutes", "2015-01-02", repeats)
        if importlib.util.find_spec("hapiclient"):
            made["hapiclient_warm"] = round(of_hapiclient(url, 5 * repeats), 2)
        return made


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    made: dict[str, Any] = {"repeat": repeat(chosen.repeats, chosen.latency)}
    with tempfile.TemporaryDirectory() as folder, served(chosen.latency) as url, conf.set_temp("cache_dir", folder):
        made |= {
            "million": cold_and_warm(url, "seconds", "2015-01-12T13:46:40", chosen.repeats),
            "overlap": overlap(url),
            "processes": processes(url),
        }
    print(json.dumps(made) if chosen.json else "\n".join(f"{key}: {value}" for key, value in made.items()))


if __name__ == "__main__":
    main()
