"""The words of a search that say how it is answered rather than what is looked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from sunpy.net.attr import Attr, DataAttr

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.attrs import Marker, Word, name_of
from sunpy_helio_plugins.her.keywords import keywords

__all__ = ["Latest", "Limit", "PageSize", "Return", "SortBy", "Strict", "Tests"]

SUBSETS = ("required", "optional")
HARD_LIMIT = 1000
"""The most events on a page (the registry's API page, "Maximum number of returned results")."""


class _Number(Word):
    """A word that holds one whole number of at least 1."""

    def __init__(self, value: int) -> None:
        super().__init__(value)

    @classmethod
    def check(cls, value: Any) -> int:
        """Return the number."""
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise QueryError(f"{name_of(cls)} takes a whole number of at least 1, not {value!r}.")
        return int(value)

    def __or__(self, other: Attr) -> Attr:
        # Two limits are no alternatives that one search could answer.
        return DataAttr.__or__(self, other)


class Limit(_Number):
    """
    The largest number of events that a search brings, the earliest first, or the first in the order of `SortBy`.

    Parameters
    ----------
    value : int
        At least 1.

    Raises
    ------
    QueryError
        No such number.
    """


class PageSize(_Number):
    """
    How many events a page holds; a search reads all pages. Defaults to 1000, the most that the registry gives.

    Parameters
    ----------
    value : int
        From 1 to 1000.

    Raises
    ------
    QueryError
        No such number.
    """

    @classmethod
    def check(cls, value: Any) -> int:
        """Return the number."""
        number = super().check(value)
        if number > HARD_LIMIT:
            raise QueryError(f"The registry gives {HARD_LIMIT} events on a page at most, not {number}.")
        return int(number)


class SortBy(Word):
    """
    The order of the answer. Without it events come by ``event_starttime``.

    Parameters
    ----------
    keyword : str
        The keyword whose values order the events; those without a value come last.
    descending : bool, optional
        Whether the largest, or latest, comes first.

    Raises
    ------
    QueryError
        No such keyword.
    """

    def __init__(self, keyword: str, descending: bool = False) -> None:
        super().__init__(keyword)
        self.descending = bool(descending)
        self.values = (*self.values, self.descending)

    @classmethod
    def check(cls, value: Any) -> str:
        """Return the keyword's name."""
        name = super().check(value).lower()
        if name not in keywords():
            raise QueryError(f"The registry has no keyword {value!r} to sort by.")
        return str(name)

    def __or__(self, other: Attr) -> Attr:
        return DataAttr.__or__(self, other)


class Return(Word):
    """
    The keywords that come with each event, so that long answers stay small.

    Parameters
    ----------
    *values : str
        Keywords, ``"refs"`` among them; or ``"required"`` or ``"optional"``, which stand alone.

    Raises
    ------
    QueryError
        No keyword, one that the registry does not know, or a mixture of both forms.

    Notes
    -----
    ``kb_archivid``, what reading the keywords takes, such as units and instants, and what a comparison of the search
    needs for its check, is asked for as well, and is not printed. A subset says nothing of the other one: values that
    cannot be read without it are masked, and named in ``problems``.
    """

    def __init__(self, *values: str) -> None:
        super().__init__(*values)
        subsets = [value for value in self.values if value in SUBSETS]
        if not values or (subsets and len(self.values) > 1):
            raise QueryError(f"a.her.Return takes keywords, or one of {' and '.join(SUBSETS)} alone, not {values}.")

    @classmethod
    def check(cls, value: Any) -> str:
        """Return the keyword's name."""
        name = super().check(value).lower()
        if name not in keywords() and name not in SUBSETS:
            raise QueryError(f"The registry has no keyword {value!r} to return.")
        return str(name)


class Strict(Marker):
    """Only events that lie wholly within the time, not those that overlap it."""


class Tests(Word):
    """
    What to do with the registry's own test events.

    Parameters
    ----------
    value : str
        ``"hide"`` (as without this word), ``"only"`` or ``"show"``.

    Raises
    ------
    QueryError
        Another value.
    """

    def __init__(self, value: str) -> None:
        super().__init__(value)

    @classmethod
    def check(cls, value: Any) -> str:
        """Return the value."""
        text = super().check(value).lower()
        if text not in ("hide", "only", "show"):
            raise QueryError(f"a.her.Tests takes 'hide', 'only' or 'show', not {value!r}.")
        return str(text)


class Latest(Marker):
    """
    One row for each event: its newest revision.

    CACTus submits an eruption again every few hours under a new name; those that agree in start, position angle and
    width count as one, of which the last submission stays.
    """


def checked_types(values: Iterable[Any], types: Any) -> tuple[str, ...]:
    """Return the two letters of each type of event, given as attrs or text."""
    found: list[str] = []
    for value in values:
        found += getattr(value, "values", None) or [types.check(value)]
    return tuple(dict.fromkeys(found))
