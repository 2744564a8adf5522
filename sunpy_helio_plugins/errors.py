"""
Exceptions and warnings of this package::

    HelioPluginsError
    ├── QueryError (ValueError)          invalid query; raised before any request is sent
    │   └── IsolationError               a request to another machine while the embedded archive is running
    ├── ServiceError (OSError)           an archive did not respond as expected
    │   ├── ServiceUnreachable           no response: unknown host, refused, timed out, disconnected
    │   ├── ServiceRefused               the archive reports an error in the request (HTTP 4xx)
    │   ├── ServerError                  the archive reports an internal error (HTTP 5xx)
    │   └── AnswerError                  an invalid response: HTML instead of JSON, truncated, too large
    ├── TransferError (OSError)          a download failed; no part of the file was kept
    ├── FileError (ValueError)           a file that is invalid or cannot be read
    └── MissingDependencyError (ImportError)  a feature whose extra is not installed

    IncompleteAnswerWarning              parts of a response are missing: see ``problems`` of the table
    InexactTimeWarning                   times were converted to a type that cannot represent all of them exactly

Messages state what was requested, what was received, and what to do; they never contain a password, key or token.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from astropy.utils.exceptions import AstropyUserWarning

from sunpy_helio_plugins import lazy

__all__ = [
    "AnswerError",
    "FileError",
    "HelioPluginsError",
    "IncompleteAnswerWarning",
    "InexactTimeWarning",
    "IsolationError",
    "MissingDependencyError",
    "Problem",
    "QueryError",
    "ServerError",
    "ServiceError",
    "ServiceRefused",
    "ServiceUnreachable",
    "TransferError",
    "warn_incomplete",
]

__dir__ = lazy.listing(__all__)


class HelioPluginsError(Exception):
    """Base class of the exceptions of this package."""


class QueryError(HelioPluginsError, ValueError):
    """An invalid query: the message states what was given and what is allowed."""


class IsolationError(QueryError):
    """A URL on another machine, which is refused while the embedded archive is running."""


class ServiceError(HelioPluginsError, OSError):
    """
    An archive did not respond as expected.

    Parameters
    ----------
    archive : str
        The archive's name, as in ``"IMAP SDC"``.
    url : str
        The URL of the request, without secrets.
    words : str
        The message of the archive, or a description of the connection error.
    status : int, optional
        The HTTP status, if there was one.

    Attributes
    ----------
    archive, url, words, status
        As given.
    """

    def __init__(self, archive: str, url: str, words: str, status: int | None = None) -> None:
        self.archive, self.url, self.words, self.status = archive, url, words, status
        answered = f" answered {status}" if status is not None else ""
        super().__init__(f"{archive}{answered}: {words or '(no message)'} [asked: {url}]")

    def __reduce__(self) -> tuple[type, tuple[str, str, str, int | None]]:
        return type(self), (self.archive, self.url, self.words, self.status)


class ServiceUnreachable(ServiceError):  # noqa: N818 - names a state of the archive
    """No response was received: unknown host, connection refused, timeout, or connection lost."""


class ServiceRefused(ServiceError):  # noqa: N818
    """The archive reports an error in the request (HTTP 4xx)."""


class ServerError(ServiceError):
    """The archive reports an internal error (HTTP 5xx)."""


class AnswerError(ServiceError):
    """An invalid response: HTML instead of JSON, truncated, or larger than allowed."""


class TransferError(HelioPluginsError, OSError):
    """A download failed; no part of the file was kept."""


class FileError(HelioPluginsError, ValueError):
    """A file that is invalid or cannot be read."""


class MissingDependencyError(HelioPluginsError, ImportError):
    """
    A feature whose packages are not installed.

    Parameters
    ----------
    ability : str
        The requested feature, as the subject of a sentence ("Opening JPEG 2000 files").
    extra : str
        The extra of this package that installs them.
    """

    def __init__(self, ability: str, extra: str) -> None:
        super().__init__(f'{ability} needs packages that are missing: pip install "sunpy_helio_plugins[{extra}]".')


class IncompleteAnswerWarning(AstropyUserWarning):
    """Parts of a response are missing."""


class InexactTimeWarning(AstropyUserWarning):
    """Times were converted to a type that cannot represent all of them exactly."""


class Problem(str):
    """
    A sentence on a missing or unreliable part of a result, and the reason.

    Parameters
    ----------
    text : str
        The sentence.
    kind : str, optional
        One of

        - ``"unreachable"``: the archive did not respond;
        - ``"refused"``: the archive reports an error in the request;
        - ``"server"``: the archive reports an internal error;
        - ``"answer"``: the response is invalid, truncated or contradicts itself;
        - ``"limit"``: there is more than the archive or this package returns for one query;
        - ``"query"``: a part of the query that cannot be answered;
        - ``"data"``: single names or values that are invalid;
        - ``"transfer"``: a file that could not be downloaded.
    archive : str, optional
        The name of the archive, as in ``"IMAP SDC"``.

    Attributes
    ----------
    kind, archive
        As given.
    """

    kind: str
    archive: str

    def __new__(cls, text: str, kind: str = "data", archive: str = "") -> Problem:
        """Return a sentence with its kind and archive."""
        made = super().__new__(cls, text)
        made.kind, made.archive = kind, archive
        return made

    def __getnewargs__(self) -> tuple[str, str, str]:  # type: ignore[override]
        return str(self), self.kind, self.archive

    @classmethod
    def of_error(cls, error: Exception, text: str = "") -> Problem:
        """
        Return the problem that an error caused.

        Parameters
        ----------
        error : Exception
            The error.
        text : str, optional
            The sentence. Defaults to the message of the error.

        Returns
        -------
        Problem
            The sentence with the kind and the archive of the error.
        """
        kind = next((name for kind, name in _KINDS.items() if isinstance(error, kind)), "data")
        return cls(text or str(error), kind, str(getattr(error, "archive", "")))

    @classmethod
    def of(cls, entry: str | Mapping[str, Any], archive: str = "") -> Problem:
        """
        Return an entry of ``problems`` in any form.

        Parameters
        ----------
        entry : str, Problem or mapping
            A sentence, a problem, or the result of `stored`.
        archive : str, optional
            The archive, unless the entry contains it.

        Returns
        -------
        Problem
            The same sentence.
        """
        if isinstance(entry, Mapping):
            entry = cls(str(entry["text"]), str(entry.get("kind", "data")), str(entry.get("archive", "")))
        found = entry if isinstance(entry, cls) else cls(entry)
        return found if found.archive else cls(found, found.kind, archive)

    def stored(self) -> dict[str, str]:
        """
        Return the problem as plain text that can be written to files.

        Returns
        -------
        dict of str
            ``text``, ``kind`` and ``archive``.
        """
        return {"text": str(self), "kind": self.kind, "archive": self.archive}


_KINDS: dict[type[Exception], str] = {
    ServiceUnreachable: "unreachable",
    ServiceRefused: "refused",
    ServerError: "server",
    AnswerError: "answer",
    TransferError: "transfer",
    QueryError: "query",
}


def warn_incomplete(text: str, stacklevel: int = 3) -> None:
    """
    Warn that a response is incomplete.

    Parameters
    ----------
    text : str
        A sentence that describes what is missing.
    stacklevel : int, optional
        As for `warnings.warn`.
    """
    warnings.warn(text, IncompleteAnswerWarning, stacklevel=stacklevel)
