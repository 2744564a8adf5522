"""The right answers of the hostile server, written out: the smallest that each client accepts."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

from hostile import Answer, Request, Route, everything

__all__ = ["CDF_NAME", "EVENTS", "IMAGE", "ROUTES", "SECRET", "VALUES", "VOEVENT"]

DATA = Path(__file__).parent / "data"

SECRET = "canary-4711-hush"
"""A secret of every journey that signs in: it must not stand in any message, warning, traceback or file."""


def as_json(value: Any, **headers: str) -> Answer:
    return Answer(json.dumps(value).encode(), headers=tuple(headers.items()))


OK = {"HAPI": "3.1", "status": {"code": 1200, "message": "OK"}}

# HAPI

VALUES = [(f"2026-01-10T12:{minute:02d}:00Z", round(5 + 0.37 * minute, 2), minute * minute) for minute in range(30)]
"""Records of the dataset: time, field, quality."""

INFO = OK | {
    "startDate": "2026-01-01T00:00:00Z",
    "stopDate": "2026-02-01T00:00:00Z",
    "description": "Field",
    "parameters": [
        {"name": "Time", "type": "isotime", "units": "UTC", "fill": None, "length": 20},
        {"name": "B", "type": "double", "units": "nT", "fill": "-1e31", "description": "Magnitude"},
        {"name": "Q", "type": "integer", "units": None, "fill": "-1", "description": "Quality"},
    ],
}


def records(request: Request, url: str) -> Answer:
    fields = request.fields
    start, stop = (fields.get(name, "")[:19] for name in ("start", "stop"))
    rows = [row for row in VALUES if start <= row[0][:19] < stop]
    wanted = fields.get("format", "csv")
    header = json.dumps(INFO | {"format": wanted}).replace("\n", " ")
    if wanted == "json":
        return Answer(json.dumps(INFO | {"format": wanted, "data": rows}).encode())
    head = f"#{header}\n".encode()
    if wanted == "binary":
        body = b"".join(struct.pack("<20sdi", time.encode(), value, number) for time, value, number in rows)
        return Answer(head + body, "application/octet-stream")
    text = "".join(f"{time},{value!r},{number}\n" for time, value, number in rows)
    return Answer(head + text.encode(), "text/csv")


def hapi(
    prefix: str, stage: str, formats: tuple[str, ...], data: Any = records, info: Any = INFO, dataset: str = "MAG"
) -> tuple[Route, ...]:
    able = OK | {"outputFormats": formats}
    catalog = OK | {"catalog": [{"id": dataset, "title": "Field"}, {"id": "SWE", "title": "Plasma"}]}
    return (
        Route(f"{stage}.capabilities", "GET", f"{prefix}/capabilities", everything(as_json(able))),
        Route(f"{stage}.catalog", "GET", f"{prefix}/catalog", everything(as_json(catalog))),
        Route(f"{stage}.info", "GET", f"{prefix}/info", everything(as_json(info))),
        Route(f"{stage}.data", "GET", f"{prefix}/data", data),
    )  # fmt: skip


TOKEN = {"access_token": f"token-{SECRET}", "token_type": "bearer", "expires_in": 300}

# IMAP

CDF_NAME = "imap_mag_l2_norm-gse_20260110_v001.0002.cdf"
FILES = {
    CDF_NAME: (DATA / "tiny.cdf").read_bytes(),
    "imap_mag_l2_norm-rtn_20260110_v001.0001.cdf": (DATA / "tiny.cdf").read_bytes(),
}


def imap_row(name: str, minor: int) -> dict[str, Any]:
    _, instrument, level, descriptor, day, _ = name.split("_")
    return {
        "extension": "cdf", "file_path": f"imap/{instrument}/{level}/2026/01/{name}", "instrument": instrument,
        "data_level": level, "descriptor": descriptor, "start_date": day, "repointing": None, "major_version": 1,
        "minor_version": minor, "ingestion_date": "20260210 04:01:02", "cr": None, "crid": None, "released": True,
        "version": f"v001.{minor:04d}",
    }  # fmt: skip


ROWS = [imap_row(name, 2 - number) for number, name in enumerate(FILES)]

REALTIME = {
    "meta": {"count": 3, "type": "science", "instrument": "mag"},
    "data": [
        {"instrument": "mag", "time_utc": f"2026-01-10T12:00:{4 * number:02d}", "mag_B_GSE": [-0.06, 5.0, -1.6],
         "mag_B_magnitude": 5.25 + number}
        for number in range(3)
    ],
}  # fmt: skip


def to_storage(request: Request, url: str) -> Answer:
    place = f"{url}/storage/{request.path.rpartition('/')[2]}?X-Amz-Signature=abc"
    return Answer(b"", "text/html", "302 Found", (("Location", place),))


def stored(request: Request, url: str) -> Answer:
    return Answer(FILES.get(request.path.rpartition("/")[2], b""), "binary/octet-stream", headers=(("ETag", '"1"'),))


def upload_link(request: Request, url: str) -> Answer:
    return as_json(f"{url}/bucket/{request.path.rpartition('/')[2]}?X-Amz-SignedHeaders=host")


# Helioviewer

IMAGE = (DATA / "tiny.jp2").read_bytes()
PATHS = [f"/AIA/2026/01/10/304/2026_01_10__12_0{n}_05_129__SDO_AIA_AIA_304.jp2" for n in range(4)]
HV_INFO = OK | {
    "startDate": "2010-06-02T00:05:39Z",
    "stopDate": "2026-01-10T20:06:05Z",
    "parameters": [
        {"name": "Time", "type": "isotime", "units": "UTC", "fill": None, "length": 20},
        {"name": "path", "type": "string", "units": None, "fill": None, "length": 255},
    ],
}


def listing(request: Request, url: str) -> Answer:
    start, stop = (request.fields.get(name, "")[:19] for name in ("start", "stop"))
    rows = [(f"2026-01-10T12:0{number}:05Z", path) for number, path in enumerate(PATHS)]
    text = "".join(f"{time},{path}\n" for time, path in rows if start <= time[:19] <= stop)
    return Answer(f"#{json.dumps(HV_INFO | {'format': 'csv'})}\n{text}".encode(), "text/csv")


def index_page(request: Request, url: str) -> Answer:
    if not PATHS[0].startswith(request.path.removeprefix("/jp2")):
        return Answer(b"no images on this day", "text/plain", "404 Not Found")
    links = "".join(
        f'<a href="{name}">{name}</a> 2026-01-10 12:00  2K\n' for name in (p.rpartition("/")[2] for p in PATHS)
    )
    title = f"Index of {request.path.rstrip('/')}"
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1><pre>\n{links}<hr></pre>\n</body></html>\n"
    return Answer(page.encode(), "text/html;charset=UTF-8")


SOURCES = {
    "SDO": {"AIA": {"304": {
        "sourceId": 13, "nickname": "AIA 304", "layeringOrder": 1, "start": "2010-06-02 00:05:39",
        "end": "2026-01-10 20:06:05", "uiLabels": [{"label": "Observatory", "name": "SDO"},
        {"label": "Instrument", "name": "AIA"}, {"label": "Measurement", "name": "304"}],
    }}}
}  # fmt: skip


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PNG = b"\x89PNG\r\n\x1a\n" + b"".join(
    png_chunk(kind, data)
    for kind, data in (
        (b"IHDR", struct.pack(">IIBBBBB", 90, 70, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(91 * 70))),
        (b"IEND", b""),
    )
)

# HER

IVORN = "ivo://helio-informatics.org/FL_{}_20260110_01"
EVENTS = [
    {
        "kb_archivid": IVORN.format(number), "event_type": "FL", "concept": "Flare", "frm_name": "SWPC",
        "event_starttime": f"2026-01-10T0{number}:18:00", "event_endtime": f"2026-01-10T0{number}:47:00",
        "event_peaktime": f"2026-01-10T0{number}:31:00", "obs_observatory": "GOES", "obs_instrument": "GOES",
        "search_instrument": "GOES", "search_observatory": "GOES", "fl_goescls": f"C{number}.4", "ar_noaanum": 14334,
        "event_coordsys": "UTC-HGS-TOPO", "event_coordunit": "degrees", "event_coord1": 27, "event_coord2": -17,
        "hpc_x": 425.2, "hpc_y": -227.2, "hgs_x": 27, "hgs_y": -17, "hpc_coord": "POINT(425.2 -227.2)",
        "hgs_coord": "POINT(27 -17)", "hgc_coord": "POINT(206.9 -17)", "hrc_coord": "POINT(0.49 241.8)",
        "hgs_bbox": "POLYGON((26 -18,28 -18,28 -16,26 -16,26 -18))", "kb_archivdate": "2026-01-10T03:47:00",
        "frm_contact": "Someone", "refs": [{"ref_name": "FRM_URL", "ref_type": "unknown", "ref_url": "http://a.b/"}],
        "revision": "1", "noposition": "false",
    }
    for number in range(1, 5)
]  # fmt: skip
VOEVENT = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<voe:VOEvent xmlns:voe="http://www.ivoa.net/xml/VOEvent/v1.1" '
    'xmlns:stc="http://www.ivoa.net/xml/STC/stc-v1.30.xsd" '
    'xmlns:lmsal="http://www.lmsal.com/helio-informatics/lmsal-v1.0.xsd" role="observation" version="1.1" ivorn="{}">\n'
    "<Who><AuthorIVORN>{}</AuthorIVORN><Author><contactName>Someone</contactName></Author>"
    "<Date>2026-01-10T03:47:00</Date></Who>\n"
    '<What><Group name="Flare_required"><Param name="EVENT_PEAKTIME" value="2026-01-10T01:31:00"/></Group></What>\n'
    "<Why><Concept>Flare</Concept><lmsal:EVENT_TYPE>FL: Flare</lmsal:EVENT_TYPE></Why>\n</voe:VOEvent>\n"
)


def registry(request: Request, url: str) -> Answer:
    if request.fields.get("cmd") == "export-voevent":
        ivorn = request.fields.get("ivorn", "")
        return Answer(VOEVENT.format(ivorn, ivorn).encode(), "text/xml")
    size, page = int(request.fields.get("result_limit", "200")), int(request.fields.get("page", "1"))
    found = EVENTS[size * (page - 1) : size * page]
    return as_json({"result": found, "association": [], "overmax": size * page < len(EVENTS)})


def heks(request: Request, url: str) -> Answer:
    if b"cmd=login" in request.body:
        page = b"<html><body>login success</body></html>"
        return Answer(page, "text/html", headers=(("Set-Cookie", f"HEK=session-{SECRET}; Path=/"),))
    return as_json({"status": "Success", "message": "rated"})


class Heks(Route):
    """The registry's address for forms: signing in and submitting are two stages."""

    def meets(self, request: Request) -> bool:
        is_login = b"cmd=login" in request.body
        return super().meets(request) and is_login == self.stage.endswith("login")


