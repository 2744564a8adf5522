"""
Test random queries with the embedded registry, evaluated by an independent implementation of the truth table.

For any combination of AND, OR and NOT, the requests must return every event that fulfils it, and the check afterwards
must remove all others.
"""

from __future__ import annotations

import fnmatch
import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import astropy.units as u
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from sunkit_instruments.goes_xrs import flareclass_to_flux
from sunpy.net import attrs as a

import sunpy_helio_plugins  # noqa: F401
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her import search
from sunpy_helio_plugins.her.translator import queries
from sunpy_helio_plugins.sandbox.her import search as search_module
from sunpy_helio_plugins.sandbox.her import service as registry
from sunpy_helio_plugins.transport import metadata
from sunpy_helio_plugins.transport.exchange import Response

Record = dict[str, Any]
Verdict = bool | None
"""`None`: the event does not have a value, and neither a comparison nor its opposite is true."""


@dataclass(frozen=True)
class Leaf:
    """An attr, and an independent function that evaluates it for an event."""

    word: Any
    says: Callable[[Record], Verdict]
    kind: str = ""
    """The only event type to which it applies."""


def number(name: str, holds: Callable[[float], bool]) -> Callable[[Record], Verdict]:
    def says(record: Record) -> Verdict:
        value = record[name]
        return None if value in (None, "", -9999) else holds(float(value))

    return says


def text(name: str, holds: Callable[[str], bool]) -> Callable[[Record], Verdict]:
    return lambda record: holds(record[name]) if record[name] else None


def region(holds: Callable[[int], bool]) -> Callable[[Record], Verdict]:
    # All events of the catalogue are of 2026, when four digits abbreviate five.
    return number("ar_noaanum", lambda value: holds(int(value) + 10000 * (value < 10000)))


def goes(holds: Callable[[float], bool]) -> Callable[[Record], Verdict]:
    return text("fl_goescls", lambda name: holds(round(float(flareclass_to_flux(name).to_value("W/m2")), 12)))


def speed(holds: Callable[[float], bool]) -> Callable[[Record], Verdict]:
    scale = {"km/s": 1.0, "km/sec": 1.0, "m/s": 1e-3}

    def says(record: Record) -> Verdict:
        value, unit = record["cme_radiallinvel"], record["cme_radiallinvelunit"]
        return None if value is None or unit not in scale else holds(value * scale[unit])

    return says


def inside(system: str, *corners: float) -> Callable[[Record], Verdict]:
    x1, y1, x2, y2 = corners
    return lambda record: x1 <= record[f"{system}_x"] <= x2 and y1 <= record[f"{system}_y"] <= y2


def supplier(*names: str) -> Callable[[Record], Verdict]:
    return text("search_frm_name", lambda name: name in names)


def like(name: str, pattern: str) -> Callable[[Record], Verdict]:
    return text(name, lambda value: fnmatch.fnmatchcase(value, pattern))


