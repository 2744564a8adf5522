"""
Files that contain many images: JPX (ISO/IEC 15444-2), mp4 (ISO/IEC 14496-12 and -14) and the beginning of a WebM.

The frames of an mp4 are JPEG images, which players support; a WebM would need an encoder and is a labelled placeholder.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from sunpy_helio_plugins.sandbox.helioviewer.jp2 import boxes

__all__ = ["jpx", "mp4", "webm"]

LABEL = b"A synthetic movie of the embedded archive: it shows no real observation."
MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def _full(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), *parts)


def jpx(files: Sequence[bytes], links: Sequence[str] = ()) -> bytes:
    """Return JP2 files of one size as a JPX that contains the codestreams or, with ``links``, refers to these URLs."""
    first = dict(boxes(files[0]))
    made = [
        first[b"jP  "],
        _box(b"ftyp", b"jpx ", bytes(4), b"jpx ", b"jp2 ", b"jpxb"),
        _box(b"rreq", bytes([1, 0x80, 0x80, 0, 1]), struct.pack(">HB", 5, 0x80), struct.pack(">H", 0)),
        first[b"jp2h"],
    ]
    for number, file in enumerate(files):
        made.append(_pointer(file, number + 1) if links else dict(boxes(file))[b"jp2c"])
    for number, file in enumerate(files):
        listed = _box(b"nlst", struct.pack(">I", 0x01000000 | number))
        made.append(_box(b"asoc", listed, dict(boxes(file))[b"xml "]))
    if links:
        addresses = (_full(b"url ", link.encode() + b"\0") for link in links)
        made.append(_box(b"dtbl", struct.pack(">H", len(links)), *addresses))
    return b"".join(made)


def _pointer(file: bytes, reference: int) -> bytes:
    """Return a table with one fragment: the codestream in another file."""
    at = 0
    for kind, box in boxes(file):
        if kind == b"jp2c":
            return _box(b"ftbl", _box(b"flst", struct.pack(">HQIH", 1, at + 8, len(box) - 8, reference)))
        at += len(box)
    raise ValueError("The file has no codestream.")


def mp4(frames: Sequence[bytes], size: tuple[int, int], rate: float) -> bytes:
    """Return JPEG files of one size as an mp4, with ``rate`` frames per second."""
    start = _box(b"ftyp", b"isom", struct.pack(">I", 512), b"isom", b"mp42")
    data = _box(b"mdat", *frames)
    tick, scale = round(600 / rate), 600
    duration = tick * len(frames)
    head = _full(b"mvhd", struct.pack(">IIIIIH", 0, 0, scale, duration, 0x10000, 0x100), bytes(10), MATRIX, bytes(24),
                 struct.pack(">I", 2))  # fmt: skip
    track = _full(b"tkhd", struct.pack(">IIIII", 0, 0, 1, 0, duration), bytes(8), struct.pack(">HHHH", 0, 0, 0, 0),
                  MATRIX, struct.pack(">II", size[0] << 16, size[1] << 16), flags=3)  # fmt: skip
    table = _samples(frames, size, tick, len(start) + 8)
    links = _box(b"dinf", _full(b"dref", struct.pack(">I", 1), _full(b"url ", flags=1)))
    media = _box(
        b"mdia",
        _full(b"mdhd", struct.pack(">IIIIHH", 0, 0, scale, duration, 0x55C4, 0)),
        _full(b"hdlr", bytes(4), b"vide", bytes(12), b"frames\0"),
        _box(b"minf", _full(b"vmhd", bytes(8), flags=1), links, table),
    )
    label = _box(b"udta", _full(b"cprt", struct.pack(">H", 0x55C4), LABEL, b"\0"))
    return start + data + _box(b"moov", head, _box(b"trak", track, media), label)


def _samples(frames: Sequence[bytes], size: tuple[int, int], tick: int, at: int) -> bytes:
    """Return the table of a track's samples: JPEG by its object type (0x6C), all in one chunk."""
    config = bytes([0x04, 13, 0x6C, 0x11]) + bytes(3) + struct.pack(">II", 0, 0)
    stream = struct.pack(">HB", 1, 0) + config + bytes([0x06, 1, 2])
    codec = _full(b"esds", bytes([0x03, len(stream)]), stream)
    entry = _box(b"mp4v", bytes(6), struct.pack(">H", 1), bytes(16), struct.pack(">HHII", *size, 0x480000, 0x480000),
                 bytes(4), struct.pack(">H", 1), bytes(32), struct.pack(">Hh", 24, -1), codec)  # fmt: skip
    sizes = struct.pack(f">{len(frames)}I", *(len(frame) for frame in frames))
    return _box(
        b"stbl",
        _full(b"stsd", struct.pack(">I", 1), entry),
        _full(b"stts", struct.pack(">III", 1, len(frames), tick)),
        _full(b"stsc", struct.pack(">IIII", 1, 1, len(frames), 1)),
        _full(b"stsz", struct.pack(">II", 0, len(frames)), sizes),
        _full(b"stco", struct.pack(">II", 1, at)),
    )


def webm() -> bytes:
    """Return a WebM without images: its header, and a segment that describes it."""
    head = _element(b"\x42\x86", b"\x01") + _element(b"\x42\xf7", b"\x01") + _element(b"\x42\xf2", b"\x04")
    head += _element(b"\x42\xf3", b"\x08") + _element(b"\x42\x82", b"webm") + _element(b"\x42\x87", b"\x04")
    head += _element(b"\x42\x85", b"\x02")
    facts = _element(b"\x2a\xd7\xb1", (1_000_000).to_bytes(3, "big")) + _element(b"\x4d\x80", LABEL)
    facts += _element(b"\x57\x41", LABEL)
    return _element(b"\x1a\x45\xdf\xa3", head) + _element(b"\x18\x53\x80\x67", _element(b"\x15\x49\xa9\x66", facts))


def _element(name: bytes, body: bytes) -> bytes:
    """Return an EBML element with a length of two bytes."""
    return name + struct.pack(">H", 0x4000 | len(body)) + body
