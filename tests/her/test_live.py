"""Test that the real registry responds like the embedded one."""

from __future__ import annotations

import pytest
from sunpy.net import Fido
from sunpy.net import attrs as a

import sunpy_helio_plugins  # noqa: F401


@pytest.mark.remote_data
def test_the_real_registry_lists_coronal_holes_with_outlines() -> None:
    query = (a.Time("2024-05-10", "2024-05-10T06:00"), a.her.CH, a.her.frm_name == "SPoCA", a.her.Limit(5))
    table = Fido.search(*query)["her"]
    assert 0 < len(table) <= 5
    assert table[0]["hpc_boundcc"].size > 2
