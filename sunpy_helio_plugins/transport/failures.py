"""How the transfer of a file fails: for good, for a while, or because the server will not give it as it was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunpy_helio_plugins.errors import FileError, TransferError
from sunpy_helio_plugins.transport.patience import PASSING, retry_after
from sunpy_helio_plugins.transport.urls import public_url
from sunpy_helio_plugins.transport.words import server_words

if TYPE_CHECKING:
    import aiohttp

__all__ = ["PassingError", "PassingFileError", "RefusedError", "refusal"]

_READ = 65536


class PassingFileError(FileError):
    """
    A file that is not what it should be, and may be when it is asked for again.

    Parameters
    ----------
    words : str
        What came.
    wait : float, optional
        Seconds to wait before.
    """

    def __init__(self, words: str, wait: float | None = None) -> None:
        super().__init__(words)
        self.wait = wait


class PassingError(TransferError):
    """
    A failure after which the same request may well succeed.

    Parameters
    ----------
    text : str
        What happened, for a message.
    wait : float, optional
        Seconds to wait before.
    """

    def __init__(self, text: str, wait: float | None = None) -> None:
        super().__init__(text)
        self.wait = wait


class RefusedError(TransferError):
    """
    A file that the server refuses to give.

    Parameters
    ----------
    text : str
        What happened, for a message.
    status : int
        The HTTP status.
    phrase : str
        What stands beside it: some servers say there, and nowhere else, why they refuse.
    body : bytes
        The beginning of the answer.
    """

    def __init__(self, text: str, status: int, phrase: str, body: bytes) -> None:
        super().__init__(text)
        self.status, self.phrase, self.body = status, phrase, body


async def refusal(response: aiohttp.ClientResponse, archive: str, url: str) -> PassingError | RefusedError:
    """
    Return what to raise for an answer that is no file.

    Parameters
    ----------
    response : aiohttp.ClientResponse
        The answer.
    archive : str
        The archive's name, for the message.
    url : str
        What was asked.
    """
    body, phrase = await response.content.read(_READ), response.reason or ""
    words = server_words(body) or server_words(phrase.encode())
    text = f"{archive} answered {response.status}: {words} [asked: {public_url(url)}]"
    if response.status in PASSING:
        return PassingError(text, retry_after(response.headers.get("Retry-After")))
    return RefusedError(text, response.status, phrase, body)
