"""Test loading records into memory, split into the necessary requests, without lost or duplicate records."""

from __future__ import annotations

import gzip
import itertools
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
import requests
from astropy.time import Time
from sunpy.net import Fido
from sunpy.net import attrs as a
from sunpy.time import TimeRange

from sunpy_helio_plugins import conf, hapi
from sunpy_helio_plugins.errors import (
    AnswerError,
    CoverageError,
    IncompleteAnswerWarning,
    QueryError,
    ServiceRefused,
    ServiceUnreachable,
)
from sunpy_helio_plugins.fido.partial import Partial
from sunpy_helio_plugins.hapi import Info, server_list
from sunpy_helio_plugins.hapi.plan import cut, longest_range
from sunpy_helio_plugins.hapi.records import load
from sunpy_helio_plugins.quantities.spans import Moment, Span, seconds
from sunpy_helio_plugins.transport import limits
from sunpy_helio_plugins.transport.credentials import signed_in

sys.path.insert(0, str(Path(__file__).parents[1]))
from strict import Dataset, Server, nanoseconds, serve

ESA = "spase://SSA/NumericalData/D3S/d3s_mtgs1_ngrm_science_ep_l1_bt_v1"
ACE = ("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11")


def _data_requests(archive: Any) -> list[Any]:
    return [one for one in archive.log if one.path.endswith("/data")]


def test_chunks_are_the_same_records_as_the_whole(archive: Any) -> None:
    whole = hapi.load(*ACE, "BGSEc")
    parts = hapi.load(*ACE, "BGSEc", chunk=7 * 3600.0)
    assert len(whole) == len(parts) == 5400
    assert (whole["Time"] == parts["Time"]).all()
    assert np.array_equal(whole["BGSEc"].unmasked.value, parts["BGSEc"].unmasked.value, equal_nan=True)
    assert np.array_equal(whole["BGSEc"].mask, parts["BGSEc"].mask)
    assert len(_data_requests(archive)) == 1 + 4


