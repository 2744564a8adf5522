"""Test I-ALiRT's own archive of daily files, together with the SDC's table."""

from __future__ import annotations

import pytest
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import IMAPClient, conf, imap
from sunpy_helio_plugins.errors import AnswerError, IncompleteAnswerWarning, QueryError, TransferError
from sunpy_helio_plugins.imap import filenames, translator
from sunpy_helio_plugins.imap.endpoints import ialirt
from sunpy_helio_plugins.sandbox.imap import service

STORM = a.Time("2026-01-10 06:00", "2026-01-12 12:00")
FIRST = "imap_ialirt_l1_realtime_20260110_v001.cdf"
NEWER = "imap_ialirt_l1_realtime_20260110_v002.cdf"


def search(*words):
    return IMAPClient().search(*words)


def names(table) -> list[str]:
    return [path.rpartition("/")[2] for path in table["file_path"]]


class TestSearch:
    def test_the_instrument_is_enough(self, archive):
        table = search(STORM, a.Instrument("ialirt"), a.imap.File())
        assert names(table) == [NEWER, *(f"imap_ialirt_l1_realtime_202601{day}_v001.cdf" for day in (11, 12))]
        assert set(table["Provider"]) == {"I-ALiRT"}
        assert table["url"][0] == f"{archive.url}/imap/ialirt/ialirt-download/archive/{NEWER}"
        assert table["file_path"][0] == f"imap/ialirt/l1/2026/01/{NEWER}"

    def test_other_instruments_do_not_ask_it(self, archive):
        search(STORM, a.Instrument("mag"), a.imap.File())
        assert not any("ialirt" in request.path for request in archive.log)

    def test_by_the_name_of_its_table(self, archive):
        assert len(search(STORM, a.imap.Table("ialirt"))) == 3
        assert {request.path for request in archive.log} == {"/imap/ialirt/ialirt-archive-query"}

    def test_a_month_at_a_time(self, archive):
        search(a.Time("2025-12-31", "2026-02-01"), a.imap.Table("ialirt"))
        asked = {(one.query["year"], one.query["month"]) for one in archive.log}
        assert asked == {("2025", "12"), ("2026", "01"), ("2026", "02")}

    @pytest.mark.parametrize(
        ("version", "found"),
        [("all", [FIRST, NEWER]), ("v001", [FIRST]), ("v002", [NEWER]), ("v003", []), (1, [FIRST, NEWER]), (2, [])],
    )
    def test_versions(self, archive, version, found):
        day = a.Time("2026-01-10", "2026-01-10 12:00")
        assert names(search(day, a.imap.Table("ialirt"), a.imap.Version(version))) == found

    def test_by_name(self, archive):
        assert names(search(a.imap.FileName(FIRST))) == [FIRST]

    @pytest.mark.parametrize(
        "words",
        [
            (a.Instrument("ialirt"), a.Level("l2")),
            (a.Instrument("ialirt"), a.imap.Descriptor("norm-*")),
            (a.Instrument("ialirt"), a.imap.Version("v001.0002")),
            (a.Instrument("ialirt"), a.imap.Extension("pkts")),
            (a.Instrument("ialirt"), a.imap.Table("science")),
            (a.Instrument("ialirt"), a.imap.Released(False)),
        ],
    )
    def test_it_is_not_asked_for_what_it_cannot_have(self, words):
        asked = translator.queries(STORM, a.imap.File(), *words)
        assert "ialirt" not in {one.table for one in asked}

    def test_it_cannot_be_asked_without_a_time(self):
        with pytest.raises(QueryError, match=r"add a\.Time"):
            translator.queries(a.imap.Table("ialirt"), a.imap.Ingested("2026-01-01"))


class TestFailures:
    def test_it_does_not_cost_the_rows_of_the_sdc(self, archive):
        with archive.fault("status", status=500, path="/imap/ialirt/ialirt-archive-query"):
            with pytest.warns(IncompleteAnswerWarning, match="I-ALiRT answered 500"):
                table = search(STORM, a.Instrument("ialirt"), a.imap.File())
        assert len(table) == 0
        assert "I-ALiRT" in table.problems[0]

    def test_a_month_that_fails_is_named(self, archive):
        second = lambda request: request.query["month"] == "01"  # noqa: E731
        with archive.fault("status", status=500, where=second):
            with pytest.warns(IncompleteAnswerWarning, match="A month of I-ALiRT's archive is missing"):
                search(a.Time("2025-12-31", "2026-01-12"), a.imap.Table("ialirt"))

    @pytest.mark.parametrize("body", ['["x.cdf"]', '{"files": 3}', '{"files": [1]}'])
    def test_an_answer_that_is_none(self, archive, body):
        with archive.fault("json_error", body=body, status=200), pytest.raises(AnswerError, match="list of files"):
            search(STORM, a.imap.Table("ialirt"))


class TestFiles:
    def test_they_come_into_the_tree_without_a_key(self, archive, tmp_path, monkeypatch):
        monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
        found = Fido.search(STORM, a.imap.Table("ialirt"))
        archive.log.clear()
        files = Fido.fetch(found, path=str(tmp_path / "{tree}" / "{file}"), progress=False)
        assert files.errors == []
        assert sorted(path.name for path in (tmp_path / "imap/ialirt/l1/2026/01").iterdir()) == sorted(names(found[0]))
        assert not any("x-api-key" in request.headers for request in archive.log)

    def test_by_the_bare_name(self, archive, tmp_path):
        assert imap.download(FIRST, tmp_path) == tmp_path / "imap/ialirt/l1/2026/01" / FIRST
        with pytest.raises(TransferError, match="404"):
            imap.download("imap_ialirt_l1_realtime_20300110_v001.cdf", tmp_path)

    def test_each_of_their_times_gives_a_table(self, archive, tmp_path):
        path = imap.download(FIRST, tmp_path)
        assert imap.epochs(path) == {"mag_epoch": 720, "swapi_epoch": 288}
        field = imap.to_timeseries(imap.read(path, epoch="mag_epoch"))
        assert field.columns[:3] == ["mag_B_GSE_x", "mag_B_GSE_y", "mag_B_GSE_z"]
        assert field.meta.metas[0]["epochs"] == "mag_epoch, swapi_epoch"
        assert imap.read(path, epoch="swapi_epoch")["swapi_pseudo_proton_speed"].unit == "km/s"

    def test_the_address_is_read_at_use(self, archive, tmp_path, monkeypatch):
        monkeypatch.setenv("IALIRT_DATA_ACCESS_URL", f"{archive.url}/imap/ialirt/api-key/")
        with conf.imap.set_temp("ialirt_url", "http://127.0.0.1:9"):
            assert imap.download(FIRST, tmp_path).is_file()


@pytest.mark.parametrize(
    ("name", "is_daily"),
    [
        (FIRST, True), ("imap_ialirt_l1_realtime_20260110_v001.0001.cdf", False),
        ("imap_ialirt_l1_realtime_20260110_v001.pkts", False), ("imap_mag_l1_realtime_20260110_v001.cdf", False),
        ("realtime.cdf", False),
    ],
)  # fmt: skip
def test_its_files_have_versions_of_one_number(name, is_daily):
    assert filenames.is_daily(name) == is_daily


def test_versions_are_asked_for_up_to_a_limit(archive, monkeypatch):
    monkeypatch.setattr(ialirt, "_MOST_VERSIONS", 2)
    day = a.Time("2026-01-10", "2026-01-10 12:00")
    assert names(search(day, a.imap.Table("ialirt"), a.imap.Version("all"))) == [FIRST]
    assert [one.query["version"] for one in archive.log] == ["1"]
