"""Test that variables and attributes of all available CDF files equal those read by cdflib, and by pycdfpp."""

from __future__ import annotations

import cdflib
import numpy as np
import pytest
from cdf_samples import sample_files

from sunpy_helio_plugins import cdf
from sunpy_helio_plugins.cdf.decode import plain
from sunpy_helio_plugins.cdf.variables import load


def names(theirs: cdflib.CDF) -> list[str]:
    info = theirs.cdf_info()
    return [*info.rVariables, *info.zVariables]


def same(ours: np.ndarray, theirs: object) -> bool:
    theirs = np.asarray(theirs)
    if theirs.dtype.kind == "S":
        theirs = np.char.decode(theirs, "utf-8")
    if ours.dtype.kind in "SU":
        return [str(one).rstrip() for one in ours.ravel()] == [str(one).rstrip() for one in theirs.ravel()]
    theirs = theirs.astype(theirs.dtype.newbyteorder("="))
    return np.array_equal(ours.ravel().view("u1"), theirs.ravel().view("u1"))


@pytest.mark.parametrize("path", sample_files(), ids=lambda path: path.name)
def test_every_variable_and_attribute(path):
    theirs = cdflib.CDF(path, string_encoding="utf-8")
    variables, attributes = load(path)
    assert [*variables] == names(theirs)
    for name, variable in variables.items():
        expected = {key: plain(value) for key, value in theirs.varattsget(name).items()}
        assert str(variable.attributes) == str(expected)
        if theirs.varinq(name).Last_Rec >= 0:
            assert same(variable.values, theirs.varget(name)), name
        else:
            assert len(variable.values) == 0, "cdflib raises where a variable has no records"
    assert set(attributes) == set(theirs.globalattsget())


@pytest.mark.parametrize("path", sample_files(), ids=lambda path: path.name)
def test_every_variable_is_that_of_pycdfpp(path):
    pycdfpp = pytest.importorskip("pycdfpp")
    theirs = pycdfpp.load(str(path))
    variables, _ = load(path)
    assert {*variables} == {name for name, _ in theirs.items()}
    for name, variable in variables.items():
        assert same(variable.values, theirs[name].values), name


@pytest.mark.parametrize("path", sample_files(), ids=lambda path: path.name)
def test_every_variable_is_in_a_table_or_beside_it(path):
    seen: set[str] = set()
    for epoch in cdf.epochs(path) or [None]:
        table = cdf.read(path, epoch=epoch)
        seen |= {*table.colnames, *table.meta["support"]}
        assert all(isinstance(one, str) for one in table.meta["problems"])
    assert seen == set(names(cdflib.CDF(path)))
