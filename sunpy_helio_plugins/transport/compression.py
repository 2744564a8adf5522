"""Decompress the body of an answer, and check that each compressed stream is complete."""

from __future__ import annotations

from collections.abc import Iterator

from urllib3.exceptions import DecodeError

from sunpy_helio_plugins.store import streams
from sunpy_helio_plugins.store.streams import DamagedStreamError, zlib_stream

__all__ = ["ENCODINGS", "Decoder", "Decompressor"]

ENCODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""Values of ``Content-Encoding`` that are decompressed here, and zlib's number for each."""

_UNCHECKED = frozenset({"br", "compress", "dcb", "dcz", "x-compress", "zstd"})
"""Encodings that are never requested, and whose end is not checked here; others are not compressions."""

_MOST_ENCODINGS = 3


class Decoder:
    """Decode a body with all encodings of its header, which may be none."""

    def __init__(self, header: str | None) -> None:
        names = [name.strip().lower() for name in (header or "").split(",")]
        unchecked = _UNCHECKED.intersection(names)
        if unchecked:
            raise DecodeError(f"it is compressed with {min(unchecked)!r}, which was not requested")
        self._steps = [Decompressor(name) for name in reversed(names) if name in ENCODINGS]
        if len(self._steps) > _MOST_ENCODINGS:
            raise DecodeError(f"it is compressed {len(self._steps)} times")

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded parts of some bytes; raise `DecodeError` if they are damaged."""
        return self._decoded(data, 0)

    def _decoded(self, data: bytes, step: int) -> Iterator[bytes]:
        if step == len(self._steps):
            yield data
            return
        for part in self._steps[step].feed(data):
            yield from self._decoded(part, step + 1)

    def check_end(self) -> None:
        """Raise `DecodeError` unless every compressed stream is complete or empty."""
        for step in self._steps:
            step.check_end()


class Decompressor:
    """
    A stream of zlib with its end mark and checksum, which urllib3 and aiohttp do not require.

    Some servers send "deflate" without the header of zlib, and some append zero bytes to gzip: both are accepted.
    """

    def __init__(self, encoding: str) -> None:
        self._bits = ENCODINGS[encoding]
        self._begun = b""
        self._streams: streams.CompressedStreams | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the decompressed parts of some bytes; raise `DecodeError` if they are damaged."""
        if self._streams is None:
            self._begun = data = self._begun + data
            if len(data) < 2:  # the header of zlib, without which the first byte may be data
                return
            bits = -15 if self._bits == 15 and not _has_zlib_header(data) else self._bits
            self._streams = streams.CompressedStreams(zlib_stream(bits), b"\x1f\x8b" if bits == 31 else b"")
        try:
            yield from self._streams.feed(data)
        except DamagedStreamError as error:
            raise DecodeError(str(error)) from error

    def check_end(self) -> None:
        """Raise `DecodeError` unless the stream is complete or empty."""
        if self._streams is None and self._begun:
            raise DecodeError("the compressed stream is truncated")
        try:
            if self._streams is not None:
                self._streams.check_end()
        except DamagedStreamError as error:
            raise DecodeError(str(error)) from error


def _has_zlib_header(data: bytes) -> bool:
    """Return whether the first two bytes are the header of zlib (RFC 1950, section 2.2)."""
    return data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0
