"""
Measure the IMAP client: a day and a month of vectors, fetching many files, and making a table of a large response.

    python benchmarks/imap.py [--json] [--repeats N] [--only NAME ...]

``mag_day``
    A day of MAG L2 at 2 Hz (172,800 records, every variable) as a QTable with times in TT, compared with sunpy's
    ``TimeSeries`` of the same file. CPU time. ``to_bare`` is this time divided by that of the reader alone, which
    returns the same arrays without units, masks and times; ``cdflib_ms`` is the time of cdflib for those.
``to_xarray_day``
    The same day as a Dataset of xarray with datetimes in UTC and NaN for fill values, compared with ``cdf_to_xarray``
    of cdflib. CPU time, with a budget of 30 ms.
``expert_mag_day``
    The same day as a QTable, compared with what an expert writes with the fastest library, pycdfpp: a dozen lines that
    give the same columns, units, masks and times. CPU time. ``ratio_tt`` is the ratio for times in TT, which astropy
    does not have to convert. Without pycdfpp the ratios are NaN.
``open_month``
    31 days of vectors at 2 Hz, each overlapping with the next, as one Dataset with one column, compared with
    ``xarray.concat`` of ``cdf_to_xarray``, CPU time; and the peak of memory while all columns of 5 and of 31 days are
    read in parts, of which ``to_days`` is the quotient.
``burst_month``
    31 days of a vector at 64 Hz, 171 million records or 3.4 GB, opened as one Dataset; the mean of a minute in each
    day, and of each day. The peak of memory of each, and of all columns read in parts; ``ratio`` is the size of the
    records divided by the largest of them. Only with ``--only``, since writing the files takes minutes.
``map_read``
    A map of 7 energies and 90 by 180 pixels with its uncertainties, exposures and times, as a cube with coordinates on
    the sky, compared with the plain arrays that ``cdf_to_xarray`` of cdflib returns. CPU time.
``fetch_loop``
    50 files from a storage that takes 0.2 s for each, through Fido with 5 connections, compared with the official
    client in a loop (``ratio``) and in 5 threads (``to_threads``, our time divided by theirs). Elapsed time.
``rows``
    A response of 10,000 rows, as the service sends it, to a table. CPU time, with a budget of 100 ms.
``exponents``
    A search for 50,000 files, whose list the service sends in parts of at most 16,900 rows, and the way from its table
    to the queue of downloads. Lowest CPU time, divided by that for 12,500 files: 4 is linear, and 4.6 is allowed.

Both sides of a comparison are measured alternately, so that temporary load on the machine affects both; medians are
used. Both sides must give the same values, or the benchmark fails.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import hashlib
import json
import logging
import statistics
import sys
import tempfile
import threading
import time
import tracemalloc
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

RECORDS, FILES, LATENCY, CONNECTIONS, ROWS, BUDGET_MS = 172_800, 50, 0.2, 5, 10_000, 100.0
MANY, MOST_ROWS, GROWTH = 50_000, 16_900, 4.6

DAYS, OVERLAP, XARRAY_BUDGET_MS = 31, 120, 30.0


def cpu(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the CPU seconds of a function, and its result."""
    gc.collect()
    start = time.process_time()
    made = work()
    return time.process_time() - start, made


def in_turn(repeats: int, **works: Callable[[], Any]) -> tuple[dict[str, float], dict[str, Any]]:
    """Return the median seconds of each function, measured alternately, and the last result of each."""
    spent: dict[str, list[float]] = {name: [] for name in works}
    made: dict[str, Any] = {}
    for _ in range(repeats + 1):
        for name, work in works.items():
            seconds, made[name] = cpu(work)
            spent[name].append(seconds)
    return {name: statistics.median(seconds[1:]) for name, seconds in spent.items()}, made


# --- a day of vectors ---------------------------------------------------------------------------------------------


