"""Test the points and records that a figure shows of many."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable
from astropy.time import Time
from numpy.typing import NDArray

from sunpy_helio_plugins import series
from sunpy_helio_plugins.quantities import masked
from sunpy_helio_plugins.series.axes import axes_of
from sunpy_helio_plugins.series.views.envelope import COLUMNS, envelope
from sunpy_helio_plugins.series.views.mesh import Intervals, mesh

COUNT = 100_000


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def walk(count: int = COUNT) -> NDArray[np.float64]:
    return np.random.default_rng(1).standard_normal(count).cumsum()


def columns(instants: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the column of each instant."""
    return np.minimum((instants - instants[0]) / np.ptp(instants) * COLUMNS, COLUMNS - 1).astype(int)


def test_each_column_keeps_its_first_last_and_extreme_values() -> None:
    instants, values = np.sort(np.random.default_rng(2).uniform(0, 1e5, COUNT)), walk()
    shown = envelope(instants, values)
    assert len(shown) <= 4 * COLUMNS
    place = columns(instants)
    for column in np.unique(place)[::97]:
        every = np.flatnonzero(place == column)
        kept = shown[np.isin(shown, every)]
        assert {every[0], every[-1]} <= set(kept)
        assert values[kept].min() == values[every].min()
        assert values[kept].max() == values[every].max()


@pytest.mark.parametrize("width", [1, 7, 5000])
def test_a_gap_interrupts_the_line_where_it_is(width: int) -> None:
    values = walk()
    values[50_000 : 50_000 + width] = np.nan
    shown = envelope(np.arange(COUNT, dtype=float), values)
    assert len(shown) < COUNT / 4
    assert {49_999, 50_000, 50_000 + width} <= set(shown)
    assert np.isnan(values[shown]).sum() == 1


def test_gaps_in_every_record_leave_single_values() -> None:
    values = walk()
    values[1::2] = np.nan
    shown = envelope(np.arange(COUNT, dtype=float), values)
    assert np.isnan(values[shown[1::2]]).all()
    assert np.isfinite(values[shown[::2]]).all()


@pytest.mark.parametrize(
    ("instants", "values"),
    [
        (np.arange(100.0), walk(100)),
        (np.arange(COUNT, 0.0, -1), walk()),
        (np.zeros(COUNT), walk()),
    ],
    ids=["few", "descending", "at one time"],
)
def test_all_points_are_kept_that_columns_cannot_reduce(
    instants: NDArray[np.float64], values: NDArray[np.float64]
) -> None:
    assert envelope(instants, values).tolist() == list(range(len(values)))


def test_values_that_are_all_missing_are_one_gap() -> None:
    assert envelope(np.arange(COUNT, dtype=float), np.full(COUNT, np.nan)).tolist() == [0]


def spectra(count: int = COUNT) -> QTable:
    seconds = np.arange(count, dtype=float)
    seconds[count // 2 :] += count / 10
    flux = np.full((count, 4), [1.0, 10.0, 100.0, 1000.0]) * (1 + np.arange(count) % 2)[:, None]
    table = QTable({"Time": Time("2026-01-10") + seconds * u.s, "flux": masked(flux * u.s**-1, None)})
    table["flux"].info.meta = {"bins": [{"name": "energy", "units": "keV", "centers": [1, 2, 3, 4]}]}
    return table


def test_cells_are_the_means_of_the_records_in_a_column() -> None:
    table = spectra()
    seconds = (table["Time"] - table["Time"][0]).to_value("s")
    x, y, cells = mesh(seconds, axes_of(table, "flux")[0], table["flux"].unmasked.value, Intervals("begin", 1.0))
    assert len(cells) == len(x) - 1 <= COLUMNS + 2
    assert y.tolist() == [0.5, 1.5, 2.5, 3.5, 4.5]
    (gap,) = np.flatnonzero(np.isnan(cells).all(axis=1))
    assert x[gap : gap + 2] == pytest.approx([COUNT / 2, COUNT / 2 + COUNT / 10])
    weights = np.diff(x)[~np.isnan(cells[:, 0])]
    assert np.average(cells[~np.isnan(cells[:, 0])], axis=0, weights=weights) == pytest.approx([1.5, 15, 150, 1500])


def test_records_of_different_bins_are_not_averaged() -> None:
    table = spectra()
    energies = np.where(np.arange(COUNT)[:, None] < COUNT / 3, [1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 40.0])
    table["energy"] = energies * u.keV
    table["flux"].info.meta = {"bins": [{"name": "energy", "units": "keV", "centers": "energy"}]}
    seconds = (table["Time"] - table["Time"][0]).to_value("s")
    x, y, cells = mesh(seconds, axes_of(table, "flux")[0], table["flux"].unmasked.value, Intervals("begin", 1.0))
    assert y.shape == (len(x), 5)
    assert len(cells) == len(x) - 1 <= 2 * COLUMNS + 6
    assert x[np.flatnonzero(y[:, 0] > 4)[0]] == pytest.approx(np.ceil(COUNT / 3))


def test_a_quicklook_of_many_records_draws_few_points() -> None:
    table = spectra()
    table["B"] = masked(np.stack([walk()] * 2, axis=1) * u.nT, None)
    table["B"].info.meta = {"label": ["Br", "Bt"]}
    figure = series.quicklook(table, ["B", "flux"])
    lines = figure.axes[0].lines
    assert [line.get_label() for line in lines] == ["Br", "Bt"]
    assert all(len(line.get_xdata()) <= 4 * COLUMNS + 2 for line in lines)
    assert np.nanmax(lines[0].get_ydata()) == walk().max()
    assert len(figure.axes[1].collections[0].get_array().ravel()) <= 4 * (COLUMNS + 2)
