"""Stream a response body to disk, with limits on size and minimum rate, and check its digests."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from urllib3.exceptions import DecodeError

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import TransferError
from sunpy_helio_plugins.transport.compression import Decoder
from sunpy_helio_plugins.transport.limits import MinimumRate, SizeLimit
from sunpy_helio_plugins.transport.retry import TransientError

if TYPE_CHECKING:
    import aiohttp

__all__ = ["CHUNK", "check_part", "parts", "promised_digests", "receive", "text_start"]

_KNOWN: dict[str, Callable[[], Any]] = {
    "sha-512": hashlib.sha512, "sha-256": hashlib.sha256, "md5": partial(hashlib.md5, usedforsecurity=False),
}  # fmt: skip

_ENTRY = re.compile(r"([a-z0-9-]+)=:?([A-Za-z0-9+/=]+?):?\s*(?:,|$)", re.IGNORECASE)


def promised_digests(headers: Mapping[str, str]) -> list[tuple[Any, bytes]]:
    """
    Return hashes to update with a body, each with the digest that the headers of the response give.

    The digests of a compressed body are ignored: they belong to other bytes than the ones that are kept.
    """
    if headers.get("Content-Encoding", "identity") != "identity":
        return []
    hashes = [(_KNOWN[name](), digest) for name, digest in (*_given(headers), *_stored(headers))]
    # Some servers send hexadecimal digits, which are valid base64 of more bytes.
    return [(one, digest) for one, digest in hashes if len(digest) == one.digest_size]


def _given(headers: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    for header in ("Repr-Digest", "Content-Digest", "Digest"):
        for name, encoded in _ENTRY.findall(headers.get(header, "")):
            if name.lower() in ("sha-512", "sha-256"):
                try:
                    yield name.lower(), base64.b64decode(encoded, validate=True)
                except binascii.Error:
                    continue


def _stored(headers: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Yield the digests of an object of Amazon S3 (API Reference, "GetObject" and "Object": ETag)."""
    if "x-amz-request-id" not in headers:
        return
    # The digest of the digests of parts ends with their number.
    if _BASE64.fullmatch(headers.get("x-amz-checksum-sha256", "")):
        yield "sha-256", base64.b64decode(headers["x-amz-checksum-sha256"])
    is_plain = headers.get("x-amz-server-side-encryption", "AES256") == "AES256"
    is_plain &= "x-amz-server-side-encryption-customer-algorithm" not in headers
    is_plain &= headers.get("x-amz-storage-class") != "EXPRESS_ONEZONE"
    tag = _MD5.fullmatch(headers.get("ETag", ""))
    if is_plain and tag:  # an object that was uploaded in parts has a tag with their number
        yield "md5", bytes.fromhex(tag[1])


_BASE64 = re.compile(r"[A-Za-z0-9+/]{43}=", re.ASCII)

_MD5 = re.compile(r'"([0-9a-f]{32})"', re.ASCII)

CHUNK = 262144
"""Bytes written at a time: parfive's own 1 kB takes most of its time."""

MAX_EXPANSION = 200
"""The largest ratio of a decompressed body to its size on the wire; compression was not requested."""


async def receive(response: aiohttp.ClientResponse, stream: IO[bytes], bar: Any) -> None:
    """Write a body to a stream as it arrives; raise `TransferError` if it is too large, too slow or damaged."""
    limit, rate = _limit(response), MinimumRate()
    digests = promised_digests(response.headers)
    with bar as progress:
        async for chunk in parts(response, rate):
            check_part(chunk, limit, rate)
            stream.write(chunk)
            for digest, _ in digests:
                digest.update(chunk)
            if progress is not None:
                progress.update(len(chunk))
    if any(digest.digest() != promised for digest, promised in digests):
        raise TransientError("the digest of the file differs from the one that the server gave")


async def parts(response: aiohttp.ClientResponse, rate: MinimumRate, size: int = CHUNK) -> AsyncIterator[bytes]:
    """
    Yield the decompressed parts of a body as they arrive.

    Raise `TransientError` if it is truncated or damaged, and `TransferError` if a part does not arrive in time.
    """
    decoder = _decoder(response)
    try:
        async for chunk in _chunks(response, size, rate):
            for part in decoder.feed(chunk):
                yield part
        decoder.check_end()
    except DecodeError as error:
        raise TransientError(f"the compressed file was cut or damaged: {error}") from None


async def _chunks(response: aiohttp.ClientResponse, size: int, rate: MinimumRate) -> AsyncIterator[bytes]:
    """Yield the chunks of a body; the timeout of a socket begins anew with every byte of the size of a chunk."""
    chunks = response.content.iter_chunked(size)
    while True:
        try:
            async with asyncio.timeout(None if rate.left() == float("inf") else rate.left()) as limit:
                chunk = await anext(chunks, b"")
        except TimeoutError:
            if not limit.expired():
                raise
            if problem := rate.problem(0):
                raise TransferError(problem) from None
            continue
        if not chunk:
            return
        yield chunk


def _decoder(response: aiohttp.ClientResponse) -> Decoder:
    try:
        return Decoder(", ".join(response.headers.getall("Content-Encoding", ())))
    except DecodeError as error:
        raise TransferError(f"the file cannot be read: {error}") from None


async def text_start(response: aiohttp.ClientResponse, count: int) -> bytes:
    """Return the first bytes of a body, decompressed as far as possible: they are only shown."""
    body = await anext(_chunks(response, count, MinimumRate()), b"")
    try:
        return next(_decoder(response).feed(body), body)
    except (DecodeError, TransferError):
        return body


def check_part(part: bytes, limit: SizeLimit, rate: MinimumRate) -> None:
    """Count a part of a body; raise `TransferError` if the body is too large or too slow."""
    problem = rate.problem(len(part)) if limit.add(len(part)) else limit.message()
    if problem:
        raise TransferError(problem)


def _limit(response: aiohttp.ClientResponse) -> SizeLimit:
    """Return the size limit: decompressed bodies can be a thousand times as large."""
    most = int(conf.max_file)
    if response.headers.get("Content-Encoding", "identity") != "identity" and response.content_length:
        most = min(most, MAX_EXPANSION * response.content_length)
    return SizeLimit(most, "file", "see conf.max_file")
