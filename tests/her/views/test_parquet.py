"""Test folders of Parquet files with events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sunpy.net import attrs as a

from sunpy_helio_plugins import conf, her
from sunpy_helio_plugins.errors import IncompleteAnswerWarning, LockedError, QueryError, ServiceError
from sunpy_helio_plugins.store.publish import locked

DAYS = a.Time("2026-01-09", "2026-01-12")
HER = "/hek/her"


def write(folder: Path, *query: Any, **more: Any) -> her.EventFolder:
    return her.to_parquet(*(query or (DAYS, a.her.CH)), folder=folder, partition="day", progress=False, **more)


def sent(archive: Any) -> int:
    return len([one for one in archive.log if one.path.endswith(HER)])


def test_the_files_have_the_events_that_begin_in_their_days(archive: Any, tmp_path: Path) -> None:
    found = write(tmp_path / "holes")
    assert [one.name for one in found.files] == ["2026-01-09.parquet", "2026-01-10.parquet", "2026-01-11.parquet"]
    table = her.HERClient().search(DAYS, a.her.CH)
    begin = table["event_starttime"].isot
    table = table[(begin >= "2026-01-09") & (begin < "2026-01-12")]
    read = found.read()
    assert len(table) > 3
    assert sorted(read["kb_archivid"]) == sorted(table["kb_archivid"])
    for path in found.files:
        events = her.HERTable.read(path, format="parquet")
        assert {str(one)[:10] for one in events["event_starttime"].isot} <= {path.stem}
        assert len(pd.read_parquet(path)) == len(events)


def test_only_what_is_missing_is_searched(archive: Any, tmp_path: Path) -> None:
    write(tmp_path / "holes", a.Time("2026-01-09", "2026-01-11"), a.her.CH)
    archive.log.clear()
    write(tmp_path / "holes", a.Time("2026-01-09", "2026-01-11"), a.her.CH)
    assert sent(archive) == 0
    write(tmp_path / "holes")
    once = sent(archive)
    assert once > 0
    (tmp_path / "holes" / "2026-01-10.parquet").unlink()
    archive.log.clear()
    write(tmp_path / "holes")
    assert sent(archive) == once
    archive.log.clear()
    write(tmp_path / "holes", overwrite=True)
    assert sent(archive) == 3 * once


def test_recent_periods_are_searched_again(archive: Any, tmp_path: Path) -> None:
    with conf.her.set_temp("grace_days", 10_000):
        write(tmp_path / "holes")
        archive.log.clear()
        write(tmp_path / "holes")
    assert sent(archive) >= 3


def test_a_longer_range_extends_the_last_file(archive: Any, tmp_path: Path) -> None:
    write(tmp_path / "holes", a.Time("2026-01-09", "2026-01-10 02:00"), a.her.CH)
    few = len(her.HERTable.read(tmp_path / "holes" / "2026-01-10.parquet", format="parquet"))
    found = write(tmp_path / "holes", a.Time("2026-01-10 01:00", "2026-01-12"), a.her.CH)
    assert len(her.HERTable.read(tmp_path / "holes" / "2026-01-10.parquet", format="parquet")) > few
    whole = write(tmp_path / "others")
    assert set(found.read()["kb_archivid"]) <= set(whole.read()["kb_archivid"])
    index = json.loads((tmp_path / "holes" / "events.json").read_bytes())
    assert index["parts"]["2026-01-10"]["range"].startswith("2026-01-10T00:00")


def test_a_period_that_fails_is_searched_again(archive: Any, tmp_path: Path) -> None:
    with conf.set_temp("retries", 0), archive.fault("status", path=HER, status=404, times=1):
        with pytest.warns(IncompleteAnswerWarning, match=r"2026-01-09\.parquet: .*404"):
            found = write(tmp_path / "holes")
    assert [one.name for one in found.files] == ["2026-01-10.parquet", "2026-01-11.parquet"]
    again = write(tmp_path / "holes")
    assert (len(again.files), again.problems) == (3, ())


def test_a_registry_that_fails_is_an_error(archive: Any, tmp_path: Path) -> None:
    with conf.set_temp("retries", 0), archive.fault("status", path=HER, status=404), pytest.raises(ServiceError):
        write(tmp_path / "holes")
    assert list((tmp_path / "holes").glob("*.parquet")) == []


def test_one_folder_has_one_query(archive: Any, tmp_path: Path) -> None:
    write(tmp_path / "holes")
    with pytest.raises(QueryError, match="contains the events of another query"):
        write(tmp_path / "holes", DAYS, a.her.FL)
    with pytest.raises(QueryError, match="has one file for each day, not month"):
        her.to_parquet(DAYS, a.her.CH, folder=tmp_path / "holes", progress=False)
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.parquet").touch()
    with pytest.raises(QueryError, match=r"contains x\.parquet, which her\.to_parquet did not write"):
        write(other)


@pytest.mark.parametrize(
    "damage",
    [
        "[", "[]", '{"parts": 3}', '{"parts": {"2026-01-09": {}}}', '{"parts": {"2026-01-09": {"range": "x"}}}',
        pytest.param("[" * 100_000, id="deep"),
    ],
)  # fmt: skip
def test_a_damaged_index_is_refused(archive: Any, tmp_path: Path, damage: str) -> None:
    write(tmp_path / "holes")
    (tmp_path / "holes" / "events.json").write_text(damage)
    archive.log.clear()
    with pytest.raises(QueryError, match=r"events\.json is damaged: give another folder"):
        write(tmp_path / "holes")
    assert archive.log == []


def test_a_run_that_was_killed_before_it_recorded_a_file_is_continued(
    archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sunpy_helio_plugins.her.views.parquet._Index.add", killed)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "holes")
    assert list((tmp_path / "holes").glob("*.parquet"))
    monkeypatch.undo()
    assert len(write(tmp_path / "holes").files) == 3


def test_a_truncated_file_is_searched_again(archive: Any, tmp_path: Path) -> None:
    found = write(tmp_path / "holes")
    content = found.files[1].read_bytes()
    found.files[1].write_bytes(content[:-10])
    archive.log.clear()
    again = write(tmp_path / "holes")
    assert sent(archive) == 1
    assert len(again.read()) == len(her.HERTable.read(again.files[0])) + len(her.HERTable.read(again.files[1])) + len(
        her.HERTable.read(again.files[2])
    )


def test_two_runs_do_not_write_one_folder(archive: Any, tmp_path: Path) -> None:
    (tmp_path / "holes").mkdir()
    with locked(tmp_path / "holes"), pytest.raises(LockedError):
        write(tmp_path / "holes")


@pytest.mark.parametrize("query", [(a.her.CH,), (DAYS, DAYS, a.her.CH), (DAYS | a.Time("2026-02-01", "2026-02-02"),)])
def test_a_query_has_one_range(tmp_path: Path, query: Any) -> None:
    with pytest.raises(QueryError, match=r"her\.to_parquet takes one a\.Time"):
        write(tmp_path / "holes", *query)


def test_a_range_ends_after_its_start(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="whose end is after its start"):
        write(tmp_path / "holes", a.Time("2026-01-09", "2026-01-09"), a.her.CH)


def test_attrs_of_sunpy_are_sent_to_workers(archive: Any, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=1, processes=False, host="127.0.0.1", protocol="tcp://", dashboard_address="127.0.0.1:0"
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        there = write(tmp_path / "there", DAYS, a.hek.CH, client=client)
    here = write(tmp_path / "here", DAYS, a.hek.CH, client=False)
    assert np.array_equal(there.read()["kb_archivid"], here.read()["kb_archivid"])


def test_an_empty_folder_has_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="contains no events"):
        her.EventFolder(tmp_path, ()).read()
