"""Test searching and fetching through Fido on the embedded archive."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import vstack
from astropy.time import Time
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import HelioviewerClient, conf, helioviewer
from sunpy_helio_plugins.errors import (
    AnswerError,
    IncompleteAnswerWarning,
    QueryError,
    ServerError,
    ServiceError,
    ServiceRefused,
    ServiceUnreachable,
)
from sunpy_helio_plugins.helioviewer import HelioviewerTable

NOON = a.Time("2026-01-10 11:55", "2026-01-10 12:05")

SEED_PATHS = (
    "/AIA/2023/01/01/304/2023_01_01__00_00_05_129__SDO_AIA_AIA_304.jp2",
    "/AIA/2023/01/01/304/2023_01_01__00_00_41_131__SDO_AIA_AIA_304.jp2",
    "/AIA/2023/01/01/304/2023_01_01__00_01_17_130__SDO_AIA_AIA_304.jp2",
    "/AIA/2023/01/01/304/2023_01_01__23_58_17_132__SDO_AIA_AIA_304.jp2",
    "/AIA/2023/01/01/304/2023_01_01__23_58_53_131__SDO_AIA_AIA_304.jp2",
    "/AIA/2023/01/01/304/2023_01_01__23_59_29_140__SDO_AIA_AIA_304.jp2",
)


def search(*query: Any) -> HelioviewerTable:
    """Search with the client, since sunpy 8 stores exceptions of a search in Fido's response."""
    return HelioviewerClient().search(*query)


@pytest.fixture
def noon(archive: Any) -> HelioviewerTable:
    answer = Fido.search(NOON, a.Instrument.aia, a.Wavelength(304 * u.AA), a.helioviewer.Image())
    assert len(answer) == 1, "no other client answers"
    table: HelioviewerTable = answer["helioviewer"]
    return table


def test_one_sentence_lists_the_images(noon: HelioviewerTable) -> None:
    assert noon.colnames[:5] == ["Start Time", "End Time", "Instrument", "Source", "Provider"]
    assert len(noon) == 17
    assert set(noon["Instrument"]) == {"AIA"}
    assert set(noon["Source"]) == {"SDO"}
    assert set(noon["Provider"]) == {"Helioviewer"}
    assert u.allclose(noon["Wavelength"], 304 * u.AA)
    assert noon["Start Time"][8].isot == "2026-01-10T12:00:05.129000000"
    assert noon.problems == []
    assert "url" not in str(noon)


def test_a_list_is_asked_for_as_its_server_needs_it(archive: Any) -> None:
    search(NOON, a.helioviewer.SourceID(13), a.helioviewer.Backend("HAPI"))
    data = [request for request in archive.log if request.path.endswith("/data")]
    assert len(data) == 1
    assert data[0].query["parameters"] == "path"
    assert data[0].headers["accept-encoding"] == "identity"


def test_the_published_day_comes_out_as_published(archive: Any) -> None:
    table = search(a.Time("2023-01-01 00:00:00", "2023-01-01 23:59:59"), a.helioviewer.SourceID(13))
    assert len(table) == 2400
    assert tuple(table["Path"][[0, 1, 2, -3, -2, -1]]) == SEED_PATHS
    assert table["url"][0] == f"{archive.url}/helioviewer/jp2{SEED_PATHS[0]}"
    assert table["Start Time"][-1].isot == "2023-01-01T23:59:29.140000000"
    assert np.all(np.diff(table["Start Time"].jd) > 0)


@pytest.mark.parametrize(
    ("start", "end", "rows"),
    [
        ("00:00:05.129", "00:00:41.131", 2),
        ("00:00:05.130", "00:00:41.131", 1),
        ("00:00:05.129", "00:00:41.130", 1),
        ("00:00:05.130", "00:00:41.130", 0),
        ("00:00:05.129", "00:00:05.129", 1),
    ],
)
def test_both_ends_count_to_the_millisecond(archive: Any, start: str, end: str, rows: int) -> None:
    table = search(a.Time(f"2023-01-01 {start}", f"2023-01-01 {end}"), a.helioviewer.SourceID(13))
    assert len(table) == rows


def test_a_long_range_is_asked_for_in_pieces(archive: Any) -> None:
    table = search(a.Time("2022-10-01", "2023-03-01"), a.helioviewer.SourceID(13))
    assert len([request for request in archive.log if request.path.endswith("/data")]) == 5
    assert len(table) == len(set(table["Path"])) == 2400


