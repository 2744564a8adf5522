"""
Which values are missing, by the habits of writers.

``docs/how_to/cdf_fills.csv``, which the documentation shows, contains an example of each, with what cdflib's
``cdf_to_xarray`` and spacepy's ``nanfill`` set to NaN. After an intended change, write it again and look at the
difference::

    python tests/cdf/test_fills.py
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sunpy_helio_plugins.cdf.columns import as_time
from sunpy_helio_plugins.cdf.decode import Values
from sunpy_helio_plugins.cdf.fills import fill_mask, may_be_missing
from sunpy_helio_plugins.cdf.variables import TIME_KINDS, Variable

RECORD = Path(__file__).parents[2] / "docs" / "how_to" / "cdf_fills.csv"
ROWS = list(csv.DictReader(RECORD.read_text(encoding="utf-8").splitlines()))
TYPES = {
    "CDF_INT1": "i1", "CDF_INT2": "i2", "CDF_INT4": "i4", "CDF_INT8": "i8", "CDF_UINT1": "u1", "CDF_UINT2": "u2",
    "CDF_UINT4": "u4", "CDF_REAL4": "f4", "CDF_DOUBLE": "f8", "CDF_CHAR": "U2", "CDF_TIME_TT2000": "i8",
    "CDF_EPOCH": "f8",
}  # fmt: skip
FLOATS = ("CDF_REAL4", "CDF_DOUBLE")
ATTRIBUTES = ("FILLVAL", "VALIDMIN", "VALIDMAX")
every = pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['Type']}, {row['Files']}")


def number(text: str) -> Any:
    """Return a number, or the text between apostrophes."""
    if text.startswith("'"):
        return text.strip("'")
    return int(text) if text.lstrip("-").isdecimal() else float(text)


def attributes_of(row: dict[str, str]) -> dict[str, Any]:
    return {key: number(row[key]) for key in ATTRIBUTES if row[key]}


def values_of(row: dict[str, str]) -> np.ndarray:
    return np.array([number(text) for text in row["Values"].split(", ")]).astype(TYPES[row["Type"]])


def listed(row: dict[str, str], missing: Any) -> str:
    texts = row["Values"].split(", ")
    return ", ".join(text for text, one in zip(texts, np.broadcast_to(missing, len(texts)), strict=True) if one)


def of_cdflib(row: dict[str, str], folder: Path) -> str:
    """Return the values that cdflib's ``cdf_to_xarray`` sets to NaN."""
    from cdflib.cdfwrite import CDF
    from cdflib.xarray import cdf_to_xarray

    path = folder / "x.cdf"
    kind = getattr(CDF, row["Type"])
    made = CDF(path, cdf_spec={"Compressed": 0}, delete=True)
    of_fill = "CDF_DOUBLE" if "double" in row["Files"] else row["Type"]
    attributes = {
        key: value if isinstance(value, str) else [float(value), of_fill if key == "FILLVAL" else row["Type"]]
        for key, value in attributes_of(row).items()
    }
    values = values_of(row)
    told = {"Variable": "x", "Data_Type": kind, "Num_Elements": 1, "Rec_Vary": True, "Dim_Sizes": []}
    made.write_var(told, var_attrs=attributes, var_data=values)
    made.close()
    found = cdf_to_xarray(str(path), fillval_to_nan=True)["x"].to_numpy()
    return listed(row, np.isnan(found))


def of_spacepy(row: dict[str, str]) -> str:
    """Return the values that `spacepy.pycdf.istp.nanfill` sets to NaN: fill values and those out of the valid range."""
    values, attributes = values_of(row), attributes_of(row)
    bad = np.isnan(values)
    if not isinstance(attributes.get("FILLVAL"), str):
        bad |= values == np.array(attributes.get("FILLVAL", np.nan), values.dtype)
    low, high = attributes.get("VALIDMIN", -np.inf), attributes.get("VALIDMAX", np.inf)
    return listed(row, bad | (values < low) | (values > high))


@every
def test_the_documentation_shows_what_is_missing(row: dict[str, str]) -> None:
    values, attributes = values_of(row), attributes_of(row)
    if row["Type"] in TIME_KINDS:
        found: Any = as_time(
            Variable("x", row["Type"], len(values), True, attributes, lambda: Values(values, None))
        ).mask
    else:
        found = fill_mask(values, attributes)
    assert listed(row, False if found is None else found) == row["Missing"]
    assert row["Type"] in TIME_KINDS or not row["Missing"] or may_be_missing(values, attributes)


@pytest.mark.parametrize("row", [row for row in ROWS if row["Type"] in FLOATS], ids=lambda row: row["Files"])
def test_the_documentation_shows_what_others_set_to_nan(row: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("xarray")
    assert of_cdflib(row, tmp_path) == row["cdf_to_xarray"]
    assert of_spacepy(row) == row["nanfill"]


def test_every_default_fill_value_of_the_guidelines_is_missing() -> None:
    """As `spacepy.pycdf.istp.fillval` defines them."""
    defaults = {
        "i1": -(2**7), "i2": -(2**15), "i4": -(2**31), "i8": -(2**63), "u1": 2**8 - 1, "u2": 2**16 - 1, "u4": 2**32 - 1,
        "f4": -1e31, "f8": -1e31,
    }  # fmt: skip
    for kind, fill in defaults.items():
        values = np.array([1, fill]).astype(kind) if kind[0] == "f" else np.array([1, fill], kind)
        assert list(fill_mask(values, {"FILLVAL": fill})) == [False, True]


def test_a_fill_value_is_a_text_of_a_number_or_is_ignored() -> None:
    for text, expected in (("-1", [True, False]), ("-1.0", [True, False]), ("1e999", None), ("x", None)):
        found = fill_mask(np.array([-1, 2]), {"FILLVAL": text})
        assert (None if found is None else list(found)) == expected


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, RECORD.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(ROWS[0]), lineterminator="\n")
        writer.writeheader()
        for row in ROWS:
            if row["Type"] in FLOATS:
                row["cdf_to_xarray"], row["nanfill"] = of_cdflib(row, Path(folder)), of_spacepy(row)
            writer.writerow(row)


if __name__ == "__main__":
    main()
