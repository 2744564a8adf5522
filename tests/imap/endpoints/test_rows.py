"""Test rows of the archive as the service returns them."""

from __future__ import annotations

import pytest

from sunpy_helio_plugins import conf, imap
from sunpy_helio_plugins.errors import QueryError, ServerError
from sunpy_helio_plugins.imap.endpoints import rows


@pytest.mark.parametrize(
    ("table", "parameters", "words"),
    [
        ("science", {}, "requires at least one parameter, such as instrument, or a filename"),
        ("science", {"instrument": None}, "requires at least one parameter"),
        ("science", {"type": "spin"}, "'science' does not have the parameter 'type'"),
        ("science", {"instrumnt": "mag"}, "does not have the parameter 'instrumnt'; .*Did you mean instrument"),
        ("spice", {"instrument": "mag"}, "'spice' does not have the parameter 'instrument'"),
        ("science", {"version": "newest"}, "version is .*, not 'newest'"),
        ("science", {"start_date": "2026-01-10"}, "start_date is .*, not '2026-01-10'"),
        ("science", {"start_date": "20260230"}, "start_date is .*, and 20260230 is not a day of the calendar"),
        ("science", {"filename": "strange.cdf"}, "'strange.cdf' does not follow the SDC's naming conventions"),
    ],
)
def test_what_the_service_would_refuse_is_refused_before_a_request(archive, table, parameters, words):
    with pytest.raises(QueryError, match=words):
        imap.rows(table, **parameters)
    assert archive.log == []


def test_a_failure_with_dates_is_an_error(archive):
    with conf.set_temp("retries", 0), archive.fault("status", status=500, path="/imap/query"):
        with pytest.raises(ServerError, match="500"):
            imap.rows(instrument="mag", start_date="20260110", end_date="20260110")
        dated = [request for request in archive.log if "start_date" in request.query]
        assert len(dated) == len(archive.log)


@pytest.mark.parametrize("order", [("v001", "v003", "v002"), ("v003", "v001", "v002"), ("v002", "v001", "v003")])
def test_the_highest_version_of_a_series_is_chosen_in_any_order(order):
    given = [{"instrument": "mag", "descriptor": "x", "start_date": "20260110", "version": one} for one in order]
    other = {"instrument": "mag", "descriptor": "y", "start_date": "20260110", "version": "v001"}
    assert [row["version"] for row in rows._newest([*given, other])] == ["v003", "v001"]


@pytest.mark.parametrize("order", [(1, 3, 2), (3, 1, 2), (2, 1, 3)])
def test_the_highest_version_of_a_kernel_is_chosen_in_any_order(order):
    given = [{"file_name": f"imap/spice/spk/imap_recon_20251201_20260131_v{one:02}.bsp"} for one in order]
    chosen = list(rows._last_of_each([*given, {"file_name": "notes.txt"}]))
    assert [row["file_name"].rpartition("/")[2] for row in chosen] == [
        "imap_recon_20251201_20260131_v03.bsp",
        "notes.txt",
    ]
