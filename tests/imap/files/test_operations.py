"""Test releases and reprocessing, with an archive of their own, which they change."""

from __future__ import annotations

import pytest
from sunpy.net import attrs as a

from sunpy_helio_plugins import IMAPClient, imap, sandbox
from sunpy_helio_plugins.errors import FileError, QueryError, ServiceRefused, ServiceUnreachable, TransferError
from sunpy_helio_plugins.imap.files import operations as module
from sunpy_helio_plugins.sandbox.imap import operations, service
from sunpy_helio_plugins.transport.exchange import Response

MANIFEST = "imap_mag_data-release-001_20260110_20260112_v001.txt"
GSE = "imap/mag/l2/2026/01/imap_mag_l2_norm-gse_20260112_v001.0002.cdf"
"""A file that is not released."""
RANGE = ("2026-01-10", "2026-01-12")


@pytest.fixture
def own():
    """Return an embedded archive that no other test uses."""
    with sandbox.Archive(0, ("imap",)) as running, sandbox.use(running.url):
        yield running


@pytest.fixture
def key(own, monkeypatch):
    monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
    return own


@pytest.fixture
def manifest(tmp_path):
    """Return a function that writes a manifest."""

    def write(*lines, name=MANIFEST):
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in lines) or "\n")
        return path

    return write


def released(monkeypatch, *words):
    """Return the paths that the public sees."""
    with monkeypatch.context() as patch:
        patch.delenv("IMAP_API_KEY", raising=False)
        return set(IMAPClient().search(*words, a.Instrument("mag"), a.imap.Version.all)["file_path"])


def publish(path, *args, **kwargs):
    return imap.release(path, *args, wait=0, progress=False, **kwargs)


class TestRelease:
    def test_the_latest_versions_become_public(self, key, manifest, monkeypatch):
        assert GSE not in released(monkeypatch)
        done = publish(manifest())
        assert done.sent
        assert done.answer == "Successfully released 6 science files and 0 ancillary files."
        assert GSE in released(monkeypatch)

    def test_files_in_the_manifest_are_withheld(self, key, manifest, monkeypatch):
        assert publish(manifest(GSE)).answer.startswith("Successfully released 5 science files")
        assert GSE not in released(monkeypatch)

    def test_the_number_and_the_range_are_sent_if_the_service_asks_for_them(self, key, manifest, monkeypatch):
        monkeypatch.setattr(operations, "NEEDS_NUMBER", True)
        done = publish(manifest(GSE))
        assert done.parameters == {
            "release_type": "release", "instrument": "mag", "start_date": "20260110", "end_date": "20260112",
            "release_number": "1", "exclude_file": MANIFEST,
        }  # fmt: skip
        assert done.answer.startswith("Successfully released 5 science files")

    def test_files_are_released_early_and_withdrawn(self, key, manifest, monkeypatch):
        early = manifest(GSE, name="imap_mag_early-release_20260112_20260112_v001.txt")
        assert publish(early, "early-release").answer.startswith("Successfully early released 1 science files")
        assert GSE in released(monkeypatch)
        back = manifest(GSE, name="imap_mag_unrelease_20260112_20260112_v001.txt")
        assert publish(back, "unrelease").answer.startswith("Successfully unreleased 1 science files")
        assert GSE not in released(monkeypatch)

    def test_a_dry_run_sends_nothing_and_needs_no_key(self, own, manifest):
        done = imap.release(manifest(GSE), dry_run=True)
        assert (done.method, done.sent, done.answer) == ("GET", False, "")
        assert done.parameters == {"release_type": "release", "manifest_file": MANIFEST}
        assert not own.log

    @pytest.mark.parametrize("variable", ["", "IMAP_ACCESS_TOKEN"])
    def test_a_key_is_needed(self, own, manifest, monkeypatch, variable):
        if variable:
            monkeypatch.setenv(variable, service.ACCESS_TOKEN)
        with pytest.raises(QueryError, match="A release needs an API key: set IMAP_API_KEY"):
            publish(manifest())
        assert not own.log

    def test_a_key_that_may_only_read_releases_nothing(self, own, manifest, monkeypatch):
        monkeypatch.setenv("IMAP_API_KEY", service.READ_KEY)
        with pytest.raises(TransferError, match=r"nothing was released.*read-only"):
            publish(manifest())
        assert {request.path for request in own.log} == {f"/imap/api-key/upload/{MANIFEST}"}

    def test_a_manifest_that_exists_needs_another_version(self, key, manifest):
        publish(manifest())
        with pytest.raises(TransferError, match="raise its version"):
            publish(manifest())

    def test_a_request_without_an_answer_is_not_repeated(self, key, manifest):
        with key.fault("reset", path="/imap/api-key/release"), pytest.raises(ServiceUnreachable):
            publish(manifest())
        assert [request.path for request in key.log].count("/imap/api-key/release") == 1

    def test_the_words_of_a_refusal_are_kept(self, key, manifest):
        empty = manifest(name="imap_idex_data-release-001_20300110_20300112_v001.txt")
        with pytest.raises(ServiceRefused, match="No files to release"):
            publish(empty)

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("notes.txt", "is not the name of a manifest"),
            ("imap_mag_data-release-001_20260110_v001.txt", "is not the name of a manifest"),
            ("imap_mag_data-release-001_20260110_20260112_v001.csv", "is not the name of a manifest"),
            ("imap_mug_data-release-001_20260110_20260112_v001.txt", "'mug'"),
            ("imap_mag_early-release_20260110_20260112_v001.txt", "does not contain the number"),
        ],
    )
    def test_names_that_are_none(self, key, manifest, name, said):
        with pytest.raises(QueryError, match=said):
            publish(manifest(name=name))
        assert not key.log

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("imap_mag_l2_norm-gse_20260112_v001.0002.cdf", "line 2: .* must be the path 'imap/mag/l2/2026/01/"),
            ("imap/mag/l2/2026/imap_mag_l2_norm-gse_20260112_v001.0002.cdf", "must be the path"),
            ("imap/spice/lsk/naif0012.tls", "not a science or ancillary file"),
            ("everything", "line 2: 'everything' is not a science"),
        ],
    )
    def test_lines_that_the_service_would_ignore(self, key, manifest, line, said):
        with pytest.raises(FileError, match=said):
            publish(manifest(GSE, line))
        assert not key.log

    def test_other_arguments_that_are_refused(self, key, manifest, tmp_path):
        with pytest.raises(QueryError, match="the kind is one of release, early-release, unrelease, not 'publish'"):
            publish(manifest(), "publish")
        early = manifest(name="imap_mag_early-release_20260112_20260112_v001.txt")
        with pytest.raises(FileError, match="which 'early-release' needs"):
            publish(early, "early-release")
        early.write_bytes(b"\xff")
        with pytest.raises(FileError, match="not a text in UTF-8"):
            publish(early, "early-release")
        with pytest.raises(FileError, match="data-release-002"):
            publish(tmp_path / "imap_mag_data-release-002_20260110_20260112_v001.txt")
        assert not key.log


