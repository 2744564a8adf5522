"""Test that every product that overlaps with a range is requested and kept, with real coverages."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sunpy_helio_plugins import IMAPClient
from sunpy_helio_plugins.imap import coverage, filenames, service, tables, translator
from sunpy_helio_plugins.imap.query import Query

FIRST = datetime(2025, 9, 1, tzinfo=UTC)

KINDS = {
    # instrument, level, descriptor, suffix of the day, hours after the first midnight, length in days
    "day": ("mag", "l2", "norm-gse", "", (0, 0), 1),
    "raw": ("swe", "l0", "raw", "", (0, 0), 1),
    "attitude": ("spacecraft", "l1a", "quaternions", "", (0, 0), 1),
    "pointing of glows": ("glows", "l2", "hist", "-repoint00120", (0, 23.9), 1),
    "pointing of hi": ("hi", "l1c", "45sensor-pset", "-repoint00120", (0, 23.9), 1),
    "pointing of lo": ("lo", "l1b", "de", "-repoint00120", (0, 23.9), 1),
    "pointing of ultra": ("ultra", "l1c", "45sensor-spacecraftpset", "-repoint00120", (0, 23.9), 1),
    "ten days": ("idex", "l2b", "sci-10days", "", (0, 0), 10),
    "map of ten days": ("idex", "l2c", "rectangular-map-10days", "", (0, 0), 10),
    "rotation": ("glows", "l3b", "ion-rate-profile", "-cr02306", (0, 23.9), 27.4),
    "solar histogram": ("glows", "l3d", "solar-hist", "-cr02306", (0, 23.9), 27.4),
    "map of three months": ("hi", "l2", "h90-ena-h-sf-nsp-full-hae-4deg-3mo", "", (0, 0), 89),
    "map of half a year": ("hi", "l3", "h45-ena-h-hf-nsp-full-hae-6deg-6mo", "", (0, 0), 181),
    "map of twelve months": ("lo", "l2", "l090-ena-h-hf-nsp-ram-hae-6deg-12mo", "", (0, 0), 365),
    "map of a year": ("ultra", "l2", "u90-ena-h-sf-nsp-full-hae-nside128-1yr", "", (0, 0), 365),
}  # fmt: skip


def name_of(kind: str, day: date) -> str:
    instrument, level, descriptor, after, _, _ = KINDS[kind]
    return f"imap_{instrument}_{level}_{descriptor}_{day:%Y%m%d}{after}_v001.0001.cdf"


def row_of(kind: str, day: date) -> dict:
    instrument, level, *_ = KINDS[kind]
    return {"file_path": f"imap/{instrument}/{level}/{day:%Y/%m}/{name_of(kind, day)}"}


def stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}000Z"


def would_come(asked: dict[str, str], day: date) -> bool:
    """Return whether the service, which compares start dates only, would list a file of a day."""
    return asked.get("start_date", "") <= f"{day:%Y%m%d}" <= asked.get("end_date", "99999999")


@given(
    kind=st.sampled_from(sorted(KINDS)),
    began=st.integers(0, 300),
    offset=st.floats(0, 1),
    before=st.floats(-2, 400),
    length=st.floats(0, 40),
    said=st.sets(st.sampled_from(["instrument", "level", "descriptor", "pattern"])),
)
def test_what_overlaps_is_asked_for_and_kept(kind, began, offset, before, length, said):
    instrument, level, descriptor, _, (earliest, latest), days = KINDS[kind]
    midnight = FIRST + timedelta(days=began)
    start = midnight + timedelta(hours=earliest + offset * (latest - earliest))
    end = start + timedelta(days=days)
    begin = start + timedelta(days=before)
    until = begin + timedelta(days=length)
    if not (start <= until and begin < end):
        return
    words = {
        "instrument": instrument if "instrument" in said else None,
        "level": level if "level" in said else None,
        "descriptor": descriptor if "descriptor" in said else f"{descriptor[:2]}*" if "pattern" in said else None,
    }
    query = Query(stamp(begin), stamp(until), **words)
    questions = translator._spread(query)
    named = [one for one in questions if would_come(service.parameters(one), midnight.date())]
    named = [one for one in named if one.instrument in (None, instrument) and one.level in (None, level)]
    assert named, "nobody asks for it"
    row = row_of(kind, midnight.date())
    table = tables.from_answers([(one, [row]) for one in named], client=IMAPClient())
    assert list(table["file_path"]) == [row["file_path"]]
    assert table["Start Time"][0].isot <= stamp(start)[:29]
    assert stamp(end)[:29] <= table["End Time"][0].isot
    assert table["End Inferred"][0]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_ended_long_ago_is_not_kept(kind):
    day = FIRST.date()
    later = FIRST + timedelta(days=KINDS[kind][-1] + 6)
    query = Query(stamp(later), stamp(later))
    assert len(tables.from_answers([(query, [row_of(kind, day)])], client=IMAPClient())) == 0


def test_no_product_is_longer_than_what_is_asked_back_for():
    for kind, (instrument, level, descriptor, *_) in KINDS.items():
        length = coverage.longest(instrument, level, descriptor)
        assert length >= KINDS[kind][-1] - 1, kind


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("imap_hi_l2_h90-ena-h-sf-nsp-full-hae-4deg-3mo_99991201_v001.0001.cdf", date.max),
        ("imap_hi_l2_h90-ena-h-sf-nsp-full-hae-4deg-3mo_20251130_v001.0001.cdf", date(2026, 3, 1)),
        ("imap_ultra_l2_u90-ena-h-sf-nsp-full-hae-nside128-1yr_20240229_v001.0001.cdf", date(2025, 3, 1)),
    ],
)
def test_months_end_on_days_that_exist(name, end):
    assert coverage.end_of(filenames.parse(name)) == end


@pytest.mark.parametrize("span", ["20260110-cr02306", "20260110-cr02306_20260111"])
def test_ancillary_files_have_no_rotations(span):
    assert filenames.parse(f"imap_hit_lut_{span}_v001.csv") is None
    assert filenames.parse("imap_hit_lut_20260110-repoint00120_v001.csv").repointing == 120
