"""Test the embedded archive with hapiclient: our tables contain the same values, and schemas are valid."""

from __future__ import annotations

import contextlib
import json
import struct
import subprocess
import sys
import threading
import urllib.request
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from astropy.time import Time
from referencing import Registry
from referencing.jsonschema import DRAFT7
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import hapi, sandbox
from sunpy_helio_plugins.errors import FileError, ServiceError
from sunpy_helio_plugins.hapi import Info
from sunpy_helio_plugins.hapi.records import file
from sunpy_helio_plugins.hapi.records.read import from_contents
from sunpy_helio_plugins.transport.credentials import signed_in

DAY = ("2026-01-10T00:00:00Z", "2026-01-11T00:00:00Z")
MONTH = ("2026-01-01T00:00:00Z", "2026-01-30T00:00:00Z")
SPRING = ("2026-03-20T00:00:00Z", "2026-03-21T00:00:00Z")
ESA = "spase://SSA/NumericalData/D3S/"

RANGES = {
    ("cdaweb", "AC_H0_MFI"): ("2026-01-10T00:00:00Z", "2026-01-10T12:00:00Z"),
    ("cdaweb", "OMNI_HRO2_1MIN"): ("2026-01-20T00:00:00Z", "2026-01-21T00:00:00Z"),
    ("cdaweb", "OMNI2_H0_MRG1HR"): MONTH,
    ("cdaweb", "WI_H0_MFI@0"): DAY,
    ("lisird", "tsis_tsi_24hr"): MONTH,
    ("lisird", "tsis_ssi_24hr"): MONTH,
    ("lisird", "goes_xrs_flare_list"): DAY,
    ("swe-open", f"{ESA}d3s_gk2a_sosmag_recalib"): SPRING,
    ("swe-open", f"{ESA}d3s_mtgi1_ngrm_science_ep_l1_gc_v1"): SPRING,
    ("swe-open", f"{ESA}d3s_mtgs1_ngrm_science_ep_l1_bt_v1"): SPRING,
    ("swe", f"{ESA}d3s_mtgs1_ngrm_science_ep_l1_bt_v1"): SPRING,
}
"""Requests for hapiclient to the HAPI servers."""

FORMATS = {"cdaweb": ("csv", "binary"), "lisird": ("csv", "binary"), "swe": ("csv",), "swe-open": ("csv",)}
JOBS = [(server, dataset, chosen) for server, dataset in RANGES for chosen in FORMATS[server]]

HELIOVIEWER = "path,refPixelX,refPixelY,scale,width,height,rotation"
"""All parameters of Helioviewer's server except the URL, which contains the port of the embedded archive."""

# hapiclient replaces sys.excepthook and leaves sockets open, so it is run in a single separate process.
JUDGE = """
import json, sys
import numpy as np
from hapiclient import hapi
folder = sys.argv[1]
for number, (server, dataset, parameters, start, stop, chosen) in enumerate(json.load(sys.stdin)):
    data, meta = hapi(server, dataset, parameters, start, stop, format=chosen, cachedir=folder, usecache=False)
    np.save(f"{folder}/{number}.npy", data)
"""


