"""Test every kind of variable in a CDF file: data types, order, missing records and attributes."""

from __future__ import annotations

import gzip
import io
import math
import re
import struct
import sys
import zlib
from pathlib import Path

import astropy.units as u
import cdflib
import numpy as np
import pytest
from astropy.table import QTable
from astropy.time import Time

from sunpy_helio_plugins import cdf, imap
from sunpy_helio_plugins import sandbox as sandbox_package
from sunpy_helio_plugins.cdf import columns, variables
from sunpy_helio_plugins.cdf import records as records_module
from sunpy_helio_plugins.cdf.decode import Values, attribute_of
from sunpy_helio_plugins.cdf.decode import values_of as values_of_layout
from sunpy_helio_plugins.cdf.metadata import FrozenList, FrozenMapping, LazyMapping
from sunpy_helio_plugins.cdf.structure import AttributeEntry, Block, Structure, VariableLayout
from sunpy_helio_plugins.errors import FileError, HelioPluginsError

SHIPPED = Path(sandbox_package.__file__).parent / "data" / "imap"
MAG = SHIPPED / "imap_mag_l2_norm-gse_20260110_v001.0002.cdf"

INT4, FLOAT, DOUBLE, CHAR, UCHAR, TT2000, EPOCH, EPOCH16 = 4, 44, 45, 51, 52, 33, 31, 32
NUMBERS = {
    1: "i1", 2: "i2", 4: "i4", 8: "i8", 11: "u1", 12: "u2", 14: "u4", 21: "f4", 22: "f8", 41: "i1", 44: "f4", 45: "f8",
}  # fmt: skip
NETWORK, IBM_PC, MAC, ARM_BIG = 1, 6, 9, 18
ON_TIME = {"DEPEND_0": "epoch"}


def values_of(path: Path, name: str) -> np.ndarray:
    return variables.load(path)[0][name].values


