"""Test searches of the embedded archive and of servers that fail."""

from __future__ import annotations

import copy
import gc
import json
import os
import pickle

import numpy as np
import pytest
from astropy.table import QTable, vstack
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import IMAPClient, conf, sandbox
from sunpy_helio_plugins.errors import (
    AnswerError,
    IncompleteAnswerWarning,
    QueryError,
    ServerError,
    ServiceRefused,
    ServiceUnreachable,
)
from sunpy_helio_plugins.imap import tables
from sunpy_helio_plugins.imap.query import Query

STORM = a.Time("2026-01-10", "2026-01-12 12:00")
MAG = a.imap.File(), a.Instrument("mag"), a.Level("l2")


@pytest.fixture
def client() -> IMAPClient:
    return IMAPClient()


@pytest.fixture
def found(archive, client) -> tables.IMAPTable:
    return client.search(STORM, *MAG)


class TestDispatch:
    @pytest.mark.parametrize("word", [a.imap.File(), a.imap.Descriptor("norm-gse"), a.imap.Version("latest")])
    def test_an_own_attr_is_enough(self, word):
        assert IMAPClient._can_handle_query(STORM, word)

    @pytest.mark.parametrize("name", ["mag", "lo", "hi", "hit", "swe", "spacecraft"])
    def test_the_name_of_an_instrument_that_others_have_too_is_not_enough(self, name):
        assert not IMAPClient._can_handle_query(STORM, a.Instrument(name))
        assert IMAPClient._can_handle_query(STORM, a.Instrument(name), a.Provider("IMAP"), a.Source("IMAP"))

    def test_no_other_client_answers(self, archive):
        result = Fido.search(STORM, *MAG)
        assert [type(table.client).__name__ for table in result] == ["IMAPClient"]

    def test_what_cannot_be_used_is_explained_and_nothing_is_asked(self, archive, client):
        with pytest.raises(QueryError, match=r"cannot use a\.Physobs"):
            client.search(STORM, a.imap.File(), a.Physobs("field"))
        assert archive.log == []


class TestAnswers:
    def test_latest_public_version_of_each_day(self, found):
        gse = found[found["Descriptor"] == "norm-gse"]
        assert list(gse["Version"]) == ["v001.0002", "v002.0001", "v001.0001"]
        assert list(gse["Start Time"].isot) == [f"2026-01-{day}T00:00:00.000000000" for day in (10, 11, 12)]
        assert list(gse["End Time"].isot) == [f"2026-01-{day}T00:00:00.000000000" for day in (11, 12, 13)]

    def test_columns(self, found):
        assert found.colnames[:5] == ["Start Time", "End Time", "Instrument", "Source", "Provider"]
        row = found[0]
        assert [row[name] for name in ("Instrument", "Source", "Provider", "Level")] == [
            "mag",
            "IMAP",
            "IMAP SDC",
            "l2",
        ]
        assert row["file_path"] == "imap/mag/l2/2026/01/imap_mag_l2_norm-gse_20260110_v001.0002.cdf"
        assert row["Ingestion Time"].isot == "2026-02-10T04:01:02.000000000"
        assert row["Released"]
        assert np.ma.is_masked(found["Repointing"][0])

    def test_one_request_is_enough(self, archive, found):
        assert [(request.path, request.query["latest"]) for request in archive.log] == [("/imap/query", "true")]

    def test_a_file_is_found_by_any_moment_that_it_covers(self, archive, client):
        moment = a.Time("2026-01-10 17:00", "2026-01-10 17:00:01")
        seen = set(client.search(moment, a.imap.File())["Descriptor"])
        assert {"h45-ena-h-hf-nsp-full-hae-6deg-6mo", "ion-rate-profile", "sci-10days", "norm-gse"} <= seen

    def test_pointings_that_began_the_day_before_are_found(self, archive, client):
        table = client.search(a.Time("2026-01-10 03:00", "2026-01-10 04:00"), a.imap.File(), a.Instrument("glows"))
        assert list(table["Repointing"][table["Level"] == "l2"]) == [119, 120]
        assert list(table["Rotation"][table["Level"] == "l3b"]) == [2306]

    def test_wildcards_are_matched_here(self, archive, client):
        table = client.search(STORM, a.imap.Descriptor("*-rtn"))
        assert set(table["Descriptor"]) == {"norm-rtn"}
        assert len(table) == 3

    def test_a_version_that_is_named(self, archive, client):
        table = client.search(STORM, *MAG, a.imap.Version("v001.0001"), a.imap.Descriptor("norm-gse"))
        assert set(table["Version"]) == {"v001.0001"}

    def test_alternatives_give_one_table_without_repeats(self, archive, client):
        words = a.imap.Descriptor("norm-gse") | a.imap.Descriptor("norm-*")
        result = Fido.search(STORM, a.Instrument("mag"), words)
        assert len(result) == 1
        paths = list(result[0]["file_path"])
        assert len(paths) == len(set(paths)) == 6

    def test_a_key_shows_what_is_not_released(self, archive, client, monkeypatch):
        monkeypatch.setenv("IMAP_API_KEY", sandbox_key())
        table = client.search(STORM, *MAG, a.imap.Descriptor("norm-gse"))
        assert (table["Version"][-1], bool(table["Released"][-1])) == ("v001.0002", False)
        assert archive.log[-1].path == "/imap/api-key/query"
        assert sandbox_key() not in repr(table) + str(archive.log[-1].query)

    def test_the_service_of_2024_is_understood_too(self, archive, client):
        with conf.imap.set_temp("url", f"{archive.url}/imap/v0"):
            table = client.search(a.Time("2025-05-01", "2025-05-12"), a.imap.File(), a.Instrument("mag"))
        assert list(table["Version"]) == ["v001", "v001"]
        assert table["Ingestion Time"][0].isot == "2024-07-16T10:29:33.000000000"
        assert table["Released"].mask.all()

    def test_environment_variable_names_the_service_at_use(self, archive, client, monkeypatch):
        monkeypatch.setenv("IMAP_DATA_ACCESS_URL", f"{archive.url}/imap/")
        with conf.imap.set_temp("url", "http://127.0.0.1:9"):
            assert len(client.search(STORM, *MAG)) == 6


