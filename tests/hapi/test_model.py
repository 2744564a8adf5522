"""Test parsing of headers of real servers."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sunpy_helio_plugins import hapi
from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi import Info, Parameter
from sunpy_helio_plugins.hapi.status import status_of


def _parameter(**members: Any) -> Parameter:
    return Parameter({"name": "B", "type": "double", **members})


def described(**members: Any) -> Info:
    return Info({"parameters": [{"name": "Time", "type": "isotime", "length": 24}], **members})


def test_esa_describes_scalars_as_arrays_of_one(seed: Any) -> None:
    info = Info.from_json(seed.info)
    assert info.names == ("utc", "feio_1", "odi_unilib_mlt")
    assert info.time.name == "utc"
    assert info.parameters[1].shape == ()
    assert info.parameters[1].labels == ["Integral electron flux (>0.15 MeV)"]
    assert info.record().itemsize == 24 + 8 + 8
    assert info.code == 1200


def test_a_subset_keeps_the_servers_order_and_the_time(seed: Any) -> None:
    info = Info.from_json(seed.info)
    assert info.subset(["odi_unilib_mlt", "feio_1"]).names == ("utc", "feio_1", "odi_unilib_mlt")
    assert info.subset(["odi_unilib_mlt"]).names == ("utc", "odi_unilib_mlt")
    assert info.subset([]) is info
    assert info.subset("odi_unilib_mlt, feio_1").names == ("utc", "feio_1", "odi_unilib_mlt")


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        ("nT", "nT"),
        (None, None),
        (["nT", "nT", "nT"], "nT"),
        ([["nT", "nT"], ["nT", "nT"]], "nT"),
        (["nT", "deg", None], ["nT", "deg", None]),
        (["nT"], "nT"),
    ],
)
def test_units_are_one_text_where_all_elements_agree(units: Any, expected: Any) -> None:
    assert _parameter(units=units).units == expected


def test_references_are_resolved() -> None:
    answer = {
        "definitions": {"tesla": "nT", "axis": {"name": "e", "centers": [1.0, 2.0]}},
        "parameters": [
            {"name": "t", "type": "isotime", "length": 20},
            {"name": "B", "type": "double", "size": [2], "units": {"$ref": "#/definitions/tesla"},
             "bins": [{"$ref": "#/definitions/axis"}]},
        ],
    }  # fmt: skip
    info = Info.from_json(answer)
    assert info.parameters[1].units == "nT"
    assert info.parameters[1].raw["bins"][0]["centers"] == [1.0, 2.0]


def test_texts_without_length_have_no_binary_layout() -> None:
    with pytest.raises(FileError, match="unknown length"):
        Parameter({"name": "s", "type": "string"}).dtype()
    with pytest.raises(FileError, match="'long'"):
        Parameter({"name": "n", "type": "long"}).dtype()


@pytest.mark.parametrize("answer", [None, [], {}, {"parameters": []}, {"parameters": ["Time"]}, {"parameters": [{}]}])
def test_what_has_no_named_parameters_is_no_header(answer: Any) -> None:
    with pytest.raises(FileError, match="not a HAPI header"):
        Info.from_json(answer)


def test_status_codes_may_be_text_or_missing() -> None:
    assert status_of({"status": {"code": "1500", "message": "oops"}}) == (1500, "oops")
    assert status_of({"status": "fine"}) == (None, "")
    assert status_of({"status": {"code": "x", "message": "y"}}) == (None, "y")


def test_records_with_a_repeated_name_have_a_layout() -> None:
    twice = {"name": "IMF_PTS", "type": "integer"}
    layout = Info({"parameters": [{"name": "Time", "type": "isotime", "length": 24}, twice, twice]}).record()
    assert layout == np.dtype([("f0", "S24"), ("f1", "<i4"), ("f2", "<i4")])


@pytest.mark.parametrize("name", ["metadata_lisird.json", "metadata_vires.json"])
def test_every_description_of_real_servers_is_read(real_data: Path, name: str) -> None:
    catalogue = json.loads((real_data / "hapi" / name).read_text())["catalog"]
    assert len(catalogue) > 20
    for entry in catalogue:
        info = Info.from_json(entry)
        assert info.names == tuple(parameter["name"] for parameter in entry["parameters"])
        assert [one.units for one in info.parameters if not isinstance(one.units, list | str | None)] == []
        assert info.subset(info.names[-1:]).names in ((info.names[0], info.names[-1]), info.names[:1])


KEYS = frozenset((
    "startDate", "stopDate", "sampleStartDate", "sampleStopDate", "cadence", "maxRequestDuration",
    "x_requestLimits", "timeStampLocation", "unitsSchema", "location", "geoLocation", "citation", "datasetCitation",
    "x_origin", "x_complete_until", "type", "length", "size", "units", "fill", "label", "bins", "stringType",
    "coordinateSystemName", "vectorComponents",
))  # fmt: skip
"""Members of descriptions of datasets and parameters."""


def keys_read(path: Path) -> set[str]:
    """Return the members of descriptions that a module reads by ``one["key"]`` or ``one.get("key")``."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        is_get = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get"
        if is_get and node.args and isinstance(node.args[0], ast.Constant):
            found.add(str(node.args[0].value))
        is_item = isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load)
        if is_item and isinstance(node.slice, ast.Constant):
            found.add(str(node.slice.value))
    return found & KEYS


