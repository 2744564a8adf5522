"""hapiclient reads every dataset of the embedded archive, and our tables hold the same values; schemas hold, too."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
import warnings
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from referencing import Registry
from referencing.jsonschema import DRAFT7

from sunpy_helio_plugins import hapi

RANGES = {
    ("cdaweb", "AC_H0_MFI"): ("2026-01-10T00:00:00Z", "2026-01-10T12:00:00Z"),
    ("cdaweb", "OMNI_HRO2_1MIN"): ("2026-01-20T00:00:00Z", "2026-01-21T00:00:00Z"),
    ("cdaweb", "OMNI2_H0_MRG1HR"): ("2026-01-01T00:00:00Z", "2026-01-30T00:00:00Z"),
    ("cdaweb", "WI_H0_MFI@0"): ("2026-01-10T00:00:00Z", "2026-01-11T00:00:00Z"),
    ("lisird", "tsis_tsi_24hr"): ("2026-01-01T00:00:00Z", "2026-01-30T00:00:00Z"),
    ("lisird", "tsis_ssi_24hr"): ("2026-01-01T00:00:00Z", "2026-01-30T00:00:00Z"),
    ("lisird", "goes_xrs_flare_list"): ("2026-01-10T00:00:00Z", "2026-01-11T00:00:00Z"),
    ("swe-open", "spase://SSA/NumericalData/D3S/d3s_mtgs1_ngrm_science_ep_l1_bt_v1"): (
        "2026-03-20T00:00:00Z", "2026-03-21T00:00:00Z",
    ),
}  # fmt: skip

# hapiclient replaces sys.excepthook and leaves sockets open, so it reads in a process of its own.
JUDGE = """
import sys
import numpy as np
from hapiclient import hapi
server, dataset, start, stop, fmt, cachedir, out = sys.argv[1:]
data, meta = hapi(server, dataset, "", start, stop, format=fmt, cachedir=cachedir, usecache=False)
np.save(out, data)
"""


@pytest.mark.parametrize("chosen", ["csv", "binary"])
@pytest.mark.parametrize(("server", "dataset"), RANGES)
def test_tables_hold_what_hapiclient_reads(
    archive: Any, tmp_path: Path, server: str, dataset: str, chosen: str
) -> None:
    if server == "swe-open" and chosen == "binary":
        chosen = "csv"
    url, out = f"{archive.url}/hapi/{server}/hapi", tmp_path / "out.npy"
    command = [sys.executable, "-c", JUDGE, url, dataset, *RANGES[server, dataset], chosen, str(tmp_path), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    theirs = np.load(out)
    ours = hapi.load(url, dataset, *RANGES[server, dataset], format=chosen)
    assert len(ours) == len(theirs) > 0
    for name in theirs.dtype.names:
        _assert_equal(ours[name], theirs[name])


def _assert_equal(column: Any, expected: np.ndarray) -> None:
    if hasattr(column, "jd1"):
        mask = np.broadcast_to(np.asarray(column.mask), column.shape)
        for row in np.flatnonzero(~mask):
            text = expected[row].decode().rstrip("Z")
            assert str(column[row].isot)[: len(text)] == text
        return
    mask = np.broadcast_to(np.asarray(getattr(column, "mask", False)), column.shape)
    quantity = getattr(column, "unmasked", column)
    plain = np.ma.getdata(quantity.value if hasattr(quantity, "unit") and quantity.unit is not None else quantity)
    expected = expected.reshape(plain.shape)
    assert (np.asarray(plain)[~mask] == expected[~mask]).all()


@pytest.mark.parametrize(("server", "version"), [("cdaweb", "2.0"), ("lisird", "3.2")])
def test_answers_of_the_embedded_archive_follow_the_schema(
    archive: Any, real_data: Path, server: str, version: str
) -> None:
    path = real_data / "hapi" / "schema" / f"HAPI-data-access-schema-{version}.json"
    schemas = json.loads(path.read_text())
    # The schemas refer to each other by ids of their own, such as "/HAPI".
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
CHANGED_BY_HAPICLIENT = [
    ("texts of digits", {"type": "string", "length": 4}, "001", "001"),
    ("an integer that is no number", {"type": "integer"}, "NaN", None),
]
"""What hapiclient is known to read wrong: the parameter, its field, and the value that is right."""


@pytest.mark.parametrize(("what", "parameter", "field", "right"), CHANGED_BY_HAPICLIENT)
def test_known_mistakes_of_hapiclient_are_none_of_ours(
    tmp_path: Path, what: str, parameter: dict[str, Any], field: str, right: Any
) -> None:
    from hapiclient.get import _parse_csv

    info = {"HAPI": "3.0", "parameters": [TIME, {"name": "x", "units": None, "fill": None, **parameter}]}
    body = "".join(f"2026-01-10T00:0{minute}:00Z,{field}\n" for minute in range(2))
    (tmp_path / "body").write_text(body)
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = _parse_csv(str(tmp_path / "body"), info, {"format": "csv", "method": ""}, "x")["x"].tolist()
    assert theirs != [right, right], what
    assert hapi.read(body.encode(), info=info)["x"].tolist() == [right, right]
