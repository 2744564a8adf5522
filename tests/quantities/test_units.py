"""Test that unit strings are converted to the correct unit, or kept as text."""

from __future__ import annotations

import ast
import csv
import hashlib
import os
import pickle
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Column, MaskedColumn, QTable
from astropy.utils.masked import Masked

from sunpy_helio_plugins.quantities import units
from sunpy_helio_plugins.quantities.units import NotAUnit, Unit, Unknown, classify, column, parse

DATA = Path(__file__).parent / "data"


def judgements(name: str) -> dict[str, str]:
    """Return the expected result for each string of a list."""
    lines = (DATA / name).read_text("ascii").splitlines()
    pairs = (line.split(" | ", 1) for line in lines if not line.startswith("# "))
    return {ast.literal_eval(text): expected for expected, text in pairs}


def verdict(expected: str, found: Unit | NotAUnit | Unknown) -> str:
    """Return "right", "wrong" or "unknown"."""
    if isinstance(found, Unknown):
        return "unknown"
    if isinstance(found, NotAUnit):
        return "right" if expected == "not" else "wrong"
    if expected in ("not", "?"):
        return "wrong"
    unit = u.dimensionless_unscaled if expected == "1" else u.Unit(expected)
    return "right" if unit == found.unit else "wrong"


OWN = judgements("unit_strings.txt")
JUDGED = judgements("unit_judgements.txt")


@pytest.mark.parametrize(("text", "expected"), OWN.items(), ids=map(ascii, OWN))
def test_each_of_our_strings_means_what_it_says(text, expected):
    found = classify(text)
    assert verdict(expected, found) == ("unknown" if expected == "?" else "right"), found


def test_nothing_that_was_judged_is_wrong_and_nearly_all_is_right():
    verdicts = {text: verdict(expected, classify(text)) for text, expected in JUDGED.items()}
    assert [text for text, judged in verdicts.items() if judged == "wrong"] == []
    assert sum(judged == "right" for judged in verdicts.values()) >= 0.9 * len(verdicts)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1/(cm^2 s sr MeV/nuc)", ("per nucleon",)),
        ("MeV/n", ("per nucleon",)),
        ("keV/e", ("per charge",)),
        ("eV / q", ("per charge",)),
        ("ENAs/(cm2 s sr keV)", ("ENAs",)),
        ("p/cc", ("protons",)),
        ("e/(cm^2-s-sr-keV)", ("electrons",)),
        ("counts/sample", ("per sample",)),
        ("counts / livetime fraction", ("per livetime fraction",)),
        ("raw counts", ("raw",)),
        ("events", ("events",)),
        ("Deg N", ("north",)),
        ("km/s (from fits)", ("from fits",)),
        ("counts", ()),
        ("#/cc", ()),
    ],
)
def test_what_is_no_unit_is_kept_beside_the_unit(text, words):
    found = classify(text)
    assert isinstance(found, Unit)
    assert found.words == words


@pytest.mark.parametrize("text", [None, "", " ", "None", "null", "n/a", "-", "undefined", "[]", "(none)"])
def test_nothing_is_no_unit(text):
    assert classify(text) == NotAUnit("no unit is given")
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "context", "expected"),
    [
        ("C", {"description": "Temperature of the analyser"}, u.deg_C),
        ("C", {"name": "HVPS_TEMP"}, u.deg_C),
        ("C", {"server": "imap"}, u.deg_C),
        ("C", {"description": "Charge of the dust impact"}, u.C),
        ("C", {"description": "Temperature of the charge amplifier"}, None),
        ("T", {"description": "Temperature"}, None),
        ("deg", {"description": "Temperature"}, None),
        ("deg", {"description": "Angle of the temperature anisotropy's axis"}, u.deg),
        ("Rs", {"description": "Distance from Saturn"}, 60268 * u.km),
        ("Rs", {"dataset": "Cassini MAG"}, 60268 * u.km),
        ("Rs", {"description": "Heliocentric distance"}, u.R_sun),
        ("Rs", {"description": "Distance of Cassini from the Sun"}, None),
        ("minutes", {"description": "Magnetic declination"}, u.arcmin),
        ("minutes", {"server": "imag-data.bgs.ac.uk_GIN_V1"}, u.arcmin),
        ("minutes", {"description": "Time of the observation at this latitude"}, None),
        ("minutes", {}, u.min),
        ("nT / minutes", {"name": "D"}, u.arcmin),
        ("nT / minutes", {"name": "X"}, u.nT),
        ("nT / minutes", {"name": "Field_Vector"}, None),
        ("nT/minutes", {"description": "Rate of change of the field"}, u.nT / u.min),
        ("nT/min", {"server": "INTERMAGNET"}, None),
        ("G", {"description": "Acceleration of the platform"}, None),
        ("A", {"description": "Wavelength of the channel"}, u.AA),
        ("A", {"description": "Current of the detector"}, u.A),
        ("R", {"description": "Auroral emission at 630 nm"}, u.R),
        ("rad", {"description": "Absorbed dose"}, 0.01 * u.Gy),
        ("S", {"description": "Pedersen conductance"}, u.S),
    ],
)
def test_context_decides_what_is_ambiguous(text, context, expected):
    found = parse(text, context=context)
    assert found is None if expected is None else found == u.Unit(expected)