def test_one_module_knows_the_members_of_descriptions() -> None:
    """A new member of HAPI is a property of ``Info`` or ``Parameter``; the index keeps members as they are sent."""
    modules = (path for path in Path(hapi.__file__).parent.rglob("*.py") if path.parent.name != "discovery")
    read = {path.name: keys_read(path) for path in modules}
    assert len(read.pop("model.py")) > 20
    read["parts.py"] -= {"bins"}  # of the metadata of columns in a file
    assert {name: keys for name, keys in read.items() if keys} == {}


def test_the_longest_request_is_the_shortest_of_those_that_are_stated() -> None:
    assert described().longest_request is None
    assert described(maxRequestDuration="P1D").longest_request == 86400
    assert described(x_requestLimits={"duration": "PT1H"}).longest_request == 3600
    assert described(maxRequestDuration="PT5M", x_requestLimits={"duration": "PT1H"}).longest_request == 300
    assert described(maxRequestDuration=7, x_requestLimits=["PT1H"]).longest_request is None


def test_a_sample_has_a_start_and_a_stop() -> None:
    assert described(sampleStartDate="2026Z").sample is None
    assert described(sampleStartDate="2026Z", sampleStopDate="2027Z").sample == ("2026Z", "2027Z")


def test_credits_are_the_members_that_say_how_to_cite() -> None:
    given = {"datasetCitation": "https://doi.org/10.1/x", "licenseURL": ["https://spdx.org/x"], "contact": ""}
    assert described(**given, cadence="PT1M").credits == {key: given[key] for key in ("datasetCitation", "licenseURL")}


@pytest.mark.parametrize(
    ("said", "link"),
    [
        (None, None),
        ("uri", {}),
        ({"uri": None}, {}),
        ({"uri": {"mediaType": "image/png", "base": "https://x.org/", "scheme": "https"}},
         {"mediaType": "image/png", "scheme": "https", "base": "https://x.org/"}),
        ({"type": "uri", "mediaType": "image/png"}, {"mediaType": "image/png"}),
    ],
)  # fmt: skip
def test_the_forms_of_links(said: Any, link: Any) -> None:
    assert Parameter({"name": "x", "type": "string", "stringType": said}).link == link


def test_a_format_is_stated_in_a_copy() -> None:
    info = described()
    assert info.with_format("csv").format == "csv"
    assert info.format is None
    assert info.with_format("csv").with_format("csv").raw == info.raw | {"format": "csv"}


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ("many", "The size 'many' of the parameter 'B' is not a list of integers"),
        ([2, None], r"The size \[2, None\] of the parameter 'B' is not a list of integers"),
        ({"n": 2}, "is not a list of integers"),
        ([0], "is not positive, or exceeds the limit"),
        ([-3], "is not positive, or exceeds the limit"),
        ([10_000, 10_000], "is not positive, or exceeds the limit"),
    ],
)
def test_a_size_that_is_none_is_named(size: Any, words: str) -> None:
    with pytest.raises(FileError, match=words):
        _ = _parameter(size=size).size


@pytest.mark.parametrize(
    ("length", "expected"), [(24, 24), ("24", 24), (0, None), (-1, None), (10**8, None), ("long", None), ([24], None)]
)
def test_a_length_that_is_none_is_not_known(length: Any, expected: int | None) -> None:
    assert _parameter(length=length).length == expected


def test_headers_of_enormous_records_are_refused() -> None:
    parameters = [{"name": f"B{n}", "type": "double", "size": [9_000_000]} for n in range(3)]
    with pytest.raises(FileError, match="records of this HAPI header exceed the limit of 20000000 values"):
        Info.from_json({"parameters": parameters})
    text = {"name": "s", "type": "string", "length": 1_000_000, "size": [1_000_000]}
    with pytest.raises(FileError, match="These binary records cannot be laid out"):
        described(parameters=[text]).record()


@pytest.mark.parametrize(("members", "version"), [({"HAPI": "3.1"}, "3.1"), ({}, ""), ({"HAPI": None}, "")])
def test_the_version_of_a_header(members: dict[str, Any], version: str) -> None:
    assert described(**members).version == version


@pytest.mark.parametrize(
    ("members", "components"),
    [
        ({"size": [3], "label": ["x", "y", "z"]}, ["x", "y", "z"]),
        ({"size": [3], "label": ["B", "B", "B"], "vectorComponents": ["x", "y", "z"]}, ["x", "y", "z"]),
        ({"size": [3], "coordinateSystemName": "GSE"}, ["x", "y", "z"]),
        ({"size": [3], "vectorComponents": ["x", "x", "z"]}, ["0", "1", "2"]),
        ({"size": [2, 2]}, ["0_0", "0_1", "1_0", "1_1"]),
        ({}, [""]),
    ],
)
def test_elements_have_unique_names(members: dict[str, Any], components: list[str]) -> None:
    assert _parameter(**members).components == components


@pytest.mark.parametrize(("members", "place"), [({}, "center"), ({"timeStampLocation": "BEGIN"}, "begin")])
def test_a_time_stamp_is_in_the_middle_of_its_interval_unless_the_server_says_where(
    members: dict[str, Any], place: str
) -> None:
    assert described(**members).time_stamp_location == place
