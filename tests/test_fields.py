"""Test that the tables of all archives have the same first columns, and that one path template fits all."""

from __future__ import annotations

import pickle
from functools import reduce
from operator import or_
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import vstack
from astropy.time import Time
from astropy.utils.masked import Masked
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import HAPIClient, HelioviewerClient, HERClient, IMAPClient
from sunpy_helio_plugins.fido import common_columns
from sunpy_helio_plugins.fido.fields import COMMON
from sunpy_helio_plugins.her import HERTable
from sunpy_helio_plugins.transport.files.naming import target

TIME = a.Time("2026-01-10 12:00", "2026-01-10 12:10")
QUERIES = {
    HAPIClient: TIME & a.hapi.Server("cdaweb") & a.hapi.Dataset("AC_H0_MFI"),
    IMAPClient: TIME & a.imap.File() & a.Instrument("mag") & a.Level("l2"),
    HelioviewerClient: TIME & a.helioviewer.Image() & a.Instrument("AIA") & a.Wavelength(304 * u.AA),
    HERClient: TIME & a.her.Event() & a.hek.CH,
}
CASES = pytest.mark.parametrize("client", QUERIES, ids=lambda client: client.__name__)


@CASES
def test_every_table_has_the_columns_and_shows_them(archive, client):
    table = client().search(QUERIES[client])
    for one in (table, table[:1], table[:0], client().search(QUERIES[client])[::-1]):
        assert set(COMMON) <= set(one.colnames)
        assert one.show(*COMMON).colnames == list(COMMON)
        assert str(one.show(*COMMON))
    assert isinstance(table["Start Time"], Time)
    assert isinstance(table["End Time"], Time)
    assert (table["Start Time"] <= table["End Time"]).all()
    assert {"start_time", "end_time", "instrument", "source", "provider"} <= table.path_format_keys()
    assert "Source" in str(table)


@CASES
def test_the_columns_survive_what_tables_survive(archive, client):
    table = client().search(QUERIES[client])
    other = client().search(QUERIES[client])
    stacked = vstack([table, other[:0], other])
    assert list(stacked["Provider"]) == 2 * list(table["Provider"])
    back = pickle.loads(pickle.dumps(table))
    for name in COMMON:
        assert str(list(back[name])) == str(list(table[name]))
        assert type(back[name]) is type(table[name])
    table.sort("Start Time")
    assert len(table) == len(other)


def test_what_the_archives_tell(archive):
    found = {client: client().search(query) for client, query in QUERIES.items()}
    assert {client.__name__: str(table["Provider"][0]) for client, table in found.items()} == {
        "HAPIClient": "HAPI", "IMAPClient": "IMAP SDC", "HelioviewerClient": "Helioviewer", "HERClient": "HER",
    }  # fmt: skip
    assert found[HAPIClient]["Instrument"].mask.all(), "HAPI does not tell the instrument"
    events = found[HERClient]
    assert set(events["Instrument"]) == set(events["obs_instrument"]) == {"AIA"}
    assert set(events["Source"]) == {"SDO"}
    assert (events["Start Time"] == events["event_starttime"]).all()
    assert (events["End Time"] == events["event_endtime"]).all()


IN_FOLDERS = {
    "{provider}/{instrument}/{file}": {"HAPI/unknown", "IMAP SDC/mag", "Helioviewer/AIA", "HER/AIA"},
    "{source}/{start_time:%Y%m%d}/{file}": {f"{name}/20260110" for name in ("NASA SPDF", "IMAP", "SDO")},
}


@pytest.mark.parametrize("template", IN_FOLDERS)
def test_one_template_serves_a_mixed_response(archive, tmp_path, template):
    mixed = Fido.search(reduce(or_, QUERIES.values()))
    files = Fido.fetch(mixed, path=tmp_path / template)
    assert files.errors == []
    assert len(files) == sum(map(len, mixed))
    folders = {str(tmp_path / folder) for folder in IN_FOLDERS[template]}
    assert {file.rpartition("/")[0] for file in files} == folders


@pytest.mark.parametrize("record", [{}, {"obs_instrument": "", "obs_observatory": "N/A"}, {"obs_instrument": None}])
def test_an_event_that_does_not_tell_its_instrument_has_none(record):
    times = {"event_starttime": "2026-01-10T00:00:00", "event_endtime": "2026-01-10T01:00:00"}
    both = HERTable.from_records([{**times, **record}, {**times, "obs_instrument": "HMI", "obs_observatory": "SDO"}])
    assert both["Instrument"].mask.tolist() == [True, False]
    assert both["Source"].mask.tolist() == [True, False]
    assert type(HERTable.from_records([])["Instrument"]) is type(both["Instrument"])


@pytest.mark.parametrize(
    ("value", "spec", "folder"),
    [
        ("SDO/HMI", "", "SDO_HMI"),
        ("Juno\\WAV", "", "Juno_WAV"),
        ("../../evil", "", "evil"),
        ("..", "", "unknown"),
        ("", "", "unknown"),
        (None, "", "unknown"),
        (np.ma.masked, "", "unknown"),
        (np.ma.masked, ":>5", "unknown"),
        (float("nan"), ":.1f", "unknown"),
        (Masked(3 * u.nm, mask=True), "", "unknown"),
        (3 * u.nm, "", "3.0 nm"),
        (Time("2026-01-10"), ":%Y/%m", "2026_01"),
    ],
)
def test_a_value_is_one_folder_and_a_missing_one_is_unknown(tmp_path, value: Any, spec: str, folder: str):
    made = target(tmp_path / f"{{value{spec}}}" / "{file}", "name", {"value": value})
    assert made == tmp_path / folder / "name"


def test_a_time_that_is_missing_is_unknown(tmp_path):
    times = Time(["2026-01-10", "2026-01-11"])
    times[1] = np.ma.masked
    made = [target(tmp_path / "{time:%Y}" / "{file}", "name", {"time": time}).parent.name for time in times]
    assert made == ["2026", "unknown"]


def test_shared_columns_never_share_one_time():
    start = Time(["2026-01-10"])
    made = common_columns(start, start, ["AIA"], [None], "X")
    assert list(made) == list(COMMON)
    assert made["Start Time"] is not made["End Time"]
    assert made["Instrument"].tolist() == ["AIA"]
    assert made["Source"].mask.all()
