"""Every request on the registry's own page has words that yield it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import astropy.units as u
import pytest
from sunpy.net import attrs as a

import sunpy_helio_plugins  # noqa: F401
from sunpy_helio_plugins import her

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


@pytest.mark.parametrize(
    ("query", "documented"),
    [
        ((APRIL, a.her.Event()), "cmd=search&type=column"),
        ((APRIL, a.her.Event()), "cmd=search&type=column&event_type=**"),
        ((APRIL, KINDS), "cmd=search&type=column&event_type=ar,fl,ef"),
        ((APRIL, KINDS), "event_starttime=2007-04-29T00:00:00&event_endtime=2007-05-07T00:00:00"),
        ((APRIL, KINDS, DISK), "event_coordsys=helioprojective&x1=-1200&x2=1200&y1=-1200&y2=1200"),
        ((APRIL, KINDS, SPHERE), "event_coordsys=stonyhurst&x1=-180&x2=180&y1=-90&y2=90"),
        ((APRIL, KINDS, DISK), COMPLETE),
        ((APRIL, KINDS, DISK, KAREL), COMPLETE + NAMED),
        ((APRIL, KINDS, DISK, a.her.FRM_Name.like("Karel%")), "param0=FRM_Name&op0=like&value0=Karel%25"),
        ((APRIL, KINDS, DISK, KAREL, a.her.obs_observatory == "TRACE"), COMPLETE + BOTH),
        (
            (OCTOBER, KINDS, DISK, KAREL, a.Source("TRACE")),
            COMPLETE.replace("2007-04-29", "2003-10-01").replace("2007-05-07", "2003-11-01") + BOTH,
        ),
        ((OCTOBER, a.her.FL, a.her.fl_goescls > "X"), "param0=FL_GOESCls&op0=%3E&value0=X"),
        ((OCTOBER, a.her.frm_humanflag == True), "param0=FRM_HumanFlag&op0==&value0=true"),  # noqa: E712
        (
            (APRIL, a.her.AR, a.her.ar_noaanum >= 10930, a.her.ar_noaanum <= 10934),
            "param0=AR_NOAANum&op0=%3E=&value0=10930&param1=AR_NOAANum&op1=%3C=&value1=10934",
        ),
        (
            (
                OCTOBER, a.her.EventType("AR", "CE", "CH", "CJ"), a.her.PageSize(40),
                a.her.CH.Area_AtDiskCenter > 1e4 * u.Mm**2,
            ),
            WIDE,
        ),
        ((OCTOBER, a.her.AR, a.her.PageSize(250)), "result_limit=250&page=1"),
        ((OCTOBER, a.her.AR, a.her.SortBy("ar_noaanum", descending=True)), "sort_by=ar_noaanum&sort_order=DESC"),
        ((OCTOBER, a.her.AR, a.her.Tests("hide")), "showtests=hide"),
        ((OCTOBER, a.her.AR, a.her.Tests("only")), "showtests=only"),
        ((OCTOBER, a.her.AR, a.her.Tests("show")), "showtests=show"),
        ((OCTOBER, a.her.AR, a.her.Return("required")), "return=required"),
        ((OCTOBER, a.her.AR, a.her.Return("optional")), "return=optional"),
        (
            (OCTOBER, a.her.AR, a.her.Return("kb_archivid", "hpc_x", "hpc_y", "refs")),
            "return=kb_archivid,hpc_x,hpc_y,refs",
        ),
        ((DAYS, a.her.Within(a.her.AR, a.her.CH)), CONTAINED.format("ar")),
        ((DAYS, a.hek.Contains("ar", "ch"), a.Provider("HER")), CONTAINED.format("ar")),
        ((DAYS, a.her.Within("fl", "CoronalHole")), CONTAINED.format("fl")),
        ((OCTOBER, a.her.AR, a.her.Strict()), "temporalmode=strict"),
    ],
)  # fmt: skip
def test_words_yield_the_documented_request(query: Any, documented: str) -> None:
    requests = her.translate(*query)
    asked = dict(parse_qsl(urlsplit(requests[0].url).query))
    assert dict(requests[0].parameters) == asked
    expected = dict(parse_qsl(documented))
    assert {name: asked.get(name) for name in expected} == expected
    assert requests[0].url.startswith("https://www.lmsal.com/hek/her?")
    if "contains" in documented:
        assert not {"event_type", "x1", "event_coordsys"} & set(asked)


def test_a_search_makes_exactly_these_requests(archive: Any) -> None:
    query = (a.Time("2026-01-10", "2026-01-11"), a.her.CH, (a.her.frm_name == "SPoCA") | (a.her.intensmean > 12.5))
    her.HERClient().search(*query)
    made = sorted(sorted(request.query.items()) for request in archive.log)
    assert made == sorted(sorted(dict(request.parameters).items()) for request in her.translate(*query))
    assert len(made) == 2
