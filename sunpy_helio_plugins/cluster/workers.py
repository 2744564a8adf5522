"""The client of a cluster, and whether its workers can run tasks of this package."""

from __future__ import annotations

import dataclasses
import sys
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astropy.table import QTable

from sunpy_helio_plugins.arguments import shown
from sunpy_helio_plugins.errors import QueryError, WorkerError, local
from sunpy_helio_plugins.transport.credentials import Login

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["check", "check_workers", "client_of"]


def client_of(function: str, client: Any) -> Client | None:
    """
    Return the client to use: that given, or the current one for `None`; `None` if the work stays in this process.

    Raise `QueryError` for something else, for a client that is closed, and for a cluster without workers.
    """
    distributed = sys.modules.get("distributed")
    current = None if distributed is None else _current(distributed)
    if client is False or (client is None and current is None):
        return None
    if client is True and current is None:
        raise QueryError(
            f"{function}: there is no current client for client=True; make one with distributed.Client(...)."
        )
    found = current if client is None or client is True else client
    if distributed is None or not isinstance(found, distributed.Client) or found.asynchronous:
        raise QueryError(
            f"{function} takes for client a distributed.Client that is not asynchronous, True or None for the current "
            f"one, or False for this process, not {shown(client)}."
        )
    _check_running(function, found)
    return found


def _check_running(function: str, client: Client) -> None:
    if client.status != "running":
        raise QueryError(f"{function}: the client is {client.status}; make a new one with distributed.Client(...).")
    if not client.nthreads():
        raise QueryError(
            f"{function}: the cluster of the client has no workers; start some, for example with cluster.scale(2)."
        )


def _current(distributed: Any) -> Client | None:
    """Return the current client of this process; not that of a worker, whose tasks must not wait for others."""
    try:
        found: Client = distributed.default_client()
    except ValueError:
        return None
    return None if found.asynchronous or found.status != "running" else found


def check(client: Any = None) -> QTable:
    """
    Return the workers of a dask cluster with what the tasks of this package need to know about them.

    Parameters
    ----------
    client : distributed.Client, optional
        The client of the cluster. Defaults to the current one.

    Returns
    -------
    astropy.table.QTable
        One row for each worker: ``worker`` is its address, ``host`` the name of the machine, ``threads`` the number of
        tasks at a time, ``version`` that of this package (empty if it cannot be imported), ``python`` that of Python,
        and ``store`` the folder with the metadata and records that it keeps, which the workers of one machine share.

    Raises
    ------
    QueryError
        If there is no client, or no worker.

    Notes
    -----
    Settings travel with a task, credentials and paths do not: each worker finds its own in environment variables, in
    the netrc file or in the keyring, as described in :doc:`/how_to/credentials`.

    Examples
    --------
    >>> from distributed import Client
    >>> from sunpy_helio_plugins import cluster
    >>> here = {"host": "127.0.0.1", "protocol": "tcp://", "dashboard_address": "127.0.0.1:0", "processes": False}
    >>> with Client(n_workers=1, threads_per_worker=2, **here) as client:
    ...     print(cluster.check(client)["threads"][0])
    2
    """
    found = client_of("cluster.check", True if client is None or client is False else client)
    assert found is not None  # noqa: S101 - for the type checker
    threads = found.nthreads()
    told = _asked(found, Need())
    rows = [
        (address, one["host"], int(threads[address]), one["version"], one["python"], one["store"])
        for address, one in sorted(told.items())
    ]
    return QTable(rows=rows, names=("worker", "host", "threads", "version", "python", "store"))


@dataclasses.dataclass(frozen=True)
class Need:
    """
    What tasks need on each worker.

    Attributes
    ----------
    logins : sequence of Login
        The archives that require credentials, without these.
    folder : pathlib.Path, optional
        The folder to which tasks write.
    """

    logins: Sequence[Login] = ()
    folder: Path | None = None


def check_workers(function: str, client: Client, need: Need) -> None:
    """Raise `WorkerError` if a worker has no package or another version, lacks credentials, or cannot see a folder."""
    from sunpy_helio_plugins._version import version

    # Without credentials here, the server is asked without them from there as well.
    need = dataclasses.replace(need, logins=[one for one in need.logins if one.known()])
    for address, told in sorted(_asked(client, need).items()):
        worker = f"The worker {address} on {told['host']}"
        if told.get("is_silent"):
            raise WorkerError(f"The worker {address} did not answer: {told['error']}. Look at its log.")
        if told.get("error"):
            raise WorkerError(f"{worker} cannot import sunpy_helio_plugins: {told['error']}. Install it there.")
        if told["version"] != version:
            raise WorkerError(
                f"{worker} has sunpy_helio_plugins {told['version']}, and {function} runs with {version}: install "
                "the same version there."
            )
        missing = [one.name for one in need.logins if one.name not in told["signed_in"].split(", ")]
        if missing:
            raise WorkerError(
                f"{worker} has no credentials for {missing[0]!r}, which are not sent with a task: set them there, in "
                "environment variables, in the netrc file or in the keyring."
            )
        if not told["sees"]:
            raise WorkerError(
                f"{worker} does not see the folder {need.folder}: give one on a file system that all workers share."
            )


def _asked(client: Client, need: Need) -> dict[str, dict[str, Any]]:
    """Return what each worker tells about itself, or the error of one that could not be asked."""
    logins = [dataclasses.asdict(one) for one in need.logins]
    mark = need.folder and need.folder / f".{uuid.uuid4().hex}"
    if mark is None:
        found = client.run(_probe(), logins, "", on_error="return", nanny=False)
    else:
        with local(mark.parent):
            mark.touch()
        try:
            found = client.run(_probe(), logins, str(mark), on_error="return", nanny=False)
        finally:
            with local(mark.parent):
                mark.unlink(missing_ok=True)
    return {address: told if isinstance(told, dict) else _silent(told) for address, told in found.items()}


def _silent(error: object) -> dict[str, Any]:
    """Return what is known of a worker that could not be asked, as one that ended meanwhile."""
    return {
        "host": "",
        "python": "",
        "version": "",
        "signed_in": "",
        "store": "",
        "error": str(error),
        "is_silent": True,
    }


def _probe() -> Any:
    """Return a function that is sent by value, since a worker may not have the package."""

    def probe(logins: Iterable[Mapping[str, Any]], mark: str) -> dict[str, Any]:
        import os
        import platform

        told: dict[str, Any] = {"host": platform.node(), "python": platform.python_version()}
        told["sees"] = not mark or os.path.exists(mark)
        try:
            from sunpy_helio_plugins._version import version
            from sunpy_helio_plugins.store.answers import folder
            from sunpy_helio_plugins.transport.credentials import Login
        except Exception as error:  # noqa: BLE001 - it is returned
            return told | {"error": f"{type(error).__name__}: {error}", "version": "", "signed_in": "", "store": ""}
        known = [one["name"] for one in logins if Login(**one).known()]
        return told | {"version": version, "signed_in": ", ".join(known), "store": str(folder())}

    return probe
