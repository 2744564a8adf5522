"""
Exceptions and warnings of this package::

    HelioPluginsError
    ├── QueryError (ValueError)          invalid query; raised before any request is sent
    │   ├── CoverageError                a range outside that of the data; there is nothing to return
    │   └── IsolationError               a request to another machine while the embedded archive is running
    ├── SettingError (TypeError, ValueError)  a setting whose value is not allowed
    ├── ServiceError (OSError)           an archive did not respond as expected
    │   ├── ServiceUnreachable           no response: unknown host, refused, timed out, disconnected
    │   ├── ServiceRefused               the archive reports an error in the request (HTTP 4xx)
    │   ├── ServerError                  the archive reports an internal error (HTTP 5xx)
    │   └── AnswerError                  an invalid response: HTML instead of JSON, truncated, too large
    ├── TransferError (OSError)          a download failed; no part of the file was kept
    ├── LockedError (OSError)            another process is writing the same folder; nothing was changed
    ├── FileError (ValueError)           a file that is invalid or cannot be read
    │   └── DiskError (OSError)          a path of the local disk that cannot be read or written
    ├── WorkerError (RuntimeError)       a worker of a dask cluster that cannot run tasks of this package
    └── MissingDependencyError (ImportError)  a feature whose extra is not installed

    IncompleteAnswerWarning              parts of a response are missing: see ``problems`` of the table
    IncompleteFetchWarning               files could not be downloaded: see ``errors`` of the results
    InexactTimeWarning                   times were converted to a type that cannot represent all of them exactly
    InexactValueWarning                  values were converted to a type that cannot represent all of them exactly
    MirrorWarning                        a server does not respond: the answer is that of a mirror
    OutdatedAnswerWarning                a server does not respond: an earlier response of it is used
    OutsideImageWarning                  events are outside of an image, or without an outline
    RelationWarning                      a relation was submitted that is expected from automatic methods only
    WideColumnsWarning                   columns with many elements in a record are left out of a time series

Messages state what was requested, what was received, and what to do; they never contain a password, key or token.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import astropy
from astropy.utils.exceptions import AstropyUserWarning

from sunpy_helio_plugins import lazy

__all__ = [
    "AnswerError",
    "CoverageError",
    "DiskError",
    "FileError",
    "HelioPluginsError",
    "IncompleteAnswerWarning",
    "IncompleteFetchWarning",
    "InexactTimeWarning",
    "InexactValueWarning",
    "IsolationError",
    "LockedError",
    "MirrorWarning",
    "MissingDependencyError",
    "OutdatedAnswerWarning",
    "OutsideImageWarning",
    "Problem",
    "QueryError",
    "RelationWarning",
    "ServerError",
    "ServiceError",
    "ServiceRefused",
    "ServiceUnreachable",
    "SettingError",
    "TransferError",
    "WideColumnsWarning",
    "WorkerError",
    "warn_incomplete",
]

__dir__ = lazy.listing(__all__)

_PACKAGE = __name__.partition(".")[0]

_log = logging.getLogger(__name__)


def printable(text: str) -> str:
    """Return a text without the control characters that a terminal would obey; line breaks and tabs are kept."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text)


class HelioPluginsError(Exception):
    """
    Base class of the exceptions of this package.

    A message has at most `LONGEST` characters; a value without blanks in it at most a third of these, so that it does
    not hide the sentence around it.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi
    >>> from sunpy_helio_plugins.errors import HelioPluginsError
    >>> try:
    ...     datasets = hapi.catalog("cdawebb")
    ... except HelioPluginsError as error:
    ...     print(type(error).__name__)
    QueryError
    """

    def __str__(self) -> str:
        """Return the message; it may repeat texts of servers and files."""
        return printable(_shortened(_LONG_WORD.sub(_middle_removed, super().__str__()), LONGEST))


LONGEST = 4000
"""Characters of the longest message, whatever a server sent or was asked for."""

_LONGEST_WORDS, _LONGEST_URL = 2000, 1000
"""Characters of the longest message of a server, and of the longest address, in the message of an error."""


_LONG_WORD = re.compile(rf"\S{{{LONGEST // 3},}}")


def _middle_removed(word: re.Match[str]) -> str:
    return f"{word[0][:100]}…{word[0][-100:]}"


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


class QueryError(HelioPluginsError, ValueError):
    """
    An invalid query: the message states what was given and what is allowed.

    Examples
    --------
    >>> from sunpy.net import attrs as a
    >>> import sunpy_helio_plugins
    >>> from sunpy_helio_plugins.errors import QueryError
    >>> try:
    ...     a.hapi.Server("cdawebb")
    ... except QueryError as error:
    ...     print(type(error).__name__)
    QueryError
    """


