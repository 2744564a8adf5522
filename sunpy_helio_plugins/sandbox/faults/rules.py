"""
Faults of the embedded archive: the requests to which they apply, and their effects.

A program that runs the archive adds faults for a block::

    with archive.fault("cut_length", path="/imap/storage", times=1) as rule:
        ...
    rule.played  # the number of requests to which it was applied

Any other program requests a fault with a header of the request: ``X-Sandbox-Fault: hang_body; seconds=5``.
"""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

from aiohttp import web

from sunpy_helio_plugins.arguments import shown
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.sandbox.faults.answers import (
    GzipBomb,
    HostileName,
    HTMLError,
    IgnoreRange,
    JSONError,
    Redirect,
    RedirectCircle,
    RefuseHead,
    Status,
)
from sunpy_helio_plugins.sandbox.faults.base import Fault
from sunpy_helio_plugins.sandbox.faults.bodies import (
    CutChunked,
    CutClose,
    CutLength,
    HangBefore,
    HangBody,
    HangUp,
    Reset,
    SlowDrip,
    WrongLength,
)
from sunpy_helio_plugins.sandbox.faults.wire import Exchange, Handler

if TYPE_CHECKING:
    from sunpy_helio_plugins.sandbox.request import Request

__all__ = [
    "HEADER", "KINDS", "CutChunked", "CutClose", "CutLength", "Fault", "Faults", "GzipBomb", "HTMLError", "HangBefore",
    "HangBody", "HangUp", "HostileName", "IgnoreRange", "JSONError", "Redirect", "RedirectCircle", "RefuseHead",
    "Reset", "Rule", "SlowDrip", "Status", "WrongLength", "make", "options_of", "parse",
]  # fmt: skip

HEADER = "X-Sandbox-Fault"
"""The request header that requests a fault."""

KINDS: Mapping[str, type[Fault]] = {
    fault.kind: fault
    for fault in (
        HangBefore, HangBody, HangUp, CutLength, CutClose, CutChunked, WrongLength, SlowDrip, Reset, Status, HTMLError,
        JSONError, Redirect, RedirectCircle, RefuseHead, IgnoreRange, HostileName, GzipBomb,
    )
}  # fmt: skip
"""The kinds of faults by name."""

_LOOK_SECONDS = 0.1
_Task = asyncio.Task[web.StreamResponse]


def make(kind: str, **options: Any) -> Fault:
    """
    Make a fault by the name of its kind.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    **options
        The options of that kind's class; every kind accepts ``path``, ``method``, ``where``, ``skip`` and ``times``.

    Raises
    ------
    ValueError
        The kind does not exist, or does not have such an option.
    """
    if not isinstance(kind, str) or kind not in KINDS:
        raise QueryError(f"There is no fault {shown(kind)}. There are: {', '.join(KINDS)}.")
    allowed = [item.name for item in dataclasses.fields(KINDS[kind])]
    if unknown := sorted(set(options) - set(allowed)):
        raise QueryError(f"The fault {kind!r} has no option {', '.join(unknown)}. It has: {', '.join(allowed)}.")
    return KINDS[kind](**options)


def options_of(kind: type[Fault]) -> dict[str, Callable[[str], Any]]:
    """
    Return the options of a kind of fault, apart from those that select the requests.

    Parameters
    ----------
    kind : type
        The class of the kind.

    Returns
    -------
    dict
        The functions that parse the text of each option, by the option's name.
    """
    return {item.name: item.metadata["read"] for item in dataclasses.fields(kind) if item.metadata}


def parse(text: str) -> Fault:
    """
    Parse a fault from the value of the header `HEADER`.

    Parameters
    ----------
    text : str
        ``kind; option=value; option=value``, with the values percent-encoded if they contain ``;``, ``%``, control
        characters or leading or trailing spaces. The options are those of the kind itself, since the header applies to
        one request only.

    Raises
    ------
    ValueError
        The kind or option does not exist, or a value cannot be parsed.
    """
    kind, *settings = (part.strip() for part in text.split(";"))
    if kind not in KINDS:
        return make(kind)
    readers = options_of(KINDS[kind])
    options: dict[str, Any] = {}
    for name, _, value in (setting.partition("=") for setting in settings if setting):
        if name not in readers:
            raise ValueError(f"The fault {kind!r} has no option {name!r} in a header. It has: {', '.join(readers)}.")
        options[name] = readers[name](unquote(value))
    return make(kind, **options)


