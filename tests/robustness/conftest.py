"""The hostile server, and journeys directed to it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from answers import ROUTES
from hostile import Hostile, hostile
from matrix import Matrix


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Keep the log of parfive and urllib3, which repeat each error, out of the report."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def faults_and_journeys() -> Iterator[Matrix]:
    """Run the server, with the settings directed to it."""
    with Matrix.running() as running:
        yield running


@pytest.fixture(scope="module")
def hostile_server() -> Iterator[Hostile]:
    """Run the server alone."""
    with hostile(ROUTES) as server:
        yield server
