"""
Registration of this package's formats and sources with astropy and sunpy.

astropy and sunpy ask everything that is registered about every file that anybody reads or writes, with the keywords
that were meant for another reader. What is registered here therefore takes its own arguments by position only, answers
`False` where it cannot tell, and leaves a stream at the position at which it was.
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

__all__ = ["MOST_PEEKED", "Peek", "datasource", "peek", "register_format", "register_lazily"]

Peek = Callable[[int], bytes]
"""Called with a number of bytes, it returns the beginning of a file; fewer, or none, where these cannot be had."""

Recognizes = Callable[[str, Peek], bool]
"""Called with the name of a file, which may be empty, and its `Peek`; tells whether a reader is meant for it."""

MOST_PEEKED = 1_000_000
"""Bytes of a file that are read at most to recognize it."""

_LAST = -1
"""Priority of this package's formats: astropy prefers those of others, whose default is 0."""


def register_format(name: str, reader: Callable[..., Table], recognizes: Recognizes) -> bool:
    """
    Register a format of ``Table.read``.

    It is registered for `~astropy.table.Table`: a format of QTable would hide all those of Table from QTable.

    Parameters
    ----------
    name : str
        The format's name.
    reader : callable
        Called with what was given to ``Table.read``.
    recognizes : callable
        Tells whether a file is of this format.

    Returns
    -------
    bool
        `False` where another package has a format of this name, which is left as it is.
    """
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
    """
    Register a format of ``Table.read`` whose module is imported when it is first used.

    Parameters
    ----------
    name : str
        The format's name.
    module : str
        Full name of the module, whose function ``register`` registers the format in place of this.
    may_be : callable
        Tells, without the module, whether a file can be of this format at all.
    """

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


def _is_ours(function: Any) -> bool:
    return str(getattr(function, "__module__", "")).partition(".")[0] == __name__.partition(".")[0]


def _identifier(recognizes: Recognizes) -> Callable[..., bool]:
    def identify(origin: str, path: Any, fileobj: Any, /, *args: Any, **kwargs: Any) -> bool:
        source = path if fileobj is None else fileobj
        return origin == "read" and _recognized(recognizes, path, source)

    return identify


def datasource(recognizes: Recognizes | None = None, *, by_path: Callable[[Any], bool] | None = None) -> Any:
    """
    Return a class method ``is_datasource_for`` for a source of `sunpy.timeseries`.

    Parameters
    ----------
    recognizes : callable
        Tells whether a file is of this source; not called where the user names a source.
    by_path : callable, optional
        The same, called with the path of a regular file, for formats that do not tell by their beginning.
    """

    def is_datasource_for(cls: Any, /, *args: Any, **kwargs: Any) -> bool:
        """Tell whether the user names this source, or the file is recognized."""
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
    except Exception:  # noqa: BLE001 - whatever is wrong with a file is for its own reader to say
        return False


def _name(path: Any) -> str:
    return os.path.basename(os.fsdecode(path)) if isinstance(path, str | bytes | os.PathLike) else ""


def peek(source: Any, count: int) -> bytes:
    """
    Return the beginning of a file without consuming it.

    Parameters
    ----------
    source : path or file object
        A path of a regular file, or a binary stream that can go back; its position stays as it is.
    count : int
        How many bytes are wanted; `MOST_PEEKED` at most.

    Returns
    -------
    bytes
        Fewer where the file is shorter; none where it cannot be read without changing something.
    """
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
    """Tell whether a path leads to a file; to open a pipe would wait for its writer."""
    return isinstance(path, str | bytes | os.PathLike) and os.path.isfile(path)


def _is_binary_and_goes_back(stream: Any) -> bool:
    """Tell so without moving it: a decoding stream does not know its own position."""
    if isinstance(stream, io.TextIOBase) or not all(hasattr(stream, name) for name in ("read", "seek", "tell")):
        return False
    return bool(getattr(stream, "seekable", lambda: True)()) and isinstance(stream.read(0), bytes)
