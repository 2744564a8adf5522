"""Test that a wrong key is named, and not shown, wherever it is sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import IMAPClient, imap, sandbox, sign_in
from sunpy_helio_plugins.errors import HelioPluginsError
from sunpy_helio_plugins.sandbox.imap import service
from sunpy_helio_plugins.transport import credentials

DAY = a.Time("2026-01-10", "2026-01-10 12:00")
MAG = DAY, a.Instrument("mag"), a.imap.Descriptor("norm-gse")
GSE = "imap_mag_l2_norm-gse_20260110_v001.0002.cdf"
SHIPPED = Path(sandbox.__file__).parent / "data" / "imap" / GSE
WRONG = "wrong-and-secret"


def uploaded(folder: Path) -> None:
    path = folder / "imap_swe_l2_sci_20260112_v001.0001.cdf"
    path.write_bytes(SHIPPED.read_bytes())
    (found,) = imap.upload(path, progress=False)
    raise HelioPluginsError(found.problem)


CALLS = {
    "search": lambda folder: IMAPClient().search(*MAG),
    "kernels of a search": lambda folder: IMAPClient().search(DAY, a.imap.Kernel()),
    "sync": lambda folder: imap.sync(MAG, folder, progress=False),
    "rows": lambda folder: imap.rows(instrument="mag"),
    "download": lambda folder: imap.download(GSE, folder),
    "metakernel": lambda folder: imap.metakernel(DAY),
    "kernels": lambda folder: imap.kernels(DAY, folder),
    "spin_table": lambda folder: imap.spin_table(DAY, folder),
    "repoint_table": lambda folder: imap.repoint_table(DAY, folder),
    "realtime": lambda folder: imap.realtime(a.Time("2026-01-10 16:00", "2026-01-10 16:10"), "mag"),
    "upload": uploaded,
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_variable_of_a_wrong_key_is_named(archive, tmp_path, monkeypatch, call):
    monkeypatch.setenv("IMAP_API_KEY", WRONG)
    with pytest.raises(HelioPluginsError, match=r"403: Forbidden; the request was signed with IMAP_API_KEY") as error:
        call(tmp_path)
    assert WRONG not in str(error.value) + repr(error.value)


def test_the_variable_is_named_for_a_file_of_an_earlier_search(archive, tmp_path, monkeypatch):
    found = IMAPClient().search(*MAG)
    monkeypatch.setenv("IMAP_API_KEY", WRONG)
    results = Fido.fetch(found, path=tmp_path, progress=False)
    assert "signed with IMAP_API_KEY" in str(results.errors[0].exception)


@pytest.mark.parametrize("name", ["IMAP_ACCESS_TOKEN", "IMAP_API_KEY"])
def test_the_variable_of_a_token_is_that_of_the_token(archive, monkeypatch, name):
    monkeypatch.setenv(name, WRONG)
    with pytest.raises(HelioPluginsError, match=f"signed with {name}: check"):
        IMAPClient().search(*MAG)


def test_a_key_of_sign_in_is_named_with_the_variable_that_it_replaces(archive, monkeypatch):
    monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
    sign_in("imap", WRONG)
    try:
        with pytest.raises(HelioPluginsError, match=r"signed with sign_in\('imap', \.\.\.\), instead of IMAP_API_KEY"):
            IMAPClient().search(*MAG)
    finally:
        credentials.forget("imap")


def test_a_key_of_the_netrc_file_is_named_with_its_host(archive, monkeypatch, tmp_path):
    path = tmp_path / "netrc"
    path.write_text(f"machine 127.0.0.1 login x password {WRONG}\n")
    path.chmod(0o600)
    monkeypatch.setenv("NETRC", str(path))
    with pytest.raises(HelioPluginsError, match=r"the netrc file for 127\.0\.0\.1, instead of IMAP_API_KEY"):
        IMAPClient().search(*MAG)


def test_a_key_that_may_only_read_is_told_from_a_wrong_one(archive, tmp_path, monkeypatch):
    monkeypatch.setenv("IMAP_API_KEY", service.READ_KEY)
    with pytest.raises(HelioPluginsError, match=r"read-only permissions.*IMAP_API_KEY.*if the key is right"):
        uploaded(tmp_path)


def test_the_public_is_not_told_about_keys(archive, tmp_path):
    with pytest.raises(HelioPluginsError, match="not a part of a public release") as error:
        imap.download("imap_mag_l2_norm-gse_20260112_v001.0002.cdf", tmp_path)
    assert "IMAP_API_KEY" not in str(error.value)


def test_a_refusal_of_the_storage_does_not_name_the_key(archive, tmp_path, monkeypatch):
    monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
    with archive.fault("status", status=403, path="/imap/storage"):
        with pytest.raises(HelioPluginsError, match="403") as error:
            imap.download(GSE, tmp_path)
    assert "IMAP_API_KEY" not in str(error.value)
