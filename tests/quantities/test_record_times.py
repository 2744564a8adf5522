"""Columns of times: leap seconds at astropy's exits, scales, and one type whether or not a time is missing."""

from __future__ import annotations

import copy
import datetime as dt
import json
import pickle
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table, join, vstack
from astropy.time import Time
from astropy.timeseries import TimeSeries
from sunpy.net import attrs as a

from sunpy_helio_plugins import hapi, imap, io, sandbox
from sunpy_helio_plugins.errors import InexactTimeWarning, QueryError
from sunpy_helio_plugins.fido import ArchiveTable, common_columns
from sunpy_helio_plugins.her import HERTable
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.exact import exact_json
from sunpy_helio_plugins.quantities.record_time import RecordTime
from sunpy_helio_plugins.quantities.scales import SCALES

STAMPS = ["2016-12-31T23:59:58Z", "2016-12-31T23:59:60Z", "2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00Z"]
RIGHT = [
    np.datetime64(text, "ns")
    for text in ("2016-12-31T23:59:58", "2016-12-31T23:59:59.999", "2016-12-31T23:59:59.9995", "2017-01-01")
]
HEADER = {
    "HAPI": "3.0", "format": "csv",
    "parameters": [
        {"name": "Time", "type": "isotime", "length": 24, "units": "UTC", "fill": None},
        {"name": "Seen", "type": "isotime", "length": 24, "units": "UTC", "fill": ""},
        {"name": "x", "type": "double", "units": "nT", "fill": "-1e31"},
    ],
}  # fmt: skip


def of_hapi(missing: bool = False) -> QTable:
    """Return a table of the stamps as HAPI's reader gives it."""
    rows = [f"{stamp},{'' if missing and row == 3 else stamp},{row}" for row, stamp in enumerate(STAMPS)]
    return hapi.read(f"#{json.dumps(HEADER)}\n{chr(10).join(rows)}\n".encode())


def column(missing: bool = False) -> Any:
    mask = [False, False, False, missing]
    return times.as_column(times.from_iso(STAMPS, mask), "Seen", may_be_missing=True)


def of_search() -> ArchiveTable:
    """Return a table of the stamps as all searches make them."""
    instants = times.from_iso(STAMPS)
    return ArchiveTable(common_columns(instants, instants, ["x"] * 4, ["y"] * 4, "z"))


@pytest.mark.parametrize(("make", "name"), [(of_hapi, "Time"), (of_search, "Start Time")])
def test_every_row_goes_to_pandas(make: Callable[[], Any], name: str) -> None:
    with pytest.warns(InexactTimeWarning, match="2 times are within a leap second"):
        frame = make()[[name]].to_pandas()
    assert frame[name].to_numpy().astype("M8[ns]").tolist() == [one.astype(int) for one in RIGHT]


def test_newer_ways_to_frames_keep_every_row() -> None:
    pytest.importorskip("narwhals")
    with pytest.warns(InexactTimeWarning):
        assert of_hapi()[["Time"]].to_df("pandas")["Time"].tolist() == RIGHT


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table[:], lambda table: table[[0, 1, 2, 3]], lambda table: vstack([table[:2], table[2:]]),
        lambda table: pickle.loads(pickle.dumps(table)), Table, QTable, copy.copy, copy.deepcopy,
        lambda table: table.copy(), lambda table: table[table["x"].value >= 0],
    ],
)  # fmt: skip
@pytest.mark.parametrize("missing", [False, True])
def test_what_becomes_of_a_table_keeps_it(change: Callable[[Any], Any], missing: bool) -> None:
    made = change(of_hapi(missing))
    assert (type(made["Time"]), type(made["Seen"])) == (RecordTime, RecordTime)
    assert (made["Time"].masked, made["Seen"].masked) == (False, True)
    assert made["Seen"].mask.tolist() == [False, False, False, missing]
    assert made["Time"].info.description == "UTC"
    with pytest.warns(InexactTimeWarning):
        frame = made.to_pandas()
    assert frame["Time"].tolist() == RIGHT
    assert frame["Seen"].isna().tolist() == [False, False, False, missing]


@pytest.mark.parametrize("form", ["fits", "parquet", "hdf5", "ecsv", "asdf"])
def test_our_files_give_it_back(form: str, tmp_path: Path) -> None:
    if form == "asdf":
        pytest.importorskip("asdf_astropy")
    table = of_hapi(True)
    io.write(table, tmp_path / f"x.{form}")
    made = io.read(tmp_path / f"x.{form}")
    for name in ("Time", "Seen"):
        assert type(made[name]) is RecordTime
        assert made[name].masked == table[name].masked
        assert made[name].mask.tolist() == table[name].mask.tolist()
    assert made["Time"].jd2.tolist() == table["Time"].jd2.tolist()


