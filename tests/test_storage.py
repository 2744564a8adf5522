"""Test writing and reading search results: the same table, which can be fetched, searched again and compared."""

from __future__ import annotations

import json
import pickle
import re
import sys
from pathlib import Path
from typing import Any

import astropy.timeseries
import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Column, MaskedColumn, QTable, Table, vstack
from astropy.time import Time, TimeDelta
from astropy.utils.masked import Masked
from sunpy.net import Fido
from sunpy.net import attrs as a
from sunpy.net.fido_factory import UnifiedResponse

from sunpy_helio_plugins import HAPIClient, HelioviewerClient, HERClient, IMAPClient, hapi, imap, io
from sunpy_helio_plugins.errors import FileError, MissingDependencyError, QueryError
from sunpy_helio_plugins.fido import ArchiveTable
from sunpy_helio_plugins.hapi import HAPITable
from sunpy_helio_plugins.hapi.tables import HAPIFiles
from sunpy_helio_plugins.helioviewer import HelioviewerTable
from sunpy_helio_plugins.her import HERTable
from sunpy_helio_plugins.imap import IMAPTable
from sunpy_helio_plugins.imap.query import Query
from sunpy_helio_plugins.quantities import fills, masked, times

DAY = a.Time("2026-01-10", "2026-01-11")

SEARCHES: dict[str, tuple[type[ArchiveTable], Any, Any]] = {
    "hapi": (
        HAPITable, HAPIClient,
        (DAY, a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI"), a.hapi.Parameters("Magnitude", "BGSEc"),
         a.hapi.Chunk(8 * u.hour)),
    ),
    "imap": (IMAPTable, IMAPClient, (DAY, a.imap.File(), a.Instrument("mag"), a.imap.Version("all"))),
    "spice": (IMAPTable, IMAPClient, (DAY, a.imap.Kernel())),
    "ialirt": (IMAPTable, IMAPClient, (DAY, a.imap.Table("ialirt"))),
    "ancillary": (IMAPTable, IMAPClient, (DAY, a.imap.Table("ancillary"))),
    "helioviewer": (
        HelioviewerTable, HelioviewerClient,
        (a.Time("2026-01-10 12:00", "2026-01-10 12:10"), a.helioviewer.Image(), a.Wavelength(304 * u.AA)),
    ),
    "headers": (
        HelioviewerTable, HelioviewerClient,
        (a.Time("2026-01-10 12:00", "2026-01-10 12:02"), a.Instrument("AIA"), a.helioviewer.Header()),
    ),
    "her": (HERTable, HERClient, (DAY, a.her.CH | a.her.FL)),
}  # fmt: skip

FORMATS = ("ecsv", "fits", "parquet", "arrow", "h5", "asdf", "pickle")


@pytest.fixture
def found(archive: Any, request: pytest.FixtureRequest) -> ArchiveTable:
    _, client, query = SEARCHES[request.param]
    return client().search(*query)


def through(table: Any, ending: str, folder: Path, **how: Any) -> Any:
    """Return a table that was written and read by its class."""
    if ending == "pickle":
        return pickle.loads(pickle.dumps(table))
    if ending in ("h5", "asdf", "parquet"):
        pytest.importorskip({"h5": "h5py", "asdf": "asdf_astropy", "parquet": "pyarrow"}[ending])
    path = folder / f"table.{ending}"
    table.write(path, overwrite=True, **how)
    return type(table).read(path)


def bare(values: Any) -> Any:
    return np.ma.getdata(np.asarray(getattr(values, "unmasked", values)))


