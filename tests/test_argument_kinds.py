"""Test the kinds of arguments: what each converts, what it refuses, and the sentence of a refusal."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table
from astropy.time import Time
from sunpy.coordinates import Helioprojective
from sunpy.net import attrs as a

import sunpy_helio_plugins  # noqa: F401 - registers the attrs
from sunpy_helio_plugins import arguments
from sunpy_helio_plugins.arguments import Kind
from sunpy_helio_plugins.errors import FileError, QueryError

PLAIN_TABLE = Table({"x": [1]})
PLACE = SkyCoord(0 * u.deg, 0 * u.deg)


class SearchResult(Table):
    """A table with a query, as searches return them."""

    query_attrs = ()


KINDS: dict[str, tuple[Kind, list[Any], list[Any]]] = {
    "text": (arguments.TEXT, ["x", "a b"], ["", " ", "a\0b", 1, None, b"x"]),
    "text or empty": (arguments.ANY_TEXT, ["", " "], [None, 1, b"x"]),
    "texts": (arguments.TEXTS, [], ["", {"x": 1}, PLAIN_TABLE, [1], ["x", " "], 5, None]),
    "flag": (arguments.FLAG, [], [2, "yes", None, 0.5, np.array([1, 0])]),
    "class": (arguments.instance("a date", timedelta), [timedelta(1)], [1, timedelta, None]),
    "word": (arguments.one_of("new", "old"), ["new", "old"], ["", "New", None, 1, ["new"]]),
    "integer": (arguments.integer(1, 3), [], [0, 4, 1.5, "1", True, np.True_, None, float("nan"), float("inf")]),
    "number": (arguments.number(0, 1), [0, 0.5, 1], [-0.1, 1.1, float("nan"), float("inf"), True, "1", None, 1j]),
    "array": (
        arguments.ARRAY, [[1, 2], (1.5,), 3, [True]],
        ["12", b"12", {"x": 1}, int, {1}, None, PLAIN_TABLE, ["x"], [1j], [None], np.array(["2026"], "M8[D]")],
    ),
    "stamps": (
        arguments.STAMPS, ["2026-01-10", ["2026", "2027"], [b"2026"], [], np.array(["2026"], dtype=object)],
        [{"x": "2026"}, str, {"2026"}, None, PLAIN_TABLE, [1, 2], 5.0, np.array(["2026", 1], dtype=object)],
    ),
    "integers": (arguments.INTEGERS, [[1, 2], 3, [], np.uint8(1)], [[1.0], [True], "12", None, ["x"], {1}]),
    "plain array": (arguments.PLAIN_ARRAY, [], [[1], 1, np.float64(1), [1] * u.m, None, PLAIN_TABLE]),
    "dict": (arguments.MAPPING, [{}, {"x": 1}], [None, [("x", 1)], "x", PLAIN_TABLE]),
    "table": (arguments.TABLE, [], [None, {"x": [1]}, PLAIN_TABLE[0], np.zeros(1, [("x", int)]), QTable]),
    "attr": (arguments.ATTR, [], [None, "x", 1, a.Instrument, PLAIN_TABLE]),
    "attrs": (arguments.ATTRS, [], [None, a.Instrument("mag"), ["x"], [a.Instrument], 1]),
    "records": (arguments.RECORDS, [], [None, PLAIN_TABLE[0], SearchResult({"x": [1]})]),
    "times": (arguments.TIMES, [], [None, "2026-01-10", 2026.0, np.datetime64("2026-01-10")]),
    "place": (arguments.PLACE, [], [None, "earth", (0, 0)]),
    "observer": (arguments.OBSERVER, [], ["vulcan", "", None, 1]),
    "frame": (arguments.FRAME, [], [None, "hpc", PLAIN_TABLE, 1]),
    "instant": (arguments.INSTANT, [], [None, "x", Time(["2026-01-10", "2026-01-11"]), ["2026-01-10"]]),
    "duration": (arguments.DURATION, [], [60, "60 s", 5 * u.m, [1, 2] * u.s, np.inf * u.s, np.nan * u.s, None]),
}  # fmt: skip
"""Kinds, with values that each returns unchanged, and values that it refuses."""

REFUSED = [(name, one) for name, (_, _, bad) in KINDS.items() for one in bad]
KEPT = [(name, one) for name, (_, good, _) in KINDS.items() for one in good]


@pytest.mark.parametrize(("name", "given"), REFUSED, ids=lambda one: one if isinstance(one, str) else None)
def test_values_that_a_kind_does_not_allow_are_refused_in_one_sentence(name: str, given: Any) -> None:
    kind = KINDS[name][0]
    with pytest.raises(QueryError) as raised:
        kind.check("f", "x", given)
    assert str(raised.value) == f"f takes {kind.allowed} as x, not {arguments.shown(given)}."


@pytest.mark.parametrize(("name", "given"), KEPT, ids=lambda one: one if isinstance(one, str) else None)
def test_values_that_a_kind_allows_are_kept(name: str, given: Any) -> None:
    assert KINDS[name][0].check("f", "x", given) is given


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        (arguments.TEXTS, "x", ("x",)),
        (arguments.TEXTS, np.array(["x", "y"]), ("x", "y")),
        (arguments.TEXTS, [], ()),
        (arguments.FLAG, 0, False),
        (arguments.FLAG, np.True_, True),
        (arguments.FLAG, 1.0, True),
        (arguments.integer(1, 3), np.float64(3), 3),
        (arguments.optional(arguments.TEXT), None, None),
        (arguments.ATTRS, [a.Instrument("mag")], (a.Instrument("mag"),)),
        (arguments.OBSERVER, " Mars", " Mars"),
        (arguments.DURATION, timedelta(minutes=1), 60 * u.s),
        (arguments.DURATION, 1 * u.min, 60 * u.s),
        (arguments.INSTANT, "2026-01-10", Time("2026-01-10")),
    ],
)
def test_values_are_converted(kind: Kind, given: Any, expected: Any) -> None:
    made = kind.check("f", "x", given)
    assert type(made) is type(expected)
    assert made == expected


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (arguments.PLAIN_ARRAY, np.arange(3)),
        (arguments.PLAIN_ARRAY, np.ma.array([1, 2], mask=[True, False])),
        (arguments.VALUES, np.array(["x"])),
        (arguments.TABLE, PLAIN_TABLE),
        (arguments.RECORDS, PLAIN_TABLE),
        (arguments.TIMES, Time(["2026-01-10"])),
        (arguments.PLACE, PLACE),
        (arguments.OBSERVER, PLACE),
        (arguments.FRAME, Helioprojective(observer="earth", obstime="2026-01-10")),
    ],
    ids=lambda one: one.allowed if isinstance(one, Kind) else type(one).__name__,
)
def test_objects_are_kept(kind: Kind, given: Any) -> None:
    assert kind.check("f", "x", given) is given


@pytest.mark.parametrize(
    ("given", "expected"),
    [(None, None), ([True, False], [True, False]), (np.array(True), True), (np.array([[True]]), [[True]])],
)
def test_masks_become_arrays(given: Any, expected: Any) -> None:
    made = arguments.MASK.check("f", "mask", given)
    assert (made if made is None else made.tolist()) == expected


@pytest.mark.parametrize("given", ["x", b"x", {"x": True}, [1, 0], [0.0], 1, [None]])
def test_masks_of_other_values_than_true_and_false_are_refused(given: Any) -> None:
    with pytest.raises(QueryError, match=r"^f takes an array of True and False, or None, as mask, not "):
        arguments.MASK.check("f", "mask", given)


def test_values_that_may_be_repeated_are_checked_one_by_one() -> None:
    assert arguments.TEXT.check_each("f", "x", iter(["a", "b"])) == ["a", "b"]
    with pytest.raises(QueryError, match=r"^f takes a text as x, not 1 \(int\)\.$"):
        arguments.TEXT.check_each("f", "x", ["a", 1])


def test_similar_names_come_before_the_list_of_names() -> None:
    text = arguments.choice("magnetometer", ["mag", "swe", "magnetometers"], "instruments")
    assert text == " Did you mean magnetometers? The instruments are mag, swe, magnetometers."
    names = [f"instrument_{number:04}" for number in range(50)]
    assert arguments.choice("zzz", names).endswith("instrument_0010, instrument_0011 and 38 more.")
    assert "Did you mean" not in arguments.choice("zzz", names)


def test_an_error_of_the_object_itself_is_a_refusal() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError("no representation")

    with pytest.raises(QueryError, match=r"^f takes an array of numbers or texts as x, not a Odd\.$"):
        arguments.VALUES.check("f", "x", Odd())


@arguments.taking("f", values=arguments.ARRAY, mask=arguments.MASK)
def masked_sum(values: Any, mask: Any = None) -> float:
    return float(np.ma.MaskedArray(values, mask).sum())


def test_a_mask_of_the_shape_of_the_values_is_taken() -> None:
    assert masked_sum([1, 2, 4], [False, True, False]) == 5
    assert masked_sum(np.array([[1, 2], [4, 8]]), mask=np.array([[True, False], [False, False]])) == 14


@pytest.mark.parametrize(
    ("values", "mask", "words"),
    [
        ([1, 2, 3], [True], r"a mask of the shape \(3,\) of the values, not \(1,\)"),
        ([1, 2], [[True, False]], r"a mask of the shape of the values, not array\(\[\[ True, False\]\]\) "),
        (5, [True], r"a mask of the shape of the values, not "),
    ],
)
def test_a_mask_of_another_shape_is_refused(values: Any, mask: Any, words: str) -> None:
    with pytest.raises(QueryError, match=f"^f takes {words}"):
        masked_sum(values, mask)


def test_a_keyword_of_events_that_is_not_compared_explains_itself() -> None:
    with pytest.raises(QueryError, match=r"^a\.her\.frm_name is not a condition; compare it: "):
        arguments.ATTR.check("f", "x", a.her.frm_name)


def test_a_keyword_that_a_function_does_not_have_is_refused_with_those_it_has() -> None:
    @arguments.taking("f", layers=arguments.TEXT)
    def many(*layers: Any, colour: str = "x") -> str:
        return f"{colour} of {', '.join(layers)}"

    with pytest.raises(QueryError) as raised:
        masked_sum([1], masks=None)  # type: ignore[call-arg]
    assert str(raised.value) == "f does not take the keyword 'masks'; it takes values, mask. Did you mean mask?"
    assert many("x", colour="red") == "red of x"
    with pytest.raises(QueryError) as raised:
        many("x", color="red")  # type: ignore[call-arg]
    assert "it takes colour, *layers without a keyword. Did you mean colour?" in str(raised.value)


def test_more_arguments_than_a_function_has_places_are_refused_without_their_values() -> None:
    @arguments.taking("f", x=arguments.TEXT)
    def f(x: str, y: int = 1, *, z: int = 2) -> None:
        """Take two places and a keyword."""

    @arguments.taking("g")
    def g() -> None:
        """Take nothing."""

    class Holder:
        @arguments.taking("Holder.h")
        def h(self, x: int) -> None:
            """Take one place."""

    with pytest.raises(QueryError, match=r"^f takes at most 2 arguments by position \(x, y\), not 3; by keyword z\.$"):
        f("a", 1, "password")  # type: ignore[call-arg]
    with pytest.raises(QueryError, match=r"^g takes no arguments, not 1\.$"):
        g(5)  # type: ignore[call-arg]
    with pytest.raises(QueryError, match=r"^Holder.h takes at most 1 arguments by position \(x\), not 2\.$"):
        Holder().h(1, 2)  # type: ignore[call-arg]


def test_kinds_of_arguments_that_a_function_does_not_have_are_an_error_of_the_programmer() -> None:
    with pytest.raises(TypeError, match=r"^f does not have the arguments colour, size\.$"):
        arguments.taking("f", size=arguments.TEXT, colour=arguments.TEXT)(lambda x: x)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, "None"),
        (int, "the class int"),
        (PLAIN_TABLE, "a Table with the columns x"),
        (PLAIN_TABLE[0], "a row with the columns x"),
        (Table(), "a Table with the columns (none)"),
        ("https://example.org/x?key=secret", "'https://example.org/x?..."),
        (["https://example.org/x?key=secret"], "['https://example.org/x?... (list)"),
        (f"https://example.org/{'x' * 60}?key=secret", f"'https://example.org/{'x' * 39}..."),
        ("is it x=1?", "'is it x=1?'"),
        ("a\x1b[31m", "'a\\x1b[31m'"),
        (5, "5 (int)"),
        (Time(["2026-01-10", "2026-01-11"]), "a Time of shape (2,)"),
        ("x" * 100, f"'{'x' * 59}..."),
    ],
)  # fmt: skip
def test_values_are_described_without_their_secrets_and_control_characters(given: Any, expected: str) -> None:
    assert arguments.shown(given) == expected


def test_a_table_whose_first_column_is_a_time_is_a_table_of_records() -> None:
    table = QTable({"time": Time(["2026-01-10"]), "x": [1]})
    assert arguments.records("f", table) is table


@pytest.mark.parametrize("table", [None, Table(), PLAIN_TABLE, [1], {"x": 1}])
def test_a_table_whose_first_column_is_not_a_time_is_not_a_table_of_records(table: Any) -> None:
    with pytest.raises(QueryError, match=r"^f takes a table of records, whose first column is an astropy\.time\.Time"):
        arguments.records("f", table)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (3, "takes one path: a str, a pathlib.Path, or a file: URL, not 3 (int)"),
        (b"x", "takes one path"),
        (["x"], "takes one path"),
        (Path("."), "takes the path of a file and not of a folder"),
        (" ", "takes the path of a file, not"),
        ("a\0b", "takes the path of a file, not"),
        ("file://example.org/x", "takes the path of a file on this machine, not"),
        ("https://example.org/x?key=1", "reads files on this machine; download https://example.org/x first"),
    ],
)
def test_what_is_not_one_path_is_refused(given: Any, words: str) -> None:
    with pytest.raises(QueryError) as raised:
        arguments.one_path("f", given)
    assert str(raised.value).startswith(f"f {words}")


def test_a_path_may_be_that_of_a_folder_where_folders_are_allowed(tmp_path: Path) -> None:
    assert arguments.one_path("f", str(tmp_path), folder=True) == tmp_path
    assert arguments.one_path("f", f"file://localhost{tmp_path}/a%20b") == tmp_path / "a b"


@pytest.mark.parametrize("given", [None, 5, b"x", bytearray(b"x"), {"x": 1}, PLAIN_TABLE, [3], [["x"], 4], np.array(1)])
def test_what_are_not_paths_is_refused(given: Any) -> None:
    allowed = "paths: a str, a pathlib.Path, a file: URL, a folder, or a list of these, not "
    with pytest.raises(QueryError) as raised:
        arguments.paths("f", given)
    assert str(raised.value).startswith(f"f takes {allowed}")


def test_folders_are_replaced_by_their_files_with_one_of_the_endings(tmp_path: Path) -> None:
    for name in ("b.CDF", "a.cdf", "c.txt"):
        (tmp_path / name).touch()
    (tmp_path / "d.cdf").mkdir()
    assert arguments.paths("f", [tmp_path, [tmp_path / "c.txt"]], [".cdf"]) == [
        tmp_path / "a.cdf",
        tmp_path / "b.CDF",
        tmp_path / "c.txt",
    ]
    with pytest.raises(FileError, match=r"does not contain files that end with \.fits or \.fts\.$"):
        arguments.paths("f", tmp_path, [".fits", ".fts"])
    with pytest.raises(QueryError, match=r"^f takes the path of a file and not of a folder, not "):
        arguments.paths("f", tmp_path)
    with pytest.raises(QueryError, match=r"^f takes at least one path; none was given\.$"):
        arguments.paths("f", [])
