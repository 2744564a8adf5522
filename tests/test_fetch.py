"""Test fetching through Fido: one queue for all clients, files of rows, and missing files."""

from __future__ import annotations

from functools import reduce
from operator import or_
from pathlib import Path

import astropy.units as u
import pytest
from sunpy.net import Fido
from sunpy.net import attrs as a

import sunpy_helio_plugins
from sunpy_helio_plugins import conf

TIME = a.Time("2026-01-10 12:00", "2026-01-10 12:02")
QUERIES = {
    "hapi": TIME & a.hapi.Server("cdaweb") & a.hapi.Dataset("AC_H0_MFI"),
    "imap": TIME & a.imap.File() & a.Instrument("mag") & a.Level("l2"),
    "helioviewer": TIME & a.helioviewer.Image() & a.Instrument("AIA") & a.Wavelength(304 * u.AA),
}


@pytest.fixture(autouse=True)
def _one_attempt():
    with conf.set_temp("retries", 0):
        yield


def test_all_clients_share_one_queue_and_make_one_get_for_each_file(archive, tmp_path):
    found = Fido.search(reduce(or_, [*QUERIES.values(), TIME & a.her.Event() & a.hek.CH]))
    archive.log.clear()
    results = Fido.fetch(found, path=tmp_path / "{file}", progress=False)
    assert not results.errors
    assert len(results) == len(results.urls) == sum(len(table) for table in found)
    assert {request.method for request in archive.log} == {"GET"}
    storage = [request for request in archive.log if "/storage/" in request.path]
    assert len(archive.log) - len(storage) == len(results)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(Path(path).name for path in results)


@pytest.mark.parametrize("name", QUERIES)
def test_rows_find_their_files_after_a_partial_failure(archive, tmp_path, name):
    table = Fido.search(QUERIES[name])[0]
    failing = str(table["url"][0]).replace(archive.url, "").split("?")[0]
    with archive.fault("status", path=failing, status=404):
        results = Fido.fetch(table, path=tmp_path / "{file}", progress=False)
    paths = table.paths(results)
    assert len(paths) == len(table)
    assert paths[0] is None
    assert all(path is not None and path.exists() for path in paths[1:])
    assert table[::-1].paths(results) == paths[::-1]
    archive.log.clear()
    again = Fido.fetch(table, path=tmp_path / "{file}", progress=False)
    assert None not in table.paths(again)
    assert len([request for request in archive.log if "/storage/" not in request.path]) == 1


@pytest.mark.parametrize("name", QUERIES)
def test_a_failure_is_fetched_again_in_full(archive, tmp_path, name):
    table = Fido.search(QUERIES[name])[0]
    with archive.fault("cut_length"):
        results = Fido.fetch(table, path=tmp_path / "{file}", progress=False)
    assert (len(results), len(results.errors)) == (0, len(table))
    assert list(tmp_path.iterdir()) == []
    results = Fido.fetch(results, downloader=sunpy_helio_plugins.Downloader(progress=False))
    assert (len(results), len(results.errors)) == (len(table), 0)


@pytest.mark.parametrize("name", QUERIES)
@pytest.mark.parametrize(
    "fault", ["hang_up", "cut_length", "cut_close", "cut_chunked", "wrong_length", "html_error", "json_error", "reset"]
)
def test_whatever_goes_wrong_nothing_partial_is_kept(archive, tmp_path, name, fault):
    table = Fido.search(QUERIES[name])[0][:1]
    with archive.fault(fault):
        results = Fido.fetch(table, path=tmp_path / "{file}", progress=False)
    assert len(results.errors) == 1
    assert list(results) == []
    assert list(tmp_path.iterdir()) == []
    assert str(results.errors[0].exception)


@pytest.mark.parametrize("name", QUERIES)
@pytest.mark.parametrize(("fault", "options"), [("status", {"status": 503, "retry_after": 0}), ("redirect", {})])
def test_what_passes_is_got_over(archive, tmp_path, name, fault, options):
    table = Fido.search(QUERIES[name])[0][:1]
    path = str(table["url"][0]).replace(archive.url, "").split("?")[0]
    with conf.set_temp("retries", 2), archive.fault(fault, path=path, times=1, **options):
        results = Fido.fetch(table, path=tmp_path / "{file}", progress=False)
    assert (len(results), len(results.errors)) == (1, 0)
