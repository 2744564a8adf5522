"""
Record how astropy and sunpy treat their own formats, files and clients: ``survey.py (without|with) answer``.

It is run as a program in a new interpreter, once without this package and once with it, and writes the results as JSON.
It does not contain expected results: `test_guest` compares the two outputs.
"""

# ruff: noqa: B023 - what is made in a loop is called in the same round of it

from __future__ import annotations

import contextlib
import gc
import hashlib
import importlib
import io
import json
import os
import pickle
import random
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.io import registry
from astropy.table import QTable, Table
from astropy.utils import iers
from sunpy.net import Fido

OURS = ("hapi", "cdf")
SUFFIXES = (
    "csv", "dat", "ecsv", "fit", "fits", "fits.gz", "h5", "hdf5", "html", "json", "parq", "parquet", "qdp", "rdb",
    "tdat", "tex", "txt", "vot", "xml", "asdf", "cdf", "hapi", "csv.gz", "ecsv.gz", "vot.gz", "csv.bz2",
)  # fmt: skip
KEYWORDS: tuple[dict[str, Any], ...] = ({}, {"path": "t"}, {"overwrite": True, "serialize_meta": True})
FOREIGN: tuple[dict[str, Any], ...] = ({}, {"path": "t"}, {"origin": "t", "fileobj": 1, "name": 2, "source": 3})
FIDO = ("test_fido", "test_attrs", "test_baseclient")


def told(what: Callable[[], Any]) -> str:
    """Return a result, or the beginning of an error message; without parts that differ from run to run."""
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            return shown(what())
    except Exception as error:  # noqa: BLE001 - whatever it is, it is compared
        # The rest of astropy's message is the list of all formats.
        first = str(error).partition("\n")[0].replace(os.getcwd(), ".")
        return f"{type(error).__name__}: {re.sub(r'0x[0-9a-f]+', '0x', first)}"


def shown(value: Any) -> str:
    if isinstance(value, Table):
        columns = [f"{name} {column.dtype} {column.info.unit} {list(column)}" for name, column in value.items()]
        return f"{type(value).__name__}({'; '.join(columns)})"
    if isinstance(value, list | tuple):
        return f"[{', '.join(shown(one) for one in value)}]"
    if hasattr(value, "meta") and hasattr(value, "wcs"):
        return f"{type(value).__name__}({digest(value.data)}, {digest(repr(value.meta))})"
    if hasattr(value, "to_dataframe"):
        frame = value.to_dataframe()
        parts = (frame.index.to_numpy(), frame.to_numpy(dtype=float, na_value=np.nan), repr(value.meta))
        return f"{type(value).__name__}({', '.join(frame.columns)}, {', '.join(map(digest, parts))})"
    return f"{type(value).__name__} {value!r}" if isinstance(value, str | bool | int | None) else type(value).__name__


def digest(value: Any) -> str:
    content = value.encode() if isinstance(value, str) else np.ascontiguousarray(value).tobytes()
    return hashlib.sha256(content).hexdigest()[:12]


def example(kind: type[Table]) -> Table:
    made = kind({"a": [1, 2, 3], "b": [1.5, -2.25, 4e10], "c": ["x", "y", "z"]})
    if kind is QTable:
        made["d"] = [1.0, 2.0, 3.0] * u.nT
    return made


def formats() -> Iterator[tuple[str, str]]:
    """Write and read every format by name."""
    for kind, keywords in ((Table, ({}, {"path": "t"})), (QTable, ({},))):
        listed = registry.get_formats(kind)
        for form in sorted(set(listed["Format"]) - set(OURS)):
            if f"ascii.{form}" in listed["Format"]:
                continue  # old names of the same formats
            path = Path("of_a_format")
            path.unlink(missing_ok=True)
            key = f"{kind.__name__} as {form}"
            for options in keywords:
                more = {"overwrite": True} if form in ("hdf5", "fits", "votable", "asdf", "parquet") else {}
                yield (
                    f"{key} written {options}",
                    told(lambda: example(kind).write(path, format=form, **more, **options)),
                )
                for source in sources(path):
                    yield (
                        f"{key} read {options} from {source[0]}",
                        told(lambda: kind.read(source[1](), format=form, **options)),
                    )


def sources(path: Path) -> list[tuple[str, Callable[[], Any]]]:
    return [("path", lambda: path), ("file", lambda: path.open("rb")), ("bytes", lambda: io.BytesIO(path.read_bytes()))]