ANGSTROM = 1e-8
LEAVES = [
    Leaf(a.her.CH, lambda record: record["event_type"] == "CH"),
    Leaf(a.her.FL, lambda record: record["event_type"] == "FL"),
    Leaf(a.her.AR | a.her.CE, lambda record: record["event_type"] in ("AR", "CE")),
    Leaf(a.hek.CE, lambda record: record["event_type"] == "CE"),
    Leaf(a.her.frm_name == "SWPC", text("frm_name", lambda name: name == "SWPC")),
    Leaf(a.her.frm_name != "SPoCA", text("frm_name", lambda name: name != "SPoCA")),
    Leaf(a.her.frm_name == "CACTus (Computer Aided CME Tracking)", like("frm_name", "CACTus (Computer*")),
    Leaf(a.her.frm_name.like("S%"), like("frm_name", "S*")),
    Leaf(~a.her.frm_name.like("%us (%"), text("frm_name", lambda name: "us (" not in name)),
    Leaf(a.her.frm_name >= "SSW", text("frm_name", lambda name: name >= "SSW")),
    Leaf(a.hek.OBS.Observatory == "GOES", text("obs_observatory", lambda name: name == "GOES")),
    Leaf(a.her.Supplier("SPoCA", "CACTus"), supplier("SPoCA", "CACTus")),
    Leaf(~a.her.Supplier("SWPC"), text("search_frm_name", lambda name: name != "SWPC")),
    Leaf(a.her.ar_noaanum >= 13664, region(lambda value: value >= 13664)),
    Leaf(a.her.ar_noaanum == 3664, region(lambda value: value == 13664)),
    Leaf(a.her.ar_noaanum != 13664, region(lambda value: value != 13664)),
    Leaf(a.her.ar_noaanum < 4332, region(lambda value: value < 14332)),
    Leaf(a.her.fl_goescls > "X2", goes(lambda flux: flux > 2e-4)),
    Leaf(a.her.fl_goescls <= "m1.5", goes(lambda flux: flux <= 1.5e-5)),
    Leaf(a.her.fl_goescls > "X", goes(lambda flux: flux >= 1e-4)),
    Leaf(a.her.fl_goescls <= "M", goes(lambda flux: flux < 1e-4)),
    Leaf(a.her.fl_goescls == "C", goes(lambda flux: 1e-6 <= flux < 1e-5)),
    Leaf(a.her.fl_goescls == "X10", goes(lambda flux: flux == 1e-3)),
    Leaf(a.her.fl_goescls < "X10", goes(lambda flux: flux < 1e-3)),
    Leaf(a.her.frm_humanflag == True, text("frm_humanflag", lambda word: word == "true")),  # noqa: E712
    Leaf(a.her.frm_versionnumber == 0.51, number("frm_versionnumber", lambda value: abs(value - 0.51) < 1e-6)),
    Leaf(a.her.frm_versionnumber > 0.5, number("frm_versionnumber", lambda value: value > 0.5)),
    Leaf(a.her.area_raw > 5e3 * u.Mm**2, number("area_raw", lambda value: value > 5e9)),
    Leaf(a.her.ar_numspots <= 4, number("ar_numspots", lambda value: value <= 4)),
    Leaf(a.her.CH.area_atdiskcenter > 5e10, number("area_atdiskcenter", lambda value: value > 5e10), "CH"),
    Leaf(a.her.AR.ar_numspots != 4, number("ar_numspots", lambda value: value != 4), "AR"),
    Leaf(a.her.FL.ar_noaanum == 14332, region(lambda value: value == 14332), "FL"),
    Leaf(a.her.cme_radiallinvel > 500 * u.km / u.s, speed(lambda value: value > 500)),
    Leaf(a.her.event_peaktime >= "2026-01-10T12:00", text("event_peaktime", lambda when: when[11:] >= "12:00:00")),
    Leaf(
        a.her.Box(-500 * u.arcsec, -600 * u.arcsec, 400 * u.arcsec, 300 * u.arcsec), inside("hpc", -500, -600, 400, 300)
    ),
    Leaf(
        a.her.Box(-200 * u.arcsec, -900 * u.arcsec, 900 * u.arcsec, 400 * u.arcsec),
        inside("hpc", -200, -900, 900, 400),
    ),
    Leaf(
        a.her.Box(-30 * u.deg, -40 * u.deg, 90 * u.deg, 10 * u.deg, system="stonyhurst"),
        inside("hgs", -30, -40, 90, 10),
    ),
]  # fmt: skip
CORE = [
    Leaf(a.Instrument.aia, text("obs_instrument", lambda name: name == "AIA")),
    Leaf(a.Source("sdo"), text("obs_observatory", lambda name: name == "SDO")),
    Leaf(a.Source.soho, text("obs_observatory", lambda name: name in ("SOHO", "LASCO"))),
    Leaf(a.Detector("c3"), like("search_channelid", "*C3*")),
    Leaf(a.Wavelength(193 * u.AA), number("obs_meanwavel", lambda value: abs(value / ANGSTROM - 193) < 1e-2)),
    Leaf(
        a.Wavelength(100 * u.AA, 200 * u.AA), number("obs_meanwavel", lambda value: 99.9 < value / ANGSTROM < 200.1)
    ),
    Leaf(a.Physobs.irradiance, like("obs_instrument", "*GOES*")),
]  # fmt: skip
"""Attrs that do not support NOT."""


def windows(*edges: str) -> Callable[[Record], bool]:
    return lambda record: any(
        record["event_starttime"] <= last and record["event_endtime"] >= first
        for first, last in zip(edges[::2], edges[1::2], strict=True)
    )


