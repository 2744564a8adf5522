"""Test the conversion of columns to spectra, positions, files and figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.table import Column
from sunpy.net import Fido
from sunpy.net import attrs as a
from sunpy.timeseries import TimeSeries

from sunpy_helio_plugins import hapi
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.series.axes import axes_of

TIME = {"name": "Time", "type": "isotime", "length": 20}


def table(parameters: list[dict[str, Any]], *rows: str) -> Any:
    lines = "".join(f"2026-01-10T00:0{index}:00Z,{row}\n" for index, row in enumerate(rows))
    header = json.dumps({"format": "csv", "HAPI": "3.0", "parameters": [TIME, *parameters]})
    return hapi.read(f"#{header}\n{lines}".encode())


def spectrum(**bins: Any) -> dict[str, Any]:
    axis = {"name": "e", "units": "keV", **bins}
    return {"name": "flux", "type": "double", "size": [3], "units": "nT", "bins": [axis]}


def test_bins_are_fixed_ranges_or_change_with_time() -> None:
    fixed = axes_of(table([spectrum(centers=[1, 2, 3])], "1,2,3"), "flux")[0]
    assert fixed.centers.to_value(u.keV).tolist() == [1, 2, 3]
    ranges = axes_of(table([spectrum(centers=None, ranges=[[0, 1], [1, 3], [3, 5]])], "1,2,3"), "flux")[0]
    assert ranges.centers.value.tolist() == [0.5, 2, 4]
    energy = {"name": "energy", "type": "double", "size": [3], "units": "eV", "fill": "-1"}
    moving = axes_of(table([spectrum(centers="energy"), energy], "1,2,3,4,5,-1", "1,2,3,5,6,7"), "flux")[0]
    assert moving.varies
    assert moving.centers.unit == u.eV
    assert np.isnan(moving.centers[0, 2])
    assert axes_of(table([spectrum(centers=None)], "1,2,3"), "flux")[0].centers is None


def test_a_spectrum_is_an_ndcube(archive: Any) -> None:
    records = hapi.load("lisird", "tsis_ssi_24hr", "2026-01-05", "2026-01-12")
    cube = hapi.to_ndcube(records, "irradiance")
    assert cube.data.shape == (7, 24)
    assert cube.unit == records["irradiance"].unit
    wavelengths = cube.axis_world_coords("em.wl")[0]
    assert wavelengths.to_value(u.nm)[:2].tolist() == [200, 225]
    with pytest.raises(QueryError, match=r"not 'nope'; the table has: irradiance"):
        hapi.to_ndcube(records, "nope")


def test_addresses_are_fetched(archive: Any, tmp_path: Path) -> None:
    one = {
        "name": "image", "type": "string", "length": 80, "units": None, "fill": "",
        "stringType": {"uri": {"mediaType": "application/json", "base": f"{archive.url}/hapi/lisird/hapi/"}},
    }  # fmt: skip
    records = table([one], "capabilities", "", "catalog")
    unknown = Fido.fetch(hapi.files(records, "image")[1:], path=tmp_path / "{file}")
    assert "is on this machine, and the server that gave the address is not" in str(unknown.errors[0])
    records.meta["hapi"]["x_origin"] = {"server": "lisird", "dataset": "images"}
    found = hapi.files(records, "image")
    assert found["Name"].tolist() == ["capabilities", "catalog"]
    plain = records.copy()
    plain["image"] = Column(np.ma.getdata(records["image"]), meta=records["image"].info.meta)
    assert hapi.files(plain, "image")["Name"].tolist() == ["capabilities", "catalog"]
    fetched = Fido.fetch(found[1:], path=tmp_path / "{file}")
    assert fetched.errors == []
    assert json.loads(Path(fetched[0]).read_text())["catalog"]
    with pytest.raises(QueryError, match="not a URL"):
        hapi.files(table([{**one, "stringType": "uri"}], "x"), "image")


def test_a_quicklook_draws_each_column_as_suits_it(archive: Any) -> None:
    figure = hapi.quicklook(hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11"))
    assert [len(axes.lines) for axes in figure.axes] == [1, 3, 3]
    assert set(figure.axes[0].get_shared_x_axes().get_siblings(figure.axes[0])) == set(figure.axes)
    figure = hapi.quicklook(hapi.load("lisird", "tsis_ssi_24hr", "2026-01-05", "2026-01-12"))
    assert len(figure.axes) == 2
    assert "nm" in figure.axes[0].get_ylabel()
    energy = {"name": "energy", "type": "double", "size": [3], "units": "eV"}
    parameters = [{**spectrum(centers="energy"), "size": [4]}, {**energy, "size": [4]}]
    moving = table(parameters, "1,2,3,4,5,6,7,8", "1,2,3,4,6,7,8,9")
    assert len(hapi.quicklook(moving, ["flux"]).axes) == 2
    with pytest.raises(QueryError, match="nothing to plot"):
        hapi.quicklook(table([{"name": "s", "type": "string"}], "x"))
    plt.close("all")


def test_a_quicklook_is_titled_by_its_dataset_and_names_elements_and_values(archive: Any) -> None:
    figure = hapi.quicklook(hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11", "BGSEc"))
    assert figure.get_suptitle() == "AC_H0_MFI, cdaweb"
    assert [text.get_text() for text in figure.axes[0].get_legend().texts] == ["BGSEc[0]", "BGSEc[1]", "BGSEc[2]"]
    figure = hapi.quicklook(hapi.load("lisird", "tsis_tsi_24hr", "2025-12-01", "2026-01-20", "tsi_1au"))
    figure.canvas.draw()
    assert figure.axes[0].yaxis.get_offset_text().get_text() == ""
    assert hapi.quicklook(table([{"name": "x", "type": "double"}], "1", "2")).get_suptitle() == ""
    plt.close("all")


def _with_missing_records(*parameters: dict[str, Any]) -> Any:
    header = json.dumps({"format": "csv", "HAPI": "3.0", "parameters": [TIME, *parameters]})
    minutes = [*range(20), *range(40, 60)]
    width = sum(one.get("size", [1])[0] for one in parameters)
    lines = [
        f"2026-01-10T00:{minute:02}:00Z,{','.join(str(minute + 1 + i) for i in range(width))}" for minute in minutes
    ]
    return hapi.read("\n".join([f"#{header}", *lines, ""]).encode())


def test_where_records_are_missing_nothing_is_drawn() -> None:
    fixed = {"name": "flux", "type": "double", "size": [8], "bins": [{"name": "e", "centers": list(range(1, 9))}]}
    moving = {**fixed, "name": "power", "bins": [{"name": "f", "centers": "f"}]}
    frequencies = {"name": "f", "type": "double", "size": [8], "units": "Hz"}
    scalar = {"name": "x", "type": "double"}
    figure = hapi.quicklook(_with_missing_records(scalar, fixed, moving, frequencies))
    line, *images = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    assert np.isnan(line.lines[0].get_ydata()).sum() == 1
    # The frequencies are an axis of the power, and do not have a panel.
    assert len(images) == 2
    fixed_cells, moving_cells = (np.ma.getmaskarray(axes.collections[0].get_array()) for axes in images)
    assert fixed_cells.shape == (8, 41)
    assert fixed_cells.sum() == 8
    # Records with different bins do not share corners: there are cells without width between them.
    assert moving_cells.shape == (79, 8)
    assert not moving_cells[0::2].any()
    assert moving_cells[1::2].all()
    plt.close("all")


def test_records_without_a_cadence_are_joined_by_lines() -> None:
    irregular = table([{"name": "x", "type": "double"}], "1", "2")
    assert len(hapi.quicklook(irregular).axes[0].lines[0].get_ydata()) == 2
    plt.close("all")


def test_what_is_not_drawn_is_named() -> None:
    parameters = [{"name": "x", "type": "double"}, {"name": "note $^", "type": "string"}]
    figure = hapi.quicklook(table(parameters, "1,a", "2,b"))
    assert figure.get_supxlabel() == r"Not shown, since they are not numeric: note \$^"
    assert hapi.quicklook(table(parameters, "1,a"), ["x"]).get_supxlabel() == ""
    plt.close("all")


def test_a_series_groups_columns_by_unit(archive: Any, tmp_path: Path) -> None:
    found = Fido.search(
        a.Time("2026-01-10", "2026-01-12"), a.hapi.Server.cdaweb, a.hapi.Dataset("OMNI_HRO2_1MIN"),
        a.hapi.Chunk("P1D"),
    )  # fmt: skip
    series = TimeSeries(list(Fido.fetch(found, path=tmp_path / "{file}")), concatenate=True)
    assert len(series.to_dataframe()) == 2881
    axes = series.plot()
    assert [len(one.lines) for one in axes] == [2, 1, 1, 1]
    plt.close("all")


def test_numbers_are_no_addresses() -> None:
    with pytest.raises(QueryError, match="The column 'x' does not contain text, and therefore no URLs"):
        hapi.files(table([{"name": "x", "type": "double", "units": None}], "1.5"), "x")
