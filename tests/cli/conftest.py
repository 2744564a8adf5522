"""Fixtures for the tests of the command."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from sunpy_helio_plugins.cli.main import command


@pytest.fixture
def run(tmp_path, tmp_path_factory, monkeypatch) -> Callable[..., Any]:
    """Return a function that runs a command line in an empty folder, and returns click's result."""
    from sunpy_helio_plugins.hapi.discovery import index

    monkeypatch.chdir(tmp_path)
    # The index of a process without a cache is that of this test only.
    folder = tmp_path_factory.mktemp("index")
    monkeypatch.setattr(index, "_temporary", lambda: folder)

    def ran(line: str | list[str], stdin: str | bytes | None = None) -> Any:
        words = shlex.split(line) if isinstance(line, str) else line
        return CliRunner().invoke(command, words, input=stdin, prog_name="sunpy-helio")

    return ran
