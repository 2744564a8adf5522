"""Options of the command line as attrs, and words from standard input."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sunpy.net.attr import Attr

__all__ = [
    "NOT_NEGATIVE", "POSITIVE", "check_order", "check_word", "date_of", "day_of", "imap_attrs", "secret", "texts",
    "time_range", "words_of",
]  # fmt: skip


class _Finite(click.FloatRange):
    """A range of numbers without infinity and NaN, which Python reads as numbers."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


POSITIVE, NOT_NEGATIVE = _Finite(0, min_open=True), _Finite(0)


def texts(_: click.Context, __: click.Parameter, given: Sequence[str] | str | None) -> tuple[str, ...]:
    """Return the values of an option that is given several times, or with commas."""
    parts = [part.strip() for one in ([given] if isinstance(given, str) else given or ()) for part in one.split(",")]
    return tuple(part for part in parts if part)


def check_word(option: str, given: str, known: Sequence[str]) -> None:
    """Refuse a word of an option that is not known, in any case of letters."""
    if given.lower() not in known:
        from sunpy_helio_plugins.arguments import choice

        raise click.UsageError(f"{option} does not take {given!r}.{choice(given, known)}")


def words_of(given: Iterable[str]) -> list[str]:
    """Return arguments, of which ``-`` means the lines of standard input; empty lines and comments are left out."""
    return [word for one in given for word in (_lines() if one == "-" else [one])]


def _lines() -> Iterator[str]:
    try:
        text = sys.stdin.read() if sys.stdin is not None else ""
        text.encode()  # some locales replace bytes that are not UTF-8 by surrogates
    except UnicodeError:
        text = "\0"
    if "\0" in text:
        raise click.UsageError("Standard input is not text; give one name in each line, in UTF-8")
    for line in text.splitlines():
        word = line.strip()
        if word and not word.startswith("#"):
            yield word


_DAY = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)", re.ASCII)


def day_of(text: str, *, is_end: bool = False) -> Any:
    """Return a time: what sunpy reads, and days as YYYYMMDD; of a day its start, or its last nanosecond."""
    from sunpy.time import parse_time

    from sunpy_helio_plugins.errors import QueryError

    found = _DAY.fullmatch(text)
    day = "-".join(found.groups()) if found else ""
    try:
        return parse_time(f"{day}T{'23:59:59.999999999' if is_end else '00:00:00'}" if day else text)
    except ValueError:
        raise QueryError(f"{text!r} is not a time; give one such as 20260110 or 2026-01-10T12:00.") from None


def date_of(option: str, text: str) -> str:
    """Return a day as YYYYMMDD, for a service that takes this form."""
    found = _DAY.fullmatch(text)
    if found is None:
        raise click.UsageError(f"{option} takes a day such as 20260110 or 2026-01-10, not {text!r}")
    try:
        return f"{date(*map(int, found.groups())):%Y%m%d}"
    except ValueError:
        raise click.UsageError(f"{option} takes a day, and {text!r} is not a day of the calendar") from None


def check_order(start: Any, end: Any, start_text: object, end_text: object) -> None:
    """Refuse a range whose end is before its start."""
    from sunpy_helio_plugins.errors import QueryError

    if start > end:
        raise QueryError(f"The end {end_text!r} is before the start {start_text!r}; exchange them.")


def time_range(start: str, end: str | None, *, has_last_day: bool = False) -> Any:
    """
    Return ``a.Time`` for two texts.

    Without an end, a day is a whole day. ``has_last_day`` includes the day that is the end, as imap-data-access does.
    """
    from sunpy.net import attrs as a

    begin, last = day_of(start), day_of(end or start, is_end=has_last_day or end is None)
    check_order(begin, last, start, end)
    return a.Time(begin, last)


def _last_day() -> str:
    """Return the end of a range without an end, after all files of the mission."""
    return f"{datetime.now(UTC) + timedelta(days=31):%Y-%m-%d}"


def imap_attrs(
    *, time: Any = None, start_date: str | None = None, end_date: str | None = None, recent: float | None = None,
    ingestion_start_date: str | None = None, ingestion_end_date: str | None = None, table: str | None = None,
    **lists: Sequence[str],
) -> list[Attr]:  # fmt: skip
    """Return the attrs of a search for files of IMAP."""
    from sunpy.net import attrs as a

    from sunpy_helio_plugins.errors import QueryError

    if start_date is None and end_date is not None:
        raise QueryError(f"The end {end_date!r} needs a start: add --start-date.")
    found: list[Any] = [a.imap.File(), *([] if time is None else [time])]
    found += [time_range(start_date, end_date or _last_day(), has_last_day=True)] if start_date is not None else []
    found += [a.imap.Recent(recent)] if recent is not None else []
    if ingestion_start_date is not None or ingestion_end_date is not None:
        ends = ingestion_start_date, ingestion_end_date
        found.append(a.imap.Ingested(*ends))
    found += [a.imap.Table(table)] if table not in (None, "science") else []
    kinds = _imap_kinds()
    for name, values in lists.items():
        if values:
            found.append(_any_of(kinds[name], values))
    return found


def _imap_kinds() -> dict[str, Callable[[str], Any]]:
    from sunpy.net import attrs as a

    return {
        "instrument": a.Instrument, "data_level": a.Level, "descriptor": a.imap.Descriptor,
        "repointing": a.imap.Repointing, "version": a.imap.Version, "extension": a.imap.Extension,
        "type": a.imap.Kernel, "filename": a.imap.FileName,
    }  # fmt: skip


def _any_of(kind: Callable[[str], Any], values: Sequence[str]) -> Attr:
    from sunpy.net.attr import or_

    return or_(*map(kind, values))


def secret(label: str, *, is_hidden: bool = True) -> str:
    """Return a word that is typed, by default without being shown, or the next line of standard input."""
    if sys.stdin.isatty():
        return str(click.prompt(label, hide_input=is_hidden, err=True))
    line = sys.stdin.readline().strip()
    if not line:
        raise click.UsageError(f"{label}: a line was expected on standard input, which is at its end")
    return line