def some(kind: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return values that use the full range of their type."""
    dtype = np.dtype(NUMBERS[kind])
    rng = np.random.default_rng(kind)
    if dtype.kind == "f":
        return rng.normal(size=shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype=dtype)


def column_major(values: np.ndarray) -> np.ndarray:
    """Return the arguments for cdflib that write these values to a file in column-major order."""
    turned = values.transpose(0, *range(values.ndim - 1, 0, -1))
    return np.ascontiguousarray(turned).reshape(values.shape)


class TestNumbers:
    @pytest.mark.parametrize("kind", NUMBERS)
    @pytest.mark.parametrize("encoding", [NETWORK, IBM_PC, MAC, ARM_BIG])
    def test_every_type_in_every_order_of_bytes(self, make_cdf, kind, encoding):
        values = some(kind, (5, 3))
        found = values_of(make_cdf({"x": (kind, values, {})}, Encoding=encoding), "x")
        assert found.dtype == values.dtype
        assert np.array_equal(found, values)

    @pytest.mark.parametrize("kind", [4, 12, 45])
    @pytest.mark.parametrize("shape", [(4,), (4, 3), (4, 3, 2), (4, 3, 2, 5), (4, 2, 3, 4, 2)])
    @pytest.mark.parametrize("compression", [0, 6])
    def test_dimensions_of_column_major_files(self, make_cdf, kind, shape, compression):
        values = some(kind, shape)
        spec = {"x": {"Compress": compression}}
        path = make_cdf({"x": (kind, column_major(values), {})}, spec=spec, Majority="column_major")
        assert np.array_equal(values_of(path, "x"), values)

    @pytest.mark.parametrize("compression", [0, 6])
    def test_many_records_in_many_blocks(self, make_cdf, compression):
        values = np.arange(5000 * 3, dtype="i4").reshape(5000, 3)
        spec = {"x": {"Compress": compression, "Block_Factor": 64}}
        assert np.array_equal(values_of(make_cdf({"x": (INT4, values, {})}, spec=spec), "x"), values)

    def test_values_can_be_changed(self, make_cdf):
        table = imap.read(make_cdf({"epoch": (TT2000, np.arange(2), {}), "x": (FLOAT, [1.0, 2.0], ON_TIME)}))
        table["x"][0] = 7
        assert list(table["x"]) == [7, 2]

    def test_names_that_differ_by_case_are_two(self, make_cdf):
        path = make_cdf(
            {"epoch": (TT2000, np.arange(2), {}), "b": (FLOAT, [1.0, 2.0], ON_TIME), "c": (FLOAT, [3.0, 4.0], ON_TIME)}
        )
        path.write_bytes(path.read_bytes().replace(b"c" + bytes(255), b"B" + bytes(255)))
        table = imap.read(path)
        assert (list(table["b"]), list(table["B"])) == ([1, 2], [3, 4])


class TestOldVariables:
    @pytest.mark.parametrize("varying", [(True, True), (True, False), (False, True), (False, False)])
    def test_those_that_are_constant_along_a_dimension(self, make_cdf, varying):
        shape = tuple(size for size, varies in zip((3, 4), varying, strict=True) if varies)
        values = some(INT4, (6, *shape))
        spec = {"x": {"Var_Type": "rVariable", "Dim_Vary": list(varying)}}
        path = make_cdf({"x": (INT4, values, {"UNITS": "nT"})}, spec=spec, rDim_sizes=[3, 4])
        found = variables.load(path)[0]["x"]
        assert np.array_equal(found.values, values)
        assert found.attributes == {"UNITS": "nT"}

    def test_both_kinds_in_one_file_keep_their_own_attributes(self, make_cdf):
        spec = {"r": {"Var_Type": "rVariable", "Dim_Vary": []}}
        made = {"z": (FLOAT, [1.0], {"CATDESC": "zed"}), "r": (FLOAT, [2.0], {"CATDESC": "are"})}
        found, _ = variables.load(make_cdf(made, spec=spec))
        assert {name: one.attributes["CATDESC"] for name, one in found.items()} == {"z": "zed", "r": "are"}


class TestGaps:
    @pytest.mark.parametrize("encoding", [NETWORK, IBM_PC])
    def test_records_that_were_never_written_are_missing(self, make_cdf, encoding):
        spec = {"x": {"Sparse": "pad_sparse", "Pad": np.array([-5.0]), "Records": [1, 2, 4]}}
        made = {"epoch": (TT2000, np.arange(5), {}), "x": (DOUBLE, [10.0, 20.0, 40.0], {**ON_TIME, "UNITS": "nT"})}
        table = imap.read(make_cdf(made, spec=spec, Encoding=encoding))
        assert list(table["x"].mask) == [True, False, False, True, False]
        assert np.array_equal(table["x"].unmasked.value, [np.nan, 10, 20, np.nan, 40], equal_nan=True)

    def test_or_are_the_ones_before(self, make_cdf):
        spec = {"x": {"Sparse": "prev_sparse", "Records": [1, 2, 4]}}
        made = {"epoch": (TT2000, np.arange(5), {}), "x": (INT4, [10, 20, 40], ON_TIME)}
        table = imap.read(make_cdf(made, spec=spec))
        assert list(table["x"].mask) == [True, False, False, False, False]
        assert list(table["x"][1:]) == [10, 20, 20, 40]

    @pytest.mark.parametrize(("kind", "values"), [(INT4, [10, 20, 40]), (CHAR, ["a", "b", "c"])])
    def test_variables_of_which_records_may_be_absent_have_a_mask(self, make_cdf, kind, values):
        spec = {"x": {"Sparse": "pad_sparse", "Records": [0, 1, 2]}}
        made = {"epoch": (TT2000, np.arange(3), {}), "x": (kind, values, ON_TIME)}
        assert list(imap.read(make_cdf(made, spec=spec))["x"].mask) == [False] * 3

    def test_times_that_were_never_written_are_missing(self, make_cdf):
        spec = {"epoch": {"Sparse": "pad_sparse", "Records": [0, 2]}}
        table = imap.read(make_cdf({"epoch": (TT2000, [5, 9], {}), "x": (FLOAT, [1.0, 2, 3], ON_TIME)}, spec=spec))
        assert list(table["epoch"].mask) == [False, True, False]

    def test_no_records_at_all(self, make_cdf):
        made = {
            "epoch": (TT2000, np.zeros(0, "i8"), {}),
            "x": (FLOAT, np.zeros((0, 3), "f4"), {**ON_TIME, "UNITS": "nT"}),
            "k": (FLOAT, np.zeros(0, "f4"), {"UNITS": "eV"}),
        }
        table = imap.read(make_cdf(made, static=("k",)))
        assert (len(table), table["x"].shape, table["x"].unit) == (0, (0, 3), u.nT)
        assert len(table.meta["support"]["k"]["values"]) == 0

    def test_virtual_variables_are_named_and_not_rows(self, make_cdf):
        virtual = {"DEPEND_0": "epoch", "VIRTUAL": "true", "FUNCT": "alternate_view", "COMPONENT_0": "x"}
        made = {
            "epoch": (TT2000, np.arange(2), {}), "x": (FLOAT, [1.0, 2.0], ON_TIME),
            "y": (FLOAT, np.zeros(0, "f4"), virtual),
        }  # fmt: skip
        table = imap.read(make_cdf(made))
        assert table.colnames == ["epoch", "x"]
        said = "y is virtual: it is computed (alternate_view of x), and the file does not contain its values."
        assert table.meta["problems"] == [said]
        assert table.meta["support"]["y"]["FUNCT"] == "alternate_view"


class TestFills:
    def column(self, make_cdf, values, kind: int = DOUBLE, **attributes):
        made = {"epoch": (TT2000, np.arange(len(values)), {}), "x": (kind, values, ON_TIME | attributes)}
        return imap.read(make_cdf(made))["x"]

    def test_nan_as_fill(self, make_cdf):
        column = self.column(make_cdf, [1.0, np.nan, 3.0], FILLVAL=[float("nan"), "CDF_DOUBLE"])
        assert list(column.mask) == [False, True, False]

    def test_fill_in_double_precision_for_floats(self, make_cdf):
        column = self.column(make_cdf, np.array([1, -1e31], "f4"), FLOAT, FILLVAL=[-1e31, "CDF_DOUBLE"])
        assert list(column.mask) == [False, True]

    def test_fill_that_differs_by_component(self, make_cdf):
        values = [[1.0, -1.0], [-1.0, -2.0]]
        column = self.column(make_cdf, values, FILLVAL=[[-1.0, -2.0], "CDF_DOUBLE"])
        assert column.mask.tolist() == [[False, False], [True, True]]

    def test_range_that_differs_by_component(self, make_cdf):
        words = {"FILLVAL": [0.0, "CDF_DOUBLE"], "VALIDMIN": [[1.0, -5.0], "CDF_DOUBLE"],
                 "VALIDMAX": [[9.0, 5.0], "CDF_DOUBLE"]}  # fmt: skip
        column = self.column(make_cdf, [[0.0, 0.0], [2.0, 3.0]], **words)
        assert column.mask.tolist() == [[True, True], [False, False]]

    @pytest.mark.parametrize(
        "words",
        [
            {"FILLVAL": [[1.0, 2.0, 3.0], "CDF_DOUBLE"]},
            {"FILLVAL": [1.0, "CDF_DOUBLE"], "VALIDMIN": [[1.0, 2.0, 3.0], "CDF_DOUBLE"], "VALIDMAX": "high"},
            {"FILLVAL": "none", "VALIDMIN": [[0, 1], "CDF_INT4"], "VALIDMAX": [9, "CDF_INT4"]},
            {"FILLVAL": [-1e31, "CDF_DOUBLE"]},
        ],
    )
    def test_attributes_that_cannot_be_meant_cost_nothing(self, make_cdf, words):
        column = self.column(make_cdf, np.array([1, 2], "i4"), INT4, **words)
        assert np.ma.getdata(column).tolist() == [1, 2]

    @pytest.mark.parametrize("kind", [FLOAT, DOUBLE])
    def test_nan_as_the_missions_writer_stores_it(self, make_cdf, kind):
        # imap_processing 1.0.40: NaN becomes -1e31, independent of FILLVAL.
        limit = 9.223372036854775807e18
        words = {"FILLVAL": [limit, "CDF_DOUBLE"], "VALIDMIN": [-limit, "CDF_DOUBLE"]}
        words |= {"VALIDMAX": [limit, "CDF_DOUBLE"]}
        values = np.array([1.0, -1e31, limit, np.nan, 1e18], NUMBERS[kind])
        column = self.column(make_cdf, values, kind, **words, UNITS="nT")
        assert column.mask.tolist() == [False, True, True, True, False]
        assert np.isnan(column.unmasked.value[1:4]).all()
        assert column.dtype == NUMBERS[kind]

    def test_values_outside_the_valid_range_stay(self, make_cdf):
        words = {"FILLVAL": [-1e31, "CDF_DOUBLE"], "VALIDMIN": [0.0, "CDF_DOUBLE"], "VALIDMAX": [9.0, "CDF_DOUBLE"]}
        assert self.column(make_cdf, [-5.0, 50.0, 3.0], **words).mask.tolist() == [False] * 3

    def test_types_do_not_depend_on_what_a_file_holds(self, make_cdf):
        words = {"FILLVAL": [-1, "CDF_INT4"], "VALIDMIN": [0, "CDF_INT4"], "VALIDMAX": [9, "CDF_INT4"]}
        for kind, units in ((INT4, "ns"), (INT4, " "), (FLOAT, "nT"), (DOUBLE, " ")):
            whole, gaps = (
                self.column(make_cdf, np.array(values, NUMBERS[kind]), kind, **words, UNITS=units)
                for values in ([1, 2, 3], [1, -1, 3])
            )
            assert type(whole) is type(gaps)
            assert whole.dtype == gaps.dtype
            assert whole.mask.tolist() == [False] * 3
            assert gaps.mask.tolist() == [False, True, False]

    def test_integers_with_a_unit_are_exact(self, make_cdf):
        column = self.column(make_cdf, np.array([2**53 + 1, 5], "i8"), 8, UNITS="ns", FILLVAL=[5, "CDF_INT8"])
        assert column.unmasked.value[0] == 2**53 + 1
        assert column.mask.tolist() == [False, True]

    def test_fill_of_no_number_is_none(self, make_cdf):
        column = self.column(make_cdf, np.array([-1, 2], "i1"), 1, FILLVAL=[255, "CDF_UINT1"])
        assert not hasattr(column, "mask")


TT2000_NOON = cdflib.cdfepoch.compute_tt2000([2026, 1, 10, 12, 0, 0, 0, 0, 0])
EPOCH_NOON = cdflib.cdfepoch.compute_epoch([2026, 1, 10, 12, 0, 0, 0])
SINCE_1970 = {"UNITS": "seconds since 1970-01-01 00:00:00"}
RECORD_TIMES = [
    pytest.param("CDF_TIME_TT2000", TT2000_NOON, -(2**63), {}, id="TT2000"),
    pytest.param("CDF_TIME_TT2000", TT2000_NOON, -5, {"FILLVAL": -5}, id="TT2000 with another fill value"),
    pytest.param("CDF_EPOCH", EPOCH_NOON, -1e31, {}, id="EPOCH"),
    pytest.param("CDF_EPOCH16", complex(EPOCH_NOON / 1000, 0), complex(-1e31, -1e31), {}, id="EPOCH16"),
    pytest.param("CDF_DOUBLE", 1768046400.0, np.nan, SINCE_1970, id="count of seconds"),
    pytest.param("CDF_INT8", 1768046400, -1, SINCE_1970 | {"FILLVAL": -1}, id="integer count of seconds"),
]


class TestTimes:
    @pytest.mark.parametrize("encoding", [NETWORK, IBM_PC])
    def test_epoch16_is_two_numbers(self, encoding):
        instant = cdflib.cdfepoch.compute_epoch16([2026, 1, 10, 12, 30, 15, 250, 1, 7, 0])
        content = struct.pack(">dd" if encoding == NETWORK else "<dd", instant.real, instant.imag)
        layout = VariableLayout("Epoch", True, 0, EPOCH16, 1, (), True, 1, 0, b"", 0, (Block(0, 0, 0, 16, False),))
        (found,) = values_of_layout(layout, Structure(Path("x.cdf"), encoding, content=content)).values
        assert found == instant

    @pytest.mark.parametrize("least", [-(2**63), -(2**63) + 1])
    def test_fill_and_pad_of_tt2000_are_missing_without_a_word(self, make_cdf, least):
        table = imap.read(make_cdf({"epoch": (TT2000, np.array([0, least]), {})}))
        assert list(table["epoch"].mask) == [False, True]

    @pytest.mark.parametrize("fill", [-1e31, 0.0, np.nan, 315569519999999.0])
    def test_epochs_that_are_none_are_missing(self, make_cdf, fill):
        table = imap.read(make_cdf({"Epoch": (EPOCH, [6.39e13, fill], {})}))
        assert list(table["Epoch"].mask) == [False, True]

    def test_every_time_may_be_missing(self, make_cdf, tmp_path):
        from sunpy.timeseries import TimeSeries

        table = imap.read(make_cdf({"epoch": (TT2000, np.full(3, -(2**63)), {}), "x": (FLOAT, [1.0, 2, 3], ON_TIME)}))
        assert all(table["epoch"].mask)
        assert list(table["x"]) == [1, 2, 3]
        with pytest.raises(HelioPluginsError, match="does not contain records with times"):
            TimeSeries(str(tmp_path / "made.cdf"), source="imap")

    @pytest.mark.parametrize(("kind", "raw", "fill", "attributes"), RECORD_TIMES)
    def test_record_times_have_a_mask_whether_or_not_one_is_missing(self, monkeypatch, kind, raw, fill, attributes):
        """Files of one product then have columns of one type, whose schema does not depend on their content."""

        def read(*stamps):
            values = np.array(stamps)
            on_time = variables.Variable("x", "CDF_DOUBLE", 2, True, ON_TIME, lambda: Values(np.ones(2), None))
            epoch = variables.Variable("epoch", kind, 2, True, attributes, lambda: Values(values, None))
            found = {"epoch": epoch, "x": on_time}, {}
            monkeypatch.setattr(sys.modules[cdf.read.__module__], "load", lambda path: found)
            return cdf.read(MAG)

        whole, gaps = read(raw, raw), read(raw, fill)
        assert [part["epoch"].masked for part in (whole, gaps, whole[:1], whole[:0])] == [True] * 4
        assert (list(whole["epoch"].mask), list(gaps["epoch"].mask)) == ([False, False], [False, True])
        assert whole["epoch"][0].isot == gaps["epoch"][0].isot == "2026-01-10T12:00:00.000000000"

    def test_a_record_time_of_which_none_is_missing_gives_plain_values(self, make_cdf):
        """Its mask does not reach what is computed from it, except where astropy keeps a mask without true elements."""
        stamps = cdflib.cdfepoch.compute_tt2000([2026, 1, 10, 12, 0, 0, 0, 0, 0]) + np.arange(4) * 10**9
        table = imap.read(make_cdf({"epoch": (TT2000, stamps, {}), "x": (FLOAT, np.arange(4.0), ON_TIME)}))
        epoch = table["epoch"]
        assert {type(one) for one in (epoch.mjd, epoch.unix, epoch.datetime64, epoch.isot)} == {np.ndarray}
        assert type(epoch[0]) is Time
        assert not epoch[0].masked
        assert type((epoch - epoch[0]).to_value("s")) is np.ndarray
        assert list(table[epoch > epoch[1]]["x"]) == [2, 3]
        assert np.median(np.diff(epoch.unix)) == 1
        assert np.interp(1.5, (epoch - epoch[0]).to_value("s"), table["x"]) == pytest.approx(1.5)

    def test_times_need_not_be_in_order_nor_different(self, make_cdf):
        made = {"epoch": (TT2000, np.array([3, 1, 1]) * 10**9, {}), "x": (FLOAT, [3.0, 1.0, 2.0], ON_TIME)}
        table = imap.read(make_cdf(made))
        assert list(table["x"]) == [3, 1, 2]
        frame = imap.to_timeseries(table).to_dataframe()
        assert list(frame["x"]) == [1, 2, 3]
        assert frame.index.is_monotonic_increasing

    def test_pairs_of_times_keep_both(self, make_cdf):
        made = {"epoch": (TT2000, np.arange(2), {}), "span": (TT2000, [[0, 1], [2, 3]], ON_TIME)}
        table = imap.read(make_cdf(made))
        assert isinstance(table["span"], Time)
        assert table["span"].shape == (2, 2)
        assert table.meta["epoch"] == "epoch"

    def test_a_time_that_does_not_vary_is_a_time(self, make_cdf):
        made = {"epoch": (TT2000, np.arange(2), {}), "start": (TT2000, [0], {"UNITS": "ns"})}
        table = imap.read(make_cdf(made, static=("start",)))
        assert table.meta["support"]["start"]["values"][0].isot == "2000-01-01T11:58:55.816000000"

    def test_missing_times_in_the_meta_can_be_written(self, make_cdf, tmp_path):
        made = {"epoch": (TT2000, np.arange(3), {}), "other": (TT2000, [0, -(2**63)], ON_TIME)}
        table = imap.read(make_cdf(made))
        table.write(tmp_path / "x.ecsv")
        again = QTable.read(tmp_path / "x.ecsv").meta["support"]["other"]["values"]
        assert again == ["2000-01-01T11:58:55.816000000", None]


class TestTexts:
    @pytest.mark.parametrize("kind", [CHAR, UCHAR])
    def test_texts_by_record_and_by_component(self, make_cdf, kind):
        made = {
            "epoch": (TT2000, np.arange(2), {}), "mode": (kind, ["norm", "brst"], ON_TIME),
            "label": (kind, ["Bx", "By", "Bz"], {}),
        }  # fmt: skip
        table = imap.read(make_cdf(made, static=("label",)))
        assert list(table["mode"]) == ["norm", "brst"]
        assert list(table.meta["support"]["label"]["values"]) == ["Bx", "By", "Bz"]

    @pytest.mark.parametrize(("fill", "lost"), [("none", "none"), (" ", "    "), ("none ", "none")])
    def test_texts_with_a_fill_value_have_a_mask(self, make_cdf, fill, lost):
        words = {**ON_TIME, "FILLVAL": fill}
        whole, gaps = (
            imap.read(make_cdf({"epoch": (TT2000, np.arange(2), {}), "mode": (CHAR, ["norm", one], words)}))["mode"]
            for one in ("brst", lost)
        )
        assert type(whole) is type(gaps)
        assert (list(whole.mask), list(gaps.mask)) == ([False, False], [False, True])
        assert gaps[0] == "norm"

    def test_texts_without_a_fill_value_have_no_mask(self, make_cdf):
        made = {"epoch": (TT2000, np.arange(2), {}), "mode": (CHAR, ["norm", "    "], ON_TIME)}
        assert not hasattr(imap.read(make_cdf(made))["mode"], "mask")

    def test_letters_beyond_ascii_in_either_coding(self, make_cdf):
        path = make_cdf({"epoch": (TT2000, np.arange(1), {}), "x": (FLOAT, [1.0], {**ON_TIME, "CATDESC": "Grad: ??"})})
        for coded in ("°".encode(), "°C".encode("latin-1")):
            content = path.read_bytes().replace(b"Grad: ??", b"Grad: " + coded)
            path.write_bytes(content)
            assert "°" in imap.read(path)["x"].info.description
            path.write_bytes(content.replace(b"Grad: " + coded, b"Grad: ??"))

    def test_a_text_ends_at_its_first_zero(self, make_cdf):
        path = make_cdf({"label": (CHAR, ["abcd"], {})}, static=("label",))
        path.write_bytes(path.read_bytes().replace(b"abcd", b"ab\0d"))
        assert values_of(path, "label").tolist() == ["ab"]


class TestMeaning:
    def test_names_filled_up_with_blanks_are_names(self, make_cdf):
        made = {
            "epoch": (TT2000, np.arange(2), {}),
            "x": (FLOAT, np.ones((2, 2)), {"DEPEND_0": "epoch   ", "DEPEND_1": "e ", "LABL_PTR_1": "l  "}),
            "e": (FLOAT, [1.0, 2.0], {}), "l": (CHAR, ["a", "b"], {}),
        }  # fmt: skip
        table = imap.read(make_cdf(made, static=("e", "l")))
        assert table.meta["problems"] == []
        assert table["x"].info.meta["axes"] == ["e"]
        assert table["x"].info.meta["labels"] == {"1": ["a", "b"]}

    def test_an_axis_without_a_name_keeps_its_place(self, make_cdf):
        made = {"epoch": (TT2000, np.arange(2), {}), "x": (FLOAT, np.ones((2, 3, 4)), {**ON_TIME, "DEPEND_2": "e"})}
        column = imap.read(make_cdf(made))["x"]
        assert column.info.meta["axes"] == ["", "e"]

    def test_dependencies_of_other_conventions_are_no_axes(self, make_cdf):
        made = {"epoch": (TT2000, np.arange(2), {}), "x": (FLOAT, np.ones((2, 3)), {**ON_TIME, "DEPEND_TIME": "t"})}
        column = imap.read(make_cdf(made))["x"]
        assert "axes" not in column.info.meta

    @pytest.mark.parametrize(("texts", "unit"), [(["nT", "nT"], u.nT), (["nT", "km"], None)])
    def test_units_may_stand_in_a_variable(self, make_cdf, texts, unit):
        made = {
            "epoch": (TT2000, np.arange(2), {}), "x": (FLOAT, np.ones((2, 2)), {**ON_TIME, "UNIT_PTR": "units"}),
            "units": (CHAR, texts, {}),
        }  # fmt: skip
        column = imap.read(make_cdf(made, static=("units",)))["x"]
        assert getattr(column, "unit", None) == unit
        assert column.info.meta["UNIT_PTR"] == "units"

    def test_labels_that_vary_or_are_not_there_are_none(self, make_cdf):
        words = {**ON_TIME, "LABL_PTR_1": "epoch", "LABL_PTR_2": "nowhere", "LABL_PTR_3": [3, "CDF_INT4"]}
        made = {"epoch": (TT2000, np.arange(2), {}), "x": (FLOAT, np.ones((2, 2)), words)}
        column = imap.read(make_cdf(made))["x"]
        assert "labels" not in column.info.meta

    def test_attributes_of_the_file_that_are_called_as_ours(self, make_cdf, tmp_path):
        from cdflib.cdfwrite import CDF

        path = tmp_path / "x.cdf"
        cdf = CDF(path, cdf_spec={"Majority": "row_major", "Encoding": 6, "Compressed": 0})
        texts = {0: "one", 1: "two", 5: "six"}
        cdf.write_globalattrs({"problems": {0: "none"}, "TEXT": texts, "N": {0: [3, "CDF_INT4"]}})
        cdf.close()
        meta = imap.read(path).meta
        assert (meta["problems_of_file"], meta["TEXT"], meta["N"]) == ("none", ["one", "two", "six"], 3)

    @pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.cdf"))[::5], ids=lambda path: path.name)
    def test_attributes_of_the_file_are_those_that_cdflib_gives(self, path):
        theirs = cdflib.CDF(path).globalattsget()
        assert variables.load(path)[1] == {name: one[0] if len(one) == 1 else one for name, one in theirs.items()}


class TestWholeFiles:
    def test_files_without_variables(self, make_cdf):
        table = imap.read(make_cdf({}))
        assert (len(table), table.colnames) == (0, [])

    def test_runs_of_zeros(self):
        packed = b"ab\0\2c\0\0d"
        assert records_module.expanded(packed, 1, 8) == b"ab\0\0\0c\0d"

    @pytest.mark.parametrize("kind", [2, 3])
    def test_other_compressions_are_refused_by_name(self, kind):
        with pytest.raises(FileError, match="gzip"):
            records_module.expanded(b"x", kind, 1)

    @pytest.fixture(params=["zlib", "isal.isal_zlib"])
    def inflate(self, request, monkeypatch):
        monkeypatch.setattr(records_module, "_inflate", pytest.importorskip(request.param))

    @pytest.mark.usefixtures("inflate")
    def test_a_damaged_block_is_refused(self):
        with pytest.raises(FileError, match="damaged"):
            records_module.expanded(zlib.compress(b"x" * 100), 5, 100)

    @pytest.mark.usefixtures("inflate")
    def test_every_bit_of_a_compressed_block_counts(self):
        content = bytes(range(256)) * 4
        packed = gzip.compress(content, mtime=0)
        assert records_module.expanded(packed, 5, len(content)) == content
        found = 0
        for bit in range(8 * len(packed)):
            damaged = bytearray(packed)
            damaged[bit // 8] ^= 1 << bit % 8
            try:
                assert records_module.expanded(bytes(damaged), 5, len(content)) == content
            except FileError:
                found += 1
        assert found > 0.9 * 8 * len(packed)

    @pytest.mark.usefixtures("inflate")
    def test_a_large_block_is_the_same(self):
        content = np.random.default_rng(1).integers(0, 9, 10**6).astype("u1").tobytes()
        assert records_module.expanded(gzip.compress(content, 1), 5, len(content)) == content

    @pytest.mark.usefixtures("inflate")
    def test_a_block_has_its_end_and_its_size(self):
        packed = gzip.compress(b"x" * 100)
        for length in range(len(packed)):
            with pytest.raises(FileError, match=r"truncated|damaged|instead of 100"):
                records_module.expanded(packed[:length], 5, 100)
        for kind, content in ((5, packed), (1, b"x" * 100)):
            for size in (99, 101, 1000):
                with pytest.raises(FileError, match=f"instead of {size}|truncated"):
                    records_module.expanded(content, kind, size)

    def test_a_flipped_bit_in_a_compressed_file_never_changes_a_value(self, make_cdf):
        numbers = np.linspace(1, 2, 400)
        path = make_cdf(
            {"epoch": (33, np.arange(400) * 10**9, {}), "b": (45, numbers, ON_TIME)}, spec={"b": {"Compress": 6}}
        )
        whole = path.read_bytes()
        blocks = [found.start() for found in re.finditer(rb"\x1f\x8b\x08", whole)]
        assert blocks
        for start in blocks:
            (size,) = struct.unpack_from(">q", whole, start - 24)
            for place in range(start + 10, start - 24 + size):
                damaged = bytearray(whole)
                damaged[place] ^= 1 << place % 8
                path.write_bytes(damaged)
                try:
                    found = imap.read(path)
                except FileError:
                    continue
                if "b" in found.colnames:
                    assert (np.asarray(found["b"]) == numbers).all(), place
                else:
                    assert any("compressed" in problem for problem in found.meta["problems"])

    def test_a_checksum_of_the_file_is_compared(self, make_cdf):
        path = make_cdf({"epoch": (33, np.arange(40) * 10**9, {})}, Checksum=True)
        whole = path.read_bytes()
        assert len(imap.read(path)) == 40
        records_module.check_whole(whole, blocks=True)
        path.write_bytes(whole.replace(b"Solar Terrestrial", b"Solar terrestrial"))
        for check in (imap.read, lambda path: records_module.check_whole(path.read_bytes(), blocks=False)):
            with pytest.raises(FileError, match="checksum is wrong"):
                check(path)

    def test_a_block_that_ends_too_early_is_refused(self, make_cdf):
        spec = {"x": {"Compress": 6}}
        path = make_cdf({"x": (INT4, np.zeros(1000, "i4"), {})}, spec=spec)
        short = zlib.compressobj(6, zlib.DEFLATED, 31)
        packed = short.compress(bytes(100)) + short.flush()
        content = bytearray(path.read_bytes())
        start = content.index(b"\x1f\x8b")
        content[start : start + len(packed)] = packed
        path.write_bytes(content)
        with pytest.raises(FileError, match="x cannot be read"):
            values_of(path, "x")

    def test_variables_in_files_of_their_own_are_refused(self, tmp_path):
        content = bytearray(MAG.read_bytes())
        content[8 + 32 + 3] &= ~2
        path = tmp_path / "x.cdf"
        path.write_bytes(content)
        with pytest.raises(FileError, match="separate files"):
            imap.read(path)

    def test_a_file_that_changes_after_it_was_opened(self, tmp_path):
        path = tmp_path / "x.cdf"
        path.write_bytes(MAG.read_bytes())
        support = imap.read(path).meta["support"]
        path.write_bytes(MAG.read_bytes()[:5000])
        with pytest.raises(FileError, match="direction"):
            support["direction"]


def version_2(release: int, values: list[int]) -> bytes:
    """Return a file of version 2 with one zVariable of the type CDF_INT4: "x", in "nT"."""
    wasted = bytes(128) if release < 5 else b""
    name, count = b"x".ljust(64, b"\0"), len(values)

    def record(kind: int, *parts: int | bytes) -> bytes:
        body = b"".join(part if isinstance(part, bytes) else struct.pack(">i", part) for part in parts)
        return struct.pack(">ii", 8 + len(body), kind) + body

    def records(places: list[int]) -> list[bytes]:
        directory, variable, index, block, attribute, entry, end = places
        head = variable, attribute, end, 0, 1, -1, 0, 1, 0, 0, 0, 0
        return [
            record(1, directory, 2, release, NETWORK, 3, 0, 0, 0, 0, 0, b"(c)".ljust(256, b"\0")),
            record(2, 0, *head),
            record(8, 0, INT4, count - 1, index, index, 1, 0, 0, 0, 0, wasted, 1, 0, -1, 0, name, 0),
            record(6, 0, 1, 1, 0, count - 1, block),
            record(7, *values),
            record(4, 0, 0, 2, 0, 0, -1, 0, entry, 1, 0, 0, b"UNITS".ljust(64, b"\0")),
            record(9, 0, 0, CHAR, 0, 2, 0, 0, 0, 0, 0, b"nT"),
        ]

    sizes = np.cumsum([8, *map(len, records([0] * 7))])
    magic = 0xCDF26002 if release >= 6 else 0x0000FFFF
    return struct.pack(">II", magic, 0x0000FFFF) + b"".join(records([int(size) for size in sizes[1:]]))


@pytest.mark.parametrize("release", [7, 6, 5, 4])
def test_files_of_version_2(tmp_path, release):
    path = tmp_path / "x.cdf"
    path.write_bytes(version_2(release, [5, -7, 9]))
    assert cdflib.CDF(path).varget("x").tolist() == [5, -7, 9]
    found = variables.load(path)[0]["x"]
    assert (found.values.tolist(), found.attributes) == ([5, -7, 9], {"UNITS": "nT"})


def test_the_names_of_types_are_those_of_cdf():
    from sunpy_helio_plugins.cdf.decode import KINDS

    assert {kind: cdflib.CDF._datatype_token(kind) for kind in KINDS} == KINDS


def with_deeper_index(values: list[int], depth: int) -> bytes:
    """Return `version_2` with further levels of the index of records, each of which refers to the next one."""
    content = version_2(7, values)
    count = len(values)
    # The head of the index is a field of the variable, the third offset after its next variable and its type.
    at = content.index(struct.pack(">ii", 6, 0)[:4] + struct.pack(">iii", 0, 1, 1)) - 4
    place, end = at, len(content)
    for _ in range(depth):
        content += struct.pack(">iiiiiiii", 32, 6, 0, 1, 1, 0, count - 1, place)
        place = len(content) - 32
    head = struct.pack(">ii", at, at)
    content = content.replace(head, struct.pack(">ii", place, place), 1)
    return content.replace(struct.pack(">i", end), struct.pack(">i", len(content)), 1)


@pytest.mark.parametrize("depth", [0, 1, 3, 19])
def test_an_index_may_refer_to_further_ones(tmp_path, depth):
    path = tmp_path / "x.cdf"
    path.write_bytes(with_deeper_index([5, -7, 9], depth))
    assert variables.load(path)[0]["x"].values.tolist() == [5, -7, 9]


def test_an_index_that_is_too_deep_is_refused(tmp_path):
    path = tmp_path / "x.cdf"
    path.write_bytes(with_deeper_index([5, -7, 9], 20))
    with pytest.raises(FileError, match="is too deep"):
        variables.load(path)


PADS = {
    1: -127, 2: -32767, 4: -(2**31) + 1, 8: -(2**63) + 1, 11: 254, 12: 65534, 14: 2**32 - 2, 21: np.float32(-1e30),
    22: -1e30, 33: -(2**63) + 1, 41: -127, 44: np.float32(-1e30), 45: -1e30, 51: "  ", 52: "  ",
}  # fmt: skip
"""Default pad values (CDF User's Guide, section 2.3.20)."""


@pytest.mark.parametrize("kind", PADS)
@pytest.mark.parametrize("encoding", [NETWORK, IBM_PC])
def test_records_without_a_pad_value_have_that_of_their_type(kind, encoding):
    elements = 2 if kind in (CHAR, UCHAR) else 1
    layout = VariableLayout("x", True, 0, kind, elements, (2,), True, 3, 1, b"", 0, ())
    found = values_of_layout(layout, Structure(Path("x.cdf"), encoding, content=b"x"))
    assert found.values.tolist() == np.full((3, 2), PADS[kind]).tolist()
    assert found.missing.tolist() == [True] * 3


def test_complex_epochs_without_a_pad_value_are_zero():
    layout = VariableLayout("x", True, 0, EPOCH16, 1, (), True, 2, 1, b"", 0, ())
    found = values_of_layout(layout, Structure(Path("x.cdf"), IBM_PC, content=b"x"))
    assert found.values.tolist() == [0, 0]


GDR, VDR, VXR, ADR, ENTRY = 16, 12, 20, 16, 36
"""The position of the offset of the next record: of the file in the first one, then of the variable, of the index."""


def changed(fields: dict[tuple[int, ...], int]) -> bytes:
    """Return `version_2` with other values of some fields, which are counted from the beginning of a record."""
    content = bytearray(version_2(7, [5, -7, 9]))
    for (*way, number), value in fields.items():
        place = 0
        for step in way:
            (place,) = struct.unpack_from(">i", content, place + step)
        struct.pack_into(">i", content, place + 4 * number, value)
    return bytes(content)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({(GDR, 10): 2}, "only 1 of 2 records of kind 8 are present"),
        ({(GDR, 9): 25}, "the number of dimensions, 25, is not between 0 and 20"),
        ({(GDR, VDR, 3): 99}, "has an unknown data type or a negative size"),
        ({(GDR, VDR, 4): -2}, "has an unknown data type or a negative size"),
        ({(GDR, VDR, 12): 0}, "has an unknown data type or a negative size"),
        ({(GDR, VDR, 4): 2**30}, "the variable x cannot have 1073741825 records of 4 bytes"),
        ({(GDR, VDR, VXR, 4): 2}, r"the index at \d+ cannot have 1 blocks"),
        ({(GDR, VDR, VXR, 3): 2**20}, r"the index at \d+ cannot have 1048576 blocks"),
        ({(GDR, VDR, VXR, 5): 3}, r"the block at \d+ cannot contain the records 3 to 2"),
        ({(GDR, VDR, VXR, 5): -1}, r"the block at \d+ cannot contain the records -1 to 2"),
        ({(GDR, VDR, VXR, 6): 99}, r"the block at \d+ contains fewer than 100 records"),
        ({(GDR, ADR, ENTRY, 4): 99}, r"the value of an attribute at \d+ has an unknown data type or a negative size"),
        ({(GDR, ADR, ENTRY, 6): -3}, r"the value of an attribute at \d+ has an unknown data type or a negative size"),
        ({(GDR, ADR, ENTRY, 6): 99}, "the value of an attribute is longer than its record"),
    ],
)
def test_fields_that_contradict_the_file_are_refused(tmp_path, fields, words):
    path = tmp_path / "x.cdf"
    path.write_bytes(changed({}))
    assert variables.load(path)[0]["x"].values.tolist() == [5, -7, 9]
    path.write_bytes(changed(fields))
    with pytest.raises(FileError, match=words):
        variables.load(path)


