"""Test cubes."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from sunpy.net import attrs as a

from sunpy_helio_plugins import imap
from sunpy_helio_plugins import sandbox as sandbox_package
from sunpy_helio_plugins.errors import (
    QueryError,
)

SHIPPED = Path(sandbox_package.__file__).parent / "data" / "imap"
GSE = "imap_mag_l2_norm-gse_20260110_v001.0002.cdf"
WORDS = a.Time("2026-01-10", "2026-01-12"), a.Instrument("mag"), a.imap.Descriptor("norm-gse")


class TestCube:
    def test_a_spectrogram_has_times_and_energies(self):
        pytest.importorskip("ndcube")
        table = imap.read(SHIPPED / "imap_swe_l2_sci_20260110_v001.0001.cdf")
        cube = imap.to_ndcube(table, "flux")
        assert cube.data.shape == (2, 24, 30, 7)
        assert cube.unit == table["flux"].unit
        assert cube.array_axis_physical_types[0] == ("time",)
        assert cube.wcs.world_axis_names[-2:] == ("energy", "time")
        assert (cube.axis_world_coords(1)[0] == table.meta["support"]["energy"]["values"]).all()

    @pytest.mark.parametrize(("second", "unit"), [((1.0, 2.0, 4.0), u.eV), ((1.0, 2.0, 5.0), u.pix)])
    def test_energies_that_are_written_with_each_record(self, make_cdf, second, unit):
        pytest.importorskip("ndcube")
        made = {
            "epoch": (33, np.arange(2) * 10**9, {}),
            "flux": (44, np.ones((2, 3, 4)), {"DEPEND_0": "epoch", "DEPEND_1": "energy"}),
            "energy": (44, [(1.0, 2.0, 4.0), second], {"DEPEND_0": "epoch", "UNITS": "eV"}),
        }
        cube = imap.to_ndcube(imap.read(make_cdf(made)), "flux")
        assert cube.axis_world_coords(1)[0].unit == unit
        assert cube.wcs.world_axis_names == ("axis 1", "energy", "time")

    def test_rows_without_a_time_have_to_be_left_out(self, make_cdf):
        pytest.importorskip("ndcube")
        made = {"epoch": (33, [0, -(2**63)], {}), "flux": (44, np.ones((2, 3)), {"DEPEND_0": "epoch"})}
        table = imap.read(make_cdf(made))
        with pytest.raises(QueryError, match=r"1 of .* have none: remove these rows"):
            imap.to_ndcube(table, "flux")

    def test_what_is_no_spectrogram_is_refused(self):
        pytest.importorskip("ndcube")
        with pytest.raises(QueryError, match=r"the table has: b_gse"):
            imap.to_ndcube(imap.read(SHIPPED / GSE), "magnitude")
