"""Messages: the sentence of an error, the message of a server, the problem of a connection, the lines of the log."""

from __future__ import annotations

import html
import logging
import re
import ssl
import time
from collections.abc import Callable
from typing import Any

from sunpy_helio_plugins.errors import HelioPluginsError, QueryError, ServiceError
from sunpy_helio_plugins.quantities.exact import kept_json
from sunpy_helio_plugins.transport.urls import public_url

__all__ = ["RequestLog", "connection_problem", "log_cached", "log_wait", "sentence", "server_message", "wait_reason"]

_log = logging.getLogger(__name__.rpartition(".")[0])
"""The logger of all requests, ``sunpy_helio_plugins.transport``."""


def sentence(archive: str, url: str, problem: str, status: int | None = None) -> str:
    """Return the sentence for a failure: the archive, the status, the problem, and the address without secrets."""
    return str(ServiceError(archive, public_url(url), problem, status))


def connection_problem(error: BaseException) -> str:
    """Return why a request failed, from the error of requests, urllib3, aiohttp or the system."""
    errors = _chain(error)
    certificate = next((one for one in errors if isinstance(one, ssl.SSLCertVerificationError)), None)
    if certificate is not None:
        return _certificate_problem(certificate)
    chain = " ".join(type(one).__name__ for one in errors)
    for name, text in _PROBLEMS.items():
        if name in chain:
            return text
    if isinstance(error, OSError) and error.strerror and not isinstance(error, ConnectionError):
        return error.strerror
    return f"there was no answer ({type(error).__name__})"


_CERTIFICATES = {
    9: "its certificate is not valid yet; is the clock of this computer right?",
    10: "its certificate has expired; ask the archive to renew it, and check the clock of this computer",
    18: "its certificate is self-signed; if you trust it, name it in REQUESTS_CA_BUNDLE",
    19: "a certificate of its chain is self-signed; if you trust it, name it in REQUESTS_CA_BUNDLE",
    20: "the issuer of its certificate is not known; is a proxy between, or are the system's certificates too old?",
    21: "the issuer of its certificate is not known; is a proxy between, or are the system's certificates too old?",
    23: "its certificate was revoked",
    62: "its certificate is for another host; is the address right?",
    64: "its certificate is for another host; is the address right?",
}
"""What is wrong with a certificate, by the number of OpenSSL's ``X509_V_ERR``."""


def _certificate_problem(error: ssl.SSLCertVerificationError) -> str:
    other = f"its certificate is not valid ({getattr(error, 'verify_message', '') or 'no reason is known'})"
    return f"no secure connection could be made: {_CERTIFICATES.get(getattr(error, 'verify_code', 0), other)}"


def _chain(error: BaseException) -> list[BaseException]:
    """Return an error with those from which it was made."""
    found: list[BaseException] = []
    queue: list[Any] = [error]
    while queue and len(found) < 20:
        one = queue.pop(0)
        if isinstance(one, BaseException):
            found.append(one)
            queue += [one.__cause__, one.__context__, getattr(one, "reason", None)]
            queue += [getattr(one, "certificate_error", None), *one.args]
    return found


_PROBLEMS = {
    "ClientConnectorDNSError": "the host name is not known; is there a network?",
    "NameResolutionError": "the host name is not known; is there a network?",
    "gaierror": "the host name is not known; is there a network?",
    "ConnectTimeout": "no connection within the time allowed (conf.connect_timeout)",
    "ConnectionTimeoutError": "no connection within the time allowed (conf.connect_timeout)",
    "SocketTimeoutError": "the server was silent for longer than allowed (conf.read_timeout)",
    "ServerTimeoutError": "the server was silent for longer than allowed (conf.read_timeout)",
    "ClientPayloadError": "the connection was cut before the end of the answer",
    "TransferEncodingError": "the connection was cut before the end of the answer",
    "ServerDisconnectedError": "the server closed the connection without an answer",
    "ReadTimeout": "the server was silent for longer than allowed (conf.read_timeout)",
    "SSLError": "no secure connection could be made; is the certificate valid?",
    "ProxyError": "the proxy refused the connection",
    "DecodeError": "the compressed answer was cut or damaged",
    "IncompleteRead": "the connection was cut before the end of the answer",
    "ConnectionRefusedError": "the connection was refused; is the server running?",
    "ConnectionResetError": "the server closed the connection",
    "RemoteDisconnected": "the server closed the connection without an answer",
    "ClientConnectorCertificateError": "no secure connection could be made; is the certificate valid?",
    "ClientSSLError": "no secure connection could be made; is the certificate valid?",
    "ClientConnectorError": "no connection could be made",
    "InvalidUrlClientError": "the address is not valid",
    "InvalidURL": "the address is not valid",
    "MissingSchema": "the address is not valid: it must begin with https://",
    "InvalidSchema": "the address is not valid: only http and https are supported",
    "TooManyRedirects": "the server redirects in circles",
}

