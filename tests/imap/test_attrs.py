"""Test every attr of ``a.imap``: allowed values, errors, and results."""

from __future__ import annotations

import csv
import json
from datetime import date, datetime

import astropy.units as u
import numpy as np
import pytest
from astropy.time import Time
from sunpy.net import Fido
from sunpy.net import attrs as a
from sunpy.time import parse_time

from sunpy_helio_plugins import IMAPClient, conf, imap
from sunpy_helio_plugins.errors import IncompleteAnswerWarning, QueryError, ServerError
from sunpy_helio_plugins.imap import attrs, mission, service, tables, translator
from sunpy_helio_plugins.imap import search as search_module
from sunpy_helio_plugins.imap import service as service_module
from sunpy_helio_plugins.imap.query import Query
from sunpy_helio_plugins.sandbox.imap import service as sandbox

DAY = a.Time("2026-01-10", "2026-01-11")
STORM = a.Time("2026-01-10", "2026-01-12 12:00")
GSE = a.Instrument("mag"), a.Level("l2"), a.imap.Descriptor("norm-gse")


def search(*query):
    return IMAPClient().search(*query)


def names(table) -> list[str]:
    return [path.rpartition("/")[2] for path in table["file_path"]]


@pytest.fixture
def keyed(archive, monkeypatch):
    monkeypatch.setenv("IMAP_API_KEY", sandbox.API_KEY)
    return archive


class TestRefusals:
    @pytest.mark.parametrize(
        ("word", "value", "said"),
        [
            ("Repointing", "repoint1234567", "five digits"),
            ("Repointing", True, "five digits"),
            ("Repointing", 1.5, "five digits"),
            ("CarringtonRotation", "repoint00120", "five digits"),
            ("Extension", "fits", "cdf, csv"),
            ("FileName", "imap_mag_*", "complete name"),
            ("Table", "tables", "science, ancillary"),
            ("Kernel", "ck", "attitude_history"),
            ("Released", "perhaps", "True or False"),
            ("Recent", 0, "positive number of days"),
            ("Recent", "yesterday", "positive number of days"),
            ("Recent", 3 * u.km, "positive number of days"),
        ],
    )
    def test_bad_values_are_refused_at_once_with_what_is_allowed(self, word, value, said):
        with pytest.raises(QueryError, match=rf"a\.imap\.{word}.*{said}"):
            getattr(a.imap, word)(value)

    @pytest.mark.parametrize("span", [(), ("soon",), ("2026-01-02", "2026-01-01")])
    def test_ranges_of_ingestion_that_are_none(self, span):
        with pytest.raises(QueryError, match=r"a\.imap\.Ingested") as caught:
            a.imap.Ingested(*span)
        assert len(str(caught.value)) < 160  # without the list of all formats of astropy

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ((a.imap.Recent(3), STORM), "omit one of them"),
            ((STORM, a.imap.Table("ancillary"), a.Level("l2")), r"does not support a\.Level"),
            ((STORM, a.imap.Table("science"), a.imap.Extension("csv")), "contains: cdf, pkts"),
            ((STORM, a.imap.Table("science"), a.imap.Kernel("spin")), "Kernel"),
            ((a.imap.FileName("mag.cdf"),), "conventions"),
            ((a.imap.Extension("cdf"),), r"a\.Time.*a\.imap\.Recent.*a\.imap\.FileName"),
        ],
    )
    def test_words_that_do_not_go_together(self, words, said):
        with pytest.raises(QueryError, match=said):
            translator.queries(*words)

    def test_values_complete_by_tab(self):
        assert a.imap.Table.ancillary == a.imap.Table("ancillary")
        assert a.imap.Kernel.spin == a.imap.Kernel("spin")
        assert a.imap.Version.all == a.imap.Version("all")
        assert a.imap.Recent.today == a.imap.Recent(1)

    def test_types_of_kernels_are_those_of_the_official_client(self):
        from imap_data_access import file_validation

        assert file_validation._SPICE_DIR_MAPPING == mission.KERNEL_FOLDERS


