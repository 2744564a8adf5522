"""
Test cases in which the official client is wrong.

There is at least one test for each defect found in imap-data-access 1.3, named after the correct behaviour.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import requests
from astropy.time import Time
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import Downloader, IMAPClient, conf, imap, sandbox
from sunpy_helio_plugins import sandbox as sandbox_package
from sunpy_helio_plugins.errors import AnswerError, ServiceUnreachable, TransferError
from sunpy_helio_plugins.sandbox.imap import service

SHIPPED = Path(sandbox_package.__file__).parent / "data" / "imap"
GSE = "imap_mag_l2_norm-gse_20260110_v001.0002.cdf"
KEY = f"imap/mag/l2/2026/01/{GSE}"
DAY = a.Time("2026-01-10", "2026-01-10 12:00")
WORDS = DAY, a.Instrument("mag"), a.imap.Descriptor("norm-gse")


def search(*words):
    return IMAPClient().search(*words)


@pytest.fixture
def found(archive):
    return Fido.search(*WORDS)


def fetch(found, path, **kwargs):
    return Fido.fetch(found, path=path, progress=False, **kwargs)


class TestSearch:
    def test_results_are_a_table_with_times_also_of_ingestion(self, archive):
        table = search(*WORDS)
        assert all(isinstance(table[name], Time) for name in ("Start Time", "End Time", "Ingestion Time"))

    def test_time_means_overlap(self, archive):
        within = a.Time("2026-01-10 03:00", "2026-01-10 03:01")
        assert "h45-ena-h-hf-nsp-full-hae-6deg-6mo" in search(within, a.Instrument("hi"), a.imap.File())["Descriptor"]

    def test_a_service_that_is_silent_is_given_up(self, archive):
        with conf.set_temp("read_timeout", 0.3), conf.set_temp("retries", 0):
            with archive.fault("hang_before", path="/imap/query") as rule:  # without an end of its own
                with pytest.raises(ServiceUnreachable, match="silent for longer than allowed"):
                    search(*WORDS)
        assert rule.played == 1

    @pytest.mark.parametrize("status", [429, 502, 503, 504])
    def test_what_passes_is_tried_again(self, archive, status):
        with archive.fault("status", path="/imap/query", status=status, times=1, retry_after=0) as rule:
            assert len(search(*WORDS)) == 1
        assert rule.played == 1

    def test_a_lost_connection_is_tried_again(self, archive):
        with archive.fault("reset", path="/imap/query", times=1):
            assert len(search(*WORDS)) == 1

    @pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
    def test_own_certificates_are_used(self, monkeypatch, tmp_path, variable):
        seen = []

        def send(self, request, **kwargs):
            seen.append(kwargs["verify"])
            raise requests.ConnectionError("seen")

        monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
        monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
        monkeypatch.setenv(variable, str(tmp_path))
        with conf.imap.set_temp("url", "https://api.example.org"), conf.set_temp("retries", 0):
            with pytest.raises(ServiceUnreachable):
                search(*WORDS)
        assert seen == [str(tmp_path)]

    def test_a_file_is_found_by_its_name(self, archive):
        assert search(a.imap.FileName(GSE))["file_path"][0] == KEY
        assert len(search(a.imap.FileName("imap_mag_l2-calibration_20250901_v001.json"))) == 1

    def test_a_version_of_two_numbers(self, archive):
        assert list(search(*WORDS, a.imap.Version("v001.0001"))["Version"]) == ["v001.0001"]

    def test_kernels_are_found_by_time(self, archive):
        assert len(search(DAY, a.imap.Kernel("attitude_history"))) == 1

    def test_lists_wildcards_rotations_pictures_and_what_is_released(self, archive):
        assert len(search(DAY, a.imap.Descriptor("norm-gse", "norm-rtn"))) == 2
        assert len(search(DAY, a.imap.Descriptor("norm-*"))) == 2
        assert len(search(a.imap.CarringtonRotation(2306))) == 1
        assert len(search(DAY, a.imap.Table("quicklook"))) == 1
        assert len(search(DAY, a.imap.Released(True), a.Instrument("mag"))) == 2

    def test_a_page_for_an_answer_is_an_error_of_this_package(self, archive):
        with archive.fault("html_error", path="/imap/query"), pytest.raises(AnswerError, match="JSON was expected"):
            search(*WORDS)

    def test_credentials_and_addresses_are_read_at_use(self, archive, monkeypatch):
        search(*WORDS)
        monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
        monkeypatch.setenv("IMAP_DATA_ACCESS_URL", f"{archive.url}/imap")
        search(*WORDS)
        monkeypatch.delenv("IMAP_API_KEY")
        monkeypatch.setenv("IMAP_ACCESS_TOKEN", service.ACCESS_TOKEN)
        search(*WORDS)
        assert [request.path for request in archive.log] == [
            "/imap/query", "/imap/api-key/query", "/imap/authorized/query",
        ]  # fmt: skip

    def test_the_table_of_pointings_is_asked_for_with_the_key(self, archive, tmp_path, monkeypatch):
        monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
        found = Fido.search(DAY, a.imap.Kernel("repoint"))
        assert fetch(found, tmp_path).errors == []
        asked = [request for request in archive.log if "/storage/" not in request.path]
        assert [request.path.split("/")[2:4] for request in asked] == [
            ["api-key", "repoint-table"], ["api-key", "download"],
        ]  # fmt: skip
        assert {request.headers["x-api-key"] for request in asked} == {service.API_KEY}

    def test_two_services_in_one_process_do_not_mix(self, archive, tmp_path):
        """Files of several services that are fetched together come from their own service, despite changed settings."""
        older = a.Time("2025-05-02", "2025-05-03"), a.Instrument("mag"), a.imap.File()
        with conf.imap.set_temp("url", f"{archive.url}/imap/v0"):
            packets = search(*older)
        vectors = search(*WORDS)
        archive.log.clear()
        files = Fido.fetch(packets, vectors, path=tmp_path, progress=False)
        assert (len(files), files.errors) == (2, [])
        asked = sorted(request.path for request in archive.log if "/download/" in request.path)
        assert asked == [f"/imap/download/{KEY}", f"/imap/v0/download/{packets['file_path'][0]}"]


class TestUpload:
    @pytest.fixture
    def mine(self, tmp_path) -> Path:
        path = tmp_path / "imap_swe_l2_sci_20280101_v001.0001.cdf"
        path.write_bytes((SHIPPED / "imap_swe_l2_sci_20260110_v001.0001.cdf").read_bytes())
        return path

    def test_the_storage_gets_neither_key_nor_token(self, mine, monkeypatch):
        with sandbox.serve(services=("imap",)) as own:
            monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
            monkeypatch.setenv("IMAP_ACCESS_TOKEN", service.ACCESS_TOKEN)
            (one,) = imap.upload(mine, progress=False)
        (put,) = [request for request in own.log if request.method == "PUT"]
        assert one.sent
        assert not {"authorization", "x-api-key"} & set(put.headers)

    def test_a_token_without_a_key_is_explained_and_nothing_is_sent(self, archive, mine, monkeypatch):
        monkeypatch.setenv("IMAP_ACCESS_TOKEN", service.ACCESS_TOKEN)
        (one,) = imap.upload(mine, progress=False)
        assert "only accepts uploads with an API key" in one.problem
        assert "PUT" not in {request.method for request in archive.log}


class TestFetch:
    def test_a_partial_file_that_is_there_is_not_believed(self, found, tmp_path):
        (tmp_path / GSE).write_bytes((SHIPPED / GSE).read_bytes()[:3000])
        files = fetch(found, tmp_path)
        assert Path(files[0]).read_bytes() == (SHIPPED / GSE).read_bytes()

    def test_a_whole_file_that_is_there_is(self, archive, found, tmp_path):
        fetch(found, tmp_path)
        archive.log.clear()
        fetch(found, tmp_path)
        assert archive.log == []

    def test_cut_packets_are_not_believed(self, archive, tmp_path, monkeypatch):
        monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
        name = "imap_swe_l0_raw_20260110_v001.0001.pkts"
        path = imap.download(name, tmp_path)
        path.write_bytes(path.read_bytes()[:-7])
        assert imap.download(name, tmp_path).stat().st_size == 2560

    def test_files_come_at_the_same_time(self, archive, tmp_path):
        found = Fido.search(a.Time("2026-01-08", "2026-01-12"), a.Instrument("mag"), a.imap.Descriptor("norm-*"))
        together = []

        def meets(request):
            together.append(len(rule.running))
            return True

        rule = archive.fault("hang_before", path="/imap/storage", where=meets, seconds=0.4)
        with rule:
            files = fetch(found, tmp_path)
        assert len(files) == 10
        assert max(together) >= 2

    def test_a_storage_that_is_silent_is_given_up(self, archive, found, tmp_path):
        with conf.set_temp("read_timeout", 0.3), conf.set_temp("retries", 0):
            with archive.fault("hang_body", path="/imap/storage"):
                files = fetch(found, tmp_path)
        assert (list(files), len(files.errors)) == ([], 1)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("place", ["/imap/download", "/imap/storage"])
    def test_what_passes_is_tried_again(self, archive, found, tmp_path, place):
        with archive.fault("status", path=place, status=503, times=1, retry_after=0):
            assert fetch(found, tmp_path).errors == []

    @pytest.mark.parametrize("kind", ["cut_length", "cut_close", "reset"])
    def test_a_cut_body_is_fetched_again(self, archive, found, tmp_path, kind):
        with archive.fault(kind, path="/imap/storage", times=1) as rule:
            files = fetch(found, tmp_path, downloader=Downloader(progress=False))
            if files.errors:
                files = Fido.fetch(files, downloader=Downloader(progress=False), progress=False)
        assert rule.played == 1
        assert Path(files[0]).read_bytes() == (SHIPPED / GSE).read_bytes()

    @pytest.mark.parametrize(
        ("status", "words"), [(403, "Request has expired"), (400, "The provided token has expired.")]
    )
    def test_an_expired_link_is_refreshed(self, archive, found, tmp_path, status, words):
        body = f"<Error><Code>AccessDenied</Code><Message>{words}</Message></Error>"
        archive.log.clear()
        with archive.fault("status", path="/imap/storage", status=status, words=body, times=1):
            assert fetch(found, tmp_path).errors == []
        assert [request.path.split("/")[2] for request in archive.log] == ["download", "storage", "download", "storage"]

    def test_a_link_that_stays_expired_is_an_error_with_the_storages_words(self, archive, found, tmp_path):
        body = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
        with archive.fault("status", path="/imap/storage", status=403, words=body, content_type="application/xml"):
            (error,) = fetch(found, tmp_path).errors
        assert "Request has expired" in str(error.exception)
        assert set(re.findall(r"Signature=([^]&\s'\"]*)", str(error.exception))) <= {"***"}

    def test_a_page_for_a_file_leaves_the_old_one(self, archive, found, tmp_path):
        (tmp_path / GSE).write_bytes(b"mine")
        with archive.fault("html_error", path="/imap/storage"):
            assert len(fetch(found, tmp_path, overwrite=True).errors) == 1
        assert (tmp_path / GSE).read_bytes() == b"mine"

    def test_a_page_for_packets_is_refused(self, archive, tmp_path, monkeypatch):
        monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
        with archive.fault("html_error", path="/imap/storage"):
            with pytest.raises(TransferError, match="a web page instead of the file"):
                imap.download("imap_swe_l0_raw_20260110_v001.0001.pkts", tmp_path)

    def test_a_file_that_changed_in_the_archive_replaces_the_old_one_whole(self, archive, found, tmp_path):
        other = (SHIPPED / "imap_mag_l2_norm-gse_20260110_v001.0001.cdf").read_bytes()
        (tmp_path / GSE).write_bytes(other)
        fetch(found, tmp_path, overwrite=True)
        assert (tmp_path / GSE).read_bytes() == (SHIPPED / GSE).read_bytes()

    @pytest.mark.parametrize("variable", ["IMAP_API_KEY", "IMAP_ACCESS_TOKEN"])
    def test_the_storage_sees_neither_key_nor_token(self, archive, found, tmp_path, monkeypatch, variable):
        secret = service.API_KEY if variable == "IMAP_API_KEY" else service.ACCESS_TOKEN
        monkeypatch.setenv(variable, secret)
        assert fetch(found, tmp_path).errors == []
        stored = [request for request in archive.log if "/storage/" in request.path]
        assert stored
        assert not any(secret in value for request in stored for value in request.headers.values())

    def test_a_key_is_not_sent_to_another_host_that_the_service_names(self, archive, found, tmp_path, monkeypatch):
        monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
        with archive.fault("redirect", path="/imap/api-key/download", to="localhost"):
            fetch(found, tmp_path)
        elsewhere = [request for request in archive.log if request.headers["host"].startswith("localhost")]
        assert elsewhere
        assert not any("x-api-key" in request.headers for request in elsewhere)


OLD_CLIENT = """
import sys; sys.path.insert(0, sys.argv[1])
import imap_data_access as client
from pathlib import Path
client.config.update(DATA_ACCESS_URL=sys.argv[2], DATA_DIR=Path(sys.argv[3]), API_KEY=sys.argv[4])
rows = client.query(instrument="glows", data_level="l1a", descriptor="hist")
print([(row["version"], row["ingestion_date"]) for row in rows])
print(client.download(rows[1]["file_path"]).stat().st_size)
"""


def test_the_official_client_of_2024_reads_the_older_flavour(archive, tmp_path):
    """Run in a separate process: HELIO_TEST_IMAP_07 is a folder in which imap-data-access 0.7 was installed."""
    folder = os.environ.get("HELIO_TEST_IMAP_07", "")
    if not Path(folder, "imap_data_access").is_dir():
        pytest.skip("HELIO_TEST_IMAP_07 names no folder with imap-data-access 0.7")
    command = [sys.executable, "-I", "-c", OLD_CLIENT, folder, f"{archive.url}/imap/v0", str(tmp_path), service.API_KEY]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows, size = done.stdout.splitlines()
    assert rows == "[('v001', '2024-07-09 15:42:23'), ('v001', '2024-07-09 15:42:24')]"
    assert int(size) == (SHIPPED / "imap_glows_l1a_hist_20110921_v001.cdf").stat().st_size


class TestUnits:
    def test_every_unit_of_the_mission_is_right_or_text(self, real_data):
        import csv

        import astropy.units as u

        from sunpy_helio_plugins.quantities import units

        rows = csv.DictReader((real_data / "imap" / "unit_strings.csv").read_text().splitlines())
        texts = [row["unit_string"] for row in rows]
        parsed = {text: units.parse(text) for text in texts}
        assert len(parsed) > 60
        for text, never in (("C", u.C), ("dN", u.dN), ("N/A", u.N / u.A)):
            assert parsed[text] != never
        assert parsed["1/(cm^2 s MeV/nuc sr)"] == 1 / (u.cm**2 * u.s * u.MeV * u.sr)
        assert parsed["#/(cm^2-s-sr-keV/q)"] == 1 / (u.cm**2 * u.s * u.sr * u.keV)

    @pytest.mark.parametrize("text", ["N/A", "0=good", "half spin number", "1=counterstreaming"])
    def test_what_is_no_unit_stays_text_in_the_column(self, make_cdf, text):
        path = make_cdf(
            {
                "epoch": (33, np.arange(2), {}),
                "x": (44, np.arange(2.0), {"DEPEND_0": "epoch", "UNITS": text}),
            }
        )
        column = imap.read(path)["x"]
        assert column.info.meta["unit_string"] == text
        assert getattr(column, "unit", None) is None
