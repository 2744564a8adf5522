"""Fixtures for the tests of the index: the parameters of real descriptions, and a small invented catalogue."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import pytest

from sunpy_helio_plugins.hapi.discovery.corpus import Corpus
from sunpy_helio_plugins.hapi.discovery.index import IndexEntry

sys.path.insert(0, str(Path(__file__).parent))
from invented import CATALOGUE


@pytest.fixture(scope="session")
def real_corpus(real_data: Path) -> Corpus:
    """Return the parameters of CDAWeb, VirES and LISIRD, as far as their descriptions are available."""
    path = real_data / "world" / "hapi" / "infos_cdaweb.jsonl.gz"
    lines = gzip.decompress(path.read_bytes()).splitlines()
    cdaweb = [IndexEntry.of(one["dataset"], "", one["info"]) for one in map(json.loads, lines)]
    servers = [("cdaweb", "Coordinated Data Analysis Web", cdaweb)]
    for name, title in (("vires", "VirES for Swarm"), ("lisird", "LASP Interactive Solar Irradiance Datacenter")):
        listed = json.loads((real_data / "hapi" / f"metadata_{name}.json").read_text())["catalog"]
        servers.append((name, title, [IndexEntry.of(one["id"], "", one) for one in listed]))
    return Corpus(servers)


@pytest.fixture(scope="session")
def small() -> Corpus:
    """Return the parameters of the invented datasets."""
    return Corpus([("there", "An archive", [IndexEntry.of(one, "", said) for one, said in CATALOGUE.items()])])
