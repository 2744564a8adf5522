"""Test the meaning of flags in the words of the file, and which columns are uncertainties."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import MaskedColumn, QTable, vstack

from sunpy_helio_plugins import imap
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.imap.dataset.meanings import describe, words_of

MOST = 65535

MAG = (
    "The bitmask is an 8-bit integer where each bit represents a different quality flag.\nThe bits are defined as "
    "follows:\n- Bit 0: Data is sourced from secondary sensor\n- Bit 1: Thruster firing signals have been removed\n"
    "- Bits 4-7: Reserved for in flight calibration\n"
)

SWAPI = (
    "If bits 0-2 are all set, nothing is known. The flags are: bit 0 (value 1) INF, bit 1 (value 2) NEG, and bit 2 "
    "(value 4) SWP_PCEM_COMP."
)


class TestWords:
    """The texts have the forms of the attribute files of the mission's own software."""

    @pytest.mark.parametrize(
        ("notes", "expected"),
        [
            (
                MAG,
                {
                    1: "Data is sourced from secondary sensor",
                    2: "Thruster firing signals have been removed",
                    0xF0: "Reserved for in flight calibration",
                },
            ),
            (SWAPI, {1: "INF", 2: "NEG", 4: "SWP_PCEM_COMP"}),
            (
                "Bit 0 (value 1): packet was full (contained 664 events). Bit 1 (value 2): ESA voltage did not match.",
                {1: "packet was full (contained 664 events)", 2: "ESA voltage did not match"},
            ),
            ("Flags. Bit 2 (LAST_CAL_INTERVAL): set if any of the calibrations is the last.", {4: "LAST_CAL_INTERVAL"}),
        ],
    )
    def test_bits(self, notes, expected):
        found = words_of("quality", {"VAR_NOTES": notes}, MOST)
        assert dict(zip(found["masks"], found["meanings"], strict=True)) == expected

    @pytest.mark.parametrize(
        ("name", "attributes", "expected"),
        [
            (
                "qf",
                {"UNITS": "0=good", "CATDESC": "Data quality flag. 0: Good data, 1: Bad data."},
                {0: "Good data", 1: "Bad data"},
            ),
            ("data_quality", {"CATDESC": "Data Quality (0=good, 1=suspect)"}, {0: "good", 1: "suspect"}),
            ("is_valid", {"CATDESC": "Spin-period validity flag (1 - valid, 0 - invalid)"}, {0: "invalid", 1: "valid"}),
            (
                "mode",
                {"CATDESC": "State - Mode (0=Boot, 1=Maintenance, 3=Science)"},
                {0: "Boot", 1: "Maintenance", 3: "Science"},
            ),
            (
                "flags",
                {"VAR_NOTES": "- 0: Good data\n- 1: Bad data not\n  suitable\n"},
                {0: "Good data", 1: "Bad data not suitable"},
            ),
            (
                "q",
                {"CATDESC": "Quality", "VAR_NOTES": "0 = good data. 1 = suspect. 255 = fill."},
                {0: "good data", 1: "suspect", 255: "fill"},
            ),
        ],
    )
    def test_values(self, name, attributes, expected):
        found = words_of(name, attributes, MOST)
        assert dict(zip(found["values"], found["meanings"], strict=True)) == expected

    @pytest.mark.parametrize(
        ("name", "attributes"),
        [
            ("counts", {"CATDESC": "Counts in 8 bins between 100.4 to 1101 eV"}),
            ("tof", {"VAR_NOTES": "1023 is the value used to indicate no event was registered.", "UNITS": "ticks"}),
            ("seconds", {"CATDESC": "Bits 31-16 of the coarse timestamp"}),
            ("level", {"CATDESC": "Priority. 0 = high, 1 = low"}),
            ("quality", {"CATDESC": "Quality flag"}),
            ("energy_flag", {"CATDESC": "Energies: 20 - about the lowest"}),
            ("x", {}),
        ],
    )
    def test_other_numbers_are_not_flags(self, name, attributes):
        assert words_of(name, attributes, MOST) is None

    def test_values_that_the_type_does_not_have_are_left_out(self):
        found = words_of("flag", {"CATDESC": "0=good, 1=bad, 65535=fill"}, 255)
        assert found == {"values": [0, 1], "meanings": ["good", "bad"]}


