"""Test that every request on the registry's API page can be made with attrs or a function."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

import astropy.units as u
import pytest
from sunpy.net import attrs as a

import sunpy_helio_plugins  # noqa: F401
from sunpy_helio_plugins import her
from sunpy_helio_plugins.errors import RelationWarning
from sunpy_helio_plugins.her import service

APRIL = a.Time("2007-04-29", "2007-05-07")
OCTOBER = a.Time("2003-10-01", "2003-11-01")
DAYS = a.Time("2003-10-23", "2003-10-29")
DISK = a.her.Box(-1200 * u.arcsec, -1200 * u.arcsec, 1200 * u.arcsec, 1200 * u.arcsec)
SPHERE = a.her.Box(-180 * u.deg, -90 * u.deg, 180 * u.deg, 90 * u.deg, system="stonyhurst")
KINDS = a.her.AR | a.her.FL | a.her.EF
COMPLETE = (
    "cosec=2&cmd=search&type=column&event_type=ar,fl,ef&event_starttime=2007-04-29T00:00:00"
    "&event_endtime=2007-05-07T00:00:00&event_coordsys=helioprojective&x1=-1200&x2=1200&y1=-1200&y2=1200"
)
NAMED = "&param0=FRM_Name&op0==&value0=Karel%20Schrijver"
BOTH = NAMED + "&param1=OBS_Observatory&op1==&value1=TRACE"
CONTAINED = (
    "cosec=2&cmd=search&type=contains&event_type1={}&event_type2=ch&event_starttime=2003-10-23T00:00:00"
    "&event_endtime=2003-10-29T00:00:00"
)
WIDE = (
    "cmd=search&type=column&event_type=ar,ce,ch,cj&event_region=all&event_coordsys=helioprojective&x1=-5000&x2=5000"
    "&y1=-5000&y2=5000&result_limit=40&event_starttime=2003-10-01T00:00:00&event_endtime=2003-11-01T00:00:00"
    "&param0=ch.area_atdiskcenter&op0=>&value0=10000000000"
)
KAREL = a.her.frm_name == "Karel Schrijver"
MM2 = 1e4 * u.Mm**2
HEKS = "https://www.lmsal.com/hek/her/heks?"


OCTOBER_COMPLETE = COMPLETE.replace("2007-04-29", "2003-10-01").replace("2007-05-07", "2003-11-01")
CHAINCODES = ("hgs_boundcc", "hgc_boundcc", "hpc_boundcc", "hrc_boundcc")
FLARE = "ivo://helio-informatics.org/FA1550_YingnaSu_20090415_154655"
FIRST = "ivo://helio-informatics.org/AR_SPoCA_20140508_034716_20140508T032848_5"
SECOND = "ivo://helio-informatics.org/AR_SPoCA_20140508_074820_20140508T072848_4"

SEARCHES: list[tuple[int, Any, str]] = [
    (2, (APRIL, a.her.Event()), "cmd=search&type=column"),
    (3, (APRIL, a.her.Event()), "cmd=search&type=column&event_type=**"),
    (4, (APRIL, KINDS), "cmd=search&type=column&event_type=ar,fl,ef"),
    (5, (APRIL, KINDS), "event_starttime=2007-04-29T00:00:00&event_endtime=2007-05-07T00:00:00"),
    (6, (APRIL, KINDS, DISK), "event_coordsys=helioprojective&x1=-1200&x2=1200&y1=-1200&y2=1200"),
    (7, (APRIL, KINDS, SPHERE), "event_coordsys=stonyhurst&x1=-180&x2=180&y1=-90&y2=90"),
    (8, (APRIL, KINDS, DISK), COMPLETE),
    (9, (APRIL, KINDS, DISK, KAREL), COMPLETE + NAMED),
    (10, (APRIL, KINDS, DISK, a.her.FRM_Name.like("Karel%")), "param0=FRM_Name&op0=like&value0=Karel%25"),
    (11, (APRIL, KINDS, DISK, KAREL, a.her.obs_observatory == "TRACE"), COMPLETE + BOTH),
    (12, (OCTOBER, KINDS, DISK, KAREL, a.Source("TRACE")), OCTOBER_COMPLETE + BOTH),
    (13, (OCTOBER, a.her.FL, a.her.fl_goescls > "X"), "param0=FL_GOESCls&op0=%3E&value0=X"),
    (13, (OCTOBER, a.her.frm_humanflag == True), "param0=FRM_HumanFlag&op0==&value0=true"),  # noqa: E712
    (
        14,
        (APRIL, a.her.AR, a.her.ar_noaanum >= 10930, a.her.ar_noaanum <= 10934),
        "param0=AR_NOAANum&op0=%3E=&value0=10930&param1=AR_NOAANum&op1=%3C=&value1=10934",
    ),
    (
        15,
        (OCTOBER, a.her.EventType("AR", "CE", "CH", "CJ"), a.her.PageSize(40), a.her.CH.Area_AtDiskCenter > MM2),
        WIDE,
    ),
    (16, (OCTOBER, a.her.AR, a.her.PageSize(250)), "result_limit=250&page=1"),
    (16, (OCTOBER, a.her.AR, a.her.Limit(7)), "result_limit=7&page=1"),
    (16, (OCTOBER, a.her.AR, a.her.SortBy("ar_noaanum", descending=True)), "sort_by=ar_noaanum&sort_order=DESC"),
    (17, (OCTOBER, a.her.CH, a.her.Return("kb_archivid", *CHAINCODES)), f"return=kb_archivid,{','.join(CHAINCODES)}"),
    (18, (OCTOBER, a.her.AR, a.her.Tests("hide")), "showtests=hide"),
    (18, (OCTOBER, a.her.AR, a.her.Tests("only")), "showtests=only"),
    (18, (OCTOBER, a.her.AR, a.her.Tests("show")), "showtests=show"),
    (19, (OCTOBER, a.her.AR, a.her.Return("required")), "return=required"),
    (19, (OCTOBER, a.her.AR, a.her.Return("optional")), "return=optional"),
    (
        19,
        (OCTOBER, a.her.AR, a.her.Return("kb_archivid", "hpc_x", "hpc_y", "refs")),
        "return=kb_archivid,hpc_x,hpc_y,refs",
    ),
    (20, (DAYS, a.her.Within(a.her.AR, a.her.CH)), "cmd=search&type=contains&event_type1=ar&event_type2=ch"),
    (21, (DAYS, a.her.Within(a.her.AR, a.her.CH)), CONTAINED.format("ar")),
    (21, (DAYS, a.hek.Contains("ar", "ch"), a.Provider("HER")), CONTAINED.format("ar")),
    (22, (DAYS, a.her.Within("fl", "CoronalHole")), CONTAINED.format("fl")),
    (23, (OCTOBER, a.her.AR, a.her.Strict()), "temporalmode=strict"),
]  # fmt: skip
"""The page's examples that a search can make, by their position on the page."""

