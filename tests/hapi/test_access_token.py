"""Test access tokens for other programs."""

from __future__ import annotations

import copy
import json
import pickle
import time
from typing import Any

import pytest
from astropy.time import Time

from sunpy_helio_plugins import conf, hapi
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.hapi.explore import AccessToken
from sunpy_helio_plugins.transport import credentials
from sunpy_helio_plugins.transport.credentials import signed_in
from sunpy_helio_plugins.transport.secrets import Secret

TEXT = "planted-token-5d3f"


@pytest.fixture
def issued(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that makes the token service answer with a lifetime."""

    def issue(**answer: Any) -> AccessToken:
        made = credentials._Token.of({"access_token": TEXT, **answer}, time.time())
        monkeypatch.setattr(credentials.Login, "_request_token", lambda self, secrets: made)
        credentials.forget()
        with signed_in("swe", "client", "secret"):
            return hapi.access_token("swe")

    return issue


def test_a_token_is_a_text_with_its_end(issued: Any) -> None:
    before = Time.now()
    token = issued(expires_in=300)
    assert token == TEXT
    assert f"Bearer {token}" == f"Bearer {TEXT}"
    assert json.dumps(token) == f'"{TEXT}"'
    assert (token.expires - before).to_value("s") == pytest.approx(300, abs=60)
    assert token.expires.scale == "utc"


@pytest.mark.parametrize("lifetime", [None, 0, "soon", 1e300])
def test_a_token_without_a_known_lifetime_has_no_end(issued: Any, lifetime: Any) -> None:
    assert issued(expires_in=lifetime).expires is None


def test_a_token_is_not_shown_by_accident() -> None:
    token = AccessToken(TEXT, Time("2026-01-10"))
    assert repr(token) == "<AccessToken: 18 characters, expires 2026-01-10T00:00:00.000Z>"
    assert repr(AccessToken(TEXT)) == "<AccessToken: 18 characters>"
    assert TEXT not in f"{token!r} {[token]} { ({'token': token}) } {token.expires!r} {vars(token)}"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(token)
    with pytest.raises(TypeError, match="cannot be pickled"):
        copy.deepcopy({"token": token})
    assert pickle.loads(pickle.dumps(f"{token}")) == TEXT


def test_a_server_without_tls_still_has_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """The token is not sent to it: it is returned, and requests to the token service need TLS."""
    monkeypatch.setattr(credentials.Login, "token", lambda self: (Secret(TEXT), float("inf")))
    with conf.hapi.set_temp("servers", ["swe=http://example.org/hapi"]):
        assert hapi.access_token("swe") == TEXT


def test_a_server_that_needs_none_is_refused() -> None:
    with pytest.raises(QueryError, match="does not require a token"):
        hapi.access_token("cdaweb")
