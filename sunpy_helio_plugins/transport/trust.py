"""Whom to trust over TLS: for files the same certificate bundles as for metadata."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache

__all__ = ["tls"]

_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Environment variables that requests takes a bundle from, in its order; aiohttp knows neither."""


def tls() -> ssl.SSLContext | bool:
    """
    Return what to hand to aiohttp for a secure connection.

    Returns
    -------
    ssl.SSLContext or bool
        A context that trusts the bundle which the environment names; `True`, aiohttp's own choice, where it names none.
    """
    bundle = next((os.environ[name] for name in _VARIABLES if os.environ.get(name)), None)
    return True if bundle is None else _trusting(bundle)


@lru_cache(maxsize=4)
def _trusting(bundle: str) -> ssl.SSLContext:
    is_folder = os.path.isdir(bundle)
    return ssl.create_default_context(cafile=None if is_folder else bundle, capath=bundle if is_folder else None)
