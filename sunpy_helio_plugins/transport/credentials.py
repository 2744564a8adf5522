"""
Keys, tokens and passwords.

An archive declares a `Login`: how to sign in, and where to look for the secrets. They are looked up when they are
needed, in this order: the arguments of `sign_in`, environment variables, the netrc file, the system's keyring. They
are sent to the login's own origin only, over TLS or loopback, and appear in no URL, log, repr, pickle or file.
"""

from __future__ import annotations

import base64
import contextlib
import netrc
import os
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from sunpy_helio_plugins.arguments import TEXT, close_names, taking
from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.transport.secrets import Secret
from sunpy_helio_plugins.transport.urls import is_private, same_origin

__all__ = ["Login", "forget", "known_names", "netrc_file", "netrc_login", "sign_in", "signed_in"]

EARLY = 30.0
"""Seconds before its end at which a token is renewed; at most a tenth of its lifetime."""

_given: dict[str, tuple[Secret, ...]] = {}

_tokens: dict[tuple[str, str, str], _Token] = {}

_lock = threading.Lock()

_locks: dict[tuple[str, str, str], threading.Lock] = {}


def _new_process() -> None:
    """Create new locks in a forked process: a thread of the parent may have locked the old ones."""
    global _lock
    _lock = threading.Lock()
    _locks.clear()


if hasattr(os, "register_at_fork"):  # pragma: no branch - not on Windows
    os.register_at_fork(after_in_child=_new_process)


