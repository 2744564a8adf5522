"""Test files of level 0 from the packet server, and compare them with those of the official client."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import datetime

import astropy.units as u
import imap_data_access as official
import pytest
from imap_data_access import webpoda
from sunpy.net import attrs as a
from sunpy.time import TimeRange

from sunpy_helio_plugins import imap, sandbox, sign_in
from sunpy_helio_plugins.errors import AnswerError, HelioPluginsError, QueryError, ServiceRefused, TransferError
from sunpy_helio_plugins.imap import ServiceRequest, Synced, Uploaded
from sunpy_helio_plugins.imap.files import packets as module
from sunpy_helio_plugins.sandbox.imap import operations, service
from sunpy_helio_plugins.sandbox.imap.storage import Bucket
from sunpy_helio_plugins.transport import credentials

TOKEN = base64.b64encode(f"{operations.USER}:{operations.PASSWORD}".encode()).decode()
DAY = ("2026-01-10", "2026-01-11")


@pytest.fixture
def own(monkeypatch):
    """Return an embedded archive that no other test uses, with the login of its packet server."""
    with sandbox.Archive(0, ("imap",)) as running, sandbox.use(running.url):
        monkeypatch.setenv("IMAP_WEBPODA_TOKEN", TOKEN)
        yield running


@pytest.fixture
def key(own, monkeypatch):
    monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
    return own


@pytest.fixture
def theirs(own, tmp_path, monkeypatch):
    """Return the official client, which writes below another folder."""
    monkeypatch.setattr(webpoda, "WEBPODA_APID_URL", f"{own.url}/imap/poda/dap2/apids")
    values = {"DATA_ACCESS_URL": f"{own.url}/imap", "DATA_DIR": tmp_path / "theirs", "API_KEY": None,
              "ACCESS_TOKEN": None, "WEBPODA_TOKEN": TOKEN}  # fmt: skip
    for name, value in values.items():
        monkeypatch.setitem(official.config, name, value)
    return webpoda


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.pkts")}


def test_the_kinds_of_packets_are_those_of_the_official_client():
    assert {name: sorted(kinds) for name, kinds in module.APIDS.items()} == webpoda.INSTRUMENT_APIDS
    assert module.MARGINS == webpoda._INSTRUMENT_BUFFER_MINUTES
    assert list(module._POINTED) == official.REPOINT_DEPENDENT_INSTRUMENTS


@pytest.mark.parametrize("by_reception", [True, False])
@pytest.mark.parametrize("instrument", ["mag", "swapi", "codice"])
def test_days_are_those_of_the_official_client(own, theirs, tmp_path, instrument, by_reception):
    theirs.download_daily_data(instrument, datetime(2026, 1, 10), datetime(2026, 1, 11), query_by_ert=by_reception)
    found = imap.packets(instrument, DAY, tmp_path / "ours", by_reception=by_reception)
    assert contents(tmp_path / "ours") == contents(tmp_path / "theirs")
    assert [one.state for one in found] == ["new"] * (1 if by_reception else 2)


@pytest.mark.parametrize("by_reception", [True, False])
def test_pointings_are_those_of_the_official_client(own, theirs, tmp_path, by_reception):
    rows = [
        {"repoint_id": number, "repoint_end_utc": f"2026-01-{number - 110:02} 05:15:00.000"}
        for number in range(118, 123)
    ]  # fmt: skip
    rows.append({"repoint_id": 123, "repoint_end_utc": "NaN"})
    theirs.download_repointing_data("hi", datetime(2026, 1, 11), datetime(2026, 1, 12), rows, query_by_ert=by_reception)
    found = imap.packets("hi", ("2026-01-11", "2026-01-12"), tmp_path / "ours", by_reception=by_reception)
    assert contents(tmp_path / "ours") == contents(tmp_path / "theirs")
    assert [one.path.name[24:36] for one in found] == (
        ["repoint00119", "repoint00120"] if by_reception else ["repoint00120", "repoint00121"]
    )


def test_a_file_that_contains_more_gets_the_next_version(key, tmp_path, monkeypatch):
    (first,) = imap.packets("mag", DAY, tmp_path, send=True)
    assert first.uploaded.sent
    whole = first.path.read_bytes()
    assert imap.packets("mag", DAY, tmp_path)[0].state == "unchanged"
    # The archive contains less, as many, or more.
    for state, content in (("changed", whole[:-16]), ("changed", b"\0" * len(whole)), ("smaller", whole + whole[:16])):
        monkeypatch.setattr(Bucket, "read", lambda bucket, key, content=content: content)
        first.path.unlink()
        (found,) = imap.packets("mag", DAY, tmp_path)
        assert found.state == state
        assert found.path.name.endswith("_v001.0002.pkts")
        assert found.path.exists() is (state == "changed")
        found.path.unlink(missing_ok=True)


def test_a_day_without_packets_makes_no_file(own, tmp_path):
    (found,) = imap.packets("mag", ("2026-03-01", "2026-03-01"), tmp_path, by_reception=False)
    assert (found.state, found.path.exists()) == ("empty", False)
    assert imap.packets("mag", ("2026-03-01", "2026-03-02"), tmp_path) == []
    assert imap.packets("hi", ("2026-03-01", "2026-03-02"), tmp_path) == []


@pytest.mark.parametrize(("instrument", "files"), [("mag", 1), ("hi", 2)])
def test_a_dry_run_requests_times_only_and_writes_nothing(own, tmp_path, instrument, files):
    found = imap.packets(instrument, ("2026-01-11", "2026-01-12"), tmp_path, dry_run=True)
    assert [one.state for one in found] == ["planned"] * files
    assert not [request for request in own.log if request.path.endswith(".bin")]
    assert list(tmp_path.iterdir()) == []
    assert str(found[0].time_range.start.iso) in ("2026-01-09 23:30:00.000", "2026-01-09 05:15:00.000")


def test_a_dry_run_of_days_sends_nothing(own, tmp_path):
    found = imap.packets("mag", a.Time(*DAY), tmp_path, by_reception=False, dry_run=True)
    assert [one.path.name[16:24] for one in found] == ["20260110", "20260111"]
    assert not own.log


def test_sign_in_replaces_the_variable(own, tmp_path, monkeypatch):
    monkeypatch.delenv("IMAP_WEBPODA_TOKEN")
    sign_in("imap-webpoda", operations.USER, operations.PASSWORD)
    try:
        assert len(imap.packets("mag", DAY, tmp_path, dry_run=True)) == 1
    finally:
        credentials.forget("imap-webpoda")


def test_the_login_is_not_sent_to_the_archive_nor_the_key_to_the_packet_server(key, tmp_path):
    imap.packets("mag", DAY, tmp_path)
    for request in key.log:
        is_poda = "/poda/" in request.path
        if "/storage/" in request.path:
            assert not {"authorization", "x-api-key"} & set(request.headers)
            continue
        assert ("authorization" in request.headers, "x-api-key" in request.headers) == (is_poda, not is_poda)


def test_a_wrong_login_is_named_and_not_shown(own, tmp_path, monkeypatch):
    wrong = base64.b64encode(b"me:wrong-and-secret").decode()
    monkeypatch.setenv("IMAP_WEBPODA_TOKEN", wrong)
    with pytest.raises(ServiceRefused, match=r"401.*signed with IMAP_WEBPODA_TOKEN") as error:
        imap.packets("mag", DAY, tmp_path)
    with pytest.raises(TransferError, match=r"401.*signed with IMAP_WEBPODA_TOKEN") as other:
        imap.packets("mag", DAY, tmp_path, by_reception=False)
    assert not any(text in str(one.value) for text in (wrong, "wrong-and-secret") for one in (error, other))


@pytest.mark.parametrize("token", ["not base64", base64.b64encode(b"without a colon").decode(), "/w=="])
def test_a_token_of_another_form_is_named_and_not_shown(own, tmp_path, monkeypatch, token):
    monkeypatch.setenv("IMAP_WEBPODA_TOKEN", token)
    with pytest.raises(QueryError, match="IMAP_WEBPODA_TOKEN is not the base64") as error:
        imap.packets("mag", DAY, tmp_path)
    assert token not in str(error.value)
    assert not own.log


def test_bad_arguments_send_nothing(own, tmp_path, monkeypatch):
    with pytest.raises(QueryError, match=r"the instrument is one of codice.*not 'mags'.*mag"):
        imap.packets("mags", DAY, tmp_path)
    monkeypatch.delenv("IMAP_WEBPODA_TOKEN")
    with pytest.raises(QueryError, match="set IMAP_WEBPODA_TOKEN"):
        imap.packets("mag", DAY, tmp_path)
    assert not own.log


def test_packets_that_do_not_come_leave_no_file(own, tmp_path):
    with own.fault("status", status=404, path="/imap/poda", where=lambda one: one.path.endswith("apid_1068.bin")):
        with pytest.raises(TransferError, match="IMAP packet server answered 404"):
            imap.packets("mag", DAY, tmp_path)
    assert contents(tmp_path) == {}


def test_packets_that_are_cut_leave_no_file(own, tmp_path, monkeypatch):
    monkeypatch.setattr(operations, "packet", lambda apid, time: b"\x08\x01\xc0\x00\x00\x09short")
    with pytest.raises(HelioPluginsError, match="The packets of APID 1052 are cut"):
        imap.packets("mag", DAY, tmp_path)
    assert contents(tmp_path) == {}


def test_times_that_are_none_are_an_error(own, tmp_path):
    with own.fault("html_error", path="/imap/poda"), pytest.raises(AnswerError, match="a list of times"):
        imap.packets("mag", DAY, tmp_path)


def test_only_pointings_of_the_received_packets_are_requested(own, tmp_path):
    table = imap.repoint_table(path=tmp_path)
    first, _, third = (table["repoint_end_utc"][:3] + 1 * u.hour).to_datetime().tolist()
    parts = list(module._pointings(a.Time(*DAY), tmp_path, [first, third], True))
    assert [one.pointing for one in parts] == [118, 120]
    assert list(module._pointings(a.Time(*DAY), tmp_path, [], True)) == []


def test_results_tell_their_state_in_one_line(tmp_path):
    assert repr(module.PacketFile(tmp_path / "x.pkts", TimeRange(*DAY))) == "<PacketFile x.pkts: planned>"
    assert repr(Uploaded(tmp_path / "x.cdf", "imap/x.cdf", sent=True)) == "<Uploaded imap/x.cdf: sent>"
    assert repr(Uploaded(tmp_path / "x.cdf", "", problem="no name")) == f"<Uploaded {tmp_path / 'x.cdf'}: no name>"
    assert repr(Uploaded(tmp_path / "x.cdf", "imap/x.cdf")) == "<Uploaded imap/x.cdf: not sent>"
    request = ServiceRequest("POST", "https://x/reprocess", {"instrument": "mag"})
    assert repr(request) == "<ServiceRequest POST https://x/reprocess instrument=mag: not sent>"
    assert repr(replace(request, sent=True, answer="queued")).endswith("instrument=mag: queued>")
    assert repr(Synced()) == "<Synced: nothing>"
    assert repr(Synced(new=[tmp_path], kept=[tmp_path] * 2)) == "<Synced: 1 new, 2 kept>"
