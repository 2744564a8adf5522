"""Test the search for maps by the parts of their descriptors."""

from __future__ import annotations

from datetime import date
from fnmatch import fnmatchcase

import pytest
from sunpy.net import attrs as a

from sunpy_helio_plugins import IMAPClient
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.imap import coverage, mission, tables
from sunpy_helio_plugins.imap.translator import queries

WINTER = a.Time("2025-12-10", "2025-12-12")
MAPS = [
    ("hi", "l2", "h45-ena-h-hf-nsp-full-hae-6deg-6mo"),
    ("hi", "l3", "h90-ena-h-hf-sp-ram-hae-6deg-1yr"),
    ("hi", "l3", "hic-spx-h-hf-sp-anti-hae-4deg-12mo"),
    ("lo", "l2", "l090-enanbs-o-sf-nsp-ram-hae-6deg-3mo"),
    ("lo", "l2", "ilo-isnnbkgnd-he-sf-nsp-full-gcs-6deg-1yr"),
    ("ultra", "l2", "u45-ena-h-hk-nsp-full-hae-nside32-6mo"),
    ("glows", "l3", "glx-int-uv-sf-nsp-full-hae-6deg-1yr"),
    ("idex", "l2c", "idx-drt-dust-sf-nsp-full-hae-6deg-1yr"),
    ("hi", "l1c", "45sensor-pset"),
    ("mag", "l2", "norm-gse"),
]


def found(*words):
    """Return the first parts of the descriptors that a query selects from all maps."""
    rows = [
        {"file_path": f"imap/{instrument}/{level}/2025/10/imap_{instrument}_{level}_{name}_20251001_v001.0001.cdf"}
        for instrument, level, name in MAPS
    ]
    table = tables.from_answers([(one, rows) for one in queries(*words)])
    return sorted(name.partition("-")[0] for name in table["Descriptor"])


@pytest.mark.parametrize(
    ("parts", "names"),
    [
        ({}, ["glx", "h45", "h90", "hic", "idx", "ilo", "l090", "u45"]),
        ({"species": "h"}, ["h45", "h90", "hic", "u45"]),
        ({"species": "Hydrogen", "frame": "heliospheric"}, ["h45", "h90", "hic"]),
        ({"species": ("o", "helium")}, ["ilo", "l090"]),
        ({"frame": "hk"}, ["u45"]),
        ({"quantity": "ena", "species": "o"}, ["l090"]),
        ({"quantity": ("isn", "drt")}, ["idx", "ilo"]),
        ({"survival": True}, ["h90", "hic"]),
        ({"survival": False, "months": 6}, ["h45", "u45"]),
        ({"months": 12, "species": "h"}, ["h90", "hic"]),
        ({"months": "1yr", "species": "h"}, ["h90", "hic"]),
        ({"months": (3, "6mo")}, ["h45", "l090", "u45"]),
        ({"phase": "ram"}, ["h90", "l090"]),
        ({"coordinates": "gcs"}, ["ilo"]),
        ({"resolution": ("nside32", "4deg")}, ["hic", "u45"]),
        ({"sensor": "hic"}, ["hic"]),
        ({"sensor": ("idx", "ilo")}, ["idx", "ilo"]),
    ],
    ids=str,
)
def test_maps_by_their_parts(parts, names):
    assert found(WINTER, a.imap.Map(**parts)) == names
    assert found(a.imap.Map(**parts)) == names


def test_with_other_attrs():
    assert found(a.imap.Map(species="h"), a.Instrument("hi")) == ["h45", "h90", "hic"]
    assert found(a.imap.Map(species="h"), a.Detector("45")) == ["h45", "u45"]
    assert found(a.imap.Map(species="h"), a.Level("l3")) == ["h90", "hic"]
    assert found(a.imap.Map(species="uv") | a.imap.Map(species="dust")) == ["glx", "idx"]
    assert found(a.imap.Map(species="uv") | a.imap.Repointing(120)) == ["glx"]


def test_the_range_of_the_request_is_as_long_as_the_maps():
    (short,) = queries(WINTER, a.imap.Map(sensor="h45", months=3), a.Level("l2"))
    (longer,) = queries(WINTER, a.imap.Map(sensor="h45", months=(3, 6)), a.Level("l2"))
    (year,) = queries(WINTER, a.imap.Map(sensor="h45"), a.Level("l2"))
    lengths = [(one.days[1] - one.days[0]).days for one in (short, longer, year)]
    assert lengths == [3 * 31 + 1, 6 * 31 + 1, 367]


