"""Test that a search for a few keywords reads them like a search for all keywords."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import astropy.units as u
import numpy as np
import pytest
from astropy.time import Time
from sunpy.net import attrs as a

from sunpy_helio_plugins.her import HERClient, HERTable, Points, Polygon, Polygons
from sunpy_helio_plugins.her.filters.requisites import requisites
from sunpy_helio_plugins.her.keywords import keywords
from sunpy_helio_plugins.transport import metadata
from sunpy_helio_plugins.transport.exchange import Response

FILES = (
    "world/her/events_2023-03-29.json", "world/her/spoca_2017-09-06.json", "world/her/spoca_2018_sample.json",
    "hek/hek-events_2024-05-10.json", "hek/hek-to_pfss.json",
)  # fmt: skip
EVER = a.Time("2010-01-01", "2025-01-01")
OWN = ("event_starttime", "event_endtime", "event_type", "frm_name", "detection_time")

SPOCA = {
    "event_starttime": "2017-09-06T10:25:05", "event_endtime": "2017-09-06T14:25:05", "event_type": "CH",
    "frm_name": "SPoCA", "frm_versionnumber": 1, "event_coordsys": "UTC-HPC-TOPO", "event_coordunit": "arcsec,arcsec",
    "event_coord1": 67.1, "hpc_x": 67.1, "hpc_y": 855.8, "hgs_x": 12.4, "hgs_y": 70.9, "hgc_x": 95.5, "hgc_y": 70.9,
    "hpc_radius": "858.4", "hrc_r": 0.9015, "hrc_a": 355.5, "noposition": "false", "ar_noaanum": 2673,
    "area_raw": 3.0, "area_unit": "Mm2", "hpc_boundcc": "POLYGON((0 0,100 0,100 900,0 0))",
    "hgs_boundcc": "POLYGON((0 7,6 7,50 75,0 7))", "hrc_boundcc": "POLYGON((0.01 0,0.1 270,0.95 353,0.01 0))",
    "hpc_coord": "POINT(67.1 855.8)", "hpc_bbox": "POLYGON((0 0,9 0,9 9,0 9,0 0))", "kb_archivid": "ivo://x/1",
    "event_peaktime": None, "hgs_bbox": "POLYGON((-89 -89,89 -89,89 89,-89 89,-89 -89))", "intensvar": 4.0,
    "intensunit": "DN/s",
}  # fmt: skip
NOWHERE = SPOCA | {"kb_archivid": "ivo://x/2", "noposition": "true", "frm_name": "SWPC", "area_unit": "parsecs"}
ZERO = SPOCA | {"kb_archivid": "ivo://x/3"} | dict.fromkeys(("hpc_x", "hpc_y", "hgs_x", "hgs_y"), 0.0)
MADE = [SPOCA, NOWHERE, ZERO]


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a search of a registry that contains some records and sends the requested keywords."""

    def found(records: list[dict[str, Any]], *query: Any) -> HERTable:
        def get(url: str, **_: Any) -> Response:
            names = parse_qs(urlsplit(url).query).get("return", [""])[0].split(",")
            rows = [{name: one[name] for name in one if _is_asked(name, names)} for one in records]
            body = json.dumps({"result": rows, "overmax": False}).encode()
            return Response("HER", url, 200, {"Content-Type": "application/json"}, body)

        monkeypatch.setattr(metadata, "get", get)
        return HERClient().search(EVER, a.her.Event(), *query)

    return found


def _is_asked(name: str, names: list[str]) -> bool:
    if names in (["required"], ["optional"]):
        keyword = keywords().get(name)
        return bool(keyword and keyword.required) == (names == ["required"])
    return names == [""] or name in names


def same(mine: Any, full: Any) -> None:
    """Return whether two columns are equal: class, unit, mask, values, times and areas."""
    assert type(mine) is type(full)
    if isinstance(full, Polygons):
        for one, other in zip(mine, full, strict=True):
            assert (one is None) == (other is None)
            if isinstance(one, Polygon) and isinstance(other, Polygon):
                np.testing.assert_array_equal(one.vertices, other.vertices)
                assert one.time == other.time
                assert one.traced == other.traced
                np.testing.assert_array_equal(one.origin, other.origin)
        return
    if isinstance(full, Points):
        for name in ("values", "instants", "origins"):
            np.testing.assert_array_equal(getattr(mine, name)[~full.mask], getattr(full, name)[~full.mask])
        np.testing.assert_array_equal(mine.mask, full.mask)
        return
    gone = np.broadcast_to(np.asarray(getattr(full, "mask", False)), (len(full),))
    np.testing.assert_array_equal(np.broadcast_to(np.asarray(getattr(mine, "mask", False)), (len(full),)), gone)
    assert getattr(mine, "unit", None) == getattr(full, "unit", None)
    assert (mine.info.meta or {}) == (full.info.meta or {})
    kept = [column[~gone] for column in (mine, full)]
    values = [getattr(getattr(one, "unmasked", one), "value", one) for one in kept]
    assert np.array_equal(np.asarray(values[0]), np.asarray(values[1]))


