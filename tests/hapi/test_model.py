"""Test parsing of headers of real servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi import Info, Parameter
from sunpy_helio_plugins.hapi.status import status_of


def _parameter(**members: Any) -> Parameter:
    return Parameter({"name": "B", "type": "double", **members})


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
