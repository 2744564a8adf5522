"""Test the daily tables and pictures of mirrors."""

from __future__ import annotations

import pytest
from astropy.table import QTable
from plans import QUERIES

from sunpy_helio_plugins import conf, hapi, her, io, mirror
from sunpy_helio_plugins.mirrors import products

ONE_DAY = {"window": "1 day", "end": "2026-01-11"}
NAMES = {
    "wind": "2026-01-10_AC_H0_MFI",
    "mag": "2026-01-10_imap_mag_l2_norm-gse",
    "sun": "2026-01-10_SDO_AIA_AIA_193",
    "flares": "2026-01-10_events",
}


def written(folder):
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.glob("*/*/*") if path.suffix in (".ecsv", ".png")
    )


def test_each_archive_has_a_table_and_a_picture_of_the_day(archive, plan, tmp_path):
    report = mirror(plan(table="ecsv", picture=True, **ONE_DAY))
    assert report.problems == []
    expected = [f"{name}/tables/{day}.ecsv" for name, day in NAMES.items()]
    expected += [f"{name}/pictures/{day}.png" for name, day in NAMES.items()]
    assert written(tmp_path / "mirror") == sorted(expected)
    assert {name: len(one.products) for name, one in report.queries.items()} == dict.fromkeys(QUERIES, 2)
    for name, one in report.queries.items():
        assert all(path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" for path in one.products if path.suffix == ".png"), (
            name
        )
    again = mirror(plan(table="ecsv", picture=True, **ONE_DAY))
    assert [one.products for one in again.queries.values()] == [[]] * 4


def test_tables_contain_the_records_of_the_files_or_the_rows_of_the_search(archive, plan, tmp_path):
    report = mirror(plan("wind", "flares", table="ecsv", **ONE_DAY))
    wind, flares = (report.queries[name] for name in ("wind", "flares"))
    made, expected = io.read(wind.products[0]), hapi.read(wind.new[0])
    assert made.colnames == expected.colnames
    assert (len(made), made["Magnitude"].unit) == (len(expected), expected["Magnitude"].unit)
    events = her.HERTable.read(flares.products[0])
    assert sorted(events["File"]) == sorted(path.name for path in flares.new)


def test_other_formats_are_those_of_io(archive, plan, tmp_path):
    (made,) = mirror(plan("mag", table="parquet", **ONE_DAY)).queries["mag"].products
    assert made.suffix == ".parquet"
    assert "b_gse" in io.read(made).colnames


def test_a_table_is_written_again_if_it_is_lost_or_its_files_have_changed(archive, plan, tmp_path):
    mirror(plan("mag", table="ecsv", **ONE_DAY))
    (made,) = (tmp_path / "mirror").rglob("*.ecsv")
    made.unlink()
    assert mirror(plan("mag", table="ecsv", **ONE_DAY)).queries["mag"].products == [made]
    assert len(mirror(plan("mag", table="fits", **ONE_DAY)).queries["mag"].products) == 1


def test_a_table_that_was_cut_is_written_again(archive, plan, tmp_path):
    (made,) = mirror(plan("mag", table="ecsv", **ONE_DAY)).queries["mag"].products
    content = made.read_bytes()
    made.write_bytes(content[:-7])
    assert mirror(plan("mag", table="ecsv", **ONE_DAY)).queries["mag"].products == [made]
    assert made.read_bytes() == content


def test_a_table_that_cannot_be_made_costs_itself_only(archive, plan, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise ValueError("this cannot be written")

    with monkeypatch.context() as patch:
        patch.setattr(products.io, "write", fail)
        report = mirror(plan("mag", table="ecsv", **ONE_DAY))
    assert report.code == 1
    text = "mag: tables/2026-01-10_imap_mag_l2_norm-gse.ecsv could not be made: this cannot be written"
    assert report.problems == [text]
    assert (len(report.queries["mag"].new), list(tmp_path.rglob("*.part"))) == (1, [])
    assert mirror(plan("mag", table="ecsv", **ONE_DAY)).code == 0


def test_the_retention_by_age_deletes_tables(archive, plan, tmp_path, monkeypatch):
    from astropy.time import Time

    from sunpy_helio_plugins.mirrors import run

    mirror(plan("mag", table="ecsv", **ONE_DAY))
    monkeypatch.setattr(run, "_now", lambda: Time("2026-01-14 06:00"))
    made = plan("mag", table="ecsv", window="1 day", end="2026-01-13", keep="2 days")
    monkeypatch.setattr("sunpy_helio_plugins.mirrors.plan.Time", type("_", (Time,), {"now": run._now}))
    one = mirror(made).queries["mag"]
    assert sorted(path.suffix for path in one.deleted) == [".cdf", ".ecsv"]


@pytest.mark.parametrize("name", ["sun", "flares"])
def test_rows_of_a_search_are_those_of_the_day(archive, plan, name):
    report = mirror(plan(name, table="ecsv", window="2 days", end="2026-01-12")).queries[name]
    lengths = {path.name[:10]: len(QTable.read(path, format="ascii.ecsv")) for path in report.products}
    assert sum(lengths.values()) == len(report.new)
    assert all(lengths.values())


def test_a_picture_needs_no_table(archive, plan, tmp_path):
    (made,) = mirror(plan("flares", picture=True, **ONE_DAY)).queries["flares"].products
    assert made.suffix == ".png"
    assert written(tmp_path / "mirror") == [f"flares/pictures/{NAMES['flares']}.png"]


def test_a_day_whose_file_did_not_come_has_no_table(archive, plan, tmp_path):
    with conf.set_temp("retries", 0):
        with archive.fault("status", path="/imap/storage", where=lambda request: "20260111" in request.path):
            report = mirror(plan("mag", table="ecsv"))
    assert [path.name[:10] for path in report.queries["mag"].products] == ["2026-01-10", "2026-01-12"]
    assert len(report.queries["mag"].errors) == 1
