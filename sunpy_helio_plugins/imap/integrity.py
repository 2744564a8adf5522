"""
Whether a file that has arrived, or is there already, is what its name says.

The service tells neither sizes nor digests, and the storage tells them only to those who fetch the file. Files are
kept under their names for good (a changed one gets a new version), so that a file which is whole is the right one;
whether it is whole can be seen by its end, of most kinds for certain.
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
    """
    Refuse a file that cannot be what its name says.

    Parameters
    ----------
    part : pathlib.Path
        The file as it arrived.
    name : str
        The name that it is to have.

    Raises
    ------
    FileError
        It is empty, or a page for people; or it is called a CDF file and does not begin as one, or ends too early.
    """
    size = part.stat().st_size
    if not size:
        raise FileError(f"{name}: the archive sent an empty file.")
    if name.endswith(".cdf"):
        _check_cdf(part, name, size)
        return
    with part.open("rb") as stream:
        head = stream.read(64).lstrip().lower()
    if head.startswith(_PAGES):
        raise FileError(f"{name}: the archive sent a page instead of the file; it begins with {head[:16]!r}.")


def looks_complete(path: Path, name: str) -> bool:
    """
    Tell whether a file that stands at a place already can be what its name says.

    Parameters
    ----------
    path : pathlib.Path
        The place.
    name : str
        The file's name in the archive.

    Returns
    -------
    bool
        False where it is cut, damaged or of another kind, as after a program that was killed while it wrote; true where
        there is no file. A text that was cut just after a line cannot be told from a whole one.
    """
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
    """Walk along CCSDS packets: the last one must be whole. What does not begin as a packet is not judged."""
    if content[0] >> 5:  # packets are of version 0
        return True
    place = 0
    while place + 6 <= size:
        place += 7 + int.from_bytes(content[place + 4 : place + 6], "big")
    return place == size


def _after_kernel(content: mmap.mmap, size: int) -> bool:
    """Look where a binary kernel says that its first free word is (DAF Required Reading, "The file record")."""
    if content[:4] != b"DAF/" or content[88:96] not in (b"LTL-IEEE", b"BIG-IEEE"):
        return True
    order: Literal["little", "big"] = "little" if content[88:91] == b"LTL" else "big"
    return size >= 8 * (int.from_bytes(content[84:88], order) - 1)


def _after_json(content: mmap.mmap, size: int) -> bool:
    return content[:].rstrip().endswith((b"}", b"]"))


def _after_zip(content: mmap.mmap, size: int) -> bool:
    """Look for the end of the central directory, after which stands a comment of up to 64 kB."""
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
"""How files of each kind end; what is called otherwise cannot be judged so."""


def _check_cdf(part: Path, name: str, size: int) -> None:
    with part.open("rb") as stream:
        head = stream.read(28)
        if len(head) < 28 or struct.unpack(">I", head[:4])[0] not in _CDF_MAGIC:
            raise FileError(f"{name}: the archive sent something that is no CDF file; it begins with {head[:16]!r}.")
        magic, kind = struct.unpack(">II", head[:8])
        # Of version 3 alone the length stands at a known place: in the global descriptor record, whose offset stands
        # in the first record (CDF Internal Format Description 3.9, sections 2.2 and 2.3).
        if magic != _CDF_MAGIC[0] or kind != _PLAIN:
            return
        stream.seek(struct.unpack(">Q", head[20:28])[0] + 36)
        field = stream.read(8)
    if len(field) < 8 or (length := struct.unpack(">Q", field)[0]) > size:
        whole = f"{length} bytes are" if len(field) == 8 else "more is"
        raise FileError(f"{name}: the file ends after {size} bytes, {whole} needed; fetch it again.")
