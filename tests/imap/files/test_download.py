"""Test files by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from sunpy.net import attrs as a

from sunpy_helio_plugins import imap
from sunpy_helio_plugins import sandbox as sandbox_package
from sunpy_helio_plugins.errors import (
    QueryError,
    TransferError,
)

SHIPPED = Path(sandbox_package.__file__).parent / "data" / "imap"
GSE = "imap_mag_l2_norm-gse_20260110_v001.0002.cdf"
WORDS = a.Time("2026-01-10", "2026-01-12"), a.Instrument("mag"), a.imap.Descriptor("norm-gse")


class TestDownload:
    def test_by_the_bare_name(self, archive, tmp_path, monkeypatch):
        monkeypatch.setenv("IMAP_DATA_DIR", str(tmp_path))
        assert imap.download(GSE) == tmp_path / "imap/mag/l2/2026/01" / GSE
        archive.log.clear()
        assert imap.download(GSE).is_file()
        assert archive.log == []

    def test_a_cut_file_that_is_there_is_fetched_again(self, archive, tmp_path):
        path = imap.download(GSE, tmp_path)
        path.write_bytes(path.read_bytes()[:9000])
        assert imap.download(GSE, tmp_path).read_bytes() == (SHIPPED / GSE).read_bytes()

    def test_what_is_not_there_and_what_is_not_released(self, archive, tmp_path):
        with pytest.raises(TransferError, match="404: File not found"):
            imap.download("imap_mag_l2_norm-gse_20300110_v001.0002.cdf", tmp_path)
        with pytest.raises(TransferError, match=r"403: .*not a part of a public release"):
            imap.download("imap_mag_l2_norm-gse_20260112_v001.0002.cdf", tmp_path)
        with pytest.raises(QueryError, match="conventions"):
            imap.download("mag.cdf", tmp_path)

    def test_kernels(self, archive, tmp_path):
        assert imap.download("naif0012.tls", tmp_path) == tmp_path / "imap/spice/lsk/naif0012.tls"
