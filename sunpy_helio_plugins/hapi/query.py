"""One query of a HAPI server."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase

__all__ = ["PROVIDER", "Query", "is_like", "is_pattern", "unlike"]

PROVIDER = "HAPI"


@dataclass(frozen=True)
class Query:
    """
    One dataset to ask for.

    Attributes
    ----------
    server : str
        Short name or address.
    dataset : str or None
        Its id; `None` asks for every dataset of the server.
    start, end : str
        First and last instant wanted, both included: UTC, ISO 8601 with Z.
    parameters : tuple of str
        Names or patterns in the order in which they were given; none means all.
    words : tuple of str
        What must stand in the ids, titles or descriptions of datasets.
    format : str or None
        The format wanted; `None` leaves it to the service.
    chunk : float or None
        How long one request may be, in seconds.
    is_listed : bool
        Whether the server is one of all that are listed, since none was named: it need not have the dataset.
    """

    server: str
    dataset: str | None
    start: str
    end: str
    parameters: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    format: str | None = None
    chunk: float | None = None
    is_listed: bool = False


def is_pattern(text: str) -> bool:
    """
    Tell whether a name is a pattern, with ``*`` for any characters and ``?`` for any one.

    Parameters
    ----------
    text : str
        An id of a dataset, or a name of a parameter.
    """
    return "*" in text or "?" in text


def is_like(text: str, pattern: str) -> bool:
    """
    Tell whether a name is like a pattern, in any case.

    Parameters
    ----------
    text : str
        An id, a title or a name.
    pattern : str
        As for `is_pattern`; brackets mean themselves.
    """
    return fnmatchcase(text.lower(), pattern.lower().replace("[", "[[]"))


def unlike(what: str, given: str, possible: Iterable[str], has: str = "it has") -> str:
    """Say that something does not exist, and what does."""
    names = list(possible)
    similar = get_close_matches(given, names, n=5, cutoff=0.5)
    folded = [name for name in names if name.lower() == given.lower()]
    shown = list(dict.fromkeys(folded + similar)) or names[:8]
    rest = f", one of {len(names)}" if len(shown) < len(names) else ""
    return f"{what} {given!r}; {has} {', '.join(shown)}{rest}."
