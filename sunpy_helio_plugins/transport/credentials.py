"""
Keys, tokens and passwords: where they are found, how they are sent, and where they never go.

An archive declares a `Login`: how it wants to be signed in to, and where its secrets may be found. Secrets are looked
up when they are needed, in this order: what `sign_in` was given, environment variables, the netrc file, the system's
keyring. They are sent to the login's own origin alone, and only over TLS or loopback; they are kept in memory, and in
no URL, log, repr, pickle or file.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import urlsplit

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.transport.urls import is_private, same_origin

__all__ = ["Login", "Secret", "forget", "netrc_login", "sign_in", "signed_in"]

EARLY = 30.0
"""Seconds before its end at which a token is renewed; never more than a tenth of its life."""

_given: dict[str, tuple[Secret, ...]] = {}
_tokens: dict[tuple[str, str, str], _Token] = {}
_lock = threading.Lock()


class Secret:
    """
    A piece of text that does not show itself.

    Parameters
    ----------
    text : str
        The secret.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret is not pickled.")


@dataclass(frozen=True)
class Login:
    """
    How to sign in to one origin.

    Parameters
    ----------
    name : str
        The archive's short name, as `sign_in` takes it.
    origin : str
        An address of the archive; secrets are sent to its scheme, host and port alone.
    kind : {"header", "bearer", "basic", "oauth2"}
        Whether the secret goes into a header of its own, into ``Authorization`` as a bearer token or as a user and
        password, or is exchanged for a bearer token by OAuth2 client credentials.
    variables : tuple of tuple of str, optional
        Environment variables that hold the secrets: each inner tuple is one complete set.
    header : str, optional
        The header's name, for the kind "header".
    token_url : str, optional
        Where tokens are given, for the kind "oauth2".
    scope : str, optional
        The scope to ask for, for the kind "oauth2".
    """

    name: str
    origin: str
    kind: str = "basic"
    variables: tuple[tuple[str, ...], ...] = ()
    header: str = "Authorization"
    token_url: str = ""
    scope: str = ""

    @property
    def parts(self) -> int:
        """How many secrets the login takes: one, or two (user and password, client id and client secret)."""
        return 2 if self.kind in ("basic", "oauth2") else 1

    def secrets(self) -> tuple[Secret, ...] | None:
        """Return the secrets, or `None` where none are to be found."""
        return _given.get(self.name) or self._environment() or self._netrc() or self._keyring()

    def known(self) -> bool:
        """Tell whether there are secrets for this login."""
        return self.secrets() is not None

    def headers(self, url: str) -> dict[str, str]:
        """
        Return the headers that sign a request.

        Parameters
        ----------
        url : str
            The address of the request.

        Returns
        -------
        dict
            Empty where there are no secrets, the address is of another origin, or it is neither TLS nor loopback.

        Raises
        ------
        ServiceError
            The archive's token service did not give a token.
        """
        if not same_origin(url, self.origin) or not is_private(url):
            return {}
        secrets = self.secrets()
        return {} if secrets is None else self._signed(secrets)

    def renew(self) -> bool:
        """Forget a token that was refused; tell whether another may be had."""
        secrets = self.secrets()
        if self.kind != "oauth2" or secrets is None:
            return False
        with _lock:
            return _tokens.pop(self._token_key(secrets), None) is not None

    def _signed(self, secrets: tuple[Secret, ...]) -> dict[str, str]:
        if self.kind == "header":
            return {self.header: secrets[0].reveal()}
        if self.kind == "bearer":
            return {"Authorization": f"Bearer {secrets[0].reveal()}"}
        if self.kind == "oauth2":
            return {"Authorization": f"Bearer {self._token(secrets).reveal()}"}
        from requests.auth import _basic_auth_str

        return {"Authorization": _basic_auth_str(secrets[0].reveal(), secrets[1].reveal())}

    def _environment(self) -> tuple[Secret, ...] | None:
        for names in self.variables:
            values = [os.environ.get(name, "") for name in names]
            if all(values):
                return tuple(map(Secret, values))
        return None

    def _netrc(self) -> tuple[Secret, ...] | None:
        from requests.utils import get_netrc_auth

        found = get_netrc_auth(self.origin)
        if found is None:
            return None
        user, password = found
        return (Secret(user), Secret(password))[-self.parts :]

    def _keyring(self) -> tuple[Secret, ...] | None:
        """Look into the system's keyring, where the keyring package is installed."""
        try:
            import keyring
            from keyring.errors import KeyringError
        except ImportError:
            return None
        try:
            entry = keyring.get_credential(f"sunpy_helio_plugins:{self.name}", None)
        except KeyringError:
            # No keyring on this machine, or it stays locked: the same as none.
            return None
        if entry is None:
            return None
        return (Secret(entry.username or ""), Secret(entry.password))[-self.parts :]

    def _token_key(self, secrets: tuple[Secret, ...]) -> tuple[str, str, str]:
        return self.token_url, secrets[0].reveal(), self.scope

    def _token(self, secrets: tuple[Secret, ...]) -> Secret:
        """Return a token with life left in it: one serves all requests of this process."""
        key = self._token_key(secrets)
        with _lock:
            token = _tokens.get(key)
            if token is None or token.is_old():
                token = _tokens[key] = self._ask(secrets)
            return token.text

    def _ask(self, secrets: tuple[Secret, ...]) -> _Token:
        from sunpy_helio_plugins.transport import oauth2

        identity, secret = (part.reveal() for part in secrets)
        return _Token.of(oauth2.client_credentials(self.name, self.token_url, identity, secret, self.scope))


