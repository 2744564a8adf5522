"""The fixture of the examples in docstrings, which run on the embedded archive and in a temporary folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _example(request: pytest.FixtureRequest) -> Iterator[None]:
    """Prepare an example: an archive without a network, a folder for its files, and an empty cache."""
    if not isinstance(request.node, pytest.DoctestItem):
        yield
        return
    import matplotlib.pyplot as plt

    from sunpy_helio_plugins import conf, sandbox
    from sunpy_helio_plugins.transport import credentials

    monkeypatch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
    folder: Path = request.getfixturevalue("tmp_path")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "120")
    with sandbox.serve(), conf.set_temp("cache_dir", str(folder / "cache")), conf.set_temp("cache", True):
        monkeypatch.setenv("IMAP_DATA_DIR", str(folder))
        yield
    plt.close("all")
    credentials.forget()
