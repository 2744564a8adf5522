"""
Measure the way from rows to downloads: what a row costs before the first byte, and what a file costs.

    python benchmarks/enqueue.py [--json] [--repeats N]

``row_hapi``, ``row_imap``, ``row_helioviewer``, ``row_her``
    CPU time of a row in ``client.fetch`` with a path template of four fields, for 8,000 rows, against a budget of
    0.05 ms. ``small_ms`` is that of 1,000 rows, ``file_only_ms`` that of the template ``{file}``.
``file_cpu``
    CPU time of a downloaded file of 2 kB, from a server in another process, against a budget of 0.5 ms; ``plain_ms`` is
    that of the same files through parfive's own ``enqueue_file``, measured in turn.
``growth_rows``, ``growth_names``
    4 t(N) / t(4 N) of rows, and of rows whose files have one name. Linear growth gives 1, quadratic growth 0.25.
``growth_folder``
    The CPU time of each of 100 files in an empty folder over that in a folder with 100,000 files, without the listing
    of the folder, which a run makes once and which takes ``listing_ms``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ["PARFIVE_HIDE_PROGRESS"] = "1"

ROW_MS, FILE_MS = 0.05, 0.5
SMALL, LARGE, FILES, FEW, CROWD = 1000, 8000, 400, 100, 100_000
TEMPLATE = "{provider}/{instrument}/{start_time:%Y-%m}/{file}"


# --- tables of many rows -------------------------------------------------------------------------------------------


def hapi_table(rows: int) -> Any:
    from sunpy_helio_plugins import HAPIClient
    from sunpy_helio_plugins.fido.partial import Partial
    from sunpy_helio_plugins.hapi import server_list, tables
    from sunpy_helio_plugins.hapi.model import Info
    from sunpy_helio_plugins.hapi.plan import DataRequest
    from sunpy_helio_plugins.quantities.spans import Moment, Span

    parameters = [{"name": "Time", "type": "isotime", "units": "UTC", "fill": None, "length": 24}] + [
        {"name": f"B{index}", "type": "double", "units": "nT", "fill": "-1e31"} for index in range(3)
    ]
    covered = {"startDate": "1998-01-01Z", "stopDate": "2026-06-01Z", "cadence": "PT1M"}
    info = Info.from_json({"HAPI": "3.1", **covered, "parameters": parameters})
    server, first = server_list.find("cdaweb"), Moment.read("2020-01-01T00:00:00Z")
    borders = [first.later(hour * 3600 * 10**9) for hour in range(rows + 1)]
    found = []
    for span in map(Span, borders[:-1], borders[1:]):
        asked = f"start={span.first}&stop={span.before}"
        url = f"{server.url}/data?id=AC_H0_MFI&{asked}&format=binary"
        found.append(DataRequest(server, "AC_H0_MFI", "ACE", info, span, str(span.before), "binary", url))
    return tables.from_answer(Partial(tuple(found)), HAPIClient())


def imap_table(rows: int) -> Any:
    from sunpy_helio_plugins import IMAPClient
    from sunpy_helio_plugins.imap import tables
    from sunpy_helio_plugins.imap.query import Query

    days = np.datetime_as_string(np.datetime64("2026-01-01") + np.arange(300))
    answer = []
    for number in range(rows):
        day = days[number % 300].replace("-", "")
        name = f"imap_mag_l2_norm{number // 300}-gse_{day}_v001.0002.cdf"
        answer.append({"file_path": f"imap/mag/l2/{day[:4]}/{day[4:6]}/{name}", "instrument": "mag", "released": True})
    base = "https://api.imap-mission.com"
    return tables.from_answers([(Query(version="all"), answer)], IMAPClient(), base)


def helioviewer_table(rows: int) -> Any:
    from sunpy_helio_plugins import HelioviewerClient
    from sunpy_helio_plugins.fido.partial import Partial
    from sunpy_helio_plugins.helioviewer import search, source_table, tables

    times = np.datetime64("2026-01-01T00:00:05.129000", "us") + np.arange(rows) * np.timedelta64(36, "s")
    texts = np.datetime_as_string(times, unit="ms")
    paths = [
        f"/AIA/{text[:10].replace('-', '/')}/304/"
        f"{text[:10].replace('-', '_')}__{text[11:].replace(':', '_').replace('.', '_')}__SDO_AIA_AIA_304.jp2"
        for text in texts.tolist()
    ]
    listing = search.SourceImages(
        source_table.by_id()[13], times, np.array(paths, dtype="S"), "https://helioviewer.org/jp2",
        np.full(rows, "hapi"),
    )  # fmt: skip
    return tables.images_table(Partial((listing,)), HelioviewerClient())


def her_table(rows: int) -> Any:
    from sunpy_helio_plugins import HERClient
    from sunpy_helio_plugins.her.tables import HERTable

    data = ROOT / "sunpy_helio_plugins" / "sandbox" / "data" / "her" / "events.json.gz"
    events = json.loads(gzip.decompress(data.read_bytes()))["events"]
    samples = [next(event for event in events if event["event_type"] == kind) for kind in ("FL", "CH", "CE", "AR")]
    records = [samples[row % 4] | {"kb_archivid": f"ivo://helio-informatics.org/{row}"} for row in range(rows)]
    return HERTable.from_records(records, client=HERClient())


TABLES: dict[str, Callable[[int], Any]] = {
    "hapi": hapi_table, "imap": imap_table, "helioviewer": helioviewer_table, "her": her_table,
}  # fmt: skip


# --- measures ------------------------------------------------------------------------------------------------------


def cpu(work: Callable[[], Any]) -> float:
    """Return the CPU seconds of some work."""
    gc.collect()
    start = time.process_time()
    work()
    return time.process_time() - start


def enqueued(table: Any, template: str) -> float:
    """Return the CPU seconds of a row."""
    from sunpy_helio_plugins import Downloader

    downloader = Downloader(progress=False)
    spent = cpu(lambda: table.client.fetch(table, path=f"/nowhere/{template}", downloader=downloader))
    if downloader.queued_downloads != len(table):
        raise SystemExit("not all rows were enqueued")
    return spent / len(table)


def best(repeats: int, *works: Callable[[], float]) -> list[float]:
    """Return the lowest result of each work, measured in turn."""
    return [min(results) for results in zip(*([work() for work in works] for _ in range(repeats)), strict=True)]


def rows(repeats: int) -> dict[str, dict[str, float]]:
    made, growth = {}, {}
    for name, table_of in TABLES.items():
        small, quarter, large = table_of(SMALL), table_of(LARGE // 4), table_of(LARGE)
        few, some, many, bare = best(
            repeats,
            lambda table=small: enqueued(table, TEMPLATE),
            lambda table=quarter: enqueued(table, TEMPLATE),
            lambda table=large: enqueued(table, TEMPLATE),
            lambda table=large: enqueued(table, "{file}"),
        )
        made[f"row_{name}"] = {
            "ratio": round(ROW_MS / (1e3 * many), 2), "row_ms": round(1e3 * many, 4), "small_ms": round(1e3 * few, 4),
            "file_only_ms": round(1e3 * bare, 4), "budget_ms": ROW_MS,
        }  # fmt: skip
        growth[name] = round(some / many, 2)
    return {**made, "growth_rows": {"ratio": min(growth.values()), **growth}}


def names(repeats: int) -> dict[str, float]:
    """Enqueue files of one name."""
    from sunpy_helio_plugins import Downloader
    from sunpy_helio_plugins.transport.files.queue import Download, enqueue

    def claim(count: int) -> float:
        files = [Download(f"http://127.0.0.1/{index}", Path("/nowhere/x.cdf"), "an archive") for index in range(count)]
        downloader = Downloader(progress=False)
        return cpu(lambda: enqueue(downloader, files))

    few, many = best(repeats, lambda: claim(LARGE // 4), lambda: claim(LARGE))
    return {"ratio": round(4 * few / many, 2), "row_ms": round(1e3 * many / LARGE, 4)}


# --- downloads -----------------------------------------------------------------------------------------------------


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {2048}\r\n\r\n".encode()
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            asked = await reader.readuntil(b"\r\n\r\n")
            writer.write(head + (b"" if asked.startswith(b"HEAD") else bytes(2048)))
            await writer.drain()


async def serve() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def served() -> Iterator[str]:
    with subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.kill()


def downloaded(folder: Path, url: str, ours: bool, count: int = FILES) -> float:
    """Return the CPU seconds of a file."""
    from sunpy_helio_plugins import Downloader
    from sunpy_helio_plugins.transport.files.queue import Download, enqueue

    downloader = Downloader(progress=False)
    run = str(time.monotonic_ns())
    targets = [folder / f"{run}-{index}.bin" for index in range(count)]
    if ours:
        enqueue(downloader, [Download(f"{url}/{target.name}", target, "an archive") for target in targets])
    else:
        for target in targets:
            downloader.enqueue_file(f"{url}/{target.name}", path=folder, filename=target.name)
    spent = cpu(downloader.download)
    if not all(target.stat().st_size == 2048 for target in targets):
        raise SystemExit("not all files came")
    for target in targets:
        target.unlink()
    return spent / count


def files(repeats: int) -> dict[str, dict[str, float]]:
    from sunpy_helio_plugins.store.publish import FolderListing

    with served() as url, tempfile.TemporaryDirectory() as empty, tempfile.TemporaryDirectory() as full:
        for index in range(CROWD):
            os.close(os.open(f"{full}/{index}.cdf", os.O_CREAT | os.O_WRONLY))
        alone, crowd = Path(empty), Path(full)
        spent: dict[str, list[float]] = {name: [] for name in ("plain", "ours", "listed", "alone", "among")}
        for _ in range(repeats + 1):
            spent["plain"].append(downloaded(alone, url, False))
            spent["ours"].append(downloaded(alone, url, True))
            spent["listed"].append(cpu(lambda: FolderListing(crowd)))
            spent["alone"].append(downloaded(alone, url, True, FEW))
            spent["among"].append(downloaded(crowd, url, True, FEW))
        median = {name: statistics.median(seconds[1:]) for name, seconds in spent.items()}
        own, theirs, listed = median["ours"], median["plain"], median["listed"]
        crowded = median["among"] - listed / FEW
        return {
            "file_cpu": {
                "ratio": round(FILE_MS / (1e3 * own), 2), "file_ms": round(1e3 * own, 3),
                "plain_ms": round(1e3 * theirs, 3), "to_plain": round(theirs / own, 2), "budget_ms": FILE_MS,
            },
            "growth_folder": {
                "ratio": round(median["alone"] / crowded, 2), "file_ms": round(1e3 * median["among"], 3),
                "listing_ms": round(1e3 * listed, 1), "files": CROWD,
            },
        }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve())
        return
    warnings.simplefilter("ignore")
    # sunpy's log goes to the standard output.
    with contextlib.redirect_stdout(sys.stderr):
        result = {**rows(options.repeats), "growth_names": names(options.repeats), **files(options.repeats)}
    if options.json:
        print(json.dumps(result))
        return
    for name, numbers in result.items():
        print(f"{name:16}", ", ".join(f"{key} {value}" for key, value in numbers.items()))


if __name__ == "__main__":
    main()
