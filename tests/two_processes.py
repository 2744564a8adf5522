"""Two processes that share the store of a cache, within one process: each can be killed, and their files damaged."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine

from sunpy_helio_plugins.store import ranges


class Clock:
    """The time of the client, in the place of the module `time`."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.error = 0.0

    def time(self) -> float:
        return self.now + self.error

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class KilledError(BaseException):
    """The process ends here."""


class TwoProcesses(RuleBasedStateMachine):
    """
    Two processes with a store in one folder.

    Parameters
    ----------
    name : str
        The name of the folder.
    clock : Clock
        The time of both.
    *modules : module
        The modules whose ``time`` it replaces, and the first one's store.
    """

    def __init__(self, name: str, clock: Clock, *modules: Any) -> None:
        super().__init__()
        self.undo = contextlib.ExitStack()
        self.place = Path(self.undo.enter_context(tempfile.TemporaryDirectory())) / name
        self.clock, self.limit, self.kill_at, self.turn = clock, 10**7, "", 0
        self.stores: list[ranges.Ranges] = []
        self.patch = self.undo.enter_context(pytest.MonkeyPatch.context())
        for module in (*modules, ranges):
            self.patch.setattr(module, "time", clock)
        self.files = itertools.count(1)
        # The same steps have the same files.
        self.patch.setattr(ranges.secrets, "token_hex", lambda size: f"{next(self.files):0{2 * size}x}")
        self.patch.setattr(modules[0], "store", lambda: self.stores[self.turn])
        for number in (0, 1):
            self.start(number)

    def start(self, number: int) -> None:
        """Start one of the processes."""
        made = ranges.Ranges(self.place, self.limit)
        write, publish = made._index.write, ranges.publish

        def killed_write(change: Any) -> bool:
            self.pass_point("before the index")
            done = write(change)
            self.pass_point("after the index")
            return done

        def killed_publish(*arguments: Any) -> Any:
            self.pass_point("before the file")
            return publish(*arguments)

        made._index.write = killed_write  # type: ignore[method-assign]
        self.publish = killed_publish
        if number < len(self.stores):
            self.stores[number].close()
            self.stores[number] = made
        else:
            self.stores.append(made)

    def pass_point(self, name: str) -> None:
        if self.kill_at in ("dead", name):
            # A process that is killed writes nothing more.
            self.kill_at = "dead"
            raise KilledError

    @contextlib.contextmanager
    def killed(self, turn: int, point: str) -> Any:
        """Kill a process at a point of what it does within this block, and start it again."""
        self.kill_at = point
        with contextlib.suppress(KilledError), pytest.MonkeyPatch.context() as patch:
            patch.setattr(ranges, "publish", self.publish)
            yield
        self.kill_at = ""
        self.start(turn)

    def damaged(self, which: int, how: str) -> None:
        """Remove, cut or change a file."""
        found = sorted(self.place.glob("*.arrow"))
        if not found:
            return
        path = found[which % len(found)]
        if how == "remove":
            path.unlink()
            return
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 255
        path.write_bytes(bytes(content[: len(content) // 2] if how == "cut" else content))
        # A running process has read it already; the next one has not.
        for number in (0, 1):
            self.start(number)

    def teardown(self) -> None:
        for one in self.stores:
            one.close()
        self.undo.close()


def machine_settings(examples: int, steps: int) -> Any:
    return settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck),
    )  # fmt: skip
