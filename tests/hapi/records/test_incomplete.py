"""Test that a part that is missing is always said: of a range that was loaded, and of a file that already exists."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import conf, hapi
from sunpy_helio_plugins.errors import FileError, IncompleteAnswerWarning, ServerError
from sunpy_helio_plugins.hapi.records import file
from sunpy_helio_plugins.hapi.tables import uncovered
from sunpy_helio_plugins.quantities.spans import Moment

DAY = a.Time("2026-01-10", "2026-01-11")
ACE = (a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI"), a.hapi.Parameters("Magnitude"))
DATA = "/hapi/cdaweb/hapi/data"
TEN = a.hapi.Chunk(2.4 * u.hour)


@pytest.fixture(autouse=True)
def _impatient() -> Iterator[None]:
    with conf.set_temp("retries", 0):
        yield


def times_of(table: Any) -> list[str]:
    return table.columns[0].isot.tolist()


class TestLoad:
    @pytest.mark.parametrize("form", ["csv", "binary"])
    @pytest.mark.parametrize("options", [
        {"kind": "status", "status": 503}, {"kind": "hang_up"}, {"kind": "cut_length", "after_bytes": 500},
        {"kind": "html_error"}, {"kind": "json_error"},
    ])  # fmt: skip
    def test_one_chunk_of_ten_that_fails_does_not_cost_the_others(self, archive, form, options):
        found = Fido.search(DAY, *ACE, TEN, a.hapi.Format(form))["hapi"]
        assert len(found) == 10
        whole = hapi.load(found)
        assert whole.meta["problems"] == []
        with archive.fault(path=DATA, skip=3, times=1, **options) as fault, conf.hapi.set_temp("connections", 1):
            with pytest.warns(IncompleteAnswerWarning, match="02:24:00.000Z|07:12:00.000Z to .* is missing"):
                table = hapi.load(found)
        assert fault.played == 1
        assert len(table) == len(whole) - 540
        inside = (whole["Time"] >= found["Start Time"][3]) & (whole["Time"] < found["Start Time"][4])
        assert times_of(table) == times_of(whole[~inside])
        (problem,) = table.meta["problems"]
        assert problem.startswith("2026-01-10T07:12:00.000Z to 2026-01-10T09:35:59.999Z is missing: ")

    def test_the_first_error_is_raised_if_every_chunk_fails(self, archive):
        with archive.fault("status", path=DATA, status=500) as fault, pytest.raises(ServerError, match="500"):
            hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11", "Magnitude", chunk=3600)
        assert fault.played < 24

    def test_a_server_that_fails_in_a_row_is_not_asked_for_everything(self, archive):
        with archive.fault("status", path=DATA, status=500, skip=1) as fault, conf.hapi.set_temp("connections", 1):
            with pytest.warns(IncompleteAnswerWarning, match=r"And 20 more"):
                table = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11", "Magnitude", chunk=3600)
        assert fault.played == 2
        assert len(table) == 225
        assert len(table.meta["problems"]) == 23

    def test_a_half_that_fails_does_not_cost_the_other(self, archive):
        esa = "spase://SSA/NumericalData/D3S/d3s_mtgs1_ngrm_science_ep_l1_bt_v1"
        question = f"{archive.url}/hapi/swe-open/hapi", esa, "2026-02-01", "2026-03-25"
        whole = hapi.load(*question)
        with archive.fault("status", path="/hapi/swe-open/hapi/data", status=503, skip=2) as fault:
            with pytest.warns(IncompleteAnswerWarning, match="to 2026-03-24T23:59:59.999Z is missing"):
                table = hapi.load(*question)
        assert fault.played == 1
        assert 0 < len(table) < len(whole)
        assert times_of(table) == times_of(whole)[: len(table)]

    def test_a_chunk_that_cannot_be_decoded_does_not_cost_the_others(self, archive, monkeypatch):
        add_to = file.HAPIDocument.add_to

        def damaged(document: Any, gathered: Any) -> None:
            if document.content[document.start :].startswith(b"2026-01-10T07:12"):
                raise FileError("the record 17 is damaged")
            add_to(document, gathered)

        monkeypatch.setattr(file.HAPIDocument, "add_to", damaged)
        found = Fido.search(DAY, *ACE, TEN, a.hapi.Format("csv"))["hapi"]
        with pytest.warns(IncompleteAnswerWarning, match=r"07:12:00.000Z to .* missing: .* the record 17 is damaged"):
            table = hapi.load(found)
        assert len(table) == 5400 - 540
        with pytest.raises(FileError, match="the record 17 is damaged"):
            hapi.load(found[3])


class TestCutRanges:
    LATE = a.Time("2026-02-28T23:00", "2026-03-02")

    def test_a_search_prints_what_is_not_covered(self, archive):
        found = Fido.search(self.LATE, *ACE)
        assert "Note: AC_H0_MFI of HAPI server cdaweb ends at 2026-03-01" in str(found)
        assert "the time after it is not covered." in repr(found["hapi"])
        assert "<p>Note: AC_H0_MFI of HAPI server cdaweb ends at" in found["hapi"]._repr_html_()

    def test_fetching_warns(self, archive, tmp_path):
        found = Fido.search(self.LATE, *ACE)
        for given in (found, found["hapi"], found["hapi"][:1]):
            with pytest.warns(IncompleteAnswerWarning, match="AC_H0_MFI of .* ends at .* is not covered"):
                assert not Fido.fetch(given, path=tmp_path / "{file}").errors

    def test_loading_warns(self, archive):
        found = Fido.search(self.LATE, *ACE)
        with pytest.warns(IncompleteAnswerWarning, match="ends at") as told:
            table = hapi.load(found["hapi"])
        assert len(told) == len(table.meta["problems"]) == 1
        with pytest.warns(IncompleteAnswerWarning, match="ends at"):
            assert len(hapi.load("cdaweb", "AC_H0_MFI", "2026-02-28T23:00", "2026-03-02").meta["problems"]) == 1

    def test_rows_of_another_dataset_do_not_warn(self, archive, tmp_path):
        both = a.hapi.Server("cdaweb") & (a.hapi.Dataset("AC_H0_MFI") | a.hapi.Dataset("OMNI2_H0_MRG1HR"))
        found = Fido.search(self.LATE, both)
        tables = [table for table in found if "OMNI2_H0_MRG1HR" in table["Dataset"]]
        notes = [note for table in tables for note in uncovered(table[table["Dataset"] == "OMNI2_H0_MRG1HR"])]
        assert not any("AC_H0_MFI" in note for note in notes)


class TestFiles:
    @pytest.fixture
    def clock(self, monkeypatch):
        """Return a function that sets the time of the clock."""

        def set_to(stamp: str) -> None:
            monkeypatch.setattr(Moment, "now", classmethod(lambda cls: Moment.read(stamp)))

        return set_to

    def fetched(self, archive: Any, found: Any, folder: Path, **options: Any) -> tuple[Path, int]:
        archive.log.clear()
        results = Fido.fetch(found, path=folder / "{file}", **options)
        assert not results.errors
        return Path(results[0]), len([one for one in archive.log if one.path == DATA])

    @pytest.mark.parametrize("form", ["csv", "binary"])
    def test_a_range_that_was_not_over_is_fetched_again(self, archive, tmp_path, clock, form):
        found = Fido.search(DAY, *ACE, a.hapi.Format(form))["hapi"]
        clock("2026-01-10T12:00:00Z")
        path, sent = self.fetched(archive, found, tmp_path)
        assert sent == 1
        assert file.header_of_whole(path).complete_until == "2026-01-10T12:00:00.000000000Z"
        clock("2026-01-10T18:00:00Z")
        assert self.fetched(archive, found, tmp_path) == (path, 1)
        clock("2026-01-11T00:00:01Z")
        assert self.fetched(archive, found, tmp_path) == (path, 1)
        whole = path.read_bytes()
        clock("2026-01-12T00:00:00Z")
        assert self.fetched(archive, found, tmp_path) == (path, 0)
        assert path.read_bytes() == whole
        assert len(hapi.read(path)) == 5400

    def test_a_table_does_not_tell_the_time_of_one_file(self, archive, tmp_path):
        path, _ = self.fetched(archive, Fido.search(DAY, *ACE)["hapi"], tmp_path)
        assert b"x_complete_until" in path.read_bytes()
        assert "x_complete_until" not in hapi.read(path).meta["hapi"]

    def test_an_older_file_without_this_time_is_judged_by_its_own(self, archive, tmp_path):
        found = Fido.search(DAY, *ACE)["hapi"]
        path, _ = self.fetched(archive, found, tmp_path)
        until = file.header_of_whole(path).complete_until
        path.write_bytes(path.read_bytes().replace(f', "x_complete_until": "{until}"'.encode(), b""))
        assert file.header_of_whole(path).complete_until is None
        for day, sent in (("2026-01-10T12:00", 1), ("2026-01-11T12:00", 0)):
            path.write_bytes(path.read_bytes().replace(b"x_complete_until", b"x_another"))
            stamp = np.datetime64(day, "s").astype(int)
            os.utime(path, (stamp, stamp))
            assert self.fetched(archive, found, tmp_path) == (path, sent)

    def test_a_file_that_cannot_be_fetched_again_is_kept_and_said(self, archive, tmp_path, clock):
        found = Fido.search(DAY, *ACE)["hapi"]
        clock("2026-01-10T12:00:00Z")
        path, _ = self.fetched(archive, found, tmp_path)
        before = path.read_bytes()
        with archive.fault("status", path=DATA, status=503):
            results = Fido.fetch(found, path=tmp_path / "{file}")
        assert "503" in str(results.errors[0].exception)
        assert path.read_bytes() == before

    @pytest.mark.parametrize("form", ["csv", "binary"])
    def test_a_damaged_file_is_replaced(self, archive, tmp_path, form):
        found = Fido.search(DAY, *ACE, a.hapi.Format(form))["hapi"]
        path, _ = self.fetched(archive, found, tmp_path)
        whole = path.read_bytes()
        start = whole.index(b"\n") + 1
        for damaged in (
            b"", whole[:-3], whole[:20], whole[: start + 5], whole[:start], whole[start:], b"<html>Sorry</html>\n",
            whole + b"\0\1\2", b"\0" * len(whole), whole + b'{"HAPI": "3.0", "status": {"code": 1500, "message": "x"}}',
        ):  # fmt: skip
            path.write_bytes(damaged)
            assert self.fetched(archive, found, tmp_path) == (path, 1), damaged[:40]
            assert hapi.read(path).columns[0].isot.tolist() == times_of(hapi.load(found))
        assert self.fetched(archive, found, tmp_path) == (path, 0)

    def test_a_json_file_is_judged_too(self, tmp_path):
        info = {"HAPI": "3.0", "parameters": [{"name": "Time", "type": "isotime", "length": 24}]}
        whole = json.dumps({**info, "data": [["2026-01-10T00:00:00.000Z"]]}).encode()
        path = tmp_path / "x.hapi"
        for content, is_whole in ((whole, True), (whole[:-1], False), (whole * 2, False), (whole[:40], False)):
            path.write_bytes(content)
            assert (file.header_of_whole(path) is not None) == is_whole

    def test_the_compressed_file_of_a_user_is_read(self, archive, tmp_path):
        path, _ = self.fetched(archive, Fido.search(DAY, *ACE)["hapi"], tmp_path)
        packed = tmp_path / "packed" / f"{path.name}.gz"
        packed.parent.mkdir()
        packed.write_bytes(gzip.compress(path.read_bytes()))
        assert len(hapi.read(packed)) == len(hapi.read(packed.parent)) == 5400
        packed.write_bytes(packed.read_bytes()[:-9])
        with pytest.raises(FileError, match=r"\.hapi\.gz: the compressed stream is truncated"):
            hapi.read(packed)


class TestTables:
    def test_a_damaged_compressed_table_is_refused(self, archive, tmp_path):
        """Read by astropy, one flipped bit can become a table of gigabytes."""
        path = tmp_path / "rows.fits.gz"
        found = Fido.search(DAY, *ACE)["hapi"]
        found.write(path)
        whole = path.read_bytes()
        assert type(found).read(path)["url"].tolist() == found["url"].tolist()
        for damaged in (whole[:-1], whole[:-9], whole[: len(whole) // 2], whole + b"x", whole + whole[:50]):
            path.write_bytes(damaged)
            with pytest.raises(FileError, match=r"rows\.fits\.gz cannot be read as a table: .*compressed stream"):
                type(found).read(path)
        for place in range(60, len(whole), len(whole) // 6):  # after the header of gzip, which contains the name
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
            with pytest.raises(FileError, match="cannot be read as a table"):
                type(found).read(path)
