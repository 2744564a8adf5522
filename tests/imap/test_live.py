"""Test the real service, only with ``--remote-data``."""

from __future__ import annotations

import pytest
import requests
from sunpy.net import Fido
from sunpy.net import attrs as a

import sunpy_helio_plugins  # noqa: F401
from sunpy_helio_plugins import imap


@pytest.mark.remote_data
def test_a_day_of_mag(tmp_path):
    found = Fido.search(a.Time("2026-03-01", "2026-03-01 12:00"), a.Instrument("mag"), a.imap.Descriptor("norm-gse"))
    assert len(found[0]) == 1
    files = Fido.fetch(found, path=tmp_path, progress=False)
    assert imap.read(files[0])["b_gse"].unit == "nT"


@pytest.mark.remote_data
@pytest.mark.parametrize("endpoint", ["release", "reprocess"])
def test_operations_exist_and_are_refused_without_a_key(endpoint):
    """Nothing is changed: the gateway refuses a request without a key before the service sees it."""
    answer = requests.get(f"https://api.imap-mission.com/api-key/{endpoint}", timeout=30)
    assert answer.status_code in (401, 403)