class TestVersions:
    def test_latest_without_a_word(self, archive):
        assert names(search(STORM, *GSE)) == names(search(STORM, *GSE, a.imap.Version.latest))

    def test_all_majors_and_minors(self, archive):
        table = search(STORM, *GSE, a.imap.Version("all"))
        assert list(table["Version"]) == ["v001.0001", "v001.0002", "v001.0001", "v002.0001", "v001.0001"]

    def test_a_major_has_all_its_minors(self, archive):
        assert list(search(STORM, *GSE, a.imap.Version(1))["Version"]) == [
            "v001.0001", "v001.0002", "v001.0001", "v001.0001",
        ]  # fmt: skip
        assert list(search(STORM, *GSE, a.imap.Version(2))["Version"]) == ["v002.0001"]

    def test_three_digits_are_the_minor_of_the_highest_major_that_has_it(self, archive):
        assert list(search(STORM, *GSE, a.imap.Version("v001"))["Version"]) == ["v001.0001", "v002.0001", "v001.0001"]

    def test_both(self, archive):
        assert names(search(STORM, *GSE, a.imap.Version("v001.0002"))) == [
            "imap_mag_l2_norm-gse_20260110_v001.0002.cdf"
        ]

    def test_alternatives_are_one_table(self, archive):
        found = Fido.search(STORM, *GSE, a.imap.Version("v001.0002") | a.imap.Version("v002.0001"))
        assert [list(table["Version"]) for table in found] == [["v001.0002", "v002.0001"]]

    def test_the_service_of_2024_which_knows_no_latest(self, archive):
        span = a.Time("2024-06-10", "2024-06-11")
        with conf.imap.set_temp("url", f"{archive.url}/imap/v0"):
            assert list(search(span, a.Instrument("codice"), a.imap.Version.latest)["Version"]) == ["v210"]
            assert list(search(span, a.Instrument("codice"), a.imap.Version.all)["Version"]) == [
                "v001", "v100", "v200", "v210",
            ]  # fmt: skip
            assert list(search(span, a.Instrument("codice"), a.imap.Version("v100"))["Version"]) == ["v100"]


class TestReleased:
    def test_the_public_sees_what_is_released(self, archive):
        assert len(search(STORM, *GSE, a.imap.Released(False))) == 0
        assert len(search(STORM, *GSE, a.imap.Released())) == 3

    def test_what_is_withheld_from_the_public_is_said(self, keyed):
        table = search(STORM, *GSE)
        assert table["Version"][-1] == "v001.0002"
        (said,) = table.notes
        assert table.problems == []
        assert "not released" in said
        assert "imap_mag_l2_norm-gse_20260112_v001.0002.cdf" in said

    def test_the_public_can_ask_what_is_withheld(self, archive):
        table = search(STORM, *GSE)
        archive.log.clear()
        assert imap.unreleased(table) == ["imap_mag_l2_norm-gse_20260112_v001.0002.cdf"]
        assert "imap_mag_l2_norm-gse_20260112_v001.0002.cdf" in table.notes[-1]
        assert len(archive.log) == 2 * len(table)
        assert {request.path.split("/")[2] for request in archive.log} == {"download"}

    def test_nothing_is_withheld_where_all_is_released(self, archive):
        table = search(STORM, a.Instrument("mag"), a.imap.Descriptor("norm-rtn"))
        assert imap.unreleased(table) == []
        assert (table.problems, table.notes) == ([], [])
        assert imap.unreleased(table[:0]) == []

    def test_a_service_that_fails_is_not_taken_for_one_that_withholds(self, archive):
        table = search(STORM, *GSE)
        with archive.fault("status", status=503, path="/imap/download", retry_after=30) as rule:
            assert imap.unreleased(table) == []
        assert rule.played == 6
        with archive.fault("status", status=403, path="/imap/download", words="Forbidden"):
            assert imap.unreleased(table) == []

    def test_files_of_other_conventions_are_not_asked_for(self, archive):
        table = search(STORM, a.imap.Table("spice"))
        archive.log.clear()
        assert imap.unreleased(table) == []
        assert archive.log == []

    def test_latest_released_version_with_a_key(self, keyed):
        table = search(STORM, *GSE, a.imap.Released(True))
        assert names(table)[-1] == "imap_mag_l2_norm-gse_20260112_v001.0001.cdf"
        assert "imap_mag_l2_norm-gse_20260112_v001.0002.cdf" in table.notes[0]

    def test_only_what_is_not_released(self, keyed):
        table = search(STORM, *GSE, a.imap.Released(False))
        assert names(table) == ["imap_mag_l2_norm-gse_20260112_v001.0002.cdf"]


