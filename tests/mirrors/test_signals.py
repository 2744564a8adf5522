"""Test mirrors, synchronized folders and downloads that a signal ends: what is complete is noted, and the run ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time

import pytest
from sunpy.net import attrs as a

from sunpy_helio_plugins import imap, mirror
from sunpy_helio_plugins.cli.main import main
from sunpy_helio_plugins.helioviewer.media import screenshots
from sunpy_helio_plugins.mirrors import query_run
from sunpy_helio_plugins.mirrors.query_run import MANIFEST

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")

DAY = "imap_mag_l2_norm-gse_20260110_v001.0002.cdf"


@pytest.fixture(autouse=True)
def _handlers(monkeypatch):
    """Set the handlers of the start of Python, and download one file at a time."""
    monkeypatch.setattr(query_run, "_AT_ONCE", 1)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@contextlib.contextmanager
def killed(archive, path, number=signal.SIGINT, skip=0):
    """Send a signal to this process in the middle of a response."""

    def kill():
        while not rule.played and not is_over.is_set():
            time.sleep(0.01)
        if rule.played:
            os.kill(os.getpid(), number)

    is_over = threading.Event()
    with archive.fault("hang_body", path=path, skip=skip, seconds=60) as rule:
        thread = threading.Thread(target=kill)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()


def test_a_mirror_ends_at_once_and_keeps_what_came(archive, plan, tmp_path):
    folder = tmp_path / "mirror"
    with killed(archive, "/imap/storage", skip=1), pytest.raises(KeyboardInterrupt):
        mirror(plan("mag", "wind"))
    assert [one.path for one in archive.log if one.path.startswith("/hapi")] == []
    made = json.loads((folder / "mag" / MANIFEST).read_text())
    assert [key.rpartition("/")[2] for key in made["files"]] == [DAY]
    told = json.loads((folder / "report.json").read_text())
    assert (told["code"], list(told["queries"])) == (1, ["mag"])
    assert len(told["queries"]["mag"]["new"]) == 1
    assert told["queries"]["mag"]["errors"][-1]["text"] == "The run was interrupted; the next one continues."
    assert sorted(folder.rglob("*.part")) == []
    one = mirror(plan("mag")).queries["mag"]
    assert (len(one.kept), len(one.new), one.errors) == (1, 2, [])


@pytest.mark.parametrize(
    ("number", "code", "said"), [(signal.SIGINT, 130, "Interrupted."), (signal.SIGTERM, 143, "Terminated.")]
)
def test_the_command_ends_with_the_code_of_the_signal(archive, plan, tmp_path, capsys, number, code, said):
    text = f'[mirror]\nfolder = "{tmp_path / "mirror"}"\n[queries.mag]\n'
    text += "".join(f'{key} = "{value}"\n' for key, value in plan("mag")["queries"]["mag"].items())
    (tmp_path / "plan.toml").write_text(text)
    with killed(archive, "/imap/storage", number, skip=1), pytest.raises(SystemExit) as ended:
        main(["mirror", str(tmp_path / "plan.toml")])
    out, err = capsys.readouterr()
    assert (ended.value.code, out, err.strip()) == (code, "", said)
    assert (tmp_path / "mirror" / "report.json").is_file()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


FLARE = "ivo://helio-informatics.org/FL_SWPC_20260110_014700_20260110011800"
COMMANDS = {
    "helioviewer fetch": ("helioviewer fetch 2026-01-10T11:58 2026-01-10T11:58:30 --source 13", "/helioviewer/jp2"),
    "her export": (f"her export {FLARE}", "/hek/her"),
    "her show": (f"her show {FLARE}", "/hek/her"),
}


@pytest.mark.parametrize(("line", "path"), COMMANDS.values(), ids=COMMANDS)
def test_a_command_that_downloads_ends_with_the_code_of_the_signal(archive, tmp_path, monkeypatch, capsys, line, path):
    monkeypatch.chdir(tmp_path)
    with killed(archive, path), pytest.raises(SystemExit) as ended:
        main(line.split())
    out, err = capsys.readouterr()
    assert (ended.value.code, out, err.strip()) == (130, "", "Interrupted.")
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


def test_a_synchronized_folder_notes_what_came(archive, tmp_path):
    query = a.Time("2026-01-10", "2026-01-12"), a.Instrument("mag"), a.imap.Descriptor("norm-gse")
    with killed(archive, "/imap/storage", skip=1), pytest.raises(KeyboardInterrupt):
        imap.sync(query, tmp_path, progress=False)
    made = json.loads((tmp_path / ".imap-manifest.json").read_text())
    noted = {key.rpartition("/")[2] for key in made["files"]}
    came = {path.name for path in tmp_path.rglob("*.cdf")}
    # A file may be complete when the interrupt ends its download: the next run accepts it.
    assert noted <= came
    result = imap.sync(query, tmp_path, progress=False)
    assert (len(result.kept), len(result.new), result.errors) == (len(came), 3 - len(came), [])


def test_a_download_of_one_file_is_interrupted(archive, tmp_path):
    with killed(archive, "/imap/storage"), pytest.raises(KeyboardInterrupt):
        imap.download(DAY, tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_screenshot_is_interrupted(archive, tmp_path):
    asked = {"date": "2026-01-10T12:00:00Z", "imageScale": "40", "layers": "[11,1,100]", "x0": "0", "y0": "0",
             "width": "64", "height": "64", "display": "true"}  # fmt: skip
    with killed(archive, "/helioviewer"), pytest.raises(KeyboardInterrupt):
        screenshots.fetched("takeScreenshot", asked, tmp_path / "shot.png", "png")
    assert list(tmp_path.iterdir()) == []
