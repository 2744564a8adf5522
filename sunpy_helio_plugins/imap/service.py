"""The IMAP Science Data Center's Data Access API: one question, its rows; one file, its address."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from sunpy_helio_plugins.errors import AnswerError, ServiceBroken, ServiceRefused
from sunpy_helio_plugins.imap.access import Access, current
from sunpy_helio_plugins.imap.translate import Query
from sunpy_helio_plugins.transport import session

__all__ = ["ARCHIVE", "ask", "download_url"]

ARCHIVE = "IMAP SDC"

Row = dict[str, Any]


def ask(query: Query) -> list[Row]:
    """
    Ask for the rows of files.

    Parameters
    ----------
    query : Query
        The question.

    Returns
    -------
    list of dict
        Rows of the service's science table, in its order (by path). They are those whose start date allows an overlap
        with the query's range, and their descriptors are not yet filtered where the query has wildcards.

    Raises
    ------
    ServiceError
        The service did not answer as it should.
    """
    access = current()
    try:
        return _rows(access, parameters(query))
    except ServiceRefused as refused:
        # The service of 2024 does not know "latest" and answers with all versions; `tables` keeps the latest.
        if query.version != "latest" or "latest is not a valid query parameter" not in refused.words:
            raise
        return _rows(access, {name: value for name, value in parameters(query).items() if name != "latest"})
    except ServiceBroken as broken:
        # Beyond 6 MB (some 16,900 rows) the gateway gives an error instead of an answer.
        words = f"{broken.words}; where many files match, this is its answer too: narrow the query"
        raise ServiceBroken(ARCHIVE, broken.url, words, broken.status) from None


def parameters(query: Query) -> dict[str, str]:
    """
    Return the query fields of a question.

    Parameters
    ----------
    query : Query
        The question.

    Returns
    -------
    dict of str
        Names and values as the service takes them. ``table`` is left out: science is its default, and the service of
        2024 refuses the name.
    """
    first, last = query.days
    exact = None if query.has_wildcards else query.descriptor
    version = ("latest", "true") if query.version == "latest" else ("version", query.version)
    named = {"instrument": query.instrument, "data_level": query.level, "descriptor": exact}
    asked = {name: value for name, value in named.items() if value is not None}
    return {**asked, "start_date": first, "end_date": last, **dict([version])}


def _rows(access: Access, fields: dict[str, str]) -> list[Row]:
    answer = session.get(access.url("query"), fields, archive=ARCHIVE, headers=access.headers)
    rows = answer.json()
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "file_path" in row for row in rows):
        raise AnswerError(ARCHIVE, answer.url, "a list of files was expected; something else came", answer.status)
    return rows


def download_url(file_path: str) -> tuple[str, dict[str, str]]:
    """
    Return where a file can be fetched, and the headers to send there.

    Parameters
    ----------
    file_path : str
        The file's full path, as rows hold it.

    Returns
    -------
    url : str
        The address; it answers with a redirection to the storage.
    headers : dict of str
        The user's credential, for this address only: the storage refuses a second one.
    """
    access = current()
    return access.url(f"download/{quote(file_path)}"), dict(access.headers)
