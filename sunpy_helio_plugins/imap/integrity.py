"""
Checks that a file is complete, when it was downloaded or already exists.

The service does not provide sizes or digests, and the storage only provides them with the download of the file, during
which ``transport.files.body`` compares them. Files are not changed under the same name (a new version has another name)
unless they are ingested again, so that a complete file that is newer than its ingestion is the right one. For most
kinds of files, the structure shows with certainty whether the file is complete, and whether something was appended.

``client`` (``_download``) and ``files.download`` hand both functions to a download; ``client`` also hands over what the
rows of the service tell of the file: its name and its ingestion.
"""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from sunpy_helio_plugins.cdf.records import MAGIC, check_whole
from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.imap.filenames import is_daily, parse
from sunpy_helio_plugins.quantities.exact import kept_json
from sunpy_helio_plugins.store.streams import check_compressed, is_doubled, is_whole_png

__all__ = ["check", "is_current", "looks_complete"]

_PAGES = (b"<!doctype", b"<html", b"<?xml", b"<error")

_CERTAIN = frozenset({".json", ".png", ".xlsx", ".zip"})
"""Kinds of files whose structure is checked after the download, too; others are checked if they already exist."""


def check(part: Path, name: str) -> None:
    """
    Raise a `FileError` for a file that is certainly wrong.

    It is empty, an HTML page, twice the same content, a CDF file by name that is not one, or a file that is truncated
    or damaged, or to which something was appended.
    """
    if not part.stat().st_size:
        raise FileError(f"{name} is empty.")
    with part.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        _check(content, name, blocks=True)
        suffix = Path(name).suffix.lower()
        if suffix in _CERTAIN and not _ENDS[suffix](content, len(content)):
            raise FileError(f"{name}: the file is truncated or damaged, or something was appended; download it again.")
    try:
        check_compressed(part)
    except FileError as error:
        raise FileError(f"{name}: {error}; download it again.") from None


def looks_complete(path: Path, name: str, changed: np.datetime64 | None = None) -> bool:
    """
    Return `False` if an existing file is truncated, damaged, of another kind or out of date; `True` if there is none.

    ``changed`` is the time of its ingestion in the archive. A daily file of I-ALiRT grows until the end of
    its day.
    """
    if not path.is_file():
        return True
    if not path.stat().st_size or not is_current(path, name, changed):
        return False
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        try:
            _check(content, name, blocks=False)
        except FileError:
            return False
        ends_well = _ENDS.get(Path(name).suffix.lower())
        return ends_well is None or ends_well(content, len(content))


def is_current(path: Path, name: str, changed: np.datetime64 | None = None) -> bool:
    """Return whether a file was written after its ingestion and, for a daily file of I-ALiRT, after its day."""
    written = np.datetime64(path.stat().st_mtime_ns // 1000, "us")
    return not any(written < since for since in _complete_since(name, changed))


def _complete_since(name: str, changed: np.datetime64 | None) -> Iterator[np.datetime64]:
    """Yield the times before which a download of a file was not complete."""
    # An ingestion in the future means that one of the clocks is wrong. NaT is never in the past.
    if changed is not None and changed <= np.datetime64("now", "us"):
        yield changed
    parsed = parse(name) if is_daily(name) else None
    if parsed is not None:
        yield np.datetime64(parsed.start, "us") + np.timedelta64(1, "D")


def _check(content: mmap.mmap, name: str, *, blocks: bool) -> None:
    """Check a file whose content is not empty; ``blocks`` also checks the compressed blocks of CDF."""
    if name.endswith(".cdf"):
        if len(content) < 28 or struct.unpack(">I", content[:4])[0] not in MAGIC:
            raise FileError(f"{name} is not a CDF file; it begins with {content[:16]!r}.")
        try:
            check_whole(content, blocks=blocks)
        except FileError as error:
            raise FileError(f"{name}: {error}; download it again.") from None
        return
    head = content[:64].lstrip().lower()
    if head.startswith(_PAGES):
        raise FileError(f"{name} is a web page instead of the file; it begins with {head[:16]!r}.")
    if is_doubled(content):
        raise FileError(f"{name}: the file contains the same {len(content) // 2} bytes twice; download it again.")


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
    free = int.from_bytes(content[84:88], order)
    used = 8 * (free - 1)
    return size >= used and (free == 0 or size <= -(-used // _DAF_RECORD) * _DAF_RECORD)


_DAF_RECORD = 1024


def _after_json(content: mmap.mmap, size: int) -> bool:
    try:
        kept_json(content[:])
    except ValueError:
        return False
    return True


_ZIP_END = 22


def _after_zip(content: mmap.mmap, size: int) -> bool:
    """Check that the directory is at its offset, and that its end with a comment of up to 64 kB is that of the file."""
    place = content.rfind(b"PK\5\6", max(size - 65_557, 0))
    if place < 0 or place + _ZIP_END > size:
        return False
    length, start, comment = struct.unpack("<IIH", content[place + 12 : place + _ZIP_END])
    # An archive of more than 4 GB has its offset elsewhere.
    return place + _ZIP_END + comment == size and (start == 0xFFFFFFFF or start + length == place)


_JPEG_SCAN_END = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")


def _after_jpeg(content: mmap.mmap, size: int) -> bool:
    """Follow the markers of a JPEG image to its end, after which only zeros and line ends may follow."""
    place = 2
    while place + 4 <= size and content[place] == 0xFF and content[place + 1] != 0xD9:
        kind = content[place + 1]
        place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
        if kind == 0xDA:  # the marker of a scan, whose data end at the next marker
            found = _JPEG_SCAN_END.search(content, place)
            place = found.end() - 2 if found else size
    return content[place : place + 2] == b"\xff\xd9" and not content[place + 2 :].strip(b"\0\r\n")


def _after_text(content: mmap.mmap, size: int) -> bool:
    return content[size - 1 : size] in (b"\n", b"\r", b"\x1a")


_ENDS: dict[str, Callable[[mmap.mmap, int], bool]] = {
    ".pkts": _after_packets, ".json": _after_json, ".zip": _after_zip, ".xlsx": _after_zip,
    **dict.fromkeys((".bc", ".bsp", ".bpc"), _after_kernel),
    **dict.fromkeys((".csv", ".tsv", ".tls", ".tpc", ".tsc", ".tf", ".tm", ".mk", ".sff"), _after_text),
    ".png": lambda content, size: is_whole_png(content), ".jpg": _after_jpeg,
    ".pdf": lambda content, size: content.rfind(b"%%EOF", max(size - 1024, 0)) >= 0,
}  # fmt: skip
"""Checks of the end for each kind of files; other files cannot be checked."""