def assert_equal_columns(one: Any, other: Any) -> None:
    """Compare type, mask, unit, values and metadata of a column; times by both parts."""
    assert type(one) is type(other)
    assert (one.info.description, str(one.info.format)) == (other.info.description, str(other.info.format))
    assert json.dumps(one.info.meta or {}, default=str) == json.dumps(other.info.meta or {}, default=str)
    if hasattr(one, "vertices"):
        for part in ("vertices", "offsets", "instants", "starts", "origins", "system"):
            np.testing.assert_array_equal(getattr(one, part), getattr(other, part))
        return
    if hasattr(one, "starts"):
        for part in ("values", "instants", "starts", "origins", "system"):
            np.testing.assert_array_equal(getattr(one, part), getattr(other, part))
        return
    mask = np.broadcast_to(np.asarray(getattr(one, "mask", False)), one.shape)
    np.testing.assert_array_equal(mask, np.broadcast_to(np.asarray(getattr(other, "mask", False)), other.shape))
    if isinstance(one, SkyCoord):
        assert one.is_equivalent_frame(other.frame)
        assert (one.spherical.lon == other.spherical.lon).all()
        return
    if isinstance(one, Time | TimeDelta):
        assert (one.scale, one.format) == (other.scale, other.format)
        for part in ("jd1", "jd2"):
            np.testing.assert_array_equal(bare(getattr(one, part))[~mask], bare(getattr(other, part))[~mask])
        return
    assert one.dtype == other.dtype
    assert getattr(one, "unit", None) == getattr(other, "unit", None)
    np.testing.assert_array_equal(bare(one)[~mask], bare(other)[~mask])


def assert_equal_tables(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    assert one.colnames == other.colnames
    for name in one.colnames:
        assert_equal_columns(one[name], other[name])
    assert one.client == other.client
    assert (one.problems, one.notes, one.query) == (other.problems, other.notes, other.query)
    assert (one.hide_keys, one.display_keys) == (other.hide_keys, other.display_keys)
    assert str(one) == str(other)


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("found", SEARCHES, indirect=True)
def test_a_search_comes_back_as_it_was(found: ArchiveTable, ending: str, tmp_path: Path) -> None:
    assert len(found) > 1
    for some in (found, found[:1], found[:0]):
        some.problems = ["A sentence with an \u00c5."]
        some.notes = ["Another one."]
        assert_equal_tables(some, through(some, ending, tmp_path))


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("found", ["hapi", "imap", "helioviewer", "her"], indirect=True)
def test_a_table_that_was_read_fetches_the_same_files(
    found: ArchiveTable, ending: str, tmp_path: Path, archive: Any
) -> None:
    some = found[:2]
    back = through(some, ending, tmp_path)
    first = Fido.fetch(some, path=tmp_path / "first" / "{file}", progress=False)
    archive.log.clear()
    second = Fido.fetch(UnifiedResponse(back), path=tmp_path / "second" / "{file}", progress=False)
    assert not first.errors
    assert not second.errors
    assert archive.log
    names = [sorted(Path(file).name for file in files) for files in (first, second)]
    assert names[0] == names[1]
    assert len(names[0]) == 2
    for name in names[0]:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


@pytest.mark.parametrize("found", SEARCHES, indirect=True)
def test_a_search_that_was_stored_is_repeated_and_compared(found: ArchiveTable, tmp_path: Path) -> None:
    back = through(found, "ecsv", tmp_path)
    again = back.search_again()
    assert again.query == found.query
    assert [len(table.retrieved) for table in (found, back, again)] == [1, 1, 1]
    assert back.retrieved == found.retrieved
    assert Time(found.retrieved[0]) <= Time(again.retrieved[0])
    found_again = io.changes(again, back)
    assert not found_again
    assert str(found_again) == "0 rows new, 0 revised, 0 withdrawn"


@pytest.mark.parametrize("found", ["imap"], indirect=True)
def test_changes_are_new_revised_and_withdrawn_rows(found: IMAPTable) -> None:
    before = found[1:][::-1].copy()
    before["Version"][0] = "v999"
    made = io.changes(found, before)
    assert list(made.new["file_path"]) + list(made.revised["file_path"][1:]) == [found["file_path"][0]]
    assert len(made.withdrawn) == 0
    assert made.columns[0] == ("Version",)
    assert made.before["Version"][0] == "v999"
    assert made.revised["Version"][0] == found["Version"][-1]
    assert len(io.changes(before, found).withdrawn) == 1
    for given in ((found, QTable(found)), (QTable(found), found), (found, HAPIFiles())):
        with pytest.raises(QueryError, match=r"io\.changes takes"):
            io.changes(*given)


def imap_files(*names: str) -> IMAPTable:
    from sunpy_helio_plugins.imap.tables import from_answers

    rows = [{"file_path": f"imap/mag/l2/2026/01/imap_mag_l2_norm-gse_{name}.cdf"} for name in names]
    return from_answers([(Query(version="all"), rows)])


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (["20260110_v001"], ["20260110_v002"], ([], ["v002"], [])),
        (["20260110_v001"], ["20260110_v001", "20260110_v002"], ([], ["v002"], [])),
        (["20260110_v001"], ["20260110_v001", "20260111_v001"], (["v001"], [], [])),
        (["20260110_v001", "20260110_v002"], ["20260110_v002"], ([], [], ["v001"])),
        (["20260110_v001"], [], ([], [], ["v001"])),
    ],
)
def test_a_version_of_a_file_is_a_revision(before: list[str], now: list[str], expected: Any) -> None:
    made = io.changes(imap_files(*now), imap_files(*before))
    assert tuple(list(table["Version"]) for table in (made.new, made.revised, made.withdrawn)) == expected


