"""
Plugin for pytest, for the tests of packages that use sunpy_helio_plugins; it is loaded where this package is installed.

`helio_sandbox` directs all clients to the embedded archive, the marker ``helio_fault`` lets that archive fail, and
`helio_isolation`, or the option ``--helio-offline`` for a complete run, refuses requests of this package to other
machines.

It is a module of its own, since an import of sunpy_helio_plugins would register its clients in the tests of every
other package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sunpy_helio_plugins.sandbox import Archive

__all__ = ["helio_isolation", "helio_sandbox"]

_OFFLINE = "helio_offline"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option, and the setting of the same name."""
    text = "Refuse requests of sunpy_helio_plugins to other machines in all tests."
    parser.getgroup("sunpy_helio_plugins").addoption("--helio-offline", action="store_true", help=text)
    parser.addini(_OFFLINE, text, type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """Describe the marker."""
    config.addinivalue_line(
        "markers",
        "helio_fault(kind, **options): a fault of the embedded archive during a test that uses helio_sandbox;"
        " takes what Archive.fault takes.",
    )


def _is_offline(config: pytest.Config) -> bool:
    return bool(config.getoption(_OFFLINE) or config.getini(_OFFLINE))


def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin the isolation of a run."""
    if _is_offline(session.config):
        from sunpy_helio_plugins.config import isolation

        isolation.begin()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End the isolation of a run."""
    if _is_offline(session.config):
        from sunpy_helio_plugins.config import isolation

        isolation.end()


@pytest.fixture(scope="session")
def _helio_running() -> Iterator[Archive]:
    """Run one archive for all tests, without a change of settings."""
    from sunpy_helio_plugins import sandbox

    with sandbox.Archive(0, sandbox.SERVICES) as running:
        yield running


@pytest.fixture
def helio_sandbox(_helio_running: Archive, request: pytest.FixtureRequest) -> Iterator[Archive]:
    """
    Direct sunpy_helio_plugins to the embedded archive during a test.

    ``helio_sandbox.log`` begins empty, and ``helio_sandbox.fault(...)``, or a marker ``helio_fault``, lets the archive
    fail; at the end of the test all faults end and all settings are restored. The metadata that it caches are not used
    by other archives, since their addresses differ.

    Yields
    ------
    sunpy_helio_plugins.sandbox.Archive
        The running archive: the same for all tests.
    """
    from sunpy_helio_plugins import sandbox

    _helio_running.log.clear()
    with sandbox.use(_helio_running.url):
        for mark in reversed(list(request.node.iter_markers("helio_fault"))):
            _helio_running.fault(*mark.args, **mark.kwargs)
        yield _helio_running
        _helio_running.faults.clear()


@pytest.fixture
def helio_isolation() -> Iterator[None]:
    """Refuse every request of sunpy_helio_plugins to another machine in a test, with an ``IsolationError``."""
    from sunpy_helio_plugins.config import isolation

    isolation.begin()
    yield
    isolation.end()