@pytest.mark.parametrize(
    ("text", "schema", "expected"),
    [
        ("m/s*kg", "udunits2", u.m * u.kg / u.s),
        ("m/s kg", "udunits2", u.m * u.kg / u.s),
        ("m/s*kg", "astropy3", u.m / u.s / u.kg),
        ("S", "udunits2", u.S),
        ("N", "vounits1.1", u.N),
        ("C", "udunits2", None),
        ("1e-9>T", "cdf-cluster", u.nT),
        ("1>unitless", "cdf-cluster", u.one),
        ("1.0E-3>V m^-1", "cdf-cluster", u.mV / u.m),
        ("N/A", "astropy3", None),
        ("S", "no such schema", None),
    ],
)
def test_a_declared_schema_decides_what_it_defines(text, schema, expected):
    found = parse(text, schema)
    assert found is None if expected is None else found == expected


def test_astropy_would_have_read_these_wrongly():
    for text in ("dN", "N/A", "C", "TT", "Gs", "nH", "deg deg"):
        assert parse(text) != u.Unit(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100000,
        "[" * 149,
        "1e999999999 km",
        "(1e50)^60 km",
        "10^-400 m",
        "a," * 400,
        "!E" * 300,
        "/",
        "\0",
    ],
)
def test_hostile_strings_are_refused_at_once(text):
    assert not isinstance(classify(text), Unit)


@pytest.mark.exhaustive
def test_no_string_made_of_pieces_of_units_raises():
    random = np.random.default_rng(4)
    pieces = ["nT", "km", " ", "s", "2", "-1", "^", "**", "*", "/", ".", "(", ")", "sr", "keV", "/q", "#", "ct", "per ",
              "10", "1e20 ", "%", ",", ">", "!E-3!N", "deg", "C", "A", "N", "S", "TECU", "dB", "sqrt",
              "\u00b2"]  # fmt: skip
    for length in random.integers(1, 8, 1500):
        text = "".join(random.choice(pieces, length))
        for schema in (None, "udunits2", "astropy3", "cdf-cluster"):
            found = classify(text, schema)
            assert not isinstance(found, Unit) or isinstance(found.unit, u.UnitBase), text


def test_a_string_seen_before_is_not_read_again():
    context = {"server": "cdaweb", "name": "Flux", "description": "Differential flux of protons, " * 10}
    calls = []
    for call in (lambda: parse("1/(cm^2 s sr MeV/nuc)"), lambda: parse("1/(cm^2 s sr MeV/nuc)", context=context)):
        call()
        calls.clear()
        sys.setprofile(lambda frame, event, _: calls.append(frame.f_code) if event == "call" else None)
        try:
            call()
        finally:
            sys.setprofile(None)
        assert 0 < len(calls) < 50


def test_the_kinds_are_values():
    assert Unknown() == Unknown()
    assert {classify("nT"), classify(" nT ")} == {Unit(u.nT)}
    assert pickle.loads(pickle.dumps(classify("MeV/nuc"))) == Unit(u.MeV, ("per nucleon",))


VALUES = np.array([1.0, 2.0])


