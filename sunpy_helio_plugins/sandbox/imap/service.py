"""
The IMAP Science Data Center's data access API, embedded.

Routes and responses are those of the service of 2026 below `PREFIX`, and those of the service of 2024 (used in the
mission's first tutorial) below ``PREFIX/v0``. Each endpoint has three prefixes, as on the real gateway: none for the
public, ``/api-key`` with the header ``x-api-key``, ``/authorized`` with a bearer token. Downloads are redirected to a
storage on another origin.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from urllib.parse import urlsplit

from aiohttp import web

from sunpy_helio_plugins.sandbox.imap import operations, realtime, spice
from sunpy_helio_plugins.sandbox.imap.catalogue import Catalogue, Refused, file_key
from sunpy_helio_plugins.sandbox.imap.storage import Bucket

__all__ = ["ACCESS_TOKEN", "API_KEY", "PREFIX", "READ_KEY", "application"]

PREFIX = "/imap"
"""The path of the service on the embedded archive."""

API_KEY = "sandbox-imap-key"
"""The key for unreleased files and uploads."""

READ_KEY = "sandbox-imap-read-key"
"""A key that can read unreleased files but cannot upload."""

ACCESS_TOKEN = "sandbox-imap-token"
"""The bearer token that the ``/authorized`` routes accept."""

REPLY_LIMIT = 6_291_556
"""Maximum size in bytes of a response of the service's functions."""

NO_NAME = (
    "No file requested for download. Please provide a filename in the path. Eg. /download/path/to/file/filename.pkts"
)
NO_FILE = (
    "File not found, make sure you include the full path to the file in the request, "
    "e.g. /download/path/to/file/filename.pkts."
)


BESIDE = {"spin-table": "spin", "repoint-table": "repoint", "small-forces-table": "thruster"}
"""The tables of other files in the folders of kernels, by endpoint."""

ARCHIVED = "archive/"
"""The path of I-ALiRT's daily files, in a separate storage."""


def application() -> web.Application:
    """Return the service as an application to mount at `PREFIX`, with the shipped files and without earlier uploads."""
    catalogue = Catalogue()
    shipped = frozenset(catalogue.keys())
    service = Service(catalogue, Bucket(shipped))
    served = web.Application(client_max_size=64 * 2**20)
    for prefix in ("", "/api-key", "/authorized"):
        served.router.add_get(f"{prefix}/query", service.query, allow_head=False)
        served.router.add_get(f"{prefix}/download", service.download)
        served.router.add_get(f"{prefix}/download/{{key:.*}}", service.download)
        served.router.add_get(f"{prefix}/spice-query", service.spice_query, allow_head=False)
        served.router.add_get(f"{prefix}/metakernel", service.metakernel, allow_head=False)
        for endpoint, table in BESIDE.items():
            served.router.add_get(f"{prefix}/{endpoint}", partial(service.beside, table), allow_head=False)
        served.router.add_get(f"/ialirt{prefix}/space-weather", service.space_weather, allow_head=False)
        served.router.add_get(f"/ialirt{prefix}/ialirt-download/{{key:.*}}", service.ialirt_download)
    served.router.add_get("/ialirt/ialirt-archive-query", service.ialirt_archive, allow_head=False)
    # The real service accepts uploads and releases with keys only.
    served.router.add_get("/api-key/upload/{name:.*}", service.upload, allow_head=False)
    served.router.add_get("/api-key/release", service.release, allow_head=False)
    for prefix in ("/api-key", "/authorized"):
        served.router.add_post(f"{prefix}/reprocess", service.reprocess)
    served.router.add_get("/poda/dap2/apids/SID1/apid_{apid:\\d+}.{form:txt|bin}", service.packets, allow_head=False)
    served.router.add_get("/storage/{key:.+}", service.bucket.get, allow_head=True)
    served.router.add_put("/storage/{key:.+}", service.bucket.put)
    served.router.add_get("/v0/query", service.query_2024, allow_head=False)
    served.router.add_get("/v0/download/{key:.*}", service.download, allow_head=False)
    served.router.add_get("/v0/upload/{name:.*}", service.upload_2024, allow_head=False)
    served.router.add_route("*", "/{rest:.*}", no_route)
    return served


