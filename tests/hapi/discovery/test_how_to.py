"""Test that the code of the how-to page runs on the embedded archive."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "how_to" / "hapi_find.rst"


# Of all listed servers, the embedded archive has two without credentials.
@pytest.mark.filterwarnings("ignore:.*the catalogue of")
def test_the_code_of_the_page_runs(archive: Any) -> None:
    blocks = re.findall(
        r"^\.\. code-block:: python\n\n((?: {4}.*\n|\n)+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(blocks) >= 7
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(textwrap.dedent(block), str(PAGE), "exec"), names)
    assert names["table"]["proton_density"].unit == "cm-3"
    assert names["found"]["Dataset"][0] == "OMNI_HRO2_1MIN"