def test_an_image_on_the_border_of_two_pieces_comes_once(archive: Any) -> None:
    # 31 days after the second before the start there is an image, in the last second of the first request.
    table = search(a.Time("2022-12-01 00:00:06", "2023-01-01 00:02"), a.helioviewer.SourceID(13))
    stops = [request.query["stop"] for request in archive.log if request.path.endswith("/data")]
    assert "2023-01-01T00:00:05Z" in stops
    assert len(table) == 4


@pytest.mark.parametrize(
    ("start", "end", "requests"),
    [
        ("2023-01-01", "2023-02-01", 1),
        ("2023-01-01", "2023-01-31 23:59:59.999", 1),
        ("2023-01-01 00:00:05.129", "2023-02-01 00:00:04.129", 1),
        ("2022-12-15", "2023-01-15 00:00:01", 2),
        ("2022-12-01", "2023-02-01", 2),
    ],
)
def test_a_month_is_one_question(archive: Any, start: str, end: str, requests: int) -> None:
    query = a.Time(start, end), a.helioviewer.SourceID(13)
    table = search(*query)
    asked = [request.query for request in archive.log if request.path.endswith("/data")]
    assert len(asked) == requests
    lengths = [np.datetime64(one["stop"][:-1]) - np.datetime64(one["start"][:-1]) for one in asked]
    assert max(lengths) <= np.timedelta64(31, "D")
    assert list(table["Path"]) == list(search(*query, a.helioviewer.Backend("index"))["Path"])


@pytest.mark.parametrize("second", ["2010-06-02T00:05:39", "2026-01-10T20:06:05"])
@pytest.mark.parametrize("length", [0.0, 0.3, 0.999])
def test_the_first_and_the_last_image_of_the_list_are_found(archive: Any, second: str, length: float) -> None:
    start = Time(second)
    table = search(a.Time(start, start + length * u.s), a.helioviewer.SourceID(13), a.helioviewer.Backend("HAPI"))
    known = {"2010-06-02T00:05:39": 0.130, "2026-01-10T20:06:05": 0.131}[second]
    assert len(table) == (length >= known)
    assert [request.query["start"] for request in archive.log if request.path.endswith("/data")]


def test_a_range_is_clipped_to_what_the_server_takes(archive: Any) -> None:
    query = a.helioviewer.SourceID(13), a.helioviewer.Backend("HAPI")
    with pytest.warns(IncompleteAnswerWarning, match="ends at 2026-01-10T20:06:05Z"):
        table = search(a.Time("2026-01-10 20:00", "2026-02-01"), *query)
    assert len(table) == 11
    assert len(table.problems) == 1
    early = search(a.Time("2009-01-01", "2010-06-02 01:00"), a.helioviewer.SourceID(13))
    assert early.problems == []
    assert early.notes == ["The first image of SDO AIA 304 that Helioviewer lists is from 2010-06-02T00:05:39Z."]
    right = ["2010-06-02T00:05:39.130000000", "2010-06-02T00:06:15.620000000"]
    assert [time.isot for time in early["Start Time"]] == right


@pytest.mark.parametrize("span", [("2000-01-01", "2001-01-01"), ("2026-02-01", "2026-03-01")])
def test_outside_of_what_is_listed_nobody_asks_for_rows(archive: Any, span: tuple[str, str]) -> None:
    with pytest.warns(IncompleteAnswerWarning, match="that Helioviewer lists|ends at"):
        table = search(a.Time(*span), a.helioviewer.SourceID(13), a.helioviewer.Backend("hapi"))
    assert len(table) == 0
    assert [request for request in archive.log if request.path.endswith("/data")] == []


def test_nothing_found_is_an_empty_table(archive: Any) -> None:
    table = search(a.Time("2024-01-01", "2024-01-02"), a.helioviewer.SourceID(13))
    assert len(table) == 0
    assert table.problems == []
    assert table.colnames[0] == "Start Time"
    assert table["Wavelength"].unit == u.AA
    assert str(table)


def test_a_source_that_fails_does_not_cost_the_others(archive: Any) -> None:
    with pytest.warns(IncompleteAnswerWarning, match="SDO HMI Int is missing.*does not list"):
        table = search(a.Time("2026-01-10 11:58", "2026-01-10 11:59"), a.Instrument.hmi, a.helioviewer.Backend("HAPI"))
    assert set(table["Measurement"]) == {"magnetogram"}
    assert table["Wavelength"].mask.all()


