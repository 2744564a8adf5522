"""Test plans of mirrors: each mistake is one sentence that names the file, the table and the key."""

from __future__ import annotations

import copy
import re
import tomllib
from pathlib import Path

import pytest
from astropy.time import Time
from plans import MAG, QUERIES, THREE_DAYS, WIND
from sunpy.net import attrs as a

from sunpy_helio_plugins import mirror
from sunpy_helio_plugins.errors import DiskError, QueryError
from sunpy_helio_plugins.mirrors import Plan
from sunpy_helio_plugins.mirrors.plan import _OPTIONS
from sunpy_helio_plugins.mirrors.plan_attrs import ARCHIVES, archive_named

GOOD = {"mirror": {"folder": "there"}, "queries": {name: one | THREE_DAYS for name, one in QUERIES.items()}}


def changed(query: str, **keys):
    """Return a plan with other keys in one query; `None` removes a key."""
    made = copy.deepcopy(GOOD)
    made["queries"][query] |= keys
    for key in [key for key, value in keys.items() if value is None]:
        del made["queries"][query][key]
    return made


MISTAKES = {
    "unknown key": (changed("wind", datasets="x"), "[queries.wind] does not take the key 'datasets'", "mean dataset?"),
    "key of another archive": (changed("mag", dataset="x"), "[queries.mag] does not take the key 'dataset'"),
    "no archive": (changed("mag", archive=None), "[queries.mag] needs the key archive: one of hapi, imap"),
    "unknown archive": (changed("mag", archive="cda"), "[queries.mag] archive takes one of hapi, imap", "'cda'"),
    "unknown server": (changed("wind", server="cdawb"), "[queries.wind] server is not valid", "did you mean cdaweb?"),
    "number as a duration": (changed("mag", window=3), "[queries.mag] window takes a duration such as '30 days'"),
    "unknown unit": (changed("mag", window="3 moons"), "[queries.mag] window takes a duration"),
    "no time": (changed("mag", window=None), "[queries.mag] needs either window, such as '30 days', or start."),
    "two times": (changed("mag", start="2026-01-01"), "[queries.mag] takes either window or start, not both."),
    "end before the start": (
        changed("mag", window=None, start="2026-01-14"), "[queries.mag] end must be later than start",
    ),
    "no wavelength": (changed("sun", wavelength=193), "[queries.sun] wavelength is not valid", "such as '193 AA'"),
    "unknown level": (changed("mag", level="l9"), "[queries.mag] is not a valid query", "a.Level('l9')"),
    "attrs that exclude each other": (changed("sun", source_id=8, instrument="HMI"), "[queries.sun] is not a valid"),
    "unknown keyword": (changed("flares", where="fl_gols > M1"), "[queries.flares] where is not valid"),
    "no comparison": (changed("flares", where="strong"), "[queries.flares] where is not valid", "'fl_goescls >= M1'"),
    "unknown event": (changed("flares", event_type="XX"), "[queries.flares] event_type is not valid"),
    "empty list": (changed("mag", instrument=[]), "[queries.mag] instrument takes a value or a list of values"),
    "table in a list": (changed("mag", instrument=[{}]), "[queries.mag] instrument takes a value or a list of values"),
    "number as a text": (changed("mag", instrument=3), "[queries.mag] instrument is not valid"),
    "unknown format": (changed("mag", table="xls"), "[queries.mag] table takes a format: ecsv", "'xls'"),
    "picture as a text": (changed("mag", picture="yes"), "[queries.mag] picture takes true or false, not 'yes'"),
    "false as a flag": (changed("flares", latest=False), "[queries.flares] latest is not valid", "only true"),
    "unknown kind": (changed("mag", delete="withdrawn"), "[queries.mag] delete takes a list of superseded and outside"),
    "a path without letters": (changed("mag", path=" "), "[queries.mag] path takes a template such as", "' '"),
    "a number as a path": (changed("mag", path=3), "[queries.mag] path takes a template such as"),
    "a number as a time": (changed("mag", end=3), "[queries.mag] end takes a time such as 2026-01-10", "not 3"),
    "no step of samples": (changed("sun", sample="soon"), "[queries.sun] sample is not valid", "such as '1 hour'"),
    "a wavelength of time": (changed("sun", wavelength="193 s"), "[queries.sun] wavelength is not valid", "'193 s'"),
    "a negative wavelength": (changed("sun", wavelength="-1 nm"), "[queries.sun] wavelength is not valid", "'-1 nm'"),
    "a number as a class": (changed("flares", where="fl_goescls > 5"), "[queries.flares] where is not valid", "'5'"),
    "no files": (changed("mag", keep_files=0), "[queries.mag] keep_files takes a number of files of at least 1"),
    "a path out of the folder": (changed("mag", path="../{file}"), "[queries.mag] path is in the folder"),
    "a short retention": (changed("mag", window="30 days", end=None, keep="2 days"), "[queries.mag] keep is shorter"),
    "no folder": (GOOD | {"mirror": {}}, "[mirror] needs the key folder"),
    "another key": (GOOD | {"mirror": {"folder": "x", "fold": 1}}, "[mirror] does not take the key 'fold'"),
    "no queries": ({"mirror": {"folder": "x"}}, "[queries] needs at least one query"),
    "another table": (GOOD | {"query": {}}, "does not take the key 'query'", "Did you mean queries?"),
    "a value as a table": (GOOD | {"queries": 3}, "queries is a table, [queries], not 3"),
    "a name that is no folder": (GOOD | {"queries": {"a/b": MAG}}, "[queries] has the name 'a/b'"),
    "a name twice": (GOOD | {"queries": {"Wind": WIND, "wind": WIND}}, "[queries] has the name 'Wind'"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_before_any_request(archive, mistake):
    given, *words = MISTAKES[mistake]
    with pytest.raises(QueryError) as raised:
        mirror(given)
    text = str(raised.value)
    assert text.startswith("The plan: ")
    assert [word for word in words if word not in text] == []
    assert "\n" not in text
    assert archive.log == []


def test_a_file_that_is_not_toml_is_refused_with_its_name_and_line(tmp_path):
    place = tmp_path / "plan.toml"
    place.write_text("[mirror]\nfolder = \n")
    with pytest.raises(QueryError, match=r"plan\.toml is not a plan in TOML .*line 2.*; correct it"):
        mirror(place)


@pytest.mark.parametrize("content", [b"\xff\xfe", pytest.param(b"a = " + b"[" * 100_000, id="deep")])
def test_a_file_that_is_not_text_or_not_a_plan_is_refused(tmp_path, content):
    place = tmp_path / "plan.toml"
    place.write_bytes(content)
    with pytest.raises(QueryError, match=r"plan\.toml is not a plan in TOML"):
        mirror(place)


def test_a_file_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(DiskError, match="it does not exist"):
        mirror(tmp_path / "plan.toml")


@pytest.mark.parametrize("given", [None, 3, b"x", ["x"], object])
def test_other_objects_are_refused(given):
    with pytest.raises(QueryError, match="mirror takes the path of a TOML file, a dict or a Plan"):
        mirror(given)


def test_the_folder_is_relative_to_the_file(tmp_path):
    place = tmp_path / "plan.toml"
    place.write_text(
        '[mirror]\nfolder = "there"\n[queries.mag]\narchive = "imap"\ninstrument = "mag"\nwindow = "P3D"\n'
    )
    assert Plan.read(place).folder == tmp_path / "there"
    assert Plan.read(place).queries["mag"].window == 3 * 86400
    made = Plan.parse(place.read_text(), "Standard input")
    assert (made.folder, made.queries.keys()) == (Path("there"), {"mag"})
    assert Plan.parse(place.read_bytes()).origin == "The plan"


@pytest.mark.parametrize("given", [None, 1, {}])
def test_a_text_of_another_type_is_refused(given):
    with pytest.raises(QueryError, match=r"mirrors\.Plan\.parse takes a text in TOML, not"):
        Plan.parse(given)
    with pytest.raises(QueryError, match=r"mirrors\.Plan\.parse takes a text as origin, not"):
        Plan.parse("", origin=given)


def test_a_plan_is_accepted_in_every_form():
    made = Plan.of(GOOD)
    assert Plan.of(made) is made
    assert list(made.queries) == list(QUERIES)


def test_dates_of_toml_are_times():
    given = tomllib.loads('a = 2026-01-10\nb = 2026-01-11T12:00:00\nc = "2026-01-12"')
    made = Plan.of(changed("mag", window=None, start=given["a"], end=given["b"])).queries["mag"]
    assert [one.isot for one in made.span(Time("2026-06-01"))] == ["2026-01-10T00:00:00.000", "2026-01-11T12:00:00.000"]
    made = Plan.of(changed("mag", end=given["c"])).queries["mag"]
    assert made.span(Time("2026-06-01"))[0].isot == "2026-01-09T00:00:00.000"


def test_windows_and_open_ends_move_by_days():
    made = Plan.of(changed("mag", end=None)).queries["mag"]
    times = [[one.isot[:16] for one in made.span(Time(f"2026-01-10 {hour}"))] for hour in ("00:10", "23:50")]
    assert times == [["2026-01-07T00:00", "2026-01-11T00:00"]] * 2
    made = Plan.of(changed("mag", window=None, end=None, start="2026-01-02")).queries["mag"]
    assert [one.isot[:16] for one in made.span(Time("2026-01-10 12:00"))] == ["2026-01-02T00:00", "2026-01-11T00:00"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30 days", 2592000), ("1 day", 86400), ("12 hours", 43200), ("90 min", 5400), ("1.5 h", 5400), ("PT1H", 3600)],
)
def test_durations_are_words_or_iso_8601(text, seconds):
    assert Plan.of(changed("mag", window=text)).queries["mag"].window == seconds


def test_comparisons_are_those_of_the_attrs():
    made = Plan.of(changed("flares", where=["frm_name == SWPC", "fl_goescls >= M1", "fl_peakflux > 1e-5"]))
    found = made.queries["flares"].attrs[-1].attrs
    expected = (a.her.frm_name == "SWPC") & (a.her.fl_goescls >= "M1") & (a.her.fl_peakflux > 1e-5)
    assert [repr(one) for one in found] == [repr(one) for one in expected.attrs]


def test_lists_are_alternatives():
    made = Plan.of(changed("sun", wavelength=["171 AA", "19.3 nm"], source="SDO"))
    assert [one.min.to_value("AA") for one in made.queries["sun"].attrs[-1].attrs] == pytest.approx([171, 193])


def test_hapi_is_requested_by_days_unless_the_plan_says_otherwise():
    assert a.hapi.Chunk("P1D") in Plan.of(GOOD).queries["wind"].attrs
    made = Plan.of(changed("wind", chunk="6 hours")).queries["wind"]
    assert [one for one in made.attrs if isinstance(one, a.hapi.Chunk)] == [a.hapi.Chunk("PT6H")]


@pytest.mark.parametrize("archive", ARCHIVES)
def test_the_guide_names_every_key(archive):
    guide = (Path(__file__).parents[2] / "docs" / "how_to" / "mirrors.rst").read_text(encoding="utf-8")
    keys = [*archive_named(archive).keys, *_OPTIONS]
    assert [key for key in keys if not re.search(rf"``{key}( = true)?``", guide)] == []


def test_a_home_folder_is_expanded():
    assert Plan.of(GOOD | {"mirror": {"folder": "~/m"}}).folder == Path.home() / "m"


def test_an_attr_without_a_value_is_given_as_true():
    assert a.her.Latest() in Plan.of(changed("flares", latest=True)).queries["flares"].attrs
