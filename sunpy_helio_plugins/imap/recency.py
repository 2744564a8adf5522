"""Words about how a file stands in the archive: released or not, recent, ingested when."""

from __future__ import annotations

from typing import Any

from astropy import units as u
from sunpy.net.attr import Attr, Range
from sunpy.time import parse_time

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.attrs import Word

__all__ = ["Ingested", "Recent", "Released"]


class Released(Word):
    """
    Only files that are released, or only those that are not (which needs an API key).

    Parameters
    ----------
    value : bool, optional
        Whether they are released.
    """

    def __init__(self, value: Any = True) -> None:
        super().__init__(value)

    @classmethod
    def check(cls, value: Any) -> bool:
        """
        Return a truth value.

        Parameters
        ----------
        value : bool
            What the user gave.

        Raises
        ------
        QueryError
            It is none.
        """
        if not isinstance(value, bool) and str(value).lower() not in ("true", "false"):
            raise QueryError(f"a.imap.Released({value!r}): True or False is needed.")
        return str(value).lower() == "true"


class Recent(Word):
    """
    Data of the last days, until now, in place of a time range.

    Parameters
    ----------
    days : float, astropy.units.Quantity or "today", optional
        How many days; ``"today"`` are the last 24 hours.
    """

    def __init__(self, days: Any = 1) -> None:
        super().__init__(days)

    @classmethod
    def check(cls, value: Any) -> float:
        """
        Return a number of days.

        Parameters
        ----------
        value : float, astropy.units.Quantity or "today"
            What the user gave.

        Raises
        ------
        QueryError
            It is no positive number, or beyond a century.
        """
        try:
            days = 1.0 if value == "today" else float(u.Quantity(value, u.day).to_value(u.day))
        except (TypeError, ValueError):
            days = -1.0
        if isinstance(value, bool) or not 0 < days <= 36525:
            raise QueryError(f"a.imap.Recent({value!r}): a positive number of days is needed, or 'today'.")
        return days


class Ingested(Range):
    """
    Files that came into the archive within a time range; no range of the data is needed beside it.

    Parameters
    ----------
    since : str, datetime.datetime, astropy.time.Time, optional
        From when on.
    until : str, datetime.datetime, astropy.time.Time, optional
        Until when.

    Raises
    ------
    QueryError
        Neither is given, one of them is no time, or the end comes first.
    """

    def __init__(self, since: Any = None, until: Any = None) -> None:
        self._kind = "imap.Ingested"
        try:
            self.since, self.until = (None if time is None else parse_time(time).utc for time in (since, until))
        except (TypeError, ValueError) as error:
            raise QueryError(
                f"a.imap.Ingested({since!r}, {until!r}): this cannot be read as times ({error})."
            ) from None
        if self.since is None and self.until is None:
            raise QueryError("a.imap.Ingested needs a time since when, or until when.")
        if self.since is not None and self.until is not None and self.since > self.until:
            raise QueryError(f"a.imap.Ingested({since!r}, {until!r}): the end comes before the start.")
        super().__init__(self.since, self.until)

    def collides(self, other: Attr) -> bool:
        """Tell whether both cannot stand side by side."""
        return isinstance(other, Ingested)

    def __xor__(self, other: Attr) -> Attr:
        raise TypeError("Time ranges of a.imap.Ingested cannot be taken from one another.")

    def __contains__(self, other: Any) -> bool:
        return isinstance(other, Ingested) and (
            (self.since is None or (other.since is not None and self.since <= other.since))
            and (self.until is None or (other.until is not None and other.until <= self.until))
        )

    def __hash__(self) -> int:
        return hash((self._kind, str(self.since), str(self.until)))

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and hash(self) == hash(other)

    def __repr__(self) -> str:
        return f"a.imap.Ingested({self.since and self.since.isot!r}, {self.until and self.until.isot!r})"
