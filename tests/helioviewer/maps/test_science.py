"""Test the search for science-grade data of the same exposure, and for images near a time."""

from __future__ import annotations

import re
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st
from sunpy.net import Fido
from sunpy.net import attrs as a
from sunpy.net.attr import SimpleAttr

from sunpy_helio_plugins import HelioviewerClient, conf, helioviewer, sandbox
from sunpy_helio_plugins.errors import (
    AnswerError,
    IncompleteAnswerWarning,
    MissingDependencyError,
    QueryError,
    ServiceError,
    TransferError,
)
from sunpy_helio_plugins.fido.partial import Partial
from sunpy_helio_plugins.helioviewer import explore, source_table, synonyms, tables
from sunpy_helio_plugins.helioviewer import search as search_module
from sunpy_helio_plugins.helioviewer.jp2 import remote_headers
from sunpy_helio_plugins.helioviewer.maps import science
from sunpy_helio_plugins.quantities import times

NOON = a.Time("2026-01-10 11:58", "2026-01-10 12:00:30")


def search(*query: Any) -> Any:
    return HelioviewerClient().search(NOON, *query)


def test_aia_is_found_by_its_serial_number(archive: Any) -> None:
    table = search(a.helioviewer.SourceID(13))
    twins = helioviewer.science(table)
    headers = search(a.helioviewer.SourceID(13), a.helioviewer.Header())
    assert list(twins["Value"]) == [str(number) for number in headers["FSN"]]
    assert set(twins["Series"]) == {"aia.lev1_euv_12s"}
    assert twins["Exact"].all()
    assert f"FSN={twins['Value'][0]}" in record_set(twins["Query"][0])
    assert list(helioviewer.science(headers)["Value"]) == list(twins["Value"])


def test_hmi_is_found_by_the_time_of_its_record(archive: Any) -> None:
    twins = helioviewer.science(search(a.helioviewer.SourceID(19)), notify="somebody@example.org")
    assert set(twins["Series"]) == {"hmi.m_45s"}
    assert twins["Value"][0].endswith("_TAI")
    assert twins["Value"][0] in record_set(twins["Query"][0])


def record_set(query: Any) -> str:
    """Return the keys that sunpy's JSOC client reads from a query, without spaces."""
    from sunpy.net.jsoc import JSOCClient
    from sunpy.net.jsoc.attrs import walker

    assert JSOCClient._can_handle_query(*query.attrs)
    (block,) = walker.create(query)
    keywords = [f"{name}{value['operator']}{value['value']}" for name, value in block.get("keyword", {}).items()]
    return str([*keywords, block.get("primekey")]).replace(" ", "")


