"""Test the sandbox's HAPI servers with the official client and against the specification."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import numpy as np
import pytest

SEED_DATASET = "spase://SSA/NumericalData/D3S/d3s_mtgs1_ngrm_science_ep_l1_bt_v1"
SEED_RANGE = {"start": "2026-03-25T12:00:00Z", "stop": "2026-03-25T12:05:00Z"}
SEED_PARAMETERS = "utc,feio_1,odi_unilib_mlt"
SEED_CSV = (
    "#utc,feio_1,odi_unilib_mlt\n"
    "Time,Integral electron flux (>0.15 MeV),MLT\n"
    "2026-03-25T12:00:40.067Z,744958.0,11.6639\n"
    "2026-03-25T12:02:10.067Z,733622.0,11.6887\n"
    "2026-03-25T12:03:40.067Z,736119.0,11.7135\n"
)

# hapiclient replaces sys.excepthook and leaves sockets open, so it is run in a separate process.
JUDGE = """
import sys
import numpy as np
from hapiclient import hapi
server, dataset, parameters, start, stop, fmt, cachedir, out = sys.argv[1:]
data, meta = hapi(server, dataset, parameters, start, stop, format=fmt, cachedir=cachedir, usecache=False)
assert meta["x_capabilities"]["outputFormats"]
np.save(out, data)
"""


def _ask(url: str, query: dict[str, str] | None = None) -> tuple[int, bytes]:
    full = f"{url}?{urllib.parse.urlencode(query)}" if query else url
    try:
        with urllib.request.urlopen(full, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read()


def _code(url: str, query: dict[str, str] | None = None) -> tuple[int, int]:
    status, body = _ask(url, query)
    return status, json.loads(body)["status"]["code"]


@pytest.fixture
def judge(archive: Any, tmp_path: Any) -> Any:
    """Return the structured array of hapiclient for a server, dataset, parameters, start, stop and format."""

    def read(server: str, *arguments: str) -> np.ndarray:
        out = tmp_path / "out.npy"
        url = f"{archive.url}/hapi/{server}/hapi"
        command = [sys.executable, "-c", JUDGE, url, *arguments, str(tmp_path), str(out)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return np.load(out)

    return read


@pytest.mark.parametrize("fmt", ["csv", "binary"])
def test_hapiclient_reads_the_field_of_the_old_server(judge: Any, fmt: str) -> None:
    data = judge("cdaweb", "AC_H0_MFI", "Magnitude,BGSEc", "2026-01-10T15:42Z", "2026-01-10T17:42Z", fmt)
    assert data.dtype.names == ("Time", "Magnitude", "BGSEc")
    assert len(data) == 450
    assert data["Time"][0] == b"2026-01-10T15:42:04.000Z"
    assert data["BGSEc"].shape == (450, 3)
    good = data["Magnitude"] > -1e30
    assert 0 < good.sum() <= 450
    np.testing.assert_allclose(np.linalg.norm(data["BGSEc"][good], axis=1), data["Magnitude"][good], atol=2e-3)
    # The shock passes at 16:42.
    assert data["Magnitude"][-200:].mean() > 2 * data["Magnitude"][:200].mean()


def test_hapiclient_gets_the_same_from_csv_and_binary(judge: Any) -> None:
    request = ("cdaweb", "OMNI_HRO2_1MIN", "", "2026-01-20T02:00Z", "2026-01-20T04:00Z")
    csv, binary = judge(*request, "csv"), judge(*request, "binary")
    assert csv.dtype == binary.dtype
    assert (csv == binary).all()
    assert set(binary["flow_speed"][60:]) == {99999.9}
    assert binary["SYM_H"].dtype == np.int32
    assert 99999 in binary["SYM_H"]


def test_hapiclient_reads_an_id_with_an_at_sign(judge: Any) -> None:
    assert len(judge("cdaweb", "WI_H0_MFI@0", "BF1", "2026-01-10", "2026-01-11", "binary")) == 1440


@pytest.mark.parametrize("fmt", ["csv", "binary"])
def test_hapiclient_reads_spectra_of_the_new_server(judge: Any, fmt: str) -> None:
    data = judge("lisird", "tsis_ssi_24hr", "irradiance", "2026-01-05T00:00Z", "2026-01-12T00:00Z", fmt)
    assert data["irradiance"].shape == (7, 24)
    assert 1.5 < data["irradiance"].max() < 2.2


@pytest.mark.parametrize("fmt", ["csv", "binary"])
def test_hapiclient_reads_strings_and_times_of_the_new_server(judge: Any, fmt: str) -> None:
    data = judge("lisird", "goes_xrs_flare_list", "peak_time,goes_class,noaa", "2026-01-10", "2026-01-11", fmt)
    assert data["goes_class"].tolist() == ["C3.4", "M1.2", "C1.1", "X1.6", "C8.8", "M5.0"]
    assert data["peak_time"][3] == b"2026-01-10T13:52:12Z"
    assert data["noaa"].tolist() == [14334, 14334, 14331, 14334, 14336, 14331]


def test_overlapping_ranges_have_the_same_records(archive: Any) -> None:
    url = f"{archive.url}/hapi/cdaweb/hapi/data"
    query = {"id": "AC_H0_MFI", "time.min": "2026-01-12T15:40Z", "time.max": "2026-01-12T16:40Z"}
    long = _ask(url, query)[1].splitlines()
    short = _ask(url, query | {"time.min": "2026-01-12T16:00Z", "time.max": "2026-01-12T16:10Z"})[1].splitlines()
    assert len(short) == 37
    assert b"\n".join(short) in b"\n".join(long)


def test_stop_is_exclusive(archive: Any) -> None:
    url = f"{archive.url}/hapi/lisird/hapi/data"
    query = {"dataset": "tsis_tsi_24hr", "start": "2026-01-05T12:00Z", "stop": "2026-01-06T12:00Z"}
    assert _ask(url, query)[1].startswith(b"2026-01-05T12")
    assert len(_ask(url, query)[1].splitlines()) == 1


def test_the_header_is_json_behind_a_hash(archive: Any) -> None:
    query = {"dataset": "tsis_tsi_24hr", "start": "2026-005", "stop": "2026-007"}
    query |= {"include": "header", "format": "binary"}
    head, _, records = _ask(f"{archive.url}/hapi/lisird/hapi/data", query)[1].partition(b"\n")
    header = json.loads(head.removeprefix(b"#"))
    assert header["format"] == "binary"
    assert header["parameters"][0]["name"] == "time"
    assert len(records) == 2 * (24 + 8 + 8 + 4)


CDAWEB = {"id": "AC_H0_MFI", "time.min": "2026-01-01T00:00Z", "time.max": "2026-01-02T00:00Z"}
LISIRD = {"dataset": "tsis_tsi_24hr", "start": "2026-01-01T00:00Z", "stop": "2026-01-02T00:00Z"}


@pytest.mark.parametrize(
    ("server", "query", "expected"),
    [
        ("cdaweb", {"dataset": "AC_H0_MFI", "start": "2026-01-01", "stop": "2026-01-02"}, (400, 1401)),
        ("cdaweb", CDAWEB | {"colour": "red"}, (400, 1401)),
        ("cdaweb", {"id": "AC_H0_MFI"}, (400, 1400)),
        ("cdaweb", CDAWEB | {"time.min": "yesterday"}, (400, 1402)),
        ("cdaweb", CDAWEB | {"time.max": "2026-13-01"}, (400, 1403)),
        ("cdaweb", CDAWEB | {"time.max": "2026-01-01"}, (400, 1404)),
        ("cdaweb", CDAWEB | {"time.min": "1990", "time.max": "1991"}, (400, 1405)),
        ("cdaweb", CDAWEB | {"id": "AC_H0_MFJ"}, (404, 1406)),
        ("cdaweb", CDAWEB | {"parameters": "Magnitud"}, (404, 1407)),
        ("cdaweb", CDAWEB | {"time.min": "1998"}, (400, 1408)),
        ("cdaweb", CDAWEB | {"format": "json"}, (400, 1409)),
        ("cdaweb", CDAWEB | {"include": "footer"}, (400, 1410)),
        ("lisird", LISIRD | {"parameters": "uncertainty,tsi_1au"}, (400, 1411)),
        ("lisird", LISIRD | {"parameters": "tsi_1au,tsi_1au"}, (400, 1411)),
        ("lisird", LISIRD | {"start": "2017-01-01"}, (400, 1405)),
    ],
)
def test_a_wrong_request_is_refused_with_the_code_of_the_specification(
    archive: Any, server: str, query: dict[str, str], expected: tuple[int, int]
) -> None:
    assert _code(f"{archive.url}/hapi/{server}/hapi/data", query) == expected


def test_the_new_server_understands_the_old_names(archive: Any) -> None:
    old = {"id": LISIRD["dataset"], "time.min": LISIRD["start"], "time.max": LISIRD["stop"]}
    url = f"{archive.url}/hapi/lisird/hapi/data"
    assert _ask(url, old) == _ask(url, LISIRD)


def test_the_catalogue_of_the_new_server_contains_the_descriptions(archive: Any) -> None:
    """Specification 3.2, catalog: the same as info, without the members HAPI and status."""
    url = f"{archive.url}/hapi/lisird/hapi"
    assert json.loads(_ask(f"{url}/capabilities")[1])["catalogDepthOptions"] == ["dataset", "all"]
    plain = json.loads(_ask(f"{url}/catalog", {"depth": "dataset"})[1])
    deep = json.loads(_ask(f"{url}/catalog", {"depth": "all"})[1])
    assert [one.keys() for one in plain["catalog"]] == [{"id", "title"}] * len(deep["catalog"])
    for entry in deep["catalog"]:
        info = json.loads(_ask(f"{url}/info", {"dataset": entry["id"]})[1])
        assert entry["info"] == {name: value for name, value in info.items() if name not in ("HAPI", "status")}


@pytest.mark.parametrize(
    ("server", "query", "expected"),
    [
        ("lisird", {"depth": "parameters"}, (400, 1413)),
        ("lisird", {"resolve_references": "no"}, (400, 1412)),
        ("cdaweb", {"depth": "all"}, (400, 1401)),
        ("swe-open", {"depth": "all"}, (400, 1401)),
    ],
)
def test_a_depth_that_a_server_does_not_have_is_refused(
    archive: Any, server: str, query: dict[str, str], expected: tuple[int, int]
) -> None:
    assert _code(f"{archive.url}/hapi/{server}/hapi/catalog", query) == expected


def test_the_old_server_has_no_about(archive: Any) -> None:
    assert _code(f"{archive.url}/hapi/cdaweb/hapi/about") == (400, 1400)
    assert _code(f"{archive.url}/hapi/lisird/hapi/about") == (200, 1200)


def test_a_range_without_records_is_an_empty_body(archive: Any) -> None:
    query = CDAWEB | {"time.min": "2026-01-25T06:30Z", "time.max": "2026-01-25T07:30Z"}
    assert _ask(f"{archive.url}/hapi/cdaweb/hapi/data", query) == (200, b"")
    headed = _ask(f"{archive.url}/hapi/cdaweb/hapi/data", query | {"include": "header"})[1]
    assert json.loads(headed.removeprefix(b"#"))["status"]["code"] == 1201


def test_the_last_record_lies_at_the_datasets_own_stop(archive: Any) -> None:
    lenient = f"{archive.url}/hapi/cdaweb/hapi/data"
    query = {"id": "OMNI_HRO2_1MIN", "time.min": "2026-02-28T23:59Z", "time.max": "2026-03-01T00:00:00.001Z"}
    assert _ask(lenient, query)[1].splitlines()[-1].startswith(b"2026-03-01T00:00:00.000Z")
    strict = f"{archive.url}/hapi/lisird/hapi/data"
    query = {"dataset": "tsis_ssi_24hr", "start": "2026-01-30T12:00Z", "stop": "2026-01-31T12:00:00.001Z"}
    assert _code(strict, query) == (400, 1405)
    assert len(_ask(strict, query | {"stop": "2026-01-31T12:00:00Z"})[1].splitlines()) == 1


def test_esa_answers_its_own_example(archive: Any) -> None:
    query = {"dataset": SEED_DATASET, "parameters": SEED_PARAMETERS, **SEED_RANGE}
    url = f"{archive.url}/hapi/swe-open/hapi/data"
    assert _ask(url, query | {"format": "csv", "include": "header"}) == (200, SEED_CSV.encode())
    answer = json.loads(_ask(url, query | {"format": "json"})[1])
    assert list(answer)[-2:] == ["data", "contactID"]
    assert answer["data"][0] == ["2026-03-25T12:00:40.067Z", 744958.0, 11.6639]
    assert answer["parameters"][0]["label"] == ["Time"]


def test_esa_limits_an_answer_to_its_elements(archive: Any) -> None:
    query = {"dataset": SEED_DATASET, "parameters": "feio_1", "start": "2026-01-01", "stop": "2026-03-01"}
    assert _code(f"{archive.url}/hapi/swe-open/hapi/data", query) == (400, 1408)


def test_esa_wants_a_token_and_gives_one(archive: Any) -> None:
    url = f"{archive.url}/hapi/swe"
    assert _ask(f"{url}/hapi/catalog")[0] == 401
    form = {
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "grant_type": "client_credentials",
        "scope": "swe_hapiserver",
    }
    body = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(f"{url}/realms/swe/protocol/openid-connect/token", body, timeout=20) as answer:
        token = json.load(answer)
    assert token["expires_in"] == 300
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    request = urllib.request.Request(f"{url}/hapi/catalog", headers=bearer)
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert len(json.load(answer)["catalog"]) == 3
