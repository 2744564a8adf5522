"""The embedded archive's server: aiohttp applications on one loopback port, in a separate thread."""

from __future__ import annotations

import asyncio
import importlib
import os
import threading
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from sunpy_helio_plugins.sandbox.faults.rules import Faults, Rule, make
from sunpy_helio_plugins.sandbox.request import Request

__all__ = ["Archive"]

HOST = "127.0.0.1"

_START_SECONDS = 30

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Archive:
    """
    The running archive.

    Parameters
    ----------
    port : int
        The port to listen on; 0 lets the system choose.
    services : tuple of str
        The names of the service modules of this package to run.

    Attributes
    ----------
    url : str
        The URL below which all services are available.
    services : tuple of str
        The services that are running.
    is_held : bool
        Whether a ``with`` block will stop it.
    log : list of Request
        All requests received, in order.
    faults : Faults
        The active faults; see `~sunpy_helio_plugins.sandbox.faults.rules`.

    Examples
    --------
    >>> from sunpy_helio_plugins import sandbox
    >>> with sandbox.serve(services=["her"]) as archive:
    ...     print(archive.is_running, archive.services)
    True ('her',)
    """

    def __init__(self, port: int, services: tuple[str, ...]) -> None:
        self.url = ""
        self.services = services
        self.is_held = False
        self.log: list[Request] = []
        self.faults = Faults()
        self._port = port
        self._at_end: list[Callable[[], object]] = []
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="embedded archive", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        self.is_held = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        if not self.is_running:
            return f"<Archive of {', '.join(self.services)}: {'stopped' if self._started.is_set() else 'not started'}>"
        return f"<Archive of {', '.join(self.services)} at {self.url}, requests: {len(self.log)}>"

    @property
    def is_running(self) -> bool:
        """Whether it is running."""
        return self._thread.is_alive()

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return int(self.url.rpartition(":")[2] or self._port)

    def start(self) -> None:
        """
        Start the archive; a running archive is not affected.

        Raises
        ------
        OSError
            The port is in use.
        RuntimeError
            It was stopped: an archive can be run only once.
        """
        if self.is_running:
            return
        if self._started.is_set():
            raise RuntimeError("This archive was stopped; make another one.")
        self._thread.start()
        if not self._started.wait(_START_SECONDS):
            raise TimeoutError(f"The embedded archive did not start within {_START_SECONDS} s.")
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Stop the archive and undo what depends on it; this is final."""
        while self._at_end:
            self._at_end.pop()()
        if self.is_running:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def at_end(self, undo: Callable[[], object]) -> None:
        """
        Register a function to call before the archive stops.

        Parameters
        ----------
        undo : callable
            Called without arguments; the last one registered is called first.
        """
        self._at_end.append(undo)

    def fault(self, kind: str, **options: Any) -> Rule:
        """
        Apply a fault to some requests, until the block ends.

        Parameters
        ----------
        kind : str
            One of `sunpy_helio_plugins.sandbox.faults.rules.KINDS`.
        **options
            The requests (``path``, ``method``, ``where``, ``skip``, ``times``), and the options of that kind.

        Returns
        -------
        Rule
            A context manager that counts the requests to which the fault was applied.
        """
        return self.faults.add(make(kind, **options))

    def wait(self) -> None:
        """Wait until the archive is stopped, for example by Ctrl-C."""
        while self._thread.is_alive():
            self._thread.join(0.5)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except Exception as error:  # noqa: BLE001 - raised again in the thread that started the archive
            self._failure = error
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()
            self._started.set()

    async def _serve(self) -> None:
        # Importing sunpy makes aiohttp's access log print every request.
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await self._listen(runner)
            self.url = f"http://{HOST}:{runner.addresses[0][1]}"
            self._started.set()
            await self._stop.wait()
        finally:
            self.faults.stop()
            await runner.cleanup()

    async def _listen(self, runner: web.AppRunner) -> None:
        try:
            await web.TCPSite(runner, HOST, self._port).start()
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise OSError(
                error.errno,
                f"The embedded archive cannot listen at {HOST}:{self._port} ({reason}). "
                "Give another port, or 0 to let the system choose one.",
            ) from None

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._record], client_max_size=2**28)
        for name in self.services:
            module = importlib.import_module(f"{__package__}.{name}")
            application.add_subapp(module.PREFIX, module.application())
        return application

    @web.middleware
    async def _record(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        logged = Request(request.method, request.raw_path.split("?")[0], dict(request.query), headers)
        self.log.append(logged)
        return await self.faults.answer(request, logged, handler)