TIMES: list[tuple[Any, Callable[[Record], bool]]] = [
    (a.Time("2026-01-10", "2026-01-11"), windows("2026-01-10T00:00:00", "2026-01-11T00:00:00")),
    (
        a.Time("2026-01-10T00:00", "2026-01-10T03:00") | a.Time("2026-01-10T02:00", "2026-01-10T13:00:00.5"),
        windows("2026-01-10T00:00:00", "2026-01-10T13:00:00"),
    ),
    (
        a.Time("2026-01-10T01:00", "2026-01-10T01:30") | a.Time("2026-01-10T16:00", "2026-01-10T17:00"),
        windows("2026-01-10T01:00:00", "2026-01-10T01:30:00", "2026-01-10T16:00:00", "2026-01-10T17:00:00"),
    ),
]
MANNERS: list[tuple[Any, ...]] = [
    (), (a.her.PageSize(7),), (a.her.Return("hpc_y"),), (a.her.Return("hpc_x"), a.her.PageSize(5)),
    (a.her.SortBy("event_endtime", descending=True),), (a.her.Strict(),),
]  # fmt: skip


def some(records: list[Record]) -> list[Record]:
    """Return events of all types, and copies with values that do not occur in the embedded registry."""
    day = [record for record in records if record["event_starttime"].startswith("2026-01-10")]
    kinds: dict[str, list[Record]] = {}
    for record in day:
        kinds.setdefault(record["event_type"] + record["frm_name"], []).append(record)
    chosen = [record for group in kinds.values() for record in group[:4]]
    odd: dict[str, list[Any]] = {
        "fl_goescls": ["X10.0", "X28", "M1.5", "C9.9", "B2.0"], "ar_noaanum": [13664, 3664, 4332, -9999, None],
        "frm_humanflag": ["true"], "frm_versionnumber": [0.50999999046, None], "area_raw": [None, 5e9, 6e9],
        "ar_numspots": [4, 9, None], "cme_radiallinvelunit": ["m/s", "furlong"], "obs_instrument": ["", "HMI"],
        "search_frm_name": ["SPoCA", ""], "hpc_x": [-700.0, 450.0], "event_type": ["AR", "EF"],
        "obs_observatory": ["SOHO", "STEREO"],
    }  # fmt: skip
    base = [record for record in chosen if record["event_type"] in ("FL", "AR", "CE", "CH")]
    for name, values in odd.items():
        chosen += [base[(at * 7 + len(name)) % len(base)] | {name: value} for at, value in enumerate(values)]
    every = {key for record in chosen for key in record}
    filled = [dict.fromkeys(every) | record for record in chosen]
    return [
        record | {"kb_archivid": f"ivo://x/{at}", "noposition": "false", "hpc_bbox": "", "hgs_bbox": ""}
        | {name: record[name] or 0.0 for name in ("hpc_x", "hpc_y", "hgs_x", "hgs_y")}
        for at, record in enumerate(filled)
    ]  # fmt: skip


def catalogue() -> list[Record]:
    shipped = Path(search_module.__file__).parents[1] / "data" / "her" / "events.json.gz"
    records = some(json.loads(gzip.decompress(shipped.read_bytes()))["events"])
    return [record for record in records if record["event_testflag"] == "false"]


EVENTS = catalogue()


@pytest.fixture(scope="module", autouse=True)
def _in_process() -> Iterator[None]:
    """Search the embedded registry without a connection, with the events of this module."""

    def get(url: str, **_: Any) -> Response:
        sent = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
        response = registry.respond(sent)
        assert response.content_type == "application/json", response.text
        assert isinstance(response.body, bytes)
        return Response("HER", url, 200, {}, response.body)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metadata, "get", get)
        patch.setattr(search_module, "catalogue", lambda: {"events": EVENTS, "associations": []})
        yield


TREES = st.recursive(
    st.sampled_from(range(len(LEAVES))),
    lambda inner: st.tuples(st.sampled_from("&|~"), st.lists(inner, min_size=2, max_size=3)),
    max_leaves=6,
)


def grown(tree: Any) -> Any:
    if isinstance(tree, int):
        return LEAVES[tree].word
    sign, parts = tree
    if sign == "~":
        return ~grown(parts[0])
    return reduce(and_ if sign == "&" else or_, map(grown, parts))