FRAMES = {
    "AIA": {"FSN": 123456789}, "HMI": {"T_REC": "2020.01.01_00:00:00_TAI"}, "MDI": {"T_REC": "2020.01.01_00:00:00_TAI"},
    "EUI": {"FILENAME": "solo_L2_eui-fsi174-image_20200101T000000123_V01.fits"}, "SUVI": {"TELESCOP": "G16"},
    "EIT": {"FILENAME": "efr20200101.000000"}, "SECCHI": {"FILENAME": "20200101_000000_n4euA.fts"},
    "SWAP": {"FILENAME": "swap_lv1_20200101_000000.fits"},
}  # fmt: skip


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that makes a table of one image of each source, with the headers in `FRAMES`."""
    monkeypatch.setattr(remote_headers, "fetch", lambda urls: [FRAMES[url.rpartition("=")[2]] for url in urls])

    def make(*numbers: int) -> Any:
        kinds = [one for one in source_table.known() if not one.members and (not numbers or one.id in numbers)]
        listings = [
            search_module.SourceImages(
                one, np.array(["2020-01-01"], "M8[us]"), np.array([f"/x/{one.id}.jp2?i={one.instruments[0]}".encode()]),
                "https://h", np.array(["x"]),
            )
            for one in kinds
        ]  # fmt: skip
        table = tables.images_table(Partial(tuple(listings)), HelioviewerClient())
        table["url"] = [f"https://h/?i={one.instruments[0]}" for one in kinds]
        return table

    return make


@pytest.mark.parametrize("source", [13, 19])
def test_records_are_resolved_by_drms(archive: Any, jsoc: Any, source: int) -> None:
    images = search(a.helioviewer.SourceID(source))
    values = list(helioviewer.science(images)["Value"])
    jsoc.held = set(values[1:])
    twins = helioviewer.science(images, resolve=True)
    assert len(jsoc.asked) == 1
    assert list(twins["Record"].mask) == [True] + [False] * (len(values) - 1), "JSOC has no record of the first"
    assert all(str(value) in record for value, record in zip(values[1:], twins["Record"][1:], strict=True))


def test_every_source_whose_data_are_at_jsoc_is_resolved(sources: Any, jsoc: Any) -> None:
    jsoc.held = {"123456789", "2020.01.01_00:00:00_TAI"}
    twins = helioviewer.science(sources(), resolve=True)
    at_jsoc = twins[~twins["Record"].mask]
    assert set(at_jsoc["Instrument"]) == {"AIA", "HMI", "MDI"}
    assert (at_jsoc["Archive"] == "JSOC").all()
    assert sorted(set(at_jsoc["Series"])) == [
        "aia.lev1_euv_12s", "aia.lev1_uv_24s", "aia.lev1_vis_1h", "hmi.ic_45s", "hmi.m_45s", "mdi.fd_Ic",
        "mdi.fd_M_96m_lev182",
    ]  # fmt: skip
    assert len(jsoc.asked) == 7, "one question for each series"
    assert twins["Record"].mask[twins["Archive"] == "VSO"].all()


@pytest.mark.parametrize(
    ("source", "asked"),
    [
        (13, "aia.lev1_euv_12s[2026.01.10_11:57:54_TAI-2026.01.10_11:59:54_TAI][304][? FSN='300020070' ?]{image}"),
        (19, "hmi.m_45s[2026.01.10_11:59:15.000_TAI]{magnetogram}"),
    ],
)
def test_browsing_in_jp2_then_only_these_fits_are_fetched(
    archive: Any, jsoc: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: int, asked: str
) -> None:
    from sunpy.net.jsoc import jsoc as client

    monkeypatch.setattr(client.time, "sleep", lambda seconds: None)
    twins = helioviewer.science(search(a.helioviewer.SourceID(source))[:2], notify="somebody@example.org")
    files = Fido.fetch(Fido.search(twins.query()), path=tmp_path / "{file}")
    names = sorted(Path(file).name for file in files)
    assert names == sorted(f"{twins['Series'][0]}.{value}.image.fits" for value in twins["Value"])
    assert asked in jsoc.asked


@pytest.mark.parametrize("source", [13, 19])
def test_a_sequence_is_one_export_request(archive: Any, jsoc: Any, tmp_path: Path, source: int) -> None:
    rows = HelioviewerClient().search(a.Time("2026-01-10 11:50", "2026-01-10 12:10"), a.helioviewer.SourceID(source))
    twins = helioviewer.science(rows, notify="somebody@example.org")
    files = twins.export(tmp_path)
    assert len(jsoc.asked) == 1
    assert len(files) == len(rows) >= 5
    assert sorted(tmp_path.iterdir()) == files
    numbers = [re.sub(r"\D", "", str(value)) for value in twins["Value"]]
    names = [re.sub(r"\D", "", file.name) for file in files]
    assert all(any(number in name for name in names) for number in numbers)


def test_the_export_of_aia_is_limited_to_its_times(archive: Any) -> None:
    twins = helioviewer.science(search(a.helioviewer.SourceID(13)))
    (asked,) = twins.record_sets()
    assert asked.startswith("aia.lev1_euv_12s[2026-01-10T11:57:")
    assert asked.endswith(f"[? FSN in ({','.join(twins['Value'])}) ?]{{image}}")


def test_several_series_are_a_request_each_and_long_lists_several(archive: Any) -> None:
    both = search(a.helioviewer.SourceID(13) | a.helioviewer.SourceID(19))
    twins = helioviewer.science(both)
    assert sorted(one.partition("[")[0] for one in twins.record_sets()) == ["aia.lev1_euv_12s", "hmi.m_45s"]
    many = twins[np.zeros(2000, dtype=int)]
    many["Value"] = [str(300000000 + number) for number in range(2000)]
    sets = many.record_sets()
    assert len(sets) == 4
    assert all(len(one) < 7000 for one in sets)
    assert all(any(f"{value}" in one for one in sets) for value in many["Value"][::99])


def test_images_that_jsoc_does_not_have_are_said(archive: Any, jsoc: Any, tmp_path: Path) -> None:
    twins = helioviewer.science(search(a.helioviewer.SourceID(13)), notify="somebody@example.org")
    jsoc.held = {str(twins["Value"][0])}
    with pytest.warns(IncompleteAnswerWarning, match=f"JSOC exported 1 files for {len(twins)} images"):
        assert len(twins.export(tmp_path)) == 1


@pytest.mark.parametrize("notify", [None, "nobody"])
def test_an_export_needs_an_address(archive: Any, tmp_path: Path, notify: str | None) -> None:
    twins = helioviewer.science(search(a.helioviewer.SourceID(13)))
    with pytest.raises(QueryError, match="takes the email address registered at JSOC"):
        twins.export(tmp_path, notify=notify)


def test_an_export_needs_data_at_jsoc(archive: Any, tmp_path: Path) -> None:
    rows = HelioviewerClient().search(a.Time("2026-01-10 14:00", "2026-01-10 15:00"), a.helioviewer.SourceID(4))
    twins = helioviewer.science(rows)
    with pytest.raises(QueryError, match="has data at JSOC"):
        twins.export(tmp_path, notify="somebody@example.org")


def test_an_export_that_fails_is_one_clear_error(
    archive: Any, jsoc: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drms.client.time", SimpleNamespace(time=time.time, sleep=lambda seconds: None))
    twins = helioviewer.science(search(a.helioviewer.SourceID(13)), notify="somebody@example.org")
    jsoc.failing = True
    with pytest.raises(ServiceError, match=r"JSOC: the export of aia\.lev1_euv_12s"):
        twins.export(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("source", [6, 7, 8, 15, 17, 18])
def test_jsocs_client_takes_the_query_of_every_series(
    sources: Any, jsoc: Any, source: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    twins = helioviewer.science(sources(source))
    assert len(Fido.search(twins.query())[0]) == 1
    assert jsoc.asked[0].startswith(f"{twins['Series'][0]}[")
    assert twins["Value"][0] in jsoc.asked[0]


def test_many_frames_are_asked_for_in_parts(jsoc: Any) -> None:
    from sunpy_helio_plugins.helioviewer.maps import science

    numbers = [str(300_000_000 + number) for number in range(400)]
    twins = [science.ScienceRecord("JSOC", "aia.lev1_euv_12s", "FSN", number) for number in [*numbers, numbers[0]]]
    found = science.resolved(twins)
    assert found == [f"aia.lev1_euv_12s[{twin.value}]" for twin in twins]
    assert len(jsoc.asked) == 3


def test_a_jsoc_that_fails_is_one_clear_error(archive: Any, jsoc: Any) -> None:
    jsoc.failing = True
    with pytest.raises(ServiceError, match=r"JSOC: the records of aia\.lev1_euv_12s cannot be found.*Series not found"):
        helioviewer.science(search(a.helioviewer.SourceID(13)), resolve=True)


def test_every_source_has_a_twin_or_says_that_it_has_none(sources: Any) -> None:
    twins = helioviewer.science(sources())
    assert len(twins) == 139
    none = twins["Archive"].mask
    assert set(twins["Instrument"][none]) == {"RHESSI", "CCOR-1", "CCOR-2"}
    assert not twins["Note"].mask[none].any()
    assert set(twins["Instrument"][twins["Exact"]]) == {
        "AIA", "HMI", "MDI", "EIT", "SECCHI", "SWAP", "EUI", "WFI+NFI",
    }  # fmt: skip
    with pytest.raises(QueryError, match="None of the"):
        twins[none].query()
    assert twins[~none].query() is not None


WORDS = {
    0: "EIT|171", 4: "LASCO|c2", 20: "SECCHI|STEREO_A|euvi|171", 31: "SECCHI|STEREO_B|cor2", 32: "SWAP|174",
    33: "SXT", 38: "XRT", 75: "TRACE|171", 83: "K-Cor|MLSO", 88: "IRIS", 94: "GONG|intensity", 131: "PUNCH-MOSAIC",
}  # fmt: skip


@pytest.mark.parametrize("source", WORDS)
def test_the_vso_takes_each_of_its_queries(sources: Any, source: int) -> None:
    from sunpy.net.vso import VSOClient

    query = helioviewer.science(sources(source))["Query"][0]
    assert VSOClient._can_handle_query(*query.attrs)
    shown = [str(getattr(one, "value", getattr(one, "min", ""))) for one in query.attrs]
    assert all(any(word == text.removesuffix(" Angstrom").removesuffix(".0") for text in shown) for word in
               WORDS[source].split("|")), shown  # fmt: skip
    asked = next(one for one in query.attrs if isinstance(one, a.Time))
    assert asked.near.isot == "2020-01-01T00:00:00.000"


@pytest.mark.parametrize(
    ("stamp", "written"),
    [("00:00:00", "00:00:00.000"), ("00:00:05.129", "00:00:05.129"), ("00:00:05.1294", "00:00:05.1294")],
)
def test_other_archives_are_given_the_decimals_that_matter(sources: Any, stamp: str, written: str) -> None:
    table = sources(38)
    table["Start Time"] = times.as_column(Time([f"2020-01-01T{stamp}"], scale="utc"))
    (twin,) = helioviewer.science(table)
    assert twin["Value"] == f"2020-01-01T{written}"
    asked = next(one for one in twin["Query"].attrs if isinstance(one, a.Time))
    assert {one.isot.partition(".")[2] for one in (asked.start, asked.near, asked.end)} == {written.partition(".")[2]}
    assert table["Start Time"].precision == 9


@pytest.mark.parametrize(("telescope", "satellite"), [("G16", 16), ("GOES-18", 18), ("GOES-R", None), ("", None)])
def test_suvis_satellite_is_in_the_header_only(
    sources: Any, monkeypatch: pytest.MonkeyPatch, telescope: str, satellite: int | None
) -> None:
    from sunpy.net.dataretriever import SUVIClient

    monkeypatch.setitem(FRAMES, "SUVI", {"TELESCOP": telescope})
    twins = helioviewer.science(sources(2003))
    query = twins["Query"][0]
    assert SUVIClient._can_handle_query(*query.attrs)
    numbers = [one.value for one in query.attrs if isinstance(one, a.goes.SatelliteNumber)]
    assert numbers == ([] if satellite is None else [satellite])
    assert twins["Note"].mask[0] == (satellite is not None)


@pytest.mark.parametrize(("cadence", "series"), [(None, "hmi.m_45s"), (45.0, "hmi.m_45s"), (720.0, "hmi.m_720s")])
def test_hmis_series_is_that_of_its_cadence(
    sources: Any, monkeypatch: pytest.MonkeyPatch, cadence: float | None, series: str
) -> None:
    frame = {"T_REC": "2020.01.01_00:00:00_TAI", **({} if cadence is None else {"CADENCE": cadence})}
    monkeypatch.setitem(FRAMES, "HMI", frame)
    assert helioviewer.science(sources(19))["Series"][0] == series


def test_mdi_without_a_record_is_looked_for_at_the_vso(sources: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FRAMES, "MDI", {})
    twins = helioviewer.science(sources(6, 7))
    assert list(twins["Archive"]) == ["VSO", "VSO"]
    assert not twins["Exact"].any()


def test_a_header_that_cannot_be_read_is_said(sources: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_headers, "fetch", lambda urls: ["Helioviewer answered 404" for _ in urls])
    twins = helioviewer.science(sources(13, 19, 20))
    assert list(twins["Note"][:2]) == [
        "the header does not contain FSN. Helioviewer answered 404",
        "the header does not contain T_REC. Helioviewer answered 404",
    ]
    assert (twins["Archive"][2], twins["Exact"][2]) == ("VSO", False)


@pytest.fixture
def soar(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Register the attrs that sunpy-soar registers."""

    class Product(SimpleAttr):
        """A product of Solar Orbiter's archive."""

    monkeypatch.setattr(a, "soar", SimpleNamespace(Product=Product), raising=False)
    return Product


