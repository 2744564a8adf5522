"""Test images that are read when they are used, and figures of them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy import units as u
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import HelioviewerClient, helioviewer, series
from sunpy_helio_plugins import sandbox as sandbox_package
from sunpy_helio_plugins.errors import FileError, MissingDependencyError, QueryError

SHIPPED = Path(sandbox_package.__file__).parent / "data" / "helioviewer"
AIA = [SHIPPED / f"aia_193_20260110_{hour:02}.jp2" for hour in (8, 0, 4)]
LASCO = SHIPPED / "lasco_c2_20260110_1424.jp2"


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def test_the_table_contains_the_headers_in_the_order_of_time() -> None:
    opened = helioviewer.open([*AIA, LASCO])
    assert "not read yet" in repr(opened)
    table = opened.table
    assert [Path(file).name for file in table["File"]] == [one.name for one in (AIA[1], AIA[2], AIA[0], LASCO)]
    assert (np.diff(table["Time"].mjd) > 0).all()
    assert table["Wavelength"][:3].filled(0).to_value(u.AA).tolist() == [193, 193, 193]
    assert table["Wavelength"].mask.tolist() == [False, False, False, True]
    assert table["Detector"][3] == "C2"
    header = helioviewer.read(AIA[1], size=64).meta
    assert table["DATAMEAN"][0] == header["DATAMEAN"]
    assert table["Time"][0].isot[:19] == header["DATE-OBS"][:19]


def test_each_exit_has_a_row_for_each_image(tmp_path: Path) -> None:
    pytest.importorskip("xarray")
    opened = helioviewer.open(AIA)
    light = opened.to_timeseries(columns="DATAMEAN")
    assert light.to_dataframe()["DATAMEAN"].tolist() == opened.table["DATAMEAN"].filled(0).value.tolist()
    assert opened.to_timeseries().columns[:2] == ["Wavelength", "EXPTIME"]
    assert opened.to_pandas()["File"].tolist() == opened.table["File"].tolist()
    assert opened.to_xarray().sizes["time"] == 3
    opened.to_parquet(tmp_path / "headers.parquet")
    assert len(series.from_parquet(tmp_path / "headers.parquet")) == 3


def test_one_image_is_a_cube_with_the_coordinates_of_its_map() -> None:
    pytest.importorskip("ndcube")
    cube = helioviewer.open(AIA[0], size=64).to_ndcube()
    expected = helioviewer.read(AIA[0], size=64)
    assert (cube.data == expected.data).all()
    assert cube.unit == expected.unit
    assert cube.wcs.pixel_to_world(3, 5).separation(expected.wcs.pixel_to_world(3, 5)) < 1e-6 * u.arcsec


def test_several_images_are_a_sequence_in_the_order_of_time() -> None:
    pytest.importorskip("ndcube")
    opened = helioviewer.open(AIA, size=64)
    sequence = opened.to_ndcube()
    assert tuple(sequence.shape) == (3, 64, 64)
    assert [str(time) for time in sequence.sequence_axis_coords["time"]] == [str(time) for time in opened.table["Time"]]
    assert (sequence[0].data == helioviewer.read(AIA[1], size=64).data).all()


def test_a_folder_is_opened(tmp_path: Path) -> None:
    for file in AIA:
        shutil.copy(file, tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    assert len(helioviewer.open(tmp_path).table) == 3


def test_the_time_of_a_name_is_used_as_in_a_search(tmp_path: Path) -> None:
    renamed = tmp_path / "2026_01_10__04_00_05_07__SDO_AIA_AIA_193.jp2"
    shutil.copy(AIA[0], renamed)
    assert helioviewer.open(renamed).table["Time"][0].isot == "2026-01-10T04:00:05.070000000"


def test_rows_of_a_search_are_opened_without_their_pixels(archive: Any) -> None:
    query = a.Time("2026-01-10 11:58", "2026-01-10 12:00"), a.helioviewer.SourceID(13)
    found = HelioviewerClient().search(*query)
    opened = helioviewer.open(Fido.search(*query))
    assert len(opened.table) == len(found) > 1
    assert len(opened.to_pandas()) == len(found)
    with pytest.raises(QueryError, match=r"are not on this machine: download them with Fido\.fetch"):
        opened.to_ndcube()
    with pytest.raises(QueryError, match=r"takes files or maps \(download"):
        helioviewer.quicklook(found)


@pytest.mark.parametrize("function", [helioviewer.open, helioviewer.quicklook])
@pytest.mark.parametrize("given", [3, None, [], [3], {}])
def test_other_objects_are_refused(function: Any, given: Any) -> None:
    with pytest.raises(QueryError, match=rf"^helioviewer\.{function.__name__} takes "):
        function(given)


def test_a_size_is_checked_when_images_are_opened() -> None:
    with pytest.raises(QueryError, match="not -1"):
        helioviewer.open(AIA, size=-1)


def test_a_cube_of_images_has_no_column() -> None:
    pytest.importorskip("ndcube")
    with pytest.raises(QueryError, match="as a whole, without a column, not 'DATAMEAN'"):
        helioviewer.open(AIA[0]).to_ndcube("DATAMEAN")


@pytest.mark.parametrize("name", ["absent.jp2", "text.jp2"])
def test_a_file_that_cannot_be_read_is_named_at_its_first_use(name: str, tmp_path: Path) -> None:
    (tmp_path / "text.jp2").write_text("x")
    opened = helioviewer.open(tmp_path / name)
    with pytest.raises(FileError, match=name):
        opened.to_timeseries()


def test_a_series_of_text_names_the_numbers() -> None:
    with pytest.raises(QueryError, match=r"columns of numbers, not 'TELESCOP'; those with values are Wavelength"):
        helioviewer.open(AIA).to_timeseries(columns="TELESCOP")


def test_a_quicklook_has_a_panel_for_each_image() -> None:
    figure = helioviewer.quicklook([*AIA[:1], LASCO], size=64)
    assert [axes.get_title().partition(" ")[0] for axes in figure.axes] == ["AIA", "LASCO-C2"]
    shown = helioviewer.read(AIA[0], size=64)
    assert len(helioviewer.quicklook(shown).axes) == 1
    assert (figure.axes[0].images[0].get_array() == shown.data).all()


def test_a_quicklook_of_many_images_has_twelve_panels() -> None:
    figure = helioviewer.quicklook([helioviewer.read(AIA[0], size=16)] * 30)
    assert len(figure.axes) == 12
    assert figure.get_suptitle() == "12 of 30 images"


def test_rows_of_two_searches_are_refused(archive: Any) -> None:
    first = HelioviewerClient().search(a.Time("2026-01-10 12:00", "2026-01-10 12:02"), a.helioviewer.SourceID(13))
    with pytest.raises(QueryError, match=r"^helioviewer\.open takes the rows of one search, not of 2: open each of"):
        helioviewer.open([first, first[:1]])


def test_cubes_need_ndcube(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ndcube", None)
    with pytest.raises(MissingDependencyError, match=r"^Making an NDCube .*sunpy_helio_plugins\[ndcube\]"):
        helioviewer.open(AIA[0], size=64).to_ndcube()


def test_a_damaged_header_is_an_error_that_names_its_file(tmp_path: Path) -> None:
    damaged = tmp_path / "x.jp2"
    damaged.write_bytes(AIA[0].read_bytes().replace(b"2026-01-10T", b"2026-77-10T"))
    opened = helioviewer.open(damaged)
    with pytest.raises(FileError, match=r"^x\.jp2: its header does not contain a valid time: '2026-77-10"):
        len(opened.table)
    with pytest.raises(FileError, match=r"^x\.jp2: neither its name nor its header contains the time of the image\.$"):
        helioviewer.sequence([damaged, AIA[1]], 64)
