"""
Requests to Helioviewer's API, version 2.

Its errors have several forms: a page with status 400, an object with ``error`` and status 500 or 200, and, when the
rate limit is reached, a page with status 200. The last is repeated after a wait, since the limit ends after a minute.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import AnswerError
from sunpy_helio_plugins.helioviewer.jp2.boxes import is_rate_limit
from sunpy_helio_plugins.helioviewer.query import PROVIDER
from sunpy_helio_plugins.helioviewer.servers import addresses
from sunpy_helio_plugins.transport import exchange, metadata, retry

__all__ = ["address", "ask", "ask_at", "ask_object"]


def address(action: str, fields: Mapping[str, str] | None = None) -> str:
    """Return the URL of an action of the API, with its parameters."""
    url = f"{conf.helioviewer.api_url.rstrip('/')}/{action}/"
    return f"{url}?{urlencode(fields)}" if fields else url


def ask(action: str, fields: Mapping[str, str] | None = None) -> Any:
    """Send a request to the API and return the decoded JSON; raise `ServiceError` for errors, even with status 200."""
    return _decoded(_answer(action, fields))


def ask_at(url: str) -> Any:
    """Send a request to an address of any server's API; see `ask`."""
    return _decoded(_sent(url, None))


def _decoded(answer: exchange.Response) -> Any:
    decoded = answer.json()
    if isinstance(decoded, dict) and decoded.get("error"):
        raise AnswerError(PROVIDER, answer.url, str(decoded["error"]), answer.status)
    return decoded


def ask_object(action: str, fields: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Send a request to the API and return a JSON object; raise `ServiceError` for errors and other types."""
    decoded = ask(action, fields)
    if not isinstance(decoded, dict):
        raise AnswerError(PROVIDER, address(action), f"expected an object, but got {str(decoded)[:100]}")
    return decoded


def _answer(action: str, fields: Mapping[str, str] | None) -> exchange.Response:
    """Send a request to the API, or to a mirror if it fails and any server gives the same answer."""
    if action in _MIRRORED:
        return addresses.first_answer(lambda server: _sent(addresses.action_url(server, action), fields))
    return _sent(address(action), fields)


_MIRRORED = frozenset({
    "getClosestImage", "getClosestImageDatesForSources", "getDataCoverage", "getDataSources", "getJP2Image",
})  # fmt: skip
"""Actions whose answer does not belong to one server, unlike the number of a movie or the status."""


def _sent(url: str, fields: Mapping[str, str] | None) -> exchange.Response:
    """Send a request, and repeat it while the rate limit is reached."""
    with retry.budget(conf.deadline, "conf.deadline"):
        tries = retry.attempts(retry.budget_deadline(), archive=PROVIDER)
        while True:
            answer = metadata.get(url, fields, archive=PROVIDER)
            wait = float(conf.helioviewer.rate_limit_wait)
            if not is_rate_limit(answer.content) or not tries.wait(wait, "its rate limit is reached"):
                return answer
