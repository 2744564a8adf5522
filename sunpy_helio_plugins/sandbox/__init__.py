"""
An embedded archive: the four services on loopback, with a synthetic day of data and their documented habits.

It needs no network and no other program, and serves for trying the clients, for the documentation's examples and for
tests, also those of a package that builds on this one::

    from sunpy_helio_plugins import lazy
from sunpy_helio_plugins import sandbox

    with sandbox.serve():
        ...  # searches go to the embedded archive

    sandbox.start()  # the same without a block, until sandbox.stop()

While it serves, this package asks no other machine: whatever is set, an address that is not on loopback is refused.
``python -m sunpy_helio_plugins.sandbox`` keeps one running for a notebook.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from sunpy_helio_plugins import lazy
from sunpy_helio_plugins.sandbox import settings
from sunpy_helio_plugins.sandbox.faults.rules import (
    CutChunked,
    CutClose,
    CutLength,
    Fault,
    Faults,
    GzipBomb,
    HangBefore,
    HangBody,
    HangUp,
    HostileName,
    HTMLError,
    IgnoreRange,
    JSONError,
    Redirect,
    RedirectCircle,
    RefuseHead,
    Reset,
    SlowDrip,
    Status,
    WrongLength,
)
from sunpy_helio_plugins.sandbox.request import Request
from sunpy_helio_plugins.sandbox.server import Archive

__all__ = [
    "SERVICES",
    "Archive",
    "CutChunked",
    "CutClose",
    "CutLength",
    "Fault",
    "Faults",
    "GzipBomb",
    "HTMLError",
    "HangBefore",
    "HangBody",
    "HangUp",
    "HostileName",
    "IgnoreRange",
    "JSONError",
    "Redirect",
    "RedirectCircle",
    "RefuseHead",
    "Request",
    "Reset",
    "SlowDrip",
    "Status",
    "WrongLength",
    "serve",
    "start",
    "stop",
    "use",
]

__dir__ = lazy.listing(__all__)

SERVICES = ("hapi", "imap", "helioviewer", "her")
"""The services that the archive has."""

_lock = threading.RLock()
_serving: list[Archive] = []
_started: Archive | None = None


def serve(port: int = 0, services: Sequence[str] = SERVICES) -> Archive:
    """
    Run the archive and point this package's settings at it.

    It serves from the call on, until the ``with`` block ends; without a block, until `stop`, also where the returned
    archive is not kept. Meanwhile this package refuses every address that is not on this machine.

    Parameters
    ----------
    port : int, optional
        The port to listen on at 127.0.0.1. Defaults to one that the system chooses.
    services : sequence of str, optional
        Which of `SERVICES` to run.

    Returns
    -------
    Archive
        The running archive, to be used in a ``with`` statement; when it is stopped, every setting is as it was.

    Raises
    ------
    OSError
        The port is in use.
    """
    archive = Archive(port, tuple(services))
    archive.start()
    pointed = settings.point(archive.url)
    # The archive restores them, and nothing else does.
    pointed.is_held = True
    archive.at_end(pointed.restore)
    with _lock:
        _serving[:] = [one for one in _serving if one.is_running]
        _serving.append(archive)
    return archive


def start(port: int = 0, services: Sequence[str] = SERVICES) -> Archive:
    """
    Run the archive and point this package's settings at it, until `stop` is called.

    Parameters
    ----------
    port, services
        As for `serve`.

    Returns
    -------
    Archive
        The running archive: the same at every call until `stop`.

    Raises
    ------
    RuntimeError
        It was started at another port or with other services.
    OSError
        The port is in use.
    """
    global _started
    with _lock:
        running = _started
        if running is None or not running.is_running:
            _started = serve(port, services)
            return _started
        if port not in (0, running.port) or set(services) != set(running.services):
            raise RuntimeError(
                f"The embedded archive runs already at {running.url}, with {', '.join(running.services)}; call "
                "sandbox.stop() before it is started otherwise."
            )
        return running


def stop() -> None:
    """
    Stop what `start` began, and what `serve` and `use` began without a ``with`` statement; restore every setting.

    What a ``with`` statement began ends with its block. Where nothing is to be stopped, nothing happens.
    """
    global _started
    with _lock:
        for archive in reversed(_serving.copy()):
            if not archive.is_held:
                archive.stop()
                _serving.remove(archive)
        _started = None
        settings.restore_unheld()


def use(url: str) -> settings.Pointed:
    """
    Point this package's settings at a running archive, and restore them afterwards.

    It holds from the call on, until the ``with`` block ends; without a block, until `stop`. Meanwhile this package
    refuses every address that is not on this machine.

    Parameters
    ----------
    url : str
        The archive's address, as ``python -m sunpy_helio_plugins.sandbox`` prints it.

    Returns
    -------
    contextlib.AbstractContextManager
        To be used in a ``with`` statement; its ``restore()`` ends it too.

    Raises
    ------
    ValueError
        The address is not on this machine.
    """
    return settings.point(url)