class TestWithoutTime:
    def test_a_file_by_its_name(self, archive):
        name = "imap_mag_l2_norm-gse_20260110_v001.0001.cdf"
        assert names(search(a.imap.FileName(f"/data/somewhere/{name}"))) == [name]
        assert [request.query["file_path"] for request in archive.log] == [f"imap/mag/l2/2026/01/{name}"]

    @pytest.mark.parametrize(
        "name",
        [
            "imap_swapi_efficiency-lut_20250901_20261231_v002.csv", "imap_mag_l2-calibration_20250901_v001.json",
            "imap_mag_l2_norm-gse_20260110_v001.0002.pdf", "imap_recon_20251201_20260131_v01.bsp",
        ],
    )  # fmt: skip
    def test_of_any_table(self, archive, name):
        assert names(search(a.imap.FileName(name))) == [name]

    def test_of_the_service_of_2024(self, archive):
        name = "imap_codice_l0_hskp_20240610_v100.pkts"
        with conf.imap.set_temp("url", f"{archive.url}/imap/v0"):
            assert names(search(a.imap.FileName(name))) == [name]

    def test_pointings(self, archive):
        table = search(a.imap.Repointing(119, "repoint00120"))
        assert list(table["Repointing"]) == [119, 120]
        assert {request.query["repointing"] for request in archive.log} == {"119", "120"}

    def test_rotations(self, archive):
        assert list(search(a.imap.CarringtonRotation("cr02306"))["Rotation"]) == [2306]

    def test_rotations_where_the_service_has_not_noted_them(self, archive, monkeypatch):
        ask = service.rows_of

        def without(access, endpoint, fields):
            return [] if "cr" in fields else [{**row, "cr": None} for row in ask(access, endpoint, fields)]

        monkeypatch.setattr(service, "rows_of", without)
        assert list(search(a.imap.CarringtonRotation(2306))["Rotation"]) == [2306]

    def test_what_came_into_the_archive(self, archive):
        table = search(a.imap.Ingested("2026-02-10 04:01:01.5", "2026-02-10"), a.Instrument("mag"))
        assert names(table) == ["imap_mag_l2_norm-gse_20260110_v001.0002.cdf"]
        assert archive.log[0].query["ingestion_start_date"] == "20260210"
        assert len(search(a.imap.Ingested(since="2026-11-01"))) == 0

    def test_that_of_the_service_of_2024(self, archive):
        with conf.imap.set_temp("url", f"{archive.url}/imap/v0"):
            assert len(search(a.imap.Ingested("2024-07-16", "2024-07-17"))) == 1
            assert len(search(a.imap.Ingested("2024-07-16", "2024-07-17"), a.imap.Version.all)) == 2

    def test_the_last_days(self, archive, monkeypatch):
        monkeypatch.setattr(translator.Time, "now", lambda: Time("2026-01-12T18:00:00"))
        table = search(a.imap.Recent(1), *GSE)
        assert list(table["Start Time"].strftime("%d")) == ["11", "12"]
        assert len(search(a.imap.Recent(36 * u.hour), *GSE)) == 2