class Registry(Route):
    """The registry's address for searches and documents, which are two stages."""

    def meets(self, request: Request) -> bool:
        is_document = request.fields.get("cmd") == "export-voevent"
        return super().meets(request) and is_document == self.stage.endswith("document")


ROUTES: tuple[Route, ...] = (
    *hapi("/csv/hapi", "hapi-csv", ("csv",)),
    *hapi("/binary/hapi", "hapi-binary", ("csv", "binary")),
    *hapi("/json/hapi", "hapi-json", ("csv", "json")),
    *hapi("/swe/hapi", "swe", ("csv",)),
    Route("swe.token", "POST", "/sso/token", everything(as_json(TOKEN))),
    Route("imap.query", "GET", "/imap/(?:api-key/)?query", everything(as_json(ROWS))),
    Route("imap.download", "GET", "/imap/(?:api-key/)?download/.*", to_storage),
    Route("imap.storage", "GET", "/storage/.*", stored),
    Route("imap.link", "GET", "/imap/(?:api-key/)?upload/.*", upload_link),
    Route("imap.put", "PUT", "/bucket/.*", everything(Answer(b"", "text/plain"))),
    Route("imap.realtime", "GET", "/ialirt/space-weather", everything(as_json(REALTIME))),
    *hapi("/hv/hapi", "helioviewer", ("csv",), listing, HV_INFO, "AIA_304"),
    Route("helioviewer.index", "GET", "/jp2/.*/", index_page),
    Route("helioviewer.image", "GET", "/jp2/.*[.]jp2", everything(Answer(IMAGE, "image/jp2"))),
    Route("helioviewer.sources", "GET", "/v2/getDataSources/", everything(as_json(SOURCES))),
    Route("helioviewer.screenshot", "GET", "/v2/takeScreenshot/", everything(as_json({"id": 7}))),
    Route("helioviewer.picture", "GET", "/v2/downloadScreenshot/", everything(Answer(PNG, "image/png"))),
    Registry("her.search", "GET", "/her", registry),
    Registry("her.document", "GET", "/her", registry),
    Heks("her.login", "POST", "/her/heks", heks),
    Heks("her.submit", "POST", "/her/heks", heks),
)  # fmt: skip
