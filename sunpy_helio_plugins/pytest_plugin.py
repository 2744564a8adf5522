"""
Fixtures for tests of packages that use this one: ``pytest_plugins = ["sunpy_helio_plugins.pytest_plugin"]``.

They are not an entry point of pytest, which would rewrite the assertions of this package in every test run.

`helio_archive` directs all clients to the embedded archive, and `helio_isolation` refuses requests of this package to
other machines. Other packages are not affected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sunpy_helio_plugins.sandbox import Archive

__all__ = ["helio_archive", "helio_isolation"]


@pytest.fixture(scope="session")  # pragma: no cover - runs in a child process
def _helio_running() -> Iterator[Archive]:
    """Run one archive for all tests, without a change of settings."""
    from sunpy_helio_plugins import sandbox

    with sandbox.Archive(0, sandbox.SERVICES) as running:
        yield running


@pytest.fixture  # pragma: no cover - runs in a child process
def helio_archive(_helio_running: Archive) -> Iterator[Archive]:
    """
    Direct this package to the embedded archive during a test.

    ``helio_archive.log`` begins empty, and ``helio_archive.fault(...)`` lets the archive fail; at the end of the test
    all faults end and all settings are restored. The metadata that it caches are not used by other archives, since
    their addresses differ.

    Yields
    ------
    sunpy_helio_plugins.sandbox.Archive
        The running archive: the same for all tests.
    """
    from sunpy_helio_plugins import sandbox

    _helio_running.log.clear()
    with sandbox.use(_helio_running.url):
        yield _helio_running
        _helio_running.faults.clear()


@pytest.fixture  # pragma: no cover - runs in a child process
def helio_isolation() -> Iterator[None]:
    """Refuse every request of this package to another machine during a test, with an ``IsolationError``."""
    from sunpy_helio_plugins.config import isolation

    isolation.begin()
    yield
    isolation.end()
