"""Text that is never shown, and its removal from messages."""

from __future__ import annotations

from typing import NoReturn

from sunpy_helio_plugins.errors import QueryError

__all__ = ["Secret", "redact"]

_used: set[str] = set()


class Secret:
    """
    A piece of text that does not show itself.

    Parameters
    ----------
    text : str
        The secret; blanks and line ends around it, as a file or a shell leaves them, are no part of it.

    Raises
    ------
    QueryError
        It holds what a header cannot: the text is not shown.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text.strip()
        if not self._text.isprintable():
            raise QueryError("A key, token or password holds control characters or line ends; it was not sent.")

    def reveal(self) -> str:
        """Return the text."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret is not pickled.")


def redact(text: str) -> str:
    """
    Return a text without any secret that this process has used: servers repeat the keys that they refuse.

    Parameters
    ----------
    text : str
        Somebody else's words.
    """
    for secret in sorted(_used, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
