"""From files to tables: `read`, and the formats of astropy's ``Table.read``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from astropy.io import registry
from astropy.table import QTable, Table

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi import files
from sunpy_helio_plugins.hapi.header import Info
from sunpy_helio_plugins.hapi.tables import from_records

__all__ = ["load", "read", "register"]

Source = str | os.PathLike[str] | bytes | IO[bytes]


def load(source: Source, info: Mapping[str, Any] | None = None) -> files.Content:
    """
    Return a file of HAPI records, taken apart into header and body.

    Parameters
    ----------
    source, info
        As for `read`.

    Raises
    ------
    FileError
        There is no header that can be read and no ``info`` in its place.
    """
    if isinstance(source, bytes):
        content = source
    elif isinstance(source, str | os.PathLike):
        content = Path(source).read_bytes()
    else:
        content = source.read()
    try:
        return files.split(content, None if info is None else Info.from_json(info))
    except FileError as error:
        raise FileError(f"{_named(source)}: {error}") from None


def read(source: Source, info: Mapping[str, Any] | None = None) -> QTable:
    r"""
    Read records of a HAPI server: CSV or binary with their header, or a JSON answer.

    Parameters
    ----------
    source : path, bytes or binary file
        A file that was fetched, or an answer.
    info : mapping, optional
        The decoded info answer of the same parameters, for records without a header.

    Returns
    -------
    astropy.table.QTable
        One column for each parameter, under the server's name. Times are `~astropy.time.Time`; numbers are quantities
        where the unit is understood, of shape (n,) or (n, \*size); fill values and NaN are masked. ``info.meta`` of a
        column holds what the server says of the parameter, ``unit_string``, ``label`` and ``bins`` among it.

    Raises
    ------
    FileError
        The source is no such file, or it is cut.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi
    >>> table = hapi.read(
    ...     b'#{"HAPI":"3.0","format":"csv","parameters":[{"name":"Time","type":"isotime","length":24},'
    ...     b'{"name":"B","type":"double","units":"nT","fill":"-1e31"}]}\n2026-01-10T00:00:00.000Z,5.5\n'
    ... )
    >>> print(table["B"])
    [5.5] nT
    """
    content = load(source, info)
    try:
        return from_records(content.info, content.columns())
    except FileError as error:
        raise FileError(f"{_named(source)}: {error}") from None


def register() -> None:
    """Teach astropy's ``Table.read`` to open ``.hapi`` files; a format of QTable would hide all those of Table."""
    registry.register_reader("hapi", Table, _reader, force=True)
    registry.register_identifier("hapi", Table, _identify, force=True)


def _reader(source: Source, **kwargs: Any) -> QTable:
    return read(source, **kwargs)


def _identify(origin: str, path: Any, fileobj: Any, *args: Any, **kwargs: Any) -> bool:
    """Tell by name and content: by content alone, HAPI's CSV would be anyone's CSV as well."""
    name = str(path or "").lower()
    if origin != "read" or (name and not name.endswith((files.SUFFIX, f"{files.SUFFIX}.gz", f"{files.SUFFIX}.bz2"))):
        return False
    try:
        return files.looks_like_hapi(_head(path, fileobj))
    except (OSError, ValueError, AttributeError, TypeError):
        return False


def _head(path: Any, fileobj: Any) -> bytes:
    if fileobj is None:
        with Path(path).open("rb") as stream:
            return stream.read(files.SNIFFED)
    place = fileobj.tell()
    head: bytes = fileobj.read(files.SNIFFED)
    fileobj.seek(place)
    return head


def _named(source: Source) -> str:
    if isinstance(source, bytes):
        return "this answer"
    return str(getattr(source, "name", source))
