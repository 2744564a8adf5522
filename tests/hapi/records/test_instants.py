"""Test times that are parsed after those of several blocks were added."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi import Parameter, read
from sunpy_helio_plugins.hapi.records.buffers import ColumnBuffers, Instants
from sunpy_helio_plugins.quantities.spans import ordinals

STAMPS = np.array([f"2026-01-10T00:00:{second:02}Z" for second in range(60)], "S20")


def seconds(found: Instants, rows: int) -> list[int]:
    time = found.finish(rows)
    return np.rint(((time.jd1 - 2461050.5) + time.jd2) * 86400).astype(int).tolist()


def test_blocks_of_any_width_are_parsed_in_order() -> None:
    found = Instants(60)
    found.add(0, STAMPS[:20])
    found.add(20, np.char.replace(STAMPS[20:40], b"Z", b".000Z"))
    found.add(40, STAMPS[40:].astype(str))
    assert seconds(found, 60) == list(range(60))


@pytest.mark.parametrize("kept", [0, 20, 25, 40])
def test_rows_that_are_cut_are_replaced(kept: int) -> None:
    found = Instants(60)
    found.add(0, STAMPS[:20])
    found.add(20, np.array([b"not a time"] * 20) if kept <= 20 else STAMPS[20:40])
    found.cut(kept)
    found.add(kept, STAMPS[kept:50])
    assert seconds(found, 50) == list(range(50))


def test_rows_that_were_parsed_may_be_cut() -> None:
    found = Instants(60)
    found.add(0, STAMPS[:20])
    found.flush()
    found.cut(10)
    found.add(10, STAMPS[10:30])
    assert seconds(found, 30) == list(range(30))


def test_more_room_keeps_times_that_are_not_parsed_yet() -> None:
    found = Instants(20)
    found.add(0, STAMPS[:20])
    found.resize(20, 40)
    found.add(20, STAMPS[20:40])
    assert seconds(found, 40) == list(range(40))


def test_an_invalid_time_in_the_last_block_is_an_error_of_the_file() -> None:
    head = b'#{"HAPI":"3.0","format":"csv","parameters":[{"name":"Time","type":"isotime","length":20}]}\n'
    with pytest.raises(FileError, match=r"does not begin with a valid time: .*2026-13-10"):
        read(head + b"2026-01-10T00:00:00Z\n2026-13-10T00:00:00Z\n")


def test_ordinals_and_time_stamps_are_joined() -> None:
    stamps = np.array([f"2026-01-10T00:00:0{second}.000Z" for second in range(6)], "S24")
    parameters = [Parameter({"name": "Time", "type": "isotime", "length": 24})]
    made = ColumnBuffers(parameters, 6, has_instants=True)
    for part in (ordinals(stamps[:2]), stamps[2:4], stamps[4:5], ordinals(stamps[5:])):
        made.add([part])
    (times,) = made.finish()
    assert times.isot.tolist() == [f"2026-01-10T00:00:0{second}.000000000" for second in range(6)]


def test_a_block_without_records_adds_nothing() -> None:
    made = ColumnBuffers([Parameter({"name": "Time", "type": "isotime", "length": 24})], 1)
    made.add_batch(pa.record_batch({"0": pa.array([], pa.binary())}))
    made.add([np.empty(0, "S24")])
    assert made.rows == 0
