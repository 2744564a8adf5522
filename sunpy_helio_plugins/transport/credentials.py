"""
Keys, tokens and passwords: where they are found, how they are sent, and where they never go.

An archive declares a `Login`: how it wants to be signed in to, and where its secrets may be found. Secrets are looked
up when they are needed, in this order: what `sign_in` was given, environment variables, the netrc file, the system's
keyring. They are sent to the login's own origin alone, and only over TLS or loopback; they are kept in memory, and in
no URL, log, repr, pickle or file.
"""

from __future__ import annotations

import base64
import contextlib
import netrc
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.transport.secrets import Secret, _used
from sunpy_helio_plugins.transport.urls import is_private, same_origin

__all__ = ["Login", "forget", "netrc_file", "netrc_login", "sign_in", "signed_in"]

EARLY = 30.0
"""Seconds before its end at which a token is renewed; never more than a tenth of its life."""

SHORTEST = 8
"""Characters that a secret must have for it to be looked for in the words of others."""

_given: dict[str, tuple[Secret, ...]] = {}

_tokens: dict[tuple[str, str, str], _Token] = {}

_lock = threading.Lock()


def _new_process() -> None:
    """Give a forked process a lock of its own: a thread that it does not have may have held the parent's."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_process)


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
        if secrets is None:
            return {}
        signed = self._signed(secrets)
        _used.update(value.split()[-1] for value in signed.values())
        # Names of users and clients are no secrets: only what comes last is.
        _used.add(secrets[-1].reveal())
        _used.difference_update({text for text in _used if len(text) < SHORTEST})
        return signed

    def renew(self) -> bool:
        """Forget a token that was refused; tell whether another may be had."""
        secrets = self.secrets()
        if self.kind != "oauth2" or secrets is None:
            return False
        with _lock:
            return _tokens.pop(self._token_key(secrets), None) is not None

    def _signed(self, secrets: tuple[Secret, ...]) -> dict[str, str]:
        if self.kind in ("header", "bearer") and not secrets[0].reveal().isascii():
            raise QueryError(f"The key or token for {self.name!r} holds letters that no key has; it was not sent.")
        if self.kind == "header":
            return {self.header: secrets[0].reveal()}
        if self.kind == "bearer":
            return {"Authorization": f"Bearer {secrets[0].reveal()}"}
        if self.kind == "oauth2":
            return {"Authorization": f"Bearer {self._token(secrets).reveal()}"}
        return {"Authorization": f"Basic {_pair(secrets)}"}

    def _environment(self) -> tuple[Secret, ...] | None:
        for names in self.variables:
            values = [os.environ.get(name, "") for name in names]
            if all(values):
                return tuple(map(Secret, values))
        return None

    def _netrc(self) -> tuple[Secret, ...] | None:
        found = _from_netrc(self.origin)
        return None if found is None else found[-self.parts :]

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

        return _Token.of(oauth2.client_credentials(self.name, self.token_url, secrets[0], secrets[1], self.scope))


@dataclass(frozen=True)
class _Token:
    """A bearer token and the moment, on the monotonic clock, at which it is to be renewed."""

    text: Secret
    renew_at: float = field(default=float("inf"))

    @classmethod
    def of(cls, answer: dict[str, Any]) -> _Token:
        """Take the token's life from the answer."""
        try:
            life = max(float(answer.get("expires_in") or "inf"), 0.0)
        except (TypeError, ValueError):
            life = float("inf")
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
        _used.clear()
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


def netrc_file() -> str | None:
    """Return the netrc file, if there is one."""
    given = os.environ.get("NETRC")
    places = [given] if given else ["~/.netrc", "~/_netrc"]
    return next((path for place in places if os.path.isfile(path := os.path.expanduser(place))), None)


def netrc_login(url: str) -> Login | None:
    """
    Return a login by user and password where the netrc file has an entry for the host.

    Parameters
    ----------
    url : str
        An address of the archive.
    """
    return Login(urlsplit(url).hostname or "", url) if _from_netrc(url) else None


def _from_netrc(url: str) -> tuple[Secret, Secret] | None:
    """
    Return the user and password that the netrc file has for a host.

    An entry ``default`` is not taken: people keep one for anonymous FTP, and it would go to every archive.
    """
    try:
        path = netrc_file()
        entry = netrc.netrc(path).hosts.get(urlsplit(url).hostname or "") if path is not None else None
    except (netrc.NetrcParseError, OSError, RuntimeError, ValueError):
        # A file that cannot be read holds nothing for us, as requests sees it too.
        return None
    if entry is None or not entry[2]:
        return None
    return Secret(entry[0] or entry[1] or ""), Secret(entry[2])


def _pair(secrets: tuple[Secret, ...]) -> str:
    """Return user and password as RFC 7617 wants them, in UTF-8."""
    return base64.b64encode(":".join(part.reveal() for part in secrets).encode()).decode()