def write_mag_day(path: Path, day: int = 0, records: int = RECORDS, level: int = 6) -> None:
    """Write a day of MAG L2 with the variables, types and attributes of the mission's files."""
    from cdflib import cdfepoch
    from cdflib.cdfwrite import CDF

    start = int(cdfepoch.compute_tt2000([2026, 1, 10, 0, 0, 0, 0, 123, 456])) + day * 86_400 * 10**9
    rng = np.random.default_rng(1)
    b = np.round(rng.normal(0, 5, (records, 3)).cumsum(axis=0) / 50 + 5, 3).astype("f4")
    b[5000:5400] = -1e31
    columns = {
        "epoch": (33, start + np.arange(records) * 500_000_000, "ns", -(2**63), "CDF_TIME_TT2000"),
        "b_gse": (44, b, "nT", -1e31, "CDF_FLOAT"),
        "magnitude": (44, np.linalg.norm(b, axis=1).astype("f4"), "nT", -1e31, "CDF_FLOAT"),
        "quality_flags": (11, (rng.random(records) < 0.01).astype("u1"), "0=good", 255, "CDF_UINT1"),
        "quality_bitmask": (12, rng.integers(0, 4, records).astype("u2"), " ", 65535, "CDF_UINT2"),
        "range": (11, rng.integers(0, 4, records).astype("u1"), " ", 255, "CDF_UINT1"),
    }
    cdf = CDF(path, cdf_spec={"Majority": "row_major", "Encoding": 6, "Compressed": 0}, delete=True)
    cdf.write_globalattrs({"Logical_source": {0: "imap_mag_l2_norm-gse"}, "Mission_group": {0: "IMAP"}})
    for name, (kind, values, unit, fill, words) in columns.items():
        attributes: dict[str, Any] = {"CATDESC": name, "FIELDNAM": name, "UNITS": unit, "FILLVAL": [fill, words]}
        attributes |= {"VAR_TYPE": "support_data" if name == "epoch" else "data"}
        if name != "epoch":
            attributes |= {"DEPEND_0": "epoch", "VALIDMIN": [0, words], "VALIDMAX": [200, words]}
        if name == "b_gse":
            attributes |= {"DEPEND_1": "direction", "LABL_PTR_1": "direction_label", "VALIDMIN": [-1e5, words]}
        spec = {"Variable": name, "Data_Type": kind, "Rec_Vary": True, "Compress": level, "Num_Elements": 1}
        cdf.write_var({**spec, "Dim_Sizes": list(values.shape[1:])}, var_attrs=attributes, var_data=values)
    static = {"Rec_Vary": False, "Compress": 0, "Dim_Sizes": [3]}
    for name, kind, values in (
        ("direction", 11, np.arange(3, dtype="u1")),
        ("direction_label", 51, ["Bx", "By", "Bz"]),
    ):
        spec = {"Variable": name, "Data_Type": kind, "Num_Elements": 2 if kind == 51 else 1, **static}
        cdf.write_var(spec, var_attrs={"CATDESC": name, "VAR_TYPE": "metadata"}, var_data=np.asarray(values))
    cdf.close()


