"""Test the embedded IMAP archive with the mission's official client and plain requests."""

from __future__ import annotations

import base64
import csv
import importlib.util
import json
import sys
from datetime import datetime
from pathlib import Path
from types import ModuleType

import cdflib
import imap_data_access as official
import numpy as np
import pytest
import requests
from aiohttp.test_utils import make_mocked_request

from sunpy_helio_plugins import sandbox as sandbox_package
from sunpy_helio_plugins.sandbox.imap import operations
from sunpy_helio_plugins.sandbox.imap import service as service_module
from sunpy_helio_plugins.sandbox.imap.storage import Bucket

TOOL = Path(__file__).parents[2] / "tools" / "sandbox" / "make_imap.py"
SHIPPED = Path(sandbox_package.__file__).parent / "data" / "imap"
MAG = "imap/mag/l2/2026/01/imap_mag_l2_norm-gse_20260110_v001.0002.cdf"
WITHHELD = "imap/mag/l2/2026/01/imap_mag_l2_norm-gse_20260112_v001.0002.cdf"
KEYS = [
    "extension", "file_path", "instrument", "data_level", "descriptor", "start_date", "repointing", "major_version",
    "minor_version", "ingestion_date", "cr", "crid", "released", "version",
]  # fmt: skip
KEYS_2024 = [
    "file_path", "instrument", "data_level", "descriptor", "start_date", "repointing", "version", "extension",
    "ingestion_date",
]  # fmt: skip


@pytest.fixture
def service(archive) -> str:
    return f"{archive.url}{service_module.PREFIX}"


@pytest.fixture
def client(service, tmp_path, monkeypatch):
    """Direct the official client to the sandbox; its configuration is one global dictionary."""
    for name in ("API_KEY", "ACCESS_TOKEN"):
        monkeypatch.setitem(official.config, name, None)
    monkeypatch.setitem(official.config, "DATA_ACCESS_URL", service)
    monkeypatch.setitem(official.config, "DATA_DIR", tmp_path)
    return official


def ask(service: str, **parameters: str) -> requests.Response:
    return requests.get(f"{service}/query", params=parameters, timeout=10)


def names(rows: list[dict]) -> list[str]:
    return [row["file_path"].rpartition("/")[2] for row in rows]


class TestOfficialClient:
    def test_query_gives_the_highest_major_version_with_all_its_minors(self, client):
        rows = client.query(instrument="mag", data_level="l2", descriptor="norm-gse")
        assert [(row["start_date"], row["version"]) for row in rows] == [
            ("20260108", "v001.0001"),
            ("20260109", "v001.0001"),
            ("20260110", "v001.0001"),
            ("20260110", "v001.0002"),
            ("20260111", "v002.0001"),
            ("20260112", "v001.0001"),
        ]
        assert all(list(row) == KEYS for row in rows)

    def test_latest_is_one_file_for_each_day(self, client):
        rows = client.query(instrument="mag", descriptor="norm-gse", version="latest")
        assert [row["version"][-4:] for row in rows] == ["0001", "0001", "0002", "0001", "0001"]

    def test_dates_bound_the_start_and_include_both_ends(self, client):
        rows = client.query(descriptor="norm-rtn", start_date="20260109", end_date="20260111")
        assert [row["start_date"] for row in rows] == ["20260109", "20260110", "20260111"]

    def test_repointing(self, client):
        assert [row["repointing"] for row in client.query(instrument="glows", repointing="repoint00120")] == [120]

    def test_ancillary_table(self, client):
        (row,) = client.query(table="ancillary", instrument="swapi")
        assert (row["start_date"], row["end_date"], row["version"]) == ("20250901", "20261231", "v002")

    def test_latest_ancillary_files(self, client):
        assert len(client.query(table="ancillary", version="latest", instrument="mag")) == 1

    def test_kernels_of_a_type(self, client):
        rows = client.io.spice_query(type="ephemeris_reconstructed", version="latest")
        assert [row["file_name"] for row in rows] == ["spk/imap_recon_20251201_20260131_v02.bsp"]
        with pytest.raises(official.io.IMAPDataAccessError, match=r"400 .*start_date is not a valid query parameter"):
            client.io.spice_query(type="attitude_history", start_date="20260110")
        assert client.download("imap_2026_010_2026_011_01.ah.bc").parent.name == "ck"

    def test_download_gives_the_bytes_that_were_made(self, client, tmp_path):
        found = client.download(MAG)
        assert found == tmp_path / MAG
        assert found.read_bytes() == (SHIPPED / Path(MAG).name).read_bytes()
        with pytest.raises(official.io.IMAPDataAccessError, match="404"):
            client.download(MAG.replace("_v001.0002", "_v001.0009"))

    def test_what_is_not_released_needs_the_key(self, client, monkeypatch):
        with pytest.raises(official.io.IMAPDataAccessError, match=r"403 Forbidden: .*not a part of a public release"):
            client.download(WITHHELD)
        monkeypatch.setitem(client.config, "API_KEY", service_module.API_KEY)
        assert client.download(WITHHELD).stat().st_size > 50_000
        latest = client.query(instrument="mag", descriptor="norm-gse", start_date="20260112", version="latest")
        assert [(row["version"], row["released"]) for row in latest] == [("v001.0002", False)]

    def test_token_opens_the_authorized_routes(self, client, monkeypatch):
        monkeypatch.setitem(client.config, "ACCESS_TOKEN", service_module.ACCESS_TOKEN)
        assert client.download(WITHHELD).exists()
        monkeypatch.setitem(client.config, "ACCESS_TOKEN", "another")
        with pytest.raises(official.io.IMAPDataAccessError, match="403"):
            client.query(instrument="mag")

    def test_uploaded_file_appears_unreleased(self, client, tmp_path, monkeypatch):
        monkeypatch.setitem(client.config, "API_KEY", service_module.API_KEY)
        mine = tmp_path / "imap_swe_l2_sci_20260112_v001.0001.cdf"
        mine.write_bytes((SHIPPED / "imap_swe_l2_sci_20260110_v001.0001.cdf").read_bytes())
        client.upload(mine)
        found = client.query(instrument="swe", start_date="20260112")
        (row,) = (row for row in found if row["file_path"].endswith(mine.name))
        assert (row["file_path"], row["released"]) == (f"imap/swe/l2/2026/01/{mine.name}", False)
        assert client.download(row["file_path"]).read_bytes() == mine.read_bytes()
        with pytest.raises(official.io.IMAPDataAccessError, match=r"409 Conflict.*already exists"):
            client.upload(mine)


