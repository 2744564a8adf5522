"""Test intervals of any table, and the times of searches that they are."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time
from sunpy.net import attrs as a
from sunpy.time import TimeRange

from sunpy_helio_plugins import series, together
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.together import spans as module

START, END = "2026-01-10T04:00:00.000", "2026-01-11T09:00:00.000"


def spans(table: QTable) -> list[tuple[str, str]]:
    return [(one["start"].isot[:23], one["end"].isot[:23]) for one in table]


@pytest.mark.parametrize(
    "names",
    [("Start", "End"), ("start_time", "end_time"), ("Start Time", "End Time"), ("event_starttime", "event_endtime"),
     ("START", "STOP"), ("ICME Start Time (UTC)", "ICME End Time (UTC)"), ("t_start", "t_end"), ("begin", "end")],
)  # fmt: skip
def test_columns_of_starts_and_ends_are_found_by_their_names(names: tuple[str, str]) -> None:
    table = Table([[1], ["2026-01-10 04:00"], ["2026-01-11 09:00"]], names=["number", *names])
    assert spans(together.intervals(table)) == [(START, END)]


@pytest.mark.parametrize(
    "given",
    [
        a.Time(START, END),
        TimeRange(START, END),
        [(START, END)],
        [a.Time(START, END)],
        {"Cloud": [(START, END)]},
        QTable({"start": Time([START]), "end": Time([END])}),
        QTable({"start": Time([START]), "end": Time([END])})[0],
        pd.DataFrame({"start": pd.to_datetime([START]), "end": pd.to_datetime([END])}),
        Table({"from": np.array([START], "M8[s]"), "to": np.array([END], "M8[s]")}),
    ],
)
def test_every_form_of_an_interval_is_taken(given: Any) -> None:
    assert spans(together.intervals(given)) == [(START, END)]


@pytest.mark.parametrize("given", [START, Time(START), [START], np.array([START], "M8[ms]"), Time([START])])
def test_times_are_intervals_without_a_length(given: Any) -> None:
    assert spans(together.intervals(given)) == [(START, START)]


def test_a_missing_end_is_the_start_and_a_row_without_a_start_is_left_out() -> None:
    table = Table(
        {
            "start": MaskedColumn([START, "", START], mask=[False, True, False]),
            "end": MaskedColumn([END, END, ""], mask=[False, False, True]),
        }
    )
    assert spans(together.intervals(table)) == [(START, END), (START, START)]


def test_other_columns_are_named_by_the_caller() -> None:
    table = Table({"shock": [START], "trailing edge": [END], "who": ["me"]})
    found = together.intervals(table, start="shock", end="trailing edge", label="who")
    assert spans(found) == [(START, END)]
    assert found["label"].tolist() == ["me"]


def test_events_of_the_registry_are_told_apart_by_class_number_and_speed() -> None:
    table = QTable(
        {
            "event_type": ["FL", "AR", "CE", "CH"],
            "event_starttime": Time([START] * 4),
            "event_endtime": Time([END] * 4),
            "fl_goescls": MaskedColumn(["X1.6", "", "", ""], mask=[False, True, True, True]),
            "ar_noaanum": MaskedColumn([14331, 14334, 0, 0], mask=[False, False, True, True]),
            "cme_radiallinvel": [np.nan, np.nan, 850.0, np.nan] * u.km / u.s,
        }
    )
    found = together.intervals(table)
    assert found["label"].tolist() == ["X1.6", "14334", "850 km/s", ""]
    assert found["kind"].tolist() == ["FL", "AR", "CE", "CH"]


def test_keys_of_a_dict_are_kinds() -> None:
    found = together.intervals({"Cloud": a.Time(START, END), "Shock": START})
    assert found["kind"].tolist() == ["Cloud", "Shock"]
    assert len(together.intervals({})) == 0


@pytest.mark.parametrize(
    ("table", "text"),
    [
        (Table({"x": [1]}), "takes a table with a column of starts, such as 'start'"),
        (Table({"start": ["tomorrow"]}), "the column start contains a text that is not a time"),
        (Table({"start": [5.0], "end": [6.0]}), "the column start contains float64 and not times"),
        (Table({"start": [END], "end": [START]}), "1 intervals end before they start, the first in row 0"),
        (5, "takes intervals: a table with columns of starts and ends"),
    ],
)
def test_a_table_without_intervals_is_refused(table: Any, text: str) -> None:
    with pytest.raises(QueryError, match=text):
        together.intervals(table)


def test_a_column_that_does_not_exist_is_refused() -> None:
    with pytest.raises(QueryError, match="the table does not have a column 'begin'; it has start"):
        together.intervals(Table({"start": [START]}), start="begin")


def test_times_of_a_search_that_overlap_are_joined() -> None:
    times = together.search_times(["2026-01-10 00:00", "2026-01-12", "2026-01-10 01:00"], after=2 * u.hour)
    assert [(one.start.iso[:16], one.end.iso[:16]) for one in times.attrs] == [
        ("2026-01-10 00:00", "2026-01-10 03:00"),
        ("2026-01-12 00:00", "2026-01-12 02:00"),
    ]


def test_one_time_of_a_search_is_an_attr() -> None:
    found = together.search_times(START, before=1 * u.hour, after=1 * u.hour)
    assert isinstance(found, a.Time)


def test_no_times_of_a_search_are_refused() -> None:
    with pytest.raises(QueryError, match="takes at least one interval, and this table is empty"):
        together.search_times([])
    with pytest.raises(QueryError, match="takes margins that leave a time"):
        together.search_times(START, before=-2 * u.hour, after=1 * u.hour)


@pytest.mark.usefixtures("archive")
def test_a_search_at_intervals_has_each_row_once() -> None:
    from sunpy.net import Fido

    times = together.search_times(["2026-01-10 06:00", "2026-01-10 07:00", "2026-01-10 17:00"], after=2 * u.hour)
    found = Fido.search(times, a.her.FL)
    ivorns = [ivorn for table in found for ivorn in table["kb_archivid"]]
    assert len(ivorns) == len(set(ivorns)) > 0


def test_texts_that_are_all_missing_are_no_times() -> None:
    table = Table({"begin": ["", "--", "nan"]})
    assert np.isnat(module._stamps("together.spans", table, "begin")).all()


def test_the_gaps_of_a_coverage_are_spans() -> None:
    time = Time("2026-01-10") + np.append(np.arange(10), np.arange(60, 70)) * u.min
    held = series.coverage(QTable({"time": time, "x": np.arange(20.0)}))
    found = module.intervals_of("together.stack", held, (None, None, None))
    assert len(found) == len(held.gaps) == 1
