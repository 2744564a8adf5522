"""
Exchange OAuth2 client credentials for a token, through authlib.

authlib is maintained, widely used, and has the fewest requirements of the libraries that do this.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sunpy_helio_plugins.errors import (
    AnswerError,
    MissingDependencyError,
    QueryError,
    ServiceError,
    ServiceRefused,
)
from sunpy_helio_plugins.quantities.exact import exact_json
from sunpy_helio_plugins.transport.connections import new_session
from sunpy_helio_plugins.transport.exchange import Exchange, Response
from sunpy_helio_plugins.transport.messages import server_message
from sunpy_helio_plugins.transport.retry import TRANSIENT
from sunpy_helio_plugins.transport.secrets import Hidden
from sunpy_helio_plugins.transport.urls import is_private, permit, public_url

if TYPE_CHECKING:
    from requests.auth import AuthBase

    from sunpy_helio_plugins.transport.secrets import Secret

__all__ = ["client_credentials"]


def client_credentials(name: str, token_url: str, identity: Secret, secret: Secret, scope: str) -> dict[str, Any]:
    """
    Request a token (RFC 6749, section 4.4), and return the answer with ``access_token`` and often ``expires_in``.

    Parameters
    ----------
    name : str
        The archive's short name, for messages.
    token_url : str
        The address of the token endpoint.
    identity, secret : Secret
        The client's id and secret; revealed only where they are sent, since tracebacks may print variables.
    scope : str
        The scope; empty for none.

    Raises
    ------
    MissingDependencyError
        authlib is not installed.
    QueryError
        The address is without TLS and not on this machine; or the embedded archive is running, and the address is not
        on this machine.
    ServiceError
        The response does not contain a token.
    """
    permit(token_url)
    if not is_private(token_url):
        raise QueryError(f"{public_url(token_url)} is without TLS: the credentials were not sent.")
    endpoint = _TokenEndpoint(f"The sign-in of {name}", token_url, Hidden([secret]))
    client = _client(name, endpoint, identity, secret, scope)
    failure: ServiceError | None = None
    try:
        answer: dict[str, Any] = client.fetch_token(token_url, grant_type="client_credentials")
    except ServiceError as error:
        failure = error.with_traceback(None)
    except Exception as error:  # noqa: BLE001 - authlib's and json's errors share no base
        failure = endpoint.refusal(error)
    # Its attributes contain the secret: a traceback would show them.
    del client
    if failure is not None:
        # Outside the except clause: authlib's error, which would be the context, contains the request.
        raise failure
    if not isinstance(answer.get("access_token"), str):
        raise endpoint.error(AnswerError, "the answer does not contain a token")
    if not answer["access_token"].strip().isprintable():
        raise endpoint.error(AnswerError, "the token contains control characters or line ends")
    return answer


def _client(name: str, endpoint: _TokenEndpoint, identity: Secret, secret: Secret, scope: str) -> Any:
    """Return authlib's client, which sends its requests through an endpoint."""
    try:
        from authlib.integrations.requests_client.oauth2_session import OAuth2ClientAuth
        from authlib.oauth2.client import OAuth2Client
    except ImportError:
        raise MissingDependencyError(f"Signing in to {name}", "oauth2") from None
    client = OAuth2Client(
        endpoint,
        identity.reveal(),
        secret.reveal(),
        token_endpoint_auth_method="client_secret_post",  # noqa: S106 - the name of a method
        scope=scope or None,
    )
    client.client_auth_class = OAuth2ClientAuth
    return client


class _TokenEndpoint:
    """The part of a session that authlib uses, on the requests of this package."""

    def __init__(self, archive: str, url: str, hidden: Hidden) -> None:
        self._archive, self._url, self._hidden = archive, url, hidden
        self._status: int | None = None

    def post(self, url: str, *, data: dict[str, str], headers: dict[str, str], auth: AuthBase) -> _TokenAnswer:
        """Send a request for a token; it may be repeated, since an unused token has no effect."""
        with new_session() as session:
            # A redirect would carry the secret along.
            exchange = Exchange(
                self._archive, url, dict(headers), max_bytes=_LARGEST, method="POST", content={"data": data}, auth=auth,
                session=session, follows=False, hidden=self._hidden,
            )  # fmt: skip
            answer = exchange.run(_ANSWERS)
        self._status = answer.status
        return _TokenAnswer(exchange, answer)

    def refusal(self, error: Exception) -> ServiceError:
        """Return the error for a response without a token; it does not contain parts of the request."""
        if isinstance(error, ValueError):
            return self.error(AnswerError, "the answer is not a token")
        problem = getattr(error, "description", "") or getattr(error, "error", "") or "no token was sent"
        return self.error(ServiceRefused, server_message(str(problem).encode()))

    def error(self, kind: type[ServiceError], problem: str) -> ServiceError:
        """Return an error about the last answer."""
        return kind(self._archive, public_url(self._url), self._hidden.text(problem), self._status)


_LARGEST = 100_000
"""Bytes of the largest answer with a token; a header cannot contain more."""

_ANSWERS = frozenset(range(200, 300)) | (frozenset(range(400, 500)) - TRANSIENT)
"""Statuses of answers that authlib reads: a refusal is a JSON object as well."""


@dataclass(frozen=True)
class _TokenAnswer:
    """The part of a response that authlib uses."""

    exchange: Exchange
    answer: Response

    @property
    def status_code(self) -> int:
        return self.answer.status

    def json(self) -> Any:
        try:
            return exact_json(self.answer.text())
        except ValueError:
            # Releases of authlib differ in whether they look at the status first.
            self.raise_for_status()
            raise

    def raise_for_status(self) -> None:
        if self.answer.status >= 400:
            raise self.exchange.refusal(self.answer)
