"""URLs of single events, recent submissions, and counts of the values of keywords."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, unquote

from astropy.table import MaskedColumn, QTable, Table
from sunpy.net.attr import Attr

from sunpy_helio_plugins.arguments import ATTR, TEXT, TEXTS, Kind, integer, optional, shown, taking
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.partial import warn
from sunpy_helio_plugins.her import search, service
from sunpy_helio_plugins.her.attrs import EventType, Return
from sunpy_helio_plugins.her.keywords import did_you_mean, keywords
from sunpy_helio_plugins.her.query import ARCHIVE, SERVER
from sunpy_helio_plugins.her.translator import queries
from sunpy_helio_plugins.transport import metadata

__all__ = ["isolsearch_url", "recent", "recent_url", "summary_url", "translate", "values", "voevent_url"]

ISOLSEARCH = "https://www.lmsal.com/isolsearch"
IVORN = "ivo://helio-informatics.org/"


def _keyword(given: Any) -> Any:
    return given if hasattr(given, "keyword") else TEXT.of(given)


def _type(given: Any) -> Any:
    return given if isinstance(given, EventType) else ",".join(TEXTS.of(given))


_KEYWORD = Kind("a keyword, such as a.her.frm_name or 'frm_name',", _keyword)
_TYPE = Kind("types of events, such as a.her.AR or 'AR,CH',", _type)


def ivorn_of(event: Any) -> str:
    """Return the IVORN of a row, or the given one; raise QueryError if there is none."""
    if isinstance(event, Table):
        raise QueryError(f"An event is one row, such as table[0], not a table of {len(event)} rows.")
    if not isinstance(event, str) and "kb_archivid" in getattr(event, "colnames", ()):
        event = event["kb_archivid"]
    if not isinstance(event, str) or not event.startswith("ivo://"):
        raise QueryError(
            f"An event is given by its IVORN, ivo://..., or by a row with kb_archivid, not {shown(event)}."
        )
    return str(event)


@taking("her.summary_url", rev=optional(integer(1)))
def summary_url(event: Any, rev: int | None = None) -> str:
    """
    Return the URL of the registry's page about an event.

    Parameters
    ----------
    event : str or astropy.table.Row
        An IVORN, or a row.
    rev : int, optional
        The number of an earlier revision.

    Returns
    -------
    str
        The URL.

    Raises
    ------
    QueryError
        ``event`` does not have an IVORN, or ``rev`` is not an integer of at least 1.

    Examples
    --------
    >>> from sunpy_helio_plugins import her
    >>> url = her.summary_url("ivo://helio-informatics.org/AR_1", rev=2)
    >>> print(url.partition("?")[2])
    cmd=view-voevent&ivorn=ivo://helio-informatics.org/AR_1&rev=2
    """
    pairs = [("cmd", "view-voevent"), ("ivorn", ivorn_of(event)), *_revision(rev)]
    return service.link(pairs, _server_of(event))


@taking("her.voevent_url", rev=optional(integer(1)))
def voevent_url(event: Any, rev: int | None = None) -> str:
    """
    Return the URL of an event's VOEvent document.

    Parameters
    ----------
    event : str or astropy.table.Row
        An IVORN, or a row.
    rev : int, optional
        The number of an earlier revision.

    Returns
    -------
    str
        The URL.

    Raises
    ------
    QueryError
        ``event`` does not have an IVORN, or ``rev`` is not an integer of at least 1.

    Examples
    --------
    >>> from sunpy_helio_plugins import her
    >>> url = her.voevent_url("ivo://helio-informatics.org/AR_1", rev=2)
    >>> print(url.partition("?")[2])
    cmd=export-voevent&cosec=1&ivorn=ivo://helio-informatics.org/AR_1&rev=2
    """
    return next(voevent_urls([ivorn_of(event)], rev, _server_of(event)))


def _server_of(event: Any) -> str:
    """Return the registry in which a row was found; empty if it is not known."""
    return str(event[SERVER]) if SERVER in getattr(event, "colnames", ()) else ""


def voevent_urls(ivorns: Iterable[str], rev: int | None = None, base: str = "") -> Iterator[str]:
    """Yield the URLs of the VOEvent documents of many events; the common part is computed once."""
    mark = "\0"
    link = service.link([("cmd", "export-voevent"), ("cosec", "1"), ("ivorn", mark), *_revision(rev)], base)
    before, _, after = link.partition(quote(mark))
    return (f"{before}{quote(ivorn, safe=service.SAFE)}{after}" for ivorn in ivorns)


def _revision(rev: int | None) -> list[tuple[str, str]]:
    if rev is None:
        return []
    if isinstance(rev, bool) or not isinstance(rev, int) or rev < 1:
        raise QueryError(f"rev must be the number of a revision, an integer of at least 1, not {rev!r}.")
    return [("rev", str(rev))]


@taking("her.isolsearch_url", query=ATTR)
def isolsearch_url(*query: Attr) -> str:
    """
    Return the URL of a search in iSolSearch, the registry's web page.

    Parameters
    ----------
    *query : sunpy.net.attr.Attr
        The attrs of the search; it must need only one request.

    Returns
    -------
    str
        The URL.

    Raises
    ------
    QueryError
        The search needs several requests, or the registry cannot answer it.

    Examples
    --------
    >>> from sunpy.net import attrs as a
    >>> from sunpy_helio_plugins import her
    >>> url = her.isolsearch_url(a.Time("2026-01-10", "2026-01-11"), a.her.CH)
    >>> url.startswith("https://www.lmsal.com/isolsearch?hek_query=http")
    True
    """
    requests = service.requests(queries(*query))
    if len(requests) > 1:
        raise QueryError(f"iSolSearch shows one request, but this search takes {len(requests)}; give one alternative.")
    return f"{ISOLSEARCH}?hek_query={quote(requests[0].url, safe='')}"


def recent_url() -> str:
    """
    Return the URL of the registry's page with the latest submissions by people.

    Examples
    --------
    >>> from sunpy_helio_plugins import her
    >>> print(her.recent_url().rpartition("/")[2])
    her?cmd=home
    """
    return service.link([("cmd", "home")])


def recent() -> list[str]:
    """
    Return the IVORNs of the latest submissions by people, not programs, in the order of the registry's page.

    Returns
    -------
    list of str
        Each IVORN once.

    Raises
    ------
    ServiceError
        The request failed.

    Examples
    --------
    >>> from sunpy_helio_plugins import her
    >>> len(her.recent())
    15
    """
    page = unquote(html.unescape(metadata.get(recent_url(), archive=ARCHIVE).page()))
    return list(dict.fromkeys(re.findall(r"ivo://helio-informatics\.org/[^\s\"'<>&]+", page)))


@taking("her.values", attr=_KEYWORD, query=ATTR, event_type=optional(_TYPE))
def values(attr: Any, *query: Attr, event_type: Any = None) -> QTable:
    """
    Count the values of a keyword in the events of a search.

    Parameters
    ----------
    attr : Field or str
        The keyword, such as ``a.her.frm_name``.
    *query : sunpy.net.attr.Attr
        The events: a time range, types, and any other attrs. The registry's own request for this no longer exists;
        instead, the events are searched with this keyword only, and counted.
    event_type : EventType or str, optional
        A type, ``a.her.AR`` or ``"AR"``, or several separated by commas; ``"all"`` is the same as the default.

    Returns
    -------
    astropy.table.QTable
        Columns ``event_type``, ``value`` (text, masked for events without a value) and ``count``, in descending order
        of ``count``.

    Raises
    ------
    QueryError
        The keyword or type does not exist, or the query does not contain a time.
    ServiceError
        The request failed or the response is not valid. If only some pages failed, a warning is issued instead.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import her
    >>> print(her.values(a.her.frm_name, a.Time("2026-01-10", "2026-01-11"), a.her.FL))
    event_type       value       count
    ---------- ----------------- -----
            FL SSW Latest Events     6
            FL              SWPC     6
    """
    name = str(getattr(getattr(attr, "keyword", None), "name", attr)).lower()
    if name not in keywords():
        raise QueryError(f"The registry does not have a keyword {shown(attr)}{did_you_mean(name, keywords())}")
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


@taking("her.translate", query=ATTR)
def translate(*query: Attr) -> tuple[service.Request, ...]:
    """
    Return the requests of a search without sending them.

    Parameters
    ----------
    *query : sunpy.net.attr.Attr
        The attrs of the search, as for ``HERClient().search``. `Fido` searches for each alternative separately, which
        results in one request each; this function combines them to as few requests as possible.

    Returns
    -------
    tuple of Request
        Each with its ``url``, its ``parameters``, and its ``query``; further pages differ in ``page`` only. With
        ``a.her.Return`` a search requests more keywords, which are needed to read the named ones.

    Raises
    ------
    QueryError
        The query contains something that the registry cannot answer, does not contain a time, or cannot match any
        event.

    Examples
    --------
    >>> from sunpy.net import attrs as a
    >>> from sunpy_helio_plugins.her import translate
    >>> (request,) = translate(a.Time("2024-05-10", "2024-05-11"), a.her.FL, a.her.fl_goescls > "X")
    >>> request.parameters[-3:]
    (('param0', 'FL_GOESCls'), ('op0', '>'), ('value0', 'X'))
    """
    return service.requests(queries(*query))