@pytest.mark.parametrize("form", ["fits", "parquet", "hdf5", "ascii.ecsv"])
@pytest.mark.parametrize("missing", [False, True])
def test_files_of_astropy_hold_times_of_its_own_class(form: str, missing: bool, tmp_path: Path) -> None:
    kept = {"path": "x", "serialize_meta": True} if form == "hdf5" else {}
    table = of_hapi(missing)["Time", "Seen"]
    table.meta.clear()  # FITS has no place for it.
    table.write(tmp_path / "x", format=form, **kept)
    made = QTable.read(tmp_path / "x", format=form, **({"path": "x"} if kept else {}))
    assert (type(made["Time"]), type(made["Seen"])) == (Time, Time)
    assert made["Time"].isot[2] == "2016-12-31T23:59:60.500000000"
    assert made["Seen"].mask.tolist() == [False, False, False, missing]


def test_astropy_reads_it_from_our_files(tmp_path: Path) -> None:
    rows = "\n".join(f"{stamp},{stamp},1" for stamp in STAMPS)
    (tmp_path / "x.hapi").write_bytes(f"#{json.dumps(HEADER)}\n{rows}\n".encode())
    with pytest.warns(InexactTimeWarning):
        assert QTable.read(tmp_path / "x.hapi", format="hapi").to_pandas()["Time"].tolist() == RIGHT


def test_other_formats_of_times() -> None:
    given = column()
    with pytest.warns(InexactTimeWarning):
        assert given.datetime64.tolist() == [one.astype(int) for one in RIGHT]
    for make in (lambda: given.datetime, lambda: given.to_datetime(), lambda: given.to_value("datetime")):
        with pytest.warns(InexactTimeWarning):
            assert make()[2] == dt.datetime(2016, 12, 31, 23, 59, 59, 999500)
    with pytest.warns(InexactTimeWarning):
        assert given.unmasked[2:3].to_datetime(timezone=dt.UTC)[0].tzinfo is not None
    assert given.strftime("%H:%M:%S")[2] == "23:59:60"
    assert given.ymdhms["second"][2] == 60.5
    assert given.isot[2] == "2016-12-31T23:59:60.500000000"
    assert (np.diff(given.plot_date) > 0).all()
    # In another scale there are no leap seconds, and nothing is moved.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert given.tt.datetime64[2] == np.datetime64("2017-01-01T00:01:08.684", "ns")
    with pytest.raises(ValueError, match="leap second"):
        Time(given).unmasked.to_datetime()


def test_nothing_under_a_mask_passes_for_a_time() -> None:
    import pandas as pd

    with pytest.warns(InexactTimeWarning):
        assert pd.Series(column(True).datetime64).isna().tolist() == [False, False, False, True]


def test_single_times_that_are_known_have_no_mask() -> None:
    given = column(True)
    assert not given[0].masked
    assert given[3].mask
    assert given[0] == Time(STAMPS[0].removesuffix("Z"))
    assert (given == Time(given))[:3].all()


def test_a_series_of_astropy_takes_it() -> None:
    series = TimeSeries(of_hapi()["Time", "x"], time=of_hapi()["Time"])
    with pytest.warns(InexactTimeWarning):
        assert series.to_pandas().index.tolist() == RIGHT


def test_asdf_takes_it_where_nothing_is_missing(tmp_path: Path) -> None:
    asdf = pytest.importorskip("asdf")
    pytest.importorskip("asdf_astropy")
    asdf.AsdfFile({"x": column()}).write_to(tmp_path / "x.asdf")
    with asdf.open(tmp_path / "x.asdf") as opened:
        assert opened["x"].isot[2] == "2016-12-31T23:59:60.500"
    with pytest.raises(QueryError, match=r"mask of times, and 1 of 4 of .* are missing; write .*io\.write, or remove"):
        asdf.AsdfFile({"x": column(True)}).write_to(tmp_path / "y.asdf")


def test_parts_with_gaps_and_without_stack_in_either_order() -> None:
    for parts in ([of_hapi(True), of_hapi(False)], [of_hapi(False), of_hapi(True)]):
        made = vstack(parts)["Seen"]
        assert int(made.mask.sum()) == 1


