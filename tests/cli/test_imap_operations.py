"""Test the commands for members of the mission."""

from __future__ import annotations

import base64
import json

import pytest

from sunpy_helio_plugins import sandbox
from sunpy_helio_plugins.sandbox.imap import operations, service

TOKEN = base64.b64encode(f"{operations.USER}:{operations.PASSWORD}".encode()).decode()
MANIFEST = "imap_mag_data-release-001_20260110_20260112_v001.txt"


@pytest.fixture
def own(monkeypatch, tmp_path):
    """Return an embedded archive that no other test uses."""
    with sandbox.Archive(0, ("imap",)) as running, sandbox.use(running.url):
        monkeypatch.setenv("IMAP_DATA_DIR", str(tmp_path))
        yield running


def test_webpoda_writes_the_files_of_days(own, run, tmp_path):
    line = f"imap --webpoda-token {TOKEN} webpoda --instrument mag --start-date 20260110 --json"
    planned = run(f"{line} --dry-run")
    assert not list(tmp_path.rglob("*.pkts"))
    done = run(line)
    assert (planned.exit_code, done.exit_code) == (0, 0)
    (file,) = json.loads(done.stdout)["files"]
    assert file == {
        "file": str(tmp_path / "imap/mag/l0/2026/01/imap_mag_l0_raw_20260109_v001.0001.pkts"), "state": "new",
        "sent": False,
    }  # fmt: skip
    assert json.loads(planned.stdout)["files"] == [file | {"state": "planned"}]
    assert TOKEN not in done.output


def test_webpoda_by_the_time_of_the_spacecraft_uploads_what_is_new(own, run, monkeypatch):
    monkeypatch.setenv("IMAP_WEBPODA_TOKEN", TOKEN)
    line = "webpoda --instrument swapi --start-date 2026-01-10 --end-date 20260111 --query-mode sct --upload-to-sdc"
    done = run(f"imap --api-key {service.API_KEY} {line}")
    assert done.exit_code == 0
    assert [text.split()[0] for text in done.stdout.splitlines()] == ["new", "new"]
    assert done.stdout.count("(uploaded)") == 2
    again = run(f"imap --api-key {service.API_KEY} {line}")
    assert [text.split()[0] for text in again.stdout.splitlines()] == ["unchanged", "unchanged"]


def test_webpoda_tells_what_was_not_uploaded(own, run, monkeypatch):
    monkeypatch.setenv("IMAP_WEBPODA_TOKEN", TOKEN)
    line = "webpoda --instrument swapi --start-date 2026-01-10 --upload-to-sdc"
    done = run(f"imap --api-key {service.READ_KEY} {line}")
    assert done.exit_code == 1
    assert "read-only" in done.stderr


def test_reprocess(own, run):
    line = (
        "reprocess --start-date 20260110 --end-date 2026-01-12 --instrument mag --data-level l1a --descriptor burst-raw"
    )
    planned = run(f"imap {line} --dry-run")
    assert planned.stdout.startswith("Would send POST http")
    assert "descriptor=burst-raw reprocessing=True" in planned.stdout
    assert not own.log
    done = run(f"imap --api-key {service.API_KEY} {line}")
    assert done.stdout == "Reprocessing of 20260110 to 20260112 was started.\n"
    assert own.log[-1].query["end_date"] == "20260112"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("reprocess --start-date 20260112 --end-date 20260110", "is before the start"),
        ("reprocess --start-date 20260110 --end-date 20260112 --instrument mug", "not 'mug'"),
        ("reprocess --start-date 20260110 --end-date 20260112", "set IMAP_API_KEY"),
        ("webpoda --instrument mag --start-date 20260110", "set IMAP_WEBPODA_TOKEN"),
        ("webpoda --instrument l1const --start-date 20260110", "'l1const' is not one of"),
        ("release --release-type release --manifest-file absent.txt", "is not the name of a manifest"),
        (f"release --release-type release --manifest-file {MANIFEST}", "it does not exist"),
    ],
)
def test_wrong_use_sends_nothing(own, run, line, said):
    done = run(f"imap {line}")
    assert done.exit_code == 2
    assert said in done.stderr
    assert not own.log


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "does not contain the path of a file"), (b"\xff", "is not a text"), (b"no file\n", "is not a science or")],
)
def test_a_wrong_manifest_is_wrong_use(own, run, tmp_path, content, said):
    (tmp_path / MANIFEST).write_bytes(content)
    done = run(f"imap --api-key {service.API_KEY} release --release-type early-release --manifest-file {MANIFEST}")
    assert done.exit_code == 2
    assert said in done.stderr
    assert not own.log


def test_release(own, run, tmp_path):
    (tmp_path / MANIFEST).write_text("imap/mag/l2/2026/01/imap_mag_l2_norm-gse_20260112_v001.0002.cdf\n")
    line = f"release --release-type release --manifest-file {MANIFEST} --wait 0"
    assert "manifest_file=imap_mag_data-release-001" in run(f"imap {line} --dry-run").stdout
    assert not own.log
    done = run(f"imap --api-key {service.API_KEY} {line}")
    assert done.stdout == "Successfully released 5 science files and 0 ancillary files.\n"