def test_a_revision_of_an_event_is_no_new_event() -> None:
    event = {"kb_archivid": "ivo://x/1", "revision": "1", "event_type": "FL", "event_starttime": "2026-01-10T00:00:00"}
    before = HERTable.from_records([event, event | {"kb_archivid": "ivo://x/2"}])
    now = HERTable.from_records([event | {"revision": "2"}, event | {"kb_archivid": "ivo://x/3"}])
    made = io.changes(now, before)
    counts = [list(table["kb_archivid"]) for table in (made.new, made.revised, made.withdrawn)]
    assert counts == [["ivo://x/3"], ["ivo://x/1"], ["ivo://x/2"]]
    assert "revision" in made.columns[0]


def test_times_and_missing_values_are_compared_by_what_they_mean() -> None:
    table = HAPIFiles({
        "url": ["a", "b", "c", "a"], "Start Time": Time(["2026-01-01"] * 4), "v": Masked([1.0, 2, 3, 4] * u.km),
    })  # fmt: skip
    table["v"].mask[1] = True
    other = table.copy()
    assert not io.changes(other, table)
    other["Start Time"] += [0, 0, 1e-9, 0] * u.s
    other["v"] = other["v"].to(u.m)
    other["v"].mask[1] = False
    assert io.changes(other, table).columns == (("v",), ("Start Time",))
    other.remove_column("v")
    assert io.changes(other, table).only == ("v",)


QUERIES = [
    (DAY, a.hapi.Server("cdaweb"), a.hapi.Dataset("A*"), a.hapi.Format("csv"), a.hapi.Chunk("P1D")),
    (a.Time("2016-12-31T23:59:60", "2017-01-01", near="2017-01-01T00:00:00.000000001"), a.helioviewer.Image(),
     a.Wavelength(171 * u.AA, 304 * u.AA), a.Sample(1 * u.min), a.helioviewer.Tolerance(30 * u.s)),
    (DAY, a.helioviewer.SourceID(13), a.helioviewer.Quality(1 << 30), a.helioviewer.Backend("index")),
    (a.imap.Repointing(120) | a.imap.CarringtonRotation(2306), a.imap.Released(True), a.imap.Recent(2 * u.day)),
    (a.imap.Map(species="h", months=(6, 12)) | a.imap.Map(sensor="ulc"), a.Instrument("hi")),
    (a.imap.Ingested("2026-01-01"), a.Level("l2") | a.Level("l1"), a.imap.Version("all")),
    (DAY, (a.her.CH & (a.her.area_atdiskcenter > 1e10 * u.km**2)) | ~(a.her.FL.fl_goescls >= "M1"),
     ~a.her.Supplier("SPoCA"), a.her.SortBy("event_starttime", True), a.her.Return("hpc_bbox")),
    (DAY, ~a.her.Box(-100 * u.arcsec, -100 * u.arcsec, 100 * u.arcsec, 100 * u.arcsec),
     a.her.Within(a.her.AR, a.her.CH), a.her.Limit(5), a.her.Strict()),
    (DAY, a.hek.CH, a.hek.FRM.Name == "SPoCA", a.Provider("HER")),
]  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
def test_every_attr_is_kept_as_plain_values(query: tuple[Any, ...]) -> None:
    from sunpy.net.attr import and_

    from sunpy_helio_plugins.io.queries import query_of, stored

    node = stored(and_(*query))
    back = query_of([json.loads(json.dumps(node))])
    assert "lost" not in node
    assert stored(back) == node
    assert re.sub("0x[0-9a-f]+", "", repr(back)) == re.sub("0x[0-9a-f]+", "", repr(and_(*query)))


