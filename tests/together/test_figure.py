"""Test the figures of several archives: panels, units, labels, marks, intervals and pictures."""

from __future__ import annotations

import json
from typing import Any

import astropy.units as u
import matplotlib.dates as dates
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.table import QTable, Table
from astropy.time import Time
from sunpy.net import attrs as a

from sunpy_helio_plugins import hapi, series, together
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.together import figure, marks, pictures
from sunpy_helio_plugins.together.marks import MOST_ROWS, named, packed
from sunpy_helio_plugins.together.pictures import spread


def lines_of(axes: Any) -> list[Any]:
    """Return the lines with a label."""
    return [line for line in axes.lines if not line.get_label().startswith("_")]


def texts_of(axes: Any) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_a_table_has_a_panel_for_each_column_but_flags(wind: QTable) -> None:
    figure, axes = together.stack(wind)
    assert [one.get_ylabel().partition("\n")[0] for one in axes] == ["B", "F", "speed"]
    assert [len(lines_of(one)) for one in axes] == [3, 1, 1]
    assert set(axes[0].get_shared_x_axes().get_siblings(axes[0])) == set(axes)
    assert figure.get_size_inches()[0] * 25.4 == pytest.approx(180)


def test_flags_are_drawn_if_they_are_named(wind: QTable) -> None:
    _, (axes,) = together.stack((wind, "quality"))
    assert [line.get_drawstyle() for line in axes.lines[:1]] == ["steps-mid"]


def test_columns_of_one_panel_have_the_unit_of_the_first(wind: QTable) -> None:
    _, (axes,) = together.stack((wind, "B", "F"))
    assert axes.get_ylabel() == "B, F\n[$\\mathrm{nT}$]"
    assert np.nanmax(lines_of(axes)[3].get_ydata()) == 5


def test_units_of_one_panel_that_do_not_convert_are_refused(wind: QTable) -> None:
    with pytest.raises(
        QueryError, match=r"speed \[km / s\] does not convert to the unit of B \[nT\]: give them as two"
    ):
        together.stack((wind, "B", "speed"))


def test_a_panel_names_its_spacecraft_and_those_of_several_tables_their_lines(wind: QTable) -> None:
    other = wind.copy()
    other.meta["Source_name"] = "ACE>Advanced Composition Explorer"
    _, (single, both) = together.stack((wind, "F"), [(wind, "F"), (other, "F")])
    assert texts_of(single) == ["(a) IMAP MAG"]
    assert texts_of(both) == ["(b) IMAP MAG, ACE MAG"]
    assert [line.get_label() for line in lines_of(both)] == ["IMAP MAG", "ACE MAG"]


def test_gaps_are_gaps(wind: QTable) -> None:
    _, (axes,) = together.stack((wind, "speed"))
    assert np.isnan(lines_of(axes)[0].get_ydata()).sum() == 1


def test_a_time_series_of_sunpy_and_a_data_frame_are_series_too(wind: QTable) -> None:
    light, frame = series.to_timeseries(wind), series.to_pandas(wind)
    _, axes = together.stack((light, "speed"), (frame, "speed"))
    assert [one.get_ylabel() for one in axes] == ["speed\n[$\\mathrm{km\\,s^{-1}}$]"] * 2


def test_the_observatory_of_hapi_follows_from_the_id_of_the_dataset() -> None:
    said = {"HAPI": "3.2", "format": "csv", "x_origin": {"server": "cdaweb", "dataset": "AC_H0_MFI"}}
    parameters = [
        {"name": "Time", "type": "isotime", "length": 20},
        {"name": "F", "type": "double", "units": "nT", "fill": None},
    ]
    rows = "2026-01-10T00:00:00Z,1\n2026-01-10T00:01:00Z,2\n"
    table = hapi.read(f"#{json.dumps({**said, 'parameters': parameters})}\n{rows}".encode())
    _, (axes,) = together.stack(table)
    assert texts_of(axes) == ["ACE MFI"]


