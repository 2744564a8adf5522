"""Test the registry's real responses."""

from __future__ import annotations

import json
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins.errors import AnswerError, IncompleteAnswerWarning, ServiceError
from sunpy_helio_plugins.her import HERClient, HERTable, Polygon
from sunpy_helio_plugins.transport import metadata
from sunpy_helio_plugins.transport.exchange import Response


@pytest.fixture
def events(real_data: Path) -> HERTable:
    answer = json.loads((real_data / "hek/hek-events_2024-05-10.json").read_bytes())
    return HERTable.from_records(answer["result"], answer["association"])


def test_all_five_events_are_there(events: HERTable) -> None:
    assert list(events["event_type"]) == ["FL", "FL", "FL", "CH", "CE"]
    # The hole is across the south pole, whose far side the registry mirrors.
    mirrored, clamped = events.problems
    for problem, words in ((mirrored, "mirrors"), (clamped, "beyond the limb")):
        assert "hgs_boundcc" in problem
        assert f"in {events['kb_archivid'][3]} the registry" in problem
        assert words in problem
    assert len(events.edges) == 2
    assert events["event_starttime"][0].isot == "2024-05-10T00:03:08.000000000"
    assert list(events["fl_goescls"].filled("")) == ["", "M1.3", "M1.5", "", ""]


def test_units_of_the_real_records(events: HERTable) -> None:
    assert events["fl_peakflux"].unit == u.DN / u.s / u.pix
    assert events["fl_peakflux"].mask.tolist() == [False, True, True, True, True]
    assert events["area_atdiskcenter"][3].to_value("Mm2") == pytest.approx(57054.1, rel=1e-5)
    assert events["cme_radiallinvel"][4] == 679 * u.km / u.s
    assert events["event_npixels"][3] == 38712
    assert events["obs_meanwavel"].to_value("AA").tolist() == pytest.approx([131, 5, 94, 193, 6000])
    assert events["hpc_x"][4].to_value("arcsec") == pytest.approx(1896.646, abs=1e-3)


def test_places_that_are_none(events: HERTable) -> None:
    assert events["hpc_x"].mask.tolist() == [False, True, False, False, False]
    assert events["hgs_bbox"].mask.tolist() == [False, True, True, False, True]
    assert events["ar_noaanum"].tolist() == [None, 13664, 13664, None, None]


def test_the_holes_outline_agrees_in_both_systems_on_the_disk(events: HERTable) -> None:
    seen, surface = (events[f"{system}_boundcc"][3].skycoord for system in ("hpc", "hgs"))
    assert seen.shape == surface.shape == (19,)
    assert seen.obstime.isot == "2024-05-10T00:42:41.000000000"
    radius = np.hypot(seen.Tx, seen.Ty) / np.arcsin(seen.rsun / seen.observer.radius)
    apart = np.hypot(*(getattr(surface.transform_to(seen.frame), axis) - getattr(seen, axis) for axis in ("Tx", "Ty")))
    inside = radius.decompose() < 0.9995
    assert inside.sum() == 11
    assert apart[inside].max() < 0.3 * u.arcsec
    assert np.isfinite(seen.Tx).all()


def test_null_points_with_a_radius_in_degrees(real_data: Path) -> None:
    answer = json.loads((real_data / "hek/hek-to_pfss.json").read_bytes())
    table = HERTable.from_records(answer["result"], answer["association"])
    assert list(table["event_type"]) == ["TO"] * 3
    assert table["event_coord3"].tolist() == pytest.approx([1.04545, 1.04545, 1.04954], abs=1e-5)
    assert table["hgc_x"].to_value("deg").tolist() == pytest.approx([-27.343, 34.866, -155.146])
    assert table.problems == []
    assert table["hpc_boundcc"].mask.all()
    assert "SSW PFSS" in str(table)


# The same responses as sent by a server, complete and damaged

WHEN, EVER = a.Time("2024-05-09", "2024-05-12"), a.Time("2010-01-01", "2025-01-01")
ANSWERS = ("hek-events_2024-05-10", "hek-to_pfss")
KEPT = (
    "event_starttime", "event_endtime", "event_type", "frm_name", "kb_archivid", "fl_goescls", "hpc_x", "hgs_y",
    "hpc_boundcc", "hgs_boundcc", "ar_noaanum", "noposition", "refs",
)  # fmt: skip


