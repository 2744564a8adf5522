"""Test figures and grids of spectra: bins in any order, open ranges, bins of each record, and positions of times."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import matplotlib.dates as dates
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy import units as u

from sunpy_helio_plugins import hapi
from sunpy_helio_plugins.errors import MissingDependencyError, QueryError
from sunpy_helio_plugins.series.axes import Axis, axes_of
from sunpy_helio_plugins.series.views import mesh
from sunpy_helio_plugins.series.views.mesh import bin_edges

TIME = {"name": "Time", "type": "isotime", "length": 20}


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def table(parameters: list[dict[str, Any]], rows: list[list[Any]], hours: Any = None, **said: Any) -> Any:
    header = {"HAPI": "3.2", "format": "csv", **said, "parameters": [TIME, *parameters]}
    stamps = [f"2026-01-10T{hour:02}:00:00Z" for hour in hours or range(len(rows))]
    lines = [f"{stamp},{','.join(map(str, row))}" for stamp, row in zip(stamps, rows, strict=True)]
    return hapi.read("\n".join([f"#{json.dumps(header)}", *lines, ""]).encode())


def spectrum(length: int, **bins: Any) -> dict[str, Any]:
    axis = {"name": "energy", "units": "eV", **bins}
    return {"name": "flux", "type": "double", "size": [length], "bins": [axis]}


def drawn(of: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of the cells, shape (..., 2), and the cells by time and bin; ends of bins are y."""
    mesh = hapi.quicklook(of, ["flux"]).axes[0].collections[0]
    corners, cells = mesh.get_coordinates(), np.ma.filled(mesh.get_array(), np.nan)
    cells = cells.reshape(corners.shape[0] - 1, corners.shape[1] - 1)
    if corners[0, 0, 0] == corners[-1, 0, 0]:
        return corners, cells
    return corners.swapaxes(0, 1), cells.T


def value_at(picture: tuple[np.ndarray, np.ndarray], hour: float, place: float) -> float:
    """Return the value of a figure at a time and a position among the bins."""
    corners, cells = picture
    x = (corners[..., 0] - dates.date2num(np.datetime64("2026-01-10"))) * 24
    found = [
        cells[row, column]
        for row, column in np.ndindex(cells.shape)
        if x[row, column] <= hour < x[row, column + 1]
        and corners[row, column, 1] <= place < corners[row + 1, column, 1]
    ]
    return float(found[0]) if found else np.nan


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 1, 3]])
@pytest.mark.parametrize("has_ranges", [False, True])
def test_bins_in_any_order_are_drawn_where_they_lie(order: list[int], has_ranges: bool) -> None:
    centers, ranges = [10, 20, 30, 40, 50], [[5, 15], [15, 25], [25, 35], [35, 45], [45, 55]]
    bins = {"centers": [centers[i] for i in order]} | ({"ranges": [ranges[i] for i in order]} if has_ranges else {})
    made = table([spectrum(5, **bins)], [[i + hour / 10 for i in order] for hour in range(4)])
    picture = drawn(made)
    for index, center in enumerate(centers):
        assert value_at(picture, 1.2, center + 4) == pytest.approx(index + 0.1)
        assert value_at(picture, 1.2, center - 4) == pytest.approx(index + 0.1)


@pytest.mark.parametrize(
    ("bins", "expected"),
    [
        ({"ranges": [[1, 10], [10, 100], [100, None]]}, [1, 10, 100]),
        ({"ranges": [[None, 10], [10, 100], [100, 1000]]}, [None, 10, 100, 1000]),
        ({"ranges": [[1, 10], None, [100, 1000]]}, [1, 10, 100, 1000]),
        ({"ranges": [[1, 10], [10, None], [100, 1000]], "centers": [3, 30, 300]}, [1, 10, 100, 1000]),
        ({"ranges": [[10, 1], [100, 10], [1000, 100]]}, [1, 10, 100, 1000]),
        ({"ranges": [[1, 10, 100], [10, 100, None]], "centers": [3, 30, 300]}, [1, 10, 100]),
        ({"ranges": [None, None, None], "centers": [3, 30, 300]}, [None, None, None]),
        ({"ranges": None, "centers": [3, None, 300]}, [None, None, None]),
        ({"ranges": [[None, None], [None, None], [None, None]], "centers": None}, [None]),
    ],
)
def test_an_edge_that_is_missing_costs_no_picture(bins: dict[str, Any], expected: list[float | None]) -> None:
    made = table([spectrum(3, **bins), {"name": "other", "type": "double"}], [[1, 2, 3, 4]] * 3)
    axis = axes_of(made, "flux")[0]
    if axis.centers is None:
        assert expected == [None]
        return
    ranges = None if axis.ranges is None else axis.ranges.value
    order, edges = bin_edges(axis.centers.value, ranges)
    assert order.tolist() == [0, 1, 2]
    assert (np.diff(edges) >= 0).all()
    assert np.isfinite(edges).all()
    known = [(edge, wanted) for edge, wanted in zip(edges, expected, strict=False) if wanted is not None]
    assert [edge for edge, _ in known] == [wanted for _, wanted in known]
    assert len(hapi.quicklook(made).axes) >= 2