class Service:
    """The handlers of one archive, with its file tables and storage."""

    def __init__(self, catalogue: Catalogue, bucket: Bucket) -> None:
        self.catalogue = catalogue
        self.bucket = bucket

    async def query(self, request: web.Request) -> web.Response:
        """Handle ``/query``."""
        if refused := gate(request):
            return refused
        try:
            rows = self.catalogue.ask(joined(request), keyed=route(request) != "public")
        except Refused as why:
            return failure(why)
        return rows_of(rows)

    async def spice_query(self, request: web.Request) -> web.Response:
        """Handle ``/spice-query``."""
        if refused := gate(request):
            return refused
        try:
            rows = spice.ask(self.catalogue.tables, joined(request))
        except Refused as why:
            return failure(why)
        return rows_of(rows)

    async def beside(self, table: str, request: web.Request) -> web.Response:
        """Handle a query of a table of other files in the folders of kernels."""
        if refused := gate(request):
            return refused
        try:
            return answer(spice.beside(self.catalogue.tables[table], joined(request)))
        except Refused as why:
            return failure(why)

    async def metakernel(self, request: web.Request) -> web.Response:
        """Handle ``/metakernel``."""
        if refused := gate(request):
            return refused
        try:
            body = spice.metakernel(self.catalogue.tables, joined(request))
        except Refused as why:
            return failure(why)
        return web.Response(text=body, content_type="application/json")

    async def space_weather(self, request: web.Request) -> web.Response:
        """Handle ``/space-weather`` of I-ALiRT."""
        if refused := gate(request):
            return refused
        try:
            return answer(realtime.values(joined(request)))
        except Refused as why:
            return answer({"message": why.words}, status=why.status)

    async def ialirt_archive(self, request: web.Request) -> web.Response:
        """Handle ``/ialirt-archive-query``: the names of I-ALiRT's daily files."""
        try:
            return answer(realtime.daily(self.catalogue.tables["ialirt"], joined(request)))
        except Refused as why:
            return answer({"error": why.words}, status=why.status)

    async def ialirt_download(self, request: web.Request) -> web.Response:
        """Handle ``/ialirt-download``, which is public."""
        if refused := gate(request):
            return refused
        key = request.match_info["key"]
        return self.link(request, key) if key.startswith(ARCHIVED) and key in self.bucket else words(404, NO_FILE)

    async def query_2024(self, request: web.Request) -> web.Response:
        """Handle ``/query`` like the service of 2024."""
        try:
            rows = self.catalogue.ask_2024(joined(request))
        except Refused as why:
            return failure(why)
        return answer(rows, headers={"Access-Control-Allow-Origin": "*"})

    async def download(self, request: web.Request) -> web.Response:
        """Handle ``/download``: return the link to the storage, or an error."""
        if refused := gate(request):
            return refused
        key = request.match_info.get("key", "")
        if not key:
            return words(400, NO_NAME)
        if key not in self.bucket or key.startswith(ARCHIVED):
            return words(404, NO_FILE)
        if route(request) == "public" and not self.catalogue.released(key):
            return words(403, f"The file {key} is not a part of a public release yet.")
        return self.link(request, key)

    def link(self, request: web.Request, key: str) -> web.Response:
        """Return the redirect to the storage."""
        link = self.bucket.link("GET", storage_host(request), f"{PREFIX}/storage/{key}")
        return web.Response(
            status=302, text=json.dumps({"download_url": link}), content_type="text/html", headers={"Location": link}
        )

    async def upload(self, request: web.Request) -> web.Response:
        """Handle ``/upload``: return the link for writing, or an error."""
        if refused := gate(request):
            return refused
        if request.headers["x-api-key"] == READ_KEY:
            return answer("Upload access denied. Your API key has read-only permissions.", status=403)
        # Only the base name is used; any path before it is ignored.
        name = request.match_info["name"].rpartition("/")[2]
        key = file_key(name)
        if key is None:
            reason = f"error: {name} does not match ancillary, science, cadence, or SPICE file naming convention."
            return answer(reason, status=400)
        if key in self.bucket:
            message = f"The file '{key}' already exists. Rename it or remove the existing file before uploading again."
            return answer({"error": "FileAlreadyExists", "message": message}, status=409)
        return self.writable(request, key, "science")

    async def release(self, request: web.Request) -> web.Response:
        """Handle ``/release``: change which files are public, by a manifest that was uploaded."""
        if refused := gate(request):
            return refused
        if request.headers["x-api-key"] == READ_KEY:
            return answer("Release operation denied. Your API key has read permissions.", status=403)
        try:
            return answer(operations.release(self.catalogue, self.bucket.objects, joined(request)))
        except Refused as why:
            return failure(why)

    async def reprocess(self, request: web.Request) -> web.Response:
        """Handle ``/reprocess``."""
        if refused := gate(request):
            return refused
        try:
            return answer(operations.reprocess(joined(request)))
        except Refused as why:
            return failure(why)

    async def packets(self, request: web.Request) -> web.Response:
        """Handle a request to the packet server, which has a login of its own."""
        return operations.packets(request)

    async def upload_2024(self, request: web.Request) -> web.Response:
        """Handle ``/upload`` like the service of 2024: the key is in a header, the path does not have a prefix."""
        if request.headers.get("x-api-key") != API_KEY:
            return answer({"message": "Forbidden"}, status=403)
        name = request.match_info["name"].rpartition("/")[2]
        key = file_key(name)
        if key is None:
            return answer(f"Invalid filename: {name}", status=400)
        if key in self.bucket:
            return answer(f"{key} already exists.", status=409)
        return self.writable(request, key, "science_2024")

    def writable(self, request: web.Request, key: str, table: str) -> web.Response:
        """Return a link for writing; the row is added when the file has been uploaded."""
        self.bucket.arriving[key] = lambda: self.catalogue.index(key, table)
        return answer(self.bucket.link("PUT", storage_host(request), f"{PREFIX}/storage/{key}"))


