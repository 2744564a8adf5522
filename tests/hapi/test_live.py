"""Test the real servers, with ``--remote-data`` only."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import pytest
from astropy.table import QTable
from sunpy.net import Fido
from sunpy.net import attrs as a


@pytest.mark.remote_data
def test_cdaweb_sends_the_field_at_ace(tmp_path: Path) -> None:
    found = Fido.search(
        a.Time("2024-05-10T12:00", "2024-05-10T13:00"),
        a.hapi.Server.cdaweb,
        a.hapi.Dataset("AC_H0_MFI"),
        a.hapi.Parameters("Magnitude", "BGSEc"),
    )
    table = QTable.read(Fido.fetch(found, path=tmp_path / "{file}")[0])
    assert table["BGSEc"].unit == u.nT
    assert len(table) == 225