@pytest.mark.parametrize("has_centers", [True, False])
def test_bins_that_a_parameter_gives(has_centers: bool) -> None:
    # Two alternating tables of energies in descending order, and a record without one.
    tables = [[50, 40, 30, 20, 10], [500, 400, 300, 200, 100]]
    reference = {"name": "energies", "type": "double", "size": [5], "units": "eV", "fill": "-1"}
    rows = []
    for hour in range(6):
        own = [-1] * 5 if hour == 4 else tables[hour % 2]
        pairs = [edge for center in own for edge in ((-1, -1) if center == -1 else (center - 5, center + 5))]
        rows.append([1, 2, 3, 4, 5, *(own if has_centers else pairs)])
    if not has_centers:
        reference = {**reference, "size": [5, 2]}
    bins = {"centers": "energies"} if has_centers else {"ranges": "energies"}
    made = table([spectrum(5, **bins), reference], rows)
    picture = drawn(made)
    for hour in range(6):
        at = [value_at(picture, hour + 0.3, place) for place in tables[hour % 2]]
        if hour == 4:
            assert np.isnan(at).all()
        else:
            assert at == [1, 2, 3, 4, 5]
        assert np.isnan(value_at(picture, hour + 0.3, tables[1 - hour % 2][2]))


def test_a_parameter_of_texts_gives_no_bins() -> None:
    made = table([spectrum(4, centers="s"), {"name": "s", "type": "string", "size": [4]}], [[1, 2, 3, 4, *"abcd"]] * 3)
    assert axes_of(made, "flux")[0].centers is None
    hapi.quicklook(made)


@pytest.mark.parametrize(
    ("location", "begin"),
    [("begin", 0.0), ("BEGIN", 0.0), ("center", -0.5), ("end", -1.0), ("other", -0.5), (None, -0.5)],
)
@pytest.mark.parametrize("cadence", ["PT1H", None])
def test_records_are_drawn_where_their_interval_lies(location: str | None, begin: float, cadence: str | None) -> None:
    said = {key: value for key, value in (("timeStampLocation", location), ("cadence", cadence)) if value}
    hours = [2, 3, 4, 5, 10, 11, 12]
    parameters = [{"name": "x", "type": "double"}, spectrum(4, centers=[1, 2, 3, 4])]
    made = table(parameters, [[hour, hour, 0, 0, 0] for hour in hours], hours, **said)
    picture = drawn(made)
    for hour in hours:
        assert value_at(picture, hour + begin + 0.01, 1) == hour
        assert value_at(picture, hour + begin + 0.99, 1) == hour
    assert np.isnan(value_at(picture, 5 + begin + 1.01, 1))
    assert np.isnan(value_at(picture, 10 + begin - 0.01, 1))
    line = hapi.quicklook(made, ["x"]).axes[0].lines[0]
    shown = (line.get_xdata() - np.datetime64("2026-01-10")) / np.timedelta64(1, "h")
    assert shown[np.isfinite(line.get_ydata())].tolist() == [hour + begin + 0.5 for hour in hours]
    times = hapi.to_ndcube(made, "flux").axis_world_coords("time")[0]
    assert (times - made["Time"]).to_value(u.hour) == pytest.approx(np.full(len(hours), begin + 0.5))


def test_a_single_record_has_the_length_of_the_cadence() -> None:
    made = table([{"name": "x", "type": "double"}], [[1]], timeStampLocation="begin", cadence="P1D")
    line = hapi.quicklook(made).axes[0].lines[0]
    assert line.get_xdata()[0] == np.datetime64("2026-01-10T12:00")


def test_a_column_that_is_not_there_is_refused() -> None:
    made = table([spectrum(2, centers=[1, 2])], [[1, 2], [3, 4]])
    with pytest.raises(QueryError, match=r"^The table does not have a column 'rate'; it has Time, flux\.$"):
        hapi.quicklook(made, ["rate"])


def test_one_spectrum_has_no_axis_of_time() -> None:
    made = table([spectrum(2, centers=[1, 2])], [[1, 2]])
    with pytest.raises(QueryError, match=r"takes at least two records, not 1\.$"):
        hapi.to_ndcube(made, "flux")


def test_cubes_need_ndcube(monkeypatch: pytest.MonkeyPatch) -> None:
    made = table([spectrum(2, centers=[1, 2])], [[1, 2], [3, 4]])
    monkeypatch.setitem(sys.modules, "ndcube.extra_coords", None)
    with pytest.raises(MissingDependencyError, match=r"^Making an NDCube .*sunpy_helio_plugins\[ndcube\]"):
        hapi.to_ndcube(made, "flux")


def test_bins_without_places_are_counted():
    seconds, values = np.arange(4.0), np.arange(12.0).reshape(4, 3)
    x, y, cells = mesh.mesh(seconds, Axis("n", "n", None, None, None), values, mesh.Intervals())
    assert y.tolist() == [-0.5, 0.5, 1.5, 2.5]
    assert cells.tolist() == values.tolist()
    assert len(x) == 5


def test_records_with_other_ranges_have_new_bins():
    centers = np.tile([1.0, 2.0], (3, 1)) * u.keV
    ranges = np.stack([centers.value - 0.5, centers.value + 0.5], axis=2)
    ranges[2] += 0.25
    axis = Axis("E", "E", centers, ranges * u.keV, None)
    assert mesh._new_bins(axis).tolist() == [2]
    assert mesh._new_bins(Axis("E", "E", centers, None, None)).tolist() == []


def test_a_single_place_has_edges_around_it():
    assert mesh._halfway(np.array([3.0])).tolist() == [2.5, 3.5]