def mag_day(repeats: int) -> dict[str, float]:
    """Compare reading a day of vectors with sunpy's TimeSeries, and with the bare reader."""
    import cdflib
    from sunpy.io import _cdf as sunpy_cdf

    from sunpy_helio_plugins import imap
    from sunpy_helio_plugins.cdf import variables

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "imap_mag_l2_norm-gse_20260110_v001.0002.cdf")
        write_mag_day(path)

        def bare() -> dict[str, Any]:
            return {name: variable.values for name, variable in variables.load(path)[0].items()}

        def by_cdflib() -> dict[str, Any]:
            cdf = cdflib.CDF(path)
            return {name: cdf.varget(name) for name in cdf.cdf_info().zVariables}

        works = {"ours": lambda: imap.read(path), "sunpy": lambda: sunpy_cdf.read_cdf(str(path))}
        median, made = in_turn(repeats, **works, bare=bare, cdflib=by_cdflib)
        size = path.stat().st_size
    # TimeSeries reads files of IMAP with this package; this is the reader that sunpy uses for other CDF files.
    table, (theirs, *_), raw = made["ours"], made["sunpy"], made["cdflib"]
    same_field = np.array_equal(
        np.where(table["b_gse"].mask, np.nan, table["b_gse"].unmasked.value),
        np.stack([theirs.quantity(f"b_gse_{i}").value for i in range(3)], axis=1).astype("f4"),
        equal_nan=True,
    )
    expected = raw["epoch"]
    days = np.round((table["epoch"].tt.jd1 - 2451545.0) * 86400e9).astype("i8")
    exact = np.abs(days + np.round(table["epoch"].tt.jd2 * 86400e9).astype("i8") - expected).max() < 1
    if not (same_field and exact and len(theirs.to_dataframe()) == RECORDS):
        raise SystemExit("mag_day: the values differ.")
    return {
        "ratio": round(median["sunpy"] / median["ours"], 2),
        "ours_ms": round(median["ours"] * 1e3, 1),
        "sunpy_ms": round(median["sunpy"] * 1e3, 1),
        "bare_ms": round(median["bare"] * 1e3, 1),
        "cdflib_ms": round(median["cdflib"] * 1e3, 1),
        "to_bare": round(median["ours"] / median["bare"], 2),
        "file_bytes": size,
        "checksum": hashlib.sha256(np.ascontiguousarray(table["b_gse"].unmasked.value)).hexdigest()[:16],
    }


def to_xarray_day(repeats: int) -> dict[str, float]:
    """Compare a day of vectors as a Dataset with cdflib's."""
    from cdflib.xarray import cdf_to_xarray

    from sunpy_helio_plugins import imap

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "imap_mag_l2_norm-gse_20260110_v001.0002.cdf")
        write_mag_day(path)
        median, made = in_turn(
            repeats,
            ours=lambda: imap.open(path).to_xarray(),
            cdflib=lambda: cdf_to_xarray(path, to_datetime=True, fillval_to_nan=True),
        )
    ours, theirs = made["ours"], made["cdflib"]
    same_field = np.array_equal(ours.b_gse.values, theirs.b_gse.values, equal_nan=True)
    if not (same_field and ours.sizes["time"] == RECORDS and ours.quality_bitmask.dtype == "u2"):
        raise SystemExit("to_xarray_day: the values differ.")
    return {
        "ratio": round(median["cdflib"] / median["ours"], 2),
        "to_budget": round(XARRAY_BUDGET_MS / (median["ours"] * 1e3), 2),
        **{f"{name}_ms": round(seconds * 1e3, 1) for name, seconds in median.items()},
        "budget_ms": XARRAY_BUDGET_MS,
    }


def write_map(path: Path) -> None:
    """Write a map with the axes and attributes of the mission's definitions (imap_enamaps_l2)."""
    from cdflib.cdfwrite import CDF

    longitude, latitude = np.arange(1, 360, 2, dtype="f4"), np.arange(-89, 90, 2, dtype="f4")
    energy = np.geomspace(0.5, 10, 7, dtype="f4")
    sky = np.random.default_rng(2).gamma(4, 20, (1, 7, 180, 90)).astype("f4")
    sky[0, 0, :20] = -1e31
    axes = {"DEPEND_0": "epoch", "DEPEND_1": "energy", "DEPEND_2": "longitude", "DEPEND_3": "latitude"}
    unit, fill = "cm -2 s -1 sr -1 keV -1", {"FILLVAL": [-1e31, "CDF_FLOAT"], "VAR_TYPE": "data"}
    variables: dict[str, tuple[int, Any, dict[str, Any]]] = {
        "epoch": (33, np.array([820_000_000_000_000_000]), {"CATDESC": "Start", "UNITS": "ns"}),
        "ena_intensity": (44, sky, {**axes, **fill, "UNITS": unit}),
        "ena_intensity_stat_uncert": (44, sky / 10, {**axes, **fill, "UNITS": unit}),
        "ena_intensity_sys_err": (44, sky / 20, {**axes, **fill, "UNITS": unit}),
        "exposure_factor": (44, sky * 0 + 60, {**axes, **fill, "UNITS": "s"}),
        "obs_date": (8, np.full(sky.shape, 820_000_000_000_000_000), {**axes, "VAR_TYPE": "data", "UNITS": "ns"}),
        "energy": (44, energy, {"UNITS": "keV", "VAR_TYPE": "support_data"}),
        "longitude": (44, longitude, {"UNITS": "deg", "VAR_TYPE": "support_data"}),
        "latitude": (44, latitude, {"UNITS": "deg", "VAR_TYPE": "support_data"}),
    }
    cdf = CDF(path, cdf_spec={"Majority": "row_major", "Encoding": 6, "Compressed": 0}, delete=True)
    cdf.write_globalattrs({"Spice_reference_frame": {0: "IMAP_HAE"}})
    for name, (kind, values, attributes) in variables.items():
        varies = name not in ("energy", "longitude", "latitude")
        spec = {"Variable": name, "Data_Type": kind, "Rec_Vary": varies, "Compress": 6, "Num_Elements": 1}
        spec["Dim_Sizes"] = list(values.shape[1:] if varies else values.shape)
        cdf.write_var(spec, var_attrs=attributes, var_data=values)
    cdf.close()