def test_only_large_ranges_are_requested_in_small_pieces(archive: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = hapi.load(*ACE, "BGSEc")
    monkeypatch.setattr(load, "_SIZE", 50_000)
    assert len(hapi.load(*ACE, "BGSEc")) == len(whole)
    assert len(_data_requests(archive)) == 2
    monkeypatch.setattr(load, "_WHOLE", 100_000)
    parts = hapi.load(*ACE, "BGSEc")
    assert len(_data_requests(archive)) == 2 + 6
    assert (whole["Time"] == parts["Time"]).all()


@pytest.mark.parametrize("given", ["BGSEc,Magnitude", " Magnitude , BGSEc,", ["Time,Magnitude", "BGSEc"], "M*,BG*"])
def test_names_of_parameters_may_be_separated_by_commas(archive: Any, given: Any) -> None:
    table = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-10T01:00", given)
    assert table.colnames == ["Time", "Magnitude", "BGSEc"]
    assert hapi.info("cdaweb", "AC_H0_MFI", given).names == ("Time", "Magnitude", "BGSEc")


def test_a_description_of_unknown_parameters_is_refused(archive: Any) -> None:
    with pytest.raises(QueryError, match=r"has no parameter 'Magnitud'; did you mean Magnitude"):
        hapi.info("cdaweb", "AC_H0_MFI", "BGSEc,Magnitud")
    with pytest.raises(QueryError, match=r"hapi\.load takes names of parameters, in a list or separated by commas"):
        hapi.load(*ACE, ",")


def test_the_stop_is_left_out_and_the_start_is_not(archive: Any) -> None:
    table = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10T00:00:12Z", "2026-01-10T00:00:44Z")
    assert table["Time"].isot.tolist() == ["2026-01-10T00:00:12.000000000", "2026-01-10T00:00:28.000000000"]


@pytest.mark.parametrize(
    "given", [a.Time("2026-01-10T00:00:12", "2026-01-10T00:00:44"), TimeRange("2026-01-10T00:00:12", 32 * u.s)]
)
def test_the_end_of_a_range_is_included_as_in_a_search(archive: Any, given: Any) -> None:
    table = hapi.load("cdaweb", "AC_H0_MFI", given, parameters="Magnitude")
    assert table.colnames == ["Time", "Magnitude"]
    assert table["Time"].isot.tolist() == [f"2026-01-10T00:00:{second}.000000000" for second in (12, 28, 44)]
    found = Fido.search(a.Time(*ACE[2:]), a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI"))
    assert len(hapi.load(*ACE[:2], a.Time(*ACE[2:]))) == len(hapi.load(found))


def test_a_range_of_one_instant_is_loaded(archive: Any) -> None:
    instant = "2026-01-10T00:00:28"
    assert hapi.load(*ACE[:2], a.Time(instant, instant))["Time"].isot.tolist() == [f"{instant}.000000000"]


def test_a_range_replaces_the_start_and_the_stop(archive: Any) -> None:
    day = a.Time("2026-01-10", "2026-01-11")
    with pytest.raises(QueryError, match=r"either a range of time or a start and a stop.*parameters='Bx,By'"):
        hapi.load("cdaweb", "AC_H0_MFI", day, "Magnitude")
    with pytest.raises(QueryError, match="dataset must be given"):
        hapi.load("cdaweb", start=day)
    with pytest.raises(QueryError, match=r"hapi\.load takes one time"):
        hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", day)
    assert archive.log == []


def test_rows_of_a_search_are_loaded(archive: Any) -> None:
    found = Fido.search(
        a.Time("2026-01-10T00:00:12", "2026-01-10T12:00"), a.hapi.Server.cdaweb, a.hapi.Dataset("AC_H0_MFI"),
        a.hapi.Chunk(3 * u.hour), a.hapi.Format("csv"),
    )  # fmt: skip
    assert len(found["hapi"]) == 4
    assert len(hapi.load(found["hapi"])) == 2700


def test_esas_limits_are_kept_from_the_start(archive: Any) -> None:
    with signed_in("swe", "sandbox-client", "sandbox-secret"):
        table = hapi.load("swe", ESA, "2026-01-01", "2026-03-25", ["feio_1", "odi_unilib_mlt"])
        token = hapi.access_token("swe")
    assert len(table) == 79680
    assert len(_data_requests(archive)) == 3
    assert len(token) > 20
    assert token not in repr(archive.log)
    assert 0 < (token.expires - Time.now()).to_value("s") <= 300


@pytest.mark.parametrize("header", ["", "&include=header"])
def test_csv_that_the_scripts_of_esas_guide_fetch_is_read(archive: Any, header: str) -> None:
    names = "feio_1,odi_unilib_mlt"
    start, stop = "2026-03-25T12:00:00Z", "2026-03-25T13:00:00Z"
    with signed_in("swe", "sandbox-client", "sandbox-secret"):
        query = f"dataset={ESA}&start={start}&stop={stop}&parameters=utc,{names}&format=csv{header}"
        signed = {"Authorization": f"Bearer {hapi.access_token('swe')}"}
        body = requests.get(f"{server_list.find('swe').url}/data?{query}", headers=signed, timeout=60).content
        table = hapi.read(body, info=hapi.info("swe", ESA, names), context={"server": "swe", "dataset": ESA})
        loaded = hapi.load("swe", ESA, start, stop, names)
    assert len(table) == 40
    assert table.colnames == loaded.colnames == ["utc", "feio_1", "odi_unilib_mlt"]
    assert (table["utc"] == loaded["utc"]).all()
    assert (table["feio_1"] == loaded["feio_1"]).all()
    assert table["feio_1"].unit == loaded["feio_1"].unit == u.Unit("1 / (cm2 s sr)")


def test_too_much_is_asked_for_in_halves(archive: Any) -> None:
    table = hapi.load(f"{archive.url}/hapi/swe-open/hapi", ESA, "2026-02-01", "2026-03-25")
    assert len(table) == 52 * 960
    assert len(set(table["utc"].isot.tolist())) == len(table)
    assert len(_data_requests(archive)) == 3


def test_without_credentials_the_error_says_what_to_do(archive: Any) -> None:
    with pytest.raises(ServiceRefused, match=r"M2M request.*SWE_CLIENT_ID and SWE_CLIENT_SECRET.*netrc.*keyring"):
        hapi.load("swe", ESA, "2026-03-25", "2026-03-26")
    with pytest.raises(QueryError, match="no credentials"):
        hapi.access_token("swe")
    with pytest.raises(QueryError, match="does not require a token"):
        hapi.access_token("cdaweb")


@pytest.mark.parametrize("request_", ["info", "data"])
@pytest.mark.parametrize(("status", "is_explained"), [(401, True), (403, True), (404, False), (410, False)])
def test_only_refusals_of_credentials_are_explained_by_them(
    archive: Any, request_: str, status: int, is_explained: bool
) -> None:
    with signed_in("swe", "sandbox-client", "sandbox-secret"):
        with (
            archive.fault("status", path=f"/hapi/swe/hapi/{request_}", status=status),
            pytest.raises(ServiceRefused, match=str(status)) as refused,
        ):
            hapi.load("swe", ESA, "2026-03-25", "2026-03-26", ["feio_1"])
    assert ("SWE_CLIENT_ID" in str(refused.value)) == is_explained


def test_other_refusals_are_not_halved(archive: Any) -> None:
    with pytest.raises(QueryError, match="no parameter 'nope'"):
        hapi.load(*ACE, "nope")
    with pytest.raises(QueryError, match="does not lie before"):
        hapi.load("cdaweb", "AC_H0_MFI", "2026-01-11", "2026-01-10")
    assert _data_requests(archive) == []


def test_what_is_not_covered_is_said(archive: Any) -> None:
    with pytest.warns(IncompleteAnswerWarning, match="ends at"):
        table = hapi.load("cdaweb", "AC_H0_MFI", "2026-02-28T23:00", "2026-03-02")
    assert len(table) == 225


def test_a_range_without_data_is_an_error_that_states_the_range_of_the_dataset(archive: Any) -> None:
    message = r"There is nothing to load: AC_H0_MFI .* covers 1997-09-02T00:00:12Z to 2026-03-01T00:00:00Z"
    with pytest.warns(IncompleteAnswerWarning, match="covers 1997"), pytest.raises(CoverageError, match=message):
        hapi.load("cdaweb", "AC_H0_MFI", "1990-01-01", "1990-01-02")


def test_servers_are_listed_searched_and_tested(archive: Any) -> None:
    assert {"cdaweb", "swe", "swhv", "maser"} <= set(hapi.servers()["name"])
    assert hapi.catalog("cdaweb", "OMNI")["id"].tolist() == ["OMNI_HRO2_1MIN", "OMNI2_H0_MRG1HR"]
    assert hapi.catalog("cdaweb", "ac_*")["id"].tolist() == ["AC_H0_MFI"]
    assert "<BGSEc: double[3] (nT)>" in repr(hapi.info("cdaweb", "AC_H0_MFI"))
    assert hapi.availability("lisird")["start"][0].isot == "2018-01-11T12:00:00.000000000"
    assert hapi.check("lisird")
    assert "FAILED" in repr(hapi.check("swe"))


def test_patterns_and_words_find_datasets(archive: Any) -> None:
    time = a.Time("2026-01-10", "2026-01-11")
    found = Fido.search(time, a.hapi.Server.cdaweb, a.hapi.Dataset("*mfi*"), a.hapi.Parameters("B*"))["hapi"]
    assert sorted(found["Dataset"]) == ["AC_H0_MFI", "WI_H0_MFI@0"]
    assert found["Parameters"].tolist() == ["BGSEc", "BF1, BGSE"]
    both = a.hapi.Server("cdaweb", "lisird")
    found = Fido.search(time, both, a.hapi.Dataset(), a.Physobs("irradiance"))["hapi"]
    assert set(found["Server"]) == {"lisird"}


@pytest.mark.parametrize(
    ("start", "stop"),
    [
        ("2026-01-10", "2026-01-10T00:01"),
        ("2026-010Z", "2026-010T00:01Z"),
        (datetime(2026, 1, 10), datetime(2026, 1, 10, 0, 1)),
        (np.datetime64("2026-01-10"), np.datetime64("2026-01-10T00:01")),
        (Time("2026-01-10"), Time("2026-01-10T00:01").tai),
        ("2026/01/10", "2026-Jan-10 00:01:00"),
    ],
)
def test_times_are_given_in_any_form(archive: Any, start: Any, stop: Any) -> None:
    assert hapi.load("cdaweb", "AC_H0_MFI", start, stop)["Time"].isot.tolist() == [
        "2026-01-10T00:00:12.000000000", "2026-01-10T00:00:28.000000000", "2026-01-10T00:00:44.000000000",
    ]  # fmt: skip


def test_what_is_no_time_is_named(archive: Any) -> None:
    with pytest.raises(QueryError, match=r"hapi\.load takes one time, .*, not 'tomorrow'"):
        hapi.load("cdaweb", "AC_H0_MFI", "tomorrow", "2026-01-10")


@pytest.mark.parametrize("limit", [{"maxRequestDuration": "PT1H"}, {"x_requestLimits": {"duration": "PT1H"}}])
def test_limits_that_a_server_tells_are_kept(limit: dict[str, Any], tmp_path: Path) -> None:
    first = nanoseconds("2020-03-01T00:00:00Z")
    parameters = [
        {"name": "Time", "type": "isotime", "length": 20, "units": "UTC", "fill": None},
        {"name": "n", "type": "integer", "units": None, "fill": None},
    ]
    times = [first + 600 * 10**9 * index for index in range(144)]
    said = {**limit, "x_longest": 3600 * 10**9}
    dataset = Dataset(parameters, times, {"n": list(range(144))}, said, start="2020Z", stop="2021Z")
    with serve({"X": dataset}) as server:
        words = (a.hapi.Server(server.url), a.hapi.Dataset("X"))
        found = Fido.search(a.Time("2020-03-01T01:00", "2020-03-01T05:30"), *words)["hapi"]
        assert len(found) == 5
        assert hapi.load(found)["n"].tolist() == list(range(6, 34))
        assert hapi.read(*Fido.fetch(found, path=tmp_path / "{file}"))["n"].tolist() == list(range(6, 34))
        assert server.refused == []
        # The time at the end of four hours makes the last request too long by a tick, so that it is split.
        whole = Fido.search(a.Time("2020-03-01T01:00", "2020-03-01T05:00"), *words)["hapi"]
        assert len(whole) == 4
        assert hapi.load(whole)["n"].tolist() == list(range(6, 31))
        assert server.refused == [1408]


def test_what_a_search_returned_is_loaded_whatever_part_of_it_is_given(archive: Any) -> None:
    day = a.Time("2026-01-10", "2026-01-11")
    both = a.hapi.Server("cdaweb") & (a.hapi.Dataset("AC_H0_MFI") | a.hapi.Dataset("OMNI2_H0_MRG1HR"))
    found = Fido.search(day, both, a.hapi.Chunk(6 * u.hour))
    whole = found["hapi"]
    hours = whole[whole["Dataset"] == "OMNI2_H0_MRG1HR"]
    assert len(hapi.load(hours)) == 24
    assert len(hapi.load(hours[1])) == len(hapi.load(hours[1:2])) == len(hapi.load([hours[1]])) == 6
    # Times between rows that are not adjacent are not included.
    assert [time[11:13] for time in hapi.load(hours[::2])["Time"].isot] == [
        f"{hour:02}" for hour in (*range(6), *range(12, 18))
    ]
    with pytest.raises(QueryError, match=r"2 datasets \(AC_H0_MFI, OMNI2_H0_MRG1HR\).*one at a time"):
        hapi.load(found)
    one = Fido.search(day, a.hapi.Server.cdaweb, a.hapi.Dataset("OMNI2_H0_MRG1HR"))
    assert len(hapi.load(one)) == len(hapi.load(one[0])) == 24


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda found: hapi.load(found[:0]), "no rows"),
        (lambda found: hapi.load(found, "AC_H0_MFI"), "either rows of a search, or a server"),
        (lambda found: hapi.load(3), r"not 3 \(int\)"),
        (lambda found: hapi.load(found.show("Dataset")[0]), "needs the columns Server, format"),
        (lambda found: hapi.load("cdaweb", "AC_H0_MFI"), "a start and a stop"),
        (lambda found: hapi.load(*ACE, format="xml"), "not a supported format"),
        (lambda found: hapi.load(*ACE, format="json"), "has no format 'json'; it has csv, binary"),
        (lambda found: hapi.load(*ACE, chunk="a day"), "not a valid duration"),
        (lambda found: hapi.load(*ACE, "Magnitud"), "no parameter 'Magnitud'; did you mean Magnitude"),
        (lambda found: hapi.load("cdawep", *ACE[1:]), "did you mean cdaweb"),
        (lambda found: hapi.load("cdaweb", "*", *ACE[2:]), "4 datasets"),
    ],
)
def test_what_cannot_be_loaded_is_said(archive: Any, wrong: Any, words: str) -> None:
    found = Fido.search(a.Time("2026-01-10", "2026-01-11"), a.hapi.Server.cdaweb, a.hapi.Dataset("AC_H0_MFI"))["hapi"]
    archive.log.clear()
    with pytest.raises(QueryError, match=words):
        wrong(found)
    assert _data_requests(archive) == []


