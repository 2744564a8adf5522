"""Whether a file that has arrived is what its name says."""

from __future__ import annotations

import struct
from pathlib import Path

from sunpy_helio_plugins.errors import FileError

__all__ = ["check"]

_CDF_MAGIC = (0xCDF30001, 0xCDF26002, 0x0000FFFF)
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
        It is empty; or it is called a CDF file and does not begin as one, or ends too early.
    """
    size = part.stat().st_size
    if not size:
        raise FileError(f"{name}: the archive sent an empty file.")
    if name.endswith(".cdf"):
        _check_cdf(part, name, size)


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
