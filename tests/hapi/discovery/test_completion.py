"""Test that servers, datasets and parameters of the index are attributes of the attrs."""

from __future__ import annotations

from typing import Any

import pytest
from invented import CATALOGUE
from sunpy.net import attrs as a

from sunpy_helio_plugins import conf, hapi
from sunpy_helio_plugins.hapi.discovery.completion import identifier
from sunpy_helio_plugins.hapi.discovery.index import IndexEntry, default

ONE, TWO = "https://one.example/hapi", "https://two.example/a/hapi"


def put(url: str, *ids: str) -> None:
    index = default()
    index.begin(url, "A title", "a test")
    index.add(url, [(place, IndexEntry.of(one, f"Title of {one}", CATALOGUE[one])) for place, one in enumerate(ids)])
    index.end(url, ids, [])


@pytest.fixture(autouse=True)
def _without_disk() -> Any:
    with conf.set_temp("cache", False):
        yield


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("AC_H0_MFI", "ac_h0_mfi"), ("WI_H0_MFI@0", "wi_h0_mfi_0"), ("spase://A/B c", "spase___a_b_c"),
        ("class", "class_"),
        ("3dp", "n3dp"), ("Ü-1", "ü_1"), ("→", ""), ("", ""),
    ],
)  # fmt: skip
def test_names_are_made_into_identifiers(name: str, expected: str) -> None:
    assert identifier(name) == expected


def test_the_names_of_the_index_are_attributes() -> None:
    put(ONE, "AC_H9_MFI", "WI_H9_SWE")
    assert {"ac_h9_mfi", "wi_h9_swe"} <= set(dir(a.hapi.Dataset))
    assert {"bgsec", "np", "vp"} <= set(dir(a.hapi.Parameters))
    assert a.hapi.Dataset.ac_h9_mfi == a.hapi.Dataset(f"{ONE}/AC_H9_MFI")
    assert a.hapi.Parameters.bgsec == a.hapi.Parameters("BGSEc")
    assert "ac_h9_mfi" in str(a.hapi.Dataset)


def test_an_attribute_is_found_without_listing_first() -> None:
    put(ONE, "RAIN")
    assert a.hapi.Parameters.rain == a.hapi.Parameters("rain")


def test_ids_of_several_servers_have_the_server_in_their_names() -> None:
    with conf.hapi.set_temp("servers", [f"one={ONE}", f"two={TWO}"]):
        put(ONE, "RAIN", "AC_H9_MFI")
        put(TWO, "RAIN")
        names = set(dir(a.hapi.Dataset))
        assert {"one_rain", "two_rain", "ac_h9_mfi"} <= names
        assert "rain" not in names
        assert a.hapi.Dataset.two_rain == a.hapi.Dataset("two/RAIN")


def test_servers_without_a_short_name_are_known_by_their_hosts() -> None:
    put(ONE, "RAIN")
    assert a.hapi.Server.one_example == a.hapi.Server(ONE)
    assert a.hapi.Server.cdaweb == a.hapi.Server("cdaweb")


def test_servers_of_one_host_are_known_by_their_paths() -> None:
    urls = [f"https://one.example/{name}/hapi" for name in ("a", "b")]
    for url in urls:
        put(url, "RAIN")
    assert a.hapi.Server.one_example_b_hapi == a.hapi.Server(urls[1])
    assert not hasattr(a.hapi.Server, "one_example")


def test_names_end_with_the_index() -> None:
    put(ONE, "RAIN")
    assert "rain" in dir(a.hapi.Dataset)
    default().forget(ONE)
    assert "rain" not in dir(a.hapi.Dataset)
    with pytest.raises(AttributeError, match="rain"):
        a.hapi.Dataset.rain  # noqa: B018
    assert "cdaweb" in dir(a.hapi.Server)


def test_an_unknown_attribute_is_an_attribute_error() -> None:
    for attr in (a.hapi.Dataset, a.hapi.Parameters, a.hapi.Server):
        assert not hasattr(attr, "xyzzy")
        assert not hasattr(attr, "_repr_mimebundle_")


def test_a_completed_dataset_is_searched_on_its_server(archive: Any) -> None:
    from sunpy.net import Fido

    hapi.update_index(progress=False)
    archive.log.clear()
    found = Fido.search(a.Time("2026-01-10", "2026-01-11"), a.hapi.Dataset.ac_h0_mfi)["hapi"]
    assert list(found["Dataset"]) == ["AC_H0_MFI"]
    assert {one.path.split("/")[2] for one in archive.log} == {"cdaweb"}


def test_names_that_are_no_identifiers_or_already_there_are_not_attributes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOGUE, "→", CATALOGUE["RAIN"])
    put(ONE, "→", "RAIN")
    put("https://cdaweb/hapi", "RAIN")
    assert "" not in dir(a.hapi.Dataset)
    assert a.hapi.Server.cdaweb == a.hapi.Server("cdaweb")
    assert a.hapi.Server.one_example == a.hapi.Server(ONE)
