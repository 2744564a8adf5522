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
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str] = field(repr=False)