def _judged(folder: Path, jobs: list[tuple[str, ...]]) -> list[np.ndarray]:
    """Return the result of hapiclient for each server, dataset, parameters, start, stop and format."""
    done = subprocess.run(
        [sys.executable, "-c", JUDGE, str(folder)], input=json.dumps(jobs), capture_output=True, text=True, timeout=600,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return [np.load(folder / f"{number}.npy") for number in range(len(jobs))]


@contextlib.contextmanager
def _with_token(url: str) -> Iterator[str]:
    """Serve the data for signed-in users, since hapiclient cannot send a token."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {"Authorization": f"Bearer {token}"}
            with urllib.request.urlopen(urllib.request.Request(f"{url}{self.path}", headers=headers)) as answer:
                body = answer.read()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    with signed_in("swe", "sandbox-client", "sandbox-secret"):
        token = hapi.access_token("swe")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def verdicts(_running_archive: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[Any, np.ndarray]:
    """Return the result of hapiclient for every dataset of the embedded archive's HAPI servers."""
    root = _running_archive.url
    with sandbox.use(root), _with_token(f"{root}/hapi/swe") as open_swe:
        urls = {name: f"{root}/hapi/{name}/hapi" for name in FORMATS} | {"swe": f"{open_swe}/hapi"}
        jobs = [(urls[server], dataset, "", *RANGES[server, dataset], chosen) for server, dataset, chosen in JOBS]
        return dict(zip(JOBS, _judged(tmp_path_factory.mktemp("judge"), jobs), strict=True))


def test_every_dataset_of_the_embedded_servers_is_judged(archive: Any) -> None:
    held = {(server, one) for server in FORMATS for one in _ids(f"{archive.url}/hapi/{server}/hapi")}
    # The data with and without a token are the same.
    assert held - {("swe", one) for _, one in held} == set(RANGES) - {("swe", one) for _, one in RANGES}


def _ids(url: str) -> list[str]:
    with signed_in("swe", "sandbox-client", "sandbox-secret"):
        return list(hapi.catalog("swe" if "/swe/" in url else url)["id"])


@pytest.mark.parametrize(("server", "dataset", "chosen"), JOBS)
def test_tables_hold_what_hapiclient_reads(
    archive: Any, verdicts: dict[Any, np.ndarray], tmp_path: Path, server: str, dataset: str, chosen: str
) -> None:
    theirs = verdicts[server, dataset, chosen]
    start, stop = RANGES[server, dataset]
    with signed_in("swe", "sandbox-client", "sandbox-secret"):
        name = "swe" if server == "swe" else f"{archive.url}/hapi/{server}/hapi"
        loaded = hapi.load(name, dataset, start, stop, format=chosen)
        found = Fido.search(a.Time(start, stop), a.hapi.Server(name), a.hapi.Dataset(dataset), a.hapi.Format(chosen))
        read = hapi.read(*Fido.fetch(found, path=tmp_path / "{file}"))
    # a.Time includes its end.
    for ours in (loaded, read[read.columns[0] < Time(stop[:-1], scale="utc")]):
        assert len(ours) == len(theirs) > 0
        assert ours.colnames == list(theirs.dtype.names)
        for column in ours.colnames:
            _assert_equal(ours[column], theirs[column])


def test_tables_hold_what_hapiclient_reads_of_helioviewer(archive: Any, tmp_path: Path) -> None:
    url = f"{archive.url}/helioviewer/hapi/Helioviewer/hapi"
    infos, refused = {}, {}
    for one in hapi.catalog(url)["id"].tolist():
        try:
            infos[one] = hapi.info(url, one)
        except ServiceError as error:
            refused[one] = error
    # A group of sources: the real server lists it, but also fails for it.
    assert list(refused) == ["XRT_ANY_ANY"]
    jobs = []
    for one, info in infos.items():
        last = np.datetime64(info.stop.removesuffix("Z"))
        start = max(np.datetime64(info.start.removesuffix("Z")), last - np.timedelta64(1, "D"))
        if start < last:
            jobs += [(url, one, HELIOVIEWER, f"{start}Z", f"{last}Z", chosen) for chosen in ("csv", "binary")]
    assert len(jobs) == 2 * len(infos) == 10
    for job, theirs in zip(jobs, _judged(tmp_path, jobs), strict=True):
        _, dataset, _, start, stop, chosen = job
        found = Fido.search(
            a.Time(start, stop), a.hapi.Server("helioviewer"), a.hapi.Dataset(dataset), a.hapi.Format(chosen),
            a.hapi.Parameters(*HELIOVIEWER.split(",")),
        )  # fmt: skip
        # That server includes the stop: hapiclient returns the record at the stop, and so does a.Time.
        ours = hapi.load(found)
        assert len(ours) == len(theirs) > 0
        assert ours.colnames == list(theirs.dtype.names)
        for column in ours.colnames:
            _assert_equal(ours[column], theirs[column])


def _assert_equal(column: Any, expected: np.ndarray) -> None:
    mask = np.broadcast_to(np.asarray(getattr(column, "mask", False)), column.shape)
    if hasattr(column, "jd1"):
        for row in np.flatnonzero(~mask):
            text = expected[row].decode().rstrip("Z")
            assert str(column[row].isot)[: len(text)] == text
        return
    quantity = getattr(column, "unmasked", column)
    plain = np.ma.getdata(quantity.value if hasattr(quantity, "unit") and quantity.unit is not None else quantity)
    expected = expected.reshape(plain.shape)
    assert (np.asarray(plain)[~mask] == expected[~mask]).all()
    if mask.any() and expected.dtype.kind in "if":
        # Masked values are the fill value or NaN there.
        assert len(set(expected[mask & (expected == expected)].tolist())) <= 1


@pytest.mark.parametrize(("server", "version"), [("cdaweb", "2.0"), ("lisird", "3.2")])
def test_answers_of_the_embedded_archive_follow_the_schema(
    archive: Any, real_data: Path, server: str, version: str
) -> None:
    path = real_data / "hapi" / "schema" / f"HAPI-data-access-schema-{version}.json"
    schemas = json.loads(path.read_text())
    # The schemas refer to each other by ids such as "/HAPI".
    parts = {f"/{part}": schema for part, schema in schemas.items() if isinstance(schema, dict)}
    registry = Registry().with_resources([(name, DRAFT7.create_resource(part)) for name, part in parts.items()])
    root = f"{archive.url}/hapi/{server}/hapi"
    name = "id" if server == "cdaweb" else "dataset"
    asked = {"capabilities": "capabilities", "catalog": "catalog"}
    asked |= {f"info?{name}={dataset}": "info" for other, dataset in RANGES if other == server}
    for endpoint, key in asked.items():
        with urllib.request.urlopen(f"{root}/{endpoint}", timeout=20) as answer:
            document = json.load(answer)
        validator = jsonschema.Draft7Validator(schemas[key], registry=registry)
        problems = [error.message for error in validator.iter_errors(document)]
        assert problems == [], (endpoint, problems)


TIME = {"name": "Time", "type": "isotime", "length": 20, "units": "UTC", "fill": None}
T0, T1 = "2026-01-10T00:00:00Z", "2026-01-10T00:01:00Z"


def _info(*parameters: dict[str, Any], **time: Any) -> dict[str, Any]:
    named = [{"name": f"x{index}", "units": None, "fill": None, **one} for index, one in enumerate(parameters)]
    return {"HAPI": "3.0", "format": "csv", "parameters": [{**TIME, **time}, *named]}


def _theirs(body: bytes, info: dict[str, Any], folder: Path) -> Any:
    """Return the result of hapiclient for a body: its array, or the error."""
    from hapiclient.get import _parse_binary, _parse_csv

    (folder / "body").write_bytes(body)
    opts = {"format": info["format"], "method": ""}
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return (_parse_binary if info["format"] == "binary" else _parse_csv)(str(folder / "body"), info, opts, "x0")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is no array
            sys.excepthook = sys.__excepthook__  # replaced by hapiclient
            return error


def _rows(*fields: str) -> bytes:
    return "".join(f"{time},{field}\n" for time, field in zip((T0, T1), fields, strict=True)).encode()


MISTAKES = {
    "string '001','1e3' in CSV": (_rows("001", "1e3"), _info({"type": "string", "length": 4}), ["001", "1e3"]),
    "integer NaN": (_rows("NaN", "7"), _info({"type": "integer"}), [None, 7]),
    "duplicate parameter names": (
        _rows("1,2", "3,4"), _info({"type": "integer", "name": "x0"}, {"type": "integer", "name": "x0"}), [1, 3],
    ),
    "column-name row in CSV": (b"Time,x0\n" + _rows("1", "2"), _info({"type": "integer"}), [1, 2]),
    "extra columns": (_rows("1,5", "2,6"), _info({"type": "integer"}), FileError),
    "declared length too short": (_rows("1", "2"), _info({"type": "integer"}, length=10), [T0, T1]),
    "truncated stream": (
        b"".join(time.encode() + struct.pack("<d", 1) for time in (T0, T1))[:-3],
        {**_info({"type": "double"}), "format": "binary"}, FileError,
    ),
    "200 + JSON 1201 body for CSV": (
        b'{"HAPI":"3.0","status":{"code":1201,"message":"OK - no data"}}', _info({"type": "double"}), [],
    ),
}  # fmt: skip
"""
Responses that hapiclient reads incorrectly, by row of the list of quirks: body, info, and the correct first column.
"""


@pytest.mark.parametrize("row", MISTAKES)
def test_known_mistakes_of_hapiclient_are_none_of_ours(tmp_path: Path, row: str) -> None:
    body, info, right = MISTAKES[row]
    theirs = _theirs(body, info, tmp_path)
    column = "Time" if row == "declared length too short" else "x0"

    def values(table: Any) -> list[Any]:
        picked = table[column]
        stamps = picked.isot.tolist() if hasattr(picked, "isot") else picked.tolist()
        return [f"{one[:19]}Z" if hasattr(picked, "isot") else one for one in stamps]

    if isinstance(theirs, np.ndarray) and theirs.dtype.names:
        read = [one.decode() if isinstance(one, bytes) else one for one in np.atleast_1d(theirs[column]).tolist()]
        assert read != right, f"hapiclient reads {row!r} now: take it off the list"
    if right is FileError:
        with pytest.raises(FileError):
            hapi.read(body, info=info)
    else:
        given = file.parse_response(body, Info.from_json(info), info["format"], "X")
        assert values(from_contents([given]).items[0]) == right


def test_hapiclient_refuses_a_leap_second_and_loses_nanoseconds() -> None:
    from hapiclient import hapitime2datetime

    with pytest.raises(Exception, match=r"60|second"):
        hapitime2datetime(np.array([b"2016-12-31T23:59:60Z"]))
    close = np.array([b"2026-01-10T00:00:00.000000001Z", b"2026-01-10T00:00:00.000000002Z"])
    assert len(set(hapitime2datetime(close).tolist())) == 1
    body = b"".join(one + b",1\n" for one in (b"2016-12-31T23:59:60.000000000Z", *close))
    table = hapi.read(body, info=_info({"type": "integer"}, length=30))
    assert table["Time"][0].isot == "2016-12-31T23:59:60.000000000"
    assert table["Time"][1] < table["Time"][2]