@dataclass(frozen=True)
class Login:
    """
    How to sign in to one origin.

    Parameters
    ----------
    name : str
        The archive's short name, as in `sign_in`.
    origin : str
        An address of the archive; secrets are sent to its scheme, host and port only.
    kind : {"header", "bearer", "basic", "oauth2"}
        Whether the secret is sent in its own header, in ``Authorization`` as a bearer token or as user and password, or
        is exchanged for a bearer token by OAuth2 client credentials.
    variables : tuple of tuple of str, optional
        Environment variables with the secrets: each inner tuple is one complete set. A single variable for a user and a
        password contains the base64 of both with a colon between them.
    header : str, optional
        The header's name, for the kind "header".
    token_url : str, optional
        The address of the token endpoint, for the kind "oauth2".
    scope : str, optional
        The scope to request, for the kind "oauth2".
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
        """The number of secrets: one, or two (user and password, client id and client secret)."""
        return 2 if self.kind in ("basic", "oauth2") else 1

    def secrets(self) -> tuple[Secret, ...] | None:
        """Return the secrets, or `None` if there are none."""
        return _given.get(self.name) or self._environment() or self._netrc() or self._keyring()

    def advice(self, url: str, status: int) -> str:
        """Return the end of the message about a refused request: with which secrets it was signed, if it was."""
        if status not in (401, 403) or not same_origin(url, self.origin) or not self.known():
            return ""
        return f"; the request was signed with {self._source()}: check that this is right"

    def _source(self) -> str:
        """Return where the secrets are from."""
        variables = [" and ".join(names) for names in self.variables]
        known = next((text for text, names in zip(variables, self.variables, strict=True) if _are_set(names)), "")
        if self.name not in _given and known:
            return known
        place = f"sign_in({self.name!r}, ...)" if self.name in _given else "the keyring"
        if self.name not in _given and self._netrc() is not None:
            place = f"the netrc file for {urlsplit(self.origin).hostname}"
        return f"{place}, instead of {' or '.join(variables)}" if variables else place

    def known(self) -> bool:
        """Tell whether there are secrets for this login."""
        return self.secrets() is not None

    def headers(self, url: str) -> dict[str, str]:
        """
        Return the headers that sign a request to an address.

        There are none without secrets, for another origin, and for an address that is neither TLS nor loopback. An
        archive's token service that does not answer raises `ServiceError`.
        """
        if not same_origin(url, self.origin) or not is_private(url):
            return {}
        secrets = self.secrets()
        if secrets is None:
            return {}
        return self._signed(secrets)

    def renew(self) -> bool:
        """Discard a token that was refused; return whether another one is available."""
        secrets = self.secrets()
        if self.kind != "oauth2" or secrets is None:
            return False
        with _lock:
            return _tokens.pop(self._token_key(secrets), None) is not None

    def _signed(self, secrets: tuple[Secret, ...]) -> dict[str, str]:
        if self.kind in ("header", "bearer") and not secrets[0].reveal().isascii():
            raise QueryError(
                f"The key or token for {self.name!r} contains characters that a key cannot have; it was not sent."
            )
        if self.kind == "header":
            return {self.header: secrets[0].reveal()}
        if self.kind == "bearer":
            return {"Authorization": f"Bearer {secrets[0].reveal()}"}
        if self.kind == "oauth2":
            return {"Authorization": f"Bearer {self._token(secrets).text.reveal()}"}
        return {"Authorization": f"Basic {_pair(secrets)}"}

    def _environment(self) -> tuple[Secret, ...] | None:
        for names in self.variables:
            if _are_set(names):
                secrets = tuple(Secret(os.environ[name]) for name in names)
                return secrets if len(names) == self.parts else _unpaired(secrets[0], names[0])
        return None

    def _netrc(self) -> tuple[Secret, ...] | None:
        found = _from_netrc(self.origin)
        return None if found is None else found[-self.parts :]

    def _keyring(self) -> tuple[Secret, ...] | None:
        """Return the secrets of the system's keyring, if the keyring package is installed."""
        try:
            import keyring
            from keyring.errors import KeyringError
        except ImportError:
            return None
        try:
            entry = keyring.get_credential(f"sunpy_helio_plugins:{self.name}", None)
        except KeyringError:
            # The keyring does not exist or is locked.
            return None
        if entry is None:
            return None
        return (Secret(entry.username or ""), Secret(entry.password))[-self.parts :]

    def _token_key(self, secrets: tuple[Secret, ...]) -> tuple[str, str, str]:
        """Return the key of a token: another secret must not get the token of the right one."""
        identity = "\0".join(secret.reveal() for secret in secrets)
        return self.token_url, sha256(identity.encode()).hexdigest(), self.scope

    def token(self) -> tuple[Secret, float] | None:
        """Return the bearer token of the kind "oauth2" and its end in Unix time; `None` without secrets."""
        secrets = self.secrets()
        if secrets is None:
            return None
        token = self._token(secrets)
        return token.text, token.expires

    def _token(self, secrets: tuple[Secret, ...]) -> _Token:
        """Return a token that is still valid: all requests of this process share one."""
        key = self._token_key(secrets)
        with _lock:
            own = _locks.setdefault(key, threading.Lock())
        # Not the lock of all: a request for a token may wait and be repeated.
        with own:
            token = _tokens.get(key)
            if token is None or token.is_old():
                token = _tokens[key] = self._request_token(secrets)
            return token

    def _request_token(self, secrets: tuple[Secret, ...]) -> _Token:
        from sunpy_helio_plugins.transport import oauth2

        # The lifetime may begin with the request, and the response may come late.
        now = time.time()
        return _Token.of(oauth2.client_credentials(self.name, self.token_url, secrets[0], secrets[1], self.scope), now)


def _are_set(names: Iterable[str]) -> bool:
    return all(os.environ.get(name) for name in names)


@dataclass(frozen=True)
class _Token:
    """A bearer token, the time on the monotonic clock at which it must be renewed, and its end in Unix time."""

    text: Secret
    renew_at: float = float("inf")
    expires: float = float("inf")

    @classmethod
    def of(cls, answer: dict[str, Any], requested: float = 0.0) -> _Token:
        """Return the token of an answer to a request that was sent at a Unix time, with its lifetime."""
        try:
            lifetime = float(answer.get("expires_in") or "inf")
        except (TypeError, ValueError, OverflowError):
            lifetime = float("inf")
        # Neither a negative number nor NaN is a lifetime.
        lifetime = lifetime if lifetime >= 0 else 0.0
        renew_at = time.monotonic() + lifetime - min(EARLY, lifetime / 10)
        return cls(Secret(answer["access_token"]), renew_at, requested + lifetime)

    def is_old(self) -> bool:
        return time.monotonic() >= self.renew_at