@pytest.mark.parametrize(("more", "is_read"), [(-1, False), (0, True), (1, True), (8, True)])
def test_the_record_of_a_value_may_have_room_behind_it(tmp_path, more, is_read):
    path, content, place = tmp_path / "x.cdf", changed({}), 0
    for step in (GDR, ADR, ENTRY):
        (place,) = struct.unpack_from(">i", content, place + step)
    (size,) = struct.unpack_from(">i", content, place)
    path.write_bytes(changed({(GDR, ADR, ENTRY, 0): size + more}) + bytes(8))
    if is_read:
        assert variables.load(path)[0]["x"].values.tolist() == [5, -7, 9]
    else:
        with pytest.raises(FileError, match="the value of an attribute is longer than its record"):
            variables.load(path)


def test_records_that_no_block_contains_are_masked_and_listed(tmp_path):
    path = tmp_path / "x.cdf"
    path.write_bytes(changed({(GDR, VDR, 4): 4}))
    table = cdf.read(path)
    assert table["x"].mask.tolist() == [False] * 3 + [True] * 2
    assert table.meta["problems"][1] == "x: 2 of 5 records are absent, which the file does not declare."


def test_a_record_that_refers_to_itself_is_read_once(tmp_path):
    path = tmp_path / "x.cdf"
    content = changed({})
    (directory,) = struct.unpack_from(">i", content, GDR)
    (variable,) = struct.unpack_from(">i", content, directory + VDR)
    path.write_bytes(changed({(GDR, 10): 2, (GDR, VDR, 2): variable}))
    with pytest.raises(FileError, match=f"the record at {variable} is referred to twice"):
        variables.load(path)