def test_a_column_of_numbers_with_a_unit_is_a_quantity():
    made = column(VALUES, "1/(cm**2-s-sr-MeV/nuc.)", name="flux", description="Proton flux")
    assert isinstance(made, u.Quantity)
    assert made.unit == (u.cm**2 * u.s * u.sr * u.MeV) ** -1
    assert made.info.meta == {"unit_string": "1/(cm**2-s-sr-MeV/nuc.)", "unit_words": ["per nucleon"]}
    assert (made.info.name, made.info.description) == ("flux", "Proton flux")


def test_missing_values_stay_missing():
    assert isinstance(column(VALUES, "nT", name="b", mask=np.array([True, False])), Masked)
    assert isinstance(column(VALUES, "index", name="i", mask=np.array([True, False])), MaskedColumn)


@pytest.mark.parametrize("text", ["index", "pseudo-nT", "#", "unitless", "n/a", None])
def test_a_column_without_a_unit_is_plain(text):
    made = column(VALUES, text, name="x")
    assert type(made) is Column
    assert made.info.meta.get("unit_string") == text if text is not None else not made.info.meta


def test_a_column_knows_its_own_name_and_description():
    assert column(VALUES, "C", name="sensor_temperature").unit == u.deg_C
    assert column(VALUES, "C", name="x", description="collected charge").unit == u.C
    assert column(VALUES, "Rs", name="r", context={"dataset": "Cassini"}).unit == u.Unit(60268 * u.km)


def test_columns_of_odd_units_survive_a_file(tmp_path):
    table = QTable()
    for index, text in enumerate(["10^20 Mx", "deg. C", "TECU", "V/m/Hz^0.5", "0.01 mV/m", "MeV/nuc", "%"]):
        table[f"c{index}"] = column(VALUES, text, name=f"c{index}")
    table.write(tmp_path / "t.ecsv")
    again = QTable.read(tmp_path / "t.ecsv")
    for name in table.colnames:
        assert again[name].unit == table[name].unit
        assert again[name].info.meta["unit_string"] == table[name].info.meta["unit_string"]


def test_everything_public_is_documented():
    assert all((getattr(units, name).__doc__ or "").strip() for name in units.__all__)


def strings(archive: str) -> dict[str, int]:
    folder = os.environ.get("HELIO_TEST_DATA")
    if not folder:
        pytest.skip('HELIO_TEST_DATA names no folder of real files; "python tools/real_files.py fetch" downloads one')
    with (Path(folder) / archive / "unit_strings.csv").open(encoding="utf-8", newline="") as file:
        return {row["unit_string"]: int(row["occurrences"]) for row in csv.DictReader(file)}


def is_third(text: str) -> bool:
    """Return whether a string was excluded when the grammar was written."""
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % 3 == 2


@pytest.mark.parametrize("archive", ["hapi", "imap"])
@pytest.mark.parametrize("third", [False, True], ids=["two thirds", "last third"])
def test_nearly_all_occurrences_are_right_and_none_is_wrong(archive, third):
    found: Counter[str] = Counter()
    distinct: Counter[str] = Counter()
    for text, occurrences in strings(archive).items():
        if is_third(text) == third:
            judged = verdict(JUDGED[text], classify(text))
            found[judged] += occurrences
            distinct[judged] += 1
    assert distinct["wrong"] == 0
    assert distinct["right"] >= 0.9 * distinct.total()
    # The last third of HAPI's strings is 9 % of the occurrences, so that rare strings have a higher weight.
    assert found["right"] >= (0.98 if third else 0.99) * found.total()


@pytest.mark.parametrize("text", ["m^(1/0)", "m^(0/0)", "km s^(1/0)"])
def test_an_exponent_divided_by_zero_is_not_understood(text):
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CC", u.cm**3),
        ("1/CC", u.cm**-3),
        # A hyphen after a power is a product, also of units of one kind.
        ("cm^2-cm^-3", u.cm**-1),
        ("cm^-2-s^-1", u.cm**-2 / u.s),
        ("cm^2-s", u.cm**2 * u.s),
    ],
)
def test_cubic_centimetres_and_hyphens_after_powers(text, expected):
    assert units.parse(text) == expected


@pytest.mark.parametrize("text", ["cm-cm^-3", "keV-MeV", "deg-min", "1-10 keV"])
def test_a_hyphen_between_units_of_one_kind_may_be_a_range(text):
    assert units.parse(text) is None