def test_many_lines_differ_by_dashes_and_long_ones_by_dashes_from_the_fourth_on() -> None:
    def dashed(count: int) -> list[bool]:
        table = QTable({"time": Time("2026-01-10") + np.arange(count) * u.s, "B": np.zeros((count, 4)) * u.nT})
        _, (axes,) = together.stack(table)
        return [line.is_dashed() for line in lines_of(axes)]

    assert dashed(150) == [False, True, True, True]
    assert dashed(3000) == [False, False, False, True]


@pytest.mark.parametrize(("width", "points"), [(88, 7), (180, 8)])
def test_fonts_have_a_size_that_is_printed(wind: QTable, width: int, points: int) -> None:
    figure, axes = together.stack((wind, "F"), width=width * u.mm)
    assert figure.get_size_inches()[0] * 25.4 == pytest.approx(width)
    assert axes[0].yaxis.label.get_fontsize() == points


def test_settings_of_matplotlib_are_left_as_they_were(wind: QTable) -> None:
    import matplotlib.pyplot as plt

    before = dict(plt.rcParams)
    together.stack((wind, "F"))
    assert dict(plt.rcParams) == before


def test_events_are_marked_at_their_peaks_in_all_panels(wind: QTable) -> None:
    flares = Table({"start": ["2026-01-10 10:00"], "peak": ["2026-01-10 10:30"], "name": ["X1"]})
    _, axes = together.stack((wind, "F"), (wind, "speed"), events=flares)
    place = dates.date2num(np.datetime64("2026-01-10T10:30"))
    assert [one.collections[0].get_segments()[0][0, 0] for one in axes] == [place, place]
    assert "X1" in texts_of(axes[0])


def boxes_of(axes: Any, figure: Any) -> list[Any]:
    figure.draw_without_rendering()
    return [text.get_window_extent() for text in axes.texts[1:] if "label" not in text.get_text()]


@pytest.mark.parametrize("width", [88, 180])
def test_labels_do_not_overlap(wind: QTable, width: int) -> None:
    hours = np.arange(0, 24, 0.7)
    flares = QTable({"start": Time("2026-01-10") + hours * u.hour, "name": [f"M{hour:.1f}" for hour in hours]})
    figure, axes = together.stack((wind, "F"), (wind, "speed"), events=flares, width=width * u.mm)
    boxes = boxes_of(axes[0], figure)
    assert len(boxes) > 10
    assert not any(one.overlaps(two) for index, one in enumerate(boxes) for two in boxes[:index])
    assert all(axes[0].bbox.x0 - 1 <= box.x0 and box.x1 <= axes[0].bbox.x1 + 1 for box in boxes)


def test_strong_flares_have_their_labels_first(wind: QTable) -> None:
    names = [f"C{number % 9 + 1}.0" for number in range(100)] + ["X9.3"]
    flares = QTable({"start": Time("2026-01-10 10:00") + np.arange(101) * u.s, "name": names})
    _, axes = together.stack((wind, "F"), events=flares)
    found = [text for text in texts_of(axes[0]) if text.startswith("X")]
    assert found == ["X9.3"]
    assert any(text.endswith("without label") for text in texts_of(axes[0]))


def test_a_label_that_is_repeated_at_one_place_is_written_once(wind: QTable) -> None:
    flares = Table({"start": ["2026-01-10 10:00"] * 5, "name": ["850 km/s"] * 5})
    _, axes = together.stack((wind, "F"), events=flares)
    assert texts_of(axes[0]).count("850 km/s") == 1


def test_packed_labels_use_the_lowest_free_row() -> None:
    lefts, levels = packed(np.array([0.0, 5.0, 8.0, 9.0, 95.0]), np.full(5, 10.0), (0, 100), range(5))
    assert levels.tolist() == [0, 1, 2, -1, 0]
    assert lefts[4] == 90
    assert MOST_ROWS == 3


