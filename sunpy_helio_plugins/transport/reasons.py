"""Why no answer came, in plain words: the libraries' own texts hold addresses, headers and object ids."""

from __future__ import annotations

from typing import Any

__all__ = ["reason"]


def reason(error: BaseException) -> str:
    """
    Say in plain words why no answer came.

    Parameters
    ----------
    error : BaseException
        What requests, urllib3, aiohttp or the system raised.
    """
    chain = " ".join(_names(error))
    for sign, words in _REASONS.items():
        if sign in chain:
            return words
    if isinstance(error, OSError) and error.strerror and not isinstance(error, ConnectionError):
        return error.strerror
    return f"no answer came ({type(error).__name__})"


def _names(error: BaseException) -> list[str]:
    names: list[str] = []
    queue: list[Any] = [error]
    while queue and len(names) < 20:
        one = queue.pop(0)
        if isinstance(one, BaseException):
            names.append(type(one).__name__)
            queue += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return names


_REASONS = {
    "ClientConnectorDNSError": "the host name is not known; is there a network?",
    "NameResolutionError": "the host name is not known; is there a network?",
    "gaierror": "the host name is not known; is there a network?",
    "ConnectTimeout": "no connection within the time allowed (conf.connect_timeout)",
    "ConnectionTimeoutError": "no connection within the time allowed (conf.connect_timeout)",
    "SocketTimeoutError": "the server fell silent for longer than allowed (conf.read_timeout)",
    "ServerTimeoutError": "the server fell silent for longer than allowed (conf.read_timeout)",
    "ClientPayloadError": "the connection was cut before the end of the answer",
    "TransferEncodingError": "the connection was cut before the end of the answer",
    "ServerDisconnectedError": "the server closed the connection without an answer",
    "ReadTimeout": "the server fell silent for longer than allowed (conf.read_timeout)",
    "SSLError": "no secure connection could be made; is the certificate valid?",
    "ProxyError": "the proxy refused the connection",
    "IncompleteRead": "the connection was cut before the end of the answer",
    "ConnectionRefusedError": "the connection was refused; is the server running?",
    "ConnectionResetError": "the server closed the connection",
    "RemoteDisconnected": "the server closed the connection without an answer",
    "ClientConnectorCertificateError": "no secure connection could be made; is the certificate valid?",
    "ClientSSLError": "no secure connection could be made; is the certificate valid?",
    "ClientConnectorError": "no connection could be made",
    "InvalidUrlClientError": "the address is not valid",
    "InvalidURL": "the address is not valid",
    "MissingSchema": "the address is not valid: it has no https://",
    "InvalidSchema": "the address is not valid: only http and https can be asked",
    "TooManyRedirects": "the server redirects in circles",
}