def table_of(**columns):
    """Return a table with the attributes of CDF for each column."""
    table = QTable({name: values for name, (values, _) in columns.items()})
    for name, (_, attributes) in columns.items():
        table[name].info.meta = attributes
    return describe(table)


class TestFlags:
    def test_each_meaning_has_its_elements(self):
        bits = MaskedColumn(np.array([0, 1, 3, 0x20, 2], "u1"), mask=[False, False, False, False, True])
        found = imap.flags(table_of(quality=(bits, {"VAR_NOTES": MAG})), "quality")
        assert {text: values.tolist() for text, values in found.items()} == {
            "Data is sourced from secondary sensor": [False, True, True, False, False],
            "Thruster firing signals have been removed": [False, False, True, False, False],
            "Reserved for in flight calibration": [False, False, False, True, False],
        }

    def test_values_have_the_shape_of_the_column(self):
        found = imap.flags(table_of(mode=(np.array([[0, 1], [1, 7]]), {"CATDESC": "Mode: 0=off, 1=on"})), "mode")
        assert found["on"].tolist() == [[False, True], [True, False]]

    def test_they_are_those_of_cf_in_a_data_set(self, real_data):
        path = real_data / "imap" / "imap_mag_l2_norm-gse_20260110_v001.0002.cdf"
        dataset, table = imap.open(path).to_xarray(), imap.read(path)
        assert dataset.quality_bitmask.attrs["flag_masks"].tolist() == [1, 2, 4, 8, 240]
        assert dataset.quality_bitmask.attrs["flag_masks"].dtype == dataset.quality_bitmask.dtype
        words = dataset.quality_bitmask.attrs["flag_meanings"].split()
        assert [word.replace("_", " ") for word in words] == list(imap.flags(table, "quality_bitmask"))
        assert imap.flags(table, "quality_flags")["Good data"].sum() == 1438

    def test_stacked_tables_have_each_meaning_once(self):
        table = table_of(quality=(np.arange(3), {"VAR_NOTES": MAG}))
        assert len(imap.flags(vstack([table, table]), "quality")) == 3

    def test_a_column_that_is_not_explained_is_refused(self):
        table = table_of(x=(np.arange(3), {}), mode=(np.arange(3), {"CATDESC": "Mode: 0=off, 1=on"}))
        with pytest.raises(QueryError, match="does not explain the values of 'x'; it explains: mode"):
            imap.flags(table, "x")
        with pytest.raises(QueryError, match="does not contain 'y'; it has: x, mode"):
            imap.flags(table, "y")


class TestUncertainties:
    def test_those_that_the_file_names(self):
        said = {"DELTA_PLUS_VAR": "h_plus ", "DELTA_MINUS_VAR": "h_minus"}
        table = table_of(h=(np.ones(2), said), h_plus=(np.ones(2), {}), h_minus=(np.ones(2), {}))
        assert table["h"].info.meta["uncertainty"] == {"plus": "h_plus", "minus": "h_minus"}
        assert table["h_minus"].info.meta["uncertainty_of"] == "h"

    @pytest.mark.parametrize(
        ("name", "role"),
        [
            ("flux_unc", "unc"),
            ("unc_flux", "unc"),
            ("flux_stat_uncert", "stat_uncert"),
            ("flux_total_uncert_plus", "total_uncert plus"),
            ("Flux_sys_err", "sys_err"),
            ("flux_std_dev", "std_dev"),
        ],
    )
    def test_those_whose_names_tell(self, name, role):
        table = table_of(**{"flux": (np.ones((2, 3)), {}), name: (np.ones((2, 3)), {})})
        assert table["flux"].info.meta["uncertainty"] == {role: name}
        assert table[name].info.meta["uncertainty_of"] == "flux"

    @pytest.mark.parametrize("name", ["flow_unc", "flux_energy", "unc", "flux_unc"])
    def test_others_are_not(self, name):
        table = table_of(**{"flux": (np.ones((2, 3)), {}), name: (np.ones(2), {})})
        assert "uncertainty" not in table["flux"].info.meta

    def test_both_names_and_the_file_are_used_once(self):
        said = {"DELTA_PLUS_VAR": "h_unc", "DELTA_MINUS_VAR": "absent"}
        table = table_of(h=(np.ones(2), said), h_unc=(np.ones(2), {}), h_sys_err=(np.ones(2), {}))
        assert table["h"].info.meta["uncertainty"] == {"plus": "h_unc", "sys_err": "h_sys_err"}