def test_only_instruments_with_such_a_sensor_are_asked(archive):
    table = IMAPClient().search(WINTER, a.imap.Map(sensor=("h45", "h90"), months=6))
    assert list(table["Descriptor"]) == ["h45-ena-h-hf-nsp-full-hae-6deg-6mo"]
    asked = [(one.query["instrument"], one.query["data_level"]) for one in archive.log]
    assert sorted(asked) == [("hi", "l2"), ("hi", "l3")]
    assert table.query_attrs == (WINTER & a.imap.Map(sensor=("h45", "h90"), months=6))


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"species": "n"}, r"the species is one of h \(hydrogen\), .* not 'n'"),
        ({"species": 1}, "the species is one of"),
        ({"species": ()}, "the list of species is empty"),
        ({"frame": "hae"}, "the frame is one of sf"),
        ({"coordinates": "hgi"}, "the coordinates is one of hae"),
        ({"quantity": "map"}, "the quantity is one of ena"),
        ({"survival": "yes"}, "the survival is True or False"),
        ({"sensor": "h60"}, "the sensor is a word such as h45"),
        ({"resolution": 6}, "the resolution is a text such as '6deg'"),
        ({"months": 1.5}, "the months is a number"),
        ({"months": True}, "the months is a number"),
        ({"months": "6 months"}, "the months is a number"),
    ],
    ids=str,
)
def test_words_that_are_none_are_refused_with_those_that_are(parts, said):
    with pytest.raises(QueryError, match=rf"a\.imap\.Map: {said}"):
        a.imap.Map(**parts)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((a.Instrument("mag"),), "mag does not make maps; these instruments do: hi, lo"),
        ((a.imap.Table("ancillary"),), "does not support a.imap.Map"),
    ],
)
def test_what_has_no_maps_is_refused(words, said):
    with pytest.raises(QueryError, match=said):
        queries(a.imap.Map(species="h"), *words)
    with pytest.raises(QueryError, match="hi does not have such a sensor"):
        queries(a.imap.Map(sensor="u45"), a.Instrument("hi"))


NAMED = {
    "2026": ("2025-12-25", 12), "2026A": ("2025-12-25", 6), "2026B": ("2026-06-24", 6), "2026AA": ("2025-12-25", 3),
    "2026AB": ("2026-03-25", 3), "2026BA": ("2026-06-25", 3), "2026BB": ("2026-09-25", 3),
}  # fmt: skip
"""The first year of maps as the mission announced it (imap_processing#3432): first days and months."""


@pytest.mark.parametrize("name", NAMED)
def test_the_names_of_the_mission_are_those_of_the_first_year(name):
    start, months = date.fromisoformat(NAMED[name][0]), NAMED[name][1]
    descriptor = f"h45-ena-h-hf-sp-full-hae-6deg-{months}mo"
    assert coverage.map_name(start, descriptor) == name
    assert coverage.months_of(name) == months
    first, last = coverage.map_days(name)
    assert first < start < last
    assert coverage.map_name(date(2026, 1, 18), descriptor) == ""
    assert coverage.map_name(start.replace(year=start.year + 2), descriptor) == f"2028{name[4:]}"
    assert coverage.map_name(start, "norm-gse") == ""


def rows_of(*starts):
    keys = [("6mo", "l2"), ("3mo", "l2"), ("1yr", "l3")]
    names = [(f"h45-ena-h-hf-sp-full-hae-6deg-{length}", level, day) for day in starts for length, level in keys]
    key = "imap/hi/{1}/2026/01/imap_hi_{1}_{0}_{2}_v001.0001.cdf"
    return [{"file_path": key.format(*one)} for one in names]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ((a.imap.MapName("2026A"),), ["2026A"]),
        ((a.imap.MapName("2026a", "2026"),), ["2026", "2026A"]),
        ((a.imap.MapName("2026A") | a.imap.MapName("2026BB"),), ["2026A", "2026BB"]),
        ((a.imap.MapName("2026BB"), a.imap.Map(species="h")), ["2026BB"]),
        ((a.imap.MapName("2026BB"), a.imap.Map(species="o")), []),
        ((a.imap.MapName("2026"), a.Level("l2")), []),
        ((a.imap.MapName("2026A"), a.Time("2026-08-01", "2026-08-02")), []),
        ((a.imap.Map(), a.Instrument("hi")), ["2026", "2026A", "2026AA", "2026BB", None, None, None, None, None]),
    ],
)
def test_maps_by_the_names_of_the_mission(words, names):
    rows = rows_of("20251226", "20260118", "20260925")
    table = tables.from_answers([(one, rows) for one in queries(*words)])
    found = table["Map Name"].tolist() if len(table) else []
    assert sorted(found, key=lambda one: (one is None, one)) == names


def test_a_name_asks_for_files_that_begin_near_its_first_day():
    asked = queries(a.imap.MapName("2026AB"), a.Instrument("hi"))
    assert {one.level for one in asked} == {"l2", "l3"}
    assert {one.days for one in asked} == {(date(2026, 3, 18), date(2026, 4, 1))}
    assert all(pattern.endswith("-3mo") for one in asked for pattern in one.maps)
    assert {one.instrument for one in queries(a.imap.MapName("2026"))} == set(mission.MAPPERS)


@pytest.mark.parametrize("given", ["2025A", "2026C", "2026ABA", "A", "", 2026.5, None, "26A"], ids=str)
def test_other_names_are_refused(given):
    with pytest.raises(QueryError, match="such as '2026A'"):
        a.imap.MapName(given)


def test_an_instrument_without_maps_has_no_named_ones():
    with pytest.raises(QueryError, match="mag does not make maps"):
        queries(a.imap.MapName("2026A"), a.Instrument("mag"))


def test_a_pattern_matches_descriptors_of_nine_parts_only():
    (pattern,) = mission.map_patterns(**dict.fromkeys(
        ("sensor", "quantity", "species", "frame", "survival", "phase", "coordinates", "resolution", "months")
    ))  # fmt: skip
    assert pattern.count("-") == 8
    assert not any(fnmatchcase(name, pattern) for _, _, name in MAPS[-2:])


def test_words_without_their_names_are_refused() -> None:
    with pytest.raises(QueryError, match=r"^a\.imap\.Map takes words by their names, such as .*, not 'h90'\.$"):
        a.imap.Map("h90")