def test_durations_are_read() -> None:
    assert seconds("PT1M30S") == 90
    assert seconds("P1DT0.5S") == 86400.5
    assert seconds("P1M") == pytest.approx(30.4375 * 86400)
    assert [seconds(one) for one in ("", None, "P", "1 day", "PT0S", "P1.2.3D")] == [None] * 6


def test_pieces_leave_no_gap_and_are_bounded() -> None:
    span = Span(Moment.read("2026-01-01Z"), Moment.read("2026-01-03T01:00:00.001Z"))
    pieces = cut(span, 86400.0)
    assert pieces[0].first == span.first
    assert pieces[-1].before == span.before
    assert all(one.before == other.first for one, other in itertools.pairwise(pieces))
    with pytest.raises(QueryError, match="shorter time"):
        cut(span, 1.0)


def test_the_instant_that_closes_a_range_is_no_piece_of_its_own() -> None:
    two_days = Span.closed(Moment.read("2026-01-01Z"), Moment.read("2026-01-03Z"))
    assert [str(piece.first)[:10] for piece in cut(two_days, 86400.0)] == ["2026-01-01", "2026-01-02"]


def test_the_longest_request_follows_from_the_limits() -> None:
    parameters = [{"name": "t", "type": "isotime", "length": 24}, {"name": "B", "type": "double", "size": [3]}]
    info = Info.from_json({"parameters": parameters, "cadence": "PT1S", "maxRequestDuration": "P1D"})
    assert longest_range(info, info, "csv") == 86400
    assert longest_range(info, info, "csv", elements=100) == 24
    assert longest_range(info, info, "binary", size=4800) == 99
    assert longest_range(info, info, "csv", chunk=5.0) == 5


