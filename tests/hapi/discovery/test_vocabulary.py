"""Test the words of the field, and how texts, names and ids are divided into them."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
from astropy import units as u

from sunpy_helio_plugins.hapi.discovery.vocabulary import name_tokens, tokens, vocabulary


def table(name: str) -> dict[str, Any]:
    text = files("sunpy_helio_plugins.hapi.discovery").joinpath(name).read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ion densities", ["ion", "density"]),
        ("fluxes, Fluxes; FLUX", ["flux", "flux", "flux"]),
        ("s/c position", ["spacecraft", "position"]),
        ("SYM/H and sym-h", ["sym", "h", "and", "sym", "h"]),
        ("O7+/O6+ ratio", ["o7+", "o6+", "ratio"]),
        ("status of this gas", ["status", "of", "this", "gas"]),
        ("", []),
        ("→ ± °", []),
    ],
)
def test_texts_are_divided_into_singular_words(text: str, words: list[str]) -> None:
    assert tokens(text) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("BGSEc", {"b", "gse"}),
        ("B_GSM", {"b", "gsm"}),
        ("protonDensity", {"proton", "density"}),
        ("elect_density", {"electron", "density"}),
        ("STA_L2_MAGPLASMA_1M", {"mag", "plasma"}),
        ("MMS1_EPD-EIS_SRVY_L2_ELECTRONENERGY", {"mms", "survey", "electron", "energy"}),
        ("SOLO_L2_SWA-EAS1-SS-PSD", {"eas", "psd"}),
    ],
)
def test_names_are_divided_into_the_words_that_they_contain(name: str, words: set[str]) -> None:
    assert words <= name_tokens(name)


@pytest.mark.parametrize(
    ("dataset", "texts", "expected"),
    [
        ("WI_H0_MFI@0", (), {"Wind"}),
        ("AC_H0_MFI", (), {"ACE"}),
        ("GOES15_K0_MAG", (), {"GOES"}),
        ("STA_L1_HET", (), {"STEREO A"}),
        ("MMS3_FGM_SRVY_L2", (), {"MMS"}),
        ("THB_L2_FGM", (), {"THEMIS", "ARTEMIS"}),
        ("RBSP-A_EMFISIS", (), {"Van Allen Probes"}),
        ("NEW_HORIZONS_SWAP", (), {"New Horizons"}),
        ("Cassini/Ephemeris/Saturn,60s", (), {"Cassini"}),
        ("ace-imf-all", (), {"ACE"}),
        ("anything", ("Magnetic field measured by Ulysses",), {"Ulysses"}),
        ("anything", ("Speed of the solar wind",), set()),
        ("windows_ac", (), set()),
        ("tsis_tsi_24hr", ("Total irradiance",), {"TSIS-1"}),
        ("composite_mg_index", ("Composite index",), set()),
    ],
)
def test_observatories_are_known_by_codes_and_names(dataset: str, texts: tuple[str, ...], expected: set[str]) -> None:
    assert vocabulary().observed_by(dataset, *texts) == expected


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("L1", "L1"), ("near the Moon", "Moon"), ("earth", "Earth"), ("MARS", "Mars"), ("Martian", "Mars"),
        ("close to the Sun", "Sun"), ("geosynchronous orbit", "geostationary orbit"), ("Narnia", None), ("", None),
    ],
)  # fmt: skip
def test_places_are_known_by_their_names(text: str, place: str | None) -> None:
    assert vocabulary().place(text) == place


def test_places_contain_others_at_any_depth() -> None:
    assert {"Earth", "magnetosphere", "geostationary orbit", "bow shock"} <= vocabulary().within("Earth")
    assert "L1" not in vocabulary().within("Earth")
    assert vocabulary().within("Moon") == {"Moon"}


def test_the_tables_refer_to_entries_that_exist() -> None:
    words, places = table("synonyms.json"), table("observatories.json")
    kin = {(name, one) for name, said in words["quantities"].items() for one in said.get("kin", ())}
    assert {pair for pair in kin if pair[1] not in words["quantities"]} == set()
    assert {one for said in words["species"].values() for one in said["kin"]} <= words["species"].keys()
    assert {one for said in places["observatories"].values() for one in said["places"]} <= places["places"].keys()
    assert {one for said in places["places"].values() for one in said["contains"]} <= places["places"].keys()
    names = {one for said in places["observatories"].values() for one in said["names"]}
    assert set(places["exact"]) <= names


def test_every_unit_of_the_tables_can_be_read() -> None:
    said = table("synonyms.json")["quantities"].values()
    units = [text for one in said for text in (*one["units"], *one["implied"])]
    assert [text for text in units if not isinstance(u.Unit(text), u.UnitBase)] == []
    implied = [(one["implied"], one["units"]) for one in said]
    assert [pair for pair in implied if not set(pair[0]) <= set(pair[1])] == []


def test_no_phrase_of_the_tables_is_empty_or_contains_a_capital() -> None:
    assert [phrase for phrase in vocabulary().phrases if not phrase or phrase != tuple(map(str.lower, phrase))] == []