def holds(tree: Any, record: Record, turned: bool = False) -> bool:
    """Evaluate a tree literally."""
    if isinstance(tree, int):
        leaf = LEAVES[tree]
        if leaf.kind and record["event_type"] != leaf.kind:
            return True
        verdict = leaf.says(record)
        return verdict is not None and verdict != turned
    sign, parts = tree
    if sign == "~":
        return holds(parts[0], record, not turned)
    every = (sign == "&") != turned
    return (all if every else any)(holds(part, record, turned) for part in parts)


def sunpys(tree: Any) -> list[int]:
    if isinstance(tree, int):
        return [tree] if type(LEAVES[tree].word).__module__.startswith("sunpy.net") else []
    return [leaf for part in tree[1] for leaf in sunpys(part)]


def can_be_written(tree: Any) -> bool:
    """Return whether sunpy's attrs occur once each, without NOT: they cannot be negated or joined with &."""

    def is_turned(part: Any) -> bool:
        return not isinstance(part, int) and ((part[0] == "~" and bool(sunpys(part))) or any(map(is_turned, part[1])))

    return not is_turned(tree) and len(set(sunpys(tree))) == len(sunpys(tree))


def brought(*words: Any) -> set[str]:
    try:
        made = queries(*words)
    except QueryError as error:
        # The registry also refuses this.
        assume("A filter applies to" not in str(error))
        if "No event matches" not in str(error):
            raise
        return set()
    found = search.search(made)
    assert found.problems == ()
    names = [record["kb_archivid"] for record in found.records]
    assert len(names) == len(set(names))
    return set(names)


def fits(record: Record, manner: tuple[Any, ...], time: Callable[[Record], bool], at: int) -> bool:
    if not time(record):
        return False
    if manner and isinstance(manner[0], a.her.Strict):
        edges = [("2026-01-10T00:00:00", "2026-01-11T00:00:00")]
        edges = (
            [("2026-01-10T00:00:00", "2026-01-10T03:00:00"), ("2026-01-10T02:00:00", "2026-01-10T13:00:00")]
            if (at == 1)
            else edges
        )
        edges = (
            [("2026-01-10T01:00:00", "2026-01-10T01:30:00"), ("2026-01-10T16:00:00", "2026-01-10T17:00:00")]
            if (at == 2)
            else edges
        )
        return any(first <= record["event_starttime"] and record["event_endtime"] <= last for first, last in edges)
    return True


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(TREES, st.sampled_from(range(len(TIMES))), st.sampled_from(MANNERS), st.lists(st.sampled_from(CORE), max_size=1))
@example(("~", [("~", [("&", [0, 1])]), 0]), 0, (), [])
def test_a_tree_brings_what_it_says_and_nothing_else(
    tree: Any, at: int, manner: tuple[Any, ...], core: list[Leaf]
) -> None:
    assume(can_be_written(tree))
    time, overlaps = TIMES[at]
    found = brought(time, a.her.Event(), grown(tree), *manner, *(leaf.word for leaf in core))
    meant = {
        record["kb_archivid"]
        for record in EVENTS
        if fits(record, manner, overlaps, at) and holds(tree, record) and all(leaf.says(record) for leaf in core)
    }
    assert found == meant


@pytest.mark.parametrize("leaf", [*LEAVES, *CORE], ids=lambda leaf: repr(leaf.word).partition(" object")[0])
def test_each_word_alone(leaf: Leaf) -> None:
    time, overlaps = TIMES[0]
    found = brought(time, a.her.Event(), leaf.word)
    of_kind = [record for record in EVENTS if overlaps(record)]
    says = [leaf.kind not in ("", record["event_type"]) or leaf.says(record) for record in of_kind]
    assert found == {record["kb_archivid"] for record, verdict in zip(of_kind, says, strict=True) if verdict}
    assert any(says)
    assert not all(says)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(TREES, st.integers(1, 9), st.sampled_from([None, ("event_endtime", False), ("frm_name", True)]))
def test_a_limit_brings_the_first_of_the_answer(tree: Any, limit: int, order: Any) -> None:
    assume(can_be_written(tree))
    words = [TIMES[0][0], a.her.Event(), grown(tree), a.her.PageSize(4)]
    words += [a.her.SortBy(*order)] if order else []
    try:
        whole = search.search(queries(*words)).records
    except QueryError:
        assume(False)
    part = search.search(queries(*words, a.her.Limit(limit))).records
    name = order[0] if order else "event_starttime"
    assert [record[name] for record in part] == [record[name] for record in whole][:limit]
