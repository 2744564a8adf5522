"""Test that every archive passes the context of the quantity to the units, so that rules by description apply."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest

from sunpy_helio_plugins import hapi
from sunpy_helio_plugins.cdf.columns import as_column
from sunpy_helio_plugins.cdf.decode import Values
from sunpy_helio_plugins.cdf.variables import Variable
from sunpy_helio_plugins.her import HERTable
from sunpy_helio_plugins.her.keywords import keywords
from sunpy_helio_plugins.series.axes import axes_of

TIME = {"name": "Time", "type": "isotime", "length": 24}


def records(parameters: list[dict[str, Any]], row: str, context: dict[str, str] | None = None) -> Any:
    header = json.dumps({"format": "csv", "HAPI": "3.0", "parameters": [TIME, *parameters]})
    return hapi.read(f"#{header}\n2026-01-10T00:00:00.000Z,{row}\n".encode(), context=context)


def number(name: str, unit: Any, description: str = "", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "double", "units": unit, "description": description, **more}


def test_a_cadence_in_a_unit_of_a_real_dataset_is_no_factor():
    folder = os.environ.get("HELIO_TEST_DATA")
    if not folder:
        pytest.skip('HELIO_TEST_DATA names no folder of real files; "python tools/real_files.py fetch" downloads one')
    info = json.loads((Path(folder) / "world" / "hapi" / "wi_h0_mfi@0_info.json").read_text("utf-8"))
    parameters = info["parameters"][1:]
    widths = [int(np.prod(parameter.get("size") or [1])) for parameter in parameters]
    table = records(parameters, ",".join(["2.5"] * sum(widths)))
    assert table["BF1"].unit == u.nT
    assert table["BGSE"].unit == u.nT
    assert table["BF1"].info.meta["unit_string"] == "nT (1min)"
    assert table["BF1"].info.meta["unit_words"] == ["1min"]
    assert table["PGSE"].unit == u.R_earth


def test_columns_of_hapi_are_read_with_their_descriptions():
    table = records(
        [
            number("b", "nT (1min)"), number("i", "nA"), number("pos", "Rs", "Position (Define Rs = 695700km)"),
            number("r", "Rs", "Radial distance (1 RS = 60330 km)"), number("n", "cm^-3", "Log10 of the density"),
            number("t", "c", "Temperature of the housing"),
        ],
        "1,2,3,4,5,6",
    )  # fmt: skip
    assert [table[name].unit for name in ("b", "i", "pos", "t")] == [u.nT, u.nA, u.R_sun, u.deg_C]
    assert table["r"].unit == u.Unit(60330 * u.km)
    assert table["n"].unit is None


def test_bins_are_read_with_their_dataset_and_their_description():
    axis = {"name": "distance", "units": "Rs", "centers": [1, 2]}
    spectrum = number("flux", "1/s", size=[2], bins=[axis])
    assert axes_of(records([spectrum], "1,2"), "flux")[0].centers.unit == u.one
    cassini = axes_of(records([spectrum], "1,2", {"server": "das2", "dataset": "Cassini RPWS"}), "flux")[0]
    assert cassini.centers.unit == u.Unit(60268 * u.km)
    axis["label"] = "Heliocentric distance"
    assert axes_of(records([spectrum], "1,2"), "flux")[0].centers.unit == u.R_sun


def test_components_with_units_of_their_own_are_read_with_their_description():
    place = number(
        "pos", ["Rs", "deg", "deg"], "Heliocentric position", size=[3], coordinateSystemName="HCI",
        vectorComponents=["r", "longitude", "latitude"],
    )  # fmt: skip
    found = hapi.to_skycoord(records([place], "10,30,5"), "pos")
    assert found.distance.to_value(u.R_sun).tolist() == pytest.approx([10])


EVENT = {
    "event_type": "AR", "frm_name": "HMI SHARP", "kb_archivid": "ivo://x/AR", "event_starttime": "2014-02-20T04:00:00",
    "event_endtime": "2014-02-20T08:00:00", "event_testflag": "false", "unsignedflux": 2.4e22, "magfluxunit": "emx",
    "meanvertcurrentdensity": -0.04, "currentdensityunit": "ma/m2", "area_atdiskcenter": 1200.0,
    "area_unit": "HMI pixels", "fl_peakflux": 3.5, "fl_peakfluxunit": "DN/sec/pixel",
}  # fmt: skip


def test_units_of_the_registry_that_its_documents_do_not_know():
    table = HERTable.from_records([EVENT, {**EVENT, "kb_archivid": "ivo://x/2", "magfluxunit": "Mx"}])
    assert table["unsignedflux"].unit == u.Mx
    assert table["meanvertcurrentdensity"].unit == u.mA / u.m**2
    assert table["area_atdiskcenter"].unit == u.pix
    assert table["fl_peakflux"].unit == u.DN / u.s / u.pix


@pytest.mark.parametrize("text", ["erg/cm/cm/s", "erg/cm2/s"])
def test_energy_fluxes_of_the_registry(text):
    table = HERTable.from_records([{**EVENT, "event_type": "FL", "fl_peakfluxunit": text}])
    assert table["fl_peakflux"].unit == u.erg / u.cm**2 / u.s


def test_the_registry_is_about_the_sun():
    assert keywords()["cc_majoraxis"].context["description"]
    table = HERTable.from_records([{**EVENT, "event_type": "CC", "cc_majoraxis": 2.0, "cc_axisunit": "Rs"}])
    assert table["cc_majoraxis"].unit == u.R_sun


def test_variables_of_cdf_files_are_read_with_their_labels():
    def variable(unit: str, **attributes: str) -> Variable:
        values = np.array([1.0, 2.0])
        return Variable("x", "CDF_DOUBLE", 2, True, {"UNITS": unit, **attributes}, lambda: Values(values, None))

    assert as_column(variable("Rs", CATDESC="Heliocentric distance"), {}).unit == u.R_sun
    assert as_column(variable("c", LABLAXIS="Temperature", CATDESC="Of the housing"), {}).unit == u.deg_C
    assert as_column(variable("c", CATDESC="Of the housing"), {}).unit is None
    assert as_column(variable("nT (1min)"), {}).unit == u.nT
