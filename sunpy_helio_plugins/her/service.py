"""
Ask the registry: a query becomes requests, their answers become records.

Rules are those of the registry's API page (HekWiki, "ApplicationProgrammingInterface").
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import AnswerError, ServiceError
from sunpy_helio_plugins.her.translate import ARCHIVE, Query
from sunpy_helio_plugins.transport import session

__all__ = ["Found", "parameters", "search"]

PAGE = 1000
"""Events on a page; the registry gives no more at once ("Maximum number of returned results")."""
MOST_PAGES = 500
"""Where a search ends at last, should the registry go on saying that there is more."""


@dataclass
class Found:
    """
    What a search brought.

    Attributes
    ----------
    records : list of dict
        The events as the registry sent them, each once.
    associations : list of dict
        Which event follows, splits into, or merges into which, each once.
    problems : list of str
        What is missing, and why.
    """

    problems: list[str] = field(default_factory=list)
    _records: dict[str, dict[str, Any]] = field(default_factory=dict)
    _associations: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)

    @property
    def records(self) -> list[dict[str, Any]]:
        """The events."""
        return list(self._records.values())

    @property
    def associations(self) -> list[dict[str, Any]]:
        """The edges between events."""
        return list(self._associations.values())

    def __len__(self) -> int:
        return len(self._records)

    def add(self, records: Iterable[dict[str, Any]], associations: Iterable[dict[str, Any]]) -> int:
        """Take in what is new, and return how many events that were."""
        before = len(self)
        for record in records:
            self._records.setdefault(_identity(record), record)
        for edge in associations:
            self._associations.setdefault(_edge(edge), edge)
        return len(self) - before


def search(queries: Iterable[Query]) -> Found:
    """
    Ask the registry for the events of some queries.

    Parameters
    ----------
    queries : iterable of Query
        What to ask; an event that answers several is brought once.

    Returns
    -------
    Found
        Everything that came.

    Raises
    ------
    ServiceError
        Nothing came. Where a later page fails, the pages before it are kept, and ``problems`` says so.
    """
    found = Found()
    for query in queries:
        _search_one(query, found)
    return found


def _search_one(query: Query, found: Found) -> None:
    mine = Found()
    for page in range(1, MOST_PAGES + 1):
        try:
            records, associations, more = _page(parameters(query, page))
        except ServiceError as error:
            if page == 1:
                raise
            mine.problems.append(f"Only the first {len(mine)} events are here, page {page} failed: {error}")
            break
        new = mine.add(records, associations)
        if not more or (query.limit and len(mine) >= query.limit):
            break
        if not new:
            mine.problems.append(f"The registry says that there is more, but page {page} brings nothing new.")
            break
    else:
        mine.problems.append(f"The registry has more than {MOST_PAGES} pages; ask for a shorter period.")
    found.add(mine.records[: query.limit], mine.associations)
    found.problems += mine.problems


def parameters(query: Query, page: int = 1) -> list[tuple[str, str]]:
    """
    Return the request of one page of a search.

    Parameters
    ----------
    query : Query
        What to ask.
    page : int, optional
        Which page, from 1.

    Returns
    -------
    list of tuple
        Names and values, always in the same order.
    """
    box = query.box
    pairs = [
        ("cosec", "2"),
        ("cmd", "search"),
        ("type", "column"),
        ("event_type", ",".join(query.types).lower() or "**"),
        ("event_starttime", query.start),
        ("event_endtime", query.end),
        ("event_coordsys", box.system),
        *((name, f"{value:.12g}") for name, value in zip(("x1", "x2", "y1", "y2"), _sides(query), strict=True)),
        ("result_limit", str(min(query.limit or PAGE, PAGE))),
        ("page", str(page)),
    ]
    for number, triplet in enumerate(query.filters):
        prefix = f"{triplet.event_type.lower()}." if triplet.event_type else ""
        pairs += [
            (f"param{number}", prefix + triplet.name),
            (f"op{number}", triplet.operator),
            (f"value{number}", triplet.value),
        ]
    return pairs


def _sides(query: Query) -> tuple[float, float, float, float]:
    return query.box.x1, query.box.x2, query.box.y1, query.box.y2


def _page(pairs: list[tuple[str, str]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]], bool]:
    answer = session.get(conf.her.url.rstrip("?"), pairs, archive=ARCHIVE)
    decoded = _decode(answer)
    if not isinstance(decoded, dict) or not _are_records(decoded.get("result")):
        words = "the answer holds no list of events (\"result\"); is this address the registry's?"
        raise AnswerError(ARCHIVE, answer.url, words, answer.status)
    associations: Any = decoded.get("association")
    # Clients in PHP met "true" and "false" as text (Helioviewer's HEKAdapter).
    more = str(decoded.get("overmax", False)).lower() == "true"
    return decoded["result"], list(associations) if _are_records(associations) else [], more


def _are_records(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)


def _decode(answer: session.Answer) -> Any:
    """Decode an answer; its text is UTF-8 with stray bytes of Latin-1 in names (sunpy issues 1950, 3898, 4087)."""
    try:
        return json.loads(answer.content.decode("utf-8", errors="her_latin_1"))
    except ValueError:
        return answer.json()


def _latin_1(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("her_latin_1", _latin_1)


def _identity(record: dict[str, Any]) -> str:
    """Return what tells an event from any other: its IVORN and revision."""
    ivorn = record.get("kb_archivid")
    return f"{ivorn} {record.get('revision')}" if ivorn else json.dumps(record, sort_keys=True)


def _edge(edge: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(edge.get(name)) for name in ("first_ivorn", "second_ivorn", "edge_type"))