class TestReprocess:
    def test_a_reprocessing_is_started_once(self, key):
        done = imap.reprocess(RANGE, "mag", level="l1a", descriptor="burst-raw")
        assert done.sent
        assert done.answer == "Reprocessing of 20260110 to 20260112 was started."
        (request,) = key.log
        assert (request.method, request.path) == ("POST", "/imap/api-key/reprocess")
        assert request.query == {
            "start_date": "20260110", "end_date": "20260112", "instrument": "mag", "data_level": "l1a",
            "descriptor": "burst-raw", "reprocessing": "True",
        }  # fmt: skip

    def test_with_a_token(self, own, monkeypatch):
        monkeypatch.setenv("IMAP_ACCESS_TOKEN", service.ACCESS_TOKEN)
        assert imap.reprocess(RANGE).sent
        assert own.log[0].path == "/imap/authorized/reprocess"

    def test_a_dry_run_sends_nothing_and_needs_no_key(self, own):
        done = imap.reprocess(a.Time(*RANGE), "mag", dry_run=True)
        assert done.parameters == {
            "start_date": "20260110", "end_date": "20260112", "instrument": "mag", "reprocessing": "True",
        }  # fmt: skip
        assert (done.method, done.url.endswith("/reprocess"), done.sent) == ("POST", True, False)
        assert not own.log

    def test_a_key_is_needed(self, own):
        with pytest.raises(QueryError, match="A reprocessing needs an API key: set IMAP_API_KEY"):
            imap.reprocess(RANGE)
        assert not own.log

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ({"instrument": "mug"}, "the instrument is one of .*, not 'mug'.*mag"),
            ({"instrument": "mag", "level": "2"}, "the level is one of"),
            ({"instrument": "mag", "level": "l2"}, "a level needs an instrument and a descriptor"),
            ({"descriptor": "norm-gse"}, "a descriptor needs an instrument"),
            ({"instrument": "mag", "descriptor": "norm-*"}, "letters, digits and hyphens"),
        ],
    )
    def test_bad_arguments_send_nothing(self, key, arguments, said):
        with pytest.raises(QueryError, match=said):
            imap.reprocess(RANGE, **arguments)
        assert not key.log

    @pytest.mark.parametrize("kind", ["reset", "status"])
    def test_a_request_that_fails_is_not_repeated(self, key, kind):
        with key.fault(kind, path="/imap/api-key/reprocess", **({"status": 503} if kind == "status" else {})):
            with pytest.raises(OSError, match="IMAP SDC"):
                imap.reprocess(RANGE)
        assert len(key.log) == 1

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (b'{"message": "ok"}', '{"message": "ok"}'),
            (b"started\x1b[2J", "started [2J"),
            (b"", ""),
            (b'"done"', "done"),
            pytest.param(b"[" * 100_000, "[" * 100_000, id="deep"),
        ],
    )
    def test_answers_of_other_forms_are_kept_as_text(self, key, monkeypatch, body, said):
        answered = Response("IMAP SDC", "https://unused.example", 200, {}, body)
        monkeypatch.setattr(module, "order", lambda *args, **kwargs: answered)
        assert imap.reprocess(RANGE).answer == said


@pytest.mark.parametrize(
    "search", [lambda: IMAPClient().search(a.imap.FileName(MANIFEST)), lambda: imap.rows(filename=MANIFEST)]
)
def test_manifests_cannot_be_searched_for(own, search):
    with pytest.raises(QueryError, match="manifest of a release"):
        search()
    assert not own.log