def compare(mine: HERTable, full: HERTable, names: Any) -> None:
    for name in (*names, *OWN):
        same(mine[name], full[name])
    assert len(mine) == len(full)


def names_of(records: list[dict[str, Any]]) -> list[str]:
    return [name for name in dict.fromkeys(name for one in records for name in one) if name in keywords()]


@pytest.mark.filterwarnings("ignore::sunpy_helio_plugins.errors.IncompleteAnswerWarning")
@pytest.mark.parametrize("name", sorted(SPOCA))
def test_one_keyword_is_read_as_among_all(search: Any, name: str) -> None:
    compare(search(MADE, a.her.Return(name)), search(MADE), [name])


@pytest.mark.exhaustive
@pytest.mark.filterwarnings("ignore::sunpy_helio_plugins.errors.IncompleteAnswerWarning")
def test_every_keyword_of_every_real_event_is_read_as_among_all(search: Any, real_data: Path) -> None:
    for file in FILES:
        records = json.loads((real_data / file).read_bytes())["result"]
        full = search(records)
        for name in names_of(records):
            compare(search(records, a.her.Return(name)), full, [name])


@pytest.mark.filterwarnings("ignore::sunpy_helio_plugins.errors.IncompleteAnswerWarning")
def test_random_subsets_of_real_events_are_read_as_among_all(search: Any, real_data: Path) -> None:
    source = np.random.default_rng(12)
    for file in FILES:
        records = json.loads((real_data / file).read_bytes())["result"]
        full, names = search(records), names_of(records)
        for _ in range(15):
            some = list(map(str, source.choice(names, source.integers(2, 12), replace=False)))
            compare(search(records, a.her.Return(*some)), full, some)


@pytest.mark.filterwarnings("ignore::sunpy_helio_plugins.errors.IncompleteAnswerWarning")
@pytest.mark.parametrize("subset", ["required", "optional"])
def test_what_a_subset_cannot_tell_is_masked_and_named(search: Any, subset: str) -> None:
    full, some = search(MADE), search(MADE, a.her.Return(subset))
    assert any("masked" in problem for problem in some.problems)
    for name in set(some.colnames) & set(full.colnames) - {"raw"}:
        column = some[name]
        if isinstance(column, Polygons | Points | Time) or hasattr(column, "mask"):
            known = ~np.broadcast_to(np.asarray(column.mask), (len(some),))
        else:
            known = np.ones(len(some), dtype=bool)
        if known.any():
            same(column[known], full[name][known])


@pytest.mark.filterwarnings("ignore::sunpy_helio_plugins.errors.IncompleteAnswerWarning")
def test_what_came_beside_is_not_printed_unless_it_was_asked_for(search: Any) -> None:
    table = search([SPOCA], a.her.Return("hpc_boundcc"))
    assert "hpc_x" in table.colnames
    assert "hpc_x" not in str(table)
    assert "hpc_x" in str(search([SPOCA], a.her.Return("hpc_boundcc", "hpc_x")))
    assert "hpc_x" in str(search([SPOCA]))


def test_the_embedded_registry_is_asked_for_what_reading_takes(archive: Any) -> None:
    day = a.Time("2026-01-10", "2026-01-11")
    table = HERClient().search(day, a.her.CH, a.her.Return("hpc_boundcc", "area_raw"))
    (request,) = archive.log
    assert {"frm_name", "event_endtime", "area_unit", "event_coordsys"} <= set(request.query["return"].split(","))
    full = HERClient().search(day, a.her.CH)
    compare(table, full, ["hpc_boundcc", "area_raw"])
    assert table["area_raw"].unit.is_equivalent(u.km**2)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("frm_name", ("frm_name",)),
        ("fl_goescls", ("fl_goescls",)),
        ("fl_peakflux", ("fl_peakflux", "fl_peakfluxunit")),
        ("ar_noaanum", ("ar_noaanum", "event_starttime")),
    ],
)
def test_a_keyword_needs_its_unit_or_time_and_only_positions_need_positions(name: str, expected: tuple[str, ...]):
    assert requisites([name]) == expected