def test_sources_of_several_kinds_share_a_table(archive: Any) -> None:
    numbers = a.helioviewer.SourceID(4) | a.helioviewer.SourceID(11)
    table = search(a.Time("2026-01-10 15:12", "2026-01-10 15:55"), numbers)
    assert set(table["Lister"]) == {"index"}
    assert list(table["Instrument"]) == ["LASCO", "AIA", "AIA"]
    assert list(table["Detector"].filled("")) == ["C2", "", ""]
    assert list(table["Wavelength"].mask) == [True, False, False]


def test_an_or_is_one_table_per_branch_in_fido_and_one_table_in_the_client(archive: Any) -> None:
    one, other = a.helioviewer.SourceID(11), a.helioviewer.Image() & a.Instrument("LASCO") & a.Detector("C2")
    time = a.Time("2026-01-10 14:00", "2026-01-10 15:00")
    assert len(Fido.search(time, one | other)) == 2
    assert len(search(time & (one | other))) == 5


def test_an_unknown_name_is_refused_before_any_request(archive: Any) -> None:
    with pytest.raises(QueryError, match="does not have the instrument"):
        search(NOON, a.Instrument("AIB"), a.helioviewer.Image())
    assert archive.log == []


def test_a_query_that_does_not_name_helioviewer_is_not_ours() -> None:
    def ours(*query: Any) -> bool:
        return HelioviewerClient._can_handle_query(*query)

    assert not ours(NOON, a.Instrument.aia)
    assert not ours(NOON, a.Instrument.aia, a.Provider("JSOC"))
    assert ours(NOON, a.Instrument.aia, a.Provider("Helioviewer"))
    assert ours(NOON, a.Instrument.aia, a.helioviewer.Image())
    assert ours(NOON, a.helioviewer.Image(), a.Provider("HELIOVIEWER"))
    assert ours(NOON, a.helioviewer.Image(), a.Provider("JSOC")), "translate refuses it, and says why"
    assert ours(a.helioviewer.SourceID(13), a.Level(1)), "what cannot be used is explained, not left to Fido"


@pytest.mark.parametrize("rows", [0, 1, 17])
def test_tables_print_copy_pickle_and_write(noon: HelioviewerTable, tmp_path: Path, rows: int) -> None:
    table = noon[:rows]
    assert isinstance(table, HelioviewerTable)
    assert str(table)
    assert len(table.copy()) == rows
    again = pickle.loads(pickle.dumps(table))
    assert list(again["Path"]) == list(table["Path"])
    table.write(tmp_path / "table.ecsv")
    assert (tmp_path / "table.ecsv").read_text().count("SDO_AIA") == 2 * rows


def test_tables_sort_and_stack_without_a_warning(noon: HelioviewerTable, archive: Any) -> None:
    lasco = search(a.Time("2026-01-10 14:30", "2026-01-10 15:00"), a.helioviewer.SourceID(4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stacked = vstack([noon, lasco])
    assert isinstance(stacked, HelioviewerTable)
    assert len(stacked) == 19
    stacked.sort("Start Time", reverse=True)
    assert stacked["Instrument"][0] == "LASCO"


def test_files_arrive_whole_and_under_their_own_names(noon: HelioviewerTable, tmp_path: Path) -> None:
    files = Fido.fetch(noon[:3], path=tmp_path / "{instrument}" / "{start_time:%Y}" / "{file}")
    assert files.errors == []
    assert sorted(Path(file).name for file in files) == sorted(path.rpartition("/")[2] for path in noon["Path"][:3])
    assert {Path(file).parent for file in files} == {tmp_path / "AIA" / "2026"}
    assert not list(tmp_path.rglob("*.part"))


def test_a_file_that_is_gone_is_an_error_with_words(archive: Any, tmp_path: Path) -> None:
    time = a.Time("2024-12-31 00:02:11", "2024-12-31 00:02:11")
    table = search(time, a.helioviewer.SourceID(2003), a.helioviewer.Backend("HAPI"))
    files = Fido.fetch(table, path=tmp_path / "{file}")
    assert list(files) == []
    assert "404" in str(files.errors[0].exception)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"File not found.", "its file does not exist"),
        (b"Limit of 5 requests per 60 seconds has been exceeded by identifier: 127.0.0.1", "rate limit"),
    ],
)
def test_a_failure_under_status_200_is_no_file(
    noon: HelioviewerTable, canned: Callable[..., str], tmp_path: Path, body: bytes, words: str
) -> None:
    row = noon[:1].copy()
    row["url"] = [f"{canned(lambda path: (200, 'image/jp2', body))}/image.jp2"]
    files = Fido.fetch(row, path=tmp_path / "{file}")
    assert list(files) == []
    assert words in str(files.errors[0].exception)
    assert list(tmp_path.iterdir()) == []


