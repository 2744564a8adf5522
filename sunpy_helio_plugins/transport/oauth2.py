"""
OAuth2 client credentials exchanged for a token, through authlib.

authlib is kept, is what most OAuth2 clients in Python stand on, and asks for the least of those that could do it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import (
    AnswerError,
    MissingDependencyError,
    QueryError,
    ServiceError,
    ServiceRefused,
    ServiceUnreachable,
)
from sunpy_helio_plugins.transport.messages import server_words
from sunpy_helio_plugins.transport.urls import is_private, permit, proxies, public_url

if TYPE_CHECKING:
    from sunpy_helio_plugins.transport.secrets import Secret

__all__ = ["client_credentials"]


def client_credentials(name: str, token_url: str, identity: Secret, secret: Secret, scope: str) -> dict[str, Any]:
    """
    Ask for a token (RFC 6749, section 4.4).

    Parameters
    ----------
    name : str
        The archive's short name, for messages.
    token_url : str
        Where tokens are given.
    identity, secret : Secret
        The client's id and secret; revealed where they are sent only, since tracebacks may print variables.
    scope : str
        The scope to ask for; empty for none.

    Returns
    -------
    dict
        The answer, with ``access_token`` and, where the server says so, ``expires_in`` in seconds.

    Raises
    ------
    MissingDependencyError
        authlib is not installed.
    QueryError
        The address is neither TLS nor on this machine; or the embedded archive serves, and it is not on this machine.
    ServiceError
        No token was given.
    """
    try:
        from authlib.integrations.requests_client import OAuth2Session
    except ImportError:
        raise MissingDependencyError(f"Signing in to {name}", "oauth2") from None
    if not is_private(token_url):
        raise QueryError(f"{public_url(token_url)} gives tokens without TLS: no credentials are sent there.")
    permit(token_url)
    archive, shown = f"The sign-in of {name}", public_url(token_url)
    way = "client_secret_post"
    failure: ServiceError | None = None
    session = OAuth2Session(identity.reveal(), secret.reveal(), scope=scope or None, token_endpoint_auth_method=way)
    with session:
        try:
            answer: dict[str, Any] = session.fetch_token(
                token_url,
                grant_type="client_credentials",
                timeout=(conf.connect_timeout, conf.read_timeout),
                # A redirect would carry the secret with it.
                allow_redirects=False,
                proxies=proxies(token_url),
            )
        except Exception as error:  # noqa: BLE001 - authlib's, requests' and json's errors share no base
            failure = _refusal(archive, shown, error)
    if failure is not None:
        # Not from within the except clause: authlib's error, which this one would hold on to, has the request.
        raise failure
    if not isinstance(answer.get("access_token"), str):
        raise AnswerError(archive, shown, "the answer holds no token")
    return answer


def _refusal(archive: str, url: str, error: Exception) -> ServiceError:
    """Say why no token came, without anything that the request held."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return ServiceError(archive, url, server_words(error.response.content), error.response.status_code)
    # requests' own error for what is no JSON is also one of connections.
    if isinstance(error, requests.JSONDecodeError) or (
        isinstance(error, ValueError) and not isinstance(error, requests.RequestException)
    ):
        return AnswerError(archive, url, "the answer is no token")
    if isinstance(error, requests.RequestException):
        return ServiceUnreachable(archive, url, f"no answer came ({type(error).__name__})")
    words = getattr(error, "description", "") or getattr(error, "error", "") or "no token was given"
    return ServiceRefused(archive, url, server_words(str(words).encode()))