def test_intervals_of_one_kind_that_overlap_are_shaded_once(wind: QTable) -> None:
    spans = {"Cloud": [("2026-01-10 01:00", "2026-01-10 03:00"), ("2026-01-10 02:00", "2026-01-10 04:00")],
             "Sheath": a.Time("2026-01-10 05:00", "2026-01-10 06:00")}  # fmt: skip
    figure, (axes,) = together.stack((wind, "F"), shade=spans)
    assert len(axes.patches) == 2
    assert axes.patches[0].get_width() == pytest.approx(3 / 24)
    assert axes.patches[0].get_hatch() != axes.patches[1].get_hatch()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Cloud", "Sheath"]


def test_events_and_intervals_do_not_change_the_time_axis(wind: QTable) -> None:
    _, (axes,) = together.stack((wind, "F"), events="2026-01-20", shade=a.Time("2025-12-01", "2026-01-10 02:00"))
    first, last = (dates.num2date(one).strftime("%d %H:%M") for one in axes.get_xlim())
    assert (first, last) == ("10 00:00", "10 23:59")


def test_the_time_axis_is_that_of_time(wind: QTable) -> None:
    _, (axes,) = together.stack((wind, "F"), time=("2026-01-10 06:00", "2026-01-10 12:00"))
    assert np.diff(axes.get_xlim())[0] == pytest.approx(0.25)


def test_a_single_record_has_an_axis(wind: QTable) -> None:
    _, (axes,) = together.stack((wind[:1], "F"), events="2026-01-09")
    assert np.diff(axes.get_xlim())[0] > 0


def test_labels_replace_names_and_keep_units(wind: QTable) -> None:
    _, axes = together.stack((wind, "F"), (wind, "speed"), labels=["|B|", "V"], letters=False)
    assert [one.get_ylabel() for one in axes] == ["|B|\n[$\\mathrm{pT}$]", "V\n[$\\mathrm{km\\,s^{-1}}$]"]
    assert texts_of(axes[0]) == ["IMAP MAG"]


def test_a_spectrum_has_its_colors_beside_the_panel() -> None:
    axis = {"name": "energy", "units": "eV", "centers": [10, 100, 1000, 10000]}
    parameters = [
        {"name": "Time", "type": "isotime", "length": 20},
        {"name": "flux", "type": "double", "size": [4], "units": "1/cm^2", "fill": None, "bins": [axis]},
    ]
    rows = "".join(f"2026-01-10T00:0{minute}:00Z,1,10,100,1000\n" for minute in range(5))
    table = hapi.read(f"#{json.dumps({'HAPI': '3.2', 'format': 'csv', 'parameters': parameters})}\n{rows}".encode())
    figure, axes = together.stack(table)
    (mesh,) = axes[0].collections
    assert type(mesh.norm).__name__ == "LogNorm"
    assert axes[0].get_yscale() == "log"
    (bar,) = axes[0].child_axes
    assert bar.get_ylabel().startswith("flux")
    with pytest.raises(QueryError, match="flux is an image, which needs a panel of its own"):
        together.stack([(table, "flux"), (table, "flux")])
    assert figure.axes[0] is axes[0]


def test_what_cannot_be_plotted_is_refused(wind: QTable) -> None:
    cases: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
        ((), {}, "takes at least one table"),
        ((QTable({"x": [1.0]}),), {}, "takes a table with a column of times"),
        (((wind, "density"),), {}, "the table does not have a column 'density'; it has time, B, F, speed, quality"),
        (((wind, wind),), {}, "takes records and the names of columns as a tuple"),
        ((wind[:0],), {}, "does not contain records with a time"),
        (([],), {}, "this list is empty"),
        ((wind,), {"labels": "B"}, "takes one of labels= for each panel: 3, not 1"),
        (([wind],) * 13, {}, "does not convert"),
        ((wind,) * 5, {}, "plots at most 12 panels, and these are 15"),
        ((wind,), {"width": 88}, "takes a length from 20 to 2000 mm"),
        ((wind,), {"time": ("2026-01-10", "2026-01-10")}, "give a later end"),
        ((wind,), {"events": QTable({"x": [1.0]})}, r"together.stack \(events\) takes a table with a column of starts"),
        ((wind,), {"pictures": 5}, "takes maps, files of images, or rows of a search"),
    ]
    for things, more, text in cases:
        with pytest.raises(QueryError, match=text):
            together.stack(*things, **more)


