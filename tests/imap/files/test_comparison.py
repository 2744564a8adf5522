"""Test the comparison of two versions of a file."""

from __future__ import annotations

import numpy as np
import pytest

from sunpy_helio_plugins import imap
from sunpy_helio_plugins.errors import FileError, QueryError

TT2000, FLOAT, INT2 = 33, 44, 2
TIMES = 820_000_000_000_000_000 + np.arange(4) * 10**9
FIELD = np.array([1, 2, 3, np.nan], "f4")


@pytest.fixture
def make_version(make_cdf, tmp_path):
    """Return a function that writes a version of a file with other variables."""

    def make(name, *, unit="nT", **more):
        said = {"DEPEND_0": "epoch", "UNITS": unit, "FILLVAL": np.float32(-1e31)}
        variables = {"epoch": (TT2000, TIMES, {"UNITS": "ns"}), "b": (FLOAT, FIELD, said)}
        variables |= {key: (kind, values, said) for key, (kind, values) in more.items()}
        return make_cdf(variables).rename(tmp_path / f"{name}.cdf")

    return make


def changes(before, after):
    return [tuple(row) for row in imap.compare(before, after)]


def test_equal_files_have_no_differences(make_version):
    table = imap.compare(make_version("old"), make_version("new"))
    assert len(table) == 0
    assert table.colnames == ["variable", "change", "count", "description"]


def test_values_are_compared_with_those_that_are_missing(make_version):
    new = make_version("new", b=(FLOAT, np.array([1, 2.5, -1e31, -1e31], "f4")))
    assert changes(make_version("old"), new) == [("b", "values", 2, "2 of 4 values, by up to 0.5 nT")]


def test_values_are_compared_at_the_same_times(make_version, make_cdf, tmp_path):
    said = {"DEPEND_0": "epoch", "UNITS": "nT", "FILLVAL": np.float32(-1e31)}
    variables = {"epoch": (TT2000, TIMES[1:3], {"UNITS": "ns"}), "b": (FLOAT, np.array([2, 7], "f4"), said)}
    new = make_cdf(variables).rename(tmp_path / "new.cdf")
    assert changes(make_version("old"), new) == [
        ("epoch", "records", 2, "4 records became 2"),
        ("b", "records", 2, "4 records became 2"),
        ("b", "values", 1, "1 of 2 values, by up to 4 nT"),
    ]


def test_attributes_are_compared(make_version):
    assert changes(make_version("old"), make_version("new", unit="pT")) == [
        ("b", "attribute", 1, "UNITS: 'nT' became 'pT'")
    ]


def test_variables_are_added_and_removed(make_version):
    old, new = make_version("old"), make_version("new", flag=(INT2, np.arange(4, dtype="i2")))
    assert changes(old, new) == [("flag", "added", 1, "")]
    assert changes(new, old) == [("flag", "removed", 1, "")]


def test_types_and_shapes_are_compared(make_version):
    new = make_version("new", b=(INT2, np.ones((4, 2), "i2")))
    assert [row[:2] for row in changes(make_version("old"), new)] == [("b", "type"), ("b", "shape")]


def test_other_files_are_refused(make_version, tmp_path):
    text = tmp_path / "x.cdf"
    text.write_text("no CDF")
    with pytest.raises(FileError):
        imap.compare(make_version("old"), text)
    with pytest.raises(QueryError, match=r"imap\.compare takes one path"):
        imap.compare(3, text)


def test_values_that_are_not_numbers_differ_without_a_size(make_version):
    texts = {"old": ["a", "b", "c", "d"], "new": ["a", "b", "x", "d"]}
    old, new = (make_version(name, s=(51, np.array(text))) for name, text in texts.items())
    assert ("s", "values", 1, "1 of 4 values") in changes(old, new)


def test_values_that_one_file_lacks_differ_without_a_size(make_version):
    new = make_version("new", b=(FLOAT, np.array([1, -1e31, 3, np.nan], "f4")))
    assert changes(make_version("old"), new) == [("b", "values", 1, "1 of 4 values")]