def test_every_class_of_attrs_that_clients_offer_is_known() -> None:
    from sunpy_helio_plugins.io.queries import _known

    known = set(_known().values())
    for room in (a.hapi, a.imap, a.helioviewer, a.her):
        offered = [getattr(room, name) for name in room.__all__]
        unknown = [one for one in offered if isinstance(one, type) and hasattr(one, "collides") and one not in known]
        assert unknown == [one for one in offered if one is a.her.Field]


def test_a_query_that_names_anything_else_is_refused() -> None:
    from sunpy_helio_plugins.io.queries import query_of

    for name in ("os.system", "subprocess.Popen", "sunpy.net.vso.VSOClient"):
        with pytest.raises(FileError, match="damaged"):
            query_of([{"attr": name, "values": {"x": "touch /tmp/x"}}])


@pytest.mark.parametrize("found", ["imap"], indirect=True)
def test_stacked_tables_ask_for_both(found: IMAPTable, archive: Any) -> None:
    other = IMAPClient().search(DAY, a.imap.File(), a.Instrument("swapi"))
    both = vstack([found, other, found[:1]])
    assert len(both.search_again()) == len(found) + len(other)


def test_a_table_that_no_search_made_says_so() -> None:
    with pytest.raises(QueryError, match="does not contain a query"):
        HAPITable({"url": ["a"]}).search_again()


def odd(count: int) -> ArchiveTable:
    """Return a table with columns of every kind, and with letters and numbers that some formats change."""
    rows = np.arange(count)
    table = HAPIFiles({"url": [f"https://host/{row}" for row in rows]})
    stamps = ["2016-12-31T23:59:60.123456789", "2026-01-01T00:00:00.000000001", "1960-01-01", "2100-07-01T12:00:00.5"]
    moments = times.from_iso(np.resize(stamps, count))
    moments[rows % 4 == 2] = np.ma.masked
    table["time"] = moments
    table["tt"] = Time(2451545.0 + rows, rows / 7, format="jd", scale="tt")
    table["duration"] = TimeDelta(rows / 3, format="sec")
    table["whole"] = Masked(u.Quantity(rows, u.nT, dtype=np.int32), mask=rows % 2 == 1)
    table["real"] = np.where(rows % 3 == 0, np.nan, rows / 7) * u.Unit("DN/s")
    table["real"].info.format = ".3f"
    table["vector"] = Masked(np.outer(rows, [1.0, 2, 3]) * u.km, mask=np.outer(rows % 2 == 1, [True, False, False]))
    table["large"] = MaskedColumn(2**62 + 1 + rows, mask=rows % 4 == 1)
    table["unsigned"] = (2**64 - 1 - rows.astype("u8")).astype("u8")
    table["small"] = (rows % 5 - 2).astype("i1")
    table["truth"] = MaskedColumn(rows % 2 == 0, mask=rows % 4 == 3)
    table["text"] = np.resize(["", " \u00e5\\n", "\n\ta ", "a,b \"c\" 'd'", "#x", "nan", "\U0001f31e"], count)
    table["gaps"] = MaskedColumn(np.resize(["x", "", "y"], count), mask=rows % 3 == 2)
    table["bytes"] = np.resize([b"a", b"b\xc3\xa5", b""], count)
    table["objects"] = cells(count, {"a": "\u00c5", "b": [1, None, 2.5]}, None, "text", [1, 2])
    table["shared"] = cells(count, "x" * 400, "x" * 400, "y")
    table["place"] = SkyCoord(rows % 900 * u.arcsec, rows % 700 * u.arcsec, frame="helioprojective", observer="earth",
                              obstime="2026-01-01T00:00:00")  # fmt: skip
    table["with a space"] = rows
    table["\u00f1"] = rows
    table["time.mask"] = rows
    table["whole"].info.description = "a field \u00c5"
    table["whole"].info.meta = {"fill": -1e31, "bins": {"units": "keV", "centers": [1, 2.5, None]}}
    table.meta |= {"an \u00c5": {"b": (1, 2.5)}, "array": np.arange(3), "quantity": 3 * u.km, "when": stamps}
    return table