PRODUCTS = {84: "eui-fsi174-image", 85: "eui-fsi304-image", 86: "eui-hrieuv174-image", 87: "eui-hrilya1216-image"}


@pytest.mark.parametrize("source", PRODUCTS)
def test_eui_is_found_at_soar_by_the_name_of_its_file(sources: Any, soar: Any, source: int) -> None:
    twins = helioviewer.science(sources(source))
    row = twins[0]
    assert (row["Archive"], row["Series"], row["Exact"]) == ("SOAR", PRODUCTS[source], True)
    assert (row["Key"], row["Value"]) == ("FILENAME", "solo_L2_eui-fsi174-image_20200101T000000123_V01.fits")
    kinds = {type(one): one for one in row["Query"].attrs}
    assert kinds[soar].value == PRODUCTS[source]
    assert (kinds[a.Instrument].value, kinds[a.Level].value) == ("EUI", 2)
    assert abs((kinds[a.Time].end - kinds[a.Time].start).to_value(u.s) - 60) < 1e-3


def test_euis_file_may_be_named_in_a_comment(sources: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "solo_L2_eui-fsi174-image_20220401T000045248_V01.fits"
    monkeypatch.setitem(FRAMES, "EUI", {"HV_COMMENT": f"JP2 made of Title = {name} by EUI"})
    assert helioviewer.science(sources(84))["Value"][0] == name
    monkeypatch.setitem(FRAMES, "EUI", {})
    row = helioviewer.science(sources(84))[0]
    assert (row["Key"], row["Exact"]) == ("DATE-OBS", False)


def test_without_sunpy_soar_the_twin_is_described(sources: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(a, "soar", raising=False)
    row = helioviewer.science(sources(84))[0]
    assert (row["Archive"], row["Series"], row["Exact"]) == ("SOAR", "eui-fsi174-image", True)
    assert "sunpy-soar" in row["Note"]
    assert row["Query"] is None


@pytest.mark.parametrize("rows", [0, 1])
def test_a_row_and_no_rows_have_twins_too(archive: Any, rows: int) -> None:
    table = search(a.helioviewer.SourceID(13))
    assert len(helioviewer.science(table[0])) == 1
    twins = helioviewer.science(table[:rows])
    assert len(twins) == rows
    assert str(twins)


def test_near_a_time_every_source_gives_its_nearest_image(archive: Any, tmp_path: Any) -> None:
    table = helioviewer.near("2026-01-10 12:00:05.129")
    assert len(list(archive.log)) == 1
    assert list(table["Source ID"][:1]) in ([13], [11])
    assert set(table["Source ID"]) == {11, 13, 19}
    assert (abs(table["Offset"]) <= 10 * u.min).all()
    assert "136 sources" in table.notes[0]
    files = Fido.fetch(table[:2], path=tmp_path / "{file}")
    assert files.errors == []
    assert len(helioviewer.near("2015-01-01", tolerance=1 * u.hour)) == 0


def test_an_image_of_the_very_second_is_found(archive: Any) -> None:
    for second in ("2026-01-10 12:00:05", "2026-01-10 12:00:05.9"):
        table = helioviewer.near(second, tolerance=1 * u.s)
        assert 13 in table["Source ID"]


def test_coverage_tells_gaps_and_cadence(archive: Any) -> None:
    found = helioviewer.coverage(a.Time("2026-01-10 11:00", "2026-01-10 13:00"), a.helioviewer.SourceID(11, 13))
    assert np.allclose(found.table["Cadence"].to_value(u.s), 36, atol=0.01)
    assert list(found.table["Gaps"]) == [2, 2]
    assert (found.table["Missing"] > 0.85).all()
    assert len(found.gaps) == 4
    assert (found.gaps["Duration"] > 36 * u.s).all()
    lengths = (found.gaps["End Time"] - found.gaps["Start Time"]).to(u.s)
    assert u.allclose(found.gaps["Duration"], lengths, rtol=0, atol=1 * u.us)
    lines = found.plot().lines
    images = [len(line.get_xdata()) for line in lines if line.get_marker() == "|"]
    assert images == [np.sum(found.images["Source ID"] == number) for number in (11, 13)]
    assert [line.get_ydata()[0] for line in lines if line.get_marker() == "|"] == [0, 1]
    with pytest.raises(QueryError, match=r"a\.Time"):
        helioviewer.coverage("2026-01-10", a.helioviewer.SourceID(11))


def test_what_could_not_be_listed_is_no_gap(archive: Any) -> None:
    pytest.importorskip("matplotlib")
    day = a.Time("2026-01-10 20:00", "2026-01-10 22:00")
    everything = helioviewer.coverage(day, a.helioviewer.SourceID(13))
    assert everything.gaps[-1]["End Time"].isot[:16] == "2026-01-10T22:00"
    broken = [archive.fault("status", path=f"/helioviewer/{part}") for part in ("jp2", "v2")]
    with broken[0], broken[1], pytest.warns(IncompleteAnswerWarning, match="is missing"):
        found = helioviewer.coverage(day, a.helioviewer.SourceID(13))
    assert found.table["Images"][0] == everything.table["Images"][0] > 5
    assert len(found.gaps) == len(everything.gaps) - 1
    assert found.table["Missing"][0] < 0.05


def test_a_mirror_is_compared(archive: Any) -> None:
    time = a.Time("2026-01-10 12:00", "2026-01-10 12:10")
    query = (time, a.helioviewer.SourceID(13), a.helioviewer.Backend("coverage"))
    here = helioviewer.coverage(*query)
    nothing = '[{"sourceId": 13, "label": "AIA 304", "data": []}]'
    with sandbox.Archive(0, ("helioviewer",)) as mirror:
        archive.log.clear()
        with conf.helioviewer.set_temp("api_url", f"{mirror.url}/helioviewer/v2"):
            there = helioviewer.coverage(*query)
            with mirror.fault("json_error", status=200, body=nothing, path="/helioviewer/v2/getDataCoverage"):
                less = helioviewer.coverage(*query)
        assert archive.log == []
    assert list(here.images["Path"]) == list(there.images["Path"])
    assert list(here.table["Missing"]) == list(there.table["Missing"])
    assert list(less.table["Missing"]) == [1]


@pytest.mark.parametrize(
    ("start", "end", "share"),
    [
        ("1990-01-01", "1990-01-02", 1),
        ("2026-01-10 12:00", "2026-01-10 12:00", 0),
        (datetime.now(UTC) + timedelta(days=100), datetime.now(UTC) + timedelta(days=101), 0),
    ],
)
@pytest.mark.filterwarnings("ignore::sunpy_helio_plugins.errors.IncompleteAnswerWarning")
def test_coverage_without_images(archive: Any, start: Any, end: Any, share: float) -> None:
    plt = pytest.importorskip("matplotlib.pyplot")
    found = helioviewer.coverage(a.Time(start, end), a.helioviewer.SourceID(13))
    assert list(found.table["Images"]) == [0]
    assert list(found.table["Missing"]) == [share]
    assert len(found.gaps) == share
    figure, axes = plt.subplots()
    found.plot(axes)
    figure.canvas.draw()
    plt.close(figure)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 10)), max_size=6))
