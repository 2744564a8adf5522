"""
Measure the performance of the Helioviewer client: lists, nearest images, a small image, fifty files, and sequences.

Both sides of each comparison run alternately in one process, with one server on loopback. Run it as
``python benchmarks/helioviewer.py [cases] [--repeats N] [--json]``.

``day``, ``month``
    Milliseconds of a search of AIA 304 in addition to the time of its bare requests, and the peak memory.
``read_512``
    The speed-up of ``helioviewer.read(size=512)`` over ``Map(full).resample((512, 512))``.
``area_read``
    The speed-up of ``helioviewer.read(region=...)`` over ``Map(full).submap(...)`` for 256 pixels at full resolution,
    given as pixels; and ``sky_ratio``, that for corners on the sky. sunpy finds the observer for these, once for an
    image: ``sky_first_ratio`` is that of its first region.
``bytes_region``
    The share of a file that the server sends for such regions on the disk, which should be at most 13 %, and the number
    of its requests.
``bytes_512``, ``bytes_512_smooth``
    The size of complete files divided by the bytes that the server sends for images of 512 pixels; with photon noise,
    and with a quarter of it. The required bytes depend on the image: without any noise, the half bit for each pixel is
    used for the large structures, and 512 pixels need 1/7.8 of the file.
``fetch_hvpy``
    The speed-up of fetching fifty files over a loop of ``hvpy.getJP2Image``, with 50 ms of latency.
``nearest_500``
    The speed-up of ``helioviewer.nearest`` for 500 times within 250 days over one search of the HAPI server for each,
    with the time that each service needs: 2.7 s for HAPI, 0.04 s for a directory page, 0.07 s for the API.
``sequence_400``
    The time that the decoder alone needs for 400 images of 512 pixels, divided by that of ``sequence(...).to_array()``
    of their files, both in one process; and the seconds, and those of the processor, in which a day of 2,400 images
    is listed and becomes a lazy array.
``zarr_day``
    The time of ``to_array`` for a day of 2,400 images of 128 pixels, divided by that of ``to_zarr``; the seconds of
    a second call, which has nothing to do; and the peak memory of Python.
``exponents``
    The CPU times for four times as many rows or instants, up to 500,000, divided by those for one: 4 is linear.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import sys
import tempfile
import threading
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ["PARFIVE_HIDE_PROGRESS"] = "1"

import astropy.units as u  # noqa: E402
import glymur  # noqa: E402
import hvpy  # noqa: E402
import numpy as np  # noqa: E402
import requests  # noqa: E402
from sunpy.net import Fido  # noqa: E402
from sunpy.net import attrs as a  # noqa: E402

from sunpy_helio_plugins import HelioviewerClient, conf, helioviewer  # noqa: E402
from sunpy_helio_plugins.helioviewer.jp2 import reduce  # noqa: E402
from sunpy_helio_plugins.helioviewer.maps import regions  # noqa: E402
from sunpy_helio_plugins.sandbox.helioviewer import holdings  # noqa: E402
from sunpy_helio_plugins.sandbox.helioviewer import jp2 as made  # noqa: E402

FIRST = datetime(2026, 1, 1, 0, 0, 5, 129000)
CADENCE = timedelta(seconds=36)
LATENCY = 0.05
FILES = 50
BUDGET_MS = {"day": 25.0, "month": 300.0}
HAPI_SECONDS, PAGE_SECONDS, API_SECONDS = 2.7, 0.04, 0.07
TARGETS = {"area_read": 15.0, "nearest_500": 50.0, "sequence_400": 0.67, "zarr_day": 0.5, "exponents": 6.0}

INFO = {
    "HAPI": "3.1", "status": {"code": 1200, "message": "OK"}, "outputFormats": ["csv", "binary", "json"],
    "startDate": "2010-06-02T00:05:39Z", "stopDate": "2026-10-01T00:00:00Z",
    "parameters": [
        {"name": "Time", "type": "isotime", "units": "UTC", "fill": None, "length": 20},
        {"name": "path", "type": "string", "units": None, "fill": None, "length": 255},
    ],
}  # fmt: skip


def path_of(when: datetime) -> str:
    stamp = f"{when:%Y_%m_%d__%H_%M_%S}_{when.microsecond // 1000:03d}"
    return f"/AIA/{when:%Y/%m/%d}/304/{stamp}__SDO_AIA_AIA_304.jp2"


def rows(start: datetime, stop: datetime) -> bytes:
    first = max((start - FIRST) // CADENCE, 0)
    times = (FIRST + number * CADENCE for number in range(first, (stop - FIRST) // CADENCE + 1))
    return "".join(f"{when:%Y-%m-%dT%H:%M:%SZ},{path_of(when)}\n" for when in times if start <= when).encode()


def picture(folder: Path, grain: float = 1.0) -> bytes:
    """
    Return a file with AIA's layout: RPCL, eight resolution levels, precincts of 128, eight layers, PLT, 0.5 bit/pixel.

    The image is that of the embedded archive, with photon noise at the scale of its pixels.
    """
    small = made.content(holdings.images(13)[-1])
    assert small is not None
    grey = reduce.decoded(small).astype(np.float32)
    for _ in range(2):
        grey = np.kron(grey, np.ones((2, 2), np.float32))
        noise = np.random.RandomState(len(grey)).standard_normal(grey.shape).astype(np.float32)
        grey = (grey + grain * noise * np.sqrt(grey + 1)).clip(0, None)
    file = folder / "encoded.jp2"
    glymur.Jp2k(
        file, data=grey.clip(0, 255).astype(np.uint8), prog="RPCL", cratios=[16 << k for k in range(7, -1, -1)],
        numres=9, plt=True, psizes=[(128, 128)] * 9, cbsize=(64, 64), irreversible=True,
    )  # fmt: skip
    header = made.header(holdings.images(13)[-1]).replace(">1024<", ">4096<").replace(">512.5000<", ">2048.5000<")
    return made.with_header(file.read_bytes(), header)


class Handler(BaseHTTPRequestHandler):
    """Send lists immediately, and images after a delay."""

    protocol_version = "HTTP/1.1"
    bodies: dict[str, bytes] = {}
    image = b""
    asked: list[str] = []
    sent: list[int] = []
    is_slow = False

    def do_GET(self) -> None:  # noqa: D102
        url = urlsplit(self.path)
        self.asked.append(self.path)
        if url.path.startswith("/hapi/"):
            self.answer(200, self.listed(url))
        elif url.path.endswith("/304/"):
            self.answer(200, self.page(url.path))
        elif "getClosestImage" in url.path:
            time.sleep(API_SECONDS if self.is_slow else 0)
            self.answer(200, b'{"13": {"prev_date": null, "next_date": null}}')
        else:
            time.sleep(LATENCY)
            self.picture()

    def page(self, path: str) -> bytes:  # noqa: D102
        time.sleep(PAGE_SECONDS if self.is_slow else 0)
        day = datetime(*map(int, path.split("/")[3:6]))
        if path not in self.bodies:
            names = (row.rpartition(b"/")[2] for row in rows(day, day + timedelta(days=1)).splitlines())
            links = b"".join(b'<a href="%b">%b</a>\n' % (name, name) for name in names)
            self.bodies[path] = b"<title>Index of</title>" + links
        return self.bodies[path]

    def listed(self, url: Any) -> bytes:  # noqa: D102
        time.sleep(HAPI_SECONDS if self.is_slow else 0)
        if not url.path.endswith("/data"):
            return json.dumps(INFO).encode()
        if url.query not in self.bodies:
            query = parse_qs(url.query)
            span = [datetime.fromisoformat(query[name][0].rstrip("Z")) for name in ("start", "stop")]
            self.bodies[url.query] = rows(*span)
        return self.bodies[url.query]

    def picture(self) -> None:  # noqa: D102
        wish = self.headers.get("Range")
        if wish is None:
            self.answer(200, self.image)
            return
        first, last = (int(one) for one in wish.removeprefix("bytes=").split("-"))
        part = self.image[first : last + 1]
        self.sent.append(len(part))
        span = f"bytes {first}-{first + len(part) - 1}/{len(self.image)}"
        self.answer(206, part, {"Content-Range": span})

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:  # noqa: D102
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:  # noqa: D102
        pass


@contextlib.contextmanager
def served() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    with contextlib.ExitStack() as stack:
        for item, value in (("hapi_url", "hapi"), ("jp2_url", "jp2"), ("api_url", "v2")):
            stack.enter_context(conf.helioviewer.set_temp(item, f"{url}/{value}"))
        yield url
    server.shutdown()
    server.server_close()


def seconds(work: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def cpu_seconds(work: Callable[[], Any]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def searched(days: int, repeats: int) -> dict[str, float]:
    query = a.Time(FIRST, FIRST + timedelta(days=days, seconds=-1)), a.helioviewer.SourceID(13)
    query += (a.helioviewer.Backend("HAPI"),)

    def search() -> Any:
        return HelioviewerClient().search(*query)

    search()
    Handler.asked.clear()
    table = search()
    asked = [one for one in Handler.asked if one.startswith("/hapi/")]
    base = conf.helioviewer.hapi_url.removesuffix("/hapi")
    plain: list[float] = []
    ours: list[float] = []
    with requests.Session() as session:
        for _ in range(repeats):
            plain.append(seconds(lambda: [session.get(base + path).content for path in asked]))
            ours.append(seconds(search))
    tracemalloc.start()
    kept = search()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    beyond = 1e3 * (statistics.median(ours) - statistics.median(plain))
    name = "day" if days == 1 else "month"
    return {
        "ratio": round(BUDGET_MS[name] / max(beyond, 1e-3), 3), "beyond_ms": round(beyond, 1),
        "plain_ms": round(1e3 * statistics.median(plain), 1), "rows": len(table) if len(kept) == len(table) else -1,
        "data_requests": sum("/data" in one for one in asked), "requests": len(asked), "peak_mb": round(peak / 1e6, 1),
        "budget_ms": BUDGET_MS[name],
    }  # fmt: skip


def read_512(file: Path, repeats: int) -> dict[str, float]:
    import sunpy.map

    helioviewer.read(file, size=512)
    sunpy.map.Map(file)
    ours, theirs = [], []
    for _ in range(repeats):
        theirs.append(seconds(lambda: sunpy.map.Map(file).resample((512, 512) * u.pix)))
        ours += [seconds(lambda: helioviewer.read(file, size=512)) for _ in range(3)]
    own, other = statistics.median(ours), statistics.median(theirs)
    return {"ratio": round(other / own, 2), "ours_ms": round(1e3 * own, 1), "theirs_ms": round(1e3 * other, 1)}


def corners(left: int, lower: int, side: int = 256) -> u.Quantity:
    return [[left, lower], [left + side - 1, lower + side - 1]] * u.pix


def area_read(file: Path, repeats: int) -> dict[str, float]:
    """Read regions of a file, and cut them from the map of the complete file."""
    import sunpy.map

    whole = sunpy.map.Map(file)
    boxes = [corners(1400 + 300 * number, 1000 + 400 * number) for number in range(repeats)]
    places = [[whole.wcs.pixel_to_world(*corner.value) for corner in box] for box in boxes]
    ours, theirs, on_sky, on_sky_theirs, on_sky_first = [], [], [], [], []
    for box, place in zip(boxes, places, strict=True):
        if not np.array_equal(helioviewer.read(file, region=box).data, whole.submap(box[0], top_right=box[1]).data):
            raise SystemExit("the region is another one")
        theirs.append(seconds(lambda box=box: sunpy.map.Map(file).submap(box[0], top_right=box[1])))
        ours += [seconds(lambda box=box: helioviewer.read(file, region=box)) for _ in range(3)]
        on_sky_theirs.append(seconds(lambda place=place: sunpy.map.Map(file).submap(place[0], top_right=place[1])))
        on_sky += [seconds(lambda place=place: helioviewer.read(file, region=place)) for _ in range(3)]
        regions._geometry.cache_clear()
        on_sky_first.append(seconds(lambda place=place: helioviewer.read(file, region=place)))
    own, other = statistics.median(ours), statistics.median(theirs)
    sky, first = (statistics.median(on_sky_theirs) / statistics.median(found) for found in (on_sky, on_sky_first))
    return {
        "ratio": round(other / own, 2), "ours_ms": round(1e3 * own, 1), "theirs_ms": round(1e3 * other, 1),
        "sky_ratio": round(sky, 2), "sky_first_ratio": round(first, 2),
    }  # fmt: skip


def bytes_region(data: bytes) -> dict[str, float]:
    """Fetch regions of full resolution on the disk, and count the bytes sent by the server."""
    Handler.image = data
    table = HelioviewerClient().search(a.Time(FIRST, FIRST), a.helioviewer.SourceID(13))
    shares, requests_ = [], []
    for left, lower in ((1000, 1000), (1900, 1900), (2700, 1500), (1500, 2800), (2222, 1234)):
        Handler.sent.clear()
        with tempfile.TemporaryDirectory() as folder:
            found = Fido.fetch(table, path=f"{folder}/{{file}}", region=corners(left, lower), progress=False)
            if found.errors:
                raise SystemExit(str(found.errors))
        shares.append(sum(Handler.sent) / len(data))
        requests_.append(len(Handler.sent))
    return {
        "percent": round(100 * statistics.median(shares), 2), "worst": round(100 * max(shares), 2),
        "requests": max(requests_), "whole": len(data),
    }  # fmt: skip


def bytes_512(data: bytes) -> dict[str, float]:
    """Fetch a few small images, and count the bytes sent by the server."""
    Handler.image = data
    table = HelioviewerClient().search(a.Time(FIRST, FIRST + 4 * CADENCE), a.helioviewer.SourceID(13))
    Handler.sent.clear()
    with tempfile.TemporaryDirectory() as folder:
        Fido.fetch(table, path=f"{folder}/{{file}}", size=512, progress=False)
        if len(list(Path(folder).iterdir())) != len(table):
            raise SystemExit("not all files came")
    sent = sum(Handler.sent) / len(table)
    return {
        "ratio": round(len(data) / sent, 2), "sent": round(sent), "needed": reduce.needed(512, data) or len(data),
        "whole": len(data), "requests": len(Handler.sent) / len(table),
    }  # fmt: skip


def fetch_hvpy(repeats: int) -> dict[str, float]:
    table = HelioviewerClient().search(a.Time(FIRST, FIRST + (FILES - 1) * CADENCE), a.helioviewer.SourceID(13))
    times = list(table["Start Time"].to_datetime())
    ours, theirs = [], []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:

            def loop() -> None:
                for number, when in enumerate(times):
                    data = hvpy.getJP2Image(date=when, sourceId=13)
                    hvpy.save_file(data, Path(folder, f"{number}.jp2"))

            theirs.append(seconds(loop))
            ours.append(seconds(lambda: Fido.fetch(table, path=f"{folder}/ours/{{file}}", progress=False)))
            if len(list(Path(folder, "ours").iterdir())) != FILES:
                raise SystemExit("not all files came")
    own, other = statistics.median(ours), statistics.median(theirs)
    return {"ratio": round(other / own, 2), "ours_s": round(own, 3), "hvpy_s": round(other, 3), "files": FILES}


def nearest_500(repeats: int) -> dict[str, float]:
    """Compare with searches around three of the times."""
    pause = np.random.default_rng(21).integers(60, 43_200 * 2 - 60, 500)
    asked = np.datetime64("2026-01-02", "s") + np.cumsum(pause) % (250 * 86_400)
    days = len(np.unique(asked.astype("M8[D]")))
    client, around = HelioviewerClient(), np.timedelta64(600, "s")
    source = a.helioviewer.SourceID(13), a.helioviewer.Backend("HAPI")

    def search(when: Any) -> Any:
        return client.search(a.Time(str(when - around), str(when + around)), *source)

    helioviewer.nearest(13, asked)  # the server makes its pages once
    Handler.is_slow = True
    try:
        search(asked[0])
        one = statistics.median(seconds(partial(search, when)) for when in asked[:3])
        Handler.asked.clear()
        ours = seconds(lambda: helioviewer.nearest(13, asked))
    finally:
        Handler.is_slow = False
    service = sum(PAGE_SECONDS if "/304/" in path else HAPI_SECONDS if "/hapi/" in path else API_SECONDS
                  for path in Handler.asked)  # fmt: skip
    return {
        "ratio": round(500 * one / ours, 1), "ours_s": round(ours, 2), "one_search_s": round(one, 2),
        "service_s": round(service, 2), "requests": len(Handler.asked), "days": days,
    }  # fmt: skip


def files_of(folder: Path, data: bytes, count: int) -> list[Path]:
    """Return files with the names of a day, all of which are the same one."""
    original = folder / "original.jp2"
    original.write_bytes(data)
    made = []
    for number in range(count):
        file = folder / path_of(FIRST + number * CADENCE).rpartition("/")[2]
        file.unlink(missing_ok=True)
        file.symlink_to(original)
        made.append(file)
    return made


def sequence_400(data: bytes, repeats: int) -> dict[str, float]:
    from sunpy_helio_plugins.helioviewer.jp2 import boxes, samples

    Handler.image = data
    with tempfile.TemporaryDirectory() as folder:
        files = files_of(Path(folder), data, 400)
        small = reduce.reduce(data[: reduce.needed(512, data)], 512)
        start, end = boxes.codestream_at(small)
        stream = small[start:end]
        shown = helioviewer.sequence(files, size=512)
        ours, alone = [], []
        for _ in range(repeats):
            alone.append(seconds(lambda: [samples.decoded(stream) for _ in files]))
            ours.append(seconds(shown.to_array))
    import dask.array  # noqa: F401

    def lazy_day() -> int:
        rows = HelioviewerClient().search(a.Time(FIRST, FIRST + 2399 * CADENCE), a.helioviewer.SourceID(13))
        helioviewer.sequence(rows, size=512).to_dask()
        return len(rows)

    lazy_rows = lazy_day()  # the server makes its list once
    begun = time.process_time()
    listed = statistics.median(seconds(lazy_day) for _ in range(repeats))
    used = (time.process_time() - begun) / repeats
    own, decoder = statistics.median(ours), statistics.median(alone)
    return {
        "ratio": round(decoder / own, 2), "ours_s": round(own, 2), "decoder_s": round(decoder, 2),
        "lazy_day_s": round(listed, 2), "lazy_day_cpu_s": round(used, 2), "lazy_rows": lazy_rows,
    }  # fmt: skip


def zarr_day(repeats: int) -> dict[str, float]:
    small = made.content(holdings.images(13)[-1])
    assert small is not None
    with tempfile.TemporaryDirectory() as folder:
        shown = helioviewer.sequence(files_of(Path(folder), small, 2400), size=128)
        plain = seconds(shown.to_array)
        written = seconds(lambda: shown.to_zarr(Path(folder, "day.zarr")))
        again = seconds(lambda: shown.to_zarr(Path(folder, "day.zarr")))
        tracemalloc.start()
        shown[:400].to_zarr(Path(folder, "part.zarr"))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return {
        "ratio": round(plain / written, 2), "zarr_s": round(written, 2), "array_s": round(plain, 2),
        "again_s": round(again, 2), "peak_mb": round(peak / 1e6, 1),
    }  # fmt: skip


def exponents(repeats: int) -> dict[str, float]:
    """Measure the selection of nearest images, their table, and the pictures of a sequence."""
    from sunpy_helio_plugins.fido.partial import Partial
    from sunpy_helio_plugins.helioviewer import search, source_table, tables
    from sunpy_helio_plugins.helioviewer.instants import WantedInstants, add_images_near
    from sunpy_helio_plugins.helioviewer.listers.base import ImageList
    from sunpy_helio_plugins.helioviewer.listers.fallback import Collection
    from sunpy_helio_plugins.helioviewer.sequences.pictures import pictures_of

    start, step = np.datetime64(FIRST, "us"), np.timedelta64(36, "s")
    source = source_table.by_id()[13]

    def held(count: int) -> Any:
        times = start + np.arange(count) * step
        paths = np.full(count, path_of(FIRST).encode())
        whole = [(times[0] - np.timedelta64(1, "D"), times[-1] + np.timedelta64(1, "D"))]
        return times, paths, Collection([ImageList(times, paths)], ["index"], covered=whole)

    def near(count: int) -> None:
        times, paths, found = kept[count]
        asked = times + np.timedelta64(7, "s")
        limit = np.timedelta64(600, "s")
        able = search.SourceListers(source, ())
        add_images_near(WantedInstants(asked, asked - limit, asked + limit), able, found)
        listing = search.SourceImages(source, times, paths, "https://x", np.full(count, "index"))
        tables.nearest_table(Partial((listing,)), asked, np.zeros((1, count), bool), HelioviewerClient())

    def listed(count: int) -> None:
        pictures_of("", rows_of[count])

    few, many = 125_000, 500_000
    kept = {count: held(count) for count in (few, many)}
    rows_of = {
        count: tables.images_table(
            Partial((search.SourceImages(source, *kept[count][:2], "https://x", np.full(count, "index")),)),
            HelioviewerClient(),
        )
        for count in (few, many)
    }
    found = {}
    for name, work in (("nearest", near), ("sequence", listed)):
        work(few)
        pairs = [(cpu_seconds(partial(work, few)), cpu_seconds(partial(work, many))) for _ in range(repeats)]
        one, two = (min(side) for side in zip(*pairs, strict=True))
        found[name], found[f"{name}_s"] = two / one, two
    return {"ratio": round(max(found["nearest"], found["sequence"]), 2), **{k: round(v, 2) for k, v in found.items()}}


CASES = (
    "day", "month", "bytes_512_smooth", "bytes_512", "bytes_region", "read_512", "area_read", "fetch_hvpy",
    "nearest_500", "sequence_400", "zarr_day", "exponents",
)  # fmt: skip


def measure(repeats: int, chosen: list[str]) -> dict[str, dict[str, float]]:
    with served() as url, tempfile.TemporaryDirectory() as folder:
        large, smooth = picture(Path(folder)), picture(Path(folder), 0.25)
        hvpy.set_api_url(f"{url}/v2/")
        file = Path(folder, "image.jp2")
        file.write_bytes(large)
        Handler.image = large
        works: dict[str, Callable[[], dict[str, float]]] = {
            "day": lambda: searched(1, 3 * repeats), "month": lambda: searched(31, repeats),
            "bytes_512_smooth": lambda: bytes_512(smooth), "bytes_512": lambda: bytes_512(large),
            "read_512": lambda: read_512(file, repeats), "fetch_hvpy": lambda: fetch_hvpy(max(repeats // 2, 1)),
            "nearest_500": lambda: nearest_500(repeats), "sequence_400": lambda: sequence_400(large, repeats),
            "area_read": lambda: area_read(file, repeats), "bytes_region": lambda: bytes_region(large),
            "zarr_day": lambda: zarr_day(repeats), "exponents": lambda: exponents(repeats),
        }  # fmt: skip
        result = {name: works[name]() for name in chosen}
    return {name: {**numbers, **_target(name)} for name, numbers in result.items()}


def _target(name: str) -> dict[str, float]:
    return {"target": TARGETS[name]} if name in TARGETS else {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", default=[], help=f"which of {', '.join(CASES)}; default all")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    # sunpy writes its log to the standard output.
    with contextlib.redirect_stdout(sys.stderr):
        result = measure(options.repeats, options.cases or list(CASES))
    if options.json:
        print(json.dumps(result))
        return
    for name, numbers in result.items():
        print(f"{name:12}", ", ".join(f"{key} {value}" for key, value in numbers.items()))


if __name__ == "__main__":
    main()
