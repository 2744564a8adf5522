"""
Kill a process at each call of the operating system in a journey, and at random times; look at what it leaves.

One process imports everything once and forks a child for each trial, since importing takes longer than a journey.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

WRITING = (
    "hapi.catalog",
    "hapi.fetch",
    "imap.fetch",
    "imap.sync",
    "helioviewer.fetch",
    "helioviewer.screenshot",
    "her.fetch",
)
"""Journeys that write files."""


@dataclass
class Tally:
    """The results of the trials."""

    trials: int = 0
    killed: int = 0
    wrong: int = 0
    not_repaired: int = 0
    leftovers: int = 0
    details: list[str] = field(default_factory=list)


def child(name: str, url: str, folder: str, number: int) -> int:
    """Run a journey, killed at a call; return the exit status, which is the number of calls if none is killed."""
    import warnings

    from journeys import JOURNEYS, directed
    from torture import INTERPOSER, interposed

    from sunpy_helio_plugins.transport import retry

    warnings.simplefilter("ignore")
    retry.backoff = lambda attempt: 0.001
    place, cache = Path(folder, "case"), Path(folder, "cache")
    place.mkdir(exist_ok=True, parents=True)
    INTERPOSER.kills = True
    limits = {"deadline": 30.0, "search_deadline": 60.0, "read_timeout": 10.0}
    with directed(url, cache=True, cache_dir=str(cache), **limits), interposed(place, cache) as calls:
        calls.calls, calls.fails_at, calls.is_on = [], number, True
        JOURNEYS[name].run(place)
        calls.is_on = False
    Path(folder, "calls").write_text(str(len(calls.calls)))
    return 0


def fork_for_each_line() -> None:
    """Fork a child for each line of the input, and print its id and its exit status."""
    import torture  # noqa: F401 - imported before the forks

    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        name, url, folder, number = line.rstrip("\n").split("\t")
        pid = os.fork()
        if not pid:
            status = 99
            try:
                status = child(name, url, folder, int(number))
            finally:
                sys.stderr.flush()
                os._exit(status)
        print(pid, flush=True)  # noqa: T201
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)  # noqa: T201


@dataclass
class Forks:
    """The process that forks, and the server that its children ask."""

    process: subprocess.Popen[str]
    url: str
    folder: Path

    @classmethod
    @contextlib.contextmanager
    def running(cls, url: str, folder: Path) -> Iterator[Forks]:
        command = [sys.executable, str(Path(__file__))]
        variables = os.environ | {"PYTHONWARNINGS": "ignore", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(command, text=True, env=variables, **pipes) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            assert process.stdout.readline() == "ready\n"
            yield cls(process, url, folder)
            process.stdin.close()

    def run(self, name: str, place: Path, number: int = -1, after: float | None = None) -> tuple[int, float]:
        """Run a journey in a child; return its exit status and its seconds."""
        assert self.process.stdout is not None
        assert self.process.stdin is not None
        place.mkdir(exist_ok=True, parents=True)
        self.process.stdin.write(f"{name}\t{self.url}\t{place}\t{number}\n")
        self.process.stdin.flush()
        pid, start = int(self.process.stdout.readline()), time.monotonic()
        if after is not None:
            time.sleep(after)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return int(self.process.stdout.readline()), time.monotonic() - start

    def calls_of(self, name: str) -> tuple[int, float, dict[str, str]]:
        """Return the number of calls of a journey, its seconds, and the files that it leaves."""
        place = self.folder / "whole"
        self.run(name, self.folder / "warm")
        status, seconds = self.run(name, place)
        assert status == 0, f"{name} fails without a kill"
        files = contents(place / "case")
        calls = int((place / "calls").read_text())
        for one in (place, self.folder / "warm"):
            shutil.rmtree(one)
        return calls, seconds, files

    def trial(
        self, name: str, right: dict[str, str], tally: Tally, number: int = -1, after: float | None = None
    ) -> None:
        """Kill a journey, look at its files, run it again, and look again."""
        place = self.folder / "trial"
        status, _ = self.run(name, place, number, after)
        when = f"{name}, killed at call {number}" if after is None else f"{name}, killed after {after:.3f} s"
        tally.trials += 1
        tally.killed += status == -signal.SIGKILL
        for path, body in contents(place / "case").items():
            if path in visible(right) and body != right[path]:
                tally.wrong += 1
                tally.details.append(f"{when}: {path} is not the right file")
        status, _ = self.run(name, place)
        found = contents(place / "case")
        if status or visible(found) != visible(right):
            tally.not_repaired += 1
            tally.details.append(f"{when}: the next run ends with {status} and leaves {sorted(found)}")
        left = [path for path in found if path.endswith(".part")]
        tally.leftovers += len(left)
        tally.details += [f"{when}: {path} is left" for path in left]
        shutil.rmtree(place)


def contents(folder: Path) -> dict[str, str]:
    """Return the digest of each file below a folder."""
    from journeys import digest_of

    return {str(path.relative_to(folder)): digest_of(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def visible(files: dict[str, str]) -> dict[str, str]:
    """Leave out hidden files: part files, and manifests, which differ in times."""
    return {path: body for path, body in files.items() if not Path(path).name.startswith(".")}


def kill(
    url: str, folder: Path, each: int, names: tuple[str, ...] = WRITING, seed: int = 1
) -> dict[str, dict[str, Tally]]:
    """Kill each journey at a number of calls spread over all of them, and at as many random times."""
    chosen, tallies = random.Random(seed), {}
    with Forks.running(url, folder) as forks:
        for name in names:
            calls, seconds, right = forks.calls_of(name)
            at_calls, at_times = Tally(), Tally()
            for number in sorted(chosen.sample(range(calls), min(each, calls))):
                forks.trial(name, right, at_calls, number)
            for _ in range(each):
                forks.trial(name, right, at_times, after=chosen.uniform(0, seconds))
            tallies[name] = {"calls": at_calls, "times": at_times}
    return tallies


if __name__ == "__main__":
    fork_for_each_line()