def sandbox_key() -> str:
    from sunpy_helio_plugins.sandbox.imap.service import API_KEY

    return API_KEY


class TestTables:
    def test_printing_none_one_and_many(self, archive, client, found):
        empty = client.search(a.Time("2020-01-01", "2020-01-02"), *MAG)
        assert len(empty) == 0
        assert empty.colnames == found.colnames
        assert "norm-gse" in str(found[:1])
        assert "file_path" not in str(found)
        for table in (empty, found[:1], found, found[::-1], found[found["Level"] == "l2"]):
            assert str(table)
            assert table._repr_html_()
        assert "0 Results" in str(Fido.search(a.Time("2020-01-01", "2020-01-02"), *MAG))

    def test_sorting_stacking_copying(self, found):
        found.sort("Version")
        both = vstack([found, found[:2]])
        assert len(both) == len(found) + 2
        assert both.client == found.client
        assert copy.deepcopy(found).client == found.client
        assert len(pickle.loads(pickle.dumps(found))) == len(found)

    def test_writing(self, found, tmp_path):
        found.write(tmp_path / "found.ecsv")
        again = QTable.read(tmp_path / "found.ecsv")
        assert list(again["file_path"]) == list(found["file_path"])
        assert (again["Start Time"] == found["Start Time"]).all()

    @pytest.mark.parametrize(
        ("text", "iso"),
        [
            ("20260106 00:00:00", "2026-01-06T00:00:00.000000000"),
            ("2024-07-09 15:42:23", "2024-07-09T15:42:23.000000000"),
            ("2026-03-03, 04:05:06", "2026-03-03T04:05:06.000000000"),
        ],
    )
    def test_three_forms_of_ingestion_dates(self, text, iso):
        row = {"file_path": "imap/mag/l2/2026/01/imap_mag_l2_norm-gse_20260110_v001.0002.cdf", "ingestion_date": text}
        assert from_rows(row)["Ingestion Time"][0].isot == iso

    def test_an_unreadable_ingestion_date_is_masked(self):
        row = {"file_path": "imap/mag/l2/2026/01/imap_mag_l2_norm-gse_20260110_v001.0002.cdf", "ingestion_date": "now"}
        assert from_rows(row)["Ingestion Time"].mask.all()

    def test_a_strange_name_costs_only_its_own_row(self):
        good = {"file_path": "imap/mag/l2/2026/01/imap_mag_l2_norm-gse_20260110_v001.0002.cdf"}
        table = from_rows(good, {"file_path": "imap/mag/strange.cdf"})
        assert len(table) == 1
        assert "imap/mag/strange.cdf" in table.problems[0]

    def test_ten_thousand_rows(self):
        days = np.arange("2026-01-01", "2026-12-31", dtype="M8[D]")
        rows = [
            {"file_path": f"imap/mag/l2/2026/01/imap_mag_l2_norm{n}-gse_{str(day).replace('-', '')}_v001.0001.cdf"}
            for day in days
            for n in range(28)
        ]
        table = tables.from_answers([(Query("2025-01-01", "2027-01-01"), rows)], client=IMAPClient())
        assert len(table) == len(rows)
        assert str(table)


def from_rows(*rows: dict) -> tables.IMAPTable:
    return tables.from_answers([(Query("2026-01-01", "2026-02-01"), rows)], client=IMAPClient())