def test_names_may_be_in_latin_1(tmp_path):
    path = tmp_path / "x.cdf"
    path.write_bytes(changed({}).replace(b"x".ljust(64, b"\0"), b"\xb0C".ljust(64, b"\0")))
    assert list(variables.load(path)[0]) == ["°C"]


@pytest.mark.parametrize("size", [0, -1, 2**40])
def test_a_size_of_the_content_that_is_not_possible_is_refused(size):
    content = struct.pack(">IIqiqqi", 0xCDF30001, 0xCCCC0001, 32, 10, 0, size, 0)
    with pytest.raises(FileError, match=f"the size of its content, {size} bytes, is not possible"):
        records_module.unpacked(content)


@pytest.mark.parametrize("content", [b"", b"\xcd\xf3\0\1", b"GIF89a, a picture"])
def test_other_content_is_not_whole(content):
    with pytest.raises(FileError, match="it begins with b"):
        records_module.check_whole(content, blocks=False)


def in_a_block(packed: bytes) -> bytes:
    """Return a file with one record, of a compressed block."""
    head = struct.pack(">IIqiiq", 0xCDF30001, 0x0000FFFF, 24 + len(packed), 13, 0, len(packed))
    return head + packed


def test_blocks_of_other_compressions_are_not_checked():
    records_module.check_whole(in_a_block(b"ab\0\2c"), blocks=True)
    records_module.check_whole(in_a_block(gzip.compress(b"x" * 100)), blocks=True)
    packed = gzip.compress(b"x" * 100)[:-9]
    records_module.check_whole(in_a_block(packed), blocks=False)
    with pytest.raises(FileError, match="a compressed block is truncated"):
        records_module.check_whole(in_a_block(packed), blocks=True)