def test_spans_without_others(holes: list[tuple[int, int]]) -> None:
    def when(count: int) -> np.datetime64:
        return np.datetime64("2026-01-10T00:00:00", "us") + np.timedelta64(count, "s")

    left = explore._without([(when(0), when(20)), (when(30), when(60))], [(when(k), when(k + n)) for k, n in holes])
    kept = {k for k in range(60) if any(begin <= when(k) < finish for begin, finish in left)}
    gone = {k for first, count in holes for k in range(first, first + count)}
    assert kept == {*range(20), *range(30, 60)} - gone


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": "database is locked"}', b"[]", b"{}", b"null", b"<html>Rate limit</html>", b"",
        b'{"SDO": {"AIA": {', b'{"status": 200, "data": {"error": "none"}}', b'{"SDO": {"AIA": []}}',
        b'{"SDO": {"sourceId": 13, "start": "2026-77-10 00:00:00"}}', b'{"SDO": {"sourceId": 13, "end": "soon"}}',
        b'{"SDO": {"sourceId": "x"}}', b'{"SDO": {"sourceId": 1e999}}',
    ],
)  # fmt: skip
def test_a_list_of_sources_is_cached_only_if_it_is_one(canned: Any, tmp_path: Path, body: bytes) -> None:
    bodies = [body, body, b'{"SDO": {"AIA": {"sourceId": 777, "start": "2010-06-02 00:05:39"}}}']
    asked: list[str] = []

    def reply(path: str) -> tuple[int, str, bytes]:
        asked.append(path)
        return 200, "application/json", bodies[min(len(asked), 3) - 1]

    url = canned(reply)
    with conf.helioviewer.set_temp("api_url", url), conf.set_temp("cache_dir", str(tmp_path / "cache")):
        for _ in range(2):
            with pytest.raises(AnswerError, match=r"Helioviewer.*getDataSources/"):
                helioviewer.sources(refresh=True)
        assert all(777 in helioviewer.sources(refresh=True)["Source ID"] for _ in range(2))
    assert len(asked) == 3


