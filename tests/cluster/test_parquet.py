"""Test that the workers of a cluster write the same folder as this process, whatever happens to them."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from pathlib import Path
from typing import Any

import distributed
import numpy as np
import pyarrow.parquet as pq
import pytest

from sunpy_helio_plugins import conf, hapi
from sunpy_helio_plugins.errors import IncompleteAnswerWarning, ServerError, WorkerError
from sunpy_helio_plugins.hapi.stream.parquet import PartJob, PartWriter, WrittenParts

ACE = ("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-13", "Magnitude")
DATA = "/hapi/cdaweb/hapi/data"


def write(folder: Path, **more: Any) -> Any:
    return hapi.to_parquet(*ACE, folder=folder, partition="day", progress=False, **more)


def contents(folder: Path) -> dict[str, bytes]:
    """Return the schema, the rows and the range of each file; not the time of the request."""
    return {one.name: pq.read_table(one).to_pandas().to_csv().encode() for one in sorted(folder.glob("*.parquet"))}


def test_the_folder_is_that_of_one_process(archive: Any, client: distributed.Client, tmp_path: Path) -> None:
    here = write(tmp_path / "here", client=False)
    there = write(tmp_path / "there")
    assert [one.name for one in there.files] == [one.name for one in here.files]
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert there.problems == here.problems == ()
    assert sorted(one.name for one in tmp_path.iterdir()) == [".here.lock", ".there.lock", "here", "there"]


def test_a_relative_folder_is_that_of_the_caller(
    archive: Any, client: distributed.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    jobs: list[PartJob] = []
    called = PartWriter.__call__
    monkeypatch.setattr(PartWriter, "__call__", lambda self, job: (jobs.append(job), called(self, job))[1])
    write(Path("ace"))
    assert {part.path.parent for job in jobs for part in job.parts} == {tmp_path / "ace"}


def test_a_password_in_an_address_is_neither_sent_nor_written(
    archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = next(one.partition("=")[2] for one in conf.hapi.servers if one.startswith("cdaweb="))
    jobs: list[PartJob] = []
    called = PartWriter.__call__
    monkeypatch.setattr(PartWriter, "__call__", lambda self, job: (jobs.append(job), called(self, job))[1])
    with conf.hapi.set_temp("servers", [f"own={address.replace('://', '://user:s3cret-canary@')}"]):
        found = hapi.to_parquet("own", *ACE[1:], folder=tmp_path / "ace", progress=False, client=False)
        frame = hapi.to_dask("own", *ACE[1:])
        assert frame["Magnitude"].count().compute(scheduler="sync") > 0
    assert b"canary" not in pickle.dumps(jobs)
    assert b"canary" not in pickle.dumps(frame)
    assert not [one for one in found.files if b"canary" in one.read_bytes()]


def test_only_what_is_missing_is_requested(archive: Any, client: distributed.Client, tmp_path: Path) -> None:
    write(tmp_path / "ace")
    (tmp_path / "ace" / "2026-01-11.parquet").unlink()
    archive.log.clear()
    write(tmp_path / "ace")
    assert [one.path for one in archive.log].count(DATA) == 1


def test_parts_that_fail_are_problems_and_requested_again(
    archive: Any, client: distributed.Client, tmp_path: Path
) -> None:
    with conf.set_temp("retries", 0), archive.fault("status", path=DATA, status=500, times=1):
        with pytest.warns(IncompleteAnswerWarning, match=r"2026-01-1"):
            found = write(tmp_path / "ace", chunk="P1D")
    assert len(found.problems) == 1
    again = write(tmp_path / "ace")
    assert (len(again.files), again.problems) == (3, ())


def test_a_server_that_fails_is_not_asked_for_every_part(
    archive: Any, client: distributed.Client, tmp_path: Path
) -> None:
    with (
        conf.set_temp("retries", 0), archive.fault("status", path=DATA, status=500) as fault, pytest.raises(ServerError)
    ):  # fmt: skip
        hapi.to_parquet(
            "cdaweb", "AC_H0_MFI", "2026-01-01", "2026-03-01", "Magnitude", folder=tmp_path / "ace", progress=False,
            chunk="P1D",
        )  # fmt: skip
    assert fault.played <= 24


def test_a_frame_of_dask_has_the_settings_of_its_making(archive: Any, client: distributed.Client) -> None:
    frame = hapi.to_dask(*ACE)
    address, conf.hapi.servers = list(conf.hapi.servers), []
    allowed, conf.allow_http = conf.allow_http, False
    try:
        total = frame["Magnitude"].sum().compute()
    finally:
        conf.hapi.servers, conf.allow_http = address, allowed
    table = hapi.load(*ACE)
    assert total == pytest.approx(float(np.sum(table["Magnitude"].filled(0).value)))
    assert total == pytest.approx(float(frame["Magnitude"].sum().compute(scheduler="sync")))


@pytest.mark.exhaustive
def test_a_killed_worker_costs_no_record(archive: Any, processes: distributed.Client, tmp_path: Path) -> None:
    whole = write(tmp_path / "here", client=False, chunk="PT1H")
    done: list[int] = []

    def kill() -> None:
        while not list((tmp_path / "there").glob("*.parquet")):
            time.sleep(0.01)
        process = min(processes.run(os.getpid).values())
        done.append(process)
        os.kill(process, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    found = hapi.to_parquet(
        *ACE, folder=tmp_path / "there", partition="hour", progress=False, chunk="PT1H", client=processes
    )
    killer.join()
    assert done
    assert found.problems == ()
    assert (found.table["Time"] == whole.table["Time"]).all()
    assert (found.table["Magnitude"] == whole.table["Magnitude"]).all()


class Deadly(PartWriter):
    """Ends its process."""

    def __call__(self, job: PartJob) -> WrittenParts:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


@pytest.mark.exhaustive
def test_a_part_that_ends_its_workers_is_an_error_that_names_the_last_one(
    archive: Any, processes: distributed.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sunpy_helio_plugins.hapi.stream.parquet.PartWriter", Deadly)
    with pytest.raises(WorkerError, match=r"workers ended in one task, the last one is tcp://127\.0\.0\.1:\d+: look"):
        hapi.to_parquet(*ACE, folder=tmp_path / "ace", progress=False, client=processes)