def test_records_name_their_request_and_when_they_came(archive: Any) -> None:
    table = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-10T01:00", "BGSEc", chunk="PT30M")
    (asked,) = table.meta["query"]
    assert (asked["server"], asked["dataset"], asked["parameters"]) == ("cdaweb", "AC_H0_MFI", ["BGSEc"])
    assert asked["ranges"] == ["2026-01-10T00:00:00.000000000Z/2026-01-10T01:00:00.000000000Z"]
    assert Time(table.meta["retrieved"]).isscalar is False
    assert table.meta["hapi"]["resourceURL"].startswith("https://cdaweb")


def test_a_search_names_what_its_datasets_ask_to_be_cited(archive: Any) -> None:
    found = Fido.search(a.Time("2026-01-10", "2026-01-11"), a.hapi.Server.cdaweb, a.hapi.Dataset("AC_H0_MFI"))["hapi"]
    (said,) = found.credits
    assert (said["server"], said["dataset"]) == ("cdaweb", "AC_H0_MFI")
    assert said["resourceURL"].startswith("https://cdaweb")


@pytest.mark.parametrize(
    ("last", "told"),
    [
        (QueryError("the address is too long"), "it was not requested, since 2 requests in a row failed: the address"),
        (ServiceUnreachable("X", "https://x/", limits.OFFLINE), limits.OFFLINE),
        (ServiceRefused("X", "https://x/", "no", 400), "in a row failed: the last one was answered 400: no"),
    ],
)
def test_a_request_that_is_not_sent_repeats_the_last_failure(last: Any, told: str) -> None:
    made = load._not_sent(last)
    assert type(made) is type(last)
    assert told in str(made)
    assert str(load._not_sent(made)).count("in a row failed") <= 1


