"""Compare the areas in the table of the documentation with the real responses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sunpy_helio_plugins.her import HERTable

PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "her.rst"
ANSWERS = (
    "hek/hek-events_2024-05-10.json", "world/her/spoca_2017-09-06.json", "world/her/spoca_2018_sample.json",
)  # fmt: skip


def lines() -> list[tuple[str, int, int, int]]:
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"   \* - ``((?:CH|AR)_\w+)``\n     - (\d+)\n     - ([\d,]+)\n     - ([\d,]+)\n     - \w", text)
    return [(name, int(count), *(int(one.replace(",", "")) for one in areas)) for name, count, *areas in found]


@pytest.mark.parametrize(("name", "count", "area", "registered"), lines())
def test_areas_are_those_of_the_page(real_data: Path, name: str, count: int, area: int, registered: int) -> None:
    answers = [json.loads((real_data / one).read_bytes()) for one in ANSWERS]
    records = [one for given in answers for one in (given["result"] if isinstance(given, dict) else given)]
    table = HERTable.from_records([one for one in records if one["kb_archivid"].endswith(name)])
    assert len(table["hpc_boundcc"][0]) - 1 == count
    assert table["hpc_boundcc"].area[0].to_value("Mm2") == pytest.approx(area, rel=1e-3)
    assert table["area_atdiskcenter"][0].to_value("Mm2") == pytest.approx(registered, rel=1e-3)


def test_the_page_has_the_table() -> None:
    assert len(lines()) >= 5
