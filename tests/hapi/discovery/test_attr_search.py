"""Test searches by attrs that the index answers, on the embedded archive."""

from __future__ import annotations

from typing import Any

import pytest
from sunpy.net import attrs as a

from sunpy_helio_plugins import HAPIClient, conf, hapi
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.hapi.discovery.index import default
from sunpy_helio_plugins.sandbox.hapi.service import CLIENT_ID, CLIENT_SECRET
from sunpy_helio_plugins.transport.credentials import signed_in

DAY = a.Time("2026-01-10", "2026-01-11")


def datasets(*query: Any) -> list[str]:
    return sorted({str(one) for one in HAPIClient().search(DAY, *query)["Dataset"]})


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ((a.Physobs("density"),), ["OMNI_HRO2_1MIN"]),
        ((a.Physobs("magnetic field"),), ["AC_H0_MFI", "OMNI2_H0_MRG1HR", "OMNI_HRO2_1MIN", "WI_H0_MFI@0"]),
        ((a.Physobs("magnetic_field"), a.Source("ACE")), ["AC_H0_MFI"]),
        ((a.hapi.Parameters("*dens*"),), ["OMNI_HRO2_1MIN"]),
        ((a.hapi.Parameters("BGSEc", "Magnitude"),), ["AC_H0_MFI"]),
        ((a.hapi.Parameters("*GSE*"), a.Physobs("position")), ["AC_H0_MFI"]),
        ((a.hapi.Dataset("*MFI*"), a.Physobs("magnetic field")), ["AC_H0_MFI", "WI_H0_MFI@0"]),
        ((a.hapi.Dataset(), a.hapi.Parameters("BGSEc")), ["AC_H0_MFI"]),
        ((a.hapi.Dataset("AC_H0_MFI"), a.Physobs("magnetic field")), ["AC_H0_MFI"]),
    ],
)
def test_a_named_server_is_searched_by_its_parameters(archive: Any, query: Any, expected: list[str]) -> None:
    assert datasets(a.hapi.Server.cdaweb, *query) == expected


def test_nothing_is_found_without_an_error(archive: Any) -> None:
    assert datasets(a.hapi.Server.cdaweb, a.Physobs("electron temperature")) == []
    assert datasets(a.hapi.Server.cdaweb, a.hapi.Parameters("xyzzy*")) == []
    assert datasets(a.hapi.Server.cdaweb, a.hapi.Dataset("AC_H0_MFI"), a.Physobs("density")) == []


def test_the_index_of_a_named_server_is_made_once(archive: Any) -> None:
    with conf.hapi.set_temp("index_days", 7.0):
        assert list(default().states()) == []
        datasets(a.hapi.Server.lisird, a.Physobs("irradiance"))
        assert len(hapi.indexed()) == 1
        archive.log.clear()
        hapi.find("irradiance", server="lisird")
        assert archive.log == []


def test_names_without_a_dataset_and_a_server_are_searched_in_the_index_only(archive: Any) -> None:
    with pytest.raises(QueryError, match=r"no HAPI server is indexed yet.*update_index"):
        datasets(a.hapi.Parameters("*dens*"))
    hapi.update_index("cdaweb", progress=False)
    archive.log.clear()
    assert datasets(a.hapi.Parameters("*dens*")) == ["OMNI_HRO2_1MIN"]
    assert {one.path.split("/")[2] for one in archive.log} == {"cdaweb"}


# Of the listed servers, ESA's needs credentials.
@pytest.mark.filterwarnings("ignore:.*did not respond. swe")
def test_a_query_without_a_server_does_not_make_an_index(archive: Any) -> None:
    datasets(a.hapi.Dataset("*MFI*"), a.Physobs("magnetic field"))
    assert list(default().states()) == []


def test_an_alternative_for_another_server_is_answered_as_well(archive: Any) -> None:
    both = (a.hapi.Server.cdaweb & a.Physobs("density")) | (a.hapi.Server.lisird & a.hapi.Parameters("irrad*"))
    assert datasets(both) == ["OMNI_HRO2_1MIN", "tsis_ssi_24hr"]


def test_the_answers_to_a_user_who_is_signed_in_are_not_stored(archive: Any) -> None:
    with signed_in("swe", CLIENT_ID, CLIENT_SECRET):
        found = hapi.find("electron flux", server="swe", progress=False)
        assert set(found["Server"]) == {"swe"}
        assert (list(default().states()), list(hapi.indexed()["Server"])) == ([], ["swe"])
        assert len(hapi.find("electron flux")) == len(found)
        assert "feio_1" in dir(a.hapi.Parameters)
