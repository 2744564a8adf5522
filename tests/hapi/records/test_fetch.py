"""Test fetching records through Fido into self-describing files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable
from astropy.time import Time
from sunpy.net import Fido
from sunpy.net import attrs as a
from sunpy.timeseries import TimeSeries

from sunpy_helio_plugins import hapi
from sunpy_helio_plugins.errors import FileError, IncompleteAnswerWarning
from sunpy_helio_plugins.hapi.records import fetch

DAY = a.Time("2026-01-10", "2026-01-11")
ACE = (a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI"))


def _fetch(tmp_path: Path, *words: Any, **kwargs: Any) -> Any:
    return Fido.fetch(Fido.search(*words), path=tmp_path / "{file}", **kwargs)


def test_records_arrive_with_units_and_times(archive: Any, tmp_path: Path) -> None:
    files = _fetch(tmp_path, DAY, *ACE, a.hapi.Parameters("Magnitude", "BGSEc"))
    assert files.errors == []
    table = QTable.read(files[0])
    assert table.colnames == ["Time", "Magnitude", "BGSEc"]
    assert len(table) == 5400
    assert table["BGSEc"].shape == (5400, 3)
    assert table["BGSEc"].unit == u.nT
    assert table["Time"][0] == Time("2026-01-10T00:00:12", scale="utc")
    norm = np.linalg.norm(table["BGSEc"].unmasked.value, axis=1)
    magnitude = table["Magnitude"]
    good = ~magnitude.mask
    np.testing.assert_allclose(norm[good], magnitude.unmasked.value[good], atol=2e-3)
    assert 0 < magnitude.mask.sum() < 10


def test_the_record_at_the_end_of_the_range_is_part_of_it(archive: Any, tmp_path: Path) -> None:
    time = a.Time("2026-01-10T00:00:12", "2026-01-10T00:00:44")
    assert len(hapi.read(_fetch(tmp_path, time, *ACE)[0])) == 3


def test_one_request_is_made_for_each_file(archive: Any, tmp_path: Path) -> None:
    found = Fido.search(DAY, *ACE)
    archive.log.clear()
    Fido.fetch(found, path=tmp_path / "{file}")
    (request,) = archive.log
    assert request.method == "GET"
    assert request.headers["accept-encoding"] == "identity"


def test_every_dataset_of_a_server_is_fetched_and_read(archive: Any, tmp_path: Path) -> None:
    for name in ("cdaweb", "lisird"):
        found = Fido.search(DAY, a.hapi.Server(name), a.hapi.Dataset())
        files = Fido.fetch(found, path=tmp_path / "{server}" / "{file}")
        assert files.errors == []
        assert len(set(files)) == len(files) == len(found["hapi"])
        assert {Path(file).parent.name for file in files} == {name}
        for file in files:
            assert len(hapi.read(file)) > 0


def test_names_are_the_same_for_the_same_request_only(archive: Any, tmp_path: Path) -> None:
    first = _fetch(tmp_path, DAY, *ACE, a.hapi.Parameters("Magnitude"))
    again = _fetch(tmp_path, DAY, *ACE, a.hapi.Parameters("Magnitude"))
    other = _fetch(tmp_path, DAY, *ACE, a.hapi.Parameters("BGSEc"))
    assert list(first) == list(again)
    assert list(first) != list(other)
    assert len(list(tmp_path.iterdir())) == 2


def test_esas_malformed_answer_becomes_a_file_with_a_header(archive: Any, tmp_path: Path, seed: Any) -> None:
    server = a.hapi.Server(f"{archive.url}/hapi/swe-open/hapi")
    parameters = a.hapi.Parameters("odi_unilib_mlt", "feio_1")
    time = a.Time("2026-03-25T12:00", "2026-03-25T12:05")
    (file,) = _fetch(tmp_path, time, server, a.hapi.Dataset(seed.dataset), parameters)
    table = QTable.read(file)
    assert table["feio_1"].value.tolist() == [record[1] for record in seed.data]
    assert table["odi_unilib_mlt"].unit == u.hour
    assert table["feio_1"].info.meta["label"] == ["Integral electron flux (>0.15 MeV)"]


def test_a_range_without_records_is_an_error_that_says_so(archive: Any, tmp_path: Path) -> None:
    files = _fetch(tmp_path, a.Time("2026-01-25T06:30", "2026-01-25T07:00"), *ACE)
    assert len(files) == 0
    words = "AC_H0_MFI of HAPI server cdaweb: there are no records from 2026-01-25T06:30:00.000Z to 2026-01-25T07:00"
    assert words in str(files.errors[0].exception)
    assert list(tmp_path.iterdir()) == []


def test_what_is_too_much_for_a_server_arrives_in_halves_as_one_file(archive: Any, tmp_path: Path, seed: Any) -> None:
    server = a.hapi.Server(f"{archive.url}/hapi/swe-open/hapi")
    found = Fido.search(a.Time("2026-01-01", "2026-03-24"), server, a.hapi.Dataset(seed.dataset))
    archive.log.clear()
    (file,) = Fido.fetch(found, path=tmp_path / "{file}")
    table = hapi.read(file)
    # Every 90 s, the first at 40.067 s after midnight.
    assert len(table) == 82 * 960
    assert (np.diff(table["utc"].jd) > 0).all()
    assert table["feio_1"].info.meta["label"] == ["Integral electron flux (>0.15 MeV)"]
    assert len(archive.log) == 7
    assert [path.name for path in tmp_path.iterdir()] == [Path(file).name]


def test_the_last_record_of_a_dataset_arrives_where_the_server_gives_it(archive: Any, tmp_path: Path) -> None:
    # This server accepts a stop after the dataset's own.
    words = (a.Time("2026-02-28T23:58", "2026-03-02"), a.hapi.Server("cdaweb"), a.hapi.Dataset("OMNI_HRO2_1MIN"))
    with pytest.warns(IncompleteAnswerWarning, match="ends at 2026-03-01"):
        files = _fetch(tmp_path, *words)
    assert hapi.read(*files)["Time"].isot[-1] == "2026-03-01T00:00:00.000000000"
    # This one does not, and taken literally that record cannot be requested.
    words = (a.Time("2026-01-29", "2026-02-02"), a.hapi.Server("lisird"), a.hapi.Dataset("tsis_ssi_24hr"))
    archive.log.clear()
    with pytest.warns(IncompleteAnswerWarning, match="ends at 2026-01-31"):
        files = _fetch(tmp_path, *words)
    assert files.errors == []
    assert hapi.read(*files)["time"].isot[-1] == "2026-01-30T12:00:00.000000000"
    stops = [request.query["stop"] for request in archive.log if request.path.endswith("/data")]
    assert stops == ["2026-01-31T12:00:00.001Z", "2026-01-31T12:00:00.000Z"]


def test_an_answer_in_json_becomes_a_file_too(archive: Any, tmp_path: Path) -> None:
    files = _fetch(tmp_path, DAY, a.hapi.Server("lisird"), a.hapi.Dataset("tsis_ssi_24hr"), a.hapi.Format("json"))
    assert files.errors == []
    assert QTable.read(files[0])["irradiance"].shape == (1, 24)
    assert len(TimeSeries(files[0]).columns) == 24


def test_files_hold_the_range_of_their_rows_and_no_more(archive: Any, tmp_path: Path) -> None:
    """Helioviewer's server includes the record at the stop."""
    time = a.Time("2026-01-10T12:00:05", "2026-01-10T12:02:29")
    words = (time, a.hapi.Server("helioviewer"), a.hapi.Dataset("AIA_304"), a.hapi.Parameters("path"))
    files = _fetch(tmp_path, *words, a.hapi.Chunk(36 * u.s))
    assert len(files) == 4
    assert [len(hapi.read(file)) for file in files] == [1, 1, 1, 2]
    assert hapi.read(*files)["Time"].isot.tolist() == hapi.load(Fido.search(*words))["Time"].isot.tolist()