LONGEST = 300
"""Characters of the longest message; a longer one ends with an ellipsis."""

_TAGS = re.compile(r"(?is)<(script|style|head)\b.*?</\1>|<[^>]*>")

_FIELDS = ("message", "error", "detail", "data", "status")


def server_message(body: bytes, limit: int = LONGEST) -> str:
    """
    Return the message in the body of an answer, as one line of plain text.

    Of a JSON object it is the first field with a message, of anything else the text without markup. Control characters,
    which a terminal might obey, are removed. Secrets that the server repeats were removed from the body before.
    """
    text = _decoded(body[: 64 * limit])
    message = _from_json(text)
    plain = html.unescape(_TAGS.sub(" ", text)) if message is None else message
    line = " ".join("".join(char if char.isprintable() else " " for char in plain).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _from_json(text: str) -> str | None:
    try:
        return _message(kept_json(text))
    except ValueError:
        return None


def _message(value: Any) -> str | None:
    """Return a string, or the first non-empty message field of an object."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        found = (_message(value[name]) for name in _FIELDS if name in value)
        return next((message for message in found if message), None)
    return None


class RequestLog:
    """
    One request in the log: a line at DEBUG when it has ended, in whatever way.

    ``status`` is that of the answer; ``size`` and ``sent`` are the bytes of the bodies that were received and sent.
    ``hide`` removes the secrets of the request, also those that are added after the beginning.
    """

    __slots__ = ("_archive", "_begin", "_hide", "_method", "_url", "sent", "size", "status")

    def __init__(self, archive: str, method: str, url: str, hide: Callable[[str], str]) -> None:
        self._archive, self._method, self._url, self._hide = archive, method, url, hide
        self._begin = time.monotonic()
        self.status: int | None = None
        self.size = self.sent = 0

    def __enter__(self) -> RequestLog:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        # A query that is refused was not sent.
        if not isinstance(error, QueryError) and _log.isEnabledFor(logging.DEBUG):
            _log.debug("%s: %s", self._archive, self.line(error))

    def line(self, error: BaseException | None) -> str:
        """Return what was asked, what was answered, how long it took and what went wrong, without secrets."""
        seconds, shown = time.monotonic() - self._begin, self._hide(public_url(self._url))
        sent = f"{self.sent} bytes sent, " if self.sent else ""
        answer = "no answer" if self.status is None else f"{self.status}, {self.size} bytes"
        # The message of a refusal is in the error.
        is_told = error is None or (self.status or 0) >= 400
        problem = "" if is_told else f"; {self._hide(_problem(error))}"
        return f"{self._method} {shown}: {sent}{answer} in {seconds:.3f} s{problem}"


def _problem(error: BaseException | None) -> str:
    """Return what went wrong in one line, without the texts of libraries, which may contain the request."""
    if not isinstance(error, HelioPluginsError):
        return connection_problem(error) if isinstance(error, Exception) else "interrupted"
    return " ".join((getattr(error, "words", "") or getattr(error, "problem", "") or str(error)).split())


def log_cached(archive: str, url: str) -> None:
    """Log that the answer to a request, with its address without secrets, was taken from the cache."""
    _log.debug("%s: GET %s: from the cache", archive, url)


def log_wait(archive: str, seconds: float, reason: str, attempt: str) -> None:
    """Log a wait before another attempt, such as "2 of 4"."""
    _log.info("%s: waiting %.3g s, %s; then attempt %s", archive, seconds, reason, attempt)


def wait_reason(status: int, is_asked: bool) -> str:
    """Return why an attempt that was answered is repeated after a wait."""
    return f"the server asked for it (HTTP {status})" if is_asked else f"it answered {status}"
