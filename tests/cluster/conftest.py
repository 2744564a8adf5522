"""A cluster whose workers are threads of this process, and one of processes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import dask
import distributed
import pytest

OPTIONS: dict[str, Any] = {
    "host": "127.0.0.1", "protocol": "tcp://", "dashboard_address": "127.0.0.1:0", "silence_logs": logging.ERROR,
}  # fmt: skip


@pytest.fixture(scope="module")
def thread_cluster() -> Iterator[distributed.LocalCluster]:
    """Run two workers with two threads each in this process."""
    with distributed.LocalCluster(n_workers=2, threads_per_worker=2, processes=False, **OPTIONS) as found:
        yield found


@pytest.fixture
def client(thread_cluster: distributed.LocalCluster) -> Iterator[distributed.Client]:
    """Return the current client."""
    with distributed.Client(thread_cluster, set_as_default=True) as found:
        yield found


@pytest.fixture(scope="module")
def processes() -> Iterator[distributed.Client]:
    """Return a client of two workers in processes of their own, which is not the current one."""
    with (
        dask.config.set({"distributed.scheduler.locks.lease-timeout": "5s"}),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, **OPTIONS) as found,
        distributed.Client(found, set_as_default=False) as made,
    ):
        yield made
