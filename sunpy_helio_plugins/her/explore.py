"""Addresses of single events, and what the registry says of recent ones and of the values that keywords have."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, unquote

from astropy.table import MaskedColumn, QTable, Table
from sunpy.net.attr import Attr

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.partial import warn
from sunpy_helio_plugins.her import search, service
from sunpy_helio_plugins.her.attrs import EventType, Return
from sunpy_helio_plugins.her.keywords import did_you_mean, keywords
from sunpy_helio_plugins.her.query import ARCHIVE
from sunpy_helio_plugins.her.translator import queries
from sunpy_helio_plugins.transport import metadata

__all__ = ["isolsearch_url", "recent", "recent_url", "summary_url", "translate", "values", "voevent_url"]

ISOLSEARCH = "https://www.lmsal.com/isolsearch"
IVORN = "ivo://helio-informatics.org/"


def ivorn_of(event: Any) -> str:
    """Return the IVORN of a row, or the one given; QueryError where there is none."""
    if isinstance(event, Table):
        raise QueryError(f"An event is one row, such as table[0], not a table of {len(event)}.")
    if not isinstance(event, str) and "kb_archivid" in getattr(event, "colnames", ()):
        event = event["kb_archivid"]
    if not isinstance(event, str) or not event.startswith("ivo://"):
        raise QueryError(f"An event is named by its IVORN, ivo://..., or by a row that has one, not by {event!r}.")
    return str(event)


def summary_url(event: Any, rev: int | None = None) -> str:
    """
    Return the address of the registry's page about an event.

    Parameters
    ----------
    event : str or astropy.table.Row
        An IVORN, or a row.
    rev : int, optional
        An earlier revision.
    """
    return service.link([("cmd", "view-voevent"), ("ivorn", ivorn_of(event)), *_revision(rev)])


def voevent_url(event: Any, rev: int | None = None) -> str:
    """
    Return the address of an event's VOEvent document.

    Parameters
    ----------
    event, rev
        As for `summary_url`.
    """
    return next(voevent_urls([ivorn_of(event)], rev))


def voevent_urls(ivorns: Iterable[str], rev: int | None = None) -> Iterator[str]:
    """Yield the addresses of the VOEvent documents of many events, whose common part is made once."""
    mark = "\0"
    link = service.link([("cmd", "export-voevent"), ("cosec", "1"), ("ivorn", mark), *_revision(rev)])
    before, _, after = link.partition(quote(mark))
    return (f"{before}{quote(ivorn, safe=service.SAFE)}{after}" for ivorn in ivorns)


def _revision(rev: int | None) -> list[tuple[str, str]]:
    if rev is None:
        return []
    if isinstance(rev, bool) or not isinstance(rev, int) or rev < 1:
        raise QueryError(f"A revision is a whole number of at least 1, not {rev!r}.")
    return [("rev", str(rev))]


def isolsearch_url(*query: Attr) -> str:
    """
    Return the address at which iSolSearch, the registry's own page, shows a search.

    Parameters
    ----------
    *query : sunpy.net.attr.Attr
        What would be searched for; it must be answered by one request.

    Raises
    ------
    QueryError
        It takes several requests.
    """
    requests = service.requests(queries(*query))
    if len(requests) > 1:
        raise QueryError(f"iSolSearch shows one request; this search takes {len(requests)}.")
    return f"{ISOLSEARCH}?hek_query={quote(requests[0].url, safe='')}"


def recent_url() -> str:
    """Return the address of what people, not programs, submitted last."""
    return service.link([("cmd", "home")])


def recent() -> list[str]:
    """
    Return the IVORNs of what people, not programs, submitted last, in the page's order.

    Raises
    ------
    ServiceError
        The registry did not answer.
    """
    page = unquote(html.unescape(metadata.get(recent_url(), archive=ARCHIVE).text()))
    return list(dict.fromkeys(re.findall(r"ivo://helio-informatics\.org/[^\s\"'<>&]+", page)))


def values(attr: Any, *query: Attr, event_type: Any = None) -> QTable:
    """
    Count the values that a keyword has among the events of a search.

    Parameters
    ----------
    attr : Field or str
        The keyword, ``a.her.frm_name``.
    *query : sunpy.net.attr.Attr
        Which events: a time, types, and anything else. The registry's own call for this is lost; events are searched,
        with this keyword alone, and counted.
    event_type : EventType or str, optional
        A type, ``a.her.AR`` or ``"AR"``, or several with commas between them; ``"all"`` as without it.

    Returns
    -------
    astropy.table.QTable
        ``event_type``, ``value`` (text, masked where the events have none) and ``count``, the most frequent first.

    Raises
    ------
    QueryError
        No such keyword or type, or the query lacks a time.
    ServiceError
        The registry did not answer as it should. Where only some pages came, a warning says so.
    """
    name = str(getattr(getattr(attr, "keyword", None), "name", attr)).lower()
    if name not in keywords():
        raise QueryError(f"The registry has no keyword {attr!r}{did_you_mean(name, keywords())}")
    found = search.search(queries(*query, *_types(event_type), Return(name, "event_type")))
    warn(found)
    counts = Counter((str(record.get("event_type") or ""), _shown(record.get(name))) for record in found.records)
    rows = sorted(counts.items(), key=lambda item: (-item[1], item[0][0], item[0][1] or ""))
    kinds, told = ([pair[index] for pair, _ in rows] for index in (0, 1))
    text = MaskedColumn([value or "" for value in told], mask=[value is None for value in told], dtype=str)
    names = ["event_type", "value", "count"]
    return QTable([kinds, text, [count for _, count in rows]], names=names, dtype=[str, str, int])


def _types(given: Any) -> tuple[Attr, ...]:
    if given is None or given == "all":
        return ()
    return (given if isinstance(given, EventType) else EventType(*str(given).split(",")),)


def _shown(value: Any) -> str | None:
    return None if value in (None, "") else str(value)


def translate(*query: Attr) -> tuple[service.Request, ...]:
    """
    Return the requests that a search makes, without sending them.

    Parameters
    ----------
    *query : sunpy.net.attr.Attr
        What would be given to ``HERClient().search``. `Fido` splits alternatives before it asks, and so makes one
        request for each where this makes as few as can be.

    Returns
    -------
    tuple of Request
        Each with its ``url``, its ``parameters``, and the ``query`` that it asks; further pages differ in ``page``.
        With ``a.her.Return`` a search asks for more keywords, those without which the named ones cannot be read.

    Raises
    ------
    QueryError
        The query holds something that the registry cannot answer, no time, or nothing that an event could be.

    Examples
    --------
    >>> from sunpy.net import attrs as a
    >>> from sunpy_helio_plugins.her import translate
    >>> (request,) = translate(a.Time("2024-05-10", "2024-05-11"), a.her.FL, a.her.fl_goescls > "X")
    >>> request.parameters[-3:]
    (('param0', 'FL_GOESCls'), ('op0', '>'), ('value0', 'X'))
    """
    return service.requests(queries(*query))