def recognized() -> Iterator[tuple[str, str]]:
    """Write and read without naming the format, with various suffixes, sources and keywords."""
    for suffix in SUFFIXES:
        path = Path(f"x.{suffix}")
        for kind in (Table, QTable):
            for options in KEYWORDS:
                path.unlink(missing_ok=True)
                yield f"{kind.__name__} to {path} {options}", told(lambda: example(kind).write(path, **options))
            for options in FOREIGN:
                for name, source in [("text", lambda: str(path)), *sources(path)] if path.exists() else []:
                    yield (
                        f"{kind.__name__} from {path} {options} as {name}",
                        told(lambda: kind.read(source(), **options)),
                    )
    Path("missing.fits").unlink(missing_ok=True)
    for name, stream in streams().items():
        yield f"written to {name}", told(lambda: example(Table).write(stream))
        yield f"read from {name}", told(lambda: Table.read(stream))


def streams() -> dict[str, Any]:
    reader, writer = os.pipe()
    os.write(writer, b"a,b\n1,2\n")
    os.close(writer)
    return {
        "text": io.StringIO("a,b\n1,2\n"), "a pipe": os.fdopen(reader, "rb"), "nothing": io.BytesIO(),
        "a folder": Path(), "something that is missing": "missing.fits", "an array": np.zeros(3),
        "a closed file": closed(),
    }  # fmt: skip


def closed() -> Any:
    stream = io.BytesIO()
    stream.close()
    return stream


def factories() -> Iterator[tuple[str, str]]:
    """Open the sample files of sunpy with its factories."""
    import sunpy.map
    import sunpy.timeseries
    from sunpy.data.test import get_test_data_filenames

    for path in sorted(map(Path, get_test_data_filenames())):
        if path.suffix in (".py", ".header", ".pyc"):
            continue
        yield f"TimeSeries {path.name}", told(lambda: sunpy.timeseries.TimeSeries(path))
        yield f"Map {path.name}", told(lambda: sunpy.map.Map(path))
        if "eve" in path.name.lower():
            yield f"EVE {path.name}", told(lambda: sunpy.timeseries.TimeSeries(path, source="eve", title="x"))
    yield "a table", told(lambda: sunpy.timeseries.TimeSeries(Table({"t": [1.0], "v": [2.0]}), {}))
    yield "sources of maps", repr(sorted(one.__name__ for one in sunpy.map.Map.registry))
    yield "sources of series", repr([one.__name__ for one in sunpy.timeseries.TimeSeries.registry if not ours(one)])


def ours(one: Any) -> bool:
    return str(getattr(one, "__module__", "")).startswith("sunpy_helio_plugins")


class _Outcomes:
    """Collect the outcome of each test."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.found[report.nodeid.rpartition("/")[2]] = report.outcome


def fido() -> Iterator[tuple[str, str]]:
    """Run those of sunpy's tests of Fido that do not need a network."""
    # Some of them can run only once.
    for module in [name for name in sys.modules if name.startswith("sunpy.net.tests.")]:
        del sys.modules[module]
    outcomes = _Outcomes()
    names = [f"sunpy.net.tests.{name}" for name in FIDO]
    # Without pytest_remotedata these tests would go to the network.
    # The text of assertions is not compared, so that the modules do not have to be compiled again.
    plugins = ["-ppytest_remotedata.plugin", "-pno:cacheprovider", "-pno:terminal", "--assert=plain"]
    settings = ["-c", os.devnull, f"--rootdir={os.getcwd()}", "-Wignore"]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        pytest.main([*plugins, *settings, "--pyargs", *names], plugins=[outcomes])
    yield from outcomes.found.items()


def dispatch() -> Iterator[tuple[str, str]]:
    """Record which clients of Fido handle queries, in which order, and how results are pickled."""
    from sunpy.net import attrs as a
    from sunpy.net.base_client import QueryResponseTable

    day = a.Time("2026-01-10", "2026-01-11")
    queries = {
        "an instrument": (day, a.Instrument.aia), "a curve": (day, a.Instrument("XRS")), "events": (day, a.hek.FL),
        "spectra": (day, a.Instrument.eve, a.Level(0)), "nothing": (day,),
        "a series": (day, a.jsoc.Series("hmi.m_45s")),
    }  # fmt: skip
    for name, query in queries.items():
        yield (
            f"who answers {name}",
            told(lambda: [one.__name__ for one in Fido.registry if not ours(one) and one._can_handle_query(*query)]),
        )
    yield "clients", repr([one.__name__ for one in Fido.registry if not ours(one)])
    table = QueryResponseTable({"a": [1, 2], "Size": [1.0, 2.0] * u.Mbyte})
    yield "a response", told(lambda: pickle.loads(pickle.dumps(table)))
    yield "an instrument", str(a.Instrument.aia.value)


