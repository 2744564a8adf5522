"""Test the common parts of the four clients: attrs, queries as alternatives, printing of tables."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from astropy import units as u
from astropy.table import vstack
from astropy.time import Time
from astropy.utils.masked import Masked
from sunpy.net import Fido
from sunpy.net import attrs as a
from sunpy.net.attr import and_

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido import attrs, client
from sunpy_helio_plugins.fido import table as table_module


class One(attrs.ArchiveAttr):
    """An attr."""


class Other(attrs.ArchiveAttr):
    """Another attr."""


class Mark(attrs.MarkerAttr):
    """A marker."""


TIME = a.Time("2026-01-10", "2026-01-11")


def test_words_of_two_classes_are_never_equal():
    assert One("x") == One("x")
    assert One("x") != Other("x")
    assert a.Instrument("x") != One("x")
    assert len({One("x"), Other("x"), One("x")}) == 2


def test_an_or_between_two_classes_keeps_both():
    assert len((One("x") | Other("x")).attrs) == 2
    assert len((a.Instrument("x") | One("x")).attrs) == 2


def test_an_or_within_a_class_joins_the_values():
    joined = One("x") | One("y") | One("x")
    assert joined == One("x", "y")
    assert (Mark() | Mark()) == Mark()


def test_two_of_a_class_cannot_hold_at_once():
    with pytest.raises(QueryError, match=r"cannot both be true; join alternatives with \|"):
        One("x") & One("y")


@pytest.mark.parametrize("before", [TIME, TIME & a.Instrument("x")])
def test_nor_where_fido_joins_them_one_after_the_other(before):
    with pytest.raises(QueryError, match=r"'x'.* and .*'y'.* cannot both be true"):
        and_(before, One("x"), One("y"))
    with pytest.raises(QueryError, match="cannot both be true"):
        One("y") & (before & One("x"))


def test_a_marker_takes_no_value():
    with pytest.raises(QueryError, match="does not take a value, but got 'x'; it selects the archive"):
        Mark("x")


def test_a_marker_may_stand_twice():
    assert Mark() & Mark() == Mark()
    assert and_(TIME, Mark(), Mark()) == Mark() & (TIME & Mark()) == TIME & Mark()


@pytest.mark.parametrize("value", ["", "  ", 3, None])
def test_a_word_takes_text(value):
    with pytest.raises(QueryError, match="takes text"):
        One(value)


def test_queries_are_alternatives_of_single_attrs_at_any_depth():
    tree = TIME & (One("x") | Other("y")) & (a.Instrument("i") | a.Source("s"))
    branches = attrs.branches(tree)
    assert len(branches) == 4
    assert all(len(branch) == 3 and TIME in branch for branch in branches)
    assert attrs.branches(One("x")) == [(One("x"),)]
    assert attrs.branches() == []


def test_a_foreign_attr_is_named_with_what_is_understood():
    with pytest.raises(QueryError, match=r"Archive cannot use a\.Level .* supports: .*a\.Time"):
        attrs.explain_foreign([TIME, a.Level(1)], {a.Time, One}, "Archive")
    attrs.explain_foreign([TIME], {a.Time}, "Archive")


def test_attrs_bear_the_names_that_users_type():
    from sunpy.net import hek

    assert attrs.name_of(a.Time) == "a.Time"
    assert attrs.name_of(hek.attrs.EventType) == "a.hek.EventType"
    assert attrs.name_of(a.jsoc.Series("x")) == "a.jsoc.Series"


class Table(table_module.ArchiveTable):
    """A table."""

    size_column = "Size"


class Client(client.ArchiveClient):
    """A client that is not registered."""


@pytest.mark.parametrize(
    ("sizes", "total", "text"),
    [
        ([], np.nan * u.byte, "nan byte"),
        ([np.nan], np.nan * u.byte, "nan byte"),
        ([0], np.nan * u.byte, "nan byte"),
        ([3], 3 * u.byte, "3.0 byte"),
        ([3, 400], 403 * u.byte, "403.0 byte"),
        ([600, np.nan, 400], 1 * u.kbyte, "1.0 kbyte"),
        ([1.5e6, 9e5], 2.4 * u.Mbyte, "2.4 Mbyte"),
        ([3e9], 3 * u.Gbyte, "3.0 Gbyte"),
    ],
)
def test_the_sizes_of_all_files_are_added(sizes, total, text):
    table = Table({"Size": sizes * u.byte}) if sizes else Table(names=["Size"])
    found = table.total_size()
    assert (found.unit, str(found)) == (total.unit, text)
    assert np.array_equal(found.value, total.value, equal_nan=True)


def test_the_size_of_a_search_is_that_of_its_rows(archive):
    images = Fido.search(a.Time("2026-01-10", "2026-01-11"), a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI"))[0]
    assert images.total_size() > 1 * u.kbyte
    assert u.allclose(images.total_size(), images[images.size_column].sum(), rtol=1e-3)


def test_an_empty_table_has_no_keys_for_paths():
    assert Table(names=["Size"]).path_format_keys() == set()
    assert Table({"Start Time": ["x"]}).path_format_keys() == {"start_time"}


def test_very_long_tables_are_shown_in_part():
    table = Table({"Number": np.arange(100_000)})
    table.client = Client()
    lines = str(table).splitlines()
    assert len(lines) <= table_module.LINES_SHOWN
    assert lines[2].strip() == "0"
    assert "Length = 100000 rows" in lines[-1]
    assert repr(table).endswith(str(table))


def test_clients_are_alike_and_survive_everything(tmp_path):
    assert Client() == Client()
    assert hash(Client()) == hash(Client())
    table = Table({"Name": ["x"]})
    table.client = Client()
    stacked = vstack([table, table.copy(), table[:1]])
    assert stacked.client == Client()
    assert pickle.loads(pickle.dumps(table)).client == Client()
    table.write(tmp_path / "x.ecsv")


def test_missing_times_survive_pickling():
    table = Table({"Time": Time(["2026-01-10", "2026-01-11"])})
    table["Time"][1] = np.ma.masked
    table.client = Client()
    again = pickle.loads(pickle.dumps(table))
    assert again["Time"].mask.tolist() == [False, True]
    assert again["Time"][0] == table["Time"][0]
    assert again.client == Client()


def test_a_client_cannot_be_subclassed():
    with pytest.raises(TypeError, match="do not define one"):
        type("B", (Client,), {})


@pytest.mark.parametrize(
    ("uncalled", "said"),
    [
        (a.imap.File, "write a.imap.File()"),
        (a.helioviewer.Image, "write a.helioviewer.Image()"),
        (a.her.Event, "write a.her.Event()"),
        (a.hapi.Server, r"write a.hapi.Server\(...\)"),
    ],
)
def test_a_class_that_stands_for_an_attr_is_explained(uncalled: type, said: str) -> None:
    with pytest.raises(QueryError, match=said.replace("()", r"\(\)")):
        Fido.search(a.Time("2026-01-10", "2026-01-11"), uncalled)


def test_masked_whole_numbers_times_and_words_of_columns_survive_pickling() -> None:
    table = table_module.ArchiveTable()
    table["n"] = Masked(u.Quantity([1, 2], u.nT, dtype=np.int32), mask=[False, True])
    table["n"].info.description = "a field"
    table["t"] = Time(["2026-01-10", "2026-01-11"])
    table["t"][1] = np.ma.masked
    again = pickle.loads(pickle.dumps(table))
    assert again["n"].dtype == np.int32
    assert again["n"].unit == u.nT
    assert again["n"].info.description == "a field"
    assert again["n"].mask.tolist() == again["t"].mask.tolist() == [False, True]
    assert again["n"][0] == 1 * u.nT
    assert again["t"][0].isot == "2026-01-10T00:00:00.000"
    assert again["t"].precision == table["t"].precision