class TestTables:
    def test_ancillary_files_hold_from_their_start(self, archive):
        table = search(STORM, a.imap.Table("ancillary"))
        assert names(table) == [
            "imap_mag_l2-calibration_20250901_v001.json",
            "imap_swapi_efficiency-lut_20250901_20261231_v002.csv",
        ]
        assert table["End Time"].mask.tolist() == [True, False]
        assert table["End Time"][1].isot == "2027-01-01T00:00:00.000000000"
        assert not any(table["End Inferred"])
        assert len(search(a.Time("2027-02-01", "2027-02-02"), a.imap.Table("ancillary"))) == 1

    def test_an_extension_of_ancillary_files_names_the_table(self, archive):
        assert names(search(STORM, a.imap.Extension("csv"))) == ["imap_swapi_efficiency-lut_20250901_20261231_v002.csv"]

    def test_quicklook(self, archive):
        table = search(STORM, a.imap.Table("quicklook"), a.Instrument("mag"))
        assert list(table["file_path"]) == ["imap/quicklook/mag/l2/2026/01/imap_mag_l2_norm-gse_20260110_v001.0002.pdf"]

    def test_packets(self, keyed):
        assert names(search(STORM, a.imap.Extension("pkts"))) == ["imap_swe_l0_raw_20260110_v001.0001.pkts"]

    def test_kernels_by_type_and_time(self, archive):
        table = search(a.Time("2026-01-10 06:00", "2026-01-10 07:00"), a.imap.Kernel("attitude_history"))
        assert names(table) == ["imap_2026_010_2026_011_01.ah.bc"]
        assert table["file_path"][0] == "imap/spice/ck/imap_2026_010_2026_011_01.ah.bc"
        assert abs(table["Start Time"][0] - Time("2026-01-10")).to_value("s") < 1
        assert archive.log[0].query["start_time"].isdigit()

    def test_latest_kernels(self, archive):
        words = STORM, a.imap.Kernel("ephemeris_reconstructed")
        assert list(search(*words)["Version"]) == ["v002"]
        assert list(search(*words, a.imap.Version.all)["Version"]) == ["v001", "v002"]

    def test_every_kernel_of_a_time(self, archive):
        table = search(STORM, a.imap.Table("spice"))
        assert len(table) == 11
        # Printing years without announced leap seconds does not issue warnings.
        assert "2049-12-31" in str(table)
        assert "2049-12-31" in table._repr_html_()

    def test_kernels_without_a_version_are_found(self, archive):
        table = search(STORM, a.imap.Kernel("earth_attitude"))
        assert names(table) == ["earth_000101_260601_260301.bpc"]
        assert list(table["Version"]) == [""]

    def test_kernels_that_begin_at_one_time_are_no_versions_of_one_another(self, archive):
        table = search(STORM, a.imap.Kernel("ephemeris_90days"))
        assert names(table) == ["imap_90days_20260101_20260401_v01.bsp", "imap_90days_20260101_20260501_v01.bsp"]

    @pytest.mark.parametrize(
        ("kind", "found"),
        [
            ("spin", ["imap_2026_009_2026_010_02.spin.csv"]),
            ("repoint", ["imap_2026_012_01.repoint.csv"]),
            ("thruster", ["imap_2026_009_2026_010_hist_01.sff"]),
        ],
    )
    def test_files_beside_the_kernels_cover_the_whole_of_their_last_day(self, archive, kind, found):
        table = search(a.Time("2026-01-10 18:00", "2026-01-10 19:00"), a.imap.Kernel(kind))
        assert names(table) == found
        assert all(table["End Inferred"])
        assert names(search(a.imap.FileName(found[0]))) == found

    def test_each_repoint_table_is_kept(self, archive):
        table = search(a.Time("2026-01-08", "2026-01-09"), a.imap.Kernel("repoint"))
        assert names(table) == ["imap_2026_009_01.repoint.csv", "imap_2026_012_01.repoint.csv"]
        assert table["Start Time"].mask.all()

    def test_kernels_by_their_day_of_ingestion(self, archive):
        assert len(search(a.imap.Ingested("2026-02-01", "2026-02-01 23:00"), a.imap.Table("spice"))) == 12
        assert len(search(a.imap.Ingested("2026-02-01 04:05:06", "2026-02-01"), a.imap.Table("spice"))) == 12
        assert len(search(a.imap.Ingested("2026-02-01", "2026-02-01 03:00"), a.imap.Table("spice"))) == 0
        assert archive.log[0].query["end_ingest_date"] == "20260202"
        assert len(search(a.imap.Ingested("2026-02-01", "2026-02-02"), a.imap.Kernel("spin"))) == 2

    def test_tables_are_stacked_where_both_are_asked(self, archive):
        table = search(STORM, a.Instrument("mag"), a.imap.Table("ancillary") | a.imap.Table("quicklook"))
        assert len(table) == 2

    def test_the_end_of_a_file_is_said_to_be_inferred(self, archive):
        assert all(search(STORM, *GSE)["End Inferred"])

    def test_names_are_printed_and_the_parts_of_versions_are_columns(self, archive):
        table = search(STORM, *GSE)
        assert all(name in str(table) for name in names(table))
        assert "Major Version" not in str(table)
        assert list(table["File Name"]) == names(table)
        assert list(table["Major Version"]) == [1, 2, 1]
        assert list(table["Minor Version"]) == [2, 1, 1]
        assert set(table["Extension"]) == {"cdf"}
        assert all(table["CRID"].mask)

    def test_what_neither_the_service_nor_the_name_tells_is_masked(self):
        rows = [
            {"file_path": "imap/mag/l2/2026/01/imap_mag_l2_norm-gse_20260110_v001.0002.cdf", "crid": "7"},
            {"file_path": "imap/mag/l2/2026/01/imap_mag_l2_norm-gse_20260111_v003.cdf"},
            {"file_path": "imap/mag/l2/2026/01/imap_mag_l2_norm-gse_20260112_v003.cdf", "major_version": 1,
             "minor_version": 3},
            {"file_path": "imap/spice/lsk/naif0012.tls", "kernel_type": "leapseconds"},
            {"file_path": "imap/spice/pck/earth_000101_260601_260301.bpc", "kernel_type": "earth_attitude"},
        ]  # fmt: skip
        table = tables.from_answers([(Query(version="all"), rows)])
        by_name = {row["File Name"][:20]: row for row in table}
        kernel, body, *_ = by_name["naif0012.tls"], by_name["earth_000101_260601_"]
        assert list(table["CRID"].filled("")).count("7") == 1
        assert (kernel["Minor Version"], kernel["Extension"]) == (12, "tls")
        assert [kernel["Major Version"] is np.ma.masked, body["Minor Version"] is np.ma.masked] == [True, True]
        mag = table[table["Instrument"] == "mag"]
        assert list(mag["Major Version"].filled(-1)) == [1, -1, 1]
        assert list(mag["Minor Version"]) == [2, 3, 3]

    def test_files_as_json_and_as_csv(self, archive, tmp_path):
        table = search(STORM, *GSE)
        found = json.loads(table.to_json())
        assert [list(row) for row in found] == [table.colnames] * 3
        first = {name: found[0][name] for name in ("Start Time", "Repointing", "Released", "Minor Version")}
        assert first == {
            "Start Time": "2026-01-10T00:00:00.000000000Z", "Repointing": None, "Released": True, "Minor Version": 2,
        }  # fmt: skip
        table.write(tmp_path / "found.csv")
        rows = list(csv.DictReader((tmp_path / "found.csv").read_text().splitlines()))
        assert [row["File Name"] for row in rows] == names(table)
        assert rows[0]["Repointing"] == ""

    def test_an_open_end_and_an_empty_table_as_json(self, archive):
        (row,) = json.loads(search(a.Instrument("mag"), a.imap.Table("ancillary")).to_json())
        assert (row["End Time"], row["CRID"]) == (None, None)
        assert search(a.imap.Repointing(9)).to_json() == "[]"

    def test_url_and_path_are_hidden(self, archive):
        table = search(STORM, *GSE)
        assert "download" not in str(table)
        assert table["url"][0] == f"{archive.url}/imap/download/{table['file_path'][0]}"


