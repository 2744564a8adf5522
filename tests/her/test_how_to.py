"""The how-to page's code runs, on the embedded archive."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import sunpy.map
from astropy.coordinates import SkyCoord
from sunpy.coordinates import Helioprojective
from sunpy.map.header_helper import make_fitswcs_header

PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "her.rst"


def test_every_block_of_code_runs(archive: Any) -> None:
    centre = SkyCoord(0 * u.arcsec, 0 * u.arcsec, frame=Helioprojective(observer="earth", obstime="2026-01-10T14:00"))
    header = make_fitswcs_header(np.zeros((32, 32)), centre, scale=[80, 80] * u.arcsec / u.pix)
    names: dict[str, Any] = {"plt": plt, "aia_map": sunpy.map.Map(np.ones((32, 32)), header)}
    blocks = re.findall(r"\.\. code-block:: python\n\n((?:    .*\n|\n)+)", PAGE.read_text(encoding="utf-8"))
    assert len(blocks) >= 8
    for block in blocks:
        exec(compile(textwrap.dedent(block), str(PAGE), "exec"), names)
    assert len(names["holes"]) == 18
    assert len(names["ax"].lines) == 18
    plt.close("all")
