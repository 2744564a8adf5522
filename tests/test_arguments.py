"""Every public name is called with arguments of every kind: it works, or raises one sentence of this package."""

from __future__ import annotations

import dataclasses
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time
from sunpy.net import Fido
from sunpy.net import attrs as a
from sunpy.net.attr import Attr
from sunpy.time import TimeRange

import sunpy_helio_plugins as helio
from sunpy_helio_plugins import (
    cdf,
    cluster,
    fido,
    hapi,
    helioviewer,
    her,
    imap,
    io,
    mirrors,
    quantities,
    sandbox,
    series,
    together,
)
from sunpy_helio_plugins.arguments import no_column, shown
from sunpy_helio_plugins.errors import HelioPluginsError, QueryError, printable
from sunpy_helio_plugins.quantities import units

DAY = a.Time("2026-01-10", "2026-01-11")
SKY = "imap_hi_l2_h45-ena-h-hf-nsp-full-hae-6deg-6mo_20251001_v001.0001.cdf"
QUERIES = {
    "hapi": (DAY, a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI")),
    "imap": (DAY, a.Instrument("mag"), a.imap.Descriptor("norm-gse")),
    "helioviewer": (a.Time("2026-01-10 12:00", "2026-01-10 12:02"), a.helioviewer.SourceID(13)),
    "her": (DAY, a.her.CH),
}
MIRROR = {
    "mirror": {"folder": "none"},
    "queries": {"mag": {"archive": "imap", "instrument": "mag", "window": "1 day", "end": "2026-01-11"}},
}
PLAIN: dict[str, Callable[[], Any]] = {
    "None": lambda: None, "empty": lambda: "", "space": lambda: " ", "x": lambda: "x", "null": lambda: "a\0b",
    "escape": lambda: "\x1b[31mx", "long": lambda: "x" * 5000, "date text": lambda: "2026-01-10",
    "url": lambda: "https://example.org/x?key=secret",
    "b''": lambda: b"", "b'x'": lambda: b"x", "0": lambda: 0, "1": lambda: 1, "-1": lambda: -1, "huge": lambda: 10**30,
    "1.5": lambda: 1.5, "nan": lambda: float("nan"), "inf": lambda: float("inf"), "True": lambda: True,
    "numpy": lambda: np.int64(1), "list": list, "tuple": tuple, "dict": dict, "set": set, "object": object,
    "class": lambda: int, "function": lambda: len, "generator": lambda: (one for one in (1, 2)),
    "list of None": lambda: [None], "list of x": lambda: ["x"], "numbers": lambda: [1, 2],
    "dict of x": lambda: {"x": 1},
    "array": lambda: np.arange(3.0), "0-d": lambda: np.array(3), "texts": lambda: np.array(["a", "b"]),
    "Time": lambda: Time("2026-01-10"), "Times": lambda: Time(["2026-01-10", "2026-01-11"]),
    "datetime": lambda: datetime(2026, 1, 10), "aware": lambda: datetime(2026, 1, 10, tzinfo=UTC),
    "date": lambda: date(2026, 1, 10), "datetime64": lambda: np.datetime64("2026-01-10"),
    "NaT": lambda: np.datetime64("NaT", "s"), "timedelta": lambda: timedelta(seconds=1),
    "TimeRange": lambda: TimeRange("2026-01-10", "2026-01-11"), "a.Time": lambda: DAY,
    "attr": lambda: a.Instrument("mag"), "attr class": lambda: a.Instrument, "or": lambda: DAY | a.Instrument("mag"),
    "length": lambda: 5 * u.m, "duration": lambda: 5 * u.s, "unit": lambda: u.m,
    "QTable()": QTable, "Table": lambda: Table({"x": [1]}), "plain row": lambda: Table({"x": [1]})[0],
    "Column": lambda: MaskedColumn(["a", "b"], mask=[True, False]),
}  # fmt: skip


@dataclass
class World:
    """What a user may have: results of searches, rows, files and tables of records."""

    tables: dict[str, Any]
    response: Any
    records: QTable
    files: dict[str, Path]
    folder: Path
    spectra: QTable = None  # type: ignore[assignment]

    def values(self) -> dict[str, Any]:
        import pandas as pd
        from sunpy.timeseries import GenericTimeSeries

        made = {name: make() for name, make in PLAIN.items()}
        made |= {f"{name} table": table for name, table in self.tables.items()}
        made |= {f"{name} row": table[0] for name, table in self.tables.items()}
        made |= {"response": self.response, "records": self.records, "pandas": pd.Timestamp("2026-01-10")}
        made |= {"folder": self.folder, "missing": self.folder / "missing.cdf", "files": [*self.files.values()]}
        made |= {f"{name} file": path for name, path in self.files.items()}
        frame = pd.DataFrame({"x": [1.0]}, index=pd.DatetimeIndex(["2026-01-10"]))
        made |= {"TimeSeries": GenericTimeSeries(frame), "frame": frame}
        return made


@pytest.fixture(scope="module")
def world(_running_archive: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("files")
    with sandbox.use(_running_archive.url):
        clients = {"hapi": helio.HAPIClient, "imap": helio.IMAPClient, "her": helio.HERClient}
        clients["helioviewer"] = helio.HelioviewerClient
        tables = {name: clients[name]().search(*query) for name, query in QUERIES.items()}
        response = Fido.search(*QUERIES["imap"])
        files = {}
        for name, rows in (
            ("hapi", tables["hapi"]),
            ("imap", tables["imap"][:1]),
            ("helioviewer", tables["helioviewer"][:1]),
            ("her", tables["her"][:1]),
        ):
            files[name] = Path(Fido.fetch(rows, path=str(folder / name / "{file}"), progress=False)[0])
        records = hapi.read(files["hapi"])[:5]
        tables = {name: table[:3] for name, table in tables.items()}
        world = World(tables, response, records, files, folder)
        yield world


@dataclass
class Case:
    """A call with valid arguments, each of which is then replaced."""

    call: Callable[..., Any]
    args: dict[str, Any] = field(default_factory=dict)
    positional: int = 100
    """The number of arguments that are given by position."""
    also: tuple[type[Exception], ...] = ()
    """Exceptions that the reference documents, besides those of this package."""

    def run(self, arguments: Mapping[str, Any]) -> Any:
        names = list(arguments)
        first = [arguments[name] for name in names[: self.positional]]
        return self.call(*first, **{name: arguments[name] for name in names[self.positional :]})


FEW = (
    "None", "empty", "x", "escape", "b'x'", "0", "-1", "nan", "True", "list", "dict", "object", "class", "generator",
    "list of None", "0-d", "Time", "NaT", "attr", "duration", "QTable()", "hapi table", "her row", "folder", "frame",
)  # fmt: skip
"""The values for every argument after the first one."""


TEXTS = (
    "x", "escape", "long", "date text", "frame", "url", "list of x", "dict of x", "texts", "Column", "generator",
    "numbers",
)  # fmt: skip
"""Values of which only a server can tell whether they name something."""

OF_SEVERAL_PRODUCTS = {"imap.open": ("a.Time", "attr", "or")}
"""Values that are a query, of which only a server can tell whether its files are those of one product."""


def faults_of(name: str, case: Case, values: dict[str, Any], archive: Any) -> Iterator[str]:
    """Call a function with each value in place of each argument; yield what is not as promised."""
    for place, argument in enumerate(case.args):
        for label in values if place == 0 else FEW:
            value = (one for one in (1, 2)) if label == "generator" else values[label]
            archive.log.clear()
            try:
                case.run({**case.args, argument: value})
            except HelioPluginsError as error:
                asked = (
                    isinstance(error, QueryError)
                    and label not in (*TEXTS, *OF_SEVERAL_PRODUCTS.get(name, ()))
                    and archive.log
                )
                problem = "it sent a request first" if asked else unclear(str(error), name, argument, label, value)
                if problem:
                    yield f"{name}({argument}={label}): {problem}: {str(error)[:300]!r}"
            except case.also:
                continue
            except Exception as error:  # noqa: BLE001
                yield f"{name}({argument}={label}): {type(error).__name__}: {str(error)[:200]!r}"


def unclear(text: str, name: str, argument: str, label: str, value: Any) -> str:
    """Return what is wrong with a message: it is one printable sentence that names its subject."""
    if not text.isprintable():
        return "it has line breaks or control characters"
    if (
        len(text) > 900
        and "allowed" not in text
        and "supported" not in text
        and "takes" not in text
        and "It has, among" not in text
    ):
        return f"it has {len(text)} characters"
    if not text.endswith((".", "]", "?", "…")) and "returned a page" not in text:
        return "it is not a sentence"
    subjects = (argument, name.rpartition(".")[2], name.split(".")[-2:][0], shown(value)[:15], "'", "a.", "IVORN",
                printable(str(value))[:20], "format=", "column", "one row, such as", "this folder", "this file",
                "The table", "The axes", "x: The JPEG 2000 file", "a cannot be read", "ivo://", "[asked: ",
                "control characters", "frm_name")  # fmt: skip
    return "" if any(one and one in text for one in subjects) else "it does not name its subject"


def cases(world: World) -> dict[str, Case]:
    tables, records = world.tables, world.records
    hapi_table, imap_table, images, events = (tables[name] for name in ("hapi", "imap", "helioviewer", "her"))
    imap_records = imap.read(world.files["imap"])[:5]
    sky = imap.read(Path(sandbox.__file__).parent / "data" / "imap" / SKY)
    out = world.folder / "out"
    out.mkdir(exist_ok=True)
    registry = her.Registry(dry_run=True)
    document = her.voevent.read(world.files["her"])
    manifest = world.folder / "imap_mag_data-release-001_20260110_20260112_v001.txt"
    manifest.write_text("\n")
    ivorn = "ivo://helio-informatics.org/FL_1"
    polygon = events["hpc_bbox"][0]
    polygons, points = events["hpc_bbox"], events["hpc_coord"]
    coverage = helioviewer.coverage(a.Time("2026-01-10 12:00", "2026-01-10 12:02"), a.helioviewer.SourceID(13))
    downloader = helio.Downloader(progress=False)
    info = hapi.info("cdaweb", "AC_H0_MFI")
    plan = '[mirror]\nfolder = "x"\n[queries.mag]\narchive = "imap"\ninstrument = "mag"\nwindow = "1 day"\n'
    (world.folder / "plan.toml").write_text(plan)
    made: dict[str, Case] = {
        "sign_in": Case(helio.sign_in, {"name": "imap", "key": "k" * 20}),
        "Downloader.enqueue_file": Case(
            downloader.enqueue_file, {"url": "https://x.org/y", "path": out}, also=(TypeError, ValueError)
        ),
        "mirror": Case(helio.mirror, {"plan": MIRROR, "queries": "mag", "dry_run": True, "progress": False}, 1),
        "check_folder": Case(
            helio.check_folder, {"path": str(world.folder), "ask": False, "again": False, "told": None}, 1
        ),
        "mirrors.Plan.of": Case(mirrors.Plan.of, {"given": MIRROR}),
        "mirrors.Plan.parse": Case(mirrors.Plan.parse, {"text": plan, "origin": "plan"}),
        "mirrors.Plan.read": Case(mirrors.Plan.read, {"path": world.folder / "plan.toml"}),
        "fido.branches": Case(fido.branches, {"one": DAY, "two": DAY}),
        "fido.common_columns": Case(
            fido.common_columns,
            {
                "start": Time(["2026-01-10"]),
                "end": Time(["2026-01-10"]),
                "instrument": ["x"],
                "source": ["x"],
                "provider": "x",
            },
        ),
        "fido.explain_foreign": Case(fido.explain_foreign, {"branch": (DAY,), "known": (a.Time,), "archive": "x"}),
        "fido.name_of": Case(fido.name_of, {"attr": DAY}),
        "fido.of_type": Case(fido.of_type, {"branch": (DAY,), "kind": a.Time}),
        "fido.Names": Case(fido.Names, {"providers": ("x",), "sources": ("x",), "instruments": ("x",)}),
        "fido.Names.has_provider": Case(fido.Names(("x",)).has_provider, {"value": "x"}),
        "fido.Names.has_source": Case(fido.Names(("x",)).has_source, {"value": "x"}),
        "quantities.as_column": Case(
            quantities.as_column, {"time": Time(["2026-01-10"]), "text": "x", "may_be_missing": True}, 2
        ),
        "quantities.datetime64_from_iso": Case(
            quantities.datetime64_from_iso, {"values": ["2026-01-10"], "mask": [False], "warn": True}, 2, (ValueError,)
        ),
        "quantities.datetime64_from_tt2000": Case(
            quantities.datetime64_from_tt2000, {"values": [1], "mask": [False], "warn": True}, 2
        ),
        "quantities.exact_integer": Case(quantities.exact_integer, {"text": "1"}),
        "quantities.for_frame": Case(quantities.for_frame, {"values": np.array([1]), "mask": np.array([False])}),
        "quantities.from_cdf_epoch": Case(quantities.from_cdf_epoch, {"values": [6.3e13], "mask": [False]}),
        "quantities.from_cdf_epoch16": Case(quantities.from_cdf_epoch16, {"values": [[6.3e10, 0.0]], "mask": [False]}),
        "quantities.from_datetime64": Case(
            quantities.from_datetime64, {"values": np.array(["2026-01-10"], "M8[s]"), "mask": [False]}
        ),
        "quantities.from_iso": Case(
            quantities.from_iso, {"values": ["2026-01-10"], "mask": [False]}, also=(ValueError,)
        ),
        "quantities.from_tt2000": Case(quantities.from_tt2000, {"values": [1], "mask": [False]}),
        "quantities.from_unix": Case(quantities.from_unix, {"values": [1], "mask": [False], "day": 0, "seconds": 1.0}),
        "quantities.is_fill": Case(quantities.is_fill, {"values": np.array([1.0]), "fill": "1"}),
        "quantities.iso": Case(quantities.iso, {"time": Time("2026-01-10"), "precision": 3}),
        "quantities.masked": Case(quantities.masked, {"values": np.array([1]), "mask": np.array([True]), "name": "x"}),
        "quantities.to_datetime64": Case(quantities.to_datetime64, {"time": Time("2026-01-10")}),
        "quantities.without_leap_seconds": Case(quantities.without_leap_seconds, {"time": Time("2026-01-10")}),
        "units.parse": Case(units.parse, {"text": "nT", "schema": None, "context": None}),
        "units.classify": Case(units.classify, {"text": "nT", "schema": None, "context": None}),
        "units.column": Case(
            units.column,
            {
                "values": np.array([1.0]),
                "unit_text": "nT",
                "name": "x",
                "description": "x",
                "mask": None,
                "schema": None,
                "context": None,
            },
            2,
        ),
        "cdf.read": Case(
            cdf.read,
            {
                "path": world.files["imap"],
                "epoch": None,
                "scale": "utc",
                "columns": "b_gse",
                "time": ("2026-01-10", "2026-01-11"),
                "records": (0, 5),
                "salvage": False,
            },
            2,
        ),
        "cdf.epochs": Case(cdf.epochs, {"path": world.files["imap"]}),
        "together.stack": Case(
            together.stack,
            {
                "things": (imap_records, "b_gse"),
                "events": "2026-01-10",
                "shade": DAY,
                "pictures": None,
                "time": DAY,
                "labels": "B",
                "width": 88 * u.mm,
                "height": 60 * u.mm,
                "letters": True,
            },
            1,
        ),
        "together.superpose": Case(
            together.superpose,
            {
                "table": imap_records,
                "column": "magnitude",
                "events": "2026-01-10",
                "before": 1 * u.hour,
                "after": 1 * u.hour,
                "every": 1 * u.min,
            },
        ),
        "together.intervals": Case(
            together.intervals, {"given": "2026-01-10", "start": None, "end": None, "label": None}
        ),
        "together.search_times": Case(together.search_times, {"given": DAY, "before": 1 * u.hour, "after": 1 * u.hour}),
        "together.context": Case(together.context, {"given": DAY, "radius": 1 * u.hour, "series": None}),
        "together.arrival": Case(together.arrival, {"event": "2026-01-10", "speed": 500 * u.km / u.s}),
        "together.departure": Case(together.departure, {"time": "2026-01-10", "speed": 500 * u.km / u.s}),
        "together.closeup": Case(
            together.closeup,
            {
                "event": events[0],
                "source": 11,
                "offsets": [0] * u.min,
                "margin": 60 * u.arcsec,
                "size": 64,
                "tolerance": 10 * u.min,
                "width": 88 * u.mm,
            },
            3,
        ),
        "io.read": Case(io.read, {"path": out / "x.ecsv", "format": None}, 1),
        "io.write": Case(
            io.write, {"table": records[:2], "path": out / "x.ecsv", "overwrite": True, "format": "ecsv"}, 2
        ),
        "io.changes": Case(io.changes, {"now": imap_table, "before": imap_table}),
        **{
            f"series.{one.__name__}": Case(one, {"table": records})
            for one in (series.to_astropy, series.to_pandas, series.to_timeseries, series.to_xarray)
        },
        "series.to_table": Case(series.to_table, {"given": records}),
        "series.to_parquet": Case(
            series.to_parquet, {"table": records, "path": out / "x.parquet", "overwrite": True}, 2
        ),
        "series.to_votable": Case(series.to_votable, {"table": records, "path": out / "x.vot", "overwrite": True}, 2),
        "series.from_parquet": Case(series.from_parquet, {"path": out / "x.parquet"}),
        "series.from_votable": Case(series.from_votable, {"path": out / "x.vot"}),
        "hapi.open": Case(hapi.open, {"source": world.files["hapi"], "info": None, "context": None, "scale": "utc"}, 1),
        "imap.open": Case(
            imap.open,
            {
                "source": world.files["imap"],
                "columns": None,
                "time": None,
                "epoch": None,
                "scale": "utc",
                "versions": None,
            },
            1,
        ),
        "imap.flags": Case(imap.flags, {"table": imap_records, "column": "quality_flags"}),
        "imap.compare": Case(imap.compare, {"before": world.files["imap"], "after": world.files["imap"]}),
        "imap.to_skymap": Case(imap.to_skymap, {"table": sky, "column": None, "frame": None}, 2),
        "imap.to_spectra": Case(imap.to_spectra, {"table": imap_records, "column": "b_gse", "observer": None}),
        "imap.plot_spectra": Case(
            imap.plot_spectra, {"spectra": imap.to_spectra(imap_records, "b_gse"), "axis": None}, 1
        ),
        "imap.plot_skymap": Case(imap.plot_skymap, {"skymap": imap.to_skymap(sky)[1], "center": None}),
        "hapi.write": Case(hapi.write, {"table": records, "path": out / "x.hapi", "overwrite": True}, 2),
        "series.align": Case(
            series.align,
            {
                "table": records[:5],
                "every": 1 * u.min,
                "method": "mean",
                "methods": None,
                "max_gap": None,
                "circular": (),
                "columns": None,
                "names": None,
                "start": None,
                "end": None,
                "stamp": "begin",
            },
            1,
        ),
        "series.coverage": Case(series.coverage, {"table": records[:5], "max_gap": None}),
        "sandbox.use": Case(sandbox.use, {"url": "http://127.0.0.1:1"}),
        "sandbox.serve": Case(sandbox.serve, {"port": 0, "services": ("hapi",)}, also=(OSError,)),
        "sandbox.start": Case(sandbox.start, {"port": 0, "services": ("hapi",)}, also=(OSError,)),
        "hapi.access_token": Case(hapi.access_token, {"server": "swe"}),
        "hapi.availability": Case(hapi.availability, {"server": "cdaweb", "pattern": "AC_H0_MFI"}),
        "cache.info": Case(hapi.cache.info, {"server": "cdaweb", "dataset": "AC_H0_MFI"}),
        "cache.clear": Case(hapi.cache.clear, {"server": "cdaweb", "dataset": "AC_H0_MFI"}),
        "hapi.catalog": Case(hapi.catalog, {"server": "cdaweb", "pattern": "*"}),
        "hapi.check": Case(hapi.check, {"server": "cdaweb"}),
        "hapi.chunks": Case(
            lambda *args, **kwargs: list(hapi.chunks(*args, **kwargs)),
            {
                "source": "cdaweb",
                "dataset": "AC_H0_MFI",
                "start": "2026-01-10T00:00",
                "stop": "2026-01-10T00:10",
                "parameters": None,
                "rows": 10,
                "chunk": None,
                "format": None,
                "scale": "utc",
                "info": None,
                "context": None,
            },
            5,
        ),
        "hapi.to_dask": Case(
            hapi.to_dask,
            {
                "source": "cdaweb",
                "dataset": "AC_H0_MFI",
                "start": "2026-01-10T00:00",
                "stop": "2026-01-10T00:10",
                "parameters": None,
                "chunk": None,
                "format": None,
                "info": None,
                "context": None,
            },
            5,
        ),
        "hapi.to_parquet": Case(
            hapi.to_parquet,
            {
                "source": "cdaweb",
                "dataset": "AC_H0_MFI",
                "start": "2026-01-10T00:00",
                "stop": "2026-01-10T00:10",
                "parameters": None,
                "folder": out / "parquet",
                "partition": "day",
                "chunk": None,
                "format": None,
                "overwrite": False,
                "progress": False,
                "info": None,
            },
            5,
        ),
        "hapi.files": Case(hapi.files, {"table": records, "column": records.colnames[1]}),
        "hapi.find": Case(
            hapi.find,
            {
                "text": "density",
                "near": "L1",
                "time": ("2026-01-10", "2026-01-11"),
                "unit": u.cm**-3,
                "cadence": 1 * u.min,
                "server": "cdaweb",
                "limit": 5,
                "progress": False,
            },
            1,
        ),
        "hapi.indexed": Case(hapi.indexed),
        "hapi.update_index": Case(
            lambda server, source, progress: hapi.update_index(server, source=source, progress=progress),
            {"server": "cdaweb", "source": None, "progress": False},
        ),
        "hapi.info": Case(hapi.info, {"server": "cdaweb", "dataset": "AC_H0_MFI", "parameters": None}),
        "hapi.load": Case(
            hapi.load,
            {
                "server": "cdaweb",
                "dataset": "AC_H0_MFI",
                "start": "2026-01-10T00:00",
                "stop": "2026-01-10T00:10",
                "parameters": None,
                "chunk": None,
                "format": None,
                "refresh": False,
                "scale": "utc",
            },
            5,
        ),
        "hapi.load rows": Case(hapi.load, {"server": hapi_table}),
        "hapi.read": Case(hapi.read, {"source": world.files["hapi"], "info": None, "context": None, "scale": "utc"}, 1),
        "hapi.to_skycoord": Case(
            hapi.to_skycoord, {"table": records, "column": "BGSEc", "frame": None, "origin": None}, 3
        ),
        "hapi.Info": Case(hapi.Info, {"raw": info.raw}),
        "hapi.Info.from_json": Case(hapi.Info.from_json, {"answer": info.raw}),
        "hapi.Info.header": Case(info.header, {"chosen": info.names}),
        "hapi.Info.subset": Case(info.subset, {"names": info.names}),
        "hapi.Info.with_format": Case(info.with_format, {"chosen": "csv"}),
        "hapi.Info.with_origin": Case(info.with_origin, {"server": "x", "dataset": "x"}),
        "hapi.Parameter": Case(hapi.Parameter, {"raw": info.parameters[1].raw}),
        "imap.download": Case(imap.download, {"name": world.files["imap"].name, "path": out, "overwrite": False}, 2),
        "imap.epochs": Case(imap.epochs, {"path": world.files["imap"]}),
        "imap.kernels": Case(
            imap.kernels,
            {"time": DAY, "path": out, "types": (), "complete": False, "overwrite": False, "progress": False},
            2,
        ),
        "imap.metakernel": Case(imap.metakernel, {"time": DAY, "types": (), "folder": "", "complete": False}),
        "imap.packets": Case(
            imap.packets,
            {"instrument": "mag", "time": DAY, "path": out, "by_reception": False, "send": False, "dry_run": True},
            3,
        ),
        "imap.read": Case(imap.read, {"path": world.files["imap"], "epoch": None, "scale": "utc"}, 2),
        "imap.realtime": Case(
            imap.realtime, {"time": a.Time("2026-01-10", "2026-01-10 00:10"), "instrument": "mag", "scale": "utc"}, 2
        ),
        "imap.release": Case(
            imap.release,
            {"manifest": manifest, "kind": "release", "dry_run": True, "wait": 0.0, "progress": False},
            1,
        ),
        "imap.reprocess": Case(
            imap.reprocess,
            {"time": DAY, "instrument": "mag", "level": None, "descriptor": None, "dry_run": True},
            2,
        ),
        "imap.repoint_table": Case(imap.repoint_table, {"time": DAY, "path": out}, 2),
        "imap.rows": Case(
            imap.rows, {"table": "science", "instrument": "mag", "start_date": "20260110", "version": "latest"}, 1
        ),
        "imap.spin_table": Case(imap.spin_table, {"time": DAY, "path": out}, 2),
        "imap.sync": Case(imap.sync, {"query": QUERIES["imap"], "path": out, "progress": False, "check": False}, 2),
        "series.quicklook": Case(series.quicklook, {"table": imap_records, "columns": None}),
        "series.to_ndcube": Case(series.to_ndcube, {"table": imap_records, "column": "b_gse"}),
        "imap.to_timeseries": Case(imap.to_timeseries, {"table": imap_records, "columns": None, "most": 32}),
        "imap.unreleased": Case(imap.unreleased, {"table": imap_table}),
        "imap.upload": Case(
            imap.upload, {"paths": world.files["imap"], "dry_run": True, "wait": 0.0, "progress": False}, 1
        ),
        "helioviewer.clipped": Case(helioviewer.clipped, {"image": None}),
        "helioviewer.coverage": Case(
            helioviewer.coverage,
            {"time": a.Time("2026-01-10 12:00", "2026-01-10 12:02"), "query": a.helioviewer.SourceID(13)},
        ),
        "helioviewer.Coverage.plot": Case(coverage.plot, {"axes": None}),
        "helioviewer.jpx": Case(
            helioviewer.jpx,
            {
                "start": "2026-01-10 12:00",
                "end": "2026-01-10 12:02",
                "source": 13,
                "file": out / "x.jpx",
                "cadence": None,
            },
        ),
        "helioviewer.movie": Case(
            helioviewer.movie,
            positional=4,
            args={
                "start": "2026-01-10 12:00",
                "end": "2026-01-10 12:02",
                "layers": [13],
                "file": out / "x.mp4",
                "image_scale": 4.8,
                "size": (512, 512),
                "progress": False,
                "wait": 1 * u.s,
                "frameRate": 10.0,
            },
        ),
        "helioviewer.near": Case(helioviewer.near, {"time": "2026-01-10", "tolerance": None}),
        "helioviewer.nearest": Case(helioviewer.nearest, {"source": 13, "time": "2026-01-10 12:00", "tolerance": None}),
        "helioviewer.sequence": Case(
            helioviewer.sequence,
            {
                "images": world.files["helioviewer"],
                "size": 64,
                "region": None,
                "physical": False,
                "normalize": False,
                "quality": None,
                "exposure": None,
            },
            positional=3,
        ),
        "helioviewer.footprints": Case(helioviewer.footprints, {"images": world.files["helioviewer"]}),
        "helioviewer.Footprints.contain": Case(
            helioviewer.footprints(world.files["helioviewer"]).contain,
            {"point": SkyCoord(0 * u.deg, 0 * u.deg, frame="helioprojective")},
        ),
        "helioviewer.ImageSequence.to_zarr": Case(
            helioviewer.sequence(world.files["helioviewer"], 64).to_zarr, {"path": out / "images.zarr"}
        ),
        "helioviewer.open": Case(
            helioviewer.open, {"images": world.files["helioviewer"], "size": None, "physical": False}
        ),
        "helioviewer.quicklook": Case(
            helioviewer.quicklook, {"images": world.files["helioviewer"], "size": 64, "physical": False}
        ),
        "helioviewer.read": Case(
            helioviewer.read, {"images": world.files["helioviewer"], "size": None, "physical": False, "region": None}
        ),
        "helioviewer.compare": Case(
            helioviewer.compare,
            {"time": a.Time("2026-01-10 12:00", "2026-01-10 12:02"), "query": a.helioviewer.SourceID(13)},
        ),
        "helioviewer.events_of": Case(helioviewer.events_of, {"image": images[0], "radius": 1 * u.hour}),
        "helioviewer.status": Case(helioviewer.status, {"mirrors": False}),
        "helioviewer.science": Case(
            helioviewer.science, {"table": images, "resolve": False, "notify": None, "drms_client": None}
        ),
        "helioviewer.screenshot": Case(
            helioviewer.screenshot,
            positional=3,
            args={
                "time": "2026-01-10 12:00",
                "layers": [13],
                "file": out / "x.png",
                "image_scale": 2.4,
                "size": (64, 64),
                "watermark": True,
            },
        ),
        "helioviewer.sources": Case(helioviewer.sources, {"refresh": False}),
        "her.graph": Case(her.graph, {"table": events[:2]}),
        "her.open": Case(her.open, {"table": events[:2]}),
        "her.quicklook": Case(her.quicklook, {"table": events[:2]}),
        "her.tracks": Case(her.tracks, {"table": events[:2]}),
        "her.flares": Case(
            her.flares, {"given": events[:2], "within": 60 * u.s, "near": 9 * u.deg, "prefer": "SWPC"}, 1
        ),
        "cluster.check": Case(cluster.check, {"client": None}, 1),
        "her.to_parquet": Case(
            her.to_parquet, {"query": DAY, "folder": out / "events", "partition": "day", "overwrite": False}, 1
        ),
        "her.match": Case(
            her.match, {"table": events[:2], "other": events[:2], "within": 60 * u.s, "near": 9 * u.deg}, 2
        ),
        "her.relations": Case(her.relations, {"given": events[:2], "within": 60 * u.s, "near": 9 * u.deg}, 1),
        "her.isolsearch_url": Case(her.isolsearch_url, {"one": DAY, "two": a.her.CH}),
        "her.translate": Case(her.translate, {"one": DAY, "two": a.her.CH}),
        "her.overlay": Case(
            her.overlay, {"axes": None, "table": events[:2], "hidden": None, "boxes": True, "labels": False}, 2
        ),
        "her.mask": Case(her.mask, {"image": picture(), "table": events[:2], "boxes": True, "labels": False}, 2),
        "her.cutout": Case(her.cutout, {"image": picture(), "table": events[:2], "margin": 50 * u.arcsec}, 2),
        "her.HERTable.in_view": Case(events.in_view, {"view": picture()}),
        "her.Polygons.to_regions": Case(polygons.to_regions, {"frame": picture().coordinate_frame}),
        "her.summary_url": Case(her.summary_url, {"event": ivorn, "rev": None}),
        "her.voevent_url": Case(her.voevent_url, {"event": ivorn, "rev": None}),
        "her.picture_of": Case(her.picture_of, {"row": events[0], "tolerance": 10 * u.min}),
        "her.to_attrs": Case(her.to_attrs, {"row": events[0], "before": 0 * u.s, "after": 0 * u.s, "instrument": True}),
        "her.values": Case(her.values, {"attr": a.her.frm_name, "query": DAY, "event_type": "CH"}, 2),
        "her.Registry": Case(her.Registry, {"dry_run": True}),
        "her.Registry.login": Case(registry.login, {"user": "x", "password": "y"}),
        "her.Registry.rate": Case(
            registry.rate, {"event": ivorn, "rating": 0.5, "idspecial": None, "revision": None}, 2
        ),
        "her.Registry.comment": Case(
            registry.comment, {"event": ivorn, "text": "x", "idspecial": None, "revision": None}, 2
        ),
        "her.Registry.comments": Case(registry.comments, {"event": ivorn, "idspecial": None, "revision": None}, 1),
        "her.Registry.add_reference": Case(
            registry.add_reference,
            {"event": ivorn, "name": "x", "kind": "x", "url": "https://x.org", "eventid": None, "revision": None},
            4,
        ),
        "her.Registry.relate": Case(
            registry.relate, {"first": ivorn, "verb": "causes", "second": ivorn, "strength": 1.0}
        ),
        "her.Registry.upload": Case(registry.upload, {"event": document}),
        "her.Registry.revise": Case(registry.revise, {"event": document, "original": document.ivorn}),
        "her.voevent.read": Case(her.voevent.read, {"source": world.files["her"]}),
        "her.voevent.write": Case(her.voevent.write, {"event": document, "path": out / "x.xml", "check": False}),
        "her.voevent.from_row": Case(her.voevent.from_row, {"row": events[0]}),
        "her.voevent.identifier": Case(
            her.voevent.identifier, {"event_type": "CH", "method": "x", "when": None, "suffix": ""}
        ),
        "her.voevent.accept": Case(her.voevent.accept, {"part": world.files["her"], "ivorn": document.ivorn}),
        "her.HERTable.from_records": Case(
            her.HERTable.from_records, {"records": [dict(events["raw"][0])], "associations": (), "problems": ()}
        ),
        "her.HERTable.stack": Case(her.HERTable.stack, {"one": events[:1], "two": events[1:2]}),
        "her.HERTable.at": Case(events.at, {"instants": Time("2026-01-10")}),
        "her.Polygon.contains": Case(polygon.contains, {"place": points[0]}),
        "her.Polygon.rotated_to": Case(polygon.rotated_to, {"time": "2026-01-10", "observer": None}),
        "her.Polygon.visible": Case(polygon.visible, {"observer": None, "time": None}),
        "her.Polygon.to_region": Case(polygon.to_region, {"frame": None}),
        "her.Polygons.at": Case(polygons.at, {"instants": Time("2026-01-10")}),
        "her.Points.at": Case(points.at, {"instants": Time("2026-01-10")}),
    }
    for name, table, cls in (
        ("HAPI", hapi_table, hapi.HAPITable),
        ("IMAP", imap_table, imap.IMAPTable),
        ("Helioviewer", images, helioviewer.HelioviewerTable),
        ("HER", events, her.HERTable),
    ):
        key = {"HAPI": "hapi", "IMAP": "imap", "Helioviewer": "helioviewer", "HER": "her"}[name]
        made[f"{key}.{name}Table.paths"] = Case(table[:2].paths, {"results": world_results()})
        made[f"{key}.{name}Table.write"] = Case(table[:2].write, {"path": out / "y.ecsv", "overwrite": True}, 1)
        made[f"{key}.{name}Table.read"] = Case(cls.read, {"path": out / "y.ecsv"}, 1)
        client = getattr(helio, f"{name}Client")()
        made[f"{name}Client.search"] = Case(client.search, dict(zip("abc", QUERIES[key], strict=False)))
        made[f"{name}Client.fetch"] = Case(
            client.fetch, {"query_results": table[:1], "path": "{file}", "downloader": None}, 1
        )
        module = __import__(f"sunpy_helio_plugins.{key}.attrs", fromlist=["x"])
        for one in module.__all__:
            thing = getattr(module, one)
            if isinstance(thing, type) and issubclass(thing, Attr):
                made[f"a.{key}.{one}"] = Case(thing, {"value": "x"})
    maps = {"species": "h", "quantity": "ena", "frame": "hf", "phase": "ram", "coordinates": "hae"}
    maps |= {"sensor": "h45", "survival": True, "resolution": "6deg", "months": 6}
    made["a.imap.Map"] = Case(a.imap.Map, maps, 0)
    made["a.her.Within"] = Case(a.her.Within, {"inner": "AR", "container": "CH"})
    made["a.her.Filter"] = Case(type(a.her.frm_name == "x"), {"name": "frm_name", "operator": "=", "value": "x"})
    made["a.her.Field"] = Case(type(a.her.frm_name), {"keyword": a.her.frm_name.keyword, "event_type": ""})
    made["a.her.Field.like"] = Case(a.her.frm_name.like, {"pattern": "x"})
    made["a.her.Field.isin"] = Case(a.her.frm_name.isin, {"values": ["x"]})
    for one in sandbox.__all__:
        thing = getattr(sandbox, one)
        if isinstance(thing, type) and issubclass(thing, sandbox.Fault) and thing is not sandbox.Fault:
            options = {item.name: item.default for item in dataclasses.fields(thing)}
            made[f"sandbox.{one}"] = Case(thing, options, 0)
    made["sandbox.Archive"] = Case(sandbox.Archive, {"port": 0, "services": ("hapi",)})
    made["sandbox.Archive.fault"] = Case(sandbox.Archive(0, ("hapi",)).fault, {"kind": "status"})
    return made


def picture() -> Any:
    """Return a map of the complete disk as seen from Earth."""
    from astropy.coordinates import SkyCoord
    from sunpy.coordinates import Helioprojective, get_earth
    from sunpy.map import Map
    from sunpy.map.header_helper import make_fitswcs_header

    frame = Helioprojective(observer=get_earth("2026-01-10"), obstime="2026-01-10")
    middle = SkyCoord(0 * u.arcsec, 0 * u.arcsec, frame=frame)
    return Map(np.zeros((50, 50)), make_fitswcs_header((50, 50), middle, scale=[50, 50] * u.arcsec / u.pix))


def world_results() -> Any:
    from parfive import Results

    return Results()


INTERFACE = (Path(__file__).with_name("public_interface.txt")).read_text(encoding="utf-8")


def public_calls() -> Iterator[str]:
    """Yield the names that can be called with arguments, as the keys of `cases`."""
    face = kind = ""
    for line in INTERFACE.splitlines():
        if line.startswith("["):
            parts = line.strip("[]").split(".")[1:]
            face = f"a.{parts[0]}." if parts[-1:] == ["attrs"] else f"{parts[-1]}." if parts else ""
        found = re.match(r"(    )?(def|class|classmethod) (\w+)(\(.*\))?", line)
        if found is None:
            continue
        if found[1] is None:
            kind = found[3] if found[2] == "class" else ""
        if re.fullmatch(r"\((self|cls)?(, /)?(, \*)?\)|", (found[4] or "").strip()) and not face.startswith("a."):
            continue
        yield f"{face}{kind}.{found[3]}" if found[1] else f"{face}{found[3]}"


EXEMPT = {
    r"errors\.": "exceptions and warnings, which the package makes",
    r".*\.(transform_to|directional_offset_by|spherical_offsets_by|insert|take|copy|argsort|empty)": "as in astropy",
    r"(her|fido|a\.\w+)\.\w+\.(check|offered|asked|collides|filters|refuse_alone)": "called by sunpy and this package",
    r".*\.(is_datasource_for|register_values|plot|concatenate)": "called by sunpy, or as in sunpy",
    r"sandbox\.\w+\.(meets|parts|play|add|answer|remove|at_end)": "called by the embedded archive",
    r"sandbox\.(Faults|Request|Fault)": "made by the embedded archive, or abstract",
    r"config\.Snapshot.*": "made by this package",
    r"her\.(Tracks|EventFolder)(\.read)?": "made by this package",
    r"(her\.(Points|Polygon|Polygons|Request)|io\.Changes|helioviewer\.Coverage)(\.\w+)?": "made by this package",
    r"imap\.(PacketFile|ServiceRequest|Synced|Uploaded)(\.\w+)?": "made by this package",
    r"imap\.IMAPTimeSeries": "made by sunpy, with the columns of a file",
    r"helioviewer\.(ImageSequence|Footprints)": "made by this package",
    r"(hapi|imap)\.(quicklook|to_ndcube|to_timeseries|to_xarray)": "the functions of series",
    r"(series\.LazyTable|hapi\.ParquetFolder|imap\.IMAPDataset)(\.\w+)?": (
        "made by this package; its methods are the functions of series and of the archives"
    ),
    r"mirrors\.(Plan|PlannedQuery|MirrorReport|QueryReport|FolderCheck)": "made by this package",
    r"together\.Context": "made by this package",
    r"mirrors\.PlannedQuery\.(span|query)": "called by this package with the time of a run",
    r"mirrors\.(mirror|check_folder)": "also names of the package itself",
    r"series\.SeriesCoverage": "made by this package",
    r"quantities\.(MaskKeepingQuantity|MaskKeepingColumn)": "constructors of astropy",
    r"units\.(Unit|NotAUnit|Unknown)": "made by this package",
    r"(HAPI|IMAP|Helioviewer|HER)Client": "without arguments",
    r"her\.HERClient.*": "also a name of the package itself",
    r"her\.HERTable\.to_pandas": "as in astropy",
    r"fido\.(ArchiveTable|ArchiveClient|ArchiveAttr|MarkerAttr).*": "base classes: their subclasses are called",
    r"a\.her\.(And|Or|EventType\.\w+)": "made by & and |",
    r"fido\.Names\.are_in": "called by sunpy with attrs of any package, which must not be an error",
}
"""Names that are not called with every value, and why."""


def exempt(name: str) -> bool:
    return any(re.fullmatch(pattern + (".*" if pattern.endswith(".") else ""), name) for pattern in EXEMPT)


GROUPS = (
    r"(?!a\.|fido|quantities|units|cdf|io\.|series|cluster|together|sandbox|hapi|imap|helioviewer|her|mirrors)",
    "mirrors", "fido", "quantities", "units", "cdf", "cluster", r"io\.", "series", "together", "sandbox", "hapi",
    "imap", "helioviewer", "her", r"a\.hapi", r"a\.imap", r"a\.helioviewer", r"a\.her",
)  # fmt: skip


@pytest.fixture(scope="module")
def table(world: World, _running_archive: Any) -> dict[str, Case]:
    with sandbox.use(_running_archive.url):
        return cases(world)


@pytest.mark.exhaustive
@pytest.mark.parametrize("group", GROUPS)
def test_a_public_function_works_or_raises_one_sentence(
    group: str, world: World, table: dict[str, Case], archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = world.values()
        names = [name for name in table if re.match(group, name)]
        found = [text for name in names for text in faults_of(name, table[name], values, archive)]
        plt.close("all")
    from sunpy_helio_plugins.transport import credentials

    credentials.forget()
    sandbox.stop()
    assert found == []


def test_every_public_name_is_called_or_exempt(table: dict[str, Case]) -> None:
    """A new public name needs a call in `cases`, or a reason in `EXEMPT`."""
    names = set(public_calls())
    assert sorted(name for name in names if name not in table and not exempt(name)) == []
    unused = [pattern for pattern in EXEMPT if not any(re.match(pattern, name) for name in names)]
    assert unused == []


@pytest.mark.parametrize(
    ("name", "names", "text"),
    [
        ("Bx", ["Time", "flux"], "The table does not have a column 'Bx'; it has Time, flux."),
        (
            "BGSEc",
            ["Time", "BGSEc_0"],
            "The table does not have a column 'BGSEc'; it has Time, BGSEc_0. Did you mean BGSEc_0?",
        ),
        ("1", [0, 1.5], "The table does not have a column '1'; it has 0, 1.5."),
    ],
)
def test_a_missing_column_is_named_with_the_others_and_similar_ones(name: str, names: list[Any], text: str) -> None:
    assert str(no_column("The table", name, names)) == text