class TestLargeAnswers:
    @pytest.fixture
    def limit(self, archive, monkeypatch):
        """Return the maximum size of a response in bytes: about four rows."""
        monkeypatch.setattr(sandbox, "REPLY_LIMIT", 1600)
        return archive

    def test_a_range_is_asked_for_in_parts(self, limit):
        whole = search(a.Time("2025-12-01", "2026-02-01"), a.Instrument("mag"))
        assert len(whole) == 10
        assert len(limit.log) > 5
        assert all(request.query["start_date"] <= request.query["end_date"] for request in limit.log)

    def test_so_is_a_range_of_ingestion(self, limit):
        assert len(search(a.imap.Ingested("2026-01-01", "2026-03-01"), a.Instrument("mag"))) == 10

    def test_so_is_a_range_of_kernels(self, archive, monkeypatch):
        words = a.Time("2026-01-09 06:00", "2026-01-11 18:00"), a.imap.Kernel("attitude_history")
        whole = names(search(*words))
        monkeypatch.setattr(sandbox, "REPLY_LIMIT", 1600)
        assert names(search(*words)) == whole
        assert len(archive.log) > 2

    def test_so_are_all_files_of_an_instrument(self, limit):
        table = search(a.Instrument("mag"))
        assert len(table) == 10
        assert {request.query.get("start_date", "open") for request in limit.log} > {"open"}

    def test_so_are_all_kernels_and_none_ingested_within_the_last_day_of_a_part_is_lost(self, archive, monkeypatch):
        whole = names(search(a.imap.Kernel()))
        ask = service.rows_of

        def late(access, endpoint, fields):
            """Ingest one kernel at noon of each day, and refuse more than three."""
            ends = [fields.get(name, other) for name, other in (("start_ingest_date", ""), ("end_ingest_date", "9"))]
            rows = ask(access, endpoint, {"end_time": "9999999999"})
            days = [f"202602{number + 1:02}" for number in range(len(rows))]
            kept = [row for row, day in zip(rows, days, strict=True) if ends[0] <= f"{day} 12" <= ends[1]]
            if len(kept) > 3:
                raise ServerError("IMAP SDC", "https://unused.example", "too many", 500)
            return kept

        monkeypatch.setattr(service, "rows_of", late)
        assert names(search(a.imap.Kernel())) == whole

    @pytest.mark.parametrize("endpoint", ["spice-query", "spin-table"])
    def test_days_of_ingestion_of_kernels_meet_at_midnight(self, endpoint):
        asked = {"start_ingest_date": "20260201", "end_ingest_date": "20260204"}
        left, right = service_module.halve_ingestion(asked, endpoint)
        assert left["end_ingest_date"] == right["start_ingest_date"] == "20260202"
        assert service_module.halve_ingestion(left, endpoint) == []

    @pytest.mark.parametrize(
        ("endpoint", "first", "last", "range_", "ends"),
        [
            ("query", "start_date", "end_date", ("20260201", "20260213"), ("20260207", "20260208")),
            ("query", "ingestion_start_date", "ingestion_end_date", ("20260201", "20260213"), ("20260207", "20260208")),
            ("spice-query", "start_ingest_date", "end_ingest_date", ("20260201", "20260213"), ("20260207", "20260207")),
            ("spice-query", "start_time", "end_time", ("800000000", "800600000"), ("800300000", "800300000")),
        ],
    )
    def test_a_range_is_divided_in_its_middle(self, endpoint, first, last, range_, ends):
        left, right = service_module.halve_ingestion(dict(zip((first, last), range_, strict=True)), endpoint)
        assert (left[first], left[last], right[first], right[last]) == (range_[0], *ends, range_[1])

    def test_tables_of_spins_are_not_divided_by_their_start(self):
        left, right = service_module.halve_ingestion({"start_date": "20200101"}, "spin-table")
        assert left["start_date"] == right["start_date"] == "20200101"
        assert left["end_ingest_date"] == right["start_ingest_date"]

    @pytest.mark.parametrize("name", ["file_path", "file_name", "repointing", "cr"])
    def test_a_request_for_few_files_is_not_divided(self, name):
        assert service_module.halve_ingestion({name: "1"}) == []

    def test_what_has_no_end_keeps_none_when_it_is_halved(self):
        left, right = service_module.halve_ingestion({"end_date": "20260110"})
        assert (list(left), right["end_date"]) == (["end_date"], "20260110")
        left, right = service_module.halve_ingestion({"ingestion_start_date": "20260110"})
        assert (list(right), left["ingestion_start_date"]) == (["ingestion_start_date"], "20260110")

    def test_a_day_that_is_too_much_is_an_error_that_says_so(self, archive, monkeypatch):
        monkeypatch.setattr(sandbox, "REPLY_LIMIT", 10)
        with pytest.raises(ServerError, match="narrow the query"):
            search(a.Time("2026-01-09", "2026-01-12"), *GSE)

    def test_a_service_that_is_down_is_not_asked_for_every_day(self, archive):
        with archive.fault("status", status=500, path="/imap/query") as rule:
            with pytest.raises(ServerError):
                search(a.Time("2025-01-01", "2026-01-01"), *GSE)
        assert rule.played < 12

    def test_a_part_that_fails_is_named(self, limit):
        late = lambda request: request.query.get("end_date", "") > "20260111"  # noqa: E731
        with limit.fault("status", status=500, where=late):
            with pytest.warns(IncompleteAnswerWarning, match="are missing"):
                table = search(a.Time("2026-01-08", "2026-01-13"), *GSE)
        assert set(table["Start Time"].strftime("%d")) == {"08", "09", "10", "11"}
        assert any("20260112 to 20260112, 20260113 to 20260113 are missing" in problem for problem in table.problems)