class TestFailures:
    def test_a_dead_server_is_named(self, client):
        with conf.imap.set_temp("url", "http://127.0.0.1:9"), conf.set_temp("retries", 0):
            with pytest.raises(ServiceUnreachable, match=r"IMAP SDC.*refused.*127\.0\.0\.1:9"):
                client.search(STORM, *MAG)

    def test_a_page_for_an_answer(self, client, answering):
        answering(200, b"<html><body>Maintenance</body></html>", "text/html")
        with pytest.raises(AnswerError, match="JSON was expected, not text/html: Maintenance"):
            client.search(STORM, *MAG)

    @pytest.mark.parametrize("body", [b"", b'[{"file_path": "imap/ma', b'{"message": "hello"}', b"[1]", b"[{}]"])
    def test_an_answer_that_is_none(self, client, answering, body):
        answering(200, body)
        with pytest.raises(AnswerError):
            client.search(STORM, *MAG)

    def test_a_cut_answer(self, client, answering):
        answering(200, b"[]", length=50)
        with pytest.raises(ServiceUnreachable, match="cut"):
            client.search(STORM, *MAG)

    def test_an_error_of_the_service_says_what_to_do(self, client, answering):
        answering(500, b'{"message": "Internal Server Error"}')
        with pytest.raises(ServerError, match=r"500: Internal Server Error.*narrow the query"):
            client.search(STORM, *MAG)

    def test_a_refusal_keeps_the_words(self, client, answering):
        answering(400, json.dumps("cr is not a valid query parameter.").encode())
        with pytest.raises(ServiceRefused, match="cr is not a valid query parameter"):
            client.search(STORM, *MAG)

    def test_a_wrong_key_is_refused_and_not_shown(self, archive, client, monkeypatch):
        monkeypatch.setenv("IMAP_API_KEY", "wrong-and-secret")
        with pytest.raises(ServiceRefused, match="403: Forbidden") as error:
            client.search(STORM, *MAG)
        assert "wrong-and-secret" not in str(error.value) + repr(error.value)

    def test_one_failed_question_leaves_the_other_answers(self, archive, client, monkeypatch):
        from sunpy_helio_plugins.imap import service

        ask = service.query_files

        def sometimes(query):
            if query.descriptor == "norm-rtn":
                raise ServerError("IMAP SDC", "http://x", "out of order", 500)
            return ask(query)

        monkeypatch.setattr(service, "query_files", sometimes)
        with pytest.warns(IncompleteAnswerWarning, match="out of order"):
            table = client.search(STORM, a.imap.Descriptor("norm-gse", "norm-rtn"))
        assert set(table["Descriptor"]) == {"norm-gse"}
        assert "out of order" in table.problems[0]


def test_sandbox_restores_the_settings():
    before = conf.imap.url
    with sandbox.serve(services=("imap",)):
        assert conf.imap.url != before
    assert conf.imap.url == before


def test_sandbox_is_not_passed_by_for_those_who_have_a_key(client, monkeypatch):
    monkeypatch.setenv("IMAP_API_KEY", "a-real-one")
    monkeypatch.setenv("IMAP_DATA_ACCESS_URL", "https://api.imap-mission.com")
    with sandbox.serve(services=("imap",)) as archive:
        assert len(client.search(STORM, *MAG)) == 6
        assert "x-api-key" not in archive.log[0].headers
    assert os.environ["IMAP_API_KEY"] == "a-real-one"


class TestOddRows:
    PATH = "imap/mag/l2/2026/01/imap_mag_l2_norm-gse_202601{}_v001.0002.cdf"

    @pytest.mark.parametrize(
        "text", ["20261350 00:00:00", "2026-02-30 00:00:00", "20260110 99:99:99", "20260110 noon now"]
    )
    def test_a_date_that_is_none_is_masked_and_costs_no_other(self, text):
        good = {"file_path": self.PATH.format(10), "ingestion_date": "20260112 01:02:03"}
        table = from_rows(good, {"file_path": self.PATH.format(11), "ingestion_date": text})
        assert table["Ingestion Time"].mask.tolist() == [False, True]
        assert table["Ingestion Time"][0].isot == "2026-01-12T01:02:03.000000000"

    @pytest.mark.parametrize("kind", [None, 3])
    def test_a_file_beside_the_kernels_that_is_none_has_no_row(self, kind):
        assert tables.parse_row({"file_path": "imap/spice/misc/notes.txt", "kernel_type": kind}) is None

    def test_a_kind_that_the_service_tells_is_enough(self):
        file = tables.parse_row({"file_path": "imap/spice/misc/notes.txt", "kernel_type": "leapseconds"})
        assert (file.name.descriptor, file.root, file.rank) == ("leapseconds", "notes.txt", (1, -1))

    def test_a_collector_that_was_off_stays_off(self):
        gc.disable()
        try:
            from_rows({"file_path": self.PATH.format(10)})
            assert not gc.isenabled()
        finally:
            gc.enable()
        from_rows({"file_path": self.PATH.format(10)})
        assert gc.isenabled()
