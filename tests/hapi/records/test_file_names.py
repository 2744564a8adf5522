"""Test that two requests never have the same file name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import conf
from sunpy_helio_plugins.hapi import server_list
from sunpy_helio_plugins.hapi.records import fetch


def test_two_servers_of_one_host_do_not_share_files(archive: Any, tmp_path: Path) -> None:
    url = server_list.find("cdaweb").url
    with conf.hapi.set_temp("servers", []):
        here = Fido.search(a.Time("2026-01-10", "2026-01-11"), a.hapi.Server(url), a.hapi.Dataset("AC_H0_MFI"))["hapi"]
        there = here.copy()
        there["server_url"] = [url.replace("cdaweb", "other")]
        assert here["Server"] == there["Server"]
        names = [next(fetch.files(table)).name for table in (here, there)]
    assert names[0] != names[1]