class TestBodies:
    @pytest.mark.parametrize(
        ("parameters", "status"),
        [
            ({"instrument": "magnetometer"}, 500),
            ({"data_level": "L2"}, 500),
            ({"start_date": "2026-01-10"}, 500),
            ({"repointing": "repoint00120"}, 500),
            ({"extension": "fits"}, 500),
            ({"table": "spice", "instrument": "mag"}, 500),
            ({}, 500),
            ({"version": "latest", "instrument": "mag"}, 400),
            ({"days_ago": "3"}, 400),
        ],
    )
    def test_bad_query(self, service, parameters, status):
        assert ask(service, **parameters).status_code == status

    def test_unknown_parameter_is_named_with_the_valid_ones(self, service):
        words = ask(service, days_ago="3").json()
        assert words.startswith("days_ago is not a valid query parameter")
        assert "'ingestion_start_date'" in words

    def test_nothing_found_is_an_empty_list(self, service):
        answer = ask(service, descriptor="norm-*")
        assert (answer.status_code, answer.json()) == (200, [])

    @pytest.mark.parametrize(
        ("parameters", "versions"),
        [
            # Three digits are the minor version: the highest major version that has it is returned.
            ({"version": "v001"}, ["v002.0001"]),
            ({"version": "v001.0002"}, []),
            ({"major_version": "1"}, ["v001.0001"]),
            ({"minor_version": "1"}, ["v002.0001"]),
        ],
    )
    def test_versions_of_a_day_with_two_majors(self, service, parameters, versions):
        rows = ask(service, descriptor="norm-gse", start_date="20260111", end_date="20260111", **parameters).json()
        assert [row["version"] for row in rows] == versions

    def test_gateway_asks_for_the_credential_of_its_route(self, service):
        url = f"{service}/api-key/query?instrument=mag"
        assert requests.get(url, timeout=10).status_code == 401
        assert requests.get(url, timeout=10, headers={"x-api-key": "no"}).json() == {"message": "Forbidden"}
        assert requests.get(f"{service}/upload/x", timeout=10).status_code == 404
        denied = requests.get(f"{service}/api-key/upload/x", timeout=10, headers={"x-api-key": service_module.READ_KEY})
        assert (denied.status_code, "read-only" in denied.json()) == (403, True)


