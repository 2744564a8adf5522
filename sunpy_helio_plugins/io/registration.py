"""
Registration of the formats and sources of this package with astropy and sunpy.

astropy and sunpy call every registered function for every file that is read or written, with the keywords for other
readers. Therefore the functions that are registered here have positional parameters only, return `False` if they cannot
identify the file, and keep the position of a stream.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from astropy.io import registry
from astropy.table import Table

__all__ = ["MOST_PEEKED", "Peek", "datasource", "peek", "register_format", "register_lazily", "register_writer"]

Peek = Callable[[int], bytes]
"""Called with a number of bytes, returns the beginning of a file; it is shorter, or empty, if it cannot be read."""

Recognizes = Callable[[str, Peek], bool]
"""Called with the name of a file, which may be empty, and a `Peek`; returns whether a reader supports the file."""

MOST_PEEKED = 1_000_000
"""The largest number of bytes that are read to identify a file."""

_LAST = -1
"""The priority of the formats of this package: astropy prefers the formats of others, whose default is 0."""


def register_format(name: str, reader: Callable[..., Table], recognizes: Recognizes) -> bool:
    """Register a format of ``Table.read``; return `False` if another package has registered one of the same name."""
    # For Table and not QTable: a format of QTable would hide all formats of Table from QTable.
    try:
        registry.register_reader(name, Table, reader, priority=_LAST)
    except registry.IORegistryError:
        if not _is_ours(registry.get_reader(name, Table)):
            return False
        registry.register_reader(name, Table, reader, force=True, priority=_LAST)
    registry.register_identifier(name, Table, _identifier(recognizes), force=True)
    _recognizers[name] = recognizes
    return True


_recognizers: dict[str, Recognizes] = {}


def register_lazily(name: str, module: str, may_be: Recognizes) -> None:
    """Register a format of ``Table.read`` whose module is imported, and its ``register`` called, at the first use."""

    def read(*args: Any, **kwargs: Any) -> Table:
        import_module(module).register()
        return registry.get_reader(name, Table)(*args, **kwargs)

    def recognizes(filename: str, start: Peek) -> bool:
        if not may_be(filename, start):
            return False
        import_module(module).register()
        return _recognizers[name](filename, start)

    read.__doc__ = f"Read a file; see ``read`` in `{module.rpartition('.')[0]}`."
    register_format(name, read, recognizes)


def register_writer(name: str, module: str) -> None:
    """Register a format of ``table.write``: the function ``write_format`` of a module that is imported at its use."""

    def write(table: Table, *args: Any, **kwargs: Any) -> None:
        import_module(module).write_format(table, *args, **kwargs)

    write.__doc__ = f"Write a file; see ``write`` in `{module.rpartition('.')[0]}`."
    try:
        registry.register_writer(name, Table, write, priority=_LAST)
    except registry.IORegistryError:
        if _is_ours(registry.get_writer(name, Table)):
            registry.register_writer(name, Table, write, force=True, priority=_LAST)


def _is_ours(function: Any) -> bool:
    return str(getattr(function, "__module__", "")).partition(".")[0] == __name__.partition(".")[0]


def _identifier(recognizes: Recognizes) -> Callable[..., bool]:
    def identify(origin: str, path: Any, fileobj: Any, /, *args: Any, **kwargs: Any) -> bool:
        source = path if fileobj is None else fileobj
        return origin == "read" and _recognized(recognizes, path, source)

    return identify


def datasource(recognizes: Recognizes | None = None, *, by_path: Callable[[Any], bool] | None = None) -> Any:
    """Return a class method ``is_datasource_for`` for a `sunpy.timeseries` source; ``by_path`` needs a regular file."""

    def is_datasource_for(cls: Any, /, *args: Any, **kwargs: Any) -> bool:
        """Return whether this source is selected by the user, or the file is identified."""
        named = kwargs.get("source")
        if named:
            return isinstance(named, str) and named.lower() == cls._source
        path = kwargs.get("filepath")
        if recognizes is not None and _recognized(recognizes, path, path):
            return True
        return by_path is not None and _is_regular(path) and _recognized(lambda *_: by_path(path), path, path)

    return classmethod(is_datasource_for)


def _recognized(recognizes: Recognizes, path: Any, source: Any) -> bool:
    try:
        return bool(recognizes(_name(path), partial(peek, source)))
    except Exception:  # noqa: BLE001 - its reader reports what is wrong with a file
        return False


def _name(path: Any) -> str:
    return os.path.basename(os.fsdecode(path)) if isinstance(path, str | bytes | os.PathLike) else ""


def peek(source: Any, count: int) -> bytes:
    """Return the beginning of a file, of `MOST_PEEKED` bytes at most, or less; a stream keeps its position."""
    count = min(count, MOST_PEEKED)
    if isinstance(source, str | bytes | os.PathLike):
        if not _is_regular(source):
            return b""
        with open(source, "rb") as opened:
            return opened.read(count)
    if not _is_binary_and_goes_back(source):
        return b""
    place = source.tell()
    try:
        head = source.read(count)
    finally:
        source.seek(place)
    return head if isinstance(head, bytes) else b""


def _is_regular(path: Any) -> bool:
    """Return whether a path is a regular file; opening a pipe would wait for its writer."""
    return isinstance(path, str | bytes | os.PathLike) and os.path.isfile(path)


def _is_binary_and_goes_back(stream: Any) -> bool:
    """Return whether a stream is binary and seekable, without moving it: text streams do not know their position."""
    if isinstance(stream, io.TextIOBase) or not all(hasattr(stream, name) for name in ("read", "seek", "tell")):
        return False
    return bool(getattr(stream, "seekable", lambda: True)()) and isinstance(stream.read(0), bytes)
