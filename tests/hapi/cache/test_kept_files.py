"""Test files of `Fido.fetch` that are made of kept records: the same records as from the server, without a request."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import conf, hapi
from sunpy_helio_plugins.hapi import Info
from sunpy_helio_plugins.hapi.cache import files
from sunpy_helio_plugins.hapi.cache.files import file_of
from sunpy_helio_plugins.hapi.cache.holdings import Holdings
from sunpy_helio_plugins.hapi.cache.segments import DecodedDocument
from sunpy_helio_plugins.hapi.records import fetch
from sunpy_helio_plugins.quantities.days import split_time
from sunpy_helio_plugins.quantities.leap import DAY
from sunpy_helio_plugins.quantities.spans import DAY_OF_ORDINALS, moment
from sunpy_helio_plugins.store.intervals import Range

sys.path.insert(0, str(Path(__file__).parent))
from minutes import COUNT, asked, assert_equal, at, dataset, load
from strict import Server, serve


@pytest.fixture
def server() -> Iterator[Server]:
    with conf.hapi.set_temp("cache", True), serve({"D": dataset()}) as made:
        with conf.hapi.set_temp("servers", [f"mine={made.url}"]):
            yield made


def found(first: float, last: float, *more: Any) -> Any:
    return Fido.search(a.Time(at(first), at(last)), a.hapi.Server("mine"), a.hapi.Dataset("D"), *more)


def fetched(rows: Any, folder: Path, **options: Any) -> Path:
    (path,) = Fido.fetch(rows, path=str(folder), progress=False, **options)
    return Path(path)


@pytest.mark.parametrize("form", ["csv", "binary", "json"])
def test_the_file_has_the_records_of_that_of_the_server(server, tmp_path, form):
    load(server, 0, 200)
    asked(server)
    rows = found(10, 150, a.hapi.Format(form))
    mine = fetched(rows, tmp_path / "kept")
    assert asked(server) == []
    with conf.hapi.set_temp("cache", False):
        theirs = fetched(rows, tmp_path / "sent")
    assert len(asked(server)) == 1
    assert_equal(hapi.read(mine), hapi.read(theirs))
    heads = [hapi.read(path).meta["hapi"] for path in (mine, theirs)]
    assert heads[0] == heads[1]
    assert mine.name == theirs.name


def test_the_header_tells_when_the_records_were_requested(server, tmp_path):
    load(server, 0, 200)
    mine = fetched(found(10, 150), tmp_path)
    head = json.loads(mine.read_bytes().partition(b"\n")[0][1:])
    assert moment(head["x_complete_until"]) == moment(at(150)).later(1)
    assert fetch.is_complete(mine, moment(at(150)))
    asked(server)
    before = mine.stat().st_mtime_ns
    assert fetched(found(10, 150), tmp_path, overwrite=False) == mine
    assert mine.stat().st_mtime_ns == before


def test_records_of_several_loads_are_joined(server, tmp_path):
    load(server, 0, 100, "x")
    load(server, 50, 160, "x", "n")
    load(server, 0, 60, "n", "s")
    asked(server)
    table = hapi.read(fetched(found(0, 150, a.hapi.Parameters("x", "n")), tmp_path))
    assert asked(server) == []
    with conf.hapi.set_temp("cache", False):
        assert_equal(table, hapi.read(fetched(found(0, 150, a.hapi.Parameters("x", "n")), tmp_path / "sent")))


def test_a_file_of_which_a_part_is_not_kept_is_requested_as_a_whole(server, tmp_path):
    load(server, 0, 100)
    asked(server)
    assert len(hapi.read(fetched(found(0, 120), tmp_path))) == 121
    assert len(asked(server)) == 1


def test_existing_files_are_replaced_by_those_of_the_server(server, tmp_path):
    load(server, 0, 100)
    asked(server)
    server.datasets["D"].values["n"][5] = 777
    assert hapi.read(fetched(found(0, 90), tmp_path))["n"][5] != 777
    assert asked(server) == []
    assert hapi.read(fetched(found(0, 90), tmp_path, overwrite=True))["n"][5] == 777
    assert len(asked(server)) == 1


def test_records_that_are_not_believed_are_requested(server, tmp_path):
    with conf.hapi.set_temp("grace_days", 36500):
        load(server, 0, 100)
        asked(server)
        fetched(found(0, 90), tmp_path)
    assert len(asked(server)) == 1


def test_offline_a_kept_file_is_written(server, tmp_path):
    load(server, 0, 100)
    rows = found(0, 90)
    with conf.set_temp("offline", True):
        assert len(hapi.read(fetched(rows, tmp_path))) == 91


def test_a_range_that_is_known_to_be_empty_is_not_requested(server, tmp_path):
    data = server.datasets["D"]
    kept = [index for index in range(COUNT) if not 50 <= index < 80]
    data.times = [data.times[index] for index in kept]
    data.values = {name: [values[index] for index in kept] for name, values in data.values.items()}
    load(server, 0, 120)
    asked(server)
    with pytest.warns(Warning, match=r"there are no records .*HAPI 1201"):
        assert Fido.fetch(found(55, 70), path=str(tmp_path), progress=False).errors
    assert asked(server) == []
    assert list(tmp_path.iterdir()) == []


def test_records_that_cannot_be_written_exactly_are_requested(server, tmp_path, monkeypatch):
    load(server, 0, 100)
    asked(server)
    monkeypatch.setattr(fetch, "file_of", lambda *_: None)
    assert len(hapi.read(fetched(found(0, 90), tmp_path))) == 91
    assert len(asked(server)) == 1


def test_a_file_that_was_made_of_kept_records_is_not_kept_as_a_new_one(server, tmp_path):
    load(server, 0, 100)
    requested = hapi.cache.info()["Requested"]
    fetched(found(0, 90), tmp_path)
    assert (hapi.cache.info()["Requested"] == requested).all()


PARAMETERS = [
    {"name": "t", "type": "isotime", "length": 24, "units": "UTC", "fill": None},
    {"name": "x", "type": "double", "size": [2], "units": None, "fill": None},
    {"name": "n", "type": "integer", "units": None, "fill": "-1"},
    {"name": "s", "type": "string", "length": 12, "units": None, "fill": None},
]
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), max_size=4)
NANOS = st.sampled_from([0, 1, 10**6, 123456789, DAY - 1, DAY, DAY + 999_000_000])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-100_000, 100_000), NANOS), min_size=1, max_size=4, unique=True),
    st.data(),
    st.sampled_from(["csv", "binary", "json"]),
)
def test_every_value_is_read_again_from_the_file_or_the_file_is_not_made(times, data, form):
    # Only 2016-12-31 and a few other days have a leap second.
    rows = [(17166 if nano >= DAY else day, nano) for day, nano in times]
    ordinals = np.unique([day * DAY_OF_ORDINALS + nano for day, nano in rows])
    count = len(ordinals)
    numbers = data.draw(hnp.arrays(np.float64, (count, 2)))
    integers = data.draw(hnp.arrays(np.int64, count))
    mask = data.draw(hnp.arrays(bool, count))
    texts = data.draw(st.lists(TEXT, min_size=count, max_size=count))
    columns = [ordinals, numbers, np.ma.MaskedArray(integers, mask) if mask.any() else integers, np.array(texts, "U4")]
    info = Info({"HAPI": "3.0", "status": {"code": 1200, "message": "OK"}, "parameters": PARAMETERS})
    content = file_of(DecodedDocument(info, "csv", b"", 0, parts=[columns]), info, form)
    if content is None:
        return
    table = hapi.read(content)
    days, nanos = split_time(table["t"])
    assert (days * DAY_OF_ORDINALS + nanos).tolist() == ordinals.tolist()
    read = np.asarray(getattr(table["x"], "unmasked", table["x"]))
    assert read[~np.isnan(numbers)].tobytes() == numbers[~np.isnan(numbers)].tobytes()
    assert np.ma.getdata(table["n"])[~mask].tolist() == integers[~mask].tolist()
    assert np.ma.getdata(table["s"]).tolist() == texts


def test_usual_values_are_written_in_each_format():
    """The test above would hold if no file were made at all."""
    columns = [
        np.arange(3) * DAY_OF_ORDINALS, np.arange(6.0).reshape(3, 2) / 7, np.arange(3), np.array(["a", 'b",', "ä"])
    ]  # fmt: skip
    info = Info({"HAPI": "3.0", "status": {"code": 1200, "message": "OK"}, "parameters": PARAMETERS})
    for form in ("csv", "binary", "json"):
        content = file_of(DecodedDocument(info, "csv", b"", 0, parts=[columns]), info, form)
        head = json.loads(content if form == "json" else content.partition(b"\n")[0][1:])
        assert head["format"] == form
        assert head["parameters"] == PARAMETERS


@pytest.mark.parametrize("doubts", [{}, {"lost": [Range(0, 1)]}, {"disputed": [Range(0, 1)]}])
def test_a_file_is_made_of_records_that_are_here_and_match(server, tmp_path, monkeypatch, doubts):
    load(server, 0, 200)
    asked(server)
    assembly = Holdings._assembly
    monkeypatch.setattr(Holdings, "_assembly", lambda self: replace(assembly(self), **doubts))
    fetched(found(10, 150), tmp_path)
    assert len(asked(server)) == (1 if doubts else 0)


def test_text_that_utf8_cannot_represent_is_no_file():
    """JSON may contain half of a pair of surrogates."""
    columns = [np.arange(1) * DAY_OF_ORDINALS, np.zeros((1, 2)), np.arange(1), np.array(["\ud800"])]
    info = Info({"HAPI": "3.0", "status": {"code": 1200, "message": "OK"}, "parameters": PARAMETERS})
    document = DecodedDocument(info, "csv", b"", 0, parts=[columns])
    assert [file_of(document, info, form) for form in ("csv", "binary")] == [None, None]


def test_records_without_a_binary_layout_are_written_as_csv():
    columns = [np.arange(2) * DAY_OF_ORDINALS, np.array(["a", "b"])]
    parameters = [PARAMETERS[0], {key: said for key, said in PARAMETERS[3].items() if key != "length"}]
    info = Info({"HAPI": "3.0", "status": {"code": 1200, "message": "OK"}, "parameters": parameters})
    content = file_of(DecodedDocument(info, "csv", b"", 0, parts=[columns]), info, "binary")
    assert content is not None
    assert json.loads(content.partition(b"\n")[0][1:])["format"] == "csv"
    assert hapi.read(content)["s"].tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("read", "kept", "is_equal"),
    [
        ([1, 2], [1, 2], True),
        ([1, 2], [1, 3], False),
        ([1, 2], [[1, 2]], False),
        ([1, 2], np.ma.MaskedArray([1, 2], [True, False]), False),
        (np.ma.MaskedArray([7, 2], [True, False]), np.ma.MaskedArray([1, 2], [True, False]), True),
        ([1.0, np.nan], [1.0, np.nan], True),
        ([1.0, 2.0], [1, 2], False),
    ],
)
def test_values_that_are_read_again_have_the_same_shape_mask_and_type(read, kept, is_equal):
    assert files._are_equal(np.ma.asanyarray(read), np.ma.asanyarray(kept)) is is_equal
