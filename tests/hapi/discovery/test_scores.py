"""Test the ranking of parameters: by rules on invented datasets, and by questions on real ones."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from invented import CATALOGUE

from sunpy_helio_plugins.hapi.discovery import corpus
from sunpy_helio_plugins.hapi.discovery.corpus import Corpus
from sunpy_helio_plugins.hapi.discovery.index import IndexEntry
from sunpy_helio_plugins.hapi.discovery.question import concepts
from sunpy_helio_plugins.hapi.discovery.scores import Hit, rank, scores
from sunpy_helio_plugins.hapi.discovery.vocabulary import vocabulary


def hits(corpus: Corpus, text: str, near: str | None = None) -> list[Hit]:
    allowed = np.ones(len(corpus), dtype=np.float32)
    if near is not None:
        place = vocabulary().place(near)
        assert place is not None
        allowed = corpus.at(vocabulary().within(place)).astype(np.float32)
    return rank(corpus, concepts(text), allowed, 50)


def names(corpus: Corpus, text: str, near: str | None = None) -> list[str]:
    return [corpus.parameters[hit.row][0] for hit in hits(corpus, text, near)]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("proton density", "Np"),
        ("number density of protons", "Np"),
        ("density", "Np"),
        ("Np", "Np"),
        ("n", "Np"),
        ("Vsw", "Vp"),
        ("V", "Vp"),
        ("B_GSE", "BGSEc"),
        ("bulk speed", "Vp"),
        ("uncertainty of the proton density", "dNp"),
        ("quality of the density", "QF"),
        ("solar wind speed", "Vp"),
        ("velocity", "Vp"),
        ("temperature", "Tp"),
        ("magnetic field in GSE", "BGSEc"),
        ("B in GSM", "BGSM"),
        ("magnetic field GSM ACE", "BGSM"),
        ("position of ACE", "SC_pos_GSE"),
        ("electron density", "mms4_des_numberdensity_fast"),
        ("ion density in the magnetosphere", "mms4_dis_numberdensity_fast"),
        ("density MMS ions", "mms4_dis_numberdensity_fast"),
        ("rain", "rain"),
        ("gardens", "rain"),
    ],
)
def test_the_meant_parameter_is_first(small: Corpus, text: str, first: str) -> None:
    assert names(small, text)[0] == first


def test_a_place_excludes_the_observatories_elsewhere(small: Corpus) -> None:
    owners = {int(small.owner[hit.row]) for hit in hits(small, "density", near="L1")}
    assert {small.datasets[one].id for one in owners} == {"WI_H9_SWE"}
    owners = {int(small.owner[hit.row]) for hit in hits(small, "density", near="Earth")}
    assert {small.datasets[one].id for one in owners} == {"MMS4_FPI_FAST_L2_DES-MOMS", "MMS4_FPI_FAST_L2_DIS-MOMS"}


@pytest.mark.parametrize("text", ["xyzzy", "the", "", "°"])
def test_words_that_are_nowhere_find_nothing(small: Corpus, text: str) -> None:
    assert hits(small, text) == []


def test_an_empty_index_is_searched_without_an_error() -> None:
    assert hits(Corpus([]), "density") == []
    assert hits(Corpus([("there", "", [IndexEntry("A", "", {})])]), "density") == []


def test_scores_are_between_0_and_1_and_descend(small: Corpus) -> None:
    for text in ("density", "magnetic field", "proton temperature at L1", "solar wind"):
        found = [hit.score for hit in hits(small, text)]
        assert found == sorted(found, reverse=True)
        assert all(0 < score <= 1 for score in found)


def test_the_reasons_quote_the_words_and_name_the_rest(small: Corpus) -> None:
    why = hits(small, "proton density at L1")[0].why
    assert why == ("'proton', 'density' in 'Proton number density'", "Wind (L1)")
    assert "by MMS" in hits(small, "MMS electrons density")[0].why


def test_a_dataset_with_many_parameters_does_not_hide_the_others() -> None:
    many = [{"name": f"B{place}", "units": "nT", "description": "Magnetic field"} for place in range(40)]
    time = {"name": "Time"}
    entries = [
        IndexEntry.of("MANY", "", {"parameters": [time, *many]}),
        IndexEntry.of("ONE", "", {"parameters": [time, many[0]]}),
    ]
    corpus = Corpus([("there", "", entries)])
    first = [corpus.datasets[int(corpus.owner[hit.row])].id for hit in hits(corpus, "magnetic field")[:2]]
    assert set(first) == {"MANY", "ONE"}


@pytest.mark.parametrize("member", ["description", "x_instrument", "resourceID"])
def test_the_texts_of_a_dataset_are_searched(member: str) -> None:
    field = {"parameters": [{"name": "Time"}, {"name": "B", "units": "nT"}]}
    texts = {"MINE": "spase://Somewhere/Ulysses/Fancymeter", "OTHER": "spase://Somewhere/Wind/Plainmeter"}
    corpus = Corpus([("there", "", [IndexEntry.of(one, "", {**field, member: text}) for one, text in texts.items()])])
    for question in ("magnetic field Fancymeter", "magnetic field Ulysses"):
        assert corpus.datasets[int(corpus.owner[hits(corpus, question)[0].row])].id == "MINE"


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"parameters": None},
        {"parameters": [{"name": "Time"}, "x", None, {"units": "nT"}]},
        {"parameters": [{"name": "Time"}, {"name": "B", "units": ["nT", None, "deg"], "label": ["x", ["y", 1]]}]},
        {"parameters": [{"name": "Time"}, {"name": "B", "units": {"$ref": "#/x"}, "description": ["a", 2]}]},
        {"description": 7, "cadence": "never", "startDate": 1, "parameters": [{"name": "Time"}, {"name": 5}]},
    ],
    ids=["empty", "none", "strangers", "lists", "objects", "numbers"],
)
def test_odd_descriptions_are_indexed(members: dict[str, Any]) -> None:
    corpus = Corpus([("there", "", [IndexEntry.of("ODD", "Magnetic field", members)])])
    assert len(hits(corpus, "magnetic field")) <= 1
    assert corpus.cadences.shape == (len(corpus),)


QUESTIONS = Path(__file__).with_name("questions.json")
HELD_OUT = Path(__file__).with_name("questions_held_out.json")


def answered(corpus: Corpus, path: Path) -> list[str]:
    """Return the questions without a right dataset among the first ten rows."""
    wrong = []
    for one in json.loads(path.read_text())["questions"]:
        found = hits(corpus, one["question"], one.get("near"))[:10]
        ids = [corpus.datasets[int(corpus.owner[hit.row])].id for hit in found]
        if not any(fnmatchcase(name, right) for name in ids for right in one["right"]):
            wrong.append(one["question"])
    return wrong


def test_fifty_questions_find_their_datasets(real_corpus: Corpus) -> None:
    assert len(json.loads(QUESTIONS.read_text())["questions"]) == 50
    assert len(answered(real_corpus, QUESTIONS)) <= 2


def test_further_questions_find_their_datasets(real_corpus: Corpus) -> None:
    assert len(json.loads(HELD_OUT.read_text())["questions"]) == 60
    assert len(answered(real_corpus, HELD_OUT)) <= 3


def test_the_ion_densities_of_the_archive_are_found(real_corpus: Corpus) -> None:
    """The words of a quantity find each dataset that has it, whatever it is called."""
    found = rank(real_corpus, concepts("ion density"), np.ones(len(real_corpus), dtype=np.float32), 5000)
    ids = {real_corpus.datasets[int(real_corpus.owner[hit.row])].id for hit in found}
    assert {"WI_K0_3DP", "WI_K0_SWE", "AC_K0_SWE", "DSCOVR_H1_FC", "SOLO_LL02_SWA-PAS-MOM"} <= ids


def test_without_a_concept_no_parameter_has_a_score(small: Corpus) -> None:
    assert scores(small, ()).tolist() == [0.0] * len(small)


def test_a_full_memory_of_earlier_questions_is_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [IndexEntry.of(one, "", said) for one, said in CATALOGUE.items()]
    first, second = (Corpus([("there", "", entries)]) for _ in range(2))
    questions = ("proton density", "magnetic field in GSE")
    expected = [names(first, text) for text in questions]
    assert len(first._kept) > 1
    monkeypatch.setattr(corpus, "_MOST_KEPT", 0)
    assert [names(second, text) for text in questions] == expected
    assert len(second._kept) == 1