def map_read(repeats: int) -> dict[str, float]:
    """Compare a map as a cube with the plain arrays of cdflib."""
    from cdflib.xarray import cdf_to_xarray

    from sunpy_helio_plugins import imap

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "imap_ultra_l2_ulc-ena-h-hf-sp-full-hae-2deg-6mo_20251226_v001.0001.cdf"
        write_map(path)
        spent, made = in_turn(
            repeats,
            ours=lambda: imap.to_skymap(imap.read(path)),
            cdflib=lambda: cdf_to_xarray(str(path), to_datetime=True, fillval_to_nan=True),
        )
    expected = made["cdflib"]["ena_intensity"].values[0].transpose(0, 2, 1)
    if not np.array_equal(made["ours"].data, expected, equal_nan=True):
        raise SystemExit("map_read: the values are not those of cdflib.")
    return {
        "ratio": round(spent["cdflib"] / spent["ours"], 2),
        "ours_ms": round(spent["ours"] * 1e3, 1),
        "cdflib_ms": round(spent["cdflib"] * 1e3, 1),
    }


def expert(path: Path, scale: str) -> Any:
    """Read a day of vectors as an expert would with pycdfpp: the same columns, units, masks and times as ours."""
    import pycdfpp
    from astropy import units as u
    from astropy.table import MaskedColumn, QTable
    from astropy.time import Time
    from astropy.utils.masked import Masked

    cdf = pycdfpp.load(str(path))
    epoch = cdf["epoch"].values.view("i8")
    days = np.rint(epoch / 86_400e9)
    rest = (epoch - days.astype("i8") * 86_400_000_000_000) / 86_400e9
    columns: dict[str, Any] = {"epoch": getattr(Time(2451545.0 + days, rest, format="jd", scale="tt"), scale)}
    for name in ("b_gse", "magnitude"):
        values = cdf[name].values
        lost = (values == np.float32(-1e31)) | np.isnan(values)
        columns[name] = Masked(u.Quantity(np.where(lost, np.nan, values), u.nT, dtype="f4"), mask=lost)
    for name in ("quality_flags", "quality_bitmask", "range"):
        values = cdf[name].values
        columns[name] = MaskedColumn(values, mask=values == np.iinfo(values.dtype).max)
    return QTable(columns)


