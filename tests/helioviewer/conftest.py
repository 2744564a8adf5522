"""Servers with given responses, and a server that imitates JSOC."""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest

from sunpy_helio_plugins import conf
from sunpy_helio_plugins.helioviewer.listers import hapi

Reply = tuple[int, str, bytes]


@pytest.fixture(autouse=True)
def _fresh() -> None:
    """Start like a new session, without cached information about the HAPI server."""
    hapi.forget()


@pytest.fixture
def canned() -> Iterator[Callable[[Callable[[str], Reply]], str]]:
    """Return a function that starts a server from a function of the path, and returns its URL."""
    servers = []

    def start(reply: Callable[[str], Reply]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, kind, body = reply(self.path)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def impatient() -> Iterator[None]:
    """Disable retries."""
    with conf.set_temp("retries", 0):
        yield


class JSOC:
    """
    JSOC's responses to drms: records of a series by FSN or T_REC, their export, and the files.

    Attributes
    ----------
    held : set of str or None
        The values of the key for which it has records; `None` for all that are requested.
    asked : list of str
        The requested record sets.
    failing : bool
        Whether it responds with an error.
    """

    url = ""

    def __init__(self) -> None:
        self.held: set[str] | None = None
        self.asked: list[str] = []
        self.failing = False

    def __call__(self, path: str) -> tuple[int, str, bytes]:
        url = urlsplit(path)
        if url.path.endswith(".fits"):
            return 200, "application/fits", self.file()
        query = dict(parse_qsl(url.query))
        answer = {"status": 1, "error": "Series not found"} if self.failing else self.answer(url.path, query)
        return 200, "application/json", json.dumps(answer).encode()

    def answer(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        if "checkAddress" in path:
            return {"status": 2, "msg": "Email address is valid and registered."}
        if query["op"] == "series_struct":
            names = ("T_REC", "FSN", "T_OBS", "WAVELNTH", "TELESCOP", "INSTRUME", "CAR_ROT")
            keywords = [
                {"name": name, "type": "time" if name == "T_REC" else "string", "recscope": "variable", "units": ""}
                for name in names
            ]
            kinds = {"aia": "image", "hmi.m_": "magnetogram", "hmi.ic": "continuum", "mdi": "data"}
            name = next(kind for start, kind in kinds.items() if query["ds"].startswith(start))
            segment = {"name": name, "type": "int", "units": "", "protocol": "fits", "dims": "", "note": ""}
            return {
                "status": 0, "note": "", "primekeys": ["T_REC", "WAVELNTH"], "dbindex": ["T_REC"], "retention": 0,
                "unitsize": 0, "archive": 1, "tapegroup": 0, "keywords": keywords, "links": [], "segments": [segment],
                "Interval": {},
            }  # fmt: skip
        self.asked.append(query["ds"])
        series, values = self.found(query["ds"])
        if query["op"] == "exp_request":
            rows = [{"record": f"{series}[{value}]", "filename": f"{series}.{value}.image.fits"} for value in values]
            return {
                "status": 0, "requestid": f"JSOC_{len(self.asked)}", "method": "url", "protocol": "FITS,**NONE**",
                "dir": "/SUM1/D1/S00000", "wait": 0, "size": 1, "count": len(rows), "data": rows,
            }  # fmt: skip
        if not values:
            return {"status": 0, "count": 0}
        keywords = [{"name": name, "values": self.values(name, values)} for name in query["key"].split(",")]
        records = [{"name": f"{series}[{value}]"} for value in values]
        return {"status": 0, "count": len(values), "keywords": keywords, "recinfo": records}

    def found(self, asked: str) -> tuple[str, list[str]]:
        """Return the series and the keys of the records of a record set, the last one first."""
        series, _, rest = asked.partition("[")
        match = re.search(r"FSN\s*(?:in \(|=)\s*'?([\d,\s]+)", rest)
        text = match[1] if match else rest.partition("]")[0]
        values = [value.strip() for value in text.split(",")]
        return series, [value for value in reversed(values) if self.held is None or value in self.held]

    @staticmethod
    def values(name: str, values: list[str]) -> list[str]:
        times = ["2026-01-10T12:00:05Z"] * len(values)
        told = {"FSN": values, "T_REC": values if "TAI" in values[0] else times, "WAVELNTH": ["304"] * len(values)}
        return told.get(name, times if name == "T_OBS" else ["x"] * len(values))

    @staticmethod
    def file() -> bytes:
        from astropy.io import fits

        out = io.BytesIO()
        fits.PrimaryHDU(np.zeros((2, 2))).writeto(out)
        return out.getvalue()


@pytest.fixture
def jsoc(canned: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> JSOC:
    """Return a JSOC on loopback, which ``drms.Client()`` uses instead of the real one."""
    json_client = pytest.importorskip("drms.json")
    from drms.config import ServerConfig

    made = JSOC()
    made.url = canned(made)
    config = ServerConfig(
        name="JSOC", cgi_baseurl=f"{made.url}/cgi/", cgi_show_series="show_series", cgi_jsoc_info="jsoc_info",
        cgi_jsoc_fetch="jsoc_fetch", cgi_check_address="checkAddress.sh", encoding="latin1",
        http_download_baseurl=made.url,
    )  # fmt: skip
    monkeypatch.setitem(json_client._server_configs, "jsoc", config)
    return made
