"""Test that the code of the how-to page runs on the embedded archive."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from sunpy_helio_plugins import conf

PAGE = Path(__file__).parents[3] / "docs" / "how_to" / "cache.rst"


def test_the_code_of_the_page_runs_and_requests_what_it_says(archive, capsys):
    blocks = re.findall(
        r"^\.\. code-block:: python\n\n((?: {4}.*\n|\n)+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(blocks) == 4
    names: dict[str, object] = {}
    counts = []
    with conf.hapi.set_temp("cache", True), conf.set_temp("cache", True):
        for block in blocks:
            exec(compile(textwrap.dedent(block), str(PAGE), "exec"), names)
            counts.append(len([one for one in archive.log if one.path.endswith("/data")]))
    assert counts == [3, 4, 4, 4]
    assert len(names["both"]) == 10800
    assert "AC_H0_MFI" in capsys.readouterr().out