class CoverageError(QueryError):
    """A valid query for a range outside that of the data: there is nothing to return."""


class IsolationError(QueryError):
    """
    A URL on another machine, which is refused while the embedded archive is running.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi, sandbox
    >>> from sunpy_helio_plugins.errors import IsolationError
    >>> with sandbox.serve():
    ...     try:
    ...         datasets = hapi.catalog("https://example.org/hapi")
    ...     except IsolationError as error:
    ...         print(type(error).__name__)
    IsolationError
    """


class SettingError(HelioPluginsError, TypeError, ValueError):
    """
    A setting whose value is not allowed: the message states what was given and what is allowed.

    Examples
    --------
    >>> from sunpy_helio_plugins import conf
    >>> from sunpy_helio_plugins.errors import SettingError
    >>> try:
    ...     conf.retries = -1
    ... except SettingError as error:
    ...     print(error)
    conf.retries is an integer, at least 0 and at most 100, not -1.
    """


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

    Examples
    --------
    >>> from sunpy.net import attrs as a
    >>> from sunpy_helio_plugins import HERClient, sandbox
    >>> from sunpy_helio_plugins.errors import ServiceError
    >>> day = a.Time("2026-01-10", "2026-01-11")
    >>> with sandbox.serve() as archive, archive.fault("status", status=403, path="/hek"):
    ...     try:
    ...         found = HERClient().search(day, a.her.CH)
    ...     except ServiceError as error:
    ...         print(error.archive, error.status)
    HER 403
    """

    def __init__(self, archive: str, url: str, words: str, status: int | None = None) -> None:
        self.archive, self.url, self.words, self.status = archive, url, words, status
        answered = f" answered {status}" if status is not None else ""
        told = _shortened(words, _LONGEST_WORDS) or "(no message)"
        super().__init__(f"{archive}{answered}: {told} [asked: {_shortened(url, _LONGEST_URL)}]")

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


class LockedError(HelioPluginsError, OSError):
    """Another process is writing the same folder, so that this one ended at once; nothing was changed."""


class FileError(HelioPluginsError, ValueError):
    """
    A file that is invalid or cannot be read.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sunpy_helio_plugins import cdf
    >>> from sunpy_helio_plugins.errors import FileError
    >>> size = Path("page.cdf").write_text("<html>")
    >>> try:
    ...     table = cdf.read("page.cdf")
    ... except FileError as error:
    ...     print(error)
    page.cdf: this cannot be read as a CDF file (it has only 6 bytes).
    """


class DiskError(FileError, OSError):
    """A file or folder of the local disk that cannot be read or written: the message names its path."""

    def __str__(self) -> str:
        """Return the message, and not the number of the system's error."""
        return printable(str(self.args[0])) if self.args else ""


class _AbsentError(DiskError, FileNotFoundError):
    """Also an instance of Python's own exception, as the next ones."""


class _DeniedError(DiskError, PermissionError):
    pass


class _TakenError(DiskError, FileExistsError):
    pass


class _FolderError(DiskError, IsADirectoryError):
    pass


class _NoFolderError(DiskError, NotADirectoryError):
    pass


_DISK = {
    errno.ENOENT: (_AbsentError, "it does not exist"),
    errno.EACCES: (_DeniedError, "this user does not have the permission; change it, or give another path"),
    errno.EPERM: (_DeniedError, "this user does not have the permission; change it, or give another path"),
    errno.EROFS: (DiskError, "the disk is read-only; give another path"),
    errno.ENOSPC: (DiskError, "the disk is full; free some space, or give another path"),
    errno.EDQUOT: (DiskError, "the quota of this user is used up; free some space, or give another path"),
    errno.EEXIST: (
        _TakenError,
        "a file of this name already exists; give another path or overwrite=True",
    ),
    errno.ENOTDIR: (_NoFolderError, "a part of the path is a file and not a folder; remove it, or give another path"),
    errno.EISDIR: (_FolderError, "it is a folder and not a file; give the path of a file"),
    errno.EINVAL: (DiskError, "the name is not valid; give another one"),
    errno.ENAMETOOLONG: (DiskError, "the name is too long; give a shorter one"),
    errno.EMFILE: (DiskError, "too many files are open; close some, or raise the limit"),
    errno.EIO: (DiskError, "the disk is damaged or was removed"),
    errno.EFBIG: (DiskError, "the file is too large for this file system; give another path"),
    errno.ELOOP: (DiskError, "the path is a circle of symbolic links; repair it"),
}
"""What is wrong, by the number of the system's error."""


_LONGEST_PATH = 400
"""Characters of the longest path in a message."""