DRY = her.Registry(dry_run=True)


def followed(first: str, second: str) -> Any:
    """Submit the relation of the page's example, of which the page also says that methods submit it."""
    with pytest.warns(RelationWarning, match="'is_followed_by' is generally a relation of methods that track"):
        return DRY.relate(first, "is_followed_by", second, 0.9)


CALLS: list[tuple[int, Any, str]] = [
    (1, service.address, "https://www.lmsal.com/hek/her"),
    (24, lambda: her.summary_url(FLARE), f"https://www.lmsal.com/hek/her?cmd=view-voevent&ivorn={FLARE}"),
    (25, lambda: her.voevent_url(FLARE), f"https://www.lmsal.com/hek/her?cmd=export-voevent&cosec=1&ivorn={FLARE}"),
    (26, lambda: her.summary_url(FLARE, rev=3), f"https://www.lmsal.com/hek/her?cmd=view-voevent&ivorn={FLARE}&rev=3"),
    (
        26,
        lambda: her.voevent_url(FLARE, rev=3),
        f"https://www.lmsal.com/hek/her?cmd=export-voevent&cosec=1&ivorn={FLARE}&rev=3",
    ),
    (27, her.recent_url, "https://www.lmsal.com/hek/her?cmd=home"),
    (29, lambda: posted(DRY.rate(FLARE, 0.5)), f"{HEKS}cmd=rate&ivorn={FLARE}&rating=0.5&cosec=2"),
    (30, lambda: posted(DRY.comment(FLARE, "XXX")), f"{HEKS}cmd=comment&ivorn={FLARE}&comment=XXX&cosec=2"),
    (
        31,
        lambda: posted(DRY.add_reference(FLARE, "XXX", "YYY", "https://z.org")),
        f"{HEKS}cmd=add-reference&ivorn={FLARE}&name=XXX&type=YYY&url=https://z.org&cosec=2",
    ),
    (
        32,
        lambda: posted(followed(FIRST, SECOND)),
        f"{HEKS}cosec=2&cmd=create_edge&ivorn1={FIRST}&ivorn2={SECOND}&edge_type=is_followed_by&edge_strength=0.9",
    ),
]  # fmt: skip
"""Examples that functions make."""

