"""
Ask the real archives: ``python tools/live.py FOLDER [--day 2026-03-01] [--sandbox] [--only NAME ...]``.

Each question of `QUESTIONS` goes to the real archive and to the embedded one. FOLDER then contains

- ``report.md`` and ``report.json``: what came, how long it took, what failed and how, and in what the answers of the
  two differ in shape (columns, units, kinds of values);
- ``answers/``: the answers of the real archives to all requests for metadata, for `replayed`;
- ``files/``: the files that were downloaded.

Requests are few and small (about twenty, and five files). Keys and passwords are neither in the report nor in the
answers: responses reach this script without them, requests with a body (sign-in) are not kept, and at the end all that
was written is searched for the values of the known environment variables. Exits with 1 if a question failed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

KEPT_HEADERS = ("Content-Type", "Content-Encoding", "Date", "Last-Modified", "ETag", "Server")
"""Headers of an answer that are kept: others can tell who asked."""

SANDBOX_DAY = "2026-01-10"
"""The day of the embedded archive."""

SHORTEST_SECRET = 6

Facts = dict[str, Any]


@dataclass
class Question:
    """A question: a function of a day and a folder, which returns what came in a comparable form."""

    name: str
    ask: Callable[[str, Path], Facts]


QUESTIONS: list[Question] = []


def question(ask: Callable[[str, Path], Facts]) -> Callable[[str, Path], Facts]:
    """Add a question, whose name is that of the function."""
    QUESTIONS.append(Question(ask.__name__, ask))
    return ask


def facts(table: Any) -> Facts:
    """Return the number of rows, the columns with their units, and the kinds of problems of a table."""
    columns = {name: str(getattr(table[name], "unit", None) or "") for name in table.colnames}
    meta = getattr(table, "meta", {})
    problems = getattr(table, "problems", None) or meta.get("problems") or ()
    return {"rows": len(table), "columns": columns, "problems": [str(one) for one in problems]}


def searched(name: str, *query: Any) -> Any:
    """Return the table of one archive; raise its error, which Fido only collects from sunpy 8 on."""
    from sunpy.net import Fido

    table = Fido.search(*query)[name]
    if error := getattr(table, "errors", None):
        raise error if isinstance(error, Exception) else RuntimeError(error)
    return table


def fetched(table: Any, folder: Path) -> list[str]:
    """Download the files of a table; raise the first failure."""
    from sunpy.net import Fido

    files = Fido.fetch(table, path=folder / "{file}", progress=False)
    if files.errors:
        raise files.errors[0].exception
    return list(files)


def hours(day: str, first: int, last: int) -> Any:
    """Return the time between two hours of a day."""
    from sunpy.net import attrs as a

    return a.Time(f"{day}T{first:02}:00", f"{day}T{last:02}:00")


@question
def hapi_catalog(day: str, folder: Path) -> Facts:
    """Ask CDAWeb for its datasets."""
    from sunpy_helio_plugins import hapi

    return facts(hapi.catalog("cdaweb"))


@question
def hapi_field_at_ace(day: str, folder: Path) -> Facts:
    """Ask for an hour of the magnetic field at L1, and read it."""
    from astropy.table import QTable
    from sunpy.net import attrs as a

    names = a.hapi.Parameters("Magnitude", "BGSEc")
    found = searched("hapi", hours(day, 12, 13), a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI"), names)
    return facts(QTable.read(fetched(found, folder)[0]))


@question
def imap_files(day: str, folder: Path) -> Facts:
    """Ask for the files of an instrument, and read one."""
    from sunpy.net import attrs as a

    from sunpy_helio_plugins import imap

    found = searched("imap", hours(day, 0, 12), a.imap.File(), a.Instrument("mag"), a.Level("l2"))
    return facts(found) | {"file": facts(imap.read(fetched(found[:1], folder)[0]))}


@question
def helioviewer_images(day: str, folder: Path) -> Facts:
    """Ask for ten minutes of images, and open one as a map."""
    import astropy.units as u
    from sunpy.map import Map
    from sunpy.net import attrs as a

    moment = a.Time(f"{day}T12:00", f"{day}T12:10")
    found = searched("helioviewer", moment, a.helioviewer.Image(), a.Instrument("AIA"), a.Wavelength(193 * u.AA))
    sun = Map(fetched(found[:1], folder)[0])
    return facts(found) | {"shape": list(sun.data.shape), "observatory": sun.observatory}


@question
def helioviewer_nearest(day: str, folder: Path) -> Facts:
    """Ask for the images of a source that are nearest to two times."""
    from sunpy_helio_plugins import helioviewer

    return facts(helioviewer.nearest("AIA 304", [f"{day}T12:00", f"{day}T13:00"]))


@question
def her_holes(day: str, folder: Path) -> Facts:
    """Ask for coronal holes, and read an outline."""
    from sunpy.net import attrs as a

    found = searched("her", hours(day, 0, 6), a.her.CH, a.her.Limit(5))
    return facts(found) | {"has_outline": found[0]["hpc_boundcc"].size > 2}


@question
def her_flares(day: str, folder: Path) -> Facts:
    """Ask for the flares of a day."""
    from sunpy.net import attrs as a

    return facts(searched("her", hours(day, 0, 23), a.her.FL))


@dataclass
class Answers:
    """Answers of servers to requests without a body, kept in a folder."""

    folder: Path
    _count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, response: Any) -> None:
        """Write an answer and its body."""
        with self._lock:
            self._count += 1
            name = f"{self._count:04}"
        head = {
            "url": response.url, "archive": response.archive, "status": response.status, "phrase": response.phrase,
            "headers": {key: response.headers[key] for key in KEPT_HEADERS if key in response.headers},
        }  # fmt: skip
        (self.folder / f"{name}.body").write_bytes(response.content)
        (self.folder / f"{name}.json").write_text(json.dumps(head, indent=1) + "\n", encoding="utf-8")


@contextlib.contextmanager
def recorded(folder: Path) -> Iterator[Answers]:
    """Keep the answers to all requests for metadata within a block."""
    from sunpy_helio_plugins.transport.exchange import Exchange

    folder.mkdir(parents=True, exist_ok=True)
    answers, once = Answers(folder), Exchange.once

    def keep(exchange: Any) -> Any:
        response = once(exchange)
        if exchange.method == "GET" and not exchange.content:
            answers.add(response)
        return response

    with mock.patch.object(Exchange, "once", keep):
        yield answers


@contextlib.contextmanager
def replayed(folder: Path) -> Iterator[None]:
    """Answer requests for metadata from a folder of answers within a block, each address with its last answer."""
    from requests.structures import CaseInsensitiveDict

    from sunpy_helio_plugins.errors import ServiceUnreachable
    from sunpy_helio_plugins.transport.exchange import Exchange, Response

    known: dict[str, Response] = {}
    for path in sorted(folder.glob("*.json")):
        head = json.loads(path.read_text(encoding="utf-8"))
        head["headers"] = CaseInsensitiveDict(head["headers"])
        known[head["url"]] = Response(content=path.with_suffix(".body").read_bytes(), **head)

    def answer(exchange: Any) -> Response:
        if exchange.shown not in known:
            raise ServiceUnreachable(exchange.archive, exchange.shown, "this request was not recorded")
        return known[exchange.shown]

    with mock.patch.object(Exchange, "once", answer):
        yield


@dataclass
class Outcome:
    """What came of one question."""

    name: str
    seconds: float = 0.0
    error: str = ""
    facts: Facts = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)


def asked(one: Question, day: str, folder: Path) -> Outcome:
    """Ask one question, and return its outcome also if it fails."""
    made, start = Outcome(one.name), time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            made.facts = one.ask(day, folder)
        except Exception as error:  # noqa: BLE001 - the report names it
            made.error = f"{type(error).__name__}: {error}"
    made.seconds = round(time.monotonic() - start, 2)
    ours = [warning for warning in told if warning.category.__module__.startswith("sunpy_helio_plugins")]
    made.warnings = list(dict.fromkeys(str(warning.message) for warning in ours))
    return made


def compared(real: Facts, embedded: Facts, where: str = "") -> Iterator[str]:
    """Yield in what two answers differ in shape: numbers of rows and problems do not count."""
    for key in sorted(set(real) | set(embedded)):
        path, one, two = f"{where}{key}", real.get(key), embedded.get(key)
        if key in ("rows", "problems"):
            continue
        if isinstance(one, dict) and isinstance(two, dict):
            yield from compared(one, two, f"{path}.")
        elif one != two:
            yield f"{path}: {one!r}, and {two!r} in the embedded archive"


def secrets() -> list[str]:
    """Return the values of the environment variables with keys, tokens and passwords."""
    from sunpy_helio_plugins.sandbox.settings import OFFICIAL_VARIABLES

    values = [os.environ.get(name, "") for name in OFFICIAL_VARIABLES if re.search("KEY|TOKEN|SECRET|ID$", name)]
    return [value for value in values if len(value) >= SHORTEST_SECRET]


def cleaned(folder: Path, hidden: Sequence[str]) -> list[str]:
    """Remove all files that contain a secret; return their names."""
    removed = []
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        content = path.read_bytes()
        if any(secret.encode() in content for secret in hidden):
            path.unlink()
            removed.append(path.relative_to(folder).as_posix())
    return removed


def report(outcomes: Sequence[Outcome], day: str) -> str:
    """Return the report for people."""
    from importlib.metadata import version

    from sunpy_helio_plugins import __version__

    lines = [f"# Live run of {day}", ""]
    lines += [f"sunpy_helio_plugins {__version__}, sunpy {version('sunpy')}, astropy {version('astropy')}", ""]
    lines += ["| question | outcome | rows | seconds |", "| --- | --- | --- | --- |"]
    for one in outcomes:
        outcome = "failed" if one.error else ("differs" if one.differences else "as expected")
        lines.append(f"| {one.name} | {outcome} | {one.facts.get('rows', '')} | {one.seconds} |")
    for one in outcomes:
        details = [*([one.error] if one.error else []), *one.warnings, *one.facts.get("problems", []), *one.differences]
        if details:
            lines += ["", f"## {one.name}", "", *(f"- {' '.join(text.split())}" for text in details)]
    return "\n".join(lines) + "\n"


def run(folder: Path, day: str, questions: Sequence[Question]) -> list[Outcome]:
    """Ask all questions twice, and write what came."""
    from sunpy_helio_plugins import conf, sandbox

    outcomes = []
    with conf.set_temp("cache", False), conf.hapi.set_temp("cache", False), conf.her.set_temp("cache", False):
        with recorded(folder / "answers"):
            for one in questions:
                print(f"{one.name} ...", flush=True)
                outcomes.append(asked(one, day, folder / "files"))
        with sandbox.Archive(0, sandbox.SERVICES) as archive, sandbox.use(archive.url):
            for made, one in zip(outcomes, questions, strict=True):
                expected = asked(one, SANDBOX_DAY, folder / "embedded")
                if not made.error:
                    made.differences = list(compared(made.facts, expected.facts))
    (folder / "report.json").write_text(json.dumps([asdict(one) for one in outcomes], indent=1) + "\n", "utf-8")
    (folder / "report.md").write_text(report(outcomes, day), "utf-8")
    for name in cleaned(folder, secrets()):
        print(f"removed, since it contained a secret: {name}")
    return outcomes


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--day", default="2026-03-01", help="a day for which all archives have data")
    parser.add_argument("--only", nargs="+", choices=[one.name for one in QUESTIONS], metavar="NAME")
    parser.add_argument("--sandbox", action="store_true", help="ask the embedded archive only, to try this script")
    chosen = parser.parse_args(arguments)
    questions = [one for one in QUESTIONS if not chosen.only or one.name in chosen.only]
    chosen.folder.mkdir(parents=True, exist_ok=True)
    import sunpy_helio_plugins
    from sunpy_helio_plugins import sandbox

    with sandbox.serve() if chosen.sandbox else contextlib.nullcontext(sunpy_helio_plugins):
        outcomes = run(chosen.folder, SANDBOX_DAY if chosen.sandbox else chosen.day, questions)
    print((chosen.folder / "report.md").read_text(encoding="utf-8"))
    return int(any(one.error for one in outcomes))


if __name__ == "__main__":
    raise SystemExit(main())
