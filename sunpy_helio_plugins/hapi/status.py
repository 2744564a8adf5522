"""The status codes of HAPI (specification, section 4), and the errors that answers contain."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sunpy_helio_plugins.errors import ServerError, ServiceError, ServiceRefused
from sunpy_helio_plugins.quantities.exact import kept_json
from sunpy_helio_plugins.transport.messages import server_message

__all__ = ["NO_DATA", "OK", "Refusal", "is_success", "refusal", "status_of"]

OK, NO_DATA = 1200, 1201
"""HAPI status codes that are not errors: success, and success without records in the range."""

_OUTSIDE, _TOO_MUCH, _TOO_LONG = 1405, 1408, 1413

_TOO_LARGE = 413

_GENERAL = (None, 1400)
"""Codes that do not specify the error: many servers send only these (specification, section 4.1)."""

_OF_THE_STOP = (1403, _OUTSIDE)

_CODE = re.compile(r"\bHAPI\b[^0-9]{0,12}(1[0-9]{3})\b", re.IGNORECASE)

_SMALLER_RANGE = re.compile(r"smaller\s+time\s+range|\bdata\s+elements\b|12[,.' ]?288\s*(kB|000)", re.IGNORECASE)
"""The error of ESA's server for too long ranges, whose guide (Limitations) contains neither its code nor its text."""

_LONGEST = 65536
"""The largest size of an error message in bytes: a longer response consists of records."""


@dataclass(frozen=True)
class Refusal:
    """
    A response that contains an error instead of records.

    Attributes
    ----------
    status : int
        The HTTP status.
    code : int or None
        The HAPI status code, if there is one.
    words : str
        The message of the server.
    """

    status: int
    code: int | None
    words: str

    @property
    def is_too_much(self) -> bool:
        """Whether the server may accept a shorter range."""
        if self.code == _TOO_MUCH or self.status == _TOO_LARGE:
            return True
        if self.code == _TOO_LONG:
            # The code means a depth that is not valid, but server-python sends it for a range that is too long.
            return "too long" in self.words.lower()
        return self.code in _GENERAL and self.status < 500 and bool(_SMALLER_RANGE.search(self.words))

    @property
    def is_outside(self) -> bool:
        """Whether the server may accept a range that is within the dataset."""
        if self.is_too_much or self.status in (401, 403):
            return False
        return self.code in _OF_THE_STOP or (self.code in _GENERAL and 400 <= self.status < 500)

    def error(self, archive: str, url: str) -> ServiceError:
        """Return the exception to raise; ``url`` must not contain secrets."""
        kind = ServerError if self.status >= 500 else ServiceRefused
        return kind(archive, url, self.text, self.status)

    @property
    def text(self) -> str:
        """The message of the server, followed by the HAPI status code if the message does not contain it."""
        known = self.code is None or str(self.code) in self.words
        return self.words if known else f"{self.words} (HAPI {self.code})".strip()


def refusal(status: int, phrase: str, content: bytes) -> Refusal | None:
    """Return the error in a response; `None` for records, and for a response without records in the range."""
    code, message = _said(content)
    words = message or server_message(content) if status >= 400 or code is not None else ""
    if code is None and status >= 400:
        found = _CODE.search(phrase) or _CODE.search(words)
        code = int(found[1]) if found else None
    if code == NO_DATA or (status < 400 and code in (None, OK)):
        return None
    return Refusal(status, code, words or server_message(phrase.encode()))


def _said(content: bytes) -> tuple[int | None, str]:
    """Return code and message of a response that is a JSON object with a status."""
    if content[:1].isspace():
        content = content.lstrip()
    if not content.startswith(b"{") or len(content) > _LONGEST:
        return None, ""
    try:
        code, message = status_of(kept_json(content))
    except ValueError:
        return None, ""
    return code, server_message(json.dumps(message).encode())


def is_success(code: int | None) -> bool:
    """Return whether an answer with a status code is not an error; `None` is an answer without one."""
    return code in (None, OK, NO_DATA)


def status_of(answer: Any) -> tuple[int | None, str]:
    """Return the HAPI status code (`None` if missing; text is converted) and message of any decoded JSON."""
    status = answer.get("status") if isinstance(answer, Mapping) else None
    if not isinstance(status, Mapping):
        return None, ""
    try:
        code = int(status.get("code", ""))
    except (TypeError, ValueError):
        return None, str(status.get("message", ""))
    return code, str(status.get("message", ""))
