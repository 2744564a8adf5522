"""
Run plans in child processes that are killed at a call of the operating system.

One process imports everything once and forks a child for each run, since importing takes longer than a run.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

KILLED = -signal.SIGKILL
CALLS = ("fsync", "link", "replace", "unlink", "rename", "open")


def killing(number: int) -> None:
    """Kill this process before one of its next calls that change the disk, by the number of the call."""
    count = 0

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def made(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return made

    for name in CALLS:
        setattr(os, name, counted(getattr(os, name)))


def child(url: str, plan: str, number: int) -> int:
    """Run a plan on an embedded archive, and return its exit code."""
    import logging
    import warnings

    from sunpy_helio_plugins import conf, mirror, sandbox

    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    with sandbox.use(url), conf.set_temp("retries", 0):
        killing(number)
        return mirror(plan).code


def fork_for_each_line() -> None:
    """Fork a child for each line of the input, and print its exit status."""
    import sunpy_helio_plugins.cdf.read
    import sunpy_helio_plugins.hapi.client
    import sunpy_helio_plugins.helioviewer.client
    import sunpy_helio_plugins.her.client
    import sunpy_helio_plugins.imap.client
    import sunpy_helio_plugins.mirrors.run  # noqa: F401 - imported before the forks

    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        url, plan, number = line.rstrip("\n").split("\t")
        pid = os.fork()
        if not pid:
            status = 99
            try:
                status = child(url, plan, int(number))
            finally:
                os._exit(status)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)  # noqa: T201


@contextlib.contextmanager
def running(url: str) -> Iterator[Callable[[Path, int], int]]:
    """Yield a function that runs a plan, killed before the call of a number or never, and returns the exit status."""
    variables = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, __file__], text=True, env=variables, **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

        def run(plan: Path, number: int = 0) -> int:
            process.stdin.write(f"{url}\t{plan}\t{number}\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        yield run
        process.stdin.close()


if __name__ == "__main__":
    fork_for_each_line()
