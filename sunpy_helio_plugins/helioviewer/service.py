"""
Questions to Helioviewer's API, version 2.

Its errors arrive in several forms: a page under status 400, an object with ``error`` under 500 or 200, and, where the
rate limit is reached, a page under 200. The last is waited out, as a minute later the same question is answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import AnswerError
from sunpy_helio_plugins.helioviewer.jp2.boxes import is_rate_limit
from sunpy_helio_plugins.helioviewer.query import PROVIDER
from sunpy_helio_plugins.transport import exchange, metadata, retry

__all__ = ["address", "ask", "ask_object"]


def address(action: str, fields: Mapping[str, str] | None = None) -> str:
    """
    Return the address of an action.

    Parameters
    ----------
    action : str
        The action.
    fields : mapping, optional
        Its parameters.
    """
    url = f"{conf.helioviewer.api_url.rstrip('/')}/{action}/"
    return f"{url}?{urlencode(fields)}" if fields else url


def ask(action: str, fields: Mapping[str, str] | None = None) -> Any:
    """
    Ask the API.

    Parameters
    ----------
    action : str
        The action.
    fields : mapping, optional
        Its parameters.

    Returns
    -------
    object
        The decoded JSON.

    Raises
    ------
    ServiceError
        The API does not answer, or with an error, also one under HTTP status 200.
    """
    answer = _answer(action, fields)
    decoded = answer.json()
    if isinstance(decoded, dict) and decoded.get("error"):
        raise AnswerError(PROVIDER, answer.url, str(decoded["error"]), answer.status)
    return decoded


def ask_object(action: str, fields: Mapping[str, str] | None = None) -> dict[str, Any]:
    """
    Ask the API for an object of JSON.

    Parameters
    ----------
    action, fields
        As for `ask`.

    Raises
    ------
    ServiceError
        As for `ask`, and where something else comes.
    """
    decoded = ask(action, fields)
    if not isinstance(decoded, dict):
        raise AnswerError(PROVIDER, address(action), f"an object was expected, {str(decoded)[:100]} came")
    return decoded


def _answer(action: str, fields: Mapping[str, str] | None) -> exchange.Response:
    """Request an action again while the rate limit is reached."""
    tries = retry.attempts(retry.budget_deadline())
    while True:
        answer = metadata.get(address(action), fields, archive=PROVIDER)
        if not is_rate_limit(answer.content) or not tries.wait(float(conf.helioviewer.rate_limit_wait)):
            return answer
