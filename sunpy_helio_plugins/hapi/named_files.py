"""
Files that a column of addresses names: what can be known of one before it is published.

Their servers need not speak HAPI. An empty body, a page or a message in the place of a file can be told, and so can a
beginning that is not the declared type's. Whether a file was cut cannot, where the server does not say how long it is.
"""

from __future__ import annotations

from pathlib import Path

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.transport.messages import server_words

__all__ = ["accept"]

_READ = 4096
_PAGES = (b"<!doctype html", b"<html")

_SUFFIXES = {
    ".fits": "image/fits", ".fts": "image/fits", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
    ".gif": "image/gif", ".jp2": "image/jp2", ".pdf": "application/pdf", ".zip": "application/zip",
    ".gz": "application/gzip", ".h5": "application/x-hdf5", ".hdf": "application/x-hdf", ".nc": "application/x-netcdf",
    ".cdf": "application/x-cdf",
}  # fmt: skip
"""What a name promises where the dataset does not say what its files are: that it is no page and no message."""

_BEGINNINGS: dict[str, tuple[bytes, ...]] = {
    "image/fits": (b"SIMPLE", b"\x1f\x8b"),
    "application/fits": (b"SIMPLE", b"\x1f\x8b"),
    "image/png": (b"\x89PNG",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF8",),
    "image/jp2": (b"\x00\x00\x00\x0cjP", b"\xff\x4f\xff\x51"),
    "application/pdf": (b"%PDF",),
    "application/zip": (b"PK",),
    "application/gzip": (b"\x1f\x8b",),
    "application/x-hdf": (b"\x89HDF", b"\x0e\x03\x13\x01"),
    "application/x-hdf5": (b"\x89HDF",),
    "application/x-netcdf": (b"CDF", b"\x89HDF"),
    "application/x-cdf": (b"\xcd\xf3\x00\x01", b"\xcd\xf2\x60\x02", b"\x00\x00\xff\xff"),
}
"""How files of a type begin, for types that HAPI's specification names or its servers use."""


def accept(part: Path, name: str, media_type: str = "") -> None:
    """
    Refuse what is certainly not the file.

    Parameters
    ----------
    part : pathlib.Path
        What came.
    name : str
        The name that its address gives it.
    media_type : str, optional
        What the dataset says that its files are (``stringType``); empty where it does not.

    Raises
    ------
    FileError
        It is empty, a page or message in the place of a file, or not of its type.
    """
    with part.open("rb") as opened:
        head = opened.read(_READ)
    declared = media_type.partition(";")[0].strip().lower()
    kind = declared or _SUFFIXES.get(Path(name.lower()).suffix, "")
    if not head:
        raise FileError(f"{name}: an empty file came.")
    start = head.lstrip()[:16].lower()
    if start.startswith(_PAGES) and kind and not _is_of(kind, "html", "xml", "text/plain"):
        raise FileError(f"{name}: a page came in the place of the file: {server_words(head)}")
    if start.startswith(b"{") and kind and not _is_of(kind, "json", "text"):
        raise FileError(f"{name}: a message came in the place of the file: {server_words(head)}")
    beginnings = _BEGINNINGS.get(declared)
    if beginnings is not None and not head.startswith(beginnings):
        raise FileError(f"{name}: it does not begin as files of the type {declared} do, which its dataset promises.")


def _is_of(kind: str, *words: str) -> bool:
    return any(word in kind for word in words)
