"""Test time stamps that are converted eight bytes at a time."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from sunpy_helio_plugins.quantities.iso8601 import _split_digits, split
from sunpy_helio_plugins.quantities.leap import DAY

STAMP = b"2015-01-01T12:34:56.123456789Z"

PLAIN = re.compile(r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?")

LENGTHS = [19, *range(21, 30)]


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("end", [b"", b"Z"])
def test_every_number_of_digits_is_exact(length: int, end: bytes) -> None:
    nanos = np.random.default_rng(length).integers(0, 3 * DAY, 5000)
    stamps = np.datetime_as_string(np.sort(nanos).view("M8[ns]")).astype(f"S{length}")
    days, found = split(np.char.add(stamps, end))
    assert _split_digits(stamps, length) is not None
    assert (days * DAY + found == stamps.astype("M8[ns]").astype(np.int64)).all()


@pytest.mark.parametrize("length", [19, 21, 23, 29])
def test_a_wrong_byte_anywhere_is_not_converted(length: int) -> None:
    plain = STAMP[:length]
    changed = [plain[:at] + bytes([byte]) + plain[at + 1 :] for at in range(length) for byte in range(256)]
    converted = {one: _split_digits(np.array([plain, one, *[plain] * 32], f"S{length}"), length) for one in changed}
    found = {one.decode("ascii"): (days[1], nanos[1]) for one, (days, nanos) in _given(converted)}
    assert len(found) > 9 * (length - 19)
    assert [one for one in found if not PLAIN.fullmatch(one)] == []
    assert found == {
        one: (np.datetime64(one[:10]).astype(int), np.datetime64(f"1970-01-01{one[10:]}", "ns").astype(int))
        for one in found
    }


def _given(converted: dict[bytes, Any]) -> list[tuple[bytes, Any]]:
    return [(one, found) for one, found in converted.items() if found is not None]
