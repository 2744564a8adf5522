"""Test reduced images: only the necessary bytes, and exactly the pixels of the complete file decoded at that size."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import vstack
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import HelioviewerClient
from sunpy_helio_plugins.errors import IncompleteAnswerWarning, QueryError
from sunpy_helio_plugins.helioviewer.jp2 import boxes, header, reduce, remote_headers
from sunpy_helio_plugins.helioviewer.tables import columns_of_headers
from sunpy_helio_plugins.sandbox.helioviewer import holdings
from sunpy_helio_plugins.sandbox.helioviewer import jp2 as made

Image = pytest.importorskip("PIL.Image")


def whole(source: int) -> bytes:
    data = made.content(holdings.images(source)[-1])
    assert data is not None
    return data


@pytest.mark.parametrize("source", [4, 13, 19])
@pytest.mark.parametrize("size", [512, 256, 200, 64, 1])
def test_a_prefix_has_exactly_the_pixels_of_the_whole(source: int, size: int) -> None:
    data = whole(source)
    enough = reduce.needed(size, data)
    small = reduce.reduce(data if enough is None else data[:enough], size)
    pixels = reduce.decoded(small)
    full = Image.open(io.BytesIO(data))
    full.reduce = int(np.log2(full.size[0] / pixels.shape[0]))
    assert np.array_equal(pixels, np.asarray(full))
    assert max(pixels.shape) >= size or max(pixels.shape) == 32


def test_a_few_bytes_tell_how_many_are_needed() -> None:
    data = whole(13)
    want, asked = 64, 0
    while want > asked:
        asked = want
        want = reduce.needed(256, data[:asked]) or len(data)
    assert want == reduce.needed(256, data)


def test_a_file_laid_out_otherwise_is_encoded_again_without_loss() -> None:
    grey = np.add.outer(np.arange(300), np.arange(200)).clip(0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(grey).save(out, format="JPEG2000", irreversible=False, progression="LRCP", num_resolutions=4)
    data = made.with_header(out.getvalue(), "<meta><fits><CDELT1>1.0</CDELT1><CRPIX2>150.5</CRPIX2></fits></meta>")
    assert reduce.needed(100, data) is None
    pixels = reduce.decoded(reduce.reduce(data, 100))
    full = Image.open(io.BytesIO(data))
    full.reduce = 1
    assert np.array_equal(pixels, np.asarray(full))


def whole_of(archive: Any, row: Any) -> bytes:
    import requests

    return requests.get(row["url"][0], timeout=30).content


@pytest.fixture
def row(archive: Any) -> Any:
    return HelioviewerClient().search(a.Time("2026-01-10 12:00", "2026-01-10 12:00:30"), a.helioviewer.SourceID(13))


def test_a_smaller_picture_is_fetched_with_fewer_bytes(archive: Any, row: Any, tmp_path: Path) -> None:
    archive.log.clear()
    files = Fido.fetch(row, path=tmp_path / "{file}", size=256)
    assert files.errors == []
    asked = [request.headers["range"] for request in archive.log if request.path.endswith(".jp2")]
    assert asked[0] == f"bytes=0-{reduce.FIRST_BYTES - 1}"
    assert int(asked[-1].rpartition("-")[2]) + 1 == reduce.needed(256, whole_of(archive, row))
    (file,) = files
    assert file.endswith(".256px.jp2")
    assert reduce.decoded(Path(file).read_bytes()).shape == (256, 256)
    boxes.accept(Path(file))


@pytest.mark.parametrize("fault", ["ignore_range"])
def test_where_ranges_are_ignored_the_whole_file_is_fetched(archive: Any, row: Any, tmp_path: Path, fault: str) -> None:
    with archive.fault(fault, path="/helioviewer/jp2"):
        files = Fido.fetch(row, path=tmp_path / "{file}", size=128)
    assert files.errors == []
    assert reduce.decoded(Path(files[0]).read_bytes()).shape == (128, 128)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", ["html_error", "status", "cut_length", "hang_up"])
def test_a_failure_is_no_small_file(archive: Any, row: Any, tmp_path: Path, fault: str) -> None:
    with archive.fault(fault, path="/helioviewer/jp2"):
        files = Fido.fetch(row, path=tmp_path / "{file}", size=128)
    assert len(files.errors) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_size_that_is_none_is_refused(row: Any, tmp_path: Path) -> None:
    for size in (0, -1, 2.5, "512", True):
        with pytest.raises(QueryError, match="number of pixels"):
            HelioviewerClient().fetch(row, path=tmp_path / "{file}", downloader=None, size=size)


def test_a_bright_spot_stays_where_it_is(tmp_path: Path) -> None:
    """The samples of a reduced image are on even rows and columns, counted from the upper left corner."""
    rows, columns = np.mgrid[:1024, :1024]
    grey = np.clip(250 * np.exp(-((columns - 400) ** 2 + (rows - 600) ** 2) / 3200), 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(grey).save(out, format="JPEG2000", irreversible=True, num_resolutions=6)
    keys = {"CDELT1": 2.0, "CDELT2": 2.0, "CRPIX1": 512.5, "CRPIX2": 512.5}
    text = "".join(f"<{key}>{value}</{key}>" for key, value in keys.items())
    data = made.with_header(out.getvalue(), f"<meta><fits>{text}</fits></meta>")
    expected = ((400 + 1 - 512.5) * 2, (1024 - 600 - 512.5) * 2)
    for size in (1024, 512, 128, 64):
        small = reduce.reduce(data, size)
        found = header.keywords(header.text_of(small))
        pixels = reduce.decoded(small)[::-1].astype(float)
        y, x = np.indices(pixels.shape)
        place = [
            ((pixels * axis).sum() / pixels.sum() + 1 - found[f"CRPIX{number}"]) * found[f"CDELT{number}"]
            for number, axis in ((1, x), (2, y))
        ]
        assert np.allclose(place, expected, atol=0.3), size


def test_headers_come_without_pictures(archive: Any) -> None:
    archive.log.clear()
    time = a.Time("2026-01-10 12:00", "2026-01-10 12:03")
    table = HelioviewerClient().search(time, a.helioviewer.SourceID(13), a.helioviewer.Header())
    asked = [request for request in archive.log if request.path.endswith(".jp2")]
    assert {request.headers["range"] for request in asked} == {"bytes=0-16383"}
    assert len(asked) == len(table) == 5
    assert table["EXPTIME"].unit == u.s
    assert np.allclose(table["EXPTIME"].value, 2.9)
    assert len(set(table["FSN"])) == 5
    assert [text[:19] for text in table["DATE-OBS"]] == [time[:19] for time in table["Start Time"].isot]
    assert str(table)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("sources", "missing"), [((13,), 0), ((13, 19), 1)])
def test_means_over_exposures_are_rates(archive: Any, sources: tuple[int, ...], missing: int) -> None:
    plt = pytest.importorskip("matplotlib.pyplot")
    time = a.Time("2026-01-10 12:00", "2026-01-10 12:03")
    table = HelioviewerClient().search(time, a.helioviewer.SourceID(*sources), a.helioviewer.Header())
    rates = table["DATAMEAN"] / table["EXPTIME"]
    assert rates.unit == 1 / u.s
    assert np.allclose(rates[:5].value, 16.639 / 2.9)
    assert sum(getattr(rates, "mask", ())) == missing
    figure, axes = plt.subplots()
    axes.plot(table["Start Time"].datetime64, rates)
    figure.canvas.draw()
    plt.close(figure)
    assert len(vstack([table, table])["EXPTIME"]) == 2 * len(table)


@pytest.mark.parametrize("name", ["DATAMEAN", "EXPTIME"])
def test_statistics_that_one_header_lacks_are_masked_there(name: str) -> None:
    made = columns_of_headers(
        [{"DATAMEAN": 2.0, "EXPTIME": 0.5}, "the file is not there", {"DATAMEAN": 3, "EXPTIME": 1}]
    )
    assert list(made[name].mask) == [False, True, False]
    rates = made["DATAMEAN"] / made["EXPTIME"]
    assert rates.unit == 1 / u.s
    assert list(rates.filled(np.nan).value[::2]) == [4, 3]


def test_quality_leaves_out_what_its_header_calls_bad(archive: Any) -> None:
    time = a.Time("2026-01-10 12:00", "2026-01-10 12:03")
    assert len(HelioviewerClient().search(time, a.helioviewer.SourceID(13), a.helioviewer.Quality())) == 5
    assert len(HelioviewerClient().search(time, a.helioviewer.SourceID(13), a.helioviewer.Quality(0))) == 0


def test_headers_come_where_ranges_are_ignored(archive: Any) -> None:
    with archive.fault("ignore_range", path="/helioviewer/jp2"):
        time = a.Time("2026-01-10 12:00", "2026-01-10 12:00:30")
        table = HelioviewerClient().search(time, a.helioviewer.SourceID(13), a.helioviewer.Header())
    assert not table["FSN"].mask.any()


@pytest.mark.parametrize("source", [4, 13, 19])
def test_jpylyzer_finds_smaller_files_valid(source: int, tmp_path: Path) -> None:
    jpylyzer = pytest.importorskip("jpylyzer.jpylyzer")
    path = tmp_path / "small.jp2"
    path.write_bytes(reduce.reduce(whole(source), 128))
    assert jpylyzer.checkOneFile(str(path)).findtext("isValid") == "True"


@pytest.mark.parametrize(
    ("header", "date"),
    [
        ({"DATE_OBS": "2023/12/01", "TIME_OBS": "23:54:07.373"}, "2023-12-01T23:54:07.373"),
        ({"DATE-OBS": "2023/12/01", "TIME-OBS": "23:54:07.373"}, "2023-12-01T23:54:07.373"),
        ({"DATE-OBS": "2023-12-01", "TIME_OBS": "23:54:07"}, "2023-12-01T23:54:07"),
        ({"DATE-OBS": "2023-12-01T00:00:01", "TIME_OBS": "23:54:07"}, "2023-12-01T00:00:01"),
        ({"DATE-OBS": "2023-12-01"}, "2023-12-01"),
    ],
)
def test_a_date_is_joined_with_the_time_of_the_day(header: dict[str, str], date: str) -> None:
    """LASCO and EIT store both in separate keywords, in several spellings."""
    assert columns_of_headers([header])["DATE-OBS"].tolist() == [date]


NOON = a.Time("2026-01-10 12:00", "2026-01-10 12:03"), a.helioviewer.SourceID(13)


def test_headers_that_cannot_be_read_are_said_and_their_rows_are_kept(archive: Any) -> None:
    images = {"where": lambda request: request.path.endswith(".jp2")}
    with archive.fault("status", status=404, times=2, **images):
        with pytest.warns(IncompleteAnswerWarning, match="2 headers of SDO AIA 304 are missing: .*404"):
            table = HelioviewerClient().search(*NOON, a.helioviewer.Header())
    assert len(table) == 5
    assert table["FSN"].mask.sum() == 2


def test_images_without_quality_are_kept_and_noted(archive: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch = remote_headers.fetch

    def lacking(urls: Any) -> list[Any]:
        first, *others = fetch(urls)
        return [{name: value for name, value in first.items() if name.upper() != "QUALITY"}, *others]

    monkeypatch.setattr(remote_headers, "fetch", lacking)
    table = HelioviewerClient().search(*NOON, a.helioviewer.Quality(0))
    assert len(table) == 1
    assert table.notes == ["1 images of SDO AIA 304 are kept although their headers lack QUALITY."]