class TestRangesOfIngestion:
    WHOLE = attrs.Ingested("2026-01-01", "2026-02-01")

    @pytest.mark.parametrize(
        ("other", "is_inside"),
        [
            (attrs.Ingested("2026-01-01", "2026-02-01"), True),
            (attrs.Ingested("2026-01-10", "2026-01-20"), True),
            (attrs.Ingested("2025-12-31", "2026-01-20"), False),
            (attrs.Ingested("2026-01-10", "2026-02-02"), False),
            (attrs.Ingested("2026-01-10"), False),
            (attrs.Ingested(until="2026-01-10"), False),
            (DAY, False),
        ],
    )
    def test_one_contains_another_if_both_ends_are_within(self, other, is_inside):
        assert (other in self.WHOLE) is is_inside

    def test_an_open_end_contains_all(self):
        assert self.WHOLE in attrs.Ingested("2026-01-01")
        assert attrs.Ingested("2026-03-01") in attrs.Ingested("2026-01-01")
        assert attrs.Ingested("2025-03-01") not in attrs.Ingested("2026-01-01")

    def test_equal_ranges_are_equal_and_have_one_hash(self):
        same = attrs.Ingested("2026-01-01T00:00", "2026-02-01T23:59:59.999999999")
        assert same == self.WHOLE
        assert attrs.Ingested("2026-01-01T00:00", "2026-02-01T23:59:59.9999") != self.WHOLE
        assert len({same, self.WHOLE, attrs.Ingested("2026-01-01")}) == 2
        assert self.WHOLE != DAY

    @pytest.mark.parametrize(
        "day",
        ["2026-02-10", "20260210", " 2026/02/10", "2026-Feb-10", "10-Feb-2026", "2026:041", date(2026, 2, 10),
         np.datetime64("2026-02-10")],
        ids=str,
    )  # fmt: skip
    def test_the_last_day_is_a_whole_one_as_in_the_filter_of_the_service(self, archive, day):
        assert repr(attrs.Ingested(until=day)) == "a.imap.Ingested(None, '2026-02-10T23:59:59.999999999Z')"
        assert repr(attrs.Ingested(since=day)) == "a.imap.Ingested('2026-02-10T00:00:00.000000000Z', None)"
        rows = imap.rows(instrument="mag", ingestion_start_date="20260210", ingestion_end_date="20260210")
        found = search(attrs.Ingested(day, day), a.Instrument("mag"), a.imap.Version.all)
        assert sorted(found["file_path"]) == sorted(row["file_path"] for row in rows)
        assert len(rows) > 1

    @pytest.mark.parametrize(
        "time",
        ["2026-02-10 04:01", "2026-02-10T00:00:00", "20260210_0401", datetime(2026, 2, 10), Time("2026-02-10"),
         np.datetime64("2026-02-10T00")],
        ids=str,
    )  # fmt: skip
    def test_a_time_of_day_is_the_end(self, time):
        assert attrs.Ingested(until=time).until == parse_time(time)

    def test_a_day_with_a_leap_second_is_whole(self):
        assert "2016-12-31T23:59:60.999999999Z" in repr(attrs.Ingested(until="2016-12-31"))

    def test_they_are_not_subtracted(self):
        with pytest.raises(TypeError, match=r"a\.imap\.Ingested cannot be subtracted"):
            _ = self.WHOLE ^ attrs.Ingested("2026-01-10")


class TestRequests:
    @pytest.mark.parametrize(
        ("fields", "shown"),
        [
            ({"start_time": "0", "end_time": "86400"}, "20000101 to 20000102"),
            ({"ingestion_start_date": "20260110"}, "20260110"),
            ({"start_date": "20260110", "end_date": "20260112"}, "20260110 to 20260112"),
        ],
    )
    def test_ranges_are_shown_as_days(self, fields, shown):
        assert service.show_ingestion(fields) == shown

    def test_a_name_of_no_convention_is_requested_as_it_is(self):
        assert service.parameters(Query(name="strange.cdf", table="science")) == {"file_path": "strange.cdf"}

    def test_a_version_that_cannot_be_asked_for_is_not_withheld(self):
        path = "imap/mag/l2/2026/01/imap_mag_l2_norm-gse_20260110_v001.0003.cdf"
        with conf.set_temp("retries", 0):
            assert search_module._is_withheld("http://127.0.0.1:9", path) is False
