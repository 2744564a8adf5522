"""Run the journeys through the faults, and judge each run."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import random
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from answers import FILES, IMAGE, PNG, ROUTES, SECRET, VALUES
from faults import FAULTS
from hostile import Hostile, hostile
from journeys import JOURNEYS, Journey, digest_of, directed, plain

from sunpy_helio_plugins import conf, hapi
from sunpy_helio_plugins.errors import HelioPluginsError
from sunpy_helio_plugins.helioviewer.listers import hapi as hapi_lister
from sunpy_helio_plugins.transport import connections, credentials, retry

__all__ = ["BAD", "Case", "Matrix", "Outcome", "Run", "cases", "digests_in", "unfindable"]

LONGEST = 15
"""Seconds after which a run counts as hanging: five times the deadline of a search."""

BAD = ("foreign", "unnamed", "lost", "wrong", "wrong file", "leftover", "hang", "secret", "misdirected", "not reached")
"""Verdicts that must not occur."""

ASKED = [(f"{time[:-1]}.000000000", value, number) for time, value, number in VALUES[:20]]
"""The records of a download of HAPI data."""

HERE = str(Path(__file__).parent)

PACKAGE = "sunpy_helio_plugins"


class HangError(BaseException):
    """A run took too long."""


@dataclass(frozen=True)
class Case:
    """One run: a journey, and a fault at a stage for a number of requests."""

    journey: str
    stage: str
    fault: str
    times: int

    def __str__(self) -> str:
        often = "once" if self.times == 1 else "always"
        return f"{self.journey} | {self.stage} | {self.fault} | {often}"


@dataclass
class Outcome:
    """The verdict of one run, the seconds that it took, and what was said."""

    verdict: str
    seconds: float
    text: str = ""


@dataclass
class Run:
    """What was observed during one run."""

    result: Any = None
    said: tuple[str, ...] = ()
    error: BaseException | None = None
    warned: tuple[Any, ...] = ()
    logged: tuple[logging.LogRecord, ...] = ()
    strays: tuple[str, ...] = ()


def cases(names: Iterable[str] = JOURNEYS, sample: float = 1.0, seed: int = 1) -> list[Case]:
    """Return all runs of some journeys, or a share of them."""
    found = [
        Case(name, stage, fault, times)
        for name in names
        for stage in JOURNEYS[name].stages
        for fault in FAULTS
        for times in (1, 10**9)
        if times > 1 or FAULTS[fault].family in ("end", "status", "length", "packed", "line")
    ]
    if sample >= 1:
        return found
    chosen = random.Random(seed)
    return sorted(chosen.sample(found, max(1, int(sample * len(found)))), key=found.index)


# Faults that cannot be found: the answer is a right one to the same request, or nothing in it is redundant.

UNFINDABLE: tuple[tuple[str, str, str], ...] = (
    ("imap.query", "200 with an empty list", "an empty list is a right answer"),
    ("helioviewer.index", "status 404", "a day without images has no folder"),
    (".capabilities", "200 with equal keys", "it says that it is another version of HAPI"),
    (
        ".capabilities",
        "200 with (a key of a megabyte|an error object|an empty object|an object of|lists of wrong items|NaN)",
        "every server has csv, also one that does not state its formats",
    ),
    (
        ".capabilities",
        "status (400|404|405|410)|200 with a HAPI error|redirect: (to (the root|bytes above 127|a tab)|two locations)",
        "servers without this endpoint; they answer 404 to these addresses",
    ),
    ("hapi-binary.data", "chunked: ended early|right length, cut body", "a range with fewer records"),
    ("her.document", "right length, cut by one byte|encoded as utf-8-sig|CRLF line ends", "the same XML document"),
    ("hapi-csv.data", "chunked: ended early", "a server that leaves out the last line end"),
    (
        "(hapi-(csv|binary|json)|swe|helioviewer).data",
        "gzip: empty|200 with (nothing|blanks|an empty list)|status 20[45]|Content-Length '0'",
        "a range without records, for which servers send an empty body",
    ),
)  # fmt: skip
"""A pattern of stages, one of faults, and the reason why no client can find them."""


def unfindable(case: Case) -> str:
    """Return why no client can find a fault; empty if it can."""
    if not FAULTS[case.fault].is_visible:
        return "a value of the answer was replaced"
    return next(
        (why for stage, fault, why in UNFINDABLE if re.search(stage, case.stage) and re.match(fault, case.fault)), ""
    )


@dataclass
class Matrix:
    """A running server, the right result of each journey, and what was counted."""

    server: Hostile
    folder: Path
    right: dict[str, Run] = field(default_factory=dict)
    digests: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    by_stage: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    failures: list[tuple[Case, Outcome]] = field(default_factory=list)
    seconds: float = 0.0

    @classmethod
    @contextlib.contextmanager
    def running(cls, **settings: Any) -> Iterator[Matrix]:
        """Start the server, direct the settings to it, and leave out the waits between attempts."""
        backoff = retry.backoff
        retry.backoff = lambda attempt: 0.001 * (attempt + 1)
        try:
            with hostile(ROUTES) as server, directed(server.url, **settings), tempfile.TemporaryDirectory() as folder:
                made = cls(server, Path(folder))
                made.digests = {hashlib.sha256(one).hexdigest() for one in (*FILES.values(), IMAGE, PNG)}
                yield made
        finally:
            retry.backoff = backoff

    def check(self, case: Case) -> Outcome:
        """Run one case, judge it, and count it."""
        self.right_of(case.journey)
        self.server.set(FAULTS[case.fault], case.stage, case.times, JOURNEYS[case.journey].broken)
        outcome = self.outcome(case)
        if outcome.verdict == "not reached":
            # On a loaded machine, the short limits can end before the stage begins.
            with patient():
                outcome = self.outcome(case)
        self.count(case, outcome)
        return outcome

    def outcome(self, case: Case) -> Outcome:
        """Run one case in a folder of its own, and judge it."""
        place, start = self.folder / "case", time.monotonic()
        run = self.run(JOURNEYS[case.journey], place)
        outcome = self.judge(case, run, place)
        outcome.seconds = time.monotonic() - start
        shutil.rmtree(place)
        return outcome

    def right_of(self, name: str) -> Run:
        """Return what a journey gives without a fault."""
        if name not in self.right:
            self.server.set(None, broken=JOURNEYS[name].broken)
            with patient():
                run = self.run(JOURNEYS[name], self.folder / "right")
            if run.error is not None:
                raise AssertionError(f"{name} fails without a fault") from run.error
            self.right[name] = run
            self.digests |= {digest for _, digest in digests_in(self.folder / "right")}
            shutil.rmtree(self.folder / "right")
        return self.right[name]

    def count(self, case: Case, outcome: Outcome) -> None:
        self.counts[outcome.verdict] += 1
        self.by_stage.setdefault((case.journey, case.stage), Counter())[outcome.verdict] += 1
        self.seconds += outcome.seconds
        if outcome.verdict in BAD:
            self.failures.append((case, outcome))

    def run(self, journey: Journey, folder: Path, exist_ok: bool = False) -> Run:
        """Run a journey in an empty folder and a session without memory."""
        hapi_lister._services.clear()
        hapi_lister._infos.clear()
        credentials.forget()
        connections.thread_session().close()
        folder.mkdir(exist_ok=exist_ok)
        seen = Run()
        with warnings.catch_warnings(record=True) as caught, strays() as found, recorded() as log, limited(LONGEST):
            warnings.simplefilter("always")
            try:
                seen.result, seen.said = journey.run(folder)
            except (Exception, HangError) as error:  # noqa: BLE001 - every error is judged
                seen.error = error
        seen.warned = tuple(one for one in caught if not issubclass(one.category, ResourceWarning | DeprecationWarning))
        seen.strays, seen.logged = tuple(found), tuple(log)
        return seen

    # The verdict

    def judge(self, case: Case, run: Run, folder: Path) -> Outcome:
        """Return the verdict on a run."""
        if isinstance(run.error, HangError):
            return Outcome("hang", 0, "")
        if not self.server.played:
            return Outcome("not reached", 0)
        secret = self.leaked(run, folder)
        if secret:
            return Outcome("secret", 0, secret)
        return self.of_files(case, run, folder) or self.of_error(case, run) or self.of_result(case, run)

    def of_files(self, case: Case, run: Run, folder: Path) -> Outcome | None:
        for name, digest in digests_in(folder):
            if name.endswith(".part"):
                return Outcome("leftover", 0, name)
            is_right = digest in self.digests or name.startswith(".") or unfindable(case)
            if not is_right and not self.reads_alike(case, folder / name):
                return Outcome("wrong file", 0, f"{name}; {run.error or run.said}")
        return None

    def reads_alike(self, case: Case, path: Path) -> bool:
        """Return whether a HAPI file with other bytes, such as other line ends, has the same records."""
        if path.suffix != ".hapi":
            return False
        with contextlib.suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return plain(hapi.read(path))[3] == tuple(
                (time, f"{value} nT", str(number)) for time, value, number in ASKED
            )
        return False

    def is_alike(self, case: Case, result: Any, right: Any) -> bool:
        """Return whether files with other bytes have the same names; their content was judged already."""
        names = [tuple(name for name, _ in one[1]) if one[0] == "files" else None for one in (result, right)]
        return names[0] is not None and names[0] == names[1] and case.journey.startswith("hapi.fetch")

    def of_error(self, case: Case, run: Run) -> Outcome | None:
        if run.strays:
            return Outcome("foreign", 0, f"beside the result: {run.strays[0]}")
        foreign = [one for one in run.warned if not _is_known(one.category)]
        if foreign:
            return Outcome("foreign", 0, f"{foreign[0].category.__name__}: {foreign[0].message}")
        if run.error is None:
            return None
        text = f"{type(run.error).__name__}: {run.error}"
        if not isinstance(run.error, HelioPluginsError):
            return Outcome("foreign", 0, text + "\n" + "".join(traceback.format_tb(run.error.__traceback__)[-3:]))
        if len(text) > 3000:
            return Outcome("unnamed", 0, f"{len(text)} characters: {text[:200]}")
        return Outcome("own error" if self.is_named(case, text) else "unnamed", 0, text)

    def of_result(self, case: Case, run: Run) -> Outcome:
        right = self.right[case.journey]
        own = tuple(str(one.message) for one in run.warned)
        said = tuple(one for one in run.said if one not in right.said) + own
        if run.result == right.result or self.is_alike(case, run.result, right.result):
            return Outcome("same", 0, "; ".join(said))
        if said:
            # The problems of a table belong to the archive of the table, and name a column or a row.
            if run.result[0] != "table" and not any(self.is_named(case, one) for one in said):
                return Outcome("unnamed", 0, f"{said}")
            if _is_part(run.result, right.result) or unfindable(case):
                return Outcome("partial, said", 0, "; ".join(said))
        if unfindable(case):
            return Outcome("as sent", 0)
        verdict = "lost" if _is_part(run.result, right.result) else "wrong"
        return Outcome(verdict, 0, f"{str(run.result)[:600]}; said {said}")

    def is_named(self, case: Case, text: str) -> bool:
        """Return whether a message names the server, or the file, dataset or event."""
        place = self.server.url.removeprefix("http://")
        names = (place, self.server.other.removeprefix("http://"), *JOURNEYS[case.journey].subjects, "HAPI server ")
        return any(name in text for name in names)

    def leaked(self, run: Run, folder: Path) -> str:
        """Return where a secret stands that must not be seen; empty if nowhere."""
        texts = [*run.said, *(str(one.message) for one in run.warned), *run.strays]
        texts += [f"{one.getMessage()} {one.args} {one.exc_info}" for one in run.logged]
        if run.error is not None:
            texts += _chain(run.error)
        for text in texts:
            if SECRET in text:
                return f"in a text: {text[:300]}"
        for error in _errors(run.error):
            for frame, _ in traceback.walk_tb(error.__traceback__):
                if HERE not in frame.f_code.co_filename and SECRET in _locals(frame):
                    return f"in the locals of {frame.f_code.co_qualname}"
        return ""


@contextlib.contextmanager
def patient() -> Iterator[None]:
    """Set limits of time that do not end on a loaded machine."""
    with contextlib.ExitStack() as stack:
        for name in ("connect_timeout", "read_timeout", "deadline", "search_deadline"):
            stack.enter_context(conf.set_temp(name, 60.0))
        yield


def digests_in(folder: Path) -> list[tuple[str, str]]:
    return [
        (path.name, digest_of(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".imap-manifest.json"
    ]


def _is_known(category: type[Warning]) -> bool:
    return category.__module__.split(".")[0] in (PACKAGE, "sunpy")


def _is_part(result: Any, right: Any) -> bool:
    """Return whether a result holds some of the rows or files of the right one, unchanged and in their order."""
    if not (isinstance(result, tuple) and isinstance(right, tuple)) or result[0] != right[0] or result[0] == "value":
        return False
    if result[0] == "files":
        return set(result[1]) < set(right[1])
    if not result[3]:
        return True
    if len(result[3]) >= len(right[3]) or not set(result[1]) <= set(right[1]):
        return False
    chosen = [right[1].index(name) for name in result[1]]
    rows = iter(tuple(row[index] for index in chosen) for row in right[3])
    return all(row in rows for row in result[3])


def _errors(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _chain(error: BaseException) -> list[str]:
    return [f"{one} {one.args} {vars(one)}" for one in _errors(error)]


def _locals(frame: FrameType) -> str:
    found = []
    for value in frame.f_locals.values():
        if isinstance(value, str | bytes | dict | list | tuple):
            with contextlib.suppress(Exception):
                found.append(repr(value))
    return " ".join(found)


@contextlib.contextmanager
def recorded() -> Iterator[list[logging.LogRecord]]:
    """Collect the log of the package at all levels, and discard that of others."""
    found: list[logging.LogRecord] = []
    handler, own = logging.Handler(), logging.getLogger(PACKAGE)
    before = logging.root.manager.disable, logging.root.level, own.level
    handler.emit = found.append  # type: ignore[method-assign]
    own.addHandler(handler)
    own.setLevel(logging.DEBUG)
    own.propagate = False
    logging.root.setLevel(logging.CRITICAL + 1)
    logging.disable(logging.NOTSET)
    try:
        yield found
    finally:
        logging.disable(before[0])
        logging.root.setLevel(before[1])
        own.setLevel(before[2])
        own.propagate = True
        own.removeHandler(handler)


@contextlib.contextmanager
def strays() -> Iterator[list[str]]:
    """Collect exceptions that reach nobody: in threads, and in destructors."""
    found: list[str] = []
    before = threading.excepthook, sys.unraisablehook
    threading.excepthook = lambda args: found.append(f"{args.exc_type.__name__}: {args.exc_value}")
    sys.unraisablehook = lambda args: found.append(f"{args.exc_type.__name__}: {args.exc_value}")
    try:
        yield found
    finally:
        threading.excepthook, sys.unraisablehook = before


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise `HangError` in the main thread after some seconds."""

    def ring(signum: int, frame: FrameType | None) -> None:
        raise HangError

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