@pytest.mark.parametrize("size", [0, -5, 2**40])
def test_a_compressed_block_of_an_impossible_size_is_refused(make_cdf, size):
    path = make_cdf({"x": (INT4, np.zeros(1000, "i4"), {})}, spec={"x": {"Compress": 6}})
    content = bytearray(path.read_bytes())
    struct.pack_into(">q", content, content.index(b"\x1f\x8b") - 8, size)
    path.write_bytes(content)
    with pytest.raises(FileError, match=f"cannot have {size} bytes"):
        variables.load(path)


def test_a_block_that_is_shorter_than_its_records_is_refused():
    layout = VariableLayout("x", True, 0, INT4, 1, (), True, 3, 0, b"", 0, (Block(0, 2, 0, 8, False),))
    with pytest.raises(FileError, match="its records 0 to 2 have 8 bytes instead of 12"):
        values_of_layout(layout, Structure(Path("x.cdf"), IBM_PC, content=bytes(8)))


VAX, VAX_D, VAX_G, ITANIUM_D, ITANIUM_G = 3, 14, 15, 20, 21
VAX_FLOATS = {
    1.0: "80400000", -1.0: "80c00000", 3.5: "60410000", -3.5: "60c10000", 3.14159: "4941d00f", 1e37: "f07dc2bd",
    1.2345679: "9e405206", 0.0: "00000000",
}  # fmt: skip
VAX_DOUBLES = {
    "d": {1.0: "8040000000000000", -3.5: "60c1000000000000", np.pi: "4941da0f21a2c068", 0.0: "0000000000000000"},
    "g": {1.0: "1040000000000000", -3.5: "2cc0000000000000", np.pi: "2940fb214454182d", 0.0: "0000000000000000"},
}


