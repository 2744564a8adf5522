"""
A world without time: clock, sleep and network are stubs, and one seed decides everything that happens.

Threads are left out: what a search sends side by side is sent in order, so that a run can be replayed, and its
seconds are an upper bound of those of the real one.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import requests
from answers import ROUTES
from hostile import Answer, Request
from journeys import directed
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.exceptions import ReadTimeoutError

from sunpy_helio_plugins import conf
from sunpy_helio_plugins.fido import partial
from sunpy_helio_plugins.helioviewer.listers import hapi as hapi_lister
from sunpy_helio_plugins.transport import credentials, retry
from sunpy_helio_plugins.transport.connections import DeadlineAdapter

__all__ = ["BEHAVIOURS", "World", "world"]

URL = "http://127.0.0.1:9"


@dataclass
class World:
    """
    The clock, and what was asked when.

    ``behave`` takes a request and how often it was sent before; it returns the name of a behaviour.
    """

    behave: Callable[[Request, int], str]
    now: float = 1e6
    log: list[tuple[float, str, str]] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    draw: Callable[[], float] = random.random

    def sleep(self, seconds: float) -> None:
        self.now += max(float(seconds), 0.0)

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1.8e9 + self.seconds

    @property
    def seconds(self) -> float:
        return self.now - 1e6

    def send(self, adapter: Any, prepared: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send a request of requests."""
        assert prepared.url is not None
        assert prepared.url.startswith(URL), prepared.url
        body = prepared.body or b""
        body = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else b"".join(body)
        request = Request(prepared.method or "", prepared.url.removeprefix(URL), b"", body)
        route = next((route for route in ROUTES if route.meets(request)), None)
        kind = self.behave(request, self.seen[prepared.url])
        self.seen[prepared.url] += 1
        self.log.append((round(self.seconds, 6), kind, prepared.url))
        connect, read = options["timeout"]
        answer = route.answer(request, URL) if route else Answer(b"no such address", "text/plain", "404 Not Found")
        return BEHAVIOURS[kind](self, prepared, answer, connect, read)


class Body(io.BytesIO):
    """A body that arrives slowly."""

    def __init__(self, body: bytes, world: World, pause: float, read: float) -> None:
        super().__init__(body)
        self.world, self.pause, self.timeout, self.began = world, pause, read, world.now

    def read1(self, size: int | None = -1) -> bytes:
        wait = min(self.pause, self.timeout)
        self.world.sleep(wait)
        if wait < self.pause or self.world.now - self.began > conf.deadline:
            raise TimeoutError("timed out")
        return super().read1(min(size or 1, 200) if size and size > 0 else 200)

    def read(self, size: int | None = -1) -> bytes:
        return self.read1(size)


def answered(world: World, prepared: Any, answer: Answer, pause: float, read: float) -> requests.Response:
    headers = HTTPHeaderDict({"Content-Type": answer.kind, "Content-Length": str(len(answer.body))})
    headers.update(dict(answer.headers))
    code, _, reason = answer.status.partition(" ")
    raw = HTTPResponse(
        body=Body(answer.body, world, pause, read), headers=headers, status=int(code), reason=reason,
        preload_content=False, enforce_content_length=True,
    )  # fmt: skip
    return requests.adapters.HTTPAdapter().build_response(prepared, raw)


def right(world: World, prepared: Any, answer: Answer, connect: float, read: float) -> requests.Response:
    world.sleep(0.05 + 2 * world.draw())
    return answered(world, prepared, answer, 0.01, read)


def slow(world: World, prepared: Any, answer: Answer, connect: float, read: float) -> requests.Response:
    return answered(world, prepared, answer, 20.0, read)


def silent(world: World, prepared: Any, answer: Answer, connect: float, read: float) -> requests.Response:
    world.sleep(read)
    raise requests.ReadTimeout(ReadTimeoutError(None, "", "timed out"), request=prepared)  # type: ignore[arg-type]


def unreachable(world: World, prepared: Any, answer: Answer, connect: float, read: float) -> requests.Response:
    world.sleep(connect)
    raise requests.ConnectTimeout("timed out", request=prepared)


def lost(world: World, prepared: Any, answer: Answer, connect: float, read: float) -> requests.Response:
    world.sleep(world.draw())
    raise requests.ConnectionError("Connection reset by peer", request=prepared)


def status(code: str, after: str | None = None) -> Callable[..., requests.Response]:
    def play(world: World, prepared: Any, answer: Answer, connect: float, read: float) -> requests.Response:
        world.sleep(60 * world.draw())
        headers = (("Retry-After", after),) if after else ()
        return answered(world, prepared, Answer(b"not now", "text/plain", code, headers), 0.01, read)

    return play


def cut(world: World, prepared: Any, answer: Answer, connect: float, read: float) -> requests.Response:
    made = answered(world, prepared, answer, 0.01, read)
    made.raw._fp.truncate(len(answer.body) // 2)
    return made


BEHAVIOURS: dict[str, Callable[..., requests.Response]] = {
    "right": right, "slow": slow, "silent": silent, "unreachable": unreachable, "lost": lost, "cut": cut,
    "500": status("500 Oops"), "502": status("502 Bad"), "504": status("504 Late"), "503": status("503 Busy"),
    "429": status("429 Slow", "30"), "a day": status("503 Busy", "86400"),
}  # fmt: skip


class InOrder:
    """An executor that runs each call when it is submitted."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def submit(self, call: Callable[..., Any], *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(call(*args))
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is read
            future.set_exception(error)
        return future

    def shutdown(self, **_: Any) -> None:
        pass


@contextlib.contextmanager
def world(behave: Callable[[Request, int], str] | str | int, **settings: Any) -> Iterator[World]:
    """
    Replace clock, sleep and network within a block.

    ``behave`` is one behaviour for all requests, a function, or a seed.
    """
    draw: Callable[[], float] = lambda: 0.5  # noqa: E731
    if isinstance(behave, str):
        always = behave
        behave = lambda request, number: always  # noqa: E731
    elif isinstance(behave, int):
        seed = behave
        draw = random.Random(seed).random

        def behave(request: Request, number: int) -> str:
            # By a digest, so that the behaviour of an address does not depend on the requests before.
            digest = hashlib.sha256(f"{seed} {request.target} {number}".encode()).digest()
            return "right" if digest[0] < 110 else sorted(BEHAVIOURS)[digest[1] % len(BEHAVIOURS)]

    made = World(behave, draw=draw)
    limits = {"connect_timeout": 10.0, "read_timeout": 60.0, "deadline": 300.0, "search_deadline": 600.0, "retries": 3}
    hapi_lister._services.clear()
    hapi_lister._infos.clear()
    credentials.forget()
    with contextlib.ExitStack() as stack:
        stack.enter_context(directed(URL, **(limits | settings)))
        stack.enter_context(conf.helioviewer.set_temp("rate_limit_wait", 20.0))
        stack.enter_context(mock.patch.object(time, "monotonic", made.monotonic))
        stack.enter_context(mock.patch.object(time, "time", made.time))
        stack.enter_context(mock.patch.object(time, "sleep", made.sleep))
        stack.enter_context(mock.patch.object(retry, "_random", random.Random(7)))
        stack.enter_context(mock.patch.object(partial, "ThreadPoolExecutor", InOrder))
        stack.enter_context(
            mock.patch.object(DeadlineAdapter, "send", lambda *args, **options: made.send(*args, **options))
        )
        yield made
