"""Test that every problem of a result has a kind and an archive, wherever the table goes."""

from __future__ import annotations

import copy
import pickle
import warnings

import astropy.units as u
import pytest
from astropy.table import QTable, vstack
from sunpy.net import attrs as a

from sunpy_helio_plugins import HAPIClient, HelioviewerClient, HERClient, IMAPClient, conf
from sunpy_helio_plugins.errors import (
    AnswerError,
    FileError,
    IncompleteAnswerWarning,
    Problem,
    QueryError,
    ServerError,
    ServiceRefused,
    ServiceUnreachable,
    TransferError,
)

DAY = a.Time("2026-01-10", "2026-01-11")
MINUTES = a.Time("2026-01-10 12:00", "2026-01-10 12:10")
SEARCHES = {
    "HAPI": lambda: HAPIClient().search(DAY, a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI")),
    "IMAP SDC": lambda: IMAPClient().search(DAY, a.imap.File(), a.Instrument("mag")),
    "Helioviewer": lambda: HelioviewerClient().search(MINUTES, a.helioviewer.Image(), a.Wavelength(304 * u.AA)),
    "HER": lambda: HERClient().search(DAY, a.her.FL),
}
PROBLEMS = [
    Problem("A page failed.", "server", "a mirror"),
    Problem("Its name is odd: ü.", "data"),
    Problem("It has more.", "limit", "another"),
]
FORMATS = {"ascii.ecsv": "ecsv", "fits": "fits", "parquet": "parquet", "asdf": "asdf", "hdf5": "h5"}


def entries(table):
    return [(str(one), one.kind, one.archive) for one in table.problems]


@pytest.fixture(params=SEARCHES)
def table(request, archive):
    found = SEARCHES[request.param]()
    found.problems = PROBLEMS
    found.notes = ["It is growing."]
    return found


@pytest.fixture
def expected(table):
    named = [(str(one), one.kind, one.archive or table.archive) for one in PROBLEMS]
    assert table.archive in SEARCHES
    assert entries(table) == named
    return named


@pytest.mark.parametrize("form", FORMATS)
def test_files_keep_the_kind_and_the_archive(table, expected, form, tmp_path):
    path = tmp_path / f"table.{FORMATS[form]}"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*(dubious|unicode).*")
        table.write(path, format=form)
        back = type(table).read(path, format=form)
    assert entries(back) == expected
    assert list(back.notes) == ["It is growing."]


def test_copies_keep_the_kind_and_the_archive(table, expected):
    for other in (pickle.loads(pickle.dumps(table)), table.copy(), copy.deepcopy(table), table[:1]):
        assert entries(other) == expected
        assert all(type(one) is Problem for one in other.problems)
    joined = vstack([table[:1], table[:1]], metadata_conflicts="silent")
    assert set(entries(joined)) == set(expected)


def test_a_plain_table_can_still_be_written(table, expected, tmp_path):
    QTable({"a": [1]}, meta={"problems": list(map(str, table.problems))}).write(tmp_path / "t.ecsv")


def test_sentences_and_stored_forms_become_problems(table):
    table.problems = ["Odd.", {"text": "Old.", "kind": "server", "archive": "x"}, {"text": "Short."}]
    mine = table.archive
    assert entries(table) == [("Odd.", "data", mine), ("Old.", "server", "x"), ("Short.", "data", mine)]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ServiceUnreachable("HER", "https://x", "no"), "unreachable"),
        (ServiceRefused("HER", "https://x", "no", 404), "refused"),
        (ServerError("HER", "https://x", "no", 500), "server"),
        (AnswerError("HER", "https://x", "no", 200), "answer"),
        (TransferError("no"), "transfer"),
        (QueryError("no"), "query"),
        (FileError("no"), "data"),
    ],
)
def test_a_problem_has_the_kind_and_the_archive_of_its_error(error, kind):
    problem = Problem.of_error(error)
    assert (problem, problem.kind) == (str(error), kind)
    assert problem.archive == ("HER" if hasattr(error, "archive") else "")
    assert Problem.of_error(error, "A page is missing.") == "A page is missing."


MONTHS = a.Time("2025-12-01", "2026-02-01"), a.helioviewer.Backend("hapi"), a.helioviewer.SourceID(13)
TWO = a.Instrument("mag") | a.Instrument("swe")
PARTS = {
    "HAPI": ("/info", "", lambda: HAPIClient().search(DAY, a.hapi.Server("cdaweb"), a.hapi.Dataset("A*"))),
    "IMAP SDC": (
        "/query",
        "swe",
        lambda: IMAPClient().search(DAY, a.imap.File(), TWO),
    ),
    "Helioviewer": ("/data", "", lambda: HelioviewerClient().search(*MONTHS)),
    "HER": ("/her", "", lambda: HERClient().search(DAY & a.her.FL | a.Time("2026-01-12", "2026-01-13") & a.her.AR)),
}


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize(("status", "kind"), [(500, "server"), (400, "refused")])
def test_a_part_that_failed_has_the_kind_of_its_error(archive, name, status, kind):
    ending, part, search = PARTS[name]

    def is_meant(request):
        return request.path.endswith(ending) and part in str(request.query)

    times = None if part else 1
    with conf.set_temp("retries", 0), archive.fault("status", status=status, where=is_meant, times=times):
        with pytest.warns(IncompleteAnswerWarning):
            table = search()
    assert kind in {one.kind for one in table.problems}
    assert all(name in one.archive for one in table.problems)
