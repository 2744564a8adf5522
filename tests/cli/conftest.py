"""Fixtures for the tests of the command."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from sunpy_helio_plugins.cli.main import command


@pytest.fixture
def run(tmp_path, monkeypatch) -> Callable[..., Any]:
    """Return a function that runs a command line in an empty folder, and returns click's result."""
    monkeypatch.chdir(tmp_path)

    def ran(line: str | list[str], stdin: str | bytes | None = None) -> Any:
        words = shlex.split(line) if isinstance(line, str) else line
        return CliRunner().invoke(command, words, input=stdin, prog_name="sunpy-helio")

    return ran
