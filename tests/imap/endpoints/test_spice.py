"""Test metakernels of SPICE."""

from __future__ import annotations

from pathlib import Path

import pytest
from sunpy.net import attrs as a

from sunpy_helio_plugins import imap
from sunpy_helio_plugins import sandbox as sandbox_package
from sunpy_helio_plugins.errors import (
    AnswerError,
    QueryError,
    ServiceRefused,
)

SHIPPED = Path(sandbox_package.__file__).parent / "data" / "imap"
GSE = "imap_mag_l2_norm-gse_20260110_v001.0002.cdf"
WORDS = a.Time("2026-01-10", "2026-01-12"), a.Instrument("mag"), a.imap.Descriptor("norm-gse")


class TestMetakernel:
    def test_lists_kernels_in_order(self, archive):
        text = imap.metakernel(a.Time("2026-01-10 06:00", "2026-01-10 07:00"), folder="/data/imap/spice")
        places = [
            text.index(name)
            for name in ("naif0012", "imap_130", "sclk_0042", "de440", "recon_20251201", "010_2026_011")
        ]
        assert places == sorted(places)
        assert "'/data/imap/spice/lsk/naif0012.tls'" in text
        assert "009_2026_010" not in text

    def test_of_some_types(self, archive):
        text = imap.metakernel(a.Time("2026-01-10", "2026-01-11"), types=("leapseconds",))
        assert "naif0012" in text
        assert "de440" not in text

    def test_refusals(self, archive):
        with pytest.raises(QueryError, match="types are"):
            imap.metakernel(a.Time("2026-01-10", "2026-01-11"), types=("clock",))
        with pytest.raises(ServiceRefused, match="404"):
            imap.metakernel(a.Time("2026-01-10", "2026-01-11"), types=("earth_attitude",))
        with archive.fault("html_error"), pytest.raises(AnswerError):
            imap.metakernel(a.Time("2026-01-10", "2026-01-11"))

    @pytest.mark.parametrize("listed", ["", " ", "''", "\n    ''\n"])
    def test_a_list_without_kernels_is_an_error(self, answering, listed):
        answering(200, f"\\begindata\nKERNELS_TO_LOAD = ({listed})\n".encode(), "text/plain")
        with pytest.raises(AnswerError, match="it does not have kernels for this range"):
            imap.metakernel(a.Time("2026-01-10", "2026-01-11"))