class Rule:
    """
    An active fault; as a context manager it ends with its block.

    Parameters
    ----------
    fault : Fault
        The fault.
    faults : Faults
        The collection of active faults.

    Attributes
    ----------
    fault : Fault
        The fault.
    met : int
        The number of requests that it matched.
    played : int
        The number of requests to which it was applied.
    running : set of asyncio.Task
        Those of them that have not ended.
    """

    def __init__(self, fault: Fault, faults: Faults) -> None:
        self.fault = fault
        self.met = 0
        self.played = 0
        self.running: set[_Task] = set()
        self._faults = faults

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def __repr__(self) -> str:
        return f"<Rule of {self.fault!r}: applied to {self.played} of {self.met} requests>"

    def end(self) -> None:
        """End the fault: new requests are served normally, and connections that it affects are closed."""
        self._faults.remove(self)

    def takes(self, request: Request) -> bool:
        """Count a request and return whether the fault is applied to it."""
        if not self.fault.meets(request):
            return False
        self.met += 1
        meets = self.met > self.fault.skip and (self.fault.times is None or self.played < self.fault.times)
        self.played += meets
        return meets


class Faults:
    """
    The active faults of an archive. They can be added and ended from any thread; later ones have priority.

    Examples
    --------
    >>> from sunpy_helio_plugins import sandbox
    >>> with sandbox.serve() as archive, archive.faults.add(sandbox.HangUp(path="/hek")):
    ...     print(archive.faults)
    <Faults: <Rule of HangUp(path='/hek'): applied to 0 of 0 requests>>
    """

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._lock = threading.RLock()
        self._tasks: set[_Task] = set()
        self._stopped = False

    def __repr__(self) -> str:
        return f"<Faults: {', '.join(map(repr, self._rules)) or 'none'}>"

    def add(self, fault: Fault) -> Rule:
        """
        Activate a fault.

        Parameters
        ----------
        fault : Fault
            The fault, made with `make` or its class.

        Returns
        -------
        Rule
            It ends with ``rule.end()`` or with a block ``with rule:``.
        """
        rule = Rule(fault, self)
        with self._lock:
            self._rules.insert(0, rule)
        return rule

    def remove(self, rule: Rule) -> None:
        """End a fault; ignore one that has already ended."""
        with self._lock:
            self._rules = [other for other in self._rules if other is not rule]
            for task in tuple(rule.running):
                task.get_loop().call_soon_threadsafe(task.cancel)

    def clear(self) -> None:
        """End all faults."""
        for rule in tuple(self._rules):
            self.remove(rule)

    def stop(self) -> None:
        """End all faults finally, including those requested by headers. Called in the server's thread."""
        with self._lock:
            self._stopped = True
        self.clear()
        for task in tuple(self._tasks):
            task.cancel()

    async def answer(self, request: web.Request, logged: Request, handler: Handler) -> web.StreamResponse:
        """
        Respond to a request, with or without a fault.

        Parameters
        ----------
        request : `aiohttp.web.Request`
            The request.
        logged : Request
            The same request as in the log.
        handler : callable
            The service's handler.
        """
        text = logged.headers.get(HEADER.lower())
        try:
            asked = () if text is None else (Rule(parse(text), self),)
        except ValueError as reason:
            return web.Response(status=400, text=f"{HEADER}: {reason}\n")
        exchange = Exchange(request, handler)
        task = self._begin(exchange, logged, asked)
        return await handler(request) if task is None else await _watch(task, exchange)

    def _begin(self, exchange: Exchange, logged: Request, asked: tuple[Rule, ...]) -> _Task | None:
        with self._lock:
            rules = () if self._stopped else (*asked, *self._rules)
            rule = next((rule for rule in rules if rule.takes(logged)), None)
            if rule is None:
                return None
            task = asyncio.get_running_loop().create_task(rule.fault.play(exchange))
            for tasks in (rule.running, self._tasks):
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            return task


async def _watch(task: _Task, exchange: Exchange) -> web.StreamResponse:
    """Wait for the end of a fault, also if the client disconnects or the fault is no longer active."""
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=_LOOK_SECONDS)
            if exchange.gone:
                task.cancel()
    finally:
        task.cancel()
    if task.cancelled() or isinstance(task.exception(), ConnectionError):
        return exchange.drop()
    return task.result()
