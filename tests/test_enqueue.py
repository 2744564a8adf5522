"""From rows to downloads: what is read, listed and counted grows with the rows, for all archives by one function."""

from __future__ import annotations

import importlib.util
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import parfive
import pytest
from astropy.table import QTable
from astropy.time import Time
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido import fetch, fields
from sunpy_helio_plugins.store import publish
from sunpy_helio_plugins.transport.files import naming, queue
from sunpy_helio_plugins.transport.files.job import Download, Job


def load_benchmark() -> Any:
    """Load the benchmark, which makes tables of any number of rows without a search."""
    path = Path(__file__).parents[1] / "benchmarks" / "enqueue.py"
    spec = importlib.util.spec_from_file_location("bench_enqueue", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TABLES = load_benchmark().TABLES
ARCHIVES = pytest.mark.parametrize("name", TABLES)
TEMPLATE = "{provider}/{start_time:%Y}/{file}"


@pytest.fixture
def counts(monkeypatch) -> Counter[str]:
    """Count the calls that may grow faster than the rows."""
    seen: Counter[str] = Counter()

    def watch(owner: Any, name: str, label: str) -> None:
        original = getattr(owner, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            seen[label] += 1
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, counted)

    watch(os, "listdir", "listings")
    watch(os, "scandir", "listings")
    watch(naming.string.Formatter, "parse", "templates")
    watch(naming, "_formatted", "fields")
    watch(fetch, "field_values", "columns")
    watch(publish, "numbered", "numbers")
    return seen


def enqueued(table: Any, path: Path | str, **options: Any) -> list[Download]:
    downloader = parfive.Downloader(progress=False)
    table.client.fetch(table, path=path, downloader=downloader, **options)
    return [entry.__self__.download for entry in downloader.http_queue]


@ARCHIVES
def test_only_the_named_columns_are_read_and_the_template_is_parsed_once(tmp_path, counts, name):
    found = []
    for rows in (8, 32):
        counts.clear()
        assert len(enqueued(TABLES[name](rows), tmp_path / TEMPLATE)) == rows
        found.append(dict(counts))
        assert counts["columns"] == 2
        # The file's name is a field as well.
        assert counts["fields"] == 3 * rows
    assert found[0]["templates"] == found[1]["templates"]
    assert "listings" not in found[1]


@ARCHIVES
def test_a_column_that_no_template_names_is_not_read(tmp_path, monkeypatch, name):
    table = TABLES[name](4)
    read: list[str] = []
    item = type(table).__getitem__

    def noted(self: Any, key: Any) -> Any:
        read.append(key)
        return item(self, key)

    monkeypatch.setattr(type(table), "__getitem__", noted)
    enqueued(table, tmp_path / "{file}")
    assert all(isinstance(key, str) for key in read), "no row is made"
    assert not {"Provider", "Instrument", "hpc_coord", "Title"} & set(read)


@ARCHIVES
def test_an_unknown_field_is_refused_before_anything_is_enqueued(tmp_path, name):
    downloader = parfive.Downloader(progress=False)
    table = TABLES[name](3)
    with pytest.raises(QueryError, match=r"'planet', which is none of: .*file.*instrument.*start_time"):
        table.client.fetch(table, path=tmp_path / "{planet}" / "{file}", downloader=downloader)
    assert downloader.queued_downloads == 0


@ARCHIVES
def test_a_format_that_a_value_does_not_take_leaves_the_queue_as_it_was(tmp_path, name):
    downloader = parfive.Downloader(progress=False)
    table = TABLES[name](3)
    with pytest.raises(QueryError, match="cannot be filled"):
        table.client.fetch(table, path=tmp_path / "{provider:d}" / "{file}", downloader=downloader)
    assert downloader.queued_downloads == 0


@ARCHIVES
@pytest.mark.parametrize("path", ["{file}", "", Path("{file}")])
def test_a_path_without_a_file_is_a_folder_as_in_sunpy(tmp_path, name, path):
    targets = [one.target for one in enqueued(TABLES[name](3), tmp_path / path if path else str(tmp_path))]
    assert {target.parent for target in targets} == {tmp_path}
    assert len(set(targets)) == 3


@ARCHIVES
def test_the_fields_are_those_of_sunpys_rows(name):
    table = TABLES[name](2)
    expected = dict(zip(table[0].response_block_map, table.colnames, strict=True))
    assert fields.field_names(table) == expected
    assert table.path_format_keys() == set(expected)


@ARCHIVES
def test_values_in_paths_are_those_of_the_rows(tmp_path, name):
    table = TABLES[name](5)[::-1]
    made = [one.target for one in enqueued(table, tmp_path / "{provider}" / "{start_time:%Y%m%dT%H%M%S}" / "{file}")]
    folders = [target.relative_to(tmp_path).parts[:-1] for target in made]
    rows = zip(table["Provider"], table["Start Time"], strict=True)
    assert folders == [(str(provider), time.strftime("%Y%m%dT%H%M%S")) for provider, time in rows]


def test_events_without_an_identifier_are_left_out_and_the_others_keep_their_values(tmp_path):
    from sunpy_helio_plugins import HERClient
    from sunpy_helio_plugins.her import HERTable

    days = {"event_starttime": "2026-01-10T00:00:00", "event_endtime": "2026-01-10T01:00:00"}
    records = [{**days, "obs_observatory": place, "kb_archivid": ivorn} for place, ivorn in
               (("A", "ivo://x/1"), ("B", None), ("C", "ivo://x/3"))]  # fmt: skip
    table = HERTable.from_records(records, client=HERClient())
    made = [one.target.relative_to(tmp_path).as_posix() for one in enqueued(table, tmp_path / "{source}" / "{file}")]
    assert made == ["A/1.xml", "C/3.xml"]


def test_equal_names_are_counted_once(tmp_path, counts):
    made = []
    for count in (8, 32):
        counts.clear()
        downloader = parfive.Downloader(progress=False)
        for _ in range(count // 4):
            files = [Download(f"http://127.0.0.1/{index}", tmp_path / "x.cdf", "an archive") for index in range(4)]
            queue.enqueue(downloader, files)
        targets = [entry.__self__.download.target.name for entry in downloader.http_queue]
        assert targets == ["x.cdf", *(f"x-{number}.cdf" for number in range(2, count + 1))]
        made.append(counts["numbers"])
    assert made == [7, 31]


def test_a_number_that_another_file_has_is_passed(tmp_path):
    downloader = parfive.Downloader(progress=False)
    names = ("x-2.cdf", "x.cdf", "x.cdf", "x.cdf", "x-2.cdf")
    queue.enqueue(downloader, [Download("http://127.0.0.1/", tmp_path / name, "an archive") for name in names])
    targets = [entry.__self__.download.target.name for entry in downloader.http_queue]
    assert targets == ["x-2.cdf", "x.cdf", "x-3.cdf", "x-4.cdf", "x-2-2.cdf"]


def test_the_files_of_other_clients_are_passed_once(tmp_path):
    class Watched(list):
        passed = 0

        def __reversed__(self):
            for entry in super().__reversed__():
                type(self).passed += 1
                yield entry

    downloader = parfive.Downloader(progress=False)
    downloader.http_queue = Watched()
    for _ in range(10):
        for index in range(5):
            downloader.enqueue_file(f"http://127.0.0.1/{index}", path=tmp_path)
        queue.enqueue(downloader, [Download("http://127.0.0.1/", tmp_path / "x", "an archive")])
    assert Watched.passed == 10 * 6 - 1
    jobs = [entry.__self__ for entry in downloader.http_queue if isinstance(getattr(entry, "__self__", None), Job)]
    assert len({job.download.target for job in jobs}) == 10


TIME = a.Time("2026-01-10 12:00", "2026-01-10 12:02")
QUERIES = {
    "hapi": (TIME, a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI"), a.hapi.Chunk("PT30S")),
    "imap": (a.Time("2026-01-10", "2026-01-12"), a.imap.File(), a.Instrument("mag")),
    "helioviewer": (TIME, a.helioviewer.Image(), a.Instrument("AIA")),
    "her": (a.Time("2026-01-10", "2026-01-11"), a.her.Event(), a.hek.CH),
}


@pytest.mark.parametrize("name", QUERIES)
def test_a_folder_is_listed_once_in_a_run(archive, tmp_path, counts, name):
    table = Fido.search(*QUERIES[name])[0]
    assert len(table) > 2
    counts.clear()
    results = Fido.fetch(table, path=tmp_path / "{file}", progress=False)
    assert (len(results), results.errors) == (len(table), [])
    assert counts["listings"] == 1
    archive.log.clear()
    counts.clear()
    assert list(Fido.fetch(table, path=tmp_path / "{file}", progress=False)) == list(results)
    assert counts["listings"] == 1
    assert archive.log == []


def test_leftovers_of_a_killed_run_are_removed_by_the_next_one(archive, tmp_path):
    table = Fido.search(*QUERIES["helioviewer"])[0][:3]
    names = [one.target.name for one in enqueued(table, tmp_path / "{file}")]
    for name in (*names, "another.jp2"):
        (tmp_path / f".{name}.0123abcd.part").write_bytes(b"half")
    results = Fido.fetch(table, path=tmp_path / "{file}", progress=False)
    assert len(results) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names, ".another.jp2.0123abcd.part"])


@pytest.mark.parametrize("overwrite", [False, True, "unique"])
def test_what_exists_is_judged_once(archive, tmp_path, monkeypatch, overwrite):
    from sunpy_helio_plugins.imap import integrity

    judged: Counter[str] = Counter()
    looks_complete = integrity.looks_complete

    def judge(path: Path, name: str, changed: Any = None) -> bool:
        judged[path.name] += 1
        return looks_complete(path, name, changed)

    monkeypatch.setattr(integrity, "looks_complete", judge)
    table = Fido.search(*QUERIES["imap"])[0][:3]
    first = list(Fido.fetch(table, path=tmp_path / "{file}", progress=False))
    whole = Path(first[0]).read_bytes()
    Path(first[0]).write_bytes(whole[: len(whole) // 2])
    assert not judged
    second = Fido.fetch(table, path=tmp_path / "{file}", progress=False, overwrite=overwrite)
    assert second.errors == []
    assert Path(first[0]).read_bytes() == whole, "a damaged file is replaced"
    assert judged == ({} if overwrite is True else dict.fromkeys((Path(path).name for path in first), 1))
    assert len(list(tmp_path.iterdir())) == (5 if overwrite == "unique" else 3)


def test_times_are_rounded_as_astropy_does_and_those_in_leap_seconds_have_a_path(tmp_path):
    times = Time(["2026-01-10T23:59:58.9999996", "2016-12-31T23:59:60.5"], scale="utc")
    column = fields.field_values(times)
    assert [f"{value:%Y-%m-%d %H:%M:%S}" for value in column] == ["2026-01-10 23:59:59", "2016-12-31 23:59:59"]
    times[0] = np.ma.masked
    assert fields.field_values(times)[0] is None


def test_numbers_are_formatted_as_in_a_row(tmp_path):
    table = QTable({"a": np.array([0.1], "f4"), "b": [np.float64(2.5)], "c": [7], "d": [b"x"], "e": [True]})
    row = [format(table[name][0]) for name in "abcde"]
    assert [format(fields.field_values(table[name])[0]) for name in "abcde"] == row


@pytest.mark.parametrize("tree", ["", "imap/{x}/l1", "../../up"])
def test_the_tree_of_a_hostile_row_stays_below_the_folder(tmp_path, monkeypatch, tree):
    table = TABLES["imap"](1)
    table["file_path"] = np.array([f"{tree}/x.cdf".lstrip("/")])
    (made,) = enqueued(table, tmp_path / "{tree}" / "{file}")
    assert made.target.is_relative_to(tmp_path)
    assert ".." not in made.target.parts
    monkeypatch.chdir(tmp_path)
    (made,) = enqueued(table, "{tree}/{file}")
    assert not made.target.is_absolute()