def expert_mag_day(repeats: int) -> dict[str, float]:
    """Compare reading a day of vectors with the code of an expert."""
    from sunpy_helio_plugins import imap

    try:
        import pycdfpp  # noqa: F401
    except ImportError:
        return {"ratio": float("nan"), "ratio_tt": float("nan")}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "imap_mag_l2_norm-gse_20260110_v001.0002.cdf")
        write_mag_day(path)
        works = {"ours": lambda: imap.read(path), "expert": lambda: expert(path, "utc")}
        works |= {"ours_tt": lambda: imap.read(path, scale="tt"), "expert_tt": lambda: expert(path, "tt")}
        median, made = in_turn(repeats, **works)
    ours, theirs = made["ours"], made["expert"]
    same_field = np.array_equal(
        ours["b_gse"].filled(np.nan).value, theirs["b_gse"].filled(np.nan).value, equal_nan=True
    )
    if not (same_field and abs((ours["epoch"] - theirs["epoch"]).to_value("ns")).max() < 1):
        raise SystemExit("expert_mag_day: the values differ.")
    return {
        "ratio": round(median["expert"] / median["ours"], 2),
        "ratio_tt": round(median["expert_tt"] / median["ours_tt"], 2),
        **{f"{name}_ms": round(seconds * 1e3, 1) for name, seconds in median.items()},
    }


def peak_mb(paths: list[Path]) -> float:
    """Return the largest number of megabytes in use while the records of files are read in parts."""
    from sunpy_helio_plugins import imap

    gc.collect()
    tracemalloc.start()
    count = sum(len(part) for part in imap.open(paths).parts())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    if count != len(paths) * RECORDS + OVERLAP:
        raise SystemExit(f"open_month: {count} records.")
    return peak / 1e6


def open_month(repeats: int) -> dict[str, float]:
    """Compare a month of vectors as one Dataset with the concatenation of cdflib's."""
    import xarray
    from cdflib.xarray import cdf_to_xarray

    from sunpy_helio_plugins import imap

    with tempfile.TemporaryDirectory() as folder:
        dates = [str(np.datetime64("2026-01-10") + day).replace("-", "") for day in range(DAYS)]
        paths = [Path(folder, f"imap_mag_l2_norm-gse_{date}_v001.0001.cdf") for date in dates]
        for day, path in enumerate(paths):
            write_mag_day(path, day, RECORDS + OVERLAP, 1)

        def theirs() -> Any:
            days = [cdf_to_xarray(path, to_datetime=True, fillval_to_nan=True)[["b_gse"]] for path in paths]
            return xarray.concat(days, "epoch", join="outer").drop_duplicates("epoch").sortby("epoch")

        median, made = in_turn(
            repeats, ours=lambda: imap.open(paths, columns="b_gse").to_xarray().load(), theirs=theirs
        )
        few, all_days = peak_mb(paths[:5]), peak_mb(paths)
    sizes = made["ours"].sizes["time"], made["theirs"].sizes["epoch"]
    if sizes[0] != sizes[1] or not np.array_equal(made["ours"].b_gse, made["theirs"].b_gse, equal_nan=True):
        raise SystemExit(f"open_month: the values differ, {sizes}.")
    return {
        "ratio": round(median["theirs"] / median["ours"], 2),
        **{f"{name}_s": round(seconds, 2) for name, seconds in median.items()},
        "peak_mb": round(all_days, 1),
        "to_days": round(all_days / few, 2),
    }


BURST = 5_529_600
"""Records of a day at 64 Hz."""


