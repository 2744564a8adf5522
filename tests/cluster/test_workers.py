"""Test the choice of a client, and the checks of workers."""

from __future__ import annotations

import asyncio
import sys
import time
from concurrent.futures import CancelledError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import distributed
import pytest

import sunpy_helio_plugins
from sunpy_helio_plugins import cluster
from sunpy_helio_plugins.cluster import tasks, workers
from sunpy_helio_plugins.cluster.tasks import Task, completed
from sunpy_helio_plugins.cluster.workers import Need, check_workers, client_of
from sunpy_helio_plugins.errors import FileError, QueryError, WorkerError
from sunpy_helio_plugins.transport.credentials import Login, signed_in


def test_the_current_client_is_the_default(client: distributed.Client) -> None:
    assert client_of("f", None) is client
    assert client_of("f", True) is client
    assert client_of("f", client) is client
    assert client_of("f", False) is None


def test_without_a_client_the_work_stays_here() -> None:
    assert client_of("f", None) is None
    with pytest.raises(QueryError, match=r"f: there is no current client for client=True; make one with"):
        client_of("f", True)
    with pytest.raises(QueryError, match=r"cluster\.check: there is no current client"):
        cluster.check()


@pytest.mark.parametrize("given", ["tcp://127.0.0.1:1", 3, object, [], {}])
def test_anything_else_is_refused(given: Any) -> None:
    with pytest.raises(QueryError, match=r"^f takes for client a distributed\.Client that is not asynchronous, True"):
        client_of("f", given)


def test_a_closed_client_is_refused(thread_cluster: distributed.LocalCluster) -> None:
    made = distributed.Client(thread_cluster, set_as_default=False)
    made.close()
    with pytest.raises(QueryError, match=r"f: the client is closed; make a new one"):
        client_of("f", made)


def test_a_cluster_without_workers_is_refused(thread_cluster: distributed.LocalCluster) -> None:
    with distributed.Client(thread_cluster, set_as_default=False) as made:
        made.nthreads = dict  # type: ignore[method-assign]
        with pytest.raises(QueryError, match=r"f: the cluster of the client has no workers; start some, for example w"):
            client_of("f", made)


def test_workers_tell_what_they_have(client: distributed.Client) -> None:
    found = cluster.check()
    assert found.colnames == ["worker", "host", "threads", "version", "python", "store"]
    assert len(found) == 2
    assert set(found["version"]) == {sunpy_helio_plugins.__version__}
    assert set(found["threads"]) == {2}
    assert cluster.check(client)["worker"].tolist() == found["worker"].tolist()


