"""From a picture to the science-grade data of the same exposure; what is held near a time."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import astropy.units as u
import numpy as np
import pytest
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import HelioviewerClient, helioviewer
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.helioviewer import catalogue, holdings, service, tables

NOON = a.Time("2026-01-10 11:58", "2026-01-10 12:00:30")


def search(*query: Any) -> Any:
    return HelioviewerClient().search(NOON, *query)


def test_aia_is_found_by_its_serial_number(archive: Any) -> None:
    table = search(a.helioviewer.SourceID(13))
    twins = helioviewer.science(table)
    headers = search(a.helioviewer.SourceID(13), a.helioviewer.Header())
    assert list(twins["Value"]) == [str(number) for number in headers["FSN"]]
    assert set(twins["Series"]) == {"aia.lev1_euv_12s"}
    assert twins["Exact"].all()
    assert f"FSN={twins['Value'][0]}" in record_set(twins["Query"][0])
    assert list(helioviewer.science(headers)["Value"]) == list(twins["Value"])


def test_hmi_is_found_by_the_time_of_its_record(archive: Any) -> None:
    twins = helioviewer.science(search(a.helioviewer.SourceID(19)), notify="somebody@example.org")
    assert set(twins["Series"]) == {"hmi.m_45s"}
    assert twins["Value"][0].endswith("_TAI")
    assert twins["Value"][0] in record_set(twins["Query"][0])


def record_set(query: Any) -> str:
    """Return the keys that sunpy's JSOC client takes from a query, without spaces."""
    from sunpy.net.jsoc import JSOCClient
    from sunpy.net.jsoc.attrs import walker

    assert JSOCClient._can_handle_query(*query.attrs)
    (block,) = walker.create(query)
    keywords = [f"{name}{value['operator']}{value['value']}" for name, value in block.get("keyword", {}).items()]
    return str([*keywords, block.get("primekey")]).replace(" ", "")


def jsoc(asked: list[str]) -> Any:
    """Answer as JSOC's jsoc_info does."""

    def reply(path: str) -> tuple[int, str, bytes]:
        query = parse_qs(urlsplit(path).query)
        wanted = query["ds"][0]
        asked.append(wanted)
        series, _, rest = wanted.partition("[")
        key = query["key"][0].split(",")[0]
        values = rest.strip("[]? ").removeprefix("FSN in (").rstrip(") ?").split(",")
        body = {
            "status": 0, "count": len(values), "keywords": [{"name": key, "values": values}],
            "recinfo": [{"name": f"{series}[{value}]"} for value in values],
        }  # fmt: skip
        return 200, "application/json", json.dumps(body).encode()

    return reply


@pytest.mark.parametrize("source", [13, 19])
def test_records_are_resolved_by_drms(archive: Any, canned: Any, source: int) -> None:
    drms = pytest.importorskip("drms")
    from drms.config import ServerConfig

    asked: list[str] = []
    server = ServerConfig(name="twin", cgi_baseurl=f"{canned(jsoc(asked))}/", cgi_jsoc_info="jsoc_info")
    twins = helioviewer.science(search(a.helioviewer.SourceID(source)), resolve=True, drms_client=drms.Client(server))
    assert len(asked) == 1
    assert not twins["Record"].mask.any()
    assert all(str(value) in record for value, record in zip(twins["Value"], twins["Record"], strict=True))


def test_every_source_has_a_twin_or_says_that_it_has_none() -> None:
    listings = [
        service.Listing(one, np.array(["2020-01-01"], "M8[us]"), np.array([b"/x.jp2"]), "http://h", np.array(["x"]))
        for one in catalogue.known()
        if not one.members and one.instruments[0] not in ("AIA", "HMI", "EUI", "EIT", "SECCHI", "SWAP")
    ]
    twins = helioviewer.science(tables.images_table(listings, [], HelioviewerClient()))
    none = twins["Archive"].mask
    assert (twins["Note"].mask != none).all()
    assert set(twins["Instrument"][none]) == {"RHESSI", "WFI+NFI", "CCOR-1", "CCOR-2"}
    with pytest.raises(QueryError, match="None of the"):
        twins[none].query()
    assert twins[~none].query() is not None


def test_near_a_time_every_source_gives_its_nearest_image(archive: Any, tmp_path: Any) -> None:
    table = helioviewer.near("2026-01-10 12:00:05.129")
    assert len(list(archive.log)) == 1
    assert list(table["Source ID"][:1]) in ([13], [11])
    assert set(table["Source ID"]) == {11, 13, 19}
    assert (abs(table["Offset"]) <= 10 * u.min).all()
    assert "136 sources" in table.problems[0]
    files = Fido.fetch(table[:2], path=tmp_path / "{file}")
    assert files.errors == []
    assert len(helioviewer.near("2015-01-01", tolerance=1 * u.hour)) == 0


def test_an_image_of_the_very_second_is_found(archive: Any) -> None:
    for second in ("2026-01-10 12:00:05", "2026-01-10 12:00:05.9"):
        table = helioviewer.near(second, tolerance=1 * u.s)
        assert 13 in table["Source ID"]


def test_coverage_tells_gaps_and_cadence(archive: Any) -> None:
    found = helioviewer.coverage(a.Time("2026-01-10 11:00", "2026-01-10 13:00"), a.helioviewer.SourceID(11, 13))
    assert np.allclose(found.table["Cadence"].to_value(u.s), 36, atol=0.01)
    assert list(found.table["Gaps"]) == [2, 2]
    assert (found.table["Missing"] > 0.85).all()
    assert len(found.gaps) == 4
    assert found.plot() is not None
    with pytest.raises(QueryError, match=r"a\.Time"):
        helioviewer.coverage("2026-01-10", a.helioviewer.SourceID(11))


def test_sources_are_refreshed_on_request(archive: Any) -> None:
    table = helioviewer.sources(refresh=True)
    row = table[table["Source ID"] == 13][0]
    assert row["First Image"].isot == "2010-06-02T00:05:39.130"[:19] + ".000"
    assert table["Last Image"].mask[table["Source ID"] == 0].all()


def test_a_new_source_is_added(archive: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    leaf = {"sourceId": 777, "nickname": "new", "start": "", "end": ""}
    monkeypatch.setattr(holdings, "_tree", lambda: {"NEW": {"X": leaf}})
    assert 777 in helioviewer.sources(refresh=True)["Source ID"]