def disk_error(error: OSError, path: object, doing: str = "written") -> DiskError:
    """Return the error for an operation on the local disk that failed; ``doing`` is a participle."""
    kind, why = _DISK.get(error.errno or 0, (DiskError, error.strerror or str(error) or type(error).__name__))
    if error.errno == errno.ENOENT and doing in ("written", "created"):
        why = "its folder does not exist; make it, or give another path"
    name = str(path)
    name = name if len(name) <= _LONGEST_PATH else f"...{name[-_LONGEST_PATH:]}"
    made = kind(f"{name} cannot be {doing}: {why}.")
    made.errno, made.strerror, made.filename = error.errno, error.strerror, None
    return made


@contextlib.contextmanager
def local(path: object, doing: str = "written") -> Iterator[None]:
    """Raise errors of the local disk within a block as `DiskError`, with the path."""
    try:
        yield
    except HelioPluginsError:
        raise
    except OSError as error:
        raise disk_error(error, path, doing) from error


class WorkerError(HelioPluginsError, RuntimeError):
    """A worker of a dask cluster that cannot run tasks of this package: the message names it and states what to do."""


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


class IncompleteFetchWarning(AstropyUserWarning):
    """Files of ``Fido.fetch`` could not be downloaded."""


class InexactTimeWarning(AstropyUserWarning):
    """Times were converted to a type that cannot represent all of them exactly."""


class InexactValueWarning(AstropyUserWarning):
    """Values were converted to a type that cannot represent all of them exactly."""


class MirrorWarning(AstropyUserWarning):
    """A server does not respond: the answer is that of a mirror, which may lack images."""


class OutdatedAnswerWarning(AstropyUserWarning):
    """A server does not respond: an earlier response of it is used, which may be outdated."""


class OutsideImageWarning(AstropyUserWarning):
    """Events are outside of an image, on the far side of the Sun, or without an outline."""


class RelationWarning(AstropyUserWarning):
    """A relation between events was submitted that the registry expects from automatic methods only."""


class WideColumnsWarning(AstropyUserWarning):
    """Columns with many elements in a record are left out of a time series."""


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

    Examples
    --------
    >>> from sunpy_helio_plugins.errors import Problem
    >>> problem = Problem("HER did not answer: 2026-01-10 is missing.", kind="unreachable", archive="HER")
    >>> print(problem)
    HER did not answer: 2026-01-10 is missing.
    >>> problem.kind, problem.archive
    ('unreachable', 'HER')
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


def warn_incomplete(text: str) -> None:
    """
    Warn that a response is incomplete, at the line of the program that called this package.

    Parameters
    ----------
    text : str
        A sentence that describes what is missing.

    Examples
    --------
    >>> import warnings
    >>> from sunpy_helio_plugins.errors import warn_incomplete
    >>> with warnings.catch_warnings(record=True, action="always") as caught:
    ...     warn_incomplete("The last page is missing.")
    >>> print(caught[0].message)
    The last page is missing.
    """
    warn(text, IncompleteAnswerWarning)


_reported: ContextVar[bool] = ContextVar("reported", default=False)


@contextlib.contextmanager
def reported() -> Iterator[None]:
    """Omit warnings on missing parts within a block, after which the caller reports them in another way."""
    token = _reported.set(True)
    try:
        yield
    finally:
        _reported.reset(token)


def warn(text: str, category: type[Warning]) -> None:
    """
    Emit a warning at the line of the program that called this package, also if it did through sunpy or astropy.

    It becomes a record of the log as well: of another logger that takes warnings, or else of this package's.
    """
    if category is IncompleteAnswerWarning and _reported.get():
        return
    text, frame = printable(text), sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _BETWEEN:
        frame = frame.f_back
    told = frame.f_globals.setdefault("__warningregistry__", {})
    module = frame.f_globals.get("__name__", "")
    warnings.warn_explicit(text, category, frame.f_code.co_filename, frame.f_lineno, module, told)
    if _has_handler() or not _is_recorded():
        _log.warning("%s: %s", category.__name__, text)


def _has_handler() -> bool:
    """Return whether the program has given a handler to the logger of this package itself."""
    return any(not isinstance(one, logging.NullHandler) for one in logging.getLogger(_PACKAGE).handlers)


def _is_recorded() -> bool:
    """Return whether warnings become records of another logger: of astropy, or through `logging.captureWarnings`."""
    shows: Any = warnings.showwarning
    if isinstance(getattr(shows, "__self__", None), logging.Logger):
        # sunpy's logger may come first, and leaves warnings of other packages to astropy's.
        return bool(astropy.log.warnings_logging_enabled())
    return getattr(shows, "__module__", "") == "logging"


_BETWEEN = frozenset(
    {_PACKAGE, "sunpy", "astropy", "parfive", "asyncio", "concurrent", "threading", "functools", "contextlib",
     "importlib", "glymur"}
)  # fmt: skip
"""The packages between the line that a user wrote and a warning."""