def cells(count: int, *values: Any) -> Column:
    data = np.empty(count, dtype=object)
    for row in range(count):
        data[row] = values[row % len(values)]
    return Column(data)


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("count", [0, 1, 30])
def test_columns_of_every_kind_come_back(ending: str, count: int, tmp_path: Path) -> None:
    table = odd(count)
    if ending == "pickle":  # astropy's pickling of coordinates and objects is not tested
        table.remove_columns(["place"])
    back = through(table, ending, tmp_path)
    assert back.colnames == table.colnames
    for name in table.colnames:
        assert_equal_columns(table[name], back[name])
    assert str({**back.meta, "__attributes__": 0}) == str({**table.meta, "__attributes__": 0})


@pytest.mark.parametrize("kind", ["U4", "S4"])
@pytest.mark.parametrize("ending", ["ecsv", "fits", "parquet", "arrow", "h5", "asdf"])
def test_texts_of_several_dimensions_keep_their_mask(ending: str, kind: str, tmp_path: Path) -> None:
    """Whether or not an element is missing, and empty texts are not missing ones."""
    texts = np.array([["on", ""], ["né" if kind == "U4" else "x", "b"]], dtype=kind)
    for mask in ([[False, False], [False, False]], [[False, True], [True, False]]):
        table = QTable({"state": fills.masked(texts, np.array(mask))})
        path = tmp_path / f"t.{ending}"
        io.write(table, path, overwrite=True)
        back = io.read(path)["state"]
        assert type(back) is type(table["state"])
        assert back.dtype == texts.dtype
        assert back.mask.tolist() == mask
        assert back.filled("?").tolist() == table["state"].filled("?").tolist()


@pytest.mark.parametrize("ending", FORMATS)
def test_what_is_shown_and_hidden_comes_back(ending: str, tmp_path: Path) -> None:
    for keys in (["url"], slice(None)):
        table = odd(3)["url", "media_type"] if "media_type" in odd(1).colnames else odd(3)["url", "time", "whole"]
        table.display_keys = keys
        table.hide_keys = ["time"]
        back = through(table, ending, tmp_path)
        assert (back.display_keys, back.hide_keys) == (keys, ["time"])
        assert str(back) == str(table)


@pytest.mark.parametrize("ending", ["ecsv", "parquet", "arrow", "h5", "fits"])
def test_work_to_write_grows_with_the_rows_alone(ending: str, tmp_path: Path) -> None:
    """The number of calls is that of every machine."""
    calls = []
    for count in (500, 2_000):
        table, made = odd(count), [0]
        sys.setprofile(lambda frame, event, argument, made=made: made.__setitem__(0, made[0] + 1))
        try:
            back = through(table, ending, tmp_path)
        finally:
            sys.setprofile(None)
        assert len(back) == count
        calls.append(made[0])
    assert calls[1] < 4.5 * calls[0]


def test_descriptions_that_rows_share_are_written_once(tmp_path: Path) -> None:
    table = HAPITable({"url": ["a"] * 1000, "info": cells(1000, json.dumps({"x": list(range(5000))}))})
    for ending in ("ecsv", "fits"):
        table.write(tmp_path / f"x.{ending}")
        assert (tmp_path / f"x.{ending}").stat().st_size < 100_000


def test_secrets_are_not_written(tmp_path: Path) -> None:
    from sunpy_helio_plugins.io.queries import stored

    table = HAPIFiles({"url": ["https://me:hidden-word@host/a?b=1", "https://host/b?api_key=hidden-word&c=2"]})
    table.query = [stored(a.hapi.Server("https://me:hidden-word@host/hapi"))]
    for ending in FORMATS[:-1]:
        with pytest.warns(UserWarning, match="written without"):
            back = through(table, ending, tmp_path)
        assert b"hidden-word" not in (tmp_path / f"table.{ending}").read_bytes()
        assert back["url"][0] == "https://host/a?b=1"
    assert "hidden-word" not in str(table.query)


