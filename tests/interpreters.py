"""
New interpreters in which neither this package nor sunpy or astropy is imported, for tests of the order of imports.

They are forks of one that has imported the libraries below these, which takes half of the time of a new one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIBRARIES = ("aiohttp", "bs4", "drms", "matplotlib.pyplot", "pandas", "parfive", "pyarrow", "scipy.interpolate")

SERVER = f"""
import contextlib, gc, importlib, json, os, sys
for name in {LIBRARIES}:
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
gc.collect()
gc.freeze()
assert not {{"asdf", "astropy", "glymur", "sunpy", "sunpy_helio_plugins"}} & sys.modules.keys()
while line := sys.stdin.readline():
    job = json.loads(line)
    if not (child := os.fork()):
        break
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    sys.exit()
for number, name in enumerate((os.devnull, job["out"], job["err"])):
    os.dup2(os.open(name, os.O_RDWR | os.O_CREAT), number)
sys.argv = ["-c", *job["argv"]]
code = compile(job["code"], "<string>", "exec")
for name in set(globals()) - {{"code", "name"}}:
    if not name.startswith("__"):
        del globals()[name]
del name
exec(code, {{"__name__": "__main__"}})
"""


@dataclass(frozen=True)
class Finished:
    """What an interpreter printed, and how it ended."""

    stdout: str
    stderr: str
    returncode: int


class Interpreters:
    """
    Runs programs in new interpreters.

    Parameters
    ----------
    folder : pathlib.Path
        An empty folder for what they print.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._server: subprocess.Popen[str] | None = None

    def run(self, code: str, *argv: Any) -> Finished:
        """Run a program until its end."""
        if not hasattr(os, "fork"):
            done = subprocess.run([sys.executable, "-c", code, *map(str, argv)], capture_output=True, text=True)
            return Finished(done.stdout, done.stderr, done.returncode)
        server: Any = self._started()
        out, err = self.folder / "out.txt", self.folder / "err.txt"
        job = {"code": code, "argv": list(map(str, argv)), "out": str(out), "err": str(err)}
        server.stdin.write(json.dumps(job) + "\n")
        server.stdin.flush()
        status = int(server.stdout.readline())
        texts = [path.read_text() for path in (out, err)]
        for path in (out, err):
            path.unlink()
        return Finished(*texts, status)

    def _started(self) -> subprocess.Popen[str]:
        if self._server is None:
            # Threads of OpenBLAS do not survive a fork.
            environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
            self._server = subprocess.Popen(
                [sys.executable, "-c", SERVER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=environment,
            )
        return self._server

    def close(self) -> None:
        """End the interpreter whose forks run the programs."""
        if self._server is not None:
            self._server.communicate()
