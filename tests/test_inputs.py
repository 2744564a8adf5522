"""Every public function refuses what it cannot use in the same way, before any request."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import QTable, Table
from astropy.time import Time
from parfive import Results
from sunpy.net import Fido
from sunpy.net import attrs as a
from sunpy.time import TimeRange

import sunpy_helio_plugins as helio
from sunpy_helio_plugins import hapi, helioviewer, her, imap
from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.hapi import HAPITable
from sunpy_helio_plugins.helioviewer import HelioviewerTable
from sunpy_helio_plugins.her import HERTable
from sunpy_helio_plugins.imap import IMAPTable

DAY = a.Time("2026-01-10", "2026-01-11")
QUERIES = {
    "hapi": (helio.HAPIClient, (DAY, a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI"))),
    "imap": (helio.IMAPClient, (DAY, a.Instrument("mag"), a.imap.Descriptor("norm-gse"))),
    "helioviewer": (
        helio.HelioviewerClient,
        (a.Time("2026-01-10 12:00", "2026-01-10 12:02"), a.helioviewer.SourceID(13)),
    ),
    "her": (helio.HERClient, (DAY, a.her.CH)),
}


@pytest.fixture
def found(archive: Any) -> dict[str, Any]:
    tables = {name: client().search(*query) for name, (client, query) in QUERIES.items()}
    archive.log.clear()
    return tables


def fetch(client: type) -> Callable[[Any], Any]:
    return lambda given: client().fetch(given, path="{file}", downloader=None)


OF_ROWS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "hapi.load": ("hapi", hapi.load),
    "imap.unreleased": ("imap", imap.unreleased),
    "helioviewer.science": ("helioviewer", helioviewer.science),
    "her.graph": ("her", her.graph),
    "her.tracks": ("her", her.tracks),
    "her.overlay": ("her", lambda given: her.overlay(None, given)),
    "her.to_attrs": ("her", her.to_attrs),
    "HAPIClient.fetch": ("hapi", fetch(helio.HAPIClient)),
    "IMAPClient.fetch": ("imap", fetch(helio.IMAPClient)),
    "HelioviewerClient.fetch": ("helioviewer", fetch(helio.HelioviewerClient)),
    "HERClient.fetch": ("her", fetch(helio.HERClient)),
}

NO_ROWS = {
    "None": None, "int": 3, "float": 1.5, "bytes": b"rows", "dict": {}, "object": object(), "class": HAPITable,
    "attr": DAY, "list": [1, 2], "plain table": Table({"x": [1]}), "empty table": Table(), "array": np.arange(3),
    "plain row": Table({"x": [1]})[0], "folder": Path("."),
}  # fmt: skip


@pytest.mark.parametrize("name", OF_ROWS)
@pytest.mark.parametrize("given", NO_ROWS)
def test_what_is_not_of_a_search_is_refused(name: str, given: str, archive: Any) -> None:
    with pytest.raises(QueryError, match=rf"^{name} takes .*, not "):
        OF_ROWS[name][1](NO_ROWS[given])
    assert archive.log == []


@pytest.mark.parametrize("name", OF_ROWS)
def test_tables_and_rows_of_other_archives_are_refused(name: str, found: dict[str, Any], archive: Any) -> None:
    archive_name, function = OF_ROWS[name]
    for other in found.keys() - {archive_name}:
        for given in (found[other], found[other][0], [found[other]], [found[archive_name], found[other]]):
            with pytest.raises(QueryError, match=rf"^{name} takes "):
                function(given)
    assert archive.log == []


@pytest.mark.parametrize("name", [name for name in OF_ROWS if not name.startswith("her.")])
def test_tables_without_their_columns_are_refused(name: str, found: dict[str, Any]) -> None:
    archive_name, function = OF_ROWS[name]
    table = found[archive_name].copy()
    table.remove_columns(list(table.needed))
    with pytest.raises(QueryError, match=rf"^{name} needs the columns {table.needed[0]}"):
        function(table)


KINDS = {"hapi": HAPITable, "imap": IMAPTable, "helioviewer": HelioviewerTable, "her": HERTable}


@pytest.mark.parametrize("name", KINDS)
def test_rows_are_taken_in_every_form_in_which_a_search_returns_them(name: str, archive: Any) -> None:
    response = Fido.search(*QUERIES[name][1])
    (table,) = [one for one in response if isinstance(one, KINDS[name])]
    forms = [table, table[0], table[:1], [table], (table[0],), [[table[:1]], table[0]], iter([table])]
    counts = [len(inputs.rows("f", given, KINDS[name], "rows")) for given in forms]
    assert counts == [len(table), 1, 1, len(table), 1, 2, len(table)]
    if len(response) == 1:
        assert len(inputs.rows("f", response, KINDS[name], "rows")) == len(table)
    assert inputs.rows("f", table[:0], KINDS[name], "rows") == []
    assert inputs.rows("f", [], KINDS[name], "rows") == []


def test_events_are_taken_in_every_form(found: dict[str, Any]) -> None:
    table = found["her"]
    assert len(her.graph([table[:2], table[2]]).nodes) >= 3
    assert len(her.tracks(table[0])) == 1
    assert len(her.tracks(table[:0])) == 0
    assert her.to_attrs(table[:1]) == her.to_attrs(table[0])


def test_images_and_files_are_taken_in_every_form(found: dict[str, Any]) -> None:
    images = found["helioviewer"]
    assert len(helioviewer.science([images[:1], images[1]])) == 2
    assert len(helioviewer.science(images[:0])) == 0
    assert imap.unreleased(found["imap"][:0]) == []
    with pytest.raises(QueryError, match="no rows to load"):
        hapi.load(found["hapi"][:0])


OF_PATHS: dict[str, Callable[[Any], Any]] = {
    "hapi.read": hapi.read,
    "imap.read": imap.read,
    "imap.epochs": imap.epochs,
    "imap.download": imap.download,
    "imap.sync": lambda given: imap.sync((DAY, a.imap.File()), given),
    "helioviewer.read": helioviewer.read,
    "helioviewer.screenshot": lambda given: helioviewer.screenshot("2026-01-10", [13], given),
    "helioviewer.movie": lambda given: helioviewer.movie("2026-01-10", "2026-01-11", [13], given),
    "helioviewer.jpx": lambda given: helioviewer.jpx("2026-01-10", "2026-01-11", 13, given),
}

NO_PATHS = {
    "None": None, "int": 3, "empty": "", "spaces": "  ", "null": "a\0b", "table": Table({"x": [1]}), "attr": DAY,
    "url": "https://example.org/a.cdf?key=secret", "host": "file://elsewhere/a.cdf", "dict": {"a": 1}, "class": Path,
    "list of numbers": [1], "list of None": [None],
}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "name"),
    # The addresses of images are requested.
    [pair for pair in itertools.product(NO_PATHS, OF_PATHS) if pair != ("url", "helioviewer.read")],
)
def test_what_is_not_a_path_is_refused(name: str, given: str, archive: Any) -> None:
    with pytest.raises(QueryError, match=rf"^{name} ") as caught:
        OF_PATHS[name](NO_PATHS[given])
    assert "secret" not in str(caught.value)
    assert archive.log == []


@pytest.mark.parametrize("name", [name for name in OF_PATHS if name != "hapi.read"])
def test_bytes_are_not_a_path(name: str) -> None:
    with pytest.raises(QueryError, match=rf"^{name} takes .*, not b'x'"):
        OF_PATHS[name](b"x")


@pytest.mark.parametrize("name", ["hapi.read", "imap.read", "imap.epochs", "helioviewer.read"])
def test_a_folder_without_files_of_the_archive_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises((QueryError, FileError), match="folder"):
        OF_PATHS[name](tmp_path)


@pytest.mark.parametrize("name", ["hapi.read", "imap.read"])
def test_no_path_at_all_is_refused(name: str) -> None:
    with pytest.raises(QueryError, match=f"{name} takes at least one"):
        OF_PATHS[name]([])


def test_paths_are_taken_in_every_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = tmp_path / "a 1.cdf", tmp_path / "b.CDF"
    for path in (one, two, tmp_path / "c.txt"):
        path.touch()
    monkeypatch.setenv("HOME", str(tmp_path))

    def given(*forms: Any) -> list[list[Path]]:
        return [inputs.paths("f", form, (".cdf",)) for form in forms]

    assert given(one, str(one), one.as_uri(), [one], (str(one),), iter([one]), "~/a 1.cdf") == [[one]] * 7
    assert given(tmp_path, str(tmp_path), [one, two], Results([str(one), str(two)])) == [[one, two]] * 4
    assert inputs.one_path("f", tmp_path, folder=True) == tmp_path


def test_hapi_reads_answers_files_and_folders(tmp_path: Path) -> None:
    answer = (
        b'#{"HAPI":"3.0","format":"csv","parameters":[{"name":"Time","type":"isotime","length":24},'
        b'{"name":"B","type":"double","units":"nT","fill":null}]}\n2026-01-10T00:00:00.000Z,5.5\n'
    )
    (tmp_path / "a.hapi").write_bytes(answer)
    for given in (answer, io.BytesIO(answer), tmp_path, [tmp_path / "a.hapi"], [answer, tmp_path]):
        assert len(hapi.read(given)) == 1


ONE_TIME: dict[str, Callable[[Any], Any]] = {
    "helioviewer.near": helioviewer.near,
    "helioviewer.screenshot": lambda given: helioviewer.screenshot(given, [13], "a.png"),
    "helioviewer.movie": lambda given: helioviewer.movie(given, "2026-01-11", [13], "a.mp4"),
    "hapi.load": lambda given: hapi.load("cdaweb", "AC_H0_MFI", "2026-01-09", given),
}

NO_TIMES = {
    "int": 3, "float": 2461050.5, "bytes": b"2026-01-10", "text": "yesterday", "empty": "",
    "list": ["2026-01-10"], "NaT": np.datetime64("NaT", "s"), "masked": Time("2026-01-10").copy(),
    "several": Time(["2026-01-10"]), "attr": DAY, "class": datetime, "table": Table(), "dict": {},
}  # fmt: skip
NO_TIMES["masked"][...] = np.ma.masked


@pytest.mark.parametrize("name", ONE_TIME)
@pytest.mark.parametrize("given", NO_TIMES)
def test_what_is_not_a_time_is_refused(name: str, given: str, archive: Any) -> None:
    with pytest.raises(QueryError, match=rf"^{name} takes one time, such as .*, not "):
        ONE_TIME[name](NO_TIMES[given])
    assert archive.log == []


def test_times_are_taken_in_every_form() -> None:
    forms = [
        "2026-01-10", "2026-01-10T00:00:00", "2026/01/10 00:00", datetime(2026, 1, 10), date(2026, 1, 10),
        np.datetime64("2026-01-10"), Time("2026-01-10"), Time("2026-01-10").tai,
    ]  # fmt: skip
    assert {inputs.instant("f", form).utc.isot for form in forms} == {"2026-01-10T00:00:00.000"}
    pandas = pytest.importorskip("pandas")
    assert inputs.instant("f", pandas.Timestamp("2026-01-10")).isot == "2026-01-10T00:00:00.000"
    with pytest.raises(QueryError, match="one time"):
        inputs.instant("f", pandas.NaT)


FAR = {
    name: Time(days, format="jd") for name, days in {"far": 1e300, "late": 5373484.5, "early": 1e6, "old": -1e9}.items()
}


@pytest.mark.parametrize("name", ONE_TIME)
@pytest.mark.parametrize("given", FAR)
def test_times_of_years_without_four_digits_are_refused(name: str, given: str, archive: Any) -> None:
    with pytest.raises(QueryError, match=rf"^{name} takes times of the years 1 to 9999, not the Julian date "):
        ONE_TIME[name](FAR[given])
    assert archive.log == []


RANGES: dict[str, Callable[[Any], Any]] = {
    "imap.realtime": imap.realtime,
    "imap.metakernel": imap.metakernel,
    "helioviewer.coverage": lambda given: helioviewer.coverage(given, a.helioviewer.SourceID(13)),
}

NO_RANGES = {
    "None": None, "int": 3, "text": "2026-01-10", "bytes": b"x", "time": Time("2026-01-10"), "one": ["2026-01-10"],
    "three": ["2026-01-10"] * 3, "numbers": (1, 2), "NaT": (np.datetime64("NaT", "s"), "2026-01-10"), "class": a.Time,
    "reversed": ("2026-01-11", "2026-01-10"), "table": Table(),
    "missing": ("2026-01-10", None),
}  # fmt: skip


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("given", NO_RANGES)
def test_what_is_not_a_range_of_time_is_refused(name: str, given: str, archive: Any) -> None:
    with pytest.raises(QueryError, match=rf"^{name} takes (a range of time|one time), such as .*[,;] (not|this one) "):
        RANGES[name](NO_RANGES[given])
    assert archive.log == []


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("form", [tuple, lambda pair: a.Time(*pair)])
def test_ranges_of_years_without_four_digits_are_refused(name: str, form: Any, archive: Any) -> None:
    with pytest.raises(QueryError, match=rf"^{name} takes times of the years 1 to 9999, not the Julian date "):
        RANGES[name](form((FAR["far"], FAR["far"])))
    assert archive.log == []


@pytest.mark.parametrize("name", ["helioviewer.movie", "helioviewer.jpx"])
def test_ends_before_starts_are_refused(name: str, archive: Any) -> None:
    late = {
        "helioviewer.movie": lambda: helioviewer.movie("2026-01-12", "2026-01-11", [13], "a.mp4"),
        "helioviewer.jpx": lambda: helioviewer.jpx("2026-01-11", "2026-01-11", 13, "a.jpx"),
    }
    with pytest.raises(QueryError, match=rf"^{name} takes a range of time.*this one starts at"):
        late[name]()
    assert archive.log == []


def test_ranges_are_taken_in_every_form() -> None:
    forms = [DAY, ("2026-01-10", "2026-01-11"), [Time("2026-01-10"), datetime(2026, 1, 11)]]
    forms.append(TimeRange("2026-01-10", "2026-01-11"))
    assert {(one.start.isot, one.end.isot) for one in (inputs.span("f", form) for form in forms)} == {
        ("2026-01-10T00:00:00.000", "2026-01-11T00:00:00.000")
    }


OF_RECORDS = {
    "hapi.files": lambda given: hapi.files(given, "x"),
    "hapi.to_skycoord": lambda given: hapi.to_skycoord(given, "x"),
}


@pytest.mark.parametrize("name", OF_RECORDS)
@pytest.mark.parametrize("given", [None, 3, "x", b"x", Table(), Table({"x": [1]}), QTable(), [], {}], ids=repr)
def test_what_is_not_a_table_of_records_is_refused(name: str, given: Any) -> None:
    with pytest.raises(QueryError, match=rf"^{name} takes a table of records, .*, not "):
        OF_RECORDS[name](given)


@pytest.mark.parametrize("given", [None, 3, "mag", b"x", [DAY, "mag"], a.imap.File, [a.imap.File], Table()], ids=repr)
def test_what_are_not_attrs_is_refused(given: Any, tmp_path: Path, archive: Any) -> None:
    with pytest.raises(QueryError, match=r"^imap\.sync takes attrs, such as .*, not "):
        imap.sync(given, tmp_path / "copy")
    assert archive.log == []
    assert not (tmp_path / "copy").exists()
