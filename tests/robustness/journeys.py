"""What users do, each as a function that returns a result that can be compared."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from answers import CDF_NAME, FILES, IVORN, SECRET
from sunpy.net import Fido
from sunpy.net import attrs as a

import sunpy_helio_plugins as shp
from sunpy_helio_plugins import conf, hapi, helioviewer, her, imap
from sunpy_helio_plugins.transport.credentials import signed_in

__all__ = ["JOURNEYS", "LOOKING", "Journey", "digest_of", "directed", "plain"]

NOON = a.Time("2026-01-10T12:00", "2026-01-10T12:20")
DAY = a.Time("2026-01-10", "2026-01-10T23:00")


def plain(value: Any) -> Any:
    """Return a result as tuples of texts, so that two results can be compared."""
    if hasattr(value, "columns"):
        # Which of its lists Helioviewer was found in may differ, if the images are the same.
        value = value[[name for name in value.colnames if name != "Lister"]]
        rows = tuple(tuple(_cell(value[name][index]) for name in value.colnames) for index in range(len(value)))
        units = tuple(str(getattr(value[name], "unit", "") or "") for name in value.colnames)
        return ("table", tuple(value.colnames), units, rows)
    return ("value", str(value))


def _cell(cell: Any) -> str:
    return "--" if cell is np.ma.masked or getattr(cell, "mask", False) is True else str(cell)


@dataclass(frozen=True)
class Journey:
    """
    What a user does.

    Attributes
    ----------
    run : callable
        Takes a folder; returns the result, and the problems that it names.
    stages : tuple of str
        The stages of the server that it meets.
    broken : frozenset of str
        Stages that fail in every run, so that the ones that replace them are reached.
    subjects : tuple of str
        What a message may name besides the address of the server: a file, a dataset, an event.
    """

    run: Callable[[Path], tuple[Any, tuple[str, ...]]]
    stages: tuple[str, ...]
    broken: frozenset[str] = frozenset()
    subjects: tuple[str, ...] = ()


def _said(table: Any) -> tuple[str, ...]:
    return tuple(map(str, (*getattr(table, "problems", ()), *getattr(table, "notes", ()))))


def searched(client: Any, query: Callable[[], tuple[Any, ...]]) -> Callable[[Path], tuple[Any, tuple[str, ...]]]:
    def run(folder: Path) -> tuple[Any, tuple[str, ...]]:
        table = client().search(*query())
        return plain(table), _said(table)

    return run


LOOKING: list[Path] = []
"""The folders that the harness looks at, whose calls are not those of a journey."""


def digest_of(path: Path) -> str:
    """Return the digest of a file; of a HAPI file that of its records, since its header tells when it was made."""
    data = path.read_bytes()
    while path.suffix == ".hapi" and data.startswith(b"#"):
        data = data.partition(b"\n")[2]
    if path.suffix == ".hapi" and data.startswith(b"{"):
        data = data.partition(b'"data"')[2]
    return hashlib.sha256(data).hexdigest()


def files_in(folder: Path) -> tuple[Any, ...]:
    """Return the name and the digest of each file below a folder, in their order."""
    LOOKING.append(folder)
    try:
        return tuple(
            (str(path.relative_to(folder)), digest_of(path))
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix != ".part"
        )
    finally:
        LOOKING.pop()


def fetched(client: Any, query: Callable[[], tuple[Any, ...]]) -> Callable[[Path], tuple[Any, tuple[str, ...]]]:
    def run(folder: Path) -> tuple[Any, tuple[str, ...]]:
        table = client().search(*query())
        said = _said(table)
        results = Fido.fetch(table, path=folder / "{file}", progress=False)
        for failed in results.errors:
            if len(results.errors) == 1 and not len(results):
                raise failed.exception
            said += (f"{type(failed.exception).__name__}: {failed.exception}",)
        return ("files", files_in(folder)), said

    return run


def loaded(server: str, form: str) -> Callable[[Path], tuple[Any, tuple[str, ...]]]:
    def run(folder: Path) -> tuple[Any, tuple[str, ...]]:
        table = hapi.load(server, "MAG", "2026-01-10T12:00", "2026-01-10T12:20", format=form)
        return plain(table), _said(table.meta.get("problems", ()))

    return run


def chunked(server: str) -> Callable[[Path], tuple[Any, tuple[str, ...]]]:
    def run(folder: Path) -> tuple[Any, tuple[str, ...]]:
        return plain(hapi.load(server, "MAG", "2026-01-10T12:00", "2026-01-10T12:20", chunk=300)), ()

    return run


def with_token(folder: Path) -> tuple[Any, tuple[str, ...]]:
    with signed_in("swe", f"me-{SECRET}", SECRET):
        table = hapi.load("swe", "MAG", "2026-01-10T12:00", "2026-01-10T12:20")
    return plain(table), ()


def uploaded(folder: Path) -> tuple[Any, tuple[str, ...]]:
    path = folder / "own" / CDF_NAME
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(FILES[CDF_NAME])
    with signed_in("imap", SECRET):
        (one,) = imap.upload(path, progress=False)
    return ("files", ((one.key, ""),) if one.sent else ()), ((one.problem,) if one.problem else ())


def synced(folder: Path) -> tuple[Any, tuple[str, ...]]:
    done = imap.sync([DAY, a.imap.File(), a.Instrument("mag"), a.Level("l2")], folder, progress=False)
    assert not done.gone
    files = tuple(one for one in files_in(folder) if folder / one[0] in {*done.new, *done.kept})
    return ("files", files), tuple(map(str, done.errors))


def screenshot(folder: Path) -> tuple[Any, tuple[str, ...]]:
    path = helioviewer.screenshot("2026-01-10 14:36", [13], folder / "x.png", image_scale=14, size=(90, 70))
    return ("files", files_in(Path(path).parent)), ()


def rated(folder: Path) -> tuple[Any, tuple[str, ...]]:
    with signed_in("her", "me", SECRET), her.Registry() as registry:
        sent = registry.rate(IVORN.format(1), 0.5)
    return ("value", str(sent.answer)), ()


def value_of(ask: Callable[[], Any]) -> Callable[[Path], tuple[Any, tuple[str, ...]]]:
    def run(folder: Path) -> tuple[Any, tuple[str, ...]]:
        found = ask()
        return plain(found), _said(found)

    return run


def dataset_of(server: str) -> Callable[[], tuple[Any, ...]]:
    return lambda: (NOON, a.hapi.Dataset("MAG"), a.hapi.Server(server))


SUN = (NOON, a.helioviewer.SourceID(13))
LIST_OF_SUN = (*SUN, a.helioviewer.Backend("HAPI", "index"))
FLARES = (DAY, a.her.FL)
SCIENCE = (DAY, a.imap.File(), a.Instrument("mag"), a.Level("l2"))

JOURNEYS: dict[str, Journey] = {
    "hapi.catalog": Journey(value_of(lambda: hapi.catalog("csv")), ("hapi-csv.capabilities", "hapi-csv.catalog")),
    "hapi.search": Journey(
        searched(shp.HAPIClient, dataset_of("csv")),
        ("hapi-csv.capabilities", "hapi-csv.info"), subjects=("MAG",),
    ),
    "hapi.search pattern": Journey(
        searched(shp.HAPIClient, lambda: (NOON, a.hapi.Dataset("MA*"), a.hapi.Server("csv"))),
        ("hapi-csv.catalog", "hapi-csv.info"), subjects=("MAG",),
    ),
    "hapi.load csv": Journey(loaded("csv", "csv"), ("hapi-csv.data",), subjects=("MAG",)),
    "hapi.load binary": Journey(loaded("binary", "binary"), ("hapi-binary.data",), subjects=("MAG",)),
    "hapi.load json": Journey(loaded("json", "json"), ("hapi-json.data",), subjects=("MAG",)),
    "hapi.load chunks": Journey(chunked("csv"), ("hapi-csv.data",), subjects=("MAG",)),
    "hapi.fetch": Journey(
        fetched(shp.HAPIClient, dataset_of("csv")), ("hapi-csv.data",), subjects=("MAG",)
    ),
    "hapi.fetch binary": Journey(
        fetched(shp.HAPIClient, dataset_of("binary")), ("hapi-binary.data",), subjects=("MAG",)
    ),
    "swe.load": Journey(with_token, ("swe.token", "swe.data", "swe.info"), subjects=("MAG",)),
    "imap.search": Journey(searched(shp.IMAPClient, lambda: SCIENCE), ("imap.query",)),
    "imap.fetch": Journey(
        fetched(shp.IMAPClient, lambda: SCIENCE), ("imap.download", "imap.storage"), subjects=("imap_mag",)
    ),
    "imap.sync": Journey(synced, ("imap.query", "imap.storage"), subjects=("imap_mag",)),
    "imap.upload": Journey(uploaded, ("imap.link", "imap.put"), subjects=(CDF_NAME,)),
    "imap.realtime": Journey(
        value_of(lambda: imap.realtime(a.Time("2026-01-10T12:00", "2026-01-10T12:05"), "mag")), ("imap.realtime",)
    ),
    "helioviewer.search": Journey(
        searched(shp.HelioviewerClient, lambda: LIST_OF_SUN),
        ("helioviewer.capabilities", "helioviewer.info", "helioviewer.data"),
    ),
    "helioviewer.search index": Journey(
        searched(shp.HelioviewerClient, lambda: LIST_OF_SUN), ("helioviewer.index",),
        frozenset({"helioviewer.info", "helioviewer.data", "helioviewer.catalog"}),
    ),
    "helioviewer.fetch": Journey(
        fetched(shp.HelioviewerClient, lambda: SUN), ("helioviewer.image",), subjects=("2026_01_10",)
    ),
    "helioviewer.sources": Journey(value_of(lambda: helioviewer.sources(refresh=True)), ("helioviewer.sources",)),
    "helioviewer.screenshot": Journey(
        screenshot, ("helioviewer.screenshot", "helioviewer.picture"), subjects=("x.png",)
    ),
    "her.search": Journey(searched(shp.HERClient, lambda: FLARES), ("her.search",)),
    "her.search pages": Journey(searched(shp.HERClient, lambda: (*FLARES, a.her.PageSize(2))), ("her.search",)),
    "her.fetch": Journey(fetched(shp.HERClient, lambda: FLARES), ("her.document",), subjects=("FL_",)),
    "her.rate": Journey(rated, ("her.login", "her.submit")),
}  # fmt: skip


@contextlib.contextmanager
def directed(url: str, **settings: Any) -> Iterator[None]:
    """Direct the settings to a server within a block, with short limits of time and size."""
    values = {
        "connect_timeout": 0.5, "read_timeout": 0.4, "deadline": 1.2, "search_deadline": 3.0, "retries": 1,
        "max_answer": 2_000_000, "max_file": 2_000_000, "cache": False,
    } | settings  # fmt: skip
    servers = [f"{name}={url}/{name}/hapi" for name in ("csv", "binary", "json", "swe")]
    with contextlib.ExitStack() as stack:
        for name, value in values.items():
            stack.enter_context(conf.set_temp(name, value))
        # Kept records would be returned without a request, and a fault would not be reached.
        stack.enter_context(conf.hapi.set_temp("cache", False))
        stack.enter_context(conf.her.set_temp("cache", False))
        stack.enter_context(conf.hapi.set_temp("servers", servers))
        stack.enter_context(conf.hapi.set_temp("oauth2", [f"swe={url}/sso/token scope"]))
        stack.enter_context(conf.imap.set_temp("url", f"{url}/imap"))
        stack.enter_context(conf.imap.set_temp("ialirt_url", f"{url}/ialirt"))
        stack.enter_context(conf.imap.set_temp("webpoda_url", f"{url}/poda"))
        stack.enter_context(conf.helioviewer.set_temp("api_url", f"{url}/v2"))
        stack.enter_context(conf.helioviewer.set_temp("hapi_url", f"{url}/hv/hapi"))
        stack.enter_context(conf.helioviewer.set_temp("jp2_url", f"{url}/jp2"))
        stack.enter_context(conf.helioviewer.set_temp("rate_limit_wait", 0.01))
        stack.enter_context(conf.her.set_temp("url", f"{url}/her"))
        yield