class TestStorage:
    @pytest.fixture
    def link(self, service) -> str:
        answer = requests.get(f"{service}/download/{MAG}", timeout=10, allow_redirects=False)
        assert (answer.status_code, answer.json()) == (302, {"download_url": answer.headers["Location"]})
        return answer.headers["Location"]

    def test_is_another_origin(self, service, link):
        assert "127.0.0.1" in service
        assert link.startswith("http://localhost:")

    def test_link_holds_for_its_method_only(self, link):
        assert requests.get(link, timeout=10).status_code == 200
        assert requests.head(link, timeout=10).status_code == 403
        assert "SignatureDoesNotMatch" in requests.put(link, data=b"x", timeout=10).text

    def test_second_credential_is_refused(self, link):
        answer = requests.get(link, headers={"Authorization": "Bearer x"}, timeout=10)
        assert (answer.status_code, "Only one auth mechanism" in answer.text) == (400, True)

    def test_forged_date_is_refused(self, link):
        assert requests.get(link.replace("X-Amz-Expires=86400", "X-Amz-Expires=99999"), timeout=10).status_code == 403

    def test_expired_link_is_refused(self):
        bucket = Bucket(lifetime=-1)
        link = bucket.link("GET", "localhost:1", "/imap/storage/x")
        request = make_mocked_request("GET", link.removeprefix("http://localhost:1"), headers={"Host": "localhost:1"})
        refused = bucket.refusal(request)
        assert (refused.status, "Request has expired" in refused.text) == (403, True)

    def test_range(self, link):
        part = requests.get(link, headers={"Range": "bytes=4-9"}, timeout=10)
        assert part.content == (SHIPPED / Path(MAG).name).read_bytes()[4:10]
        assert part.headers["Content-Range"].startswith("bytes 4-9/")


class TestSeed:
    """The responses in the service's tutorial of 2024."""

    def test_histograms_of_glows(self, service):
        rows = ask(f"{service}/v0", instrument="glows", data_level="l1a", descriptor="hist").json()
        assert rows == [
            {
                "file_path": f"imap/glows/l1a/2011/09/imap_glows_l1a_hist_201109{day}_v001.cdf", "instrument": "glows",
                "data_level": "l1a", "descriptor": "hist", "start_date": f"201109{day}", "repointing": None,
                "version": "v001", "extension": "cdf", "ingestion_date": f"2024-07-09 15:42:{second}",
            }
            for day, second in (("20", "23"), ("21", "24"))
        ]  # fmt: skip

    def test_seven_files_of_glows_and_four_packets_of_mag(self, service):
        assert len(ask(f"{service}/v0", instrument="glows").json()) == 7
        rows = ask(f"{service}/v0", instrument="mag", data_level="l0").json()
        assert all(list(row) == KEYS_2024 for row in rows)
        assert names(rows)[:2] == ["imap_mag_l0_raw_20250502_v000.pkts", "imap_mag_l0_raw_20250502_v001.pkts"]

    def test_table_was_no_parameter_yet(self, service):
        assert ask(f"{service}/v0", table="science", instrument="mag").status_code == 400
        assert ask(f"{service}/v0", instrument="nobody").status_code == 502

    def test_download_and_upload(self, service):
        file = "imap/glows/l1a/2011/09/imap_glows_l1a_hist_20110921_v001.cdf"
        assert requests.get(f"{service}/v0/download/{file}", timeout=10).content[:4] == b"\xcd\xf3\x00\x01"
        name = "imap_codice_l0_hskp_20240725_v001.pkts"
        key = {"X-api-key": service_module.API_KEY}
        link = requests.get(f"{service}/v0/upload/{name}", headers=key, timeout=10).json()
        assert requests.put(link, data=b"packets", timeout=10).status_code == 200
        rows = ask(f"{service}/v0", instrument="codice", start_date="20240725").json()
        assert names(rows) == [name]


def same(one: Path, other: Path) -> bool:
    """Compare two files; CDFs by their content, since their compression may differ between machines."""
    if one.suffix != ".cdf":
        return one.read_bytes() == other.read_bytes()
    first, second = cdflib.CDF(one), cdflib.CDF(other)
    variables = first.cdf_info().zVariables
    if variables != second.cdf_info().zVariables or first.globalattsget() != second.globalattsget():
        return False
    return all(
        np.all(first.varget(name) == second.varget(name)) and first.varattsget(name) == second.varattsget(name)
        for name in variables
    )


