"""Test writing records as HAPI files, which our reader and hapiclient read."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.time import Time, TimeDelta

from sunpy_helio_plugins import HAPIClient, hapi, quantities
from sunpy_helio_plugins.errors import InexactValueWarning, QueryError

STAMPS = ["2026-01-10T00:00:00.123456789", "2026-01-10T00:01:00"]


def table(**columns: Any) -> QTable:
    return QTable({"Time": quantities.as_column(quantities.from_iso(STAMPS)), **columns})


def header_of(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("#"))


def parameter_of(path: Path, name: str) -> dict[str, Any]:
    return next(one for one in header_of(path)["parameters"] if one["name"] == name)


def through(given: Any, folder: Path) -> QTable:
    hapi.write(given, folder / "x.hapi", overwrite=True)
    return hapi.read(folder / "x.hapi")


def test_a_file_of_a_server_comes_back_as_it_was(archive: Any, tmp_path: Path) -> None:
    before = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-10T01:00")
    after = through(before, tmp_path)
    assert after.colnames == before.colnames
    for name in before.colnames[1:]:
        np.testing.assert_array_equal(np.asarray(after[name].unmasked), np.asarray(before[name].unmasked))
        np.testing.assert_array_equal(after[name].mask, before[name].mask)
        assert after[name].unit == before[name].unit
        assert {**after[name].info.meta} == {"units": None, "fill": None, **before[name].info.meta}
    assert after.meta["hapi"]["x_origin"] == before.meta["hapi"]["x_origin"]


def test_the_format_of_astropy_writes_the_same(tmp_path: Path) -> None:
    made = table(x=[1.0, 2.0] * u.nT)
    hapi.write(made, tmp_path / "one.hapi")
    made.write(tmp_path / "two.hapi", format="hapi")
    stream = io.BytesIO()
    made.write(stream, format="hapi")
    assert (tmp_path / "one.hapi").read_bytes() == (tmp_path / "two.hapi").read_bytes() == stream.getvalue()
    assert Table.read(tmp_path / "two.hapi")["x"].unit == u.nT
    with pytest.raises(OSError, match="exists"):
        made.write(tmp_path / "two.hapi", format="hapi")
    made[:1].write(tmp_path / "two.hapi", format="hapi", overwrite=True)
    assert len(hapi.read(tmp_path / "two.hapi")) == 1


def test_leap_seconds_are_kept(tmp_path: Path) -> None:
    stamps = ["2016-12-31T23:59:60.500000000", "2017-01-01T00:00:00.000000000"]
    assert through(QTable({"t": Time(stamps, precision=9)}), tmp_path)["t"].isot.tolist() == stamps


def test_text_with_commas_and_quotes_is_quoted(tmp_path: Path) -> None:
    texts = ['a, "b"', "\u03b2"]
    assert through(table(x=texts), tmp_path)["x"].tolist() == texts
    assert parameter_of(tmp_path / "x.hapi", "x")["length"] == 6


@pytest.mark.parametrize("fill", [None, "-1", "7", "x", "1e400"])
def test_the_fill_of_integers_is_none_of_the_values(fill: str | None, tmp_path: Path) -> None:
    made = table(x=quantities.masked(np.array([-1, 7]), np.array([False, True])))
    made["x"].info.meta = {"fill": fill}
    back = through(made, tmp_path)["x"]
    assert back.mask.tolist() == [False, True]
    assert back[0] == -1
    assert int(parameter_of(tmp_path / "x.hapi", "x")["fill"]) == (7 if fill == "7" else -9999)


def test_the_fill_of_text_is_none_of_the_values(tmp_path: Path) -> None:
    back = through(table(x=MaskedColumn(["", "x"], mask=[False, True])), tmp_path)["x"]
    assert back.mask.tolist() == [False, True]
    assert back[0] == ""


def test_the_fill_of_the_server_is_not_used_for_a_value_that_is_equal_to_it(tmp_path: Path) -> None:
    made = table(x=quantities.masked(np.array([-1.0, 2.0]), np.array([False, True])))
    made["x"].info.meta = {"fill": "-1"}
    assert through(made, tmp_path)["x"].mask.tolist() == [False, True]
    assert parameter_of(tmp_path / "x.hapi", "x")["fill"] == "NaN"


def test_a_converted_unit_replaces_that_of_the_server(tmp_path: Path) -> None:
    made = table(x=[1.0, 2.0] * u.nT)
    made["x"] = made["x"].to(u.T)
    made["x"].info.meta = {"unit_string": "nT", "units": "nT"}
    assert through(made, tmp_path)["x"].unit == u.T


def test_other_types_become_those_of_hapi(tmp_path: Path) -> None:
    made = table(flag=Column([True, False]), took=TimeDelta([1.5, 2.5] * u.s), single=np.array([0.1, 2], dtype="f4"))
    back = through(made, tmp_path)
    assert back["flag"].tolist() == [1, 0]
    assert back["took"].to_value("s").tolist() == [1.5, 2.5]
    assert back["single"].tolist() == made["single"].tolist()


def test_axes_of_cdf_become_bins_and_labels(tmp_path: Path) -> None:
    made = table(flux=np.ones((2, 3)), v=np.ones((2, 2)))
    made["flux"].info.meta = {"axes": ["energy"], "CATDESC": "Flux"}
    made["v"].info.meta = {"labels": {"1": ["a", "b"]}}
    made.meta = {"support": {"energy": {"values": [1, 2, 3] * u.keV}}, "Project": "IMAP"}
    back = through(made, tmp_path)
    bins = {"name": "energy", "units": "keV", "centers": [1.0, 2.0, 3.0]}
    assert parameter_of(tmp_path / "x.hapi", "flux")["bins"] == [bins]
    assert parameter_of(tmp_path / "x.hapi", "v")["label"] == ["a", "b"]
    assert back["flux"].info.meta["CATDESC"] == "Flux"
    assert back.meta["Project"] == "IMAP"


def test_large_integers_are_exact_and_warned_of(tmp_path: Path) -> None:
    with pytest.warns(InexactValueWarning, match="the integers of x exceed the 32 bits of HAPI"):
        back = through(table(x=Column([2**62 + 1, 3])), tmp_path)
    assert back["x"].tolist() == [2**62 + 1, 3]


def test_a_file_without_records_has_its_header(tmp_path: Path) -> None:
    back = through(table(x=[1.0, 2.0] * u.nT)[:0], tmp_path)
    assert back.colnames == ["Time", "x"]
    assert len(back) == 0


def test_data_of_other_packages_are_written(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1.0, np.nan]}, pd.date_range("2026-01-10", periods=2))
    assert through(frame, tmp_path)["x"].mask.tolist() == [False, True]


@pytest.mark.parametrize(
    ("column", "message"),
    [([1j, 2j], "no complex numbers"), (["a\nb", "c"], "more than one line"), (np.ones((2, 0)), "rows are empty")],
)
def test_what_hapi_cannot_hold_is_refused_and_leaves_no_file(column: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match=f"'x'.*{message}"):
        hapi.write(table(x=column), tmp_path / "x.hapi")
    assert list(tmp_path.iterdir()) == []


def test_a_record_without_a_time_is_refused(tmp_path: Path) -> None:
    made = QTable({"Time": quantities.from_iso(STAMPS, [False, True])})
    with pytest.raises(QueryError, match=r"hapi\.write needs the time of every record; 1 are missing"):
        hapi.write(made, tmp_path / "x.hapi")


def test_a_search_is_refused(archive: Any, tmp_path: Path) -> None:
    from sunpy.net import attrs as a

    found = HAPIClient().search(
        a.Time("2026-01-10", "2026-01-11"), a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI")
    )
    with pytest.raises(QueryError, match=r"hapi\.write takes a table of records"):
        found.write(tmp_path / "x.hapi", format="hapi")


class _OneFile(BaseHTTPRequestHandler):
    """A HAPI server of one dataset, which is a file that was written."""

    path_of: Path

    def do_GET(self) -> None:
        head, _, body = self.path_of.read_bytes().partition(b"\n")
        asked = urlsplit(self.path).path.rpartition("/")[2]
        catalog = {"HAPI": "3.1", "status": {"code": 1200, "message": "OK"}, "catalog": [{"id": "x"}]}
        answers = {"info": head.removeprefix(b"#"), "data": body, "catalog": json.dumps(catalog).encode()}
        capabilities = {**catalog, "outputFormats": ["csv"]}
        answer = answers.get(asked, json.dumps(capabilities).encode())
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def one_file(tmp_path: Path) -> Iterator[str]:
    handler = type("Handler", (_OneFile,), {"path_of": tmp_path / "x.hapi"})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/hapi"
        server.shutdown()
        thread.join()


# hapiclient replaces sys.excepthook and leaves sockets open, so it is run in a separate process.
JUDGE = """
import sys
import numpy as np
from hapiclient import hapi
data, meta = hapi(sys.argv[1], "x", "", "2026-01-10T00:00:00Z", "2026-01-11T00:00:00Z", format="csv",
                  cachedir=sys.argv[2], usecache=False, cache=False)
