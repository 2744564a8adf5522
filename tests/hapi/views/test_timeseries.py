"""Test that sunpy's TimeSeries recognizes files of HAPI records."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from sunpy.net import Fido
from sunpy.net import attrs as a
from sunpy.timeseries import GenericTimeSeries, TimeSeries

from sunpy_helio_plugins.errors import FileError, IncompleteAnswerWarning, InexactTimeWarning, QueryError
from sunpy_helio_plugins.hapi import HAPITimeSeries, Info
from sunpy_helio_plugins.hapi.views.origin import instrument_of, observatory_of


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


def _file(path: Path, *records: str, unit: str = "nT") -> Path:
    parameters = [{"name": "Time", "type": "isotime", "length": 20}, {"name": "B", "type": "double", "units": unit}]
    body = "".join(f"2026-01-10T00:0{record}\n" for record in records)
    path.write_bytes(Info.from_json({"parameters": parameters}).header("csv") + body.encode())
    return path


def test_files_become_one_series_in_the_order_of_time_with_each_record_once(tmp_path: Path) -> None:
    files = [
        _file(tmp_path / "3.hapi", "6:00Z,6", "7:00Z,7"),
        _file(tmp_path / "1.hapi", "1:00Z,1", "0:00Z,0", "2:00Z,2"),
        _file(tmp_path / "2.hapi", "2:00Z,2", "2:00Z,-2", "4:00Z,4", "4:00Z,4"),
    ]
    with pytest.warns(IncompleteAnswerWarning) as caught:
        series = TimeSeries(files, concatenate=True)
    told = [Path(str(one.message).partition(":")[0]).name for one in caught]
    assert told == ["1.hapi", "2.hapi"]
    assert isinstance(series, HAPITimeSeries)
    assert series.to_dataframe()["B"].tolist() == [0, 1, 2, -2, 4, 6, 7]
    assert series.units == {"B": u.nT}
    starts = [entry[0].start.isot[14:16] for entry in series.meta.metadata]
    assert starts == ["00", "02", "06"]
    assert "B" in str(series)
    assert series.truncate("2026-01-10T00:01", "2026-01-10T00:03").shape == (3, 1)


def test_records_within_a_leap_second_are_not_the_same_record(tmp_path: Path) -> None:
    path = _headed(tmp_path / "x.hapi", b"".join(b"2016-12-31T23:59:60.%dZ,1,2\n" % tenth for tenth in range(10)))
    with pytest.warns(InexactTimeWarning, match="10 times are within a leap second"):
        series = TimeSeries(path)
    assert series.shape == (10, 2)
    assert series.to_dataframe().index.is_unique


def test_a_joined_series_goes_on_being_one(tmp_path: Path) -> None:
    one, two, three = (TimeSeries(_file(tmp_path / f"{index}.hapi", f"{index}:00Z,{index}")) for index in range(3))
    joined = one.concatenate([two]).concatenate(three)
    for series in (joined, copy.copy(one.concatenate(two)).concatenate([three]), pickle.loads(pickle.dumps(joined))):
        assert series.shape == (3, 1)
        assert series.quantity("B").to_value(u.nT).tolist() == [0, 1, 2]
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        joined.nothing  # noqa: B018


def test_series_of_other_kinds_are_joined_as_sunpy_does(tmp_path: Path) -> None:
    ours = TimeSeries(_file(tmp_path / "1.hapi", "1:00Z,1"))
    other = GenericTimeSeries(ours.to_dataframe().rename(columns={"B": "C"}), {}, {"C": u.K})
    assert type(ours.concatenate(other)) is GenericTimeSeries
    with pytest.raises(TypeError, match="same_source"):
        ours.concatenate(other, same_source=True)


def test_one_name_in_two_units_is_no_one_series(tmp_path: Path) -> None:
    files = [_file(tmp_path / "1.hapi", "1:00Z,1"), _file(tmp_path / "2.hapi", "2:00Z,2", unit="T")]
    with pytest.raises(QueryError, match="is in nT and in T"):
        TimeSeries(files, concatenate=True)


@pytest.mark.parametrize("numbers", [["x"], ["x", "y", "z"], []])
def test_a_series_with_texts_is_shown(tmp_path: Path, numbers: list[str]) -> None:
    parameters = [{"name": "t", "type": "isotime", "length": 20}, {"name": "class", "type": "string", "length": 4}]
    parameters += [{"name": name, "type": "double", "units": "nT"} for name in numbers]
    records = [",".join([f"2026-01-10T00:0{row}:00Z", "X1.0", *(str(row) for _ in numbers)]) for row in range(3)]
    path = tmp_path / "x.hapi"
    path.write_bytes(
        Info.from_json({"parameters": parameters}).header("csv") + "".join(f"{r}\n" for r in records).encode()
    )
    series = TimeSeries(path)
    assert "Texts:\t\t\t\tclass" in str(series)
    shown = series._repr_html_()
    assert "X1.0" in shown
    assert ("<img" in shown) == bool(numbers)


def test_a_json_answer_is_a_series_as_well(tmp_path: Path, seed: Any) -> None:
    path = tmp_path / "x.hapi"
    path.write_text(json.dumps({**seed.info, "data": seed.data}))
    series = TimeSeries(path)
    assert isinstance(series, HAPITimeSeries)
    assert series.quantity("odi_unilib_mlt").to_value(u.hour).tolist() == [11.6639, 11.6887, 11.7135]


def test_a_file_without_records_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="does not contain records"):
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
def test_the_source_is_there_in_either_order_of_imports(tmp_path: Path, imports: str, interpreters: Any) -> None:
    path = _headed(tmp_path / "x.hapi", b"2026-01-10T00:00:00Z,1,2\n2026-01-10T00:00:01Z,3,4\n")
    code = f"{imports}; print(type(TimeSeries({str(path)!r})).__name__)"
    done = interpreters.run(code)
    assert done.stdout.strip() == "HAPITimeSeries", done.stderr


def test_columns_and_axes_of_a_plot_must_fit(fetched: Any) -> None:
    series = TimeSeries(fetched("cdaweb", "AC_H0_MFI", a.hapi.Parameters("Magnitude", "BGSEc")))
    with pytest.raises(QueryError, match="does not have a column 'Bx'; it has Magnitude, BGSEc_0, BGSEc_1, BGSEc_2"):
        series.plot(columns=["Bx"])
    figure, axes = plt.subplots(2)
    with pytest.raises(QueryError, match="The columns have 1 units, and 2 axes were given; give one for each"):
        series.plot(axes)
    plt.close(figure)


def test_columns_of_two_units_share_the_axis_of_times(tmp_path: Path) -> None:
    path = _headed(tmp_path / "x.hapi", b"2026-01-10T00:00:00Z,1,2\n2026-01-10T00:00:01Z,3,4\n")
    TimeSeries(path).plot()
    upper, lower = plt.gcf().axes
    upper.set_xlim(20463, 20464)
    assert lower.get_xlim() == (20463, 20464)
    plt.close("all")


@pytest.mark.parametrize(("count", "has_legend"), [(9, True), (10, False)])
def test_a_legend_is_drawn_for_few_lines(tmp_path: Path, count: int, has_legend: bool) -> None:
    parameter = {"name": "B", "type": "double", "size": [count], "units": "nT"}
    header = {"format": "csv", "HAPI": "3.0", "parameters": [{"name": "t", "type": "isotime", "length": 20}, parameter]}
    rows = "".join(f"2026-01-10T00:0{n}:00Z{',1.5' * count}\n" for n in range(3))
    (tmp_path / "x.hapi").write_text(f"#{json.dumps(header)}\n{rows}")
    figure, axes = plt.subplots()
    TimeSeries(str(tmp_path / "x.hapi")).plot(axes)
    assert (len(axes.lines), axes.get_legend() is not None) == (count, has_legend)
    plt.close(figure)


def test_flags_are_steps_in_a_panel_of_their_own(tmp_path: Path) -> None:
    parameters = [
        {"name": "Time", "type": "isotime", "length": 20},
        {"name": "flag", "type": "integer", "units": None, "fill": None},
        {"name": "B", "type": "double", "units": "nT", "fill": None},
        {"name": "V", "type": "double", "units": "km/s", "fill": None},
        {"name": "F", "type": "double", "units": "nT", "fill": None},
    ]
    header = {"HAPI": "3.2", "format": "csv", "parameters": parameters}
    rows = "2026-01-10T00:00:00Z,1,2.5,400,3\n2026-01-10T00:01:00Z,0,2.6,410,4\n"
    path = tmp_path / "x.hapi"
    path.write_text(f"#{json.dumps(header)}\n{rows}")
    axes = TimeSeries(str(path)).plot()
    assert [[line.get_label() for line in one.lines] for one in axes] == [["B", "F"], ["V"], ["flag"]]
    assert axes[2].lines[0].get_drawstyle() == "steps-mid"
    assert axes[0].get_ylabel() == "$\\mathrm{nT}$"
    plt.close("all")


def test_the_observatory_and_the_instrument_are_those_of_the_dataset(fetched: Any) -> None:
    series = TimeSeries(fetched("cdaweb", "AC_H0_MFI", a.hapi.Parameters("Magnitude")))
    assert (series.observatory, series.instrument) == ("ACE", "MFI")
    assert "ACE" in str(series)
    axes = series.plot()
    assert axes.get_title() == "ACE MFI"
    plt.close("all")


@pytest.mark.parametrize(
    ("dataset", "observatory", "instrument"),
    [
        ("AC_H0_MFI", "ACE", "MFI"),
        ("WI_H0_MFI@0", "Wind", "MFI"),
        ("GOES16_MAG_L2", "GOES-16", "MAG"),
        ("tsis_ssi_24hr", "TSIS-1", ""),
        ("composite_mg_index", "", ""),
        ("", "", ""),
    ],
)
def test_the_id_of_a_dataset_names_its_spacecraft(dataset: str, observatory: str, instrument: str) -> None:
    header = {"x_origin": {"server": "cdaweb", "dataset": dataset}}
    assert (observatory_of(header), instrument_of(header)) == (observatory, instrument)


def test_the_description_of_a_file_names_its_spacecraft() -> None:
    assert observatory_of({"description": "ACE Magnetic Field 16-Second Level 2 Data"}) == "ACE"