def of_vax(kind: int, encoding: int, content: bytes, **words) -> Values:
    count = len(content) // (8 if kind == DOUBLE else 4)
    layout = VariableLayout(
        "x", True, 0, kind, 1, (), True, count, 0, b"", 0, (Block(0, count - 1, 0, len(content), False),)
    )
    return values_of_layout(layout._replace(**words), Structure(Path("x.cdf"), encoding, content=content))


@pytest.mark.parametrize("encoding", [VAX, VAX_D, VAX_G, ITANIUM_D, ITANIUM_G])
def test_numbers_of_the_vax(encoding):
    """Numbers and bytes as in the manuals of the VAX."""
    found = of_vax(FLOAT, encoding, bytes.fromhex("".join(VAX_FLOATS.values()))).values
    assert found.dtype == np.float32
    assert found.tolist() == np.array([*VAX_FLOATS], "f4").tolist()
    doubles = VAX_DOUBLES["g" if encoding in (VAX_G, ITANIUM_G) else "d"]
    found = of_vax(DOUBLE, encoding, bytes.fromhex("".join(doubles.values()))).values
    assert found.tolist() == [*doubles]
    assert of_vax(INT4, encoding, struct.pack("<ii", 5, -7)).values.tolist() == [5, -7]
    fill = bytes.fromhex(VAX_FLOATS[3.5])
    assert attribute_of(AttributeEntry("FILLVAL", False, True, 0, FLOAT, 1, fill), encoding) == 3.5


