"""
The object storage of the embedded IMAP archive: links signed for one method, one host and a limited time.

It refuses the same requests as S3: a second way to sign in (an ``Authorization`` header in addition to the signature),
another method than the signed one, an expired link. Like S3 it ignores unknown headers, such as ``x-api-key``: a client
that sends a key here discloses it without any error.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from urllib.parse import quote, urlencode

from aiohttp import web

from sunpy_helio_plugins.sandbox.imap.catalogue import DATA

__all__ = ["Bucket"]

STAMP = "%Y%m%dT%H%M%SZ"


@dataclass
class Bucket:
    """
    The stored objects and the links to them.

    Uploaded objects are kept by full key; shipped files are read from the data folder. Links to read and to write are
    valid for ``lifetime`` and ``upload_lifetime`` seconds: a day and an hour, as in the real archive.
    """

    shipped: frozenset[str] = frozenset()
    objects: dict[str, bytes] = field(default_factory=dict)
    lifetime: int = 86400
    upload_lifetime: int = 3600
    signs: ClassVar[tuple[str, ...]] = ("host",)
    """Headers for which a link to write is signed; some versions of the service sign ``x-amz-tagging`` as well."""
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    arriving: dict[str, Callable[[], None]] = field(default_factory=dict)

    def __contains__(self, key: str) -> bool:
        return key in self.objects or key in self.shipped

    def read(self, key: str) -> bytes:
        """Return an object's content."""
        return self.objects[key] if key in self.objects else (DATA / key.rpartition("/")[2]).read_bytes()

    def signature(self, method: str, host: str, path: str, stamp: str, expires: str) -> str:
        """Return the signature of one method on one object, until one time."""
        text = f"{method}\n{host}\n{path}\n{stamp}\n{expires}"
        return hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()

    def link(self, method: str, host: str, path: str) -> str:
        """Return a presigned URL."""
        expires = str(self.lifetime if method == "GET" else self.upload_lifetime)
        stamp = datetime.now(UTC).strftime(STAMP)
        quoted = quote(path)
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"SANDBOX/{stamp[:8]}/us-west-2/s3/aws4_request",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": expires,
            "X-Amz-SignedHeaders": ";".join(self.signs if method == "PUT" else ("host",)),
            "X-Amz-Signature": self.signature(method, host, quoted, stamp, expires),
        }
        return f"http://{host}{quoted}?{urlencode(query)}"

    def refusal(self, request: web.Request) -> web.Response | None:
        """Return the error for a request, or `None` if it is allowed."""
        query = request.query
        if "Authorization" in request.headers:
            return problem(
                400,
                "InvalidArgument",
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
                "parameter or the Authorization header should be specified",
            )
        if "X-Amz-Signature" not in query:
            return problem(403, "AccessDenied", "Access Denied")
        names = query.get("X-Amz-SignedHeaders", "").split(";")
        if any(name not in request.headers for name in names):
            return problem(403, "SignatureDoesNotMatch", "A header that was signed is missing")
        stamp, expires = query.get("X-Amz-Date", ""), query.get("X-Amz-Expires", "")
        expected = self.signature(request.method, request.host, request.rel_url.raw_path, stamp, expires)
        if not hmac.compare_digest(expected, query["X-Amz-Signature"]):
            return problem(
                403,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. Check your key and "
                "signing method.",
            )
        signed = datetime.strptime(stamp, STAMP).replace(tzinfo=UTC)
        if datetime.now(UTC) > signed + timedelta(seconds=int(expires)):
            return problem(403, "AccessDenied", "Request has expired")
        return None

    async def get(self, request: web.Request) -> web.Response:
        """Serve an object or a range of it."""
        if refused := self.refusal(request):
            return refused
        key = request.match_info["key"]
        if key not in self:
            return problem(404, "NoSuchKey", "The specified key does not exist.")
        content = self.read(key)
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        headers = {
            "ETag": f'"{digest}"', "Accept-Ranges": "bytes", "Content-Type": "binary/octet-stream",
            "x-amz-request-id": "SANDBOX", "x-amz-server-side-encryption": "AES256",
        }  # fmt: skip
        wanted = request.http_range
        if wanted.start is None and wanted.stop is None:
            return web.Response(body=content, headers=headers)
        start, stop, _ = wanted.indices(len(content))
        if start >= stop:
            return problem(416, "InvalidRange", "The requested range is not satisfiable")
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
        return web.Response(status=206, body=content[start:stop], headers=headers)

    async def put(self, request: web.Request) -> web.Response:
        """Store an object and inform the indexer."""
        if refused := self.refusal(request):
            return refused
        key = request.match_info["key"]
        self.objects[key] = await request.read()
        self.arriving.pop(key, lambda: None)()
        return web.Response(headers={"ETag": f'"{hashlib.md5(self.objects[key], usedforsecurity=False).hexdigest()}"'})


def problem(status: int, code: str, message: str) -> web.Response:
    """Return an error in the form of S3."""
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return web.Response(status=status, text=body, content_type="application/xml")
