"""Test relations between flares, regions, holes and CMEs that are computed from their times and places."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import pytest

from sunpy_helio_plugins import her
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her import HERTable

RING = "POLYGON((-200 -100,0 -100,0 100,-200 100,-200 -100))"


def event(kind: str, name: str, start: str, end: str, **more: Any) -> dict[str, Any]:
    times = {"event_starttime": f"2024-05-{start}:00", "event_endtime": f"2024-05-{end}:00"}
    return {
        "event_type": kind, "kb_archivid": name, "frm_name": "x", "event_coordsys": "UTC-HPC-TOPO", **times, **more
    }  # fmt: skip


def at(x: float, y: float) -> dict[str, Any]:
    return {"hpc_coord": f"POINT({x} {y})", "hpc_x": x, "hpc_y": y}


def cme(name: str, start: str, angle: float, width: float, **more: Any) -> dict[str, Any]:
    place = {"event_coordsys": "UTC-HRC-TOPO", "hrc_coord": f"POINT(2 {angle})", "cme_angularwidth": width}
    return event("CE", name, start, start, **place, cme_angularwidthunit="deg", **more)


def edges(*records: dict[str, Any], **options: Any) -> list[tuple[str, str, str, str]]:
    made = her.relations(HERTable.from_records(list(records)), **options)
    return [tuple(row) for row in made["first_ivorn", "edge_type", "second_ivorn", "by"].iterrows()]


REGION = event("AR", "region", "10T00:00", "11T00:00", ar_noaanum=13664, **at(-100, 0))
OTHER = event("AR", "other", "10T00:00", "11T00:00", ar_noaanum=13665, **at(500, 200))


def test_a_region_contains_the_flares_of_its_number() -> None:
    # SSW writes four digits, and the flare is closer to the other region.
    flare = event("FL", "flare", "10T05:00", "10T05:20", ar_noaanum=3664, **at(500, 200))
    assert edges(OTHER, REGION, flare) == [("region", "contains", "flare", "number")]


@pytest.mark.parametrize(("x", "found"), [(510, [("other", "contains", "flare", "place")]), (0, []), (None, [])])
def test_a_flare_without_a_number_is_in_the_closest_region(x: float | None, found: list[Any]) -> None:
    flare = event("FL", "flare", "10T05:00", "10T05:20", **({} if x is None else at(x, 200)))
    assert edges(OTHER, REGION | at(-500, -300), flare) == found


def test_the_angle_to_a_region_can_be_chosen() -> None:
    flare = event("FL", "flare", "10T00:00", "10T00:20", **at(0, 0))
    assert edges(REGION, flare, near=5 * u.deg) == []
    assert edges(REGION, flare, near=7 * u.deg) == [("region", "contains", "flare", "place")]


@pytest.mark.parametrize(("x", "found"), [(-100, True), (50, False)])
def test_a_hole_contains_the_regions_in_its_outline(x: float, found: bool) -> None:
    hole = event("CH", "hole", "10T00:00", "10T04:00", hpc_boundcc=RING, **at(-100, 0))
    region = event("AR", "region", "10T00:00", "10T04:00", **at(x, 0))
    assert edges(hole, region) == ([("hole", "contains", "region", "outline")] if found else [])


def test_regions_are_rotated_to_the_time_of_a_hole() -> None:
    hole = event("CH", "hole", "11T00:00", "11T04:00", hpc_boundcc=RING, **at(-100, 0))
    # In 24 hours it moves to the west, into the outline.
    region = event("AR", "region", "10T00:00", "11T02:00", **at(-350, 0))
    assert edges(hole, region) == [("hole", "contains", "region", "outline")]
    assert edges(hole, region | at(-100, 0)) == []


def test_holes_without_an_outline_contain_nothing() -> None:
    hole = event("CH", "hole", "10T00:00", "10T04:00", **at(-100, 0))
    assert edges(hole, REGION) == []
    assert edges(hole | {"hpc_boundcc": ""}, event("CH", "two", "10T00:00", "10T04:00", hpc_boundcc=RING), REGION) == [
        ("two", "contains", "region", "outline")
    ]


@pytest.mark.parametrize(
    ("start", "angle", "width", "found"),
    [
        ("10T06:00", 90, 40, True),
        ("10T07:30", 90, 40, False),  # two hours after its end
        ("10T04:00", 90, 40, False),  # before it
        ("10T06:00", 270, 40, False),
        ("10T06:00", 270, 360, True),
        ("10T06:00", 115, 40, True),
        ("10T06:00", 125, 40, False),
    ],
)
def test_flares_are_associated_with_the_cmes_at_their_angle(
    start: str, angle: float, width: float, found: bool
) -> None:  # fmt: skip
    flare = event("FL", "flare", "10T05:00", "10T05:20", **at(-900, 0))
    made = edges(flare, cme("cme", start, angle, width))
    assert made == ([("flare", "is_associated_with", "cme", "angle")] if found else [])


def test_regions_are_associated_with_the_cmes_during_them() -> None:
    region = REGION | at(-900, 0)
    assert edges(region, cme("cme", "10T06:00", 90, 40)) == [("region", "is_associated_with", "cme", "angle")]
    assert edges(region, cme("cme", "11T01:00", 90, 40)) == []


def test_events_at_the_center_of_the_disk_have_no_angle() -> None:
    flare = event("FL", "flare", "10T05:00", "10T05:20", **at(-10, 0))
    assert edges(flare, cme("cme", "10T06:00", 90, 100)) == []
    assert edges(flare, cme("cme", "10T06:00", 90, 360)) != []


def test_relations_have_the_form_of_those_of_the_registry() -> None:
    flare = event("FL", "flare", "10T05:00", "10T05:20", ar_noaanum=13664)
    table = HERTable.from_records([flare, REGION, event("FI", "filament", "10T05:00", "10T05:20", **at(-100, 0))])
    made = her.relations(table)
    assert made["first_event_type"].tolist() == ["AR"]
    assert made["second_event_type"].tolist() == ["FL"]
    assert (made["first"].tolist(), made["second"].tolist()) == ([1], [0])
    assert made["delay"].to_value("h").tolist() == [5]
    assert set(table.associations.colnames) - {"strength"} <= set(made.colnames)


def test_events_that_are_not_related_return_an_empty_table() -> None:
    made = her.relations(HERTable.from_records([]))
    assert len(made) == 0
    assert made["delay"].unit == u.s


@pytest.mark.parametrize(
    ("options", "words"),
    [({"within": -1 * u.min}, "a duration of at least 0"), ({"near": -1 * u.deg}, "an angle of at least 0")],
)
def test_negative_limits_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(QueryError, match=words):
        her.relations(HERTable.from_records([REGION]), **options)


def test_something_else_than_events_is_refused() -> None:
    with pytest.raises(QueryError, match=r"her\.relations takes events"):
        her.relations([1, 2])