class TestScales:
    @pytest.mark.parametrize("scale", [*SCALES, "TAI"])
    def test_hapi(self, scale: str) -> None:
        source = f"#{json.dumps(HEADER)}\n{STAMPS[2]},,1\n".encode()
        made, utc = hapi.read(source, scale=scale), hapi.read(source)
        assert made["Time"].scale == made["Seen"].scale == scale.lower()
        assert made["Time"].info.description == scale.upper()
        assert made["Seen"].masked
        assert abs((made["Time"] - utc["Time"]).to_value("s"))[0] < 1e-9
        assert dict(made["Time"].info.meta.items()) == utc["Time"].info.meta

    def test_the_embedded_archive(self) -> None:
        with sandbox.serve():
            day = ("2026-01-10", "2026-01-10T01:00")
            made = hapi.load("cdaweb", "AC_H0_MFI", *day, scale="tt")
            utc = hapi.load("cdaweb", "AC_H0_MFI", *day)
            assert made["Time"].scale == "tt"
            assert re.search(r"^TT$|\(TT\)$", made["Time"].info.description)
            assert len(made) == len(utc)
            live = imap.realtime(a.Time("2026-01-10 10:00", "2026-01-10 10:01"), scale="tai")
            assert live["time"].info.description == "Time of the record (TAI)"

    @pytest.mark.parametrize("scale", ["ut1", "local", "gps", "", None, 5])
    def test_others_are_refused_before_anything_is_asked(self, scale: Any) -> None:
        calls: list[Callable[[], Any]] = [
            lambda: hapi.read(b"", scale=scale), lambda: imap.read("none.cdf", scale=scale),
            lambda: hapi.load("none", "x", "2026-01-10", "2026-01-11", scale=scale),
            lambda: imap.realtime(a.Time("2026-01-10", "2026-01-10 01:00"), scale=scale),
        ]  # fmt: skip
        for call in calls:
            with pytest.raises(QueryError, match="'utc', 'tai', 'tt', 'tdb'"):
                call()


def schema(table: Any, folder: Path) -> Any:
    folder.mkdir(exist_ok=True)
    path = folder / f"{len(list(folder.iterdir()))}.parquet"
    table.write(path, format="parquet")
    return pq.read_schema(path).remove_metadata()


def event(number: int, **more: Any) -> dict[str, Any]:
    stamps = dict.fromkeys(("event_starttime", "event_endtime", "event_peaktime"), "2026-01-10T00:00:00")
    return {"SOL_standard": f"SOL{number}", "event_type": "FL", "kb_archivid": f"ivo://x/{number}", **stamps, **more}


class TestSchemas:
    """Parts of one dataset, one with gaps and one without, as files of Parquet."""

    def test_hapi(self, tmp_path: Path) -> None:
        assert schema(of_hapi(True), tmp_path).equals(schema(of_hapi(False), tmp_path))

    @pytest.mark.parametrize("name", ["event_endtime", "event_peaktime"])
    def test_her(self, name: str) -> None:
        whole, gaps = (HERTable.from_records([event(1), event(2, **more)], (), (), None) for more in ({}, {name: ""}))
        named = [one for one in whole.colnames if isinstance(whole[one], Time)]
        assert name in named
        for one in named:
            assert whole[one].masked == gaps[one].masked, one
            assert type(whole[one]) is type(gaps[one]) is RecordTime

    def test_her_as_plain_tables(self, tmp_path: Path) -> None:
        gaps: tuple[dict[str, Any], ...] = ({}, {"event_peaktime": ""})
        tables = [HERTable.from_records([event(1), event(2, **more)], (), (), None) for more in gaps]
        names = [name for name in tables[0].colnames if isinstance(tables[0][name], Time)]
        one, other = (schema(QTable({name: table[name] for name in names}), tmp_path) for table in tables)
        assert one.equals(other)

    def test_real_time(self, tmp_path: Path) -> None:
        vector, gaps = [1.5, 2, 3], {"mag_B_GSE": None, "mag_B_magnitude": None, "mag_theta_B_GSE": None}
        full = {"mag_B_GSE": vector, "mag_B_magnitude": 4, "mag_theta_B_GSE": 3, "mag_epoch": 2**53 + 1}
        parts = (full, gaps | {"mag_epoch": 5}, {**full, "mag_B_GSE": [1, 2, 3], "mag_B_magnitude": 4.5})
        made = [schema(self.real_time(part), tmp_path) for part in parts]
        assert made[0].equals(made[1])
        assert made[0].equals(made[2])

    def real_time(self, part: dict[str, Any]) -> QTable:
        body = json.dumps({"data": [{"time_utc": "2026-01-10T10:00:00", **part}]})
        with sandbox.serve() as archive, archive.fault("json_error", status=200, body=body):
            return imap.realtime(a.Time("2026-01-10 10:00", "2026-01-10 10:10"))

    def test_real_time_integers_keep_their_digits(self) -> None:
        record = '{"time_utc": "2026-01-10T10:00:0%s", "mag_epoch": %s, "x": %s}'
        records = [record % (second, value, value) for second, value in enumerate(("9007199254740993.0", "1.0"))]
        body = f'{{"data": [{", ".join(records)}]}}'
        with sandbox.serve() as archive, archive.fault("json_error", status=200, body=body):
            table = imap.realtime(a.Time("2026-01-10 10:00", "2026-01-10 10:10"))
        for name in ("mag_epoch", "x"):
            assert [int(value) for value in table[name]] == [2**53 + 1, 1]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9007199254740993.0", 2**53 + 1), ("-9007199254740993.000", -(2**53) - 1), ("9007199254740993", 2**53 + 1),
        ("1.0", 1.0), ("9007199254740993.5", 9007199254740994.0), ("1e300", 1e300), ("-1.0E+31", -1e31),
        ("9.007199254740993e15", 9007199254740992.0), ("0.1", 0.1), ("-0.0", -0.0), ("9007199254740992.0", 2.0**53),
    ],
)  # fmt: skip
def test_integers_of_json(text: str, value: Any) -> None:
    made = exact_json(f"[{text}]")[0]
    assert made == value
    assert type(made) is type(value)


