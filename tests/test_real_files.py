"""Test the list of real files, and the command that fetches them, with a server on loopback."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

spec = importlib.util.spec_from_file_location("real_files", ROOT / "tools" / "real_files.py")
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)

LISTED = tool.load()
CONTENTS = {"her/one.json": b"[]", "imap/two.cdf": b"\xcd\xf3\x00\x01"}


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Return a list whose collection is on loopback, and the folder of it; one file has an original that is gone."""
    pytest.importorskip("pooch")
    folder = tmp_path / "published"
    for name, content in CONTENTS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    listed = tool.make(folder, {"collection": address, "files": {}})
    listed["files"]["her/one.json"]["origin"] = f"{address}gone.json"
    path = tmp_path / "list.json"
    path.write_text(json.dumps(listed))
    yield path, folder
    server.shutdown()
    server.server_close()


def test_files_are_fetched_from_the_original_or_the_collection(published, tmp_path, capsys):
    path, _ = published
    assert tool.main(["fetch", str(tmp_path / "here")], path) == 0
    assert capsys.readouterr().out == f"export HELIO_TEST_DATA={tmp_path / 'here'}\n"
    assert {name: (tmp_path / "here" / name).read_bytes() for name in CONTENTS} == CONTENTS


def test_files_that_are_here_are_not_fetched_again(published, tmp_path):
    path, folder = published
    assert tool.main(["fetch", str(tmp_path / "here")], path) == 0
    for name in CONTENTS:
        (folder / name).unlink()
    assert tool.main(["fetch", str(tmp_path / "here")], path) == 0


def test_a_file_with_another_digest_is_not_kept(published, tmp_path, capsys):
    path, folder = published
    (folder / "imap" / "two.cdf").write_bytes(b"changed")
    assert tool.main(["fetch", str(tmp_path / "here")], path) == 1
    assert "imap/two.cdf: http://127.0.0.1" in capsys.readouterr().err
    assert [one.name for one in (tmp_path / "here" / "imap").iterdir()] == []


def test_a_changed_file_is_reported(published, tmp_path, capsys):
    path, folder = published
    (folder / "imap" / "two.cdf").write_bytes(b"\xcd\xf3\x00\x02")
    (folder / "her" / "one.json").unlink()
    assert tool.main(["check", str(folder)], path) == 1
    assert capsys.readouterr().err == "her/one.json: missing\nimap/two.cdf: another digest\n"


def test_licences_and_origins_survive_a_new_list(published):
    path, folder = published
    listed = json.loads(path.read_text())
    listed["files"]["her/one.json"]["licence"] = "MIT"
    made = tool.make(folder, listed)["files"]["her/one.json"]
    assert made == {**listed["files"]["her/one.json"], "sha256": hashlib.sha256(b"[]").hexdigest()}


@pytest.mark.parametrize("name", LISTED["files"])
def test_each_file_has_a_size_a_digest_and_a_licence(name):
    entry = LISTED["files"][name]
    assert set(entry) - {"origin"} == {"size", "sha256", "licence"}
    assert len(bytes.fromhex(entry["sha256"])) == 32
    assert entry["size"] > 0
    assert entry["licence"]


def test_originals_are_addressed_by_a_commit():
    origins = [entry["origin"] for entry in LISTED["files"].values() if "origin" in entry]
    assert len(origins) > 15
    assert [one for one in origins if not tool_commit(one)] == []


def tool_commit(address: str) -> bool:
    """Return whether an address of a file in a repository contains a complete commit, which cannot change."""
    part = address.removeprefix("https://raw.githubusercontent.com/").split("/")[2]
    return len(part) == 40 and int(part, 16) > 0


def test_the_folder_of_real_files_is_that_of_the_list(real_data):
    assert list(tool.differences(real_data, LISTED)) == []
