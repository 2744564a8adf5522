"""Decompress the body of an answer, and check that the compressed stream is complete."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from urllib3.exceptions import DecodeError

__all__ = ["ENCODINGS", "Decompressor"]

ENCODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""Values of ``Content-Encoding`` that are decompressed here, and zlib's number for each."""

_LARGEST_PART = 1_048_576


class Decompressor:
    """
    A stream of zlib with its end mark and checksum, which urllib3 does not require.

    Some servers send "deflate" without the header of zlib, and some append bytes to gzip: both are accepted.
    """

    def __init__(self, encoding: str) -> None:
        self._bits = ENCODINGS[encoding]
        self._stream = zlib.decompressobj(self._bits)
        self._start: bytes | None = b""
        self._is_empty, self._is_over, self._members = True, False, 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the decompressed parts of some bytes; raise `DecodeError` if they are damaged."""
        self._is_empty = False
        if self._start is not None:
            self._start = data = self._start + data
            if len(data) < 2:  # the header of zlib, without which the first byte may be data
                return
            self._start = None
        part = b""
        while not self._is_over and (data or len(part) == _LARGEST_PART):
            if self._stream.eof:
                self._stream = zlib.decompressobj(self._bits)
            try:
                part = self._stream.decompress(data, _LARGEST_PART)
            except zlib.error as error:
                # What follows a complete member and is not another one is not data.
                self._is_over = self._members > 0
                part = b"" if self._is_over else self._without_header(data, error)
            yield part
            self._members += self._stream.eof
            data = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail

    def _without_header(self, data: bytes, error: zlib.error) -> bytes:
        if self._bits != ENCODINGS["deflate"]:
            raise DecodeError(str(error)) from error
        self._bits = -15
        self._stream = zlib.decompressobj(self._bits)
        try:
            return self._stream.decompress(data, _LARGEST_PART)
        except zlib.error as other:
            raise DecodeError(str(other)) from other

    def check_end(self) -> None:
        """Raise `DecodeError` unless the stream is complete or empty."""
        if not (self._is_empty or self._is_over or self._stream.eof):
            raise DecodeError("the compressed stream is truncated")
