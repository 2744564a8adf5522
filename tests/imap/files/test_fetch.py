"""Test fetching files through Fido: paths, requests and refusals."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import sunpy
from astropy.table import vstack
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import IMAPClient, conf
from sunpy_helio_plugins import sandbox as sandbox_package
from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.imap import integrity, tables
from sunpy_helio_plugins.imap.query import Query
from sunpy_helio_plugins.sandbox.imap import service
from sunpy_helio_plugins.transport.credentials import signed_in

DAY = a.Time("2026-01-10", "2026-01-10 12:00")
GSE = "imap/mag/l2/2026/01/imap_mag_l2_norm-gse_20260110_v001.0002.cdf"
SHIPPED = Path(sandbox_package.__file__).parent / "data" / "imap"


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PNG = b"\x89PNG\r\n\x1a\n" + b"".join(
    png_chunk(kind, data)
    for kind, data in [
        (b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(b"\0" + bytes(range(8)) * 8)),
        (b"IEND", b""),
    ]
)  # fmt: skip
JPEG = (
    b"\xff\xd8" + b"\xff\xe0\0\x08JFIF\0\1" + b"\xff\xda\0\x04\1\2" + b"data\xff\0data\xff\xd0data" * 9 + b"\xff\xd9"
)  # fmt: skip


def zipped(comment: bytes = b"") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a.txt", "abcdefgh" * 60)
        archive.writestr("b.txt", "0123" * 60)
        archive.comment = comment
    return made.getvalue()


@pytest.fixture
def found(archive):
    return Fido.search(DAY, a.Instrument("mag"), a.imap.Descriptor("norm-gse", "norm-rtn"))


@pytest.fixture
def downloads(tmp_path, monkeypatch) -> Path:
    """Return an empty download folder of sunpy."""
    before = sunpy.config.get("downloads", "download_dir")
    sunpy.config.set("downloads", "download_dir", str(tmp_path / "downloads"))
    yield tmp_path / "downloads"
    sunpy.config.set("downloads", "download_dir", before.replace("%", "%%"))


def fetch(*results, **kwargs):
    files = Fido.fetch(*results, progress=False, **kwargs)
    assert files.errors == []
    return [Path(file) for file in files]


class TestPlaces:
    def test_default_is_the_tree_below_the_download_folder(self, found, downloads):
        assert downloads / GSE in fetch(found)
        assert (downloads / GSE).read_bytes() == (SHIPPED / Path(GSE).name).read_bytes()

    def test_environment_names_another_folder_at_use(self, found, downloads, tmp_path, monkeypatch):
        monkeypatch.setenv("IMAP_DATA_DIR", str(tmp_path / "mission"))
        assert tmp_path / "mission" / GSE in fetch(found)

    def test_so_does_the_configuration(self, found, downloads, tmp_path):
        with conf.imap.set_temp("data_dir", str(tmp_path / "mine")):
            assert tmp_path / "mine" / GSE in fetch(found)

    def test_a_path_of_the_users_own_takes_the_bare_name(self, found, tmp_path):
        assert tmp_path / "flat" / Path(GSE).name in fetch(found, path=tmp_path / "flat")

    def test_fields_of_the_row_and_the_tree(self, found, tmp_path):
        files = fetch(found, path=str(tmp_path / "{tree}" / "{provider}" / "{start_time:%j}" / "{file}"))
        assert tmp_path / Path(GSE).parent / "IMAP SDC" / "010" / Path(GSE).name in files

    def test_an_unknown_field_is_explained(self, found, tmp_path):
        with pytest.raises(QueryError, match=r"observer.*none of.*descriptor"):
            Fido.fetch(found, path=str(tmp_path / "{observer}" / "{file}"), progress=False)

    def test_a_name_from_the_server_stays_in_the_folder(self, found, downloads):
        table = found[0][:1]
        table["file_path"] = ["../../../evil/imap_mag_l2_norm-gse_20260110_v001.0002.cdf"]
        Fido.fetch(table, progress=False)
        assert not (downloads.parent / "evil").exists()
        assert not (downloads.parent.parent / "evil").exists()


class TestRequests:
    def test_one_call_of_the_service_for_each_file(self, archive, found, tmp_path):
        archive.log.clear()
        fetch(found, path=tmp_path)
        asked = sorted((request.method, request.path.split("/")[2]) for request in archive.log)
        assert asked == [("GET", "download")] * 2 + [("GET", "storage")] * 2

    @pytest.mark.parametrize(
        ("variable", "secret", "header", "route"),
        [
            ("IMAP_API_KEY", service.API_KEY, "x-api-key", "api-key"),
            ("IMAP_ACCESS_TOKEN", service.ACCESS_TOKEN, "authorization", "authorized"),
        ],
    )
    def test_credentials_reach_the_service_and_never_the_storage(
        self, archive, tmp_path, monkeypatch, variable, secret, header, route
    ):
        monkeypatch.setenv(variable, secret)
        table = Fido.search(a.Time("2026-01-12", "2026-01-12 01:00"), a.imap.Descriptor("norm-gse"))
        files = fetch(table, path=tmp_path)
        assert [file.name for file in files] == ["imap_mag_l2_norm-gse_20260112_v001.0002.cdf"]
        by_place = {request.path.split("/")[2]: request.headers for request in archive.log}
        assert secret in by_place[route][header]
        assert not {"x-api-key", "authorization"} & set(by_place["storage"])

    @pytest.mark.parametrize(("name", "secret"), [("imap", service.API_KEY), ("imap-token", service.ACCESS_TOKEN)])
    def test_a_key_and_a_token_may_be_given_by_sign_in(self, archive, tmp_path, name, secret):
        with signed_in(name, secret):
            table = Fido.search(a.Time("2026-01-12", "2026-01-12 01:00"), a.imap.Descriptor("norm-gse"))
            assert len(fetch(table, path=tmp_path)) == 1
        signed = [request for request in archive.log if secret in str(request.headers)]
        assert {request.path.split("/")[2] for request in signed} == {"api-key" if name == "imap" else "authorized"}

    def test_a_file_that_is_there_is_not_asked_for_again(self, archive, found, tmp_path):
        fetch(found, path=tmp_path)
        archive.log.clear()
        assert len(fetch(found, path=tmp_path, overwrite=False)) == 2
        assert archive.log == []

    def test_one_row_can_be_fetched(self, found, tmp_path):
        assert len(fetch(found[0][0], path=tmp_path)) == 1


class TestOlderTables:
    """The files of a table are fetched from its service, even if the settings have changed since."""

    @pytest.fixture
    def other(self, answering) -> list[str]:
        """Return the requests to another service, which is set from now on."""
        return answering(200, b"another service's bytes, in sufficient number for a file", "binary/octet-stream")

    def test_files_come_from_where_they_were_found(self, archive, found, other, tmp_path):
        files = fetch(found, path=tmp_path)
        assert len(files) == 2
        assert other == []

    def test_the_key_of_the_service_that_is_set_stays_with_it(self, archive, found, other, tmp_path, monkeypatch):
        monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
        monkeypatch.setenv("IMAP_ACCESS_TOKEN", service.ACCESS_TOKEN)
        archive.log.clear()
        fetch(found, path=tmp_path)
        assert {request.path.split("/")[2] for request in archive.log} == {"download", "storage"}
        assert not any({"x-api-key", "authorization"} & set(request.headers) for request in archive.log)

    def test_an_origin_of_its_own_has_its_own_credentials(self, archive, found, other, tmp_path, monkeypatch):
        netrc = tmp_path / "netrc"
        netrc.write_text(f"machine 127.0.0.1 login me password {service.API_KEY}\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        archive.log.clear()
        fetch(found, path=tmp_path)
        asked = [request for request in archive.log if "/download/" in request.path]
        assert {request.path.split("/")[2] for request in asked} == {"api-key"}
        assert {request.headers["x-api-key"] for request in asked} == {service.API_KEY}

    def test_two_services_in_one_table(self, archive, found, tmp_path):
        both = found[0][:2]
        with conf.imap.set_temp("url", f"{archive.url}/imap/v0"):
            older = Fido.search(a.Time("2011-09-20", "2011-09-20 12:00"), a.imap.Descriptor("hist"), a.Level("l1a"))[0]
        archive.log.clear()
        assert len(fetch(vstack([both, older]), path=tmp_path)) == 3
        asked = {request.path.rpartition("/imap/")[0] for request in archive.log if "/download/" in request.path}
        assert asked == {"/imap/download", "/imap/v0/download"}

    def test_a_table_without_addresses_is_fetched_from_the_service_that_is_set(self, archive, found, tmp_path):
        table = found[0][:1]
        table.remove_column("url")
        assert len(fetch(table, path=tmp_path)) == 1

    def test_so_is_one_that_was_made_without_the_name_of_a_service(self, archive, tmp_path):
        table = tables.from_answers([(Query(), [{"file_path": GSE}])], client=IMAPClient())
        assert len(fetch(table, path=tmp_path)) == 1


class TestRefusals:
    def failure(self, table, path, file_path: str) -> str:
        row = table[0][:1]
        row["file_path"] = [file_path]
        row["url"] = [f"{conf.imap.url}/download/{file_path}"]
        files = Fido.fetch(row, path=path, progress=False)
        assert list(files) == []
        assert list(path.iterdir()) == []
        (error,) = files.errors
        return str(error.exception)

    def test_not_released_and_not_there_are_told_apart(self, found, tmp_path):
        withheld = "imap/mag/l2/2026/01/imap_mag_l2_norm-gse_20260112_v001.0002.cdf"
        assert "403: The file " in (words := self.failure(found, tmp_path, withheld))
        assert "not a part of a public release yet" in words
        absent = "imap/mag/l2/2026/01/imap_mag_l2_norm-gse_20300112_v001.0002.cdf"
        assert "404: File not found" in self.failure(found, tmp_path, absent)

    def test_a_page_for_a_file_is_not_kept(self, found, answering, tmp_path):
        answering(200, b"<html>Maintenance until eight, please come back</html>", "text/html")
        assert "not a CDF file; it begins with b'<html>" in self.failure(found, tmp_path, GSE)

    def test_an_empty_file_is_not_kept(self, found, answering, tmp_path):
        answering(200, b"")
        assert "is empty" in self.failure(found, tmp_path, GSE)

    def test_a_cut_file_is_not_kept_even_if_the_server_calls_it_whole(self, found, answering, tmp_path):
        answering(200, (SHIPPED / Path(GSE).name).read_bytes()[:20000])
        assert "ends after 20000 bytes" in self.failure(found, tmp_path, GSE)

    def test_a_cut_connection_leaves_nothing(self, found, answering, tmp_path):
        content = (SHIPPED / Path(GSE).name).read_bytes()
        answering(200, content[:20000], length=len(content))
        assert "cut" in self.failure(found, tmp_path, GSE)


class TestIntact:
    @pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.cdf"))[:3] + sorted(SHIPPED.glob("*.pkts"))[:1])
    def test_what_is_whole_passes(self, path):
        integrity.check(path, path.name)

    def test_the_test_files_of_sunpy_pass(self):
        from sunpy.data.test import rootdir

        for path in Path(rootdir).glob("*.cdf"):
            integrity.check(path, path.name)

    @pytest.mark.parametrize(
        ("name", "whole"),
        [
            ("x.json", b'{"scale": [1.0, 2.0]}\n'), ("x.csv", b"a,b\n1,2\n3,4\n"),
            ("naif0012.tls", b"KPL/LSK\n\\begindata\n"),
            ("x.png", PNG), ("x.jpg", JPEG),
            ("x.pdf", b"%PDF-1.1\n1 0 obj\n%%EOF\n"),
            ("x.bc", (b"DAF/CK  ".ljust(84, b" ") + (129).to_bytes(4, "little") + b"LTL-IEEE").ljust(1024, b"\0")),
            ("x.bsp", (b"DAF/SPK ".ljust(84, b" ") + (129).to_bytes(4, "big") + b"BIG-IEEE").ljust(1024, b"\0")),
        ],
    )  # fmt: skip
    def test_files_that_are_there_are_believed_by_their_ends(self, tmp_path, name, whole):
        path = tmp_path / name
        path.write_bytes(whole)
        assert integrity.looks_complete(path, name)
        path.write_bytes(whole[: len(whole) - 6])
        assert not integrity.looks_complete(path, name)
        path.write_bytes(b"")
        assert not integrity.looks_complete(path, name)

    WHOLE = {
        "x.png": PNG, "x.jpg": JPEG, "x.zip": zipped(), "y.zip": zipped(b"a comment"), "x.xlsx": zipped(),
        "x.json": b'{"scale": [' + b"1.0, " * 60 + b"2.0]}", "x.csv": b"a,b\n" + b"1,2\n" * 60,
        "x.bsp": (b"DAF/SPK ".ljust(84, b" ") + (257).to_bytes(4, "little") + b"LTL-IEEE").ljust(2048, b"\1"),
        "x.pdf": b"%PDF-1.1\n1 0 obj\n" + b"0123456789" * 30 + b"%%EOF\n",
        "x.cdf": (SHIPPED / "imap_swapi_l3a_proton-sw_20260110_v001.0001.cdf").read_bytes(),
        "x.pkts": (SHIPPED / "imap_mag_l0_raw_20250502_v001.pkts").read_bytes(),
    }  # fmt: skip

    @pytest.mark.parametrize("name", WHOLE)
    def test_a_file_has_a_lower_and_an_upper_bound(self, tmp_path, name):
        path, whole = tmp_path / name, self.WHOLE[name]
        path.write_bytes(whole)
        integrity.check(path, name)
        assert integrity.looks_complete(path, name)
        appended = {"one byte": whole + b"x", "zeros": whole + b"\0" * 512, "a page": whole + b"<html>no</html>"}
        if name in ("x.csv", "x.pdf"):  # they have no mark of their end
            appended = {}
        if name == "x.jpg":
            del appended["zeros"]
        for kind, content in {"doubled": whole + whole, **appended}.items():
            path.write_bytes(content)
            assert not integrity.looks_complete(path, name), kind

    def test_packets_of_another_version_are_not_judged(self, tmp_path):
        path = tmp_path / "x.pkts"
        path.write_bytes(b"\x20" + bytes(20))
        assert integrity.looks_complete(path, "x.pkts")
        path.write_bytes(b"\x00" + bytes(20))
        assert integrity.looks_complete(path, "x.pkts")
        path.write_bytes(b"\x00" + bytes(19))
        assert not integrity.looks_complete(path, "x.pkts")

    @pytest.mark.parametrize("name", ["x.png", "x.zip", "x.xlsx", "x.json", "x.cdf"])
    def test_a_download_beyond_its_end_is_refused(self, tmp_path, name):
        path, whole = tmp_path / name, self.WHOLE[name]
        for content in (whole + whole, whole + b"x", whole[:-1], whole[: len(whole) // 2]):
            path.write_bytes(content)
            with pytest.raises(FileError, match=rf"{name}: .*(truncated|not a CDF file|twice)"):
                integrity.check(path, name)

    def test_json_that_is_nested_too_deeply_is_not_complete(self, tmp_path):
        path = tmp_path / "x.json"
        path.write_bytes(b"[" * 100_000)
        assert not integrity.looks_complete(path, "x.json")
        with pytest.raises(FileError, match=r"x\.json: .*truncated"):
            integrity.check(path, "x.json")

    @pytest.mark.parametrize("name", ["x.csv", "x.pdf", "x.bsp", "x.txt"])
    def test_a_doubled_download_is_refused(self, tmp_path, name):
        (tmp_path / name).write_bytes(self.WHOLE.get(name, self.WHOLE["x.pdf"]) * 2)
        with pytest.raises(FileError, match=rf"{name}: the file contains the same \d+ bytes twice"):
            integrity.check(tmp_path / name, name)

    def test_every_bit_of_an_image_with_checksums_counts(self, tmp_path):
        path = tmp_path / "x.png"
        for bit in range(8 * 8, len(PNG) * 8):
            damaged = bytearray(PNG)
            damaged[bit // 8] ^= 1 << bit % 8
            path.write_bytes(damaged)
            assert not integrity.looks_complete(path, path.name), bit

    @pytest.mark.parametrize("name", ["x.zip", "x.xlsx"])
    def test_a_checksum_within_an_archive_counts(self, tmp_path, name):
        path, whole = tmp_path / name, self.WHOLE[name]
        path.write_bytes(whole.replace(b"0123", b"0121", 1))
        with pytest.raises(FileError, match=rf"{name}: the zip archive is damaged"):
            integrity.check(path, name)

    def test_real_images_pass(self, tmp_path):
        from PIL import Image

        for name, options in {"x.png": {}, "x.jpg": {}, "y.jpg": {"progressive": True}}.items():
            path = tmp_path / name
            Image.effect_noise((90, 70), 60).save(path, **options)
            integrity.check(path, name)
            assert integrity.looks_complete(path, name)
            path.write_bytes(path.read_bytes() + b"x")
            assert not integrity.looks_complete(path, name)

    def test_an_archive_is_believed_with_its_directory(self, tmp_path):
        path = tmp_path / "x.zip"
        with zipfile.ZipFile(path, "w") as made:
            made.writestr("a.txt", "a" * 500)
        assert integrity.looks_complete(path, path.name)
        path.write_bytes(path.read_bytes()[:-30])
        assert not integrity.looks_complete(path, path.name)

    def test_what_cannot_be_judged_is_believed(self, tmp_path):
        path = tmp_path / "x.dat"
        path.write_bytes(b"\1\2")
        assert integrity.looks_complete(path, path.name)

    def test_a_cut_anywhere_is_seen(self, tmp_path):
        whole = (SHIPPED / "imap_swapi_l3a_proton-sw_20260110_v001.0001.cdf").read_bytes()
        for length in (1, 10, 27, 300, 5000, len(whole) - 1):
            part = tmp_path / "part"
            part.write_bytes(whole[:length])
            with pytest.raises(FileError, match=r"x\.cdf(: | is not a CDF file)"):
                integrity.check(part, "x.cdf")


class TestOutOfDate:
    """Files are judged by their own time, and by that of their ingestion or the end of their day."""

    @staticmethod
    def is_current(path: Path, written: str, changed: str | None = None) -> bool:
        stamp = np.datetime64(written, "s").astype(int)
        os.utime(path, (stamp, stamp))
        return integrity.looks_complete(path, path.name, None if changed is None else np.datetime64(changed, "us"))

    def test_a_file_that_was_ingested_again_is_out_of_date(self, tmp_path):
        path = tmp_path / Path(GSE).name
        path.write_bytes((SHIPPED / path.name).read_bytes())
        assert self.is_current(path, "2026-02-01T00:00", "2026-01-31T23:59")
        assert not self.is_current(path, "2026-02-01T00:00", "2026-02-01T00:01")
        assert self.is_current(path, "2026-02-01T00:00")
        assert self.is_current(path, "2026-02-01T00:00", "NaT")
        # One of the clocks is wrong.
        assert self.is_current(path, "2026-02-01T00:00", "2400-01-01")

    def test_a_daily_file_is_complete_after_its_day(self, tmp_path):
        path = tmp_path / "imap_ialirt_l1_realtime_20260310_v001.cdf"
        path.write_bytes((SHIPPED / "imap_swapi_l3a_proton-sw_20260110_v001.0001.cdf").read_bytes())
        assert not self.is_current(path, "2026-03-10T12:00")
        assert self.is_current(path, "2026-03-11T00:00")

    def test_a_later_fetch_downloads_it_again(self, found, tmp_path, archive):
        (path,) = (file for file in fetch(found, path=tmp_path / "{file}") if file.name == Path(GSE).name)
        archive.log.clear()
        fetch(found, path=tmp_path / "{file}")
        assert archive.log == []
        (ingested,) = found[0]["Ingestion Time"][[GSE in one for one in found[0]["file_path"]]]
        os.utime(path, (ingested.unix - 60, ingested.unix - 60))
        fetch(found, path=tmp_path / "{file}")
        assert len([one for one in archive.log if one.path.endswith(path.name)]) >= 1
        archive.log.clear()
        fetch(found, path=tmp_path / "{file}")
        assert archive.log == []


def test_a_file_that_does_not_exist_is_not_damaged(tmp_path):
    assert integrity.looks_complete(tmp_path / "none.cdf", "none.cdf")


@pytest.mark.parametrize("head", [b"NAIF/DAF", b"DAF/CK  " + bytes(80) + b"VAX-GFLT"])
def test_kernels_of_other_formats_are_believed(tmp_path, head):
    path = tmp_path / "imap_2026_100_2026_101_01.ah.bc"
    path.write_bytes(head.ljust(1024, b"\0") + b"x")
    assert integrity.looks_complete(path, path.name)


def test_rows_without_the_time_of_ingestion_are_fetched(found, tmp_path):
    table = found[0][:1]
    table.remove_column("Ingestion Time")
    (path,) = fetch(table, path=str(tmp_path / "{file}"))
    assert path.name == GSE.rpartition("/")[2]
