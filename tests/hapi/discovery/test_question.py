"""Test how a question is divided into quantities, species, places and other parts."""

from __future__ import annotations

import pytest

from sunpy_helio_plugins.hapi.discovery.question import cadence_of, concepts


def parts(text: str) -> list[tuple[str, str]]:
    return [(one.kind, one.name) for one in concepts(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ion density at L1", [("species", "ions"), ("quantity", "density"), ("place", "L1")]),
        ("B field", [("quantity", "magnetic field")]),
        ("Np", [("quantity", "density"), ("symbol", "np")]),
        ("Vsw", [("quantity", "velocity"), ("symbol", "vsw")]),
        ("BGSE", [("quantity", "magnetic field"), ("symbol", "bgse")]),
        ("IMF", [("place", "solar wind"), ("quantity", "magnetic field")]),
        ("total solar irradiance", [("quantity", "total solar irradiance")]),
        ("solar wind speed", [("place", "solar wind"), ("quantity", "velocity")]),
        ("wind speed", [("observatory", "Wind"), ("quantity", "velocity")]),
        ("FIELDS", [("instrument", "FIELDS")]),
        ("THA", [("observatory", "THEMIS")]),
        ("thb", [("observatory", "THEMIS"), ("observatory", "ARTEMIS")]),
        ("GOES16 and STA", [("observatory", "GOES"), ("observatory", "STEREO A")]),
        ("g1x", [("word", "g1x")]),
        ("fast mode", [("word", "fast"), ("word", "mode")]),
        ("FAST electrons", [("observatory", "FAST"), ("species", "electrons")]),
        ("MMS magnetic field", [("observatory", "MMS"), ("quantity", "magnetic field")]),
        ("30 to 500 keV electrons", [("species", "electrons")]),
        ("field in GSM", [("word", "field"), ("frame", "GSM")]),
        ("ABC-Q rates", [("word", "abcq"), ("quantity", "count rate")]),
        ("the of and", []),
        ("", []),
        ("°°°", []),
    ],
)
def test_questions_are_divided_into_their_parts(text: str, expected: list[tuple[str, str]]) -> None:
    assert parts(text) == expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("magnetic field 1 minute", 60.0), ("5-min averages", 300.0), ("hourly density", 3600.0),
        ("daily means", 86400.0), ("1 hour", 3600.0), ("92 s", 92.0), ("minute resolution", 60.0),
    ],
)  # fmt: skip
def test_cadences_are_understood(text: str, seconds: float) -> None:
    assert [one.seconds for one in concepts(text) if one.kind == "cadence"] == [seconds]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("WI_K0_1MIN", 60.0), ("PSP_COHO1HR_MERGED", None), ("STA_PLA_1DMAX_10MIN", 600.0), ("nT (1hr)", 3600.0),
        ("SOLO_L3_EPD-EPT-1DAY", 86400.0), ("16 sec", 16.0), ("nothing", None), ("", None),
    ],
)  # fmt: skip
def test_ids_and_texts_name_cadences(text: str, seconds: float | None) -> None:
    assert cadence_of(text) == seconds


def test_several_observatories_of_one_name_are_alternatives() -> None:
    found = concepts("STEREO magnetic field")
    assert {one.name for one in found if one.kind == "observatory"} == {"STEREO A", "STEREO B"}
    assert len({one.words for one in found if one.kind == "observatory"}) == 1
