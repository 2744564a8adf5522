"""File systems without hard links, full, or read-only: right files, or one error that names the path."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from journeys import JOURNEYS
from matrix import Matrix

from sunpy_helio_plugins.errors import HelioPluginsError

WRITING = ("hapi.fetch", "imap.fetch", "helioviewer.fetch", "her.fetch")


def result_of(found: Matrix, name: str, folder: Path) -> Any:
    found.right_of(name)
    found.server.set(None, broken=JOURNEYS[name].broken)
    return found.run(JOURNEYS[name], folder, exist_ok=True)


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK])
@pytest.mark.parametrize("name", WRITING)
def test_files_are_published_without_hard_links(
    name: str, code: int, faults_and_journeys: Matrix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults_and_journeys.right_of(name)

    def refuse(*args: Any, **options: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", refuse)
    run = result_of(faults_and_journeys, name, tmp_path)
    assert run.error is None
    assert run.result == faults_and_journeys.right[name].result
    assert list(tmp_path.rglob(".*")) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_leaves_no_file(
    faults_and_journeys: Matrix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults_and_journeys.right_of("imap.fetch")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    run = result_of(faults_and_journeys, "imap.fetch", tmp_path)
    assert run.error is None or isinstance(run.error, HelioPluginsError)
    said = " ".join(run.said) + str(run.error or "")
    assert "the disk is full" in said
    assert "imap_mag" in said or str(tmp_path) in said
    assert list(tmp_path.rglob("*.*")) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_folder_is_named(faults_and_journeys: Matrix, tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0o500)
    run = result_of(faults_and_journeys, "imap.fetch", folder)
    folder.chmod(0o700)
    said = " ".join(run.said) + str(run.error or "")
    assert "closed" in said or "imap_mag" in said
    assert list(folder.iterdir()) == []
