"""Test that only complete responses are saved as files, and that a missing header is added."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import hapi
from sunpy_helio_plugins.errors import FileError, ServiceRefused
from sunpy_helio_plugins.hapi import Info
from sunpy_helio_plugins.hapi.records.file import make_validator, parse_document, parse_response

INFO = Info.from_json(
    {
        "HAPI": "3.0",
        "parameters": [
            {"name": "Time", "type": "isotime", "length": 20},
            {"name": "B", "type": "double", "units": "nT"},
        ],
    }
)
CSV = b"2026-01-10T00:00:00Z,1.25\n2026-01-10T00:01:00Z,2.50\n"
BINARY = np.array([(b"2026-01-10T00:00:00Z", 1.25), (b"2026-01-10T00:01:00Z", 2.5)], INFO.record()).tobytes()


def _headed(chosen: str, body: bytes) -> bytes:
    return INFO.header(chosen) + body


def _accepted(part: Path, body: bytes, chosen: str = "csv", info: Info = INFO) -> bytes:
    part.write_bytes(body)
    make_validator(info, chosen, "X of Y")(part)
    return part.read_bytes()


@pytest.mark.parametrize(("chosen", "body"), [("csv", CSV), ("binary", BINARY)])
def test_a_whole_file_is_left_as_it_is(tmp_path: Path, chosen: str, body: bytes) -> None:
    whole = _headed(chosen, body)
    assert _accepted(tmp_path / "part", whole, chosen) == whole
    assert [path.name for path in tmp_path.iterdir()] == ["part"]


@pytest.mark.parametrize(("chosen", "body"), [("csv", CSV), ("binary", BINARY)])
def test_records_without_a_header_get_one(tmp_path: Path, chosen: str, body: bytes) -> None:
    # server-python ignores include=header.
    made = _accepted(tmp_path / "part", body, chosen)
    assert hapi.read(made)["B"].value.tolist() == [1.25, 2.5]


def test_esas_names_and_labels_are_replaced_by_a_header(tmp_path: Path, seed: Any) -> None:
    made = _accepted(tmp_path / "part", seed.csv, info=Info.from_json(seed.info))
    head, _, body = made.partition(b"\n")
    assert json.loads(head[1:])["format"] == "csv"
    assert body == seed.csv.split(b"\n", 2)[2]
    assert hapi.read(made)["feio_1"].value.tolist() == [744958.0, 733622.0, 736119.0]


@pytest.mark.parametrize(
    ("asked", "own", "expected"), [("binary", None, "binary"), (None, "binary", "binary"), (None, None, "csv")]
)
def test_an_empty_body_has_the_format_that_was_asked_for(asked: str | None, own: str | None, expected: str) -> None:
    info = INFO if own is None else INFO.with_format(own)
    assert parse_document(b"", info, asked).format == expected


def test_a_last_line_end_may_be_missing(tmp_path: Path) -> None:
    assert len(hapi.read(_accepted(tmp_path / "part", _headed("csv", CSV[:-1])))) == 2


ERROR = b'{"HAPI":"3.0","status":{"code":1500,"message":"disk full"}}'


@pytest.mark.parametrize(
    ("chosen", "body", "words"),
    [
        ("csv", b"", "no records"),
        ("csv", _headed("csv", b""), "no records"),
        ("csv", b'{"HAPI":"3.0","status":{"code":1201,"message":"OK - no data"}}', "no records"),
        ("binary", ERROR, "disk full"),
        ("csv", b"<!DOCTYPE html><html><body>Please log in</body></html>", "Please log in"),
        ("csv", _headed("csv", CSV + ERROR), "failed midway: disk full"),
        ("binary", _headed("binary", BINARY + ERROR + b"\n"), "failed midway: disk full"),
        ("csv", _headed("csv", CSV + json.dumps(json.loads(ERROR), indent=2).encode()), "failed midway: disk full"),
        ("csv", _headed("csv", CSV[:-8]), "is cut"),
        ("csv", _headed("csv", CSV[:-2]), "is cut"),
        ("binary", _headed("binary", BINARY[:-3]), "no whole number of records"),
        ("binary", _headed("binary", BINARY + bytes(28)), "the last record has no time: the answer is damaged"),
        ("binary", _headed("binary", BINARY + b" " * 28), "the last record has no time: the answer is damaged"),
    ],
)
def test_what_is_not_whole_is_refused_with_clear_words(tmp_path: Path, chosen: str, body: bytes, words: str) -> None:
    with pytest.raises(FileError, match=words) as caught:
        _accepted(tmp_path / "part", body, chosen)
    assert str(caught.value).startswith("X of Y: ")


def test_the_file_stays_the_same_file(tmp_path: Path) -> None:
    # It may be locked.
    part = tmp_path / "part"
    part.write_bytes(CSV)
    inode = part.stat().st_ino
    assert len(hapi.read(_accepted(part, CSV))) == 2
    assert part.stat().st_ino == inode
    assert [path.name for path in tmp_path.iterdir()] == ["part"]


@pytest.mark.parametrize("said", ["csv", "binary"])
@pytest.mark.parametrize(("chosen", "body"), [("binary", CSV), ("csv", BINARY), ("csv", CSV), ("binary", BINARY)])
def test_the_bytes_decide_which_format_the_records_have(tmp_path: Path, said: str, chosen: str, body: bytes) -> None:
    made = _accepted(tmp_path / "part", _headed(said, body), chosen)
    assert hapi.read(made)["B"].value.tolist() == [1.25, 2.5]


def test_a_header_that_names_another_format_is_corrected(tmp_path: Path) -> None:
    # Some servers send the info response, with a different format, as header.
    made = _accepted(tmp_path / "part", _headed("json", CSV))
    assert hapi.read(made)["B"].value.tolist() == [1.25, 2.5]
    made = _accepted(tmp_path / "part", _headed("csv", BINARY), "binary")
    assert hapi.read(made)["B"].value.tolist() == [1.25, 2.5]


def _with_origin(**members: Any) -> Info:
    parameters = [INFO.raw["parameters"][0], {"name": "r", "type": "double", "units": "Rs", **members}]
    return Info.from_json({"HAPI": "3.0", "parameters": parameters}).with_origin("das2", "Cassini/Ephemeris/Saturn,60s")


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("has_header", [True, False])
@pytest.mark.parametrize(("chosen", "body"), [("csv", CSV), ("binary", BINARY)])
def test_a_file_says_whose_records_it_holds(
    tmp_path: Path, chosen: str, body: bytes, has_header: bool, indent: int | None
) -> None:
    info = _with_origin()
    said = {**{key: value for key, value in info.raw.items() if key != "x_origin"}, "format": chosen}
    own = "".join(f"#{line}\n" for line in json.dumps(said, indent=indent).splitlines())
    made = _accepted(tmp_path / "part", own.encode() * has_header + body, chosen, info)
    table = hapi.read(made)
    assert table.meta["hapi"]["x_origin"] == {"server": "das2", "dataset": "Cassini/Ephemeris/Saturn,60s"}
    # Saturn's radius: according to the header alone it could be the Sun's.
    assert table["r"].to_value("km").tolist() == [1.25 * 60268, 2.5 * 60268]
    assert _accepted(tmp_path / "part", made, chosen, info) == made


def test_files_and_memory_give_the_same_units(archive: Any, tmp_path: Path) -> None:
    for chosen in ("csv", "binary"):
        found = Fido.search(
            a.Time("2026-01-10", "2026-01-11"), a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI"),
            a.hapi.Format(chosen),
        )  # fmt: skip
        table = hapi.read(Fido.fetch(found, path=tmp_path / "{file}")[0])
        loaded = hapi.load(found["hapi"])
        assert table.meta["hapi"]["x_origin"] == {"server": "cdaweb", "dataset": "AC_H0_MFI"}
        assert loaded.meta["hapi"]["x_origin"] == table.meta["hapi"]["x_origin"]
        assert [str(table[name].info.unit) for name in table.colnames] == [
            str(loaded[name].info.unit) for name in table.colnames
        ]


def test_json_says_whose_records_it_holds(archive: Any, tmp_path: Path) -> None:
    found = Fido.search(
        a.Time("2026-01-10", "2026-01-12"), a.hapi.Server("lisird"), a.hapi.Dataset("tsis_tsi_24hr"),
        a.hapi.Format("json"),
    )  # fmt: skip
    table = hapi.read(Fido.fetch(found, path=tmp_path / "{file}")[0])
    assert table.meta["hapi"]["x_origin"] == {"server": "lisird", "dataset": "tsis_tsi_24hr"}


def test_large_files_are_moved_whole(tmp_path: Path) -> None:
    body = b"".join(b"%04d-01-01T00:00:00Z,%d.5\n" % (1000 + index // 40, index) for index in range(160_000))
    made = _accepted(tmp_path / "part", body, info=_with_origin())
    assert made.endswith(body)
    assert len(body) > 3 << 20


def test_an_empty_answer_may_be_cut_if_its_length_was_not_given() -> None:
    assert parse_response(b"\n", INFO, "csv", "X of Y").count == 0
    with pytest.raises(FileError, match="X of Y: the answer is empty, and its length was not given: it may be cut"):
        parse_response(b"\n", INFO, "csv", "X of Y", is_whole=False)


@pytest.mark.parametrize(("body", "words"), [(b'{"message": "busy"', "busy"), (b"{" * 5000, "HAPI None")])
def test_a_response_that_begins_like_json_and_is_none_is_a_refusal(body: bytes, words: str) -> None:
    info = Info({"parameters": [{"name": "Time", "type": "isotime", "length": 20}]})
    with pytest.raises(ServiceRefused, match=words):
        parse_response(body, info, "csv", "D of X", "https://x/hapi")
