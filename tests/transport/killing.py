"""
Kill a process during its downloads, and check the files on disk.

One process imports everything once and forks a child for each trial, since importing takes longer than the downloads.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from wire import wire

FILES = 6
CHUNKS, CHUNK, PAUSE = 8, 8192, 0.02

PARENT = """
import os, pathlib, sys
import parfive
from sunpy_helio_plugins.transport.files.queue import Download, enqueue
print("ready", flush=True)
for line in sys.stdin:
    url, folder, count = line.split()
    child = os.fork()
    if not child:
        downloader = parfive.Downloader(progress=False, max_conn=2)
        enqueue(downloader, [Download(f"{url}/{n}", pathlib.Path(folder, f"{n}.bin"), "T") for n in range(int(count))])
        results = downloader.download()
        os._exit(len(results.errors))
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def content(number: int) -> bytes:
    """Return the bytes of a file."""
    return b"".join(hashlib.sha256(f"{number} {block}".encode()).digest() for block in range(CHUNKS * CHUNK // 32))


@dataclass
class Bodies:
    """A server of slow bodies that counts the active ones."""

    open: set[int] = field(default_factory=set)

    def talk(self, connection: socket.socket, head: bytes) -> None:
        """Send a body in pieces."""
        number = int(head.split()[1].strip(b"/"))
        body = content(number)
        time.sleep(2 * PAUSE)
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode())
        self.open.add(number)
        try:
            for start in range(0, len(body), CHUNK):
                connection.sendall(body[start : start + CHUNK])
                time.sleep(PAUSE)
        finally:
            self.open.discard(number)


WITHOUT_LINKS = """
import errno, os
def refuse(*args):
    raise OSError(errno.EPERM, "no hard links here")
os.link = refuse
"""


@contextlib.contextmanager
def forking(links: bool = True) -> Iterator[subprocess.Popen[str]]:
    """Run the process that forks; without links, it behaves as on a file system without hard links."""
    command = [sys.executable, "-c", PARENT if links else WITHOUT_LINKS + PARENT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        assert process.stdin is not None
        process.stdin.close()


@dataclass
class Tally:
    """The results of the trials."""

    trials: int = 0
    inside: int = 0
    published: int = 0
    wrong: int = 0
    incomplete: int = 0
    leftovers: int = 0


def kill_and_look(folder: Path, trials: int, links: bool = True) -> Tally:
    """
    Kill at times spread evenly over the downloads; after each, check all published files, run again, and check again.

    Parameters
    ----------
    folder
        The folder for the files.
    trials
        The number of kills.
    links
        Whether the file system has hard links.
    """
    tally, bodies = Tally(), Bodies()
    with wire(bodies.talk) as (url, _), forking(links) as process:
        whole = _run(process, url, folder / "whole")[0]
        for trial in range(trials):
            place = folder / str(trial)
            _run(process, url, place, after=whole * (trial + 0.5) / trials, bodies=bodies, tally=tally)
            tally.trials += 1
            published = sorted(place.glob("*.bin"))
            tally.published += len(published)
            tally.wrong += sum(path.read_bytes() != content(int(path.stem)) for path in published)
            _, code = _run(process, url, place)
            again = sorted(place.glob("*.bin"))
            tally.wrong += sum(path.read_bytes() != content(int(path.stem)) for path in again)
            tally.incomplete += code != 0 or len(again) != FILES
            tally.leftovers += len([path for path in place.iterdir() if path.suffix != ".bin"])
    return tally


def _run(process, url, folder, after=None, bodies=None, tally=None) -> tuple[float, int]:
    """Fetch all files in a child, kill it after some seconds if given, and return its run time and exit code."""
    folder.mkdir(exist_ok=True)
    process.stdin.write(f"{url} {folder} {FILES}\n")
    process.stdin.flush()
    child, start = int(process.stdout.readline()), time.monotonic()
    if after is not None:
        time.sleep(after)
        tally.inside += bool(bodies.open)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    code = int(process.stdout.readline())
    return time.monotonic() - start, code