@dataclass(frozen=True)
class _Token:
    """A bearer token and the moment, on the monotonic clock, at which it is to be renewed."""

    text: Secret
    renew_at: float = field(default=float("inf"))

    @classmethod
    def of(cls, answer: dict[str, Any]) -> _Token:
        """Take the token's life from the answer."""
        life = float(answer.get("expires_in") or "inf")
        return cls(Secret(answer["access_token"]), time.monotonic() + life - min(EARLY, life / 10))

    def is_old(self) -> bool:
        return time.monotonic() >= self.renew_at


def sign_in(name: str, *secrets: str) -> None:
    """
    Give the secrets of an archive for the rest of this process; they win over every other place.

    Parameters
    ----------
    name : str
        The archive's short name, such as ``"imap"``, ``"swe"`` or ``"her"``.
    *secrets : str
        A key or token; or a user and a password; or a client id and a client secret.

    Raises
    ------
    QueryError
        No secret was given, or an empty one.
    """
    if not secrets or not all(isinstance(secret, str) and secret for secret in secrets):
        raise QueryError(f"Signing in to {name!r} takes one or two texts that are not empty.")
    _given[name] = tuple(map(Secret, secrets))


def forget(name: str | None = None) -> None:
    """
    Forget what `sign_in` was given, and all tokens.

    Parameters
    ----------
    name : str, optional
        The archive's short name. Defaults to all.
    """
    with _lock:
        _tokens.clear()
    if name is None:
        _given.clear()
    else:
        _given.pop(name, None)


@contextlib.contextmanager
def signed_in(name: str, *secrets: str) -> Iterator[None]:
    """
    Give the secrets of an archive for a block.

    Parameters
    ----------
    name, *secrets
        As for `sign_in`.
    """
    before = _given.get(name)
    sign_in(name, *secrets)
    try:
        yield
    finally:
        forget(name)
        if before is not None:
            _given[name] = before


def netrc_login(url: str) -> Login | None:
    """
    Return a login by user and password where the netrc file has an entry for the host.

    Parameters
    ----------
    url : str
        An address of the archive.
    """
    from requests.utils import get_netrc_auth

    return Login(urlsplit(url).hostname or "", url) if get_netrc_auth(url) else None