def test_a_worker_that_ends_while_it_is_asked_is_named(
    client: distributed.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = min(client.nthreads())
    run = client.run
    monkeypatch.setattr(client, "run", lambda *given, **options: run(*given, **options) | {first: OSError("closed")})
    found = cluster.check(client)
    assert found["version"].tolist() == ["", sunpy_helio_plugins.__version__]
    with pytest.raises(WorkerError, match=rf"^The worker {first} did not answer: closed\. Look at its log\."):
        check_workers("f", client, Need())


def test_workers_that_have_everything_pass(client: distributed.Client, tmp_path: Path) -> None:
    check_workers("f", client, Need(folder=tmp_path))
    assert list(tmp_path.iterdir()) == []


def told(monkeypatch: pytest.MonkeyPatch, **differing: Any) -> None:
    """Let one worker tell something else."""
    asked = workers._asked

    def changed(*given: Any) -> dict[str, dict[str, Any]]:
        found = asked(*given)
        last = max(found)
        return found | {last: found[last] | {"host": "node7"} | differing}

    monkeypatch.setattr(workers, "_asked", changed)


@pytest.mark.parametrize(
    ("differing", "sentence"),
    [
        ({"version": "0.0.1"}, r"on node7 has sunpy_helio_plugins 0\.0\.1, and f runs with .*: install the same v"),
        ({"error": "ImportError: no", "version": ""}, r"on node7 cannot import sunpy_helio_plugins: ImportError: no\."),
        ({"sees": False}, r"on node7 does not see the folder .*: give one on a file system that all workers share"),
    ],
    ids=["version", "package", "folder"],
)
def test_the_worker_that_lacks_something_is_named(
    client: distributed.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, differing: Any, sentence: str
) -> None:
    told(monkeypatch, **differing)
    with pytest.raises(WorkerError, match=rf"^The worker \w+://.* {sentence}"):
        check_workers("f", client, Need(folder=tmp_path))


def fails(number: int) -> int:
    if number == 2:
        raise FileError("the file is damaged")
    if number == 9:
        raise ZeroDivisionError
    return -number


def test_results_have_the_numbers_of_their_items(client: distributed.Client) -> None:
    found = dict(completed(client, Task(abs, 2), [-1, -2, -3]))
    assert found == {0: 1, 1: 2, 2: 3}


def test_many_items_are_submitted_in_windows(client: distributed.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    most = 0
    submit = client.submit

    def counted(*given: Any, **options: Any) -> Any:
        nonlocal most
        most = max(most, len(client.futures))
        return submit(*given, **options)

    monkeypatch.setattr(client, "submit", counted)
    assert len(dict(completed(client, Task(abs, 2), list(range(100))))) == 100
    assert most <= 20


def test_errors_of_this_package_are_results_and_others_are_raised(client: distributed.Client) -> None:
    found = dict(completed(client, Task(fails, 2), [1, 2, 3]))
    assert (found[0], str(found[1]), found[2]) == (-1, "the file is damaged", -3)
    with pytest.raises(ZeroDivisionError):
        dict(completed(client, Task(fails, 2), [1, 9, 3]))


def slow(number: int) -> int:
    time.sleep(0.1)
    return number


def test_a_cluster_that_is_closed_is_an_error() -> None:
    with (
        distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=False,
            host="127.0.0.1",
            protocol="tcp://",
            dashboard_address="127.0.0.1:0",
        ) as found,
        distributed.Client(found, set_as_default=False) as made,
    ):
        results = completed(made, Task(slow, 2), list(range(20)))
        assert next(results) == (0, 0)
        found.close()
        with pytest.raises(WorkerError, match="The cluster was closed while its workers had tasks; what they had"):
            list(results)


@pytest.mark.exhaustive
def test_a_process_without_the_package_is_named(processes: distributed.Client) -> None:
    def hide() -> None:
        import sys

        sys.modules["sunpy_helio_plugins"] = None  # type: ignore[assignment]

    def show() -> None:
        import sys

        sys.modules.pop("sunpy_helio_plugins")

    one = min(processes.nthreads())
    processes.run(hide, workers=[one])
    try:
        with pytest.raises(WorkerError, match=rf"^The worker {one} on \S+ cannot import sunpy_helio_plugins: "):
            check_workers("f", processes, Need())
        assert dict(zip(*(cluster.check(processes)[name] for name in ("worker", "version")), strict=True))[one] == ""
    finally:
        processes.run(show, workers=[one])
    check_workers("f", processes, Need())


@pytest.mark.exhaustive
def test_credentials_of_this_process_are_not_sent(processes: distributed.Client) -> None:
    login = Login("swe", "https://swe.example.org", "basic")
    check_workers("f", processes, Need([login]))
    with signed_in("swe", "user", "s3cret-canary"):
        with pytest.raises(WorkerError, match=r"has no credentials for 'swe', which are not sent with a task: set th"):
            check_workers("f", processes, Need([login]))
        assert not any(map(has_canary, processes.run(everything).values()))


def everything() -> str:
    from sunpy_helio_plugins.transport import credentials

    return repr(credentials._given)


def has_canary(text: str) -> bool:
    return "canary" in text


class Ended:
    """The future of a task that ended with an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def result(self) -> Any:
        raise self.error


@pytest.mark.parametrize("error", [CancelledError(), asyncio.CancelledError()])
def test_a_task_that_was_cancelled_is_told(error: Any) -> None:
    with pytest.raises(WorkerError, match="The cluster was closed while its workers had tasks"):
        tasks._result(Ended(error))  # type: ignore[arg-type]


def test_a_task_that_ends_its_workers_is_named() -> None:
    error = distributed.KilledWorker("task", SimpleNamespace(address="tcp://127.0.0.1:9"), 3)
    found = tasks._result(Ended(error))  # type: ignore[arg-type]
    assert isinstance(found, WorkerError)
    assert str(found).startswith("4 workers ended in one task, the last one is tcp://127.0.0.1:9: look at its log")


def test_a_package_that_a_later_worker_lacks_is_named() -> None:
    error = ModuleNotFoundError("No module named 'sunpy'", name="sunpy")
    with pytest.raises(WorkerError, match="A worker that joined the cluster cannot import sunpy: install"):
        tasks._result(Ended(error))  # type: ignore[arg-type]


def test_a_worker_tells_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = workers._probe()
    told = probe([], str(tmp_path))
    assert (told["version"], told["sees"], told["signed_in"]) == (sunpy_helio_plugins.__version__, True, "")
    assert not probe([], str(tmp_path / "absent"))["sees"]
    monkeypatch.setitem(sys.modules, "sunpy_helio_plugins._version", None)
    assert probe([], "")["error"].startswith("ModuleNotFoundError: ")


def test_a_worker_without_credentials_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"host": "h", "version": sunpy_helio_plugins.__version__, "signed_in": "", "sees": True}
    monkeypatch.setattr(workers, "_asked", lambda *_: {"tcp://a": told})
    login = SimpleNamespace(name="imap", known=lambda: True)
    with pytest.raises(WorkerError, match="has no credentials for 'imap', which are not sent with a task"):
        check_workers("f", None, Need([login]))  # type: ignore[arg-type, list-item]
