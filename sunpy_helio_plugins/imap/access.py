"""
Where the service is and what opens it, as the user's environment and settings say at this moment.

The variables are those of the official client, imap-data-access: ``IMAP_DATA_ACCESS_URL``, ``IMAP_API_KEY``,
``IMAP_ACCESS_TOKEN``, ``IMAP_DATA_DIR``. They are read at use: a change counts at once.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sunpy_helio_plugins.config import conf

__all__ = ["Access", "current", "data_dir"]


@dataclass(frozen=True)
class Access:
    """
    The address of the service and the header that opens it.

    Attributes
    ----------
    base : str
        The address, with the prefix of the route that the credential belongs to.
    headers : mapping
        The credential, or nothing; never shown.
    """

    base: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_public(self) -> bool:
        """Whether only released files can be seen and fetched."""
        return not self.headers

    def url(self, path: str) -> str:
        """
        Return the address of an endpoint.

        Parameters
        ----------
        path : str
            The endpoint, as in ``"query"``.
        """
        return f"{self.base}/{path}"


def current() -> Access:
    """
    Return how the service is reached now.

    Returns
    -------
    Access
        By an API key where there is one, else by a token, else publicly, in the official client's order.
    """
    base = (os.environ.get("IMAP_DATA_ACCESS_URL") or str(conf.imap.url)).rstrip("/")
    key, token = os.environ.get("IMAP_API_KEY"), os.environ.get("IMAP_ACCESS_TOKEN")
    if key:
        return Access(_with(base, "/api-key"), {"x-api-key": key})
    if token:
        return Access(_with(base, "/authorized"), {"Authorization": f"Bearer {token}"})
    return Access(base)


def _with(base: str, prefix: str) -> str:
    """Append the route's prefix unless the user's address ends with it already."""
    return base if base.endswith(prefix) else base + prefix


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
