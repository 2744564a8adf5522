"""sunpy's TimeSeries opens files of HAPI records without being told what they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from sunpy.net import Fido
from sunpy.net import attrs as a
from sunpy.timeseries import TimeSeries

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi.header import Info
from sunpy_helio_plugins.hapi.timeseries import HAPITimeSeries


@pytest.fixture
def fetched(archive: Any, tmp_path: Path) -> Any:
    """Return a function that fetches a dataset of a server for some days."""

    def fetch(server: str, dataset: str, *words: Any, end: str = "2026-01-11") -> str:
        found = Fido.search(a.Time("2026-01-10", end), a.hapi.Server(server), a.hapi.Dataset(dataset), *words)
        return str(Fido.fetch(found, path=tmp_path / "{file}")[0])

    return fetch


def test_vectors_become_numbered_columns_and_fills_nan(fetched: Any) -> None:
    series = TimeSeries(fetched("cdaweb", "AC_H0_MFI", a.hapi.Parameters("Magnitude", "BGSEc")))
    assert isinstance(series, HAPITimeSeries)
    assert list(series.columns) == ["Magnitude", "BGSEc_0", "BGSEc_1", "BGSEc_2"]
    assert set(series.units.values()) == {u.nT}
    assert np.isnan(series.to_dataframe()["Magnitude"]).any()
    assert series.to_dataframe()["Magnitude"].max() < 100
    assert str(series.to_dataframe().index[0]) == "2026-01-10 00:00:12"


def test_whole_numbers_with_fills_become_floats(fetched: Any) -> None:
    series = TimeSeries(fetched("cdaweb", "OMNI2_H0_MRG1HR", end="2026-01-20"))
    frame = series.to_dataframe()
    assert frame["KP1800"].dtype == np.float64
    assert frame["KP1800"].max() <= 90
    assert series.units["DST1800"] == u.nT
    assert series.units["KP1800"] == u.dimensionless_unscaled


def test_texts_are_kept(fetched: Any) -> None:
    frame = TimeSeries(fetched("lisird", "goes_xrs_flare_list")).to_dataframe()
    assert frame["goes_class"].tolist() == ["C3.4", "M1.2", "C1.1", "X1.6", "C8.8", "M5.0"]


def test_a_series_prints_and_joins(fetched: Any) -> None:
    one, two = fetched("lisird", "tsis_tsi_24hr", end="2026-01-13"), fetched("cdaweb", "OMNI_HRO2_1MIN")
    assert "tsi_1au" in str(TimeSeries(one))
    assert len(TimeSeries([one, two])) == 2


def test_a_series_plots(fetched: Any) -> None:
    import matplotlib.pyplot as plt

    series = TimeSeries(fetched("cdaweb", "OMNI_HRO2_1MIN"))
    axes = series.plot(columns=["flow_speed"])
    assert "km" in axes.get_ylabel()
    plt.close("all")


def _headed(path: Path, body: bytes) -> Path:
    parameters = [
        {"name": "Time", "type": "isotime", "length": 20},
        {"name": "B", "type": "double", "size": [2], "units": ["nT", "deg"], "label": ["size", "angle"]},
    ]
    path.write_bytes(Info.from_json({"parameters": parameters}).header("csv") + body)
    return path


def test_labels_and_units_of_elements_are_used(tmp_path: Path) -> None:
    series = TimeSeries(_headed(tmp_path / "x.anything", b"2026-01-10T00:00:00Z,1,2\n2026-01-10T00:00:01Z,3,4\n"))
    assert series.units == {"B_size": u.nT, "B_angle": u.deg}
    assert series.quantity("B_angle").to_value(u.deg).tolist() == [2, 4]


def test_a_file_without_records_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no records"):
        TimeSeries(_headed(tmp_path / "empty.hapi", b""))


@pytest.mark.parametrize("content", [b"", b"#", b"# note\n1,2\n", b'{"HAPI": "3.0"}', b"\xff\xfe\x00", b"#{not json"])
def test_other_files_are_left_to_others(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.dat").write_bytes(content)
    assert not HAPITimeSeries.is_datasource_for(filepath=tmp_path / "x.dat")


@pytest.mark.parametrize("path", [None, 3, "/nowhere/at/all", "a\0b"])
def test_the_sniffer_never_raises(path: Any) -> None:
    assert not HAPITimeSeries.is_datasource_for(filepath=path)
    assert not HAPITimeSeries.is_datasource_for(filepath=path, source="xrs")
    assert HAPITimeSeries.is_datasource_for(source="HAPI")


@pytest.mark.parametrize(
    "imports",
    [
        "import sunpy_helio_plugins; from sunpy.timeseries import TimeSeries",
        "from sunpy.timeseries import TimeSeries; import sunpy_helio_plugins",
    ],
)
def test_the_source_is_there_in_either_order_of_imports(tmp_path: Path, imports: str) -> None:
    path = _headed(tmp_path / "x.hapi", b"2026-01-10T00:00:00Z,1,2\n2026-01-10T00:00:01Z,3,4\n")
    code = f"{imports}; print(type(TimeSeries({str(path)!r})).__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout.strip() == "HAPITimeSeries", done.stderr
