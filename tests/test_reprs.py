"""Test that the repr of each public object is short and says what the object is."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable
from astropy.time import Time
from sunpy.net import Fido
from sunpy.net import attrs as a
from sunpy.time import TimeRange

from sunpy_helio_plugins import (
    Downloader,
    HAPIClient,
    conf,
    config,
    hapi,
    helioviewer,
    her,
    imap,
    io,
    mirrors,
    quantities,
    sandbox,
    series,
)
from sunpy_helio_plugins.errors import Problem

DAY = a.Time("2026-01-10", "2026-01-11")
NOON = a.Time("2026-01-10 12:00:00", "2026-01-10 12:01:00")
LONGEST = 160
"""The longest repr of an object that is not a table or a series."""

ADDRESS = re.compile(r"\bat\s0x[0-9a-f]+")
NUMPY_SCALAR = re.compile(r"\bnp\.(?:float|int|uint|bool|str)\w*\(|\bnumpy\.(?:float|int)\w*\(")


def _field(_: Path) -> Any:
    return hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-10T00:10", ["Magnitude", "BGSEc"])


def _days(folder: Path) -> Any:
    ends = ("2026-01-10", "2026-01-11")
    return hapi.to_parquet("cdaweb", "AC_H0_MFI", *ends, "Magnitude", folder=folder / "days", progress=False)


def _files() -> Any:
    return Fido.search(DAY, a.imap.File(), a.Instrument("mag"), a.imap.Descriptor("norm-gse"))["imap"]


def _file(folder: Path) -> str:
    return str(Fido.fetch(_files()[:1], path=folder, progress=False)[0])


def _solar_events() -> Any:
    return Fido.search(DAY, a.her.CH | a.her.FL | a.her.AR | a.her.CE)["her"]


def _images() -> Any:
    return Fido.search(NOON, a.helioviewer.SourceID(13))["helioviewer"]


def _plan(folder: Path) -> mirrors.Plan:
    query = {"archive": "imap", "instrument": "mag", "start": "2026-01-10", "end": "2026-01-11"}
    return mirrors.Plan.of({"mirror": {"folder": str(folder)}, "queries": {"mag": query}})


OBJECTS: dict[str, Callable[[Path], Any]] = {
    "archive, not started": lambda _: sandbox.Archive(0, ("hapi",)),
    "fault": lambda _: sandbox.Status(status=503, times=2),
    "faults": lambda _: sandbox.Faults(),
    "rule": lambda _: sandbox.Faults().add(sandbox.Status(status=503, path="/nothing")),
    "client": lambda _: HAPIClient(),
    "downloader": lambda _: Downloader(),
    "conf": lambda _: conf,
    "conf of an archive": lambda _: conf.hapi,
    "isolation": lambda _: config.isolation,
    "snapshot": lambda _: config.Snapshot.taken(),
    "problem": lambda _: Problem("A file is missing.", "transfer", "IMAP SDC"),
    "unit": lambda _: quantities.units.classify("electrons/cm^3"),
    "unknown unit": lambda _: quantities.units.classify("blue"),
    "parameter": lambda _: hapi.info("cdaweb", "AC_H0_MFI").parameters[1],
    "lazy table": lambda _: hapi.open(_field(_)),
    "Parquet folder": _days,
    "coverage of a series": lambda _: series.coverage(_field(_)["Time", "Magnitude"]),
    "IMAP dataset": lambda folder: imap.open(_file(folder)),
    "upload": lambda folder: imap.upload([_file(folder)], dry_run=True)[0],
    "service request": lambda _: imap.reprocess(DAY, "mag", dry_run=True),
    "sync": lambda folder: imap.sync((DAY, a.Instrument("mag"), a.imap.Descriptor("norm-gse")), folder, progress=False),
    "packets": lambda _: imap.PacketFile(Path("imap_mag_l0_raw_20260110_v001.pkts"), TimeRange(DAY.start, DAY.end)),
    "coverage of images": lambda _: helioviewer.coverage(DAY, a.helioviewer.SourceID(13)),
    "footprints": lambda _: helioviewer.footprints(_images()),
    "sequence": lambda _: helioviewer.sequence(_images(), size=64),
    "images, not read": lambda _: helioviewer.open(_images()),
    "request": lambda _: her.translate(DAY, a.her.CH)[0],
    "events, not read": lambda _: her.open(_solar_events()),
    "tracks": lambda _: her.tracks(Fido.search(DAY, a.her.CH)["her"]),
    "polygon": lambda _: next(one for one in _solar_events()["hpc_boundcc"] if one is not None),
    "polygons": lambda _: _solar_events()["hpc_boundcc"],
    "points": lambda _: _solar_events()["hpc_coord"],
    "registry": lambda _: her.Registry(dry_run=True),
    "event folder": lambda folder: her.to_parquet(DAY, a.her.CH, folder=folder / "events", progress=False),
    "changes": lambda _: io.changes(_solar_events(), _solar_events()),
    "plan": _plan,
    "planned query": lambda folder: _plan(folder).queries["mag"],
    "report of a mirror": lambda folder: mirrors.MirrorReport(folder),
    "report of a query": lambda _: mirrors.QueryReport("mag", "imap", new=[Path("x")] * 1000),
    "checked folder": lambda folder: mirrors.FolderCheck(folder, whole=[folder] * 1000),
    "attr": lambda _: a.hapi.Dataset("AC_H0_MFI"),
    "attr of a quality": lambda _: a.helioviewer.Quality(1),
    "attr of a tolerance": lambda _: a.helioviewer.Tolerance(np.float64(5) * u.min),
    "filter": lambda _: a.her.fl_goescls > "M1",
    "event type": lambda _: a.her.CH | a.her.FL,
    "field": lambda _: a.her.frm_name,
}


@pytest.mark.parametrize("name", OBJECTS)
def test_a_repr_is_short_and_has_no_addresses_of_memory(archive, tmp_path, name):
    # The folder of a test has a long name, which an object that shows a path cannot shorten.
    text = repr(OBJECTS[name](tmp_path)).replace(str(tmp_path), "~")
    assert len(text) <= LONGEST, text
    assert not ADDRESS.search(text)
    assert not NUMPY_SCALAR.search(text)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ((a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI")), "HAPITable length=1"),
        ((a.imap.File(), a.Instrument("mag"), a.imap.Descriptor("norm-gse")), "IMAPTable length=2"),
        ((a.helioviewer.SourceID(4),), "HelioviewerTable length=7"),
        ((a.her.CH,), "HERTable length=18"),
    ],
)
def test_the_repr_of_a_search_result_begins_with_its_class_and_length(archive, query, name):
    table = Fido.search(DAY, *query)[0]
    assert repr(table).startswith(f"<{name}>\n")
    assert not ADDRESS.search(repr(table))


def test_the_repr_of_an_archive_says_where_it_is_and_when_it_was_stopped():
    running = sandbox.Archive(0, ("hapi",))
    assert repr(running) == "<Archive of hapi: not started>"
    running.start()
    assert repr(running) == f"<Archive of hapi at {running.url}, requests: 0>"
    running.stop()
    assert repr(running) == "<Archive of hapi: stopped>"


def test_the_repr_of_settings_lists_what_was_changed_and_no_passwords(archive):
    assert repr(conf).startswith("<conf: ")
    with conf.her.set_temp("url", "https://user:geheim@example.org/her"):
        assert "url='https://example.org/her'" in repr(conf.her)
    with conf.set_temp("retries", 7):
        assert "retries=7" in repr(conf)


def test_the_repr_of_settings_works_if_one_is_not_valid(monkeypatch):
    monkeypatch.setattr(type(type(conf).retries), "__call__", _refused)
    assert "(not valid)" in repr(conf)


def _refused(_: object) -> None:
    raise config.SettingError("not valid")


def test_the_repr_of_settings_is_that_of_the_defaults_if_nothing_was_changed(monkeypatch):
    monkeypatch.setattr(type(type(conf).retries), "__call__", lambda setting: setting.defaultvalue)
    assert repr(conf) == "<conf: the defaults>"


def test_values_of_four_bytes_are_printed_as_such(archive, tmp_path):
    files = Fido.search(DAY, a.imap.File(), a.Instrument("mag"), a.imap.Descriptor("norm-gse"))["imap"]
    table = imap.read(Fido.fetch(files[:1], path=tmp_path, progress=False)[0])
    assert table["magnitude"].dtype == np.float32
    assert repr(table["magnitude"][:3]) == "<MaskKeepingQuantity [5.44, 5.86, 5.59] nT>"
    assert repr(table["magnitude"][0]) == "<Quantity 5.44 nT>"


def test_a_series_of_imap_names_its_observatory_and_instrument(archive, tmp_path):
    files = Fido.search(DAY, a.imap.File(), a.Instrument("mag"), a.imap.Descriptor("norm-gse"))["imap"]
    shown = repr(imap.to_timeseries(imap.read(Fido.fetch(files[:1], path=tmp_path, progress=False)[0])))
    assert shown.startswith("<IMAPTimeSeries>\n")
    assert re.search(r"Observatory:\s+IMAP\nInstrument:\s+MAG\n", shown)


@pytest.mark.parametrize(
    ("server", "dataset", "told"),
    [("cdaweb", "AC_H0_MFI", "ACE"), ("cdaweb", "OMNI_HRO2_1MIN", "OMNI")],
)
def test_a_series_of_hapi_names_the_observatory_of_its_dataset(archive, tmp_path, server, dataset, told):
    from sunpy.timeseries import TimeSeries

    found = Fido.search(DAY, a.hapi.Server(server), a.hapi.Dataset(dataset))
    shown = repr(TimeSeries(Fido.fetch(found, path=tmp_path, progress=False)[0]))
    assert shown.startswith("<HAPITimeSeries>\n")
    assert re.search(rf"Observatory:\s+{told}\n", shown)


@pytest.mark.parametrize("convert", [series.to_timeseries, hapi.to_timeseries], ids=["series", "hapi"])
@pytest.mark.parametrize(
    ("server", "dataset", "told"),
    [("cdaweb", "WI_H0_MFI@0", ("Wind", "MFI")), ("lisird", "tsis_tsi_24hr", ("TSIS-1", "Unknown"))],
)
def test_a_series_of_records_names_the_observatory_of_its_dataset(archive, convert, server, dataset, told):
    shown = repr(convert(hapi.load(server, dataset, "2026-01-10", "2026-01-12")))
    assert re.search(r"Observatory:\s+{}\nInstrument:\s+{}\n".format(*told), shown)


@pytest.mark.parametrize(
    ("meta", "told"),
    [
        ({"Source_name": "WIND>Wind Interplanetary Plasma Laboratory", "Descriptor": "MFI>Magnetic"}, ("WIND", "MFI")),
        ({"telescop": "GOES 16", "instrume": "EXIS"}, ("GOES 16", "EXIS")),
        ({"Source_name": 5}, ("Unknown", "Unknown")),
    ],
)
def test_a_series_of_records_names_the_observatory_in_its_metadata(meta, told):
    table = QTable({"time": Time(["2026-01-10", "2026-01-11"]), "B": [1, 2] * u.nT}, meta=meta)
    shown = repr(series.to_timeseries(table))
    assert re.search(r"Observatory:\s+{}\nInstrument:\s+{}\n".format(*told), shown)


def test_a_series_of_images_names_their_observatory_if_it_is_one(archive):
    images = Fido.search(DAY, a.helioviewer.SourceID(11), a.Sample(8 * u.hour))["helioviewer"]
    shown = repr(helioviewer.open(images).to_timeseries())
    assert re.search(r"Observatory:\s+SDO\nInstrument:\s+AIA\n", shown)


def test_a_series_of_events_of_several_observatories_names_none(archive):
    shown = repr(her.open(Fido.search(DAY, a.her.FL | a.her.CE)["her"]).to_timeseries())
    assert re.search(r"Observatory:\s+Unknown\n", shown)


def test_a_coverage_is_a_table_in_a_notebook(archive):
    held = helioviewer.coverage(DAY, a.helioviewer.SourceID(4))
    assert repr(held) == "<Coverage of LASCO C2, 2026-01-10T00:00:00 to 2026-01-11T00:00:00: images 7, gaps 2>"
    assert held._repr_html_().count("<td>LASCO C2</td>") == 1


def test_the_repr_of_a_coverage_counts_many_sources():
    table = helioviewer.sources()[:9]
    held = helioviewer.Coverage(table, table[:0], table[:0], Time("2026-01-10"), Time("2026-01-11"))
    assert repr(held).startswith("<Coverage of 9 sources, 2026-01-10T00:00:00 to")
