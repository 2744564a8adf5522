"""
Test the differences between our data sets and those of ``cdflib.xarray.cdf_to_xarray``.

``docs/how_to/imap_xarray.csv`` contains the result, which the documentation shows. After an intended change, write it
again with ``python -m tests.imap.dataset.test_cdf_to_xarray``.
"""

from __future__ import annotations

import csv
import io
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sunpy_helio_plugins import imap

RECORD = Path(__file__).parents[3] / "docs" / "how_to" / "imap_xarray.csv"

TT2000, FLOAT, UINT2, CHAR, DOUBLE = 33, 44, 12, 51, 45

SECOND = 10**9

LEAP = 536_500_868_184_000_000
"""The beginning of 2016-12-31T23:59:60."""

MISSING = np.iinfo(np.int64).min


def write(path: Path) -> Path:
    """Write a file with each of the cases."""
    from cdflib.cdfwrite import CDF

    after = {"DEPEND_0": "epoch"}
    variables: dict[str, tuple[int, Any, dict[str, Any]]] = {
        "epoch": (TT2000, np.array([LEAP - SECOND, LEAP + SECOND // 2, LEAP + SECOND, MISSING]), {
            "FILLVAL": [MISSING, "CDF_TIME_TT2000"]}),
        "x": (FLOAT, [1, 2, 3, -1e31], after | {
            "FILLVAL": [-1e31, "CDF_FLOAT"], "UNITS": "km!E2!N/s!E2!N", "CATDESC": "Energy"}),
        "nan": (FLOAT, [1, 2, 3, -1e31], after | {"FILLVAL": [9.22e18, "CDF_FLOAT"]}),
        "count": (UINT2, [1, 2, 3, 65535], after | {"FILLVAL": [65535, "CDF_UINT2"]}),
        "inside": (UINT2, [1, 2, 3, 0], after | {
            "FILLVAL": [0, "CDF_UINT2"], "VALIDMIN": [0, "CDF_UINT2"], "VALIDMAX": [9, "CDF_UINT2"]}),
        "flags": (UINT2, [0, 1, 0, 1], after | {"CATDESC": "Quality flag (0=good, 1=bad)"}),
        "x_unc": (FLOAT, [1, 1, 1, 1], after | {"UNITS": "km!E2!N/s!E2!N"}),
        "b": (FLOAT, np.zeros((4, 3)), after | {"DEPEND_1": "axis", "LABL_PTR_1": "axis_label"}),
        "other_epoch": (TT2000, [LEAP, LEAP + 1], {}),
        "y": (DOUBLE, [5, 6], {"DEPEND_0": "other_epoch"}),
        "factor": (DOUBLE, np.array(2.5), {"VAR_TYPE": "support_data"}),
        "axis": (FLOAT, np.arange(3), {"VAR_TYPE": "support_data"}),
        "axis_label": (CHAR, np.array(["Bx", "By", "Bz"]), {"VAR_TYPE": "metadata"}),
    }  # fmt: skip
    cdf = CDF(path, cdf_spec={"Majority": "row_major", "Encoding": 6, "Compressed": 0}, delete=True)
    cdf.write_globalattrs({"Logical_source": {0: "imap_mag_l2_norm-gse"}, "Parents": {0: "a.cdf", 1: "b.cdf"}})
    for name, (kind, values, attributes) in variables.items():
        array = np.asarray(values)
        varies = name not in ("axis", "axis_label", "factor")
        size = array.dtype.itemsize // 4 if array.dtype.kind == "U" else 1
        spec = {"Variable": name, "Data_Type": kind, "Num_Elements": size, "Rec_Vary": varies}
        cdf.write_var(spec | {"Dim_Sizes": list(array.shape[varies:])}, var_attrs=attributes, var_data=array)
    cdf.close()
    return path


def differences(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield what is compared, and how it is in ours and in theirs."""
    from cdflib.xarray import cdf_to_xarray

    path = write(folder / "made.cdf")
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.setattr("builtins.print", lambda *_, **__: None)  # cdflib prints what it finds
        ours, theirs = imap.open(path).to_xarray(), cdf_to_xarray(path, to_datetime=True, fillval_to_nan=True)
    both = (ours, "time"), (theirs, "epoch")

    def row(what: str, describe: Any) -> tuple[str, str, str]:
        return what, *(describe(dataset, time) for dataset, time in both)

    def last(name: str) -> Any:
        return lambda dataset, _: f"``{dataset[name].values[-1]:g}``, {dataset[name].dtype}"

    def stamp(index: int) -> Any:
        return lambda dataset, time: f"``{str(dataset[time].values[index])[:23]}``"

    def attribute(*names: str) -> Any:
        def describe(dataset: Any, _: str) -> str:
            variable = {"flag_values": "flags"}.get(names[0], "x")
            known = [name for name in names if name in dataset[variable].attrs]
            return ", ".join(f"``{name}``: {dataset[variable].attrs[name]}" for name in known) or "none"

        return describe

    yield row("dimension of the records", lambda _, time: f"``{time}``")
    yield row("23:59:60.5", stamp(1))
    yield row("a missing time", stamp(3))
    yield row("a missing float", last("x"))
    yield row("a float -1e31 that ``FILLVAL`` does not name", last("nan"))
    yield row("a missing integer", last("count"))
    yield row("``FILLVAL`` inside the valid range", last("inside"))
    yield row("unit", attribute("units", "UNITS"))
    yield row("description", attribute("long_name", "CATDESC"))
    yield row("uncertainty", attribute("ancillary_variables"))
    yield row("meaning of flags", attribute("flag_values", "flag_meanings"))
    yield row("labels of an axis", lambda dataset, _: ", ".join(dataset.coords["axis_label"].values.tolist()))
    yield row(
        "records of another time variable", lambda dataset, _: "in the same Dataset" if "y" in dataset else "``epoch=``"
    )
    yield row(
        "a constant", lambda dataset, _: "a variable" if "factor" in dataset else "``to_table().meta['support']``"
    )
    yield row("attributes of the file", lambda dataset, _: ", ".join(f"``{name}``" for name in dataset.attrs))


def text_of(folder: Path) -> str:
    """Return the table as CSV."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        ("", "``imap.open(path).to_xarray()``", "``cdf_to_xarray(path, to_datetime=True, fillval_to_nan=True)``")
    )
    writer.writerows(differences(folder))
    return stream.getvalue()


def test_the_table_of_the_documentation_is_right(tmp_path: Path) -> None:
    pytest.importorskip("xarray")
    assert text_of(tmp_path).splitlines() == RECORD.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        RECORD.write_text(text_of(Path(made)), encoding="utf-8")
