"""Test events that are read when they are used, and their timeline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import HERClient, her, series
from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.her import HERTable
from sunpy_helio_plugins.her.views import lazy_events
from sunpy_helio_plugins.her.views.overlay import COLOURS
from sunpy_helio_plugins.quantities import to_datetime64

DAY = a.Time("2026-01-10", "2026-01-11")


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture
def found(archive: Any) -> her.HERTable:
    return HERClient().search(DAY, a.her.FL | a.her.CH)


def test_each_exit_has_a_row_for_each_event(found: her.HERTable, tmp_path: Path) -> None:
    pytest.importorskip("xarray")
    opened = her.open(found)
    assert opened.table is found
    frame = opened.to_pandas()
    assert frame.index.name == "event_starttime"
    assert frame["fl_goescls"].tolist().count("X1.6") == 2
    assert opened.to_xarray().sizes["time"] == len(found)
    opened.to_parquet(tmp_path / "events.parquet")
    again = series.from_parquet(tmp_path / "events.parquet")
    assert (again["event_starttime"] == found["event_starttime"]).all()
    assert again["area_atdiskcenter"].unit == found["area_atdiskcenter"].unit
    assert "hpc_boundcc" in again.meta["left_out"]
    assert "raw" in again.meta["left_out"]


def test_a_series_contains_numbers_at_the_start_of_each_event(found: her.HERTable) -> None:
    light = her.open(found).to_timeseries(columns="fl_goescls_flux")
    values = light.to_dataframe()["fl_goescls_flux"]
    assert values.max() == pytest.approx(1.6e-4)
    assert (np.sort(to_datetime64(found["event_starttime"])) == values.index.to_numpy()).all()
    assert "frm_name" not in her.open(found).to_timeseries().columns
    with pytest.raises(QueryError, match=r"columns of numbers, not 'frm_name'; those with values are .* others\."):
        her.open(found).to_timeseries(columns="frm_name")


def test_events_are_not_a_cube(found: her.HERTable) -> None:
    with pytest.raises(QueryError, match=r"cannot be a cube: use to_timeseries"):
        her.open(found).to_ndcube()


def test_files_of_events_are_read_when_they_are_used(found: her.HERTable, tmp_path: Path) -> None:
    found.write(tmp_path / "events.ecsv")
    documents = Fido.fetch(found[:2], path=str(tmp_path / "documents" / "{file}"), progress=False)
    opened = her.open(tmp_path / "events.ecsv")
    assert "not read yet" in repr(opened)
    assert opened.table["kb_archivid"].tolist() == found["kb_archivid"].tolist()
    assert her.open(tmp_path / "documents").table["kb_archivid"].tolist() == sorted(found["kb_archivid"][:2].tolist())
    both = her.open([*documents, tmp_path / "events.ecsv"])
    assert len(both.table) == 2 + len(found)


@pytest.mark.parametrize("name", ["absent.ecsv", "empty.xml"])
def test_a_file_that_cannot_be_read_is_named_at_its_first_use(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty.xml").write_text("<VOEvent")
    opened = her.open(tmp_path / name)
    with pytest.raises(FileError, match=name):
        opened.to_pandas()


@pytest.mark.parametrize("given", [3, None, [], {}])
def test_other_objects_are_not_opened(given: Any) -> None:
    with pytest.raises(QueryError, match=r"^her\.open takes "):
        her.open(given)


def test_a_timeline_has_a_panel_for_each_type(found: her.HERTable) -> None:
    figure = her.quicklook(found)
    kinds = list(dict.fromkeys(found["event_type"].tolist()))
    assert [axes.get_ylabel() for axes in figure.axes] == ["CoronalHole\n18", "Flare\n12"]
    assert set(figure.axes[0].get_shared_x_axes().get_siblings(figure.axes[0])) == set(figure.axes)
    for axes, kind in zip(figure.axes, kinds, strict=True):
        assert len(axes.patches) == (found["event_type"] == kind).sum()
        assert to_hex(axes.patches[0].get_facecolor()) == COLOURS[kind]
    assert {text.get_text() for text in figure.axes[1].texts} >= {"X1.6", "M1.2"}


def test_events_that_overlap_are_drawn_above_one_another(found: her.HERTable) -> None:
    flares = found[found["event_type"] == "FL"]
    bars = [patch.get_bbox() for patch in her.quicklook(flares).axes[0].patches]
    assert not any(one.count_overlaps([other]) for i, one in enumerate(bars) for other in bars[i + 1 :])


def test_events_without_a_start_leave_nothing_to_plot(found: her.HERTable) -> None:
    with pytest.raises(QueryError, match=r"^her\.quicklook takes events with a start"):
        her.quicklook(found[:0])
    with pytest.raises(QueryError, match=r"^her\.quicklook takes "):
        her.quicklook(3)


def test_peaks_and_labels_are_drawn_where_they_are_known_and_few(monkeypatch: pytest.MonkeyPatch) -> None:
    start, end = np.array(["2026-01-10T00"], "M8[us]"), np.array(["2026-01-10T01"], "M8[us]")
    events = {"event_starttime": "2026-01-10T00:00:00", "event_endtime": "2026-01-10T01:00:00", "event_type": "FL"}
    table = HERTable.from_records([events | {"event_peaktime": "2026-01-10T00:30:00"}])
    drawn = []
    for one, most in ((table, 30), (table[[name for name in table.colnames if name != "event_peaktime"]], 0)):
        monkeypatch.setattr(lazy_events, "_MOST_LABELS", most)
        figure, axes = plt.subplots()
        lazy_events._draw(axes, one, start, end, np.array([0]), "red")
        drawn.append((len(axes.collections), axes.get_ylim()))
        plt.close(figure)
    assert drawn == [(1, (-0.7, 0.7)), (0, (-0.7, 0.7))]
