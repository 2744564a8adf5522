"""Test the conversion of metadata to JSON and back: the same values, and a description of what JSON cannot hold."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import Angle, EarthLocation
from astropy.time import Time, TimeDelta
from astropy.utils.masked import Masked

from sunpy_helio_plugins.io import values
from sunpy_helio_plugins.io.arrow.arrays import strings

OBJECTS = np.array([["a", None], [1, 2.5]], dtype=object)
PARTIAL = Time(["2026-01-10", "2026-01-11"])
PARTIAL[1] = np.ma.masked

KEPT: dict[str, Any] = {
    "objects": OBJECTS,
    "numbers": np.array([[1, 2], [3, 4]], dtype="<i2"),
    "big endian": np.array([1.5, np.nan], dtype=">f4"),
    "half": np.array([1.5], dtype=np.float16),
    "complex": np.array([1 + 2j, 3]),
    "dates": np.array(["2026-01-10", "NaT"], dtype="M8[ms]"),
    "durations": np.array([5], dtype="m8[s]"),
    "bytes": np.array([b"a", b"\xff"]),
    "texts": np.array(["\u00e5", ""]),
    "empty": np.empty((0, 3), dtype=object),
    "masked": np.ma.array([1, 2, 3], mask=[True, False, True]),
    "masked bytes": np.ma.array([b"a", b"b"], mask=[True, False]),
    "scalar": np.float32(0.1),
    "moment": np.datetime64("2026-01-10"),
    "quantity": [1, 2] * u.km,
    "angle": Angle(5, "deg"),
    "masked quantity": Masked([1.5, 2.5] * u.nT, mask=[True, False]),
    "time": Time("2016-12-31T23:59:60.123456789", precision=9),
    "masked time": PARTIAL,
    "duration": TimeDelta([1.5, 2], format="sec"),
    "unit": u.nT / u.s,
    "tuple": (1, ("x", None)),
    "mapping": {1: "one", "#": "array"},
    "set": {1, 2},
    "datetime": datetime(2026, 1, 10, 12),
    "date": date(2026, 1, 10),
    "timedelta": timedelta(days=1, microseconds=5),
    "raw": b"\x00\xff",
}


def same(one: Any, other: Any) -> bool:
    """Return whether two values have the same class, type and mask, and are equal."""
    if isinstance(one, Time | TimeDelta):
        told = [(type(x), x.shape, x.scale, x.format, x.precision, np.asarray(x.mask).tolist()) for x in (one, other)]
        days = [[np.where(x.mask, 0, np.asarray(part)).tolist() for part in (x.jd1, x.jd2)] for x in (one, other)]
        return told[0] == told[1] and days[0] == days[1]
    if isinstance(one, tuple):
        return one == other
    masks = [np.asarray(getattr(side, "mask", False)) for side in (one, other)]
    known = ~masks[0] if masks[0].shape else ...
    sides = [np.asarray(np.ma.getdata(getattr(side, "unmasked", side))) for side in (one, other)]
    return (
        type(one) is type(other)
        and getattr(one, "dtype", None) == getattr(other, "dtype", None)
        and getattr(one, "unit", None) == getattr(other, "unit", None)
        and np.array_equal(masks[0], masks[1])
        and str(sides[0][known].tolist()) == str(sides[1][known].tolist())
    )


@pytest.mark.parametrize("name", KEPT)
def test_values_come_back_as_they_were(name: str) -> None:
    text = json.dumps(values.encoded(KEPT[name]), allow_nan=True)
    assert same(values.decoded(json.loads(text)), KEPT[name])


PLACE = EarthLocation.from_geodetic(1 * u.deg, 2 * u.deg)


class Counts(u.Quantity):
    """A class of quantities that another process does not know."""


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.zeros(1, [("a", int)]), r"an array of the type \[\('a', '<i8'\)\]"),
        (np.zeros(1, np.longdouble), r"an array of the type float\d+"),
        ([np.longdouble(1)], r"an array of the type float\d+"),
        (u.mag(u.ct / u.s), "of the type MagUnit"),
        (Counts(1, "m"), "of the type Counts"),
        (u.def_unit("parrot"), "the unit 'parrot', which astropy cannot read back"),
        (5 * u.def_unit("a b/"), "the unit 'a b/', which astropy cannot read back"),
        (Time("2026-01-10", location=PLACE), "a time with a location"),
        ({"x": [object()]}, "of the type object"),
        (np.array([object()]), "of the type object"),
    ],
)
def test_what_json_cannot_hold_is_described(given: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        values.encoded(given)


@pytest.mark.parametrize(
    "node",
    [
        {"#": "array", "dtype": "O8", "shape": [1], "data": []},
        {"#": "array", "dtype": "|V8", "shape": [1], "base64": "AAAAAAAAAAA="},
        {"#": "array", "dtype": 5, "shape": [1], "data": [1]},
        {"#": "array", "dtype": "O", "shape": [3], "data": [1]},
        {"#": "call", "name": "os.system"},
        {"#": ["array"]},
    ],
)
def test_nodes_of_other_kinds_are_refused(node: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        values.decoded(node)


def test_bytes_are_written_as_texts_of_arrow():
    assert strings(np.array([b"a", "é".encode()]), None).to_pylist() == ["a", "é"]
    with pytest.raises(UnicodeError):
        strings(np.array([b"\xff"]), None)


def test_a_unit_that_is_enabled_later_is_known() -> None:
    unit = u.def_unit("helioplugin", 3 * u.m)
    assert isinstance(values.unit_of("helioplugin"), u.UnrecognizedUnit)
    with u.add_enabled_units([unit]):
        assert values.unit_of("helioplugin") == 3 * u.m
    assert isinstance(values.unit_of("helioplugin"), u.UnrecognizedUnit)