np.save(sys.argv[3], data)
"""


def test_hapiclient_reads_what_is_written(one_file: str, tmp_path: Path) -> None:
    pytest.importorskip("hapiclient")
    made = table(
        B=quantities.masked(np.array([[1.5, -2, 1e-30], [4, 5, 6]]) * u.nT, np.array([[False] * 3, [True] * 3])),
        n=quantities.masked(np.array([1, 2]), np.array([False, True])), word=["a", "bc"],
    )  # fmt: skip
    hapi.write(made, tmp_path / "x.hapi")
    call = [sys.executable, "-c", JUDGE, one_file, str(tmp_path), str(tmp_path / "read.npy")]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    read = np.load(tmp_path / "read.npy")
    assert [stamp.decode() for stamp in read["Time"]] == [f"{stamp}Z" for stamp in made["Time"].isot]
    np.testing.assert_allclose(read["B"], [[1.5, -2, 1e-30], [np.nan] * 3], rtol=1e-15)
    assert read["n"].tolist() == [1, int(parameter_of(tmp_path / "x.hapi", "n")["fill"])]
    assert read["word"].astype(str).tolist() == ["a", "bc"]


def test_bins_that_change_with_time_or_are_missing_are_described(tmp_path: Path) -> None:
    made = table(flux=np.ones((2, 3, 2)), energy=[[1, 2, 3], [2, 3, 4]] * u.keV)
    made["flux"].info.meta = {"axes": ["energy"]}
    through(made, tmp_path)
    assert parameter_of(tmp_path / "x.hapi", "flux")["bins"] == [
        {"name": "energy", "units": None, "centers": "energy"},
        {"name": "axis 1", "units": None, "centers": None},
    ]
