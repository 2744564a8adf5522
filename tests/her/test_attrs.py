"""The words of a search, and how they refuse what the registry could not answer."""

from __future__ import annotations

import json
import operator
import pickle
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
import sunpy.net.hek
from sunpy.net import attrs as a
from sunpy.net.attr import AttrAnd

import sunpy_helio_plugins  # noqa: F401
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her import attrs
from sunpy_helio_plugins.her.keywords import event_types, keywords


def test_types_join_into_one_attr() -> None:
    both = a.her.CH | a.her.FL
    assert both == attrs.EventType("CH", "FL")
    assert both.values == ("CH", "FL")


@pytest.mark.parametrize("word", ["CH", "ch", "CoronalHole", "coronalhole"])
def test_a_type_is_known_by_letters_and_by_name(word: str) -> None:
    assert a.her.EventType(word) == a.her.CH


def test_an_unknown_type_raises_at_once_and_says_which_there_are() -> None:
    with pytest.raises(QueryError, match=r"'CQ'.*CH \(CoronalHole\)"):
        a.her.EventType("CQ")


def test_a_type_must_be_given() -> None:
    with pytest.raises(QueryError, match=r"a\.her\.Event\(\)"):
        a.her.EventType()


@pytest.mark.parametrize("value", [0, -3, 2.5, "10", True])
def test_a_limit_is_a_positive_whole_number(value: Any) -> None:
    with pytest.raises(QueryError, match="at least 1"):
        a.her.Limit(value)


@pytest.mark.parametrize(
    ("compare", "sign"),
    [
        (operator.eq, "="), (operator.ne, "!="), (operator.lt, "<"), (operator.le, "<="), (operator.gt, ">"),
        (operator.ge, ">="),
    ],
)
def test_comparisons_of_numbers_become_the_registrys_operators(compare: Any, sign: str) -> None:
    made = compare(a.her.ar_noaanum, 14331)
    assert (made.name, made.operator, made.value) == ("ar_noaanum", sign, "14331")


def test_text_compares_and_matches_patterns() -> None:
    assert (a.her.fl_goescls > "M").value == "M"
    pattern = a.her.frm_name.like("CACTus%")
    assert (pattern.operator, pattern.value) == ("like", "CACTus%")


def test_booleans_are_spelt_as_the_registry_wants_them() -> None:
    assert (a.her.frm_humanflag == True).value == "true"  # noqa: E712
    assert (a.her.frm_humanflag != "false").value == "false"


@pytest.mark.parametrize(
    "asked",
    [
        lambda: a.her.frm_humanflag == "t",
        lambda: a.her.frm_humanflag > True,
        lambda: a.her.ar_noaanum == "many",
        lambda: a.her.ar_noaanum > float("nan"),
        lambda: a.her.ar_noaanum == True,  # noqa: E712
        lambda: a.her.ar_noaanum.like("14%"),
        lambda: a.her.frm_name == 3,
        lambda: a.her.obs_meanwavel > 3 * u.kg,
        lambda: a.her.fl_peakflux > 3 * u.W / u.m**2,
    ],
)
def test_values_that_a_keyword_cannot_have_are_refused(asked: Any) -> None:
    with pytest.raises(QueryError):
        asked()


def test_a_quantity_is_converted_where_the_unit_is_known() -> None:
    assert float((a.her.area_atdiskcenter > 1e4 * u.Mm**2).value) == pytest.approx(1e10)
    assert float((a.her.obs_meanwavel < 200 * u.AA).value) == pytest.approx(2e-6)


def test_a_quantity_may_stand_on_the_left() -> None:
    made = 1e10 * u.km**2 < a.her.area_atdiskcenter
    assert (made.operator, float(made.value)) == (">", 1e10)


def test_numpy_numbers_are_numbers() -> None:
    assert (a.her.ar_noaanum == np.int64(14331)).value == "14331"


def test_a_filter_of_a_type_judges_that_type() -> None:
    assert (a.her.CH.area_atdiskcenter > 1e10 * u.km**2).event_type == "CH"
    with pytest.raises(QueryError, match="CH has no fl_goescls"):
        _ = a.her.CH.fl_goescls
    with pytest.raises(AttributeError, match="no keyword 'nonsense'"):
        _ = a.her.CH.nonsense


def test_pythons_and_or_and_chains_would_lose_a_filter_and_raise() -> None:
    with pytest.raises(TypeError, match="&"):
        _ = a.her.ar_noaanum > 1 and a.her.ar_noaanum < 5
    with pytest.raises(TypeError, match="&"):
        _ = 1 < a.her.ar_noaanum < 5


def test_filters_join_with_and_also_when_both_are_of_one_keyword() -> None:
    both = (a.her.ar_noaanum > 1) & (a.her.ar_noaanum > 5)
    assert isinstance(both, AttrAnd)
    assert len(both.attrs) == 2


@pytest.mark.parametrize(
    "box",
    [
        (0 * u.arcsec, 0 * u.arcsec, 0 * u.arcsec, 9 * u.arcsec),
        (0, 0, 9, 9),
        (0 * u.kg, 0 * u.kg, 9 * u.kg, 9 * u.kg),
        (0 * u.deg, 0 * u.deg, np.nan * u.deg, 9 * u.deg),
    ],
)
def test_a_box_that_holds_nothing_is_refused(box: Any) -> None:
    with pytest.raises(QueryError, match="corner"):
        a.her.Box(*box)


def test_a_box_knows_its_system() -> None:
    one = 1 * u.deg
    assert a.her.Box(-one, -one, one, one).corners == pytest.approx((-3600, -3600, 3600, 3600))
    with pytest.raises(QueryError, match="stonyhurst"):
        a.her.Box(-1 * u.deg, -1 * u.deg, 1 * u.deg, 1 * u.deg, "polar")


def test_attrs_survive_pickling_and_say_what_they_are() -> None:
    for attr in (a.her.CH, a.her.Limit(3), a.her.frm_name == "SPoCA", a.her.Event()):
        assert pickle.loads(pickle.dumps(attr)) == attr
    assert repr(a.her.frm_name == "SPoCA") == "a.her.frm_name = 'SPoCA'"
    assert "km2" in repr(a.her.area_atdiskcenter)


def test_every_exported_word_exists() -> None:
    assert all(hasattr(attrs, name) for name in attrs.__all__)
    assert len(set(attrs.__all__)) == len(attrs.__all__)
    assert {"CH", "frm_name", "search_frm_name", "Event"} <= set(attrs.__all__)


def test_shipped_keywords_are_those_of_the_registrys_list() -> None:
    folder = Path(sunpy.net.hek.__file__).parent / "data"
    tables = [json.loads((folder / f"{name}_properties.json").read_text()) for name in ("unit", "coord")]
    listed = {entry["name"]: entry for table in tables for entry in table["attributes"]}
    ours = {name: keyword for name, keyword in keywords().items() if keyword.filter}
    assert set(ours) == set(listed)
    assert dict(event_types()) == tables[0]["keys"]
    numbers = {"float": "float", "integer": "integer", "long": "integer"}
    for name, entry in listed.items():
        assert ours[name].kind == numbers.get(entry["type"], ours[name].kind)
        assert ours[name].unit in ("", entry.get("unit_prop"))
