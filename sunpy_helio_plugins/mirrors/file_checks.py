"""Judge whether a file is complete, by the rules of its kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sunpy_helio_plugins.errors import DiskError, FileError
from sunpy_helio_plugins.store.streams import check_compressed

__all__ = ["check"]

_HEAD = 4096


def check(path: Path) -> bool:
    """Raise a `FileError` for a file that is damaged; return `False` for one of a kind that cannot be checked."""
    if not path.stat().st_size:
        raise FileError(f"{path.name} is empty.")
    suffix = path.suffix.lower()
    if suffix in _CHECKS:
        return _CHECKS[suffix](path)
    if suffix in (".gz", ".bz2", ".xz", ".zst"):
        check_compressed(path)
        return True
    return _of_imap(path)


def _hapi(path: Path) -> bool:
    from sunpy_helio_plugins.hapi.records.file import header_of_whole

    if header_of_whole(path) is None:
        raise FileError(f"{path.name} does not have a HAPI header, or does not end with a complete record.")
    return True


def _jpeg2000(path: Path) -> bool:
    from sunpy_helio_plugins.helioviewer.jp2 import boxes

    _check_signature(path, boxes.SIGNATURE)
    boxes.accept(path)
    return True


def _check_signature(path: Path, signature: bytes) -> None:
    with path.open("rb") as stream:
        begin = stream.read(len(signature))
    if begin != signature:
        raise FileError(f"{path.name} is not a JPEG 2000 file; it begins with {begin!r}.")


def _jpx(path: Path) -> bool:
    """Judge a container of several images, or of links to them, by its boxes."""
    from sunpy_helio_plugins.helioviewer.jp2 import boxes

    _check_signature(path, boxes.SIGNATURE)
    with path.open("rb") as stream:
        list(boxes.boxes(stream, path.stat().st_size))
    return True


def _voevent(path: Path) -> bool:
    """Check a VOEvent document; other XML is only checked for a cut."""
    from sunpy_helio_plugins.her.submit import voevent

    try:
        voevent.read(path)
    except DiskError:
        raise
    except FileError:
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
        if b"VOEvent" in head or not head.lstrip().startswith(b"<"):
            raise
        return False
    return True


def _by_structure(path: Path) -> bool:
    """Judge a file whose structure shows whether it is complete, whatever its name."""
    from sunpy_helio_plugins.imap import integrity

    integrity.check(path, path.name)
    if not integrity.looks_complete(path, path.name):
        raise FileError(f"{path.name} is truncated, or something was appended.")
    return True


def _of_imap(path: Path) -> bool:
    """Check a file of the mission by its kind; files of other names may be anything."""
    from sunpy_helio_plugins.imap import filenames

    return _by_structure(path) if filenames.table_of(path.name) is not None else False


_CHECKS: dict[str, Callable[[Path], bool]] = {
    ".hapi": _hapi, ".xml": _voevent,
    ".jp2": _jpeg2000, ".jpx": _jpx,
    **dict.fromkeys((".cdf", ".json", ".png", ".jpg", ".pdf", ".zip", ".xlsx"), _by_structure),
}  # fmt: skip
"""The checks of the kinds of files that any folder may contain."""
