"""Text that is never shown, and its removal from messages."""

from __future__ import annotations

from typing import NoReturn

from sunpy_helio_plugins.errors import QueryError

__all__ = ["Secret", "redact"]

_used: set[str] = set()


class Secret:
    """
    Text that does not appear in a repr, and cannot be pickled.

    Blanks and line ends around it, as a file or a shell leaves them, are removed. Control characters, which a header
    cannot contain, raise `QueryError` without the text.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text.strip()
        if not self._text.isprintable():
            raise QueryError(
                f"A key, token or password of {len(text)} characters has control characters; it was not sent."
            )

    def reveal(self) -> str:
        """Return the text."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret cannot be pickled.")


def redact(text: str) -> str:
    """Replace every secret that this process has sent: servers repeat the keys that they refuse."""
    for secret in sorted(_used, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
