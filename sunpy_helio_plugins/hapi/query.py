"""The query for one dataset of a HAPI server."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from sunpy_helio_plugins.arguments import TEXTS, Kind

__all__ = ["NOT_COVERED", "PARAMETERS", "PROVIDER", "Query", "is_like", "is_pattern", "unlike"]

PROVIDER = "HAPI"

NOT_COVERED = "is not covered."
"""The end of the notes on a time range that was limited to that of a dataset."""
_LONGEST_SHOWN = 200
"""Characters of a server's name that a message repeats."""


@dataclass(frozen=True)
class Query:
    """
    The query for one dataset.

    Attributes
    ----------
    server : str
        Short name or URL.
    dataset : str or None
        The id; `None` for every dataset of the server.
    start, end : str
        First and last time, both included: UTC, ISO 8601 with Z.
    parameters : tuple of str
        Names or patterns in the order in which they were given; all parameters if empty. Without a dataset, those of
        which a dataset must have all.
    words : tuple of str
        Words that the id, title or description of a dataset must contain.
    observables : tuple of str
        Quantities of which a dataset must have a parameter; or words, as above.
    format : str or None
        The format; `None` lets the service choose it.
    chunk : float or None
        The longest time range of one request, in seconds.
    size : int or None
        The largest estimated number of bytes of one response, so that records can be loaded in bounded memory.
    whole : int
        The largest estimated number of bytes of all records, up to which ``size`` is not considered.
    is_listed : bool
        Whether no server was given and this is one of the listed ones, which may not have the dataset.
    """

    server: str
    dataset: str | None
    start: str
    end: str
    parameters: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    observables: tuple[str, ...] = ()
    format: str | None = None
    chunk: float | None = None
    size: int | None = None
    whole: int = 0
    is_listed: bool = False


def _names(given: Any) -> tuple[str, ...]:
    found = tuple(name for text in TEXTS.of(given) for one in text.split(",") if (name := one.strip()))
    if given and not found:
        raise ValueError
    return found


PARAMETERS = Kind("names of parameters, in a list or separated by commas,", _names)
"""Names or patterns of parameters; no name contains a comma, which separates names in requests (HAPI, section 8.2)."""


def is_pattern(text: str) -> bool:
    """Return whether an id or name is a pattern: ``*`` matches any characters and ``?`` any single one."""
    return "*" in text or "?" in text


def is_like(text: str, pattern: str) -> bool:
    """Return whether an id, title or name matches a pattern, ignoring case; brackets are not special."""
    return fnmatchcase(text.lower(), pattern.lower().replace("[", "[[]"))


def unlike(what: str, given: str, possible: Iterable[str], has: str = "it has") -> str:
    """Return the message for a name that does not exist, with similar names."""
    names = list(possible)
    similar = get_close_matches(given, names, n=5, cutoff=0.5)
    folded = [name for name in names if name.lower() == given.lower()]
    meant = list(dict.fromkeys(folded + similar))
    shown = meant or names[:8]
    are_all = len(shown) == len(names)
    if meant:
        count = "" if are_all else f" There are {len(names)}."
        return f"{what} {given!r}; did you mean {' or '.join(map(_cut, meant))}?{count}"
    count = "" if are_all else f" and {len(names) - len(shown)} more"
    return f"{what} {given!r}; {has} {', '.join(map(_cut, shown))}{count}."


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_SHOWN else f"{name[:_LONGEST_SHOWN]}..."