def route(request: web.Request) -> str:
    """Return which of the gateway's three routes a request uses."""
    first = request.path.removeprefix(PREFIX).removeprefix("/ialirt").split("/")[1]
    return first if first in ("api-key", "authorized") else "public"


def gate(request: web.Request) -> web.Response | None:
    """Return the gateway's error for a missing or wrong credential."""
    header, good = {
        "public": ("", ()),
        "api-key": ("x-api-key", (API_KEY, READ_KEY)),
        "authorized": ("Authorization", (f"Bearer {ACCESS_TOKEN}",)),
    }[route(request)]
    if not header or request.headers.get(header) in good:
        return None
    if header not in request.headers:
        return answer({"message": "Unauthorized"}, status=401)
    return answer({"message": "Forbidden"}, status=403)


async def no_route(request: web.Request) -> web.Response:
    """Handle a path that the gateway does not have; that of 2024 treated it as a request without a signature."""
    if request.path.startswith(f"{PREFIX}/v0/"):
        return answer({"message": "Missing Authentication Token"}, status=403)
    return answer({"message": "Not Found"}, status=404)


def joined(request: web.Request) -> Mapping[str, str]:
    """Return the query as passed on by the gateway: the values of a repeated name joined by a comma."""
    return {name: ",".join(request.query.getall(name)) for name in request.query}


def storage_host(request: web.Request) -> str:
    """Return the storage's host and port: another name of the same server, and therefore another origin."""
    here = urlsplit(f"//{request.host}")
    other = "127.0.0.1" if here.hostname == "localhost" else "localhost"
    return f"{other}:{here.port}" if here.port else other


def answer(body: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a JSON body."""
    return web.json_response(body, status=status, headers=headers)


def rows_of(rows: list[dict[str, object]]) -> web.Response:
    """Return rows, if they are not too many."""
    # The result that a function passes to the gateway has a maximum size; the caller only gets this message.
    if len(json.dumps(rows)) > REPLY_LIMIT:
        return answer({"message": "Internal Server Error"}, status=500)
    return answer(rows)


def words(status: int, text: str) -> web.Response:
    """Return plain text with the content type that the service uses for all responses of a download."""
    return web.Response(status=status, text=text, content_type="text/html")


def failure(why: Refused) -> web.Response:
    """Return the response to a query that is refused (a JSON string) or that made the service fail (an object)."""
    return answer(why.words if why.status == 400 else {"message": why.words}, status=why.status)