@pytest.mark.parametrize(("encoding", "bits", "offset", "fraction"), [(VAX_D, 8, 129, 55), (VAX_G, 11, 1025, 52)])
def test_every_double_of_the_vax(encoding, bits, offset, fraction):
    def packed(value: float) -> bytes:
        mantissa, exponent = math.frexp(abs(value))
        whole = int(mantissa * 2 ** (fraction + 1)) - 2**fraction
        number = (value < 0) << 63 | (exponent + offset - 1) << fraction | whole
        return b"".join(struct.pack("<H", number >> shift & 0xFFFF) for shift in (48, 32, 16, 0))

    chosen = np.random.default_rng(3)
    values = chosen.normal(size=500) * 10.0 ** chosen.integers(-37, 37, 500)
    values[0] = -1e31
    assert of_vax(DOUBLE, encoding, b"".join(map(packed, values))).values.tolist() == values.tolist()


def test_missing_records_of_the_vax_have_the_pad_value():
    block = (Block(1, 1, 0, 4, False),)
    words = {"records": 3, "sparse": 2, "blocks": block, "pad": bytes.fromhex(VAX_FLOATS[1e37])}
    content = bytes.fromhex(VAX_FLOATS[-3.5])
    assert of_vax(FLOAT, VAX, content, **words).values.tolist() == [np.float32(1e37), -3.5, -3.5]
    assert of_vax(FLOAT, VAX, content, **words | {"pad": b"", "sparse": 1}).values.tolist() == [
        np.float32(-1e30), -3.5, np.float32(-1e30),
    ]  # fmt: skip
    layout = VariableLayout("x", True, 0, FLOAT, 1, (), True, 9, 2, b"", 0, block)
    part = values_of_layout(layout, Structure(Path("x.cdf"), VAX, content=content), range(5, 7))
    assert part.values.tolist() == [-3.5, -3.5]


