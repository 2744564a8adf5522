"""Test that the real Helioviewer responds like the embedded one."""

from __future__ import annotations

from pathlib import Path

import pytest
from sunpy.net import Fido
from sunpy.net import attrs as a

import sunpy_helio_plugins  # noqa: F401 - registers a.helioviewer


@pytest.mark.remote_data
def test_the_published_rows_are_still_listed_and_open_as_a_map(tmp_path: Path) -> None:
    from sunpy.map import Map

    table = Fido.search(a.Time("2023-01-01 00:00", "2023-01-01 00:02"), a.helioviewer.SourceID(13))["helioviewer"]
    # The three rows in the blog's example; the following ones are not printed there.
    assert [path.rpartition("/")[2] for path in table["Path"][:3]] == [
        "2023_01_01__00_00_05_129__SDO_AIA_AIA_304.jp2",
        "2023_01_01__00_00_41_131__SDO_AIA_AIA_304.jp2",
        "2023_01_01__00_01_17_130__SDO_AIA_AIA_304.jp2",
    ]
    (file,) = Fido.fetch(table[:1], path=tmp_path / "{file}")
    assert Map(file).data.shape == (4096, 4096)