def write_burst_day(path: Path, day: int) -> None:
    """Write a day of a vector at 64 Hz, whose components are the day, the hour and the count in 1,000 records."""
    from cdflib import cdfepoch
    from cdflib.cdfwrite import CDF

    start = int(cdfepoch.compute_tt2000([2026, 1, 1, 0, 0, 0, 0, 0, 0])) + day * 86_400 * 10**9
    count = np.arange(BURST)
    b = np.stack([np.full(BURST, day), count // 230_400, count % 1000], axis=1).astype("f4")
    cdf = CDF(path, cdf_spec={"Majority": "row_major", "Encoding": 6, "Compressed": 0}, delete=True)
    cdf.write_globalattrs({"Logical_source": {0: "imap_mag_l2_burst-gse"}, "Mission_group": {0: "IMAP"}})
    columns = {"epoch": (33, start + count * 15_625_000, [], {"UNITS": "ns"})}
    columns["b_gse"] = 44, b, [3], {"UNITS": "nT", "DEPEND_0": "epoch", "FILLVAL": [-1e31, "CDF_FLOAT"]}
    for name, (kind, values, sizes, attributes) in columns.items():
        spec = {"Variable": name, "Data_Type": kind, "Rec_Vary": True, "Compress": 1, "Num_Elements": 1}
        cdf.write_var({**spec, "Dim_Sizes": sizes}, var_attrs={"CATDESC": name, **attributes}, var_data=values)
    cdf.close()


def burst_month(repeats: int) -> dict[str, float]:
    """Measure the memory of a month at 64 Hz that is opened, read here and there, and read in parts."""
    from sunpy_helio_plugins import imap

    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"imap_mag_l2_burst-gse_202601{day + 1:02}_v001.0001.cdf") for day in range(DAYS)]
        for day, path in enumerate(paths):
            write_burst_day(path, day)
        peaks: dict[str, float] = {}

        def measured(name: str, work: Callable[[], Any]) -> Any:
            gc.collect()
            tracemalloc.start()
            made = work()
            peaks[f"{name}_mb"] = round(tracemalloc.get_traced_memory()[1] / 1e6, 1)
            tracemalloc.stop()
            return made

        start = time.process_time()
        data = measured("open", lambda: imap.open(paths).to_xarray())
        opened = time.process_time() - start
        field, minutes = data.b_gse, [slice(day * BURST + 6000, day * BURST + 9840) for day in range(DAYS)]
        few = measured("minutes", lambda: [float(field[one, 2].mean()) for one in minutes])
        days = measured(
            "days", lambda: [field[n * BURST : (n + 1) * BURST].values.mean(axis=0, dtype=float) for n in range(DAYS)]
        )
        count = measured("parts", lambda: sum(len(part) for part in imap.open(paths).parts()))
    size = DAYS * BURST * 20 / 1e6
    right = np.array_equal([one[0] for one in days], np.arange(DAYS)) and np.allclose([one[1] for one in days], 11.5)
    if not (right and len(few) == DAYS and count == DAYS * BURST == data.sizes["time"]):
        raise SystemExit("burst_month: the values differ.")
    return {"ratio": round(size / max(peaks.values()), 2), "size_mb": size, **peaks, "open_s": round(opened, 2)}


# --- many files ---------------------------------------------------------------------------------------------------