@taking("sign_in", name=TEXT)
def sign_in(name: str, *secrets: str) -> None:
    """
    Set the secrets of an archive for the rest of this process; they take precedence over every other place.

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

    Examples
    --------
    >>> from sunpy_helio_plugins import imap, sign_in
    >>> sign_in("imap-webpoda", "sandbox-poda-user", "sandbox-poda-password")
    >>> imap.packets("mag", ("2026-01-10", "2026-01-11"), dry_run=True)
    [<PacketFile imap_mag_l0_raw_20260109_v001.0001.pkts: planned>]
    """
    kinds = [type(one).__name__ if not isinstance(one, str) else "an empty text" for one in secrets]
    is_valid = secrets and all(isinstance(secret, str) and secret for secret in secrets)
    given = tuple(map(Secret, secrets)) if is_valid else ()
    # A traceback may print all variables.
    del secrets
    if not given:
        got = ", ".join(kinds) or "nothing"
        raise QueryError(f"Signing in to {name!r} takes one or two texts that are not empty, but got: {got}.")
    known = known_names()
    if name not in known and (meant := close_names(name, known)):
        raise QueryError(f"sign_in does not know the archive {name!r}.{meant}")
    count = known.get(name, len(given))
    if len(given) != count:
        what = "one key or token" if count == 1 else "two texts: a user and a password, or a client id and its secret"
        raise QueryError(f"sign_in takes {what} for {name!r}, not {len(given)} texts.")
    for secret in given:
        secret.reveal()
    _given[name] = given


def known_names() -> dict[str, int]:
    """Return the names of the archives that have logins, with the number of their secrets."""
    servers = [str(entry).partition("=")[0].strip() for entry in conf.hapi.oauth2]
    return {"imap": 1, "imap-token": 1, "imap-webpoda": 2, "her": 2} | dict.fromkeys(servers, 2)


def forget(name: str | None = None) -> None:
    """Discard the secrets that `sign_in` set, of one archive or of all, and all tokens."""
    with _lock:
        _tokens.clear()
    if name is None:
        _given.clear()
    else:
        _given.pop(name, None)


@contextlib.contextmanager
def signed_in(name: str, *secrets: str) -> Iterator[None]:
    """Set the secrets of an archive within a block, as `sign_in` does."""
    before = _given.get(name)
    sign_in(name, *secrets)
    # An error within the block has this function in its traceback, which may print all variables.
    del secrets
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
    """Return a login by user and password if the netrc file has an entry for the host."""
    return Login(urlsplit(url).hostname or "", url) if _from_netrc(url) else None


def _from_netrc(url: str) -> tuple[Secret, Secret] | None:
    """
    Return the user and password of the netrc file for a host.

    An entry ``default`` is ignored: it is often for anonymous FTP, and would be sent to every archive.
    """
    try:
        path = netrc_file()
        entry = netrc.netrc(path).hosts.get(urlsplit(url).hostname or "") if path is not None else None
    except (netrc.NetrcParseError, OSError, RuntimeError, ValueError):
        # A file that cannot be read is ignored, as requests does.
        return None
    if entry is None or not entry[2]:
        return None
    return Secret(entry[0] or entry[1] or ""), Secret(entry[2])


def _unpaired(secret: Secret, variable: str) -> tuple[Secret, Secret]:
    """Decode user and password of a variable of the environment."""
    try:
        user, colon, password = base64.b64decode(secret.reveal(), validate=True).decode().partition(":")
    except ValueError:
        colon = ""
    if not colon:
        raise QueryError(f"{variable} is not the base64 of a user and a password with a colon between them.")
    return Secret(user), Secret(password)


def _pair(secrets: tuple[Secret, ...]) -> str:
    """Encode user and password by RFC 7617, in UTF-8."""
    return base64.b64encode(":".join(part.reveal() for part in secrets).encode()).decode()
