"""Run every line of the tables of the registry's API page, also with real responses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import astropy.units as u
import pytest
from sunpy.net import attrs as a

from sunpy_helio_plugins import HERClient, her

PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "her_api.rst"
IVORN = "ivo://helio-informatics.org/FA1550_YingnaSu_20090415_154655"
ANSWERS = (
    "hek/hek-events_2024-05-10.json", "hek/hek-to_pfss.json", "world/her/events_2023-03-29.json",
    "world/her/spoca_2017-09-06.json", "world/her/spoca_2018_sample.json",
)  # fmt: skip
MADE = {
    "event_type": "AR", "kb_archivid": "ivo://test/1", "frm_name": "SPoCA", "event_starttime": "2007-05-01T00:00:00",
    "event_endtime": "2007-05-02T00:00:00", "event_coordsys": "UTC-HPC-TOPO", "hpc_coord": "POINT(10 20)",
}  # fmt: skip


def lines(section: str) -> list[tuple[str, str, str]]:
    """Return the lines of the table of a section."""
    text = PAGE.read_text(encoding="utf-8").partition(f"\n{section}\n====")[2].partition("\n====")[0]
    return re.findall(r"   \* - (\d+)\n     - ``(.+)``\n     - ``(.+)``\n", text)


SEARCHES, CALLS = lines("Searches"), lines("Addresses and submissions")


def value(expression: str, **names: Any) -> Any:
    return eval(expression, {"a": a, "u": u, "her": her, **names})


def fields(query: str) -> dict[str, str]:
    return dict(parse_qsl(query, keep_blank_values=True))


def expect(asked: dict[str, str], documented: str) -> None:
    expected = fields(documented)
    assert {name: asked.get(name) for name in expected} == expected


def expect_one(asked: list[str], documented: str) -> None:
    """Expect one of several requests; a search also requests the keywords with which it reads the others."""
    found = [fields(urlsplit(path).query) for path in asked]
    expected = fields(documented)
    wanted = {name for name in expected.pop("return", "").split(",") if name != "required"} - {""}
    assert any(expected.items() <= one.items() and wanted <= set(one.get("return", "").split(",")) for one in found), (
        found
    )


def numbers(rows: list[tuple[str, str, str]]) -> set[int]:
    return {int(number) for number, _, _ in rows}


def test_the_page_has_every_example_but_two() -> None:
    assert numbers(SEARCHES) | numbers(CALLS) == set(range(2, 33)) - {28}


@pytest.mark.parametrize(("number", "documented", "here"), SEARCHES)
def test_searches_make_the_documented_request(number: str, documented: str, here: str) -> None:
    # Numbers of regions are also searched for with four digits.
    request = her.translate(*value(here))[0]
    expect(dict(request.parameters), documented)


@pytest.mark.filterwarnings("ignore::sunpy_helio_plugins.errors.IncompleteAnswerWarning")
@pytest.mark.parametrize(("number", "documented", "here"), SEARCHES)
def test_searches_read_the_response_to_their_request(scripted: Any, number: str, documented: str, here: str) -> None:
    scripted.say({"result": [MADE], "association": [], "overmax": False})
    table = HERClient().search(*value(here))
    expect_one(scripted.asked, documented)
    assert set(table["kb_archivid"]) <= {"ivo://test/1"}


@pytest.mark.filterwarnings("ignore::sunpy_helio_plugins.errors.IncompleteAnswerWarning")
@pytest.mark.parametrize("answer", ANSWERS)
def test_searches_read_real_responses(real_data: Path, scripted: Any, answer: str) -> None:
    given = json.loads((real_data / answer).read_bytes())
    records = given["result"] if isinstance(given, dict) else given
    scripted.say({"result": records, "association": [], "overmax": False})
    for _, documented, here in SEARCHES:
        scripted.asked.clear()
        found = HERClient().search(*value(here))
        expect_one(scripted.asked, documented)
        assert set(found["kb_archivid"]) <= {record["kb_archivid"] for record in records}


@pytest.mark.parametrize(("number", "documented", "here"), CALLS)
def test_calls_make_the_documented_request(number: str, documented: str, here: str) -> None:
    registry = her.Registry(dry_run=True)
    made = value(here, registry=registry, ivorn=IVORN, other=f"{IVORN}_2")
    asked = fields(urlsplit(made).query) if isinstance(made, str) else dict(made.fields)
    expect({name: str(one) for name, one in asked.items()}, documented)
