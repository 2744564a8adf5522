"""A request that the sandbox received."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Request"]


@dataclass(frozen=True)
class Request:
    """
    A request that was received.

    Attributes
    ----------
    method : str
        The HTTP method.
    path : str
        The path, as it was sent.
    query : dict of str
        The query fields.
    headers : dict of str
        The request headers, with lower-case names.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import sandbox
    >>> with sandbox.serve() as archive:
    ...     found = Fido.search(a.Time("2026-01-10", "2026-01-11"), a.her.CH)
    ...     print(archive.log[0].method, archive.log[0].path)
    GET /hek/her
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str] = field(repr=False)
