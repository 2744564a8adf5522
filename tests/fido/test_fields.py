"""Test what the tables of all archives share."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from sunpy_helio_plugins.fido.fields import trim_memory, uncollected


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    yield
    gc.enable()


def test_the_collector_is_on_again_after_the_last_of_several_threads() -> None:
    first, second = uncollected(), uncollected()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not gc.isenabled()
    second.__exit__(None, None, None)
    assert gc.isenabled()


def test_a_collector_that_is_off_stays_off() -> None:
    gc.disable()
    with uncollected(), uncollected():
        pass
    assert not gc.isenabled()


def test_the_collector_is_on_again_after_an_error() -> None:
    with pytest.raises(ValueError, match="odd"), uncollected():
        raise ValueError("odd")
    assert gc.isenabled()


def resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as status:
        return int(status.read().split()[1]) * 4096


@pytest.mark.skipif(sys.platform != "linux", reason="glibc has malloc_trim")
def test_memory_between_objects_is_returned() -> None:
    kept = [np.ones(1000) for _ in range(10_000)]
    del kept[:-1:2], kept[::3]
    before = resident()
    trim_memory()
    assert before - resident() > 20_000_000


def test_without_its_function_memory_is_not_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "CDLL", None)
    trim_memory()
