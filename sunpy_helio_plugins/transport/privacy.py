"""Requests that add nothing of their own accord, and whose addresses stay out of the log."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator

import requests

from sunpy_helio_plugins.transport.urls import public_url

__all__ = ["Unsigned", "unlogged"]


class Unsigned(requests.auth.AuthBase):
    """Keeps requests from adding what the netrc file has for a host; proxies and certificates stay as they are."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Return the request as it is."""
        return request


@contextlib.contextmanager
def unlogged(url: str) -> Iterator[None]:
    """
    Keep a link that is itself a permission out of urllib3's log at DEBUG, which shows whole addresses.

    Parameters
    ----------
    url : str
        What is asked within the block, by this thread; one without secrets is logged as ever.
    """
    if public_url(url) == url:
        yield
        return
    log, thread = logging.getLogger("urllib3.connectionpool"), threading.get_ident()

    def is_shown(record: logging.LogRecord) -> bool:
        return record.thread != thread or record.levelno > logging.DEBUG

    log.addFilter(is_shown)
    try:
        yield
    finally:
        log.removeFilter(is_shown)