class Evil:
    """An object that writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_what_json_cannot_hold_is_refused_by_name(tmp_path: Path) -> None:
    table = HAPIFiles({"url": ["a"], "it": cells(1, Evil(tmp_path / "made"))})
    with pytest.raises(QueryError, match=r"The column 'it' cannot be written: it contains .*Evil"):
        table.write(tmp_path / "x.ecsv")
    table.remove_column("it")
    table.meta["that"] = Evil(tmp_path / "made")
    with pytest.raises(QueryError, match="The entry 'that'"):
        table.write(tmp_path / "x.ecsv")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("cls", [HAPITable, IMAPTable, HelioviewerTable, HAPIFiles])
def test_foreign_files_are_refused(cls: type[ArchiveTable], tmp_path: Path) -> None:
    path = tmp_path / "x.ecsv"
    QTable({"url": ["a"]}).write(path)
    with pytest.raises(FileError, match=f"x.ecsv: This is not a {cls.__name__}"):
        cls.read(path)
    HERTable.from_records([]).write(path, overwrite=True)
    with pytest.raises(FileError, match="is a HERTable"):
        cls.read(path)
    path.write_bytes(b"\x80\x04nothing")
    with pytest.raises(FileError, match="cannot be read as a table in ecsv"):
        cls.read(path)
    with pytest.raises(FileNotFoundError):
        cls.read(tmp_path / "absent.ecsv")


def test_the_base_class_reads_any_result(tmp_path: Path) -> None:
    odd(2).write(tmp_path / "x.ecsv")
    assert type(ArchiveTable.read(tmp_path / "x.ecsv")) is HAPIFiles


@pytest.mark.parametrize("ending", ["ecsv", "fits", "parquet", "arrow", "h5", "asdf"])
def test_damaged_files_raise_plain_errors(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{ending}"
    odd(20).write(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    for _ in range(12):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 40):
            damaged[place] = rng.integers(256)
        outcome(path, bytes(damaged))
    for length in (0, 1, len(whole) // 3, len(whole) // 2):
        assert not outcome(path, whole[:length])


@pytest.mark.filterwarnings("ignore")
def outcome(path: Path, data: bytes) -> bool:
    """Return whether damaged bytes could be read; exceptions that are not errors of this package fail the test."""
    import warnings

    path.write_bytes(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            HAPIFiles.read(path)
    except FileError:
        return False
    return True


def test_a_file_that_lost_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.ecsv"
    HAPIFiles({"url": ["a", "b", "c"]}).write(path)
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(FileError, match="has 2 rows, but 3 were written"):
        HAPIFiles.read(path)


def test_header_values_of_unknown_kinds_are_refused(tmp_path: Path) -> None:
    from sunpy_helio_plugins.io.tables import HEADER, pack

    plain = pack(HAPIFiles({"url": ["a"]}), "ecsv", {"attributes": {}, "client": None, "shown": {}})
    header = json.loads(plain.meta[HEADER])
    for change in (
        {"meta": {"x": {"#": "call", "name": "os.system"}}}, {"columns": [{"name": "url", "kind": "pickle"}]},
        {"meta": {"x": {"#": "array", "dtype": "O8", "shape": [1], "data": []}}}, {"columns": 5}, {"version": 99},
    ):  # fmt: skip
        plain.meta[HEADER] = json.dumps(header | change)
        plain.write(tmp_path / "x.ecsv", overwrite=True)
        with pytest.raises(FileError):
            HAPIFiles.read(tmp_path / "x.ecsv")


def test_other_formats_are_written_as_before(tmp_path: Path) -> None:
    table = HAPIFiles({"url": ["a"], "n": [1]})
    table.write(tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text().split() == ["url,n", "a,1"]
    with pytest.raises(FileError, match="formats that keep everything"):
        HAPIFiles.read(tmp_path / "x.csv")
    assert isinstance(Table.read(tmp_path / "x.csv"), Table)


@pytest.fixture
def series(archive: Any, tmp_path: Path) -> dict[str, Any]:
    """Return series of values of the two archives."""
    from sunpy.timeseries import TimeSeries

    wind = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-10T02:00")
    query = a.Time("2026-01-10", "2026-01-10T02:00"), a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI")
    records = Fido.fetch(Fido.search(*query), path=tmp_path / "{file}", progress=False)
    field = IMAPClient().search(DAY, a.imap.File(), a.Instrument("mag"), a.Level("l2"))
    file = Fido.fetch(field[:1], path=tmp_path / "{file}", progress=False)[0]
    sampled = astropy.timeseries.TimeSeries(time=wind["Time"], data={"B": wind["Magnitude"]})
    return {
        "load": wind, "read": imap.read(file), "sampled": sampled, "hapi": TimeSeries(records[0]),
        "imap": TimeSeries(file, source="imap"),
    }  # fmt: skip


def assert_equal_series(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    if isinstance(one, Table):
        assert one.colnames == other.colnames
        assert str(one.meta) == str(other.meta)
        for name in one.colnames:
            assert_equal_columns(one[name], other[name])
        return
    pd.testing.assert_frame_equal(one.to_dataframe(), other.to_dataframe(), check_freq=False)
    assert dict(one.units) == dict(other.units)
    assert one.meta.metadata == other.meta.metadata


@pytest.mark.parametrize("ending", ["asdf", "ecsv", "fits", "parquet", "arrow", "h5"])
def test_series_come_back_as_they_were(series: dict[str, Any], ending: str, tmp_path: Path) -> None:
    for one in series.values():
        for some in (one, one[:1], one[:0]) if type(one) is QTable else (one,):
            io.write(some, tmp_path / f"x.{ending}", overwrite=True)
            assert_equal_series(some, io.read(tmp_path / f"x.{ending}"))


def test_records_lie_within_asdf_trees(archive: Any, tmp_path: Path) -> None:
    asdf = pytest.importorskip("asdf")
    pytest.importorskip("asdf_astropy")
    records = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-10T01:00")
    records["BGSEc"].mask[3] = True
    records["n"] = masked(np.arange(len(records)), np.arange(len(records)) == 1)
    asdf.AsdfFile({"records": records}).write_to(tmp_path / "x.asdf")
    with asdf.open(tmp_path / "x.asdf", lazy_load=False, memmap=False) as opened:
        back = opened["records"]
    for name in ("BGSEc", "n"):
        np.testing.assert_array_equal(back[name].mask, records[name].mask)
    assert back["BGSEc"].unit == records["BGSEc"].unit
    assert back["n"].dtype.kind == "i"


def test_a_series_without_a_source_lies_within_asdf_trees(tmp_path: Path) -> None:
    import pandas as pd
    from sunpy.timeseries import GenericTimeSeries

    asdf = pytest.importorskip("asdf")
    pytest.importorskip("asdf_astropy")
    index = pd.date_range("2026-01-10", periods=3, freq="90ns", name="Time")
    given = GenericTimeSeries(pd.DataFrame({"B": [1.0, np.nan, 3.0]}, index=index), {"telescop": "x"}, {"B": u.nT})
    asdf.AsdfFile({"field": given}).write_to(tmp_path / "x.asdf")
    with asdf.open(tmp_path / "x.asdf", lazy_load=False, memmap=False) as opened:
        again = opened["field"]
    assert type(again) is GenericTimeSeries
    pd.testing.assert_frame_equal(again.to_dataframe(), given.to_dataframe(), check_freq=False)
    assert again.units == {"B": u.nT}
    assert again.meta.metadata[0][2]["telescop"] == "x"


def test_results_and_series_lie_within_asdf_trees(series: dict[str, Any], tmp_path: Path) -> None:
    asdf = pytest.importorskip("asdf")
    events = HERClient().search(*SEARCHES["her"][2])
    asdf.AsdfFile({"events": events, "wind": series["hapi"], "field": series["imap"]}).write_to(tmp_path / "x.asdf")
    with asdf.open(tmp_path / "x.asdf") as opened:
        back = dict(opened.tree)
    assert_equal_tables(events, back["events"])
    assert_equal_series(series["hapi"], back["wind"])
    assert_equal_series(series["imap"], back["field"])


def test_what_cannot_be_kept_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(QueryError, match="must be one of ecsv"):
        io.write(QTable({"a": [1]}), tmp_path / "x.csv")
    with pytest.raises(QueryError, match=r"not \[1\] \(list\)"):
        io.write([1], tmp_path / "x.ecsv")
    QTable({"a": [1]}).write(tmp_path / "x.ecsv")
    with pytest.raises(FileError, match=r"x\.ecsv: This was not written by this package"):
        io.read(tmp_path / "x.ecsv")
    monkeypatch.setitem(sys.modules, "asdf_astropy", None)
    with pytest.raises(MissingDependencyError, match=r"sunpy_helio_plugins\[asdf\]"):
        io.write(QTable({"a": [1]}), tmp_path / "x.asdf")


@pytest.mark.parametrize("client", [HAPIClient, IMAPClient, HelioviewerClient, HERClient])
def test_a_client_in_metadata_is_written_as_its_name(client: type, tmp_path: Path) -> None:
    Table({"x": [1]}, meta={"client": client()}).write(tmp_path / "x.ecsv")
    assert Table.read(tmp_path / "x.ecsv").meta["client"] == f"{client.__module__}.{client.__qualname__}"
