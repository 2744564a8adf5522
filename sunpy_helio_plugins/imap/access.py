"""
Where the service is and what opens it, as the user's environment and settings say at this moment.

The variables are those of the official client, imap-data-access: ``IMAP_DATA_ACCESS_URL``, ``IMAP_API_KEY``,
``IMAP_ACCESS_TOKEN``, ``IMAP_DATA_DIR``. They are read at use: a change counts at once. A key may also be given to
`sunpy_helio_plugins.sign_in` under the name ``"imap"``, or be kept in the netrc file or the keyring.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.transport.credentials import Login
from sunpy_helio_plugins.transport.urls import same_origin

__all__ = ["Access", "at", "current", "data_dir"]


@dataclass(frozen=True)
class Access:
    """
    The address of the service and what opens it.

    Attributes
    ----------
    base : str
        The address, with the prefix of the route that the credential belongs to.
    login : Login or None
        The credential, or nothing; it goes to the service's own origin alone.
    """

    base: str
    login: Login | None = None

    @property
    def is_public(self) -> bool:
        """Whether only released files can be seen and fetched."""
        return self.login is None

    def url(self, path: str) -> str:
        """
        Return the address of an endpoint.

        Parameters
        ----------
        path : str
            The endpoint, as in ``"query"``.
        """
        return f"{self.base}/{path}"


def current(public: bool = False) -> Access:
    """
    Return how the service is reached now.

    Parameters
    ----------
    public : bool, optional
        Whether to leave credentials aside, so as to see what everyone sees.

    Returns
    -------
    Access
        By an API key where there is one, else by a token, else publicly, in the official client's order.
    """
    base = _address()
    bare = _bare(base)
    if public:
        return Access(bare)
    opened = _opened(bare, True)
    return Access(base) if opened.is_public else opened


def at(bare: str) -> Access:
    """
    Return how a service is reached that was asked before, and may be another than the one that is set now.

    Parameters
    ----------
    bare : str
        Its address, without a prefix.

    Returns
    -------
    Access
        With the credentials of the origin alone: what the environment holds and what `sign_in` was given belong to the
        service that is set now, and another one gets what the netrc file has for its host.
    """
    return _opened(bare, same_origin(bare, _address()))


def _opened(bare: str, is_set: bool) -> Access:
    host = urlsplit(bare).hostname
    key = Login("imap", bare, "header", (("IMAP_API_KEY",),), header="x-api-key")
    key = key if is_set else Login(f"imap at {host}", bare, "header", header="x-api-key")
    if key.known():
        return Access(f"{bare}/api-key", key)
    if is_set and os.environ.get("IMAP_ACCESS_TOKEN"):
        return Access(f"{bare}/authorized", Login("imap-token", bare, "bearer", (("IMAP_ACCESS_TOKEN",),)))
    return Access(bare)


def _address() -> str:
    return (os.environ.get("IMAP_DATA_ACCESS_URL") or str(conf.imap.url)).rstrip("/")


def _bare(base: str) -> str:
    return base.removesuffix("/api-key").removesuffix("/authorized")


def data_dir() -> Path | None:
    """
    Return the folder above the SDC's tree, where the user has named one.

    Returns
    -------
    pathlib.Path or None
        From ``IMAP_DATA_DIR``, else from ``conf.imap.data_dir``.
    """
    named = os.environ.get("IMAP_DATA_DIR") or str(conf.imap.data_dir)
    return Path(named).expanduser() if named else None