def test_sources_are_refreshed_on_request(archive: Any) -> None:
    table = helioviewer.sources(refresh=True)
    row = table[table["Source ID"] == 13][0]
    assert row["First Image"].isot == "2010-06-02T00:05:39.130"[:19] + ".000000000"
    assert table["Last Image"].mask[table["Source ID"] == 0].all()


def test_a_new_source_is_added(archive: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    leaf = {"sourceId": 777, "nickname": "new", "start": "", "end": ""}
    monkeypatch.setattr(explore, "_tree", lambda: {"NEW": {"X": leaf}})
    assert 777 in helioviewer.sources(refresh=True)["Source ID"]


def test_an_address_without_an_at_sign_is_refused(archive: Any) -> None:
    with pytest.raises(QueryError, match="takes an email address as notify, not 'somebody'"):
        helioviewer.science(None, notify="somebody")


def test_resolving_without_drms_names_the_extra(sources: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "drms", None)
    with pytest.raises(MissingDependencyError, match="Finding records at JSOC"):
        helioviewer.science(sources(13), resolve=True)


def test_records_that_jsoc_does_not_have_are_masked(sources: Any) -> None:
    client = SimpleNamespace(query=lambda *args, **kwargs: {})
    assert helioviewer.science(sources(13), resolve=True, drms_client=client)["Record"].mask.tolist() == [True]


@pytest.mark.parametrize("axes", [3, "axes", [None]])
def test_a_coverage_is_drawn_in_axes_only(archive: Any, axes: Any) -> None:
    found = helioviewer.coverage(NOON, a.helioviewer.SourceID(13))
    with pytest.raises(QueryError, match=r"Coverage\.plot takes axes of matplotlib or None, not"):
        found.plot(axes)


@pytest.mark.parametrize("given", ["", "-", "/ "])
def test_a_name_without_letters_gives_no_advice(given: str) -> None:
    assert synonyms.advice(given, source_table.known()) == ""


def test_an_export_that_cannot_be_downloaded_is_the_error(archive: Any, tmp_path: Path) -> None:
    with pytest.raises(TransferError, match="JSOC answered 404"):
        science._downloaded([f"{archive.url}/nothing.fits"], tmp_path)
    assert list(tmp_path.iterdir()) == []