def test_a_reached_rate_limit_is_waited_for(noon: HelioviewerTable, canned: Callable[..., str], tmp_path: Path) -> None:
    import requests

    picture, asked = requests.get(noon["url"][0], timeout=30).content, []

    def reply(path: str) -> tuple[int, str, bytes]:
        asked.append(path)
        page = b"Limit of 5 requests per 60 seconds has been exceeded by identifier: 127.0.0.1"
        return (200, "text/html", page) if len(asked) < 3 else (200, "image/jp2", picture)

    row = noon[:1].copy()
    row["url"] = [f"{canned(reply)}/image.jp2"]
    with conf.helioviewer.set_temp("rate_limit_wait", 0.01):
        files = Fido.fetch(row, path=tmp_path / "{file}")
    assert files.errors == []
    assert len(asked) == 3


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", ["cut_close", "cut_chunked", "cut_length", "gzip_bomb", "html_error"])
def test_a_spoilt_file_never_gets_its_name(archive: Any, noon: HelioviewerTable, tmp_path: Path, fault: str) -> None:
    with archive.fault(fault, path="/helioviewer/jp2"):
        files = Fido.fetch(noon[:1], path=tmp_path / "{file}")
    assert list(files) == []
    assert len(files.errors) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", ["cut_close", "cut_length", "html_error", "json_error", "hang_up"])
@pytest.mark.parametrize("endpoint", ["info", "data"])
def test_a_spoilt_list_is_one_clear_error(archive: Any, fault: str, endpoint: str) -> None:
    with archive.fault(fault, path=f"/helioviewer/hapi/Helioviewer/hapi/{endpoint}"), pytest.raises(ServiceError):
        search(NOON, a.helioviewer.SourceID(13), a.helioviewer.Backend("HAPI"))


@pytest.mark.parametrize("size", [None, 256])
def test_a_damaged_file_that_exists_is_replaced(
    noon: HelioviewerTable, archive: Any, tmp_path: Path, size: int | None
) -> None:
    options = {} if size is None else {"size": size}
    (path,) = map(Path, Fido.fetch(noon[:1], path=tmp_path / "{file}", **options))
    whole = path.read_bytes()
    for damaged in (b"", whole[:-1], whole[:100], whole * 2, whole + b"x", b"File not found.", whole[:-2] + b"\0\0"):
        path.write_bytes(damaged)
        assert list(map(Path, Fido.fetch(noon[:1], path=tmp_path / "{file}", **options))) == [path]
        assert path.read_bytes() == whole
    archive.log.clear()
    Fido.fetch(noon[:1], path=tmp_path / "{file}", **options)
    assert archive.log == []


def info_then(data: tuple[int, str, bytes]) -> Callable[[str], tuple[int, str, bytes]]:
    info = (
        b'{"HAPI": "3.1", "status": {"code": 1200, "message": "OK"}, "outputFormats": ["csv"], '
        b'"startDate": "2010-01-01T00:00:00Z", "stopDate": "2030-01-01T00:00:00Z", "parameters": '
        b'[{"name": "Time", "type": "isotime", "length": 20}, {"name": "path", "type": "string", "length": 255}]}'
    )
    return lambda path: data if "/data" in path else (200, "application/json", info)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (lambda path: (200, "text/html", b"<html>Limit of 5 requests</html>"), AnswerError, "Limit of 5 requests"),
        (lambda path: (200, "application/json", b""), AnswerError, "empty body"),
        (lambda path: (200, "application/json", b'{"HAPI": "3.1"}'), AnswerError, "parameters|lacks"),
        (lambda path: (503, "text/html", b"<h1>Maintenance</h1>"), ServerError, "Maintenance"),
        (lambda path: (403, "text/html", b"<h1>Forbidden</h1>"), ServiceRefused, "Forbidden"),
        (info_then((200, "text/html", b"<html>Limit of 5 requests</html>")), AnswerError, "Limit of 5 requests"),
        (info_then((200, "text/csv", b"2026-01-10T12:00:05Z,/a.jp2\n2026-01-10T12:0")), AnswerError, "list of images"),
        (info_then((500, "application/json", b'{"status": {"code": 1500, "message": "oh"}}')), ServerError, "oh"),
    ],
)
def test_a_server_that_fails_is_one_clear_error(
    canned: Callable[..., str], reply: Any, kind: type[ServiceError], words: str
) -> None:
    with conf.helioviewer.set_temp("hapi_url", canned(reply)), pytest.raises(kind, match=words) as caught:
        search(NOON, a.helioviewer.SourceID(13), a.helioviewer.Backend("HAPI"))
    assert "Helioviewer" in str(caught.value)


