"""
An embedded archive: the four services on loopback, with synthetic data for one day and the documented behaviour.

It does not need a network or other programs. It can be used to try the clients, for the examples of the documentation,
and for tests, including those of other packages that use this one::

    from sunpy_helio_plugins import sandbox

    with sandbox.serve():
        ...  # searches go to the embedded archive

    sandbox.start()  # the same without a block, until sandbox.stop()

While it is running, this package does not send requests to other machines: any URL that is not on loopback is refused,
independent of the settings. ``python -m sunpy_helio_plugins.sandbox`` keeps an archive running for a notebook.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from sunpy_helio_plugins import lazy
from sunpy_helio_plugins.arguments import TEXTS, integer, shown, taking
from sunpy_helio_plugins.errors import QueryError
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
"""The services of the archive."""

_lock = threading.RLock()
_serving: list[Archive] = []
_started: Archive | None = None


@taking("sandbox.serve", port=integer(0, 65535), services=TEXTS)
def serve(port: int = 0, services: Sequence[str] = SERVICES) -> Archive:
    """
    Run the archive and direct this package's settings to it.

    It runs from this call until the ``with`` block ends; without a block, until `stop`, even if the returned archive is
    not kept. Meanwhile this package refuses all URLs that are not on the local machine.

    Parameters
    ----------
    port : int, optional
        The port to listen on at 127.0.0.1. Defaults to one that the system chooses.
    services : sequence of str, optional
        The services of `SERVICES` to run.

    Returns
    -------
    Archive
        The running archive, to be used in a ``with`` statement; all settings are restored when it is stopped.

    Raises
    ------
    OSError
        The port is in use.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import sandbox
    >>> with sandbox.serve() as archive:
    ...     holes = Fido.search(a.Time("2026-01-10", "2026-01-11"), a.her.CH)
    >>> holes.file_num
    18
    """
    if unknown := [one for one in services if one not in SERVICES]:
        raise QueryError(f"sandbox.serve takes services of {', '.join(SERVICES)}, not {shown(unknown[0])}.")
    archive = Archive(port, tuple(services))
    archive.start()
    pointed = settings.point(archive.url)
    # Only the archive restores them.
    pointed.is_held = True
    archive.at_end(pointed.restore)
    with _lock:
        _serving[:] = [one for one in _serving if one.is_running]
        _serving.append(archive)
    return archive


@taking("sandbox.start", port=integer(0, 65535), services=TEXTS)
def start(port: int = 0, services: Sequence[str] = SERVICES) -> Archive:
    """
    Run the archive and direct this package's settings to it, until `stop` is called.

    Parameters
    ----------
    port, services
        As for `serve`.

    Returns
    -------
    Archive
        The running archive: the same for every call until `stop`.

    Raises
    ------
    QueryError
        It was started with another port or other services.
    OSError
        The port is in use.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import sandbox
    >>> archive = sandbox.start()
    >>> archive.is_running
    True
    >>> sandbox.stop()
    """
    global _started
    with _lock:
        running = _started
        if running is None or not running.is_running:
            _started = serve(port, services)
            return _started
        if port not in (0, running.port) or set(services) != set(running.services):
            raise QueryError(
                f"The embedded archive is already running at {running.url}, with {', '.join(running.services)}; "
                "call sandbox.stop() before starting it with other options."
            )
        return running


def stop() -> None:
    """
    Stop archives started by `start`, or by `serve` and `use` without a ``with`` statement, and restore all settings.

    Archives started by a ``with`` statement are stopped at the end of its block. If none is running, nothing happens.

    Examples
    --------
    >>> from sunpy_helio_plugins import sandbox
    >>> archive = sandbox.start()
    >>> sandbox.stop()
    >>> archive.is_running
    False
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
    Direct this package's settings to a running archive, and restore them afterwards.

    This applies from the call until the ``with`` block ends; without a block, until `stop`. Meanwhile this package
    refuses all URLs that are not on the local machine.

    Parameters
    ----------
    url : str
        The archive's URL, as printed by ``python -m sunpy_helio_plugins.sandbox``.

    Returns
    -------
    contextlib.AbstractContextManager
        To be used in a ``with`` statement; its ``restore()`` method has the same effect as the end of the block.

    Raises
    ------
    ValueError
        The URL is not on the local machine.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import sandbox
    >>> with sandbox.Archive(0, ("her",)) as archive, sandbox.use(archive.url):
    ...     print(Fido.search(a.Time("2026-01-10", "2026-01-11"), a.her.CH).file_num)
    18
    """
    return settings.point(url)
