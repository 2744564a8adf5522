"""
What a server means when it gives no records: the code of HAPI, wherever it stands, and whether to ask otherwise.

The code stands in the JSON of the answer, with any HTTP status, 200 among them; where the answer is no such JSON, only
in the phrase beside the HTTP status ("400 Bad Request; HAPI 1408 ...", specification 3.3, section 4).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from sunpy_helio_plugins.errors import ServiceBroken, ServiceError, ServiceRefused
from sunpy_helio_plugins.hapi.header import NO_DATA, OK, status_of
from sunpy_helio_plugins.transport.messages import server_words

__all__ = ["Refusal", "refusal"]

_OUTSIDE, _TOO_MUCH, _TOO_LONG = 1405, 1408, 1413
_TOO_LARGE = 413
_GENERAL = (None, 1400)
"""Codes that say nothing in particular: many servers know no others (specification, section 4.1)."""

_OF_THE_STOP = (1403, _OUTSIDE)
_CODE = re.compile(r"\bHAPI\b[^0-9]{0,12}(1[0-9]{3})\b", re.IGNORECASE)

_SMALLER_RANGE = re.compile(r"smaller\s+time\s+range|\bdata\s+elements\b|12[,.' ]?288\s*(kB|000)", re.IGNORECASE)
"""How ESA's server refuses too much, by its guide (Limitations), which gives no code and no exact words."""

_LONGEST = 65536
"""Bytes that a message may have: a longer answer is records."""


@dataclass(frozen=True)
class Refusal:
    """
    An answer that is no records.

    Attributes
    ----------
    status : int
        The HTTP status.
    code : int or None
        The code of HAPI, where there is one.
    words : str
        The server's words.
    """

    status: int
    code: int | None
    words: str

    @property
    def is_too_much(self) -> bool:
        """Whether a shorter range may be answered."""
        if self.code == _TOO_MUCH or self.status == _TOO_LARGE:
            return True
        if self.code == _TOO_LONG:
            # To a request for records, which has no depth: server-python means a range that is too long.
            return "too long" in self.words.lower()
        return self.code in _GENERAL and self.status < 500 and bool(_SMALLER_RANGE.search(self.words))

    @property
    def is_outside(self) -> bool:
        """Whether a range that keeps within the dataset may be answered."""
        if self.is_too_much or self.status in (401, 403):
            return False
        return self.code in _OF_THE_STOP or (self.code in _GENERAL and 400 <= self.status < 500)

    def error(self, archive: str, url: str) -> ServiceError:
        """
        Return what to raise.

        Parameters
        ----------
        archive : str
            The server, as messages name it.
        url : str
            What was asked, without secrets.
        """
        kind = ServiceBroken if self.status >= 500 else ServiceRefused
        return kind(archive, url, self.text, self.status)

    @property
    def text(self) -> str:
        """The server's words and the code, where they do not name it."""
        known = self.code is None or str(self.code) in self.words
        return self.words if known else f"{self.words} (HAPI {self.code})".strip()


def refusal(status: int, phrase: str, content: bytes) -> Refusal | None:
    """
    Return what an answer says, where it is no records.

    Parameters
    ----------
    status : int
        The HTTP status.
    phrase : str
        What stands beside it.
    content : bytes
        The body, or its beginning.

    Returns
    -------
    Refusal or None
        `None` for records, and for an answer that says that there are none.
    """
    code, message = _said(content)
    words = message or server_words(content) if status >= 400 or code is not None else ""
    if code is None and status >= 400:
        found = _CODE.search(phrase) or _CODE.search(words)
        code = int(found[1]) if found else None
    if code == NO_DATA or (status < 400 and code in (None, OK)):
        return None
    return Refusal(status, code, words or server_words(phrase.encode()))


def _said(content: bytes) -> tuple[int | None, str]:
    """Return code and message of an answer that is a JSON object with a status."""
    if content[:1].isspace():
        content = content.lstrip()
    if not content.startswith(b"{") or len(content) > _LONGEST:
        return None, ""
    try:
        code, message = status_of(json.loads(content))
    except (ValueError, RecursionError):
        return None, ""
    return code, server_words(json.dumps(message).encode())