WHOLE = (8, 9, 11, 12, 15, 21, 22)
"""Positions of examples that are complete URLs."""
LOST = {28: "the list of existing values: her.values counts what a search brings"}


def posted(submission: Any) -> str:
    """Return posted data as a URL, as on the page, although they are sent as the body of a POST."""
    assert submission.url == HEKS.rstrip("?")
    return submission.url + "?" + urlencode(submission.fields)


def fields(address: str) -> dict[str, str]:
    return dict(parse_qsl(address.partition("?")[2] or address))


@pytest.mark.parametrize(("place", "query", "documented"), SEARCHES, ids=lambda value: str(value)[:40])
def test_words_yield_the_documented_request(place: int, query: Any, documented: str) -> None:
    requests = her.translate(*query)
    asked = fields(requests[0].url)
    assert dict(requests[0].parameters) == asked
    expected = fields(documented)
    assert {name: asked.get(name) for name in expected} == expected
    assert requests[0].url.startswith("https://www.lmsal.com/hek/her?")
    if place in WHOLE:
        # The page's examples use the default format and pages.
        assert set(asked) - set(expected) <= {"cosec", "result_limit", "page"} | ({"event_region"} - set(expected))
    if "contains" in documented:
        assert not {"event_type", "x1", "event_coordsys"} & set(asked)


@pytest.mark.parametrize(("place", "call", "documented"), CALLS, ids=lambda value: str(value)[:20])
def test_calls_yield_the_documented_address(place: int, call: Any, documented: str) -> None:
    made = call()
    assert made.partition("?")[0] == documented.partition("?")[0]
    assert fields(made) == fields(documented) if "?" in documented else made == documented


def test_every_example_of_the_page_is_here() -> None:
    """There are 32, in the order of the page; for one of them only the modifiers are known."""
    covered = {place for place, _, _ in (*SEARCHES, *CALLS)} | set(LOST)
    assert covered == set(range(1, 33))


def test_a_search_opens_in_isolsearch() -> None:
    shown = her.isolsearch_url(OCTOBER, KINDS, DISK, KAREL, a.Source("TRACE"))
    assert shown.startswith("https://www.lmsal.com/isolsearch?hek_query=https%3A%2F%2Fwww.lmsal.com%2Fhek%2Fher%3F")
    inner = fields(shown)["hek_query"]
    assert fields(inner) | fields(OCTOBER_COMPLETE + BOTH) == fields(inner)


def test_coordinates_of_outlines_bear_the_documented_names(archive: Any) -> None:
    table = her.HERClient().search(a.Time("2026-01-10", "2026-01-11"), a.her.CH)
    assert set(CHAINCODES) <= set(table.colnames)


def test_a_search_makes_exactly_these_requests(archive: Any) -> None:
    query = (a.Time("2026-01-10", "2026-01-11"), a.her.CH, (a.her.frm_name == "SPoCA") | (a.her.intensmean > 12.5))
    her.HERClient().search(*query)
    made = sorted(sorted(request.query.items()) for request in archive.log)
    assert made == sorted(sorted(dict(request.parameters).items()) for request in her.translate(*query))
    assert len(made) == 2