def test_a_single_time_is_one_of_astropy() -> None:
    for given in (column(), times.as_column(times.from_iso(STAMPS), "Time")):
        assert type(given[0]) is Time
        assert type(given[0:1]) is RecordTime
        assert not given[0].masked
    assert column(missing=True)[3].mask


def test_single_times_join_other_times() -> None:
    given, other = column(), Time("2026-01-01")
    for mixed in ([given[0], other], [other, given[0]]):
        assert sorted(Time(mixed).isot) == ["2016-12-31T23:59:58.000", "2026-01-01T00:00:00.000"]
        assert len(QTable({"Time": mixed})) == 2


@pytest.mark.parametrize("kind", ["left", "right", "inner", "outer"])
def test_tables_are_joined_by_times_of_both_classes(kind: str) -> None:
    ours = QTable({"Time": times.as_column(times.from_iso(["2026-01-10", "2026-01-11"]), "Time"), "x": [1, 2]})
    theirs = QTable({"Time": Time(["2026-01-11", "2026-01-12"]), "y": [1, 2]})
    days = {"left": [10, 11], "right": [11, 12], "inner": [11], "outer": [10, 11, 12]}[kind]
    assert [int(one[8:10]) for one in join(ours, theirs, keys="Time", join_type=kind)["Time"].isot] == days
    assert len(join(theirs, ours, keys="Time", join_type=kind)) == len(days)


@pytest.mark.parametrize("form", ["ascii.ecsv", "fits", "hdf5", "parquet"])
def test_times_in_metadata_and_frames_can_be_written(form: str, tmp_path: Path) -> None:
    kept = {"path": "x"} if form == "hdf5" else {}
    given = column()
    table = QTable({"place": SkyCoord([1, 2] * u.deg, [1, 2] * u.deg, obstime=given[0], frame="gcrs")})
    table.meta.update(start=given[0], times=given[:2])
    if form == "fits":
        table.meta.clear()  # astropy writes no objects there
    table.write(tmp_path / "x", format=form, **kept, **({"serialize_meta": True} if kept else {}))
    made = QTable.read(tmp_path / "x", format=form, **kept)
    assert made["place"].obstime == given[0]
    if form != "fits":
        assert (type(made.meta["start"]), type(made.meta["times"])) == (Time, Time)
        assert made.meta["start"] == given[0]
        assert (made.meta["times"] == given[:2]).all()


def test_a_time_under_a_mask_may_be_within_a_leap_second() -> None:
    given = column()
    given[1:3] = np.ma.masked
    for values in (given.datetime64, given.datetime):
        assert np.ma.getmaskarray(np.ma.asarray(values)).tolist() == [False, True, True, False]
    assert QTable({"Time": given}).to_pandas()["Time"].isna().tolist() == [False, True, True, False]


@pytest.mark.parametrize("make", [of_hapi, of_search])
def test_an_empty_table_goes_to_pandas(make: Callable[[], Any]) -> None:
    table = make()[:0]
    names = [name for name, kept in table.columns.items() if isinstance(kept, Time)]
    assert {str(kind) for kind in table[names].to_pandas().dtypes} == {"datetime64[ns]"}