def test_too_many_requests_are_the_error(archive: Any) -> None:
    with conf.set_temp("retries", 0), archive.fault("status", path="/hapi/cdaweb/hapi/data", status=429):
        with pytest.raises(ServiceRefused, match="429"):
            hapi.load(*ACE, "Magnitude")


@pytest.mark.parametrize("cut", [0, 20])
def test_a_response_that_is_compressed_without_being_asked_is_read(monkeypatch: pytest.MonkeyPatch, cut: int) -> None:
    first = nanoseconds("2026-01-10T00:00:00Z")
    times = [first + minute * 60 * 10**9 for minute in range(60)]
    parameters = [{"name": "Time", "type": "isotime", "length": 24}, {"name": "x", "type": "double", "fill": None}]
    records = Server._records
    with serve({"D": Dataset(parameters, times, {"x": [float(one) for one in range(60)]})}) as server:

        def compressed(*given: Any) -> tuple[int, str, bytes]:
            status, kind, body = records(*given)
            packed = gzip.compress(body)
            return status, kind, packed[: len(packed) - cut]

        monkeypatch.setattr(Server, "_records", compressed)
        if cut:
            with pytest.raises(AnswerError, match="the compressed answer cannot be read"):
                hapi.load(server.url, "D", "2026-01-10", "2026-01-10T00:30")
        else:
            assert len(hapi.load(server.url, "D", "2026-01-10", "2026-01-10T00:30")) == 30


def test_a_chunk_without_records_does_not_cost_the_others(archive: Any) -> None:
    nothing: Partial[Any] = Partial(problems=("a part is missing",))
    (one,) = load.requested("hapi.load", "cdaweb", load.Selection("AC_H0_MFI", *ACE[2:], ["Magnitude"])).items
    good, problems = load._readable([one], [nothing])
    assert (good.items, good.problems, problems) == ((), ("a part is missing",), ())
