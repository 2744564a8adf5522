"""
Checks that a file is complete, when it was downloaded or already exists.

The service does not provide sizes or digests, and the storage only provides them with the download of the file. Files
are never changed under the same name (a new version has another name), so that a complete file is the right one; for
most kinds of files, the end of the file shows with certainty whether it is complete.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from sunpy_helio_plugins.errors import FileError

__all__ = ["check", "looks_complete"]

_CDF_MAGIC = (0xCDF30001, 0xCDF26002, 0x0000FFFF)
_PAGES = (b"<!doctype", b"<html", b"<?xml", b"<error")
_PLAIN, _COMPRESSED = 0x0000FFFF, 0xCCCC0001


def check(part: Path, name: str) -> None:
    """Raise a `FileError` if a file is empty, an HTML page, or a CDF file by name that is not one or is truncated."""
    size = part.stat().st_size
    if not size:
        raise FileError(f"{name}: the archive sent an empty file.")
    if name.endswith(".cdf"):
        _check_cdf(part, name, size)
        return
    with part.open("rb") as stream:
        head = stream.read(64).lstrip().lower()
    if head.startswith(_PAGES):
        raise FileError(f"{name}: the archive sent a web page instead of the file; it begins with {head[:16]!r}.")


def looks_complete(path: Path, name: str) -> bool:
    """Return `False` if an existing file is truncated, damaged or of another kind; `True` also if there is no file."""
    if not path.is_file():
        return True
    try:
        check(path, name)
    except FileError:
        return False
    size = path.stat().st_size
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        ends_well = _ENDS.get(Path(name).suffix.lower())
        return ends_well is None or ends_well(content, size)


def _after_packets(content: mmap.mmap, size: int) -> bool:
    """Return whether the last of the CCSDS packets is complete, or the content does not begin with a packet."""
    if content[0] >> 5:  # packets are of version 0
        return True
    place = 0
    while place + 6 <= size:
        place += 7 + int.from_bytes(content[place + 4 : place + 6], "big")
    return place == size


def _after_kernel(content: mmap.mmap, size: int) -> bool:
    """Check the position of the first free word of a binary kernel (DAF Required Reading, "The file record")."""
    if content[:4] != b"DAF/" or content[88:96] not in (b"LTL-IEEE", b"BIG-IEEE"):
        return True
    order: Literal["little", "big"] = "little" if content[88:91] == b"LTL" else "big"
    return size >= 8 * (int.from_bytes(content[84:88], order) - 1)


def _after_json(content: mmap.mmap, size: int) -> bool:
    return content[:].rstrip().endswith((b"}", b"]"))


def _after_zip(content: mmap.mmap, size: int) -> bool:
    """Find the end of the central directory, which is followed by a comment of up to 64 kB."""
    return content.rfind(b"PK\5\6", max(size - 65_557, 0)) >= 0


def _after_text(content: mmap.mmap, size: int) -> bool:
    return content[size - 1 : size] in (b"\n", b"\r", b"\x1a")


_ENDS: dict[str, Callable[[mmap.mmap, int], bool]] = {
    ".pkts": _after_packets, ".json": _after_json, ".zip": _after_zip, ".xlsx": _after_zip,
    **dict.fromkeys((".bc", ".bsp", ".bpc"), _after_kernel),
    **dict.fromkeys((".csv", ".tsv", ".tls", ".tpc", ".tsc", ".tf", ".tm", ".mk", ".sff"), _after_text),
    ".png": lambda content, size: content[size - 8 : size - 4] == b"IEND",
    ".jpg": lambda content, size: content[max(size - 64, 0) :].rstrip(b"\0\r\n").endswith(b"\xff\xd9"),
    ".pdf": lambda content, size: content.rfind(b"%%EOF", max(size - 1024, 0)) >= 0,
}  # fmt: skip
"""Checks of the end for each kind of files; other files cannot be checked."""


def _check_cdf(part: Path, name: str, size: int) -> None:
    with part.open("rb") as stream:
        head = stream.read(28)
        if len(head) < 28 or struct.unpack(">I", head[:4])[0] not in _CDF_MAGIC:
            raise FileError(f"{name}: the archive sent a file that is not CDF; it begins with {head[:16]!r}.")
        magic, kind = struct.unpack(">II", head[:8])
        # Only in version 3 the length is at a known position: in the global descriptor record, whose offset is in
        # the first record (CDF Internal Format Description 3.9, sections 2.2 and 2.3).
        if magic != _CDF_MAGIC[0] or kind != _PLAIN:
            return
        stream.seek(struct.unpack(">Q", head[20:28])[0] + 36)
        field = stream.read(8)
    if len(field) < 8 or (length := struct.unpack(">Q", field)[0]) > size:
        whole = f"{length} bytes are" if len(field) == 8 else "more are"
        raise FileError(f"{name}: the file ends after {size} bytes, {whole} required; download it again.")