@pytest.mark.usefixtures("archive")
def test_pictures_are_joined_to_their_instants(wind: QTable) -> None:
    from sunpy.net import Fido

    images = Fido.search(a.Time("2026-01-10", "2026-01-11"), a.helioviewer.SourceID(11), a.Sample(8 * u.hour))
    count = len(images["helioviewer"])
    figure, axes = together.stack((wind, "F"), pictures=images["helioviewer"])
    host = figure.axes[0]
    assert [one.get_label() for one in host.child_axes] == ["picture"] * count
    assert len(figure.artists) == count
    boxes = [one.get_window_extent() for one in host.child_axes]
    assert not any(one.overlaps(two) for index, one in enumerate(boxes) for two in boxes[:index])
    assert axes[0] is figure.axes[1]


def test_pictures_are_near_their_instants_without_overlap() -> None:
    made = spread(np.array([0.0, 0.5, 0.52, 1.3]), np.full(4, 0.2))
    assert made[0] == pytest.approx(0.1)
    assert made[1] == pytest.approx(0.5)
    assert (np.diff(made) >= 0.2 - 1e-12).all()
    assert made[-1] == pytest.approx(0.9)


def test_types_of_events_are_words_in_the_legend() -> None:
    assert [named(kind) for kind in ("CH", "CE", "BU", "My $kind")] == [
        "Coronal hole", "CME", "UV burst", "My \\$kind",
    ]  # fmt: skip


def test_records_without_numbers_are_refused() -> None:
    table = QTable({"time": Time("2026-01-10") + np.arange(3) * u.min, "s": ["a", "b", "c"]})
    with pytest.raises(QueryError, match="does not contain numeric columns; there is nothing to plot"):
        together.stack(table)


def test_a_time_series_of_a_mission_is_named(wind) -> None:
    class Mission:
        observatory, instrument = "GOES-16", None

        def __init__(self, table: Any) -> None:
            self.table = table

        def to_dataframe(self) -> Any:
            return self.table.to_pandas(index="time")

    made = Mission(wind["time", "speed"])
    with pytest.MonkeyPatch.context() as within:
        within.setattr(
            figure.PanelRecords, "of", classmethod(lambda cls, *_: figure.PanelRecords(wind["time", "speed"], "time"))
        )
        assert figure._records(made).origin == "GOES-16"


def test_events_of_one_kind_are_in_the_legend(wind) -> None:
    _, panels = plt.subplots()
    table = QTable({"time": wind["time"][:2], "label": ["a", "b"], "kind": ["FL", "FL"]})
    (entry,) = marks.mark([panels], table)
    assert entry.get_label() == named("FL")


def test_labels_that_begin_like_flares_and_are_none_come_with_the_others() -> None:
    assert marks._order(np.array(["X1.2?", "M1.0", "X2.0", "hole"])) == [2, 1, 0, 3]


def test_of_many_pictures_some_are_shown(archive: Any) -> None:
    from sunpy_helio_plugins import helioviewer

    made = helioviewer.read(helioviewer.nearest(13, ["2026-01-10 12:00", "2026-01-10 12:10"]), size=64)
    assert [one.date for one in pictures.maps_of("together.stack", made[::-1])] == [one.date for one in made]
    assert pictures._some(list(range(100)))[0] == 0
    assert len(pictures._some(list(range(100)))) == pictures.MOST
    assert len(pictures._some(Table({"x": np.arange(100)}))) == pictures.MOST


def test_a_picture_outside_of_the_times_is_not_linked(archive: Any) -> None:
    from sunpy_helio_plugins import helioviewer

    image = helioviewer.read(helioviewer.nearest(13, ["2026-01-10 12:00"])[0], size=64)
    shown, (host, panel) = plt.subplots(2)
    panel.set_xlim(np.datetime64("2026-02-01"), np.datetime64("2026-02-02"))
    before = len(shown.artists)
    assert len(pictures.place_pictures(host, panel, [image])) == 1
    assert len(shown.artists) == before