@pytest.fixture
def replayed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that searches a server which sends the same bytes for any request."""

    def search(*bodies: bytes, query: Any = None, time: Any = None) -> HERTable:
        asked = iter([*bodies, *bodies[-1:] * 600])

        def get(url: str, **_: Any) -> Response:
            return Response("HER", url, 200, {"Content-Type": "application/json"}, next(asked))

        monkeypatch.setattr(metadata, "get", get)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", IncompleteAnswerWarning)
            return HERClient().search(time or EVER, *(query or (a.her.Event(),)))

    return search


@pytest.fixture(params=ANSWERS)
def real(request: Any, real_data: Path) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads((real_data / "hek" / f"{request.param}.json").read_bytes())
    return decoded


def written(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def test_a_whole_answer_comes_through_the_client(real: dict[str, Any], replayed: Any) -> None:
    table = replayed(written(real))
    assert list(table["kb_archivid"]) == [record["kb_archivid"] for record in real["result"]]
    assert all("the registry" in problem for problem in table.problems)
    assert list(table["raw"]) == real["result"]
    assert len(table.associations) == len(real.get("association") or [])


def test_fido_reads_a_replayed_answer(real_data: Path, scripted: Any) -> None:
    body = (real_data / "hek/hek-events_2024-05-10.json").read_bytes()
    scripted.say(body)
    with pytest.warns(IncompleteAnswerWarning, match="mirrors positions behind the pole"):
        table = Fido.search(WHEN, a.her.CH | a.her.FL | a.her.CE, a.her.SortBy("event_type"))["her"]
    assert list(table["event_type"]) == ["CE", "CH", "FL", "FL", "FL"]
    assert "event_type=ch,fl,ce" in scripted.asked[0]
    assert len(scripted.asked) == 1


def test_questions_choose_among_real_events(real_data: Path, replayed: Any) -> None:
    body = (real_data / "hek/hek-events_2024-05-10.json").read_bytes()
    for words, kinds in (
        ((a.her.FL, a.her.fl_goescls >= "M1.5"), ["SSW Latest Events"]),
        ((a.her.FL, a.her.ar_noaanum == 13664), ["SWPC", "SSW Latest Events"]),
        ((a.her.Event(), a.her.Supplier("CACTus")), ["CACTus (Computer Aided CME Tracking)"]),
        ((a.her.CE, a.Instrument.lasco, a.Detector("C3")), ["CACTus (Computer Aided CME Tracking)"]),
        ((a.her.Event(), a.Wavelength(193 * u.AA)), ["SPoCA"]),
        ((a.her.Event(), a.Physobs.irradiance), ["SWPC"]),
        ((a.her.Event(), a.Source("SOHO")), ["CACTus (Computer Aided CME Tracking)"]),
        ((a.her.CE, a.her.cme_radiallinvel > 600 * u.km / u.s), ["CACTus (Computer Aided CME Tracking)"]),
        ((a.her.CE, a.her.cme_radiallinvel > 700 * u.km / u.s), []),
        ((a.her.CH, a.her.area_atdiskcenter > 5e4 * u.Mm**2), ["SPoCA"]),
        ((a.her.Event(), a.her.frm_versionnumber == 0.51), ["Flare Detective - Trigger Module"]),
    ):
        assert list(replayed(body, query=words, time=WHEN)["frm_name"]) == kinds


@pytest.mark.parametrize("ending", [b"", b" ", b"\n\n"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"\n"])
def test_what_surrounds_an_answer_costs_nothing(real: Any, replayed: Any, start: bytes, ending: bytes) -> None:
    assert len(replayed(start + written(real) + ending)) == len(real["result"])


def test_one_event_may_come_without_brackets(real: dict[str, Any], replayed: Any) -> None:
    (first, *_) = real["result"]
    assert list(replayed(written({"result": first, "overmax": False}))["kb_archivid"]) == [first["kb_archivid"]]
    assert list(replayed(written({"results": [first], "overmax": False}))["kb_archivid"]) == [first["kb_archivid"]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda document: b"<html><body><p>Query failed</p></body></html>", "Query failed"),
        (lambda document: b"", "empty body"),
        (lambda document: written(document)[:-900], "JSON was expected"),
        (lambda document: written(document["result"]), "not contain a list of events"),
        (lambda document: written({**document, "result": {"error": "x"}}), "not contain a list of events"),
        (lambda document: written({**document, "result": None}), "not contain a list of events"),
        (lambda document: written({**document, "result": ["x", 3]}), "not contain a list of events"),
        (lambda document: b"[" * 100_000, "JSON was expected"),
        (lambda document: b"(" + written(document) + b");", "JSON was expected"),
    ],
)
def test_what_is_no_answer_is_an_error_of_ours(real: dict[str, Any], replayed: Any, change: Any, words: str) -> None:
    with pytest.raises(AnswerError, match=words):
        replayed(change(real))


def test_entries_that_are_no_events_are_said_and_cost_no_other(real: dict[str, Any], replayed: Any) -> None:
    table = replayed(written({**real, "result": ["x", *real["result"], None], "association": [3]}))
    assert len(table) == len(real["result"])
    assert table.problems[:2] == [
        "2 entries of the response are not events; they are skipped.",
        "Some associations of the response could not be read.",
    ]


def test_line_breaks_and_tabs_within_text_are_read(real: dict[str, Any], replayed: Any) -> None:
    body = written(real).replace(b'"frm_contact": "', b'"frm_contact": "a\tb\nc')
    assert str(replayed(body)["frm_contact"][0]).startswith("a\tb\nc")


def test_letters_of_one_byte_cost_nothing(real: dict[str, Any], replayed: Any) -> None:
    body = written(real).replace(b'"obs_wavelunit": "cm"', b'"obs_wavelunit": "\xc5"', 1)
    table = replayed(body)
    assert table["raw"][0]["obs_wavelunit"] == "Å"
    assert len(table) == len(real["result"])


def test_an_answer_that_promises_more_than_there_is_ends(real: dict[str, Any], replayed: Any) -> None:
    table = replayed(written({**real, "overmax": True}))
    assert len(table) == len(real["result"])
    assert "contains nothing new" in table.problems[0]


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(), st.text(max_size=12),
    st.sampled_from([
        "POLYGON((", "POINT(1 2)", "POINT(nan nan)", "2026-13-45T99:00:00", "0000-00-00T00:00:00", "inf", "-9999",
        "deg", "", "true", "UTC-HRC-TOPO", "2024-05-10T00:00:00Z", "2024-05-10T00:00:00+02:00", "X", "M1.2", "CH", "ar",
        "POLYGON((1 2,3 4,5 6,1 2),(1 2,3 4,5 6,1 2))", "MULTIPOLYGON(((1 2,3 4,5 6,1 2)))", "1e400", "9" * 400,
    ]),
    st.lists(st.integers(), max_size=3), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.integers(0, 9), st.integers(0, 200), JUNK),
        st.tuples(st.just("drop"), st.integers(0, 9), st.integers(0, 200), st.none()),
        st.tuples(st.just("word"), st.integers(0, 9), st.integers(0, 200), st.none()),
        st.tuples(st.just("add"), st.integers(0, 9), st.text(max_size=5), JUNK),
        st.tuples(st.just("again"), st.integers(0, 9), st.none(), st.none()),
        st.tuples(st.just("insert"), st.integers(0, 9), st.none(), JUNK),
        st.tuples(st.just("top"), st.none(), st.sampled_from(["overmax", "association", "x"]), JUNK),
    ),
    max_size=6,
)
"""Changes of a response: a value, a missing or additional key, a number as text, an event twice, an odd entry."""


def damaged(document: dict[str, Any], changes: list[tuple[str, Any, Any, Any]]) -> tuple[bytes, set[str]]:
    """Return a response with changes, and the names of the unchanged events."""
    records = [dict(record) for record in document["result"]]
    entries: list[Any] = list(records)
    top = {key: value for key, value in document.items() if key != "result"}
    touched = set()
    for kind, row, key, value in changes:
        if kind == "top":
            top[key] = value
            continue
        record = records[row % len(records)]
        if kind == "again":
            entries.append(dict(record))
        elif kind == "insert":
            entries.insert(row, value)
        else:
            touched.add(row % len(records))
            name = key if kind == "add" else list(record)[key % len(record)] if record else ""
            if kind == "drop":
                record.pop(name, None)
            else:
                record[name] = str(record.get(name)) if kind == "word" else value
    good = {record["kb_archivid"] for at, record in enumerate(document["result"]) if at not in touched}
    return written({**top, "result": entries}), good


def plain(value: Any) -> Any:
    """Convert a value of a table for comparison."""
    if value is None or value is np.ma.masked or np.all(getattr(value, "mask", False)):
        return None
    if isinstance(value, Polygon):
        return value.skycoord.spherical.lon.deg.tolist(), value.skycoord.obstime.isot
    value = getattr(value, "unmasked", value)
    if hasattr(value, "isot"):
        return value.isot
    return getattr(value, "value", value)


@cache
def undamaged(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return an answer and the rows of its events by their identifiers."""
    real = json.loads(path.read_bytes())
    return real, {row["kb_archivid"]: row for row in HERTable.from_records(real["result"])}


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ANSWERS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(changes=CHANGES)
def test_random_damage_to_real_answers_costs_no_good_row(
    name: str, real_data: Path, replayed: Any, changes: list[tuple[str, Any, Any, Any]]
) -> None:
    real, before = undamaged(real_data / "hek" / f"{name}.json")
    body, good = damaged(real, changes)
    try:
        table = replayed(body)
    except ServiceError:
        # A response without any event is refused.
        assert not good
        return
    str(table)
    after = {str(row["raw"].get("kb_archivid")): row for row in table}
    for ivorn in good:
        assert after[ivorn]["raw"] == before[ivorn]["raw"]
        for column in set(KEPT) & set(before[ivorn].colnames):
            assert plain(after[ivorn][column]) == plain(before[ivorn][column]), column


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=3)), min_size=1, max_size=4),
    end=st.floats(0.5, 1),
)
def test_random_bytes_raise_errors_of_ours_alone(
    real_data: Path, replayed: Any, changes: list[tuple[float, bytes]], end: float
) -> None:
    body = (real_data / "hek/hek-events_2024-05-10.json").read_bytes()
    for place, put in changes:
        at = int(place * len(body))
        body = body[:at] + put + body[at + 1 :]
    try:
        table = replayed(body if end > 0.75 else body[: int(end * len(body))])
    except ServiceError:
        return
    str(table)
    assert len(table) > 0