def state() -> Iterator[tuple[str, str]]:
    """Record the shared state of the interpreter."""
    import asyncio
    import codecs
    import decimal
    import locale
    import logging
    import signal
    import socket

    import matplotlib as mpl
    import matplotlib.units
    import pandas as pd

    yield "filters of warnings", repr([(one[0], str(one[1]), one[2].__name__, str(one[3])) for one in warnings.filters])
    for name in ("", "sunpy", "astropy", "parfive", "urllib3", "urllib3.connectionpool", "aiohttp.access", "asyncio"):
        log = logging.getLogger(name)
        kinds = [type(one).__name__ for one in log.handlers]
        yield f"log {name or 'root'}", repr((log.level, log.propagate, log.disabled, kinds, len(log.filters)))
    yield "signals", repr([str(signal.getsignal(one)) for one in (signal.SIGINT, signal.SIGTERM)])
    yield "event loops", type(asyncio.get_event_loop_policy()).__name__ if sys.version_info < (3, 14) else ""
    yield "numpy", repr((np.geterr(), sorted((name, str(value)) for name, value in np.get_printoptions().items())))
    yield "random numbers", digest(repr((random.getstate(), np.random.get_state()[1].tolist())))  # noqa: NPY002
    yield "rcParams", digest(repr(sorted(mpl.rcParams.items(), key=str)))
    yield "units of matplotlib", repr(sorted(str(one) for one in mpl.units.registry))
    yield "colour maps", digest(repr(sorted(mpl.colormaps)))
    yield "units of astropy", repr(len(u.get_current_unit_registry().all_units))
    yield "equivalencies", repr(u.get_current_unit_registry().equivalencies)
    yield "pandas", repr([pd.get_option(name) for name in ("display.max_rows", "display.precision")])
    yield "decimal, locale, sockets", repr((decimal.getcontext(), locale.getlocale(), socket.getdefaulttimeout()))
    yield "hooks", repr([getattr(sys, name).__module__ for name in ("excepthook", "displayhook", "unraisablehook")])
    yield "finders", repr([type(one).__name__ for one in sys.meta_path if not ours(type(one))])
    yield "path", repr((sorted(set(sys.path)), len(sys.path_hooks), os.umask(os.umask(0o22)))).replace(os.getcwd(), ".")
    yield "codecs", repr(codecs.lookup("utf-8").name)
    yield "environment", digest(repr(sorted(os.environ.items())))
    yield "threads", repr(sorted(one.name for one in __import__("threading").enumerate() if "pool" not in one.name))
    yield "earth orientation", repr((iers.conf.auto_download, iers.conf.auto_max_age))
    yield "help", told(lambda: Table.read.help("csv"))
    yield "formats", repr([tuple(row) for row in registry.get_formats() if row["Format"] not in OURS])


def modules() -> Iterator[tuple[str, str]]:
    """Look up modules for which this package has import hooks."""
    for name in ("sunpy.timeseries", "glymur", "sunpy.map"):
        spec = importlib.util.find_spec(name)
        said = spec.origin, spec.loader.get_filename(name), bool(spec.loader.get_source(name))
        yield f"where {name} is", repr(said)


SURVEYS = (state, formats, recognized, dispatch, factories, fido)


def survey() -> dict[str, str]:
    found = {}
    for ask in SURVEYS:
        found |= {f"{ask.__name__}: {name}": outcome for name, outcome in ask()}
    return found


def main(mode: str, answer: Path) -> None:
    for name in ("matplotlib.pyplot", "pandas"):
        importlib.import_module(name)
    found: dict[str, dict[str, str]] = {}
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    if mode == "with":
        sunpy_helio_plugins = importlib.import_module("sunpy_helio_plugins")
        found["package"] = {"file": sunpy_helio_plugins.__file__}
    for name in ("sunpy.map", "sunpy.timeseries"):
        importlib.import_module(name)
    where = {f"modules: {name}": value for name, value in modules()}
    found["imported" if mode == "with" else "without"] = survey() | where
    if mode == "without":
        importlib.import_module("aiohttp.web")  # it adds a warning filter
        found["again"] = {f"state: {name}": value for name, value in state()}
    if mode == "with":
        sandbox = importlib.import_module("sunpy_helio_plugins.sandbox")
        from sunpy.net import attrs as a

        with sandbox.serve():
            Fido.search(a.Time("2026-01-10", "2026-01-10 23:59"), a.her.CH)
        found["after"] = survey()
    answer.write_text(json.dumps(found))


if __name__ == "__main__":
    gc.disable()  # it would repeatedly traverse all objects of astropy and sunpy
    iers.conf.auto_download = False
    target = Path(sys.argv[2]).resolve()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        main(sys.argv[1], target)
