"""
One request for records, and what to ask instead where the server refuses it.

HAPI leaves out the record at ``stop``, and forbids a ``stop`` behind the dataset's own, which is the time of its last
record: by the letter, nobody can have that record (specification 3.3, sections 3.6.2, 3.7.1 and 4.2; issue 288 of the
specification). So a tick more is asked for at first, and the dataset's own stop where that is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from sunpy_helio_plugins.hapi.refusals import Refusal
from sunpy_helio_plugins.hapi.spans import Moment, Span, moment

__all__ = ["MOST_HALVINGS", "Piece"]

MOST_HALVINGS = 12
"""How often a range is halved at most: into some four thousand requests."""

_MILLISECOND = 1_000_000
_START, _STOP = (re.compile(rf"(?<=[?&])({names})=[^&#]*") for names in (r"start|time\.min", r"stop|time\.max"))


@dataclass(frozen=True)
class Piece:
    """
    One request.

    Attributes
    ----------
    span : Span
        The range whose records are wanted; an answer may hold others as well.
    url : str
        What to ask.
    closing : str
        The dataset's own stop, as the server spells it, where the address asks for a tick more; else empty.
    depth : int
        How many halvings led here.
    """

    span: Span
    url: str
    closing: str = ""
    depth: int = 0

    @classmethod
    def of(cls, span: Span, url: str, stop: str | None) -> Piece:
        """
        Return the request of an address.

        Parameters
        ----------
        span : Span
            The range whose records are wanted.
        url : str
            The address; its range holds that one.
        stop : str or None
            The dataset's own stop.
        """
        asked = _STOP.search(url)
        last = moment(stop)
        beyond = asked is not None and last is not None and (moment(asked[0].partition("=")[2]) or last) > last
        return cls(span, url, stop or "" if beyond else "")

    def instead(self, refusal: Refusal) -> list[Piece]:
        """
        Return what to ask instead: requests that together stand for this one; none where the refusal stands.

        Parameters
        ----------
        refusal : Refusal
            How the server refused this one.
        """
        if refusal.is_too_much:
            return self._halves()
        if self.closing and refusal.is_outside:
            return [self._within()]
        return []

    def _within(self) -> Piece:
        """Keep within the dataset; a server that includes the stop gives the record at it also to this."""
        last = Moment.read(self.closing)
        url = _STOP.sub(rf"\g<1>={self.closing}", self.url)
        if self.span.first >= last:
            # No range is empty (HAPI 1404): what lies before is left out when it has come.
            url = _START.sub(rf"\g<1>={last.later(-_MILLISECOND).down().text(3)}", url)
        return replace(self, url=url, closing="")

    def _halves(self) -> list[Piece]:
        halves = self.span.halves() if self.depth < MOST_HALVINGS else None
        if halves is None:
            return []
        border = rf"\g<1>={halves[0].before.text(3)}"
        return [
            Piece(halves[0], _STOP.sub(border, self.url), "", self.depth + 1),
            Piece(halves[1], _START.sub(border, self.url), self.closing, self.depth + 1),
        ]
