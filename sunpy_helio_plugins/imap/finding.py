"""From questions to a table: each is asked, and what does not come does not cost the rest."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from sunpy_helio_plugins.errors import ServiceError, warn_incomplete
from sunpy_helio_plugins.imap import access, service, tables
from sunpy_helio_plugins.imap.translate import Query

__all__ = ["Finding", "find"]

_AT_A_TIME = 4
"""Questions that are asked at a time."""


class Finding(NamedTuple):
    """
    What came of some questions.

    Attributes
    ----------
    table : IMAPTable
        The files; its ``problems`` say what did not come.
    notes : list of str
        What else is to be said of them: which versions the public does not see.
    """

    table: tables.IMAPTable
    notes: list[str]


def find(queries: Sequence[Query], client: Any = None) -> Finding:
    """
    Ask some questions.

    Parameters
    ----------
    queries : sequence of Query
        The questions.
    client : object, optional
        The client that the table belongs to.

    Returns
    -------
    Finding
        The table. Where one of several questions failed, it says so, and a warning is issued.

    Raises
    ------
    ServiceError
        No question was answered.
    """
    answers, failures = _answers(queries)
    if failures and not answers:
        raise failures[0]
    asked = [(one, found.rows) for one, found in answers]
    table = tables.from_answers(asked, client=client, base=access.current(public=True).base)
    problems = [problem for _, found in answers for problem in found.problems]
    table.problems = [*table.problems, *problems, *map(str, failures)]
    for problem in table.problems:
        warn_incomplete(problem)
    return Finding(table, tables.withheld(asked, table))


def _answers(queries: Sequence[Query]) -> tuple[list[tuple[Query, service.Rows]], list[ServiceError]]:
    """Ask each question, some at a time; one that fails does not cost the others."""

    def ask(query: Query) -> service.Rows | ServiceError:
        try:
            return service.ask(query)
        except ServiceError as error:
            return error

    if len(queries) == 1:
        found = [ask(queries[0])]
    else:
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            found = list(pool.map(ask, queries))
    answers = [(query, one) for query, one in zip(queries, found, strict=True) if isinstance(one, service.Rows)]
    return answers, [one for one in found if isinstance(one, ServiceError)]