def test_one_row_can_be_fetched(archive: Any, tmp_path: Path) -> None:
    found = Fido.search(DAY, a.hapi.Server("lisird"), a.hapi.Dataset())
    files = Fido.fetch(found["hapi"][1], path=tmp_path / "{file}")
    table = hapi.read(files[0])
    assert table["irradiance"].shape == (1, 24)
    assert table["irradiance"].info.meta["bins"][0]["units"] == "nm"


def test_large_answers_are_not_read_to_see_whether_they_are_empty(
    archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = Path(_fetch(tmp_path, DAY, *ACE)[0]).read_bytes()
    monkeypatch.setattr(fetch, "_MAY_BE_EMPTY", 10)
    (file,) = _fetch(tmp_path, DAY, *ACE, overwrite=True)
    assert Path(file).read_bytes() == expected


def test_pieces_of_different_parameters_are_not_joined(tmp_path: Path, seed: Any) -> None:
    info = hapi.Info.from_json(seed.info)
    order = fetch.DownloadSpec(tmp_path / "whole", "Y", "X", info, "csv")
    one, other = info.subset(["feio_1"]), info.subset(["odi_unilib_mlt"])
    pieces = [tmp_path / "one", tmp_path / "other"]
    for piece, part in zip(pieces, (one, other), strict=True):
        piece.write_bytes(part.header("csv") + b"2026-01-10T00:00:00.000Z,1.5\n")
    with pytest.raises(FileError, match="its pieces hold different parameters"):
        fetch._join(pieces, order.target, order)
    pieces[1].write_bytes(one.header("csv") + b"2026-01-10T00:00:01.000Z,2.5\n")
    fetch._join(pieces, order.target, order)
    assert hapi.read(order.target)["feio_1"].value.tolist() == [1.5, 2.5]
