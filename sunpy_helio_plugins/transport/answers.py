"""What a server answered: read whole, and decoded on demand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sunpy_helio_plugins.errors import AnswerError
from sunpy_helio_plugins.transport.words import server_words

__all__ = ["Answer"]


@dataclass(frozen=True)
class Answer:
    """
    What a server answered, read to its end.

    Attributes
    ----------
    archive : str
        The name of the archive that was asked.
    url : str
        The address that answered, without secrets.
    status : int
        The HTTP status.
    headers : Mapping[str, str]
        The response's headers; look-ups ignore case.
    content : bytes
        The body, decompressed.
    phrase : str
        What stands beside the status: some HAPI servers say there, and nowhere else, what is wrong.
    """

    archive: str
    url: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    phrase: str = ""

    def text(self) -> str:
        """Return the body as text: UTF-8, or Latin-1 where it is not valid UTF-8 (the registry's habit)."""
        try:
            return self.content.decode("utf-8")
        except UnicodeDecodeError:
            return self.content.decode("latin-1")

    def json(self) -> Any:
        """
        Return the body decoded from JSON.

        Raises
        ------
        AnswerError
            The body is something else, such as an HTML page.
        """
        try:
            return json.loads(self.text())
        except (ValueError, RecursionError) as error:
            kind = server_words(self.headers.get("Content-Type", "").encode()) or "no content type"
            words = f"JSON was expected, {kind} came: {server_words(self.content) or 'an empty body'}"
            raise AnswerError(self.archive, self.url, words, self.status) from error