def tool() -> ModuleType:
    sys.path.insert(0, str(TOOL.parent))
    try:
        spec = importlib.util.spec_from_file_location("make_imap", TOOL)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(TOOL.parent))
    return module


def test_tool_makes_what_is_shipped(tmp_path):
    tool().make(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in SHIPPED.iterdir())
    assert [path.name for path in sorted(SHIPPED.iterdir()) if not same(path, tmp_path / path.name)] == []


def test_catalogue_lists_every_file():
    tables = json.loads((SHIPPED / "catalogue.json").read_text())
    listed = [row.get("file_path", row.get("file_name")).rpartition("/")[2] for rows in tables.values() for row in rows]
    assert sorted([*listed, "catalogue.json"]) == sorted(path.name for path in SHIPPED.iterdir())
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 1.5e6


class TestOperations:
    """The requests of members of the mission, by the official client; the archive, which they change, is their own."""

    @pytest.fixture
    def member(self, tmp_path, monkeypatch):
        with sandbox_package.Archive(0, ("imap",)) as running:
            monkeypatch.setitem(official.config, "DATA_ACCESS_URL", f"{running.url}{service_module.PREFIX}")
            monkeypatch.setitem(official.config, "DATA_DIR", tmp_path)
            monkeypatch.setitem(official.config, "API_KEY", service_module.API_KEY)
            monkeypatch.setitem(official.config, "ACCESS_TOKEN", None)
            monkeypatch.setattr(official.io, "sleep", lambda seconds: None)
            yield running

    def test_release(self, member, tmp_path, monkeypatch):
        path = tmp_path / "imap_mag_data-release-001_20260112_20260112_v001.txt"
        path.write_text("imap/mag/l2/2026/01/imap_mag_l2_norm-rtn_20260112_v001.0001.cdf\n")
        official.release(release_type="release", manifest_file=path)
        monkeypatch.setitem(official.config, "API_KEY", None)
        assert [
            row["file_path"] for row in official.query(instrument="mag", start_date="20260112", minor_version=2)
        ] == [WITHHELD]

    def test_reprocess(self, member):
        official.reprocess(start_date="20260110", end_date="20260112", instrument="mag")
        assert (member.log[-1].method, member.log[-1].path) == ("POST", "/imap/api-key/reprocess")

    @pytest.fixture
    def poda(self, member, monkeypatch):
        from imap_data_access import webpoda

        token = base64.b64encode(f"{operations.USER}:{operations.PASSWORD}".encode()).decode()
        monkeypatch.setitem(official.config, "WEBPODA_TOKEN", token)
        monkeypatch.setattr(webpoda, "WEBPODA_APID_URL", f"{member.url}{service_module.PREFIX}/poda/dap2/apids")
        # It would also send the key, which the packet server does not know.
        monkeypatch.setitem(official.config, "API_KEY", None)
        return webpoda

    def test_the_packets_of_a_day(self, poda, member, tmp_path):
        poda.download_daily_data("mag", datetime(2026, 1, 10), datetime(2026, 1, 11))  # as received
        (path,) = (tmp_path / "imap/mag/l0").rglob("*.pkts")
        assert path.name == "imap_mag_l0_raw_20260109_v001.0001.pkts"
        # Six hours apart, and thirty minutes around the day: five packets of each of the two kinds.
        assert path.stat().st_size == 2 * 5 * 16

    def test_the_packets_of_a_pointing(self, poda, member, tmp_path):
        path = poda.get_repoint_file() or official.download("imap/spice/repoint/imap_2026_012_01.repoint.csv")
        rows = list(csv.DictReader(path.read_text().splitlines()))
        poda.download_repointing_data("hi", datetime(2026, 1, 11), datetime(2026, 1, 12), rows)
        names = sorted(one.name for one in (tmp_path / "imap/hi/l0").rglob("*.pkts"))
        assert names == [
            "imap_hi_l0_raw_20260109-repoint00119_v001.0001.pkts",
            "imap_hi_l0_raw_20260110-repoint00120_v001.0001.pkts",
        ]

    def test_a_wrong_login_of_the_packet_server(self, poda, monkeypatch):
        monkeypatch.setitem(official.config, "WEBPODA_TOKEN", "d3Jvbmc6d3Jvbmc=")
        with pytest.raises(official.io.IMAPDataAccessError, match="401"):
            poda.download_daily_data("mag", datetime(2026, 1, 10), datetime(2026, 1, 11))
