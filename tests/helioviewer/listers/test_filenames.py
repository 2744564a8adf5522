"""Test parsing of the times in the file names that Helioviewer has used over the years."""

from __future__ import annotations

import numpy as np
import pytest

from sunpy_helio_plugins.helioviewer.listers.filenames import named_times, true_times


@pytest.mark.parametrize(
    ("name", "second", "expected"),
    [
        ("2023_01_01__00_00_05_129__SDO_AIA_AIA_304.jp2", "2023-01-01T00:00:05", "2023-01-01T00:00:05.129"),
        ("2013_06_24__17_31_30_84__SDO_AIA_AIA_193.jp2", "2013-06-24T17:31:30", "2013-06-24T17:31:30.840"),
        ("2024_10_08__01_57_30_006__STEREO-A_SECCHI_EUVI_195.jp2", "2024-10-08T01:57:30", "2024-10-08T01:57:30.006"),
        ("2024_12_31__00_03_19__PROBA2_SWAP_SWAP_174.jp2", "2024-12-31T00:03:19", "2024-12-31T00:03:19"),
        ("2024_12_31__00_00_42__NSO-GONG_GONG_H-alpha_6562.jp2", "2024-12-31T00:00:42", "2024-12-31T00:00:42"),
        ("2024_11_07__00_56_53_858__HINODE_XRT.jp2", "2024-11-07T00:56:53", "2024-11-07T00:56:53.858"),
        ("2018_02_11__01_08_40_800__RHESSI_RHESSI_VIS_CS_25-50keV.jp2", "2018-02-11T01:08:40", "2018-02-11T01:08:40.8"),
        ("solo_L3_eui-fsi174-image_20240702T120045260_V01.jp2", "2024-07-02T12:00:45", "2024-07-02T12:00:45.260"),
        ("iris_1330A_20240415_060002.jp2", "2024-04-15T06:00:02", "2024-04-15T06:00:02"),
        ("PUNCH_L3_CAM_20260221001600_v0j.jp2", "2026-02-21T00:16:00", "2026-02-21T00:16:00"),
        ("2022_04_01__00_00_45__SOLO-EUI-FSI_EUI_FSI_174.jp2", "2022-04-01T00:00:45", "2022-04-01T00:00:45"),
        # A database that rounds, like MySQL.
        ("2013_06_24__17_31_30_84__SDO_AIA_AIA_193.jp2", "2013-06-24T17:31:31", "2013-06-24T17:31:30.840"),
        # A name with a different time does not apply to this row.
        ("2013_06_24__17_31_30_84__SDO_AIA_AIA_193.jp2", "2013-06-24T17:40:00", "2013-06-24T17:40:00"),
        ("2013_13_24__17_31_30_84__SDO_AIA_AIA_193.jp2", "2013-06-24T17:40:00", "2013-06-24T17:40:00"),
        ("latest.jp2", "2013-06-24T17:40:00", "2013-06-24T17:40:00"),
    ],
)
def test_true_time_of_a_name(name: str, second: str, expected: str) -> None:
    path = f"/X/2000/01/01/y/{name}"
    assert true_times(np.array([path]), np.array([second], dtype="M8[us]"))[0] == np.datetime64(expected, "us")


def test_names_whose_digits_stand_elsewhere_are_parsed_singly() -> None:
    names = [
        "2026_01_10__12_00_05_129__SDO_AIA_AIA_304.jp2", "2026_01_10__12_00_05_12__SDO_AIA_AIA_1600.jp2",
        "2026_13_10__12_00_05_12__SDO_AIA_AIA_1600.jp2", "a-picture-without-a-time-of-the-same-lengthy.jp2"[-45:],
        "2026_01_10__12_00_05__STEREO-A_COR1_COR1_.jp2", "solo_L3_eui-fsi174-_20260110T120005260_V1.jp2",
    ]  # fmt: skip
    expected = ["2026-01-10T12:00:05.129", "2026-01-10T12:00:05.120", "NaT", "NaT", "2026-01-10T12:00:05"]
    assert {len(name) for name in names} == {45}
    found = named_times(np.array([f"/X/{name}".encode() for name in names]))
    assert found.tolist()[:5] == np.array(expected, "M8[us]").tolist()
    assert found[5] == np.datetime64("2026-01-10T12:00:05.260")