@pytest.mark.usefixtures("impatient")
def test_a_dead_server_is_one_clear_error(unused_tcp_port: int) -> None:
    dead = f"http://127.0.0.1:{unused_tcp_port}/hapi"
    with conf.helioviewer.set_temp("hapi_url", dead), pytest.raises(ServiceUnreachable):
        search(NOON, a.helioviewer.SourceID(13), a.helioviewer.Backend("HAPI"))


@pytest.fixture
def unused_tcp_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_a_range_in_another_scale_is_utc_in_the_request(archive: Any) -> None:
    start = Time("2026-01-10T12:00:42.000", scale="tai")
    table = search(a.Time(start, start + 1 * u.s), a.helioviewer.SourceID(13))
    assert len(table) == 1, "12:00:05.129 UTC is 12:00:42.129 TAI"


def test_what_the_server_says_of_itself_is_asked_for_once(archive: Any) -> None:
    search(NOON, a.helioviewer.SourceID(11), a.helioviewer.Backend("HAPI"))
    archive.log.clear()
    search(NOON, a.helioviewer.SourceID(11) | a.helioviewer.SourceID(13), a.helioviewer.Backend("HAPI"))
    asked = [request.path.rpartition("/")[2] for request in archive.log]
    assert asked.count("data") == 2
    assert asked.count("capabilities") <= 2, "two threads may both be the first"


@pytest.mark.parametrize(("size", "made"), [(9999, 1024), (300, 512), (512, 512), (513, 1024), (20, 32)])
def test_a_smaller_file_is_named_by_the_size_that_was_made(
    noon: HelioviewerTable, archive: Any, tmp_path: Path, size: int, made: int
) -> None:
    (file,) = Fido.fetch(noon[:1], path=tmp_path / "{file}", size=size, progress=False)
    assert Path(file).name.endswith(f"__SDO_AIA_AIA_304.{made}px.jp2")
    assert max(helioviewer.read(file).data.shape) == made
    assert list(tmp_path.iterdir()) == [Path(file)]


def test_a_smaller_file_that_exists_is_not_downloaded_again(
    noon: HelioviewerTable, archive: Any, tmp_path: Path
) -> None:
    first = Fido.fetch(noon[:2], path=tmp_path / "{file}", size=300, progress=False)
    archive.log.clear()
    assert sorted(Fido.fetch(noon[:2], path=tmp_path / "{file}", size=400, progress=False)) == sorted(first)
    assert archive.log == []
    Path(first[0]).write_bytes(b"damaged")
    assert sorted(Fido.fetch(noon[:2], path=tmp_path / "{file}", size=300, progress=False)) == sorted(first)
    assert max(helioviewer.read(first[0]).data.shape) == 512
    assert len(list(tmp_path.iterdir())) == 2


def test_a_damaged_file_with_the_name_of_the_made_size_is_replaced(
    noon: HelioviewerTable, archive: Any, tmp_path: Path
) -> None:
    (file,) = Fido.fetch(noon[:1], path=tmp_path / "{file}", size=9999, progress=False)
    Path(file).write_bytes(b"damaged")
    assert list(Fido.fetch(noon[:1], path=tmp_path / "{file}", size=9999, progress=False)) == [file]
    assert max(helioviewer.read(file).data.shape) == 1024


@pytest.mark.parametrize(("count", "is_whole"), [(1000, True), (1001, False)])
def test_a_thousand_rows_are_printed_and_of_more_the_first_and_the_last(count: int, is_whole: bool) -> None:
    text = str(HelioviewerTable({"Instrument": [f"row{number}" for number in range(count)]}))
    assert ("row500" in text) == is_whole
    assert "row0" in text
    assert f"row{count - 1}" in text
    assert len(text.splitlines()) == (count + 2 if is_whole else 100)
