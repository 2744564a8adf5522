"""
What can go wrong, as a tree::

    HelioPluginsError
    ├── QueryError (ValueError)          the question cannot be asked; raised before any request
    │   └── IsolationError               another machine would be asked while the embedded archive serves
    ├── ServiceError (OSError)           an archive did not answer as it should
    │   ├── ServiceUnreachable           no answer: no such host, refused, silent, cut off
    │   ├── ServiceRefused               the archive says that the request is at fault (HTTP 4xx)
    │   ├── ServerError                the archive says that it is at fault itself (HTTP 5xx)
    │   └── AnswerError                  an answer that is not what it should be: HTML for JSON, cut, too large
    ├── TransferError (OSError)          a file did not arrive; nothing of it was kept
    ├── FileError (ValueError)           a file that cannot be trusted or read
    └── MissingDependencyError (ImportError)  an ability whose extra is not installed

    IncompleteAnswerWarning              an answer came, and something of it is missing: see the table's ``problems``
    InexactTimeWarning                   times were handed on in a form that cannot hold all of them exactly

Messages say what was asked, what came, and what to do next; they never hold a password, key or token.
"""

from __future__ import annotations

import warnings

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
    """Base of every error that this package raises on purpose."""


class QueryError(HelioPluginsError, ValueError):
    """A question that cannot be asked: the message says what was given and what is possible."""


class IsolationError(QueryError):
    """An address on another machine, which is not asked while the embedded archive serves."""


class ServiceError(HelioPluginsError, OSError):
    """
    An archive that did not answer as it should.

    Parameters
    ----------
    archive : str
        The archive's name, as in ``"IMAP SDC"``.
    url : str
        What was asked, without secrets.
    words : str
        The archive's own words, or what happened to the connection.
    status : int, optional
        The HTTP status, where there was one.

    Attributes
    ----------
    archive, url, words, status
        As given.
    """

    def __init__(self, archive: str, url: str, words: str, status: int | None = None) -> None:
        self.archive, self.url, self.words, self.status = archive, url, words, status
        answered = f" answered {status}" if status is not None else ""
        super().__init__(f"{archive}{answered}: {words or '(no words)'} [asked: {url}]")

    def __reduce__(self) -> tuple[type, tuple[str, str, str, int | None]]:
        return type(self), (self.archive, self.url, self.words, self.status)


class ServiceUnreachable(ServiceError):  # noqa: N818 - names a state of the archive
    """No answer came: no such host, connection refused, silence, or a connection cut off."""


class ServiceRefused(ServiceError):  # noqa: N818
    """The archive says that the request is at fault (HTTP 4xx)."""


class ServerError(ServiceError):
    """The archive says that it is at fault itself (HTTP 5xx)."""


class AnswerError(ServiceError):
    """An answer that is not what it should be: HTML for JSON, cut short, or larger than allowed."""


class TransferError(HelioPluginsError, OSError):
    """A file that did not arrive; nothing of it was kept."""


class FileError(HelioPluginsError, ValueError):
    """A file that cannot be trusted or read."""


class MissingDependencyError(HelioPluginsError, ImportError):
    """
    An ability whose packages are not installed.

    Parameters
    ----------
    ability : str
        What was asked for, as the subject of a sentence ("Opening JPEG 2000 files").
    extra : str
        The extra of this package that brings it.
    """

    def __init__(self, ability: str, extra: str) -> None:
        super().__init__(f'{ability} needs packages that are missing: pip install "sunpy_helio_plugins[{extra}]".')


class IncompleteAnswerWarning(AstropyUserWarning):
    """An answer came, and something of it is missing."""


class InexactTimeWarning(AstropyUserWarning):
    """Times were handed on in a form that cannot hold all of them exactly."""


def warn_incomplete(text: str, stacklevel: int = 3) -> None:
    """
    Warn that an answer is not complete.

    Parameters
    ----------
    text : str
        What is missing, as a sentence.
    stacklevel : int, optional
        As for `warnings.warn`.
    """
    warnings.warn(text, IncompleteAnswerWarning, stacklevel=stacklevel)