def test_many_numbers_of_the_vax():
    content = bytes.fromhex(VAX_FLOATS[1.0] + VAX_FLOATS[-3.5]) * 200_000
    assert of_vax(FLOAT, VAX, content).values.tolist() == [1.0, -3.5] * 200_000


def test_a_reserved_number_of_the_vax_is_missing():
    assert np.isnan(of_vax(FLOAT, VAX, bytes.fromhex("00800000")).values).all()


def test_an_array_without_elements_has_its_shape():
    layout = VariableLayout("x", True, 0, FLOAT, 1, (0,), True, 3, 0, b"", 0, ())
    assert values_of_layout(layout, Structure(Path("x.cdf"), IBM_PC, content=b"x")).values.shape == (3, 0)


def test_an_attribute_without_elements_is_empty():
    assert attribute_of(AttributeEntry("N", True, False, 0, INT4, 0, b""), IBM_PC) == []
    assert attribute_of(AttributeEntry("N", True, False, 0, INT4, 2, struct.pack(">ii", 3, 4)), NETWORK) == [3, 4]


@pytest.mark.parametrize(("kind", "name"), [(FLOAT, "CDF_FLOAT"), (DOUBLE, "CDF_DOUBLE")])
@pytest.mark.parametrize(("fill", "missing"), [(-1e31, True), (-1e30, False)])
def test_in_a_range_of_all_floats_only_the_usual_fill_is_missing(make_cdf, kind, name, fill, missing):
    dtype = np.dtype(NUMBERS[kind])
    limits = {"VALIDMIN": np.finfo(dtype).min, "VALIDMAX": np.finfo(dtype).max, "FILLVAL": dtype.type(fill)}
    words = {**ON_TIME, **{key: [float(value), name] for key, value in limits.items()}}
    values = np.array([1.0, fill], dtype)
    column = cdf.read(make_cdf({"epoch": (TT2000, np.arange(2), {}), "x": (kind, values, words)}))["x"]
    assert np.broadcast_to(column.mask, 2).tolist() == [False, missing]


def test_labels_that_cannot_be_read_are_left_out(make_cdf):
    made = {
        "epoch": (TT2000, np.arange(2), {}), "x": (FLOAT, np.ones((2, 2)), {**ON_TIME, "LABL_PTR_1": "label"}),
        "label": (CHAR, ["Bx", "By"], {}),
    }  # fmt: skip
    path = make_cdf(made, static=("label",))
    whole, cut = variables.load(path)[0], variables.load(path)[0]
    column = columns.as_column(whole["x"], whole)
    assert column.info.meta["labels"] == {"1": ["Bx", "By"]}
    assert cut["x"].values.shape == (2, 2)
    path.write_bytes(path.read_bytes()[:500])  # while the file is open
    column = columns.as_column(cut["x"], cut)
    assert column.tolist() == [[1, 1], [1, 1]]
    assert "labels" not in column.info.meta


def test_files_without_times_are_not_joined(make_cdf, tmp_path):
    path = make_cdf({"x": (FLOAT, np.arange(3.0), {})})
    second = tmp_path / "second.cdf"
    second.write_bytes(path.read_bytes())
    with pytest.raises(
        FileError, match=r"made\.cdf does not have a time variable to join files by: read one file at a"
    ):
        cdf.read([path, second])


def test_support_that_cannot_be_converted_names_the_variable(make_cdf, monkeypatch):
    def fail(*args):
        raise ValueError("no such thing")

    path = make_cdf({"epoch": (TT2000, np.arange(2), {}), "e": (FLOAT, [1.0, 2.0], {})}, static=("e",))
    monkeypatch.setattr(sys.modules["sunpy_helio_plugins.cdf.read"], "as_support", fail)
    with pytest.raises(FileError, match=r"made\.cdf: e cannot be read \(no such thing\)"):
        _ = cdf.read(path).meta["support"]["e"]


def test_a_stream_is_not_read():
    with pytest.raises(FileError, match="Reading CDF needs a path, but got BytesIO: save it to a file first"):
        QTable.read(io.BytesIO(MAG.read_bytes()), format="cdf")


def test_frozen_collections_have_lengths_hashes_and_compare_arrays():
    one, two = np.arange(2), np.arange(3)
    mappings = [FrozenMapping({"a": one}), LazyMapping({"a": lambda: one})]
    assert len({*mappings, FrozenMapping({"a": np.arange(2)})}) == 1
    assert [len(each) for each in mappings] == [1, 1]
    assert FrozenMapping({"a": one}) != FrozenMapping({"a": two})
    assert FrozenMapping({"a": one}) != FrozenMapping({"b": one})
    assert hash(FrozenList("ab")) == hash(FrozenList(["a", "b"]))
    assert len({FrozenList("ab"), FrozenList("ab"), FrozenList("ac")}) == 2
