"""
An embedded archive: the four services on loopback, with a synthetic day of data and their documented habits.

It needs no network and no other program, and serves for trying the clients, for the documentation's examples and for
tests, also those of a package that builds on this one::

    from sunpy_helio_plugins import sandbox

    with sandbox.serve():
        ...  # searches go to the embedded archive

``python -m sunpy_helio_plugins.sandbox`` keeps one running for a notebook.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.sandbox.server import Archive, Request

__all__ = ["SERVICES", "Archive", "Request", "serve", "use"]

SERVICES = ("hapi", "imap", "helioviewer", "her")
"""The services that the archive has."""

HAPI_SERVERS = ("cdaweb", "lisird", "swe")
"""The HAPI servers that the archive plays, by the short names of the real ones."""

OFFICIAL_VARIABLES = (
    "IMAP_DATA_ACCESS_URL",
    "IMAP_API_KEY",
    "IMAP_ACCESS_TOKEN",
    "IMAP_DATA_DIR",
    "IALIRT_DATA_ACCESS_URL",
    "SWE_CLIENT_ID",
    "SWE_CLIENT_SECRET",
)
"""What imap-data-access, the mission's own client, reads from the environment; our client reads it too."""


@contextlib.contextmanager
def serve(port: int = 0, services: Sequence[str] = SERVICES) -> Iterator[Archive]:
    """
    Run the archive and point this package's settings at it.

    Parameters
    ----------
    port : int, optional
        The port to listen on at 127.0.0.1. Defaults to one that the system chooses.
    services : sequence of str, optional
        Which of `SERVICES` to run.

    Yields
    ------
    Archive
        The running archive; afterwards it is stopped, and every setting is as it was.
    """
    with Archive(port, tuple(services)) as archive, use(archive.url):
        yield archive


@contextlib.contextmanager
def use(url: str) -> Iterator[None]:
    """
    Point this package's settings at a running archive, and restore them afterwards.

    Parameters
    ----------
    url : str
        The archive's address, as ``python -m sunpy_helio_plugins.sandbox`` prints it.
    """
    hapi_servers = [f"{name}={url}/hapi/{name}/hapi" for name in HAPI_SERVERS]
    helioviewer_hapi = f"{url}/helioviewer/hapi/Helioviewer/hapi"
    with contextlib.ExitStack() as stack:
        for section, item, value in (
            (conf.hapi, "servers", [*hapi_servers, f"helioviewer={helioviewer_hapi}"]),
            (conf.hapi, "oauth2", [f"swe={url}/hapi/swe/realms/swe/protocol/openid-connect/token swe_hapiserver"]),
            (conf.imap, "url", f"{url}/imap"),
            (conf.imap, "ialirt_url", f"{url}/imap/ialirt"),
            (conf.helioviewer, "api_url", f"{url}/helioviewer/v2"),
            (conf.helioviewer, "hapi_url", helioviewer_hapi),
            (conf.helioviewer, "jp2_url", f"{url}/helioviewer/jp2"),
            (conf.her, "url", f"{url}/hek/her"),
            # The next archive may listen on the same port, with other answers.
            (conf, "cache", False),
        ):
            stack.enter_context(section.set_temp(item, value))
        stack.enter_context(_without(OFFICIAL_VARIABLES))
        yield


@contextlib.contextmanager
def _without(names: Sequence[str]) -> Iterator[None]:
    """
    Hide environment variables.

    Those of a mission member would win over the settings above: searches would pass the embedded archive by, a real key
    would come here, and made-up files would lie among the real ones.
    """
    hidden = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)