class SlowArchive:
    """A service and a storage on another origin, which delays each file."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        self.url = ""
        self.calls = 0
        threading.Thread(target=self.run, daemon=True).start()
        self.ready.wait(10)

    def run(self) -> None:
        """Serve until the program ends."""
        self.loop.run_until_complete(self.start())
        self.loop.run_forever()

    async def start(self) -> None:
        """Listen."""
        from aiohttp import web

        application = web.Application()
        application.router.add_get("/download/{key:.+}", self.download)
        application.router.add_get("/storage/{key:.+}", self.storage)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.ready.set()

    async def download(self, request: Any) -> Any:
        """Redirect to the storage."""
        from aiohttp import web

        self.calls += 1
        return web.Response(
            status=302, headers={"Location": f"http://localhost:{self.port}/storage/x?X-Amz-Signature=1"}
        )

    async def storage(self, request: Any) -> Any:
        """Send the file after a delay."""
        from aiohttp import web

        await asyncio.sleep(LATENCY)
        return web.Response(body=self.content, content_type="binary/octet-stream")


def fetch_loop(repeats: int) -> dict[str, float]:  # noqa: C901 - three rivals in one place
    """Compare fetching through Fido with the official client, in a loop and in threads."""
    import imap_data_access as official
    from astropy.time import Time

    from sunpy_helio_plugins import IMAPClient, conf
    from sunpy_helio_plugins.imap import tables
    from sunpy_helio_plugins.imap.query import Query

    with tempfile.TemporaryDirectory() as made:
        path = Path(made, "day.cdf")
        write_mag_day(path)
        content = path.read_bytes()
    archive = SlowArchive(content)
    days = [(Time("2026-01-01") + number).strftime("%Y%m%d") for number in range(FILES)]
    keys = [f"imap/mag/l2/{day[:4]}/{day[4:6]}/imap_mag_l2_norm-gse_{day}_v001.0001.cdf" for day in days]
    rows = [{"file_path": key} for key in keys]
    table = tables.from_answers([(Query(), rows)], client=IMAPClient())

    def ours(folder: Path) -> None:
        import parfive

        downloader = parfive.Downloader(max_conn=CONNECTIONS, progress=False)
        IMAPClient().fetch(table, path=folder / "{file}", downloader=downloader)
        results = downloader.download()
        if results.errors:
            raise SystemExit(f"fetch_loop: {results.errors[0]}")

    def loop(folder: Path) -> None:
        official.config.update(DATA_ACCESS_URL=archive.url, DATA_DIR=folder)
        for key in keys:
            official.download(key)

    def threads(folder: Path) -> None:
        official.config.update(DATA_ACCESS_URL=archive.url, DATA_DIR=folder)
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            list(pool.map(official.download, keys))

    spent: dict[str, list[float]] = {"ours": [], "threads": [], "loop": []}
    calls: dict[str, int] = {}
    with conf.imap.set_temp("url", archive.url):
        for turn in range(repeats):
            for name, work in (("ours", ours), ("threads", threads), ("loop", loop)):
                if name == "loop" and turn:  # its time is constant and long
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    archive.calls = 0
                    start = time.perf_counter()
                    work(Path(folder))
                    spent[name].append(time.perf_counter() - start)
                    calls[name] = archive.calls
                    files = [file for file in Path(folder).rglob("*.cdf") if file.read_bytes() == content]
                    if len(files) != FILES:
                        raise SystemExit(f"fetch_loop: {name} gave {len(files)} whole files.")
    median = {name: statistics.median(seconds) for name, seconds in spent.items()}
    return {
        "ratio": round(median["loop"] / median["ours"], 2),
        "to_threads": round(median["ours"] / median["threads"], 2),
        **{f"{name}_s": round(seconds, 2) for name, seconds in median.items()},
        "calls_per_file": calls["ours"] / FILES,
    }


# --- a large response ---------------------------------------------------------------------------------------------


def large_answer() -> bytes:
    """Return a response of the service."""
    return json.dumps(made_rows(ROWS)).encode()


def made_rows(count: int) -> list[dict[str, Any]]:
    """Return rows of the service: daily files of MAG in many series."""
    days = [str(day).replace("-", "") for day in np.arange("2025-12-01", "2026-11-01", dtype="M8[D]")]
    rows = []
    for number in range(count):
        day, descriptor = days[number % len(days)], f"norm{number // len(days)}-gse"
        name = f"imap_mag_l2_{descriptor}_{day}_v001.0002.cdf"
        rows.append(
            {
                "extension": "cdf", "file_path": f"imap/mag/l2/{day[:4]}/{day[4:6]}/{name}", "instrument": "mag",
                "data_level": "l2", "descriptor": descriptor, "start_date": day, "repointing": None,
                "major_version": 1, "minor_version": 2,
                "ingestion_date": f"{day} {number % 24:02}:{number % 60:02}:{number // 60 % 60:02}", "cr": None,
                "crid": None, "released": True, "version": "v001.0002",
            }
        )  # fmt: skip
    return rows


def rows(repeats: int) -> dict[str, float]:
    """Measure the conversion of a response's bytes to a table."""
    from sunpy_helio_plugins import IMAPClient
    from sunpy_helio_plugins.imap import tables
    from sunpy_helio_plugins.imap.query import Query

    body = large_answer()
    query = Query("2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "mag", "l2")
    client = IMAPClient()
    median, made = in_turn(
        repeats,
        ours=lambda: tables.from_answers([(query, json.loads(body))], client=client),
        json=lambda: json.loads(body),
    )
    if len(made["ours"]) != ROWS:
        raise SystemExit("rows: some are missing.")
    return {
        "ratio": round(BUDGET_MS / (median["ours"] * 1e3), 2),
        "ours_ms": round(median["ours"] * 1e3, 1),
        "json_ms": round(median["json"] * 1e3, 1),
        "budget_ms": BUDGET_MS,
    }


# --- growth -------------------------------------------------------------------------------------------------------


def listing(count: int) -> Callable[..., list[dict[str, Any]]]:
    """Return a function in place of requests: the rows of a range of days, or the error for too many."""
    from sunpy_helio_plugins.errors import ServerError

    encoded: dict[str, list[bytes]] = {}
    for row in made_rows(count):
        encoded.setdefault(row["start_date"], []).append(json.dumps(row).encode())

    def answer(access: Any, endpoint: str, fields: dict[str, str]) -> list[dict[str, Any]]:
        first, last = fields.get("start_date", ""), fields.get("end_date", "9")
        found = [row for day, rows in encoded.items() if first <= day <= last for row in rows]
        if len(found) > MOST_ROWS:
            raise ServerError("IMAP SDC", "https://unused.example", "Internal Server Error", 500)
        return list(json.loads(b"[" + b",".join(found) + b"]"))

    return answer


def exponents(repeats: int) -> dict[str, float]:
    """Compare searches and queues of 50,000 files with those of a quarter."""
    from sunpy.net import attrs as a

    from sunpy_helio_plugins import Downloader, IMAPClient
    from sunpy_helio_plugins.imap import service

    client, counts = IMAPClient(), {"1": MANY // 4, "4": MANY}
    answers = {label: listing(count) for label, count in counts.items()}
    spent: dict[str, list[float]] = {}
    for _ in range(repeats + 1):
        for label, count in counts.items():
            service.rows_of = answers[label]
            seconds, table = cpu(lambda: client.search(a.Instrument("mag"), a.imap.File()))
            spent.setdefault(f"search_{label}", []).append(seconds)
            downloader = Downloader(progress=False)
            path = "/nowhere/{instrument}/{start_time:%Y-%m}/{file}"
            seconds, _ = cpu(lambda: client.fetch(table, path=path, downloader=downloader))  # noqa: B023
            spent.setdefault(f"enqueue_{label}", []).append(seconds)
            if not len(table) == downloader.queued_downloads == count:
                raise SystemExit(f"exponents: {len(table)} files were found, not {count}.")
    best = {name: min(seconds) for name, seconds in spent.items()}
    found = {name: round(best[f"{name}_4"] / best[f"{name}_1"], 2) for name in ("search", "enqueue")}
    times = {f"{name}_ms": round(best[f"{name}_4"] * 1e3, 1) for name in ("search", "enqueue")}
    return {"ratio": round(GROWTH / max(found.values()), 2), **found, **times, "files": MANY}


BENCHMARKS = {
    "mag_day": (mag_day, 11),
    "to_xarray_day": (to_xarray_day, 11),
    "expert_mag_day": (expert_mag_day, 11),
    "open_month": (open_month, 1),
    "burst_month": (burst_month, 1),
    "map_read": (map_read, 11),
    "fetch_loop": (fetch_loop, 3),
    "rows": (rows, 11),
    "exponents": (exponents, 3),
}

LONG = ("burst_month",)
"""Those that are only measured if they are named."""


def main() -> None:
    """Print the measurements, as lines or as one JSON object."""
    usual = [name for name in BENCHMARKS if name not in LONG]
    parser = argparse.ArgumentParser(description="Speed of the IMAP client.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--repeats", type=int, help="turns of each comparison")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=usual, help="which to run")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    # The official client logs every file, which takes time and hides our output.
    logging.getLogger("imap_data_access").setLevel(logging.WARNING)
    results = {name: BENCHMARKS[name][0](options.repeats or BENCHMARKS[name][1]) for name in options.only}
    if options.json:
        print(json.dumps(results))
        return
    for name, result in results.items():
        print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in result.items()))


if __name__ == "__main__":
    main()
